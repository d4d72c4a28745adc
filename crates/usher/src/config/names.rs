//! Who is called what: names and numbers are unique, and whatever is referred to exists.

use std::collections::BTreeMap;

use super::fault::Report;
use super::section::{Text, did_you_mean};
use super::source::At;

/// What a name belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Thing {
    Operator,
    Queue,
    Trunk,
    Menu,
    Bot,
    Hook,
    Token,
    Webhook,
}

impl Thing {
    fn word(self) -> &'static str {
        match self {
            Self::Operator => "operator",
            Self::Queue => "queue",
            Self::Trunk => "trunk",
            Self::Menu => "menu",
            Self::Bot => "bot",
            Self::Hook => "hook",
            Self::Token => "token",
            Self::Webhook => "webhook",
        }
    }

    fn table(self) -> &'static str {
        match self {
            Self::Operator => "[[operator]]",
            Self::Queue => "[[queue]]",
            Self::Trunk => "[[trunk]]",
            Self::Menu => "[[menu]]",
            Self::Bot => "[[bot]]",
            Self::Hook => "[[hook]]",
            Self::Token => "[[http.token]]",
            Self::Webhook => "[[webhook]]",
        }
    }
}

#[derive(Default)]
pub(super) struct Names {
    defined: BTreeMap<(Thing, String), At>,
    /// What can be dialled: who it is, and where.
    dialled: BTreeMap<String, (String, At)>,
    referred: Vec<(Thing, String, String, At)>,
}

impl Names {
    pub(super) fn define(&mut self, thing: Thing, name: &str, at: &At, report: &Report) {
        let key = (thing, name.to_owned());
        if let Some(first) = self.defined.get(&key) {
            let (file, line) = (first.file.display(), first.line);
            report.fault(
                at,
                format!("{} `{name}` is there twice; the first is at {file}:{line}", thing.word()),
            );
        } else {
            self.defined.insert(key, at.clone());
        }
    }

    /// Something that is dialled: numbers of operators and queues, and operators' ids.
    pub(super) fn dial(&mut self, number: &str, owner: &str, at: &At, report: &Report) {
        match self.dialled.get(number) {
            Some((first, _)) if first == owner => {}
            Some((first, first_at)) => {
                let (file, line) = (first_at.file.display(), first_at.line);
                report.fault(
                    at,
                    format!(
                        "`{number}` of {owner} is dialled for {first} already, at {file}:{line}"
                    ),
                );
            }
            None => {
                self.dialled.insert(number.to_owned(), (owner.to_owned(), at.clone()));
            }
        }
    }

    pub(super) fn refer(&mut self, thing: Thing, name: Text<'_>, by: &str) {
        self.referred.push((thing, name.text.to_owned(), by.to_owned(), name.at.clone()));
    }

    /// Whether such a thing exists; complete only after all sections are read.
    pub(super) fn finish(&self, report: &Report) {
        for (thing, name, by, at) in &self.referred {
            if self.defined.contains_key(&(*thing, name.clone())) {
                continue;
            }
            let known: Vec<&str> = self
                .defined
                .keys()
                .filter(|(other, _)| other == thing)
                .map(|(_, name)| name.as_str())
                .collect();
            let hint = did_you_mean(name, known.iter().copied());
            let hint = match (hint.is_empty(), known.is_empty()) {
                (false, _) => hint,
                (true, true) => format!("; there is no {} at all", thing.table()),
                (true, false) => {
                    let shown: Vec<&str> = known.iter().take(8).copied().collect();
                    let more = if known.len() > shown.len() { ", …" } else { "" };
                    format!("; there are: {}{more}", shown.join(", "))
                }
            };
            report.fault(
                at,
                format!("{by} names {} `{name}`, which is not there{hint}", thing.word()),
            );
        }
    }
}
