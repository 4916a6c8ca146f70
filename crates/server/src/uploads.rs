//! `PUT /uploads/{import}?token=…`: a product file, streamed to the folder of uploads and never held in memory. The token
//! is good until one file was received whole; what a product file means is found out by a job.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Context as _;
use axum::body::Body;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Path as Segment, Query, State};
use axum::http::{HeaderMap, Request, StatusCode, header};
use futures::StreamExt;
use secrecy::SecretString;
use serde::Deserialize;
use tokio::io::AsyncWriteExt;
use vitrine_domain::catalog::{self, Refusal};
use vitrine_domain::context::Context;
use vitrine_domain::failure::Failure;
use vitrine_model::id::ImportId;

use crate::boot::Vitrine;
use crate::request;
use crate::worlds::os_random;

/// How long a client may fall silent in the midst of its file.
const SILENCE: Duration = Duration::from_secs(60);

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

/// A file on its way in. Whatever is left of it when this is dropped is removed: also when the client goes away, which ends
/// the request wherever it stands.
struct Part(PathBuf);

impl Part {
    fn of(app: &Vitrine, import: ImportId) -> anyhow::Result<Self> {
        let own = hex::encode(&os_random()[..8]);
        let key = format!("{import}{}{own}", catalog::UPLOAD_UNDER_WAY);
        Ok(Self(app.files.path(&key)?))
    }
}

impl Drop for Part {
    fn drop(&mut self) {
        if let Err(error) = std::fs::remove_file(&self.0)
            && error.kind() != ErrorKind::NotFound
        {
            tracing::warn!(%error, "what is left of an upload cannot be removed: the sweep will try again");
        }
    }
}

/// Stores the file and has it read.
pub(crate) async fn receive(
    State(app): State<Vitrine>,
    Segment(import): Segment<String>,
    token: Result<Query<Token>, QueryRejection>,
    headers: HeaderMap,
    request: Request<Body>,
) -> (StatusCode, &'static str) {
    let cx = request::context(&app, &headers);
    let (Ok(import), Ok(Query(Token { token }))) = (import.parse::<ImportId>(), token) else {
        return UNKNOWN;
    };
    let token = SecretString::from(token);
    match store(&app, &cx, import, &token, request).await {
        Ok(answer) => answer,
        Err(Failure::Refused(_)) => UNKNOWN,
        Err(Failure::Fault(error)) => broken(&cx, &error),
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
) -> Result<(StatusCode, &'static str), Failure<Refusal>> {
    catalog::awaits_upload(cx, import, token).await?;
    let encodings = request.headers().get_all(header::CONTENT_ENCODING);
    if encodings.iter().any(|encoding| encoding != "identity") {
        return Ok((
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            "the file must not be compressed: send it without Content-Encoding\n",
        ));
    }
    let most = cx.settings().import_max_bytes;
    let told = request
        .headers()
        .get(header::CONTENT_LENGTH)
        .and_then(|value| value.to_str().ok())
        .and_then(|text| text.parse::<u64>().ok());
    let part = Part::of(app, import)?;
    let upload = match told {
        Some(told) if told > most => Upload::TooLarge,
        _ => save(&part.0, request.into_body(), most).await?,
    };
    Ok(match upload {
        Upload::Whole(bytes) => {
            let place = app.files.path(&import.to_string())?;
            let keep = || std::fs::rename(&part.0, place);
            catalog::upload_finished(cx, import, token, bytes, keep).await?;
            app.wake.notify_one();
            (
                StatusCode::ACCEPTED,
                "the file will be read: ask productImport how far it is\n",
            )
        }
        Upload::TooLarge => {
            catalog::upload_too_large(cx, import, token).await?;
            (StatusCode::PAYLOAD_TOO_LARGE, "the file is too large\n")
        }
        Upload::BrokenOff => (
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
    loop {
        let chunk = match tokio::time::timeout(SILENCE, stream.next()).await {
            Ok(None) => break,
            Ok(Some(Ok(chunk))) => chunk,
            Ok(Some(Err(_))) | Err(_) => return Ok(Upload::BrokenOff),
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

fn broken(cx: &Context, error: &anyhow::Error) -> (StatusCode, &'static str) {
    tracing::error!(
        request_id = cx.request_id(),
        error = format!("{error:#}"),
        "an upload failed"
    );
    (StatusCode::INTERNAL_SERVER_ERROR, "something broke on our side\n")
}
