//! The sounds of a node that runs: kept for the API, read again on reload, and made when the core asks.
//! Nothing here is on the core's thread or a media thread. What changes reaches them in order, since
//! one lock is held from the change to the inbox.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use api::{SoundEntry, SoundRefused};
use b2bua::config::Name;
use b2bua::{MAKE_WITHIN, Making};
use media::Pcm;
use tokio::runtime::Handle;
use tokio::sync::Semaphore;
use tokio::time::{Instant, timeout_at};

use super::inbox::{Inbox, Item};
use crate::sound::{self, Change, Fetch, Library, Refused, SoundSetup, wave};

/// Programs that speak at once, and files that are fetched.
const SPEAKING_MAX: usize = 2;
const FETCHING_MAX: usize = 4;
/// How much sooner than the core we give up, so that it is told why.
const SPARED: Duration = Duration::from_millis(500);

/// A sound that was made, or why not.
#[derive(Debug)]
pub(super) struct Made {
    /// Whose answer it is.
    pub(super) token: u64,
    /// What it is to be called.
    pub(super) name: Name,
    /// It.
    pub(super) result: Result<Pcm, String>,
}

/// Keeps the sounds.
#[derive(Debug)]
pub(super) struct Keeper {
    library: Mutex<Library>,
    inbox: Inbox,
    runtime: Handle,
    /// Who speaks, and what may be fetched.
    means: Mutex<(Vec<String>, Fetch)>,
    speaking: Semaphore,
    fetching: Semaphore,
}

impl Keeper {
    /// Reads all sounds, and warns of what is left out.
    pub(super) fn open(setup: &SoundSetup, seed: u64, inbox: Inbox, runtime: Handle) -> Self {
        let (library, complaints) = Library::open(setup.clone(), seed);
        warn(&complaints);
        Self {
            library: Mutex::new(library),
            inbox,
            runtime,
            means: Mutex::new((setup.speech.clone(), setup.fetch.clone())),
            speaking: Semaphore::new(SPEAKING_MAX),
            fetching: Semaphore::new(FETCHING_MAX),
        }
    }

    /// All sounds, for those who have none yet.
    pub(super) fn everything(&self) -> Change {
        self.library().everything()
    }

    /// Reads the folders again. Blocks.
    pub(super) fn reload(&self, setup: SoundSetup, seed: u64) {
        *self.means.lock().unwrap_or_else(PoisonError::into_inner) =
            (setup.speech.clone(), setup.fetch.clone());
        let mut library = self.library();
        let (change, complaints) = library.reload(setup, seed);
        warn(&complaints);
        self.tell(change);
    }

    /// Makes what the core asked for, and tells it.
    pub(super) async fn make(self: Arc<Self>, token: u64, name: Name, making: Making) {
        let until = Instant::now() + MAKE_WITHIN.saturating_sub(SPARED);
        let made = timeout_at(until, self.clone().made(making, until));
        let result = made.await.unwrap_or_else(|_| Err("it was not made in time".to_owned()));
        if let Err(why) = &result {
            tracing::warn!("no sound was made: {why}");
        }
        let made = Made { token, name, result };
        self.inbox.item_waiting(Item::Made(Box::new(made))).await;
    }

    async fn made(self: Arc<Self>, making: Making, until: Instant) -> Result<Pcm, String> {
        let closed = |_| "the node ends".to_owned();
        let left = || until.saturating_duration_since(Instant::now());
        let (speech, fetch) = self.means.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let wave = match making {
            Making::Speak { text, language } => {
                let _turn = self.speaking.acquire().await.map_err(closed)?;
                let language = language.as_deref().unwrap_or_default();
                sound::speak(&speech, &text, language, left()).await?
            }
            Making::Fetch { url } => {
                let _turn = self.fetching.acquire().await.map_err(closed)?;
                let within = left();
                let fetched = move || sound::fetch(&fetch, &url, within);
                let fetched = tokio::task::spawn_blocking(fetched).await;
                fetched.map_err(|error| error.to_string())??
            }
        };
        // Another rate takes a moment of arithmetic.
        let fitted = tokio::task::spawn_blocking(move || wave.fitted()).await;
        fitted.map_err(|error| error.to_string())
    }

    fn library(&self) -> MutexGuard<'_, Library> {
        self.library.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Tells the core. Called with the library locked, on a thread that may block.
    fn tell(&self, change: Change) {
        self.runtime.block_on(self.inbox.item_waiting(Item::Sounds(Box::new(change))));
    }
}

fn warn(complaints: &[String]) {
    for complaint in complaints {
        tracing::warn!("{complaint}");
    }
}

impl api::Sounds for Keeper {
    fn list(&self) -> Vec<SoundEntry> {
        let library = self.library();
        let names = library.sounds().sounds.into_keys();
        names.filter_map(|name| entry(&library, &name)).collect()
    }

    fn file(&self, name: &str) -> Option<Vec<u8>> {
        let pcm = self.library().find(name)?.1.clone();
        Some(wave::write(&pcm))
    }

    fn put(&self, name: &str, file: &[u8]) -> Result<(SoundEntry, bool), SoundRefused> {
        let mut library = self.library();
        let (change, is_new) = library.put(name, file).map_err(|why| refused(name, why))?;
        self.tell(change);
        let entry = entry(&library, name).ok_or_else(|| SoundRefused::NotFound(name.to_owned()))?;
        Ok((entry, is_new))
    }

    fn delete(&self, name: &str) -> Result<(), SoundRefused> {
        let mut library = self.library();
        let change = library.delete(name).map_err(|why| refused(name, why))?;
        self.tell(change);
        Ok(())
    }
}

fn entry(library: &Library, name: &str) -> Option<SoundEntry> {
    let (origin, pcm) = library.find(name)?;
    Some(SoundEntry { name: name.to_owned(), origin, ms: sound::length_ms(pcm), hz: pcm.hz })
}

fn refused(name: &str, why: Refused) -> SoundRefused {
    match why {
        Refused::NotFound => SoundRefused::NotFound(name.to_owned()),
        Refused::NotUploaded => SoundRefused::Conflict(format!(
            "{name} was not uploaded, so it cannot be deleted; a sound of that name that is uploaded \
             is heard in its place"
        )),
        Refused::Invalid(why) => SoundRefused::Invalid(why),
        Refused::TooLarge(why) => SoundRefused::TooLarge(why),
        Refused::Failed(why) => SoundRefused::Unavailable(why),
    }
}
