//! Letters to those who curate a shop with its owner, or are asked to.

use anyhow::Context as _;
use sea_orm::EntityTrait;
use vitrine_model::id::{AccountId, ShopId, ShopInvitationId};
use vitrine_model::identity::account;
use vitrine_model::shop::{self, invitation};
use vitrine_model::{Time, event};

use crate::context::Context;
use crate::event::Actor;
use crate::notify::letters::{Letter, letter};
use crate::notify::names::shown;
use crate::notify::post::{Draft, reference};
use crate::notify::security::way_with;
use crate::secret;

/// The letter with the token of an invitation. Nobody is written to whose invitation was taken back meanwhile.
pub(super) async fn invited(cx: &Context, id: ShopInvitationId) -> anyhow::Result<Vec<Draft>> {
    let found = invitation::Entity::find_by_id(id).one(cx.db()).await?;
    let Some(found) = found.filter(|found| found.expires_at > cx.now()) else {
        return Ok(Vec::new());
    };
    let (shop, owner) = shop_and_owner(cx, found.shop_id).await?;
    let way = way_with(cx, "curate", &secret::invitation_secret(cx, id, 1));
    let share = found.share_bp.to_string();
    Ok(vec![Draft {
        letter: asked(
            owner.name.as_str(),
            shop.name.as_str(),
            &share,
            &way,
            found.expires_at,
        ),
        recipient: "invited".to_owned(),
        to: found.email,
    }])
}

/// The letter to whoever curates a shop, or did, about what its owner has decided. What she decided herself she knows.
pub(super) async fn changed(cx: &Context, event: &event::Model) -> anyhow::Result<Vec<Draft>> {
    let curator: AccountId = reference(event, "account")?;
    if event.actor == Actor::Account(curator).to_string() {
        return Ok(Vec::new());
    }
    let found = account::Entity::find_by_id(curator).one(cx.db()).await?;
    let Some(curator) = found.filter(|found| found.erased_at.is_none()) else {
        return Ok(Vec::new());
    };
    let (shop, owner) = shop_and_owner(cx, event.subject.parse()?).await?;
    let (owner, shop) = (owner.name.as_str(), shop.name.as_str());
    let share: String = reference(event, "share")?;
    let letter = match event.kind.as_str() {
        "shop.curator_removed" => ended(curator.name.as_str(), owner, shop),
        _ => share_changed(curator.name.as_str(), owner, shop, &share),
    };
    Ok(vec![Draft {
        letter,
        recipient: "curator".to_owned(),
        to: curator.email,
    }])
}

async fn shop_and_owner(cx: &Context, id: ShopId) -> anyhow::Result<(shop::Model, account::Model)> {
    let found = shop::Entity::find_by_id(id).one(cx.db()).await?;
    let shop = found.with_context(|| format!("no shop {id}"))?;
    let owner = account::Entity::find_by_id(shop.owner_id).one(cx.db()).await?;
    let owner = owner.with_context(|| format!("{id} belongs to nobody"))?;
    Ok((shop, owner))
}

/// To whoever is to curate a shop: how to say yes. It says the same whether or not she has an account.
fn asked(owner: &str, shop: &str, share: &str, way: &str, until: Time) -> Letter {
    let until = until.format("%-d %B %Y, %H:%M UTC");
    let owner = shown(owner, "Someone");
    let shop = shown(shop, "a shop");
    let body = format!(
        "{owner} asks you to curate {shop} together, for {share} of what it earns.\n\n{way}\n\nSign in with this \
         address, or open an account with it, to accept. That works once, until {until}. If you do not know why you were \
         asked, do nothing.\n"
    );
    letter(format!("{owner} asks you to curate {shop} together"), None, &body)
}

fn share_changed(name: &str, owner: &str, shop: &str, share: &str) -> Letter {
    let body = format!(
        "{owner} has changed your share of what the shop {shop} earns: it is {share} now, of everything sold from now on. What \
         was sold before stays shared as it was.\n"
    );
    letter(format!("Your share of {shop} has changed"), Some(name), &body)
}

fn ended(name: &str, owner: &str, shop: &str) -> Letter {
    let body = format!(
        "{owner} has ended that you curate the shop {shop} together. What was sold before stays shared as it was; of what is \
         sold from now on you get nothing.\n"
    );
    letter(format!("You no longer curate {shop}"), Some(name), &body)
}
