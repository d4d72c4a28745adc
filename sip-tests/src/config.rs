//! The configuration a test gives its server.

use std::fmt::Write as _;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::Path;

use crate::Ports;
use crate::api::TOKEN;

/// Alice (101) and Bob (102) serve `support` (600) in that order; a trunk on 127.0.0.1 and ::1. Every
/// part is TOML that a test may replace or add to.
#[derive(Debug, Clone)]
pub struct Config {
    /// Where it listens for SIP and RTP, and its trunk and phones are: an address of loopback.
    pub host: IpAddr,
    /// Where it listens for SIP as well; where audio comes in is then its own choice.
    pub also: Option<IpAddr>,
    /// More keys of `[sip]`.
    pub sip: String,
    /// More keys of `[media]`.
    pub media: String,
    /// `[[trunk]]`s.
    pub trunks: String,
    /// `[[operator]]`s.
    pub operators: String,
    /// Keys of queue `support` besides name and number.
    pub queue: String,
    /// More tables: queues, limits.
    pub more: String,
    /// `[[route]]`s.
    pub routes: String,
}

impl Default for Config {
    fn default() -> Self {
        let mut operators = String::new();
        for (id, number) in [("alice", "101"), ("bob", "102")] {
            // Writing to a String cannot fail.
            let _ = writeln!(
                operators,
                "[[operator]]\nid = \"{id}\"\npassword = \"{id}-secret\"\nnumber = \"{number}\"\n\
                 queues = [\"support\"]"
            );
        }
        Self {
            host: Ipv4Addr::LOCALHOST.into(),
            also: None,
            sip: String::new(),
            media: String::new(),
            trunks: "[[trunk]]\nname = \"carrier\"\nhosts = [\"127.0.0.1\", \"::1\"]\n".to_owned(),
            operators,
            queue: "strategy = \"in-order\"\nwrap_up_s = 0\n".to_owned(),
            more: String::new(),
            routes: "[[route]]\nto = \"^600$\"\ngo = { queue = \"support\" }\n\
                     [[route]]\nto = \"^101$\"\ngo = { operator = \"alice\" }\n"
                .to_owned(),
        }
    }
}

impl Config {
    /// With more keys for queue `support`.
    #[must_use]
    pub fn queue(keys: &str) -> Self {
        let mut config = Self::default();
        let _ = writeln!(config.queue, "{keys}");
        config
    }

    pub(crate) fn text(&self, data: &Path, ports: &Ports) -> String {
        let (first, last) = ports.media();
        let listen = |host: IpAddr| {
            let at = SocketAddr::new(host, ports.sip());
            format!("\"udp://{at}\", \"tcp://{at}\", ")
        };
        let listens = listen(self.host) + &self.also.map(listen).unwrap_or_default();
        let audio = match self.also {
            None => format!("listen = \"{}\"\n", self.host),
            Some(_) => String::new(),
        };
        format!(
            "[node]\nname = \"wire\"\ndata_dir = {data:?}\n\
             [sip]\ndomain = \"usher.test\"\nlisten = [{listens}]\n\
             {sip_more}\n\
             [media]\n{audio}ports = \"{first}-{last}\"\nthreads = 1\n{media}\n\
             [http]\nlisten = \"127.0.0.1:{http}\"\n\
             [[http.token]]\nname = \"test\"\nsecret = \"{TOKEN}\"\nrole = \"admin\"\n\
             {trunks}\n{operators}\n\
             [[queue]]\nname = \"support\"\nnumber = \"600\"\n{queue}\n{more}\n{routes}\n",
            http = ports.http(),
            sip_more = self.sip,
            media = self.media,
            trunks = self.trunks,
            operators = self.operators,
            queue = self.queue,
            more = self.more,
            routes = self.routes,
        )
    }
}
