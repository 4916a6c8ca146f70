//! Why nothing is erased, or recorded.

use crate::identity;

/// Why a wish about someone's data is not followed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Refusal {
    /// No such account, or not one's own.
    AccountNotFound,
    /// No such order of one's own.
    OrderNotFound,
    /// She did not prove who she is: a wrong password, or too many of them.
    Unproven(identity::Refusal),
    /// She runs the platform: another operator has to take that from her first.
    IsOperator,
    /// So many of her orders are not over.
    OrdersOpen(usize),
    /// The order is not over.
    OrderOpen,
    /// She earned, or owes, money that is not settled.
    MoneyOutstanding,
    /// She is the only owner of this brand: its handle.
    OnlyOwner(String),
    /// Neither is anyone signed in, nor was a visitor named.
    NobodyNamed,
    /// Nothing was answered.
    NoAnswers,
    /// The same question was answered twice.
    AnsweredTwice,
}
