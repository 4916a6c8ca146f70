//! The postings of disputes: what moves of a party's, of the platform's, and of Stripe's fee.

use vitrine_model::id::UnitId;
use vitrine_model::ledger::{AccountKind, Party, Side, unit};

use crate::ledger::dispute::Moves;
use crate::ledger::post::{Entry, Owner};

/// A party's part, between what is held, available, frozen and the dispute.
pub(super) fn put_party(entry: &mut Entry<'_>, party: Party, unit: UnitId, moves: &Moves) {
    use AccountKind::{Available, Disputed, Held};
    let of = Some(unit);
    let frozen = moves.freeze_held + moves.freeze_available;
    let freed = moves.thaw_held + moves.thaw_given + moves.lose_frozen;
    let puts = [
        (Held, Side::Debit, moves.freeze_held + moves.lose_held),
        (Available, Side::Debit, moves.freeze_available),
        (Disputed, Side::Credit, frozen),
        (Disputed, Side::Debit, freed),
        (Held, Side::Credit, moves.thaw_held + moves.regain_held),
    ];
    for (kind, side, amount) in puts {
        entry.put_party(party, kind, side, amount, of);
    }
    entry.give(party, moves.thaw_given + moves.regain_given, of);
    entry.take(party, moves.lose_rest, 0, of);
}

/// The platform's part, between what is deferred, frozen, its income and the dispute.
pub(super) fn put_platform(entry: &mut Entry<'_>, unit: UnitId, moves: &Moves) {
    use AccountKind::{DeferredPlatformFee, DeferredPlatformFeeDisputed, IncomePlatformFee};
    let of = Some(unit);
    let frozen = moves.freeze_held + moves.freeze_available;
    let freed = moves.thaw_held + moves.thaw_given + moves.lose_frozen;
    entry.debit(DeferredPlatformFee, moves.freeze_held + moves.lose_held, of);
    entry.credit(DeferredPlatformFeeDisputed, frozen, of);
    entry.debit(DeferredPlatformFeeDisputed, freed, of);
    entry.credit(DeferredPlatformFee, moves.thaw_held + moves.regain_held, of);
    entry.debit(IncomePlatformFee, moves.lose_rest, of);
    entry.credit(IncomePlatformFee, moves.thaw_given + moves.regain_given, of);
}

/// Charges a brand `more` of Stripe's fee for a unit, or gives it back what is below zero: what was taken of what is held
/// for the unit is held again.
pub(super) fn recharge(entry: &mut Entry<'_>, unit: &mut unit::Model, more: i64) {
    let (party, of) = (Party::Brand(unit.brand_id), Some(unit.id));
    if more >= 0 {
        unit.brand_held -= entry.take(party, more, unit.brand_held, of);
        entry.credit(AccountKind::IncomeRecoveredFees, more, of);
    } else {
        let may_hold = unit.brand_released_at.is_none() && unit.refund_id.is_none();
        let could_be = unit.brand_part - unit.brand_lost - (unit.recharged + more);
        let room = (could_be - unit.brand_held).max(0);
        let held = if may_hold { room.min(-more) } else { 0 };
        entry.debit(AccountKind::IncomeRecoveredFees, -more, of);
        entry.put_party(party, AccountKind::Held, Side::Credit, held, of);
        entry.give(party, -more - held, of);
        unit.brand_held += held;
    }
    unit.recharged += more;
}

/// Puts what is above zero on the left, what is below on the right.
pub(super) fn put_signed(entry: &mut Entry<'_>, owner: Owner, kind: AccountKind, amount: i64) {
    let side = if amount >= 0 { Side::Debit } else { Side::Credit };
    entry.put(owner, kind, side, amount.abs(), None);
}
