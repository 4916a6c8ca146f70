//! What a party may read of the books: her balances, and her statement line by line.

use std::collections::{BTreeMap, HashMap};

use sea_orm::sea_query::Expr;
use sea_orm::{
    ColumnTrait, ConnectionTrait, DatabaseConnection, DbBackend, DbErr, EntityTrait, QueryFilter,
    QuerySelect, QueryTrait,
};
use vitrine_model::Time;
use vitrine_model::checkout::{order, order_line};
use vitrine_model::id::{BrandId, OrderId, OrderLineId, PayoutId, RefundId, UnitId};
use vitrine_model::ledger::{AccountKind, Party, account, posting, transaction, unit};
use vitrine_model::money::{Currency, Money};
use vitrine_model::payout::{self, PayoutState};

use crate::ledger::rules::effect;
use crate::ledger::words::{Subject, describe};
use crate::list::{CountOf, List, PageOf};
use crate::page::{Page, Slice};

/// What a party has in one currency, minor units.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Earnings {
    /// In which currency.
    pub currency: Currency,
    /// Not hers yet: return windows are open.
    pub held: i64,
    /// What the next payout may send.
    pub available: i64,
    /// On its way.
    pub in_transit: i64,
    /// What payouts brought, less what was taken back.
    pub paid_out: i64,
    /// What she owes after refunds, that being taken back included; later earnings pay it.
    pub owed: i64,
    /// When something held may next be released.
    pub next_release: Option<Time>,
}

impl Earnings {
    fn none(currency: Currency) -> Self {
        Self {
            currency,
            held: 0,
            available: 0,
            in_transit: 0,
            paid_out: 0,
            owed: 0,
            next_release: None,
        }
    }
}

/// One change of one of a party's balances.
#[derive(Debug, Clone)]
pub struct Line {
    /// Its place: higher is later.
    pub place: i64,
    /// When it happened.
    pub occurred_at: Time,
    /// Which balance it changed.
    pub balance: AccountKind,
    /// By how much; below zero when there is less of it.
    pub amount: Money,
    /// What happened, in words.
    pub description: String,
    /// The order concerned, and its number.
    pub order: Option<(OrderId, String)>,
    /// The payout concerned.
    pub payout: Option<PayoutId>,
    /// The refund concerned.
    pub refund: Option<RefundId>,
}

/// The balances of each party, by currency.
///
/// # Errors
/// When the database fails.
pub async fn earnings_of(
    db: &impl ConnectionTrait,
    parties: &[Party],
) -> Result<HashMap<Party, Vec<Earnings>>, DbErr> {
    let mut found: BTreeMap<(Party, Currency), Earnings> = BTreeMap::new();
    let owners = parties.iter().map(ToString::to_string);
    let accounts = account::Entity::find()
        .filter(account::Column::Owner.is_in(owners))
        .all(db)
        .await?;
    for account in accounts {
        if let Ok(party) = account.owner.parse::<Party>() {
            let earnings = entry(&mut found, party, account.currency);
            match account.kind {
                AccountKind::Held => earnings.held += account.balance,
                AccountKind::Available => earnings.available += account.balance,
                AccountKind::InTransit => earnings.in_transit += account.balance,
                AccountKind::Receivable | AccountKind::Recovering => earnings.owed += account.balance,
                _ => {}
            }
        }
    }
    add_paid_out(db, parties, &mut found).await?;
    add_next_release(db, parties, &mut found).await?;
    let mut by_party: HashMap<Party, Vec<Earnings>> = HashMap::new();
    for ((party, _), earnings) in found {
        by_party.entry(party).or_default().push(earnings);
    }
    Ok(by_party)
}

fn entry(
    found: &mut BTreeMap<(Party, Currency), Earnings>,
    party: Party,
    currency: Currency,
) -> &mut Earnings {
    found
        .entry((party, currency))
        .or_insert_with(|| Earnings::none(currency))
}

async fn add_paid_out(
    db: &impl ConnectionTrait,
    parties: &[Party],
    found: &mut BTreeMap<(Party, Currency), Earnings>,
) -> Result<(), DbErr> {
    let paid: Vec<(Party, Currency, i64)> = payout::Entity::find()
        .select_only()
        .columns([payout::Column::Party, payout::Column::Currency])
        .column_as(Expr::cust("cast(sum(amount - reversed) as bigint)"), "paid")
        .filter(payout::Column::Party.is_in(parties.iter().copied()))
        .filter(payout::Column::State.eq(PayoutState::Paid))
        .group_by(payout::Column::Party)
        .group_by(payout::Column::Currency)
        .into_tuple()
        .all(db)
        .await?;
    for (party, currency, paid) in paid {
        entry(found, party, currency).paid_out += paid;
    }
    Ok(())
}

async fn add_next_release(
    db: &impl ConnectionTrait,
    parties: &[Party],
    found: &mut BTreeMap<(Party, Currency), Earnings>,
) -> Result<(), DbErr> {
    let waiting = |due: unit::Column, released: unit::Column| {
        unit::Entity::find()
            .select_only()
            .filter(due.is_not_null())
            .filter(released.is_null())
            .filter(unit::Column::RefundId.is_null())
            .filter(unit::Column::ReturnId.is_null())
    };
    let brands = parties.iter().filter_map(|party| match party {
        Party::Brand(brand) => Some(*brand),
        Party::Shopholder(_) => None,
    });
    let of_brands: Vec<(BrandId, Currency, Time)> =
        waiting(unit::Column::BrandDueAt, unit::Column::BrandReleasedAt)
            .columns([unit::Column::BrandId, unit::Column::Currency])
            .column_as(unit::Column::BrandDueAt.min(), "due")
            .filter(unit::Column::BrandId.is_in(brands))
            .group_by(unit::Column::BrandId)
            .group_by(unit::Column::Currency)
            .into_tuple()
            .all(db)
            .await?;
    let of_shopholders: Vec<(Party, Currency, Time)> =
        waiting(unit::Column::ShopDueAt, unit::Column::ShopReleasedAt)
            .columns([unit::Column::Shopholder, unit::Column::Currency])
            .column_as(unit::Column::ShopDueAt.min(), "due")
            .filter(unit::Column::Shopholder.is_in(parties.iter().copied()))
            .group_by(unit::Column::Shopholder)
            .group_by(unit::Column::Currency)
            .into_tuple()
            .all(db)
            .await?;
    let of_brands = of_brands
        .into_iter()
        .map(|(brand, currency, due)| (Party::Brand(brand), currency, due));
    for (party, currency, due) in of_brands.chain(of_shopholders) {
        entry(found, party, currency).next_release = Some(due);
    }
    Ok(())
}

/// Pages of parties' statements, in the order asked for; a statement begins with the latest line. The number of
/// database statements does not grow with the pages.
///
/// # Errors
/// When the database fails.
pub async fn statements(
    db: &DatabaseConnection,
    pages: &[(Party, Page<i64>)],
) -> Result<Vec<Slice<Line>>, DbErr> {
    let owners = pages.iter().map(|(party, _)| party.to_string());
    let mut accounts: HashMap<String, Vec<account::Model>> = HashMap::new();
    for account in account::Entity::find()
        .filter(account::Column::Owner.is_in(owners))
        .all(db)
        .await?
    {
        accounts.entry(account.owner.clone()).or_default().push(account);
    }
    // A party has a handful of accounts; each is read by its own index as far as the page reaches.
    let of_account = |account: &account::Model, page: &Page<i64>| {
        postings_of(account.id).page(db.get_database_backend(), page)
    };
    let wanted = pages.iter().flat_map(|(party, page)| {
        let accounts = accounts.get(&party.to_string()).into_iter().flatten();
        accounts.map(|account| of_account(account, page))
    });
    let found = PageOf::read(db, &wanted.collect::<Vec<_>>()).await?;
    let merged: Vec<Slice<posting::Model>> = pages
        .iter()
        .map(|(party, page)| {
            let accounts = accounts.get(&party.to_string()).into_iter().flatten();
            merge(
                page,
                accounts.filter_map(|account| found.get(&of_account(account, page))),
            )
        })
        .collect();
    let facts = Facts::of(db, merged.iter().flat_map(|slice| &slice.rows)).await?;
    Ok(pages
        .iter()
        .zip(merged)
        .map(|((party, _), slice)| {
            let accounts = accounts.get(&party.to_string());
            slice.filter_map(|posting| {
                let account = accounts?
                    .iter()
                    .find(|account| account.id == posting.account_id)?;
                Some(facts.line(*party, account, &posting))
            })
        })
        .collect())
}

/// How many lines a party's statement has, as far as they are counted.
pub fn statement_count(backend: DbBackend, party: Party) -> CountOf {
    let hers = account::Entity::find()
        .select_only()
        .column(account::Column::Id)
        .filter(account::Column::Owner.eq(party.to_string()))
        .into_query();
    let postings = posting::Entity::find()
        .select_only()
        .column(posting::Column::Id)
        .filter(posting::Column::AccountId.in_subquery(hers));
    CountOf::new(backend, postings.into_query())
}

fn postings_of(account: i64) -> List<posting::Model, i64> {
    let postings = posting::Entity::find().filter(posting::Column::AccountId.eq(account));
    List::new(postings, true, &[posting::Column::Id], |place: &i64| {
        vec![(*place).into()]
    })
}

/// The page of all accounts together, made of the same page of each.
fn merge<'a>(
    page: &Page<i64>,
    slices: impl Iterator<Item = &'a Slice<posting::Model>>,
) -> Slice<posting::Model> {
    let mut more = false;
    let mut postings = Vec::new();
    for slice in slices {
        more |= if page.backward {
            slice.has_previous
        } else {
            slice.has_next
        };
        postings.extend(slice.rows.iter().cloned());
    }
    postings.sort_by_key(|posting| posting.id);
    if !page.backward {
        postings.reverse();
    }
    let mut cut = page.cut(postings);
    if page.backward {
        cut.has_previous |= more;
    } else {
        cut.has_next |= more;
    }
    cut
}

/// The rows that the postings of one page concern.
struct Facts {
    transactions: HashMap<i64, transaction::Model>,
    units: HashMap<UnitId, unit::Model>,
    lines: HashMap<OrderLineId, order_line::Model>,
    numbers: HashMap<OrderId, String>,
}

impl Facts {
    async fn of<'a>(
        db: &impl ConnectionTrait,
        postings: impl Iterator<Item = &'a posting::Model> + Clone,
    ) -> Result<Self, DbErr> {
        let transactions = transaction::Entity::find()
            .filter(transaction::Column::Id.is_in(postings.clone().map(|row| row.transaction_id)))
            .all(db)
            .await?;
        let units = unit::Entity::find()
            .filter(unit::Column::Id.is_in(postings.filter_map(|row| row.unit_id)))
            .all(db)
            .await?;
        let lines = order_line::Entity::find()
            .filter(order_line::Column::Id.is_in(units.iter().filter_map(|unit| unit.line_id)))
            .all(db)
            .await?;
        let orders: Vec<OrderId> = units.iter().map(|unit| unit.order_id).collect();
        let numbers: Vec<(OrderId, String)> = order::Entity::find()
            .select_only()
            .columns([order::Column::Id, order::Column::Number])
            .filter(order::Column::Id.is_in(orders))
            .into_tuple()
            .all(db)
            .await?;
        Ok(Self {
            transactions: transactions.into_iter().map(|row| (row.id, row)).collect(),
            units: units.into_iter().map(|row| (row.id, row)).collect(),
            lines: lines.into_iter().map(|row| (row.id, row)).collect(),
            numbers: numbers.into_iter().collect(),
        })
    }

    fn line(&self, party: Party, account: &account::Model, posting: &posting::Model) -> Line {
        let transaction = self.transactions.get(&posting.transaction_id);
        let unit = posting.unit_id.and_then(|unit| self.units.get(&unit));
        let sold = unit
            .and_then(|unit| unit.line_id)
            .and_then(|line| self.lines.get(&line));
        let number = unit.and_then(|unit| self.numbers.get(&unit.order_id));
        let subject = Subject {
            unit: unit.map(|unit| unit.kind),
            title: sold.map(|line| line.title.as_str()),
            variant: sold.map(|line| line.variant_title.as_str()),
            order: number.map(String::as_str),
            due: unit.and_then(|unit| match party {
                Party::Brand(_) => unit.brand_due_at,
                Party::Shopholder(_) => unit.shop_due_at,
            }),
        };
        let kind = transaction.map_or("", |transaction| transaction.kind.as_str());
        let refs: BTreeMap<String, String> = transaction
            .and_then(|transaction| serde_json::from_str(&transaction.refs).ok())
            .unwrap_or_default();
        Line {
            place: posting.id,
            occurred_at: transaction.map_or(account.created_at, |transaction| transaction.occurred_at),
            balance: account.kind,
            amount: Money::new(
                effect(account.kind, posting.side, posting.amount),
                posting.currency,
            ),
            description: describe(kind, account.kind, &subject),
            order: unit.map(|unit| unit.order_id).zip(number.cloned()),
            payout: refs.get("payout").and_then(|id| id.parse().ok()),
            refund: refs.get("refund").and_then(|id| id.parse().ok()),
        }
    }
}
