//! What nested fields of paid orders need, by the batch.

use vitrine_domain::{checkout, ledger};
use vitrine_model::checkout::{
    dispute, dispute_note, fulfillment, refund, refund_unit, return_request, return_unit,
};
use vitrine_model::id::{DisputeId, OrderId, RefundId, ReturnId};
use vitrine_model::ledger::dispute_part;

use crate::loaders::loader;

loader! {
    /// Key: an order's parcels.
    FulfillmentsOf(OrderId) => Vec<fulfillment::Model>, checkout::fulfillments_of, order_id
}
loader! {
    /// Key: an order's returns.
    ReturnsOf(OrderId) => Vec<return_request::Model>, checkout::returns_of, order_id
}
loader! {
    /// Key: which units a return asks to send back.
    ReturnUnitsOf(ReturnId) => Vec<return_unit::Model>, checkout::return_units_of, return_id
}
loader! {
    /// Key: an order's refunds.
    RefundsOf(OrderId) => Vec<refund::Model>, checkout::refunds_of, order_id
}
loader! {
    /// Key: which units a refund gives back.
    RefundUnitsOf(RefundId) => Vec<refund_unit::Model>, checkout::refund_units_of, refund_id
}
loader! {
    /// Key: an order's disputes.
    DisputesOf(OrderId) => Vec<dispute::Model>, checkout::disputes_of, order_id
}
loader! {
    /// Key: what a dispute claims of units.
    DisputePartsOf(DisputeId) => Vec<dispute_part::Model>, ledger::dispute_parts_of, dispute_id
}
loader! {
    /// Key: what the sides have to say against a dispute.
    DisputeNotesOf(DisputeId) => Vec<dispute_note::Model>, checkout::dispute_notes_of, dispute_id
}
