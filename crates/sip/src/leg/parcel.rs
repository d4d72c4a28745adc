//! What is to be sent in the dialog.

use serde::{Deserialize, Serialize};

use crate::msg::Method;
use crate::transaction::ClientKey;
use crate::{Body, Headers};

/// A request to be sent in the dialog.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) enum Parcel {
    /// The ACK of a 2xx to our INVITE.
    Ack {
        invite: ClientKey,
        cseq: u32,
        body: Option<Body>,
    },
    /// The PRACK of a reliable response in the early dialog of that tag.
    Prack {
        tag: String,
        rack: String,
    },
    Bye(Headers),
    Reinvite(Wish, Option<Body>),
    Request(Order),
    Refer {
        token: u64,
        headers: Headers,
    },
    Notify {
        token: u64,
        headers: Headers,
        body: Body,
    },
    /// An UPDATE or OPTIONS of the leg's own, to see whether the peer is there.
    Pulse(Method),
}

/// A request that the owner wants to be sent.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Order {
    pub(crate) token: u64,
    pub(crate) method: Method,
    pub(crate) headers: Headers,
    pub(crate) body: Option<Body>,
}

/// What the owner wants to say by re-INVITE, but for the offer, which is made when it can be sent.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(super) struct Wish {
    pub(super) headers: Headers,
    /// How often it met glare.
    pub(super) tries: u8,
}

impl Wish {
    /// Takes another wish in.
    pub(super) fn merge(&mut self, headers: Headers) {
        let is_newer =
            |name: &str| headers.iter().any(|(newer, _)| newer.eq_ignore_ascii_case(name));
        self.headers.retain(|(name, _)| !is_newer(name));
        self.headers.extend(headers);
    }
}
