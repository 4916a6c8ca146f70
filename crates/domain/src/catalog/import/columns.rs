//! Which column says what: Shopify's headings, old and new, whatever their letters' cases.

use crate::catalog::import::guard::Problem;

/// What a column says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Column {
    Handle,
    Title,
    Body,
    Vendor,
    Kind,
    Tags,
    Published,
    Status,
    Name1,
    Value1,
    Name2,
    Value2,
    Name3,
    Value3,
    Sku,
    Barcode,
    Grams,
    Weight,
    WeightUnit,
    Tracker,
    Quantity,
    Policy,
    Price,
    CompareAt,
    Taxable,
    ImageUrl,
    ImagePosition,
    ImageAlt,
    VariantImage,
    GiftCard,
}

/// Every column with its headings, in lower case: that of the older exports first, then that of the newer ones
/// (<https://help.shopify.com/en/manual/products/import-export/using-csv>), then those seen elsewhere.
const HEADINGS: &[(Column, &[&str])] = &[
    (Column::Handle, &["handle", "url handle"]),
    (Column::Title, &["title"]),
    (Column::Body, &["body (html)", "description", "body html", "body"]),
    (Column::Vendor, &["vendor"]),
    (Column::Kind, &["type", "product type", "custom product type"]),
    (Column::Tags, &["tags"]),
    (Column::Published, &["published", "published on online store"]),
    (Column::Status, &["status"]),
    (Column::Name1, &["option1 name"]),
    (Column::Value1, &["option1 value"]),
    (Column::Name2, &["option2 name"]),
    (Column::Value2, &["option2 value"]),
    (Column::Name3, &["option3 name"]),
    (Column::Value3, &["option3 value"]),
    (Column::Sku, &["variant sku", "sku"]),
    (Column::Barcode, &["variant barcode", "barcode"]),
    (Column::Grams, &["variant grams", "weight value (grams)"]),
    (Column::Weight, &["variant weight", "weight"]),
    (
        Column::WeightUnit,
        &["variant weight unit", "weight unit for display", "weight unit"],
    ),
    (
        Column::Tracker,
        &["variant inventory tracker", "inventory tracker"],
    ),
    (
        Column::Quantity,
        &[
            "variant inventory qty",
            "inventory quantity",
            "variant inventory quantity",
        ],
    ),
    (
        Column::Policy,
        &[
            "variant inventory policy",
            "continue selling when out of stock",
            "inventory policy",
        ],
    ),
    (Column::Price, &["variant price", "price"]),
    (
        Column::CompareAt,
        &["variant compare at price", "compare-at price", "compare at price"],
    ),
    (Column::Taxable, &["variant taxable", "charge tax"]),
    (Column::ImageUrl, &["image src", "product image url", "image url"]),
    (Column::ImagePosition, &["image position"]),
    (Column::ImageAlt, &["image alt text"]),
    (Column::VariantImage, &["variant image", "variant image url"]),
    (Column::GiftCard, &["gift card"]),
];

/// Two columns of one heading may say two things: neither is to be believed. Headings that nobody reads may repeat.
fn once_each(plain: &[String], headings: &csv::StringRecord) -> Result<(), Problem> {
    let read = |name: &String| HEADINGS.iter().any(|(_, names)| names.contains(&name.as_str()));
    for (place, name) in plain.iter().enumerate().filter(|(_, name)| read(name)) {
        let places: Vec<String> = (1..)
            .zip(plain)
            .filter(|(_, other)| *other == name)
            .map(|(place, _): (usize, _)| place.to_string())
            .collect();
        if let [before @ .., last] = places.as_slice()
            && !before.is_empty()
        {
            let (heading, before) = (headings.get(place).unwrap_or(name).trim(), before.join(", "));
            return Err(Problem(format!(
                "the heading {heading} stands over columns {before} and {last}: keep one of them"
            )));
        }
    }
    Ok(())
}

/// Where each column stands in one file, and what it is called there.
#[derive(Debug, Clone)]
pub(super) struct Columns {
    /// In the order of [`HEADINGS`].
    places: Vec<Option<usize>>,
    headings: Vec<String>,
}

impl Columns {
    /// Reads the heading row.
    ///
    /// # Errors
    /// When a heading that cannot be missing is, or one that says something stands twice.
    pub(super) fn of(headings: &csv::StringRecord) -> Result<Self, Problem> {
        let plain: Vec<String> = headings.iter().map(|name| name.trim().to_lowercase()).collect();
        once_each(&plain, headings)?;
        let place = |names: &[&str]| {
            names
                .iter()
                .find_map(|name| plain.iter().position(|have| have == name))
        };
        let columns = Self {
            places: HEADINGS.iter().map(|(_, names)| place(names)).collect(),
            headings: headings.iter().map(|name| name.trim().to_owned()).collect(),
        };
        let needed = [
            (Column::Handle, "Handle"),
            (Column::Title, "Title"),
            (Column::Price, "Variant Price"),
        ];
        let missing: Vec<&str> = needed
            .iter()
            .filter(|(column, _)| !columns.has(*column))
            .map(|(_, name)| *name)
            .collect();
        if missing.is_empty() {
            return Ok(columns);
        }
        Err(Problem(format!(
            "this is not a Shopify product file: its first line has no column {}",
            missing.join(", ")
        )))
    }

    /// Whether the file has this column.
    pub(super) fn has(&self, column: Column) -> bool {
        self.place(column).is_some()
    }

    /// What the column is called in this file.
    pub(super) fn heading(&self, column: Column) -> String {
        let place = self.place(column);
        place
            .and_then(|place| self.headings.get(place))
            .cloned()
            .unwrap_or_default()
    }

    /// What the column at `place` is called in this file; absent beyond the headings.
    pub(super) fn heading_at(&self, place: usize) -> Option<String> {
        self.headings.get(place).cloned()
    }

    /// Whether the column stands at `place`.
    pub(super) fn stands_at(&self, column: Column, place: usize) -> bool {
        self.place(column) == Some(place)
    }

    /// How many columns there are.
    pub(super) fn count(&self) -> usize {
        self.headings.len()
    }

    /// What `row` says in this column, trimmed; empty when it says nothing.
    pub(super) fn cell<'a>(&self, row: &'a csv::StringRecord, column: Column) -> &'a str {
        let cell = self.place(column).and_then(|place| row.get(place));
        cell.map_or("", str::trim)
    }

    fn place(&self, column: Column) -> Option<usize> {
        let index = HEADINGS.iter().position(|(known, _)| *known == column)?;
        self.places.get(index).copied().flatten()
    }
}
