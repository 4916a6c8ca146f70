//! What is known of a person, erased.
//!
//! Whatever else is kept of an account one day is erased here, too: a test looks for what is left of one in every table.

use sea_orm::sea_query::{Expr, LockType};
use sea_orm::{ColumnTrait, DbErr, EntityTrait, QueryFilter, QuerySelect};
use vitrine_model::catalog::brand;
use vitrine_model::id::AccountId;
use vitrine_model::identity::{
    Role, account, brand_member, credential, email_token, external_identity, passkey, recovery_code, session,
    totp,
};
use vitrine_model::text::Password;

use crate::context::{Context, Tx};
use crate::failure::{Failure, OrRefuse, refuse};
use crate::identity::allowance::{Client, SIGN_IN};
use crate::identity::commands::invitation;
use crate::identity::passkey::take_back;
use crate::identity::proof::Proved;
use crate::identity::refusal::Refusal;
use crate::identity::rules::check_password;

/// What an erased account is called.
const NAME: &str = "Erased";

/// Passes when `password` is the account's, or, where it has none, when she has just signed in. Wrong passwords are counted
/// with those of signing in.
///
/// # Errors
/// `WrongCredentials`, `StepUpRequired`, `TooManyAttempts`.
pub(crate) async fn prove(
    cx: &Context,
    account: &account::Model,
    password: Option<Password>,
    proved: Option<Proved>,
) -> Result<(), Failure<Refusal>> {
    let known = credential::Entity::find_by_id(account.id).one(cx.db()).await?;
    let Some(known) = known else {
        proved.or_refuse(Refusal::StepUpRequired)?;
        return Ok(());
    };
    let password = password.or_refuse(Refusal::WrongCredentials)?;
    let tries = SIGN_IN
        .spend(cx, account.email.as_str(), &Client::default())
        .await?;
    if !check_password(cx, &password, Some(known.password_hash)).await? {
        return refuse(Refusal::WrongCredentials);
    }
    let tx = cx.begin().await?;
    tries.give_back(&tx).await?;
    tx.commit().await?;
    Ok(())
}

/// The account, locked until the transaction ends; `None` when there is none, or it was erased.
pub(crate) async fn lock_account(tx: &Tx, id: AccountId) -> Result<Option<account::Model>, DbErr> {
    account::Entity::find_by_id(id)
        .filter(account::Column::ErasedAt.is_null())
        .lock(LockType::NoKeyUpdate)
        .one(tx)
        .await
}

/// A brand whose only owner the account is: its handle.
pub(crate) async fn sole_ownership(tx: &Tx, id: AccountId) -> Result<Option<String>, DbErr> {
    let owned = brand_member::Entity::find()
        .filter(brand_member::Column::AccountId.eq(id))
        .filter(brand_member::Column::Role.eq(Role::Owner))
        .all(tx)
        .await?;
    for membership in owned {
        // Locked as where members are removed: of two owners who leave at once, one stays.
        let owners = brand_member::Entity::find()
            .filter(brand_member::Column::BrandId.eq(membership.brand_id))
            .filter(brand_member::Column::Role.eq(Role::Owner))
            .lock_exclusive()
            .all(tx)
            .await?;
        if owners.len() == 1 {
            let brand = brand::Entity::find_by_id(membership.brand_id).one(tx).await?;
            return Ok(brand.map(|brand| brand.handle.to_string()));
        }
    }
    Ok(None)
}

/// Takes away who the account is, what it signs in with, where it works and where it was asked to. Its id stays: orders and books refer to it.
pub(crate) async fn erase(tx: &Tx, cx: &Context, account: &account::Model) -> Result<(), DbErr> {
    let id = account.id;
    invitation::forget(tx, account).await?;
    // Unique, and nobody's: the name of the domain is reserved for that.
    let email = format!("{id}@erased.invalid");
    account::Entity::update_many()
        .col_expr(account::Column::Email, Expr::value(email))
        .col_expr(account::Column::Name, Expr::value(NAME))
        .col_expr(account::Column::ErasedAt, Expr::value(cx.now()))
        .filter(account::Column::Id.eq(id))
        .exec(tx)
        .await?;
    credential::Entity::delete_by_id(id).exec(tx).await?;
    totp::Entity::delete_by_id(id).exec(tx).await?;
    recovery_code::Entity::delete_many()
        .filter(recovery_code::Column::AccountId.eq(id))
        .exec(tx)
        .await?;
    passkey::Entity::delete_many()
        .filter(passkey::Column::AccountId.eq(id))
        .exec(tx)
        .await?;
    take_back(tx, id).await?;
    external_identity::Entity::delete_many()
        .filter(external_identity::Column::AccountId.eq(id))
        .exec(tx)
        .await?;
    email_token::Entity::delete_many()
        .filter(email_token::Column::AccountId.eq(id))
        .exec(tx)
        .await?;
    session::Entity::delete_many()
        .filter(session::Column::AccountId.eq(id))
        .exec(tx)
        .await?;
    brand_member::Entity::delete_many()
        .filter(brand_member::Column::AccountId.eq(id))
        .exec(tx)
        .await?;
    Ok(())
}
