//! Executing one operation: what the server hands in, what it gets back. HTTP's part of it is the server's.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use async_graphql::extensions::{
    Extension, ExtensionContext, ExtensionFactory, NextExecute, NextParseQuery, NextPrepareRequest,
    NextResolve, NextValidation, ResolveInfo,
};
use async_graphql::parser::types::ExecutableDocument;
use async_graphql::{Request, Response, ServerError, ServerResult, ValidationResult, Value, Variables};
use serde::Serialize;
use vitrine_domain::context::Context;
use vitrine_domain::identity::Viewer;

use crate::batches::Batches;
use crate::cookies::{CookieChange, CookieJar};
use crate::error::code;
use crate::loaders::Loaders;
use crate::variables::leave_out;
use crate::{VitrineSchema, guard};

/// Longest document that is kept for a later request to name by its hash, in bytes.
const MAX_PERSISTED: usize = 10 * 1024;
/// The extension by which clients name documents by their hash.
const PERSISTED: &str = "persistedQuery";

/// One operation as it came.
#[derive(Debug, Clone, Default, serde::Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Operation {
    /// The document; may be absent when `extensions` name a persisted one.
    #[serde(default)]
    pub query: Option<String>,
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
}

/// Executes one operation for `viewer`. With `read_only`, mutations are refused: a GET must change nothing.
pub async fn execute(
    schema: &VitrineSchema,
    operation: Operation,
    cx: Context,
    viewer: Viewer,
    read_only: bool,
) -> Answer {
    let text = operation.query.unwrap_or_default();
    if let Err(problem) = guard::check_nesting(&text) {
        return Answer {
            body: error_body(code::TOO_COMPLEX, problem),
            executed: false,
            needs_post: false,
            cookies: None,
        };
    }
    let kept = text.len() <= MAX_PERSISTED;
    let mut request = Request::new(text);
    if let Some(variables) = operation.variables {
        request = request.variables(Variables::from_json(serde_json::Value::Object(variables)));
    }
    if let Some(extensions) = operation.extensions {
        request.extensions.0 = extensions
            .into_iter()
            .filter(|(name, _)| kept || name != PERSISTED)
            .filter_map(|(name, value)| Some((name, Value::from_json(value).ok()?)))
            .collect();
    }
    let progress = Arc::new(Progress {
        read_only,
        operation_name: operation.operation_name.clone(),
        ..Progress::default()
    });
    request.operation_name = operation.operation_name;
    let (batches, cookies) = (Batches::default(), CookieJar::default());
    let request = request
        .data(Loaders::of_request(cx.clone(), batches.clone()))
        .data(cx)
        .data(viewer)
        .data(cookies.clone())
        .data(progress.clone());
    let mut response = batches.drive(schema.execute(request)).await;
    response.errors.append(&mut progress.caught());
    for error in &mut response.errors {
        code_if_missing(error, code::BAD_USER_INPUT);
    }
    let executed = progress.executed.load(Ordering::Relaxed);
    Answer {
        body: body(&response, executed),
        executed,
        needs_post: progress.needs_post.load(Ordering::Relaxed),
        cookies: cookies.changed(),
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

/// How far a request has come, told by the extension below.
#[derive(Debug, Default)]
struct Progress {
    read_only: bool,
    operation_name: Option<String>,
    needs_post: AtomicBool,
    executed: AtomicBool,
    caught: Mutex<Vec<ServerError>>,
}

impl Progress {
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
    /// Runs after persisted documents were found: the first to see every document.
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
        leave_out(&mut document, variables, progress.operation_name.as_deref());
        let operation = guard::selected(&document, progress.operation_name.as_deref());
        if progress.read_only && operation.is_some_and(|operation| guard::changes_anything(&operation.node)) {
            progress.needs_post.store(true, Ordering::Relaxed);
            return Err(coded("a mutation must be sent by POST", code::BAD_USER_INPUT));
        }
        Ok(document)
    }

    async fn validation(
        &self,
        ctx: &ExtensionContext<'_>,
        next: NextValidation<'_>,
    ) -> Result<ValidationResult, Vec<ServerError>> {
        next.run(ctx).await.map_err(|mut errors| {
            for error in &mut errors {
                let too_much = matches!(
                    error.message.as_str(),
                    "Query is too complex." | "Query is nested too deep."
                );
                let code = if too_much {
                    code::TOO_COMPLEX
                } else {
                    code::VALIDATION_FAILED
                };
                code_if_missing(error, code);
            }
            errors
        })
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

fn coded(message: &str, code: &str) -> ServerError {
    let mut error = ServerError::new(message, None);
    code_if_missing(&mut error, code);
    error
}

/// Every error has a code. What has none comes from the library, and `code` says in which part of its work.
fn code_if_missing(error: &mut ServerError, code: &str) {
    // The message is the protocol's own.
    let code = match error.message.as_str() {
        "PersistedQueryNotFound" => code::PERSISTED_QUERY_NOT_FOUND,
        _ => code,
    };
    let extensions = error.extensions.get_or_insert_default();
    if extensions.get("code").is_none() {
        extensions.set("code", code);
    }
}
