//! Running an import: survey, read, land, keep count.

use std::io::{self, Read};

use anyhow::Context as _;
use chrono::TimeDelta;
use sea_orm::ActiveValue::Set;
use sea_orm::sea_query::{Expr, LockType};
use sea_orm::{
    ActiveModelTrait, ColumnTrait, Condition, DbErr, EntityTrait, IntoActiveModel, QueryFilter, QuerySelect,
};
use tokio::sync::mpsc;
use tokio::task::spawn_blocking;
use vitrine_model::catalog::{ImportState, NoteKind, brand, import, import_note};
use vitrine_model::id::{BrandId, ImportId};
use vitrine_model::text::Label;

use crate::catalog::commands::imports::{actor, blank};
use crate::catalog::import::draft::RowError;
use crate::catalog::import::guard::{Problem, Unclosed};
use crate::catalog::import::land::{Change, land};
use crate::catalog::import::reader::{Batch, ReadError, Survey, read, survey};
use crate::catalog::refusal::Refusal;
use crate::context::{Context, Tx};
use crate::event;
use crate::failure::{Failure, OrRefuse, refuse};

/// How long a worker that falls silent keeps an import.
const LEASE: TimeDelta = TimeDelta::minutes(2);
/// Most notes of one kind kept.
const MAX_NOTES: i64 = 10_000;
/// Batches read ahead.
const AHEAD: usize = 2;
/// Notes of one statement.
const CHUNK: usize = 500;

/// A file, opened for reading.
type File = Box<dyn Read + Send>;
/// Opens the file anew: it is read twice.
pub type FileOpener<'a> = &'a (dyn Fn() -> io::Result<File> + Sync);

/// How far an import is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress {
    /// Bytes read.
    pub bytes_done: i64,
    /// Bytes of the file.
    pub bytes_total: i64,
    /// Rows read.
    pub rows: i64,
}

/// Reads the uploaded file of an import and lands its products. Done again after a crash it starts over: what landed
/// before is found unchanged then.
pub(crate) async fn run_import(cx: &Context, id: ImportId) -> anyhow::Result<()> {
    let Some(import) = claim(cx, id).await? else {
        return Ok(());
    };
    let key = id.to_string();
    let first = cx.platform().files.open(&key).await?;
    let second = cx.platform().files.open(&key).await?;
    let mut silent = |_: &Progress| {};
    run(cx, import, first, second, &mut silent).await?;
    cx.platform().files.remove(&key).await
}

/// Imports a file from the command line and says how far it is. The outcome is in the row returned: `Done`, or `Failed`
/// with the reason.
///
/// # Errors
/// `PricesExcludeTax`, `Staff(BrandNotFound)`; a fault when the file cannot be read.
pub async fn import_file(
    cx: &Context,
    brand: BrandId,
    file_name: Label,
    open: FileOpener<'_>,
    progress: &mut (dyn FnMut(&Progress) + Send),
) -> Result<import::Model, Failure<Refusal>> {
    let row = brand::Entity::find_by_id(brand).one(cx.db()).await?;
    let row = row.or_refuse(Refusal::Staff(crate::identity::Refusal::BrandNotFound))?;
    if !row.prices_include_tax {
        return refuse(Refusal::PricesExcludeTax);
    }
    let (first, second) = (open()?, open()?);
    let new = import::ActiveModel {
        started_at: Set(Some(cx.now())),
        leased_until: Set(Some(cx.now() + LEASE)),
        ..blank(cx, brand, None, file_name, ImportState::Running)
    };
    let import = new.insert(cx.db()).await?;
    Ok(run(cx, import, first, second, progress).await?)
}

/// Takes the import for this worker; `None` when it is finished already.
async fn claim(cx: &Context, id: ImportId) -> anyhow::Result<Option<import::Model>> {
    let now = cx.now();
    let abandoned = Condition::all()
        .add(import::Column::State.eq(ImportState::Running))
        .add(import::Column::LeasedUntil.lte(now));
    let free = Condition::any()
        .add(import::Column::State.eq(ImportState::Queued))
        .add(abandoned);
    let tx = cx.begin().await?;
    let claimed = import::Entity::update_many()
        .col_expr(import::Column::State, Expr::value(ImportState::Running))
        .col_expr(import::Column::StartedAt, Expr::value(now))
        .col_expr(import::Column::LeasedUntil, Expr::value(now + LEASE))
        .filter(import::Column::Id.eq(id))
        .filter(free)
        .exec_with_returning(&tx)
        .await?;
    let Some(claimed) = claimed.into_iter().next() else {
        let import = import::Entity::find_by_id(id).one(&tx).await?;
        let running = import.is_some_and(|import| import.state == ImportState::Running);
        anyhow::ensure!(!running, "{id} is being read by another worker");
        return Ok(None);
    };
    import_note::Entity::delete_many()
        .filter(import_note::Column::ImportId.eq(id))
        .exec(&tx)
        .await?;
    tx.commit().await?;
    Ok(Some(claimed))
}

async fn run(
    cx: &Context,
    import: import::Model,
    first: File,
    second: File,
    progress: &mut (dyn FnMut(&Progress) + Send),
) -> anyhow::Result<import::Model> {
    let mut run = Run::of(import);
    let brand = brand::Entity::find_by_id(run.import.brand_id)
        .one(cx.db())
        .await?;
    let brand = brand.context("an import without a brand")?;
    if !brand.prices_include_tax {
        let why = Problem("the brand's prices exclude tax: such files cannot be imported yet".to_owned());
        return run.fail(cx, why).await;
    }
    let most = cx.settings().import_max_bytes;
    let surveyed = spawn_blocking(move || survey(first, most)).await?;
    let survey = match surveyed {
        Ok(survey) => survey,
        Err(ReadError::Problem(problem)) => return run.fail(cx, problem).await,
        Err(error) => return Err(error.into()),
    };
    run.import.bytes_total = i64::try_from(survey.bytes)?;
    if let Some(unclosed) = survey.unclosed {
        run.note_unclosed(cx, unclosed).await?;
    }
    match run.land_all(cx, &brand, second, survey, progress).await? {
        Ok(()) => run.finish(cx).await,
        Err(problem) => run.fail(cx, problem).await,
    }
}

/// An import under way.
struct Run {
    import: import::Model,
    /// The number of the last note.
    seq: i64,
    errors: Kept,
    changes: Kept,
}

/// Notes of one kind.
#[derive(Default)]
struct Kept {
    /// How many were written.
    written: i64,
    /// How many were left out after those.
    left_out: i64,
    /// Where the first left out stands in the file.
    line: i64,
}

impl Kept {
    /// Whether one more note, on this line of the file, is to be written.
    fn takes(&mut self, line: i64) -> bool {
        if self.written < MAX_NOTES {
            self.written += 1;
            return true;
        }
        if self.left_out == 0 {
            self.line = line;
        }
        self.left_out += 1;
        false
    }
}

impl Run {
    fn of(import: import::Model) -> Self {
        let import = import::Model {
            bytes_done: 0,
            rows_read: 0,
            products_created: 0,
            products_updated: 0,
            products_unchanged: 0,
            rows_failed: 0,
            ..import
        };
        Self {
            import,
            seq: 0,
            errors: Kept::default(),
            changes: Kept::default(),
        }
    }

    /// Reads the file a second time, on a thread of its own, and lands it batch by batch.
    async fn land_all(
        &mut self,
        cx: &Context,
        brand: &brand::Model,
        file: File,
        survey: Survey,
        progress: &mut (dyn FnMut(&Progress) + Send),
    ) -> anyhow::Result<Result<(), Problem>> {
        let (to, mut batches) = mpsc::channel(AHEAD);
        let (most, currency) = (cx.settings().import_max_bytes, brand.currency);
        let reading = spawn_blocking(move || read(file, most, currency, survey, &to));
        while let Some(batch) = batches.recv().await {
            self.land(cx, batch).await?;
            progress(&Progress {
                bytes_done: self.import.bytes_done,
                bytes_total: self.import.bytes_total,
                rows: self.import.rows_read,
            });
        }
        match reading.await? {
            Ok(()) => Ok(Ok(())),
            Err(ReadError::Problem(problem)) => Ok(Err(problem)),
            Err(error) => Err(error.into()),
        }
    }

    /// Says before all else that the file cannot be read to its end.
    async fn note_unclosed(&mut self, cx: &Context, unclosed: Unclosed) -> anyhow::Result<()> {
        let error = RowError {
            line: i64::try_from(unclosed.line)?,
            column: None,
            handle: None,
            message: unclosed.to_string(),
        };
        self.import.rows_read += 1;
        self.import.rows_failed += 1;
        let tx = cx.begin().await?;
        self.note(&tx, vec![error], Vec::new()).await?;
        self.store(&tx).await?;
        tx.commit().await?;
        Ok(())
    }

    /// Lands one batch, its notes and the count in one transaction.
    async fn land(&mut self, cx: &Context, batch: Batch) -> anyhow::Result<()> {
        let tx = cx.begin().await?;
        // One import at a time lands products of a brand; the lock leaves those alone who only refer to the brand.
        let brand = brand::Entity::find_by_id(self.import.brand_id)
            .lock(LockType::NoKeyUpdate)
            .one(&tx)
            .await?;
        let brand = brand.context("an import without a brand")?;
        let landed = land(&tx, cx, &brand, batch.drafts).await?;
        let mut errors = batch.errors;
        errors.extend(landed.errors);
        errors.sort_by_key(|error| error.line);
        self.import.bytes_done = i64::try_from(batch.bytes)?;
        self.import.rows_read += batch.rows;
        self.import.rows_failed += i64::try_from(errors.chunk_by(|a, b| a.line == b.line).count())?;
        self.import.products_created += landed.created;
        self.import.products_updated += landed.updated;
        self.import.products_unchanged += landed.unchanged;
        self.import.leased_until = Some(cx.now() + LEASE);
        self.note(&tx, errors, landed.changes).await?;
        self.store(&tx).await?;
        tx.commit().await?;
        Ok(())
    }

    async fn note(&mut self, tx: &Tx, errors: Vec<RowError>, changes: Vec<Change>) -> Result<(), DbErr> {
        let mut notes = Vec::new();
        for error in errors {
            if self.errors.takes(error.line) {
                let row = self.numbered(NoteKind::Error, error.line, error.handle, error.message);
                notes.push(import_note::Model {
                    column_name: error.column,
                    ..row
                });
            }
        }
        for change in changes {
            if self.changes.takes(change.line) {
                let row = self.numbered(NoteKind::Change, change.line, Some(change.handle), change.message);
                notes.push(import_note::Model {
                    column_name: change.column,
                    ..row
                });
            }
        }
        for chunk in notes.chunks(CHUNK) {
            let rows = chunk.iter().cloned().map(IntoActiveModel::into_active_model);
            import_note::Entity::insert_many(rows)
                .exec_without_returning(tx)
                .await?;
        }
        Ok(())
    }

    fn numbered(
        &mut self,
        kind: NoteKind,
        line: i64,
        handle: Option<String>,
        message: String,
    ) -> import_note::Model {
        self.seq += 1;
        import_note::Model {
            import_id: self.import.id,
            seq: self.seq,
            kind,
            line,
            column_name: None,
            handle,
            message,
        }
    }

    async fn store(&self, tx: &Tx) -> Result<(), DbErr> {
        let row = self.import.clone().into_active_model().reset_all();
        row.update(tx).await?;
        Ok(())
    }

    async fn finish(mut self, cx: &Context) -> anyhow::Result<import::Model> {
        self.import.state = ImportState::Done;
        self.import.bytes_done = self.import.bytes_total;
        self.end(cx, "import.done").await
    }

    /// Says at the end of the notes how many there would be more.
    async fn note_what_was_left_out(&mut self, tx: &Tx) -> Result<(), DbErr> {
        for kind in [NoteKind::Error, NoteKind::Change] {
            let kept = match kind {
                NoteKind::Error => &self.errors,
                NoteKind::Change => &self.changes,
            };
            let (count, line) = (kept.left_out, kept.line);
            if count > 0 {
                let message = format!("and {count} more from this line on, which are not listed");
                let note = self.numbered(kind, line, None, message);
                note.into_active_model().insert(tx).await?;
            }
        }
        Ok(())
    }

    async fn fail(mut self, cx: &Context, why: Problem) -> anyhow::Result<import::Model> {
        self.import.state = ImportState::Failed;
        self.import.failure = Some(why.0);
        self.end(cx, "import.failed").await
    }

    async fn end(mut self, cx: &Context, kind: &str) -> anyhow::Result<import::Model> {
        self.import.finished_at = Some(cx.now());
        self.import.leased_until = None;
        let tx = cx.begin().await?;
        self.note_what_was_left_out(&tx).await?;
        self.store(&tx).await?;
        event::record(&tx, cx, actor(&self.import), kind, self.import.id, &[]).await?;
        tx.commit().await?;
        Ok(self.import)
    }
}
