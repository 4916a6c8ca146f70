//! What changes carts.

use async_graphql::{Context, Enum, ID, InputObject, Object, Result};
use secrecy::ExposeSecret;
use vitrine_domain::checkout::{self, Address, CartChanged, MAX_QUANTITY, NewCart, NewLine, Warning};
use vitrine_model::id::{CartId, CartLineId};
use vitrine_model::text::{Email, Name};

use crate::access::{Declared, Subject, Who, access, root_part};
use crate::checkout::cart::{Cart, cart_node};
use crate::error::{Trouble, UserError, at, at_opt, fault};
use crate::request::{RequestContext, parse_id};

/// What was done, but not quite as asked.
#[derive(Enum, Copy, Clone, Debug, PartialEq, Eq)]
pub enum CartWarningCode {
    /// The click token was forged or is too old: the click credits nobody.
    ClickTokenIgnored,
    /// A line already had so many pieces that it got the most allowed instead of the sum.
    QuantityCapped,
}

/// What was done, but not quite as asked.
#[derive(Debug, Clone)]
pub struct CartWarning(Warning);

impl Subject for CartWarning {}

/// What was done, but not quite as asked.
#[Object(guard = Declared(self))]
impl CartWarning {
    /// What to switch on.
    #[graphql(directive = access::apply(Who::Anyone))]
    async fn code(&self) -> CartWarningCode {
        match self.0 {
            Warning::ClickIgnored => CartWarningCode::ClickTokenIgnored,
            Warning::QuantityCapped(_) => CartWarningCode::QuantityCapped,
        }
    }

    /// What to tell the person, in English.
    #[graphql(directive = access::apply(Who::Anyone))]
    async fn message(&self) -> String {
        match self.0 {
            Warning::ClickIgnored => "the link you came by is too old, or was changed".to_owned(),
            Warning::QuantityCapped(_) => format!("a line has {MAX_QUANTITY} pieces at most"),
        }
    }

    /// The cart line it is about, if it is about one.
    #[graphql(directive = access::apply(Who::Anyone))]
    async fn line_id(&self) -> Option<ID> {
        match self.0 {
            Warning::ClickIgnored => None,
            Warning::QuantityCapped(line) => Some(line.to_string().into()),
        }
    }
}

/// What came of a change of a cart.
pub(super) struct Outcome {
    cart: Option<Cart>,
    guest_secret: Option<String>,
    warnings: Vec<CartWarning>,
    user_errors: Vec<UserError>,
}

impl From<CartChanged> for Outcome {
    fn from(changed: CartChanged) -> Self {
        let secret = changed.guest_secret;
        Self {
            cart: Some(match &secret {
                Some(_) => Cart::just_made(changed.cart),
                None => Cart::new(changed.cart),
            }),
            guest_secret: secret.map(|secret| secret.expose_secret().to_owned()),
            warnings: changed.warnings.into_iter().map(CartWarning).collect(),
            user_errors: Vec::new(),
        }
    }
}

/// Runs a change of the cart `id`. When it is refused the cart is answered as it is.
async fn change(
    ctx: &Context<'_>,
    id: Option<&ID>,
    body: impl Future<Output = std::result::Result<CartChanged, Trouble>>,
) -> Result<Outcome> {
    match body.await {
        Ok(changed) => Ok(changed.into()),
        Err(Trouble::User(error)) => Ok(Outcome {
            cart: match id {
                Some(id) => cart_node(ctx, id).await?,
                None => None,
            },
            guest_secret: None,
            warnings: Vec::new(),
            user_errors: vec![error],
        }),
        Err(Trouble::Fault(error)) => Err(fault(ctx, &error)),
        Err(Trouble::Protocol(error)) => Err(error),
    }
}

/// Declares the payload of a mutation that changes a cart.
macro_rules! cart_payload {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        pub struct $name(Outcome);

        impl Subject for $name {}

        $(#[$doc])*
        #[Object(guard = Declared(self))]
        impl $name {
            /// The cart as it now is, changed or not, with its cost; `null` when there is none such of yours.
            #[graphql(directive = access::apply(Who::Anyone))]
            async fn cart(&self) -> Option<&Cart> {
                self.0.cart.as_ref()
            }

            /// What was done, but not quite as asked.
            #[graphql(directive = access::apply(Who::Anyone))]
            async fn warnings(&self) -> &[CartWarning] {
                &self.0.warnings
            }

            /// Why nothing was changed; empty when all went well.
            #[graphql(directive = access::apply(Who::Anyone))]
            async fn user_errors(&self) -> &[UserError] {
                &self.0.user_errors
            }
        }
    };
}

/// What came of `cartCreate`.
pub struct CartCreatePayload(Outcome);

impl Subject for CartCreatePayload {}

/// What came of `cartCreate`.
#[Object(guard = Declared(self))]
impl CartCreatePayload {
    /// The new cart.
    #[graphql(directive = access::apply(Who::Anyone))]
    async fn cart(&self) -> Option<&Cart> {
        self.0.cart.as_ref()
    }

    /// What opens the cart and its order: send it as the header `Vitrine-Guest`. It is told this once: keep it, and keep
    /// it secret.
    #[graphql(directive = access::apply(Who::Anyone))]
    async fn guest_secret(&self) -> Option<&str> {
        self.0.guest_secret.as_deref()
    }

    /// What was done, but not quite as asked.
    #[graphql(directive = access::apply(Who::Anyone))]
    async fn warnings(&self) -> &[CartWarning] {
        &self.0.warnings
    }

    /// Why there is no cart; empty when all went well.
    #[graphql(directive = access::apply(Who::Anyone))]
    async fn user_errors(&self) -> &[UserError] {
        &self.0.user_errors
    }
}

cart_payload! {
    /// What came of `cartLinesAdd`.
    CartLinesAddPayload
}
cart_payload! {
    /// What came of `cartClickAdd`.
    CartClickAddPayload
}
cart_payload! {
    /// What came of `cartLinesUpdate`.
    CartLinesUpdatePayload
}
cart_payload! {
    /// What came of `cartLinesRemove`.
    CartLinesRemovePayload
}
cart_payload! {
    /// What came of `cartBuyerUpdate`.
    CartBuyerUpdatePayload
}
cart_payload! {
    /// What came of `cartDeliveryAddressUpdate`.
    CartDeliveryAddressUpdatePayload
}

/// A line to put into a cart.
#[derive(InputObject)]
pub struct CartLineInput {
    /// What.
    variant_id: ID,
    /// How many, 1 to 999.
    #[graphql(default = 1)]
    quantity: i32,
    /// The recommendation it is bought from: its shop is credited, and gives its discount.
    recommendation_id: Option<ID>,
}

impl CartLineInput {
    fn parse(&self) -> Result<NewLine> {
        Ok(NewLine {
            variant: parse_id(&self.variant_id)?,
            quantity: self.quantity,
            recommendation: self.recommendation_id.as_ref().map(parse_id).transpose()?,
        })
    }
}

fn parse_lines(lines: &[CartLineInput]) -> Result<Vec<NewLine>> {
    lines.iter().map(CartLineInput::parse).collect()
}

/// A cart to open.
#[derive(InputObject)]
pub struct CartCreateInput {
    /// The click token that the visitor was sent here with. Tell of others, and of later ones, by `cartClickAdd`.
    click_token: Option<String>,
    /// Its first lines.
    #[graphql(default)]
    lines: Vec<CartLineInput>,
}

/// Lines to put into a cart.
#[derive(InputObject)]
pub struct CartLinesAddInput {
    /// The cart.
    cart_id: ID,
    /// The lines. A line of the same variant from the same recommendation takes the pieces up.
    lines: Vec<CartLineInput>,
    /// The click token that the visitor was sent here with, if the cart was not told of it yet.
    click_token: Option<String>,
}

/// A click to tell a cart of.
#[derive(InputObject)]
pub struct CartClickAddInput {
    /// The cart.
    cart_id: ID,
    /// The click token that the visitor was sent here with.
    click_token: String,
}

/// A line of a cart to change.
#[derive(InputObject)]
pub struct CartLineUpdateInput {
    /// The line.
    id: ID,
    /// How many from now on, 1 to 999.
    quantity: i32,
}

/// Lines of a cart to change.
#[derive(InputObject)]
pub struct CartLinesUpdateInput {
    /// The cart.
    cart_id: ID,
    /// The lines.
    lines: Vec<CartLineUpdateInput>,
}

impl CartLinesUpdateInput {
    fn quantities(&self) -> Result<Vec<(CartLineId, i32)>> {
        let lines = self.lines.iter();
        lines
            .map(|line| Ok((parse_id(&line.id)?, line.quantity)))
            .collect()
    }
}

/// Lines to take out of a cart.
#[derive(InputObject)]
pub struct CartLinesRemoveInput {
    /// The cart.
    cart_id: ID,
    /// The lines' ids.
    lines: Vec<ID>,
}

/// Who buys.
#[derive(InputObject)]
pub struct CartBuyerUpdateInput {
    /// The cart.
    cart_id: ID,
    /// Where to write to; as before when absent.
    email: Option<String>,
    /// Whom to deliver to; as before when absent.
    name: Option<String>,
}

impl CartBuyerUpdateInput {
    fn parse(&self) -> std::result::Result<(Option<Email>, Option<Name>), UserError> {
        let email = at_opt("email", self.email.as_deref())?;
        Ok((email, at_opt("name", self.name.as_deref())?))
    }
}

/// Where to deliver.
#[derive(InputObject)]
pub struct CartDeliveryAddressUpdateInput {
    /// The cart.
    cart_id: ID,
    /// Street and number.
    line1: String,
    /// The rest of the street address.
    line2: Option<String>,
    /// Postal code.
    postal_code: Option<String>,
    /// Town.
    city: String,
    /// State or province, where there is one.
    region: Option<String>,
    /// Country, an ISO 3166-1 alpha-2 code such as `DE`.
    country: String,
}

impl CartDeliveryAddressUpdateInput {
    fn parse(&self) -> std::result::Result<Address, UserError> {
        Ok(Address {
            line1: at("line1", self.line1.parse())?,
            line2: at_opt("line2", self.line2.as_deref())?,
            postal_code: at_opt("postalCode", self.postal_code.as_deref())?,
            city: at("city", self.city.parse())?,
            region: at_opt("region", self.region.as_deref())?,
            country: at("country", self.country.parse())?,
        })
    }
}

root_part! {
    /// Mutations on carts.
    CartMutation of "Mutation"
}

#[Object(guard = Declared(self))]
impl CartMutation {
    /// Opens a cart, for anyone. Codes: `NOT_FOUND`, `INVALID`, `CURRENCY_MISMATCH`, `LIMIT_REACHED`.
    #[graphql(directive = access::apply(Who::Anyone))]
    async fn cart_create(&self, ctx: &Context<'_>, input: CartCreateInput) -> Result<CartCreatePayload> {
        let body = async {
            let lines = parse_lines(&input.lines)?;
            let click_token = input.click_token;
            Ok(checkout::create_cart(ctx.cx(), ctx.viewer(), NewCart { click_token, lines }).await?)
        };
        Ok(CartCreatePayload(change(ctx, None, body).await?))
    }

    /// Puts lines into a cart. All lines of a cart are sold in one currency. Codes: `NOT_FOUND`, `INVALID`,
    /// `CURRENCY_MISMATCH`, `LIMIT_REACHED`, `CART_ORDERED`, `CART_PAID`.
    #[graphql(directive = access::apply(Who::Anyone))]
    async fn cart_lines_add(
        &self,
        ctx: &Context<'_>,
        input: CartLinesAddInput,
    ) -> Result<CartLinesAddPayload> {
        let body = async {
            let (id, lines) = (parse_id(&input.cart_id)?, parse_lines(&input.lines)?);
            let click = input.click_token;
            Ok(checkout::add_lines(ctx.cx(), ctx.viewer(), id, click, lines).await?)
        };
        Ok(CartLinesAddPayload(
            change(ctx, Some(&input.cart_id), body).await?,
        ))
    }

    /// Tells a cart of a click that brought the buyer, or brought her back. A line from a recommendation credits that shop;
    /// any other line the shop of the last click that is valid for it, so that an earlier click still counts where a later
    /// one does not. Telling twice does no harm. A token that is forged or too old is a warning. A cart remembers 50
    /// clicks. Codes: `NOT_FOUND`, `CART_ORDERED`, `CART_PAID`.
    #[graphql(directive = access::apply(Who::Anyone))]
    async fn cart_click_add(
        &self,
        ctx: &Context<'_>,
        input: CartClickAddInput,
    ) -> Result<CartClickAddPayload> {
        let body = async {
            let (id, token) = (parse_id(&input.cart_id)?, &input.click_token);
            Ok(checkout::add_click(ctx.cx(), ctx.viewer(), id, token).await?)
        };
        Ok(CartClickAddPayload(
            change(ctx, Some(&input.cart_id), body).await?,
        ))
    }

    /// Sets how many pieces lines have. Codes: `NOT_FOUND`, `INVALID`, `CART_ORDERED`, `CART_PAID`.
    #[graphql(directive = access::apply(Who::Anyone))]
    async fn cart_lines_update(
        &self,
        ctx: &Context<'_>,
        input: CartLinesUpdateInput,
    ) -> Result<CartLinesUpdatePayload> {
        let body = async {
            let (id, lines) = (parse_id(&input.cart_id)?, input.quantities()?);
            Ok(checkout::update_lines(ctx.cx(), ctx.viewer(), id, lines).await?)
        };
        Ok(CartLinesUpdatePayload(
            change(ctx, Some(&input.cart_id), body).await?,
        ))
    }

    /// Takes lines out of a cart. Codes: `NOT_FOUND`, `CART_ORDERED`, `CART_PAID`.
    #[graphql(directive = access::apply(Who::Anyone))]
    async fn cart_lines_remove(
        &self,
        ctx: &Context<'_>,
        input: CartLinesRemoveInput,
    ) -> Result<CartLinesRemovePayload> {
        let body = async {
            let id: CartId = parse_id(&input.cart_id)?;
            let lines = input.lines.iter().map(parse_id).collect::<Result<Vec<_>>>()?;
            Ok(checkout::remove_lines(ctx.cx(), ctx.viewer(), id, lines).await?)
        };
        Ok(CartLinesRemovePayload(
            change(ctx, Some(&input.cart_id), body).await?,
        ))
    }

    /// Sets who buys. Codes: `NOT_FOUND`, `INVALID`, `CART_ORDERED`, `CART_PAID`.
    #[graphql(directive = access::apply(Who::Anyone))]
    async fn cart_buyer_update(
        &self,
        ctx: &Context<'_>,
        input: CartBuyerUpdateInput,
    ) -> Result<CartBuyerUpdatePayload> {
        let body = async {
            let (id, (email, name)) = (parse_id(&input.cart_id)?, input.parse()?);
            Ok(checkout::update_buyer(ctx.cx(), ctx.viewer(), id, email, name).await?)
        };
        Ok(CartBuyerUpdatePayload(
            change(ctx, Some(&input.cart_id), body).await?,
        ))
    }

    /// Sets where to deliver, as a whole. Codes: `NOT_FOUND`, `INVALID`, `CART_ORDERED`, `CART_PAID`.
    #[graphql(directive = access::apply(Who::Anyone))]
    async fn cart_delivery_address_update(
        &self,
        ctx: &Context<'_>,
        input: CartDeliveryAddressUpdateInput,
    ) -> Result<CartDeliveryAddressUpdatePayload> {
        let body = async {
            let (id, address) = (parse_id(&input.cart_id)?, input.parse()?);
            Ok(checkout::update_delivery_address(ctx.cx(), ctx.viewer(), id, address).await?)
        };
        let outcome = change(ctx, Some(&input.cart_id), body).await?;
        Ok(CartDeliveryAddressUpdatePayload(outcome))
    }
}
