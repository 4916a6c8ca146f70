//! What a resolver is given of the request it serves.

use std::sync::Arc;

use async_graphql::dataloader::DataLoader;
use async_graphql::{Context, Error, ID, Result};
use vitrine_domain::context::Context as DomainContext;
use vitrine_domain::identity::{By, Viewer};
use vitrine_domain::search::{Search, SearchTooLong};
use vitrine_model::id::Id;
use vitrine_model::identity::account;
use vitrine_model::ledger::Party;

use crate::cookies::CookieJar;
use crate::error::{code, protocol_error};
use crate::execute::Progress;
use crate::loaders::Loaders;

/// Reads from a resolver's context what the server put there for this request.
pub(crate) trait RequestContext {
    /// The domain's context.
    fn cx(&self) -> &DomainContext;

    /// Who asks.
    fn viewer(&self) -> &Viewer;

    /// The batching loaders of this request.
    fn loaders(&self) -> &DataLoader<Loaders>;

    /// What is to become of the cookies that keep a browser's session.
    fn cookies(&self) -> &CookieJar;

    /// Counts so many more fields, or rows, towards how large the answer may be.
    ///
    /// # Errors
    /// `TOO_COMPLEX` when it becomes larger than any may be.
    fn spend(&self, more: usize) -> Result<()>;

    /// Who does what is asked for a brand: someone signed in, or a key of the brand's.
    ///
    /// # Errors
    /// `UNAUTHENTICATED` when nobody is known.
    fn by(&self) -> Result<By> {
        self.viewer().by().ok_or_else(unauthenticated)
    }

    /// Who is signed in.
    ///
    /// # Errors
    /// `UNAUTHENTICATED` when nobody is.
    fn account(&self) -> Result<&account::Model> {
        self.viewer().account.as_ref().ok_or_else(unauthenticated)
    }
}

/// What who is unknown is told.
pub(crate) fn unauthenticated() -> Error {
    protocol_error(
        code::UNAUTHENTICATED,
        "sign in, and send the token as \"Authorization: Bearer …\"",
    )
}

impl RequestContext for Context<'_> {
    fn cx(&self) -> &DomainContext {
        self.data_unchecked()
    }

    fn viewer(&self) -> &Viewer {
        self.data_unchecked()
    }

    fn loaders(&self) -> &DataLoader<Loaders> {
        self.data_unchecked()
    }

    fn cookies(&self) -> &CookieJar {
        self.data_unchecked()
    }

    fn spend(&self, more: usize) -> Result<()> {
        if self.data_unchecked::<Arc<Progress>>().spend(more) {
            return Ok(());
        }
        let message = "the answer would be too large: ask for fewer fields, or for smaller pages";
        Err(protocol_error(code::TOO_COMPLEX, message))
    }
}

/// The id of the kind expected.
///
/// # Errors
/// `BAD_USER_INPUT` for an id of another kind, or none at all.
pub(crate) fn parse_id<I: Id>(id: &ID) -> Result<I> {
    id.parse()
        .map_err(|error: vitrine_model::id::IdError| protocol_error(code::BAD_USER_INPUT, error.to_string()))
}

/// What is searched for; none in a blank text.
///
/// # Errors
/// `BAD_USER_INPUT` for a text that is too long.
pub(crate) fn parse_search(text: Option<&str>) -> Result<Option<Search>> {
    let text = text.filter(|text| !text.trim().is_empty());
    text.map(str::parse)
        .transpose()
        .map_err(|error: SearchTooLong| protocol_error(code::BAD_USER_INPUT, error.to_string()))
}

/// The account or brand with this id, as one who earns.
///
/// # Errors
/// `BAD_USER_INPUT` for an id of another kind, or none at all.
pub(crate) fn parse_party(id: &ID) -> Result<Party> {
    id.parse().map_err(|_| {
        protocol_error(
            code::BAD_USER_INPUT,
            "this is neither the id of an account nor of a brand",
        )
    })
}
