//! Sessions, as clients see them.

use async_graphql::{Context, Enum, ID, InputObject, Object, Result};
use chrono::{DateTime, Utc};
use secrecy::{ExposeSecret, SecretString};
use vitrine_domain::failure::{Failure, OrRefuse};
use vitrine_domain::identity::{self, Device, Entrance, Refusal, SignIn, SignedIn};
use vitrine_model::id::SessionId;
use vitrine_model::identity::{Transport, session};
use vitrine_model::text::{Label, Password};

use crate::access::{Declared, Subject, Who, access, root_part};
use crate::cookies::check_transport;
use crate::error::{Trouble, UserError, UserErrorCode, answer, at, at_opt, code, payload, protocol_error};
use crate::identity::factor::SessionChallenge;
use crate::request::{RequestContext, parse_id};

/// One signed-in device. It belongs to the account signed in.
#[derive(Debug, Clone)]
pub struct Session(pub(super) session::Model);

impl Session {
    /// Has the browser throw the cookies away if they were this session's.
    fn forgotten(self, ctx: &Context<'_>) -> Self {
        let current = ctx.viewer().session.as_ref().map(|session| session.id);
        if current == Some(self.0.id) && self.0.transport == Transport::Cookie {
            ctx.cookies().forget();
        }
        self
    }
}

impl Subject for Session {
    async fn is_owned(&self, ctx: &Context<'_>) -> Result<bool> {
        Ok(ctx.viewer().account_id() == Some(self.0.account_id))
    }
}

/// One signed-in device. It belongs to the account signed in.
#[Object(guard = Declared(self))]
impl Session {
    /// Its id.
    #[graphql(directive = access::apply(Who::Owner))]
    async fn id(&self) -> ID {
        self.0.id.to_string().into()
    }

    /// When it began.
    #[graphql(directive = access::apply(Who::Owner))]
    async fn created_at(&self) -> DateTime<Utc> {
        self.0.created_at
    }

    /// When its tokens were last made anew, or when it began: it was used then, and for some minutes after.
    #[graphql(directive = access::apply(Who::Owner))]
    async fn last_used_at(&self) -> DateTime<Utc> {
        self.0.used_at
    }

    /// When it ends by itself, unless it is refreshed before.
    #[graphql(directive = access::apply(Who::Owner))]
    async fn expires_at(&self) -> DateTime<Utc> {
        self.0.refresh_expires_at
    }

    /// Until when it is taken for proved who is signed in: what answers `STEP_UP_REQUIRED` can be done until then.
    #[graphql(directive = access::apply(Who::Owner))]
    async fn proved_until(&self) -> DateTime<Utc> {
        identity::proved_until(&self.0)
    }

    /// When it ends however often it is refreshed.
    #[graphql(directive = access::apply(Who::Owner))]
    async fn ends_at(&self) -> DateTime<Utc> {
        self.0.ends_at
    }

    /// What the device was called by whoever signed in with it.
    #[graphql(directive = access::apply(Who::Owner))]
    async fn device_name(&self) -> Option<&str> {
        self.0.device_name.as_ref().map(Label::as_str)
    }

    /// What the device calls itself: the header `User-Agent` with which the session was begun.
    #[graphql(directive = access::apply(Who::Owner))]
    async fn user_agent(&self) -> Option<&str> {
        self.0.user_agent.as_deref()
    }

    /// How its tokens travel.
    #[graphql(directive = access::apply(Who::Owner))]
    async fn transport(&self) -> SessionTransport {
        self.0.transport.into()
    }

    /// Whether this request was made with it.
    #[graphql(directive = access::apply(Who::Owner))]
    async fn is_current(&self, ctx: &Context<'_>) -> bool {
        ctx.viewer()
            .session
            .as_ref()
            .is_some_and(|session| session.id == self.0.id)
    }
}

/// How a session's tokens travel.
#[derive(Enum, Copy, Clone, Debug, PartialEq, Eq)]
#[graphql(remote = "Transport")]
pub enum SessionTransport {
    /// In the header `Authorization`: the client keeps them itself. For apps and servers.
    Bearer,
    /// In cookies that no script can read. For browsers on the operator's own pages; every request that brings them must
    /// come from there.
    Cookie,
}

/// A session just begun or refreshed, with the tokens that open it.
pub struct NewSession(pub(super) SignedIn);

impl NewSession {
    /// Hands the tokens over in the way they travel.
    pub(super) fn handed(ctx: &Context<'_>, signed_in: SignedIn) -> Self {
        ctx.cookies().keep(&signed_in);
        Self(signed_in)
    }

    fn told<'a>(&self, token: &'a SecretString) -> Option<&'a str> {
        (self.0.session.transport == Transport::Bearer).then(|| token.expose_secret())
    }
}

impl Subject for NewSession {}

/// A session just begun or refreshed, with the tokens that open it.
#[Object(guard = Declared(self))]
impl NewSession {
    /// Send it as `Authorization: Bearer …`. It is told this once: keep it secret. `null` when it was set as a cookie.
    #[graphql(directive = access::apply(Who::Anyone))]
    async fn access_token(&self) -> Option<&str> {
        self.told(&self.0.tokens.access)
    }

    /// Until when the access token is good. Refresh the session shortly before.
    #[graphql(directive = access::apply(Who::Anyone))]
    async fn access_token_expires_at(&self) -> DateTime<Utc> {
        self.0.session.access_expires_at
    }

    /// Send it to `sessionRefresh`, once: each refresh gives another. It is told this once: keep it where only your app
    /// reads it. `null` when it was set as a cookie.
    #[graphql(directive = access::apply(Who::Anyone))]
    async fn refresh_token(&self) -> Option<&str> {
        self.told(&self.0.tokens.refresh)
    }

    /// Until when the refresh token is good. The session ends then by itself.
    #[graphql(directive = access::apply(Who::Anyone))]
    async fn refresh_token_expires_at(&self) -> DateTime<Utc> {
        self.0.session.refresh_expires_at
    }

    /// The id of the session, for `sessionRevoke`.
    #[graphql(directive = access::apply(Who::Anyone))]
    async fn session_id(&self) -> ID {
        self.0.session.id.to_string().into()
    }

    /// The id of the account signed in.
    #[graphql(directive = access::apply(Who::Anyone))]
    async fn account_id(&self) -> ID {
        self.0.account_id.to_string().into()
    }
}

/// What someone signs in with. The default is an app that keeps its tokens itself and has no name.
pub(super) fn device(
    ctx: &Context<'_>,
    transport: SessionTransport,
    name: Option<&str>,
) -> std::result::Result<Device, Trouble> {
    check_transport(&ctx.viewer().client, transport.into())?;
    Ok(Device {
        name: at_opt("deviceName", name)?,
        transport: transport.into(),
    })
}

/// Someone at the door.
#[derive(InputObject)]
pub struct SessionCreateInput {
    /// The account's address.
    email: String,
    /// The account's password.
    password: String,
    /// How the tokens shall travel.
    #[graphql(default_with = "SessionTransport::Bearer")]
    transport: SessionTransport,
    /// What to call the device in the list of sessions; 255 characters at most.
    device_name: Option<String>,
}

impl SessionCreateInput {
    fn parse(&self, ctx: &Context<'_>) -> std::result::Result<SignIn, Trouble> {
        Ok(SignIn {
            email: at("email", self.email.parse())?,
            password: Password::typed(&self.password),
            device: device(ctx, self.transport, self.device_name.as_deref())?,
        })
    }
}

/// A session to go on with.
#[derive(InputObject)]
pub struct SessionRefreshInput {
    /// The refresh token told last. Leave it out where it is kept as a cookie.
    refresh_token: Option<String>,
}

/// A session to end.
#[derive(InputObject)]
pub struct SessionRevokeInput {
    /// One of your own sessions; the one this request is made with when absent.
    id: Option<ID>,
    /// In place of an access token: any refresh token of the session to end. Leave it out where it is kept as a cookie.
    refresh_token: Option<String>,
}

/// Declares what a mutation answers that signs in: a session, or the question for the second factor.
macro_rules! entrance_payload {
    ($(#[$meta:meta])* $name:ident) => {
        $(#[$meta])*
        pub struct $name {
            session: Option<NewSession>,
            challenge: Option<SessionChallenge>,
            user_errors: Vec<UserError>,
        }

        impl $name {
            fn entered(ctx: &Context<'_>, entrance: Entrance) -> Self {
                let (session, challenge) = match entrance {
                    Entrance::Session(signed_in) => (Some(NewSession::handed(ctx, *signed_in)), None),
                    Entrance::Challenge(asked) => (None, Some(SessionChallenge::from(asked))),
                };
                Self {
                    session,
                    challenge,
                    user_errors: Vec::new(),
                }
            }
        }

        impl From<std::result::Result<Self, UserError>> for $name {
            fn from(outcome: std::result::Result<Self, UserError>) -> Self {
                outcome.unwrap_or_else(|error| Self {
                    session: None,
                    challenge: None,
                    user_errors: vec![error],
                })
            }
        }

        impl Subject for $name {}

        $(#[$meta])*
        #[Object(guard = Declared(self))]
        impl $name {
            /// The new session and its tokens; `null` for who has a second factor.
            #[graphql(directive = access::apply(Who::Anyone))]
            async fn session(&self) -> Option<&NewSession> {
                self.session.as_ref()
            }

            /// What to answer with a code, by `sessionChallengeAnswer`; `null` for who has no second factor.
            #[graphql(directive = access::apply(Who::Anyone))]
            async fn challenge(&self) -> Option<&SessionChallenge> {
                self.challenge.as_ref()
            }

            /// Why nothing was changed; empty when all went well.
            #[graphql(directive = access::apply(Who::Anyone))]
            async fn user_errors(&self) -> &[UserError] {
                &self.user_errors
            }
        }
    };
}
pub(super) use entrance_payload;

entrance_payload! {
    /// What came of `sessionCreate`: a session, or the question for the second factor.
    SessionCreatePayload
}

payload! {
    /// What came of `sessionRefresh`.
    SessionRefreshPayload {
        /// The session and its new tokens. Those before open nothing any more.
        session: NewSession
    }
}

payload! {
    /// What came of `sessionsRevokeOthers`.
    SessionsRevokeOthersPayload {
        /// The sessions ended.
        sessions: Vec<Session>
    }
}

payload! {
    /// What came of `sessionRevoke`.
    SessionRevokePayload {
        /// The session, ended.
        session: Session
    }
}

root_part! {
    /// Mutations on sessions.
    SessionMutation of "Mutation"
}

#[Object(guard = Declared(self))]
impl SessionMutation {
    /// Signs in; who has a second factor is asked for a code next. After ten tries within a quarter of an hour an account stays
    /// shut until that is over, whatever is tried, but not to who tries from where its owner has signed in before: her tries
    /// are counted apart. An address is shut after three hundred that failed. Of more than fifty sessions of an account the one
    /// longest unused ends, and so does the one whose cookies this browser still has. Codes: `INVALID`, `WRONG_CREDENTIALS`, `TOO_MANY_ATTEMPTS`.
    #[graphql(directive = access::apply(Who::Anyone))]
    async fn session_create(
        &self,
        ctx: &Context<'_>,
        input: SessionCreateInput,
    ) -> Result<SessionCreatePayload> {
        answer(ctx, async {
            let (by, from) = (input.parse(ctx)?, &ctx.viewer().client);
            let entrance = identity::sign_in(ctx.cx(), by, from).await?;
            Ok(SessionCreatePayload::entered(ctx, entrance))
        })
        .await
    }

    /// Goes on with a session: answers new tokens, and the old ones open nothing any more. Send it without the header
    /// `Authorization`, shortly before the access token expires, and never twice with the same refresh token: the second
    /// time ends the session, for somebody else may have sent it. Where several tabs or processes share a session, let one
    /// of them refresh at a time. Codes: `TOKEN_INVALID`.
    #[graphql(directive = access::apply(Who::Anyone))]
    async fn session_refresh(
        &self,
        ctx: &Context<'_>,
        input: SessionRefreshInput,
    ) -> Result<SessionRefreshPayload> {
        answer(ctx, refreshed(ctx, input)).await
    }

    /// Signs out one of your devices, at once. Without the header `Authorization`, and from a browser whose access token has
    /// run out, the session's refresh token is proof enough; nothing of the session is told then. Codes: `NOT_FOUND`,
    /// `TOKEN_INVALID`.
    #[graphql(directive = access::apply(Who::Anyone))]
    async fn session_revoke(
        &self,
        ctx: &Context<'_>,
        input: SessionRevokeInput,
    ) -> Result<SessionRevokePayload> {
        answer(ctx, ended(ctx, input)).await
    }

    /// Signs out all your devices but this one, at once.
    #[graphql(directive = access::apply(Who::Account))]
    async fn sessions_revoke_others(&self, ctx: &Context<'_>) -> Result<SessionsRevokeOthersPayload> {
        answer(ctx, async {
            let (by, current) = (ctx.account()?, current(ctx)?);
            let ended = identity::revoke_other_sessions(ctx.cx(), by.id, current).await?;
            Ok(ended.into_iter().map(Session).collect())
        })
        .await
    }
}

/// The session that the request is made with.
pub(super) fn current(ctx: &Context<'_>) -> Result<SessionId> {
    let session = ctx.viewer().session.as_ref().map(|session| session.id);
    session.ok_or_else(|| protocol_error(code::FORBIDDEN, "do this signed in with a session of your own"))
}

/// Whoever is signed in says which of hers; all others bring the session's refresh token.
async fn ended(ctx: &Context<'_>, input: SessionRevokeInput) -> std::result::Result<Session, Trouble> {
    if let (Some(current), None) = (&ctx.viewer().session, &input.refresh_token) {
        let id = input.id.as_ref().map_or(Ok(current.id), parse_id)?;
        let ended = identity::revoke_session(ctx.cx(), current.account_id, id).await?;
        return Ok(Session(ended).forgotten(ctx));
    }
    let brought = refresh_token(ctx, input.refresh_token);
    let (token, transport) = brought.or_refuse(Refusal::SessionNotFound)?;
    if transport == Transport::Cookie {
        // Whatever comes of it: who signs out on a browser wants it empty.
        ctx.cookies().forget();
    }
    let ended = identity::sign_out(ctx.cx(), &token, transport).await?;
    Ok(Session(ended))
}

/// The token's transport tells where it came from: what is kept as a cookie is read from there only.
fn refresh_token(ctx: &Context<'_>, given: Option<String>) -> Option<(SecretString, Transport)> {
    let kept = || Some((ctx.viewer().client.refresh.clone()?, Transport::Cookie));
    given.map(|token| (token.into(), Transport::Bearer)).or_else(kept)
}

async fn refreshed(
    ctx: &Context<'_>,
    input: SessionRefreshInput,
) -> std::result::Result<NewSession, Trouble> {
    let missing = || {
        let code = UserErrorCode::TokenInvalid;
        UserError::new(code, "refreshToken", "sign in: there is no token")
    };
    let (token, transport) = refresh_token(ctx, input.refresh_token).ok_or_else(missing)?;
    match identity::refresh_session(ctx.cx(), &token, transport).await {
        Ok(signed_in) => Ok(NewSession::handed(ctx, signed_in)),
        Err(failure) => {
            if transport == Transport::Cookie && matches!(failure, Failure::Refused(_)) {
                ctx.cookies().forget();
            }
            Err(failure.into())
        }
    }
}
