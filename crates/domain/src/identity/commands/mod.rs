//! What people can do about who they are.

mod account;
mod member;
mod session;

pub use account::{NewAccount, create_account, grant_operator, rename_account};
pub(crate) use member::found_brand;
pub use member::{add_member, remove_member};
pub use session::{SignIn, SignedIn, revoke_session, sign_in};
