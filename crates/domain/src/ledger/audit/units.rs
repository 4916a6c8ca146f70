//! Whether each sold unit is what its postings make it.

use std::collections::HashMap;

use sea_orm::sea_query::{Expr, Query};
use sea_orm::{
    ColumnTrait, ConnectionTrait, DbErr, EntityTrait, ExprTrait, FromQueryResult, QueryFilter, QueryOrder,
    QuerySelect,
};
use vitrine_model::Time;
use vitrine_model::id::UnitId;
use vitrine_model::ledger::{
    AccountKind, Party, Side, UnitKind, account, posting, transaction, unit, unit_share,
};

use super::since::Scope;
use super::{CHUNK, Check};
use crate::context::Tx;
use crate::ledger::rules::refundable;
use crate::ledger::share::{divide, earned, passed};

/// A posting that names a unit, with its account and the effect it belongs to.
#[derive(Debug, Clone, FromQueryResult)]
struct Told {
    unit_id: UnitId,
    transaction_id: i64,
    owner: String,
    kind: AccountKind,
    side: Side,
    amount: i64,
    effect: String,
}

impl Told {
    /// What it adds on the right.
    fn credit(&self) -> i64 {
        match self.side {
            Side::Credit => self.amount,
            Side::Debit => -self.amount,
        }
    }
}

pub(super) async fn checks(tx: &Tx, scope: Scope) -> Result<Vec<Check>, DbErr> {
    let parts = "each unit's parts are what was posted of it: sold, held, recharged, lost, refunded";
    let windows = "nothing was released outside its window";
    let mut units = Units {
        parts: Check::new(8, parts).within(scope),
        windows: Check::new(10, windows).within(scope),
    };
    if scope.is_whole() {
        all(tx, &mut units).await?;
    } else {
        posted_since(tx, scope.floor, &mut units).await?;
    }
    Ok(vec![units.parts, units.windows])
}

/// The checks of single units.
struct Units {
    parts: Check,
    windows: Check,
}

impl Units {
    fn examine(&mut self, unit: &unit::Model, told: &[Told]) {
        self.parts.examined(1);
        self.windows.examined(1);
        check_parts(&mut self.parts, unit, told);
        check_window(&mut self.windows, unit, told);
    }

    /// Looks at some units, each with what was posted of it and how its earnings are shared.
    async fn examine_all(
        &mut self,
        tx: &Tx,
        units: &[unit::Model],
        seen: impl Fn(&[Told]) -> bool,
    ) -> Result<(), DbErr> {
        let mut told = told(tx, units).await?;
        let mut shares = shares(tx, units).await?;
        for unit in units {
            let told = told.remove(&unit.id).unwrap_or_default();
            if seen(&told) {
                self.examine(unit, &told);
                check_shares(
                    &mut self.parts,
                    unit,
                    &told,
                    &shares.remove(&unit.id).unwrap_or_default(),
                );
            }
        }
        Ok(())
    }
}

async fn all(tx: &Tx, checks: &mut Units) -> Result<(), DbErr> {
    let mut after: Option<UnitId> = None;
    loop {
        let mut chunk = unit::Entity::find().order_by_asc(unit::Column::Id).limit(CHUNK);
        if let Some(after) = after {
            chunk = chunk.filter(unit::Column::Id.gt(after));
        }
        let units = chunk.all(tx).await?;
        let Some(last) = units.last() else {
            return Ok(());
        };
        after = Some(last.id);
        checks.examine_all(tx, &units, |_| true).await?;
    }
}

/// The units that transactions from `floor` on speak of: each is looked at with the last one that does.
async fn posted_since(tx: &Tx, floor: i64, checks: &mut Units) -> Result<(), DbErr> {
    let mut after = floor.saturating_sub(1);
    loop {
        let transactions: Vec<i64> = transaction::Entity::find()
            .select_only()
            .column(transaction::Column::Id)
            .filter(transaction::Column::Id.gt(after))
            .order_by_asc(transaction::Column::Id)
            .limit(CHUNK)
            .into_tuple()
            .all(tx)
            .await?;
        let Some(last) = transactions.last() else {
            return Ok(());
        };
        let named: Vec<UnitId> = posting::Entity::find()
            .select_only()
            .column(posting::Column::UnitId)
            .distinct()
            .filter(posting::Column::TransactionId.gt(after))
            .filter(posting::Column::TransactionId.lte(*last))
            .filter(posting::Column::UnitId.is_not_null())
            .into_tuple()
            .all(tx)
            .await?;
        after = *last;
        for named in named.chunks(usize::try_from(CHUNK).unwrap_or(1)) {
            let units = unit::Entity::find()
                .filter(unit::Column::Id.is_in(named.iter().copied()))
                .all(tx)
                .await?;
            let seen = |told: &[Told]| told.iter().all(|told| told.transaction_id <= after);
            checks.examine_all(tx, &units, seen).await?;
        }
    }
}

/// What was posted of the units. A transaction's kind is looked up posting by posting: a join might read all of them.
async fn told(tx: &Tx, units: &[unit::Model]) -> Result<HashMap<UnitId, Vec<Told>>, DbErr> {
    let effect = "(select t.kind from ledger_transaction t where t.id = posting.transaction_id)";
    let select = Query::select()
        .column((posting::Entity, posting::Column::UnitId))
        .column((posting::Entity, posting::Column::TransactionId))
        .column((posting::Entity, posting::Column::Side))
        .column((posting::Entity, posting::Column::Amount))
        .column((account::Entity, account::Column::Owner))
        .column((account::Entity, account::Column::Kind))
        .expr_as(Expr::cust(effect), "effect")
        .from(posting::Entity)
        .inner_join(
            account::Entity,
            Expr::col((account::Entity, account::Column::Id))
                .equals((posting::Entity, posting::Column::AccountId)),
        )
        .and_where(
            Expr::col((posting::Entity, posting::Column::UnitId)).is_in(units.iter().map(|unit| unit.id)),
        )
        .to_owned();
    let mut by_unit: HashMap<UnitId, Vec<Told>> = HashMap::new();
    for row in tx.query_all(&select).await? {
        let told = Told::from_query_result(&row, "")?;
        by_unit.entry(told.unit_id).or_default().push(told);
    }
    Ok(by_unit)
}

/// What the postings of a unit come to on accounts of a kind: of all owners or of one, by all effects or by one.
fn sum(told: &[Told], kind: AccountKind, owner: Option<Party>, effect: Option<&str>) -> i64 {
    let owner = owner.map(|owner| owner.to_string());
    told.iter()
        .filter(|told| told.kind == kind)
        .filter(|told| owner.as_ref().is_none_or(|owner| *owner == told.owner))
        .filter(|told| effect.is_none_or(|effect| effect == told.effect))
        .map(Told::credit)
        .sum()
}

fn check_parts(check: &mut Check, unit: &unit::Model, told: &[Told]) {
    let sold = |kind, owner| sum(told, kind, owner, Some("charge.paid"));
    let stands = |kind, owner| sum(told, kind, owner, None);
    let held_for = |party: Option<Party>| match party {
        Some(_) => (sold(AccountKind::Held, party), stands(AccountKind::Held, party)),
        None => (0, 0),
    };
    let (brand_paid, brand_held) = held_for(Some(Party::Brand(unit.brand_id)));
    let (shop_paid, shop_held) = held_for(unit.shopholder);
    let fee_paid = sold(AccountKind::DeferredPlatformFee, None);
    let fee_deferred = stands(AccountKind::DeferredPlatformFee, None);
    let recharged = stands(AccountKind::IncomeRecoveredFees, None);
    let given_back = stands(AccountKind::RefundsPayable, None);
    let refunded = unit.brand_refunded + unit.shop_refunded + unit.platform_refunded;
    let expected = [
        ("what the brand was credited", brand_paid, unit.brand_part),
        ("what is held for the brand", brand_held, unit.brand_held),
        ("what the shopholder was credited", shop_paid, unit.shop_part),
        ("what is held for the shopholder", shop_held, unit.shop_held),
        ("what the platform was credited", fee_paid, unit.platform_part),
        (
            "what is deferred for the platform",
            fee_deferred,
            unit.platform_held,
        ),
        ("what was recharged", recharged, unit.recharged),
        ("what goes back to the buyer", given_back, refunded),
    ];
    for (what, posted, kept) in expected {
        check.expect(unit.id, what, posted, kept);
    }
    if refunded > refundable(unit) || (refunded > 0 && unit.refund_id.is_none()) {
        check.find(
            unit.id,
            format!("{refunded} goes back to the buyer, by no refund or beyond what disputes left"),
        );
    }
    check_lost(check, unit, told);
}

/// What disputes took of each party's part is what her balances gave up for them.
fn check_lost(check: &mut Check, unit: &unit::Model, told: &[Told]) {
    let given_up = |owner: Party| -> i64 {
        let owner = owner.to_string();
        let by_disputes = told.iter().filter(|told| {
            told.owner == owner
                && told.effect.starts_with("dispute.")
                && told.effect != "dispute.fee_recharged"
        });
        -by_disputes.map(Told::credit).sum::<i64>()
    };
    let brand = given_up(Party::Brand(unit.brand_id));
    check.expect(unit.id, "what the brand lost", brand, unit.brand_lost);
    if let Some(shopholder) = unit.shopholder {
        let shop = given_up(shopholder);
        check.expect(unit.id, "what the shopholder lost", shop, unit.shop_lost);
    }
}

/// How the units' earnings are shared, in the order in which they are divided.
async fn shares(tx: &Tx, units: &[unit::Model]) -> Result<HashMap<UnitId, Vec<unit_share::Model>>, DbErr> {
    let rows = unit_share::Entity::find()
        .filter(unit_share::Column::UnitId.is_in(units.iter().map(|unit| unit.id)))
        .order_by_asc(unit_share::Column::UnitId)
        .order_by_asc(unit_share::Column::Ordinal)
        .all(tx)
        .await?;
    let mut shares: HashMap<UnitId, Vec<unit_share::Model>> = HashMap::new();
    for row in rows {
        shares.entry(row.unit_id).or_default().push(row);
    }
    Ok(shares)
}

/// Each share is what the unit as it stands makes it, and was passed on as far as the postings say: from the unit's
/// shopholder, to nobody else.
fn check_shares(check: &mut Check, unit: &unit::Model, told: &[Told], shares: &[unit_share::Model]) {
    let moved = |owner: Option<Party>| -> i64 {
        let owner = owner.map(|owner| owner.to_string());
        told.iter()
            .filter(|told| told.effect.starts_with("share."))
            .filter(|told| owner.as_ref().is_none_or(|owner| *owner == told.owner))
            .map(Told::credit)
            .sum()
    };
    let points: Vec<_> = shares.iter().map(|share| share.share_bp).collect();
    for (share, due) in shares.iter().zip(divide(earned(unit), &points)) {
        check.expect(unit.id, "what a co-curator's share comes to", share.due, due);
        check.expect(
            unit.id,
            "what of a share is passed on",
            share.passed,
            passed(unit, due),
        );
        let what = "what a co-curator was passed on";
        check.expect(unit.id, what, moved(Some(share.party)), share.passed);
        if unit.shopholder != Some(share.shopholder) {
            check.find(unit.id, "it is shared by another than its shopholder");
        }
    }
    let passed: i64 = shares.iter().map(|share| share.passed).sum();
    if let Some(shopholder) = unit.shopholder {
        check.expect(
            unit.id,
            "what its shopholder passed on",
            moved(Some(shopholder)),
            -passed,
        );
    }
    check.expect(unit.id, "what sharing made or lost", moved(None), 0);
}

fn check_window(check: &mut Check, unit: &unit::Model, told: &[Told]) {
    let brand = Party::Brand(unit.brand_id).to_string();
    let released = |owner: &str| {
        told.iter()
            .any(|told| told.effect == "release" && told.kind == AccountKind::Held && told.owner == owner)
    };
    let shop = unit
        .shopholder
        .is_some_and(|shopholder| released(&shopholder.to_string()));
    let fee = told
        .iter()
        .any(|told| told.effect == "release" && told.kind == AccountKind::DeferredPlatformFee);
    let parts = [
        (
            "brand's",
            released(&brand),
            unit.brand_released_at,
            unit.brand_due_at,
        ),
        (
            "shopholder's",
            shop || fee,
            unit.shop_released_at,
            unit.shop_due_at,
        ),
    ];
    for (whose, posted, released_at, due_at) in parts {
        check_release(check, unit, whose, posted, released_at, due_at);
    }
}

fn check_release(
    check: &mut Check,
    unit: &unit::Model,
    whose: &str,
    posted: bool,
    released_at: Option<Time>,
    due_at: Option<Time>,
) {
    let Some(released_at) = released_at else {
        if posted {
            check.find(
                unit.id,
                format!("the {whose} part was released, but its row does not say so"),
            );
        }
        return;
    };
    if unit.kind == UnitKind::Goods && unit.shipped_at.is_none() {
        check.find(
            unit.id,
            format!("the {whose} part was released before it was shipped"),
        );
    }
    if due_at.is_none_or(|due| released_at < due) {
        check.find(
            unit.id,
            format!("the {whose} part was released before it was due"),
        );
    }
}
