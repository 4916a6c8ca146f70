//! Disputes, as clients see them.

use async_graphql::{Context, Enum, ID, InputObject, Object, Result};
use chrono::{DateTime, Utc};
use vitrine_domain::checkout;
use vitrine_domain::failure::persistently;
use vitrine_model::checkout as rows;
use vitrine_model::checkout::{dispute, dispute_note};
use vitrine_model::id::{BrandId, DisputeId, OrderId};
use vitrine_model::ledger::{Part, dispute_part};
use vitrine_model::text::Evidence;

use crate::access::{Declared, Scope, Subject, Who, access, keyed, root_part};
use crate::catalog::{Brand, is_staff};
use crate::checkout::is_buyers;
use crate::checkout::parcel_loaders::{DisputeNotesOf, DisputePartsOf, DisputesOf};
use crate::checkout::unit::{OrderUnit, units_of};
use crate::connection::{TimePlace, connection, listed, page, place, unplace};
use crate::error::{Trouble, answer, at, payload, settle};
use crate::loaders::{load, rows};
use crate::money::Money;
use crate::request::{RequestContext, parse_id};

/// How far a dispute is.
#[derive(Enum, Copy, Clone, Debug, PartialEq, Eq)]
#[graphql(remote = "rows::DisputeState")]
pub enum DisputeState {
    /// An answer is awaited, until `evidenceDueAt`.
    NeedsResponse,
    /// The buyer's bank looks at the answer.
    UnderReview,
    /// The bank decided against the buyer.
    Won,
    /// The bank decided for the buyer: she has her money back.
    Lost,
    /// It came to nothing.
    Dropped,
}

/// As what someone looks at a dispute.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum View {
    /// The buyer: what it is, and how far.
    Buyer,
    /// Staff of a brand: what is claimed of the brand's pieces, and what the brand says against it.
    Brand(BrandId),
    /// An operator: everything.
    Operator,
}

impl View {
    /// How the buyer of an order sees its disputes, or an operator in her stead.
    pub(super) fn whole(ctx: &Context<'_>) -> Self {
        if ctx.viewer().is_operator() {
            Self::Operator
        } else {
            Self::Buyer
        }
    }
}

/// A payment that a buyer's bank disputes. Made only for those who may see it.
#[derive(Debug, Clone)]
pub struct Dispute {
    row: dispute::Model,
    view: View,
}

impl Dispute {
    fn money(&self, minor: i64) -> Money {
        Money::new(minor, self.row.currency)
    }

    /// What is claimed of the units shown.
    async fn parts(&self, ctx: &Context<'_>) -> Result<Vec<dispute_part::Model>> {
        let parts = rows(ctx, DisputePartsOf(self.row.id)).await?;
        let View::Brand(brand) = self.view else {
            return Ok(parts);
        };
        let units = units_of(ctx, self.row.order_id, Some(brand)).await?;
        let own = |part: &dispute_part::Model| units.iter().any(|unit| unit.id == part.unit_id);
        Ok(parts.into_iter().filter(own).collect())
    }

    /// A sum over the brand's own parts, or what the operator reads instead; nothing for the buyer.
    async fn inner(
        &self,
        ctx: &Context<'_>,
        whole: i64,
        of: fn(&dispute_part::Model) -> i64,
    ) -> Result<Option<Money>> {
        Ok(match self.view {
            View::Buyer => None,
            View::Operator => Some(self.money(whole)),
            View::Brand(_) => {
                let parts = self.parts(ctx).await?;
                let own = parts.iter().filter(|part| part.part == Part::Brand);
                Some(self.money(own.map(of).sum()))
            }
        })
    }
}

impl Subject for Dispute {
    async fn is_owned(&self, ctx: &Context<'_>) -> Result<bool> {
        match self.view {
            View::Buyer => is_buyers(ctx, self.row.order_id).await,
            View::Brand(brand) => is_staff(ctx, brand, Scope::OrdersRead.into()).await,
            View::Operator => Ok(false),
        }
    }
}

/// A payment that a buyer's bank disputes, or asks about. It belongs to the buyer; staff of a brand see the brand's part
/// of it.
#[Object(guard = Declared(self))]
impl Dispute {
    /// Its id.
    #[graphql(directive = keyed::apply(Who::Owner, Scope::OrdersRead))]
    pub(crate) async fn id(&self) -> ID {
        self.row.id.to_string().into()
    }

    /// The order's id.
    #[graphql(directive = keyed::apply(Who::Owner, Scope::OrdersRead))]
    async fn order_id(&self) -> ID {
        self.row.order_id.to_string().into()
    }

    /// How far it is.
    #[graphql(directive = keyed::apply(Who::Owner, Scope::OrdersRead))]
    async fn state(&self) -> DisputeState {
        self.row.state.into()
    }

    /// Whether the bank only asks: nobody's money is taken, and a refund answers it best.
    #[graphql(directive = keyed::apply(Who::Owner, Scope::OrdersRead))]
    async fn is_inquiry(&self) -> bool {
        self.row.inquiry
    }

    /// What is disputed; to staff of a brand, of the brand's pieces and shipping only.
    #[graphql(directive = keyed::apply(Who::Owner, Scope::OrdersRead))]
    async fn amount(&self, ctx: &Context<'_>) -> Result<Money> {
        let minor = match self.view {
            View::Buyer | View::Operator => self.row.amount,
            View::Brand(_) => self.parts(ctx).await?.iter().map(|part| part.claimed).sum(),
        };
        Ok(self.money(minor))
    }

    /// Why, in Stripe's words: `fraudulent`, `product_not_received`….
    #[graphql(directive = keyed::apply(Who::Owner, Scope::OrdersRead))]
    async fn reason(&self) -> &str {
        &self.row.reason
    }

    /// Until when it can be answered; `null` when it cannot.
    #[graphql(directive = keyed::apply(Who::Owner, Scope::OrdersRead))]
    async fn evidence_due_at(&self) -> Option<DateTime<Utc>> {
        self.row.evidence_due_at
    }

    /// When it began.
    #[graphql(directive = keyed::apply(Who::Owner, Scope::OrdersRead))]
    async fn opened_at(&self) -> DateTime<Utc> {
        self.row.opened_at
    }

    /// When it was decided and the money was settled.
    #[graphql(directive = keyed::apply(Who::Owner, Scope::OrdersRead))]
    async fn closed_at(&self) -> Option<DateTime<Utc>> {
        self.row.closed_at
    }

    /// What it cost in the end: to staff of a brand, the brand; to operators, the platform and its parties together, the
    /// fee apart. `null` to the buyer.
    #[graphql(directive = keyed::apply(Who::Owner, Scope::OrdersRead))]
    async fn lost(&self, ctx: &Context<'_>) -> Result<Option<Money>> {
        self.inner(ctx, self.row.loss, |part| part.lost).await
    }

    /// The payment provider's fee for it: to staff of a brand, what was charged on to the brand. `null` to the buyer.
    #[graphql(directive = keyed::apply(Who::Owner, Scope::OrdersRead))]
    async fn fee(&self, ctx: &Context<'_>) -> Result<Option<Money>> {
        self.inner(ctx, self.row.fee, |part| part.fee).await
    }

    /// The pieces and the shipping that it claims something of; none while the bank only asks.
    #[graphql(directive = keyed::apply(Who::Owner, Scope::OrdersRead), complexity = "10 * child_complexity")]
    async fn units(&self, ctx: &Context<'_>) -> Result<Vec<OrderUnit>> {
        let parts = self.parts(ctx).await?;
        let units = units_of(ctx, self.row.order_id, None).await?;
        let claimed = units
            .into_iter()
            .filter(|unit| parts.iter().any(|part| part.unit_id == unit.id));
        Ok(claimed.map(OrderUnit).collect())
    }

    /// What is said against it: to staff of a brand, by the brand. None is shown to the buyer.
    #[graphql(directive = keyed::apply(Who::Owner, Scope::OrdersRead), complexity = "5 * child_complexity")]
    async fn evidence_notes(&self, ctx: &Context<'_>) -> Result<Vec<DisputeNote>> {
        let notes = rows(ctx, DisputeNotesOf(self.row.id)).await?;
        let seen = notes.into_iter().filter(|note| match self.view {
            View::Buyer => false,
            View::Brand(brand) => note.side == brand.to_string(),
            View::Operator => true,
        });
        Ok(seen.map(DisputeNote).collect())
    }

    /// When the payment provider was last told what is said against it; `null` to the buyer, and before.
    #[graphql(directive = keyed::apply(Who::Owner, Scope::OrdersRead))]
    async fn evidence_sent_at(&self) -> Option<DateTime<Utc>> {
        self.row.evidence_sent_at.filter(|_| self.view != View::Buyer)
    }
}

/// What one side says against a dispute. Made only for that side, and for operators.
#[derive(Debug, Clone)]
pub struct DisputeNote(dispute_note::Model);

impl Subject for DisputeNote {
    async fn is_owned(&self, ctx: &Context<'_>) -> Result<bool> {
        match self.0.side.parse::<BrandId>() {
            Ok(brand) => is_staff(ctx, brand, Scope::OrdersRead.into()).await,
            Err(_) => Ok(false),
        }
    }
}

/// What one side says against a dispute. It belongs to that side.
#[Object(guard = Declared(self))]
impl DisputeNote {
    /// The brand that says it; `null` for the platform.
    #[graphql(directive = keyed::apply(Who::Owner, Scope::OrdersRead))]
    async fn brand(&self, ctx: &Context<'_>) -> Result<Option<Brand>> {
        match self.0.side.parse::<BrandId>() {
            Ok(brand) => Ok(load(ctx, brand).await?.map(Brand)),
            Err(_) => Ok(None),
        }
    }

    /// What it says.
    #[graphql(directive = keyed::apply(Who::Owner, Scope::OrdersRead))]
    async fn note(&self) -> &str {
        self.0.note.as_str()
    }

    /// When it was written.
    #[graphql(directive = keyed::apply(Who::Owner, Scope::OrdersRead))]
    async fn written_at(&self) -> DateTime<Utc> {
        self.0.written_at
    }
}

/// What is to be said against a dispute.
#[derive(InputObject)]
pub struct DisputeEvidenceNoteInput {
    /// The dispute.
    dispute_id: ID,
    /// What happened, for the buyer's bank to read: when it was sent, by which carrier, what the buyer wrote. It takes the
    /// place of what you noted before. 5 000 characters at most.
    note: String,
}

impl DisputeEvidenceNoteInput {
    fn parse(&self) -> std::result::Result<(DisputeId, Evidence), Trouble> {
        Ok((parse_id(&self.dispute_id)?, at("note", self.note.parse())?))
    }
}

/// Which dispute's evidence goes to the bank.
#[derive(InputObject)]
pub struct DisputeEvidenceSubmitInput {
    /// The dispute.
    dispute_id: ID,
}

/// Which dispute to give in to.
#[derive(InputObject)]
pub struct DisputeAcceptInput {
    /// The dispute.
    dispute_id: ID,
    /// A key of your choice, 1 to 255 characters, the same for every repeat of this request. It is remembered for 24 hours
    /// once the request was carried out; one that was refused leaves its key free.
    idempotency_key: String,
}

payload! {
    /// What came of `disputeEvidenceNote`.
    DisputeEvidenceNotePayload {
        /// The dispute.
        dispute: Dispute
    }
}

payload! {
    /// What came of `disputeEvidenceSubmit`.
    DisputeEvidenceSubmitPayload {
        /// The dispute.
        dispute: Dispute
    }
}

payload! {
    /// What came of `disputeAccept`.
    DisputeAcceptPayload {
        /// The dispute.
        dispute: Dispute
    }
}

connection!(DisputeConnection, DisputeEdge, Dispute, "disputes");

root_part! {
    /// Queries for disputes.
    DisputeQuery of "Query"
}

#[Object(guard = Declared(self))]
impl DisputeQuery {
    /// All disputes, the newest first.
    #[graphql(directive = access::apply(Who::Operator))]
    async fn disputes(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Only those still open, or only those closed.")] open: Option<bool>,
        first: Option<i32>,
        after: Option<String>,
        last: Option<i32>,
        before: Option<String>,
    ) -> Result<DisputeConnection> {
        let page = page::<TimePlace>(first, after, last, before)?.map(place);
        let found = listed(ctx, checkout::all_disputes(open), page).await?;
        let at = |row: &dispute::Model| unplace((row.created_at, row.id));
        let view = View::Operator;
        Ok(DisputeConnection::new(found, at, |row| Dispute { row, view }))
    }
}

root_part! {
    /// Mutations on disputes.
    DisputeMutation of "Mutation"
}

#[Object(guard = Declared(self))]
impl DisputeMutation {
    /// Notes what your brand has to say against a dispute, and has the payment provider keep it. Managers of a brand with
    /// pieces in the order may, and operators for the platform, while the dispute can be answered. Codes: `INVALID`,
    /// `NOT_FOUND`, `FORBIDDEN`, `WRONG_STATE`.
    #[graphql(directive = access::apply(Who::Account))]
    async fn dispute_evidence_note(
        &self,
        ctx: &Context<'_>,
        input: DisputeEvidenceNoteInput,
    ) -> Result<DisputeEvidenceNotePayload> {
        answer(ctx, async {
            let (by, (id, note)) = (ctx.account()?, input.parse()?);
            let row = checkout::note_evidence(ctx.cx(), by, id, note).await?;
            let view = view_of(ctx, &row).await?;
            Ok(Dispute { row, view })
        })
        .await
    }

    /// Sends what was noted against a dispute to the buyer's bank. It reads one answer: nothing can be added afterwards.
    /// It moves no money and happens once, so it takes no idempotency key. Codes: `NOT_FOUND`, `WRONG_STATE`.
    #[graphql(directive = access::apply(Who::Operator))]
    async fn dispute_evidence_submit(
        &self,
        ctx: &Context<'_>,
        input: DisputeEvidenceSubmitInput,
    ) -> Result<DisputeEvidenceSubmitPayload> {
        answer(ctx, async {
            let (by, id) = (ctx.account()?, parse_id(&input.dispute_id)?);
            let row = checkout::submit_evidence(ctx.cx(), by, id).await?;
            let view = View::Operator;
            Ok(Dispute { row, view })
        })
        .await
    }

    /// Gives in to a dispute: the buyer keeps the money. It cannot be taken back. An inquiry is answered by a refund
    /// instead. Codes: `NOT_FOUND`, `WRONG_STATE`, `INVALID`, `IDEMPOTENCY_KEY_REUSED`, `IDEMPOTENCY_IN_PROGRESS`.
    #[graphql(directive = access::apply(Who::Operator))]
    async fn dispute_accept(
        &self,
        ctx: &Context<'_>,
        input: DisputeAcceptInput,
    ) -> Result<DisputeAcceptPayload> {
        answer(ctx, async {
            let (by, id) = (ctx.account()?, parse_id(&input.dispute_id)?);
            let accept = || checkout::accept_dispute(ctx.cx(), by, id, input.idempotency_key.clone());
            let row = persistently(accept).await?;
            let view = View::Operator;
            Ok(Dispute { row, view })
        })
        .await
    }
}

/// The order's disputes as `view` shows them, in the order we learned of them. The caller has made sure that the viewer may
/// look so.
pub(super) async fn disputes_of(ctx: &Context<'_>, order: OrderId, view: View) -> Result<Vec<Dispute>> {
    let rows = rows(ctx, DisputesOf(order)).await?;
    Ok(rows.into_iter().map(|row| Dispute { row, view }).collect())
}

/// The dispute with this id, for the order's buyer; for staff of a brand, the brand's part of it.
pub(crate) async fn dispute_node(ctx: &Context<'_>, id: &ID) -> Result<Option<Dispute>> {
    let id: DisputeId = parse_id(id)?;
    let Some(row) = settle(ctx, checkout::dispute(ctx.cx().db(), id).await)? else {
        return Ok(None);
    };
    if settle(ctx, checkout::order(ctx.cx(), ctx.viewer(), row.order_id).await)?.is_some() {
        let view = View::whole(ctx);
        return Ok(Some(Dispute { row, view }));
    }
    let view = view_of(ctx, &row).await?;
    Ok((view != View::Buyer).then_some(Dispute { row, view }))
}

/// As what the viewer looks at the dispute: the first brand of the order that she works for.
async fn view_of(ctx: &Context<'_>, row: &dispute::Model) -> Result<View> {
    if ctx.viewer().is_operator() {
        return Ok(View::Operator);
    }
    for unit in units_of(ctx, row.order_id, None).await? {
        if is_staff(ctx, unit.brand_id, Scope::OrdersRead.into()).await? {
            return Ok(View::Brand(unit.brand_id));
        }
    }
    Ok(View::Buyer)
}
