//! What people can do to brands, products, variants and imports.

pub(super) mod brands;
pub(super) mod create;
pub(super) mod imports;
pub(super) mod products;
