//! Names to numbers and back, and what the configuration says of them.

use std::collections::BTreeMap;

use acd::{OperatorId, QueueId, SkillId};
use media::Codec;
use serde::{Deserialize, Serialize};

use crate::config::{Bot, Config, HeaderRules, Level, Name, Operator, Queue, Trunk};
use crate::rewriting::Rewriting;
use crate::route::Router;

/// Every operator and queue there ever was on this node, by number. A number outlives a reload, so
/// that a task or a call can go on holding it.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(crate) struct Names {
    operators: Vec<Name>,
    queues: Vec<Name>,
    skills: Vec<Name>,
}

/// The numbers of `wanted`, in order; a name not known yet is given the next one.
fn numbers<'a>(known: &mut Vec<Name>, wanted: impl Iterator<Item = &'a Name>) -> Vec<u32> {
    let mut index: BTreeMap<Name, u32> = known.iter().cloned().zip(0..).collect();
    let number = |name: &Name| {
        *index.entry(name.clone()).or_insert_with(|| {
            known.push(name.clone());
            u32::try_from(known.len() - 1).unwrap_or(u32::MAX)
        })
    };
    wanted.map(number).collect()
}

/// Every skill that is held or asked for.
fn skills(config: &Config) -> impl Iterator<Item = &Name> {
    let asked = config.queues.iter().flat_map(|queue| {
        let relaxed = queue.asks.relax.iter().flat_map(|(_, skills)| skills);
        queue.asks.skills.iter().chain(relaxed)
    });
    let held = config.operators.iter().flat_map(|operator| &operator.skills);
    held.chain(asked).map(|(skill, _)| skill)
}

/// The configuration with its indexes.
#[derive(Debug)]
pub(crate) struct Directory {
    pub(crate) config: Config,
    pub(crate) router: Router,
    operators: BTreeMap<Name, (OperatorId, usize)>,
    queues: BTreeMap<Name, (QueueId, usize)>,
    operator_names: Vec<Name>,
    queue_names: Vec<Name>,
    skill_names: Vec<Name>,
    by_number: BTreeMap<Name, Extension>,
    /// How numbers are written of those that no trunk writes.
    as_is: Rewriting,
    /// What peers without a configuration of their own are told.
    pub(crate) strangers: HeaderRules,
}

/// What a number of ours reaches.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Extension {
    Operator(Name),
    Queue(Name),
}

impl Directory {
    /// Indexes a configuration; names new to the node are numbered in `names`.
    pub(crate) fn new(config: Config, names: &mut Names) -> Self {
        let mut operators = BTreeMap::new();
        let mut queues = BTreeMap::new();
        let mut by_number = BTreeMap::new();
        let ids = numbers(&mut names.operators, config.operators.iter().map(|o| &o.id));
        for (at, (operator, id)) in config.operators.iter().zip(ids).enumerate() {
            let reached = || Extension::Operator(operator.id.clone());
            operators.insert(operator.id.clone(), (OperatorId(id), at));
            by_number.insert(operator.id.clone(), reached());
            by_number.extend(operator.number.iter().map(|number| (number.clone(), reached())));
        }
        let _ = numbers(&mut names.skills, skills(&config));
        let ids = numbers(&mut names.queues, config.queues.iter().map(|q| &q.name));
        for (at, (queue, id)) in config.queues.iter().zip(ids).enumerate() {
            let reached = || Extension::Queue(queue.name.clone());
            queues.insert(queue.name.clone(), (QueueId(id), at));
            by_number.extend(queue.number.iter().map(|number| (number.clone(), reached())));
        }
        let router = Router::new(&config);
        Self {
            router,
            operators,
            queues,
            by_number,
            operator_names: names.operators.clone(),
            queue_names: names.queues.clone(),
            skill_names: names.skills.clone(),
            as_is: Rewriting::default(),
            strangers: HeaderRules::of_trunk(),
            config,
        }
    }

    /// How a trunk's numbers are written in the house.
    pub(crate) fn number_in(&self, trunk: Option<&str>) -> &Rewriting {
        let trunk = trunk.and_then(|name| self.trunk(name));
        trunk.map_or(&self.as_is, |trunk| &trunk.number_in)
    }

    pub(crate) fn operator_id(&self, name: &str) -> Option<OperatorId> {
        self.operators.get(name).map(|(id, _)| *id)
    }

    pub(crate) fn operator(&self, name: &str) -> Option<&Operator> {
        self.operators.get(name).and_then(|(_, at)| self.config.operators.get(*at))
    }

    pub(crate) fn operator_name(&self, id: OperatorId) -> Name {
        named(&self.operator_names, id.0)
    }

    pub(crate) fn queue_id(&self, name: &str) -> Option<QueueId> {
        self.queues.get(name).map(|(id, _)| *id)
    }

    pub(crate) fn queue(&self, id: QueueId) -> Option<&Queue> {
        let (_, at) = self.queues.get(self.queue_names.get(id.0 as usize)?)?;
        self.config.queues.get(*at)
    }

    pub(crate) fn queue_name(&self, id: QueueId) -> Name {
        named(&self.queue_names, id.0)
    }

    pub(crate) fn skill_name(&self, id: SkillId) -> Name {
        named(&self.skill_names, id.0)
    }

    pub(crate) fn trunk(&self, name: &str) -> Option<&Trunk> {
        self.config.trunks.iter().find(|trunk| &*trunk.name == name)
    }

    pub(crate) fn bot(&self, name: &str) -> Option<&Bot> {
        self.config.bots.iter().find(|bot| &*bot.name == name)
    }

    /// What may be spoken with somebody, best first.
    pub(crate) fn codecs(&self, operator: Option<OperatorId>, trunk: Option<&str>) -> &[Codec] {
        let operator = operator.and_then(|id| self.operator(&self.operator_name(id)));
        let own = operator.and_then(|operator| operator.codecs.as_ref());
        let trunk = || self.trunk(trunk?)?.codecs.as_ref();
        own.or_else(trunk).unwrap_or(&self.config.media.codecs)
    }

    pub(crate) fn extension(&self, number: &str) -> Option<&Extension> {
        self.by_number.get(number)
    }

    /// The distributor's part of the configuration.
    pub(crate) fn acd(&self) -> acd::Config {
        let index: BTreeMap<&Name, SkillId> =
            self.skill_names.iter().zip((0..).map(SkillId)).collect();
        let levels = |levels: &[Level]| -> Vec<acd::Level> {
            levels.iter().filter_map(|(name, level)| Some((*index.get(name)?, *level))).collect()
        };
        let ring = |(after_ms, skills): &(u64, Vec<Level>)| acd::Ring {
            after_ms: *after_ms,
            skills: levels(skills),
        };
        let queue = |queue: &Queue| acd::QueueConfig {
            strategy: queue.strategy,
            skills: levels(&queue.asks.skills),
            relax: queue.asks.relax.iter().map(ring).collect(),
            step_ms: queue.step_ms,
            ring_ms: queue.ring_ms,
            wrap_up_ms: queue.wrap_up_ms,
            rona: acd::Rona { after: queue.rona_after, state: queue.rona_state },
            back_off_ms: queue.back_off_ms,
            max_waiting: u32::try_from(queue.waiting_max).unwrap_or(u32::MAX),
            max_wait_ms: queue.wait_ms_max,
            join_empty: queue.join_empty,
            share: queue.callback.as_ref().map_or(0, |callback| callback.share),
            auto_connect: queue.auto_connect,
            open: true,
        };
        let operator = |operator: &Operator| acd::OperatorConfig {
            queues: operator.queues.iter().filter_map(|name| self.queue_id(name)).collect(),
            limits: acd::Limits { total: operator.total_max, voice: operator.voice_max },
            wrap_up_ms: operator.wrap_up_ms,
            weight: operator.weight,
            skills: levels(&operator.skills),
        };
        let config = &self.config;
        acd::Config {
            queues: config
                .queues
                .iter()
                .filter_map(|q| Some((self.queue_id(&q.name)?, queue(q))))
                .collect(),
            operators: config
                .operators
                .iter()
                .filter_map(|o| Some((self.operator_id(&o.id)?, operator(o))))
                .collect(),
            auto_connect: config.auto_connect,
        }
    }
}

fn named(names: &[Name], at: u32) -> Name {
    names.get(at as usize).cloned().unwrap_or_else(|| "?".into())
}
