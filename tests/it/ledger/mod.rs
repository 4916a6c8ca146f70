//! The books: the design's worked examples to the cent, refunds at every moment, and an audit that finds what was
//! tampered with.

mod audit;
pub(crate) mod books;
mod disputes;
mod history;
mod races;
mod rows;
mod statement;
pub(crate) mod tampering;

use chrono::TimeDelta;
use serde_json::json;
use vitrine_domain::ledger;
use vitrine_model::catalog::FeeBearer;
use vitrine_model::ledger::AccountKind::{
    ClearingCharges, ClearingRefunds, ClearingTransfers, DeferredPlatformFee, ExpenseStripeFees,
    IncomePlatformFee, IncomeRecoveredFees, RefundsPayable, StripeCash,
};
use vitrine_model::money::Currency;

use crate::support::on_both;
use books::{FIRST_ROW, World};

on_both! {
    async fn the_designs_worked_example_holds_to_the_cent(app) {
        let world = World::new(app, Currency::Eur, FeeBearer::Brand).await;
        let (ocean, anna) = (world.ocean(), world.shopholder());
        let order = world.paid("ch_1", FIRST_ROW, 0).await;
        assert_eq!(world.purse(ocean).await, [8500, 0, 0, 0, 0]);
        assert_eq!(world.purse(anna).await, [810, 0, 0, 0, 0]);
        assert_eq!(world.platform(DeferredPlatformFee).await, 150);
        assert_eq!(world.platform(ClearingCharges).await, 9460);
        world.is_sound().await;

        world.txn("txn_1", "charge", "ch_1", 9460, 167).await;
        assert_eq!(world.platform(StripeCash).await, 9293);
        assert_eq!(world.platform(ExpenseStripeFees).await, 167);
        assert_eq!(world.platform(ClearingCharges).await, 0);
        assert_eq!(world.platform(IncomeRecoveredFees).await, 167);
        assert_eq!(world.purse(ocean).await, [8333, 0, 0, 0, 0]);
        world.is_sound().await;

        let parcel = world.ship(&order).await;
        world.delivered(&parcel).await;
        world.after_days(30).await;
        assert_eq!(world.purse(ocean).await, [0, 8333, 0, 0, 0]);
        assert_eq!(world.purse(anna).await, [0, 810, 0, 0, 0]);
        assert_eq!(world.platform(IncomePlatformFee).await, 150);
        assert_eq!(world.platform(DeferredPlatformFee).await, 0);
        world.is_sound().await;

        let payout = world.payout(anna).await;
        assert_eq!(world.purse(anna).await, [0, 0, 810, 0, 0]);
        world.is_sound().await;
        world.payout_made(payout, "tr_1").await;
        assert_eq!(world.purse(anna).await, [0, 0, 0, 0, 0]);
        assert_eq!(world.platform(ClearingTransfers).await, 0);
        assert_eq!(world.platform(StripeCash).await, 9293 - 810);
        world.is_sound().await;
    }

    async fn nothing_is_released_before_its_window_closes(app) {
        let world = World::new(app, Currency::Eur, FeeBearer::Brand).await;
        let order = world.paid("ch_1", FIRST_ROW, 500).await;
        world.txn("txn_1", "charge", "ch_1", 9960, 0).await;
        world.after_days(60).await;
        assert_eq!(world.purse(world.ocean()).await, [9000, 0, 0, 0, 0], "an unshipped unit never releases");
        world.ship(&order).await;
        world.after_days(13).await;
        assert_eq!(world.purse(world.ocean()).await, [9000, 0, 0, 0, 0], "delivery is assumed after 7 days");
        world.after_days(1).await;
        assert_eq!(world.purse(world.ocean()).await, [0, 9000, 0, 0, 0], "shipping goes with the last unit");
        world.after_days(22).await;
        assert_eq!(world.purse(world.shopholder()).await, [810, 0, 0, 0, 0]);
        world.after_days(1).await;
        assert_eq!(world.purse(world.shopholder()).await, [0, 810, 0, 0, 0]);
    }

    async fn nothing_is_released_before_the_charge_has_settled(app) {
        let world = World::new(app, Currency::Eur, FeeBearer::Brand).await;
        let order = world.paid("ch_1", FIRST_ROW, 0).await;
        world.ship(&order).await;
        world.after_days(60).await;
        assert_eq!(world.purse(world.ocean()).await, [8500, 0, 0, 0, 0]);
        world.txn("txn_1", "charge", "ch_1", 9460, 167).await;
        world.after_days(0).await;
        assert_eq!(world.purse(world.ocean()).await, [0, 8333, 0, 0, 0]);
    }

    async fn an_open_return_stops_the_clock(app) {
        let world = World::new(app, Currency::Eur, FeeBearer::Brand).await;
        let order = world.paid("ch_1", FIRST_ROW, 500).await;
        world.txn("txn_1", "charge", "ch_1", 9960, 0).await;
        world.ship(&order).await;
        let units = world.units(&order).await;
        world.returning(&order, &units[..1], true).await;
        world.after_days(60).await;
        assert_eq!(world.purse(world.ocean()).await, [9000, 0, 0, 0, 0], "nor does its brand's shipping go");
        world.returning(&order, &units[..1], false).await;
        world.after_days(0).await;
        assert_eq!(world.purse(world.ocean()).await, [0, 9000, 0, 0, 0]);
    }

    async fn a_refund_before_release_takes_each_part_from_what_is_held(app) {
        let world = World::new(app, Currency::Eur, FeeBearer::Brand).await;
        let three = (1999, 2100, 1250, 1000, 3333, 3);
        let order = world.paid("ch_1", three, 0).await;
        world.txn("txn_1", "charge", "ch_1", 3 * 1937, 100).await;
        // Of a fee of 100 each of three equal units bears a third; the first bears the odd cent.
        let recharged: Vec<i64> = world.units(&order).await.iter().map(|unit| unit.recharged).collect();
        assert_eq!(recharged, [34, 33, 33]);
        let units = world.units(&order).await;
        let refund = world.refund(&order, &units[..1]).await;
        // Stripe keeps its fee, and so the brand bears it: of 1792 only 1758 were still held.
        assert_eq!(world.purse(world.ocean()).await, [2 * (1792 - 33), 0, 0, 34, 0]);
        assert_eq!(world.purse(world.shopholder()).await, [250, 0, 0, 0, 0]);
        assert_eq!(world.platform(RefundsPayable).await, 1937);
        world.is_sound().await;
        world.refund_made(refund, "re_1").await;
        assert_eq!(world.platform(RefundsPayable).await, 0);
        assert_eq!(world.platform(ClearingRefunds).await, 0);
        world.is_sound().await;
        // Later earnings pay what is owed first.
        world.ship(&order).await;
        world.after_days(30).await;
        assert_eq!(world.purse(world.ocean()).await, [0, 2 * (1792 - 33) - 34, 0, 0, 0]);
    }

    async fn a_refund_that_fails_gives_back_what_it_took(app) {
        let world = World::new(app, Currency::Eur, FeeBearer::Platform).await;
        let order = world.paid("ch_1", FIRST_ROW, 500).await;
        world.txn("txn_1", "charge", "ch_1", 9960, 200).await;
        let before = (world.purse(world.ocean()).await, world.purse(world.shopholder()).await);
        let units = world.units(&order).await;
        let refund = world.refund(&order, &units).await;
        assert_eq!(world.purse(world.ocean()).await, [0; 5]);
        let refund = world.refund_made(refund, "re_1").await;
        world.txn("txn_back", "refund_failure", "re_1", 9960, 0).await;
        world.refund_failed(refund).await;
        assert_eq!((world.purse(world.ocean()).await, world.purse(world.shopholder()).await), before);
        assert_eq!(world.platform(ClearingRefunds).await, 0);
        assert_eq!(world.platform(RefundsPayable).await, 0);
        world.is_sound().await;
        let again = world.refund(&order, &world.units(&order).await).await;
        world.refund_failed(again).await;
        world.ship(&order).await;
        world.after_days(60).await;
        assert_eq!(world.purse(world.ocean()).await, [0, 9000, 0, 0, 0]);
    }

    async fn a_refund_after_payout_is_owed_recovered_or_earned_back(app) {
        let world = World::new(app, Currency::Eur, FeeBearer::Platform).await;
        let anna = world.shopholder();
        let two = (10_000, 0, 1500, 1000, 4000, 2);
        let order = world.paid("ch_1", two, 0).await;
        world.txn("txn_1", "charge", "ch_1", 2 * 9460, 167).await;
        world.ship(&order).await;
        world.after_days(60).await;
        let payout = world.payout(anna).await;
        let payout = world.payout_made(payout, "tr_1").await;
        let units = world.units(&order).await;
        let first = world.refund(&order, &units[..1]).await;
        let second = world.refund(&order, &units[1..]).await;
        assert_eq!(world.purse(anna).await, [0, 0, 0, 1620, 0]);
        assert_eq!(world.purse(world.ocean()).await, [0; 5], "the brand's money was still available");
        let first = world.refund_made(first, "re_1").await;
        let second = world.refund_made(second, "re_2").await;
        world.is_sound().await;

        let refused = world.reversal(&payout, &first, 300).await;
        assert_eq!(world.purse(anna).await, [0, 0, 0, 1320, 300]);
        world.is_sound().await;
        world.reversal_refused(refused).await;
        assert_eq!(world.purse(anna).await, [0, 0, 0, 1620, 0]);
        let taken = world.reversal(&payout, &second, 800).await;
        world.reversal_made(taken, "trr_1").await;
        assert_eq!(world.purse(anna).await, [0, 0, 0, 820, 0]);
        assert_eq!(world.platform(ClearingTransfers).await, 0);
        world.is_sound().await;

        let order = world.paid("ch_2", two, 0).await;
        world.txn("txn_2", "charge", "ch_2", 2 * 9460, 167).await;
        world.ship(&order).await;
        world.after_days(60).await;
        assert_eq!(world.purse(anna).await, [0, 800, 0, 0, 0], "earnings pay what is owed first");
        world.is_sound().await;
    }

    async fn a_reversal_refused_is_paid_by_what_became_available_meanwhile(app) {
        let world = World::new(app, Currency::Eur, FeeBearer::Platform).await;
        let anna = world.shopholder();
        let order = world.paid("ch_1", FIRST_ROW, 0).await;
        world.txn("txn_1", "charge", "ch_1", 9460, 167).await;
        world.ship(&order).await;
        world.after_days(60).await;
        let payout = world.payout(anna).await;
        let payout = world.payout_made(payout, "tr_1").await;
        let refund = world.refund(&order, &world.units(&order).await).await;
        let refund = world.refund_made(refund, "re_1").await;
        let reversal = world.reversal(&payout, &refund, 810).await;
        let order = world.paid("ch_2", FIRST_ROW, 0).await;
        world.txn("txn_2", "charge", "ch_2", 9460, 167).await;
        world.ship(&order).await;
        world.after_days(60).await;
        assert_eq!(world.purse(anna).await, [0, 810, 0, 0, 810]);
        world.reversal_refused(reversal).await;
        assert_eq!(world.purse(anna).await, [0; 5]);
    }

    async fn a_payout_refused_is_available_again(app) {
        let world = World::new(app, Currency::Jpy, FeeBearer::Brand).await;
        let order = world.paid("ch_1", (1, 1000, 1500, 1000, 10_000, 60), 0).await;
        world.txn("txn_1", "charge", "ch_1", 60, 3).await;
        world.ship(&order).await;
        world.after_days(60).await;
        assert_eq!(world.purse(world.ocean()).await, [0, 57, 0, 0, 0]);
        assert_eq!(world.purse(world.shopholder()).await, [0; 5], "of 1 JPY nothing is left to share");
        let payout = world.payout(world.ocean()).await;
        world.payout_refused(payout).await;
        assert_eq!(world.purse(world.ocean()).await, [0, 57, 0, 0, 0]);
    }

    async fn a_fee_that_comes_after_the_refund_is_still_the_brands(app) {
        let world = World::new(app, Currency::Eur, FeeBearer::Brand).await;
        let order = world.paid("ch_1", FIRST_ROW, 0).await;
        let refund = world.refund(&order, &world.units(&order).await).await;
        world.refund_made(refund, "re_1").await;
        world.txn("txn_1", "charge", "ch_1", 9460, 167).await;
        assert_eq!(world.purse(world.ocean()).await, [0, 0, 0, 167, 0]);
        assert_eq!(world.platform(StripeCash).await, -167);
    }

    async fn who_bears_the_fee_is_what_it_was_when_the_checkout_started(app) {
        let tea = app.market("tea").await;
        let operator = app.operator().await;
        let set = "mutation($in: BrandFeeBearerSetInput!) { brandFeeBearerSet(input: $in) { userErrors { message } } }";
        let (_, old) = app.pay(&[(&tea, 1)]).await;
        operator.made(set, json!({ "brandId": tea.brand, "feeBearer": "PLATFORM" })).await;
        app.settle().await;
        let (_, new) = app.pay(&[(&tea, 1)]).await;
        operator.made(set, json!({ "brandId": tea.brand, "feeBearer": "BRAND" })).await;
        app.settle().await;
        let recharged = async |order: &str| -> i64 {
            let units = ledger::units_of(app.db(), &[order.parse().unwrap()]).await.unwrap();
            assert!(!units.is_empty());
            units.iter().map(|unit| unit.recharged).sum()
        };
        assert!(recharged(&old).await > 0, "the brand bore it then");
        assert_eq!(recharged(&new).await, 0, "the platform bore it then");
    }

    async fn a_balance_transaction_may_come_before_the_order_is_paid(app) {
        let world = World::new(app, Currency::Eur, FeeBearer::Brand).await;
        world.txn("txn_1", "charge", "ch_1", 9460, 167).await;
        world.paid("ch_1", FIRST_ROW, 0).await;
        assert_eq!(world.purse(world.ocean()).await, [8333, 0, 0, 0, 0]);
    }

    async fn two_workers_release_each_unit_once(app) {
        let world = World::new(app, Currency::Eur, FeeBearer::Platform).await;
        let order = world.paid("ch_1", (10_000, 0, 1500, 1000, 4000, 250), 500).await;
        world.txn("txn_1", "charge", "ch_1", 250 * 9460 + 500, 0).await;
        world.ship(&order).await;
        app.clock.advance(TimeDelta::days(60));
        let (one, two) = (app.vitrine().context("one"), app.vitrine().context("two"));
        let (one, two) = tokio::join!(ledger::release_due(&one), ledger::release_due(&two));
        one.unwrap();
        two.unwrap();
        world.after_days(0).await;
        assert_eq!(world.purse(world.ocean()).await, [0, 250 * 8500 + 500, 0, 0, 0]);
        assert_eq!(world.purse(world.shopholder()).await, [0, 250 * 810, 0, 0, 0]);
    }

    async fn two_nodes_seal_one_chain(app) {
        let world = World::new(app, Currency::Eur, FeeBearer::Platform).await;
        let order = world.paid("ch_1", (10_000, 0, 1500, 1000, 4000, 250), 0).await;
        world.txn("txn_1", "charge", "ch_1", 250 * 9460, 0).await;
        world.ship(&order).await;
        world.after_days(60).await;
        let (one, two) = (app.vitrine().context("one"), app.vitrine().context("two"));
        let (one, two) = tokio::join!(ledger::seal(&one), ledger::seal(&two));
        one.unwrap();
        two.unwrap();
        assert_eq!(world.platform(IncomePlatformFee).await, 250 * 150);
    }

    async fn a_key_used_for_something_else_changes_nothing(app) {
        let world = World::new(app, Currency::Eur, FeeBearer::Brand).await;
        world.paid("ch_1", FIRST_ROW, 0).await;
        world.txn("txn_1", "charge", "ch_1", 9460, 167).await;
        assert!(world.try_txn("txn_1", 9461).await.is_err());
        assert_eq!(world.platform(StripeCash).await, 9293);
    }
}
