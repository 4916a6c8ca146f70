//! Addresses: proved, changed, and had back.

use chrono::TimeDelta;
use serde_json::{Value, json};

use crate::identity::letters::{letters, token};
use crate::support::staff::INVITE;
use crate::support::{App, FRONTEND, PASSWORD, Person, on_both};

const VERIFY: &str = "mutation($token: String!) { emailVerify(input: { token: $token }) { account { id } userErrors { code field } } }";
const SEND: &str = "mutation { emailVerificationSend { account { id } userErrors { code field } } }";
const CHANGE: &str = "mutation($email: String!) { emailChangeRequest(input: { email: $email }) { email userErrors { code field } } }";
const CONFIRM: &str = "mutation($token: String!) { emailChangeConfirm(input: { token: $token }) { account { id } userErrors { code field } } }";
const UNDO: &str = "mutation($token: String!) { emailChangeUndo(input: { token: $token }) { account { id } userErrors { code field } } }";
const WHO: &str = "{ viewer { email emailVerifiedAt } }";
const INVALID: &str = "TOKEN_INVALID";

/// Sends a mutation that takes a token; the code of its refusal, if it is refused.
async fn bring(app: &App, mutation: &str, token: &str) -> Value {
    let answer = app.nobody().ask(mutation, json!({ "token": token })).await;
    let payload = answer.as_object().unwrap().values().next().unwrap().clone();
    assert_eq!(
        payload["account"].is_null(),
        !payload["userErrors"][0].is_null(),
        "{payload}"
    );
    payload["userErrors"][0]["code"].clone()
}

async fn change(by: &Person<'_>, email: &str) -> Value {
    by.ask(CHANGE, json!({ "email": email })).await["emailChangeRequest"].take()
}

/// The address she is known by now, asked for by who signs in with it anew.
async fn signs_in(app: &App, email: &str) -> bool {
    let sign_in =
        "mutation($in: SessionCreateInput!) { sessionCreate(input: $in) { session { sessionId } } }";
    let input = json!({ "in": { "email": email, "password": PASSWORD } });
    app.nobody().ask(sign_in, input).await["sessionCreate"]["session"].is_object()
}

on_both! {
    async fn a_name_that_holds_an_address_is_not_carried_to_strangers(app) {
        let open = "mutation($in: AccountCreateInput!) { accountCreate(input: $in) { account { id } userErrors { code } } }";
        for (n, name) in ["Claim at https://evil.example", "Visit evil.com now"].into_iter().enumerate() {
            let email = format!("stranger-{n}@example.com");
            app.nobody().made(open, json!({ "email": email, "name": name, "password": PASSWORD })).await;
            app.settle().await;
            let told = letters(app, &email, "Please confirm");
            assert!(told.len() == 1 && told[0].contains("Hello,"), "{told:?}");
            assert!(!told[0].contains("evil"), "{told:?}");
        }
        let anna = app.someone("anna").await;
        let found = "mutation($in: BrandCreateInput!) { brandCreate(input: $in) { brand { id } userErrors { code } } }";
        let brand = json!({ "handle": "evil", "name": "Prizes www.evil.com", "country": "DE", "currency": "EUR", "defaultVatRate": 0 });
        let brand = anna.made(found, brand).await;
        let input = json!({ "brandId": brand["brand"]["id"], "email": "stranger@example.com", "role": "OWNER" });
        anna.made(INVITE, input).await;
        app.settle().await;
        let told = letters(app, "stranger@example.com", "A brand asks you to work with them");
        assert!(told.len() == 1 && !told[0].contains("evil"), "{told:?}");
    }

    async fn an_address_is_proved_by_the_letter_that_opening_an_account_sends(app) {
        let anna = app.newcomer("anna").await;
        assert_eq!(anna.ask(WHO, json!({})).await["viewer"]["emailVerifiedAt"], json!(null));
        app.settle().await;
        let sent = letters(app, &anna.email, "Please confirm your address");
        assert!(sent.len() == 1 && sent[0].contains(&format!("{FRONTEND}/account/verify#ve_")), "{sent:?}");
        assert_eq!(bring(app, VERIFY, &token(&sent[0])).await, json!(null));
        assert_eq!(anna.ask(WHO, json!({})).await["viewer"]["emailVerifiedAt"], "2027-01-11T09:00:00+00:00");
        assert_eq!(bring(app, VERIFY, &token(&sent[0])).await, INVALID, "it is good once");
        assert_eq!(bring(app, VERIFY, "ve_nonsense").await, INVALID);
    }

    async fn the_letter_can_be_asked_for_again_and_voids_the_one_before(app) {
        let anna = app.newcomer("anna").await;
        app.settle().await;
        let first = token(&letters(app, &anna.email, "Please confirm")[0]);
        assert_eq!(anna.ask(SEND, json!({})).await["emailVerificationSend"]["userErrors"], json!([]));
        app.settle().await;
        let second = letters(app, &anna.email, "Please confirm").iter().map(|letter| token(letter)).find(|token| *token != first).unwrap();
        assert_eq!(bring(app, VERIFY, &first).await, INVALID);
        assert_eq!(bring(app, VERIFY, &second).await, json!(null));
        let again = anna.ask(SEND, json!({})).await;
        assert_eq!(again["emailVerificationSend"]["userErrors"], json!([{ "code": "WRONG_STATE", "field": null }]));
        assert_eq!(app.nobody().error(SEND, json!({})).await, "UNAUTHENTICATED");
    }

    async fn the_letter_runs_out_after_three_days_and_is_not_sent_without_end(app) {
        let anna = app.newcomer("anna").await;
        app.settle().await;
        let sent = token(&letters(app, &anna.email, "Please confirm")[0]);
        app.wait(TimeDelta::days(3)).await;
        assert_eq!(bring(app, VERIFY, &sent).await, INVALID);
        let mut codes = Vec::new();
        for _ in 0..6 {
            codes.push(anna.ask(SEND, json!({})).await["emailVerificationSend"]["userErrors"][0]["code"].clone());
        }
        assert_eq!(codes.iter().filter(|code| **code == "TOO_MANY_ATTEMPTS").count(), 1, "{codes:?}");
    }

    async fn a_token_used_twice_at_once_is_good_once(app) {
        let anna = app.newcomer("anna").await;
        app.settle().await;
        let sent = token(&letters(app, &anna.email, "Please confirm")[0]);
        let (one, two) = tokio::join!(bring(app, VERIFY, &sent), bring(app, VERIFY, &sent));
        assert!([&one, &two].iter().filter(|code| code.is_null()).count() == 1, "{one} {two}");
    }

    async fn letter_tokens_are_stored_as_hashes_only(app) {
        use sea_orm::EntityTrait;
        let anna = app.newcomer("anna").await;
        app.settle().await;
        let sent = token(&letters(app, &anna.email, "Please confirm")[0]);
        let kept = format!("{:?}", vitrine_model::identity::email_token::Entity::find().all(app.db()).await.unwrap());
        assert!(kept.contains("token_hash") && !kept.contains(&sent[3..]), "{kept}");
        for job in vitrine_model::job::Entity::find().all(app.db()).await.unwrap() {
            assert!(!job.payload.contains(&sent[3..]));
        }
    }

    async fn an_address_is_changed_once_the_new_one_confirms_and_the_old_one_is_told(app) {
        let anna = app.someone("anna").await;
        assert_eq!(change(&anna, "Anna@new.example.com").await, json!({ "email": "anna@new.example.com", "userErrors": [] }));
        app.settle().await;
        assert_eq!(letters(app, "anna@example.com", "Your address is to be changed").len(), 1);
        let sent = token(&letters(app, "anna@new.example.com", "Please confirm your new address")[0]);
        assert!(signs_in(app, "anna@example.com").await && !signs_in(app, "anna@new.example.com").await, "nothing has changed yet");
        assert_eq!(bring(app, VERIFY, &sent).await, INVALID, "it is for one thing only");
        assert_eq!(bring(app, CONFIRM, &sent).await, json!(null));
        assert!(!signs_in(app, "anna@example.com").await && signs_in(app, "anna@new.example.com").await);
        assert_eq!(bring(app, CONFIRM, &sent).await, INVALID);
        app.settle().await;
        assert_eq!(letters(app, "anna@new.example.com", "Your address was changed").len(), 1);
        assert_eq!(letters(app, "anna@example.com", "Your address was changed").len(), 1);
    }

    async fn the_old_address_takes_a_change_back_signs_everybody_out_and_sets_a_new_password(app) {
        let anna = app.someone("anna").await;
        change(&anna, "mallory@example.com").await;
        app.settle().await;
        bring(app, CONFIRM, &token(&letters(app, "mallory@example.com", "Please confirm")[0])).await;
        app.wait(TimeDelta::days(13)).await;
        let undo = token(&letters(app, "anna@example.com", "Your address was changed")[0]);
        assert_eq!(bring(app, UNDO, &undo).await, json!(null));
        assert!(!signs_in(app, "mallory@example.com").await && signs_in(app, "anna@example.com").await);
        let thief = anna.refresh_token().await;
        let refresh = "mutation($token: String!) { sessionRefresh(input: { refreshToken: $token }) { userErrors { code } } }";
        assert_eq!(app.nobody().ask(refresh, json!({ "token": thief })).await["sessionRefresh"]["userErrors"][0]["code"], INVALID);
        app.settle().await;
        let reset = token(&letters(app, "anna@example.com", "Your address is yours again")[0]);
        let set = "mutation($token: String!) { passwordReset(input: { token: $token, newPassword: \"another horse battery\" }) { userErrors { code } } }";
        assert_eq!(app.nobody().ask(set, json!({ "token": reset })).await["passwordReset"]["userErrors"], json!([]));
        assert!(!signs_in(app, "anna@example.com").await, "the password the thief knew");
    }

    async fn an_address_that_somebody_has_is_refused_when_asked_for_and_when_confirmed(app) {
        let anna = app.someone("anna").await;
        app.someone("berta").await;
        let taken = json!([{ "code": "TAKEN", "field": ["input", "email"] }]);
        assert_eq!(change(&anna, "berta@example.com").await["userErrors"], taken);
        assert_eq!(change(&anna, "nonsense").await["userErrors"], json!([{ "code": "INVALID", "field": ["input", "email"] }]));
        change(&anna, "carla@example.com").await;
        app.settle().await;
        app.someone("carla").await;
        let sent = token(&letters(app, "carla@example.com", "Please confirm your new address")[0]);
        assert_eq!(bring(app, CONFIRM, &sent).await, "TAKEN");
        assert!(signs_in(app, "anna@example.com").await);
    }

    async fn a_shop_is_published_and_a_payout_account_opened_with_a_proved_address_only(app) {
        let anna = app.newcomer("anna").await;
        let open = "mutation { shopOpen(input: { handle: \"annas\", name: \"Anna's\" }) { shop { id } userErrors { code } } }";
        let shop = anna.ask(open, json!({})).await["shopOpen"]["shop"]["id"].take();
        let publish = "mutation($id: ID!) { shopPublish(input: { id: $id }) { shop { id } userErrors { code field } } }";
        let refused = json!([{ "code": "EMAIL_UNVERIFIED", "field": null }]);
        assert_eq!(anna.ask(publish, json!({ "id": shop })).await["shopPublish"]["userErrors"], refused);
        let onboard = "mutation($in: PayoutAccountOnboardingLinkCreateInput!) { payoutAccountOnboardingLinkCreate(input: $in) { userErrors { code field } } }";
        let wish = json!({ "in": { "country": "DE", "returnUrl": FRONTEND, "refreshUrl": FRONTEND } });
        assert_eq!(anna.ask(onboard, wish.clone()).await["payoutAccountOnboardingLinkCreate"]["userErrors"], refused);
        app.settle().await;
        bring(app, VERIFY, &token(&letters(app, &anna.email, "Please confirm")[0])).await;
        assert_eq!(anna.ask(publish, json!({ "id": shop })).await["shopPublish"]["userErrors"], json!([]));
        assert_eq!(anna.ask(onboard, wish).await["payoutAccountOnboardingLinkCreate"]["userErrors"], json!([]));
    }
}
