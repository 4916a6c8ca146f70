//! The thirteen invariants of the books, each shown to be found when it is violated: in books that were lived in, one thing
//! is made wrong behind the product's back, and the audit names that invariant and no other. `ledger::tampering` shows the
//! same check by check. The thirteenth, that a refused command changes nothing, no audit can tell: it is held here by
//! comparing every row of every table.

use std::collections::{BTreeMap, BTreeSet};

use sea_orm::ActiveValue::{NotSet, Set};
use sea_orm::{
    ActiveModelTrait, ColumnTrait, ConnectionTrait, DbBackend, EntityTrait, IntoActiveModel, QueryFilter,
    Statement,
};
use serde_json::{Value, json};
use vitrine_domain::secret::sha256;
use vitrine_model::checkout::{RefundKind, RefundState, refund};
use vitrine_model::ledger::{AccountKind, Side, account, posting, seal, transaction};
use vitrine_model::money::Currency;

use crate::fulfillment::{SHIP, parcel};
use crate::ledger::tampering::{lived_in, unguard};
use crate::support::market::Purchase;
use crate::support::{App, Person, on_both};

/// The invariants that the audit finds violated.
async fn violated(app: &App) -> BTreeSet<u8> {
    let report = app.audit().await;
    let wrong = report.checks.iter().filter(|check| check.wrong > 0);
    wrong.map(|check| check.invariant).collect()
}

/// Does what nobody may do to books that were sound, and holds the audit to naming that invariant alone.
async fn names(app: &App, invariant: u8, wrong: impl AsyncFnOnce()) {
    app.will_be_corrupted();
    lived_in(app).await;
    unguard(app).await;
    assert_eq!(violated(app).await, BTreeSet::new());
    wrong().await;
    assert_eq!(
        violated(app).await,
        BTreeSet::from([invariant]),
        "{}",
        app.audit().await
    );
}

/// Runs one statement, which must change something.
async fn sql(app: &App, statement: &str) {
    let done = app.db().execute_unprepared(statement).await.unwrap();
    assert!(done.rows_affected() > 0, "{statement}");
}

/// An account of the platform's, opened if it is not there.
async fn platforms(app: &App, kind: AccountKind) -> account::Model {
    let found = account::Entity::find()
        .filter(account::Column::Owner.eq("platform"))
        .filter(account::Column::Kind.eq(kind))
        .one(app.db())
        .await
        .unwrap();
    if let Some(found) = found {
        return found;
    }
    let row = account::ActiveModel {
        id: NotSet,
        owner: Set("platform".to_owned()),
        kind: Set(kind),
        currency: Set(Currency::Eur),
        balance: Set(0),
        overdraft: Set(true),
        created_at: Set(app.vitrine().context("test").now()),
    };
    row.insert(app.db()).await.unwrap()
}

/// What is held for the brand.
async fn brands_held(app: &App) -> account::Model {
    let found = account::Entity::find()
        .filter(account::Column::Owner.starts_with("brand_"))
        .filter(account::Column::Kind.eq(AccountKind::Held))
        .one(app.db())
        .await
        .unwrap();
    found.unwrap()
}

/// Writes a transaction as the product would: hashed, to be sealed, balances running along. Only its meaning is wrong.
async fn book(app: &App, postings: &[(account::Model, Side, i64)]) {
    let now = app.vitrine().context("test").now();
    let mut lines: Vec<String> = postings
        .iter()
        .map(|(account, side, amount)| {
            format!(
                "{}\t{}\t{}\t{side}\t{amount}\t",
                account.owner, account.kind, account.currency
            )
        })
        .collect();
    lines.sort_unstable();
    let made = transaction::ActiveModel {
        id: NotSet,
        key: Set("gift:1".to_owned()),
        hash: Set(sha256(format!("gift\n{{}}\n{}", lines.join("\n")).as_bytes())),
        kind: Set("gift".to_owned()),
        refs: Set("{}".to_owned()),
        source: Set("test".to_owned()),
        occurred_at: Set(now),
        recorded_at: Set(now),
    };
    let made = made.insert(app.db()).await.unwrap();
    for (account, side, amount) in postings {
        // The one party's account that is booked on here is a liability.
        let party = account.owner != "platform";
        let after = account.balance + if *side == Side::Credit { *amount } else { -amount };
        let row = posting::ActiveModel {
            id: NotSet,
            transaction_id: Set(made.id),
            account_id: Set(account.id),
            side: Set(*side),
            amount: Set(*amount),
            currency: Set(account.currency),
            unit_id: Set(None),
            balance_after: Set(party.then_some(after)),
        };
        row.insert(app.db()).await.unwrap();
        if party {
            let mut row = account.clone().into_active_model();
            row.balance = Set(after);
            row.update(app.db()).await.unwrap();
        }
    }
    let unsealed = seal::ActiveModel {
        transaction_id: Set(made.id),
        block_id: Set(None),
    };
    seal::Entity::insert(unsealed)
        .exec_without_returning(app.db())
        .await
        .unwrap();
}

/// Another refund of what was refunded already, not made at Stripe yet.
async fn refund_again(app: &App) {
    let first = refund::Entity::find().one(app.db()).await.unwrap().unwrap();
    let cx = app.vitrine().context("test");
    let again = refund::Model {
        id: cx.new_id(),
        kind: RefundKind::Charge,
        state: RefundState::Pending,
        intent_id: cx.new_id(),
        stripe_refund_id: None,
        settled_at: None,
        ..first
    };
    again
        .into_active_model()
        .reset_all()
        .insert(app.db())
        .await
        .unwrap();
}

on_both! {
    async fn the_audit_checks_each_invariant_that_rows_can_tell(app) {
        let report = app.audit().await;
        let checked: BTreeSet<u8> = report.checks.iter().map(|check| check.invariant).collect();
        assert_eq!(checked, (1..=12).collect());
    }

    async fn invariant_1_a_transaction_without_two_postings_is_found(app) {
        names(app, 1, async || book(app, &[]).await).await;
    }

    async fn invariant_2_a_balance_that_is_not_the_sum_of_its_postings_is_found(app) {
        names(app, 2, async || {
            sql(app, "update ledger_account set balance = balance + 1 where kind = 'stripe_cash'").await;
        }).await;
    }

    async fn invariant_2_a_changed_block_is_found(app) {
        names(app, 2, async || sql(app, "update ledger_block set transactions = transactions + 1 where id = 1").await).await;
    }

    async fn invariant_3_an_overdrawn_account_is_found(app) {
        names(app, 3, async || {
            let (fee, income) = (AccountKind::DeferredPlatformFee, AccountKind::IncomePlatformFee);
            book(app, &[(platforms(app, fee).await, Side::Debit, 1_000_000), (platforms(app, income).await, Side::Credit, 1_000_000)]).await;
        }).await;
    }

    async fn invariant_4_cash_that_is_not_what_stripe_moved_is_found(app) {
        names(app, 4, async || sql(app, "update balance_transaction set fee = fee - 1, net = net + 1 where id = 'txn_1'").await).await;
    }

    async fn invariant_5_an_open_item_that_nobody_opened_is_found(app) {
        names(app, 5, async || {
            let (refunds, bank) = (AccountKind::ClearingRefunds, AccountKind::Bank);
            book(app, &[(platforms(app, refunds).await, Side::Debit, 5), (platforms(app, bank).await, Side::Credit, 5)]).await;
        }).await;
    }

    async fn invariant_5_what_is_in_suspense_is_found(app) {
        names(app, 5, async || {
            let (suspense, float) = (AccountKind::Suspense, AccountKind::EquityFloat);
            book(app, &[(platforms(app, suspense).await, Side::Debit, 5), (platforms(app, float).await, Side::Credit, 5)]).await;
        }).await;
    }

    async fn invariant_6_an_effect_that_is_not_in_the_books_is_found(app) {
        names(app, 6, async || sql(app, "update refund set stripe_refund_id = 're_x'").await).await;
    }

    async fn invariant_7_an_order_that_is_not_the_sum_of_its_units_is_found(app) {
        names(app, 7, async || {
            sql(app, "update orders set goods_total = goods_total + 1, total = total + 1 where number = 'V-ch_1'").await;
        }).await;
    }

    async fn invariant_8_a_refund_beyond_what_was_paid_is_found(app) {
        names(app, 8, async || refund_again(app).await).await;
    }

    async fn invariant_9_money_of_a_party_that_came_from_nowhere_is_found(app) {
        names(app, 9, async || {
            let income = platforms(app, AccountKind::IncomePlatformFee).await;
            book(app, &[(brands_held(app).await, Side::Credit, 5), (income, Side::Debit, 5)]).await;
        }).await;
    }

    async fn invariant_10_a_release_before_its_window_closed_is_found(app) {
        names(app, 10, async || {
            sql(app, "update unit set brand_released_at = created_at where brand_released_at is not null").await;
        }).await;
    }

    async fn invariant_11_money_in_transit_that_nobody_sends_is_found(app) {
        names(app, 11, async || sql(app, "update intent set state = 'succeeded' where state = 'open'").await).await;
    }

    async fn invariant_12_stock_reserved_for_nobody_is_found(app) {
        names(app, 12, async || sql(app, "update variant set reserved = reserved + 1").await).await;
    }

    async fn invariant_13_a_refused_command_leaves_every_row_as_it_was(app) {
        let mut tea = app.market("tea").await;
        let purchase = app.buy(&[(&tea, 2)]).await;
        tea.owner.made(SHIP, parcel(&purchase, 1)).await;
        app.settle().await;
        let stranger = app.someone("stranger").await;
        tea.owner.come_back().await;
        let before = rows(app).await;
        refuse(&tea.owner, &tea.shopholder, &stranger, &purchase).await;
        let after = rows(app).await;
        for (table, rows) in &before {
            assert_eq!(&after[table], rows, "{table} was changed by a refused command");
        }
    }
}

/// Commands that are refused late, after others of their kind would have written: by a rule, by an owner, by a
/// constraint.
async fn refuse(brand: &Person<'_>, shopholder: &Person<'_>, stranger: &Person<'_>, purchase: &Purchase<'_>) {
    const REFUND: &str =
        "mutation($in: OrderLinesRefundInput!) { orderLinesRefund(input: $in) { userErrors { code } } }";
    const CANCEL: &str =
        "mutation($in: OrderCancelInput!) { orderCancel(input: $in) { userErrors { code } } }";
    const OPEN: &str = "mutation($in: ShopOpenInput!) { shopOpen(input: $in) { userErrors { code } } }";
    const LINK: &str = "mutation($in: PayoutAccountOnboardingLinkCreateInput!) { payoutAccountOnboardingLinkCreate(input: $in) { userErrors { code } } }";
    const RETURN: &str =
        "mutation($in: ReturnRequestInput!) { returnRequest(input: $in) { userErrors { code } } }";
    let pieces = |quantity: i32, key: &str| {
        json!({
            "orderId": purchase.order,
            "lines": [{ "orderLineId": purchase.lines[0], "quantity": quantity }],
            "reason": "It did not fit",
            "idempotencyKey": key,
        })
    };
    let cancel = |key: &str| json!({ "orderId": purchase.order, "idempotencyKey": key });
    let mut back = pieces(3, "");
    back.as_object_mut().unwrap().remove("idempotencyKey");
    let refused: [(&Person<'_>, &str, Value); 8] = [
        (brand, REFUND, pieces(3, "too many")),
        (stranger, REFUND, pieces(1, "a stranger's")),
        (brand, CANCEL, cancel("shipped")),
        (stranger, CANCEL, cancel("a stranger's")),
        (brand, SHIP, parcel(purchase, 2)),
        (shopholder, OPEN, json!({ "handle": "tea-shop", "name": "Mine" })),
        (
            shopholder,
            LINK,
            json!({ "country": "DE", "returnUrl": "https://evil.example", "refreshUrl": "https://evil.example" }),
        ),
        (&purchase.buyer, RETURN, back),
    ];
    for (who, mutation, input) in refused {
        who.refused(mutation, input).await;
    }
}

/// Every row of every table, but for when a session was used.
pub(crate) async fn rows(app: &App) -> BTreeMap<String, Vec<String>> {
    let postgres = app.db().get_database_backend() == DbBackend::Postgres;
    let tables = if postgres {
        "select tablename as name from pg_tables where schemaname = current_schema()"
    } else {
        "select name from sqlite_master where type = 'table' and name not like 'product_search%' and name not like 'sqlite_%'"
    };
    let mut rows = BTreeMap::new();
    for table in texts(app, tables).await {
        if table == "session" {
            continue;
        }
        let each = if postgres {
            format!("select t::text as name from {table} t order by 1")
        } else {
            let columns = format!("select name from pragma_table_info('{table}') order by cid");
            let columns: Vec<String> = texts(app, &columns).await;
            let quoted: Vec<String> = columns.iter().map(|column| format!("quote({column})")).collect();
            format!(
                "select {} as name from {table} order by 1",
                quoted.join(" || ',' || ")
            )
        };
        let found = texts(app, &each).await;
        rows.insert(table, found);
    }
    rows
}

/// The texts that a query selects as `name`.
async fn texts(app: &App, sql: &str) -> Vec<String> {
    let statement = Statement::from_string(app.db().get_database_backend(), sql);
    let found = app.db().query_all_raw(statement).await.unwrap();
    found.iter().map(|row| row.try_get("", "name").unwrap()).collect()
}
