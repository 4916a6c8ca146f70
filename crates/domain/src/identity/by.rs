//! Who does something for a brand.

use std::fmt;

use vitrine_model::id::{AccountId, ApiKeyId, BrandId};
use vitrine_model::identity::{account, api_key};

use crate::event::Actor;

/// Someone signed in, or a brand's own program by its key. What a key must never do takes an account instead, and cannot
/// be called with one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum By {
    /// Someone signed in.
    Account {
        /// Who.
        id: AccountId,
        /// Whether she runs the platform.
        operator: bool,
    },
    /// A key. It works for its brand alone, and is not whoever made it.
    ApiKey {
        /// Which.
        id: ApiKeyId,
        /// For which brand.
        brand: BrandId,
    },
}

impl By {
    /// Who it is, for the event stream.
    pub fn actor(self) -> Actor {
        match self {
            Self::Account { id, .. } => Actor::Account(id),
            Self::ApiKey { id, brand } => Actor::ApiKey { id, brand },
        }
    }

    /// The account, if it is one.
    pub fn account(self) -> Option<AccountId> {
        match self {
            Self::Account { id, .. } => Some(id),
            Self::ApiKey { .. } => None,
        }
    }

    /// The key, if it is one.
    pub fn api_key(self) -> Option<ApiKeyId> {
        match self {
            Self::Account { .. } => None,
            Self::ApiKey { id, .. } => Some(id),
        }
    }

    /// Whether she runs the platform. No key does.
    pub fn is_operator(self) -> bool {
        matches!(self, Self::Account { operator: true, .. })
    }
}

/// The id: what is written down of who did something, and whose idempotency keys they are.
impl fmt::Display for By {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Account { id, .. } => fmt::Display::fmt(id, f),
            Self::ApiKey { id, .. } => fmt::Display::fmt(id, f),
        }
    }
}

impl From<&account::Model> for By {
    fn from(account: &account::Model) -> Self {
        Self::Account {
            id: account.id,
            operator: account.operator,
        }
    }
}

impl From<&api_key::Model> for By {
    fn from(key: &api_key::Model) -> Self {
        Self::ApiKey {
            id: key.id,
            brand: key.brand_id,
        }
    }
}
