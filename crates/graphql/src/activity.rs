//! Who did what to accounts, brands and money, as those concerned look it up.

use std::collections::HashMap;
use std::sync::Arc;

use async_graphql::dataloader::Loader;
use async_graphql::{Context, Enum, ID, InputObject, Object, Result};
use chrono::{DateTime, Utc};
use vitrine_domain::activity::{self, Filter};
use vitrine_domain::list::List;
use vitrine_model::id::{AccountId, ApiKeyId};
use vitrine_model::{event, event_reader};

use crate::access::{Declared, Subject, Who, access, root_part};
use crate::connection::{connection, listed, page};
use crate::identity::{Account, ApiKey, api_key_seen};
use crate::instant::Instant;
use crate::loaders::{LoadError, Loaders, keyed, load};
use crate::request::{RequestContext, parse_id};

/// The kind of whoever did something.
#[derive(Enum, Copy, Clone, Debug, PartialEq, Eq)]
pub enum ActivityActor {
    /// Someone signed in.
    Account,
    /// A brand's own program, by an API key.
    ApiKey,
    /// A guest.
    Guest,
    /// Those who run the platform.
    Operator,
    /// The payment provider.
    Stripe,
    /// Vitrine by itself.
    System,
}

/// Something that was done to an account, a brand or money, and is kept on record.
#[derive(Debug, Clone)]
pub struct Activity {
    event: event::Model,
    /// Who did it, when an account did.
    actor: Option<AccountId>,
    /// The brand's key that did it, when one did.
    key: Option<ApiKeyId>,
}

impl Activity {
    /// The account that did it, if the viewer may know: which of the platform's people it was is the platform's concern.
    async fn doer(&self, ctx: &Context<'_>) -> Result<Option<Account>> {
        let Some(id) = self.actor else { return Ok(None) };
        let account = load(ctx, id).await?;
        let viewer = ctx.viewer();
        let told = |one: &vitrine_model::identity::account::Model| {
            !one.operator || viewer.is_operator() || viewer.account_id() == Some(one.id)
        };
        Ok(account.filter(told).map(Account))
    }
}

impl Subject for Activity {}

/// Something that was done to an account, a brand or money, and is kept on record. It is seen by those it concerns.
#[Object(guard = Declared(self))]
impl Activity {
    /// Its id.
    #[graphql(directive = access::apply(Who::Anyone))]
    async fn id(&self) -> ID {
        self.event.id.to_string().into()
    }

    /// What happened, as a word to switch on, such as `session.created`. New ones come with new releases.
    #[graphql(directive = access::apply(Who::Anyone))]
    async fn kind(&self) -> &str {
        &self.event.kind
    }

    /// What happened, in English.
    #[graphql(directive = access::apply(Who::Anyone))]
    async fn description(&self) -> String {
        activity::words(&self.event.kind)
    }

    /// When.
    #[graphql(directive = access::apply(Who::Anyone))]
    async fn occurred_at(&self) -> DateTime<Utc> {
        self.event.occurred_at
    }

    /// What kind of actor did it.
    #[graphql(directive = access::apply(Who::Anyone))]
    async fn actor(&self, ctx: &Context<'_>) -> Result<ActivityActor> {
        Ok(match &*self.event.actor {
            "guest" => ActivityActor::Guest,
            "operator" => ActivityActor::Operator,
            "stripe" => ActivityActor::Stripe,
            "system" => ActivityActor::System,
            _ if self.key.is_some() => ActivityActor::ApiKey,
            _ if self.doer(ctx).await?.is_some() => ActivityActor::Account,
            _ => ActivityActor::Operator,
        })
    }

    /// The account that did it; `null` when none did, or one of the platform's people.
    #[graphql(directive = access::apply(Who::Anyone))]
    async fn account(&self, ctx: &Context<'_>) -> Result<Option<Account>> {
        self.doer(ctx).await
    }

    /// The API key that did it; `null` when none did, or when its brand is not yours to manage.
    #[graphql(directive = access::apply(Who::Anyone))]
    async fn api_key(&self, ctx: &Context<'_>) -> Result<Option<ApiKey>> {
        match self.key {
            Some(key) => api_key_seen(ctx, key).await,
            None => Ok(None),
        }
    }

    /// The id of the session that it was done through; `null` where `account` is, and for what was done before sessions
    /// were noted.
    #[graphql(directive = access::apply(Who::Anyone))]
    async fn through_id(&self, ctx: &Context<'_>) -> Result<Option<ID>> {
        let told = self.doer(ctx).await?.is_some();
        Ok(self.event.through.as_ref().filter(|_| told).map(ID::from))
    }

    /// The id of what it was done to.
    #[graphql(directive = access::apply(Who::Anyone))]
    async fn subject_id(&self) -> ID {
        self.event.subject.as_str().into()
    }

    /// Why, in the words of whoever decided it; `null` where nobody is asked for a reason.
    #[graphql(directive = access::apply(Who::Anyone))]
    async fn reason(&self, ctx: &Context<'_>) -> Result<Option<String>> {
        for id in activity::ids(&self.event) {
            if let Some(reason) = load(ctx, ReasonOf(id)).await? {
                return Ok(Some(reason));
            }
        }
        Ok(None)
    }
}

connection!(
    ActivityConnection,
    ActivityEdge,
    Activity,
    "what was done to accounts, brands and money, the latest first"
);

/// Key: an event's place in the stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct EventAt(i64);

impl Loader<EventAt> for Loaders {
    type Value = event::Model;
    type Error = LoadError;

    async fn load(&self, keys: &[EventAt]) -> std::result::Result<HashMap<EventAt, event::Model>, LoadError> {
        let places: Vec<i64> = keys.iter().map(|key| key.0).collect();
        keyed(activity::events_at(self.cx.db(), &places).await, |row| {
            (EventAt(row.sequence), row)
        })
    }
}

/// Key: the id of a decision that has a reason.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct ReasonOf(String);

impl Loader<ReasonOf> for Loaders {
    type Value = String;
    type Error = LoadError;

    async fn load(&self, keys: &[ReasonOf]) -> std::result::Result<HashMap<ReasonOf, String>, LoadError> {
        let ids: Vec<String> = keys.iter().map(|key| key.0.clone()).collect();
        let found = activity::reasons(self.cx.db(), &ids)
            .await
            .map_err(|error| Arc::new(error.into()))?;
        Ok(found
            .into_iter()
            .map(|(id, reason)| (ReasonOf(id), reason))
            .collect())
    }
}

/// The arguments of a page.
pub(crate) type Paging = (Option<i32>, Option<String>, Option<i32>, Option<String>);

/// One page of what was done.
pub(crate) async fn activities(
    ctx: &Context<'_>,
    list: List<event_reader::Model, i64>,
    (first, after, last, before): Paging,
) -> Result<ActivityConnection> {
    let found = listed(ctx, list, page::<i64>(first, after, last, before)?).await?;
    let places: Vec<EventAt> = found.slice.rows.iter().map(|row| EventAt(row.sequence)).collect();
    let events = ctx.loaders().load_many(places).await;
    let events = events.map_err(|error| crate::error::fault(ctx, &anyhow::anyhow!("{error:#}")))?;
    let node = |row: event_reader::Model| {
        // An event is never deleted, and its readers refer to it.
        let event = events[&EventAt(row.sequence)].clone();
        let (actor, key) = (event.actor.parse().ok(), event.actor.parse().ok());
        Activity { event, actor, key }
    };
    Ok(ActivityConnection::new(found, |row| row.sequence, node))
}

/// What operators look for; all that is given must hold.
#[derive(InputObject)]
pub struct ActivityFilterInput {
    /// Only what this account, or this API key, did.
    actor_id: Option<ID>,
    /// Only what was done to the thing with this id.
    subject_id: Option<ID>,
    /// Only this kind, such as `session.created`.
    kind: Option<String>,
    /// Only what was done from then on.
    since: Option<Instant>,
    /// Only what was done before.
    until: Option<Instant>,
}

impl ActivityFilterInput {
    fn parse(self) -> Result<Filter> {
        Ok(Filter {
            actor: self.actor_id.as_ref().map(actor).transpose()?,
            subject: self.subject_id.map(|id| id.to_string()),
            kind: self.kind,
            since: self.since.map(|since| since.0),
            until: self.until.map(|until| until.0),
        })
    }
}

/// The id of an account, or of an API key, as it stands in events.
fn actor(id: &ID) -> Result<String> {
    let key = id.parse::<ApiKeyId>().map(|id| id.to_string());
    key.or_else(|_| parse_id::<AccountId>(id).map(|id| id.to_string()))
}

root_part! {
    /// Queries about what was done.
    ActivityQuery of "Query"
}

#[Object(guard = Declared(self))]
impl ActivityQuery {
    /// What was done to accounts, brands and money, the latest first.
    #[graphql(directive = access::apply(Who::Operator))]
    async fn activity(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Only some of it.")] filter: Option<ActivityFilterInput>,
        first: Option<i32>,
        after: Option<String>,
        last: Option<i32>,
        before: Option<String>,
    ) -> Result<ActivityConnection> {
        let filter = filter
            .map(ActivityFilterInput::parse)
            .transpose()?
            .unwrap_or_default();
        activities(ctx, activity::of_platform(&filter), (first, after, last, before)).await
    }
}
