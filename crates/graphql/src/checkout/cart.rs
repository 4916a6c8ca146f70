//! Carts, as clients see them.
