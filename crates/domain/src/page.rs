//! One page of a list: keyset paging, so that cursors stay true while rows come and go.

/// Most elements of one page.
pub const MAX_PAGE: u64 = 100;

/// Which way, how many, and beyond which place. `C` is a row's place: the values of the columns sorted by, with the id as
/// tie-break.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
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

impl<T> Slice<T> {
    /// The same slice of other elements; those for which there is none are left out.
    pub fn filter_map<U>(self, element: impl FnMut(T) -> Option<U>) -> Slice<U> {
        Slice {
            rows: self.rows.into_iter().filter_map(element).collect(),
            has_next: self.has_next,
            has_previous: self.has_previous,
        }
    }
}

impl<C> Page<C> {
    /// The first `size` elements: a list that is never long, as a whole.
    pub fn first(size: u64) -> Self {
        Self {
            backward: false,
            size,
            beyond: None,
        }
    }

    /// The same page with its place put in other terms.
    pub fn map<D>(self, place: impl FnOnce(C) -> D) -> Page<D> {
        Page {
            backward: self.backward,
            size: self.size,
            beyond: self.beyond.map(place),
        }
    }

    /// The same, where the place may make no sense.
    ///
    /// # Errors
    /// What `place` says of one that does not.
    pub fn try_map<D, E>(self, place: impl FnOnce(C) -> Result<D, E>) -> Result<Page<D>, E> {
        Ok(Page {
            backward: self.backward,
            size: self.size,
            beyond: self.beyond.map(place).transpose()?,
        })
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
