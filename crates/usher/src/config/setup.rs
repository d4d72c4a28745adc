//! What the runtime is given: the core's configuration, and the sockets, threads and folders round it.

use std::net::{IpAddr, SocketAddr};
use std::ops::RangeInclusive;
use std::path::PathBuf;
use std::sync::Arc;

use crate::sound::SoundSetup;

/// A whole configuration, checked.
#[derive(Debug, Clone)]
pub(crate) struct Setup {
    /// `[node] name`.
    pub(crate) node_name: Arc<str>,
    /// `[node] data_dir`: records, recordings, journal. Not created yet.
    pub(crate) data_dir: PathBuf,
    /// `[node] time_zone`: where the day begins.
    pub(crate) time_zone: jiff::tz::TimeZone,
    /// What the core is told.
    pub(crate) core: b2bua::Config,
    /// `[sip] listen`, at least one.
    pub(crate) listen: Vec<Listen>,
    /// `[media]`, its side towards the system.
    pub(crate) media: MediaSetup,
    /// `[recording]`.
    pub(crate) recording: RecordingSetup,
    /// `[http]`.
    pub(crate) http: HttpSetup,
    /// `[[webhook]]`.
    pub(crate) webhooks: Vec<WebhookSetup>,
}

/// `[[webhook]]`.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct WebhookSetup {
    /// For logs and metrics.
    pub(crate) name: Arc<str>,
    /// Where to.
    pub(crate) url: String,
    /// Of what.
    pub(crate) topics: api::Topics,
    /// What the signature is made with.
    pub(crate) secret: Arc<str>,
}

impl std::fmt::Debug for WebhookSetup {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { name, url, topics, .. } = self;
        f.debug_struct("WebhookSetup")
            .field("name", name)
            .field("url", url)
            .field("topics", topics)
            .finish_non_exhaustive()
    }
}

/// One SIP listener.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Listen {
    /// The protocol.
    pub(crate) transport: sip::Transport,
    /// Where; the address may be unspecified, the port is never 0.
    pub(crate) address: SocketAddr,
}

/// `[media]`.
#[derive(Debug, Clone)]
pub(crate) struct MediaSetup {
    /// The address RTP sockets are bound to; may be unspecified.
    pub(crate) listen: IpAddr,
    /// Ports of the pool, at least two: RTP on even ones, RTCP on the odd one above.
    pub(crate) ports: RangeInclusive<u16>,
    /// Media threads, at least 1.
    pub(crate) threads: usize,
    /// Where sounds are from.
    pub(crate) sounds: SoundSetup,
}

/// `[recording]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct RecordingSetup {
    /// Where the files are. Not created yet.
    pub(crate) dir: PathBuf,
    /// How many days they stay there; for ever where 0.
    pub(crate) keep_days: u32,
    /// Nothing is recorded while the disk has less room than this.
    pub(crate) free_mb_min: u64,
}

/// `[http]`.
#[derive(Debug, Clone)]
pub(crate) struct HttpSetup {
    /// Where.
    pub(crate) listen: SocketAddr,
    /// Those who may ask.
    pub(crate) tokens: Vec<TokenSetup>,
}

/// `[[http.token]]`.
#[derive(Clone)]
pub(crate) struct TokenSetup {
    /// For logs.
    pub(crate) name: Arc<str>,
    /// What stands behind `Authorization: Bearer`.
    pub(crate) secret: Arc<str>,
    /// What it permits.
    pub(crate) role: Role,
    /// The queues of a supervisor, beside those of the operator of the same name.
    pub(crate) supervises: Vec<Arc<str>>,
}

impl std::fmt::Debug for TokenSetup {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("TokenSetup")
            .field("name", &self.name)
            .field("role", &self.role)
            .finish_non_exhaustive()
    }
}

/// What a token permits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Role {
    /// Their own state and calls.
    Operator,
    /// The calls, queues and operators they supervise.
    Supervisor,
    /// Everything.
    Admin,
}
