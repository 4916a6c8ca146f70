//! Endpoints: made, changed, disabled and enabled, their secrets rotated.

use sea_orm::ActiveValue::Set;
use sea_orm::sea_query::LockType;
use sea_orm::{
    ActiveModelTrait, ColumnTrait, ConnectionTrait, EntityTrait, PaginatorTrait, QueryFilter, QuerySelect,
};
use secrecy::SecretString;
use vitrine_model::catalog::brand;
use vitrine_model::id::{BrandId, WebhookEndpointId};
use vitrine_model::identity::Role;
use vitrine_model::text::{Label, WebUrl};
use vitrine_model::webhook::{Disabled, Topic, endpoint};

use crate::context::{Context, Tx};
use crate::event;
use crate::failure::{Failure, OrRefuse, refuse};
use crate::identity::{self, By};
use crate::secret;
use crate::webhook::deliver::disable;
use crate::webhook::queries::MAX_ENDPOINTS;
use crate::webhook::refusal::Refusal;
use crate::webhook::rules;

/// An endpoint to be.
#[derive(Debug, Clone)]
pub struct NewEndpoint {
    /// Whose; none for the platform's own.
    pub brand: Option<BrandId>,
    /// Where messages go.
    pub url: WebUrl,
    /// What people call it.
    pub description: Option<Label>,
    /// What it is told of.
    pub topics: Vec<Topic>,
}

/// What is to be different; what is `None` stays.
#[derive(Debug, Clone)]
pub struct EndpointChange {
    /// Where messages go from now on; those under way, too.
    pub url: Option<WebUrl>,
    /// What people call it.
    pub description: Option<Option<Label>>,
    /// What it is told of from now on.
    pub topics: Option<Vec<Topic>>,
}

/// An endpoint whose secret was just made. It is told this once.
#[derive(Debug, Clone)]
pub struct WithSecret {
    /// The endpoint.
    pub endpoint: endpoint::Model,
    /// What its messages are signed with, `whsec_…`.
    pub secret: SecretString,
}

impl WithSecret {
    fn of(cx: &Context, endpoint: endpoint::Model) -> Self {
        let secret = secret::webhook_secret(cx, endpoint.id, endpoint.generation);
        Self { endpoint, secret }
    }
}

/// Makes an endpoint. It is told of what happens from now on.
///
/// # Errors
/// `Staff` unless `by` manages the brand, `OperatorOnly`, `TooMany`, `UrlNotAllowed`, `NoTopics`, `TestIsNoTopic`.
pub async fn create_endpoint(cx: &Context, by: By, new: NewEndpoint) -> Result<WithSecret, Failure<Refusal>> {
    admitted(cx, &new.url)?;
    let topics = wanted(&new.topics)?;
    let tx = cx.begin().await?;
    may(&tx, by, new.brand).await?;
    let taken = match new.brand {
        Some(brand) => {
            // Locked, so that two at once do not both find room for one.
            let known = brand::Entity::find_by_id(brand).lock(LockType::NoKeyUpdate);
            let known = known.one(&tx).await?;
            known.or_refuse(Refusal::Staff(identity::Refusal::BrandNotFound))?;
            endpoint::Entity::find().filter(endpoint::Column::BrandId.eq(brand))
        }
        None => endpoint::Entity::find().filter(endpoint::Column::BrandId.is_null()),
    };
    if taken.count(&tx).await? >= MAX_ENDPOINTS {
        return refuse(Refusal::TooMany(MAX_ENDPOINTS));
    }
    let row = endpoint::ActiveModel {
        id: Set(cx.new_id()),
        brand_id: Set(new.brand),
        url: Set(new.url),
        description: Set(new.description),
        topics: Set(topics),
        generation: Set(1),
        rotated_at: Set(None),
        both_until: Set(None),
        disabled_at: Set(None),
        disabled: Set(None),
        failing_since: Set(None),
        resting_until: Set(None),
        created_by: Set(by.to_string()),
        created_at: Set(cx.now()),
    };
    let row = row.insert(&tx).await?;
    record(&tx, cx, by, "webhook_endpoint.created", &row).await?;
    tx.commit().await?;
    Ok(WithSecret::of(cx, row))
}

/// Changes an endpoint.
///
/// # Errors
/// `EndpointNotFound`, `UrlNotAllowed`, `NoTopics`, `TestIsNoTopic`.
pub async fn update_endpoint(
    cx: &Context,
    by: By,
    id: WebhookEndpointId,
    change: EndpointChange,
) -> Result<endpoint::Model, Failure<Refusal>> {
    if let Some(url) = &change.url {
        admitted(cx, url)?;
    }
    let topics = change.topics.as_deref().map(wanted).transpose()?;
    let tx = cx.begin().await?;
    let endpoint = owned(&tx, by, id).await?;
    let moves_to = change.url.filter(|url| *url != endpoint.url);
    let mut row: endpoint::ActiveModel = endpoint.into();
    if let Some(url) = moves_to {
        row.url = Set(url);
        // It is another place: what failed, or kept us waiting, was the old one.
        row.failing_since = Set(None);
        row.resting_until = Set(None);
    }
    if let Some(description) = change.description {
        row.description = Set(description);
    }
    if let Some(topics) = topics {
        row.topics = Set(topics);
    }
    let row = row.update(&tx).await?;
    record(&tx, cx, by, "webhook_endpoint.updated", &row).await?;
    tx.commit().await?;
    Ok(row)
}

/// Removes an endpoint with all its messages. What is under way may still arrive.
///
/// # Errors
/// `EndpointNotFound`.
pub async fn delete_endpoint(
    cx: &Context,
    by: By,
    id: WebhookEndpointId,
) -> Result<endpoint::Model, Failure<Refusal>> {
    let tx = cx.begin().await?;
    let row = owned(&tx, by, id).await?;
    endpoint::Entity::delete_by_id(id).exec(&tx).await?;
    record(&tx, cx, by, "webhook_endpoint.deleted", &row).await?;
    tx.commit().await?;
    Ok(row)
}

/// Tells an endpoint nothing until it is enabled again. What happens meanwhile can be replayed then.
///
/// # Errors
/// `EndpointNotFound`, `Disabled`.
pub async fn disable_endpoint(
    cx: &Context,
    by: By,
    id: WebhookEndpointId,
) -> Result<endpoint::Model, Failure<Refusal>> {
    let tx = cx.begin().await?;
    let row = owned(&tx, by, id).await?;
    if row.disabled_at.is_some() {
        return refuse(Refusal::Disabled);
    }
    disable(&tx, cx, row.clone(), Disabled::Manual, by.actor()).await?;
    let row = endpoint::Model {
        disabled_at: Some(cx.now()),
        disabled: Some(Disabled::Manual),
        resting_until: None,
        ..row
    };
    tx.commit().await?;
    Ok(row)
}

/// Tells an endpoint of what happens from now on. What it was not told can be replayed.
///
/// # Errors
/// `EndpointNotFound`, `Enabled`.
pub async fn enable_endpoint(
    cx: &Context,
    by: By,
    id: WebhookEndpointId,
) -> Result<endpoint::Model, Failure<Refusal>> {
    let tx = cx.begin().await?;
    let row = owned(&tx, by, id).await?;
    if row.disabled_at.is_none() {
        return refuse(Refusal::Enabled);
    }
    let mut row: endpoint::ActiveModel = row.into();
    row.disabled_at = Set(None);
    row.disabled = Set(None);
    row.failing_since = Set(None);
    row.resting_until = Set(None);
    let row = row.update(&tx).await?;
    record(&tx, cx, by, "webhook_endpoint.enabled", &row).await?;
    tx.commit().await?;
    Ok(row)
}

/// Gives an endpoint a new secret. For a day messages carry a signature by the one before as well, and there can be no third;
/// unless `revoke` says that from now on the new one alone counts, whatever leaked.
///
/// # Errors
/// `EndpointNotFound`, `TwoSecrets`.
pub async fn rotate_secret(
    cx: &Context,
    by: By,
    id: WebhookEndpointId,
    revoke: bool,
) -> Result<WithSecret, Failure<Refusal>> {
    let tx = cx.begin().await?;
    let (row, now) = (owned(&tx, by, id).await?, cx.now());
    if let Some(until) = row.both_until.filter(|until| now < *until && !revoke) {
        return refuse(Refusal::TwoSecrets { until });
    }
    let generation = row.generation + 1;
    let mut row: endpoint::ActiveModel = row.into();
    row.generation = Set(generation);
    row.rotated_at = Set(Some(now));
    row.both_until = Set((!revoke).then_some(now + rules::BOTH_SECRETS));
    let row = row.update(&tx).await?;
    record(&tx, cx, by, "webhook_endpoint.secret_rotated", &row).await?;
    tx.commit().await?;
    Ok(WithSecret::of(cx, row))
}

/// The endpoint, locked, if `by` may change it: others do not learn that it is there.
pub(super) async fn owned(
    tx: &Tx,
    by: By,
    id: WebhookEndpointId,
) -> Result<endpoint::Model, Failure<Refusal>> {
    let found = endpoint::Entity::find_by_id(id).lock(LockType::NoKeyUpdate);
    let found = found.one(tx).await?.or_refuse(Refusal::EndpointNotFound)?;
    let granted = may(tx, by, found.brand_id).await;
    granted.map_err(|failure| failure.map(|_| Refusal::EndpointNotFound))?;
    Ok(found)
}

/// A brand's endpoints are its managers' business, the platform's own its operators'.
async fn may(db: &impl ConnectionTrait, by: By, brand: Option<BrandId>) -> Result<(), Failure<Refusal>> {
    match brand {
        Some(brand) => {
            let granted = identity::staff_of(db, by, brand, Role::Manager).await;
            granted.map_err(|failure| failure.map(Refusal::from))
        }
        None if by.is_operator() => Ok(()),
        None => refuse(Refusal::OperatorOnly),
    }
}

fn admitted(cx: &Context, url: &WebUrl) -> Result<(), Failure<Refusal>> {
    let admitted = cx.platform().courier.admits(url);
    admitted.map_err(|why| Failure::Refused(Refusal::UrlNotAllowed(why)))
}

fn wanted(topics: &[Topic]) -> Result<String, Failure<Refusal>> {
    if topics.is_empty() {
        return refuse(Refusal::NoTopics);
    }
    if topics.contains(&Topic::Test) {
        return refuse(Refusal::TestIsNoTopic);
    }
    Ok(rules::kept(topics))
}

async fn record(
    tx: &Tx,
    cx: &Context,
    by: By,
    kind: &str,
    row: &endpoint::Model,
) -> Result<(), Failure<Refusal>> {
    let refs: Vec<(&str, String)> = row
        .brand_id
        .iter()
        .map(|brand| ("brand", brand.to_string()))
        .collect();
    event::record(tx, cx, by.actor(), kind, row.id, &refs).await?;
    Ok(())
}
