//! Who is written to about disputes, and what: those who may answer one, those whose money waits for it, and those who run
//! the platform.

use anyhow::Context as _;
use futures::future::BoxFuture;
use sea_orm::{ColumnTrait, ConnectionTrait, DbErr, EntityTrait, QueryFilter, QueryOrder, QuerySelect};
use vitrine_model::Time;
use vitrine_model::checkout::{DisputeState, dispute};
use vitrine_model::id::{BrandId, DisputeId};
use vitrine_model::identity::{Role, account};
use vitrine_model::ledger::{Part, Party, dispute_part, unit};
use vitrine_model::money::Money;

use crate::context::Context;
use crate::notify::facts::{self, Sale};
use crate::notify::letters::{Earned, Item, Letter, counted, letter, line};
use crate::notify::post::{Draft, to_earner, to_staff};

/// Most operators written to.
const MAX_OPERATORS: u64 = 50;

/// What a dispute's letters tell of.
struct Case {
    dispute: dispute::Model,
    parts: Vec<dispute_part::Model>,
    sale: Sale,
}

impl Case {
    async fn read(db: &impl ConnectionTrait, id: DisputeId) -> anyhow::Result<Self> {
        let dispute = dispute::Entity::find_by_id(id).one(db).await?;
        let dispute = dispute.with_context(|| format!("no dispute {id}"))?;
        let parts = dispute_part::Entity::find()
            .filter(dispute_part::Column::DisputeId.eq(id))
            .all(db)
            .await?;
        let sale = facts::sale(db, dispute.order_id).await?;
        Ok(Self { dispute, parts, sale })
    }

    fn money(&self, minor: i64) -> Money {
        Money::new(minor, self.dispute.currency)
    }

    fn number(&self) -> &str {
        &self.sale.order.number
    }

    fn claims(&self, unit: &unit::Model) -> bool {
        self.parts.iter().any(|part| part.unit_id == unit.id)
    }

    /// What it cost the platform itself, and what of Stripe's fee nobody else bears.
    fn platform_cost(&self) -> (Money, Money) {
        let parties = || self.parts.iter().filter(|part| part.party.is_some());
        let lost: i64 = parties().map(|part| part.lost).sum();
        let fee: i64 = parties().map(|part| part.fee).sum();
        (
            self.money(self.dispute.loss - lost),
            self.money(self.dispute.fee - fee),
        )
    }

    /// What it took of the brand's own parts, and of Stripe's fee.
    fn cost(&self, brand: BrandId) -> (Money, Money) {
        let own = || {
            self.parts
                .iter()
                .filter(|part| part.part == Part::Brand && part.party == Some(Party::Brand(brand)))
        };
        let lost = own().map(|part| part.lost).sum();
        let fee = own().map(|part| part.fee).sum();
        (self.money(lost), self.money(fee))
    }
}

/// The bank asks, or has taken the money.
pub(super) fn opened(cx: &Context, id: DisputeId) -> BoxFuture<'_, anyhow::Result<Vec<Draft>>> {
    Box::pin(write_opened(cx, id))
}

/// The bank has decided, or it came to nothing.
pub(super) fn closed(cx: &Context, id: DisputeId) -> BoxFuture<'_, anyhow::Result<Vec<Draft>>> {
    Box::pin(write_closed(cx, id))
}

async fn write_opened(cx: &Context, id: DisputeId) -> anyhow::Result<Vec<Draft>> {
    let case = Case::read(cx.db(), id).await?;
    let mut drafts = Vec::new();
    for brand in case.sale.brand_ids() {
        let name = case.sale.brand_name(brand);
        let items = case.sale.items_of_units(|unit| {
            unit.brand_id == brand && unit.refund_id.is_none() && (case.dispute.inquiry || case.claims(unit))
        });
        let write =
            |to: &account::Model| to_answer(&case.dispute, to.name.as_str(), name, case.number(), &items);
        drafts.extend(to_staff(cx, brand, Role::Manager, write).await?);
    }
    if !case.dispute.inquiry {
        for earner in facts::earners(&case.sale, |unit| case.claims(unit)) {
            let write = |name: &str, shop: &str, earned: &[Earned], sum| {
                waits(name, shop, case.number(), earned, sum)
            };
            drafts.extend(to_earner(cx, &case.sale, &earner, write).await?);
        }
    }
    let amount = case.money(case.dispute.amount);
    let write = |to: &account::Model| to_operator(&case.dispute, to.name.as_str(), case.number(), amount);
    drafts.extend(to_operators(cx.db(), write).await?);
    Ok(drafts)
}

async fn write_closed(cx: &Context, id: DisputeId) -> anyhow::Result<Vec<Draft>> {
    let case = Case::read(cx.db(), id).await?;
    let (state, number) = (case.dispute.state, case.number());
    let mut drafts = Vec::new();
    for brand in case.sale.brand_ids() {
        let name = case.sale.brand_name(brand);
        let (lost, fee) = case.cost(brand);
        let write = |to: &account::Model| decided(state, to.name.as_str(), name, number, lost, fee);
        drafts.extend(to_staff(cx, brand, Role::Manager, write).await?);
    }
    if !case.dispute.inquiry {
        for earner in facts::earners(&case.sale, |unit| case.claims(unit)) {
            let party = Some(Party::Shopholder(earner.account));
            let lost: i64 = case
                .parts
                .iter()
                .filter(|part| part.part == Part::Shop && part.party == party)
                .map(|part| part.lost)
                .sum();
            let write = |name: &str, shop: &str, _: &[Earned], _| ended(name, shop, number, case.money(lost));
            drafts.extend(to_earner(cx, &case.sale, &earner, write).await?);
        }
    }
    let (loss, fee) = case.platform_cost();
    let all = case.money(case.dispute.loss);
    let write = |to: &account::Model| {
        let mut letter = decided(state, to.name.as_str(), "the platform", number, loss, fee);
        line(
            &mut letter.text,
            &format!("Its parties and the platform lost {all} together."),
        );
        letter
    };
    drafts.extend(to_operators(cx.db(), write).await?);
    Ok(drafts)
}

async fn to_operators(
    db: &impl ConnectionTrait,
    write: impl Fn(&account::Model) -> Letter,
) -> Result<Vec<Draft>, DbErr> {
    let operators = account::Entity::find()
        .filter(account::Column::Operator.eq(true))
        .order_by_asc(account::Column::Id)
        .limit(MAX_OPERATORS)
        .all(db)
        .await?;
    let drafts = operators.into_iter().map(|person| Draft {
        recipient: format!("{}.operator", person.id),
        letter: write(&person),
        to: person.email,
    });
    Ok(drafts.collect())
}

/// To those who may answer for a brand.
fn to_answer(dispute: &dispute::Model, name: &str, brand: &str, number: &str, items: &[Item]) -> Letter {
    let (subject, what) = if dispute.inquiry {
        ("asked about", "asks about the payment of")
    } else {
        ("disputed", "has taken back the payment of")
    };
    let mut body = format!("the buyer's bank {what} order {number} with {brand}:\n\n");
    for item in items {
        counted(&mut body, item);
    }
    line(&mut body, &format!("\nIts reason: {}", words(&dispute.reason)));
    line(&mut body, &asked(dispute.evidence_due_at));
    line(
        &mut body,
        if dispute.inquiry {
            "Nothing is taken from you, but nothing of this order is paid out while the bank asks. A refund ends it."
        } else {
            "What you earned with it is frozen until the bank decides. Nothing of it can be refunded meanwhile."
        },
    );
    letter(
        format!("Order {number} of {brand} is {subject}"),
        Some(name),
        &body,
    )
}

fn asked(due: Option<Time>) -> String {
    match due {
        Some(due) => format!(
            "Please note what speaks against it (when you sent it, the tracking code, what the buyer wrote) by {}.",
            due.format("%-d %B %Y, %H:%M UTC")
        ),
        None => "The bank takes no answer.".to_owned(),
    }
}

/// To those who run the platform.
fn to_operator(dispute: &dispute::Model, name: &str, number: &str, amount: Money) -> Letter {
    let what = if dispute.inquiry { "asks about" } else { "disputes" };
    let mut body = format!(
        "a buyer's bank {what} {amount} of order {number}.\n\nIts reason: {}\n",
        words(&dispute.reason)
    );
    line(
        &mut body,
        &match dispute.evidence_due_at {
            Some(due) => format!(
                "It can be answered until {}, once: its brands were asked what to say.",
                due.format("%-d %B %Y, %H:%M UTC")
            ),
            None => "The bank takes no answer.".to_owned(),
        },
    );
    letter(format!("Dispute of order {number}"), Some(name), &body)
}

/// To a shopholder: her earnings wait.
fn waits(name: &str, shop: &str, number: &str, earned: &[Earned], sum: Money) -> Letter {
    let mut body =
        format!("the buyer's bank disputes the payment of order {number}, sold through {shop}:\n\n");
    for Earned { item, earnings } in earned {
        line(
            &mut body,
            &format!("{} × {} ({}): {earnings}", item.count, item.title, item.brand),
        );
    }
    line(
        &mut body,
        &format!(
            "Together: {sum}\n\nYour earnings of it are frozen until the bank decides. There is nothing you need to do."
        ),
    );
    letter(format!("A sale through {shop} is disputed"), Some(name), &body)
}

/// To those of a brand, or of the platform: how it ended.
fn decided(state: DisputeState, name: &str, whose: &str, number: &str, lost: Money, fee: Money) -> Letter {
    let how = match state {
        DisputeState::Won => "was decided against the buyer",
        DisputeState::Lost => "was decided for the buyer: she has her money back",
        _ => "came to nothing",
    };
    let mut body = format!("the dispute of order {number} {how}.\n\n");
    line(
        &mut body,
        &match (lost.minor(), fee.minor()) {
            (0, 0) => format!("It cost {whose} nothing. What was frozen is free again."),
            (_, 0) => format!("It cost {whose} {lost}."),
            _ => format!("It cost {whose} {lost}, and {fee} of the bank's fee."),
        },
    );
    letter(
        format!("The dispute of order {number} has ended"),
        Some(name),
        &body,
    )
}

/// To a shopholder: how it ended for her.
fn ended(name: &str, shop: &str, number: &str, lost: Money) -> Letter {
    let what = match lost.minor() {
        0 => "Your earnings of it are yours again.".to_owned(),
        _ => format!(
            "The buyer has her money back, and {lost} of your earnings went with it. What was paid out already is set off \
             against later earnings."
        ),
    };
    let body = format!("the dispute of order {number}, sold through {shop}, has ended.\n\n{what}\n");
    letter(
        format!("The dispute of a sale through {shop} has ended"),
        Some(name),
        &body,
    )
}

/// Stripe's word for a reason, as words.
fn words(reason: &str) -> String {
    reason.replace('_', " ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn those_who_may_answer_read_until_when() {
        assert!(asked("2027-01-20T09:00:00Z".parse().ok()).contains("by 20 January 2027, 09:00 UTC"));
        assert_eq!(asked(None), "The bank takes no answer.");
    }
}
