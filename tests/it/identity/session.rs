//! Signing in and out.

use chrono::TimeDelta;
use serde_json::json;

use crate::support::{PASSWORD, on_both};

const SIGN_IN: &str = "mutation($in: SessionCreateInput!) { sessionCreate(input: $in) { session { token } userErrors { code field } } }";

on_both! {
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
}
