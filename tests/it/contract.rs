//! The rules of this repository, each a test: the contract is current and described, access is declared and guarded,
//! layers and domains know only what they may, the schema of the database matches the rows, licences are free; in `errors`,
//! that the catalogue of errors is current; in `keys`, what API keys may never do; and in `shape`, how large things may be.

mod errors;
mod keys;
mod shape;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::Command;

use async_graphql::parser::parse_schema;
use async_graphql::parser::types::{FieldDefinition, TypeDefinition, TypeKind, TypeSystemDefinition};
use clap::CommandFactory;
use sea_orm::{ConnectionTrait, EntityTrait, IdenStatic, Iterable, Statement};

use crate::support::on_both;

const DOMAINS: [&str; 10] = [
    "identity", "catalog", "ledger", "shop", "referral", "checkout", "payout", "notify", "webhook", "privacy",
];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../..")
        .canonicalize()
        .unwrap()
}

/// All Rust files below `folder`, with their texts.
pub(crate) fn sources(folder: &str) -> Vec<(PathBuf, String)> {
    fn walk(folder: &Path, found: &mut Vec<(PathBuf, String)>) {
        let mut entries: Vec<_> = std::fs::read_dir(folder)
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .collect();
        entries.sort();
        for path in entries {
            if path.is_dir() {
                walk(&path, found);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                found.push((path.clone(), std::fs::read_to_string(&path).unwrap()));
            }
        }
    }
    let mut found = Vec::new();
    walk(&root().join(folder), &mut found);
    assert!(!found.is_empty(), "no sources in {folder}");
    found
}

fn types() -> Vec<TypeDefinition> {
    let document = parse_schema(vitrine_graphql::sdl()).expect("the schema parses");
    let definitions = document.definitions.into_iter();
    definitions
        .filter_map(|definition| match definition {
            TypeSystemDefinition::Type(definition) => Some(definition.node),
            _ => None,
        })
        .collect()
}

fn fields(definition: &TypeDefinition) -> Vec<&FieldDefinition> {
    match &definition.kind {
        TypeKind::Object(object) => object.fields.iter().map(|field| &field.node).collect(),
        _ => Vec::new(),
    }
}

#[test]
fn the_committed_schema_is_current() {
    let (file, current) = (root().join("schema.graphql"), vitrine_graphql::sdl());
    let committed = std::fs::read_to_string(&file).unwrap_or_default();
    if committed != current {
        std::fs::write(&file, current).unwrap();
        panic!("schema.graphql was not current and has been rewritten: look at the difference and commit it");
    }
}

/// The table of settings in the README, as the command line declares them.
fn settings() -> String {
    let cli = vitrine::cli::Cli::command();
    let mut rows = vec![
        "| variable | default | meaning |".to_owned(),
        "|---|---|---|".to_owned(),
    ];
    rows.extend(cli.get_arguments().filter_map(|setting| row(setting, "")));
    for command in cli.get_subcommands() {
        let of = format!("Of `{}`: ", command.get_name());
        rows.extend(command.get_arguments().filter_map(|setting| row(setting, &of)));
    }
    rows.join("\n")
}

/// A row of that table; none for what is no environment variable.
fn row(setting: &clap::Arg, of: &str) -> Option<String> {
    let name = setting
        .get_env()
        .filter(|_| !setting.is_hide_set())?
        .to_str()
        .unwrap();
    let defaults = setting.get_default_values().iter();
    let defaults: Vec<_> = defaults.map(|value| value.to_str().unwrap()).collect();
    let default = match (setting.get_action().takes_values(), &*defaults) {
        (false, _) => "off".to_owned(),
        (true, []) => String::new(),
        (true, values) => format!("`{}`", values.join(",")),
    };
    let help = setting.get_long_help().or(setting.get_help())?.to_string();
    let mut meaning = help.split_whitespace().collect::<Vec<_>>().join(" ");
    if !of.is_empty() {
        meaning = format!("{of}{}{}", meaning[..1].to_lowercase(), &meaning[1..]);
    }
    let end = if meaning.ends_with('.') { "" } else { "." };
    Some(format!("| `{name}` | {default} | {meaning}{end} |"))
}

#[test]
fn the_readme_lists_every_setting() {
    const BEGIN: &str = "<!-- Written from crates/server/src/config.rs by the tests. -->\n";
    const END: &str = "\n<!-- Until here. -->";
    let file = root().join("README.md");
    let text = std::fs::read_to_string(&file).unwrap();
    let (before, rest) = text.split_once(BEGIN).expect("the table begins");
    let (table, after) = rest.split_once(END).expect("the table ends");
    let current = settings();
    if table != current {
        std::fs::write(&file, format!("{before}{BEGIN}{current}{END}{after}")).unwrap();
        panic!(
            "the settings in README.md were not current and have been rewritten: look at the difference and commit it"
        );
    }
}

/// Settings that compose.yaml does not pass on: the image decides where in the container data lies and where the server
/// listens, and the services' commands who works.
const DECIDED_BY_COMPOSE: [&str; 3] = ["VITRINE_DATA_DIR", "VITRINE_LISTEN", "VITRINE_NO_WORKER"];
/// What compose.yaml asks of `.env` for itself.
const OF_COMPOSE: [&str; 2] = ["POSTGRES_PASSWORD", "VITRINE_PORT"];

#[test]
fn compose_passes_every_setting_on() {
    let table = settings();
    let rows = table.lines().filter_map(|row| row.strip_prefix("| `"));
    let known: BTreeSet<&str> = rows.filter_map(|row| row.split('`').next()).collect();
    let compose = std::fs::read_to_string(root().join("compose.yaml")).unwrap();
    let environment = compose
        .split("\n  environment:\n")
        .nth(1)
        .expect("an environment");
    let environment = environment.split("\nservices:").next().unwrap_or_default();
    let passed = environment.lines().filter_map(|line| line.trim().split_once(':'));
    let passed: BTreeSet<&str> = passed
        .map(|(name, _)| name)
        .filter(|name| !name.starts_with('#'))
        .collect();
    let expected = known.iter().copied();
    let expected: BTreeSet<&str> = expected
        .filter(|name| !DECIDED_BY_COMPOSE.contains(name))
        .collect();
    assert_eq!(
        passed, expected,
        "what compose.yaml passes on, and what the README lists"
    );
    let example = std::fs::read_to_string(root().join(".env.example")).unwrap();
    for (name, _) in example
        .lines()
        .filter_map(|line| line.trim_start_matches('#').split_once('='))
    {
        assert!(
            passed.contains(name) || OF_COMPOSE.contains(&name) || name.contains(' '),
            ".env.example: compose.yaml takes no {name}"
        );
    }
}

#[test]
fn every_field_declares_who_may_read_it() {
    let types = types();
    let mut undeclared = Vec::new();
    for definition in &types {
        for field in fields(definition) {
            if !field
                .directives
                .iter()
                .any(|directive| directive.node.name.node == "access")
            {
                undeclared.push(format!("{}.{}", definition.name.node, field.name.node));
            }
        }
    }
    assert!(undeclared.is_empty(), "without @access: {undeclared:#?}");
}

/// What `@access` says of the field.
fn access(field: &FieldDefinition) -> String {
    let mut directives = field.directives.iter();
    let declared = directives.find(|directive| directive.node.name.node == "access");
    let who = declared.and_then(|directive| directive.node.get_argument("who").cloned());
    who.expect("every field is declared").node.to_string()
}

#[test]
fn what_a_reader_may_be_refused_is_nullable() {
    const FREE_TO_STRICT: [&str; 6] = [
        "ANYONE",
        "ACCOUNT",
        "OWNER",
        "BRAND_MANAGER",
        "BRAND_OWNER",
        "OPERATOR",
    ];
    let strictness = |field: &FieldDefinition| FREE_TO_STRICT.iter().position(|who| *who == access(field));
    let mut blinding = Vec::new();
    for definition in types() {
        let fields = fields(&definition);
        let freest = fields.iter().map(|field| strictness(field)).min();
        for field in &fields {
            let refusable = definition.name.node == "Mutation" || Some(strictness(field)) > freest;
            if refusable && !field.ty.node.nullable {
                blinding.push(format!("{}.{}", definition.name.node, field.name.node));
            }
        }
    }
    assert!(
        blinding.is_empty(),
        "refusing these would hide what stands beside them: {blinding:#?}"
    );
}

#[test]
fn everything_in_the_schema_is_described() {
    let mut bare = Vec::new();
    for definition in types() {
        let name = definition.name.node.to_string();
        let roots = ["Query", "Mutation"].contains(&name.as_str());
        if definition.description.is_none() && !roots {
            bare.push(name.clone());
        }
        for field in fields(&definition) {
            let place = format!("{name}.{}", field.name.node);
            if field
                .description
                .as_ref()
                .is_none_or(|text| text.node.trim().starts_with("Access:"))
            {
                bare.push(place.clone());
            }
            let arguments = field.arguments.iter().map(|argument| &argument.node);
            bare.extend(
                arguments
                    .filter(|argument| argument.description.is_none())
                    .map(|argument| format!("{place}({})", argument.name.node)),
            );
        }
        if let TypeKind::InputObject(input) = &definition.kind {
            let inputs = input.fields.iter().map(|field| &field.node);
            bare.extend(
                inputs
                    .filter(|field| field.description.is_none())
                    .map(|field| format!("{name}.{}", field.name.node)),
            );
        }
        if let TypeKind::Enum(words) = &definition.kind {
            let values = words.values.iter().map(|value| &value.node);
            bare.extend(
                values
                    .filter(|value| value.description.is_none())
                    .map(|value| format!("{name}.{}", value.value.node)),
            );
        }
    }
    assert!(bare.is_empty(), "without a description: {bare:#?}");
}

#[test]
fn every_object_is_guarded_by_what_it_declares() {
    for (path, text) in sources("crates/graphql/src") {
        for (number, line) in text.lines().enumerate() {
            let attribute = line.trim_start();
            let object =
                attribute.starts_with("#[Object") || attribute.starts_with("#[async_graphql::Object");
            let guarded = attribute.contains("Declared(self)");
            assert!(
                !object || guarded,
                "{}:{}: an object without its guard",
                path.display(),
                number + 1
            );
            let derived = attribute.starts_with("#[derive(") && attribute.contains("SimpleObject");
            assert!(
                !derived,
                "{}:{}: SimpleObject has no guard: write an Object",
                path.display(),
                number + 1
            );
        }
    }
}

/// What `cargo metadata` tells: package names with their licences and their dependencies by kind.
fn metadata() -> serde_json::Value {
    let cargo = option_env!("CARGO").unwrap_or("cargo");
    let output = Command::new(cargo)
        .args(["metadata", "--format-version", "1", "--locked", "--offline"])
        .current_dir(root())
        .output();
    let output = output.expect("cargo runs");
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    serde_json::from_slice(&output.stdout).expect("cargo metadata is JSON")
}

#[test]
fn layers_know_only_what_they_may() {
    let metadata = metadata();
    let allowed: BTreeMap<&str, &[&str]> = BTreeMap::from([
        ("vitrine-model", &[][..]),
        ("vitrine-domain", &["vitrine-model"]),
        ("vitrine-graphql", &["vitrine-domain", "vitrine-model"]),
        ("vitrine-stripe-gateway", &["vitrine-domain", "vitrine-model"]),
        ("vitrine-oidc-gateway", &["vitrine-domain", "vitrine-model"]),
        ("vitrine-stripe-sandbox", &[]),
        ("vitrine-migrations", &[]),
        (
            "vitrine",
            &[
                "vitrine-model",
                "vitrine-domain",
                "vitrine-graphql",
                "vitrine-stripe-gateway",
                "vitrine-oidc-gateway",
                "vitrine-stripe-sandbox",
                "vitrine-migrations",
            ],
        ),
    ]);
    let hidden = |name: &str| match name {
        "async-graphql" => Some("vitrine-graphql"),
        "openidconnect" => Some("vitrine-oidc-gateway"),
        name if name.starts_with("async-stripe") => Some("vitrine-stripe-gateway"),
        _ => None,
    };
    for package in metadata["packages"].as_array().unwrap() {
        let name = package["name"].as_str().unwrap();
        let Some(may) = allowed.get(name) else { continue };
        for dependency in package["dependencies"].as_array().unwrap() {
            let (other, kind) = (dependency["name"].as_str().unwrap(), &dependency["kind"]);
            if allowed.contains_key(other) {
                assert!(may.contains(&other), "{name} may not know {other}");
            }
            if let (Some(owner), true) = (hidden(other), kind.is_null()) {
                assert_eq!(name, owner, "only {owner} may know {other}");
            }
        }
    }
}

#[test]
fn every_licence_is_free_and_none_binds_the_product() {
    const FREE: [&str; 14] = [
        "MIT",
        "MIT-0",
        "Apache-2.0",
        "BSD-2-Clause",
        "BSD-3-Clause",
        "ISC",
        "Zlib",
        "Unicode-3.0",
        "CC0-1.0",
        "Unlicense",
        "MPL-2.0",
        "0BSD",
        "CDLA-Permissive-2.0",
        "BSL-1.0",
    ];
    let metadata = metadata();
    for package in metadata["packages"].as_array().unwrap() {
        let licence = package["license"].as_str().unwrap_or_default();
        let text = licence
            .replace(" WITH LLVM-exception", "")
            .replace('/', " OR ")
            .replace(['(', ')'], " ");
        // Every AND-ed part needs one free alternative.
        let free = text
            .split(" AND ")
            .all(|part| part.split(" OR ").any(|choice| FREE.contains(&choice.trim())));
        assert!(free, "{} is under {licence:?}", package["name"]);
        assert!(package["name"] != "openssl-sys", "OpenSSL is not used: rustls is");
    }
}

/// The table in the domain crate's first doc comment: who may call whom.
fn may_call() -> BTreeMap<String, BTreeSet<String>> {
    let text = std::fs::read_to_string(root().join("crates/domain/src/lib.rs")).unwrap();
    let rows = text.lines().filter_map(|line| line.strip_prefix("//! |"));
    let cells = rows.map(|row| {
        row.split('|')
            .map(str::trim)
            .map(str::to_owned)
            .collect::<Vec<_>>()
    });
    let rows = cells.filter(|cells| DOMAINS.contains(&cells[0].as_str()));
    let table: BTreeMap<_, _> = rows
        .map(|cells| {
            (
                cells[0].clone(),
                cells[1]
                    .split(',')
                    .map(|name| name.trim().to_owned())
                    .filter(|name| !name.is_empty())
                    .collect(),
            )
        })
        .collect();
    assert_eq!(
        table.len(),
        DOMAINS.len(),
        "the table in crates/domain/src/lib.rs names every domain"
    );
    table
}

/// The domain a file of the domain crate belongs to.
fn domain_of(path: &Path) -> Option<&'static str> {
    let below = path.strip_prefix(root().join("crates/domain/src")).ok()?;
    let first = below.components().next()?.as_os_str().to_str()?;
    DOMAINS.into_iter().find(|domain| *domain == first)
}

/// The first segments of every `crate::…` path in `text`, through braces too.
fn called(text: &str) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    for (at, _) in text.match_indices("crate::") {
        let rest = &text[at + "crate::".len()..];
        let word = |text: &str| {
            text.chars()
                .take_while(|c| c.is_alphanumeric() || *c == '_')
                .collect::<String>()
        };
        if let Some(group) = rest.strip_prefix('{') {
            let mut depth = 0_usize;
            let mut start = true;
            for (place, c) in group.char_indices() {
                match c {
                    '{' => depth += 1,
                    '}' if depth == 0 => break,
                    '}' => depth -= 1,
                    ',' if depth == 0 => start = true,
                    c if start && depth == 0 && !c.is_whitespace() => {
                        names.insert(word(&group[place..]));
                        start = false;
                    }
                    _ => {}
                }
            }
        } else {
            names.insert(word(rest));
        }
    }
    names
}

#[test]
fn domains_call_only_whom_the_table_allows() {
    let table = may_call();
    for (path, text) in sources("crates/domain/src") {
        let Some(own) = domain_of(&path) else { continue };
        for other in called(&text)
            .iter()
            .filter(|name| DOMAINS.contains(&name.as_str()) && *name != own)
        {
            assert!(
                table[own].contains(other),
                "{}: {own} may not call {other}",
                path.display()
            );
        }
    }
}

/// Row modules by the name they are used under in `text`, with the domain that owns them.
fn rows_in_scope(text: &str) -> BTreeMap<String, String> {
    let mut scope = BTreeMap::new();
    for (at, _) in text.match_indices("vitrine_model::") {
        let rest = &text[at + "vitrine_model::".len()..];
        let Some((owner, rest)) = rest.split_once("::") else {
            continue;
        };
        if !DOMAINS.contains(&owner) {
            continue;
        }
        let names = rest.strip_prefix('{').map_or_else(
            || rest.split([';', ':', ' ', ')']).next().unwrap_or(""),
            |group| group.split('}').next().unwrap_or(""),
        );
        for name in names.split(',') {
            let name = name.trim().rsplit(" as ").next().unwrap_or("").trim();
            if name.chars().all(|c| c.is_lowercase() || c == '_') && !name.is_empty() {
                scope.insert(name.to_owned(), owner.to_owned());
            }
        }
    }
    scope
}

#[test]
fn domains_write_only_their_own_rows() {
    for (path, text) in sources("crates/domain/src") {
        let Some(own) = domain_of(&path) else { continue };
        let product = text.split("#[cfg(test)]").next().unwrap_or_default();
        for (name, owner) in rows_in_scope(product).iter().filter(|(_, owner)| *owner != own) {
            for write in [
                "ActiveModel",
                "Entity::insert",
                "Entity::update",
                "Entity::delete",
            ] {
                let written = product.contains(&format!(" {name}::{write}"))
                    || product.contains(&format!("({name}::{write}"));
                assert!(
                    !written,
                    "{}: {own} may not write {owner}'s {name}",
                    path.display()
                );
            }
        }
    }
}

#[test]
fn rooms_have_names_that_say_what_is_in_them() {
    const NAMELESS: [&str; 9] = [
        "utils",
        "util",
        "common",
        "helpers",
        "service",
        "repository",
        "dto",
        "prelude",
        "types",
    ];
    for folder in ["crates", "migrations", "tests"] {
        for (path, _) in sources(folder) {
            let nameless = path.iter().any(|part| {
                NAMELESS.iter().any(|name| {
                    part.to_str()
                        .is_some_and(|part| part.trim_end_matches(".rs") == *name)
                })
            });
            assert!(!nameless, "{}: say what it is", path.display());
        }
    }
}

#[test]
fn nothing_is_left_for_later() {
    for folder in ["crates", "migrations"] {
        for (path, text) in sources(folder) {
            for word in [
                "todo!(",
                "unimplemented!(",
                "TODO",
                "FIXME",
                "XXX",
                "_placeholder",
            ] {
                assert!(!text.contains(word), "{}: {word}", path.display());
            }
        }
    }
}

/// The columns the database has of a table, by name.
async fn columns(db: &impl ConnectionTrait, table: &str) -> BTreeSet<String> {
    let backend = db.get_database_backend();
    let sql = if backend == sea_orm::DbBackend::Postgres {
        "select column_name::text as name from information_schema.columns where table_name = $1"
    } else {
        "select name from pragma_table_info($1)"
    };
    let rows = db
        .query_all_raw(Statement::from_sql_and_values(backend, sql, [table.into()]))
        .await
        .unwrap();
    rows.into_iter()
        .map(|row| row.try_get::<String>("", "name").unwrap())
        .collect()
}

async fn compare<E: EntityTrait>(db: &impl ConnectionTrait, entity: E) {
    let declared: BTreeSet<String> = E::Column::iter()
        .map(|column| column.as_str().to_owned())
        .collect();
    assert_eq!(
        columns(db, entity.table_name()).await,
        declared,
        "columns of {}",
        entity.table_name()
    );
    // Every column can be read as its type declares, as far as an empty table tells.
    E::find()
        .one(db)
        .await
        .unwrap_or_else(|error| panic!("{}: {error}", entity.table_name()));
}

macro_rules! compare_each {
    ($($($part:ident)::+),+ $(,)?) => {
        async fn compare_every(db: &sea_orm::DatabaseConnection) {
            $(compare(db, vitrine_model::$($part)::+::Entity).await;)+
        }
    };
}
vitrine_model::for_each_entity!(compare_each);

on_both! {
    async fn the_migrations_make_what_the_rows_declare(app) {
        compare_every(app.db()).await;
    }
}
