//! What someone may want to look up later: who did what to an account, a brand or money, when, and through what.
//!
//! It is read from the event stream. When an event is recorded, those who may read of it are written down beside it, so
//! that a list of one reader is one range of an index.

use std::collections::{BTreeSet, HashMap};

use sea_orm::sea_query::Query;
use sea_orm::{ColumnTrait, ConnectionTrait, DbErr, EntityTrait, QueryFilter};
use vitrine_model::checkout::refund;
use vitrine_model::id::{AccountId, AdjustmentId, BrandId, PayoutHoldId, RefundId};
use vitrine_model::ledger::adjustment;
use vitrine_model::payout::payout_hold;
use vitrine_model::{Time, event, event_reader};

use crate::event::Actor;
use crate::list::List;

/// The reader that stands for those who run the platform.
const PLATFORM: &str = "platform";

/// Of what operators look for.
#[derive(Debug, Clone, Default)]
pub struct Filter {
    /// Only what this account, or this API key, did: its id.
    pub actor: Option<String>,
    /// Only what happened to the thing with this id.
    pub subject: Option<String>,
    /// Only events of this kind, such as `session.created`.
    pub kind: Option<String>,
    /// Only what happened from then on.
    pub since: Option<Time>,
    /// Only what happened before.
    pub until: Option<Time>,
}

/// Whether events of this kind are looked up later: whatever touches who may do what, and what people decide about money.
pub(crate) fn is_sensitive(kind: &str) -> bool {
    let (of, what) = kind.split_once('.').unwrap_or((kind, ""));
    match of {
        "cart" | "click" | "product" | "variant" | "import" | "recommendation" | "referral_link"
        | "return" | "earnings" | "charge" | "difference" => false,
        "order" => matches!(what, "refund_requested" | "cancel_requested"),
        "dispute" => matches!(what, "noted" | "answered" | "accepted"),
        "payout" => matches!(what, "run_requested" | "held" | "hold_released"),
        "shop" => what != "rearranged",
        _ => true,
    }
}

/// Those who may read of the event: the platform, whoever did it while signed in, the brand whose key did it, and the
/// accounts and brands it names.
pub(crate) fn readers(kind: &str, actor: Actor, subject: &str, refs: &[(&str, String)]) -> BTreeSet<String> {
    if !is_sensitive(kind) {
        return BTreeSet::new();
    }
    let named = refs.iter().map(|(_, id)| id.as_str()).chain([subject]);
    let named = named.filter(|id| id.parse::<AccountId>().is_ok() || id.parse::<BrandId>().is_ok());
    let mut readers: BTreeSet<String> = named.map(str::to_owned).collect();
    readers.insert(PLATFORM.to_owned());
    match actor {
        Actor::Account(account) => {
            readers.insert(account.to_string());
        }
        Actor::ApiKey { brand, .. } => {
            readers.insert(brand.to_string());
        }
        Actor::Guest | Actor::Operator | Actor::Stripe | Actor::System => {}
    }
    readers
}

/// What concerns an account, the latest first.
pub fn of_account(account: AccountId) -> List<event_reader::Model, i64> {
    of(&account.to_string(), &Filter::default())
}

/// What concerns a brand, the latest first.
pub fn of_brand(brand: BrandId) -> List<event_reader::Model, i64> {
    of(&brand.to_string(), &Filter::default())
}

/// All of it that the filter lets through, the latest first. The caller has seen that an operator asks.
pub fn of_platform(filter: &Filter) -> List<event_reader::Model, i64> {
    of(PLATFORM, filter)
}

fn of(reader: &str, filter: &Filter) -> List<event_reader::Model, i64> {
    let read = event_reader::Entity::find().filter(event_reader::Column::Reader.eq(reader));
    let conditions = [
        filter
            .actor
            .as_ref()
            .map(|actor| event::Column::Actor.eq(actor.as_str())),
        filter
            .subject
            .as_ref()
            .map(|subject| event::Column::Subject.eq(subject.as_str())),
        filter
            .kind
            .as_ref()
            .map(|kind| event::Column::Kind.eq(kind.as_str())),
        filter.since.map(|since| event::Column::OccurredAt.gte(since)),
        filter.until.map(|until| event::Column::OccurredAt.lt(until)),
    ];
    let conditions: Vec<_> = conditions.into_iter().flatten().collect();
    let read = if conditions.is_empty() {
        read
    } else {
        let mut asked = Query::select();
        asked.column(event::Column::Sequence).from(event::Entity);
        for condition in conditions {
            asked.and_where(condition);
        }
        read.filter(event_reader::Column::Sequence.in_subquery(asked))
    };
    List::new(read, true, &[event_reader::Column::Sequence], |place: &i64| {
        vec![(*place).into()]
    })
}

/// The events at these places of the stream, in no order.
///
/// # Errors
/// When the database fails.
pub async fn events_at(db: &impl ConnectionTrait, places: &[i64]) -> Result<Vec<event::Model>, DbErr> {
    let found = event::Entity::find().filter(event::Column::Sequence.is_in(places.iter().copied()));
    found.all(db).await
}

/// Why people decided as they did, in their words, by the ids of their decisions.
///
/// # Errors
/// When the database fails.
pub async fn reasons(db: &impl ConnectionTrait, ids: &[String]) -> Result<HashMap<String, String>, DbErr> {
    let mut reasons = HashMap::new();
    let of = parsed::<AdjustmentId>(ids);
    if !of.is_empty() {
        let rows = adjustment::Entity::find()
            .filter(adjustment::Column::Id.is_in(of))
            .all(db)
            .await?;
        reasons.extend(
            rows.into_iter()
                .map(|row| (row.id.to_string(), row.reason.to_string())),
        );
    }
    let of = parsed::<PayoutHoldId>(ids);
    if !of.is_empty() {
        let rows = payout_hold::Entity::find()
            .filter(payout_hold::Column::Id.is_in(of))
            .all(db)
            .await?;
        reasons.extend(rows.into_iter().map(|row| {
            let reason = row.release_reason.unwrap_or(row.reason);
            (row.id.to_string(), reason.to_string())
        }));
    }
    let of = parsed::<RefundId>(ids);
    if !of.is_empty() {
        let rows = refund::Entity::find()
            .filter(refund::Column::Id.is_in(of))
            .all(db)
            .await?;
        reasons.extend(
            rows.into_iter()
                .map(|row| (row.id.to_string(), row.reason.to_string())),
        );
    }
    Ok(reasons)
}

fn parsed<I: std::str::FromStr>(ids: &[String]) -> Vec<I> {
    ids.iter().filter_map(|id| id.parse().ok()).collect()
}

/// The ids that an event names: what it happened to, and what its payload refers to.
pub fn ids(event: &event::Model) -> Vec<String> {
    let refs: HashMap<String, String> = serde_json::from_str(&event.payload).unwrap_or_default();
    let mut ids: Vec<String> = refs.into_values().collect();
    ids.sort();
    ids.insert(0, event.subject.clone());
    ids
}

/// What happened, in plain words. A kind without words of its own is told as it is called.
pub fn words(kind: &str) -> String {
    let words = match kind {
        "account.created" => "Opened the account",
        "account.renamed" => "Changed the name",
        "account.operator_granted" => "Was made an operator of the platform",
        "external_identity.linked" => "Linked an identity at a provider",
        "external_identity.unlinked" => "Took an identity at a provider away",
        "session.created" => "Signed in",
        "session.revoked" => "Signed out a device",
        "api_key.created" => "Made an API key",
        "api_key.updated" => "Changed an API key",
        "api_key.revoked" => "Revoked an API key",
        "brand.created" => "Founded the brand",
        "brand.updated" => "Changed the brand's data",
        "brand.terms_changed" => "Changed the brand's terms",
        "brand.fee_bearer_set" => "Decided who bears the payment provider's fee",
        "brand.shipping_rate_set" => "Changed what shipping costs",
        "brand.member_invited" => "Invited someone to work for the brand",
        "brand.invitation_resent" => "Sent an invitation once more",
        "brand.invitation_revoked" => "Took an invitation back",
        "brand.member_joined" => "Accepted an invitation to work for the brand",
        "brand.member_updated" => "Changed what someone may do at the brand",
        "brand.member_removed" => "Ended someone's work for the brand",
        "adjustment.made" => "Decided about money",
        "payout.held" => "Stopped the payouts",
        "payout.hold_released" => "Let the payouts go on",
        "payout.run_requested" => "Started a payout run",
        "payout_account.requested" => "Opened a payout account",
        "payout_account.replaced" => "Opened another payout account",
        "payout_account.link_made" => "Asked for the page where the payout account is looked after",
        "job.retried" => "Put a background job back",
        "order.refund_requested" => "Refunded pieces of an order",
        "order.cancel_requested" => "Called an order off",
        "dispute.noted" => "Noted something against a dispute",
        "dispute.answered" => "Answered a dispute",
        "dispute.accepted" => "Gave in to a dispute",
        "shop.opened" => "Opened a shop",
        "shop.updated" => "Changed a shop",
        "shop.curator_invited" => "Invited someone to curate a shop together",
        "shop.invitation_revoked" => "Took an invitation to curate a shop back",
        "shop.curator_joined" => "Accepted an invitation to curate a shop",
        "shop.curator_updated" => "Changed someone's share of what a shop earns",
        "shop.curator_removed" => "Ended that someone curates a shop",
        _ => return in_words(kind),
    };
    words.to_owned()
}

/// `payout_account.restricted` as "Payout account restricted".
fn in_words(kind: &str) -> String {
    let mut words = kind.replace(['.', '_'], " ");
    if let Some(first) = words.get_mut(..1) {
        first.make_ascii_uppercase();
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_kind_without_words_is_told_as_it_is_called() {
        assert_eq!(words("session.created"), "Signed in");
        assert_eq!(words("payout_account.restricted"), "Payout account restricted");
        assert_eq!(words(""), "");
    }

    #[test]
    fn whoever_is_named_reads_of_what_is_sensitive_and_nobody_of_the_rest() {
        let brand = "brand_0123456789abcdefghjkmnpqrs";
        let refs = [
            ("role", "owner".to_owned()),
            ("account", "acct_0123456789abcdefghjkmnpqrs".to_owned()),
        ];
        let all = readers("brand.member_joined", Actor::System, brand, &refs);
        assert_eq!(
            all.into_iter().collect::<Vec<_>>(),
            [refs[1].1.as_str(), brand, PLATFORM]
        );
        assert!(readers("cart.changed", Actor::Guest, "cart_1", &[]).is_empty());
        let key = Actor::ApiKey {
            id: "key_0123456789abcdefghjkmnpqrs".parse().unwrap(),
            brand: brand.parse().unwrap(),
        };
        let told = readers("order.refund_requested", key, "order_1", &[]);
        assert_eq!(told.into_iter().collect::<Vec<_>>(), [brand, PLATFORM]);
    }
}
