//! What the passing of time does.

use crate::ledger;
use crate::resources::{charge, checkout_session, dispute, payment_intent, payout, refund};
use crate::state::{State, Task};

/// Brings the sandbox up to this instant: everything on the agenda until then happens, each at its own time.
/// Returns whether anything did.
pub(crate) fn pass(state: &mut State, now: i64) -> bool {
    let mut happened = false;
    while let Some((due, tasks)) = state.take_due(now) {
        happened = true;
        for task in tasks {
            perform(state, due, task);
        }
    }
    happened
}

fn perform(state: &mut State, due: i64, task: Task) {
    match task {
        Task::ExpireSession(id) => checkout_session::expire_if_open(state, due, &id),
        Task::ApplyBalanceTransaction(id) => charge::apply_balance_transaction(state, due, &id),
        Task::FundsAvailable(scope) => ledger::make_available(state, due, &scope),
        Task::SettlePayment(id) => payment_intent::settle(state, due, &id),
        Task::SettleRefund(id) => refund::settle(state, due, &id),
        Task::FailRefund(id) => refund::fail(state, due, &id, "lost_or_stolen_card"),
        Task::PayoutArrives(id) => payout::arrive(state, due, &id),
        Task::OpenDispute(charge) => dispute::open_by_card(state, due, &charge),
        Task::DecideDispute(id) => dispute::decide_by_evidence(state, due, &id),
        Task::DisputeDeadline(id) => dispute::deadline(state, due, &id),
    }
}
