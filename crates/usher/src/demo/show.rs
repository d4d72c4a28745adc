//! The demonstration itself: people come, the switch is watched, and in the end all is compared.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::Value;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::{mpsc, watch};
use tokio::task::{JoinError, JoinHandle, JoinSet, spawn_blocking};
use tokio::time::{
    Instant, MissedTickBehavior, interval, interval_at, sleep, sleep_until, timeout,
};

use super::board::{Title, clock, count};
use super::callers::{Callers, End, Experience};
use super::cast::{AWAY, OPERATORS};
use super::desk::{self, Desk, Picture};
use super::line::Lines;
use super::log::Log;
use super::operators::{Person, Told};
use super::place::Place;
use super::proof::{ENOUGH, Proof};
use super::screen::Screen;
use super::story::Story;
use super::summary::summary;
use super::{Arguments, Server};
use crate::cli::Failure;

/// How long the start may take: the switch, and all phones.
const START_WITHIN: Duration = Duration::from_secs(20);
/// Over its length the start may take so much longer, as nobody waits for it any more then.
const GRACE: Duration = Duration::from_secs(5);
/// How long the end may take: the callers, the records and the phones, each with a limit of its own.
const END_WITHIN: Duration = Duration::from_secs(15);
/// How often somebody tries again what cannot be yet.
const TRY_EVERY: Duration = Duration::from_millis(50);
/// How often the switch is asked, and the board drawn.
const LOOK_EVERY: Duration = Duration::from_millis(500);
const DRAW_EVERY: Duration = Duration::from_millis(250);
/// How often the figures are printed where there is no board.
const TABLE_EVERY: Duration = Duration::from_secs(10);
/// How long `--audio-proof` goes on at most.
const PROOF_WITHIN: Duration = Duration::from_secs(120);
/// How long after the last call its record may take.
const RECORD_WITHIN: Duration = Duration::from_secs(5);

/// What comes in from all sides.
struct Inlets {
    events: mpsc::UnboundedReceiver<Value>,
    experiences: mpsc::UnboundedReceiver<Experience>,
    told: mpsc::UnboundedReceiver<Told>,
    pictures: mpsc::UnboundedReceiver<Picture>,
}

/// Those that end it.
struct Signals {
    int: Signal,
    term: Signal,
    hup: Signal,
}

/// Everybody who has a phone.
struct People {
    stop_callers: watch::Sender<bool>,
    callers: JoinHandle<u64>,
    stop_operators: watch::Sender<bool>,
    operators: JoinSet<()>,
}

/// What is remembered.
struct Show {
    desk: Desk,
    log: Log,
    screen: Screen,
    story: Story,
    picture: Picture,
    title: Title,
    started: Instant,
    day: String,
    ends: BTreeMap<u64, End>,
    proof: Option<Proof>,
}

/// Runs it to its end.
pub(super) async fn run(
    arguments: &Arguments,
    log: &Log,
    place: &Place,
    server: &Server,
) -> Result<(), Failure> {
    let mut signals = Signals::new()?;
    let desk = Desk::new(place);
    let start = arguments.minutes.map_or(START_WITHIN, |minutes| START_WITHIN.min(minutes + GRACE));
    let (mut inlets, people) = tokio::select! {
        begun = timeout(start, begin(&desk, place, server)) => begun.map_err(|_| late(start))??,
        () = signals.any() => return Ok(()),
    };
    let mut show = Show::new(arguments, log.clone(), place, desk);
    let went = show.until_the_end(&mut inlets, &mut signals, server).await;
    tokio::select! {
        ended = timeout(END_WITHIN, show.end(&mut inlets, people)) => match ended {
            Ok(ended) => went.and(ended),
            Err(_) => Err(Failure::failed(format!(
                "usher: not all calls and records were ended after {} s",
                END_WITHIN.as_secs()
            ))),
        },
        () = signals.any() => Err(Failure::failed("usher: broken off")),
    }
}

/// Waits for the switch and for all phones; then the first caller dials.
async fn begin(desk: &Desk, place: &Place, server: &Server) -> Result<(Inlets, People), Failure> {
    let (tell_event, events) = mpsc::unbounded_channel();
    tokio::spawn(reach(desk, server).await?.read(tell_event));
    let lines = Lines::start().map_err(|error| want(&error))?;
    let (stop_operators, stopped) = watch::channel(false);
    let (tell, mut told) = mpsc::unbounded_channel();
    let mut operators = JoinSet::new();
    for number in 0..OPERATORS.len() {
        let person = Person::new(number, place.sip, lines.clone(), tell.clone()).await;
        let person = person.map_err(|error| want(&error))?;
        operators.spawn(person.run(stopped.clone()));
    }
    all_registered(&mut told).await?;
    let (tell_experience, experiences) = mpsc::unbounded_channel();
    let (stop_callers, stopped) = watch::channel(false);
    let callers = Callers::new(place.sip, lines, tell_experience).await;
    let callers = tokio::spawn(callers.map_err(|error| want(&error))?.run(stopped));
    let (tell_picture, pictures) = mpsc::unbounded_channel();
    tokio::spawn(watch_on(desk.clone(), tell_picture));
    let inlets = Inlets { events, experiences, told, pictures };
    Ok((inlets, People { stop_callers, callers, stop_operators, operators }))
}

fn late(start: Duration) -> Failure {
    let start = start.as_secs();
    Failure::failed(format!("usher: the switch and all phones were not there after {start} s"))
}

fn want(error: &std::io::Error) -> Failure {
    Failure::failed(format!("usher: no phone can be had: {error}; `ulimit -n` may be too low"))
}

/// Waits until the switch can be asked; its events have begun then.
async fn reach(desk: &Desk, server: &Server) -> Result<desk::Events, Failure> {
    let deadline = Instant::now() + START_WITHIN;
    loop {
        match desk.events().await {
            Ok(events) => return Ok(events),
            // Why, it says itself.
            Err(_) if server.is_gone() => return Err(Failure::failed("usher: not started")),
            Err(error) if Instant::now() >= deadline => {
                let url = desk.url();
                return Err(Failure::failed(format!("usher: no answer from {url}: {error}")));
            }
            Err(_) => sleep(TRY_EVERY).await,
        }
    }
}

async fn all_registered(told: &mut mpsc::UnboundedReceiver<Told>) -> Result<(), Failure> {
    let mut there = [false; OPERATORS.len()];
    let all = async {
        while there.contains(&false) {
            if let Some(Told::Registered(number)) = told.recv().await {
                there[number] = true;
            }
        }
    };
    timeout(START_WITHIN, all).await.map_err(|_| {
        let missing = OPERATORS.iter().zip(there).filter(|(_, there)| !there);
        let names: Vec<&str> = missing.map(|(operator, _)| operator.id).collect();
        Failure::failed(format!("usher: the phones of {} cannot register", names.join(", ")))
    })
}

/// Asks the switch again and again, until nobody wants to know.
async fn watch_on(desk: Desk, tell: mpsc::UnboundedSender<Picture>) {
    loop {
        let asked = desk.clone();
        if let Ok(Ok(picture)) = spawn_blocking(move || asked.look()).await
            && tell.send(picture).is_err()
        {
            return;
        }
        sleep(LOOK_EVERY).await;
    }
}

impl Signals {
    fn new() -> Result<Self, Failure> {
        let on = |kind| {
            signal(kind).map_err(|error| Failure::failed(format!("usher: no signals: {error}")))
        };
        let (int, term) = (on(SignalKind::interrupt())?, on(SignalKind::terminate())?);
        Ok(Self { int, term, hup: on(SignalKind::hangup())? })
    }

    async fn any(&mut self) {
        tokio::select! {
            _ = self.int.recv() => {}
            _ = self.term.recv() => {}
            _ = self.hup.recv() => {}
        }
    }
}

impl Show {
    fn new(arguments: &Arguments, log: Log, place: &Place, desk: Desk) -> Self {
        let length = arguments.minutes.or(arguments.audio_proof.then_some(PROOF_WITHIN));
        let title = Title { since_start: Duration::ZERO, length, hint: place.hint() };
        let mut show = Self {
            desk,
            log,
            screen: Screen::new(arguments.draws()),
            story: Story::default(),
            picture: Picture::default(),
            title,
            started: Instant::now(),
            day: desk::today(),
            ends: BTreeMap::new(),
            proof: arguments.audio_proof.then(Proof::default),
        };
        if !show.screen.draws() {
            let (sip, url, hint) = (place.sip, show.desk.url(), &show.title.hint);
            let line = format!("usher demo: SIP on {sip}, HTTP on {url}");
            show.screen.line(format!("{line}\nin another terminal: {hint}\n"));
        }
        show
    }

    /// Until it is over: by itself, by a signal, or because nobody looks any more.
    async fn until_the_end(
        &mut self,
        inlets: &mut Inlets,
        signals: &mut Signals,
        server: &Server,
    ) -> Result<(), Failure> {
        let mut draw = interval(DRAW_EVERY);
        draw.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut table = interval_at(self.started + TABLE_EVERY, TABLE_EVERY);
        let until = self.title.length.map(|length| self.started + length);
        loop {
            let over = async {
                match until {
                    Some(until) => sleep_until(until).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                Some(event) = inlets.events.recv() => self.event(&event),
                Some(experience) = inlets.experiences.recv() => self.experience(experience),
                Some(told) = inlets.told.recv() => self.told(told),
                Some(picture) = inlets.pictures.recv() => self.picture = picture,
                _ = table.tick() => self.screen.table(&self.picture),
                _ = draw.tick() => {
                    self.draw();
                    if server.is_gone() {
                        return Err(Failure::failed("usher: the switch has ended by itself"));
                    }
                }
                () = signals.any() => return Ok(()),
                () = over => return Ok(()),
            }
            if self.screen.is_closed() || self.proof.as_ref().is_some_and(Proof::is_enough) {
                return Ok(());
            }
        }
    }

    fn draw(&mut self) {
        for line in self.log.take() {
            self.screen.line(line);
        }
        self.title.since_start = self.started.elapsed();
        self.screen.draw(&self.title, &self.picture);
    }

    fn event(&mut self, event: &Value) {
        let told = self.story.tell(event);
        if let Some(line) = told.line {
            self.screen.line(line);
        }
        if let Some(operator) = told.taken_out {
            let desk = self.desk.clone();
            tokio::spawn(async move {
                sleep(AWAY).await;
                // Where the switch is gone by then, nobody has to be ready.
                let _ = spawn_blocking(move || desk.make_ready(&operator)).await;
            });
        }
        if let Some((proof, matched)) = self.proof.as_mut().zip(told.matched) {
            let said = proof.matched(matched);
            self.prove(said);
        }
    }

    fn experience(&mut self, experience: Experience) {
        self.ends.insert(experience.caller, experience.end);
        let said = self.proof.as_mut().and_then(|proof| proof.caller(experience));
        self.prove(said);
    }

    fn told(&mut self, told: Told) {
        if let Told::Spoke(spoke) = told {
            let said = self.proof.as_mut().and_then(|proof| proof.operator(spoke));
            self.prove(said);
        }
    }

    fn prove(&mut self, said: Option<String>) {
        if let Some(said) = said {
            self.screen.line(format!("\n{said}\n"));
        }
    }

    /// All hang up; then the records are compared with what people saw.
    async fn end(&mut self, inlets: &mut Inlets, mut people: People) -> Result<(), Failure> {
        people.stop_callers.send_replace(true);
        let died = |error: JoinError| Failure::failed(format!("usher: {error}; this is a bug"));
        let dialled = people.callers.await.map_err(died)?;
        let (records, picture) = self.records(dialled).await?;
        people.stop_operators.send_replace(true);
        while let Some(ended) = people.operators.join_next().await {
            ended.map_err(died)?;
        }
        while let Ok(event) = inlets.events.try_recv() {
            self.event(&event);
        }
        while let Ok(experience) = inlets.experiences.try_recv() {
            self.experience(experience);
        }
        self.picture = picture;
        self.draw();
        self.screen.leave();
        // The figures of the API begin anew at midnight.
        let same_day = (self.day == desk::today()).then_some(&self.picture);
        let mut summary = summary(dialled, &self.ends, &records, same_day);
        let length = clock(self.started.elapsed().as_secs());
        self.screen.line(format!("\nover after {length}\n{}", summary.text));
        if let Some(proof) = &self.proof {
            let failed = proof.failed;
            let measured = format!("{} measured", count(proof.measured, "call"));
            self.screen.line(match failed {
                0 => format!("{measured}, each side heard the other"),
                _ => format!("{measured}, {failed} not heard as they should be"),
            });
            if failed > 0 || !proof.is_enough() {
                let wanted = format!("{ENOUGH} calls or more, one with a hold, all well heard");
                summary.faults.push(format!("--audio-proof wants {wanted}"));
            }
        }
        if let Some(fault) = self.screen.fault() {
            summary.faults.push(format!("the output cannot be written: {fault}"));
        }
        if summary.faults.is_empty() {
            return Ok(());
        }
        Err(Failure::failed(format!("usher: something is wrong\n{}", summary.faults.join("\n"))))
    }

    /// All records, once no call is alive and none of them is open.
    async fn records(&self, dialled: u64) -> Result<(Vec<Value>, Picture), Failure> {
        let deadline = Instant::now() + RECORD_WITHIN;
        loop {
            let desk = self.desk.clone();
            let look = move || Ok((desk.list("/records/calls")?, desk.look()?));
            let asked = spawn_blocking(look).await;
            let (records, picture) =
                asked.map_err(|error| Failure::failed(format!("usher: {error}")))??;
            let is_closed = |record: &Value| record["state"] == "ended";
            let all = u64::try_from(records.len()).unwrap_or(0) >= dialled;
            if all && picture.calls == 0 && records.iter().all(is_closed) {
                return Ok((records, picture));
            }
            if Instant::now() >= deadline {
                // What is missing then is a fault that the summary names.
                return Ok((records, picture));
            }
            sleep(TRY_EVERY).await;
        }
    }
}
