//! Connected accounts: made bare, completed on the hosted onboarding page, restricted and rejected at will.

use crate::currency::Currency;
use crate::error::StripeError;
use crate::pages;
use crate::state::{Call, State, merge_metadata, metadata, param, text, text_param};
use crate::webhooks::emit;
use serde_json::{Map, Value, json};

/// The platform's own account.
pub(crate) const PLATFORM: &str = "acct_platform";
/// What a new account still owes Stripe.
const DUE: [&str; 4] = [
    "business_profile.url",
    "business_type",
    "external_account",
    "tos_acceptance.date",
];
/// What an account can be able to do here.
const CAPABILITIES: [&str; 2] = ["card_payments", "transfers"];

/// How an account stands with Stripe.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Standing {
    /// Details not submitted.
    New,
    /// Submitted, being verified.
    Pending,
    Enabled,
    /// Something is past due.
    Restricted,
    Rejected,
}

/// `POST /v1/accounts`
pub(crate) fn create(state: &mut State, call: &Call) -> Result<Value, StripeError> {
    let country = text_param(call, "country").unwrap_or("US").to_uppercase();
    if country.len() != 2 || !country.chars().all(|letter| letter.is_ascii_uppercase()) {
        return Err(StripeError::invalid(format!("Invalid country: {country}"))
            .code("country_unsupported")
            .param("country"));
    }
    if call.params.contains_key("type") && call.params.contains_key("controller") {
        return Err(
            StripeError::invalid("You may only specify one of these parameters: type, controller.")
                .param("type"),
        );
    }
    let currency = match text_param(call, "default_currency") {
        Some(code) => Currency::parse(code, "default_currency")?.code,
        None => national_currency(&country),
    };
    let id = state.new_id("acct");
    let account = blank(call, &id, &country, currency);
    state.insert(&None, account.clone());
    let (account, _) = state.update(&id, standing_fields(&account, Standing::New));
    Ok(account)
}

/// `GET /v1/accounts/{account}`
pub(crate) fn retrieve(state: &mut State, call: &Call) -> Result<Value, StripeError> {
    state
        .find("account", &None, &call.path[0])
        .map_err(|_| no_access(&call.path[0]))
}

/// `GET /v1/account`: the caller's own.
pub(crate) fn retrieve_own(state: &mut State, call: &Call) -> Result<Value, StripeError> {
    Ok(state.get(call.scope.as_deref().unwrap_or(PLATFORM)))
}

/// `GET /v1/accounts`
pub(crate) fn list(state: &mut State, call: &Call) -> Result<Value, StripeError> {
    pages::list(state, call, "account", "/v1/accounts", &[], |row| {
        text(&row.value, "id") != PLATFORM
    })
}

/// `POST /v1/accounts/{account}`
pub(crate) fn update(state: &mut State, call: &Call) -> Result<Value, StripeError> {
    let account = retrieve(state, call)?;
    let mut changes = Map::new();
    for (key, given) in &call.params {
        let new = match key.as_str() {
            "expand" => continue,
            "metadata" => merge_metadata(&account["metadata"], Some(given)),
            "capabilities" => request(&account, given),
            "business_profile" | "settings" => merge(&account[key], given),
            _ => given.clone(),
        };
        changes.insert(key.clone(), new);
    }
    let (account, mut previous) = state.update(&call.path[0], Value::Object(changes));
    let (account, more) = state.update(&call.path[0], standing_fields(&account, standing(&account)));
    if let (Some(previous), Value::Object(more)) = (previous.as_object_mut(), more) {
        previous.extend(more);
    }
    announce(state, call.now, &account, previous);
    Ok(account)
}

/// `POST /v1/accounts/{account}/reject`
pub(crate) fn reject(state: &mut State, call: &Call) -> Result<Value, StripeError> {
    retrieve(state, call)?;
    set_standing(state, call.now, &call.path[0], Standing::Rejected)
}

/// `DELETE /v1/accounts/{account}`: only when it has no money.
pub(crate) fn delete(state: &mut State, call: &Call) -> Result<Value, StripeError> {
    let account = retrieve(state, call)?;
    let scope = Some(text(&account, "id").to_owned());
    if state
        .books
        .all(&scope)
        .any(|(_, funds)| funds.available != 0 || funds.pending != 0)
    {
        return Err(
            StripeError::invalid("This account cannot be deleted: its balance is not zero.")
                .code("account_invalid"),
        );
    }
    state.delete(&call.path[0]);
    Ok(json!({"id": call.path[0], "object": "account", "deleted": true}))
}

/// The account is the platform's no more: it took back its consent, which is told, or it was deleted out of sight.
pub(crate) fn leave(state: &mut State, now: i64, id: &str, consent: bool) -> Result<Value, StripeError> {
    state.find("account", &None, id)?;
    if consent {
        let application = json!({"id": "ca_sandbox", "object": "application", "name": "Stripe sandbox"});
        let scope = Some(id.to_owned());
        let kind = "account.application.deauthorized";
        emit(state, now, &scope, kind, application, None);
    }
    state.delete(id);
    Ok(json!({"id": id, "object": "account", "deleted": true}))
}

/// Refuses what concerns an account that is not connected, or no more.
pub(crate) fn check_connected(state: &State, id: &str) -> Result<(), StripeError> {
    state
        .find("account", &None, id)
        .map(|_| ())
        .map_err(|_| no_access(id))
}

/// `GET /v1/accounts/{account}/capabilities`
pub(crate) fn capabilities(state: &mut State, call: &Call) -> Result<Value, StripeError> {
    let account = retrieve(state, call)?;
    let named = account["capabilities"]
        .as_object()
        .into_iter()
        .flat_map(Map::keys);
    let data: Vec<_> = named.map(|name| capability_object(&account, name)).collect();
    let url = format!("/v1/accounts/{}/capabilities", call.path[0]);
    Ok(json!({"object": "list", "url": url, "has_more": false, "data": data}))
}

/// `GET /v1/accounts/{account}/capabilities/{capability}`
pub(crate) fn retrieve_capability(state: &mut State, call: &Call) -> Result<Value, StripeError> {
    let account = retrieve(state, call)?;
    if !CAPABILITIES.contains(&call.path[1].as_str()) {
        return Err(StripeError::missing("capability", &call.path[1]));
    }
    Ok(capability_object(&account, &call.path[1]))
}

/// The status of a capability: `active`, `inactive`, `pending` or `unrequested`.
pub(crate) fn capability<'a>(account: &'a Value, name: &str) -> &'a str {
    account["capabilities"][name].as_str().unwrap_or("unrequested")
}

/// The account completes its details on the hosted page.
pub(crate) fn submit(
    state: &mut State,
    now: i64,
    id: &str,
    details: Value,
    verified: bool,
) -> Result<Value, StripeError> {
    let account = state.find("account", &None, id)?;
    let bank = json!({
        "id": format!("ba_{}", &id["acct_".len()..]), "object": "bank_account",
        "account": id,
        "account_holder_name": details["business_profile"]["name"],
        "account_holder_type": details["business_type"],
        "account_type": null,
        "available_payout_methods": ["standard"],
        "bank_name": "STRIPE TEST BANK",
        "country": account["country"],
        "currency": account["default_currency"],
        "default_for_currency": true,
        "fingerprint": "sandboxbank",
        "last4": "3000",
        "metadata": {},
        "routing_number": null,
        "status": "new",
    });
    let url = format!("/v1/accounts/{id}/external_accounts");
    let mut changes = details;
    changes["business_profile"] = merge(&account["business_profile"], &changes["business_profile"]);
    changes["external_accounts"] = pages::first(vec![bank], &url);
    changes["tos_acceptance"] = json!({"date": now});
    state.update(id, changes);
    set_standing(
        state,
        now,
        id,
        if verified {
            Standing::Enabled
        } else {
            Standing::Pending
        },
    )
}

/// Moves an account to another standing: capabilities and requirements follow, and its events are sent.
pub(crate) fn set_standing(
    state: &mut State,
    now: i64,
    id: &str,
    standing: Standing,
) -> Result<Value, StripeError> {
    let before = state.find("account", &None, id)?;
    let (account, previous) = state.update(id, standing_fields(&before, standing));
    announce(state, now, &account, previous);
    for name in CAPABILITIES {
        if capability(&before, name) != capability(&account, name) {
            let object = capability_object(&account, name);
            let previous = json!({"status": capability(&before, name)});
            emit(
                state,
                now,
                &Some(id.to_owned()),
                "capability.updated",
                object,
                Some(previous),
            );
        }
    }
    Ok(account)
}

/// The platform's own account, which is there from the beginning.
pub(crate) fn platform(now: i64) -> Value {
    let call = Call {
        now,
        scope: None,
        path: Vec::new(),
        params: Map::new(),
    };
    let mut account = blank(&call, PLATFORM, "NL", "eur");
    account["type"] = "standard".into();
    account["controller"] = json!({"type": "account"});
    account["capabilities"] = json!({"card_payments": "active", "transfers": "active"});
    merge(&account, &standing_fields(&account, Standing::Enabled))
}

fn standing(account: &Value) -> Standing {
    let disabled = account["requirements"]["disabled_reason"]
        .as_str()
        .unwrap_or_default();
    match (account["details_submitted"] == true, disabled) {
        (false, _) => Standing::New,
        (true, "requirements.pending_verification") => Standing::Pending,
        (true, "") => Standing::Enabled,
        (true, reason) if reason.starts_with("rejected.") => Standing::Rejected,
        (true, _) => Standing::Restricted,
    }
}

fn standing_fields(account: &Value, standing: Standing) -> Value {
    let status = match standing {
        Standing::Enabled => "active",
        Standing::Pending => "pending",
        Standing::New | Standing::Restricted | Standing::Rejected => "inactive",
    };
    let requested = account["capabilities"]
        .as_object()
        .into_iter()
        .flat_map(Map::keys);
    let capabilities: Map<String, Value> = requested.map(|name| (name.clone(), status.into())).collect();
    let charges = standing == Standing::Enabled && capabilities.contains_key("card_payments");
    json!({
        "capabilities": capabilities,
        "charges_enabled": charges,
        "payouts_enabled": standing == Standing::Enabled,
        "details_submitted": standing != Standing::New,
        "requirements": requirements(standing),
    })
}

fn requirements(standing: Standing) -> Value {
    let (due, reason): (&[&str], Value) = match standing {
        Standing::New => (&DUE, "requirements.past_due".into()),
        Standing::Pending => (&[], "requirements.pending_verification".into()),
        Standing::Enabled => (&[], Value::Null),
        Standing::Restricted => (
            &["individual.verification.document"],
            "requirements.past_due".into(),
        ),
        Standing::Rejected => (&[], "rejected.fraud".into()),
    };
    let verifying: &[&str] = if standing == Standing::Pending {
        &["individual.verification.document"]
    } else {
        &[]
    };
    json!({
        "alternatives": [], "current_deadline": null, "currently_due": due, "disabled_reason": reason, "errors": [],
        "eventually_due": due, "past_due": due, "pending_verification": verifying,
    })
}

fn blank(call: &Call, id: &str, country: &str, currency: &str) -> Value {
    let profile = json!({
        "annual_revenue": null, "estimated_worker_count": null, "mcc": null, "minority_owned_business_designation": null,
        "name": null, "product_description": null, "support_address": null, "support_email": null, "support_phone": null,
        "support_url": null, "url": null,
    });
    let requested = call
        .params
        .get("capabilities")
        .map(|given| request(&Value::Null, given));
    json!({
        "id": id, "object": "account",
        "business_profile": merge(&profile, &param(call, "business_profile")),
        "business_type": param(call, "business_type"),
        "capabilities": requested.unwrap_or_else(|| json!({})),
        "charges_enabled": false,
        "controller": controller(call),
        "country": country,
        "created": call.now,
        "default_currency": currency,
        "details_submitted": false,
        "email": param(call, "email"),
        "external_accounts": pages::first(Vec::new(), &format!("/v1/accounts/{id}/external_accounts")),
        "future_requirements": {
            "alternatives": [], "current_deadline": null, "currently_due": [], "disabled_reason": null, "errors": [],
            "eventually_due": [], "past_due": [], "pending_verification": [],
        },
        "metadata": metadata(call),
        "payouts_enabled": false,
        "requirements": requirements(Standing::New),
        "settings": merge(&default_settings(), &param(call, "settings")),
        "tos_acceptance": {"date": null, "ip": null, "user_agent": null},
        "type": text_param(call, "type").unwrap_or(if call.params.contains_key("controller") { "none" } else { "express" }),
    })
}

fn default_settings() -> Value {
    json!({
        "branding": {"icon": null, "logo": null, "primary_color": null, "secondary_color": null},
        "card_payments": {
            "decline_on": null, "statement_descriptor_prefix": null,
            "statement_descriptor_prefix_kana": null, "statement_descriptor_prefix_kanji": null,
        },
        "dashboard": {"display_name": null, "timezone": "Etc/UTC"},
        "payments": {
            "statement_descriptor": null, "statement_descriptor_kana": null, "statement_descriptor_kanji": null,
        },
        // Automatic payouts do not happen here.
        "payouts": {
            "debit_negative_balances": true, "schedule": {"delay_days": 2, "interval": "manual"},
            "statement_descriptor": null,
        },
    })
}

fn controller(call: &Call) -> Value {
    let express = json!({
        "fees": {"payer": "application_express"},
        "is_controller": true,
        "losses": {"payments": "application"},
        "requirement_collection": "stripe",
        "stripe_dashboard": {"type": "express"},
        "type": "application",
    });
    merge(&express, &param(call, "controller"))
}

/// Capabilities after `capabilities[name][requested]`: new ones wait for their standing.
fn request(account: &Value, given: &Value) -> Value {
    let mut capabilities = account["capabilities"].as_object().cloned().unwrap_or_default();
    for (name, wish) in given.as_object().into_iter().flatten() {
        if wish["requested"] == true {
            capabilities
                .entry(name.clone())
                .or_insert_with(|| "inactive".into());
        } else {
            capabilities.shift_remove(name);
        }
    }
    Value::Object(capabilities)
}

fn capability_object(account: &Value, name: &str) -> Value {
    let requirements = account["requirements"].clone();
    let status = capability(account, name);
    let (currently_due, disabled) = match status {
        "inactive" => (
            requirements["currently_due"].clone(),
            json!("requirements.fields_needed"),
        ),
        "pending" => (json!([]), json!("pending.review")),
        _ => (json!([]), Value::Null),
    };
    let past_due = if status == "inactive" {
        requirements["past_due"].clone()
    } else {
        json!([])
    };
    json!({
        "id": name, "object": "capability",
        "account": account["id"],
        "requested": status != "unrequested",
        "requested_at": if status == "unrequested" { Value::Null } else { account["created"].clone() },
        "requirements": {
            "alternatives": [], "current_deadline": null, "currently_due": currently_due, "disabled_reason": disabled,
            "errors": [], "eventually_due": currently_due, "past_due": past_due, "pending_verification": [],
        },
        "status": status,
    })
}

/// `account.updated` is the connected account's event.
fn announce(state: &mut State, now: i64, account: &Value, previous: Value) {
    let scope = Some(text(account, "id").to_owned());
    emit(
        state,
        now,
        &scope,
        "account.updated",
        account.clone(),
        Some(previous),
    );
}

/// A hash with another's fields laid over it.
fn merge(base: &Value, over: &Value) -> Value {
    match (base, over) {
        (Value::Object(base), Value::Object(over)) => {
            let mut merged = base.clone();
            for (key, value) in over {
                let old = merged.get(key).cloned().unwrap_or_default();
                // Capabilities are a set, not a form: what is not named is gone.
                let new = if key == "capabilities" {
                    value.clone()
                } else {
                    merge(&old, value)
                };
                merged.insert(key.clone(), new);
            }
            Value::Object(merged)
        }
        (base, Value::Null) => base.clone(),
        (_, over) => over.clone(),
    }
}

fn no_access(id: &str) -> StripeError {
    let message = format!(
        "The provided key does not have access to account '{id}' (or that account does not exist). Application access may \
         have been revoked."
    );
    StripeError::invalid(message).code("account_invalid").status(403)
}

fn national_currency(country: &str) -> &'static str {
    match country {
        "AU" => "aud",
        "CA" => "cad",
        "CH" | "LI" => "chf",
        "CZ" => "czk",
        "DK" => "dkk",
        "GB" => "gbp",
        "HK" => "hkd",
        "HU" => "huf",
        "JP" => "jpy",
        "NO" => "nok",
        "NZ" => "nzd",
        "PL" => "pln",
        "RO" => "ron",
        "SE" => "sek",
        "SG" => "sgd",
        "US" => "usd",
        _ => "eur",
    }
}
