//! Imports of Shopify product files, by upload.

use serde_json::{Value, json};

use crate::catalog::found;
use crate::support::{App, Person, on_both};

const BICYCLES: &str = include_str!("../data/bicycles.csv");
const LAMPS: &[u8] = include_bytes!("../data/lamps-semicolon.csv");
const CREATE: &str =
    "mutation($brand: ID!) { productImportCreate(input: { brandId: $brand, fileName: \"products.csv\" }) {
    productImport { id uploadUrl state } userErrors { code field } } }";

/// Imports `file` for the brand and lets the job run; the import's id.
pub(crate) async fn import_text(app: &App, staff: &Person<'_>, brand: &str, file: &str) -> String {
    import_bytes(app, staff, brand, file.as_bytes().to_vec()).await
}

async fn import_bytes(app: &App, staff: &Person<'_>, brand: &str, file: Vec<u8>) -> String {
    let made =
        staff.ask(CREATE, json!({ "brand": brand })).await["productImportCreate"]["productImport"].take();
    let url = made["uploadUrl"]
        .as_str()
        .unwrap_or_else(|| panic!("{made:#}"))
        .to_owned();
    let answer = app.http.put(url).body(file).send().await.unwrap();
    assert_eq!(answer.status(), 202, "{}", answer.text().await.unwrap());
    app.settle().await;
    made["id"].as_str().unwrap().to_owned()
}

/// What is known of an import.
pub(crate) async fn state_of(staff: &Person<'_>, id: &str) -> Value {
    let query = "query($id: ID!) { productImport(id: $id) { state failure rowsRead rowsFailed productsCreated productsUpdated
        productsUnchanged bytesDone bytesTotal errors { nodes { line column handle message } } changes { nodes { line column handle message } } } }";
    staff.ask(query, json!({ "id": id })).await["productImport"].take()
}

fn counts(import: &Value) -> [i64; 5] {
    [
        "rowsRead",
        "productsCreated",
        "productsUpdated",
        "productsUnchanged",
        "rowsFailed",
    ]
    .map(|name| import[name].as_i64().unwrap())
}

async fn product(staff: &Person<'_>, brand: &str, handle: &str) -> Value {
    let query = "query($brand: ID!, $handle: String!) { product(brandId: $brand, handle: $handle) {
        title descriptionHtml vendor productType tags isPublished optionNames images { url alt position }
        variants { title optionValues price { amount } compareAtPrice { amount } sku barcode weightGrams isTracked stockPolicy stockOnHand image { url } } } }";
    staff
        .ask(query, json!({ "brand": brand, "handle": handle }))
        .await["product"]
        .take()
}

/// The keys of the files that are kept for imports.
async fn files(app: &App) -> Vec<String> {
    app.vitrine().platform.files.keys().await.unwrap()
}

/// Waits until `reached`, for what happens on another connection.
async fn until(reached: impl AsyncFn() -> bool) {
    let waiting = async {
        while !reached().await {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(std::time::Duration::from_secs(20), waiting)
        .await
        .expect("it happens in the end");
}

on_both! {
    async fn a_real_export_lands_whole(app) {
        let anna = app.someone("anna").await;
        let brand = found(&anna, "velo").await;
        let import = state_of(&anna, &import_text(app, &anna, &brand, BICYCLES).await).await;
        assert_eq!((import["state"].as_str(), counts(&import)), (Some("DONE"), [6, 3, 0, 0, 0]), "{import:#}");
        assert_eq!(import["bytesTotal"], BICYCLES.len().to_string(), "a string, which may outgrow an Int");
        assert_eq!(import["bytesDone"], import["bytesTotal"]);
        let bike = product(&anna, &brand, "city-bike").await;
        let expected: Value = serde_json::from_str(include_str!("../data/city-bike.json")).unwrap();
        assert_eq!(bike, expected, "{bike:#}");
        let bell = product(&anna, &brand, "bell").await;
        assert_eq!((&bell["optionNames"], &bell["variants"][0]["title"]), (&json!([]), &json!("Default Title")));
        assert_eq!(bell["variants"][0]["isTracked"], false);
        assert_eq!(product(&anna, &brand, "prototype").await["isPublished"], false);
    }

    async fn the_newer_headings_semicolons_marks_and_line_ends_are_understood(app) {
        let anna = app.someone("anna").await;
        let brand = found(&anna, "licht").await;
        let import = state_of(&anna, &import_bytes(app, &anna, &brand, LAMPS.to_vec()).await).await;
        assert_eq!(counts(&import), [3, 1, 0, 0, 1], "{import:#}");
        assert_eq!(import["errors"]["nodes"], json!([
            { "line": 4, "column": null, "handle": "voucher", "message": "gift cards cannot be sold here" }]));
        let lamp = product(&anna, &brand, "lamp").await;
        assert_eq!(lamp["descriptionHtml"], "<p>Hell; sehr hell.</p>");
        assert_eq!(lamp["variants"][1], json!({ "title": "Silber", "optionValues": ["Silber"], "price": { "amount": "26.90" },
            "compareAtPrice": null, "sku": "L-2", "barcode": null, "weightGrams": 90, "isTracked": true,
            "stockPolicy": "CONTINUE", "stockOnHand": 3, "image": null }));
    }

    async fn without_a_tracker_column_a_stated_quantity_is_not_oversold(app) {
        let anna = app.someone("anna").await;
        let brand = found(&anna, "ton").await;
        let file = "Handle,Title,Variant Price,Variant Inventory Qty,Variant Inventory Policy\nmug,Mug,12.50,3,deny\ngone,Gone,9.00,0,deny\n";
        let import = state_of(&anna, &import_text(app, &anna, &brand, file).await).await;
        assert_eq!(counts(&import), [2, 2, 0, 0, 0], "{import:#}");
        for (handle, on_hand) in [("mug", 3), ("gone", 0)] {
            let variant = &product(&anna, &brand, handle).await["variants"][0];
            assert_eq!((&variant["isTracked"], &variant["stockPolicy"], &variant["stockOnHand"]),
                (&json!(true), &json!("DENY"), &json!(on_hand)), "{handle}");
        }
        let buyable = "query($brand: ID!) { products(filter: { brandId: $brand, inStock: true }) { nodes { handle } } }";
        let found = anna.ask(buyable, json!({ "brand": brand })).await;
        assert_eq!(found["products"]["nodes"], json!([{ "handle": "mug" }]));
    }

    async fn the_same_file_again_changes_nothing(app) {
        let anna = app.someone("anna").await;
        let brand = found(&anna, "velo").await;
        import_text(app, &anna, &brand, BICYCLES).await;
        let updated = "{ products(filter: { currency: EUR }) { nodes { handle updatedAt } } }";
        let before = anna.ask(updated, json!({})).await;
        app.wait(chrono::TimeDelta::hours(1)).await;
        let again = state_of(&anna, &import_text(app, &anna, &brand, BICYCLES).await).await;
        assert_eq!(counts(&again), [6, 0, 0, 3, 0], "{again:#}");
        assert_eq!(again["changes"]["nodes"], json!([]));
        assert_eq!(anna.ask(updated, json!({})).await, before);
    }

    async fn a_second_file_updates_and_says_what_changed(app) {
        let anna = app.someone("anna").await;
        let brand = found(&anna, "velo").await;
        import_text(app, &anna, &brand, BICYCLES).await;
        let changed = BICYCLES
            .replace("519.50", "549.00")
            .replace("City Bike,", "City Bike II,")
            .replace("city-bike,,,,,,,,Large,,Red,,,,15000,shopify,2,continue,manual,529.00,,true,true,,,,,,,,,kg,\n", "")
            .replace("12.50", "13.00");
        let import = state_of(&anna, &import_text(app, &anna, &brand, &changed).await).await;
        assert_eq!(counts(&import), [5, 0, 2, 1, 0], "{import:#}");
        assert_eq!(import["changes"]["nodes"], json!([
            { "line": 2, "column": null, "handle": "city-bike", "message": "title: City Bike → City Bike II; price of Large / Blue: 519.50 → 549.00 EUR; Large / Red is no longer offered" },
            { "line": 6, "column": null, "handle": "bell", "message": "price of Default Title: 12.50 → 13.00 EUR" }]));
        let bike = product(&anna, &brand, "city-bike").await;
        assert_eq!(bike["variants"].as_array().unwrap().len(), 2);
        let back = state_of(&anna, &import_text(app, &anna, &brand, BICYCLES).await).await;
        assert!(back["changes"]["nodes"][0]["message"].as_str().unwrap().contains("Large / Red is offered again"), "{back:#}");
    }

    async fn bad_rows_are_told_by_line_and_column_while_the_good_ones_land(app) {
        let anna = app.someone("anna").await;
        let brand = found(&anna, "velo").await;
        let mut file = "Handle,Title,Option1 Name,Option1 Value,Variant Price,Variant Inventory Qty,Variant Inventory Policy,Image Src\n".to_owned();
        for (number, price) in ["NaN", "-5", "1e9", "\"12,50\"", ""].into_iter().enumerate() {
            file.push_str(&format!("bad{number},Bad,,,{price},1,deny,\n"));
        }
        file.push_str("good,Good,Size,S,10.00,1,deny,\ngood,,,M,x,1,deny,\ngood,,,L,12.00,1.5,deny,\ngood,,,XL,13.00,1,perhaps,\n");
        file.push_str("good,,,XXL,14.00,1,deny,javascript:alert(1)\n,No handle,,,1.00,1,deny,\ngood two,Spaces,,,1.00,1,deny,\n");
        let import = state_of(&anna, &import_text(app, &anna, &brand, &file).await).await;
        let errors = import["errors"]["nodes"].as_array().unwrap();
        let told: Vec<(i64, &str)> = errors.iter().map(|error| (error["line"].as_i64().unwrap(), error["column"].as_str().unwrap_or("-"))).collect();
        assert_eq!(told, [(2, "Variant Price"), (3, "Variant Price"), (4, "Variant Price"), (5, "Variant Price"), (6, "Variant Price"),
            (8, "Variant Price"), (9, "Variant Inventory Qty"), (10, "Variant Inventory Policy"), (11, "Image Src"), (12, "Handle"), (13, "Handle")]);
        assert_eq!(errors[3]["message"], "\"12,50\" has a decimal comma: write 12.50 with a point");
        assert_eq!((import["state"].as_str(), counts(&import)), (Some("DONE"), [12, 1, 0, 0, 11]));
        let good = product(&anna, &brand, "good").await;
        let titles: Vec<&str> = good["variants"].as_array().unwrap().iter().map(|row| row["title"].as_str().unwrap()).collect();
        assert_eq!(titles, ["S", "XXL"]);
    }

    async fn what_is_not_a_product_file_is_refused_whole_and_changes_nothing(app) {
        let anna = app.someone("anna").await;
        let brand = found(&anna, "velo").await;
        let good_then = |rest: &[u8]| [b"Handle,Title,Variant Price\na,A,1.00\n", rest].concat();
        for (file, says) in [
            (Vec::new(), "empty"),
            (b"\x89PNG\r\n\x1a\n\0\0\0".to_vec(), "NUL"),
            (b"{\"products\": []}\n".to_vec(), "no column Handle"),
            (good_then(b"b,\0,1.00\n"), "NUL"),
            (b"Handle,Title,Variant Price,Gr\xf6\xdfe\na,A,1.00,L\n".to_vec(), "line 1 is not text in UTF-8"),
            (b"Handle,Title,Variant Price\na,\"never closed,1.00\n".to_vec(), "the quotation mark that opens a cell on line 2 is never closed"),
            (b"Handle,Title,Variant Price,SKU,title\na,A,1.00,x,B\n".to_vec(), "the heading Title stands over columns 2 and 5: keep one of them"),
            (b"Handle,Title,Variant Price\n".to_vec(), "headings but no rows"),
            (b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n".to_vec(), "PDF"),
            (b"\xff\xfeH\0a\0n\0d\0l\0e\0\t\0".to_vec(), "save it as \"CSV UTF-8\""),
            (",".repeat(1_000_000).into_bytes(), "more than 500 columns"),
            (good_then(&[b"b,".to_vec(), vec![b'x'; 2_000_000]].concat()), "longer than 1 MiB"),
        ] {
            let import = state_of(&anna, &import_bytes(app, &anna, &brand, file).await).await;
            assert_eq!(import["state"], "FAILED");
            assert!(import["failure"].as_str().unwrap().contains(says), "{says}: {import:#}");
        }
        let left = anna.ask("query($id: ID!) { products(filter: { brandId: $id, visibility: ANY }) { nodes { handle } } }", json!({ "id": brand })).await;
        assert_eq!(left["products"]["nodes"], json!([]));
    }

    async fn what_stands_before_a_mark_that_is_never_closed_lands_and_one_error_names_its_line(app) {
        let anna = app.someone("anna").await;
        let brand = found(&anna, "velo").await;
        let head = "Handle,Title,Option1 Name,Option1 Value,Variant Price,Variant SKU\n";
        let whole = format!("{head}shirt,Shirt,Size,S,10.00,a\nshirt,,,M,10.00,b\n");
        import_text(app, &anna, &brand, &whole).await;
        let mut cut = format!("{head}cap,Cap,,,5.00,\"c\"\nshirt,Shirt,Size,S,12.00,a\nbelt,\"Belt 2\"\" wide,,,7.00,d\n");
        cut.push_str(&"sock,\"Sock\",,,3.00,\"e\"\n".repeat(1_000));
        let import = state_of(&anna, &import_text(app, &anna, &brand, &cut).await).await;
        assert_eq!((import["state"].as_str(), counts(&import)), (Some("DONE"), [3, 1, 1, 0, 1]), "{import:#}");
        assert_eq!(import["errors"]["nodes"], json!([{ "line": 4, "column": null, "handle": null, "message":
            "the quotation mark that opens a cell on line 4 is never closed, so nothing from line 4 on can be read: close it, \
             write marks within a cell twice (\"\"), and import the file again" }]));
        let shirt = product(&anna, &brand, "shirt").await;
        let offered: Vec<&str> = shirt["variants"].as_array().unwrap().iter().map(|row| row["title"].as_str().unwrap()).collect();
        assert_eq!(offered, ["S", "M"], "M may stand where nobody can read");
    }

    async fn a_stock_below_what_orders_were_promised_is_not_followed_and_that_is_said(app) {
        let market = app.market("tea").await;
        app.order(&[(&market, 3)]).await;
        let file = |stock: i64| format!("Handle,Title,Option1 Name,Option1 Value,Variant Price,Variant Inventory Qty\ntea,Teapot,,,100.00,{stock}\n");
        let import = async |stock: i64| state_of(&market.owner, &import_text(app, &market.owner, &market.brand, &file(stock)).await).await;
        let kept = json!({ "line": 2, "column": "Variant Inventory Qty", "handle": "tea",
            "message": "stock of Default Title: 2 in the file, 3 kept, since orders under way were promised as many" });
        let low = import(2).await;
        assert_eq!(low["changes"]["nodes"][1], kept, "{low:#}");
        assert_eq!(app.on_hand(&market).await, 3);
        let again = import(2).await;
        assert_eq!((counts(&again), &again["changes"]["nodes"]), ([1, 0, 0, 1, 0], &json!([kept])));
        let enough = import(3).await;
        assert_eq!(enough["changes"]["nodes"], json!([]));
    }

    async fn the_same_quantity_again_leaves_what_was_sold_since(app) {
        let market = app.market("tea").await;
        let file = |stock: i64| format!("Handle,Title,Variant Price,Variant Inventory Qty\ntea,Teapot,100.00,{stock}\n");
        let import = async |stock: i64| state_of(&market.owner, &import_text(app, &market.owner, &market.brand, &file(stock)).await).await;
        import(8).await;
        app.buy(&[(&market, 3)]).await;
        assert_eq!(app.on_hand(&market).await, 5);
        let again = import(8).await;
        assert_eq!((counts(&again), &again["changes"]["nodes"]), ([1, 0, 0, 1, 0], &json!([])), "{again:#}");
        assert_eq!(app.on_hand(&market).await, 5, "an unchanged file brings back nothing that was sold");
        import(9).await;
        assert_eq!(app.on_hand(&market).await, 9, "another number was counted");
    }

    async fn rows_are_blamed_for_what_is_wrong_with_them_and_for_nothing_else(app) {
        let anna = app.someone("anna").await;
        let brand = found(&anna, "velo").await;
        let deep = "<div>".repeat(200);
        let file = format!("Handle,Title,Body (HTML),Published,Option1 Name,Option1 Value,Variant Price\n\
            z2,T,,,,Default Title,9.00\nz4,,,,Title,Default Title,9.00\nz5,T,,maybe,Size,S,9.00\nz5,,,,,M,9.00\nz6,T,{deep},,,,9.00\n");
        let import = state_of(&anna, &import_text(app, &anna, &brand, &file).await).await;
        let told: Vec<Value> = import["errors"]["nodes"].as_array().unwrap().iter()
            .map(|error| json!([error["line"], error["column"], error["message"]])).collect();
        assert_eq!(json!(told), json!([
            [3, "Title", "the product's title is missing"],
            [4, "Published", "\"maybe\" is neither true nor false"],
            [5, null, "the row that describes the product, which is new, has errors"],
            [6, "Body (HTML)", "HTML may be nested 100 levels deep at most"]]), "{import:#}");
        assert_eq!(counts(&import), [5, 1, 0, 0, 4]);
        assert_eq!(product(&anna, &brand, "z2").await["variants"][0]["title"], "Default Title");
    }

    async fn a_file_that_excel_wrote_lands_and_a_compressed_one_is_refused(app) {
        let anna = app.someone("anna").await;
        let brand = found(&anna, "velo").await;
        let import = state_of(&anna, &import_text(app, &anna, &brand, "sep=;\r\nHandle;Title;Variant Price\r\na;A, B;1.00\r\nb;B;x\r\n").await).await;
        assert_eq!(counts(&import), [2, 1, 0, 0, 1], "{import:#}");
        assert_eq!(import["errors"]["nodes"][0]["line"], 4);
        let made = anna.ask(CREATE, json!({ "brand": brand })).await["productImportCreate"]["productImport"].take();
        let put = |encoding: &'static str| app.http.put(made["uploadUrl"].as_str().unwrap()).header("Content-Encoding", encoding).body(BICYCLES).send();
        assert_eq!(put("gzip").await.unwrap().status(), 415);
        assert_eq!(put("identity").await.unwrap().status(), 202);
    }

    async fn a_line_break_in_a_title_is_a_space(app) {
        let anna = app.someone("anna").await;
        let brand = found(&anna, "velo").await;
        let file = "Handle,Title,Vendor,Tags,Variant Price\na,\"City\r\n  Bike\",\"Velo\nWorks\",\"fast,very\nfast\",1.00\n";
        let import = state_of(&anna, &import_text(app, &anna, &brand, file).await).await;
        assert_eq!(counts(&import), [1, 1, 0, 0, 0], "{import:#}");
        let bike = product(&anna, &brand, "a").await;
        assert_eq!((&bike["title"], &bike["vendor"]), (&json!("City Bike"), &json!("Velo Works")));
        assert_eq!(bike["tags"], json!(["fast", "very fast"]));
    }

    async fn a_cell_that_is_not_utf_8_costs_its_row_only(app) {
        let anna = app.someone("anna").await;
        let brand = found(&anna, "velo").await;
        let file = b"Handle,Title,Variant Price\na,A,1.00\nb,Gr\xfcn,2.00\nc,C,3.00\n".to_vec();
        let import = state_of(&anna, &import_bytes(app, &anna, &brand, file).await).await;
        assert_eq!((import["state"].as_str(), counts(&import)), (Some("DONE"), [3, 2, 0, 0, 1]));
        let advice = "\"Gr\u{fffd}n\" is not text in UTF-8: save the file as CSV in UTF-8";
        let mut told = import["errors"]["nodes"].as_array().unwrap().iter();
        assert!(told.any(|error| *error == json!({ "line": 3, "column": "Title", "handle": "b", "message": advice })), "{import:#}");
    }

    async fn an_upload_that_breaks_off_may_be_sent_again(app) {
        use tokio::io::AsyncWriteExt;

        let anna = app.someone("anna").await;
        let brand = found(&anna, "velo").await;
        let made = anna.ask(CREATE, json!({ "brand": brand })).await["productImportCreate"]["productImport"].take();
        let url = made["uploadUrl"].as_str().unwrap();
        let address = app.url("").replace("http://", "");
        let mut broken = tokio::net::TcpStream::connect(&address).await.unwrap();
        let path = url.replace(&app.url(""), "");
        let begun = format!("PUT {path} HTTP/1.1\r\nHost: {address}\r\nContent-Length: 100000\r\n\r\nHandle,Title");
        broken.write_all(begun.as_bytes()).await.unwrap();
        until(async || files(app).await.len() == 1).await;
        drop(broken);
        until(async || files(app).await.is_empty()).await;
        assert_eq!(app.http.put(url).body(BICYCLES).send().await.unwrap().status(), 202);
        app.settle().await;
        let import = state_of(&anna, made["id"].as_str().unwrap()).await;
        assert_eq!((import["state"].as_str(), counts(&import)), (Some("DONE"), [6, 3, 0, 0, 0]));
        assert_eq!(app.http.put(url).body(BICYCLES).send().await.unwrap().status(), 404);
    }

    async fn an_import_whose_file_never_came_is_given_up_after_a_day_and_what_was_left_is_removed(app) {
        let mut anna = app.someone("anna").await;
        let brand = found(&anna, "velo").await;
        let made = anna.ask(CREATE, json!({ "brand": brand })).await["productImportCreate"]["productImport"].take();
        let (id, url) = (made["id"].as_str().unwrap(), made["uploadUrl"].as_str().unwrap());
        for key in [format!("{id}_part_00"), "import_00000000000000000000000000".to_owned()] {
            let path = app.vitrine().files.path(&key).unwrap();
            std::fs::write(path, "Handle,Title").unwrap();
        }
        app.wait(chrono::TimeDelta::hours(23)).await;
        assert_eq!(files(app).await, [format!("{id}_part_00")], "it may still be going on");
        app.wait(chrono::TimeDelta::hours(2)).await;
        assert_eq!(files(app).await, [""; 0]);
        anna.come_back().await;
        let import = state_of(&anna, id).await;
        assert_eq!(import["state"], "FAILED");
        assert_eq!(import["failure"], "no file came within a day: ask for another import");
        assert_eq!(app.http.put(url).body(BICYCLES).send().await.unwrap().status(), 404);
    }

    async fn errors_beyond_those_listed_are_counted(app) {
        let anna = app.someone("anna").await;
        let brand = found(&anna, "velo").await;
        let mut file = "Handle,Title,Variant Price\n".to_owned();
        for number in 0..10_003 {
            file.push_str(&format!("a{number},A,dear\n"));
        }
        let id = import_text(app, &anna, &brand, &file).await;
        let query = "query($id: ID!) { productImport(id: $id) { rowsFailed errors(last: 2) { nodes { line message } } } }";
        let import = anna.ask(query, json!({ "id": id })).await["productImport"].take();
        assert_eq!(import["rowsFailed"], 10_003);
        let last = &import["errors"]["nodes"][1];
        let left_out = last["message"].as_str().unwrap();
        assert!(left_out.starts_with("and ") && left_out.contains(" more from this line on"), "{import:#}");
    }

    async fn an_upload_address_takes_one_file_and_tells_strangers_nothing(app) {
        let (anna, mallory) = (app.someone("anna").await, app.someone("mallory").await);
        let brand = found(&anna, "velo").await;
        let refused = mallory.ask(CREATE, json!({ "brand": brand })).await;
        assert_eq!(refused["productImportCreate"]["userErrors"][0]["code"], "FORBIDDEN");
        let made = anna.ask(CREATE, json!({ "brand": brand })).await["productImportCreate"]["productImport"].take();
        let url = made["uploadUrl"].as_str().unwrap();
        let put = async |url: &str| app.http.put(url).body(BICYCLES).send().await.unwrap().status().as_u16();
        assert_eq!(put(&url.replace("token=vu_", "token=vu_x")).await, 404);
        assert_eq!(put(url).await, 202);
        assert_eq!(put(url).await, 404);
        let see = "query($id: ID!) { productImport(id: $id) { state } }";
        assert_eq!(mallory.ask(see, json!({ "id": made["id"] })).await["productImport"], json!(null));
        assert_eq!(app.nobody().error(see, json!({ "id": made["id"] })).await, "UNAUTHENTICATED");
        assert_eq!(anna.ask("query($id: ID!) { brand(id: $id) { imports { nodes { uploadUrl fileName } } } }", json!({ "id": brand })).await["brand"]["imports"]["nodes"],
            json!([{ "uploadUrl": null, "fileName": "products.csv" }]));
    }

    async fn a_brand_whose_prices_exclude_tax_is_refused(app) {
        let anna = app.someone("anna").await;
        let create = "mutation { brandCreate(input: { handle: \"net\", name: \"Net\", country: \"US\", currency: USD, defaultVatRate: 0, pricesIncludeTax: false }) { brand { id } userErrors { code } } }";
        let brand = anna.ask(create, json!({})).await["brandCreate"]["brand"]["id"].take();
        let answer = anna.ask(CREATE, json!({ "brand": brand })).await;
        assert_eq!(answer["productImportCreate"]["userErrors"], json!([{ "code": "INVALID", "field": ["input", "brandId"] }]));
    }

    async fn a_file_whose_rows_stand_apart_lands_as_if_they_stood_together(app) {
        let anna = app.someone("anna").await;
        let brand = found(&anna, "velo").await;
        let file = "Handle,Title,Option1 Name,Option1 Value,Variant Price\na,A,Size,S,1.00\nb,B,,,2.00\na,,,M,3.00\nc,C,,,4.00\na,,,L,5.00\n";
        let first = state_of(&anna, &import_text(app, &anna, &brand, file).await).await;
        assert_eq!(counts(&first), [5, 3, 0, 0, 0]);
        assert_eq!(product(&anna, &brand, "a").await["variants"].as_array().unwrap().len(), 3);
        let again = state_of(&anna, &import_text(app, &anna, &brand, file).await).await;
        assert_eq!(counts(&again), [5, 0, 0, 3, 0], "{again:#}");
    }
}
