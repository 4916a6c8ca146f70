//! Who someone is: accounts, credentials, sessions, brand members.

use crate::kinds::kinds;

pub mod account;
pub mod attempt;
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

kinds! {
    /// How a session's tokens travel.
    Transport {
        /// In the `Authorization` header, kept by the client.
        Bearer = "bearer",
        /// In cookies, kept by a browser where no script reads them.
        Cookie = "cookie",
    }
}

kinds! {
    /// Why a session was ended.
    Ending {
        /// She signed out, there or elsewhere.
        SignedOut = "signed_out",
        /// A refresh token came twice: one of the two who have it stole it.
        Reused = "reused",
        /// Her password was changed or set anew.
        PasswordChanged = "password_changed",
        /// Her address was changed.
        EmailChanged = "email_changed",
        /// Her second factor was changed.
        FactorChanged = "factor_changed",
    }
}
