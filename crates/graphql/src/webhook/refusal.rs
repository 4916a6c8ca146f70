//! Why webhooks say no, as clients read it.

use chrono::SecondsFormat;
use vitrine_domain::identity;
use vitrine_domain::webhook::Refusal;

use crate::error::{UserError, UserErrorCode};

impl From<Refusal> for UserError {
    fn from(refusal: Refusal) -> Self {
        use UserErrorCode::{Forbidden, Invalid, LimitReached, NotFound, TooManyAttempts, WrongState};
        match refusal {
            Refusal::Staff(identity::Refusal::BrandNotFound) => {
                Self::new(NotFound, "brandId", "there is no such brand")
            }
            Refusal::Staff(identity::Refusal::TooManyAttempts { until }) => Self::new(
                TooManyAttempts,
                "",
                format!(
                    "that was asked for too often: ask again after {}",
                    until.to_rfc3339_opts(SecondsFormat::Secs, true)
                ),
            ),
            Refusal::Staff(_) => Self::new(
                Forbidden,
                "brandId",
                "this is for owners and managers of the brand",
            ),
            Refusal::OperatorOnly => Self::new(
                Forbidden,
                "brandId",
                "name a brand of yours: only operators make endpoints without one",
            ),
            Refusal::EndpointNotFound => Self::new(NotFound, "id", "you have no such webhook endpoint"),
            Refusal::MessageNotFound => {
                Self::new(NotFound, "id", "there is no such message to an endpoint of yours")
            }
            Refusal::TooMany(most) => Self::new(
                LimitReached,
                "brandId",
                format!("there may be {most} webhook endpoints at most"),
            ),
            Refusal::UrlNotAllowed(why) => Self::new(Invalid, "url", why),
            Refusal::NoTopics => Self::new(Invalid, "topics", "name one topic at least"),
            Refusal::TestIsNoTopic => Self::new(
                Invalid,
                "topics",
                "every endpoint is told of tests: leave TEST out",
            ),
            Refusal::Disabled => Self::new(WrongState, "", "the endpoint is disabled: enable it first"),
            Refusal::Enabled => Self::new(WrongState, "", "the endpoint is not disabled"),
            Refusal::TwoSecrets { until } => Self::new(
                WrongState,
                "",
                format!(
                    "the secret before still signs, until {}: rotate then, or ask to revoke it at once",
                    until.to_rfc3339_opts(SecondsFormat::Secs, true)
                ),
            ),
            Refusal::UnderWay => Self::new(WrongState, "", "the message is to be sent anyway"),
        }
    }
}
