//! Accounts.

use serde_json::json;

use crate::support::{PASSWORD, on_both};

const CREATE: &str = "mutation($in: AccountCreateInput!) { accountCreate(input: $in) { account { id name } userErrors { code field } } }";

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
}
