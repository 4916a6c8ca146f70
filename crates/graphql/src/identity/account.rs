//! Accounts, as clients see them.

use async_graphql::{Context, ID, InputObject, Object, Result};
use chrono::{DateTime, Utc};
use vitrine_domain::activity::of_account;
use vitrine_domain::identity::{self, NewAccount};
use vitrine_domain::shop;
use vitrine_model::identity::account;
use vitrine_model::ledger::Party;

use crate::access::{Declared, Subject, Who, access, root_part};
use crate::activity::{ActivityConnection, activities};
use crate::checkout::{Cart, OrderConnection, open_cart_of, orders_of};
use crate::connection::{page, whole};
use crate::error::{Trouble, UserError, answer, at, payload, settle};
use crate::identity::external::ExternalIdentity;
use crate::identity::member::BrandMember;
use crate::identity::passkey::Passkey;
use crate::identity::session::{NewSession, Session, SessionTransport, device};
use crate::ledger::{self, Earnings, StatementConnection};
use crate::money::CurrencyCode;
use crate::payout::{self, PayoutAccount, PayoutConnection, PayoutFreeze, PayoutHold};
use crate::request::RequestContext;
use crate::shop::{Shop, ShopCurator, shops_of};

/// A person who signs in. It belongs to herself.
#[derive(Debug, Clone)]
pub struct Account(pub(crate) account::Model);

impl Subject for Account {
    async fn is_owned(&self, ctx: &Context<'_>) -> Result<bool> {
        Ok(ctx.viewer().account_id() == Some(self.0.id))
    }
}

/// A person who signs in: shopholder, buyer, brand staff, or all of these. It belongs to herself.
#[Object(guard = Declared(self))]
impl Account {
    /// Her id.
    #[graphql(directive = access::apply(Who::Anyone))]
    pub(crate) async fn id(&self) -> ID {
        self.0.id.to_string().into()
    }

    /// What others see.
    #[graphql(directive = access::apply(Who::Anyone))]
    async fn name(&self) -> &str {
        self.0.name.as_str()
    }

    /// The address she signs in with.
    #[graphql(directive = access::apply(Who::Owner))]
    async fn email(&self) -> &str {
        self.0.email.as_str()
    }

    /// When she proved that she reads what is sent to her address; `null` before.
    #[graphql(directive = access::apply(Who::Owner))]
    async fn email_verified_at(&self) -> Option<DateTime<Utc>> {
        self.0.email_verified_at
    }

    /// Since when she signs in with a second factor; `null` when she does not.
    #[graphql(directive = access::apply(Who::Owner))]
    async fn second_factor_since(&self, ctx: &Context<'_>) -> Result<Option<DateTime<Utc>>> {
        settle(ctx, identity::totp_since(ctx.cx(), self.0.id).await)
    }

    /// Whether she signs in with a password; `passwordResetRequest` gives her one.
    #[graphql(directive = access::apply(Who::Owner))]
    async fn has_password(&self, ctx: &Context<'_>) -> Result<bool> {
        settle(ctx, identity::has_password(ctx.cx(), self.0.id).await)
    }

    /// The identities at providers that sign in to her account, the newest first.
    #[graphql(directive = access::apply(Who::Owner), complexity = "5 * child_complexity")]
    async fn external_identities(&self, ctx: &Context<'_>) -> Result<Vec<ExternalIdentity>> {
        let hers = identity::external_identities_of(self.0.id);
        let hers = whole(ctx, hers, identity::MAX_LISTED).await?;
        Ok(hers.into_iter().map(ExternalIdentity::new).collect())
    }

    /// Whether she runs the platform.
    #[graphql(directive = access::apply(Who::Owner))]
    async fn is_operator(&self) -> bool {
        self.0.operator
    }

    /// When the account was opened.
    #[graphql(directive = access::apply(Who::Owner))]
    async fn created_at(&self) -> DateTime<Utc> {
        self.0.created_at
    }

    /// Her shops that are not closed, the oldest first; 20 at most.
    #[graphql(directive = access::apply(Who::Owner), complexity = "20 * child_complexity")]
    async fn shops(&self, ctx: &Context<'_>) -> Result<Vec<Shop>> {
        shops_of(ctx, self.0.id).await
    }

    /// The brands she works for, 200 at most.
    #[graphql(directive = access::apply(Who::Owner), complexity = "10 * child_complexity")]
    async fn memberships(&self, ctx: &Context<'_>) -> Result<Vec<BrandMember>> {
        let members = whole(ctx, identity::memberships_of(self.0.id), identity::MAX_LISTED).await?;
        Ok(members.into_iter().map(BrandMember).collect())
    }

    /// The shops that she curates with their owners, the first she joined first; 200 at most.
    #[graphql(directive = access::apply(Who::Owner), complexity = "20 * child_complexity")]
    async fn curated_shops(&self, ctx: &Context<'_>) -> Result<Vec<ShopCurator>> {
        let curated = whole(ctx, shop::curated_by(self.0.id), identity::MAX_LISTED).await?;
        Ok(curated.into_iter().map(|row| ShopCurator { row }).collect())
    }

    /// Where she is signed in, newest first; 200 at most.
    #[graphql(directive = access::apply(Who::Owner))]
    async fn sessions(&self, ctx: &Context<'_>) -> Result<Vec<Session>> {
        let sessions = identity::sessions_of(self.0.id, ctx.cx().now());
        let sessions = whole(ctx, sessions, identity::MAX_LISTED).await?;
        Ok(sessions.into_iter().map(Session).collect())
    }

    /// Her passkeys, newest first; twenty at most.
    #[graphql(directive = access::apply(Who::Owner))]
    async fn passkeys(&self, ctx: &Context<'_>) -> Result<Vec<Passkey>> {
        let passkeys = whole(ctx, identity::passkeys_of(self.0.id), identity::MAX_LISTED).await?;
        Ok(passkeys.into_iter().map(Passkey).collect())
    }

    /// What she has earned as a shopholder, by currency.
    #[graphql(directive = access::apply(Who::Owner), complexity = "2 * child_complexity")]
    async fn earnings(&self, ctx: &Context<'_>) -> Result<Vec<Earnings>> {
        ledger::earnings(ctx, Party::Shopholder(self.0.id)).await
    }

    /// What happened to her money, the latest first, with running balances.
    #[graphql(directive = access::apply(Who::Owner))]
    async fn statement(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Only entries of this currency.")] currency: Option<CurrencyCode>,
        first: Option<i32>,
        after: Option<String>,
        last: Option<i32>,
        before: Option<String>,
    ) -> Result<StatementConnection> {
        let page = page(first, after, last, before)?;
        ledger::statement(ctx, Party::Shopholder(self.0.id), currency, page).await
    }

    /// Where her payouts go; `null` until `payoutAccountOnboardingLinkCreate` was first called.
    #[graphql(directive = access::apply(Who::Owner))]
    async fn payout_account(&self, ctx: &Context<'_>) -> Result<Option<PayoutAccount>> {
        payout::account_of(ctx, Party::Shopholder(self.0.id)).await
    }

    /// The stop that the operator put to her payouts; `null` when there is none.
    #[graphql(directive = access::apply(Who::Owner))]
    async fn payout_hold(&self, ctx: &Context<'_>) -> Result<Option<PayoutHold>> {
        payout::hold_on(ctx, Party::Shopholder(self.0.id)).await
    }

    /// What was done to her account and her money, and what she did herself that is kept on record; the latest first.
    #[graphql(directive = access::apply(Who::Owner))]
    async fn activity(
        &self,
        ctx: &Context<'_>,
        first: Option<i32>,
        after: Option<String>,
        last: Option<i32>,
        before: Option<String>,
    ) -> Result<ActivityConnection> {
        activities(ctx, of_account(self.0.id), (first, after, last, before)).await
    }

    /// Why her payouts wait after a change of how she proves who she is, or of where her money goes; `null` when they do not.
    #[graphql(directive = access::apply(Who::Owner))]
    async fn payout_freeze(&self, ctx: &Context<'_>) -> Result<Option<PayoutFreeze>> {
        payout::freeze_on(ctx, Party::Shopholder(self.0.id)).await
    }

    /// Her payouts, the newest first.
    #[graphql(directive = access::apply(Who::Owner))]
    async fn payouts(
        &self,
        ctx: &Context<'_>,
        first: Option<i32>,
        after: Option<String>,
        last: Option<i32>,
        before: Option<String>,
    ) -> Result<PayoutConnection> {
        payout::payouts_of(ctx, Party::Shopholder(self.0.id), first, after, last, before).await
    }

    /// The cart that she changed last and has not ordered, on whichever device; `null` when she has none.
    #[graphql(directive = access::apply(Who::Owner))]
    async fn cart(&self, ctx: &Context<'_>) -> Result<Option<Cart>> {
        open_cart_of(ctx, self.0.id).await
    }

    /// Her orders, newest first.
    #[graphql(directive = access::apply(Who::Owner))]
    async fn orders(
        &self,
        ctx: &Context<'_>,
        first: Option<i32>,
        after: Option<String>,
        last: Option<i32>,
        before: Option<String>,
    ) -> Result<OrderConnection> {
        orders_of(ctx, self.0.id, page(first, after, last, before)?).await
    }
}

/// A person who wants an account.
#[derive(InputObject)]
pub struct AccountCreateInput {
    /// The address she signs in with.
    email: String,
    /// What others see; 120 characters at most.
    name: String,
    /// 10 to 128 characters.
    password: String,
    /// How the session's tokens shall travel.
    #[graphql(default_with = "SessionTransport::Bearer")]
    transport: SessionTransport,
    /// What to call the device in the list of sessions; 255 characters at most.
    device_name: Option<String>,
}

impl AccountCreateInput {
    fn parse(&self, ctx: &Context<'_>) -> std::result::Result<NewAccount, Trouble> {
        Ok(NewAccount {
            email: at("email", self.email.parse())?,
            name: at("name", self.name.parse())?,
            password: at("password", self.password.parse())?,
            device: device(ctx, self.transport, self.device_name.as_deref())?,
        })
    }
}

/// What is to change about your account.
#[derive(InputObject)]
pub struct AccountUpdateInput {
    /// What others see; 120 characters at most.
    name: String,
}

/// What came of `accountCreate`.
pub struct AccountCreatePayload {
    made: Option<(Account, NewSession)>,
    user_errors: Vec<UserError>,
}

impl From<std::result::Result<(Account, NewSession), UserError>> for AccountCreatePayload {
    fn from(outcome: std::result::Result<(Account, NewSession), UserError>) -> Self {
        let (made, error) = match outcome {
            Ok(made) => (Some(made), None),
            Err(error) => (None, Some(error)),
        };
        Self {
            made,
            user_errors: error.into_iter().collect(),
        }
    }
}

impl Subject for AccountCreatePayload {}

/// What came of `accountCreate`.
#[Object(guard = Declared(self))]
impl AccountCreatePayload {
    /// The new account.
    #[graphql(directive = access::apply(Who::Anyone))]
    async fn account(&self) -> Option<&Account> {
        self.made.as_ref().map(|(account, _)| account)
    }

    /// Its first session and the tokens that open it: she is signed in.
    #[graphql(directive = access::apply(Who::Anyone))]
    async fn session(&self) -> Option<&NewSession> {
        self.made.as_ref().map(|(_, session)| session)
    }

    /// Why nothing was changed; empty when all went well.
    #[graphql(directive = access::apply(Who::Anyone))]
    async fn user_errors(&self) -> &[UserError] {
        &self.user_errors
    }
}

payload! {
    /// What came of `accountUpdate`.
    AccountUpdatePayload {
        /// The account as it is now.
        account: Account
    }
}

root_part! {
    /// Mutations on accounts.
    AccountMutation of "Mutation"
}

#[Object(guard = Declared(self))]
impl AccountMutation {
    /// Opens an account and signs in; a letter is sent that proves the address. Codes: `INVALID`, `TAKEN`,
    /// `TOO_MANY_ATTEMPTS`.
    #[graphql(directive = access::apply(Who::Anyone))]
    async fn account_create(
        &self,
        ctx: &Context<'_>,
        input: AccountCreateInput,
    ) -> Result<AccountCreatePayload> {
        answer(ctx, async {
            let (new, from) = (input.parse(ctx)?, &ctx.viewer().client);
            let (account, session) = identity::create_account(ctx.cx(), new, from).await?;
            Ok((Account(account), NewSession::handed(ctx, session)))
        })
        .await
    }

    /// Changes what others see of you: links, disclosures and mail from now on. Codes: `INVALID`.
    #[graphql(directive = access::apply(Who::Account))]
    async fn account_update(
        &self,
        ctx: &Context<'_>,
        input: AccountUpdateInput,
    ) -> Result<AccountUpdatePayload> {
        answer(ctx, async {
            let (by, name) = (ctx.account()?, at("name", input.name.parse())?);
            Ok(Account(identity::rename_account(ctx.cx(), by.id, name).await?))
        })
        .await
    }
}
