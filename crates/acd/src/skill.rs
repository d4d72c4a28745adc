//! What a task asks for and an operator has. A task asks for less the longer it waits: its demand
//! goes through the rings of its queue.
use crate::RINGS_MAX;
use crate::config::{Level, OperatorConfig, QueueConfig};
use crate::ids::{SkillId, Time};

/// A set of rings, one bit each.
pub(crate) type Rings = u16;

/// A skill that somebody has not, or not enough of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Lack {
    pub(crate) skill: SkillId,
    pub(crate) level: u32,
    pub(crate) asked: u32,
}

impl QueueConfig {
    /// How many demands a task goes through; at least one.
    pub(crate) fn rings(&self) -> usize {
        1 + self.relax.len().min(RINGS_MAX)
    }

    pub(crate) fn demand(&self, ring: usize) -> &[Level] {
        match ring.checked_sub(1) {
            None => &self.skills,
            Some(relaxed) => self.relax.get(relaxed).map_or(&[], |ring| &ring.skills),
        }
    }

    /// The ring of a task that has waited for so long, and how long the next one is away.
    pub(crate) fn ring_after(&self, waited: Time) -> (usize, Option<Time>) {
        let due = |ring: usize| self.relax.get(ring).map(|r| Time::from_millis(r.after_ms));
        let mut ring = 0;
        while ring + 1 < self.rings() && due(ring).is_some_and(|due| due <= waited) {
            ring += 1;
        }
        let next = if ring + 1 < self.rings() { due(ring) } else { None };
        (ring, next.map(|due| due.saturating_sub(waited)))
    }
}

impl OperatorConfig {
    fn level(&self, skill: SkillId) -> u32 {
        self.skills.iter().find(|(held, _)| *held == skill).map_or(0, |(_, level)| *level)
    }

    /// The first demand that they do not meet.
    pub(crate) fn lacks(&self, demand: &[Level]) -> Option<Lack> {
        demand.iter().find_map(|(skill, asked)| {
            let (skill, asked, level) = (*skill, *asked, self.level(*skill));
            (level < asked).then_some(Lack { skill, level, asked })
        })
    }

    /// In which rings of a queue they may be given a task.
    pub(crate) fn rings(&self, queue: &QueueConfig) -> Rings {
        let meets = |ring| self.lacks(queue.demand(ring)).is_none();
        (0..queue.rings()).filter(|ring| meets(*ring)).fold(0, |rings, ring| rings | 1 << ring)
    }

    /// The sum of their levels of what a queue asks for, in whatever ring.
    pub(crate) fn fitness(&self, queue: &QueueConfig) -> u64 {
        let asked: Vec<&Level> = (0..queue.rings()).flat_map(|ring| queue.demand(ring)).collect();
        let is_first = |at: usize, skill| !asked[..at].iter().any(|(other, _)| *other == skill);
        let skills = asked.iter().enumerate().filter(|(at, (skill, _))| is_first(*at, *skill));
        skills.map(|(_, (skill, _))| u64::from(self.level(*skill))).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Ring;

    #[test]
    fn a_demand_goes_through_its_rings() {
        let ring = |after_ms, level| Ring { after_ms, skills: vec![(SkillId(1), level)] };
        let queue = QueueConfig {
            skills: vec![(SkillId(1), 5), (SkillId(2), 1)],
            relax: vec![ring(10_000, 3), ring(30_000, 1)],
            ..QueueConfig::default()
        };
        let s = Time::from_secs;
        let check = |waited, ring, next| assert_eq!(queue.ring_after(waited), (ring, next));
        check(s(0), 0, Some(s(10)));
        check(s(9), 0, Some(s(1)));
        check(s(10), 1, Some(s(20)));
        check(s(29), 1, Some(s(1)));
        check(s(30), 2, None);
        check(s(9_000), 2, None);

        let has = |skills: &[(u32, u32)]| OperatorConfig {
            skills: skills.iter().map(|(skill, level)| (SkillId(*skill), *level)).collect(),
            ..OperatorConfig::default()
        };
        assert_eq!(has(&[(1, 5), (2, 1)]).rings(&queue), 0b111);
        assert_eq!(has(&[(1, 5)]).rings(&queue), 0b110, "the second skill is asked for at first");
        assert_eq!(has(&[(1, 1), (2, 9)]).rings(&queue), 0b100);
        assert_eq!(has(&[(2, 9)]).rings(&queue), 0);
        assert_eq!(has(&[(2, 9)]).rings(&QueueConfig::default()), 1, "nothing is asked");
        let lack = Lack { skill: SkillId(1), level: 2, asked: 5 };
        assert_eq!(has(&[(1, 2)]).lacks(queue.demand(0)), Some(lack));
        assert_eq!(has(&[(1, 4), (2, 3), (3, 9)]).fitness(&queue), 7);
    }

    #[test]
    fn rings_beyond_the_most_are_left_out() {
        let ring = |after_ms| Ring { after_ms, skills: Vec::new() };
        let relax = (1..=RINGS_MAX as u64 + 5).map(ring).collect();
        let queue = QueueConfig { relax, ..QueueConfig::default() };
        assert_eq!(queue.ring_after(Time::from_secs(60)), (RINGS_MAX, None));
        assert_eq!(OperatorConfig::default().rings(&queue).count_ones() as usize, RINGS_MAX + 1);
    }
}
