//! Letters about an account's safety: to its owner, about what was done with it, and what to do if it was not she. Some
//! carry a token that proves her address; it is made when the letter is written, and kept nowhere.

mod members;
mod words;

use sea_orm::{DbErr, EntityTrait};
use secrecy::{ExposeSecret, SecretString};
use vitrine_model::Time;
use vitrine_model::event;
use vitrine_model::id::{AccountId, ApiKeyId, EmailTokenId, SessionId};
use vitrine_model::identity::{Role, account, api_key, email_token, payout_freeze, session};
use vitrine_model::ledger::Party;
use vitrine_model::text::Email;

use crate::context::Context;
use crate::notify::facts;
use crate::notify::letters::Letter;
use crate::notify::names::shown;
use crate::notify::post::{Draft, reference, to_party, to_staff};
use crate::notify::security::words::{Account, Proof};
use crate::secret;
use crate::template::fill_in;

/// Whether an event of this kind is told by one of these letters.
pub(super) fn tells(kind: &str) -> bool {
    matches!(
        kind,
        "account.created"
            | "api_key.created"
            | "api_key.updated"
            | "brand.member_joined"
            | "brand.member_removed"
            | "brand.member_updated"
            | "email.verification_requested"
            | "external_identity.linked"
            | "external_identity.unlinked"
            | "email.change_requested"
            | "email.changed"
            | "email.change_undone"
            | "password.reset_requested"
            | "password.reset"
            | "password.changed"
            | "passkey.created"
            | "passkey.removed"
            | "payout_account.link_made"
            | "payout_account.replaced"
            | "payout_account.requested"
            | "recovery_codes.renewed"
            | "session.reused"
            | "totp.confirmed"
            | "totp.removed"
    )
}

/// The letters that such an event brings about.
pub(super) async fn written(cx: &Context, event: &event::Model) -> anyhow::Result<Vec<Draft>> {
    match event.kind.as_str() {
        "account.created" | "email.verification_requested" => verification(cx, event).await,
        "api_key.created" | "api_key.updated" => api_key(cx, event).await,
        "brand.member_joined" | "brand.member_updated" | "brand.member_removed" => {
            members::changed(cx, event).await
        }
        "email.change_requested" => change_requested(cx, event).await,
        "email.changed" => changed(cx, event).await,
        "email.change_undone" => change_undone(cx, event).await,
        "password.reset_requested" => reset_requested(cx, event.subject.parse()?).await,
        "password.reset" | "password.changed" => changed_proof(cx, event, Proof::Password).await,
        "totp.confirmed" => changed_proof(cx, event, Proof::FactorAdded).await,
        "totp.removed" => changed_proof(cx, event, Proof::FactorRemoved).await,
        "passkey.created" => changed_proof(cx, event, Proof::PasskeyAdded).await,
        "passkey.removed" => changed_proof(cx, event, Proof::PasskeyRemoved).await,
        "external_identity.linked" => changed_proof(cx, event, Proof::IdentityLinked).await,
        "external_identity.unlinked" => changed_proof(cx, event, Proof::IdentityUnlinked).await,
        "recovery_codes.renewed" => changed_proof(cx, event, Proof::RecoveryCodes).await,
        "payout_account.requested" => payout_account(cx, event, Account::Opened).await,
        "payout_account.replaced" => payout_account(cx, event, Account::Replaced).await,
        "payout_account.link_made" => payout_account(cx, event, Account::Linked).await,
        "session.reused" => session_reused(cx, event.subject.parse()?).await,
        kind => anyhow::bail!("no letter tells of {kind}"),
    }
}

/// Nobody is asked to prove an address that is proved by now, or no longer hers.
async fn verification(cx: &Context, event: &event::Model) -> anyhow::Result<Vec<Draft>> {
    let Some(person) = owner(cx, event.subject.parse()?).await? else {
        return Ok(Vec::new());
    };
    // Who has opened the account at a provider was sent none.
    if person.email_verified_at.is_some() {
        return Ok(Vec::new());
    }
    let Some(email) = open_token(cx, reference(event, "token")?).await? else {
        return Ok(Vec::new());
    };
    if person.email != email {
        return Ok(Vec::new());
    }
    let way = way(cx, "verify", reference(event, "token")?);
    Ok(vec![draft(
        email,
        "owner",
        words::verification(person.name.as_str(), &way),
    )])
}

async fn change_requested(cx: &Context, event: &event::Model) -> anyhow::Result<Vec<Draft>> {
    let Some(person) = owner(cx, event.subject.parse()?).await? else {
        return Ok(Vec::new());
    };
    let token = reference(event, "token")?;
    let Some(email) = open_token(cx, token).await? else {
        return Ok(Vec::new());
    };
    let (name, way) = (person.name.as_str(), way(cx, "change", token));
    let asked = words::change_asked(name, email.as_str());
    Ok(vec![
        draft(email, "new", words::change_confirmation(name, &way)),
        draft(person.email, "old", asked),
    ])
}

async fn changed(cx: &Context, event: &event::Model) -> anyhow::Result<Vec<Draft>> {
    let Some(person) = owner(cx, event.subject.parse()?).await? else {
        return Ok(Vec::new());
    };
    let token = reference(event, "token")?;
    let (name, new) = (person.name.to_string(), person.email.to_string());
    let until = frozen_until(cx, Party::Shopholder(person.id)).await?;
    let mut drafts = vec![draft(person.email, "new", words::changed_here(&name, until))];
    if let Some(before) = open_token(cx, token).await? {
        let way = way(cx, "undo", token);
        drafts.push(draft(
            before,
            "old",
            words::changed_elsewhere(&name, &new, &way, until),
        ));
    }
    Ok(drafts)
}

async fn change_undone(cx: &Context, event: &event::Model) -> anyhow::Result<Vec<Draft>> {
    let Some(person) = owner(cx, event.subject.parse()?).await? else {
        return Ok(Vec::new());
    };
    let way = way(cx, "reset", reference(event, "token")?);
    let letter = words::change_undone(person.name.as_str(), &way);
    Ok(vec![draft(person.email, "owner", letter)])
}

/// Nobody is written to at an address that opens no account.
async fn reset_requested(cx: &Context, token: EmailTokenId) -> anyhow::Result<Vec<Draft>> {
    let row = email_token::Entity::find_by_id(token).one(cx.db()).await?;
    let Some((account, email)) = row.and_then(|row| row.account_id.zip(row.email)) else {
        return Ok(Vec::new());
    };
    let Some(person) = owner(cx, account).await? else {
        return Ok(Vec::new());
    };
    let way = way(cx, "reset", token);
    Ok(vec![draft(
        email,
        "owner",
        words::reset(person.name.as_str(), &way),
    )])
}

async fn changed_proof(cx: &Context, event: &event::Model, what: Proof) -> anyhow::Result<Vec<Draft>> {
    let Some(person) = owner(cx, event.subject.parse()?).await? else {
        return Ok(Vec::new());
    };
    let until = frozen_until(cx, Party::Shopholder(person.id)).await?;
    let letter = words::proof_changed(person.name.as_str(), what, until);
    Ok(vec![draft(person.email, "owner", letter)])
}

/// All of the brand's owners learn of it: whoever made or changed it may have been somebody else in an owner's name.
async fn api_key(cx: &Context, event: &event::Model) -> anyhow::Result<Vec<Draft>> {
    let id: ApiKeyId = event.subject.parse()?;
    let Some(key) = api_key::Entity::find_by_id(id).one(cx.db()).await? else {
        return Ok(Vec::new());
    };
    let (brand, who) = (
        facts::brand_name(cx.db(), key.brand_id).await?,
        actor(cx, event).await?,
    );
    let made = event.kind == "api_key.created";
    let write = |to: &account::Model| {
        let name = to.name.as_str();
        match made {
            true => words::api_key_made(name, &brand, &who, key.label.as_str()),
            false => words::api_key_changed(name, &brand, &who, key.label.as_str()),
        }
    };
    to_staff(cx, key.brand_id, Role::Owner, write).await
}

/// What whoever did it is called.
async fn actor(cx: &Context, event: &event::Model) -> anyhow::Result<String> {
    let person = match event.actor.parse::<AccountId>() {
        Ok(id) => facts::person(cx.db(), id).await?,
        Err(_) => None,
    };
    Ok(called(person.as_ref()))
}

/// What a letter calls someone.
fn called(person: Option<&account::Model>) -> String {
    let name = person.map_or("someone", |person| person.name.as_str());
    shown(name, "someone").to_owned()
}

async fn payout_account(cx: &Context, event: &event::Model, what: Account) -> anyhow::Result<Vec<Draft>> {
    let party: Party = reference(event, "party")?;
    let until = frozen_until(cx, party).await?;
    let write = |name: &str, whose: &str| words::payout_account(name, whose, what, until);
    to_party(cx, party, write).await
}

/// Until when payouts to the party wait, if they do.
async fn frozen_until(cx: &Context, party: Party) -> anyhow::Result<Option<Time>> {
    let freeze = payout_freeze::Entity::find_by_id(party).one(cx.db()).await?;
    let ends_at = freeze.map(|freeze| freeze.ends_at);
    Ok(ends_at.filter(|ends_at| *ends_at > cx.now()))
}

/// Nobody is written to whose session was forgotten meanwhile.
async fn session_reused(cx: &Context, id: SessionId) -> anyhow::Result<Vec<Draft>> {
    let Some(session) = session::Entity::find_by_id(id).one(cx.db()).await? else {
        return Ok(Vec::new());
    };
    let device = session.device_name.map(|name| name.to_string());
    let device = device
        .or(session.user_agent)
        .unwrap_or_else(|| "a device".to_owned());
    let write = |name: &str| words::signed_out_for_reuse(name, shown(&device, "a device"));
    to_owner(cx, session.account_id, write).await
}

async fn to_owner(
    cx: &Context,
    account: AccountId,
    write: impl FnOnce(&str) -> Letter,
) -> anyhow::Result<Vec<Draft>> {
    let Some(person) = owner(cx, account).await? else {
        return Ok(Vec::new());
    };
    let letter = write(person.name.as_str());
    Ok(vec![draft(person.email, "owner", letter)])
}

/// Nobody is written to who was erased.
async fn owner(cx: &Context, id: AccountId) -> Result<Option<account::Model>, DbErr> {
    facts::person(cx.db(), id).await
}

/// The address that a token was made for, while it is good.
async fn open_token(cx: &Context, id: EmailTokenId) -> anyhow::Result<Option<Email>> {
    let row = email_token::Entity::find_by_id(id).one(cx.db()).await?;
    let open = row.filter(|row| row.used_at.is_none() && row.expires_at > cx.now());
    Ok(open.and_then(|row| row.email))
}

/// How the reader hands the token in: by the frontend's page, or, where none is configured, by the token itself.
fn way(cx: &Context, action: &str, token: EmailTokenId) -> String {
    way_with(cx, action, &secret::letter_secret(cx, token))
}

/// The same for any token that a letter carries.
pub(super) fn way_with(cx: &Context, action: &str, token: &SecretString) -> String {
    match &cx.settings().account_url {
        Some(template) => {
            let places = [("{action}", action), ("{token}", token.expose_secret())];
            format!("Open this page: {}", fill_in(template, &places))
        }
        None => format!("Enter this in the app: {}", token.expose_secret()),
    }
}

fn draft(to: Email, part: &str, letter: Letter) -> Draft {
    Draft {
        to,
        recipient: part.to_owned(),
        letter,
    }
}
