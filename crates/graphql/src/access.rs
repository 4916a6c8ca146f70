//! Who may read what: declared once on every field as `@access(who: …)`, enforced here from that declaration, and
//! written into the field's description.
//!
//! A brand's API key is nobody signed in. It reads what everybody may read; for anything else, and for whatever changes
//! something or is watched, the declaration must name a scope, `@access(who: …, scope: …)`, which the key must have, and
//! the object must be its brand's.
//!
//! Every `#[Object]` carries `guard = Declared(self)`; a test sees to it, and to every field's being declared. A field
//! without a declaration is refused.
//!
//! What may be refused may be `null`: a field that not everyone who sees the object may read is nullable in the contract,
//! whatever its resolver returns, and so are all mutations. The refusal then costs that field, never its siblings.

use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::OnceLock;

use async_graphql::registry::location_traits::Directive_At_FIELD_DEFINITION;
use async_graphql::registry::{MetaDirectiveInvocation, MetaField, MetaType, Registry};
use async_graphql::resolver_utils::{EnumType, enum_value};
use async_graphql::{
    Context, ContextDirective, CustomDirective, CustomDirectiveFactory, Enum, Error, Guard, OutputType,
    Result, ServerResult, TypeDirective, Value,
};
use vitrine_domain::identity::{self, Viewer};
use vitrine_model::identity::{Role, api_key};

use crate::connection;
use crate::error::{code, protocol_error};
use crate::request::{RequestContext, unauthenticated};

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

/// What an API key may do, for its own brand. A scope that writes includes those that read what it writes.
#[derive(Enum, Copy, Clone, Debug, PartialEq, Eq)]
#[graphql(name = "ApiKeyScope", remote = "vitrine_model::identity::Scope")]
pub enum Scope {
    /// Read what is not published, what there is in stock, and how imports are getting on.
    CatalogRead,
    /// Change products and variants, and import files. Includes `CATALOG_READ` and `STOCK_WRITE`.
    CatalogWrite,
    /// Count stock. Includes `CATALOG_READ`.
    StockWrite,
    /// Read orders, with the addresses they go to.
    OrdersRead,
    /// Ship orders, and say that they arrived. Includes `ORDERS_READ`.
    FulfillmentWrite,
    /// Decide on returns, and give buyers money back. Includes `ORDERS_READ`.
    RefundsWrite,
    /// Read and change webhook endpoints, read and replay their messages.
    WebhooksWrite,
    /// Read what was earned: balances, statement and payouts.
    MoneyRead,
}

/// Who may read this field, and with which scope an API key may. Without one no key may, unless everybody may. Objects one
/// may not see at all are `null` or not found.
#[TypeDirective(name = "access", location = "FieldDefinition")]
pub fn declaration(
    who: Who,
    #[graphql(desc = "What an API key needs, beside being a key of the brand concerned.")] scope: Option<
        Scope,
    >,
) {
}

/// Declares who may read a field; no API key may, unless everybody may.
#[allow(non_camel_case_types, reason = "it is written where a directive's name is")]
pub struct access;

impl access {
    /// The declaration.
    pub fn apply(who: Who) -> MetaDirectiveInvocation {
        declaration::apply(who, None)
    }
}

/// Declares who may read a field, and the scope with which a brand's API key may.
#[allow(non_camel_case_types, reason = "it is written where a directive's name is")]
pub struct keyed;

impl keyed {
    /// The declaration.
    pub fn apply(who: Who, scope: Scope) -> MetaDirectiveInvocation {
        declaration::apply(who, Some(scope))
    }
}

/// Both are one directive to clients.
macro_rules! same_directive {
    ($($name:ident),+) => { $(
        impl TypeDirective for $name {
            fn name(&self) -> Cow<'static, str> {
                declaration.name()
            }

            fn register(&self, registry: &mut Registry) {
                declaration.register(registry);
            }
        }

        impl Directive_At_FIELD_DEFINITION for $name {}
    )+ };
}
same_directive!(access, keyed);

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

/// The object, if it belongs to the one who asks, or she runs the platform.
pub(crate) async fn seen<T: Subject>(ctx: &Context<'_>, found: T) -> Result<Option<T>> {
    let hers = ctx.viewer().is_operator() || found.is_owned(ctx).await?;
    Ok(hers.then_some(found))
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

/// What a field declares.
#[derive(Clone, Copy)]
struct Declaration {
    who: Who,
    scope: Option<Scope>,
}

/// What is declared on the fields of each object, read from the schema once: every field of every answer asks for it.
#[derive(Default)]
pub(crate) struct Declarations(OnceLock<HashMap<String, HashMap<String, Declaration>>>);

impl Declarations {
    fn of(registry: &Registry) -> HashMap<String, HashMap<String, Declaration>> {
        let fields = |object: &MetaType| -> HashMap<String, Declaration> {
            let fields = object.fields().into_iter().flatten();
            fields
                .filter_map(|(name, field)| Some((name.clone(), of_field(field)?)))
                .collect()
        };
        let types = registry.types.iter();
        types
            .map(|(name, object)| (name.clone(), fields(object)))
            .collect()
    }
}

/// What is declared on the field asked for, of the object type called `name`.
fn declared(ctx: &Context<'_>, name: &str) -> Option<Declaration> {
    let declarations = ctx.data_opt::<Declarations>()?;
    let all = declarations
        .0
        .get_or_init(|| Declarations::of(&ctx.schema_env.registry));
    all.get(name)?.get(ctx.field().name()).copied()
}

/// Holds the viewer to what is declared on the field asked for, of a root that belongs to nobody.
pub(crate) fn check_root(ctx: &Context<'_>, name: &str) -> Result<()> {
    let (declared, viewer) = (declared(ctx, name), ctx.viewer());
    if let Some(key) = &viewer.key {
        return check_key(ctx, key, declared, name);
    }
    match declared.map(|declared| declared.who) {
        Some(Who::Anyone) => Ok(()),
        Some(Who::Account) if viewer.account.is_some() => Ok(()),
        Some(Who::Operator) if viewer.is_operator() => Ok(()),
        _ => Err(denied(viewer)),
    }
}

impl<T: Subject> Guard for Declared<'_, T> {
    async fn check(&self, ctx: &Context<'_>) -> Result<()> {
        ctx.spend(1)?;
        let declared = declared(ctx, &T::schema_name());
        let (who, viewer) = (declared.map(|declared| declared.who), ctx.viewer());
        if let Some(key) = &viewer.key {
            check_key(ctx, key, declared, &T::schema_name())?;
        }
        let is_key = viewer.key.is_some();
        let granted = match who {
            None => false,
            Some(Who::Anyone) => true,
            Some(Who::Account) => is_key || viewer.account.is_some(),
            // A key has no role: it may what its scopes say, where the object is its brand's.
            Some(Who::Owner | Who::BrandManager | Who::BrandOwner) if is_key => self.0.is_owned(ctx).await?,
            Some(Who::Owner) => viewer.is_operator() || self.0.is_owned(ctx).await?,
            Some(Who::BrandManager) => viewer.is_operator() || may(self.0.role(ctx).await?, Role::Manager),
            Some(Who::BrandOwner) => viewer.is_operator() || may(self.0.role(ctx).await?, Role::Owner),
            Some(Who::Operator) => viewer.is_operator(),
        };
        if granted { Ok(()) } else { Err(denied(viewer)) }
    }
}

/// Passes when the declaration lets this key through, whoever's the object is: it names a scope that the key has; or
/// everybody may read the field, and nothing comes of it.
fn check_key(
    ctx: &Context<'_>,
    key: &api_key::Model,
    declared: Option<Declaration>,
    name: &str,
) -> Result<()> {
    let registry = &ctx.schema_env.registry;
    let acts = [&registry.mutation_type, &registry.subscription_type];
    let acts = acts.into_iter().flatten().any(|root| root == name);
    let known = declared.filter(|declared| declared.who != Who::Operator);
    let Some(Declaration { who, scope }) = known else {
        return Err(no_key_may());
    };
    match scope {
        Some(scope) if identity::allows(key, scope.into()) => Ok(()),
        _ if who == Who::Anyone && !acts => Ok(()),
        Some(scope) => Err(lacking(scope)),
        None => Err(no_key_may()),
    }
}

fn no_key_may() -> Error {
    protocol_error(code::FORBIDDEN, "no API key may read or do this: sign in")
}

fn lacking(scope: Scope) -> Error {
    let scope = enum_value(scope);
    protocol_error(code::FORBIDDEN, format!("this API key lacks the scope {scope}"))
}

/// Whether a role includes another: those earlier in their list include the later ones.
fn may(role: Option<Role>, needed: Role) -> bool {
    role.is_some_and(|role| role <= needed)
}

fn denied(viewer: &Viewer) -> Error {
    if viewer.by().is_some() {
        protocol_error(code::FORBIDDEN, "you may not read or do this")
    } else {
        unauthenticated()
    }
}

fn of_field(field: &MetaField) -> Option<Declaration> {
    let mut invocations = field.directive_invocations.iter();
    let invocation = invocations.find(|directive| directive.name == "access")?;
    let scope = invocation.args.get("scope").and_then(named);
    let who = named(invocation.args.get("who")?)?;
    Some(Declaration { who, scope })
}

/// The member of the enum that a value names.
fn named<T: EnumType>(value: &Value) -> Option<T> {
    let Value::Enum(name) = value else { return None };
    let mut items = T::items().iter();
    items
        .find(|item| item.name == name.as_str())
        .map(|item| item.value)
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
                // Who sees the object at all may read its freest field, and what asks for no more.
                let freest = fields.values().filter_map(of_field);
                let freest = freest.min_by_key(|declared| declared.who);
                for field in fields.values_mut() {
                    connection::complete(field);
                    if changes || asks_for_more(of_field(field), freest) {
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

/// Whether some who may read what declares `freest` may not read what declares `field`.
fn asks_for_more(field: Option<Declaration>, freest: Option<Declaration>) -> bool {
    let (Some(field), Some(freest)) = (field, freest) else {
        return false;
    };
    field.who > freest.who || (freest.who != Who::Anyone && field.scope != freest.scope)
}

fn make_nullable(field: &mut MetaField) {
    if let Some(nullable) = field.ty.strip_suffix('!') {
        field.ty = nullable.to_owned();
    }
}

fn describe(field: &mut MetaField) {
    let Some(Declaration { who, scope }) = of_field(field) else {
        return;
    };
    let readers = match who {
        Who::Anyone => "Access: anyone",
        Who::Account => "Access: anyone signed in",
        Who::Owner => "Access: the owner",
        Who::BrandManager => "Access: owners and managers of the brand",
        Who::BrandOwner => "Access: owners of the brand",
        Who::Operator => "Access: operators",
    };
    let keys = scope.map_or_else(String::new, |scope| {
        format!("; API keys with `{}`", enum_value(scope))
    });
    let text = field.description.take().unwrap_or_default();
    field.description = Some(format!("{text}\n\n{readers}{keys}.").trim().to_owned());
}
