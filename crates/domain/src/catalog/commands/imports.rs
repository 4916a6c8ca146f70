//! Imports asked for through the API: the file comes by an upload of its own, then a job reads it.

use sea_orm::ActiveValue::{NotSet, Set};
use sea_orm::sea_query::Expr;
use sea_orm::{ActiveModelTrait, ColumnTrait, EntityTrait, QueryFilter};
use secrecy::{ExposeSecret, SecretString};
use vitrine_model::catalog::{ImportState, import};
use vitrine_model::id::{AccountId, BrandId, ImportId};
use vitrine_model::identity::{Role, account};
use vitrine_model::text::Label;

use crate::catalog::commands::brands::managed;
use crate::catalog::refusal::Refusal;
use crate::context::Context;
use crate::event::{self, Actor};
use crate::failure::{Failure, OrRefuse, refuse};
use crate::jobs::{self, Job};
use crate::secret;

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
    /// Where to PUT the file, once. It holds a secret.
    pub url: SecretString,
}

/// Asks for an import. The file is then sent to the address returned.
///
/// # Errors
/// Those of [`crate::identity::staff_of`] for a manager, `PricesExcludeTax`.
pub async fn create_import(
    cx: &Context,
    by: &account::Model,
    new: NewImport,
) -> Result<NewUpload, Failure<Refusal>> {
    let tx = cx.begin().await?;
    let brand = managed(&tx, by, new.brand, Role::Manager).await?;
    if !brand.prices_include_tax {
        return refuse(Refusal::PricesExcludeTax);
    }
    let token = secret::new_secret(cx, "vu_");
    let row = import::ActiveModel {
        upload_secret_hash: Set(Some(secret::hash_secret(&token))),
        ..blank(
            cx,
            brand.id,
            Some(by.id),
            new.file_name,
            ImportState::AwaitingUpload,
        )
    };
    let import = row.insert(&tx).await?;
    event::record(&tx, cx, Actor::Account(by.id), "import.created", import.id, &[]).await?;
    tx.commit().await?;
    let (base, token) = (&cx.settings().public_url, token.expose_secret());
    let url = format!("{base}/uploads/{}?token={token}", import.id).into();
    Ok(NewUpload { import, url })
}

/// Takes the one-time secret of an upload address: the caller alone may store the file now, under the import's id. It ends
/// with [`upload_finished`], [`upload_too_large`], or [`upload_broken_off`], which gives the secret back.
///
/// # Errors
/// `ImportNotFound` for an unknown import, a wrong secret, or one taken before.
pub async fn accept_upload(
    cx: &Context,
    id: ImportId,
    token: &SecretString,
) -> Result<import::Model, Failure<Refusal>> {
    let taken = import::Entity::update_many()
        .col_expr(import::Column::UploadSecretHash, Expr::value(None::<Vec<u8>>))
        .filter(import::Column::Id.eq(id))
        .filter(import::Column::State.eq(ImportState::AwaitingUpload))
        .filter(import::Column::UploadSecretHash.eq(secret::hash_secret(token)))
        .exec_with_returning(cx.db())
        .await?;
    taken.into_iter().next().or_refuse(Refusal::ImportNotFound)
}

/// The file is there, complete: a job will read it.
///
/// # Errors
/// `ImportNotFound` when the import awaits no file.
pub async fn upload_finished(
    cx: &Context,
    id: ImportId,
    bytes: u64,
) -> Result<import::Model, Failure<Refusal>> {
    let tx = cx.begin().await?;
    let bytes = i64::try_from(bytes)?;
    let queued = import::Entity::update_many()
        .col_expr(import::Column::State, Expr::value(ImportState::Queued))
        .col_expr(import::Column::BytesTotal, Expr::value(bytes))
        .filter(import::Column::Id.eq(id))
        .filter(import::Column::State.eq(ImportState::AwaitingUpload))
        .exec_with_returning(&tx)
        .await?;
    let import = queued.into_iter().next().or_refuse(Refusal::ImportNotFound)?;
    let job = Job::ImportRun {
        import: id.to_string(),
    };
    jobs::enqueue(&tx, cx, &job, cx.now(), None).await?;
    event::record(&tx, cx, actor(&import), "import.uploaded", id, &[]).await?;
    tx.commit().await?;
    Ok(import)
}

/// The file outgrew the limit: the import has failed.
///
/// # Errors
/// When the database fails.
pub async fn upload_too_large(cx: &Context, id: ImportId) -> Result<(), Failure<Refusal>> {
    let tx = cx.begin().await?;
    let most = cx.settings().import_max_bytes;
    let failure = format!("the file is larger than {most} bytes");
    import::Entity::update_many()
        .col_expr(import::Column::State, Expr::value(ImportState::Failed))
        .col_expr(import::Column::Failure, Expr::value(failure))
        .col_expr(import::Column::FinishedAt, Expr::value(cx.now()))
        .filter(import::Column::Id.eq(id))
        .filter(import::Column::State.eq(ImportState::AwaitingUpload))
        .exec(&tx)
        .await?;
    event::record(&tx, cx, Actor::System, "import.failed", id, &[]).await?;
    tx.commit().await?;
    Ok(())
}

/// The upload broke off: its secret may be used again.
///
/// # Errors
/// When the database fails.
pub async fn upload_broken_off(
    cx: &Context,
    id: ImportId,
    token: &SecretString,
) -> Result<(), Failure<Refusal>> {
    import::Entity::update_many()
        .col_expr(
            import::Column::UploadSecretHash,
            Expr::value(Some(secret::hash_secret(token))),
        )
        .filter(import::Column::Id.eq(id))
        .filter(import::Column::State.eq(ImportState::AwaitingUpload))
        .exec(cx.db())
        .await?;
    Ok(())
}

/// An import of which nothing is known yet.
pub(in crate::catalog) fn blank(
    cx: &Context,
    brand: BrandId,
    account: Option<AccountId>,
    file_name: Label,
    state: ImportState,
) -> import::ActiveModel {
    import::ActiveModel {
        id: Set(cx.new_id()),
        brand_id: Set(brand),
        account_id: Set(account),
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

/// Who is behind an import: an account, or the operator at the command line.
pub(in crate::catalog) fn actor(import: &import::Model) -> Actor {
    import.account_id.map_or(Actor::Operator, Actor::Account)
}
