//! What nested fields of orders need, by the batch.

use vitrine_domain::{checkout, ledger};
use vitrine_model::checkout::{order, order_contact, order_line, order_shipping};
use vitrine_model::id::OrderId;
use vitrine_model::ledger::unit;

use crate::loaders::loader;

loader!(OrderId => order::Model, checkout::orders_by_id);
loader! {
    /// Key: an order's lines.
    OrderLinesOf(OrderId) => Vec<order_line::Model>, checkout::lines_of, order_id
}
loader! {
    /// Key: what each brand charges for sending an order.
    OrderShippingOf(OrderId) => Vec<order_shipping::Model>, checkout::shipping_of, order_id
}
loader! {
    /// Key: an order's buyer and delivery address.
    OrderContactOf(OrderId) => order_contact::Model, checkout::contacts_of, order_id
}
loader! {
    /// Key: an order's sold units; none before it is paid.
    UnitsOf(OrderId) => Vec<unit::Model>, ledger::units_of, order_id
}
