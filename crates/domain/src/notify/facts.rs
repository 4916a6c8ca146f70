//! What a mail tells of, read when it is written.

use std::collections::{BTreeMap, HashMap};

use anyhow::Context as _;
use sea_orm::{ColumnTrait, ConnectionTrait, DbErr, EntityTrait, QueryFilter, QueryOrder, QuerySelect};
use vitrine_model::catalog::brand;
use vitrine_model::checkout::{
    CreditReason, DisputeState, dispute, order, order_contact, order_line, order_shipping, refund,
    refund_unit, return_request, return_unit,
};
use vitrine_model::id::{
    AccountId, BrandId, DisputeId, FulfillmentId, OrderId, RefundId, ReturnId, ShopId, UnitId,
};
use vitrine_model::identity::{Role, account, brand_member};
use vitrine_model::ledger::{Party, unit};
use vitrine_model::money::Money;
use vitrine_model::shop;

use crate::notify::letters::{Earned, Item, Recommended};

/// Most people of one brand written to.
const MAX_STAFF: u64 = 50;
/// What Shopify calls the one variant of a product without options: no name to show.
const NO_VARIANT: &str = "Default Title";

/// An order with all that mails tell of it.
pub(super) struct Sale {
    /// The order.
    pub(super) order: order::Model,
    /// The buyer, unless erased.
    pub(super) contact: Option<order_contact::Model>,
    /// Its lines, in their places.
    pub(super) lines: Vec<order_line::Model>,
    /// Its units, in their order; none before payment.
    pub(super) units: Vec<unit::Model>,
    brands: HashMap<BrandId, brand::Model>,
    shipping: Vec<order_shipping::Model>,
    shops: HashMap<ShopId, Recommended>,
}

/// The order `id`. The number of statements does not grow with its lines.
pub(super) async fn sale(db: &impl ConnectionTrait, id: OrderId) -> anyhow::Result<Sale> {
    let order = order::Entity::find_by_id(id).one(db).await?;
    let order = order.with_context(|| format!("no order {id}"))?;
    let lines = order_line::Entity::find()
        .filter(order_line::Column::OrderId.eq(id))
        .order_by_asc(order_line::Column::Position)
        .all(db)
        .await?;
    let units = unit::Entity::find()
        .filter(unit::Column::OrderId.eq(id))
        .order_by_asc(unit::Column::Ordinal)
        .all(db)
        .await?;
    let shipping = order_shipping::Entity::find()
        .filter(order_shipping::Column::OrderId.eq(id))
        .order_by_asc(order_shipping::Column::BrandId)
        .all(db)
        .await?;
    let brands = brand::Entity::find()
        .filter(brand::Column::Id.is_in(lines.iter().map(|line| line.brand_id)))
        .all(db)
        .await?;
    Ok(Sale {
        shops: recommenders(db, &lines).await?,
        contact: order_contact::Entity::find_by_id(id).one(db).await?,
        brands: brands.into_iter().map(|brand| (brand.id, brand)).collect(),
        order,
        lines,
        units,
        shipping,
    })
}

/// The shops that recommended what was ordered, and who keeps them.
async fn recommenders(
    db: &impl ConnectionTrait,
    lines: &[order_line::Model],
) -> Result<HashMap<ShopId, Recommended>, DbErr> {
    let recommended = lines
        .iter()
        .filter(|line| line.credit == CreditReason::Recommendation);
    let shops = shop::Entity::find()
        .filter(shop::Column::Id.is_in(recommended.filter_map(|line| line.shop_id)))
        .all(db)
        .await?;
    let owners = account::Entity::find()
        .filter(account::Column::Id.is_in(shops.iter().map(|shop| shop.owner_id)))
        .all(db)
        .await?;
    let names: HashMap<AccountId, String> = owners
        .into_iter()
        .map(|owner| (owner.id, owner.name.to_string()))
        .collect();
    let named = shops.into_iter().map(|shop| {
        let recommended = Recommended {
            by: names.get(&shop.owner_id).cloned(),
            shop: shop.name.to_string(),
        };
        (shop.id, recommended)
    });
    Ok(named.collect())
}

impl Sale {
    /// `minor` units in the order's currency.
    pub(super) fn money(&self, minor: i64) -> Money {
        Money::new(minor, self.order.currency)
    }

    /// What the brand is called.
    pub(super) fn brand_name(&self, id: BrandId) -> &str {
        self.brands
            .get(&id)
            .map_or("the brand", |brand| brand.name.as_str())
    }

    /// Whom to deliver to.
    pub(super) fn buyer_name(&self) -> Option<&str> {
        Some(self.contact.as_ref()?.name.as_ref()?.as_str())
    }

    /// The delivery address, line by line, as it is written on a parcel.
    pub(super) fn address(&self) -> Vec<String> {
        let Some(contact) = &self.contact else {
            return Vec::new();
        };
        let town = [&contact.postal_code, &contact.city].into_iter().flatten();
        let town: Vec<&str> = town.map(vitrine_model::text::AddressLine::as_str).collect();
        let lines = [
            contact.name.as_ref().map(ToString::to_string),
            contact.line1.as_ref().map(ToString::to_string),
            contact.line2.as_ref().map(ToString::to_string),
            (!town.is_empty()).then(|| town.join(" ")),
            contact.region.as_ref().map(ToString::to_string),
            contact.country.as_ref().map(ToString::to_string),
        ];
        lines.into_iter().flatten().collect()
    }

    /// The goods, or those of them that `keep` keeps, with what they cost the buyer.
    pub(super) fn items(&self, keep: impl Fn(&order_line::Model) -> bool) -> Vec<Item> {
        let kept = self.lines.iter().filter(|line| keep(line));
        kept.map(|line| self.item(line, i64::from(line.quantity)))
            .collect()
    }

    /// What the units `keep` keeps are, counted by line. Shipping is not among them.
    pub(super) fn items_of_units(&self, keep: impl Fn(&unit::Model) -> bool) -> Vec<Item> {
        let mut counts: HashMap<_, i64> = HashMap::new();
        for unit in self.units.iter().filter(|unit| keep(unit)) {
            if let Some(line) = unit.line_id {
                *counts.entry(line).or_default() += 1;
            }
        }
        let named = self
            .lines
            .iter()
            .filter_map(|line| Some((line, *counts.get(&line.id)?)));
        named.map(|(line, count)| self.item(line, count)).collect()
    }

    /// What each brand's shipping costs, by the brand's name.
    pub(super) fn shipping(&self) -> Vec<(String, Money)> {
        let rows = self.shipping.iter();
        rows.map(|row| (self.brand_name(row.brand_id).to_owned(), self.money(row.amount)))
            .collect()
    }

    /// The brands that sell something in it.
    pub(super) fn brand_ids(&self) -> Vec<BrandId> {
        let mut ids: Vec<BrandId> = self.lines.iter().map(|line| line.brand_id).collect();
        ids.sort_unstable();
        ids.dedup();
        ids
    }

    fn item(&self, line: &order_line::Model, count: i64) -> Item {
        let variant = Some(line.variant_title.as_str()).filter(|title| *title != NO_VARIANT);
        Item {
            count,
            title: match variant {
                Some(variant) => format!("{}, {variant}", line.title),
                None => line.title.to_string(),
            },
            sku: line.sku.as_ref().map(ToString::to_string),
            brand: self.brand_name(line.brand_id).to_owned(),
            price: self.money(line.price.saturating_mul(count)),
            discount: self.money(line.discount.saturating_mul(count)),
            recommended: line
                .shop_id
                .filter(|_| line.credit == CreditReason::Recommendation)
                .and_then(|shop| self.shops.get(&shop).cloned()),
        }
    }
}

/// Who earned by units of a sale, and through which shop.
pub(super) struct Earner {
    /// The shopholder.
    pub(super) account: AccountId,
    /// The shop.
    pub(super) shop: ShopId,
    /// With what.
    pub(super) earned: Vec<Earned>,
    /// How many days after delivery the last of it is held.
    pub(super) window_days: i32,
}

/// The shopholders who earned by the units `keep` keeps.
pub(super) fn earners(sale: &Sale, keep: impl Fn(&unit::Model) -> bool) -> Vec<Earner> {
    let mut earners: BTreeMap<(AccountId, ShopId), Earner> = BTreeMap::new();
    for line in &sale.lines {
        let units = sale
            .units
            .iter()
            .filter(|unit| unit.line_id == Some(line.id) && keep(unit));
        let count = units.count();
        let (Some(Party::Shopholder(account)), Some(shop)) = (line.shopholder, line.shop_id) else {
            continue;
        };
        let Some(count) = i64::try_from(count).ok().filter(|count| *count > 0) else {
            continue;
        };
        let earner = earners.entry((account, shop)).or_insert_with(|| Earner {
            account,
            shop,
            earned: Vec::new(),
            window_days: 0,
        });
        earner.window_days = earner.window_days.max(line.shop_window_days);
        earner.earned.push(Earned {
            item: sale.item(line, count),
            earnings: sale.money(line.shop_part.saturating_mul(count)),
        });
    }
    earners.into_values().collect()
}

/// Those who work for a brand in a role that includes `needed`.
pub(super) async fn staff(
    db: &impl ConnectionTrait,
    brand: BrandId,
    needed: Role,
) -> Result<Vec<account::Model>, DbErr> {
    let roles = Role::ALL.iter().copied().filter(|role| *role <= needed);
    let members = brand_member::Entity::find()
        .filter(brand_member::Column::BrandId.eq(brand))
        .filter(brand_member::Column::Role.is_in(roles))
        .order_by_asc(brand_member::Column::CreatedAt)
        .limit(MAX_STAFF)
        .all(db)
        .await?;
    account::Entity::find()
        .filter(account::Column::Id.is_in(members.into_iter().map(|member| member.account_id)))
        .order_by_asc(account::Column::Id)
        .all(db)
        .await
}

/// Those who run the platform.
pub(super) async fn operators(db: &impl ConnectionTrait) -> Result<Vec<account::Model>, DbErr> {
    account::Entity::find()
        .filter(account::Column::Operator.eq(true))
        .order_by_asc(account::Column::Id)
        .limit(MAX_STAFF)
        .all(db)
        .await
}

/// The account, unless erased.
pub(super) async fn person(
    db: &impl ConnectionTrait,
    id: AccountId,
) -> Result<Option<account::Model>, DbErr> {
    account::Entity::find_by_id(id)
        .filter(account::Column::ErasedAt.is_null())
        .one(db)
        .await
}

/// What the shop is called, and its handle.
pub(super) async fn shop(db: &impl ConnectionTrait, id: ShopId) -> Result<(String, String), DbErr> {
    let found = shop::Entity::find_by_id(id).one(db).await?;
    Ok(found.map_or_else(
        || ("your shop".to_owned(), String::new()),
        |shop| (shop.name.to_string(), shop.handle.to_string()),
    ))
}

/// The brand's handle.
pub(super) async fn brand_handle(db: &impl ConnectionTrait, id: BrandId) -> Result<String, DbErr> {
    let found = brand::Entity::find_by_id(id).one(db).await?;
    Ok(found.map(|brand| brand.handle.to_string()).unwrap_or_default())
}

/// What the brand is called.
pub(super) async fn brand_name(db: &impl ConnectionTrait, id: BrandId) -> Result<String, DbErr> {
    let found = brand::Entity::find_by_id(id).one(db).await?;
    Ok(found.map_or_else(|| "your brand".to_owned(), |brand| brand.name.to_string()))
}

/// The refund and the units it gives back.
pub(super) async fn refund(
    db: &impl ConnectionTrait,
    id: RefundId,
) -> anyhow::Result<(refund::Model, Vec<UnitId>)> {
    let found = refund::Entity::find_by_id(id).one(db).await?;
    let found = found.with_context(|| format!("no refund {id}"))?;
    let rows = refund_unit::Entity::find()
        .filter(refund_unit::Column::RefundId.eq(id))
        .all(db)
        .await?;
    Ok((found, rows.into_iter().map(|row| row.unit_id).collect()))
}

/// Whether the buyer's bank has taken money of the charge, or claims it.
pub(super) async fn is_claimed(db: &impl ConnectionTrait, charge: &str) -> anyhow::Result<bool> {
    let disputes = dispute::Entity::find()
        .filter(dispute::Column::ChargeId.eq(charge))
        .filter(dispute::Column::Inquiry.eq(false))
        .all(db)
        .await?;
    Ok(disputes
        .iter()
        .any(|dispute| dispute.closed_at.is_none() || dispute.state == DisputeState::Lost))
}

/// The return and the units it asks to send back.
pub(super) async fn return_request(
    db: &impl ConnectionTrait,
    id: ReturnId,
) -> anyhow::Result<(return_request::Model, Vec<UnitId>)> {
    let found = return_request::Entity::find_by_id(id).one(db).await?;
    let found = found.with_context(|| format!("no return {id}"))?;
    let rows = return_unit::Entity::find()
        .filter(return_unit::Column::ReturnId.eq(id))
        .all(db)
        .await?;
    Ok((found, rows.into_iter().map(|row| row.unit_id).collect()))
}

/// The parcel.
pub(super) async fn parcel(
    db: &impl ConnectionTrait,
    id: FulfillmentId,
) -> anyhow::Result<vitrine_model::checkout::fulfillment::Model> {
    let found = vitrine_model::checkout::fulfillment::Entity::find_by_id(id)
        .one(db)
        .await?;
    found.with_context(|| format!("no parcel {id}"))
}

/// The order whose payment is disputed.
pub(super) async fn disputed_order(db: &impl ConnectionTrait, id: DisputeId) -> anyhow::Result<OrderId> {
    let found = dispute::Entity::find_by_id(id).one(db).await?;
    let found = found.with_context(|| format!("no dispute {id}"))?;
    Ok(found.order_id)
}

/// The order's number, as people read it out.
pub(super) async fn order_number(db: &impl ConnectionTrait, id: OrderId) -> anyhow::Result<String> {
    let number = order::Entity::find_by_id(id)
        .select_only()
        .column(order::Column::Number)
        .into_tuple()
        .one(db)
        .await?;
    number.with_context(|| format!("no order {id}"))
}
