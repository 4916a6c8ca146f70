//! What operators decide about money, beside what sales, refunds and payouts do by themselves.

use crate::Time;
use crate::id::{AccountId, AdjustmentId};
use crate::kinds::kinds;
use crate::ledger::{AccountKind, Party};
use crate::money::Currency;
use crate::row::plain_row;
use crate::text::Reason;
use sea_orm::entity::prelude::*;

kinds! {
    /// What an operator decided.
    AdjustmentKind {
        /// The platform gives a party money of its own.
        Goodwill = "goodwill",
        /// A party need not pay what it owes.
        WriteOff = "write_off",
        /// What lay in suspense, or moved without a reason known here, is understood, and goes where it belongs.
        Explanation = "explanation",
        /// Another adjustment is taken back.
        Correction = "correction",
    }
}

/// One decision of an operator about money. Rows are only ever inserted.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "adjustment")]
pub struct Model {
    /// Its id; the ledger's key is `adjustment:{id}`.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: AdjustmentId,
    /// What was decided.
    pub kind: AdjustmentKind,
    /// About whose money; none for what is explained.
    pub party: Option<Party>,
    /// What lay in suspense: the kind of Stripe's balance transaction.
    pub suspended: Option<String>,
    /// What was moved by hand: Stripe's object, such as `re_…`, that nothing here explains.
    pub source: Option<String>,
    /// The account to which what lay in suspense, or was moved by hand, went.
    pub target: Option<AccountKind>,
    /// Minor units, above zero; below for what had left Stripe's balance before it was explained.
    pub amount: i64,
    /// Of the amount.
    pub currency: Currency,
    /// The adjustment taken back; once at most.
    pub corrects: Option<AdjustmentId>,
    /// Why.
    pub reason: Reason,
    /// The operator.
    pub made_by: AccountId,
    /// When.
    pub created_at: Time,
}

plain_row!();
