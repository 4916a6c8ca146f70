//! Why webhooks say no.

use vitrine_model::Time;

use crate::identity;

/// Why an endpoint could not be made or changed, or a message not be sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Refusal {
    /// One may not do this for the brand.
    Staff(identity::Refusal),
    /// Only operators make endpoints that belong to no brand.
    OperatorOnly,
    /// No such endpoint of one's own.
    EndpointNotFound,
    /// No such message of one's own.
    MessageNotFound,
    /// There are as many as there may be.
    TooMany(u64),
    /// No message may go there; why.
    UrlNotAllowed(String),
    /// It wants to be told of nothing.
    NoTopics,
    /// It is told of tests anyway.
    TestIsNoTopic,
    /// It is disabled.
    Disabled,
    /// It is not disabled.
    Enabled,
    /// The message is to be sent anyway.
    UnderWay,
    /// Two secrets count: with one more, the one that receivers have might not.
    TwoSecrets {
        /// How long still.
        until: Time,
    },
}

impl From<identity::Refusal> for Refusal {
    fn from(refusal: identity::Refusal) -> Self {
        Self::Staff(refusal)
    }
}
