//! Endpoints, messages and attempts, read.

use sea_orm::{ColumnTrait, ConnectionTrait, DbErr, EntityTrait, QueryFilter};
use vitrine_model::Time;
use vitrine_model::id::{BrandId, WebhookEndpointId, WebhookMessageId};
use vitrine_model::webhook::{MessageState, attempt, endpoint, message};

use crate::list::List;

/// Most endpoints of a brand, and of the platform.
pub const MAX_ENDPOINTS: u64 = 20;

/// A message's place in the list of an endpoint's: since when it is there, and its id.
pub type ByAge = (Time, WebhookMessageId);

/// The endpoints with these ids, in no order.
///
/// # Errors
/// When the database fails.
pub async fn endpoints_by_id(
    db: &impl ConnectionTrait,
    ids: &[WebhookEndpointId],
) -> Result<Vec<endpoint::Model>, DbErr> {
    let found = endpoint::Entity::find().filter(endpoint::Column::Id.is_in(ids.iter().copied()));
    found.all(db).await
}

/// The messages with these ids, in no order.
///
/// # Errors
/// When the database fails.
pub async fn messages_by_id(
    db: &impl ConnectionTrait,
    ids: &[WebhookMessageId],
) -> Result<Vec<message::Model>, DbErr> {
    let found = message::Entity::find().filter(message::Column::Id.is_in(ids.iter().copied()));
    found.all(db).await
}

/// A brand's endpoints, or the platform's own, the oldest first.
pub fn endpoints_of(brand: Option<BrandId>) -> List<endpoint::Model, WebhookEndpointId> {
    let endpoints = endpoint::Entity::find();
    let endpoints = match brand {
        Some(brand) => endpoints.filter(endpoint::Column::BrandId.eq(brand)),
        None => endpoints.filter(endpoint::Column::BrandId.is_null()),
    };
    List::new(
        endpoints,
        false,
        &[endpoint::Column::Id],
        |place: &WebhookEndpointId| vec![(*place).into()],
    )
}

/// An endpoint's messages, or those in one state, the newest first.
pub fn messages_of(endpoint: WebhookEndpointId, state: Option<MessageState>) -> List<message::Model, ByAge> {
    let mut messages = message::Entity::find().filter(message::Column::EndpointId.eq(endpoint));
    if let Some(state) = state {
        messages = messages.filter(message::Column::State.eq(state));
    }
    let columns = [message::Column::CreatedAt, message::Column::Id];
    List::new(messages, true, &columns, |place: &ByAge| {
        vec![place.0.into(), place.1.into()]
    })
}

/// A message's attempts, the first first; the place is the attempt's number.
pub fn attempts_of(message: WebhookMessageId) -> List<attempt::Model, i32> {
    let attempts = attempt::Entity::find().filter(attempt::Column::MessageId.eq(message));
    List::new(attempts, false, &[attempt::Column::Number], |place: &i32| {
        vec![(*place).into()]
    })
}
