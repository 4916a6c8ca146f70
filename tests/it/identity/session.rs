//! Signing in and out.

use std::time::{Duration, Instant};

use chrono::TimeDelta;
use serde_json::{Value, json};

use crate::notify::mails_to;
use crate::support::{App, PASSWORD, on_both};

const SIGN_IN: &str = "mutation($in: SessionCreateInput!) { sessionCreate(input: $in) { session { accessToken } userErrors { code field } } }";

on_both! {
    async fn a_wrong_password_and_an_unknown_address_are_told_alike(app) {
        app.someone("anna").await;
        let long = "x".repeat(1000);
        for (email, password) in [
            ("anna@example.com", "wrong horse battery"), ("nobody@example.com", PASSWORD), ("anna@example.com", "short"),
            ("nobody@example.com", ""), ("anna@example.com", &long),
        ] {
            let answer = app.nobody().ask(SIGN_IN, json!({ "in": { "email": email, "password": password } })).await;
            assert_eq!(answer["sessionCreate"]["userErrors"], json!([{ "code": "WRONG_CREDENTIALS", "field": null }]));
        }
    }

    async fn a_revoked_session_opens_nothing_any_more(app) {
        let anna = app.someone("anna").await;
        let sessions = anna.ask("{ viewer { sessions { id isCurrent } } }", json!({})).await;
        let id = &sessions["viewer"]["sessions"][0]["id"];
        let revoke = "mutation($id: ID!) { sessionRevoke(input: { id: $id }) { session { id } userErrors { code } } }";
        assert_eq!(anna.ask(revoke, json!({ "id": id })).await["sessionRevoke"]["session"]["id"], *id);
        assert_eq!(anna.error("{ viewer { id } }", json!({})).await, "UNAUTHENTICATED");
    }

    async fn anothers_session_is_not_found(app) {
        let anna = app.someone("anna").await;
        let mallory = app.someone("mallory").await;
        let sessions = anna.ask("{ viewer { sessions { id } } }", json!({})).await;
        let revoke = "mutation($id: ID!) { sessionRevoke(input: { id: $id }) { userErrors { code } } }";
        let answer = mallory.ask(revoke, json!({ "id": sessions["viewer"]["sessions"][0]["id"] })).await;
        assert_eq!(answer["sessionRevoke"]["userErrors"][0]["code"], "NOT_FOUND");
        anna.ask("{ viewer { id } }", json!({})).await;
    }
}

const REFRESH: &str = "mutation($token: String!) { sessionRefresh(input: { refreshToken: $token }) { session { accessToken refreshToken accessTokenExpiresAt refreshTokenExpiresAt sessionId } userErrors { code field } } }";
const REVOKE: &str =
    "mutation($id: ID) { sessionRevoke(input: { id: $id }) { session { id } userErrors { code } } }";
const SESSIONS: &str = "{ viewer { sessions { id isCurrent deviceName userAgent transport createdAt lastUsedAt expiresAt endsAt } } }";

async fn refresh(app: &App, token: &str) -> Value {
    app.nobody().ask(REFRESH, json!({ "token": token })).await["sessionRefresh"].take()
}

/// The HTTP status and the code of the error with which this token is answered.
async fn opens(app: &App, token: &str) -> bool {
    let request = app.http.post(app.url("/graphql")).bearer_auth(token);
    let response = request
        .json(&json!({ "query": "{ viewer { id } }" }))
        .send()
        .await
        .unwrap();
    let status = response.status();
    let answer: Value = response.json().await.unwrap();
    assert!(
        status == 200 && answer["data"]["viewer"]["id"].is_string() || status == 401,
        "{status} {answer}"
    );
    status == 200
}

fn token<'a>(payload: &'a Value, which: &str) -> &'a str {
    payload["session"][which]
        .as_str()
        .unwrap_or_else(|| panic!("no {which}: {payload}"))
}

/// One try to sign in from this address; the code of its user error.
async fn guess(app: &App, address: &str, email: &str, password: &str) -> Value {
    let request = app
        .http
        .post(app.url("/graphql"))
        .header("x-forwarded-for", address);
    let body = json!({ "query": SIGN_IN, "variables": { "in": { "email": email, "password": password } } });
    let answer: Value = request.json(&body).send().await.unwrap().json().await.unwrap();
    answer["data"]["sessionCreate"]["userErrors"][0]["code"].clone()
}

on_both! {
    async fn opening_an_account_signs_in_with_both_tokens_and_their_expiries(app) {
        let open = "mutation($in: AccountCreateInput!) { accountCreate(input: $in) { account { id } session {
            accessToken accessTokenExpiresAt refreshToken refreshTokenExpiresAt accountId } userErrors { code } } }";
        let new = json!({ "email": "anna@example.com", "name": "Anna", "password": PASSWORD });
        let made = app.nobody().ask(open, json!({ "in": new })).await["accountCreate"].take();
        assert_eq!(made["session"]["accountId"], made["account"]["id"]);
        assert_eq!(made["session"]["accessTokenExpiresAt"], "2027-01-11T09:15:00+00:00");
        assert_eq!(made["session"]["refreshTokenExpiresAt"], "2027-03-12T09:00:00+00:00");
        assert!(opens(app, token(&made, "accessToken")).await);
        assert!(!opens(app, token(&made, "refreshToken")).await, "it only refreshes");
    }

    async fn s11_an_access_token_is_short_and_a_refresh_gives_both_anew(app) {
        let anna = app.someone("anna").await;
        let (access, first) = (anna.token().await.unwrap(), anna.refresh_token().await);
        app.wait(TimeDelta::minutes(14)).await;
        assert!(opens(app, &access).await);
        app.wait(TimeDelta::minutes(1)).await;
        assert!(!opens(app, &access).await, "its quarter of an hour is over");
        let made = refresh(app, &first).await;
        assert_eq!(made["userErrors"], json!([]));
        assert!(opens(app, token(&made, "accessToken")).await);
        let next = refresh(app, token(&made, "refreshToken")).await;
        assert!(!opens(app, token(&made, "accessToken")).await, "one access token at a time");
        assert!(opens(app, token(&next, "accessToken")).await);
        assert_eq!(next["session"]["sessionId"], made["session"]["sessionId"]);
    }

    async fn s11_a_refresh_token_used_twice_kills_the_family_and_is_told_in_a_letter(app) {
        let anna = app.someone("anna").await;
        let elsewhere = app.returning(&anna.email).await;
        let stolen = anna.refresh_token().await;
        let hers = refresh(app, &stolen).await;
        let newer = refresh(app, token(&hers, "refreshToken")).await;
        let thief = refresh(app, &stolen).await;
        assert_eq!(thief["userErrors"], json!([{ "code": "TOKEN_INVALID", "field": ["input", "refreshToken"] }]));
        assert_eq!(thief["session"], json!(null));
        assert!(!opens(app, token(&newer, "accessToken")).await, "whoever has it");
        assert_eq!(refresh(app, token(&newer, "refreshToken")).await["userErrors"][0]["code"], "TOKEN_INVALID");
        assert!(opens(app, &elsewhere.token().await.unwrap()).await, "her other device is none of that");
        app.settle().await;
        assert_eq!(mails_to(app, &anna.email, &["Subject: We have signed you out on one device"]), 1);
    }

    async fn s11_two_refreshes_at_once_give_one_pair_of_tokens_and_end_the_session(app) {
        let anna = app.someone("anna").await;
        let token = anna.refresh_token().await;
        let (one, two) = tokio::join!(refresh(app, &token), refresh(app, &token));
        let given: Vec<&Value> = [&one, &two].into_iter().filter(|made| made["session"].is_object()).collect();
        assert_eq!(given.len(), 1, "{one} {two}");
        assert!(!opens(app, self::token(given[0], "accessToken")).await);
    }

    async fn s11_what_was_never_a_token_of_a_session_ends_nothing(app) {
        let anna = app.someone("anna").await;
        let real = anna.refresh_token().await;
        let access = anna.token().await.unwrap();
        for odd in ["", "vr_", "nonsense", &access, &real[..real.len() - 1], &format!("vr_{}", "x".repeat(86))] {
            assert_eq!(refresh(app, odd).await["userErrors"][0]["code"], "TOKEN_INVALID", "{odd}");
        }
        assert!(opens(app, &access).await);
        assert_eq!(refresh(app, &real).await["userErrors"], json!([]));
    }

    async fn s11_tokens_are_stored_as_hashes_only(app) {
        use sea_orm::EntityTrait;
        let anna = app.someone("anna").await;
        let kept = vitrine_model::identity::session::Entity::find().all(app.db()).await.unwrap();
        let kept = format!("{kept:?}");
        for token in [anna.token().await.unwrap(), anna.refresh_token().await] {
            assert!(!kept.contains(&token[3..]), "{kept}");
            assert!(!kept.contains(&format!("{:?}", token.as_bytes())), "{kept}");
        }
    }

    async fn s11_a_session_slides_until_it_is_unused_and_ends_at_its_limit(app) {
        let anna = app.someone("anna").await;
        let mut token = anna.refresh_token().await;
        for _ in 0..6 {
            app.wait(TimeDelta::days(59)).await;
            let made = refresh(app, &token).await;
            assert_eq!(made["userErrors"], json!([]));
            token = self::token(&made, "refreshToken").to_owned();
        }
        // 354 days have gone by: what is left is less than sixty days.
        app.wait(TimeDelta::days(12)).await;
        assert_eq!(refresh(app, &token).await["userErrors"][0]["code"], "TOKEN_INVALID", "a year is over");
        let berta = app.someone("berta").await;
        let token = berta.refresh_token().await;
        app.wait(TimeDelta::days(60)).await;
        assert_eq!(refresh(app, &token).await["userErrors"][0]["code"], "TOKEN_INVALID", "unused for too long");
    }

    async fn s11_signing_out_ends_both_tokens_at_once(app) {
        let anna = app.someone("anna").await;
        let (access, token) = (anna.token().await.unwrap(), anna.refresh_token().await);
        let ended = anna.ask(REVOKE, json!({ "id": null })).await;
        assert_eq!(ended["sessionRevoke"]["userErrors"], json!([]), "without an id it is this one");
        assert!(!opens(app, &access).await);
        assert_eq!(refresh(app, &token).await["userErrors"][0]["code"], "TOKEN_INVALID");
        app.settle().await;
        assert_eq!(app.mails().len(), 0, "that is no theft");
    }

    async fn her_devices_are_listed_and_the_others_signed_out_at_once(app) {
        let anna = app.someone("anna").await;
        app.wait(TimeDelta::minutes(1)).await;
        let request = app.http.post(app.url("/graphql")).header("user-agent", "Phone/1.0");
        let body = json!({ "query": SIGN_IN, "variables": { "in": { "email": anna.email, "password": PASSWORD, "deviceName": "Anna's phone" } } });
        let phone: Value = request.json(&body).send().await.unwrap().json().await.unwrap();
        let phone = phone["data"]["sessionCreate"]["session"]["accessToken"].as_str().unwrap().to_owned();
        let sessions = anna.ask(SESSIONS, json!({})).await["viewer"]["sessions"].take();
        assert_eq!(sessions.as_array().unwrap().len(), 2);
        assert_eq!((&sessions[0]["deviceName"], &sessions[0]["userAgent"]), (&json!("Anna's phone"), &json!("Phone/1.0")));
        assert_eq!((&sessions[0]["isCurrent"], &sessions[1]["isCurrent"]), (&json!(false), &json!(true)));
        assert_eq!((&sessions[1]["deviceName"], &sessions[1]["transport"]), (&json!(null), &json!("BEARER")));
        app.wait(TimeDelta::hours(1)).await;
        let used = anna.ask(SESSIONS, json!({})).await["viewer"]["sessions"][1].take();
        assert_eq!(used["lastUsedAt"], "2027-01-11T10:01:00+00:00");
        assert_eq!(used["endsAt"], "2028-01-11T09:00:00+00:00");
        let fresh = app.returning(&anna.email).await;
        let others = "mutation { sessionsRevokeOthers { sessions { id } userErrors { code } } }";
        let ended = anna.ask(others, json!({})).await["sessionsRevokeOthers"].take();
        assert_eq!(ended["sessions"].as_array().unwrap().len(), 2);
        assert!(!opens(app, &phone).await && !opens(app, &fresh.token().await.unwrap()).await);
        assert!(opens(app, &anna.token().await.unwrap()).await);
        assert_eq!(app.nobody().error(others, json!({})).await, "UNAUTHENTICATED");
    }

    async fn sessions_long_ended_are_forgotten(app) {
        use sea_orm::{EntityTrait, PaginatorTrait};
        let anna = app.someone("anna").await;
        anna.ask(REVOKE, json!({ "id": null })).await;
        let kept = async || vitrine_model::identity::session::Entity::find().count(app.db()).await.unwrap();
        app.wait(TimeDelta::days(29)).await;
        assert_eq!(kept().await, 1);
        app.wait(TimeDelta::days(2)).await;
        assert_eq!(kept().await, 0);
    }

    async fn s10_a_thousand_tries_over_a_hundred_addresses_are_locked_out(app) {
        app.someone("anna").await;
        let mut looked_at = 0;
        for place in 0..1000 {
            let address = format!("198.51.100.{}", place % 100);
            match guess(app, &address, "anna@example.com", &format!("wrong password {place}")).await.as_str() {
                Some("WRONG_CREDENTIALS") => looked_at += 1,
                Some("TOO_MANY_ATTEMPTS") => {}
                other => panic!("{other:?}"),
            }
        }
        assert_eq!(looked_at, 10);
        assert_eq!(guess(app, "203.0.113.1", "anna@example.com", PASSWORD).await, "TOO_MANY_ATTEMPTS", "even with the right one");
        // She herself, from where she opened her account.
        app.returning("anna@example.com").await;
        app.wait(TimeDelta::minutes(16)).await;
        assert_eq!(guess(app, "203.0.113.1", "anna@example.com", PASSWORD).await, json!(null));
    }

    async fn s10_tries_made_at_once_are_all_counted_and_an_unknown_account_is_locked_alike(app) {
        app.someone("anna").await;
        for email in ["anna@example.com", "nobody@example.com"] {
            let tries = (0..30).map(|n| async move { guess(app, &format!("198.51.100.{n}"), email, "wrong password").await });
            let codes = futures::future::join_all(tries).await;
            let looked_at = codes.iter().filter(|code| *code == "WRONG_CREDENTIALS").count();
            assert_eq!(looked_at, 10, "{email} {codes:?}");
        }
    }

    async fn s10_an_address_that_tries_many_accounts_is_locked_out_and_others_are_not(app) {
        let anna = app.someone("anna").await;
        let mut shut = 0;
        for place in 0..310 {
            let code = guess(app, "198.51.100.1", &format!("person-{}@example.com", place), "wrong password").await;
            shut += usize::from(code == "TOO_MANY_ATTEMPTS");
        }
        assert_eq!(shut, 10);
        assert_eq!(guess(app, "198.51.100.1", &anna.email, PASSWORD).await, "TOO_MANY_ATTEMPTS");
        assert_eq!(guess(app, "198.51.100.2", &anna.email, PASSWORD).await, json!(null));
    }

    async fn s10_where_she_has_signed_in_nobody_elsewhere_locks_her_out_and_who_guesses_there_is_locked_out(app) {
        let anna = app.someone("anna").await;
        let home = "198.51.100.1";
        assert_eq!(guess(app, home, &anna.email, PASSWORD).await, json!(null));
        for _ in 0..11 {
            guess(app, "203.0.113.1", &anna.email, "wrong password").await;
        }
        assert_eq!(guess(app, "203.0.113.2", &anna.email, PASSWORD).await, "TOO_MANY_ATTEMPTS");
        for _ in 0..10 {
            assert_eq!(guess(app, home, &anna.email, "wrong password").await, "WRONG_CREDENTIALS");
        }
        assert_eq!(guess(app, home, &anna.email, PASSWORD).await, "TOO_MANY_ATTEMPTS");
        app.wait(TimeDelta::days(91)).await;
        for _ in 0..11 {
            guess(app, "203.0.113.1", &anna.email, "wrong password").await;
        }
        assert_eq!(guess(app, home, &anna.email, PASSWORD).await, "TOO_MANY_ATTEMPTS", "long ago");
    }

    async fn of_very_many_sessions_the_one_longest_unused_ends(app) {
        let anna = app.someone("anna").await;
        let second = app.returning(&anna.email).await;
        for _ in 0..48 {
            app.returning(&anna.email).await;
        }
        let sessions = async || {
            let seen = second.ask(SESSIONS, json!({})).await;
            seen["viewer"]["sessions"].as_array().unwrap().len()
        };
        assert_eq!(sessions().await, 50);
        app.returning(&anna.email).await;
        assert_eq!(sessions().await, 50);
    }

    async fn who_asks_again_and_again_for_an_account_that_is_taken_waits_and_others_do_not(app) {
        let open = "mutation($in: AccountCreateInput!) { accountCreate(input: $in) { userErrors { code } } }";
        app.someone("anna").await;
        let taken = async || {
            let input = json!({ "email": "anna@example.com", "name": "Anna", "password": PASSWORD });
            app.nobody().ask(open, json!({ "in": input })).await["accountCreate"]["userErrors"][0]["code"].take()
        };
        for _ in 0..9 {
            assert_eq!(taken().await, "TAKEN");
        }
        assert_eq!(taken().await, "TOO_MANY_ATTEMPTS");
        app.someone("berta").await;
    }

    async fn s10_signing_in_forgets_the_tries_before(app) {
        let anna = app.someone("anna").await;
        for _ in 0..3 {
            for _ in 0..9 {
                assert_eq!(guess(app, "198.51.100.1", &anna.email, "wrong password").await, "WRONG_CREDENTIALS");
            }
            assert_eq!(guess(app, "198.51.100.1", &anna.email, PASSWORD).await, json!(null));
        }
    }

    async fn s09_two_hundred_sign_ins_at_once_keep_the_server_answering(app) {
        let done = std::sync::atomic::AtomicBool::new(false);
        let sign_ins = async {
            let tries = (0..200).map(|n| async move { guess(app, "198.51.100.1", &format!("person-{n}@example.com"), "wrong password").await });
            let codes = futures::future::join_all(tries).await;
            assert!(codes.iter().all(|code| code == "WRONG_CREDENTIALS"), "{codes:?}");
            done.store(true, std::sync::atomic::Ordering::Relaxed);
        };
        let health = async {
            let mut slow = Vec::new();
            while !done.load(std::sync::atomic::Ordering::Relaxed) {
                let began = Instant::now();
                assert_eq!(app.http.get(app.url("/healthz")).send().await.unwrap().status(), 200);
                slow.push(began.elapsed());
                tokio::task::yield_now().await;
            }
            slow.sort();
            slow
        };
        let ((), asked) = tokio::join!(sign_ins, health);
        // A tenth of a second, generously for a machine that builds and tests beside; what is looked at is the ninth of ten.
        let slow = asked[asked.len() * 9 / 10];
        assert!(asked.len() > 10 && slow < Duration::from_millis(100), "{slow:?} of {}", asked.len());
    }
}
