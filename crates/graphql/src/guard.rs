//! A look at the document before anything expands it: fragments are followed with memory, so that a kilobyte of them
//! cannot cost more than a kilobyte's work. What looks at it afterwards, the library's own limits among them, follows
//! fragments without memory.

use std::collections::HashMap;

use async_graphql::parser::types::{
    DocumentOperations, ExecutableDocument, Field, OperationDefinition, OperationType, Selection,
    SelectionSet,
};
use async_graphql::{Name, Positioned};

/// Most fields and fragments a document may have once the latter are expanded. Fragments count too: four that name
/// nothing but four others each cost time without having a field.
const MAX_SELECTIONS: u64 = 5_000;
/// Deepest nesting of braces, brackets and parentheses in a document's text.
const MAX_NESTING: u32 = 64;
/// Most tokens in a document's text: names, punctuation, values.
const MAX_TOKENS: u32 = 12_000;
/// Longest name in a document's text, in bytes. What the schema does not know is compared with all it knows, to suggest
/// what may have been meant.
const MAX_NAME: usize = 200;
/// Most arguments one field or directive may be given; each unknown one is an error of its own.
const MAX_ARGUMENTS: usize = 50;
/// Most fields at the root of one operation.
const MAX_ROOT_FIELDS: u64 = 20;
/// What a block string begins and ends with.
const BLOCK: &[u8] = b"\"\"\"";
/// Mutations that guess or make credentials: one a request.
const ONCE_A_REQUEST: [&str; 16] = [
    "accountCreate",
    "accountErase",
    "brandInvitationAccept",
    "emailChangeConfirm",
    "emailChangeUndo",
    "emailVerify",
    "passwordChange",
    "passwordReset",
    "sessionChallengeAnswer",
    "sessionCreate",
    "sessionExternalFinish",
    "sessionPasskeyCreate",
    "sessionRefresh",
    "sessionStepUp",
    "shopInvitationAccept",
    "totpConfirm",
];

/// Mutations that a browser may ask for whose session has lapsed.
const ABOUT_SESSIONS: [&str; 9] = [
    "accountCreate",
    "sessionChallengeAnswer",
    "sessionCreate",
    "sessionExternalFinish",
    "sessionExternalStart",
    "sessionPasskeyChallengeCreate",
    "sessionPasskeyCreate",
    "sessionRefresh",
    "sessionRevoke",
];

/// What a selection costs once expanded.
#[derive(Debug, Clone, Copy, Default)]
struct Size {
    selections: u64,
    root_fields: u64,
    credentials: u64,
}

/// Why a document is not looked at any further.
pub(crate) type Problem = &'static str;

/// Refuses documents that are too large once expanded, in time linear in their length.
pub(crate) fn check(document: &ExecutableDocument) -> Result<(), Problem> {
    let mut walk = Walk {
        document,
        known: HashMap::new(),
    };
    for (_, operation) in document.operations.iter() {
        let size = walk.selection(&operation.node.selection_set.node)?;
        if size.root_fields > MAX_ROOT_FIELDS {
            return Err("an operation may have 20 root fields at most");
        }
        if size.selections > MAX_SELECTIONS {
            return Err("the document has too many fields once its fragments are expanded");
        }
        if size.credentials > 1 {
            return Err("show or make one password, code or token a request");
        }
    }
    Ok(())
}

/// Refuses texts that are not worth parsing: nested so deeply that the parser, which calls itself for every level, would
/// exhaust the stack; of more tokens than any frontend's; with names so long that comparing them with the schema's takes
/// its time.
pub(crate) fn check_text(text: &str) -> Result<(), Problem> {
    let mut rest = text.as_bytes();
    let (mut depth, mut tokens) = (0_u32, 0_u32);
    while let [first, after @ ..] = rest {
        let ignored = first.is_ascii_whitespace() || matches!(first, b',' | b'#');
        rest = match first {
            b'"' => after_string(rest),
            b'#' => after_comment(after),
            first if is_in_name(*first) => after_name(rest)?,
            _ => after,
        };
        match first {
            b'{' | b'[' | b'(' => depth += 1,
            b'}' | b']' | b')' => depth = depth.saturating_sub(1),
            _ => {}
        }
        tokens += u32::from(!ignored);
        if depth > MAX_NESTING {
            return Err("the document is nested too deep");
        }
        if tokens > MAX_TOKENS {
            return Err("the document has more than 12000 tokens");
        }
    }
    Ok(())
}

/// The operation that would be executed: the one named, or the only one.
pub(crate) fn selected<'a>(
    document: &'a ExecutableDocument,
    name: Option<&str>,
) -> Option<&'a Positioned<OperationDefinition>> {
    let mut operations = document.operations.iter();
    match name {
        Some(name) => operations
            .find(|(known, _)| known.is_some_and(|known| known == name))
            .map(|(_, operation)| operation),
        None => operations.next().map(|(_, operation)| operation),
    }
}

/// The same, to be changed.
pub(crate) fn selected_mut<'a>(
    document: &'a mut ExecutableDocument,
    name: Option<&str>,
) -> Option<&'a mut OperationDefinition> {
    match (&mut document.operations, name) {
        (DocumentOperations::Single(operation), None) => Some(&mut operation.node),
        (DocumentOperations::Single(_), Some(_)) => None,
        (DocumentOperations::Multiple(operations), Some(name)) => {
            operations.get_mut(name).map(|operation| &mut operation.node)
        }
        (DocumentOperations::Multiple(operations), None) => operations
            .values_mut()
            .next()
            .map(|operation| &mut operation.node),
    }
}

/// Whether `operation` does nothing but begin, go on with, or end a session.
pub(crate) fn is_about_sessions(operation: &OperationDefinition) -> bool {
    let mut items = operation.selection_set.node.items.iter();
    items.all(|item| match &item.node {
        Selection::Field(field) => ABOUT_SESSIONS.contains(&field.node.name.node.as_str()),
        _ => false,
    })
}

/// Whether executing `operation` could change anything.
pub(crate) fn changes_anything(operation: &OperationDefinition) -> bool {
    operation.ty == OperationType::Mutation
}

fn check_arguments(field: &Field) -> Result<(), Problem> {
    let directives = field.directives.iter();
    let most = directives.map(|directive| directive.node.arguments.len()).max();
    if most.max(Some(field.arguments.len())) > Some(MAX_ARGUMENTS) {
        return Err("a field may have 50 arguments at most");
    }
    Ok(())
}

fn is_in_name(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_'
}

/// What follows the name, or the number, that `text` begins with.
fn after_name(text: &[u8]) -> Result<&[u8], Problem> {
    let end = text.iter().position(|byte| !is_in_name(*byte));
    let end = end.unwrap_or(text.len());
    if end > MAX_NAME {
        return Err("a name in the document is too long");
    }
    Ok(&text[end..])
}

fn after_comment(text: &[u8]) -> &[u8] {
    let end = text.iter().position(|byte| matches!(byte, b'\n' | b'\r'));
    end.map_or(&[], |end| &text[end..])
}

/// What follows the string that `text` begins with, whether block or not. One that does not end is left to the parser,
/// which refuses it: nothing after it is looked at here, and the parser does not get there either.
fn after_string(text: &[u8]) -> &[u8] {
    let (quote, escaped): (&[u8], &[u8]) = if text.starts_with(BLOCK) {
        (BLOCK, b"\\\"\"\"")
    } else {
        (b"\"", b"\\")
    };
    let mut rest = &text[quote.len()..];
    while !rest.is_empty() && !rest.starts_with(quote) {
        let skipped = match rest.starts_with(escaped) {
            // A backslash takes the character after it along.
            true => escaped.len().max(2).min(rest.len()),
            false => 1,
        };
        rest = &rest[skipped..];
    }
    rest.get(quote.len()..).unwrap_or_default()
}

struct Walk<'a> {
    document: &'a ExecutableDocument,
    /// `None` while a fragment is being walked: meeting it then is a cycle.
    known: HashMap<&'a Name, Option<Size>>,
}

impl<'a> Walk<'a> {
    fn selection(&mut self, selection: &'a SelectionSet) -> Result<Size, Problem> {
        let mut sum = Size::default();
        for item in &selection.items {
            let size = match &item.node {
                Selection::Field(field) => {
                    check_arguments(&field.node)?;
                    let inner = self.selection(&field.node.selection_set.node)?;
                    let credentials = ONCE_A_REQUEST.contains(&field.node.name.node.as_str());
                    Size {
                        selections: inner.selections,
                        root_fields: 1,
                        credentials: credentials.into(),
                    }
                }
                Selection::InlineFragment(fragment) => self.selection(&fragment.node.selection_set.node)?,
                Selection::FragmentSpread(spread) => self.fragment(&spread.node.fragment_name.node)?,
            };
            sum.selections = sum.selections.saturating_add(size.selections).saturating_add(1);
            sum.root_fields = sum.root_fields.saturating_add(size.root_fields);
            sum.credentials = sum.credentials.saturating_add(size.credentials);
        }
        Ok(sum)
    }

    fn fragment(&mut self, name: &'a Name) -> Result<Size, Problem> {
        match self.known.get(name) {
            Some(Some(size)) => return Ok(*size),
            Some(None) => return Err("fragments must not contain themselves"),
            None => {}
        }
        // An unknown fragment is left for validation to name.
        let Some(fragment) = self.document.fragments.get(name) else {
            return Ok(Size::default());
        };
        self.known.insert(name, None);
        let size = self.selection(&fragment.node.selection_set.node)?;
        self.known.insert(name, Some(size));
        Ok(size)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn checked(document: &str) -> Result<(), Problem> {
        check(&async_graphql::parser::parse_query(document).unwrap())
    }

    /// Fragments that name the next one four times each, down to `leaf`.
    fn bomb(levels: usize, leaf: &str) -> String {
        let level = |n| {
            format!(
                "fragment f{n} on Query {{ {} }}",
                format!("...f{} ", n + 1).repeat(4)
            )
        };
        let levels_text: String = (0..levels).map(level).collect();
        format!("{{ ...f0 }} {levels_text} fragment f{levels} on Query {{ {leaf} }}")
    }

    #[test]
    fn fragments_that_multiply_are_refused_with_and_without_fields() {
        assert!(checked(&bomb(20, "viewer { id }")).is_err());
        assert!(checked(&bomb(20, "...nowhere")).is_err());
        assert!(checked("{ ...a } fragment a on Query { ...a }").is_err());
        assert!(checked(&bomb(1, "viewer { id }")).is_ok());
    }

    #[test]
    fn names_tokens_and_arguments_are_limited() {
        let named = |n: usize| format!("{{ {} }}", "x".repeat(n));
        assert!(check_text(&named(200)).is_ok());
        assert!(check_text(&named(201)).is_err());
        assert!(check_text(&format!("{{ a(b: \"{}\") }}", "x".repeat(100_000))).is_ok());
        let fields = |n: usize| format!("{{ {} }}", "a, ".repeat(n));
        assert!(check_text(&fields(11_998)).is_ok());
        assert!(check_text(&fields(11_999)).is_err());
        let given = |n: usize| (0..n).map(|n| format!("a{n}: 1 ")).collect::<String>();
        for (arguments, allowed) in [(50, true), (51, false)] {
            let given = given(arguments);
            assert_eq!(checked(&format!("{{ a({given}) }}")).is_ok(), allowed);
            assert_eq!(checked(&format!("{{ a @b({given}) }}")).is_ok(), allowed);
        }
    }

    #[test]
    fn nesting_is_counted_outside_strings_and_comments() {
        let deep = |n: usize| format!("{}{}", "{a".repeat(n), "}".repeat(n));
        assert!(check_text(&deep(64)).is_ok());
        assert!(check_text(&deep(65)).is_err());
        assert!(check_text(&"[".repeat(100_000)).is_err());
        let brackets = "{".repeat(100);
        assert!(check_text(&format!("{{ a(b: \"{brackets}\") }}")).is_ok());
        assert!(check_text(&format!("{{ a(b: \"\\\"{brackets}\") }}")).is_ok());
        assert!(check_text(&format!("{{ a(b: \"\"\"\\\"\"\"{brackets}\"\"\") }}")).is_ok());
        assert!(check_text(&format!("# {brackets}\n{{ a }}")).is_ok());
        assert!(check_text(&format!("# \n{brackets}")).is_err());
        assert!(check_text(&format!("{{ a(b: \"\") {brackets} }}")).is_err());
        assert!(check_text(&format!("{{ a(b: \"\\\\\") {brackets} }}")).is_err());
        assert!(check_text("{ a(b: \"{{").is_ok());
    }
}
