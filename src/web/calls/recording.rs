//! `/api/v1/calls/{id}/recording`: the sound, whole or a range of it, streamed from the file, whether it is encrypted or not. What
//! is about to be heard is journalled, by bytes and by seconds, before the first byte leaves.

use std::io::{ErrorKind, Read as _, Seek as _, SeekFrom};
use std::path::{Component, Path as FilePath, PathBuf};

use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use axum::response::Response;
use bytes::Bytes;
use futures_util::stream::{self, Stream, StreamExt as _};
use serde::Deserialize;
use utoipa::IntoParams;

use crate::content_key::ContentKey;
use crate::files::ContentFile;
use crate::ids::{ContactId, RecordingId};
use crate::journal::{Draft, EventType, MediaPosition};
use crate::recording::{Recording, RecordingResult, RecordingState};
use crate::store::Subject;
use crate::time::{self, Timestamp};

use super::super::error::ApiError;
use super::super::extract::{Path, Query};
use super::super::gate::Principal;
use super::super::{Shared, Web};
use super::range::{self, Wanted};
use super::wav_layout::{HEAD_BYTES, WavLayout};

/// Read and sent at once: two seconds of sound at 16 kHz stereo.
const CHUNK_BYTES: usize = 64 * 1024;

/// A reason is a sentence.
const MAX_REASON_CHARS: usize = 500;

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(in crate::web) struct Listening {
    /// Why: required of operators, supervisors and the mayor's office; journalled.
    pub(super) reason: Option<String>,
    /// Which recording, when a call has several; the first otherwise.
    #[param(value_type = Option<String>)]
    pub(super) recording: Option<RecordingId>,
}

/// A recording opened to be heard.
pub(in crate::web) struct Opened {
    pub(in crate::web) recording: Recording,
    pub(in crate::web) file: ContentFile,
    pub(in crate::web) length: u64,
    pub(in crate::web) layout: Option<WavLayout>,
}

/// The sound of a call as WAV; left the citizen, right the city. One byte range at a time.
#[utoipa::path(get, path = "/api/v1/calls/{id}/recording", tag = "calls",
    params(("id" = String, Path), Listening, ("Range" = Option<String>, Header)),
    responses((status = 200, content_type = "audio/wav"), (status = 206, content_type = "audio/wav"),
        (status = 403, description = "not this role, not this call, or no reason given"), (status = 404),
        (status = 410, description = "erased"), (status = 416)))]
pub(in crate::web) async fn play(
    State(web): State<Shared>,
    principal: Principal,
    Path(id): Path<ContactId>,
    Query(listening): Query<Listening>,
    method: Method,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let reason = listening.reason.as_deref();
    web.contact_to_hear(id, &principal, reason, "/api/v1/calls/{id}/recording").await?;
    let opened = web.open_recording(id, listening.recording).await?;
    let etag = opened.recording.sha256.map(|digest| format!("\"{digest}\""));
    let text = |name| headers.get(name).and_then(|value: &HeaderValue| value.to_str().ok());
    let wanted = match text(header::RANGE) {
        Some(wanted) if range::if_range_holds(text(header::IF_RANGE), etag.as_deref()) => {
            range::wanted(wanted, opened.length)
        }
        _ => Wanted::Whole,
    };
    let (status, first, last) = match wanted {
        Wanted::Whole => (StatusCode::OK, 0, opened.length.saturating_sub(1)),
        Wanted::Part { first, last } => (StatusCode::PARTIAL_CONTENT, first, last),
        Wanted::Unsatisfiable => return Err(ApiError::RangeNotSatisfiable { length: opened.length }),
    };
    let count = if opened.length == 0 { 0 } else { last - first + 1 };
    let body = if method == Method::HEAD {
        Body::empty()
    } else {
        web.journal(played(&opened, id, &principal, reason, first, last)).await?;
        Body::from_stream(until(principal.reach.ends_at(), bytes_of(opened.file, first, count)))
    };
    let mut response = Response::new(body);
    *response.status_mut() = status;
    let fields = response.headers_mut();
    fields.insert(header::CONTENT_TYPE, HeaderValue::from_static("audio/wav"));
    fields.insert(header::ACCEPT_RANGES, HeaderValue::from_static("bytes"));
    fields.insert(header::CONTENT_LENGTH, HeaderValue::from(count));
    if status == StatusCode::PARTIAL_CONTENT {
        fields.insert(header::CONTENT_RANGE, text_value(format!("bytes {first}-{last}/{}", opened.length))?);
    }
    if let Some(etag) = etag {
        fields.insert(header::ETAG, text_value(etag)?);
    }
    fields.insert(header::CONTENT_DISPOSITION, text_value(format!("inline; filename=\"{id}.wav\""))?);
    Ok(response)
}

pub(in crate::web) fn text_value(text: String) -> Result<HeaderValue, ApiError> {
    HeaderValue::try_from(text).map_err(|error| ApiError::internal("header value", &error))
}

/// The `access.played` entry for the bytes `first..=last`.
fn played(
    opened: &Opened,
    contact: ContactId,
    principal: &Principal,
    reason: Option<&str>,
    first: u64,
    last: u64,
) -> Draft {
    // The journal holds no fractions: whole seconds for people, milliseconds beside them.
    let millis = opened.layout.map(|layout| layout.millis(first, last, opened.length));
    let seconds = millis.map(|[from, to]| [from / 1000, to.div_ceil(1000)]);
    let mut draft = Draft::new(EventType::AccessPlayed, time::now().utc, principal.actor());
    draft.contact = Some(contact);
    draft.reason = reason.map(|reason| reason.chars().take(MAX_REASON_CHARS).collect());
    let offset_ms = millis.map_or(0, |[from, _]| from);
    draft.media = Some(MediaPosition { recording: opened.recording.id, offset_ms });
    draft.data = serde_json::json!({ "bytes": [first, last], "seconds": seconds, "millis": millis });
    draft
}

/// `count` bytes of `file` from `first` on, in chunks; an error when the file is shorter.
pub(in crate::web) fn bytes_of(
    file: ContentFile,
    first: u64,
    count: u64,
) -> impl Stream<Item = std::io::Result<Bytes>> {
    stream::try_unfold((file, first, count), |(file, at, left)| async move {
        if left == 0 {
            return Ok(None);
        }
        let wanted = usize::try_from(left).unwrap_or(CHUNK_BYTES).min(CHUNK_BYTES);
        let (file, chunk) = part_of(file, at, wanted).await?;
        let read = chunk.len() as u64;
        Ok(Some((chunk, (file, at + read, left - read))))
    })
}

/// `count` bytes of `file` from `at` on, and the file again. It waits for the disk and decrypts, which no task does.
pub(in crate::web) async fn part_of(
    mut file: ContentFile,
    at: u64,
    count: usize,
) -> std::io::Result<(ContentFile, Bytes)> {
    let read = tokio::task::spawn_blocking(move || {
        let mut part = vec![0; count];
        file.seek(SeekFrom::Start(at))?;
        file.read_exact(&mut part)?;
        Ok((file, Bytes::from(part)))
    });
    read.await.map_err(std::io::Error::other)?
}

/// `sound` up to a moment; then the connection breaks, since less than was promised came.
fn until(
    end: Option<Timestamp>,
    sound: impl Stream<Item = std::io::Result<Bytes>>,
) -> impl Stream<Item = std::io::Result<Bytes>> {
    sound.map(move |chunk| match end {
        Some(end) if time::now().utc >= end => Err(std::io::ErrorKind::PermissionDenied.into()),
        _ => chunk,
    })
}

impl Web {
    /// The row of the recording asked for, or of the first one.
    pub(super) async fn recording(
        &self,
        contact: ContactId,
        wanted: Option<RecordingId>,
    ) -> Result<Recording, ApiError> {
        let mut recordings = self.store().recordings_of(contact).await?.into_iter();
        let found = recordings.find(|recording| wanted.is_none_or(|id| recording.id == id));
        let found = found.ok_or(ApiError::NotFound("recording"))?;
        if found.state == RecordingState::Erased {
            return Err(ApiError::erased("the recording"));
        }
        if found.result == Some(RecordingResult::Failed) && found.frames == 0 {
            return Err(ApiError::NotFound("sound: the recording failed"));
        }
        Ok(found)
    }

    /// The file of `recording`; a path that would leave the folder names no file.
    pub(super) fn recording_file(&self, recording: &Recording) -> Result<PathBuf, ApiError> {
        let relative = FilePath::new(&recording.path);
        if !relative.components().all(|part| matches!(part, Component::Normal(_))) {
            return Err(ApiError::internal("recording path leaves its folder", &recording.id));
        }
        Ok(self.given.recording_dir.join(relative))
    }

    pub(in crate::web) async fn open_recording(
        &self,
        contact: ContactId,
        wanted: Option<RecordingId>,
    ) -> Result<Opened, ApiError> {
        let recording = self.recording(contact, wanted).await?;
        let (path, key) = (self.recording_file(&recording)?, self.sound_key(&recording).await?);
        let id = recording.id;
        let read = tokio::task::spawn_blocking(move || {
            let mut file = ContentFile::open(&path, id.0, key.as_ref())?;
            let length = file.length()?;
            let mut head = Vec::new();
            file.by_ref().take(HEAD_BYTES as u64).read_to_end(&mut head)?;
            Ok((file, length, WavLayout::of(&head)))
        });
        let read = read.await.map_err(|error| ApiError::internal("recording died", &error))?;
        let (file, length, layout) = read.map_err(|error| missing(&recording, &error))?;
        Ok(Opened { recording, file, length, layout })
    }

    /// What the recording's file is encrypted with, if it is.
    ///
    /// # Errors
    /// 410 when the call was erased.
    pub(super) async fn sound_key(&self, recording: &Recording) -> Result<Option<ContentKey>, ApiError> {
        Ok(self.store().content_key(&Subject::Call(recording.contact)).await?)
    }
}

/// A row without its file, or with one that does not open, is for somebody to look at.
pub(super) fn missing(recording: &Recording, error: &std::io::Error) -> ApiError {
    tracing::error!(recording.id = %recording.id, %error, "recording file cannot be opened");
    match error.kind() {
        ErrorKind::NotFound => ApiError::NotFound("recording file"),
        _ => ApiError::Internal,
    }
}
