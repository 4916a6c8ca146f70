//! Passkeys (W3C Web Authentication, level 3): keys that a device keeps, made for one domain, which sign only once the device
//! has seen that its owner is there. Signatures are checked by webauthn-rs.

use anyhow::{Context as _, anyhow};
use chrono::TimeDelta;
use sea_orm::ActiveValue::Set;
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter};
use secrecy::SecretString;
use serde::Serialize;
use serde::de::DeserializeOwned;
use url::{Host, Url};
use vitrine_model::Time;
use vitrine_model::id::AccountId;
use vitrine_model::identity::passkey_challenge;
use webauthn_rs::prelude::{Webauthn, WebauthnBuilder};

use crate::context::{Context, Tx};
use crate::failure::{Failure, OrRefuse};
use crate::identity::refusal::Refusal;
use crate::secret;
use crate::settings::Settings;

/// Minutes within which a device must answer.
const CHALLENGE_MINUTES: i64 = 5;
/// What tells people and scanners what a challenge's token is.
const CHALLENGE: &str = "vp_";

/// A question to a device.
#[derive(Debug, Clone)]
pub struct PasskeyChallenge {
    /// To be brought back with the answer.
    pub token: SecretString,
    /// What the device is asked, as JSON in the words of the specification.
    pub options: String,
    /// Until when it can be answered.
    pub expires_at: Time,
}

/// Those for whom passkeys are made here: the domain, and the frontends' pages that lie in it.
pub(super) fn relying_party(settings: &Settings) -> Result<Webauthn, Failure<Refusal>> {
    let domain = settings.passkey_domain.as_deref();
    let domain = domain.or_refuse(Refusal::PasskeysOff)?;
    Ok(party(settings, domain)?)
}

fn party(settings: &Settings, domain: &str) -> anyhow::Result<Webauthn> {
    let pages = pages_of(domain, settings);
    let (first, others) = pages
        .split_first()
        .with_context(|| format!("no frontend lies at {domain}"))?;
    let builder = WebauthnBuilder::new(domain, first).map_err(|error| anyhow!("{domain}: {error}"))?;
    let builder = others
        .iter()
        .fold(builder, WebauthnBuilder::append_allowed_origin);
    builder
        .rp_name(domain)
        .build()
        .map_err(|error| anyhow!("{domain}: {error}"))
}

/// Passes when passkeys can be made for the domain: a frontend lies at it or below it.
///
/// # Errors
/// When none does, or it is no domain.
pub fn check_passkey_domain(settings: &Settings) -> anyhow::Result<()> {
    match settings.passkey_domain.as_deref() {
        Some(domain) => party(settings, domain).map(drop),
        None => Ok(()),
    }
}

/// The frontends' pages, and our own, that lie at the domain or below it.
fn pages_of(domain: &str, settings: &Settings) -> Vec<Url> {
    let pages = settings.return_origins.iter().chain([&settings.public_url]);
    let pages = pages.filter_map(|page| page.parse().ok());
    pages.filter(|page| lies_in(page, domain)).collect()
}

fn lies_in(page: &Url, domain: &str) -> bool {
    match page.host() {
        Some(Host::Domain(host)) => host
            .strip_suffix(domain)
            .is_some_and(|above| above.is_empty() || above.ends_with('.')),
        _ => false,
    }
}

/// Keeps what an answer will be checked against, and puts the question.
pub(super) async fn ask(
    cx: &Context,
    account: Option<AccountId>,
    state: &impl Serialize,
    options: String,
) -> anyhow::Result<PasskeyChallenge> {
    let token = secret::new_secret(cx, CHALLENGE);
    let expires_at = cx.now() + TimeDelta::minutes(CHALLENGE_MINUTES);
    let row = passkey_challenge::ActiveModel {
        token_hash: Set(secret::hash_secret(&token)),
        account_id: Set(account),
        state: Set(serde_json::to_string(state)?),
        expires_at: Set(expires_at),
    };
    passkey_challenge::Entity::insert(row)
        .exec_without_returning(cx.db())
        .await?;
    Ok(PasskeyChallenge {
        token,
        options,
        expires_at,
    })
}

/// What the answer to a question put to `account`, or to whoever is there, is checked against. It can be had once, whatever
/// comes of it.
///
/// # Errors
/// `ChallengeInvalid`.
pub(super) async fn asked<T: DeserializeOwned>(
    cx: &Context,
    account: Option<AccountId>,
    token: &SecretString,
) -> Result<T, Failure<Refusal>> {
    let whose = match account {
        Some(account) => passkey_challenge::Column::AccountId.eq(account),
        None => passkey_challenge::Column::AccountId.is_null(),
    };
    let taken = passkey_challenge::Entity::delete_many()
        .filter(passkey_challenge::Column::TokenHash.eq(secret::hash_secret(token)))
        .filter(whose)
        .exec_with_returning(cx.db())
        .await?;
    let taken = taken.into_iter().find(|row| row.expires_at > cx.now());
    let taken = taken.or_refuse(Refusal::ChallengeInvalid)?;
    Ok(serde_json::from_str(&taken.state).context("the state of a challenge")?)
}

/// Takes back what `account` was asked.
pub(super) async fn take_back(tx: &Tx, account: AccountId) -> Result<(), sea_orm::DbErr> {
    passkey_challenge::Entity::delete_many()
        .filter(passkey_challenge::Column::AccountId.eq(account))
        .exec(tx)
        .await?;
    Ok(())
}

/// Forgets questions that can be answered no more.
pub(super) async fn sweep(cx: &Context) -> Result<(), sea_orm::DbErr> {
    passkey_challenge::Entity::delete_many()
        .filter(passkey_challenge::Column::ExpiresAt.lte(cx.now()))
        .exec(cx.db())
        .await?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_lies_at_a_domain_or_below_it_and_an_address_at_none() {
        let lies = |page: &str| lies_in(&page.parse().unwrap(), "example.com");
        assert!(lies("https://example.com") && lies("https://shop.example.com"));
        assert!(!lies("https://badexample.com") && !lies("https://example.com.evil.net"));
        assert!(!lies("http://127.0.0.1:8080"));
    }
}
