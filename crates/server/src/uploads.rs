//! `PUT /uploads/{import}?token=…`: a product file, streamed to the folder of uploads and never held in memory. The token
//! is good for one file; what a product file means is found out by a job.

use std::path::Path;

use anyhow::Context as _;
use axum::body::Body;
use axum::extract::{Path as Segment, Query, State};
use axum::http::{HeaderMap, Request, StatusCode, header};
use futures::StreamExt;
use secrecy::SecretString;
use serde::Deserialize;
use tokio::io::AsyncWriteExt;
use vitrine_domain::catalog;
use vitrine_domain::context::Context;
use vitrine_domain::failure::Failure;
use vitrine_model::id::ImportId;

use crate::boot::Vitrine;
use crate::request;

/// What the address carries.
#[derive(Deserialize)]
pub(crate) struct Token {
    token: String,
}

/// How an upload ended.
enum Upload {
    /// All of it is there: so many bytes.
    Whole(u64),
    /// It outgrew the limit.
    TooLarge,
    /// The client fell silent or went away.
    BrokenOff,
}

/// Stores the file and has it read.
pub(crate) async fn receive(
    State(app): State<Vitrine>,
    Segment(import): Segment<String>,
    Query(Token { token }): Query<Token>,
    headers: HeaderMap,
    request: Request<Body>,
) -> (StatusCode, &'static str) {
    let (cx, token) = (request::context(&app, &headers), SecretString::from(token));
    let Ok(import) = import.parse::<ImportId>() else {
        return UNKNOWN;
    };
    match catalog::accept_upload(&cx, import, &token).await {
        Ok(_) => {}
        Err(Failure::Refused(_)) => return UNKNOWN,
        Err(Failure::Fault(error)) => return broken(&cx, &error),
    }
    match store(&app, &cx, import, &token, request).await {
        Ok(answer) => answer,
        Err(error) => broken(&cx, &error),
    }
}

const UNKNOWN: (StatusCode, &str) = (
    StatusCode::NOT_FOUND,
    "no import awaits a file at this address: ask productImportCreate for one\n",
);

async fn store(
    app: &Vitrine,
    cx: &Context,
    import: ImportId,
    token: &SecretString,
    request: Request<Body>,
) -> anyhow::Result<(StatusCode, &'static str)> {
    let path = app.files.path(&import.to_string())?;
    let most = cx.settings().import_max_bytes;
    let told = request
        .headers()
        .get(header::CONTENT_LENGTH)
        .and_then(|value| value.to_str().ok())
        .and_then(|text| text.parse::<u64>().ok());
    let upload = match told {
        Some(told) if told > most => Upload::TooLarge,
        _ => save(&path, request.into_body(), most).await?,
    };
    match upload {
        Upload::Whole(bytes) => {
            let finished = catalog::upload_finished(cx, import, bytes).await;
            finished.map_err(fault)?;
            app.wake.notify_one();
            return Ok((
                StatusCode::ACCEPTED,
                "the file will be read: ask productImport how far it is\n",
            ));
        }
        Upload::TooLarge => catalog::upload_too_large(cx, import).await.map_err(fault)?,
        Upload::BrokenOff => catalog::upload_broken_off(cx, import, token)
            .await
            .map_err(fault)?,
    }
    // What was stored of it is of no use.
    tokio::fs::remove_file(&path).await.ok();
    Ok(match upload {
        Upload::TooLarge => (StatusCode::PAYLOAD_TOO_LARGE, "the file is too large\n"),
        _ => (
            StatusCode::BAD_REQUEST,
            "the upload broke off: send the file again\n",
        ),
    })
}

async fn save(path: &Path, body: Body, most: u64) -> anyhow::Result<Upload> {
    let mut file = tokio::fs::File::create(path)
        .await
        .with_context(|| format!("cannot write {}", path.display()))?;
    let mut stream = body.into_data_stream();
    let mut bytes = 0_u64;
    while let Some(chunk) = stream.next().await {
        let Ok(chunk) = chunk else {
            return Ok(Upload::BrokenOff);
        };
        bytes += u64::try_from(chunk.len())?;
        if bytes > most {
            return Ok(Upload::TooLarge);
        }
        file.write_all(&chunk).await?;
    }
    // The job may run on another node, or after a crash: the file must be on the disk before it is told of.
    file.sync_all().await?;
    Ok(Upload::Whole(bytes))
}

fn fault(failure: Failure<catalog::Refusal>) -> anyhow::Error {
    match failure {
        Failure::Fault(error) => error,
        Failure::Refused(refusal) => anyhow::anyhow!("an upload was taken and then refused: {refusal:?}"),
    }
}

fn broken(cx: &Context, error: &anyhow::Error) -> (StatusCode, &'static str) {
    tracing::error!(
        request_id = cx.request_id(),
        error = format!("{error:#}"),
        "an upload failed"
    );
    (StatusCode::INTERNAL_SERVER_ERROR, "something broke on our side\n")
}
