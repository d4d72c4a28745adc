//! What a decision says of those it looked at.
use crate::config::Level;
use crate::explain::{DecisionRecord, Filter, Kept, Verdict};
use crate::ids::{OperatorId, TaskId, Time};
use crate::io::Output;
use crate::machine::Acd;
use crate::operator::Operator;
use crate::queue::Queue;
use crate::task::Task;

/// How many operators a decision names of each sort.
const NAMED: usize = 4;

const STANDINGS: [Filter; crate::queue::STANDINGS] = [
    Filter::Offline,
    Filter::Unreachable,
    Filter::NotReady,
    Filter::WrapUp,
    Filter::OnCall,
    Filter::Ringing,
    Filter::Reserved,
    Filter::Limit,
];

fn count(n: usize) -> u32 {
    u32::try_from(n).unwrap_or(u32::MAX)
}

fn lacks(person: &Operator, demand: &[Level]) -> Option<Verdict> {
    let lack = person.config.lacks(demand)?;
    Some(Verdict::Lacks { skill: lack.skill, level: lack.level, asked: lack.asked })
}

impl Acd {
    pub(crate) fn explain(&mut self, now: Time, id: TaskId, chosen: Option<OperatorId>) {
        let Some(task) = self.state.tasks.get(&id) else { return };
        let Some(queue) = self.state.queues.get(&task.queue) else { return };
        let channel = task.kind.channel();
        let demand = queue.config.demand(task.ring());
        let lane = queue.index.lane(channel);
        let (mut eligible, mut tally) = (count(lane.ring(task.ring()).free.len()), lane.tally);
        let mut unable = lane.free - eligible;
        // The lane may say something old of those who are dirty.
        for (_, person) in self.newly_free(task) {
            if let Some(filter) = person.index.entered.standing[channel as usize] {
                let able = person.config.lacks(demand).is_none();
                *(if able { &mut eligible } else { &mut unable }) += 1;
                tally[filter as usize] -= 1;
            }
        }
        let excluded = STANDINGS.into_iter().zip(tally).chain([(Filter::Skill, unable)]);
        let record = DecisionRecord {
            at: now,
            task: id,
            queue: task.queue,
            strategy: queue.config.strategy,
            demand: demand.to_vec(),
            wanted: task.wish().map(|wish| wish.operator),
            considered: self.considered(now, task, queue, chosen),
            eligible,
            excluded: excluded.filter(|(_, n)| *n > 0).collect(),
            chosen,
            kept: None,
        };
        self.tell(Output::Decision(record));
    }

    /// Why nobody is looked for, if so.
    pub(crate) fn explain_kept(&mut self, now: Time, id: TaskId) {
        let Some(task) = self.state.tasks.get(&id) else { return };
        let Some(queue) = self.state.queues.get(&task.queue) else { return };
        let kept = if !self.state.auto_connect {
            Kept::Everywhere
        } else if !queue.config.auto_connect {
            Kept::Queue
        } else if !task.auto_connect {
            Kept::Task
        } else if task.waiting().is_some_and(|waiting| waiting.held.is_some()) {
            Kept::Hold
        } else {
            return;
        };
        let record = DecisionRecord {
            at: now,
            task: id,
            queue: task.queue,
            strategy: queue.config.strategy,
            demand: queue.config.demand(task.ring()).to_vec(),
            wanted: task.wish().map(|wish| wish.operator),
            considered: Vec::new(),
            eligible: 0,
            excluded: Vec::new(),
            chosen: None,
            kept: Some(kept),
        };
        self.tell(Output::Decision(record));
    }

    /// The chosen one, the next best, and, where there is nobody, some of those who could not.
    fn considered(
        &self,
        now: Time,
        task: &Task,
        queue: &Queue,
        chosen: Option<OperatorId>,
    ) -> Vec<(OperatorId, Verdict)> {
        let channel = task.kind.channel() as usize;
        let score = |person: &Operator| Verdict::Score(queue.score(now, person));
        let mut considered = Vec::with_capacity(2 * NAMED + 1);
        let wanted = task.wish().map(|wish| wish.operator);
        if let Some(id) = chosen.or(wanted)
            && let Some(person) = self.state.operators.get(&id)
        {
            let verdict = match person.index.standing[channel] {
                Some(filter) => Verdict::Excluded(filter),
                None if chosen.is_none() => Verdict::Excluded(Filter::BackOff),
                None => score(person),
            };
            considered.push((id, verdict));
        }
        let others = queue.best_first(task.kind.channel(), task.ring());
        let others = others.filter(|(_, id)| Some(*id) != chosen.or(wanted));
        considered.extend(others.take(NAMED).filter_map(|(_, id)| {
            let verdict = if task.is_backed_off(*id) {
                Verdict::Excluded(Filter::BackOff)
            } else if wanted.is_some() {
                Verdict::Excluded(Filter::NotWanted)
            } else {
                score(self.state.operators.get(id)?)
            };
            Some((*id, verdict))
        }));
        if chosen.is_none() {
            let demand = queue.config.demand(task.ring());
            let excluded = queue.index.members.iter().take(2 * NAMED).filter_map(|id| {
                let person = self.state.operators.get(id)?;
                let filter = person.index.standing[channel].map(Verdict::Excluded);
                let verdict = filter.or_else(|| lacks(person, demand))?;
                (Some(*id) != wanted).then_some((*id, verdict))
            });
            considered.extend(excluded.take(NAMED));
        }
        considered
    }
}
