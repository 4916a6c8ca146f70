//! What API keys may, as the contract says it.

use std::collections::BTreeSet;

use async_graphql::parser::types::FieldDefinition;

use super::{access, fields, types};

/// The scope that opens the field to an API key, if one does.
fn scope(field: &FieldDefinition) -> Option<String> {
    let mut directives = field.directives.iter();
    let declared = directives.find(|directive| directive.node.name.node == "access")?;
    Some(declared.node.get_argument("scope")?.node.to_string())
}

#[test]
fn api_keys_open_what_says_so_and_never_people_terms_keys_or_where_money_goes() {
    const NEVER: [&str; 13] = [
        "Session",
        "Account",
        "BrandMember",
        "BrandInvitation",
        "ApiKey",
        "Terms",
        "PayoutAccount",
        "PayoutHold",
        "Adjustment",
        "Cart",
        "Order",
        "Shop",
        "Subscription",
    ];
    const WATCHED: &str = "productImportUpdated";
    let mut wrong = Vec::new();
    for definition in types() {
        let name = definition.name.node.as_str();
        for field in fields(&definition) {
            let Some(scope) = scope(field) else { continue };
            let place = format!("{name}.{} for {scope}", field.name.node);
            let open = ["ANYONE", "OPERATOR"].contains(&&*access(field));
            let never = NEVER.contains(&name) && field.name.node != WATCHED;
            let about = field.name.node.to_lowercase();
            let about = [
                "member",
                "invitation",
                "terms",
                "apikey",
                "payoutaccount",
                "session",
            ]
            .iter()
            .any(|word| about.contains(word));
            let told = field.description.as_ref().map_or("", |text| text.node.as_str());
            if open || never || about || !told.contains(&format!("; API keys with `{scope}`.")) {
                wrong.push(place);
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn what_is_refused_to_a_key_hides_nothing_beside_it() {
    let mut blinding = Vec::new();
    for definition in types() {
        let fields = fields(&definition);
        if fields.iter().any(|field| access(field) == "ANYONE") || definition.name.node == "Subscription" {
            continue;
        }
        let certain = fields.iter().filter(|field| !field.ty.node.nullable);
        let scopes: BTreeSet<_> = certain.map(|field| scope(field)).collect();
        if scopes.len() > 1 {
            blinding.push(format!("{}: {scopes:?}", definition.name.node));
        }
    }
    assert!(blinding.is_empty(), "{blinding:#?}");
}
