//! Tokens sent in letters: good once, for a while, for one purpose.

use chrono::TimeDelta;
use sea_orm::ActiveValue::{NotSet, Set};
use sea_orm::{ActiveModelTrait, ColumnTrait, DbErr, EntityTrait, QueryFilter, QuerySelect};
use secrecy::SecretString;
use vitrine_model::id::{AccountId, EmailTokenId};
use vitrine_model::identity::{Purpose, account, email_token};
use vitrine_model::text::Email;

use crate::context::{Context, Tx};
use crate::failure::{Failure, OrRefuse};
use crate::identity::refusal::Refusal;
use crate::secret;

/// How long a token is good.
fn life(purpose: Purpose) -> TimeDelta {
    match purpose {
        Purpose::Verify => TimeDelta::days(3),
        // Whoever reads her letters by then owns the account.
        Purpose::Reset => TimeDelta::hours(1),
        Purpose::Change => TimeDelta::days(1),
        // As long as someone may be away from her letters.
        Purpose::Undo => TimeDelta::days(14),
    }
}

/// Makes a token for `account`, to be sent to `email`, in place of those of the same purpose that were not used. With
/// neither the same is done for nothing: a row that leads nowhere.
pub(super) async fn make(
    tx: &Tx,
    cx: &Context,
    purpose: Purpose,
    whose: Option<(AccountId, Email)>,
) -> Result<EmailTokenId, DbErr> {
    let (account, email) = whose.unzip();
    // An earlier way back to one's own address stays open: it may be the only one that is not a thief's.
    if purpose != Purpose::Undo {
        email_token::Entity::delete_many()
            .filter(email_token::Column::AccountId.eq(account))
            .filter(email_token::Column::Purpose.eq(purpose))
            .filter(email_token::Column::UsedAt.is_null())
            .exec(tx)
            .await?;
    }
    let id = cx.new_id();
    let row = email_token::ActiveModel {
        id: Set(id),
        account_id: Set(account),
        purpose: Set(purpose),
        email: Set(email),
        token_hash: Set(secret::hash_secret(&secret::letter_secret(cx, id))),
        created_at: Set(cx.now()),
        expires_at: Set(cx.now() + life(purpose)),
        used_at: NotSet,
    };
    email_token::Entity::insert(row)
        .exec_without_returning(tx)
        .await?;
    Ok(id)
}

/// Uses a token up: whose account it is about, and the address that it proves.
///
/// # Errors
/// `LetterTokenInvalid`.
pub(super) async fn spend(
    tx: &Tx,
    cx: &Context,
    purpose: Purpose,
    token: &SecretString,
) -> Result<(account::Model, Email), Failure<Refusal>> {
    let found = email_token::Entity::find()
        .filter(email_token::Column::TokenHash.eq(secret::hash_secret(token)))
        .lock_exclusive()
        .one(tx)
        .await?;
    let good = |row: &email_token::Model| {
        row.purpose == purpose && row.used_at.is_none() && row.expires_at > cx.now()
    };
    let found = found.filter(good).or_refuse(Refusal::LetterTokenInvalid)?;
    let (account, email) = (found.account_id, found.email.clone());
    let account = account.or_refuse(Refusal::LetterTokenInvalid)?;
    let email = email.or_refuse(Refusal::LetterTokenInvalid)?;
    let mut row: email_token::ActiveModel = found.into();
    row.used_at = Set(Some(cx.now()));
    row.update(tx).await?;
    let account = account::Entity::find_by_id(account)
        .lock_exclusive()
        .one(tx)
        .await?;
    Ok((account.or_refuse(Refusal::LetterTokenInvalid)?, email))
}

/// Takes back all tokens of these purposes that are still out for `account`.
pub(super) async fn take_back(tx: &Tx, account: AccountId, purposes: &[Purpose]) -> Result<(), DbErr> {
    email_token::Entity::delete_many()
        .filter(email_token::Column::AccountId.eq(account))
        .filter(email_token::Column::Purpose.is_in(purposes.iter().copied()))
        .filter(email_token::Column::UsedAt.is_null())
        .exec(tx)
        .await?;
    Ok(())
}

/// Forgets tokens that are good no more.
pub(super) async fn sweep(cx: &Context) -> Result<(), DbErr> {
    email_token::Entity::delete_many()
        .filter(email_token::Column::ExpiresAt.lte(cx.now()))
        .exec(cx.db())
        .await?;
    Ok(())
}
