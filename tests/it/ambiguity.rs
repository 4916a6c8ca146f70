//! Calls to Stripe that took effect and whose answer never came: one object for each intent, whether the same key tells the
//! outcome soon, or Stripe stays away for more than a day and has forgotten the key when it is back.

use chrono::TimeDelta;
use sea_orm::{ColumnTrait, EntityTrait, PaginatorTrait, QueryFilter};
use serde_json::json;
use vitrine_domain::{ledger, payout};
use vitrine_model::intent::{self, IntentState};

use crate::fulfillment::{SHIP, parcel};
use crate::payout::{LINK, onboard, wish};
use crate::refund::{REFUND, pieces};
use crate::support::market::{Market, Purchase};
use crate::support::{App, on_both};

/// Longer than every return window.
const WINDOWS: TimeDelta = TimeDelta::days(45);
const CHECKOUT: &str =
    "mutation($in: CheckoutStartInput!) { checkoutStart(input: $in) { order { id } userErrors { code } } }";

/// A call that makes something at Stripe.
#[derive(Debug, Clone, Copy)]
enum Made {
    Session,
    Refund,
    Transfer,
    Reversal,
    Account,
}

impl Made {
    /// Where it is posted to, and what the sandbox's books count it as.
    fn place(self) -> (&'static str, &'static str) {
        match self {
            Self::Session => ("/v1/checkout/sessions", "checkout_sessions"),
            Self::Refund => ("/v1/refunds", "refunds"),
            Self::Transfer => ("/v1/transfers", "transfers"),
            Self::Reversal => ("/v1/transfers/", "reversals"),
            Self::Account => ("/v1/accounts", "accounts"),
        }
    }

    /// Does what calls Stripe in the end.
    async fn bring_about(self, app: &App, tea: &Market<'_>, purchase: &Purchase<'_>) {
        match self {
            Self::Session => {
                let (buyer, input) = app.filled_cart(&[(tea, 1)]).await;
                buyer.send(CHECKOUT, json!({ "in": input })).await;
            }
            Self::Refund | Self::Reversal => {
                tea.owner.made(REFUND, pieces(purchase, 1, "the button")).await;
            }
            Self::Transfer => payout::run(&app.vitrine().context("payout run")).await.unwrap(),
            Self::Account => {
                tea.shopholder.send(LINK, json!({ "in": wish(None) })).await;
            }
        }
        app.settle().await;
    }
}

/// An order of two pieces, with what the call needs before it.
async fn prepared<'a>(app: &'a App, tea: &mut Market<'_>, made: Made) -> Purchase<'a> {
    let purchase = app.buy(&[(tea, 2)]).await;
    if matches!(made, Made::Transfer | Made::Reversal) {
        tea.owner.made(SHIP, parcel(&purchase, 2)).await;
        onboard(app, &tea.owner, Some(&tea.brand)).await;
        app.clock.advance(WINDOWS);
        app.stripe.advance(WINDOWS).await;
        ledger::release_due(&app.vitrine().context("released"))
            .await
            .unwrap();
        tea.owner.come_back().await;
    }
    if let Made::Reversal = made {
        payout::run(&app.vitrine().context("payout run")).await.unwrap();
        app.settle().await;
    }
    purchase
}

async fn count(app: &App, made: Made) -> i64 {
    app.stripe.books().await["counts"][made.place().1]
        .as_i64()
        .unwrap()
}

/// What the next so many of such calls suffer.
async fn hide(app: &App, made: Made, how: &str, times: u32) {
    let path = made.place().0;
    let fault = json!({ "kind": how, "times": times, "match": { "method": "POST", "path_prefix": path } });
    app.stripe.admin("faults", fault).await;
}

/// Every call's outcome is known, the books are sound, and Stripe holds what they say it holds.
async fn sound(app: &App, told: &str) {
    let open = intent::Entity::find().filter(intent::Column::State.ne(IntentState::Succeeded));
    assert_eq!(open.count(app.db()).await.unwrap(), 0, "{told}");
    app.assert_agreed(told).await;
}

/// The call takes effect, `how` hides its answer, and the same key tells it soon.
async fn told_soon(app: &App, made: Made, how: &str) {
    let told = format!("{made:?}, {how}");
    let mut tea = app.market("tea").await;
    let purchase = prepared(app, &mut tea, made).await;
    let before = count(app, made).await;
    hide(app, made, how, 1).await;
    made.bring_about(app, &tea, &purchase).await;
    assert_eq!(count(app, made).await, before + 1, "{told}: it took effect");
    for _ in 0..6 {
        app.wait(TimeDelta::minutes(1)).await;
    }
    assert_eq!(count(app, made).await, before + 1, "{told}");
    sound(app, &told).await;
}

/// The call takes effect and its answer is lost; Stripe is away for more than a day, and knows no key when it is back.
async fn told_a_day_later(app: &App, made: Made) {
    let told = format!("{made:?}, a day later");
    let mut tea = app.market("tea").await;
    let purchase = prepared(app, &mut tea, made).await;
    let before = count(app, made).await;
    hide(app, made, "drop_connection_after", 1).await;
    hide(app, made, "fail_before", 10_000).await;
    app.stripe.admin("deliveries", json!({ "mode": "hold" })).await;
    made.bring_about(app, &tea, &purchase).await;
    let away = json!({ "kind": "fail_before", "times": 10_000, "match": { "path_prefix": "/v1" } });
    app.stripe.admin("faults", away).await;
    assert_eq!(count(app, made).await, before + 1, "{told}: it took effect");
    app.wait(TimeDelta::hours(25)).await;
    let lost = intent::Entity::find().filter(intent::Column::State.eq(IntentState::Open));
    assert_eq!(
        lost.count(app.db()).await.unwrap(),
        1,
        "{told}: nobody here knows"
    );
    app.stripe.admin("idempotency/forget", json!({})).await;
    app.stripe.clear_faults().await;
    app.stripe.admin("deliveries/release", json!({})).await;
    app.wait(TimeDelta::hours(1)).await;
    assert_eq!(count(app, made).await, before + 1, "{told}");
    sound(app, &told).await;
}

/// A test of each of the calls on both databases.
macro_rules! calls {
    ($($soon:ident, $late:ident: $made:ident;)+) => {
        on_both! {
            $(
                async fn $soon(app) {
                    for (place, how) in ["fail_after", "drop_connection_after"].into_iter().enumerate() {
                        let beside = app.another(&format!("{} {place}", stringify!($soon))).await;
                        told_soon(&beside, Made::$made, how).await;
                        beside.end().await;
                    }
                }

                async fn $late(app) {
                    told_a_day_later(app, Made::$made).await;
                }
            )+
        }
    };
}

calls! {
    a_page_is_opened_once, a_page_forgotten_for_a_day_is_opened_once: Session;
    a_refund_is_made_once, a_refund_forgotten_for_a_day_is_made_once: Refund;
    a_transfer_is_made_once, a_transfer_forgotten_for_a_day_is_made_once: Transfer;
    a_reversal_is_made_once, a_reversal_forgotten_for_a_day_is_made_once: Reversal;
    an_account_is_opened_once, an_account_forgotten_for_a_day_is_opened_once: Account;
}
