//! Opening an account, and what others see of it.

use sea_orm::ActiveValue::Set;
use sea_orm::sea_query::Expr;
use sea_orm::{ActiveModelTrait, ColumnTrait, EntityTrait, QueryFilter};
use vitrine_model::id::AccountId;
use vitrine_model::identity::{Purpose, account, credential};
use vitrine_model::text::{Email, Name, Password};

use crate::context::Context;
use crate::event::{self, Actor};
use crate::failure::{Failure, OrRefuse, OrRefuseDuplicate, refuse};
use crate::identity::allowance::{self, Client};
use crate::identity::commands::session::{self, Device, SignedIn};
use crate::identity::refusal::Refusal;
use crate::identity::rules::hash_password;
use crate::identity::{letter_token, queries};

/// A person who wants an account.
#[derive(Debug, Clone)]
pub struct NewAccount {
    /// Her address.
    pub email: Email,
    /// What others see.
    pub name: Name,
    /// Her password.
    pub password: Password,
    /// What she signs in with.
    pub device: Device,
}

/// Opens an account, begins its first session, and sends a letter that proves the address.
///
/// # Errors
/// `EmailTaken`, `TooManyAttempts`.
pub async fn create_account(
    cx: &Context,
    new: NewAccount,
    from: &Client,
) -> Result<(account::Model, SignedIn), Failure<Refusal>> {
    allowance::ACCOUNT.spend(cx, new.email.as_str(), from).await?;
    // Looked up before the work of hashing is done; who takes it meanwhile is found by the index.
    if queries::account_with_email(cx.db(), &new.email).await?.is_some() {
        return refuse(Refusal::EmailTaken);
    }
    let password_hash = hash_password(cx, &new.password).await?;
    let tx = cx.begin().await?;
    let now = cx.now();
    let account = account::ActiveModel {
        id: Set(cx.new_id()),
        email: Set(new.email),
        email_verified_at: Set(None),
        name: Set(new.name),
        operator: Set(false),
        created_at: Set(now),
        erased_at: Set(None),
    };
    let account = account
        .insert(&tx)
        .await
        .or_refuse_duplicate(Refusal::EmailTaken)?;
    let credential = credential::ActiveModel {
        account_id: Set(account.id),
        password_hash: Set(password_hash),
        updated_at: Set(now),
    };
    credential::Entity::insert(credential)
        .exec_without_returning(&tx)
        .await?;
    let whose = Some((account.id, account.email.clone()));
    let token = letter_token::make(&tx, cx, Purpose::Verify, whose).await?;
    let refs = [("token", token.to_string())];
    event::record(
        &tx,
        cx,
        Actor::Account(account.id),
        "account.created",
        account.id,
        &refs,
    )
    .await?;
    allowance::remember_place(&tx, cx, &account.email, from).await?;
    let signed_in = session::begin(&tx, cx, account.id, &new.device, from).await?;
    tx.commit().await?;
    Ok((account, signed_in))
}

/// Changes what others see of an account.
///
/// # Errors
/// When the database fails; it is never refused.
pub async fn rename_account(
    cx: &Context,
    by: AccountId,
    name: Name,
) -> Result<account::Model, Failure<Refusal>> {
    let tx = cx.begin().await?;
    let renamed = account::Entity::update_many()
        .col_expr(account::Column::Name, Expr::value(name))
        .filter(account::Column::Id.eq(by))
        .exec_with_returning(&tx)
        .await?;
    let account = renamed.into_iter().next().or_refuse(Refusal::AccountNotFound)?;
    event::record(&tx, cx, Actor::Account(by), "account.renamed", by, &[]).await?;
    tx.commit().await?;
    Ok(account)
}

/// Makes the account with this address an operator. Only the command line calls this.
///
/// # Errors
/// `AccountNotFound`.
pub async fn grant_operator(cx: &Context, email: Email) -> Result<account::Model, Failure<Refusal>> {
    let tx = cx.begin().await?;
    let granted = account::Entity::update_many()
        .col_expr(account::Column::Operator, Expr::value(true))
        .filter(account::Column::Email.eq(email))
        .exec_with_returning(&tx)
        .await?;
    let Some(account) = granted.into_iter().next() else {
        return refuse(Refusal::AccountNotFound);
    };
    event::record(
        &tx,
        cx,
        Actor::Operator,
        "account.operator_granted",
        account.id,
        &[],
    )
    .await?;
    tx.commit().await?;
    Ok(account)
}
