//! Files into one tree of values that know where they stand: TOML, `${ENV}`, `include`.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use toml::de::{DeTable, DeValue};

use super::expand;
use super::fault::Report;

/// Where a value stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct At {
    pub(super) file: Arc<PathBuf>,
    pub(super) line: u32,
}

/// A value of the tree.
#[derive(Debug, Clone)]
pub(super) struct Node {
    pub(super) at: At,
    pub(super) kind: Kind,
}

/// What a value is.
#[derive(Debug, Clone)]
pub(super) enum Kind {
    Text(String),
    Whole(i64),
    Fraction(f64),
    Switch(bool),
    Date,
    List(Vec<Node>),
    Table(Table),
}

impl Kind {
    /// For messages.
    pub(super) fn name(&self) -> &'static str {
        match self {
            Self::Text(_) => "a string",
            Self::Whole(_) => "a whole number",
            Self::Fraction(_) => "a fraction",
            Self::Switch(_) => "true or false",
            Self::Date => "a date",
            Self::List(_) => "a list",
            Self::Table(_) => "a table",
        }
    }
}

/// A table in the order of its lines, so that faults come in that order too.
#[derive(Debug, Clone, Default)]
pub(super) struct Table(pub(super) Vec<Entry>);

/// One `key = value`.
#[derive(Debug, Clone)]
pub(super) struct Entry {
    pub(super) key: String,
    pub(super) at: At,
    pub(super) value: Node,
}

impl Table {
    pub(super) fn get(&self, key: &str) -> Option<&Entry> {
        self.0.iter().find(|entry| entry.key == key)
    }
}

/// The environment, so that tests can bring their own.
pub(super) type Environment<'a> = &'a dyn Fn(&str) -> Option<String>;

/// Reads `path` and what it includes. Faults are reported; what could be read is returned.
pub(super) fn read(path: &Path, environment: Environment<'_>, report: &Report) -> Node {
    let file = Arc::new(path.to_owned());
    let at = At { file: Arc::clone(&file), line: 0 };
    let mut root = match fs::read_to_string(path) {
        Ok(text) => parse(&file, &text, environment, report),
        Err(error) => {
            report.fault(&at, format!("cannot be read: {error}; name another file with -c FILE"));
            Table::default()
        }
    };
    let includes = take(&mut root, "include");
    for pattern in includes.into_iter().flat_map(|entry| patterns(&entry.value, report)) {
        for included in matching(path.parent().unwrap_or(Path::new("")), &pattern, report) {
            let file = Arc::new(included);
            match fs::read_to_string(file.as_path()) {
                Ok(text) => {
                    let table = parse(&file, &text, environment, report);
                    if let Some(nested) = table.get("include") {
                        report.fault(
                            &nested.at,
                            "an included file includes others; name them all in the first file",
                        );
                    }
                    merge(&mut root, table, report);
                }
                Err(error) => {
                    report.fault(&At { file, line: 0 }, format!("cannot be read: {error}"));
                }
            }
        }
    }
    Node { at, kind: Kind::Table(root) }
}

fn take(table: &mut Table, key: &str) -> Option<Entry> {
    let index = table.0.iter().position(|entry| entry.key == key)?;
    Some(table.0.remove(index))
}

/// Lists of tables concatenate, tables merge, anything else may be given once.
fn merge(into: &mut Table, from: Table, report: &Report) {
    for entry in from.0 {
        if entry.key == "include" {
            continue;
        }
        let Some(there) = into.0.iter_mut().find(|there| there.key == entry.key) else {
            into.0.push(entry);
            continue;
        };
        match (&mut there.value.kind, entry.value.kind) {
            (Kind::List(list), Kind::List(more)) => list.extend(more),
            (Kind::Table(table), Kind::Table(more)) => merge(table, more, report),
            _ => report.fault(
                &entry.at,
                format!(
                    "`{}` is given again; it stands already at {}:{}",
                    entry.key,
                    there.at.file.display(),
                    there.at.line
                ),
            ),
        }
    }
}

fn patterns(value: &Node, report: &Report) -> Vec<(At, String)> {
    let items = match &value.kind {
        Kind::List(items) => items.as_slice(),
        _ => std::slice::from_ref(value),
    };
    let mut patterns = Vec::new();
    for item in items {
        match &item.kind {
            Kind::Text(text) => patterns.push((item.at.clone(), text.clone())),
            other => report.fault(
                &item.at,
                format!(
                    "`include` is {}; expected files, such as [\"conf.d/*.toml\"]",
                    other.name()
                ),
            ),
        }
    }
    patterns
}

/// The files of a pattern, in order of name: `*` stands for any characters of a file's name.
fn matching(base: &Path, (at, pattern): &(At, String), report: &Report) -> Vec<PathBuf> {
    let path = base.join(pattern);
    let (folder, name) = (path.parent().unwrap_or(base), path.file_name().unwrap_or_default());
    let name = name.to_string_lossy();
    if folder.to_string_lossy().contains('*') {
        report.fault(at, format!("`{pattern}` has a * in a folder's name; only a file's may have"));
        return Vec::new();
    }
    if !name.contains('*') {
        return vec![path];
    }
    let folder_read = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
    let Ok(entries) = fs::read_dir(folder_read) else {
        report.warn(at, format!("the folder of `{pattern}` is not there; nothing is included"));
        return Vec::new();
    };
    let mut found: Vec<PathBuf> = entries
        .flatten()
        .filter(|entry| wildcard(&name, &entry.file_name().to_string_lossy()))
        .map(|entry| folder.join(entry.file_name()))
        .collect();
    found.sort();
    found
}

fn wildcard(pattern: &str, name: &str) -> bool {
    match pattern.split_once('*') {
        None => pattern == name,
        Some((start, rest)) => name.strip_prefix(start).is_some_and(|tail| {
            (0..=tail.len())
                .filter(|&index| tail.is_char_boundary(index))
                .any(|index| wildcard(rest, &tail[index..]))
        }),
    }
}

/// Reads one text. After a syntax error what is still readable is returned, so that the rest is
/// checked as well.
fn parse(file: &Arc<PathBuf>, text: &str, environment: Environment<'_>, report: &Report) -> Table {
    let reader = Reader { file, starts: line_starts(text), environment, report };
    let (table, errors) = DeTable::parse_recoverable(text);
    let mut last = 0;
    for error in errors {
        let at = reader.at(error.span().map_or(0, |span| span.start));
        if std::mem::replace(&mut last, at.line) == at.line {
            continue; // what follows an error on its line is a consequence of it
        }
        report.fault(&at, format!("not TOML: {}", error.message().replace('\n', ", ")));
    }
    reader.table(table.into_inner())
}

fn line_starts(text: &str) -> Vec<usize> {
    std::iter::once(0).chain(text.match_indices('\n').map(|(index, _)| index + 1)).collect()
}

struct Reader<'a> {
    file: &'a Arc<PathBuf>,
    starts: Vec<usize>,
    environment: Environment<'a>,
    report: &'a Report,
}

impl Reader<'_> {
    fn at(&self, offset: usize) -> At {
        let line = self.starts.partition_point(|&start| start <= offset);
        At { file: Arc::clone(self.file), line: u32::try_from(line).unwrap_or(u32::MAX) }
    }

    fn table(&self, table: DeTable<'_>) -> Table {
        let mut in_order = BTreeMap::new();
        for (key, value) in table {
            let offset = key.span().start;
            let entry = Entry {
                at: self.at(offset),
                key: key.into_inner().into_owned(),
                value: self.node(value.span().start, value.into_inner()),
            };
            in_order.insert((offset, entry.key.clone()), entry);
        }
        Table(in_order.into_values().collect())
    }

    fn node(&self, offset: usize, value: DeValue<'_>) -> Node {
        let at = self.at(offset);
        let kind = match value {
            DeValue::String(text) => {
                Kind::Text(expand::environment(&text, self.environment, &mut |fault| {
                    self.report.fault(&at, fault);
                }))
            }
            DeValue::Integer(whole) => {
                let digits = whole.as_str().replace('_', "");
                i64::from_str_radix(&digits, whole.radix()).map_or_else(
                    |_| {
                        self.report.fault(&at, format!("{whole} is out of range"));
                        Kind::Whole(0)
                    },
                    Kind::Whole,
                )
            }
            DeValue::Float(float) => {
                Kind::Fraction(float.as_str().replace('_', "").parse().unwrap_or(f64::NAN))
            }
            DeValue::Boolean(switch) => Kind::Switch(switch),
            DeValue::Datetime(_) => Kind::Date,
            DeValue::Array(array) => Kind::List(
                array
                    .into_iter()
                    .map(|item| self.node(item.span().start, item.into_inner()))
                    .collect(),
            ),
            DeValue::Table(table) => Kind::Table(self.table(table)),
        };
        Node { at, kind }
    }
}

#[cfg(test)]
mod tests {
    use super::wildcard;

    #[test]
    fn a_star_is_any_characters() {
        let check = |pattern, name, expected| {
            assert_eq!(wildcard(pattern, name), expected, "{pattern} {name}");
        };
        check("*.toml", "a.toml", true);
        check("*.toml", "a.toml.bak", false);
        check("a*b*c", "a-b-b-c", true);
        check("a*b*c", "a-c", false);
        check("plain", "plain", true);
    }
}
