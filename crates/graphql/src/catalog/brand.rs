//! Brands and their terms.

use async_graphql::{Context, Enum, ID, Object, Result};
use chrono::{DateTime, Utc};
use vitrine_domain::activity::of_brand;
use vitrine_domain::checkout::OrderNamed;
use vitrine_domain::{catalog, identity};
use vitrine_model::catalog as rows;
use vitrine_model::catalog::{brand, shipping_rate, terms};
use vitrine_model::identity::Role;
use vitrine_model::ledger::Party;
use vitrine_model::money::Currency;

use crate::access::{Declared, Scope, Subject, Who, access, keyed};
use crate::activity::{ActivityConnection, activities};
use crate::catalog::import::{ProductImportConnection, imports_of};
use crate::catalog::loaders::{RatesOf, TermsAnnounced, TermsNow};
use crate::catalog::{role_at, works_for};
use crate::checkout::{BrandOrder, BrandOrderConnection, BrandOrderFilter, order_of_brand, orders_of_brand};
use crate::connection::{connection, page, whole};
use crate::error::{code, protocol_error};
use crate::identity::{ApiKeyConnection, BrandInvitation, BrandMember, api_keys};
use crate::ledger::{self, Earnings, StatementConnection};
use crate::loaders::{load, rows};
use crate::money::{CurrencyCode, Money};
use crate::payout::{self, PayoutAccount, PayoutConnection, PayoutFreeze, PayoutHold};
use crate::request::{RequestContext, parse_id};
use crate::webhook::{self, WebhookEndpointConnection};

/// Most versions of a brand's terms listed at once, the newest.
const MAX_TERMS: u64 = 200;

/// Who bears the payment provider's fee on a charge.
#[derive(Enum, Copy, Clone, Debug, PartialEq, Eq)]
#[graphql(remote = "rows::FeeBearer")]
pub enum FeeBearer {
    /// The brand, in proportion to its units.
    Brand,
    /// The platform.
    Platform,
}

/// A brand: who sells and ships. It belongs to those who work for it; its members and its money are its owners' concern.
#[derive(Debug, Clone)]
pub struct Brand(pub(crate) brand::Model);

impl Subject for Brand {
    async fn is_owned(&self, ctx: &Context<'_>) -> Result<bool> {
        works_for(ctx, self.0.id).await
    }

    async fn role(&self, ctx: &Context<'_>) -> Result<Option<Role>> {
        role_at(ctx, self.0.id).await
    }
}

/// A brand: who sells and ships. It belongs to those who work for it; its members and its money are its owners' concern.
#[Object(guard = Declared(self))]
impl Brand {
    /// Its id.
    #[graphql(directive = access::apply(Who::Anyone))]
    pub(crate) async fn id(&self) -> ID {
        self.0.id.to_string().into()
    }

    /// The name in its address; unique.
    #[graphql(directive = access::apply(Who::Anyone))]
    async fn handle(&self) -> &str {
        self.0.handle.as_str()
    }

    /// What people call it.
    #[graphql(directive = access::apply(Who::Anyone))]
    async fn name(&self) -> &str {
        self.0.name.as_str()
    }

    /// Where its picture is, such as its logo, if it has one. The brand's own server shows it.
    #[graphql(directive = access::apply(Who::Anyone))]
    async fn picture_url(&self) -> Option<&str> {
        self.0.picture_url.as_ref().map(|url| url.as_str())
    }

    /// Where it is established and ships from: an ISO 3166-1 alpha-2 code.
    #[graphql(directive = access::apply(Who::Anyone))]
    async fn country(&self) -> &str {
        self.0.country.as_str()
    }

    /// The one currency it sells in.
    #[graphql(directive = access::apply(Who::Anyone))]
    async fn currency(&self) -> CurrencyCode {
        self.0.currency.into()
    }

    /// The VAT rate of variants that name none, in basis points.
    #[graphql(directive = access::apply(Who::Anyone))]
    async fn default_vat_rate(&self) -> i32 {
        self.0.default_vat_bp.get()
    }

    /// Whether its prices contain VAT.
    #[graphql(directive = access::apply(Who::Anyone))]
    async fn prices_include_tax(&self) -> bool {
        self.0.prices_include_tax
    }

    /// Who bears the payment provider's fee; the operator decides.
    #[graphql(directive = access::apply(Who::Owner))]
    async fn fee_bearer(&self) -> FeeBearer {
        self.0.fee_bearer.into()
    }

    /// The terms in force now.
    #[graphql(directive = access::apply(Who::Account))]
    async fn terms(&self, ctx: &Context<'_>) -> Result<Option<Terms>> {
        Ok(load(ctx, TermsNow(self.0.id)).await?.map(Terms))
    }

    /// Terms announced that are not in force yet; `null` when none are.
    #[graphql(directive = access::apply(Who::Account))]
    async fn announced_terms(&self, ctx: &Context<'_>) -> Result<Option<Terms>> {
        Ok(load(ctx, TermsAnnounced(self.0.id)).await?.map(Terms))
    }

    /// The terms through time, those decided last first; 200 at most. What was announced and then decided anew before it
    /// applied is left out.
    #[graphql(directive = access::apply(Who::Owner), complexity = "200 * child_complexity")]
    async fn terms_history(&self, ctx: &Context<'_>) -> Result<Vec<Terms>> {
        let history = whole(ctx, catalog::terms_history(self.0.id), MAX_TERMS).await?;
        Ok(history.into_iter().map(Terms).collect())
    }

    /// Where it ships and for how much, by country.
    #[graphql(directive = access::apply(Who::Anyone), complexity = "20 * child_complexity")]
    async fn shipping_rates(&self, ctx: &Context<'_>) -> Result<Vec<ShippingRate>> {
        let rates = rows(ctx, RatesOf(self.0.id)).await?;
        let rate = |row| ShippingRate(row, self.0.currency);
        Ok(rates.into_iter().map(rate).collect())
    }

    /// Who works for it, the founder first; 200 at most.
    #[graphql(directive = access::apply(Who::BrandOwner), complexity = "20 * child_complexity")]
    async fn members(&self, ctx: &Context<'_>) -> Result<Vec<BrandMember>> {
        let members = whole(ctx, identity::members_of(self.0.id), identity::MAX_LISTED).await?;
        Ok(members.into_iter().map(BrandMember).collect())
    }

    /// Invitations to work for it that wait for their answer, the newest first; 50 at most.
    #[graphql(directive = access::apply(Who::BrandOwner), complexity = "20 * child_complexity")]
    async fn invitations(&self, ctx: &Context<'_>) -> Result<Vec<BrandInvitation>> {
        let sent = identity::invitations_of(self.0.id, ctx.cx().now());
        let sent = whole(ctx, sent, identity::MAX_INVITATIONS).await?;
        Ok(sent.into_iter().map(BrandInvitation).collect())
    }

    /// What it has earned, by currency.
    #[graphql(directive = keyed::apply(Who::BrandOwner, Scope::MoneyRead), complexity = "2 * child_complexity")]
    async fn balance(&self, ctx: &Context<'_>) -> Result<Vec<Earnings>> {
        ledger::earnings(ctx, Party::Brand(self.0.id)).await
    }

    /// What happened to its money, the latest first, with running balances.
    #[graphql(directive = keyed::apply(Who::BrandOwner, Scope::MoneyRead))]
    async fn statement(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Only entries of this currency.")] currency: Option<CurrencyCode>,
        first: Option<i32>,
        after: Option<String>,
        last: Option<i32>,
        before: Option<String>,
    ) -> Result<StatementConnection> {
        let page = page(first, after, last, before)?;
        ledger::statement(ctx, Party::Brand(self.0.id), currency, page).await
    }

    /// Where its payouts go; `null` until `payoutAccountOnboardingLinkCreate` was first called.
    #[graphql(directive = access::apply(Who::BrandOwner))]
    async fn payout_account(&self, ctx: &Context<'_>) -> Result<Option<PayoutAccount>> {
        payout::account_of(ctx, Party::Brand(self.0.id)).await
    }

    /// The stop that the operator put to its payouts; `null` when there is none.
    #[graphql(directive = access::apply(Who::BrandOwner))]
    async fn payout_hold(&self, ctx: &Context<'_>) -> Result<Option<PayoutHold>> {
        payout::hold_on(ctx, Party::Brand(self.0.id)).await
    }

    /// Why its payouts wait after a change of how an owner proves who she is, or of where its money goes; `null` when they do
    /// not.
    #[graphql(directive = access::apply(Who::BrandOwner))]
    async fn payout_freeze(&self, ctx: &Context<'_>) -> Result<Option<PayoutFreeze>> {
        payout::freeze_on(ctx, Party::Brand(self.0.id)).await
    }

    /// Its payouts, the newest first.
    #[graphql(directive = keyed::apply(Who::BrandOwner, Scope::MoneyRead))]
    async fn payouts(
        &self,
        ctx: &Context<'_>,
        first: Option<i32>,
        after: Option<String>,
        last: Option<i32>,
        before: Option<String>,
    ) -> Result<PayoutConnection> {
        payout::payouts_of(ctx, Party::Brand(self.0.id), first, after, last, before).await
    }

    /// What was done to the brand, its members and its money, the latest first.
    #[graphql(directive = access::apply(Who::BrandOwner))]
    async fn activity(
        &self,
        ctx: &Context<'_>,
        first: Option<i32>,
        after: Option<String>,
        last: Option<i32>,
        before: Option<String>,
    ) -> Result<ActivityConnection> {
        activities(ctx, of_brand(self.0.id), (first, after, last, before)).await
    }

    /// The paid orders that hold something of it, the newest first: its own part of each.
    #[graphql(directive = keyed::apply(Who::Owner, Scope::OrdersRead))]
    async fn orders(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which of them.")] filter: Option<BrandOrderFilter>,
        first: Option<i32>,
        after: Option<String>,
        last: Option<i32>,
        before: Option<String>,
    ) -> Result<BrandOrderConnection> {
        orders_of_brand(ctx, self.0.id, filter, first, after, last, before).await
    }

    /// Its own part of one paid order, such as a webhook message names; `null` when the order holds nothing of it. Give the id
    /// or the number.
    #[graphql(directive = keyed::apply(Who::Owner, Scope::OrdersRead))]
    async fn order(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The order's id.")] id: Option<ID>,
        #[graphql(desc = "What people read out on the phone.")] number: Option<String>,
    ) -> Result<Option<BrandOrder>> {
        let named = match (id, number) {
            (Some(id), None) => OrderNamed::Id(parse_id(&id)?),
            (None, Some(number)) => OrderNamed::Number(number),
            _ => return Err(protocol_error(code::BAD_USER_INPUT, "give an id or a number")),
        };
        order_of_brand(ctx, self.0.id, named).await
    }

    /// Imports of its product files, the newest first.
    #[graphql(directive = keyed::apply(Who::Owner, Scope::CatalogRead))]
    async fn imports(
        &self,
        ctx: &Context<'_>,
        first: Option<i32>,
        after: Option<String>,
        last: Option<i32>,
        before: Option<String>,
    ) -> Result<ProductImportConnection> {
        let page = page(first, after, last, before)?;
        imports_of(ctx, self.0.id, page).await
    }

    /// Addresses that are told of what happens to it, the oldest first.
    #[graphql(directive = keyed::apply(Who::BrandManager, Scope::WebhooksWrite))]
    async fn webhook_endpoints(
        &self,
        ctx: &Context<'_>,
        first: Option<i32>,
        after: Option<String>,
        last: Option<i32>,
        before: Option<String>,
    ) -> Result<WebhookEndpointConnection> {
        webhook::endpoints(ctx, Some(self.0.id), page(first, after, last, before)?).await
    }

    /// Keys by which programs of its own ask, the newest first, those that open nothing any more among them.
    #[graphql(directive = access::apply(Who::BrandManager))]
    async fn api_keys(
        &self,
        ctx: &Context<'_>,
        first: Option<i32>,
        after: Option<String>,
        last: Option<i32>,
        before: Option<String>,
    ) -> Result<ApiKeyConnection> {
        api_keys(ctx, self.0.id, (first, after, last, before)).await
    }

    /// When it was founded here.
    #[graphql(directive = access::apply(Who::Anyone))]
    async fn created_at(&self) -> DateTime<Utc> {
        self.0.created_at
    }
}

connection!(BrandConnection, BrandEdge, Brand, "brands");

/// What a brand offers from an instant on, until later terms take over.
#[derive(Debug, Clone)]
pub struct Terms(pub(crate) terms::Model);

impl Subject for Terms {}

/// What a brand offers from an instant on, until later terms take over.
#[Object(guard = Declared(self))]
impl Terms {
    /// Its id.
    #[graphql(directive = access::apply(Who::Anyone))]
    async fn id(&self) -> ID {
        self.0.id.to_string().into()
    }

    /// Commission on products that have no rate of their own: basis points of the price without VAT.
    #[graphql(directive = access::apply(Who::Anyone))]
    async fn commission_rate(&self) -> i32 {
        self.0.commission_bp.get()
    }

    /// The platform's part of the commission, in basis points of it.
    #[graphql(directive = access::apply(Who::Anyone))]
    async fn platform_fee_rate(&self) -> i32 {
        self.0.platform_fee_bp.get()
    }

    /// The platform's fee on sales nobody is credited for: basis points of the price without VAT.
    #[graphql(directive = access::apply(Who::Anyone))]
    async fn organic_fee_rate(&self) -> i32 {
        self.0.organic_fee_bp.get()
    }

    /// How many days after a click a sale may be credited to it.
    #[graphql(directive = access::apply(Who::Anyone))]
    async fn attribution_days(&self) -> i32 {
        self.0.attribution_days
    }

    /// Days after delivery until the brand's money is released.
    #[graphql(directive = access::apply(Who::Anyone))]
    async fn brand_window_days(&self) -> i32 {
        self.0.brand_window_days
    }

    /// Days after delivery until the shopholder's and the platform's money is released.
    #[graphql(directive = access::apply(Who::Anyone))]
    async fn shop_window_days(&self) -> i32 {
        self.0.shop_window_days
    }

    /// Days after shipment at which delivery is assumed when it is unknown.
    #[graphql(directive = access::apply(Who::Anyone))]
    async fn unknown_delivery_days(&self) -> i32 {
        self.0.unknown_delivery_days
    }

    /// Whether a shopholder may buy through her own shop with credit and discount.
    #[graphql(directive = access::apply(Who::Anyone))]
    async fn member_price(&self) -> bool {
        self.0.member_price
    }

    /// From when they apply.
    #[graphql(directive = access::apply(Who::Anyone))]
    async fn effective_from(&self) -> DateTime<Utc> {
        self.0.effective_from
    }
}

/// A brand's flat price for sending one order to one country.
#[derive(Debug, Clone)]
pub struct ShippingRate(pub(crate) shipping_rate::Model, pub(crate) Currency);

impl Subject for ShippingRate {}

/// A brand's flat price for sending one order to one country.
#[Object(guard = Declared(self))]
impl ShippingRate {
    /// Whither: an ISO 3166-1 alpha-2 code.
    #[graphql(directive = access::apply(Who::Anyone))]
    async fn country(&self) -> &str {
        self.0.country.as_str()
    }

    /// VAT included; zero is free.
    #[graphql(directive = access::apply(Who::Anyone))]
    async fn price(&self) -> Money {
        Money::new(self.0.amount, self.1)
    }
}
