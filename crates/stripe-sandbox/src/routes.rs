//! The table of everything the API can do. The paths are those of Stripe's OpenAPI document, word for word: they find the
//! parameters in [`crate::spec`].

use crate::error::StripeError;
use crate::resources::{
    account, account_link, balance, charge, checkout_session, coupon, dispute, event, payment_intent,
    payment_method, payout, price, promotion_code, refund, transfer, transfer_reversal, webhook_endpoint,
};
use crate::state::{Call, State};
use serde_json::Value;

/// What a route does: a function from state and call to an object, or a refusal.
pub(crate) type Operation = fn(&mut State, &Call) -> Result<Value, StripeError>;

/// A method and path, and what it does.
pub(crate) struct Route {
    /// `POST /v1/transfers/{id}/reversals`
    pub(crate) name: &'static str,
    pub(crate) operation: Operation,
}

/// Finds the route, and what its placeholders stand for.
pub(crate) fn find(method: &str, path: &str) -> Option<(&'static Route, Vec<String>)> {
    ROUTES.iter().find_map(|route| {
        let (wanted, pattern) = route.name.split_once(' ')?;
        let captures = if wanted == method {
            capture(pattern, path)
        } else {
            None
        };
        captures.map(|captures| (route, captures))
    })
}

/// Whether there is a route with this name.
pub(crate) fn exists(name: &str) -> bool {
    ROUTES.iter().any(|route| route.name == name)
}

fn capture(pattern: &str, path: &str) -> Option<Vec<String>> {
    let (mut pattern, mut path) = (pattern.split('/'), path.split('/'));
    let mut captures = Vec::new();
    loop {
        match (pattern.next(), path.next()) {
            (None, None) => return Some(captures),
            (Some(wanted), Some(found)) if wanted.starts_with('{') && !found.is_empty() => {
                captures.push(found.to_owned())
            }
            (Some(wanted), Some(found)) if wanted == found => {}
            _ => return None,
        }
    }
}

const fn route(name: &'static str, operation: Operation) -> Route {
    Route { name, operation }
}

static ROUTES: &[Route] = &[
    route("POST /v1/checkout/sessions", checkout_session::create),
    route("GET /v1/checkout/sessions", checkout_session::list),
    route("GET /v1/checkout/sessions/{session}", checkout_session::retrieve),
    route("POST /v1/checkout/sessions/{session}", checkout_session::update),
    route(
        "POST /v1/checkout/sessions/{session}/expire",
        checkout_session::expire,
    ),
    route(
        "GET /v1/checkout/sessions/{session}/line_items",
        checkout_session::line_items,
    ),
    route("POST /v1/payment_intents", payment_intent::create),
    route("GET /v1/payment_intents", payment_intent::list),
    route("GET /v1/payment_intents/{intent}", payment_intent::retrieve),
    route("POST /v1/payment_intents/{intent}", payment_intent::update),
    route(
        "POST /v1/payment_intents/{intent}/confirm",
        payment_intent::confirm,
    ),
    route("POST /v1/payment_intents/{intent}/cancel", payment_intent::cancel),
    route(
        "GET /v1/payment_methods/{payment_method}",
        payment_method::retrieve,
    ),
    route("GET /v1/charges", charge::list),
    route("GET /v1/charges/{charge}", charge::retrieve),
    route("POST /v1/charges/{charge}", charge::update),
    route("POST /v1/refunds", refund::create),
    route("GET /v1/refunds", refund::list),
    route("GET /v1/refunds/{refund}", refund::retrieve),
    route("POST /v1/refunds/{refund}", refund::update),
    route("GET /v1/disputes", dispute::list),
    route("GET /v1/disputes/{dispute}", dispute::retrieve),
    route("POST /v1/disputes/{dispute}", dispute::update),
    route("POST /v1/disputes/{dispute}/close", dispute::close),
    route("GET /v1/account", account::retrieve_own),
    route("POST /v1/accounts", account::create),
    route("GET /v1/accounts", account::list),
    route("GET /v1/accounts/{account}", account::retrieve),
    route("POST /v1/accounts/{account}", account::update),
    route("DELETE /v1/accounts/{account}", account::delete),
    route("POST /v1/accounts/{account}/reject", account::reject),
    route("GET /v1/accounts/{account}/capabilities", account::capabilities),
    route(
        "GET /v1/accounts/{account}/capabilities/{capability}",
        account::retrieve_capability,
    ),
    route("POST /v1/account_links", account_link::create),
    route("POST /v1/transfers", transfer::create),
    route("GET /v1/transfers", transfer::list),
    route("GET /v1/transfers/{transfer}", transfer::retrieve),
    route("POST /v1/transfers/{transfer}", transfer::update),
    route("POST /v1/transfers/{id}/reversals", transfer_reversal::create),
    route("GET /v1/transfers/{id}/reversals", transfer_reversal::list),
    route(
        "GET /v1/transfers/{transfer}/reversals/{id}",
        transfer_reversal::retrieve,
    ),
    route(
        "POST /v1/transfers/{transfer}/reversals/{id}",
        transfer_reversal::update,
    ),
    route("GET /v1/balance", balance::retrieve),
    route("GET /v1/balance_transactions", balance::list_transactions),
    route("GET /v1/balance_transactions/{id}", balance::retrieve_transaction),
    route("POST /v1/payouts", payout::create),
    route("GET /v1/payouts", payout::list),
    route("GET /v1/payouts/{payout}", payout::retrieve),
    route("POST /v1/payouts/{payout}", payout::update),
    route("POST /v1/payouts/{payout}/cancel", payout::cancel),
    route("POST /v1/coupons", coupon::create),
    route("GET /v1/coupons", coupon::list),
    route("GET /v1/coupons/{coupon}", coupon::retrieve),
    route("POST /v1/coupons/{coupon}", coupon::update),
    route("DELETE /v1/coupons/{coupon}", coupon::delete),
    route("POST /v1/promotion_codes", promotion_code::create),
    route("GET /v1/promotion_codes", promotion_code::list),
    route(
        "GET /v1/promotion_codes/{promotion_code}",
        promotion_code::retrieve,
    ),
    route(
        "POST /v1/promotion_codes/{promotion_code}",
        promotion_code::update,
    ),
    route("GET /v1/products", price::list_products),
    route("GET /v1/products/{id}", price::retrieve_product),
    route("GET /v1/prices", price::list),
    route("GET /v1/prices/{price}", price::retrieve),
    route("GET /v1/events", event::list),
    route("GET /v1/events/{id}", event::retrieve),
    route("POST /v1/webhook_endpoints", webhook_endpoint::create),
    route("GET /v1/webhook_endpoints", webhook_endpoint::list),
    route(
        "GET /v1/webhook_endpoints/{webhook_endpoint}",
        webhook_endpoint::retrieve,
    ),
    route(
        "POST /v1/webhook_endpoints/{webhook_endpoint}",
        webhook_endpoint::update,
    ),
    route(
        "DELETE /v1/webhook_endpoints/{webhook_endpoint}",
        webhook_endpoint::delete,
    ),
];

#[cfg(test)]
mod tests {
    use super::{ROUTES, find};
    use crate::spec;

    #[test]
    fn every_route_is_in_stripe_s_document() {
        for route in ROUTES {
            assert!(spec::knows(route.name), "{}", route.name);
        }
    }

    #[test]
    fn placeholders_are_captured_in_order() {
        let (route, captures) = find("GET", "/v1/transfers/tr_1/reversals/trr_2").unwrap();
        assert_eq!(route.name, "GET /v1/transfers/{transfer}/reversals/{id}");
        assert_eq!(captures, ["tr_1", "trr_2"]);
        assert!(find("GET", "/v1/transfers//reversals").is_none());
    }
}
