//! What each party has: earned, on its way, paid out, owed.

use std::collections::{BTreeMap, HashMap};

use sea_orm::sea_query::Expr;
use sea_orm::{ColumnTrait, ConnectionTrait, DbErr, EntityTrait, QueryFilter, QuerySelect};
use vitrine_model::Time;
use vitrine_model::id::BrandId;
use vitrine_model::ledger::{AccountKind, Party, account, unit, unit_share};
use vitrine_model::money::Currency;
use vitrine_model::payout::{self, PayoutState};

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
    /// Frozen while buyers' banks dispute payments.
    pub disputed: i64,
    /// What payouts brought, less what was taken back.
    pub paid_out: i64,
    /// What she owes after refunds and lost disputes, that being taken back included; later earnings pay it.
    pub owed: i64,
    /// What of her earnings, those to come included, goes on to those who curate her shops with her once it is hers to
    /// spend. It is among what is held, or frozen.
    pub to_pass_on: i64,
    /// What will come to her of shops that she curates with their owners, once it is theirs to spend. It is not among her
    /// own balances yet.
    pub to_be_shared: i64,
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
            disputed: 0,
            paid_out: 0,
            owed: 0,
            to_pass_on: 0,
            to_be_shared: 0,
            next_release: None,
        }
    }

    /// What is hers in all, less what she owes: what the last entry of her statement says.
    pub fn total(&self) -> i64 {
        self.held + self.available + self.in_transit + self.disputed - self.owed
    }
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
                AccountKind::Disputed => earnings.disputed += account.balance,
                AccountKind::Receivable | AccountKind::Recovering => earnings.owed += account.balance,
                _ => {}
            }
        }
    }
    add_paid_out(db, parties, &mut found).await?;
    add_shares(db, parties, &mut found).await?;
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

async fn add_shares(
    db: &impl ConnectionTrait,
    parties: &[Party],
    found: &mut BTreeMap<(Party, Currency), Earnings>,
) -> Result<(), DbErr> {
    for side in [unit_share::Column::Shopholder, unit_share::Column::Party] {
        let waiting: Vec<(Party, Currency, i64)> = unit_share::Entity::find()
            .select_only()
            .columns([side, unit_share::Column::Currency])
            .column_as(Expr::cust("cast(sum(due - passed) as bigint)"), "waiting")
            .filter(side.is_in(parties.iter().copied()))
            .group_by(side)
            .group_by(unit_share::Column::Currency)
            .into_tuple()
            .all(db)
            .await?;
        for (party, currency, waiting) in waiting {
            let earnings = entry(found, party, currency);
            match side {
                unit_share::Column::Party => earnings.to_be_shared += waiting,
                _ => earnings.to_pass_on += waiting,
            }
        }
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
            .filter(unit::Column::DisputeId.is_null())
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
