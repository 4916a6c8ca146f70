//! The way in: GraphQL over HTTP, its limits, and what stands beside it.

mod documents;
mod limits;
mod rates;
mod variables;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use futures::StreamExt;
use reqwest::{Method, Response};
use sea_orm::ConnectionTrait;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::support::{App, FRONTEND, on_both};

const NEW: &str = "application/graphql-response+json";
const OLD: &str = "application/json";

/// Posts `body` as it is.
async fn post(app: &App, accept: &str, content_type: &str, body: impl Into<reqwest::Body>) -> Response {
    let request = app.http.post(app.url("/graphql")).header("accept", accept);
    request
        .header("content-type", content_type)
        .body(body)
        .send()
        .await
        .unwrap()
}

/// Asks by GET.
async fn get(app: &App, accept: &str, parameters: &[(&str, &str)]) -> Response {
    let request = app.http.get(app.url("/graphql")).header("accept", accept);
    request.query(parameters).send().await.unwrap()
}

fn header<'a>(response: &'a Response, name: &str) -> &'a str {
    response
        .headers()
        .get(name)
        .map_or("", |value| value.to_str().unwrap())
}

/// The one error of a request that was not executed: it has a code, and there is no `data`.
async fn request_error(response: Response) -> String {
    let body: Value = response.json().await.unwrap();
    assert!(body.get("data").is_none(), "{body:#}");
    let code = body["errors"][0]["extensions"]["code"].as_str();
    code.unwrap_or_else(|| panic!("no code: {body:#}")).to_owned()
}

on_both! {
    async fn answers_come_in_the_media_type_asked_for(app) {
        for (accept, expected) in [
            (NEW, NEW),
            (OLD, OLD),
            ("*/*", OLD),
            ("application/json;q=0.5, application/graphql-response+json;q=0.4", OLD),
            ("text/html, application/json", OLD),
        ] {
            let response = post(app, accept, "application/json", r#"{"query":"{ viewer { id } }"}"#).await;
            assert_eq!(response.status(), 200);
            assert_eq!(header(&response, "content-type"), format!("{expected}; charset=utf-8"), "{accept}");
            assert_eq!(header(&response, "cache-control"), "no-store");
            let body = r#"{"data":{"viewer":null},"extensions":{"cost":{"requested":2,"limit":20000,"remaining":null}}}"#;
            assert_eq!(response.text().await.unwrap(), body);
        }
        let refused = post(app, "text/html", "application/json", r#"{"query":"{ viewer { id } }"}"#).await;
        assert_eq!(refused.status(), 406);
        assert_eq!(header(&refused, "content-type"), format!("{NEW}; charset=utf-8"));
    }

    async fn a_request_that_cannot_be_read_is_400_in_both_media_types(app) {
        for body in [
            "",
            "{",
            "null",
            "\"{ viewer { id } }\"",
            r#"[{"query":"{ viewer { id } }"}]"#,
            r#" ["{ viewer { id } }"]"#,
            r#"{"query":["{ viewer { id } }"]}"#,
            r#"{"query":"{ viewer { id } }","variables":[]}"#,
            r#"{"query":"{ viewer { id } }","variables":"{}"}"#,
            r#"{"query":"{ viewer { id } }","operationName":1}"#,
            r#"{"query":"{ viewer { id } }","extensions":[]}"#,
            r#"{"query":"{ viewer { id } }","query":"{ viewer { id } }"}"#,
            "{}",
            r#"{"query":""}"#,
            r#"{"variables":{}}"#,
        ] {
            for accept in [NEW, OLD] {
                let response = post(app, accept, "application/json", body).await;
                assert_eq!(response.status(), 400, "{accept} {body}");
                assert_eq!(request_error(response).await, "BAD_USER_INPUT", "{body}");
            }
        }
    }

    async fn a_document_that_cannot_be_executed_is_400_only_where_clients_know_the_new_type(app) {
        for (query, operation, code) in [
            ("{ viewer", None, "GRAPHQL_PARSE_FAILED"),
            ("{ nothing }", None, "GRAPHQL_VALIDATION_FAILED"),
            ("query A { viewer { id } }", Some("B"), "BAD_USER_INPUT"),
            ("query A { viewer { id } } query B { viewer { id } }", None, "BAD_USER_INPUT"),
        ] {
            let body = json!({ "query": query, "operationName": operation }).to_string();
            for (accept, status) in [(NEW, 400), (OLD, 200)] {
                let response = post(app, accept, "application/json", body.clone()).await;
                assert_eq!(response.status(), status, "{query}");
                assert_eq!(request_error(response).await, code, "{query}");
            }
        }
    }

    async fn an_error_during_execution_comes_with_data_and_200(app) {
        let body = json!({ "query": "{ viewer { id } node(id: \"shop_1\") { id } }" }).to_string();
        for accept in [NEW, OLD] {
            let response = post(app, accept, "application/json", body.clone()).await;
            assert_eq!(response.status(), 200);
            let body: Value = response.json().await.unwrap();
            assert!(body.get("data").is_some(), "{body:#}");
            assert_eq!(body["errors"][0]["extensions"]["code"], "BAD_USER_INPUT");
            assert_eq!(body["errors"][0]["path"], json!(["node"]));
        }
    }

    async fn s05_only_json_in_utf_8_is_read(app) {
        let body = r#"{"query":"{ viewer { id } }"}"#;
        for content_type in ["application/json", "application/json; charset=UTF-8", "Application/JSON;charset=\"utf-8\""] {
            assert_eq!(post(app, NEW, content_type, body).await.status(), 200, "{content_type}");
        }
        for content_type in ["text/plain", "application/graphql", "application/x-www-form-urlencoded", "multipart/form-data", "application/json; charset=latin1"] {
            let response = post(app, NEW, content_type, body).await;
            assert_eq!(response.status(), 415, "{content_type}");
            request_error(response).await;
        }
        let none = app.http.post(app.url("/graphql")).body(body).send().await.unwrap();
        assert_eq!(none.status(), 415);
        let compressed = app.http.post(app.url("/graphql")).header("content-type", OLD).header("content-encoding", "gzip");
        assert_eq!(compressed.body(body).send().await.unwrap().status(), 415);
    }

    async fn queries_may_come_by_get_with_variables(app) {
        let anna = app.someone("anna").await;
        let query = "query A($id: ID!) { node(id: $id) { ... on Account { name } } } query B { viewer { id } }";
        let variables = json!({ "id": anna.id }).to_string();
        let response = get(app, NEW, &[("query", query), ("operationName", "A"), ("variables", &variables)]).await;
        assert_eq!(response.status(), 200);
        let body: Value = response.json().await.unwrap();
        assert_eq!(body["data"], json!({ "node": { "name": "anna" } }));
        for parameters in [
            &[][..],
            &[("query", "")][..],
            &[("query", query), ("variables", "[]")][..],
            &[("query", query), ("variables", "{")][..],
            &[("query", "{ viewer { id } }"), ("query", "{ viewer { id } }")][..],
        ] {
            let response = get(app, OLD, parameters).await;
            assert_eq!(response.status(), 400, "{parameters:?}");
            assert_eq!(request_error(response).await, "BAD_USER_INPUT");
        }
    }

    async fn s05_a_mutation_is_done_by_post_alone(app) {
        let create = r#"mutation { accountCreate(input: { email: "a@example.com", name: "A", password: "correct horse battery" }) { account { id } } }"#;
        let both = format!("query Q {{ viewer {{ id }} }} {}", create.replacen("mutation", "mutation M", 1));
        for parameters in [&[("query", create)][..], &[("query", both.as_str()), ("operationName", "M")][..]] {
            for accept in [NEW, OLD] {
                let response = get(app, accept, parameters).await;
                assert_eq!(response.status(), 405);
                assert_eq!(header(&response, "allow"), "POST");
                request_error(response).await;
            }
        }
        assert_eq!(get(app, NEW, &[("query", &both), ("operationName", "Q")]).await.status(), 200);
        let head = app.http.head(app.url("/graphql")).header("content-type", OLD).body(json!({ "query": create }).to_string());
        assert_eq!(head.send().await.unwrap().status(), 400);
        for method in [Method::PUT, Method::DELETE, Method::PATCH] {
            let response = app.http.request(method, app.url("/graphql")).send().await.unwrap();
            assert_eq!(response.status(), 405);
            assert_eq!(header(&response, "allow"), "GET,HEAD,POST");
        }
        assert_eq!(accounts(app).await, 0);
    }

    async fn a_document_can_be_named_by_its_hash_once_it_was_sent(app) {
        let query = "{ viewer { id } }";
        let extensions = |hash: &str| json!({ "persistedQuery": { "version": 1, "sha256Hash": hash } });
        let hash = hex::encode(Sha256::digest(query));
        let ask = async |query: Option<&str>, hash: &str| {
            let body = json!({ "query": query, "extensions": extensions(hash) }).to_string();
            post(app, NEW, "application/json", body).await
        };
        let unknown = ask(None, &hash).await;
        assert_eq!(unknown.status(), 400);
        let body: Value = unknown.json().await.unwrap();
        assert_eq!(body["errors"][0]["message"], "PersistedQueryNotFound");
        assert_eq!(body["errors"][0]["extensions"]["code"], "PERSISTED_QUERY_NOT_FOUND");
        assert_eq!(request_error(ask(Some("{ viewer { name } }"), &hash).await).await, "BAD_USER_INPUT");
        assert_eq!(ask(Some(query), &hash).await.status(), 200);
        assert_eq!(ask(None, &hash).await.status(), 200);
        let by_get = get(app, NEW, &[("extensions", &extensions(&hash).to_string())]).await;
        assert_eq!(by_get.json::<Value>().await.unwrap()["data"], json!({ "viewer": null }));
    }

    async fn a_long_document_is_answered_but_not_kept(app) {
        let query = format!("{{ viewer {{ id }} }} # {}", "x".repeat(10 * 1024));
        let extensions = json!({ "persistedQuery": { "version": 1, "sha256Hash": hex::encode(Sha256::digest(&query)) } });
        let body = json!({ "query": query, "extensions": extensions }).to_string();
        assert_eq!(post(app, NEW, "application/json", body).await.status(), 200);
        let body = json!({ "extensions": extensions }).to_string();
        assert_eq!(request_error(post(app, NEW, "application/json", body).await).await, "PERSISTED_QUERY_NOT_FOUND");
    }

    async fn a_persisted_mutation_is_not_done_by_get_either(app) {
        let query = "mutation { sessionRevoke(input: { id: \"ses_1\" }) { userErrors { code } } }";
        let extensions = json!({ "persistedQuery": { "version": 1, "sha256Hash": hex::encode(Sha256::digest(query)) } }).to_string();
        for parameters in [&[("query", query), ("extensions", extensions.as_str())][..], &[("extensions", extensions.as_str())][..]] {
            assert_eq!(get(app, NEW, parameters).await.status(), 405);
        }
    }

    async fn s04_a_body_is_read_up_to_its_limit_and_no_further(app) {
        let whole = post(app, NEW, "application/json", vec![b' '; 256 * 1024 + 1]).await;
        assert_eq!(whole.status(), 413);
        request_error(whole).await;
        let padded = format!("{}{}", r#"{"query":"{ viewer { id } }"}"#, " ".repeat(255 * 1024));
        assert_eq!(post(app, NEW, "application/json", padded).await.status(), 200);
        // 50 MB without a length: the server stops reading long before it has it all.
        let sent = Arc::new(AtomicUsize::new(0));
        let counter = sent.clone();
        let chunks = futures::stream::iter(0..800).map(move |_| {
            counter.fetch_add(64 * 1024, Ordering::Relaxed);
            Ok::<_, std::io::Error>(vec![b' '; 64 * 1024])
        });
        let request = app.http.post(app.url("/graphql")).header("content-type", OLD);
        // Whether the answer can still be read is the client's luck: the connection closes under what it is sending.
        if let Ok(response) = request.body(reqwest::Body::wrap_stream(chunks)).send().await {
            assert_eq!(response.status(), 413);
        }
        assert!(sent.load(Ordering::Relaxed) < 20 * 1024 * 1024, "{sent:?}");
    }

    async fn a_bad_token_is_401_and_says_how_to_sign_in(app) {
        for authorization in ["Bearer nonsense", "Bearer ", "Basic YTpi", "nonsense", &format!("Bearer {}", "x".repeat(4000))] {
            let request = app.http.post(app.url("/graphql")).header("authorization", authorization);
            let response = request.json(&json!({ "query": "{ viewer { id } }" })).send().await.unwrap();
            assert_eq!(response.status(), 401, "{authorization}");
            assert_eq!(header(&response, "www-authenticate"), "Bearer");
            assert_eq!(request_error(response).await, "UNAUTHENTICATED");
        }
        let anna = app.someone("anna").await;
        let lower = format!("bearer {}", anna.token().await.unwrap());
        let request = app.http.post(app.url("/graphql")).header("authorization", lower);
        let answer: Value = request.json(&json!({ "query": "{ viewer { id } }" })).send().await.unwrap().json().await.unwrap();
        assert_eq!(answer["data"]["viewer"]["id"], anna.id.as_str());
    }

    async fn a_request_keeps_its_plain_name_and_is_given_one_otherwise(app) {
        let ask = async |id: Option<&str>| {
            let request = app.http.get(app.url("/healthz"));
            let request = id.into_iter().fold(request, |request, id| request.header("x-request-id", id));
            header(&request.send().await.unwrap(), "x-request-id").to_owned()
        };
        assert_eq!(ask(Some("frontend-0123456789")).await, "frontend-0123456789");
        for odd in [None, Some("short"), Some("with spaces in it"), Some(&*"x".repeat(65)), Some("injected=1;level=9")] {
            let id = ask(odd).await;
            assert!(id.len() == 16 && id.bytes().all(|byte| byte.is_ascii_hexdigit()), "{odd:?} {id}");
        }
    }

    async fn a_fault_is_told_by_its_request_and_nothing_else(app) {
        let anna = app.someone("anna").await;
        app.db().execute_unprepared("alter table account rename to account_gone").await.unwrap();
        let request = app.http.post(app.url("/graphql")).header("x-request-id", "find-me-in-the-logs");
        let query = json!({ "query": "query($id: ID!) { node(id: $id) { id } }", "variables": { "id": anna.id } });
        let response = request.json(&query).send().await.unwrap();
        assert_eq!(response.status(), 200);
        let text = response.text().await.unwrap();
        let body: Value = serde_json::from_str(&text).unwrap();
        assert_eq!(body["errors"][0]["extensions"], json!({ "code": "INTERNAL", "requestId": "find-me-in-the-logs" }));
        for detail in ["account", "table", "relation", "sql", "SELECT"] {
            assert!(!body["errors"][0]["message"].as_str().unwrap().contains(detail), "{text}");
        }
        // Nor where the fault comes before GraphQL: while the token is looked up.
        let request = app.http.post(app.url("/graphql")).bearer_auth(anna.token().await.unwrap());
        let response = request.json(&json!({ "query": "{ viewer { id } }" })).send().await.unwrap();
        assert_eq!(response.status(), 500);
        assert_eq!(request_error(response).await, "INTERNAL");
        app.db().execute_unprepared("alter table account_gone rename to account").await.unwrap();
    }

    async fn browsers_may_call_from_the_frontends_alone(app) {
        let preflight = async |origin: &str| {
            let request = app.http.request(Method::OPTIONS, app.url("/graphql")).header("origin", origin);
            let request = request.header("access-control-request-method", "POST");
            request.header("access-control-request-headers", "content-type,authorization,vitrine-guest").send().await.unwrap()
        };
        for origin in [FRONTEND, "http://localhost:3000", "http://127.0.0.1:5173"] {
            let response = preflight(origin).await;
            assert_eq!(header(&response, "access-control-allow-origin"), origin);
            assert_eq!(header(&response, "access-control-allow-credentials"), "true", "sessions may be kept as cookies");
            assert!(header(&response, "vary").contains("origin"));
        }
        for origin in ["https://evil.example", "https://shop.example.com.evil.example", "http://shop.example.com", "null", "http://localhost.evil.example:80"] {
            assert_eq!(header(&preflight(origin).await, "access-control-allow-origin"), "", "{origin}");
        }
    }

    async fn the_process_tells_how_it_is(app) {
        let live = app.http.get(app.url("/healthz")).send().await.unwrap();
        assert_eq!((live.status().as_u16(), live.text().await.unwrap().as_str()), (200, "ok\n"));
        let ready = app.http.get(app.url("/readyz")).send().await.unwrap();
        assert_eq!((ready.status().as_u16(), ready.text().await.unwrap().as_str()), (200, "ready\n"));
        post(app, NEW, "application/json", r#"{"query":"{ viewer { id } }"}"#).await;
        app.settle().await;
        let response = app.http.get(app.url("/metrics")).send().await.unwrap();
        assert!(header(&response, "content-type").starts_with("text/plain; version=0.0.4"));
        let metrics = response.text().await.unwrap();
        for line in [
            "# TYPE vitrine_http_requests_total counter",
            "# HELP vitrine_http_requests_total ",
            "vitrine_http_requests_total{route=\"/graphql\",status=\"200\"} ",
            "# TYPE vitrine_http_request_seconds histogram",
            "vitrine_http_request_seconds_bucket{route=\"/graphql\",le=\"0.005\"} ",
            "vitrine_http_request_seconds_bucket{route=\"/graphql\",le=\"+Inf\"} ",
            "vitrine_jobs_begun_total ",
        ] {
            assert!(metrics.contains(line), "{line}\n{metrics}");
        }
    }

    async fn graphiql_is_served_whole_and_asks_nobody_else(app) {
        let root = app.http.get(app.url("/")).send().await.unwrap();
        assert_eq!(header(&root, "location"), "/graphiql");
        let page = app.http.get(app.url("/graphiql")).send().await.unwrap();
        assert!(header(&page, "content-security-policy").starts_with("default-src 'self'"));
        let html = page.text().await.unwrap();
        assert!(!html.contains("http://") && !html.contains("https://") && !html.contains("src=\"//"), "{html}");
        let files: Vec<_> = html.split(['"', '\'']).filter(|part| part.starts_with("/graphiql/")).collect();
        assert!(files.len() >= 4, "{html}");
        for file in files {
            let response = app.http.get(app.url(file)).send().await.unwrap();
            assert_eq!(response.status(), 200, "{file}");
            assert_eq!(header(&response, "x-content-type-options"), "nosniff");
            assert!(!response.bytes().await.unwrap().is_empty());
        }
    }

    async fn what_is_not_there_is_404(app) {
        for path in ["/nothing", "/graphql/", "/graphiql/nothing.js", "/graphiql/..%2f..%2fCargo.toml", "/webhooks", "/r/", "/.env"] {
            let response = app.http.get(app.url(path)).send().await.unwrap();
            assert_eq!(response.status(), 404, "{path}");
        }
        assert_eq!(app.http.get(app.url("/webhooks/stripe")).send().await.unwrap().status(), 405);
    }

    async fn fifty_accounts_opened_at_once_are_fifty_accounts(app) {
        let create = "mutation($in: AccountCreateInput!) { accountCreate(input: $in) { account { id } userErrors { code } } }";
        let open = async |n: usize| {
            let new = json!({ "in": { "email": format!("a{n}@example.com"), "name": "A", "password": crate::support::PASSWORD } });
            app.nobody().ask(create, new).await["accountCreate"]["account"]["id"].is_string()
        };
        let opened = futures::future::join_all((0..50).map(open)).await;
        assert!(opened.into_iter().all(|opened| opened));
        assert_eq!(accounts(app).await, 50);
    }
}

async fn accounts(app: &App) -> u64 {
    use sea_orm::{EntityTrait, PaginatorTrait};
    vitrine_model::identity::account::Entity::find()
        .count(app.db())
        .await
        .unwrap()
}
