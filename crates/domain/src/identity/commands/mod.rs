//! What people can do about who they are.

mod account;
mod api_key;
mod email;
mod erase;
mod external;
mod factor;
mod invitation;
mod member;
mod passkey;
mod password;
mod session;

pub use account::{NewAccount, create_account, grant_operator, rename_account};
pub use api_key::{ApiKeyChange, NewApiKey, create_api_key, revoke_api_key, update_api_key};
pub use email::{
    check_verified, confirm_email_change, request_email_change, send_verification, undo_email_change,
    verify_email,
};
pub(crate) use erase::{erase, lock_account, prove, sole_ownership};
pub use external::{
    ExternalFinish, ExternalStart, finish_external, has_password, link_external, start_external,
    unlink_external,
};
pub use factor::{
    SecondStep, answer_challenge, confirm_totp, enrol_totp, remove_totp, renew_recovery_codes, step_up,
    totp_since,
};
pub use invitation::{
    Invited, MAX_INVITATIONS, accept_invitation, invite_member, resend_invitation, revoke_invitation,
};
pub(crate) use invitation::{count_invitation, count_inviting, prove_email};
pub(crate) use member::found_brand;
pub use member::{remove_member, update_member};
pub use passkey::{
    NewPasskey, Signature, create_passkey, remove_passkey, rename_passkey, request_passkey,
    request_signature, sign_in_by_passkey, step_up_by_passkey,
};
pub use password::{change_password, request_password_reset, reset_password};
pub(in crate::identity) use session::alive;
pub(crate) use session::sweep;
pub use session::{
    Challenge, Device, Entrance, SignIn, SignedIn, refresh_session, revoke_other_sessions, revoke_session,
    sign_in, sign_out,
};
