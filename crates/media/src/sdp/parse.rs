//! Reading.

use core::net::IpAddr;

use super::{
    ATTRIBUTES_MAX, Address, BYTES_MAX, Description, Direction, FORMATS_MAX, MEDIA_MAX, Map, Media,
    Problem,
};

/// What was said before the first `m=`.
#[derive(Default)]
struct Common {
    address: Option<Address>,
    direction: Option<Direction>,
    ptime_ms: Option<u16>,
    maxptime_ms: Option<u16>,
}

impl Description {
    /// Reads a body.
    ///
    /// # Errors
    /// Only what cannot be answered, see [`Problem`].
    pub fn parse(body: &[u8]) -> Result<Self, Problem> {
        if body.len() > BYTES_MAX {
            return Err(Problem::TooLarge);
        }
        let text = String::from_utf8_lossy(body);
        let mut description = Self { id: 0, version: 0, address: None, media: Vec::new() };
        let mut common = Common::default();
        for line in text.split(['\r', '\n']) {
            let Some((kind, value)) = line.trim().split_once('=') else { continue };
            let value = value.trim();
            match (kind.trim(), description.media.last_mut()) {
                ("m", _) => description.begin(&common, value)?,
                ("o", None) => description.origin(value),
                ("c", None) => common.address = Some(address(value)),
                ("c", Some(media)) => media.address = Some(address(value)),
                ("a", None) => common.attribute(value),
                ("a", Some(media)) => media.attribute(value),
                _ => {}
            }
        }
        if description.media.is_empty() { Err(Problem::NoMedia) } else { Ok(description) }
    }

    /// `o=name id version IN IP4 address`, read from the end: names hold spaces.
    fn origin(&mut self, value: &str) {
        let mut words = value.rsplit(' ').filter(|word| !word.is_empty());
        self.address = words.next().map(literal);
        let mut words = words.skip(2);
        self.version = words.next().and_then(|word| word.parse().ok()).unwrap_or(0);
        self.id = words.next().and_then(|word| word.parse().ok()).unwrap_or(0);
    }

    fn begin(&mut self, common: &Common, value: &str) -> Result<(), Problem> {
        if self.media.len() == MEDIA_MAX {
            return Err(Problem::TooLarge);
        }
        let mut words = value.split_ascii_whitespace();
        let kind = words.next().unwrap_or("");
        let port = words.next().ok_or(Problem::BadPort)?;
        let port = port.split('/').next().unwrap_or("");
        let port = port.parse().map_err(|_| Problem::BadPort)?;
        let protocol = words.next().unwrap_or("RTP/AVP");
        let formats: Vec<String> = words.map(str::to_owned).collect();
        if formats.len() > FORMATS_MAX {
            return Err(Problem::TooLarge);
        }
        self.media.push(Media {
            address: common.address,
            direction: common.direction.unwrap_or_default(),
            ptime_ms: common.ptime_ms,
            maxptime_ms: common.maxptime_ms,
            ..Media::bare(kind, port, protocol, formats)
        });
        Ok(())
    }
}

impl Common {
    fn attribute(&mut self, value: &str) {
        let (name, value) = value.split_once(':').unwrap_or((value, ""));
        match name {
            "ptime" => self.ptime_ms = milliseconds(value),
            "maxptime" => self.maxptime_ms = milliseconds(value),
            _ => self.direction = direction(name).or(self.direction),
        }
    }
}

impl Media {
    fn attribute(&mut self, value: &str) {
        let (name, value) = value.split_once(':').unwrap_or((value, ""));
        let (name, value) = (name.trim(), value.trim());
        match name {
            "rtpmap" if self.maps.len() < ATTRIBUTES_MAX => self.maps.extend(map(value)),
            "fmtp" if self.parameters.len() < ATTRIBUTES_MAX => {
                let (number, rest) = value.split_once(' ').unwrap_or((value, ""));
                if let Ok(number) = number.parse() {
                    self.parameters.push((number, rest.trim().to_owned()));
                }
            }
            "rtcp" => {
                let (port, rest) = value.split_once(' ').unwrap_or((value, ""));
                let own = (!rest.is_empty()).then(|| address(rest));
                self.rtcp = port.parse().ok().map(|port| (port, own));
            }
            "rtcp-mux" => self.mux = true,
            "ptime" => self.ptime_ms = milliseconds(value),
            "maxptime" => self.maxptime_ms = milliseconds(value),
            _ => self.direction = direction(name).unwrap_or(self.direction),
        }
    }
}

/// Some write `20.0`.
fn milliseconds(value: &str) -> Option<u16> {
    value.trim().split('.').next()?.parse().ok().filter(|ms| *ms > 0)
}

fn direction(name: &str) -> Option<Direction> {
    let all = [Direction::SendRecv, Direction::SendOnly, Direction::RecvOnly, Direction::Inactive];
    all.into_iter().find(|direction| name.trim().eq_ignore_ascii_case(direction.name()))
}

/// `IN IP4 192.0.2.1/127`, with or without what follows the slash.
fn address(value: &str) -> Address {
    value.split_ascii_whitespace().last().map_or(Address::Other, literal)
}

fn literal(word: &str) -> Address {
    let word = word.split('/').next().unwrap_or("");
    let word = word.trim_start_matches('[').trim_end_matches(']');
    word.parse::<IpAddr>().map_or(Address::Other, |ip| Address::Ip(ip.to_canonical()))
}

fn map(value: &str) -> Option<Map> {
    let (number, rest) = value.split_once(' ')?;
    let payload_type = number.parse().ok().filter(|number| *number < 128)?;
    let mut parts = rest.trim().split('/');
    let name = parts.next()?.to_owned();
    let rate_hz = parts.next().and_then(|rate| rate.trim().parse().ok()).unwrap_or(0);
    let channels = parts.next().and_then(|count| count.trim().parse().ok()).unwrap_or(0);
    Some(Map { payload_type, name, rate_hz, channels })
}
