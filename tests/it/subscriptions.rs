//! What clients watch over WebSocket, on every node, and how their connections end.

use std::time::Duration;

use chrono::TimeDelta;
use sea_orm::{ConnectionTrait, DbBackend, Statement};
use serde_json::{Value, json};
use tokio_tungstenite::tungstenite::Message;
use vitrine_domain::event::{self, Actor};
use vitrine_model::id::{AccountId, ClickId};

use crate::fulfillment::{SHIP, parcel};
use crate::support::market::{Market, text};
use crate::support::socket::Socket;
use crate::support::{App, FRONTEND, on_both};

const ORDER: &str = "subscription($id: ID!) { orderUpdated(id: $id) { id fulfillmentStatus } }";
const ACTIVITY: &str = "subscription($id: ID!) { shopActivity(shopId: $id) { id kind quantity amount { amount currency } earnings { amount } } }";
const EARNINGS: &str = "subscription { earningsUpdated { currency held { amount } } }";
const IMPORT: &str = "subscription($id: ID!) { productImportUpdated(id: $id) { id state } }";
const REVOKE: &str =
    "mutation($in: SessionRevokeInput!) { sessionRevoke(input: $in) { userErrors { code } } }";

async fn shop_of(market: &Market<'_>) -> String {
    let query = "query($id: ID!) { node(id: $id) { ... on Recommendation { shop { id } } } }";
    let answer = market
        .shopholder
        .ask(query, json!({ "id": market.recommendation }))
        .await;
    text(&answer["node"]["shop"]["id"])
}

/// Asks for more than all buffers between the two hold, and reads none of it.
async fn stuck(socket: &mut Socket) {
    const LONG: &str = "{ __schema { types { name description fields { name description args { name description } type { name } } } } }";
    for n in 0..45 {
        socket.begin(&n.to_string(), LONG, json!({})).await;
    }
    tokio::time::sleep(Duration::from_secs(5)).await;
}

async fn visit(app: &App, market: &Market<'_>) {
    let made = market
        .shopholder
        .made(
            "mutation($in: ReferralLinkCreateInput!) { referralLinkCreate(input: $in) { referralLink { url } userErrors { message } } }",
            json!({ "shopId": shop_of(market).await, "label": "bio" }),
        )
        .await;
    let url = text(&made["referralLink"]["url"]);
    let code = url.rsplit('/').next().unwrap();
    let browser = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0";
    let request = app
        .http
        .get(app.url(&format!("/r/{code}")))
        .header("user-agent", browser);
    assert!(request.send().await.unwrap().status().is_redirection());
}

/// Two sockets of the same person: one at each node.
async fn at_both<'a>(
    app: &App,
    second: &vitrine::boot::Running,
    person: &crate::support::Person<'a>,
) -> [Socket; 2] {
    [
        Socket::of(&app.url(""), person).await,
        Socket::of(&second.url(), person).await,
    ]
}

on_both! {
    async fn one_address_has_so_many_connections_and_half_of_them_unknown(app) {
        let anna = app.someone("anna").await;
        let url = app.url("");
        let mut sockets = Vec::new();
        for _ in 0..32 {
            sockets.push(Socket::of(&url, &app.nobody()).await);
        }
        let mut one_more = Socket::connect(&url, &[]).await.unwrap();
        one_more.say(json!({ "type": "connection_init" })).await;
        assert_eq!(one_more.closed().await, 4429);
        for _ in 0..31 {
            sockets.push(Socket::of(&url, &anna).await);
        }
        // The place of the one that was refused is free again a moment after it has gone.
        drop(one_more);
        let place = async {
            loop {
                match Socket::connect(&url, &[]).await {
                    Ok(socket) => return socket,
                    Err(status) => assert_eq!(status, 503),
                }
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        sockets.push(tokio::time::timeout(Duration::from_secs(30), place).await.expect("a place"));
        assert_eq!(Socket::connect(&url, &[]).await.err(), Some(503));
    }

    async fn a_buyer_watches_her_order_on_every_node(app) {
        let tea = app.market("tea").await;
        let purchase = app.buy(&[(&tea, 2)]).await;
        let second = app.second_node().await;
        let mut sockets = at_both(app, &second, &purchase.buyer).await;
        for socket in &mut sockets {
            socket.begin("1", ORDER, json!({ "id": purchase.order })).await;
            assert_eq!(socket.data("1").await["orderUpdated"]["fulfillmentStatus"], "UNFULFILLED");
        }
        tea.owner.made(SHIP, parcel(&purchase, 1)).await;
        for socket in &mut sockets {
            assert_eq!(socket.data("1").await["orderUpdated"]["fulfillmentStatus"], "PARTIALLY_FULFILLED");
        }
        tea.owner.made(SHIP, parcel(&purchase, 1)).await;
        for socket in &mut sockets {
            assert_eq!(socket.data("1").await["orderUpdated"]["fulfillmentStatus"], "FULFILLED");
        }
        second.stop().await;
        for (socket, code) in sockets.iter_mut().zip([None, Some(1001)]) {
            if let Some(code) = code {
                assert_eq!(socket.closed().await, code);
            }
        }
    }

    async fn a_shopholder_watches_clicks_sales_and_refunds_with_their_amounts(app) {
        let tea = app.market("tea").await;
        let second = app.second_node().await;
        let shop = shop_of(&tea).await;
        let mut sockets = at_both(app, &second, &tea.shopholder).await;
        for socket in &mut sockets {
            socket.begin("a", ACTIVITY, json!({ "id": shop })).await;
            // From its place in the stream on nothing is lost, and it has that before the next message is read.
            socket.sync().await;
        }
        visit(app, &tea).await;
        let purchase = app.buy(&[(&tea, 2)]).await;
        let refund = "mutation($in: OrderLinesRefundInput!) { orderLinesRefund(input: $in) { refund { id } userErrors { message } } }";
        let lines = json!([{ "orderLineId": purchase.lines[0], "quantity": 1 }]);
        tea.owner.made(refund, json!({ "orderId": purchase.order, "lines": lines, "reason": "broken", "idempotencyKey": "r" })).await;
        app.settle().await;
        let mut told: Vec<Vec<Value>> = Vec::new();
        for socket in &mut sockets {
            let mut of_one = Vec::new();
            for _ in 0..3 {
                of_one.push(socket.data("a").await["shopActivity"].clone());
            }
            told.push(of_one);
        }
        assert_eq!(told[0], told[1], "both nodes tell the same");
        let seen: Vec<_> = told[0].iter().map(|one| (one["kind"].clone(), one["quantity"].clone(), one["amount"]["amount"].clone(), one["earnings"]["amount"].clone())).collect();
        assert_eq!(seen, [
            (json!("CLICK"), json!(0), Value::Null, Value::Null),
            (json!("SALE"), json!(2), json!("189.20"), json!("16.20")),
            (json!("REFUND"), json!(1), json!("94.60"), json!("8.10")),
        ]);
        second.stop().await;
    }

    async fn earnings_are_told_at_once_and_whenever_they_change(app) {
        let tea = app.market("tea").await;
        let mut socket = Socket::of(&app.url(""), &tea.shopholder).await;
        socket.begin("1", EARNINGS, json!({})).await;
        assert_eq!(socket.data("1").await, json!({ "earningsUpdated": [] }));
        app.buy(&[(&tea, 1)]).await;
        assert_eq!(socket.data("1").await["earningsUpdated"][0]["held"]["amount"], "8.10");
        // What changes somebody else's changes nothing here: the next thing told is her own next sale.
        let ink = app.market("ink").await;
        app.buy(&[(&ink, 1)]).await;
        app.buy(&[(&tea, 1)]).await;
        assert_eq!(socket.data("1").await["earningsUpdated"][0]["held"]["amount"], "16.20");
    }

    async fn those_who_work_for_a_brand_watch_its_imports(app) {
        let tea = app.market("tea").await;
        let made = tea.owner.made(
            "mutation($in: ProductImportCreateInput!) { productImportCreate(input: $in) { productImport { id uploadUrl } userErrors { message } } }",
            json!({ "brandId": tea.brand, "fileName": "one.csv" }),
        ).await;
        let import = &made["productImport"];
        let mut socket = Socket::of(&app.url(""), &tea.owner).await;
        socket.begin("1", IMPORT, json!({ "id": import["id"] })).await;
        let first = socket.data("1").await;
        let file = "Handle,Title,Variant Price\ncup,Cup,1.00\n";
        let sent = app.http.put(text(&import["uploadUrl"])).bearer_auth(tea.owner.token().await.unwrap()).body(file);
        assert!(sent.send().await.unwrap().status().is_success());
        let uploaded = socket.data("1").await;
        assert_ne!(first, uploaded);
        app.settle().await;
        let ended = socket.data("1").await;
        assert_ne!(uploaded, ended);
    }

    async fn what_is_not_yours_cannot_be_watched(app) {
        let tea = app.market("tea").await;
        let purchase = app.buy(&[(&tea, 1)]).await;
        let shop = shop_of(&tea).await;
        let eve = app.someone("eve").await;
        let mut of_eve = Socket::of(&app.url(""), &eve).await;
        let mut of_nobody = Socket::of(&app.url(""), &app.nobody()).await;
        for (n, (query, id, code)) in [
            (ORDER, json!(purchase.order), "NOT_FOUND"),
            (ACTIVITY, json!(shop), "NOT_FOUND"),
            (IMPORT, json!("import_01k9qbcz5de7nvnxkhjsqwpv2d"), "NOT_FOUND"),
            (ORDER, json!(shop), "BAD_USER_INPUT"),
        ].into_iter().enumerate() {
            let n = n.to_string();
            of_eve.begin(&n, query, json!({ "id": id })).await;
            assert_eq!(of_eve.error(&n).await, code, "{query}");
        }
        for (n, query) in [ACTIVITY, EARNINGS, IMPORT].into_iter().enumerate() {
            let n = n.to_string();
            let variables = if query == EARNINGS { json!({}) } else { json!({ "id": shop }) };
            of_nobody.begin(&n, query, variables).await;
            assert_eq!(of_nobody.error(&n).await, "UNAUTHENTICATED", "{query}");
        }
    }

    async fn a_subscription_has_one_root_field_and_no_conditions(app) {
        let anna = app.someone("anna").await;
        let mut socket = Socket::of(&app.url(""), &anna).await;
        for (n, query) in [
            "subscription { a: earningsUpdated { currency } b: earningsUpdated { currency } }",
            "subscription { __typename }",
            "subscription { earningsUpdated @skip(if: false) { currency } }",
            "subscription { ... @include(if: true) { earningsUpdated { currency } } }",
            "subscription { ...f } fragment f on Subscription { a: earningsUpdated { currency } b: earningsUpdated { currency } }",
        ].into_iter().enumerate() {
            let n = n.to_string();
            socket.begin(&n, query, json!({})).await;
            assert_eq!(socket.error(&n).await, "GRAPHQL_VALIDATION_FAILED", "{query}");
        }
        let lifted = "subscription { ... { ...f } } fragment f on Subscription { mine: earningsUpdated { currency } }";
        socket.begin("lifted", lifted, json!({})).await;
        assert_eq!(socket.data("lifted").await, json!({ "mine": [] }));
        // Over HTTP there is nothing to subscribe to.
        let answer = anna.send("subscription { earningsUpdated { currency } }", json!({})).await;
        assert!(answer.get("data").is_none() && answer["errors"][0]["extensions"]["code"].is_string(), "{answer:#}");
    }

    async fn queries_and_mutations_are_answered_on_the_same_connection(app) {
        let anna = app.someone("anna").await;
        let mut socket = Socket::of(&app.url(""), &anna).await;
        socket.begin("1", "{ viewer { name } }", json!({})).await;
        assert_eq!(socket.data("1").await, json!({ "viewer": { "name": "anna" } }));
        assert_eq!(socket.hear().await, json!({ "id": "1", "type": "complete" }));
        // An id is free again as soon as its operation is complete.
        socket.begin("1", "{ nothing }", json!({})).await;
        assert_eq!(socket.error("1").await, "GRAPHQL_VALIDATION_FAILED");
        socket.begin("1", "{ viewer", json!({})).await;
        assert_eq!(socket.error("1").await, "GRAPHQL_PARSE_FAILED");
    }

    async fn a_connection_is_closed_with_the_protocols_codes(app) {
        let anna = app.someone("anna").await;
        let url = app.url("");
        let init = || json!({ "type": "connection_init" });
        let subscribe = json!({ "id": "1", "type": "subscribe", "payload": { "query": EARNINGS } });
        for (said, code) in [
            (vec![Message::text("hello")], 4400),
            (vec![Message::binary(b"{}".to_vec())], 4400),
            (vec![Message::text(json!({ "type": "start" }).to_string())], 4400),
            (vec![Message::text(subscribe.to_string())], 4401),
            (vec![Message::text(json!({ "type": "connection_init", "payload": { "Authorization": "Bearer nothing" } }).to_string())], 4403),
            (vec![Message::text(init().to_string()), Message::text(init().to_string())], 4429),
            (vec![Message::text("x".repeat(300 * 1024))], 1009),
            (vec![Message::text(json!({ "type": "ping" }).to_string()); 201], 4429),
        ] {
            let mut socket = Socket::connect(&url, &[]).await.unwrap();
            for message in said {
                socket.send(message).await;
            }
            assert_eq!(socket.closed().await, code);
        }
        let mut doubled = Socket::of(&url, &anna).await;
        doubled.say(subscribe.clone()).await;
        doubled.say(subscribe).await;
        assert_eq!(doubled.closed().await, 4409);
        // Whoever says nothing is let go.
        let mut silent = Socket::connect(&url, &[]).await.unwrap();
        assert_eq!(silent.closed().await, 4408);
    }

    async fn s05_pages_of_other_origins_may_not_connect(app) {
        let url = app.url("");
        assert_eq!(Socket::connect(&url, &[("origin", "https://evil.example")]).await.err(), Some(403));
        assert!(Socket::connect(&url, &[("origin", FRONTEND)]).await.is_ok());
        assert!(Socket::connect(&url, &[]).await.is_ok());
    }

    async fn signing_out_ends_the_connection_on_every_node(app) {
        let mut anna = app.someone("anna").await;
        let second = app.second_node().await;
        let mut sockets = at_both(app, &second, &anna).await;
        let session = anna.ask("{ viewer { sessions { id isCurrent } } }", json!({})).await;
        let sessions = session["viewer"]["sessions"].as_array().unwrap();
        let mine = sessions.iter().find(|session| session["isCurrent"] == true).unwrap();
        anna.made(REVOKE, json!({ "id": mine["id"] })).await;
        for socket in &mut sockets {
            assert_eq!(socket.closed().await, 4401);
        }
        // Whoever signs in anew connects anew.
        anna.come_back().await;
        let mut socket = Socket::of(&app.url(""), &anna).await;
        socket.sync().await;
        second.stop().await;
    }

    async fn a_session_that_expires_ends_its_connection(app) {
        let anna = app.someone("anna").await;
        let mut socket = Socket::of(&app.url(""), &anna).await;
        app.clock.advance(TimeDelta::days(400));
        assert_eq!(socket.closed().await, 4403);
        // Also when something makes the server look at her session before its clock does: it was not signed out.
        let mut bob = app.someone("bob").await;
        let mut socket = Socket::of(&app.url(""), &bob).await;
        app.clock.advance(TimeDelta::days(400));
        let cx = app.vitrine().context("test");
        let tx = cx.begin().await.unwrap();
        event::record(&tx, &cx, Actor::System, "account.updated", bob.id.parse::<AccountId>().unwrap(), &[]).await.unwrap();
        tx.commit().await.unwrap();
        assert_eq!(socket.closed().await, 4403);
        bob.come_back().await;
    }

    async fn a_connection_has_so_many_operations_at_once(app) {
        let anna = app.someone("anna").await;
        let mut socket = Socket::of(&app.url(""), &anna).await;
        for n in 0..50 {
            socket.begin(&n.to_string(), EARNINGS, json!({})).await;
        }
        for _ in 0..50 {
            assert_eq!(socket.hear().await["type"], "next");
        }
        socket.begin("more", EARNINGS, json!({})).await;
        assert_eq!(socket.error("more").await, "TOO_COMPLEX");
        socket.say(json!({ "id": "0", "type": "complete" })).await;
        socket.begin("more", EARNINGS, json!({})).await;
        socket.data("more").await;
    }

    async fn what_happens_while_the_notifications_are_cut_off_is_told_all_the_same(app) {
        const CUT: &str = "select pg_terminate_backend(pid) from pg_stat_activity
            where datname = current_database() and pid <> pg_backend_pid() and query ilike 'listen %'";
        let tea = app.market("tea").await;
        let purchase = app.buy(&[(&tea, 2)]).await;
        let mut socket = Socket::of(&app.url(""), &purchase.buyer).await;
        socket.begin("1", ORDER, json!({ "id": purchase.order })).await;
        socket.data("1").await;
        for told in ["PARTIALLY_FULFILLED", "FULFILLED"] {
            if app.db().get_database_backend() == DbBackend::Postgres {
                let cut = app.db().query_all_raw(Statement::from_string(DbBackend::Postgres, CUT)).await.unwrap();
                assert_eq!(cut.len(), 1, "one connection listens");
            }
            tea.owner.made(SHIP, parcel(&purchase, 1)).await;
            assert_eq!(socket.data("1").await["orderUpdated"]["fulfillmentStatus"], told);
        }
    }

    async fn who_reads_slower_than_it_happens_is_told_that_she_missed_some(app) {
        let tea = app.market("tea").await;
        let purchase = app.buy(&[(&tea, 2)]).await;
        let shop = shop_of(&tea).await;
        let mut slow = Socket::of(&app.url(""), &tea.shopholder).await;
        slow.begin("each", ACTIVITY, json!({ "id": shop })).await;
        slow.sync().await;
        let mut quick = Socket::of(&app.url(""), &purchase.buyer).await;
        quick.begin("1", ORDER, json!({ "id": purchase.order })).await;
        quick.data("1").await;
        stuck(&mut slow).await;
        visit(app, &tea).await;
        // More than is kept for anybody who waits.
        let cx = app.vitrine().context("test");
        let tx = cx.begin().await.unwrap();
        for _ in 0..1100 {
            let click: ClickId = cx.new_id();
            event::record(&tx, &cx, Actor::Guest, "click.recorded", click, &[("shop", shop.clone())]).await.unwrap();
        }
        tx.commit().await.unwrap();
        // Who is told how things stand, and reads, is told what comes after all this.
        tea.owner.made(SHIP, parcel(&purchase, 1)).await;
        assert_eq!(quick.data("1").await["orderUpdated"]["fulfillmentStatus"], "PARTIALLY_FULFILLED");
        let mut told = Vec::new();
        while told.last().is_none_or(|last: &Value| last["type"] != "error") {
            let heard = slow.hear().await;
            if heard["id"] == "each" {
                told.push(heard);
            }
        }
        let [click, missed] = &told[..] else { panic!("{told:#?}") };
        assert_eq!(click["payload"]["data"]["shopActivity"]["kind"], "CLICK");
        assert_eq!(missed["payload"][0]["extensions"]["code"], "TOO_SLOW");
    }

    async fn who_reads_nothing_keeps_neither_others_waiting_nor_the_server_from_stopping(app) {
        let anna = app.someone("anna").await;
        let second = app.second_node().await;
        let mut socket = Socket::of(&second.url(), &anna).await;
        stuck(&mut socket).await;
        let mut other = Socket::of(&second.url(), &anna).await;
        other.begin("1", EARNINGS, json!({})).await;
        other.data("1").await;
        // What the server writes may take 30 seconds to be read: nobody waits for that.
        tokio::time::timeout(Duration::from_secs(20), second.stop()).await.expect("the server stops");
        assert_eq!(other.closed().await, 1001);
    }

    async fn the_server_says_goodbye_when_it_stops(app) {
        let anna = app.someone("anna").await;
        let second = app.second_node().await;
        let mut socket = Socket::of(&second.url(), &anna).await;
        socket.begin("1", EARNINGS, json!({})).await;
        socket.data("1").await;
        second.stop().await;
        assert_eq!(socket.closed().await, 1001);
    }
}
