//! `[codes]`.

use b2bua::config::{Codes, HelpHold};

use super::{OPERATOR, QUEUE, ROUTE, check, sound};

#[test]
fn feature_codes() {
    let setup = sound(&format!("{QUEUE}help_hold = \"request\"\n{OPERATOR}{ROUTE}"));
    assert_eq!(setup.core.codes, Codes::default());
    assert_eq!(setup.core.queues[0].help_hold, HelpHold::Request);
    let setup = sound(&format!(
        "{QUEUE}{OPERATOR}{ROUTE}[codes]\nready = \"*01\"\nhold = \"\"\nwait_s = 2.5\n"
    ));
    let codes = &setup.core.codes;
    assert_eq!((&*codes.ready, &*codes.hold, &*codes.take_back), ("*01", "", "*9"));
    assert_eq!(codes.wait_ms, 2_500);
    check(
        "[codes]\nready = \"81\"\nwait_s = 60\ncold_transfer = \"4\"",
        &[
            "a:2: `ready` of [codes] is `81`; expected `*` and up to 15 digits, such as \"*83\", or \
             \"\" for none",
            "a:3: `wait_s` of [codes] is 60; expected seconds from 1 to 30",
            "a:4: `cold_transfer` of [codes] is `4`; expected `*` and up to 15 digits, such as \"*83\", or \
             \"\" for none",
        ],
    );
    check(
        "[codes]\nhold = \"*8\"\nmonitor = \"\"\nwhisper = \"\"\nbarge = \"\"\nready = \"*01\"",
        &["a:1: `not_ready` and `hold` of [codes] begin alike: one hides the other"],
    );
}
