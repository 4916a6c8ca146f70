//! Imports asked for through the API: the file comes by an upload of its own, then a job reads it.

use chrono::TimeDelta;
use sea_orm::ActiveValue::{NotSet, Set};
use sea_orm::sea_query::Expr;
use sea_orm::{ActiveModelTrait, ColumnTrait, Condition, DbErr, EntityTrait, QueryFilter};
use secrecy::{ExposeSecret, SecretString};
use vitrine_model::catalog::{ImportState, import};
use vitrine_model::id::{BrandId, ImportId};
use vitrine_model::identity::Role;
use vitrine_model::text::Label;

use crate::catalog::commands::brands::managed;
use crate::catalog::refusal::Refusal;
use crate::context::{Context, Tx};
use crate::event::{self, Actor};
use crate::failure::{Failure, OrRefuse, refuse};
use crate::identity::By;
use crate::jobs::{self, Job};
use crate::secret;

/// How long an import awaits its file.
const UPLOAD_WITHIN: TimeDelta = TimeDelta::days(1);
/// What follows the import's id in the key of a file that is not there whole yet.
pub const UPLOAD_UNDER_WAY: &str = "_part_";

/// A file to come.
#[derive(Debug, Clone)]
pub struct NewImport {
    /// Whose products.
    pub brand: BrandId,
    /// What the file is called.
    pub file_name: Label,
}

/// An import that awaits its file.
#[derive(Debug, Clone)]
pub struct NewUpload {
    /// The import.
    pub import: import::Model,
    /// Where to PUT the file, until it was received whole. It holds a secret.
    pub url: SecretString,
}

/// Asks for an import. The file is then sent to the address returned.
///
/// # Errors
/// Those of [`crate::identity::staff_of`] for a manager, `PricesExcludeTax`.
pub async fn create_import(cx: &Context, by: By, new: NewImport) -> Result<NewUpload, Failure<Refusal>> {
    let tx = cx.begin().await?;
    let brand = managed(&tx, by, new.brand, Role::Manager).await?;
    if !brand.prices_include_tax {
        return refuse(Refusal::PricesExcludeTax);
    }
    let token = secret::new_secret(cx, "vu_");
    let row = import::ActiveModel {
        upload_secret_hash: Set(Some(secret::hash_secret(&token))),
        ..blank(cx, brand.id, Some(by), new.file_name, ImportState::AwaitingUpload)
    };
    let import = row.insert(&tx).await?;
    event::record(&tx, cx, by.actor(), "import.created", import.id, &[]).await?;
    tx.commit().await?;
    let (base, token) = (&cx.settings().public_url, token.expose_secret());
    let url = format!("{base}/uploads/{}?token={token}", import.id).into();
    Ok(NewUpload { import, url })
}

/// Whether the import awaits a file at the address with this secret. The secret is spent only when a file is there,
/// complete: whoever loses the connection may send the file again.
///
/// # Errors
/// `ImportNotFound` for an unknown import, a wrong secret, or a file that came before.
pub async fn awaits_upload(cx: &Context, id: ImportId, token: &SecretString) -> Result<(), Failure<Refusal>> {
    let found = import::Entity::find()
        .filter(awaiting(id, token))
        .one(cx.db())
        .await?;
    found.or_refuse(Refusal::ImportNotFound)?;
    Ok(())
}

fn awaiting(id: ImportId, token: &SecretString) -> Condition {
    Condition::all()
        .add(import::Column::Id.eq(id))
        .add(import::Column::State.eq(ImportState::AwaitingUpload))
        .add(import::Column::UploadSecretHash.eq(secret::hash_secret(token)))
}

/// The file is there, complete: a job will read it. `keep` puts the file into its place; it is called once it is certain
/// that no other upload was first.
///
/// # Errors
/// `ImportNotFound` when the import awaits no file at this address any more; a fault when `keep` fails.
pub async fn upload_finished(
    cx: &Context,
    id: ImportId,
    token: &SecretString,
    bytes: u64,
    keep: impl FnOnce() -> std::io::Result<()>,
) -> Result<import::Model, Failure<Refusal>> {
    let tx = cx.begin().await?;
    let bytes = i64::try_from(bytes)?;
    let queued = import::Entity::update_many()
        .col_expr(import::Column::State, Expr::value(ImportState::Queued))
        .col_expr(import::Column::UploadSecretHash, Expr::value(None::<Vec<u8>>))
        .col_expr(import::Column::BytesTotal, Expr::value(bytes))
        .filter(awaiting(id, token))
        .exec_with_returning(&tx)
        .await?;
    let import = queued.into_iter().next().or_refuse(Refusal::ImportNotFound)?;
    let job = Job::ImportRun {
        import: id.to_string(),
    };
    jobs::enqueue(&tx, cx, &job, cx.now(), None).await?;
    event::record(&tx, cx, actor(&import), "import.uploaded", id, &[]).await?;
    keep()?;
    tx.commit().await?;
    Ok(import)
}

/// The file outgrew the limit: the import has failed.
///
/// # Errors
/// `ImportNotFound` when the import awaits no file at this address any more.
pub async fn upload_too_large(
    cx: &Context,
    id: ImportId,
    token: &SecretString,
) -> Result<(), Failure<Refusal>> {
    let tx = cx.begin().await?;
    let most = cx.settings().import_max_bytes;
    let failed = give_up(
        &tx,
        cx,
        awaiting(id, token),
        &format!("the file is larger than {most} bytes"),
    )
    .await?;
    if failed == 0 {
        return refuse(Refusal::ImportNotFound);
    }
    tx.commit().await?;
    Ok(())
}

/// Gives up the imports whose file did not come within a day, and removes the files that nobody will read: what a crash
/// left of uploads, and of imports.
///
/// # Errors
/// When the database or the folder fails.
pub(crate) async fn sweep_uploads(cx: &Context) -> anyhow::Result<()> {
    let tx = cx.begin().await?;
    let forgotten = Condition::all()
        .add(import::Column::State.eq(ImportState::AwaitingUpload))
        .add(import::Column::CreatedAt.lte(cx.now() - UPLOAD_WITHIN));
    give_up(
        &tx,
        cx,
        forgotten,
        "no file came within a day: ask for another import",
    )
    .await?;
    tx.commit().await?;
    let files = &cx.platform().files;
    for key in files.keys().await? {
        // An upload under way is kept under its import's id and more.
        let import = key.split(UPLOAD_UNDER_WAY).next().unwrap_or_default();
        let Ok(id) = import.parse::<ImportId>() else {
            continue;
        };
        let import = import::Entity::find_by_id(id).one(cx.db()).await?;
        let needed = import.is_some_and(|import| {
            use ImportState::{AwaitingUpload, Queued, Running};
            matches!(import.state, AwaitingUpload | Queued | Running)
        });
        if !needed {
            files.remove(&key).await?;
        }
    }
    Ok(())
}

/// Ends the imports that await a file and will not get one; how many.
async fn give_up(tx: &Tx, cx: &Context, which: Condition, why: &str) -> Result<usize, DbErr> {
    let failed = import::Entity::update_many()
        .col_expr(import::Column::State, Expr::value(ImportState::Failed))
        .col_expr(import::Column::UploadSecretHash, Expr::value(None::<Vec<u8>>))
        .col_expr(import::Column::Failure, Expr::value(why))
        .col_expr(import::Column::FinishedAt, Expr::value(cx.now()))
        .filter(which)
        .exec_with_returning(tx)
        .await?;
    for import in &failed {
        event::record(tx, cx, Actor::System, "import.failed", import.id, &[]).await?;
    }
    Ok(failed.len())
}

/// An import of which nothing is known yet.
pub(in crate::catalog) fn blank(
    cx: &Context,
    brand: BrandId,
    by: Option<By>,
    file_name: Label,
    state: ImportState,
) -> import::ActiveModel {
    import::ActiveModel {
        id: Set(cx.new_id()),
        brand_id: Set(brand),
        account_id: Set(by.and_then(By::account)),
        api_key_id: Set(by.and_then(By::api_key)),
        file_name: Set(file_name),
        state: Set(state),
        upload_secret_hash: NotSet,
        bytes_total: Set(0),
        bytes_done: Set(0),
        rows_read: Set(0),
        products_created: Set(0),
        products_updated: Set(0),
        products_unchanged: Set(0),
        rows_failed: Set(0),
        failure: NotSet,
        created_at: Set(cx.now()),
        started_at: NotSet,
        leased_until: NotSet,
        finished_at: NotSet,
    }
}

/// Who is behind an import: an account, the brand's key, or the operator at the command line.
pub(in crate::catalog) fn actor(import: &import::Model) -> Actor {
    let key = import.api_key_id.map(|id| Actor::ApiKey {
        id,
        brand: import.brand_id,
    });
    let account = import.account_id.map(Actor::Account);
    account.or(key).unwrap_or(Actor::Operator)
}
