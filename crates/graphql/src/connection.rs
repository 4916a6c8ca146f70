//! Relay connections: keyset cursors that stay true while rows come and go, page sizes with a limit, and lengths that are
//! counted only when asked for. Every field that answers with a connection gets its cost and the descriptions of its four
//! arguments from here.

use async_graphql::registry::MetaField;
use async_graphql::{Context, Object, Result};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Serialize;
use serde::de::DeserializeOwned;
use uuid::Uuid;
use vitrine_domain::list::{CountOf, List, Row};
use vitrine_domain::page::{MAX_PAGE, Page, Slice};
use vitrine_model::Time;
use vitrine_model::id::Id;

use crate::access::{Declared, Subject, Who, access};
use crate::error::{code, protocol_error};
use crate::loaders::load;
use crate::request::RequestContext;

/// Elements of a page when the client names no size.
const DEFAULT_PAGE: i32 = 20;

/// The arguments of a field that answers with a connection.
const ARGUMENTS: [(&str, &str); 4] = [
    (
        "first",
        "At most so many from the start, or after `after`; 100 at most.",
    ),
    ("after", "The cursor the page starts after."),
    (
        "last",
        "At most so many from the end, or before `before`; 100 at most.",
    ),
    ("before", "The cursor the page ends before."),
];

/// Describes the arguments of a field that answers with a connection, and prices it: its page size times its element's
/// cost.
pub(crate) fn complete(field: &mut MetaField) {
    if !field.ty.trim_end_matches('!').ends_with("Connection") {
        return;
    }
    for (name, description) in ARGUMENTS {
        if let Some(argument) = field.args.get_mut(name) {
            argument.description.get_or_insert_with(|| description.to_owned());
        }
    }
    field.compute_complexity = Some(|document, variables, field, child| {
        let first: Option<i32> = document.param_value(variables, field, "first", None)?;
        let last: Option<i32> = document.param_value(variables, field, "last", None)?;
        let size = first.or(last).unwrap_or(DEFAULT_PAGE).max(1);
        let size = u64::try_from(size).unwrap_or(1).min(MAX_PAGE);
        Ok(1 + usize::try_from(size).unwrap_or(1) * child)
    });
}

/// One page of a list, and what counts the whole of it.
pub(crate) struct Listed<T> {
    pub(crate) slice: Slice<T>,
    pub(crate) count: CountOf,
}

/// One page of `list`, read together with the pages of other lists that are asked for at the same level.
///
/// # Errors
/// `INTERNAL` when the database fails.
pub(crate) async fn listed<M: Row, C>(
    ctx: &Context<'_>,
    list: List<M, C>,
    page: Page<C>,
) -> Result<Listed<M>> {
    let backend = ctx.cx().backend();
    let slice = load(ctx, list.page(backend, &page)).await?;
    Ok(Listed {
        slice: slice.unwrap_or_else(|| page.cut(Vec::new())),
        count: list.count(backend),
    })
}

/// The first `most` elements of a list that is never long, read together with others.
///
/// # Errors
/// `INTERNAL` when the database fails.
pub(crate) async fn whole<M: Row, C>(ctx: &Context<'_>, list: List<M, C>, most: u64) -> Result<Vec<M>> {
    let slice = load(ctx, list.page(ctx.cx().backend(), &Page::first(most))).await?;
    Ok(slice.map(|slice| slice.rows).unwrap_or_default())
}

/// The length of a list, counted together with others.
pub(crate) async fn total(ctx: &Context<'_>, count: &CountOf) -> Result<i32> {
    let total = load(ctx, count.clone()).await?.unwrap_or(0);
    Ok(i32::try_from(total).unwrap_or(i32::MAX))
}

/// Checks a connection's arguments: `first` and `after`, or `last` and `before`.
///
/// # Errors
/// `BAD_USER_INPUT` when both directions are mixed, a size is out of range, or a cursor is not ours.
pub(crate) fn page<C: DeserializeOwned>(
    first: Option<i32>,
    after: Option<String>,
    last: Option<i32>,
    before: Option<String>,
) -> Result<Page<C>> {
    let backward = last.is_some() || before.is_some();
    if backward && (first.is_some() || after.is_some()) {
        return Err(bad("use first and after, or last and before, not both"));
    }
    let size = u64::try_from(first.or(last).unwrap_or(DEFAULT_PAGE)).ok();
    let size = size.filter(|size| (1..=MAX_PAGE).contains(size));
    let size = size.ok_or_else(|| bad(&format!("a page has 1 to {MAX_PAGE} elements")))?;
    let beyond = after.or(before).map(|cursor| decode(&cursor)).transpose()?;
    Ok(Page {
        backward,
        size,
        beyond,
    })
}

/// An opaque cursor for a row's place.
pub(crate) fn encode<C: Serialize>(place: &C) -> String {
    // A cursor is made of ids, numbers and texts: JSON takes them all.
    URL_SAFE_NO_PAD.encode(serde_json::to_vec(place).unwrap_or_default())
}

fn decode<C: DeserializeOwned>(cursor: &str) -> Result<C> {
    let bytes = URL_SAFE_NO_PAD.decode(cursor).ok();
    bytes
        .and_then(|bytes| serde_json::from_slice(&bytes).ok())
        .ok_or_else(|| bad("this cursor is not one of ours"))
}

fn bad(message: &str) -> async_graphql::Error {
    protocol_error(code::BAD_USER_INPUT, message)
}

/// A place in a list sorted by a time and an id, as a cursor keeps it.
pub(crate) type TimePlace = (Time, u128);

/// The place a cursor stands for.
pub(crate) fn place<I: From<Uuid>>((time, id): TimePlace) -> (Time, I) {
    (time, Uuid::from_u128(id).into())
}

/// What a cursor keeps of a place.
pub(crate) fn unplace<I: Id>((time, id): (Time, I)) -> TimePlace {
    (time, id.uuid().as_u128())
}

/// Where a page stands in its list.
#[derive(Debug, Clone, Default)]
pub struct PageInfo {
    pub(crate) has_next: bool,
    pub(crate) has_previous: bool,
    pub(crate) start: Option<String>,
    pub(crate) end: Option<String>,
}

impl PageInfo {
    /// Where `slice` stands; its cursors are still to be filled in.
    pub(crate) fn of<T>(slice: &Slice<T>) -> Self {
        Self {
            has_next: slice.has_next,
            has_previous: slice.has_previous,
            start: None,
            end: None,
        }
    }
}

impl Subject for PageInfo {}

/// Where a page stands in its list.
#[Object(guard = Declared(self))]
impl PageInfo {
    /// Whether there are elements after this page.
    #[graphql(directive = access::apply(Who::Anyone))]
    async fn has_next_page(&self) -> bool {
        self.has_next
    }

    /// Whether there are elements before this page.
    #[graphql(directive = access::apply(Who::Anyone))]
    async fn has_previous_page(&self) -> bool {
        self.has_previous
    }

    /// The first element's cursor.
    #[graphql(directive = access::apply(Who::Anyone))]
    async fn start_cursor(&self) -> Option<&str> {
        self.start.as_deref()
    }

    /// The last element's cursor.
    #[graphql(directive = access::apply(Who::Anyone))]
    async fn end_cursor(&self) -> Option<&str> {
        self.end.as_deref()
    }
}

/// Declares a connection and its edge over a node type. One with a further field says from what that is read, beside the
/// page, and by which function.
macro_rules! connection {
    ($connection:ident, $edge:ident, $node:ty, $what:literal) => {
        $crate::connection::connection!($connection, $edge, $node, $what, beside: (), {});
    };
    ($connection:ident, $edge:ident, $node:ty, $what:literal, beside: $beside:ty, { $(
        $(#[$doc:meta])*
        $further:ident($argument:ident: $asked:ty, $told:literal) -> $answer:ty, $read:path
    )? }) => {
        #[doc = concat!("A page of ", $what, ".")]
        pub struct $connection {
            edges: Vec<$edge>,
            page_info: $crate::connection::PageInfo,
            count: vitrine_domain::list::CountOf,
            #[allow(dead_code, reason = "most connections have no further fields")]
            beside: $beside,
        }

        #[doc = concat!("One of ", $what, ", and its place in the list.")]
        pub struct $edge {
            cursor: String,
            node: $node,
        }

        impl $connection {
            /// A page of rows, each made a node, with its place in the list.
            #[allow(dead_code, reason = "one with a further field is made by the other")]
            pub(crate) fn new<T, C: serde::Serialize>(
                listed: $crate::connection::Listed<T>,
                place: impl Fn(&T) -> C,
                node: impl Fn(T) -> $node,
            ) -> Self
            where
                $beside: Default,
            {
                Self::with(listed, place, node, Default::default())
            }

            /// The same, with what further fields are read from.
            pub(crate) fn with<T, C: serde::Serialize>(
                listed: $crate::connection::Listed<T>,
                place: impl Fn(&T) -> C,
                node: impl Fn(T) -> $node,
                beside: $beside,
            ) -> Self {
                let $crate::connection::Listed { slice, count } = listed;
                let mut page_info = $crate::connection::PageInfo::of(&slice);
                let edges: Vec<$edge> = slice
                    .rows
                    .into_iter()
                    .map(|row| $edge {
                        cursor: $crate::connection::encode(&place(&row)),
                        node: node(row),
                    })
                    .collect();
                page_info.start = edges.first().map(|edge| edge.cursor.clone());
                page_info.end = edges.last().map(|edge| edge.cursor.clone());
                Self { edges, page_info, count, beside }
            }
        }

        impl $crate::access::Subject for $connection {}
        impl $crate::access::Subject for $edge {}

        #[doc = concat!("A page of ", $what, ".")]
        #[async_graphql::Object(guard = $crate::access::Declared(self))]
        impl $connection {
            /// The elements with their cursors.
            #[graphql(directive = $crate::access::access::apply($crate::access::Who::Anyone))]
            async fn edges(&self) -> &[$edge] {
                &self.edges
            }

            /// The elements.
            #[graphql(directive = $crate::access::access::apply($crate::access::Who::Anyone))]
            async fn nodes(&self) -> Vec<&$node> {
                self.edges.iter().map(|edge| &edge.node).collect()
            }

            /// Where the page stands in its list.
            #[graphql(directive = $crate::access::access::apply($crate::access::Who::Anyone))]
            async fn page_info(&self) -> &$crate::connection::PageInfo {
                &self.page_info
            }

            /// How many elements the whole list has. They are counted only when asked for, and as far as 10 000: that
            /// stands for as many or more.
            #[graphql(directive = $crate::access::access::apply($crate::access::Who::Anyone), complexity = 10)]
            async fn total_count(&self, ctx: &async_graphql::Context<'_>) -> async_graphql::Result<i32> {
                $crate::connection::total(ctx, &self.count).await
            }

            $(
                $(#[$doc])*
                #[graphql(
                    directive = $crate::access::access::apply($crate::access::Who::Anyone),
                    complexity = "20 + 5 * child_complexity"
                )]
                async fn $further(
                    &self,
                    ctx: &async_graphql::Context<'_>,
                    #[graphql(desc = $told)] $argument: $asked,
                ) -> async_graphql::Result<$answer> {
                    $read(ctx, &self.beside, $argument).await
                }
            )?
        }

        #[doc = concat!("One of ", $what, ", and its place in the list.")]
        #[async_graphql::Object(guard = $crate::access::Declared(self))]
        impl $edge {
            /// Its place in the list: pass it as `after` or `before`.
            #[graphql(directive = $crate::access::access::apply($crate::access::Who::Anyone))]
            async fn cursor(&self) -> &str {
                &self.cursor
            }

            /// The element.
            #[graphql(directive = $crate::access::access::apply($crate::access::Who::Anyone))]
            async fn node(&self) -> &$node {
                &self.node
            }
        }
    };
}
pub(crate) use connection;
