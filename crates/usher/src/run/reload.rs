//! A new configuration for a node that runs.

use std::cell::RefCell;
use std::time::Duration;

use api::{Api, Directory};
use b2bua::Input;
use jiff::{SignedDuration, Timestamp};

use super::inbox::Inbox;
use crate::config::{Faults, Setup};
use crate::sound::SoundSetup;

/// Reads the configuration again and hands it to the core; what only a restart can change is
/// warned of.
pub(super) struct Reloader<F> {
    read: F,
    running: RefCell<Setup>,
}

impl<F: Fn() -> Result<Setup, Faults>> Reloader<F> {
    /// With what runs now.
    pub(super) fn new(read: F, running: Setup) -> Self {
        Self { read, running: RefCell::new(running) }
    }

    /// The date at this Unix time where the node is, as a number.
    pub(super) fn day(&self, since_unix: Duration) -> i32 {
        let at = SignedDuration::try_from(since_unix).and_then(Timestamp::from_duration);
        let date =
            at.unwrap_or(Timestamp::MAX).to_zoned(self.running.borrow().time_zone.clone()).date();
        i32::from(date.year()) * 1_000 + i32::from(date.day_of_year())
    }

    /// Takes over what the file says now; where it has faults the old configuration stays. The folders
    /// of sounds are still to be read then: with what is returned.
    pub(super) async fn reload(&self, inbox: &Inbox, api: &Api) -> Result<SoundSetup, Vec<String>> {
        let new = match (self.read)() {
            Ok(new) => new,
            Err(faults) => {
                tracing::error!("not reloaded, the old configuration stays:\n{faults}");
                return Err(faults.0.iter().map(ToString::to_string).collect());
            }
        };
        for key in fixed(&self.running.borrow(), &new) {
            tracing::warn!("{key} has changed: that takes a restart");
        }
        api.reconfigure(&Directory::from(&new.core));
        inbox.input_waiting(Input::Configure(Box::new(new.core.clone()))).await;
        let mut running = self.running.borrow_mut();
        (running.core, running.time_zone) = (new.core, new.time_zone);
        tracing::info!("reloaded");
        Ok(new.media.sounds)
    }
}

/// What differs and cannot be changed while running.
fn fixed(old: &Setup, new: &Setup) -> Vec<&'static str> {
    let http = |setup: &Setup| {
        let tokens =
            setup.http.tokens.iter().map(|token| (token.name.clone(), token.secret.clone()));
        (setup.http.listen, tokens.collect::<Vec<_>>())
    };
    let (media, media_new) = (&old.media, &new.media);
    [
        ("[node] name", old.node_name != new.node_name),
        ("[node] data_dir", old.data_dir != new.data_dir),
        ("[sip] listen", old.listen != new.listen),
        ("[media] listen", media.listen != media_new.listen),
        ("[media] ports", media.ports != media_new.ports),
        ("[media] threads", media.threads != media_new.threads),
        ("[recording]", old.recording != new.recording),
        ("[http]", http(old) != http(new)),
        ("[[webhook]]", old.webhooks != new.webhooks),
    ]
    .into_iter()
    .filter_map(|(key, differs)| differs.then_some(key))
    .collect()
}
