//! Sessions, as clients see them.

use async_graphql::{Context, ID, InputObject, Object, Result};
use chrono::{DateTime, Utc};
use secrecy::ExposeSecret;
use vitrine_domain::identity::{self, SignIn};
use vitrine_model::identity::session;
use vitrine_model::text::Password;

use crate::access::{Declared, Subject, Who, access, root_part};
use crate::error::{UserError, answer, at, payload};
use crate::request::{RequestContext, parse_id};

/// One signed-in device. It belongs to the account signed in.
#[derive(Debug, Clone)]
pub struct Session(pub(super) session::Model);

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

    /// When it ends by itself.
    #[graphql(directive = access::apply(Who::Owner))]
    async fn expires_at(&self) -> DateTime<Utc> {
        self.0.expires_at
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

/// A session just begun, with the token that opens it.
pub struct NewSession(identity::SignedIn);

impl Subject for NewSession {}

/// A session just begun, with the token that opens it.
#[Object(guard = Declared(self))]
impl NewSession {
    /// Send it as `Authorization: Bearer …`. It is told this once: keep it, and keep it secret.
    #[graphql(directive = access::apply(Who::Anyone))]
    async fn token(&self) -> &str {
        self.0.token.expose_secret()
    }

    /// When it ends by itself.
    #[graphql(directive = access::apply(Who::Anyone))]
    async fn expires_at(&self) -> DateTime<Utc> {
        self.0.session.expires_at
    }

    /// The id of the session, for `sessionRevoke`.
    #[graphql(directive = access::apply(Who::Anyone))]
    async fn session_id(&self) -> ID {
        self.0.session.id.to_string().into()
    }

    /// The id of the account signed in.
    #[graphql(directive = access::apply(Who::Anyone))]
    async fn account_id(&self) -> ID {
        self.0.account.id.to_string().into()
    }
}

/// Someone at the door.
#[derive(InputObject)]
pub struct SessionCreateInput {
    /// The account's address.
    email: String,
    /// The account's password.
    password: String,
}

impl SessionCreateInput {
    fn parse(&self) -> std::result::Result<SignIn, UserError> {
        Ok(SignIn {
            email: at("email", self.email.parse())?,
            password: Password::typed(&self.password),
        })
    }
}

/// A session to end.
#[derive(InputObject)]
pub struct SessionRevokeInput {
    /// One of your own sessions.
    id: ID,
}

payload! {
    /// What came of `sessionCreate`.
    SessionCreatePayload {
        /// The new session and its token.
        session: NewSession
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
    /// Signs in. Codes: `INVALID`, `WRONG_CREDENTIALS`.
    #[graphql(directive = access::apply(Who::Anyone))]
    async fn session_create(
        &self,
        ctx: &Context<'_>,
        input: SessionCreateInput,
    ) -> Result<SessionCreatePayload> {
        answer(ctx, async {
            let by = input.parse()?;
            Ok(NewSession(identity::sign_in(ctx.cx(), by).await?))
        })
        .await
    }

    /// Signs out one of your devices. Codes: `NOT_FOUND`.
    #[graphql(directive = access::apply(Who::Account))]
    async fn session_revoke(
        &self,
        ctx: &Context<'_>,
        input: SessionRevokeInput,
    ) -> Result<SessionRevokePayload> {
        answer(ctx, async {
            let (by, id) = (ctx.account()?, parse_id(&input.id)?);
            Ok(Session(identity::revoke_session(ctx.cx(), by.id, id).await?))
        })
        .await
    }
}
