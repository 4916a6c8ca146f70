//! A catalogue to sell from: brands founded through the API, products planted without an import.

use sea_orm::ActiveValue::Set;
use sea_orm::{ActiveModelTrait, EntityTrait};
use serde_json::json;
use vitrine_domain::context::Context;
use vitrine_model::catalog::{StockPolicy, product, product_text, variant, variant_price};
use vitrine_model::id::{BrandId, ProductId, VariantId};
use vitrine_model::money::Currency;

use super::App;

/// Most rows of one statement, so that their values stay below what a database takes.
const MOST_ROWS: usize = 500;

/// A product with its variants, as ids.
#[derive(Debug, Clone)]
pub(crate) struct Planted {
    pub(crate) product: String,
    pub(crate) variants: Vec<String>,
}

impl App {
    /// Founds a brand with this handle: it sells in EUR from Germany, its prices contain 21 % VAT, and it pays 15 %. Returns
    /// its id.
    pub(crate) async fn brand(&self, handle: &str) -> String {
        let founder = self.someone(&format!("{handle}-founder")).await;
        let create = "mutation($in: BrandCreateInput!) { brandCreate(input: $in) { brand { id } userErrors { message } } }";
        let new = json!({ "handle": handle, "name": handle, "country": "DE", "currency": "EUR", "defaultVatRate": 2100 });
        let made = founder.ask(create, json!({ "in": new })).await;
        let id = made["brandCreate"]["brand"]["id"].as_str();
        id.unwrap_or_else(|| panic!("{made}")).to_owned()
    }

    /// Puts a published product on sale, one variant per list price in cents, a hundred pieces of each.
    pub(crate) async fn plant(&self, brand: &str, handle: &str, prices: &[i64]) -> Planted {
        let planted = self.plant_many(brand, &[handle.to_owned()], prices).await;
        planted.into_iter().next().unwrap()
    }

    /// The same for many products, in few statements.
    pub(crate) async fn plant_many(&self, brand: &str, handles: &[String], prices: &[i64]) -> Vec<Planted> {
        let cx = self.vitrine().context("plant");
        let brand: BrandId = brand.parse().unwrap();
        let (mut products, mut texts, mut variants, mut planted) = (vec![], vec![], vec![], vec![]);
        for handle in handles {
            let product = goods(&cx, brand, handle, prices);
            let id = *product.id.as_ref();
            products.push(product);
            texts.push(product_text::ActiveModel {
                product_id: Set(id),
                description_html: Set(String::new()),
                search_text: Set(handle.clone()),
                ..Default::default()
            });
            let sizes: Vec<_> = (1..)
                .zip(prices)
                .map(|(size, price)| piece(cx.new_id(), brand, id, size, *price))
                .collect();
            planted.push(Planted {
                product: id.to_string(),
                variants: sizes
                    .iter()
                    .map(|variant| variant.id.as_ref().to_string())
                    .collect(),
            });
            variants.extend(sizes);
        }
        let prices = variants.iter().map(first_price).collect();
        self.put_all(products).await;
        self.put_all(texts).await;
        self.put_all(variants).await;
        self.put_all(prices).await;
        planted
    }

    /// Writes rows of one table.
    async fn put_all<A: ActiveModelTrait>(&self, rows: Vec<A>) {
        for some in rows.chunks(MOST_ROWS) {
            A::Entity::insert_many(some.to_vec())
                .exec_without_returning(self.db())
                .await
                .unwrap();
        }
    }
}

fn goods(cx: &Context, brand: BrandId, handle: &str, prices: &[i64]) -> product::ActiveModel {
    product::ActiveModel {
        id: Set(cx.new_id()),
        brand_id: Set(brand),
        handle: Set(handle.parse().unwrap()),
        title: Set(handle.parse().unwrap()),
        vendor: Set(None),
        product_type: Set(None),
        option1_name: Set(Some("Size".parse().unwrap())),
        option2_name: Set(None),
        option3_name: Set(None),
        commission_bp: Set(None),
        promotable: Set(true),
        published: Set(true),
        currency: Set(Currency::Eur),
        min_price: Set(*prices.iter().min().unwrap()),
        max_price: Set(*prices.iter().max().unwrap()),
        created_at: Set(cx.now()),
        updated_at: Set(cx.now()),
        ..Default::default()
    }
}

fn first_price(variant: &variant::ActiveModel) -> variant_price::ActiveModel {
    variant_price::ActiveModel {
        variant_id: variant.id.clone(),
        valid_from: variant.created_at.clone(),
        price: variant.price.clone(),
    }
}

fn piece(id: VariantId, brand: BrandId, product: ProductId, size: i32, price: i64) -> variant::ActiveModel {
    let now: vitrine_model::Time = super::START.parse().unwrap();
    variant::ActiveModel {
        id: Set(id),
        product_id: Set(product),
        brand_id: Set(brand),
        position: Set(size),
        title: Set(format!("Size {size}").parse().unwrap()),
        option1: Set(Some(format!("Size {size}").parse().unwrap())),
        option2: Set(None),
        option3: Set(None),
        price: Set(price),
        compare_at: Set(None),
        vat_bp: Set(None),
        floor: Set(None),
        sku: Set(None),
        barcode: Set(None),
        grams: Set(100),
        tracked: Set(true),
        policy: Set(StockPolicy::Deny),
        on_hand: Set(100),
        reserved: Set(0),
        image_id: Set(None),
        imported_on_hand: Set(None),
        active: Set(true),
        created_at: Set(now),
        updated_at: Set(now),
    }
}
