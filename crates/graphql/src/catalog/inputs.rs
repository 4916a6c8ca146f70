//! What mutations of the catalogue are asked, and how it is parsed.

use async_graphql::{ID, InputObject, MaybeUndefined};
use vitrine_domain::catalog::{
    BrandChange, MAX_DESCRIPTION, NewBrand, NewImage, NewProduct, NewVariant, ProductChange, TermsChange,
    VariantChange,
};
use vitrine_model::id::BrandId;
use vitrine_model::money::{BasisPoints, Money};
use vitrine_model::text::Label;

use crate::catalog::brand::FeeBearer;
use crate::catalog::variant::StockPolicy;
use crate::error::{UserError, UserErrorCode, at, at_change, at_opt};
use crate::money::{CurrencyCode, MoneyInput};

type Parsed<T> = Result<T, UserError>;

/// A brand to be founded.
#[derive(InputObject)]
pub struct BrandCreateInput {
    /// The name in its address: 2 to 60 lower-case letters, digits and single hyphens. It is its for ever.
    handle: String,
    /// What people call it; 120 characters at most.
    name: String,
    /// Where it is established and ships from: an ISO 3166-1 alpha-2 code.
    country: String,
    /// The one currency it sells in, for ever.
    currency: CurrencyCode,
    /// The VAT rate of variants that name none, in basis points.
    default_vat_rate: i32,
    /// Whether its prices contain VAT. Products of a brand whose prices do not cannot be imported yet.
    #[graphql(default = true)]
    prices_include_tax: bool,
}

impl BrandCreateInput {
    pub(super) fn parse(&self) -> Parsed<NewBrand> {
        Ok(NewBrand {
            handle: at("handle", self.handle.parse())?,
            name: at("name", self.name.parse())?,
            country: at("country", self.country.parse())?,
            currency: self.currency.into(),
            default_vat: rate("defaultVatRate", self.default_vat_rate)?,
            prices_include_tax: self.prices_include_tax,
        })
    }
}

/// What is to be different of a brand; what is left out stays.
#[derive(InputObject)]
pub struct BrandUpdateInput {
    /// The brand.
    pub(super) brand_id: ID,
    /// What people call it; 120 characters at most.
    name: Option<String>,
    /// Where its picture is, such as its logo: an address of a server that shows it to everybody; `null` takes it away.
    picture_url: MaybeUndefined<String>,
    /// Where it is established and ships from: an ISO 3166-1 alpha-2 code.
    country: Option<String>,
    /// The VAT rate of variants that name none, in basis points.
    default_vat_rate: Option<i32>,
}

impl BrandUpdateInput {
    pub(super) fn parse(&self) -> Parsed<BrandChange> {
        Ok(BrandChange {
            name: at_opt("name", self.name.as_deref())?,
            picture_url: at_change("pictureUrl", &self.picture_url)?,
            country: at_opt("country", self.country.as_deref())?,
            default_vat: rate_opt("defaultVatRate", self.default_vat_rate)?,
        })
    }
}

/// What is to be different in a brand's terms; what is left out stays.
#[derive(InputObject)]
pub struct BrandTermsChangeInput {
    /// The brand.
    pub(super) brand_id: ID,
    /// Commission in basis points of the price without VAT. A raise applies at once, a cut after the notice.
    commission_rate: Option<i32>,
    /// The platform's part of the commission, in basis points of it. Operators only.
    platform_fee_rate: Option<i32>,
    /// The platform's fee on sales nobody is credited for, in basis points of the price without VAT. Operators only.
    organic_fee_rate: Option<i32>,
    /// How many days a click may be credited, 1 to 365.
    attribution_days: Option<i32>,
    /// Days after delivery until the brand's money is released, 7 to 365.
    brand_window_days: Option<i32>,
    /// Days after delivery until the shopholder's and the platform's money is released, 14 to 365.
    shop_window_days: Option<i32>,
    /// Days after shipment at which delivery is assumed when unknown, 1 to 60.
    unknown_delivery_days: Option<i32>,
    /// Whether a shopholder may buy through her own shop with credit and discount.
    member_price: Option<bool>,
}

impl BrandTermsChangeInput {
    pub(super) fn parse(&self) -> Parsed<TermsChange> {
        Ok(TermsChange {
            commission: rate_opt("commissionRate", self.commission_rate)?,
            platform_fee: rate_opt("platformFeeRate", self.platform_fee_rate)?,
            organic_fee: rate_opt("organicFeeRate", self.organic_fee_rate)?,
            attribution_days: self.attribution_days,
            brand_window_days: self.brand_window_days,
            shop_window_days: self.shop_window_days,
            unknown_delivery_days: self.unknown_delivery_days,
            member_price: self.member_price,
        })
    }
}

/// Who is to bear the payment provider's fee.
#[derive(InputObject)]
pub struct BrandFeeBearerSetInput {
    /// The brand.
    pub(super) brand_id: ID,
    /// Who bears it on charges from now on.
    pub(super) fee_bearer: FeeBearer,
}

/// What a brand is to charge for shipping.
#[derive(InputObject)]
pub struct ShippingRateSetInput {
    /// The brand.
    pub(super) brand_id: ID,
    /// Whither: an ISO 3166-1 alpha-2 code.
    pub(super) country: String,
    /// For one order, VAT included; zero is free, and `null` means that the brand does not ship there.
    price: Option<MoneyInput>,
}

impl ShippingRateSetInput {
    pub(super) fn parse_price(&self) -> Parsed<Option<Money>> {
        let price = self.price.as_ref().map(MoneyInput::parse);
        price.transpose().map_err(|error| invalid("price", error))
    }
}

/// A product to be listed.
#[derive(InputObject)]
pub struct ProductCreateInput {
    /// The brand.
    pub(super) brand_id: ID,
    /// The name in its address, which no other product of the brand has: 255 characters at most, letters, digits and
    /// hyphens as your own system writes them. It is its for ever.
    handle: String,
    /// What it is called; 255 characters at most.
    title: String,
    /// Its description; whatever is not harmless markup is taken out. 512 KiB at most.
    #[graphql(default)]
    description_html: String,
    /// The maker.
    vendor: Option<String>,
    /// The brand's kind of product.
    product_type: Option<String>,
    /// Its tags, 250 at most.
    #[graphql(default)]
    tags: Vec<String>,
    /// Whether anyone may see and buy it.
    #[graphql(default = true)]
    published: bool,
    /// Whether shops may recommend it.
    #[graphql(default = true)]
    promotable: bool,
    /// Its own commission rate in basis points of the price without VAT; the brand's when absent.
    commission_rate: Option<i32>,
    /// In what its variants differ, such as `Size`; three at most. None for a product of one variant.
    #[graphql(default)]
    option_names: Vec<String>,
    /// What can be bought, 1 to 100.
    variants: Vec<VariantCreateInput>,
    /// Its images, in the order they are shown in; 50 at most.
    #[graphql(default)]
    images: Vec<ImageInput>,
}

/// A variant of a product to be listed.
#[derive(InputObject)]
pub struct VariantCreateInput {
    /// A value for each of the product's options, in their order.
    #[graphql(default)]
    options: Vec<String>,
    /// List price, VAT included, in the brand's currency.
    price: MoneyInput,
    /// The brand's own struck-through price.
    compare_at_price: Option<MoneyInput>,
    /// Its VAT rate at home, in basis points; the brand's when absent.
    vat_rate: Option<i32>,
    /// The brand's stock-keeping unit.
    sku: Option<String>,
    /// EAN, UPC or the like.
    barcode: Option<String>,
    /// What happens when no piece is left.
    #[graphql(default_with = "StockPolicy::Deny")]
    stock_policy: StockPolicy,
    /// How many pieces there are. Stock is not counted when absent.
    on_hand: Option<i64>,
}

/// An image, which your own server shows.
#[derive(InputObject)]
pub struct ImageInput {
    /// Its address.
    url: String,
    /// What it shows, for those who do not see it; 255 characters at most.
    alt: Option<String>,
}

impl ProductCreateInput {
    pub(super) fn parse(self, brand: BrandId) -> Parsed<NewProduct> {
        if self.description_html.len() > MAX_DESCRIPTION {
            return Err(invalid("descriptionHtml", "may have 512 KiB at most"));
        }
        let variants = self.variants.into_iter().enumerate();
        let images = self.images.into_iter().enumerate();
        Ok(NewProduct {
            brand,
            handle: at("handle", self.handle.parse())?,
            title: at("title", self.title.parse())?,
            description_html: self.description_html,
            vendor: at_opt("vendor", self.vendor.as_deref())?,
            product_type: at_opt("productType", self.product_type.as_deref())?,
            tags: labels("tags", &self.tags)?,
            published: self.published,
            promotable: self.promotable,
            commission: rate_opt("commissionRate", self.commission_rate)?,
            option_names: labels("optionNames", &self.option_names)?,
            variants: variants
                .map(|(place, new)| {
                    new.parse()
                        .map_err(|error| error.beneath(&format!("variants.{place}")))
                })
                .collect::<Parsed<_>>()?,
            images: images
                .map(|(place, new)| {
                    new.parse()
                        .map_err(|error| error.beneath(&format!("images.{place}")))
                })
                .collect::<Parsed<_>>()?,
        })
    }
}

impl VariantCreateInput {
    fn parse(self) -> Parsed<NewVariant> {
        let compare_at = self
            .compare_at_price
            .map(|input| at("compareAtPrice", input.parse()));
        Ok(NewVariant {
            options: labels("options", &self.options)?,
            price: at("price", self.price.parse())?,
            compare_at: compare_at.transpose()?,
            vat: rate_opt("vatRate", self.vat_rate)?,
            sku: at_opt("sku", self.sku.as_deref())?,
            barcode: at_opt("barcode", self.barcode.as_deref())?,
            policy: self.stock_policy.into(),
            on_hand: self.on_hand,
        })
    }
}

impl ImageInput {
    fn parse(self) -> Parsed<NewImage> {
        Ok(NewImage {
            url: at("url", self.url.parse())?,
            alt: at_opt("alt", self.alt.as_deref())?,
        })
    }
}

fn labels(field: &str, texts: &[String]) -> Parsed<Vec<Label>> {
    at(
        field,
        texts.iter().map(|text| text.parse()).collect::<Result<_, _>>(),
    )
}

/// What is to be different of a product; what is left out stays.
#[derive(InputObject)]
pub struct ProductUpdateInput {
    /// The product.
    pub(super) id: ID,
    /// What it is called; 255 characters at most.
    title: Option<String>,
    /// Its description; whatever is not harmless markup is taken out. 512 KiB at most, nested 100 levels deep
    /// at most, with 100 attributes of an element at most.
    description_html: Option<String>,
    /// The maker; `null` for none.
    vendor: MaybeUndefined<String>,
    /// The brand's kind of product; `null` for none.
    product_type: MaybeUndefined<String>,
    /// All its tags, 250 at most.
    tags: Option<Vec<String>>,
    /// Whether anyone may see and buy it.
    published: Option<bool>,
    /// Whether shops may recommend it.
    promotable: Option<bool>,
    /// Its own commission rate in basis points of the price without VAT; `null` for the brand's. A raise applies at once, a
    /// cut after the notice.
    commission_rate: MaybeUndefined<i32>,
}

impl ProductUpdateInput {
    pub(super) fn parse(self) -> Parsed<ProductChange> {
        if self
            .description_html
            .as_ref()
            .is_some_and(|html| html.len() > MAX_DESCRIPTION)
        {
            return Err(invalid("descriptionHtml", "may have 512 KiB at most"));
        }
        let tags: Option<Result<Vec<Label>, _>> =
            self.tags.map(|tags| tags.iter().map(|tag| tag.parse()).collect());
        Ok(ProductChange {
            title: at_opt("title", self.title.as_deref())?,
            description_html: self.description_html,
            vendor: maybe(self.vendor, |text| at("vendor", text.parse()))?,
            product_type: maybe(self.product_type, |text| at("productType", text.parse()))?,
            tags: tags.map(|tags| at("tags", tags)).transpose()?,
            published: self.published,
            promotable: self.promotable,
            commission: maybe(self.commission_rate, |points| rate("commissionRate", points))?,
        })
    }
}

/// What is to be different of a variant; what is left out stays.
#[derive(InputObject)]
pub struct VariantUpdateInput {
    /// The variant.
    pub(super) variant_id: ID,
    /// List price, VAT included, in the brand's currency.
    price: Option<MoneyInput>,
    /// The brand's own struck-through price; `null` for none.
    compare_at_price: MaybeUndefined<MoneyInput>,
    /// Its VAT rate at home, in basis points; `null` for the brand's.
    vat_rate: MaybeUndefined<i32>,
    /// The lowest price a buyer may be given; `null` for none. Only where the platform knows price floors.
    price_floor: MaybeUndefined<MoneyInput>,
    /// The brand's stock-keeping unit; `null` for none.
    sku: MaybeUndefined<String>,
    /// EAN, UPC or the like; `null` for none.
    barcode: MaybeUndefined<String>,
    /// What happens when no piece is left.
    stock_policy: Option<StockPolicy>,
    /// Whether its stock is counted.
    tracked: Option<bool>,
    /// Whether it is offered.
    active: Option<bool>,
}

impl VariantUpdateInput {
    pub(super) fn parse(self) -> Parsed<VariantChange> {
        let money = |field, input: MoneyInput| at(field, input.parse());
        Ok(VariantChange {
            price: self.price.map(|input| money("price", input)).transpose()?,
            compare_at: maybe(self.compare_at_price, |input| money("compareAtPrice", input))?,
            vat: maybe(self.vat_rate, |points| rate("vatRate", points))?,
            floor: maybe(self.price_floor, |input| money("priceFloor", input))?,
            sku: maybe(self.sku, |text| at("sku", text.parse()))?,
            barcode: maybe(self.barcode, |text| at("barcode", text.parse()))?,
            policy: self.stock_policy.map(Into::into),
            tracked: self.tracked,
            active: self.active,
        })
    }
}

/// How many pieces of a variant there are.
#[derive(InputObject)]
pub struct VariantStockSetInput {
    /// The variant.
    pub(super) variant_id: ID,
    /// Pieces in the warehouse, those promised to orders under way among them.
    pub(super) on_hand: i64,
    /// A key of your choice, 1 to 255 characters, the same for every repeat of this request. It is remembered for 24 hours
    /// once the request was carried out; one that was refused leaves its key free.
    pub(super) idempotency_key: String,
}

fn rate(field: &str, points: i32) -> Parsed<BasisPoints> {
    at(field, BasisPoints::new(points))
}

fn rate_opt(field: &str, points: Option<i32>) -> Parsed<Option<BasisPoints>> {
    points.map(|points| rate(field, points)).transpose()
}

fn invalid(field: &str, problem: impl std::fmt::Display) -> UserError {
    UserError::new(UserErrorCode::Invalid, field, problem.to_string())
}

/// Left out, removed, or given and parsed.
fn maybe<T, U>(value: MaybeUndefined<T>, parse: impl FnOnce(T) -> Parsed<U>) -> Parsed<Option<Option<U>>> {
    match value {
        MaybeUndefined::Undefined => Ok(None),
        MaybeUndefined::Null => Ok(Some(None)),
        MaybeUndefined::Value(value) => parse(value).map(|value| Some(Some(value))),
    }
}
