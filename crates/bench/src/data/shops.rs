//! Shops, what they recommend, their links and the clicks on them.

use chrono::TimeDelta;

use super::names::{Thing, code, id, mix, sha256};
use super::sink::Table;
use super::split::SHARE;
use super::{RECOMMENDED, Writer, put, recommendation, shopholder};

const SHOP: Table = Table {
    name: "shop",
    columns: "id, handle, owner_id, name, about, state, created_at, updated_at, published_at",
};
const WORDS: Table = Table {
    name: "shop_text",
    columns: "id, shop_id, search_text",
};
const RECOMMENDATION: Table = Table {
    name: "recommendation",
    columns: "id, shop_id, product_id, note, share_bp, position, created_at, updated_at, removed_at",
};
const LINK: Table = Table {
    name: "referral_link",
    columns: "id, code, shop_id, recommendation_id, product_id, label, created_at",
};
const TALLY: Table = Table {
    name: "link_tally",
    columns: "link_id, shard, clicks, sales",
};
const CLICK: Table = Table {
    name: "click",
    columns: "id, link_id, shop_id, visitor_hash, counted_hour, occurred_at",
};
const NO_TEXT: Option<&str> = None;
/// Days over which the clicks came.
const DAYS: i64 = 30;
/// Days for which visitors can be told apart.
const RECOGNIZABLE: i64 = 1;

/// Everything of shops but their sales.
pub(super) async fn write(writer: &mut Writer) -> anyhow::Result<()> {
    for number in 0..writer.size.shops {
        shop(writer, number).await?;
    }
    clicks(writer).await
}

async fn shop(writer: &mut Writer, number: u64) -> anyhow::Result<()> {
    let minutes = i64::try_from(writer.size.shops - number)?;
    let made = writer.ago(90) - TimeDelta::minutes(minutes);
    let (shop, name) = (id(Thing::Shop, number), format!("Shop {number}"));
    put!(
        writer,
        SHOP,
        shop,
        format!("shop-{number}"),
        id(Thing::Account, shopholder(number)),
        name.as_str(),
        "What I use every day, and would buy again.",
        "published",
        made,
        made,
        made,
    );
    let words = format!("shop {number} what i use every day and would buy again");
    put!(writer, WORDS, i64::try_from(number)? + 1, shop, words);
    for place in 0..RECOMMENDED {
        put!(
            writer,
            RECOMMENDATION,
            id(Thing::Recommendation, recommendation(number, place)),
            shop,
            id(Thing::Product, writer.size.product(number, place)),
            format!("Mine for {place} years."),
            SHARE,
            i64::try_from(place)? + 1,
            made,
            made,
            NO_TEXT,
        );
    }
    let link = id(Thing::Link, number);
    put!(
        writer,
        LINK,
        link,
        code(number),
        shop,
        NO_TEXT,
        NO_TEXT,
        "Everywhere",
        made
    );
    let clicks = writer.size.clicks / writer.size.shops;
    put!(writer, TALLY, link, 0, i64::try_from(clicks)?, 0);
    Ok(())
}

async fn clicks(writer: &mut Writer) -> anyhow::Result<()> {
    let span = TimeDelta::days(DAYS).num_milliseconds();
    let (first, lately) = (writer.ago(DAYS), writer.ago(RECOGNIZABLE));
    let clicks = i64::try_from(writer.size.clicks)?;
    for number in 0..writer.size.clicks {
        let at = first + TimeDelta::milliseconds(span / clicks * i64::try_from(number)?);
        let shop = mix(number) % writer.size.shops;
        let visitor = (at > lately).then(|| sha256(format!("visitor {number}").as_bytes()));
        put!(
            writer,
            CLICK,
            id(Thing::Click, number),
            id(Thing::Link, shop),
            id(Thing::Shop, shop),
            visitor,
            at.timestamp().div_euclid(3_600),
            at,
        );
    }
    Ok(())
}
