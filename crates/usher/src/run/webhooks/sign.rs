//! What a receiver knows us by.

use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;

/// `t=SECONDS,v1=HEX` of HMAC-SHA256 (RFC 2104) over `SECONDS.BODY`.
pub(super) fn signature(secret: &str, since_unix_s: u64, body: &str) -> String {
    let signed = format!("{since_unix_s}.{body}");
    // A key of any length is one; an error is none of this function.
    let code = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).map(|mut mac| {
        mac.update(signed.as_bytes());
        mac.finalize().into_bytes()
    });
    let hex: String = code.unwrap_or_default().iter().map(|byte| format!("{byte:02x}")).collect();
    format!("t={since_unix_s},v1={hex}")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Made by `printf '1700000000.{"seq":1}' | openssl dgst -sha256 -hmac Jefe`.
    #[test]
    fn it_is_what_others_make_of_it() {
        let expected =
            "t=1700000000,v1=82196225751a11cfcdf0e3d38986295effcbdc9696777255df8e56582a4b12ad";
        assert_eq!(signature("Jefe", 1_700_000_000, r#"{"seq":1}"#), expected);
    }
}
