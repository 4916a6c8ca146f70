//! Stops that operators put to payouts, as clients see them.

use async_graphql::{Context, ID, InputObject, Object, Result};
use chrono::{DateTime, Utc};
use vitrine_domain::failure::persistently;
use vitrine_domain::payout::{self, NewHold};
use vitrine_model::id::AccountId;
use vitrine_model::ledger::Party;
use vitrine_model::payout::payout_hold;

use crate::access::{Declared, Subject, Who, access, root_part};
use crate::error::{Trouble, answer, at, payload};
use crate::identity::Account;
use crate::loaders::{load, loader};
use crate::payout::is_party;
use crate::request::{RequestContext, parse_party};

/// A stop that an operator put to a party's payouts. What is available stays so, and is paid out once the hold is lifted.
#[derive(Debug, Clone)]
pub struct PayoutHold(payout_hold::Model);

impl Subject for PayoutHold {
    async fn is_owned(&self, ctx: &Context<'_>) -> Result<bool> {
        is_party(ctx, self.0.party).await
    }
}

/// A stop that an operator put to a party's payouts. What is available stays so, and is paid out once the hold is lifted.
#[Object(guard = Declared(self))]
impl PayoutHold {
    /// The id of the account or brand whose payouts are held.
    #[graphql(directive = access::apply(Who::Owner))]
    async fn party_id(&self) -> ID {
        self.0.party.to_string().into()
    }

    /// Why.
    #[graphql(directive = access::apply(Who::Owner))]
    async fn reason(&self) -> &str {
        self.0.reason.as_str()
    }

    /// Since when.
    #[graphql(directive = access::apply(Who::Owner))]
    async fn held_at(&self) -> DateTime<Utc> {
        self.0.held_at
    }

    /// The operator who put it.
    #[graphql(directive = access::apply(Who::Operator))]
    async fn held_by(&self, ctx: &Context<'_>) -> Result<Option<Account>> {
        Ok(load::<AccountId>(ctx, self.0.held_by).await?.map(Account))
    }

    /// Why it was lifted.
    #[graphql(directive = access::apply(Who::Owner))]
    async fn release_reason(&self) -> Option<&str> {
        self.0.release_reason.as_ref().map(|reason| reason.as_str())
    }

    /// When it was lifted; `null` while it stands.
    #[graphql(directive = access::apply(Who::Owner))]
    async fn released_at(&self) -> Option<DateTime<Utc>> {
        self.0.released_at
    }
}

/// A party whose payouts are to be held.
#[derive(InputObject)]
pub struct PayoutHoldInput {
    /// The account or brand.
    party_id: ID,
    /// Why, 1 to 500 characters. The party reads it.
    reason: String,
    /// A key of your choice, 1 to 255 characters, the same for every repeat of this request. It is remembered for 24 hours
    /// once the request was carried out; one that was refused leaves its key free.
    idempotency_key: String,
}

impl PayoutHoldInput {
    fn parse(self) -> std::result::Result<NewHold, Trouble> {
        Ok(NewHold {
            party: parse_party(&self.party_id)?,
            reason: at("reason", self.reason.parse())?,
            key: self.idempotency_key,
        })
    }
}

/// A party whose payouts are to go on.
#[derive(InputObject)]
pub struct PayoutHoldReleaseInput {
    /// The account or brand.
    party_id: ID,
    /// Why, 1 to 500 characters. The party reads it.
    reason: String,
    /// A key of your choice, 1 to 255 characters, the same for every repeat of this request. It is remembered for 24 hours
    /// once the request was carried out; one that was refused leaves its key free.
    idempotency_key: String,
}

impl PayoutHoldReleaseInput {
    fn parse(self) -> std::result::Result<NewHold, Trouble> {
        Ok(NewHold {
            party: parse_party(&self.party_id)?,
            reason: at("reason", self.reason.parse())?,
            key: self.idempotency_key,
        })
    }
}

payload! {
    /// What came of `payoutHold`.
    PayoutHoldPayload {
        /// The hold.
        payout_hold: PayoutHold
    }
}

payload! {
    /// What came of `payoutHoldRelease`.
    PayoutHoldReleasePayload {
        /// The hold, lifted.
        payout_hold: PayoutHold
    }
}

root_part! {
    /// Mutations on holds.
    HoldMutation of "Mutation"
}

#[Object(guard = Declared(self))]
impl HoldMutation {
    /// Stops a party's payouts. What is on its way arrives all the same. Codes: `NOT_FOUND`, `INVALID`, `WRONG_STATE`
    /// when they are held already, `IDEMPOTENCY_KEY_REUSED`, `IDEMPOTENCY_IN_PROGRESS`.
    #[graphql(directive = access::apply(Who::Operator))]
    async fn payout_hold(&self, ctx: &Context<'_>, input: PayoutHoldInput) -> Result<PayoutHoldPayload> {
        answer(ctx, async {
            let (by, new) = (ctx.account()?, input.parse()?);
            let held = persistently(|| payout::hold(ctx.cx(), by, new.clone())).await?;
            Ok(PayoutHold(held))
        })
        .await
    }

    /// Lets a party's payouts go on, with the next run. Codes: `WRONG_STATE` when they are not held, `INVALID`,
    /// `IDEMPOTENCY_KEY_REUSED`, `IDEMPOTENCY_IN_PROGRESS`.
    #[graphql(directive = access::apply(Who::Operator))]
    async fn payout_hold_release(
        &self,
        ctx: &Context<'_>,
        input: PayoutHoldReleaseInput,
    ) -> Result<PayoutHoldReleasePayload> {
        answer(ctx, async {
            let (by, new) = (ctx.account()?, input.parse()?);
            let lifted = persistently(|| payout::release_hold(ctx.cx(), by, new.clone())).await?;
            Ok(PayoutHold(lifted))
        })
        .await
    }
}

loader! {
    /// Key: the standing hold on whose payouts.
    HoldOn(Party) => payout_hold::Model, payout::holds_on, party
}

/// The hold that stands on the party's payouts, if any.
pub(crate) async fn hold_on(ctx: &Context<'_>, party: Party) -> Result<Option<PayoutHold>> {
    Ok(load(ctx, HoldOn(party)).await?.map(PayoutHold))
}
