//! Invitations by letter to work for a brand.
//!
//! They are for one address and one use, and last as long as whoever sent them owns the brand. Nothing that is answered
//! here tells whether an address opens an account.

use chrono::TimeDelta;
use sea_orm::ActiveValue::Set;
use sea_orm::{ActiveModelTrait, ColumnTrait, DbErr, EntityTrait, PaginatorTrait, QueryFilter, QuerySelect};
use secrecy::SecretString;
use vitrine_model::id::{AccountId, BrandId, InvitationId};
use vitrine_model::identity::{FreezeCause, Role, account, brand_member, invitation};
use vitrine_model::ledger::Party;
use vitrine_model::text::Email;

use crate::context::{Context, Tx};
use crate::event::{self, Actor};
use crate::failure::{Failure, OrRefuse, OrRefuseDuplicate, refuse};
use crate::identity::allowance::{self, Client};
use crate::identity::commands::check_verified;
use crate::identity::commands::erase::lock_account;
use crate::identity::commands::member::{lock_owners, member};
use crate::identity::freeze::freeze;
use crate::identity::proof::Proved;
use crate::identity::queries;
use crate::identity::refusal::InvitationRefusal::{Elsewhere, NotFound, TooMany};
use crate::identity::refusal::Refusal;
use crate::secret;

/// How long an invitation can be accepted after its last letter.
const DAYS: i64 = 7;
/// Most invitations of a brand that wait for their answer.
pub const MAX_INVITATIONS: u64 = 50;

/// Someone to work for a brand.
#[derive(Debug, Clone)]
pub struct Invited {
    /// Where she reads letters.
    pub email: Email,
    /// What she may do there.
    pub role: Role,
}

/// Invites whoever reads letters at this address to work for a brand. An invitation that waits there already is replaced:
/// its letter opens nothing any more.
///
/// # Errors
/// `BrandNotFound`, `NotStaff`, `RoleLacking` unless the brand's owner asks, `EmailUnverified`, `Invitation(TooMany)`,
/// `TooManyAttempts` when too many letters were sent for her or for the brand, or to that address.
pub async fn invite_member(
    cx: &Context,
    by: &account::Model,
    brand: BrandId,
    whom: Invited,
    from: &Client,
    _: Proved,
) -> Result<invitation::Model, Failure<Refusal>> {
    queries::staff_of(cx.db(), by, brand, Role::Owner).await?;
    check_verified(by)?;
    count_inviting(cx, by, from).await?;
    let tx = cx.begin().await?;
    // Whoever stops being an owner at the same time invites nobody any more; and two invitations at once are counted.
    if lock_owners(&tx, brand).await?.is_empty() {
        return refuse(Refusal::BrandNotFound);
    }
    queries::staff_of(&tx, by, brand, Role::Owner).await?;
    let others = queries::pending(cx.now())
        .filter(invitation::Column::BrandId.eq(brand))
        .filter(invitation::Column::Email.ne(whom.email.as_str()));
    if others.count(&tx).await? >= MAX_INVITATIONS {
        return refuse(Refusal::Invitation(TooMany));
    }
    count_invitation(&tx, cx, &brand.to_string(), &whom.email).await?;
    invitation::Entity::delete_many()
        .filter(invitation::Column::BrandId.eq(brand))
        .filter(invitation::Column::Email.eq(whom.email.as_str()))
        .exec(&tx)
        .await?;
    let id: InvitationId = cx.new_id();
    let row = invitation::ActiveModel {
        id: Set(id),
        brand_id: Set(brand),
        email: Set(whom.email),
        role: Set(whom.role),
        token_hash: Set(secret::hash_secret(&secret::invitation_secret(cx, id, 1))),
        letters: Set(1),
        invited_by: Set(by.id),
        created_at: Set(cx.now()),
        expires_at: Set(cx.now() + TimeDelta::days(DAYS)),
    };
    let row = row.insert(&tx).await?;
    let refs = [("invitation", id.to_string()), ("role", row.role.to_string())];
    event::record(
        &tx,
        cx,
        Actor::Account(by.id),
        "brand.member_invited",
        brand,
        &refs,
    )
    .await?;
    tx.commit().await?;
    Ok(row)
}

/// Sends the letter of an invitation once more, with another token: the one before opens nothing any more. It can be
/// accepted for as long as a new one.
///
/// # Errors
/// `Invitation(NotFound)` also for one of a brand that `by` does not own; `EmailUnverified`, `TooManyAttempts`.
pub async fn resend_invitation(
    cx: &Context,
    by: &account::Model,
    id: InvitationId,
    from: &Client,
    _: Proved,
) -> Result<invitation::Model, Failure<Refusal>> {
    let known = queries::pending(cx.now()).filter(invitation::Column::Id.eq(id));
    let known = known
        .one(cx.db())
        .await?
        .or_refuse(Refusal::Invitation(NotFound))?;
    owns(queries::staff_of(cx.db(), by, known.brand_id, Role::Owner).await)?;
    check_verified(by)?;
    count_inviting(cx, by, from).await?;
    let tx = cx.begin().await?;
    let found = lock_as_owner(&tx, cx, by, id, known.brand_id).await?;
    count_invitation(&tx, cx, &found.brand_id.to_string(), &found.email).await?;
    let letters = found.letters + 1;
    let mut row: invitation::ActiveModel = found.into();
    row.token_hash = Set(secret::hash_secret(&secret::invitation_secret(cx, id, letters)));
    row.letters = Set(letters);
    row.expires_at = Set(cx.now() + TimeDelta::days(DAYS));
    let row = row.update(&tx).await?;
    let refs = [("invitation", id.to_string())];
    let (by, brand) = (Actor::Account(by.id), row.brand_id);
    event::record(&tx, cx, by, "brand.invitation_resent", brand, &refs).await?;
    tx.commit().await?;
    Ok(row)
}

/// Takes an invitation back. Returns what it was.
///
/// # Errors
/// `Invitation(NotFound)` also for one of a brand that `by` does not own.
pub async fn revoke_invitation(
    cx: &Context,
    by: &account::Model,
    id: InvitationId,
) -> Result<invitation::Model, Failure<Refusal>> {
    let known = invitation::Entity::find_by_id(id).one(cx.db()).await?;
    let known = known.or_refuse(Refusal::Invitation(NotFound))?;
    let tx = cx.begin().await?;
    let found = lock_as_owner(&tx, cx, by, id, known.brand_id).await?;
    invitation::Entity::delete_by_id(id).exec(&tx).await?;
    let refs = [("invitation", id.to_string())];
    let (by, brand) = (Actor::Account(by.id), found.brand_id);
    event::record(&tx, cx, by, "brand.invitation_revoked", brand, &refs).await?;
    tx.commit().await?;
    Ok(found)
}

/// Accepts the invitation that the token opens. Only the account with the address it was sent to can: whom an owner trusts
/// is whoever reads that mailbox, not whoever was shown a link. The token proves the address, too. A new owner may say where
/// the brand's money goes: its payouts wait.
///
/// # Errors
/// `LetterTokenInvalid`, `Invitation(Elsewhere)`, `AlreadyMember`, whatever role she has.
pub async fn accept_invitation(
    cx: &Context,
    by: AccountId,
    token: &SecretString,
) -> Result<brand_member::Model, Failure<Refusal>> {
    let tx = cx.begin().await?;
    // The account first, as where it is erased.
    let account = lock_account(&tx, by).await?;
    let account = account.or_refuse(Refusal::LetterTokenInvalid)?;
    let found = queries::pending(cx.now())
        .filter(invitation::Column::TokenHash.eq(secret::hash_secret(token)))
        .lock_exclusive()
        .one(&tx)
        .await?;
    let found = found.or_refuse(Refusal::LetterTokenInvalid)?;
    if found.email != account.email {
        return refuse(Refusal::Invitation(Elsewhere));
    }
    prove_email(&tx, cx, account).await?;
    invitation::Entity::delete_by_id(found.id).exec(&tx).await?;
    let joined = member(cx, found.brand_id, by, found.role)
        .insert(&tx)
        .await
        .or_refuse_duplicate(Refusal::AlreadyMember)?;
    if joined.role == Role::Owner {
        freeze(&tx, cx, Party::Brand(joined.brand_id), FreezeCause::Owner).await?;
    }
    let refs = [
        ("account", by.to_string()),
        ("invitation", found.id.to_string()),
        ("role", found.role.to_string()),
    ];
    event::record(
        &tx,
        cx,
        Actor::Account(by),
        "brand.member_joined",
        found.brand_id,
        &refs,
    )
    .await?;
    tx.commit().await?;
    Ok(joined)
}

/// The invitation, locked, for an owner of the brand it is of. The owners are locked first, as where members are removed.
async fn lock_as_owner(
    tx: &Tx,
    cx: &Context,
    by: &account::Model,
    id: InvitationId,
    brand: BrandId,
) -> Result<invitation::Model, Failure<Refusal>> {
    lock_owners(tx, brand).await?;
    owns(queries::staff_of(tx, by, brand, Role::Owner).await)?;
    let found = queries::pending(cx.now())
        .filter(invitation::Column::Id.eq(id))
        .lock_exclusive()
        .one(tx)
        .await?;
    found.or_refuse(Refusal::Invitation(NotFound))
}

/// Whose brand it is not, to her it is not there.
fn owns(checked: Result<(), Failure<Refusal>>) -> Result<(), Failure<Refusal>> {
    checked.map_err(|failure| failure.map(|_| Refusal::Invitation(NotFound)))
}

/// Counts an invitation that `by` sends, whatever to.
///
/// # Errors
/// `TooManyAttempts`.
pub(crate) async fn count_inviting(
    cx: &Context,
    by: &account::Model,
    from: &Client,
) -> Result<(), Failure<Refusal>> {
    allowance::INVITING.spend(cx, &by.id.to_string(), from).await?;
    Ok(())
}

/// Counts a letter for the brand or shop that invites, and for whoever is to read it: nobody has to read more of them by
/// there being more brands, shops or senders.
///
/// # Errors
/// `TooManyAttempts`.
pub(crate) async fn count_invitation(
    tx: &Tx,
    cx: &Context,
    inviting: &str,
    to: &Email,
) -> Result<(), Failure<Refusal>> {
    allowance::INVITATIONS.spend_within(tx, cx, inviting).await?;
    allowance::INVITED.spend_within(tx, cx, to.as_str()).await
}

/// Notes that an account's address is proved: a token sent to it came back.
pub(crate) async fn prove_email(tx: &Tx, cx: &Context, account: account::Model) -> Result<(), DbErr> {
    if account.email_verified_at.is_none() {
        let mut row: account::ActiveModel = account.into();
        row.email_verified_at = Set(Some(cx.now()));
        row.update(tx).await?;
    }
    Ok(())
}

/// Takes back what `account` has sent for `brand`: it does not own it any more.
pub(super) async fn void_of(tx: &Tx, brand: BrandId, account: AccountId) -> Result<(), DbErr> {
    invitation::Entity::delete_many()
        .filter(invitation::Column::BrandId.eq(brand))
        .filter(invitation::Column::InvitedBy.eq(account))
        .exec(tx)
        .await?;
    Ok(())
}

/// Forgets what was sent by an account that is erased, and what was sent to it: to an address that it has not proved, another
/// may have been invited.
pub(super) async fn forget(tx: &Tx, account: &account::Model) -> Result<(), DbErr> {
    invitation::Entity::delete_many()
        .filter(invitation::Column::InvitedBy.eq(account.id))
        .exec(tx)
        .await?;
    if account.email_verified_at.is_some() {
        invitation::Entity::delete_many()
            .filter(invitation::Column::Email.eq(account.email.as_str()))
            .exec(tx)
            .await?;
    }
    Ok(())
}

/// Forgets invitations that nobody has accepted in time, with the addresses they were sent to.
pub(super) async fn sweep(cx: &Context) -> Result<(), DbErr> {
    invitation::Entity::delete_many()
        .filter(invitation::Column::ExpiresAt.lte(cx.now()))
        .exec(cx.db())
        .await?;
    Ok(())
}
