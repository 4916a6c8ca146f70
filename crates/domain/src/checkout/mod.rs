//! Buying: cart, checkout, order, fulfilment, return, refund.
//!
//! Invariants: a cart becomes one order that lives, at most; an order's lines, prices and terms never change once it is
//! made; who is credited for a line is what the cart showed; stock is promised when checkout starts and the promise ends exactly once, sold or released; an order is paid by
//! one charge at most, of exactly its amount, and every other charge goes back to the buyer once; personal data stands in
//! the contact rows only.
//!
//! ```text
//! cart:   Open ── checkout starts ──▶ Ordered
//!           ▲─── the order expires ──────┘
//!
//! order:  AwaitingPayment ── charge ──▶ Paid ── called off before shipping ──▶ Cancelled
//!            └── Stripe closed the page, or the money never came ──▶ Expired
//! ```
//!
//! How a dispute goes is told in `commands/dispute.rs`.

mod after_sale;
mod commands;
mod queries;
mod refusal;
mod rules;
mod units;

pub use after_sale::{
    DisputePlace, Holding, OrderNamed, all_disputes, brand_orders, dispute, dispute_notes_of, disputes_of,
    fulfillment, fulfillments_of, order_of_brand, refund, refund_units_of, refunds_of, return_request,
    return_units_of, returns_of,
};
pub(crate) use commands::again::refund_again;
pub use commands::cart::{
    Address, CartChanged, NewCart, NewLine, Warning, add_lines, create_cart, remove_lines, update_buyer,
    update_delivery_address, update_lines,
};
pub use commands::click::add_click;
pub(crate) use commands::dispute::{dispute_accepted, dispute_changed, settle_dispute};
pub(crate) use commands::evidence::evidence_told;
pub use commands::evidence::{PLATFORM, accept_dispute, note_evidence, submit_evidence};
pub use commands::expire::cancel_order;
pub(crate) use commands::expire::{expire_order, session_expired};
pub(crate) use commands::forget::{
    forget_carts_of, forget_orders, lock, open_among, orders_by_account, sweep_carts, sweep_contacts,
};
pub use commands::fulfill::{NewFulfillment, create_fulfillment, mark_delivered};
pub use commands::payment::payment_returned;
pub(crate) use commands::payment::{charge_changed, session_changed, session_opened, settle_charge};
pub use commands::refund::{NewRefund, refund_lines};
pub use commands::returns::{Approval, NewReturn, approve_return, decline_return, request_return};
pub(crate) use commands::settle::{refund_changed, refund_made, settle_refund};
pub use commands::start::{NewCheckout, start_checkout};
pub use queries::{
    ByAge, cart, contacts_of, is_buyer, lines_of, open_cart_of, order, orders_by_id, orders_of, shipping_of,
};
pub use refusal::{
    DisputeRefusal, FulfillmentRefusal, LineRefusal, Problem, RefundRefusal, Refusal, ReturnRefusal,
};
pub use rules::{
    MAX_LINES, MAX_QUANTITY, PaymentStatus, PricedCart, PricedLine, PricedShipping, ReturnStatus, Totals,
    order_vat, owns_cart, payment_status, return_status,
};
pub use units::{FulfillmentState, LineQuantity, UnitState, fulfillment_state, state_of};
