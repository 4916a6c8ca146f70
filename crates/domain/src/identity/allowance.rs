//! How often something may be tried: so many times within a window for one account, whoever tries, and so many times from
//! one address, whatever account. The counts stand in the database, so that they hold on all nodes together.
//!
//! An account is counted by what was typed, whether or not it exists: being refused tells nothing of it.

use std::net::IpAddr;

use chrono::TimeDelta;
use sea_orm::ActiveValue::Set;
use sea_orm::sea_query::{Expr, ExprTrait, OnConflict};
use sea_orm::{ColumnTrait, ConnectionTrait, DbErr, EntityTrait, QueryFilter};
use secrecy::SecretString;
use vitrine_model::Time;
use vitrine_model::identity::attempt;
use vitrine_model::text::Email;

use crate::context::{Context, Tx};
use crate::failure::{Failure, refuse};
use crate::identity::refusal::Refusal;
use crate::secret;

/// The device that asks, as far as it is known.
#[derive(Debug, Clone, Default)]
pub struct Client {
    /// Where it is.
    pub address: Option<IpAddr>,
    /// What it calls itself.
    pub user_agent: Option<String>,
    /// The refresh token that it keeps as a cookie.
    pub refresh: Option<SecretString>,
    /// Whether it is a browser on a page of ours or of a frontend's: nobody else is given cookies.
    pub is_ours: bool,
    /// Whether it brought cookies of a session of which none opens anything now: it may go on with the session, begin or
    /// end one, and is heard in nothing else, lest someone who is signed in is taken for nobody.
    pub has_lapsed: bool,
}

/// How often one thing may be tried.
pub(crate) struct Allowance {
    what: &'static str,
    for_one: i32,
    from_one: i32,
    window: TimeDelta,
}

/// Opening an account: the address may be someone else's, and each costs the work of hashing a password.
pub(super) const ACCOUNT: Allowance = Allowance {
    what: "account",
    for_one: 10,
    from_one: 60,
    window: TimeDelta::hours(1),
};

/// Signing in. Who has forgotten her password tries a handful of times; who guesses gets a few hundred tries a day for an
/// account, of which one password in millions is among.
pub(super) const SIGN_IN: Allowance = Allowance {
    what: "sign-in",
    for_one: 10,
    from_one: 300,
    window: TimeDelta::minutes(15),
};

/// Typing the password one has, to change it.
pub(super) const PASSWORD: Allowance = Allowance {
    what: "password",
    for_one: 10,
    from_one: 300,
    window: TimeDelta::minutes(15),
};

/// Showing a code of a second factor, or a recovery code. Of a million codes three are good at a time: who knows the
/// password needs years.
pub(super) const FACTOR: Allowance = Allowance {
    what: "second-factor",
    for_one: 5,
    from_one: 100,
    window: TimeDelta::minutes(15),
};

/// Having a letter sent to an address of one's own choice.
pub(super) const LETTER: Allowance = Allowance {
    what: "letter",
    for_one: 5,
    from_one: 100,
    window: TimeDelta::hours(1),
};

/// Having a letter sent to someone who may not have asked for it.
pub(super) const RESET: Allowance = Allowance {
    what: "reset",
    for_one: 5,
    from_one: 50,
    window: TimeDelta::hours(1),
};

/// Inviting people to work for brands, or to curate shops, for one who sends.
pub(super) const INVITING: Allowance = Allowance {
    what: "inviting",
    for_one: 50,
    from_one: 100,
    window: TimeDelta::days(1),
};

/// Letters with invitations to one brand, or to one shop.
pub(super) const INVITATIONS: Allowance = Allowance::for_one("invitations", 50, TimeDelta::days(1));

/// Letters with invitations to one address, whoever sends.
pub(super) const INVITED: Allowance = Allowance::for_one("invited", 5, TimeDelta::days(1));

/// Tries that were counted, to be given back when they turn out to be hers.
pub(super) struct Tries {
    of_one: Vec<u8>,
    from_one: Option<Vec<u8>>,
}

impl Allowance {
    /// So many times within a window for one, wherever it is tried from.
    pub(crate) const fn for_one(what: &'static str, most: i32, window: TimeDelta) -> Self {
        let (for_one, from_one) = (most, i32::MAX);
        Self {
            what,
            for_one,
            from_one,
            window,
        }
    }

    /// Counts one more for `whom`, if the transaction comes to its end.
    ///
    /// # Errors
    /// `TooManyAttempts`.
    pub(crate) async fn spend_within(
        &self,
        tx: &Tx,
        cx: &Context,
        whom: &str,
    ) -> Result<(), Failure<Refusal>> {
        self.count(tx, cx, &self.key(cx, whom), self.for_one).await
    }

    /// Counts one more try for `whom`, and from where `client` is.
    ///
    /// # Errors
    /// `TooManyAttempts`.
    pub(super) async fn spend(
        &self,
        cx: &Context,
        whom: &str,
        client: &Client,
    ) -> Result<Tries, Failure<Refusal>> {
        let from_one = client.address.map(|address| self.key(cx, &network(address)));
        let of_one = self.key(cx, whom);
        // The address first: from where too much was tried already, no account is locked to others any more.
        if let Some(key) = &from_one {
            self.count(cx.db(), cx, key, self.from_one).await?;
        }
        self.count(cx.db(), cx, &of_one, self.for_one).await?;
        Ok(Tries { of_one, from_one })
    }

    /// One statement, so that tries made at once stand in nobody's way for long.
    async fn count(
        &self,
        db: &impl ConnectionTrait,
        cx: &Context,
        key: &[u8],
        most: i32,
    ) -> Result<(), Failure<Refusal>> {
        let (now, anew) = (cx.now(), cx.now() + self.window);
        let row = attempt::ActiveModel {
            key: Set(key.to_vec()),
            tries: Set(1),
            ends_at: Set(anew),
        };
        let kept = |column: attempt::Column| Expr::col((attempt::Entity, column));
        let over = || kept(attempt::Column::EndsAt).lte(now);
        let tries = Expr::case(over(), 1).finally(kept(attempt::Column::Tries).add(1));
        let ends_at = Expr::case(over(), Expr::value(anew)).finally(kept(attempt::Column::EndsAt));
        let again = OnConflict::column(attempt::Column::Key)
            .value(attempt::Column::Tries, tries)
            .value(attempt::Column::EndsAt, ends_at)
            .to_owned();
        let counted = attempt::Entity::insert(row).on_conflict(again);
        let counted = counted.exec_with_returning(db).await?;
        if counted.tries > most {
            return refuse(Refusal::TooManyAttempts {
                until: counted.ends_at,
            });
        }
        Ok(())
    }

    /// Forgets the tries for an address, also those from where `client` is.
    pub(super) async fn forgive(
        &self,
        tx: &Tx,
        cx: &Context,
        email: &Email,
        client: &Client,
    ) -> Result<(), DbErr> {
        let whom = [Some(email.to_string()), at_place(email, client)];
        let keys = whom.into_iter().flatten().map(|whom| self.key(cx, &whom));
        attempt::Entity::delete_many()
            .filter(attempt::Column::Key.is_in(keys))
            .exec(tx)
            .await?;
        Ok(())
    }

    fn key(&self, cx: &Context, whom: &str) -> Vec<u8> {
        secret::keyed_hash(cx, self.what, whom.as_bytes())
    }
}

impl Tries {
    /// They were hers: the account's are forgotten. From her address one is taken off, no more, for whoever else tries from
    /// there may have an account of his own to sign in with.
    pub(super) async fn give_back(self, tx: &Tx) -> Result<(), DbErr> {
        // In the order in which they are counted, so that nobody waits in a circle.
        if let Some(key) = self.from_one {
            attempt::Entity::update_many()
                .col_expr(attempt::Column::Tries, Expr::col(attempt::Column::Tries).sub(1))
                .filter(attempt::Column::Key.eq(key))
                .filter(attempt::Column::Tries.gt(0))
                .exec(tx)
                .await?;
        }
        attempt::Entity::delete_by_id(self.of_one).exec(tx).await?;
        Ok(())
    }
}

/// The network whose addresses one person has at her disposal: in IPv6 64 bits of them, whichever she likes.
fn network(address: IpAddr) -> String {
    match address.to_canonical() {
        IpAddr::V4(address) => address.to_string(),
        IpAddr::V6(address) => {
            let [a, b, c, d, ..] = address.segments();
            format!("{a:x}:{b:x}:{c:x}:{d:x}::/64")
        }
    }
}

/// How long a place is remembered from which somebody signed in.
const REMEMBERED: TimeDelta = TimeDelta::days(90);

/// Someone's address as it is typed where `client` is, if that is known.
fn at_place(email: &Email, client: &Client) -> Option<String> {
    let address = client.address?;
    Some(format!("{email} at {}", network(address)))
}

fn place_key(cx: &Context, place: &str) -> Vec<u8> {
    secret::keyed_hash(cx, "place", place.as_bytes())
}

/// Whose tries to sign in these are. Where she has signed in before she is counted apart, so that nobody elsewhere can
/// lock her out.
pub(super) async fn who_tries(cx: &Context, email: &Email, client: &Client) -> Result<String, DbErr> {
    let Some(place) = at_place(email, client) else {
        return Ok(email.to_string());
    };
    let known = attempt::Entity::find_by_id(place_key(cx, &place))
        .filter(attempt::Column::EndsAt.gt(cx.now()))
        .one(cx.db())
        .await?;
    Ok(if known.is_some() { place } else { email.to_string() })
}

/// Remembers where she signed in.
pub(super) async fn remember_place(
    tx: &Tx,
    cx: &Context,
    email: &Email,
    client: &Client,
) -> Result<(), DbErr> {
    let Some(place) = at_place(email, client) else {
        return Ok(());
    };
    let row = attempt::ActiveModel {
        key: Set(place_key(cx, &place)),
        tries: Set(0),
        ends_at: Set(cx.now() + REMEMBERED),
    };
    let again = OnConflict::column(attempt::Column::Key)
        .update_column(attempt::Column::EndsAt)
        .to_owned();
    attempt::Entity::insert(row)
        .on_conflict(again)
        .exec_without_returning(tx)
        .await?;
    Ok(())
}

/// Forgets windows that are over, and places long not signed in from.
pub(super) async fn sweep(cx: &Context) -> Result<(), DbErr> {
    let now: Time = cx.now();
    attempt::Entity::delete_many()
        .filter(attempt::Column::EndsAt.lte(now))
        .exec(cx.db())
        .await?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_network_is_what_one_person_has() {
        let of = |text: &str| network(text.parse().unwrap());
        assert_eq!(of("192.0.2.1"), "192.0.2.1");
        assert_eq!(of("::ffff:192.0.2.1"), "192.0.2.1");
        assert_eq!(of("2001:db8:1:2:3:4:5:6"), of("2001:db8:1:2::9"));
        assert_ne!(of("2001:db8:1:2::"), of("2001:db8:1:3::"));
    }
}
