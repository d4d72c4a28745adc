//! Query strings: every name known, every value sound, or a problem that says which is not.

use std::fmt::Display;
use std::str::FromStr;

use axum::extract::{FromRequestParts, Query};
use axum::http::StatusCode;
use axum::http::request::Parts;
use serde_json::{Value, json};

use crate::problem::Problem;

/// Entries of a page where nobody says how many.
pub(crate) const LIMIT: usize = 100;
/// Entries of a page at most.
pub(crate) const LIMIT_MAX: usize = 1_000;

/// The parameters of one request; each is taken out as it is read.
#[derive(Debug)]
pub(crate) struct Params {
    pairs: Vec<(String, String)>,
    errors: Vec<(String, String)>,
}

impl<S: Send + Sync> FromRequestParts<S> for Params {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let pairs = Query::from_request_parts(parts, state).await;
        let Query(pairs) =
            pairs.map_err(|error| Problem::new(StatusCode::BAD_REQUEST, error.body_text()))?;
        Ok(Self { pairs, errors: Vec::new() })
    }
}

impl Params {
    /// A value as it is.
    pub(crate) fn text(&mut self, name: &str) -> Option<String> {
        let at = self.pairs.iter().position(|(given, _)| given == name)?;
        Some(self.pairs.remove(at).1)
    }

    /// Whether it is given.
    pub(crate) fn has(&self, name: &str) -> bool {
        self.pairs.iter().any(|(given, _)| given == name)
    }

    /// Whether nothing was wrong so far.
    pub(crate) fn is_right(&self) -> bool {
        self.errors.is_empty()
    }

    /// Something is wrong with one.
    pub(crate) fn wrong(&mut self, name: &str, what: String) {
        self.errors.push((name.to_owned(), what));
    }

    /// A value that must parse; `expected` says into what.
    pub(crate) fn parse<T: FromStr>(&mut self, name: &str, expected: &str) -> Option<T> {
        let text = self.text(name)?;
        let value = text.parse().ok();
        if value.is_none() {
            self.errors.push((name.to_owned(), format!("{text:?} is not {expected}")));
        }
        value
    }

    /// A moment. Its plus sign may have been taken for a space on the way.
    pub(crate) fn time(&mut self, name: &str) -> Option<b2bua::Utc> {
        let text = self.text(name)?;
        let value = text.replace(' ', "+").parse().ok();
        if value.is_none() {
            let expected = "a time as in 2026-11-21T09:00:00Z (RFC 3339)";
            self.errors.push((name.to_owned(), format!("{text:?} is not {expected}")));
        }
        value
    }

    /// A phone number. A plus sign that was not escaped arrives as a space, and no number has one.
    pub(crate) fn number(&mut self) -> Option<String> {
        self.text("number").map(|number| number.replace(' ', "+"))
    }

    /// A value out of a few.
    pub(crate) fn one_of(&mut self, name: &str, known: &[&'static str]) -> Option<&'static str> {
        let text = self.text(name)?;
        let value = known.iter().find(|known| **known == text).copied();
        if value.is_none() {
            self.errors
                .push((name.to_owned(), format!("{text:?} is none of {}", known.join(", "))));
        }
        value
    }

    /// The size of a page.
    pub(crate) fn limit(&mut self) -> usize {
        let expected = format!("a number from 1 to {LIMIT_MAX}");
        let limit = self.parse("limit", &expected).unwrap_or(LIMIT);
        if !(1..=LIMIT_MAX).contains(&limit) {
            self.errors.push(("limit".to_owned(), format!("{limit} is not {expected}")));
        }
        limit
    }

    /// Complains about what was wrong and what nobody asked for.
    pub(crate) fn finish(mut self) -> Result<(), Problem> {
        for (name, _) in self.pairs {
            self.errors.push((name, "no such parameter, or given twice".to_owned()));
        }
        if self.errors.is_empty() { Ok(()) } else { Err(Problem::fields(self.errors)) }
    }
}

/// One page of what is live, by rising key; the cursor is the last key of the page before. What
/// vanishes between looking and showing is left out.
pub(crate) fn page<K: Ord + Display + FromStr>(
    mut params: Params,
    mut keys: Vec<K>,
    view: impl Fn(&K) -> Option<Value>,
) -> Result<Value, Problem> {
    let limit = params.limit();
    let after: Option<K> = params.parse("cursor", "a cursor of this list");
    params.finish()?;
    keys.sort_unstable();
    let first = after.map_or(0, |after| keys.partition_point(|key| *key <= after));
    let rest = &keys[first..];
    let shown = &rest[..rest.len().min(limit)];
    let next = shown.last().filter(|_| rest.len() > shown.len()).map(ToString::to_string);
    let items: Vec<Value> = shown.iter().filter_map(view).collect();
    Ok(json!({ "items": items, "next": next }))
}
