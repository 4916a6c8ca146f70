//! The accounts a database transaction works on: parties' accounts locked in id order, the platform's merely known.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use sea_orm::ActiveValue::{NotSet, Set};
use sea_orm::sea_query::LockType;
use sea_orm::{ColumnTrait, DbErr, EntityTrait, QueryFilter, QueryOrder, QuerySelect};
use vitrine_model::ledger::{AccountKind, Party, account};
use vitrine_model::money::Currency;

use crate::context::{Context, Tx};
use crate::ledger::post::Owner;
use crate::ledger::rules::row_may_overdraw;
use crate::tx::Rank;

/// Accounts of one currency. A party's balances hold still until the end of the database transaction.
#[derive(Debug)]
pub(crate) struct Books {
    currency: Currency,
    parties: BTreeSet<Party>,
    ids: HashMap<(Owner, AccountKind), i64>,
    balances: HashMap<(Party, AccountKind), i64>,
}

impl Books {
    /// Locks every account of the parties in `currency`, in id order. Each party's `held` account is opened if it is not
    /// there yet, before any other of hers: its row is the lock that keeps others from opening further ones meanwhile.
    ///
    /// It is locked by a statement of its own. On PostgreSQL a statement that has waited for a row sees that row as it is
    /// now, but not the rows that came beside it while it waited; the next statement does.
    ///
    /// # Errors
    /// When the database fails.
    pub(crate) async fn open(
        tx: &Tx,
        cx: &Context,
        currency: Currency,
        parties: impl IntoIterator<Item = Party>,
    ) -> Result<Self, DbErr> {
        let mut books = Self {
            currency,
            parties: parties.into_iter().collect(),
            ids: HashMap::new(),
            balances: HashMap::new(),
        };
        if books.parties.is_empty() {
            return Ok(books);
        }
        tx.locks(Rank::Accounts);
        books.open_missing(tx, cx).await?;
        books.lock_held(tx).await?;
        let rows = account::Entity::find()
            .filter(account::Column::Owner.is_in(books.owners()))
            .filter(account::Column::Currency.eq(currency))
            .order_by_asc(account::Column::Id)
            .lock(LockType::NoKeyUpdate)
            .all(tx)
            .await?;
        for row in rows {
            if let Ok(party) = row.owner.parse::<Party>() {
                books.ids.insert((Owner::Party(party), row.kind), row.id);
                books.balances.insert((party, row.kind), row.balance);
            }
        }
        Ok(books)
    }

    /// For entries that touch the platform's accounts only.
    pub(crate) fn of_platform(currency: Currency) -> Self {
        Self {
            currency,
            parties: BTreeSet::new(),
            ids: HashMap::new(),
            balances: HashMap::new(),
        }
    }

    /// Books of parties who have these balances, for tests of what needs no database.
    #[cfg(test)]
    pub(crate) fn of_parties(
        currency: Currency,
        balances: impl IntoIterator<Item = (Party, AccountKind, i64)>,
    ) -> Self {
        let mut books = Self::of_platform(currency);
        for (party, kind, balance) in balances {
            books.parties.insert(party);
            books.balances.insert((party, kind), balance);
        }
        books
    }

    /// The currency of all its accounts.
    pub(crate) fn currency(&self) -> Currency {
        self.currency
    }

    /// What the account holds on its normal side, entries being composed counted.
    ///
    /// # Panics
    /// When the party was not locked: her balance could change meanwhile.
    pub(crate) fn balance(&self, party: Party, kind: AccountKind) -> i64 {
        assert!(self.parties.contains(&party), "{party} is not locked");
        self.balances.get(&(party, kind)).copied().unwrap_or(0)
    }

    /// Changes a balance by an entry being composed.
    pub(crate) fn shift(&mut self, party: Party, kind: AccountKind, change: i64) {
        assert!(self.parties.contains(&party), "{party} is not locked");
        *self.balances.entry((party, kind)).or_default() += change;
    }

    /// What each of the parties may spend, less what it owes.
    pub(crate) fn spendable(&self) -> BTreeMap<Party, i64> {
        let spendable = |party: &Party| {
            self.balance(*party, AccountKind::Available) - self.balance(*party, AccountKind::Receivable)
        };
        let of = self.parties.iter().map(|party| (*party, spendable(party)));
        of.collect()
    }

    /// The number of an account, opened if it is new.
    ///
    /// # Errors
    /// When the database fails.
    pub(crate) async fn account(
        &mut self,
        tx: &Tx,
        cx: &Context,
        owner: &Owner,
        kind: AccountKind,
    ) -> Result<i64, DbErr> {
        if let Some(id) = self.ids.get(&(owner.clone(), kind)) {
            return Ok(*id);
        }
        let mut known = self.find(tx, owner, kind).await?;
        if known.is_none() {
            self.insert(tx, cx, owner, kind).await?;
            known = self.find(tx, owner, kind).await?;
        }
        let id = known.ok_or_else(|| DbErr::RecordNotFound(format!("account {owner} {kind}")))?;
        self.ids.insert((owner.clone(), kind), id);
        Ok(id)
    }

    fn owners(&self) -> impl Iterator<Item = String> {
        self.parties.iter().map(ToString::to_string)
    }

    async fn open_missing(&self, tx: &Tx, cx: &Context) -> Result<(), DbErr> {
        let open: Vec<String> = account::Entity::find()
            .select_only()
            .column(account::Column::Owner)
            .filter(account::Column::Owner.is_in(self.owners()))
            .filter(account::Column::Kind.eq(AccountKind::Held))
            .filter(account::Column::Currency.eq(self.currency))
            .into_tuple()
            .all(tx)
            .await?;
        let open: BTreeSet<String> = open.into_iter().collect();
        for party in &self.parties {
            if !open.contains(&party.to_string()) {
                self.insert(tx, cx, &Owner::Party(*party), AccountKind::Held)
                    .await?;
            }
        }
        Ok(())
    }

    async fn lock_held(&self, tx: &Tx) -> Result<(), DbErr> {
        account::Entity::find()
            .select_only()
            .column(account::Column::Id)
            .filter(account::Column::Owner.is_in(self.owners()))
            .filter(account::Column::Kind.eq(AccountKind::Held))
            .filter(account::Column::Currency.eq(self.currency))
            .order_by_asc(account::Column::Id)
            .lock(LockType::NoKeyUpdate)
            .into_tuple::<i64>()
            .all(tx)
            .await?;
        Ok(())
    }

    async fn find(&self, tx: &Tx, owner: &Owner, kind: AccountKind) -> Result<Option<i64>, DbErr> {
        account::Entity::find()
            .select_only()
            .column(account::Column::Id)
            .filter(account::Column::Owner.eq(owner.to_string()))
            .filter(account::Column::Kind.eq(kind))
            .filter(account::Column::Currency.eq(self.currency))
            .into_tuple()
            .one(tx)
            .await
    }

    async fn insert(&self, tx: &Tx, cx: &Context, owner: &Owner, kind: AccountKind) -> Result<(), DbErr> {
        let row = account::ActiveModel {
            id: NotSet,
            owner: Set(owner.to_string()),
            kind: Set(kind),
            currency: Set(self.currency),
            balance: Set(0),
            overdraft: Set(row_may_overdraw(kind)),
            created_at: Set(cx.now()),
        };
        account::Entity::insert(row)
            .on_conflict_do_nothing_on([
                account::Column::Owner,
                account::Column::Kind,
                account::Column::Currency,
            ])
            .exec_without_returning(tx)
            .await?;
        Ok(())
    }
}
