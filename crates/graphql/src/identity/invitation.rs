//! Invitations to work for a brand, as clients see them.

use async_graphql::{Context, ID, InputObject, Object, Result};
use chrono::{DateTime, Utc};
use vitrine_domain::identity::{self, Invited};
use vitrine_model::identity::invitation;

use crate::access::{Declared, Subject, Who, access, root_part};
use crate::catalog::{Brand, is_head};
use crate::error::{answer, at, payload, settle};
use crate::identity::account::Account;
use crate::identity::member::{BrandMember, BrandRole};
use crate::loaders::load;
use crate::request::{RequestContext, parse_id};

/// An invitation that waits for its answer. It belongs to those who own the brand.
#[derive(Debug, Clone)]
pub struct BrandInvitation(pub(crate) invitation::Model);

impl Subject for BrandInvitation {
    async fn is_owned(&self, ctx: &Context<'_>) -> Result<bool> {
        is_head(ctx, self.0.brand_id).await
    }
}

/// An invitation that waits for its answer. It belongs to those who own the brand.
#[Object(guard = Declared(self))]
impl BrandInvitation {
    /// Its id.
    #[graphql(directive = access::apply(Who::Owner))]
    async fn id(&self) -> ID {
        self.0.id.to_string().into()
    }

    /// The brand.
    #[graphql(directive = access::apply(Who::Owner))]
    async fn brand(&self, ctx: &Context<'_>) -> Result<Option<Brand>> {
        Ok(load(ctx, self.0.brand_id).await?.map(Brand))
    }

    /// The address it was sent to. Whether it opens an account is not told.
    #[graphql(directive = access::apply(Who::Owner))]
    async fn email(&self) -> &str {
        self.0.email.as_str()
    }

    /// What may be done there by whoever accepts.
    #[graphql(directive = access::apply(Who::Owner))]
    async fn role(&self) -> BrandRole {
        self.0.role.into()
    }

    /// Who invites.
    #[graphql(directive = access::apply(Who::Owner))]
    async fn invited_by(&self, ctx: &Context<'_>) -> Result<Option<Account>> {
        Ok(load(ctx, self.0.invited_by).await?.map(Account))
    }

    /// Since when.
    #[graphql(directive = access::apply(Who::Owner))]
    async fn created_at(&self) -> DateTime<Utc> {
        self.0.created_at
    }

    /// Until when it can be accepted.
    #[graphql(directive = access::apply(Who::Owner))]
    async fn expires_at(&self) -> DateTime<Utc> {
        self.0.expires_at
    }
}

/// What whoever holds the token of an invitation is told of it.
#[derive(Debug, Clone)]
pub struct Invitation(invitation::Model);

impl Subject for Invitation {}

/// What whoever holds the token of an invitation is told of it.
#[Object(guard = Declared(self))]
impl Invitation {
    /// The brand that invites.
    #[graphql(directive = access::apply(Who::Anyone))]
    async fn brand(&self, ctx: &Context<'_>) -> Result<Option<Brand>> {
        Ok(load(ctx, self.0.brand_id).await?.map(Brand))
    }

    /// What may be done there by whoever accepts.
    #[graphql(directive = access::apply(Who::Anyone))]
    async fn role(&self) -> BrandRole {
        self.0.role.into()
    }

    /// Until when it can be accepted.
    #[graphql(directive = access::apply(Who::Anyone))]
    async fn expires_at(&self) -> DateTime<Utc> {
        self.0.expires_at
    }
}

/// Someone to be asked to work for a brand.
#[derive(InputObject)]
pub struct BrandMemberInviteInput {
    /// The brand, which you must own.
    brand_id: ID,
    /// Where she reads letters. It may or may not open an account.
    email: String,
    /// What she may do there.
    role: BrandRole,
}

/// An invitation to send once more.
#[derive(InputObject)]
pub struct BrandInvitationResendInput {
    /// The invitation, of a brand that you own.
    id: ID,
}

/// An invitation to take back.
#[derive(InputObject)]
pub struct BrandInvitationRevokeInput {
    /// The invitation, of a brand that you own.
    id: ID,
}

/// An invitation to accept.
#[derive(InputObject)]
pub struct BrandInvitationAcceptInput {
    /// The token, as the letter's link carries it.
    token: String,
}

payload! {
    /// What came of `brandMemberInvite`.
    BrandMemberInvitePayload {
        /// The invitation.
        invitation: BrandInvitation
    }
}

payload! {
    /// What came of `brandInvitationResend`.
    BrandInvitationResendPayload {
        /// The invitation.
        invitation: BrandInvitation
    }
}

payload! {
    /// What came of `brandInvitationRevoke`.
    BrandInvitationRevokePayload {
        /// What the invitation was. Its token opens nothing any more.
        invitation: BrandInvitation
    }
}

payload! {
    /// What came of `brandInvitationAccept`.
    BrandInvitationAcceptPayload {
        /// Your membership.
        member: BrandMember
    }
}

root_part! {
    /// Queries for invitations.
    InvitationQuery of "Query"
}

#[Object(guard = Declared(self))]
impl InvitationQuery {
    /// The invitation that the token of a letter opens, for whoever holds it; `null` when it was accepted, taken back or sent
    /// again, or is too old.
    #[graphql(directive = access::apply(Who::Anyone))]
    async fn invitation(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The token, as the letter's link carries it.")] token: String,
    ) -> Result<Option<Invitation>> {
        let offered = identity::offered_by(ctx.cx(), &token.into()).await;
        Ok(settle(ctx, offered)?.map(Invitation))
    }
}

root_part! {
    /// Mutations on invitations.
    InvitationMutation of "Mutation"
}

#[Object(guard = Declared(self))]
impl InvitationMutation {
    /// Asks someone by letter to work for a brand that you own. It is answered alike whether or not the address opens an
    /// account, and whether or not she works there. What waits for her already is replaced. It takes a proved address of
    /// your own, and a proof given of late: `sessionStepUp`. You, and the brand, can send 50 such letters a day, and 5 go to one
    /// address. The brand's owners are told by letter when she joins; its payouts wait for some days if she is to own it. Codes:
    /// `INVALID`, `NOT_FOUND`, `FORBIDDEN`, `EMAIL_UNVERIFIED`, `STEP_UP_REQUIRED`, `LIMIT_REACHED` (50 wait for their answer), `TOO_MANY_ATTEMPTS`.
    #[graphql(directive = access::apply(Who::Account))]
    async fn brand_member_invite(
        &self,
        ctx: &Context<'_>,
        input: BrandMemberInviteInput,
    ) -> Result<BrandMemberInvitePayload> {
        answer(ctx, async {
            let (by, brand) = (ctx.account()?, parse_id(&input.brand_id)?);
            let (email, role) = (at("email", input.email.parse())?, input.role.into());
            let (whom, from) = (Invited { email, role }, &ctx.viewer().client);
            let proof = ctx.viewer().proved(ctx.cx())?;
            let sent = identity::invite_member(ctx.cx(), by, brand, whom, from, proof).await?;
            Ok(BrandInvitation(sent))
        })
        .await
    }

    /// Sends the letter of an invitation once more, good for seven days from now; the token of the letter before opens
    /// nothing any more. Takes a proof given of late: `sessionStepUp`. Codes: `NOT_FOUND`,
    /// `EMAIL_UNVERIFIED`, `STEP_UP_REQUIRED`, `TOO_MANY_ATTEMPTS`.
    #[graphql(directive = access::apply(Who::Account))]
    async fn brand_invitation_resend(
        &self,
        ctx: &Context<'_>,
        input: BrandInvitationResendInput,
    ) -> Result<BrandInvitationResendPayload> {
        answer(ctx, async {
            let (by, id, from) = (ctx.account()?, parse_id(&input.id)?, &ctx.viewer().client);
            let proof = ctx.viewer().proved(ctx.cx())?;
            let sent = identity::resend_invitation(ctx.cx(), by, id, from, proof).await?;
            Ok(BrandInvitation(sent))
        })
        .await
    }

    /// Takes an invitation of a brand that you own back. Codes: `NOT_FOUND`.
    #[graphql(directive = access::apply(Who::Account))]
    async fn brand_invitation_revoke(
        &self,
        ctx: &Context<'_>,
        input: BrandInvitationRevokeInput,
    ) -> Result<BrandInvitationRevokePayload> {
        answer(ctx, async {
            let (by, id) = (ctx.account()?, parse_id(&input.id)?);
            let revoked = identity::revoke_invitation(ctx.cx(), by, id).await?;
            Ok(BrandInvitation(revoked))
        })
        .await
    }

    /// Accepts an invitation: you work for the brand from then on. Your account must have the address it was sent to, which
    /// is proved by this. The brand's owners are told by letter. Codes: `TOKEN_INVALID`, `FORBIDDEN` (it was sent to another address), `TAKEN` (you work there
    /// already, whatever your role: its owners change that by `brandMemberUpdate`).
    #[graphql(directive = access::apply(Who::Account))]
    async fn brand_invitation_accept(
        &self,
        ctx: &Context<'_>,
        input: BrandInvitationAcceptInput,
    ) -> Result<BrandInvitationAcceptPayload> {
        answer(ctx, async {
            let (by, token) = (ctx.account()?, input.token.into());
            let joined = identity::accept_invitation(ctx.cx(), by.id, &token).await?;
            Ok(BrandMember(joined))
        })
        .await
    }
}
