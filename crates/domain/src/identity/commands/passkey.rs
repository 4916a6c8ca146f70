//! Making passkeys, and signing in by them.

use anyhow::{Context as _, anyhow};
use sea_orm::ActiveValue::{NotSet, Set};
use sea_orm::sea_query::Expr;
use sea_orm::{ActiveModelTrait, ColumnTrait, EntityTrait, PaginatorTrait, QueryFilter, QuerySelect};
use secrecy::SecretString;
use serde_json::json;
use vitrine_model::id::{AccountId, Id, PasskeyId, SessionId};
use vitrine_model::identity::{Ending, FreezeCause, account, passkey, session};
use vitrine_model::text::Label;
use webauthn_rs::prelude::{
    DiscoverableAuthentication, Passkey, PasskeyRegistration, PublicKeyCredential,
    RegisterPublicKeyCredential,
};

use crate::context::{Context, Tx};
use crate::event::{self, Actor};
use crate::failure::{Failure, OrRefuse, OrRefuseDuplicate, refuse};
use crate::identity::allowance::Client;
use crate::identity::commands::check_verified;
use crate::identity::commands::session::{Device, SignedIn, begin, end_others};
use crate::identity::freeze;
use crate::identity::passkey::{PasskeyChallenge, ask, asked, relying_party, take_back};
use crate::identity::proof::Proved;
use crate::identity::refusal::Refusal;

/// Most passkeys an account has: one for each of her devices, and then some.
const MOST_PASSKEYS: u64 = 20;

/// A passkey that a device has made.
#[derive(Debug, Clone)]
pub struct NewPasskey {
    /// The token of the question that it answers.
    pub challenge: SecretString,
    /// What the device answered, as JSON in the words of the specification.
    pub credential: RegisterPublicKeyCredential,
    /// What to call it.
    pub name: Label,
}

/// What a device has signed.
#[derive(Debug, Clone)]
pub struct Signature {
    /// The token of the question that it answers.
    pub challenge: SecretString,
    /// What the device answered, as JSON in the words of the specification.
    pub credential: PublicKeyCredential,
}

/// Asks one of her devices for a new passkey. It takes a proved address, as whatever opens an account for good: else
/// somebody could prepare an account for whom the address belongs to, and come in by what he has left there.
///
/// # Errors
/// `EmailUnverified`, `PasskeysOff`, `TooManyPasskeys`.
pub async fn request_passkey(
    cx: &Context,
    by: &account::Model,
    _: Proved,
) -> Result<PasskeyChallenge, Failure<Refusal>> {
    check_verified(by)?;
    let party = relying_party(cx.settings())?;
    let known = passkey::Entity::find().filter(passkey::Column::AccountId.eq(by.id));
    let known = known.all(cx.db()).await?;
    if known.len() as u64 >= MOST_PASSKEYS {
        return refuse(Refusal::TooManyPasskeys);
    }
    let known = known.into_iter().map(|known| known.credential_id);
    let asked = party.start_passkey_registration(
        by.id.uuid(),
        by.email.as_str(),
        by.name.as_str(),
        Some(known.collect()),
    );
    let (creation, state) = asked.map_err(|error| anyhow!("asking for a passkey: {error}"))?;
    let mut options = serde_json::to_value(creation.public_key).context("asking for a passkey")?;
    // Who signs in names no account, lest we tell who has one: the device itself must know whose the key is.
    options["authenticatorSelection"]["residentKey"] = json!("required");
    options["authenticatorSelection"]["requireResidentKey"] = json!(true);
    Ok(ask(cx, Some(by.id), &state, options.to_string()).await?)
}

/// Keeps a passkey that a device has made when it was asked. Payouts wait.
///
/// # Errors
/// `EmailUnverified`, `PasskeysOff`, `ChallengeInvalid`, `PasskeyWrong`, `PasskeyTaken`, `TooManyPasskeys`.
pub async fn create_passkey(
    cx: &Context,
    by: AccountId,
    new: NewPasskey,
    _: Proved,
) -> Result<passkey::Model, Failure<Refusal>> {
    let party = relying_party(cx.settings())?;
    let state: PasskeyRegistration = asked(cx, Some(by), &new.challenge).await?;
    let made = party.finish_passkey_registration(&new.credential, &state);
    let made = made.ok().or_refuse(Refusal::PasskeyWrong)?;
    let tx = cx.begin().await?;
    // Locked, so that of two at once the second is counted.
    let account = account::Entity::find_by_id(by).lock_exclusive().one(&tx).await?;
    check_verified(&account.or_refuse(Refusal::AccountNotFound)?)?;
    let known = passkey::Entity::find().filter(passkey::Column::AccountId.eq(by));
    if known.count(&tx).await? >= MOST_PASSKEYS {
        return refuse(Refusal::TooManyPasskeys);
    }
    let row = passkey::ActiveModel {
        id: Set(cx.new_id()),
        account_id: Set(by),
        credential_id: Set(made.cred_id().to_vec()),
        credential: Set(serde_json::to_string(&made).context("a passkey")?),
        name: Set(new.name),
        created_at: Set(cx.now()),
        used_at: NotSet,
    };
    let row = row.insert(&tx).await.or_refuse_duplicate(Refusal::PasskeyTaken)?;
    freeze::freeze_owned(&tx, cx, by, FreezeCause::Passkey).await?;
    record(&tx, cx, "passkey.created", &row).await?;
    tx.commit().await?;
    Ok(row)
}

/// Calls one of her passkeys something else.
///
/// # Errors
/// `PasskeyNotFound`.
pub async fn rename_passkey(
    cx: &Context,
    by: AccountId,
    id: PasskeyId,
    name: Label,
) -> Result<passkey::Model, Failure<Refusal>> {
    let tx = cx.begin().await?;
    let renamed = passkey::Entity::update_many()
        .col_expr(passkey::Column::Name, Expr::value(name))
        .filter(passkey::Column::Id.eq(id))
        .filter(passkey::Column::AccountId.eq(by))
        .exec_with_returning(&tx)
        .await?;
    let row = renamed.into_iter().next().or_refuse(Refusal::PasskeyNotFound)?;
    record(&tx, cx, "passkey.renamed", &row).await?;
    tx.commit().await?;
    Ok(row)
}

/// Takes one of her passkeys away: it opens nothing any more. Her other sessions end, for one of them may have been begun
/// with it, and payouts wait.
///
/// # Errors
/// `PasskeyNotFound`.
pub async fn remove_passkey(
    cx: &Context,
    by: AccountId,
    current: SessionId,
    id: PasskeyId,
    _: Proved,
) -> Result<passkey::Model, Failure<Refusal>> {
    let tx = cx.begin().await?;
    let removed = passkey::Entity::delete_many()
        .filter(passkey::Column::Id.eq(id))
        .filter(passkey::Column::AccountId.eq(by))
        .exec_with_returning(&tx)
        .await?;
    let row = removed.into_iter().next().or_refuse(Refusal::PasskeyNotFound)?;
    take_back(&tx, by).await?;
    end_others(&tx, cx, by, Some(current), Ending::FactorChanged).await?;
    freeze::freeze_owned(&tx, cx, by, FreezeCause::Passkey).await?;
    record(&tx, cx, "passkey.removed", &row).await?;
    tx.commit().await?;
    Ok(row)
}

async fn record(tx: &Tx, cx: &Context, kind: &str, row: &passkey::Model) -> Result<(), sea_orm::DbErr> {
    let by = Actor::Account(row.account_id);
    event::record(
        tx,
        cx,
        by,
        kind,
        row.account_id,
        &[("passkey", row.id.to_string())],
    )
    .await
}

/// Asks whoever is there to sign with a passkey. Nothing is told of any account.
///
/// # Errors
/// `PasskeysOff`.
pub async fn request_signature(cx: &Context) -> Result<PasskeyChallenge, Failure<Refusal>> {
    let party = relying_party(cx.settings())?;
    let (request, state) = party
        .start_discoverable_authentication()
        .map_err(|error| anyhow!("asking for a signature: {error}"))?;
    let options = serde_json::to_string(&request.public_key).context("asking for a signature")?;
    Ok(ask(cx, None, &state, options).await?)
}

/// Begins a session of whoever's passkey has signed. It proves two things at once, that she has the device and that the
/// device knows her, so no second factor is asked for.
///
/// # Errors
/// `PasskeysOff`, `ChallengeInvalid`, `PasskeyWrong`.
pub async fn sign_in_by_passkey(
    cx: &Context,
    by: Signature,
    device: &Device,
    from: &Client,
) -> Result<SignedIn, Failure<Refusal>> {
    let state = asked(cx, None, &by.challenge).await?;
    let tx = cx.begin().await?;
    let account = verify(&tx, cx, &by.credential, state).await?;
    let signed_in = begin(&tx, cx, account, device, from).await?;
    tx.commit().await?;
    Ok(signed_in)
}

/// Proves anew, by a passkey of hers, who is signed in.
///
/// # Errors
/// `PasskeysOff`, `ChallengeInvalid`, `PasskeyWrong`.
pub async fn step_up_by_passkey(
    cx: &Context,
    by: AccountId,
    current: SessionId,
    signature: Signature,
) -> Result<session::Model, Failure<Refusal>> {
    let state = asked(cx, None, &signature.challenge).await?;
    let tx = cx.begin().await?;
    if verify(&tx, cx, &signature.credential, state).await? != by {
        return refuse(Refusal::PasskeyWrong);
    }
    let session = super::factor::stepped_up(&tx, cx, by, current).await?;
    tx.commit().await?;
    Ok(session)
}

/// Whose passkey has signed what was asked. A counter that did not go on is refused: somebody may have copied the key.
async fn verify(
    tx: &Tx,
    cx: &Context,
    signed: &PublicKeyCredential,
    asked: DiscoverableAuthentication,
) -> Result<AccountId, Failure<Refusal>> {
    let party = relying_party(cx.settings())?;
    let (whose, credential) = party
        .identify_discoverable_authentication(signed)
        .ok()
        .or_refuse(Refusal::PasskeyWrong)?;
    let row = passkey::Entity::find()
        .filter(passkey::Column::CredentialId.eq(credential))
        .filter(passkey::Column::AccountId.eq(AccountId::from(whose)))
        .lock_exclusive()
        .one(tx)
        .await?;
    let row = row.or_refuse(Refusal::PasskeyWrong)?;
    let mut known: Passkey = serde_json::from_str(&row.credential).context("a passkey")?;
    let outcome = party.finish_discoverable_authentication_v2(signed, asked, &known);
    let outcome = outcome.ok().or_refuse(Refusal::PasskeyWrong)?;
    known.update_credential(&outcome);
    let account = row.account_id;
    let mut row: passkey::ActiveModel = row.into();
    row.credential = Set(serde_json::to_string(&known).context("a passkey")?);
    row.used_at = Set(Some(cx.now()));
    row.update(tx).await?;
    Ok(account)
}
