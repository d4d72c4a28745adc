//! Where a call goes: the first route that matches, then our own numbers.

use regex_lite::Regex;
use sip::msg::Message;

use crate::api::Time;
use crate::config::{Config, Go, Hours, Name, Outgoing, Route};
use crate::headers;

/// Compiled expressions, in the order of the configuration. An expression that does not compile
/// matches nothing; the configuration check has named it.
#[derive(Debug, Default)]
pub(crate) struct Router {
    routes: Vec<Compiled>,
    outgoing: Vec<(Name, Vec<Regex>)>,
    /// By trunk.
    moving: Vec<(Name, Vec<Regex>)>,
    /// By bot.
    handing: Vec<(Name, Vec<Regex>)>,
}

#[derive(Debug)]
struct Compiled {
    to: Pattern,
    from: Pattern,
    trunk: Option<Name>,
    header: Vec<(Name, Pattern)>,
    hours: Option<Hours>,
    go: Go,
}

/// Absent, or an expression; one that did not compile matches nothing.
#[derive(Debug)]
struct Pattern(Option<Option<Regex>>);

impl Pattern {
    fn new(expression: Option<&str>) -> Self {
        Self(expression.map(|text| Regex::new(text).ok()))
    }

    fn matches(&self, text: Option<&str>) -> bool {
        match &self.0 {
            None => true,
            Some(None) => false,
            Some(Some(regex)) => text.is_some_and(|text| regex.is_match(text)),
        }
    }
}

/// What a route can look at.
pub(crate) struct Dialled<'a> {
    pub(crate) to: &'a str,
    pub(crate) from: &'a str,
    pub(crate) trunk: Option<&'a str>,
    /// Whether it is believed when it says who somebody is.
    pub(crate) trusted: bool,
    /// None where nobody has sent one: an order.
    pub(crate) request: Option<&'a Message>,
    /// When, since the Unix epoch.
    pub(crate) unix: Time,
}

impl Router {
    pub(crate) fn new(config: &Config) -> Self {
        let Config { routes, operators, trunks, bots, .. } = config;
        let compile = |route: &Route| Compiled {
            to: Pattern::new(route.to.as_deref()),
            from: Pattern::new(route.from.as_deref()),
            trunk: route.trunk.clone(),
            header: route
                .header
                .iter()
                .map(|(name, value)| (name.clone(), Pattern::new(Some(value))))
                .collect(),
            hours: route.hours.clone(),
            go: route.go.clone(),
        };
        let policy = |name: &Name, outgoing: &Outgoing| match outgoing {
            Outgoing::Matching(list) => {
                let list = list.iter().filter_map(|text| Regex::new(text).ok()).collect();
                Some((name.clone(), list))
            }
            Outgoing::Internal | Outgoing::Nobody => None,
        };
        Self {
            routes: routes.iter().map(compile).collect(),
            outgoing: operators.iter().filter_map(|o| policy(&o.id, &o.outgoing)).collect(),
            moving: trunks.iter().filter_map(|t| policy(&t.name, &t.outgoing)).collect(),
            handing: bots.iter().filter_map(|b| policy(&b.name, &b.outgoing)).collect(),
        }
    }

    /// The destination of the first route that matches. Header fields that say who somebody is are
    /// there only if they are believed.
    pub(crate) fn find(&self, dialled: &Dialled<'_>) -> Option<&Go> {
        let said = |name: &str| {
            let is_believed = dialled.trusted || !headers::is_identity(name);
            dialled.request.and_then(|r| r.header_named(name)).filter(|_| is_believed)
        };
        let matches = |route: &&Compiled| {
            route.to.matches(Some(dialled.to))
                && route.from.matches(Some(dialled.from))
                && route.trunk.as_deref().is_none_or(|name| dialled.trunk == Some(name))
                && route.header.iter().all(|(name, value)| value.matches(said(name)))
                && route.hours.as_ref().is_none_or(|hours| hours.is_open(dialled.unix))
        };
        self.routes.iter().find(matches).map(|route| &route.go)
    }

    /// Whether an operator may reach a number outside.
    pub(crate) fn may_dial(&self, operator: &str, number: &str) -> bool {
        allows(&self.outgoing, operator, number)
    }

    /// Whether a trunk's side may have a call moved to a number outside.
    pub(crate) fn may_move(&self, trunk: &str, number: &str) -> bool {
        allows(&self.moving, trunk, number)
    }

    /// Whether a bot may hand a caller on to a number outside.
    pub(crate) fn may_hand_on(&self, bot: &str, number: &str) -> bool {
        allows(&self.handing, bot, number)
    }
}

fn allows(policies: &[(Name, Vec<Regex>)], name: &str, number: &str) -> bool {
    let policy = policies.iter().find(|(other, _)| &**other == name);
    policy.is_some_and(|(_, list)| list.iter().any(|regex| regex.is_match(number)))
}
