//! What can be sold: brands, their terms, products, variants, imports.

use vitrine_model::id::ImportId;

use crate::context::Context;

pub(crate) async fn run_import(_cx: &Context, _import: ImportId) -> anyhow::Result<()> {
    todo!()
}
