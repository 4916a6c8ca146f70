//! What is stored: rows, typed ids, money and parsed text. This crate may not know what any of it means for the
//! business, nor that HTTP, GraphQL or Stripe exist.
//!
//! Every domain has a module of the same name here and in the other layers. Rows may be read by anyone; only the domain
//! that owns a table writes it.

pub mod kinds;
mod row;

pub mod id;
pub mod money;
pub mod text;

pub mod catalog;
pub mod checkout;
pub mod event;
pub mod event_reader;
pub mod idempotency;
pub mod identity;
pub mod inbox;
pub mod installation;
pub mod intent;
pub mod job;
pub mod ledger;
pub mod mail;
pub mod payout;
pub mod privacy;
pub mod rate_window;
pub mod reconciliation;
pub mod referral;
pub mod shop;
pub mod webhook;

/// A moment in UTC, cut to microseconds, as both databases keep it.
pub type Time = chrono::DateTime<chrono::Utc>;

/// Calls the given macro with the path of every entity module, so that a test can compare each with its table.
#[macro_export]
macro_rules! for_each_entity {
    ($with:ident) => {
        $with! {
            identity::account, identity::api_key, identity::attempt, identity::credential, identity::email_token, identity::external_ask, identity::external_identity, identity::session, identity::totp, identity::recovery_code, identity::payout_freeze, identity::brand_member, identity::invitation,
            catalog::brand, catalog::terms, catalog::product, catalog::product_text, catalog::product_tag,
            catalog::product_image, catalog::variant, catalog::variant_price, catalog::shipping_rate,
            catalog::import, catalog::import_note,
            shop, shop::shop_text, shop::recommendation,
            referral::link, referral::link_tally, referral::click,
            checkout::cart, checkout::cart_click, checkout::cart_contact, checkout::cart_line, checkout::order, checkout::order_contact,
            checkout::order_line, checkout::order_shipping, checkout::charge, checkout::reservation,
            checkout::fulfillment, checkout::return_request, checkout::return_unit, checkout::refund, checkout::refund_unit,
            checkout::dispute, checkout::dispute_note,
            ledger::account, ledger::transaction, ledger::posting, ledger::seal, ledger::block, ledger::unit,
            ledger::balance_transaction, ledger::dispute_part,
            payout, payout::payout_account, payout::payout_run, payout::transfer_reversal,
            reconciliation, reconciliation::difference,
            event, event_reader, idempotency, inbox, installation, intent, job, mail,
            webhook::endpoint, webhook::message, webhook::attempt,
            privacy::consent
        }
    };
}
