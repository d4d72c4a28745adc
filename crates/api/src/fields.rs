//! The fields of a JSON body: every name known, every value sound, or a problem that names each that
//! is not.

use b2bua::Audio;
use serde_json::{Map, Value};

use crate::problem::Problem;

/// A body, read field by field; each is taken out as it is read.
#[derive(Debug)]
pub(crate) struct Fields {
    body: Map<String, Value>,
    known: Vec<&'static str>,
    errors: Vec<(String, String)>,
}

impl Fields {
    pub(crate) fn new(body: Map<String, Value>) -> Self {
        Self { body, known: Vec::new(), errors: Vec::new() }
    }

    /// Notes what is wrong with a field.
    pub(crate) fn wrong(&mut self, field: &str, what: impl Into<String>) {
        self.errors.push((field.to_owned(), what.into()));
    }

    fn take(&mut self, field: &'static str) -> Option<Value> {
        self.known.push(field);
        self.body.remove(field).filter(|value| !value.is_null())
    }

    /// Whatever it is.
    pub(crate) fn any(&mut self, field: &'static str) -> Option<Value> {
        self.take(field)
    }

    /// A text that is not empty.
    pub(crate) fn text(&mut self, field: &'static str) -> Option<String> {
        match self.take(field)? {
            Value::String(text) if !text.is_empty() => Some(text),
            _ => {
                self.wrong(field, "a text");
                None
            }
        }
    }

    /// A text that must be there; empty where it is not.
    pub(crate) fn needed(&mut self, field: &'static str) -> String {
        let is_there = self.body.get(field).is_some_and(|value| !value.is_null());
        if !is_there {
            self.wrong(field, "is needed");
        }
        self.text(field).unwrap_or_default()
    }

    pub(crate) fn flag(&mut self, field: &'static str) -> Option<bool> {
        let value = self.take(field)?;
        let flag = value.as_bool();
        if flag.is_none() {
            self.wrong(field, "true or false");
        }
        flag
    }

    /// Seconds, as milliseconds.
    pub(crate) fn seconds(
        &mut self,
        field: &'static str,
        range: core::ops::RangeInclusive<f64>,
    ) -> Option<u64> {
        let value = self.take(field)?;
        let Some(seconds) = value.as_f64().filter(|seconds| range.contains(seconds)) else {
            let (least, most) = (range.start(), range.end());
            self.wrong(field, format!("seconds from {least} to {most}"));
            return None;
        };
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "in range, as was just seen"
        )]
        let ms = (seconds * 1e3).round() as u64;
        Some(ms)
    }

    /// A point in time, RFC 3339.
    pub(crate) fn time(&mut self, field: &'static str) -> Option<b2bua::Utc> {
        let parsed = match self.take(field)? {
            Value::String(text) => text.parse().ok(),
            _ => None,
        };
        if parsed.is_none() {
            self.wrong(field, "a time as RFC 3339 writes it, such as \"2027-01-01T09:00:00Z\"");
        }
        parsed
    }

    /// A whole number.
    pub(crate) fn whole(
        &mut self,
        field: &'static str,
        range: core::ops::RangeInclusive<u32>,
    ) -> Option<u32> {
        let value = self.take(field)?;
        let whole = value.as_u64().and_then(|whole| u32::try_from(whole).ok());
        let whole = whole.filter(|whole| range.contains(whole));
        if whole.is_none() {
            let (least, most) = (range.start(), range.end());
            self.wrong(field, format!("a whole number from {least} to {most}"));
        }
        whole
    }

    /// Something to hear, as it is written behind `kind`. Whether it is there is the switch's to say.
    pub(crate) fn audio(&mut self, field: &'static str, kind: &str) -> Option<Audio> {
        let text = self.text(field)?;
        match format!("{kind}{text}").parse() {
            Ok(audio) => Some(audio),
            Err(why) => {
                self.wrong(field, format!("{why}"));
                None
            }
        }
    }

    /// Whether anything was wrong so far.
    pub(crate) fn is_wrong(&self) -> bool {
        !self.errors.is_empty()
    }

    /// One of a few words.
    pub(crate) fn one_of<T: Copy>(
        &mut self,
        field: &'static str,
        words: &[(&'static str, T)],
    ) -> Option<T> {
        let text = self.text(field)?;
        let found = words.iter().find(|(word, _)| *word == text).map(|(_, value)| *value);
        if found.is_none() {
            let words: Vec<&str> = words.iter().map(|(word, _)| *word).collect();
            self.wrong(field, format!("one of {}", words.join(", ")));
        }
        found
    }

    /// An object of texts.
    pub(crate) fn texts(&mut self, field: &'static str) -> Vec<(String, String)> {
        let Some(value) = self.take(field) else { return Vec::new() };
        let pairs = value.as_object().and_then(|object| {
            let pair =
                |(name, value): (&String, &Value)| Some((name.clone(), value.as_str()?.to_owned()));
            object.iter().map(pair).collect::<Option<Vec<_>>>()
        });
        pairs.unwrap_or_else(|| {
            self.wrong(field, "an object of texts");
            Vec::new()
        })
    }

    /// Complains about what was wrong and what nobody asked for.
    pub(crate) fn finish(mut self) -> Result<(), Problem> {
        let mut known = self.known.clone();
        known.sort_unstable();
        for field in self.body.keys() {
            let what = match &known[..] {
                [] => "no such field; there are none".to_owned(),
                known => format!("no such field; known are {}", known.join(", ")),
            };
            self.errors.push((field.clone(), what));
        }
        if self.errors.is_empty() { Ok(()) } else { Err(Problem::fields(self.errors)) }
    }
}
