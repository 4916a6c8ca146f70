//! Executing subscriptions. Each time something happens that one waits for, its document is executed anew, for whoever asks
//! then: every delivery is validated, counted and held to the viewer's policy like a request of its own.

use std::sync::{Arc, Mutex, PoisonError};

use async_graphql::parser::types::{ExecutableDocument, OperationType, Selection, SelectionSet};
use async_graphql::{Context, Positioned};
use futures::StreamExt;
use vitrine_domain::stream::Happening;
use vitrine_model::id::{ImportId, OrderId, ShopId};
use vitrine_model::ledger::Party;

use crate::error::code;
use crate::execute::{Answer, Caller, Operation, answer, error_body, prepare};
use crate::{Api, guard};

/// What a subscription waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Topic {
    /// Whatever happens to an order.
    Order(OrderId),
    /// Clicks, sales and refunds of a shop.
    Shop(ShopId),
    /// Whatever changes what somebody has earned.
    Earnings(Party),
    /// How far an import is.
    Import(ImportId),
}

impl Topic {
    fn concerns(self, happening: &Happening) -> bool {
        match self {
            Self::Order(order) => happening.order() == Some(order),
            Self::Shop(shop) => {
                happening.shops.contains(&shop) || happening.named("shop") == Some(&shop.to_string())
            }
            Self::Earnings(party) => happening.parties.contains(&party),
            Self::Import(import) => happening.names(&import.to_string()),
        }
    }
}

/// What a subscription's resolver is given besides a request's.
#[derive(Debug, Default)]
pub(crate) struct Listening {
    /// What happened; nothing when the subscription is opened.
    pub(crate) happening: Option<Arc<Happening>>,
    topic: Mutex<Option<Topic>>,
}

/// Says what a subscription waits for.
pub(crate) trait Listen {
    /// What happened; nothing when the subscription is opened.
    fn happening(&self) -> Option<&Happening>;

    /// Waits for `topic` from now on.
    fn listen(&self, topic: Topic);
}

impl Listen for Context<'_> {
    fn happening(&self) -> Option<&Happening> {
        self.data_unchecked::<Arc<Listening>>().happening.as_deref()
    }

    fn listen(&self, topic: Topic) {
        let listening = self.data_unchecked::<Arc<Listening>>();
        // Whatever it was poisoned by, it is overwritten.
        *listening.topic.lock().unwrap_or_else(PoisonError::into_inner) = Some(topic);
    }
}

/// A subscription that is open.
#[derive(Debug, Clone)]
pub struct Subscription {
    operation: Operation,
    topic: Topic,
}

/// What became of a subscription that was asked for.
#[derive(Debug)]
pub enum Opened {
    /// It is open. There may be something to deliver at once: how things stand.
    Open(Box<Subscription>, Option<Answer>),
    /// It was a query or a mutation, and this is its answer; or a subscription that cannot be opened.
    Answered(Answer),
}

/// Whether the operation is a subscription, as far as its text tells: what cannot be parsed is none.
pub fn is_subscription(api: &Api, operation: &Operation) -> bool {
    let Ok(text) = api.documents.resolve(operation) else {
        return false;
    };
    if guard::check_text(&text).is_err() {
        return false;
    }
    let parsed = async_graphql::parser::parse_query(&*text);
    parsed.is_ok_and(|document| {
        let selected = guard::selected(&document, operation.operation_name.as_deref());
        selected.is_some_and(|selected| selected.node.ty == OperationType::Subscription)
    })
}

/// Opens a subscription. Take a place in the stream before, so that nothing falls between.
pub async fn subscribe(api: &Api, operation: Operation, caller: Caller) -> Opened {
    let listening = Arc::new(Listening::default());
    let first = deliver(api, operation.clone(), caller, listening.clone()).await;
    let topic = *listening.topic.lock().unwrap_or_else(PoisonError::into_inner);
    match (topic, first) {
        (Some(topic), first) => Opened::Open(Box::new(Subscription { operation, topic }), first),
        (None, Some(answer)) => Opened::Answered(answer),
        (None, None) => Opened::Answered(Answer::refused(error_body(
            code::INTERNAL,
            "nothing was subscribed to",
        ))),
    }
}

impl Subscription {
    /// Whether it waits for this.
    pub fn concerns(&self, happening: &Happening) -> bool {
        self.topic.concerns(happening)
    }

    /// Whether each delivery tells how things stand, so that several may become one.
    pub fn tells_state(&self) -> bool {
        !matches!(self.topic, Topic::Shop(_))
    }

    /// What to deliver of `happening`, or of how things stand when there is none; nothing when it does not concern the
    /// subscription after all.
    pub async fn deliver(
        &self,
        api: &Api,
        caller: Caller,
        happening: Option<Arc<Happening>>,
    ) -> Option<Answer> {
        let listening = Arc::new(Listening {
            happening,
            topic: Mutex::default(),
        });
        deliver(api, self.operation.clone(), caller, listening).await
    }
}

async fn deliver(
    api: &Api,
    operation: Operation,
    caller: Caller,
    listening: Arc<Listening>,
) -> Option<Answer> {
    let prepared = match prepare(api, operation, caller) {
        Ok(prepared) => prepared,
        Err(refused) => return Some(refused),
    };
    let request = prepared.request.data(listening);
    let mut deliveries = api.schema.execute_stream(request);
    let response = prepared.batches.drive(deliveries.next()).await?;
    Some(answer(response, &prepared.progress, false))
}

/// Lifts the fields of fragments at a subscription's root out of them: the library looks for fields there only. Returns
/// whether there is exactly one, and nothing that would leave it out.
pub(crate) fn has_one_root(document: &mut ExecutableDocument, operation: Option<&str>) -> bool {
    let fragments = document.fragments.clone();
    let alone = document.operations.iter().count() == 1;
    let Some(selected) = guard::selected_mut(document, operation) else {
        return true;
    };
    if selected.ty != OperationType::Subscription {
        return true;
    }
    let mut lifted = Lifted::default();
    let plain = lift(&selected.selection_set.node, &fragments, &mut lifted);
    selected.selection_set.node.items = lifted.fields;
    if alone {
        // Nothing else could name a fragment of the root: it is not used any more, which would be an error.
        document
            .fragments
            .retain(|name, _| !lifted.emptied.contains(name));
    }
    let Some(selected) = guard::selected(document, operation) else {
        return true;
    };
    let selected = &selected.node;
    let [only] = &*selected.selection_set.node.items else {
        return false;
    };
    plain
        && matches!(&only.node, Selection::Field(field) if field.node.directives.is_empty() && !field.node.name.node.starts_with("__"))
}

type Fragments = std::collections::HashMap<
    async_graphql::Name,
    Positioned<async_graphql::parser::types::FragmentDefinition>,
>;

/// What was taken out of fragments, and out of which.
#[derive(Default)]
struct Lifted {
    fields: Vec<Positioned<Selection>>,
    emptied: Vec<async_graphql::Name>,
}

/// False when a fragment is left out under conditions. Fragments do not contain themselves: that was looked at before.
fn lift(set: &SelectionSet, fragments: &Fragments, lifted: &mut Lifted) -> bool {
    set.items.iter().all(|item| match &item.node {
        Selection::Field(_) => {
            lifted.fields.push(item.clone());
            true
        }
        Selection::InlineFragment(fragment) => {
            let fragment = &fragment.node;
            fragment.directives.is_empty() && lift(&fragment.selection_set.node, fragments, lifted)
        }
        Selection::FragmentSpread(spread) => {
            let name = &spread.node.fragment_name.node;
            lifted.emptied.push(name.clone());
            let known = fragments.get(name);
            spread.node.directives.is_empty()
                && known.is_some_and(|known| lift(&known.node.selection_set.node, fragments, lifted))
        }
    })
}
