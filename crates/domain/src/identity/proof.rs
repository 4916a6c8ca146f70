//! What it takes to do what a thief would do first: a session whose owner has proved a moment ago who she is.

use chrono::TimeDelta;
use vitrine_model::Time;
use vitrine_model::identity::session;

use crate::context::Context;
use crate::failure::{Failure, OrRefuse};
use crate::identity::queries::Viewer;
use crate::identity::refusal::Refusal;

/// How long a proof is good.
const MINUTES: i64 = 10;

/// Given to who has proved a moment ago who she is. Commands that ask for it cannot be called without.
#[derive(Debug, Clone, Copy)]
pub struct Proved(());

/// Until when `session` is taken for proved.
pub fn proved_until(session: &session::Model) -> Time {
    session.proved_at + TimeDelta::minutes(MINUTES)
}

impl Viewer {
    /// The proof that she has given a moment ago.
    ///
    /// # Errors
    /// `StepUpRequired`: also for who is signed in without a session, such as by an API key.
    pub fn proved(&self, cx: &Context) -> Result<Proved, Failure<Refusal>> {
        let recent = |session: &&session::Model| proved_until(session) > cx.now();
        let session = self.session.as_ref().filter(recent);
        session.or_refuse(Refusal::StepUpRequired)?;
        Ok(Proved(()))
    }
}
