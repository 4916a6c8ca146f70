//! Signing in at identity providers, as clients see it.

use async_graphql::{Context, ID, InputObject, Object, Result};
use chrono::{DateTime, Utc};
use secrecy::ExposeSecret;
use vitrine_domain::identity::{self, Entrance, ExternalFinish, ExternalStart};
use vitrine_model::identity::external_identity;

use crate::access::{Declared, Subject, Who, access, root_part};
use crate::error::{UserError, answer, at, payload};
use crate::identity::factor::SessionChallenge;
use crate::identity::session::{NewSession, SessionTransport, current, device, entrance_payload};
use crate::request::{RequestContext, parse_id};

/// A place where people can sign in, by OpenID Connect.
#[derive(Debug, Clone)]
pub struct IdentityProvider(String);

impl Subject for IdentityProvider {}

/// A place where people can sign in, by OpenID Connect.
#[Object(guard = Declared(self))]
impl IdentityProvider {
    /// What to call it in `sessionExternalStart`, such as `google`.
    #[graphql(directive = access::apply(Who::Anyone))]
    async fn name(&self) -> &str {
        &self.0
    }
}

/// Who someone is at an identity provider. It belongs to the account that it signs in to.
#[derive(Debug, Clone)]
pub struct ExternalIdentity(external_identity::Model);

impl ExternalIdentity {
    pub(super) fn new(row: external_identity::Model) -> Self {
        Self(row)
    }
}

impl Subject for ExternalIdentity {
    async fn is_owned(&self, ctx: &Context<'_>) -> Result<bool> {
        Ok(ctx.viewer().account_id() == Some(self.0.account_id))
    }
}

/// Who someone is at an identity provider. It belongs to the account that it signs in to.
#[Object(guard = Declared(self))]
impl ExternalIdentity {
    /// Its id.
    #[graphql(directive = access::apply(Who::Owner))]
    async fn id(&self) -> ID {
        self.0.id.to_string().into()
    }

    /// The provider's name when it was linked.
    #[graphql(directive = access::apply(Who::Owner))]
    async fn provider(&self) -> &str {
        &self.0.provider
    }

    /// The address that the provider told last; it need not be the account's.
    #[graphql(directive = access::apply(Who::Owner))]
    async fn email(&self) -> Option<&str> {
        self.0.email.as_ref().map(|email| email.as_str())
    }

    /// When it was linked.
    #[graphql(directive = access::apply(Who::Owner))]
    async fn created_at(&self) -> DateTime<Utc> {
        self.0.created_at
    }

    /// When it was last signed in by, or linked.
    #[graphql(directive = access::apply(Who::Owner))]
    async fn last_used_at(&self) -> DateTime<Utc> {
        self.0.used_at
    }
}

/// Where to send someone who wants to sign in at a provider.
#[derive(Debug, Clone)]
pub struct ExternalSignIn(ExternalStart);

impl Subject for ExternalSignIn {}

/// Where to send someone who wants to sign in at a provider.
#[Object(guard = Declared(self))]
impl ExternalSignIn {
    /// The provider's page: send the browser there. It comes back to the `redirectUri` with `state` and `code`.
    #[graphql(directive = access::apply(Who::Anyone))]
    async fn authorization_url(&self) -> &str {
        self.0.url.as_str()
    }

    /// Keep it where only this browser, or this app, reads it, such as `sessionStorage`, and bring it back with what the
    /// provider answers: so nobody is signed in by an answer that she has not asked for. It is told this once.
    #[graphql(directive = access::apply(Who::Anyone))]
    async fn key(&self) -> &str {
        self.0.key.expose_secret()
    }

    /// Until when the answer may be brought.
    #[graphql(directive = access::apply(Who::Anyone))]
    async fn expires_at(&self) -> DateTime<Utc> {
        self.0.expires_at
    }
}

/// Someone who wants to sign in at a provider.
#[derive(InputObject)]
pub struct SessionExternalStartInput {
    /// One of `identityProviders`, by its name.
    provider: String,
    /// Your frontend's page where the provider sends her back to. It is registered there, and stands at one of the origins
    /// that the operator allows.
    redirect_uri: String,
}

/// What a provider has answered.
#[derive(InputObject)]
pub struct SessionExternalFinishInput {
    /// The parameter `state` that the browser came back with.
    state: String,
    /// The parameter `code`.
    code: String,
    /// The parameter `iss`, if there was one: it must be the provider's own issuer, so that no other provider's answer is
    /// taken for its ([RFC 9207](https://www.rfc-editor.org/rfc/rfc9207)).
    iss: Option<String>,
    /// The `key` that was kept.
    key: String,
    /// How the tokens shall travel.
    #[graphql(default_with = "SessionTransport::Bearer")]
    transport: SessionTransport,
    /// What to call the device in the list of sessions; 255 characters at most.
    device_name: Option<String>,
}

/// What a provider has answered, to be linked to your account.
#[derive(InputObject)]
pub struct ExternalIdentityLinkInput {
    /// The parameter `state` that the browser came back with.
    state: String,
    /// The parameter `code`.
    code: String,
    /// The parameter `iss`, if there was one: it must be the provider's own issuer, so that no other provider's answer is
    /// taken for its ([RFC 9207](https://www.rfc-editor.org/rfc/rfc9207)).
    iss: Option<String>,
    /// The `key` that was kept.
    key: String,
}

/// An identity to take away.
#[derive(InputObject)]
pub struct ExternalIdentityUnlinkInput {
    /// One of your own.
    id: ID,
}

payload! {
    /// What came of `sessionExternalStart`.
    SessionExternalStartPayload {
        /// Where to send her.
        start: ExternalSignIn
    }
}

payload! {
    /// What came of `externalIdentityLink`.
    ExternalIdentityLinkPayload {
        /// The identity, which signs in to your account from now on.
        external_identity: ExternalIdentity
    }
}

payload! {
    /// What came of `externalIdentityUnlink`.
    ExternalIdentityUnlinkPayload {
        /// What the identity was.
        external_identity: ExternalIdentity
    }
}

entrance_payload! {
    /// What came of `sessionExternalFinish`: a session, or the question for the second factor.
    SessionExternalFinishPayload
}

root_part! {
    /// Queries about identity providers.
    ExternalQuery of "Query"
}

#[Object(guard = Declared(self))]
impl ExternalQuery {
    /// Where people can sign in beside here; the operator names them.
    #[graphql(directive = access::apply(Who::Anyone))]
    async fn identity_providers(&self, ctx: &Context<'_>) -> Vec<IdentityProvider> {
        let names = ctx.cx().platform().identity_providers.names();
        names.into_iter().map(IdentityProvider).collect()
    }
}

root_part! {
    /// Mutations on identities at providers.
    ExternalMutation of "Mutation"
}

#[Object(guard = Declared(self))]
impl ExternalMutation {
    /// Begins to sign in at an identity provider, or to link an identity there: whoever comes back within ten minutes goes on
    /// with `sessionExternalFinish` or `externalIdentityLink`. Codes: `INVALID`, `NOT_FOUND` (no such provider),
    /// `RETURN_URL_NOT_ALLOWED`, `IDENTITY_PROVIDER_FAILED`.
    #[graphql(directive = access::apply(Who::Anyone))]
    async fn session_external_start(
        &self,
        ctx: &Context<'_>,
        input: SessionExternalStartInput,
    ) -> Result<SessionExternalStartPayload> {
        answer(ctx, async {
            let redirect_uri = at("redirectUri", input.redirect_uri.parse())?;
            let start = identity::start_external(ctx.cx(), &input.provider, redirect_uri).await?;
            Ok(ExternalSignIn(start))
        })
        .await
    }

    /// Signs in with what an identity provider has answered. Where nobody is linked to that identity yet, an address that the
    /// provider has verified leads to the account with the same verified address, or to a new account. Codes: `INVALID`,
    /// `TOKEN_INVALID` (it took too long, or was used), `IDENTITY_PROVIDER_FAILED`, `EMAIL_UNVERIFIED` (by the provider),
    /// `LINK_REQUIRED` (an account has this address: sign in to it, then call `externalIdentityLink`).
    #[graphql(directive = access::apply(Who::Anyone))]
    async fn session_external_finish(
        &self,
        ctx: &Context<'_>,
        input: SessionExternalFinishInput,
    ) -> Result<SessionExternalFinishPayload> {
        answer(ctx, async {
            let device = device(ctx, input.transport, input.device_name.as_deref())?;
            let by = finish(input.state, input.key, (input.code, input.iss));
            let entrance = identity::finish_external(ctx.cx(), &by, &device, &ctx.viewer().client).await?;
            Ok(SessionExternalFinishPayload::entered(ctx, entrance))
        })
        .await
    }

    /// Links an identity at a provider to your account: it signs in to it from then on. Payouts to you, and to brands that you
    /// own, wait for some days. It takes a proved address. Codes: `EMAIL_UNVERIFIED`, `STEP_UP_REQUIRED`, `TOKEN_INVALID`, `IDENTITY_PROVIDER_FAILED`, `TAKEN` (it is linked
    /// already, or you have another one there).
    #[graphql(directive = access::apply(Who::Account))]
    async fn external_identity_link(
        &self,
        ctx: &Context<'_>,
        input: ExternalIdentityLinkInput,
    ) -> Result<ExternalIdentityLinkPayload> {
        answer(ctx, async {
            let (by, proof) = (ctx.account()?, ctx.viewer().proved(ctx.cx())?);
            let brought = finish(input.state, input.key, (input.code, input.iss));
            let linked = identity::link_external(ctx.cx(), by, &brought, proof).await?;
            Ok(ExternalIdentity(linked))
        })
        .await
    }

    /// Takes an identity away: nobody signs in with it any more, and your other sessions end. Who has no password sets one
    /// first, by `passwordResetRequest`. Codes: `STEP_UP_REQUIRED`, `NOT_FOUND`, `WRONG_STATE` (it is your only way in).
    #[graphql(directive = access::apply(Who::Account))]
    async fn external_identity_unlink(
        &self,
        ctx: &Context<'_>,
        input: ExternalIdentityUnlinkInput,
    ) -> Result<ExternalIdentityUnlinkPayload> {
        answer(ctx, async {
            let (by, current, id) = (ctx.account()?, current(ctx)?, parse_id(&input.id)?);
            let proof = ctx.viewer().proved(ctx.cx())?;
            let removed = identity::unlink_external(ctx.cx(), by.id, current, id, proof).await?;
            Ok(ExternalIdentity(removed))
        })
        .await
    }
}

fn finish(state: String, key: String, (code, issuer): (String, Option<String>)) -> ExternalFinish {
    ExternalFinish {
        state: state.into(),
        key: key.into(),
        code: code.into(),
        issuer,
    }
}
