//! The catalogue of errors, `docs/errors.md`: written from the contract and from the list of codes, so that it cannot lag
//! behind them.

use std::collections::BTreeMap;

use async_graphql::parser::types::TypeKind;

use super::{fields, root, types};

const HEAD: &str = "# Errors

Two kinds of no. **User errors** come in a mutation's payload as `userErrors { code message field }`: nothing was changed; `message` says in English what to do, `field` names the input's
field, and clients switch on `code`. **Top-level errors** come in `errors`, each with `extensions.code`: for the protocol, for who may do what, and for what broke on our side. A field
that is refused is `null`, and its siblings are answered.

New codes may come with any release: treat one that you do not know like `INVALID` here, and like `INTERNAL` there.

<!-- Written from schema.graphql and crates/graphql/src/error.rs by the tests. -->
";

const STATUSES: &str = "## HTTP statuses

Of `POST /graphql` and `GET /graphql`. What was executed is 200, whatever its errors are. What was not is 400 for clients that
accept `application/graphql-response+json`, and 200 for others where the document itself is at fault; and these, for all:

| status | when |
|---|---|
| 401 | A token was sent that opens nothing: refresh the session, or sign in anew. `UNAUTHENTICATED` |
| 403 | A browser's page of another origin asks with cookies, or for a WebSocket. `FORBIDDEN` |
| 405 | A mutation was sent by GET, or another method than GET and POST. |
| 406 | None of the media types that `Accept` names can be answered. |
| 413 | The body is larger than one may be. |
| 415 | The body is no JSON in UTF-8. |
| 429 | Too much was asked for within a minute: `Retry-After` says when there is more. `RATE_LIMITED` |
| 503 | There is no place for another WebSocket: `Retry-After` says when to try again. `RATE_LIMITED` |
| 504 | It took longer than a request may. `TIMEOUT` |
";

/// What each user error means, and which mutations answer it.
fn user_errors() -> Vec<String> {
    let types = types();
    let mut mutations: BTreeMap<String, Vec<String>> = BTreeMap::new();
    let root = types.iter().find(|definition| definition.name.node == "Mutation");
    for field in root.into_iter().flat_map(fields) {
        let told = field.description.as_ref().map_or("", |text| text.node.as_str());
        for code in codes(told) {
            mutations
                .entry(code)
                .or_default()
                .push(format!("`{}`", field.name.node));
        }
    }
    let codes = types
        .iter()
        .find(|definition| definition.name.node == "UserErrorCode");
    let TypeKind::Enum(codes) = &codes.expect("there are user errors").kind else {
        panic!("the codes of user errors are an enum");
    };
    let rows = codes.values.iter().map(|value| {
        let code = value.node.value.node.to_string();
        let meaning = value.node.description.as_ref().map_or("", |text| &text.node);
        let by = mutations.remove(&code).unwrap_or_default();
        assert!(!by.is_empty(), "no mutation says that it answers {code}");
        row(&[format!("`{code}`"), one_line(meaning), by.join(", ")])
    });
    let rows = rows.collect();
    assert!(
        mutations.is_empty(),
        "mutations name codes that there are not: {mutations:?}"
    );
    rows
}

/// The codes that a mutation's description lists.
fn codes(description: &str) -> Vec<String> {
    let Some((_, listed)) = description.split_once("Codes:") else {
        return Vec::new();
    };
    let listed = listed.split("Access:").next().unwrap_or("");
    let words = listed.split('`').skip(1).step_by(2);
    let is_code = |word: &&str| {
        word.chars()
            .all(|letter| letter.is_ascii_uppercase() || letter == '_')
    };
    words.filter(is_code).map(str::to_owned).collect()
}

/// The codes of top-level errors, with their doc comments.
fn protocol_errors() -> Vec<String> {
    let source = std::fs::read_to_string(root().join("crates/graphql/src/error.rs")).unwrap();
    let (_, module) = source
        .split_once("pub mod code {")
        .expect("the codes have a module");
    let (module, _) = module.split_once("\n}").expect("it ends");
    let mut rows = Vec::new();
    let mut meaning = String::new();
    for line in module.lines().map(str::trim) {
        if let Some(words) = line.strip_prefix("/// ") {
            meaning = format!("{meaning} {words}");
        } else if line.starts_with("pub const") {
            let code = line.split('"').nth(1).expect("a code is a text");
            rows.push(row(&[format!("`{code}`"), one_line(&meaning)]));
            meaning.clear();
        }
    }
    assert!(rows.len() > 5, "the codes are read");
    rows
}

fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn row(cells: &[String]) -> String {
    format!("| {} |", cells.join(" | "))
}

#[test]
fn the_catalogue_of_errors_is_current() {
    let table = |head: &str, rows: Vec<String>| format!("{head}\n{}\n", rows.join("\n"));
    let current = [
        HEAD.to_owned(),
        table(
            "## Top-level errors\n\n| `extensions.code` | meaning |\n|---|---|",
            protocol_errors(),
        ),
        table(
            "## User errors\n\n| `code` | meaning | answered by |\n|---|---|---|",
            user_errors(),
        ),
        STATUSES.to_owned(),
    ]
    .join("\n");
    let file = root().join("docs/errors.md");
    if std::fs::read_to_string(&file).unwrap_or_default() != current {
        std::fs::write(&file, current).unwrap();
        panic!("docs/errors.md was not current and has been rewritten: look at the difference and commit it");
    }
}
