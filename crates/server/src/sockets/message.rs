//! What is said over a connection, as <https://github.com/enisdenjo/graphql-ws/blob/master/PROTOCOL.md> has it.

use axum::extract::ws::{CloseFrame, Message};
use serde::Deserialize;
use serde_json::{Map, Value, json};
use vitrine_graphql::{Answer, Operation};

/// The protocol's name.
pub(super) const PROTOCOL: &str = "graphql-transport-ws";
/// Longest id a client may give an operation, in bytes.
const MAX_ID: usize = 64;

/// Why a connection is closed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Closing {
    /// What came is no message of the protocol.
    Malformed,
    /// An operation came before the connection was acknowledged.
    NotAcknowledged,
    /// The session it was opened with was ended.
    SignedOut,
    /// What it was to be opened with opens nothing.
    Forbidden,
    /// The session it was opened with has expired: a fresh token opens a new connection.
    Expired,
    /// Another protocol was asked for.
    WrongProtocol,
    /// Nothing came to open it.
    NotOpened,
    /// The id is that of an operation still under way.
    Doubled(String),
    /// It was to be opened twice.
    OpenedTwice,
    /// More messages came than a client needs to send.
    TooMany,
    /// So many connections from one address are open that nobody is signed in on.
    TooManyUnknown,
    /// A message was too long.
    TooLong,
    /// The process stops.
    GoingAway,
    /// Something broke on our side.
    Fault,
}

impl Closing {
    pub(super) fn code(&self) -> u16 {
        match self {
            Self::GoingAway => 1001,
            Self::TooLong => 1009,
            Self::Malformed => 4400,
            Self::NotAcknowledged | Self::SignedOut => 4401,
            Self::Forbidden | Self::Expired => 4403,
            Self::WrongProtocol => 4406,
            Self::NotOpened => 4408,
            Self::Doubled(_) => 4409,
            Self::OpenedTwice | Self::TooMany | Self::TooManyUnknown => 4429,
            Self::Fault => 4500,
        }
    }

    fn reason(&self) -> String {
        let reason = match self {
            Self::Malformed => "this is no message of graphql-transport-ws",
            Self::NotAcknowledged => "Unauthorized",
            Self::SignedOut => "the session was ended",
            Self::Forbidden => "Forbidden",
            Self::Expired => "the session has expired: connect with a fresh token",
            Self::WrongProtocol => "Subprotocol not acceptable",
            Self::NotOpened => "Connection initialisation timeout",
            Self::Doubled(id) => return format!("Subscriber for {id} already exists"),
            Self::OpenedTwice => "Too many initialisation requests",
            Self::TooMany => "Too many messages",
            Self::TooManyUnknown => "Too many connections from this address: sign in, or try again later",
            Self::TooLong => "a message has 256 KiB at most",
            Self::GoingAway => "the server stops: connect again",
            Self::Fault => "something broke on our side",
        };
        reason.to_owned()
    }

    pub(super) fn frame(&self) -> Message {
        Message::Close(Some(CloseFrame {
            code: self.code(),
            reason: self.reason().into(),
        }))
    }
}

/// What a client says.
#[derive(Debug, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub(super) enum Said {
    ConnectionInit {
        #[serde(default)]
        payload: Option<Map<String, Value>>,
    },
    Ping {
        #[serde(default)]
        payload: Option<Map<String, Value>>,
    },
    Pong {
        #[serde(default)]
        #[allow(
            dead_code,
            reason = "the protocol lets a client send it; nothing is done with it"
        )]
        payload: Option<Map<String, Value>>,
    },
    Subscribe {
        id: String,
        payload: Operation,
    },
    Complete {
        id: String,
    },
}

impl Said {
    /// What `text` says.
    pub(super) fn parse(text: &str) -> Result<Self, Closing> {
        let said = serde_json::from_str(text).map_err(|_| Closing::Malformed)?;
        match &said {
            Self::Subscribe { id, .. } | Self::Complete { id } if id.is_empty() || id.len() > MAX_ID => {
                Err(Closing::Malformed)
            }
            _ => Ok(said),
        }
    }
}

pub(super) fn acknowledged() -> Message {
    Message::text(json!({ "type": "connection_ack" }).to_string())
}

pub(super) fn ping() -> Message {
    Message::text(json!({ "type": "ping" }).to_string())
}

pub(super) fn pong(payload: Option<Map<String, Value>>) -> Message {
    let pong = match payload {
        Some(payload) => json!({ "type": "pong", "payload": payload }),
        None => json!({ "type": "pong" }),
    };
    Message::text(pong.to_string())
}

pub(super) fn complete(id: &str) -> Message {
    Message::text(json!({ "id": id, "type": "complete" }).to_string())
}

/// An answer as `next`, or as `error` when nothing was executed, which ends the operation.
pub(super) fn answer(id: &str, answer: &Answer) -> Message {
    let id = Value::from(id);
    let body = String::from_utf8_lossy(&answer.body);
    if answer.executed {
        return Message::text(format!(r#"{{"id":{id},"type":"next","payload":{body}}}"#));
    }
    let errors = serde_json::from_str::<Value>(&body).map(|mut body| body["errors"].take());
    Message::text(json!({ "id": id, "type": "error", "payload": errors.unwrap_or_default() }).to_string())
}

/// An error of our own about an operation, which ends it.
pub(super) fn error(id: &str, code: &str, message: &str) -> Message {
    let errors = json!([{ "message": message, "extensions": { "code": code } }]);
    Message::text(json!({ "id": id, "type": "error", "payload": errors }).to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_protocols_messages_are_understood() {
        for text in [
            r#"{"type":"connection_init"}"#,
            r#"{"type":"connection_init","payload":{"Authorization":"Bearer x"}}"#,
            r#"{"type":"ping"}"#,
            r#"{"type":"pong","payload":{}}"#,
            r#"{"id":"1","type":"subscribe","payload":{"query":"{ viewer { id } }"}}"#,
            r#"{"id":"1","type":"complete"}"#,
        ] {
            assert!(Said::parse(text).is_ok(), "{text}");
        }
        for text in [
            "",
            "null",
            "[]",
            "{}",
            r#"{"type":"start"}"#,
            r#"{"type":"connection_init","payload":[]}"#,
            r#"{"type":"subscribe","payload":{"query":"{ viewer { id } }"}}"#,
            r#"{"id":1,"type":"subscribe","payload":{"query":"{ viewer { id } }"}}"#,
            r#"{"id":"","type":"subscribe","payload":{"query":"{ viewer { id } }"}}"#,
            r#"{"id":"1","type":"subscribe"}"#,
            r#"{"id":"1","type":"subscribe","payload":{"query":1}}"#,
        ] {
            assert_eq!(Said::parse(text).unwrap_err(), Closing::Malformed, "{text}");
        }
    }
}
