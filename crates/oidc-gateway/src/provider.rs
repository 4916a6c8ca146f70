//! One provider: discovered when it is first asked, and again when its keys may have changed.

use std::sync::Arc;

use chrono::TimeDelta;
use openidconnect::core::{
    CoreAuthenticationFlow, CoreClient, CoreClientAuthMethod, CoreIdToken, CoreIdTokenClaims,
    CoreIdTokenVerifier, CoreJwsSigningAlgorithm as Algorithm, CoreProviderMetadata, CoreUserInfoClaims,
};
use openidconnect::{
    AccessToken, AuthType, AuthorizationCode, ClaimsVerificationError, ClientId, ClientSecret, CsrfToken,
    IssuerUrl, Nonce, OAuth2TokenResponse, PkceCodeChallenge, PkceCodeVerifier, RedirectUrl,
    RequestTokenError, Scope, SignatureVerificationError, SubjectIdentifier, TokenResponse,
};
use secrecy::ExposeSecret;
use tokio::sync::Mutex;
use url::Url;
use vitrine_domain::ports::{ExternalAsk, ExternalCode, ExternalPerson, ProviderError};
use vitrine_model::Time;
use vitrine_model::text::WebUrl;

use crate::Http;
use crate::settings::Issuer;

/// How long what was discovered is taken for true.
const FRESH: TimeDelta = TimeDelta::hours(1);
/// The signatures that are taken: those that need no secret to be checked. "none" is none of them, whatever a provider says
/// that it can do.
const SIGNATURES: [Algorithm; 9] = [
    Algorithm::RsaSsaPkcs1V15Sha256,
    Algorithm::RsaSsaPkcs1V15Sha384,
    Algorithm::RsaSsaPkcs1V15Sha512,
    Algorithm::RsaSsaPssSha256,
    Algorithm::RsaSsaPssSha384,
    Algorithm::RsaSsaPssSha512,
    Algorithm::EcdsaP256Sha256,
    Algorithm::EcdsaP384Sha384,
    Algorithm::EdDsa,
];

/// What a provider says of itself, and when it said so.
#[derive(Clone)]
struct Known {
    metadata: Arc<CoreProviderMetadata>,
    since: Time,
}

/// One provider.
pub(crate) struct Provider {
    issuer: Issuer,
    known: Mutex<Option<Known>>,
}

impl Provider {
    pub(crate) fn new(issuer: Issuer) -> Self {
        Self {
            issuer,
            known: Mutex::new(None),
        }
    }

    pub(crate) fn name(&self) -> &str {
        &self.issuer.name
    }

    /// The page that asks who someone is.
    pub(crate) async fn ask(&self, http: &Http, ask: &ExternalAsk, now: Time) -> Result<Url, ProviderError> {
        let metadata = self.metadata(http, now, FRESH).await?;
        let client = CoreClient::from_provider_metadata((*metadata).clone(), self.client_id(), None)
            .set_redirect_uri(redirect(&ask.redirect_uri)?);
        let verifier = PkceCodeVerifier::new(ask.verifier.expose_secret().to_owned());
        let state = CsrfToken::new(ask.state.expose_secret().to_owned());
        let nonce = Nonce::new(ask.nonce.expose_secret().to_owned());
        let (url, _, _) = client
            .authorize_url(
                CoreAuthenticationFlow::AuthorizationCode,
                move || state,
                move || nonce,
            )
            .add_scope(Scope::new("email".to_owned()))
            .add_scope(Scope::new("profile".to_owned()))
            .set_pkce_challenge(PkceCodeChallenge::from_code_verifier_sha256(&verifier))
            .url();
        Ok(url)
    }

    /// Redeems what the provider has sent back, and checks what it says.
    pub(crate) async fn redeem(
        &self,
        http: &Http,
        brought: &ExternalCode,
        now: Time,
    ) -> Result<ExternalPerson, ProviderError> {
        let metadata = self.metadata(http, now, FRESH).await?;
        let issuer = metadata.issuer().as_str();
        if brought.issuer.as_deref().is_some_and(|named| named != issuer) {
            return Err(ProviderError::Refused("another provider has answered".to_owned()));
        }
        let (token, access) = self.exchange(http, metadata.clone(), brought).await?;
        let mut claims = self.claims(&metadata, &token, brought, now);
        let newer;
        if let Err(ClaimsVerificationError::SignatureVerification(
            SignatureVerificationError::NoMatchingKey,
        )) = claims
        {
            // It signs with a new key since we looked: what it has said over its own channel makes us look again.
            newer = self.metadata(http, now, TimeDelta::zero()).await?;
            claims = self.claims(&newer, &token, brought, now);
        }
        let claims = claims.map_err(untrue)?;
        let mut person = person(claims);
        if person.email.is_none() && metadata.userinfo_endpoint().is_some() {
            let told = self
                .told_beside(http, metadata, access, claims.subject().clone())
                .await?;
            person.email = told.email().map(|email| email.to_string());
            person.email_verified = told.email_verified() == Some(true);
            person.name = person.name.or(told
                .name()
                .and_then(|names| names.get(None))
                .map(|name| name.to_string()));
        }
        Ok(person)
    }

    /// What the provider tells of her beside the ID token: many tell her address only there.
    async fn told_beside(
        &self,
        http: &Http,
        metadata: Arc<CoreProviderMetadata>,
        access: AccessToken,
        subject: SubjectIdentifier,
    ) -> Result<CoreUserInfoClaims, ProviderError> {
        let client = CoreClient::from_provider_metadata((*metadata).clone(), self.client_id(), None);
        let request = client
            .user_info(access, Some(subject))
            .map_err(|_| ProviderError::Refused("it tells nothing of her".to_owned()))?;
        let told = request.request_async(http).await;
        told.map_err(|_| ProviderError::Unreachable("it does not tell of her what it should".to_owned()))
    }

    async fn exchange(
        &self,
        http: &Http,
        metadata: Arc<CoreProviderMetadata>,
        brought: &ExternalCode,
    ) -> Result<(CoreIdToken, AccessToken), ProviderError> {
        let secret = self.issuer.secret.as_ref();
        let secret = secret.map(|secret| ClientSecret::new(secret.expose_secret().to_owned()));
        let client = CoreClient::from_provider_metadata((*metadata).clone(), self.client_id(), secret)
            .set_redirect_uri(redirect(&brought.redirect_uri)?)
            .set_auth_type(way_to_authenticate(&metadata));
        let code = AuthorizationCode::new(brought.code.expose_secret().to_owned());
        let verifier = PkceCodeVerifier::new(brought.verifier.expose_secret().to_owned());
        let request = client
            .exchange_code(code)
            .map_err(|_| ProviderError::Refused("it has no token endpoint".to_owned()))?;
        let told = request.set_pkce_verifier(verifier).request_async(http).await;
        let told = told.map_err(|error| match error {
            RequestTokenError::ServerResponse(why) => ProviderError::Refused(why.error().to_string()),
            RequestTokenError::Request(why) => ProviderError::Unreachable(why.to_string()),
            // What it answered may hold what is secret: it is not told.
            RequestTokenError::Parse(..) | RequestTokenError::Other(_) => {
                ProviderError::Unreachable("it answered what nobody understands".to_owned())
            }
        })?;
        let token = told.id_token().cloned();
        let token = token.ok_or_else(|| ProviderError::Refused("it gave no ID token".to_owned()))?;
        Ok((token, told.access_token().clone()))
    }

    /// What the token says, if this provider has said it, to us, now, and in answer to what we asked.
    fn claims<'t>(
        &self,
        metadata: &CoreProviderMetadata,
        token: &'t CoreIdToken,
        brought: &ExternalCode,
        now: Time,
    ) -> Result<&'t CoreIdTokenClaims, ClaimsVerificationError> {
        let verifier = CoreIdTokenVerifier::new_public_client(
            self.client_id(),
            metadata.issuer().clone(),
            metadata.jwks().clone(),
        );
        let verifier = verifier.set_allowed_algs(SIGNATURES).set_time_fn(move || now);
        let nonce = Nonce::new(brought.nonce.expose_secret().to_owned());
        token.claims(&verifier, &nonce)
    }

    /// What the provider says of itself: as it said not longer than `fresh` ago.
    async fn metadata(
        &self,
        http: &Http,
        now: Time,
        fresh: TimeDelta,
    ) -> Result<Arc<CoreProviderMetadata>, ProviderError> {
        // Held while it is asked: whoever comes meanwhile waits for the one answer.
        let mut known = self.known.lock().await;
        if let Some(known) = known.as_ref().filter(|known| now - known.since < fresh) {
            return Ok(known.metadata.clone());
        }
        let issuer = IssuerUrl::new(self.issuer.url.clone());
        let issuer = issuer.map_err(|error| ProviderError::Unreachable(error.to_string()))?;
        let found = CoreProviderMetadata::discover_async(issuer, http).await;
        let found = found.map_err(|error| ProviderError::Unreachable(error.to_string()))?;
        let metadata = Arc::new(found);
        *known = Some(Known {
            metadata: metadata.clone(),
            since: now,
        });
        Ok(metadata)
    }

    fn client_id(&self) -> ClientId {
        ClientId::new(self.issuer.client_id.clone())
    }
}

/// The header, as the specification has it by default, unless the provider knows the body alone.
fn way_to_authenticate(metadata: &CoreProviderMetadata) -> AuthType {
    let ways = metadata.token_endpoint_auth_methods_supported();
    let has = |way| ways.is_none_or(|ways| ways.contains(&way));
    if has(CoreClientAuthMethod::ClientSecretBasic) {
        AuthType::BasicAuth
    } else {
        AuthType::RequestBody
    }
}

fn person(claims: &CoreIdTokenClaims) -> ExternalPerson {
    let name = claims.name().and_then(|names| names.get(None));
    ExternalPerson {
        issuer: claims.issuer().to_string(),
        subject: claims.subject().to_string(),
        email: claims.email().map(|email| email.to_string()),
        email_verified: claims.email_verified() == Some(true),
        name: name.map(|name| name.to_string()),
    }
}

fn redirect(address: &WebUrl) -> Result<RedirectUrl, ProviderError> {
    let address = RedirectUrl::new(address.as_str().to_owned());
    address.map_err(|error| ProviderError::Refused(error.to_string()))
}

fn untrue(error: ClaimsVerificationError) -> ProviderError {
    ProviderError::Refused(format!("its ID token is not to be believed: {error}"))
}
