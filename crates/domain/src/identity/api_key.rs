//! What a brand's key opens, and what it may do.

use chrono::TimeDelta;
use sea_orm::sea_query::Expr;
use sea_orm::{ColumnTrait, Condition, ConnectionTrait, DbErr, EntityTrait, QueryFilter, Select};
use secrecy::{ExposeSecret, SecretString};
use vitrine_model::Time;
use vitrine_model::id::{ApiKeyId, BrandId};
use vitrine_model::identity::{Scope, api_key};

use crate::context::Context;
use crate::list::List;
use crate::secret;

/// What tells people and secret scanners what it is; 43 characters of base64url follow.
pub(super) const PREFIX: &str = "vitrine_brand_";
/// How exactly is known when a key was last used: no request but the first of a minute writes.
const USED_WITHIN: TimeDelta = TimeDelta::minutes(1);

/// Whether a token says of itself that it is a brand's key. It may open nothing all the same.
pub fn is_api_key(token: &SecretString) -> bool {
    token.expose_secret().starts_with(PREFIX)
}

/// Keys that open something at `now`.
pub(super) fn live(now: Time) -> Select<api_key::Entity> {
    let lasting = Condition::any()
        .add(api_key::Column::ExpiresAt.is_null())
        .add(api_key::Column::ExpiresAt.gt(now));
    api_key::Entity::find()
        .filter(api_key::Column::RevokedAt.is_null())
        .filter(lasting)
}

/// The key with this secret, and notes that it was used; `None` when it opens nothing, any more or at all.
///
/// # Errors
/// When the database fails.
pub async fn open_api_key(cx: &Context, secret: &SecretString) -> Result<Option<api_key::Model>, DbErr> {
    let found = live(cx.now()).filter(api_key::Column::SecretHash.eq(secret::hash_secret(secret)));
    used(cx, found.one(cx.db()).await?).await
}

/// The key as it is now, and notes that it was used; `None` when it opens nothing any more.
pub(super) async fn still(cx: &Context, id: ApiKeyId) -> Result<Option<api_key::Model>, DbErr> {
    let found = live(cx.now()).filter(api_key::Column::Id.eq(id));
    used(cx, found.one(cx.db()).await?).await
}

async fn used(cx: &Context, key: Option<api_key::Model>) -> Result<Option<api_key::Model>, DbErr> {
    let Some(mut key) = key else { return Ok(None) };
    let now = cx.now();
    if key.last_used_at.is_some_and(|at| at > now - USED_WITHIN) {
        return Ok(Some(key));
    }
    let unknown = Condition::any()
        .add(api_key::Column::LastUsedAt.is_null())
        .add(api_key::Column::LastUsedAt.lte(now - USED_WITHIN));
    let noted = api_key::Entity::update_many()
        .col_expr(api_key::Column::LastUsedAt, Expr::value(now))
        .filter(api_key::Column::Id.eq(key.id))
        .filter(unknown)
        .exec(cx.db())
        .await;
    match noted {
        Ok(_) => key.last_used_at = Some(now),
        // Whoever asks need not know that the database would not write just now.
        Err(error) => tracing::warn!(key = %key.id, %error, "the use of an API key is not noted"),
    }
    Ok(Some(key))
}

/// What the key says it may do, in the order declared. A word that is none any more is left out.
pub fn scopes(key: &api_key::Model) -> Vec<Scope> {
    let words = key.scopes.split_whitespace();
    let mut scopes: Vec<Scope> = words.filter_map(|word| word.parse().ok()).collect();
    scopes.sort_unstable();
    scopes
}

/// Whether the key may do what takes `needed`.
pub fn allows(key: &api_key::Model, needed: Scope) -> bool {
    scopes(key).into_iter().any(|held| covers(held, needed))
}

/// Whether it may do at `brand` what takes `needed`: a key works for its own brand alone.
pub fn allows_at(key: &api_key::Model, brand: BrandId, needed: Scope) -> bool {
    key.brand_id == brand && allows(key, needed)
}

/// Whoever may write may read what he writes; and a product file holds what there is in stock.
fn covers(held: Scope, needed: Scope) -> bool {
    use Scope::{
        CatalogRead, CatalogWrite, FulfillmentWrite, MoneyRead, OrdersRead, RefundsWrite, StockWrite,
        WebhooksWrite,
    };
    held == needed
        || match needed {
            CatalogRead => matches!(held, CatalogWrite | StockWrite),
            StockWrite => held == CatalogWrite,
            OrdersRead => matches!(held, FulfillmentWrite | RefundsWrite),
            CatalogWrite | FulfillmentWrite | RefundsWrite | WebhooksWrite | MoneyRead => false,
        }
}

/// Scopes as they are kept: each word once, with a space between.
pub(super) fn kept(scopes: &[Scope]) -> String {
    let mut words: Vec<&str> = scopes.iter().map(|scope| scope.as_str()).collect();
    words.sort_unstable();
    words.dedup();
    words.join(" ")
}

/// A brand's keys, the newest first, those that open nothing any more among them.
pub fn api_keys_of(brand: BrandId) -> List<api_key::Model, ApiKeyId> {
    let keys = api_key::Entity::find().filter(api_key::Column::BrandId.eq(brand));
    List::new(keys, true, &[api_key::Column::Id], |place: &ApiKeyId| {
        vec![(*place).into()]
    })
}

/// The keys with these ids, in no order.
///
/// # Errors
/// When the database fails.
pub async fn api_keys_by_id(
    db: &impl ConnectionTrait,
    ids: &[ApiKeyId],
) -> Result<Vec<api_key::Model>, DbErr> {
    let found = api_key::Entity::find().filter(api_key::Column::Id.is_in(ids.iter().copied()));
    found.all(db).await
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(scopes: &[Scope]) -> api_key::Model {
        api_key::Model {
            id: "key_0123456789abcdefghjkmnpqrs".parse().unwrap(),
            brand_id: "brand_0123456789abcdefghjkmnpqrs".parse().unwrap(),
            label: "the warehouse".parse().unwrap(),
            scopes: kept(scopes),
            secret_hash: Vec::new(),
            hint: "abcd".to_owned(),
            created_by: "acct_0123456789abcdefghjkmnpqrs".parse().unwrap(),
            created_at: Time::UNIX_EPOCH,
            expires_at: None,
            last_used_at: None,
            revoked_at: None,
        }
    }

    #[test]
    fn scopes_are_kept_once_each_and_read_back() {
        let given = [Scope::StockWrite, Scope::CatalogRead, Scope::StockWrite];
        assert_eq!(kept(&given), "catalog.read stock.write");
        assert_eq!(scopes(&with(&given)), [Scope::CatalogRead, Scope::StockWrite]);
        let mut older = with(&[Scope::MoneyRead]);
        older.scopes.push_str(" what.was");
        assert_eq!(scopes(&older), [Scope::MoneyRead]);
    }

    #[test]
    fn whoever_may_write_may_read_what_he_writes_and_no_more() {
        let allowed = |held: Scope| {
            let key = with(&[held]);
            let all = Scope::ALL.iter().copied();
            all.filter(|needed| allows(&key, *needed)).collect::<Vec<_>>()
        };
        use Scope::*;
        assert_eq!(allowed(CatalogRead), [CatalogRead]);
        assert_eq!(allowed(CatalogWrite), [CatalogRead, CatalogWrite, StockWrite]);
        assert_eq!(allowed(StockWrite), [CatalogRead, StockWrite]);
        assert_eq!(allowed(OrdersRead), [OrdersRead]);
        assert_eq!(allowed(FulfillmentWrite), [OrdersRead, FulfillmentWrite]);
        assert_eq!(allowed(RefundsWrite), [OrdersRead, RefundsWrite]);
        assert_eq!(allowed(WebhooksWrite), [WebhooksWrite]);
        assert_eq!(allowed(MoneyRead), [MoneyRead]);
    }

    #[test]
    fn a_key_works_for_its_own_brand_alone() {
        let key = with(Scope::ALL);
        let other = "brand_1123456789abcdefghjkmnpqrs".parse().unwrap();
        assert!(allows_at(&key, key.brand_id, Scope::OrdersRead));
        assert!(!allows_at(&key, other, Scope::OrdersRead));
    }
}
