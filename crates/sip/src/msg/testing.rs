//! Messages for the tests of this folder.

/// RFC 3261's INVITE up to the Content-Length.
pub(crate) const INVITE: &str = "INVITE sip:bob@biloxi.com SIP/2.0\r\n\
Via: SIP/2.0/UDP pc33.atlanta.com;branch=z9hG4bK776asdhds\r\n\
Max-Forwards: 70\r\n\
To: Bob <sip:bob@biloxi.com>\r\n\
From: Alice <sip:alice@atlanta.com>;tag=1928301774\r\n\
Call-ID: a84b4c76e66710@pc33.atlanta.com\r\n\
CSeq: 314159 INVITE\r\n\
Contact: <sip:alice@pc33.atlanta.com>\r\n";

/// A browser's INVITE as JsSIP sends it.
pub(crate) const BROWSER: &str = "INVITE sip:queue-sales@pbx.example.com SIP/2.0\r\n\
Via: SIP/2.0/WSS 5v2s8r9k3c4d.invalid;branch=z9hG4bK7463524\r\n\
Max-Forwards: 69\r\n\
To: <sip:queue-sales@pbx.example.com>\r\n\
From: \"Anna Operator\" <sip:anna@pbx.example.com>;tag=4rqvbi2g1c\r\n\
Call-ID: 8p2m4d0gqs5s3a5lc1v0\r\n\
CSeq: 8431 INVITE\r\n\
Authorization: Digest algorithm=MD5, username=\"anna\", realm=\"pbx.example.com\", \
nonce=\"a1f0c6d2-8c14-4e7a\", uri=\"sip:queue-sales@pbx.example.com\", \
response=\"3b1f0c2a9d8e7f6a5b4c3d2e1f0a9b8c\", qop=auth, cnonce=\"k2j3h4\", nc=00000001\r\n\
X-CRM-Context: 9f1c2e\r\n\
Contact: <sip:anna@5v2s8r9k3c4d.invalid;transport=wss;ob>;+sip.instance=\"<urn:uuid:1>\"\r\n\
Content-Type: application/sdp\r\n\
Session-Expires: 90\r\n\
Allow: INVITE,ACK,CANCEL,BYE,UPDATE,MESSAGE,OPTIONS,REFER,INFO,NOTIFY\r\n\
Supported: timer,ice,replaces,outbound\r\n\
User-Agent: JsSIP 3.13.8\r\n";

/// The message with this body and its Content-Length.
pub(crate) fn wire(head: &str, body: &[u8]) -> Vec<u8> {
    let mut wire = format!("{head}Content-Length: {}\r\n\r\n", body.len()).into_bytes();
    wire.extend_from_slice(body);
    wire
}
