//! What goes by itself and what does not, as orders have switched it. An order holds until another
//! one, whatever the configuration says by then: who has closed a queue has closed it.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::api::{Problem, Reply, Time};
use crate::config::Name;
use crate::directory::Directory;
use crate::event::What;
use crate::switch::B2bua;

/// What orders have switched; the configuration's where they have not.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Switches {
    auto_connect: Option<bool>,
    queues: BTreeMap<Name, Switched>,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Switched {
    auto_connect: Option<bool>,
    open: Option<bool>,
}

impl Switches {
    /// The distributor's configuration with what has been switched.
    pub(crate) fn over(&self, mut config: acd::Config, directory: &Directory) -> acd::Config {
        config.auto_connect = self.auto_connect.unwrap_or(config.auto_connect);
        for (id, queue) in &mut config.queues {
            let Some(switched) = self.queues.get(&directory.queue_name(*id)) else { continue };
            queue.auto_connect = switched.auto_connect.unwrap_or(queue.auto_connect);
            queue.open = switched.open.unwrap_or(queue.open);
        }
        config
    }
}

impl B2bua {
    /// Tells the distributor what is configured and switched.
    pub(super) fn distribute_anew(&mut self, now: Time) {
        let config = self.state.switches.over(self.directory.acd(), &self.directory);
        self.acd.handle(now, acd::Input::Configure(config));
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
        let Some(id) = self.directory.queue_id(name) else {
            return Err(Problem::NotFound { what: "queue", name: name.to_string() });
        };
        // Of queues that are gone nothing need be known.
        switches.queues.retain(|known, _| self.directory.queue_id(known).is_some());
        let switched = switches.queues.entry(name.clone()).or_default();
        switched.auto_connect = auto_connect.or(switched.auto_connect);
        switched.open = open.or(switched.open);
        self.distribute_anew(now);
        let all = self.switched();
        if let Some((_, is)) = all.queues.iter().find(|(known, _)| *known == id) {
            let (queue, auto_connect, open) = (name.clone(), is.auto_connect, is.open);
            self.emit(now, None, None, What::QueueSwitched { queue, auto_connect, open });
        }
        Ok(Reply::Done)
    }

    fn switched(&self) -> acd::Config {
        self.state.switches.over(self.directory.acd(), &self.directory)
    }
}
