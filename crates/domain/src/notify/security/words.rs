//! What these letters say.

use vitrine_model::Time;

use crate::notify::letters::{Letter, letter};

const NOT_YOU: &str = "If that was not you, set a new password at once: it signs everybody out everywhere.";

/// To a new account's owner: is this address yours?
pub(super) fn verification(name: &str, way: &str) -> Letter {
    let body = format!(
        "please confirm that this address is yours. It takes a confirmed address to publish a shop and to be paid.\
         \n\n{way}\n\nThat works once, for three days. If you have opened no account with us, do nothing.\n"
    );
    letter("Please confirm your address".to_owned(), Some(name), &body)
}

/// To the address that an account is to have: is it yours?
pub(super) fn change_confirmation(name: &str, way: &str) -> Letter {
    let body = format!(
        "please confirm that you will sign in with this address from now on.\
         \n\n{way}\n\nThat works once, for a day. If you have not asked for it, do nothing.\n"
    );
    letter("Please confirm your new address".to_owned(), Some(name), &body)
}

/// To the address that an account has: another is wanted.
pub(super) fn change_asked(name: &str, new: &str) -> Letter {
    let body = format!(
        "someone who is signed in as you has asked to sign in with {new} from now on. Nothing has changed yet: whoever reads \
         that address must confirm it.\n\n{NOT_YOU}\n"
    );
    letter("Your address is to be changed".to_owned(), Some(name), &body)
}

/// To the address that an account has now.
pub(super) fn changed_here(name: &str, frozen_until: Option<Time>) -> Letter {
    let body = format!(
        "from now on you sign in with this address.\n{}",
        waiting(frozen_until)
    );
    letter("Your address was changed".to_owned(), Some(name), &body)
}

/// To the address that an account had: it can be had back.
pub(super) fn changed_elsewhere(name: &str, new: &str, way: &str, frozen_until: Option<Time>) -> Letter {
    let body = format!(
        "your account opens with {new} from now on, and not with this address any more.\
         \n\nIf that was not you, take it back. It signs everybody out, and we write to you how to set a new password.\
         \n\n{way}\n\nThat works once, for fourteen days.\n{}",
        waiting(frozen_until)
    );
    letter("Your address was changed".to_owned(), Some(name), &body)
}

/// To the address that an account has once more.
pub(super) fn change_undone(name: &str, way: &str) -> Letter {
    let body = format!(
        "your account opens with this address again, and everybody was signed out. Set a new password now: whoever changed \
         the address may know the one there is.\n\n{way}\n\nThat works once, for an hour.\n"
    );
    letter("Your address is yours again".to_owned(), Some(name), &body)
}

/// To a brand's owner: a program may act for the brand.
pub(super) fn api_key_made(name: &str, brand: &str, maker: &str, label: &str) -> Letter {
    let body = format!(
        "{maker} has made an API key for {brand}, called \"{label}\". Whoever holds it may do for {brand} what the key's \
         scopes say, until it runs out or is revoked.\
         \n\nIf nobody of you wanted that, revoke it, and have {maker} set a new password.\n"
    );
    letter(format!("An API key for {brand} was made"), Some(name), &body)
}

/// To a brand's owner: what a program may do for the brand has changed.
pub(super) fn api_key_changed(name: &str, brand: &str, who: &str, label: &str) -> Letter {
    let body = format!(
        "{who} has changed an API key of {brand}, called \"{label}\" now: what it is called, or what may be done with it.\
         \n\nIf nobody of you wanted that, revoke it, and have {who} set a new password.\n"
    );
    letter(format!("An API key for {brand} was changed"), Some(name), &body)
}

/// What has become of a payout account.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Account {
    /// The first was opened.
    Opened,
    /// Another was opened.
    Replaced,
    /// A link was made to the page where what stands in it is changed.
    Linked,
}

/// To whoever has forgotten a password.
pub(super) fn reset(name: &str, way: &str) -> Letter {
    let body = format!(
        "someone, you we hope, wants to set a new password for your account.\
         \n\n{way}\n\nThat works once, for an hour. If it was not you, do nothing: your password stays as it is.\n"
    );
    letter("Set a new password".to_owned(), Some(name), &body)
}

/// What has changed of how someone proves who she is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Proof {
    /// Her password.
    Password,
    /// She has a second factor.
    FactorAdded,
    /// She has it no more.
    FactorRemoved,
    /// She has another passkey.
    PasskeyAdded,
    /// She has one passkey less.
    PasskeyRemoved,
    /// She has other recovery codes.
    RecoveryCodes,
    /// She signs in with an identity at a provider, too.
    IdentityLinked,
    /// She does so no more.
    IdentityUnlinked,
}

/// To an account's owner: how she proves who she is has changed.
pub(super) fn proof_changed(name: &str, what: Proof, frozen_until: Option<Time>) -> Letter {
    let (subject, text) = match what {
        Proof::Password => (
            "Your password was changed",
            "your password was changed, and your other devices were signed out. What else opens your account, such as \
             passkeys and identities at other providers, stays as it is: take away what you do not know.",
        ),
        Proof::FactorAdded => (
            "Your account asks for a code now",
            "from now on your account asks for a code of your app besides the password. Your other devices were signed out.",
        ),
        Proof::FactorRemoved => (
            "Your account asks for no code any more",
            "your second factor was taken away: your account opens by its password alone. Your other devices were signed out.",
        ),
        Proof::PasskeyAdded => (
            "Your account has a new passkey",
            "a passkey was added to your account: the device that keeps it opens your account from now on.",
        ),
        Proof::PasskeyRemoved => (
            "A passkey of your account was taken away",
            "one of your passkeys opens your account no more. Your other devices were signed out.",
        ),
        Proof::RecoveryCodes => (
            "You have new recovery codes",
            "new recovery codes were made for your account. Those you had before are void.",
        ),
        Proof::IdentityLinked => (
            "Another way to sign in was added",
            "from now on your account opens by an identity at another provider, too. Your account page tells which.",
        ),
        Proof::IdentityUnlinked => (
            "A way to sign in was taken away",
            "your account does not open any more by an identity at another provider. Your other devices were signed out.",
        ),
    };
    let body = format!("{text}\n{}\n{NOT_YOU}\n", waiting(frozen_until));
    letter(subject.to_owned(), Some(name), &body)
}

/// To who is paid: the money is to go somewhere, or elsewhere.
pub(super) fn payout_account(name: &str, whose: &str, what: Account, frozen_until: Option<Time>) -> Letter {
    let (subject, text) = match what {
        Account::Opened => (
            "A payout account is being opened",
            format!(
                "a payout account is being opened at Stripe for {whose}: what is earned goes to the bank account that is named \
                 there."
            ),
        ),
        Account::Replaced => (
            "Your payouts are to go to another account",
            format!("a new payout account was opened for {whose}, in place of one that Stripe has no more."),
        ),
        Account::Linked => (
            "Your payout details may change",
            format!(
                "someone who is signed in has asked for the page at Stripe where the payout account for {whose} is looked after: \
                 the bank account can be changed there."
            ),
        ),
    };
    let body = format!("{text}\n{}\n{NOT_YOU}\n", waiting(frozen_until));
    letter(subject.to_owned(), Some(name), &body)
}

/// That payouts wait, as a line of its own.
fn waiting(until: Option<Time>) -> String {
    let date = until.map(|until| until.format("%-d %B %Y, %H:%M UTC"));
    date.map_or_else(String::new, |date| {
        format!("\nAs a precaution payouts to you, and to the brands you own, wait until {date}. They go on by themselves.\n")
    })
}

/// To an account's owner: a session was ended because somebody else may have its key.
pub(super) fn signed_out_for_reuse(name: &str, device: &str) -> Letter {
    let body = format!(
        "we have signed you out on {device}: a key of that session was used a second time. Mostly that is an app that lost \
         our answer and asked again; it may also be someone who copied the key. Sign in again there.\
         \n\nIf you did not use that device, set a new password: it signs everybody out everywhere.\n"
    );
    letter(
        "We have signed you out on one device".to_owned(),
        Some(name),
        &body,
    )
}
