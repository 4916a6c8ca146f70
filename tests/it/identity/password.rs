//! Passwords: forgotten, and changed.

use chrono::TimeDelta;
use serde_json::{Value, json};

use crate::identity::letters::{letters, token};
use crate::support::{App, PASSWORD, Person, on_both};

const REQUEST: &str = "mutation($email: String!) { passwordResetRequest(input: { email: $email }) { email userErrors { code field } } }";
const RESET: &str = "mutation($token: String!, $new: String!) { passwordReset(input: { token: $token, newPassword: $new }) { account { id } userErrors { code field } } }";
const CHANGE: &str = "mutation($old: String!, $new: String!) { passwordChange(input: { currentPassword: $old, newPassword: $new }) { account { id } userErrors { code field } } }";
const OTHER: &str = "another horse battery";

async fn request(app: &App, email: &str) -> Value {
    app.nobody().ask(REQUEST, json!({ "email": email })).await["passwordResetRequest"].take()
}

async fn reset(app: &App, token: &str, new: &str) -> Value {
    app.nobody()
        .ask(RESET, json!({ "token": token, "new": new }))
        .await["passwordReset"]["userErrors"]
        .take()
}

async fn change(by: &Person<'_>, old: &str, new: &str) -> Value {
    by.ask(CHANGE, json!({ "old": old, "new": new })).await["passwordChange"]["userErrors"].take()
}

async fn signs_in(app: &App, email: &str, password: &str) -> Value {
    let sign_in = "mutation($in: SessionCreateInput!) { sessionCreate(input: $in) { session { sessionId } userErrors { code } } }";
    let input = json!({ "in": { "email": email, "password": password } });
    app.nobody().ask(sign_in, input).await["sessionCreate"]["userErrors"][0]["code"].clone()
}

on_both! {
    async fn a_forgotten_password_is_set_anew_by_letter_and_everybody_is_signed_out(app) {
        let anna = app.someone("anna").await;
        let token_before = anna.refresh_token().await;
        assert_eq!(request(app, "ANNA@example.com").await, json!({ "email": "anna@example.com", "userErrors": [] }));
        app.settle().await;
        let sent = token(&letters(app, &anna.email, "Set a new password")[0]);
        assert_eq!(reset(app, &sent, "short").await, json!([{ "code": "INVALID", "field": ["input", "newPassword"] }]));
        assert_eq!(reset(app, &sent, OTHER).await, json!([]));
        assert_eq!(signs_in(app, &anna.email, PASSWORD).await, "WRONG_CREDENTIALS");
        assert_eq!(signs_in(app, &anna.email, OTHER).await, json!(null));
        let refresh = "mutation($token: String!) { sessionRefresh(input: { refreshToken: $token }) { userErrors { code } } }";
        assert_eq!(app.nobody().ask(refresh, json!({ "token": token_before })).await["sessionRefresh"]["userErrors"][0]["code"], "TOKEN_INVALID");
        let invalid = json!([{ "code": "TOKEN_INVALID", "field": ["input", "token"] }]);
        assert_eq!(reset(app, &sent, PASSWORD).await, invalid, "it is good once");
        app.settle().await;
        assert_eq!(letters(app, &anna.email, "Your password was changed").len(), 1);
    }

    async fn an_unknown_address_is_answered_alike_and_costs_the_same(app) {
        app.someone("anna").await;
        let (known, of_known) = app.counting(request(app, "anna@example.com")).await;
        let (unknown, of_unknown) = app.counting(request(app, "nobody@example.com")).await;
        assert_eq!(known, json!({ "email": "anna@example.com", "userErrors": [] }));
        assert_eq!(unknown, json!({ "email": "nobody@example.com", "userErrors": [] }));
        assert_eq!(of_known, of_unknown, "statements");
        app.settle().await;
        assert_eq!(letters(app, "nobody@example.com", "").len(), 0);
        assert_eq!(app.mails().len(), 1);
    }

    async fn a_reset_is_asked_for_a_few_times_an_hour_for_any_address(app) {
        app.someone("anna").await;
        for email in ["anna@example.com", "nobody@example.com"] {
            let mut refused = 0;
            for _ in 0..6 {
                refused += usize::from(request(app, email).await["userErrors"][0]["code"] == "TOO_MANY_ATTEMPTS");
            }
            assert_eq!(refused, 1, "{email}");
        }
        app.wait(TimeDelta::hours(1)).await;
        assert_eq!(request(app, "anna@example.com").await["userErrors"], json!([]));
    }

    async fn a_reset_runs_out_after_an_hour_and_a_later_letter_voids_it(app) {
        let anna = app.someone("anna").await;
        request(app, &anna.email).await;
        app.settle().await;
        let first = token(&letters(app, &anna.email, "Set a new password")[0]);
        request(app, &anna.email).await;
        app.settle().await;
        let second = letters(app, &anna.email, "Set a new password").iter().map(|letter| token(letter)).find(|token| *token != first).unwrap();
        let invalid = json!([{ "code": "TOKEN_INVALID", "field": ["input", "token"] }]);
        assert_eq!(reset(app, &first, OTHER).await, invalid);
        app.wait(TimeDelta::hours(1)).await;
        assert_eq!(reset(app, &second, OTHER).await, invalid);
        assert_eq!(reset(app, "ve_nonsense", OTHER).await, invalid);
    }

    async fn a_reset_used_twice_at_once_sets_one_password(app) {
        let anna = app.someone("anna").await;
        request(app, &anna.email).await;
        app.settle().await;
        let sent = token(&letters(app, &anna.email, "Set a new password")[0]);
        let (one, two) = tokio::join!(reset(app, &sent, OTHER), reset(app, &sent, "a third horse battery"));
        assert_eq!([&one, &two].iter().filter(|errors| ***errors == json!([])).count(), 1, "{one} {two}");
        let set = if one == json!([]) { OTHER } else { "a third horse battery" };
        assert_eq!(signs_in(app, &anna.email, set).await, json!(null));
    }

    async fn a_reset_opens_an_account_that_tries_have_locked(app) {
        let anna = app.someone("anna").await;
        for _ in 0..11 {
            signs_in(app, &anna.email, "wrong password").await;
        }
        assert_eq!(signs_in(app, &anna.email, PASSWORD).await, "TOO_MANY_ATTEMPTS");
        request(app, &anna.email).await;
        app.settle().await;
        reset(app, &token(&letters(app, &anna.email, "Set a new password")[0]), OTHER).await;
        assert_eq!(signs_in(app, &anna.email, OTHER).await, json!(null));
    }

    async fn a_password_is_changed_by_who_knows_it_and_the_other_sessions_end(app) {
        let anna = app.someone("anna").await;
        let elsewhere = app.returning(&anna.email).await;
        let wrong = json!([{ "code": "WRONG_CREDENTIALS", "field": null }]);
        assert_eq!(change(&anna, "wrong password", OTHER).await, wrong);
        assert_eq!(change(&anna, PASSWORD, "short").await, json!([{ "code": "INVALID", "field": ["input", "newPassword"] }]));
        assert_eq!(change(&anna, PASSWORD, OTHER).await, json!([]));
        assert_eq!(anna.ask("{ viewer { id } }", json!({})).await["viewer"]["id"], anna.id.as_str());
        assert_eq!(elsewhere.error("{ viewer { id } }", json!({})).await, "UNAUTHENTICATED");
        assert_eq!(signs_in(app, &anna.email, OTHER).await, json!(null));
        app.settle().await;
        assert_eq!(letters(app, &anna.email, "Your password was changed").len(), 1);
        assert_eq!(app.nobody().error(CHANGE, json!({ "old": OTHER, "new": PASSWORD })).await, "UNAUTHENTICATED");
    }

    async fn s10_a_stolen_session_does_not_guess_the_password(app) {
        let anna = app.someone("anna").await;
        let mut codes = Vec::new();
        for _ in 0..11 {
            codes.push(change(&anna, "wrong password", OTHER).await[0]["code"].clone());
        }
        assert_eq!(codes.iter().filter(|code| **code == "WRONG_CREDENTIALS").count(), 10);
        assert_eq!(codes[10], "TOO_MANY_ATTEMPTS");
    }
}
