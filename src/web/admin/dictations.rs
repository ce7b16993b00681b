//! `/api/v1/admin/prompts/{language}/{id}/phone`: a prompt spoken into the administrator's own telephone, which rings; and
//! how far that is. The call is `switchboard/dictation.rs`; what comes of it stands where an upload would.

use std::time::Duration;

use axum::Json as Answer;
use axum::extract::State;
use axum::http::StatusCode;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::language::Language;
use crate::switchboard::Command;
use crate::switchboard::dictation::{LONGEST_PROMPT, LiveDictation};

use super::super::Shared;
use super::super::error::ApiError;
use super::super::extract::{OrEmpty, Path};
use super::super::gate::Principal;
use super::prompts::known;

/// A dictation is seen with the next picture; one that is over before was never worth looking at.
const SEEN_DEADLINE: Duration = Duration::from_secs(1);

/// How the telephone is spoken to.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::web) struct DictationWish {
    /// A language of the plan; that of the prompt where it is left out, or is none of them.
    #[serde(default)]
    #[schema(value_type = Option<String>, example = "uk")]
    speak: Option<Language>,
}

/// The administrator's telephone rings; whoever answers speaks the prompt after the tone, hears it, and keeps it by a key. In
/// force with the next publication.
#[utoipa::path(post, path = "/api/v1/admin/prompts/{language}/{id}/phone", tag = "admin",
    params(("language" = String, Path), ("id" = String, Path)), request_body = DictationWish,
    responses((status = 204), (status = 403), (status = 404),
        (status = 409, description = "no phone of yours is registered here, or you are recording already"), (status = 503)))]
pub(in crate::web) async fn begin(
    State(web): State<Shared>,
    principal: Principal,
    Path((language, id)): Path<(String, String)>,
    OrEmpty(wish): OrEmpty<DictationWish>,
) -> Result<StatusCode, ApiError> {
    let in_force = web.in_force();
    let prompt = known(&in_force, &language, id)?;
    let spoken = |language: &Language| in_force.plan.languages().contains(language);
    let speak = wish.speak.filter(spoken).unwrap_or(prompt.language);
    let by = principal.user.id;
    web.command(Command::Dictate { by, prompt, speak }).await?;
    // Whoever asks how far it is must not be told of the one before.
    let mut snapshots = web.given.snapshot.clone();
    let begun = snapshots.wait_for(|now| now.dictations.iter().any(|live| live.by == by && !live.is_over()));
    let seen = tokio::time::timeout(SEEN_DEADLINE, begun).await.is_ok();
    tracing::debug!(user.id = %by, seen, "a telephone rings for a prompt");
    Ok(StatusCode::NO_CONTENT)
}

/// A prompt that is spoken into a telephone.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::web) struct DictationView {
    prompt: String,
    language: &'static str,
    /// `ringing instructing speaking reading choosing keeping`, at last `kept`, `not_kept` or `not_answered`.
    stage: &'static str,
    /// How often it was spoken, from 1.
    takes: u32,
    /// A prompt lasts no longer, seconds.
    longest_secs: u64,
}

impl From<&LiveDictation> for DictationView {
    fn from(live: &LiveDictation) -> Self {
        Self {
            prompt: live.prompt.clone(),
            language: live.language.code(),
            stage: live.stage,
            takes: live.takes,
            longest_secs: LONGEST_PROMPT.as_secs(),
        }
    }
}

/// The prompt that you speak into your telephone, or the last one.
#[utoipa::path(get, path = "/api/v1/admin/prompts/dictation", tag = "admin",
    responses((status = 200, body = DictationView), (status = 403), (status = 404, description = "none so far")))]
pub(in crate::web) async fn show(
    State(web): State<Shared>,
    principal: Principal,
) -> Result<Answer<DictationView>, ApiError> {
    let snapshot = web.snapshot();
    let own = snapshot.dictations.iter().find(|live| live.by == principal.user.id);
    Ok(Answer(own.ok_or(ApiError::NotFound("dictation"))?.into()))
}
