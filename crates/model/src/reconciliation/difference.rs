//! Where the books and the payment provider's word do not agree.

use crate::Time;
use crate::id::DifferenceId;
use crate::kinds::kinds;
use crate::money::Currency;
use crate::row::plain_row;
use sea_orm::entity::prelude::*;

kinds! {
    /// What does not agree.
    DifferenceKind {
        /// The provider's balance in a currency is not what the books say. Subject: the currency.
        Cash = "cash",
        /// A charge, refund, transfer or reversal whose movement never came, or a movement that none of them explains.
        /// Subject: the provider's id of it.
        Clearing = "clearing",
        /// A movement of a kind that is not understood. Subject: that kind.
        Suspense = "suspense",
        /// A call whose outcome is still unknown. Subject: the intent.
        Intent = "intent",
        /// An object that could not be dealt with. Subject: its id.
        Object = "object",
        /// A payment nobody asked for that should have gone back, and whose refund failed: its buyer is still owed.
        /// Subject: the provider's id of the charge.
        Owed = "owed",
    }
}

/// One thing that does not agree, from when it was first seen until it does.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "difference")]
pub struct Model {
    /// Its id.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: DifferenceId,
    /// What does not agree.
    pub kind: DifferenceKind,
    /// What it is about; unique among the open ones of its kind and currency.
    pub subject: String,
    /// In which currency, where it is about money.
    pub currency: Option<Currency>,
    /// The provider's word less ours, or what is owed; minor units, where it is about money.
    pub amount: Option<i64>,
    /// What else there is to say, for people.
    pub detail: Option<String>,
    /// Since when.
    pub first_seen_at: Time,
    /// When it was last seen.
    pub last_seen_at: Time,
    /// When it was found to agree.
    pub resolved_at: Option<Time>,
}

plain_row!();
