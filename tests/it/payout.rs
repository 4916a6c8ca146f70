//! Money out: onboarding, payout runs, transfers that fail in every way, and money asked back after a refund.

use chrono::TimeDelta;
use futures::future::join_all;
use sea_orm::{EntityTrait, QueryOrder};
use serde_json::{Value, json};
use vitrine_domain::payout as payouts;
use vitrine_model::payout::{self, PayoutState, ReversalState, transfer_reversal};

use crate::fulfillment::{SHIP, hire, parcel};
use crate::notify::mails_to;
use crate::refund::refund;
use crate::support::market::{Market, Purchase, text};
use crate::support::{App, FRONTEND, Person, STRIPE_KEY, on_both};

pub(crate) const LINK: &str =
    "mutation($in: PayoutAccountOnboardingLinkCreateInput!) { payoutAccountOnboardingLinkCreate(input: $in) {
    onboardingLink { url payoutAccount { id status country } } userErrors { code field } } }";
const RUN: &str = "mutation($in: PayoutRunInput!) { payoutRun(input: $in) { payoutRun { requestedAt } userErrors { code field } } }";
const OWN: &str = "{ viewer { payoutAccount { status transfersActive requirementsDue } payouts(first: 10) {
    nodes { id state amount { amount } reversed { amount } refusal transferId } pageInfo { hasNextPage } } } }";
const BRANDS: &str = "query($id: ID!) { brand(id: $id) { payoutAccount { status } payouts(first: 10) { nodes { id state amount { amount } } } } }";

/// Longer than every return window.
const WINDOWS: TimeDelta = TimeDelta::days(45);

pub(crate) fn wish(brand: Option<&str>) -> Value {
    json!({
        "brandId": brand,
        "country": "DE",
        "returnUrl": format!("{FRONTEND}/payouts"),
        "refreshUrl": format!("{FRONTEND}/payouts?again"),
    })
}

/// Lets the person, or the brand she owns, be paid; the payout account works when this returns.
pub(crate) async fn onboard(app: &App, person: &Person<'_>, brand: Option<&str>) {
    let made = person.made(LINK, wish(brand)).await;
    app.stripe.onboard(&text(&made["onboardingLink"]["url"])).await;
    app.settle().await;
}

/// A purchase of so many pieces, delivered so long ago that all its money is available.
async fn sold<'a>(app: &'a App, market: &mut Market<'_>, quantity: i32) -> Purchase<'a> {
    let purchase = app.buy(&[(market, quantity)]).await;
    market.owner.made(SHIP, parcel(&purchase, quantity)).await;
    pass(app, market).await;
    purchase
}

/// Lets every return window pass. Sessions do not last as long: the market's people sign in again.
async fn pass(app: &App, market: &mut Market<'_>) {
    app.wait(WINDOWS).await;
    sign_in(market).await;
}

/// One piece of each market sold, and all windows past.
async fn both_sold(app: &App, one: &mut Market<'_>, other: &mut Market<'_>) {
    for market in [&*one, &*other] {
        let purchase = app.buy(&[(market, 1)]).await;
        market.owner.made(SHIP, parcel(&purchase, 1)).await;
    }
    pass(app, one).await;
    sign_in(other).await;
}

async fn sign_in(market: &mut Market<'_>) {
    for person in [&mut market.owner, &mut market.shopholder] {
        person.come_back().await;
    }
}

/// Makes payouts without making their transfers yet.
async fn plan(app: &App) {
    payouts::run(&app.vitrine().context("payout run")).await.unwrap();
}

/// Makes payouts and their transfers.
async fn run(app: &App) {
    plan(app).await;
    app.settle().await;
}

async fn seen(person: &Person<'_>) -> Vec<Value> {
    let answer = person.ask(OWN, json!({})).await;
    answer["viewer"]["payouts"]["nodes"].as_array().unwrap().clone()
}

async fn all(app: &App) -> Vec<payout::Model> {
    let list = payout::Entity::find().order_by_asc(payout::Column::Id);
    list.all(app.db()).await.unwrap()
}

async fn stripe_account(app: &App) -> String {
    let accounts = app.stripe.api("/v1/accounts").await;
    text(&accounts["data"][0]["id"])
}

/// Moves money from the balance to a bank: the platform's, or a connected account's.
async fn drain(app: &App, account: Option<&str>, amount: i64) {
    let mut request = app
        .http
        .post(format!("{}/v1/payouts", app.stripe.url()))
        .bearer_auth(STRIPE_KEY)
        .form(&[("amount", amount.to_string().as_str()), ("currency", "eur")]);
    if let Some(account) = account {
        request = request.header("Stripe-Account", account);
    }
    let answer = request.send().await.unwrap();
    assert!(answer.status().is_success(), "{}", answer.text().await.unwrap());
}

async fn transfers(app: &App) -> i64 {
    app.stripe.books().await["counts"]["transfers"].as_i64().unwrap()
}

on_both! {
    async fn a_shopholder_onboards_on_the_providers_page(app) {
        let anna = app.someone("anna").await;
        assert_eq!(anna.ask(OWN, json!({})).await["viewer"]["payoutAccount"], json!(null));
        let made = anna.made(LINK, wish(None)).await;
        let account = &made["onboardingLink"]["payoutAccount"];
        assert_eq!((&account["status"], &account["country"]), (&json!("ONBOARDING"), &json!("DE")));
        app.stripe.onboard(&text(&made["onboardingLink"]["url"])).await;
        app.settle().await;
        let viewer = anna.ask(OWN, json!({})).await;
        assert_eq!(
            viewer["viewer"]["payoutAccount"],
            json!({ "status": "ACTIVE", "transfersActive": true, "requirementsDue": 0 })
        );
        let again = anna.made(LINK, wish(None)).await;
        assert_eq!(again["onboardingLink"]["payoutAccount"]["id"], account["id"], "one account a party");
        app.stripe.admin(&format!("accounts/{}/restrict", stripe_account(app).await), json!({})).await;
        app.settle().await;
        assert_eq!(anna.ask(OWN, json!({})).await["viewer"]["payoutAccount"]["status"], "RESTRICTED");
    }

    async fn links_asked_for_at_once_open_one_account(app) {
        let anna = app.someone("anna").await;
        let answers = join_all((0..4).map(|_| anna.tried(LINK, wish(None)))).await;
        for answer in answers {
            assert_eq!(answer["userErrors"], json!([]));
        }
        app.settle().await;
        assert_eq!(app.stripe.books().await["counts"]["accounts"], json!(1));
    }

    async fn an_account_opened_behind_a_failure_is_found_again(app) {
        let anna = app.someone("anna").await;
        let fault = json!({ "kind": "fail_after", "times": 1, "match": { "method": "POST", "path_prefix": "/v1/accounts" } });
        app.stripe.admin("faults", fault).await;
        assert_eq!(anna.error(LINK, json!({ "in": wish(None) })).await, "INTERNAL");
        app.wait(TimeDelta::minutes(2)).await;
        app.wait(TimeDelta::minutes(2)).await;
        app.wait(TimeDelta::minutes(2)).await;
        onboard(app, &anna, None).await;
        assert_eq!(app.stripe.books().await["counts"]["accounts"], json!(1));
    }

    async fn only_a_brands_owner_decides_where_its_money_goes(app) {
        let tea = app.market("tea").await;
        let manager = hire(app, &tea, "mona", "MANAGER").await;
        let stranger = app.someone("sam").await;
        assert_eq!(manager.refused(LINK, wish(Some(&tea.brand))).await, "FORBIDDEN");
        assert_eq!(stranger.refused(LINK, wish(Some(&tea.brand))).await, "FORBIDDEN");
        let nothing = wish(Some("brand_00000000000000000000000000"));
        assert_eq!(stranger.refused(LINK, nothing).await, "NOT_FOUND");
        assert_eq!(app.nobody().error(LINK, json!({ "in": wish(None) })).await, "UNAUTHENTICATED");
        onboard(app, &tea.owner, Some(&tea.brand)).await;
        let brand = tea.owner.ask(BRANDS, json!({ "id": tea.brand })).await;
        assert_eq!(brand["brand"]["payoutAccount"]["status"], "ACTIVE");
        assert_eq!(stranger.error(BRANDS, json!({ "id": tea.brand })).await, "FORBIDDEN");
    }

    async fn a_browser_is_sent_only_where_the_operator_allows(app) {
        let anna = app.someone("anna").await;
        for elsewhere in ["https://evil.example", "https://shop.example.com.evil.example/", "http://shop.example.com/"] {
            for field in ["returnUrl", "refreshUrl"] {
                let mut wish = wish(None);
                wish[field] = json!(elsewhere);
                let answer = anna.tried(LINK, wish).await;
                assert_eq!(answer["userErrors"], json!([{ "code": "RETURN_URL_NOT_ALLOWED", "field": ["input", field] }]));
            }
        }
        let mut nowhere = wish(None);
        nowhere["country"] = json!(null);
        let answer = anna.tried(LINK, nowhere).await;
        assert_eq!(answer["userErrors"], json!([{ "code": "INVALID", "field": ["input", "country"] }]));
        assert_eq!(app.stripe.books().await["counts"]["accounts"], json!(0), "nothing was opened");
    }

    async fn a_run_pays_everyone_what_is_available(app) {
        let mut tea = app.market("tea").await;
        onboard(app, &tea.shopholder, None).await;
        onboard(app, &tea.owner, Some(&tea.brand)).await;
        sold(app, &mut tea, 1).await;
        let operator = app.operator().await;
        operator.made(RUN, json!({ "idempotencyKey": "monday" })).await;
        app.settle().await;
        let own = seen(&tea.shopholder).await;
        assert_eq!(own.len(), 1);
        assert_eq!((&own[0]["state"], &own[0]["amount"]["amount"]), (&json!("PAID"), &json!("8.10")));
        let brand = tea.owner.ask(BRANDS, json!({ "id": tea.brand })).await;
        assert_eq!(brand["brand"]["payouts"]["nodes"].as_array().unwrap().len(), 1);
        assert_eq!(brand["brand"]["payouts"]["nodes"][0]["state"], "PAID");
        // What is left at Stripe is the platform's: its fee of 1.50 EUR.
        assert_eq!(app.stripe.books().await["balance"]["eur"]["available"], json!(150));
        let node = "query($id: ID!) { node(id: $id) { ... on Payout { state } } }";
        let id = json!({ "id": own[0]["id"] });
        assert_eq!(tea.shopholder.ask(node, id.clone()).await["node"]["state"], "PAID");
        assert_eq!(tea.owner.ask(node, id).await["node"], json!(null), "a stranger's payout is no payout");
    }

    async fn a_run_asked_for_twice_under_one_key_is_one_run(app) {
        let operator = app.operator().await;
        let first = operator.made(RUN, json!({ "idempotencyKey": "monday" })).await;
        app.wait(TimeDelta::minutes(1)).await;
        let second = operator.made(RUN, json!({ "idempotencyKey": "monday" })).await;
        assert_eq!(first, second);
        assert_eq!(operator.refused(RUN, json!({ "idempotencyKey": "" })).await, "INVALID");
        let anna = app.someone("anna").await;
        assert_eq!(anna.error(RUN, json!({ "in": { "idempotencyKey": "mine" } })).await, "FORBIDDEN");
    }

    async fn money_waits_until_there_is_an_account_that_may_receive_it(app) {
        let mut tea = app.market("tea").await;
        sold(app, &mut tea, 1).await;
        run(app).await;
        assert!(all(app).await.is_empty(), "nobody has an account");
        onboard(app, &tea.shopholder, None).await;
        let account = stripe_account(app).await;
        app.stripe.admin(&format!("accounts/{account}/restrict"), json!({})).await;
        run(app).await;
        assert!(all(app).await.is_empty(), "the account is restricted");
        app.stripe.admin(&format!("accounts/{account}/enable"), json!({})).await;
        run(app).await;
        assert_eq!(seen(&tea.shopholder).await[0]["state"], "PAID");
    }

    async fn a_refused_transfer_makes_the_money_available_again(app) {
        let mut tea = app.market("tea").await;
        onboard(app, &tea.shopholder, None).await;
        let purchase = app.buy(&[(&tea, 1)]).await;
        tea.owner.made(SHIP, parcel(&purchase, 1)).await;
        let account = stripe_account(app).await;
        app.stripe.admin(&format!("accounts/{account}/restrict"), json!({})).await;
        pass(app, &mut tea).await;
        app.stripe.admin(&format!("accounts/{account}/enable"), json!({})).await;
        plan(app).await;
        app.stripe.admin(&format!("accounts/{account}/restrict"), json!({})).await;
        app.settle().await;
        let refused = seen(&tea.shopholder).await;
        assert_eq!(refused[0]["state"], "REFUSED");
        assert!(text(&refused[0]["refusal"]).starts_with("insufficient_capabilities_for_transfer"));
        assert_eq!(mails_to(app, &tea.shopholder.email, &["A payout of 8.10 EUR was refused", "insufficient_capabilities"]), 1);
        assert_eq!(transfers(app).await, 0);
        app.stripe.admin(&format!("accounts/{account}/enable"), json!({})).await;
        app.wait(TimeDelta::minutes(1)).await;
        run(app).await;
        let states: Vec<_> = seen(&tea.shopholder).await.iter().map(|payout| text(&payout["state"])).collect();
        assert_eq!(states, ["PAID", "REFUSED"]);
    }

    async fn a_run_spends_no_more_than_the_provider_has(app) {
        let mut tea = app.market("tea").await;
        let mut ink = app.market("ink").await;
        both_sold(app, &mut tea, &mut ink).await;
        let balance = app.stripe.books().await["balance"]["eur"]["available"].as_i64().unwrap();
        drain(app, None, balance - 1000).await;
        onboard(app, &tea.shopholder, None).await;
        onboard(app, &ink.shopholder, None).await;
        run(app).await;
        let mut amounts: Vec<_> = all(app).await.iter().map(|payout| (payout.amount, payout.state)).collect();
        amounts.sort_unstable();
        assert_eq!(amounts, [(190, PayoutState::Paid), (810, PayoutState::Paid)], "the second gets what is left");
        run(app).await;
        assert_eq!(all(app).await.len(), 2, "nothing is left");
    }

    async fn less_than_the_minimum_waits(app) {
        let minimum = app.nobody().ask("{ eur: payoutMinimum(currency: EUR) { amount } jpy: payoutMinimum(currency: JPY) { amount } }", json!({})).await;
        assert_eq!(minimum, json!({ "eur": { "amount": "1.00" }, "jpy": { "amount": "1" } }));
        let mut tea = app.market("tea").await;
        sold(app, &mut tea, 1).await;
        let balance = app.stripe.books().await["balance"]["eur"]["available"].as_i64().unwrap();
        drain(app, None, balance - 99).await;
        onboard(app, &tea.shopholder, None).await;
        run(app).await;
        assert!(all(app).await.is_empty());
    }

    async fn a_crash_between_transfer_and_outcome_pays_once(app) {
        let mut tea = app.market("tea").await;
        sold(app, &mut tea, 1).await;
        onboard(app, &tea.shopholder, None).await;
        let fault = json!({ "kind": "fail_after", "times": 1, "match": { "method": "POST", "path_prefix": "/v1/transfers" } });
        app.stripe.admin("faults", fault).await;
        run(app).await;
        assert_eq!(transfers(app).await, 1, "it took effect");
        assert_eq!(seen(&tea.shopholder).await[0]["state"], "REQUESTED", "and nobody here knows");
        plan(app).await;
        assert_eq!(all(app).await.len(), 1, "one payout of a party at a time");
        for _ in 0..4 {
            app.wait(TimeDelta::minutes(1)).await;
        }
        assert_eq!(seen(&tea.shopholder).await[0]["state"], "PAID");
        assert_eq!(transfers(app).await, 1);
    }

    async fn a_transfer_forgotten_for_a_day_is_looked_up_before_it_is_sent_again(app) {
        let mut tea = app.market("tea").await;
        sold(app, &mut tea, 1).await;
        onboard(app, &tea.shopholder, None).await;
        let fault = json!({ "kind": "drop_connection_after", "times": 1, "match": { "method": "POST", "path_prefix": "/v1/transfers" } });
        app.stripe.admin("faults", fault).await;
        let silence = json!({ "kind": "fail_before", "times": 2, "match": { "method": "POST", "path_prefix": "/v1/transfers" } });
        app.stripe.admin("faults", silence).await;
        run(app).await;
        assert_eq!(seen(&tea.shopholder).await[0]["state"], "REQUESTED");
        app.stripe.admin("idempotency/forget", json!({})).await;
        app.wait(TimeDelta::hours(25)).await;
        assert_eq!(seen(&tea.shopholder).await[0]["state"], "PAID");
        assert_eq!(transfers(app).await, 1);
    }

    async fn runs_at_once_pay_everyone_once(app) {
        let mut tea = app.market("tea").await;
        let mut ink = app.market("ink").await;
        both_sold(app, &mut tea, &mut ink).await;
        for market in [&tea, &ink] {
            onboard(app, &market.shopholder, None).await;
            onboard(app, &market.owner, Some(&market.brand)).await;
        }
        let balance = app.stripe.books().await["balance"]["eur"]["available"].as_i64().unwrap();
        let contexts: Vec<_> = (0..4).map(|node| app.vitrine().context(&format!("node {node}"))).collect();
        for outcome in join_all(contexts.iter().map(payouts::run)).await {
            outcome.unwrap();
        }
        let planned: i64 = all(app).await.iter().map(|payout| payout.amount).sum();
        assert!(planned <= balance);
        run(app).await;
        let paid = all(app).await;
        assert_eq!(paid.len(), 4, "{paid:#?}");
        assert!(paid.iter().all(|payout| payout.state == PayoutState::Paid));
        assert_eq!(transfers(app).await, 4);
        assert_eq!(app.stripe.books().await["balance"]["eur"]["available"], json!(300));
    }

    async fn a_refund_after_payout_is_asked_back_from_the_account(app) {
        let mut tea = app.market("tea").await;
        onboard(app, &tea.shopholder, None).await;
        // The other piece leaves Stripe the money to refund this one.
        let purchase = sold(app, &mut tea, 2).await;
        run(app).await;
        let id = refund(&tea.owner, &purchase, 1, "late").await;
        app.settle().await;
        let own = seen(&tea.shopholder).await;
        assert_eq!((&own[0]["state"], &own[0]["reversed"]["amount"]), (&json!("PAID"), &json!("8.10")));
        assert_eq!(mails_to(app, &tea.shopholder.email, &["8.10 EUR taken back for order"]), 1);
        payouts::recover(&app.vitrine().context("again"), id.parse().unwrap()).await.unwrap();
        app.settle().await;
        let reversals = transfer_reversal::Entity::find().all(app.db()).await.unwrap();
        assert_eq!(reversals.len(), 1, "asked once");
        assert_eq!(reversals[0].state, ReversalState::Succeeded);
        assert_eq!(app.stripe.books().await["counts"]["reversals"], json!(1));
    }

    async fn what_cannot_be_taken_back_is_owed_and_the_next_earnings_pay_it(app) {
        let mut tea = app.market("tea").await;
        onboard(app, &tea.shopholder, None).await;
        // The other piece leaves Stripe the money to refund this one.
        let purchase = sold(app, &mut tea, 2).await;
        run(app).await;
        drain(app, Some(&stripe_account(app).await), 1620).await;
        let id = refund(&tea.owner, &purchase, 1, "late").await;
        app.settle().await;
        assert_eq!(seen(&tea.shopholder).await[0]["reversed"]["amount"], "0.00");
        assert_eq!(mails_to(app, &tea.shopholder.email, &["8.10 EUR could not be taken back", "8.10 EUR is owed now in all"]), 1);
        payouts::recover(&app.vitrine().context("again"), id.parse().unwrap()).await.unwrap();
        app.settle().await;
        let reversals = transfer_reversal::Entity::find().all(app.db()).await.unwrap();
        assert_eq!(reversals.len(), 1, "a refusal is not asked again at once");
        assert_eq!(reversals[0].state, ReversalState::Refused);
        sold(app, &mut tea, 2).await;
        run(app).await;
        let own = seen(&tea.shopholder).await;
        assert_eq!(own[0]["amount"]["amount"], "8.10", "two times 8.10 less the 8.10 owed");
    }

    async fn a_refusal_is_asked_again_a_week_later(app) {
        let mut tea = app.market("tea").await;
        onboard(app, &tea.shopholder, None).await;
        // The other piece leaves Stripe the money to refund this one.
        let purchase = sold(app, &mut tea, 2).await;
        run(app).await;
        let transfer = seen(&tea.shopholder).await[0]["transferId"].clone();
        let path = format!("/v1/transfers/{}/reversals", text(&transfer));
        let refusal = json!({ "kind": "fail_before", "status": 400, "times": 1, "match": { "method": "POST", "path_prefix": path } });
        app.stripe.admin("faults", refusal).await;
        refund(&tea.owner, &purchase, 1, "late").await;
        app.settle().await;
        assert_eq!(states(app).await, [ReversalState::Refused]);
        app.wait(TimeDelta::days(6)).await;
        assert_eq!(states(app).await, [ReversalState::Refused]);
        app.wait(TimeDelta::days(1)).await;
        assert_eq!(states(app).await, [ReversalState::Refused, ReversalState::Succeeded]);
        tea.shopholder.come_back().await;
        assert_eq!(seen(&tea.shopholder).await[0]["reversed"]["amount"], "8.10");
    }

    async fn each_payout_that_refused_is_asked_again_though_another_gave_back_meanwhile(app) {
        let mut tea = app.market("tea").await;
        onboard(app, &tea.shopholder, None).await;
        let purchase = sold(app, &mut tea, 3).await;
        run(app).await;
        sold(app, &mut tea, 1).await;
        run(app).await;
        let own = seen(&tea.shopholder).await;
        let refuse = async |payout: usize, status: u16, times: u32| {
            let path = format!("/v1/transfers/{}/reversals", text(&own[payout]["transferId"]));
            let fault = json!({ "kind": "fail_before", "status": status, "times": times, "match": { "method": "POST", "path_prefix": path } });
            app.stripe.admin("faults", fault).await;
        };
        // The newer payout refuses at once, the older one an hour later.
        refuse(0, 400, 1).await;
        refuse(1, 500, 3).await;
        refuse(1, 400, 1).await;
        refund(&tea.owner, &purchase, 3, "late").await;
        app.settle().await;
        assert_eq!(states(app).await.iter().filter(|state| **state == ReversalState::Refused).count(), 1);
        app.wait(TimeDelta::hours(1)).await;
        assert_eq!(states(app).await, [ReversalState::Refused; 2]);
        app.wait(TimeDelta::days(7)).await;
        app.wait(TimeDelta::hours(2)).await;
        tea.shopholder.come_back().await;
        let own = seen(&tea.shopholder).await;
        let reversed: Vec<&Value> = (0..2).map(|payout| &own[payout]["reversed"]["amount"]).collect();
        assert_eq!(reversed, ["8.10", "16.20"]);
        app.assert_agreed("each was asked again").await;
    }

    async fn an_account_that_stays_empty_is_asked_for_a_month_and_then_earnings_pay(app) {
        let mut tea = app.market("tea").await;
        onboard(app, &tea.shopholder, None).await;
        let purchase = sold(app, &mut tea, 2).await;
        run(app).await;
        drain(app, Some(&stripe_account(app).await), 1620).await;
        refund(&tea.owner, &purchase, 1, "late").await;
        app.settle().await;
        for _ in 0..9 {
            app.wait(TimeDelta::days(7)).await;
        }
        assert_eq!(states(app).await, [ReversalState::Refused; 5]);
        tea.owner.come_back().await;
        sold(app, &mut tea, 2).await;
        run(app).await;
        assert_eq!(seen(&tea.shopholder).await[0]["amount"]["amount"], "8.10", "two times 8.10 less the 8.10 owed");
    }
}

/// How far each reversal is, the first first.
async fn states(app: &App) -> Vec<ReversalState> {
    let reversals = transfer_reversal::Entity::find().order_by_asc(transfer_reversal::Column::CreatedAt);
    let reversals = reversals.all(app.db()).await.unwrap();
    reversals.into_iter().map(|reversal| reversal.state).collect()
}
