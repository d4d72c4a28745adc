//! What things are called outside. These words are public vocabulary: the API, the record and the
//! metrics say them, and a variant may be renamed while its word stays.
use crate::config::Strategy;
use crate::explain::{Filter, Kept};
use crate::io::{Cause, Effective, LimitReason, Refusal, Rejection, Rescission};

macro_rules! words {
    ($($name:ident { $($variant:ident $word:literal)* })*) => {$(
        impl $name {
            /// All of them, in order.
            pub const ALL: &[Self] = &[$(Self::$variant),*];

            /// The public word for it, which does not change.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$variant => $word,)*
                }
            }
        }
    )*};
}

impl Strategy {
    /// What a score of it counts, and which of two wins: idle time, levels and weights the most,
    /// all else the least.
    #[must_use]
    pub const fn unit(self) -> &'static str {
        match self {
            Self::LongestIdle | Self::RingAll | Self::Progressive => "idle_ms",
            Self::InOrder | Self::RoundRobin => "place",
            Self::LeastTalkTime => "talk_ms_today",
            Self::FewestCalls => "calls_today",
            Self::LeastOccupied => "occupied_ppm",
            Self::FewestDialogs => "open_tasks",
            Self::Random | Self::WeightedRandom => "weight",
            Self::BestSkill => "levels",
        }
    }
}

words! {
    Strategy {
        LongestIdle "longest-idle"
        InOrder "in-order"
        RoundRobin "round-robin"
        RingAll "ring-all"
        LeastTalkTime "least-talk-time"
        FewestCalls "fewest-calls"
        LeastOccupied "least-occupied"
        FewestDialogs "fewest-dialogs"
        Random "random"
        WeightedRandom "weighted-random"
        Progressive "progressive"
        BestSkill "best-skill"
    }
    Effective {
        Offline "offline"
        Unreachable "unreachable"
        NotReady "not-ready"
        Ready "ready"
        Reserved "reserved"
        Ringing "ringing"
        OnCall "on-call"
        WrapUp "wrap-up"
    }
    Cause {
        Configured "configured"
        Removed "removed"
        SignedIn "signed-in"
        SignedOut "signed-out"
        Chosen "chosen"
        Rona "rona"
        Registered "registered"
        RegistrationLost "registration-lost"
        NoAnswer "no-answer"
        Reservation "reservation"
        ReservationEnded "reservation-ended"
        Answered "answered"
        OwnCall "own-call"
        CallEnded "call-ended"
        LegLost "leg-lost"
        WrapUpEnded "wrap-up-ended"
    }
    Filter {
        Offline "offline"
        Unreachable "unreachable"
        NotReady "not-ready"
        WrapUp "wrap-up"
        OnCall "on-call"
        Ringing "ringing"
        Reserved "reserved"
        Limit "limit"
        Skill "skill"
        BackOff "back-off"
        NotServing "not-serving"
        NotWanted "not-wanted"
    }
    Kept {
        Everywhere "auto-connect-off-everywhere"
        Queue "auto-connect-off-in-queue"
        Task "auto-connect-off-for-task"
        Hold "hold"
    }
    Rejection {
        Busy "busy"
        Declined "declined"
        Unreachable "unreachable"
        Error "error"
        Ours "ours"
    }
    Rescission {
        Timeout "timeout"
        BookingTimeout "booking-timeout"
        TaskGone "task-gone"
        AnsweredElsewhere "answered-elsewhere"
        Unreachable "unreachable"
        NotReady "not-ready"
        Occupied "occupied"
    }
    Refusal {
        Taken "taken"
        Unavailable "unavailable"
    }
    LimitReason {
        NoFreeOperator "no_free_operator"
        NobodySignedIn "nobody_signed_in"
        QueueFull "queue_full"
        MaxWait "max_wait"
        Closed "closed"
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Written out a second time on purpose: who changes a word here changes what customers read.
    #[test]
    fn the_public_vocabulary_stays() {
        let all = |words: Vec<&'static str>| words.join(" ");
        let check = |words: String, expected: &str| assert_eq!(words, expected);
        check(
            all(Strategy::ALL.iter().map(|strategy| strategy.as_str()).collect()),
            "longest-idle in-order round-robin ring-all least-talk-time fewest-calls least-occupied \
             fewest-dialogs random weighted-random progressive best-skill",
        );
        check(
            all(Effective::ALL.iter().map(|state| state.as_str()).collect()),
            "offline unreachable not-ready ready reserved ringing on-call wrap-up",
        );
        check(
            all(Cause::ALL.iter().map(|cause| cause.as_str()).collect()),
            "configured removed signed-in signed-out chosen rona registered registration-lost \
             no-answer reservation reservation-ended answered own-call call-ended leg-lost wrap-up-ended",
        );
        check(
            all(Filter::ALL.iter().map(|filter| filter.as_str()).collect()),
            "offline unreachable not-ready wrap-up on-call ringing reserved limit skill \
             back-off not-serving not-wanted",
        );
        check(
            all(Kept::ALL.iter().map(|kept| kept.as_str()).collect()),
            "auto-connect-off-everywhere auto-connect-off-in-queue auto-connect-off-for-task hold",
        );
        check(
            all(Rejection::ALL.iter().map(|why| why.as_str()).collect()),
            "busy declined unreachable error ours",
        );
        check(
            all(Rescission::ALL.iter().map(|why| why.as_str()).collect()),
            "timeout booking-timeout task-gone answered-elsewhere unreachable not-ready occupied",
        );
        check(all(Refusal::ALL.iter().map(|why| why.as_str()).collect()), "taken unavailable");
        check(
            all(LimitReason::ALL.iter().map(|limit| limit.as_str()).collect()),
            "no_free_operator nobody_signed_in queue_full max_wait closed",
        );
    }
}
