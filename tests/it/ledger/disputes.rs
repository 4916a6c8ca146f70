//! Disputes in the books, step by step: told directly to the ledger, so that steps can come in orders that Stripe's
//! sandbox does not make.

use sea_orm::{ActiveModelTrait, ConnectionTrait, EntityTrait, IntoActiveModel};
use vitrine_domain::ledger::{self, DisputeStage};
use vitrine_model::catalog::FeeBearer;
use vitrine_model::checkout::{DisputeState, dispute, order};
use vitrine_model::ledger::AccountKind::{
    DeferredPlatformFee, DeferredPlatformFeeDisputed, Disputed, ExpenseBadDebt, ExpenseDisputeFees,
    IncomeRecoveredFees,
};
use vitrine_model::money::{Currency, Money};

use super::books::{FIRST_ROW, World};
use crate::support::on_both;

/// What Stripe takes for a dispute.
const FEE: i64 = 2000;

impl World<'_> {
    /// Stripe tells of a dispute of the order's payment.
    async fn disputed(&self, order: &order::Model, id: &str, amount: i64) -> dispute::Model {
        let row = dispute::Model {
            id: self.cx.new_id(),
            order_id: order.id,
            charge_id: order.charge_id.clone().unwrap(),
            stripe_id: id.to_owned(),
            amount,
            currency: self.currency,
            reason: "fraudulent".to_owned(),
            inquiry: false,
            state: DisputeState::NeedsResponse,
            evidence_due_at: None,
            loss: 0,
            repaid: 0,
            fee: 0,
            movements: 0,
            steps: 0,
            evidence_intent_id: None,
            evidence_steps: 0,
            evidence_sent_at: None,
            opened_at: self.cx.now(),
            created_at: self.cx.now(),
            decided_at: None,
            closed_at: None,
        };
        let made = row.into_active_model().reset_all();
        made.insert(self.app.db()).await.unwrap()
    }

    /// The books follow the dispute to `stage`; said twice, nothing more is moved.
    async fn follows(&self, dispute: &dispute::Model, stage: DisputeStage) -> dispute::Model {
        let mut now = dispute::Entity::find_by_id(dispute.id)
            .one(self.app.db())
            .await
            .unwrap()
            .unwrap();
        for first in [true, false] {
            let tx = self.cx.begin().await.unwrap();
            let told = ledger::dispute_follows(&tx, &self.cx, &now, stage).await.unwrap();
            assert!(first || told.steps == now.steps, "said twice it moves nothing");
            now = dispute::Model {
                loss: told.loss,
                repaid: told.repaid,
                fee: told.fee,
                steps: told.steps,
                closed_at: (stage == DisputeStage::Closed).then(|| self.cx.now()),
                ..now
            };
            let row = now.clone().into_active_model().reset_all();
            row.update(&tx).await.unwrap();
            tx.commit().await.unwrap();
        }
        self.is_sound().await;
        now
    }

    async fn withdrawn(&self, id: &str, amount: i64) {
        self.txn(&format!("txn_{id}_out"), "dispute", id, -amount, FEE)
            .await;
    }

    async fn withdrawn_again(&self, id: &str, amount: i64) {
        self.txn(&format!("txn_{id}_again"), "dispute", id, -amount, 0)
            .await;
    }

    async fn reinstated(&self, id: &str, amount: i64, fee: i64) {
        self.txn(&format!("txn_{id}_in"), "dispute_reversal", id, amount, -fee)
            .await;
    }

    async fn sql(&self, statement: &str) {
        self.app.db().execute_unprepared(statement).await.unwrap();
    }

    /// An order of one unit, the first row of the design's table, with its payment settled without a fee.
    async fn settled(&self, charge: &str) -> order::Model {
        let order = self.paid(charge, FIRST_ROW, 0).await;
        self.txn(&format!("txn_{charge}"), "charge", charge, 9460, 0)
            .await;
        order
    }
}

on_both! {
    async fn opened_each_part_is_frozen_and_won_it_is_where_it_was(app) {
        let world = World::new(app, Currency::Eur, FeeBearer::Platform).await;
        let (ocean, anna) = (world.ocean(), world.shopholder());
        let order = world.settled("ch_1").await;
        let dispute = world.disputed(&order, "du_1", 9460).await;
        world.withdrawn("du_1", 9460).await;
        world.follows(&dispute, DisputeStage::Open).await;
        assert_eq!(world.purse(ocean).await, [0, 0, 0, 0, 0]);
        assert_eq!(world.balance(ocean, Disputed).await, 8500);
        assert_eq!(world.balance(anna, Disputed).await, 810);
        assert_eq!(world.platform(DeferredPlatformFeeDisputed).await, 150);
        assert_eq!(world.disputed_cash("du_1").await, 9460);
        assert_eq!(world.platform(ExpenseDisputeFees).await, FEE);
        world.ship(&order).await;
        world.after_days(60).await;
        assert_eq!(world.purse(ocean).await, [0, 0, 0, 0, 0], "nothing is released meanwhile");

        world.reinstated("du_1", 9460, 0).await;
        world.follows(&dispute, DisputeStage::Closed).await;
        assert_eq!(world.purse(ocean).await, [8500, 0, 0, 0, 0]);
        assert_eq!(world.purse(anna).await, [810, 0, 0, 0, 0]);
        assert_eq!(world.platform(DeferredPlatformFee).await, 150);
        assert_eq!(world.disputed_cash("du_1").await, 0);
        assert_eq!(world.platform(IncomeRecoveredFees).await, 0, "the platform bears the fee");
        world.after_days(0).await;
        assert_eq!(world.purse(ocean).await, [0, 8500, 0, 0, 0]);
    }

    async fn lost_each_part_is_taken_and_the_fee_charged_on(app) {
        let world = World::new(app, Currency::Eur, FeeBearer::Brand).await;
        let (ocean, anna) = (world.ocean(), world.shopholder());
        let order = world.settled("ch_1").await;
        let dispute = world.disputed(&order, "du_1", 9460).await;
        world.withdrawn("du_1", 9460).await;
        world.follows(&dispute, DisputeStage::Open).await;
        let closed = world.follows(&dispute, DisputeStage::Closed).await;
        assert_eq!((closed.loss, closed.fee), (9460, FEE));
        assert_eq!(world.purse(ocean).await, [0, 0, 0, FEE, 0], "nothing is left to pay the fee from");
        assert_eq!(world.purse(anna).await, [0, 0, 0, 0, 0]);
        assert_eq!(world.platform(DeferredPlatformFee).await, 0);
        assert_eq!(world.disputed_cash("du_1").await, 0);
        assert_eq!(world.platform(ExpenseBadDebt).await, 0);
        assert_eq!(world.platform(IncomeRecoveredFees).await, FEE);
        // Later earnings pay what is owed.
        let later = world.settled("ch_2").await;
        world.ship(&later).await;
        world.after_days(60).await;
        assert_eq!(world.purse(ocean).await, [0, 8500 - FEE, 0, 0, 0]);
        world.is_sound().await;
    }

    async fn what_was_written_off_meanwhile_is_due_again_when_the_bank_gives_back(app) {
        let world = World::new(app, Currency::Eur, FeeBearer::Platform).await;
        let ocean = world.ocean();
        let order = world.settled("ch_1").await;
        world.ship(&order).await;
        world.after_days(60).await;
        let payout = world.payout(ocean).await;
        world.payout_made(payout, "tr_1").await;
        let dispute = world.disputed(&order, "du_1", 9460).await;
        world.withdrawn("du_1", 9460).await;
        world.follows(&dispute, DisputeStage::Closed).await;
        assert_eq!(world.purse(ocean).await, [0, 0, 0, 8500, 0]);
        let by = app.operator().await;
        let by = vitrine_domain::identity::account_with_email(app.db(), &by.email.parse().unwrap()).await.unwrap().unwrap();
        let new = ledger::NewAdjustment {
            decision: ledger::Decision::WriteOff { party: ocean, amount: Money::new(8000, Currency::Eur) },
            reason: "it has nothing".parse().unwrap(),
            key: "off".to_owned(),
        };
        ledger::adjust(&world.cx, &by, new).await.unwrap();
        assert_eq!(world.purse(ocean).await, [0, 0, 0, 500, 0]);
        world.reinstated("du_1", 9460, 0).await;
        world.follows(&dispute, DisputeStage::Closed).await;
        assert_eq!(world.purse(ocean).await, [0, 0, 0, 0, 0], "it was paid out once, and has that");
        assert_eq!(world.platform(ExpenseBadDebt).await, 0);
        world.is_sound().await;
    }

    async fn reinstated_after_it_was_lost_all_of_it_comes_back_in_parts(app) {
        let world = World::new(app, Currency::Eur, FeeBearer::Brand).await;
        let (ocean, anna) = (world.ocean(), world.shopholder());
        let order = world.settled("ch_1").await;
        let dispute = world.disputed(&order, "du_1", 9460).await;
        world.withdrawn("du_1", 9460).await;
        world.follows(&dispute, DisputeStage::Closed).await;
        world.txn("txn_part", "dispute_reversal", "du_1", 5000, 0).await;
        let partly = world.follows(&dispute, DisputeStage::Closed).await;
        assert_eq!(partly.loss, 4460);
        world.txn("txn_rest", "adjustment", "du_1", 4460, -FEE).await;
        let back = world.follows(&dispute, DisputeStage::Closed).await;
        assert_eq!((back.loss, back.fee), (0, 0));
        // What had been taken from the unit is held again; the fee, which had been owed, is not.
        assert_eq!(world.purse(ocean).await, [8500, 0, 0, 0, 0]);
        assert_eq!(world.purse(anna).await, [810, 0, 0, 0, 0]);
        assert_eq!(world.platform(DeferredPlatformFee).await, 150);
        assert_eq!(world.platform(IncomeRecoveredFees).await, 0);
        world.ship(&order).await;
        world.after_days(60).await;
        assert_eq!(world.purse(ocean).await, [0, 8500, 0, 0, 0]);
        world.is_sound().await;
    }

    async fn after_payout_what_was_lost_is_owed_and_what_comes_back_pays_that(app) {
        let world = World::new(app, Currency::Eur, FeeBearer::Platform).await;
        let ocean = world.ocean();
        let order = world.settled("ch_1").await;
        world.ship(&order).await;
        world.after_days(60).await;
        let payout = world.payout(ocean).await;
        world.payout_made(payout, "tr_1").await;
        let dispute = world.disputed(&order, "du_1", 9460).await;
        world.withdrawn("du_1", 9460).await;
        world.follows(&dispute, DisputeStage::Open).await;
        assert_eq!(world.balance(ocean, Disputed).await, 0, "what was paid out cannot be frozen");
        world.follows(&dispute, DisputeStage::Closed).await;
        assert_eq!(world.purse(ocean).await, [0, 0, 0, 8500, 0]);
        world.reinstated("du_1", 9460, FEE).await;
        world.follows(&dispute, DisputeStage::Closed).await;
        assert_eq!(world.purse(ocean).await, [0, 0, 0, 0, 0]);
    }

    async fn what_exceeds_the_units_is_the_platforms_loss(app) {
        let world = World::new(app, Currency::Eur, FeeBearer::Platform).await;
        let two = (10_000, 0, 1500, 1000, 4000, 2);
        let order = world.paid("ch_1", two, 0).await;
        world.txn("txn_1", "charge", "ch_1", 2 * 9460, 0).await;
        let units = world.units(&order).await;
        let refund = world.refund(&order, &units[..1]).await;
        world.refund_made(refund, "re_1").await;
        let dispute = world.disputed(&order, "du_1", 2 * 9460).await;
        world.withdrawn("du_1", 2 * 9460).await;
        world.follows(&dispute, DisputeStage::Open).await;
        assert_eq!(world.balance(world.ocean(), Disputed).await, 8500, "the refunded unit is nobody's any more");
        world.follows(&dispute, DisputeStage::Closed).await;
        assert_eq!(world.platform(ExpenseBadDebt).await, 9460);
        assert_eq!(world.purse(world.ocean()).await, [0, 0, 0, 0, 0]);
    }

    async fn two_disputes_of_one_payment_never_claim_the_same_money(app) {
        let world = World::new(app, Currency::Eur, FeeBearer::Platform).await;
        let ocean = world.ocean();
        let order = world.settled("ch_1").await;
        let first = world.disputed(&order, "du_1", 6000).await;
        world.withdrawn("du_1", 6000).await;
        world.follows(&first, DisputeStage::Open).await;
        let second = world.disputed(&order, "du_2", 6000).await;
        world.withdrawn("du_2", 6000).await;
        world.follows(&second, DisputeStage::Open).await;
        assert_eq!(world.balance(ocean, Disputed).await, 8500);
        world.follows(&first, DisputeStage::Closed).await;
        assert!(world.units(&order).await[0].dispute_id == Some(second.id), "the other one still holds it");
        world.follows(&second, DisputeStage::Closed).await;
        let unit = &world.units(&order).await[0];
        assert_eq!((unit.brand_lost, unit.shop_lost, unit.platform_lost), (8500, 810, 150));
        assert_eq!(unit.dispute_id, None);
        assert_eq!(world.platform(ExpenseBadDebt).await, 12_000 - 9460);
    }

    async fn a_refund_after_a_part_was_lost_gives_back_the_rest(app) {
        let world = World::new(app, Currency::Eur, FeeBearer::Platform).await;
        let order = world.settled("ch_1").await;
        let dispute = world.disputed(&order, "du_1", 9460).await;
        world.withdrawn("du_1", 9460).await;
        world.follows(&dispute, DisputeStage::Open).await;
        world.reinstated("du_1", 6000, 0).await;
        world.follows(&dispute, DisputeStage::Closed).await;
        let units = world.units(&order).await;
        assert_eq!(ledger::refundable(&units[0]), 6000);
        let refund = world.refund(&order, &units).await;
        assert_eq!(refund.amount, 6000);
        world.refund_made(refund, "re_1").await;
        assert_eq!(world.purse(world.ocean()).await, [0, 0, 0, 0, 0]);
        world.is_sound().await;
        // The bank gives the rest back after all: those who bore it have it.
        world.txn("txn_late", "dispute_reversal", "du_1", 3460, 0).await;
        world.follows(&dispute, DisputeStage::Closed).await;
        let unit = &world.units(&order).await[0];
        assert_eq!(world.purse(world.ocean()).await, [0, 8500 - unit.brand_refunded, 0, 0, 0]);
    }

    async fn a_refund_that_failed_leaves_its_unit_to_the_dispute(app) {
        let world = World::new(app, Currency::Eur, FeeBearer::Platform).await;
        let order = world.settled("ch_1").await;
        let refund = world.refund(&order, &world.units(&order).await).await;
        let dispute = world.disputed(&order, "du_1", 9460).await;
        world.withdrawn("du_1", 9460).await;
        world.follows(&dispute, DisputeStage::Open).await;
        assert_eq!(world.balance(world.ocean(), Disputed).await, 0);
        world.refund_failed(refund).await;
        world.follows(&dispute, DisputeStage::Open).await;
        assert_eq!(world.balance(world.ocean(), Disputed).await, 8500);
        world.follows(&dispute, DisputeStage::Closed).await;
        assert_eq!(world.platform(ExpenseBadDebt).await, 0);
        assert_eq!(world.purse(world.ocean()).await, [0, 0, 0, 0, 0]);
    }

    async fn decided_lost_and_failed_in_whatever_order_a_refund_leaves_the_same(app) {
        let world = World::new(app, Currency::Eur, FeeBearer::Brand).await;
        let two = (10_000, 0, 1500, 1000, 4000, 2);
        let mut ends = Vec::new();
        for (n, loss) in [2 * 9460, 5001].into_iter().enumerate() {
            for fails_first in [true, false] {
                let name = format!("{n}_{fails_first}");
                let order = world.paid(&format!("ch_{name}"), two, 0).await;
                world.txn(&format!("txn_{name}"), "charge", &format!("ch_{name}"), 2 * 9460, 0).await;
                let refund = world.refund(&order, &world.units(&order).await[..1]).await;
                let dispute = world.disputed(&order, &format!("du_{name}"), loss).await;
                world.withdrawn(&format!("du_{name}"), loss).await;
                if fails_first {
                    world.refund_failed(refund.clone()).await;
                }
                world.follows(&dispute, DisputeStage::Closed).await;
                if !fails_first {
                    world.refund_failed(refund).await;
                }
                world.follows(&dispute, DisputeStage::Closed).await;
                let of = |unit: &vitrine_model::ledger::unit::Model| {
                    [unit.brand_lost, unit.shop_lost, unit.platform_lost, unit.brand_held, unit.shop_held, unit.platform_held, unit.recharged]
                };
                ends.push(world.units(&order).await.iter().map(of).collect::<Vec<_>>());
                assert_eq!(world.platform(ExpenseBadDebt).await, 0);
            }
        }
        assert_eq!(ends[0], ends[1]);
        assert_eq!(ends[2], ends[3]);
    }

    async fn a_refund_decided_since_keeps_what_a_dispute_took_of_its_unit(app) {
        let world = World::new(app, Currency::Eur, FeeBearer::Platform).await;
        let two = (10_000, 0, 1500, 1000, 4000, 2);
        let order = world.paid("ch_1", two, 0).await;
        world.txn("txn_1", "charge", "ch_1", 2 * 9460, 0).await;
        let dispute = world.disputed(&order, "du_1", 2 * 9460).await;
        world.withdrawn("du_1", 2 * 9460).await;
        world.reinstated("du_1", 10_000, 0).await;
        world.follows(&dispute, DisputeStage::Closed).await;
        let units = world.units(&order).await;
        let first = world.refund(&order, &units[..1]).await;
        let second = world.refund(&order, &units[1..]).await;
        world.refund_made(first, "re_1").await;
        world.refund_failed(second).await;
        world.follows(&dispute, DisputeStage::Closed).await;
        let now = world.units(&order).await;
        assert_eq!(now[1].brand_lost, units[1].brand_lost, "when it fails, nothing is different");
        assert_eq!(now[0].brand_lost, units[0].brand_lost);
        assert_eq!(world.platform(ExpenseBadDebt).await, 0);
        // The bank takes it all once more: what was refunded meanwhile is nobody's to lose.
        world.withdrawn_again("du_1", 10_000).await;
        world.follows(&dispute, DisputeStage::Closed).await;
        let now = world.units(&order).await;
        assert_eq!(now[1].brand_lost, 8500);
        assert_eq!(world.platform(ExpenseBadDebt).await, ledger::refundable(&units[0]));
    }

    async fn an_inquiry_moves_nothing_and_lets_nothing_go(app) {
        let world = World::new(app, Currency::Eur, FeeBearer::Platform).await;
        let ocean = world.ocean();
        let order = world.settled("ch_1").await;
        let dispute = world.disputed(&order, "du_1", 9460).await;
        world.follows(&dispute, DisputeStage::Inquiry).await;
        world.ship(&order).await;
        world.after_days(60).await;
        assert_eq!(world.purse(ocean).await, [8500, 0, 0, 0, 0]);
        world.follows(&dispute, DisputeStage::Closed).await;
        world.after_days(0).await;
        assert_eq!(world.purse(ocean).await, [0, 8500, 0, 0, 0]);
    }

    async fn the_audit_finds_what_was_changed_of_a_dispute(app) {
        app.will_be_corrupted();
        let world = World::new(app, Currency::Eur, FeeBearer::Platform).await;
        let order = world.settled("ch_1").await;
        let dispute = world.disputed(&order, "du_1", 5000).await;
        world.withdrawn("du_1", 5000).await;
        world.follows(&dispute, DisputeStage::Closed).await;
        let planted = [
            ("dispute set loss = loss - 1", "dispute set loss = loss + 1", "dispute_receivable is what"),
            ("unit set brand_lost = brand_lost - 1", "unit set brand_lost = brand_lost + 1", "what units lost"),
            ("unit set shop_lost = shop_lost - 1", "unit set shop_lost = shop_lost + 1", "each party's balances"),
            (
                "dispute_part set lost = lost - 1, lost_held = lost_held - 1 where part = 'brand'",
                "dispute_part set lost = lost + 1, lost_held = lost_held + 1 where part = 'brand'",
                "bad debt of disputes",
            ),
            (
                "dispute_part set frozen_held = 1 where part = 'brand'",
                "dispute_part set frozen_held = 0 where part = 'brand'",
                "keeps money frozen",
            ),
            (
                "unit set brand_released_at = '2200-01-01 00:00:00+00:00', brand_due_at = '2200-01-01 00:00:00+00:00'",
                "unit set brand_released_at = null, brand_due_at = null",
                "while its payment was disputed",
            ),
        ];
        for (wrong, right, check) in planted {
            let open = wrong.contains("released_at");
            if open {
                world.sql("update dispute set closed_at = null, loss = 0").await;
            }
            world.sql(&format!("update {wrong}")).await;
            let report = app.audit().await;
            let found = report.checks.iter().any(|made| made.name.contains(check) && made.wrong > 0);
            assert!(found, "{wrong}: {report}");
            world.sql(&format!("update {right}")).await;
        }
    }
}
