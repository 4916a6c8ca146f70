//! Accounts, brands, and what they sell.

use chrono::{DateTime, TimeDelta, Utc};

use super::names::{Thing, id, sha256, token};
use super::sink::Table;
use super::split::{COMMISSION, FEE};
use super::{OPERATOR, VARIANTS, Writer, price, put, shopholder};

const ACCOUNT: Table = Table {
    name: "account",
    columns: "id, email, email_verified_at, name, operator, created_at, erased_at",
};
const SESSION: Table = Table {
    name: "session",
    columns: "id, account_id, transport, device_name, user_agent, family_hash, refresh_hash, refresh_expires_at, \
              access_hash, access_expires_at, created_at, used_at, proved_at, ends_at, revoked_at, revoked_for",
};
const BRAND: Table = Table {
    name: "brand",
    columns: "id, handle, name, country, currency, default_vat_bp, prices_include_tax, fee_bearer, created_at, updated_at",
};
const MEMBER: Table = Table {
    name: "brand_member",
    columns: "brand_id, account_id, role, created_at",
};
const TERMS: Table = Table {
    name: "terms",
    columns: "id, brand_id, commission_bp, platform_fee_bp, organic_fee_bp, attribution_days, brand_window_days, \
              shop_window_days, unknown_delivery_days, member_price, effective_from, created_at",
};
const RATE: Table = Table {
    name: "shipping_rate",
    columns: "brand_id, country, amount, updated_at",
};
const PRODUCT: Table = Table {
    name: "product",
    columns: "id, brand_id, handle, title, vendor, product_type, option1_name, option2_name, option3_name, commission_bp, \
              next_commission_bp, next_commission_from, promotable, published, currency, min_price, max_price, created_at, \
              updated_at",
};
const WORDS: Table = Table {
    name: "product_text",
    columns: "id, product_id, description_html, search_text",
};
const TAG: Table = Table {
    name: "product_tag",
    columns: "product_id, tag",
};
const IMAGE: Table = Table {
    name: "product_image",
    columns: "id, product_id, position, url, alt",
};
const VARIANT: Table = Table {
    name: "variant",
    columns: "id, product_id, brand_id, position, title, option1, option2, option3, price, compare_at, vat_bp, floor, sku, \
              barcode, grams, tracked, policy, on_hand, reserved, imported_on_hand, image_id, active, created_at, updated_at",
};
const PRICE: Table = Table {
    name: "variant_price",
    columns: "variant_id, valid_from, price",
};

const NONE: Option<i64> = None;
const NO_TEXT: Option<&str> = None;
/// What there is a hundred of in any scale: searching for one finds a hundredth of the products.
const WORDS_OF_TITLES: [&str; 10] = [
    "Linen", "Walnut", "Copper", "Wool", "Oak", "Ceramic", "Cotton", "Leather", "Glass", "Bamboo",
];
const THINGS_OF_TITLES: [&str; 10] = [
    "shirt", "bowl", "lamp", "blanket", "chair", "mug", "towel", "wallet", "vase", "board",
];
/// Kinds of products.
const TYPES: u64 = 20;

/// Everything but shops.
pub(super) async fn write(writer: &mut Writer) -> anyhow::Result<()> {
    account(writer, OPERATOR, "Otto Operator", true).await?;
    for shop in 0..writer.size.shops {
        account(writer, shopholder(shop), &format!("Shopholder {shop}"), false).await?;
    }
    for number in 0..writer.size.brands {
        brand(writer, number).await?;
    }
    for number in 0..writer.size.products {
        product(writer, number).await?;
    }
    Ok(())
}

/// An account with a session that stays open.
async fn account(writer: &mut Writer, number: u64, name: &str, operator: bool) -> anyhow::Result<()> {
    let (made, never) = (writer.ago(400), writer.now + TimeDelta::days(3_650));
    let account = id(Thing::Account, number);
    put!(
        writer,
        ACCOUNT,
        account,
        format!("bench-{number}@example.com"),
        made,
        name,
        operator,
        made,
        NO_TEXT
    );
    put!(
        writer,
        SESSION,
        id(Thing::Session, number),
        account,
        "bearer",
        NO_TEXT,
        NO_TEXT,
        sha256(format!("family {number}").as_bytes()),
        sha256(format!("refresh {number}").as_bytes()),
        never,
        sha256(token(number).as_bytes()),
        never,
        made,
        writer.now,
        made,
        never,
        NO_TEXT,
        NO_TEXT,
    );
    Ok(())
}

async fn brand(writer: &mut Writer, number: u64) -> anyhow::Result<()> {
    let (brand, made) = (id(Thing::Brand, number), writer.ago(400));
    put!(
        writer,
        BRAND,
        brand,
        format!("brand-{number}"),
        format!("Brand {number}"),
        "DE",
        "EUR",
        1_900,
        true,
        "brand",
        made,
        made,
    );
    put!(writer, MEMBER, brand, id(Thing::Account, OPERATOR), "owner", made);
    put!(
        writer,
        TERMS,
        id(Thing::Terms, number),
        brand,
        COMMISSION,
        FEE,
        0,
        30,
        7,
        30,
        7,
        false,
        made,
        made,
    );
    put!(writer, RATE, brand, "DE", 0, made);
    Ok(())
}

fn title(number: u64) -> String {
    let (word, thing) = (number % 10, number / 10 % 10);
    format!(
        "{} {} {number}",
        WORDS_OF_TITLES[word as usize], THINGS_OF_TITLES[thing as usize]
    )
}

async fn product(writer: &mut Writer, number: u64) -> anyhow::Result<()> {
    let (product, brand) = (id(Thing::Product, number), writer.size.brand(number));
    let minutes = i64::try_from(writer.size.products - number)?;
    let made = writer.ago(100) - TimeDelta::minutes(minutes);
    let (title, amount, kind) = (title(number), price(number), format!("Kind {}", number % TYPES));
    put!(
        writer,
        PRODUCT,
        product,
        id(Thing::Brand, brand),
        format!("product-{number}"),
        title.as_str(),
        format!("Brand {brand}"),
        kind.as_str(),
        "Size",
        NO_TEXT,
        NO_TEXT,
        NONE,
        NONE,
        NO_TEXT,
        true,
        true,
        "EUR",
        amount,
        amount,
        made,
        made,
    );
    described(writer, number, &title, &kind).await?;
    variants(writer, number, amount, made).await
}

/// What is said of a product: words, tags and images.
async fn described(writer: &mut Writer, number: u64, title: &str, kind: &str) -> anyhow::Result<()> {
    let (product, brand) = (id(Thing::Product, number), writer.size.brand(number));
    let tags = [
        format!("tag-{}", number % 50),
        format!("season-{}", number % 4),
        "bench".to_owned(),
    ];
    let text =
        format!("<p>{title}: made to be measured, in small series, of good material, and sent in paper.</p>");
    let words = format!(
        "{} brand {brand} {} {} made to be measured in small series of good material and sent in paper",
        title.to_lowercase(),
        kind.to_lowercase(),
        tags.join(" ").replace('-', " "),
    );
    put!(writer, WORDS, i64::try_from(number)? + 1, product, text, words);
    for tag in tags {
        put!(writer, TAG, product, tag);
    }
    for place in 0..2 {
        let url = format!("https://images.example.com/{number}/{place}.jpg");
        put!(
            writer,
            IMAGE,
            id(Thing::Image, number * 2 + place),
            product,
            i64::try_from(place)? + 1,
            url,
            title
        );
    }
    Ok(())
}

async fn variants(writer: &mut Writer, of: u64, amount: i64, made: DateTime<Utc>) -> anyhow::Result<()> {
    let (product, brand) = (id(Thing::Product, of), writer.size.brand(of));
    for place in 0..VARIANTS {
        let (number, size) = (of * VARIANTS + place, ["S", "M", "L"][place as usize]);
        let variant = id(Thing::Variant, number);
        put!(
            writer,
            VARIANT,
            variant,
            product,
            id(Thing::Brand, brand),
            i64::try_from(place)? + 1,
            size,
            size,
            NO_TEXT,
            NO_TEXT,
            amount,
            NONE,
            NONE,
            NONE,
            format!("SKU-{number}"),
            NO_TEXT,
            500,
            true,
            "deny",
            100_000_000,
            0,
            NONE,
            NO_TEXT,
            true,
            made,
            made,
        );
        put!(writer, PRICE, variant, made, amount);
    }
    Ok(())
}
