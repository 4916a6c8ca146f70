//! Signing in at an identity provider, and what its word is worth here.

use chrono::TimeDelta;
use sea_orm::{EntityTrait, PaginatorTrait};
use serde_json::{Value, json};
use vitrine_model::identity::{external_ask, external_identity};

use crate::identity::factor::enrol;
use crate::identity::letters::letters;
use crate::support::issuer::Issuer;
use crate::support::market::text;
use crate::support::{App, FRONTEND, PASSWORD, on_both};

const START: &str = "mutation($in: SessionExternalStartInput!) { sessionExternalStart(input: $in) { start { authorizationUrl key } userErrors { code field } } }";
const FINISH: &str = "mutation($in: SessionExternalFinishInput!) { sessionExternalFinish(input: $in) { session { accessToken accountId } challenge { token } userErrors { code message } } }";
const LINK: &str = "mutation($in: ExternalIdentityLinkInput!) { externalIdentityLink(input: $in) { externalIdentity { id provider email } userErrors { code } } }";
const UNLINK: &str = "mutation($in: ExternalIdentityUnlinkInput!) { externalIdentityUnlink(input: $in) { externalIdentity { id } userErrors { code } } }";
const HERS: &str = "{ viewer { id emailVerifiedAt hasPassword payoutFreeze { cause } externalIdentities { id provider email } } }";

/// An app where people can also sign in at this provider.
async fn with(app: &App, name: &str, issuer: &Issuer) -> App {
    let setting = issuer.setting();
    app.another_with(name, move |config| config.oidc_issuers = Some(setting.into()))
        .await
}

/// What a browser that signs in there brings back.
async fn back(app: &App, issuer: &Issuer, claims: Value) -> Value {
    let input = json!({ "provider": "test", "redirectUri": format!("{FRONTEND}/back") });
    let begun = app.nobody().made(START, input).await["start"].take();
    let (code, state) = issuer.signed_in(&text(&begun["authorizationUrl"]), claims);
    json!({ "state": state, "code": code, "key": begun["key"] })
}

async fn enters(app: &App, issuer: &Issuer, claims: Value) -> Value {
    let back = back(app, issuer, claims).await;
    app.nobody().tried(FINISH, back).await
}

fn claims(sub: &str, email: &str, verified: bool) -> Value {
    json!({ "sub": sub, "email": email, "email_verified": verified, "name": "Nora" })
}

fn code(payload: &Value) -> &str {
    payload["userErrors"][0]["code"].as_str().unwrap_or("none")
}

on_both! {
    async fn a_new_person_is_known_by_her_identity_from_then_on_whatever_her_address_becomes(app) {
        let issuer = Issuer::start().await;
        let app = with(app, "external-new", &issuer).await;
        let first = enters(&app, &issuer, claims("1", "nora@example.com", true)).await;
        let account = first["session"]["accountId"].clone();
        let again = enters(&app, &issuer, claims("1", "elsewhere@example.com", false)).await;
        assert_eq!(again["session"]["accountId"], account);
        let other = enters(&app, &issuer, claims("2", "other@example.com", true)).await;
        assert_ne!(other["session"]["accountId"], account);
        assert_eq!(code(&enters(&app, &issuer, claims("3", "nora@example.com", false)).await), "EMAIL_UNVERIFIED");
        app.settle().await;
        assert!(letters(&app, "nora@example.com", "Please confirm").is_empty(), "the provider has proved it");
        app.end().await;
    }

    async fn an_account_is_entered_by_its_address_only_if_that_was_proved_and_nothing_more_is_asked_for(app) {
        let issuer = Issuer::start().await;
        let app = with(app, "external-old", &issuer).await;
        let (anna, eve) = (app.someone("anna").await, app.newcomer("eve").await);
        let entered = enters(&app, &issuer, claims("anna", &anna.email, true)).await;
        assert_eq!(entered["session"]["accountId"], json!(anna.id));
        let hers = anna.ask(HERS, json!({})).await["viewer"].take();
        assert_eq!(hers["payoutFreeze"]["cause"], "EXTERNAL_IDENTITY");
        assert_eq!(hers["externalIdentities"][0]["provider"], "test");
        app.settle().await;
        assert_eq!(letters(&app, &anna.email, "Another way to sign in").len(), 1);
        assert_eq!(code(&enters(&app, &issuer, claims("eve", &eve.email, true)).await), "LINK_REQUIRED");
        let operator = app.operator().await;
        assert_eq!(code(&enters(&app, &issuer, claims("op", &operator.email, true)).await), "LINK_REQUIRED");
        app.end().await;
    }

    async fn an_identity_is_linked_by_who_is_signed_in_once_and_for_one_account(app) {
        let issuer = Issuer::start().await;
        let app = with(app, "external-link", &issuer).await;
        let (anna, bob) = (app.someone("anna").await, app.someone("bob").await);
        let linked = anna.made(LINK, back(&app, &issuer, claims("1", "x@example.org", false)).await).await;
        assert_eq!(linked["externalIdentity"]["email"], "x@example.org");
        for (person, sub) in [(&bob, "1"), (&anna, "1"), (&anna, "2")] {
            assert_eq!(person.refused(LINK, back(&app, &issuer, claims(sub, "x@example.org", true)).await).await, "TAKEN");
        }
        let entered = enters(&app, &issuer, claims("1", "x@example.org", true)).await;
        assert_eq!(entered["session"]["accountId"], json!(anna.id));
        let id = json!({ "id": linked["externalIdentity"]["id"] });
        assert_eq!(bob.refused(UNLINK, id.clone()).await, "NOT_FOUND");
        app.clock.advance(TimeDelta::minutes(11));
        assert_eq!(anna.refused(UNLINK, id.clone()).await, "STEP_UP_REQUIRED");
        anna.step_up().await;
        anna.made(UNLINK, id).await;
        assert_eq!(external_identity::Entity::find().count(app.db()).await.unwrap(), 0);
        app.end().await;
    }

    async fn an_answer_that_names_another_provider_is_not_taken_for_this_ones(app) {
        let issuer = Issuer::start().await;
        let app = with(app, "external-issuer", &issuer).await;
        let mut mixed = back(&app, &issuer, claims("1", "nora@example.com", true)).await;
        mixed["iss"] = json!("https://evil.example.com");
        assert_eq!(app.nobody().refused(FINISH, mixed).await, "IDENTITY_PROVIDER_FAILED");
        let mut named = back(&app, &issuer, claims("1", "nora@example.com", true)).await;
        named["iss"] = json!(issuer.url);
        assert_eq!(code(&app.nobody().tried(FINISH, named).await), "none");
        app.end().await;
    }

    async fn what_was_answered_is_good_once_for_its_key_and_for_ten_minutes(app) {
        let issuer = Issuer::start().await;
        let app = with(app, "external-once", &issuer).await;
        let mut stolen = back(&app, &issuer, claims("1", "nora@example.com", true)).await;
        let hers = std::mem::replace(&mut stolen["key"], json!("vx_guessed"));
        assert_eq!(app.nobody().refused(FINISH, stolen.clone()).await, "TOKEN_INVALID");
        stolen["key"] = hers;
        let (one, two) = (app.nobody(), app.nobody());
        let (one, two) = tokio::join!(one.tried(FINISH, stolen.clone()), two.tried(FINISH, stolen));
        let mut codes = [code(&one), code(&two)];
        codes.sort_unstable();
        assert_eq!(codes, ["TOKEN_INVALID", "none"], "{one} {two}");
        let late = back(&app, &issuer, claims("1", "nora@example.com", true)).await;
        app.wait(TimeDelta::days(2)).await;
        assert_eq!(app.nobody().refused(FINISH, late).await, "TOKEN_INVALID");
        assert_eq!(external_ask::Entity::find().count(app.db()).await.unwrap(), 0, "it is swept");
        app.end().await;
    }

    async fn an_id_token_that_is_not_ours_or_not_signed_signs_nobody_in(app) {
        let issuer = Issuer::start().await;
        let app = with(app, "external-false", &issuer).await;
        for (name, value) in [
            ("nonce", json!("another")),
            ("aud", json!("another")),
            ("iss", json!("https://another.example.com")),
            ("exp", json!(1_799_658_000)),
            ("unsigned", json!(true)),
            ("sub", json!("")),
        ] {
            let mut told = claims("1", "nora@example.com", true);
            told[name] = value;
            assert_eq!(code(&enters(&app, &issuer, told).await), "IDENTITY_PROVIDER_FAILED", "{name}");
        }
        assert_eq!(external_identity::Entity::find().count(app.db()).await.unwrap(), 0);
        app.end().await;
    }

    async fn who_has_no_password_sets_one_by_letter_before_she_takes_her_identity_away_and_is_erased_with_it(app) {
        let issuer = Issuer::start().await;
        let app = with(app, "external-only", &issuer).await;
        let entered = enters(&app, &issuer, claims("1", "nora@example.com", true)).await;
        let nora = app.bearing(&text(&entered["session"]["accessToken"]), "nora@example.com");
        let hers = nora.ask(HERS, json!({})).await["viewer"].take();
        assert_eq!(hers["hasPassword"], false);
        let id = json!({ "id": hers["externalIdentities"][0]["id"] });
        assert_eq!(nora.refused(UNLINK, id.clone()).await, "WRONG_STATE");
        let reset = "mutation { passwordResetRequest(input: { email: \"nora@example.com\" }) { userErrors { code } } }";
        app.nobody().ask(reset, json!({})).await;
        app.settle().await;
        let token = crate::identity::letters::token(&letters(&app, "nora@example.com", "Set a new password")[0]);
        let set = "mutation($in: PasswordResetInput!) { passwordReset(input: $in) { userErrors { code } } }";
        app.nobody().made(set, json!({ "token": token, "newPassword": PASSWORD })).await;
        let nora = app.returning("nora@example.com").await;
        nora.made(UNLINK, id).await;
        nora.made(LINK, back(&app, &issuer, claims("1", "nora@example.com", true)).await).await;
        let erase = "mutation($in: AccountEraseInput!) { accountErase(input: $in) { erasedId userErrors { code } } }";
        nora.made(erase, json!({ "password": PASSWORD })).await;
        assert_eq!(external_identity::Entity::find().count(app.db()).await.unwrap(), 0);
        app.end().await;
    }

    async fn who_has_a_second_factor_is_asked_for_it_at_a_provider_too(app) {
        let issuer = Issuer::start().await;
        let app = with(app, "external-factor", &issuer).await;
        let (anna, bob) = (app.someone("anna").await, app.someone("bob").await);
        anna.made(LINK, back(&app, &issuer, claims("anna", &anna.email, true)).await).await;
        for person in [&anna, &bob] {
            enrol(&app, person).await;
        }
        let entered = enters(&app, &issuer, claims("anna", &anna.email, true)).await;
        assert_eq!((&entered["session"], code(&entered)), (&json!(null), "none"));
        assert!(text(&entered["challenge"]["token"]).starts_with("vc_"));
        assert_eq!(code(&enters(&app, &issuer, claims("bob", &bob.email, true)).await), "LINK_REQUIRED", "a mailbox alone adds no way in");
        app.end().await;
    }

    async fn the_browser_is_sent_to_no_page_that_the_operator_does_not_know_and_to_no_unknown_provider(app) {
        let elsewhere = json!({ "provider": "test", "redirectUri": "https://evil.example.org/back" });
        assert_eq!(app.nobody().refused(START, elsewhere).await, "RETURN_URL_NOT_ALLOWED");
        let unknown = json!({ "provider": "test", "redirectUri": format!("{FRONTEND}/back") });
        assert_eq!(app.nobody().refused(START, unknown).await, "NOT_FOUND");
    }
}
