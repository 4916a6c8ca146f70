//! The contract as the access test reads it: every object's fields, with who may read them.

use std::collections::{BTreeMap, BTreeSet};

use async_graphql::parser::parse_schema;
use async_graphql::parser::types::{BaseType, FieldDefinition, Type, TypeKind, TypeSystemDefinition};

/// A field of an object.
pub(super) struct Field {
    pub(super) name: String,
    /// The type it leads to, without lists and exclamation marks.
    pub(super) leads_to: String,
    pub(super) arguments: Vec<Argument>,
    /// What `@access` says: `ANYONE`, `ACCOUNT`, `OWNER`, `OPERATOR`.
    pub(super) who: String,
    /// The scope with which an API key may, if any may.
    pub(super) scope: Option<String>,
}

/// An argument of a field.
pub(super) struct Argument {
    pub(super) name: String,
    /// Its type, without lists and exclamation marks.
    pub(super) of: String,
    pub(super) required: bool,
}

/// All objects of the schema that runs.
pub(super) struct Contract {
    pub(super) objects: BTreeMap<String, Vec<Field>>,
    /// Objects with a globally unique id.
    pub(super) nodes: BTreeSet<String>,
    /// Interfaces and unions.
    pub(super) abstracts: BTreeSet<String>,
}

impl Contract {
    /// Reads it from the schema itself. A field that declares nobody fails here.
    pub(super) fn read() -> Self {
        let document = parse_schema(vitrine_graphql::sdl()).expect("the schema parses");
        let mut contract = Self {
            objects: BTreeMap::new(),
            nodes: BTreeSet::new(),
            abstracts: BTreeSet::new(),
        };
        for definition in document.definitions {
            let TypeSystemDefinition::Type(definition) = definition else {
                continue;
            };
            let name = definition.node.name.node.to_string();
            match definition.node.kind {
                TypeKind::Object(object) => {
                    if object.implements.iter().any(|one| one.node == "Node") {
                        contract.nodes.insert(name.clone());
                    }
                    let fields = object.fields.iter().map(|field| read(&name, &field.node));
                    contract.objects.insert(name.clone(), fields.collect());
                }
                TypeKind::Interface(_) | TypeKind::Union(_) => {
                    contract.abstracts.insert(name);
                }
                _ => {}
            }
        }
        contract
    }
}

fn read(object: &str, field: &FieldDefinition) -> Field {
    let mut directives = field.directives.iter();
    let declared = directives.find(|directive| directive.node.name.node == "access");
    let who = declared.and_then(|directive| directive.node.get_argument("who").cloned());
    let who = who.unwrap_or_else(|| panic!("{object}.{} declares nobody", field.name.node));
    let scope = declared.and_then(|directive| directive.node.get_argument("scope"));
    let arguments = field.arguments.iter().map(|argument| Argument {
        name: argument.node.name.node.to_string(),
        of: base(&argument.node.ty.node),
        required: !argument.node.ty.node.nullable && argument.node.default_value.is_none(),
    });
    Field {
        name: field.name.node.to_string(),
        leads_to: base(&field.ty.node),
        arguments: arguments.collect(),
        who: who.node.to_string(),
        scope: scope.map(|scope| scope.node.to_string()),
    }
}

fn base(ty: &Type) -> String {
    match &ty.base {
        BaseType::Named(name) => name.to_string(),
        BaseType::List(of) => base(of),
    }
}
