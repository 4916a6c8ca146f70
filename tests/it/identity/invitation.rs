//! Invitations by letter to work for a brand.

use chrono::TimeDelta;
use sea_orm::{EntityTrait, PaginatorTrait};
use serde_json::{Value, json};
use vitrine_model::identity::invitation;

use crate::identity::letters::{letters, token};
use crate::support::market::{Market, text};
use crate::support::staff::{ACCEPT, INVITE};
use crate::support::{App, FRONTEND, PASSWORD, Person, on_both};

const RESEND: &str = "mutation($in: BrandInvitationResendInput!) { brandInvitationResend(input: $in) { invitation { id expiresAt } userErrors { code field } } }";
const REVOKE: &str = "mutation($in: BrandInvitationRevokeInput!) { brandInvitationRevoke(input: $in) { invitation { email } userErrors { code field } } }";
const WAITING: &str =
    "query($id: ID!) { brand(id: $id) { invitations { id email role invitedBy { id } expiresAt } } }";
const OFFERED: &str =
    "query($token: String!) { invitation(token: $token) { brand { name } role expiresAt } }";
const UPDATE: &str =
    "mutation($in: BrandMemberUpdateInput!) { brandMemberUpdate(input: $in) { userErrors { code } } }";
const WHO: &str = "{ viewer { emailVerifiedAt } }";
const SUBJECT: &str = "tea asks you to work with them";

fn input(market: &Market<'_>, email: &str, role: &str) -> Value {
    json!({ "brandId": market.brand, "email": email, "role": role })
}

/// Invites whoever reads this address; the invitation's id, and the token in her last letter.
async fn invited(app: &App, market: &Market<'_>, email: &str, role: &str) -> (String, String) {
    let sent = market.owner.made(INVITE, input(market, email, role)).await;
    let id = text(&sent["invitation"]["id"]);
    app.settle().await;
    let expected = app.invitation_token(&id).await;
    let told = letters(app, email, SUBJECT);
    assert!(told.iter().any(|letter| token(letter) == expected), "{told:?}");
    (id, expected)
}

/// The code with which she is refused, if she is.
async fn accept(by: &Person<'_>, token: &str) -> Value {
    by.tried(ACCEPT, json!({ "token": token })).await["userErrors"][0]["code"].clone()
}

async fn waiting(market: &Market<'_>) -> Vec<Value> {
    let told = market.owner.ask(WAITING, json!({ "id": market.brand })).await;
    told["brand"]["invitations"].as_array().unwrap().clone()
}

async fn offered(app: &App, token: &str) -> Value {
    app.nobody().ask(OFFERED, json!({ "token": token })).await["invitation"].take()
}

on_both! {
    async fn whoever_is_invited_accepts_once_by_the_letter_and_works_for_the_brand(app) {
        let market = app.market("tea").await;
        let (id, token) = invited(app, &market, "sam@example.com", "SHIPPER").await;
        let letter = &letters(app, "sam@example.com", SUBJECT)[0];
        assert!(letter.contains(&format!("{FRONTEND}/account/invitation#vi_")), "{letter}");
        let expires = "2027-01-18T09:00:00+00:00";
        let expected = json!({ "id": id, "email": "sam@example.com", "role": "SHIPPER", "invitedBy": { "id": market.owner.id }, "expiresAt": expires });
        assert_eq!(waiting(&market).await, [expected]);
        assert_eq!(offered(app, &token).await, json!({ "brand": { "name": "tea" }, "role": "SHIPPER", "expiresAt": expires }));
        let sam = app.newcomer("sam").await;
        assert_eq!(sam.ask(WHO, json!({})).await["viewer"]["emailVerifiedAt"], json!(null));
        let joined = sam.made(ACCEPT, json!({ "token": token })).await;
        assert_eq!(joined["member"], json!({ "role": "SHIPPER", "account": { "id": sam.id } }));
        assert!(sam.ask(WHO, json!({})).await["viewer"]["emailVerifiedAt"].is_string(), "the letter proved the address");
        assert_eq!(accept(&sam, &token).await, "TOKEN_INVALID", "it is good once");
        assert_eq!(offered(app, &token).await, json!(null));
        assert!(waiting(&market).await.is_empty());
    }

    async fn an_invitation_is_for_the_address_it_was_sent_to(app) {
        let market = app.market("tea").await;
        let (_, token) = invited(app, &market, "sam@example.com", "OWNER").await;
        let (eve, sam) = (app.someone("eve").await, app.someone("sam").await);
        assert_eq!(accept(&eve, &token).await, "FORBIDDEN");
        assert_eq!(accept(&sam, "vi_guessed").await, "TOKEN_INVALID");
        assert_eq!(app.nobody().error(ACCEPT, json!({ "in": { "token": token } })).await, "UNAUTHENTICATED");
        assert_eq!(offered(app, "vi_guessed").await, json!(null));
        assert_eq!(accept(&sam, &token).await, json!(null));
    }

    async fn nobody_learns_by_inviting_whether_an_address_opens_an_account(app) {
        let market = app.market("tea").await;
        let sam = app.someone("sam").await;
        app.employ(&market.owner, &market.brand, &sam, "SHIPPER").await;
        let mut told = Vec::new();
        for email in [&*sam.email, "nobody@example.com", &market.shopholder.email] {
            let mut answer = market.owner.tried(INVITE, input(&market, email, "MANAGER")).await;
            answer["invitation"].take();
            told.push(answer);
        }
        assert!(told.iter().all(|answer| answer == &told[0] && answer["userErrors"] == json!([])), "{told:?}");
        app.settle().await;
        let (_, token) = invited(app, &market, &sam.email, "OWNER").await;
        assert_eq!(accept(&sam, &token).await, "TAKEN", "an invitation makes nobody more than she is");
        let role = "{ viewer { memberships { role } } }";
        assert_eq!(sam.ask(role, json!({})).await["viewer"]["memberships"], json!([{ "role": "SHIPPER" }]));
    }

    async fn who_does_not_own_the_brand_invites_nobody_and_sees_no_invitation(app) {
        let market = app.market("tea").await;
        let (id, _) = invited(app, &market, "sam@example.com", "SHIPPER").await;
        let (mona, eve, fresh) = (app.someone("mona").await, app.someone("eve").await, app.newcomer("fresh").await);
        app.employ(&market.owner, &market.brand, &mona, "MANAGER").await;
        for person in [&mona, &eve] {
            assert_eq!(person.refused(INVITE, input(&market, "tom@example.com", "SHIPPER")).await, "FORBIDDEN");
            assert_eq!(person.refused(REVOKE, json!({ "id": id })).await, "NOT_FOUND");
            assert_eq!(person.refused(RESEND, json!({ "id": id })).await, "NOT_FOUND");
            assert_eq!(person.error(WAITING, json!({ "id": market.brand })).await, "FORBIDDEN");
        }
        let found = "mutation($in: BrandCreateInput!) { brandCreate(input: $in) { brand { id } userErrors { message } } }";
        let brand = fresh.made(found, json!({ "handle": "ink", "name": "Ink", "country": "DE", "currency": "EUR", "defaultVatRate": 0 })).await;
        let input = json!({ "brandId": brand["brand"]["id"], "email": "tom@example.com", "role": "SHIPPER" });
        assert_eq!(fresh.refused(INVITE, input).await, "EMAIL_UNVERIFIED");
        let nowhere = json!({ "brandId": "brand_00000000000000000000000000", "email": "tom@example.com", "role": "OWNER" });
        assert_eq!(eve.refused(INVITE, nowhere.clone()).await, "NOT_FOUND");
        assert_eq!(app.operator().await.refused(INVITE, nowhere).await, "NOT_FOUND");
    }

    async fn an_invitation_taken_back_replaced_sent_again_or_too_old_opens_nothing(app) {
        let market = app.market("tea").await;
        let sam = app.someone("sam").await;
        let (first, replaced) = invited(app, &market, &sam.email, "SHIPPER").await;
        let (second, sent_again) = invited(app, &market, &sam.email, "MANAGER").await;
        assert_eq!(accept(&sam, &replaced).await, "TOKEN_INVALID");
        assert_eq!(market.owner.refused(REVOKE, json!({ "id": first })).await, "NOT_FOUND");
        app.clock.advance(TimeDelta::days(6));
        let again = market.owner.made(RESEND, json!({ "id": second })).await;
        assert_eq!(again["invitation"], json!({ "id": second, "expiresAt": "2027-01-24T09:00:00+00:00" }));
        app.settle().await;
        assert_eq!(accept(&sam, &sent_again).await, "TOKEN_INVALID");
        let taken_back = app.invitation_token(&second).await;
        assert!(letters(app, &sam.email, SUBJECT).iter().any(|letter| token(letter) == taken_back));
        assert_eq!(market.owner.made(REVOKE, json!({ "id": second })).await["invitation"]["email"], json!(sam.email));
        assert_eq!(accept(&sam, &taken_back).await, "TOKEN_INVALID");
        let (late, token) = invited(app, &market, &sam.email, "SHIPPER").await;
        app.wait(TimeDelta::days(7)).await;
        assert_eq!(accept(&sam, &token).await, "TOKEN_INVALID");
        assert_eq!(market.owner.refused(RESEND, json!({ "id": late })).await, "NOT_FOUND");
        assert!(waiting(&market).await.is_empty());
    }

    async fn what_an_owner_has_sent_is_void_once_she_is_none_any_more(app) {
        let market = app.market("tea").await;
        let (bob, eve, tom) = (app.someone("bob").await, app.someone("eve").await, app.someone("tom").await);
        app.employ(&market.owner, &market.brand, &bob, "OWNER").await;
        let sent = bob.made(INVITE, input(&market, &eve.email, "OWNER")).await;
        let token = app.invitation_token(&text(&sent["invitation"]["id"])).await;
        let (_, kept) = invited(app, &market, &tom.email, "SHIPPER").await;
        let lowered = json!({ "brandId": market.brand, "accountId": bob.id, "role": "SHIPPER" });
        market.owner.made(UPDATE, lowered).await;
        assert_eq!(accept(&eve, &token).await, "TOKEN_INVALID");
        assert_eq!(accept(&tom, &kept).await, json!(null));
    }

    async fn an_invitation_accepted_twice_at_once_makes_one_member(app) {
        let market = app.market("tea").await;
        let sam = app.someone("sam").await;
        let (_, token) = invited(app, &market, &sam.email, "SHIPPER").await;
        let (one, two) = tokio::join!(accept(&sam, &token), accept(&sam, &token));
        assert_eq!([&one, &two].iter().filter(|code| code.is_null()).count(), 1, "{one} {two}");
    }

    async fn letters_go_neither_to_everybody_nor_to_one_address_without_end(app) {
        let market = app.market("tea").await;
        let mut codes = Vec::new();
        for _ in 0..6 {
            let answer = market.owner.tried(INVITE, input(&market, "sam@example.com", "SHIPPER")).await;
            codes.push(answer["userErrors"][0]["code"].clone());
        }
        assert_eq!(codes.iter().filter(|code| **code == "TOO_MANY_ATTEMPTS").count(), 1, "{codes:?}");
        let mut last = Value::Null;
        for number in 0..45 {
            let email = format!("someone-{number}@example.com");
            last = market.owner.tried(INVITE, input(&market, &email, "SHIPPER")).await["userErrors"][0]["code"].clone();
        }
        assert_eq!(last, "TOO_MANY_ATTEMPTS", "fifty letters a day");
        app.clock.advance(TimeDelta::days(1));
        for number in 45..52 {
            let email = format!("someone-{number}@example.com");
            last = market.owner.tried(INVITE, input(&market, &email, "SHIPPER")).await["userErrors"][0]["code"].clone();
        }
        assert_eq!(last, "LIMIT_REACHED", "fifty wait for their answer");
        assert_eq!(waiting(&market).await.len(), 50);
        app.wait(TimeDelta::days(8)).await;
        assert_eq!(invitation::Entity::find().count(app.db()).await.unwrap(), 0, "who did not answer is forgotten");
    }

    async fn who_is_erased_leaves_no_invitation_and_reads_of_hers_before(app) {
        let market = app.market("tea").await;
        let (sam, thief) = (app.someone("sam").await, app.newcomer("tom").await);
        invited(app, &market, &sam.email, "SHIPPER").await;
        let (_, token) = invited(app, &market, "tom@example.com", "SHIPPER").await;
        let export = "mutation { accountDataExport { json } }";
        let told = async |person: &Person<'_>| {
            let told = person.ask(export, json!({})).await;
            let told: Value = serde_json::from_str(told["accountDataExport"]["json"].as_str().unwrap()).unwrap();
            told["invitations"].clone()
        };
        assert_eq!(told(&sam).await[0]["role"], "shipper");
        assert_eq!(told(&thief).await, json!([]), "the address is not known to be his");
        let erase = "mutation($in: AccountEraseInput!) { accountErase(input: $in) { erasedId userErrors { code } } }";
        for person in [&sam, &thief] {
            person.made(erase, json!({ "password": PASSWORD })).await;
        }
        let left: Vec<_> = waiting(&market).await.iter().map(|one| one["email"].clone()).collect();
        assert_eq!(left, ["tom@example.com"], "an account that proved nothing takes nothing away");
        let tom = app.someone("tom").await;
        assert_eq!(accept(&tom, &token).await, json!(null));
    }
}
