//! What is checked after each step: every transaction that came with it, and the balances it touched, by sums of our own.
//! The full audit comes every so many steps, and after the last.

use std::collections::{BTreeMap, BTreeSet};

use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QueryOrder};
use vitrine_model::ledger::{AccountKind, Party, Side, account, posting};
use vitrine_model::money::Currency;

use crate::support::App;

/// After so many steps everything is audited.
pub(super) const AUDITED: u64 = 10;

/// What was seen of the books so far.
#[derive(Default)]
pub(super) struct Watch {
    /// The last posting.
    last: i64,
    /// What each account comes to, debits less credits.
    sums: BTreeMap<i64, i64>,
}

impl Watch {
    /// Looks at what came since it looked last.
    pub(super) async fn look(&mut self, app: &App) {
        let new = posting::Entity::find()
            .filter(posting::Column::Id.gt(self.last))
            .order_by_asc(posting::Column::Id)
            .all(app.db())
            .await
            .unwrap();
        let mut sums: BTreeMap<(i64, Currency), (i64, usize)> = BTreeMap::new();
        let mut touched = BTreeSet::new();
        for posting in &new {
            assert!(posting.amount > 0, "{posting:?}");
            let signed = match posting.side {
                Side::Debit => posting.amount,
                Side::Credit => -posting.amount,
            };
            let sum = sums
                .entry((posting.transaction_id, posting.currency))
                .or_default();
            *sum = (sum.0 + signed, sum.1 + 1);
            *self.sums.entry(posting.account_id).or_default() += signed;
            touched.insert(posting.account_id);
            self.last = posting.id;
        }
        for (transaction, (sum, postings)) in sums {
            assert_eq!(sum, 0, "transaction {transaction:?} does not balance: {new:#?}");
            assert!(
                postings >= 2,
                "transaction {transaction:?} is no double entry: {new:#?}"
            );
        }
        if !touched.is_empty() {
            self.compare(app, touched).await;
        }
    }

    /// The parties' balances are what was posted, and none is below zero; nobody has money to spend and owes some.
    async fn compare(&self, app: &App, touched: BTreeSet<i64>) {
        let accounts = account::Entity::find().all(app.db()).await.unwrap();
        let of_party = |account: &&account::Model| account.owner.parse::<Party>().is_ok();
        let mut purses: BTreeMap<(&str, Currency), [bool; 2]> = BTreeMap::new();
        for account in accounts.iter().filter(of_party) {
            let sum = self.sums.get(&account.id).copied().unwrap_or(0);
            let owed = matches!(account.kind, AccountKind::Receivable | AccountKind::Recovering);
            let normal = if owed { sum } else { -sum };
            assert!(normal >= 0, "{account:?} is below zero");
            if touched.contains(&account.id) {
                assert_eq!(account.balance, normal, "{account:?} is not what was posted");
            }
            let purse = purses
                .entry((account.owner.as_str(), account.currency))
                .or_default();
            purse[0] |= account.kind == AccountKind::Available && normal > 0;
            purse[1] |= account.kind == AccountKind::Receivable && normal > 0;
        }
        for (of, purse) in purses {
            assert_ne!(purse, [true, true], "{of:?} has money to spend and owes some");
        }
    }
}
