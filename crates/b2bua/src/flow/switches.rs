//! What goes by itself and what does not, as orders have switched it. An order holds until another
//! one, whatever the configuration says by then: who has closed a queue has closed it, until its hours
//! open or close it the next time.

use std::collections::BTreeMap;

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

    /// They do by others from now on.
    pub(super) fn hours_anew(&mut self, now: Time) {
        let before = self.state.switches.clone();
        self.state.switches.forget_hours();
        self.compare_hours(now, &before);
    }

    fn compare_hours(&mut self, now: Time, before: &Switches) {
        let unix = self.unix(now);
        let switches = &mut self.state.switches;
        switches.look_at_clock(unix, &self.directory);
        let queues = self.directory.config.queues.iter().map(|queue| &queue.name);
        let turned = queues.filter(|name| before.is_open(name) != switches.is_open(name));
        let turned: Vec<Name> = turned.cloned().collect();
        if turned.is_empty() {
            return;
        }
        self.distribute_anew(now);
        for name in turned {
            self.tell_switched(now, name);
        }
    }

    fn tell_switched(&mut self, now: Time, queue: Name) {
        let all = self.switched();
        let id = self.directory.queue_id(&queue);
        if let Some((_, is)) = all.queues.iter().find(|(known, _)| Some(*known) == id) {
            let (auto_connect, open) = (is.auto_connect, is.open);
            self.emit(now, None, None, What::QueueSwitched { queue, auto_connect, open });
        }
    }

    /// Tells the distributor what is configured and switched.
    pub(super) fn distribute_anew(&mut self, now: Time) {
        let config = self.state.switches.over(self.directory.acd(), &self.directory);
        self.acd.handle(now, acd::Input::Configure(config));
        self.reach_outside(now);
    }

    pub(super) fn switch(
        &mut self,
        now: Time,
        queue: Option<&Name>,
        auto_connect: Option<bool>,
        open: Option<bool>,
    ) -> Result<Reply, Problem> {
        let switches = &mut self.state.switches;
        let Some(name) = queue else {
            switches.auto_connect = auto_connect.or(switches.auto_connect);
            self.distribute_anew(now);
            let auto_connect = self.switched().auto_connect;
            self.emit(now, None, None, What::SettingsSwitched { auto_connect });
            return Ok(Reply::Done);
        };
        if self.directory.queue_id(name).is_none() {
            return Err(Problem::NotFound { what: "queue", name: name.to_string() });
        }
        // Of queues that are gone nothing need be known.
        switches.queues.retain(|known, _| self.directory.queue_id(known).is_some());
        let switched = switches.queues.entry(name.clone()).or_default();
        switched.auto_connect = auto_connect.or(switched.auto_connect);
        switched.open = open.or(switched.open);
        self.distribute_anew(now);
        self.tell_switched(now, name.clone());
        Ok(Reply::Done)
    }

    fn switched(&self) -> acd::Config {
        self.state.switches.over(self.directory.acd(), &self.directory)
    }
}
