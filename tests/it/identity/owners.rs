//! What a thief with somebody's session would do to her brand, and who is told of it.

use chrono::TimeDelta;
use serde_json::{Value, json};

use crate::identity::letters::letters;
use crate::support::market::Market;
use crate::support::staff::INVITE;
use crate::support::{App, Person, on_both};

const UPDATE: &str = "mutation($in: BrandMemberUpdateInput!) { brandMemberUpdate(input: $in) { member { role } userErrors { code } } }";
const REMOVE: &str = "mutation($in: BrandMemberRemoveInput!) { brandMemberRemove(input: $in) { member { role } userErrors { code } } }";
const RESEND: &str = "mutation($in: BrandInvitationResendInput!) { brandInvitationResend(input: $in) { invitation { id } userErrors { code } } }";
const CURATE: &str = "mutation($in: ShopCuratorInviteInput!) { shopCuratorInvite(input: $in) { invitation { id } userErrors { code } } }";
const SHARE: &str = "mutation($in: ShopCuratorUpdateInput!) { shopCuratorUpdate(input: $in) { curator { share } userErrors { code } } }";
const CREATE_KEY: &str = "mutation($in: BrandApiKeyCreateInput!) { brandApiKeyCreate(input: $in) { apiKey { id } userErrors { code } } }";
const UPDATE_KEY: &str = "mutation($in: BrandApiKeyUpdateInput!) { brandApiKeyUpdate(input: $in) { apiKey { id } userErrors { code } } }";

/// The code with which a session that was proved too long ago is refused, if it is.
async fn stale(app: &App, by: &Person<'_>, mutation: &str, input: Value) -> Value {
    let request = app.http.post(app.url("/graphql"));
    let request = request.bearer_auth(by.token().await.unwrap());
    let body = json!({ "query": mutation, "variables": { "in": input } });
    let answer: Value = request.json(&body).send().await.unwrap().json().await.unwrap();
    let data = answer["data"].as_object().unwrap_or_else(|| panic!("{answer}"));
    data.values().next().unwrap()["userErrors"][0]["code"].clone()
}

async fn freeze(market: &Market<'_>) -> Value {
    let brand = "query($id: ID!) { brand(id: $id) { payoutFreeze { cause } } }";
    let told = market.owner.ask(brand, json!({ "id": market.brand })).await;
    told["brand"]["payoutFreeze"]["cause"].clone()
}

on_both! {
    async fn s11_nobody_is_let_into_a_brand_or_a_shop_by_a_session_proved_too_long_ago(app) {
        let market = app.market("tea").await;
        let sam = app.someone("sam").await;
        app.employ(&market.owner, &market.brand, &sam, "SHIPPER").await;
        let input = json!({ "brandId": market.brand, "email": "new@example.com", "role": "OWNER" });
        let invited = market.owner.made(INVITE, input.clone()).await;
        let of = "query($id: ID!) { node(id: $id) { ... on Recommendation { shop { id } } } }";
        let hers = market.shopholder.ask(of, json!({ "id": market.recommendation })).await;
        let shop = hers["node"]["shop"]["id"].clone();
        app.clock.advance(TimeDelta::minutes(10));
        let member = json!({ "brandId": market.brand, "accountId": sam.id });
        let mut owner = member.clone();
        owner["role"] = json!("OWNER");
        for (by, mutation, input) in [
            (&market.owner, INVITE, input),
            (&market.owner, RESEND, json!({ "id": invited["invitation"]["id"] })),
            (&market.owner, UPDATE, owner),
            (&market.owner, REMOVE, member.clone()),
            (&market.shopholder, CURATE, json!({ "shopId": shop, "email": "new@example.com", "share": 10_000 })),
            (&market.shopholder, SHARE, json!({ "shopId": shop, "accountId": sam.id, "share": 10_000 })),
        ] {
            assert_eq!(stale(app, by, mutation, input).await, "STEP_UP_REQUIRED", "{mutation}");
        }
        assert_eq!(stale(app, &sam, REMOVE, member).await, json!(null), "one leaves whenever one likes");
    }

    async fn a_new_owner_is_told_to_all_owners_and_payouts_wait(app) {
        let market = app.market("tea").await;
        let (sam, eve) = (app.someone("sam").await, app.someone("eve").await);
        app.employ(&market.owner, &market.brand, &sam, "SHIPPER").await;
        assert_eq!(freeze(&market).await, json!(null), "who ships has no money to send away");
        app.employ(&market.owner, &market.brand, &eve, "OWNER").await;
        assert_eq!(freeze(&market).await, "OWNER");
        app.settle().await;
        let told = letters(app, &market.owner.email, "eve works for tea now");
        assert!(told.len() == 1 && told[0].contains("wait until"), "{told:?}");
        assert_eq!(letters(app, &market.owner.email, "sam works for tea now").len(), 1);
    }

    async fn whoever_is_made_an_owner_or_removed_is_told_and_so_are_the_owners(app) {
        let market = app.market("tea").await;
        let sam = app.someone("sam").await;
        app.employ(&market.owner, &market.brand, &sam, "SHIPPER").await;
        market.owner.made(UPDATE, json!({ "brandId": market.brand, "accountId": sam.id, "role": "OWNER" })).await;
        assert_eq!(freeze(&market).await, "OWNER");
        app.settle().await;
        assert_eq!(letters(app, &sam.email, "What you may do for tea has changed").len(), 1);
        assert_eq!(letters(app, &market.owner.email, "What sam may do for tea has changed").len(), 1);
        sam.made(REMOVE, json!({ "brandId": market.brand, "accountId": market.owner.id })).await;
        app.settle().await;
        assert_eq!(letters(app, &market.owner.email, "You work for tea no more").len(), 1);
        let told = letters(app, &sam.email, "tea-owner works for tea no more");
        assert!(told.len() <= 1, "{told:?}");
    }

    async fn a_changed_api_key_is_told_to_the_owners(app) {
        let market = app.market("tea").await;
        let made = market.owner.made(CREATE_KEY, json!({ "brandId": market.brand, "label": "till", "scopes": ["STOCK_WRITE"] })).await;
        market.owner.made(UPDATE_KEY, json!({ "id": made["apiKey"]["id"], "scopes": ["MONEY_READ"] })).await;
        app.settle().await;
        assert_eq!(letters(app, &market.owner.email, "An API key for tea was changed").len(), 1);
    }
}
