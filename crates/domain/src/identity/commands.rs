//! What people can do about who they are.

use chrono::TimeDelta;
use sea_orm::ActiveValue::{NotSet, Set};
use sea_orm::sea_query::Expr;
use sea_orm::{ActiveModelTrait, ColumnTrait, DbErr, EntityTrait, QueryFilter, QueryOrder, QuerySelect};
use secrecy::SecretString;
use vitrine_model::id::{AccountId, BrandId, SessionId};
use vitrine_model::identity::{Role, account, brand_member, credential, session};
use vitrine_model::text::{Email, Name, Password};

use crate::context::{Context, Tx};
use crate::event::{self, Actor};
use crate::failure::{Failure, OrRefuse, OrRefuseDuplicate, refuse};
use crate::identity::queries;
use crate::identity::refusal::Refusal;
use crate::identity::rules::{check_password, hash_password};
use crate::secret;

/// A person who wants an account.
#[derive(Debug, Clone)]
pub struct NewAccount {
    /// Her address.
    pub email: Email,
    /// What others see.
    pub name: Name,
    /// Her password.
    pub password: Password,
}

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

/// Opens an account.
///
/// # Errors
/// `EmailTaken`.
pub async fn create_account(cx: &Context, new: NewAccount) -> Result<account::Model, Failure<Refusal>> {
    let password_hash = hash_password(cx, &new.password).await?;
    let tx = cx.begin().await?;
    let now = cx.now();
    let account = account::ActiveModel {
        id: Set(cx.new_id()),
        email: Set(new.email),
        name: Set(new.name),
        operator: Set(false),
        created_at: Set(now),
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
    event::record(
        &tx,
        cx,
        Actor::Account(account.id),
        "account.created",
        account.id,
        &[],
    )
    .await?;
    tx.commit().await?;
    Ok(account)
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

/// Lets the account with this address work for a brand.
///
/// # Errors
/// `BrandNotFound`, `NotStaff`, `RoleLacking` unless the brand's owner asks, `AccountNotFound`, `AlreadyMember`.
pub async fn add_member(
    cx: &Context,
    by: &account::Model,
    brand: BrandId,
    email: Email,
    role: Role,
) -> Result<brand_member::Model, Failure<Refusal>> {
    let tx = cx.begin().await?;
    queries::staff_of(&tx, by, brand, Role::Owner).await?;
    let account = account::Entity::find()
        .filter(account::Column::Email.eq(email))
        .one(&tx)
        .await?;
    let account = account.or_refuse(Refusal::AccountNotFound)?;
    let member = member(cx, brand, account.id, role)
        .insert(&tx)
        .await
        .or_refuse_duplicate(Refusal::AlreadyMember)?;
    let refs = [("account", account.id.to_string()), ("role", role.to_string())];
    event::record(&tx, cx, Actor::Account(by.id), "brand.member_added", brand, &refs).await?;
    tx.commit().await?;
    Ok(member)
}

/// Ends what an account may do at a brand, at once. The brand's owners may end anyone's membership, a member her own.
///
/// # Errors
/// `BrandNotFound`, `NotStaff`, `RoleLacking`, `MemberNotFound`, `LastOwner`.
pub async fn remove_member(
    cx: &Context,
    by: &account::Model,
    brand: BrandId,
    account: AccountId,
) -> Result<brand_member::Model, Failure<Refusal>> {
    let tx = cx.begin().await?;
    // Of two owners who remove each other at once, the second finds herself no owner any more.
    let owners = lock_owners(&tx, brand).await?;
    let needed = if by.id == account {
        Role::Shipper
    } else {
        Role::Owner
    };
    queries::staff_of(&tx, by, brand, needed).await?;
    let member = brand_member::Entity::find_by_id((brand, account))
        .one(&tx)
        .await?;
    let member = member.or_refuse(Refusal::MemberNotFound)?;
    if owners == [account] {
        return refuse(Refusal::LastOwner);
    }
    brand_member::Entity::delete_by_id((brand, account))
        .exec(&tx)
        .await?;
    let refs = [
        ("account", account.to_string()),
        ("role", member.role.to_string()),
    ];
    event::record(
        &tx,
        cx,
        Actor::Account(by.id),
        "brand.member_removed",
        brand,
        &refs,
    )
    .await?;
    tx.commit().await?;
    Ok(member)
}

/// The brand's owners, locked until the transaction ends.
async fn lock_owners(tx: &Tx, brand: BrandId) -> Result<Vec<AccountId>, DbErr> {
    let owners = brand_member::Entity::find()
        .filter(brand_member::Column::BrandId.eq(brand))
        .filter(brand_member::Column::Role.eq(Role::Owner))
        .order_by_asc(brand_member::Column::AccountId)
        .lock_exclusive()
        .all(tx)
        .await?;
    Ok(owners.into_iter().map(|owner| owner.account_id).collect())
}

/// Makes `account` the owner of the brand it has just created.
pub(crate) async fn found_brand(
    tx: &Tx,
    cx: &Context,
    brand: BrandId,
    account: AccountId,
) -> Result<(), DbErr> {
    brand_member::Entity::insert(member(cx, brand, account, Role::Owner))
        .exec_without_returning(tx)
        .await?;
    Ok(())
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

fn member(cx: &Context, brand: BrandId, account: AccountId, role: Role) -> brand_member::ActiveModel {
    brand_member::ActiveModel {
        brand_id: Set(brand),
        account_id: Set(account),
        role: Set(role),
        created_at: Set(cx.now()),
    }
}
