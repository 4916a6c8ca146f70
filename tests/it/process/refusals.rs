//! What the binary refuses to start with: at once, with a message that says what would be right.

use std::net::TcpListener;

use super::node::{Place, Signal};

/// Settings that cannot work, each with words that say what would be right.
const IMPOSSIBLE: &[(&str, &str, &[&str])] = &[
    (
        "VITRINE_SECRET_KEY",
        "short",
        &["VITRINE_SECRET_KEY is weak", "32"],
    ),
    (
        "DATABASE_URL",
        "postgres://vitrine@127.0.0.1:1/vitrine",
        &["set VITRINE_SECRET_KEY"],
    ),
    (
        "DATABASE_URL",
        "mysql://root@127.0.0.1/vitrine",
        &["sqlite://", "postgres://"],
    ),
    ("DATABASE_URL", "sqlite::memory:", &["sqlite://"]),
    (
        "VITRINE_CURRENCIES",
        "EUR,XXX",
        &["VITRINE_CURRENCIES names \"XXX\", which is not supported: choose among EUR, USD,"],
    ),
    ("VITRINE_CURRENCIES", "", &["VITRINE_CURRENCIES"]),
    (
        "STRIPE_SECRET_KEY",
        "pk_test_1",
        &["STRIPE_SECRET_KEY", "sk_test_"],
    ),
    ("STRIPE_SECRET_KEY", "", &["STRIPE_SECRET_KEY", "sk_test_"]),
    ("STRIPE_SECRET_KEY", "sk_live_1", &["https"]),
    ("STRIPE_BASE_URL", "stripe", &["STRIPE_BASE_URL"]),
    (
        "STRIPE_WEBHOOK_SECRETS",
        "whsec_test_0123456789abcdef,whsec_",
        &["STRIPE_WEBHOOK_SECRETS", "too short"],
    ),
    ("VITRINE_DATA_DIR", "/dev/null/data", &["VITRINE_DATA_DIR"]),
    ("VITRINE_LISTEN", "4000", &["--listen"]),
    ("VITRINE_PUBLIC_URL", "shop", &["VITRINE_PUBLIC_URL"]),
    (
        "VITRINE_LANDING_URL",
        "javascript:alert(1)",
        &["VITRINE_LANDING_URL"],
    ),
    (
        "VITRINE_ORIGINS",
        "https://shop.example.com/",
        &["VITRINE_ORIGINS", "https://shop.example.com instead of"],
    ),
    ("VITRINE_ORIGINS", "shop.example.com", &["VITRINE_ORIGINS"]),
    (
        "VITRINE_ADDRESS_HEADER",
        "not a header",
        &["VITRINE_ADDRESS_HEADER"],
    ),
    (
        "VITRINE_TRUSTED_PROXIES",
        "10.0.0.0/33",
        &["VITRINE_TRUSTED_PROXIES", "10.0.0.0/8"],
    ),
    ("VITRINE_DOCUMENTS", "/nowhere/at/all", &["VITRINE_DOCUMENTS"]),
    ("VITRINE_RATE_LIMIT", "-1", &["--rate-limit"]),
    ("VITRINE_COMMISSION_BP", "10001", &["VITRINE_COMMISSION_BP"]),
    ("VITRINE_NOTICE_DAYS", "-1", &["--notice-days"]),
    ("VITRINE_DATABASE_CONNECTIONS", "0", &["--database-connections"]),
    (
        "VITRINE_ENVIRONMENT",
        "production",
        &[
            "set VITRINE_LANDING_URL to your frontend's page",
            "{shop}",
            "{click}",
        ],
    ),
    ("VITRINE_ENVIRONMENT", "staging", &["development", "production"]),
    ("VITRINE_MAIL_FROM", "nobody", &["VITRINE_MAIL_FROM"]),
    ("VITRINE_SMTP_URL", "mail.example.com", &["VITRINE_SMTP_URL"]),
    ("VITRINE_LOG", "vitrine=loud", &["VITRINE_LOG"]),
];

#[test]
fn s13_production_sends_no_webhooks_to_private_addresses() {
    let folder = tempfile::tempdir().unwrap();
    let said = refused(
        &Place::new(folder.path(), None),
        &[
            ("VITRINE_ENVIRONMENT", "production"),
            (
                "VITRINE_LANDING_URL",
                "https://shop.example.com/{shop}?click={click}",
            ),
            ("VITRINE_ALLOW_PRIVATE_WEBHOOKS", "true"),
        ],
    );
    assert!(
        said.contains("take VITRINE_ALLOW_PRIVATE_WEBHOOKS away"),
        "{said}"
    );
}

/// Starts a server that must refuse; returns what it says.
fn refused(place: &Place, env: &[(&str, &str)]) -> String {
    let ended = place.run(&["serve"], env);
    let said = String::from_utf8_lossy(&ended.stderr).into_owned();
    assert!(!ended.status.success(), "{env:?} was let through");
    assert!(!said.contains("panicked"), "{said}");
    said
}

#[test]
fn s18_settings_that_cannot_work_are_refused_with_what_would_be_right() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let taken = taken.local_addr().unwrap().to_string();
    let listening: [(&str, &str, &[&str]); 1] = [(
        "VITRINE_LISTEN",
        &taken,
        &["cannot listen on", &taken, "VITRINE_LISTEN"],
    )];
    for (name, value, words) in IMPOSSIBLE.iter().chain(&listening) {
        let folder = tempfile::tempdir().unwrap();
        let said = refused(&Place::new(folder.path(), None), &[(name, value)]);
        for word in *words {
            assert!(said.contains(word), "{name}={value}: no {word} in {said}");
        }
        assert!(
            !said.contains("unknown word"),
            "{name}={value}: told twice in {said}"
        );
        assert!(
            !folder.path().join("data/vitrine.db").exists(),
            "{name}={value} was refused late"
        );
    }
}

#[test]
fn s18_a_missing_stripe_key_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let ended = Place::new(folder.path(), None).run_without_stripe(&["serve"]);
    assert!(!ended.status.success());
    assert!(String::from_utf8_lossy(&ended.stderr).contains("set STRIPE_SECRET_KEY"));
}

#[test]
fn a_database_that_does_not_answer_is_named_without_its_password() {
    let folder = tempfile::tempdir().unwrap();
    let place = Place::new(
        folder.path(),
        Some("postgres://vitrine:hidden@127.0.0.1:1/vitrine".to_owned()),
    );
    let said = refused(&place, &[]);
    let last = said.lines().last().unwrap_or_default();
    assert!(
        last.contains("cannot open the database postgres://vitrine:***@127.0.0.1:1/vitrine: ")
            && last.matches("Connection refused").count() == 1,
        "{said}"
    );
    let attempts = said.lines().filter(|line| line.contains("trying again"));
    assert!(attempts.clone().count() > 2, "{said}");
    assert!(
        attempts
            .clone()
            .all(|line| line.contains("Connection refused") && line.contains("@127.0.0.1:1")),
        "{said}"
    );
    assert!(
        !said.contains("hidden") && !said.contains("pool timed out"),
        "{said}"
    );
}

#[test]
fn s18_a_live_key_and_a_test_database_do_not_meet() {
    // A live key travels by https only; nobody is asked anything here.
    let live = [
        ("STRIPE_SECRET_KEY", "sk_live_1"),
        ("STRIPE_BASE_URL", "https://127.0.0.1:1"),
    ];
    let test = [("STRIPE_SECRET_KEY", "sk_test_1")];
    for (first, then, holds) in [
        (&test[..], &live[..], "holds test data"),
        (&live[..], &test[..], "holds live data"),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let place = Place::new(folder.path(), None);
        place.serve(first).stop(Signal::Term);
        let said = refused(&place, then);
        assert!(
            said.contains(holds) && said.contains("STRIPE_SECRET_KEY"),
            "{said}"
        );
        place.serve(first).stop(Signal::Term);
    }
}
