//! Passkeys, as clients see them.

use async_graphql::{Context, ID, InputObject, Object, Result};
use chrono::{DateTime, Utc};
use secrecy::ExposeSecret;
use serde::de::DeserializeOwned;
use vitrine_domain::identity::{self, NewPasskey, Signature};
use vitrine_model::identity::passkey;

use crate::access::{Declared, Subject, Who, access, root_part};
use crate::error::{Trouble, UserError, UserErrorCode, answer, at, payload};
use crate::identity::session::{NewSession, Session, SessionTransport, current, device};
use crate::request::{RequestContext, parse_id};

/// A passkey: a key that one of her devices, or a password manager, keeps and signs in with. It belongs to the account
/// signed in.
#[derive(Debug, Clone)]
pub struct Passkey(pub(super) passkey::Model);

impl Subject for Passkey {
    async fn is_owned(&self, ctx: &Context<'_>) -> Result<bool> {
        Ok(ctx.viewer().account_id() == Some(self.0.account_id))
    }
}

/// A passkey: a key that one of her devices, or a password manager, keeps and signs in with. It belongs to the account
/// signed in.
#[Object(guard = Declared(self))]
impl Passkey {
    /// Its id.
    #[graphql(directive = access::apply(Who::Owner))]
    async fn id(&self) -> ID {
        self.0.id.to_string().into()
    }

    /// What she calls it.
    #[graphql(directive = access::apply(Who::Owner))]
    async fn name(&self) -> &str {
        self.0.name.as_str()
    }

    /// When it was made.
    #[graphql(directive = access::apply(Who::Owner))]
    async fn created_at(&self) -> DateTime<Utc> {
        self.0.created_at
    }

    /// When it last signed in; `null` when it never did.
    #[graphql(directive = access::apply(Who::Owner))]
    async fn last_used_at(&self) -> Option<DateTime<Utc>> {
        self.0.used_at
    }
}

/// A question to a device, to be answered once. It is told this once.
pub struct PasskeyChallenge(identity::PasskeyChallenge);

impl Subject for PasskeyChallenge {}

/// A question to a device, to be answered once. It is told this once.
#[Object(guard = Declared(self))]
impl PasskeyChallenge {
    /// Bring it back with the device's answer. It opens nothing by itself.
    #[graphql(directive = access::apply(Who::Anyone))]
    async fn token(&self) -> &str {
        self.0.token.expose_secret()
    }

    /// What the device is asked, as JSON. In a browser: `navigator.credentials.create` or `.get` with
    /// `publicKey: PublicKeyCredential.parseCreationOptionsFromJSON(…)` or `.parseRequestOptionsFromJSON(…)`.
    #[graphql(directive = access::apply(Who::Anyone))]
    async fn options(&self) -> &str {
        &self.0.options
    }

    /// Until when it can be answered.
    #[graphql(directive = access::apply(Who::Anyone))]
    async fn expires_at(&self) -> DateTime<Utc> {
        self.0.expires_at
    }
}

/// A passkey that a device has made.
#[derive(InputObject)]
pub struct PasskeyCreateInput {
    /// The token that `passkeyChallengeCreate` has answered.
    challenge: String,
    /// What the device has answered, as JSON: in a browser `JSON.stringify(credential)`.
    credential: String,
    /// What to call it in the list of passkeys; 255 characters at most.
    name: String,
}

/// Another name for a passkey.
#[derive(InputObject)]
pub struct PasskeyUpdateInput {
    /// Which.
    id: ID,
    /// What to call it; 255 characters at most.
    name: String,
}

/// A passkey to be taken away.
#[derive(InputObject)]
pub struct PasskeyRemoveInput {
    /// Which.
    id: ID,
}

/// What a passkey has signed.
#[derive(InputObject)]
pub struct PasskeySignatureInput {
    /// The token that `sessionPasskeyChallengeCreate` has answered.
    challenge: String,
    /// What the device has answered, as JSON: in a browser `JSON.stringify(credential)`.
    credential: String,
}

impl PasskeySignatureInput {
    pub(super) fn parse(self) -> std::result::Result<Signature, UserError> {
        Ok(Signature {
            challenge: self.challenge.into(),
            credential: answered(&self.credential)?,
        })
    }
}

/// Someone at the door, with a passkey.
#[derive(InputObject)]
pub struct SessionPasskeyCreateInput {
    /// What the passkey has signed.
    signature: PasskeySignatureInput,
    /// How the session's tokens shall travel.
    #[graphql(default_with = "SessionTransport::Bearer")]
    transport: SessionTransport,
    /// What to call the device in the list of sessions; 255 characters at most.
    device_name: Option<String>,
}

fn answered<T: DeserializeOwned>(credential: &str) -> std::result::Result<T, UserError> {
    serde_json::from_str(credential).map_err(|_| {
        let message = "this is not what a device answers: send PublicKeyCredential.toJSON() as text";
        UserError::new(UserErrorCode::Invalid, "credential", message)
    })
}

payload! {
    /// What came of `passkeyChallengeCreate`.
    PasskeyChallengeCreatePayload {
        /// What to ask the device.
        challenge: PasskeyChallenge
    }
}

payload! {
    /// What came of `passkeyCreate`.
    PasskeyCreatePayload {
        /// The passkey.
        passkey: Passkey
    }
}

payload! {
    /// What came of `passkeyUpdate`.
    PasskeyUpdatePayload {
        /// The passkey as it is now.
        passkey: Passkey
    }
}

payload! {
    /// What came of `passkeyRemove`.
    PasskeyRemovePayload {
        /// The passkey, which opens nothing any more.
        passkey: Passkey
    }
}

payload! {
    /// What came of `sessionPasskeyChallengeCreate`.
    SessionPasskeyChallengeCreatePayload {
        /// What to ask the device.
        challenge: PasskeyChallenge
    }
}

payload! {
    /// What came of `sessionPasskeyCreate`.
    SessionPasskeyCreatePayload {
        /// The new session and its tokens.
        session: NewSession
    }
}

root_part! {
    /// Mutations on passkeys.
    PasskeyMutation of "Mutation"
}

#[Object(guard = Declared(self))]
impl PasskeyMutation {
    /// Begins to make a passkey: answers what to ask the device. It takes a proved address. Codes: `EMAIL_UNVERIFIED`,
    /// `LIMIT_REACHED`, `STEP_UP_REQUIRED`, `WRONG_STATE`
    /// (this platform has no passkeys).
    #[graphql(directive = access::apply(Who::Account))]
    async fn passkey_challenge_create(&self, ctx: &Context<'_>) -> Result<PasskeyChallengeCreatePayload> {
        answer(ctx, async {
            let (by, proved) = (ctx.account()?, ctx.viewer().proved(ctx.cx())?);
            let asked = identity::request_passkey(ctx.cx(), by, proved).await?;
            Ok(PasskeyChallenge(asked))
        })
        .await
    }

    /// Keeps the passkey that the device has made: it signs in from now on, without password and code. Payouts to you, and
    /// to brands that you own, wait for some days. Codes: `EMAIL_UNVERIFIED`, `INVALID`, `LIMIT_REACHED`, `STEP_UP_REQUIRED`, `TAKEN`, `TOKEN_INVALID`,
    /// `WRONG_CREDENTIALS` (it is not what was asked), `WRONG_STATE`.
    #[graphql(directive = access::apply(Who::Account))]
    async fn passkey_create(
        &self,
        ctx: &Context<'_>,
        input: PasskeyCreateInput,
    ) -> Result<PasskeyCreatePayload> {
        answer(ctx, async {
            let (by, proved) = (ctx.account()?.id, ctx.viewer().proved(ctx.cx())?);
            let made = identity::create_passkey(ctx.cx(), by, input.parse()?, proved).await?;
            Ok(Passkey(made))
        })
        .await
    }

    /// Calls a passkey of yours something else. Codes: `INVALID`, `NOT_FOUND`.
    #[graphql(directive = access::apply(Who::Account))]
    async fn passkey_update(
        &self,
        ctx: &Context<'_>,
        input: PasskeyUpdateInput,
    ) -> Result<PasskeyUpdatePayload> {
        answer(ctx, async {
            let (by, id) = (ctx.account()?.id, parse_id(&input.id)?);
            let name = at("name", input.name.parse())?;
            Ok(Passkey(identity::rename_passkey(ctx.cx(), by, id, name).await?))
        })
        .await
    }

    /// Takes a passkey of yours away: it opens nothing any more. Your other sessions end, and payouts to you, and to brands
    /// that you own, wait for some days. Codes: `NOT_FOUND`, `STEP_UP_REQUIRED`.
    #[graphql(directive = access::apply(Who::Account))]
    async fn passkey_remove(
        &self,
        ctx: &Context<'_>,
        input: PasskeyRemoveInput,
    ) -> Result<PasskeyRemovePayload> {
        answer(ctx, async {
            let (by, current, id) = (ctx.account()?.id, current(ctx)?, parse_id(&input.id)?);
            let proved = ctx.viewer().proved(ctx.cx())?;
            let removed = identity::remove_passkey(ctx.cx(), by, current, id, proved).await?;
            Ok(Passkey(removed))
        })
        .await
    }

    /// Begins to sign in, or to prove anew who you are, by a passkey: answers what to ask the device, the same to everybody.
    /// Codes: `WRONG_STATE` (this platform has no passkeys).
    #[graphql(directive = access::apply(Who::Anyone))]
    async fn session_passkey_challenge_create(
        &self,
        ctx: &Context<'_>,
    ) -> Result<SessionPasskeyChallengeCreatePayload> {
        answer(ctx, async {
            let asked = identity::request_signature(ctx.cx()).await?;
            Ok(PasskeyChallenge(asked))
        })
        .await
    }

    /// Signs in by a passkey. It stands for password and second factor. Codes: `INVALID`, `TOKEN_INVALID`,
    /// `WRONG_CREDENTIALS`, `WRONG_STATE`.
    #[graphql(directive = access::apply(Who::Anyone))]
    async fn session_passkey_create(
        &self,
        ctx: &Context<'_>,
        input: SessionPasskeyCreateInput,
    ) -> Result<SessionPasskeyCreatePayload> {
        answer(ctx, async {
            let device = device(ctx, input.transport, input.device_name.as_deref())?;
            let (signature, from) = (input.signature.parse()?, &ctx.viewer().client);
            let session = identity::sign_in_by_passkey(ctx.cx(), signature, &device, from).await?;
            Ok(NewSession::handed(ctx, session))
        })
        .await
    }
}

impl PasskeyCreateInput {
    fn parse(self) -> std::result::Result<NewPasskey, Trouble> {
        Ok(NewPasskey {
            credential: answered(&self.credential)?,
            challenge: self.challenge.into(),
            name: at("name", self.name.parse())?,
        })
    }
}

/// Proves anew who is signed in, by a passkey.
pub(super) async fn step_up(
    ctx: &Context<'_>,
    signature: PasskeySignatureInput,
) -> std::result::Result<Session, Trouble> {
    let (by, current) = (ctx.account()?.id, current(ctx)?);
    let session = identity::step_up_by_passkey(ctx.cx(), by, current, signature.parse()?).await?;
    Ok(Session(session))
}
