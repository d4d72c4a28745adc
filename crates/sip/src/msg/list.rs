//! Comma-joined lists (RFC 3261 section 7.3.1): commas in quotes and in `<>` do not count.

use memchr::{memchr, memchr2};

/// The elements of a comma-joined list, trimmed, empty ones left out.
pub fn split_list(value: &str) -> impl Iterator<Item = &str> {
    split_outside(value, b',')
}

/// The parts between `separator`s outside quoted strings and `<>`, trimmed, empty ones left out.
pub(crate) fn split_outside(value: &str, separator: u8) -> impl Iterator<Item = &str> {
    let mut rest = Some(value);
    core::iter::from_fn(move || {
        loop {
            let text = rest?;
            let (element, tail) = match find_outside(text, separator) {
                Some(at) => (&text[..at], Some(&text[at + 1..])),
                None => (text, None),
            };
            rest = tail;
            let element = element.trim_ascii();
            if !element.is_empty() {
                return Some(element);
            }
        }
    })
}

/// What stands before and after the first `byte`, which is ASCII.
pub(crate) fn cut(text: &str, byte: u8) -> Option<(&str, &str)> {
    let at = memchr(byte, text.as_bytes())?;
    Some((&text[..at], &text[at + 1..]))
}

/// Where `wanted` first stands outside quoted strings and `<>`. An unclosed quote or bracket runs
/// to the end.
pub(crate) fn find_outside(text: &str, wanted: u8) -> Option<usize> {
    let bytes = text.as_bytes();
    // Mostly there is none, or nothing before it that could enclose it.
    let first = memchr(wanted, bytes)?;
    if memchr2(b'"', b'<', &bytes[..first]).is_none() {
        return Some(first);
    }
    let (mut quoted, mut angled, mut at) = (false, false, 0);
    while at < bytes.len() {
        match bytes[at] {
            b'\\' if quoted => at += 1,
            b'"' if !angled => quoted = !quoted,
            b'<' if !quoted => angled = true,
            b'>' if !quoted => angled = false,
            byte if byte == wanted && !quoted && !angled => return Some(at),
            _ => {}
        }
        at += 1;
    }
    None
}

/// Whether every quoted string and bracket that opens also closes: whatever is written behind a text
/// that is not would be taken for a part of it.
pub(crate) fn is_closed(text: &str) -> bool {
    let bytes = text.as_bytes();
    if memchr2(b'"', b'<', bytes).is_none() {
        return true;
    }
    let (mut quoted, mut angled, mut at) = (false, false, 0);
    while at < bytes.len() {
        match bytes[at] {
            b'\\' if quoted => at += 1,
            b'"' if !angled => quoted = !quoted,
            b'<' if !quoted => angled = true,
            b'>' if !quoted => angled = false,
            _ => {}
        }
        at += 1;
    }
    !quoted && !angled
}

/// The text of a quoted string without its quotes and escapes; other text as it is.
pub(crate) fn unquote(text: &str) -> String {
    let text = text.trim();
    let Some(inner) = text.strip_prefix('"') else { return text.into() };
    let mut out = String::with_capacity(inner.len());
    let mut chars = inner.chars();
    while let Some(c) = chars.next() {
        match c {
            '\\' => out.extend(chars.next()),
            '"' => break,
            _ => out.push(c),
        }
    }
    out
}

/// `text` as a quoted string; control characters become spaces.
pub(crate) fn quote(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    out.push('"');
    for c in text.chars() {
        match c {
            '"' | '\\' => out.extend(['\\', c]),
            c if c.is_control() => out.push(' '),
            _ => out.push(c),
        }
    }
    out.push('"');
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(value: &str, expected: &[&str]) {
        assert_eq!(split_list(value).collect::<Vec<_>>(), expected, "{value:?}");
    }

    #[test]
    fn lists() {
        check("a, b ,c", &["a", "b", "c"]);
        check("", &[]);
        check(" , ,", &[]);
        check(r#""a, b" <sip:x>, <sip:y,z>"#, &[r#""a, b" <sip:x>"#, "<sip:y,z>"]);
        check(r#""a \", b" <sip:x>, c"#, &[r#""a \", b" <sip:x>"#, "c"]);
        check(r#""never closed, <x>, y"#, &[r#""never closed, <x>, y"#]);
        check("<never closed, x", &["<never closed, x"]);
        check(r#""a\"#, &[r#""a\"#]);
        check("\"é\", ü", &["\"é\"", "ü"]);
    }

    #[test]
    fn what_closes() {
        for text in ["", "a", "\"\"", "<>", r#"";<" <"> x"#, r#""\"""#, ">", r"\"] {
            assert!(is_closed(text), "{text:?}");
        }
        for text in ["\"", "a=\"b", "<", "<\"", "\"<\"<", r#""\""#, r#""\"#] {
            assert!(!is_closed(text), "{text:?}");
        }
    }

    #[test]
    fn quoting() {
        assert_eq!(unquote(&quote(r#"a "b" \ c"#)), r#"a "b" \ c"#);
        assert_eq!(quote("a\r\nX: y"), "\"a  X: y\"");
        assert_eq!(unquote(r#""open\"#), "open");
        assert_eq!(unquote("token"), "token");
    }
}
