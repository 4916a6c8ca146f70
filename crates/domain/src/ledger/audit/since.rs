//! Where an audit begins: an earlier one that was green vouches for what was sealed by then.

use std::fmt;
use std::str::FromStr;

use chrono::{DateTime, NaiveDate, NaiveTime};
use sea_orm::sea_query::Expr;
use sea_orm::{ColumnTrait, Condition, EntityTrait, ExprTrait, QueryFilter, QueryOrder, QuerySelect};
use vitrine_model::Time;
use vitrine_model::ledger::{block, seal};

use crate::context::Tx;

/// Since when the books are looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Since {
    /// After this block of the hash chain.
    Block(i64),
    /// After the last block sealed by then.
    Time(Time),
}

/// What is no block's number, no date and no time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NotSince;

impl fmt::Display for NotSince {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("name a block by its number, a day as 2027-01-31, or a time as 2027-01-31T12:00:00Z")
    }
}

impl std::error::Error for NotSince {}

impl FromStr for Since {
    type Err = NotSince;

    fn from_str(text: &str) -> Result<Self, NotSince> {
        if let Ok(number) = text.parse::<u32>() {
            return Ok(Self::Block(number.into()));
        }
        if let Ok(day) = text.parse::<NaiveDate>() {
            return Ok(Self::Time(day.and_time(NaiveTime::MIN).and_utc()));
        }
        let time = DateTime::parse_from_rfc3339(text).map_err(|_| NotSince)?;
        Ok(Self::Time(time.to_utc()))
    }
}

/// What an audit looks at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Scope {
    /// The last block that is vouched for; 0 when none is.
    pub(super) block: i64,
    /// The lowest number of a transaction that was not sealed by then.
    pub(super) floor: i64,
}

impl Scope {
    /// Everything.
    pub(super) const WHOLE: Self = Self { block: 0, floor: 0 };

    /// Whether it is everything.
    pub(super) fn is_whole(self) -> bool {
        self.block == 0
    }

    /// What came after `since`. On PostgreSQL a transaction may be sealed after one of a higher number: those in between are
    /// looked at once more.
    ///
    /// # Errors
    /// When there is no such block, or the database fails.
    pub(super) async fn after(tx: &Tx, since: Since) -> anyhow::Result<Self> {
        let last = last_block(tx).await?;
        let block = match since {
            Since::Block(block) => {
                anyhow::ensure!(block <= last, "there is no block {block}: the last one is {last}");
                block
            }
            Since::Time(time) => block::Entity::find()
                .filter(block::Column::SealedAt.lte(time))
                .order_by_desc(block::Column::Id)
                .one(tx)
                .await?
                .map_or(0, |block| block.id),
        };
        if block == 0 {
            return Ok(Self::WHOLE);
        }
        let new = Condition::any()
            .add(seal::Column::BlockId.gt(block))
            .add(seal::Column::BlockId.is_null());
        let floor: Option<i64> = seal::Entity::find()
            .select_only()
            .expr(Expr::col(seal::Column::TransactionId).min())
            .filter(new)
            .into_tuple::<Option<i64>>()
            .one(tx)
            .await?
            .flatten();
        Ok(Self {
            block,
            floor: floor.unwrap_or(i64::MAX),
        })
    }
}

/// The number of the last block; 0 before the first.
pub(super) async fn last_block(tx: &Tx) -> Result<i64, sea_orm::DbErr> {
    let last: Option<i64> = block::Entity::find()
        .select_only()
        .column(block::Column::Id)
        .order_by_desc(block::Column::Id)
        .into_tuple()
        .one(tx)
        .await?;
    Ok(last.unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_beginning_is_a_block_a_day_or_a_time() {
        let time = |text: &str| Since::Time(text.parse().unwrap());
        assert_eq!("540".parse(), Ok(Since::Block(540)));
        assert_eq!("2027-01-31".parse(), Ok(time("2027-01-31T00:00:00Z")));
        assert_eq!(
            "2027-01-31T12:00:00+01:00".parse(),
            Ok(time("2027-01-31T11:00:00Z"))
        );
        for wrong in ["", "-1", "yesterday", "2027-02-30", "99999999999"] {
            assert_eq!(wrong.parse::<Since>(), Err(NotSince), "{wrong}");
        }
    }
}
