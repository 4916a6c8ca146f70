//! What can be done with sold units: pure decisions over their rows.

use std::collections::{BTreeSet, HashSet};

use vitrine_model::checkout::order_line;
use vitrine_model::id::{BrandId, OrderLineId, ReturnId, UnitId};
use vitrine_model::ledger::{UnitKind, unit};

use crate::checkout::refusal::{LineRefusal, Refusal};
use crate::idempotency::Input;
use crate::ledger::charged_back;

/// Most lines named at once.
pub(super) const MAX_LINES: usize = 200;

/// How far one unit is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UnitState {
    /// The brand has not shipped it.
    AwaitingShipment,
    /// It is on its way.
    Shipped,
    /// It arrived.
    Delivered,
    /// A return asks for it, and is not decided or not refunded yet.
    Returning,
    /// Its price goes back, or went back, to the buyer.
    Refunded,
    /// The buyer's bank took its price back.
    ChargedBack,
}

/// How far a brand's part of an order is, or the whole of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum FulfillmentState {
    /// Nothing was shipped yet.
    Unfulfilled,
    /// Some pieces were shipped, others are to be.
    PartiallyFulfilled,
    /// Everything was shipped that is not refunded.
    Fulfilled,
    /// Everything was refunded before it was shipped.
    NothingToShip,
}

/// So many pieces of one line, as a person names them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LineQuantity {
    /// The order's line.
    pub line: OrderLineId,
    /// How many pieces.
    pub quantity: i32,
}

impl LineQuantity {
    /// `input`, and these pieces.
    pub(super) fn list(input: Input, lines: &[Self]) -> Input {
        let add = |input: Input, of: &Self| input.field("line", of.line).field("quantity", of.quantity);
        lines.iter().fold(input, add)
    }
}

/// Pieces of one line, checked: the line is the order's and its brand one for which the asker may act.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Pieces {
    /// Where the input names the line first, from 0.
    pub(super) place: usize,
    /// The line.
    pub(super) line: OrderLineId,
    /// Whose it is.
    pub(super) brand: BrandId,
    /// How many.
    pub(super) quantity: usize,
}

/// How far `unit` is.
pub fn state_of(unit: &unit::Model) -> UnitState {
    if unit.refund_id.is_some() {
        UnitState::Refunded
    } else if charged_back(unit) {
        UnitState::ChargedBack
    } else if unit.return_id.is_some() {
        UnitState::Returning
    } else if unit.delivered_at.is_some() {
        UnitState::Delivered
    } else if unit.shipped_at.is_some() {
        UnitState::Shipped
    } else {
        UnitState::AwaitingShipment
    }
}

/// How far the goods among `units` are; shipping is no goods.
pub fn fulfillment_state<'a>(units: impl IntoIterator<Item = &'a unit::Model>) -> FulfillmentState {
    let (mut open, mut shipped) = (false, false);
    for unit in units.into_iter().filter(|unit| unit.kind == UnitKind::Goods) {
        open |= to_ship(unit);
        shipped |= unit.shipped_at.is_some();
    }
    match (open, shipped) {
        (true, false) => FulfillmentState::Unfulfilled,
        (true, true) => FulfillmentState::PartiallyFulfilled,
        (false, true) => FulfillmentState::Fulfilled,
        (false, false) => FulfillmentState::NothingToShip,
    }
}

/// Checks what a person names: each line is one of the order's for which she may act (`may`), each quantity 1 at least. A
/// line named twice counts with the sum.
pub(super) fn pieces(
    lines: &[order_line::Model],
    named: &[LineQuantity],
    may: impl Fn(BrandId) -> Result<bool, Refusal>,
) -> Result<Vec<Pieces>, Refusal> {
    if named.len() > MAX_LINES {
        return Err(Refusal::TooManyLines);
    }
    let mut pieces: Vec<Pieces> = Vec::with_capacity(named.len());
    for (place, name) in named.iter().enumerate() {
        let line = lines.iter().find(|line| line.id == name.line);
        let line = line.ok_or(Refusal::Line(place, LineRefusal::NotInOrder))?;
        if !may(line.brand_id)? {
            return Err(Refusal::Line(place, LineRefusal::NotInOrder));
        }
        let quantity = usize::try_from(name.quantity)
            .ok()
            .filter(|quantity| *quantity > 0);
        let quantity = quantity.ok_or(Refusal::Line(place, LineRefusal::QuantityOutOfRange))?;
        match pieces.iter_mut().find(|known| known.line == line.id) {
            Some(known) => known.quantity = known.quantity.saturating_add(quantity),
            None => pieces.push(Pieces {
                place,
                line: line.id,
                brand: line.brand_id,
                quantity,
            }),
        }
    }
    Ok(pieces)
}

/// Chooses as many units of each line as are named, among those `fit`, the lowest `rank` first and then in their order.
pub(super) fn choose<R: Ord>(
    units: &[unit::Model],
    pieces: &[Pieces],
    fit: impl Fn(&unit::Model) -> bool,
    rank: impl Fn(&unit::Model) -> R,
) -> Result<Vec<unit::Model>, Refusal> {
    let mut chosen = Vec::new();
    for wanted in pieces {
        let mut candidates: Vec<&unit::Model> = units
            .iter()
            .filter(|unit| unit.line_id == Some(wanted.line) && fit(unit))
            .collect();
        if candidates.len() < wanted.quantity {
            let left = candidates.len();
            return Err(Refusal::Line(wanted.place, LineRefusal::TooFewUnits { left }));
        }
        candidates.sort_by_key(|unit| (rank(unit), unit.ordinal));
        chosen.extend(candidates.into_iter().take(wanted.quantity).cloned());
    }
    Ok(chosen)
}

/// Whether the unit is still to be shipped.
pub(super) fn to_ship(unit: &unit::Model) -> bool {
    unit.kind == UnitKind::Goods && unit.shipped_at.is_none() && !gone_back(unit)
}

/// Whether a return may ask for the unit.
pub(super) fn returnable(unit: &unit::Model) -> bool {
    unit.kind == UnitKind::Goods && unit.shipped_at.is_some() && unit.return_id.is_none() && !gone_back(unit)
}

/// Whether its price went back to the buyer, or goes back: by a refund, or by her bank.
pub(super) fn gone_back(unit: &unit::Model) -> bool {
    unit.refund_id.is_some() || charged_back(unit)
}

/// Which unit of a line is refunded before which: what the brand has agreed to take back first, since that is what the
/// refund settles; then unshipped, held, partly released, released.
pub(super) fn refund_rank(unit: &unit::Model, approved: &BTreeSet<ReturnId>) -> u8 {
    if unit.return_id.is_some_and(|id| approved.contains(&id)) {
        return 0;
    }
    match (unit.shipped_at, unit.brand_released_at, unit.shop_released_at) {
        (None, _, _) => 1,
        (Some(_), None, None) => 2,
        (Some(_), Some(_), Some(_)) => 4,
        _ => 3,
    }
}

/// The shipping that goes back with the `chosen` units, besides them: that of each brand of theirs all of whose goods are
/// refunded now without any having been shipped. Nothing will be sent, so nobody pays for sending it.
pub(super) fn idle_shipping(all: &[unit::Model], chosen: &[unit::Model]) -> Vec<unit::Model> {
    let ids: HashSet<UnitId> = chosen.iter().map(|unit| unit.id).collect();
    let goods = |unit: &&unit::Model| unit.kind == UnitKind::Goods;
    let concerned: HashSet<BrandId> = chosen.iter().filter(goods).map(|unit| unit.brand_id).collect();
    let awaited =
        |unit: &&unit::Model| unit.shipped_at.is_some() || (!gone_back(unit) && !ids.contains(&unit.id));
    let awaited: HashSet<BrandId> = all
        .iter()
        .filter(goods)
        .filter(awaited)
        .map(|unit| unit.brand_id)
        .collect();
    all.iter()
        .filter(|unit| unit.kind == UnitKind::Shipping && !gone_back(unit) && !ids.contains(&unit.id))
        .filter(|unit| concerned.contains(&unit.brand_id) && !awaited.contains(&unit.brand_id))
        .cloned()
        .collect()
}

#[cfg(test)]
pub(in crate::checkout) mod tests {
    use proptest::prelude::*;
    use uuid::Uuid;
    use vitrine_model::Time;
    use vitrine_model::id::{FulfillmentId, RefundId};

    use super::*;
    use crate::ledger::samples;

    const LINE: u128 = 7;

    /// A unit's situation: shipped, returning, refunded, released by brand, released by shop.
    pub(in crate::checkout) type Situation = (bool, bool, bool, bool, bool);

    /// A unit of one line.
    pub(in crate::checkout) fn unit(
        ordinal: i32,
        (shipped, returning, refunded, brand, shop): Situation,
    ) -> unit::Model {
        let at = Time::UNIX_EPOCH;
        unit::Model {
            line_id: Some(OrderLineId::from(Uuid::from_u128(LINE))),
            fulfillment_id: shipped.then(|| FulfillmentId::from(Uuid::nil())),
            shipped_at: shipped.then_some(at),
            brand_released_at: brand.then_some(at),
            shop_released_at: shop.then_some(at),
            return_id: returning.then(|| ReturnId::from(Uuid::nil())),
            refund_id: refunded.then(|| RefundId::from(Uuid::nil())),
            ..samples::unit(ordinal)
        }
    }

    fn wanted(quantity: usize) -> [Pieces; 1] {
        [Pieces {
            place: 0,
            line: OrderLineId::from(Uuid::from_u128(LINE)),
            brand: BrandId::from(Uuid::nil()),
            quantity,
        }]
    }

    fn ordinals(chosen: &[unit::Model]) -> Vec<i32> {
        chosen.iter().map(|unit| unit.ordinal).collect()
    }

    #[test]
    fn units_go_back_unshipped_first_then_held_then_released() {
        let units = [
            unit(1, (true, false, false, true, true)),
            unit(2, (true, false, false, true, false)),
            unit(3, (true, false, false, false, false)),
            unit(4, (false, false, false, false, false)),
        ];
        let none = BTreeSet::new();
        let chosen = choose(&units, &wanted(4), |_| true, |unit| refund_rank(unit, &none)).unwrap();
        assert_eq!(ordinals(&chosen), [4, 3, 2, 1]);
    }

    #[test]
    fn what_the_brand_takes_back_is_refunded_before_all_else() {
        let units = [
            unit(1, (false, false, false, false, false)),
            unit(2, (true, true, false, true, true)),
        ];
        let approved = BTreeSet::from([ReturnId::from(Uuid::nil())]);
        let chosen = choose(&units, &wanted(1), |_| true, |unit| refund_rank(unit, &approved)).unwrap();
        assert_eq!(ordinals(&chosen), [2]);
    }

    #[test]
    fn fulfilment_is_told_by_what_was_shipped_and_what_is_still_to_be() {
        let open = (false, false, false, false, false);
        let shipped = (true, false, false, false, false);
        let refunded = (false, false, true, false, false);
        for (situations, state) in [
            (vec![open, open], FulfillmentState::Unfulfilled),
            (vec![open, shipped], FulfillmentState::PartiallyFulfilled),
            (vec![refunded, shipped], FulfillmentState::Fulfilled),
            (vec![refunded, refunded], FulfillmentState::NothingToShip),
        ] {
            let units: Vec<_> = situations
                .into_iter()
                .map(|situation| unit(1, situation))
                .collect();
            assert_eq!(fulfillment_state(&units), state);
        }
    }

    #[test]
    fn shipping_goes_back_with_the_last_of_what_was_never_shipped() {
        let open = (false, false, false, false, false);
        let shipped = (true, false, false, false, false);
        let refunded = (false, false, true, false, false);
        let parcel = |refunded| unit::Model {
            kind: UnitKind::Shipping,
            line_id: None,
            ..unit(9, (false, false, refunded, false, false))
        };
        for (situations, paid_back, goes_back) in [
            (vec![open], false, true),
            (vec![open, refunded], false, true),
            (vec![open, open], false, false),
            (vec![open, shipped], false, false),
            (vec![open], true, false),
        ] {
            let mut all: Vec<_> = (1..)
                .zip(situations)
                .map(|(ordinal, at)| unit(ordinal, at))
                .collect();
            all.push(parcel(paid_back));
            let also = idle_shipping(&all, &all[..1]);
            assert_eq!(!also.is_empty(), goes_back, "{all:#?}");
            assert!(
                idle_shipping(&all, &all).is_empty(),
                "what is chosen goes back once"
            );
        }
        let other = unit::Model {
            brand_id: BrandId::from(Uuid::from_u128(1)),
            ..parcel(false)
        };
        let all = [unit(1, open), other];
        assert!(
            idle_shipping(&all, &all[..1]).is_empty(),
            "another brand's shipping is another matter"
        );
    }

    proptest! {
        #[test]
        fn never_more_units_are_chosen_than_fit(
            situations in proptest::collection::vec(any::<Situation>(), 0..12),
            quantity in 1_usize..14,
        ) {
            let units: Vec<_> = (1..).zip(situations).map(|(ordinal, at)| unit(ordinal, at)).collect();
            let left = units.iter().filter(|unit| to_ship(unit)).count();
            match choose(&units, &wanted(quantity), to_ship, |_| 0) {
                Ok(chosen) => {
                    prop_assert_eq!(chosen.len(), quantity);
                    prop_assert!(chosen.iter().all(to_ship));
                    let distinct: BTreeSet<_> = ordinals(&chosen).into_iter().collect();
                    prop_assert_eq!(distinct.len(), quantity);
                }
                Err(refusal) => {
                    prop_assert!(left < quantity);
                    prop_assert_eq!(refusal, Refusal::Line(0, LineRefusal::TooFewUnits { left }));
                }
            }
        }
    }
}
