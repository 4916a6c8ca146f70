//! Who someone is: accounts, credentials, sessions, brand members.

use crate::kinds::kinds;

pub mod account;
pub mod api_key;
pub mod attempt;
pub mod brand_member;
pub mod credential;
pub mod email_token;
pub mod external_ask;
pub mod external_identity;
pub mod invitation;
pub mod passkey;
pub mod passkey_challenge;
pub mod payout_freeze;
pub mod recovery_code;
pub mod session;
pub mod totp;

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
    /// What a brand's API key may do, for its own brand. Whoever may write may read what he writes.
    Scope {
        /// Read what the brand has not published, its stock and its imports.
        CatalogRead = "catalog.read",
        /// Change products and variants, import files.
        CatalogWrite = "catalog.write",
        /// Count stock.
        StockWrite = "stock.write",
        /// Read orders with the addresses they go to.
        OrdersRead = "orders.read",
        /// Ship orders.
        FulfillmentWrite = "fulfillment.write",
        /// Decide on returns, give money back.
        RefundsWrite = "refunds.write",
        /// Read and change webhook endpoints.
        WebhooksWrite = "webhooks.write",
        /// Read earnings, statement and payouts.
        MoneyRead = "money.read",
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
        /// An identity at a provider was taken away.
        ExternalRemoved = "external_removed",
    }
}

kinds! {
    /// What a token sent in a letter allows.
    Purpose {
        /// To take the address for proved.
        Verify = "verify",
        /// To set a new password.
        Reset = "reset",
        /// To change the account's address to this one.
        Change = "change",
        /// To change it back to this one.
        Undo = "undo",
    }
}

kinds! {
    /// What has changed before payouts were frozen.
    FreezeCause {
        /// The address that an owner signs in with.
        Email = "email",
        /// An owner's password.
        Password = "password",
        /// An owner's second factor, or its recovery codes.
        SecondFactor = "second_factor",
        /// An owner's passkeys.
        Passkey = "passkey",
        /// An identity at a provider, by which an owner signs in.
        ExternalIdentity = "external_identity",
        /// The payout account, or what stands in it.
        PayoutAccount = "payout_account",
        /// Who owns the brand.
        Owner = "owner",
    }
}
