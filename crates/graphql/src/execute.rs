//! Executing one operation: what the server hands in, what it gets back. HTTP's part of it is the server's.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use async_graphql::extensions::{
    Extension, ExtensionContext, ExtensionFactory, NextExecute, NextParseQuery, NextPrepareRequest,
    NextResolve, NextValidation, ResolveInfo,
};
use async_graphql::parser::types::{ExecutableDocument, OperationType};
use async_graphql::{Pos, Request, Response, ServerError, ServerResult, ValidationResult, Value, Variables};
use serde::Serialize;
use vitrine_domain::context::Context;
use vitrine_domain::identity::Viewer;
use vitrine_domain::throttle::{self, Exceeded, Meter};

use crate::batches::Batches;
use crate::cookies::{CookieChange, CookieJar};
use crate::error::code;
use crate::loaders::Loaders;
use crate::parsed::Parsed;
use crate::subscribe::{Listening, has_one_root};
use crate::variables::leave_out;
use crate::{Api, coercion, guard};

/// What to do when a session opens nothing now.
pub const REFRESH: &str = "the token is malformed, expired or revoked: refresh the session, or sign in anew";

/// Most errors told of a document that does not fit the schema.
const MAX_ERRORS: usize = 50;

/// One operation as it came.
#[derive(Debug, Clone, Default, serde::Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Operation {
    /// The document; may be absent when `document_id` or `extensions` name one.
    #[serde(default)]
    pub query: Option<String>,
    /// The document's id, in place of it: `sha256:` and its hash, or the id under which it is listed.
    #[serde(default)]
    pub document_id: Option<String>,
    /// Which of its operations to execute.
    #[serde(default)]
    pub operation_name: Option<String>,
    /// The variables' values: a JSON object.
    #[serde(default)]
    pub variables: Option<serde_json::Map<String, serde_json::Value>>,
    /// Protocol extensions: a JSON object.
    #[serde(default)]
    pub extensions: Option<serde_json::Map<String, serde_json::Value>>,
}

/// What came of it.
#[derive(Debug)]
pub struct Answer {
    /// The response's body, JSON.
    pub body: Vec<u8>,
    /// Whether execution began. If not, the body has errors and no `data`: the request was at fault.
    pub executed: bool,
    /// Whether a mutation was refused because only queries are safe in this request.
    pub needs_post: bool,
    /// What the browser is to do with the cookies that keep its session, if anything.
    pub cookies: Option<CookieChange>,
    /// Whether it was refused because the session of the browser's cookies must be gone on with first.
    pub has_lapsed: bool,
    /// Whether it would cost more than is left of a limit; nothing was executed then.
    pub exceeded: Option<Exceeded>,
}

impl Answer {
    pub(crate) fn refused(body: Vec<u8>) -> Self {
        Self {
            body,
            executed: false,
            needs_post: false,
            has_lapsed: false,
            cookies: None,
            exceeded: None,
        }
    }
}

/// For whom an operation is executed, and under which conditions.
#[derive(Debug, Clone)]
pub struct Caller {
    /// What the domain is given.
    pub cx: Context,
    /// Who asks.
    pub viewer: Viewer,
    /// What counts what is asked for.
    pub meter: Meter,
    /// Whether mutations are refused: a GET must change nothing.
    pub read_only: bool,
}

/// Executes one operation.
pub async fn execute(api: &Api, operation: Operation, caller: Caller) -> Answer {
    let prepared = match prepare(api, operation, caller) {
        Ok(prepared) => prepared,
        Err(refused) => return refused,
    };
    let executed = api.schema.execute(prepared.request);
    let response = prepared.batches.drive(executed).await;
    answer(response, &prepared.progress, true)
}

/// An operation on its way into the library.
pub(crate) struct Prepared {
    pub(crate) request: Request,
    pub(crate) progress: Arc<Progress>,
    pub(crate) batches: Batches,
}

/// Finds the document, looks at its text, and puts beside it what resolvers need.
pub(crate) fn prepare(api: &Api, operation: Operation, caller: Caller) -> Result<Prepared, Answer> {
    let refused = |(code, message)| Answer::refused(error_body(code, message));
    let text = api.documents.resolve(&operation).map_err(refused)?;
    let mut request = Request::new(&*text);
    let known = api.parsed.find(&text);
    let is_known = known.is_some();
    match known {
        Some(document) => request.set_parsed_query(document),
        None => guard::check_text(&text).map_err(|problem| refused((code::TOO_COMPLEX, problem)))?,
    }
    if let Some(variables) = operation.variables {
        request = request.variables(Variables::from_json(serde_json::Value::Object(variables)));
    }
    let progress = Arc::new(Progress {
        read_only: caller.read_only,
        most: api.limits.complexity,
        most_fields: api.limits.fields,
        operation_name: operation.operation_name.clone(),
        to_keep: (!is_known).then(|| api.parsed.clone()),
        ..Progress::default()
    });
    request.operation_name = operation.operation_name;
    let batches = Batches::default();
    let request = request
        .data(Loaders::of_request(caller.cx.clone(), batches.clone()))
        .data(caller.cx)
        .data(caller.viewer)
        .data(caller.meter)
        .data(progress.cookies.clone())
        .data(progress.clone());
    Ok(Prepared {
        request,
        progress,
        batches,
    })
}

/// What the library answered, with what happened on the way, and its cost where that is wanted.
pub(crate) fn answer(mut response: Response, progress: &Progress, tells_cost: bool) -> Answer {
    response.errors.append(&mut progress.caught());
    if progress.is_spent() {
        // Each of its fields failed alike: one error says it, and nothing of what was read is of use.
        response.data = Value::Null;
        response.errors.retain(|error| has_code(error, code::TOO_COMPLEX));
        response.errors.truncate(1);
    }
    // What is watched is answered again and again: each answer may be as large.
    progress.fields.store(0, Ordering::Relaxed);
    for error in &mut response.errors {
        code_if_missing(error, code::BAD_USER_INPUT);
    }
    let executed = progress.executed.load(Ordering::Relaxed);
    let exceeded = progress.exceeded.get().copied();
    if let Some(cost) = progress.cost.get().filter(|_| tells_cost) {
        let cost = async_graphql::value!({
            "requested": cost.requested,
            "limit": cost.limit,
            "remaining": cost.remaining,
        });
        response.extensions.insert("cost".to_owned(), cost);
    }
    Answer {
        body: body(&response, executed),
        executed,
        needs_post: progress.needs_post.load(Ordering::Relaxed),
        has_lapsed: progress.has_lapsed.load(Ordering::Relaxed),
        cookies: progress.cookies.changed(),
        exceeded,
    }
}

/// The body of a request that could not even be read: one error, no `data`.
pub fn request_error(message: &str) -> Vec<u8> {
    error_body(code::BAD_USER_INPUT, message)
}

/// A body with one error under `code`, and no `data`.
pub fn error_body(code: &str, message: &str) -> Vec<u8> {
    body(&Response::from_errors(vec![coded(message, code)]), false)
}

/// The same, telling the request's id too: it finds the request in the logs.
pub fn fault_body(code: &str, message: &str, request_id: &str) -> Vec<u8> {
    let mut error = coded(message, code);
    let extensions = error.extensions.get_or_insert_default();
    extensions.set("requestId", request_id);
    body(&Response::from_errors(vec![error]), false)
}

fn body(response: &Response, executed: bool) -> Vec<u8> {
    #[derive(Serialize)]
    struct Body<'a> {
        #[serde(skip_serializing_if = "<[_]>::is_empty")]
        errors: &'a [ServerError],
        #[serde(skip_serializing_if = "Option::is_none")]
        data: Option<&'a Value>,
        #[serde(skip_serializing_if = "std::collections::BTreeMap::is_empty")]
        extensions: &'a std::collections::BTreeMap<String, Value>,
    }
    let body = Body {
        errors: &response.errors,
        data: executed.then_some(&response.data),
        extensions: &response.extensions,
    };
    // GraphQL values are JSON by construction.
    serde_json::to_vec(&body).unwrap_or_default()
}

/// What an operation costs.
#[derive(Debug, Clone, Copy)]
struct Cost {
    requested: usize,
    /// What one may cost at most.
    limit: usize,
    /// Points left of the narrowest rate limit; none where nothing is limited.
    remaining: Option<u32>,
}

impl Cost {
    fn too_much(self) -> String {
        let Self { requested, limit, .. } = self;
        format!(
            "this costs {requested} points, and one operation may cost {limit}: ask for shorter pages, or for less of each thing"
        )
    }
}

/// How far a request has come, told by the extension below.
#[derive(Default)]
pub(crate) struct Progress {
    read_only: bool,
    most: usize,
    most_fields: usize,
    operation_name: Option<String>,
    /// Where the document is kept, if it is a new one.
    to_keep: Option<Arc<Parsed>>,
    needs_post: AtomicBool,
    has_lapsed: AtomicBool,
    executed: AtomicBool,
    /// Known once the operation is validated.
    cost: OnceLock<Cost>,
    exceeded: OnceLock<Exceeded>,
    /// Fields resolved for the answer, and rows read for its lists.
    fields: AtomicUsize,
    cookies: CookieJar,
    caught: Mutex<Vec<ServerError>>,
}

impl Progress {
    /// Counts so many more fields and rows; whether the answer may still be given.
    pub(crate) fn spend(&self, more: usize) -> bool {
        self.fields.fetch_add(more, Ordering::Relaxed);
        !self.is_spent()
    }

    fn is_spent(&self) -> bool {
        self.fields.load(Ordering::Relaxed) > self.most_fields
    }

    /// The errors that ended in a nullable field.
    fn caught(&self) -> std::sync::MutexGuard<'_, Vec<ServerError>> {
        // A poisoned list is still a list.
        self.caught.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Looks at every document before it is validated, notes whether execution began, and lets an error end where it may.
pub(crate) struct Watch;

impl ExtensionFactory for Watch {
    fn create(&self) -> Arc<dyn Extension> {
        Arc::new(Self)
    }
}

#[async_graphql::async_trait::async_trait]
impl Extension for Watch {
    /// The first to see every document.
    async fn prepare_request(
        &self,
        ctx: &ExtensionContext<'_>,
        mut request: Request,
        next: NextPrepareRequest<'_>,
    ) -> ServerResult<Request> {
        let document = request.parsed_query().map_err(|mut error| {
            code_if_missing(&mut error, code::PARSE_FAILED);
            error
        })?;
        guard::check(document).map_err(|problem| coded(problem, code::TOO_COMPLEX))?;
        next.run(ctx, request).await
    }

    async fn parse_query(
        &self,
        ctx: &ExtensionContext<'_>,
        query: &str,
        variables: &Variables,
        next: NextParseQuery<'_>,
    ) -> ServerResult<ExecutableDocument> {
        // Nothing is left to parse: what may fail are the library's limits.
        let mut document = next.run(ctx, query, variables).await.map_err(|mut error| {
            code_if_missing(&mut error, code::TOO_COMPLEX);
            error
        })?;
        let Some(progress) = ctx.data_opt::<Arc<Progress>>() else {
            return Ok(document);
        };
        if let Some(parsed) = &progress.to_keep {
            parsed.keep(query, &document);
        }
        if let Some(operation) = guard::selected(&document, progress.operation_name.as_deref()) {
            let checked = coercion::check(&ctx.schema_env.registry, &operation.node, variables);
            checked.map_err(|(why, at)| misfit(why, at))?;
        }
        leave_out(&mut document, variables, progress.operation_name.as_deref());
        if !has_one_root(&mut document, progress.operation_name.as_deref()) {
            let why = "a subscription has one field at its root, and nothing that leaves it out";
            return Err(coded(why, code::VALIDATION_FAILED));
        }
        let operation = guard::selected(&document, progress.operation_name.as_deref());
        let subscribes = operation.is_some_and(|operation| operation.node.ty == OperationType::Subscription);
        if subscribes && ctx.data_opt::<Arc<Listening>>().is_none() {
            let why = "subscribe by WebSocket, with the protocol graphql-transport-ws";
            return Err(coded(why, code::BAD_USER_INPUT));
        }
        if progress.read_only && operation.is_some_and(|operation| guard::changes_anything(&operation.node)) {
            progress.needs_post.store(true, Ordering::Relaxed);
            return Err(coded("a mutation must be sent by POST", code::BAD_USER_INPUT));
        }
        let lapsed = ctx
            .data_opt::<Viewer>()
            .is_some_and(|viewer| viewer.client.has_lapsed);
        if lapsed && !operation.is_some_and(|operation| guard::is_about_sessions(&operation.node)) {
            progress.has_lapsed.store(true, Ordering::Relaxed);
            return Err(coded(REFRESH, code::UNAUTHENTICATED));
        }
        Ok(document)
    }

    async fn validation(
        &self,
        ctx: &ExtensionContext<'_>,
        next: NextValidation<'_>,
    ) -> Result<ValidationResult, Vec<ServerError>> {
        let valid = next.run(ctx).await.map_err(invalid)?;
        let (Some(progress), Some(meter)) = (ctx.data_opt::<Arc<Progress>>(), ctx.data_opt::<Meter>()) else {
            return Ok(valid);
        };
        // What any request costs was taken before. What asks for too much is told how much, and pays no more than that.
        let points = u32::try_from(valid.complexity).unwrap_or(u32::MAX);
        let too_complex = valid.complexity > progress.most;
        let taken = match too_complex {
            true => Ok(()),
            false => meter.take(points.saturating_sub(throttle::REQUEST)).await,
        };
        let left = meter.standings().into_iter().map(|standing| standing.remaining);
        let cost = Cost {
            requested: valid.complexity,
            limit: progress.most,
            remaining: left.min(),
        };
        // Set once: an operation is validated once.
        let _ = progress.cost.set(cost);
        if too_complex {
            return Err(vec![coded(&cost.too_much(), code::TOO_COMPLEX)]);
        }
        taken.map_err(|exceeded| {
            let _ = progress.exceeded.set(exceeded);
            vec![coded(&exceeded.to_string(), code::RATE_LIMITED)]
        })?;
        Ok(valid)
    }

    async fn execute(
        &self,
        ctx: &ExtensionContext<'_>,
        name: Option<&str>,
        next: NextExecute<'_>,
    ) -> Response {
        if let Some(progress) = ctx.data_opt::<Arc<Progress>>() {
            progress.executed.store(true, Ordering::Relaxed);
        }
        next.run(ctx, name).await
    }

    /// An error ends in the nearest nullable field around it, as the specification says; the library would carry it on to
    /// the nearest nullable object.
    async fn resolve(
        &self,
        ctx: &ExtensionContext<'_>,
        info: ResolveInfo<'_>,
        next: NextResolve<'_>,
    ) -> ServerResult<Option<Value>> {
        let nullable = !info.return_type.ends_with('!');
        match (next.run(ctx, info).await, ctx.data_opt::<Arc<Progress>>()) {
            (Err(error), Some(progress)) if nullable => {
                progress.caught().push(error);
                Ok(Some(Value::Null))
            }
            (outcome, _) => outcome,
        }
    }
}

/// What does not fit the schema, or asks for too much of it.
fn invalid(mut errors: Vec<ServerError>) -> Vec<ServerError> {
    errors.truncate(MAX_ERRORS);
    for error in &mut errors {
        let code = match error.message.as_str() {
            "Query is nested too deep." => code::TOO_COMPLEX,
            _ => code::VALIDATION_FAILED,
        };
        code_if_missing(error, code);
    }
    errors
}

/// What does not fit the schema about a variable that is declared at `at`.
fn misfit(why: String, at: Pos) -> ServerError {
    let mut error = ServerError::new(why, Some(at));
    code_if_missing(&mut error, code::VALIDATION_FAILED);
    error
}

fn coded(message: &str, code: &str) -> ServerError {
    let mut error = ServerError::new(message, None);
    code_if_missing(&mut error, code);
    error
}

fn has_code(error: &ServerError, code: &str) -> bool {
    let told = error.extensions.as_ref().and_then(|told| told.get("code"));
    matches!(told, Some(Value::String(told)) if told == code)
}

/// Every error has a code. What has none comes from the library, and `code` says in which part of its work.
fn code_if_missing(error: &mut ServerError, code: &str) {
    let extensions = error.extensions.get_or_insert_default();
    if extensions.get("code").is_none() {
        extensions.set("code", code);
    }
}
