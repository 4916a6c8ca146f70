//! A party's statement: one entry per thing that happened, with balances that run along, and the audit behind them.

use serde_json::{Value, json};
use vitrine_domain::ledger;
use vitrine_domain::ledger::{StatementEntry, StatementPage};
use vitrine_domain::page::Page;
use vitrine_model::catalog::FeeBearer;
use vitrine_model::ledger::Party;
use vitrine_model::money::Currency;

use super::books::{FIRST_ROW, World};
use crate::support::{App, Person, on_both};

const STATEMENT: &str = "query($first: Int, $after: String, $last: Int, $before: String) { viewer {
    statement(first: $first, after: $after, last: $last, before: $before) {
        pageInfo { hasNextPage hasPreviousPage startCursor endCursor }
        nodes { id occurredAt description amount { amount } balance { amount }
            changes { balance amount { amount } balanceAfter { amount } }
            orderNumber orderId payoutId transferId refundId } } } }";

/// Anna, who has just signed in again.
async fn anna(app: &App) -> Person<'_> {
    app.returning("anna@example.com").await
}

async fn statement(app: &App, page: Value) -> Value {
    anna(app).await.ask(STATEMENT, page).await["viewer"]["statement"].take()
}

/// What an entry says, as one line: words, amount, balance, and each change with what it led to.
fn line(entry: &Value) -> String {
    let of = |money: &Value| money["amount"].as_str().unwrap().to_owned();
    let changes = entry["changes"].as_array().unwrap().iter().map(|change| {
        format!(
            "{} {} -> {}",
            change["balance"].as_str().unwrap(),
            of(&change["amount"]),
            of(&change["balanceAfter"])
        )
    });
    let changes: Vec<String> = changes.collect();
    format!(
        "{} | {} | {} | {}",
        entry["description"].as_str().unwrap(),
        of(&entry["amount"]),
        of(&entry["balance"]),
        changes.join(", ")
    )
}

/// The whole statement of Anna's, the oldest first.
async fn lines(app: &App) -> Vec<String> {
    let statement = statement(app, json!({ "first": 100 })).await;
    let nodes = statement["nodes"].as_array().unwrap();
    nodes.iter().rev().map(line).collect()
}

/// A party's statement, straight from the domain, the oldest first: words and amounts.
async fn of(world: &World<'_>, party: Party) -> Vec<(String, i64, i64)> {
    let page = StatementPage {
        party,
        currency: None,
        page: Page::first(100),
    };
    let statements = ledger::statements(world.app.db(), &[page]).await.unwrap();
    let told = |entry: StatementEntry| (entry.description, entry.amount, entry.total_after);
    let entries = statements.into_iter().flat_map(|slice| slice.rows).rev();
    entries.map(told).collect()
}

on_both! {
    async fn a_sale_is_one_entry_however_many_pieces_it_has(app) {
        let world = World::new(app, Currency::Eur, FeeBearer::Brand).await;
        let order = world.paid("ch_1", (10_000, 0, 1500, 1000, 4000, 3), 490).await;
        let statement = statement(app, json!({})).await;
        let entry = &statement["nodes"][0];
        assert_eq!(statement["nodes"].as_array().unwrap().len(), 1);
        assert_eq!(line(entry), "Sold 3 × Ocean Blue Shirt (M), order V-ch_1: yours unless returned, available once it was shipped and its return \
            window has closed | 24.30 | 24.30 | HELD 24.30 -> 24.30");
        assert_eq!((&entry["orderId"], &entry["orderNumber"]), (&json!(order.id.to_string()), &json!("V-ch_1")));
        assert_eq!((&entry["payoutId"], &entry["refundId"], &entry["transferId"]), (&json!(null), &json!(null), &json!(null)));
        assert!(entry["id"].as_str().unwrap().starts_with("entry_"));
        assert_eq!(entry["occurredAt"], "2027-01-11T09:00:00+00:00");
        world.ship(&order).await;
        assert!(lines(app).await[0].contains("available from 17 February 2027"), "the day is known once it has shipped");
        let brands = of(&world, world.ocean()).await;
        assert_eq!(brands, [("Sold 3 × Ocean Blue Shirt (M) and shipping, order V-ch_1: yours unless returned, available from \
            25 January 2027".to_owned(), 25_990, 25_990)]);
    }

    async fn a_statement_reads_line_by_line_from_sale_to_payout(app) {
        let world = World::new(app, Currency::Eur, FeeBearer::Brand).await;
        let order = world.paid("ch_1", FIRST_ROW, 0).await;
        world.txn("txn_1", "charge", "ch_1", 9460, 167).await;
        world.ship(&order).await;
        world.after_days(60).await;
        let payout = world.payout(world.shopholder()).await;
        let payout = world.payout_made(payout, "tr_1").await;
        assert_eq!(lines(app).await, [
            "Sold 1 × Ocean Blue Shirt (M), order V-ch_1 | 8.10 | 8.10 | HELD 8.10 -> 8.10",
            "Return window closed for 1 × Ocean Blue Shirt (M), order V-ch_1: available for payout | 0.00 | 8.10 | \
                HELD -8.10 -> 0.00, AVAILABLE 8.10 -> 8.10",
            "Payout on its way to your account at Stripe | 0.00 | 8.10 | AVAILABLE -8.10 -> 0.00, IN_TRANSIT 8.10 -> 8.10",
            "Paid out to your account at Stripe, transfer tr_1 | -8.10 | 0.00 | IN_TRANSIT -8.10 -> 0.00, PAID_OUT 8.10 -> 8.10",
        ]);
        let paid = &statement(app, json!({ "first": 1 })).await["nodes"][0];
        assert_eq!((&paid["payoutId"], &paid["transferId"]), (&json!(payout.id.to_string()), &json!("tr_1")));
        assert_eq!(of(&world, world.ocean()).await[1], ("Card payment fee for order V-ch_1".to_owned(), -167, 8333));
        let ask = "{ viewer { earnings { currency held { amount } available { amount } owed { amount } paidOut { amount } total { amount } } } }";
        assert_eq!(anna(app).await.ask(ask, json!({})).await["viewer"]["earnings"], json!([{
            "currency": "EUR", "held": { "amount": "0.00" }, "available": { "amount": "0.00" }, "owed": { "amount": "0.00" },
            "paidOut": { "amount": "8.10" }, "total": { "amount": "0.00" },
        }]));
    }

    async fn a_shopholder_reads_one_line_for_all_of_an_order_that_becomes_hers_at_once(app) {
        let world = World::new(app, Currency::Eur, FeeBearer::Brand).await;
        for (charge, pieces, shipping) in [("ch_1", 3, 490), ("ch_2", 12, 0)] {
            let order = world.paid(charge, (10_000, 0, 1500, 1000, 4000, pieces), shipping).await;
            world.txn(&format!("txn_{charge}"), "charge", charge, 9460 * i64::from(pieces) + shipping, 25).await;
            world.ship(&order).await;
            world.after_days(1).await;
        }
        world.after_days(60).await;
        let payout = world.payout(world.shopholder()).await;
        world.payout_made(payout, "tr_1").await;
        let mut whole = lines(app).await;
        assert_eq!(whole, [
            "Sold 3 × Ocean Blue Shirt (M), order V-ch_1 | 24.30 | 24.30 | HELD 24.30 -> 24.30",
            "Sold 12 × Ocean Blue Shirt (M), order V-ch_2 | 97.20 | 121.50 | HELD 97.20 -> 121.50",
            "Return window closed for 3 × Ocean Blue Shirt (M), order V-ch_1: available for payout | 0.00 | 121.50 | \
                HELD -24.30 -> 97.20, AVAILABLE 24.30 -> 24.30",
            "Return window closed for 12 × Ocean Blue Shirt (M), order V-ch_2: available for payout | 0.00 | 121.50 | \
                HELD -97.20 -> 0.00, AVAILABLE 97.20 -> 121.50",
            "Payout on its way to your account at Stripe | 0.00 | 121.50 | AVAILABLE -121.50 -> 0.00, IN_TRANSIT 121.50 -> 121.50",
            "Paid out to your account at Stripe, transfer tr_1 | -121.50 | 0.00 | IN_TRANSIT -121.50 -> 0.00, PAID_OUT 121.50 -> 121.50",
        ]);
        let brands = of(&world, world.ocean()).await;
        let brands: Vec<String> = brands.iter().map(|(words, amount, after)| format!("{words} | {amount} | {after}")).collect();
        assert_eq!(brands, [
            "Sold 3 × Ocean Blue Shirt (M) and shipping, order V-ch_1 | 25990 | 25990",
            "Card payment fee for order V-ch_1 | -25 | 25965",
            "Sold 12 × Ocean Blue Shirt (M), order V-ch_2 | 102000 | 127965",
            "Card payment fee for order V-ch_2 | -25 | 127940",
            "Return window closed for 3 × Ocean Blue Shirt (M) and shipping, order V-ch_1: available for payout | 0 | 127940",
            "Return window closed for 12 × Ocean Blue Shirt (M), order V-ch_2: available for payout | 0 | 127940",
        ]);
        let page = statement(app, json!({ "first": 2 })).await;
        let rest = statement(app, json!({ "first": 3, "after": page["pageInfo"]["endCursor"] })).await;
        let read: Vec<String> = [page, rest].iter().flat_map(|page| page["nodes"].as_array().unwrap()).map(line).collect();
        whole.reverse();
        assert_eq!(read, whole[..5], "whichever page it stands on, an entry is the same");
        world.is_sound().await;
    }

    async fn a_debt_is_negative_money_until_it_is_taken_back_or_earned(app) {
        let world = World::new(app, Currency::Eur, FeeBearer::Platform).await;
        let anna = world.shopholder();
        let order = world.paid("ch_1", (10_000, 0, 1500, 1000, 4000, 2), 0).await;
        world.txn("txn_1", "charge", "ch_1", 2 * 9460, 167).await;
        world.ship(&order).await;
        world.after_days(60).await;
        let payout = world.payout(anna).await;
        let payout = world.payout_made(payout, "tr_1").await;
        let refund = world.refund(&order, &world.units(&order).await[..1]).await;
        let refund = world.refund_made(refund, "re_1").await;
        let refused = world.reversal(&payout, &refund, 810).await;
        world.reversal_refused(refused).await;
        let second = world.refund(&order, &world.units(&order).await[1..]).await;
        let second = world.refund_made(second, "re_2").await;
        let taken = world.reversal(&payout, &second, 300).await;
        world.reversal_made(taken, "trr_1").await;
        let order = world.paid("ch_2", FIRST_ROW, 0).await;
        world.txn("txn_2", "charge", "ch_2", 9460, 0).await;
        world.ship(&order).await;
        world.after_days(60).await;
        assert_eq!(lines(app).await[4..], [
            "Refund of 1 × Ocean Blue Shirt (M), order V-ch_1: owed, since it was paid out already | -8.10 | -8.10 | OWED -8.10 -> -8.10",
            "What you owe for the refund of order V-ch_1 is being taken back from your account at Stripe, transfer tr_1 | 0.00 | -8.10 | \
                OWED 8.10 -> 0.00, RECOVERING -8.10 -> -8.10",
            "Your account at Stripe did not give back what you owed for the refund of order V-ch_1: still owed, later earnings pay it \
                | 0.00 | -8.10 | OWED -8.10 -> -8.10, RECOVERING 8.10 -> 0.00",
            "Refund of 1 × Ocean Blue Shirt (M), order V-ch_1: owed, since it was paid out already | -8.10 | -16.20 | OWED -8.10 -> -16.20",
            "What you owe for the refund of order V-ch_1 is being taken back from your account at Stripe, transfer tr_1 | 0.00 | -16.20 | \
                OWED 3.00 -> -13.20, RECOVERING -3.00 -> -3.00",
            "Taken back from your account at Stripe, transfer tr_1: what you owed for the refund of order V-ch_1 | 3.00 | -13.20 | \
                RECOVERING 3.00 -> 0.00, PAID_OUT -3.00 -> 13.20",
            "Sold 1 × Ocean Blue Shirt (M), order V-ch_2 | 8.10 | -5.10 | HELD 8.10 -> 8.10",
            "Return window closed for 1 × Ocean Blue Shirt (M), order V-ch_2: kept for what you owed | 0.00 | -5.10 | \
                HELD -8.10 -> 0.00, OWED 8.10 -> -5.10",
        ]);
        let refunded = &statement(app, json!({ "first": 8 })).await["nodes"][7];
        assert_eq!(refunded["refundId"], json!(refund.id.to_string()));
        world.is_sound().await;
    }

    async fn a_refused_payout_and_a_failed_refund_give_back(app) {
        let world = World::new(app, Currency::Eur, FeeBearer::Platform).await;
        let order = world.paid("ch_1", FIRST_ROW, 0).await;
        world.txn("txn_1", "charge", "ch_1", 9460, 0).await;
        let refund = world.refund(&order, &world.units(&order).await).await;
        world.refund_failed(refund).await;
        world.ship(&order).await;
        world.after_days(60).await;
        let payout = world.payout(world.shopholder()).await;
        world.payout_refused(payout).await;
        let lines = lines(app).await;
        assert_eq!(lines[1], "Refund of 1 × Ocean Blue Shirt (M), order V-ch_1 | -8.10 | 0.00 | HELD -8.10 -> 0.00");
        assert_eq!(lines[2], "Refund of 1 × Ocean Blue Shirt (M), order V-ch_1 failed: given back to you | 8.10 | 8.10 | HELD 8.10 -> 8.10");
        assert_eq!(lines[5], "Payout refused by Stripe: available for payout | 0.00 | 8.10 | AVAILABLE 8.10 -> 8.10, IN_TRANSIT -8.10 -> 0.00");
    }

    async fn pages_follow_one_another_by_entries_both_ways(app) {
        let world = World::new(app, Currency::Eur, FeeBearer::Platform).await;
        for charge in ["ch_1", "ch_2", "ch_3", "ch_4", "ch_5"] {
            world.paid(charge, (10_000, 0, 1500, 1000, 4000, 4), 0).await;
        }
        let numbers = |page: &Value| -> Vec<String> {
            page["nodes"].as_array().unwrap().iter().map(|entry| entry["orderNumber"].as_str().unwrap().to_owned()).collect()
        };
        let first = statement(app, json!({ "first": 2 })).await;
        assert_eq!(numbers(&first), ["V-ch_5", "V-ch_4"]);
        assert_eq!(first["nodes"][1]["balance"]["amount"], "129.60");
        assert_eq!((&first["pageInfo"]["hasNextPage"], &first["pageInfo"]["hasPreviousPage"]), (&json!(true), &json!(false)));
        let second = statement(app, json!({ "first": 2, "after": first["pageInfo"]["endCursor"] })).await;
        assert_eq!(numbers(&second), ["V-ch_3", "V-ch_2"]);
        assert_eq!(second["nodes"][0]["balance"]["amount"], "97.20");
        let third = statement(app, json!({ "first": 2, "after": second["pageInfo"]["endCursor"] })).await;
        assert_eq!(numbers(&third), ["V-ch_1"]);
        assert_eq!(third["nodes"][0]["balance"]["amount"], "32.40");
        assert_eq!(third["pageInfo"]["hasNextPage"], json!(false));
        let back = statement(app, json!({ "last": 2, "before": third["pageInfo"]["startCursor"] })).await;
        assert_eq!(back["nodes"], second["nodes"], "ids included");
        let other = "{ viewer { statement(currency: USD) { nodes { id } } } }";
        assert_eq!(anna(app).await.ask(other, json!({})).await["viewer"]["statement"]["nodes"], json!([]));
    }

    async fn a_long_page_takes_no_more_statements_than_a_short_one(app) {
        let world = World::new(app, Currency::Eur, FeeBearer::Platform).await;
        for sale in 0..12 {
            let charge = format!("ch_{sale}");
            let order = world.paid(&charge, (10_000, 0, 1500, 1000, 4000, 2), 0).await;
            world.txn(&format!("txn_{sale}"), "charge", &charge, 2 * 9460, 0).await;
            world.ship(&order).await;
        }
        world.after_days(60).await;
        let payout = world.payout(world.shopholder()).await;
        world.payout_made(payout, "tr_1").await;
        let anna = anna(app).await;
        let (_, short) = app.counting(anna.ask(STATEMENT, json!({ "first": 2 }))).await;
        let (whole, long) = app.counting(anna.ask(STATEMENT, json!({ "first": 100 }))).await;
        assert_eq!(whole["viewer"]["statement"]["nodes"].as_array().unwrap().len(), 12 + 12 + 2);
        assert!(long <= short, "{long} statements for a long page, {short} for a short one");
    }

    async fn a_brands_statement_is_its_staffs_alone(app) {
        let world = World::new(app, Currency::Eur, FeeBearer::Brand).await;
        world.paid("ch_1", FIRST_ROW, 0).await;
        let stranger = app.someone("stranger").await;
        let ask = "query($id: ID!) { node(id: $id) { ... on Brand { statement { nodes { id } } } } }";
        assert_eq!(stranger.error(ask, json!({ "id": world.brand.to_string() })).await, "FORBIDDEN");
    }
}
