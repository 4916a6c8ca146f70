//! Accounts, sessions, memberships, as clients see them.

use async_graphql::{Context, Enum, ID, InputObject, Object, Result};
use chrono::{DateTime, Utc};
use secrecy::ExposeSecret;
use vitrine_domain::identity::{self, NewAccount, Refusal, SignIn};
use vitrine_model::id::AccountId;
use vitrine_model::identity as rows;
use vitrine_model::identity::{account, brand_member, session};
use vitrine_model::ledger::Party;
use vitrine_model::text::Password;

use crate::access::{Declared, Subject, Who, access, root_part};
use crate::catalog::Brand;
use crate::checkout::{OrderConnection, orders_of};
use crate::connection::{page, whole};
use crate::error::{UserError, UserErrorCode, answer, at, payload};
use crate::ledger::{self, Earnings, StatementConnection};
use crate::loaders::load;
use crate::money::CurrencyCode;
use crate::payout::{self, PayoutAccount, PayoutConnection, PayoutHold};
use crate::request::{RequestContext, parse_id};
use crate::shop::{Shop, shops_of};

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

    /// Where she is signed in, newest first.
    #[graphql(directive = access::apply(Who::Owner))]
    async fn sessions(&self, ctx: &Context<'_>) -> Result<Vec<Session>> {
        let sessions = identity::sessions_of(self.0.id, ctx.cx().now());
        let sessions = whole(ctx, sessions, identity::MAX_LISTED).await?;
        Ok(sessions.into_iter().map(Session).collect())
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

/// One signed-in device. It belongs to the account signed in.
#[derive(Debug, Clone)]
pub struct Session(session::Model);

impl Subject for Session {
    async fn is_owned(&self, ctx: &Context<'_>) -> Result<bool> {
        Ok(ctx.viewer().account_id() == Some(self.0.account_id))
    }
}

/// One signed-in device. It belongs to the account signed in.
#[Object(guard = Declared(self))]
impl Session {
    /// Its id.
    #[graphql(directive = access::apply(Who::Owner))]
    async fn id(&self) -> ID {
        self.0.id.to_string().into()
    }

    /// When it began.
    #[graphql(directive = access::apply(Who::Owner))]
    async fn created_at(&self) -> DateTime<Utc> {
        self.0.created_at
    }

    /// When it ends by itself.
    #[graphql(directive = access::apply(Who::Owner))]
    async fn expires_at(&self) -> DateTime<Utc> {
        self.0.expires_at
    }

    /// Whether this request was made with it.
    #[graphql(directive = access::apply(Who::Owner))]
    async fn is_current(&self, ctx: &Context<'_>) -> bool {
        ctx.viewer()
            .session
            .as_ref()
            .is_some_and(|session| session.id == self.0.id)
    }
}

/// A session just begun, with the token that opens it.
pub struct NewSession(identity::SignedIn);

impl Subject for NewSession {}

/// A session just begun, with the token that opens it.
#[Object(guard = Declared(self))]
impl NewSession {
    /// Send it as `Authorization: Bearer …`. It is told this once: keep it, and keep it secret.
    #[graphql(directive = access::apply(Who::Anyone))]
    async fn token(&self) -> &str {
        self.0.token.expose_secret()
    }

    /// When it ends by itself.
    #[graphql(directive = access::apply(Who::Anyone))]
    async fn expires_at(&self) -> DateTime<Utc> {
        self.0.session.expires_at
    }

    /// The id of the session, for `sessionRevoke`.
    #[graphql(directive = access::apply(Who::Anyone))]
    async fn session_id(&self) -> ID {
        self.0.session.id.to_string().into()
    }

    /// The id of the account signed in.
    #[graphql(directive = access::apply(Who::Anyone))]
    async fn account_id(&self) -> ID {
        self.0.account.id.to_string().into()
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
}

impl AccountCreateInput {
    fn parse(&self) -> std::result::Result<NewAccount, UserError> {
        Ok(NewAccount {
            email: at("email", self.email.parse())?,
            name: at("name", self.name.parse())?,
            password: at("password", self.password.parse())?,
        })
    }
}

/// What is to change about your account.
#[derive(InputObject)]
pub struct AccountUpdateInput {
    /// What others see; 120 characters at most.
    name: String,
}

/// Someone at the door.
#[derive(InputObject)]
pub struct SessionCreateInput {
    /// The account's address.
    email: String,
    /// The account's password.
    password: String,
}

impl SessionCreateInput {
    fn parse(&self) -> std::result::Result<SignIn, UserError> {
        Ok(SignIn {
            email: at("email", self.email.parse())?,
            password: Password::typed(&self.password),
        })
    }
}

/// A session to end.
#[derive(InputObject)]
pub struct SessionRevokeInput {
    /// One of your own sessions.
    id: ID,
}

/// Someone to work for a brand.
#[derive(InputObject)]
pub struct BrandMemberAddInput {
    /// The brand, which you must own.
    brand_id: ID,
    /// The address of her account, which must exist.
    email: String,
    /// What she may do there.
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
    /// What came of `accountUpdate`.
    AccountUpdatePayload {
        /// The account as it is now.
        account: Account
    }
}

payload! {
    /// What came of `brandMemberRemove`.
    BrandMemberRemovePayload {
        /// Who worked for the brand until now.
        member: BrandMember
    }
}

payload! {
    /// What came of `brandMemberAdd`.
    BrandMemberAddPayload {
        /// The new member.
        member: BrandMember
    }
}

payload! {
    /// What came of `accountCreate`.
    AccountCreatePayload {
        /// The new account.
        account: Account
    }
}

payload! {
    /// What came of `sessionCreate`.
    SessionCreatePayload {
        /// The new session and its token.
        session: NewSession
    }
}

payload! {
    /// What came of `sessionRevoke`.
    SessionRevokePayload {
        /// The session, ended.
        session: Session
    }
}

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

root_part! {
    /// Mutations about who someone is.
    IdentityMutation of "Mutation"
}

#[Object(guard = Declared(self))]
impl IdentityMutation {
    /// Opens an account. It does not sign in: call `sessionCreate` next. Codes: `INVALID`, `TAKEN`.
    #[graphql(directive = access::apply(Who::Anyone))]
    async fn account_create(
        &self,
        ctx: &Context<'_>,
        input: AccountCreateInput,
    ) -> Result<AccountCreatePayload> {
        answer(ctx, async {
            let new = input.parse()?;
            Ok(Account(identity::create_account(ctx.cx(), new).await?))
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

    /// Signs in. Codes: `INVALID`, `WRONG_CREDENTIALS`.
    #[graphql(directive = access::apply(Who::Anyone))]
    async fn session_create(
        &self,
        ctx: &Context<'_>,
        input: SessionCreateInput,
    ) -> Result<SessionCreatePayload> {
        answer(ctx, async {
            let by = input.parse()?;
            Ok(NewSession(identity::sign_in(ctx.cx(), by).await?))
        })
        .await
    }

    /// Lets someone work for a brand that you own. Codes: `INVALID`, `NOT_FOUND`, `FORBIDDEN`, `TAKEN`.
    #[graphql(directive = access::apply(Who::Account))]
    async fn brand_member_add(
        &self,
        ctx: &Context<'_>,
        input: BrandMemberAddInput,
    ) -> Result<BrandMemberAddPayload> {
        answer(ctx, async {
            let (by, brand) = (ctx.account()?, parse_id(&input.brand_id)?);
            let email = at("email", input.email.parse())?;
            let member = identity::add_member(ctx.cx(), by, brand, email, input.role.into()).await?;
            Ok(BrandMember(member))
        })
        .await
    }

    /// Ends what someone may do at a brand, at once. Its owners may end anyone's membership, a member her own. Codes:
    /// `NOT_FOUND`, `FORBIDDEN`, `WRONG_STATE` (a brand keeps one owner at least).
    #[graphql(directive = access::apply(Who::Account))]
    async fn brand_member_remove(
        &self,
        ctx: &Context<'_>,
        input: BrandMemberRemoveInput,
    ) -> Result<BrandMemberRemovePayload> {
        answer(ctx, async {
            let (by, brand) = (ctx.account()?, parse_id(&input.brand_id)?);
            let account = parse_id(&input.account_id)?;
            let removed = identity::remove_member(ctx.cx(), by, brand, account).await?;
            Ok(BrandMember(removed))
        })
        .await
    }

    /// Signs out one of your devices. Codes: `NOT_FOUND`.
    #[graphql(directive = access::apply(Who::Account))]
    async fn session_revoke(
        &self,
        ctx: &Context<'_>,
        input: SessionRevokeInput,
    ) -> Result<SessionRevokePayload> {
        answer(ctx, async {
            let (by, id) = (ctx.account()?, parse_id(&input.id)?);
            Ok(Session(identity::revoke_session(ctx.cx(), by.id, id).await?))
        })
        .await
    }
}

impl From<Refusal> for UserError {
    fn from(refusal: Refusal) -> Self {
        use UserErrorCode::{Forbidden, NotFound, Taken, WrongCredentials, WrongState};
        match refusal {
            Refusal::EmailTaken => Self::new(
                Taken,
                "email",
                "this address has an account already: sign in with it, or use another",
            ),
            Refusal::WrongCredentials => {
                Self::new(WrongCredentials, "", "the address or the password is wrong")
            }
            Refusal::SessionNotFound => Self::new(NotFound, "id", "you have no such session"),
            Refusal::BrandNotFound => Self::new(NotFound, "brandId", "there is no such brand"),
            Refusal::NotStaff => Self::new(Forbidden, "", "you do not work for this brand"),
            Refusal::RoleLacking => Self::new(Forbidden, "", "your role at this brand does not allow this"),
            Refusal::AccountNotFound => {
                Self::new(NotFound, "email", "nobody has an account with this address")
            }
            Refusal::MemberNotFound => Self::new(NotFound, "accountId", "she does not work for this brand"),
            Refusal::LastOwner => Self::new(
                WrongState,
                "accountId",
                "a brand keeps one owner at least: add another first",
            ),
            Refusal::AlreadyMember => Self::new(Taken, "email", "she works for this brand already"),
        }
    }
}

/// The account with this id: anyone may know that it exists and its name.
pub(crate) async fn account_node(ctx: &Context<'_>, id: &ID) -> Result<Option<Account>> {
    let id: AccountId = parse_id(id)?;
    let found = ctx.loaders().load_one(id).await;
    Ok(found
        .map_err(|error| crate::error::fault(ctx, &anyhow::anyhow!("{error:#}")))?
        .map(Account))
}
