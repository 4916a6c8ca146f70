//! Imports of product files.

use async_graphql::{Context, Enum, ID, InputObject, Object, Result};
use chrono::{DateTime, Utc};
use secrecy::{ExposeSecret, SecretString};
use vitrine_domain::catalog::{self, NewImport, NewUpload};
use vitrine_domain::page::Page;
use vitrine_model::catalog as rows;
use vitrine_model::catalog::{NoteKind, import, import_note};
use vitrine_model::id::ImportId;

use crate::access::{Declared, Scope, Subject, Who, access, keyed, root_part};
use crate::catalog::brand::Brand;
use crate::catalog::is_staff;
use crate::connection::{TimePlace, connection, listed, page, place, unplace};
use crate::error::{answer, at, payload};
use crate::loaders::load;
use crate::request::{RequestContext, parse_id};
use crate::whole_number::UnsignedInt64;

/// How far an import is.
#[derive(Enum, Copy, Clone, Debug, PartialEq, Eq)]
#[graphql(remote = "rows::ImportState")]
pub enum ImportState {
    /// The file is not there yet.
    AwaitingUpload,
    /// The file is there; reading has not begun.
    Queued,
    /// It is being read.
    Running,
    /// All rows were read; those that could not be understood are in `errors`.
    Done,
    /// The file as a whole was refused, and nothing changed: `failure` says why.
    Failed,
}

/// One file of products on its way into a brand's catalogue. It belongs to those who work for the brand.
#[derive(Debug, Clone)]
pub struct ProductImport {
    row: import::Model,
    upload_url: Option<SecretString>,
}

impl From<import::Model> for ProductImport {
    fn from(row: import::Model) -> Self {
        let upload_url = None;
        Self { row, upload_url }
    }
}

impl From<NewUpload> for ProductImport {
    fn from(new: NewUpload) -> Self {
        Self {
            row: new.import,
            upload_url: Some(new.url),
        }
    }
}

impl Subject for ProductImport {
    async fn is_owned(&self, ctx: &Context<'_>) -> Result<bool> {
        is_staff(ctx, self.row.brand_id, Scope::CatalogRead.into()).await
    }
}

/// One file of products on its way into a brand's catalogue. It belongs to those who work for the brand.
#[Object(guard = Declared(self))]
impl ProductImport {
    /// Its id.
    #[graphql(directive = keyed::apply(Who::Owner, Scope::CatalogRead))]
    pub(crate) async fn id(&self) -> ID {
        self.row.id.to_string().into()
    }

    /// Whose products.
    #[graphql(directive = keyed::apply(Who::Owner, Scope::CatalogRead))]
    async fn brand(&self, ctx: &Context<'_>) -> Result<Option<Brand>> {
        Ok(load(ctx, self.row.brand_id).await?.map(Brand))
    }

    /// Where to send the file within a day: by HTTP PUT with the file as its body, again when the connection broke off. It
    /// holds a secret, takes one whole file, and is told in the answer to `productImportCreate` only.
    #[graphql(directive = keyed::apply(Who::Owner, Scope::CatalogRead))]
    async fn upload_url(&self) -> Option<&str> {
        self.upload_url.as_ref().map(ExposeSecret::expose_secret)
    }

    /// What the file was called.
    #[graphql(directive = keyed::apply(Who::Owner, Scope::CatalogRead))]
    async fn file_name(&self) -> &str {
        self.row.file_name.as_str()
    }

    /// How far it is.
    #[graphql(directive = keyed::apply(Who::Owner, Scope::CatalogRead))]
    async fn state(&self) -> ImportState {
        self.row.state.into()
    }

    /// Why the whole file was refused.
    #[graphql(directive = keyed::apply(Who::Owner, Scope::CatalogRead))]
    async fn failure(&self) -> Option<&str> {
        self.row.failure.as_deref()
    }

    /// The file's size in bytes; zero until it is uploaded.
    #[graphql(directive = keyed::apply(Who::Owner, Scope::CatalogRead))]
    async fn bytes_total(&self) -> UnsignedInt64 {
        self.row.bytes_total.into()
    }

    /// How many bytes of it have landed.
    #[graphql(directive = keyed::apply(Who::Owner, Scope::CatalogRead))]
    async fn bytes_done(&self) -> UnsignedInt64 {
        self.row.bytes_done.into()
    }

    /// Rows read, the headings not among them.
    #[graphql(directive = keyed::apply(Who::Owner, Scope::CatalogRead))]
    async fn rows_read(&self) -> i64 {
        self.row.rows_read
    }

    /// Rows of which something did not land, each with an entry in `errors` while there are 10 000 of those at most.
    #[graphql(directive = keyed::apply(Who::Owner, Scope::CatalogRead))]
    async fn rows_failed(&self) -> i64 {
        self.row.rows_failed
    }

    /// Products that are new.
    #[graphql(directive = keyed::apply(Who::Owner, Scope::CatalogRead))]
    async fn products_created(&self) -> i64 {
        self.row.products_created
    }

    /// Products that differ from before.
    #[graphql(directive = keyed::apply(Who::Owner, Scope::CatalogRead))]
    async fn products_updated(&self) -> i64 {
        self.row.products_updated
    }

    /// Products just as they were.
    #[graphql(directive = keyed::apply(Who::Owner, Scope::CatalogRead))]
    async fn products_unchanged(&self) -> i64 {
        self.row.products_unchanged
    }

    /// What could not be understood, in about the order of the file: the first 10 000, then an entry that says how many
    /// more there are.
    #[graphql(directive = keyed::apply(Who::Owner, Scope::CatalogRead))]
    async fn errors(
        &self,
        ctx: &Context<'_>,
        first: Option<i32>,
        after: Option<String>,
        last: Option<i32>,
        before: Option<String>,
    ) -> Result<ImportErrorConnection> {
        let page = page(first, after, last, before)?;
        let notes = listed(ctx, catalog::import_notes(self.row.id, NoteKind::Error), page).await?;
        Ok(ImportErrorConnection::new(notes, |row| row.seq, ImportError))
    }

    /// What changed, product by product, and what of the file was not followed: the first 10 000, then an entry that says how many more there are.
    #[graphql(directive = keyed::apply(Who::Owner, Scope::CatalogRead))]
    async fn changes(
        &self,
        ctx: &Context<'_>,
        first: Option<i32>,
        after: Option<String>,
        last: Option<i32>,
        before: Option<String>,
    ) -> Result<ImportChangeConnection> {
        let page = page(first, after, last, before)?;
        let notes = listed(ctx, catalog::import_notes(self.row.id, NoteKind::Change), page).await?;
        Ok(ImportChangeConnection::new(notes, |row| row.seq, ImportChange))
    }

    /// When it was asked for.
    #[graphql(directive = keyed::apply(Who::Owner, Scope::CatalogRead))]
    async fn created_at(&self) -> DateTime<Utc> {
        self.row.created_at
    }

    /// When reading began.
    #[graphql(directive = keyed::apply(Who::Owner, Scope::CatalogRead))]
    async fn started_at(&self) -> Option<DateTime<Utc>> {
        self.row.started_at
    }

    /// When it ended, well or not.
    #[graphql(directive = keyed::apply(Who::Owner, Scope::CatalogRead))]
    async fn finished_at(&self) -> Option<DateTime<Utc>> {
        self.row.finished_at
    }
}

/// Something in a product file that could not be understood.
#[derive(Debug, Clone)]
pub struct ImportError(import_note::Model);

impl Subject for ImportError {}

/// Something in a product file that could not be understood.
#[Object(guard = Declared(self))]
impl ImportError {
    /// The line of the file its row begins on, from 1.
    #[graphql(directive = access::apply(Who::Anyone))]
    async fn line(&self) -> i64 {
        self.0.line
    }

    /// The column's heading; `null` when it concerns the row as a whole.
    #[graphql(directive = access::apply(Who::Anyone))]
    async fn column(&self) -> Option<&str> {
        self.0.column_name.as_deref()
    }

    /// The product's handle, where it could be read.
    #[graphql(directive = access::apply(Who::Anyone))]
    async fn handle(&self) -> Option<&str> {
        self.0.handle.as_deref()
    }

    /// What is wrong and what would be right, in English.
    #[graphql(directive = access::apply(Who::Anyone))]
    async fn message(&self) -> &str {
        &self.0.message
    }
}

/// A product that an import created or changed; or what of the file was not followed.
#[derive(Debug, Clone)]
pub struct ImportChange(import_note::Model);

impl Subject for ImportChange {}

/// A product that an import created or changed; or what of the file was not followed.
#[Object(guard = Declared(self))]
impl ImportChange {
    /// The line of the file its first row begins on, from 1; or that of the row not followed.
    #[graphql(directive = access::apply(Who::Anyone))]
    async fn line(&self) -> i64 {
        self.0.line
    }

    /// The heading of the column that was not followed, such as that of a stock lower than what orders under way were
    /// promised; `null` when something was created or changed.
    #[graphql(directive = access::apply(Who::Anyone))]
    async fn column(&self) -> Option<&str> {
        self.0.column_name.as_deref()
    }

    /// The product's handle.
    #[graphql(directive = access::apply(Who::Anyone))]
    async fn handle(&self) -> Option<&str> {
        self.0.handle.as_deref()
    }

    /// What changed, in English, such as "price of Small: 60.00 → 65.00 EUR".
    #[graphql(directive = access::apply(Who::Anyone))]
    async fn message(&self) -> &str {
        &self.0.message
    }
}

connection!(
    ProductImportConnection,
    ProductImportEdge,
    ProductImport,
    "imports"
);
connection!(
    ImportErrorConnection,
    ImportErrorEdge,
    ImportError,
    "import errors"
);
connection!(
    ImportChangeConnection,
    ImportChangeEdge,
    ImportChange,
    "import changes"
);

/// A product file to be imported.
#[derive(InputObject)]
pub struct ProductImportCreateInput {
    /// Whose products.
    brand_id: ID,
    /// What the file is called; 255 characters at most.
    file_name: String,
}

payload! {
    /// What came of `productImportCreate`.
    ProductImportCreatePayload {
        /// The import, which awaits its file at its `uploadUrl`.
        product_import: ProductImport
    }
}

/// A page of a brand's imports.
pub(super) async fn imports_of(
    ctx: &Context<'_>,
    brand: vitrine_model::id::BrandId,
    page: Page<TimePlace>,
) -> Result<ProductImportConnection> {
    let imports = listed(ctx, catalog::imports_of(brand), page.map(place)).await?;
    let place = |row: &import::Model| unplace((row.created_at, row.id));
    Ok(ProductImportConnection::new(imports, place, ProductImport::from))
}

/// The import with this id, if the viewer works for its brand.
pub(crate) async fn import_node(ctx: &Context<'_>, id: &ID) -> Result<Option<ProductImport>> {
    let id: ImportId = parse_id(id)?;
    let Some(row) = load(ctx, id).await? else {
        return Ok(None);
    };
    let seen = is_staff(ctx, row.brand_id, Scope::CatalogRead.into()).await?;
    Ok(seen.then(|| row.into()))
}

root_part! {
    /// Queries for imports.
    ImportQuery of "Query"
}

#[Object(guard = Declared(self))]
impl ImportQuery {
    /// The import with this id; `null` when there is none at a brand you work for.
    #[graphql(directive = keyed::apply(Who::Account, Scope::CatalogRead))]
    async fn product_import(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Its id.")] id: ID,
    ) -> Result<Option<ProductImport>> {
        import_node(ctx, &id).await
    }
}

root_part! {
    /// Mutations on imports.
    ImportMutation of "Mutation"
}

#[Object(guard = Declared(self))]
impl ImportMutation {
    /// Asks for the import of a Shopify product file (CSV). Send the file to `uploadUrl`, then ask `productImport` how far
    /// it is. A quantity in it sets a variant's stock when it is another than the last file stated: the same file again
    /// leaves what was sold and counted since. For owners and managers. Codes: `INVALID`, `NOT_FOUND`, `FORBIDDEN`.
    #[graphql(directive = keyed::apply(Who::Account, Scope::CatalogWrite))]
    async fn product_import_create(
        &self,
        ctx: &Context<'_>,
        input: ProductImportCreateInput,
    ) -> Result<ProductImportCreatePayload> {
        answer(ctx, async {
            let (by, brand) = (ctx.by()?, parse_id(&input.brand_id)?);
            let file_name = at("fileName", input.file_name.parse())?;
            let new = NewImport { brand, file_name };
            Ok(catalog::create_import(ctx.cx(), by, new).await?.into())
        })
        .await
    }
}
