//! An identity provider, as far as tests need one: it says of whoever comes what the test wants it to say. A real one is
//! asked by `scripts/conformance`.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::{get, post};
use axum::{Form, Json, Router};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::rand::SystemRandom;
use ring::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair};
use serde_json::{Value, json};
use url::Url;
use vitrine_domain::secret::sha256;

/// What we are called there.
const CLIENT: &str = "vitrine";

/// The provider. It ends with its test.
pub(crate) struct Issuer {
    /// Its identifier.
    pub(crate) url: String,
    state: Arc<Told>,
}

struct Told {
    url: String,
    key: EcdsaKeyPair,
    /// By their codes: the challenge that was asked with, and what the ID token is to say.
    people: Mutex<HashMap<String, (String, Value)>>,
}

impl Issuer {
    pub(crate) async fn start() -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let random = SystemRandom::new();
        let pkcs8 = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &random).unwrap();
        let state = Arc::new(Told {
            url: url.clone(),
            key: EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, pkcs8.as_ref(), &random).unwrap(),
            people: Mutex::default(),
        });
        let routes = Router::new()
            .route("/.well-known/openid-configuration", get(discovered))
            .route("/jwks", get(keys))
            .route("/token", post(redeemed))
            .with_state(state.clone());
        #[expect(clippy::disallowed_methods, reason = "it ends with its test")]
        tokio::spawn(async move { axum::serve(listener, routes).await });
        Self { url, state }
    }

    /// How the setting names it.
    pub(crate) fn setting(&self) -> String {
        format!("test={} {CLIENT} hush", self.url)
    }

    /// Someone has signed in on the page at this address; the code and the state that her browser comes back with.
    pub(crate) fn signed_in(&self, page: &str, claims: Value) -> (String, String) {
        let asked: HashMap<String, String> = Url::parse(page).unwrap().query_pairs().into_owned().collect();
        assert_eq!(
            (
                asked["response_type"].as_str(),
                asked["code_challenge_method"].as_str()
            ),
            ("code", "S256")
        );
        assert_eq!(asked["client_id"], CLIENT);
        let mut told = json!({
            "iss": self.url, "aud": CLIENT, "nonce": asked["nonce"], "iat": 1_799_658_000, "exp": 4_000_000_000_u32,
        });
        let claims = claims.as_object().unwrap().clone();
        told.as_object_mut().unwrap().extend(claims);
        let mut people = self.state.people.lock().unwrap();
        let code = format!("code-{}", people.len());
        people.insert(code.clone(), (asked["code_challenge"].clone(), told));
        (code, asked["state"].clone())
    }
}

async fn discovered(State(told): State<Arc<Told>>) -> Json<Value> {
    let url = &told.url;
    Json(json!({
        "issuer": url, "authorization_endpoint": format!("{url}/authorize"), "token_endpoint": format!("{url}/token"),
        "jwks_uri": format!("{url}/jwks"), "response_types_supported": ["code"], "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": ["ES256", "none"],
    }))
}

async fn keys(State(told): State<Arc<Told>>) -> Json<Value> {
    let point = told.key.public_key().as_ref();
    let part = |from: usize| URL_SAFE_NO_PAD.encode(&point[from..from + 32]);
    let key = json!({ "kty": "EC", "crv": "P-256", "use": "sig", "alg": "ES256", "kid": "1", "x": part(1), "y": part(33) });
    Json(json!({ "keys": [key] }))
}

/// A code is good once, for whoever shows what the challenge was made of.
async fn redeemed(
    State(told): State<Arc<Told>>,
    Form(asked): Form<HashMap<String, String>>,
) -> (StatusCode, Json<Value>) {
    let found = told
        .people
        .lock()
        .unwrap()
        .get_mut(&asked["code"])
        .map(|(challenge, claims)| (std::mem::take(challenge), claims.clone()));
    let challenge = URL_SAFE_NO_PAD.encode(sha256(asked["code_verifier"].as_bytes()));
    let Some((_, claims)) = found.filter(|(kept, _)| *kept == challenge) else {
        return (StatusCode::BAD_REQUEST, Json(json!({ "error": "invalid_grant" })));
    };
    let unsigned = claims["unsigned"] == json!(true);
    let header = match unsigned {
        true => json!({ "alg": "none" }),
        false => json!({ "alg": "ES256", "kid": "1" }),
    };
    let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let message = format!("{}.{}", part(&header), part(&claims));
    let signature = match unsigned {
        true => String::new(),
        false => URL_SAFE_NO_PAD.encode(told.key.sign(&SystemRandom::new(), message.as_bytes()).unwrap()),
    };
    let answer =
        json!({ "access_token": "a", "token_type": "Bearer", "id_token": format!("{message}.{signature}") });
    (StatusCode::OK, Json(answer))
}
