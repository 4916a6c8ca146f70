//! Who works for a brand: invited and accepted, as people are.

use sea_orm::EntityTrait;
use secrecy::ExposeSecret;
use serde_json::{Value, json};
use vitrine_domain::secret::invitation_secret;
use vitrine_model::id::InvitationId;
use vitrine_model::identity::invitation;

use super::market::text;
use super::{App, Person};

/// Invites someone.
pub(crate) const INVITE: &str = "mutation($in: BrandMemberInviteInput!) { brandMemberInvite(input: $in) { invitation { id } userErrors { code field message } } }";
/// Accepts an invitation.
pub(crate) const ACCEPT: &str = "mutation($in: BrandInvitationAcceptInput!) { brandInvitationAccept(input: $in) { member { role account { id } } userErrors { code field message } } }";

impl App {
    /// Lets someone work for a brand: its owner invites her, and she accepts. Her membership.
    pub(crate) async fn employ(
        &self,
        owner: &Person<'_>,
        brand: &str,
        whom: &Person<'_>,
        role: &str,
    ) -> Value {
        let input = json!({ "brandId": brand, "email": whom.email, "role": role });
        let sent = owner.made(INVITE, input).await;
        let token = self.invitation_token(&text(&sent["invitation"]["id"])).await;
        whom.made(ACCEPT, json!({ "token": token })).await["member"].take()
    }

    /// The token that the last letter about an invitation carries.
    pub(crate) async fn invitation_token(&self, id: &str) -> String {
        let id: InvitationId = id.parse().unwrap();
        let row = invitation::Entity::find_by_id(id).one(self.db()).await.unwrap();
        let letters = row.expect("an invitation").letters;
        let token = invitation_secret(&self.vitrine().context("test"), id, letters);
        token.expose_secret().to_owned()
    }
}
