//! `/api/v1/calls/{id}/peaks`: the waveform as the loudest sample per bin and channel, and where nobody says anything.
//! Looking at it is journalled as `access.viewed`, under the same rule as hearing. How it is found is `envelope.rs`.

use std::sync::Arc;

use axum::Json as Answer;
use axum::extract::State;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::files::ContentFile;
use crate::ids::ContactId;
use crate::journal::{Draft, EventType};
use crate::recording::{Recording, RecordingState};
use crate::time;

use super::super::error::ApiError;
use super::super::extract::{Path, Query};
use super::super::gate::Principal;
use super::super::{Shared, Web};
use super::envelope::Envelope;
use super::recording::{Listening, missing};

/// Bins of a waveform when nobody says how many.
const DEFAULT_BINS: usize = 800;
/// More than any screen has columns.
const MAX_BINS: usize = 8000;

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(in crate::web) struct Resolution {
    /// 1 to 8000, default 800.
    bins: Option<usize>,
}

/// A waveform.
#[derive(Debug, PartialEq, Serialize, ToSchema)]
pub(in crate::web) struct PeaksView {
    /// Hz.
    sample_rate: u32,
    /// Samples per channel.
    frames: u64,
    /// First byte of sound in `/recording`; from there on a frame is 16 bits of each side, little-endian.
    data_offset: u64,
    /// Left then right; each the loudest sample of every bin, 0 to 1.
    channels: Vec<Vec<f32>>,
    /// Where both sides are silent for two seconds and longer: from and to, in milliseconds.
    silences: Vec<[u64; 2]>,
}

/// The waveform of a call.
#[utoipa::path(get, path = "/api/v1/calls/{id}/peaks", tag = "calls",
    params(("id" = String, Path), Resolution, Listening),
    responses((status = 200, body = PeaksView), (status = 400), (status = 403), (status = 404),
        (status = 410, description = "erased"), (status = 503)))]
pub(in crate::web) async fn show(
    State(web): State<Shared>,
    principal: Principal,
    Path(id): Path<ContactId>,
    Query(resolution): Query<Resolution>,
    Query(listening): Query<Listening>,
) -> Result<Answer<PeaksView>, ApiError> {
    let bins = resolution.bins.unwrap_or(DEFAULT_BINS);
    if !(1..=MAX_BINS).contains(&bins) {
        return Err(ApiError::BadRequest(format!("bins is 1 to {MAX_BINS}")));
    }
    let reason = listening.reason.as_deref();
    web.contact_to_hear(id, &principal, reason, "/api/v1/calls/{id}/peaks").await?;
    let recording = web.recording(id, listening.recording).await?;
    let mut draft = Draft::new(EventType::AccessViewed, time::now().utc, principal.actor());
    draft.contact = Some(id);
    draft.reason = listening.reason;
    draft.data = serde_json::json!({ "what": "peaks", "recording": recording.id });
    web.journal(draft).await?;
    let envelope = web.envelope(&recording).await?;
    Ok(Answer(PeaksView {
        sample_rate: envelope.sample_rate,
        frames: envelope.frames,
        data_offset: envelope.data_offset,
        channels: envelope.peaks(bins),
        silences: envelope.silences(),
    }))
}

impl Web {
    /// Read from the file, unless it was looked at lately.
    async fn envelope(&self, recording: &Recording) -> Result<Arc<Envelope>, ApiError> {
        // Asked first: of an erased call nothing is shown that was worked out before.
        let key = self.sound_key(recording).await?;
        if let Some(kept) = self.envelopes.of(recording.id) {
            return Ok(kept);
        }
        let (path, id) = (self.recording_file(recording)?, recording.id);
        let Ok(turn) = self.peak_computations.clone().try_acquire_owned() else {
            return Err(ApiError::Unavailable("too many waveforms are being computed"));
        };
        let read = tokio::task::spawn_blocking(move || {
            let _turn = turn;
            Envelope::read(ContentFile::open(&path, id.0, key.as_ref())?)
        });
        let read = read.await.map_err(|error| ApiError::internal("waveform died", &error))?;
        let envelope = Arc::new(read.map_err(|error| missing(recording, &error))?);
        if recording.state == RecordingState::Sealed {
            self.envelopes.keep(recording.id, envelope.clone());
        }
        Ok(envelope)
    }
}
