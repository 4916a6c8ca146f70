//! Proving an address and changing it, setting a new password, as clients see it.

use async_graphql::{Context, InputObject, Object, Result};
use secrecy::SecretString;
use vitrine_domain::identity;
use vitrine_model::text::Password;

use crate::access::{Declared, Who, access, root_part};
use crate::error::{answer, at, payload};
use crate::identity::account::Account;
use crate::identity::session::current;
use crate::request::RequestContext;

/// A token from a letter.
#[derive(InputObject)]
pub struct EmailVerifyInput {
    /// The token, as the letter's link carries it.
    token: String,
}

/// Another address to sign in with.
#[derive(InputObject)]
pub struct EmailChangeRequestInput {
    /// The new address.
    email: String,
}

/// A token from the letter to the new address.
#[derive(InputObject)]
pub struct EmailChangeConfirmInput {
    /// The token, as the letter's link carries it.
    token: String,
}

/// A token from the letter to the address before.
#[derive(InputObject)]
pub struct EmailChangeUndoInput {
    /// The token, as the letter's link carries it.
    token: String,
}

/// Someone who has forgotten her password.
#[derive(InputObject)]
pub struct PasswordResetRequestInput {
    /// The address she signs in with.
    email: String,
}

/// A new password in place of a forgotten one.
#[derive(InputObject)]
pub struct PasswordResetInput {
    /// The token, as the letter's link carries it.
    token: String,
    /// 10 to 128 characters.
    new_password: String,
}

/// A new password in place of a known one.
#[derive(InputObject)]
pub struct PasswordChangeInput {
    /// The password there is.
    current_password: String,
    /// 10 to 128 characters.
    new_password: String,
}

payload! {
    /// What came of `emailVerificationSend`.
    EmailVerificationSendPayload {
        /// The account that is written to.
        account: Account
    }
}

payload! {
    /// What came of `emailVerify`.
    EmailVerifyPayload {
        /// The account whose address is proved now.
        account: Account
    }
}

payload! {
    /// What came of `emailChangeRequest`.
    EmailChangeRequestPayload {
        /// The address that is written to, in lower case. The account keeps its own until that is confirmed.
        email: String
    }
}

payload! {
    /// What came of `emailChangeConfirm`.
    EmailChangeConfirmPayload {
        /// The account, with its new address.
        account: Account
    }
}

payload! {
    /// What came of `emailChangeUndo`.
    EmailChangeUndoPayload {
        /// The account, with its address from before.
        account: Account
    }
}

payload! {
    /// What came of `passwordResetRequest`.
    PasswordResetRequestPayload {
        /// The address that is written to if it opens an account, in lower case. Whether it does is not told.
        email: String
    }
}

payload! {
    /// What came of `passwordReset`.
    PasswordResetPayload {
        /// The account, whose sessions have all ended.
        account: Account
    }
}

payload! {
    /// What came of `passwordChange`.
    PasswordChangePayload {
        /// The account, whose other sessions have ended.
        account: Account
    }
}

root_part! {
    /// Mutations on addresses and passwords.
    EmailMutation of "Mutation"
}

#[Object(guard = Declared(self))]
impl EmailMutation {
    /// Writes to your address once more, so that you can prove that it is yours; the letter before is void then. Codes:
    /// `WRONG_STATE` (it is proved already), `TOO_MANY_ATTEMPTS`.
    #[graphql(directive = access::apply(Who::Account))]
    async fn email_verification_send(&self, ctx: &Context<'_>) -> Result<EmailVerificationSendPayload> {
        answer(ctx, async {
            let (by, from) = (ctx.account()?, &ctx.viewer().client);
            identity::send_verification(ctx.cx(), by, from).await?;
            Ok(Account(by.clone()))
        })
        .await
    }

    /// Proves an address by the token that was sent to it, within three days. Publishing a shop and being paid take a
    /// proved address; buying does not. Codes: `TOKEN_INVALID`.
    #[graphql(directive = access::apply(Who::Anyone))]
    async fn email_verify(&self, ctx: &Context<'_>, input: EmailVerifyInput) -> Result<EmailVerifyPayload> {
        answer(ctx, async {
            let token = SecretString::from(input.token);
            Ok(Account(identity::verify_email(ctx.cx(), &token).await?))
        })
        .await
    }

    /// Asks to sign in with another address. It is written to, and so is the one you have; nothing changes before the
    /// letter's token is brought to `emailChangeConfirm`, within a day. Codes: `INVALID`, `STEP_UP_REQUIRED`, `TAKEN`, `TOO_MANY_ATTEMPTS`.
    #[graphql(directive = access::apply(Who::Account))]
    async fn email_change_request(
        &self,
        ctx: &Context<'_>,
        input: EmailChangeRequestInput,
    ) -> Result<EmailChangeRequestPayload> {
        answer(ctx, async {
            let (by, from) = (ctx.account()?, &ctx.viewer().client);
            let (email, proof) = (at("email", input.email.parse())?, ctx.viewer().proved(ctx.cx())?);
            let email = identity::request_email_change(ctx.cx(), by.id, email, from, proof).await?;
            Ok(email.to_string())
        })
        .await
    }

    /// Changes an account's address to the one that the token was sent to. The address before can take it back for
    /// fourteen days, by `emailChangeUndo`; payouts to her, and to brands that she owns, wait for some days. Codes: `TOKEN_INVALID`, `TAKEN`.
    #[graphql(directive = access::apply(Who::Anyone))]
    async fn email_change_confirm(
        &self,
        ctx: &Context<'_>,
        input: EmailChangeConfirmInput,
    ) -> Result<EmailChangeConfirmPayload> {
        answer(ctx, async {
            let token = SecretString::from(input.token);
            Ok(Account(identity::confirm_email_change(ctx.cx(), &token).await?))
        })
        .await
    }

    /// Takes a change of address back, by the token that the address before was sent. All sessions end, and a letter leads
    /// to a new password. Codes: `TOKEN_INVALID`, `TAKEN`.
    #[graphql(directive = access::apply(Who::Anyone))]
    async fn email_change_undo(
        &self,
        ctx: &Context<'_>,
        input: EmailChangeUndoInput,
    ) -> Result<EmailChangeUndoPayload> {
        answer(ctx, async {
            let token = SecretString::from(input.token);
            Ok(Account(identity::undo_email_change(ctx.cx(), &token).await?))
        })
        .await
    }

    /// Writes to whoever has forgotten her password. It is answered alike, and costs the same, whether or not the address
    /// opens an account. Codes: `INVALID`, `TOO_MANY_ATTEMPTS`.
    #[graphql(directive = access::apply(Who::Anyone))]
    async fn password_reset_request(
        &self,
        ctx: &Context<'_>,
        input: PasswordResetRequestInput,
    ) -> Result<PasswordResetRequestPayload> {
        answer(ctx, async {
            let (email, from) = (at("email", input.email.parse())?, &ctx.viewer().client);
            identity::request_password_reset(ctx.cx(), &email, from).await?;
            Ok(email.to_string())
        })
        .await
    }

    /// Sets a new password by the token of that letter, within an hour. All sessions end: sign in with it then; payouts to
    /// you, and to brands that you own, wait for some days. Codes:
    /// `INVALID`, `TOKEN_INVALID`.
    #[graphql(directive = access::apply(Who::Anyone))]
    async fn password_reset(
        &self,
        ctx: &Context<'_>,
        input: PasswordResetInput,
    ) -> Result<PasswordResetPayload> {
        answer(ctx, async {
            let (token, from) = (input.token.into(), &ctx.viewer().client);
            let password = at("newPassword", input.new_password.parse())?;
            let account = identity::reset_password(ctx.cx(), &token, &password, from).await?;
            Ok(Account(account))
        })
        .await
    }

    /// Changes your password; your other sessions end, and payouts to you, and to brands that you own, wait for some days. Codes: `INVALID`, `WRONG_CREDENTIALS`, `TOO_MANY_ATTEMPTS`.
    #[graphql(directive = access::apply(Who::Account))]
    async fn password_change(
        &self,
        ctx: &Context<'_>,
        input: PasswordChangeInput,
    ) -> Result<PasswordChangePayload> {
        answer(ctx, async {
            let (by, current, from) = (ctx.account()?, current(ctx)?, &ctx.viewer().client);
            let new = at("newPassword", input.new_password.parse())?;
            let passwords = (&Password::typed(&input.current_password), &new);
            let account = identity::change_password(ctx.cx(), by, current, passwords, from).await?;
            Ok(Account(account))
        })
        .await
    }
}
