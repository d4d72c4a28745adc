//! What RFC 3262 asks of provisional responses that must not be lost, as it is seen on the wire: a
//! number that begins anywhere and rises by one, the next only after the PRACK of the last, no 2xx
//! before the PRACK of one with SDP; and a PRACK at once for each of a peer's, in order, for no other.

use std::collections::BTreeMap;

use sip::msg::{Message, Method, Name};

/// Call-ID and the tag of who responds.
type Dialog = (String, String);

/// The fold.
#[derive(Debug, Default)]
pub(crate) struct Reliable {
    /// The switch's last in each early dialog.
    said: BTreeMap<Dialog, Said>,
    /// The number of the peer's last in each early dialog.
    heard: BTreeMap<Dialog, u32>,
    /// The PRACK that this turn owes.
    due: Option<(Dialog, u32)>,
}

#[derive(Debug)]
struct Said {
    rseq: u32,
    has_sdp: bool,
    pracked: bool,
}

fn dialog_of(message: &Message) -> Dialog {
    (message.call_id().to_owned(), message.to_tag().unwrap_or_default())
}

fn rack(prack: &Message) -> Option<u32> {
    Some(prack.rack().ok()??.rseq)
}

impl Reliable {
    /// A PRACK of a peer's.
    pub(crate) fn pracked(&mut self, prack: &Message) {
        if let Some(said) = self.said.get_mut(&dialog_of(prack)) {
            said.pracked |= rack(prack) == Some(said.rseq);
        }
    }

    /// A provisional response of a peer's to an INVITE that waits for its answer and lets it be
    /// reliable. Of a call given up it may be acknowledged; else, where that is due, it must.
    pub(crate) fn heard(&mut self, response: &Message, is_due: bool) {
        let is_reliable = response.lists(Name::Require, "100rel");
        let Some(rseq) = response.rseq().filter(|_| is_reliable) else { return };
        let dialog = dialog_of(response);
        if self.heard.get(&dialog).is_none_or(|last| last + 1 == rseq) {
            self.heard.insert(dialog.clone(), rseq);
            self.due = is_due.then_some((dialog, rseq));
        }
    }

    /// Something that the switch sends.
    pub(crate) fn sent(&mut self, message: &Message) -> Result<(), String> {
        let of_invite = message.cseq().is_ok_and(|cseq| cseq.method == Method::Invite);
        match (message.method(), message.status()) {
            (Some(Method::Prack), _) => self.prack(message),
            (None, Some(101..200)) if of_invite => self.provisional(message),
            (None, Some(200..300)) if of_invite => match self.said.get(&dialog_of(message)) {
                Some(said) if said.has_sdp && !said.pracked => {
                    Err(format!("a 2xx before the PRACK: {said:?}"))
                }
                _ => Ok(()),
            },
            _ => Ok(()),
        }
    }

    fn prack(&mut self, prack: &Message) -> Result<(), String> {
        let (dialog, rseq) = (dialog_of(prack), rack(prack));
        self.due.take_if(|(of, number)| *of == dialog && Some(*number) == rseq);
        match (self.heard.get(&dialog), rseq) {
            (Some(last), Some(rseq)) if rseq <= *last => Ok(()),
            (last, _) => Err(format!("PRACK {rseq:?} after {last:?}")),
        }
    }

    fn provisional(&mut self, response: &Message) -> Result<(), String> {
        let is_reliable = response.lists(Name::Require, "100rel");
        let Some(rseq) = response.rseq().filter(|_| is_reliable) else {
            let is_sound = !is_reliable && response.rseq().is_none();
            return if is_sound { Ok(()) } else { Err("RSeq or Require alone".into()) };
        };
        let has_sdp = !response.sdp().is_empty();
        let new = Said { rseq, has_sdp, pracked: false };
        let fits = match self.said.get(&dialog_of(response)) {
            Some(said) if said.rseq == rseq => return Ok(()),
            Some(said) => said.pracked && said.rseq + 1 == rseq,
            None => (1..1 << 31).contains(&rseq),
        };
        let said = self.said.insert(dialog_of(response), new);
        if fits { Ok(()) } else { Err(format!("RSeq {rseq} after {said:?}")) }
    }

    pub(crate) fn turn_over(&mut self) -> Result<(), String> {
        match self.due.take() {
            Some(due) => Err(format!("a reliable response without its PRACK: {due:?}")),
            None => Ok(()),
        }
    }
}
