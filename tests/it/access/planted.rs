//! What cannot be had by asking, and stands in the tables for the test's sake.

use chrono::TimeDelta;
use sea_orm::ActiveValue::Set;
use sea_orm::{ActiveModelTrait, ColumnTrait, EntityTrait, IntoActiveModel, QueryFilter};
use serde_json::json;
use vitrine_domain::context::Context;
use vitrine_model::catalog::{product_image, variant};
use vitrine_model::id::AccountId;
use vitrine_model::identity::{FreezeCause, external_identity, passkey, payout_freeze};
use vitrine_model::job::{self, JobState};
use vitrine_model::ledger::Party;
use vitrine_model::money::Currency;
use vitrine_model::reconciliation::difference::{self, DifferenceKind};

use super::world::{Asker, World};
use crate::support::App;

/// Trouble that cannot be had by asking.
pub(super) async fn planted(world: &World<'_>) {
    let (app, cx) = (world.app, world.app.vitrine().context("test"));
    let dead = dead_job(&cx).into_active_model().reset_all();
    job::Entity::insert(dead)
        .exec_without_returning(app.db())
        .await
        .unwrap();
    let odd = difference::Model {
        id: cx.new_id(),
        kind: DifferenceKind::Clearing,
        subject: "re_hand".to_owned(),
        currency: Some(Currency::Eur),
        amount: Some(1),
        detail: Some("a cent more".to_owned()),
        first_seen_at: cx.now(),
        last_seen_at: cx.now(),
        resolved_at: None,
    };
    odd.into_active_model()
        .reset_all()
        .insert(app.db())
        .await
        .unwrap();
    let shopholder = world.people[&Asker::Shopholder].id.parse().unwrap();
    proofs(app, &cx, shopholder).await;
    for party in [
        Party::Shopholder(shopholder),
        Party::Brand(world.brand.parse().unwrap()),
    ] {
        let frozen = payout_freeze::Model {
            party,
            cause: FreezeCause::Password,
            frozen_at: cx.now(),
            ends_at: cx.now() + TimeDelta::days(3),
        };
        let frozen = frozen.into_active_model().reset_all();
        frozen.insert(app.db()).await.unwrap();
    }
    let image = product_image::Model {
        id: cx.new_id(),
        product_id: world.id("product").parse().unwrap(),
        position: 1,
        url: "https://example.com/teapot.jpg".parse().unwrap(),
        alt: Some("A teapot".parse().unwrap()),
    };
    let image = image.into_active_model().reset_all();
    image.insert(app.db()).await.unwrap();
    // Platforms may have known floors before.
    let floored = variant::ActiveModel {
        id: Set(world.id("variant").parse().unwrap()),
        floor: Set(Some(5000)),
        ..Default::default()
    };
    floored.update(app.db()).await.unwrap();
}

/// What she could sign in by besides her password, had she the other half of it.
async fn proofs(app: &App, cx: &Context, account: AccountId) {
    let passkey = passkey::Model {
        id: cx.new_id(),
        account_id: account,
        credential_id: vec![7; 16],
        credential: "{}".to_owned(),
        name: "the phone".parse().unwrap(),
        created_at: cx.now(),
        used_at: Some(cx.now()),
    };
    let identity = external_identity::Model {
        id: cx.new_id(),
        account_id: account,
        provider: "elsewhere".to_owned(),
        issuer: "https://id.example.org".to_owned(),
        subject: "248289761001".to_owned(),
        email: Some("anna@example.org".parse().unwrap()),
        created_at: cx.now(),
        used_at: cx.now(),
    };
    let passkey = passkey.into_active_model().reset_all();
    passkey.insert(app.db()).await.unwrap();
    let identity = identity.into_active_model().reset_all();
    identity.insert(app.db()).await.unwrap();
}

fn dead_job(cx: &Context) -> job::Model {
    job::Model {
        id: cx.new_id(),
        kind: "refund_settle".to_owned(),
        payload: json!({ "job": "refund_settle", "refund": "rf_1" }).to_string(),
        unique_key: None,
        group_key: None,
        every_seconds: None,
        run_at: cx.now(),
        attempts: 15,
        state: JobState::Dead,
        leased_until: None,
        last_error: Some("nobody answers".to_owned()),
        created_at: cx.now(),
    }
}

/// Takes away what was planted: what must hold after every test does not hold with it.
pub(super) async fn cleared(app: &App) {
    job::Entity::delete_many()
        .filter(job::Column::State.eq(JobState::Dead))
        .exec(app.db())
        .await
        .unwrap();
    difference::Entity::delete_many().exec(app.db()).await.unwrap();
    app.stripe.clear_faults().await;
}
