//! Landing: what the file says is compared with what is there, and what differs is written, the same kinds of rows of
//! many products together.

use std::collections::{HashMap, HashSet};

use sea_orm::ActiveValue::{NotSet, Set};
use sea_orm::sea_query::LockType;
use sea_orm::{
    ActiveModelTrait, ColumnTrait, DbErr, EntityTrait, IntoActiveModel, QueryFilter, QueryOrder, QuerySelect,
};
use vitrine_model::Time;
use vitrine_model::catalog::{
    brand, product, product_image, product_tag, product_text, variant, variant_price,
};
use vitrine_model::id::ProductId;
use vitrine_model::text::Label;

use crate::catalog::import::compare::{Comparison, compare, kept_stock};
use crate::catalog::import::draft::{Draft, RowError};
use crate::catalog::queries;
use crate::context::{Context, Tx};

/// Most rows of one statement: its values stay within every database's limit.
const CHUNK: usize = 500;

/// A product as it is in the catalogue.
#[derive(Debug, Clone)]
pub(super) struct Existing {
    pub(super) product: product::Model,
    pub(super) text: product_text::Model,
    pub(super) tags: Vec<Label>,
    pub(super) images: Vec<product_image::Model>,
    pub(super) variants: Vec<variant::Model>,
}

/// What there is to write, of all products of a batch.
#[derive(Debug, Default)]
pub(super) struct Writes {
    pub(super) new_products: Vec<product::Model>,
    pub(super) products: Vec<product::Model>,
    pub(super) new_texts: Vec<product_text::ActiveModel>,
    pub(super) texts: Vec<product_text::Model>,
    pub(super) retagged: Vec<ProductId>,
    pub(super) tags: Vec<product_tag::Model>,
    pub(super) new_images: Vec<product_image::Model>,
    pub(super) images: Vec<product_image::Model>,
    pub(super) gone_images: Vec<product_image::Model>,
    pub(super) new_variants: Vec<variant::Model>,
    pub(super) variants: Vec<variant::Model>,
    pub(super) prices: Vec<variant_price::Model>,
}

/// A product created or changed, in words; or what of the file was not followed, with the column it stands in.
#[derive(Debug)]
pub(super) struct Change {
    pub(super) line: i64,
    pub(super) column: Option<String>,
    pub(super) handle: String,
    pub(super) message: String,
}

/// What became of a batch.
#[derive(Debug, Default)]
pub(super) struct Landed {
    pub(super) created: i64,
    pub(super) updated: i64,
    pub(super) unchanged: i64,
    pub(super) changes: Vec<Change>,
    pub(super) errors: Vec<RowError>,
}

/// Lands the drafts. The brand's row is locked by the caller, so that one import at a time lands products of it.
///
/// # Errors
/// When the database fails.
pub(super) async fn land(
    tx: &Tx,
    cx: &Context,
    brand: &brand::Model,
    drafts: Vec<Draft>,
) -> Result<Landed, DbErr> {
    let mut existing = existing(tx, brand, &drafts).await?;
    let mut writes = Writes::default();
    let mut landed = Landed::default();
    for mut draft in drafts {
        let known = existing.remove(draft.handle.as_str());
        let kept = known
            .as_ref()
            .map(|known| kept_stock(&draft, known))
            .unwrap_or_default();
        let comparison = compare(cx, brand, &draft, known, &mut writes);
        let message = match comparison {
            Comparison::Impossible { column, why } => {
                landed.errors.extend(draft.refused(column.as_deref(), why));
                continue;
            }
            Comparison::Same => {
                landed.unchanged += 1;
                None
            }
            Comparison::New(message) => {
                landed.created += 1;
                Some(message)
            }
            Comparison::Different(message) => {
                landed.updated += 1;
                Some(message)
            }
        };
        landed.changes.extend(message.map(|message| Change {
            line: draft.lines.first().copied().unwrap_or(0),
            column: None,
            handle: draft.handle.to_string(),
            message,
        }));
        landed.changes.extend(kept);
        landed.errors.append(&mut draft.errors);
    }
    write(tx, writes, cx.now()).await?;
    Ok(landed)
}

/// The drafts' products as they are, by handle. The locks leave those alone who only refer to the rows, such as a checkout
/// that inserts order lines.
async fn existing(
    tx: &Tx,
    brand: &brand::Model,
    drafts: &[Draft],
) -> Result<HashMap<String, Existing>, DbErr> {
    let handles = drafts.iter().map(|draft| draft.handle.as_str());
    let products = product::Entity::find()
        .filter(product::Column::BrandId.eq(brand.id))
        .filter(product::Column::Handle.is_in(handles))
        .order_by_asc(product::Column::Id)
        .lock(LockType::NoKeyUpdate)
        .all(tx)
        .await?;
    let ids: Vec<ProductId> = products.iter().map(|row| row.id).collect();
    if ids.is_empty() {
        return Ok(HashMap::new());
    }
    let rows = variant::Entity::find()
        .filter(variant::Column::ProductId.is_in(ids.iter().copied()))
        .order_by_asc(variant::Column::Id)
        .lock(LockType::NoKeyUpdate)
        .all(tx)
        .await?;
    let mut variants = grouped(rows, |row| row.product_id);
    let mut images = grouped(queries::images_of(tx, &ids).await?, |row| row.product_id);
    let mut tags = grouped(queries::tags_of(tx, &ids).await?, |row| row.product_id);
    let mut texts = grouped(queries::texts_of(tx, &ids).await?, |row| row.product_id);
    let known = products.into_iter().filter_map(|product| {
        let id = product.id;
        let tags = tags.remove(&id).unwrap_or_default();
        let existing = Existing {
            text: texts.remove(&id)?.pop()?,
            tags: tags.into_iter().map(|row| row.tag).collect(),
            images: images.remove(&id).unwrap_or_default(),
            variants: variants.remove(&id).unwrap_or_default(),
            product,
        };
        Some((existing.product.handle.to_string(), existing))
    });
    Ok(known.collect())
}

fn grouped<T>(rows: Vec<T>, key: impl Fn(&T) -> ProductId) -> HashMap<ProductId, Vec<T>> {
    let mut groups: HashMap<ProductId, Vec<T>> = HashMap::new();
    for row in rows {
        groups.entry(key(&row)).or_default().push(row);
    }
    groups
}

async fn write(tx: &Tx, writes: Writes, now: Time) -> Result<(), DbErr> {
    insert(tx, writes.new_products).await?;
    for chunk in writes.new_texts.chunks(CHUNK) {
        product_text::Entity::insert_many(chunk.to_vec())
            .exec_without_returning(tx)
            .await?;
    }
    for row in writes.texts {
        row.into_active_model().reset_all().update(tx).await?;
    }
    if !writes.retagged.is_empty() {
        product_tag::Entity::delete_many()
            .filter(product_tag::Column::ProductId.is_in(writes.retagged))
            .exec(tx)
            .await?;
    }
    insert(tx, writes.tags).await?;
    let gone: HashSet<_> = writes.gone_images.iter().map(|row| row.id).collect();
    let gone: Vec<_> = gone.into_iter().collect();
    for chunk in gone.chunks(CHUNK) {
        product_image::Entity::delete_many()
            .filter(product_image::Column::Id.is_in(chunk.iter().copied()))
            .exec(tx)
            .await?;
    }
    for row in writes.images {
        row.into_active_model().reset_all().update(tx).await?;
    }
    insert(tx, writes.new_images).await?;
    for mut row in writes.products {
        row.updated_at = now;
        row.into_active_model().reset_all().update(tx).await?;
    }
    for row in writes.variants {
        let mut row = row.into_active_model().reset_all();
        row.updated_at = Set(now);
        // Reservations are checkout's.
        row.reserved = NotSet;
        row.update(tx).await?;
    }
    insert(tx, writes.new_variants).await?;
    record_prices(tx, writes.prices).await
}

/// Two prices within one tick of the clock leave the later.
async fn record_prices(tx: &Tx, prices: Vec<variant_price::Model>) -> Result<(), DbErr> {
    use sea_orm::sea_query::OnConflict;
    for chunk in prices.chunks(CHUNK) {
        let later = OnConflict::columns([variant_price::Column::VariantId, variant_price::Column::ValidFrom])
            .update_column(variant_price::Column::Price)
            .to_owned();
        variant_price::Entity::insert_many(chunk.iter().cloned().map(IntoActiveModel::into_active_model))
            .on_conflict(later)
            .exec_without_returning(tx)
            .await?;
    }
    Ok(())
}

async fn insert<M, A>(tx: &Tx, rows: Vec<M>) -> Result<(), DbErr>
where
    M: IntoActiveModel<A> + Clone,
    A: ActiveModelTrait,
    <A::Entity as EntityTrait>::Model: IntoActiveModel<A>,
{
    for chunk in rows.chunks(CHUNK) {
        let rows = chunk.iter().cloned().map(IntoActiveModel::into_active_model);
        A::Entity::insert_many(rows).exec_without_returning(tx).await?;
    }
    Ok(())
}
