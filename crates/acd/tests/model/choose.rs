//! Who gets it: each strategy in the words of a textbook, over plain lists.
use super::naive::{Claim, Naive, Person, Place, Queue, Task};
use acd::{OCCUPANCY_OVER, OperatorId, QueueId, SkillId, Strategy, TaskId, Time};

impl Naive {
    pub(crate) fn can(person: &Person, queue: &Queue, task: &Task) -> bool {
        let demand = match task.ring.0 {
            0 => &queue.config.skills,
            n => &queue.config.relax[n - 1].skills,
        };
        person.serves.contains(&queue.id)
            && demand.iter().all(|(skill, asked)| Self::level(person, *skill) >= *asked)
    }

    fn level(person: &Person, skill: SkillId) -> u32 {
        person.config.skills.iter().find(|(held, _)| *held == skill).map_or(0, |(_, level)| *level)
    }

    pub(crate) fn choose_one(
        &self,
        now: Time,
        queue: &Queue,
        mut able: Vec<&Person>,
    ) -> Option<OperatorId> {
        able.sort_by_key(|p| p.id);
        let idle = |p: &Person| (p.idle, p.id);
        let able = able.into_iter();
        let best = match queue.config.strategy {
            Strategy::LongestIdle | Strategy::RingAll | Strategy::Progressive => {
                able.min_by_key(|p| idle(p))
            }
            Strategy::InOrder => able.min_by_key(|p| p.place),
            Strategy::RoundRobin => able.min_by_key(|p| {
                let me = (p.place, p.id);
                (queue.cursor.is_some_and(|cursor| me <= cursor), me)
            }),
            Strategy::LeastTalkTime => able.min_by_key(|p| (p.given.1, idle(p))),
            Strategy::FewestCalls => able.min_by_key(|p| (p.given.0, idle(p))),
            Strategy::LeastOccupied => able.min_by_key(|p| (Self::occupied(now, p), idle(p))),
            Strategy::FewestDialogs => able.min_by_key(|p| (self.load(p).1, p.given.2, p.id)),
            Strategy::Random => self.draw(&able.map(|p| (p, 1)).collect::<Vec<_>>()),
            Strategy::WeightedRandom => {
                self.draw(&able.map(|p| (p, u64::from(p.config.weight))).collect::<Vec<_>>())
            }
            Strategy::BestSkill => able.max_by_key(|p| {
                let rings = queue.config.relax.iter().flat_map(|ring| &ring.skills);
                let mut asked: Vec<_> = queue.config.skills.iter().chain(rings).collect();
                asked.sort_unstable();
                asked.dedup_by_key(|(skill, _)| *skill);
                let levels = asked.into_iter().map(|(skill, _)| Self::level(p, *skill));
                (levels.sum::<u32>(), std::cmp::Reverse(idle(p)))
            }),
        };
        best.map(|p| p.id)
    }

    /// Everybody has as many lots as their weight.
    fn draw<'p>(&self, lots: &[(&'p Person, u64)]) -> Option<&'p Person> {
        let each =
            lots.iter().flat_map(|(p, n)| std::iter::repeat_n(*p, usize::try_from(*n).unwrap()));
        let each: Vec<&Person> = each.collect();
        let mut z = self.chance.wrapping_add(0x9E37_79B9_7F4A_7C15);
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        let drawn = (u128::from(z ^ (z >> 31)) * each.len() as u128) >> 64;
        let drawn = each.get(usize::try_from(drawn).unwrap()).copied();
        drawn.or(lots.first().map(|(p, _)| *p))
    }

    /// Busy per signed in, second by second so to say: between any two changes.
    fn occupied(now: Time, person: &Person) -> u128 {
        let ends = person.log.iter().skip(1).map(|(at, ..)| *at).chain([now]);
        let (mut busy, mut signed_in) = (Time::ZERO, Time::ZERO);
        for ((from, is_busy, is_in), to) in person.log.iter().zip(ends) {
            let long = to.saturating_sub(*from.max(&now.saturating_sub(OCCUPANCY_OVER)));
            busy += if *is_busy { long } else { Time::ZERO };
            signed_in += if *is_in { long } else { Time::ZERO };
        }
        (busy.as_millis() * 1_000_000).checked_div(signed_in.as_millis()).unwrap_or(0)
    }

    pub(crate) fn note(&mut self, now: Time, at: usize) {
        let person = &self.people[at];
        let busy = self.on_call(person) || person.wrap_up.is_some();
        let note = (now, busy, busy || !Self::offline(person));
        let log = &mut self.people[at].log;
        if log.last().is_none_or(|last| (last.1, last.2) != (note.1, note.2)) {
            log.push(note);
        }
    }

    pub(crate) fn given(&mut self, now: Time, who: OperatorId) {
        let given = &mut self.p(who).unwrap().given;
        *given = (given.0 + 1, given.1, now);
    }

    pub(crate) fn new_day(&mut self, now: Time, day: i32) {
        if day != self.day.0 {
            self.day = (day, now);
            for person in &mut self.people {
                person.given = (0, Time::ZERO, person.given.2);
            }
        }
    }

    /// What a strategy remembers of its choice.
    pub(crate) fn chosen_by_strategy(
        &mut self,
        now: Time,
        queue: QueueId,
        task: TaskId,
        chosen: (usize, OperatorId),
    ) {
        let queue = self.queues.iter_mut().find(|q| q.id == queue).unwrap();
        match queue.config.strategy {
            Strategy::RoundRobin => queue.cursor = Some(chosen),
            Strategy::Random | Strategy::WeightedRandom => {
                self.chance = self.chance.wrapping_add(0x9E37_79B9_7F4A_7C15);
            }
            Strategy::Progressive => {
                let step = Time::from_millis(queue.config.step_ms);
                self.t(task).unwrap().step = Some(now + step);
            }
            _ => {}
        }
    }

    pub(crate) fn set_ring(&mut self, now: Time, id: TaskId) {
        let task = self.t(id).unwrap();
        if task.place != Place::Waits {
            return;
        }
        let (queue, waited) = (task.e.queue, task.waited + (now - task.queued));
        let relax = &self.queues.iter().find(|q| q.id == queue).unwrap().config.relax;
        let due: Vec<Time> = relax.iter().map(|r| Time::from_millis(r.after_ms)).collect();
        let ring = due.iter().take_while(|due| **due <= waited).count();
        let next = due.get(ring).map(|due| now + (*due - waited));
        self.t(id).unwrap().ring = (ring, next);
    }

    /// Whether the one who served a caller before is worth waiting for.
    pub(crate) fn comes(&self, queue: QueueId, who: OperatorId) -> bool {
        let them = self.people.iter().find(|p| p.id == who);
        them.is_some_and(|p| p.serves.contains(&queue) && Self::available(p))
    }

    /// Who served a caller before has not taken their call.
    pub(crate) fn unstick(&mut self, now: Time, claim: Claim) {
        if let Some(task) = self.t(claim.task)
            && task.e.wanted.is_some_and(|w| w.sticky && w.operator == claim.operator)
        {
            (task.e.wanted, task.until) = (None, None);
            self.follow(now);
        }
    }
}
