//! One page of a list: keyset paging, so that cursors stay true while rows come and go.

use sea_orm::sea_query::Expr;
use sea_orm::{
    EntityTrait, ExprTrait, IntoSimpleExpr, Order, QueryFilter, QueryOrder, QuerySelect, Select, Value,
};

/// Most elements of one page.
pub const MAX_PAGE: u64 = 100;

/// Which way, how many, and beyond which place. `C` is a row's place: the values of the columns sorted by, with the id as
/// tie-break.
#[derive(Debug, Clone)]
pub struct Page<C> {
    /// Whether the page is taken from the end.
    pub backward: bool,
    /// How many elements, 1 to [`MAX_PAGE`].
    pub size: u64,
    /// The place it starts beyond.
    pub beyond: Option<C>,
}

/// The elements of a page in the list's own order, and whether there are others on either side.
#[derive(Debug, Clone)]
pub struct Slice<T> {
    /// The elements.
    pub rows: Vec<T>,
    /// Whether there are elements after them.
    pub has_next: bool,
    /// Whether there are elements before them.
    pub has_previous: bool,
}

impl<C> Page<C> {
    /// The same page with its place put in other terms.
    pub fn map<D>(self, place: impl FnOnce(C) -> D) -> Page<D> {
        Page {
            backward: self.backward,
            size: self.size,
            beyond: self.beyond.map(place),
        }
    }

    /// How many rows to ask the database for: one more than the page holds tells whether there are others.
    pub fn limit(&self) -> u64 {
        self.size + 1
    }

    /// Cuts the rows the database gave, read in the page's own direction, to the page.
    pub fn cut<T>(&self, mut rows: Vec<T>) -> Slice<T> {
        let size = usize::try_from(self.size).unwrap_or(usize::MAX);
        let more = rows.len() > size;
        rows.truncate(size);
        if self.backward {
            rows.reverse();
            return Slice {
                rows,
                has_next: self.beyond.is_some(),
                has_previous: more,
            };
        }
        Slice {
            rows,
            has_next: more,
            has_previous: self.beyond.is_some(),
        }
    }
}

/// Completes `select` to one page's rows, one more than it holds, read in the page's own direction: [`Page::cut`] does the
/// rest. The list is sorted by both columns, descending or ascending alike; the second makes the order total.
pub(crate) fn keyset<E: EntityTrait, C>(
    select: Select<E>,
    page: &Page<C>,
    descending: bool,
    columns: [E::Column; 2],
    values: impl FnOnce(&C) -> [Value; 2],
) -> Select<E> {
    let descending = descending != page.backward;
    let order = if descending { Order::Desc } else { Order::Asc };
    let select = match &page.beyond {
        None => select,
        Some(place) => {
            let here = Expr::tuple(columns.map(|column| column.into_simple_expr()));
            let there = Expr::tuple(values(place).map(Expr::value));
            select.filter(if descending {
                here.lt(there)
            } else {
                here.gt(there)
            })
        }
    };
    let [first, second] = columns;
    select
        .order_by(first, order.clone())
        .order_by(second, order)
        .limit(page.limit())
}
