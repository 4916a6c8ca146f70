//! Starting checkout, and calling orders off.

use async_graphql::{Context, ID, InputObject, Object, Result};
use vitrine_domain::checkout::{self, NewCheckout};
use vitrine_domain::failure::{Failure, persistently};

use crate::access::{Declared, Subject, Who, access, root_part};
use crate::checkout::cart::{Cart, cart_node};
use crate::checkout::order::Order;
use crate::checkout::refusal::user_errors;
use crate::error::{UserError, answer, at, fault, payload};
use crate::money::MoneyInput;
use crate::request::{RequestContext, parse_id};

/// A checkout to start.
#[derive(InputObject)]
pub struct CheckoutStartInput {
    /// The cart.
    cart_id: ID,
    /// The total that the buyer was shown. If it is another by now nothing is changed.
    expected_total: MoneyInput,
    /// Where the browser goes after payment, within the origins that the operator allows; `{CHECKOUT_SESSION_ID}` is
    /// filled in.
    success_url: String,
    /// Where the browser goes when the buyer turns back, within the same origins.
    cancel_url: String,
    /// A key of your choice, 1 to 255 characters, the same for every repeat of this request. It is remembered for 24 hours
    /// once the request was carried out; one that was refused leaves its key free.
    idempotency_key: String,
}

impl CheckoutStartInput {
    fn parse(&self) -> Result<std::result::Result<NewCheckout, UserError>> {
        let cart = parse_id(&self.cart_id)?;
        let rest = || {
            Ok(NewCheckout {
                cart,
                expected_total: at("expectedTotal", self.expected_total.parse())?,
                success_url: at("successUrl", self.success_url.parse())?,
                cancel_url: at("cancelUrl", self.cancel_url.parse())?,
            })
        };
        Ok(rest())
    }
}

/// What came of `checkoutStart`.
pub struct CheckoutStartPayload {
    order: Option<Order>,
    cart: Option<Cart>,
    user_errors: Vec<UserError>,
}

impl Subject for CheckoutStartPayload {}

/// What came of `checkoutStart`.
#[Object(guard = Declared(self))]
impl CheckoutStartPayload {
    /// The order, awaiting payment at its `checkoutUrl`.
    #[graphql(directive = access::apply(Who::Anyone))]
    async fn order(&self) -> Option<&Order> {
        self.order.as_ref()
    }

    /// The cart as it now is, with its new cost if that changed.
    #[graphql(directive = access::apply(Who::Anyone))]
    async fn cart(&self) -> Option<&Cart> {
        self.cart.as_ref()
    }

    /// Why nothing was changed; empty when all went well.
    #[graphql(directive = access::apply(Who::Anyone))]
    async fn user_errors(&self) -> &[UserError] {
        &self.user_errors
    }
}

payload! {
    /// What came of `orderCancel`.
    OrderCancelPayload {
        /// The order.
        order: Order
    }
}

/// An order to call off.
#[derive(InputObject)]
pub struct OrderCancelInput {
    /// The order.
    order_id: ID,
    /// A key of your choice, 1 to 255 characters, the same for every repeat of this request. It is remembered for 24 hours
    /// once the request was carried out; one that was refused leaves its key free.
    idempotency_key: String,
}

payload! {
    /// What came of `checkoutReturn`.
    CheckoutReturnPayload {
        /// The order, `PAID` if its money is there.
        order: Order
    }
}

/// An order whose buyer came back from its payment page.
#[derive(InputObject)]
pub struct CheckoutReturnInput {
    /// The order.
    order_id: ID,
}

root_part! {
    /// Mutations on orders.
    OrderMutation of "Mutation"
}

#[Object(guard = Declared(self))]
impl OrderMutation {
    /// Makes an order of a cart, at the price that the buyer was shown, and opens a page on which it is paid. The stock is
    /// reserved for half an hour; if nobody pays by then the order expires and the cart is open again. Codes: `NOT_FOUND`,
    /// `INVALID`, `RETURN_URL_NOT_ALLOWED`, `TOTAL_CHANGED`, `CART_ORDERED`, `CART_PAID`, `CART_EMPTY`, `OUT_OF_STOCK`,
    /// `PRODUCT_UNAVAILABLE`, `CURRENCY_MISMATCH`, `CURRENCY_NOT_SUPPORTED`, `EMAIL_MISSING`, `ADDRESS_MISSING`,
    /// `NOT_SHIPPED`, `TOTAL_TOO_SMALL`, `TOTAL_TOO_LARGE`, `PROVIDER_REFUSED`, `IDEMPOTENCY_KEY_REUSED`,
    /// `IDEMPOTENCY_IN_PROGRESS`.
    #[graphql(directive = access::apply(Who::Anyone))]
    async fn checkout_start(
        &self,
        ctx: &Context<'_>,
        input: CheckoutStartInput,
    ) -> Result<CheckoutStartPayload> {
        let (order, user_errors) = match input.parse()? {
            Ok(new) => start(ctx, new, input.idempotency_key).await?,
            Err(error) => (None, vec![error]),
        };
        let cart = cart_node(ctx, &input.cart_id).await?;
        Ok(CheckoutStartPayload {
            order,
            cart,
            user_errors,
        })
    }

    /// Call it on the page to which the buyer comes back from paying: asks Stripe at once whether the order is paid, rather
    /// than waiting for Stripe to tell. May be called any number of times. Codes: `NOT_FOUND`.
    #[graphql(directive = access::apply(Who::Anyone))]
    async fn checkout_return(
        &self,
        ctx: &Context<'_>,
        input: CheckoutReturnInput,
    ) -> Result<CheckoutReturnPayload> {
        answer(ctx, async {
            let id = parse_id(&input.order_id)?;
            Ok(Order(
                checkout::payment_returned(ctx.cx(), ctx.viewer(), id).await?,
            ))
        })
        .await
    }

    /// Calls an order off before anything was shipped. One that awaits payment expires, and its cart is open again; of a
    /// paid one all money goes back. Codes: `NOT_FOUND`, `WRONG_STATE`, `ORDER_DISPUTED`, `IDEMPOTENCY_KEY_REUSED`,
    /// `IDEMPOTENCY_IN_PROGRESS`, `INVALID`.
    #[graphql(directive = access::apply(Who::Anyone))]
    async fn order_cancel(&self, ctx: &Context<'_>, input: OrderCancelInput) -> Result<OrderCancelPayload> {
        answer(ctx, async {
            let (id, key) = (parse_id(&input.order_id)?, input.idempotency_key);
            let cancel = || checkout::cancel_order(ctx.cx(), ctx.viewer(), id, key.clone());
            Ok(Order(persistently(cancel).await?))
        })
        .await
    }
}

/// A refused checkout tells all that stands in its way at once.
async fn start(ctx: &Context<'_>, new: NewCheckout, key: String) -> Result<(Option<Order>, Vec<UserError>)> {
    let start = || checkout::start_checkout(ctx.cx(), ctx.viewer(), new.clone(), key.clone());
    match persistently(start).await {
        Ok(order) => Ok((Some(Order(order)), Vec::new())),
        Err(Failure::Refused(refusal)) => Ok((None, user_errors(refusal))),
        Err(Failure::Fault(error)) => Err(fault(ctx, &error)),
    }
}
