//! What one request may ask for, just below and just above each limit.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::{NEW, OLD, post, request_error};
use crate::support::{App, on_both};

fn aliases(n: usize) -> String {
    let fields: String = (0..n).map(|n| format!("a{n}: id ")).collect();
    format!("{{ viewer {{ {fields} }} }}")
}

fn root_fields(n: usize) -> String {
    format!("{{ {} }}", "viewer { id } ".repeat(n))
}

fn directives(n: usize) -> String {
    format!("{{ viewer {{ id {} }} }}", "@include(if: true) ".repeat(n))
}

/// Types of types: the deepest thing that needs no data.
fn depth(n: usize) -> String {
    let inner = n - 3;
    format!(
        "{{ __schema {{ types {{ {} name {} }} }} }}",
        "ofType { ".repeat(inner),
        "}".repeat(inner)
    )
}

/// Fields that cost one each.
fn selections(n: usize) -> String {
    format!("{{ viewer {{ {} }} }}", "id ".repeat(n - 1))
}

/// Lists that cost their page size times what is in them.
fn complexity(pages: &[usize]) -> String {
    let lists: String = (0..)
        .zip(pages)
        .map(|(n, page)| format!("l{n}: products(first: {page}) {{ nodes {{ id title handle }} }} "))
        .collect();
    format!("{{ {lists} }}")
}

/// A list of lists of so many.
fn nested(page: usize) -> String {
    format!(
        "{{ shops(first: 100) {{ nodes {{ recommendations(first: {page}) {{ nodes {{ id product {{ id title }} }} }} }} }} }}"
    )
}

fn bomb(leaf: &str) -> String {
    let level = |n| {
        format!(
            "fragment f{n} on Query {{ {} }} ",
            format!("...f{} ", n + 1).repeat(4)
        )
    };
    let levels: String = (0..20).map(level).collect();
    format!("{{ ...f0 }} {levels} fragment f20 on Query {{ {leaf} }}")
}

async fn ask(app: &App, query: &str) -> reqwest::Response {
    post(
        app,
        NEW,
        "application/json",
        json!({ "query": query }).to_string(),
    )
    .await
}

on_both! {
    async fn s01_lists_whose_length_nobody_knew_end_a_request_that_their_price_let_through(app) {
        let brand = app.brand("tea").await;
        let cup = app.plant(&brand, "cup", &[500; 100]).await;
        for (depth, fits) in [(1, true), (2, true), (3, false), (4, false)] {
            let inner = "variants { product { ".repeat(depth - 1) + "variants { id }" + &" } }".repeat(depth - 1);
            let query = format!("query($id: ID!) {{ product(id: $id) {{ {inner} }} }}");
            let answer = app.nobody().send(&query, json!({ "id": cup.product })).await;
            let told = &answer["errors"][0]["extensions"]["code"];
            assert_eq!(told, &if fits { Value::Null } else { json!("TOO_COMPLEX") }, "{depth}");
            let size = answer.to_string().len();
            assert!(size < 2_000_000, "an answer of {size} bytes");
        }
    }

    async fn s02_each_limit_lets_through_what_is_below_it(app) {
        for (what, below, above) in [
            ("aliases", aliases(50), aliases(51)),
            ("root fields", root_fields(20), root_fields(21)),
            ("depth", depth(15), depth(16)),
            ("selections", selections(5000), selections(5001)),
            ("complexity", nested(10), nested(100)),
        ] {
            let response = ask(app, &below).await;
            let status = response.status();
            assert_eq!(status, 200, "{what}: {}", response.text().await.unwrap());
            let response = ask(app, &above).await;
            assert_eq!(response.status(), 400, "{what}");
            assert_eq!(request_error(response).await, "TOO_COMPLEX", "{what}");
            let older = post(app, OLD, "application/json", json!({ "query": above }).to_string()).await;
            assert_eq!(older.status(), 200, "{what}");
        }
    }

    async fn s02_a_field_has_ten_directives_at_most(app) {
        // There are only two, and neither may be repeated: ten are not too many, but wrong.
        assert_eq!(request_error(ask(app, &directives(10)).await).await, "GRAPHQL_VALIDATION_FAILED");
        assert_eq!(request_error(ask(app, &directives(11)).await).await, "TOO_COMPLEX");
    }

    async fn s02_lists_cost_what_their_pages_hold(app) {
        let below = complexity(&[10]);
        assert_eq!(ask(app, &below).await.status(), 200);
        // How much too much is told, so that a frontend's developer knows how much shorter her pages must be.
        let above: Value = ask(app, &nested(100)).await.json().await.unwrap();
        let cost = &above["extensions"]["cost"];
        let (requested, limit) = (cost["requested"].as_u64().unwrap(), cost["limit"].as_u64().unwrap());
        assert!(requested > limit, "{above}");
        assert!(above["errors"][0]["message"].as_str().unwrap().contains(&format!("costs {requested} points")), "{above}");
        assert!(cost.get("remaining").is_some(), "{above}");
    }

    async fn s01_a_fragment_bomb_is_refused_before_it_goes_off(app) {
        for leaf in ["viewer { id }", "...nowhere", "__typename"] {
            let query = bomb(leaf);
            for accept in [NEW, OLD] {
                let began = Instant::now();
                let response = post(app, accept, "application/json", json!({ "query": query }).to_string()).await;
                assert_eq!(response.status(), if accept == NEW { 400 } else { 200 });
                assert_eq!(request_error(response).await, "TOO_COMPLEX");
                // Milliseconds; generous because other tests run beside.
                assert!(began.elapsed() < Duration::from_secs(2), "{leaf}: {:?}", began.elapsed());
            }
        }
    }

    async fn s01_a_persisted_fragment_bomb_is_refused_alike(app) {
        use sha2::{Digest, Sha256};
        let query = bomb("viewer { id }");
        let extensions = json!({ "persistedQuery": { "version": 1, "sha256Hash": hex::encode(Sha256::digest(&query)) } });
        for body in [json!({ "query": query, "extensions": extensions }), json!({ "extensions": extensions })] {
            let response = post(app, NEW, "application/json", body.to_string()).await;
            assert_eq!(request_error(response).await, "TOO_COMPLEX");
        }
    }

    async fn s02_a_document_nested_without_end_does_not_exhaust_the_stack(app) {
        let open = 60_000;
        for query in [
            "{a".repeat(open),
            format!("{{ node(id: {}", "[".repeat(open)),
            format!("{{ node(id: {}", "{a:".repeat(open)),
            format!("query($a: {}", "[".repeat(open)),
        ] {
            assert_eq!(request_error(ask(app, &query).await).await, "TOO_COMPLEX");
        }
        let nested = format!("{}1{}", "[".repeat(10_000), "]".repeat(10_000));
        let body = format!(r#"{{"query":"{{ viewer {{ id }} }}","variables":{{"a":{nested}}}}}"#);
        assert_eq!(post(app, NEW, "application/json", body).await.status(), 400);
    }

    async fn s03_a_request_tries_one_password(app) {
        let tries: String = (0..20).map(|n| format!(r#"a{n}: sessionCreate(input: {{ email: "anna@example.com", password: "{n}" }}) {{ session {{ accessToken }} }} "#)).collect();
        assert_eq!(request_error(ask(app, &format!("mutation {{ {tries} }}")).await).await, "TOO_COMPLEX");
        let hidden = r#"fragment f on Mutation { sessionCreate(input: { email: "anna@example.com", password: "1" }) { session { accessToken } } }
            mutation { ...f ... on Mutation { accountCreate(input: { email: "b@example.com", name: "B", password: "correct horse battery" }) { account { id } } } }"#;
        assert_eq!(request_error(ask(app, hidden).await).await, "TOO_COMPLEX");
        let hundred: String = (0..100).map(|n| format!(r#"a{n}: sessionCreate(input: {{ email: "anna@example.com", password: "{n}" }}) {{ session {{ accessToken }} }} "#)).collect();
        assert_eq!(request_error(ask(app, &format!("mutation {{ {hundred} }}")).await).await, "TOO_COMPLEX");
    }

    async fn s03_a_batch_of_operations_is_refused_whole(app) {
        let one = json!({ "query": "{ viewer { id } }" });
        for body in [json!([one]), json!([one, one]), json!([])] {
            for accept in [NEW, OLD] {
                let response = post(app, accept, "application/json", body.to_string()).await;
                assert_eq!(response.status(), 400);
                assert_eq!(request_error(response).await, "BAD_USER_INPUT");
            }
        }
    }

    async fn s06_production_shows_no_schema_and_suggests_nothing(app) {
        let hidden = app.another_with("production", |config| {
            config.environment = vitrine::config::Environment::Production;
            config.allow_private_webhooks = false;
        }).await;
        for query in ["{ __schema { queryType { name } } }", "{ __type(name: \"Query\") { name } }"] {
            let answer: Value = ask(&hidden, query).await.json().await.unwrap();
            assert!(answer["data"].is_null() || answer["data"].as_object().unwrap().values().all(Value::is_null), "{answer:#}");
        }
        let near = "{ viewr { id } }";
        let told = ask(&hidden, near).await.text().await.unwrap();
        assert!(!told.contains("Did you mean") && !told.contains("viewer"), "{told}");
        let told = ask(app, near).await.text().await.unwrap();
        assert!(told.contains("Did you mean") && told.contains("viewer"), "{told}");
        let page = hidden.http.get(hidden.url("/graphiql")).send().await.unwrap();
        assert_eq!(page.status(), 404);
        let known = ask(&hidden, "{ __typename viewer { __typename id } }").await;
        assert_eq!(known.json::<Value>().await.unwrap()["data"]["__typename"], "Query");
        hidden.end().await;
    }

    async fn the_schema_is_shown_in_development(app) {
        let answer: Value = ask(app, "{ __schema { queryType { name } } }").await.json().await.unwrap();
        assert_eq!(answer["data"]["__schema"]["queryType"]["name"], "Query");
    }
}
