//! What people have agreed to.

use async_graphql::{Context, Enum, InputObject, Object, Result};
use chrono::{DateTime, Utc};
use vitrine_domain::failure::Failure;
use vitrine_domain::privacy::{self, Answer, Answers, Asked};
use vitrine_model::privacy as rows;
use vitrine_model::privacy::consent;
use vitrine_model::text::Label;

use crate::access::{Declared, Subject, Who, access, root_part};
use crate::error::{Trouble, UserError, at, at_opt, code, fault, protocol_error};
use crate::request::RequestContext;

/// What people are asked to agree to.
#[derive(Enum, Copy, Clone, Debug, PartialEq, Eq)]
#[graphql(remote = "rows::Purpose")]
pub enum ConsentPurpose {
    /// Cookies that count visits.
    StatisticsCookies,
    /// Cookies that follow people for advertisement.
    MarketingCookies,
    /// Letters that advertise.
    MarketingMail,
    /// Pages that are made for one person from what she did before.
    Personalization,
}

/// Somebody's answer to one question. It is told to her alone.
#[derive(Debug, Clone)]
pub struct Consent(consent::Model);

impl Subject for Consent {}

/// Somebody's answer to one question. It is told to her alone.
#[Object(guard = Declared(self))]
impl Consent {
    /// What she was asked to agree to.
    #[graphql(directive = access::apply(Who::Anyone))]
    async fn purpose(&self) -> ConsentPurpose {
        self.0.purpose.into()
    }

    /// Whether she agrees.
    #[graphql(directive = access::apply(Who::Anyone))]
    async fn granted(&self) -> bool {
        self.0.granted
    }

    /// Which version of the words she read.
    #[graphql(directive = access::apply(Who::Anyone))]
    async fn text_version(&self) -> &str {
        self.0.text_version.as_str()
    }

    /// The words.
    #[graphql(directive = access::apply(Who::Anyone))]
    async fn text(&self) -> &str {
        self.0.text.as_str()
    }

    /// When she answered.
    #[graphql(directive = access::apply(Who::Anyone))]
    async fn recorded_at(&self) -> DateTime<Utc> {
        self.0.recorded_at
    }
}

/// An answer to one question.
#[derive(InputObject)]
pub struct ConsentAnswerInput {
    /// What was asked.
    purpose: ConsentPurpose,
    /// Whether she agrees.
    granted: bool,
}

/// Answers given together.
#[derive(InputObject)]
pub struct ConsentRecordInput {
    /// A random text by which your frontend knows this browser, 255 characters at most; kept as a keyed hash. It may be left
    /// out where somebody is signed in.
    visitor_id: Option<String>,
    /// The answers, one a purpose.
    answers: Vec<ConsentAnswerInput>,
    /// Which version of the words was shown; 255 characters at most.
    text_version: String,
    /// The words that were shown; 2000 characters at most.
    text: String,
}

impl ConsentRecordInput {
    fn parse(self, ctx: &Context<'_>) -> std::result::Result<Answers, Trouble> {
        let answers = self.answers.into_iter().map(|answer| Answer {
            purpose: answer.purpose.into(),
            granted: answer.granted,
        });
        Ok(Answers {
            by: Asked {
                account: ctx.viewer().account_id(),
                visitor: at_opt("visitorId", self.visitor_id.as_deref())?,
            },
            answers: answers.collect(),
            text_version: at("textVersion", self.text_version.parse())?,
            text: at("text", self.text.parse())?,
        })
    }

    /// Records them; the answers that count now.
    pub(super) async fn record(self, ctx: &Context<'_>) -> std::result::Result<Vec<Consent>, Trouble> {
        let answers = self.parse(ctx)?;
        let standing = privacy::record_consent(ctx.cx(), answers).await?;
        Ok(standing.into_iter().map(Consent).collect())
    }
}

root_part! {
    /// Query fields about privacy.
    PrivacyQuery of "Query"
}

#[Object(guard = Declared(self))]
impl PrivacyQuery {
    /// What the viewer has agreed to, and what not: her last answer to each question. A question that is missing was never
    /// answered: ask it.
    #[graphql(directive = access::apply(Who::Anyone), complexity = "4 * child_complexity")]
    async fn consents(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "What your frontend calls this browser; needed where nobody is signed in.")]
        visitor_id: Option<String>,
    ) -> Result<Vec<Consent>> {
        let visitor = visitor_id.map(|text| text.parse::<Label>()).transpose();
        let visitor = visitor.map_err(|error| protocol_error(code::BAD_USER_INPUT, error.to_string()))?;
        standing(ctx, visitor).await
    }
}

async fn standing(ctx: &Context<'_>, visitor: Option<Label>) -> Result<Vec<Consent>> {
    let by = Asked {
        account: ctx.viewer().account_id(),
        visitor,
    };
    match privacy::consents(ctx.cx(), &by).await {
        Ok(standing) => Ok(standing.into_iter().map(Consent).collect()),
        Err(Failure::Refused(refusal)) => {
            let told = UserError::from(refusal);
            Err(protocol_error(code::BAD_USER_INPUT, told.told()))
        }
        Err(Failure::Fault(error)) => Err(fault(ctx, &error)),
    }
}
