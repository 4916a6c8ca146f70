//! Erasing.

use vitrine_model::checkout::order;
use vitrine_model::id::{AccountId, OrderId};
use vitrine_model::identity::account;
use vitrine_model::ledger::Party;
use vitrine_model::text::Password;

use crate::context::{Context, Tx};
use crate::event::{self, Actor};
use crate::failure::{Failure, OrRefuse, refuse};
use crate::identity::{self, Proved, Viewer};
use crate::privacy::refusal::Refusal;
use crate::{checkout, ledger, referral, shop};

/// Erases an account: its owner with her password, or, if she has none, just after she has signed in; or an operator whom she asked. Her shops are closed, and
/// say nothing of her any more; her orders and her part of the books stay, under ids that lead to nobody.
///
/// # Errors
/// `AccountNotFound`, `Unproven`, `IsOperator`, `OrdersOpen`, `MoneyOutstanding`, `OnlyOwner`.
pub async fn erase_account(
    cx: &Context,
    by: &account::Model,
    id: AccountId,
    (password, proved): (Option<Password>, Option<Proved>),
) -> Result<(), Failure<Refusal>> {
    if by.id != id && !by.operator {
        return refuse(Refusal::AccountNotFound);
    }
    // Whoever found a device signed in does not erase its owner.
    if by.id == id {
        let proved = identity::prove(cx, by, password, proved).await;
        proved.map_err(|failure| failure.map(Refusal::Unproven))?;
    }
    let tx = cx.begin().await?;
    let account = identity::lock_account(&tx, id).await?;
    let account = account.or_refuse(Refusal::AccountNotFound)?;
    if account.operator {
        return refuse(Refusal::IsOperator);
    }
    let orders = checkout::orders_by_account(&tx, id).await?;
    let open = checkout::open_among(&tx, &orders).await?;
    if !open.is_empty() {
        return refuse(Refusal::OrdersOpen(open.len()));
    }
    settled(&tx, id).await?;
    if let Some(brand) = identity::sole_ownership(&tx, id).await? {
        return refuse(Refusal::OnlyOwner(brand));
    }
    let orders: Vec<OrderId> = orders.iter().map(|order| order.id).collect();
    checkout::forget_orders(&tx, cx, &orders).await?;
    checkout::forget_carts_of(&tx, id).await?;
    for shop in shop::erase_of(&tx, cx, &account).await? {
        referral::forget_labels(&tx, shop).await?;
    }
    identity::erase(&tx, cx, &account).await?;
    event::record(&tx, cx, Actor::Account(by.id), "account.erased", id, &[]).await?;
    tx.commit().await?;
    Ok(())
}

/// Passes when nothing is held for her, on its way to her, disputed or owed, and no share of hers is to come.
async fn settled(tx: &Tx, id: AccountId) -> Result<(), Failure<Refusal>> {
    let party = Party::Shopholder(id);
    let earnings = ledger::earnings_of(tx, &[party]).await?;
    let outstanding = earnings.values().flatten().any(|part| {
        [
            part.held,
            part.available,
            part.in_transit,
            part.disputed,
            part.owed,
            part.to_be_shared,
        ]
        .iter()
        .any(|amount| *amount != 0)
    });
    if outstanding {
        return refuse(Refusal::MoneyOutstanding);
    }
    Ok(())
}

/// Erases who bought an order and where it went: for its buyer, a guest among them, or an operator whom she asked.
///
/// # Errors
/// `OrderNotFound`, `OrderOpen`.
pub async fn erase_contact(cx: &Context, by: &Viewer, id: OrderId) -> Result<order::Model, Failure<Refusal>> {
    let found = checkout::order(cx, by, id).await?;
    found.or_refuse(Refusal::OrderNotFound)?;
    let tx = cx.begin().await?;
    let order = checkout::lock(&tx, id).await?;
    let order = order.or_refuse(Refusal::OrderNotFound)?;
    if !checkout::open_among(&tx, std::slice::from_ref(&order))
        .await?
        .is_empty()
    {
        return refuse(Refusal::OrderOpen);
    }
    checkout::forget_orders(&tx, cx, &[id]).await?;
    let actor = by.account_id().map_or(Actor::Guest, Actor::Account);
    event::record(&tx, cx, actor, "order.contact_erased", id, &[]).await?;
    tx.commit().await?;
    Ok(order)
}
