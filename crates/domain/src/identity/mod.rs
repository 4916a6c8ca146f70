//! Who someone is: accounts, sessions, brand members.
//!
//! Invariants: an e-mail address opens one account; a token is stored only as a hash; a session once revoked or expired
//! never opens anything again; one access token and one refresh token of a session are good at a time, and a refresh token
//! that comes twice ends it; a brand keeps one owner at least; only the command line makes an operator.
//!
//! ```text
//! session:  created ──▶ refreshed, again and again ──▶ expired: unused for too long, or at its limit
//!              └──────────────┴──────────────────────▶ revoked: signed out, or a refresh token was used twice
//! ```

mod allowance;
mod commands;
mod queries;
mod refusal;
mod rules;
mod tokens;

pub use allowance::Client;
pub use commands::{
    Device, NewAccount, SignIn, SignedIn, add_member, create_account, grant_operator, refresh_session,
    remove_member, rename_account, revoke_other_sessions, revoke_session, sign_in, sign_out, update_member,
};
pub(crate) use commands::{erase, found_brand, lock_account, prove, sole_ownership, sweep};
pub use queries::{
    MAX_LISTED, Viewer, account_with_email, accounts_by_id, authenticate, member_role, members_of,
    memberships_of, recheck, roles_at, sessions_of, staff_of,
};
pub use refusal::Refusal;
pub use rules::{check_password, hash_password};
pub use tokens::Tokens;
