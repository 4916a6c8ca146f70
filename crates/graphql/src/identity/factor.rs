//! Second factors, and proving anew who one is, as clients see it.

use async_graphql::{Context, InputObject, Object, Result};
use chrono::{DateTime, Utc};
use secrecy::{ExposeSecret, SecretString};
use vitrine_domain::identity::{self, Enrolment, SecondStep};
use vitrine_model::text::Password;

use crate::access::{Declared, Subject, Who, access, root_part};
use crate::error::{Trouble, answer, payload};
use crate::identity::account::Account;
use crate::identity::passkey::{self, PasskeySignatureInput};
use crate::identity::session::{NewSession, Session, SessionTransport, current, device};
use crate::request::RequestContext;

/// What signing in with the password has begun, for who has a second factor.
pub struct SessionChallenge {
    token: SecretString,
    expires_at: DateTime<Utc>,
}

impl From<identity::Challenge> for SessionChallenge {
    fn from(identity::Challenge { token, expires_at }: identity::Challenge) -> Self {
        Self { token, expires_at }
    }
}

impl Subject for SessionChallenge {}

/// What signing in with the password has begun, for who has a second factor.
#[Object(guard = Declared(self))]
impl SessionChallenge {
    /// Send it to `sessionChallengeAnswer`, with a code. It opens nothing by itself.
    #[graphql(directive = access::apply(Who::Anyone))]
    async fn token(&self) -> &str {
        self.token.expose_secret()
    }

    /// Until when it can be answered.
    #[graphql(directive = access::apply(Who::Anyone))]
    async fn expires_at(&self) -> DateTime<Utc> {
        self.expires_at
    }
}

/// An authenticator app to be set up. It is told this once.
pub struct TotpEnrolment(Enrolment);

impl Subject for TotpEnrolment {}

/// An authenticator app to be set up. It is told this once.
#[Object(guard = Declared(self))]
impl TotpEnrolment {
    /// The secret in base32, for typing it into the app.
    #[graphql(directive = access::apply(Who::Anyone))]
    async fn secret(&self) -> &str {
        self.0.secret.expose_secret()
    }

    /// The same as an address `otpauth://totp/…`: show it as a QR code. Codes have six digits and change every 30 seconds.
    #[graphql(directive = access::apply(Who::Anyone))]
    async fn url(&self) -> &str {
        self.0.url.expose_secret()
    }
}

/// Codes for whoever has lost her second factor. They are told this once.
pub struct RecoveryCodes(Vec<SecretString>);

impl Subject for RecoveryCodes {}

/// Codes for whoever has lost her second factor. They are told this once.
#[Object(guard = Declared(self))]
impl RecoveryCodes {
    /// Ten codes, each good once in place of the app's. Let her print them.
    #[graphql(directive = access::apply(Who::Anyone))]
    async fn codes(&self) -> Vec<&str> {
        self.0.iter().map(ExposeSecret::expose_secret).collect()
    }
}

/// The second step of signing in.
#[derive(InputObject)]
pub struct SessionChallengeAnswerInput {
    /// The token that `sessionCreate` has answered.
    challenge: String,
    /// The six digits that the app shows, or a recovery code.
    code: String,
    /// How the session's tokens shall travel.
    #[graphql(default_with = "SessionTransport::Bearer")]
    transport: SessionTransport,
    /// What to call the device in the list of sessions; 255 characters at most.
    device_name: Option<String>,
}

impl SessionChallengeAnswerInput {
    fn parse(self, ctx: &Context<'_>) -> std::result::Result<SecondStep, Trouble> {
        Ok(SecondStep {
            device: device(ctx, self.transport, self.device_name.as_deref())?,
            challenge: self.challenge.into(),
            code: self.code,
        })
    }
}

/// A proof of who is signed in.
#[derive(InputObject)]
pub struct SessionStepUpInput {
    /// The account's password. It is what is asked of who has no second factor.
    password: Option<String>,
    /// The six digits that the app shows, or a recovery code. It is what is asked of who has a second factor.
    code: Option<String>,
    /// What a passkey of hers has signed. It does in place of either.
    passkey: Option<PasskeySignatureInput>,
}

/// An authenticator app that is set up.
#[derive(InputObject)]
pub struct TotpConfirmInput {
    /// The six digits that the app shows.
    code: String,
}

payload! {
    /// What came of `sessionChallengeAnswer`.
    SessionChallengeAnswerPayload {
        /// The new session and its tokens.
        session: NewSession
    }
}

payload! {
    /// What came of `sessionStepUp`.
    SessionStepUpPayload {
        /// The session, proved for ten minutes.
        session: Session
    }
}

payload! {
    /// What came of `totpEnrol`.
    TotpEnrolPayload {
        /// What to set the app up with.
        enrolment: TotpEnrolment
    }
}

payload! {
    /// What came of `totpConfirm`.
    TotpConfirmPayload {
        /// The codes to keep.
        recovery_codes: RecoveryCodes
    }
}

payload! {
    /// What came of `totpRemove`.
    TotpRemovePayload {
        /// The account, which opens by password alone.
        account: Account
    }
}

payload! {
    /// What came of `recoveryCodesRenew`.
    RecoveryCodesRenewPayload {
        /// The codes to keep. Those before are void.
        recovery_codes: RecoveryCodes
    }
}

root_part! {
    /// Mutations on second factors.
    FactorMutation of "Mutation"
}

#[Object(guard = Declared(self))]
impl FactorMutation {
    /// Ends what `sessionCreate` began for who has a second factor. Codes: `INVALID`, `TOKEN_INVALID`, `WRONG_CODE`,
    /// `TOO_MANY_ATTEMPTS`.
    #[graphql(directive = access::apply(Who::Anyone))]
    async fn session_challenge_answer(
        &self,
        ctx: &Context<'_>,
        input: SessionChallengeAnswerInput,
    ) -> Result<SessionChallengeAnswerPayload> {
        answer(ctx, async {
            let (by, from) = (input.parse(ctx)?, &ctx.viewer().client);
            let signed_in = identity::answer_challenge(ctx.cx(), by, from).await?;
            Ok(NewSession::handed(ctx, signed_in))
        })
        .await
    }

    /// Proves anew who is signed in, for ten minutes: what answers `STEP_UP_REQUIRED` can be done then. Signing in is such
    /// a proof too. Codes: `INVALID`, `TOKEN_INVALID`, `WRONG_CREDENTIALS`, `WRONG_CODE`, `TOO_MANY_ATTEMPTS`, `NOT_FOUND`.
    #[graphql(directive = access::apply(Who::Account))]
    async fn session_step_up(
        &self,
        ctx: &Context<'_>,
        input: SessionStepUpInput,
    ) -> Result<SessionStepUpPayload> {
        answer(ctx, async {
            match input.passkey {
                Some(signature) => passkey::step_up(ctx, signature).await,
                None => stepped_up(ctx, input.password, input.code).await,
            }
        })
        .await
    }

    /// Begins to set up an authenticator app as your second factor. It asks for nothing until `totpConfirm`. It takes a proved
    /// address. Codes: `EMAIL_UNVERIFIED`, `STEP_UP_REQUIRED`, `WRONG_STATE` (you have one).
    #[graphql(directive = access::apply(Who::Account))]
    async fn totp_enrol(&self, ctx: &Context<'_>) -> Result<TotpEnrolPayload> {
        answer(ctx, async {
            let (by, proof) = (ctx.account()?, ctx.viewer().proved(ctx.cx())?);
            Ok(TotpEnrolment(identity::enrol_totp(ctx.cx(), by, proof).await?))
        })
        .await
    }

    /// Turns your second factor on by a code that the app shows. Your other sessions end, and payouts to you and to brands
    /// that you own wait for some days. Codes: `STEP_UP_REQUIRED`, `WRONG_STATE` (there is none to confirm),
    /// `WRONG_CODE`, `TOO_MANY_ATTEMPTS`.
    #[graphql(directive = access::apply(Who::Account))]
    async fn totp_confirm(&self, ctx: &Context<'_>, input: TotpConfirmInput) -> Result<TotpConfirmPayload> {
        answer(ctx, async {
            let (by, proof) = (ctx.account()?, ctx.viewer().proved(ctx.cx())?);
            let (current, from) = (current(ctx)?, &ctx.viewer().client);
            let codes = identity::confirm_totp(ctx.cx(), by.id, current, &input.code, from, proof).await?;
            Ok(RecoveryCodes(codes))
        })
        .await
    }

    /// Takes your second factor away. Your other sessions end, and payouts to you and to brands that you own wait for some
    /// days. Codes: `STEP_UP_REQUIRED`, `WRONG_STATE` (you have none).
    #[graphql(directive = access::apply(Who::Account))]
    async fn totp_remove(&self, ctx: &Context<'_>) -> Result<TotpRemovePayload> {
        answer(ctx, async {
            let (by, proof) = (ctx.account()?, ctx.viewer().proved(ctx.cx())?);
            identity::remove_totp(ctx.cx(), by.id, current(ctx)?, proof).await?;
            Ok(Account(by.clone()))
        })
        .await
    }

    /// Gives you recovery codes in place of those you had. Payouts to you and to brands that you own wait for some days.
    /// Codes: `STEP_UP_REQUIRED`, `WRONG_STATE` (you have no second factor).
    #[graphql(directive = access::apply(Who::Account))]
    async fn recovery_codes_renew(&self, ctx: &Context<'_>) -> Result<RecoveryCodesRenewPayload> {
        answer(ctx, async {
            let (by, proof) = (ctx.account()?, ctx.viewer().proved(ctx.cx())?);
            let codes = identity::renew_recovery_codes(ctx.cx(), by.id, proof).await?;
            Ok(RecoveryCodes(codes))
        })
        .await
    }
}

/// Proves anew who is signed in, by her code or password.
async fn stepped_up(
    ctx: &Context<'_>,
    password: Option<String>,
    code: Option<String>,
) -> std::result::Result<Session, Trouble> {
    let (by, current, from) = (ctx.account()?, current(ctx)?, &ctx.viewer().client);
    let password = password.as_deref().map(Password::typed);
    let proof = (password.as_ref(), code.as_deref());
    let session = identity::step_up(ctx.cx(), by, current, proof, from).await?;
    Ok(Session(session))
}
