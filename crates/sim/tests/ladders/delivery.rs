//! The trunk is asked to bring a customer to the operator.

use b2bua::config::Delivery;
use sim::{Caller, Delivered, Scenario};

use super::check;

/// A caller, and an operator with a phone, or at a number outside.
fn house(delivered: Delivered, outside: bool) -> Scenario {
    let mut scenario = Scenario::quiet(1);
    scenario.callers = vec![Caller { talk_ms: 2_000, ..Caller::calm(1_000) }];
    scenario.outside = if outside { vec![0] } else { Vec::new() };
    scenario.wrap_up_s = 0;
    scenario.delivery = Delivery::Refer { busy_ms: 5_000 };
    scenario.delivered = Some(delivered);
    scenario
}

#[test]
fn the_trunk_brings_a_caller_to_an_operator_outside() {
    let about = |line| ["Delivery by REFER 1: the operator is at a number outside.", line];
    let check = |name, line, delivered| check(name, &about(line), &house(delivered, true));
    check(
        "delivery-outside.txt",
        "The trunk tells how it goes; our media leaves the path, and they are occupied for 5 s.",
        Delivered::Told,
    );
    check("delivery-outside-leaves.txt", "It agrees, and hangs up.", Delivered::Leaves);
    check("delivery-busy.txt", "They are busy: put through after all.", Delivered::Busy);
    check("delivery-refused.txt", "It refuses: put through as usual.", Delivered::Refused);
    check("delivery-deaf.txt", "It knows no REFER: put through.", Delivered::Deaf);
    check("delivery-silent.txt", "Nothing comes of it: put through.", Delivered::Silent);
}

#[test]
fn the_trunk_brings_a_caller_back_to_us() {
    let about = |line| ["Delivery by REFER 2: the operator has a phone of ours.", line];
    let check = |name, line, delivered| check(name, &about(line), &house(delivered, false));
    check(
        "delivery-phone.txt",
        "The caller comes back to an address that is good for once, and the phone rings.",
        Delivered::Told,
    );
    check("delivery-phone-leaves.txt", "The trunk hangs up first.", Delivered::Leaves);
    check("delivery-phone-lost.txt", "It hangs up, and nobody comes.", Delivered::Lost);
}
