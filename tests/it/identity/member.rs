//! Who works for a brand.

use serde_json::{Value, json};

use crate::support::{App, Person, on_both};

const REMOVE: &str = "mutation($in: BrandMemberRemoveInput!) { brandMemberRemove(input: $in) { member { account { id } } userErrors { code field } } }";
const FOUND: &str = "mutation($in: BrandCreateInput!) { brandCreate(input: $in) { brand { id } } }";

/// Founds a brand with a second member in this role; returns the brand's id.
async fn brand_with(app: &App, owner: &Person<'_>, member: &Person<'_>, role: &str) -> String {
    let new = json!({ "handle": "potters", "name": "Potters", "country": "DE", "currency": "EUR", "defaultVatRate": 2100 });
    let made = owner.ask(FOUND, json!({ "in": new })).await;
    let brand = made["brandCreate"]["brand"]["id"].as_str().unwrap().to_owned();
    app.employ(owner, &brand, member, role).await;
    brand
}

async fn remove(by: &Person<'_>, brand: &str, whom: &Person<'_>) -> Value {
    let input = json!({ "brandId": brand, "accountId": whom.id });
    by.ask(REMOVE, json!({ "in": input })).await["brandMemberRemove"]["userErrors"].clone()
}

on_both! {
    async fn an_owner_removes_a_member_who_may_do_nothing_from_then_on(app) {
        let (anna, berta, mallory) = (app.someone("anna").await, app.someone("berta").await, app.someone("mallory").await);
        let brand = brand_with(app, &anna, &berta, "MANAGER").await;
        assert_eq!(remove(&berta, &brand, &anna).await, json!([{ "code": "FORBIDDEN", "field": null }]));
        assert_eq!(remove(&mallory, &brand, &berta).await[0]["code"], "FORBIDDEN");
        assert_eq!(remove(&anna, &brand, &mallory).await, json!([{ "code": "NOT_FOUND", "field": ["input", "accountId"] }]));
        assert_eq!(remove(&anna, &brand, &berta).await, json!([]));
        let memberships = berta.ask("{ viewer { memberships { role } } }", json!({})).await;
        assert_eq!(memberships["viewer"]["memberships"], json!([]));
        assert_eq!(remove(&berta, &brand, &berta).await[0]["code"], "FORBIDDEN");
    }

    async fn a_member_may_leave_but_not_the_last_owner(app) {
        let (anna, berta) = (app.someone("anna").await, app.someone("berta").await);
        let brand = brand_with(app, &anna, &berta, "SHIPPER").await;
        assert_eq!(remove(&anna, &brand, &anna).await, json!([{ "code": "WRONG_STATE", "field": ["input", "accountId"] }]));
        assert_eq!(remove(&berta, &brand, &berta).await, json!([]));
    }

    async fn two_owners_who_remove_each_other_at_once_leave_one(app) {
        let (anna, berta) = (app.someone("anna").await, app.someone("berta").await);
        let brand = brand_with(app, &anna, &berta, "OWNER").await;
        let (one, two) = tokio::join!(remove(&anna, &brand, &berta), remove(&berta, &brand, &anna));
        let removed = [&one, &two].iter().filter(|errors| **errors == &json!([])).count();
        assert_eq!(removed, 1, "{one} {two}");
    }
}
