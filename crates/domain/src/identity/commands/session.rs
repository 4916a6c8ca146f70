//! Signing in and out.

use chrono::TimeDelta;
use sea_orm::ActiveValue::{NotSet, Set};
use sea_orm::sea_query::Expr;
use sea_orm::{ActiveModelTrait, ColumnTrait, EntityTrait, QueryFilter};
use secrecy::SecretString;
use vitrine_model::id::{AccountId, SessionId};
use vitrine_model::identity::{account, credential, session};
use vitrine_model::text::{Email, Password};

use crate::context::Context;
use crate::event::{self, Actor};
use crate::failure::{Failure, OrRefuse};
use crate::identity::refusal::Refusal;
use crate::identity::rules::check_password;
use crate::secret;

/// Someone at the door.
#[derive(Debug, Clone)]
pub struct SignIn {
    /// Her address.
    pub email: Email,
    /// Her password.
    pub password: Password,
}

/// A session just begun. The token is told this once and never again.
#[derive(Debug, Clone)]
pub struct SignedIn {
    /// Who.
    pub account: account::Model,
    /// The session.
    pub session: session::Model,
    /// What opens it.
    pub token: SecretString,
}

/// Begins a session.
///
/// # Errors
/// `WrongCredentials`, which does not tell whether the address opens an account.
pub async fn sign_in(cx: &Context, by: SignIn) -> Result<SignedIn, Failure<Refusal>> {
    let account = account::Entity::find()
        .filter(account::Column::Email.eq(by.email))
        .one(cx.db())
        .await?;
    let hash = match &account {
        Some(account) => credential::Entity::find_by_id(account.id)
            .one(cx.db())
            .await?
            .map(|row| row.password_hash),
        None => None,
    };
    let right = check_password(cx, &by.password, hash).await?;
    let account = account.filter(|_| right).or_refuse(Refusal::WrongCredentials)?;
    let token = secret::new_secret(cx, "vs_");
    let tx = cx.begin().await?;
    let session = session::ActiveModel {
        id: Set(cx.new_id()),
        account_id: Set(account.id),
        token_hash: Set(secret::hash_secret(&token)),
        created_at: Set(cx.now()),
        expires_at: Set(cx.now() + TimeDelta::days(cx.settings().session_days)),
        revoked_at: NotSet,
    };
    let session = session.insert(&tx).await?;
    event::record(
        &tx,
        cx,
        Actor::Account(account.id),
        "session.created",
        session.id,
        &[],
    )
    .await?;
    tx.commit().await?;
    Ok(SignedIn {
        account,
        session,
        token,
    })
}

/// Ends one of one's own sessions, now.
///
/// # Errors
/// `SessionNotFound`.
pub async fn revoke_session(
    cx: &Context,
    by: AccountId,
    id: SessionId,
) -> Result<session::Model, Failure<Refusal>> {
    let tx = cx.begin().await?;
    let ended = session::Entity::update_many()
        .col_expr(session::Column::RevokedAt, Expr::value(cx.now()))
        .filter(session::Column::Id.eq(id))
        .filter(session::Column::AccountId.eq(by))
        .filter(session::Column::RevokedAt.is_null())
        .exec_with_returning(&tx)
        .await?;
    let session = ended.into_iter().next().or_refuse(Refusal::SessionNotFound)?;
    event::record(&tx, cx, Actor::Account(by), "session.revoked", id, &[]).await?;
    tx.commit().await?;
    Ok(session)
}
