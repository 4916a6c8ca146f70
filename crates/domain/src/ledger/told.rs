//! What the entries of a statement are about: the goods, orders, payouts and refunds behind a page of transactions, read
//! at once.

use std::collections::{BTreeMap, HashMap};

use anyhow::Context as _;
use sea_orm::sea_query::{Alias, Expr, ExprTrait, Query, SelectStatement};
use sea_orm::{ColumnTrait, ConnectionTrait, DbErr, EntityTrait, QueryFilter, QuerySelect};
use vitrine_model::Time;
use vitrine_model::checkout::{order, order_line, refund};
use vitrine_model::id::{OrderId, PayoutId, RefundId};
use vitrine_model::ledger::{Party, UnitKind, account, posting, transaction, unit};
use vitrine_model::payout;

use crate::ledger::words::{Goods, Subject};

/// The rows that the transactions of one page concern.
pub(super) struct Told {
    transactions: HashMap<i64, transaction::Model>,
    refs: HashMap<i64, BTreeMap<String, String>>,
    goods: HashMap<(Party, i64), Vec<Goods>>,
    numbers: HashMap<OrderId, String>,
    refunded: HashMap<RefundId, OrderId>,
    transfers: HashMap<PayoutId, String>,
}

impl Told {
    /// Reads what the transactions concern, as far as parties have a part in it by their `accounts`.
    pub(super) async fn of(
        db: &impl ConnectionTrait,
        transactions: &[i64],
        accounts: impl Iterator<Item = i64>,
    ) -> anyhow::Result<Self> {
        let rows = transaction::Entity::find()
            .filter(transaction::Column::Id.is_in(transactions.iter().copied()))
            .all(db)
            .await?;
        let mut refs = HashMap::new();
        for row in &rows {
            let named: BTreeMap<String, String> = serde_json::from_str(&row.refs)
                .with_context(|| format!("{} names what nobody can read", row.key))?;
            refs.insert(row.id, named);
        }
        let refunds: Vec<RefundId> = named(&refs, "refund");
        let refunded: Vec<(RefundId, OrderId)> = refund::Entity::find()
            .select_only()
            .columns([refund::Column::Id, refund::Column::OrderId])
            .filter(refund::Column::Id.is_in(refunds))
            .into_tuple()
            .all(db)
            .await?;
        let mut orders: Vec<OrderId> = named(&refs, "order");
        orders.extend(refunded.iter().map(|(_, order)| *order));
        Ok(Self {
            goods: goods(db, transactions, accounts).await?,
            numbers: numbers(db, orders).await?,
            refunded: refunded.into_iter().collect(),
            transfers: transfers(db, named(&refs, "payout")).await?,
            transactions: rows.into_iter().map(|row| (row.id, row)).collect(),
            refs,
        })
    }

    /// The transaction with this number.
    pub(super) fn transaction(&self, id: i64) -> anyhow::Result<&transaction::Model> {
        self.transactions
            .get(&id)
            .with_context(|| format!("no transaction {id}"))
    }

    /// What the transaction is about, to `party`.
    pub(super) fn subject(&self, party: Party, transaction: &transaction::Model) -> Subject<'_> {
        let id = |name: &str| self.refs.get(&transaction.id)?.get(name).map(String::as_str);
        let refund: Option<RefundId> = id("refund").and_then(|id| id.parse().ok());
        let payout: Option<PayoutId> = id("payout").and_then(|id| id.parse().ok());
        let order: Option<OrderId> = id("order").and_then(|id| id.parse().ok());
        let order = order.or_else(|| self.refunded.get(&refund?).copied());
        let number = order.and_then(|order| self.numbers.get(&order));
        Subject {
            goods: self
                .goods
                .get(&(party, transaction.id))
                .map_or(&[], Vec::as_slice),
            order: order.zip(number.map(String::as_str)),
            payout,
            refund,
            transfer: payout
                .and_then(|payout| self.transfers.get(&payout))
                .map(String::as_str),
        }
    }
}

/// The ids that the transactions name under `name`.
fn named<I: std::str::FromStr>(refs: &HashMap<i64, BTreeMap<String, String>>, name: &str) -> Vec<I> {
    refs.values()
        .filter_map(|refs| refs.get(name)?.parse().ok())
        .collect()
}

async fn numbers(db: &impl ConnectionTrait, orders: Vec<OrderId>) -> Result<HashMap<OrderId, String>, DbErr> {
    let numbers: Vec<(OrderId, String)> = order::Entity::find()
        .select_only()
        .columns([order::Column::Id, order::Column::Number])
        .filter(order::Column::Id.is_in(orders))
        .into_tuple()
        .all(db)
        .await?;
    Ok(numbers.into_iter().collect())
}

async fn transfers(
    db: &impl ConnectionTrait,
    payouts: Vec<PayoutId>,
) -> Result<HashMap<PayoutId, String>, DbErr> {
    let transfers: Vec<(PayoutId, Option<String>)> = payout::Entity::find()
        .select_only()
        .columns([payout::Column::Id, payout::Column::TransferId])
        .filter(payout::Column::Id.is_in(payouts))
        .into_tuple()
        .all(db)
        .await?;
    let made = transfers.into_iter();
    Ok(made.filter_map(|(id, transfer)| Some((id, transfer?))).collect())
}

/// What was sold in each transaction, line by line, counted by the database: an order may be of ten thousand pieces.
async fn goods(
    db: &impl ConnectionTrait,
    transactions: &[i64],
    accounts: impl Iterator<Item = i64>,
) -> anyhow::Result<HashMap<(Party, i64), Vec<Goods>>> {
    let mut goods: HashMap<(Party, i64), Vec<Goods>> = HashMap::new();
    for row in db.query_all(&lines(transactions, accounts)).await? {
        let party: Party = row.try_get::<String>("", "owner")?.parse()?;
        let pieces: i64 = row.try_get("", "pieces")?;
        let kept: i64 = row.try_get("", "kept")?;
        let latest: Option<Time> = row.try_get("", "latest")?;
        let undated: i64 = row.try_get("", "undated")?;
        goods
            .entry((party, row.try_get("", "transaction_id")?))
            .or_default()
            .push(Goods {
                pieces,
                kind: row.try_get("", "kind")?,
                title: row.try_get("", "title")?,
                variant: row.try_get("", "variant_title")?,
                waiting: kept > 0,
                due: latest.filter(|_| undated == 0),
            });
    }
    for goods in goods.values_mut() {
        goods.sort_by_key(|goods| goods.kind == UnitKind::Shipping);
    }
    Ok(goods)
}

fn lines(transactions: &[i64], accounts: impl Iterator<Item = i64>) -> SelectStatement {
    // A brand's part is due at another time than the shopholder's.
    let hers = |of: &str| format!("case when a.owner like 'brand%' then u.brand_{of} else u.shop_{of} end");
    let due = hers("due_at");
    let waits = format!(
        "{} is null and u.refund_id is null and u.dispute_id is null and {} = 0",
        hers("released_at"),
        hers("lost")
    );
    let count = |when: &str| Expr::cust(format!("count(distinct case when {when} then u.id end)"));
    let owners = Alias::new("a");
    let units = Alias::new("u");
    let line = Alias::new("l");
    let posted = |column: posting::Column| Expr::col((posting::Entity, column));
    Query::select()
        .column((posting::Entity, posting::Column::TransactionId))
        .column((owners.clone(), account::Column::Owner))
        .column((units.clone(), unit::Column::Kind))
        .column((line.clone(), order_line::Column::Title))
        .column((line.clone(), order_line::Column::VariantTitle))
        .expr_as(Expr::cust("count(distinct u.id)"), "pieces")
        .expr_as(count(&waits), "kept")
        .expr_as(count(&format!("{waits} and {due} is null")), "undated")
        .expr_as(
            Expr::cust(format!("max(case when {waits} then {due} end)")),
            "latest",
        )
        .from(posting::Entity)
        .join_as(
            sea_orm::JoinType::InnerJoin,
            unit::Entity,
            units.clone(),
            posted(posting::Column::UnitId).equals((units.clone(), unit::Column::Id)),
        )
        .join_as(
            sea_orm::JoinType::InnerJoin,
            account::Entity,
            owners.clone(),
            posted(posting::Column::AccountId).equals((owners.clone(), account::Column::Id)),
        )
        .join_as(
            sea_orm::JoinType::LeftJoin,
            order_line::Entity,
            line.clone(),
            Expr::col((units.clone(), unit::Column::LineId)).equals((line.clone(), order_line::Column::Id)),
        )
        .and_where(posted(posting::Column::TransactionId).is_in(transactions.iter().copied()))
        .and_where(posted(posting::Column::AccountId).is_in(accounts))
        .group_by_col((posting::Entity, posting::Column::TransactionId))
        .group_by_col((owners, account::Column::Owner))
        .group_by_col((units.clone(), unit::Column::Kind))
        .group_by_col((line.clone(), order_line::Column::Id))
        .group_by_col((line.clone(), order_line::Column::Position))
        .group_by_col((line.clone(), order_line::Column::Title))
        .group_by_col((line.clone(), order_line::Column::VariantTitle))
        .order_by((line, order_line::Column::Position), sea_orm::Order::Asc)
        .to_owned()
}
