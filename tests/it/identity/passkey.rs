//! Passkeys: made by a device, and signed in with.

use chrono::TimeDelta;
use passkey::authenticator::{Authenticator, UiHint, UserCheck, UserValidationMethod};
use passkey::client::{Client, DefaultClientData};
use passkey::crypto::rust_crypto::RustCryptoBackend;
use passkey::types::Passkey;
use passkey::types::ctap2::{Aaguid, Ctap2Error};
use passkey::types::webauthn::{CredentialCreationOptions, CredentialRequestOptions};
use serde_json::{Value, json};
use url::Url;

use crate::identity::factor::enrol;
use crate::identity::letters::letters;
use crate::support::{App, FRONTEND, PASSWORD, Person, on_both};

const ASK: &str =
    "mutation { passkeyChallengeCreate { challenge { token options expiresAt } userErrors { code field } } }";
const MAKE: &str = "mutation($in: PasskeyCreateInput!) { passkeyCreate(input: $in) { passkey { id name createdAt lastUsedAt } userErrors { code field } } }";
const RENAME: &str = "mutation($id: ID!, $name: String!) { passkeyUpdate(input: { id: $id, name: $name }) { passkey { name } userErrors { code field } } }";
const REMOVE: &str =
    "mutation($id: ID!) { passkeyRemove(input: { id: $id }) { passkey { id } userErrors { code field } } }";
const LIST: &str = "{ viewer { passkeys { id name lastUsedAt } } }";
const KNOCK: &str =
    "mutation { sessionPasskeyChallengeCreate { challenge { token options } userErrors { code } } }";
const ENTER: &str = "mutation($in: SessionPasskeyCreateInput!) { sessionPasskeyCreate(input: $in) { session { accessToken } userErrors { code field } } }";
const STEP_UP: &str = "mutation($in: SessionStepUpInput!) { sessionStepUp(input: $in) { session { provedUntil } userErrors { code field } } }";

/// Someone who touches the sensor whenever asked.
struct Finger;

#[async_trait::async_trait]
impl UserValidationMethod for Finger {
    type PasskeyItem = Passkey;

    async fn check_user<'a>(
        &self,
        _: UiHint<'a, Passkey>,
        _: bool,
        _: bool,
    ) -> Result<UserCheck, Ctap2Error> {
        Ok(UserCheck {
            presence: true,
            verification: true,
        })
    }

    fn is_presence_enabled(&self) -> bool {
        true
    }

    fn is_verification_enabled(&self) -> Option<bool> {
        Some(true)
    }
}

/// A device that keeps a passkey, with a browser that is on some page.
struct Device(Option<Passkey>);

impl Device {
    fn new() -> Self {
        Self(None)
    }

    fn authenticator(&self) -> Authenticator<Option<Passkey>, Finger, RustCryptoBackend> {
        let mut authenticator =
            Authenticator::new(Aaguid::new_empty(), self.0.clone(), Finger, RustCryptoBackend);
        authenticator.set_make_credentials_with_signature_counter(true);
        authenticator
    }

    /// Makes a passkey when asked by `page`; the device's answer.
    async fn make(&mut self, page: &str, options: &str) -> Result<String, String> {
        let request = format!("{{ \"publicKey\": {options} }}");
        let request: CredentialCreationOptions = serde_json::from_str(&request).unwrap();
        let mut client = Client::new(self.authenticator());
        let page: Url = page.parse().unwrap();
        let made = client.register(&page, request, DefaultClientData).await;
        let made = made.map_err(|error| format!("{error:?}"))?;
        self.0 = client.authenticator().store().clone();
        Ok(serde_json::to_string(&made).unwrap())
    }

    /// Signs when asked by `page`; the device's answer.
    async fn sign(&mut self, page: &str, options: &str) -> Result<String, String> {
        let request = format!("{{ \"publicKey\": {options} }}");
        let request: CredentialRequestOptions = serde_json::from_str(&request).unwrap();
        let mut client = Client::new(self.authenticator());
        let page: Url = page.parse().unwrap();
        let signed = client.authenticate(&page, request, DefaultClientData).await;
        let signed = signed.map_err(|error| format!("{error:?}"))?;
        self.0 = client.authenticator().store().clone();
        Ok(serde_json::to_string(&signed).unwrap())
    }
}

/// The token of a question, and what is asked.
fn asked(payload: &Value) -> (String, String) {
    let text = |field: &str| {
        let text = payload["challenge"][field].as_str();
        text.unwrap_or_else(|| panic!("{payload}")).to_owned()
    };
    (text("token"), text("options"))
}

/// Makes a passkey of hers on the device.
async fn add(person: &Person<'_>, device: &mut Device, name: &str) -> Value {
    let (challenge, options) = asked(&person.ask(ASK, json!({})).await["passkeyChallengeCreate"]);
    let credential = device.make(FRONTEND, &options).await.unwrap();
    let input = json!({ "challenge": challenge, "credential": credential, "name": name });
    person.ask(MAKE, json!({ "in": input })).await["passkeyCreate"].take()
}

/// A question put to whoever is there, answered by the device.
async fn signature(app: &App, device: &mut Device) -> Value {
    let (challenge, options) =
        asked(&app.nobody().ask(KNOCK, json!({})).await["sessionPasskeyChallengeCreate"]);
    json!({ "challenge": challenge, "credential": device.sign(FRONTEND, &options).await.unwrap() })
}

/// What signing in with it answers: a token, or a code.
async fn enter(app: &App, signature: &Value) -> Result<String, Value> {
    let said = app
        .nobody()
        .ask(ENTER, json!({ "in": { "signature": signature } }))
        .await["sessionPasskeyCreate"]
        .take();
    let token = said["session"]["accessToken"].as_str().map(str::to_owned);
    token.ok_or_else(|| said["userErrors"][0]["code"].clone())
}

on_both! {
    async fn a_passkey_signs_in_without_password_and_code(app) {
        let anna = app.someone("anna").await;
        enrol(app, &anna).await;
        let mut phone = Device::new();
        let made = add(&anna, &mut phone, "Anna's phone").await;
        assert_eq!((&made["userErrors"], &made["passkey"]["lastUsedAt"]), (&json!([]), &json!(null)), "{made}");
        let token = enter(app, &signature(app, &mut phone).await).await.unwrap();
        let request = app.http.post(app.url("/graphql")).bearer_auth(token);
        let answer: Value = request.json(&json!({ "query": LIST })).send().await.unwrap().json().await.unwrap();
        let passkeys = &answer["data"]["viewer"]["passkeys"];
        assert_eq!((&passkeys[0]["name"], passkeys[0]["lastUsedAt"].is_string()), (&json!("Anna's phone"), true));
        app.settle().await;
        assert_eq!(letters(app, &anna.email, "Your account has a new passkey").len(), 1);
        let waits = anna.ask("{ viewer { payoutFreeze { cause } } }", json!({})).await;
        assert_eq!(waits["viewer"]["payoutFreeze"]["cause"], "PASSKEY");
    }

    async fn a_question_is_answered_once_and_soon_and_nobody_answers_anothers(app) {
        let anna = app.someone("anna").await;
        let mut phone = Device::new();
        add(&anna, &mut phone, "phone").await;
        let signed = signature(app, &mut phone).await;
        assert!(enter(app, &signed).await.is_ok());
        assert_eq!(enter(app, &signed).await, Err(json!("TOKEN_INVALID")), "replayed");
        let (one, other) = (signature(app, &mut phone).await, signature(app, &mut phone).await);
        let mixed = json!({ "challenge": one["challenge"], "credential": other["credential"] });
        assert_eq!(enter(app, &mixed).await, Err(json!("WRONG_CREDENTIALS")), "what was asked is another");
        assert_eq!(enter(app, &one).await, Err(json!("TOKEN_INVALID")), "it was answered, wrongly");
        let late = signature(app, &mut phone).await;
        app.wait(TimeDelta::minutes(5)).await;
        assert_eq!(enter(app, &late).await, Err(json!("TOKEN_INVALID")));
        for odd in ["", "{}", "[]", "{\"id\":\"\"}"] {
            let odd = json!({ "challenge": "vp_x", "credential": odd });
            assert_eq!(enter(app, &odd).await, Err(json!("INVALID")));
        }
        let mallory = app.someone("mallory").await;
        let (challenge, options) = asked(&anna.ask(ASK, json!({})).await["passkeyChallengeCreate"]);
        let credential = Device::new().make(FRONTEND, &options).await.unwrap();
        let input = json!({ "challenge": challenge, "credential": credential, "name": "hers" });
        let said = mallory.ask(MAKE, json!({ "in": input })).await;
        assert_eq!(said["passkeyCreate"]["userErrors"], json!([{ "code": "TOKEN_INVALID", "field": ["input", "challenge"] }]));
    }

    async fn a_passkey_signs_only_what_pages_of_the_platform_ask(app) {
        let anna = app.someone("anna").await;
        let mut phone = Device::new();
        add(&anna, &mut phone, "phone").await;
        let knock = async || asked(&app.nobody().ask(KNOCK, json!({})).await["sessionPasskeyChallengeCreate"]);
        let (_, options) = knock().await;
        assert!(phone.sign("https://shop.example.net", &options).await.is_err(), "the browser refuses");
        let (challenge, options) = knock().await;
        let elsewhere = phone.sign("https://blog.example.com", &options).await.unwrap();
        let signed = json!({ "challenge": challenge, "credential": elsewhere });
        assert_eq!(enter(app, &signed).await, Err(json!("WRONG_CREDENTIALS")), "below the domain, but no page that was named");
    }

    async fn a_passkey_that_was_copied_is_refused_once_the_other_was_used(app) {
        let anna = app.someone("anna").await;
        let mut phone = Device::new();
        add(&anna, &mut phone, "phone").await;
        let mut copy = Device(phone.0.clone());
        assert!(enter(app, &signature(app, &mut phone).await).await.is_ok());
        assert_eq!(enter(app, &signature(app, &mut copy).await).await, Err(json!("WRONG_CREDENTIALS")));
    }

    async fn a_passkey_is_renamed_and_removed_by_its_owner_alone(app) {
        let (anna, mallory) = (app.someone("anna").await, app.someone("mallory").await);
        let (mut phone, mut laptop) = (Device::new(), Device::new());
        let id = add(&anna, &mut phone, "phone").await["passkey"]["id"].clone();
        add(&anna, &mut laptop, "laptop").await;
        let of = json!({ "id": id, "name": "old phone" });
        assert_eq!(mallory.ask(RENAME, of.clone()).await["passkeyUpdate"]["userErrors"][0]["code"], "NOT_FOUND");
        assert_eq!(mallory.ask(REMOVE, json!({ "id": id })).await["passkeyRemove"]["userErrors"][0]["code"], "NOT_FOUND");
        assert_eq!(anna.ask(RENAME, of).await["passkeyUpdate"]["passkey"]["name"], "old phone");
        let blank = anna.ask(RENAME, json!({ "id": id, "name": " " })).await;
        assert_eq!(blank["passkeyUpdate"]["userErrors"][0], json!({ "code": "INVALID", "field": ["input", "name"] }));
        let elsewhere = app.returning(&anna.email).await;
        assert_eq!(anna.ask(REMOVE, json!({ "id": id })).await["passkeyRemove"]["passkey"]["id"], id);
        assert_eq!(elsewhere.error(LIST, json!({})).await, "UNAUTHENTICATED");
        assert_eq!(enter(app, &signature(app, &mut phone).await).await, Err(json!("WRONG_CREDENTIALS")));
        assert!(enter(app, &signature(app, &mut laptop).await).await.is_ok());
        app.settle().await;
        assert_eq!(letters(app, &anna.email, "A passkey of your account was taken away").len(), 1);
    }

    async fn an_account_has_twenty_passkeys_and_a_device_is_told_of_them(app) {
        let anna = app.someone("anna").await;
        let mut phone = Device::new();
        add(&anna, &mut phone, "phone").await;
        let (_, options) = asked(&anna.ask(ASK, json!({})).await["passkeyChallengeCreate"]);
        let options: Value = serde_json::from_str(&options).unwrap();
        assert_eq!(options["excludeCredentials"].as_array().unwrap().len(), 1, "the device is told which there are");
        let (challenge, options) = asked(&anna.ask(ASK, json!({})).await["passkeyChallengeCreate"]);
        let credential = Device::new().make(FRONTEND, &options).await.unwrap();
        for n in 1..20 {
            let made = add(&anna, &mut Device::new(), &format!("key {n}")).await;
            assert_eq!(made["userErrors"], json!([]));
        }
        assert_eq!(anna.ask(ASK, json!({})).await["passkeyChallengeCreate"]["userErrors"][0]["code"], "LIMIT_REACHED");
        let input = json!({ "challenge": challenge, "credential": credential, "name": "one more" });
        assert_eq!(anna.ask(MAKE, json!({ "in": input })).await["passkeyCreate"]["userErrors"][0]["code"], "LIMIT_REACHED");
        assert_eq!(anna.ask(LIST, json!({})).await["viewer"]["passkeys"].as_array().unwrap().len(), 20);
    }

    async fn s11_making_a_passkey_takes_a_proof_and_a_passkey_is_one(app) {
        let anna = app.someone("anna").await;
        let mallory = app.someone("mallory").await;
        let (mut phone, mut other) = (Device::new(), Device::new());
        let id = add(&anna, &mut phone, "phone").await["passkey"]["id"].clone();
        add(&mallory, &mut other, "other").await;
        app.clock.advance(TimeDelta::minutes(10));
        for (mutation, payload) in [(ASK, "passkeyChallengeCreate"), (REMOVE, "passkeyRemove")] {
            assert_eq!(anna.ask(mutation, json!({ "id": id })).await[payload]["userErrors"][0]["code"], "STEP_UP_REQUIRED");
        }
        let prove = async |signature: Value| anna.ask(STEP_UP, json!({ "in": { "passkey": signature } })).await["sessionStepUp"].take();
        let wrong = prove(signature(app, &mut other).await).await;
        assert_eq!(wrong["userErrors"][0]["code"], "WRONG_CREDENTIALS", "it is somebody else's");
        let proved = prove(signature(app, &mut phone).await).await;
        assert_eq!(proved["userErrors"], json!([]));
        assert_eq!(anna.ask(REMOVE, json!({ "id": id })).await["passkeyRemove"]["userErrors"], json!([]));
    }

    async fn who_is_erased_leaves_no_passkey(app) {
        use sea_orm::{EntityTrait, PaginatorTrait};
        let anna = app.someone("anna").await;
        let mut phone = Device::new();
        add(&anna, &mut phone, "Anna's phone").await;
        anna.ask(ASK, json!({})).await;
        let export = anna.ask("mutation { accountDataExport { json } }", json!({})).await;
        assert!(export["accountDataExport"]["json"].as_str().unwrap().contains("Anna's phone"));
        let erase = format!("mutation {{ accountErase(input: {{ password: \"{PASSWORD}\" }}) {{ userErrors {{ code }} }} }}");
        assert_eq!(anna.ask(&erase, json!({})).await["accountErase"]["userErrors"], json!([]));
        assert_eq!(vitrine_model::identity::passkey::Entity::find().count(app.db()).await.unwrap(), 0);
        assert_eq!(vitrine_model::identity::passkey_challenge::Entity::find().count(app.db()).await.unwrap(), 0);
        assert_eq!(enter(app, &signature(app, &mut phone).await).await, Err(json!("WRONG_CREDENTIALS")));
    }
}
