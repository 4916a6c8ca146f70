//! What was done, looked up later by those it concerns.

use serde_json::{Value, json};

use crate::fulfillment::hire;
use crate::operator::{GIVE, gift};
use crate::support::{App, Person, on_both};

const MINE: &str = "{ viewer { activity(first: 20) { nodes { kind description actor account { id } throughId reason subjectId } } } }";
const BRANDS: &str = "query($id: ID!, $after: String) { brand(id: $id) { activity(first: 2, after: $after) {
    nodes { kind account { id } actor } pageInfo { hasNextPage endCursor } } } }";
const ALL: &str = "query($filter: ActivityFilterInput) { activity(filter: $filter, first: 50) { nodes { kind account { id } throughId } } }";
const CHANGE: &str = "mutation($in: BrandMemberUpdateInput!) { brandMemberUpdate(input: $in) { member { role } userErrors { code } } }";

/// The viewer's activity of one kind, the latest first.
async fn mine(person: &Person<'_>, kind: &str) -> Vec<Value> {
    let told = person.ask(MINE, json!({})).await;
    let nodes = told["viewer"]["activity"]["nodes"].as_array().unwrap().clone();
    nodes.into_iter().filter(|node| node["kind"] == kind).collect()
}

async fn of_all(app: &App, operator: &Person<'_>, filter: Value) -> Vec<Value> {
    app.settle().await;
    let told = operator.ask(ALL, json!({ "filter": filter })).await;
    told["activity"]["nodes"].as_array().unwrap().clone()
}

on_both! {
    async fn she_reads_what_she_did_through_which_session_and_what_was_decided_about_her_and_why(app) {
        let (anna, operator) = (app.someone("anna").await, app.operator().await);
        let session = anna.ask("{ viewer { sessions { id } } }", json!({})).await["viewer"]["sessions"][0]["id"].take();
        let rename = "mutation { accountUpdate(input: { name: \"Anna A.\" }) { userErrors { code } } }";
        anna.ask(rename, json!({})).await;
        let renamed = &mine(&anna, "account.renamed").await[0];
        assert_eq!(renamed["description"], "Changed the name");
        assert_eq!((&renamed["actor"], &renamed["throughId"]), (&json!("ACCOUNT"), &session));
        assert_eq!(renamed["account"]["id"], json!(anna.id));
        operator.made(GIVE, gift(&anna.id, "5.00", "gift")).await;
        let given = &mine(&anna, "adjustment.made").await[0];
        assert_eq!(given["reason"], "the parcel service lost her sample");
        assert_eq!(given["actor"], "OPERATOR");
        assert_eq!((&given["account"], &given["throughId"]), (&Value::Null, &Value::Null), "which operator is no concern of hers");
        let bob = app.someone("bob").await;
        assert!(mine(&bob, "account.renamed").await.is_empty() && mine(&bob, "adjustment.made").await.is_empty());
    }

    async fn a_brands_owners_read_who_changed_whose_role_page_by_page(app) {
        let market = app.market("tea").await;
        let (sam, mona) = (hire(app, &market, "sam", "SHIPPER").await, hire(app, &market, "mona", "MANAGER").await);
        let change = json!({ "brandId": market.brand, "accountId": sam.id, "role": "MANAGER" });
        assert_eq!(mona.refused(CHANGE, change.clone()).await, "FORBIDDEN");
        assert_eq!(market.owner.made(CHANGE, change).await["member"]["role"], "MANAGER");
        let (mut kinds, mut after) = (Vec::new(), Value::Null);
        loop {
            let told = market.owner.ask(BRANDS, json!({ "id": market.brand, "after": after })).await;
            let page = &told["brand"]["activity"];
            kinds.extend(page["nodes"].as_array().unwrap().iter().map(|node| node["kind"].clone()));
            if page["pageInfo"]["hasNextPage"] == json!(false) {
                break;
            }
            after = page["pageInfo"]["endCursor"].clone();
        }
        let expected = [
            "brand.member_updated", "brand.member_joined", "brand.member_invited", "brand.member_joined", "brand.member_invited",
            "brand.shipping_rate_set", "brand.created",
        ];
        assert_eq!(kinds, expected);
        assert_eq!(mona.error(BRANDS, json!({ "id": market.brand })).await, "FORBIDDEN");
        assert_eq!(mine(&sam, "brand.member_updated").await[0]["account"]["id"], json!(market.owner.id));
    }

    async fn the_last_owner_keeps_her_role_though_two_lower_each_other_at_once(app) {
        let market = app.market("tea").await;
        let lower = |id: &str| json!({ "brandId": market.brand, "accountId": id, "role": "SHIPPER" });
        assert_eq!(market.owner.refused(CHANGE, lower(&market.owner.id)).await, "WRONG_STATE");
        let bob = hire(app, &market, "bob", "OWNER").await;
        let (hers, his) = (lower(&bob.id), lower(&market.owner.id));
        let (one, two) = tokio::join!(market.owner.tried(CHANGE, hers), bob.tried(CHANGE, his));
        let done = [&one, &two].iter().filter(|payload| payload["userErrors"] == json!([])).count();
        assert_eq!(done, 1, "{one} {two}");
        assert_eq!(market.owner.tried(CHANGE, lower("acct_00000000000000000000000000")).await["member"], Value::Null);
    }

    async fn operators_find_what_was_done_by_whom_and_when(app) {
        let (anna, operator) = (app.someone("anna").await, app.operator().await);
        let hers = of_all(app, &operator, json!({ "actorId": anna.id, "kind": "account.created" })).await;
        assert_eq!(hers.len(), 1);
        assert_eq!(hers[0]["account"]["id"], json!(anna.id));
        let later = of_all(app, &operator, json!({ "since": "2028-01-01T00:00:00Z" })).await;
        assert!(later.is_empty());
        let granted = of_all(app, &operator, json!({ "subjectId": operator.id, "kind": "account.operator_granted" })).await;
        assert_eq!((granted.len(), &granted[0]["throughId"]), (1, &Value::Null));
        assert_eq!(anna.error(ALL, json!({})).await, "FORBIDDEN");
    }
}
