//! Payouts that wait after a change a thief would make, as clients see it.

use async_graphql::{Context, Enum, Object, Result};
use chrono::{DateTime, Utc};
use vitrine_domain::identity;
use vitrine_model::identity::{FreezeCause, payout_freeze};
use vitrine_model::ledger::Party;

use crate::access::{Declared, Subject, Who, access};
use crate::loaders::{load, loader};
use crate::payout::is_party;
use crate::request::RequestContext;

/// What has changed before payouts were frozen.
#[derive(Enum, Copy, Clone, Debug, PartialEq, Eq)]
#[graphql(remote = "FreezeCause")]
pub enum PayoutFreezeCause {
    /// The address that an owner signs in with.
    Email,
    /// An owner's password.
    Password,
    /// An owner's second factor, or its recovery codes.
    SecondFactor,
    /// An owner's passkeys.
    Passkey,
    /// An identity at a provider, by which an owner signs in.
    ExternalIdentity,
    /// The payout account: another was opened in place of one that the payment provider has no more, or a link was asked for
    /// that may change what stands in it.
    PayoutAccount,
    /// Who owns the brand: somebody became an owner of it.
    Owner,
}

/// Payouts that wait, because how an owner proves who she is, or where the money goes, has changed a short time ago. What
/// is available stays so, and is paid out afterwards. It belongs to the shopholder, or to the brand's owners.
#[derive(Debug, Clone)]
pub struct PayoutFreeze(payout_freeze::Model);

impl Subject for PayoutFreeze {
    async fn is_owned(&self, ctx: &Context<'_>) -> Result<bool> {
        is_party(ctx, self.0.party).await
    }
}

/// Payouts that wait, because how an owner proves who she is, or where the money goes, has changed a short time ago. What
/// is available stays so, and is paid out afterwards. It belongs to the shopholder, or to the brand's owners.
#[Object(guard = Declared(self))]
impl PayoutFreeze {
    /// What has changed last.
    #[graphql(directive = access::apply(Who::Owner))]
    async fn cause(&self) -> PayoutFreezeCause {
        self.0.cause.into()
    }

    /// When it changed.
    #[graphql(directive = access::apply(Who::Owner))]
    async fn frozen_at(&self) -> DateTime<Utc> {
        self.0.frozen_at
    }

    /// When payouts go on by themselves.
    #[graphql(directive = access::apply(Who::Owner))]
    async fn ends_at(&self) -> DateTime<Utc> {
        self.0.ends_at
    }
}

loader! {
    /// Key: the freeze of whose payouts.
    FreezeOn(Party) => payout_freeze::Model, identity::freezes_on, party
}

/// The freeze that stands on the party's payouts, if any.
pub(crate) async fn freeze_on(ctx: &Context<'_>, party: Party) -> Result<Option<PayoutFreeze>> {
    let freeze = load(ctx, FreezeOn(party)).await?;
    let standing = freeze.filter(|freeze| freeze.ends_at > ctx.cx().now());
    Ok(standing.map(PayoutFreeze))
}
