//! Sign-in by password: an operator's or supervisor's token for the desk.
//!
//! A token holds for an hour after it was last used, and for twelve hours at most; it is worth what
//! the operator's role is worth now, and nothing once they are gone or have another password.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use b2bua::config::Name;

use crate::auth::same;

/// How long a token holds that is not used.
const IDLE_MAX: Duration = Duration::from_secs(3_600);
/// How long a token holds that is.
const AGE_MAX: Duration = Duration::from_secs(12 * 3_600);
/// Tokens of all; the one that was used longest ago goes.
const TOKENS_MAX: usize = 10_000;
/// Wrong passwords of one operator, after which nobody is let in for a while.
const WRONG_MAX: u32 = 5;
/// How long.
const LOCKED_FOR: Duration = Duration::from_secs(60);

/// A text that no log shows.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(pub Arc<str>);

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret")
    }
}

/// Why somebody is not signed in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Denied {
    /// Such an operator with such a password is not known.
    Wrong,
    /// It was wrong too often.
    Locked,
}

/// Who is signed in.
#[derive(Debug, Default)]
pub(crate) struct Sessions(Mutex<Table>);

#[derive(Debug, Default)]
struct Table {
    tokens: HashMap<String, Session>,
    wrong: HashMap<Name, (u32, Instant)>,
}

#[derive(Debug, Clone)]
struct Session {
    operator: Name,
    password: Secret,
    begun: Instant,
    used: Instant,
}

impl Session {
    fn holds(&self, now: Instant) -> bool {
        now.duration_since(self.used) < IDLE_MAX && now.duration_since(self.begun) < AGE_MAX
    }
}

impl Sessions {
    fn lock(&self) -> MutexGuard<'_, Table> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A new token, if the password is the operator's; with how long it holds unused.
    pub(crate) fn begin(
        &self,
        (operator, password): (&Name, Option<&Secret>),
        given: &str,
        token: String,
        now: Instant,
    ) -> Result<(String, Duration), Denied> {
        let mut table = self.lock();
        table.wrong.retain(|_, (_, since)| now.duration_since(*since) < LOCKED_FOR);
        if table.wrong.get(operator).is_some_and(|(count, _)| *count >= WRONG_MAX) {
            return Err(Denied::Locked);
        }
        let right = password
            .filter(|known| same(known.0.as_bytes(), given.as_bytes()) && !known.0.is_empty());
        let Some(password) = right.cloned() else {
            // Of those who are not there nothing is kept.
            if password.is_some() {
                table.wrong.entry(operator.clone()).or_insert((0, now)).0 += 1;
            }
            return Err(Denied::Wrong);
        };
        table.wrong.remove(operator);
        table.tokens.retain(|_, session| session.holds(now));
        if table.tokens.len() >= TOKENS_MAX {
            let oldest = table.tokens.iter().min_by_key(|(_, session)| session.used);
            let oldest = oldest.map(|(token, _)| token.clone());
            oldest.and_then(|token| table.tokens.remove(&token));
        }
        let session = Session { operator: operator.clone(), password, begun: now, used: now };
        table.tokens.insert(token.clone(), session);
        Ok((token, IDLE_MAX))
    }

    /// Whose token it is, and the password they had.
    pub(crate) fn find(&self, token: &str, now: Instant) -> Option<(Name, Secret)> {
        let mut table = self.lock();
        let session = table.tokens.get_mut(token).filter(|session| session.holds(now))?;
        session.used = now;
        Some((session.operator.clone(), session.password.clone()))
    }

    /// The token holds no more; whether it did.
    pub(crate) fn end(&self, token: &str) -> bool {
        self.lock().tokens.remove(token).is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn begin(
        sessions: &Sessions,
        given: &str,
        token: &str,
        now: Instant,
    ) -> Result<(String, Duration), Denied> {
        let (alice, password) = ("alice".into(), Secret("right".into()));
        sessions.begin((&alice, Some(&password)), given, token.to_owned(), now)
    }

    #[test]
    fn a_token_holds_while_it_is_used() {
        let (sessions, start) = (Sessions::default(), Instant::now());
        assert_eq!(begin(&sessions, "right", "t1", start).unwrap().0, "t1");
        let half = IDLE_MAX / 2;
        for uses in 1..24 {
            assert!(sessions.find("t1", start + half * uses).is_some(), "{uses}");
        }
        assert!(sessions.find("t1", start + half * 24).is_none(), "twelve hours are over");
        begin(&sessions, "right", "t2", start).unwrap();
        assert!(sessions.find("t2", start + IDLE_MAX).is_none(), "it was not used");
        begin(&sessions, "right", "t3", start).unwrap();
        assert!(sessions.end("t3") && !sessions.end("t3"));
        assert!(sessions.find("t3", start).is_none() && sessions.find("", start).is_none());
    }

    #[test]
    fn who_guesses_is_locked_out_for_a_while() {
        let (sessions, start) = (Sessions::default(), Instant::now());
        for _ in 0..WRONG_MAX {
            assert_eq!(begin(&sessions, "wrong", "t", start), Err(Denied::Wrong));
        }
        assert_eq!(begin(&sessions, "right", "t", start), Err(Denied::Locked));
        assert!(begin(&sessions, "right", "t", start + LOCKED_FOR).is_ok());
        let nobody: Name = "nobody".into();
        for _ in 0..=WRONG_MAX {
            let denied = sessions.begin((&nobody, None), "x", "t".to_owned(), start);
            assert_eq!(denied, Err(Denied::Wrong));
        }
    }
}
