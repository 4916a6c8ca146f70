//! Who someone is: accounts, sessions, brand members.
//!
//! Invariants: an e-mail address opens one account; a token is stored only as a hash; a session once revoked or expired
//! never opens anything again; one access token and one refresh token of a session are good at a time, and a refresh token
//! that comes twice ends it; a token sent in a letter is good once; a new password ends the sessions begun with the old one;
//! a passkey opens only the account it was made for, from pages of the platform's own domain;
//! what a thief would do first takes a proof given a moment ago, and payouts wait after it;
//! a brand keeps one owner at least; who works for it was invited, and has proved the address that was invited; a brand's
//! API key works for that brand alone, is nobody's account and never an owner; only the command line makes an operator.
//!
//! ```text
//! session:  created ──▶ refreshed, again and again ──▶ expired: unused for too long, or at its limit
//!              └──────────────┴──────────────────────▶ revoked: signed out, or a refresh token was used twice
//! ```

mod allowance;
mod api_key;
mod by;
mod commands;
mod factor;
mod freeze;
mod letter_token;
mod passkey;
mod proof;
mod queries;
mod refusal;
mod rules;
mod tokens;

pub(crate) use allowance::Allowance;
pub use allowance::Client;
pub use api_key::{allows, allows_at, api_keys_by_id, api_keys_of, is_api_key, open_api_key, scopes};
pub use by::By;
pub use commands::{
    ApiKeyChange, Challenge, Device, Entrance, ExternalFinish, ExternalStart, Invited, MAX_INVITATIONS,
    NewAccount, NewApiKey, NewPasskey, SecondStep, SignIn, Signature, SignedIn, accept_invitation,
    answer_challenge, change_password, check_verified, confirm_email_change, confirm_totp, create_account,
    create_api_key, create_passkey, enrol_totp, finish_external, grant_operator, has_password, invite_member,
    link_external, refresh_session, remove_member, remove_passkey, remove_totp, rename_account,
    rename_passkey, renew_recovery_codes, request_email_change, request_passkey, request_password_reset,
    request_signature, resend_invitation, reset_password, revoke_api_key, revoke_invitation,
    revoke_other_sessions, revoke_session, send_verification, sign_in, sign_in_by_passkey, sign_out,
    start_external, step_up, step_up_by_passkey, totp_since, undo_email_change, unlink_external,
    update_api_key, update_member, verify_email,
};
pub(crate) use commands::{
    count_invitation, count_inviting, erase, found_brand, lock_account, prove, prove_email, sole_ownership,
    sweep,
};
pub use factor::Enrolment;
pub(crate) use freeze::freeze;
pub use freeze::freezes_on;
pub use passkey::{PasskeyChallenge, check_passkey_domain};
pub use proof::{Proved, proved_until};
pub use queries::{
    MAX_LISTED, Viewer, account_with_email, accounts_by_id, authenticate, external_identities_of,
    invitations_of, member_role, members_of, memberships_of, offered_by, passkeys_of, recheck, roles_at,
    sessions_of, staff_of,
};
pub use refusal::{ApiKeyRefusal, ExternalRefusal, InvitationRefusal, Refusal};
pub use rules::{check_password, hash_password};
pub use tokens::Tokens;
