//! Curating a shop together, as clients see it.

use std::collections::HashMap;

use async_graphql::dataloader::Loader;
use async_graphql::{Context, ID, InputObject, Object, Result};
use chrono::{DateTime, Utc};
use vitrine_domain::shop::{self, InvitedCurator};
use vitrine_model::id::{AccountId, ShopId};
use vitrine_model::money::BasisPoints;
use vitrine_model::shop::{curator, invitation};

use crate::access::{Declared, Subject, Who, access, root_part};
use crate::error::{UserError, UserErrorCode, answer, at, payload, settle};
use crate::identity::Account;
use crate::loaders::{LoadError, Loaders, keyed, load};
use crate::request::{RequestContext, parse_id};
use crate::shop::refusal::in_shop;
use crate::shop::{Shop, shop_seen};

/// Key: whether an account curates a shop with its owner.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct CuratorAt(ShopId, AccountId);

impl Loader<CuratorAt> for Loaders {
    type Value = curator::Model;
    type Error = LoadError;

    async fn load(&self, keys: &[CuratorAt]) -> Result<HashMap<CuratorAt, curator::Model>, LoadError> {
        let (shops, accounts): (Vec<_>, Vec<_>) = keys.iter().map(|key| (key.0, key.1)).unzip();
        let rows = shop::curators_at(self.cx.db(), &shops, &accounts).await;
        keyed(rows, |row| (CuratorAt(row.shop_id, row.account_id), row))
    }
}

/// Whether the viewer is the shop's `owner`, or curates it with her.
pub(crate) async fn is_run(ctx: &Context<'_>, shop: ShopId, owner: AccountId) -> Result<bool> {
    match ctx.viewer().account_id() {
        None => Ok(false),
        Some(viewer) if viewer == owner => Ok(true),
        Some(viewer) => Ok(load(ctx, CuratorAt(shop, viewer)).await?.is_some()),
    }
}

/// Someone who curates a shop with its owner. It belongs to all who curate the shop.
#[derive(Debug, Clone)]
pub struct ShopCurator {
    pub(crate) row: curator::Model,
}

impl Subject for ShopCurator {
    async fn is_owned(&self, ctx: &Context<'_>) -> Result<bool> {
        if ctx.viewer().account_id() == Some(self.row.account_id) {
            return Ok(true);
        }
        match load(ctx, self.row.shop_id).await? {
            Some(shop) => is_run(ctx, shop.id, shop.owner_id).await,
            None => Ok(false),
        }
    }
}

/// Someone who curates a shop with its owner, for a share of what it earns. It belongs to all who curate the shop.
#[Object(guard = Declared(self))]
impl ShopCurator {
    /// Who.
    #[graphql(directive = access::apply(Who::Owner))]
    async fn account(&self, ctx: &Context<'_>) -> Result<Option<Account>> {
        Ok(load(ctx, self.row.account_id).await?.map(Account))
    }

    /// Which shop; `null` once it is closed.
    #[graphql(directive = access::apply(Who::Owner))]
    async fn shop(&self, ctx: &Context<'_>) -> Result<Option<Shop>> {
        shop_seen(ctx, self.row.shop_id).await
    }

    /// What of the shop's earnings is hers, in basis points: of everything sold while it stands. It is passed on to her when
    /// a return window closes, and taken back when a buyer gets money back after that.
    #[graphql(directive = access::apply(Who::Owner))]
    async fn share(&self) -> i32 {
        self.row.share_bp.get()
    }

    /// Since when.
    #[graphql(directive = access::apply(Who::Owner))]
    async fn created_at(&self) -> DateTime<Utc> {
        self.row.created_at
    }
}

/// An invitation to curate a shop, that waits for its answer. It belongs to the shop's owner.
#[derive(Debug, Clone)]
pub struct ShopInvitation(pub(crate) invitation::Model);

impl Subject for ShopInvitation {
    async fn is_owned(&self, ctx: &Context<'_>) -> Result<bool> {
        let shop = load(ctx, self.0.shop_id).await?;
        Ok(shop.is_some_and(|shop| ctx.viewer().account_id() == Some(shop.owner_id)))
    }
}

/// An invitation to curate a shop, that waits for its answer. It belongs to the shop's owner.
#[Object(guard = Declared(self))]
impl ShopInvitation {
    /// Its id.
    #[graphql(directive = access::apply(Who::Owner))]
    async fn id(&self) -> ID {
        self.0.id.to_string().into()
    }

    /// The shop.
    #[graphql(directive = access::apply(Who::Owner))]
    async fn shop(&self, ctx: &Context<'_>) -> Result<Option<Shop>> {
        shop_seen(ctx, self.0.shop_id).await
    }

    /// The address it was sent to. Whether it opens an account is not told.
    #[graphql(directive = access::apply(Who::Owner))]
    async fn email(&self) -> &str {
        self.0.email.as_str()
    }

    /// The share of the shop's earnings for whoever accepts, in basis points.
    #[graphql(directive = access::apply(Who::Owner))]
    async fn share(&self) -> i32 {
        self.0.share_bp.get()
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

/// What whoever holds the token of an invitation to curate a shop is told of it.
#[derive(Debug, Clone)]
pub struct ShopOffer(invitation::Model);

impl Subject for ShopOffer {}

/// What whoever holds the token of an invitation to curate a shop is told of it.
#[Object(guard = Declared(self))]
impl ShopOffer {
    /// What the shop is called.
    #[graphql(directive = access::apply(Who::Anyone))]
    async fn shop_name(&self, ctx: &Context<'_>) -> Result<Option<String>> {
        let shop = load(ctx, self.0.shop_id).await?;
        Ok(shop.map(|shop| shop.name.to_string()))
    }

    /// The shop's owner, who invites.
    #[graphql(directive = access::apply(Who::Anyone))]
    async fn invited_by(&self, ctx: &Context<'_>) -> Result<Option<Account>> {
        match load(ctx, self.0.shop_id).await? {
            Some(shop) => Ok(load(ctx, shop.owner_id).await?.map(Account)),
            None => Ok(None),
        }
    }

    /// The share of the shop's earnings for whoever accepts, in basis points.
    #[graphql(directive = access::apply(Who::Anyone))]
    async fn share(&self) -> i32 {
        self.0.share_bp.get()
    }

    /// Until when it can be accepted.
    #[graphql(directive = access::apply(Who::Anyone))]
    async fn expires_at(&self) -> DateTime<Utc> {
        self.0.expires_at
    }
}

/// Someone to be asked to curate a shop with you.
#[derive(InputObject)]
pub struct ShopCuratorInviteInput {
    /// One of your shops.
    shop_id: ID,
    /// Where she reads letters. It may or may not open an account.
    email: String,
    /// What of the shop's earnings is to be hers, in basis points: 0 to 10000, and with all others' 10000 at most.
    share: i32,
}

/// An invitation to take back.
#[derive(InputObject)]
pub struct ShopInvitationRevokeInput {
    /// The invitation, to a shop of yours.
    id: ID,
}

/// An invitation to accept.
#[derive(InputObject)]
pub struct ShopInvitationAcceptInput {
    /// The token, as the letter's link carries it.
    token: String,
}

/// Someone to get more or less of what a shop of yours earns.
#[derive(InputObject)]
pub struct ShopCuratorUpdateInput {
    /// One of your shops.
    shop_id: ID,
    /// Her account.
    account_id: ID,
    /// What of the shop's earnings is hers from now on, in basis points: 0 to 10000, and with all others' 10000 at most.
    share: i32,
}

/// Someone to curate a shop no longer.
#[derive(InputObject)]
pub struct ShopCuratorRemoveInput {
    /// The shop.
    shop_id: ID,
    /// Her account.
    account_id: ID,
}

payload! {
    /// What came of `shopCuratorInvite`.
    ShopCuratorInvitePayload {
        /// The invitation.
        invitation: ShopInvitation
    }
}

payload! {
    /// What came of `shopInvitationRevoke`.
    ShopInvitationRevokePayload {
        /// What the invitation was. Its token opens nothing any more.
        invitation: ShopInvitation
    }
}

payload! {
    /// What came of `shopInvitationAccept`.
    ShopInvitationAcceptPayload {
        /// What you curate from now on.
        curator: ShopCurator
    }
}

payload! {
    /// What came of `shopCuratorUpdate`.
    ShopCuratorUpdatePayload {
        /// The curator and her share as it is now.
        curator: ShopCurator
    }
}

payload! {
    /// What came of `shopCuratorRemove`.
    ShopCuratorRemovePayload {
        /// Who curated the shop until now.
        curator: ShopCurator
    }
}

fn share(points: i32) -> Result<BasisPoints, UserError> {
    BasisPoints::new(points).map_err(|_| {
        UserError::new(
            UserErrorCode::Invalid,
            "share",
            "a share is 0 to 10000 basis points",
        )
    })
}

root_part! {
    /// Queries about curating shops together.
    CuratingQuery of "Query"
}

#[Object(guard = Declared(self))]
impl CuratingQuery {
    /// The invitation to curate a shop that the token of a letter opens, for whoever holds it; `null` when it was accepted,
    /// taken back or sent again, or is too old.
    #[graphql(directive = access::apply(Who::Anyone))]
    async fn shop_invitation(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The token, as the letter's link carries it.")] token: String,
    ) -> Result<Option<ShopOffer>> {
        let offered = shop::curating_offered_by(ctx.cx(), &token.into()).await;
        Ok(settle(ctx, offered)?.map(ShopOffer))
    }
}

root_part! {
    /// Mutations on who curates shops together.
    CuratingMutation of "Mutation"
}

#[Object(guard = Declared(self))]
impl CuratingMutation {
    /// Asks someone by letter to curate a shop with you, for a share of what it earns. It is answered alike whether or not
    /// the address opens an account. What waits for her already is replaced. It takes a proved address of your own, and a
    /// proof given of late: `sessionStepUp`. You, and the shop, can send 50 such letters a day, and 5 go to one address. Codes:
    /// `INVALID`, `NOT_FOUND`, `EMAIL_UNVERIFIED`, `STEP_UP_REQUIRED`, `LIMIT_REACHED` (ten curate it, or are asked to; or less than this share is left), `TOO_MANY_ATTEMPTS`.
    #[graphql(directive = access::apply(Who::Account))]
    async fn shop_curator_invite(
        &self,
        ctx: &Context<'_>,
        input: ShopCuratorInviteInput,
    ) -> Result<ShopCuratorInvitePayload> {
        answer(ctx, async {
            let (by, from) = (ctx.account()?, &ctx.viewer().client);
            let (email, share) = (at("email", input.email.parse())?, share(input.share)?);
            let (shop, whom) = (parse_id(&input.shop_id)?, InvitedCurator { email, share });
            let proof = ctx.viewer().proved(ctx.cx())?;
            let sent = shop::invite_curator(ctx.cx(), by, shop, whom, from, proof).await;
            Ok(ShopInvitation(sent.map_err(in_shop)?))
        })
        .await
    }

    /// Takes an invitation to a shop of yours back. Codes: `NOT_FOUND`.
    #[graphql(directive = access::apply(Who::Account))]
    async fn shop_invitation_revoke(
        &self,
        ctx: &Context<'_>,
        input: ShopInvitationRevokeInput,
    ) -> Result<ShopInvitationRevokePayload> {
        answer(ctx, async {
            let (by, id) = (ctx.account()?, parse_id(&input.id)?);
            let revoked = shop::revoke_curator_invitation(ctx.cx(), by.id, id).await?;
            Ok(ShopInvitation(revoked))
        })
        .await
    }

    /// Accepts an invitation: you curate the shop with its owner from then on. Your account must have the address it was sent
    /// to, which is proved by this. Codes: `TOKEN_INVALID`, `FORBIDDEN` (it was sent to another address), `TAKEN` (you curate
    /// it already, or it is yours).
    #[graphql(directive = access::apply(Who::Account))]
    async fn shop_invitation_accept(
        &self,
        ctx: &Context<'_>,
        input: ShopInvitationAcceptInput,
    ) -> Result<ShopInvitationAcceptPayload> {
        answer(ctx, async {
            let (by, token) = (ctx.account()?, input.token.into());
            let row = shop::accept_curator_invitation(ctx.cx(), by.id, &token).await?;
            Ok(ShopCurator { row })
        })
        .await
    }

    /// Changes what someone gets of a shop of yours, of everything sold from now on; she is told by letter. Takes a proof given
    /// of late: `sessionStepUp`. Codes: `INVALID`, `NOT_FOUND`, `STEP_UP_REQUIRED`, `LIMIT_REACHED` (less than this share is left).
    #[graphql(directive = access::apply(Who::Account))]
    async fn shop_curator_update(
        &self,
        ctx: &Context<'_>,
        input: ShopCuratorUpdateInput,
    ) -> Result<ShopCuratorUpdatePayload> {
        answer(ctx, async {
            let (by, share) = (ctx.account()?, share(input.share)?);
            let whom = (parse_id(&input.shop_id)?, parse_id(&input.account_id)?);
            let proof = ctx.viewer().proved(ctx.cx())?;
            let row = shop::update_curator(ctx.cx(), by.id, whom, share, proof).await;
            let row = row.map_err(in_shop)?;
            Ok(ShopCurator { row })
        })
        .await
    }

    /// Ends that someone curates a shop with its owner, at once. Its owner may end it for anyone, who is told by letter;
    /// a curator for herself. What was sold before stays shared. Codes: `NOT_FOUND`.
    #[graphql(directive = access::apply(Who::Account))]
    async fn shop_curator_remove(
        &self,
        ctx: &Context<'_>,
        input: ShopCuratorRemoveInput,
    ) -> Result<ShopCuratorRemovePayload> {
        answer(ctx, async {
            let (by, shop) = (ctx.account()?, parse_id(&input.shop_id)?);
            let whom = (shop, parse_id(&input.account_id)?);
            let row = shop::remove_curator(ctx.cx(), by.id, whom).await;
            Ok(ShopCurator {
                row: row.map_err(in_shop)?,
            })
        })
        .await
    }
}
