//! `/api/v1/calls/{id}/peaks`: the waveform as the loudest sample per bin and channel. Looking at it is journalled
//! as `access.viewed`, under the same rule as hearing.

use std::fs::File;
use std::io::{BufReader, Read, Seek, SeekFrom};
use std::path::Path as FilePath;

use axum::Json as Answer;
use axum::extract::State;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::ids::ContactId;
use crate::journal::{Draft, EventType};
use crate::time;

use super::super::Shared;
use super::super::error::ApiError;
use super::super::extract::{Path, Query};
use super::super::gate::Principal;
use super::recording::{Listening, missing};
use super::wav_layout::{HEAD_BYTES, WavLayout};

/// Bins of a waveform when nobody says how many.
const DEFAULT_BINS: usize = 800;
/// More than any screen has columns.
const MAX_BINS: usize = 8000;
/// Samples are read in blocks of this size.
const BLOCK_BYTES: usize = 64 * 1024;

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
    /// Left then right; each the loudest sample of every bin, 0 to 1.
    channels: Vec<Vec<f32>>,
}

/// The waveform of a call.
#[utoipa::path(get, path = "/api/v1/calls/{id}/peaks", tag = "calls",
    params(("id" = String, Path), Resolution, Listening),
    responses((status = 200, body = PeaksView), (status = 400), (status = 403), (status = 404), (status = 503)))]
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
    let path = web.recording_file(&recording)?;
    let mut draft = Draft::new(EventType::AccessViewed, time::now().utc, principal.actor());
    draft.contact = Some(id);
    draft.reason = listening.reason;
    draft.data = serde_json::json!({ "what": "peaks", "recording": recording.id });
    web.journal(draft).await?;
    let Ok(turn) = web.peak_computations.clone().try_acquire_owned() else {
        return Err(ApiError::Unavailable("too many waveforms are being computed"));
    };
    let computed = tokio::task::spawn_blocking(move || {
        let _turn = turn;
        peaks(&path, bins)
    });
    let computed = computed.await.map_err(|error| ApiError::internal("waveform died", &error))?;
    computed.map(Answer).map_err(|error| missing(&recording, &error))
}

fn peaks(path: &FilePath, bins: usize) -> std::io::Result<PeaksView> {
    let mut file = BufReader::with_capacity(BLOCK_BYTES, File::open(path)?);
    let length = file.get_ref().metadata()?.len();
    let mut head = Vec::new();
    Read::by_ref(&mut file).take(HEAD_BYTES as u64).read_to_end(&mut head)?;
    let layout =
        WavLayout::of(&head).filter(|layout| layout.bits == 16 && (1..=2).contains(&layout.channels));
    let layout = layout.ok_or_else(|| std::io::Error::other("not a 16-bit PCM file"))?;
    let frames = layout.sound_bytes(length) / layout.frame_bytes();
    file.seek(SeekFrom::Start(layout.data_offset))?;
    let channels = loudest(&mut file, usize::from(layout.channels), frames, bins)?;
    Ok(PeaksView { sample_rate: layout.sample_rate, frames, channels })
}

/// The loudest sample of each bin: frame `i` of `frames` belongs to bin `i * bins / frames`.
fn loudest(
    sound: &mut impl Read,
    channels: usize,
    frames: u64,
    bins: usize,
) -> std::io::Result<Vec<Vec<f32>>> {
    let bins_wide = u64::try_from(bins).unwrap_or(u64::MAX);
    let mut peaks = vec![vec![0_u16; bins]; channels];
    let mut frame = [0_u8; 4];
    for i in 0..frames {
        let bin = usize::try_from(i * bins_wide / frames).unwrap_or(0).min(bins - 1);
        let frame = &mut frame[..2 * channels];
        sound.read_exact(frame)?;
        for (channel, sample) in peaks.iter_mut().zip(frame.chunks_exact(2)) {
            let sample = i16::from_le_bytes([sample[0], sample[1]]).unsigned_abs();
            channel[bin] = channel[bin].max(sample);
        }
    }
    let share = |peak: u16| f32::from(peak) / 32768.0;
    Ok(peaks.into_iter().map(|channel| channel.into_iter().map(share).collect()).collect())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::panic)]
    use super::super::wav_layout::tests::stereo_wav;
    use super::*;

    fn peaks_of(frames: &[[i16; 2]], bins: usize) -> PeaksView {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("call.wav");
        std::fs::write(&path, stereo_wav(frames)).unwrap();
        peaks(&path, bins).unwrap()
    }

    #[test]
    fn each_bin_has_its_loudest_sample() {
        let peaks = peaks_of(&[[1, 0], [-16384, 0], [3, i16::MIN], [4, 0]], 2);
        assert_eq!(peaks.frames, 4);
        assert_eq!(peaks.channels, [[0.5, 4.0 / 32768.0], [0.0, 1.0]]);
    }

    #[test]
    fn more_bins_than_frames_leave_gaps_at_zero() {
        let peaks = peaks_of(&[[16384, 16384]], 3);
        assert_eq!(peaks.channels[0], [0.5, 0.0, 0.0]);
        assert_eq!(peaks_of(&[], 2).channels, [[0.0, 0.0], [0.0, 0.0]]);
    }
}
