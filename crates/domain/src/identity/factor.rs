//! A second factor: six digits that change every half minute (RFC 6238), or a recovery code.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::TimeDelta;
use sea_orm::sea_query::Expr;
use sea_orm::{ColumnTrait, ConnectionTrait, DbErr, EntityTrait, QueryFilter};
use secrecy::{ExposeSecret, SecretString};
use totp_rs::{Algorithm, Secret, TOTP};
use vitrine_model::Time;
use vitrine_model::id::{AccountId, FactorId, Id};
use vitrine_model::identity::{credential, recovery_code, totp};

use crate::context::{Context, Tx};
use crate::failure::{Failure, refuse};
use crate::identity::allowance::{self, Client};
use crate::identity::refusal::Refusal;
use crate::secret;

/// Seconds for which a code is shown.
const STEP: u64 = 30;
/// Recovery codes given at once.
const RECOVERY_CODES: usize = 10;
/// Minutes within which the second step of signing in must follow the first.
const CHALLENGE_MINUTES: i64 = 5;
/// What tells people and scanners what a challenge is.
const CHALLENGE: &str = "vc_";
/// The letters and digits of a recovery code: none of them looks like another.
const LETTERS: &[u8; 32] = b"abcdefghjkmnpqrstuvwxyz023456789";

/// An authenticator app to be enrolled.
#[derive(Debug, Clone)]
pub struct Enrolment {
    /// The secret in base32, for typing.
    pub secret: SecretString,
    /// The same as `otpauth://…`, for a picture to be scanned.
    pub url: SecretString,
}

/// The confirmed factor of `account`, if she has one.
pub(super) async fn of(db: &impl ConnectionTrait, account: AccountId) -> Result<Option<totp::Model>, DbErr> {
    totp::Entity::find_by_id(account)
        .filter(totp::Column::ConfirmedAt.is_not_null())
        .one(db)
        .await
}

/// The secret of a factor, made of its id and the platform's key.
fn secret_of(cx: &Context, factor: FactorId) -> Vec<u8> {
    secret::keyed_hash(cx, "second factor", factor.to_string().as_bytes())
}

/// What the app is told of a factor.
pub(super) fn enrolment(cx: &Context, factor: FactorId, label: &str) -> anyhow::Result<Enrolment> {
    let secret = Secret::Raw(secret_of(cx, factor));
    let issuer = url::Url::parse(&cx.settings().public_url)?;
    let issuer = issuer.host_str().unwrap_or("vitrine").replace(':', "-");
    let encoded = secret.to_encoded().to_string();
    let mut url = url::Url::parse("otpauth://totp/")?;
    url.set_path(&format!("{issuer}:{label}"));
    url.query_pairs_mut()
        .append_pair("secret", &encoded)
        .append_pair("issuer", &issuer);
    Ok(Enrolment {
        secret: encoded.into(),
        url: String::from(url).into(),
    })
}

/// The step of time whose code this is: the one now, or the one before or after, for clocks that go wrong; later than
/// `last`, for no code is good twice.
pub(super) fn step_of(cx: &Context, factor: &totp::Model, code: &str) -> anyhow::Result<Option<i64>> {
    let totp = TOTP::new(Algorithm::SHA1, 6, 0, STEP, secret_of(cx, factor.factor_id));
    let totp = totp.map_err(|error| anyhow::anyhow!("no second factor: {error}"))?;
    let now = u64::try_from(cx.now().timestamp())? / STEP;
    for step in [now, now.saturating_sub(1), now + 1] {
        let shown = totp.generate(step * STEP);
        let same = subtle::ConstantTimeEq::ct_eq(shown.as_bytes(), code.as_bytes());
        let step = i64::try_from(step)?;
        if bool::from(same) && step > factor.last_step {
            return Ok(Some(step));
        }
    }
    Ok(None)
}

/// Uses a code of the factor up, or a recovery code. Tries are counted.
///
/// # Errors
/// `WrongCode`, `TooManyAttempts`.
pub(super) async fn spend(
    cx: &Context,
    factor: &totp::Model,
    code: &str,
    from: &Client,
) -> Result<(), Failure<Refusal>> {
    let account = factor.account_id;
    let tries = allowance::FACTOR.spend(cx, &account.to_string(), from).await?;
    let code = code.trim().replace(' ', "").to_ascii_lowercase();
    let tx = cx.begin().await?;
    let right = match step_of(cx, factor, &code)? {
        Some(step) => take_step(&tx, account, step).await?,
        None => take_recovery_code(&tx, cx, account, &code).await?,
    };
    if !right {
        return refuse(Refusal::WrongCode);
    }
    tries.give_back(&tx).await?;
    tx.commit().await?;
    Ok(())
}

/// Of two who bring the same code, one comes first.
pub(super) async fn take_step(tx: &Tx, account: AccountId, step: i64) -> Result<bool, DbErr> {
    let taken = totp::Entity::update_many()
        .col_expr(totp::Column::LastStep, Expr::value(step))
        .filter(totp::Column::AccountId.eq(account))
        .filter(totp::Column::LastStep.lt(step))
        .exec(tx)
        .await?;
    Ok(taken.rows_affected == 1)
}

async fn take_recovery_code(tx: &Tx, cx: &Context, account: AccountId, code: &str) -> Result<bool, DbErr> {
    let taken = recovery_code::Entity::delete_many()
        .filter(recovery_code::Column::AccountId.eq(account))
        .filter(recovery_code::Column::CodeHash.eq(recovery_hash(cx, account, code)))
        .exec(tx)
        .await?;
    Ok(taken.rows_affected == 1)
}

/// Makes recovery codes in place of those there were. They are told this once.
pub(super) async fn make_recovery_codes(
    tx: &Tx,
    cx: &Context,
    account: AccountId,
) -> Result<Vec<SecretString>, DbErr> {
    use sea_orm::ActiveValue::Set;
    forget_recovery_codes(tx, account).await?;
    let codes: Vec<String> = (0..RECOVERY_CODES).map(|_| recovery_code(cx)).collect();
    let rows = codes.iter().map(|code| recovery_code::ActiveModel {
        account_id: Set(account),
        code_hash: Set(recovery_hash(cx, account, code)),
        created_at: Set(cx.now()),
    });
    recovery_code::Entity::insert_many(rows)
        .exec_without_returning(tx)
        .await?;
    Ok(codes.into_iter().map(SecretString::from).collect())
}

pub(super) async fn forget_recovery_codes(tx: &Tx, account: AccountId) -> Result<(), DbErr> {
    recovery_code::Entity::delete_many()
        .filter(recovery_code::Column::AccountId.eq(account))
        .exec(tx)
        .await?;
    Ok(())
}

/// Four times four letters: 80 bits.
fn recovery_code(cx: &Context) -> String {
    let mut bytes = [0; 16];
    cx.fill(&mut bytes);
    let letters: Vec<char> = bytes
        .iter()
        .map(|byte| char::from(LETTERS[usize::from(byte % 32)]))
        .collect();
    let parts: Vec<String> = letters.chunks(4).map(|part| part.iter().collect()).collect();
    parts.join("-")
}

/// Written with or without its hyphens.
fn recovery_hash(cx: &Context, account: AccountId, code: &str) -> Vec<u8> {
    let code = code.replace('-', "");
    secret::keyed_hash(cx, "recovery code", format!("{account} {code}").as_bytes())
}

/// What was begun by a password, or at a provider, and is to be ended by a code, as a token that says all there is to know: whose, until when,
/// and by which password. It is kept nowhere; another password voids it.
pub(super) fn challenge(
    cx: &Context,
    account: AccountId,
    password: Option<&credential::Model>,
) -> (SecretString, Time) {
    let until = cx.now() + TimeDelta::minutes(CHALLENGE_MINUTES);
    let mut told = account.uuid().as_bytes().to_vec();
    told.extend(until.timestamp().to_be_bytes());
    told.extend(challenge_mac(cx, &told, password));
    let token = format!("{CHALLENGE}{}", URL_SAFE_NO_PAD.encode(told));
    (token.into(), until)
}

/// Whose challenge this claims to be. It is worth nothing until [`is_challenge`] says so.
pub(super) fn claimed(challenge: &SecretString) -> Option<(AccountId, Vec<u8>)> {
    let told = challenge.expose_secret().strip_prefix(CHALLENGE)?;
    let told = URL_SAFE_NO_PAD.decode(told).ok()?;
    let account = uuid::Uuid::from_slice(told.get(..16)?).ok()?;
    Some((AccountId::from(account), told))
}

/// Whether a challenge was made by us, for this password, and is good now.
pub(super) fn is_challenge(cx: &Context, told: &[u8], password: Option<&credential::Model>) -> bool {
    let Some((head, mac)) = told.split_at_checked(24) else {
        return false;
    };
    let until = head[16..].try_into().map(i64::from_be_bytes);
    until.is_ok_and(|until| until > cx.now().timestamp())
        && secret::verify_keyed_hash(cx, "challenge", &challenged(head, password), mac)
}

fn challenge_mac(cx: &Context, head: &[u8], password: Option<&credential::Model>) -> Vec<u8> {
    secret::keyed_hash(cx, "challenge", &challenged(head, password))
}

fn challenged(head: &[u8], password: Option<&credential::Model>) -> Vec<u8> {
    let mut message = head.to_vec();
    // Who has none, and sets one meanwhile, begins again too.
    let since = password.map_or(0, |password| password.updated_at.timestamp_micros());
    message.extend(since.to_be_bytes());
    message
}
