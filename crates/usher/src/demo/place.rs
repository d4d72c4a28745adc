//! Where the demonstration takes place: free ports of the loopback, a folder that is removed at the
//! end, and a configuration as anybody would write it.

use std::fmt::Write as _;
use std::net::{Ipv4Addr, SocketAddr, TcpListener, UdpSocket};
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::cast::{self, IN_TIME_S, Operator};
use crate::cli::Failure;

/// The host of everything.
pub(super) const HOST: Ipv4Addr = Ipv4Addr::LOCALHOST;
/// Behind @ of the operators.
pub(super) const DOMAIN: &str = "usher.example";
/// What `usher ctl` asks by itself.
const HTTP_PORT: u16 = 8080;
/// The token `usher ctl` shows by itself.
const TOKEN: &str = "change-me";
/// Calls at once, for which there are ports.
const CALLS_MAX: u16 = 100;
/// On a loopback it takes no time.
const ARRIVES_WITHIN: Duration = Duration::from_secs(2);
/// Where a range of RTP ports is looked for: below what the system gives out by itself.
const RTP_FIRST: u16 = 20_000;
const RTP_LAST: u16 = 32_000;

/// Where everything is.
#[derive(Debug)]
pub(super) struct Place {
    folder: PathBuf,
    /// SIP, over UDP and TCP.
    pub(super) sip: SocketAddr,
    /// The API.
    pub(super) http: SocketAddr,
    /// What the API asks for.
    pub(super) token: String,
}

impl Place {
    /// Finds one and writes its configuration.
    ///
    /// # Errors
    /// There are no ports, or no folder can be made.
    pub(super) fn make() -> Result<Self, Failure> {
        hears_itself().map_err(|error| {
            Failure::failed(format!(
                "usher: {HOST} cannot be reached from here: {error}; \
                 is the loopback interface up? `ip link set lo up` brings it up"
            ))
        })?;
        let sip = free_sip().map_err(|error| no_loopback(&error))?;
        let http = free_http().map_err(|error| no_loopback(&error))?;
        let ports = free_rtp(sip.port(), http.port())?;
        let folder = std::env::temp_dir().join(format!("usher-demo-{}", std::process::id()));
        let token = std::env::var("USHER_TOKEN").ok().filter(|token| !token.is_empty());
        let place = Self { folder, sip, http, token: token.unwrap_or_else(|| TOKEN.to_owned()) };
        let text = place.text(ports);
        let written = std::fs::create_dir_all(&place.folder)
            .and_then(|()| std::fs::write(place.config(), text));
        written.map_err(|error| {
            let folder = place.folder.display();
            Failure::failed(format!("usher: {folder}: {error}; TMPDIR names another place"))
        })?;
        Ok(place)
    }

    /// The configuration.
    pub(super) fn config(&self) -> PathBuf {
        self.folder.join("usher.toml")
    }

    /// A command for another terminal, while it runs.
    pub(super) fn hint(&self) -> String {
        let program = std::env::current_exe().unwrap_or_else(|_| "usher".into());
        let here = std::env::current_dir().unwrap_or_default();
        let program = program.strip_prefix(here).unwrap_or(&program).display();
        let mut hint = format!("{program} ctl calls");
        if self.http.port() != HTTP_PORT {
            let _ = write!(hint, " --url http://{}", self.http);
        }
        hint
    }

    fn text(&self, (first, last): (u16, u16)) -> String {
        let Self { sip, http, token, .. } = self;
        let data: &Path = &self.folder.join("data");
        let mut text = format!(
            "[node]\nname = \"demo\"\ndata_dir = {data:?}\n\n\
             [sip]\ndomain = \"{DOMAIN}\"\nlisten = [\"udp://{sip}\", \"tcp://{sip}\"]\n\n\
             [media]\nlisten = \"{HOST}\"\nports = \"{first}-{last}\"\nthreads = 1\n\n\
             [limits]\nmax_calls = {CALLS_MAX}\n\n\
             [http]\nlisten = \"{http}\"\n\n\
             [[http.token]]\nname = \"demo\"\nsecret = {token:?}\nrole = \"admin\"\n\n\
             [[trunk]]\nname = \"carrier\"\nhosts = [\"{HOST}\"]\n"
        );
        for queue in cast::QUEUES {
            let cast::Queue { name, number, strategy, .. } = queue;
            // Writing to a String cannot fail.
            let _ = write!(
                text,
                "\n[[queue]]\nname = \"{name}\"\nnumber = \"{number}\"\nstrategy = \"{strategy}\"\n\
                 ring_s = 5\nwrap_up_s = 3\nback_off_s = 5\n\
                 service_level = {{ within_s = {IN_TIME_S} }}\n\
                 \n[[route]]\nto = \"^{number}$\"\ngo = {{ queue = \"{name}\" }}\n"
            );
        }
        for (number, operator) in (101..).zip(cast::OPERATORS) {
            let Operator { id, name, queues, .. } = operator;
            let password = cast::password(id);
            let _ = write!(
                text,
                "\n[[operator]]\nid = \"{id}\"\nname = \"{name}\"\nnumber = \"{number}\"\n\
                 password = \"{password}\"\nqueues = {queues:?}\n"
            );
        }
        text
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        // What cannot be removed is the system's to clear away.
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

fn no_loopback(error: &std::io::Error) -> Failure {
    Failure::failed(format!("usher: no port on {HOST} is to be had: {error}"))
}

/// Whether what is sent to the host arrives: ports are given out also where nothing does.
fn hears_itself() -> std::io::Result<()> {
    let socket = UdpSocket::bind((HOST, 0))?;
    socket.set_read_timeout(Some(ARRIVES_WITHIN))?;
    socket.send_to(b"?", socket.local_addr()?)?;
    socket.recv_from(&mut [0]).map(drop)
}

/// A port that is free for UDP and TCP alike.
fn free_sip() -> std::io::Result<SocketAddr> {
    let mut last = std::io::ErrorKind::AddrInUse.into();
    for _ in 0..100 {
        let udp = UdpSocket::bind((HOST, 0))?.local_addr()?;
        match TcpListener::bind(udp) {
            Ok(_) => return Ok(udp),
            Err(error) => last = error,
        }
    }
    Err(last)
}

fn free_http() -> std::io::Result<SocketAddr> {
    let wanted = TcpListener::bind((HOST, HTTP_PORT));
    wanted.or_else(|_| TcpListener::bind((HOST, 0)))?.local_addr()
}

/// A range of ports in which the first and the last are free; single ones in between that are not
/// are left out by the node itself.
fn free_rtp(sip: u16, http: u16) -> Result<(u16, u16), Failure> {
    let ports = CALLS_MAX * 4;
    let is_free = |port| UdpSocket::bind((HOST, port)).is_ok();
    (RTP_FIRST..RTP_LAST)
        .step_by(usize::from(ports))
        .map(|first| (first, first + ports - 1))
        .filter(|(first, last)| {
            !(*first..=*last).contains(&sip) && !(*first..=*last).contains(&http)
        })
        .find(|(first, last)| is_free(*first) && is_free(*last))
        .ok_or_else(|| {
            Failure::failed(format!(
                "usher: no {ports} free UDP ports between {RTP_FIRST} and {RTP_LAST} on {HOST}"
            ))
        })
}
