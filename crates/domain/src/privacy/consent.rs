//! What people have agreed to.

use std::collections::BTreeSet;

use sea_orm::ActiveValue::Set;
use sea_orm::{
    ActiveModelTrait, ColumnTrait, Condition, ConnectionTrait, DbErr, EntityTrait, QueryFilter, QueryOrder,
    QuerySelect,
};
use vitrine_model::id::AccountId;
use vitrine_model::privacy::{Purpose, consent};
use vitrine_model::text::{Label, Note};

use crate::context::Context;
use crate::event::{self, Actor};
use crate::failure::{Failure, refuse};
use crate::privacy::refusal::Refusal;
use crate::secret;

/// What the visitors' hashes are for.
const PURPOSE: &str = "consenting visitor";
/// Answers looked through for the last one to each question.
const LOOKED_THROUGH: u64 = 200;

/// Who was asked: someone signed in, the visitor that a frontend named, or both.
#[derive(Debug, Clone, Default)]
pub struct Asked {
    /// Who is signed in.
    pub account: Option<AccountId>,
    /// What the frontend calls the visitor: a random text that it keeps in her browser.
    pub visitor: Option<Label>,
}

/// An answer to one question.
#[derive(Debug, Clone, Copy)]
pub struct Answer {
    /// What was asked.
    pub purpose: Purpose,
    /// Whether she agrees.
    pub granted: bool,
}

/// Answers given together.
#[derive(Debug, Clone)]
pub struct Answers {
    /// Who gave them.
    pub by: Asked,
    /// The answers.
    pub answers: Vec<Answer>,
    /// Which version of the words she read.
    pub text_version: Label,
    /// The words.
    pub text: Note,
}

/// Records answers. One that says what the last one said, to the same words, is not written again. Returns the answers
/// that count now.
///
/// # Errors
/// `NobodyNamed`, `NoAnswers`, `AnsweredTwice`.
pub async fn record_consent(cx: &Context, new: Answers) -> Result<Vec<consent::Model>, Failure<Refusal>> {
    let whose = whose(cx, &new.by)?;
    if new.answers.is_empty() {
        return refuse(Refusal::NoAnswers);
    }
    let purposes: BTreeSet<Purpose> = new.answers.iter().map(|answer| answer.purpose).collect();
    if purposes.len() < new.answers.len() {
        return refuse(Refusal::AnsweredTwice);
    }
    let tx = cx.begin().await?;
    let standing = last(&tx, whose.clone()).await?;
    let visitor_hash = new.by.visitor.as_ref().map(|visitor| hash(cx, visitor));
    for answer in &new.answers {
        let repeated = standing.iter().any(|row| {
            let said = (row.purpose, row.granted, &row.text_version, &row.text);
            said == (answer.purpose, answer.granted, &new.text_version, &new.text)
        });
        if repeated {
            continue;
        }
        let row = consent::ActiveModel {
            id: Set(cx.new_id()),
            account_id: Set(new.by.account),
            visitor_hash: Set(visitor_hash.clone()),
            purpose: Set(answer.purpose),
            granted: Set(answer.granted),
            text_version: Set(new.text_version.clone()),
            text: Set(new.text.clone()),
            recorded_at: Set(cx.now()),
        };
        let row = row.insert(&tx).await?;
        let actor = new.by.account.map_or(Actor::Guest, Actor::Account);
        let refs = [
            ("purpose", row.purpose.to_string()),
            ("granted", row.granted.to_string()),
        ];
        event::record(&tx, cx, actor, "consent.recorded", row.id, &refs).await?;
    }
    let standing = last(&tx, whose).await?;
    tx.commit().await?;
    Ok(standing)
}

/// The answers that count now: the last to each question.
///
/// # Errors
/// `NobodyNamed`.
pub async fn consents(cx: &Context, by: &Asked) -> Result<Vec<consent::Model>, Failure<Refusal>> {
    Ok(last(cx.db(), whose(cx, by)?).await?)
}

async fn last(db: &impl ConnectionTrait, whose: Condition) -> Result<Vec<consent::Model>, DbErr> {
    let rows = consent::Entity::find()
        .filter(whose)
        .order_by_desc(consent::Column::RecordedAt)
        .order_by_desc(consent::Column::Id)
        .limit(LOOKED_THROUGH)
        .all(db)
        .await?;
    let mut seen = BTreeSet::new();
    let mut last: Vec<_> = rows.into_iter().filter(|row| seen.insert(row.purpose)).collect();
    last.sort_by_key(|row| row.purpose);
    Ok(last)
}

/// Her answers are those of her account and those of her browser, whichever came last.
fn whose(cx: &Context, by: &Asked) -> Result<Condition, Failure<Refusal>> {
    if by.account.is_none() && by.visitor.is_none() {
        return refuse(Refusal::NobodyNamed);
    }
    let account = by.account.map(|id| consent::Column::AccountId.eq(id));
    let visitor = by.visitor.as_ref().map(|visitor| {
        // In a browser that several people use, another's answers are not hers.
        let hers = Condition::any().add(consent::Column::AccountId.is_null());
        let hers = by
            .account
            .into_iter()
            .fold(hers, |hers, id| hers.add(consent::Column::AccountId.eq(id)));
        Condition::all()
            .add(consent::Column::VisitorHash.eq(hash(cx, visitor)))
            .add(hers)
    });
    Ok(Condition::any().add_option(account).add_option(visitor))
}

fn hash(cx: &Context, visitor: &Label) -> Vec<u8> {
    secret::keyed_hash(cx, PURPOSE, visitor.as_str().as_bytes())
}
