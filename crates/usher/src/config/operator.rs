//! `[[operator]]`, and the many operators that one table with ranges makes.

use std::sync::Arc;

use b2bua::config::{Go, HeaderRules, Operator, Outgoing, Pickup, Rank, SignIn};
use sip::msg::{Scheme, Uri};

use super::fault::Report;
use super::names::{Names, Thing};
use super::route::expression;
use super::section::{Section, Text};
use super::source::{At, Kind};
use super::{codecs, expand, headers, trunk};

/// An operator as the core and the registrar see them.
pub(super) struct Read {
    pub(super) at: At,
    pub(super) core: Operator,
    /// None where they have no phone of ours.
    pub(super) credentials: Option<sip::Credentials>,
}

const LATER: &[&str] = &["language"];

/// One table; several operators where `id` is a range such as `op{1..200}`.
pub(super) fn read(mut section: Section<'_>, names: &mut Names) -> Vec<Read> {
    let id = section.required("id", "the user part of the phone's address, such as \"alice\"");
    section.is_called(id.map_or("", |id| id.text));
    let expected = "what is typed into the phone";
    let password = if section.has("contact") {
        section.text("password", expected)
    } else {
        section.required("password", expected)
    };
    let number = section.text("number", "a string such as \"101\"");
    let name = section.text("name", "a name for people");
    let caller_id = section.text("caller_id", "a number, or a SIP or tel URI");

    let many = id.map_or(1, |id| expanded(&section, id).map_or(1, |ids| ids.len()));
    let each = |text: Option<Text<'_>>| -> Option<Vec<String>> {
        let text = text?;
        let Some(list) = expanded(&section, text) else {
            return Some(vec![text.text.to_owned(); many]);
        };
        if list.len() == many {
            return Some(list);
        }
        let (there, here) = (many, list.len());
        section.report.fault(
            text.at,
            format!("`{}` makes {here}, but `id` makes {there}; ranges go together", text.text),
        );
        None
    };
    let (ids, numbers, people, passwords) = (each(id), each(number), each(name), each(password));
    let caller_ids = each(caller_id);
    let rest = rest(&section, names);
    section.finish(LATER);

    let place = |text: Option<Text<'_>>| text.map_or(&*section.at, |text| text.at).clone();
    let (id_at, number_at, caller_at) = (&place(id), &place(number), &place(caller_id));
    let mut all = Vec::new();
    for (index, id) in ids.unwrap_or_default().into_iter().enumerate() {
        let nth = |list: &Option<Vec<String>>| list.as_ref().map(|list| list[index].clone());
        let at = section.at.clone();
        names.define(Thing::Operator, &id, &at, section.report);
        let owner = format!("operator `{id}`");
        names.dial(&id, &owner, &at, section.report);
        plain(&section, "id", &id, id_at);
        let number = nth(&numbers);
        if let Some(number) = &number {
            names.dial(number, &owner, &at, section.report);
            plain(&section, "number", number, number_at);
        }
        let caller_id = nth(&caller_ids);
        if let Some(caller_id) = &caller_id {
            headers::is_caller_id(&section, caller_id, caller_at);
        }
        all.push(Read {
            core: Operator {
                caller_id: caller_id.map(Into::into),
                number: number.map(Into::into),
                name: nth(&people).unwrap_or_else(|| id.clone()).into(),
                id: id.as_str().into(),
                ..rest.clone()
            },
            credentials: nth(&passwords).map(|password| sip::Credentials {
                username: id.into(),
                password: password.into(),
            }),
            at,
        });
    }
    all
}

/// What ranges do not touch; id, number and name are still empty.
fn rest(section: &Section<'_>, names: &mut Names) -> Operator {
    let queues = section.texts("queues", "a list of queues").unwrap_or_default();
    for (index, queue) in queues.iter().enumerate() {
        names.refer(Thing::Queue, *queue, section.what());
        if queues[..index].iter().any(|other| other.text == queue.text) {
            section.report.fault(queue.at, format!("queue `{}` is there twice", queue.text));
        }
    }
    let sign_in = section.choice(
        "sign_in",
        &[("register", SignIn::Register), ("explicit", SignIn::Explicit)],
        &[],
    );
    let (mut total_max, mut voice_max) = (4, 1);
    if let Some(limits) = section.table("limits") {
        voice_max = limits.whole("voice", 1, 0..=100);
        total_max = limits.whole("total", voice_max.max(4), 0..=1_000);
        limits.finish(&["chat", "dialog", "email"]);
        if voice_max > total_max {
            section.report.warn(
                limits.at,
                format!(
                    "{} may take {voice_max} voice calls, but {total_max} in all",
                    section.what()
                ),
            );
        }
    }
    Operator {
        id: "".into(),
        number: None,
        name: "".into(),
        contact: contact(section, names),
        queues: queues.iter().map(|queue| queue.text.into()).collect(),
        skills: super::skill::levels(section),
        weight: section.whole("weight", 1, 0..=1_000),
        wrap_up_ms: section.seconds("wrap_up_s", None, 0..=86_400),
        sign_in,
        outgoing: outgoing(section),
        total_max,
        voice_max,
        headers: headers::rules(section, HeaderRules::of_operator(), false),
        caller_id: None,
        pickup: pickup(section),
        codecs: codecs::read(section),
        rank: section.choice(
            "role",
            &[
                ("operator", Rank::Operator),
                ("supervisor", Rank::Supervisor),
                ("admin", Rank::Admin),
            ],
            &[],
        ),
        supervises: supervises(section, names),
    }
}

/// `contact`: where they are called who have no phone of ours, over `trunk` if it is a number.
fn contact(section: &Section<'_>, names: &mut Names) -> Option<Go> {
    let expected = "such as \"tel:+74951234567\", or a SIP URI";
    let trunk = section.text("trunk", "the trunk to call them over");
    if let Some(trunk) = trunk {
        names.refer(Thing::Trunk, trunk, section.what());
    }
    let Some(text) = section.text("contact", expected) else {
        if let Some(trunk) = trunk {
            let what = section.what();
            section.report.fault(
                trunk.at,
                format!("`trunk` of {what} is of a `contact` outside, and there is none"),
            );
        }
        return None;
    };
    match Uri::parse(text.text) {
        Ok(uri) if *uri.scheme() == Scheme::Tel => {
            let number = uri.user().unwrap_or_default().into_owned();
            let trunk = trunk.map_or("", |trunk| trunk.text).into();
            Some(Go::Number { number, trunk })
        }
        Ok(uri) if uri.is_sip() && trunk.is_none() => Some(Go::Uri(uri)),
        Ok(uri) if uri.is_sip() => {
            let what = section.what();
            section.report.fault(
                text.at,
                format!(
                    "`contact` of {what} is a SIP URI, which goes over no `trunk`; remove that"
                ),
            );
            None
        }
        _ => {
            let what = section.what();
            section.report.fault(
                text.at,
                format!("`contact` of {what} is `{}`; expected {expected}", text.text),
            );
            None
        }
    }
}

/// A number outside is called over the trunk that is named, else over the only one there is.
pub(super) fn reach(operators: &mut [Read], trunks: &[trunk::Read], report: &Report) {
    let able: Vec<_> = trunks.iter().filter(|trunk| trunk.core.proxy.is_some()).collect();
    for operator in operators {
        let Some(Go::Number { trunk, .. }) = &mut operator.core.contact else { continue };
        let known = trunks.iter().any(|other| other.core.name == *trunk);
        let what = match able.as_slice() {
            _ if able.iter().any(|other| other.core.name == *trunk) => continue,
            _ if known => format!("calls over trunk `{trunk}`, which has no `proxy`; add one"),
            // That it is not there has been told.
            _ if !trunk.is_empty() => continue,
            [only] => {
                *trunk = only.core.name.clone();
                continue;
            }
            [] => "needs a [[trunk]] with a `proxy`, and there is none".to_owned(),
            _ => "needs `trunk`: there are several to call over".to_owned(),
        };
        let id = &operator.core.id;
        report.fault(&operator.at, format!("`contact` of operator `{id}` {what}"));
    }
}

/// Queues whose calls somebody may watch.
pub(super) fn supervises(section: &Section<'_>, names: &mut Names) -> Vec<Arc<str>> {
    let queues = section.texts("supervises", "a list of queues").unwrap_or_default();
    for queue in &queues {
        names.refer(Thing::Queue, *queue, section.what());
    }
    queues.iter().map(|queue| queue.text.into()).collect()
}

/// Whose seat their phones may take.
fn pickup(section: &Section<'_>) -> Pickup {
    let words = [
        ("own", Pickup::Own),
        ("none", Pickup::Nobody),
        ("queues", Pickup::Queues),
        ("any", Pickup::Any),
    ];
    section.choice("pickup", &words, &[])
}

pub(super) fn outgoing(section: &Section<'_>) -> Outgoing {
    let is_list = |kind: &Kind| matches!(kind, Kind::List(_));
    if section.entry("outgoing").is_some_and(|entry| is_list(&entry.value.kind)) {
        let patterns = section.texts("outgoing", "a list of expressions").unwrap_or_default();
        let patterns = patterns.into_iter().map(|text| expression(section, "outgoing", text));
        return Outgoing::Matching(patterns.collect());
    }
    if section.choice("outgoing", &[("internal", true), ("none", false)], &[]) {
        Outgoing::Internal
    } else {
        Outgoing::Nobody
    }
}

fn expanded(section: &Section<'_>, text: Text<'_>) -> Option<Vec<String>> {
    match expand::range(text.text)? {
        Ok(list) => Some(list),
        Err(fault) => {
            section.report.fault(text.at, fault);
            None
        }
    }
}

/// What is dialled goes into the user part of a URI: nothing there may need an escape.
pub(super) fn plain(section: &Section<'_>, key: &str, text: &str, at: &At) {
    let fine = |c: char| c.is_ascii_alphanumeric() || "-_.+*#!~'".contains(c);
    if !text.chars().all(fine) {
        section.report.fault(
            at,
            format!(
                "`{key}` of {} is `{text}`; expected letters, digits and - _ . + * # only",
                section.what()
            ),
        );
    }
}
