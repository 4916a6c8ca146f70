//! Outgoing webhooks: who wants to be told of what, what was told, and how that went.

use crate::kinds::kinds;

pub mod attempt;
pub mod endpoint;
pub mod message;

kinds! {
    /// What an endpoint may be told of. The words stand in the messages, and are kept for ever.
    Topic {
        /// An order was paid.
        OrderPaid = "order.paid",
        /// A paid order was called off before it was shipped.
        OrderCancelled = "order.cancelled",
        /// A parcel is on its way.
        OrderShipped = "order.shipped",
        /// A parcel arrived.
        OrderDelivered = "order.delivered",
        /// A buyer wants to send something back.
        ReturnRequested = "return.requested",
        /// The brand said yes.
        ReturnApproved = "return.approved",
        /// The brand said no.
        ReturnDeclined = "return.declined",
        /// Money is to go back to a buyer.
        RefundRequested = "refund.requested",
        /// Money went back to a buyer.
        RefundSucceeded = "refund.succeeded",
        /// Money did not go back to a buyer.
        RefundFailed = "refund.failed",
        /// A buyer's bank asks about a payment, or has taken it back.
        DisputeOpened = "dispute.opened",
        /// A dispute, or an inquiry, has ended.
        DisputeClosed = "dispute.closed",
        /// A payout was sent.
        PayoutPaid = "payout.paid",
        /// A payout was refused.
        PayoutRefused = "payout.refused",
        /// A payout was taken back, in part or whole.
        PayoutReversed = "payout.reversed",
        /// A payout account can receive nothing any more.
        PayoutAccountRestricted = "payout_account.restricted",
        /// Earnings may be paid out.
        EarningsReleased = "earnings.released",
        /// A product file was read.
        ImportDone = "import.done",
        /// A product file could not be read.
        ImportFailed = "import.failed",
        /// A product was changed by hand.
        ProductUpdated = "product.updated",
        /// A variant was changed by hand.
        VariantUpdated = "variant.updated",
        /// A variant's pieces were counted.
        StockSet = "variant.stock_set",
        /// Somebody tries the endpoint. Every endpoint is told; none asks for it.
        Test = "webhook.test",
    }
}

kinds! {
    /// Why an endpoint is told nothing.
    Disabled {
        /// Somebody wanted it so.
        Manual = "manual",
        /// It answered 410: it wants nothing more.
        Gone = "gone",
        /// It failed for days.
        Failing = "failing",
    }
}

kinds! {
    /// What became of a message.
    MessageState {
        /// It is to be sent, or to be sent again.
        Pending = "pending",
        /// It was accepted.
        Delivered = "delivered",
        /// It is not tried any more.
        Failed = "failed",
    }
}
