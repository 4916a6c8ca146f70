//! Curating a shop together: whom its owner invites, for which share of what it earns, and who leaves again.
//!
//! Invitations are for one address and one use. Nothing that is answered here tells whether an address opens an account.

use std::collections::HashMap;

use chrono::TimeDelta;
use sea_orm::ActiveValue::Set;
use sea_orm::{
    ActiveModelTrait, ColumnTrait, ConnectionTrait, DbErr, EntityTrait, QueryFilter, QueryOrder, QuerySelect,
    Select,
};
use secrecy::SecretString;
use vitrine_model::Time;
use vitrine_model::id::{AccountId, ShopId, ShopInvitationId};
use vitrine_model::identity::account;
use vitrine_model::ledger::Party;
use vitrine_model::money::BasisPoints;
use vitrine_model::shop::{self, curator, invitation};
use vitrine_model::text::Email;

use crate::context::{Context, Tx};
use crate::event::{self, Actor};
use crate::failure::{Failure, OrRefuse, refuse};
use crate::identity::{self, Client, Proved};
use crate::ledger::Share;
use crate::list::List;
use crate::secret;
use crate::shop::commands::owned;
use crate::shop::refusal::{CuratingRefusal, Refusal};

/// How long an invitation can be accepted.
const DAYS: i64 = 7;
/// Most people who curate a shop with its owner, those invited among them.
pub const MAX_CURATORS: u64 = 10;
/// The whole of what a shop earns.
const WHOLE: i32 = 10_000;

/// Someone to curate a shop with its owner.
#[derive(Debug, Clone)]
pub struct InvitedCurator {
    /// Where she reads letters.
    pub email: Email,
    /// What of the shop's earnings is to be hers.
    pub share: BasisPoints,
}

/// Invites whoever reads letters at this address to curate a shop of one's own for a share of what it earns. An invitation
/// that waits there already is replaced: its letter opens nothing any more.
///
/// # Errors
/// `ShopNotFound`, `EmailUnverified`, `TooManyCurators`, `SharesExceeded`, `TooManyAttempts` when too many letters were sent
/// by her, for the shop, or to that address.
pub async fn invite_curator(
    cx: &Context,
    by: &account::Model,
    shop: ShopId,
    whom: InvitedCurator,
    from: &Client,
    _: Proved,
) -> Result<invitation::Model, Failure<Refusal>> {
    identity::check_verified(by).map_err(|failure| failure.map(|_| Refusal::EmailUnverified))?;
    let counted = identity::count_inviting(cx, by, from).await;
    counted.map_err(|failure| failure.map(|_| Refusal::Curating(CuratingRefusal::TooManyAttempts)))?;
    let tx = cx.begin().await?;
    let shop = owned(&tx, by.id, shop).await?;
    let counted = identity::count_invitation(&tx, cx, &shop.id.to_string(), &whom.email).await;
    counted.map_err(|failure| failure.map(|_| Refusal::Curating(CuratingRefusal::TooManyAttempts)))?;
    invitation::Entity::delete_many()
        .filter(invitation::Column::ShopId.eq(shop.id))
        .filter(invitation::Column::Email.eq(whom.email.as_str()))
        .exec(&tx)
        .await?;
    let others = shared(&tx, cx, shop.id).await?;
    if u64::try_from(others.len()).unwrap_or(u64::MAX) >= MAX_CURATORS {
        return refuse(Refusal::Curating(CuratingRefusal::TooManyCurators(MAX_CURATORS)));
    }
    check_whole(&others, whom.share)?;
    let id: ShopInvitationId = cx.new_id();
    let row = invitation::ActiveModel {
        id: Set(id),
        shop_id: Set(shop.id),
        email: Set(whom.email),
        share_bp: Set(whom.share),
        token_hash: Set(secret::hash_secret(&secret::invitation_secret(cx, id, 1))),
        created_at: Set(cx.now()),
        expires_at: Set(cx.now() + TimeDelta::days(DAYS)),
    };
    let row = row.insert(&tx).await?;
    let refs = [
        ("invitation", id.to_string()),
        ("share", row.share_bp.to_string()),
    ];
    event::record(
        &tx,
        cx,
        Actor::Account(by.id),
        "shop.curator_invited",
        shop.id,
        &refs,
    )
    .await?;
    tx.commit().await?;
    Ok(row)
}

/// Takes an invitation back. Returns what it was.
///
/// # Errors
/// `InvitationNotFound`, also for one to a shop that is not one's own.
pub async fn revoke_curator_invitation(
    cx: &Context,
    by: AccountId,
    id: ShopInvitationId,
) -> Result<invitation::Model, Failure<Refusal>> {
    let tx = cx.begin().await?;
    let known = invitation::Entity::find_by_id(id).one(&tx).await?;
    let known = known.or_refuse(Refusal::Curating(CuratingRefusal::InvitationNotFound))?;
    let shop = owned(&tx, by, known.shop_id).await;
    let shop =
        shop.map_err(|failure| failure.map(|_| Refusal::Curating(CuratingRefusal::InvitationNotFound)))?;
    // Read again now that the shop is locked: it may have been accepted meanwhile.
    let found = invitation::Entity::find_by_id(id).one(&tx).await?;
    let found = found.or_refuse(Refusal::Curating(CuratingRefusal::InvitationNotFound))?;
    invitation::Entity::delete_by_id(id).exec(&tx).await?;
    let refs = [("invitation", id.to_string())];
    event::record(
        &tx,
        cx,
        Actor::Account(by),
        "shop.invitation_revoked",
        shop.id,
        &refs,
    )
    .await?;
    tx.commit().await?;
    Ok(found)
}

/// Accepts the invitation that the token opens. Only the account with the address it was sent to can; the token proves the
/// address, too.
///
/// # Errors
/// `TokenInvalid`, `InvitedElsewhere`, `AlreadyCurator`, also for the shop's owner.
pub async fn accept_curator_invitation(
    cx: &Context,
    by: AccountId,
    token: &SecretString,
) -> Result<curator::Model, Failure<Refusal>> {
    let tx = cx.begin().await?;
    // The account first, as where it is erased.
    let account = identity::lock_account(&tx, by).await?;
    let account = account.or_refuse(Refusal::Curating(CuratingRefusal::TokenInvalid))?;
    let offered = offered(cx.now(), token)
        .one(&tx)
        .await?
        .or_refuse(Refusal::Curating(CuratingRefusal::TokenInvalid))?;
    let shop = open(&tx, offered.shop_id)
        .await?
        .or_refuse(Refusal::Curating(CuratingRefusal::TokenInvalid))?;
    // Read again now that the shop is locked: it may have been taken back meanwhile.
    let found = self::offered(cx.now(), token).one(&tx).await?;
    let found = found.or_refuse(Refusal::Curating(CuratingRefusal::TokenInvalid))?;
    if found.email != account.email {
        return refuse(Refusal::Curating(CuratingRefusal::InvitedElsewhere));
    }
    if shop.owner_id == by || is_curator(&tx, shop.id, by).await? {
        return refuse(Refusal::Curating(CuratingRefusal::AlreadyCurator));
    }
    identity::prove_email(&tx, cx, account).await?;
    invitation::Entity::delete_by_id(found.id).exec(&tx).await?;
    let row = curator::ActiveModel {
        shop_id: Set(shop.id),
        account_id: Set(by),
        share_bp: Set(found.share_bp),
        created_at: Set(cx.now()),
    };
    let row = row.insert(&tx).await?;
    tell(&tx, cx, by, "shop.curator_joined", &row).await?;
    tx.commit().await?;
    Ok(row)
}

/// Changes what someone gets of a shop of one's own: of what is sold from then on.
///
/// # Errors
/// `ShopNotFound`, `CuratorNotFound`, `SharesExceeded`.
pub async fn update_curator(
    cx: &Context,
    by: AccountId,
    (shop, account): (ShopId, AccountId),
    share: BasisPoints,
    _: Proved,
) -> Result<curator::Model, Failure<Refusal>> {
    let tx = cx.begin().await?;
    let shop = owned(&tx, by, shop).await?;
    let found = curator::Entity::find_by_id((shop.id, account)).one(&tx).await?;
    let found = found.or_refuse(Refusal::Curating(CuratingRefusal::CuratorNotFound))?;
    let mut others = shared(&tx, cx, shop.id).await?;
    if let Some(hers) = others.iter().position(|points| *points == found.share_bp) {
        others.swap_remove(hers);
    }
    check_whole(&others, share)?;
    let mut row: curator::ActiveModel = found.into();
    row.share_bp = Set(share);
    let row = row.update(&tx).await?;
    tell(&tx, cx, by, "shop.curator_updated", &row).await?;
    tx.commit().await?;
    Ok(row)
}

/// Ends that someone curates a shop: its owner asks, or whoever curates it herself. What was sold before stays shared.
///
/// # Errors
/// `ShopNotFound`, `CuratorNotFound`.
pub async fn remove_curator(
    cx: &Context,
    by: AccountId,
    (shop, account): (ShopId, AccountId),
) -> Result<curator::Model, Failure<Refusal>> {
    let tx = cx.begin().await?;
    if by == account {
        curated(&tx, by, shop).await?;
    } else {
        owned(&tx, by, shop).await?;
    }
    let removed = curator::Entity::delete_by_id((shop, account))
        .exec_with_returning(&tx)
        .await?;
    let row = removed.or_refuse(Refusal::Curating(CuratingRefusal::CuratorNotFound))?;
    tell(&tx, cx, by, "shop.curator_removed", &row).await?;
    tx.commit().await?;
    Ok(row)
}

async fn tell(tx: &Tx, cx: &Context, by: AccountId, kind: &str, row: &curator::Model) -> Result<(), DbErr> {
    let refs = [
        ("account", row.account_id.to_string()),
        ("share", row.share_bp.to_string()),
    ];
    event::record(tx, cx, Actor::Account(by), kind, row.shop_id, &refs).await
}

/// Whether curating this shop is `account`'s, as nobody but its owner decides otherwise.
async fn is_curator(db: &impl ConnectionTrait, shop: ShopId, account: AccountId) -> Result<bool, DbErr> {
    let found = curator::Entity::find_by_id((shop, account)).one(db).await?;
    Ok(found.is_some())
}

/// The shop, unless it is closed, locked.
async fn open(tx: &Tx, id: ShopId) -> Result<Option<shop::Model>, DbErr> {
    shop::Entity::find_by_id(id)
        .filter(shop::Column::State.ne(shop::ShopState::Closed))
        .lock_exclusive()
        .one(tx)
        .await
}

/// A shop that one owns, or curates with its owner, locked as [`owned`].
pub(crate) async fn curated(tx: &Tx, by: AccountId, id: ShopId) -> Result<shop::Model, Failure<Refusal>> {
    let found = open(tx, id).await?.or_refuse(Refusal::ShopNotFound)?;
    if found.owner_id != by && !is_curator(tx, id, by).await? {
        return refuse(Refusal::ShopNotFound);
    }
    Ok(found)
}

/// The shares of those who curate the shop, and of those who are invited to.
async fn shared(tx: &Tx, cx: &Context, shop: ShopId) -> Result<Vec<BasisPoints>, DbErr> {
    let curators = curator::Entity::find()
        .filter(curator::Column::ShopId.eq(shop))
        .all(tx)
        .await?;
    let invited = pending(cx.now())
        .filter(invitation::Column::ShopId.eq(shop))
        .all(tx)
        .await?;
    let invited = invited.into_iter().map(|row| row.share_bp);
    Ok(curators
        .into_iter()
        .map(|row| row.share_bp)
        .chain(invited)
        .collect())
}

fn check_whole(others: &[BasisPoints], share: BasisPoints) -> Result<(), Failure<Refusal>> {
    let left = WHOLE - others.iter().map(|points| points.get()).sum::<i32>();
    if share.get() > left {
        return refuse(Refusal::Curating(CuratingRefusal::SharesExceeded(left)));
    }
    Ok(())
}

fn pending(now: Time) -> Select<invitation::Entity> {
    invitation::Entity::find().filter(invitation::Column::ExpiresAt.gt(now))
}

fn offered(now: Time, token: &SecretString) -> Select<invitation::Entity> {
    pending(now).filter(invitation::Column::TokenHash.eq(secret::hash_secret(token)))
}

/// The invitation that the token of a letter opens now.
///
/// # Errors
/// When the database fails.
pub async fn curating_offered_by(
    cx: &Context,
    token: &SecretString,
) -> Result<Option<invitation::Model>, DbErr> {
    offered(cx.now(), token).one(cx.db()).await
}

/// Those who curate a shop with its owner, the first to join first.
pub fn curators_of(shop: ShopId) -> List<curator::Model, (Time, AccountId)> {
    let curators = curator::Entity::find().filter(curator::Column::ShopId.eq(shop));
    let columns = [curator::Column::CreatedAt, curator::Column::AccountId];
    List::new(curators, false, &columns, |place: &(Time, AccountId)| {
        vec![place.0.into(), place.1.into()]
    })
}

/// The shops that an account curates with their owners, the first it joined first.
pub fn curated_by(account: AccountId) -> List<curator::Model, (Time, ShopId)> {
    let curated = curator::Entity::find().filter(curator::Column::AccountId.eq(account));
    let columns = [curator::Column::CreatedAt, curator::Column::ShopId];
    List::new(curated, false, &columns, |place: &(Time, ShopId)| {
        vec![place.0.into(), place.1.into()]
    })
}

/// A shop's invitations that can be accepted at `now`, the newest first.
pub fn curator_invitations_of(shop: ShopId, now: Time) -> List<invitation::Model, ShopInvitationId> {
    let invitations = pending(now).filter(invitation::Column::ShopId.eq(shop));
    List::new(
        invitations,
        true,
        &[invitation::Column::Id],
        |place: &ShopInvitationId| vec![(*place).into()],
    )
}

/// Who of these accounts curates which of these shops.
///
/// # Errors
/// When the database fails.
pub async fn curators_at(
    db: &impl ConnectionTrait,
    shops: &[ShopId],
    accounts: &[AccountId],
) -> Result<Vec<curator::Model>, DbErr> {
    curator::Entity::find()
        .filter(curator::Column::ShopId.is_in(shops.iter().copied()))
        .filter(curator::Column::AccountId.is_in(accounts.iter().copied()))
        .all(db)
        .await
}

/// How what these shops earn by a sale to `buyer` is shared, by those who joined first. Nobody earns by what she buys
/// herself: then it stays the shopholder's.
///
/// # Errors
/// When the database fails.
pub(crate) async fn shares_of(
    db: &impl ConnectionTrait,
    shops: impl IntoIterator<Item = ShopId>,
    buyer: Option<AccountId>,
) -> Result<HashMap<ShopId, Vec<Share>>, DbErr> {
    let curators = curator::Entity::find()
        .filter(curator::Column::ShopId.is_in(shops))
        .order_by_asc(curator::Column::CreatedAt)
        .order_by_asc(curator::Column::AccountId)
        .all(db)
        .await?;
    let mut shares: HashMap<ShopId, Vec<Share>> = HashMap::new();
    for row in curators.into_iter().filter(|row| Some(row.account_id) != buyer) {
        shares.entry(row.shop_id).or_default().push(Share {
            party: Party::Shopholder(row.account_id),
            share: row.share_bp,
        });
    }
    Ok(shares)
}

/// Forgets what an account curates that is erased, and where it was asked to.
pub(super) async fn forget_curator(tx: &Tx, account: &account::Model) -> Result<(), DbErr> {
    curator::Entity::delete_many()
        .filter(curator::Column::AccountId.eq(account.id))
        .exec(tx)
        .await?;
    // To an address that it has not proved, another may have been invited.
    if account.email_verified_at.is_some() {
        invitation::Entity::delete_many()
            .filter(invitation::Column::Email.eq(account.email.as_str()))
            .exec(tx)
            .await?;
    }
    Ok(())
}

/// Forgets who curates a shop whose owner is erased.
pub(super) async fn forget_curators_of(tx: &Tx, shop: ShopId) -> Result<(), DbErr> {
    curator::Entity::delete_many()
        .filter(curator::Column::ShopId.eq(shop))
        .exec(tx)
        .await?;
    invitation::Entity::delete_many()
        .filter(invitation::Column::ShopId.eq(shop))
        .exec(tx)
        .await?;
    Ok(())
}

/// Forgets invitations that nobody has accepted in time, with the addresses they were sent to.
///
/// # Errors
/// When the database fails.
pub(crate) async fn sweep(cx: &Context) -> Result<(), DbErr> {
    invitation::Entity::delete_many()
        .filter(invitation::Column::ExpiresAt.lte(cx.now()))
        .exec(cx.db())
        .await?;
    Ok(())
}
