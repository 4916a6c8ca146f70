//! Stripe's resources, one module each: what their operations do to the state.

pub(crate) mod account;
pub(crate) mod account_link;
pub(crate) mod balance;
pub(crate) mod charge;
pub(crate) mod checkout_session;
pub(crate) mod coupon;
pub(crate) mod dispute;
pub(crate) mod event;
pub(crate) mod late_payment;
pub(crate) mod payment_intent;
pub(crate) mod payment_method;
pub(crate) mod payout;
pub(crate) mod price;
pub(crate) mod promotion_code;
pub(crate) mod refund;
pub(crate) mod transfer;
pub(crate) mod transfer_reversal;
pub(crate) mod webhook_endpoint;
