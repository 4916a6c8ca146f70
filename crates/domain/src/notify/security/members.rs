//! Letters about who works for a brand: to its owners, and to whom it concerns. Whoever did it may have been somebody else
//! in an owner's name.

use vitrine_model::Time;
use vitrine_model::event;
use vitrine_model::id::{AccountId, BrandId};
use vitrine_model::identity::{Role, account};
use vitrine_model::ledger::Party;

use crate::context::Context;
use crate::notify::facts;
use crate::notify::letters::{Letter, letter};
use crate::notify::post::{Draft, reference, to_staff};
use crate::notify::security::{actor, called, frozen_until};

/// What has happened, in words.
struct Change<'a> {
    kind: &'a str,
    brand: String,
    /// Who did it.
    by: String,
    /// Whom it is about.
    whom: String,
    role: Role,
    /// Until when the brand's payouts wait, if they do.
    frozen_until: Option<Time>,
}

/// The letters to the brand's owners, and to the member when it was not her own doing.
pub(super) async fn changed(cx: &Context, event: &event::Model) -> anyhow::Result<Vec<Draft>> {
    let brand: BrandId = event.subject.parse()?;
    let member: AccountId = reference(event, "account")?;
    let person = facts::person(cx.db(), member).await?;
    let change = Change {
        kind: &event.kind,
        brand: facts::brand_name(cx.db(), brand).await?,
        by: actor(cx, event).await?,
        whom: called(person.as_ref()),
        role: reference(event, "role")?,
        frozen_until: frozen_until(cx, Party::Brand(brand)).await?,
    };
    let mut drafts = to_staff(cx, brand, Role::Owner, |to: &account::Model| {
        match to.id == member {
            true => to_her(to.name.as_str(), &change),
            false => to_owner(to.name.as_str(), &change),
        }
    })
    .await?;
    let told = |person: &account::Model| drafts.iter().any(|draft| draft.to == person.email);
    let hers = event.actor == member.to_string();
    if let Some(person) = person.filter(|person| !hers && !told(person)) {
        drafts.push(Draft {
            recipient: format!("{member}.member"),
            letter: to_her(person.name.as_str(), &change),
            to: person.email,
        });
    }
    Ok(drafts)
}

fn to_owner(name: &str, change: &Change<'_>) -> Letter {
    let Change { brand, by, whom, .. } = change;
    let role = what(change.role);
    let (subject, text) = match change.kind {
        "brand.member_joined" => (
            format!("{whom} works for {brand} now"),
            format!("{whom} has accepted an invitation to work for {brand} {role}."),
        ),
        "brand.member_updated" => (
            format!("What {whom} may do for {brand} has changed"),
            format!("{by} has changed what {whom} may do for {brand}: from now on she works there {role}."),
        ),
        _ => (
            format!("{whom} works for {brand} no more"),
            format!("{by} has ended that {whom} works for {brand}."),
        ),
    };
    let body = format!(
        "{text}\n{}\nIf none of you wanted that, set new passwords, look through your members, and write to us.\n",
        waiting(change)
    );
    letter(subject, Some(name), &body)
}

fn to_her(name: &str, change: &Change<'_>) -> Letter {
    let Change { brand, by, .. } = change;
    let role = what(change.role);
    let (subject, text) = match change.kind {
        "brand.member_joined" => (
            format!("You work for {brand} now"),
            format!("you have accepted an invitation to work for {brand} {role}."),
        ),
        "brand.member_updated" => (
            format!("What you may do for {brand} has changed"),
            format!("{by} has changed what you may do for {brand}: from now on you work there {role}."),
        ),
        _ => (
            format!("You work for {brand} no more"),
            format!("{by} has ended that you work for {brand}."),
        ),
    };
    letter(subject, Some(name), &format!("{text}\n{}", waiting(change)))
}

/// As what a member of this role works.
fn what(role: Role) -> &'static str {
    match role {
        Role::Owner => "as one of its owners, who decide about members and money",
        Role::Manager => "as a manager of its products, terms, orders and refunds",
        Role::Shipper => "as someone who ships its orders",
    }
}

/// That payouts wait, as a line of its own, where somebody has become an owner.
fn waiting(change: &Change<'_>) -> String {
    let became = change.kind != "brand.member_removed" && change.role == Role::Owner;
    let date = change.frozen_until.filter(|_| became);
    let date = date.map(|until| until.format("%-d %B %Y, %H:%M UTC"));
    date.map_or_else(String::new, |date| {
        format!(
            "\nAs a precaution payouts to {} wait until {date}. They go on by themselves.\n",
            change.brand
        )
    })
}
