//! A Shopify CSV through the command line, and the rows that came of it by `\copy` into tables of the same schema.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::Path;
use std::time::Instant;

use anyhow::Context as _;
use sea_orm::ConnectionTrait;

use super::Bench;
use crate::servers::{self, Database};
use crate::{db, say, sets};

/// The catalogue to import into has next to nothing in it.
const SCALE: f64 = 0.001;
/// Rows of a product: one for each of its variants.
const VARIANTS: u64 = 4;
/// What of the rate of `\copy` is to be reached.
const TARGET: f64 = 0.25;
/// Megabytes that the import may hold.
const MEMORY: f64 = 200.0;
/// The tables of an import, each after those it refers to.
const TABLES: [&str; 6] = [
    "product",
    "product_text",
    "product_tag",
    "product_image",
    "variant",
    "variant_price",
];

pub(super) async fn run(bench: &mut Bench) -> anyhow::Result<()> {
    let rows = if bench.options.quick {
        20_000
    } else {
        (1_000_000.0 * bench.options.scale.min(1.0)).max(20_000.0) as u64
    };
    let file = bench.options.room.join("products.csv");
    write(&file, rows / VARIANTS)?;
    for postgres in bench.databases() {
        let database = sets::copy(&bench.options, postgres, SCALE).await?;
        let words = [
            "import",
            "--brand",
            "brand-0",
            file.to_str().context("a path in UTF-8")?,
        ];
        let (said, took, peak) = servers::command(&bench.options, &database, &words).await?;
        let db = db::open(&database.url).await?;
        let made = db::number(&db, "select count(*) as n from variant where sku like 'IMPORT-%'").await?;
        db.close().await?;
        anyhow::ensure!(
            made == i64::try_from(rows / VARIANTS * VARIANTS)?,
            "{made} variants of {rows} rows: {said}"
        );
        let rate = rows as f64 / took.as_secs_f64();
        let measured = format!(
            "{rows} rows in {:.1} s, {rate:.0}/s on {}, {peak:.0} MB at most",
            took.as_secs_f64(),
            database.kind()
        );
        if postgres {
            let copied = copied(bench, &database).await?;
            let ratio = copied / took.as_secs_f64();
            bench.report.verdict(
                "import",
                measured,
                format!("\\copy of the same rows: {copied:.1} s"),
                format!("{ratio:.2} ×, to reach ≥ {TARGET} ×; under {MEMORY} MB"),
                Some(ratio >= TARGET && peak < MEMORY),
            );
        } else {
            bench.report.verdict(
                "import",
                measured,
                "none".to_owned(),
                format!("under {MEMORY} MB"),
                Some(peak < MEMORY),
            );
        }
        bench.sound(&database).await?;
    }
    std::fs::remove_file(file)?;
    Ok(())
}

/// A file of so many products.
fn write(file: &Path, products: u64) -> anyhow::Result<()> {
    let mut out = BufWriter::new(File::create(file)?);
    writeln!(
        out,
        "Handle,Title,Body (HTML),Vendor,Type,Tags,Published,Option1 Name,Option1 Value,Variant SKU,Variant Grams,\
         Variant Inventory Tracker,Variant Inventory Qty,Variant Inventory Policy,Variant Price,Image Src,Image Position"
    )?;
    for number in 0..products {
        let (kind, euros, cents) = (number % 40, 5 + number % 95, number % 100);
        for variant in 0..VARIANTS {
            let sku = number * VARIANTS + variant;
            let head = if variant == 0 {
                format!(
                    "Import {number},\"<p>Number {number}, made in small series, of good material.</p>\",Brand 0,Type {kind},\"tag {kind},bench\",true,Size"
                )
            } else {
                ",,,,,,".to_owned()
            };
            let image = if variant < 2 {
                format!(
                    "https://images.example.com/i/{number}-{variant}.jpg,{}",
                    variant + 1
                )
            } else {
                ",".to_owned()
            };
            writeln!(
                out,
                "import-{number},{head},Size {variant},IMPORT-{sku},200,shopify,100,deny,{euros}.{cents:02},{image}"
            )?;
        }
    }
    out.flush()?;
    Ok(())
}

/// Copies the rows that the import made into tables like those before it; seconds.
async fn copied(bench: &Bench, database: &Database) -> anyhow::Result<f64> {
    let server = bench.options.postgres.as_deref().context("no PostgreSQL")?;
    let (folder, yard) = (bench.options.room.join("copied"), format!("{server}/yard"));
    std::fs::create_dir_all(&folder)?;
    let place = |table: &str| folder.join(table).display().to_string();
    let new = "select id from product where handle like 'import-%'";
    let out: Vec<String> = TABLES
        .iter()
        .map(|table| {
            let which = match *table {
                "product" => "id in",
                "variant_price" => "variant_id in (select id from variant where product_id in",
                _ => "product_id in",
            };
            let close = if which.contains("(select") { ")" } else { "" };
            format!(
                "\\copy (select * from {table} where {which} ({new}){close}) to '{}'",
                place(table)
            )
        })
        .collect();
    db::psql(&database.url, &out)?;
    let admin = db::open(&format!("{server}/postgres")).await?;
    admin
        .execute_unprepared("drop database if exists yard with (force)")
        .await?;
    let template = sets::name(&bench.options, SCALE);
    admin
        .execute_unprepared(&format!("create database yard template {template}"))
        .await?;
    let into: Vec<String> = TABLES
        .iter()
        .map(|table| format!("\\copy {table} from '{}'", place(table)))
        .collect();
    let begun = Instant::now();
    db::psql(&yard, &into)?;
    let took = begun.elapsed().as_secs_f64();
    admin
        .execute_unprepared("drop database yard with (force)")
        .await?;
    admin.close().await?;
    std::fs::remove_dir_all(folder)?;
    say(&format!("   \\copy of {} tables: {took:.1} s", TABLES.len()));
    Ok(took)
}
