//! Positions are told without a flood: the first places of a queue, at once when it was quiet, then
//! at most once a second, and only to tasks that moved. What lies further back hears its position
//! when it joins, and can be asked.
use crate::ids::{QueueId, Time};
use crate::io::Output;
use crate::machine::Acd;
use crate::timer::Timer;
use crate::{PLACES_TOLD, POSITIONS_EVERY};

impl Acd {
    pub(crate) fn positions_due(&mut self, id: QueueId) {
        if let Some(queue) = self.state.queues.get_mut(&id) {
            queue.tell_at = None;
            queue.told = None;
            self.dirty.moved.insert(id);
        }
    }

    pub(crate) fn tell_positions(&mut self, now: Time) {
        while let Some(id) = self.dirty.moved.pop_first() {
            let Some(queue) = self.state.queues.get_mut(&id) else { continue };
            if queue.tell_at.is_some() {
                continue;
            }
            if let Some(next) = queue.told.map(|told| told + POSITIONS_EVERY)
                && next > now
            {
                queue.tell_at = Some(next);
                self.timers.set(next, Timer::Positions(id));
                continue;
            }
            queue.told = Some(now);
            for ((_, task), position) in queue.index.line.iter().take(PLACES_TOLD).zip(1..) {
                let Some(record) = self.state.tasks.get_mut(task) else { continue };
                if record.position_told != position {
                    record.position_told = position;
                    self.state.outputs.push_back(Output::Position { task: *task, position });
                }
            }
        }
    }
}
