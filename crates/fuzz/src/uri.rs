//! URIs.

use sip::msg::{Host, NameAddr, Uri};

/// What is read is printed and read as the same, is equal to itself, and takes changes.
pub fn uri(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    if let Some(host) = Host::parse(&text) {
        assert_eq!(Host::parse(&host.to_string()), Some(host));
    }
    let Ok(uri) = Uri::parse(&text) else { return };
    let printed = uri.to_string();
    assert_eq!(Uri::parse(&printed).as_ref(), Ok(&uri), "{printed}");
    assert!(uri.matches(&uri), "{printed}");
    let _ = (uri.scheme(), uri.is_sip(), uri.user(), uri.raw_user(), uri.password(), uri.host());
    let _ = (uri.port(), uri.param("transport"), uri.is_loose(), uri.params().is_empty());
    for (name, value) in uri.headers().take(8) {
        let _ = (uri.header(&name), value);
    }
    let bare = uri.bare();
    assert_eq!(Uri::parse(&bare.to_string()), Ok(bare));
    assert_eq!(uri.clone().without_headers().headers().count(), 0);
    let named = NameAddr::new(uri.clone()).with_display("\"a\" <b>").with_tag("t");
    assert_eq!(NameAddr::parse(&named.to_string()).map(|read| read.uri), Ok(uri.clone()));

    if uri.is_sip() {
        let changed = uri
            .with_user(&text)
            .with_param("x", Some(&text))
            .with_header("X-A", &text)
            .with_param("lr", None);
        assert_eq!(changed.user().as_deref(), Some(&*text).filter(|text| !text.is_empty()));
        assert_eq!(Uri::parse(&changed.to_string()), Ok(changed));
    }
}
