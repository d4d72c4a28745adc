//! The start: binds everything, opens the store, starts the threads, and the API last.

use std::net::SocketAddr;
use std::sync::{Arc, Weak};
use std::time::Duration;

use api::{Api, Check, Directory, Order, Records, Role, Settings, Token};
use b2bua::{B2bua, Input, Start};
use media::{Command, EngineSettings};
use sip::Transport;
use store::Store;
use tokio::runtime::Handle;
use tokio::sync::{mpsc, oneshot};

use super::clock::{self, Clock};
use super::connections::{ConnectionLimits, Connections};
use super::core::{self, Core};
use super::dns::Ways;
use super::doorbell::Doorbell;
use super::hooks::Hooks;
use super::inbox::Inbox;
use super::ports::Ports;
use super::receive::Reception;
use super::recorder::{self, FrameSender, Outside, RecorderFeed, Shelf};
use super::records::StoreRecords;
use super::sounds::Keeper;
use super::udp::UdpListener;
use super::{Failure, events, media as media_thread, tcp, webhooks};
use crate::config::{self, MediaSetup, Setup, TokenSetup};

/// Orders of the API that may wait to be passed on.
const ORDERS_MAX: usize = 256;
/// The stack of a thread that recurses nowhere.
const SMALL_STACK: usize = 256 << 10;
/// Descriptors kept for files, the API's connections and the runtime.
const SPARED: u64 = 256;

/// A thread that has ended.
#[derive(Debug)]
pub(super) struct Ended {
    /// Its name.
    pub(super) name: &'static str,
    /// Whether by a panic.
    pub(super) panicked: bool,
}

/// A node that runs.
pub(super) struct Node {
    pub(super) inbox: Inbox,
    pub(super) clock: Clock,
    pub(super) api: Api,
    pub(super) sounds: Arc<Keeper>,
    pub(super) orders: mpsc::Receiver<Order>,
    /// What threads say at their end.
    pub(super) ended: mpsc::UnboundedReceiver<Ended>,
    /// Dropped, it ends the API.
    pub(super) api_stop: oneshot::Sender<()>,
    pub(super) api_task: tokio::task::JoinHandle<std::io::Result<()>>,
}

/// SIP listeners, bound.
struct Listeners {
    udp: Vec<Arc<UdpListener>>,
    tcp: Vec<tokio::net::TcpListener>,
    all: Vec<(Transport, SocketAddr)>,
}

/// Files that will be open when nobody calls, and some.
pub(super) fn descriptors_wanted(media: &MediaSetup) -> u64 {
    media.ports.len() as u64 + SPARED
}

/// Starts everything. Runs within the runtime.
pub(super) async fn start(setup: &Setup, clock: Clock, descriptors: u64) -> Result<Node, Failure> {
    let listeners = listen(setup)?;
    let ports = bind_ports(&setup.media, descriptors)?;
    let store = Store::open(&setup.data_dir, &setup.node_name)?;
    let (leases, first_seq) = (ports.leases(), store.next_seq());
    let left = descriptors.saturating_sub(SPARED + 2 * leases.len() as u64);
    let total_max = usize::try_from(left.clamp(64, 10_000)).unwrap_or(64);
    let limits = ConnectionLimits { total_max, per_source_max: total_max / 4 };

    let bell = Arc::new(Doorbell::new().map_err(Failure::Thread)?);
    let inbox = Inbox::new(bell.clone());
    let reception = Reception {
        inbox: inbox.clone(),
        clock,
        limits: sip::msg::Limits::default(),
        counted: Arc::default(),
    };
    let restored = store.reader().standing()?;
    let is_known = |queue: &b2bua::config::Name| setup.core.queues.iter().any(|q| q.name == *queue);
    for (task, queue, _) in restored.callbacks.iter().filter(|(_, queue, _)| !is_known(queue)) {
        tracing::warn!("callback {task} waits for queue {queue}, which is not configured any more");
    }
    let store = Arc::new(store);
    let (order_sender, orders) = mpsc::channel(ORDERS_MAX);
    let shelf = Shelf::new(&setup.recording.dir);
    let records: Arc<dyn Records> = Arc::new(StoreRecords(store.reader(), shelf));
    let sounds = open_sounds(setup, &inbox).await?;
    let settings = api_settings(setup, Arc::downgrade(&store), &inbox);
    let settings = Settings { sounds: Some(sounds.clone()), ..settings };
    let api = Api::new(settings, &Directory::from(&setup.core), order_sender, Some(records));
    let (ended_sender, ended) = mpsc::unbounded_channel();
    let threads = Threads { ended: ended_sender };

    let pairs = leases.len();
    // Before anything else comes.
    let _ = inbox.input(Input::Restore(Box::new(restored)));
    let start = Start { seed: seed()?, first_seq, since_unix: clock::wall() - clock.now(), leases };
    let (feed, rings) = start_recorder(setup, &ports, &inbox, clock, &api, &threads)?;
    let newest = first_seq.saturating_sub(1);
    let (hooks, data_dir) = (&setup.webhooks, &setup.data_dir);
    let news = webhooks::start(hooks, data_dir, &store.reader(), newest, api.meters());
    let news = news.map_err(|error| Failure::Webhooks(error.to_string()))?;
    let (told, event_thread) = events::prepare(store, feed, api.clone(), news);
    threads.spawn("events", SMALL_STACK, move || event_thread.run())?;
    let connections = Connections::new(limits);
    let mut core = Core {
        switch: B2bua::new(setup.core.clone(), start),
        reception: reception.clone(),
        poll: core::poll(&bell, &listeners.udp).map_err(Failure::Thread)?,
        bell,
        udp: listeners.udp.clone(),
        connections: connections.clone(),
        ways: Ways::new(listeners.all.clone()),
        media: Vec::new(),
        sounds: sounds.clone(),
        hooks: Arc::new(Hooks::new(inbox.clone())),
        events: told,
        meters: api.meters().clone(),
        runtime: Handle::current(),
    };
    start_media(ports, rings, &mut core, &threads)?;
    threads.spawn("core", 2 << 20, move || core.run())?;
    for listener in listeners.tcp {
        tokio::spawn(tcp::accept(listener, connections.clone(), reception.clone()));
    }

    let address = setup.http.listen;
    let http = tokio::net::TcpListener::bind(address).await;
    let http = http.map_err(|error| Failure::Bind { what: "http", address, error })?;
    let (api_stop, stopped) = oneshot::channel::<()>();
    let api_task = tokio::spawn(api.clone().serve(http, async { drop(stopped.await) }));
    ready(clock.now(), &listeners.all, address, pairs);
    Ok(Node { inbox, clock, api, sounds, orders, ended, api_stop, api_task })
}

fn ready(took: Duration, listeners: &[(Transport, SocketAddr)], http: SocketAddr, pairs: usize) {
    let sip: Vec<_> = listeners
        .iter()
        .map(|(transport, at)| format!("{}://{at}", transport.as_str().to_lowercase()))
        .collect();
    tracing::info!(
        "ready after {} ms: SIP on {}, HTTP on http://{http}, {pairs} port pairs for RTP",
        took.as_millis(),
        sip.join(", "),
    );
}

fn listen(setup: &Setup) -> Result<Listeners, Failure> {
    let mut listeners = Listeners { udp: Vec::new(), tcp: Vec::new(), all: Vec::new() };
    for listen in &setup.listen {
        let (transport, address) = (listen.transport, listen.address);
        let failed = |error| Failure::Bind { what: transport.as_str(), address, error };
        match transport {
            Transport::Udp => {
                let listener = UdpListener::bind(address).map_err(failed)?;
                listeners.all.push((transport, listener.bound()));
                listeners.udp.push(Arc::new(listener));
            }
            Transport::Tcp => {
                let listener = tcp::bind(address).map_err(failed)?;
                listeners.all.push((transport, listener.local_addr().map_err(failed)?));
                listeners.tcp.push(listener);
            }
            Transport::Tls | Transport::Ws | Transport::Wss => {
                return Err(failed(std::io::ErrorKind::Unsupported.into()));
            }
        }
    }
    Ok(listeners)
}

fn bind_ports(setup: &MediaSetup, descriptors: u64) -> Result<Ports, Failure> {
    let ports = Ports::bind(setup.listen, &setup.ports, setup.threads, descriptors);
    if ports.in_use > 0 {
        tracing::warn!("[media] ports: {} pairs are in use by others and left out", ports.in_use);
    }
    if ports.unaffordable > 0 {
        tracing::warn!(
            "[media] ports: {} pairs left out, since this process may open only {descriptors} \
             files; raise that limit (ulimit -n, systemd's LimitNOFILE)",
            ports.unaffordable,
        );
    }
    if ports.by_thread.iter().all(Vec::is_empty) {
        return Err(Failure::NoPorts);
    }
    Ok(ports)
}

fn start_media(
    ports: Ports,
    rings: Vec<FrameSender>,
    core: &mut Core,
    threads: &Threads,
) -> Result<(), Failure> {
    let everything = core.sounds.everything();
    core.switch.handle(core.reception.clock.now(), Input::Sounds(Box::new(everything.sounds)));
    let since_1900 = clock::ntp().saturating_sub(core.reception.clock.now());
    for (pairs, recorder) in ports.by_thread.into_iter().zip(rings) {
        let settings = EngineSettings { legs_max: pairs.len(), since_1900 };
        let (clock, bell, meters) = (core.reception.clock, core.bell.clone(), core.meters.clone());
        let made = media_thread::prepare(settings, pairs, clock, bell, recorder, meters);
        let (mut ours, worker) = made.map_err(Failure::Thread)?;
        for (name, sound) in everything.add.iter().cloned() {
            ours.send(Command::AddSound { name, sound });
        }
        core.media.push(ours);
        threads.spawn("media", SMALL_STACK, move || worker.run())?;
    }
    Ok(())
}

/// Reads all sounds, on a thread that may block.
async fn open_sounds(setup: &Setup, inbox: &Inbox) -> Result<Arc<Keeper>, Failure> {
    let (setup, inbox, seed) = (setup.media.sounds.clone(), inbox.clone(), chance()?);
    let open = move || Keeper::open(&setup, seed, inbox, Handle::current());
    let opened = tokio::task::spawn_blocking(open).await;
    opened.map(Arc::new).map_err(|error| Failure::Thread(std::io::Error::other(error)))
}

/// A number nobody can foresee.
pub(super) fn chance() -> Result<u64, Failure> {
    getrandom::u64().map_err(|error| Failure::Chance(error.to_string()))
}

/// The thread that writes recordings, where events go in, and a ring for each media thread.
fn start_recorder(
    setup: &Setup,
    ports: &Ports,
    inbox: &Inbox,
    clock: Clock,
    api: &Api,
    threads: &Threads,
) -> Result<(RecorderFeed, Vec<FrameSender>), Failure> {
    let dropped = || api.meters().recording_dropped.clone();
    let ring = |pairs: &Vec<_>| recorder::ring(pairs.len(), dropped());
    let (senders, receivers) = ports.by_thread.iter().map(ring).unzip();
    let inbox = inbox.clone();
    let tell = move |writing| {
        if !inbox.input(Input::Writing(writing)) {
            tracing::error!("the core is too busy to hear how a recording goes");
        }
    };
    let outside = Outside::new(tell, api.meters().clone());
    let (feed, thread) =
        recorder::prepare(&setup.recording, &setup.node_name, clock, receivers, outside);
    threads.spawn("recorder", SMALL_STACK, move || thread.run())?;
    Ok((feed, senders))
}

fn seed() -> Result<[u8; 32], Failure> {
    let mut seed = [0; 32];
    getrandom::fill(&mut seed).map_err(|error| Failure::Chance(error.to_string()))?;
    Ok(seed)
}

fn api_settings(setup: &Setup, store: Weak<Store>, inbox: &Inbox) -> Settings {
    let (inbox, leaving) = (inbox.clone(), inbox.clone());
    let checks: Vec<Check> = vec![
        (
            "store",
            Arc::new(move || match store.upgrade() {
                Some(store) if store.healthy() => Ok(()),
                Some(_) => Err("the last commit failed".to_owned()),
                None => Err("closed".to_owned()),
            }),
        ),
        (
            "drain",
            Arc::new(move || match leaving.is_draining() {
                false => Ok(()),
                true => Err("no new calls are taken".to_owned()),
            }),
        ),
        (
            "inbox",
            Arc::new(move || match inbox.is_crowded() {
                false => Ok(()),
                true => Err("more than half full".to_owned()),
            }),
        ),
    ];
    let token = |token: &TokenSetup| Token {
        name: token.name.clone(),
        secret: token.secret.to_string(),
        role: match token.role {
            config::Role::Operator => Role::Operator,
            config::Role::Supervisor => Role::Supervisor,
            config::Role::Admin => Role::Admin,
        },
        supervises: token.supervises.clone(),
    };
    let tokens = setup.http.tokens.iter().map(token).collect();
    let sound_bytes_max = setup.media.sounds.upload_mb_max << 20;
    Settings {
        tokens,
        checks,
        sound_bytes_max,
        ..Settings::new(&setup.node_name, env!("CARGO_PKG_VERSION"))
    }
}

/// Starts threads that report their end.
struct Threads {
    ended: mpsc::UnboundedSender<Ended>,
}

impl Threads {
    fn spawn(
        &self,
        name: &'static str,
        stack: usize,
        work: impl FnOnce() + Send + 'static,
    ) -> Result<(), Failure> {
        let ended = self.ended.clone();
        let work = move || {
            // The panic itself was logged by the hook; here it becomes the end of the process.
            let done = std::panic::catch_unwind(std::panic::AssertUnwindSafe(work));
            let _ = ended.send(Ended { name, panicked: done.is_err() });
        };
        let builder = std::thread::Builder::new().name(name.to_owned()).stack_size(stack);
        builder.spawn(work).map(drop).map_err(Failure::Thread)
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    #[tokio::test]
    async fn who_drains_is_not_ready() {
        let example = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../configs/usher.toml");
        let Ok(loaded) = config::load(&example) else { panic!("the example is fine") };
        let inbox = Inbox::new(Arc::new(Doorbell::new().unwrap()));
        let settings = api_settings(&loaded.setup, Weak::new(), &inbox);
        let failing = || -> Vec<&str> {
            let failing = settings.checks.iter().filter(|(_, check)| check().is_err());
            failing.map(|(name, _)| *name).collect()
        };
        assert_eq!(failing(), ["store"], "which is closed here");
        inbox.drain().await;
        assert_eq!(failing(), ["store", "drain"]);
    }
}
