//! A product listed by hand, with its variants and images.

use std::collections::HashSet;

use sea_orm::ActiveValue::{NotSet, Set};
use sea_orm::{EntityTrait, IntoActiveModel};
use vitrine_model::catalog::{
    StockPolicy, brand, product, product_image, product_text, variant, variant_price,
};
use vitrine_model::id::{BrandId, ProductId};
use vitrine_model::identity::Role;
use vitrine_model::money::{BasisPoints, Money};
use vitrine_model::text::{Code, Label, ProductHandle, Title, WebUrl};

use crate::catalog::commands::brands::{amount, managed};
use crate::catalog::commands::products::{MAX_STOCK, MAX_TAGS, put_tags, refresh_text, sanitised};
use crate::catalog::refusal::{Misshapen, Refusal};
use crate::catalog::rules::variant_title;
use crate::context::{Context, Tx};
use crate::event;
use crate::failure::{Failure, OrRefuseDuplicate, refuse};
use crate::identity::By;

/// Most variants of a product that is listed by hand.
pub const MAX_VARIANTS: usize = 100;
/// Most images of one.
pub const MAX_IMAGES: usize = 50;

/// A product to be listed.
#[derive(Debug, Clone)]
pub struct NewProduct {
    /// Whose.
    pub brand: BrandId,
    /// The name in its address.
    pub handle: ProductHandle,
    /// What it is called.
    pub title: Title,
    /// Its description; whatever is not harmless markup is taken out.
    pub description_html: String,
    /// The maker.
    pub vendor: Option<Label>,
    /// The brand's kind of product.
    pub product_type: Option<Label>,
    /// Its tags.
    pub tags: Vec<Label>,
    /// Whether anyone may see and buy it.
    pub published: bool,
    /// Whether it may be recommended.
    pub promotable: bool,
    /// A rate of its own.
    pub commission: Option<BasisPoints>,
    /// In what its variants differ; three at most.
    pub option_names: Vec<Label>,
    /// What can be bought; the first is shown first.
    pub variants: Vec<NewVariant>,
    /// Its images, in the order they are shown in.
    pub images: Vec<NewImage>,
}

/// A variant of it.
#[derive(Debug, Clone)]
pub struct NewVariant {
    /// A value for each of the product's options.
    pub options: Vec<Label>,
    /// List price, VAT included.
    pub price: Money,
    /// The brand's own struck-through price.
    pub compare_at: Option<Money>,
    /// Its VAT rate at home.
    pub vat: Option<BasisPoints>,
    /// The brand's stock-keeping unit.
    pub sku: Option<Code>,
    /// EAN, UPC or the like.
    pub barcode: Option<Code>,
    /// What happens when no piece is left.
    pub policy: StockPolicy,
    /// How many pieces there are; not counted when absent.
    pub on_hand: Option<i64>,
}

/// An image, which the brand's own server shows.
#[derive(Debug, Clone)]
pub struct NewImage {
    /// Where it is.
    pub url: WebUrl,
    /// What it shows, for those who do not see it.
    pub alt: Option<Title>,
}

/// Lists a product.
///
/// # Errors
/// Those of [`crate::identity::staff_of`] for a manager, `PricesExcludeTax`, `Misshapen`, `TooManyTags`,
/// `DescriptionTangled`, `ProductHandleTaken`; `OfVariant` with `Misshapen`, `OtherCurrency`, `AmountOutOfRange` or
/// `StockOutOfRange`.
pub async fn create_product(
    cx: &Context,
    by: By,
    new: NewProduct,
) -> Result<product::Model, Failure<Refusal>> {
    check(&new).map_err(Failure::Refused)?;
    if new.tags.len() > MAX_TAGS {
        return refuse(Refusal::TooManyTags(MAX_TAGS));
    }
    let description = sanitised(new.description_html.clone()).await?;
    let tx = cx.begin().await?;
    let brand = managed(&tx, by, new.brand, Role::Manager).await?;
    if !brand.prices_include_tax {
        return refuse(Refusal::PricesExcludeTax);
    }
    let id = cx.new_id();
    let variants = variants(cx, &brand, id, &new.variants)?;
    let row = product_row(cx, &brand, id, &new, &variants);
    product::Entity::insert(row.clone().into_active_model())
        .exec_without_returning(&tx)
        .await
        .or_refuse_duplicate(Refusal::ProductHandleTaken)?;
    insert_parts(&tx, cx, id, variants, new.images).await?;
    put_tags(&tx, id, new.tags).await?;
    refresh_text(&tx, &row, Some(description)).await?;
    event::record(&tx, cx, by.actor(), "product.created", id, &[]).await?;
    tx.commit().await?;
    Ok(row)
}

/// Whether its parts fit each other, and are not too many.
fn check(new: &NewProduct) -> Result<(), Refusal> {
    if !(1..=MAX_VARIANTS).contains(&new.variants.len()) {
        return Err(Misshapen::VariantCount(MAX_VARIANTS).into());
    }
    if new.images.len() > MAX_IMAGES {
        return Err(Misshapen::TooManyImages(MAX_IMAGES).into());
    }
    if new.option_names.len() > 3
        || new.option_names.iter().collect::<HashSet<_>>().len() < new.option_names.len()
    {
        return Err(Misshapen::OptionNames.into());
    }
    let mut known = HashSet::new();
    for (place, variant) in new.variants.iter().enumerate() {
        if variant.options.len() != new.option_names.len() {
            return Err(of_variant(
                place,
                Misshapen::OptionCount(new.option_names.len()).into(),
            ));
        }
        if !known.insert(&variant.options) {
            return Err(of_variant(place, Misshapen::VariantTwice.into()));
        }
    }
    Ok(())
}

fn of_variant(variant: usize, refusal: Refusal) -> Refusal {
    let refusal = Box::new(refusal);
    Refusal::OfVariant { variant, refusal }
}

fn product_row(
    cx: &Context,
    brand: &brand::Model,
    id: ProductId,
    new: &NewProduct,
    variants: &[variant::Model],
) -> product::Model {
    let prices = || variants.iter().map(|row| row.price);
    let option = |place: usize| new.option_names.get(place).cloned();
    product::Model {
        id,
        brand_id: brand.id,
        handle: new.handle.clone(),
        title: new.title.clone(),
        vendor: new.vendor.clone(),
        product_type: new.product_type.clone(),
        option1_name: option(0),
        option2_name: option(1),
        option3_name: option(2),
        commission_bp: new.commission,
        next_commission_bp: None,
        next_commission_from: None,
        promotable: new.promotable,
        published: new.published,
        currency: brand.currency,
        min_price: prices().min().unwrap_or(0),
        max_price: prices().max().unwrap_or(0),
        created_at: cx.now(),
        updated_at: cx.now(),
    }
}

fn variants(
    cx: &Context,
    brand: &brand::Model,
    product: ProductId,
    new: &[NewVariant],
) -> Result<Vec<variant::Model>, Failure<Refusal>> {
    let row = |position: i32, new: &NewVariant| {
        if new
            .on_hand
            .is_some_and(|pieces| !(0..=MAX_STOCK).contains(&pieces))
        {
            return refuse(Refusal::StockOutOfRange);
        }
        let compare_at = new
            .compare_at
            .map(|money| amount("compareAtPrice", money, brand.currency));
        let title = variant_title(&new.options);
        Ok(variant::Model {
            id: cx.new_id(),
            product_id: product,
            brand_id: brand.id,
            position,
            // It is never empty and never too long.
            title: title.parse().map_err(anyhow::Error::new)?,
            option1: new.options.first().cloned(),
            option2: new.options.get(1).cloned(),
            option3: new.options.get(2).cloned(),
            price: amount("price", new.price, brand.currency)?,
            compare_at: compare_at.transpose()?,
            vat_bp: new.vat,
            floor: None,
            sku: new.sku.clone(),
            barcode: new.barcode.clone(),
            grams: 0,
            tracked: new.on_hand.is_some(),
            policy: new.policy,
            on_hand: new.on_hand.unwrap_or(0),
            reserved: 0,
            imported_on_hand: None,
            image_id: None,
            active: true,
            created_at: cx.now(),
            updated_at: cx.now(),
        })
    };
    let rows = (1..).zip(new).enumerate();
    let rows = rows.map(|(place, (position, new))| {
        row(position, new)
            .map_err(|failure: Failure<Refusal>| failure.map(|refusal| of_variant(place, refusal)))
    });
    rows.collect()
}

/// The product's variants with their prices, its images, and a text that is yet to be written.
async fn insert_parts(
    tx: &Tx,
    cx: &Context,
    product: ProductId,
    variants: Vec<variant::Model>,
    images: Vec<NewImage>,
) -> Result<(), Failure<Refusal>> {
    let prices: Vec<_> = variants
        .iter()
        .map(|row| variant_price::ActiveModel {
            variant_id: Set(row.id),
            valid_from: Set(cx.now()),
            price: Set(row.price),
        })
        .collect();
    variant::Entity::insert_many(variants.into_iter().map(IntoActiveModel::into_active_model))
        .exec_without_returning(tx)
        .await?;
    variant_price::Entity::insert_many(prices)
        .exec_without_returning(tx)
        .await?;
    if !images.is_empty() {
        let images = (1..)
            .zip(images)
            .map(|(position, new)| product_image::ActiveModel {
                id: Set(cx.new_id()),
                product_id: Set(product),
                position: Set(position),
                url: Set(new.url),
                alt: Set(new.alt),
            });
        product_image::Entity::insert_many(images)
            .exec_without_returning(tx)
            .await?;
    }
    let text = product_text::ActiveModel {
        id: NotSet,
        product_id: Set(product),
        search_text: Set(String::new()),
        description_html: Set(String::new()),
    };
    product_text::Entity::insert(text)
        .exec_without_returning(tx)
        .await?;
    Ok(())
}
