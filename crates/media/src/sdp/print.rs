//! Printing.

use core::fmt;
use core::net::{IpAddr, Ipv4Addr};

use super::{Address, Description, Media};

impl fmt::Display for Description {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let own = Connection(self.address);
        write!(f, "v=0\r\no=- {} {} {own}\r\n", self.id, self.version)?;
        write!(f, "s=-\r\nc={own}\r\nt=0 0\r\n")?;
        self.media.iter().try_for_each(|media| media.print(self.address, f))
    }
}

impl Media {
    fn print(&self, common: Option<Address>, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "m={} {} {}", self.kind, self.port, self.protocol)?;
        self.formats.iter().try_for_each(|format| write!(f, " {format}"))?;
        f.write_str("\r\n")?;
        if self.port == 0 {
            // A refused medium needs its line only, to keep the order.
            return Ok(());
        }
        if self.address.is_some() && self.address != common {
            write!(f, "c={}\r\n", Connection(self.address))?;
        }
        for map in &self.maps {
            write!(f, "a=rtpmap:{} {}/{}", map.payload_type, map.name, map.rate_hz)?;
            if map.channels > 1 {
                write!(f, "/{}", map.channels)?;
            }
            f.write_str("\r\n")?;
        }
        for (payload_type, parameters) in &self.parameters {
            write!(f, "a=fmtp:{payload_type} {parameters}\r\n")?;
        }
        if let Some(ms) = self.ptime_ms {
            write!(f, "a=ptime:{ms}\r\n")?;
        }
        if let Some(ms) = self.maxptime_ms {
            write!(f, "a=maxptime:{ms}\r\n")?;
        }
        match self.rtcp {
            Some((port, Some(address))) => {
                write!(f, "a=rtcp:{port} {}\r\n", Connection(Some(address)))?;
            }
            Some((port, None)) => write!(f, "a=rtcp:{port}\r\n")?,
            None => {}
        }
        if self.mux {
            f.write_str("a=rtcp-mux\r\n")?;
        }
        write!(f, "a={}\r\n", self.direction.name())
    }
}

/// `IN IP4 192.0.2.1`.
struct Connection(Option<Address>);

impl fmt::Display for Connection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ip = match self.0 {
            Some(Address::Ip(ip)) => ip,
            Some(Address::Other) | None => IpAddr::V4(Ipv4Addr::UNSPECIFIED),
        };
        write!(f, "IN {} {ip}", if ip.is_ipv4() { "IP4" } else { "IP6" })
    }
}
