//! Who wants to be told.

use crate::Time;
use crate::id::{BrandId, WebhookEndpointId};
use crate::row::plain_row;
use crate::text::{Label, WebUrl};
use crate::webhook::Disabled;
use sea_orm::entity::prelude::*;

/// An address that messages are sent to. Its secret is not kept: it is made of the platform's key, the id and the
/// generation.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "webhook_endpoint")]
pub struct Model {
    /// Its id.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: WebhookEndpointId,
    /// Whose it is; none for the platform's own, which are told of everything.
    pub brand_id: Option<BrandId>,
    /// Where messages go.
    pub url: WebUrl,
    /// What people call it.
    pub description: Option<Label>,
    /// The topics wanted: their words, with a space between.
    pub topics: String,
    /// Which of its secrets counts, from 1.
    pub generation: i32,
    /// When that one took over from the one before.
    pub rotated_at: Option<Time>,
    /// Until when messages carry a signature by the one before as well; none when that one was revoked, or never was.
    pub both_until: Option<Time>,
    /// Since when it is told nothing; none while it is told.
    pub disabled_at: Option<Time>,
    /// Why it is told nothing.
    pub disabled: Option<Disabled>,
    /// Since when every attempt failed; none after one that did not.
    pub failing_since: Option<Time>,
    /// It kept us waiting: nothing is sent before.
    pub resting_until: Option<Time>,
    /// Who made it: the id of an account, or of an API key.
    pub created_by: String,
    /// When.
    pub created_at: Time,
}

plain_row!();
