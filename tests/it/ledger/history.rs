//! Books as long as wished, and sound: a small history that was lived through the product is told again and again, each
//! time of other orders, for many parties. What may not differ from one telling to the next does not; ids, keys, hashes
//! and running balances are those that the product would have written.

use std::collections::HashMap;

use sea_orm::prelude::Uuid;
use sea_orm::sea_query::Expr;
use sea_orm::{
    ActiveModelTrait, ColumnTrait, ConnectionTrait, DbBackend, EntityTrait, IntoActiveModel, Iterable,
    ModelTrait, QueryFilter, QueryOrder,
};
use vitrine_domain::context::Tx;
use vitrine_domain::ledger;
use vitrine_domain::secret::sha256;
use vitrine_model::catalog::{FeeBearer, brand};
use vitrine_model::checkout::{cart, charge, fulfillment, order, order_line, refund};
use vitrine_model::id::Id;
use vitrine_model::identity;
use vitrine_model::intent;
use vitrine_model::ledger::{Party, account, balance_transaction, posting, seal, transaction, unit};
use vitrine_model::money::Currency;
use vitrine_model::payout::{self, payout_account};

use super::books::{FIRST_ROW, World};
use crate::support::App;

/// Values that one statement may bind.
const VALUES: usize = 30_000;
/// Tellings written in one database transaction.
const BATCH: u32 = 200;

/// How an id of the template is told again.
type Retold = fn(&Telling<'_>, &str) -> String;

/// The rows of a history that was lived.
struct Template {
    carts: Vec<cart::Model>,
    orders: Vec<order::Model>,
    lines: Vec<order_line::Model>,
    charges: Vec<charge::Model>,
    parcels: Vec<fulfillment::Model>,
    refunds: Vec<refund::Model>,
    units: Vec<unit::Model>,
    payouts: Vec<payout::Model>,
    intents: Vec<intent::Model>,
    moved: Vec<balance_transaction::Model>,
    transactions: Vec<transaction::Model>,
    postings: Vec<posting::Model>,
    accounts: HashMap<i64, account::Model>,
    /// Stripe's ids, and ours as ledger keys tell them.
    ids: Vec<(String, Retold)>,
}

/// A brand and a shopholder, with their accounts by the number of the template's.
struct Pair {
    brand: Party,
    shopholder: Party,
    accounts: HashMap<i64, account::Model>,
}

/// One telling of the history.
struct Telling<'p> {
    number: u32,
    /// How often it was told of these parties before.
    before: i64,
    pair: &'p Pair,
}

impl Telling<'_> {
    fn id<I: Id>(&self, id: I) -> I {
        let mut bytes = *id.uuid().as_bytes();
        bytes[..4].copy_from_slice(&self.number.to_be_bytes());
        I::from(Uuid::from_bytes(bytes))
    }

    fn name(&self, name: &str) -> String {
        format!("{name}-{}", self.number)
    }

    fn party(&self, party: Party) -> Party {
        match party {
            Party::Brand(_) => self.pair.brand,
            Party::Shopholder(_) => self.pair.shopholder,
        }
    }

    fn key(&self, key: &str, template: &Template) -> String {
        let parts = key.split(':').map(|part| {
            let known = template.ids.iter().find(|(id, _)| id == part);
            known.map_or_else(|| part.to_owned(), |(_, told)| told(self, part))
        });
        parts.collect::<Vec<_>>().join(":")
    }
}

fn told_id<I: Id>(telling: &Telling<'_>, id: &str) -> String {
    telling
        .id(id.parse::<I>().unwrap_or_else(|_| panic!("{id}")))
        .to_string()
}

/// One order released and paid out to both, one refunded, one that is still held: all settled, nothing under way.
async fn live(app: &App) -> World<'_> {
    let world = World::new(app, Currency::Eur, FeeBearer::Brand).await;
    let order = world.paid("ch_1", FIRST_ROW, 490).await;
    world.txn("txn_1", "charge", "ch_1", 9950, 167).await;
    world.ship(&order).await;
    world.after_days(60).await;
    for (party, transfer) in [(world.shopholder(), "tr_1"), (world.ocean(), "tr_2")] {
        let payout = world.payout(party).await;
        world.payout_made(payout, transfer).await;
    }
    let refunded = world.paid("ch_3", FIRST_ROW, 0).await;
    world.txn("txn_3", "charge", "ch_3", 9460, 0).await;
    let refund = world.refund(&refunded, &world.units(&refunded).await).await;
    world.refund_made(refund, "re_1").await;
    world.paid("ch_4", FIRST_ROW, 0).await;
    world.txn("txn_4", "charge", "ch_4", 9460, 0).await;
    world.is_sound().await;
    world
}

impl Template {
    async fn read(app: &App) -> Self {
        let db = app.db();
        macro_rules! all {
            ($rows:ident) => {
                $rows::Entity::find().all(db).await.unwrap()
            };
        }
        let mut template = Self {
            carts: all!(cart),
            orders: all!(order),
            lines: all!(order_line),
            charges: all!(charge),
            parcels: all!(fulfillment),
            refunds: all!(refund),
            units: all!(unit),
            payouts: all!(payout),
            intents: all!(intent),
            moved: all!(balance_transaction),
            transactions: transaction::Entity::find()
                .order_by_asc(transaction::Column::Id)
                .all(db)
                .await
                .unwrap(),
            postings: posting::Entity::find()
                .order_by_asc(posting::Column::Id)
                .all(db)
                .await
                .unwrap(),
            accounts: all!(account).into_iter().map(|row| (row.id, row)).collect(),
            ids: Vec::new(),
        };
        template.ids = template.known_ids();
        template
    }

    fn known_ids(&self) -> Vec<(String, Retold)> {
        let name: Retold = |telling, name| telling.name(name);
        let mut ids: Vec<(String, Retold)> = Vec::new();
        ids.extend(self.charges.iter().map(|row| (row.id.clone(), name)));
        ids.extend(self.moved.iter().map(|row| (row.id.clone(), name)));
        ids.extend(
            self.refunds
                .iter()
                .filter_map(|row| Some((row.stripe_refund_id.clone()?, name))),
        );
        ids.extend(
            self.payouts
                .iter()
                .filter_map(|row| Some((row.transfer_id.clone()?, name))),
        );
        let ours = self
            .units
            .iter()
            .map(|row| (row.id.to_string(), told_id::<vitrine_model::id::UnitId> as _));
        ids.extend(ours);
        let ours = self
            .payouts
            .iter()
            .map(|row| (row.id.to_string(), told_id::<vitrine_model::id::PayoutId> as _));
        ids.extend(ours);
        let ours = self
            .refunds
            .iter()
            .map(|row| (row.id.to_string(), told_id::<vitrine_model::id::RefundId> as _));
        ids.extend(ours);
        ids
    }

    fn is_party(&self, account: i64) -> bool {
        self.accounts[&account].owner.parse::<Party>().is_ok()
    }
}

/// Inserts whole rows, as many at once as a statement may bind.
async fn put<M>(tx: &Tx, rows: Vec<M>)
where
    M: ModelTrait + IntoActiveModel<<M::Entity as EntityTrait>::ActiveModel>,
    <M::Entity as EntityTrait>::ActiveModel: ActiveModelTrait<Entity = M::Entity> + Send,
{
    let columns = <M::Entity as EntityTrait>::Column::iter().count();
    let mut rows: Vec<_> = rows
        .into_iter()
        .map(|row| row.into_active_model().reset_all())
        .collect();
    while !rows.is_empty() {
        let rest = rows.split_off(rows.len().min(VALUES / columns));
        let now = std::mem::replace(&mut rows, rest);
        M::Entity::insert_many(now)
            .exec_without_returning(tx)
            .await
            .unwrap();
    }
}

/// Fills the books of an empty app with at least so many postings, of so many brands and as many shopholders; returns how
/// many there are. All of them are sealed.
pub(super) async fn fill(app: &App, postings: usize, parties: u32) -> usize {
    let world = live(app).await;
    let template = Template::read(app).await;
    let lives = u32::try_from(postings.div_ceil(template.postings.len())).unwrap();
    let parties = parties.min(lives);
    let pairs = pairs(app, &world, &template, parties, lives).await;
    let last = |rows: &mut dyn Iterator<Item = i64>| rows.max().unwrap();
    let first_transaction = last(&mut template.transactions.iter().map(|row| row.id)) + 1;
    let first_posting = last(&mut template.postings.iter().map(|row| row.id)) + 1;
    let mut number = 1;
    while number < lives {
        let tx = world.cx.begin().await.unwrap();
        let until = lives.min(number + BATCH);
        let tellings: Vec<Telling<'_>> = (number..until)
            .map(|number| Telling {
                number,
                before: i64::from(number / parties),
                pair: &pairs[usize::try_from(number % parties).unwrap()],
            })
            .collect();
        tell_outside(&tx, &template, &tellings).await;
        tell_books(&tx, &template, &tellings, first_transaction, first_posting).await;
        tx.commit().await.unwrap();
        number = until;
    }
    count_on(app).await;
    ledger::seal(&world.cx).await.unwrap();
    template.postings.len() * usize::try_from(lives).unwrap()
}

/// The parties of the template, and others like them, each with the balances that all tellings leave her.
async fn pairs(app: &App, world: &World<'_>, template: &Template, parties: u32, lives: u32) -> Vec<Pair> {
    let brands = brand::Entity::find().one(app.db()).await.unwrap().unwrap();
    let anna = identity::account::Entity::find_by_id(world.anna)
        .one(app.db())
        .await
        .unwrap()
        .unwrap();
    let payee = payout_account::Entity::find().all(app.db()).await.unwrap();
    let mut next = template.accounts.keys().max().unwrap() + 1;
    let tx = world.cx.begin().await.unwrap();
    let mut pairs = Vec::new();
    let (mut rows, mut opened, mut people, mut payees) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    for pair in 0..parties {
        // What is told of the template's own parties, itself counted.
        let told = i64::from((lives - pair).div_ceil(parties));
        let (mut brand, mut person) = (brands.clone(), anna.clone());
        if pair > 0 {
            brand.id = world.cx.new_id();
            brand.handle = format!("ocean-{pair}").parse().unwrap();
            person.id = world.cx.new_id();
            person.email = format!("anna-{pair}@example.com").parse().unwrap();
        }
        let (party, shopholder) = (Party::Brand(brand.id), Party::Shopholder(person.id));
        let mut accounts = HashMap::new();
        for (id, account) in template.accounts.iter().filter(|(id, _)| template.is_party(**id)) {
            let mut account = account.clone();
            account.balance *= told;
            if pair > 0 {
                account.owner = match account.owner.parse().unwrap() {
                    Party::Brand(_) => party.to_string(),
                    Party::Shopholder(_) => shopholder.to_string(),
                };
                account.id = next;
                next += 1;
                rows.push(account.clone());
            } else {
                account::Entity::update_many()
                    .col_expr(account::Column::Balance, Expr::value(account.balance))
                    .filter(account::Column::Id.eq(*id))
                    .exec(&tx)
                    .await
                    .unwrap();
            }
            accounts.insert(*id, account);
        }
        if pair > 0 {
            for payee in &payee {
                let mut payee = payee.clone();
                payee.id = world.cx.new_id();
                payee.party = if matches!(payee.party, Party::Brand(_)) {
                    party
                } else {
                    shopholder
                };
                payees.push(payee);
            }
            opened.push(brand);
            people.push(person);
        }
        pairs.push(Pair {
            brand: party,
            shopholder,
            accounts,
        });
    }
    put(&tx, people).await;
    put(&tx, opened).await;
    put(&tx, payees).await;
    put(&tx, rows).await;
    tx.commit().await.unwrap();
    pairs
}

/// Rows of those who tell the books what happened.
async fn tell_outside(tx: &Tx, template: &Template, tellings: &[Telling<'_>]) {
    macro_rules! told {
        ($rows:ident, $telling:ident, $row:ident, $change:block) => {{
            let mut all = Vec::new();
            for $telling in tellings {
                for $row in &template.$rows {
                    let mut $row = $row.clone();
                    $change
                    all.push($row);
                }
            }
            put(tx, all).await;
        }};
    }
    told!(carts, telling, row, {
        row.id = telling.id(row.id);
    });
    told!(orders, telling, row, {
        row.id = telling.id(row.id);
        row.number = telling.name(&row.number);
        row.cart_id = telling.id(row.cart_id);
        row.charge_id = row.charge_id.map(|charge| telling.name(&charge));
    });
    told!(lines, telling, row, {
        row.id = telling.id(row.id);
        row.order_id = telling.id(row.order_id);
    });
    told!(charges, telling, row, {
        row.id = telling.name(&row.id);
        row.order_id = telling.id(row.order_id);
        row.balance_transaction_id = row.balance_transaction_id.map(|id| telling.name(&id));
    });
    told!(parcels, telling, row, {
        row.id = telling.id(row.id);
        row.order_id = telling.id(row.order_id);
    });
    told!(refunds, telling, row, {
        row.id = telling.id(row.id);
        row.order_id = telling.id(row.order_id);
        row.charge_id = telling.name(&row.charge_id);
        row.stripe_refund_id = row.stripe_refund_id.map(|id| telling.name(&id));
    });
    told!(units, telling, row, {
        row.id = telling.id(row.id);
        row.order_id = telling.id(row.order_id);
        row.line_id = row.line_id.map(|id| telling.id(id));
        row.brand_id = match telling.pair.brand {
            Party::Brand(brand) => brand,
            Party::Shopholder(_) => row.brand_id,
        };
        row.shopholder = row.shopholder.map(|party| telling.party(party));
        row.fulfillment_id = row.fulfillment_id.map(|id| telling.id(id));
        row.refund_id = row.refund_id.map(|id| telling.id(id));
    });
    told!(intents, telling, row, {
        row.id = telling.id(row.id);
        row.subject = telling.name(&row.subject);
        row.stripe_id = row.stripe_id.map(|id| telling.name(&id));
    });
    told!(payouts, telling, row, {
        row.id = telling.id(row.id);
        row.party = telling.party(row.party);
        row.intent_id = telling.id(row.intent_id);
        row.transfer_id = row.transfer_id.map(|id| telling.name(&id));
    });
    told!(moved, telling, row, {
        row.id = telling.name(&row.id);
        row.source = telling.name(&row.source);
    });
}

/// Transactions and postings, hashed, with balances running along; to be sealed.
async fn tell_books(
    tx: &Tx,
    template: &Template,
    tellings: &[Telling<'_>],
    first_transaction: i64,
    first_posting: i64,
) {
    let each = |rows: usize| i64::try_from(rows).unwrap();
    let (mut transactions, mut postings, mut seals) = (Vec::new(), Vec::new(), Vec::new());
    for telling in tellings {
        let told = i64::from(telling.number - 1);
        let mut numbers = HashMap::new();
        let mut lines: HashMap<i64, Vec<String>> = HashMap::new();
        for (place, row) in template.transactions.iter().enumerate() {
            let number = first_transaction + told * each(template.transactions.len()) + each(place);
            numbers.insert(row.id, number);
        }
        for (place, row) in template.postings.iter().enumerate() {
            let mut row = row.clone();
            row.id = first_posting + told * each(template.postings.len()) + each(place);
            let party = telling.pair.accounts.get(&row.account_id);
            let before = template.accounts[&row.account_id].balance * telling.before;
            row.balance_after = row.balance_after.map(|after| after + before);
            let account = party.unwrap_or(&template.accounts[&row.account_id]);
            row.account_id = account.id;
            row.unit_id = row.unit_id.map(|id| telling.id(id));
            row.transaction_id = numbers[&row.transaction_id];
            let unit = row.unit_id.map(|unit| unit.to_string()).unwrap_or_default();
            lines.entry(row.transaction_id).or_default().push(format!(
                "{}\t{}\t{}\t{}\t{}\t{unit}",
                account.owner, account.kind, row.currency, row.side, row.amount
            ));
            postings.push(row);
        }
        for row in &template.transactions {
            let mut row = row.clone();
            row.id = numbers[&row.id];
            row.key = telling.key(&row.key, template);
            let mut lines = lines.remove(&row.id).unwrap();
            lines.sort_unstable();
            row.hash = sha256(format!("{}\n{}\n{}", row.kind, row.refs, lines.join("\n")).as_bytes());
            seals.push(seal::Model {
                transaction_id: row.id,
                block_id: None,
            });
            transactions.push(row);
        }
    }
    put(tx, transactions).await;
    put(tx, postings).await;
    put(tx, seals).await;
}

/// What is numbered goes on after the numbers that were given by hand; and the database learns how much there is.
async fn count_on(app: &App) {
    if app.db().get_database_backend() == DbBackend::Postgres {
        for table in ["ledger_account", "ledger_transaction", "posting"] {
            let sql = format!(
                "select setval(pg_get_serial_sequence('{table}', 'id'), (select max(id) from {table}))"
            );
            app.db().execute_unprepared(&sql).await.unwrap();
        }
    }
    app.db().execute_unprepared("analyze").await.unwrap();
}
