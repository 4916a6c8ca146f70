//! What a mutation does to the cookies that keep a browser's session. What a cookie is called, and how it is written, is
//! the server's.

use std::sync::{Arc, Mutex, PoisonError};

use async_graphql::Result;
use secrecy::SecretString;
use vitrine_domain::identity::{Client, SignedIn};
use vitrine_model::Time;
use vitrine_model::identity::Transport;

use crate::error::{code, protocol_error};

/// What the browser is to do with its session's cookies.
#[derive(Debug, Clone)]
pub enum CookieChange {
    /// Keep these in place of those it has.
    Keep {
        /// The access token, and until when it is good.
        access: (SecretString, Time),
        /// The refresh token, and until when it is good.
        refresh: (SecretString, Time),
    },
    /// Throw them away: the session has ended.
    Forget,
}

/// Where resolvers leave it for the server.
#[derive(Debug, Clone, Default)]
pub(crate) struct CookieJar(Arc<Mutex<Option<CookieChange>>>);

impl CookieJar {
    /// Has a session's tokens kept as cookies, if that is how they travel.
    pub(crate) fn keep(&self, signed_in: &SignedIn) {
        let (session, tokens) = (&signed_in.session, &signed_in.tokens);
        if session.transport == Transport::Cookie {
            self.leave(CookieChange::Keep {
                access: (tokens.access.clone(), session.access_expires_at),
                refresh: (tokens.refresh.clone(), session.refresh_expires_at),
            });
        }
    }

    /// Has them thrown away.
    pub(crate) fn forget(&self) {
        self.leave(CookieChange::Forget);
    }

    /// What was left.
    pub(crate) fn changed(&self) -> Option<CookieChange> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    fn leave(&self, change: CookieChange) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(change);
    }
}

/// Passes when `client` may be given tokens in this way: cookies are for browsers on pages of ours.
///
/// # Errors
/// `FORBIDDEN`.
pub(crate) fn check_transport(client: &Client, transport: Transport) -> Result<()> {
    if transport == Transport::Bearer || client.is_ours {
        return Ok(());
    }
    let why = "cookies are given to browsers on pages of this platform only: send Origin, or ask for BEARER";
    Err(protocol_error(code::FORBIDDEN, why))
}
