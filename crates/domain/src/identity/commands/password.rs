//! Setting a new password, known or forgotten.

use sea_orm::ActiveModelTrait;
use sea_orm::ActiveValue::Set;
use sea_orm::sea_query::OnConflict;
use sea_orm::{ColumnTrait, DbErr, EntityTrait, QueryFilter};
use secrecy::SecretString;
use vitrine_model::id::{AccountId, SessionId};
use vitrine_model::identity::{Ending, FreezeCause, Purpose, account, credential, email_token};
use vitrine_model::text::{Email, Password};

use crate::context::{Context, Tx};
use crate::event::{self, Actor};
use crate::failure::{Failure, OrRefuse, refuse};
use crate::identity::allowance::{self, Client};
use crate::identity::commands::session;
use crate::identity::refusal::Refusal;
use crate::identity::rules::{check_password, hash_password};
use crate::identity::{freeze, letter_token};
use crate::secret;

/// Sends a letter by which a forgotten password is set anew, if the address opens an account. The same is done, and
/// answered, if it opens none; no letter is written then.
///
/// # Errors
/// `TooManyAttempts`.
pub async fn request_password_reset(
    cx: &Context,
    email: &Email,
    from: &Client,
) -> Result<(), Failure<Refusal>> {
    allowance::RESET.spend(cx, email.as_str(), from).await?;
    let tx = cx.begin().await?;
    let account = account::Entity::find()
        .filter(account::Column::Email.eq(email.as_str()))
        .one(&tx)
        .await?;
    let whose = account.map(|account| (account.id, account.email));
    let token = letter_token::make(&tx, cx, Purpose::Reset, whose).await?;
    event::record(&tx, cx, Actor::System, "password.reset_requested", token, &[]).await?;
    tx.commit().await?;
    Ok(())
}

/// Sets a new password by the token of such a letter. It ends all sessions and proves the address.
///
/// # Errors
/// `LetterTokenInvalid`.
pub async fn reset_password(
    cx: &Context,
    token: &SecretString,
    password: &Password,
    from: &Client,
) -> Result<account::Model, Failure<Refusal>> {
    // Looked up before the work of hashing is done, and once more under the lock.
    let known = email_token::Entity::find()
        .filter(email_token::Column::TokenHash.eq(secret::hash_secret(token)))
        .one(cx.db())
        .await?;
    known.or_refuse(Refusal::LetterTokenInvalid)?;
    let hash = hash_password(cx, password).await?;
    let tx = cx.begin().await?;
    let (account, email) = letter_token::spend(&tx, cx, Purpose::Reset, token).await?;
    if account.email != email {
        return refuse(Refusal::LetterTokenInvalid);
    }
    let (id, verified) = (account.id, account.email_verified_at.unwrap_or(cx.now()));
    let mut row: account::ActiveModel = account.into();
    row.email_verified_at = Set(Some(verified));
    let account = row.update(&tx).await?;
    set(&tx, cx, id, hash).await?;
    session::end_others(&tx, cx, id, None, Ending::PasswordChanged).await?;
    letter_token::take_back(&tx, id, &[Purpose::Verify, Purpose::Change]).await?;
    allowance::SIGN_IN.forgive(&tx, cx, &email, from).await?;
    freeze::freeze_owned(&tx, cx, id, FreezeCause::Password).await?;
    event::record(&tx, cx, Actor::Account(id), "password.reset", id, &[]).await?;
    tx.commit().await?;
    Ok(account)
}

/// Changes one's own password, and ends all other sessions.
///
/// # Errors
/// `WrongPassword`, `TooManyAttempts`.
pub async fn change_password(
    cx: &Context,
    by: &account::Model,
    current: SessionId,
    passwords: (&Password, &Password),
    from: &Client,
) -> Result<account::Model, Failure<Refusal>> {
    let (known, new) = passwords;
    let tries = allowance::PASSWORD.spend(cx, &by.id.to_string(), from).await?;
    let hash = credential::Entity::find_by_id(by.id).one(cx.db()).await?;
    let hash = hash.map(|row| row.password_hash);
    if !check_password(cx, known, hash).await? {
        return refuse(Refusal::WrongPassword);
    }
    let hash = hash_password(cx, new).await?;
    let tx = cx.begin().await?;
    tries.give_back(&tx).await?;
    set(&tx, cx, by.id, hash).await?;
    session::end_others(&tx, cx, by.id, Some(current), Ending::PasswordChanged).await?;
    letter_token::take_back(&tx, by.id, &[Purpose::Reset]).await?;
    freeze::freeze_owned(&tx, cx, by.id, FreezeCause::Password).await?;
    event::record(&tx, cx, Actor::Account(by.id), "password.changed", by.id, &[]).await?;
    tx.commit().await?;
    Ok(by.clone())
}

async fn set(tx: &Tx, cx: &Context, account: AccountId, hash: String) -> Result<(), DbErr> {
    let row = credential::ActiveModel {
        account_id: Set(account),
        password_hash: Set(hash),
        updated_at: Set(cx.now()),
    };
    // Who signs in at a provider had none.
    let anew = OnConflict::column(credential::Column::AccountId)
        .update_columns([credential::Column::PasswordHash, credential::Column::UpdatedAt])
        .to_owned();
    credential::Entity::insert(row)
        .on_conflict(anew)
        .exec_without_returning(tx)
        .await?;
    Ok(())
}
