//! One operation of a connection: a query or a mutation is answered, a subscription followed.

use std::sync::Arc;

use axum::extract::ws::Message;
use tokio::sync::mpsc;
use vitrine_domain::stream::{Happening, Told, Waiting};
use vitrine_domain::throttle::REQUEST;
use vitrine_graphql::{
    Answer, Caller, Opened, Operation, Subscription, code, execute, is_subscription, subscribe,
};

use super::connection::{Client, Out};
use super::message::{self, Closing};

pub(super) struct Follower {
    client: Client,
    id: String,
    serial: u64,
    out: mpsc::Sender<Out>,
}

/// Nobody reads any more what an operation says.
struct Gone;

impl Follower {
    pub(super) fn new(client: Client, (id, serial): (String, u64), out: mpsc::Sender<Out>) -> Self {
        Self {
            client,
            id,
            serial,
            out,
        }
    }

    /// Runs the operation to its end.
    pub(super) async fn run(self, operation: Operation, told: Waiting) {
        // When nobody reads any more there is nothing to do about it.
        let _ = match is_subscription(&self.client.app.api, &operation) {
            true => self.follow(operation, told).await,
            false => self.answer(operation).await,
        };
    }

    async fn answer(&self, operation: Operation) -> Result<(), Gone> {
        let caller = self.caller().await?;
        let answer = execute(&self.client.app.api, operation, caller).await;
        self.client.app.wake.notify_one();
        self.end(&answer).await
    }

    async fn follow(&self, operation: Operation, mut told: Waiting) -> Result<(), Gone> {
        let caller = self.caller().await?;
        let (subscription, first) = match subscribe(&self.client.app.api, operation, caller).await {
            Opened::Open(subscription, first) => (subscription, first),
            Opened::Answered(answer) => return self.end(&answer).await,
        };
        let mut before = None;
        if let Some(answer) = first {
            self.deliver(&answer).await?;
            before = Some(answer.body);
        }
        loop {
            let happening = match told.next().await {
                Told::Happening(happening) if !subscription.concerns(&happening) => continue,
                Told::Happening(happening) => Some(happening),
                Told::Missed if subscription.tells_state() => None,
                Told::Missed => return self.missed().await,
                Told::Ended => return self.close(Closing::GoingAway).await,
            };
            let Some(answer) = self.next(&subscription, happening, &mut told).await? else {
                continue;
            };
            if subscription.tells_state() && before.as_ref() == Some(&answer.body) {
                continue;
            }
            if !answer.executed {
                return self.end(&answer).await;
            }
            self.deliver(&answer).await?;
            before = Some(answer.body);
        }
    }

    /// What there is to tell of `happening`; for one that tells how things stand, of all that has happened since as well.
    async fn next(
        &self,
        subscription: &Subscription,
        happening: Option<Arc<Happening>>,
        told: &mut Waiting,
    ) -> Result<Option<Answer>, Gone> {
        if subscription.tells_state() {
            told.skip();
        }
        let caller = self.caller().await?;
        if let Err(exceeded) = self.client.meter.take(REQUEST).await {
            let error = message::error(&self.id, code::RATE_LIMITED, &exceeded.to_string());
            self.say(error, true).await?;
            return Err(Gone);
        }
        Ok(subscription
            .deliver(&self.client.app.api, caller, happening)
            .await)
    }

    async fn caller(&self) -> Result<Caller, Gone> {
        let cx = self.client.context();
        match self.client.viewer(&cx).await {
            Ok(viewer) => Ok(Caller {
                cx,
                viewer,
                meter: self.client.meter.clone(),
                read_only: false,
            }),
            Err(closing) => {
                self.close(closing).await?;
                Err(Gone)
            }
        }
    }

    async fn deliver(&self, answer: &Answer) -> Result<(), Gone> {
        self.say(message::answer(&self.id, answer), !answer.executed)
            .await
    }

    /// Says the last there is to say: what was executed is followed by its end, an error is its own.
    async fn end(&self, answer: &Answer) -> Result<(), Gone> {
        self.deliver(answer).await?;
        match answer.executed {
            true => self.say(message::complete(&self.id), true).await,
            false => Ok(()),
        }
    }

    async fn missed(&self) -> Result<(), Gone> {
        let why = "more happened than was read: subscribe again, and look what happened meanwhile";
        let error = message::error(&self.id, code::TOO_SLOW, why);
        self.say(error, true).await
    }

    async fn close(&self, closing: Closing) -> Result<(), Gone> {
        self.out.send(Out::Close(closing)).await.map_err(|_| Gone)
    }

    async fn say(&self, message: Message, last: bool) -> Result<(), Gone> {
        let out = Out::Message {
            id: self.id.clone(),
            serial: self.serial,
            message,
            last,
        };
        self.out.send(out).await.map_err(|_| Gone)
    }
}
