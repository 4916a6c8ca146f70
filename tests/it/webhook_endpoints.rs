//! Outgoing webhooks: a receiver on this machine is told of what concerns its brand, and of nothing else.

use chrono::TimeDelta;
use sea_orm::{EntityTrait, PaginatorTrait};
use serde_json::{Value, json};
use vitrine_model::{job, webhook};

use crate::fulfillment::hire;
use crate::support::market::{Market, text};
use crate::support::receiver::Receiver;
use crate::support::{App, Person, on_both};

const CREATE: &str = "mutation($in: WebhookEndpointCreateInput!) { webhookEndpointCreate(input: $in) { webhookEndpoint { id topics url } secret userErrors { code message field } } }";
const UPDATE: &str = "mutation($in: WebhookEndpointUpdateInput!) { webhookEndpointUpdate(input: $in) { webhookEndpoint { url topics description } userErrors { code message } } }";
const DELETE: &str = "mutation($in: WebhookEndpointInput!) { webhookEndpointDelete(input: $in) { deletedId userErrors { code message } } }";
const DISABLE: &str = "mutation($in: WebhookEndpointInput!) { webhookEndpointDisable(input: $in) { webhookEndpoint { disabledReason } userErrors { code message } } }";
const ENABLE: &str = "mutation($in: WebhookEndpointInput!) { webhookEndpointEnable(input: $in) { webhookEndpoint { disabledAt failingSince } userErrors { code message } } }";
const ROTATE: &str = "mutation($in: WebhookEndpointSecretRotateInput!) { webhookEndpointSecretRotate(input: $in) { secret webhookEndpoint { secretRotatedAt } userErrors { code message } } }";
const TEST: &str = "mutation($in: WebhookEndpointInput!) { webhookEndpointTest(input: $in) { webhookMessage { id state body } userErrors { code message } } }";
const REPLAY: &str = "mutation($in: WebhookMessageReplayInput!) { webhookMessageReplay(input: $in) { webhookMessage { state } userErrors { code message } } }";
const REPLAY_ALL: &str = "mutation($in: WebhookMessagesReplayInput!) { webhookMessagesReplay(input: $in) { replayed userErrors { code message } } }";
const SEE: &str = "query($id: ID!) { node(id: $id) { ... on WebhookMessage { state attemptCount nextAttemptAt settledAt topic eventId endpoint { id } attempts(first: 20) { totalCount nodes { number status error answer duration sentAt } } } } }";
const LOOK: &str = "query($id: ID!) { node(id: $id) { ... on WebhookEndpoint { disabledReason failingSince messages(first: 50) { totalCount nodes { id state attemptCount topic } } } } }";

/// An endpoint of the market's brand at `receiver`, for these topics: its id and its secret.
async fn listen(market: &Market<'_>, receiver: &Receiver, topics: &[&str]) -> (String, String) {
    let input = json!({ "brandId": market.brand, "url": receiver.url, "topics": topics });
    let made = market.owner.made(CREATE, input).await;
    (text(&made["webhookEndpoint"]["id"]), text(&made["secret"]))
}

/// Sends a test and lets what is due happen; the message's id.
async fn try_out(app: &App, by: &Person<'_>, endpoint: &str) -> String {
    let sent = by.made(TEST, json!({ "id": endpoint })).await;
    app.settle().await;
    text(&sent["webhookMessage"]["id"])
}

/// The letters to `to` that hold all of `words`, however their lines were broken.
fn letters_to(app: &App, to: &str, words: &[&str]) -> usize {
    let letters = app.mails().into_iter().map(|mail| mail.replace("=\r\n", ""));
    let hers = letters.filter(|mail| mail.contains(&format!("To: {to}")));
    hers.filter(|mail| words.iter().all(|word| mail.contains(word)))
        .count()
}

async fn seen(by: &Person<'_>, query: &str, id: &str) -> Value {
    by.ask(query, json!({ "id": id })).await["node"].clone()
}

on_both! {
    async fn a_brand_is_told_of_its_own_orders_by_signed_messages_that_carry_ids_only(app) {
        let (tea, cup) = (app.market("tea").await, app.market("cup").await);
        let (for_tea, for_cup) = (Receiver::start().await, Receiver::start().await);
        let (_, secret) = listen(&tea, &for_tea, &["ORDER_PAID", "ORDER_SHIPPED", "ORDER_PAID"]).await;
        let (_, other) = listen(&cup, &for_cup, &["ORDER_PAID"]).await;
        let purchase = app.buy(&[(&tea, 1)]).await;
        let heard = for_tea.heard();
        assert_eq!(heard.len(), 1);
        assert!(for_cup.heard().is_empty(), "it sells nothing in this order");
        let message = &heard[0];
        assert!(secret.starts_with("whsec_") && message.is_signed_with(&secret) && !message.is_signed_with(&other));
        assert_eq!(message.signatures(), 1);
        let told = json!({
            "type": "order.paid",
            "timestamp": message.json()["timestamp"],
            "data": { "orderId": purchase.order, "brandId": tea.brand },
        });
        assert_eq!(message.json(), told);
        assert!(text(&told["timestamp"]).starts_with("2027-01-11T09:00:00"), "{told}");
        for private in ["berta", "Berta", "Mill Lane", "example.com"] {
            assert!(!message.body.contains(private), "{}", message.body);
        }
        assert!(message.header("webhook-id").starts_with("msg_"));
        assert_eq!(message.header("content-type"), "application/json");
        app.buy(&[(&tea, 1), (&cup, 1)]).await;
        assert_eq!((for_tea.heard().len(), for_cup.heard().len()), (1, 1), "an order of both");
    }

    async fn a_refund_a_return_and_a_parcel_are_told_to_the_brand_they_are_of(app) {
        let (tea, cup) = (app.market("tea").await, app.market("cup").await);
        let (for_tea, for_cup) = (Receiver::start().await, Receiver::start().await);
        let topics = ["ORDER_SHIPPED", "REFUND_REQUESTED", "REFUND_SUCCEEDED"];
        listen(&tea, &for_tea, &topics).await;
        listen(&cup, &for_cup, &topics).await;
        let purchase = app.buy(&[(&tea, 2), (&cup, 1)]).await;
        tea.owner.made(crate::fulfillment::SHIP, crate::fulfillment::parcel(&purchase, 1)).await;
        crate::refund::refund(&tea.owner, &purchase, 1, "key").await;
        app.settle().await;
        let mut kinds: Vec<String> = for_tea.heard().iter().map(|message| text(&message.json()["type"])).collect();
        kinds.sort_unstable();
        assert_eq!(kinds, ["order.shipped", "refund.requested", "refund.succeeded"]);
        assert!(for_cup.heard().is_empty(), "nothing of it happened to the other brand");
    }

    async fn what_is_not_accepted_is_sent_again_under_its_id_ten_times(app) {
        let tea = app.market("tea").await;
        let receiver = Receiver::start().await;
        let (endpoint, secret) = listen(&tea, &receiver, &["ORDER_PAID"]).await;
        receiver.answer(500);
        let message = try_out(app, &tea.owner, &endpoint).await;
        let first = receiver.heard();
        assert_eq!(first.len(), 1);
        assert!(text(&seen(&tea.owner, LOOK, &endpoint).await["failingSince"]).starts_with("2027-01-11"));
        let pauses = [6, 6 * 60, 36 * 60, 144 * 60, 6 * 3600, 12 * 3600, 17 * 3600, 24 * 3600, 29 * 3600];
        for (sent, pause) in (1..).zip(pauses) {
            assert_eq!(seen(&tea.owner, SEE, &message).await["attemptCount"], sent);
            app.wait(TimeDelta::seconds(pause)).await;
            let again = receiver.heard();
            assert_eq!(again.len(), 1, "after {sent} attempts");
            assert!(again[0].is_signed_with(&secret), "signed with the time of this attempt");
            assert_eq!(again[0].header("webhook-id"), message);
            assert_eq!(again[0].body, first[0].body);
        }
        let given_up = seen(&tea.owner, SEE, &message).await;
        assert_eq!((&given_up["state"], &given_up["nextAttemptAt"]), (&json!("FAILED"), &json!(null)));
        assert_eq!(given_up["attempts"]["totalCount"], 10);
        let log = &given_up["attempts"]["nodes"][9];
        assert_eq!((&log["number"], &log["status"]), (&json!(10), &json!(500)));
        assert_eq!(log["answer"], "500 Internal Server Error, said the receiver");
        app.wait(TimeDelta::days(1)).await;
        assert!(receiver.heard().is_empty());
    }

    async fn what_is_accepted_at_last_is_delivered_and_the_endpoint_works_again(app) {
        let tea = app.market("tea").await;
        let receiver = Receiver::start().await;
        let (endpoint, _) = listen(&tea, &receiver, &["ORDER_PAID"]).await;
        receiver.answer(302);
        let message = try_out(app, &tea.owner, &endpoint).await;
        receiver.answer(200);
        app.wait(TimeDelta::seconds(6)).await;
        let delivered = seen(&tea.owner, SEE, &message).await;
        assert_eq!((&delivered["state"], &delivered["attemptCount"], &delivered["topic"]), (&json!("DELIVERED"), &json!(2), &json!("TEST")));
        assert_eq!(delivered["endpoint"]["id"], json!(endpoint));
        assert_eq!(seen(&tea.owner, LOOK, &endpoint).await["failingSince"], json!(null));
        assert_eq!(receiver.heard().len(), 2);
        assert_eq!(tea.owner.refused(REPLAY, json!({ "id": endpoint.replace("whe_", "msg_") })).await, "NOT_FOUND");
        tea.owner.made(REPLAY, json!({ "id": message })).await;
        assert_eq!(tea.owner.refused(REPLAY, json!({ "id": message })).await, "WRONG_STATE", "it is under way");
        app.settle().await;
        let again = receiver.heard();
        assert_eq!((again.len(), again[0].header("webhook-id")), (1, message.as_str()));
        assert_eq!(seen(&tea.owner, SEE, &message).await["attemptCount"], 3);
    }

    async fn an_endpoint_that_answers_410_is_disabled_and_can_be_told_later_what_it_missed(app) {
        let tea = app.market("tea").await;
        let manager = hire(app, &tea, "max", "MANAGER").await;
        let receiver = Receiver::start().await;
        let (endpoint, _) = listen(&tea, &receiver, &["ORDER_PAID"]).await;
        receiver.answer(410);
        app.buy(&[(&tea, 1)]).await;
        assert_eq!(receiver.heard().len(), 1);
        assert_eq!(seen(&tea.owner, LOOK, &endpoint).await["disabledReason"], "GONE");
        assert_eq!(letters_to(app, "tea-owner@example.com", &["is told nothing any more", "HTTP status 410"]), 1);
        assert_eq!(letters_to(app, "max@example.com", &["is told nothing any more"]), 0, "owners only");
        assert_eq!(tea.owner.refused(TEST, json!({ "id": endpoint })).await, "WRONG_STATE");
        app.buy(&[(&tea, 1)]).await;
        app.wait(TimeDelta::hours(1)).await;
        assert!(receiver.heard().is_empty(), "it is left alone");
        receiver.answer(204);
        assert_eq!(manager.made(ENABLE, json!({ "id": endpoint })).await["webhookEndpoint"], json!({ "disabledAt": null, "failingSince": null }));
        assert_eq!(manager.refused(ENABLE, json!({ "id": endpoint })).await, "WRONG_STATE");
        app.settle().await;
        assert!(receiver.heard().is_empty(), "what it missed is sent when somebody asks");
        let since = json!({ "endpointId": endpoint, "since": "2027-01-11T00:00:00Z" });
        assert_eq!(tea.owner.made(REPLAY_ALL, since.clone()).await["replayed"], 2);
        app.settle().await;
        assert_eq!(receiver.heard().len(), 2);
        assert_eq!(tea.owner.made(REPLAY_ALL, since.clone()).await["replayed"], 0, "both are delivered");
        let mut everything = since;
        everything["includeDelivered"] = json!(true);
        assert_eq!(tea.owner.made(REPLAY_ALL, everything.clone()).await["replayed"], 2);
        everything["since"] = json!("2027-01-11T11:00:00Z");
        assert_eq!(tea.owner.made(REPLAY_ALL, everything).await["replayed"], 0, "none is so young");
    }

    async fn an_endpoint_that_fails_for_five_days_is_disabled(app) {
        let tea = app.market("tea").await;
        let receiver = Receiver::start().await;
        let (endpoint, _) = listen(&tea, &receiver, &["ORDER_PAID"]).await;
        receiver.answer(503);
        try_out(app, &tea.owner, &endpoint).await;
        for day in 1..=5 {
            assert_eq!(seen(&tea.owner, LOOK, &endpoint).await["disabledReason"], json!(null), "before day {day}");
            app.wait(TimeDelta::days(1)).await;
            if day < 5 {
                try_out(app, &tea.owner, &endpoint).await;
            }
        }
        assert_eq!(seen(&tea.owner, LOOK, &endpoint).await["disabledReason"], "FAILING");
        assert_eq!(letters_to(app, "tea-owner@example.com", &["accepted nothing for five", &receiver.url]), 1);
        let messages = seen(&tea.owner, LOOK, &endpoint).await["messages"]["nodes"].clone();
        assert!(messages.as_array().unwrap().iter().all(|message| message["state"] == "FAILED"), "{messages}");
        receiver.heard();
        app.wait(TimeDelta::days(2)).await;
        assert!(receiver.heard().is_empty());
    }

    async fn for_a_day_after_a_rotation_both_secrets_sign(app) {
        let tea = app.market("tea").await;
        let receiver = Receiver::start().await;
        let (endpoint, old) = listen(&tea, &receiver, &["ORDER_PAID"]).await;
        let new = text(&tea.owner.made(ROTATE, json!({ "id": endpoint })).await["secret"]);
        assert_ne!(old, new);
        try_out(app, &tea.owner, &endpoint).await;
        let both = receiver.heard().remove(0);
        assert!(both.signatures() == 2 && both.is_signed_with(&old) && both.is_signed_with(&new));
        app.wait(TimeDelta::hours(24)).await;
        try_out(app, &tea.owner, &endpoint).await;
        let one = receiver.heard().remove(0);
        assert!(one.signatures() == 1 && one.is_signed_with(&new) && !one.is_signed_with(&old));
    }

    async fn a_second_rotation_within_a_day_is_refused_unless_it_revokes_the_old_secret(app) {
        let mut tea = app.market("tea").await;
        let receiver = Receiver::start().await;
        let (endpoint, deployed) = listen(&tea, &receiver, &["ORDER_PAID"]).await;
        let next = text(&tea.owner.made(ROTATE, json!({ "id": endpoint })).await["secret"]);
        app.wait(TimeDelta::hours(23)).await;
        tea.owner.come_back().await;
        assert_eq!(tea.owner.refused(ROTATE, json!({ "id": endpoint })).await, "WRONG_STATE");
        try_out(app, &tea.owner, &endpoint).await;
        let both = receiver.heard().remove(0);
        assert!(both.is_signed_with(&deployed) && both.is_signed_with(&next), "the deployed secret still signs");
        let revoking = json!({ "id": endpoint, "revokeOld": true });
        let third = text(&tea.owner.made(ROTATE, revoking.clone()).await["secret"]);
        try_out(app, &tea.owner, &endpoint).await;
        let one = receiver.heard().remove(0);
        assert!(one.signatures() == 1 && one.is_signed_with(&third) && !one.is_signed_with(&next));
        let fourth = text(&tea.owner.made(ROTATE, json!({ "id": endpoint })).await["secret"]);
        try_out(app, &tea.owner, &endpoint).await;
        let both = receiver.heard().remove(0);
        assert!(both.is_signed_with(&third) && both.is_signed_with(&fourth), "one secret counted: there is room for two");
    }

    async fn a_neighbour_with_many_messages_does_not_hold_up_another_brands(app) {
        use vitrine_domain::jobs;

        let (tea, cup) = (app.market("tea").await, app.market("cup").await);
        let (first, second, for_cup) = (Receiver::start().await, Receiver::start().await, Receiver::start().await);
        let (slow, _) = listen(&tea, &first, &["ORDER_PAID"]).await;
        let (also_slow, _) = listen(&tea, &second, &["ORDER_PAID"]).await;
        let (endpoint, _) = listen(&cup, &for_cup, &["ORDER_PAID"]).await;
        for _ in 0..10 {
            tea.owner.made(TEST, json!({ "id": slow })).await;
            tea.owner.made(TEST, json!({ "id": also_slow })).await;
        }
        let cx = app.vitrine().context("lanes");
        let context = |name: &str| app.vitrine().context(name);
        // Claimed and not done: as if the receivers did not answer.
        let mut under_way = jobs::begin_outward(&cx, 64, &context).await.unwrap();
        assert_eq!(under_way.len(), 4, "of one brand, however many endpoints it has");
        cup.owner.made(TEST, json!({ "id": endpoint })).await;
        for message in jobs::begin_outward(&cx, 64, &context).await.unwrap() {
            message.await.unwrap();
        }
        assert_eq!((first.heard().len() + second.heard().len(), for_cup.heard().len()), (0, 1));
        under_way.pop().unwrap().await.unwrap();
        let next = jobs::begin_outward(&cx, 64, &context).await.unwrap();
        assert_eq!(next.len(), 1, "one is through, so one is begun");
        for message in under_way.into_iter().chain(next) {
            message.await.unwrap();
        }
        app.settle().await;
        assert_eq!(first.heard().len() + second.heard().len(), 20);
    }

    async fn tests_and_replays_of_a_brand_are_counted(app) {
        let (mut tea, cup) = (app.market("tea").await, app.market("cup").await);
        let receiver = Receiver::start().await;
        let (endpoint, _) = listen(&tea, &receiver, &["ORDER_PAID"]).await;
        let (other, _) = listen(&tea, &receiver, &["ORDER_PAID"]).await;
        let (of_cup, _) = listen(&cup, &receiver, &["ORDER_PAID"]).await;
        let message = try_out(app, &tea.owner, &endpoint).await;
        for _ in 1..60 {
            assert_eq!(cup.owner.refused(TEST, json!({ "id": endpoint })).await, "NOT_FOUND", "strangers use nothing up");
            tea.owner.made(TEST, json!({ "id": endpoint })).await;
        }
        assert_eq!(tea.owner.refused(TEST, json!({ "id": other })).await, "TOO_MANY_ATTEMPTS");
        assert_eq!(tea.owner.refused(REPLAY, json!({ "id": message })).await, "TOO_MANY_ATTEMPTS");
        cup.owner.made(TEST, json!({ "id": of_cup })).await;
        let all = json!({ "endpointId": endpoint, "since": "2027-01-11T00:00:00Z", "includeDelivered": true });
        for _ in 0..20 {
            tea.owner.made(REPLAY_ALL, all.clone()).await;
        }
        assert_eq!(tea.owner.refused(REPLAY_ALL, all.clone()).await, "TOO_MANY_ATTEMPTS");
        app.wait(TimeDelta::hours(1)).await;
        tea.owner.come_back().await;
        tea.owner.made(TEST, json!({ "id": other })).await;
        tea.owner.made(REPLAY_ALL, all).await;
    }

    async fn what_an_address_answered_that_the_endpoint_has_left_is_not_held_against_the_new_one(app) {
        let tea = app.market("tea").await;
        let (left, new) = (Receiver::start().await, Receiver::start().await);
        let (endpoint, _) = listen(&tea, &left, &["ORDER_PAID"]).await;
        for (status, receiver, other) in [(410, &left, &new), (500, &new, &left)] {
            receiver.answer(status);
            other.answer(204);
            other.heard();
            let silence = receiver.silence().await;
            let leave = async {
                receiver.arrival().await;
                tea.owner.made(UPDATE, json!({ "id": endpoint, "url": other.url })).await;
                drop(silence);
            };
            let (message, ()) = tokio::join!(try_out(app, &tea.owner, &endpoint), leave);
            let now = seen(&tea.owner, LOOK, &endpoint).await;
            assert_eq!((&now["disabledReason"], &now["failingSince"]), (&json!(null), &json!(null)), "{status}");
            app.wait(TimeDelta::seconds(6)).await;
            let heard = other.heard();
            assert!(heard.iter().any(|sent| sent.header("webhook-id") == message), "it is sent again, to the new one");
        }
        left.answer(500);
        try_out(app, &tea.owner, &endpoint).await;
        let failing = seen(&tea.owner, LOOK, &endpoint).await["failingSince"].clone();
        assert_ne!(failing, json!(null));
        tea.owner.made(UPDATE, json!({ "id": endpoint, "url": left.url })).await;
        assert_eq!(seen(&tea.owner, LOOK, &endpoint).await["failingSince"], failing, "it is the same address");
        tea.owner.made(UPDATE, json!({ "id": endpoint, "url": new.url })).await;
        assert_eq!(seen(&tea.owner, LOOK, &endpoint).await["failingSince"], json!(null));
    }

    async fn the_platforms_own_endpoint_is_told_of_every_brand(app) {
        let operator = app.operator().await;
        let (tea, cup) = (app.market("tea").await, app.market("cup").await);
        let receiver = Receiver::start().await;
        let input = json!({ "url": receiver.url, "topics": ["ORDER_PAID"] });
        assert_eq!(tea.owner.refused(CREATE, input.clone()).await, "FORBIDDEN");
        let made = operator.made(CREATE, input).await;
        app.buy(&[(&tea, 1), (&cup, 1)]).await;
        let heard = receiver.heard();
        assert!(heard.len() == 1 && heard[0].is_signed_with(&text(&made["secret"])));
        let mut brands = [tea.brand.clone(), cup.brand.clone()];
        brands.sort_unstable();
        assert_eq!(heard[0].json()["data"]["brandIds"], json!(brands));
        let own = operator.ask("{ webhookEndpoints(first: 5) { totalCount nodes { id brand { id } } } }", json!({})).await;
        assert_eq!(own["webhookEndpoints"]["totalCount"], 1);
        assert_eq!(own["webhookEndpoints"]["nodes"][0]["brand"], json!(null));
    }

    async fn others_learn_nothing_of_an_endpoint_and_change_nothing(app) {
        let (tea, cup) = (app.market("tea").await, app.market("cup").await);
        let shipper = hire(app, &tea, "sam", "SHIPPER").await;
        let receiver = Receiver::start().await;
        let (endpoint, _) = listen(&tea, &receiver, &["ORDER_PAID"]).await;
        let message = try_out(app, &tea.owner, &endpoint).await;
        let list = "query($id: ID!) { node(id: $id) { ... on Brand { webhookEndpoints(first: 5) { nodes { url } } } } }";
        for stranger in [&cup.owner, &shipper, &app.nobody()] {
            assert_eq!(seen(stranger, LOOK, &endpoint).await, json!(null));
            assert_eq!(seen(stranger, SEE, &message).await, json!(null));
            let refused = stranger.send(list, json!({ "id": tea.brand })).await;
            assert_eq!(refused["data"]["node"]["webhookEndpoints"], json!(null), "{refused}");
        }
        for stranger in [&cup.owner, &shipper] {
            for mutation in [DELETE, DISABLE, ENABLE, ROTATE, TEST, UPDATE] {
                assert_eq!(stranger.refused(mutation, json!({ "id": endpoint })).await, "NOT_FOUND", "{mutation}");
            }
            assert_eq!(stranger.refused(REPLAY, json!({ "id": message })).await, "NOT_FOUND");
            let all = json!({ "endpointId": endpoint, "since": "2027-01-11T00:00:00Z" });
            assert_eq!(stranger.refused(REPLAY_ALL, all).await, "NOT_FOUND");
            let input = json!({ "brandId": tea.brand, "url": receiver.url, "topics": ["ORDER_PAID"] });
            assert_eq!(stranger.refused(CREATE, input).await, "FORBIDDEN");
        }
        let own = tea.owner.ask(list, json!({ "id": tea.brand })).await;
        assert_eq!(own["node"]["webhookEndpoints"]["nodes"][0]["url"], json!(receiver.url));
    }

    async fn an_endpoint_is_changed_disabled_and_removed_with_all_it_was_told(app) {
        let tea = app.market("tea").await;
        let (first, second) = (Receiver::start().await, Receiver::start().await);
        let (endpoint, _) = listen(&tea, &first, &["ORDER_PAID"]).await;
        for (topics, url) in [(json!([]), first.url.as_str()), (json!(["TEST"]), first.url.as_str()), (json!(["ORDER_PAID"]), "https://anna@example.com/")] {
            let input = json!({ "brandId": tea.brand, "url": url, "topics": topics });
            assert_eq!(tea.owner.refused(CREATE, input).await, "INVALID");
        }
        let change = json!({ "id": endpoint, "url": second.url, "topics": ["ORDER_PAID", "ORDER_CANCELLED"], "description": "stock" });
        let changed = tea.owner.made(UPDATE, change).await;
        assert_eq!(changed["webhookEndpoint"], json!({ "url": second.url, "topics": ["ORDER_PAID", "ORDER_CANCELLED"], "description": "stock" }));
        try_out(app, &tea.owner, &endpoint).await;
        assert_eq!((first.heard().len(), second.heard().len()), (0, 1));
        assert_eq!(tea.owner.made(DISABLE, json!({ "id": endpoint })).await["webhookEndpoint"]["disabledReason"], "MANUAL");
        assert_eq!(tea.owner.refused(DISABLE, json!({ "id": endpoint })).await, "WRONG_STATE");
        assert_eq!(letters_to(app, "tea-owner@example.com", &["told nothing any more"]), 0, "she did it herself");
        assert_eq!(tea.owner.made(DELETE, json!({ "id": endpoint })).await["deletedId"], json!(endpoint));
        assert_eq!(seen(&tea.owner, LOOK, &endpoint).await, json!(null));
        assert_eq!(webhook::message::Entity::find().count(app.db()).await.unwrap(), 0);
        assert_eq!(webhook::attempt::Entity::find().count(app.db()).await.unwrap(), 0);
        for _ in 0..20 {
            listen(&tea, &first, &["ORDER_PAID"]).await;
        }
        let input = json!({ "brandId": tea.brand, "url": first.url, "topics": ["ORDER_PAID"] });
        assert_eq!(tea.owner.refused(CREATE, input).await, "LIMIT_REACHED");
    }

    async fn an_event_that_nobody_listens_to_costs_no_job(app) {
        let tea = app.market("tea").await;
        app.settle().await;
        let before = job::Entity::find().count(app.db()).await.unwrap();
        let count = |key: &str| json!({ "variantId": tea.variant.to_string(), "onHand": 7, "idempotencyKey": key });
        let set = "mutation($in: VariantStockSetInput!) { variantStockSet(input: $in) { userErrors { message } } }";
        tea.owner.made(set, count("1")).await;
        assert_eq!(job::Entity::find().count(app.db()).await.unwrap(), before);
        let receiver = Receiver::start().await;
        listen(&tea, &receiver, &["STOCK_SET"]).await;
        tea.owner.made(set, count("2")).await;
        assert_eq!(job::Entity::find().count(app.db()).await.unwrap(), before + 1);
        app.settle().await;
        assert_eq!(receiver.heard()[0].json()["data"]["variantId"], json!(tea.variant.to_string()));
    }

    async fn messages_have_a_lane_of_their_own_and_an_attempt_is_made_once(app) {
        use vitrine_domain::jobs::{self, Job, Lane};

        let tea = app.market("tea").await;
        let receiver = Receiver::start().await;
        let (endpoint, _) = listen(&tea, &receiver, &["ORDER_PAID"]).await;
        let sent = tea.owner.made(TEST, json!({ "id": endpoint })).await;
        let message = text(&sent["webhookMessage"]["id"]);
        let cx = app.vitrine().context("lanes");
        let context = |name: &str| app.vitrine().context(name);
        for lane in [Lane::Quick, Lane::Long] {
            jobs::run_due(&cx, lane, 50, &context, &|| false).await.unwrap();
        }
        assert!(receiver.heard().is_empty(), "no payment waits behind a receiver");
        let tx = cx.begin().await.unwrap();
        for attempt in [1, 1, 2] {
            let job = Job::WebhookDeliver { message: message.clone(), attempt, group: tea.brand.clone() };
            jobs::enqueue(&tx, &cx, &job, cx.now(), None).await.unwrap();
        }
        tx.commit().await.unwrap();
        for _ in 0..4 {
            jobs::run_due(&cx, Lane::Outward, 1, &context, &|| false).await.unwrap();
        }
        app.settle().await;
        assert_eq!(receiver.heard().len(), 1);
        assert_eq!(seen(&tea.owner, SEE, &message).await["attempts"]["totalCount"], 1);
    }

    async fn what_came_to_an_end_is_forgotten_after_a_month(app) {
        let mut tea = app.market("tea").await;
        let receiver = Receiver::start().await;
        let (endpoint, _) = listen(&tea, &receiver, &["ORDER_PAID"]).await;
        try_out(app, &tea.owner, &endpoint).await;
        app.wait(TimeDelta::days(29)).await;
        tea.owner.come_back().await;
        assert_eq!(seen(&tea.owner, LOOK, &endpoint).await["messages"]["totalCount"], 1);
        app.wait(TimeDelta::days(2)).await;
        tea.owner.come_back().await;
        assert_eq!(seen(&tea.owner, LOOK, &endpoint).await["messages"]["totalCount"], 0);
        assert_eq!(webhook::attempt::Entity::find().count(app.db()).await.unwrap(), 0);
    }
}
