//! `/api/v1/admin/changes` and `/versions`: what a publication would change, and bringing an earlier version back. Texts
//! leave through `secrets.rs`; files are written in `app/plans/reload.rs`.

use std::collections::HashMap;

use axum::Json as Answer;
use axum::extract::State;
use axum::http::StatusCode;
use serde::Serialize;
use utoipa::ToSchema;

use crate::digest::Sha256;
use crate::people::ActorKind;
use crate::store::{PlanText, PlanVersion};

use super::super::error::ApiError;
use super::super::extract::Path;
use super::super::gate::Principal;
use super::super::view::{ListView, UtcTime};
use super::super::{Shared, Web};
use super::difference::{self, HunkView};
use super::{InForce, PlanFile, Wanted, prompts, secrets};

/// A file larger than this is compared with nobody's patience; the readers of the files refuse it, too.
const MAX_FILE_BYTES: u64 = 1 << 20;

/// What the next publication would bring into force.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::web) struct ChangesView {
    in_force_at: UtcTime,
    files: Vec<ChangedFileView>,
    recordings: Vec<ChangedRecordingView>,
    /// `file:line:column: message` for which it would be refused; none when it would be taken.
    complaints: Vec<String>,
}

/// A file in force beside the same file on the disk.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::web) struct ChangedFileView {
    /// `config`, `dialplan`, `verification`, `city`, or `prompts/uk` and the like.
    file: String,
    path: String,
    /// `same`, `changed`, or `unreadable` on the disk.
    state: &'static str,
    hunks: Vec<HunkView>,
}

/// A recorded prompt that is new, or was taken away.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::web) struct ChangedRecordingView {
    language: &'static str,
    id: String,
    /// `recorded` or `removed`.
    change: &'static str,
}

/// What the files on the disk would change, and whether they would be taken.
#[utoipa::path(get, path = "/api/v1/admin/changes", tag = "admin",
    responses((status = 200, body = ChangesView), (status = 403), (status = 503)))]
pub(in crate::web) async fn show(
    State(web): State<Shared>,
    principal: Principal,
) -> Result<Answer<ChangesView>, ApiError> {
    let in_force = web.in_force();
    let checked = web.ask_for_reload(Wanted::Check, principal.actor()).await?;
    let complaints = checked.err().unwrap_or_default();
    let compared = tokio::task::spawn_blocking(move || compare(&in_force)).await;
    let mut view = compared.map_err(|error| ApiError::internal("comparison died", &error))?;
    view.complaints = complaints.iter().map(ToString::to_string).collect();
    Ok(Answer(view))
}

fn compare(in_force: &InForce) -> ChangesView {
    let recordings = in_force.said().into_iter().filter_map(|prompt| {
        let change = prompts::pending(in_force, &prompt)?;
        Some(ChangedRecordingView { language: prompt.language.code(), id: prompt.id, change })
    });
    ChangesView {
        in_force_at: in_force.at.into(),
        files: in_force.files.iter().map(on_disk).collect(),
        recordings: recordings.collect(),
        complaints: Vec::new(),
    }
}

fn on_disk(file: &PlanFile) -> ChangedFileView {
    let is_small = std::fs::metadata(&file.path).is_ok_and(|found| found.len() <= MAX_FILE_BYTES);
    let text = is_small.then(|| std::fs::read_to_string(&file.path).ok()).flatten();
    let (state, hunks) = match text {
        None => ("unreadable", Vec::new()),
        Some(text) if *text == *file.text => ("same", Vec::new()),
        Some(text) => ("changed", difference::between(&file.text, &text, secrets::masked)),
    };
    ChangedFileView { file: file.name.clone(), path: file.path.display().to_string(), state, hunks }
}

/// A text that was published.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::web) struct VersionView {
    id: i64,
    file: String,
    #[schema(value_type = String)]
    sha256: Sha256,
    at: UtcTime,
    /// The person; none for the program itself.
    by: Option<String>,
    /// `started`, `published`, `restored`, or `set_aside` when it never came into force.
    how: &'static str,
    /// This very text is in force.
    in_force: bool,
}

/// A version, and what going back to it would change.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::web) struct VersionDetailView {
    #[serde(flatten)]
    version: VersionView,
    /// From what is in force to this version.
    hunks: Vec<HunkView>,
}

/// Published texts, the newest first: at most 50 of each file.
#[utoipa::path(get, path = "/api/v1/admin/versions", tag = "admin",
    responses((status = 200, body = ListView<VersionView>), (status = 403)))]
pub(in crate::web) async fn versions(
    State(web): State<Shared>,
) -> Result<Answer<ListView<VersionView>>, ApiError> {
    let (in_force, names) = (web.in_force(), web.names().await?);
    let versions = web.store().plan_versions().await?.into_iter();
    let items = versions.map(|version| VersionView::new(&version, &in_force, &names)).collect();
    Ok(Answer(ListView { items, next: None }))
}

/// One version beside what is in force.
#[utoipa::path(get, path = "/api/v1/admin/versions/{id}", tag = "admin", params(("id" = i64, Path)),
    responses((status = 200, body = VersionDetailView), (status = 403), (status = 404)))]
pub(in crate::web) async fn version(
    State(web): State<Shared>,
    Path(id): Path<i64>,
) -> Result<Answer<VersionDetailView>, ApiError> {
    let (in_force, names) = (web.in_force(), web.names().await?);
    let (version, text) = web.store().plan_version(id).await?.ok_or(ApiError::NotFound("version"))?;
    let current = in_force.file(&version.file).map(|file| file.text.clone()).unwrap_or_default();
    let view = VersionView::new(&version, &in_force, &names);
    let compared = move || difference::between(&current, &text, secrets::masked);
    let hunks = tokio::task::spawn_blocking(compared).await;
    let hunks = hunks.map_err(|error| ApiError::internal("comparison died", &error))?;
    Ok(Answer(VersionDetailView { version: view, hunks }))
}

/// Put a version back into its file and publish. Refused where the files do not check with it; then nothing changes.
#[utoipa::path(post, path = "/api/v1/admin/versions/{id}/restore", tag = "admin", params(("id" = i64, Path)),
    responses((status = 204), (status = 403), (status = 404),
        (status = 422, description = "refused; `diagnostics` lists file:line:column: message"), (status = 503)))]
pub(in crate::web) async fn restore(
    State(web): State<Shared>,
    principal: Principal,
    Path(id): Path<i64>,
) -> Result<StatusCode, ApiError> {
    let (version, text) = web.store().plan_version(id).await?.ok_or(ApiError::NotFound("version"))?;
    let wanted = Wanted::Restore(PlanText { file: version.file, text });
    let reloaded = web.ask_for_reload(wanted, principal.actor()).await?;
    reloaded.map(|_| StatusCode::NO_CONTENT).map_err(ApiError::Refused)
}

impl VersionView {
    fn new(version: &PlanVersion, in_force: &InForce, names: &HashMap<String, String>) -> Self {
        let current = in_force.file(&version.file).map(|file| Sha256::of(file.text.as_bytes()));
        let person = version.actor.kind != ActorKind::System;
        Self {
            id: version.id,
            file: version.file.clone(),
            sha256: version.sha256,
            at: version.at.into(),
            by: person.then(|| names.get(&version.actor.id).unwrap_or(&version.actor.id).clone()),
            how: version.how.name(),
            in_force: current == Some(version.sha256),
        }
    }
}

impl Web {
    /// Names of people by their id.
    async fn names(&self) -> Result<HashMap<String, String>, ApiError> {
        let users = self.store().users().await?;
        Ok(users.into_iter().map(|user| (user.id.to_string(), user.name)).collect())
    }
}
