//! What can be sold: brands, their terms, products, variants, stock, imports.
//!
//! Invariants: a handle is one brand's for ever, a product's handle is unique within its brand; a brand sells in one
//! currency, and so do its products; terms are never changed, only followed by others, and a lower commission is
//! announced before it applies; a variant once made is never deleted, only made inactive; every list price it ever had
//! is on record; under the `deny` policy nothing is reserved that is not there, so that the last piece is sold once.
//!
//! ```text
//! import:  AwaitingUpload ──▶ Queued ──▶ Running ──▶ Done
//!                                │          └──────▶ Failed (the file as a whole was refused; nothing of it landed)
//!                                └─────────────────▶ Failed
//! stock:   free ── reserve ──▶ reserved ── consume ──▶ sold ── restock ──▶ free
//!            ▲                     └────── release ──────┐
//!            └───────────────────────────────────────────┘
//! ```

mod commands;
mod facets;
mod html;
mod import;
mod listing;
mod queries;
mod refusal;
mod rules;
mod stock;

pub use commands::brands::{
    BrandChange, NewBrand, change_terms, create_brand, set_fee_bearer, set_shipping_rate, update_brand,
};
pub use commands::create::{NewImage, NewProduct, NewVariant, create_product};
pub(crate) use commands::imports::sweep_uploads;
pub use commands::imports::{
    NewImport, NewUpload, UPLOAD_UNDER_WAY, awaits_upload, create_import, upload_finished, upload_too_large,
};
pub use commands::products::{
    MAX_DESCRIPTION, MAX_TAGS, ProductChange, StockCount, VariantChange, set_stock, update_product,
    update_variant,
};
pub use facets::{Facet, FacetCount, FacetValue, MAX_VALUES, product_facets};
pub use html::Tangled;
pub(crate) use import::run_import;
pub use import::{FileOpener, Progress, import_file};
pub use listing::{ProductFilter, ProductOrder, ProductPlace, brands, product_count, products};
pub use queries::{
    ByRequest, LowestPrice, announced_terms, brand_by_handle, brands_by_id, images_by_id, images_of,
    import_notes, imports_by_id, imports_of, lowest_prices, product_by_handle, products_by_id,
    shipping_rates, shipping_rates_of, tags_of, terms_at, terms_history, texts_of, variants_by_id,
    variants_of,
};
pub use refusal::{Misshapen, Refusal};
pub use rules::{TermsChange, commission, is_promotable, own_commission, pieces_left, vat_rate};
pub use stock::{
    OutOfStock, Piece, Reserved, consume_stock, release_stock, reserve_stock, restock, take_again,
};
