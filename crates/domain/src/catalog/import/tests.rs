//! What a file says of a product as a whole, and which column is blamed for what is wrong with it.

use super::reader::tests::read_all;

/// What is wrong with the rows of a file, by line and column.
fn faults(text: &str) -> Vec<(i64, String)> {
    let (drafts, errors) = read_all(text);
    let all = drafts.into_iter().flat_map(|draft| draft.errors).chain(errors);
    all.map(|error| (error.line, error.column.unwrap_or_default()))
        .collect()
}

#[test]
fn the_default_title_needs_no_name_of_an_option() {
    for text in [
        "Handle,Title,Option1 Name,Option1 Value,Variant Price\nz,T,,Default Title,9.00\n",
        "Handle,Title,Option1 Name,Option1 Value,Variant Price\nz,T,Title,,9.00\n",
        "Handle,Title,Option1 Value,Variant Price\nz,T,Default Title,9.00\n",
        "Handle,Title,Variant Price\nz,T,9.00\n",
    ] {
        let (drafts, _) = read_all(text);
        assert_eq!(faults(text), [], "{text}");
        let draft = &drafts[0];
        assert_eq!(
            (&draft.option_names, &draft.variants[0].options),
            (&[None, None, None], &[None, None, None])
        );
    }
}

#[test]
fn values_without_a_name_of_their_option_get_one() {
    let text = "Handle,Title,Option1 Value,Variant Price\nz,T,Red,9.00\nz,,Default Title,8.00\n";
    let (drafts, _) = read_all(text);
    assert_eq!(faults(text), []);
    assert_eq!(drafts[0].option_names[0].as_ref().unwrap().as_str(), "Option 1");
    assert_eq!(drafts[0].variants.len(), 2);
    let mixed = "Handle,Title,Option1 Value,Variant Price\nz,T,Default Title,9.00\nz,,Red,8.00\n";
    assert_eq!(faults(mixed), [(3, "Option1 Value".to_owned())]);
}

#[test]
fn what_is_wrong_with_a_product_as_a_whole_is_told_once_by_its_column() {
    let head = "Handle,Title,Body (HTML),Vendor,Tags,Published,Status,Gift Card,Option1 Name,Option1 Value,Variant Price\n";
    let long = "x".repeat(300);
    let tags = (0..300)
        .map(|tag| format!("t{tag}"))
        .collect::<Vec<_>>()
        .join(",");
    let deep = "<div>".repeat(200);
    for (row, columns) in [
        (format!("z,{long},,,,,,,Size,S,9"), &["Title"][..]),
        ("z,a\u{7}b,,,,,,,Size,S,9".to_owned(), &["Title"]),
        (format!("z,T,{deep},,,,,,Size,S,9"), &["Body (HTML)"]),
        (format!("z,T,,{long},,,,,Size,S,9"), &["Vendor"]),
        (format!("z,T,,,\"{tags}\",,,,Size,S,9"), &["Tags"]),
        ("z,T,,,,maybe,,,Size,S,9".to_owned(), &["Published"]),
        ("z,T,,,,,perhaps,,Title,Default Title,9".to_owned(), &["Status"]),
        ("z,T,,,,,,maybe,Title,Default Title,9".to_owned(), &["Gift Card"]),
        (format!("z,T,,,,,,,{long},S,9"), &["Option1 Name"]),
        ("z,T,,,,,,,Size,,9".to_owned(), &["Option1 Value"]),
        (
            "z,T,,,,maybe,,,Size,S,x".to_owned(),
            &["Published", "Variant Price"],
        ),
    ] {
        let told: Vec<_> = columns.iter().map(|column| (2, (*column).to_owned())).collect();
        assert_eq!(faults(&format!("{head}{row}\n")), told, "{row}");
    }
}

#[test]
fn a_row_that_cannot_be_read_leaves_the_product_its_tags_and_description() {
    let text = "Handle,Title,Body (HTML),Tags,Published,Variant Price\nz,T,<b>B</b>,t,maybe,9\n";
    let (drafts, _) = read_all(text);
    assert!(drafts[0].title.is_none() && drafts[0].tags.is_none() && drafts[0].body.is_none());
}
