//! Who someone is at an identity provider.

use crate::Time;
use crate::id::{AccountId, ExternalIdentityId};
use crate::row::plain_row;
use crate::text::Email;
use sea_orm::entity::prelude::*;

/// An identity at a provider, by which an account is signed in to. It is one by its issuer and its subject alone: what else
/// the provider says of it may change, and may be somebody else's tomorrow.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "external_identity")]
pub struct Model {
    /// Its id.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: ExternalIdentityId,
    /// Whose it is here; she has one at each issuer at most.
    pub account_id: AccountId,
    /// What the operator called the provider when it was linked.
    pub provider: String,
    /// The issuer.
    pub issuer: String,
    /// Who she is there; unique at an issuer.
    pub subject: String,
    /// The address that the provider told last, if it was one.
    pub email: Option<Email>,
    /// When it was linked.
    pub created_at: Time,
    /// When it was last signed in by.
    pub used_at: Time,
}

plain_row!();
