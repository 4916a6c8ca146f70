//! Variables against the types they are declared with, before anything is executed (GraphQL, section 6.1.2,
//! `CoerceVariableValues`). async-graphql looks at them where they are used, one field after another: by then others were
//! executed.

use async_graphql::parser::types::{OperationDefinition, VariableDefinition};
use async_graphql::registry::{MetaType, MetaTypeName, Registry};
use async_graphql::{Pos, Value, Variables};

use crate::instant::Instant;

/// What is wrong with a variable, and where it is declared.
pub(crate) type Misfit = (String, Pos);

/// Passes when each variable that `operation` declares is of a type that there is, and was given a value of it.
pub(crate) fn check(
    registry: &Registry,
    operation: &OperationDefinition,
    given: &Variables,
) -> Result<(), Misfit> {
    for declared in &operation.variable_definitions {
        check_one(registry, &declared.node, given).map_err(|why| (why, declared.pos))?;
    }
    Ok(())
}

fn check_one(registry: &Registry, declared: &VariableDefinition, given: &Variables) -> Result<(), String> {
    let (name, ty) = (&declared.name.node, declared.var_type.node.to_string());
    let known = registry.types.get(MetaTypeName::concrete_typename(&ty));
    if !known.is_some_and(MetaType::is_input) {
        return Err(format!(
            "the variable ${name} is declared as {ty}, which is no type of input"
        ));
    }
    match given.get(name) {
        Some(value) => fits(registry, &ty, value).map_err(|why| format!("the variable ${name}{why}")),
        None if declared.var_type.node.nullable || declared.default_value.is_some() => Ok(()),
        None => Err(format!(
            "the variable ${name} is declared as {ty}, and was not given"
        )),
    }
}

/// Passes when `value` can stand for one of type `ty`. The error is where in it, and why.
fn fits(registry: &Registry, ty: &str, value: &Value) -> Result<(), String> {
    match (MetaTypeName::create(ty), value) {
        (MetaTypeName::NonNull(_), Value::Null) => Err(format!(" must not be null: it is {ty}")),
        (MetaTypeName::NonNull(inner), _) => fits(registry, inner, value),
        (_, Value::Null) => Ok(()),
        (MetaTypeName::List(inner), Value::List(items)) => {
            let mut items = items.iter().enumerate();
            items.try_for_each(|(n, item)| fits(registry, inner, item).map_err(|why| format!("[{n}]{why}")))
        }
        (MetaTypeName::List(inner), _) => fits(registry, inner, value),
        (MetaTypeName::Named(name), _) => fits_named(registry, name, value),
    }
}

fn fits_named(registry: &Registry, name: &str, value: &Value) -> Result<(), String> {
    let fitting = match registry.types.get(name) {
        Some(MetaType::Scalar { is_valid, .. }) => match name {
            "DateTime" => Instant::is_valid(value),
            // Whole numbers of 32 bits, says the specification.
            "Int" => {
                matches!(value, Value::Number(number) if number.as_i64().is_some_and(|n| i32::try_from(n).is_ok()))
            }
            _ => is_valid.as_ref().is_none_or(|is_valid| is_valid(value)),
        },
        Some(MetaType::Enum { enum_values, .. }) => {
            matches!(value, Value::String(word) if enum_values.contains_key(word.as_str()))
        }
        Some(object @ MetaType::InputObject { .. }) => return fits_object(registry, object, value),
        _ => false,
    };
    if fitting {
        return Ok(());
    }
    Err(format!(" is no {name}"))
}

fn fits_object(registry: &Registry, object: &MetaType, value: &Value) -> Result<(), String> {
    let (
        MetaType::InputObject {
            name,
            input_fields,
            oneof,
            ..
        },
        Value::Object(given),
    ) = (object, value)
    else {
        return Err(format!(" is no {}", object.name()));
    };
    if let Some(unknown) = given.keys().find(|key| !input_fields.contains_key(key.as_str())) {
        return Err(format!(".{unknown} is not known to {name}"));
    }
    if *oneof && (given.len() != 1 || given.values().any(|value| *value == Value::Null)) {
        return Err(format!(" must have one member: it is {name}"));
    }
    for field in input_fields.values() {
        let within = |why: String| format!(".{}{why}", field.name);
        match given.get(field.name.as_str()) {
            Some(value) => fits(registry, &field.ty, value).map_err(within)?,
            None if field.default_value.is_some() || !field.ty.ends_with('!') => {}
            None => return Err(format!(".{} must be given: it is {}", field.name, field.ty)),
        }
    }
    Ok(())
}
