//! Payments nobody asked for: what of them the platform still owes to those who paid.

use sea_orm::{ColumnTrait, ConnectionTrait, DbErr, EntityTrait, QueryFilter};
use vitrine_model::checkout::{ChargeKind, RefundState, charge, dispute, refund};

/// What of a payment nobody asked for is still to be sent back, minor units: all but what goes back by refunds that did
/// not fail, and what the buyer has back from her bank by lost disputes. Nothing of one that pays its order.
///
/// # Errors
/// When the database fails.
pub async fn owed_of(db: &impl ConnectionTrait, charge: &charge::Model) -> Result<i64, DbErr> {
    if charge.kind == ChargeKind::Expected {
        return Ok(0);
    }
    let refunds = refund::Entity::find()
        .filter(refund::Column::ChargeId.eq(&charge.id))
        .filter(refund::Column::State.ne(RefundState::Failed))
        .all(db)
        .await?;
    let disputes = dispute::Entity::find()
        .filter(dispute::Column::ChargeId.eq(&charge.id))
        .all(db)
        .await?;
    let refunded: i64 = refunds.iter().map(|refund| refund.amount).sum();
    let repaid: i64 = disputes.iter().map(|dispute| dispute.repaid).sum();
    Ok((charge.amount - refunded - repaid).max(0))
}
