//! What goes by itself and what does not, as orders have switched it. An order holds until another
//! one, whatever the configuration says by then: who has closed a queue has closed it, until its hours
//! open or close it the next time.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::api::{Problem, Reply, Time};
use crate::config::Name;
use crate::directory::Directory;
use crate::event::What;
use crate::hours::Calendar;
use crate::switch::B2bua;

/// How long it is taken for granted that hours stay as they are which are not seen to change.
const LOOKED_AT_AGAIN: Time = Time::from_hours(24 * 300);

/// What orders have switched; the configuration's where they have not.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Switches {
    auto_connect: Option<bool>,
    queues: BTreeMap<Name, Switched>,
    /// Of queues that are not always open.
    hours: BTreeMap<Name, Opening>,
    /// What holds, as events have said it; of what is new, as it is configured, and open.
    told: Option<Told>,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Told {
    auto_connect: bool,
    queues: BTreeMap<Name, Effective>,
}

/// What goes by itself in a queue.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
struct Effective {
    auto_connect: bool,
    open: bool,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Switched {
    auto_connect: Option<bool>,
    open: Option<bool>,
}

/// What the hours of a queue say, from a time since the Unix epoch on, and until another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
struct Opening {
    open: bool,
    from: Time,
    until: Time,
}

impl Opening {
    fn at(unix: Time, calendar: &Calendar) -> Self {
        let until = calendar.next_change(unix).unwrap_or(unix + LOOKED_AT_AGAIN);
        Self { open: calendar.is_open(unix), from: unix, until }
    }

    /// The clock may have been put back.
    fn covers(&self, unix: Time) -> bool {
        (self.from..self.until).contains(&unix)
    }
}

impl Switches {
    /// The distributor's configuration with what has been switched.
    pub(crate) fn over(&self, mut config: acd::Config, directory: &Directory) -> acd::Config {
        config.auto_connect = self.auto_connect.unwrap_or(config.auto_connect);
        for (id, queue) in &mut config.queues {
            let name = directory.queue_name(*id);
            let connects = self.queues.get(&name).and_then(|switched| switched.auto_connect);
            queue.auto_connect = connects.unwrap_or(queue.auto_connect);
            queue.open = self.is_open(&name);
        }
        config
    }

    fn is_open(&self, queue: &Name) -> bool {
        let ordered = self.queues.get(queue).and_then(|switched| switched.open);
        let hours = || self.hours.get(queue).is_none_or(|opening| opening.open);
        ordered.unwrap_or_else(hours)
    }

    /// When the hours of a queue change next, since the Unix epoch.
    pub(crate) fn due(&self) -> Option<Time> {
        self.hours.values().map(|opening| opening.until).min()
    }

    /// What the hours say now. Those that say otherwise than before end what orders have said.
    fn look_at_clock(&mut self, unix: Time, directory: &Directory) {
        for queue in &directory.config.queues {
            let (name, calendar) = (&queue.name, &queue.calendar);
            let known = self.hours.get(name).copied();
            if calendar.is_empty() || known.is_some_and(|opening| opening.covers(unix)) {
                continue;
            }
            let opening = Opening::at(unix, calendar);
            self.hours.insert(name.clone(), opening);
            if let Some(switched) = self.queues.get_mut(name)
                && known.is_some_and(|known| known.open != opening.open)
            {
                switched.open = None;
            }
        }
    }

    /// Notes what holds from now on, and returns what holds otherwise than it was told: which queues, and
    /// none for all of them together.
    fn compare(
        &mut self,
        configured: &acd::Config,
        config: &acd::Config,
        directory: &Directory,
    ) -> BTreeSet<Option<Name>> {
        let before = self.told.take();
        let was = before.as_ref().map_or(configured.auto_connect, |told| told.auto_connect);
        let mut changed = BTreeSet::new();
        if was != config.auto_connect {
            changed.insert(None);
        }
        let mut told = Told { auto_connect: config.auto_connect, queues: BTreeMap::new() };
        for ((id, queue), (_, own)) in config.queues.iter().zip(&configured.queues) {
            let name = directory.queue_name(*id);
            let now = Effective { auto_connect: queue.auto_connect, open: queue.open };
            let new = Effective { auto_connect: own.auto_connect, open: true };
            let known = before.as_ref().and_then(|told| told.queues.get(&name));
            if *known.unwrap_or(&new) != now {
                changed.insert(Some(name.clone()));
            }
            told.queues.insert(name, now);
        }
        self.told = Some(told);
        changed
    }

    /// The hours may be others.
    fn forget_hours(&mut self) {
        self.hours.clear();
    }
}

impl B2bua {
    /// Queues open and close by their hours.
    pub(crate) fn hours_pass(&mut self, now: Time) {
        let before = self.state.switches.clone();
        self.compare_hours(now, &before);
    }

    /// The configuration is another: what goes by itself, and the hours.
    pub(super) fn switches_anew(&mut self, now: Time) {
        let unix = self.unix(now);
        self.state.switches.forget_hours();
        self.state.switches.look_at_clock(unix, &self.directory);
        self.distribute_anew(now);
    }

    fn compare_hours(&mut self, now: Time, before: &Switches) {
        let unix = self.unix(now);
        let switches = &mut self.state.switches;
        switches.look_at_clock(unix, &self.directory);
        let mut queues = self.directory.config.queues.iter().map(|queue| &queue.name);
        if queues.any(|name| before.is_open(name) != switches.is_open(name)) {
            self.distribute_anew(now);
        }
    }

    /// Tells the distributor what is configured and switched, and everybody what holds otherwise by
    /// that.
    pub(super) fn distribute_anew(&mut self, now: Time) {
        let changed = self.distribute_switched(now);
        self.tell_switched(now, changed);
    }

    fn distribute_switched(&mut self, now: Time) -> BTreeSet<Option<Name>> {
        let configured = self.directory.acd();
        let switches = &mut self.state.switches;
        let config = switches.over(configured.clone(), &self.directory);
        let config = self.state.memberships.over(config, &self.directory);
        let changed = switches.compare(&configured, &config, &self.directory);
        self.acd.handle(now, acd::Input::Configure(config));
        self.reach_outside(now);
        changed
    }

    fn tell_switched(&mut self, now: Time, what: BTreeSet<Option<Name>>) {
        let told = self.state.switches.told.clone().unwrap_or_default();
        for queue in what {
            let Some(queue) = queue else {
                let auto_connect = told.auto_connect;
                self.emit(now, None, None, What::SettingsSwitched { auto_connect });
                continue;
            };
            if let Some(Effective { auto_connect, open }) = told.queues.get(&queue).copied() {
                self.emit(now, None, None, What::QueueSwitched { queue, auto_connect, open });
            }
        }
    }

    pub(super) fn switch(
        &mut self,
        now: Time,
        queue: Option<&Name>,
        auto_connect: Option<bool>,
        open: Option<bool>,
    ) -> Result<Reply, Problem> {
        let switches = &mut self.state.switches;
        if let Some(name) = queue {
            if self.directory.queue_id(name).is_none() {
                return Err(Problem::NotFound { what: "queue", name: name.to_string() });
            }
            // Of queues that are gone nothing need be known.
            switches.queues.retain(|known, _| self.directory.queue_id(known).is_some());
            let switched = switches.queues.entry(name.clone()).or_default();
            switched.auto_connect = auto_connect.or(switched.auto_connect);
            switched.open = open.or(switched.open);
        } else {
            switches.auto_connect = auto_connect.or(switches.auto_connect);
        }
        let mut changed = self.distribute_switched(now);
        // An order is told whatever it changes.
        changed.insert(queue.cloned());
        self.tell_switched(now, changed);
        Ok(Reply::Done)
    }
}
