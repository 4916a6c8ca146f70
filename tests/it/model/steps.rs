//! What can happen, and how chance picks it.

use rand::Rng;
use rand_chacha::ChaCha20Rng;

/// How somebody pays who has ordered.
#[derive(Debug, Clone, Copy)]
pub(super) enum Way {
    /// By card, at once.
    Card,
    /// From a bank account: days later it is known whether the money comes.
    Bank { pays: bool },
    /// By card, and her bank takes its time: the page may be closed by then.
    Slow,
    /// Not at all.
    Never,
}

/// What becomes of a return.
#[derive(Debug, Clone, Copy)]
pub(super) enum Verdict {
    /// The brand agrees, and refunds at once.
    AtOnce,
    /// It agrees, and refunds when the pieces are back.
    Later,
    Declined,
}

/// How a bank takes up a buyer's complaint.
#[derive(Debug, Clone, Copy)]
pub(super) enum Complaint {
    Chargeback,
    Inquiry,
    BornLost,
}

/// How much of a payment is disputed.
#[derive(Debug, Clone, Copy)]
pub(super) enum Claimed {
    /// All that is left of it.
    Rest,
    /// So much of a hundred of what is left.
    Part(i64),
    /// All that was ever paid, though some of it went back.
    Beyond,
}

/// What a bank decides.
#[derive(Debug, Clone, Copy)]
pub(super) enum Verdicts {
    Won,
    Lost,
    /// Won or lost, and so much of a hundred comes back.
    Partly {
        won: bool,
        back: i64,
    },
    UnderReview,
}

/// One thing that happens. Orders, parties and the like are named by numbers, of which the remainder counts.
#[derive(Debug, Clone, Copy)]
pub(super) enum Step {
    Sell {
        market: usize,
        pieces: i32,
        way: Way,
    },
    /// The bank answers a payment under way.
    Answer {
        order: usize,
        pays: bool,
    },
    /// The buyer's browser comes back from Stripe.
    ComeBack {
        order: usize,
    },
    /// Somebody charges a card for the order behind the product's back, the same amount or another.
    Behind {
        order: usize,
        exact: bool,
    },
    Ship {
        order: usize,
        pieces: i32,
    },
    Refund {
        order: usize,
        pieces: i32,
        shipping: bool,
    },
    Cancel {
        order: usize,
    },
    Return {
        order: usize,
        pieces: i32,
        verdict: Verdict,
    },
    /// The bank sends back a refund that had arrived.
    Fail {
        order: usize,
    },
    /// What becomes of the payment's refunds from now on.
    Plan {
        order: usize,
        plan: usize,
    },
    Dispute {
        order: usize,
        complaint: Complaint,
        claimed: Claimed,
    },
    Decide {
        order: usize,
        verdict: Verdicts,
    },
    Wait {
        days: i64,
    },
    PayOut,
    Restrict {
        party: usize,
    },
    Enable {
        party: usize,
    },
    Hold {
        party: usize,
    },
    LetGo {
        party: usize,
    },
    Gift {
        party: usize,
        minor: i64,
    },
    WriteOff {
        party: usize,
    },
    /// An operator takes a decision back.
    Correct {
        decision: usize,
    },
    Deliveries {
        mode: usize,
    },
    /// Stripe tells again of something long past.
    Again {
        event: usize,
    },
    /// Stripe's next answers are lost, or it does not answer.
    Trouble {
        call: usize,
        kind: usize,
        times: u32,
    },
    /// Everything comes to rest, and is held against the model.
    Rest,
}

/// How the sandbox delivers events, and in which order it lets go of what it held.
pub(super) const MODES: [&str; 6] = ["normal", "duplicate", "hold", "reorder", "drop", "random"];
/// What becomes of a payment's refunds.
pub(super) const PLANS: [&str; 3] = ["at_once", "pending", "failing"];
/// Calls whose answers get lost.
pub(super) const CALLS: [&str; 2] = ["/v1/refunds", "/v1/transfers"];
/// How, with Stripe's status.
pub(super) const TROUBLES: [(&str, u16); 4] = [
    ("fail_after", 500),
    ("fail_before", 500),
    ("drop_connection_after", 500),
    ("rate_limit", 429),
];

impl Step {
    pub(super) fn any(chance: &mut ChaCha20Rng) -> Self {
        let order = chance.random_range(0..1000);
        let party = chance.random_range(0..4);
        let pieces = chance.random_range(1..=3);
        match chance.random_range(0..200) {
            0..48 => Self::Sell {
                market: chance.random_range(0..2),
                pieces,
                way: Way::any(chance),
            },
            48..52 => Self::Answer {
                order,
                pays: chance.random_bool(0.7),
            },
            52..54 => Self::ComeBack { order },
            54..56 => Self::Behind {
                order,
                exact: chance.random(),
            },
            56..79 => Self::Ship { order, pieces },
            79..99 => Self::Refund {
                order,
                pieces,
                shipping: chance.random_bool(0.15),
            },
            99..102 => Self::Cancel { order },
            102..107 => Self::Return {
                order,
                pieces,
                verdict: [Verdict::AtOnce, Verdict::Later, Verdict::Declined][chance.random_range(0..3)],
            },
            107..111 => Self::Fail { order },
            111..113 => Self::Plan {
                order,
                plan: chance.random_range(0..PLANS.len()),
            },
            113..123 => Self::Dispute {
                order,
                complaint: [Complaint::Chargeback, Complaint::Inquiry, Complaint::BornLost]
                    [chance.random_range(0..3)],
                claimed: Claimed::any(chance),
            },
            123..135 => Self::Decide {
                order,
                verdict: Verdicts::any(chance),
            },
            135..157 => Self::Wait {
                days: [0, 1, 8, 15, 40][chance.random_range(0..5)],
            },
            other => Self::of_the_house(other, party, chance),
        }
    }

    /// What those do who run the platform, and what becomes of what Stripe tells.
    fn of_the_house(pick: i32, party: usize, chance: &mut ChaCha20Rng) -> Self {
        match pick {
            157..166 => Self::PayOut,
            166..169 => Self::Restrict { party },
            169..174 => Self::Enable { party },
            174..176 => Self::Hold { party },
            176..179 => Self::LetGo { party },
            179..183 => Self::Gift {
                party,
                minor: chance.random_range(1..2000),
            },
            183..185 => Self::WriteOff { party },
            185..187 => Self::Correct {
                decision: chance.random_range(0..1000),
            },
            187..195 => Self::Deliveries {
                mode: chance.random_range(0..MODES.len()),
            },
            195..197 => Self::Again {
                event: chance.random_range(0..100_000),
            },
            197..199 => Self::Trouble {
                call: chance.random_range(0..CALLS.len()),
                kind: chance.random_range(0..TROUBLES.len()),
                times: chance.random_range(1..4),
            },
            _ => Self::Rest,
        }
    }
}

impl Way {
    fn any(chance: &mut ChaCha20Rng) -> Self {
        match chance.random_range(0..20) {
            0..14 => Self::Card,
            14..17 => Self::Bank {
                pays: chance.random_bool(0.6),
            },
            17..19 => Self::Slow,
            _ => Self::Never,
        }
    }
}

impl Claimed {
    fn any(chance: &mut ChaCha20Rng) -> Self {
        match chance.random_range(0..10) {
            0..5 => Self::Rest,
            5..8 => Self::Part(chance.random_range(1..100)),
            _ => Self::Beyond,
        }
    }
}

impl Verdicts {
    fn any(chance: &mut ChaCha20Rng) -> Self {
        match chance.random_range(0..10) {
            0..4 => Self::Won,
            4..7 => Self::Lost,
            7..9 => Self::Partly {
                won: chance.random(),
                back: chance.random_range(1..100),
            },
            _ => Self::UnderReview,
        }
    }
}
