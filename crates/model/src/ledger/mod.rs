//! The books: accounts, transactions, postings, sealed blocks, sold units, Stripe's balance transactions.

use std::fmt;
use std::str::FromStr;

use crate::id::{AccountId, BrandId, IdError};
use crate::kinds::kinds;

pub mod account;
pub mod adjustment;
pub mod balance_transaction;
pub mod block;
pub mod debt_return;
pub mod dispute_part;
pub mod posting;
pub mod seal;
pub mod transaction;
pub mod unit;
pub mod unit_share;

kinds! {
    /// Which side of an account a posting is on.
    Side {
        /// The left.
        Debit = "debit",
        /// The right.
        Credit = "credit",
    }
}

kinds! {
    /// What a unit is.
    UnitKind {
        /// A piece of a variant.
        Goods = "goods",
        /// One brand's shipping of the order.
        Shipping = "shipping",
    }
}

kinds! {
    /// One part of a unit's price.
    Part {
        /// B: the brand's.
        Brand = "brand",
        /// H: the shopholder's.
        Shop = "shop",
        /// F: the platform's.
        Platform = "platform",
    }
}

kinds! {
    /// What an account holds.
    AccountKind {
        /// The platform's balance at Stripe; moved only by balance transactions.
        StripeCash = "stripe_cash",
        /// Charges seen, less those whose balance transaction came.
        ClearingCharges = "clearing:charges",
        /// Refunds made, less those whose balance transaction came.
        ClearingRefunds = "clearing:refunds",
        /// Transfers made, less those whose balance transaction came.
        ClearingTransfers = "clearing:transfers",
        /// The platform's bank account, as far as its payouts tell: what left its balance at Stripe for it, less what came back.
        Bank = "bank",
        /// What a party owes after a clawback.
        Receivable = "receivable",
        /// What of it is being recovered by a transfer reversal.
        Recovering = "receivable:recovering",
        /// Money Stripe holds in a dispute.
        DisputeReceivable = "dispute_receivable",
        /// A party's money whose return window is open.
        Held = "payable:held",
        /// A party's money that the next payout run may send.
        Available = "payable:available",
        /// A party's money on its way.
        InTransit = "payable:in_transit",
        /// A party's money frozen by a dispute.
        Disputed = "payable:disputed",
        /// Money owed to buyers by refunds decided.
        RefundsPayable = "refunds_payable",
        /// Platform fees whose return window is open.
        DeferredPlatformFee = "deferred_platform_fee",
        /// Platform fees frozen by a dispute.
        DeferredPlatformFeeDisputed = "deferred_platform_fee:disputed",
        /// VAT the platform owes.
        TaxPayable = "tax_payable",
        /// Platform fees earned.
        IncomePlatformFee = "income:platform_fee",
        /// Stripe's fees charged on to brands.
        IncomeRecoveredFees = "income:recovered_fees",
        /// Stripe's fees.
        ExpenseStripeFees = "expense:stripe_fees",
        /// Stripe's fees for disputes.
        ExpenseDisputeFees = "expense:dispute_fees",
        /// What parties owed and will not pay.
        ExpenseBadDebt = "expense:bad_debt",
        /// What the platform gave of its own.
        ExpenseGoodwill = "expense:goodwill",
        /// The operator's own money at Stripe.
        EquityFloat = "equity:float",
        /// What is not understood; an alarm unless zero.
        Suspense = "suspense",
    }
}

/// Whoever earns: a brand, or a shopholder's account. Kept as that id's text.
#[derive(Copy, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, sea_orm::DeriveValueType)]
#[sea_orm(value_type = "String")]
pub enum Party {
    /// A brand.
    Brand(BrandId),
    /// A shopholder.
    Shopholder(AccountId),
}

// Sea-orm asks this of every primary key; a party is never made from a row number.
impl sea_orm::TryFromU64 for Party {
    fn try_from_u64(_: u64) -> Result<Self, sea_orm::DbErr> {
        Err(sea_orm::DbErr::ConvertFromU64("Party"))
    }
}

impl fmt::Display for Party {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Brand(id) => fmt::Display::fmt(id, f),
            Self::Shopholder(id) => fmt::Display::fmt(id, f),
        }
    }
}

impl fmt::Debug for Party {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for Party {
    type Err = IdError;

    fn from_str(text: &str) -> Result<Self, IdError> {
        match text.parse() {
            Ok(brand) => Ok(Self::Brand(brand)),
            Err(_) => text.parse().map(Self::Shopholder),
        }
    }
}
