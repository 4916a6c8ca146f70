//! Signing in with an identity at a provider (OpenID Connect), linking one, and taking one away.
//!
//! An identity is an issuer and a subject. An address that a provider tells decides only once, when nobody is linked yet:
//! docs/decisions/0020 says whom it may lead to.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::TimeDelta;
use sea_orm::ActiveValue::Set;
use sea_orm::{
    ActiveModelTrait, ColumnTrait, ConnectionTrait, DbErr, EntityTrait, PaginatorTrait, QueryFilter,
    QuerySelect,
};
use secrecy::{ExposeSecret, SecretString};
use url::Url;
use vitrine_model::Time;
use vitrine_model::id::{AccountId, ExternalIdentityId, SessionId};
use vitrine_model::identity::{Ending, FreezeCause, account, credential, external_ask, external_identity};
use vitrine_model::text::{Email, Name, WebUrl};

use crate::context::{Context, Tx};
use crate::event::{self, Actor};
use crate::failure::{Failure, OrRefuse, OrRefuseDuplicate, refuse};
use crate::identity::allowance::Client;
use crate::identity::commands::check_verified;
use crate::identity::commands::erase::lock_account;
use crate::identity::commands::session::{self, Device, Entrance};
use crate::identity::factor;
use crate::identity::freeze;
use crate::identity::proof::Proved;
use crate::identity::refusal::{ExternalRefusal, Refusal};
use crate::ports::{ExternalAsk, ExternalCode, ExternalPerson, ProviderError};
use crate::secret;

/// How long someone may take to sign in at a provider.
const MINUTES: i64 = 10;
/// Longest issuer and subject that are kept: a subject has 255 characters at most by the specification.
const MAX_CLAIM: usize = 255;
/// What an account is called whose owner the provider has not named.
const NAMELESS: &str = "New";

/// Where someone goes to sign in at a provider.
#[derive(Debug, Clone)]
pub struct ExternalStart {
    /// The provider's page.
    pub url: Url,
    /// What the client keeps until the browser comes back. It is told this once.
    pub key: SecretString,
    /// Until when the answer may be brought.
    pub expires_at: Time,
}

/// What the browser came back with, and the key that the client kept.
#[derive(Debug, Clone)]
pub struct ExternalFinish {
    /// The state.
    pub state: SecretString,
    /// The key.
    pub key: SecretString,
    /// The authorization code.
    pub code: SecretString,
    /// The issuer that the answer names, if it names one.
    pub issuer: Option<String>,
}

/// Begins to sign in at a provider, or to link an identity there. No event is written: nothing has happened yet.
///
/// # Errors
/// `External(ReturnNotAllowed)`, `External(ProviderUnknown)`, `External(ProviderUnreachable)`.
pub async fn start_external(
    cx: &Context,
    provider: &str,
    redirect_uri: WebUrl,
) -> Result<ExternalStart, Failure<Refusal>> {
    if !cx.settings().may_return_to(&redirect_uri) {
        return refuse(Refusal::External(ExternalRefusal::ReturnNotAllowed));
    }
    let (state, key) = (secret::new_secret(cx, ""), secret::new_secret(cx, "vx_"));
    let ask = ExternalAsk {
        state: state.clone(),
        nonce: derived(cx, "external nonce", &key),
        verifier: derived(cx, "external verifier", &key),
        redirect_uri: redirect_uri.clone(),
    };
    let url = cx
        .platform()
        .identity_providers
        .ask(provider, &ask, cx.now())
        .await;
    let url = url.map_err(|error| refused(provider, error))?;
    let expires_at = cx.now() + TimeDelta::minutes(MINUTES);
    let row = external_ask::ActiveModel {
        state_hash: Set(secret::hash_secret(&state)),
        key_hash: Set(secret::hash_secret(&key)),
        provider: Set(provider.to_owned()),
        redirect_uri: Set(redirect_uri),
        expires_at: Set(expires_at),
    };
    external_ask::Entity::insert(row)
        .exec_without_returning(cx.db())
        .await?;
    Ok(ExternalStart { url, key, expires_at })
}

/// Signs in with what a provider has answered: to the account that the identity is linked to, or to one whose address it
/// proves, or to a new one. Who has a second factor is asked for it.
///
/// # Errors
/// `External(StateInvalid)`, `External(ProviderUnknown)`, `External(ProviderRefused)`, `External(ProviderUnreachable)`, `External(EmailUnverified)`,
/// `External(LinkNeeded)`.
pub async fn finish_external(
    cx: &Context,
    by: &ExternalFinish,
    device: &Device,
    from: &Client,
) -> Result<Entrance, Failure<Refusal>> {
    let (provider, person) = redeemed(cx, by).await?;
    let tx = cx.begin().await?;
    let account = match linked(&tx, &person).await? {
        Some(known) => {
            let account = known.account_id;
            let mut row: external_identity::ActiveModel = known.into();
            row.used_at = Set(cx.now());
            row.email = Set(address(&person));
            row.update(&tx).await?;
            account
        }
        None => welcomed(&tx, cx, &provider, &person).await?,
    };
    if factor::of(&tx, account).await?.is_some() {
        let password = credential::Entity::find_by_id(account).one(&tx).await?;
        tx.commit().await?;
        return Ok(session::challenged(cx, account, password.as_ref()));
    }
    let signed_in = session::begin(&tx, cx, account, device, from).await?;
    tx.commit().await?;
    Ok(Entrance::Session(Box::new(signed_in)))
}

/// Links an identity at a provider to one's own account, whose address is proved. Payouts wait, as after every new way in.
///
/// # Errors
/// `EmailUnverified`, `External(StateInvalid)`, `External(ProviderUnknown)`, `External(ProviderRefused)`, `External(ProviderUnreachable)`; `External(Linked)` when it is linked
/// already, or another of the same issuer is.
pub async fn link_external(
    cx: &Context,
    by: &account::Model,
    finish: &ExternalFinish,
    _: Proved,
) -> Result<external_identity::Model, Failure<Refusal>> {
    check_verified(by)?;
    let by = by.id;
    let (provider, person) = redeemed(cx, finish).await?;
    let tx = cx.begin().await?;
    let identity = link(&tx, cx, by, &provider, &person).await?;
    freeze::freeze_owned(&tx, cx, by, FreezeCause::ExternalIdentity).await?;
    event::record(
        &tx,
        cx,
        Actor::Account(by),
        "external_identity.linked",
        by,
        &named(identity.id),
    )
    .await?;
    tx.commit().await?;
    Ok(identity)
}

/// Takes an identity away: nobody signs in with it any more. One's other sessions end.
///
/// # Errors
/// `External(NotFound)`; `External(LastWayIn)` for who has neither a password nor another identity.
pub async fn unlink_external(
    cx: &Context,
    by: AccountId,
    current: SessionId,
    id: ExternalIdentityId,
    _: Proved,
) -> Result<external_identity::Model, Failure<Refusal>> {
    let tx = cx.begin().await?;
    // Of two that are taken away at once, the second finds itself the last.
    lock_account(&tx, by)
        .await?
        .or_refuse(Refusal::External(ExternalRefusal::NotFound))?;
    let hers = of(by);
    let found = hers
        .clone()
        .filter(external_identity::Column::Id.eq(id))
        .one(&tx)
        .await?;
    let found = found.or_refuse(Refusal::External(ExternalRefusal::NotFound))?;
    let has_password = credential::Entity::find_by_id(by).one(&tx).await?.is_some();
    if !has_password && hers.count(&tx).await? < 2 {
        return refuse(Refusal::External(ExternalRefusal::LastWayIn));
    }
    external_identity::Entity::delete_by_id(id).exec(&tx).await?;
    session::end_others(&tx, cx, by, Some(current), Ending::ExternalRemoved).await?;
    freeze::freeze_owned(&tx, cx, by, FreezeCause::ExternalIdentity).await?;
    event::record(
        &tx,
        cx,
        Actor::Account(by),
        "external_identity.unlinked",
        by,
        &named(id),
    )
    .await?;
    tx.commit().await?;
    Ok(found)
}

/// Uses up what was begun, and has the provider say who that is.
async fn redeemed(cx: &Context, by: &ExternalFinish) -> Result<(String, ExternalPerson), Failure<Refusal>> {
    let tx = cx.begin().await?;
    let found = external_ask::Entity::find_by_id(secret::hash_secret(&by.state))
        .filter(external_ask::Column::ExpiresAt.gt(cx.now()))
        .lock_exclusive()
        .one(&tx)
        .await?;
    // Who has the state alone, from an address or a log, neither goes on with it nor keeps its owner from going on.
    let asked = found.filter(|asked| asked.key_hash == secret::hash_secret(&by.key));
    let asked = asked.or_refuse(Refusal::External(ExternalRefusal::StateInvalid))?;
    external_ask::Entity::delete_by_id(asked.state_hash)
        .exec(&tx)
        .await?;
    tx.commit().await?;
    let brought = ExternalCode {
        code: by.code.clone(),
        issuer: by.issuer.clone(),
        nonce: derived(cx, "external nonce", &by.key),
        verifier: derived(cx, "external verifier", &by.key),
        redirect_uri: asked.redirect_uri,
    };
    let person = cx
        .platform()
        .identity_providers
        .redeem(&asked.provider, &brought, cx.now())
        .await;
    let person = person.map_err(|error| refused(&asked.provider, error))?;
    let sound = |claim: &str| !claim.is_empty() && claim.len() <= MAX_CLAIM && !claim.contains('\0');
    if !sound(&person.subject) || !sound(&person.issuer) {
        return refuse(Refusal::External(ExternalRefusal::ProviderRefused(
            "it names nobody".to_owned(),
        )));
    }
    Ok((asked.provider, person))
}

/// The account for an identity that is linked to none: the one whose address it proves, or a new one.
async fn welcomed(
    tx: &Tx,
    cx: &Context,
    provider: &str,
    person: &ExternalPerson,
) -> Result<AccountId, Failure<Refusal>> {
    let email = address(person).filter(|_| person.email_verified);
    let email = email.or_refuse(Refusal::External(ExternalRefusal::EmailUnverified))?;
    let known = account::Entity::find()
        .filter(account::Column::Email.eq(email.as_str()))
        .one(tx)
        .await?;
    let Some(known) = known else {
        return opened(tx, cx, provider, person, email).await;
    };
    // An address that nobody has proved may have been typed by whoever waits for its owner to sign in. And where more than
    // a password is asked for, a mailbox alone does not add a way in.
    let guarded = known.operator || factor::of(tx, known.id).await?.is_some();
    if known.email_verified_at.is_none() || guarded {
        return refuse(Refusal::External(ExternalRefusal::LinkNeeded));
    }
    let identity = link(tx, cx, known.id, provider, person).await?;
    freeze::freeze_owned(tx, cx, known.id, FreezeCause::ExternalIdentity).await?;
    let by = Actor::Account(known.id);
    event::record(
        tx,
        cx,
        by,
        "external_identity.linked",
        known.id,
        &named(identity.id),
    )
    .await?;
    Ok(known.id)
}

async fn opened(
    tx: &Tx,
    cx: &Context,
    provider: &str,
    person: &ExternalPerson,
    email: Email,
) -> Result<AccountId, Failure<Refusal>> {
    let name = person.name.as_deref().and_then(|name| name.parse::<Name>().ok());
    let account = account::ActiveModel {
        id: Set(cx.new_id()),
        email: Set(email),
        email_verified_at: Set(Some(cx.now())),
        name: Set(name.map_or_else(|| NAMELESS.parse().map_err(anyhow::Error::msg), Ok)?),
        operator: Set(false),
        created_at: Set(cx.now()),
        erased_at: Set(None),
    };
    // Somebody opens an account with the same address at the same time.
    let account = account
        .insert(tx)
        .await
        .or_refuse_duplicate(Refusal::External(ExternalRefusal::LinkNeeded))?;
    let identity = link(tx, cx, account.id, provider, person).await?;
    let by = Actor::Account(account.id);
    event::record(tx, cx, by, "account.created", account.id, &named(identity.id)).await?;
    Ok(account.id)
}

async fn link(
    tx: &Tx,
    cx: &Context,
    account: AccountId,
    provider: &str,
    person: &ExternalPerson,
) -> Result<external_identity::Model, Failure<Refusal>> {
    let row = external_identity::ActiveModel {
        id: Set(cx.new_id()),
        account_id: Set(account),
        provider: Set(provider.to_owned()),
        issuer: Set(person.issuer.clone()),
        subject: Set(person.subject.clone()),
        email: Set(address(person)),
        created_at: Set(cx.now()),
        used_at: Set(cx.now()),
    };
    row.insert(tx)
        .await
        .or_refuse_duplicate(Refusal::External(ExternalRefusal::Linked))
}

async fn linked(
    db: &impl ConnectionTrait,
    person: &ExternalPerson,
) -> Result<Option<external_identity::Model>, DbErr> {
    external_identity::Entity::find()
        .filter(external_identity::Column::Issuer.eq(person.issuer.as_str()))
        .filter(external_identity::Column::Subject.eq(person.subject.as_str()))
        .one(db)
        .await
}

fn of(account: AccountId) -> sea_orm::Select<external_identity::Entity> {
    external_identity::Entity::find().filter(external_identity::Column::AccountId.eq(account))
}

fn named(id: ExternalIdentityId) -> [(&'static str, String); 1] {
    [("identity", id.to_string())]
}

/// The address that the provider tells, if it is one.
fn address(person: &ExternalPerson) -> Option<Email> {
    person.email.as_deref()?.parse().ok()
}

/// What goes with the key that the client keeps, and is kept nowhere. 43 characters, as a code verifier may have.
fn derived(cx: &Context, purpose: &str, key: &SecretString) -> SecretString {
    let made = secret::keyed_hash(cx, purpose, key.expose_secret().as_bytes());
    URL_SAFE_NO_PAD.encode(made).into()
}

fn refused(provider: &str, error: ProviderError) -> Failure<Refusal> {
    match error {
        ProviderError::Unknown => Failure::Refused(Refusal::External(ExternalRefusal::ProviderUnknown)),
        ProviderError::Refused(why) => {
            Failure::Refused(Refusal::External(ExternalRefusal::ProviderRefused(why)))
        }
        ProviderError::Unreachable(why) => {
            tracing::warn!(provider, why, "an identity provider did not answer");
            Failure::Refused(Refusal::External(ExternalRefusal::ProviderUnreachable))
        }
    }
}

/// Forgets what was begun and not ended.
pub(super) async fn sweep(cx: &Context) -> Result<(), DbErr> {
    external_ask::Entity::delete_many()
        .filter(external_ask::Column::ExpiresAt.lte(cx.now()))
        .exec(cx.db())
        .await?;
    Ok(())
}

/// Whether an account signs in with a password.
///
/// # Errors
/// When the database fails.
pub async fn has_password(cx: &Context, account: AccountId) -> Result<bool, DbErr> {
    Ok(credential::Entity::find_by_id(account)
        .one(cx.db())
        .await?
        .is_some())
}
