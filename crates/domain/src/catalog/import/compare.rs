//! One product as the file tells it against the one in the catalogue: what is to be written, and what to say about it.

use std::collections::HashMap;

use sea_orm::ActiveValue::{NotSet, Set};
use vitrine_model::catalog::{
    StockPolicy, brand, product, product_image, product_tag, product_text, variant, variant_price,
};
use vitrine_model::id::{ImageId, ProductId};
use vitrine_model::money::{BasisPoints, Money};
use vitrine_model::text::{Label, Title};

use crate::catalog::import::draft::{Draft, VariantDraft};
use crate::catalog::import::land::{Change, Existing, Writes};
use crate::catalog::rules;
use crate::context::Context;
use crate::search;

/// Longest note about one product, in characters.
const MAX_MESSAGE: usize = 2000;

/// How a draft relates to what is there.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Comparison {
    /// It is new.
    New(String),
    /// Something differs; the text says what.
    Different(String),
    /// Nothing does.
    Same,
    /// It cannot land: why.
    Impossible {
        /// The column to be mended in the first row, if one is.
        column: Option<String>,
        why: &'static str,
    },
}

/// Compares, and adds to `writes` what there is to write.
pub(super) fn compare(
    cx: &Context,
    brand: &brand::Model,
    draft: &Draft,
    existing: Option<Existing>,
    writes: &mut Writes,
) -> Comparison {
    match existing {
        Some(existing) => update(cx, brand, draft, &existing, writes),
        None => create(cx, brand, draft, writes),
    }
}

fn create(cx: &Context, brand: &brand::Model, draft: &Draft, writes: &mut Writes) -> Comparison {
    let Some(title) = &draft.title else {
        let (column, why) = draft.why_untitled();
        return Comparison::Impossible { column, why };
    };
    if draft.variants.is_empty() {
        let why = "no variant of the product could be read";
        return Comparison::Impossible { column: None, why };
    }
    let now = cx.now();
    let id: ProductId = cx.new_id();
    let blank = product::Model {
        id,
        brand_id: brand.id,
        handle: draft.handle.clone(),
        title: title.clone(),
        vendor: None,
        product_type: None,
        option1_name: None,
        option2_name: None,
        option3_name: None,
        commission_bp: None,
        next_commission_bp: None,
        next_commission_from: None,
        promotable: true,
        published: true,
        currency: brand.currency,
        min_price: 0,
        max_price: 0,
        created_at: now,
        updated_at: now,
    };
    let mut product = told(&blank, draft);
    let images = place_images(cx, id, &[], draft, writes);
    let mut variants = Vec::with_capacity(draft.variants.len());
    for (position, told) in (1..).zip(&draft.variants) {
        let blank = blank_variant(cx, &product, position, told);
        variants.push(variant_told(&blank, position, told, &images));
    }
    set_range(&mut product, &variants);
    let tags = draft.tags.clone().unwrap_or_default();
    let text = product_text::ActiveModel {
        id: NotSet,
        product_id: Set(id),
        search_text: Set(search_text(&product, &tags, &variants, &draft.plain)),
        description_html: Set(draft.body.clone().unwrap_or_default()),
    };
    let count = variants.len();
    writes.new_texts.push(text);
    writes.tags.extend(tags.into_iter().map(|tag| tag_of(id, tag)));
    writes
        .prices
        .extend(variants.iter().map(|row| price_of(row, now)));
    writes.new_variants.extend(variants);
    writes.new_products.push(product);
    let plural = if count == 1 { "" } else { "s" };
    Comparison::New(format!("new, with {count} variant{plural}"))
}

fn update(
    cx: &Context,
    brand: &brand::Model,
    draft: &Draft,
    existing: &Existing,
    writes: &mut Writes,
) -> Comparison {
    let id = existing.product.id;
    let mut says = Says::default();
    let mut product = told(&existing.product, draft);
    says.product(&existing.product, &product);
    let before = (
        writes.new_images.len(),
        writes.images.len(),
        writes.gone_images.len(),
    );
    let images = place_images(cx, id, &existing.images, draft, writes);
    if before
        != (
            writes.new_images.len(),
            writes.images.len(),
            writes.gone_images.len(),
        )
    {
        says.push("images".to_owned());
    }
    let variants = place_variants(cx, brand, draft, existing, &images, writes, &mut says);
    set_range(&mut product, &variants);
    let tags = draft.tags.as_ref().unwrap_or(&existing.tags);
    if draft
        .tags
        .as_ref()
        .is_some_and(|tags| !same_tags(tags, &existing.tags))
    {
        says.push("tags".to_owned());
        writes.retagged.push(id);
        writes
            .tags
            .extend(tags.iter().cloned().map(|tag| tag_of(id, tag)));
    }
    place_text(draft, existing, &product, tags, &variants, writes, &mut says);
    if says.parts.is_empty() && product == existing.product {
        return Comparison::Same;
    }
    writes.products.push(product);
    Comparison::Different(says.message())
}

/// The product with everything the file says of it.
fn told(base: &product::Model, draft: &Draft) -> product::Model {
    let mut row = base.clone();
    // Option names come with a title or a variant; a file of images alone says nothing of them.
    if draft.title.is_some() {
        let [name1, name2, name3] = draft.option_names.clone();
        (row.option1_name, row.option2_name, row.option3_name) = (name1, name2, name3);
    }
    if let Some(title) = &draft.title {
        row.title = title.clone();
        row.vendor = draft.vendor.clone().unwrap_or(row.vendor);
        row.product_type = draft.kind.clone().unwrap_or(row.product_type);
        row.published = draft.published.unwrap_or(row.published);
    }
    row
}

fn blank_variant(
    cx: &Context,
    product: &product::Model,
    position: i32,
    told: &VariantDraft,
) -> variant::Model {
    variant::Model {
        id: cx.new_id(),
        product_id: product.id,
        brand_id: product.brand_id,
        position,
        title: title(told, &product.title),
        option1: told.options[0].clone(),
        option2: told.options[1].clone(),
        option3: told.options[2].clone(),
        price: told.price,
        compare_at: None,
        vat_bp: None,
        floor: None,
        sku: None,
        barcode: None,
        grams: 0,
        tracked: false,
        policy: StockPolicy::Deny,
        on_hand: 0,
        reserved: 0,
        imported_on_hand: None,
        image_id: None,
        active: true,
        created_at: cx.now(),
        updated_at: cx.now(),
    }
}

/// A variant's title is never empty and never too long, so the other is never needed.
fn title(told: &VariantDraft, other: &Title) -> Title {
    told.title().parse().unwrap_or_else(|_| other.clone())
}

/// The variant with everything the file says of it.
fn variant_told(
    base: &variant::Model,
    position: i32,
    told: &VariantDraft,
    images: &HashMap<String, ImageId>,
) -> variant::Model {
    let mut row = base.clone();
    row.position = position;
    row.active = true;
    row.price = told.price;
    // A floor above the price would be void.
    row.floor = row.floor.filter(|floor| *floor <= told.price);
    row.compare_at = told.compare_at.unwrap_or(row.compare_at);
    row.sku = told.sku.clone().unwrap_or(row.sku);
    row.barcode = told.barcode.clone().unwrap_or(row.barcode);
    row.grams = told.grams.unwrap_or(row.grams);
    row.tracked = told.tracked.unwrap_or(row.tracked);
    row.policy = told.policy.unwrap_or(row.policy);
    if told.quantity.is_some() && told.quantity != row.imported_on_hand {
        // The same number as last time tells nothing new: what was counted and sold since stands.
        row.on_hand = told.quantity.unwrap_or(row.on_hand);
        row.imported_on_hand = told.quantity;
    }
    if row.tracked && row.policy == StockPolicy::Deny {
        // What is promised to orders under way is there, whatever the file says; `kept_stock` tells of it.
        row.on_hand = row.on_hand.max(row.reserved);
    }
    match told.taxable {
        Some(false) => row.vat_bp = Some(BasisPoints::ZERO),
        Some(true) if row.vat_bp == Some(BasisPoints::ZERO) => row.vat_bp = None,
        _ => {}
    }
    if let Some(image) = &told.image {
        row.image_id = image.as_ref().and_then(|url| images.get(url.as_str()).copied());
    }
    row
}

/// Where the file states less stock than orders under way were promised, what was kept instead.
pub(super) fn kept_stock(draft: &Draft, existing: &Existing) -> Vec<Change> {
    let known: HashMap<[Option<Label>; 3], &variant::Model> =
        existing.variants.iter().map(|row| (options(row), row)).collect();
    let kept = |told: &VariantDraft| {
        let (wanted, old) = (told.quantity?, known.get(&told.options)?);
        let row = variant_told(old, old.position, told, &HashMap::new());
        (wanted < row.reserved && row.on_hand == row.reserved).then(|| Change {
            line: told.line,
            column: Some(draft.quantity_heading.clone()),
            handle: draft.handle.to_string(),
            message: format!(
                "stock of {}: {wanted} in the file, {} kept, since orders under way were promised as many",
                row.title, row.on_hand
            ),
        })
    };
    draft.variants.iter().filter_map(kept).collect()
}

/// Makes the product's variants those of the file; returns them all, with those no longer offered.
fn place_variants(
    cx: &Context,
    brand: &brand::Model,
    draft: &Draft,
    existing: &Existing,
    images: &HashMap<String, ImageId>,
    writes: &mut Writes,
    says: &mut Says,
) -> Vec<variant::Model> {
    let mut known: HashMap<[Option<Label>; 3], &variant::Model> =
        existing.variants.iter().map(|row| (options(row), row)).collect();
    let mut rows = Vec::with_capacity(existing.variants.len());
    for (position, told) in (1..).zip(&draft.variants) {
        let row = match known.remove(&told.options) {
            Some(old) => {
                let row = variant_told(old, position, told, images);
                if row != *old {
                    says.variant(brand, old, &row);
                    writes.variants.push(row.clone());
                }
                if row.price != old.price {
                    writes.prices.push(price_of(&row, cx.now()));
                }
                row
            }
            None => {
                let blank = blank_variant(cx, &existing.product, position, told);
                let row = variant_told(&blank, position, told, images);
                says.push(format!("new variant {}", row.title));
                writes.prices.push(price_of(&row, cx.now()));
                writes.new_variants.push(row.clone());
                row
            }
        };
        rows.push(row);
    }
    // A row that could not be read may have been one of these: then they stay as they are.
    let complete = draft.is_complete() && !draft.variants.is_empty();
    let mut rest: Vec<_> = known.into_values().collect();
    rest.sort_by_key(|row| (row.position, row.id));
    for old in rest {
        let mut row = old.clone();
        if complete && old.active {
            row.active = false;
            says.push(format!("{} is no longer offered", row.title));
            writes.variants.push(row.clone());
        }
        rows.push(row);
    }
    rows
}

/// Makes the product's images those of the file; returns the ids of all by their addresses.
fn place_images(
    cx: &Context,
    product: ProductId,
    existing: &[product_image::Model],
    draft: &Draft,
    writes: &mut Writes,
) -> HashMap<String, ImageId> {
    let mut known: HashMap<&str, &product_image::Model> =
        existing.iter().map(|row| (row.url.as_str(), row)).collect();
    let mut ids: HashMap<String, ImageId> = HashMap::new();
    let Some(images) = &draft.images else {
        ids.extend(existing.iter().map(|row| (row.url.to_string(), row.id)));
        return ids;
    };
    for (position, image) in (1..).zip(images) {
        let old = known.remove(image.url.as_str());
        let row = product_image::Model {
            id: old.map_or_else(|| cx.new_id(), |old| old.id),
            product_id: product,
            position,
            url: image.url.clone(),
            alt: image.alt.clone(),
        };
        ids.insert(row.url.to_string(), row.id);
        match old {
            Some(old) if *old == row => {}
            Some(_) => writes.images.push(row),
            None => writes.new_images.push(row),
        }
    }
    if draft.is_complete() {
        writes.gone_images.extend(known.into_values().cloned());
    }
    ids
}

fn place_text(
    draft: &Draft,
    existing: &Existing,
    product: &product::Model,
    tags: &[Label],
    variants: &[variant::Model],
    writes: &mut Writes,
    says: &mut Says,
) {
    let mut text = existing.text.clone();
    let plain = match &draft.body {
        Some(body) if draft.title.is_some() => {
            text.description_html.clone_from(body);
            draft.plain.clone()
        }
        _ => rules::plain(&text.description_html),
    };
    text.search_text = search_text(product, tags, variants, &plain);
    if text.description_html != existing.text.description_html {
        says.push("description".to_owned());
    }
    if text != existing.text {
        writes.texts.push(text);
    }
}

fn search_text(product: &product::Model, tags: &[Label], variants: &[variant::Model], plain: &str) -> String {
    let labels = [&product.vendor, &product.product_type].into_iter().flatten();
    let offered = variants.iter().filter(|row| row.active);
    let skus = offered.filter_map(|row| row.sku.as_ref());
    let texts = std::iter::once(product.title.as_str())
        .chain(labels.map(Label::as_str))
        .chain(tags.iter().map(Label::as_str))
        .chain(skus.map(|sku| sku.as_str()))
        .chain(std::iter::once(plain));
    search::text(texts)
}

/// Keeps a product's lowest and highest price over the variants offered; without any it keeps those it had last.
fn set_range(product: &mut product::Model, variants: &[variant::Model]) {
    let prices = || variants.iter().filter(|row| row.active).map(|row| row.price);
    if let (Some(lowest), Some(highest)) = (prices().min(), prices().max()) {
        (product.min_price, product.max_price) = (lowest, highest);
    }
}

fn same_tags(a: &[Label], b: &[Label]) -> bool {
    let mut b = b.to_vec();
    b.sort();
    a == b
}

fn options(row: &variant::Model) -> [Option<Label>; 3] {
    [row.option1.clone(), row.option2.clone(), row.option3.clone()]
}

fn tag_of(product_id: ProductId, tag: Label) -> product_tag::Model {
    product_tag::Model { product_id, tag }
}

fn price_of(row: &variant::Model, now: vitrine_model::Time) -> variant_price::Model {
    variant_price::Model {
        variant_id: row.id,
        valid_from: now,
        price: row.price,
    }
}

/// What changed, in words.
#[derive(Debug, Default)]
struct Says {
    parts: Vec<String>,
}

impl Says {
    fn push(&mut self, part: String) {
        self.parts.push(part);
    }

    fn changed(&mut self, what: &str, old: &str, new: &str) {
        if old != new {
            let or_none = |text: &str| {
                if text.is_empty() {
                    "none".to_owned()
                } else {
                    text.to_owned()
                }
            };
            self.push(format!("{what}: {} → {}", or_none(old), or_none(new)));
        }
    }

    fn product(&mut self, old: &product::Model, new: &product::Model) {
        let label = |label: &Option<Label>| label.as_ref().map(ToString::to_string).unwrap_or_default();
        let yes = |yes: bool| if yes { "yes" } else { "no" };
        let names = |row: &product::Model| {
            let names = [&row.option1_name, &row.option2_name, &row.option3_name].map(label);
            names.join(", ").trim_end_matches([',', ' ']).to_owned()
        };
        self.changed("title", old.title.as_str(), new.title.as_str());
        self.changed("vendor", &label(&old.vendor), &label(&new.vendor));
        self.changed("type", &label(&old.product_type), &label(&new.product_type));
        self.changed("published", yes(old.published), yes(new.published));
        self.changed("options", &names(old), &names(new));
    }

    fn variant(&mut self, brand: &brand::Model, old: &variant::Model, new: &variant::Model) {
        let title = &new.title;
        let money = |amount: i64| Money::new(amount, brand.currency);
        if old.price != new.price {
            // "60.00 → 65.00 EUR"
            let (old, new) = (money(old.price).decimal(), money(new.price));
            self.push(format!("price of {title}: {old} → {new}"));
        }
        let amount = |amount: Option<i64>| amount.map(|amount| money(amount).decimal()).unwrap_or_default();
        let (before, after) = (amount(old.compare_at), amount(new.compare_at));
        self.changed(&format!("compare-at price of {title}"), &before, &after);
        let (before, after) = (old.on_hand.to_string(), new.on_hand.to_string());
        self.changed(&format!("stock of {title}"), &before, &after);
        let code = |code: &Option<vitrine_model::text::Code>| {
            code.as_ref().map(ToString::to_string).unwrap_or_default()
        };
        self.changed(&format!("SKU of {title}"), &code(&old.sku), &code(&new.sku));
        self.changed(
            &format!("barcode of {title}"),
            &code(&old.barcode),
            &code(&new.barcode),
        );
        self.changed(
            &format!("grams of {title}"),
            &old.grams.to_string(),
            &new.grams.to_string(),
        );
        self.changed(
            &format!("stock policy of {title}"),
            old.policy.as_str(),
            new.policy.as_str(),
        );
        for (what, differs) in [
            ("whether stock is counted", old.tracked != new.tracked),
            ("VAT rate", old.vat_bp != new.vat_bp),
            ("price floor", old.floor != new.floor),
            ("image", old.image_id != new.image_id),
            ("position", old.position != new.position),
        ] {
            if differs {
                self.push(format!("{what} of {title}"));
            }
        }
        if new.active && !old.active {
            self.push(format!("{title} is offered again"));
        }
    }

    /// All of it, as far as there is room.
    fn message(self) -> String {
        let (mut message, mut told) = (String::new(), 0);
        for part in &self.parts {
            if message.chars().count() + part.chars().count() > MAX_MESSAGE {
                break;
            }
            if told > 0 {
                message.push_str("; ");
            }
            message.push_str(part);
            told += 1;
        }
        if told < self.parts.len() {
            message.push_str(&format!("; and {} more", self.parts.len() - told));
        }
        message
    }
}
