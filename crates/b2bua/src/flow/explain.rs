//! The distributor's explanations, with names.

use acd::{Strategy, Verdict};

use crate::api::{Considered, Explanation, Idle, Lacking};
use crate::config::Name;
use crate::id::TaskKey;
use crate::switch::B2bua;

impl B2bua {
    pub(super) fn explained(&self, record: &acd::DecisionRecord) -> Explanation {
        let name = |id: &acd::OperatorId| self.directory.operator_name(*id);
        let demand =
            record.demand.iter().map(|(id, level)| (self.directory.skill_name(*id), *level));
        let considered = record
            .considered
            .iter()
            .map(|(id, verdict)| self.considered(name(id), record.strategy, verdict));
        Explanation {
            at: self.utc(record.at),
            task: Some(TaskKey(record.task.0)),
            queue: self.directory.queue_name(record.queue),
            strategy: record.strategy.as_str(),
            demand: demand.collect(),
            wanted: record.wanted.as_ref().map(name),
            chosen: record.chosen.as_ref().map(name),
            kept: record.kept.map(acd::Kept::as_str),
            considered: considered.collect(),
            excluded: record
                .excluded
                .iter()
                .map(|(filter, count)| (filter.as_str().to_owned(), *count as usize))
                .collect(),
        }
    }

    fn considered(&self, operator: Name, strategy: Strategy, verdict: &Verdict) -> Considered {
        let mut considered =
            Considered { operator, verdict: String::new(), score: None, filter: None, lacks: None };
        match verdict {
            Verdict::Score(score) => {
                considered.verdict = scored(*score, strategy);
                considered.score = Some((*score, strategy.unit()));
            }
            Verdict::Excluded(filter) => {
                considered.verdict = filter.as_str().to_owned();
                considered.filter = Some(filter.as_str());
            }
            Verdict::Lacks { skill, level, asked } => {
                let skill = self.directory.skill_name(*skill);
                considered.verdict = format!("lacks {skill}: {level} of {asked}");
                considered.filter = Some(acd::Filter::Skill.as_str());
                considered.lacks = Some((skill, *level, *asked));
            }
        }
        considered
    }

    pub(super) fn idle(&self, why: acd::WhyIdle) -> Idle {
        let lacking = |lacking: acd::Lacking| Lacking {
            queue: self.directory.queue_name(lacking.queue),
            tasks: lacking.tasks,
            skill: self.directory.skill_name(lacking.skill),
            level: lacking.level,
            asked: lacking.asked,
        };
        Idle {
            filter: why.filter.map(acd::Filter::as_str),
            waiting: why.waiting,
            backed_off: why.backed_off.into_iter().map(|task| TaskKey(task.0)).collect(),
            lacking: why.lacking.into_iter().map(lacking).collect(),
            meant: why.meant,
            by_hand: why.by_hand,
            ringing: why.ringing,
        }
    }
}

/// A score as a person reads it.
fn scored(score: u64, strategy: Strategy) -> String {
    let tenths = |score: u64, per: u64| format!("{}.{}", score / per, score % per * 10 / per);
    match strategy {
        Strategy::LongestIdle | Strategy::RingAll | Strategy::Progressive => {
            format!("idle {} s", tenths(score, 1_000))
        }
        Strategy::InOrder | Strategy::RoundRobin => format!("place {}", score.saturating_add(1)),
        Strategy::LeastTalkTime => format!("talked {} s today", tenths(score, 1_000)),
        Strategy::FewestCalls => format!("{score} calls today"),
        Strategy::LeastOccupied => format!("occupied {} %", tenths(score, 10_000)),
        Strategy::FewestDialogs => format!("{score} open tasks"),
        Strategy::Random | Strategy::WeightedRandom => format!("weight {score}"),
        Strategy::BestSkill => format!("levels {score}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scores_are_read_by_people() {
        let check = |score, strategy, expected: &str| assert_eq!(scored(score, strategy), expected);
        check(12_345, Strategy::LongestIdle, "idle 12.3 s");
        check(0, Strategy::RoundRobin, "place 1");
        check(61_990, Strategy::LeastTalkTime, "talked 61.9 s today");
        check(7, Strategy::FewestCalls, "7 calls today");
        check(432_100, Strategy::LeastOccupied, "occupied 43.2 %");
        check(2, Strategy::FewestDialogs, "2 open tasks");
        check(5, Strategy::WeightedRandom, "weight 5");
        check(8, Strategy::BestSkill, "levels 8");
    }
}
