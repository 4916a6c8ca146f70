//! Every field and every mutation of the schema that runs, as everybody: what is expected of each is what it declares of
//! itself by `@access`, and whose the object is. What has no declaration, no input or no value in the world fails.

use std::collections::BTreeSet;

use sea_orm::{EntityTrait, PaginatorTrait};
use serde_json::{Value, json};
use vitrine_model::event;

use super::contract::Contract;
use super::mutations::{Made, May, ORDER, case};
use super::planted::cleared;
use super::story::told;
use super::walk::Walk;
use super::world::{Asker, World};
use crate::contract::sources;
use crate::support::on_both;

/// Fields, and objects with all their fields, that have a value only in circumstances that other tests make.
const ELSEWHERE: &[(&str, &str)] = &[
    (
        "Payout.refusal",
        "payout::a_refused_transfer_makes_the_money_available_again",
    ),
    (
        "Account.secondFactorSince",
        "identity::factor::who_has_a_second_factor_signs_in_in_two_steps",
    ),
    (
        "SessionCreatePayload.challenge",
        "identity::factor::who_has_a_second_factor_signs_in_in_two_steps",
    ),
    (
        "SessionChallenge",
        "identity::factor::who_has_a_second_factor_signs_in_in_two_steps",
    ),
    (
        "SessionChallengeAnswerPayload.session",
        "identity::factor::who_has_a_second_factor_signs_in_in_two_steps",
    ),
    (
        "TotpConfirmPayload.recoveryCodes",
        "identity::factor::a_recovery_code_is_good_once_and_others_can_be_had",
    ),
    (
        "RecoveryCodesRenewPayload.recoveryCodes",
        "identity::factor::a_recovery_code_is_good_once_and_others_can_be_had",
    ),
    (
        "RecoveryCodes",
        "identity::factor::a_recovery_code_is_good_once_and_others_can_be_had",
    ),
    (
        "TotpRemovePayload.account",
        "identity::factor::a_second_factor_put_on_or_taken_off_signs_the_others_out_and_is_told",
    ),
    (
        "PasskeyCreatePayload.passkey",
        "identity::passkey::a_passkey_signs_in_without_password_and_code",
    ),
    (
        "PasskeyUpdatePayload.passkey",
        "identity::passkey::a_passkey_is_renamed_and_removed_by_its_owner_alone",
    ),
    (
        "PasskeyRemovePayload.passkey",
        "identity::passkey::a_passkey_is_renamed_and_removed_by_its_owner_alone",
    ),
    (
        "SessionPasskeyCreatePayload.session",
        "identity::passkey::a_passkey_signs_in_without_password_and_code",
    ),
    (
        "ExternalIdentityLinkPayload.externalIdentity",
        "identity::external::an_identity_is_linked_by_who_is_signed_in_once_and_for_one_account",
    ),
    (
        "ExternalIdentityUnlinkPayload.externalIdentity",
        "identity::external::an_identity_is_linked_by_who_is_signed_in_once_and_for_one_account",
    ),
    (
        "IdentityProvider",
        "identity::external::a_new_person_is_known_by_her_identity_from_then_on_whatever_her_address_becomes",
    ),
    (
        "ExternalSignIn",
        "identity::external::a_new_person_is_known_by_her_identity_from_then_on_whatever_her_address_becomes",
    ),
    (
        "SessionExternalStartPayload.start",
        "identity::external::a_new_person_is_known_by_her_identity_from_then_on_whatever_her_address_becomes",
    ),
    (
        "SessionExternalFinishPayload.session",
        "identity::external::a_new_person_is_known_by_her_identity_from_then_on_whatever_her_address_becomes",
    ),
    (
        "SessionExternalFinishPayload.challenge",
        "identity::external::who_has_a_second_factor_is_asked_for_it_at_a_provider_too",
    ),
    (
        "EmailVerificationSendPayload.account",
        "identity::email::the_letter_can_be_asked_for_again_and_voids_the_one_before",
    ),
    (
        "EmailVerifyPayload.account",
        "identity::email::an_address_is_proved_by_the_letter_that_opening_an_account_sends",
    ),
    (
        "EmailChangeConfirmPayload.account",
        "identity::email::an_address_is_changed_once_the_new_one_confirms_and_the_old_one_is_told",
    ),
    (
        "EmailChangeUndoPayload.account",
        "identity::email::the_old_address_takes_a_change_back_signs_everybody_out_and_sets_a_new_password",
    ),
    (
        "PasswordResetPayload.account",
        "identity::password::a_forgotten_password_is_set_anew_by_letter_and_everybody_is_signed_out",
    ),
    (
        "PasswordChangePayload.account",
        "identity::password::a_password_is_changed_by_who_knows_it_and_the_other_sessions_end",
    ),
    (
        "Subscription",
        "subscriptions::what_is_not_yours_cannot_be_watched",
    ),
    (
        "ShopActivity",
        "subscriptions::a_shopholder_watches_clicks_sales_and_refunds_with_their_amounts",
    ),
];
/// What is said to be tested elsewhere is: by a test of that name.
#[test]
fn what_is_read_elsewhere_is_read_by_a_test_that_there_is() {
    let tests: Vec<_> = sources("tests/it").into_iter().map(|(_, text)| text).collect();
    for (place, named) in ELSEWHERE {
        let (_, name) = named.rsplit_once("::").expect("a module");
        let found = tests.iter().any(|text| text.contains(&format!("fn {name}(")));
        assert!(found, "{place}: there is no test {named}");
    }
}

/// Objects asked for of each type: the more there are, the longer it takes, and the less they differ.
const MOST_OF_A_TYPE: usize = 8;

/// The input for this asker.
fn named(input: &Value, by: Asker) -> Value {
    let name = format!("{by:?}").to_lowercase();
    serde_json::from_str(&input.to_string().replace("NAME", &name)).unwrap()
}

/// The payload's subject and the code of its first user error.
fn outcome(payload: &Value) -> (bool, Option<&str>) {
    let parts = payload.as_object().into_iter().flatten();
    let mut subject =
        parts.filter(|(name, _)| !["__typename", "userErrors", "warnings"].contains(&name.as_str()));
    let made = subject.any(|(_, part)| !part.is_null() && *part != json!([]));
    (made, payload["userErrors"][0]["code"].as_str())
}

async fn events(world: &World<'_>) -> u64 {
    event::Entity::find().count(world.app.db()).await.unwrap()
}

/// Tries one mutation as everybody, with an input for which whoever it admits is refused, and nothing happens.
async fn all_refused(walk: &mut Walk<'_, '_>, world: &World<'_>, name: &str, input: &Value, expected: &str) {
    for by in Asker::ALL {
        let before = events(world).await;
        let payload = walk.mutation(by, name, input).await;
        let as_told = payload.is_null() || outcome(&payload) == (false, Some(expected));
        if !as_told || events(world).await != before {
            walk.complaints.insert(format!(
                "{by:?} is not refused {name} with {expected}: {}",
                payload["userErrors"]
            ));
        }
    }
}

/// Tries one mutation as all who may not, and then as who may.
async fn tried(walk: &mut Walk<'_, '_>, world: &World<'_>, name: &'static str, made: &Made) -> Value {
    let Some(case) = case(name, world, made) else {
        walk.complaints
            .insert(format!("the table has no input for {name}"));
        return Value::Null;
    };
    let may = match case.may {
        May::Everyone => {
            let mut last = Value::Null;
            for by in Asker::ALL {
                last = walk.mutation(by, name, &named(&case.input, by)).await;
                let (made, code) = outcome(&last);
                if code.is_some() || (!last.is_null() && !made && name != "sessionsRevokeOthers") {
                    walk.complaints.insert(format!("{by:?} may {name}, but {code:?}"));
                }
            }
            return last;
        }
        May::Refused(expected) => {
            all_refused(walk, world, name, &case.input, expected).await;
            return Value::Null;
        }
        May::Holder => {
            for by in Asker::ALL.into_iter().filter(|by| !by.is_over()) {
                let payload = walk
                    .mutation(by, name, &json!({ "refreshToken": "vr_guessed" }))
                    .await;
                let refused = match by.is_key() {
                    true => payload.is_null(),
                    false => outcome(&payload) == (false, Some("TOKEN_INVALID")),
                };
                if !refused {
                    walk.complaints.insert(format!(
                        "{by:?} may {name} with a guess: {}",
                        payload["userErrors"]
                    ));
                }
            }
            &[Asker::Anonymous][..]
        }
        May::Only(may) => may,
    };
    let secret = matches!(case.may, May::Holder);
    for by in Asker::ALL.into_iter().filter(|by| !secret && !may.contains(by)) {
        let before = events(world).await;
        let payload = walk.mutation(by, name, &case.input).await;
        let (made, code) = outcome(&payload);
        let refused = payload.is_null() || (!made && matches!(code, Some("NOT_FOUND" | "FORBIDDEN")));
        if !refused || events(world).await != before {
            walk.complaints.insert(format!(
                "{by:?} may not {name}, but made is {made}: {}",
                payload["userErrors"]
            ));
        }
    }
    let payload = walk.mutation(may[0], name, &case.input).await;
    let (done, code) = outcome(&payload);
    if !done || code.is_some() {
        walk.complaints
            .insert(format!("{:?} may {name}, but: {}", may[0], payload["userErrors"]));
    }
    payload
}

on_both! {
    async fn s07_every_field_and_mutation_is_open_to_those_it_declares_and_to_nobody_else(app) {
        let contract = Contract::read();
        let mut world = told(app).await;
        let mut walk = Walk::new(&contract, &world);
        walk.queries().await;
        for of in &contract.nodes {
            let ids = world.of(of);
            if ids.is_empty() {
                walk.complaints.insert(format!("the world has no {of}"));
            }
            for id in ids.into_iter().take(MOST_OF_A_TYPE) {
                walk.node(of, id).await;
            }
        }
        let sessions = "{ viewer { sessions { id isCurrent } } }";
        let sessions = world.send(Asker::Shopholder, sessions, json!({})).await;
        let sessions = sessions["data"]["viewer"]["sessions"].as_array().unwrap();
        let other = sessions.iter().find(|session| session["isCurrent"] == json!(false)).expect("another session");
        let (reached, complaints) = walk.pause();
        world.named.insert("session", other["id"].as_str().unwrap().to_owned());
        let mut walk = Walk::resume(&contract, &world, reached, complaints);
        let all: BTreeSet<&str> = contract.objects["Mutation"].iter().map(|field| field.name.as_str()).collect();
        let missing: Vec<_> = all.iter().filter(|name| !ORDER.contains(name)).collect();
        assert!(missing.is_empty(), "mutations without an input in the table: {missing:?}");
        let mut made = Made::new();
        for name in ORDER {
            let payload = tried(&mut walk, &world, name, &made).await;
            made.insert(name, payload);
            app.settle().await;
        }
        cleared(app).await;
        let unreached: BTreeSet<String> = walk.unreached().into_iter().collect();
        let elsewhere = |field: &String| {
            let object = field.split('.').next();
            ELSEWHERE.iter().any(|(place, _)| place == field || Some(*place) == object)
        };
        let unread: Vec<_> = unreached.iter().filter(|field| !elsewhere(field)).collect();
        let complaints: Vec<_> = walk.complaints.iter().take(60).collect();
        assert!(complaints.is_empty() && unread.is_empty(),
            "{} complaints: {complaints:#?}; fields that nobody has read with a value: {unread:#?}",
            walk.complaints.len());
    }
}
