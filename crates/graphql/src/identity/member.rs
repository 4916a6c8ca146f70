//! Who works for a brand, as clients see it.

use async_graphql::{Context, Enum, ID, InputObject, Object, Result};
use chrono::{DateTime, Utc};
use vitrine_domain::identity;
use vitrine_model::identity as rows;
use vitrine_model::identity::brand_member;

use crate::access::{Declared, Subject, Who, access, root_part};
use crate::catalog::Brand;
use crate::error::{answer, payload};
use crate::identity::account::Account;
use crate::loaders::load;
use crate::request::{RequestContext, parse_id};

/// What a member may do at a brand. Each role may do what the ones after it may.
#[derive(Enum, Copy, Clone, Debug, PartialEq, Eq)]
#[graphql(remote = "rows::Role")]
pub enum BrandRole {
    /// Everything, members and money included.
    Owner,
    /// Products, terms, orders and refunds.
    Manager,
    /// Ship orders.
    Shipper,
}

/// Someone who works for a brand.
#[derive(Debug, Clone)]
pub struct BrandMember(pub(crate) brand_member::Model);

impl Subject for BrandMember {}

/// Someone who works for a brand.
#[Object(guard = Declared(self))]
impl BrandMember {
    /// Who.
    #[graphql(directive = access::apply(Who::Anyone))]
    async fn account(&self, ctx: &Context<'_>) -> Result<Option<Account>> {
        Ok(load(ctx, self.0.account_id).await?.map(Account))
    }

    /// For which brand.
    #[graphql(directive = access::apply(Who::Anyone))]
    async fn brand(&self, ctx: &Context<'_>) -> Result<Option<Brand>> {
        Ok(load(ctx, self.0.brand_id).await?.map(Brand))
    }

    /// What she may do there.
    #[graphql(directive = access::apply(Who::Anyone))]
    async fn role(&self) -> BrandRole {
        self.0.role.into()
    }

    /// Since when.
    #[graphql(directive = access::apply(Who::Anyone))]
    async fn created_at(&self) -> DateTime<Utc> {
        self.0.created_at
    }
}

/// Someone to do more or less for a brand.
#[derive(InputObject)]
pub struct BrandMemberUpdateInput {
    /// The brand, which you must own.
    brand_id: ID,
    /// Her account.
    account_id: ID,
    /// What she may do there from now on.
    role: BrandRole,
}

/// Someone to work for a brand no longer.
#[derive(InputObject)]
pub struct BrandMemberRemoveInput {
    /// The brand.
    brand_id: ID,
    /// Her account.
    account_id: ID,
}

payload! {
    /// What came of `brandMemberUpdate`.
    BrandMemberUpdatePayload {
        /// The member as she is now.
        member: BrandMember
    }
}

payload! {
    /// What came of `brandMemberRemove`.
    BrandMemberRemovePayload {
        /// Who worked for the brand until now.
        member: BrandMember
    }
}

root_part! {
    /// Mutations on who works for a brand.
    MemberMutation of "Mutation"
}

#[Object(guard = Declared(self))]
impl MemberMutation {
    /// Changes what someone may do at a brand that you own, at once. What was sent by an owner who is none any more is taken
    /// back. She and the brand's owners are told by letter; the brand's payouts wait for some days after somebody became an
    /// owner. Takes a proof given of late: `sessionStepUp`. Codes: `NOT_FOUND`, `FORBIDDEN`, `STEP_UP_REQUIRED`, `WRONG_STATE`
    /// (a brand keeps one owner at least).
    #[graphql(directive = access::apply(Who::Account))]
    async fn brand_member_update(
        &self,
        ctx: &Context<'_>,
        input: BrandMemberUpdateInput,
    ) -> Result<BrandMemberUpdatePayload> {
        answer(ctx, async {
            let (by, brand) = (ctx.account()?, parse_id(&input.brand_id)?);
            let (account, role) = (parse_id(&input.account_id)?, input.role.into());
            let proof = ctx.viewer().proved(ctx.cx())?;
            let member = identity::update_member(ctx.cx(), by, brand, account, role, proof).await?;
            Ok(BrandMember(member))
        })
        .await
    }

    /// Ends what someone may do at a brand, at once; invitations she has sent are taken back. Its owners may end anyone's
    /// membership with a proof given of late (`sessionStepUp`), a member her own. She and the owners are told by letter. Codes:
    /// `NOT_FOUND`, `FORBIDDEN`, `STEP_UP_REQUIRED`, `WRONG_STATE` (a brand keeps one owner at least).
    #[graphql(directive = access::apply(Who::Account))]
    async fn brand_member_remove(
        &self,
        ctx: &Context<'_>,
        input: BrandMemberRemoveInput,
    ) -> Result<BrandMemberRemovePayload> {
        answer(ctx, async {
            let (by, brand) = (ctx.account()?, parse_id(&input.brand_id)?);
            let (account, proof) = (parse_id(&input.account_id)?, ctx.viewer().proved(ctx.cx()).ok());
            let removed = identity::remove_member(ctx.cx(), by, brand, account, proof).await?;
            Ok(BrandMember(removed))
        })
        .await
    }
}
