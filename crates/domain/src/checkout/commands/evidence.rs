//! What we say to the buyer's bank. Each side of an order writes its note; Stripe keeps all of them as one text, and the
//! operator sends that to the bank, once, or gives in.
//!
//! One telling is under way at a time. When it is done and the notes say something else by then, Stripe is told again: so
//! the last word is what was written last, whatever was slow.

use anyhow::Context as _;
use sea_orm::ActiveValue::Set;
use sea_orm::sea_query::{Expr, OnConflict};
use sea_orm::{ColumnTrait, DbErr, EntityTrait, QueryFilter, QueryOrder};
use vitrine_model::catalog::brand;
use vitrine_model::checkout::{DisputeState, dispute, dispute_note};
use vitrine_model::id::{BrandId, DisputeId};
use vitrine_model::idempotency::Attempt;
use vitrine_model::identity::{Role, account};
use vitrine_model::intent as intents;
use vitrine_model::text::Evidence;

use crate::checkout::commands::dispute::{apply, lock};
use crate::checkout::commands::standing::{Standing, standing};
use crate::checkout::queries;
use crate::checkout::refusal::{DisputeRefusal, Refusal};
use crate::context::{Context, Tx};
use crate::event::{self, Actor};
use crate::failure::{Failure, OrRefuse, refuse};
use crate::idempotency::{self, Input, Key};
use crate::identity;
use crate::intent::{self, When};
use crate::ports::{Call, Outcome};

/// The side of the platform's own note.
pub const PLATFORM: &str = "platform";

/// Stores what the side of `by` has to say against the dispute, in place of what it said before, and tells Stripe. Staff
/// write for each of their brands in the order, operators for the platform.
///
/// # Errors
/// `Dispute(NotFound)`, `Staff` below a manager's role, `Dispute(Closed)` when it cannot be answered any more.
pub async fn note_evidence(
    cx: &Context,
    by: &account::Model,
    id: DisputeId,
    note: Evidence,
) -> Result<dispute::Model, Failure<Refusal>> {
    let tx = cx.begin().await?;
    let dispute = lock_known(&tx, id).await?;
    let sides = sides(&tx, by, &dispute).await?;
    answerable(cx, &dispute)?;
    let rows = sides.into_iter().map(|side| dispute_note::ActiveModel {
        dispute_id: Set(id),
        side: Set(side),
        note: Set(note.clone()),
        written_by: Set(by.id),
        written_at: Set(cx.now()),
    });
    let over = OnConflict::columns([dispute_note::Column::DisputeId, dispute_note::Column::Side])
        .update_columns([
            dispute_note::Column::Note,
            dispute_note::Column::WrittenBy,
            dispute_note::Column::WrittenAt,
        ])
        .to_owned();
    dispute_note::Entity::insert_many(rows)
        .on_conflict(over)
        .exec_without_returning(&tx)
        .await?;
    let dispute = tell(&tx, cx, dispute, false).await?;
    let refs = [("order", dispute.order_id.to_string())];
    event::record(&tx, cx, Actor::Account(by.id), "dispute.noted", id, &refs).await?;
    tx.commit().await?;
    Ok(dispute)
}

/// Sends what was noted to the buyer's bank. A bank reads one answer: nothing can be added afterwards. Operators only.
///
/// # Errors
/// `Dispute(NotFound)`, `Dispute(Closed)` when it cannot be answered any more, `Dispute(NoEvidence)`,
/// `Dispute(EvidenceUnderWay)`.
pub async fn submit_evidence(
    cx: &Context,
    by: &account::Model,
    id: DisputeId,
) -> Result<dispute::Model, Failure<Refusal>> {
    let tx = cx.begin().await?;
    let dispute = lock_known(&tx, id).await?;
    operator(by)?;
    answerable(cx, &dispute)?;
    if dispute.evidence_intent_id.is_some() {
        return refuse(Refusal::Dispute(DisputeRefusal::EvidenceUnderWay));
    }
    if text(&tx, id).await?.is_empty() {
        return refuse(Refusal::Dispute(DisputeRefusal::NoEvidence));
    }
    let dispute = tell(&tx, cx, dispute, true).await?;
    let refs = [("order", dispute.order_id.to_string())];
    event::record(&tx, cx, Actor::Account(by.id), "dispute.answered", id, &refs).await?;
    tx.commit().await?;
    Ok(dispute)
}

/// Gives in to a dispute: it is lost as soon as Stripe has taken note. Said again, it changes nothing. `key` is the
/// client's idempotency key. Operators only.
///
/// # Errors
/// `Dispute(NotFound)`, `Dispute(Closed)` when it cannot be answered any more, or is an inquiry: that one is answered
/// by a refund; `Key`.
pub async fn accept_dispute(
    cx: &Context,
    by: &account::Model,
    id: DisputeId,
    key: String,
) -> Result<dispute::Model, Failure<Refusal>> {
    operator(by)?;
    let tx = cx.begin().await?;
    let key = Key::new(by.id, "disputeAccept", key, &Input::new().field("dispute", id));
    if let Some(earlier) = idempotency::earlier::<DisputeId, _>(&tx, cx, &key).await? {
        let dispute = dispute::Entity::find_by_id(earlier).one(&tx).await?;
        return dispute.or_refuse(Refusal::Dispute(DisputeRefusal::NotFound));
    }
    let dispute = lock_known(&tx, id).await?;
    answerable(cx, &dispute)?;
    if dispute.inquiry {
        return refuse(Refusal::Dispute(DisputeRefusal::Closed));
    }
    let under_way = intents::Entity::find()
        .filter(intents::Column::Kind.eq(intents::IntentKind::DisputeAccept))
        .filter(intents::Column::Subject.eq(id.to_string()))
        .filter(intents::Column::State.ne(intents::IntentState::Refused))
        .one(&tx)
        .await?;
    if under_way.is_none() {
        let call = Call::DisputeAccept {
            dispute: dispute.stripe_id.clone(),
        };
        intent::record(&tx, cx, id, &call, When::Soon).await?;
        let refs = [("order", dispute.order_id.to_string())];
        event::record(&tx, cx, Actor::Account(by.id), "dispute.accepted", id, &refs).await?;
    }
    idempotency::finish(&tx, &key, Attempt::Done, id).await?;
    tx.commit().await?;
    Ok(dispute)
}

/// The outcome of telling evidence, within the transaction that settles its intent.
///
/// # Errors
/// When the database fails.
pub(crate) async fn evidence_told(
    tx: &Tx,
    cx: &Context,
    intent: &intents::Model,
    outcome: Result<Outcome, String>,
) -> anyhow::Result<()> {
    let (id, _) = intent
        .subject
        .split_once('/')
        .context("a subject without a number")?;
    let dispute = lock(tx, id.parse()?).await?;
    let call: Call = serde_json::from_str(&intent.params)?;
    let Call::DisputeEvidence { text: told, .. } = call else {
        anyhow::bail!("{} tells no evidence", intent.id);
    };
    let dispute = match outcome {
        Ok(Outcome::Dispute(facts)) => {
            let now = apply(tx, cx, dispute.order_id, &facts).await?;
            settle(tx, now, Some(cx.now())).await?
        }
        Ok(other) => anyhow::bail!("telling evidence made {}", other.stripe_id()),
        Err(refusal) => {
            tracing::warn!(dispute = %dispute.id, refusal, "Stripe took no evidence");
            let sent_at = dispute.evidence_sent_at;
            settle(tx, dispute, sent_at).await?;
            return Ok(());
        }
    };
    let changed = text(tx, dispute.id).await? != told;
    if changed && dispute.state == DisputeState::NeedsResponse && dispute.closed_at.is_none() {
        tell(tx, cx, dispute, false).await?;
    }
    Ok(())
}

async fn settle(
    tx: &Tx,
    dispute: dispute::Model,
    sent_at: Option<vitrine_model::Time>,
) -> Result<dispute::Model, DbErr> {
    let now = dispute::Model {
        evidence_intent_id: None,
        evidence_sent_at: sent_at,
        ..dispute
    };
    write(tx, &now).await?;
    Ok(now)
}

async fn lock_known(tx: &Tx, id: DisputeId) -> Result<dispute::Model, Failure<Refusal>> {
    let known = dispute::Entity::find_by_id(id).one(tx).await?;
    known.or_refuse(Refusal::Dispute(DisputeRefusal::NotFound))?;
    Ok(lock(tx, id).await?)
}

fn operator(by: &account::Model) -> Result<(), Failure<Refusal>> {
    if by.operator {
        Ok(())
    } else {
        refuse(Refusal::Dispute(DisputeRefusal::NotFound))
    }
}

fn answerable(cx: &Context, dispute: &dispute::Model) -> Result<(), Failure<Refusal>> {
    let in_time = dispute.evidence_due_at.is_none_or(|due| cx.now() < due);
    if dispute.state == DisputeState::NeedsResponse && in_time {
        Ok(())
    } else {
        refuse(Refusal::Dispute(DisputeRefusal::Closed))
    }
}

/// For whom `by` speaks.
async fn sides(
    tx: &Tx,
    by: &account::Model,
    dispute: &dispute::Model,
) -> Result<Vec<String>, Failure<Refusal>> {
    let lines = queries::lines_of(tx, &[dispute.order_id]).await?;
    let standing = match standing(tx, by, &lines, Role::Manager).await {
        Err(Failure::Refused(Refusal::OrderNotFound)) => {
            return refuse(Refusal::Dispute(DisputeRefusal::NotFound));
        }
        found => found?,
    };
    let brands = match standing {
        Standing::Operator => return Ok(vec![PLATFORM.to_owned()]),
        Standing::Staff(brands) => brands,
    };
    let may: Vec<String> = brands
        .into_iter()
        .filter(|(_, may)| *may)
        .map(|(brand, _)| brand.to_string())
        .collect();
    if may.is_empty() {
        return refuse(Refusal::Staff(identity::Refusal::RoleLacking));
    }
    Ok(may)
}

/// Has Stripe told what the notes say, unless a telling is under way already.
async fn tell(
    tx: &Tx,
    cx: &Context,
    dispute: dispute::Model,
    submit: bool,
) -> anyhow::Result<dispute::Model> {
    if dispute.evidence_intent_id.is_some() {
        return Ok(dispute);
    }
    let steps = dispute.evidence_steps + 1;
    let call = Call::DisputeEvidence {
        dispute: dispute.stripe_id.clone(),
        text: text(tx, dispute.id).await?,
        submit,
    };
    let subject = format!("{}/{steps}", dispute.id);
    let intent = intent::record(tx, cx, subject, &call, When::Soon).await?;
    let now = dispute::Model {
        evidence_intent_id: Some(intent),
        evidence_steps: steps,
        ..dispute
    };
    write(tx, &now).await?;
    Ok(now)
}

async fn write(tx: &Tx, dispute: &dispute::Model) -> Result<(), DbErr> {
    dispute::Entity::update_many()
        .col_expr(
            dispute::Column::EvidenceIntentId,
            Expr::value(dispute.evidence_intent_id),
        )
        .col_expr(
            dispute::Column::EvidenceSteps,
            Expr::value(dispute.evidence_steps),
        )
        .col_expr(
            dispute::Column::EvidenceSentAt,
            Expr::value(dispute.evidence_sent_at),
        )
        .filter(dispute::Column::Id.eq(dispute.id))
        .exec(tx)
        .await?;
    Ok(())
}

/// All notes as one text, each under the name of its side; the same note of several sides once.
async fn text(tx: &Tx, id: DisputeId) -> Result<String, DbErr> {
    let notes = dispute_note::Entity::find()
        .filter(dispute_note::Column::DisputeId.eq(id))
        .order_by_asc(dispute_note::Column::Side)
        .all(tx)
        .await?;
    if let [only] = notes.as_slice() {
        return Ok(only.note.to_string());
    }
    let mut said: Vec<(Vec<String>, Evidence)> = Vec::new();
    for row in notes {
        let name = match row.side.parse::<BrandId>() {
            Ok(brand) => brand::Entity::find_by_id(brand)
                .one(tx)
                .await?
                .map_or_else(|| row.side.clone(), |brand| brand.name.to_string()),
            Err(_) => "The platform".to_owned(),
        };
        match said.iter_mut().find(|(_, note)| *note == row.note) {
            Some((names, _)) => names.push(name),
            None => said.push((vec![name], row.note)),
        }
    }
    let parts = said
        .into_iter()
        .map(|(names, note)| format!("{}:\n{note}", names.join(", ")));
    Ok(parts.collect::<Vec<_>>().join("\n\n"))
}
