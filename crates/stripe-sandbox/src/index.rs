//! Where rows are found without looking at all of them: by id, and by the fields that lists are asked for.

use serde_json::Value;
use std::collections::{BTreeSet, HashMap};

/// The fields by which rows are found. A row that once held a value stays under it: whoever asks looks again.
const FIELDS: [&str; 8] = [
    "charge",
    "destination",
    "payment_intent",
    "payout",
    "source",
    "source_transaction",
    "transfer",
    "transfer_group",
];

/// Positions of rows in the table of their kind.
#[derive(Debug, Default)]
pub(crate) struct Index {
    by_id: HashMap<String, (String, usize)>,
    by_field: HashMap<String, BTreeSet<usize>>,
}

impl Index {
    /// Notes a new row.
    pub(crate) fn add(&mut self, kind: &str, position: usize, value: &Value) {
        let id = value["id"].as_str().unwrap_or_default();
        self.by_id.insert(id.to_owned(), (kind.to_owned(), position));
        for field in FIELDS {
            self.note(kind, position, field, &value[field]);
        }
    }

    /// Notes that a row holds a value in a field, if the field is one of those that are asked for.
    pub(crate) fn note(&mut self, kind: &str, position: usize, field: &str, value: &Value) {
        if let (true, Some(value)) = (FIELDS.contains(&field), value.as_str()) {
            let positions = self.by_field.entry(name(kind, field, value)).or_default();
            positions.insert(position);
        }
    }

    /// The kind and position of the object with this id.
    pub(crate) fn place(&self, id: &str) -> Option<(&str, usize)> {
        self.by_id
            .get(id)
            .map(|(kind, position)| (kind.as_str(), *position))
    }

    /// Whether rows are found by this field.
    pub(crate) fn covers(field: &str) -> bool {
        FIELDS.contains(&field)
    }

    /// The positions of the rows that hold this value in this field, or once did; oldest first.
    pub(crate) fn holding(
        &self,
        kind: &str,
        field: &str,
        value: &str,
    ) -> impl DoubleEndedIterator<Item = usize> + use<'_> {
        self.by_field
            .get(&name(kind, field, value))
            .into_iter()
            .flatten()
            .copied()
    }
}

fn name(kind: &str, field: &str, value: &str) -> String {
    format!("{kind}/{field}/{value}")
}
