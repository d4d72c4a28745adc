//! Reason phrases, from rsip's vocabulary of status codes.

use rsip::StatusCode;

/// The usual reason phrase of `status` (RFC 3261 section 21); the class's for one we do not know.
#[must_use]
pub fn reason_phrase(status: u16) -> String {
    match status {
        // The identifiers of rsip cannot carry the punctuation of these.
        // 202 of RFC 3265 is not among them.
        202 => "Accepted".into(),
        414 => "Request-URI Too Long".into(),
        416 => "Unsupported URI Scheme".into(),
        481 => "Call/Transaction Does Not Exist".into(),
        504 => "Server Time-out".into(),
        606 => "Not Acceptable".into(),
        608 => "Rejected".into(),
        _ => match StatusCode::from(status) {
            StatusCode::OK => "OK".into(),
            StatusCode::Other(..) => class(status).into(),
            known => words(known.to_string().split_once(' ').map_or("", |(_, name)| name)),
        },
    }
}

fn class(status: u16) -> &'static str {
    match status / 100 {
        1 => "Progress",
        2 => "OK",
        3 => "Redirected",
        4 => "Request Failed",
        5 => "Server Failure",
        _ => "Global Failure",
    }
}

/// `BusyHere` as `Busy Here`.
fn words(name: &str) -> String {
    let mut out = String::with_capacity(name.len() + 4);
    for letter in name.chars() {
        if letter.is_ascii_uppercase() && !out.is_empty() {
            out.push(' ');
        }
        out.push(letter);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn phrases() {
        let check = |status, expected: &str| assert_eq!(reason_phrase(status), expected);
        check(100, "Trying");
        check(180, "Ringing");
        check(183, "Session Progress");
        check(200, "OK");
        check(202, "Accepted");
        check(302, "Moved Temporarily");
        check(401, "Unauthorized");
        check(407, "Proxy Authentication Required");
        check(414, "Request-URI Too Long");
        check(422, "Session Interval Too Small");
        check(423, "Interval Too Brief");
        check(481, "Call/Transaction Does Not Exist");
        check(486, "Busy Here");
        check(491, "Request Pending");
        check(501, "Not Implemented");
        check(603, "Decline");
        check(599, "Server Failure");
        check(0, "Global Failure");
        check(u16::MAX, "Global Failure");
    }
}
