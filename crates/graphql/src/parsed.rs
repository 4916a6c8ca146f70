//! Documents that were parsed before. Frontends send the same few again and again, and to parse one costs more than to
//! execute many. What a document may do is looked at anew each time: only its text is not read twice.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use async_graphql::parser::types::ExecutableDocument;

/// Longest document that is kept, in bytes.
const MAX_TEXT: usize = 10 * 1024;
/// Most documents kept.
const MAX_DOCUMENTS: usize = 500;

/// The documents parsed lately on this node, by their texts.
#[derive(Default)]
pub(crate) struct Parsed(Mutex<HashMap<String, Arc<ExecutableDocument>>>);

impl Parsed {
    /// What this text was parsed to; none when it was not, or when that is long ago.
    pub(crate) fn find(&self, text: &str) -> Option<ExecutableDocument> {
        let known = self.lock().get(text).cloned();
        known.map(|document| (*document).clone())
    }

    /// Keeps what a text was parsed to. When there are too many, all others are forgotten: those that are in use come back.
    pub(crate) fn keep(&self, text: &str, document: &ExecutableDocument) {
        if text.len() > MAX_TEXT {
            return;
        }
        let mut documents = self.lock();
        if documents.len() >= MAX_DOCUMENTS {
            documents.clear();
        }
        documents.insert(text.to_owned(), Arc::new(document.clone()));
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<String, Arc<ExecutableDocument>>> {
        // A map is whole between any two statements.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use async_graphql::parser::parse_query;

    use super::*;

    #[test]
    fn a_document_is_found_by_its_very_text_while_there_is_room() {
        let parsed = Parsed::default();
        let text = |number: usize| format!("{{ field{number} }}");
        for number in 0..MAX_DOCUMENTS {
            parsed.keep(&text(number), &parse_query(text(number)).unwrap());
        }
        assert!(parsed.find(&text(0)).is_some());
        assert!(parsed.find("{field0}").is_none());
        parsed.keep("{ new }", &parse_query("{ new }").unwrap());
        assert!(parsed.find(&text(0)).is_none() && parsed.find("{ new }").is_some());
        let long = format!("{{ field {} }}", " ".repeat(MAX_TEXT));
        parsed.keep(&long, &parse_query(&long).unwrap());
        assert!(parsed.find(&long).is_none());
    }
}
