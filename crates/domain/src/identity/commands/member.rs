//! Who works for a brand.

use sea_orm::ActiveValue::Set;
use sea_orm::sea_query::Expr;
use sea_orm::{ColumnTrait, DbErr, EntityTrait, QueryFilter, QueryOrder, QuerySelect};
use vitrine_model::id::{AccountId, BrandId};
use vitrine_model::identity::{FreezeCause, Role, account, brand_member};
use vitrine_model::ledger::Party;

use crate::context::{Context, Tx};
use crate::event::{self, Actor};
use crate::failure::{Failure, OrRefuse, refuse};
use crate::identity::commands::invitation;
use crate::identity::freeze::freeze;
use crate::identity::proof::Proved;
use crate::identity::queries;
use crate::identity::refusal::Refusal;

/// Changes what a member may do at a brand, at once. What somebody invited who is an owner no longer is taken back. A new
/// owner may say where the brand's money goes: its payouts wait.
///
/// # Errors
/// `BrandNotFound`, `NotStaff`, `RoleLacking` unless the brand's owner asks, `MemberNotFound`, `LastOwner`.
pub async fn update_member(
    cx: &Context,
    by: &account::Model,
    brand: BrandId,
    account: AccountId,
    role: Role,
    _: Proved,
) -> Result<brand_member::Model, Failure<Refusal>> {
    let tx = cx.begin().await?;
    // Of two owners who lower each other at once, the second finds herself no owner any more.
    let owners = lock_owners(&tx, brand).await?;
    queries::staff_of(&tx, by, brand, Role::Owner).await?;
    if owners == [account] && role != Role::Owner {
        return refuse(Refusal::LastOwner);
    }
    let updated = brand_member::Entity::update_many()
        .col_expr(brand_member::Column::Role, Expr::value(role))
        .filter(brand_member::Column::BrandId.eq(brand))
        .filter(brand_member::Column::AccountId.eq(account))
        .exec_with_returning(&tx)
        .await?;
    let member = updated.into_iter().next().or_refuse(Refusal::MemberNotFound)?;
    if role == Role::Owner {
        freeze(&tx, cx, Party::Brand(brand), FreezeCause::Owner).await?;
    } else {
        invitation::void_of(&tx, brand, account).await?;
    }
    let refs = [("account", account.to_string()), ("role", role.to_string())];
    event::record(
        &tx,
        cx,
        Actor::Account(by.id),
        "brand.member_updated",
        brand,
        &refs,
    )
    .await?;
    tx.commit().await?;
    Ok(member)
}

/// Ends what an account may do at a brand, at once, and takes back the invitations it has sent. The brand's owners may end
/// anyone's membership, with a proof given of late, a member her own.
///
/// # Errors
/// `StepUpRequired`, `BrandNotFound`, `NotStaff`, `RoleLacking`, `MemberNotFound`, `LastOwner`.
pub async fn remove_member(
    cx: &Context,
    by: &account::Model,
    brand: BrandId,
    account: AccountId,
    proved: Option<Proved>,
) -> Result<brand_member::Model, Failure<Refusal>> {
    if by.id != account {
        proved.or_refuse(Refusal::StepUpRequired)?;
    }
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
    invitation::void_of(&tx, brand, account).await?;
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
pub(super) async fn lock_owners(tx: &Tx, brand: BrandId) -> Result<Vec<AccountId>, DbErr> {
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

/// The row of a new member.
pub(super) fn member(
    cx: &Context,
    brand: BrandId,
    account: AccountId,
    role: Role,
) -> brand_member::ActiveModel {
    brand_member::ActiveModel {
        brand_id: Set(brand),
        account_id: Set(account),
        role: Set(role),
        created_at: Set(cx.now()),
    }
}
