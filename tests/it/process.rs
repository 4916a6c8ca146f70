//! The real binary: how it starts, refuses to start, stops, and what it writes.

mod clicks;
mod crash;
mod keys;
mod node;
#[cfg(target_os = "linux")]
mod outage;
mod points;
mod refusals;

use std::io::{Read, Write};
use std::net::TcpStream;

use serde_json::{Value, json};

use crate::support::{Kind, WEBHOOK_SECRET, database};
use node::{Place, Signal};

/// What a server in production needs to be told.
const PRODUCTION: [(&str, &str); 2] = [
    ("VITRINE_ENVIRONMENT", "production"),
    (
        "VITRINE_LANDING_URL",
        "https://shop.example.com/{shop}?click={click}",
    ),
];

/// Runs a test that needs a database and a place to work in, but no product in this process.
fn run(kind: Kind, test: impl AsyncFnOnce(&Place)) {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(async {
        let folder = tempfile::tempdir().unwrap();
        let database = match kind {
            Kind::Sqlite => None,
            Kind::Postgres => Some(database::empty().await),
        };
        let url = database.as_ref().map(|database| database.url.clone());
        test(&Place::new(folder.path(), url)).await;
        if let Some(database) = database {
            database.remove().await;
        }
    });
}

/// Declares a test that runs on both databases.
macro_rules! on_both_empty {
    ($(async fn $name:ident($place:ident) $body:block)+) => {
        $(
            mod $name {
                use super::*;

                async fn test($place: &Place) $body

                #[test]
                fn sqlite() {
                    run(Kind::Sqlite, async |place| test(place).await);
                }

                #[test]
                fn postgres() {
                    run(Kind::Postgres, async |place| test(place).await);
                }
            }
        )+
    };
}

async fn ask(url: &str, query: &str) -> Value {
    let request = reqwest::Client::new().post(format!("{url}/graphql"));
    request
        .json(&json!({ "query": query }))
        .send()
        .await
        .unwrap()
        .json()
        .await
        .unwrap()
}

on_both_empty! {
    async fn a_server_comes_up_and_says_so(place) {
        let unborn = place.run(&["healthcheck"], &[("VITRINE_LISTEN", "127.0.0.1:1")]);
        assert!(!unborn.status.success());
        let node = place.serve(&[]);
        assert_eq!(ask(&node.url(), "{ viewer { id } }").await["data"], json!({ "viewer": null }));
        let checked = place.run(&["healthcheck"], &[("VITRINE_LISTEN", &node.address)]);
        assert!(checked.status.success(), "{}", String::from_utf8_lossy(&checked.stderr));
        let everywhere = format!("0.0.0.0:{}", node.address.rsplit_once(':').unwrap().1);
        // A proxy that the environment names has no part in it.
        let checked = place.run(&["healthcheck"], &[("VITRINE_LISTEN", &everywhere), ("HTTP_PROXY", "http://127.0.0.1:1")]);
        assert!(checked.status.success(), "{}", String::from_utf8_lossy(&checked.stderr));
        node.stop(Signal::Term);
    }

    async fn metrics_are_served_at_an_address_of_their_own_and_in_production_at_no_other(place) {
        let env = [PRODUCTION[0], PRODUCTION[1], ("VITRINE_METRICS_LISTEN", "127.0.0.1:0")];
        let status = async |address: &str| reqwest::get(format!("http://{address}/metrics")).await.unwrap().status();
        let node = place.serve(&env);
        let line = node.wait_for("metrics are served");
        let port = line.split("127.0.0.1:").nth(1).unwrap().chars();
        let own = format!("127.0.0.1:{}", port.take_while(char::is_ascii_digit).collect::<String>());
        assert_eq!(status(&own).await, 200);
        assert_eq!(status(&node.address).await, 404);
        assert_eq!(reqwest::get(format!("http://{own}/graphql")).await.unwrap().status(), 404);
        node.stop(Signal::Term);
        let node = place.serve(&PRODUCTION);
        assert_eq!(status(&node.address).await, 404);
        node.stop(Signal::Term);
        let node = place.serve(&[]);
        assert_eq!(status(&node.address).await, 200, "in development it is at hand");
        node.stop(Signal::Term);
    }

    async fn nodes_started_at_once_on_an_empty_database_all_come_up(place) {
        let nodes: Vec<_> = (0..3).map(|_| place.start(&["serve"], &[])).collect();
        let nodes: Vec<_> = nodes.into_iter().map(node::Starting::up).collect();
        for node in &nodes {
            assert_eq!(ask(&node.url(), "{ viewer { id } }").await["data"], json!({ "viewer": null }));
        }
        let create = |n: usize| format!(r#"mutation {{ accountCreate(input: {{ email: "a{n}@example.com", name: "A", password: "correct horse battery" }}) {{ account {{ id }} }} }}"#);
        let made = futures::future::join_all((0..12).map(async |n| ask(&nodes[n % 3].url(), &create(n)).await)).await;
        assert!(made.iter().all(|made| made["data"]["accountCreate"]["account"]["id"].is_string()), "{made:?}");
        for node in nodes {
            node.stop(Signal::Term);
        }
    }

    async fn asked_to_stop_it_finishes_the_request_under_way(place) {
        for signal in [Signal::Term, Signal::Interrupt] {
            let node = place.serve(&[]);
            let mut idle = TcpStream::connect(&node.address).unwrap();
            let mut silent = TcpStream::connect(&node.address).unwrap();
            write!(silent, "POST /graphql HTTP/1.1\r\nHost: ").unwrap();
            let body = json!({ "query": "{ viewer { id } }" }).to_string();
            let mut busy = TcpStream::connect(&node.address).unwrap();
            write!(busy, "POST /graphql HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: {}\r\nExpect: 100-continue\r\n\r\n", body.len()).unwrap();
            let mut go_on = [0; 25];
            busy.read_exact(&mut go_on).unwrap();
            assert_eq!(&go_on, b"HTTP/1.1 100 Continue\r\n\r\n");
            node.signal(signal);
            node.wait_for("stopping");
            // Nobody new is let in, and who only holds a connection is let go.
            assert_eq!(idle.read(&mut [0; 1]).unwrap(), 0);
            busy.write_all(body.as_bytes()).unwrap();
            let mut answer = String::new();
            busy.read_to_string(&mut answer).unwrap();
            assert!(answer.starts_with("HTTP/1.1 200 OK") && answer.contains(r#"{"data":{"viewer":null},"extensions""#), "{answer}");
            drop(silent);
            node.ended();
        }
    }

    async fn asked_twice_it_stops_at_once(place) {
        let node = place.serve(&[]);
        let mut busy = TcpStream::connect(&node.address).unwrap();
        write!(busy, "POST /graphql HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 9\r\nExpect: 100-continue\r\n\r\n").unwrap();
        busy.read_exact(&mut [0; 25]).unwrap();
        node.signal(Signal::Term);
        node.wait_for("stopping");
        node.signal(Signal::Term);
        node.ended();
    }

    async fn a_worker_works_and_stops(place) {
        let worker = place.start(&["worker"], &[]);
        let worker = worker.until("working");
        worker.stop(Signal::Term);
    }

    async fn commands_of_the_operator_need_no_stripe_key(place) {
        let bare = |args: &[&str]| place.run_without_stripe(args);
        for args in [&["audit"][..], &["explain", "V-1"], &["operator", "anna@example.com"]] {
            let early = bare(args);
            let told = String::from_utf8_lossy(&early.stderr).into_owned();
            assert!(!early.status.success() && told.contains("vitrine migrate"), "{told}");
        }
        let early = place.run(&["reconcile"], &[]);
        let told = String::from_utf8_lossy(&early.stderr).into_owned();
        assert!(!early.status.success() && told.contains("vitrine migrate"), "{told}");
        for _ in 0..2 {
            let migrated = bare(&["migrate"]);
            assert!(migrated.status.success(), "{}", String::from_utf8_lossy(&migrated.stderr));
        }
        let audit = bare(&["audit"]);
        assert!(audit.status.success(), "{}", String::from_utf8_lossy(&audit.stderr));
        assert!(!audit.stdout.is_empty());
        let nobody = bare(&["operator", "anna@example.com"]);
        assert!(!nobody.status.success());
        assert!(String::from_utf8_lossy(&nobody.stderr).contains("nobody has an account with the address anna@example.com"));
        let malformed = bare(&["operator", "anna"]);
        assert!(!malformed.status.success());
        let node = place.serve(&[]);
        let create = r#"mutation { accountCreate(input: { email: "anna@example.com", name: "Anna", password: "correct horse battery" }) { account { id } } }"#;
        ask(&node.url(), create).await;
        let granted = bare(&["operator", "anna@example.com"]);
        assert!(granted.status.success(), "{}", String::from_utf8_lossy(&granted.stderr));
        assert_eq!(String::from_utf8_lossy(&granted.stdout), "Anna (anna@example.com) is an operator now.\n");
        node.stop(Signal::Term);
    }

    async fn killed_amid_clicks_it_keeps_each_that_it_answered(place) {
        clicks::killed_amid_clicks(place).await;
    }

    async fn asked_to_stop_it_writes_the_clicks_that_wait(place) {
        clicks::stopped_amid_clicks(place).await;
    }

    async fn killed_again_and_again_it_does_everything_once(place) {
        crash::die_often(place).await;
    }

    async fn killed_under_a_request_with_a_key_it_carries_it_out_once(place) {
        keys::die_under_keys(place).await;
    }

    async fn killed_once_at_every_point_between_two_durable_steps_it_does_everything_once(place) {
        points::die_at_each(place).await;
    }

    async fn a_job_that_ends_the_process_each_time_is_laid_aside_and_it_alone(place) {
        points::bury_what_kills(place).await;
    }

    async fn production_hides_the_schema(place) {
        let node = place.serve(&PRODUCTION);
        let shown = ask(&node.url(), "{ __schema { queryType { name } } }").await;
        assert!(shown["data"]["__schema"].is_null(), "{shown:#}");
        assert!(!ask(&node.url(), "{ viewer { nam } }").await.to_string().contains("Did you mean"));
        for page in ["/", "/graphiql"] {
            let page = reqwest::get(format!("{}{page}", node.url())).await.unwrap();
            assert_eq!(page.status(), 404, "{}", page.url());
        }
        let request = reqwest::Client::new().post(format!("{}/graphql", node.url())).header("origin", "http://localhost:3000");
        let response = request.json(&json!({ "query": "{ viewer { id } }" })).send().await.unwrap();
        assert!(response.headers().get("access-control-allow-origin").is_none());
        node.stop(Signal::Term);
    }

    async fn the_log_tells_no_secret(place) {
        let mut log = String::new();
        for format in ["text", "json"] {
            let node = place.serve(&[
                ("VITRINE_LOG", "debug"),
                ("VITRINE_LOG_FORMAT", format),
                ("VITRINE_SECRET_KEY", "canary-secret-key-0123456789abcdef"),
                ("STRIPE_SECRET_KEY", "sk_test_canary"),
                ("STRIPE_WEBHOOK_SECRETS", "whsec_canary_0123456789"),
                ("VITRINE_SMTP_URL", "smtp://canary-user:canary-password@127.0.0.1:1"),
            ]);
            let create = format!(r#"mutation {{ accountCreate(input: {{ email: "canary-{format}@example.com", name: "Canary", password: "canary horse battery" }}) {{ account {{ id }} }} }}"#);
            ask(&node.url(), &create).await;
            let sign_in = format!(r#"mutation {{ sessionCreate(input: {{ email: "canary-{format}@example.com", password: "canary horse battery" }}) {{ session {{ accessToken }} }} }}"#);
            let token = ask(&node.url(), &sign_in).await["data"]["sessionCreate"]["session"]["accessToken"].as_str().unwrap().to_owned();
            let http = reqwest::Client::new();
            for token in [token.as_str(), "canary-token"] {
                let request = http.post(format!("{}/graphql", node.url())).bearer_auth(token).header("vitrine-guest", "canary-guest");
                request.json(&json!({ "query": "{ viewer { email } }" })).send().await.unwrap();
            }
            let request = http.get(format!("{}/graphql", node.url())).query(&[("query", "{ viewer { canary } }"), ("variables", "{\"a\":\"canary\"}")]);
            request.send().await.unwrap();
            let request = http.post(format!("{}/webhooks/stripe", node.url())).header("stripe-signature", "t=1,v1=00");
            request.body(r#"{"id":"evt_canary"}"#).send().await.unwrap();
            let written = node.stop(Signal::Term);
            assert!(written.contains("answered"), "debug is on: {written}");
            assert!(!written.contains(&token), "{written}");
            log += &written;
        }
        let told: Vec<_> = log.lines().filter(|line| line.to_ascii_lowercase().contains("canary")).collect();
        assert!(told.is_empty(), "{told:#?}");
        assert!(!log.contains(WEBHOOK_SECRET));
    }
}

#[test]
fn the_schema_is_printed_without_any_configuration() {
    let folder = tempfile::tempdir().unwrap();
    let printed = Place::new(folder.path(), None).run_without_stripe(&["schema"]);
    assert!(printed.status.success());
    let schema = String::from_utf8(printed.stdout).unwrap();
    assert!(
        schema.contains("type Query {") && schema.contains("schema {\n"),
        "{schema}"
    );
    assert_eq!(
        std::fs::read_dir(folder.path()).unwrap().count(),
        0,
        "it leaves nothing behind"
    );
}

#[test]
fn a_key_is_made_once_and_only_its_owner_may_read_it() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().unwrap();
    let place = Place::new(folder.path(), None);
    let mut keys = Vec::new();
    for _ in 0..2 {
        place.serve(&[]).stop(Signal::Term);
        let file = folder.path().join("data/secret.key");
        assert_eq!(
            std::fs::metadata(&file).unwrap().permissions().mode() & 0o777,
            0o600
        );
        keys.push(std::fs::read_to_string(file).unwrap());
    }
    assert!(keys[0] == keys[1] && keys[0].len() == 64);
}

/// Plays the demo to its end with its temporary folders below `folder`.
fn demo(folder: &std::path::Path, arguments: &[&str]) -> std::process::Output {
    std::process::Command::new(env!("CARGO_BIN_EXE_vitrine"))
        .args(["demo", "--exit", "--listen", "127.0.0.1:0"])
        .args(arguments)
        .env("TMPDIR", folder)
        .output()
        .unwrap()
}

/// What the demo says, when everything held. It leaves nothing behind.
fn told_to_the_end(arguments: &[&str]) -> String {
    let folder = tempfile::tempdir().unwrap();
    let output = demo(folder.path(), arguments);
    let (told, complained) = (
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr),
    );
    assert!(output.status.success(), "{told}\n{complained}");
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
    told.into_owned()
}

#[test]
fn a_demo_that_fails_says_why_and_where_its_folder_is() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("nothing.csv");
    std::fs::write(&file, "Handle,Title,Variant Price\nmug,Mug,0.01\n").unwrap();
    let output = demo(folder.path(), &["--catalog", &file.to_string_lossy()]);
    let complained = String::from_utf8_lossy(&output.stderr);
    assert!(!output.status.success());
    assert!(
        complained.contains("no catalogue has a product that costs 0.10 to "),
        "{complained}"
    );
    let kept = folder.path().join("vitrine-demo-");
    assert!(
        complained.contains(&format!("are kept in {}", kept.display())),
        "{complained}"
    );
}

#[test]
fn the_demo_tells_its_story_to_the_end() {
    let told = told_to_the_end(&[]);
    let audited = told
        .lines()
        .filter(|line| line.trim_start().starts_with("ok "))
        .count();
    assert!(audited > 20, "{told}");
    assert!(
        told.contains(&format!("All {audited} invariants hold.")),
        "{told}"
    );
    assert!(told.contains("held for Anna"), "{told}");
    assert!(told.contains("Stripe's fee"), "{told}");
    assert!(told.contains("Stripe's own books agree to the cent"), "{told}");
}

#[test]
fn the_demo_copes_with_dear_cheap_and_uncounted_goods_whatever_the_environment_says() {
    let folder = tempfile::tempdir().unwrap();
    let head = "Handle,Title,Variant Inventory Tracker,Variant Inventory Policy,Variant Price";
    let files = [
        (
            "dear",
            format!("{head},Variant Inventory Qty\nring,Ring,shopify,deny,8900.00,1\n"),
        ),
        (
            "cheap",
            format!("{head},Variant Inventory Qty\npin,Pin,shopify,deny,0.60,9\n"),
        ),
        ("uncounted", format!("{head}\nmug,Mug,shopify,deny,12.50\n")),
    ];
    let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_vitrine"));
    command.args(["demo", "--exit", "--listen", "127.0.0.1:0", "--catalog"]);
    for (name, text) in files {
        let file = folder.path().join(format!("{name}.csv"));
        std::fs::write(&file, text).unwrap();
        command.arg(file);
    }
    // No mail server is there, and these terms are not the defaults.
    let output = command
        .env("TMPDIR", folder.path())
        .env("VITRINE_SMTP_URL", "smtp://127.0.0.1:9")
        .env("VITRINE_PAYOUT_MINIMUM", "100000000")
        .env("VITRINE_COMMISSION_BP", "0")
        .env("VITRINE_LISTEN", "nowhere at all")
        .env("VITRINE_LOG", "[")
        .env("DATABASE_URL", "postgres://127.0.0.1:9/none")
        .env("VITRINE_DATA_DIR", "/proc/none")
        .output()
        .unwrap();
    let told = String::from_utf8_lossy(&output.stdout);
    let complained = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{told}\n{complained}");
    for says in [
        "uncounted has nothing in stock by its file; it counts, and finds 20 each of \"Mug\".",
        "She recommends 3 products",
        "The payout run has paid Anna.",
        "brought back by transfer reversals",
        "Everything held.",
    ] {
        assert!(told.contains(says), "{says}\n{told}");
    }
}

#[test]
fn the_demo_copes_with_a_catalogue_of_cheap_of_dear_and_of_drafts_alone() {
    let folder = tempfile::tempdir().unwrap();
    for (name, row, says) in [
        ("cheap", "pin,Pin,true,0.20,30", "10 × Pin"),
        ("dear", "car,Car,true,99000.00,3", "2 × Car"),
        ("yacht", "yacht,Yacht,true,200000.00,1", "1 × Yacht"),
        (
            "drafts",
            "mug,Mug,false,12.50,4",
            "drafts has drafts only by its file; it publishes \"Mug\".",
        ),
    ] {
        let file = folder.path().join(format!("{name}.csv"));
        let head = "Handle,Title,Published,Variant Price,Variant Inventory Qty";
        std::fs::write(&file, format!("{head}\n{row}\n")).unwrap();
        let told = told_to_the_end(&["--catalog", &file.to_string_lossy()]);
        assert!(told.contains(says), "{says}\n{told}");
    }
}

#[test]
fn the_demo_plays_in_a_named_database_while_it_is_empty() {
    run(Kind::Postgres, async |place| {
        let url = place.database_url();
        let arguments = ["--database-url", &url, "--allow-unsafe-database"];
        told_to_the_end(&arguments);
        let folder = tempfile::tempdir().unwrap();
        let again = demo(folder.path(), &arguments);
        let complained = String::from_utf8_lossy(&again.stderr);
        assert!(!again.status.success());
        assert!(
            complained.contains("is in use: the demo plays in an empty database"),
            "{complained}"
        );
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
    });
}

#[test]
fn the_demo_refuses_settings_that_it_would_ignore() {
    for (given, name) in [
        (&["--data-dir", "/tmp/elsewhere"][..], "--data-dir"),
        (&["--public-url", "https://api.example.com"], "--public-url"),
        (&["--payout-minimum", "5"], "--payout-minimum"),
        (&["--price-floors"], "--price-floors"),
    ] {
        for after in [true, false] {
            let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_vitrine"));
            if after {
                command.args(["demo", "--exit"]).args(given);
            } else {
                command.args(given).args(["demo", "--exit"]);
            }
            let output = command.output().unwrap();
            let complained = String::from_utf8_lossy(&output.stderr);
            assert_eq!(output.status.code(), Some(2), "{complained}");
            assert!(
                complained.contains(&format!("the demo takes no {name}:")),
                "{complained}"
            );
            assert!(output.stdout.is_empty(), "nothing was played");
        }
    }
}

#[test]
fn the_demo_plays_with_a_catalogue_of_ones_own() {
    let file = format!("{}/../../tests/data/bicycles.csv", env!("CARGO_MANIFEST_DIR"));
    let told = told_to_the_end(&["--catalog", &file]);
    assert!(told.contains("bicycles"), "{told}");
}

#[test]
fn the_demo_plays_with_the_roughest_of_catalogues() {
    // Semicolons, no stock-keeping units, no images, prices that are missing, free or beyond all measure: one product can be
    // bought.
    let file = format!(
        "{}/../../tests/data/rough-semicolon.csv",
        env!("CARGO_MANIFEST_DIR")
    );
    let told = told_to_the_end(&["--catalog", &file]);
    assert!(told.contains("Großer Teller"), "{told}");
    assert!(told.contains("more refused; productImport(id: \""), "{told}");
    assert!(told.contains(", Variant Price: "), "{told}");
}
