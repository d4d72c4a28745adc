//! Header field names (RFC 3261 section 20 and the IANA registry), with their compact forms.

use core::fmt;
use serde::{Deserialize, Serialize};

macro_rules! names {
    ($($(#[$doc:meta])* $variant:ident $text:literal $($compact:literal)?;)*) => {
        /// A header field name that we know. Names we do not know are found by their text.
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
        #[repr(u8)]
        pub enum Name { $(#[doc = concat!("`", $text, "`")] $variant,)* }

        const ALL: &[(Name, &str)] = &[$((Name::$variant, $text),)*];

        const fn compact(letter: u8) -> Option<Name> {
            match letter { $($($compact => Some(Name::$variant),)?)* _ => None }
        }
    };
}

names! {
    Accept "Accept";
    AcceptContact "Accept-Contact" b'a';
    AcceptEncoding "Accept-Encoding";
    AcceptLanguage "Accept-Language";
    AlertInfo "Alert-Info";
    Allow "Allow";
    AllowEvents "Allow-Events" b'u';
    AuthenticationInfo "Authentication-Info";
    Authorization "Authorization";
    CallId "Call-ID" b'i';
    CallInfo "Call-Info";
    Contact "Contact" b'm';
    ContentDisposition "Content-Disposition";
    ContentEncoding "Content-Encoding" b'e';
    ContentLanguage "Content-Language";
    ContentLength "Content-Length" b'l';
    ContentType "Content-Type" b'c';
    CSeq "CSeq";
    Date "Date";
    Diversion "Diversion";
    ErrorInfo "Error-Info";
    Event "Event" b'o';
    Expires "Expires";
    FlowTimer "Flow-Timer";
    From "From" b'f';
    HistoryInfo "History-Info";
    Identity "Identity" b'y';
    IdentityInfo "Identity-Info" b'n';
    InReplyTo "In-Reply-To";
    InfoPackage "Info-Package";
    Join "Join";
    MaxForwards "Max-Forwards";
    MimeVersion "MIME-Version";
    MinExpires "Min-Expires";
    MinSe "Min-SE";
    Organization "Organization";
    PAccessNetworkInfo "P-Access-Network-Info";
    PAssertedIdentity "P-Asserted-Identity";
    PAssociatedUri "P-Associated-URI";
    PCalledPartyId "P-Called-Party-ID";
    PChargingVector "P-Charging-Vector";
    PEarlyMedia "P-Early-Media";
    PPreferredIdentity "P-Preferred-Identity";
    Path "Path";
    Priority "Priority";
    Privacy "Privacy";
    ProxyAuthenticate "Proxy-Authenticate";
    ProxyAuthorization "Proxy-Authorization";
    ProxyRequire "Proxy-Require";
    RAck "RAck";
    Reason "Reason";
    RecordRoute "Record-Route";
    RecvInfo "Recv-Info";
    ReferSub "Refer-Sub";
    ReferTo "Refer-To" b'r';
    ReferredBy "Referred-By" b'b';
    RejectContact "Reject-Contact" b'j';
    RemotePartyId "Remote-Party-ID";
    Replaces "Replaces";
    ReplyTo "Reply-To";
    RequestDisposition "Request-Disposition" b'd';
    Require "Require";
    RetryAfter "Retry-After";
    Route "Route";
    RSeq "RSeq";
    Server "Server";
    ServiceRoute "Service-Route";
    SessionExpires "Session-Expires" b'x';
    SessionId "Session-ID";
    SipEtag "SIP-ETag";
    SipIfMatch "SIP-If-Match";
    Subject "Subject" b's';
    SubscriptionState "Subscription-State";
    Supported "Supported" b'k';
    TargetDialog "Target-Dialog";
    Timestamp "Timestamp";
    To "To" b't';
    Unsupported "Unsupported";
    UserAgent "User-Agent";
    UserToUser "User-to-User";
    Via "Via" b'v';
    Warning "Warning";
    WwwAuthenticate "WWW-Authenticate";
}

/// Longest known name in bytes.
const LONGEST: usize = 24;

#[expect(clippy::cast_possible_truncation, reason = "fewer names than 256: asserted")]
const fn byte(at: usize) -> u8 {
    assert!(at < 256, "too many names");
    at as u8
}

/// Known names ordered by length, and where each length starts: a look-up compares two or three.
const BY_LENGTH: ([u8; ALL.len()], [u8; LONGEST + 2]) = {
    let mut order = [0_u8; ALL.len()];
    let mut start = [0_u8; LONGEST + 2];
    let (mut length, mut filled) = (0, 0);
    while length <= LONGEST {
        start[length] = byte(filled);
        let mut i = 0;
        while i < ALL.len() {
            if ALL[i].1.len() == length {
                order[filled] = byte(i);
                filled += 1;
            }
            i += 1;
        }
        length += 1;
    }
    start[LONGEST + 1] = byte(filled);
    assert!(filled == ALL.len(), "a name is longer than LONGEST");
    (order, start)
};

/// The first and the last letter of a name of more than one, in one case.
const fn ends(name: &[u8]) -> [u8; 2] {
    [name[0] | 0x20, name[name.len() - 1] | 0x20]
}

const ENDS: [[u8; 2]; ALL.len()] = {
    let mut all = [[0; 2]; ALL.len()];
    let mut i = 0;
    while i < ALL.len() {
        all[i] = ends(ALL[i].1.as_bytes());
        i += 1;
    }
    all
};

impl Name {
    /// The name written as `text`, in any case and also in its compact form.
    #[must_use]
    pub fn lookup(text: &str) -> Option<Self> {
        Self::lookup_bytes(text.as_bytes())
    }

    pub(crate) fn lookup_bytes(text: &[u8]) -> Option<Self> {
        match text {
            [] => None,
            [letter] => compact(letter.to_ascii_lowercase()),
            _ if text.len() > LONGEST => None,
            _ => {
                let (order, start) = &BY_LENGTH;
                let bucket = usize::from(start[text.len()])..usize::from(start[text.len() + 1]);
                // Few names share length and ends, so that most are compared in full once.
                let ends = ends(text);
                order[bucket]
                    .iter()
                    .filter(|&&at| ENDS[usize::from(at)] == ends)
                    .map(|&at| ALL[usize::from(at)])
                    .find(|(_, known)| {
                        let known = known.as_bytes();
                        // Mostly it is written as in the RFC, and equality is quicker to see.
                        known == text || known.eq_ignore_ascii_case(text)
                    })
                    .map(|(name, _)| name)
            }
        }
    }

    /// The canonical long form, as it is printed.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        ALL[self as usize].1
    }

    /// Whether the grammar allows this field only once in a message.
    pub(crate) fn is_single(self) -> bool {
        matches!(self, Self::From | Self::To | Self::CallId | Self::CSeq | Self::MaxForwards)
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_is_found_in_any_case() {
        for (name, text) in ALL {
            assert_eq!(Name::lookup(text), Some(*name));
            assert_eq!(Name::lookup(&text.to_uppercase()), Some(*name));
            assert_eq!(Name::lookup(&text.to_lowercase()), Some(*name));
            assert_eq!(name.to_string(), *text);
        }
    }

    #[test]
    fn compact_forms_and_strangers() {
        let check = |text: &str, expected| assert_eq!(Name::lookup(text), expected, "{text:?}");
        for (text, name) in [
            ("i", Name::CallId),
            ("m", Name::Contact),
            ("e", Name::ContentEncoding),
            ("l", Name::ContentLength),
            ("c", Name::ContentType),
            ("f", Name::From),
            ("s", Name::Subject),
            ("k", Name::Supported),
            ("t", Name::To),
            ("v", Name::Via),
            ("r", Name::ReferTo),
            ("b", Name::ReferredBy),
            ("x", Name::SessionExpires),
            ("u", Name::AllowEvents),
            ("o", Name::Event),
            ("V", Name::Via),
        ] {
            check(text, Some(name));
        }
        for text in ["", "z", "é", "X-CRM-Id", "Vía", "Call-ID ", "a-name-longer-than-all-of-them"]
        {
            check(text, None);
        }
    }
}
