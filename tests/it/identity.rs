//! Accounts and sessions.

use chrono::TimeDelta;
use serde_json::{Value, json};

use crate::support::{PASSWORD, Person, on_both};

const CREATE: &str = "mutation($in: AccountCreateInput!) { accountCreate(input: $in) { account { id name } userErrors { code field } } }";
const SIGN_IN: &str = "mutation($in: SessionCreateInput!) { sessionCreate(input: $in) { session { token } userErrors { code field } } }";

on_both! {
    async fn someone_opens_an_account_and_is_known_when_she_signs_in(app) {
        let anna = app.someone("anna").await;
        let viewer = anna.ask("{ viewer { id name email isOperator } }", json!({})).await;
        assert_eq!(
            viewer["viewer"],
            json!({ "id": anna.id, "name": "anna", "email": "anna@example.com", "isOperator": false })
        );
        assert_eq!(app.nobody().ask("{ viewer { id } }", json!({})).await["viewer"], json!(null));
    }

    async fn an_address_opens_one_account_whatever_its_letters_case(app) {
        app.someone("anna").await;
        let again = json!({ "in": { "email": "ANNA@example.com", "name": "Anna", "password": PASSWORD } });
        let answer = app.nobody().ask(CREATE, again).await;
        assert_eq!(answer["accountCreate"]["userErrors"], json!([{ "code": "TAKEN", "field": ["input", "email"] }]));
    }

    async fn what_is_malformed_is_refused_field_by_field(app) {
        for (field, value) in [("email", "anna"), ("name", " "), ("password", "short")] {
            let mut new = json!({ "email": "a@example.com", "name": "Anna", "password": PASSWORD });
            new[field] = json!(value);
            let answer = app.nobody().ask(CREATE, json!({ "in": new })).await;
            assert_eq!(answer["accountCreate"]["userErrors"], json!([{ "code": "INVALID", "field": ["input", field] }]));
        }
    }

    async fn a_wrong_password_and_an_unknown_address_are_told_alike(app) {
        app.someone("anna").await;
        let long = "x".repeat(1000);
        for (email, password) in [
            ("anna@example.com", "wrong horse battery"), ("nobody@example.com", PASSWORD), ("anna@example.com", "short"),
            ("nobody@example.com", ""), ("anna@example.com", &long),
        ] {
            let answer = app.nobody().ask(SIGN_IN, json!({ "in": { "email": email, "password": password } })).await;
            assert_eq!(answer["sessionCreate"]["userErrors"], json!([{ "code": "WRONG_CREDENTIALS", "field": null }]));
        }
    }

    async fn a_revoked_session_opens_nothing_any_more(app) {
        let anna = app.someone("anna").await;
        let sessions = anna.ask("{ viewer { sessions { id isCurrent } } }", json!({})).await;
        let id = &sessions["viewer"]["sessions"][0]["id"];
        let revoke = "mutation($id: ID!) { sessionRevoke(input: { id: $id }) { session { id } userErrors { code } } }";
        assert_eq!(anna.ask(revoke, json!({ "id": id })).await["sessionRevoke"]["session"]["id"], *id);
        assert_eq!(anna.error("{ viewer { id } }", json!({})).await, "UNAUTHENTICATED");
    }

    async fn a_session_expires_by_itself(app) {
        let anna = app.someone("anna").await;
        app.wait(TimeDelta::days(31)).await;
        assert_eq!(anna.error("{ viewer { id } }", json!({})).await, "UNAUTHENTICATED");
    }

    async fn anothers_session_is_not_found(app) {
        let anna = app.someone("anna").await;
        let mallory = app.someone("mallory").await;
        let sessions = anna.ask("{ viewer { sessions { id } } }", json!({})).await;
        let revoke = "mutation($id: ID!) { sessionRevoke(input: { id: $id }) { userErrors { code } } }";
        let answer = mallory.ask(revoke, json!({ "id": sessions["viewer"]["sessions"][0]["id"] })).await;
        assert_eq!(answer["sessionRevoke"]["userErrors"][0]["code"], "NOT_FOUND");
        anna.ask("{ viewer { id } }", json!({})).await;
    }

    async fn an_accounts_private_fields_are_hers_alone(app) {
        let anna = app.someone("anna").await;
        let mallory = app.someone("mallory").await;
        let node = "query($id: ID!) { node(id: $id) { ... on Account { name } } }";
        assert_eq!(mallory.ask(node, json!({ "id": anna.id })).await["node"]["name"], "anna");
        let private = "query($id: ID!) { node(id: $id) { ... on Account { email } } }";
        assert_eq!(mallory.error(private, json!({ "id": anna.id })).await, "FORBIDDEN");
        assert_eq!(app.nobody().error(private, json!({ "id": anna.id })).await, "UNAUTHENTICATED");
        assert_eq!(mallory.error(node, json!({ "id": "acct_1" })).await, "BAD_USER_INPUT");
    }

    async fn two_who_want_the_same_address_at_once_get_one_account(app) {
        let new = json!({ "in": { "email": "anna@example.com", "name": "Anna", "password": PASSWORD } });
        let (one, two) = (app.nobody(), app.nobody());
        let (one, two) = tokio::join!(one.ask(CREATE, new.clone()), two.ask(CREATE, new));
        let made = [one, two].iter().filter(|answer| answer["accountCreate"]["account"]["id"].is_string()).count();
        assert_eq!(made, 1);
    }
}

const ADD: &str =
    "mutation($in: BrandMemberAddInput!) { brandMemberAdd(input: $in) { userErrors { code } } }";
const REMOVE: &str = "mutation($in: BrandMemberRemoveInput!) { brandMemberRemove(input: $in) { member { account { id } } userErrors { code field } } }";
const FOUND: &str = "mutation($in: BrandCreateInput!) { brandCreate(input: $in) { brand { id } } }";

/// Founds a brand with a second member in this role; returns the brand's id.
async fn brand_with(owner: &Person<'_>, member: &Person<'_>, role: &str) -> String {
    let new = json!({ "handle": "potters", "name": "Potters", "country": "DE", "currency": "EUR", "defaultVatRate": 2100 });
    let made = owner.ask(FOUND, json!({ "in": new })).await;
    let brand = made["brandCreate"]["brand"]["id"].as_str().unwrap().to_owned();
    let add = json!({ "brandId": brand, "email": member.email, "role": role });
    let added = owner.ask(ADD, json!({ "in": add })).await;
    assert_eq!(added["brandMemberAdd"]["userErrors"], json!([]));
    brand
}

async fn remove(by: &Person<'_>, brand: &str, whom: &Person<'_>) -> Value {
    let input = json!({ "brandId": brand, "accountId": whom.id });
    by.ask(REMOVE, json!({ "in": input })).await["brandMemberRemove"]["userErrors"].clone()
}

on_both! {
    async fn someone_changes_what_others_see_of_her(app) {
        let anna = app.someone("anna").await;
        let update = "mutation($name: String!) { accountUpdate(input: { name: $name }) { account { id name } userErrors { code field } } }";
        let renamed = anna.ask(update, json!({ "name": "Anna A." })).await;
        assert_eq!(renamed["accountUpdate"]["account"], json!({ "id": anna.id, "name": "Anna A." }));
        assert_eq!(anna.ask("{ viewer { name } }", json!({})).await["viewer"]["name"], "Anna A.");
        let blank = anna.ask(update, json!({ "name": " " })).await;
        assert_eq!(blank["accountUpdate"]["userErrors"], json!([{ "code": "INVALID", "field": ["input", "name"] }]));
        assert_eq!(app.nobody().error(update, json!({ "name": "Nobody" })).await, "UNAUTHENTICATED");
    }

    async fn an_owner_removes_a_member_who_may_do_nothing_from_then_on(app) {
        let (anna, berta, mallory) = (app.someone("anna").await, app.someone("berta").await, app.someone("mallory").await);
        let brand = brand_with(&anna, &berta, "MANAGER").await;
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
        let brand = brand_with(&anna, &berta, "SHIPPER").await;
        assert_eq!(remove(&anna, &brand, &anna).await, json!([{ "code": "WRONG_STATE", "field": ["input", "accountId"] }]));
        assert_eq!(remove(&berta, &brand, &berta).await, json!([]));
    }

    async fn two_owners_who_remove_each_other_at_once_leave_one(app) {
        let (anna, berta) = (app.someone("anna").await, app.someone("berta").await);
        let brand = brand_with(&anna, &berta, "OWNER").await;
        let (one, two) = tokio::join!(remove(&anna, &brand, &berta), remove(&berta, &brand, &anna));
        let removed = [&one, &two].iter().filter(|errors| **errors == &json!([])).count();
        assert_eq!(removed, 1, "{one} {two}");
    }
}
