//! Buying: carts, orders, stock reservations, parcels, returns, refunds.

use crate::kinds::kinds;

pub mod cart;
pub mod cart_click;
pub mod cart_contact;
pub mod cart_line;
pub mod charge;
pub mod dispute;
pub mod dispute_note;
pub mod fulfillment;
pub mod order;
pub mod order_contact;
pub mod order_line;
pub mod order_shipping;
pub mod refund;
pub mod refund_unit;
pub mod reservation;
pub mod return_request;
pub mod return_unit;

kinds! {
    /// Whether a cart can still change.
    CartState {
        /// It can.
        Open = "open",
        /// An order came of it.
        Ordered = "ordered",
    }
}

kinds! {
    /// How far an order's payment is.
    OrderState {
        /// The buyer may pay.
        AwaitingPayment = "awaiting_payment",
        /// The charge succeeded.
        Paid = "paid",
        /// It was not paid in time; the cart is open again.
        Expired = "expired",
        /// It was paid, then called off before anything shipped; the money goes back.
        Cancelled = "cancelled",
    }
}

kinds! {
    /// Why a line is credited to a shop, or to none.
    CreditReason {
        /// It was added from a recommendation.
        Recommendation = "recommendation",
        /// The last valid click was on a link to a recommendation.
        ClickRecommendation = "click_recommendation",
        /// The last valid click was on a link to the product.
        ClickProduct = "click_product",
        /// The last valid click was on a link to a shop that recommended a product of the brand.
        ClickShop = "click_shop",
        /// Nobody brought the buyer.
        NoneOrganic = "none_organic",
        /// The product may not be recommended.
        NoneNotPromotable = "none_not_promotable",
        /// The buyer is the shopholder herself and the brand grants no member price.
        NoneOwnShop = "none_own_shop",
        /// A click would have counted, but is older than the window.
        NoneExpired = "none_expired",
        /// No click led to a shop that recommended something of the brand, or to this product.
        NoneElsewhere = "none_elsewhere",
    }
}

kinds! {
    /// Who is the seller for VAT.
    VatSeller {
        /// The brand.
        Brand = "brand",
        /// The platform.
        Platform = "platform",
    }
}

kinds! {
    /// Whether a charge was awaited.
    ChargeKind {
        /// It pays the order.
        Expected = "expected",
        /// A second or late payment, or one of another amount: refunded once, never split.
        Unexpected = "unexpected",
    }
}

kinds! {
    /// What became of reserved stock.
    ReservationState {
        /// It is still promised.
        Held = "held",
        /// The order was paid.
        Sold = "sold",
        /// The order expired.
        Released = "released",
    }
}

kinds! {
    /// How far a return is.
    ReturnState {
        /// The brand has to decide.
        Requested = "requested",
        /// The buyer may send it back; the refund follows.
        Approved = "approved",
        /// The brand refused it.
        Declined = "declined",
        /// The money went back.
        Refunded = "refunded",
    }
}

kinds! {
    /// What a refund gives back.
    RefundKind {
        /// Units of the order.
        Units = "units",
        /// A charge nobody asked for.
        Charge = "charge",
    }
}

kinds! {
    /// How far a refund is.
    RefundState {
        /// Stripe has not confirmed it.
        Pending = "pending",
        /// Stripe gave the money back.
        Succeeded = "succeeded",
        /// Stripe could not.
        Failed = "failed",
    }
}

kinds! {
    /// How far a dispute is.
    DisputeState {
        /// An answer is awaited from us.
        NeedsResponse = "needs_response",
        /// The buyer's bank looks at our answer.
        UnderReview = "under_review",
        /// The bank decided for us.
        Won = "won",
        /// The bank decided for the buyer.
        Lost = "lost",
        /// It came to nothing: an inquiry that no dispute followed, or a dispute prevented.
        Dropped = "dropped",
    }
}
