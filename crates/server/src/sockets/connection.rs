//! One connection, from its first message to its end.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::time::Duration;

use axum::extract::ws::{Message, WebSocket};
use axum::http::{HeaderMap, HeaderName, HeaderValue, header};
use futures::StreamExt;
use serde_json::{Map, Value};
use tokio::sync::mpsc;
use tokio::task::{AbortHandle, JoinSet};
use tokio::time::{Instant, MissedTickBehavior};
use vitrine_domain::context::Context;
use vitrine_domain::identity::{self, Viewer};
use vitrine_domain::stream::{Happening, Told, Waiting};
use vitrine_domain::throttle::Meter;
use vitrine_graphql::{Operation, code};
use vitrine_model::Time;

use super::follow::Follower;
use super::message::{self, Closing, Said};
use super::places::Place;
use crate::boot::Vitrine;
use crate::limits;
use crate::request::{self, Unserved};

/// How long a client may take to open its connection.
const OPENED_WITHIN: Duration = Duration::from_secs(3);
/// How often a client is asked whether it is there.
const PING_EVERY: Duration = Duration::from_secs(25);
/// How long a client may say nothing.
const HEARD_WITHIN: Duration = Duration::from_secs(60);
/// How often a connection looks at its session's end and at the two above.
const TICK: Duration = Duration::from_secs(1);
/// Operations under way at once.
const MAX_OPERATIONS: usize = 50;
/// Messages a client may send within [`OF_MESSAGES`].
const MAX_MESSAGES: u32 = 200;
/// The time over which messages are counted.
const OF_MESSAGES: Duration = Duration::from_secs(10);
/// Messages that wait to be sent: whoever makes more of them waits with them.
const WAITING: usize = 16;

/// What a connection knows of its client; shared with the operations that run on it.
#[derive(Clone)]
pub(super) struct Client {
    pub(super) app: Vitrine,
    /// What says who asks.
    headers: HeaderMap,
    peer: SocketAddr,
    pub(super) meter: Meter,
    /// Who it was when she was last looked at.
    viewer: Viewer,
}

impl Client {
    /// A context for one operation or one delivery.
    pub(super) fn context(&self) -> Context {
        request::context(&self.app, &self.headers)
    }

    /// Who the connection stands for now.
    pub(super) async fn viewer(&self, cx: &Context) -> Result<Viewer, Closing> {
        let viewer = identity::recheck(cx, &self.viewer).await;
        let viewer = viewer.map_err(|error| fault(&error.into()))?;
        // What is over since its time has run out was not ended by anybody.
        let over = good_until(&self.viewer).is_some_and(|until| until <= cx.now());
        viewer.ok_or(if over {
            Closing::Expired
        } else {
            Closing::SignedOut
        })
    }

    /// Finds out who it is, at the beginning.
    async fn meet(&mut self, cx: &Context) -> Result<(), Closing> {
        let viewer = request::viewer(&self.app, cx, &self.headers, self.peer).await;
        self.viewer = viewer.map_err(|unserved| match unserved {
            Unserved::Fault(error) => fault(&error),
            Unserved::BadToken | Unserved::Foreign => Closing::Forbidden,
        })?;
        if self.viewer.client.has_lapsed {
            return Err(Closing::Forbidden);
        }
        Ok(())
    }
}

/// What operations hand to their connection.
pub(super) enum Out {
    /// Something about an operation; the last that is said about it, or not.
    Message {
        id: String,
        serial: u64,
        message: Message,
        last: bool,
    },
    Close(Closing),
}

pub(super) struct Connection {
    client: Client,
    place: Place,
    /// Until when the token or the API key it was opened with is good, and the place in the event stream from which the
    /// session, or the key, is watched.
    opened: Option<(Option<Time>, Waiting)>,
    /// Operations under way, by id. The number tells two apart that had the same id one after the other.
    running: HashMap<String, (u64, AbortHandle)>,
    tasks: JoinSet<()>,
    begun: u64,
    out: mpsc::Sender<Out>,
    made: Option<mpsc::Receiver<Out>>,
    began: Instant,
    heard: Instant,
    pinged: Instant,
    /// Messages counted since when.
    counted: (u32, Instant),
}

impl Connection {
    pub(super) fn new(
        app: Vitrine,
        headers: HeaderMap,
        peer: SocketAddr,
        (meter, place): (Meter, Place),
    ) -> Self {
        let (out, made) = mpsc::channel(WAITING);
        let now = Instant::now();
        Self {
            client: Client {
                app,
                headers,
                peer,
                meter,
                viewer: Viewer::default(),
            },
            place,
            opened: None,
            running: HashMap::new(),
            tasks: JoinSet::new(),
            begun: 0,
            out,
            made: Some(made),
            began: now,
            heard: now,
            pinged: now,
            counted: (0, now),
        }
    }

    /// Serves until either side ends it.
    pub(super) async fn serve(mut self, mut socket: WebSocket, spoken: bool) {
        let ended = match spoken {
            true => self.converse(&mut socket).await,
            false => Some(Closing::WrongProtocol),
        };
        self.tasks.abort_all();
        if let Some(closing) = ended {
            // The client may be gone already, or read nothing.
            let _ = tokio::time::timeout(TICK, socket.send(closing.frame())).await;
            let _ = tokio::time::timeout(TICK, read_out(&mut socket)).await;
        }
    }

    /// Nothing when the client ended it.
    async fn converse(&mut self, socket: &mut WebSocket) -> Option<Closing> {
        let mut ticks = tokio::time::interval(TICK);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut made = self.made.take()?;
        let stopping = self.client.app.sockets.stopping.clone();
        loop {
            let step = tokio::select! {
                () = stopping.cancelled() => Err(Closing::GoingAway),
                said = socket.next() => match said {
                    None => return None,
                    Some(said) => self.hear(said).await,
                },
                Some(out) = made.recv() => self.say(out),
                Some(_) = self.tasks.join_next() => Ok(None),
                told = of_session(&mut self.opened) => self.look_at_session(told).await.map(|()| None),
                _ = ticks.tick() => self.tick(),
            };
            match step {
                Ok(None) => {}
                Ok(Some(message)) => tokio::select! {
                    sent = socket.send(message) => sent.ok()?,
                    // Who does not read what she is sent keeps nobody from stopping.
                    () = stopping.cancelled() => return Some(Closing::GoingAway),
                },
                Err(closing) => return Some(closing),
            }
        }
    }

    /// What a message is answered with at once.
    async fn hear(&mut self, said: Result<Message, axum::Error>) -> Result<Option<Message>, Closing> {
        self.heard = Instant::now();
        self.count()?;
        let text = match said {
            Ok(Message::Text(text)) => text,
            Ok(Message::Ping(_) | Message::Pong(_) | Message::Close(_)) => return Ok(None),
            Ok(Message::Binary(_)) => return Err(Closing::Malformed),
            Err(error) => return Err(broken(&error)),
        };
        match Said::parse(&text)? {
            Said::ConnectionInit { payload } => self.open(payload).await.map(Some),
            Said::Ping { payload } => Ok(Some(message::pong(payload))),
            Said::Pong { .. } => Ok(None),
            Said::Subscribe { id, payload } => self.begin(id, payload).await,
            Said::Complete { id } => {
                if let Some((_, task)) = self.running.remove(&id) {
                    task.abort();
                }
                Ok(None)
            }
        }
    }

    /// What an operation wants said, unless the client has ended it.
    fn say(&mut self, out: Out) -> Result<Option<Message>, Closing> {
        let (id, said_by, message, last) = match out {
            Out::Message {
                id,
                serial,
                message,
                last,
            } => (id, serial, message, last),
            Out::Close(closing) => return Err(closing),
        };
        if self.running.get(&id).is_none_or(|(serial, _)| *serial != said_by) {
            return Ok(None);
        }
        if last {
            self.running.remove(&id);
        }
        Ok(Some(message))
    }

    /// A place in the event stream.
    async fn listen(&self) -> Result<Waiting, Closing> {
        let cx = self.client.context();
        let waiting = self.client.app.platform.stream.wait(&cx).await;
        waiting.map_err(|error| fault(&error.into()))
    }

    fn count(&mut self) -> Result<(), Closing> {
        let (count, since) = self.counted;
        self.counted = match self.heard - since < OF_MESSAGES {
            true => (count + 1, since),
            false => (1, self.heard),
        };
        if self.counted.0 > MAX_MESSAGES {
            return Err(Closing::TooMany);
        }
        Ok(())
    }

    async fn open(&mut self, payload: Option<Map<String, Value>>) -> Result<Message, Closing> {
        if self.opened.is_some() {
            return Err(Closing::OpenedTwice);
        }
        for (name, value) in payload.into_iter().flatten() {
            let name = name.to_ascii_lowercase();
            let known = [header::AUTHORIZATION.as_str(), request::GUEST];
            if let (true, Some(value)) = (known.contains(&name.as_str()), value.as_str()) {
                let name = HeaderName::try_from(name).map_err(|_| Closing::Malformed)?;
                let value = HeaderValue::from_str(value).map_err(|_| Closing::Malformed)?;
                self.client.headers.insert(name, value);
            }
        }
        let cx = self.client.context();
        let told = self.listen().await?;
        self.client.meet(&cx).await?;
        let taken = limits::count(&mut self.client.meter, &self.client.viewer).await;
        taken.map_err(|_| Closing::TooMany)?;
        if self.client.viewer.by().is_none() && !self.place.keep_unknown() {
            return Err(Closing::TooManyUnknown);
        }
        self.opened = Some((good_until(&self.client.viewer), told));
        Ok(message::acknowledged())
    }

    /// Begins an operation. Its place in the event stream is taken before the next message is read: what a client does
    /// after its ping was answered is told.
    async fn begin(&mut self, id: String, operation: Operation) -> Result<Option<Message>, Closing> {
        if self.opened.is_none() {
            return Err(Closing::NotAcknowledged);
        }
        if self.running.contains_key(&id) {
            return Err(Closing::Doubled(id));
        }
        if self.running.len() >= MAX_OPERATIONS {
            let why = format!("{MAX_OPERATIONS} operations may be under way on a connection");
            return Ok(Some(message::error(&id, code::TOO_COMPLEX, &why)));
        }
        let told = self.listen().await?;
        self.begun += 1;
        let follower = Follower::new(self.client.clone(), (id.clone(), self.begun), self.out.clone());
        let task = self.tasks.spawn(follower.run(operation, told));
        self.running.insert(id, (self.begun, task));
        Ok(None)
    }

    /// Something happened that may have ended the session, or it cannot be told.
    async fn look_at_session(&mut self, told: Told) -> Result<(), Closing> {
        let concerned = match &told {
            Told::Happening(happening) => {
                let kind = happening.event.kind.as_str();
                let ends = ["session.", "account.", "api_key."];
                ends.iter().any(|of| kind.starts_with(of)) && self.is_named_by(happening)
            }
            Told::Missed => true,
            Told::Ended => return Err(Closing::GoingAway),
        };
        if concerned {
            let cx = self.client.context();
            self.client.viewer = self.client.viewer(&cx).await?;
        }
        Ok(())
    }

    fn is_named_by(&self, happening: &Happening) -> bool {
        let viewer = &self.client.viewer;
        let session = viewer.session.as_ref().map(|session| session.id.to_string());
        let by = viewer.by().map(|by| by.to_string());
        let mut ids = [session, by].into_iter().flatten();
        ids.any(|id| happening.names(&id) || happening.event.actor == id)
    }

    fn tick(&mut self) -> Result<Option<Message>, Closing> {
        let now = Instant::now();
        match &self.opened {
            None if now - self.began >= OPENED_WITHIN => return Err(Closing::NotOpened),
            Some((Some(until), _)) if *until <= self.client.context().now() => return Err(Closing::Expired),
            _ => {}
        }
        if now - self.heard >= HEARD_WITHIN {
            return Err(Closing::GoingAway);
        }
        if self.opened.is_some() && now - self.pinged >= PING_EVERY {
            self.pinged = now;
            return Ok(Some(message::ping()));
        }
        Ok(None)
    }
}

/// Until when what she is known by is good, if it ends.
fn good_until(viewer: &Viewer) -> Option<Time> {
    let session = viewer.session.as_ref().map(|session| session.access_expires_at);
    session.or(viewer.key.as_ref().and_then(|key| key.expires_at))
}

/// What happens next, once there is a session to look at.
async fn of_session(opened: &mut Option<(Option<Time>, Waiting)>) -> Told {
    match opened {
        Some((_, told)) => told.next().await,
        None => std::future::pending().await,
    }
}

/// A connection broke off, or a message was longer than one may be.
fn broken(error: &axum::Error) -> Closing {
    let text = error.to_string();
    if text.contains("too long") || text.contains("Space limit") {
        Closing::TooLong
    } else {
        Closing::Malformed
    }
}

fn fault(error: &anyhow::Error) -> Closing {
    tracing::error!(error = format!("{error:#}"), "fault");
    Closing::Fault
}

/// Reads what the client still says, up to its own close: a connection dropped with data unread is reset, and the
/// close code lost with it.
async fn read_out(socket: &mut WebSocket) {
    while let Some(Ok(_)) = socket.next().await {}
}
