//! Variables that a request declares and leaves out.
//!
//! An argument whose variable was not given is as if it were not written (GraphQL, section 6.4.1, `CoerceArgumentValues`).
//! async-graphql's complexity rule calls it an error instead, so such arguments are taken out of the document before it
//! is validated, and with them the declarations that nothing uses any more.

use std::collections::HashSet;

use async_graphql::parser::types::{
    Directive, DocumentOperations, ExecutableDocument, Selection, SelectionSet,
};
use async_graphql::{Name, Positioned, Value as ConstValue, Variables};
use async_graphql_value::Value;

use crate::guard;

/// Takes out of `document` what stands for variables that its selected operation declares as nullable without a default,
/// and that were not given.
pub(crate) fn leave_out(document: &mut ExecutableDocument, given: &Variables, operation: Option<&str>) {
    let Some(selected) = guard::selected(document, operation) else {
        return;
    };
    let declared = selected
        .node
        .variable_definitions
        .iter()
        .map(|definition| &definition.node);
    let absent: HashSet<Name> = declared
        .filter(|declared| declared.var_type.node.nullable && declared.default_value.is_none())
        .map(|declared| declared.name.node.clone())
        .filter(|name| !given.contains_key(name))
        .collect();
    if absent.is_empty() {
        return;
    }
    let mut walk = Walk {
        absent,
        used: HashSet::new(),
    };
    let operations = match &mut document.operations {
        DocumentOperations::Single(operation) => vec![operation],
        DocumentOperations::Multiple(operations) => operations.values_mut().collect(),
    };
    let mut definitions = Vec::new();
    for operation in operations {
        let operation = &mut operation.node;
        walk.directives(&operation.directives);
        walk.selection(&mut operation.selection_set.node);
        definitions.push(&mut operation.variable_definitions);
    }
    for fragment in document.fragments.values_mut() {
        walk.directives(&fragment.node.directives);
        walk.selection(&mut fragment.node.selection_set.node);
    }
    for definitions in definitions {
        definitions.retain(|definition| {
            let name = &definition.node.name.node;
            !walk.absent.contains(name) || walk.used.contains(name)
        });
    }
}

struct Walk {
    /// What was not given.
    absent: HashSet<Name>,
    /// What of it still stands somewhere: within a list or an object, where execution knows what to do about it.
    used: HashSet<Name>,
}

impl Walk {
    fn selection(&mut self, selection: &mut SelectionSet) {
        for item in &mut selection.items {
            match &mut item.node {
                Selection::Field(field) => {
                    let field = &mut field.node;
                    field
                        .arguments
                        .retain(|(_, value)| !is_absent(&value.node, &self.absent));
                    for (_, value) in &field.arguments {
                        self.note(value.node.clone());
                    }
                    self.directives(&field.directives);
                    self.selection(&mut field.selection_set.node);
                }
                Selection::InlineFragment(fragment) => {
                    self.directives(&fragment.node.directives);
                    self.selection(&mut fragment.node.selection_set.node);
                }
                Selection::FragmentSpread(spread) => self.directives(&spread.node.directives),
            }
        }
    }

    fn directives(&mut self, directives: &[Positioned<Directive>]) {
        let arguments = directives.iter().flat_map(|directive| &directive.node.arguments);
        for (_, value) in arguments {
            self.note(value.node.clone());
        }
    }

    fn note(&mut self, value: Value) {
        // Used for its visits alone: it asks for every variable within the value.
        let visited = value.into_const_with(|name| {
            self.used.insert(name);
            Ok::<_, std::convert::Infallible>(ConstValue::Null)
        });
        let Ok(_) = visited;
    }
}

/// Whether an argument is one variable, and that was not given.
fn is_absent(value: &Value, absent: &HashSet<Name>) -> bool {
    matches!(value, Value::Variable(name) if absent.contains(name))
}

#[cfg(test)]
mod tests {
    use async_graphql::parser::parse_query;

    use super::*;

    fn left_out(query: &str, given: &str) -> ExecutableDocument {
        let mut document = parse_query(query).unwrap();
        let given = Variables::from_json(serde_json::from_str(given).unwrap());
        leave_out(&mut document, &given, None);
        document
    }

    /// What the first field's arguments are called, and which variables are declared.
    fn shape(document: &ExecutableDocument) -> (Vec<&str>, Vec<&str>) {
        let (_, operation) = document.operations.iter().next().unwrap();
        let definitions = operation.node.variable_definitions.iter();
        let declared = definitions
            .map(|definition| definition.node.name.node.as_str())
            .collect();
        let Selection::Field(field) = &operation.node.selection_set.node.items[0].node else {
            panic!("a field comes first");
        };
        let arguments = field.node.arguments.iter();
        (arguments.map(|(name, _)| name.node.as_str()).collect(), declared)
    }

    #[test]
    fn what_was_not_given_is_as_if_it_were_not_written() {
        let query = "query($a: Int, $b: Int) { f(a: $a, b: $b) }";
        assert_eq!(shape(&left_out(query, "{\"a\": 1}")), (vec!["a"], vec!["a"]));
        assert_eq!(shape(&left_out(query, "{}")), (vec![], vec![]));
        assert_eq!(
            shape(&left_out(query, "{\"a\": null, \"b\": 2}")),
            (vec!["a", "b"], vec!["a", "b"])
        );
    }

    #[test]
    fn what_must_be_given_or_has_a_default_stays() {
        let query = "query($a: Int!, $b: Int = 3) { f(a: $a, b: $b) }";
        assert_eq!(shape(&left_out(query, "{}")), (vec!["a", "b"], vec!["a", "b"]));
    }

    #[test]
    fn what_stands_within_a_value_or_a_fragment_is_left_to_execution() {
        let query =
            "query($a: Int, $b: Int) { f(a: $a, in: { b: $b }) ...g } fragment g on Query { h(a: $a) }";
        let document = left_out(query, "{}");
        assert_eq!(shape(&document), (vec!["in"], vec!["b"]));
        let fragment = document.fragments.values().next().unwrap();
        let Selection::Field(field) = &fragment.node.selection_set.node.items[0].node else {
            panic!("a field comes first");
        };
        assert_eq!(field.node.arguments.len(), 0);
    }
}
