//! Curating a shop together: whom its owner invites, what she may do, and what of the earnings is hers.

use chrono::TimeDelta;
use sea_orm::{ConnectionTrait, EntityTrait};
use secrecy::ExposeSecret;
use serde_json::json;
use vitrine_domain::secret::invitation_secret;
use vitrine_model::id::ShopInvitationId;
use vitrine_model::shop::{curator, invitation};

use crate::dispute::{decided, disputed};
use crate::fulfillment::{SHIP, parcel};
use crate::identity::letters::{letters, token};
use crate::refund::refund;
use crate::support::market::{CARD, Market, Purchase, text};
use crate::support::{App, FRONTEND, Person, on_both};

pub(crate) const INVITE: &str = "mutation($in: ShopCuratorInviteInput!) { shopCuratorInvite(input: $in) { invitation { id share expiresAt } userErrors { code field } } }";
pub(crate) const ACCEPT: &str = "mutation($in: ShopInvitationAcceptInput!) { shopInvitationAccept(input: $in) { curator { share account { id } shop { id } } userErrors { code } } }";
const REVOKE: &str = "mutation($in: ShopInvitationRevokeInput!) { shopInvitationRevoke(input: $in) { invitation { email } userErrors { code } } }";
const UPDATE: &str = "mutation($in: ShopCuratorUpdateInput!) { shopCuratorUpdate(input: $in) { curator { share } userErrors { code field } } }";
const REMOVE: &str = "mutation($in: ShopCuratorRemoveInput!) { shopCuratorRemove(input: $in) { curator { share } userErrors { code field } } }";
const OFFERED: &str =
    "query($token: String!) { shopInvitation(token: $token) { shopName share invitedBy { name } } }";
const EARNED: &str = "{ viewer { earnings { available { amount } held { amount } owed { amount } toPassOn { amount } toBeShared { amount } } } }";
const STATEMENT: &str = "{ viewer { statement(first: 10) { nodes { description amount { amount } } } } }";
const SEEN: &str = "query($id: ID!) { shop(id: $id) { curators { share account { name } } invitations { email } sales(first: 5) { nodes { earnings { amount } } } } }";
const SUBJECT: &str = "tea-shopholder asks you to curate";

pub(crate) async fn shop(market: &Market<'_>) -> String {
    let shops = market
        .shopholder
        .ask("{ viewer { shops { id } } }", json!({}))
        .await;
    text(&shops["viewer"]["shops"][0]["id"])
}

impl App {
    /// Lets someone curate the market's shop with its owner, for so many basis points of what it earns.
    pub(crate) async fn share(&self, market: &Market<'_>, with: &Person<'_>, share: i32) {
        let input = json!({ "shopId": shop(market).await, "email": with.email, "share": share });
        let sent = market.shopholder.made(INVITE, input).await;
        let token = secret(self, &text(&sent["invitation"]["id"]));
        with.made(ACCEPT, json!({ "token": token })).await;
    }
}

/// The token that the letter about an invitation carries.
pub(crate) fn secret(app: &App, id: &str) -> String {
    let id: ShopInvitationId = id.parse().unwrap();
    let token = invitation_secret(&app.vitrine().context("test"), id, 1);
    token.expose_secret().to_owned()
}

/// What someone has: available, held, owed, to pass on, to be shared.
async fn purse(person: &Person<'_>) -> [String; 5] {
    let earned = person.ask(EARNED, json!({})).await["viewer"]["earnings"]
        .get(0)
        .cloned();
    ["available", "held", "owed", "toPassOn", "toBeShared"].map(|part| match &earned {
        Some(earned) => text(&earned[part]["amount"]),
        None => "0.00".to_owned(),
    })
}

/// Ships all pieces of the first line, and waits until they are released.
async fn released(app: &App, market: &mut Market<'_>, purchase: &Purchase<'_>, pieces: i32) {
    market.owner.made(SHIP, parcel(purchase, pieces)).await;
    app.wait(TimeDelta::days(60)).await;
    market.owner.come_back().await;
    market.shopholder.come_back().await;
}

on_both! {
    async fn whoever_is_invited_by_letter_curates_the_shop_and_no_more_than_that(app) {
        let tea = app.market("tea").await;
        let shop = shop(&tea).await;
        let input = json!({ "shopId": shop, "email": "sam@example.com", "share": 3000 });
        let sent = tea.shopholder.made(INVITE, input).await;
        assert_eq!(sent["invitation"]["share"], 3000);
        app.settle().await;
        let told = letters(app, "sam@example.com", SUBJECT);
        assert!(told[0].contains("30 % of what it earns"), "{told:?}");
        let token = token(&told[0]);
        assert!(token.starts_with("vi_") && told[0].contains(&format!("{FRONTEND}/account/curate#")), "{told:?}");
        let offer = app.nobody().ask(OFFERED, json!({ "token": token })).await["shopInvitation"].take();
        assert_eq!(offer, json!({ "shopName": "tea shop", "share": 3000, "invitedBy": { "name": "tea-shopholder" } }));
        let (eve, sam) = (app.someone("eve").await, app.newcomer("sam").await);
        assert_eq!(eve.refused(ACCEPT, json!({ "token": token })).await, "FORBIDDEN");
        let joined = sam.made(ACCEPT, json!({ "token": token })).await;
        assert_eq!(joined["curator"], json!({ "share": 3000, "account": { "id": sam.id }, "shop": { "id": shop } }));
        assert_eq!(sam.refused(ACCEPT, json!({ "token": token })).await, "TOKEN_INVALID", "it is good once");
        let seen = sam.ask(SEEN, json!({ "id": shop })).await["shop"].take();
        assert_eq!(seen["curators"], json!([{ "share": 3000, "account": { "name": "sam" } }]));
        let change = "mutation($in: RecommendationUpdateInput!) { recommendationUpdate(input: $in) { recommendation { note disclosure } userErrors { code } } }";
        let noted = sam.made(change, json!({ "id": tea.recommendation, "note": "Sam likes it too." })).await;
        assert!(text(&noted["recommendation"]["disclosure"]).starts_with("tea-shopholder earns"), "{noted}");
        let link = "mutation($in: ReferralLinkCreateInput!) { referralLinkCreate(input: $in) { referralLink { code } userErrors { code } } }";
        assert!(sam.made(link, json!({ "shopId": shop })).await["referralLink"]["code"].is_string());
        for (mutation, input) in [
            ("shopUpdate", json!({ "id": shop, "name": "Sam's" })),
            ("shopUnpublish", json!({ "id": shop })),
            ("shopClose", json!({ "id": shop })),
            ("shopCuratorInvite", json!({ "shopId": shop, "email": "tom@example.com", "share": 1 })),
            ("shopCuratorUpdate", json!({ "shopId": shop, "accountId": sam.id, "share": 10_000 })),
            ("shopCuratorRemove", json!({ "shopId": shop, "accountId": tea.shopholder.id })),
        ] {
            let name = format!("{}{}", mutation[..1].to_uppercase(), &mutation[1..]);
            let document = format!("mutation($in: {name}Input!) {{ {mutation}(input: $in) {{ userErrors {{ code }} }} }}");
            assert_eq!(sam.refused(&document, input).await, "NOT_FOUND", "{mutation}");
        }
        let curated = "{ viewer { curatedShops { share shop { handle } } shops { id } } }";
        let hers = sam.ask(curated, json!({})).await["viewer"].take();
        assert_eq!(hers, json!({ "curatedShops": [{ "share": 3000, "shop": { "handle": "tea-shop" } }], "shops": [] }));
    }

    async fn her_share_is_passed_on_when_the_window_closes_and_comes_back_by_refunds(app) {
        let mut tea = app.market("tea").await;
        let sam = app.someone("sam").await;
        app.share(&tea, &sam, 3333).await;
        let purchase = app.buy(&[(&tea, 2)]).await;
        // Of 8.10 for each piece 33.33 % are 2.69973.
        assert_eq!(purse(&tea.shopholder).await, ["0.00", "16.20", "0.00", "5.38", "0.00"]);
        assert_eq!(purse(&sam).await, ["0.00", "0.00", "0.00", "0.00", "5.38"]);
        released(app, &mut tea, &purchase, 2).await;
        let mut sam = sam;
        sam.come_back().await;
        assert_eq!(purse(&tea.shopholder).await, ["10.82", "0.00", "0.00", "0.00", "0.00"]);
        assert_eq!(purse(&sam).await, ["5.38", "0.00", "0.00", "0.00", "0.00"]);
        refund(&tea.owner, &purchase, 1, "late").await;
        app.settle().await;
        assert_eq!(purse(&tea.shopholder).await[0], "5.41");
        assert_eq!(purse(&sam).await[0], "2.69");
        let told = sam.ask(STATEMENT, json!({})).await["viewer"]["statement"]["nodes"].take();
        let told: Vec<&str> = told.as_array().unwrap().iter().map(|entry| entry["description"].as_str().unwrap()).collect();
        assert!(told[0].starts_with("Your share of 1 × tea") && told[0].contains("given back"), "{told:?}");
        assert!(told[1].starts_with("Your share of 2 × tea") && told[1].ends_with("available for payout"), "{told:?}");
        let hers = tea.shopholder.ask(STATEMENT, json!({})).await["viewer"]["statement"]["nodes"].take();
        assert!(hers.as_array().unwrap().iter().any(|entry| text(&entry["description"]).starts_with("Passed on to who curates")), "{hers}");
        app.assert_agreed("after a shared refund").await;
    }

    async fn what_is_given_back_before_the_window_closes_was_never_shared(app) {
        let mut tea = app.market("tea").await;
        let mut sam = app.someone("sam").await;
        app.share(&tea, &sam, 5000).await;
        let purchase = app.buy(&[(&tea, 2)]).await;
        refund(&tea.owner, &purchase, 1, "soon").await;
        app.settle().await;
        assert_eq!(purse(&sam).await, ["0.00", "0.00", "0.00", "0.00", "4.05"]);
        let list = app.stripe.api("/v1/refunds?limit=1").await;
        app.stripe.admin(&format!("refunds/{}/fail", text(&list["data"][0]["id"])), json!({})).await;
        app.settle().await;
        assert_eq!(purse(&sam).await[4], "8.10", "the refund failed: both pieces stand");
        released(app, &mut tea, &purchase, 2).await;
        sam.come_back().await;
        assert_eq!(purse(&sam).await, ["8.10", "0.00", "0.00", "0.00", "0.00"]);
        assert!(sam.ask(STATEMENT, json!({})).await["viewer"]["statement"]["nodes"].as_array().unwrap().len() == 1);
    }

    async fn a_dispute_lost_after_the_release_takes_the_share_back_and_one_won_takes_nothing(app) {
        let mut tea = app.market("tea").await;
        let mut sam = app.someone("sam").await;
        app.share(&tea, &sam, 5000).await;
        for (won, expected) in [(true, ["4.05", "4.05"]), (false, ["4.05", "4.05"])] {
            let purchase = app.buy(&[(&tea, 1)]).await;
            released(app, &mut tea, &purchase, 1).await;
            sam.come_back().await;
            let dispute = disputed(app, json!({})).await;
            decided(app, &dispute, json!({ "outcome": if won { "won" } else { "lost" } })).await;
            let [hers, sams] = [purse(&tea.shopholder).await, purse(&sam).await];
            assert_eq!([&*hers[0], &*sams[0]], expected, "won: {won}");
            assert_eq!([&*hers[2], &*sams[2]], ["0.00", "0.00"]);
        }
    }

    async fn shares_are_the_whole_at_most_and_change_for_what_is_sold_from_then_on(app) {
        let mut tea = app.market("tea").await;
        let (mut sam, mut tom) = (app.someone("sam").await, app.someone("tom").await);
        app.share(&tea, &sam, 6000).await;
        app.share(&tea, &tom, 4000).await;
        let shop = shop(&tea).await;
        let invite = |email: &str, share: i32| json!({ "shopId": shop, "email": email, "share": share });
        assert_eq!(tea.shopholder.refused(INVITE, invite("eve@example.com", 1)).await, "LIMIT_REACHED");
        assert_eq!(tea.shopholder.refused(INVITE, invite("eve@example.com", 10_001)).await, "INVALID");
        let first = app.buy(&[(&tea, 1)]).await;
        let change = |who: &Person<'_>, share: i32| json!({ "shopId": shop, "accountId": who.id, "share": share });
        assert_eq!(tea.shopholder.refused(UPDATE, change(&sam, 6001)).await, "LIMIT_REACHED");
        assert_eq!(tea.shopholder.refused(UPDATE, change(&tea.owner, 1)).await, "NOT_FOUND");
        tea.shopholder.made(UPDATE, change(&sam, 1000)).await;
        tom.made(REMOVE, json!({ "shopId": shop, "accountId": tom.id })).await;
        app.settle().await;
        assert_eq!(letters(app, &sam.email, "Your share of tea shop has changed").len(), 1);
        assert!(letters(app, &tom.email, "You no longer curate").is_empty(), "she knows what she did");
        tea.owner.made(SHIP, parcel(&first, 1)).await;
        let second = app.buy(&[(&tea, 1)]).await;
        released(app, &mut tea, &second, 1).await;
        sam.come_back().await;
        tom.come_back().await;
        // 8.10 by the old shares: 4.86 and 3.24; then 0.81 of 8.10.
        assert_eq!([&*purse(&sam).await[0], &*purse(&tom).await[0], &*purse(&tea.shopholder).await[0]], ["5.67", "3.24", "7.29"]);
        tea.shopholder.made(REMOVE, json!({ "shopId": shop, "accountId": sam.id })).await;
        app.settle().await;
        assert_eq!(letters(app, &sam.email, "You no longer curate").len(), 1);
        assert_eq!(sam.error(SEEN, json!({ "id": shop })).await, "FORBIDDEN");
    }

    async fn the_audit_finds_a_share_that_was_tampered_with(app) {
        let mut tea = app.market("tea").await;
        let sam = app.someone("sam").await;
        app.share(&tea, &sam, 5000).await;
        let purchase = app.buy(&[(&tea, 1)]).await;
        released(app, &mut tea, &purchase, 1).await;
        for (plant, undo, wrong) in [
            ("set passed = passed - 1", "set passed = passed + 1", &["each unit's parts", "each party's balances"][..]),
            ("set due = due + 1", "set due = due - 1", &["each unit's parts"]),
            ("set share_bp = share_bp + 1000", "set share_bp = share_bp - 1000", &["each unit's parts"]),
        ] {
            app.db().execute_unprepared(&format!("update unit_share {plant}")).await.unwrap();
            let report = app.audit().await;
            let found: Vec<&str> = report.checks.iter().filter(|check| check.wrong > 0).map(|check| check.name).collect();
            assert_eq!(found.len(), wrong.len(), "{plant}: {report}");
            assert!(wrong.iter().all(|words| found.iter().any(|found| found.contains(words))), "{plant}: {report}");
            app.db().execute_unprepared(&format!("update unit_share {undo}")).await.unwrap();
        }
    }

    async fn nobody_has_a_share_of_what_she_buys_herself(app) {
        let tea = app.market("tea").await;
        let sam = app.someone("sam").await;
        app.share(&tea, &sam, 5000).await;
        let cart = "mutation($in: CartCreateInput!) { cartCreate(input: $in) { cart { id } userErrors { message } } }";
        let line = json!({ "variantId": tea.variant.to_string(), "quantity": 1, "recommendationId": tea.recommendation });
        let made = sam.made(cart, json!({ "lines": [line] })).await;
        let input = app.addressed(&sam, &text(&made["cart"]["id"])).await;
        let start = "mutation($in: CheckoutStartInput!) { checkoutStart(input: $in) { order { checkoutUrl } userErrors { message } } }";
        let started = sam.made(start, input).await;
        app.stripe.pay(&text(&started["order"]["checkoutUrl"]), CARD).await;
        app.settle().await;
        assert_eq!(purse(&tea.shopholder).await[1..], ["8.10", "0.00", "0.00", "0.00"]);
        assert_eq!(purse(&sam).await[4], "0.00");
    }

    async fn an_invitation_is_replaced_taken_back_and_swept_and_only_the_owner_sees_it(app) {
        let tea = app.market("tea").await;
        let sam = app.someone("sam").await;
        app.share(&tea, &sam, 1000).await;
        let shop = shop(&tea).await;
        let invite = |share: i32| json!({ "shopId": shop, "email": "tom@example.com", "share": share });
        let first = text(&tea.shopholder.made(INVITE, invite(100)).await["invitation"]["id"]);
        let second = text(&tea.shopholder.made(INVITE, invite(200)).await["invitation"]["id"]);
        assert_eq!(tea.shopholder.refused(REVOKE, json!({ "id": first })).await, "NOT_FOUND", "it was replaced");
        let seen = async |who: &Person<'_>| who.ask(SEEN, json!({ "id": shop })).await["shop"]["invitations"].take();
        assert_eq!(seen(&tea.shopholder).await, json!([{ "email": "tom@example.com" }]));
        assert_eq!(seen(&sam).await, json!([]));
        assert_eq!(sam.refused(REVOKE, json!({ "id": second })).await, "NOT_FOUND");
        tea.shopholder.made(REVOKE, json!({ "id": second })).await;
        assert_eq!(seen(&tea.shopholder).await, json!([]));
        assert_eq!(tea.shopholder.refused(INVITE, json!({ "shopId": "shop_00000000000000000000000000", "email": "tom@example.com", "share": 1 })).await, "NOT_FOUND");
        tea.shopholder.made(INVITE, invite(300)).await;
        app.wait(TimeDelta::days(8)).await;
        assert!(invitation::Entity::find().all(app.db()).await.unwrap().is_empty(), "it is swept");
        assert_eq!(curator::Entity::find().all(app.db()).await.unwrap().len(), 1);
    }
}
