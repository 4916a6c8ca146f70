//! How large things may be, and how functions are built: read from the tokens of every source, those inside macros too.

use proc_macro2::{Delimiter, Group, TokenStream, TokenTree};

use super::sources;

/// Most lines of a file: what can be read in one sitting.
const FILE_LINES: usize = 700;
/// Most lines of a function's body, between its braces: what can be seen at once.
const BODY_LINES: usize = 70;
/// Most lines of a resolver's body: parse, one call of the domain, settle.
const RESOLVER_LINES: usize = 10;

/// What makes the methods of an `impl` resolvers.
const OBJECTS: [&str; 3] = ["Object", "ComplexObject", "Subscription"];

/// A function with a body, wherever it stands.
struct Function {
    name: String,
    /// Where its name stands, from 1.
    line: usize,
    /// Lines between its braces.
    lines: usize,
    resolver: bool,
    /// The words of its arguments and their types.
    arguments: Vec<String>,
    body: TokenStream,
}

/// What the next group in braces is.
enum Ahead {
    /// Neither a function's body nor an object's resolvers.
    Other,
    /// The methods of an object.
    Resolvers,
    /// The body of a function whose name and arguments were read.
    Body {
        name: String,
        line: usize,
        arguments: Vec<String>,
    },
}

/// All functions in `tokens`, at any depth. `resolvers` says whether those right here are resolvers.
fn functions(tokens: TokenStream, resolvers: bool, found: &mut Vec<Function>) {
    let mut ahead = Ahead::Other;
    let mut tokens = tokens.into_iter().peekable();
    while let Some(token) = tokens.next() {
        match token {
            TokenTree::Ident(word) if word == "fn" => {
                // A macro's `$name` is a name; a type such as `fn(u8)` has none.
                let dollar =
                    tokens.next_if(|next| matches!(next, TokenTree::Punct(mark) if mark.as_char() == '$'));
                if let Some(name) = tokens.next_if(|next| matches!(next, TokenTree::Ident(_))) {
                    ahead = Ahead::Body {
                        name: format!("{}{name}", dollar.map_or("", |_| "$")),
                        line: name.span().start().line,
                        arguments: Vec::new(),
                    };
                }
            }
            TokenTree::Punct(mark) if mark.as_char() == ';' => ahead = Ahead::Other,
            TokenTree::Group(group) if group.delimiter() == Delimiter::Brace => {
                let inside = matches!(ahead, Ahead::Resolvers);
                if let Ahead::Body {
                    name,
                    line,
                    arguments,
                } = std::mem::replace(&mut ahead, Ahead::Other)
                {
                    found.push(Function {
                        name,
                        line,
                        lines: lines_between(&group),
                        resolver: resolvers,
                        arguments,
                        body: group.stream(),
                    });
                }
                functions(group.stream(), inside, found);
            }
            TokenTree::Group(group) => {
                match &mut ahead {
                    Ahead::Body { arguments, .. } => arguments.extend(words(group.stream())),
                    _ if group.delimiter() == Delimiter::Bracket && is_object(&group) => {
                        ahead = Ahead::Resolvers
                    }
                    _ => {}
                }
                functions(group.stream(), false, found);
            }
            _ => {}
        }
    }
}

/// All words in `tokens`, at any depth.
fn words(tokens: TokenStream) -> Vec<String> {
    let words = tokens.into_iter().map(|token| match token {
        TokenTree::Ident(word) => vec![word.to_string()],
        TokenTree::Group(group) => words(group.stream()),
        _ => Vec::new(),
    });
    words.flatten().collect()
}

/// The lines between a group's braces.
fn lines_between(group: &Group) -> usize {
    let (open, close) = (group.span_open().start().line, group.span_close().start().line);
    (close - open).saturating_sub(1)
}

/// Whether these brackets are of `#[Object(…)]` or the like, with or without a path before it.
fn is_object(attribute: &Group) -> bool {
    let path = attribute.stream().into_iter().take_while(|token| match token {
        TokenTree::Ident(_) => true,
        TokenTree::Punct(mark) => mark.as_char() == ':',
        _ => false,
    });
    let last = path.last().map(|word| word.to_string());
    last.is_some_and(|word| OBJECTS.contains(&word.as_str()))
}

fn functions_of(text: &str) -> Vec<Function> {
    let mut found = Vec::new();
    let tokens = text.parse().unwrap_or_else(|error| panic!("{error}: {text}"));
    functions(tokens, false, &mut found);
    found
}

/// Every function of the folders, with its file below the root.
fn every_function(folders: &[&str]) -> Vec<(String, Function)> {
    let files = folders.iter().flat_map(|folder| sources(folder));
    let found: Vec<_> = files
        .flat_map(|(path, text)| {
            let path = path.strip_prefix(super::root()).unwrap().display().to_string();
            functions_of(&text)
                .into_iter()
                .map(move |function| (path.clone(), function))
        })
        .collect();
    assert!(!found.is_empty(), "no functions in {folders:?}");
    found
}

/// The functions that break a rule, each by its place, its name and its length.
fn offenders(found: &[(String, Function)], breaks: impl Fn(&Function) -> bool) -> Vec<String> {
    let found = found.iter().filter(|(_, function)| breaks(function));
    found
        .map(|(path, function)| {
            let Function {
                name, line, lines, ..
            } = function;
            format!("{path}:{line}: {name}, {lines} lines")
        })
        .collect()
}

#[test]
fn functions_can_be_seen_at_once() {
    let found = every_function(&["crates", "migrations", "tests"]);
    let long = offenders(&found, |function| function.lines > BODY_LINES);
    assert!(
        long.is_empty(),
        "a function has {BODY_LINES} lines at most: {long:#?}"
    );
}

#[test]
fn resolvers_parse_call_and_settle() {
    let found = every_function(&["crates/graphql"]);
    let resolvers = found.iter().filter(|(_, function)| function.resolver).count();
    assert!(resolvers > 100, "only {resolvers} resolvers were found");
    let long = offenders(&found, |function| {
        function.resolver && function.lines > RESOLVER_LINES
    });
    assert!(
        long.is_empty(),
        "a resolver has {RESOLVER_LINES} lines at most: {long:#?}"
    );
}

#[test]
fn files_can_be_read_in_one_sitting() {
    let mut long = Vec::new();
    for folder in ["crates", "migrations", "tests"] {
        for (path, text) in sources(folder) {
            let lines = text.lines().count();
            if lines > FILE_LINES {
                long.push(format!("{}, {lines} lines", path.display()));
            }
        }
    }
    assert!(
        long.is_empty(),
        "a file has {FILE_LINES} lines at most: {long:#?}"
    );
}

/// The functions of the domain that are given a transaction and say one of these words.
fn within_a_transaction(words_said: &[&str]) -> Vec<String> {
    let found = every_function(&["crates/domain/src"]);
    let given = |function: &Function| function.arguments.iter().any(|word| word == "Tx");
    assert!(found.iter().any(|(_, function)| given(function)));
    offenders(&found, |function| {
        let said = words(function.body.clone());
        given(function) && said.iter().any(|word| words_said.contains(&word.as_str()))
    })
}

#[test]
fn who_is_given_a_transaction_never_commits_it() {
    let helpers = within_a_transaction(&["commit"]);
    assert!(helpers.is_empty(), "who began it commits it: {helpers:#?}");
}

#[test]
fn nothing_outside_is_called_within_a_transaction() {
    let helpers = within_a_transaction(&["payments", "mailer", "files", "courier", "drive"]);
    assert!(
        helpers.is_empty(),
        "commit the intent, call, commit the outcome: {helpers:#?}"
    );
}

#[test]
fn functions_are_measured_inside_macros_and_after_macro_names() {
    let text = "
        on_both! { async fn told(app) {
            let open = |fine: fn(u8) -> u8| fine(1);
        } }
        macro_rules! payload { () => {
            #[async_graphql::Object(guard = Declared(self))]
            impl $name {
                async fn $field(&self) -> Option<&$subject> {
                    first;

                    third
                }
            }
        } }
        trait Port { fn asked(&self); }
        fn short() -> [u8; 2] { [0; 2] }";
    let found: Vec<(String, usize, bool)> = functions_of(text)
        .into_iter()
        .map(|function| (function.name, function.lines, function.resolver))
        .collect();
    let expected = [("told", 1, false), ("$field", 3, true), ("short", 0, false)];
    assert_eq!(
        found,
        expected.map(|(name, lines, resolver)| (name.to_owned(), lines, resolver))
    );
}
