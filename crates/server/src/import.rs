//! `vitrine import --brand HANDLE FILE`: a product file from the command line, with a progress bar.

use std::fs::File;
use std::io::Read;
use std::path::Path;
use std::slice::from_ref;

use anyhow::Context as _;
use indicatif::{ProgressBar, ProgressStyle};
use vitrine_domain::catalog::{self, Progress, Refusal};
use vitrine_domain::context::Context;
use vitrine_domain::failure::Failure;
use vitrine_domain::list::{CountOf, MAX_COUNT, PageOf};
use vitrine_domain::page::Page;
use vitrine_model::catalog::{ImportState, NoteKind, import};
use vitrine_model::text::{Handle, Label};

use crate::boot::Vitrine;
use crate::cli::print;
use crate::config::Config;
use crate::database;

/// How many errors and changes are printed; the rest can be read through the API.
const SHOWN: u64 = 20;

/// Imports `file` into the catalogue of the brand with this handle.
pub(crate) async fn run(config: &Config, brand: &Handle, file: &Path) -> anyhow::Result<()> {
    database::ready(&config.database_url()).await?;
    let app = Vitrine::without_payments(config).await?;
    let cx = app.context("cli");
    let found = catalog::brand_by_handle(cx.db(), brand).await?;
    let found = found.with_context(|| format!("there is no brand with the handle {brand}"))?;
    let size = file
        .metadata()
        .with_context(|| format!("cannot read {}", file.display()))?;
    let most = config.import_max_bytes;
    anyhow::ensure!(
        size.len() <= most,
        "nothing was imported: the file is of {} bytes, and {most} are the most: split it, or set VITRINE_IMPORT_MAX_BYTES",
        size.len()
    );
    let open = || File::open(file).map(|file| Box::new(file) as Box<dyn Read + Send>);
    let bar = bar();
    let mut shown = |progress: &Progress| show(&bar, progress);
    let outcome = catalog::import_file(&cx, found.id, name(file)?, &open, &mut shown).await;
    bar.finish_and_clear();
    match outcome {
        Ok(import) => report(&cx, &import).await,
        Err(Failure::Refused(Refusal::PricesExcludeTax)) => {
            anyhow::bail!("the prices of {brand} exclude tax: such catalogues cannot be imported yet")
        }
        Err(Failure::Refused(refusal)) => anyhow::bail!("refused: {refusal:?}"),
        Err(Failure::Fault(error)) => Err(error.context(format!("cannot import {}", file.display()))),
    }
}

/// What the file is called, without its folder.
fn name(file: &Path) -> anyhow::Result<Label> {
    let name = file.file_name().unwrap_or(file.as_os_str()).to_string_lossy();
    name.parse().with_context(|| format!("a strange name: {name}"))
}

fn bar() -> ProgressBar {
    let bar = ProgressBar::new(0);
    let template = "{bar:40} {percent:>3} %  {msg} rows, {bytes} of {total_bytes}, {eta} to go";
    // A template that does not parse would be a slip in the line above: then the bar looks plain.
    bar.with_style(ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar()))
}

fn show(bar: &ProgressBar, progress: &Progress) {
    bar.set_length(u64::try_from(progress.bytes_total).unwrap_or(0));
    bar.set_position(u64::try_from(progress.bytes_done).unwrap_or(0));
    bar.set_message(progress.rows.to_string());
}

async fn report(cx: &Context, import: &import::Model) -> anyhow::Result<()> {
    if import.state == ImportState::Failed {
        anyhow::bail!(
            "nothing was imported: {}",
            import.failure.as_deref().unwrap_or("the file was refused")
        );
    }
    print(&format!(
        "{} rows: {} products created, {} updated, {} unchanged; {} rows failed\n",
        import.rows_read,
        import.products_created,
        import.products_updated,
        import.products_unchanged,
        import.rows_failed
    ))?;
    for kind in [NoteKind::Error, NoteKind::Change] {
        let notes = catalog::import_notes(import.id, kind);
        let count = notes.count(cx.backend());
        let page = notes.page(cx.backend(), &Page::first(SHOWN));
        let total = CountOf::read(cx.db(), from_ref(&count)).await?.remove(&count);
        let shown = PageOf::read(cx.db(), from_ref(&page)).await?.remove(&page);
        let shown = shown.map(|slice| slice.rows).unwrap_or_default();
        for note in &shown {
            let column = note.column_name.as_ref().map(|name| format!(", {name}"));
            let handle = note.handle.as_ref().map(|handle| format!(" ({handle})"));
            let (line, column, handle) = (note.line, column.unwrap_or_default(), handle.unwrap_or_default());
            print(&format!(
                "{kind}: line {line}{column}{handle}: {}\n",
                note.message
            ))?;
        }
        let total = total.unwrap_or(0);
        let more = total - i64::try_from(shown.len())?;
        if more > 0 {
            // Beyond what is counted, the last note has the number.
            let least = if total.unsigned_abs() < MAX_COUNT {
                ""
            } else {
                "at least "
            };
            print(&format!(
                "… and {least}{more} more; productImport(id: \"{}\") has them\n",
                import.id
            ))?;
        }
    }
    Ok(())
}
