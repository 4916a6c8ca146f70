//! A copy of everything that is kept about someone, for herself.
//!
//! It is made when asked for, in one snapshot, and handed over as text: a file that waits for her would be one more place
//! where her data lies.

use sea_orm::{ColumnTrait, ConnectionTrait, DbErr, EntityTrait, QueryFilter, QueryOrder, QuerySelect};
use serde_json::{Value, json};
use vitrine_model::checkout::{
    cart, cart_contact, fulfillment, order, order_contact, order_line, refund, return_request,
};
use vitrine_model::id::{AccountId, CartId, OrderId, ShopId};
use vitrine_model::identity::{account, brand_member, external_identity, invitation, passkey, session};
use vitrine_model::ledger::Party;
use vitrine_model::money::Money;
use vitrine_model::payout::{self, payout_account};
use vitrine_model::privacy::consent;
use vitrine_model::referral::link;
use vitrine_model::shop::{self, curator, recommendation};
use vitrine_model::{Time, event};

use crate::context::Context;
use crate::event::Actor;
use crate::ledger;
use crate::privacy::refusal::Refusal;
use crate::{event as events, failure::Failure};

/// Most rows of one kind, the newest: nobody has more by living an ordinary life.
const MOST: u64 = 2_000;

/// Who buys and where it goes, the same of carts and of orders.
macro_rules! contact {
    ($row:ident) => {
        json!({
            "email": $row.email.map(|text| text.to_string()),
            "name": $row.name.map(|text| text.to_string()),
            "line1": $row.line1.map(|text| text.to_string()),
            "line2": $row.line2.map(|text| text.to_string()),
            "postalCode": $row.postal_code.map(|text| text.to_string()),
            "city": $row.city.map(|text| text.to_string()),
            "region": $row.region.map(|text| text.to_string()),
            "country": $row.country.map(|text| text.to_string()),
        })
    };
}

/// Everything about the account, as JSON.
///
/// # Errors
/// When the database fails; it is never refused.
pub async fn export(cx: &Context, by: &account::Model) -> Result<String, Failure<Refusal>> {
    let snapshot = cx.snapshot().await?;
    let (db, id) = (&snapshot, by.id);
    let orders = of_orders(db, id).await?;
    let all = json!({
        "exportedAt": at(cx.now()),
        "account": {
            "id": id.to_string(),
            "email": by.email.as_str(),
            "name": by.name.as_str(),
            "createdAt": at(by.created_at),
        },
        "sessions": of_sessions(db, id).await?,
        "passkeys": of_passkeys(db, id).await?,
        "externalIdentities": of_external(db, id).await?,
        "memberships": of_memberships(db, id).await?,
        "invitations": of_invitations(db, by).await?,
        "shops": of_shops(db, id).await?,
        "curatedShops": of_curated(db, id).await?,
        "carts": of_carts(db, id).await?,
        "orders": orders,
        "earnings": of_money(db, id).await?,
        "consents": of_consents(db, id).await?,
        "events": of_events(db, id).await?,
    });
    snapshot.commit().await?;
    let tx = cx.begin().await?;
    events::record(&tx, cx, Actor::Account(id), "account.exported", id, &[]).await?;
    tx.commit().await?;
    Ok(format!("{all:#}"))
}

fn at(time: Time) -> String {
    time.to_rfc3339_opts(chrono::SecondsFormat::Micros, true)
}

fn maybe_at(time: Option<Time>) -> Option<String> {
    time.map(at)
}

async fn of_sessions(db: &impl ConnectionTrait, id: AccountId) -> Result<Value, DbErr> {
    let rows = session::Entity::find()
        .filter(session::Column::AccountId.eq(id))
        .order_by_desc(session::Column::CreatedAt)
        .limit(MOST)
        .all(db)
        .await?;
    let rows = rows.into_iter().map(|row| {
        json!({
            "id": row.id.to_string(),
            "createdAt": at(row.created_at),
            "deviceName": row.device_name.map(|name| name.to_string()),
            "userAgent": row.user_agent,
            "usedAt": at(row.used_at),
            "endsAt": at(row.ends_at),
            "revokedAt": maybe_at(row.revoked_at),
        })
    });
    Ok(rows.collect())
}

async fn of_external(db: &impl ConnectionTrait, id: AccountId) -> Result<Value, DbErr> {
    let rows = external_identity::Entity::find()
        .filter(external_identity::Column::AccountId.eq(id))
        .all(db)
        .await?;
    let rows = rows.into_iter().map(|row| {
        json!({
            "provider": row.provider,
            "issuer": row.issuer,
            "subject": row.subject,
            "email": row.email.map(|email| email.to_string()),
            "createdAt": at(row.created_at),
            "usedAt": at(row.used_at),
        })
    });
    Ok(rows.collect())
}

async fn of_passkeys(db: &impl ConnectionTrait, id: AccountId) -> Result<Value, DbErr> {
    let rows = passkey::Entity::find()
        .filter(passkey::Column::AccountId.eq(id))
        .limit(MOST)
        .all(db)
        .await?;
    let rows = rows.into_iter().map(|row| {
        json!({
            "id": row.id.to_string(),
            "name": row.name.to_string(),
            "createdAt": at(row.created_at),
            "usedAt": maybe_at(row.used_at),
        })
    });
    Ok(rows.collect())
}

async fn of_memberships(db: &impl ConnectionTrait, id: AccountId) -> Result<Value, DbErr> {
    let rows = brand_member::Entity::find()
        .filter(brand_member::Column::AccountId.eq(id))
        .limit(MOST)
        .all(db)
        .await?;
    let rows = rows.into_iter().map(|row| {
        json!({
            "brandId": row.brand_id.to_string(),
            "role": row.role.as_str(),
            "since": at(row.created_at),
        })
    });
    Ok(rows.collect())
}

/// Those sent to her address, once it is known to be hers.
async fn of_invitations(db: &impl ConnectionTrait, by: &account::Model) -> Result<Value, DbErr> {
    if by.email_verified_at.is_none() {
        return Ok(json!([]));
    }
    let rows = invitation::Entity::find()
        .filter(invitation::Column::Email.eq(by.email.as_str()))
        .order_by_desc(invitation::Column::CreatedAt)
        .limit(MOST)
        .all(db)
        .await?;
    let rows = rows.into_iter().map(|row| {
        json!({
            "brandId": row.brand_id.to_string(),
            "role": row.role.as_str(),
            "createdAt": at(row.created_at),
            "expiresAt": at(row.expires_at),
        })
    });
    Ok(rows.collect())
}

/// The shops that she curates with their owners.
async fn of_curated(db: &impl ConnectionTrait, id: AccountId) -> Result<Value, DbErr> {
    let rows = curator::Entity::find()
        .filter(curator::Column::AccountId.eq(id))
        .limit(MOST)
        .all(db)
        .await?;
    let rows = rows.into_iter().map(|row| {
        json!({
            "shopId": row.shop_id.to_string(),
            "share": row.share_bp.to_string(),
            "since": at(row.created_at),
        })
    });
    Ok(rows.collect())
}

async fn of_shops(db: &impl ConnectionTrait, id: AccountId) -> Result<Value, DbErr> {
    let shops = shop::Entity::find()
        .filter(shop::Column::OwnerId.eq(id))
        .limit(MOST)
        .all(db)
        .await?;
    let mut all = Vec::new();
    for shop in shops {
        all.push(json!({
            "id": shop.id.to_string(),
            "handle": shop.handle.as_str(),
            "name": shop.name.as_str(),
            "about": shop.about.as_ref().map(|about| about.as_str()),
            "pictureUrl": shop.picture_url.as_ref().map(|url| url.as_str()),
            "state": shop.state.as_str(),
            "createdAt": at(shop.created_at),
            "recommendations": of_recommendations(db, shop.id).await?,
            "links": of_links(db, shop.id).await?,
        }));
    }
    Ok(all.into())
}

async fn of_recommendations(db: &impl ConnectionTrait, shop: ShopId) -> Result<Value, DbErr> {
    let rows = recommendation::Entity::find()
        .filter(recommendation::Column::ShopId.eq(shop))
        .order_by_desc(recommendation::Column::CreatedAt)
        .limit(MOST)
        .all(db)
        .await?;
    let rows = rows.into_iter().map(|row| {
        json!({
            "id": row.id.to_string(),
            "productId": row.product_id.to_string(),
            "note": row.note.as_ref().map(|note| note.as_str()),
            "discountShare": row.share_bp.get(),
            "createdAt": at(row.created_at),
            "removedAt": maybe_at(row.removed_at),
        })
    });
    Ok(rows.collect())
}

async fn of_links(db: &impl ConnectionTrait, shop: ShopId) -> Result<Value, DbErr> {
    let rows = link::Entity::find()
        .filter(link::Column::ShopId.eq(shop))
        .limit(MOST)
        .all(db)
        .await?;
    let rows = rows.into_iter().map(|row| {
        json!({
            "id": row.id.to_string(),
            "code": row.code,
            "label": row.label.as_ref().map(|label| label.as_str()),
            "createdAt": at(row.created_at),
        })
    });
    Ok(rows.collect())
}

async fn of_carts(db: &impl ConnectionTrait, id: AccountId) -> Result<Value, DbErr> {
    let carts = cart::Entity::find()
        .filter(cart::Column::AccountId.eq(id))
        .order_by_desc(cart::Column::CreatedAt)
        .limit(MOST)
        .all(db)
        .await?;
    let mut all = Vec::new();
    for cart in carts {
        all.push(json!({
            "id": cart.id.to_string(),
            "createdAt": at(cart.created_at),
            "updatedAt": at(cart.updated_at),
            "contact": contact_of_cart(db, cart.id).await?,
        }));
    }
    Ok(all.into())
}

async fn contact_of_cart(db: &impl ConnectionTrait, id: CartId) -> Result<Value, DbErr> {
    let found = cart_contact::Entity::find_by_id(id).one(db).await?;
    Ok(found.map(|row| contact!(row)).into())
}

async fn of_orders(db: &impl ConnectionTrait, id: AccountId) -> Result<Value, DbErr> {
    let orders = order::Entity::find()
        .filter(order::Column::AccountId.eq(id))
        .order_by_desc(order::Column::CreatedAt)
        .limit(MOST)
        .all(db)
        .await?;
    let mut all = Vec::new();
    for order in orders {
        let money = |minor| Money::new(minor, order.currency).to_string();
        all.push(json!({
            "id": order.id.to_string(),
            "number": order.number,
            "state": order.state.as_str(),
            "total": money(order.total),
            "shipping": money(order.shipping_total),
            "createdAt": at(order.created_at),
            "paidAt": maybe_at(order.paid_at),
            "contact": contact_of_order(db, order.id).await?,
            "lines": of_lines(db, &order).await?,
            "parcels": of_parcels(db, order.id).await?,
            "returns": of_returns(db, order.id).await?,
            "refunds": of_refunds(db, order.id).await?,
        }));
    }
    Ok(all.into())
}

async fn contact_of_order(db: &impl ConnectionTrait, id: OrderId) -> Result<Value, DbErr> {
    let found = order_contact::Entity::find_by_id(id).one(db).await?;
    Ok(found.map(|row| contact!(row)).into())
}

async fn of_lines(db: &impl ConnectionTrait, order: &order::Model) -> Result<Value, DbErr> {
    let rows = order_line::Entity::find()
        .filter(order_line::Column::OrderId.eq(order.id))
        .order_by_asc(order_line::Column::Position)
        .all(db)
        .await?;
    let rows = rows.into_iter().map(|row| {
        json!({
            "title": row.title.as_str(),
            "variant": row.variant_title.as_str(),
            "quantity": row.quantity,
            "price": Money::new(row.price, order.currency).to_string(),
            "recommendedBy": row.shop_id.map(|shop| shop.to_string()),
        })
    });
    Ok(rows.collect())
}

async fn of_parcels(db: &impl ConnectionTrait, id: OrderId) -> Result<Value, DbErr> {
    let rows = fulfillment::Entity::find()
        .filter(fulfillment::Column::OrderId.eq(id))
        .all(db)
        .await?;
    let rows = rows.into_iter().map(|row| {
        json!({
            "carrier": row.carrier.map(|text| text.to_string()),
            "trackingCode": row.tracking_code.map(|text| text.to_string()),
            "shippedAt": at(row.shipped_at),
            "deliveredAt": maybe_at(row.delivered_at),
        })
    });
    Ok(rows.collect())
}

async fn of_returns(db: &impl ConnectionTrait, id: OrderId) -> Result<Value, DbErr> {
    let rows = return_request::Entity::find()
        .filter(return_request::Column::OrderId.eq(id))
        .all(db)
        .await?;
    let rows = rows.into_iter().map(|row| {
        json!({
            "reason": row.reason.as_str(),
            "state": row.state.as_str(),
            "createdAt": at(row.created_at),
        })
    });
    Ok(rows.collect())
}

async fn of_refunds(db: &impl ConnectionTrait, id: OrderId) -> Result<Value, DbErr> {
    let rows = refund::Entity::find()
        .filter(refund::Column::OrderId.eq(id))
        .all(db)
        .await?;
    let rows = rows.into_iter().map(|row| {
        json!({
            "amount": Money::new(row.amount, row.currency).to_string(),
            "reason": row.reason.as_str(),
            "state": row.state.as_str(),
            "createdAt": at(row.created_at),
        })
    });
    Ok(rows.collect())
}

async fn of_money(db: &impl ConnectionTrait, id: AccountId) -> Result<Value, DbErr> {
    let party = Party::Shopholder(id);
    let earnings = ledger::earnings_of(db, &[party]).await?;
    let balances = earnings.into_values().flatten().map(|part| {
        let money = |minor| Money::new(minor, part.currency).to_string();
        json!({
            "held": money(part.held),
            "available": money(part.available),
            "inTransit": money(part.in_transit),
            "disputed": money(part.disputed),
            "paidOut": money(part.paid_out),
            "owed": money(part.owed),
        })
    });
    let balances: Value = balances.collect();
    let payouts = payout::Entity::find()
        .filter(payout::Column::Party.eq(party))
        .order_by_desc(payout::Column::RequestedAt)
        .limit(MOST)
        .all(db)
        .await?;
    let payouts = payouts.into_iter().map(|row| {
        json!({
            "id": row.id.to_string(),
            "amount": Money::new(row.amount, row.currency).to_string(),
            "state": row.state.as_str(),
            "requestedAt": at(row.requested_at),
        })
    });
    let payouts: Value = payouts.collect();
    let accounts = payout_account::Entity::find().filter(payout_account::Column::Party.eq(party));
    let accounts = accounts.all(db).await?.into_iter().map(|row| {
        json!({ "stripeAccount": row.stripe_account_id, "country": row.country.as_str(), "createdAt": at(row.created_at) })
    });
    let accounts: Value = accounts.collect();
    Ok(json!({ "balances": balances, "payouts": payouts, "payoutAccounts": accounts }))
}

async fn of_consents(db: &impl ConnectionTrait, id: AccountId) -> Result<Value, DbErr> {
    let rows = consent::Entity::find()
        .filter(consent::Column::AccountId.eq(id))
        .order_by_desc(consent::Column::RecordedAt)
        .limit(MOST)
        .all(db)
        .await?;
    let rows = rows.into_iter().map(|row| {
        json!({
            "purpose": row.purpose.as_str(),
            "granted": row.granted,
            "textVersion": row.text_version.as_str(),
            "text": row.text.as_str(),
            "recordedAt": at(row.recorded_at),
        })
    });
    Ok(rows.collect())
}

async fn of_events(db: &impl ConnectionTrait, id: AccountId) -> Result<Value, DbErr> {
    let rows = event::Entity::find()
        .filter(event::Column::Actor.eq(id.to_string()))
        .order_by_desc(event::Column::Sequence)
        .limit(MOST)
        .all(db)
        .await?;
    let rows = rows
        .into_iter()
        .map(|row| json!({ "kind": row.kind, "subject": row.subject, "at": at(row.occurred_at) }));
    Ok(rows.collect())
}
