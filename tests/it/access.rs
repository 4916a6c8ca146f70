//! Who may read what, as a stranger finds it: what is refused is `null` with an error, and everything beside it is there.

mod contract;
mod generated;
mod mutations;
mod planted;
mod story;
mod walk;
mod world;

use serde_json::{Value, json};

use crate::fulfillment::hire;
use crate::operator::{HOLD, hold};
use crate::support::on_both;

/// The codes of the answer's errors, by the path of the field each is about.
fn refusals(answer: &Value) -> Vec<(String, String)> {
    let errors = answer["errors"].as_array().expect("errors");
    let path = |error: &Value| {
        let steps = error["path"].as_array().expect("a path").iter();
        let steps: Vec<String> = steps
            .map(|step| step.as_str().map_or_else(|| step.to_string(), str::to_owned))
            .collect();
        steps.join(".")
    };
    let code = |error: &Value| error["extensions"]["code"].as_str().expect("a code").to_owned();
    let mut found: Vec<_> = errors.iter().map(|error| (path(error), code(error))).collect();
    found.sort();
    found
}

on_both! {
    async fn s07_what_a_stranger_may_not_read_is_null_and_everything_beside_it_is_there(app) {
        let market = app.market("tea").await;
        let query = "query($shop: String!, $brand: ID!) {
            shop(handle: $shop) { name updatedAt sales { nodes { id } } referralLinks { nodes { id } }
                owner { name email earnings { currency } }
                recommendations { nodes { discountShare split { price { amount } commission { amount } } } } }
            brand(id: $brand) { name feeBearer terms { commissionRate } balance { currency } members { role } orders { nodes { number } } }
            viewer { id } }";
        let answer = app.nobody().send(query, json!({ "shop": "tea-shop", "brand": market.brand })).await;
        assert_eq!(
            answer["data"],
            json!({
                "shop": {
                    "name": "tea shop", "updatedAt": null, "sales": null, "referralLinks": null,
                    "owner": { "name": "tea-shopholder", "email": null, "earnings": null },
                    "recommendations": { "nodes": [{
                        "discountShare": null,
                        "split": { "price": { "amount": "94.60" }, "commission": null },
                    }] },
                },
                "brand": {
                    "name": "tea", "feeBearer": null, "terms": null, "balance": null, "members": null, "orders": null,
                },
                "viewer": null,
            })
        );
        let refused = refusals(&answer);
        let expected = [
            "brand.balance", "brand.feeBearer", "brand.members", "brand.orders", "brand.terms",
            "shop.owner.earnings", "shop.owner.email", "shop.recommendations.nodes.0.discountShare",
            "shop.recommendations.nodes.0.split.commission", "shop.referralLinks", "shop.sales", "shop.updatedAt",
        ];
        let expected: Vec<_> = expected.map(|path| (path.to_owned(), "UNAUTHENTICATED".to_owned())).to_vec();
        assert_eq!(refused, expected);

        let bob = app.someone("bob").await;
        let answer = bob.send(query, json!({ "shop": "tea-shop", "brand": market.brand })).await;
        assert_eq!(answer["data"]["viewer"]["id"], json!(bob.id));
        assert_eq!(answer["data"]["brand"]["terms"]["commissionRate"], 1500, "anyone signed in may read it");
        assert!(refusals(&answer).iter().all(|(_, code)| code == "FORBIDDEN"), "{answer:#}");
    }

    async fn who_ships_for_a_brand_reads_neither_its_money_nor_its_members(app) {
        let market = app.market("tea").await;
        let operator = app.operator().await;
        operator.made(HOLD, hold(&market.brand, "stop")).await;
        let query = "query($id: ID!) { brand(id: $id) { feeBearer members { role } balance { currency } payoutHold { reason }
            statement { nodes { id } } payoutAccount { id } payouts { nodes { id } } orders { nodes { number } } } }";
        for (name, role) in [("sam", "SHIPPER"), ("mona", "MANAGER")] {
            let seen = hire(app, &market, name, role).await.send(query, json!({ "id": market.brand })).await;
            let refused: Vec<_> = refusals(&seen).into_iter().map(|(path, _)| path).collect();
            let money = ["balance", "members", "payoutAccount", "payoutHold", "payouts", "statement"];
            assert_eq!(refused, money.map(|field| format!("brand.{field}")), "{role}");
            assert_eq!(seen["data"]["brand"]["orders"], json!({ "nodes": [] }));
        }
        let seen = market.owner.ask(query, json!({ "id": market.brand })).await;
        assert_eq!(seen["brand"]["payoutHold"]["reason"], "we look into a complaint");
    }

    async fn a_mutation_refused_leaves_the_others_of_its_request_their_answers(app) {
        let answer = app
            .nobody()
            .send(
                "mutation { opened: accountCreate(input: { email: \"eve@example.com\", name: \"Eve\", password: \"correct horse battery\" }) {
                    account { name email } }
                  refused: shopPublish(input: { id: \"shop_00000000000000000000000000\" }) { shop { id } } }",
                json!({}),
            )
            .await;
        assert_eq!(
            answer["data"],
            json!({ "opened": { "account": { "name": "Eve", "email": null } }, "refused": null })
        );
        let codes: Vec<_> = refusals(&answer).into_iter().map(|(path, _)| path).collect();
        assert_eq!(codes, ["opened.account.email", "refused"]);
    }
}
