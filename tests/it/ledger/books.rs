//! A small world of rows to keep books about, and the steps that checkout and payout would take. Told directly to the
//! domain, so that fees and times are the design's own figures.

use std::collections::HashMap;

use chrono::TimeDelta;
use sea_orm::sea_query::Expr;
use sea_orm::{ActiveModelTrait, ColumnTrait, EntityTrait, IntoActiveModel, QueryFilter};
use vitrine_domain::context::Context;
use vitrine_domain::ledger::split::{Listing, split};
use vitrine_domain::ledger::{self, Shipping};
use vitrine_domain::ports::BalanceTransactionFacts;
use vitrine_model::catalog::{FeeBearer, product};
use vitrine_model::checkout::{
    CartState, ChargeKind, CreditReason, OrderState, RefundKind, RefundState, ReturnState, VatSeller, cart,
    charge, fulfillment, order, order_line, refund, return_request,
};
use vitrine_model::id::{AccountId, BrandId, OrderId, ShopId, TermsId, UnitId, VariantId};
use vitrine_model::intent::{self, IntentKind, IntentState};
use vitrine_model::ledger::{AccountKind, Party, UnitKind, account, unit};
use vitrine_model::money::Currency;
use vitrine_model::payout::{self, PayoutState, ReversalState, payout_account, transfer_reversal};

use super::rows::{bp, brand_row, product_row, shop_row, terms_row, variant_row};
use crate::support::App;

/// Writes a whole row.
macro_rules! put {
    ($app:expr, $row:expr) => {{
        let row = $row;
        row.clone()
            .into_active_model()
            .reset_all()
            .insert($app.db())
            .await
            .unwrap();
        row
    }};
}

/// One brand, one variant, one shop.
pub(crate) struct World<'a> {
    pub(super) app: &'a App,
    pub(super) cx: Context,
    pub(super) brand: BrandId,
    pub(super) anna: AccountId,
    shop: ShopId,
    terms: TermsId,
    pub(super) variant: VariantId,
    product: product::Model,
    pub(super) currency: Currency,
    bearer: FeeBearer,
}

/// What is sold: L, v, r, f, s, and how many.
pub(super) type Sold = (i64, i32, i32, i32, i32, i32);

/// The first row of the design's table of splits.
pub(super) const FIRST_ROW: Sold = (10_000, 0, 1500, 1000, 4000, 1);

impl<'a> World<'a> {
    pub(super) async fn new(app: &'a App, currency: Currency, bearer: FeeBearer) -> World<'a> {
        let cx = app.vitrine().context("ledger-test");
        let anna = app.someone("anna").await;
        let anna: AccountId = anna.id.parse().unwrap();
        let brand = put!(app, brand_row(&cx, currency, bearer));
        let terms = put!(app, terms_row(&cx, brand.id));
        let product = put!(app, product_row(&cx, brand.id, currency));
        let variant = put!(app, variant_row(&cx, &product));
        let shop = put!(app, shop_row(&cx, anna));
        World {
            app,
            cx,
            brand: brand.id,
            anna,
            shop: shop.id,
            terms: terms.id,
            variant: variant.id,
            product,
            currency,
            bearer,
        }
    }

    pub(super) fn ocean(&self) -> Party {
        Party::Brand(self.brand)
    }

    pub(super) fn shopholder(&self) -> Party {
        Party::Shopholder(self.anna)
    }

    /// An order of one line, and shipping, paid by `charge`.
    pub(super) async fn paid(&self, charge: &str, sold: Sold, shipping: i64) -> order::Model {
        let cx = self.app.vitrine().context("ledger-test");
        let (order, line) = self.order(charge, sold, shipping).await;
        let charge = charge::Model {
            id: charge.to_owned(),
            order_id: order.id,
            payment_intent_id: format!("pi_{charge}"),
            amount: order.total,
            currency: self.currency,
            kind: ChargeKind::Expected,
            balance_transaction_id: None,
            created_at: cx.now(),
        };
        let charge = put!(self.app, charge);
        let shipping = Shipping {
            brand_id: self.brand,
            amount: shipping,
            like: line.clone(),
        };
        for _ in 0..2 {
            let tx = cx.begin().await.unwrap();
            let lines = std::slice::from_ref(&line);
            ledger::charge_paid(
                &tx,
                &cx,
                &order,
                &charge,
                lines,
                std::slice::from_ref(&shipping),
                &HashMap::new(),
            )
            .await
            .unwrap();
            tx.commit().await.unwrap();
        }
        order
    }

    async fn order(&self, name: &str, sold: Sold, shipping: i64) -> (order::Model, order_line::Model) {
        let (cx, now) = (&self.cx, self.cx.now());
        let cart = put!(
            self.app,
            cart::Model {
                id: cx.new_id(),
                secret_hash: vec![0; 32],
                secret_expires_at: now,
                account_id: None,
                currency: Some(self.currency),
                state: CartState::Ordered,
                created_at: now,
                updated_at: now,
            }
        );
        let line = self.line(cx.new_id(), sold);
        let goods = line.price * i64::from(line.quantity);
        let order = put!(
            self.app,
            order::Model {
                id: line.order_id,
                number: format!("V-{name}"),
                cart_id: cart.id,
                account_id: None,
                secret_hash: vec![0; 32],
                secret_expires_at: now,
                currency: self.currency,
                goods_total: goods,
                shipping_total: shipping,
                total: goods + shipping,
                state: OrderState::Paid,
                intent_id: cx.new_id(),
                session_id: None,
                checkout_url: None,
                charge_id: Some(name.to_owned()),
                expires_at: now,
                created_at: now,
                payment_pending_at: None,
                paid_at: Some(now),
                closed_at: None,
            }
        );
        (order, put!(self.app, line))
    }

    fn line(
        &self,
        order_id: OrderId,
        (list, vat, commission, fee, share, quantity): Sold,
    ) -> order_line::Model {
        let split = split(&Listing {
            list,
            vat: bp(vat),
            commission: bp(commission),
            platform_fee: bp(fee),
            share: bp(share),
            floor: None,
        });
        order_line::Model {
            id: self.cx.new_id(),
            order_id,
            position: 1,
            brand_id: self.brand,
            product_id: self.product.id,
            variant_id: self.variant,
            title: self.product.title.clone(),
            variant_title: "M".parse().unwrap(),
            sku: None,
            quantity,
            shop_id: Some(self.shop),
            shopholder: Some(self.shopholder()),
            recommendation_id: None,
            click_id: None,
            credit: CreditReason::Recommendation,
            terms_id: self.terms,
            list_price: list,
            vat_bp: bp(vat),
            vat_country: "NL".parse().unwrap(),
            vat_seller: VatSeller::Brand,
            fee_bearer: self.bearer,
            commission_bp: bp(commission),
            platform_fee_bp: bp(fee),
            share_bp: bp(share),
            floor: None,
            commission: split.commission,
            platform_part: split.platform,
            discount: split.discount,
            shop_part: split.shop,
            price: split.price,
            brand_part: split.brand,
            brand_window_days: 7,
            shop_window_days: 30,
            unknown_delivery_days: 7,
        }
    }

    /// Stripe moved money: applied twice, it moves once.
    pub(super) async fn txn(&self, id: &str, kind: &str, source: &str, amount: i64, fee: i64) {
        let facts = BalanceTransactionFacts {
            id: id.to_owned(),
            kind: kind.to_owned(),
            source: source.to_owned(),
            amount,
            fee,
            net: amount - fee,
            currency: self.currency,
            available_on: self.cx.now(),
            created: self.cx.now(),
        };
        for new in [true, false] {
            let tx = self.cx.begin().await.unwrap();
            let applied = ledger::apply_balance_transaction(&tx, &self.cx, &facts)
                .await
                .unwrap();
            assert_eq!(applied, new);
            tx.commit().await.unwrap();
        }
    }

    pub(super) async fn units(&self, order: &order::Model) -> Vec<unit::Model> {
        ledger::units_of(self.app.db(), &[order.id]).await.unwrap()
    }

    /// All goods of the order go out in one parcel.
    pub(super) async fn ship(&self, order: &order::Model) -> fulfillment::Model {
        let goods: Vec<UnitId> = self
            .units(order)
            .await
            .iter()
            .filter(|unit| unit.kind == UnitKind::Goods)
            .map(|unit| unit.id)
            .collect();
        let parcel = put!(
            self.app,
            fulfillment::Model {
                id: self.cx.new_id(),
                order_id: order.id,
                brand_id: self.brand,
                carrier: None,
                tracking_code: None,
                shipped_by: self.anna.to_string(),
                shipped_at: self.cx.now(),
                delivered_at: None,
            }
        );
        let tx = self.cx.begin().await.unwrap();
        ledger::units_shipped(&tx, &self.cx, &goods, &parcel)
            .await
            .unwrap();
        tx.commit().await.unwrap();
        parcel
    }

    pub(super) async fn delivered(&self, parcel: &fulfillment::Model) {
        let tx = self.cx.begin().await.unwrap();
        ledger::units_delivered(&tx, &self.cx, parcel, self.cx.now())
            .await
            .unwrap();
        tx.commit().await.unwrap();
    }

    /// Only time passes, and the release job comes by.
    pub(super) async fn after_days(&self, days: i64) {
        self.app.clock.advance(TimeDelta::days(days));
        ledger::release_due(&self.cx).await.unwrap();
    }

    /// A refund of the units is decided.
    pub(super) async fn refund(&self, order: &order::Model, units: &[unit::Model]) -> refund::Model {
        let refund = refund::Model {
            id: self.cx.new_id(),
            order_id: order.id,
            charge_id: order.charge_id.clone().unwrap(),
            kind: RefundKind::Units,
            amount: units.iter().map(ledger::refundable).sum(),
            currency: self.currency,
            reason: "It did not fit".parse().unwrap(),
            state: RefundState::Pending,
            intent_id: self.cx.new_id(),
            stripe_refund_id: None,
            requested_by: "system".to_owned(),
            created_at: self.cx.now(),
            settled_at: None,
        };
        let refund = put!(self.app, refund);
        let ids: Vec<UnitId> = units.iter().map(|unit| unit.id).collect();
        for _ in 0..2 {
            let tx = self.cx.begin().await.unwrap();
            ledger::refund_decided(&tx, &self.cx, &refund, &ids)
                .await
                .unwrap();
            tx.commit().await.unwrap();
        }
        refund
    }

    /// Stripe made the refund, and moved the money.
    pub(super) async fn refund_made(&self, refund: refund::Model, stripe_id: &str) -> refund::Model {
        let refund = refund::Model {
            state: RefundState::Succeeded,
            stripe_refund_id: Some(stripe_id.to_owned()),
            ..refund
        };
        refund
            .clone()
            .into_active_model()
            .reset_all()
            .update(self.app.db())
            .await
            .unwrap();
        let tx = self.cx.begin().await.unwrap();
        ledger::refund_made(&tx, &self.cx, &refund).await.unwrap();
        tx.commit().await.unwrap();
        self.txn(
            &format!("txn_{stripe_id}"),
            "refund",
            stripe_id,
            -refund.amount,
            0,
        )
        .await;
        refund
    }

    pub(super) async fn refund_failed(&self, refund: refund::Model) {
        let refund = refund::Model {
            state: RefundState::Failed,
            ..refund
        };
        refund
            .clone()
            .into_active_model()
            .reset_all()
            .update(self.app.db())
            .await
            .unwrap();
        for _ in 0..2 {
            let tx = self.cx.begin().await.unwrap();
            ledger::refund_failed(&tx, &self.cx, &refund).await.unwrap();
            tx.commit().await.unwrap();
        }
    }

    async fn intent(&self, kind: IntentKind, subject: String) -> intent::Model {
        put!(
            self.app,
            intent::Model {
                id: self.cx.new_id(),
                kind,
                subject,
                params: "{}".to_owned(),
                params_hash: vec![0; 32],
                state: IntentState::Open,
                stripe_id: None,
                attempts: 0,
                first_sent_at: None,
                error: None,
                created_at: self.cx.now(),
                settled_at: None,
            }
        )
    }

    /// All that is available to the party is on its way.
    pub(super) async fn payout(&self, party: Party) -> payout::Model {
        let now = self.cx.now();
        let account = payout_account::Entity::find()
            .filter(payout_account::Column::Party.eq(party))
            .one(self.app.db())
            .await
            .unwrap();
        let account = match account {
            Some(account) => account,
            None => put!(
                self.app,
                payout_account::Model {
                    id: self.cx.new_id(),
                    party,
                    country: "NL".parse().unwrap(),
                    intent_id: self.cx.new_id(),
                    stripe_account_id: None,
                    details_submitted: false,
                    // Not active: the product's own payout run must leave these books alone.
                    transfers_active: false,
                    requirements_due: 0,
                    closed: None,
                    created_at: now,
                    updated_at: now,
                }
            ),
        };
        let id = self.cx.new_id();
        let intent = self.intent(IntentKind::TransferMake, format!("{id:?}")).await;
        let payout = put!(
            self.app,
            payout::Model {
                id,
                party,
                payout_account_id: account.id,
                amount: self.balance(party, AccountKind::Available).await,
                currency: self.currency,
                state: PayoutState::Requested,
                intent_id: intent.id,
                transfer_id: None,
                reversed: 0,
                refusal: None,
                requested_at: now,
                settled_at: None,
            }
        );
        let tx = self.cx.begin().await.unwrap();
        ledger::payout_requested(&tx, &self.cx, &payout).await.unwrap();
        tx.commit().await.unwrap();
        payout
    }

    /// Stripe made the transfer, and moved the money.
    pub(super) async fn payout_made(&self, payout: payout::Model, transfer: &str) -> payout::Model {
        let payout = payout::Model {
            state: PayoutState::Paid,
            transfer_id: Some(transfer.to_owned()),
            ..payout
        };
        payout
            .clone()
            .into_active_model()
            .reset_all()
            .update(self.app.db())
            .await
            .unwrap();
        self.settle_intent(&payout, IntentState::Succeeded, Some(transfer))
            .await;
        let tx = self.cx.begin().await.unwrap();
        ledger::payout_made(&tx, &self.cx, &payout).await.unwrap();
        tx.commit().await.unwrap();
        self.txn(
            &format!("txn_{transfer}"),
            "transfer",
            transfer,
            -payout.amount,
            0,
        )
        .await;
        payout
    }

    pub(super) async fn payout_refused(&self, payout: payout::Model) {
        let payout = payout::Model {
            state: PayoutState::Refused,
            ..payout
        };
        payout
            .clone()
            .into_active_model()
            .reset_all()
            .update(self.app.db())
            .await
            .unwrap();
        self.settle_intent(&payout, IntentState::Refused, None).await;
        let tx = self.cx.begin().await.unwrap();
        ledger::payout_refused(&tx, &self.cx, &payout).await.unwrap();
        tx.commit().await.unwrap();
    }

    async fn settle_intent(&self, payout: &payout::Model, state: IntentState, made: Option<&str>) {
        intent::Entity::update_many()
            .col_expr(intent::Column::State, Expr::value(state))
            .col_expr(intent::Column::StripeId, Expr::value(made.map(str::to_owned)))
            .filter(intent::Column::Id.eq(payout.intent_id))
            .exec(self.app.db())
            .await
            .unwrap();
    }

    /// A transfer is being taken back.
    pub(super) async fn reversal(
        &self,
        payout: &payout::Model,
        refund: &refund::Model,
        amount: i64,
    ) -> transfer_reversal::Model {
        let reversal = put!(
            self.app,
            transfer_reversal::Model {
                id: self.cx.new_id(),
                payout_id: payout.id,
                party: payout.party,
                refund_id: Some(refund.id),
                dispute_id: None,
                amount,
                currency: self.currency,
                state: ReversalState::Requested,
                intent_id: self.cx.new_id(),
                stripe_reversal_id: None,
                created_at: self.cx.now(),
                settled_at: None,
            }
        );
        let tx = self.cx.begin().await.unwrap();
        ledger::reversal_requested(&tx, &self.cx, &reversal)
            .await
            .unwrap();
        tx.commit().await.unwrap();
        reversal
    }

    pub(super) async fn reversal_made(&self, reversal: transfer_reversal::Model, stripe_id: &str) {
        let reversal = transfer_reversal::Model {
            state: ReversalState::Succeeded,
            stripe_reversal_id: Some(stripe_id.to_owned()),
            ..reversal
        };
        reversal
            .clone()
            .into_active_model()
            .reset_all()
            .update(self.app.db())
            .await
            .unwrap();
        let tx = self.cx.begin().await.unwrap();
        ledger::reversal_made(&tx, &self.cx, &reversal).await.unwrap();
        tx.commit().await.unwrap();
        let id = format!("txn_{stripe_id}");
        self.txn(&id, "transfer_reversal", stripe_id, reversal.amount, 0)
            .await;
    }

    pub(super) async fn reversal_refused(&self, reversal: transfer_reversal::Model) {
        let reversal = transfer_reversal::Model {
            state: ReversalState::Refused,
            ..reversal
        };
        reversal
            .clone()
            .into_active_model()
            .reset_all()
            .update(self.app.db())
            .await
            .unwrap();
        let tx = self.cx.begin().await.unwrap();
        ledger::reversal_refused(&tx, &self.cx, &reversal).await.unwrap();
        tx.commit().await.unwrap();
    }

    /// A balance transaction of an amount, once.
    pub(super) async fn try_txn(&self, id: &str, amount: i64) -> anyhow::Result<bool> {
        let facts = BalanceTransactionFacts {
            id: id.to_owned(),
            kind: "charge".to_owned(),
            source: "ch_1".to_owned(),
            amount,
            fee: 167,
            net: amount - 167,
            currency: self.currency,
            available_on: self.cx.now(),
            created: self.cx.now(),
        };
        let tx = self.cx.begin().await?;
        let applied = ledger::apply_balance_transaction(&tx, &self.cx, &facts).await?;
        tx.commit().await?;
        Ok(applied)
    }

    /// A return of the units is opened or closed.
    pub(super) async fn returning(&self, order: &order::Model, units: &[unit::Model], open: bool) {
        let asked = put!(
            self.app,
            return_request::Model {
                id: self.cx.new_id(),
                order_id: order.id,
                brand_id: self.brand,
                reason: "It did not fit".parse().unwrap(),
                state: ReturnState::Requested,
                created_at: self.cx.now(),
                decided_at: None,
            }
        );
        let ids: Vec<UnitId> = units.iter().map(|unit| unit.id).collect();
        let tx = self.cx.begin().await.unwrap();
        ledger::units_returning(&tx, &ids, open.then_some(asked.id))
            .await
            .unwrap();
        tx.commit().await.unwrap();
    }

    /// A party's balance, on its normal side.
    pub(super) async fn balance(&self, party: Party, kind: AccountKind) -> i64 {
        self.kept(&party.to_string(), kind).await
    }

    /// A balance of the platform's, once sealed.
    pub(super) async fn platform(&self, kind: AccountKind) -> i64 {
        ledger::seal(&self.cx).await.unwrap();
        self.kept("platform", kind).await
    }

    /// What the bank holds of the dispute, once sealed.
    pub(super) async fn disputed_cash(&self, dispute: &str) -> i64 {
        ledger::seal(&self.cx).await.unwrap();
        self.kept(dispute, AccountKind::DisputeReceivable).await
    }

    async fn kept(&self, owner: &str, kind: AccountKind) -> i64 {
        let account = account::Entity::find()
            .filter(account::Column::Owner.eq(owner))
            .filter(account::Column::Kind.eq(kind))
            .filter(account::Column::Currency.eq(self.currency))
            .one(self.app.db())
            .await
            .unwrap();
        account.map_or(0, |account| account.balance)
    }

    /// Held, available, in transit, owed, being recovered.
    pub(super) async fn purse(&self, party: Party) -> [i64; 5] {
        use AccountKind::{Available, Held, InTransit, Receivable, Recovering};
        let mut purse = [0; 5];
        for (place, kind) in [Held, Available, InTransit, Receivable, Recovering]
            .into_iter()
            .enumerate()
        {
            purse[place] = self.balance(party, kind).await;
        }
        purse
    }

    /// The audit finds nothing wrong.
    pub(super) async fn is_sound(&self) {
        let report = self.app.audit().await;
        assert!(report.is_green(), "{report}");
    }
}
