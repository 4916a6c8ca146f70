//! One product as the file tells it, put together row by row.

use std::borrow::Cow;

use vitrine_model::catalog::StockPolicy;
use vitrine_model::money::{Currency, Money, MoneyError};
use vitrine_model::text::{Code, Label, ProductHandle, Title, WebUrl};

use crate::catalog::commands::products::{MAX_DESCRIPTION, MAX_STOCK, MAX_TAGS};
use crate::catalog::html::sanitise;
use crate::catalog::import::columns::{Column, Columns};
use crate::catalog::import::{reader, weigh};
use crate::catalog::rules::{DEFAULT_TITLE, plain, variant_title};

/// Most variants of one product: Shopify's own limit.
const MAX_VARIANTS: usize = 2048;
/// Most images of one product: Shopify's own limit.
const MAX_IMAGES: usize = 250;
/// Shopify lets stock fall below zero where it is oversold.
const MIN_STOCK: i64 = -MAX_STOCK;

/// What is wrong with a row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct RowError {
    pub(super) line: i64,
    pub(super) column: Option<String>,
    pub(super) handle: Option<String>,
    pub(super) message: String,
}

/// A variant as the file tells it. What the file has no column for is absent.
#[derive(Debug, Clone)]
pub(super) struct VariantDraft {
    pub(super) line: i64,
    pub(super) options: [Option<Label>; 3],
    pub(super) price: i64,
    pub(super) compare_at: Option<Option<i64>>,
    pub(super) sku: Option<Option<Code>>,
    pub(super) barcode: Option<Option<Code>>,
    pub(super) grams: Option<i64>,
    pub(super) tracked: Option<bool>,
    pub(super) policy: Option<StockPolicy>,
    pub(super) quantity: Option<i64>,
    pub(super) taxable: Option<bool>,
    pub(super) image: Option<Option<WebUrl>>,
}

impl VariantDraft {
    pub(super) fn title(&self) -> String {
        variant_title(self.options.iter().flatten())
    }
}

/// An image as the file tells it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct ImageDraft {
    pub(super) url: WebUrl,
    pub(super) alt: Option<Title>,
    position: Option<i64>,
}

/// A product as the file tells it. What the file has no column for is absent.
#[derive(Debug, Clone)]
pub(super) struct Draft {
    pub(super) handle: ProductHandle,
    pub(super) lines: Vec<i64>,
    pub(super) title: Option<Title>,
    pub(super) body: Option<String>,
    pub(super) plain: String,
    pub(super) vendor: Option<Option<Label>>,
    pub(super) kind: Option<Option<Label>>,
    pub(super) tags: Option<Vec<Label>>,
    pub(super) published: Option<bool>,
    pub(super) option_names: [Option<Label>; 3],
    pub(super) variants: Vec<VariantDraft>,
    pub(super) images: Option<Vec<ImageDraft>>,
    pub(super) errors: Vec<RowError>,
    /// What the column of quantities is called in the file.
    pub(super) quantity_heading: String,
    title_heading: String,
    gift_card: bool,
    /// Whether anything is wrong with what its row says of it as a whole.
    misread: bool,
    /// Whether the file goes on beyond what can be read.
    cut: bool,
}

/// Reads one row's cells, keeping what is wrong with them.
struct Row<'a> {
    columns: &'a Columns,
    cells: &'a csv::StringRecord,
    line: i64,
    currency: Currency,
}

/// What is wrong with a cell.
type Wrong = (Column, String);
type Cell<T> = Result<T, Wrong>;

const NAMES: [Column; 3] = [Column::Name1, Column::Name2, Column::Name3];
const VALUES: [Column; 3] = [Column::Value1, Column::Value2, Column::Value3];

/// What the cell says; what is wrong with it joins the rest.
fn read<T>(cell: Cell<T>, wrong: &mut Vec<Wrong>) -> Option<T> {
    cell.map_err(|error| wrong.push(error)).ok()
}

impl Draft {
    /// A product of which nothing is known but its handle. `cut`: whether the file goes on beyond what can be read.
    pub(super) fn new(handle: ProductHandle, columns: &Columns, cut: bool) -> Self {
        Self {
            handle,
            lines: Vec::new(),
            title: None,
            body: columns.has(Column::Body).then(String::new),
            plain: String::new(),
            vendor: columns.has(Column::Vendor).then_some(None),
            kind: columns.has(Column::Kind).then_some(None),
            tags: columns.has(Column::Tags).then(Vec::new),
            published: None,
            option_names: [None, None, None],
            variants: Vec::new(),
            images: columns.has(Column::ImageUrl).then(Vec::new),
            errors: Vec::new(),
            quantity_heading: columns.heading(Column::Quantity),
            title_heading: columns.heading(Column::Title),
            gift_card: false,
            misread: false,
            cut,
        }
    }

    /// Adds a row.
    pub(super) fn add(&mut self, columns: &Columns, row: &reader::Row, currency: Currency) {
        let (cells, line) = (&row.cells, row.line);
        self.lines.push(line);
        if let Some(place) = row.broken {
            let message = not_text(cells.get(place).unwrap_or_default());
            self.refuse_row(line, columns.heading_at(place), message);
            return;
        }
        let row = Row {
            columns,
            cells,
            line,
            currency,
        };
        if cells
            .iter()
            .skip(columns.count())
            .any(|cell| !cell.trim().is_empty())
        {
            let message = format!(
                "the row has {} cells, the headings are {}",
                cells.len(),
                columns.count()
            );
            self.refuse_row(line, None, message);
            return;
        }
        let mut wrong = self.add_product(&row);
        wrong.extend(self.add_image(&row).err());
        if self.is_variant(&row) {
            wrong.extend(self.add_variant(&row).err());
        } else if row.text(Column::ImageUrl).is_empty() {
            self.refuse_row(
                line,
                None,
                "the row has neither a variant nor an image".to_owned(),
            );
        }
        for (column, message) in wrong {
            self.refuse_row(line, Some(columns.heading(column)), message);
        }
    }

    /// Puts the last touch to it once all its rows are known: `Err` when nothing of it can land.
    pub(super) fn finish(mut self) -> Result<Self, Vec<RowError>> {
        if self.gift_card {
            return Err(self.refused(None, "gift cards cannot be sold here"));
        }
        if self.title.is_none() {
            // Rows that say nothing of the product as a whole do not take from it what it has.
            (self.tags, self.body) = (None, None);
        }
        if let Some(images) = &mut self.images {
            for (place, image) in (1_i64..).zip(images.iter_mut()) {
                image.position.get_or_insert(place);
            }
            images.sort_by_key(|image| image.position);
            for variant in &self.variants {
                let Some(Some(url)) = &variant.image else { continue };
                if images.len() < MAX_IMAGES && images.iter().all(|image| image.url != *url) {
                    images.push(ImageDraft {
                        url: url.clone(),
                        alt: None,
                        position: None,
                    });
                }
            }
        }
        self.plain = self.body.as_deref().map(plain).unwrap_or_default();
        Ok(self)
    }

    /// The same for every row that had nothing wrong with itself, after what was wrong with the others. The column, if one
    /// is to be mended, is that of the first row.
    pub(super) fn refused(&mut self, column: Option<&str>, message: &str) -> Vec<RowError> {
        let lines = std::mem::take(&mut self.lines);
        let first = lines.first().copied();
        let innocent = lines
            .into_iter()
            .filter(|line| self.errors.iter().all(|error| error.line != *line));
        let innocent: Vec<i64> = innocent.collect();
        for line in innocent {
            let column = column.filter(|_| Some(line) == first);
            self.refuse_row(line, column.map(str::to_owned), message.to_owned());
        }
        std::mem::take(&mut self.errors)
    }

    /// Why there is no title, and the column that lacks it.
    pub(super) fn why_untitled(&self) -> (Option<String>, &'static str) {
        if self.misread {
            return (
                None,
                "the row that describes the product, which is new, has errors",
            );
        }
        (Some(self.title_heading.clone()), "the product's title is missing")
    }

    /// Whether all that the file says of it is known: what is not in it then is gone.
    pub(super) fn is_complete(&self) -> bool {
        self.errors.is_empty() && !self.cut
    }

    /// About how much memory it takes, in rows.
    pub(super) fn weight(&self) -> usize {
        1 + self.variants.len()
            + self.images.as_ref().map_or(0, Vec::len)
            + self.body.as_ref().map_or(0, String::len) / 4096
    }

    fn refuse_row(&mut self, line: i64, column: Option<String>, message: String) {
        self.errors.push(RowError {
            line,
            column,
            handle: Some(self.handle.to_string()),
            message,
        });
    }

    /// A continuation row names no title; the row of an image alone says nothing but the image.
    fn is_variant(&self, row: &Row<'_>) -> bool {
        [Column::Title, Column::Price, Column::Value1, Column::Sku]
            .iter()
            .any(|column| !row.text(*column).is_empty())
    }

    /// What is said of the product as a whole stands on the row with the title: all that is wrong with it. Where anything
    /// is, the product keeps what it had.
    fn add_product(&mut self, row: &Row<'_>) -> Vec<Wrong> {
        let mut wrong = Vec::new();
        if read(row.flag(Column::GiftCard), &mut wrong).flatten() == Some(true) {
            self.gift_card = true;
        }
        let titled = !row.text(Column::Title).is_empty();
        if titled || self.variants.is_empty() {
            for (place, column) in NAMES.into_iter().enumerate() {
                if let Some(Some(Some(name))) = read(row.optional(column), &mut wrong) {
                    self.option_names[place] = Some(name);
                }
            }
        }
        if !titled {
            return wrong;
        }
        self.published = read(row.published(), &mut wrong).flatten();
        self.vendor = read(row.optional(Column::Vendor), &mut wrong).flatten();
        self.kind = read(row.optional(Column::Kind), &mut wrong).flatten();
        let title = read(row.parsed(Column::Title), &mut wrong);
        if self.body.is_some() {
            self.body = read(row.body(), &mut wrong);
        }
        if self.tags.is_some() {
            self.tags = read(row.tags(), &mut wrong);
        }
        self.misread = !wrong.is_empty();
        self.title = title.filter(|_| !self.misread);
        wrong
    }

    fn add_image(&mut self, row: &Row<'_>) -> Cell<()> {
        let Some(images) = &mut self.images else {
            return Ok(());
        };
        if row.text(Column::ImageUrl).is_empty() {
            return Ok(());
        }
        let url: WebUrl = row.parsed(Column::ImageUrl)?;
        let alt = row.optional(Column::ImageAlt)?.flatten();
        let position = row.whole(Column::ImagePosition)?;
        if images.iter().any(|image| image.url == url) {
            return Ok(());
        }
        if images.len() >= MAX_IMAGES {
            return Err((
                Column::ImageUrl,
                format!("a product has {MAX_IMAGES} images at most"),
            ));
        }
        images.push(ImageDraft { url, alt, position });
        Ok(())
    }

    fn add_variant(&mut self, row: &Row<'_>) -> Cell<()> {
        let options = self.options(row)?;
        if self.variants.len() >= MAX_VARIANTS {
            return Err((
                Column::Handle,
                format!("a product has {MAX_VARIANTS} variants at most"),
            ));
        }
        let variant = VariantDraft {
            line: row.line,
            price: row.price(Column::Price)?,
            compare_at: row.compare_at()?,
            sku: row.code(Column::Sku)?,
            barcode: row.code(Column::Barcode)?,
            grams: row.grams()?,
            tracked: row.tracked(),
            policy: row.policy()?,
            quantity: row.quantity()?,
            taxable: row.flag(Column::Taxable)?,
            image: row.optional(Column::VariantImage)?,
            options,
        };
        let twin = self
            .variants
            .iter()
            .find(|known| known.options == variant.options);
        if let Some(twin) = twin {
            let (title, line) = (twin.title(), twin.line);
            return Err((
                Column::Value1,
                format!("the variant {title} stands on line {line} already"),
            ));
        }
        self.variants.push(variant);
        Ok(())
    }

    /// The values of the options. The one variant of a product without options says "Title" and "Default Title", or the
    /// value alone.
    fn options(&mut self, row: &Row<'_>) -> Cell<[Option<Label>; 3]> {
        let mut options = [None, None, None];
        for (place, column) in VALUES.into_iter().enumerate() {
            options[place] = row.optional(column)?.flatten();
        }
        let says =
            |label: &Option<Label>, text: &str| label.as_ref().is_some_and(|label| label.as_str() == text);
        let placeholder = match &self.option_names[0] {
            None => says(&options[0], DEFAULT_TITLE),
            name => says(name, "Title") && (options[0].is_none() || says(&options[0], DEFAULT_TITLE)),
        };
        if placeholder {
            self.option_names[0] = None;
            options[0] = None;
        }
        for (place, column) in VALUES.into_iter().enumerate() {
            match (&self.option_names[place], &options[place]) {
                (Some(name), None) => {
                    return Err((column, format!("the value of the option {name} is missing")));
                }
                (None, Some(value)) => {
                    if let Some(first) = self.variants.first() {
                        return Err((
                            column,
                            format!(
                                "the variant on line {} has no such option as this {value}",
                                first.line
                            ),
                        ));
                    }
                    self.option_names[place] = format!("Option {}", place + 1).parse().ok();
                }
                _ => {}
            }
        }
        Ok(options)
    }
}

impl<'a> Row<'a> {
    fn text(&self, column: Column) -> &'a str {
        self.columns.cell(self.cells, column)
    }

    fn parsed<T: std::str::FromStr<Err: std::fmt::Display>>(&self, column: Column) -> Cell<T> {
        let parsed = one_line(self.text(column)).parse::<T>();
        parsed.map_err(|error| (column, error.to_string()))
    }

    /// Absent without the column, empty with an empty cell.
    fn optional<T: std::str::FromStr<Err: std::fmt::Display>>(
        &self,
        column: Column,
    ) -> Cell<Option<Option<T>>> {
        if !self.columns.has(column) {
            return Ok(None);
        }
        if self.text(column).is_empty() {
            return Ok(Some(None));
        }
        self.parsed(column).map(|value| Some(Some(value)))
    }

    /// Shopify puts an apostrophe before codes of digits, so that spreadsheets leave them alone.
    fn code(&self, column: Column) -> Cell<Option<Option<Code>>> {
        let text = self.text(column);
        let digits = text
            .strip_prefix('\'')
            .filter(|rest| !rest.is_empty() && rest.bytes().all(|byte| byte.is_ascii_digit()));
        match digits {
            Some(digits) => digits
                .parse()
                .map(|code| Some(Some(code)))
                .map_err(|error: <Code as std::str::FromStr>::Err| (column, error.to_string())),
            None => self.optional(column),
        }
    }

    fn flag(&self, column: Column) -> Cell<Option<bool>> {
        match self.text(column).to_ascii_lowercase().as_str() {
            "" => Ok(None),
            "true" | "yes" | "1" => Ok(Some(true)),
            "false" | "no" | "0" => Ok(Some(false)),
            _ => Err((
                column,
                format!("\"{}\" is neither true nor false", shortened(self.text(column))),
            )),
        }
    }

    /// Absent when the file says nothing of it.
    fn published(&self) -> Cell<Option<bool>> {
        let published = self.flag(Column::Published)?;
        let active = match self.text(Column::Status).to_ascii_lowercase().as_str() {
            "" => None,
            "active" => Some(true),
            "draft" | "archived" | "unlisted" => Some(false),
            _ => {
                let text = shortened(self.text(Column::Status));
                return Err((
                    Column::Status,
                    format!("\"{text}\" is not a status: write active, draft or archived"),
                ));
            }
        };
        Ok(match (published, active) {
            (None, None) => None,
            (published, active) => Some(published.unwrap_or(true) && active.unwrap_or(true)),
        })
    }

    fn body(&self) -> Cell<String> {
        let html = self.text(Column::Body);
        if html.len() > MAX_DESCRIPTION {
            return Err((Column::Body, "a description has 512 KiB at most".to_owned()));
        }
        sanitise(html).map_err(|error| (Column::Body, error.to_string()))
    }

    fn tags(&self) -> Cell<Vec<Label>> {
        let text = one_line(self.text(Column::Tags));
        let tags = text.split(',').map(str::trim).filter(|tag| !tag.is_empty());
        let tags: Result<Vec<Label>, _> = tags.map(str::parse).collect();
        let mut tags = tags.map_err(|error| (Column::Tags, error.to_string()))?;
        tags.sort();
        tags.dedup();
        if tags.len() > MAX_TAGS {
            return Err((Column::Tags, format!("a product has {MAX_TAGS} tags at most")));
        }
        Ok(tags)
    }

    fn price(&self, column: Column) -> Cell<i64> {
        price(self.text(column), self.currency).map_err(|message| (column, message))
    }

    /// Nothing and zero both mean that nothing is struck through.
    fn compare_at(&self) -> Cell<Option<Option<i64>>> {
        if !self.columns.has(Column::CompareAt) {
            return Ok(None);
        }
        if self.text(Column::CompareAt).is_empty() {
            return Ok(Some(None));
        }
        let amount = self.price(Column::CompareAt)?;
        Ok(Some(Some(amount).filter(|amount| *amount > 0)))
    }

    /// In older exports the unit is for display only: the grams are grams.
    fn grams(&self) -> Cell<Option<i64>> {
        let unit = self.text(Column::WeightUnit);
        for (column, unit) in [(Column::Grams, "g"), (Column::Weight, unit)] {
            let text = self.text(column);
            if !text.is_empty() {
                return weigh::grams(text, unit)
                    .map(Some)
                    .map_err(|message| (column, message));
            }
        }
        Ok(None)
    }

    /// An empty cell in Shopify's column means that nobody counts. A file without the column that states a quantity
    /// comes from someone who does: taking it for uncounted would sell what is not there.
    fn tracked(&self) -> Option<bool> {
        let says = |column| !self.text(column).is_empty();
        if self.columns.has(Column::Tracker) {
            return Some(says(Column::Tracker));
        }
        says(Column::Quantity).then_some(true)
    }

    fn policy(&self) -> Cell<Option<StockPolicy>> {
        if !self.columns.has(Column::Policy) {
            return Ok(None);
        }
        match self.text(Column::Policy).to_ascii_lowercase().as_str() {
            "" | "deny" | "false" | "no" => Ok(Some(StockPolicy::Deny)),
            "continue" | "true" | "yes" => Ok(Some(StockPolicy::Continue)),
            _ => {
                let text = shortened(self.text(Column::Policy));
                Err((
                    Column::Policy,
                    format!("\"{text}\" is not a policy: write deny or continue"),
                ))
            }
        }
    }

    fn quantity(&self) -> Cell<Option<i64>> {
        let quantity = self.whole(Column::Quantity)?;
        if quantity.is_some_and(|quantity| !(MIN_STOCK..=MAX_STOCK).contains(&quantity)) {
            return Err((Column::Quantity, format!("must be {MIN_STOCK} to {MAX_STOCK}")));
        }
        Ok(quantity)
    }

    fn whole(&self, column: Column) -> Cell<Option<i64>> {
        let text = self.text(column);
        if text.is_empty() {
            return Ok(None);
        }
        let digits = text.strip_prefix('-').unwrap_or(text);
        let plain = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
        let number = plain.then(|| text.parse().ok()).flatten();
        let wrong = || {
            format!(
                "\"{}\" is not a whole number: write one such as 12",
                shortened(text)
            )
        };
        number.map(Some).ok_or_else(|| (column, wrong()))
    }
}

/// A price in minor units, or what is wrong with it and what would be right.
fn price(text: &str, currency: Currency) -> Result<i64, String> {
    if text.is_empty() {
        return Err("the price is missing: write a plain decimal number such as 12.50".to_owned());
    }
    let max = currency.rules().max_charge;
    let shown = shortened(text);
    match Money::parse(text, currency) {
        Ok(money) if money.minor() < 0 || text.starts_with('-') => {
            Err(format!("\"{shown}\" is below zero: a price is 0 or more"))
        }
        Ok(money) if money.minor() <= max => Ok(money.minor()),
        Ok(_) | Err(MoneyError::Overflow) => Err(format!(
            "\"{shown}\" is too much: at most {}",
            Money::new(max, currency)
        )),
        Err(error @ MoneyError::TooPrecise(_)) => Err(format!("\"{shown}\" is too precise: {error}")),
        Err(_) => Err(match (text.split_once(','), plain_number(text)) {
            (Some((whole, cents)), _) if !text.contains('.') && is_number(whole) && cents.len() <= 2 => {
                format!("\"{shown}\" has a decimal comma: write {whole}.{cents} with a point")
            }
            (_, Some(plain)) if Money::parse(&plain, currency).is_ok() => {
                format!("\"{shown}\" is not a plain number: write {plain}")
            }
            _ => format!("\"{shown}\" is not a price: write a plain decimal number such as 12.50"),
        }),
    }
}

/// The number that somebody must have meant who wrote a currency beside it, or marks between its thousands.
fn plain_number(text: &str) -> Option<String> {
    let beside = |letter: char| !letter.is_ascii_digit();
    let number = text.trim_matches(beside);
    // A currency stands on one side only; a sign, or a mark that a number could begin with, is none.
    let one_side = text.starts_with(number) || text.ends_with(number);
    if !one_side || text.len() - number.len() > 8 || text.contains('-') || text.starts_with(['.', ',']) {
        return None;
    }
    let (whole, decimals) = match number.rfind(['.', ',']) {
        Some(at) if number.len() - at - 1 <= 2 => (&number[..at], Some(&number[at + 1..])),
        _ => (number, None),
    };
    let mut parts = whole.split(['.', ',', '\'', ' ', '\u{a0}', '\u{202f}']);
    let first = parts
        .next()
        .filter(|first| is_number(first) && first.len() <= 12)?;
    let rest: Vec<&str> = parts.collect();
    let grouped = rest.iter().all(|part| is_number(part) && part.len() == 3);
    // "1.234" alone may be either.
    if !grouped
        || decimals.is_some_and(|decimals| !is_number(decimals))
        || (decimals.is_none() && !rest.is_empty())
    {
        return None;
    }
    let decimals = decimals
        .map(|decimals| format!(".{decimals}"))
        .unwrap_or_default();
    Some(format!("{first}{}{decimals}", rest.concat()))
}

fn is_number(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// What is wrong with a cell of which `text` is all that can be read.
pub(super) fn not_text(text: &str) -> String {
    format!(
        "\"{}\" is not text in UTF-8: save the file as CSV in UTF-8",
        shortened(text.trim())
    )
}

/// Spreadsheets break lines within cells where a text has one line only: a space stands for each break.
fn one_line(text: &str) -> Cow<'_, str> {
    if text.contains(['\n', '\r', '\t']) {
        text.split_whitespace().collect::<Vec<_>>().join(" ").into()
    } else {
        text.into()
    }
}

/// What a cell says, cut for a message.
fn shortened(text: &str) -> String {
    if text.chars().count() <= 40 {
        return text.to_owned();
    }
    text.chars().take(40).chain(std::iter::once('…')).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prices_are_plain_decimals_with_a_point() {
        assert_eq!(price("12.50", Currency::Eur), Ok(1250));
        assert_eq!(price("60", Currency::Eur), Ok(6000));
        for (text, says) in [
            ("12,50", "write 12.50 with a point"),
            ("NaN", "plain decimal number"),
            ("1e9", "plain decimal number"),
            ("-5", "below zero"),
            ("-0", "below zero"),
            ("1.234,50", "write 1234.50"),
            ("1,234.50", "write 1234.50"),
            ("1 234 567,5", "write 1234567.5"),
            ("$12", "write 12"),
            ("€12,50", "write 12.50"),
            ("12.50 EUR", "write 12.50"),
            ("12,50 €", "write 12.50"),
            ("$-12", "plain decimal number"),
            ("1.234.50.1", "plain decimal number"),
            ("from 12 on", "plain decimal number"),
            (",50", "plain decimal number"),
            ("99999999999", "too much"),
            ("1.001", "too precise"),
            ("", "missing"),
        ] {
            let message = price(text, Currency::Eur).unwrap_err();
            assert!(message.contains(says), "{text}: {message}");
        }
    }
}
