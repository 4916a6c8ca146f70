//! What clients may watch. Each field says how things stand as soon as it is subscribed to, then again whenever that
//! changed, so that nothing is lost between; `shopActivity` alone tells what happens from now on.

use async_graphql::{Context, Enum, Guard, ID, Object, Result, Subscription};
use chrono::{DateTime, Utc};
use futures::stream::{self, Stream};
use vitrine_domain::shop as domain;
use vitrine_model::id::{AccountId, ImportId, OrderId, ShopId};
use vitrine_model::ledger::Party;

use crate::access::{Declared, Scope, Subject, Who, access, check_root, keyed};
use crate::catalog::{ProductImport, import_node};
use crate::checkout::{Order, order_node};
use crate::error::{code, protocol_error, settle};
use crate::ledger::{self, Earnings};
use crate::money::Money;
use crate::request::{RequestContext, parse_id};
use crate::shop::{Shop, is_run, shop_node};
use crate::subscribe::{Listen, Topic};

/// The root of all subscriptions.
#[derive(Default)]
pub struct SubscriptionRoot;

/// Holds the viewer to what is declared on the root's fields.
struct DeclaredOfRoot;

impl Guard for DeclaredOfRoot {
    async fn check(&self, ctx: &Context<'_>) -> Result<()> {
        check_root(ctx, "Subscription")
    }
}

fn missing(what: &str) -> async_graphql::Error {
    protocol_error(
        code::NOT_FOUND,
        format!("there is no such {what}, or none that you may watch"),
    )
}

/// What can be watched, over WebSocket by the protocol `graphql-transport-ws`.
#[Subscription(name = "Subscription", guard = DeclaredOfRoot)]
impl SubscriptionRoot {
    /// The order with this id, for the buyer's account and for whoever holds the guest's secret: as it is now, and again
    /// whenever something happened to it.
    #[graphql(directive = access::apply(Who::Anyone))]
    async fn order_updated(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Its id.")] id: ID,
    ) -> Result<impl Stream<Item = Order> + use<>> {
        let order = order_node(ctx, &id).await?.ok_or_else(|| missing("order"))?;
        ctx.listen(Topic::Order(parse_id::<OrderId>(&id)?));
        Ok(stream::iter([order]))
    }

    /// What happens in a shop that you own or curate from now on: clicks, sales, refunds.
    #[graphql(directive = access::apply(Who::Account))]
    async fn shop_activity(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The shop's id.")] shop_id: ID,
    ) -> Result<impl Stream<Item = ShopActivity> + use<>> {
        let shop = shop_node(ctx, &shop_id).await?;
        let Shop(shop) = shop.ok_or_else(|| missing("shop"))?;
        if !is_run(ctx, shop.id, shop.owner_id).await? {
            return Err(missing("shop"));
        }
        ctx.listen(Topic::Shop(shop.id));
        Ok(stream::iter(activity(ctx, shop.id, shop.owner_id).await?))
    }

    /// What you have earned as a shopholder, by currency: as it is now, and again whenever it changed.
    #[graphql(directive = access::apply(Who::Account), complexity = "2 * child_complexity")]
    async fn earnings_updated(&self, ctx: &Context<'_>) -> Result<impl Stream<Item = Vec<Earnings>> + use<>> {
        let party = Party::Shopholder(ctx.account()?.id);
        ctx.listen(Topic::Earnings(party));
        Ok(stream::iter([ledger::earnings(ctx, party).await?]))
    }

    /// The import with this id, at a brand you work for: as it is now, and again whenever it was begun, or ended.
    #[graphql(directive = keyed::apply(Who::Account, Scope::CatalogRead))]
    async fn product_import_updated(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Its id.")] id: ID,
    ) -> Result<impl Stream<Item = ProductImport> + use<>> {
        let import = import_node(ctx, &id).await?.ok_or_else(|| missing("import"))?;
        ctx.listen(Topic::Import(parse_id::<ImportId>(&id)?));
        Ok(stream::iter([import]))
    }
}

async fn activity(ctx: &Context<'_>, shop: ShopId, owner: AccountId) -> Result<Option<ShopActivity>> {
    let Some(happening) = ctx.happening() else {
        return Ok(None);
    };
    let found = settle(ctx, domain::activity(ctx.cx().db(), shop, happening).await)?;
    Ok(found.map(|activity| ShopActivity {
        activity,
        shop,
        owner,
    }))
}

/// What happened in a shop.
#[derive(Enum, Copy, Clone, Debug, PartialEq, Eq)]
#[graphql(remote = "domain::ActivityKind")]
pub enum ShopActivityKind {
    /// A visitor followed one of its links, and was counted.
    Click,
    /// An order was paid.
    Sale,
    /// A buyer got money back.
    Refund,
}

/// One thing that happened in a shop. It belongs to those who curate the shop.
pub struct ShopActivity {
    activity: domain::Activity,
    shop: ShopId,
    owner: AccountId,
}

impl Subject for ShopActivity {
    async fn is_owned(&self, ctx: &Context<'_>) -> Result<bool> {
        is_run(ctx, self.shop, self.owner).await
    }
}

/// One thing that happened in a shop. It tells nothing of the buyer. It belongs to those who curate the shop.
#[Object(guard = Declared(self))]
impl ShopActivity {
    /// Its id: the same for everyone it is told, so that what is told twice can be known.
    #[graphql(directive = access::apply(Who::Owner))]
    async fn id(&self) -> ID {
        self.activity.id.to_string().into()
    }

    /// What happened.
    #[graphql(directive = access::apply(Who::Owner))]
    async fn kind(&self) -> ShopActivityKind {
        self.activity.kind.into()
    }

    /// When.
    #[graphql(directive = access::apply(Who::Owner))]
    async fn occurred_at(&self) -> DateTime<Utc> {
        self.activity.at
    }

    /// How many units were sold or refunded; 0 for a click.
    #[graphql(directive = access::apply(Who::Owner))]
    async fn quantity(&self) -> i32 {
        self.activity.quantity
    }

    /// What buyers paid for them, or got back, VAT included; `null` for a click.
    #[graphql(directive = access::apply(Who::Owner))]
    async fn amount(&self) -> Option<Money> {
        self.activity.amount.map(Money)
    }

    /// What you earn by it, or give back of what you had earned; `null` for a click.
    #[graphql(directive = access::apply(Who::Owner))]
    async fn earnings(&self) -> Option<Money> {
        self.activity.earnings.map(Money)
    }
}
