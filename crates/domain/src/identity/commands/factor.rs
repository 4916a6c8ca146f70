//! Second factors, and proving anew who one is.

use sea_orm::ActiveValue::{NotSet, Set};
use sea_orm::sea_query::{Expr, ExprTrait, OnConflict};
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter};
use secrecy::SecretString;
use vitrine_model::Time;
use vitrine_model::id::{AccountId, SessionId};
use vitrine_model::identity::{Ending, FreezeCause, account, credential, session, totp};
use vitrine_model::text::Password;

use crate::context::{Context, Tx};
use crate::event::{self, Actor};
use crate::failure::{Failure, OrRefuse, refuse};
use crate::identity::allowance::{self, Client};
use crate::identity::commands::check_verified;
use crate::identity::commands::session::{Device, SignedIn, begin, end_others};
use crate::identity::factor::{self, Enrolment};
use crate::identity::freeze;
use crate::identity::proof::Proved;
use crate::identity::refusal::Refusal;
use crate::identity::rules::check_password;

/// The second step of signing in.
#[derive(Debug, Clone)]
pub struct SecondStep {
    /// What the first step has given.
    pub challenge: SecretString,
    /// A code of the app, or a recovery code.
    pub code: String,
    /// What she signs in with.
    pub device: Device,
}

/// Ends what signing in with the password began.
///
/// # Errors
/// `ChallengeInvalid`, `WrongCode`, `TooManyAttempts`.
pub async fn answer_challenge(
    cx: &Context,
    by: SecondStep,
    from: &Client,
) -> Result<SignedIn, Failure<Refusal>> {
    let (account, told) = factor::claimed(&by.challenge).or_refuse(Refusal::ChallengeInvalid)?;
    let password = credential::Entity::find_by_id(account).one(cx.db()).await?;
    let made = factor::is_challenge(cx, &told, password.as_ref());
    let known = factor::of(cx.db(), account).await?.filter(|_| made);
    let known = known.or_refuse(Refusal::ChallengeInvalid)?;
    factor::spend(cx, &known, &by.code, from).await?;
    let tx = cx.begin().await?;
    let signed_in = begin(&tx, cx, account, &by.device, from).await?;
    tx.commit().await?;
    Ok(signed_in)
}

/// Proves anew who is signed in: by a code where she has a second factor, else by her password. What a thief would do
/// first asks for it; it is good for ten minutes, and so is signing in.
///
/// # Errors
/// `WrongCode` where a code is needed, `WrongPassword` where a password is, `TooManyAttempts`.
pub async fn step_up(
    cx: &Context,
    by: &account::Model,
    current: SessionId,
    (password, code): (Option<&Password>, Option<&str>),
    from: &Client,
) -> Result<session::Model, Failure<Refusal>> {
    match factor::of(cx.db(), by.id).await? {
        Some(known) => factor::spend(cx, &known, code.or_refuse(Refusal::WrongCode)?, from).await?,
        None => {
            let password = password.or_refuse(Refusal::WrongPassword)?;
            let tries = allowance::PASSWORD.spend(cx, &by.id.to_string(), from).await?;
            let hash = credential::Entity::find_by_id(by.id).one(cx.db()).await?;
            if !check_password(cx, password, hash.map(|row| row.password_hash)).await? {
                return refuse(Refusal::WrongPassword);
            }
            let tx = cx.begin().await?;
            tries.give_back(&tx).await?;
            tx.commit().await?;
        }
    }
    let tx = cx.begin().await?;
    let session = stepped_up(&tx, cx, by.id, current).await?;
    tx.commit().await?;
    Ok(session)
}

/// Notes that `by` has proved who she is.
pub(super) async fn stepped_up(
    tx: &Tx,
    cx: &Context,
    by: AccountId,
    current: SessionId,
) -> Result<session::Model, Failure<Refusal>> {
    let proved = session::Entity::update_many()
        .col_expr(session::Column::ProvedAt, Expr::value(cx.now()))
        .filter(session::Column::Id.eq(current))
        .filter(session::Column::RevokedAt.is_null())
        .exec_with_returning(tx)
        .await?;
    let session = proved.into_iter().next().or_refuse(Refusal::SessionNotFound)?;
    event::record(tx, cx, Actor::Account(by), "session.stepped_up", current, &[]).await?;
    Ok(session)
}

/// Begins to enrol an authenticator app: it asks for nothing until a code of it was shown. One begun before and not
/// confirmed is void. It takes a proved address, as whatever opens an account.
///
/// # Errors
/// `EmailUnverified`, `FactorExists`.
pub async fn enrol_totp(cx: &Context, by: &account::Model, _: Proved) -> Result<Enrolment, Failure<Refusal>> {
    check_verified(by)?;
    let tx = cx.begin().await?;
    if factor::of(&tx, by.id).await?.is_some() {
        return refuse(Refusal::FactorExists);
    }
    let factor_id = cx.new_id();
    let row = totp::ActiveModel {
        account_id: Set(by.id),
        factor_id: Set(factor_id),
        confirmed_at: NotSet,
        last_step: Set(0),
        created_at: Set(cx.now()),
    };
    let anew = OnConflict::column(totp::Column::AccountId)
        .update_columns([totp::Column::FactorId, totp::Column::CreatedAt])
        .action_and_where(Expr::col((totp::Entity, totp::Column::ConfirmedAt)).is_null())
        .to_owned();
    totp::Entity::insert(row)
        .on_conflict(anew)
        .exec_without_returning(&tx)
        .await?;
    event::record(&tx, cx, Actor::Account(by.id), "totp.enrolled", by.id, &[]).await?;
    tx.commit().await?;
    Ok(factor::enrolment(cx, factor_id, by.email.as_str())?)
}

/// Turns the second factor on by a code of the app, and gives recovery codes. Her other sessions end, and payouts wait.
///
/// # Errors
/// `FactorMissing`, `FactorExists`, `WrongCode`, `TooManyAttempts`.
pub async fn confirm_totp(
    cx: &Context,
    by: AccountId,
    current: SessionId,
    code: &str,
    from: &Client,
    _: Proved,
) -> Result<Vec<SecretString>, Failure<Refusal>> {
    let tries = allowance::FACTOR.spend(cx, &by.to_string(), from).await?;
    let tx = cx.begin().await?;
    let known = totp::Entity::find_by_id(by).one(&tx).await?;
    let known = known.or_refuse(Refusal::FactorMissing)?;
    if known.confirmed_at.is_some() {
        return refuse(Refusal::FactorExists);
    }
    let step = factor::step_of(cx, &known, code.trim())?.or_refuse(Refusal::WrongCode)?;
    tries.give_back(&tx).await?;
    let confirmed = totp::Entity::update_many()
        .col_expr(totp::Column::ConfirmedAt, Expr::value(cx.now()))
        .col_expr(totp::Column::LastStep, Expr::value(step))
        .filter(totp::Column::AccountId.eq(by))
        .filter(totp::Column::FactorId.eq(known.factor_id))
        .filter(totp::Column::ConfirmedAt.is_null())
        .exec(&tx)
        .await?;
    if confirmed.rows_affected == 0 {
        return refuse(Refusal::FactorExists);
    }
    let codes = factor::make_recovery_codes(&tx, cx, by).await?;
    end_others(&tx, cx, by, Some(current), Ending::FactorChanged).await?;
    freeze::freeze_owned(&tx, cx, by, FreezeCause::SecondFactor).await?;
    event::record(&tx, cx, Actor::Account(by), "totp.confirmed", by, &[]).await?;
    tx.commit().await?;
    Ok(codes)
}

/// Takes the second factor away, with its recovery codes. Her other sessions end, and payouts wait.
///
/// # Errors
/// `FactorMissing`.
pub async fn remove_totp(
    cx: &Context,
    by: AccountId,
    current: SessionId,
    _: Proved,
) -> Result<(), Failure<Refusal>> {
    let tx = cx.begin().await?;
    let removed = totp::Entity::delete_many()
        .filter(totp::Column::AccountId.eq(by))
        .filter(totp::Column::ConfirmedAt.is_not_null())
        .exec(&tx)
        .await?;
    if removed.rows_affected == 0 {
        return refuse(Refusal::FactorMissing);
    }
    factor::forget_recovery_codes(&tx, by).await?;
    end_others(&tx, cx, by, Some(current), Ending::FactorChanged).await?;
    freeze::freeze_owned(&tx, cx, by, FreezeCause::SecondFactor).await?;
    event::record(&tx, cx, Actor::Account(by), "totp.removed", by, &[]).await?;
    tx.commit().await?;
    Ok(())
}

/// Gives recovery codes in place of those there were. Payouts wait.
///
/// # Errors
/// `FactorMissing`.
pub async fn renew_recovery_codes(
    cx: &Context,
    by: AccountId,
    _: Proved,
) -> Result<Vec<SecretString>, Failure<Refusal>> {
    let tx = cx.begin().await?;
    factor::of(&tx, by).await?.or_refuse(Refusal::FactorMissing)?;
    let codes = factor::make_recovery_codes(&tx, cx, by).await?;
    freeze::freeze_owned(&tx, cx, by, FreezeCause::SecondFactor).await?;
    event::record(&tx, cx, Actor::Account(by), "recovery_codes.renewed", by, &[]).await?;
    tx.commit().await?;
    Ok(codes)
}

/// Since when `account` signs in with a second factor; none when she does not.
///
/// # Errors
/// When the database fails.
pub async fn totp_since(cx: &Context, account: AccountId) -> Result<Option<Time>, sea_orm::DbErr> {
    let known = factor::of(cx.db(), account).await?;
    Ok(known.and_then(|known| known.confirmed_at))
}
