//! Everybody who may ask, and whose everything is.

use std::collections::BTreeMap;

use sea_orm::{EntityTrait, ModelTrait};
use serde_json::{Value, json};
use vitrine_domain::ports::Clock;
use vitrine_model::Time;
use vitrine_model::catalog::{brand, import, product, variant};
use vitrine_model::checkout::{cart, dispute, fulfillment, order, order_line, refund, return_request};
use vitrine_model::id::{BrandId, OrderId};
use vitrine_model::identity::{account, api_key};
use vitrine_model::ledger::{Party, adjustment};
use vitrine_model::payout;
use vitrine_model::referral::link;
use vitrine_model::shop::{self, recommendation};
use vitrine_model::webhook::{endpoint, message};

use super::contract::Field;
use crate::support::{App, Person};

/// Who asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Asker {
    /// The owner of the shop.
    Shopholder,
    /// Who curates the shop with its owner.
    Curator,
    /// The owner of the brand.
    BrandOwner,
    /// Someone who manages the brand, and does not own it.
    Manager,
    /// Someone who works for the brand, but may only ship.
    Shipper,
    /// Who runs the platform.
    Operator,
    /// The owner of another brand and of another shop.
    OtherTenant,
    /// Someone signed in who has nothing.
    Stranger,
    /// Someone signed in who buys.
    Customer,
    /// The owner of the shop, by a session that has ended.
    Expired,
    /// A program of the brand's, by a key with all scopes.
    Key,
    /// The same by a key with one scope, which counts stock.
    NarrowKey,
    /// A program of another brand's, by a key with all scopes.
    OtherKey,
    /// A program of the brand's, by a key that was revoked.
    RevokedKey,
    /// A guest who bought, holding her secret.
    Buyer,
    /// A guest who bought elsewhere, holding her own secret.
    OtherGuest,
    /// A guest who bought, holding a secret whose time is over.
    LapsedGuest,
    /// Nobody known.
    Anonymous,
}

impl Asker {
    pub(super) const ALL: [Self; 18] = [
        Self::Shopholder,
        Self::Curator,
        Self::BrandOwner,
        Self::Manager,
        Self::Shipper,
        Self::Operator,
        Self::OtherTenant,
        Self::Stranger,
        Self::Customer,
        Self::Expired,
        Self::Key,
        Self::NarrowKey,
        Self::OtherKey,
        Self::RevokedKey,
        Self::Buyer,
        Self::OtherGuest,
        Self::LapsedGuest,
        Self::Anonymous,
    ];

    pub(super) fn is_signed_in(self) -> bool {
        let nobody = matches!(
            self,
            Self::Expired | Self::Buyer | Self::OtherGuest | Self::LapsedGuest | Self::Anonymous
        );
        !nobody && !self.is_key()
    }

    pub(super) fn is_key(self) -> bool {
        matches!(
            self,
            Self::Key | Self::NarrowKey | Self::OtherKey | Self::RevokedKey
        )
    }

    /// Whether what it asks by opens nothing any more.
    pub(super) fn is_over(self) -> bool {
        matches!(self, Self::Expired | Self::RevokedKey)
    }

    /// Whether it is a key that may what takes this scope.
    pub(super) fn has(self, scope: Option<&str>) -> bool {
        match self {
            Self::Key | Self::OtherKey => scope.is_some(),
            // Whoever counts stock may see what is counted.
            Self::NarrowKey => matches!(scope, Some("STOCK_WRITE" | "CATALOG_READ")),
            _ => false,
        }
    }
}

/// What has an id.
#[derive(Debug, Clone)]
pub(super) struct Thing {
    /// Its type in the contract.
    pub(super) of: &'static str,
    /// Those it belongs to.
    pub(super) owners: Vec<Asker>,
    /// Whether everybody sees that it is there.
    pub(super) public: bool,
}

/// Everybody and everything.
pub(super) struct World<'a> {
    pub(super) app: &'a App,
    pub(super) people: BTreeMap<Asker, Person<'a>>,
    /// The brand that the brand's owner owns.
    pub(super) brand: String,
    /// What there is to name in arguments and inputs.
    pub(super) named: BTreeMap<&'static str, String>,
    things: BTreeMap<String, Thing>,
    /// An access token whose time is over.
    expired: String,
}

impl<'a> World<'a> {
    pub(super) fn new(
        app: &'a App,
        people: BTreeMap<Asker, Person<'a>>,
        brand: String,
        expired: String,
    ) -> Self {
        Self {
            app,
            people,
            brand,
            named: BTreeMap::new(),
            things: BTreeMap::new(),
            expired,
        }
    }

    /// Sends one operation as this asker.
    pub(super) async fn send(&self, by: Asker, document: &str, variables: Value) -> Value {
        if by == Asker::Expired {
            // Everybody else refreshes her session when it is time.
            let request = self
                .app
                .http
                .post(self.app.url("/graphql"))
                .bearer_auth(&self.expired);
            let body = json!({ "query": document, "variables": variables });
            return request.json(&body).send().await.unwrap().json().await.unwrap();
        }
        self.people[&by].send(document, variables).await
    }

    /// What has this id.
    pub(super) fn thing(&self, id: &str) -> Option<&Thing> {
        self.things.get(id)
    }

    /// The ids of things of one type.
    pub(super) fn of(&self, of: &str) -> Vec<&str> {
        let those = self.things.iter().filter(|(_, thing)| thing.of == of);
        those.map(|(id, _)| id.as_str()).collect()
    }

    /// What is named so.
    pub(super) fn id(&self, name: &str) -> &str {
        self.named
            .get(name)
            .unwrap_or_else(|| panic!("nothing is named {name}"))
    }

    /// With which arguments the field is called: once for each way to call it.
    pub(super) fn calls(&self, of: &str, field: &Field) -> Vec<String> {
        let id = |name: &str| format!("(id: \"{}\")", self.id(name));
        let handle = |handle: &str| format!("(handle: \"{handle}\")");
        match (of, field.name.as_str()) {
            ("Mutation", _) if field.arguments.is_empty() => vec![String::new()],
            ("Mutation", _) => vec!["(input: $in)".to_owned()],
            ("Query", "node") => vec![id("shop")],
            ("Query", "nodes") => vec![format!(
                "(ids: [\"{}\", \"{}\"])",
                self.id("order"),
                self.id("brand")
            )],
            ("Query", "brand") => vec![id("brand"), handle("tea")],
            ("Query", "shop") => vec![id("shop"), handle("tea-shop"), id("draft"), handle("draft")],
            ("Query", "product") => vec![
                id("product"),
                id("hidden"),
                format!("(brandId: \"{}\", handle: \"tea\")", self.id("brand")),
            ],
            ("Query", "cart" | "order" | "productImport") => vec![id(&field.name)],
            ("Query", "splitPreview") => vec![format!(
                "(productIds: [\"{}\"], shares: [0, 4000])",
                self.id("product")
            )],
            ("Query", "invitation") => vec![format!("(token: \"{}\")", self.id("invitation"))],
            ("Query", "shopInvitation") => vec![format!("(token: \"{}\")", self.id("shopInvitation"))],
            ("Query", "consents") => vec!["(visitorId: \"visitor\")".to_owned()],
            ("Query", "payoutMinimum") => vec!["(currency: EUR)".to_owned()],
            ("Brand", "order") => vec![id("order")],
            ("ShareSplit" | "Recommendation", "split") => {
                vec![format!("(variantId: \"{}\")", self.id("variant"))]
            }
            _ => vec![Self::page(of, field)],
        }
    }

    /// The arguments of a list, or none.
    fn page(of: &str, field: &Field) -> String {
        let needed = field.arguments.iter().find(|argument| argument.required);
        if let Some(argument) = needed {
            panic!("{of}.{}: no value for {}", field.name, argument.name);
        }
        let paged = field.arguments.iter().any(|argument| argument.name == "first");
        match (of, field.name.as_str()) {
            // Long enough that all that may stand in them does.
            ("Account", "statement") => "(first: 40)".to_owned(),
            _ if paged => "(first: 4)".to_owned(),
            _ => String::new(),
        }
    }

    /// Learns whose everything is, from the rows.
    pub(super) async fn learn(&mut self) {
        self.things.clear();
        self.learn_identity_and_catalog().await;
        self.learn_shops().await;
        self.learn_checkout().await;
        self.learn_money().await;
        self.learn_webhooks().await;
    }

    fn put(&mut self, id: impl ToString, of: &'static str, owners: Vec<Asker>, public: bool) {
        self.things.insert(id.to_string(), Thing { of, owners, public });
    }

    /// Those who ask as this account.
    fn account(&self, id: impl ToString) -> Vec<Asker> {
        let id = id.to_string();
        let hers = self
            .people
            .iter()
            .filter(|(asker, person)| asker.is_signed_in() && person.id == id);
        hers.map(|(asker, _)| *asker).collect()
    }

    /// Those who work for the brand.
    fn staff(&self, id: BrandId) -> Vec<Asker> {
        match id.to_string() == self.brand {
            true => vec![Asker::BrandOwner, Asker::Manager, Asker::Shipper],
            false => vec![Asker::OtherTenant],
        }
    }

    /// The same, and the brand's keys with this scope.
    fn staff_and_keys(&self, id: BrandId, scope: &str) -> Vec<Asker> {
        let keys: &[Asker] = match id.to_string() == self.brand {
            true => &[Asker::Key, Asker::NarrowKey],
            false => &[Asker::OtherKey],
        };
        let keys = keys.iter().copied().filter(|key| key.has(Some(scope)));
        self.staff(id).into_iter().chain(keys).collect()
    }

    /// Those who manage the brand, and its keys with this scope.
    fn managers_and_keys(&self, id: BrandId, scope: &str) -> Vec<Asker> {
        let all = self.staff_and_keys(id, scope).into_iter();
        all.filter(|asker| *asker != Asker::Shipper).collect()
    }

    fn party(&self, party: Party) -> Vec<Asker> {
        match party {
            // A brand's money is its owners' concern, not that of all who work for it.
            Party::Brand(id) => self
                .staff(id)
                .into_iter()
                .filter(|asker| ![Asker::Shipper, Asker::Manager].contains(asker))
                .collect(),
            Party::Shopholder(id) => self.account(id),
        }
    }

    async fn all<E: EntityTrait>(&self) -> Vec<E::Model>
    where
        E::Model: ModelTrait,
    {
        E::find().all(self.app.db()).await.unwrap()
    }

    async fn learn_identity_and_catalog(&mut self) {
        for row in self.all::<account::Entity>().await {
            let owners = self.account(row.id);
            self.put(row.id, "Account", owners, true);
        }
        for row in self.all::<brand::Entity>().await {
            let owners = self.staff_and_keys(row.id, "STOCK_WRITE");
            self.put(row.id, "Brand", owners, true);
        }
        for row in self.all::<api_key::Entity>().await {
            let mut owners = self.staff(row.brand_id);
            owners.retain(|asker| *asker != Asker::Shipper);
            self.put(row.id, "ApiKey", owners, false);
        }
        let products = self.all::<product::Entity>().await;
        for row in &products {
            let owners = self.staff_and_keys(row.brand_id, "CATALOG_READ");
            self.put(row.id, "Product", owners, row.published);
        }
        for row in self.all::<variant::Entity>().await {
            let product = products.iter().find(|product| product.id == row.product_id);
            let owners = self.staff_and_keys(row.brand_id, "CATALOG_READ");
            self.put(
                row.id,
                "ProductVariant",
                owners,
                product.is_some_and(|product| product.published),
            );
        }
        for row in self.all::<import::Entity>().await {
            let owners = self.staff_and_keys(row.brand_id, "CATALOG_READ");
            self.put(row.id, "ProductImport", owners, false);
        }
    }

    /// Those who curate the shop: its owner, and at the one in the story somebody with her.
    fn curators(&self, shop: &shop::Model) -> Vec<Asker> {
        let mut curators = self.account(shop.owner_id);
        if self.named.get("shop") == Some(&shop.id.to_string()) {
            curators.push(Asker::Curator);
        }
        curators
    }

    async fn learn_shops(&mut self) {
        let products = self.all::<product::Entity>().await;
        let shops = self.all::<shop::Entity>().await;
        for row in &shops {
            let owners = self.curators(row);
            self.put(row.id, "Shop", owners, row.state == shop::ShopState::Published);
        }
        let of = |id| shops.iter().find(|shop| shop.id == id).expect("its shop");
        for row in self.all::<recommendation::Entity>().await {
            let product = products
                .iter()
                .find(|product| product.id == row.product_id)
                .expect("its product");
            let shop = of(row.shop_id);
            let offered = product.published && product.promotable && shop.state == shop::ShopState::Published;
            if row.removed_at.is_none() {
                let owners = self.curators(shop);
                self.put(row.id, "Recommendation", owners, offered);
            }
        }
        for row in self.all::<link::Entity>().await {
            let owners = self.curators(of(row.shop_id));
            self.put(row.id, "ReferralLink", owners, false);
        }
    }

    async fn learn_checkout(&mut self) {
        for row in self.all::<cart::Entity>().await {
            let owners = self.holder(
                row.account_id.map(|id| id.to_string()),
                &row.secret_hash,
                row.secret_expires_at,
            );
            self.put(row.id, "Cart", owners, false);
        }
        let lines = self.all::<order_line::Entity>().await;
        let mut orders: BTreeMap<OrderId, Vec<Asker>> = BTreeMap::new();
        for row in self.all::<order::Entity>().await {
            let owners = self.holder(
                row.account_id.map(|id| id.to_string()),
                &row.secret_hash,
                row.secret_expires_at,
            );
            orders.insert(row.id, owners.clone());
            self.put(row.id, "Order", owners, false);
        }
        let with_staff = |world: &Self, order: OrderId, brand: Option<BrandId>| {
            let brands = lines
                .iter()
                .filter(|line| line.order_id == order)
                .map(|line| line.brand_id);
            let brands = brands.filter(|one| brand.is_none_or(|brand| brand == *one));
            let staff = brands.flat_map(|brand| world.staff_and_keys(brand, "ORDERS_READ"));
            let staff = staff.collect::<Vec<_>>();
            [orders[&order].clone(), staff].concat()
        };
        for row in self.all::<fulfillment::Entity>().await {
            let owners = with_staff(self, row.order_id, Some(row.brand_id));
            self.put(row.id, "Fulfillment", owners, false);
        }
        for row in self.all::<return_request::Entity>().await {
            let owners = with_staff(self, row.order_id, Some(row.brand_id));
            self.put(row.id, "Return", owners, false);
        }
        for row in self.all::<refund::Entity>().await {
            let owners = with_staff(self, row.order_id, None);
            self.put(row.id, "Refund", owners, false);
        }
        for row in self.all::<dispute::Entity>().await {
            let owners = with_staff(self, row.order_id, None);
            self.put(row.id, "Dispute", owners, false);
        }
    }

    /// Who opens it: by her account, or by the secret that she holds.
    fn holder(&self, account: Option<String>, secret_hash: &[u8], until: Time) -> Vec<Asker> {
        let mut holders = account.map_or_else(Vec::new, |id| self.account(id));
        if until < Clock::now(&*self.app.clock) {
            return holders;
        }
        for (asker, person) in &self.people {
            let held = person
                .guest
                .clone()
                .map(|secret| vitrine_domain::secret::hash_secret(&secret.into()));
            if held.as_deref() == Some(secret_hash) {
                holders.push(*asker);
            }
        }
        holders
    }

    async fn learn_webhooks(&mut self) {
        let endpoints = self.all::<endpoint::Entity>().await;
        // An address may hold a secret of its receiver's: it is for those who manage the brand.
        let owners = |world: &Self, row: &endpoint::Model| {
            row.brand_id
                .map_or_else(Vec::new, |brand| world.managers_and_keys(brand, "WEBHOOKS_WRITE"))
        };
        for row in &endpoints {
            let owners = owners(self, row);
            self.put(row.id, "WebhookEndpoint", owners, false);
        }
        for row in self.all::<message::Entity>().await {
            let endpoint = endpoints
                .iter()
                .find(|endpoint| endpoint.id == row.endpoint_id)
                .expect("its endpoint");
            let owners = owners(self, endpoint);
            self.put(row.id, "WebhookMessage", owners, false);
        }
    }

    async fn learn_money(&mut self) {
        for row in self.all::<payout::Entity>().await {
            let owners = match row.party {
                Party::Brand(brand) => {
                    let mut owners = self.managers_and_keys(brand, "MONEY_READ");
                    owners.retain(|asker| *asker != Asker::Manager);
                    owners
                }
                party => self.party(party),
            };
            self.put(row.id, "Payout", owners, false);
        }
        for row in self.all::<adjustment::Entity>().await {
            let owners = row.party.map_or_else(Vec::new, |party| self.party(party));
            self.put(row.id, "Adjustment", owners, false);
        }
    }
}
