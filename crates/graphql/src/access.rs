//! Who may read what: declared once on every field as `@access(who: …)`, enforced here from that declaration, and
//! written into the field's description.
//!
//! Every `#[Object]` carries `guard = Declared(self)`; a test sees to it, and to every field's being declared. A field
//! without a declaration is refused.
//!
//! What may be refused may be `null`: a field that not everyone who sees the object may read is nullable in the contract,
//! whatever its resolver returns, and so are all mutations. The refusal then costs that field, never its siblings.

use std::borrow::Cow;

use async_graphql::registry::{MetaField, MetaType, Registry};
use async_graphql::{
    Context, ContextDirective, CustomDirective, CustomDirectiveFactory, Enum, Error, Guard, OutputType,
    Result, ServerResult, TypeDirective, Value,
};

use vitrine_model::identity::Role;

use crate::connection;
use crate::error::{code, protocol_error};
use crate::request::RequestContext;

/// Who may read a field, or call a mutation.
#[derive(Enum, Copy, Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[graphql(name = "AccessRole")]
pub enum Who {
    /// Everybody.
    Anyone,
    /// Everybody signed in.
    Account,
    /// Those the object belongs to, as its type's description says, and operators.
    Owner,
    /// Those who own or manage the brand, not all who work for it, and operators.
    BrandManager,
    /// Those who own the brand, and operators.
    BrandOwner,
    /// Those who run the platform.
    Operator,
}

/// Who may read this field. Objects one may not see at all are `null` or not found.
#[TypeDirective(location = "FieldDefinition")]
pub fn access(who: Who) {}

/// An object that knows whom it belongs to.
pub trait Subject: OutputType + Sync {
    /// The name of its type in the schema.
    fn schema_name() -> Cow<'static, str> {
        Self::type_name()
    }

    /// Whether it belongs to the one who asks. Nothing belongs to anybody unless it says so.
    fn is_owned(&self, ctx: &Context<'_>) -> impl Future<Output = Result<bool>> + Send {
        let _ = ctx;
        async { Ok(false) }
    }

    /// What the one who asks may do at the brand that it is; nothing at what is no brand.
    fn role(&self, ctx: &Context<'_>) -> impl Future<Output = Result<Option<Role>>> + Send {
        let _ = ctx;
        async { Ok(None) }
    }
}

/// Declares a part of one of the schema's roots: its fields are the root's, and so is what is declared of them.
macro_rules! root_part {
    ($(#[$doc:meta])* $name:ident of $root:literal) => {
        $(#[$doc])*
        #[derive(Default)]
        pub struct $name;

        impl $crate::access::Subject for $name {
            fn schema_name() -> std::borrow::Cow<'static, str> {
                $root.into()
            }
        }
    };
}
pub(crate) use root_part;

/// The guard of every object: looks up what is declared on the field asked for, and holds the viewer to it.
pub struct Declared<'a, T>(pub &'a T);

/// What is declared on the field asked for, of the object type called `name`.
fn declared(ctx: &Context<'_>, name: &str) -> Option<Who> {
    let object = ctx.schema_env.registry.types.get(name)?;
    who(object.field_by_name(ctx.field().name())?)
}

/// Holds the viewer to what is declared on the field asked for, of a root that belongs to nobody.
pub(crate) fn check_root(ctx: &Context<'_>, name: &str) -> Result<()> {
    let viewer = ctx.viewer();
    match declared(ctx, name) {
        Some(Who::Anyone) => Ok(()),
        Some(Who::Account) if viewer.account.is_some() => Ok(()),
        Some(Who::Operator) if viewer.is_operator() => Ok(()),
        _ => Err(denied(viewer.account.is_some())),
    }
}

impl<T: Subject> Guard for Declared<'_, T> {
    async fn check(&self, ctx: &Context<'_>) -> Result<()> {
        let declared = declared(ctx, &T::schema_name());
        let viewer = ctx.viewer();
        let granted = match declared {
            None => false,
            Some(Who::Anyone) => true,
            Some(Who::Account) => viewer.account.is_some(),
            Some(Who::Owner) => viewer.is_operator() || self.0.is_owned(ctx).await?,
            Some(Who::BrandManager) => viewer.is_operator() || may(self.0.role(ctx).await?, Role::Manager),
            Some(Who::BrandOwner) => viewer.is_operator() || may(self.0.role(ctx).await?, Role::Owner),
            Some(Who::Operator) => viewer.is_operator(),
        };
        if granted {
            Ok(())
        } else {
            Err(denied(viewer.account.is_some()))
        }
    }
}

/// Whether a role includes another: those earlier in their list include the later ones.
fn may(role: Option<Role>, needed: Role) -> bool {
    role.is_some_and(|role| role <= needed)
}

fn denied(signed_in: bool) -> Error {
    if signed_in {
        protocol_error(code::FORBIDDEN, "you may not read or do this")
    } else {
        protocol_error(
            code::UNAUTHENTICATED,
            "sign in, and send the token as \"Authorization: Bearer …\"",
        )
    }
}

fn who(field: &MetaField) -> Option<Who> {
    let invocation = field
        .directive_invocations
        .iter()
        .find(|directive| directive.name == "access")?;
    match invocation.args.get("who")? {
        Value::Enum(name) => [
            Who::Anyone,
            Who::Account,
            Who::Owner,
            Who::BrandManager,
            Who::BrandOwner,
            Who::Operator,
        ]
        .into_iter()
        .find(|who| async_graphql::resolver_utils::enum_value(*who) == Value::Enum(name.clone())),
        _ => None,
    }
}

/// Writes each field's access into its description and its nullability, once the whole schema is known.
pub(crate) struct Described;

impl CustomDirectiveFactory for Described {
    fn name(&self) -> Cow<'static, str> {
        "access".into()
    }

    fn register(&self, registry: &mut Registry) {
        let mutations = registry.mutation_type.clone();
        for object in registry.types.values_mut() {
            if let MetaType::Object { name, fields, .. } = object {
                let changes = Some(&*name) == mutations.as_ref();
                // Who sees the object at all may read its freest field.
                let freest = fields.values().filter_map(who).min();
                for field in fields.values_mut() {
                    connection::complete(field);
                    if changes || who(field) > freest {
                        make_nullable(field);
                    }
                    describe(field);
                    // Mutations take one argument, whose type says it all.
                    if let Some(input) = field.args.get_mut("input") {
                        input
                            .description
                            .get_or_insert_with(|| "All that is asked.".to_owned());
                    }
                }
            }
        }
    }

    fn create(
        &self,
        _: &ContextDirective<'_>,
        _: &async_graphql::parser::types::Directive,
    ) -> ServerResult<Box<dyn CustomDirective>> {
        Ok(Box::new(Inert))
    }
}

/// The directive stands on definitions only: validation refuses it in a query before this could be asked.
struct Inert;

impl CustomDirective for Inert {}

fn make_nullable(field: &mut MetaField) {
    if let Some(nullable) = field.ty.strip_suffix('!') {
        field.ty = nullable.to_owned();
    }
}

fn describe(field: &mut MetaField) {
    let Some(who) = who(field) else { return };
    let readers = match who {
        Who::Anyone => "Access: anyone.",
        Who::Account => "Access: anyone signed in.",
        Who::Owner => "Access: the owner.",
        Who::BrandManager => "Access: owners and managers of the brand.",
        Who::BrandOwner => "Access: owners of the brand.",
        Who::Operator => "Access: operators.",
    };
    let text = field.description.take().unwrap_or_default();
    field.description = Some(format!("{text}\n\n{readers}").trim().to_owned());
}
