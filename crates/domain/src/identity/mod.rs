//! Who someone is: accounts, sessions, brand members.
//!
//! Invariants: an e-mail address opens one account; a token is stored only as a hash; a session once revoked or expired
//! never opens anything again; a brand keeps one owner at least; only the command line makes an operator.
//!
//! ```text
//! session:  created ──▶ expired
//!              └──────▶ revoked
//! ```

mod commands;
mod queries;
mod refusal;
mod rules;

pub(crate) use commands::found_brand;
pub use commands::{
    NewAccount, SignIn, SignedIn, add_member, create_account, grant_operator, remove_member, rename_account,
    revoke_session, sign_in,
};
pub use queries::{
    MAX_LISTED, Viewer, account_with_email, accounts_by_id, authenticate, member_role, members_of,
    memberships_of, roles_at, sessions_of, staff_of,
};
pub use refusal::Refusal;
pub use rules::{check_password, hash_password};
