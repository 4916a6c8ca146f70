//! A client of `graphql-transport-ws` that says what it is told to, right or wrong.

use std::time::Duration;

use futures::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream};

use super::Person;

/// How long anything may take to come.
const PATIENCE: Duration = Duration::from_secs(20);

/// One connection.
pub(crate) struct Socket(WebSocketStream<MaybeTlsStream<TcpStream>>);

impl Socket {
    /// Connects to the server at `url` and says nothing yet; the status it was refused with otherwise.
    pub(crate) async fn connect(url: &str, headers: &[(&'static str, &str)]) -> Result<Self, u16> {
        let address = format!("{}/graphql", url.replacen("http", "ws", 1));
        let mut request = address.into_client_request().unwrap();
        let own = [("sec-websocket-protocol", "graphql-transport-ws")];
        for (name, value) in own.iter().chain(headers) {
            request.headers_mut().insert(*name, value.parse().unwrap());
        }
        match tokio_tungstenite::connect_async(request).await {
            Ok((socket, _)) => Ok(Self(socket)),
            Err(tokio_tungstenite::tungstenite::Error::Http(response)) => Err(response.status().as_u16()),
            Err(error) => panic!("{error}"),
        }
    }

    /// Connects as this person, and is let in.
    pub(crate) async fn of(url: &str, person: &Person<'_>) -> Self {
        let mut socket = Self::connect(url, &[]).await.unwrap();
        let mut payload = json!({});
        if let Some(token) = person.token().await {
            payload["Authorization"] = format!("Bearer {token}").into();
        }
        if let Some(guest) = &person.guest {
            payload["Vitrine-Guest"] = guest.clone().into();
        }
        socket
            .say(json!({ "type": "connection_init", "payload": payload }))
            .await;
        assert_eq!(socket.hear().await, json!({ "type": "connection_ack" }));
        socket
    }

    pub(crate) async fn say(&mut self, message: Value) {
        self.send(Message::text(message.to_string())).await;
    }

    pub(crate) async fn send(&mut self, message: Message) {
        self.0.send(message).await.unwrap();
    }

    /// Begins an operation.
    pub(crate) async fn begin(&mut self, id: &str, query: &str, variables: Value) {
        let payload = json!({ "query": query, "variables": variables });
        self.say(json!({ "id": id, "type": "subscribe", "payload": payload }))
            .await;
    }

    /// The next message.
    pub(crate) async fn hear(&mut self) -> Value {
        match self.next().await {
            Message::Text(text) => serde_json::from_str(&text).unwrap(),
            other => panic!("no text: {other:?}"),
        }
    }

    /// The data of the next answer to the operation `id`.
    pub(crate) async fn data(&mut self, id: &str) -> Value {
        let message = self.hear().await;
        assert_eq!(
            (&message["id"], &message["type"]),
            (&json!(id), &json!("next")),
            "{message:#}"
        );
        assert!(message["payload"].get("errors").is_none(), "{message:#}");
        message["payload"]["data"].clone()
    }

    /// The code of the error that ends the operation `id`.
    pub(crate) async fn error(&mut self, id: &str) -> String {
        let message = self.hear().await;
        assert_eq!(
            (&message["id"], &message["type"]),
            (&json!(id), &json!("error")),
            "{message:#}"
        );
        message["payload"][0]["extensions"]["code"]
            .as_str()
            .unwrap()
            .to_owned()
    }

    /// The code the server closes with; what it says before is passed over.
    pub(crate) async fn closed(&mut self) -> u16 {
        loop {
            if let Message::Close(frame) = self.next().await {
                return frame.map_or(1005, |frame| frame.code.into());
            }
        }
    }

    /// A ping is answered, which shows that everything said before was heard.
    pub(crate) async fn sync(&mut self) {
        self.say(json!({ "type": "ping", "payload": { "n": 1 } })).await;
        assert_eq!(
            self.hear().await,
            json!({ "type": "pong", "payload": { "n": 1 } })
        );
    }

    async fn next(&mut self) -> Message {
        let next = tokio::time::timeout(PATIENCE, self.0.next()).await;
        next.expect("something comes in time")
            .expect("the connection is open")
            .unwrap()
    }
}
