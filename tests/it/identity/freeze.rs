//! Payouts that wait after a change that a thief would make.

use chrono::TimeDelta;
use sea_orm::{EntityTrait, PaginatorTrait};
use serde_json::{Value, json};
use vitrine_model::payout::payout_account;

use crate::identity::factor::enrol;
use crate::identity::letters::{letters, token};
use crate::operator::earned;
use crate::payout::onboard;
use crate::support::market::Market;
use crate::support::{App, FRONTEND, PASSWORD, Person, STRIPE_KEY, on_both};

const SEEN: &str = "{ viewer { payoutFreeze { cause endsAt } payouts(first: 10) { nodes { state } } } }";
const CHANGE: &str = "mutation($old: String!, $new: String!) { passwordChange(input: { currentPassword: $old, newPassword: $new }) { userErrors { code } } }";

/// A shopholder with money waiting for a payout account that works, as when she has changed something just now.
async fn waiting<'a>(app: &'a App, name: &str) -> Market<'a> {
    let mut market = app.market(name).await;
    earned(app, &mut market).await;
    onboard(app, &market.shopholder, None).await;
    market
}

async fn seen(person: &Person<'_>) -> (Value, usize) {
    let viewer = person.ask(SEEN, json!({})).await["viewer"].take();
    (
        viewer["payoutFreeze"].clone(),
        viewer["payouts"]["nodes"].as_array().unwrap().len(),
    )
}

/// A payout run, and what comes of it.
async fn run(app: &App) {
    vitrine_domain::payout::run(&app.vitrine().context("payout run"))
        .await
        .unwrap();
    app.settle().await;
}

/// Nothing is paid for three days, which she sees and reads of; then it is.
async fn waits_three_days(app: &App, person: &Person<'_>, cause: &str, subject: &str) {
    run(app).await;
    let (freeze, paid) = seen(person).await;
    assert_eq!((&freeze["cause"], paid), (&json!(cause), 0));
    let told = letters(app, &person.email, subject);
    assert!(
        told.iter().any(|letter| letter.contains("wait until")),
        "{told:?}"
    );
    app.clock.advance(TimeDelta::days(3));
    app.stripe.advance(TimeDelta::days(3)).await;
    run(app).await;
    let (freeze, paid) = seen(person).await;
    assert_eq!((freeze, paid), (json!(null), 1));
}

on_both! {
    async fn s11_payouts_wait_after_a_new_password(app) {
        let tea = waiting(app, "tea").await;
        let changed = tea.shopholder.ask(CHANGE, json!({ "old": PASSWORD, "new": "another horse battery" })).await;
        assert_eq!(changed["passwordChange"]["userErrors"], json!([]));
        waits_three_days(app, &tea.shopholder, "PASSWORD", "Your password was changed").await;
    }

    async fn s11_payouts_wait_after_a_forgotten_password_was_set_anew(app) {
        let mut tea = waiting(app, "tea").await;
        let request = "mutation($email: String!) { passwordResetRequest(input: { email: $email }) { userErrors { code } } }";
        app.nobody().ask(request, json!({ "email": tea.shopholder.email })).await;
        app.settle().await;
        let sent = token(&letters(app, &tea.shopholder.email, "Set a new password")[0]);
        let reset = "mutation($token: String!, $new: String!) { passwordReset(input: { token: $token, newPassword: $new }) { userErrors { code } } }";
        let set = app.nobody().ask(reset, json!({ "token": sent, "new": PASSWORD })).await;
        assert_eq!(set["passwordReset"]["userErrors"], json!([]));
        tea.shopholder.come_back().await;
        waits_three_days(app, &tea.shopholder, "PASSWORD", "Your password was changed").await;
    }

    async fn s11_payouts_wait_after_another_address_and_after_it_was_taken_back(app) {
        let tea = waiting(app, "tea").await;
        let change = "mutation { emailChangeRequest(input: { email: \"new@example.com\" }) { userErrors { code } } }";
        assert_eq!(tea.shopholder.ask(change, json!({})).await["emailChangeRequest"]["userErrors"], json!([]));
        app.settle().await;
        assert_eq!(seen(&tea.shopholder).await.0, json!(null), "nothing has changed yet");
        let confirm = "mutation($token: String!) { emailChangeConfirm(input: { token: $token }) { userErrors { code } } }";
        let sent = token(&letters(app, "new@example.com", "Please confirm your new address")[0]);
        assert_eq!(app.nobody().ask(confirm, json!({ "token": sent })).await["emailChangeConfirm"]["userErrors"], json!([]));
        waits_three_days(app, &tea.shopholder, "EMAIL", "Your address was changed").await;
        let undo = "mutation($token: String!) { emailChangeUndo(input: { token: $token }) { userErrors { code } } }";
        let sent = token(&letters(app, &tea.shopholder.email, "Your address was changed")[0]);
        assert_eq!(app.nobody().ask(undo, json!({ "token": sent })).await["emailChangeUndo"]["userErrors"], json!([]));
        let back = app.returning(&tea.shopholder.email).await;
        assert_eq!(seen(&back).await.0["cause"], "EMAIL");
    }

    async fn s11_payouts_wait_after_a_second_factor_was_put_on(app) {
        let tea = waiting(app, "tea").await;
        enrol(app, &tea.shopholder).await;
        waits_three_days(app, &tea.shopholder, "SECOND_FACTOR", "Your account asks for a code now").await;
    }

    async fn s11_payouts_wait_after_the_payout_account_was_replaced(app) {
        let tea = waiting(app, "tea").await;
        let account = payout_account::Entity::find().one(app.db()).await.unwrap().unwrap();
        let gone = account.stripe_account_id.unwrap();
        let url = format!("{}/v1/accounts/{gone}", app.stripe.url());
        let deleted = app.http.delete(url).bearer_auth(STRIPE_KEY).send().await.unwrap();
        assert!(deleted.status().is_success(), "{}", deleted.text().await.unwrap());
        onboard(app, &tea.shopholder, None).await;
        assert_eq!(payout_account::Entity::find().count(app.db()).await.unwrap(), 2);
        waits_three_days(app, &tea.shopholder, "PAYOUT_ACCOUNT", "Your payouts are to go to another account").await;
    }

    async fn s11_payouts_wait_after_a_link_to_where_the_bank_account_is_changed(app) {
        let tea = waiting(app, "tea").await;
        app.settle().await;
        assert_eq!(letters(app, &tea.shopholder.email, "A payout account is being opened").len(), 1);
        assert_eq!(seen(&tea.shopholder).await.0, json!(null), "the first one is not waited for");
        let link = format!("mutation {{ payoutAccountOnboardingLinkCreate(input: {{ country: \"DE\", returnUrl: \"{FRONTEND}\", refreshUrl: \"{FRONTEND}\" }}) {{ userErrors {{ code }} }} }}");
        let made = tea.shopholder.ask(&link, json!({})).await;
        assert_eq!(made["payoutAccountOnboardingLinkCreate"]["userErrors"], json!([]));
        let log = tea.shopholder.ask("{ viewer { activity(first: 3) { nodes { kind } } } }", json!({})).await;
        assert!(log.to_string().contains("payout_account.link_made"), "{log}");
        waits_three_days(app, &tea.shopholder, "PAYOUT_ACCOUNT", "Your payout details may change").await;
    }

    async fn a_brands_payouts_wait_when_an_owner_changed_how_she_signs_in_and_nobody_elses(app) {
        let mut tea = app.market("tea").await;
        earned(app, &mut tea).await;
        let changed = tea.owner.ask(CHANGE, json!({ "old": PASSWORD, "new": "another horse battery" })).await;
        assert_eq!(changed["passwordChange"]["userErrors"], json!([]));
        let brand = "query($id: ID!) { brand(id: $id) { payoutFreeze { cause endsAt } } }";
        let seen_by_owner = tea.owner.ask(brand, json!({ "id": tea.brand })).await;
        assert_eq!(seen_by_owner["brand"]["payoutFreeze"]["cause"], "PASSWORD");
        assert_eq!(tea.shopholder.error(brand, json!({ "id": tea.brand })).await, "FORBIDDEN");
        assert_eq!(seen(&tea.shopholder).await.0, json!(null));
    }
}
