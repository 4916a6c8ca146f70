//! The letter that invites someone to work for a brand.

use sea_orm::EntityTrait;
use vitrine_model::Time;
use vitrine_model::id::InvitationId;
use vitrine_model::identity::{Role, invitation};

use crate::context::Context;
use crate::notify::facts;
use crate::notify::letters::{Letter, letter};
use crate::notify::names::shown;
use crate::notify::post::Draft;
use crate::notify::security::way_with;
use crate::secret;

/// The letter with the token of an invitation. Nobody is written to whose invitation was taken back meanwhile.
pub(super) async fn written(cx: &Context, id: InvitationId) -> anyhow::Result<Vec<Draft>> {
    let found = invitation::Entity::find_by_id(id).one(cx.db()).await?;
    let Some(found) = found.filter(|found| found.expires_at > cx.now()) else {
        return Ok(Vec::new());
    };
    let brand = facts::brand_name(cx.db(), found.brand_id).await?;
    let token = secret::invitation_secret(cx, id, found.letters);
    let way = way_with(cx, "invitation", &token);
    Ok(vec![Draft {
        letter: invited(shown(&brand, "A brand"), found.role, &way, found.expires_at),
        recipient: "invited".to_owned(),
        to: found.email,
    }])
}

/// To whoever is to work for a brand: how to say yes. It says the same whether or not she has an account.
fn invited(brand: &str, role: Role, way: &str, until: Time) -> Letter {
    let what = match role {
        Role::Owner => "be one of its owners, who decide about products, orders, members and money",
        Role::Manager => "manage its products, terms, orders and refunds",
        Role::Shipper => "ship its orders",
    };
    let until = until.format("%-d %B %Y, %H:%M UTC");
    let body = format!(
        "{brand} asks you to {what}.\n\n{way}\n\nSign in with this address, or open an account with it, to accept. That works \
         once, until {until}. If you do not know why you were asked, do nothing.\n"
    );
    letter(format!("{brand} asks you to work with them"), None, &body)
}
