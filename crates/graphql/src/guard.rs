//! A look at the document before anything expands it: fragments are followed with memory, so that a kilobyte of them
//! cannot cost more than a kilobyte's work.

use std::collections::HashMap;

use async_graphql::parser::types::{
    ExecutableDocument, OperationDefinition, OperationType, Selection, SelectionSet,
};
use async_graphql::{Name, Positioned};

/// Most fields a document may have once its fragments are expanded.
const MAX_FIELDS: u64 = 5_000;
/// Most fields at the root of one operation.
const MAX_ROOT_FIELDS: u64 = 20;
/// Mutations that guess or make credentials: one a request.
const ONCE_A_REQUEST: [&str; 2] = ["sessionCreate", "accountCreate"];

/// What a selection costs once expanded.
#[derive(Debug, Clone, Copy, Default)]
struct Size {
    fields: u64,
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
        if size.fields > MAX_FIELDS {
            return Err("the document has too many fields once its fragments are expanded");
        }
        if size.credentials > 1 {
            return Err("sign in, or create an account, once a request");
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

/// Whether executing `operation` could change anything.
pub(crate) fn changes_anything(operation: &OperationDefinition) -> bool {
    operation.ty == OperationType::Mutation
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
                    let inner = self.selection(&field.node.selection_set.node)?;
                    let credentials = ONCE_A_REQUEST.contains(&field.node.name.node.as_str());
                    Size {
                        fields: inner.fields.saturating_add(1),
                        root_fields: 1,
                        credentials: credentials.into(),
                    }
                }
                Selection::InlineFragment(fragment) => self.selection(&fragment.node.selection_set.node)?,
                Selection::FragmentSpread(spread) => self.fragment(&spread.node.fragment_name.node)?,
            };
            sum.fields = sum.fields.saturating_add(size.fields);
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
