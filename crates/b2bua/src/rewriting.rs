//! How a trunk writes numbers, and how we do.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

use crate::config::Name;

/// Numbers of one way of writing become those of another: by the first rule that fits; without one they
/// stay. What is no number, an extension with letters or a URI, stays as well.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rewriting(pub Vec<Rule>);

/// `{ strip = "8", add = "+7", digits = 11 }`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rule {
    /// It begins so, and loses that.
    pub strip: Name,
    /// It gets that in its place.
    pub add: Name,
    /// It has so many digits; any number of them if none.
    pub digits: Option<usize>,
}

impl Rewriting {
    /// The same number, written otherwise.
    #[must_use]
    pub fn of<'a>(&self, number: &'a str) -> Cow<'a, str> {
        let digits = number.strip_prefix('+').unwrap_or(number);
        if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
            return Cow::Borrowed(number);
        }
        let written = self.0.iter().find_map(|rule| {
            if rule.digits.is_some_and(|count| count != digits.len()) {
                return None;
            }
            // One that begins with + is written in full: nothing is put before that.
            let is_full = rule.strip.is_empty() && number.starts_with('+');
            let rest = number.strip_prefix(&*rule.strip).filter(|_| !is_full)?;
            Some(format!("{}{rest}", rule.add))
        });
        written.map_or(Cow::Borrowed(number), Cow::Owned)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_rule_that_fits_writes_a_number_anew() {
        let rule =
            |strip: &str, add: &str, digits| Rule { strip: strip.into(), add: add.into(), digits };
        let inward = Rewriting(vec![
            rule("810", "+", None),
            rule("8", "+7", Some(11)),
            rule("7", "+7", Some(11)),
            rule("", "+7", Some(10)),
        ]);
        let check = |rules: &Rewriting, number, expected| assert_eq!(rules.of(number), expected);
        check(&inward, "84951234567", "+74951234567");
        check(&inward, "74951234567", "+74951234567");
        check(&inward, "4951234567", "+74951234567");
        check(&inward, "810442079460000", "+442079460000");
        for same in ["+74951234567", "600", "8600", "anonymous", "", "+", "*81", "sip:8@h"] {
            check(&inward, same, same);
        }
        let outward = Rewriting(vec![rule("+7", "8", None), rule("+", "810", None)]);
        check(&outward, "+74951234567", "84951234567");
        check(&outward, "+442079460000", "810442079460000");
        check(&outward, "101", "101");
        check(&Rewriting(vec![rule("", "9", None)]), "+7495", "+7495");
        check(&Rewriting(vec![rule("", "9", None)]), "112", "9112");
        check(&Rewriting::default(), "112", "112");
    }
}
