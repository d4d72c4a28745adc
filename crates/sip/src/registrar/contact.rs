//! The Contact header fields of a REGISTER: what they ask for, and which of them we refuse.

use std::net::IpAddr;
use std::sync::Arc;

use crate::msg::{Message, Name, NameAddr, Scheme, Uri};
use crate::{Binding, Config, Flow, Transport};

/// Longest Contact URI, instance and Path kept, in bytes.
const LENGTH_MAX: usize = 1024;

/// What the Contact header fields ask for; an empty list asks only what is there.
#[derive(Debug)]
pub(super) enum Wish {
    /// `*`: drop everything.
    Nothing,
    /// These.
    Contacts(Vec<Asked>),
}

/// One contact asked for.
#[derive(Debug)]
pub(super) struct Asked {
    pub(super) uri: Uri,
    pub(super) instance: Option<(Arc<str>, u32)>,
    pub(super) reg_id: bool,
    pub(super) q: Option<u16>,
    /// In seconds, before our limits; 0 drops it.
    pub(super) expires: u32,
}

/// Why a contact is not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Unfit {
    /// It cannot be read, or is too long.
    Malformed,
    /// It names us, a group, or nobody.
    Forged,
}

impl Wish {
    /// Reads the Contact and Expires header fields; an expiry that cannot be read counts as
    /// `default` (RFC 3261 20.10).
    pub(super) fn read(request: &Message, default: u32) -> Result<Self, Unfit> {
        let message_expires = request.header(Name::Expires).map(|_| request.expires());
        if request.is_contact_star() {
            let lone = request.list(Name::Contact).count() == 1;
            let gone = message_expires == Some(Some(0));
            return if lone && gone { Ok(Self::Nothing) } else { Err(Unfit::Malformed) };
        }
        let expires = message_expires.flatten().unwrap_or(default);
        let read = |contact| Asked::read(contact, expires, default);
        let contacts = request.contacts().map_err(|_| Unfit::Malformed)?;
        Ok(Self::Contacts(contacts.into_iter().map(read).collect::<Result<_, _>>()?))
    }
}

impl Asked {
    fn read(contact: NameAddr, message_expires: u32, default: u32) -> Result<Self, Unfit> {
        let params = &contact.params;
        let instance = params.text("+sip.instance").filter(|instance| !instance.is_empty());
        let long = |text: &str| text.len() > LENGTH_MAX;
        if !contact.uri.is_sip()
            || long(&contact.uri.to_string())
            || instance.as_deref().is_some_and(long)
        {
            return Err(Unfit::Malformed);
        }
        let reg_id = match params.get("reg-id") {
            Some(text) => Some(text.parse::<u32>().map_err(|_| Unfit::Malformed)?),
            None => None,
        };
        let expires = match params.has("expires") {
            true => contact.expires().unwrap_or(default),
            false => message_expires,
        };
        Ok(Self {
            instance: instance.map(|instance| (instance.into(), reg_id.unwrap_or(0))),
            reg_id: reg_id.is_some(),
            q: contact.q_permille(),
            expires,
            uri: contact.uri.without_headers(),
        })
    }

    /// Whether it speaks of this binding: the same instance and `reg-id` where both have one
    /// (RFC 5626 6), otherwise an equivalent URI (RFC 3261 19.1.4).
    pub(super) fn names(&self, binding: &Binding) -> bool {
        match (&self.instance, &binding.instance) {
            (Some(ours), Some(theirs)) => ours == theirs,
            _ => self.uri.matches(&binding.contact),
        }
    }
}

/// The Path values of a REGISTER (RFC 3327), within measure.
pub(super) fn path(request: &Message) -> Result<Vec<Arc<str>>, Unfit> {
    let path: Vec<Arc<str>> = request.list(Name::Path).map(Into::into).collect();
    let whole = path.iter().map(|value| value.len()).sum::<usize>() <= LENGTH_MAX;
    let sound = path.iter().all(|value| NameAddr::parse(value).is_ok());
    if whole && sound { Ok(path) } else { Err(Unfit::Malformed) }
}

/// Refuses a contact that would make a loop or a spray of what goes to it, should a next hop route
/// by it: one that names ourselves, a group, or no host at all.
///
/// An address of ours that is private is let pass from a public source: two private networks with
/// the same numbers, and the phone is behind its NAT. Names that do not resolve (`.invalid`) are
/// what browsers send.
pub(super) fn fit(uri: &Uri, flow: &Flow, config: &Config) -> Result<(), Unfit> {
    let Some(host) = uri.host() else { return Err(Unfit::Malformed) };
    let secure = *uri.scheme() == Scheme::Sips || flow.transport == Transport::Tls;
    let port = uri.port().unwrap_or(if secure { 5061 } else { 5060 });
    let here = flow.local.port();
    let forged = match host.ip().map(|ip| ip.to_canonical()) {
        Some(ip) => {
            let ours = ip == flow.local.ip().to_canonical() || config.advertise == Some(ip);
            let nat = is_private(ip) && !is_private(flow.remote.ip().to_canonical());
            is_nobody(ip) || (ours && port == here && !nat)
        }
        // A name's port may come from SRV, so a missing one is ours too.
        None => config.is_domain(host) && uri.port().is_none_or(|port| port == here),
    };
    if forged { Err(Unfit::Forged) } else { Ok(()) }
}

/// Unspecified, multicast, broadcast: no single host.
fn is_nobody(ip: IpAddr) -> bool {
    ip.is_unspecified() || ip.is_multicast() || ip == IpAddr::from([255, 255, 255, 255])
}

/// Addresses that mean different hosts in different networks.
fn is_private(ip: IpAddr) -> bool {
    match ip {
        IpAddr::V4(ip) => {
            let shared = ip.octets()[0] == 100 && ip.octets()[1] & 0xc0 == 64;
            ip.is_private() || ip.is_loopback() || ip.is_link_local() || shared
        }
        IpAddr::V6(ip) => ip.is_loopback() || ip.is_unique_local() || ip.is_unicast_link_local(),
    }
}
