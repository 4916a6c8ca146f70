//! Who agreed to what, when, and to which words.

use crate::Time;
use crate::id::{AccountId, ConsentId};
use crate::privacy::Purpose;
use crate::row::plain_row;
use crate::text::{Label, Note};
use sea_orm::entity::prelude::*;

/// One answer to one question. The last one counts; none is ever changed.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "consent")]
pub struct Model {
    /// Its id.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: ConsentId,
    /// Who answered, when she was signed in.
    pub account_id: Option<AccountId>,
    /// Keyed hash of the visitor id that the frontend made, when it sent one.
    pub visitor_hash: Option<Vec<u8>>,
    /// What she was asked to agree to.
    pub purpose: Purpose,
    /// Whether she does.
    pub granted: bool,
    /// Which version of the words she read.
    pub text_version: Label,
    /// The words.
    pub text: Note,
    /// When.
    pub recorded_at: Time,
}

plain_row!();
