//! What can be sold: brands, their terms, products, variants, imports.

use crate::kinds::kinds;

pub mod brand;
pub mod import;
pub mod import_note;
pub mod product;
pub mod product_image;
pub mod product_tag;
pub mod product_text;
pub mod shipping_rate;
pub mod terms;
pub mod variant;
pub mod variant_price;

kinds! {
    /// Who bears Stripe's fee on a charge.
    FeeBearer {
        /// The brand, in proportion to its units.
        Brand = "brand",
        /// The platform.
        Platform = "platform",
    }
}

kinds! {
    /// What happens when no piece is left.
    StockPolicy {
        /// It cannot be bought.
        Deny = "deny",
        /// It can be bought all the same.
        Continue = "continue",
    }
}

kinds! {
    /// How far an import is.
    ImportState {
        /// The file is not there yet.
        AwaitingUpload = "awaiting_upload",
        /// The file is there; reading has not begun.
        Queued = "queued",
        /// It is being read.
        Running = "running",
        /// All rows were read; those that failed have notes.
        Done = "done",
        /// The file as a whole was refused.
        Failed = "failed",
    }
}

kinds! {
    /// What an import's note tells.
    NoteKind {
        /// A row, or a part of one, did not land.
        Error = "error",
        /// A product was created or changed.
        Change = "change",
    }
}
