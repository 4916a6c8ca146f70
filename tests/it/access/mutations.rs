//! Every mutation, with an input that whoever may gets through with. Nobody else does, and for her nothing changes.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::story::refund_of;
use super::world::{Asker, World};
use crate::support::{FRONTEND, PASSWORD, START};

/// What mutations carried out so far have answered, by their names.
pub(super) type Made = BTreeMap<&'static str, Value>;

/// How a mutation is tried.
pub(super) struct Case {
    pub(super) may: May,
    pub(super) input: Value,
}

/// Who may do it to what the input names.
pub(super) enum May {
    /// Whoever the declaration admits: it is about herself, or about nobody. `NAME` in the input stands for a name of hers.
    Everyone,
    /// Whoever knows the secret in the input.
    Holder,
    /// Whoever the declaration admits; with an input as good as a guess she is refused with this code, and nothing happens.
    /// Tests of their own have it done.
    Refused(&'static str),
    /// The first of these, who does it; the others could as well.
    Only(&'static [Asker]),
}

const OWNERS: May = May::Only(&[Asker::BrandOwner, Asker::Operator]);
/// What those who manage the brand may as well, and do.
const MANAGERS: May = May::Only(&[Asker::Manager, Asker::BrandOwner, Asker::Operator]);
/// What a key may do as well, and does.
const MANAGERS_OR_KEY: May = May::Only(&[Asker::Key, Asker::Manager, Asker::BrandOwner, Asker::Operator]);
const COUNTERS: May = May::Only(&[
    Asker::NarrowKey,
    Asker::Key,
    Asker::Manager,
    Asker::BrandOwner,
    Asker::Operator,
]);
const SHIPPERS: May = May::Only(&[
    Asker::Key,
    Asker::Shipper,
    Asker::Manager,
    Asker::BrandOwner,
    Asker::Operator,
]);
const SHOPHOLDER: May = May::Only(&[Asker::Shopholder]);
/// What whoever curates the shop with its owner may as well, and does.
const CURATORS: May = May::Only(&[Asker::Curator, Asker::Shopholder]);
const CUSTOMER: May = May::Only(&[Asker::Customer]);
const BUYER: May = May::Only(&[Asker::Buyer, Asker::Operator]);
const OPERATOR: May = May::Only(&[Asker::Operator]);

/// The mutations in the order they are tried in. An input that needs what an earlier one made finds it in `made`.
pub(super) const ORDER: &[&str] = &[
    "accountCreate",
    "accountUpdate",
    "sessionCreate",
    "sessionRefresh",
    "sessionRevoke",
    "sessionsRevokeOthers",
    "sessionChallengeAnswer",
    "sessionStepUp",
    "sessionExternalStart",
    "sessionExternalFinish",
    "externalIdentityLink",
    "externalIdentityUnlink",
    "emailVerificationSend",
    "emailVerify",
    "emailChangeRequest",
    "emailChangeConfirm",
    "emailChangeUndo",
    "passwordResetRequest",
    "passwordReset",
    "passwordChange",
    "totpEnrol",
    "totpConfirm",
    "totpRemove",
    "recoveryCodesRenew",
    "passkeyChallengeCreate",
    "passkeyCreate",
    "passkeyUpdate",
    "passkeyRemove",
    "sessionPasskeyChallengeCreate",
    "sessionPasskeyCreate",
    "brandCreate",
    "shopOpen",
    "brandMemberInvite",
    "brandInvitationResend",
    "brandInvitationRevoke",
    "brandInvitationAccept",
    "brandMemberUpdate",
    "brandMemberRemove",
    "brandApiKeyCreate",
    "brandApiKeyUpdate",
    "brandApiKeyRevoke",
    "brandUpdate",
    "brandTermsChange",
    "brandFeeBearerSet",
    "shippingRateSet",
    "productCreate",
    "productUpdate",
    "variantUpdate",
    "variantStockSet",
    "productImportCreate",
    "shopUpdate",
    "shopUnpublish",
    "shopPublish",
    "shopClose",
    "recommendationAdd",
    "recommendationUpdate",
    "recommendationsReorder",
    "recommendationRemove",
    "referralLinkCreate",
    "shopCuratorInvite",
    "shopInvitationRevoke",
    "shopInvitationAccept",
    "shopCuratorUpdate",
    "shopCuratorRemove",
    "cartCreate",
    "cartLinesAdd",
    "cartClickAdd",
    "cartLinesUpdate",
    "cartLinesRemove",
    "cartBuyerUpdate",
    "cartDeliveryAddressUpdate",
    "checkoutStart",
    "checkoutReturn",
    "orderCancel",
    "fulfillmentCreate",
    "fulfillmentDelivered",
    "returnRequest",
    "returnDecline",
    "returnApprove",
    "orderLinesRefund",
    "disputeEvidenceNote",
    "disputeEvidenceSubmit",
    "disputeAccept",
    "goodwillCredit",
    "debtWriteOff",
    "suspenseExplain",
    "movementExplain",
    "adjustmentCorrect",
    "payoutAccountOnboardingLinkCreate",
    "payoutRun",
    "payoutHold",
    "payoutHoldRelease",
    "webhookEndpointCreate",
    "webhookEndpointUpdate",
    "webhookEndpointSecretRotate",
    "webhookEndpointTest",
    "webhookMessageReplay",
    "webhookMessagesReplay",
    "webhookEndpointDisable",
    "webhookEndpointEnable",
    "webhookEndpointDelete",
    "consentRecord",
    "accountDataExport",
    "orderContactErase",
    "accountErase",
];

/// How the mutation is tried; none when no table has it.
pub(super) fn case(name: &'static str, world: &World<'_>, made: &Made) -> Option<Case> {
    let found = of_people(name, world, made)
        .or_else(|| of_proofs(name))
        .or_else(|| of_keys(name, world))
        .or_else(|| of_goods(name, world))
        .or_else(|| of_shops(name, world, made))
        .or_else(|| of_carts(name, world, made))
        .or_else(|| of_orders(name, world, made))
        .or_else(|| of_money(name, world))
        .or_else(|| of_webhooks(name, world));
    found.map(|(may, input)| Case { may, input })
}

fn of_people(name: &str, world: &World<'_>, made: &Made) -> Option<(May, Value)> {
    let brand = &world.brand;
    Some(match name {
        "accountCreate" => (
            May::Everyone,
            json!({ "email": "new-NAME@example.com", "name": "New", "password": PASSWORD }),
        ),
        "accountUpdate" => (May::Everyone, json!({ "name": "NAME" })),
        "sessionCreate" => (
            May::Everyone,
            json!({ "email": "new-NAME@example.com", "password": PASSWORD }),
        ),
        // Whoever holds the token may: it is told to nobody but her who signed in.
        "sessionRefresh" => (
            May::Holder,
            json!({ "refreshToken": made.get("sessionCreate").map(|made| made["session"]["refreshToken"].clone()) }),
        ),
        "sessionsRevokeOthers" => (May::Everyone, json!({})),
        "sessionRevoke" => (SHOPHOLDER, json!({ "id": world.id("session") })),
        "brandCreate" => (
            May::Everyone,
            json!({ "handle": "brand-NAME", "name": "New", "country": "DE", "currency": "EUR", "defaultVatRate": 0 }),
        ),
        "shopOpen" => (May::Everyone, json!({ "handle": "shop-NAME", "name": "New" })),
        "consentRecord" => {
            let answers = json!([{ "purpose": "STATISTICS_COOKIES", "granted": true }]);
            let input = json!({ "visitorId": "NAME", "answers": answers, "textVersion": "1", "text": "May we count you?" });
            (May::Everyone, input)
        }
        "accountDataExport" => (May::Everyone, json!({})),
        "accountErase" => (
            OPERATOR,
            json!({ "accountId": made.get("accountCreate").map(|made| made["account"]["id"].clone()) }),
        ),
        "brandMemberInvite" => (
            OWNERS,
            json!({ "brandId": brand, "email": "new-anonymous@example.com", "role": "MANAGER" }),
        ),
        "brandInvitationResend" | "brandInvitationRevoke" => (
            OWNERS,
            json!({ "id": made.get("brandMemberInvite").map(|made| made["invitation"]["id"].clone()) }),
        ),
        "brandInvitationAccept" => (OPERATOR, json!({ "token": world.id("invitation") })),
        "brandMemberUpdate" => (
            OWNERS,
            json!({ "brandId": brand, "accountId": world.id("leaving"), "role": "SHIPPER" }),
        ),
        "brandMemberRemove" => (
            OWNERS,
            json!({ "brandId": brand, "accountId": world.id("leaving") }),
        ),
        _ => return None,
    })
}

fn of_keys(name: &str, world: &World<'_>) -> Option<(May, Value)> {
    let input = match name {
        "brandApiKeyCreate" => {
            json!({ "brandId": world.brand, "label": "the accounts", "scopes": ["MONEY_READ"] })
        }
        "brandApiKeyUpdate" => json!({ "id": world.id("apiKey"), "label": "the warehouse" }),
        "brandApiKeyRevoke" => json!({ "id": world.id("spareKey") }),
        _ => return None,
    };
    // Whoever manages the brand may close a door, and only its owners open one.
    let may = if name == "brandApiKeyRevoke" {
        MANAGERS
    } else {
        OWNERS
    };
    Some((may, input))
}

fn of_proofs(name: &str) -> Option<(May, Value)> {
    const OTHER: &str = "another horse battery";
    Some(match name {
        "sessionStepUp" => (May::Everyone, json!({ "password": PASSWORD })),
        "emailChangeRequest" => (May::Everyone, json!({ "email": "changed-NAME@example.com" })),
        "passwordResetRequest" => (May::Everyone, json!({ "email": "unknown-NAME@example.com" })),
        "totpEnrol" | "passkeyChallengeCreate" | "sessionPasskeyChallengeCreate" => {
            (May::Everyone, json!({}))
        }
        "passkeyCreate" => (
            May::Refused("INVALID"),
            json!({ "challenge": "guessed", "credential": "guessed", "name": "mine" }),
        ),
        "passkeyUpdate" => (
            May::Refused("NOT_FOUND"),
            json!({ "id": "passkey_01jxz3e5g8f2v9w4k7n6q1r0t5", "name": "mine" }),
        ),
        "passkeyRemove" => (
            May::Refused("NOT_FOUND"),
            json!({ "id": "passkey_01jxz3e5g8f2v9w4k7n6q1r0t5" }),
        ),
        "sessionPasskeyCreate" => (
            May::Refused("INVALID"),
            json!({ "signature": { "challenge": "guessed", "credential": "guessed" } }),
        ),
        "sessionChallengeAnswer" => (
            May::Refused("TOKEN_INVALID"),
            json!({ "challenge": "guessed", "code": "000000" }),
        ),
        // No provider is known here: a test of its own asks one.
        "sessionExternalStart" => (
            May::Refused("NOT_FOUND"),
            json!({ "provider": "nobody", "redirectUri": format!("{FRONTEND}/back") }),
        ),
        "sessionExternalFinish" | "externalIdentityLink" => (
            May::Refused("TOKEN_INVALID"),
            json!({ "state": "guessed", "code": "guessed", "key": "guessed" }),
        ),
        "externalIdentityUnlink" => (
            May::Refused("NOT_FOUND"),
            json!({ "id": "xid_00000000000000000000000000" }),
        ),
        "emailVerify" | "emailChangeConfirm" | "emailChangeUndo" => {
            (May::Refused("TOKEN_INVALID"), json!({ "token": "guessed" }))
        }
        "passwordReset" => (
            May::Refused("TOKEN_INVALID"),
            json!({ "token": "guessed", "newPassword": OTHER }),
        ),
        "passwordChange" => (
            May::Refused("WRONG_CREDENTIALS"),
            json!({ "currentPassword": "a guess of hers", "newPassword": OTHER }),
        ),
        "totpConfirm" => (May::Refused("WRONG_CODE"), json!({ "code": "no code" })),
        // All have proved their addresses, and nobody has an app confirmed.
        "emailVerificationSend" | "totpRemove" | "recoveryCodesRenew" => {
            (May::Refused("WRONG_STATE"), json!({}))
        }
        _ => return None,
    })
}

fn of_goods(name: &str, world: &World<'_>) -> Option<(May, Value)> {
    let (brand, variant) = (&world.brand, world.id("variant"));
    Some(match name {
        "brandUpdate" => (MANAGERS, json!({ "brandId": brand, "name": "Tea for all" })),
        "brandTermsChange" => (MANAGERS, json!({ "brandId": brand, "attributionDays": 10 })),
        "brandFeeBearerSet" => (OPERATOR, json!({ "brandId": brand, "feeBearer": "PLATFORM" })),
        "shippingRateSet" => (
            MANAGERS,
            json!({ "brandId": brand, "country": "FR", "price": { "amount": "9.90", "currency": "EUR" } }),
        ),
        "productCreate" => {
            let price = json!({ "amount": "12.00", "currency": "EUR" });
            let input = json!({ "brandId": brand, "handle": "saucer", "title": "Saucer", "variants": [{ "price": price }] });
            (MANAGERS_OR_KEY, input)
        }
        "productUpdate" => (
            MANAGERS_OR_KEY,
            json!({ "id": world.id("product"), "title": "Teapot" }),
        ),
        "variantUpdate" => (MANAGERS_OR_KEY, json!({ "variantId": variant, "sku": "TEA-2" })),
        "variantStockSet" => (
            COUNTERS,
            json!({ "variantId": variant, "onHand": 50, "idempotencyKey": "count" }),
        ),
        "productImportCreate" => (
            MANAGERS_OR_KEY,
            json!({ "brandId": brand, "fileName": "products.csv" }),
        ),
        _ => return None,
    })
}

fn of_shops(name: &str, world: &World<'_>, made: &Made) -> Option<(May, Value)> {
    let (shop, id) = (world.id("shop"), |made: &Value| {
        made["recommendation"]["id"].clone()
    });
    let added = made.get("recommendationAdd").map(id);
    let input = match name {
        "shopUpdate" => json!({ "id": shop, "name": "Teapots" }),
        "shopUnpublish" | "shopPublish" => json!({ "id": shop }),
        "shopClose" => json!({ "id": world.id("draft") }),
        "shopCuratorInvite" => json!({ "shopId": shop, "email": "new-anonymous@example.com", "share": 500 }),
        "shopInvitationRevoke" => {
            json!({ "id": made.get("shopCuratorInvite").map(|made| made["invitation"]["id"].clone()) })
        }
        "shopInvitationAccept" => {
            return Some((OPERATOR, json!({ "token": world.id("shopInvitation") })));
        }
        "shopCuratorUpdate" => {
            json!({ "shopId": shop, "accountId": world.id("leavingCurator"), "share": 700 })
        }
        "shopCuratorRemove" => json!({ "shopId": shop, "accountId": world.id("leavingCurator") }),
        "recommendationAdd" => {
            json!({ "shopId": shop, "productId": world.id("bicycle"), "discountShare": 1000 })
        }
        "recommendationUpdate" => json!({ "id": added, "note": "It rides well.", "discountShare": 2000 }),
        "recommendationsReorder" => {
            json!({ "shopId": shop, "recommendationIds": [added, world.id("recommendation")] })
        }
        "recommendationRemove" => json!({ "id": added }),
        "referralLinkCreate" => {
            json!({ "shopId": shop, "label": "letter", "productId": world.id("product") })
        }
        _ => return None,
    };
    let may = match name.split_once(char::is_uppercase) {
        Some(("shop", _)) => SHOPHOLDER,
        _ => CURATORS,
    };
    Some((may, input))
}

fn of_carts(name: &str, world: &World<'_>, made: &Made) -> Option<(May, Value)> {
    let (cart, going, variant) = (world.id("cart"), world.id("going"), world.id("variant"));
    let capped = made.get("cartLinesAdd").and_then(|made| {
        let mut lines = made["cart"]["lines"].as_array()?.iter();
        lines
            .find(|line| line["quantity"] == 999)
            .map(|line| line["id"].clone())
    });
    let total = made
        .get("cartDeliveryAddressUpdate")
        .map(|made| made["cart"]["cost"]["total"].clone());
    let total = total.map(|total| json!({ "amount": total["amount"], "currency": total["currency"] }));
    let back = format!("{FRONTEND}/back");
    let input = match name {
        "cartCreate" => {
            let lines = json!([{ "variantId": variant, "quantity": 1 }]);
            return Some((May::Everyone, json!({ "lines": lines, "clickToken": "forged" })));
        }
        "cartLinesAdd" => {
            // More than a line may have: a warning tells.
            let many = json!({ "variantId": variant, "quantity": 600 });
            json!({ "cartId": going, "lines": [many, many] })
        }
        "cartClickAdd" => json!({ "cartId": going, "clickToken": world.id("click") }),
        "cartLinesUpdate" => {
            json!({ "cartId": going, "lines": [{ "id": capped, "quantity": 1 }] })
        }
        "cartLinesRemove" => json!({ "cartId": cart, "lines": [world.id("cartLine")] }),
        "cartBuyerUpdate" => {
            json!({ "cartId": going, "email": "carla@example.com", "name": "Carla Customer" })
        }
        "cartDeliveryAddressUpdate" => {
            json!({ "cartId": going, "line1": "2 Mill Lane", "postalCode": "10115", "city": "Berlin", "country": "DE" })
        }
        "checkoutStart" => {
            json!({ "cartId": going, "expectedTotal": total, "successUrl": back, "cancelUrl": back, "idempotencyKey": "start" })
        }
        _ => return None,
    };
    Some((CUSTOMER, input))
}

fn of_orders(name: &str, world: &World<'_>, made: &Made) -> Option<(May, Value)> {
    const CUSTOMERS: May = May::Only(&[Asker::Customer, Asker::Operator]);
    let order = world.id("order");
    let lines = json!([{ "orderLineId": world.id("orderLine"), "quantity": 1 }]);
    Some(match name {
        "checkoutReturn" => (CUSTOMERS, json!({ "orderId": world.id("awaiting") })),
        "orderCancel" => (
            CUSTOMERS,
            json!({ "orderId": world.id("awaiting"), "idempotencyKey": "no" }),
        ),
        "fulfillmentCreate" => (
            SHIPPERS,
            json!({ "orderId": order, "lines": lines, "carrier": "DHL", "idempotencyKey": "send" }),
        ),
        "fulfillmentDelivered" => (
            SHIPPERS,
            json!({ "fulfillmentId": made.get("fulfillmentCreate").map(|made| made["fulfillment"]["id"].clone()) }),
        ),
        "returnRequest" => (
            BUYER,
            json!({ "orderId": order, "lines": lines, "reason": "the lid too" }),
        ),
        "orderContactErase" => (CUSTOMERS, json!({ "orderId": world.id("cancelled") })),
        "returnDecline" => (MANAGERS_OR_KEY, json!({ "returnId": world.id("return") })),
        "returnApprove" => (
            MANAGERS_OR_KEY,
            json!({ "returnId": made.get("returnRequest").map(|made| made["returns"][0]["id"].clone()) }),
        ),
        "orderLinesRefund" => (MANAGERS_OR_KEY, refund_of(world, 1)),
        "disputeEvidenceNote" => (
            MANAGERS,
            json!({ "disputeId": world.id("dispute"), "note": "Delivered, and signed for." }),
        ),
        "disputeEvidenceSubmit" => (OPERATOR, json!({ "disputeId": world.id("dispute") })),
        "disputeAccept" => (
            OPERATOR,
            json!({ "disputeId": world.id("given-in"), "idempotencyKey": "accept" }),
        ),
        _ => return None,
    })
}

fn of_money(name: &str, world: &World<'_>) -> Option<(May, Value)> {
    let her = &world.people[&Asker::Shopholder].id;
    let amount = |amount: &str| json!({ "amount": amount, "currency": "EUR" });
    let back = format!("{FRONTEND}/back");
    Some(match name {
        "goodwillCredit" => (
            OPERATOR,
            json!({ "partyId": her, "amount": amount("1.00"), "reason": "sorry", "idempotencyKey": "sorry" }),
        ),
        "debtWriteOff" => (
            OPERATOR,
            json!({ "partyId": her, "amount": amount("0.50"), "reason": "let it be", "idempotencyKey": "off" }),
        ),
        "suspenseExplain" => (
            OPERATOR,
            json!({ "suspended": "tax_fee", "currency": "EUR", "target": "FLOAT", "reason": "a tax", "idempotencyKey": "tax" }),
        ),
        "movementExplain" => (
            OPERATOR,
            json!({ "source": "re_hand", "target": "GOODWILL", "reason": "she called", "idempotencyKey": "hand" }),
        ),
        "adjustmentCorrect" => (
            OPERATOR,
            json!({ "adjustmentId": world.id("gift"), "reason": "not hers", "idempotencyKey": "back" }),
        ),
        "payoutAccountOnboardingLinkCreate" => (
            OWNERS,
            json!({ "brandId": world.brand, "returnUrl": back, "refreshUrl": back }),
        ),
        "payoutRun" => (OPERATOR, json!({ "idempotencyKey": "run-now" })),
        "payoutHold" => (
            OPERATOR,
            json!({ "partyId": world.people[&Asker::OtherTenant].id, "reason": "a question", "idempotencyKey": "stop" }),
        ),
        "payoutHoldRelease" => (
            OPERATOR,
            json!({ "partyId": her, "reason": "answered", "idempotencyKey": "go" }),
        ),
        _ => return None,
    })
}

fn of_webhooks(name: &str, world: &World<'_>) -> Option<(May, Value)> {
    let hook = world.id("hook");
    let input = match name {
        "webhookEndpointCreate" => {
            json!({ "brandId": world.brand, "url": world.id("receiver"), "topics": ["IMPORT_DONE"] })
        }
        "webhookEndpointUpdate" => json!({ "id": hook, "description": "the till" }),
        "webhookMessageReplay" => json!({ "id": world.id("message") }),
        "webhookMessagesReplay" => json!({ "endpointId": hook, "since": START }),
        "webhookEndpointSecretRotate"
        | "webhookEndpointTest"
        | "webhookEndpointDisable"
        | "webhookEndpointEnable"
        | "webhookEndpointDelete" => json!({ "id": hook }),
        _ => return None,
    };
    Some((MANAGERS_OR_KEY, input))
}
