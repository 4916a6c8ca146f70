//! A click that was answered is on the disk, whatever happens to the process.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use reqwest::StatusCode;
use sea_orm::prelude::Uuid;
use sea_orm::{Database, DatabaseConnection, EntityTrait, IntoActiveModel};
use tokio::task::JoinSet;

use vitrine_model::id::{ClickId, Id};
use vitrine_model::identity::account;
use vitrine_model::referral::{click, link, link_tally};
use vitrine_model::shop::{self, ShopState};

use super::node::{Node, Place, Signal};
use crate::support::START;

const CODE: &str = "0123456789";
/// People who follow the link again and again, all at once.
const VISITORS: usize = 32;
/// Answers seen before the process comes to its end.
const ANSWERS: usize = 400;

/// Plants a published shop with a link.
async fn furnish(place: &Place) -> DatabaseConnection {
    let migrated = place.run(&["migrate"], &[]);
    assert!(
        migrated.status.success(),
        "{}",
        String::from_utf8_lossy(&migrated.stderr)
    );
    let db = Database::connect(place.database_url()).await.unwrap();
    let now = START.parse().unwrap();
    let owner = account::Model {
        id: Uuid::from_u128(1).into(),
        email: "anna@example.com".parse().unwrap(),
        email_verified_at: Some(now),
        name: "Anna".parse().unwrap(),
        operator: false,
        created_at: now,
        erased_at: None,
    };
    let hers = shop::Model {
        id: Uuid::from_u128(2).into(),
        handle: "anna".parse().unwrap(),
        owner_id: owner.id,
        name: "Anna".parse().unwrap(),
        picture_url: None,
        about: None,
        state: ShopState::Published,
        created_at: now,
        updated_at: now,
        published_at: Some(now),
    };
    let to_it = link::Model {
        id: Uuid::from_u128(3).into(),
        code: CODE.to_owned(),
        shop_id: hers.id,
        recommendation_id: None,
        product_id: None,
        label: None,
        created_at: now,
    };
    account::Entity::insert(owner.into_active_model())
        .exec_without_returning(&db)
        .await
        .unwrap();
    shop::Entity::insert(hers.into_active_model())
        .exec_without_returning(&db)
        .await
        .unwrap();
    link::Entity::insert(to_it.into_active_model())
        .exec_without_returning(&db)
        .await
        .unwrap();
    db
}

/// Follows the link until nobody answers any more; the clicks that the answers named. Each visit is another visitor's.
async fn follow(visitor: usize, url: String, answers: Arc<AtomicUsize>) -> Vec<ClickId> {
    let http = reqwest::Client::builder()
        .redirect(reqwest::redirect::Policy::none())
        .build()
        .unwrap();
    let mut named = Vec::new();
    loop {
        let agent = format!(
            "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Firefox/140.0 {visitor}-{}",
            named.len()
        );
        let visit = http.get(format!("{url}/r/{CODE}")).header("user-agent", agent);
        let Ok(response) = visit.send().await else {
            return named;
        };
        if response.status() != StatusCode::FOUND {
            return named;
        }
        let location: url::Url = response.headers()["location"].to_str().unwrap().parse().unwrap();
        let token = location
            .query_pairs()
            .find(|(name, _)| name == "click")
            .unwrap()
            .1
            .into_owned();
        named.push(click_of(&token));
        answers.fetch_add(1, Ordering::SeqCst);
    }
}

/// The click that a token begins with.
fn click_of(token: &str) -> ClickId {
    use base64::Engine;
    let bytes = base64::engine::general_purpose::URL_SAFE_NO_PAD
        .decode(token)
        .unwrap();
    Uuid::from_slice(&bytes[..16]).unwrap().into()
}

/// Lets many follow the link at once, ends the process amid them, and sees what is in the database.
async fn ended_amid_clicks(place: &Place, end: impl FnOnce(Node)) {
    let db = furnish(place).await;
    let node = place.serve(&[("VITRINE_RATE_LIMIT_ADDRESS", "0")]);
    let answers = Arc::new(AtomicUsize::new(0));
    let visitors: JoinSet<_> = (0..VISITORS)
        .map(|visitor| follow(visitor, node.url(), answers.clone()))
        .collect();
    while answers.load(Ordering::SeqCst) < ANSWERS {
        tokio::task::yield_now().await;
    }
    end(node);
    let mut answered = BTreeSet::new();
    for of_one in visitors.join_all().await {
        answered.extend(of_one);
    }
    assert!(answered.len() >= ANSWERS);
    // A process that starts on it finds the database whole.
    place.serve(&[]).stop(Signal::Term);
    let rows = click::Entity::find().all(&db).await.unwrap();
    let kept: BTreeSet<ClickId> = rows.iter().map(|row| row.id).collect();
    let lost: Vec<_> = answered.difference(&kept).map(|id| id.uuid()).collect();
    assert!(lost.is_empty(), "answered and lost: {lost:?}");
    // Those that died with an answer on its way are counted like the others.
    let tallies = link_tally::Entity::find().all(&db).await.unwrap();
    let counted: i64 = tallies.iter().map(|tally| tally.clicks).sum();
    assert_eq!(usize::try_from(counted).unwrap(), rows.len());
}

pub(super) async fn killed_amid_clicks(place: &Place) {
    // A node that is dropped is killed by SIGKILL.
    ended_amid_clicks(place, drop).await;
}

pub(super) async fn stopped_amid_clicks(place: &Place) {
    ended_amid_clicks(place, |node| {
        let said = node.stop(Signal::Term);
        assert!(!said.contains("clicks were lost"), "{said}");
    })
    .await;
}
