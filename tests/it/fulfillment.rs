//! Shipping, delivery, returns.

use chrono::TimeDelta;
use serde_json::{Value, json};

use crate::identity::api_keys::{key, new_key};
use crate::support::market::{Market, Purchase, text};
use crate::support::{App, Person, on_both};

pub(crate) const SHIP: &str = "mutation($in: FulfillmentCreateInput!) { fulfillmentCreate(input: $in) { fulfillment { id trackingCode units { state } } userErrors { code field message } } }";
const DELIVERED: &str = "mutation($in: FulfillmentDeliveredInput!) { fulfillmentDelivered(input: $in) { fulfillment { deliveredAt } userErrors { code } } }";
pub(crate) const RETURN: &str = "mutation($in: ReturnRequestInput!) { returnRequest(input: $in) { returns { id state units { state } } userErrors { code } } }";
const APPROVE: &str = "mutation($in: ReturnApproveInput!) { returnApprove(input: $in) { return { state } userErrors { code } } }";
const DECLINE: &str = "mutation($in: ReturnDeclineInput!) { returnDecline(input: $in) { return { state } userErrors { code } } }";
const ORDERS: &str = "query($id: ID!, $filter: BrandOrderFilter) { brand(id: $id) { orders(filter: $filter, first: 10) { nodes {
    orderId fulfillmentStatus buyerName deliveryAddress { line1 } goodsTotal { amount } shippingTotal { amount }
    lines { id quantity price { amount } earnings { amount } units { state } } fulfillments { carrier } } pageInfo { hasNextPage } } } }";

/// Input that ships so many pieces of the purchase's first line.
pub(crate) fn parcel(purchase: &Purchase<'_>, quantity: i32) -> Value {
    json!({
        "orderId": purchase.order,
        "lines": [{ "orderLineId": purchase.lines[0], "quantity": quantity }],
        "carrier": "DHL",
    })
}

/// Someone who works for the market's brand in that role.
pub(crate) async fn hire<'a>(app: &'a App, market: &Market<'_>, name: &str, role: &str) -> Person<'a> {
    let person = app.someone(name).await;
    app.employ(&market.owner, &market.brand, &person, role).await;
    person
}

async fn orders(person: &Person<'_>, market: &Market<'_>, status: Option<&str>) -> Vec<Value> {
    let filter = status.map(|status| json!({ "fulfillmentStatus": status }));
    let answer = person
        .ask(ORDERS, json!({ "id": market.brand, "filter": filter }))
        .await;
    answer["brand"]["orders"]["nodes"].as_array().unwrap().clone()
}

async fn ask_back(app: &App, purchase: &Purchase<'_>, quantity: i32) -> String {
    let input = json!({
        "orderId": purchase.order,
        "lines": [{ "orderLineId": purchase.lines[0], "quantity": quantity }],
        "reason": "the spout drips",
    });
    let opened = purchase.buyer.made(RETURN, input).await;
    app.settle().await;
    text(&opened["returns"][0]["id"])
}

on_both! {
    async fn a_brand_sees_its_part_of_paid_orders_and_ships_it(app) {
        let (tea, ink) = (app.market("tea").await, app.market("ink").await);
        let purchase = app.buy(&[(&tea, 2), (&ink, 1)]).await;
        let shipper = hire(app, &tea, "sam", "SHIPPER").await;

        let seen = orders(&shipper, &tea, Some("UNFULFILLED")).await;
        assert_eq!(seen.len(), 1);
        assert_eq!(seen[0]["lines"].as_array().unwrap().len(), 1, "not the other brand's lines");
        assert_eq!(seen[0]["goodsTotal"]["amount"], "189.20");
        assert_eq!(seen[0]["shippingTotal"]["amount"], "4.90");
        assert_eq!(seen[0]["lines"][0]["price"]["amount"], "94.60");
        assert_eq!(seen[0]["lines"][0]["earnings"]["amount"], "85.00");
        assert_eq!(seen[0]["buyerName"], "Berta Buyer");
        assert_eq!(seen[0]["deliveryAddress"]["line1"], "1 Mill Lane");

        shipper.made(SHIP, parcel(&purchase, 1)).await;
        assert_eq!(orders(&shipper, &tea, Some("UNFULFILLED")).await.len(), 0);
        assert_eq!(orders(&shipper, &tea, Some("PARTIALLY_FULFILLED")).await.len(), 1);
        shipper.made(SHIP, parcel(&purchase, 1)).await;
        let seen = orders(&shipper, &tea, Some("FULFILLED")).await;
        assert_eq!(seen[0]["fulfillments"].as_array().unwrap().len(), 2);
        assert_eq!(orders(&ink.owner, &ink, Some("UNFULFILLED")).await.len(), 1, "the other brand ships its own");
        assert_eq!(orders(&ink.owner, &ink, Some("NOTHING_TO_SHIP")).await.len(), 0);
        assert_eq!(orders(&ink.owner, &ink, None).await.len(), 1);
    }

    async fn a_brand_finds_its_part_of_the_order_that_a_message_names_and_of_no_other(app) {
        let (tea, ink) = (app.market("tea").await, app.market("ink").await);
        let (both, others) = (app.buy(&[(&tea, 2), (&ink, 1)]).await, app.buy(&[(&ink, 1)]).await);
        let one = "query($brand: ID!, $id: ID, $number: String) { brand(id: $brand) { order(id: $id, number: $number) { orderId number lines { quantity } } } }";
        let key = key(&tea.owner, new_key(&tea.brand, &["ORDERS_READ"])).await;
        let (key, shipper) = (app.nobody().by_key(&key.secret), hire(app, &tea, "sam", "SHIPPER").await);
        for by in [&key, &shipper] {
            let seen = by.ask(one, json!({ "brand": tea.brand, "id": both.order })).await["brand"]["order"].take();
            assert_eq!((&seen["orderId"], &seen["lines"]), (&json!(both.order), &json!([{ "quantity": 2 }])));
            let again = by.ask(one, json!({ "brand": tea.brand, "number": seen["number"] })).await["brand"]["order"].take();
            assert_eq!(again, seen);
            let nothing = by.ask(one, json!({ "brand": tea.brand, "id": others.order })).await["brand"]["order"].take();
            assert_eq!(nothing, Value::Null, "it holds nothing of the brand's");
            assert_eq!(by.error(one, json!({ "brand": ink.brand, "id": both.order })).await, "FORBIDDEN");
            assert_eq!(by.error(one, json!({ "brand": tea.brand })).await, "BAD_USER_INPUT");
        }
    }

    async fn a_page_of_orders_costs_no_statement_per_order(app) {
        let tea = app.market("tea").await;
        app.buy(&[(&tea, 1)]).await;
        let (one, few) = app.counting(orders(&tea.owner, &tea, None)).await;
        for _ in 0..6 {
            app.buy(&[(&tea, 1)]).await;
        }
        let (all, many) = app.counting(orders(&tea.owner, &tea, None)).await;
        assert_eq!((one.len(), all.len()), (1, 7));
        // Which fields share a batch is a matter of timing; that they share one is not.
        assert!(many < few + 6, "{few} statements for one order, {many} for seven");
    }

    async fn parcels_and_returns_are_seen_by_buyer_and_brand_only(app) {
        let (tea, ink) = (app.market("tea").await, app.market("ink").await);
        let purchase = app.buy(&[(&tea, 1)]).await;
        let made = tea.owner.made(SHIP, parcel(&purchase, 1)).await;
        let back = ask_back(app, &purchase, 1).await;
        let query = "query($ids: [ID!]!) { nodes(ids: $ids) { id } }";
        let ids = json!({ "ids": [made["fulfillment"]["id"], back] });
        for (person, sees) in [(&purchase.buyer, true), (&tea.owner, true), (&ink.owner, false), (&app.nobody(), false)] {
            let seen = person.ask(query, ids.clone()).await;
            let nodes = seen["nodes"].as_array().unwrap();
            assert!(nodes.iter().all(|node| node.is_object() == sees), "{seen}");
        }
    }

    async fn a_brand_orders_are_its_own_affair(app) {
        let (tea, ink) = (app.market("tea").await, app.market("ink").await);
        app.buy(&[(&tea, 1)]).await;
        let variables = json!({ "id": tea.brand });
        assert_eq!(ink.owner.error(ORDERS, variables.clone()).await, "FORBIDDEN");
        assert_eq!(app.nobody().error(ORDERS, variables).await, "UNAUTHENTICATED");
    }

    async fn a_shipper_of_another_brand_finds_no_such_order(app) {
        let (tea, ink) = (app.market("tea").await, app.market("ink").await);
        let purchase = app.buy(&[(&tea, 1)]).await;
        let shipper = hire(app, &ink, "sam", "SHIPPER").await;
        assert_eq!(shipper.refused(SHIP, parcel(&purchase, 1)).await, "NOT_FOUND");
    }

    async fn a_shipper_of_one_brand_finds_no_such_line_of_another(app) {
        let (tea, ink) = (app.market("tea").await, app.market("ink").await);
        let purchase = app.buy(&[(&tea, 1), (&ink, 1)]).await;
        let shipper = hire(app, &ink, "sam", "SHIPPER").await;
        let mut parcel = parcel(&purchase, 1);
        let lines = [&purchase.lines[0], &purchase.lines[1]];
        parcel["lines"] = lines.iter().map(|line| json!({ "orderLineId": line, "quantity": 1 })).collect();
        let refused = shipper.tried(SHIP, parcel).await;
        assert_eq!(refused["userErrors"][0]["code"], "NOT_FOUND");
        // One of the two lines is hers; the error names the other.
        let field = refused["userErrors"][0]["field"].as_array().unwrap();
        assert_eq!(field[1], "lines");
    }

    async fn no_more_is_shipped_than_was_bought(app) {
        let tea = app.market("tea").await;
        let purchase = app.buy(&[(&tea, 2)]).await;
        assert_eq!(tea.owner.refused(SHIP, parcel(&purchase, 3)).await, "TOO_FEW_UNITS");
        tea.owner.made(SHIP, parcel(&purchase, 2)).await;
        assert_eq!(tea.owner.refused(SHIP, parcel(&purchase, 1)).await, "TOO_FEW_UNITS");
        assert_eq!(tea.owner.refused(SHIP, parcel(&purchase, 0)).await, "INVALID");
    }

    async fn a_double_click_ships_one_parcel(app) {
        let tea = app.market("tea").await;
        let purchase = app.buy(&[(&tea, 2)]).await;
        let mut input = parcel(&purchase, 1);
        input["trackingCode"] = json!("JD0001");
        let first = tea.owner.made(SHIP, input.clone()).await;
        let second = tea.owner.made(SHIP, input.clone()).await;
        assert_eq!(first["fulfillment"]["id"], second["fulfillment"]["id"]);
        input["trackingCode"] = json!("JD0002");
        let third = tea.owner.made(SHIP, input).await;
        assert_ne!(first["fulfillment"]["id"], third["fulfillment"]["id"]);
    }

    async fn two_shippers_at_once_ship_each_piece_once(app) {
        let tea = app.market("tea").await;
        let purchase = app.buy(&[(&tea, 1)]).await;
        let other = hire(app, &tea, "sam", "SHIPPER").await;
        let (one, two) = futures::join!(
            tea.owner.tried(SHIP, parcel(&purchase, 1)),
            other.tried(SHIP, parcel(&purchase, 1)),
        );
        let shipped = [&one, &two].into_iter().filter(|payload| payload["fulfillment"].is_object());
        assert_eq!(shipped.count(), 1, "{one}\n{two}");
    }

    async fn a_parcel_is_delivered_once_and_not_before_it_was_shipped(app) {
        let tea = app.market("tea").await;
        let purchase = app.buy(&[(&tea, 1)]).await;
        let made = tea.owner.made(SHIP, parcel(&purchase, 1)).await;
        let id = text(&made["fulfillment"]["id"]);
        app.wait(TimeDelta::days(2)).await;
        for wrong in ["2027-01-01T00:00:00Z", "2027-02-01T00:00:00Z"] {
            let input = json!({ "fulfillmentId": id, "at": wrong });
            assert_eq!(tea.owner.refused(DELIVERED, input).await, "INVALID");
        }
        let right = json!({ "fulfillmentId": id, "at": "2027-01-12T12:00:00Z" });
        tea.owner.made(DELIVERED, right.clone()).await;
        tea.owner.made(DELIVERED, right).await;
        let other = json!({ "fulfillmentId": id, "at": "2027-01-12T13:00:00Z" });
        assert_eq!(tea.owner.refused(DELIVERED, other.clone()).await, "WRONG_STATE");
        let stranger = app.someone("stranger").await;
        assert_eq!(stranger.refused(DELIVERED, other).await, "NOT_FOUND");
    }

    async fn only_the_buyer_asks_to_return_and_only_what_was_shipped(app) {
        let tea = app.market("tea").await;
        let purchase = app.buy(&[(&tea, 2)]).await;
        let input = json!({
            "orderId": purchase.order,
            "lines": [{ "orderLineId": purchase.lines[0], "quantity": 1 }],
            "reason": "the spout drips",
        });
        assert_eq!(purchase.buyer.refused(RETURN, input.clone()).await, "TOO_FEW_UNITS");
        tea.owner.made(SHIP, parcel(&purchase, 1)).await;
        assert_eq!(tea.owner.refused(RETURN, input.clone()).await, "NOT_FOUND");
        assert_eq!(app.nobody().refused(RETURN, input.clone()).await, "NOT_FOUND");
        let opened = purchase.buyer.made(RETURN, input.clone()).await;
        assert_eq!(opened["returns"][0]["units"], json!([{ "state": "RETURNING" }]));
        assert_eq!(purchase.buyer.refused(RETURN, input).await, "TOO_FEW_UNITS");
    }

    async fn nothing_is_released_while_a_return_is_open_and_all_once_it_is_declined(app) {
        let mut tea = app.market("tea").await;
        let purchase = app.buy(&[(&tea, 1)]).await;
        tea.owner.made(SHIP, parcel(&purchase, 1)).await;
        let id = ask_back(app, &purchase, 1).await;
        app.wait(TimeDelta::days(60)).await;
        assert_eq!(released(app).await, 0);
        tea.owner.come_back().await;
        let shipper = hire(app, &tea, "sam", "SHIPPER").await;
        assert_eq!(shipper.refused(DECLINE, json!({ "returnId": id })).await, "FORBIDDEN");
        let closed = tea.owner.made(DECLINE, json!({ "returnId": id })).await;
        assert_eq!(closed["return"]["state"], "DECLINED");
        app.wait(TimeDelta::days(1)).await;
        assert_eq!(released(app).await, 1);
        assert_eq!(tea.owner.refused(APPROVE, json!({ "returnId": id })).await, "WRONG_STATE");
    }

    async fn an_approved_return_is_settled_by_the_refund_of_what_came_back(app) {
        let tea = app.market("tea").await;
        let purchase = app.buy(&[(&tea, 2)]).await;
        tea.owner.made(SHIP, parcel(&purchase, 1)).await;
        let id = ask_back(app, &purchase, 1).await;
        let approved = tea.owner.made(APPROVE, json!({ "returnId": id })).await;
        assert_eq!(approved["return"]["state"], "APPROVED");
        crate::refund::refund(&tea.owner, &purchase, 1, "first").await;
        app.settle().await;
        let query = "query($id: ID!) { node(id: $id) { ... on Return { state units { state } } } }";
        let seen = tea.owner.ask(query, json!({ "id": id })).await;
        assert_eq!(seen["node"]["state"], "REFUNDED");
        assert_eq!(seen["node"]["units"], json!([{ "state": "REFUNDED" }]), "the returned piece, not the unshipped one");
    }

    async fn a_return_is_approved_and_refunded_in_one_step(app) {
        let tea = app.market("tea").await;
        // Another sale's money covers the fee that Stripe keeps of this one.
        app.buy(&[(&tea, 1)]).await;
        let before = app.on_hand(&tea).await;
        let purchase = app.buy(&[(&tea, 1)]).await;
        tea.owner.made(SHIP, parcel(&purchase, 1)).await;
        let id = ask_back(app, &purchase, 1).await;
        let all = json!({ "returnId": id, "refund": true, "shipping": true, "restock": true });
        let settled = tea.owner.made(APPROVE, all).await;
        assert_eq!(settled["return"]["state"], "REFUNDED");
        app.settle().await;
        assert_eq!(app.on_hand(&tea).await, before);
        let query = "query($id: ID!) { order(id: $id) { returnStatus refunds { state amount { amount } } } }";
        let seen = purchase.buyer.ask(query, json!({ "id": purchase.order })).await;
        assert_eq!(seen["order"]["refunds"], json!([{ "state": "SUCCEEDED", "amount": { "amount": "99.50" } }]));
        assert_eq!(seen["order"]["returnStatus"], "RETURNED");
    }
}

/// How many goods have had the brand's part released.
async fn released(app: &App) -> usize {
    use sea_orm::{ColumnTrait, EntityTrait, QueryFilter};
    use vitrine_model::ledger::{UnitKind, unit};
    let goods = unit::Entity::find()
        .filter(unit::Column::Kind.eq(UnitKind::Goods))
        .filter(unit::Column::BrandReleasedAt.is_not_null());
    goods.all(app.db()).await.unwrap().len()
}
