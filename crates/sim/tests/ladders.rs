//! The flows of RFC 3665 as a switch between the two sides plays them, and our own beside them:
//! plain text in `tests/ladders`, compared exactly. `UPDATE_LADDERS=1` writes them anew.

use std::fs;
use std::path::Path;

use sim::{Caller, Operator, Scenario};

fn check(name: &str, about: &str, scenario: &Scenario) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/ladders").join(name);
    let is = format!("# {about}\n\n{}", sim::ladder(scenario));
    if std::env::var_os("UPDATE_LADDERS").is_some() {
        assert!(fs::write(&path, &is).is_ok(), "cannot write {name}");
    }
    let should = fs::read_to_string(&path).unwrap_or_default();
    assert!(is == should, "{name} is now:\n{is}\n(UPDATE_LADDERS=1 takes it over)");
    assert!(is.ends_with("Ok(())\n"), "{name}: something does not hold");
}

fn house(operators: u64, change: impl FnOnce(&mut Scenario)) -> Scenario {
    let mut scenario = Scenario::quiet(operators);
    change(&mut scenario);
    scenario
}

fn direct(operator: impl FnOnce(&mut Operator)) -> Scenario {
    house(1, |house| {
        operator(&mut house.operators[0]);
        house.callers.push(Caller { direct: Some(0), ..Caller::calm(2_000) });
    })
}

fn queue(operator: impl FnOnce(&mut Operator)) -> Scenario {
    house(1, |house| {
        operator(&mut house.operators[0]);
        house.callers.push(Caller::calm(2_000));
    })
}

#[test]
fn registration() {
    check("2.1-registration.txt", "RFC 3665 2.1: a new registration", &house(1, |_| {}));
    let two = house(1, |house| house.operators[0].phones = 2);
    check("2.2-contact-list.txt", "RFC 3665 2.2: a second contact joins the list", &two);
    let fetch = house(1, |house| house.operators[0].fetch_ms = Some(3_000));
    check("2.3-current-contacts.txt", "RFC 3665 2.3: asking for the current contacts", &fetch);
    let gone = house(1, |house| house.operators[0].away_ms.push((3_000, 20_000)));
    check(
        "2.4-cancellation.txt",
        "RFC 3665 2.4: a registration is cancelled, and comes back",
        &gone,
    );
}

#[test]
fn establishment() {
    let about = "RFC 3665 3.1: a call to one person, who hears and is heard, and a BYE";
    check("3.1-establishment.txt", about, &direct(|_| {}));
    let about = "RFC 3665 3.2, by way of a queue: answered at once, with music, then an operator";
    check("3.2-by-queue.txt", about, &queue(|_| {}));
    let ringing = house(1, |house| {
        house.at_once = false;
        house.callers.push(Caller::calm(2_000));
    });
    check("3.2-by-queue-ringing.txt", "A queue that answers when an operator does", &ringing);
    let late = house(1, |house| {
        house.callers.push(Caller { late_offer: true, ..Caller::calm(2_000) });
    });
    check(
        "3.3-late-offer.txt",
        "An INVITE without an offer: ours in the 200, theirs in the ACK",
        &late,
    );
    let about = "RFC 3665 3.7, at our side alone: the operator holds and resumes by re-INVITE";
    check("3.7-reinvite.txt", about, &direct(|operator| operator.hold_permille = 1_000));
    let reinvite = house(1, |house| {
        house.callers.push(Caller { reinvite_ms: Some(100), ..Caller::calm(2_000) });
    });
    check("3.7-reinvite-caller.txt", "The caller re-INVITEs 100 ms after the answer", &reinvite);
    let about = "The operator hangs up first: the caller's leg ends with it";
    check("operator-hangs-up.txt", about, &queue(|operator| operator.hang_up_permille = 1_000));
}

#[test]
fn no_establishment() {
    let cancel = house(1, |house| {
        house.operators[0].ignore_permille = 1_000;
        house.callers.push(Caller { direct: Some(0), patience_ms: 3_000, ..Caller::calm(2_000) });
    });
    check("3.8-cancel.txt", "RFC 3665 3.8: the caller gives up while it rings", &cancel);
    let about = "RFC 3665 3.8: nobody answers for a minute";
    check("3.8-no-answer.txt", about, &direct(|operator| operator.ignore_permille = 1_000));
    let about = "RFC 3665 3.9: busy";
    check("3.9-busy.txt", about, &direct(|operator| operator.busy_permille = 1_000));
    let about = "RFC 3665 3.10: the phone says nothing at all";
    check("3.10-no-response.txt", about, &direct(|operator| operator.mute_permille = 1_000));
    let about = "RFC 3665 3.11: temporarily unavailable, for want of a registration";
    let away = direct(|operator| operator.away_ms.push((1_000, 9_000)));
    check("3.11-unavailable.txt", about, &away);
    let about = "The operator declines: the task keeps its place and is put before them again";
    let mut declines = queue(|operator| operator.decline_permille = 1_000);
    declines.callers[0].patience_ms = 3_500;
    check("queue-declined.txt", about, &declines);
}

#[test]
fn several_phones() {
    let about = "Two phones ring, one answers, the other is told that it missed nothing";
    check("two-phones.txt", about, &queue(|operator| operator.phones = 2));
    let next = house(2, |house| {
        house.ring_s = 4;
        house.operators[0].ignore_permille = 1_000;
        house.callers.push(Caller::calm(2_000));
    });
    check("next-operator.txt", "One lets it ring, the next one answers", &next);
}

#[test]
fn lost_operator() {
    let lost = house(2, |house| {
        house.dead_audio_ms = Some(3_000);
        house.operators[0].die_permille = 1_000;
        house.callers.push(Caller { talk_ms: 30_000, ..Caller::calm(2_000) });
    });
    let about = "A phone dies in a call: music, back in the queue, ahead, the next operator";
    check("operator-dies.txt", about, &lost);
}
