//! `${NAME}` and `${NAME:-default}` from the environment; `{1..200}` in the lists of operators.

use super::source::Environment;

/// Replaces each `${NAME}`; `${NAME:-default}` where the variable may be unset or empty; `$$` is a
/// dollar sign before a brace.
pub(super) fn environment(
    text: &str,
    environment: Environment<'_>,
    fault: &mut dyn FnMut(String),
) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(start) = rest.find("${") {
        if rest[..start].ends_with('$') {
            out.push_str(&rest[..start - 1]);
            out.push_str("${");
            rest = &rest[start + 2..];
            continue;
        }
        out.push_str(&rest[..start]);
        let Some((inside, after)) = rest[start + 2..].split_once('}') else {
            fault(
                "`${` without `}`; write ${NAME}, ${NAME:-default}, or $${ for itself".to_owned(),
            );
            return out;
        };
        let (name, default) =
            inside.split_once(":-").map_or((inside, None), |(name, default)| (name, Some(default)));
        if name.is_empty() || !name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_') {
            fault(format!("`${{{inside}}}` is no variable; write ${{NAME}} or ${{NAME:-default}}"));
        } else {
            match (environment(name).filter(|value| !value.is_empty()), default) {
                (Some(value), _) => out.push_str(&value),
                (None, Some(default)) => out.push_str(default),
                (None, None) => fault(format!(
                    "the environment variable {name} is not set; set it, or write \
                     ${{{name}:-default}}"
                )),
            }
        }
        rest = after;
    }
    out.push_str(rest);
    out
}

/// The most that one range makes.
const RANGE_MAX: u64 = 10_000;

/// A text with at most one range, `op{1..200}`: one string for each number of it, `{001..200}` with
/// leading zeros. `None` where there is no range.
pub(super) fn range(text: &str) -> Option<Result<Vec<String>, String>> {
    let (before, rest) = text.split_once('{')?;
    let (inside, after) = rest.split_once('}')?;
    let (first, last) = inside.split_once("..")?;
    let wrong = || Some(Err(format!("`{{{inside}}}` is no range; write {{1..200}}, rising")));
    let (Ok(from), Ok(to)) = (first.parse::<u64>(), last.parse::<u64>()) else { return wrong() };
    if from > to || after.contains('{') {
        return wrong();
    }
    if to - from >= RANGE_MAX {
        return Some(Err(format!("`{{{inside}}}` is too long; at most {RANGE_MAX} at once")));
    }
    let width = if first.starts_with('0') { first.len() } else { 0 };
    Some(Ok((from..=to).map(|number| format!("{before}{number:0width$}{after}")).collect()))
}

#[cfg(test)]
mod tests {
    use super::{environment, range};

    #[test]
    fn variables() {
        let known = |name: &str| match name {
            "HOST" => Some("sbc".to_owned()),
            "EMPTY" => Some(String::new()),
            _ => None,
        };
        let check = |text: &str, expected: &str, faulty: bool| {
            let mut faults = Vec::new();
            let out = environment(text, &known, &mut |fault| faults.push(fault));
            assert_eq!((out.as_str(), !faults.is_empty()), (expected, faulty), "{text} {faults:?}");
        };
        check("plain {} $", "plain {} $", false);
        check("sip:${HOST}.example", "sip:sbc.example", false);
        check("${HOST}${HOST}", "sbcsbc", false);
        check("${EMPTY:-a}${NONE:-b}${HOST:-c}${NONE:-}", "absbc", false);
        check("$${HOST}", "${HOST}", false);
        check("a${NONE}b", "ab", true);
        check("a${HOST", "a", true);
        check("a${no name}b", "ab", true);
    }

    #[test]
    fn ranges() {
        let check = |text: &str, expected: Option<Result<&[&str], ()>>| {
            let got = range(text).map(|range| range.map_err(|_| ()));
            let expected =
                expected.map(|range| range.map(|list| list.iter().map(|s| (*s).into()).collect()));
            assert_eq!(got, expected, "{text}");
        };
        check("alice", None);
        check("{}", None);
        check("op{1..3}", Some(Ok(&["op1", "op2", "op3"])));
        check("{08..10}x", Some(Ok(&["08x", "09x", "10x"])));
        check("op{3..1}", Some(Err(())));
        check("op{a..b}", Some(Err(())));
        check("op{1..99999}", Some(Err(())));
        check("op{1..2}{1..2}", Some(Err(())));
    }
}
