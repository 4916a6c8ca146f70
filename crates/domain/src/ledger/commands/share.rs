//! Sharing: what a unit brings the shop is passed on to those who curate it with the shopholder once it is hers to spend,
//! and comes back from them when it is taken from her.
//!
//! The shopholder answers for the shop: sales, refunds and disputes are between her and the others, and each is followed
//! by a transaction of its own that takes the shares to where they should be.

use std::collections::{BTreeMap, HashMap};

use sea_orm::sea_query::{Expr, Query};
use sea_orm::{
    ActiveModelTrait, ColumnTrait, ConnectionTrait, DbErr, EntityTrait, ExprTrait, IntoActiveModel,
    QueryFilter, QueryOrder, QuerySelect, Select,
};
use vitrine_model::id::{OrderId, ShopId, UnitId};
use vitrine_model::ledger::{Party, unit, unit_share};
use vitrine_model::money::BasisPoints;

use crate::context::{Context, Tx};
use crate::ledger::books::Books;
use crate::ledger::post::Entry;
use crate::ledger::share::{divide, earned, passed};

/// Rows written by one statement: both databases limit how many values it may bind.
const ROWS_PER_STATEMENT: usize = 500;

/// What of a shop's earnings somebody gets who curates it with its owner.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Share {
    /// Who.
    pub party: Party,
    /// How much of them.
    pub share: BasisPoints,
}

/// Writes down whom the earnings of units just sold are shared with, as `agreed` says of their shops.
pub(super) async fn agree(
    tx: &Tx,
    units: &[unit::Model],
    agreed: &HashMap<ShopId, Vec<Share>>,
) -> Result<(), DbErr> {
    let rows: Vec<_> = units.iter().flat_map(|unit| shares_of(unit, agreed)).collect();
    for some in rows.chunks(ROWS_PER_STATEMENT) {
        let some = some.iter().map(|row| row.clone().into_active_model().reset_all());
        unit_share::Entity::insert_many(some)
            .exec_without_returning(tx)
            .await?;
    }
    Ok(())
}

fn shares_of(unit: &unit::Model, agreed: &HashMap<ShopId, Vec<Share>>) -> Vec<unit_share::Model> {
    let shop = unit.shop_id.zip(unit.shopholder);
    let found = shop.and_then(|(shop, shopholder)| Some((agreed.get(&shop)?, shopholder)));
    let Some((shares, shopholder)) = found else {
        return Vec::new();
    };
    let points: Vec<BasisPoints> = shares.iter().map(|share| share.share).collect();
    let due = divide(earned(unit), &points);
    let row = |((ordinal, share), due): ((i32, &Share), i64)| unit_share::Model {
        unit_id: unit.id,
        party: share.party,
        shopholder,
        currency: unit.currency,
        ordinal,
        share_bp: share.share,
        due,
        passed: 0,
    };
    (1..).zip(shares).zip(due).map(row).collect()
}

/// The shares in the units of some orders, as the books know them.
#[derive(Debug)]
pub(super) struct Shares(BTreeMap<UnitId, Vec<unit_share::Model>>);

impl Shares {
    /// Reads them. Whoever changes them holds their orders' units locked.
    pub(super) async fn of(tx: &Tx, orders: impl IntoIterator<Item = OrderId>) -> Result<Self, DbErr> {
        let rows = shares_in(orders)
            .order_by_asc(unit_share::Column::UnitId)
            .order_by_asc(unit_share::Column::Ordinal)
            .all(tx)
            .await?;
        let mut shares: BTreeMap<UnitId, Vec<unit_share::Model>> = BTreeMap::new();
        for row in rows {
            shares.entry(row.unit_id).or_default().push(row);
        }
        Ok(Self(shares))
    }

    /// Everyone who has one, or passes one on.
    pub(super) fn parties(&self) -> impl Iterator<Item = Party> {
        let shares = self.0.values().flatten();
        shares.flat_map(|share| [share.party, share.shopholder])
    }

    /// Takes the shares in an order's units to where the units are now, after the effect called `cause`: passes on what was
    /// released (`{cause}:shared`), takes back what was refunded or lost (`{cause}:returned`). Returns what was passed on.
    ///
    /// # Errors
    /// When the database fails.
    pub(super) async fn follow(
        &self,
        tx: &Tx,
        cx: &Context,
        books: &mut Books,
        order: OrderId,
        cause: &str,
    ) -> anyhow::Result<BTreeMap<Party, i64>> {
        let mut given = BTreeMap::new();
        let moved = self.moved(tx, order).await?;
        for (kind, key) in [("share.passed", "shared"), ("share.returned", "returned")] {
            let forth = kind == "share.passed";
            let mut entry = Entry::new(books, kind, format!("{cause}:{key}"), cx.now()).about("order", order);
            for (share, change) in moved.iter().filter(|(_, change)| (*change > 0) == forth) {
                let (from, to) = match forth {
                    true => (share.shopholder, share.party),
                    false => (share.party, share.shopholder),
                };
                entry.take(from, change.abs(), 0, Some(share.unit_id));
                entry.give(to, change.abs(), Some(share.unit_id));
                if forth {
                    *given.entry(share.party).or_default() += change;
                }
            }
            if !entry.is_empty() {
                entry.post(tx, cx).await?;
            }
        }
        Ok(given)
    }

    /// Writes what the shares in the order's units come to now. Returns those of which more, or less, is passed on, and by
    /// how much.
    async fn moved(&self, tx: &Tx, order: OrderId) -> Result<Vec<(unit_share::Model, i64)>, DbErr> {
        if self.0.is_empty() {
            return Ok(Vec::new());
        }
        let units = unit::Entity::find()
            .filter(unit::Column::OrderId.eq(order))
            .all(tx)
            .await?;
        let mut moved = Vec::new();
        for unit in &units {
            let before = self.0.get(&unit.id).map_or(&[][..], Vec::as_slice);
            let points: Vec<BasisPoints> = before.iter().map(|share| share.share_bp).collect();
            for (before, due) in before.iter().zip(divide(earned(unit), &points)) {
                let now = unit_share::Model {
                    due,
                    passed: passed(unit, due),
                    ..before.clone()
                };
                if now == *before {
                    continue;
                }
                let change = now.passed - before.passed;
                now.clone().into_active_model().reset_all().update(tx).await?;
                if change != 0 {
                    moved.push((now, change));
                }
            }
        }
        moved.sort_by_key(|(share, _)| (share.unit_id, share.ordinal));
        Ok(moved)
    }
}

/// The shares in the units of some orders.
fn shares_in(orders: impl IntoIterator<Item = OrderId>) -> Select<unit_share::Entity> {
    let sold = Query::select()
        .column(unit::Column::Id)
        .from(unit::Entity)
        .and_where(Expr::col(unit::Column::OrderId).is_in(orders))
        .to_owned();
    unit_share::Entity::find().filter(unit_share::Column::UnitId.in_subquery(sold))
}

/// Those who have a share in what an order brings shops.
///
/// # Errors
/// When the database fails.
pub(crate) async fn sharers_of(db: &impl ConnectionTrait, order: OrderId) -> Result<Vec<Party>, DbErr> {
    let parties = shares_in([order])
        .select_only()
        .column(unit_share::Column::Party)
        .distinct();
    parties.into_tuple().all(db).await
}
