//! Who someone is, read.

use sea_orm::{ColumnTrait, ConnectionTrait, DbErr, EntityTrait, QueryFilter, Select};
use secrecy::SecretString;
use vitrine_model::Time;
use vitrine_model::catalog::brand;
use vitrine_model::id::{AccountId, BrandId, ExternalIdentityId, InvitationId, PasskeyId, SessionId};
use vitrine_model::identity::{
    Role, account, api_key as keys, brand_member, external_identity, invitation, passkey, session,
};
use vitrine_model::text::Email;

use crate::context::Context;
use crate::failure::{Failure, OrRefuse, refuse};
use crate::identity::allowance::Client;
use crate::identity::api_key;
use crate::identity::by::By;
use crate::identity::commands::alive;
use crate::identity::refusal::Refusal;
use crate::list::List;
use crate::secret;

/// Most sessions, memberships or members listed at once.
pub const MAX_LISTED: u64 = 200;

/// Who asks: someone signed in, someone holding a guest's secret, both, a brand's own program, or nobody known.
#[derive(Debug, Clone, Default)]
pub struct Viewer {
    /// Who is signed in.
    pub account: Option<account::Model>,
    /// The session she is signed in with.
    pub session: Option<session::Model>,
    /// The brand's key that a program of its own asks by. Then nobody is signed in, and no guest's secret counts.
    pub key: Option<keys::Model>,
    /// SHA-256 of the guest's secret she sent along.
    pub guest: Option<Vec<u8>>,
    /// The device she asks with.
    pub client: Client,
}

impl Viewer {
    /// The account's id, if signed in.
    pub fn account_id(&self) -> Option<AccountId> {
        self.account.as_ref().map(|account| account.id)
    }

    /// Whether she runs the platform.
    pub fn is_operator(&self) -> bool {
        self.account.as_ref().is_some_and(|account| account.operator)
    }

    /// Who does what is asked for a brand; nobody when no one is known.
    pub fn by(&self) -> Option<By> {
        let account = self.account.as_ref().map(By::from);
        account.or_else(|| self.key.as_ref().map(By::from))
    }
}

/// The account and session that this access token opens now; `None` when it opens nothing.
///
/// # Errors
/// When the database fails.
pub async fn authenticate(
    cx: &Context,
    token: &SecretString,
) -> Result<Option<(account::Model, session::Model)>, DbErr> {
    let session = alive(cx.now())
        .filter(session::Column::AccessHash.eq(secret::hash_secret(token)))
        .filter(session::Column::AccessExpiresAt.gt(cx.now()))
        .one(cx.db())
        .await?;
    let Some(session) = session else { return Ok(None) };
    let account = account::Entity::find_by_id(session.account_id)
        .one(cx.db())
        .await?;
    Ok(account.map(|account| (account, session)))
}

/// Who `viewer` is now: her account as it stands, if the session she was known by still lives, or the API key as it
/// stands; `None` when it ended. A session's access token may have been replaced meanwhile.
///
/// # Errors
/// When the database fails.
pub async fn recheck(cx: &Context, viewer: &Viewer) -> Result<Option<Viewer>, DbErr> {
    if let Some(known) = &viewer.key {
        let key = api_key::still(cx, known.id).await?;
        return Ok(key.map(|key| Viewer {
            key: Some(key),
            ..viewer.clone()
        }));
    }
    let Some(known) = &viewer.session else {
        return Ok(Some(viewer.clone()));
    };
    let session = alive(cx.now()).filter(session::Column::Id.eq(known.id));
    let Some(session) = session.one(cx.db()).await? else {
        return Ok(None);
    };
    let account = account::Entity::find_by_id(session.account_id);
    let account = account.one(cx.db()).await?;
    Ok(account.map(|account| Viewer {
        account: Some(account),
        session: Some(session),
        ..viewer.clone()
    }))
}

/// The accounts with these ids, in no order.
///
/// # Errors
/// When the database fails.
pub async fn accounts_by_id(
    db: &impl ConnectionTrait,
    ids: &[AccountId],
) -> Result<Vec<account::Model>, DbErr> {
    account::Entity::find()
        .filter(account::Column::Id.is_in(ids.iter().copied()))
        .all(db)
        .await
}

/// The account that signs in with this address.
///
/// # Errors
/// When the database fails.
pub async fn account_with_email(
    db: &impl ConnectionTrait,
    email: &Email,
) -> Result<Option<account::Model>, DbErr> {
    let found = account::Entity::find().filter(account::Column::Email.eq(email.as_str()));
    found.one(db).await
}

/// What `account` may do at `brand`; `None` when she does not work there.
///
/// # Errors
/// When the database fails.
pub async fn member_role(
    db: &impl ConnectionTrait,
    brand: BrandId,
    account: AccountId,
) -> Result<Option<Role>, DbErr> {
    let member = brand_member::Entity::find_by_id((brand, account)).one(db).await?;
    Ok(member.map(|member| member.role))
}

/// The memberships of any of the accounts at any of the brands, in no order.
///
/// # Errors
/// When the database fails.
pub async fn roles_at(
    db: &impl ConnectionTrait,
    brands: &[BrandId],
    accounts: &[AccountId],
) -> Result<Vec<brand_member::Model>, DbErr> {
    brand_member::Entity::find()
        .filter(brand_member::Column::BrandId.is_in(brands.iter().copied()))
        .filter(brand_member::Column::AccountId.is_in(accounts.iter().copied()))
        .all(db)
        .await
}

/// Passes when `by` may do at `brand` what takes `needed`: roles earlier in the list include the later ones, and an
/// operator may do everything. A key passes at its own brand, but never where an owner is needed: what its scopes let it
/// do is looked at where it comes in.
///
/// # Errors
/// `NotStaff` for a stranger, `BrandNotFound` when there is no such brand, `RoleLacking`, or a fault.
pub async fn staff_of(
    db: &impl ConnectionTrait,
    by: impl Into<By>,
    brand: BrandId,
    needed: Role,
) -> Result<(), Failure<Refusal>> {
    let role = match by.into() {
        By::Account { operator: true, .. } => return Ok(()),
        By::Account { id, .. } => member_role(db, brand, id).await?,
        By::ApiKey { brand: own, .. } => (own == brand).then_some(Role::Manager),
    };
    let Some(role) = role else {
        let known = brand::Entity::find_by_id(brand).one(db).await?;
        known.or_refuse(Refusal::BrandNotFound)?;
        return refuse(Refusal::NotStaff);
    };
    if role <= needed {
        Ok(())
    } else {
        refuse(Refusal::RoleLacking)
    }
}

/// Where an account works, the first brand first; the place is since when, and the brand.
pub fn memberships_of(account: AccountId) -> List<brand_member::Model, (Time, BrandId)> {
    let memberships = brand_member::Entity::find().filter(brand_member::Column::AccountId.eq(account));
    let columns = [brand_member::Column::CreatedAt, brand_member::Column::BrandId];
    List::new(memberships, false, &columns, |place: &(Time, BrandId)| {
        vec![place.0.into(), place.1.into()]
    })
}

/// Who works for a brand, the founder first; the place is since when, and the account.
pub fn members_of(brand: BrandId) -> List<brand_member::Model, (Time, AccountId)> {
    let members = brand_member::Entity::find().filter(brand_member::Column::BrandId.eq(brand));
    let columns = [brand_member::Column::CreatedAt, brand_member::Column::AccountId];
    List::new(members, false, &columns, |place: &(Time, AccountId)| {
        vec![place.0.into(), place.1.into()]
    })
}

/// Invitations that can be accepted at `now`.
pub(super) fn pending(now: Time) -> Select<invitation::Entity> {
    invitation::Entity::find().filter(invitation::Column::ExpiresAt.gt(now))
}

/// A brand's invitations that can be accepted at `now`, the newest first.
pub fn invitations_of(brand: BrandId, now: Time) -> List<invitation::Model, InvitationId> {
    let invitations = pending(now).filter(invitation::Column::BrandId.eq(brand));
    List::new(
        invitations,
        true,
        &[invitation::Column::Id],
        |place: &InvitationId| vec![(*place).into()],
    )
}

/// The invitation that the token of a letter opens now.
///
/// # Errors
/// When the database fails.
pub async fn offered_by(cx: &Context, token: &SecretString) -> Result<Option<invitation::Model>, DbErr> {
    let offered = pending(cx.now()).filter(invitation::Column::TokenHash.eq(secret::hash_secret(token)));
    offered.one(cx.db()).await
}

/// The passkeys of `account`, the newest first.
pub fn passkeys_of(account: AccountId) -> List<passkey::Model, PasskeyId> {
    let passkeys = passkey::Entity::find().filter(passkey::Column::AccountId.eq(account));
    List::new(passkeys, true, &[passkey::Column::Id], |place: &PasskeyId| {
        vec![(*place).into()]
    })
}

/// The identities at providers by which `account` is signed in to, the newest first.
pub fn external_identities_of(account: AccountId) -> List<external_identity::Model, ExternalIdentityId> {
    let identities =
        external_identity::Entity::find().filter(external_identity::Column::AccountId.eq(account));
    List::new(
        identities,
        true,
        &[external_identity::Column::Id],
        |place: &ExternalIdentityId| vec![(*place).into()],
    )
}

/// The sessions of `account` that still open something at `now`, or will once refreshed, newest first.
pub fn sessions_of(account: AccountId, now: Time) -> List<session::Model, SessionId> {
    let sessions = alive(now).filter(session::Column::AccountId.eq(account));
    List::new(sessions, true, &[session::Column::Id], |place: &SessionId| {
        vec![(*place).into()]
    })
}
