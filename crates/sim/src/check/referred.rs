//! What RFC 3515 asks of whoever accepts a REFER, as it is seen on the wire: the peer is told how it
//! ends before the switch says BYE, unless it refuses to hear more or answers nothing.

use std::collections::{BTreeMap, BTreeSet};

use sip::Time;
use sip::msg::{Message, Method, Name};

use super::wire::LIFE;

/// Call-ID and the tag of whoever referred.
type Dialog = (String, String);

/// The fold.
#[derive(Debug, Default)]
pub(crate) struct Referred {
    /// Subscriptions that stand, and since when a NOTIFY of theirs has waited for its answer.
    open: BTreeMap<Dialog, Option<Time>>,
    /// REFERs that were accepted, by CSeq: their 202 may come again.
    accepted: BTreeSet<(Dialog, u32)>,
}

fn dialog_of(message: &Message, tag: String) -> Dialog {
    (message.call_id().to_owned(), tag)
}

fn answers(message: &Message, method: &Method) -> bool {
    message.cseq().is_ok_and(|cseq| cseq.method == *method)
}

impl Referred {
    /// Something that came to the switch.
    pub(crate) fn received(&mut self, message: &Message) {
        match (message.method(), message.status()) {
            (Some(Method::Bye), _) => {
                self.open.remove(&dialog_of(message, message.from_tag()));
            }
            (None, Some(200..)) if answers(message, &Method::Notify) => {
                let dialog = dialog_of(message, message.to_tag().unwrap_or_default());
                if message.status() >= Some(300) {
                    self.open.remove(&dialog);
                } else if let Some(waits) = self.open.get_mut(&dialog) {
                    *waits = None;
                }
            }
            _ => {}
        }
    }

    /// Something that the switch sends.
    pub(crate) fn sent(&mut self, now: Time, message: &Message) -> Result<(), String> {
        let to = || dialog_of(message, message.to_tag().unwrap_or_default());
        match (message.method(), message.status()) {
            (None, Some(202)) if answers(message, &Method::Refer) => {
                let dialog = dialog_of(message, message.from_tag());
                let number = message.cseq().map_or(0, |cseq| cseq.number);
                if self.accepted.insert((dialog.clone(), number)) {
                    self.open.insert(dialog, None);
                }
            }
            (Some(Method::Notify), _) => {
                let state = message.header(Name::SubscriptionState).unwrap_or_default();
                if state.starts_with("terminated") {
                    self.open.remove(&to());
                } else if let Some(waits) = self.open.get_mut(&to()) {
                    waits.get_or_insert(now);
                }
            }
            (Some(Method::Bye), _) => {
                let waits = self.open.remove(&to());
                if waits.is_some_and(|since| since.is_none_or(|at| now < at + LIFE)) {
                    return Err(format!("BYE before the last NOTIFY: {:?}", to()));
                }
            }
            _ => {}
        }
        Ok(())
    }
}
