//! Passwords: Argon2id, off the async threads, only a few at a time.

use anyhow::{Context as _, anyhow};
use argon2::password_hash::phc::PasswordHash;
use argon2::password_hash::{PasswordHasher, PasswordVerifier};
use argon2::{Algorithm, Argon2, Params, Version};
use vitrine_model::text::Password;

use crate::context::Context;

/// Passes over the memory; with 19 MiB OWASP's smallest advice
/// (<https://cheatsheetseries.owasp.org/cheatsheets/Password_Storage_Cheat_Sheet.html#argon2id>).
const PASSES: u32 = 2;

/// The Argon2id hash of `password`, in PHC string form, with a fresh salt.
///
/// # Errors
/// When hashing fails, which only a broken configuration can cause.
pub async fn hash_password(cx: &Context, password: &Password) -> anyhow::Result<String> {
    let mut salt = [0; 16];
    cx.fill(&mut salt);
    let password = password.clone();
    apart(cx, move |argon2| {
        let hash: PasswordHash = argon2
            .hash_password_with_salt(password.expose().as_bytes(), &salt)
            .map_err(|error| anyhow!("hashing failed: {error}"))?;
        Ok(hash.to_string())
    })
    .await
}

/// Whether `password` is the one hashed. Without a hash the same work is done for nothing, so that an unknown account
/// takes as long as a wrong password.
///
/// # Errors
/// When the stored hash is malformed.
pub async fn check_password(cx: &Context, password: &Password, hash: Option<String>) -> anyhow::Result<bool> {
    let Some(hash) = hash else {
        hash_password(cx, password).await?;
        return Ok(false);
    };
    let password = password.clone();
    apart(cx, move |argon2| {
        let hash = PasswordHash::new(&hash).map_err(|error| anyhow!("malformed hash: {error}"))?;
        Ok(argon2
            .verify_password(password.expose().as_bytes(), &hash)
            .is_ok())
    })
    .await
}

async fn apart<T: Send + 'static>(
    cx: &Context,
    work: impl FnOnce(Argon2<'static>) -> anyhow::Result<T> + Send + 'static,
) -> anyhow::Result<T> {
    let params =
        Params::new(cx.settings().argon2_kib, PASSES, 1, None).map_err(|error| anyhow!("{error}"))?;
    let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
    let _permit = cx
        .platform()
        .hashing
        .acquire()
        .await
        .context("the server is stopping")?;
    tokio::task::spawn_blocking(move || work(argon2)).await?
}
