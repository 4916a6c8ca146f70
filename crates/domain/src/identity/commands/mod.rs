//! What people can do about who they are.

mod account;
mod erase;
mod member;
mod session;

pub use account::{NewAccount, create_account, grant_operator, rename_account};
pub(crate) use erase::{erase, lock_account, prove, sole_ownership};
pub(crate) use member::found_brand;
pub use member::{add_member, remove_member, update_member};
pub(in crate::identity) use session::alive;
pub(crate) use session::sweep;
pub use session::{
    Device, SignIn, SignedIn, refresh_session, revoke_other_sessions, revoke_session, sign_in, sign_out,
};
