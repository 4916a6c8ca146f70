//! Carts, as clients see them.

use std::sync::Arc;

use async_graphql::{Context, Enum, ID, Object, Result};
use chrono::{DateTime, Utc};
use vitrine_domain::checkout::{self, PricedCart, PricedLine, Problem};
use vitrine_domain::shop;
use vitrine_model::checkout as rows;
use vitrine_model::id::{AccountId, CartId};

use crate::access::{Declared, Subject, Who, access, root_part};
use crate::catalog::{Brand, Product, ProductVariant};
use crate::checkout::cost::{Cost, LineCost, PostalAddress, address_of};
use crate::checkout::refusal::{CartProblemCode, told};
use crate::error::settle;
use crate::loaders::load;
use crate::money::CurrencyCode;
use crate::referral::CreditReason;
use crate::request::{RequestContext, parse_id};
use crate::shop::{Shop, shop_seen};

/// Whether a cart can still change.
#[derive(Enum, Copy, Clone, Debug, PartialEq, Eq)]
#[graphql(remote = "rows::CartState")]
pub enum CartState {
    /// It can.
    Open,
    /// An order came of it; if nobody pays that, the cart opens again.
    Ordered,
}

/// What a buyer means to buy, at today's prices. It belongs to whoever holds its guest's secret, and to her account.
#[derive(Debug, Clone)]
pub struct Cart {
    priced: Arc<PricedCart>,
    /// Made by this very request: she was just told the secret and cannot have sent it along.
    fresh: bool,
}

impl Cart {
    pub(super) fn new(priced: PricedCart) -> Self {
        Self {
            priced: Arc::new(priced),
            fresh: false,
        }
    }

    pub(super) fn just_made(priced: PricedCart) -> Self {
        Self {
            fresh: true,
            ..Self::new(priced)
        }
    }
}

impl Subject for Cart {
    async fn is_owned(&self, ctx: &Context<'_>) -> Result<bool> {
        Ok(self.fresh || checkout::owns_cart(ctx.viewer(), &self.priced.cart, ctx.cx().now()))
    }
}

/// What a buyer means to buy, at today's prices. It belongs to whoever holds its guest's secret, and to her account.
#[Object(guard = Declared(self))]
impl Cart {
    /// Its id. It grants nothing: send the guest's secret as the header `Vitrine-Guest`.
    #[graphql(directive = access::apply(Who::Owner))]
    pub(crate) async fn id(&self) -> ID {
        self.priced.cart.id.to_string().into()
    }

    /// Whether it can still change.
    #[graphql(directive = access::apply(Who::Owner))]
    async fn state(&self) -> CartState {
        self.priced.cart.state.into()
    }

    /// The one currency of all its lines; `null` while it is empty.
    #[graphql(directive = access::apply(Who::Owner))]
    async fn currency(&self) -> Option<CurrencyCode> {
        self.priced.cart.currency.map(Into::into)
    }

    /// Its lines, in the order they were added.
    #[graphql(directive = access::apply(Who::Owner))]
    async fn lines(&self) -> Vec<CartLine> {
        (0..self.priced.lines.len())
            .map(|place| CartLine::at(&self.priced, place))
            .collect()
    }

    /// What it costs now; `null` while it is empty. Prices live until checkout starts.
    #[graphql(directive = access::apply(Who::Owner))]
    async fn cost(&self) -> Option<Cost> {
        Cost::of_cart(&self.priced)
    }

    /// What stands between it and its checkout; empty when it can be bought.
    #[graphql(directive = access::apply(Who::Owner))]
    async fn problems(&self) -> Vec<CartProblem> {
        CartProblem::all(&self.priced).collect()
    }

    /// Where the buyer is written to.
    #[graphql(directive = access::apply(Who::Owner))]
    async fn email(&self) -> Option<&str> {
        let contact = self.priced.contact.as_ref()?;
        contact.email.as_ref().map(|email| email.as_str())
    }

    /// Whom to deliver to.
    #[graphql(directive = access::apply(Who::Owner))]
    async fn name(&self) -> Option<&str> {
        let contact = self.priced.contact.as_ref()?;
        contact.name.as_ref().map(|name| name.as_str())
    }

    /// Where to deliver.
    #[graphql(directive = access::apply(Who::Owner))]
    async fn delivery_address(&self) -> Option<PostalAddress> {
        address_of!(self.priced.contact.as_ref()?)
    }

    /// When it was made.
    #[graphql(directive = access::apply(Who::Owner))]
    async fn created_at(&self) -> DateTime<Utc> {
        self.priced.cart.created_at
    }

    /// When it last changed.
    #[graphql(directive = access::apply(Who::Owner))]
    async fn updated_at(&self) -> DateTime<Utc> {
        self.priced.cart.updated_at
    }
}

/// So many pieces of one variant in a cart.
#[derive(Debug, Clone)]
pub struct CartLine {
    cart: Arc<PricedCart>,
    line: PricedLine,
}

impl CartLine {
    fn at(cart: &Arc<PricedCart>, place: usize) -> Self {
        Self {
            cart: cart.clone(),
            line: cart.lines[place].clone(),
        }
    }
}

impl Subject for CartLine {}

/// So many pieces of one variant in a cart. Who may read the cart may read its lines.
#[Object(guard = Declared(self))]
impl CartLine {
    /// Its id, for `cartLinesUpdate` and `cartLinesRemove`.
    #[graphql(directive = access::apply(Who::Anyone))]
    async fn id(&self) -> ID {
        self.line.line.id.to_string().into()
    }

    /// The product's title.
    #[graphql(directive = access::apply(Who::Anyone))]
    async fn title(&self) -> &str {
        self.line.product.title.as_str()
    }

    /// The variant's title: its options' values.
    #[graphql(directive = access::apply(Who::Anyone))]
    async fn variant_title(&self) -> &str {
        self.line.variant.title.as_str()
    }

    /// What is bought; `null` when the brand took it off the market.
    #[graphql(directive = access::apply(Who::Anyone))]
    async fn variant(&self) -> Option<ProductVariant> {
        let public = self.line.product.published;
        public.then(|| ProductVariant(self.line.variant.clone()))
    }

    /// The product it is a form of; `null` when the brand took it off the market.
    #[graphql(directive = access::apply(Who::Anyone))]
    async fn product(&self) -> Option<Product> {
        let public = self.line.product.published;
        public.then(|| Product(self.line.product.clone()))
    }

    /// Who sells and ships it.
    #[graphql(directive = access::apply(Who::Anyone))]
    async fn brand(&self) -> Brand {
        Brand(self.line.brand.clone())
    }

    /// How many, 1 to 999.
    #[graphql(directive = access::apply(Who::Anyone))]
    async fn quantity(&self) -> i32 {
        self.line.line.quantity
    }

    /// The recommendation it was added from.
    #[graphql(directive = access::apply(Who::Anyone))]
    async fn recommendation_id(&self) -> Option<ID> {
        self.line.line.recommendation_id.map(|id| id.to_string().into())
    }

    /// Why that shop is credited for it, or why none is: as it stands now, and as `checkoutStart` will freeze it.
    #[graphql(directive = access::apply(Who::Anyone))]
    async fn credit_reason(&self) -> CreditReason {
        self.line.credit.reason.into()
    }

    /// What the buyer must be told beside it: who earns on it. `null` when nobody does.
    #[graphql(directive = access::apply(Who::Anyone))]
    async fn disclosure(&self, ctx: &Context<'_>) -> Result<Option<String>> {
        match self.line.credit.to {
            Some(to) => disclosure(ctx, to.shopholder).await,
            None => Ok(None),
        }
    }

    /// The name of the shop that is credited for it, and gives the discount if there is one.
    #[graphql(directive = access::apply(Who::Anyone))]
    async fn shop_name(&self) -> Option<&str> {
        self.line.shop.as_ref().map(|shop| shop.name.as_str())
    }

    /// That shop; `null` when it may not be seen any more.
    #[graphql(directive = access::apply(Who::Anyone))]
    async fn shop(&self, ctx: &Context<'_>) -> Result<Option<Shop>> {
        match &self.line.shop {
            Some(shop) => shop_seen(ctx, shop.id).await,
            None => Ok(None),
        }
    }

    /// What it costs now.
    #[graphql(directive = access::apply(Who::Anyone))]
    async fn cost(&self) -> LineCost {
        LineCost {
            currency: self.line.brand.currency,
            list_price: self.line.variant.price,
            price: self.line.split.price,
            quantity: self.line.line.quantity,
            vat: self.line.vat_total(),
        }
    }

    /// What stands between this line and its checkout.
    #[graphql(directive = access::apply(Who::Anyone))]
    async fn problems(&self) -> Vec<CartProblem> {
        let problems = CartProblem::all(&self.cart);
        problems.filter(|problem| problem.is_about(&self.line)).collect()
    }
}

/// What stands between a cart and its checkout.
#[derive(Debug, Clone)]
pub struct CartProblem {
    cart: Arc<PricedCart>,
    problem: Problem,
}

impl CartProblem {
    /// All of a cart's.
    fn all(cart: &Arc<PricedCart>) -> impl Iterator<Item = Self> {
        cart.problems.iter().map(|problem| Self {
            cart: cart.clone(),
            problem: problem.clone(),
        })
    }

    fn is_about(&self, line: &PricedLine) -> bool {
        let place = self.problem.line();
        let about = place.and_then(|place| self.cart.lines.get(place));
        about.is_some_and(|about| about.line.id == line.line.id)
    }
}

impl Subject for CartProblem {}

/// What stands between a cart and its checkout, until it is changed.
#[Object(guard = Declared(self))]
impl CartProblem {
    /// What to switch on.
    #[graphql(directive = access::apply(Who::Anyone))]
    async fn code(&self) -> CartProblemCode {
        told(&self.problem).0
    }

    /// What to tell the buyer, in English.
    #[graphql(directive = access::apply(Who::Anyone))]
    async fn message(&self) -> String {
        told(&self.problem).1
    }

    /// The line it is about, if it is about one.
    #[graphql(directive = access::apply(Who::Anyone))]
    async fn line(&self) -> Option<CartLine> {
        let place = self.problem.line()?;
        (place < self.cart.lines.len()).then(|| CartLine::at(&self.cart, place))
    }
}

root_part! {
    /// Queries for carts.
    CartQuery of "Query"
}

#[Object(guard = Declared(self))]
impl CartQuery {
    /// The cart with this id, for whoever holds its guest's secret (header `Vitrine-Guest`) and for her account; else
    /// `null`.
    #[graphql(directive = access::apply(Who::Anyone))]
    async fn cart(&self, ctx: &Context<'_>, #[graphql(desc = "Its id.")] id: ID) -> Result<Option<Cart>> {
        cart_node(ctx, &id).await
    }
}

/// What a buyer must be told of whoever earns on her line.
pub(super) async fn disclosure(ctx: &Context<'_>, shopholder: AccountId) -> Result<Option<String>> {
    let account = load(ctx, shopholder).await?;
    Ok(account.map(|account| shop::sale_disclosure(&account.name)))
}

/// The cart that the account changed last and has not ordered. The caller has made sure that the viewer may see it.
pub(crate) async fn open_cart_of(ctx: &Context<'_>, account: AccountId) -> Result<Option<Cart>> {
    let found = settle(ctx, checkout::open_cart_of(ctx.cx(), ctx.viewer(), account).await)?;
    Ok(found.map(Cart::new))
}

/// The cart with this id, if the viewer may see it.
pub(crate) async fn cart_node(ctx: &Context<'_>, id: &ID) -> Result<Option<Cart>> {
    let id: CartId = parse_id(id)?;
    let found = settle(ctx, checkout::cart(ctx.cx(), ctx.viewer(), id).await)?;
    Ok(found.map(Cart::new))
}
