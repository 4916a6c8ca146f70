//! What operators decide about money, as clients see it.

use async_graphql::{Context, Enum, ID, InputObject, Object, Result};
use chrono::{DateTime, Utc};
use vitrine_domain::failure::persistently;
use vitrine_domain::ledger::{self, Decision, NewAdjustment, Refusal, Target};
use vitrine_model::id::{AccountId, AdjustmentId};
use vitrine_model::ledger::{AccountKind, adjustment};

use crate::access::{Declared, Subject, Who, access, root_part, seen};
use crate::connection::{TimePlace, connection, listed, page, place, unplace};
use crate::error::{Trouble, UserError, UserErrorCode, answer, at, payload};
use crate::identity::Account;
use crate::loaders::{load, loader};
use crate::money::{CurrencyCode, Money, MoneyInput};
use crate::payout::is_party;
use crate::request::{RequestContext, parse_id, parse_party};

/// What an operator decided about money.
#[derive(Enum, Copy, Clone, Debug, PartialEq, Eq)]
#[graphql(remote = "adjustment::AdjustmentKind")]
pub enum AdjustmentKind {
    /// The platform gave a party money of its own.
    Goodwill,
    /// A party was let off what it owed.
    WriteOff,
    /// What lay in suspense, or was moved by hand, was understood, and went where it belongs.
    Explanation,
    /// Another adjustment was taken back.
    Correction,
}

/// What something that was not understood turned out to be.
#[derive(Enum, Copy, Clone, Debug, PartialEq, Eq)]
#[graphql(remote = "Target")]
pub enum ExplanationTarget {
    /// A fee of the payment provider's.
    StripeFees,
    /// The operator's own money, put in or taken out.
    Float,
    /// Lost.
    BadDebt,
    /// Given away by the platform, such as a refund made by hand.
    Goodwill,
}

/// A decision of an operator about money, which the books keep as one transaction. The shopholder, or the brand's owner,
/// whose money it is about reads it too.
#[derive(Debug, Clone)]
pub struct Adjustment(adjustment::Model);

impl Subject for Adjustment {
    async fn is_owned(&self, ctx: &Context<'_>) -> Result<bool> {
        match self.0.party {
            Some(party) => is_party(ctx, party).await,
            None => Ok(false),
        }
    }
}

/// A decision of an operator about money, which the books keep as one transaction. The shopholder, or the brand's owner,
/// whose money it is about reads it too.
#[Object(guard = Declared(self))]
impl Adjustment {
    /// Its id.
    #[graphql(directive = access::apply(Who::Owner))]
    pub(crate) async fn id(&self) -> ID {
        self.0.id.to_string().into()
    }

    /// What was decided.
    #[graphql(directive = access::apply(Who::Owner))]
    async fn kind(&self) -> AdjustmentKind {
        self.0.kind.into()
    }

    /// How much. Of what is explained: below zero when it had left the platform's balance.
    #[graphql(directive = access::apply(Who::Owner))]
    async fn amount(&self) -> Money {
        Money::new(self.0.amount, self.0.currency)
    }

    /// The id of the account or brand whose money it is about; `null` for what is explained.
    #[graphql(directive = access::apply(Who::Owner))]
    async fn party_id(&self) -> Option<ID> {
        self.0.party.map(|party| party.to_string().into())
    }

    /// Which kind of the payment provider's balance transactions lay in suspense.
    #[graphql(directive = access::apply(Who::Operator))]
    async fn suspended(&self) -> Option<&str> {
        self.0.suspended.as_deref()
    }

    /// The payment provider's object that was moved by hand, such as `re_…`.
    #[graphql(directive = access::apply(Who::Operator))]
    async fn source(&self) -> Option<&str> {
        self.0.source.as_deref()
    }

    /// What the explained turned out to be.
    #[graphql(directive = access::apply(Who::Operator))]
    async fn target(&self) -> Option<ExplanationTarget> {
        self.0.target.and_then(|account| match account {
            AccountKind::ExpenseStripeFees => Some(ExplanationTarget::StripeFees),
            AccountKind::EquityFloat => Some(ExplanationTarget::Float),
            AccountKind::ExpenseBadDebt => Some(ExplanationTarget::BadDebt),
            AccountKind::ExpenseGoodwill => Some(ExplanationTarget::Goodwill),
            _ => None,
        })
    }

    /// Why.
    #[graphql(directive = access::apply(Who::Owner))]
    async fn reason(&self) -> &str {
        self.0.reason.as_str()
    }

    /// The adjustment that this one takes back.
    #[graphql(directive = access::apply(Who::Owner))]
    async fn corrects(&self, ctx: &Context<'_>) -> Result<Option<Adjustment>> {
        match self.0.corrects {
            Some(id) => Ok(load(ctx, id).await?.map(Adjustment)),
            None => Ok(None),
        }
    }

    /// The operator.
    #[graphql(directive = access::apply(Who::Operator))]
    async fn made_by(&self, ctx: &Context<'_>) -> Result<Option<Account>> {
        Ok(load::<AccountId>(ctx, self.0.made_by).await?.map(Account))
    }

    /// When.
    #[graphql(directive = access::apply(Who::Owner))]
    async fn created_at(&self) -> DateTime<Utc> {
        self.0.created_at
    }
}

connection!(
    AdjustmentConnection,
    AdjustmentEdge,
    Adjustment,
    "operators' decisions about money"
);

/// Money of the platform's own for a party.
#[derive(InputObject)]
pub struct GoodwillCreditInput {
    /// The account or brand that gets it.
    party_id: ID,
    /// How much; above zero.
    amount: MoneyInput,
    /// Why, 1 to 500 characters. The party reads it.
    reason: String,
    /// A key of your choice, 1 to 255 characters, the same for every repeat of this request. It is remembered for ever
    /// once the request was carried out; one that was refused leaves its key free.
    idempotency_key: String,
}

/// A debt that a party need not pay.
#[derive(InputObject)]
pub struct DebtWriteOffInput {
    /// The account or brand that owes it.
    party_id: ID,
    /// How much; no more than it owes.
    amount: MoneyInput,
    /// Why, 1 to 500 characters. The party reads it.
    reason: String,
    /// A key of your choice, 1 to 255 characters, the same for every repeat of this request. It is remembered for ever
    /// once the request was carried out; one that was refused leaves its key free.
    idempotency_key: String,
}

/// What lies in suspense, explained.
#[derive(InputObject)]
pub struct SuspenseExplainInput {
    /// The kind of the payment provider's balance transactions, as the audit names it.
    suspended: String,
    /// The currency.
    currency: CurrencyCode,
    /// What it was.
    target: ExplanationTarget,
    /// Why you know, 1 to 500 characters.
    reason: String,
    /// A key of your choice, 1 to 255 characters, the same for every repeat of this request. It is remembered for ever
    /// once the request was carried out; one that was refused leaves its key free.
    idempotency_key: String,
}

/// What was moved by hand, explained.
#[derive(InputObject)]
pub struct MovementExplainInput {
    /// The payment provider's object, such as `re_…`, as the difference names it.
    source: String,
    /// What it was.
    target: ExplanationTarget,
    /// Why you know, 1 to 500 characters.
    reason: String,
    /// A key of your choice, 1 to 255 characters, the same for every repeat of this request. It is remembered for ever
    /// once the request was carried out; one that was refused leaves its key free.
    idempotency_key: String,
}

/// An adjustment to take back.
#[derive(InputObject)]
pub struct AdjustmentCorrectInput {
    /// Which.
    adjustment_id: ID,
    /// Why, 1 to 500 characters. The party reads it.
    reason: String,
    /// A key of your choice, 1 to 255 characters, the same for every repeat of this request. It is remembered for ever
    /// once the request was carried out; one that was refused leaves its key free.
    idempotency_key: String,
}

payload! {
    /// What came of `goodwillCredit`.
    GoodwillCreditPayload {
        /// The decision as the books keep it.
        adjustment: Adjustment
    }
}

payload! {
    /// What came of `debtWriteOff`.
    DebtWriteOffPayload {
        /// The decision as the books keep it.
        adjustment: Adjustment
    }
}

payload! {
    /// What came of `suspenseExplain`.
    SuspenseExplainPayload {
        /// The decision as the books keep it.
        adjustment: Adjustment
    }
}

payload! {
    /// What came of `movementExplain`.
    MovementExplainPayload {
        /// The decision as the books keep it.
        adjustment: Adjustment
    }
}

payload! {
    /// What came of `adjustmentCorrect`.
    AdjustmentCorrectPayload {
        /// The decision as the books keep it.
        adjustment: Adjustment
    }
}

type Parsed = std::result::Result<NewAdjustment, Trouble>;

impl GoodwillCreditInput {
    fn parse(self) -> Parsed {
        let party = parse_party(&self.party_id)?;
        let amount = at("amount", self.amount.parse())?;
        new(
            Decision::Goodwill { party, amount },
            &self.reason,
            self.idempotency_key,
        )
    }
}

impl DebtWriteOffInput {
    fn parse(self) -> Parsed {
        let party = parse_party(&self.party_id)?;
        let amount = at("amount", self.amount.parse())?;
        new(
            Decision::WriteOff { party, amount },
            &self.reason,
            self.idempotency_key,
        )
    }
}

impl SuspenseExplainInput {
    fn parse(self) -> Parsed {
        let decision = Decision::Explanation {
            suspended: self.suspended,
            currency: self.currency.into(),
            target: self.target.into(),
        };
        new(decision, &self.reason, self.idempotency_key)
    }
}

impl MovementExplainInput {
    fn parse(self) -> Parsed {
        let decision = Decision::Movement {
            source: self.source,
            target: self.target.into(),
        };
        new(decision, &self.reason, self.idempotency_key)
    }
}

impl AdjustmentCorrectInput {
    fn parse(self) -> Parsed {
        let of = parse_id(&self.adjustment_id)?;
        new(Decision::Correction { of }, &self.reason, self.idempotency_key)
    }
}

fn new(decision: Decision, reason: &str, key: String) -> Parsed {
    Ok(NewAdjustment {
        decision,
        reason: at("reason", reason.parse())?,
        key,
    })
}

root_part! {
    /// Query fields of this domain.
    LedgerQuery of "Query"
}

#[Object(guard = Declared(self))]
impl LedgerQuery {
    /// What operators decided about money, the newest first.
    #[graphql(directive = access::apply(Who::Operator))]
    async fn adjustments(
        &self,
        ctx: &Context<'_>,
        first: Option<i32>,
        after: Option<String>,
        last: Option<i32>,
        before: Option<String>,
    ) -> Result<AdjustmentConnection> {
        let page = page::<TimePlace>(first, after, last, before)?.map(place);
        let listed = listed(ctx, ledger::adjustments(), page).await?;
        let at = |row: &adjustment::Model| unplace((row.created_at, row.id));
        Ok(AdjustmentConnection::new(listed, at, Adjustment))
    }
}

root_part! {
    /// Mutation fields of this domain.
    LedgerMutation of "Mutation"
}

#[Object(guard = Declared(self))]
impl LedgerMutation {
    /// Gives a party money of the platform's own; what it owes is paid first. Codes: `NOT_FOUND`, `INVALID`,
    /// `CURRENCY_NOT_SUPPORTED`, `IDEMPOTENCY_KEY_REUSED`, `IDEMPOTENCY_IN_PROGRESS`.
    #[graphql(directive = access::apply(Who::Operator))]
    async fn goodwill_credit(
        &self,
        ctx: &Context<'_>,
        input: GoodwillCreditInput,
    ) -> Result<GoodwillCreditPayload> {
        answer(ctx, async { adjust(ctx, input.parse()?).await }).await
    }

    /// Lets a party off what it owes: the platform bears it. Codes: `NOT_FOUND`, `INVALID`, `MORE_THAN_OWED`,
    /// `IDEMPOTENCY_KEY_REUSED`, `IDEMPOTENCY_IN_PROGRESS`.
    #[graphql(directive = access::apply(Who::Operator))]
    async fn debt_write_off(
        &self,
        ctx: &Context<'_>,
        input: DebtWriteOffInput,
    ) -> Result<DebtWriteOffPayload> {
        answer(ctx, async { adjust(ctx, input.parse()?).await }).await
    }

    /// Says what all that lies in suspense of one kind and currency was, so that it goes where it belongs. Codes:
    /// `NOT_FOUND` when nothing does, `INVALID`, `IDEMPOTENCY_KEY_REUSED`, `IDEMPOTENCY_IN_PROGRESS`.
    #[graphql(directive = access::apply(Who::Operator))]
    async fn suspense_explain(
        &self,
        ctx: &Context<'_>,
        input: SuspenseExplainInput,
    ) -> Result<SuspenseExplainPayload> {
        answer(ctx, async { adjust(ctx, input.parse()?).await }).await
    }

    /// Says what it was that somebody moved by hand at the payment provider, such as a refund made in its dashboard: the
    /// difference is gone with the next reconciliation. The platform bears it. Codes: `NOT_FOUND` when no open difference of
    /// `reconciliation` names the object, `INVALID`, `IDEMPOTENCY_KEY_REUSED`, `IDEMPOTENCY_IN_PROGRESS`.
    #[graphql(directive = access::apply(Who::Operator))]
    async fn movement_explain(
        &self,
        ctx: &Context<'_>,
        input: MovementExplainInput,
    ) -> Result<MovementExplainPayload> {
        answer(ctx, async { adjust(ctx, input.parse()?).await }).await
    }

    /// Takes an adjustment back by a transaction that reverses it; what the party has spent of it she owes. Codes:
    /// `NOT_FOUND`, `WRONG_STATE` when it was taken back before or takes one back itself, `INVALID`,
    /// `IDEMPOTENCY_KEY_REUSED`, `IDEMPOTENCY_IN_PROGRESS`.
    #[graphql(directive = access::apply(Who::Operator))]
    async fn adjustment_correct(
        &self,
        ctx: &Context<'_>,
        input: AdjustmentCorrectInput,
    ) -> Result<AdjustmentCorrectPayload> {
        answer(ctx, async { adjust(ctx, input.parse()?).await }).await
    }
}

async fn adjust(ctx: &Context<'_>, new: NewAdjustment) -> std::result::Result<Adjustment, Trouble> {
    let by = ctx.account()?;
    let made = persistently(|| ledger::adjust(ctx.cx(), by, new.clone())).await?;
    Ok(Adjustment(made))
}

impl From<Refusal> for UserError {
    fn from(refusal: Refusal) -> Self {
        use UserErrorCode::{CurrencyNotSupported, Invalid, MoreThanOwed, NotFound, WrongState};
        match refusal {
            Refusal::PartyNotFound => Self::new(NotFound, "partyId", "there is no such account or brand"),
            Refusal::NothingGiven => Self::new(Invalid, "amount", "the amount must be above zero"),
            Refusal::CurrencyNotHeld => Self::new(
                CurrencyNotSupported,
                "amount.currency",
                "the platform holds no balance in this currency",
            ),
            Refusal::MoreThanOwed { owed } => {
                Self::new(MoreThanOwed, "amount", format!("{owed} is owed now"))
            }
            Refusal::NothingSuspended => Self::new(
                NotFound,
                "suspended",
                "nothing of that kind and currency is in suspense",
            ),
            Refusal::NothingUnexplained => Self::new(
                NotFound,
                "source",
                "no open difference names this object: see `reconciliation.differences`",
            ),
            Refusal::AdjustmentNotFound => Self::new(NotFound, "adjustmentId", "there is no such adjustment"),
            Refusal::NotCorrectable => Self::new(
                WrongState,
                "adjustmentId",
                "it was taken back before, or takes one back itself: make a new adjustment",
            ),
            Refusal::Key(refusal) => refusal.into(),
        }
    }
}

loader!(AdjustmentId => adjustment::Model, ledger::adjustments_by_id);

/// The adjustment with this id, if the viewer may see it.
pub(crate) async fn adjustment_node(ctx: &Context<'_>, id: &ID) -> Result<Option<Adjustment>> {
    let id: AdjustmentId = parse_id(id)?;
    match load(ctx, id).await? {
        Some(row) => seen(ctx, Adjustment(row)).await,
        None => Ok(None),
    }
}
