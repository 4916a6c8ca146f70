//! Signing in, going on, and signing out.

use sea_orm::ActiveValue::{NotSet, Set};
use sea_orm::sea_query::Expr;
use sea_orm::{
    ActiveModelTrait, ColumnTrait, Condition, DbErr, EntityTrait, QueryFilter, QueryOrder, QuerySelect,
    Select, UpdateMany,
};
use secrecy::SecretString;
use vitrine_model::Time;
use vitrine_model::id::{AccountId, SessionId};
use vitrine_model::identity::{Ending, Transport, account, credential, session};
use vitrine_model::text::{Email, Label, Password};

use crate::context::{Context, Tx};
use crate::event::{self, Actor};
use crate::failure::{Failure, OrRefuse, refuse};
use crate::identity::allowance::{self, Client};
use crate::identity::commands::{external, invitation};
use crate::identity::refusal::Refusal;
use crate::identity::rules::check_password;
use crate::identity::tokens::{self, Tokens};
use crate::identity::{factor, freeze, letter_token, passkey};
use crate::secret;

/// Days for which an ended session is remembered: whoever still has a token of it is told that it was ended.
const REMEMBERED_DAYS: i64 = 30;

/// Most sessions an account has at a time.
const MOST_SESSIONS: u64 = 50;

/// Someone at the door.
#[derive(Debug, Clone)]
pub struct SignIn {
    /// Her address.
    pub email: Email,
    /// Her password.
    pub password: Password,
    /// What she signs in with.
    pub device: Device,
}

/// What a session is begun with.
#[derive(Debug, Clone)]
pub struct Device {
    /// What she calls it.
    pub name: Option<Label>,
    /// How its tokens travel.
    pub transport: Transport,
}

/// A session just begun, or gone on with. The tokens are told this once and never again.
#[derive(Debug, Clone)]
pub struct SignedIn {
    /// Who.
    pub account_id: AccountId,
    /// The session.
    pub session: session::Model,
    /// What opens it.
    pub tokens: Tokens,
}

/// What comes of a right password.
#[derive(Debug, Clone)]
pub enum Entrance {
    /// A session.
    Session(Box<SignedIn>),
    /// The question for her second factor.
    Challenge(Challenge),
}

/// The first of two steps is done.
#[derive(Debug, Clone)]
pub struct Challenge {
    /// To be brought back with a code.
    pub token: SecretString,
    /// Until when.
    pub expires_at: Time,
}

/// Begins a session, or asks for the second factor of who has one.
///
/// # Errors
/// `WrongCredentials`, which does not tell whether the address opens an account; `TooManyAttempts`, which does not tell
/// either.
pub async fn sign_in(cx: &Context, by: SignIn, from: &Client) -> Result<Entrance, Failure<Refusal>> {
    // Counted before the password is looked at, so that tries made at once are all counted.
    let whom = allowance::who_tries(cx, &by.email, from).await?;
    let tries = allowance::SIGN_IN.spend(cx, &whom, from).await?;
    let account = account::Entity::find()
        .filter(account::Column::Email.eq(by.email))
        .one(cx.db())
        .await?;
    let credential = match &account {
        Some(account) => credential::Entity::find_by_id(account.id).one(cx.db()).await?,
        None => None,
    };
    let hash = credential.as_ref().map(|row| row.password_hash.clone());
    let right = check_password(cx, &by.password, hash).await?;
    let known = account.zip(credential).filter(|_| right);
    let (account, credential) = known.or_refuse(Refusal::WrongCredentials)?;
    let tx = cx.begin().await?;
    tries.give_back(&tx).await?;
    allowance::remember_place(&tx, cx, &account.email, from).await?;
    if factor::of(&tx, account.id).await?.is_some() {
        tx.commit().await?;
        return Ok(challenged(cx, account.id, Some(&credential)));
    }
    let signed_in = begin(&tx, cx, account.id, &by.device, from).await?;
    tx.commit().await?;
    Ok(Entrance::Session(Box::new(signed_in)))
}

/// The question for the second factor of `account`, who has done the first step.
pub(super) fn challenged(cx: &Context, account: AccountId, password: Option<&credential::Model>) -> Entrance {
    let (token, expires_at) = factor::challenge(cx, account, password);
    Entrance::Challenge(Challenge { token, expires_at })
}

/// Begins a session of `account`, who has proved who she is.
pub(super) async fn begin(
    tx: &Tx,
    cx: &Context,
    account: AccountId,
    device: &Device,
    from: &Client,
) -> Result<SignedIn, DbErr> {
    make_room(tx, cx, account, device, from).await?;
    let (now, settings) = (cx.now(), cx.settings());
    let tokens = tokens::first(cx);
    let ends_at = now + chrono::TimeDelta::days(settings.session_limit_days);
    let session = session::ActiveModel {
        id: Set(cx.new_id()),
        account_id: Set(account),
        transport: Set(device.transport),
        device_name: Set(device.name.clone()),
        user_agent: Set(from.user_agent.clone()),
        family_hash: Set(tokens::family_hash(&tokens.refresh).unwrap_or_default()),
        refresh_hash: Set(secret::hash_secret(&tokens.refresh)),
        refresh_expires_at: Set(tokens::refresh_expiry(settings, now, ends_at)),
        access_hash: Set(secret::hash_secret(&tokens.access)),
        access_expires_at: Set(tokens::access_expiry(settings, now, ends_at)),
        created_at: Set(now),
        used_at: Set(now),
        proved_at: Set(now),
        ends_at: Set(ends_at),
        revoked_at: NotSet,
        revoked_for: NotSet,
    };
    let session = session.insert(tx).await?;
    event::record(
        tx,
        cx,
        Actor::Account(account),
        "session.created",
        session.id,
        &[],
    )
    .await?;
    Ok(SignedIn {
        account_id: account,
        session,
        tokens,
    })
}

/// Ends what a new session takes the place of: the one that this browser had, and of too many the one longest unused.
async fn make_room(
    tx: &Tx,
    cx: &Context,
    account: AccountId,
    device: &Device,
    from: &Client,
) -> Result<(), DbErr> {
    let browser = device.transport == Transport::Cookie;
    let kept = from.refresh.as_ref().filter(|_| browser);
    if let Some(family) = kept.and_then(tokens::family_hash) {
        let of = session::Entity::update_many()
            .filter(session::Column::FamilyHash.eq(family))
            .filter(session::Column::Transport.eq(Transport::Cookie))
            .filter(session::Column::RevokedAt.is_null());
        end(tx, cx, of, Ending::SignedOut).await?;
    }
    let oldest = alive(cx.now())
        .filter(session::Column::AccountId.eq(account))
        .order_by_desc(session::Column::UsedAt)
        .order_by_desc(session::Column::Id)
        .offset(MOST_SESSIONS - 1)
        .limit(MOST_SESSIONS);
    let ids = oldest.all(tx).await?.into_iter().map(|session| session.id);
    let of = open_of(account, cx.now()).filter(session::Column::Id.is_in(ids));
    end(tx, cx, of, Ending::SignedOut).await?;
    Ok(())
}

/// Goes on with a session: both its tokens are made anew, and the old ones open nothing any more.
///
/// A refresh token that comes a second time ends the session, whoever sent it: one of the two who have it is not she. There
/// is no time of grace (docs/decisions/0013). No event is written of a refresh: nothing happened that anyone would ask about.
///
/// # Errors
/// `TokenInvalid`; `TokenReused`, after which the session has ended.
pub async fn refresh_session(
    cx: &Context,
    token: &SecretString,
    transport: Transport,
) -> Result<SignedIn, Failure<Refusal>> {
    let family = tokens::family_hash(token).or_refuse(Refusal::TokenInvalid)?;
    let tx = cx.begin().await?;
    let found = session::Entity::find()
        .filter(session::Column::FamilyHash.eq(family))
        .lock_exclusive()
        .one(&tx)
        .await?;
    // What a browser keeps from scripts may not be made into what scripts read, nor the other way round.
    let found = found.filter(|found| found.transport == transport && found.revoked_at.is_none());
    let found = found.or_refuse(Refusal::TokenInvalid)?;
    if found.refresh_hash != secret::hash_secret(token) {
        let of = session::Entity::update_many().filter(session::Column::Id.eq(found.id));
        end(&tx, cx, of, Ending::Reused).await?;
        let by = Actor::Account(found.account_id);
        event::record(&tx, cx, by, "session.reused", found.id, &[]).await?;
        tx.commit().await?;
        return refuse(Refusal::TokenReused);
    }
    let (now, settings) = (cx.now(), cx.settings());
    if found.refresh_expires_at <= now {
        return refuse(Refusal::TokenInvalid);
    }
    let tokens = tokens::next(cx, token);
    let (account_id, ends_at) = (found.account_id, found.ends_at);
    let mut row: session::ActiveModel = found.into();
    row.refresh_hash = Set(secret::hash_secret(&tokens.refresh));
    row.refresh_expires_at = Set(tokens::refresh_expiry(settings, now, ends_at));
    row.access_hash = Set(secret::hash_secret(&tokens.access));
    row.access_expires_at = Set(tokens::access_expiry(settings, now, ends_at));
    row.used_at = Set(now);
    let session = row.update(&tx).await?;
    tx.commit().await?;
    Ok(SignedIn {
        account_id,
        session,
        tokens,
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
    let of = open_of(by, cx.now()).filter(session::Column::Id.eq(id));
    let ended = end(&tx, cx, of, Ending::SignedOut).await?;
    let session = ended.into_iter().next().or_refuse(Refusal::SessionNotFound)?;
    event::record(&tx, cx, Actor::Account(by), "session.revoked", id, &[]).await?;
    tx.commit().await?;
    Ok(session)
}

/// Ends the session that a refresh token belongs to, now: whoever holds one may sign out, also when the access token has
/// run out, or was made anew a moment ago. A token of the session that is not its newest will do.
///
/// # Errors
/// `TokenInvalid`.
pub async fn sign_out(
    cx: &Context,
    token: &SecretString,
    transport: Transport,
) -> Result<session::Model, Failure<Refusal>> {
    let family = tokens::family_hash(token).or_refuse(Refusal::TokenInvalid)?;
    let tx = cx.begin().await?;
    let of = session::Entity::update_many()
        .filter(session::Column::FamilyHash.eq(family))
        .filter(session::Column::Transport.eq(transport))
        .filter(session::Column::RevokedAt.is_null());
    let ended = end(&tx, cx, of, Ending::SignedOut).await?;
    let session = ended.into_iter().next().or_refuse(Refusal::TokenInvalid)?;
    let by = Actor::Account(session.account_id);
    event::record(&tx, cx, by, "session.revoked", session.id, &[]).await?;
    tx.commit().await?;
    Ok(session)
}

/// Ends all of one's own sessions but `current`, now. Returns those ended.
///
/// # Errors
/// When the database fails; it is never refused.
pub async fn revoke_other_sessions(
    cx: &Context,
    by: AccountId,
    current: SessionId,
) -> Result<Vec<session::Model>, Failure<Refusal>> {
    let tx = cx.begin().await?;
    let ended = end_others(&tx, cx, by, Some(current), Ending::SignedOut).await?;
    event::record(&tx, cx, Actor::Account(by), "session.others_revoked", by, &[]).await?;
    tx.commit().await?;
    Ok(ended)
}

/// Ends the sessions of `account`, all but `current`.
pub(super) async fn end_others(
    tx: &Tx,
    cx: &Context,
    account: AccountId,
    current: Option<SessionId>,
    why: Ending,
) -> Result<Vec<session::Model>, DbErr> {
    let of = match current {
        Some(current) => open_of(account, cx.now()).filter(session::Column::Id.ne(current)),
        None => open_of(account, cx.now()),
    };
    end(tx, cx, of, why).await
}

/// The sessions of `account` that were not ended, and have not run out, at `now`.
fn open_of(account: AccountId, now: Time) -> UpdateMany<session::Entity> {
    session::Entity::update_many()
        .filter(session::Column::AccountId.eq(account))
        .filter(session::Column::RevokedAt.is_null())
        .filter(session::Column::RefreshExpiresAt.gt(now))
}

async fn end(
    tx: &Tx,
    cx: &Context,
    of: UpdateMany<session::Entity>,
    why: Ending,
) -> Result<Vec<session::Model>, DbErr> {
    of.col_expr(session::Column::RevokedAt, Expr::value(cx.now()))
        .col_expr(session::Column::RevokedFor, Expr::value(why))
        .exec_with_returning(tx)
        .await
}

/// Sessions that open something, or may again once refreshed, at `now`.
pub(in crate::identity) fn alive(now: Time) -> Select<session::Entity> {
    session::Entity::find()
        .filter(session::Column::RevokedAt.is_null())
        .filter(session::Column::RefreshExpiresAt.gt(now))
}

/// Forgets sessions that ended a month ago, tokens of letters, invitations and questions to devices that ran out, freezes and
/// the tries whose window is over.
///
/// # Errors
/// When the database fails.
pub(crate) async fn sweep(cx: &Context) -> anyhow::Result<()> {
    let past = cx.now() - chrono::TimeDelta::days(REMEMBERED_DAYS);
    let ended = Condition::any()
        .add(session::Column::RefreshExpiresAt.lte(past))
        .add(session::Column::RevokedAt.lte(past));
    session::Entity::delete_many().filter(ended).exec(cx.db()).await?;
    letter_token::sweep(cx).await?;
    invitation::sweep(cx).await?;
    passkey::sweep(cx).await?;
    external::sweep(cx).await?;
    freeze::sweep(cx).await?;
    allowance::sweep(cx).await?;
    Ok(())
}
