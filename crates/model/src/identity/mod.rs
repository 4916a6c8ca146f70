//! Who someone is: accounts, credentials, sessions, brand members.

use crate::kinds::kinds;

pub mod account;
pub mod brand_member;
pub mod credential;
pub mod session;

kinds! {
    /// What a member may do at a brand. Each may do what the ones after it may.
    Role {
        /// Everything, members and money included.
        Owner = "owner",
        /// Products, terms, orders and refunds.
        Manager = "manager",
        /// Ship orders.
        Shipper = "shipper",
    }
}
