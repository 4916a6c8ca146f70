//! Letters about an account's safety: to its owner, about what was done with it, and what to do if it was not she.

use anyhow::Context as _;
use sea_orm::EntityTrait;
use vitrine_model::event;
use vitrine_model::id::{AccountId, SessionId};
use vitrine_model::identity::session;

use crate::context::Context;
use crate::notify::facts;
use crate::notify::letters::{Letter, letter};
use crate::notify::post::Draft;

/// Whether an event of this kind is told by one of these letters.
pub(super) fn tells(kind: &str) -> bool {
    matches!(kind, "session.reused")
}

/// The letters that such an event brings about.
pub(super) async fn written(cx: &Context, event: &event::Model) -> anyhow::Result<Vec<Draft>> {
    match event.kind.as_str() {
        "session.reused" => session_reused(cx, event.subject.parse()?).await,
        kind => anyhow::bail!("no letter tells of {kind}"),
    }
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
    to_owner(cx, session.account_id, |name| signed_out_for_reuse(name, &device)).await
}

async fn to_owner(
    cx: &Context,
    account: AccountId,
    write: impl FnOnce(&str) -> Letter,
) -> anyhow::Result<Vec<Draft>> {
    let person = facts::person(cx.db(), account).await?;
    let person = person.with_context(|| format!("no account {account}"))?;
    Ok(vec![Draft {
        letter: write(person.name.as_str()),
        recipient: person.id.to_string(),
        to: person.email,
    }])
}

/// To an account's owner: a session was ended because somebody else may have its key.
fn signed_out_for_reuse(name: &str, device: &str) -> Letter {
    let body = format!(
        "we have signed you out on {device}: a key of that session was used a second time. Mostly that is an app that lost \
         our answer and asked again; it may also be someone who copied the key. Sign in again there.\
         \n\nIf you did not use that device, sign out all your other devices as well.\n"
    );
    letter(
        "We have signed you out on one device".to_owned(),
        Some(name),
        &body,
    )
}
