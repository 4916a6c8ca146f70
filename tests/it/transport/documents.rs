//! Documents that are named instead of sent, and documents that alone are executed.

use reqwest::Response;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::{NEW, get, post, request_error};
use crate::support::{App, on_both};

const LISTED: &str = "query Viewer { viewer { id } }";

fn persisted(query: Option<&str>, hash: &str) -> String {
    let extensions = json!({ "persistedQuery": { "version": 1, "sha256Hash": hash } });
    json!({ "query": query, "extensions": extensions }).to_string()
}

fn hash(query: &str) -> String {
    hex::encode(Sha256::digest(query))
}

async fn send(app: &App, body: String) -> Response {
    post(app, NEW, "application/json", body).await
}

on_both! {
    async fn a_node_that_does_not_know_a_hash_says_so_and_is_told(app) {
        let second = app.second_node().await;
        let at_second = async |body: String| {
            let request = app.http.post(format!("{}/graphql", second.url())).header("accept", NEW);
            request.header("content-type", "application/json").body(body).send().await.unwrap()
        };
        assert_eq!(send(app, persisted(Some(LISTED), &hash(LISTED))).await.status(), 200);
        let unknown = at_second(persisted(None, &hash(LISTED))).await;
        assert_eq!(request_error(unknown).await, "PERSISTED_QUERY_NOT_FOUND");
        assert_eq!(at_second(persisted(Some(LISTED), &hash(LISTED))).await.status(), 200);
        assert_eq!(at_second(persisted(None, &hash(LISTED))).await.status(), 200);
        second.stop().await;
    }

    async fn a_document_has_an_id_made_of_its_hash(app) {
        assert_eq!(send(app, persisted(Some(LISTED), &hash(LISTED))).await.status(), 200);
        let id = format!("sha256:{}", hash(LISTED));
        assert_eq!(send(app, json!({ "documentId": id }).to_string()).await.status(), 200);
        assert_eq!(get(app, NEW, &[("documentId", &id)]).await.status(), 200);
        for extensions in [json!({ "persistedQuery": {} }), json!({ "persistedQuery": { "version": 2, "sha256Hash": hash(LISTED) } }), json!({ "persistedQuery": 1 })] {
            let body = json!({ "extensions": extensions }).to_string();
            assert_eq!(request_error(send(app, body).await).await, "BAD_USER_INPUT");
        }
    }

    async fn nothing_but_what_is_listed_is_executed(app) {
        let folder = tempfile::tempdir().unwrap();
        let list = folder.path().join("persisted.json");
        std::fs::write(&list, json!({ "0a1b": LISTED }).to_string()).unwrap();
        let app = app.another_with("listed", |config| config.documents = Some(list)).await;
        for body in [
            json!({ "query": LISTED }).to_string(),
            json!({ "documentId": "0a1b" }).to_string(),
            persisted(None, "0a1b"),
            persisted(None, &hash(LISTED)),
            persisted(Some(LISTED), &hash(LISTED)),
        ] {
            let response = send(&app, body.clone()).await;
            assert_eq!(response.status(), 200, "{body}");
            assert_eq!(response.json::<Value>().await.unwrap()["data"], json!({ "viewer": null }));
        }
        let other = "{ viewer { id } }";
        for body in [
            json!({ "query": other }).to_string(),
            json!({ "query": "{ __schema { queryType { name } } }" }).to_string(),
            json!({ "query": other, "documentId": "0a1b" }).to_string(),
            persisted(Some(other), &hash(other)),
            persisted(None, &hash(other)),
        ] {
            let response = send(&app, body.clone()).await;
            assert_eq!(response.status(), 400, "{body}");
            assert_eq!(request_error(response).await, "DOCUMENT_NOT_ALLOWED", "{body}");
        }
        assert_eq!(get(&app, NEW, &[("query", other)]).await.status(), 400);
        assert_eq!(get(&app, NEW, &[("query", LISTED)]).await.status(), 200);
        app.end().await;
    }
}
