//! What a buyer can do with a cart.
