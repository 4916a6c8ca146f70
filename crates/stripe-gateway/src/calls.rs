//! Calls that change something: an intent's frozen parameters become Stripe's request, the same one every time.

use std::collections::HashMap;

use stripe_checkout::checkout_session::{
    CreateCheckoutSession, CreateCheckoutSessionAllowedPaymentMethodTypes, CreateCheckoutSessionLineItems,
    CreateCheckoutSessionLineItemsPriceData, CreateCheckoutSessionPaymentIntentData, ExpireCheckoutSession,
    ProductData,
};
use stripe_client_core::{CustomizableStripeRequest, IdempotencyKey, RequestStrategy, StripeRequest};
use stripe_connect::account::{
    CreateAccount, CreateAccountBusinessProfile, CreateAccountCapabilities,
    CreateAccountCapabilitiesTransfers, CreateAccountType,
};
use stripe_connect::transfer::CreateTransfer;
use stripe_connect::transfer_reversal::CreateIdTransferReversal;
use stripe_core::dispute::{CloseDispute, UpdateDispute, UpdateDisputeEvidence};
use stripe_core::refund::CreateRefund;
use stripe_shared::{CheckoutSessionLocale, CheckoutSessionMode};
use vitrine_domain::ports::{Call, CallError, Outcome, SessionLine};
use vitrine_model::id::IntentId;
use vitrine_model::money::Currency;

use crate::client::{Client, checked_id};
use crate::{INTENT, facts};

/// Makes `call` under the idempotency key `key`.
pub(crate) async fn make(
    client: &Client,
    key: &str,
    intent: IntentId,
    call: &Call,
) -> Result<Outcome, CallError> {
    let key = IdempotencyKey::new(key).map_err(|error| unsendable("idempotency_key_invalid", &error))?;
    let sender = Sender { client, key, intent };
    sender.make(call).await
}

/// Sends what one intent wants.
struct Sender<'a> {
    client: &'a Client,
    key: IdempotencyKey,
    intent: IntentId,
}

impl Sender<'_> {
    async fn make(&self, call: &Call) -> Result<Outcome, CallError> {
        match call {
            Call::SessionOpen {
                order,
                order_number,
                currency,
                lines,
                methods,
                email,
                expires_at,
                success_url,
                cancel_url,
            } => {
                let mut request = payment_page(methods)
                    .client_reference_id(order)
                    .line_items(session_lines(lines, known(currency)?)?)
                    .payment_intent_data(self.payment_intent(order, order_number))
                    .metadata(self.metadata("order", order))
                    .expires_at(*expires_at)
                    .success_url(success_url)
                    .cancel_url(cancel_url);
                if let Some(email) = email {
                    request = request.customer_email(email);
                }
                Ok(Outcome::Session(facts::session(
                    self.keyed(&request).send(self.client).await?,
                )))
            }
            Call::SessionExpire { session } => self.session_expiry(session).await,
            Call::RefundMake {
                charge,
                amount,
                currency,
                refund,
                order,
            } => {
                self.refund(charge, minor(*amount, known(currency)?)?, refund, order)
                    .await
            }
            Call::TransferMake {
                destination,
                amount,
                currency,
                payout,
            } => {
                let currency = known(currency)?;
                self.transfer(destination, minor(*amount, currency)?, currency, payout)
                    .await
            }
            // Its currency is the transfer's, whose amounts were sent in the same unit.
            Call::TransferReverse {
                transfer,
                amount,
                reversal,
            } => self.reversal(transfer, *amount, reversal).await,
            Call::AccountOpen {
                party,
                country,
                email,
                name,
            } => self.account(party, country, email.as_deref(), name).await,
            Call::DisputeEvidence {
                dispute,
                text,
                submit,
            } => self.evidence(dispute, text, *submit).await,
            Call::DisputeAccept { dispute } => self.acceptance(dispute).await,
        }
    }

    /// The request under our key.
    fn keyed<R: StripeRequest>(&self, request: &R) -> CustomizableStripeRequest<R::Output> {
        let strategy = RequestStrategy::Idempotent(self.key.clone());
        request.customize().request_strategy(strategy)
    }

    async fn session_expiry(&self, session: &str) -> Result<Outcome, CallError> {
        let request = ExpireCheckoutSession::new(checked_id(session)?);
        Ok(Outcome::Session(facts::session(
            self.keyed(&request).send(self.client).await?,
        )))
    }

    async fn refund(
        &self,
        charge: &str,
        amount: i64,
        refund: &str,
        order: &str,
    ) -> Result<Outcome, CallError> {
        let mut metadata = self.metadata("refund", refund);
        metadata.insert("order".to_owned(), order.to_owned());
        let request = CreateRefund::new()
            .charge(charge)
            .amount(amount)
            .metadata(metadata)
            .expand(facts::refund_expansion(""));
        Ok(Outcome::Refund(facts::refund(
            self.keyed(&request).send(self.client).await?,
        )))
    }

    async fn transfer(
        &self,
        destination: &str,
        amount: i64,
        currency: Currency,
        payout: &str,
    ) -> Result<Outcome, CallError> {
        let request = CreateTransfer::new(stripe_currency(currency), destination)
            .amount(amount)
            .transfer_group(payout)
            .metadata(self.metadata("payout", payout))
            .expand(facts::settled("balance_transaction"));
        Ok(Outcome::Transfer(facts::transfer(
            self.keyed(&request).send(self.client).await?,
        )))
    }

    async fn reversal(&self, transfer: &str, amount: i64, reversal: &str) -> Result<Outcome, CallError> {
        let request = CreateIdTransferReversal::new(checked_id(transfer)?)
            .amount(amount)
            .metadata(self.metadata("reversal", reversal))
            .expand(facts::settled("balance_transaction"));
        Ok(Outcome::Reversal(facts::reversal(
            self.keyed(&request).send(self.client).await?,
        )))
    }

    async fn account(
        &self,
        party: &str,
        country: &str,
        email: Option<&str>,
        name: &str,
    ) -> Result<Outcome, CallError> {
        let mut transfers = CreateAccountCapabilitiesTransfers::new();
        transfers.requested = Some(true);
        let mut capabilities = CreateAccountCapabilities::new();
        capabilities.transfers = Some(transfers);
        let mut profile = CreateAccountBusinessProfile::new();
        profile.name = Some(name.to_owned());
        let mut request = CreateAccount::new()
            .type_(CreateAccountType::Express)
            .country(country)
            .capabilities(capabilities)
            .business_profile(profile)
            .metadata(self.metadata("party", party));
        if let Some(email) = email {
            request = request.email(email);
        }
        Ok(Outcome::Account(facts::account(
            &self.keyed(&request).send(self.client).await?,
        )))
    }

    /// Left to itself, Stripe would submit evidence at once, and a bank reads only one answer.
    async fn evidence(&self, dispute: &str, text: &str, submit: bool) -> Result<Outcome, CallError> {
        let mut evidence = UpdateDisputeEvidence::new();
        evidence.uncategorized_text = Some(text.to_owned());
        let request = UpdateDispute::new(checked_id(dispute)?)
            .evidence(evidence)
            .metadata(HashMap::from([(INTENT.to_owned(), self.intent.to_string())]))
            .submit(submit);
        Ok(Outcome::Dispute(facts::dispute(
            self.keyed(&request).send(self.client).await?,
        )))
    }

    async fn acceptance(&self, dispute: &str) -> Result<Outcome, CallError> {
        let request = CloseDispute::new(checked_id(dispute)?);
        Ok(Outcome::Dispute(facts::dispute(
            self.keyed(&request).send(self.client).await?,
        )))
    }

    fn payment_intent(&self, order: &str, number: &str) -> CreateCheckoutSessionPaymentIntentData {
        let mut data = CreateCheckoutSessionPaymentIntentData::new();
        data.description = Some(format!("Order {number}"));
        data.transfer_group = Some(order.to_owned());
        data.metadata = Some(self.metadata("order", order));
        data
    }

    /// What every object we make carries: its intent, by which it is found again, and our row.
    fn metadata(&self, row: &str, id: &str) -> HashMap<String, String> {
        HashMap::from([
            (INTENT.to_owned(), self.intent.to_string()),
            (row.to_owned(), id.to_owned()),
        ])
    }
}

/// What all payment pages have in common.
fn payment_page(methods: &[String]) -> CreateCheckoutSession {
    let methods: Vec<_> = methods.iter().map(|method| payment_method(method)).collect();
    CreateCheckoutSession::new()
        .mode(CheckoutSessionMode::Payment)
        .allowed_payment_method_types(methods)
        .locale(CheckoutSessionLocale::Auto)
}

/// A way to pay in Stripe's words. One that these types do not know yet is for Stripe to judge.
fn payment_method(name: &str) -> CreateCheckoutSessionAllowedPaymentMethodTypes {
    match name.parse() {
        Ok(method) => method,
        Err(never) => match never {},
    }
}

fn session_lines(
    lines: &[SessionLine],
    currency: Currency,
) -> Result<Vec<CreateCheckoutSessionLineItems>, CallError> {
    lines.iter().map(|line| session_line(line, currency)).collect()
}

fn session_line(line: &SessionLine, currency: Currency) -> Result<CreateCheckoutSessionLineItems, CallError> {
    let mut product = ProductData::new(&line.name);
    product.description.clone_from(&line.description);
    product.images = line.image.clone().map(|image| vec![image]);
    let mut price = CreateCheckoutSessionLineItemsPriceData::new(stripe_currency(currency));
    price.unit_amount = Some(minor(line.unit_amount, currency)?);
    price.product_data = Some(product);
    let mut item = CreateCheckoutSessionLineItems::new();
    item.quantity =
        Some(u64::try_from(line.quantity).map_err(|error| unsendable("quantity_invalid", &error))?);
    item.price_data = Some(price);
    Ok(item)
}

/// The currency named in an intent.
fn known(code: &str) -> Result<Currency, CallError> {
    code.parse()
        .map_err(|error: vitrine_model::kinds::UnknownKind| unsendable("currency_unsupported", &error))
}

/// Our minor units in Stripe's.
fn minor(amount: i64, currency: Currency) -> Result<i64, CallError> {
    let rules = currency.rules();
    let amount = amount
        .checked_mul(rules.stripe_factor)
        .filter(|amount| amount % rules.stripe_step == 0);
    amount.ok_or_else(|| {
        unsendable(
            "amount_invalid",
            &format!("not a multiple of {}", rules.stripe_step),
        )
    })
}

pub(crate) fn stripe_currency(currency: Currency) -> stripe_types::Currency {
    match currency.as_str().to_ascii_lowercase().parse() {
        Ok(currency) => currency,
        Err(never) => match never {},
    }
}

/// Nothing was sent, and nothing will be: the intent's parameters are wrong.
fn unsendable(code: &str, why: &dyn std::fmt::Display) -> CallError {
    CallError::Refused {
        code: code.to_owned(),
        message: why.to_string(),
    }
}
