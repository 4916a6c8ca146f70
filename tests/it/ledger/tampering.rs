//! Whatever is tampered with, the audit finds; and the database refuses most of it in the first place.

use sea_orm::{ColumnTrait, ConnectionTrait, DbBackend, EntityTrait, QueryFilter, Statement};
use vitrine_domain::ledger;
use vitrine_model::catalog::FeeBearer;
use vitrine_model::ledger::{AccountKind, account};
use vitrine_model::money::Currency;

use super::books::{FIRST_ROW, World};
use crate::support::{App, on_both};

/// What is done to the database, what undoes it, and words of the checks that must find it.
const PLANTED: &[(&str, &str, &[&str])] = &[
    (
        "update posting set amount = amount + 1 where id = 1",
        "update posting set amount = amount - 1 where id = 1",
        &["debits equal credits", "was changed", "every kept balance"],
    ),
    (
        "update posting set currency = 'USD' where id = 1",
        "update posting set currency = 'EUR' where id = 1",
        &["its account's currency", "was changed"],
    ),
    (
        "update ledger_transaction set kind = 'gift' where id = 1",
        "update ledger_transaction set kind = 'charge.paid' where id = 1",
        &["was changed", "each unit's parts", "each charge is in the books"],
    ),
    (
        "update ledger_transaction set key = 'charge:ch_x:paid' where id = 1",
        "update ledger_transaction set key = 'charge:ch_1:paid' where id = 1",
        &["chain of sealed blocks", "each charge is in the books"],
    ),
    (
        "update ledger_block set transactions = transactions + 1 where id = 1",
        "update ledger_block set transactions = transactions - 1 where id = 1",
        &["chain of sealed blocks"],
    ),
    (
        "update ledger_account set balance = balance + 1 where kind = 'payable:available'",
        "update ledger_account set balance = balance - 1 where kind = 'payable:available'",
        &["every kept balance", "each party's balances"],
    ),
    (
        "update posting set balance_after = balance_after + 1 where id = (select max(id) from posting where balance_after is not null)",
        "update posting set balance_after = balance_after - 1 where id = (select max(id) from posting where balance_after is not null)",
        &["balance after it"],
    ),
    (
        "update posting set balance_after = 0 where id = 1",
        "update posting set balance_after = null where id = 1",
        &["balance after it"],
    ),
    (
        "update ledger_account set balance = balance + 1 where kind = 'stripe_cash'",
        "update ledger_account set balance = balance - 1 where kind = 'stripe_cash'",
        &["every kept balance"],
    ),
    (
        "update posting set side = 'credit' where account_id = (select id from ledger_account where kind = 'deferred_platform_fee')
            and transaction_id in (select id from ledger_transaction where kind = 'release')",
        "update posting set side = 'debit' where account_id = (select id from ledger_account where kind = 'deferred_platform_fee')
            and transaction_id in (select id from ledger_transaction where kind = 'release')",
        &["debits equal credits", "each unit's parts"],
    ),
    (
        "update posting set side = 'debit' where account_id = (select id from ledger_account where kind = 'deferred_platform_fee') and side = 'credit'",
        "update posting set side = 'credit' where account_id = (select id from ledger_account where kind = 'deferred_platform_fee')
            and transaction_id in (select id from ledger_transaction where kind = 'charge.paid')",
        &["no account is overdrawn"],
    ),
    (
        "update unit set brand_held = brand_held - 1 where brand_held > 0",
        "update unit set brand_held = brand_held + 1 where brand_held > 0",
        &["each unit's parts", "each party's balances"],
    ),
    (
        "update unit set recharged = recharged + 1",
        "update unit set recharged = recharged - 1",
        &["each unit's parts", "each party's balances"],
    ),
    (
        "update unit set shipped_at = null where brand_released_at is not null",
        "update unit set shipped_at = created_at where brand_released_at is not null",
        &["outside its window"],
    ),
    (
        "update unit set brand_released_at = created_at where brand_released_at is not null",
        "update unit set brand_released_at = shop_released_at where brand_released_at is not null",
        &["outside its window"],
    ),
    (
        "update balance_transaction set amount = amount + 1, net = net + 1 where id = 'txn_1'",
        "update balance_transaction set amount = amount - 1, net = net - 1 where id = 'txn_1'",
        &["stripe_cash", "clearing account", "settled for its amount"],
    ),
    (
        "update balance_transaction set source = 'ch_x' where id = 'txn_1'",
        "update balance_transaction set source = 'ch_1' where id = 'txn_1'",
        &["settled for its amount"],
    ),
    (
        "update ledger_account set kind = 'suspense' where kind = 'clearing:charges'",
        "update ledger_account set kind = 'clearing:charges' where kind = 'suspense'",
        &["was changed"],
    ),
    (
        "update orders set goods_total = goods_total + 1, total = total + 1 where number = 'V-ch_1'",
        "update orders set goods_total = goods_total - 1, total = total - 1 where number = 'V-ch_1'",
        &["per order"],
    ),
    (
        "update charge set kind = 'unexpected' where id = 'ch_1'",
        "update charge set kind = 'expected' where id = 'ch_1'",
        &["each charge is in the books", "refunds_payable"],
    ),
    (
        "update charge set amount = 1 where id = 'ch_3'",
        "update charge set amount = 9460 where id = 'ch_3'",
        &["beyond what was paid", "clearing account"],
    ),
    (
        "update refund set stripe_refund_id = 're_x'",
        "update refund set stripe_refund_id = 're_1'",
        &["each refund that Stripe made"],
    ),
    (
        "update payout set transfer_id = 'tr_x' where state = 'paid'",
        "update payout set transfer_id = 'tr_1' where state = 'paid'",
        &["each payout that Stripe made"],
    ),
    (
        "update intent set state = 'succeeded' where state = 'open'",
        "update intent set state = 'open' where stripe_id is null",
        &["in transit without"],
    ),
    (
        "update intent set stripe_id = 'tr_1' where state = 'open'",
        "update intent set stripe_id = null where state = 'open'",
        &["made by one intent"],
    ),
    (
        "update variant set reserved = reserved + 1",
        "update variant set reserved = reserved - 1",
        &["reserved stock"],
    ),
    (
        "insert into reservation select id, (select min(id) from variant), 1, false, 'released', created_at, created_at from orders where number = 'V-ch_1'",
        "delete from reservation",
        &["each reservation ended"],
    ),
];

on_both! {
    async fn the_audit_finds_whatever_was_tampered_with(app) {
        let world = lived_in(app).await;
        let guarded = "update posting set amount = amount + 1";
        assert!(app.db().execute_unprepared(guarded).await.is_err(), "the ledger is append only");
        assert!(app.db().execute_unprepared("delete from ledger_transaction").await.is_err());
        unguard(app).await;
        for (plant, undo, checks) in PLANTED {
            let planted = app.db().execute_unprepared(&adapt(app, plant)).await;
            assert!(planted.unwrap_or_else(|error| panic!("{plant}: {error}")).rows_affected() > 0, "{plant}");
            let report = app.audit().await;
            for words in *checks {
                let check = report.checks.iter().find(|check| check.name.contains(words));
                let check = check.unwrap_or_else(|| panic!("no check says {words}"));
                assert!(check.wrong > 0, "{plant}\n{words}\n{report}");
                assert!(!check.findings.is_empty());
            }
            app.db().execute_unprepared(&adapt(app, undo)).await.unwrap_or_else(|error| panic!("{undo}: {error}"));
            let report = app.audit().await;
            assert!(report.is_green(), "{undo}\n{report}");
        }
        assert!(app.audit().await.to_string().ends_with("invariants hold."));
        world.is_sound().await;
    }

    async fn what_was_written_is_not_replaced_either(app) {
        let world = lived_in(app).await;
        for (table, key) in GUARDED {
            let some = format!("select count(*) as n from {table}");
            let some = Statement::from_string(app.db().get_database_backend(), some);
            let some: i64 = app.db().query_one_raw(some).await.unwrap().unwrap().try_get("", "n").unwrap();
            assert!(some > 0 || *table == "adjustment" || *table == "debt_return", "{table} shows nothing");
            let replace = match app.db().get_database_backend() {
                DbBackend::Postgres => format!("insert into {table} select * from {table} on conflict ({key}) do update set {key} = excluded.{key}"),
                _ => format!("insert or replace into {table} select * from {table}"),
            };
            let replaced = app.db().execute_unprepared(&replace).await;
            if some > 0 {
                let refused = replaced.expect_err(table).to_string();
                assert!(refused.contains("is append only"), "{table}: {refused}");
            }
        }
        world.is_sound().await;
    }

    async fn what_the_platform_pays_out_to_its_bank_is_there_until_it_comes_back(app) {
        let world = lived_in(app).await;
        for (txn, kind, amount, expected) in [("txn_8", "payout", -500, 500), ("txn_9", "payout_failure", 500, 0)] {
            world.txn(txn, kind, "po_1", amount, 0).await;
            ledger::seal(&world.cx).await.unwrap();
            let bank = account::Entity::find().filter(account::Column::Kind.eq(AccountKind::Bank)).one(app.db()).await.unwrap();
            assert_eq!(bank.unwrap().balance, expected);
            world.is_sound().await;
        }
    }

    async fn what_does_not_balance_is_never_sealed(app) {
        let world = lived_in(app).await;
        world.paid("ch_5", FIRST_ROW, 0).await;
        unguard(app).await;
        let last = "(select max(id) from posting)";
        app.db().execute_unprepared(&format!("update posting set amount = amount + 1 where id = {last}")).await.unwrap();
        let refused = ledger::seal(&world.cx).await.unwrap_err().to_string();
        assert!(refused.contains("is out of balance by -1 EUR"), "{refused}");
        assert!(app.audit().await.checks.iter().any(|check| check.wrong > 0));
        app.db().execute_unprepared(&format!("update posting set amount = amount - 1 where id = {last}")).await.unwrap();
        ledger::seal(&world.cx).await.unwrap();
        world.is_sound().await;
    }

    async fn what_is_not_understood_goes_to_suspense_and_is_found(app) {
        let world = World::new(app, Currency::Eur, FeeBearer::Brand).await;
        world.txn("txn_1", "climate_order_purchase", "climorder_1", -500, 0).await;
        let report = app.audit().await;
        let suspense = report.checks.iter().find(|check| check.name == "nothing is in suspense").unwrap();
        assert_eq!(suspense.wrong, 1, "{report}");
        app.will_be_corrupted();
    }
}

/// What is only ever added to, by its key.
const GUARDED: &[(&str, &str)] = &[
    ("ledger_transaction", "id"),
    ("posting", "id"),
    ("ledger_block", "id"),
    ("ledger_seal", "transaction_id"),
    ("balance_transaction", "id"),
    ("adjustment", "id"),
    ("debt_return", "adjustment_id"),
    ("event", "sequence"),
];

/// A sale released and paid out, one on its way to being paid out, one refunded, one fresh: all sealed.
pub(crate) async fn lived_in(app: &App) -> World<'_> {
    let world = World::new(app, Currency::Eur, FeeBearer::Brand).await;
    let order = world.paid("ch_1", FIRST_ROW, 0).await;
    world.txn("txn_1", "charge", "ch_1", 9460, 167).await;
    world.ship(&order).await;
    world.after_days(60).await;
    let payout = world.payout(world.shopholder()).await;
    world.payout_made(payout, "tr_1").await;
    // The brand's stays on its way.
    world.payout(world.ocean()).await;
    let refunded = world.paid("ch_3", FIRST_ROW, 0).await;
    world.txn("txn_3", "charge", "ch_3", 9460, 0).await;
    let refund = world.refund(&refunded, &world.units(&refunded).await).await;
    world.refund_made(refund, "re_1").await;
    world.paid("ch_4", FIRST_ROW, 0).await;
    ledger::seal(&world.cx).await.unwrap();
    world.is_sound().await;
    world
}

pub(crate) async fn unguard(app: &App) {
    let postgres = app.db().get_database_backend() == DbBackend::Postgres;
    for table in [
        "ledger_transaction",
        "posting",
        "ledger_block",
        "balance_transaction",
    ] {
        let statements = if postgres {
            vec![format!("drop trigger {table}_append_only on {table}")]
        } else {
            vec![
                format!("drop trigger {table}_update"),
                format!("drop trigger {table}_delete"),
            ]
        };
        for statement in statements {
            app.db().execute_unprepared(&statement).await.unwrap();
        }
    }
}

/// PostgreSQL has no smallest UUID.
fn adapt(app: &App, sql: &str) -> String {
    if app.db().get_database_backend() == DbBackend::Postgres {
        sql.replace(
            "(select min(id) from variant)",
            "(select id from variant limit 1)",
        )
    } else {
        sql.to_owned()
    }
}
