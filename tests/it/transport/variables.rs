//! Variables are looked at before anything is executed; and what no database can keep is refused in words.

use serde_json::{Value, json};

use super::{NEW, post, request_error};
use crate::support::{App, on_both};

/// The code of the error with which the request is refused as a whole.
async fn refused(app: &App, token: &str, query: &str, variables: &Value) -> String {
    let body = json!({ "query": query, "variables": variables });
    let request = app.http.post(app.url("/graphql")).header("accept", NEW);
    let response = request.bearer_auth(token).json(&body).send().await.unwrap();
    assert_eq!(response.status(), 400, "{query} {variables}");
    request_error(response).await
}

on_both! {
    async fn nothing_is_executed_when_a_variable_does_not_fit(app) {
        let anna = app.someone("anna").await;
        let token = anna.token().await.unwrap();
        let rename = "one: accountUpdate(input: { name: \"Changed\" }) { userErrors { code } }";
        let replay = "two: webhookMessagesReplay(input: { endpointId: \"x\", since: $a }) { userErrors { code } }";
        let publish = "two: shopPublish(input: { id: $a }) { userErrors { code } }";
        let stock = "two: variantStockSet(input: $a) { userErrors { code } }";
        for (declared, field, given) in [
            ("$a: ID!", publish, json!({})),
            ("$a: ID!", publish, json!({ "a": null })),
            ("$a: ID!", publish, json!({ "a": { "b": 1 } })),
            ("$a: DateTime!", replay, json!({ "a": "yesterday" })),
            ("$a: DateTime!", replay, json!({ "a": "9999-12-31T23:59:59-23:59" })),
            ("$a: VariantStockSetInput!", stock, json!({ "a": {} })),
            ("$a: VariantStockSetInput!", stock, json!({ "a": { "variantId": "v", "onHand": "x", "idempotencyKey": "k" } })),
            ("$a: VariantStockSetInput!", stock, json!({ "a": { "variantId": "v", "onHand": 1, "idempotencyKey": "k", "more": 1 } })),
            ("$a: VariantStockSetInput!", stock, json!({ "a": "x" })),
        ] {
            let query = format!("mutation({declared}) {{ {rename} {field} }}");
            assert_eq!(refused(app, &token, &query, &given).await, "GRAPHQL_VALIDATION_FAILED", "{query} {given}");
        }
        let name = anna.ask("{ viewer { name } }", json!({})).await;
        assert_eq!(name["viewer"]["name"], "anna");
    }

    async fn a_variable_is_of_a_type_of_input_and_has_its_value(app) {
        let anna = app.someone("anna").await;
        let token = anna.token().await.unwrap();
        for (query, given) in [
            ("query($a: Boolean!) { viewer { id @include(if: $a) } }", json!({})),
            ("query($a: Boolean!) { viewer { id @include(if: $a) } }", json!({ "a": "true" })),
            ("query($a: Nope) { viewer { id } }", json!({})),
            ("query($a: Nope) { viewer { id } }", json!({ "a": 1 })),
            ("query($a: Account) { viewer { id } }", json!({})),
            ("query($a: Int) { viewer { passkeys(first: $a) { id } } }", json!({ "a": "x" })),
            ("query($a: Int) { shops(first: $a) { nodes { id } } }", json!({ "a": "x" })),
            ("query($a: Int) { shops(first: $a) { nodes { id } } }", json!({ "a": 1.5 })),
            ("query($a: Int) { shops(first: $a) { nodes { id } } }", json!({ "a": 3_000_000_000_u64 })),
            ("query($a: [ID!]!) { nodes(ids: $a) { id } }", json!({ "a": ["x", null] })),
            ("query($a: ShopSort) { shops(first: 1, orderBy: $a) { nodes { id } } }", json!({ "a": "SIDEWAYS" })),
        ] {
            assert_eq!(refused(app, &token, query, &given).await, "GRAPHQL_VALIDATION_FAILED", "{query} {given}");
        }
        let shops = "query($a: Int = 2, $b: String) { shops(first: $a, after: $b) { nodes { id } } }";
        assert_eq!(anna.ask(shops, json!({})).await["shops"]["nodes"], json!([]));
        let one = anna.ask("query($a: [ID!]!) { nodes(ids: $a) { id } }", json!({ "a": anna.id })).await;
        assert_eq!(one["nodes"][0]["id"], json!(anna.id), "one stands for a list of one");
    }

    async fn what_no_database_keeps_is_refused_in_words(app) {
        let mut market = app.market("tea").await;
        market.owner.come_back().await;
        let set = "mutation($in: VariantStockSetInput!) { variantStockSet(input: $in) { userErrors { code field } } }";
        for key in ["a\0b", "a\nb", "\u{7f}"] {
            let input = json!({ "variantId": market.variant.to_string(), "onHand": 1, "idempotencyKey": key });
            let errors = market.owner.tried(set, input).await["userErrors"].take();
            assert_eq!(errors, json!([{ "code": "INVALID", "field": ["input", "idempotencyKey"] }]), "{key:?}");
        }
        for odd in ["9999-12-31T23:59:59-23:59", "+262142-12-31T23:59:59Z", "0000-01-01T00:00:00Z"] {
            let create = format!("mutation {{ brandApiKeyCreate(input: {{ brandId: \"{}\", label: \"x\", scopes: [MONEY_READ], expiresAt: \"{odd}\" }}) {{ userErrors {{ code }} }} }}", market.brand);
            assert_ne!(market.owner.error(&create, json!({})).await, "INTERNAL", "{odd}");
        }
    }

    async fn one_password_or_token_is_tried_a_request(app) {
        let tried = |field: &str| format!("mutation {{ a: {field} {{ userErrors {{ code }} }} b: {field} {{ userErrors {{ code }} }} }}");
        for field in [
            "accountErase(input: { password: \"x\" })",
            "totpConfirm(input: { code: \"000000\" })",
            "emailVerify(input: { token: \"x\" })",
            "emailChangeConfirm(input: { token: \"x\" })",
            "emailChangeUndo(input: { token: \"x\" })",
            "brandInvitationAccept(input: { token: \"x\" })",
            "shopInvitationAccept(input: { token: \"x\" })",
        ] {
            let body = json!({ "query": tried(field) }).to_string();
            let response = post(app, NEW, "application/json", body).await;
            assert_eq!(request_error(response).await, "TOO_COMPLEX", "{field}");
        }
    }

    async fn an_upload_without_a_token_is_refused_in_our_words(app) {
        for path in ["/uploads/x", "/uploads/x?token=%ff", "/uploads/x?token=a&token=b"] {
            let response = app.http.put(app.url(path)).body("handle\n").send().await.unwrap();
            assert_eq!(response.status(), 404, "{path}");
            assert!(response.text().await.unwrap().contains("no import awaits a file"), "{path}");
        }
    }
}
