//! Sessions of browsers, kept as cookies.

use chrono::TimeDelta;
use reqwest::header::{COOKIE, HeaderMap, HeaderValue, SET_COOKIE};
use reqwest::{Method, Response};
use serde_json::{Value, json};

use crate::support::{App, FRONTEND, PASSWORD, on_both};

const SIGN_IN: &str = "mutation($in: SessionCreateInput!) { sessionCreate(input: $in) { session { accessToken refreshToken sessionId } userErrors { code } } }";
const REFRESH: &str =
    "mutation { sessionRefresh(input: {}) { session { accessToken refreshToken } userErrors { code } } }";
const REVOKE: &str = "mutation { sessionRevoke(input: {}) { session { id } userErrors { code } } }";
const RENAME: &str = "mutation { accountUpdate(input: { name: \"Mallory\" }) { userErrors { code } } }";
const WHO: &str = "{ viewer { id name } }";

/// Where a request says that it comes from, with the headers that say so, and whether that is a page of ours.
type Whence<'a> = (&'a str, &'a [(&'a str, &'a str)], bool);

/// The cookies that a response sets, as `name=value` and attributes.
fn set(response: &Response) -> Vec<String> {
    let set = response.headers().get_all(SET_COOKIE).iter();
    set.map(|value| value.to_str().unwrap().to_owned()).collect()
}

/// What a browser sends back of them.
fn kept(set: &[String]) -> String {
    let pairs = set.iter().filter(|cookie| !cookie.contains("Max-Age=0"));
    pairs
        .map(|cookie| cookie.split(';').next().unwrap())
        .collect::<Vec<_>>()
        .join("; ")
}

/// A request from a page of this origin.
async fn from(app: &App, origin: &str, cookies: &str, query: &str, variables: Value) -> Response {
    let request = app
        .http
        .post(app.url("/graphql"))
        .header("origin", origin)
        .header(COOKIE, cookies);
    request
        .json(&json!({ "query": query, "variables": variables }))
        .send()
        .await
        .unwrap()
}

async fn sign_in(app: &App, email: &str) -> (Response, String) {
    let input = json!({ "in": { "email": email, "password": PASSWORD, "transport": "COOKIE" } });
    let response = from(app, FRONTEND, "", SIGN_IN, input).await;
    let cookies = kept(&set(&response));
    (response, cookies)
}

async fn data(response: Response) -> Value {
    let body: Value = response.json().await.unwrap();
    assert!(body.get("errors").is_none(), "{body}");
    body["data"].clone()
}

async fn code(response: Response) -> Value {
    response.json::<Value>().await.unwrap()["errors"][0]["extensions"]["code"].clone()
}

on_both! {
    async fn a_browser_is_given_cookies_that_no_script_reads_and_no_tokens(app) {
        let anna = app.someone("anna").await;
        let (response, cookies) = sign_in(app, &anna.email).await;
        assert_eq!(response.headers()["access-control-allow-credentials"], "true");
        let set = set(&response);
        assert_eq!(set.len(), 2);
        for (cookie, (name, age)) in set.iter().zip([("vitrine-access=vs_", "Max-Age=900"), ("vitrine-refresh=vr_", "Max-Age=5184000")]) {
            assert!(cookie.starts_with(name), "{cookie}");
            for attribute in ["HttpOnly", "SameSite=Lax", "Path=/", age] {
                assert!(cookie.contains(&format!("; {attribute}")), "{cookie}");
            }
            assert!(!cookie.contains("Domain"), "{cookie}");
        }
        let made = data(response).await["sessionCreate"].take();
        assert_eq!((&made["session"]["accessToken"], &made["session"]["refreshToken"]), (&json!(null), &json!(null)));
        let seen = data(from(app, FRONTEND, &cookies, WHO, json!({})).await).await;
        assert_eq!(seen["viewer"]["id"], anna.id.as_str());
    }

    async fn cookies_are_refreshed_and_thrown_away_at_sign_out(app) {
        let anna = app.someone("anna").await;
        let (_, cookies) = sign_in(app, &anna.email).await;
        let refreshed = from(app, FRONTEND, &cookies, REFRESH, json!({})).await;
        let newer = kept(&set(&refreshed));
        assert_ne!(newer, cookies);
        let made = data(refreshed).await["sessionRefresh"].take();
        assert_eq!(made, json!({ "session": { "accessToken": null, "refreshToken": null }, "userErrors": [] }));
        let stale = from(app, FRONTEND, &cookies, WHO, json!({})).await;
        assert_eq!(stale.status(), 401);
        assert_eq!(set(&stale), Vec::<String>::new(), "another tab may have newer ones by now");
        let out = from(app, FRONTEND, &newer, REVOKE, json!({})).await;
        let thrown = set(&out);
        assert!(thrown.len() == 2 && thrown.iter().all(|cookie| cookie.contains("Max-Age=0")), "{thrown:?}");
        assert_eq!(from(app, FRONTEND, &newer, WHO, json!({})).await.status(), 401);
    }

    async fn a_browser_whose_access_token_has_run_out_is_never_taken_for_nobody(app) {
        let anna = app.someone("anna").await;
        let (_, cookies) = sign_in(app, &anna.email).await;
        app.wait(TimeDelta::minutes(16)).await;
        // The browser has thrown the one away whose age was over.
        let refresh = cookies.split("; ").nth(1).unwrap();
        for cookies in [refresh, cookies.as_str()] {
            for query in [WHO, "{ shops { nodes { id } } }", "mutation { cartCreate(input: {}) { cart { id } } }", "mutation { ...on Mutation { sessionRevoke(input: {}) { userErrors { code } } } }"] {
                let response = from(app, FRONTEND, cookies, query, json!({})).await;
                assert_eq!(response.status(), 401, "{query}");
                assert_eq!(response.headers()["www-authenticate"], "Bearer");
                assert_eq!(code(response).await, "UNAUTHENTICATED", "{query}");
            }
        }
        let newer = kept(&set(&from(app, FRONTEND, refresh, REFRESH, json!({})).await));
        let seen = data(from(app, FRONTEND, &newer, WHO, json!({})).await).await;
        assert_eq!(seen["viewer"]["id"], anna.id.as_str());
    }

    async fn who_has_lapsed_cookies_may_sign_in_in_every_way(app) {
        let anna = app.someone("anna").await;
        let (_, cookies) = sign_in(app, &anna.email).await;
        app.wait(TimeDelta::minutes(16)).await;
        let ways = [
            "sessionExternalStart(input: { provider: \"none\", redirectUri: \"https://shop.example.com/back\" })",
            "sessionExternalFinish(input: { state: \"x\", code: \"x\", key: \"x\" })",
            "sessionChallengeAnswer(input: { challenge: \"x\", code: \"123456\" })",
            "sessionPasskeyChallengeCreate",
        ];
        for way in ways {
            let query = format!("mutation {{ {way} {{ userErrors {{ code }} }} }}");
            let response = from(app, FRONTEND, &cookies, &query, json!({})).await;
            assert_eq!(response.status(), 200, "{way}");
            let told: Value = response.json().await.unwrap();
            assert!(told.get("errors").is_none(), "{way}: {told}");
        }
        let twice = "mutation { one: sessionExternalFinish(input: { state: \"x\", code: \"x\", key: \"x\" }) { userErrors { code } }
            two: sessionExternalFinish(input: { state: \"y\", code: \"x\", key: \"x\" }) { userErrors { code } } }";
        let guessing = from(app, FRONTEND, &cookies, twice, json!({})).await;
        assert_eq!(code(guessing).await, "TOO_COMPLEX", "one guess a request");
    }

    async fn signing_in_anew_and_signing_out_need_no_good_access_cookie(app) {
        let anna = app.someone("anna").await;
        let (_, cookies) = sign_in(app, &anna.email).await;
        app.wait(TimeDelta::minutes(16)).await;
        let input = json!({ "in": { "email": anna.email, "password": PASSWORD, "transport": "COOKIE" } });
        let newer = kept(&set(&from(app, FRONTEND, &cookies, SIGN_IN, input).await));
        assert_eq!(from(app, FRONTEND, &newer, WHO, json!({})).await.status(), 200);
        let ended = async |cookies: &str| {
            let late = data(from(app, FRONTEND, cookies, REFRESH, json!({})).await).await;
            late["sessionRefresh"]["userErrors"][0]["code"] == "TOKEN_INVALID"
        };
        assert!(ended(&cookies).await, "a browser has one session");
        app.wait(TimeDelta::minutes(16)).await;
        let out = "mutation { sessionRevoke(input: {}) { userErrors { code } } }";
        let response = from(app, FRONTEND, &newer, out, json!({})).await;
        let thrown = set(&response);
        assert!(thrown.len() == 2 && thrown.iter().all(|cookie| cookie.contains("Max-Age=0")), "{thrown:?}");
        assert_eq!(data(response).await["sessionRevoke"]["userErrors"], json!([]));
        assert!(ended(&newer).await);
    }

    async fn an_app_signs_out_with_its_refresh_token_even_an_older_one(app) {
        let anna = app.someone("anna").await;
        let older = anna.refresh_token().await;
        let refresh = "mutation($token: String!) { sessionRefresh(input: { refreshToken: $token }) { session { accessToken } userErrors { code } } }";
        let session = app.nobody().ask(refresh, json!({ "token": older })).await["sessionRefresh"]["session"].take();
        let out = "mutation($token: String) { sessionRevoke(input: { refreshToken: $token }) { userErrors { code } } }";
        let ended = app.nobody().ask(out, json!({ "token": older })).await;
        assert_eq!(ended["sessionRevoke"]["userErrors"], json!([]));
        let request = app.http.post(app.url("/graphql")).bearer_auth(session["accessToken"].as_str().unwrap());
        assert_eq!(request.json(&json!({ "query": WHO })).send().await.unwrap().status(), 401);
        let nobody = app.nobody().ask(out, json!({})).await;
        assert_eq!(nobody["sessionRevoke"]["userErrors"][0]["code"], "NOT_FOUND", "who brings nothing has no session");
        for token in [json!(older), json!("vr_never")] {
            let refused = app.nobody().ask(out, json!({ "token": token })).await;
            assert_eq!(refused["sessionRevoke"]["userErrors"][0]["code"], "TOKEN_INVALID", "{token}");
        }
    }

    async fn others_cookies_may_hold_anything(app) {
        let anna = app.someone("anna").await;
        let (_, cookies) = sign_in(app, &anna.email).await;
        let cookies = HeaderValue::from_bytes(&[b"name=\xfc; ", cookies.as_bytes()].concat()).unwrap();
        let request = app.http.post(app.url("/graphql")).header("origin", FRONTEND).header(COOKIE, cookies);
        let seen = data(request.json(&json!({ "query": WHO })).send().await.unwrap()).await;
        assert_eq!(seen["viewer"]["id"], anna.id.as_str());
    }

    async fn a_refresh_cookie_used_twice_ends_the_session_and_is_thrown_away(app) {
        let anna = app.someone("anna").await;
        let (_, cookies) = sign_in(app, &anna.email).await;
        let refresh = cookies.split("; ").nth(1).unwrap();
        let newer = kept(&set(&from(app, FRONTEND, refresh, REFRESH, json!({})).await));
        let again = from(app, FRONTEND, refresh, REFRESH, json!({})).await;
        assert_eq!(set(&again).len(), 2);
        assert_eq!(data(again).await["sessionRefresh"]["userErrors"][0]["code"], "TOKEN_INVALID");
        assert_eq!(from(app, FRONTEND, &newer, WHO, json!({})).await.status(), 401);
    }

    async fn what_a_browser_keeps_is_not_told_to_scripts_by_refreshing_otherwise(app) {
        let anna = app.someone("anna").await;
        let (_, cookies) = sign_in(app, &anna.email).await;
        let token = cookies.split("vitrine-refresh=").nth(1).unwrap();
        let refresh = "mutation($token: String!) { sessionRefresh(input: { refreshToken: $token }) { session { accessToken } userErrors { code } } }";
        let told = app.nobody().ask(refresh, json!({ "token": token })).await;
        assert_eq!(told["sessionRefresh"]["userErrors"][0]["code"], "TOKEN_INVALID");
        let cookie = format!("vitrine-refresh={}", anna.refresh_token().await);
        let kept = data(from(app, FRONTEND, &cookie, REFRESH, json!({})).await).await;
        assert_eq!(kept["sessionRefresh"]["userErrors"][0]["code"], "TOKEN_INVALID");
    }

    async fn cookies_are_not_given_to_pages_that_are_not_ours_nor_to_what_is_no_browser(app) {
        let anna = app.someone("anna").await;
        let input = json!({ "in": { "email": anna.email, "password": PASSWORD, "transport": "COOKIE" } });
        assert_eq!(app.nobody().error(SIGN_IN, input.clone()).await, "FORBIDDEN");
        let response = from(app, "https://evil.example", "", SIGN_IN, input).await;
        assert_eq!(set(&response).len(), 0);
        assert_eq!(code(response).await, "FORBIDDEN");
    }

    async fn a_bearer_token_needs_no_origin_and_goes_before_cookies(app) {
        let (anna, berta) = (app.someone("anna").await, app.someone("berta").await);
        let (_, cookies) = sign_in(app, &anna.email).await;
        let request = app.http.post(app.url("/graphql")).header(COOKIE, cookies).bearer_auth(berta.token().await.unwrap());
        let seen = data(request.json(&json!({ "query": WHO })).send().await.unwrap()).await;
        assert_eq!(seen["viewer"]["id"], berta.id.as_str());
    }

    async fn s05_method_type_and_origin_of_a_request_with_a_cookie(app) {
        let anna = app.someone("anna").await;
        let (_, cookies) = sign_in(app, &anna.email).await;
        let own = app.url("");
        let origins: [Whence<'_>; 11] = [
            ("a frontend's page", &[("origin", FRONTEND)], true),
            ("a frontend's page on another site", &[("origin", FRONTEND), ("sec-fetch-site", "cross-site")], true),
            ("a page of the server's own", &[("origin", &own)], true),
            ("the same, where browsers leave the origin out", &[("sec-fetch-site", "same-origin")], true),
            ("another site's page", &[("origin", "https://evil.example"), ("sec-fetch-site", "cross-site")], false),
            ("a page that says it is of no origin", &[("origin", "null")], false),
            ("a page of another host of the domain", &[("sec-fetch-site", "same-site")], false),
            ("an address that begins like the frontend's", &[("origin", "https://shop.example.com.evil.example")], false),
            ("the frontend without TLS", &[("origin", "http://shop.example.com")], false),
            ("the address bar", &[("sec-fetch-site", "none")], false),
            ("who does not say", &[], false),
        ];
        for (whence, headers, ours) in origins {
            let headers: HeaderMap = headers.iter().map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap())).collect();
            for method in [Method::GET, Method::POST, Method::PUT, Method::DELETE] {
                for content_type in ["application/json", "text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", ""] {
                    for query in [WHO, RENAME] {
                        let mut request = app.http.request(method.clone(), app.url("/graphql")).headers(headers.clone()).header(COOKIE, &cookies);
                        if !content_type.is_empty() {
                            request = request.header("content-type", content_type);
                        }
                        request = match method {
                            Method::GET => request.query(&[("query", query)]),
                            _ => request.body(json!({ "query": query }).to_string()),
                        };
                        let response = request.send().await.unwrap();
                        let expected = match (&method, content_type, ours, query) {
                            (&Method::PUT | &Method::DELETE, ..) => 405,
                            (&Method::GET, _, true, RENAME) => 405,
                            (&Method::GET, _, true, _) | (&Method::POST, "application/json", true, _) => 200,
                            (&Method::GET, _, false, _) | (&Method::POST, "application/json", false, _) => 403,
                            _ => 415,
                        };
                        assert_eq!(response.status(), expected, "{whence} {method} {content_type} {query}");
                        let renamed = expected == 200 && query == RENAME;
                        let name = anna.ask(WHO, json!({})).await["viewer"]["name"].take();
                        assert_eq!(name, if renamed { "Mallory" } else { "anna" }, "{whence} {method} {content_type} {query}");
                        if renamed {
                            anna.ask("mutation { accountUpdate(input: { name: \"anna\" }) { userErrors { code } } }", json!({})).await;
                        }
                    }
                }
            }
        }
    }

    async fn signing_in_on_a_browser_ends_the_session_it_had(app) {
        let anna = app.someone("anna").await;
        let (_, cookies) = sign_in(app, &anna.email).await;
        let input = json!({ "in": { "email": anna.email, "password": PASSWORD, "transport": "COOKIE" } });
        let again = kept(&set(&from(app, FRONTEND, &cookies, SIGN_IN, input).await));
        assert_eq!(code(from(app, FRONTEND, &cookies, WHO, json!({})).await).await, "UNAUTHENTICATED");
        assert_eq!(data(from(app, FRONTEND, &again, WHO, json!({})).await).await["viewer"]["id"], anna.id.as_str());
    }
}
