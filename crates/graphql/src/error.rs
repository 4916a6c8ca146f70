//! Two kinds of no: `userErrors`, which say what to do and mean that nothing was changed, and top-level errors, for the
//! protocol, for access, and for faults.

use async_graphql::{Context, Enum, Error, ErrorExtensions, MaybeUndefined, Object, Result};
use vitrine_domain::failure::Failure;
use vitrine_domain::idempotency::KeyRefusal;

use crate::access::{Declared, Subject, Who, access};
use crate::request::RequestContext;

/// The values of `extensions.code` on top-level errors.
pub mod code {
    /// Nobody is signed in, and somebody must be.
    pub const UNAUTHENTICATED: &str = "UNAUTHENTICATED";
    /// Someone is signed in who may not.
    pub const FORBIDDEN: &str = "FORBIDDEN";
    /// An id or argument is not of the form it must have.
    pub const BAD_USER_INPUT: &str = "BAD_USER_INPUT";
    /// Something broke on our side; the request id finds it in the logs.
    pub const INTERNAL: &str = "INTERNAL";
    /// It took longer than a request may. What it was to change may have been changed, or may yet be: repeat it under the
    /// same idempotency key.
    pub const TIMEOUT: &str = "TIMEOUT";
    /// The document is not GraphQL.
    pub const PARSE_FAILED: &str = "GRAPHQL_PARSE_FAILED";
    /// The document is GraphQL, but asks for what the schema does not have.
    pub const VALIDATION_FAILED: &str = "GRAPHQL_VALIDATION_FAILED";
    /// The document asks for more than one request may.
    pub const TOO_COMPLEX: &str = "TOO_COMPLEX";
    /// The persisted document is not known (any more): send it whole, with its hash.
    pub const PERSISTED_QUERY_NOT_FOUND: &str = "PERSISTED_QUERY_NOT_FOUND";
    /// This server executes listed documents only, and this is none of them.
    pub const DOCUMENT_NOT_ALLOWED: &str = "DOCUMENT_NOT_ALLOWED";
    /// Too much was asked for within a minute: wait as long as the header `Retry-After` says.
    pub const RATE_LIMITED: &str = "RATE_LIMITED";
    /// There is no such thing, or none that you may see.
    pub const NOT_FOUND: &str = "NOT_FOUND";
    /// More happened than the subscriber has read: subscribe anew, and look what happened meanwhile.
    pub const TOO_SLOW: &str = "TOO_SLOW";
}

/// A top-level error with its code.
pub fn protocol_error(code: &'static str, message: impl Into<String>) -> Error {
    Error::new(message).extend_with(|_, extensions| extensions.set("code", code))
}

/// Logs a fault, once, here at the edge, and hides it from the client but for the request's id.
pub(crate) fn fault(ctx: &Context<'_>, error: &anyhow::Error) -> Error {
    let request_id = ctx.cx().request_id().to_owned();
    tracing::error!(request_id, error = format!("{error:#}"), "fault");
    Error::new("something broke on our side; tell us the request id").extend_with(|_, extensions| {
        extensions.set("code", code::INTERNAL);
        extensions.set("requestId", request_id.as_str());
    })
}

/// What was wrong with what was asked. Clients switch on this, never on the message.
#[derive(Enum, Copy, Clone, Debug, PartialEq, Eq)]
pub enum UserErrorCode {
    /// A value does not have the form it must have; `message` says which it must.
    Invalid,
    /// There is no such thing, or none that you may see.
    NotFound,
    /// You may see it, but not do this to it.
    Forbidden,
    /// It is there already, or somebody else's: a handle, an address, a recommendation of the same product.
    Taken,
    /// It is a word that nobody may have as a handle.
    HandleReserved,
    /// There may not be more of them; `message` says how many there may be.
    LimitReached,
    /// The brand does not want the product to be recommended.
    NotPromotable,
    /// The e-mail address or the password is wrong.
    WrongCredentials,
    /// It was tried too often, for this account or from your address; `message` says when to try again.
    TooManyAttempts,
    /// The code of the second factor is wrong, or was used before.
    WrongCode,
    /// It takes a proof, given within the last ten minutes, of who is signed in: call `sessionStepUp`, then ask again.
    StepUpRequired,
    /// It takes an e-mail address that was proved: see `emailVerificationSend`.
    EmailUnverified,
    /// The token is unknown, expired, or was used before. Sign in, or ask for another.
    TokenInvalid,
    /// The identity provider did not answer, said no, or is not to be believed; `message` says which. Begin again.
    IdentityProviderFailed,
    /// An account has the address that the provider told: sign in to it, then link the identity.
    LinkRequired,
    /// A browser may not be sent to this address: the operator allows only some origins.
    ReturnUrlNotAllowed,
    /// The payment provider refused for good; `message` has its words.
    ProviderRefused,
    /// The cart has no lines.
    CartEmpty,
    /// The cart is being paid for: its order must be paid or cancelled first.
    CartOrdered,
    /// The cart was paid for.
    CartPaid,
    /// Fewer pieces are left than asked for.
    OutOfStock,
    /// It can no longer be bought.
    ProductUnavailable,
    /// It is sold in another currency.
    CurrencyMismatch,
    /// The platform does not sell in this currency.
    CurrencyNotSupported,
    /// The cart has no e-mail address.
    EmailMissing,
    /// The cart has no name, or no complete delivery address.
    AddressMissing,
    /// A brand does not ship to the delivery address.
    NotShipped,
    /// The total is below the smallest payment that can be made.
    TotalTooSmall,
    /// The total is above the largest payment that can be made.
    TotalTooLarge,
    /// The total is not the one expected: look at the payload's cart, and ask again.
    TotalChanged,
    /// It is in a state in which this cannot be done.
    WrongState,
    /// The buyer's bank has taken the order's payment back, or claims it: nothing of it can be refunded.
    OrderDisputed,
    /// Fewer units are left than asked for; `message` says how many.
    TooFewUnits,
    /// Less is owed than that; `message` says how much.
    MoreThanOwed,
    /// The same idempotency key came with other input within 24 hours, and that request was carried out, or is under way.
    IdempotencyKeyReused,
    /// The first request with this idempotency key is still under way: ask again soon.
    IdempotencyInProgress,
}

/// Why nothing was changed.
#[derive(Debug, Clone)]
pub struct UserError {
    pub(crate) code: UserErrorCode,
    pub(crate) message: String,
    pub(crate) field: Vec<String>,
}

impl UserError {
    /// An error about the input's field at `path`, such as `"lines.0.quantity"`; empty for the request as a whole.
    pub(crate) fn new(code: UserErrorCode, path: &str, message: impl Into<String>) -> Self {
        let field = match path {
            "" => Vec::new(),
            path => std::iter::once("input")
                .chain(path.split('.'))
                .map(str::to_owned)
                .collect(),
        };
        Self {
            code,
            message: message.into(),
            field,
        }
    }
}

impl UserError {
    /// The same about a part of the input, which lies at `path`.
    pub(crate) fn beneath(mut self, path: &str) -> Self {
        let within = self.field.split_off(1.min(self.field.len()));
        self.field = std::iter::once("input")
            .chain(path.split('.'))
            .map(str::to_owned)
            .chain(within)
            .collect();
        self
    }

    /// What was wrong, and what to do, in words.
    pub fn told(&self) -> &str {
        &self.message
    }
}

impl From<KeyRefusal> for UserError {
    fn from(refusal: KeyRefusal) -> Self {
        use UserErrorCode::{IdempotencyInProgress, IdempotencyKeyReused, Invalid};
        let (code, message) = match refusal {
            KeyRefusal::Reused => (
                IdempotencyKeyReused,
                "this key came with other input before: use a new one",
            ),
            KeyRefusal::InProgress => (
                IdempotencyInProgress,
                "the first request with this key is under way: ask again soon",
            ),
            KeyRefusal::Malformed => (
                Invalid,
                "a key has 1 to 255 characters, none of them a control character",
            ),
        };
        Self::new(code, "idempotencyKey", message)
    }
}

impl Subject for UserError {}

/// Why nothing was changed.
#[Object(guard = Declared(self))]
impl UserError {
    /// What to switch on.
    #[graphql(directive = access::apply(Who::Anyone))]
    async fn code(&self) -> UserErrorCode {
        self.code
    }

    /// What to tell the person, in English.
    #[graphql(directive = access::apply(Who::Anyone))]
    async fn message(&self) -> &str {
        &self.message
    }

    /// The path of the input field it is about, such as `["input", "handle"]`; absent for the request as a whole.
    #[graphql(directive = access::apply(Who::Anyone))]
    async fn field(&self) -> Option<&[String]> {
        (!self.field.is_empty()).then_some(&*self.field)
    }
}

/// What a mutation's body may end with besides success. `?` makes one of a refusal, a user error or a protocol error.
pub(crate) enum Trouble {
    /// Nothing was changed, and the client is told why.
    User(UserError),
    /// Something broke.
    Fault(anyhow::Error),
    /// The protocol or access says no.
    Protocol(Error),
}

impl From<UserError> for Trouble {
    fn from(error: UserError) -> Self {
        Self::User(error)
    }
}

impl From<Error> for Trouble {
    fn from(error: Error) -> Self {
        Self::Protocol(error)
    }
}

impl<R: Into<UserError>> From<Failure<R>> for Trouble {
    fn from(failure: Failure<R>) -> Self {
        match failure {
            Failure::Refused(refusal) => Self::User(refusal.into()),
            Failure::Fault(error) => Self::Fault(error),
        }
    }
}

/// Runs a mutation's body and makes its payload: the thing made, or the user errors.
pub(crate) async fn answer<T, P: From<std::result::Result<T, UserError>>>(
    ctx: &Context<'_>,
    body: impl Future<Output = std::result::Result<T, Trouble>>,
) -> Result<P> {
    match body.await {
        Ok(made) => Ok(P::from(Ok(made))),
        Err(Trouble::User(error)) => Ok(P::from(Err(error))),
        Err(Trouble::Fault(error)) => Err(fault(ctx, &error)),
        Err(Trouble::Protocol(error)) => Err(error),
    }
}

/// The outcome of a query: a fault becomes `INTERNAL`.
pub(crate) fn settle<T, E: Into<anyhow::Error>>(
    ctx: &Context<'_>,
    outcome: std::result::Result<T, E>,
) -> Result<T> {
    outcome.map_err(|error| fault(ctx, &error.into()))
}

/// A parsed value of the input's field `path`, or the user error that says what is wrong with it.
pub(crate) fn at<T, E: std::fmt::Display>(
    path: &str,
    parsed: std::result::Result<T, E>,
) -> std::result::Result<T, UserError> {
    parsed.map_err(|error| UserError::new(UserErrorCode::Invalid, path, error.to_string()))
}

/// The same for an optional text.
pub(crate) fn at_opt<T: std::str::FromStr<Err: std::fmt::Display>>(
    path: &str,
    text: Option<&str>,
) -> std::result::Result<Option<T>, UserError> {
    text.map(|text| at(path, text.parse())).transpose()
}

/// What an update makes of an optional text: `None` leaves it, `Some(None)` takes it away.
pub(crate) fn at_change<T: std::str::FromStr<Err: std::fmt::Display>>(
    path: &str,
    text: &MaybeUndefined<String>,
) -> std::result::Result<Option<Option<T>>, UserError> {
    match text.as_opt_deref() {
        None => Ok(None),
        Some(text) => at_opt(path, text).map(Some),
    }
}

/// Declares a mutation's payload: its subject, `null` when something was wrong, and the user errors.
macro_rules! payload {
    ($(#[$doc:meta])* $name:ident { $(#[$fdoc:meta])* $field:ident: $subject:ty }) => {
        $(#[$doc])*
        pub struct $name {
            subject: Option<$subject>,
            user_errors: Vec<$crate::error::UserError>,
        }

        impl From<std::result::Result<$subject, $crate::error::UserError>> for $name {
            fn from(outcome: std::result::Result<$subject, $crate::error::UserError>) -> Self {
                match outcome {
                    Ok(subject) => Self { subject: Some(subject), user_errors: Vec::new() },
                    Err(error) => Self { subject: None, user_errors: vec![error] },
                }
            }
        }

        impl $crate::access::Subject for $name {}

        $(#[$doc])*
        #[async_graphql::Object(guard = $crate::access::Declared(self))]
        impl $name {
            $(#[$fdoc])*
            #[graphql(directive = $crate::access::access::apply($crate::access::Who::Anyone))]
            async fn $field(&self) -> Option<&$subject> {
                self.subject.as_ref()
            }

            /// Why nothing was changed; empty when all went well.
            #[graphql(directive = $crate::access::access::apply($crate::access::Who::Anyone))]
            async fn user_errors(&self) -> &[$crate::error::UserError] {
                &self.user_errors
            }
        }
    };
}
pub(crate) use payload;
