//! Accounts, sessions, memberships, as clients see them.

mod account;
mod api_key;
mod email;
mod external;
mod factor;
mod invitation;
mod member;
mod passkey;
mod refusal;
mod session;

use async_graphql::{Context, ID, MergedObject, Object, Result};
use vitrine_model::id::AccountId;

use crate::access::{Declared, Who, access, root_part};
use crate::request::{RequestContext, parse_id};

pub(crate) use account::Account;
pub(crate) use api_key::{ApiKey, ApiKeyConnection, api_key_node, api_key_seen, api_keys};
pub use external::ExternalQuery;
pub(crate) use invitation::BrandInvitation;
pub use invitation::InvitationQuery;
pub(crate) use member::BrandMember;
pub(crate) use refusal::UNVERIFIED;

root_part! {
    /// Queries about who someone is.
    IdentityQuery of "Query"
}

#[Object(guard = Declared(self))]
impl IdentityQuery {
    /// Who is signed in; `null` when nobody is.
    #[graphql(directive = access::apply(Who::Anyone))]
    async fn viewer(&self, ctx: &Context<'_>) -> Option<Account> {
        ctx.viewer().account.clone().map(Account)
    }
}

/// Mutations about who someone is.
#[derive(MergedObject, Default)]
pub struct IdentityMutation(
    account::AccountMutation,
    email::EmailMutation,
    external::ExternalMutation,
    factor::FactorMutation,
    passkey::PasskeyMutation,
    session::SessionMutation,
    member::MemberMutation,
    api_key::ApiKeyMutation,
    invitation::InvitationMutation,
);

/// The account with this id: anyone may know that it exists and its name.
pub(crate) async fn account_node(ctx: &Context<'_>, id: &ID) -> Result<Option<Account>> {
    let id: AccountId = parse_id(id)?;
    let found = ctx.loaders().load_one(id).await;
    Ok(found
        .map_err(|error| crate::error::fault(ctx, &anyhow::anyhow!("{error:#}")))?
        .map(Account))
}
