//! Payout accounts and payouts, as clients see them.

mod freeze;
mod hold;

use async_graphql::{Context, Enum, ID, InputObject, MergedObject, Object, Result};
use chrono::{DateTime, Utc};
use vitrine_domain::failure::persistently;
use vitrine_domain::identity;
use vitrine_domain::payout::{self, NewOnboarding, Onboarding, Refusal, Standing};
use vitrine_model::id::PayoutId;
use vitrine_model::ledger::Party;
use vitrine_model::payout as rows;
use vitrine_model::payout::payout_account;

use crate::access::{Declared, Scope, Subject, Who, access, keyed, root_part, seen};
use crate::catalog::is_head;
use crate::connection::{TimePlace, connection, listed, page, place, unplace};
use crate::error::{Trouble, UserError, UserErrorCode, answer, at, at_opt, payload};
use crate::identity::UNVERIFIED;
use crate::loaders::{load, loader};
use crate::money::{CurrencyCode, Money};
use crate::request::{RequestContext, parse_id};

pub(crate) use freeze::{PayoutFreeze, freeze_on};
pub(crate) use hold::{PayoutHold, hold_on};

/// Whether what is a party's is the viewer's: her own, or that of a brand she owns.
pub(crate) async fn is_party(ctx: &Context<'_>, party: Party) -> Result<bool> {
    match party {
        Party::Brand(brand) => is_head(ctx, brand).await,
        Party::Shopholder(account) => Ok(ctx.viewer().account_id() == Some(account)),
    }
}

/// How far a payout account is.
#[derive(Enum, Copy, Clone, Debug, PartialEq, Eq)]
#[graphql(remote = "Standing")]
pub enum PayoutAccountStatus {
    /// The payment provider has not opened it yet.
    Opening,
    /// The payment provider waits for facts: follow an onboarding link.
    Onboarding,
    /// It receives payouts.
    Active,
    /// It cannot receive payouts now: follow an onboarding link to see what is missing.
    Restricted,
    /// The payment provider will not pay this party. Your money stays here: write to those who run the platform.
    Rejected,
    /// The payment provider has it no more. Your money stays here: ask for an onboarding link, which opens another.
    Deleted,
}

/// Where a party's payouts go: its account at the payment provider. It belongs to the shopholder, or to the brand's
/// owners.
#[derive(Debug, Clone)]
pub struct PayoutAccount(payout_account::Model);

impl Subject for PayoutAccount {
    async fn is_owned(&self, ctx: &Context<'_>) -> Result<bool> {
        is_party(ctx, self.0.party).await
    }
}

/// Where a party's payouts go: its account at the payment provider. It belongs to the shopholder, or to the brand's
/// owners.
#[Object(guard = Declared(self))]
impl PayoutAccount {
    /// Its id.
    #[graphql(directive = access::apply(Who::Owner))]
    async fn id(&self) -> ID {
        self.0.id.to_string().into()
    }

    /// How far it is.
    #[graphql(directive = access::apply(Who::Owner))]
    async fn status(&self) -> PayoutAccountStatus {
        payout::standing(&self.0).into()
    }

    /// Where the party is: an ISO 3166-1 alpha-2 code.
    #[graphql(directive = access::apply(Who::Owner))]
    async fn country(&self) -> &str {
        self.0.country.as_str()
    }

    /// Whether the party has told the payment provider what it asked at first.
    #[graphql(directive = access::apply(Who::Owner))]
    async fn details_submitted(&self) -> bool {
        self.0.details_submitted
    }

    /// Whether it can receive payouts.
    #[graphql(directive = access::apply(Who::Owner))]
    async fn transfers_active(&self) -> bool {
        self.0.transfers_active
    }

    /// How many facts the payment provider asks for now.
    #[graphql(directive = access::apply(Who::Owner))]
    async fn requirements_due(&self) -> i32 {
        self.0.requirements_due
    }

    /// When the payment provider was last asked about it.
    #[graphql(directive = access::apply(Who::Owner))]
    async fn updated_at(&self) -> DateTime<Utc> {
        self.0.updated_at
    }
}

/// How far a payout is.
#[derive(Enum, Copy, Clone, Debug, PartialEq, Eq)]
#[graphql(remote = "rows::PayoutState")]
pub enum PayoutState {
    /// The money is in transit; the payment provider has not confirmed.
    Requested,
    /// The payment provider has moved the money to the payout account.
    Paid,
    /// The payment provider refused; the money is available again.
    Refused,
}

/// Money moved to a payout account. It belongs to the shopholder, or to the brand's owners.
#[derive(Debug, Clone)]
pub struct Payout(rows::Model);

impl Subject for Payout {
    async fn is_owned(&self, ctx: &Context<'_>) -> Result<bool> {
        match (self.0.party, &ctx.viewer().key) {
            (Party::Brand(brand), Some(key)) => Ok(identity::allows_at(key, brand, Scope::MoneyRead.into())),
            (party, _) => is_party(ctx, party).await,
        }
    }
}

/// Money moved to a payout account. It belongs to the shopholder, or to the brand's owners.
#[Object(guard = Declared(self))]
impl Payout {
    /// Its id.
    #[graphql(directive = keyed::apply(Who::Owner, Scope::MoneyRead))]
    pub(crate) async fn id(&self) -> ID {
        self.0.id.to_string().into()
    }

    /// How much was sent.
    #[graphql(directive = keyed::apply(Who::Owner, Scope::MoneyRead))]
    async fn amount(&self) -> Money {
        Money::new(self.0.amount, self.0.currency)
    }

    /// How far it is.
    #[graphql(directive = keyed::apply(Who::Owner, Scope::MoneyRead))]
    async fn state(&self) -> PayoutState {
        self.0.state.into()
    }

    /// How much of it was taken back after refunds.
    #[graphql(directive = keyed::apply(Who::Owner, Scope::MoneyRead))]
    async fn reversed(&self) -> Money {
        Money::new(self.0.reversed, self.0.currency)
    }

    /// Why the payment provider refused it, in its own words.
    #[graphql(directive = keyed::apply(Who::Owner, Scope::MoneyRead))]
    async fn refusal(&self) -> Option<&str> {
        self.0.refusal.as_deref()
    }

    /// When it was requested.
    #[graphql(directive = keyed::apply(Who::Owner, Scope::MoneyRead))]
    async fn requested_at(&self) -> DateTime<Utc> {
        self.0.requested_at
    }

    /// When the payment provider confirmed or refused it.
    #[graphql(directive = keyed::apply(Who::Owner, Scope::MoneyRead))]
    async fn settled_at(&self) -> Option<DateTime<Utc>> {
        self.0.settled_at
    }

    /// The payment provider's id of the transfer, once made.
    #[graphql(directive = keyed::apply(Who::Owner, Scope::MoneyRead))]
    async fn transfer_id(&self) -> Option<&str> {
        self.0.transfer_id.as_deref()
    }
}

connection!(PayoutConnection, PayoutEdge, Payout, "payouts");

/// A link to the payment provider's onboarding page.
pub struct PayoutAccountOnboardingLink(Onboarding);

impl Subject for PayoutAccountOnboardingLink {}

/// A link to the payment provider's onboarding page.
#[Object(guard = Declared(self))]
impl PayoutAccountOnboardingLink {
    /// Send the browser there at once: it works one time, for a few minutes, and for whoever has it.
    #[graphql(directive = access::apply(Who::Anyone))]
    async fn url(&self) -> &str {
        &self.0.url
    }

    /// The payout account it is about.
    #[graphql(directive = access::apply(Who::Anyone))]
    async fn payout_account(&self) -> PayoutAccount {
        PayoutAccount(self.0.account.clone())
    }
}

/// A payout run asked for.
pub struct PayoutRun(DateTime<Utc>);

impl Subject for PayoutRun {}

/// A payout run asked for.
#[Object(guard = Declared(self))]
impl PayoutRun {
    /// When it was asked for. It begins at once, in the background.
    #[graphql(directive = access::apply(Who::Operator))]
    async fn requested_at(&self) -> DateTime<Utc> {
        self.0
    }
}

/// Someone who wants to be paid.
#[derive(InputObject)]
pub struct PayoutAccountOnboardingLinkCreateInput {
    /// The brand to be paid; yourself when absent.
    brand_id: Option<ID>,
    /// Where you live: an ISO 3166-1 alpha-2 code. Needed for your own first link only; a brand's account is opened where
    /// the brand is.
    country: Option<String>,
    /// Where the browser goes when the page is done. Its origin must be one that the operator allows.
    return_url: String,
    /// Where the browser goes when the link has run out: ask for a new link there. Same rule.
    refresh_url: String,
}

impl PayoutAccountOnboardingLinkCreateInput {
    fn parse(&self) -> std::result::Result<NewOnboarding, Trouble> {
        Ok(NewOnboarding {
            brand: self.brand_id.as_ref().map(parse_id).transpose()?,
            country: at_opt("country", self.country.as_deref())?,
            return_url: at("returnUrl", self.return_url.parse())?,
            refresh_url: at("refreshUrl", self.refresh_url.parse())?,
        })
    }
}

/// A payout run besides those that come by themselves.
#[derive(InputObject)]
pub struct PayoutRunInput {
    /// A key of your choice, 1 to 255 characters: the same key asks for one run only, for 24 hours.
    idempotency_key: String,
}

payload! {
    /// What came of `payoutAccountOnboardingLinkCreate`.
    PayoutAccountOnboardingLinkCreatePayload {
        /// The link.
        onboarding_link: PayoutAccountOnboardingLink
    }
}

payload! {
    /// What came of `payoutRun`.
    PayoutRunPayload {
        /// The run.
        payout_run: PayoutRun
    }
}

root_part! {
    /// Query fields of this domain.
    PayoutQuery of "Query"
}

#[Object(guard = Declared(self))]
impl PayoutQuery {
    /// The smallest payout in a currency: less than that waits until it has grown.
    #[graphql(directive = access::apply(Who::Anyone))]
    async fn payout_minimum(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The currency.")] currency: CurrencyCode,
    ) -> Money {
        Money(payout::minimum(ctx.cx(), currency.into()))
    }
}

/// Mutation fields of this domain.
#[derive(MergedObject, Default)]
pub struct PayoutMutation(RunMutation, hold::HoldMutation);

root_part! {
    /// Mutations on payout accounts and runs.
    RunMutation of "Mutation"
}

#[Object(guard = Declared(self))]
impl RunMutation {
    /// Opens your payout account, or that of a brand you own, if there is none yet, and gives a link to the page on which
    /// the payment provider asks what it must know. The bank account can be changed there: you, or the brand's owners, are told
    /// by letter, and payouts to an account that works already wait for some days. Codes: `INVALID`, `NOT_FOUND`, `FORBIDDEN`,
    /// `RETURN_URL_NOT_ALLOWED`, `PROVIDER_REFUSED`, `EMAIL_UNVERIFIED`, `STEP_UP_REQUIRED`.
    #[graphql(directive = access::apply(Who::Account))]
    async fn payout_account_onboarding_link_create(
        &self,
        ctx: &Context<'_>,
        input: PayoutAccountOnboardingLinkCreateInput,
    ) -> Result<PayoutAccountOnboardingLinkCreatePayload> {
        answer(ctx, async {
            let (by, new, proof) = (ctx.account()?, input.parse()?, ctx.viewer().proved(ctx.cx())?);
            let link = payout::onboard(ctx.cx(), by, new, proof).await?;
            Ok(PayoutAccountOnboardingLink(link))
        })
        .await
    }

    /// Pays out what is available now, rather than at the next run. Codes: `INVALID`, `IDEMPOTENCY_KEY_REUSED`,
    /// `IDEMPOTENCY_IN_PROGRESS`.
    #[graphql(directive = access::apply(Who::Operator))]
    async fn payout_run(&self, ctx: &Context<'_>, input: PayoutRunInput) -> Result<PayoutRunPayload> {
        answer(ctx, async {
            let by = ctx.account()?;
            let run = || payout::request_run(ctx.cx(), by, input.idempotency_key.clone());
            let requested_at = persistently(run).await?;
            Ok(PayoutRun(requested_at))
        })
        .await
    }
}

impl From<Refusal> for UserError {
    fn from(refusal: Refusal) -> Self {
        use UserErrorCode::{
            EmailUnverified, Forbidden, Invalid, NotFound, ProviderRefused, ReturnUrlNotAllowed, WrongState,
        };
        let elsewhere = "a browser may be sent only to origins that the operator allows";
        match refusal {
            Refusal::EmailUnverified => Self::new(EmailUnverified, "", UNVERIFIED),
            Refusal::BrandNotFound => Self::new(NotFound, "brandId", "there is no such brand"),
            Refusal::NotStaff => Self::new(Forbidden, "brandId", "you do not work for this brand"),
            Refusal::RoleLacking => Self::new(
                Forbidden,
                "brandId",
                "only the brand's owner decides where its money goes",
            ),
            Refusal::CountryMissing => Self::new(Invalid, "country", "say in which country you live"),
            Refusal::ReturnUrlNotAllowed => Self::new(ReturnUrlNotAllowed, "returnUrl", elsewhere),
            Refusal::RefreshUrlNotAllowed => Self::new(ReturnUrlNotAllowed, "refreshUrl", elsewhere),
            Refusal::AccountRejected => Self::new(
                ProviderRefused,
                "",
                "the payment provider has closed this account for good; write to those who run the platform",
            ),
            Refusal::Provider(message) => Self::new(
                ProviderRefused,
                "",
                format!("the payment provider refused: {message}"),
            ),
            Refusal::PartyNotFound => Self::new(NotFound, "partyId", "there is no such account or brand"),
            Refusal::HeldAlready => Self::new(WrongState, "partyId", "its payouts are held already"),
            Refusal::NotHeld => Self::new(WrongState, "partyId", "its payouts are not held"),
            Refusal::Key(refusal) => refusal.into(),
        }
    }
}

loader! {
    /// Key: whose payout account.
    AccountOf(Party) => payout_account::Model, payout::accounts_of, party
}

loader!(PayoutId => rows::Model, payout::payouts_by_id);

/// The party's payout account, if it has one.
pub(crate) async fn account_of(ctx: &Context<'_>, party: Party) -> Result<Option<PayoutAccount>> {
    Ok(load(ctx, AccountOf(party)).await?.map(PayoutAccount))
}

/// A page of the party's payouts, the newest first.
pub(crate) async fn payouts_of(
    ctx: &Context<'_>,
    party: Party,
    first: Option<i32>,
    after: Option<String>,
    last: Option<i32>,
    before: Option<String>,
) -> Result<PayoutConnection> {
    let page = page::<TimePlace>(first, after, last, before)?.map(place);
    let payouts = listed(ctx, payout::payouts_of(party), page).await?;
    let at = |row: &rows::Model| unplace((row.requested_at, row.id));
    Ok(PayoutConnection::new(payouts, at, Payout))
}

/// The payout with this id, if it is the viewer's.
pub(crate) async fn payout_node(ctx: &Context<'_>, id: &ID) -> Result<Option<Payout>> {
    let id: PayoutId = parse_id(id)?;
    match load(ctx, id).await? {
        Some(row) => seen(ctx, Payout(row)).await,
        None => Ok(None),
    }
}
