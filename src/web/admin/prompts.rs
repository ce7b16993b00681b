//! `/api/v1/admin/prompts`: every prompt of the plans in force, its words in each language and where its sound comes
//! from; hearing it, and putting a recording in the place of the speech program. A recording is a file beside the texts
//! (`prompts/uk/greeting.wav`), so that it survives a restart; callers hear it from the next publication on.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path as FilePath;

use axum::Json as Answer;
use axum::body::Bytes;
use axum::extract::State;
use axum::extract::rejection::BytesRejection;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use serde_json::json;
use utoipa::ToSchema;

use crate::dialplan::prompt::dynamic_prompts;
use crate::dialplan::{Dialplan, PromptItem, PromptRef};
use crate::digest::Sha256;
use crate::files::prompt_reader;
use crate::journal::{Draft, EventType};
use crate::language::Language;
use crate::speech::recorded::{self, Unfit, duration_ms};
use crate::speech::{digest_of, recording_of};
use crate::time;

use super::super::error::ApiError;
use super::super::extract::Path;
use super::super::gate::Principal;
use super::super::{Shared, Web};
use super::InForce;

/// Two minutes of studio sound, stereo.
pub(in crate::web) const MAX_RECORDING_BYTES: usize = 24 * 1024 * 1024;

/// Every prompt that may be heard.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::web) struct PromptsView {
    languages: Vec<&'static str>,
    /// The folder of the recordings.
    folder: String,
    items: Vec<PromptView>,
}

/// A prompt in all languages.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::web) struct PromptView {
    id: String,
    /// Nodes of the dialplan that say it.
    nodes: Vec<String>,
    /// The program says it by itself: numbers, dates, places in the queue.
    by_itself: bool,
    /// By language; a language in which it is never said is left out.
    spoken: BTreeMap<&'static str, PromptSoundView>,
}

/// A prompt in one language.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::web) struct PromptSoundView {
    text: Option<String>,
    /// What callers hear now: `recorded`, `spoken` by a program, or `missing`.
    source: &'static str,
    duration_ms: Option<usize>,
    /// What the next publication changes: `recorded` anew, or `removed`.
    pending: Option<&'static str>,
}

/// All prompts.
#[utoipa::path(get, path = "/api/v1/admin/prompts", tag = "admin",
    responses((status = 200, body = PromptsView), (status = 403)))]
pub(in crate::web) async fn list(State(web): State<Shared>) -> Result<Answer<PromptsView>, ApiError> {
    let in_force = web.in_force();
    let listed = tokio::task::spawn_blocking(move || all(&in_force)).await;
    listed.map(Answer).map_err(|error| ApiError::internal("list of prompts died", &error))
}

/// Reads the recordings there are, to tell which are new.
fn all(in_force: &InForce) -> PromptsView {
    let mut nodes: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for node in in_force.plans().flat_map(Dialplan::nodes) {
        for item in node.prompts() {
            if let PromptItem::Text { id, .. } = item {
                nodes.entry(id).or_default().insert(&node.name);
            }
        }
    }
    let by_itself: BTreeSet<String> = dynamic_prompts().collect();
    let mut items: BTreeMap<String, PromptView> = BTreeMap::new();
    for prompt in in_force.said() {
        let item = items.entry(prompt.id.clone()).or_insert_with(|| PromptView {
            nodes: nodes.get(prompt.id.as_str()).into_iter().flatten().map(ToString::to_string).collect(),
            by_itself: by_itself.contains(&prompt.id),
            spoken: BTreeMap::new(),
            id: prompt.id.clone(),
        });
        item.spoken.insert(prompt.language.code(), sound_view(in_force, &prompt));
    }
    PromptsView {
        languages: in_force.plan.languages().iter().map(|language| language.code()).collect(),
        folder: in_force.prompt_folder.display().to_string(),
        items: items.into_values().collect(),
    }
}

fn sound_view(in_force: &InForce, prompt: &PromptRef) -> PromptSoundView {
    let library = &in_force.prompts;
    let sound = library.sound(prompt);
    PromptSoundView {
        text: library.texts().text(prompt).map(|text| text.text.clone()),
        source: match (sound, library.recording(prompt)) {
            (None, _) => "missing",
            (Some(_), Some(_)) => "recorded",
            (Some(_), None) => "spoken",
        },
        duration_ms: sound.map(|sound| duration_ms(sound)),
        pending: pending(in_force, prompt),
    }
}

/// What is on the disk and not in force yet.
pub(super) fn pending(in_force: &InForce, prompt: &PromptRef) -> Option<&'static str> {
    let on_disk = digest_of(&recording_of(&in_force.prompt_folder, prompt));
    match (on_disk, in_force.prompts.recording(prompt)) {
        (Some(new), known) if known != Some(new) => Some("recorded"),
        (None, Some(_)) => Some("removed"),
        _ => None,
    }
}

/// What callers hear.
#[utoipa::path(get, path = "/api/v1/admin/prompts/{language}/{id}/sound", tag = "admin",
    params(("language" = String, Path), ("id" = String, Path)),
    responses((status = 200, content_type = "audio/wav"), (status = 403), (status = 404)))]
pub(in crate::web) async fn play(
    State(web): State<Shared>,
    Path((language, id)): Path<(String, String)>,
) -> Result<Response, ApiError> {
    let in_force = web.in_force();
    let prompt = known(&in_force, &language, id)?;
    let sound = in_force.prompts.sound(&prompt).ok_or(ApiError::NotFound("sound"))?;
    let wav = prompt_reader::wav(sound).map_err(|error| ApiError::internal("WAV of a prompt", &error))?;
    Ok(([(header::CONTENT_TYPE, HeaderValue::from_static("audio/wav"))], wav).into_response())
}

/// A recording that was taken.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::web) struct RecordedView {
    duration_ms: usize,
    /// Of the file as it is kept: mono, 8 kHz, 16 bits.
    #[schema(value_type = String)]
    sha256: Sha256,
}

/// Put a recording in the place of the speech program. WAV, PCM of 8 or 16 bits, any usual rate, at most two minutes; it
/// is converted to what telephones hear. In force with the next publication.
#[utoipa::path(post, path = "/api/v1/admin/prompts/{language}/{id}/recording", tag = "admin",
    params(("language" = String, Path), ("id" = String, Path)),
    request_body(content = Vec<u8>, content_type = "audio/wav"),
    responses((status = 200, body = RecordedView), (status = 403), (status = 404), (status = 413), (status = 422),
        (status = 503)))]
pub(in crate::web) async fn record(
    State(web): State<Shared>,
    principal: Principal,
    Path((language, id)): Path<(String, String)>,
    bytes: Result<Bytes, BytesRejection>,
) -> Result<Answer<RecordedView>, ApiError> {
    let Ok(_turn) = web.uploads.try_acquire() else {
        return Err(ApiError::Unavailable("too many uploads at this moment"));
    };
    let in_force = web.in_force();
    let prompt = known(&in_force, &language, id)?;
    let bytes = bytes.map_err(|rejection| match rejection.status() {
        StatusCode::PAYLOAD_TOO_LARGE => ApiError::TooLarge { limit: MAX_RECORDING_BYTES },
        _ => ApiError::BadRequest("the recording was not sent to its end".to_owned()),
    })?;
    let (folder, of) = (in_force.prompt_folder.clone(), prompt.clone());
    let kept = tokio::task::spawn_blocking(move || keep(&folder, &of, &bytes)).await;
    let recorded = kept.map_err(|error| ApiError::internal("recording of a prompt", &error))??;
    let data = json!({ "how": "recorded", "sha256": recorded.sha256, "duration_ms": recorded.duration_ms });
    web.journal_prompt(&principal, &prompt, data).await?;
    Ok(Answer(recorded))
}

/// Take a recording away: from the next publication on a program speaks the words.
#[utoipa::path(delete, path = "/api/v1/admin/prompts/{language}/{id}/recording", tag = "admin",
    params(("language" = String, Path), ("id" = String, Path)),
    responses((status = 204), (status = 403), (status = 404)))]
pub(in crate::web) async fn remove(
    State(web): State<Shared>,
    principal: Principal,
    Path((language, id)): Path<(String, String)>,
) -> Result<StatusCode, ApiError> {
    let in_force = web.in_force();
    let prompt = known(&in_force, &language, id)?;
    match std::fs::remove_file(recording_of(&in_force.prompt_folder, &prompt)) {
        Ok(()) => {}
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            return Err(ApiError::NotFound("recording"));
        }
        Err(error) => return Err(ApiError::internal("recording of a prompt not removed", &error)),
    }
    web.journal_prompt(&principal, &prompt, json!({ "how": "removed" })).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// A prompt that a plan in force says. No other name reaches the disk.
pub(super) fn known(in_force: &InForce, language: &str, id: String) -> Result<PromptRef, ApiError> {
    let language: Language = language.parse().map_err(|_| ApiError::NotFound("language"))?;
    let prompt = PromptRef { id, language };
    if in_force.said().contains(&prompt) { Ok(prompt) } else { Err(ApiError::NotFound("prompt")) }
}

/// Checks a recording, makes it what telephones hear, and puts it into its place.
fn keep(folder: &FilePath, prompt: &PromptRef, bytes: &[u8]) -> Result<RecordedView, ApiError> {
    let unreadable = "this is no WAV file of 8 or 16 bits, mono or stereo, 4 to 192 kHz";
    let sound = prompt_reader::read_bytes(FilePath::new("recording"), bytes)
        .map_err(|_| ApiError::unfit("prompt_unreadable", unreadable))?;
    recorded::judge(&sound).map_err(|unfit| {
        let name = match unfit {
            Unfit::Length { .. } => "prompt_length",
            Unfit::Silent => "prompt_silent",
        };
        ApiError::unfit(name, unfit.to_string())
    })?;
    let failed = |error: std::io::Error| ApiError::internal("recording of a prompt not kept", &error);
    let kept = recorded::keep(folder, prompt, &sound).map_err(failed)?;
    Ok(RecordedView { duration_ms: kept.duration_ms, sha256: kept.sha256 })
}

impl Web {
    async fn journal_prompt(
        &self,
        principal: &Principal,
        prompt: &PromptRef,
        data: serde_json::Value,
    ) -> Result<(), ApiError> {
        let mut draft = Draft::new(EventType::PromptChanged, time::now().utc, principal.actor());
        draft.data = json!({ "prompt": prompt.id, "language": prompt.language.code(), "change": data });
        self.journal(draft).await
    }
}
