//! Those outside: operators at numbers, hooks, and how trunks write numbers.

use b2bua::config::Go;

use super::{check, sound};

#[test]
fn operators_at_numbers_outside() {
    let trunk = |name, more| format!("[[trunk]]\nname = \"{name}\"\nhosts = [\"1.2.3.4\"]\n{more}");
    let operator = |keys: &str| format!("[[operator]]\nid = \"o\"\n{keys}\n");
    let read = |keys: &str| {
        let text = operator(keys) + &trunk("t", "proxy = \"sip:1.2.3.4\"\n");
        sound(&text).core.operators[0].contact.clone()
    };
    let number = Go::Number { number: "+7".into(), trunk: "t".into() };
    assert_eq!(read("contact = \"tel:+7\""), Some(number.clone()), "over the only trunk there is");
    assert_eq!(read("contact = \"tel:+7\"\ntrunk = \"t\"\npassword = \"p\""), Some(number));
    assert!(matches!(read("contact = \"sip:o@there.example\""), Some(Go::Uri(_))));
    let faults = |keys: &str, trunks: String, expected: &str| {
        check(&(operator(keys) + &trunks), &[expected]);
    };
    let tel = "contact = \"tel:+7\"";
    let none = "a:1: `contact` of operator `o` needs a [[trunk]] with a `proxy`, and there is none";
    faults(tel, String::new(), none);
    faults(tel, trunk("t", ""), none);
    let (one, two) =
        (trunk("t", "proxy = \"sip:1.2.3.4\"\n"), trunk("u", "").replace("1.2", "2.2"));
    faults(
        &format!("{tel}\ntrunk = \"u\""),
        format!("{one}{two}"),
        "a:1: `contact` of operator `o` calls over trunk `u`, which has no `proxy`; add one",
    );
    faults(
        tel,
        format!("{one}{two}proxy = \"sip:2.2.3.4\"\n"),
        "a:1: `contact` of operator `o` needs `trunk`: there are several to call over",
    );
    faults(
        "contact = \"sip:o@there.example\"\ntrunk = \"t\"",
        one.clone(),
        "a:3: `contact` of [[operator]] `o` is a SIP URI, which goes over no `trunk`; remove that",
    );
    faults(
        "contact = \"+7\"",
        one.clone(),
        "a:3: `contact` of [[operator]] `o` is `+7`; expected such as \"tel:+74951234567\", or a SIP URI",
    );
    faults(
        "password = \"p\"\ntrunk = \"t\"",
        one,
        "a:4: `trunk` of [[operator]] `o` is of a `contact` outside, and there is none",
    );
}

#[test]
fn hooks() {
    let hook = "[[hook]]\nname = \"crm\"\nurl = \"https://crm.example/route\"\n";
    let on_error = "on_error = { reject = 480 }\n";
    let route = "[[route]]\ngo = { hook = \"crm\" }\n";
    let setup = sound(&format!("{hook}{on_error}{route}"));
    let known = &setup.core.hooks[0];
    assert_eq!((known.deadline_ms, &known.otherwise), (1_500, &Go::Reject(480)));
    assert_eq!(setup.core.routes[0].go, Go::Hook("crm".into()));
    check(
        &format!("{hook}deadline_ms = 10\n{route}{}", route.replace("crm", "cmr")),
        &[
            "a:1: [[hook]] `crm` has no `on_error`; expected such as { queue = \"support\" }",
            "a:4: `deadline_ms` of [[hook]] `crm` is 10; expected a whole number from 50 to 10000",
            "a:8: `go` of [[route]] names hook `cmr`, which is not there; there are: crm",
        ],
    );
    check(
        "[[hook]]\nname = \"crm\"\nurl = \"ftp://crm\"\non_error = { hook = \"crm\" }\n",
        &[
            "a:3: `url` of [[hook]] `crm` is `ftp://crm`; expected a URL such as \"https://crm.example/route\"",
            "a:4: `on_error` of [[hook]] `crm` leads to a hook again",
        ],
    );
}

#[test]
fn how_trunks_write_numbers() {
    let trunk = "[[trunk]]\nname = \"t\"\nhosts = [\"1.2.3.4\"]\n";
    let one = "number_out = { strip = \"+7\", add = \"8\" }\n";
    let several = "number_in = [{ strip = \"8\", add = \"+7\", digits = 11 }, { strip = \"810\", add = \"+\" }]\n";
    let setup = sound(&format!("{trunk}{one}{several}"));
    let read = &setup.core.trunks[0];
    assert_eq!(read.number_out.of("+74951234567"), "84951234567");
    assert_eq!(read.number_in.of("84951234567"), "+74951234567");
    assert_eq!(read.number_in.of("810442079460000"), "+442079460000");
    check(
        &format!("{trunk}number_in = {{ add = \"seven\" }}\nnumber_out = [{{ digits = 0 }}]"),
        &[
            "a:4: `add` of `number_in` of [[trunk]] `t` is `seven`; expected digits, perhaps after +",
            "a:5: `digits` of `number_out` of [[trunk]] `t` is 0; expected a whole number from 1 to 32",
            "a:5: `number_out` of [[trunk]] `t` changes nothing; expected such as { strip = \"8\", add = \"+7\" }",
        ],
    );
}
