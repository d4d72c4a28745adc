use super::*;

fn rules(take: &[&str], give: &[&str], strip: &[&str]) -> HeaderRules {
    let list = |names: &[&str]| names.iter().map(|name| Name::from(*name)).collect();
    HeaderRules { take: list(take), give: list(give), strip: list(strip) }
}

fn invite(lines: &str) -> Message {
    let text = format!(
        "INVITE sip:us@192.0.2.1 SIP/2.0\r\nVia: SIP/2.0/UDP h;branch=z9hG4bKx\r\n\
         From: <sip:a@h>;tag=1\r\nTo: <sip:us@192.0.2.1>\r\nCall-ID: c\r\nCSeq: 7 INVITE\r\n\
         Max-Forwards: 70\r\nContact: <sip:a@h>\r\nUser-Agent: u\r\n{lines}Content-Length: 0\r\n\r\n"
    );
    Message::parse(text.into()).unwrap()
}

fn limits(value: usize, values: usize) -> Limits {
    Limits { calls_max: 1, context_value_max: value, context_values_max: values }
}

#[test]
fn patterns_of_header_names() {
    let check = |pattern, name, expected| assert_eq!(covers(pattern, name), expected, "{name}");
    check("X-*", "x-crm-id", true);
    check("X-*", "X", false);
    check("X-É*", "X-", false);
    check("*", "Subject", true);
    check("User-to-User", "user-to-user", true);
    check("User-to-User", "User-to-User-2", false);
    check("s", "Subject", true);
    check("Subject", "s", true);
    check("subject", "S", true);
    check("X-Line", "X-Lines", false);
}

/// Which of these become context: of a stranger, of a trusted trunk, of one whose caller is hidden.
#[test]
fn what_enters() {
    let check = |pattern: &str, name: &str, expected: [bool; 3]| {
        let rules = rules(&[pattern], &[], &["X-Secret*"]);
        let seen = [(Party::Stranger, false), (Party::Trusted, false), (Party::Trusted, true)]
            .map(|(party, is_hidden)| enters(&rules, party, is_hidden, name));
        assert_eq!(seen, expected, "{pattern} {name}");
    };
    let (all, none, trusted) = ([true; 3], [false; 3], [false, true, false]);
    check("X-*", "X-Line", all);
    check("X-*", "X-Secret-Key", none);
    check("X-Secret-Key", "X-Secret-Key", none);
    check("*", "x-line", all);
    check("*", "Subject", all);
    check("*", "s", all);
    check("*", "Acme-Id", none);
    check("Acme-*", "Acme-Id", all);
    check("Acme-Id", "acme-id", all);
    for name in ["X-Usher-Call", "x-usher-task", "P-Charging-Vector", "P-Foo", "Proxy-Foo"] {
        check("*", name, none);
        check(name, name, none);
    }
    for name in ["Diversion", "History-Info", "P-Asserted-Identity"] {
        check("*", name, none);
        check("D*", name, none);
        check(name, name, trusted);
        check(&name.to_uppercase(), name, trusted);
    }
}

/// Names of fields that speak of a leg, or that we write.
const OURS: &str = "
    Via v From f To t Call-ID i CSeq Contact m Route Record-Route Max-Forwards Content-Type c
    Content-Length l Content-Encoding e Content-Disposition Content-Foo Require Proxy-Require
    Supported k Unsupported Allow Allow-Events u Accept Expires Min-Expires RSeq RAck
    Session-Expires x Min-SE Replaces Join Target-Dialog Refer-To r Referred-By b Refer-Sub
    Event o Subscription-State Authorization Proxy-Authorization WWW-Authenticate
    Proxy-Authenticate Authentication-Info Privacy P-Preferred-Identity Remote-Party-ID Identity
    y Identity-Info n Session-ID Reason Warning User-Agent Server Organization Date Timestamp
    Retry-After Alert-Info Call-Info Reply-To In-Reply-To Path Service-Route MIME-Version
    Accept-Contact a Reject-Contact j Request-Disposition d Priority P-Charging-Vector
    P-Early-Media Security-Verify X-Usher-Transfer
";

/// Every name that SIP knows but for the few of the table never crosses, listed or not.
#[test]
fn what_speaks_of_a_leg_never_crosses() {
    let rules_of = |name: &str| rules(&[name, "*"], &[name, "*"], &[]);
    for name in OURS.split_ascii_whitespace().chain(["", "a b", "X-A\r\nVia", "X-\u{e9}", "X:"]) {
        let rules = rules_of(name);
        for party in [Party::Inside, Party::Trusted, Party::Stranger] {
            assert!(!enters(&rules, party, false, name), "{name} enters");
            assert!(!leaves(&rules, party, name), "{name} leaves");
        }
        assert!(given(name, "v", "X-", 99).is_err(), "{name} is given");
    }
}

/// What is told: to a stranger, to a trusted trunk, to a phone of ours.
#[test]
fn what_leaves() {
    let check = |pattern: &str, name: &str, expected: [bool; 3]| {
        let rules = rules(&[], &[pattern], &["X-Secret*"]);
        let seen = [Party::Stranger, Party::Trusted, Party::Inside]
            .map(|party| leaves(&rules, party, name));
        assert_eq!(seen, expected, "{pattern} {name}");
    };
    check("*", "X-Line", [true; 3]);
    check("*", "Acme-Id", [true; 3]);
    check("*", "User-to-User", [true; 3]);
    check("*", "X-Secret-Key", [false; 3]);
    check("X-*", "Acme-Id", [false; 3]);
    check("*", "Diversion", [false, false, true]);
    check("Diversion", "Diversion", [false, true, true]);
    check("P-Asserted-Identity", "P-Asserted-Identity", [false, false, true]);
}

#[test]
fn the_context_of_an_invite() {
    let rules = HeaderRules::of_trunk();
    let check = |lines: &str, expected: &[(&str, &str)], dropped: &[&str]| {
        let taken = taken(&invite(lines), &rules, Party::Trusted, false, &limits(20, 3));
        let context: Vec<_> = taken.context.iter().map(|(n, v)| (n.as_str(), v.as_str())).collect();
        assert_eq!(context, expected, "{lines}");
        assert_eq!(taken.dropped.iter().map(|n| &**n).collect::<Vec<_>>(), dropped, "{lines}");
    };
    check("", &[], &[]);
    check("X-Line : vip \r\nx-b:\r\n 1\r\n", &[("X-Line", "vip"), ("x-b", "1")], &[]);
    check("X-Empty:\r\nOrganization: o\r\nX-Usher-Call: c1\r\n", &[], &[]);
    check(
        "user-to-user: 56a390;encoding=hex\r\nUSER-TO-USER: \"a, b\"\r\n",
        &[("User-to-User", "56a390;encoding=hex")],
        &["User-to-User"],
    );
    check(
        "User-to-User: ab;x=\"y\"\r\nUser-to-User: cd\r\n",
        &[("User-to-User", "ab;x=\"y\", cd")],
        &[],
    );
    check("X-A: 1\r\nx-a: 2\r\n", &[("X-A", "1, 2")], &[]);
    check(
        "X-A: 01234567890123456789\r\nX-B: 012345678901234567890\r\nX-B: no\r\nX-a: 1\r\n",
        &[("X-A", "01234567890123456789"), ("X-B", "no")],
        &["X-B", "X-a"],
    );
    check(
        "X-D: 4\r\nX-C: 3\r\nX-B: 2\r\nX-A: 1\r\n",
        &[("X-B", "2"), ("X-C", "3"), ("X-D", "4")],
        &["X-A"],
    );
    // Characters are counted, not octets.
    check("X-A: éééééééééééééééééééé\r\n", &[("X-A", "éééééééééééééééééééé")], &[]);
}

#[test]
fn dropped_names_are_few_and_short() {
    let mut lines: String = (0..40).map(|n| format!("X-{n}: 12\r\n")).collect();
    lines += &format!("X-{}: 1\r\n", "y".repeat(500));
    let taken =
        taken(&invite(&lines), &HeaderRules::of_trunk(), Party::Trusted, false, &limits(1, 3));
    assert_eq!((taken.context.len(), taken.dropped.len()), (0, DROPPED_MAX));
    let long = invite(&format!("X-{}: 1\r\n", "y".repeat(500)));
    let taken = super::taken(&long, &HeaderRules::of_trunk(), Party::Trusted, false, &limits(9, 9));
    assert_eq!(taken.dropped.iter().map(|name| name.len()).collect::<Vec<_>>(), [NAME_MAX]);
}

#[test]
fn the_context_as_it_is_told() {
    let uui = "56a390f3d2b7310023a2;encoding=hex;purpose=foo;content=bar, \"a, b\";q=\"1;2\"";
    let context = BTreeMap::from([
        ("Subject".to_owned(), "s".to_owned()),
        ("User-to-User".to_owned(), uui.to_owned()),
        ("X-A".to_owned(), "1, 2".to_owned()),
    ]);
    let told = told(&context, &HeaderRules::of_trunk(), Party::Stranger);
    let told: Vec<_> = told.iter().map(|(name, value)| (&**name, value.as_str())).collect();
    assert_eq!(
        told,
        [
            ("User-to-User", "56a390f3d2b7310023a2;encoding=hex;purpose=foo;content=bar"),
            ("User-to-User", "\"a, b\";q=\"1;2\""),
            ("X-A", "1, 2"),
        ]
    );
}

#[test]
fn what_somebody_gives() {
    let check = |name: &str, value: &str, expected: Result<(&str, &str), Refused>| {
        let expected = expected.map(|(name, value)| (name.into(), value.to_owned()));
        assert_eq!(given(name, value, "X-CRM-", 10), expected, "{name:?} {value:?}");
    };
    check("X-Line", " a ", Ok(("X-Line", "a")));
    check("Id", "1", Ok(("X-CRM-Id", "1")));
    check("id", "1\t2", Ok(("X-CRM-id", "1\t2")));
    check("user-to-user", "56;encoding", Err(Refused::TooLong));
    check("USER-TO-USER", "56", Ok(("User-to-User", "56")));
    check("s", "56", Ok(("Subject", "56")));
    check("X A", "1", Err(Refused::NoName));
    check("", "1", Err(Refused::NoName));
    check("X-A\r\nVia", "1", Err(Refused::NoName));
    for value in ["\r", "\n", "\0", "a\r\nVia: b", "\x7f", "\u{85}"] {
        check("X-A", value, Err(Refused::Control));
    }
    check("Via", "1", Err(Refused::Ours));
    check("Diversion", "1", Err(Refused::Ours));
    check("X-Usher-Call", "1", Err(Refused::Ours));
}

#[test]
fn what_a_list_may_have() {
    for (pattern, expected) in [
        ("X-*", Listing::Free),
        ("*", Listing::Free),
        ("Acme-Id", Listing::Free),
        ("s", Listing::Free),
        ("Diversion", Listing::Trusted),
        ("P-Asserted-Identity", Listing::Trusted),
        ("X-Usher-*", Listing::Never),
        ("P-*", Listing::Never),
        ("P-Foo", Listing::Never),
        ("via", Listing::Never),
        ("k", Listing::Never),
    ] {
        assert_eq!(listing(pattern), expected, "{pattern}");
    }
}
