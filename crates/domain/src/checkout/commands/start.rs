//! Turning a cart into an order.
