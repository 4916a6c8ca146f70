//! Second factors, and what asks for a proof given a moment ago.

use chrono::TimeDelta;
use sea_orm::EntityTrait;
use serde_json::{Value, json};
use totp_rs::{Algorithm, Secret, TOTP};
use vitrine_domain::ports::Clock as _;

use crate::identity::letters::letters;
use crate::support::{App, FRONTEND, PASSWORD, Person, on_both};

const ENROL: &str = "mutation { totpEnrol { enrolment { secret url } userErrors { code } } }";
const CONFIRM: &str = "mutation($code: String!) { totpConfirm(input: { code: $code }) { recoveryCodes { codes } userErrors { code field } } }";
const REMOVE: &str = "mutation { totpRemove { account { id } userErrors { code } } }";
const RENEW: &str = "mutation { recoveryCodesRenew { recoveryCodes { codes } userErrors { code } } }";
const STEP_UP: &str = "mutation($password: String, $code: String) { sessionStepUp(input: { password: $password, code: $code }) { session { provedUntil } userErrors { code field } } }";
const SIGN_IN: &str = "mutation($in: SessionCreateInput!) { sessionCreate(input: $in) { session { accessToken } challenge { token expiresAt } userErrors { code } } }";
const ANSWER: &str = "mutation($in: SessionChallengeAnswerInput!) { sessionChallengeAnswer(input: $in) { session { accessToken } userErrors { code field } } }";

/// An authenticator app, set up.
pub(super) struct Authenticator<'a> {
    app: &'a App,
    totp: TOTP,
}

impl Authenticator<'_> {
    /// What it shows now.
    fn code(&self) -> String {
        let now = self.app.clock.now().timestamp();
        self.totp.generate(u64::try_from(now).unwrap())
    }
}

/// Sets up an app as her second factor; it, and the recovery codes.
pub(super) async fn enrol<'a>(app: &'a App, person: &Person<'_>) -> (Authenticator<'a>, Vec<String>) {
    let made = person.ask(ENROL, json!({})).await["totpEnrol"].take();
    let secret = made["enrolment"]["secret"]
        .as_str()
        .unwrap_or_else(|| panic!("{made}"))
        .to_owned();
    assert!(
        made["enrolment"]["url"]
            .as_str()
            .unwrap()
            .contains(&format!("secret={secret}")),
        "{made}"
    );
    let secret = Secret::Encoded(secret).to_bytes().unwrap();
    let totp = TOTP::new(Algorithm::SHA1, 6, 0, 30, secret).unwrap();
    let authenticator = Authenticator { app, totp };
    let confirmed = person.ask(CONFIRM, json!({ "code": authenticator.code() })).await["totpConfirm"].take();
    let codes = confirmed["recoveryCodes"]["codes"]
        .as_array()
        .unwrap_or_else(|| panic!("{confirmed}"));
    let codes = codes
        .iter()
        .map(|code| code.as_str().unwrap().to_owned())
        .collect();
    // No code is good twice: the next one is another.
    app.clock.advance(TimeDelta::seconds(30));
    (authenticator, codes)
}

/// The challenge that a right password gives.
async fn challenge(app: &App, email: &str) -> String {
    let input = json!({ "in": { "email": email, "password": PASSWORD } });
    let made = app.nobody().ask(SIGN_IN, input).await["sessionCreate"].take();
    assert_eq!(
        (&made["session"], &made["userErrors"]),
        (&json!(null), &json!([]))
    );
    made["challenge"]["token"].as_str().unwrap().to_owned()
}

/// The code of the refusal of a second step, if it is refused.
async fn second_step(app: &App, challenge: &str, code: &str) -> Value {
    let input = json!({ "in": { "challenge": challenge, "code": code } });
    let made = app.nobody().ask(ANSWER, input).await["sessionChallengeAnswer"].take();
    assert_eq!(made["session"].is_null(), !made["userErrors"][0].is_null());
    made["userErrors"][0]["code"].clone()
}

async fn refusal(person: &Person<'_>, mutation: &str, variables: Value) -> Value {
    let answer = person.ask(mutation, variables).await;
    answer.as_object().unwrap().values().next().unwrap()["userErrors"][0]["code"].clone()
}

on_both! {
    async fn who_has_a_second_factor_signs_in_in_two_steps(app) {
        let anna = app.someone("anna").await;
        let (app_of_hers, _) = enrol(app, &anna).await;
        let asked = challenge(app, &anna.email).await;
        assert_eq!(second_step(app, &asked, "000000").await, "WRONG_CODE");
        let code = app_of_hers.code();
        assert_eq!(second_step(app, &asked, &code).await, json!(null));
        assert_eq!(second_step(app, &asked, &code).await, "WRONG_CODE", "no code is good twice");
        app.clock.advance(TimeDelta::seconds(30));
        app.clock.advance(TimeDelta::minutes(5));
        assert_eq!(second_step(app, &asked, &app_of_hers.code()).await, "TOKEN_INVALID", "it took too long");
        for odd in ["", "vc_", "vc_nonsense", &asked[..asked.len() - 2]] {
            assert_eq!(second_step(app, odd, &app_of_hers.code()).await, "TOKEN_INVALID", "{odd}");
        }
        let since = anna.ask("{ viewer { secondFactorSince } }", json!({})).await;
        assert_eq!(since["viewer"]["secondFactorSince"], "2027-01-11T09:00:00+00:00");
    }

    async fn a_new_password_voids_what_the_old_one_began(app) {
        let anna = app.someone("anna").await;
        let (app_of_hers, _) = enrol(app, &anna).await;
        let asked = challenge(app, &anna.email).await;
        let change = "mutation { passwordChange(input: { currentPassword: \"correct horse battery\", newPassword: \"another horse battery\" }) { userErrors { code } } }";
        assert_eq!(refusal(&anna, change, json!({})).await, json!(null));
        assert_eq!(second_step(app, &asked, &app_of_hers.code()).await, "TOKEN_INVALID");
    }

    async fn a_code_brought_twice_at_once_opens_one_session(app) {
        let anna = app.someone("anna").await;
        let (app_of_hers, codes) = enrol(app, &anna).await;
        let asked = challenge(app, &anna.email).await;
        for code in [app_of_hers.code(), codes[0].clone()] {
            let (one, two) = tokio::join!(second_step(app, &asked, &code), second_step(app, &asked, &code));
            assert_eq!([&one, &two].iter().filter(|code| code.is_null()).count(), 1, "{one} {two}");
        }
    }

    async fn a_recovery_code_is_good_once_and_others_can_be_had(app) {
        let anna = app.someone("anna").await;
        let (_, codes) = enrol(app, &anna).await;
        assert_eq!(codes.len(), 10);
        let asked = challenge(app, &anna.email).await;
        assert_eq!(second_step(app, &asked, &codes[0].to_uppercase()).await, json!(null));
        assert_eq!(second_step(app, &asked, &codes[0]).await, "WRONG_CODE");
        assert_eq!(second_step(app, &asked, &codes[1].replace('-', "")).await, json!(null));
        let renewed = anna.ask(RENEW, json!({})).await["recoveryCodesRenew"].take();
        assert_eq!(second_step(app, &asked, &codes[2]).await, "WRONG_CODE", "void by now");
        let fresh = renewed["recoveryCodes"]["codes"][9].as_str().unwrap();
        assert_eq!(second_step(app, &asked, fresh).await, json!(null));
        let kept = vitrine_model::identity::recovery_code::Entity::find().all(app.db()).await.unwrap();
        assert_eq!(kept.len(), 9);
        assert!(!format!("{kept:?}").contains(&codes[3]));
    }

    async fn s10_codes_are_not_guessed(app) {
        let anna = app.someone("anna").await;
        let (app_of_hers, _) = enrol(app, &anna).await;
        let asked = challenge(app, &anna.email).await;
        let right = app_of_hers.code();
        for n in 0..5 {
            let wrong = format!("{n:06}");
            assert_eq!(second_step(app, &asked, if wrong == right { "999999" } else { &wrong }).await, "WRONG_CODE");
        }
        assert_eq!(second_step(app, &asked, &right).await, "TOO_MANY_ATTEMPTS");
    }

    async fn an_app_that_is_not_confirmed_asks_for_nothing(app) {
        let anna = app.someone("anna").await;
        assert_eq!(refusal(&anna, CONFIRM, json!({ "code": "000000" })).await, "WRONG_STATE");
        anna.ask(ENROL, json!({})).await;
        assert_eq!(refusal(&anna, CONFIRM, json!({ "code": "000000" })).await, "WRONG_CODE");
        app.returning(&anna.email).await;
        assert_eq!(refusal(&anna, REMOVE, json!({})).await, "WRONG_STATE");
        assert_eq!(refusal(&anna, RENEW, json!({})).await, "WRONG_STATE");
        let (_, _) = enrol(app, &anna).await;
        assert_eq!(refusal(&anna, ENROL, json!({})).await, "WRONG_STATE");
        for mutation in [ENROL, REMOVE, RENEW] {
            assert_eq!(app.nobody().error(mutation, json!({})).await, "UNAUTHENTICATED");
        }
    }

    async fn a_second_factor_put_on_or_taken_off_signs_the_others_out_and_is_told(app) {
        let anna = app.someone("anna").await;
        let elsewhere = app.returning(&anna.email).await;
        enrol(app, &anna).await;
        assert_eq!(elsewhere.error("{ viewer { id } }", json!({})).await, "UNAUTHENTICATED");
        assert_eq!(refusal(&anna, REMOVE, json!({})).await, json!(null));
        app.returning(&anna.email).await;
        app.settle().await;
        assert_eq!(letters(app, &anna.email, "Your account asks for a code now").len(), 1);
        assert_eq!(letters(app, &anna.email, "Your account asks for no code any more").len(), 1);
    }

    async fn s11_what_a_thief_would_do_first_asks_for_a_proof_given_a_moment_ago(app) {
        let anna = app.someone("anna").await;
        let token = anna.token().await.unwrap();
        app.clock.advance(TimeDelta::minutes(10));
        let change = "mutation { emailChangeRequest(input: { email: \"mallory@example.com\" }) { userErrors { code field } } }";
        let link = format!("mutation {{ payoutAccountOnboardingLinkCreate(input: {{ country: \"DE\", returnUrl: \"{FRONTEND}\", refreshUrl: \"{FRONTEND}\" }}) {{ userErrors {{ code field }} }} }}");
        let asking = async |mutation: &str| {
            let request = app.http.post(app.url("/graphql")).bearer_auth(&token).json(&json!({ "query": mutation }));
            let answer: Value = request.send().await.unwrap().json().await.unwrap();
            let payload = answer["data"].as_object().unwrap_or_else(|| panic!("{answer}")).values().next().unwrap().clone();
            payload["userErrors"][0].clone()
        };
        let confirm = "mutation { totpConfirm(input: { code: \"000000\" }) { userErrors { code field } } }";
        let (enrol, remove, renew) = ("mutation { totpEnrol { userErrors { code field } } }", "mutation { totpRemove { userErrors { code field } } }", "mutation { recoveryCodesRenew { userErrors { code field } } }");
        for mutation in [change, &link, enrol, confirm, remove, renew] {
            assert_eq!(asking(mutation).await, json!({ "code": "STEP_UP_REQUIRED", "field": null }), "{mutation}");
        }
        let wrong = anna.ask(STEP_UP, json!({ "password": "wrong password" })).await;
        assert_eq!(wrong["sessionStepUp"]["userErrors"], json!([{ "code": "WRONG_CREDENTIALS", "field": null }]));
        let proved = anna.ask(STEP_UP, json!({ "password": PASSWORD })).await;
        assert_eq!(proved["sessionStepUp"]["session"]["provedUntil"], "2027-01-11T09:20:00+00:00");
        for mutation in [change, &link, enrol] {
            assert_eq!(asking(mutation).await, json!(null), "{mutation}");
        }
        assert_eq!(app.nobody().error(STEP_UP, json!({})).await, "UNAUTHENTICATED");
    }

    async fn who_has_a_second_factor_proves_by_it_and_not_by_her_password(app) {
        let anna = app.someone("anna").await;
        let (app_of_hers, codes) = enrol(app, &anna).await;
        assert_eq!(refusal(&anna, STEP_UP, json!({ "password": PASSWORD })).await, "WRONG_CODE");
        assert_eq!(refusal(&anna, STEP_UP, json!({ "code": app_of_hers.code() })).await, json!(null));
        assert_eq!(refusal(&anna, STEP_UP, json!({ "code": codes[0] })).await, json!(null));
        let berta = app.someone("berta").await;
        assert_eq!(refusal(&berta, STEP_UP, json!({ "code": "000000" })).await, "WRONG_CREDENTIALS");
    }
}
