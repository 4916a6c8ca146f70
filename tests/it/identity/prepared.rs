//! Accounts that somebody opens with an address that is not his, to wait there for whoever reads it.

use serde_json::{Value, json};

use crate::identity::letters::{letters, token};
use crate::support::{App, FRONTEND, Person, on_both};

const PASSKEY: &str = "mutation { passkeyChallengeCreate { challenge { token } userErrors { code } } }";
const MAKE: &str = "mutation { passkeyCreate(input: { challenge: \"vp_guessed\", credential: \"{}\", name: \"mine\" }) { passkey { id } userErrors { code } } }";
const ENROL: &str = "mutation { totpEnrol { enrolment { secret } userErrors { code } } }";
const LINK: &str = "mutation { externalIdentityLink(input: { state: \"vs_guessed\", key: \"vx_guessed\", code: \"code\" }) { externalIdentity { id } userErrors { code } } }";
const KEY: &str =
    "mutation($in: BrandApiKeyCreateInput!) { brandApiKeyCreate(input: $in) { secret userErrors { code } } }";
const FOUND: &str =
    "mutation($in: BrandCreateInput!) { brandCreate(input: $in) { brand { id } userErrors { code } } }";
const REQUEST: &str =
    "mutation($email: String!) { passwordResetRequest(input: { email: $email }) { userErrors { code } } }";
const RESET: &str = "mutation($token: String!) { passwordReset(input: { token: $token, newPassword: \"her own password\" }) { userErrors { code } } }";
const VERIFY: &str =
    "mutation($token: String!) { emailVerify(input: { token: $token }) { userErrors { code } } }";

/// The code with which it is refused, if it is.
async fn refusal(by: &Person<'_>, mutation: &str) -> Value {
    let answer = by.ask(mutation, json!({})).await;
    answer.as_object().unwrap().values().next().unwrap()["userErrors"][0]["code"].clone()
}

/// The token of the first letter with this subject.
async fn sent(app: &App, to: &str, subject: &str) -> String {
    app.settle().await;
    token(&letters(app, to, subject)[0])
}

on_both! {
    async fn nobody_leaves_a_way_in_at_an_account_whose_address_he_has_not_proved(app) {
        let eve = app.newcomer("victim").await;
        for mutation in [PASSKEY, ENROL, LINK] {
            assert_eq!(refusal(&eve, mutation).await, "EMAIL_UNVERIFIED", "{mutation}");
        }
        assert!(["EMAIL_UNVERIFIED", "INVALID"].contains(&refusal(&eve, MAKE).await.as_str().unwrap()));
        let brand = json!({ "handle": "ink", "name": "Ink", "country": "DE", "currency": "EUR", "defaultVatRate": 0 });
        let brand = eve.made(FOUND, brand).await;
        let key = json!({ "brandId": brand["brand"]["id"], "label": "mine", "scopes": ["MONEY_READ"] });
        assert_eq!(eve.refused(KEY, key).await, "EMAIL_UNVERIFIED");
        let link = format!("mutation {{ payoutAccountOnboardingLinkCreate(input: {{ country: \"DE\", returnUrl: \"{FRONTEND}\", refreshUrl: \"{FRONTEND}\" }}) {{ userErrors {{ code }} }} }}");
        assert_eq!(refusal(&eve, &link).await, "EMAIL_UNVERIFIED");

        app.nobody().ask(REQUEST, json!({ "email": eve.email })).await;
        let token = sent(app, &eve.email, "Set a new password").await;
        let set = app.nobody().ask(RESET, json!({ "token": token })).await;
        assert_eq!(set["passwordReset"]["userErrors"], json!([]));
        assert_eq!(eve.error("{ viewer { id } }", json!({})).await, "UNAUTHENTICATED", "his session has ended");
    }

    async fn whoever_has_proved_her_address_goes_on_with_the_session_she_has(app) {
        let anna = app.newcomer("anna").await;
        let token = sent(app, &anna.email, "Please confirm").await;
        let proved = anna.ask(VERIFY, json!({ "token": token })).await;
        assert_eq!(proved["emailVerify"]["userErrors"], json!([]));
        for mutation in [PASSKEY, ENROL] {
            assert_eq!(refusal(&anna, mutation).await, json!(null), "{mutation}");
        }
    }
}
