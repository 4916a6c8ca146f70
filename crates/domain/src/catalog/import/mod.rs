//! Imports of Shopify product files (CSV).
//!
//! A file is read twice. The first reading, the *survey*, lands nothing: it sees that the file is CSV throughout, within
//! all limits, and has the headings needed; a file that is not is refused as a whole. It also finds the products whose
//! rows do not stand together. The second reading lands the products, a few hundred rows in a transaction: rows that
//! cannot be understood become notes, all others land. The rows of a product that do not stand together are kept until
//! its last one was read and then treated as if they had stood together where the first one stood; how much may be kept
//! is limited, and a file beyond it is refused by the survey.
//!
//! Reading is blocking work on a thread of its own; it hands batches over through a short channel, so that memory stays
//! bounded whatever the file.
//!
//! Landing compares with what is there: what is the same is not written. A column that the file does not have leaves what
//! it would say untouched. Variants no longer in the file become inactive, unless a row of their product could not be
//! understood: it might have been theirs.

mod columns;
mod compare;
mod draft;
mod guard;
mod land;
mod reader;
mod run;
#[cfg(test)]
mod tests;
mod weigh;

pub(crate) use run::run_import;
pub use run::{FileOpener, Progress, import_file};
