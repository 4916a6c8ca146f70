//! What people, jobs and Stripe's events do to carts and orders.

pub(super) mod cart;
pub(super) mod expire;
pub(super) mod fulfill;
pub(super) mod payment;
pub(super) mod refund;
pub(super) mod start;
