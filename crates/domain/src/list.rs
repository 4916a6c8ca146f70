//! Lists as the database keeps them: which rows, in which order. A [`List`] is a description only. Pages of many lists are
//! read with one statement, and so are their lengths: what nests in another list costs no statement per parent.

use std::collections::HashMap;
use std::hash::{Hash, Hasher};
use std::marker::PhantomData;

use sea_orm::sea_query::{Asterisk, Expr, Query, SelectStatement, SimpleExpr, UnionType};
use sea_orm::{
    ConnectionTrait, DbBackend, DbErr, EntityTrait, ExprTrait, FromQueryResult, IdenStatic, IntoSimpleExpr,
    Order, QueryResult, QueryTrait, Select, Value,
};

use crate::page::{Page, Slice};

/// Elements of a list that are counted at most.
pub const MAX_COUNT: u64 = 10_000;
/// Lists read with one statement at most: SQLite takes five hundred.
const AT_ONCE: usize = 100;
/// Most rows, or keys, of one statement.
const MAX_ROWS: usize = 256;
/// The column that tells which list a row is of.
const WHICH: &str = "which_list";

/// What a list may hold.
pub trait Row: FromQueryResult + Clone + Send + Sync + 'static {}

impl<M: FromQueryResult + Clone + Send + Sync + 'static> Row for M {}

/// Rows in a total order. `C` is a row's place: the values of the columns sorted by.
pub struct List<M, C> {
    rows: SelectStatement,
    columns: Vec<(SimpleExpr, &'static str)>,
    descending: bool,
    values: fn(&C) -> Vec<Value>,
    row: PhantomData<fn() -> M>,
}

impl<M: Row, C> List<M, C> {
    /// The rows `select` gives, sorted by all `columns`, descending or ascending alike; the last of them makes the order
    /// total. `values` are a place's values of these columns.
    pub(crate) fn new<E: EntityTrait>(
        select: Select<E>,
        descending: bool,
        columns: &[E::Column],
        values: fn(&C) -> Vec<Value>,
    ) -> Self {
        let column = |column: &E::Column| (column.into_simple_expr(), column.as_str());
        Self {
            rows: select.into_query(),
            columns: columns.iter().map(column).collect(),
            descending,
            values,
            row: PhantomData,
        }
    }

    /// One page of it.
    pub fn page(&self, backend: DbBackend, page: &Page<C>) -> PageOf<M> {
        let descending = self.descending != page.backward;
        let order = if descending { Order::Desc } else { Order::Asc };
        let mut select = self.rows.clone();
        if let Some(place) = &page.beyond {
            let here = Expr::tuple(self.columns.iter().map(|(column, _)| column.clone()));
            let there = Expr::tuple((self.values)(place).into_iter().map(Expr::value));
            select.and_where(if descending {
                here.lt(there)
            } else {
                here.gt(there)
            });
        }
        for (column, _) in &self.columns {
            select.order_by_expr(column.clone(), order.clone());
        }
        select.limit(page.limit());
        PageOf {
            text: backend.build(&select).to_string(),
            select,
            sorted: self.columns.iter().map(|(_, name)| *name).collect(),
            descending,
            page: Page {
                backward: page.backward,
                size: page.size,
                beyond: page.beyond.as_ref().map(|_| ()),
            },
            row: PhantomData,
        }
    }

    /// How long it is.
    pub fn count(&self, backend: DbBackend) -> CountOf {
        CountOf::new(backend, self.rows.clone())
    }
}

/// One page of one list, to be read together with others.
#[derive(Debug, Clone)]
pub struct PageOf<M> {
    text: String,
    select: SelectStatement,
    sorted: Vec<&'static str>,
    descending: bool,
    page: Page<()>,
    row: PhantomData<fn() -> M>,
}

impl<M> PartialEq for PageOf<M> {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

impl<M> Eq for PageOf<M> {}

impl<M> Hash for PageOf<M> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.text.hash(state);
    }
}

impl<M: Row> PageOf<M> {
    /// Reads these pages: one statement for a hundred of them.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn read(db: &impl ConnectionTrait, pages: &[Self]) -> Result<HashMap<Self, Slice<M>>, DbErr> {
        let mut alike: HashMap<(&[&str], bool), Vec<&Self>> = HashMap::new();
        for page in pages {
            alike
                .entry((&page.sorted, page.descending))
                .or_default()
                .push(page);
        }
        let mut found = HashMap::new();
        for ((sorted, descending), pages) in alike {
            for pages in pages.chunks(AT_ONCE) {
                let mut together = union(pages.iter().enumerate().map(|(which, page)| {
                    let mut rows = rows_of(which, page.select.clone());
                    rows.column(("list", Asterisk));
                    rows
                }));
                let order = if descending { Order::Desc } else { Order::Asc };
                together.order_by(WHICH, Order::Asc);
                for column in sorted {
                    together.order_by(*column, order.clone());
                }
                let rows = by_list(&db.query_all(&together).await?, pages.len(), |row| {
                    M::from_query_result(row, "")
                })?;
                let slices = pages.iter().zip(rows);
                found.extend(slices.map(|(page, rows)| ((*page).clone(), page.page.cut(rows))));
            }
        }
        Ok(found)
    }
}

/// The length of one list, to be counted together with others.
#[derive(Debug, Clone)]
pub struct CountOf {
    text: String,
    select: SelectStatement,
}

impl PartialEq for CountOf {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

impl Eq for CountOf {}

impl Hash for CountOf {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.text.hash(state);
    }
}

impl CountOf {
    /// The number of rows that `select` gives.
    pub(crate) fn new(backend: DbBackend, mut select: SelectStatement) -> Self {
        select.limit(MAX_COUNT);
        Self {
            text: backend.build(&select).to_string(),
            select,
        }
    }

    /// Counts these lists, each as far as [`MAX_COUNT`]: one statement for a hundred of them.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn read(db: &impl ConnectionTrait, lists: &[Self]) -> Result<HashMap<Self, i64>, DbErr> {
        let mut found = HashMap::new();
        for lists in lists.chunks(AT_ONCE) {
            let together = union(lists.iter().enumerate().map(|(which, list)| {
                let mut rows = rows_of(which, list.select.clone());
                rows.expr_as(Expr::cust("count(*)"), "total");
                rows
            }));
            let counts = by_list(&db.query_all(&together).await?, lists.len(), |row| {
                row.try_get::<i64>("", "total")
            })?;
            let counts = lists.iter().zip(counts);
            found.extend(counts.map(|(list, count)| (list.clone(), count.into_iter().sum())));
        }
        Ok(found)
    }
}

/// Cuts what statements are made of to pieces whose lengths are powers of two, the longest first. A statement that names so
/// many rows or keys has one of nine texts then, and the database, which keeps what it made of a text, knows it already.
pub(crate) fn in_powers_of_two<T>(mut all: Vec<T>) -> Vec<Vec<T>> {
    let mut pieces = Vec::new();
    while !all.is_empty() {
        let most = all.len().min(MAX_ROWS);
        let rest = all.split_off(1 << most.ilog2());
        pieces.push(std::mem::replace(&mut all, rest));
    }
    pieces
}

/// What is selected of the rows of list number `which`, still without columns of its own.
fn rows_of(which: usize, list: SelectStatement) -> SelectStatement {
    Query::select()
        .expr_as(Expr::cust(which.to_string()), WHICH)
        .from_subquery(list, "list")
        .to_owned()
}

fn union(selects: impl Iterator<Item = SelectStatement>) -> SelectStatement {
    let together = selects.reduce(|mut together, select| {
        together.union(UnionType::All, select);
        together
    });
    together.unwrap_or_default()
}

fn by_list<T>(
    rows: &[QueryResult],
    lists: usize,
    read: impl Fn(&QueryResult) -> Result<T, DbErr>,
) -> Result<Vec<Vec<T>>, DbErr> {
    let mut found: Vec<Vec<T>> = Vec::new();
    found.resize_with(lists, Vec::new);
    for row in rows {
        let which = usize::try_from(row.try_get::<i32>("", WHICH)?).ok();
        if let Some(list) = which.and_then(|which| found.get_mut(which)) {
            list.push(read(row)?);
        }
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_are_powers_of_two_and_together_what_was_cut() {
        let lengths = |pieces: &[Vec<usize>]| pieces.iter().map(Vec::len).collect::<Vec<_>>();
        for length in [0, 1, 2, 3, 255, 256, 257, 700] {
            let pieces = in_powers_of_two((0..length).collect());
            assert!(
                lengths(&pieces)
                    .iter()
                    .all(|length| length.is_power_of_two() && *length <= MAX_ROWS)
            );
            assert_eq!(pieces.concat(), (0..length).collect::<Vec<_>>());
        }
        assert_eq!(
            lengths(&in_powers_of_two((0..700).collect())),
            [256, 256, 128, 32, 16, 8, 4]
        );
    }
}
