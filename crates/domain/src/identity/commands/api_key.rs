//! Keys by which a brand's own programs ask.

use sea_orm::ActiveValue::Set;
use sea_orm::sea_query::LockType;
use sea_orm::{ActiveModelTrait, ColumnTrait, EntityTrait, PaginatorTrait, QueryFilter, QuerySelect};
use secrecy::{ExposeSecret, SecretString};
use vitrine_model::Time;
use vitrine_model::catalog::brand;
use vitrine_model::id::{ApiKeyId, BrandId};
use vitrine_model::identity::{Role, Scope, account, api_key};
use vitrine_model::text::Label;

use crate::context::{Context, Tx};
use crate::event::{self, Actor};
use crate::failure::{Failure, OrRefuse, refuse};
use crate::identity::api_key::{PREFIX, kept, live};
use crate::identity::commands::check_verified;
use crate::identity::proof::Proved;
use crate::identity::queries;
use crate::identity::refusal::{ApiKeyRefusal, Refusal};
use crate::secret;

/// Most keys of a brand that open something at a time.
const MAX_LIVE: u64 = 50;
/// How many of the secret's last characters are kept.
const HINT: usize = 4;

/// A key to be.
#[derive(Debug, Clone)]
pub struct NewApiKey {
    /// Whose.
    pub brand: BrandId,
    /// What people call it.
    pub label: Label,
    /// What it may do.
    pub scopes: Vec<Scope>,
    /// From when it opens nothing; never by itself if absent.
    pub expires_at: Option<Time>,
}

/// What is to be different of a key; what is `None` stays.
#[derive(Debug, Clone)]
pub struct ApiKeyChange {
    /// What people call it.
    pub label: Option<Label>,
    /// All that it may do from now on.
    pub scopes: Option<Vec<Scope>>,
}

/// Makes a key. Its secret is told this once, and kept nowhere.
///
/// Only owners may, with a proved address: a key goes on working when whoever made it is gone, and reads what is an
/// owner's to read.
///
/// # Errors
/// `EmailUnverified`, `BrandNotFound`, `NotStaff`, `RoleLacking` unless the brand's owner asks, `ApiKey(NoScopes)`,
/// `ApiKey(ExpiresInThePast)`, `ApiKey(TooMany)`.
pub async fn create_api_key(
    cx: &Context,
    by: &account::Model,
    new: NewApiKey,
    _: Proved,
) -> Result<(api_key::Model, SecretString), Failure<Refusal>> {
    check_verified(by)?;
    if new.scopes.is_empty() {
        return refuse(Refusal::ApiKey(ApiKeyRefusal::NoScopes));
    }
    if new.expires_at.is_some_and(|at| at <= cx.now()) {
        return refuse(Refusal::ApiKey(ApiKeyRefusal::ExpiresInThePast));
    }
    let tx = cx.begin().await?;
    queries::staff_of(&tx, by, new.brand, Role::Owner).await?;
    // Locked, so that two at once do not both find room for one.
    let known = brand::Entity::find_by_id(new.brand).lock(LockType::NoKeyUpdate);
    known.one(&tx).await?.or_refuse(Refusal::BrandNotFound)?;
    let taken = live(cx.now()).filter(api_key::Column::BrandId.eq(new.brand));
    if taken.count(&tx).await? >= MAX_LIVE {
        return refuse(Refusal::ApiKey(ApiKeyRefusal::TooMany(MAX_LIVE)));
    }
    let secret = secret::new_secret(cx, PREFIX);
    let row = api_key::ActiveModel {
        id: Set(cx.new_id()),
        brand_id: Set(new.brand),
        label: Set(new.label),
        scopes: Set(kept(&new.scopes)),
        secret_hash: Set(secret::hash_secret(&secret)),
        hint: Set(hint(&secret)),
        created_by: Set(by.id),
        created_at: Set(cx.now()),
        expires_at: Set(new.expires_at),
        last_used_at: Set(None),
        revoked_at: Set(None),
    };
    let row = row.insert(&tx).await?;
    record(&tx, cx, by, "api_key.created", &row).await?;
    tx.commit().await?;
    Ok((row, secret))
}

/// Changes what a key is called, and what it may do from now on.
///
/// # Errors
/// `ApiKey(NotFound)`, `RoleLacking` unless the brand's owner asks, `ApiKey(Dead)`, `ApiKey(NoScopes)`.
pub async fn update_api_key(
    cx: &Context,
    by: &account::Model,
    id: ApiKeyId,
    change: ApiKeyChange,
    _: Proved,
) -> Result<api_key::Model, Failure<Refusal>> {
    if change.scopes.as_ref().is_some_and(Vec::is_empty) {
        return refuse(Refusal::ApiKey(ApiKeyRefusal::NoScopes));
    }
    let tx = cx.begin().await?;
    let row = managed(&tx, by, id, Role::Owner).await?;
    let is_over = row.expires_at.is_some_and(|at| at <= cx.now());
    if row.revoked_at.is_some() || is_over {
        return refuse(Refusal::ApiKey(ApiKeyRefusal::Dead));
    }
    let mut row: api_key::ActiveModel = row.into();
    if let Some(label) = change.label {
        row.label = Set(label);
    }
    if let Some(scopes) = change.scopes {
        row.scopes = Set(kept(&scopes));
    }
    let row = row.update(&tx).await?;
    record(&tx, cx, by, "api_key.updated", &row).await?;
    tx.commit().await?;
    Ok(row)
}

/// Ends a key at once. Said again, it changes nothing. It takes no proof, and a manager may: whoever sees that a key has
/// leaked should not be kept waiting.
///
/// # Errors
/// `ApiKey(NotFound)`, `RoleLacking` for who only ships.
pub async fn revoke_api_key(
    cx: &Context,
    by: &account::Model,
    id: ApiKeyId,
) -> Result<api_key::Model, Failure<Refusal>> {
    let tx = cx.begin().await?;
    let row = managed(&tx, by, id, Role::Manager).await?;
    if row.revoked_at.is_some() {
        return Ok(row);
    }
    let mut row: api_key::ActiveModel = row.into();
    row.revoked_at = Set(Some(cx.now()));
    let row = row.update(&tx).await?;
    record(&tx, cx, by, "api_key.revoked", &row).await?;
    tx.commit().await?;
    Ok(row)
}

/// The key, locked, if `by` may do at its brand what takes `needed`: others do not learn that it is there.
async fn managed(
    tx: &Tx,
    by: &account::Model,
    id: ApiKeyId,
    needed: Role,
) -> Result<api_key::Model, Failure<Refusal>> {
    let found = api_key::Entity::find_by_id(id).lock_exclusive().one(tx).await?;
    let found = found.or_refuse(Refusal::ApiKey(ApiKeyRefusal::NotFound))?;
    let granted = queries::staff_of(tx, by, found.brand_id, needed).await;
    granted.map_err(|failure| {
        failure.map(|refusal| match refusal {
            Refusal::NotStaff => Refusal::ApiKey(ApiKeyRefusal::NotFound),
            other => other,
        })
    })?;
    Ok(found)
}

/// The last characters, by which people tell keys apart. Far too few to guess the rest by.
fn hint(secret: &SecretString) -> String {
    let secret = secret.expose_secret();
    secret.get(secret.len() - HINT..).unwrap_or_default().to_owned()
}

async fn record(
    tx: &Tx,
    cx: &Context,
    by: &account::Model,
    kind: &str,
    key: &api_key::Model,
) -> Result<(), Failure<Refusal>> {
    let refs = [("brand", key.brand_id.to_string())];
    event::record(tx, cx, Actor::Account(by.id), kind, key.id, &refs).await?;
    Ok(())
}
