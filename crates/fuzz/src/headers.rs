//! Header fields by themselves.

use core::fmt::Display;

use sip::msg::{
    CSeq, Method, Name, NameAddr, Params, RAck, Replaces, Transport, Via, reason_phrase, split_list,
};

/// Typed values are printed as they are read; lists lose nothing.
pub fn headers(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let text = &*text;
    stays(text, NameAddr::parse, "name-addr");
    stays(text, Via::parse, "Via");
    stays(text, CSeq::parse, "CSeq");
    stays(text, RAck::parse, "RAck");
    stays(text, Replaces::parse, "Replaces");
    let params = Params::parse(text);
    assert_eq!(Params::parse(&params.to_string()), params);
    for (name, _) in params.iter().take(8) {
        assert!(params.has(name) && params.get(name).is_some() && params.text(name).is_some());
    }
    let mut changed = params.clone();
    changed.set("x", text);
    assert_eq!(Params::parse(&changed.to_string()), changed);
    if let Some(method) = Method::parse(text) {
        assert_eq!(method.as_str(), text);
    }
    let _ = (Name::lookup(text), Transport::parse(text));
    let elements: Vec<&str> = split_list(text).collect();
    let joined = elements.join(", ");
    assert_eq!(split_list(&joined).collect::<Vec<_>>(), elements);
    if let Ok(address) = NameAddr::parse(text) {
        let _ = (address.expires(), address.q_permille(), address.tag());
    }
    if let Ok(via) = Via::parse(text) {
        let _ = (via.reply_address(), via.received(), via.rport(), via.port_or_default());
    }
    let status = data.iter().fold(0_u16, |sum, byte| sum.wrapping_mul(31) ^ u16::from(*byte));
    assert!(!reason_phrase(status).is_empty());
}

/// What was printed once is read, and printed the same.
fn stays<T: Display, E>(text: &str, read: impl Fn(&str) -> Result<T, E>, what: &str) {
    let Ok(value) = read(text) else { return };
    let printed = value.to_string();
    let again = read(&printed).map(|value| value.to_string());
    assert_eq!(again.ok().as_ref(), Some(&printed), "{what}: {text:?}");
}
