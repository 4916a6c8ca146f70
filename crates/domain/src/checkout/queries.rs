//! Buying, read.

use std::collections::{BTreeSet, HashMap};

use anyhow::Context as _;
use sea_orm::{ColumnTrait, ConnectionTrait, DbErr, EntityTrait, QueryFilter, QueryOrder, QuerySelect};
use vitrine_model::Time;
use vitrine_model::catalog::{brand, product, terms, variant};
use vitrine_model::checkout::{
    CartState, cart, cart_click, cart_contact, cart_line, order, order_contact, order_line, order_shipping,
};
use vitrine_model::id::{AccountId, BrandId, CartId, ClickId, OrderId, ProductId, ShopId, VariantId};
use vitrine_model::money::BasisPoints;
use vitrine_model::shop;

use crate::catalog;
use crate::checkout::rules::{self, PricedCart, PricedLine};
use crate::context::Context;
use crate::identity::Viewer;
use crate::list::List;
use crate::referral::{self, Buyer, Credit, LineToCredit};
use crate::secret;

/// An order's place in a list by age: when checkout started, and its id.
pub type ByAge = (Time, OrderId);

/// The cart `id` at today's prices, if `by` may see it.
///
/// # Errors
/// When the database fails.
pub async fn cart(cx: &Context, by: &Viewer, id: CartId) -> anyhow::Result<Option<PricedCart>> {
    let found = cart::Entity::find_by_id(id).one(cx.db()).await?;
    match found.filter(|cart| rules::owns_cart(by, cart, cx.now())) {
        Some(cart) => Ok(Some(price(cx.db(), cx, by, cart).await?)),
        None => Ok(None),
    }
}

/// The cart that `account` changed last and has not ordered, at today's prices for `by`.
///
/// # Errors
/// When the database fails.
pub async fn open_cart_of(
    cx: &Context,
    by: &Viewer,
    account: AccountId,
) -> anyhow::Result<Option<PricedCart>> {
    let latest = cart::Entity::find()
        .filter(cart::Column::AccountId.eq(account))
        .filter(cart::Column::State.eq(CartState::Open))
        .order_by_desc(cart::Column::UpdatedAt)
        .order_by_desc(cart::Column::Id)
        .one(cx.db())
        .await?;
    match latest {
        Some(cart) => Ok(Some(price(cx.db(), cx, by, cart).await?)),
        None => Ok(None),
    }
}

/// The order `id`, if `by` may see it: the buyer, whoever holds the guest's secret, or an operator.
///
/// # Errors
/// When the database fails.
pub async fn order(cx: &Context, by: &Viewer, id: OrderId) -> Result<Option<order::Model>, DbErr> {
    let found = order::Entity::find_by_id(id).one(cx.db()).await?;
    Ok(found.filter(|order| by.is_operator() || is_buyer(cx, by, order)))
}

/// Whether `by` is the order's buyer: her account's, or opened by the guest's secret she holds, or by that of her letters.
pub fn is_buyer(cx: &Context, by: &Viewer, order: &order::Model) -> bool {
    let opens = |secret_hash: &[u8]| rules::opens(by, secret_hash, order.secret_expires_at, cx.now());
    opens(&order.secret_hash)
        || (by.guest.is_some() && opens(&secret::hash_secret(&secret::order_secret(cx, order.id))))
        || (order.account_id.is_some() && order.account_id == by.account_id())
}

/// The orders of `account`, newest first.
pub fn orders_of(account: AccountId) -> List<order::Model, ByAge> {
    let hers = order::Entity::find().filter(order::Column::AccountId.eq(account));
    let columns = [order::Column::CreatedAt, order::Column::Id];
    List::new(hers, true, &columns, |place: &ByAge| {
        vec![place.0.into(), place.1.into()]
    })
}

/// The orders with these ids, in no order.
///
/// # Errors
/// When the database fails.
pub async fn orders_by_id(db: &impl ConnectionTrait, ids: &[OrderId]) -> Result<Vec<order::Model>, DbErr> {
    let found = order::Entity::find().filter(order::Column::Id.is_in(ids.iter().copied()));
    found.all(db).await
}

/// The orders' lines, each order's in their places.
///
/// # Errors
/// When the database fails.
pub async fn lines_of(
    db: &impl ConnectionTrait,
    orders: &[OrderId],
) -> Result<Vec<order_line::Model>, DbErr> {
    order_line::Entity::find()
        .filter(order_line::Column::OrderId.is_in(orders.iter().copied()))
        .order_by_asc(order_line::Column::OrderId)
        .order_by_asc(order_line::Column::Position)
        .all(db)
        .await
}

/// What each brand charges for sending the orders.
///
/// # Errors
/// When the database fails.
pub async fn shipping_of(
    db: &impl ConnectionTrait,
    orders: &[OrderId],
) -> Result<Vec<order_shipping::Model>, DbErr> {
    order_shipping::Entity::find()
        .filter(order_shipping::Column::OrderId.is_in(orders.iter().copied()))
        .order_by_asc(order_shipping::Column::OrderId)
        .order_by_asc(order_shipping::Column::BrandId)
        .all(db)
        .await
}

/// The orders' buyers and delivery addresses.
///
/// # Errors
/// When the database fails.
pub async fn contacts_of(
    db: &impl ConnectionTrait,
    orders: &[OrderId],
) -> Result<Vec<order_contact::Model>, DbErr> {
    order_contact::Entity::find()
        .filter(order_contact::Column::OrderId.is_in(orders.iter().copied()))
        .all(db)
        .await
}

/// The cart at today's prices for `by`, who may see it: a guest's cart becomes hers when she checks out. The number of
/// statements does not grow with its lines.
pub(super) async fn price(
    db: &impl ConnectionTrait,
    cx: &Context,
    by: &Viewer,
    cart: cart::Model,
) -> anyhow::Result<PricedCart> {
    let contact = cart_contact::Entity::find_by_id(cart.id).one(db).await?;
    let rows = cart_line::Entity::find()
        .filter(cart_line::Column::CartId.eq(cart.id))
        .order_by_asc(cart_line::Column::CreatedAt)
        .order_by_asc(cart_line::Column::Id)
        .all(db)
        .await?;
    let buyer = Buyer {
        account: cart.account_id.or(by.account_id()),
        email: contact.as_ref().and_then(|contact| contact.email.as_ref()),
    };
    let lines = price_lines(db, cx, buyer, cart.id, rows).await?;
    let brands: Vec<BrandId> = lines.iter().map(|line| line.brand.id).collect();
    let rates = match contact.as_ref().and_then(|contact| contact.country.as_ref()) {
        Some(country) => catalog::shipping_rates(db, &brands, country).await?,
        None => HashMap::new(),
    };
    let shipping = rules::shipping(&lines, &rates);
    let totals = rules::totals(&lines, &shipping);
    let problems = rules::problems(cx.settings(), &cart, contact.as_ref(), &lines, &shipping, &totals);
    Ok(PricedCart {
        cart,
        contact,
        lines,
        shipping,
        totals,
        problems,
    })
}

/// What the lines of a cart refer to, by id.
struct Offer {
    variants: HashMap<VariantId, variant::Model>,
    products: HashMap<ProductId, product::Model>,
    brands: HashMap<BrandId, brand::Model>,
    terms: HashMap<BrandId, terms::Model>,
}

async fn offer(db: &impl ConnectionTrait, cx: &Context, lines: &[cart_line::Model]) -> Result<Offer, DbErr> {
    let variants: Vec<VariantId> = lines.iter().map(|line| line.variant_id).collect();
    let variants = catalog::variants_by_id(db, &variants).await?;
    let products: BTreeSet<ProductId> = variants.iter().map(|variant| variant.product_id).collect();
    let brands: BTreeSet<BrandId> = variants.iter().map(|variant| variant.brand_id).collect();
    let (products, brands): (Vec<_>, Vec<_>) = (products.into_iter().collect(), brands.into_iter().collect());
    let by_id = catalog::products_by_id(db, &products).await?;
    let terms = catalog::terms_at(db, &brands, cx.now()).await?;
    let brands = catalog::brands_by_id(db, &brands).await?;
    Ok(Offer {
        variants: variants.into_iter().map(|row| (row.id, row)).collect(),
        products: by_id.into_iter().map(|row| (row.id, row)).collect(),
        brands: brands.into_iter().map(|row| (row.id, row)).collect(),
        terms,
    })
}

impl Offer {
    /// The line with all that it refers to. Foreign keys keep these rows in being; every brand has terms from its start.
    fn line(&self, line: cart_line::Model) -> anyhow::Result<Offered> {
        let variant = self.variants.get(&line.variant_id).context("no variant")?;
        let product = self.products.get(&variant.product_id).context("no product")?;
        let brand = self.brands.get(&variant.brand_id).context("no brand")?;
        let terms = self.terms.get(&variant.brand_id).context("no terms in force")?;
        Ok(Offered {
            line,
            variant: variant.clone(),
            product: product.clone(),
            brand: brand.clone(),
            terms: terms.clone(),
        })
    }
}

/// A line and its terms, not priced yet.
struct Offered {
    line: cart_line::Model,
    variant: variant::Model,
    product: product::Model,
    brand: brand::Model,
    terms: terms::Model,
}

impl Offered {
    fn to_credit(&self) -> LineToCredit<'_> {
        LineToCredit {
            product: &self.product,
            terms: &self.terms,
            recommendation: self.line.recommendation_id,
        }
    }

    /// Without a credit the brand gets all but the organic fee, which the snapshot shows as a commission that goes to the
    /// platform as a whole.
    fn priced(self, credit: Credit, shop: Option<shop::Model>, at: Time) -> PricedLine {
        let vat = catalog::vat_rate(&self.variant, &self.brand);
        let (commission, platform_fee) = match credit.to {
            Some(_) => (
                catalog::commission(&self.product, &self.terms, at),
                self.terms.platform_fee_bp,
            ),
            None => (self.terms.organic_fee_bp, BasisPoints::WHOLE),
        };
        let share = credit.to.map(|_| credit.share);
        let split = crate::shop::split_of(&self.product, &self.brand, &self.terms, &self.variant, share, at);
        PricedLine {
            line: self.line,
            variant: self.variant,
            product: self.product,
            brand: self.brand,
            terms: self.terms,
            credit,
            shop,
            vat,
            commission,
            platform_fee,
            split,
        }
    }
}

async fn price_lines(
    db: &impl ConnectionTrait,
    cx: &Context,
    buyer: Buyer<'_>,
    cart: CartId,
    lines: Vec<cart_line::Model>,
) -> anyhow::Result<Vec<PricedLine>> {
    if lines.is_empty() {
        return Ok(Vec::new());
    }
    let offer = offer(db, cx, &lines).await?;
    let lines: Vec<Offered> = lines
        .into_iter()
        .map(|line| offer.line(line))
        .collect::<anyhow::Result<_>>()?;
    let to_credit: Vec<LineToCredit<'_>> = lines.iter().map(Offered::to_credit).collect();
    let clicks = clicks_of(db, cart).await?;
    let credits = referral::credits(db, cx, buyer, &clicks, &to_credit).await?;
    let shops: BTreeSet<ShopId> = credits
        .iter()
        .filter_map(|credit| Some(credit.to?.shop))
        .collect();
    let shops: HashMap<ShopId, shop::Model> = shop::Entity::find()
        .filter(shop::Column::Id.is_in(shops))
        .all(db)
        .await?
        .into_iter()
        .map(|row| (row.id, row))
        .collect();
    let priced = lines.into_iter().zip(credits).map(|(line, credit)| {
        let shop = credit.to.and_then(|to| shops.get(&to.shop).cloned());
        line.priced(credit, shop, cx.now())
    });
    Ok(priced.collect())
}

async fn clicks_of(db: &impl ConnectionTrait, cart: CartId) -> Result<Vec<ClickId>, DbErr> {
    cart_click::Entity::find()
        .select_only()
        .column(cart_click::Column::ClickId)
        .filter(cart_click::Column::CartId.eq(cart))
        .into_tuple()
        .all(db)
        .await
}
