//! What a buyer can do with a cart.

use std::collections::{BTreeSet, HashMap};

use chrono::TimeDelta;
use sea_orm::ActiveValue::Set;
use sea_orm::sea_query::{Expr, OnConflict};
use sea_orm::{ColumnTrait, ConnectionTrait, DbErr, EntityTrait, QueryFilter, QuerySelect};
use secrecy::SecretString;
use vitrine_model::catalog::{product, variant};
use vitrine_model::checkout::{CartState, OrderState, cart, cart_contact, cart_line, order};
use vitrine_model::id::{CartId, CartLineId, ProductId, RecommendationId, VariantId};
use vitrine_model::text::{AddressLine, Country, Email, Name};

use crate::checkout::commands::actor;
use crate::checkout::commands::click::remember_click;
use crate::checkout::queries;
use crate::checkout::refusal::{LineRefusal, Refusal};
use crate::checkout::rules::{self, MAX_LINES, MAX_QUANTITY, PricedCart};
use crate::context::{Context, Tx};
use crate::failure::{Failure, OrRefuse, refuse};
use crate::identity::Viewer;
use crate::{catalog, event, secret, shop};

/// A line to put into a cart.
#[derive(Debug, Clone)]
pub struct NewLine {
    /// What.
    pub variant: VariantId,
    /// How many, 1 to 999.
    pub quantity: i32,
    /// From which recommendation.
    pub recommendation: Option<RecommendationId>,
}

/// A cart to open.
#[derive(Debug, Clone)]
pub struct NewCart {
    /// The click token the visitor came with.
    pub click_token: Option<String>,
    /// Its first lines.
    pub lines: Vec<NewLine>,
}

/// A delivery address; a missing part is none.
#[derive(Debug, Clone)]
pub struct Address {
    /// Street and number.
    pub line1: AddressLine,
    /// The rest of the street address.
    pub line2: Option<AddressLine>,
    /// Postal code.
    pub postal_code: Option<AddressLine>,
    /// Town.
    pub city: AddressLine,
    /// State or province, where there is one.
    pub region: Option<AddressLine>,
    /// Country.
    pub country: Country,
}

/// What was done, but not quite as asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Warning {
    /// The click token was forged or is too old: the click is not remembered.
    ClickIgnored,
    /// The line already had so many pieces that the most allowed was put instead of the sum.
    QuantityCapped(CartLineId),
}

/// A cart after a change.
#[derive(Debug, Clone)]
pub struct CartChanged {
    /// The cart at today's prices.
    pub cart: PricedCart,
    /// What was done otherwise than asked.
    pub warnings: Vec<Warning>,
    /// What opens the cart without signing in, when it was just made. It is told this once and never again.
    pub guest_secret: Option<SecretString>,
}

/// Opens a cart. It belongs to whoever holds the secret answered, and to the account signed in.
///
/// # Errors
/// What [`add_lines`] refuses.
pub async fn create_cart(cx: &Context, by: &Viewer, new: NewCart) -> Result<CartChanged, Failure<Refusal>> {
    let secret = secret::new_secret(cx, "vg_");
    let tx = cx.begin().await?;
    let cart = insert_cart(&tx, cx, by, &secret).await?;
    let mut warnings = remember_click(&tx, cx, cart.id, new.click_token.as_deref()).await?;
    warnings.extend(put(&tx, cx, &cart, &new.lines).await?);
    event::record(&tx, cx, actor(by), "cart.created", cart.id, &[]).await?;
    let cart = reread(&tx, cx, by, cart.id).await?;
    tx.commit().await?;
    Ok(CartChanged {
        cart,
        warnings,
        guest_secret: Some(secret),
    })
}

/// Puts lines into a cart, and the click that brought the buyer, if one did. A line of the same variant from the same
/// recommendation takes the pieces up.
///
/// # Errors
/// `CartNotFound`, `CartOrdered`, `CartPaid`, `Line(VariantNotFound)`, `Line(RecommendationNotFound)`,
/// `Line(OtherCurrency)`, `Line(QuantityOutOfRange)`, `TooManyLines`.
pub async fn add_lines(
    cx: &Context,
    by: &Viewer,
    id: CartId,
    click_token: Option<String>,
    lines: Vec<NewLine>,
) -> Result<CartChanged, Failure<Refusal>> {
    let tx = cx.begin().await?;
    let cart = lock_open(&tx, cx, by, id).await?;
    let mut warnings = remember_click(&tx, cx, id, click_token.as_deref()).await?;
    warnings.extend(put(&tx, cx, &cart, &lines).await?);
    let changed = changed(&tx, cx, by, id, warnings).await?;
    tx.commit().await?;
    Ok(changed)
}

/// Sets how many pieces lines have, 1 to 999.
///
/// # Errors
/// `CartNotFound`, `CartOrdered`, `CartPaid`, `Line(NotInCart)`, `Line(QuantityOutOfRange)`.
pub async fn update_lines(
    cx: &Context,
    by: &Viewer,
    id: CartId,
    quantities: Vec<(CartLineId, i32)>,
) -> Result<CartChanged, Failure<Refusal>> {
    let tx = cx.begin().await?;
    lock_open(&tx, cx, by, id).await?;
    for (place, (line, quantity)) in quantities.into_iter().enumerate() {
        in_range(place, quantity)?;
        let updated = cart_line::Entity::update_many()
            .col_expr(cart_line::Column::Quantity, Expr::value(quantity))
            .filter(cart_line::Column::Id.eq(line))
            .filter(cart_line::Column::CartId.eq(id))
            .exec(&tx)
            .await?;
        if updated.rows_affected == 0 {
            return refuse(Refusal::Line(place, LineRefusal::NotInCart));
        }
    }
    let changed = changed(&tx, cx, by, id, Vec::new()).await?;
    tx.commit().await?;
    Ok(changed)
}

/// Takes lines out of a cart. An empty cart forgets its currency.
///
/// # Errors
/// `CartNotFound`, `CartOrdered`, `CartPaid`, `Line(NotInCart)`.
pub async fn remove_lines(
    cx: &Context,
    by: &Viewer,
    id: CartId,
    lines: Vec<CartLineId>,
) -> Result<CartChanged, Failure<Refusal>> {
    let tx = cx.begin().await?;
    lock_open(&tx, cx, by, id).await?;
    for (place, line) in lines.into_iter().enumerate() {
        let removed = cart_line::Entity::delete_many()
            .filter(cart_line::Column::Id.eq(line))
            .filter(cart_line::Column::CartId.eq(id))
            .exec(&tx)
            .await?;
        if removed.rows_affected == 0 {
            return refuse(Refusal::Line(place, LineRefusal::NotInCart));
        }
    }
    if lines_of(&tx, id).await?.is_empty() {
        set_currency(&tx, id, None).await?;
    }
    let changed = changed(&tx, cx, by, id, Vec::new()).await?;
    tx.commit().await?;
    Ok(changed)
}

/// Sets who buys; what is absent stays as it is.
///
/// # Errors
/// `CartNotFound`, `CartOrdered`, `CartPaid`.
pub async fn update_buyer(
    cx: &Context,
    by: &Viewer,
    id: CartId,
    email: Option<Email>,
    name: Option<Name>,
) -> Result<CartChanged, Failure<Refusal>> {
    let tx = cx.begin().await?;
    lock_open(&tx, cx, by, id).await?;
    let mut contact = contact_of(&tx, id).await?;
    contact.email = email.or(contact.email);
    contact.name = name.or(contact.name);
    store_contact(&tx, contact).await?;
    let changed = changed(&tx, cx, by, id, Vec::new()).await?;
    tx.commit().await?;
    Ok(changed)
}

/// Sets where to deliver, as a whole.
///
/// # Errors
/// `CartNotFound`, `CartOrdered`, `CartPaid`.
pub async fn update_delivery_address(
    cx: &Context,
    by: &Viewer,
    id: CartId,
    address: Address,
) -> Result<CartChanged, Failure<Refusal>> {
    let tx = cx.begin().await?;
    lock_open(&tx, cx, by, id).await?;
    let contact = cart_contact::Model {
        line1: Some(address.line1),
        line2: address.line2,
        postal_code: address.postal_code,
        city: Some(address.city),
        region: address.region,
        country: Some(address.country),
        ..contact_of(&tx, id).await?
    };
    store_contact(&tx, contact).await?;
    let changed = changed(&tx, cx, by, id, Vec::new()).await?;
    tx.commit().await?;
    Ok(changed)
}

/// The cart `id`, locked until the transaction ends, if `by` may see it, whatever its state.
pub(super) async fn lock(
    tx: &Tx,
    cx: &Context,
    by: &Viewer,
    id: CartId,
) -> Result<cart::Model, Failure<Refusal>> {
    cart::Entity::find_by_id(id)
        .lock_exclusive()
        .one(tx)
        .await?
        .filter(|cart| rules::owns_cart(by, cart, cx.now()))
        .or_refuse(Refusal::CartNotFound)
}

/// Passes for a cart that can still change.
pub(super) async fn ensure_open(tx: &Tx, cart: &cart::Model) -> Result<(), Failure<Refusal>> {
    if cart.state == CartState::Open {
        return Ok(());
    }
    let live = order::Entity::find()
        .filter(order::Column::CartId.eq(cart.id))
        .filter(order::Column::State.ne(OrderState::Expired))
        .one(tx)
        .await?;
    match live {
        Some(order) if order.state == OrderState::AwaitingPayment => refuse(Refusal::CartOrdered),
        _ => refuse(Refusal::CartPaid),
    }
}

/// The cart `id`, locked, if `by` may see it and it can still change.
pub(super) async fn lock_open(
    tx: &Tx,
    cx: &Context,
    by: &Viewer,
    id: CartId,
) -> Result<cart::Model, Failure<Refusal>> {
    let cart = lock(tx, cx, by, id).await?;
    ensure_open(tx, &cart).await?;
    Ok(cart)
}

async fn insert_cart(
    tx: &Tx,
    cx: &Context,
    by: &Viewer,
    secret: &SecretString,
) -> Result<cart::Model, DbErr> {
    let row = cart::ActiveModel {
        id: Set(cx.new_id()),
        secret_hash: Set(secret::hash_secret(secret)),
        secret_expires_at: Set(cx.now() + TimeDelta::days(cx.settings().guest_days)),
        account_id: Set(by.account_id()),
        currency: Set(None),
        state: Set(CartState::Open),
        created_at: Set(cx.now()),
        updated_at: Set(cx.now()),
    };
    cart::Entity::insert(row).exec_with_returning(tx).await
}

/// Notes a change, and prices the cart as it now is.
pub(super) async fn changed(
    tx: &Tx,
    cx: &Context,
    by: &Viewer,
    id: CartId,
    warnings: Vec<Warning>,
) -> Result<CartChanged, Failure<Refusal>> {
    cart::Entity::update_many()
        .col_expr(cart::Column::UpdatedAt, Expr::value(cx.now()))
        .filter(cart::Column::Id.eq(id))
        .exec(tx)
        .await?;
    event::record(tx, cx, actor(by), "cart.changed", id, &[]).await?;
    let cart = reread(tx, cx, by, id).await?;
    Ok(CartChanged {
        cart,
        warnings,
        guest_secret: None,
    })
}

async fn reread(tx: &Tx, cx: &Context, by: &Viewer, id: CartId) -> Result<PricedCart, Failure<Refusal>> {
    let cart = cart::Entity::find_by_id(id)
        .one(tx)
        .await?
        .or_refuse(Refusal::CartNotFound)?;
    Ok(queries::price(tx, cx, by, cart).await?)
}

fn in_range(place: usize, quantity: i32) -> Result<(), Failure<Refusal>> {
    if (1..=MAX_QUANTITY).contains(&quantity) {
        Ok(())
    } else {
        refuse(Refusal::Line(place, LineRefusal::QuantityOutOfRange))
    }
}

/// What new lines refer to, read for all of them at once.
struct Referred {
    variants: HashMap<VariantId, variant::Model>,
    products: HashMap<ProductId, product::Model>,
    recommended: HashMap<RecommendationId, ProductId>,
}

async fn referred(db: &impl ConnectionTrait, lines: &[NewLine]) -> Result<Referred, DbErr> {
    let variants: Vec<VariantId> = lines.iter().map(|line| line.variant).collect();
    let variants = catalog::variants_by_id(db, &variants).await?;
    let products: BTreeSet<ProductId> = variants.iter().map(|variant| variant.product_id).collect();
    let products: Vec<ProductId> = products.into_iter().collect();
    let products = catalog::products_by_id(db, &products).await?;
    let recommendations: Vec<RecommendationId> =
        lines.iter().filter_map(|line| line.recommendation).collect();
    let recommended = if recommendations.is_empty() {
        Vec::new()
    } else {
        shop::standing_recommendations(db, &recommendations).await?
    };
    Ok(Referred {
        variants: variants.into_iter().map(|row| (row.id, row)).collect(),
        products: products.into_iter().map(|row| (row.id, row)).collect(),
        recommended: recommended
            .into_iter()
            .map(|(row, _)| (row.id, row.product_id))
            .collect(),
    })
}

impl Referred {
    /// The product of the line at `place`, if it can be bought as asked.
    fn product(&self, place: usize, line: &NewLine) -> Result<&product::Model, Failure<Refusal>> {
        in_range(place, line.quantity)?;
        let product = self
            .variants
            .get(&line.variant)
            .filter(|variant| variant.active)
            .and_then(|variant| self.products.get(&variant.product_id))
            .filter(|product| product.published)
            .or_refuse(Refusal::Line(place, LineRefusal::VariantNotFound))?;
        match line.recommendation {
            Some(id) if self.recommended.get(&id) != Some(&product.id) => {
                refuse(Refusal::Line(place, LineRefusal::RecommendationNotFound))
            }
            _ => Ok(product),
        }
    }
}

/// Puts lines into a locked cart.
async fn put(
    tx: &Tx,
    cx: &Context,
    cart: &cart::Model,
    new: &[NewLine],
) -> Result<Vec<Warning>, Failure<Refusal>> {
    if new.len() > MAX_LINES {
        return refuse(Refusal::TooManyLines);
    }
    let referred = referred(tx, new).await?;
    let mut lines = lines_of(tx, cart.id).await?;
    let mut currency = cart.currency;
    let mut warnings = Vec::new();
    for (place, line) in new.iter().enumerate() {
        let found = referred.product(place, line)?.currency;
        let held = *currency.get_or_insert(found);
        if found != held {
            let other = LineRefusal::OtherCurrency { cart: held, found };
            return refuse(Refusal::Line(place, other));
        }
        warnings.extend(put_one(tx, cx, cart.id, &mut lines, line).await?);
    }
    ensure_room(tx, &lines).await?;
    set_currency(tx, cart.id, currency).await?;
    Ok(warnings)
}

/// Puts one line into the cart, and into `lines`, which are the cart's.
async fn put_one(
    tx: &Tx,
    cx: &Context,
    cart: CartId,
    lines: &mut Vec<cart_line::Model>,
    new: &NewLine,
) -> Result<Option<Warning>, DbErr> {
    let same = lines
        .iter_mut()
        .find(|line| line.variant_id == new.variant && line.recommendation_id == new.recommendation);
    if let Some(line) = same {
        let sum = line.quantity + new.quantity;
        line.quantity = sum.min(MAX_QUANTITY);
        cart_line::Entity::update_many()
            .col_expr(cart_line::Column::Quantity, Expr::value(line.quantity))
            .filter(cart_line::Column::Id.eq(line.id))
            .exec(tx)
            .await?;
        return Ok((sum > MAX_QUANTITY).then_some(Warning::QuantityCapped(line.id)));
    }
    let row = cart_line::ActiveModel {
        id: Set(cx.new_id()),
        cart_id: Set(cart),
        variant_id: Set(new.variant),
        recommendation_id: Set(new.recommendation),
        quantity: Set(new.quantity),
        created_at: Set(cx.now()),
    };
    lines.push(cart_line::Entity::insert(row).exec_with_returning(tx).await?);
    Ok(None)
}

/// Lines and brands together may not exceed what Stripe's page takes.
async fn ensure_room(tx: &Tx, lines: &[cart_line::Model]) -> Result<(), Failure<Refusal>> {
    let variants: Vec<VariantId> = lines.iter().map(|line| line.variant_id).collect();
    let variants = catalog::variants_by_id(tx, &variants).await?;
    let brands: BTreeSet<_> = variants.iter().map(|variant| variant.brand_id).collect();
    if lines.len() + brands.len() > MAX_LINES {
        return refuse(Refusal::TooManyLines);
    }
    Ok(())
}

async fn lines_of(tx: &Tx, cart: CartId) -> Result<Vec<cart_line::Model>, DbErr> {
    cart_line::Entity::find()
        .filter(cart_line::Column::CartId.eq(cart))
        .all(tx)
        .await
}

async fn set_currency(
    tx: &Tx,
    cart: CartId,
    currency: Option<vitrine_model::money::Currency>,
) -> Result<(), DbErr> {
    cart::Entity::update_many()
        .col_expr(cart::Column::Currency, Expr::value(currency))
        .filter(cart::Column::Id.eq(cart))
        .exec(tx)
        .await?;
    Ok(())
}

async fn contact_of(tx: &Tx, cart: CartId) -> Result<cart_contact::Model, DbErr> {
    let found = cart_contact::Entity::find_by_id(cart).one(tx).await?;
    Ok(found.unwrap_or(cart_contact::Model {
        cart_id: cart,
        email: None,
        name: None,
        line1: None,
        line2: None,
        postal_code: None,
        city: None,
        region: None,
        country: None,
    }))
}

async fn store_contact(tx: &Tx, contact: cart_contact::Model) -> Result<(), DbErr> {
    use cart_contact::Column;
    let row: cart_contact::ActiveModel = contact.into();
    let replace = OnConflict::column(Column::CartId)
        .update_columns([
            Column::Email,
            Column::Name,
            Column::Line1,
            Column::Line2,
            Column::PostalCode,
            Column::City,
            Column::Region,
            Column::Country,
        ])
        .to_owned();
    // A row converted from a model counts as unchanged: every column is to be written.
    cart_contact::Entity::insert(sea_orm::ActiveModelTrait::reset_all(row))
        .on_conflict(replace)
        .exec_without_returning(tx)
        .await?;
    Ok(())
}
