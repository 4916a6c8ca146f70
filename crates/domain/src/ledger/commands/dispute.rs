//! Disputes: what a buyer's bank claims is frozen while it is open, taken when it is lost, and set free when it is won.
//!
//! Each step compares what should be with what the books know of the dispute, and posts the difference. Stripe may tell
//! the steps in any order and any number of times: the books end the same. So a dispute that is closed is not done with for
//! good: when a refund fails, or another dispute lets go, what became free is divided again among those that are closed.

use std::collections::HashMap;

use anyhow::Context as _;
use sea_orm::sea_query::Expr;
use sea_orm::{
    ActiveModelTrait, ColumnTrait, DbErr, EntityTrait, IntoActiveModel, QueryFilter, QueryOrder, QuerySelect,
};
use vitrine_model::catalog::FeeBearer;
use vitrine_model::checkout::{ChargeKind, charge, dispute};
use vitrine_model::id::{DisputeId, OrderId, UnitId};
use vitrine_model::ledger::{AccountKind, Part, Party, balance_transaction, dispute_part, unit};

use crate::context::{Context, Tx};
use crate::ledger::books::Books;
use crate::ledger::commands::dispute_postings::{put_party, put_platform, put_signed, recharge};
use crate::ledger::commands::due_again;
use crate::ledger::commands::owed::owed_of;
use crate::ledger::commands::sale::parties;
use crate::ledger::commands::settlement::of_disputes;
use crate::ledger::commands::share::Shares;
use crate::ledger::dispute::{Kept, Parts, There, close, divide, freeze};
use crate::ledger::post::{Entry, Owner};
use crate::ledger::queries::{lock_units, units_of};
use crate::ledger::split::largest_remainder;

/// Rows written by one statement: both databases limit how many values it may bind.
const ROWS_PER_STATEMENT: usize = 500;

/// How far the money of a dispute is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DisputeStage {
    /// The bank only asks: nothing is frozen, but nothing of the order releases either.
    Inquiry,
    /// The bank has taken the money, and may give it back: what parties have of it is frozen.
    Open,
    /// It is decided and its balance transactions have come: it cost their net.
    Closed,
}

/// What the books know of a dispute after a step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DisputeBooks {
    /// What it cost, minor units; zero until it is closed.
    pub loss: i64,
    /// What of that the platform owed the buyer anyway, minor units.
    pub repaid: i64,
    /// Stripe's fee for it, net of what came back, minor units.
    pub fee: i64,
    /// How many ledger transactions it made so far.
    pub steps: i32,
    /// Other disputes of the order that took more, since this one let go of it. They are written down already.
    pub corrected: Vec<DisputeId>,
}

/// Takes the books of a dispute to where `stage` says they should be: marks the order's units, freezes, takes, sets free,
/// and charges Stripe's fee on (`dispute:{du}:{step}:…`). The dispute's balance transactions were applied before. The
/// caller holds the order's lock and writes down what is returned.
///
/// # Errors
/// When the database fails.
pub async fn dispute_follows(
    tx: &Tx,
    cx: &Context,
    dispute: &dispute::Model,
    stage: DisputeStage,
) -> anyhow::Result<DisputeBooks> {
    let units = match paid_for_units(tx, dispute).await? {
        true => lock_units(tx, dispute.order_id).await?,
        false => Vec::new(),
    };
    match stage {
        DisputeStage::Inquiry | DisputeStage::Open => mark(tx, dispute, &units).await?,
        DisputeStage::Closed => unmark(tx, dispute).await?,
    }
    if stage == DisputeStage::Inquiry {
        let fee = movements(tx, dispute).await?.fee;
        return Ok(DisputeBooks::of(dispute, fee));
    }
    let shares = Shares::of(tx, [dispute.order_id]).await?;
    let parties = parties(&units).chain(shares.parties());
    let mut books = Books::open(tx, cx, dispute.currency, parties).await?;
    let before = books.spendable();
    let mut told = book(tx, cx, &mut books, (dispute, stage, units), Reason::Told).await?;
    if stage == DisputeStage::Closed && told.steps > dispute.steps {
        let freed = Reason::Freed(dispute.id);
        told.corrected = divide_again(tx, cx, &mut books, dispute.order_id, freed).await?;
    }
    let cause = format!("dispute:{}:{}", dispute.stripe_id, told.steps);
    shares
        .follow(tx, cx, &mut books, dispute.order_id, &cause)
        .await?;
    // What is merely frozen no more was hers all the time. What comes back after it was lost is another matter.
    if stage == DisputeStage::Closed && dispute.closed_at.is_some() {
        let cause = due_again::Cause {
            key: &cause,
            order: dispute.order_id,
            since: dispute.created_at,
        };
        due_again::take(tx, cx, &mut books, &before, cause).await?;
    }
    Ok(told)
}

/// A refund of the order failed: its closed disputes divide what they took over what remains now, as they had done if it
/// had failed before. Returns those that moved anything, written down. The caller holds the order and all its units, and
/// has opened the books of all parties of theirs.
pub(super) async fn refund_freed(
    tx: &Tx,
    cx: &Context,
    books: &mut Books,
    order: OrderId,
) -> anyhow::Result<Vec<DisputeId>> {
    divide_again(tx, cx, books, order, Reason::RefundFailed).await
}

/// Why a dispute is booked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Reason {
    /// Stripe told of it.
    Told,
    /// This other dispute, which is closed from now on, may have let go of something.
    Freed(DisputeId),
    /// A refund of the order failed.
    RefundFailed,
}

/// Books the order's closed disputes once more, each on the units as the one before left them.
async fn divide_again(
    tx: &Tx,
    cx: &Context,
    books: &mut Books,
    order: OrderId,
    reason: Reason,
) -> anyhow::Result<Vec<DisputeId>> {
    let closed = dispute::Entity::find()
        .filter(dispute::Column::OrderId.eq(order))
        .filter(dispute::Column::ClosedAt.is_not_null())
        .order_by_asc(dispute::Column::Id)
        .all(tx)
        .await?;
    let others = closed
        .into_iter()
        .filter(|dispute| reason != Reason::Freed(dispute.id));
    let mut moved = Vec::new();
    for dispute in others {
        let units = match paid_for_units(tx, &dispute).await? {
            true => units_of(tx, &[dispute.order_id]).await?,
            false => Vec::new(),
        };
        let told = book(tx, cx, books, (&dispute, DisputeStage::Closed, units), reason).await?;
        if told.steps > dispute.steps {
            moved.push(dispute.id);
            let now = dispute::Model {
                loss: told.loss,
                repaid: told.repaid,
                fee: told.fee,
                steps: told.steps,
                ..dispute
            };
            now.into_active_model().reset_all().update(tx).await?;
        }
    }
    Ok(moved)
}

/// Books one dispute over these units.
async fn book(
    tx: &Tx,
    cx: &Context,
    books: &mut Books,
    (dispute, stage, units): (&dispute::Model, DisputeStage, Vec<unit::Model>),
    reason: Reason,
) -> anyhow::Result<DisputeBooks> {
    let moved = movements(tx, dispute).await?;
    let mut told = DisputeBooks::of(dispute, moved.fee);
    let mut case = Case::read(tx, dispute, stage, units, moved).await?;
    case.claim(tx, reason).await?;
    let moved = case.post(tx, cx, books, &mut told).await?;
    let charged = case.charge_fee(tx, cx, books, &mut told).await?;
    if moved || charged {
        case.write(tx).await?;
    }
    Ok(told)
}

impl DisputeBooks {
    /// What they knew before the step, but for Stripe's fee.
    fn of(dispute: &dispute::Model, fee: i64) -> Self {
        Self {
            loss: dispute.loss,
            repaid: dispute.repaid,
            fee,
            steps: dispute.steps,
            corrected: Vec::new(),
        }
    }
}

/// What Stripe took for a dispute, less what it gave back.
#[derive(Debug, Clone, Copy, Default)]
struct Moved {
    loss: i64,
    fee: i64,
}

async fn movements(tx: &Tx, dispute: &dispute::Model) -> Result<Moved, DbErr> {
    let applied = balance_transaction::Entity::find()
        .filter(balance_transaction::Column::Source.eq(&dispute.stripe_id))
        .filter(balance_transaction::Column::Currency.eq(dispute.currency))
        .all(tx)
        .await?;
    let ours = applied
        .iter()
        .filter(|moved| of_disputes(&moved.kind, &moved.source));
    Ok(ours.fold(Moved::default(), |sum, moved| Moved {
        loss: sum.loss - moved.amount,
        fee: sum.fee + moved.fee,
    }))
}

/// Whether the disputed charge paid for the order's units; one that nobody asked for paid for none.
async fn paid_for_units(tx: &Tx, dispute: &dispute::Model) -> anyhow::Result<bool> {
    Ok(charge_of(tx, dispute).await?.kind == ChargeKind::Expected)
}

async fn charge_of(tx: &Tx, dispute: &dispute::Model) -> anyhow::Result<charge::Model> {
    let charge = charge::Entity::find_by_id(dispute.charge_id.clone());
    let charge = charge.one(tx).await?;
    charge.with_context(|| format!("{} is of no charge", dispute.id))
}

/// Nothing of the order releases from here on.
async fn mark(tx: &Tx, dispute: &dispute::Model, units: &[unit::Model]) -> Result<(), DbErr> {
    if units.iter().all(|unit| unit.dispute_id.is_some()) {
        return Ok(());
    }
    unit::Entity::update_many()
        .col_expr(unit::Column::DisputeId, Expr::value(dispute.id))
        .filter(unit::Column::OrderId.eq(dispute.order_id))
        .filter(unit::Column::DisputeId.is_null())
        .exec(tx)
        .await?;
    Ok(())
}

/// The order's units are free, unless another dispute of theirs is open.
async fn unmark(tx: &Tx, dispute: &dispute::Model) -> Result<(), DbErr> {
    let other: Option<DisputeId> = dispute::Entity::find()
        .select_only()
        .column(dispute::Column::Id)
        .filter(dispute::Column::ChargeId.eq(&dispute.charge_id))
        .filter(dispute::Column::ClosedAt.is_null())
        .filter(dispute::Column::Id.ne(dispute.id))
        .order_by_asc(dispute::Column::Id)
        .into_tuple()
        .one(tx)
        .await?;
    unit::Entity::update_many()
        .col_expr(unit::Column::DisputeId, Expr::value(other))
        .filter(unit::Column::DisputeId.eq(dispute.id))
        .exec(tx)
        .await?;
    Ok(())
}

/// One part of one unit in a dispute, as the books know it, and as it is to be.
#[derive(Debug, Clone, Copy)]
struct Claim {
    part: Part,
    party: Option<Party>,
    kept: Kept,
    claimed: i64,
    lost: i64,
}

/// A dispute being booked.
struct Case<'a> {
    dispute: &'a dispute::Model,
    stage: DisputeStage,
    moved: Moved,
    units: Vec<(unit::Model, [Claim; 3])>,
    /// What of Stripe's fee each unit's brand was charged.
    fees: HashMap<UnitId, i64>,
    /// What the units' parts bore of the loss before this step.
    borne: i64,
    /// What of the charge the platform owes the buyer, before this dispute: nobody asked for it, and no refund brings it.
    owed: i64,
    /// Whether it claimed anything before this step.
    known: bool,
}

impl<'a> Case<'a> {
    async fn read(
        tx: &Tx,
        dispute: &'a dispute::Model,
        stage: DisputeStage,
        units: Vec<unit::Model>,
        moved: Moved,
    ) -> anyhow::Result<Self> {
        let rows = dispute_part::Entity::find()
            .filter(dispute_part::Column::DisputeId.eq(dispute.id))
            .all(tx)
            .await?;
        let known: HashMap<(UnitId, Part), Kept> = rows
            .iter()
            .map(|row| ((row.unit_id, row.part), kept(row)))
            .collect();
        let with_claims = |unit: unit::Model| {
            let claims = [Part::Brand, Part::Shop, Part::Platform].map(|part| {
                let kept = known.get(&(unit.id, part)).copied().unwrap_or_default();
                Claim {
                    part,
                    party: owner(&unit, part),
                    kept,
                    claimed: kept.claimed,
                    lost: kept.lost,
                }
            });
            (unit, claims)
        };
        let of_brands = rows.iter().filter(|row| row.part == Part::Brand);
        Ok(Self {
            dispute,
            stage,
            moved,
            units: units.into_iter().map(with_claims).collect(),
            fees: of_brands.map(|row| (row.unit_id, row.fee)).collect(),
            borne: rows.iter().map(|row| row.lost).sum(),
            owed: dispute.repaid + owed_of(tx, &charge_of(tx, dispute).await?).await?,
            known: !rows.is_empty(),
        })
    }

    /// Divides what is disputed over what remains of the units, and what was lost over what is disputed. Once the books
    /// were closed on a dispute it claims what it claimed then, unless that does not bear its loss, or a refund failed: then
    /// it divides anew, for else it would matter which came first.
    async fn claim(&mut self, tx: &Tx, reason: Reason) -> Result<(), DbErr> {
        let closed = self.stage == DisputeStage::Closed;
        let came_to_nothing = closed && self.loss() == 0 && self.moved.fee <= 0;
        if came_to_nothing && !self.known {
            return Ok(());
        }
        let claimed: i64 = self.claims().map(|claim| claim.claimed).sum();
        let anew =
            reason == Reason::RefundFailed || self.dispute.closed_at.is_none() || claimed < self.loss();
        if anew {
            self.divide_disputed(tx, reason).await?;
        }
        if closed && (anew || self.loss() != self.dispute.loss) {
            self.divide_loss();
        }
        Ok(())
    }

    /// What it claims of units that go back to the buyer anyway stays as it was.
    async fn divide_disputed(&mut self, tx: &Tx, reason: Reason) -> Result<(), DbErr> {
        let disputed = match self.stage {
            DisputeStage::Closed => self.dispute.amount.max(self.moved.loss),
            DisputeStage::Inquiry | DisputeStage::Open => self.dispute.amount,
        };
        let elsewhere = claimed_elsewhere(tx, self.dispute, reason).await?;
        let remaining: Vec<Parts> = self
            .units
            .iter()
            .map(|(unit, claims)| remaining(unit, claims, &elsewhere))
            .collect();
        let stays: i64 = self.refunded().map(|claim| claim.claimed).sum();
        let divided = divide((disputed - stays).max(0), &remaining);
        for ((unit, claims), divided) in self.units.iter_mut().zip(divided) {
            if unit.refund_id.is_none() {
                for (claim, claimed) in claims.iter_mut().zip(divided) {
                    claim.claimed = claimed;
                }
            }
        }
        Ok(())
    }

    /// Of units that go back to the buyer anyway no more is lost than was lost before: the rest went into the refund.
    fn divide_loss(&mut self) {
        let of_refunded = |(unit, claims): &(unit::Model, [Claim; 3])| match unit.refund_id {
            Some(_) => claims.map(|claim| claim.kept.lost),
            None => [0; 3],
        };
        let of_free = |(unit, claims): &(unit::Model, [Claim; 3])| match unit.refund_id {
            Some(_) => [0; 3],
            None => claims.map(|claim| claim.claimed),
        };
        let refunded: Vec<Parts> = self.units.iter().map(of_refunded).collect();
        let free: Vec<Parts> = self.units.iter().map(of_free).collect();
        let stays = divide(self.loss(), &refunded);
        let rest = self.loss() - stays.iter().flatten().sum::<i64>();
        let lost = stays.into_iter().zip(divide(rest, &free));
        let lost = lost.flat_map(|(stays, taken)| stays.into_iter().zip(taken));
        for (claim, (stays, taken)) in self.claims().zip(lost) {
            claim.lost = stays + taken;
        }
    }

    fn refunded(&self) -> impl Iterator<Item = &Claim> {
        let refunded = self.units.iter().filter(|(unit, _)| unit.refund_id.is_some());
        refunded.flat_map(|(_, claims)| claims)
    }

    fn claims(&mut self) -> impl Iterator<Item = &mut Claim> {
        self.units.iter_mut().flat_map(|(_, claims)| claims)
    }

    /// Stripe never gives back more than it took; if it did, the account of the dispute would show it.
    fn loss(&self) -> i64 {
        self.moved.loss.max(0)
    }

    /// Posts what is still to be moved. Returns whether what the books know of the units has changed.
    async fn post(
        &mut self,
        tx: &Tx,
        cx: &Context,
        books: &mut Books,
        told: &mut DisputeBooks,
    ) -> anyhow::Result<bool> {
        let kind = match self.stage {
            DisputeStage::Closed if self.dispute.closed_at.is_some() => "dispute.corrected",
            DisputeStage::Closed => "dispute.closed",
            DisputeStage::Inquiry | DisputeStage::Open => "dispute.opened",
        };
        let mut entry = self.entry(cx, books, told, kind);
        let mut changed = false;
        for (unit, claims) in &mut self.units {
            for claim in claims {
                changed |= settle(&mut entry, self.stage, unit, claim);
            }
        }
        if self.stage == DisputeStage::Closed {
            told.loss = self.loss();
            told.repaid = told.loss.min(self.owed);
            let repaid = told.repaid - self.dispute.repaid;
            put_signed(&mut entry, Owner::Platform, AccountKind::RefundsPayable, repaid);
            let borne: i64 = self.claims().map(|claim| claim.lost).sum();
            let excess = (told.loss - borne) - (self.dispute.loss - self.borne) - repaid;
            put_signed(&mut entry, Owner::Platform, AccountKind::ExpenseBadDebt, excess);
            let account = Owner::About(self.dispute.stripe_id.clone());
            let open = self.dispute.loss - told.loss;
            put_signed(&mut entry, account, AccountKind::DisputeReceivable, open);
        }
        if !entry.is_empty() {
            entry.post(tx, cx).await?;
            told.steps += 1;
        }
        Ok(changed)
    }

    /// Charges Stripe's fee for the dispute on to the brands that bear Stripe's fees, over their disputed units by what is
    /// claimed of each, once it is known whether Stripe gives it back. Returns whether anything was charged.
    async fn charge_fee(
        &mut self,
        tx: &Tx,
        cx: &Context,
        books: &mut Books,
        told: &mut DisputeBooks,
    ) -> anyhow::Result<bool> {
        if self.stage != DisputeStage::Closed {
            return Ok(false);
        }
        let weight = |(unit, claims): &(unit::Model, [Claim; 3])| match unit.fee_bearer {
            FeeBearer::Brand => claims.iter().map(|claim| claim.claimed).sum(),
            FeeBearer::Platform => 0,
        };
        let weights: Vec<i64> = self.units.iter().map(weight).collect();
        let shares = largest_remainder(self.moved.fee.max(0), &weights);
        let mut entry = self.entry(cx, books, told, "dispute.fee_recharged");
        for ((unit, _), share) in self.units.iter_mut().zip(shares) {
            let before = self.fees.insert(unit.id, share).unwrap_or(0);
            recharge(&mut entry, unit, share - before);
        }
        if entry.is_empty() {
            return Ok(false);
        }
        entry.post(tx, cx).await?;
        told.steps += 1;
        Ok(true)
    }

    fn entry<'b>(
        &self,
        cx: &Context,
        books: &'b mut Books,
        told: &DisputeBooks,
        kind: &'static str,
    ) -> Entry<'b> {
        let what = kind.trim_start_matches("dispute.");
        let key = format!("dispute:{}:{}:{what}", self.dispute.stripe_id, told.steps + 1);
        Entry::new(books, kind, key, cx.now())
            .about("dispute", self.dispute.id)
            .about("order", self.dispute.order_id)
    }

    async fn write(&self, tx: &Tx) -> anyhow::Result<()> {
        dispute_part::Entity::delete_many()
            .filter(dispute_part::Column::DisputeId.eq(self.dispute.id))
            .exec(tx)
            .await?;
        let rows: Vec<dispute_part::Model> = self.rows().collect();
        for some in rows.chunks(ROWS_PER_STATEMENT) {
            let some = some.iter().map(|row| row.clone().into_active_model().reset_all());
            dispute_part::Entity::insert_many(some)
                .exec_without_returning(tx)
                .await?;
        }
        for (unit, _) in &self.units {
            write_unit(tx, unit).await?;
        }
        Ok(())
    }

    /// What the books know from now on: nothing is kept of parts that the dispute does not concern.
    fn rows(&self) -> impl Iterator<Item = dispute_part::Model> {
        let all = self
            .units
            .iter()
            .flat_map(|(unit, claims)| claims.iter().map(move |claim| (unit, claim)));
        let rows = all.map(|(unit, claim)| dispute_part::Model {
            dispute_id: self.dispute.id,
            unit_id: unit.id,
            part: claim.part,
            party: claim.party,
            currency: unit.currency,
            claimed: claim.kept.claimed,
            frozen_held: claim.kept.frozen_held,
            frozen_available: claim.kept.frozen_available,
            lost: claim.kept.lost,
            lost_held: claim.kept.lost_held,
            fee: match claim.part {
                Part::Brand => self.fees.get(&unit.id).copied().unwrap_or(0),
                Part::Shop | Part::Platform => 0,
            },
        });
        rows.filter(|row| row.claimed > 0 || row.fee > 0)
    }
}

fn kept(row: &dispute_part::Model) -> Kept {
    Kept {
        claimed: row.claimed,
        frozen_held: row.frozen_held,
        frozen_available: row.frozen_available,
        lost: row.lost,
        lost_held: row.lost_held,
    }
}

fn owner(unit: &unit::Model, part: Part) -> Option<Party> {
    match part {
        Part::Brand => Some(Party::Brand(unit.brand_id)),
        Part::Shop => unit.shopholder,
        Part::Platform => None,
    }
}

/// What other disputes that are open claim of each unit's parts.
async fn claimed_elsewhere(
    tx: &Tx,
    dispute: &dispute::Model,
    reason: Reason,
) -> Result<HashMap<(UnitId, Part), i64>, DbErr> {
    let others: Vec<DisputeId> = dispute::Entity::find()
        .select_only()
        .column(dispute::Column::Id)
        .filter(dispute::Column::OrderId.eq(dispute.order_id))
        .filter(dispute::Column::ClosedAt.is_null())
        .filter(dispute::Column::Id.ne(dispute.id))
        .into_tuple()
        .all(tx)
        .await?;
    let others = others.into_iter().filter(|other| reason != Reason::Freed(*other));
    let rows = dispute_part::Entity::find()
        .filter(dispute_part::Column::DisputeId.is_in(others))
        .all(tx)
        .await?;
    let mut claimed = HashMap::new();
    for row in rows {
        *claimed.entry((row.unit_id, row.part)).or_default() += row.claimed;
    }
    Ok(claimed)
}

/// What this dispute may claim of a unit: nothing of one that goes back to the buyer anyway, and nothing that another
/// dispute claims or took.
fn remaining(unit: &unit::Model, claims: &[Claim; 3], elsewhere: &HashMap<(UnitId, Part), i64>) -> Parts {
    if unit.refund_id.is_some() {
        return [0; 3];
    }
    claims.map(|claim| {
        let (part, lost) = match claim.part {
            Part::Brand => (unit.brand_part, unit.brand_lost),
            Part::Shop => (unit.shop_part, unit.shop_lost),
            Part::Platform => (unit.platform_part, unit.platform_lost),
        };
        let taken = elsewhere.get(&(unit.id, claim.part)).copied().unwrap_or(0);
        (part - lost + claim.kept.lost - taken).max(0)
    })
}

/// Takes one part to where it should be, in the entry and in the unit. Returns whether anything changed.
fn settle(entry: &mut Entry<'_>, stage: DisputeStage, unit: &mut unit::Model, claim: &mut Claim) -> bool {
    let there = there(entry, unit, claim);
    let (kept, moves) = match stage {
        DisputeStage::Closed => close(claim.kept, claim.claimed, claim.lost, there),
        DisputeStage::Inquiry | DisputeStage::Open => freeze(claim.kept, claim.claimed, there),
    };
    match claim.party {
        Some(party) => put_party(entry, party, unit.id, &moves),
        None => put_platform(entry, unit.id, &moves),
    }
    let (held, lost) = match claim.part {
        Part::Brand => (&mut unit.brand_held, &mut unit.brand_lost),
        Part::Shop => (&mut unit.shop_held, &mut unit.shop_lost),
        Part::Platform => (&mut unit.platform_held, &mut unit.platform_lost),
    };
    *held += moves.held();
    *lost += moves.lost();
    let changed = kept != claim.kept;
    claim.kept = kept;
    changed
}

fn there(entry: &Entry<'_>, unit: &unit::Model, claim: &Claim) -> There {
    let (held, released_at) = match claim.part {
        Part::Brand => (unit.brand_held, unit.brand_released_at),
        Part::Shop => (unit.shop_held, unit.shop_released_at),
        Part::Platform => (unit.platform_held, unit.shop_released_at),
    };
    There {
        held,
        available: claim.party.map_or(0, |party| entry.available(party)),
        may_hold: released_at.is_none() && unit.refund_id.is_none(),
    }
}

async fn write_unit(tx: &Tx, unit: &unit::Model) -> Result<(), DbErr> {
    let values = [
        (unit::Column::BrandHeld, unit.brand_held),
        (unit::Column::ShopHeld, unit.shop_held),
        (unit::Column::PlatformHeld, unit.platform_held),
        (unit::Column::BrandLost, unit.brand_lost),
        (unit::Column::ShopLost, unit.shop_lost),
        (unit::Column::PlatformLost, unit.platform_lost),
        (unit::Column::Recharged, unit.recharged),
    ];
    let mut update = unit::Entity::update_many().filter(unit::Column::Id.eq(unit.id));
    for (column, value) in values {
        update = update.col_expr(column, Expr::value(value));
    }
    update.exec(tx).await?;
    Ok(())
}
