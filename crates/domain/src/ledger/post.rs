//! Posting: the one way anything gets into the books.
//!
//! A transaction has one currency, a *key* (the business identity of its effect) and a hash over its kind, references and
//! postings. The same key with the same hash is the first result again; with another hash it is an alarm, and changes
//! nothing. Commands look the key up with [`exists`] before they compute anything anew.

use std::collections::{BTreeMap, HashMap};
use std::fmt;

use anyhow::ensure;
use sea_orm::ActiveValue::{NotSet, Set};
use sea_orm::sea_query::Expr;
use sea_orm::{ColumnTrait, ConnectionTrait, DbErr, EntityTrait, ExprTrait, QueryFilter, TryInsertResult};
use vitrine_model::Time;
use vitrine_model::id::UnitId;
use vitrine_model::ledger::{AccountKind, Party, Side, account, posting, seal, transaction};
use vitrine_model::money::Currency;

use crate::context::{Context, Tx};
use crate::jobs;
use crate::ledger::books::Books;
use crate::ledger::rules::{self, Class, rules_of};
use crate::secret;

/// Postings written by one statement: both databases limit how many values it may bind.
const POSTINGS_PER_STATEMENT: usize = 1000;

/// Whose an account is, or what it is about.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Owner {
    /// The platform.
    Platform,
    /// A brand or a shopholder.
    Party(Party),
    /// Something apart, such as what is not understood of one kind.
    About(String),
}

impl fmt::Display for Owner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Platform => f.write_str("platform"),
            Self::Party(party) => fmt::Display::fmt(party, f),
            Self::About(what) => f.write_str(what),
        }
    }
}

/// What came of posting.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Posted {
    /// It was written.
    New,
    /// The same was written before.
    Already,
}

/// One posting: an account of the entry's currency, a side, and the unit concerned.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Place {
    owner: Owner,
    kind: AccountKind,
    side: Side,
    unit: Option<UnitId>,
}

/// A transaction being composed. The parties' balances in [`Books`] move as it is composed, so that what is taken next
/// sees what was taken before.
#[derive(Debug)]
pub(crate) struct Entry<'b> {
    books: &'b mut Books,
    key: String,
    kind: &'static str,
    refs: BTreeMap<&'static str, String>,
    occurred_at: Time,
    places: Vec<(Place, i64)>,
    index: HashMap<Place, usize>,
}

impl<'b> Entry<'b> {
    /// An entry of `kind` under `key`, with nothing in it.
    pub(crate) fn new(books: &'b mut Books, kind: &'static str, key: String, occurred_at: Time) -> Self {
        Self {
            books,
            key,
            kind,
            refs: BTreeMap::new(),
            occurred_at,
            places: Vec::new(),
            index: HashMap::new(),
        }
    }

    /// Names what it concerns.
    pub(crate) fn about(mut self, name: &'static str, id: impl ToString) -> Self {
        self.refs.insert(name, id.to_string());
        self
    }

    /// Names what it concerns, if it does.
    pub(crate) fn about_any(self, name: &'static str, id: Option<impl ToString>) -> Self {
        match id {
            Some(id) => self.about(name, id),
            None => self,
        }
    }

    /// Whether nothing was posted: every part was zero.
    pub(crate) fn is_empty(&self) -> bool {
        self.places.is_empty()
    }

    /// What is available to `party`, what was composed so far counted.
    pub(crate) fn available(&self, party: Party) -> i64 {
        self.books.balance(party, AccountKind::Available)
    }

    /// Puts `amount` on the left of a platform's account. Zero is left out.
    pub(crate) fn debit(&mut self, kind: AccountKind, amount: i64, unit: Option<UnitId>) {
        self.put(Owner::Platform, kind, Side::Debit, amount, unit);
    }

    /// Puts `amount` on the right of a platform's account. Zero is left out.
    pub(crate) fn credit(&mut self, kind: AccountKind, amount: i64, unit: Option<UnitId>) {
        self.put(Owner::Platform, kind, Side::Credit, amount, unit);
    }

    /// Puts `amount` on an account of `party`. Zero is left out.
    pub(crate) fn put_party(
        &mut self,
        party: Party,
        kind: AccountKind,
        side: Side,
        amount: i64,
        unit: Option<UnitId>,
    ) {
        self.put(Owner::Party(party), kind, side, amount, unit);
    }

    /// Gives `party` money to spend: what she owes is paid first. The one way anything becomes available.
    pub(crate) fn give(&mut self, party: Party, amount: i64, unit: Option<UnitId>) {
        let netted = rules::net(amount, self.books.balance(party, AccountKind::Receivable));
        self.put_party(
            party,
            AccountKind::Receivable,
            Side::Credit,
            netted.receivable,
            unit,
        );
        self.put_party(
            party,
            AccountKind::Available,
            Side::Credit,
            netted.available,
            unit,
        );
    }

    /// Takes `amount` from `party`: first of `held`, what remains of the unit's part, then of what is available; the rest
    /// she owes. Returns what was taken of `held`.
    pub(crate) fn take(&mut self, party: Party, amount: i64, held: i64, unit: Option<UnitId>) -> i64 {
        let taken = rules::take(amount, held, self.books.balance(party, AccountKind::Available));
        self.put_party(party, AccountKind::Held, Side::Debit, taken.held, unit);
        self.put_party(party, AccountKind::Available, Side::Debit, taken.available, unit);
        self.put_party(
            party,
            AccountKind::Receivable,
            Side::Debit,
            taken.receivable,
            unit,
        );
        taken.held
    }

    /// Puts `amount` on any account. Equal postings become one; zero is left out.
    ///
    /// # Panics
    /// When the amount is negative, or the account's kind does not fit its owner.
    pub(crate) fn put(
        &mut self,
        owner: Owner,
        kind: AccountKind,
        side: Side,
        amount: i64,
        unit: Option<UnitId>,
    ) {
        assert!(amount >= 0, "a posting of {amount} on {owner} {kind}");
        assert_eq!(
            matches!(owner, Owner::Party(_)),
            rules_of(kind).class == Class::Party,
            "{owner} cannot own {kind}"
        );
        if amount == 0 {
            return;
        }
        if let Owner::Party(party) = owner {
            self.books.shift(party, kind, rules::effect(kind, side, amount));
        }
        let place = Place {
            owner,
            kind,
            side,
            unit,
        };
        match self.index.get(&place) {
            Some(at) => self.places[*at].1 += amount,
            None => {
                self.index.insert(place.clone(), self.places.len());
                self.places.push((place, amount));
            }
        }
    }

    fn check(&self) -> anyhow::Result<()> {
        let sum = |wanted: Side| -> i128 {
            self.places
                .iter()
                .filter(|(place, _)| place.side == wanted)
                .map(|(_, amount)| i128::from(*amount))
                .sum()
        };
        let (debits, credits) = (sum(Side::Debit), sum(Side::Credit));
        ensure!(
            debits == credits,
            "{}: debits {debits} are not credits {credits}",
            self.key
        );
        ensure!(self.places.len() >= 2, "{}: fewer than two postings", self.key);
        Ok(())
    }

    fn hash(&self, refs: &str) -> Vec<u8> {
        let currency = self.books.currency();
        let lines = self.places.iter().map(|(place, amount)| {
            canonical_line(
                &place.owner.to_string(),
                place.kind,
                currency,
                place.side,
                *amount,
                place.unit,
            )
        });
        canonical_hash(self.kind, refs, lines.collect())
    }

    /// Writes the transaction: once, whoever comes first.
    ///
    /// # Errors
    /// When it does not balance, when the key was used for something else, when a party's account would be overdrawn, or
    /// when the database fails.
    pub(crate) async fn post(self, tx: &Tx, cx: &Context) -> anyhow::Result<Posted> {
        self.check()?;
        let refs = jobs::json(&self.refs);
        let hash = self.hash(&refs);
        let row = transaction::ActiveModel {
            id: NotSet,
            key: Set(self.key.clone()),
            hash: Set(hash.clone()),
            kind: Set(self.kind.to_owned()),
            refs: Set(refs),
            source: Set(cx.request_id().to_owned()),
            occurred_at: Set(self.occurred_at),
            recorded_at: Set(cx.now()),
        };
        let inserted = transaction::Entity::insert(row)
            .on_conflict_do_nothing_on([transaction::Column::Key])
            .exec(tx)
            .await?;
        let TryInsertResult::Inserted(inserted) = inserted else {
            return self.compare(tx, &hash).await;
        };
        self.write(tx, cx, inserted.last_insert_id).await?;
        Ok(Posted::New)
    }

    /// What it does to the parties' balances.
    fn changes(&self) -> BTreeMap<(Party, AccountKind), i64> {
        let mut changes = BTreeMap::new();
        for (place, amount) in &self.places {
            if let Owner::Party(party) = place.owner {
                *changes.entry((party, place.kind)).or_default() +=
                    rules::effect(place.kind, place.side, *amount);
            }
        }
        changes
    }

    /// The balances it changes, as they were before it. The books have counted it already.
    fn balances_before(&self) -> BTreeMap<(Party, AccountKind), i64> {
        let changes = self.changes().into_iter();
        changes
            .map(|((party, kind), change)| ((party, kind), self.books.balance(party, kind) - change))
            .collect()
    }

    async fn compare(self, tx: &Tx, hash: &[u8]) -> anyhow::Result<Posted> {
        let first = find(tx, &self.key).await?;
        if first.is_some_and(|first| first.hash == hash) {
            // What it did to the balances was counted when it was posted first.
            for ((party, kind), change) in self.changes() {
                self.books.shift(party, kind, -change);
            }
            return Ok(Posted::Already);
        }
        tracing::error!(key = self.key, "a ledger key was used again for something else");
        anyhow::bail!(
            "ledger key {} was used again for something else; nothing was changed",
            self.key
        )
    }

    async fn write(self, tx: &Tx, cx: &Context, transaction_id: i64) -> anyhow::Result<()> {
        let currency = self.books.currency();
        let mut running = self.balances_before();
        let mut rows = Vec::with_capacity(self.places.len());
        let mut moved: BTreeMap<i64, i64> = BTreeMap::new();
        for (place, amount) in &self.places {
            let account_id = self.books.account(tx, cx, &place.owner, place.kind).await?;
            let mut balance_after = None;
            if let Owner::Party(party) = place.owner {
                let change = rules::effect(place.kind, place.side, *amount);
                *moved.entry(account_id).or_default() += change;
                let balance = running.entry((party, place.kind)).or_default();
                *balance += change;
                balance_after = Some(*balance);
            }
            rows.push(posting::ActiveModel {
                id: NotSet,
                transaction_id: Set(transaction_id),
                account_id: Set(account_id),
                side: Set(place.side),
                amount: Set(*amount),
                currency: Set(currency),
                unit_id: Set(place.unit),
                balance_after: Set(balance_after),
            });
        }
        while !rows.is_empty() {
            let rest = rows.split_off(rows.len().min(POSTINGS_PER_STATEMENT));
            posting::Entity::insert_many(std::mem::replace(&mut rows, rest))
                .exec_without_returning(tx)
                .await?;
        }
        for (account_id, change) in moved {
            move_balance(tx, account_id, change).await?;
        }
        let unsealed = seal::ActiveModel {
            transaction_id: Set(transaction_id),
            block_id: Set(None),
        };
        seal::Entity::insert(unsealed).exec_without_returning(tx).await?;
        Ok(())
    }
}

/// Adds `change` to an account's kept balance.
pub(crate) async fn move_balance(tx: &Tx, account_id: i64, change: i64) -> Result<(), DbErr> {
    if change == 0 {
        return Ok(());
    }
    account::Entity::update_many()
        .col_expr(
            account::Column::Balance,
            Expr::col(account::Column::Balance).add(change),
        )
        .filter(account::Column::Id.eq(account_id))
        .exec(tx)
        .await?;
    Ok(())
}

/// Whether the effect called `key` is in the books.
///
/// # Errors
/// When the database fails.
pub(crate) async fn exists(db: &impl ConnectionTrait, key: &str) -> Result<bool, DbErr> {
    Ok(find(db, key).await?.is_some())
}

/// The transaction called `key`.
///
/// # Errors
/// When the database fails.
pub(crate) async fn find(db: &impl ConnectionTrait, key: &str) -> Result<Option<transaction::Model>, DbErr> {
    transaction::Entity::find()
        .filter(transaction::Column::Key.eq(key))
        .one(db)
        .await
}

/// One posting as it goes into the hash.
pub(crate) fn canonical_line(
    owner: &str,
    kind: AccountKind,
    currency: Currency,
    side: Side,
    amount: i64,
    unit: Option<UnitId>,
) -> String {
    let unit = unit.map(|unit| unit.to_string()).unwrap_or_default();
    format!("{owner}\t{kind}\t{currency}\t{side}\t{amount}\t{unit}")
}

/// SHA-256 over kind, references and postings in canonical order; not over times or sources, which differ between an
/// effect and its repetition.
pub(crate) fn canonical_hash(kind: &str, refs: &str, mut lines: Vec<String>) -> Vec<u8> {
    lines.sort_unstable();
    secret::sha256(format!("{kind}\n{refs}\n{}", lines.join("\n")).as_bytes())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use uuid::Uuid;
    use vitrine_model::id::BrandId;

    use super::*;

    fn brand() -> Party {
        Party::Brand(BrandId::from(Uuid::nil()))
    }

    /// What a command may ask of an entry for one party; the platform's `suspense` is on the other side.
    #[derive(Debug, Clone, Copy)]
    enum Step {
        Hold(i64),
        Give(i64),
        Take(i64, i64),
    }

    fn any_steps() -> impl Strategy<Value = Vec<Step>> {
        let step = prop_oneof![
            (0_i64..9).prop_map(Step::Hold),
            (0_i64..9).prop_map(Step::Give),
            (0_i64..9, 0_i64..9).prop_map(|(amount, held)| Step::Take(amount, held)),
        ];
        proptest::collection::vec(step, 1..9)
    }

    fn books(available: i64, receivable: i64) -> Books {
        let balances = [
            (AccountKind::Available, available),
            (AccountKind::Receivable, receivable),
        ];
        Books::of_parties(
            Currency::Eur,
            balances.map(|(kind, balance)| (brand(), kind, balance)),
        )
    }

    fn entry(books: &mut Books) -> Entry<'_> {
        Entry::new(books, "test", "test:1".to_owned(), Time::UNIX_EPOCH)
    }

    fn compose(entry: &mut Entry<'_>, step: Step) {
        match step {
            Step::Hold(amount) => {
                entry.put_party(brand(), AccountKind::Held, Side::Credit, amount, None);
                entry.debit(AccountKind::Suspense, amount, None);
            }
            Step::Give(amount) => {
                entry.give(brand(), amount, None);
                entry.debit(AccountKind::Suspense, amount, None);
            }
            Step::Take(amount, held) => {
                let from_held = entry.take(brand(), amount, held, None);
                assert_eq!(from_held, std::cmp::min(amount, held));
                entry.credit(AccountKind::Suspense, amount, None);
            }
        }
    }

    proptest! {
        #[test]
        fn an_entry_of_whole_steps_balances_and_knows_what_was_before(
            steps in any_steps(), available in 0_i64..9, receivable in 0_i64..9,
        ) {
            let (available, receivable) = if receivable > available { (0, receivable) } else { (available, 0) };
            let mut books = books(available, receivable);
            let mut entry = entry(&mut books);
            let mut worth = available - receivable;
            for step in steps {
                compose(&mut entry, step);
                worth += match step {
                    Step::Hold(amount) | Step::Give(amount) => amount,
                    Step::Take(amount, _) => -amount,
                };
                let [held, spendable, owed] = [AccountKind::Held, AccountKind::Available, AccountKind::Receivable]
                    .map(|kind| entry.books.balance(brand(), kind));
                prop_assert_eq!(held + spendable - owed, worth);
                prop_assert_eq!(entry.available(brand()), spendable);
                prop_assert!(spendable >= 0 && owed >= 0 && (spendable == 0 || owed == 0));
            }
            prop_assert_eq!(entry.check().is_ok(), !entry.is_empty());
            for ((party, kind), before) in entry.balances_before() {
                let first = match kind {
                    AccountKind::Available => available,
                    AccountKind::Receivable => receivable,
                    _ => 0,
                };
                prop_assert_eq!(before, first);
                prop_assert_eq!(entry.books.balance(party, kind), first + entry.changes()[&(party, kind)]);
            }
        }

        #[test]
        fn what_is_posted_in_another_order_is_the_same_effect(amounts in proptest::collection::vec(1_i64..9, 1..5)) {
            let hash = |amounts: &[(u128, i64)]| {
                let mut books = books(0, 0);
                let mut entry = entry(&mut books);
                for (unit, amount) in amounts {
                    let unit = Some(UnitId::from(Uuid::from_u128(*unit)));
                    entry.put_party(brand(), AccountKind::Held, Side::Credit, *amount, unit);
                }
                entry.hash("{}")
            };
            let mut amounts: Vec<(u128, i64)> = (1..).zip(amounts).collect();
            let first = hash(&amounts);
            amounts.reverse();
            prop_assert_eq!(&hash(&amounts), &first);
            amounts[0].1 += 1;
            prop_assert_ne!(&hash(&amounts), &first);
        }
    }

    #[test]
    fn equal_postings_become_one_and_nothing_is_left_out_of_the_rest() {
        let mut books = books(0, 0);
        let mut entry = entry(&mut books);
        entry.debit(AccountKind::Suspense, 0, None);
        assert!(entry.is_empty());
        entry.debit(AccountKind::Suspense, 2, None);
        entry.debit(AccountKind::Suspense, 3, None);
        entry.credit(AccountKind::Bank, 5, None);
        let amounts: Vec<i64> = entry.places.iter().map(|(_, amount)| *amount).collect();
        assert_eq!(amounts, [5, 5]);
        assert!(!entry.is_empty());
        assert!(entry.check().is_ok());
        entry.credit(AccountKind::Bank, 1, None);
        assert!(entry.check().is_err(), "it does not balance");
    }

    #[test]
    fn what_an_entry_is_about_and_whose_an_account_is_is_written_out() {
        let mut books = books(0, 0);
        let entry = entry(&mut books)
            .about("order", "o1")
            .about_any("refund", Some("r1"))
            .about_any("payout", None::<&str>);
        let refs: Vec<(&str, &str)> = entry.refs.iter().map(|(name, id)| (*name, id.as_str())).collect();
        assert_eq!(refs, [("order", "o1"), ("refund", "r1")]);
        assert_eq!(Owner::Platform.to_string(), "platform");
        assert_eq!(Owner::Party(brand()).to_string(), brand().to_string());
        assert_eq!(Owner::About("topup".to_owned()).to_string(), "topup");
    }

    #[test]
    fn a_line_names_owner_account_currency_side_amount_and_unit() {
        let unit = UnitId::from(Uuid::nil());
        assert_eq!(
            canonical_line(
                "platform",
                AccountKind::Bank,
                Currency::Eur,
                Side::Debit,
                5,
                Some(unit)
            ),
            format!("platform\tbank\tEUR\tdebit\t5\t{unit}")
        );
    }

    #[test]
    #[should_panic(expected = "cannot own")]
    fn a_party_has_no_account_of_the_platforms() {
        entry(&mut books(0, 0)).put_party(brand(), AccountKind::Bank, Side::Debit, 1, None);
    }

    #[test]
    #[should_panic(expected = "a posting of -1")]
    fn nothing_negative_is_posted() {
        entry(&mut books(0, 0)).debit(AccountKind::Bank, -1, None);
    }
}
