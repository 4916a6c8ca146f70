//! Payout accounts: opened at the provider by an intent, filled in by the party on the provider's own pages.

use anyhow::{Context as _, bail};
use sea_orm::ActiveValue::{NotSet, Set};
use sea_orm::{ActiveModelTrait, ColumnTrait, Condition, DbErr, EntityTrait, QueryFilter, QuerySelect};
use vitrine_model::Time;
use vitrine_model::id::{BrandId, IntentId, PayoutAccountId};
use vitrine_model::identity::{FreezeCause, Role, account};
use vitrine_model::intent::{self as intent_row, IntentState};
use vitrine_model::ledger::Party;
use vitrine_model::payout::{AccountClosure, payout_account};
use vitrine_model::text::{Country, WebUrl};

use crate::context::{Context, Tx};
use crate::event::{self, Actor};
use crate::failure::{Failure, OrRefuse, OrRefuseDuplicate, refuse};
use crate::identity::Proved;
use crate::intent::{self, When};
use crate::payout::refusal::Refusal;
use crate::ports::{AccountFacts, Call, CallError, Outcome};
use crate::{catalog, identity};

/// Someone who wants to be paid.
#[derive(Debug, Clone)]
pub struct NewOnboarding {
    /// The brand she does it for; herself if none.
    pub brand: Option<BrandId>,
    /// Where she lives. A brand's account is opened where the brand is established; one opened already stays where it is.
    pub country: Option<Country>,
    /// Where the provider sends her when she is done.
    pub return_url: WebUrl,
    /// Where it sends her when the link has run out: there she asks for a new one.
    pub refresh_url: WebUrl,
}

/// Where to go to tell the provider what it asks.
#[derive(Debug, Clone)]
pub struct Onboarding {
    /// The account it is about.
    pub account: payout_account::Model,
    /// The provider's page. It works once, for minutes, and for whoever has it.
    pub url: String,
}

/// Who a payout account is for, as the provider needs to know it.
struct Payee {
    party: Party,
    country: Option<Country>,
    email: Option<String>,
    name: String,
}

/// Opens the party's payout account, if it has none yet or the provider has deleted it, and gives a link to the provider's
/// onboarding page. Whoever follows it may change the bank account: where there is one already, the party is told by letter,
/// and payouts wait.
///
/// # Errors
/// `EmailUnverified`, `ReturnUrlNotAllowed`, `RefreshUrlNotAllowed`, `BrandNotFound`, `NotStaff`, `RoleLacking` unless the brand's owner asks,
/// `CountryMissing`, `AccountRejected`, `Provider`. A fault when the provider does not answer: asking again goes on where this stopped.
pub async fn onboard(
    cx: &Context,
    by: &account::Model,
    new: NewOnboarding,
    _: Proved,
) -> Result<Onboarding, Failure<Refusal>> {
    identity::check_verified(by).map_err(|failure| failure.map(|_| Refusal::EmailUnverified))?;
    if !cx.settings().may_return_to(&new.return_url) {
        return refuse(Refusal::ReturnUrlNotAllowed);
    }
    if !cx.settings().may_return_to(&new.refresh_url) {
        return refuse(Refusal::RefreshUrlNotAllowed);
    }
    let payee = payee(cx, by, &new).await?;
    let account = opened(cx, by, &payee).await?;
    if account.closed == Some(AccountClosure::Rejected) {
        return refuse(Refusal::AccountRejected);
    }
    if account.details_submitted {
        tell(cx, by, &account).await?;
    }
    match link(cx, &account, &new).await {
        Err(Failure::Refused(_)) if is_deleted(cx, &account).await? => {
            let account = opened(cx, by, &payee).await?;
            let url = link(cx, &account, &new).await?;
            Ok(Onboarding { account, url })
        }
        url => Ok(Onboarding { account, url: url? }),
    }
}

/// Tells whoever is paid that the page is asked for where the bank account can be changed; payouts wait where they would go.
async fn tell(cx: &Context, by: &account::Model, account: &payout_account::Model) -> Result<(), DbErr> {
    let tx = cx.begin().await?;
    if account.transfers_active {
        identity::freeze(&tx, cx, account.party, FreezeCause::PayoutAccount).await?;
    }
    let (by, refs) = (Actor::Account(by.id), [("party", account.party.to_string())]);
    event::record(&tx, cx, by, "payout_account.link_made", account.id, &refs).await?;
    tx.commit().await
}

/// The provider's page for the account.
async fn link(
    cx: &Context,
    account: &payout_account::Model,
    new: &NewOnboarding,
) -> Result<String, Failure<Refusal>> {
    let id = account.stripe_account_id.as_deref().unwrap_or_default();
    let link = cx
        .payments()
        .onboarding_link(id, new.refresh_url.as_str(), new.return_url.as_str());
    match link.await {
        Ok(url) => Ok(url),
        Err(CallError::Refused { message, .. }) => refuse(Refusal::Provider(message)),
        Err(error) => Err(error.into()),
    }
}

/// Whether there is no page for the account because the provider has it no more. Its word is kept.
async fn is_deleted(cx: &Context, account: &payout_account::Model) -> anyhow::Result<bool> {
    let Some(id) = &account.stripe_account_id else {
        return Ok(false);
    };
    let facts = ask_standing(cx, id).await?;
    Ok(facts.closed == Some(AccountClosure::Deleted))
}

async fn payee(cx: &Context, by: &account::Model, new: &NewOnboarding) -> Result<Payee, Failure<Refusal>> {
    let Some(brand) = new.brand else {
        return Ok(Payee {
            party: Party::Shopholder(by.id),
            country: new.country.clone(),
            email: Some(by.email.to_string()),
            name: by.name.to_string(),
        });
    };
    let allowed = identity::staff_of(cx.db(), by, brand, Role::Owner).await;
    allowed.map_err(|failure| {
        failure.map(|refusal| match refusal {
            identity::Refusal::RoleLacking => Refusal::RoleLacking,
            identity::Refusal::NotStaff => Refusal::NotStaff,
            _ => Refusal::BrandNotFound,
        })
    })?;
    let brands = catalog::brands_by_id(cx.db(), &[brand]).await?;
    let brand = brands.into_iter().next().or_refuse(Refusal::BrandNotFound)?;
    Ok(Payee {
        party: Party::Brand(brand.id),
        country: Some(brand.country),
        email: Some(by.email.to_string()),
        name: brand.name.to_string(),
    })
}

/// The payee's account, open at the provider.
async fn opened(
    cx: &Context,
    by: &account::Model,
    payee: &Payee,
) -> Result<payout_account::Model, Failure<Refusal>> {
    let account = match wanted(cx, by, payee).await {
        // Someone else has just asked for the same account: go on with hers.
        Err(Failure::Refused(None)) => wanted(cx, by, payee).await,
        outcome => outcome,
    };
    let account = account.map_err(|failure| match failure {
        Failure::Refused(refusal) => refusal.map_or_else(
            || Failure::Fault(anyhow::anyhow!("the account comes and goes")),
            Failure::Refused,
        ),
        Failure::Fault(error) => Failure::Fault(error),
    })?;
    if account.stripe_account_id.is_some() {
        return Ok(account);
    }
    intent::drive(cx, account.intent_id).await?;
    let account = payout_account::Entity::find_by_id(account.id)
        .one(cx.db())
        .await?
        .context("a payout account was lost")?;
    if account.stripe_account_id.is_some() {
        return Ok(account);
    }
    let intent = intent::load(cx, account.intent_id).await?;
    refuse(Refusal::Provider(intent.error.unwrap_or_default()))
}

/// The payee's account row, with an intent to open it that was not refused. The refusal `None` means that another
/// request has just made one.
async fn wanted(
    cx: &Context,
    by: &account::Model,
    payee: &Payee,
) -> Result<payout_account::Model, Failure<Option<Refusal>>> {
    let tx = cx.begin().await?;
    let known = payout_account::Entity::find()
        .filter(payout_account::Column::Party.eq(payee.party))
        .filter(standing())
        .lock_exclusive()
        .one(&tx)
        .await?;
    let mut replaced = false;
    let account = match known {
        Some(account) if !is_refused(&tx, &account).await? => {
            tx.commit().await?;
            return Ok(account);
        }
        Some(account) => {
            let country = payee.country.as_ref().unwrap_or(&account.country).clone();
            let intent_id = intend(&tx, cx, account.id, payee, &country).await?;
            let mut row: payout_account::ActiveModel = account.into();
            row.intent_id = Set(intent_id);
            row.country = Set(country);
            row.update(&tx).await?
        }
        None => {
            let country = payee.country.clone().or_refuse(Some(Refusal::CountryMissing))?;
            let id = cx.new_id();
            let intent_id = intend(&tx, cx, id, payee, &country).await?;
            let row = new_account(cx, id, payee.party, country, intent_id);
            let row = row.insert(&tx).await.or_refuse_duplicate(None)?;
            replaced = had_another(&tx, &row).await?;
            if replaced {
                identity::freeze(&tx, cx, payee.party, FreezeCause::PayoutAccount).await?;
            }
            row
        }
    };
    let refs = [("party", payee.party.to_string())];
    event::record(
        &tx,
        cx,
        Actor::Account(by.id),
        if replaced {
            "payout_account.replaced"
        } else {
            "payout_account.requested"
        },
        account.id,
        &refs,
    )
    .await?;
    tx.commit().await?;
    Ok(account)
}

/// Whether the party was paid to another account before: then this one may be a thief's.
async fn had_another(tx: &Tx, account: &payout_account::Model) -> Result<bool, DbErr> {
    let other = payout_account::Entity::find()
        .filter(payout_account::Column::Party.eq(account.party))
        .filter(payout_account::Column::Id.ne(account.id))
        .one(tx)
        .await?;
    Ok(other.is_some())
}

/// Accounts that were not deleted: a party has one of these at most.
fn standing() -> Condition {
    Condition::any()
        .add(payout_account::Column::Closed.is_null())
        .add(payout_account::Column::Closed.ne(AccountClosure::Deleted))
}

async fn is_refused(tx: &Tx, account: &payout_account::Model) -> anyhow::Result<bool> {
    if account.stripe_account_id.is_some() {
        return Ok(false);
    }
    let intent = intent_row::Entity::find_by_id(account.intent_id).one(tx).await?;
    Ok(intent.is_none_or(|intent| intent.state == IntentState::Refused))
}

async fn intend(
    tx: &Tx,
    cx: &Context,
    id: PayoutAccountId,
    payee: &Payee,
    country: &Country,
) -> anyhow::Result<IntentId> {
    let call = Call::AccountOpen {
        party: payee.party.to_string(),
        country: country.to_string(),
        email: payee.email.clone(),
        name: payee.name.clone(),
    };
    Ok(intent::record(tx, cx, id, &call, When::Inline).await?)
}

fn new_account(
    cx: &Context,
    id: PayoutAccountId,
    party: Party,
    country: Country,
    intent_id: IntentId,
) -> payout_account::ActiveModel {
    payout_account::ActiveModel {
        id: Set(id),
        party: Set(party),
        country: Set(country),
        intent_id: Set(intent_id),
        stripe_account_id: NotSet,
        details_submitted: Set(false),
        transfers_active: Set(false),
        requirements_due: Set(0),
        closed: Set(None),
        created_at: Set(cx.now()),
        updated_at: Set(cx.now()),
    }
}

/// The provider opened the account of this intent, or refused to.
pub(crate) async fn account_opened(
    tx: &Tx,
    cx: &Context,
    intent: &intent_row::Model,
    outcome: Result<Outcome, String>,
) -> anyhow::Result<()> {
    let id: PayoutAccountId = intent.subject.parse()?;
    let kind = match outcome {
        Ok(Outcome::Account(facts)) => {
            let account = payout_account::Entity::find_by_id(id)
                .lock_exclusive()
                .one(tx)
                .await?
                .with_context(|| format!("no payout account {id}"))?;
            let mut row: payout_account::ActiveModel = account.into();
            row.stripe_account_id = Set(Some(facts.id.clone()));
            fill_in(&mut row, &facts, cx.now());
            row.update(tx).await?;
            "payout_account.opened"
        }
        Ok(other) => bail!("{}: not an account: {other:?}", intent.id),
        Err(_) => "payout_account.refused",
    };
    event::record(tx, cx, Actor::System, kind, id, &[]).await?;
    Ok(())
}

/// The provider's account `stripe_id` may have changed: asks it how it stands. An account that is none of ours is no
/// concern.
///
/// # Errors
/// When the provider or the database fails: the job tries again.
pub(crate) async fn account_changed(cx: &Context, stripe_id: &str) -> anyhow::Result<()> {
    let known = payout_account::Entity::find()
        .filter(payout_account::Column::StripeAccountId.eq(stripe_id))
        .one(cx.db())
        .await?;
    if known.is_some() {
        ask_standing(cx, stripe_id).await?;
    }
    Ok(())
}

/// Asks the provider how the account stands now, and keeps the answer.
pub(super) async fn ask_standing(cx: &Context, stripe_id: &str) -> anyhow::Result<AccountFacts> {
    let asked_at = cx.now();
    let facts = cx.payments().account(stripe_id).await?;
    let tx = cx.begin().await?;
    let account = payout_account::Entity::find()
        .filter(payout_account::Column::StripeAccountId.eq(stripe_id))
        .lock_exclusive()
        .one(&tx)
        .await?;
    // An answer that came late must not undo a newer one.
    let Some(account) = account.filter(|account| account.updated_at <= asked_at) else {
        return Ok(facts);
    };
    if is_replaced(&tx, &account).await? {
        return Ok(facts);
    }
    let (id, kind) = (account.id, change(&account, &facts));
    let mut row: payout_account::ActiveModel = account.into();
    fill_in(&mut row, &facts, asked_at);
    row.update(&tx).await?;
    if let Some(kind) = kind {
        event::record(&tx, cx, Actor::Stripe, kind, id, &[]).await?;
    }
    tx.commit().await?;
    Ok(facts)
}

/// Whether the account was deleted and its party has opened another: nothing about it matters any more.
async fn is_replaced(tx: &Tx, account: &payout_account::Model) -> Result<bool, DbErr> {
    if account.closed != Some(AccountClosure::Deleted) {
        return Ok(false);
    }
    let other = payout_account::Entity::find()
        .filter(payout_account::Column::Party.eq(account.party))
        .filter(payout_account::Column::Id.ne(account.id))
        .filter(payout_account::Column::CreatedAt.gte(account.created_at))
        .one(tx)
        .await?;
    Ok(other.is_some())
}

/// What the provider's answer means to the party, as an event's kind: it may have lost its payouts, or else changed.
fn change(account: &payout_account::Model, facts: &AccountFacts) -> Option<&'static str> {
    let lost = account.transfers_active && !facts.transfers_active;
    let closed = account.closed.is_none() && facts.closed.is_some();
    if lost || closed {
        return Some("payout_account.restricted");
    }
    has_changed(account, facts).then_some("payout_account.changed")
}

fn has_changed(account: &payout_account::Model, facts: &AccountFacts) -> bool {
    (
        account.details_submitted,
        account.transfers_active,
        account.requirements_due,
        account.closed,
    ) != (
        facts.details_submitted,
        facts.transfers_active,
        facts.requirements_due,
        facts.closed,
    )
}

fn fill_in(row: &mut payout_account::ActiveModel, facts: &AccountFacts, asked_at: Time) {
    row.details_submitted = Set(facts.details_submitted);
    row.transfers_active = Set(facts.transfers_active);
    row.requirements_due = Set(facts.requirements_due);
    row.closed = Set(facts.closed);
    row.updated_at = Set(asked_at);
}
