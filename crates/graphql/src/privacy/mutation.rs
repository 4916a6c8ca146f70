//! Mutations about people's data.

use async_graphql::{Context, ID, InputObject, Object, Result};
use vitrine_domain::privacy;
use vitrine_model::id::AccountId;
use vitrine_model::text::Password;

use crate::access::{Declared, Who, access, root_part};
use crate::error::{Trouble, answer, at, payload};
use crate::privacy::consent::{Consent, ConsentRecordInput};
use crate::request::{RequestContext, parse_id};

/// An account to be erased.
#[derive(InputObject)]
pub struct AccountEraseInput {
    /// Whose. Left out it is yours; operators may name somebody who asked them.
    account_id: Option<ID>,
    /// Your password, if you erase your own account and it has one.
    password: Option<String>,
}

impl AccountEraseInput {
    fn parse(self, by: AccountId) -> std::result::Result<(AccountId, Option<Password>), Trouble> {
        let id = self.account_id.as_ref().map(parse_id).transpose()?;
        let password = self.password.map(|text| at("password", text.parse()));
        Ok((id.unwrap_or(by), password.transpose()?))
    }
}

/// An order whose buyer is to be forgotten.
#[derive(InputObject)]
pub struct OrderContactEraseInput {
    /// The order.
    order_id: ID,
}

payload! {
    /// What came of `accountErase`.
    AccountErasePayload {
        /// The id of the account, which leads to nobody now.
        erased_id: ID
    }
}
payload! {
    /// What came of `accountDataExport`.
    AccountDataExportPayload {
        /// Everything that is kept about you: a JSON object, as text.
        json: String
    }
}
payload! {
    /// What came of `orderContactErase`.
    OrderContactErasePayload {
        /// The id of the order, whose buyer is not known any more.
        order_id: ID
    }
}
payload! {
    /// What came of `consentRecord`.
    ConsentRecordPayload {
        /// The answers that count now, one a purpose.
        consents: Vec<Consent>
    }
}

root_part! {
    /// Mutations about people's data.
    PrivacyMutation of "Mutation"
}

#[Object(guard = Declared(self))]
impl PrivacyMutation {
    /// Erases an account, for ever: name, address, password, sessions, memberships; what was said in its shops, which are
    /// closed; who its orders went to and what was written about them. The orders and the books stay, under ids that lead to
    /// nobody. Refused while orders are not over or money is not settled. Codes: `NOT_FOUND`, `INVALID`, `WRONG_CREDENTIALS`,
    /// `STEP_UP_REQUIRED` (for who has no password), `TOO_MANY_ATTEMPTS`, `WRONG_STATE`, `FORBIDDEN`.
    #[graphql(directive = access::apply(Who::Account))]
    async fn account_erase(
        &self,
        ctx: &Context<'_>,
        input: AccountEraseInput,
    ) -> Result<AccountErasePayload> {
        answer(ctx, async {
            let by = ctx.account()?;
            let (id, password) = input.parse(by.id)?;
            let proof = (password, ctx.viewer().proved(ctx.cx()).ok());
            privacy::erase_account(ctx.cx(), by, id, proof).await?;
            Ok(ID::from(id.to_string()))
        })
        .await
    }

    /// Everything that is kept about you, now: account, sessions, shops, carts, orders, money, consents, and what you did; of
    /// each kind the newest 2000.
    #[graphql(directive = access::apply(Who::Account), complexity = "1000 + child_complexity")]
    async fn account_data_export(&self, ctx: &Context<'_>) -> Result<AccountDataExportPayload> {
        answer(ctx, async {
            let by = ctx.account()?;
            Ok(privacy::export(ctx.cx(), by).await?)
        })
        .await
    }

    /// Forgets who bought an order, where it went, and what was written about it. For its buyer, a guest among them; she
    /// cannot open it any more as a guest. Refused while the order is not over. Codes: `NOT_FOUND`, `WRONG_STATE`.
    #[graphql(directive = access::apply(Who::Anyone))]
    async fn order_contact_erase(
        &self,
        ctx: &Context<'_>,
        input: OrderContactEraseInput,
    ) -> Result<OrderContactErasePayload> {
        answer(ctx, async {
            let order = parse_id(&input.order_id)?;
            let erased = privacy::erase_contact(ctx.cx(), ctx.viewer(), order).await?;
            Ok(ID::from(erased.id.to_string()))
        })
        .await
    }

    /// Records what somebody agreed to, and what not, with the words she read: for cookies, for advertisement. Answers are
    /// kept as they were given; the last one counts. Codes: `INVALID`.
    #[graphql(directive = access::apply(Who::Anyone))]
    async fn consent_record(
        &self,
        ctx: &Context<'_>,
        input: ConsentRecordInput,
    ) -> Result<ConsentRecordPayload> {
        answer(ctx, async { input.record(ctx).await }).await
    }
}
