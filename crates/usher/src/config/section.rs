//! One table, read key by key: each getter notes the key as known, reports what is wrong with its
//! value and goes on with the default. [`Section::finish`] reports the keys nobody asked for.

use std::cell::RefCell;
use std::ops::RangeInclusive;

use super::fault::Report;
use super::source::{At, Entry, Kind, Node, Table};

pub(super) struct Section<'a> {
    /// For messages: `[[queue]] support`.
    what: String,
    pub(super) at: &'a At,
    table: &'a Table,
    pub(super) report: &'a Report,
    asked: RefCell<Vec<&'static str>>,
}

/// A string and its place.
#[derive(Debug, Clone, Copy)]
pub(super) struct Text<'a> {
    pub(super) at: &'a At,
    pub(super) text: &'a str,
}

impl<'a> Section<'a> {
    /// `None`, and a fault, where the value is no table.
    pub(super) fn new(what: &str, node: &'a Node, report: &'a Report) -> Option<Self> {
        let Kind::Table(table) = &node.kind else {
            report.fault(&node.at, format!("{what} is {}; expected a table", node.kind.name()));
            return None;
        };
        Some(Self::of(what, &node.at, table, report))
    }

    pub(super) fn of(what: &str, at: &'a At, table: &'a Table, report: &'a Report) -> Self {
        Self { what: what.to_owned(), at, table, report, asked: RefCell::default() }
    }

    /// Once its name is known, messages may use it.
    pub(super) fn is_called(&mut self, name: &str) {
        if !name.is_empty() {
            self.what = format!("{} `{name}`", self.what);
        }
    }

    pub(super) fn what(&self) -> &str {
        &self.what
    }

    pub(super) fn is_empty(&self) -> bool {
        self.table.0.is_empty()
    }

    pub(super) fn entry(&self, key: &'static str) -> Option<&'a Entry> {
        self.asked.borrow_mut().push(key);
        self.table.get(key)
    }

    /// Whether the key is there, without counting it as read.
    pub(super) fn has(&self, key: &str) -> bool {
        self.table.get(key).is_some()
    }

    /// Whether the value is a text, without counting the key as read.
    pub(super) fn is_text(&self, key: &str) -> bool {
        self.table.get(key).is_some_and(|entry| matches!(entry.value.kind, Kind::Text(_)))
    }

    /// Whether the value is a list, without counting the key as read.
    pub(super) fn is_list(&self, key: &str) -> bool {
        self.table.get(key).is_some_and(|entry| matches!(entry.value.kind, Kind::List(_)))
    }

    fn wrong(&self, key: &str, node: &Node, expected: &str) {
        self.report.fault(
            &node.at,
            format!("`{key}` of {} is {}; expected {expected}", self.what, node.kind.name()),
        );
    }

    pub(super) fn text(&self, key: &'static str, expected: &str) -> Option<Text<'a>> {
        let node = &self.entry(key)?.value;
        let Kind::Text(text) = &node.kind else {
            self.wrong(key, node, expected);
            return None;
        };
        Some(Text { at: &node.at, text })
    }

    /// A string that must be there and not empty.
    pub(super) fn required(&self, key: &'static str, expected: &str) -> Option<Text<'a>> {
        if !self.has(key) {
            self.asked.borrow_mut().push(key);
            self.report
                .fault(self.at, format!("{} has no `{key}`; expected {expected}", self.what));
            return None;
        }
        let text = self.text(key, expected)?;
        if text.text.is_empty() {
            self.report
                .fault(text.at, format!("`{key}` of {} is empty; expected {expected}", self.what));
            return None;
        }
        Some(text)
    }

    pub(super) fn texts(&self, key: &'static str, expected: &str) -> Option<Vec<Text<'a>>> {
        let node = &self.entry(key)?.value;
        let Kind::List(items) = &node.kind else {
            self.wrong(key, node, expected);
            return None;
        };
        let mut texts = Vec::new();
        for item in items {
            match &item.kind {
                Kind::Text(text) => texts.push(Text { at: &item.at, text }),
                _ => self.wrong(key, item, expected),
            }
        }
        Some(texts)
    }

    pub(super) fn whole<T>(&self, key: &'static str, default: T, range: RangeInclusive<T>) -> T
    where
        T: Copy + PartialOrd + TryFrom<i64> + std::fmt::Display,
    {
        let Some(entry) = self.entry(key) else { return default };
        let expected = || format!("a whole number from {} to {}", range.start(), range.end());
        let Kind::Whole(whole) = entry.value.kind else {
            self.wrong(key, &entry.value, &expected());
            return default;
        };
        match T::try_from(whole) {
            Ok(value) if range.contains(&value) => value,
            _ => {
                self.report.fault(
                    &entry.value.at,
                    format!("`{key}` of {} is {whole}; expected {}", self.what, expected()),
                );
                default
            }
        }
    }

    /// A duration in seconds, whole or with a fraction, as milliseconds.
    pub(super) fn seconds(
        &self,
        key: &'static str,
        default_ms: Option<u64>,
        range_s: RangeInclusive<u32>,
    ) -> Option<u64> {
        let Some(entry) = self.entry(key) else { return default_ms };
        let expected = || format!("seconds from {} to {}", range_s.start(), range_s.end());
        let seconds = match entry.value.kind {
            #[expect(clippy::cast_precision_loss, reason = "the range ends long before 2^52")]
            Kind::Whole(whole) => whole as f64,
            Kind::Fraction(fraction) => fraction,
            _ => {
                self.wrong(key, &entry.value, &expected());
                return default_ms;
            }
        };
        if !(f64::from(*range_s.start())..=f64::from(*range_s.end())).contains(&seconds) {
            self.report.fault(
                &entry.value.at,
                format!("`{key}` of {} is {seconds}; expected {}", self.what, expected()),
            );
            return default_ms;
        }
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "in range, as was just seen"
        )]
        let ms = (seconds * 1_000.0).round() as u64;
        Some(ms)
    }

    /// A number that need not be whole.
    pub(super) fn fraction(
        &self,
        key: &'static str,
        default: f64,
        range: RangeInclusive<f64>,
    ) -> f64 {
        let Some(entry) = self.entry(key) else { return default };
        let expected = || format!("a number from {} to {}", range.start(), range.end());
        let number = match entry.value.kind {
            #[expect(clippy::cast_precision_loss, reason = "the range ends long before 2^52")]
            Kind::Whole(whole) => whole as f64,
            Kind::Fraction(fraction) => fraction,
            _ => {
                self.wrong(key, &entry.value, &expected());
                return default;
            }
        };
        if !range.contains(&number) {
            self.report.fault(
                &entry.value.at,
                format!("`{key}` of {} is {number}; expected {}", self.what, expected()),
            );
            return default;
        }
        number
    }

    pub(super) fn switch(&self, key: &'static str, default: bool) -> bool {
        let Some(entry) = self.entry(key) else { return default };
        let Kind::Switch(value) = entry.value.kind else {
            self.wrong(key, &entry.value, "true or false");
            return default;
        };
        value
    }

    /// One of a set of words, the first of which is the default; `later` are words that will be
    /// understood one day.
    pub(super) fn choice<T: Copy>(
        &self,
        key: &'static str,
        words: &[(&'static str, T)],
        later: &[&'static str],
    ) -> T {
        let default = words[0].1;
        let list = || words.iter().map(|(word, _)| *word).collect::<Vec<_>>().join(" | ");
        let Some(text) = self.text(key, &list()) else { return default };
        if let Some((_, value)) = words.iter().find(|(word, _)| *word == text.text) {
            return *value;
        }
        let list = list();
        let what = &self.what;
        self.report.fault(
            text.at,
            if later.contains(&text.text) {
                format!(
                    "`{key} = \"{}\"` of {what} is not supported yet; so far: {list}",
                    text.text
                )
            } else {
                let hint = did_you_mean(text.text, words.iter().map(|(word, _)| *word));
                format!("`{key}` of {what} is `{}`; expected {list}{hint}", text.text)
            },
        );
        default
    }

    /// A table within; `None` where the key is absent.
    pub(super) fn table(&self, key: &'static str) -> Option<Section<'a>> {
        let entry = self.entry(key)?;
        Section::new(&format!("`{key}` of {}", self.what), &entry.value, self.report)
    }

    /// A table within, or a list of them.
    pub(super) fn table_or_several(&self, key: &'static str) -> Vec<Section<'a>> {
        let Some(entry) = self.entry(key) else { return Vec::new() };
        let what = format!("`{key}` of {}", self.what);
        let nodes = match &entry.value.kind {
            Kind::List(items) => items.as_slice(),
            _ => std::slice::from_ref(&entry.value),
        };
        nodes.iter().filter_map(|node| Section::new(&what, node, self.report)).collect()
    }

    /// The tables of `[[key]]`; `shown` is its whole name.
    pub(super) fn tables(&self, key: &'static str, shown: &str) -> Vec<Section<'a>> {
        let Some(entry) = self.entry(key) else { return Vec::new() };
        match &entry.value.kind {
            Kind::List(items) => {
                items.iter().filter_map(|item| Section::new(shown, item, self.report)).collect()
            }
            _ => {
                self.report.fault(
                    &entry.at,
                    format!("`{key}` is {}; write {shown} above each", entry.value.kind.name()),
                );
                Vec::new()
            }
        }
    }

    /// All entries, for tables whose keys are free.
    pub(super) fn entries(&self) -> &'a [Entry] {
        &self.table.0
    }

    /// Reports what nobody asked for; `later` are keys that will be understood one day.
    pub(super) fn finish(&self, later: &[&'static str]) {
        let asked = self.asked.borrow();
        for entry in &self.table.0 {
            let key = entry.key.as_str();
            if asked.contains(&key) {
                continue;
            }
            let what = &self.what;
            self.report.fault(
                &entry.at,
                if later.contains(&key) {
                    format!("`{key}` of {what} is not supported yet; remove it")
                } else {
                    let hint = did_you_mean(key, asked.iter().copied());
                    if hint.is_empty() {
                        format!("unknown key `{key}` in {what}; known: {}", listed(&asked))
                    } else {
                        format!("unknown key `{key}` in {what}{hint}")
                    }
                },
            );
        }
    }
}

fn listed(asked: &[&'static str]) -> String {
    let mut keys = asked.to_vec();
    keys.sort_unstable();
    keys.dedup();
    keys.join(", ")
}

/// `; did you mean …?`, or nothing where nothing is near.
pub(super) fn did_you_mean<'n>(text: &str, known: impl Iterator<Item = &'n str>) -> String {
    let near = known
        .map(|known| (distance(text, known), known))
        .filter(|(distance, known)| *distance <= known.chars().count().div_ceil(3))
        .min();
    near.map(|(_, known)| format!("; did you mean `{known}`?")).unwrap_or_default()
}

/// Letters to insert, remove or replace.
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, a) in a.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, &b) in b.iter().enumerate() {
            let replaced = diagonal + usize::from(a != b);
            diagonal = row[j + 1];
            row[j + 1] = replaced.min(diagonal + 1).min(row[j] + 1);
        }
    }
    row[b.len()]
}

#[cfg(test)]
mod tests {
    use super::did_you_mean;

    #[test]
    fn near_words_are_named() {
        let known = ["ring_s", "wrap_up_s", "strategy"];
        let check = |text, expected: &str| {
            assert_eq!(did_you_mean(text, known.into_iter()), expected, "{text}");
        };
        check("ring_sec", "; did you mean `ring_s`?");
        check("wrapup_s", "; did you mean `wrap_up_s`?");
        check("stratgey", "; did you mean `strategy`?");
        check("colour", "");
    }
}
