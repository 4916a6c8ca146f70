//! Which documents are executed, and how they may be named instead of sent: automatic persisted queries as Apollo's
//! clients speak them, or a list of those allowed, as Relay's and other compilers write it.

use std::collections::HashMap;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::{Context as _, ensure};
use sha2::{Digest, Sha256};

use crate::error::code;
use crate::execute::Operation;

/// Longest document that is kept for a later request to name by its hash, in bytes.
const MAX_KEPT: usize = 10 * 1024;
/// Most documents kept.
const MAX_DOCUMENTS: usize = 500;
/// The extension by which clients name documents by their hash.
const PERSISTED: &str = "persistedQuery";
/// What a document's id begins with when it is its hash.
const SHA256: &str = "sha256:";

/// Why there is nothing to execute: the code and the message of the error.
pub(crate) type Unknown = (&'static str, &'static str);

/// What becomes of a document, or of its hash.
pub enum Documents {
    /// Any may be sent; those sent with their hash are kept by this node, and may be named by it for a while. A node
    /// that does not know one says so, and the client sends it whole: several nodes need not agree.
    Any(Kept),
    /// Only these are executed, by the ids under which they are listed, by their hash, or sent whole.
    Listed(HashMap<String, Arc<str>>),
}

impl Default for Documents {
    fn default() -> Self {
        Self::Any(Kept::default())
    }
}

impl std::fmt::Debug for Documents {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Any(_) => f.write_str("Any"),
            Self::Listed(listed) => f.debug_tuple("Listed").field(&listed.len()).finish(),
        }
    }
}

impl Documents {
    /// The documents in `path`: each `.graphql` file below a folder, or the values of a JSON object of ids and documents,
    /// as Relay's compiler writes it.
    ///
    /// # Errors
    /// When it cannot be read, holds no document, or one that is not GraphQL.
    pub fn listed(path: &Path) -> anyhow::Result<Self> {
        let mut listed = HashMap::new();
        if path.is_dir() {
            read_folder(path, &mut listed)?;
        } else {
            let text = std::fs::read_to_string(path);
            let text = text.with_context(|| format!("cannot read {}", path.display()))?;
            let named: HashMap<String, String> = serde_json::from_str(&text)
                .with_context(|| format!("{} is not a JSON object of ids and documents", path.display()))?;
            for (id, text) in named {
                list(&mut listed, Some(id), &text)?;
            }
        }
        ensure!(!listed.is_empty(), "{} holds no document", path.display());
        Ok(Self::Listed(listed))
    }

    /// The document to execute.
    pub(crate) fn resolve(&self, operation: &Operation) -> Result<Arc<str>, Unknown> {
        let sent = operation.query.as_deref().filter(|text| !text.is_empty());
        let named = named(operation)?;
        match self {
            Self::Any(kept) => kept.resolve(sent, named),
            Self::Listed(listed) => {
                let id = sent.map(hash).or(named.map(str::to_owned));
                let found = id.and_then(|id| listed.get(&id));
                found.cloned().ok_or((
                    code::DOCUMENT_NOT_ALLOWED,
                    "this server executes the documents of its list only, and this is none of them",
                ))
            }
        }
    }
}

/// What the client calls its document, if it does.
fn named(operation: &Operation) -> Result<Option<&str>, Unknown> {
    let wrong = (
        code::BAD_USER_INPUT,
        "extensions.persistedQuery must be { \"version\": 1, \"sha256Hash\": \"…\" }",
    );
    let extension = operation.extensions.as_ref().and_then(|all| all.get(PERSISTED));
    let Some(extension) = extension else {
        let id = operation.document_id.as_deref();
        return Ok(id.map(|id| id.strip_prefix(SHA256).unwrap_or(id)));
    };
    let version = extension.get("version").and_then(serde_json::Value::as_u64);
    let hash = extension.get("sha256Hash").and_then(serde_json::Value::as_str);
    match (version, hash) {
        (Some(1), Some(hash)) => Ok(Some(hash)),
        _ => Err(wrong),
    }
}

fn hash(text: &str) -> String {
    use std::fmt::Write;
    let digest = Sha256::digest(text);
    digest.iter().fold(String::with_capacity(64), |mut hex, byte| {
        // Writing to a string does not fail.
        let _ = write!(hex, "{byte:02x}");
        hex
    })
}

fn list(listed: &mut HashMap<String, Arc<str>>, id: Option<String>, text: &str) -> anyhow::Result<()> {
    let parsed = async_graphql::parser::parse_query(text);
    parsed.with_context(|| {
        format!(
            "a listed document is not GraphQL: {}",
            id.as_deref().unwrap_or(text)
        )
    })?;
    let text: Arc<str> = text.into();
    listed.insert(hash(&text), text.clone());
    if let Some(id) = id {
        let other = listed.get(&id).filter(|known| **known != text);
        anyhow::ensure!(
            other.is_none(),
            "two listed documents are called {id}: clients name them by that"
        );
        listed.insert(id, text);
    }
    Ok(())
}

fn read_folder(folder: &Path, listed: &mut HashMap<String, Arc<str>>) -> anyhow::Result<()> {
    let entries = std::fs::read_dir(folder).with_context(|| format!("cannot read {}", folder.display()))?;
    for entry in entries {
        let path = entry?.path();
        if path.is_dir() {
            read_folder(&path, listed)?;
        } else if path.extension().is_some_and(|extension| extension == "graphql") {
            let text = std::fs::read_to_string(&path);
            let text = text.with_context(|| format!("cannot read {}", path.display()))?;
            let name = path.file_stem().map(|name| name.to_string_lossy().into_owned());
            list(listed, name, &text)?;
        }
    }
    Ok(())
}

/// Documents that were sent with their hash: the latest asked for, 500 at most.
#[derive(Default)]
pub struct Kept {
    inner: Mutex<Latest>,
}

#[derive(Default)]
struct Latest {
    documents: HashMap<String, (Arc<str>, u64)>,
    uses: u64,
}

impl Kept {
    fn resolve(&self, sent: Option<&str>, named: Option<&str>) -> Result<Arc<str>, Unknown> {
        let (sent, named) = match (sent, named) {
            (Some(sent), None) => return Ok(sent.into()),
            (None, None) => return Err((code::BAD_USER_INPUT, "the request has no query")),
            (None, Some(named)) => {
                let found = self.lock().find(named);
                return found.ok_or((code::PERSISTED_QUERY_NOT_FOUND, "PersistedQueryNotFound"));
            }
            (Some(sent), Some(named)) => (sent, named),
        };
        if hash(sent) != named {
            return Err((code::BAD_USER_INPUT, "the hash is not the SHA-256 of the query"));
        }
        let text: Arc<str> = sent.into();
        if sent.len() <= MAX_KEPT {
            self.lock().keep(named, text.clone());
        }
        Ok(text)
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Latest> {
        // A poisoned map is still a map.
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Latest {
    fn find(&mut self, hash: &str) -> Option<Arc<str>> {
        self.uses += 1;
        let (text, used) = self.documents.get_mut(hash)?;
        *used = self.uses;
        Some(text.clone())
    }

    fn keep(&mut self, hash: &str, text: Arc<str>) {
        self.uses += 1;
        self.documents.insert(hash.to_owned(), (text, self.uses));
        if self.documents.len() > MAX_DOCUMENTS {
            let oldest = self.documents.iter().min_by_key(|(_, (_, used))| *used);
            if let Some(oldest) = oldest.map(|(hash, _)| hash.clone()) {
                self.documents.remove(&oldest);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(query: Option<&str>, named: Option<&str>) -> Operation {
        let extension =
            named.map(|hash| serde_json::json!({ PERSISTED: { "version": 1, "sha256Hash": hash } }));
        Operation {
            query: query.map(str::to_owned),
            extensions: extension.and_then(|extension| extension.as_object().cloned()),
            ..Operation::default()
        }
    }

    #[test]
    fn the_latest_documents_are_kept_and_no_more() {
        let documents = Documents::default();
        let text = |n: usize| format!("{{ viewer {{ a{n}: id }} }}");
        let first = hash(&text(0));
        for n in 0..=MAX_DOCUMENTS {
            let text = text(n);
            assert!(documents.resolve(&asked(Some(&text), Some(&hash(&text)))).is_ok());
            assert!(
                documents.resolve(&asked(None, Some(&first))).is_ok(),
                "asked for, it is kept"
            );
        }
        let second = documents.resolve(&asked(None, Some(&hash(&text(1)))));
        assert_eq!(second.unwrap_err().0, code::PERSISTED_QUERY_NOT_FOUND);
        let Documents::Any(kept) = documents else { panic!() };
        assert_eq!(kept.lock().documents.len(), MAX_DOCUMENTS);
    }

    #[test]
    fn only_what_is_listed_is_executed() {
        let folder = std::env::temp_dir().join(format!("vitrine-documents-{}", std::process::id()));
        std::fs::create_dir_all(folder.join("pages")).unwrap();
        std::fs::write(
            folder.join("pages/Viewer.graphql"),
            "query Viewer { viewer { id } }",
        )
        .unwrap();
        let listed = Documents::listed(&folder).unwrap();
        let whole = asked(Some("query Viewer { viewer { id } }"), None);
        assert!(listed.resolve(&whole).is_ok());
        assert!(listed.resolve(&asked(None, Some("Viewer"))).is_ok());
        let id = |id: &str| Operation {
            document_id: Some(id.to_owned()),
            ..Operation::default()
        };
        let by_hash = format!("sha256:{}", hash("query Viewer { viewer { id } }"));
        assert!(listed.resolve(&id(&by_hash)).is_ok());
        for other in [
            asked(Some("{ viewer { id } }"), None),
            asked(Some("{ viewer { id } }"), Some("Viewer")),
            id("Other"),
            asked(None, None),
        ] {
            assert_eq!(listed.resolve(&other).unwrap_err().0, code::DOCUMENT_NOT_ALLOWED);
        }
        std::fs::write(folder.join("Viewer.graphql"), "query Viewer { viewer { name } }").unwrap();
        let twice = Documents::listed(&folder).err().unwrap().to_string();
        assert!(
            twice.contains("two listed documents are called Viewer"),
            "{twice}"
        );
        std::fs::write(folder.join("persisted.json"), r#"{ "abc": "{ viewer { id } }" }"#).unwrap();
        let relays = Documents::listed(&folder.join("persisted.json")).unwrap();
        assert!(relays.resolve(&asked(None, Some("abc"))).is_ok());
        std::fs::write(folder.join("persisted.json"), r#"{ "abc": "{ viewer " }"#).unwrap();
        assert!(Documents::listed(&folder.join("persisted.json")).is_err());
        std::fs::write(folder.join("persisted.json"), "{}").unwrap();
        assert!(Documents::listed(&folder.join("persisted.json")).is_err());
        std::fs::remove_dir_all(&folder).unwrap();
    }
}
