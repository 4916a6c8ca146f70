//! Parties' accounts at the payment provider.

use crate::Time;
use crate::id::{IntentId, PayoutAccountId};
use crate::ledger::Party;
use crate::payout::AccountClosure;
use crate::row::plain_row;
use crate::text::Country;
use sea_orm::entity::prelude::*;

/// Where a party's payouts go.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "payout_account")]
pub struct Model {
    /// Its id.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: PayoutAccountId,
    /// Whose; unique among those that were not deleted.
    pub party: Party,
    /// Where the party is.
    pub country: Country,
    /// The intent to open it.
    pub intent_id: IntentId,
    /// Stripe's id, acct_…, once open.
    pub stripe_account_id: Option<String>,
    /// Whether the party has told Stripe what it asks.
    pub details_submitted: bool,
    /// Whether Stripe lets it receive transfers now.
    pub transfers_active: bool,
    /// How many facts Stripe still asks for.
    pub requirements_due: i32,
    /// Why nothing will ever be sent there any more, if so.
    pub closed: Option<AccountClosure>,
    /// Since when.
    pub created_at: Time,
    /// When Stripe's word on it was last taken.
    pub updated_at: Time,
}

plain_row!();
