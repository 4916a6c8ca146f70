//! Proving an address, and changing it.

use sea_orm::ActiveModelTrait;
use sea_orm::ActiveValue::Set;
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter};
use secrecy::SecretString;
use vitrine_model::id::AccountId;
use vitrine_model::identity::{Ending, FreezeCause, Purpose, account};
use vitrine_model::text::Email;

use crate::context::Context;
use crate::event::{self, Actor};
use crate::failure::{Failure, OrRefuse, OrRefuseDuplicate, refuse};
use crate::identity::allowance::{self, Client};
use crate::identity::commands::session;
use crate::identity::proof::Proved;
use crate::identity::refusal::Refusal;
use crate::identity::{freeze, letter_token};

/// Sends the letter that proves one's address once more; the token of the one before opens nothing any more.
///
/// # Errors
/// `VerifiedAlready`, `TooManyAttempts`.
pub async fn send_verification(
    cx: &Context,
    by: &account::Model,
    from: &Client,
) -> Result<(), Failure<Refusal>> {
    if by.email_verified_at.is_some() {
        return refuse(Refusal::VerifiedAlready);
    }
    allowance::LETTER.spend(cx, &by.id.to_string(), from).await?;
    let tx = cx.begin().await?;
    let whose = Some((by.id, by.email.clone()));
    let token = letter_token::make(&tx, cx, Purpose::Verify, whose).await?;
    let refs = [("token", token.to_string())];
    event::record(
        &tx,
        cx,
        Actor::Account(by.id),
        "email.verification_requested",
        by.id,
        &refs,
    )
    .await?;
    tx.commit().await?;
    Ok(())
}

/// Takes an address for proved by the token that was sent to it.
///
/// # Errors
/// `LetterTokenInvalid`.
pub async fn verify_email(cx: &Context, token: &SecretString) -> Result<account::Model, Failure<Refusal>> {
    let tx = cx.begin().await?;
    let (account, email) = letter_token::spend(&tx, cx, Purpose::Verify, token).await?;
    if account.email != email {
        return refuse(Refusal::LetterTokenInvalid);
    }
    let id = account.id;
    let mut row: account::ActiveModel = account.into();
    row.email_verified_at = Set(Some(cx.now()));
    let account = row.update(&tx).await?;
    event::record(&tx, cx, Actor::Account(id), "email.verified", id, &[]).await?;
    tx.commit().await?;
    Ok(account)
}

/// Asks to sign in with another address from now on: a letter goes there, with the token that changes it, and one to the
/// address so far, which says so.
///
/// # Errors
/// `EmailTaken`, `TooManyAttempts`.
pub async fn request_email_change(
    cx: &Context,
    by: AccountId,
    email: Email,
    from: &Client,
    _: Proved,
) -> Result<Email, Failure<Refusal>> {
    allowance::LETTER.spend(cx, &by.to_string(), from).await?;
    let tx = cx.begin().await?;
    let taken = account::Entity::find()
        .filter(account::Column::Email.eq(email.clone()))
        .one(&tx)
        .await?;
    if taken.is_some() {
        return refuse(Refusal::EmailTaken);
    }
    let whose = Some((by, email.clone()));
    let token = letter_token::make(&tx, cx, Purpose::Change, whose).await?;
    let refs = [("token", token.to_string())];
    event::record(&tx, cx, Actor::Account(by), "email.change_requested", by, &refs).await?;
    tx.commit().await?;
    Ok(email)
}

/// Changes the address to the one that the token was sent to. The address before is told, with a token that takes the
/// change back.
///
/// # Errors
/// `LetterTokenInvalid`, `EmailTaken` when somebody else has opened an account with it meanwhile.
pub async fn confirm_email_change(
    cx: &Context,
    token: &SecretString,
) -> Result<account::Model, Failure<Refusal>> {
    let tx = cx.begin().await?;
    let (account, email) = letter_token::spend(&tx, cx, Purpose::Change, token).await?;
    let (id, before) = (account.id, account.email.clone());
    let mut row: account::ActiveModel = account.into();
    row.email = Set(email);
    row.email_verified_at = Set(Some(cx.now()));
    let account = row.update(&tx).await.or_refuse_duplicate(Refusal::EmailTaken)?;
    letter_token::take_back(&tx, id, &[Purpose::Verify, Purpose::Reset]).await?;
    let undo = letter_token::make(&tx, cx, Purpose::Undo, Some((id, before))).await?;
    freeze::freeze_owned(&tx, cx, id, FreezeCause::Email).await?;
    let refs = [("token", undo.to_string())];
    event::record(&tx, cx, Actor::Account(id), "email.changed", id, &refs).await?;
    tx.commit().await?;
    Ok(account)
}

/// Takes a change of address back, for the one who reads the address before it. Whoever is signed in is signed out, and a
/// letter follows by which she sets a new password: whoever changed the address may know the one there is.
///
/// # Errors
/// `LetterTokenInvalid`, `EmailTaken` when somebody else has opened an account with it meanwhile.
pub async fn undo_email_change(
    cx: &Context,
    token: &SecretString,
) -> Result<account::Model, Failure<Refusal>> {
    let tx = cx.begin().await?;
    let (account, email) = letter_token::spend(&tx, cx, Purpose::Undo, token).await?;
    let id = account.id;
    let mut row: account::ActiveModel = account.into();
    row.email = Set(email.clone());
    row.email_verified_at = Set(Some(cx.now()));
    let account = row.update(&tx).await.or_refuse_duplicate(Refusal::EmailTaken)?;
    session::end_others(&tx, cx, id, None, Ending::EmailChanged).await?;
    letter_token::take_back(&tx, id, &[Purpose::Verify, Purpose::Change]).await?;
    let reset = letter_token::make(&tx, cx, Purpose::Reset, Some((id, email))).await?;
    freeze::freeze_owned(&tx, cx, id, FreezeCause::Email).await?;
    let refs = [("token", reset.to_string())];
    event::record(&tx, cx, Actor::Account(id), "email.change_undone", id, &refs).await?;
    tx.commit().await?;
    Ok(account)
}

/// Passes for an account whose address is proved.
///
/// # Errors
/// `EmailUnverified`.
pub fn check_verified(account: &account::Model) -> Result<(), Failure<Refusal>> {
    account.email_verified_at.or_refuse(Refusal::EmailUnverified)?;
    Ok(())
}
