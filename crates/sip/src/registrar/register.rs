//! REGISTER itself (RFC 3261 10.3).

use std::sync::Arc;

use super::contact::{Asked, Unfit, Wish, fit, path};
use super::qualify::Check;
use super::{Mark, Record, Registered, Registrar};
use crate::msg::{Message, Name};
use crate::{Binding, Config, Event, Flow, Headers, Time, UnbindCause};

/// Seconds where nobody says how long (RFC 3261 10.2.1.1 leaves it to us).
const EXPIRES_S_DEFAULT: u32 = 3600;

/// The bindings of one user with what the registrar notes of each.
type Entries = Vec<(Binding, Mark)>;

/// Why a REGISTER changes nothing.
enum Refusal {
    Malformed,
    TooBrief,
    OutOfOrder,
    Forbidden(&'static str),
}

impl From<Unfit> for Refusal {
    fn from(unfit: Unfit) -> Self {
        match unfit {
            Unfit::Malformed => Self::Malformed,
            Unfit::Forged => Self::Forbidden("forged contact"),
        }
    }
}

/// A REGISTER, with what its sender proved to be.
struct Order<'a> {
    now: Time,
    user: &'a str,
    flow: Flow,
    request: &'a Message,
    config: &'a Config,
}

impl Registrar {
    /// Applies a REGISTER whose sender proved to be `user`: whole or not at all.
    ///
    /// To must name that user (403 otherwise: nobody registers for another), in whatever domain:
    /// phones are often given an address of ours in place of the domain.
    pub(crate) fn register(
        &mut self,
        now: Time,
        user: &str,
        flow: Flow,
        request: &Message,
        config: &Config,
    ) -> Registered {
        let mut events = self.handle_timeout(now);
        let before = self.records.get(user).map(Record::entries).unwrap_or_default();
        let order = Order { now, user, flow, request, config };
        let (status, headers) = match order.apply(&before, self.last_id) {
            Ok((after, last_id)) => {
                self.last_id = last_id;
                events.extend(changes(user, &before, &after));
                let headers = order.listing(&after);
                self.put(user.into(), after);
                (200, headers)
            }
            Err(Refusal::Malformed) => (400, Headers::new()),
            Err(Refusal::TooBrief) => {
                (423, vec![("Min-Expires".into(), config.expires_s_min.to_string())])
            }
            Err(Refusal::OutOfOrder) => (500, Headers::new()),
            Err(Refusal::Forbidden(reason)) => {
                let to = request.to().ok();
                let claimed = to.as_ref().and_then(|to| to.uri.user()).unwrap_or_default();
                events.push(Event::refused(flow, reason, request, &claimed));
                (403, Headers::new())
            }
        };
        Registered { status, headers, events }
    }
}

impl Order<'_> {
    /// The bindings as they are afterwards, and the number of the last of them made.
    fn apply(&self, before: &Entries, mut last_id: u64) -> Result<(Entries, u64), Refusal> {
        let to = self.request.to().map_err(|_| Refusal::Malformed)?;
        if to.uri.user().as_deref() != Some(self.user) {
            return Err(Refusal::Forbidden("third-party registration"));
        }
        let asked = match Wish::read(self.request, self.clamp(EXPIRES_S_DEFAULT))? {
            Wish::Contacts(asked) => asked,
            Wish::Nothing => {
                before.iter().try_for_each(|(_, mark)| self.in_order(mark))?;
                return Ok((Entries::new(), last_id));
            }
        };
        let path = path(self.request)?;
        // A limit lowered since must not keep the old ones from being refreshed.
        let most = self.config.contacts_max.max(before.len());
        if asked.len() > 2 * most {
            return Err(Refusal::Forbidden("too many contacts"));
        }
        let mut after = before.clone();
        for asked in asked {
            fit(&asked.uri, &self.flow, self.config)?;
            let at = after.iter().position(|(binding, _)| asked.names(binding));
            // Compared with what was there: one REGISTER may name a contact twice.
            let old = at.and_then(|at| before.iter().find(|(b, _)| b.id == after[at].0.id));
            old.map_or(Ok(()), |(_, mark)| self.in_order(mark))?;
            match (asked.expires, at) {
                (0, Some(at)) => drop(after.remove(at)),
                (0, None) => {}
                (expires, _) if expires < self.config.expires_s_min => {
                    return Err(Refusal::TooBrief);
                }
                (_, Some(at)) => {
                    let id = after[at].0.id;
                    after[at] = self.bind(id, asked, &path)?;
                }
                (_, None) => {
                    last_id += 1;
                    after.push(self.bind(last_id, asked, &path)?);
                }
            }
        }
        if after.len() > most {
            return Err(Refusal::Forbidden("too many contacts"));
        }
        Ok((after, last_id))
    }

    fn clamp(&self, expires_s: u32) -> u32 {
        expires_s.max(self.config.expires_s_min).min(self.config.expires_s_max)
    }

    fn in_order(&self, mark: &Mark) -> Result<(), Refusal> {
        let call_id = self.request.call_id();
        if *mark.call_id == *call_id && self.cseq()? <= mark.cseq {
            return Err(Refusal::OutOfOrder);
        }
        Ok(())
    }

    fn cseq(&self) -> Result<u32, Refusal> {
        self.request.cseq().map(|cseq| cseq.number).map_err(|_| Refusal::Malformed)
    }

    fn bind(&self, id: u64, asked: Asked, path: &[Arc<str>]) -> Result<(Binding, Mark), Refusal> {
        let expires_s = asked.expires.min(self.config.expires_s_max);
        let agent = self.request.header(Name::UserAgent);
        let binding = Binding {
            id,
            contact: asked.uri,
            flow: self.flow,
            expires: self.now + Time::from_secs(expires_s.into()),
            instance: asked.instance,
            user_agent: agent.map(|agent| agent.chars().take(128).collect::<String>().into()),
            lost: false,
        };
        let takes_options =
            binding.instance.is_some() || self.request.lists(Name::Allow, "OPTIONS");
        let mark = Mark {
            call_id: self.request.call_id().into(),
            cseq: self.cseq()?,
            q: asked.q,
            reg_id: asked.reg_id,
            path: path.into(),
            check: Check::new(self.now, &self.config.watch, id, takes_options),
        };
        Ok((binding, mark))
    }

    /// The header fields of the 200: every contact with what is left of its time, and the Path
    /// (RFC 3327 5.3).
    fn listing(&self, entries: &Entries) -> Headers {
        let contacts = entries.iter().map(|(binding, mark)| {
            let left = binding.expires.saturating_sub(self.now).as_millis().div_ceil(1000);
            let mut value = format!("<{}>;expires={left}", binding.contact);
            if let Some(q) = mark.q {
                value += &format!(";q={}.{:03}", q / 1000, q % 1000);
            }
            if let Some((instance, reg_id)) = &binding.instance {
                value += &format!(";+sip.instance=\"{}\"", quotable(instance));
                if mark.reg_id {
                    value += &format!(";reg-id={reg_id}");
                }
            }
            ("Contact".into(), value)
        });
        let path = self.request.headers(Name::Path);
        contacts.chain(path.map(|value| ("Path".into(), value.to_string()))).collect()
    }
}

/// Inside quotes (RFC 3261 25.1, quoted-string).
fn quotable(text: &str) -> String {
    text.replace('\\', "\\\\").replace('"', "\\\"")
}

/// What tells the owner of the difference. What is new comes first, so that nobody who moves from
/// one contact to another seems to be gone in between.
fn changes(user: &str, before: &Entries, after: &Entries) -> Vec<Event> {
    let user: Arc<str> = user.into();
    let mut events = Vec::new();
    // What does not answer has been told as gone, and still is unless it was named.
    for (binding, _) in after.iter().filter(|(binding, _)| !binding.lost) {
        let old = before.iter().map(|(old, _)| old).find(|old| old.id == binding.id);
        let old = old.filter(|old| !old.lost);
        let same = old.is_some_and(|o| o.flow == binding.flow && o.contact == binding.contact);
        if !same {
            let (user, binding) = (user.clone(), binding.clone());
            events.push(Event::Bound { user, binding, new: old.is_none() });
        }
    }
    let gone = before.iter().map(|(old, _)| old).filter(|old| !old.lost);
    let gone: Vec<&Binding> =
        gone.filter(|old| after.iter().all(|(binding, _)| binding.id != old.id)).collect();
    let there = after.iter().filter(|(binding, _)| !binding.lost).count();
    for (rank, old) in gone.iter().enumerate() {
        let left = there + gone.len() - rank - 1;
        let (user, contact, cause) = (user.clone(), old.contact.clone(), UnbindCause::Removed);
        events.push(Event::Unbound { user, binding: old.id, contact, cause, left });
    }
    events
}
