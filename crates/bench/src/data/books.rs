//! The books of the orders: transactions, hashed and sealed as the product does it, with balances that run along.

use std::collections::HashMap;

use super::names::{Thing, public, sha256};
use super::orders::Order;
use super::sink::Table;
use super::{Size, Writer, put, shopholder};

const TRANSACTION: Table = Table {
    name: "ledger_transaction",
    columns: "id, key, hash, kind, refs, source, occurred_at, recorded_at",
};
const POSTING: Table = Table {
    name: "posting",
    columns: "id, transaction_id, account_id, side, amount, currency, unit_id, balance_after",
};
const ACCOUNT: Table = Table {
    name: "ledger_account",
    columns: "id, owner, kind, currency, balance, overdraft, created_at",
};
const BLOCK: Table = Table {
    name: "ledger_block",
    columns: "id, previous_hash, hash, transactions, sealed_at",
};
const SEAL: Table = Table {
    name: "ledger_seal",
    columns: "transaction_id, block_id",
};
/// Transactions in one block.
const IN_BLOCK: u32 = 500;

/// Whose an account is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Owner {
    Platform,
    Brand(u64),
    Shop(u64),
}

impl Owner {
    fn name(self) -> String {
        match self {
            Self::Platform => "platform".to_owned(),
            Self::Brand(brand) => public(Thing::Brand, brand),
            Self::Shop(shop) => public(Thing::Account, shopholder(shop)),
        }
    }
}

/// An account of the books.
struct Account {
    number: i64,
    owner: String,
    kind: &'static str,
    balance: i64,
}

/// One posting.
struct Posting {
    owner: Owner,
    kind: &'static str,
    /// On the right, or on the left.
    credit: bool,
    amount: i64,
    unit: Option<u64>,
}

const HELD: &str = "payable:held";
const AVAILABLE: &str = "payable:available";
const DEFERRED: &str = "deferred_platform_fee";

fn debit(owner: Owner, kind: &'static str, amount: i64, unit: Option<u64>) -> Posting {
    Posting {
        owner,
        kind,
        credit: false,
        amount,
        unit,
    }
}

fn credit(owner: Owner, kind: &'static str, amount: i64, unit: Option<u64>) -> Posting {
    Posting {
        owner,
        kind,
        credit: true,
        amount,
        unit,
    }
}

/// Whether the account grows on the left.
fn grows_left(kind: &str) -> bool {
    ["clearing:charges", "stripe_cash", "expense:stripe_fees"].contains(&kind)
}

/// What is posted when an order is paid, and when its brands' and its other parts are released.
fn sold(order: &Order) -> [Vec<Posting>; 3] {
    let mut paid = vec![debit(Owner::Platform, "clearing:charges", order.total(), None)];
    let (mut brands, mut shops) = (Vec::new(), Vec::new());
    for unit in &order.units {
        let (brand, shop, split, number) = (
            Owner::Brand(unit.brand),
            Owner::Shop(unit.shop),
            unit.split,
            Some(unit.number),
        );
        paid.push(credit(brand, HELD, split.brand, number));
        paid.push(credit(shop, HELD, split.shop, number));
        paid.push(credit(Owner::Platform, DEFERRED, split.platform, number));
        brands.push(debit(brand, HELD, split.brand, number));
        brands.push(credit(brand, AVAILABLE, split.brand, number));
        shops.push(debit(shop, HELD, split.shop, number));
        shops.push(credit(shop, AVAILABLE, split.shop, number));
        shops.push(debit(Owner::Platform, DEFERRED, split.platform, number));
        shops.push(credit(
            Owner::Platform,
            "income:platform_fee",
            split.platform,
            number,
        ));
    }
    [paid, brands, shops]
}

/// The books so far.
pub(super) struct Books {
    accounts: HashMap<(Owner, &'static str), Account>,
    transactions: i64,
    postings: i64,
    blocks: i64,
    previous: Vec<u8>,
    /// What the next block is hashed of, and how many transactions that are.
    block: Vec<u8>,
    in_block: u32,
}

impl Books {
    pub(super) fn new(size: Size) -> Self {
        let mut books = Self {
            accounts: HashMap::new(),
            transactions: 0,
            postings: 0,
            blocks: 0,
            previous: vec![0; 32],
            block: Vec::new(),
            in_block: 0,
        };
        let parties = (0..size.brands)
            .map(Owner::Brand)
            .chain((0..size.shops).map(Owner::Shop));
        for party in parties {
            books.open(party, HELD);
        }
        books
    }

    fn open(&mut self, owner: Owner, kind: &'static str) -> &mut Account {
        let number = i64::try_from(self.accounts.len()).unwrap_or(i64::MAX) + 1;
        self.accounts.entry((owner, kind)).or_insert_with(|| Account {
            number,
            owner: owner.name(),
            kind,
            balance: 0,
        })
    }

    /// Posts all that came of an order.
    pub(super) async fn post(&mut self, writer: &mut Writer, order: &Order) -> anyhow::Result<()> {
        let (charge, of, total, fee) = (
            order.charge(),
            public(Thing::Order, order.number),
            order.total(),
            order.fee(),
        );
        let [paid, brands, shops] = sold(order);
        let refs = format!("{{\"charge\":\"{charge}\",\"order\":\"{of}\"}}");
        self.write(
            writer,
            order,
            "charge.paid",
            format!("charge:{charge}:paid"),
            refs,
            paid,
        )
        .await?;
        let cash = vec![
            debit(Owner::Platform, "stripe_cash", total - fee, None),
            debit(Owner::Platform, "expense:stripe_fees", fee, None),
            credit(Owner::Platform, "clearing:charges", total, None),
        ];
        let moved = format!("txn_bench_{}", order.number);
        let refs = format!("{{\"source\":\"{charge}\",\"txn\":\"{moved}\"}}");
        self.write(
            writer,
            order,
            "balance_transaction",
            format!("txn:{moved}"),
            refs,
            cash,
        )
        .await?;
        if order.is_released() {
            let first = public(Thing::Unit, order.number * 2);
            for (part, postings) in [("brand", brands), ("shop", shops)] {
                let refs = format!("{{\"order\":\"{of}\",\"part\":\"{part}\"}}");
                self.write(
                    writer,
                    order,
                    "release",
                    format!("release:{first}:{part}"),
                    refs,
                    postings,
                )
                .await?;
            }
        }
        Ok(())
    }

    async fn write(
        &mut self,
        writer: &mut Writer,
        order: &Order,
        kind: &str,
        key: String,
        refs: String,
        postings: Vec<Posting>,
    ) -> anyhow::Result<()> {
        self.transactions += 1;
        let (transaction, at) = (self.transactions, order.paid_at());
        let mut lines = Vec::with_capacity(postings.len());
        for posting in postings.into_iter().filter(|posting| posting.amount > 0) {
            let Posting {
                owner,
                kind,
                credit,
                amount,
                unit,
            } = posting;
            self.postings += 1;
            let account = self.open(owner, kind);
            let grows = credit != grows_left(kind);
            account.balance += if grows { amount } else { -amount };
            let side = if credit { "credit" } else { "debit" };
            let after = (owner != Owner::Platform).then_some(account.balance);
            let named = unit.map(|unit| public(Thing::Unit, unit)).unwrap_or_default();
            lines.push(format!(
                "{}\t{kind}\tEUR\t{side}\t{amount}\t{named}",
                account.owner
            ));
            let (account, unit) = (
                account.number,
                unit.map(|unit| super::names::id(Thing::Unit, unit)),
            );
            put!(
                writer,
                POSTING,
                self.postings,
                transaction,
                account,
                side,
                amount,
                "EUR",
                unit,
                after
            );
        }
        lines.sort_unstable();
        let hash = sha256(format!("{kind}\n{refs}\n{}", lines.join("\n")).as_bytes());
        self.chain(&key, &hash)?;
        put!(
            writer,
            TRANSACTION,
            transaction,
            key,
            hash,
            kind,
            refs,
            "bench",
            at,
            at
        );
        put!(writer, SEAL, transaction, self.blocks + 1);
        if self.in_block == IN_BLOCK {
            self.seal(writer).await?;
        }
        Ok(())
    }

    /// The transaction is to be in the next block.
    fn chain(&mut self, key: &str, hash: &[u8]) -> anyhow::Result<()> {
        self.block.extend(u64::try_from(key.len())?.to_be_bytes());
        self.block.extend(key.as_bytes());
        self.block.extend(hash);
        self.in_block += 1;
        Ok(())
    }

    async fn seal(&mut self, writer: &mut Writer) -> anyhow::Result<()> {
        let mut bytes = self.previous.clone();
        bytes.append(&mut self.block);
        let hash = sha256(&bytes);
        self.blocks += 1;
        put!(
            writer,
            BLOCK,
            self.blocks,
            self.previous.clone(),
            hash.clone(),
            i64::from(self.in_block),
            writer.now
        );
        (self.previous, self.in_block) = (hash, 0);
        Ok(())
    }

    /// Seals the rest, and writes the accounts with their balances.
    pub(super) async fn finish(mut self, writer: &mut Writer) -> anyhow::Result<()> {
        if self.in_block > 0 {
            self.seal(writer).await?;
        }
        let opened = writer.ago(400);
        for ((owner, _), account) in self.accounts {
            let Account {
                number,
                owner: name,
                kind,
                balance,
            } = account;
            put!(
                writer,
                ACCOUNT,
                number,
                name,
                kind,
                "EUR",
                balance,
                owner == Owner::Platform,
                opened
            );
        }
        Ok(())
    }
}
