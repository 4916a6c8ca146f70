//! Keys by which a brand's own programs ask, as those who run the brand see them.

use async_graphql::{Context, ID, InputObject, Object, Result};
use chrono::{DateTime, Utc};
use secrecy::{ExposeSecret, SecretString};
use vitrine_domain::identity::{self, ApiKeyChange, NewApiKey};
use vitrine_model::id::{ApiKeyId, BrandId, Id};
use vitrine_model::identity as rows;
use vitrine_model::identity::{Role, api_key};

use crate::access::{Declared, Scope, Subject, Who, access, root_part};
use crate::activity::Paging;
use crate::catalog::{Brand, role_at};
use crate::connection::{connection, listed, page};
use crate::error::{Trouble, UserError, answer, at, at_opt, payload};
use crate::identity::Account;
use crate::instant::Instant;
use crate::loaders::{load, loader};
use crate::request::{RequestContext, parse_id};

loader!(ApiKeyId => api_key::Model, identity::api_keys_by_id);

/// A key by which a program of the brand's own asks, as `Authorization: Bearer vitrine_brand_…`. It acts for its brand, and
/// is not the account of whoever made it. The brand's owners and managers see it.
#[derive(Debug, Clone)]
pub struct ApiKey(api_key::Model);

impl Subject for ApiKey {
    async fn role(&self, ctx: &Context<'_>) -> Result<Option<Role>> {
        role_at(ctx, self.0.brand_id).await
    }
}

/// A key by which a program of the brand's own asks, as `Authorization: Bearer vitrine_brand_…`. It acts for its brand, and
/// is not the account of whoever made it. The brand's owners and managers see it.
#[Object(guard = Declared(self))]
impl ApiKey {
    /// Its id: what stands for it where it did something.
    #[graphql(directive = access::apply(Who::BrandManager))]
    pub(crate) async fn id(&self) -> ID {
        self.0.id.to_string().into()
    }

    /// Whose it is.
    #[graphql(directive = access::apply(Who::BrandManager))]
    async fn brand(&self, ctx: &Context<'_>) -> Result<Option<Brand>> {
        Ok(load(ctx, self.0.brand_id).await?.map(Brand))
    }

    /// What you call it.
    #[graphql(directive = access::apply(Who::BrandManager))]
    async fn label(&self) -> &str {
        self.0.label.as_str()
    }

    /// What it may do, for its brand.
    #[graphql(directive = access::apply(Who::BrandManager))]
    async fn scopes(&self) -> Vec<Scope> {
        let scopes = identity::scopes(&self.0).into_iter();
        scopes.map(Scope::from).collect()
    }

    /// The last four characters of its secret, by which to tell it from others.
    #[graphql(directive = access::apply(Who::BrandManager))]
    async fn secret_hint(&self) -> &str {
        &self.0.hint
    }

    /// Who made it.
    #[graphql(directive = access::apply(Who::BrandManager))]
    async fn created_by(&self, ctx: &Context<'_>) -> Result<Option<Account>> {
        Ok(load(ctx, self.0.created_by).await?.map(Account))
    }

    /// When it was made.
    #[graphql(directive = access::apply(Who::BrandManager))]
    async fn created_at(&self) -> DateTime<Utc> {
        self.0.created_at
    }

    /// From when it opens nothing; `null` when it does not run out.
    #[graphql(directive = access::apply(Who::BrandManager))]
    async fn expires_at(&self) -> Option<DateTime<Utc>> {
        self.0.expires_at
    }

    /// When it was last used, to the minute; `null` when it never was.
    #[graphql(directive = access::apply(Who::BrandManager))]
    async fn last_used_at(&self) -> Option<DateTime<Utc>> {
        self.0.last_used_at
    }

    /// When it was revoked; `null` when it was not.
    #[graphql(directive = access::apply(Who::BrandManager))]
    async fn revoked_at(&self) -> Option<DateTime<Utc>> {
        self.0.revoked_at
    }
}

connection!(ApiKeyConnection, ApiKeyEdge, ApiKey, "API keys, the newest first");

/// A brand's keys.
pub(crate) async fn api_keys(
    ctx: &Context<'_>,
    brand: BrandId,
    (first, after, last, before): Paging,
) -> Result<ApiKeyConnection> {
    let page = page::<u128>(first, after, last, before)?;
    let page = page.map(|place| ApiKeyId::from(uuid::Uuid::from_u128(place)));
    let found = listed(ctx, identity::api_keys_of(brand), page).await?;
    let at = |row: &api_key::Model| row.id.uuid().as_u128();
    Ok(ApiKeyConnection::new(found, at, ApiKey))
}

/// The key with this id, if the viewer manages its brand.
pub(crate) async fn api_key_node(ctx: &Context<'_>, id: &ID) -> Result<Option<ApiKey>> {
    api_key_seen(ctx, parse_id(id)?).await
}

/// The key, if the viewer manages its brand.
pub(crate) async fn api_key_seen(ctx: &Context<'_>, id: ApiKeyId) -> Result<Option<ApiKey>> {
    let Some(row) = load(ctx, id).await? else {
        return Ok(None);
    };
    let role = role_at(ctx, row.brand_id).await?;
    let seen = ctx.viewer().is_operator() || role.is_some_and(|role| role <= Role::Manager);
    Ok(seen.then_some(ApiKey(row)))
}

/// A key to be made.
#[derive(InputObject)]
pub struct BrandApiKeyCreateInput {
    /// Whose it is: a brand that you own.
    brand_id: ID,
    /// What you call it, such as the program that will use it; 255 characters at most.
    label: String,
    /// What it may do: one scope at least, and no more than the program needs.
    scopes: Vec<Scope>,
    /// From when it opens nothing. Left out, it does not run out.
    expires_at: Option<Instant>,
}

impl BrandApiKeyCreateInput {
    fn parse(self) -> std::result::Result<NewApiKey, Trouble> {
        Ok(NewApiKey {
            brand: parse_id(&self.brand_id)?,
            label: at("label", self.label.parse())?,
            scopes: stored(self.scopes),
            expires_at: self.expires_at.map(|at| at.0),
        })
    }
}

/// What is to be different about a key; what is left out stays.
#[derive(InputObject)]
pub struct BrandApiKeyUpdateInput {
    /// The key.
    id: ID,
    /// What you call it; 255 characters at most.
    label: Option<String>,
    /// All that it may do from now on: one scope at least.
    scopes: Option<Vec<Scope>>,
}

impl BrandApiKeyUpdateInput {
    fn parse(self) -> std::result::Result<(ApiKeyId, ApiKeyChange), Trouble> {
        let change = ApiKeyChange {
            label: at_opt("label", self.label.as_deref())?,
            scopes: self.scopes.map(stored),
        };
        Ok((parse_id(&self.id)?, change))
    }
}

/// A key to be ended.
#[derive(InputObject)]
pub struct BrandApiKeyRevokeInput {
    /// The key.
    id: ID,
}

fn stored(scopes: Vec<Scope>) -> Vec<rows::Scope> {
    scopes.into_iter().map(rows::Scope::from).collect()
}

/// What came of `brandApiKeyCreate`.
pub struct BrandApiKeyCreatePayload(std::result::Result<(ApiKey, SecretString), [UserError; 1]>);

impl From<std::result::Result<(api_key::Model, SecretString), UserError>> for BrandApiKeyCreatePayload {
    fn from(outcome: std::result::Result<(api_key::Model, SecretString), UserError>) -> Self {
        let told = |(key, secret)| (ApiKey(key), secret);
        Self(outcome.map(told).map_err(|error| [error]))
    }
}

impl Subject for BrandApiKeyCreatePayload {}

/// What came of `brandApiKeyCreate`.
#[Object(guard = Declared(self))]
impl BrandApiKeyCreatePayload {
    /// The key.
    #[graphql(directive = access::apply(Who::Anyone))]
    async fn api_key(&self) -> Option<&ApiKey> {
        self.0.as_ref().ok().map(|made| &made.0)
    }

    /// What is sent as `Authorization: Bearer …`: `vitrine_brand_` and 43 more characters. It is told this once, and kept
    /// nowhere: put it where the program keeps its secrets, and nowhere else.
    #[graphql(directive = access::apply(Who::Anyone))]
    async fn secret(&self) -> Option<&str> {
        self.0.as_ref().ok().map(|made| made.1.expose_secret())
    }

    /// Why nothing was changed; empty when all went well.
    #[graphql(directive = access::apply(Who::Anyone))]
    async fn user_errors(&self) -> &[UserError] {
        self.0.as_ref().err().map_or(&[], |errors| errors)
    }
}

payload! {
    /// What came of `brandApiKeyUpdate`.
    BrandApiKeyUpdatePayload {
        /// The key as it is now.
        api_key: ApiKey
    }
}
payload! {
    /// What came of `brandApiKeyRevoke`.
    BrandApiKeyRevokePayload {
        /// The key, which opens nothing any more.
        api_key: ApiKey
    }
}

root_part! {
    /// Mutations on a brand's API keys.
    ApiKeyMutation of "Mutation"
}

#[Object(guard = Declared(self))]
impl ApiKeyMutation {
    /// Makes a key by which a program asks for a brand that you own. It acts for the brand whoever made it, until it runs
    /// out or is revoked; the brand's owners learn of it by letter. Takes a proved address, and a proof
    /// given of late: `sessionStepUp`. Codes: `INVALID`, `NOT_FOUND`, `FORBIDDEN`, `EMAIL_UNVERIFIED`, `STEP_UP_REQUIRED`,
    /// `LIMIT_REACHED` (50 live keys a brand).
    #[graphql(directive = access::apply(Who::Account))]
    async fn brand_api_key_create(
        &self,
        ctx: &Context<'_>,
        input: BrandApiKeyCreateInput,
    ) -> Result<BrandApiKeyCreatePayload> {
        answer(ctx, async {
            let (by, new, proof) = (ctx.account()?, input.parse()?, ctx.viewer().proved(ctx.cx())?);
            Ok(identity::create_api_key(ctx.cx(), by, new, proof).await?)
        })
        .await
    }

    /// Changes what a key of a brand that you own is called, and what it may do, at once; the brand's owners learn of it by
    /// letter. Takes a proof given of late: `sessionStepUp`. Codes: `INVALID`, `NOT_FOUND`, `FORBIDDEN`, `STEP_UP_REQUIRED`, `WRONG_STATE`.
    #[graphql(directive = access::apply(Who::Account))]
    async fn brand_api_key_update(
        &self,
        ctx: &Context<'_>,
        input: BrandApiKeyUpdateInput,
    ) -> Result<BrandApiKeyUpdatePayload> {
        answer(ctx, async {
            let (by, proof) = (ctx.account()?, ctx.viewer().proved(ctx.cx())?);
            let (id, change) = input.parse()?;
            let changed = identity::update_api_key(ctx.cx(), by, id, change, proof).await?;
            Ok(ApiKey(changed))
        })
        .await
    }

    /// Ends a key of a brand that you own or manage, at once and for good: what it has under way over WebSocket is closed.
    /// Said again, it changes nothing. Codes: `NOT_FOUND`, `FORBIDDEN`.
    #[graphql(directive = access::apply(Who::Account))]
    async fn brand_api_key_revoke(
        &self,
        ctx: &Context<'_>,
        input: BrandApiKeyRevokeInput,
    ) -> Result<BrandApiKeyRevokePayload> {
        answer(ctx, async {
            let (by, id) = (ctx.account()?, parse_id(&input.id)?);
            Ok(ApiKey(identity::revoke_api_key(ctx.cx(), by, id).await?))
        })
        .await
    }
}
