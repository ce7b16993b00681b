//! `/api/v1/audit/samples`: an auditor fixes what a sample depends on, has it drawn when the public value is out, and says
//! what came of each call. Everything that redoes the draw is told (docs/audit.md).

use axum::Json as Answer;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::audit::Standing;
use crate::audit::sample::{
    Commitment, DrawRefused, Item, JudgingRefused, LEAST_NOTICE_MINUTES, MAX_FRAME, MAX_SIZE,
    MAX_SOURCE_CHARS, Outcome, Strata,
};
use crate::digest::Sha256;
use crate::ids::{EngagementId, SampleId, UserId};
use crate::journal::{Draft, EventType};
use crate::people::Role;
use crate::store::KeptSample;
use crate::time::{self, Timestamp};

use super::super::error::ApiError;
use super::super::extract::{Json, Path};
use super::super::filing::said;
use super::super::gate::Principal;
use super::super::view::{ListView, UtcTime};
use super::super::{Shared, Web};

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::web) struct NewSample {
    /// Calls offered at this moment or later;
    calls_from: UtcTime,
    /// before this one, which has passed.
    calls_until: UtcTime,
    /// 1 to 2,000.
    size: usize,
    /// `none`, `category` or `queue`: each has its share.
    #[serde(default)]
    #[schema(value_type = String)]
    strata: Strata,
    /// Where the public value will be published: a lottery, a random beacon, a stock exchange. At most 300 characters.
    source: String,
    /// When; five minutes from now at least.
    public_at: UtcTime,
}

#[derive(Debug, Serialize, ToSchema)]
pub(in crate::web) struct SampleView {
    id: String,
    engagement: String,
    committed_at: UtcTime,
    /// Number of the journal entry of the commitment.
    entry: u64,
    calls_from: UtcTime,
    calls_until: UtcTime,
    /// Calls it is drawn from, and SHA-256 of their list.
    frame_size: usize,
    frame_sha256: String,
    size: usize,
    #[schema(value_type = String)]
    strata: Strata,
    source: String,
    public_at: UtcTime,
    /// Calls with an outcome.
    judged: usize,
    /// By what it was drawn; null before.
    drawn: Option<DrawnView>,
    /// In the order of listening; only where one sample is asked for.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    items: Vec<ItemView>,
}

#[derive(Debug, Serialize, ToSchema)]
pub(in crate::web) struct DrawnView {
    at: UtcTime,
    /// Size and root of the first checkpoint after the commitment.
    checkpoint: u64,
    root: String,
    value: String,
    /// SHA-256 of root and value.
    seed: String,
}

#[derive(Debug, Serialize, ToSchema)]
pub(in crate::web) struct ItemView {
    place: u32,
    /// Id of the call.
    call: String,
    stratum: String,
    /// The auditor played some of it since the draw.
    heard: bool,
    /// `in_order`, `finding`, or why it tells nothing: `no_recording`, `no_speech`, `unintelligible`, `erased`,
    /// `not_a_case`.
    #[schema(value_type = Option<String>)]
    outcome: Option<Outcome>,
    judged_at: Option<UtcTime>,
    findings: Vec<ItemFinding>,
}

/// A finding with its references.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::web) struct ItemFinding {
    id: String,
    at: UtcTime,
    recording: String,
    /// Milliseconds from the start of the recording.
    offset_ms: u64,
    text: String,
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::web) struct PublicValue {
    /// As it was published, digit by digit.
    value: String,
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::web) struct Verdict {
    #[schema(value_type = String, example = "in_order")]
    outcome: Outcome,
}

/// Samples of an engagement, in the order in which they were fixed: none of them goes away.
#[utoipa::path(get, path = "/api/v1/audit/engagements/{id}/samples", tag = "audit", params(("id" = String, Path)),
    responses((status = 200, body = ListView<SampleView>), (status = 403), (status = 404)))]
pub(in crate::web) async fn list(
    State(web): State<Shared>,
    principal: Principal,
    Path(id): Path<EngagementId>,
) -> Result<Answer<ListView<SampleView>>, ApiError> {
    web.auditor_of(id, &principal).await?;
    let found = web.store().samples_of(id).await?;
    Ok(Answer(ListView { items: found.into_iter().map(SampleView::from).collect(), next: None }))
}

/// Fixes a sample: its frame, its size, and where the public value comes from.
#[utoipa::path(post, path = "/api/v1/audit/engagements/{id}/samples", tag = "audit", params(("id" = String, Path)),
    request_body = NewSample,
    responses((status = 201, body = SampleView), (status = 403), (status = 404), (status = 422)))]
pub(in crate::web) async fn commit(
    State(web): State<Shared>,
    principal: Principal,
    Path(id): Path<EngagementId>,
    Json(new): Json<NewSample>,
) -> Result<(StatusCode, Answer<SampleView>), ApiError> {
    let at = time::now().utc;
    let source = check(&new, at)?;
    web.auditor_of(id, &principal).await?;
    let engagement = web.store().engagement(id).await?.ok_or(ApiError::NotFound("engagement"))?;
    if engagement.standing(at) != Standing::Running {
        return Err(ApiError::conflict("engagement_over", "this engagement does not run"));
    }
    let period = (new.calls_from.0, new.calls_until.0);
    let frame = web.store().frame(&engagement.scope, period, new.strata).await?;
    let (frame, frame_size) = frame.ok_or_else(|| {
        ApiError::Unprocessable(format!("more than {MAX_FRAME} calls: take a shorter period"))
    })?;
    if frame_size < new.size {
        return Err(ApiError::unfit("frame_too_small", format!("there are {frame_size} calls to draw from")));
    }
    let commitment = Commitment {
        id: SampleId(web.with_mint(|mint| mint.uuid(at))),
        engagement: id,
        committed_at: at,
        calls_from: period.0,
        calls_until: period.1,
        frame_size,
        frame: Sha256::of(frame.as_bytes()),
        size: new.size,
        strata: new.strata,
        source,
        public_at: new.public_at.0,
    };
    let sample = commitment.id;
    web.store().commit_sample(commitment, frame, principal.actor()).await?;
    let kept = web.store().sample(sample).await?.ok_or(ApiError::NotFound("sample"))?;
    Ok((StatusCode::CREATED, Answer(kept.into())))
}

/// The source, when all else can be.
fn check(new: &NewSample, at: Timestamp) -> Result<String, ApiError> {
    if !(1..=MAX_SIZE).contains(&new.size) {
        return Err(ApiError::Unprocessable(format!("a sample has 1 to {MAX_SIZE} calls")));
    }
    if new.calls_until.0 <= new.calls_from.0 || new.calls_until.0 > at {
        return Err(ApiError::unfit(
            "period_not_over",
            "the period of the calls ends after it begins, and has ended",
        ));
    }
    let notice = std::time::Duration::from_secs(LEAST_NOTICE_MINUTES * 60);
    if new.public_at.0 < at.plus(notice) {
        let detail =
            format!("the public value comes {LEAST_NOTICE_MINUTES} minutes from now at the earliest");
        return Err(ApiError::unfit("public_too_early", detail));
    }
    let source = said(Some(&new.source), MAX_SOURCE_CHARS, "a source")?;
    source.ok_or_else(|| ApiError::Unprocessable("say where the public value comes from".to_owned()))
}

/// One sample with its calls and what came of each. Who reads it is on the journal once findings are in it.
#[utoipa::path(get, path = "/api/v1/audit/samples/{id}", tag = "audit", params(("id" = String, Path)),
    responses((status = 200, body = SampleView), (status = 403), (status = 404)))]
pub(in crate::web) async fn show(
    State(web): State<Shared>,
    principal: Principal,
    Path(id): Path<SampleId>,
) -> Result<Answer<SampleView>, ApiError> {
    let (kept, auditor) = web.sample_of(id, &principal).await?;
    let mut view = SampleView::from(kept);
    for (item, heard) in web.store().sample_items(id, auditor).await? {
        view.items.push(web.item_view(item, heard).await?);
    }
    if view.items.iter().any(|item| !item.findings.is_empty()) {
        let mut draft = Draft::new(EventType::AccessViewed, time::now().utc, principal.actor());
        draft.data = serde_json::json!({ "what": "sample", "sample": id });
        web.journal(draft).await?;
    }
    Ok(Answer(view))
}

/// The list that a sample was drawn from: on each line a call and its stratum. Its SHA-256 was on the journal before
/// anybody could know the seed.
#[utoipa::path(get, path = "/api/v1/audit/samples/{id}/frame", tag = "audit", params(("id" = String, Path)),
    responses((status = 200, content_type = "text/plain"), (status = 403), (status = 404)))]
pub(in crate::web) async fn frame(
    State(web): State<Shared>,
    principal: Principal,
    Path(id): Path<SampleId>,
) -> Result<Response, ApiError> {
    web.sample_of(id, &principal).await?;
    let text = web.store().sample_frame(id).await?.ok_or(ApiError::NotFound("sample"))?;
    let name = format!("attachment; filename=\"{id}.txt\"");
    let headers =
        [(header::CONTENT_TYPE, "text/plain; charset=utf-8".to_owned()), (header::CONTENT_DISPOSITION, name)];
    Ok((headers, text).into_response())
}

/// Draws it by the public value.
#[utoipa::path(post, path = "/api/v1/audit/samples/{id}/draw", tag = "audit", params(("id" = String, Path)),
    request_body = PublicValue,
    responses((status = 200, body = SampleView), (status = 403), (status = 404), (status = 409), (status = 422)))]
pub(in crate::web) async fn draw(
    State(web): State<Shared>,
    principal: Principal,
    Path(id): Path<SampleId>,
    Json(public): Json<PublicValue>,
) -> Result<Answer<SampleView>, ApiError> {
    web.sample_of(id, &principal).await?;
    let value = public.value.trim().to_owned();
    let drawn = web.store().draw_sample(id, value, time::now().utc, principal.actor()).await?;
    drawn.map_err(not_drawn)?;
    show(State(web), principal, Path(id)).await
}

fn not_drawn(refused: DrawRefused) -> ApiError {
    let name = match refused {
        DrawRefused::Unknown => return ApiError::NotFound("sample"),
        DrawRefused::Value => return ApiError::Unprocessable(refused.to_string()),
        DrawRefused::Drawn => "sample_drawn",
        DrawRefused::TooEarly => "draw_too_early",
        DrawRefused::NoCheckpoint => "draw_without_checkpoint",
        DrawRefused::CheckpointTooLate => "draw_checkpoint_late",
    };
    ApiError::conflict(name, refused.to_string())
}

/// Says what came of a call of the sample; the last word counts, and each is on the journal.
#[utoipa::path(post, path = "/api/v1/audit/samples/{id}/items/{place}", tag = "audit",
    params(("id" = String, Path), ("place" = u32, Path)), request_body = Verdict,
    responses((status = 200, body = SampleView), (status = 403), (status = 404), (status = 409)))]
pub(in crate::web) async fn judge(
    State(web): State<Shared>,
    principal: Principal,
    Path((id, place)): Path<(SampleId, u32)>,
    Json(verdict): Json<Verdict>,
) -> Result<Answer<SampleView>, ApiError> {
    web.sample_of(id, &principal).await?;
    let by = (principal.user.id, principal.actor());
    let judged = web.store().judge_item(id, place, verdict.outcome, by, time::now().utc).await?;
    judged.map_err(|refused| match refused {
        JudgingRefused::Unknown => ApiError::NotFound("call in the sample"),
        JudgingRefused::NothingNoted => ApiError::conflict("nothing_noted", refused.to_string()),
    })?;
    show(State(web), principal, Path(id)).await
}

impl Web {
    /// The auditor of an engagement, who asks, or the records office does.
    async fn auditor_of(&self, id: EngagementId, principal: &Principal) -> Result<UserId, ApiError> {
        let engagement = self.store().engagement(id).await?.ok_or(ApiError::NotFound("engagement"))?;
        // Of others' engagements an auditor does not learn that they exist.
        if principal.role() == Role::Auditor && engagement.auditor != principal.user.id {
            return Err(ApiError::NotFound("engagement"));
        }
        // A second engagement that runs does not open what was seen by one that is over.
        if principal.role() == Role::Auditor && engagement.standing(time::now().utc) != Standing::Running {
            return Err(ApiError::Known {
                status: StatusCode::FORBIDDEN,
                name: "engagement_over",
                detail: "this engagement does not run".to_owned(),
            });
        }
        Ok(engagement.auditor)
    }

    async fn sample_of(&self, id: SampleId, principal: &Principal) -> Result<(KeptSample, UserId), ApiError> {
        let kept = self.store().sample(id).await?.ok_or(ApiError::NotFound("sample"))?;
        let auditor =
            self.auditor_of(kept.commitment.engagement, principal).await.map_err(|error| match error {
                ApiError::NotFound(_) => ApiError::NotFound("sample"),
                other => other,
            })?;
        Ok((kept, auditor))
    }

    async fn item_view(&self, item: Item, heard: bool) -> Result<ItemView, ApiError> {
        let judged = item.judged;
        let mut findings = Vec::new();
        if let Some(judged) = judged.as_ref().filter(|judged| !judged.findings.is_empty()) {
            for (noted, _) in self.store().findings_of(item.contact).await? {
                if judged.findings.contains(&noted.id) {
                    findings.push(ItemFinding {
                        id: noted.id.to_string(),
                        at: noted.at.into(),
                        recording: noted.recording.to_string(),
                        offset_ms: noted.offset_ms,
                        text: noted.text,
                    });
                }
            }
        }
        Ok(ItemView {
            place: item.place,
            call: item.contact.to_string(),
            stratum: item.stratum,
            heard,
            outcome: judged.as_ref().map(|judged| judged.outcome),
            judged_at: judged.map(|judged| judged.at.into()),
            findings,
        })
    }
}

impl From<KeptSample> for SampleView {
    fn from(kept: KeptSample) -> Self {
        let it = kept.commitment;
        Self {
            id: it.id.to_string(),
            engagement: it.engagement.to_string(),
            committed_at: it.committed_at.into(),
            entry: kept.entry,
            calls_from: it.calls_from.into(),
            calls_until: it.calls_until.into(),
            frame_size: it.frame_size,
            frame_sha256: it.frame.to_string(),
            size: it.size,
            strata: it.strata,
            source: it.source,
            public_at: it.public_at.into(),
            judged: kept.judged,
            drawn: kept.drawn.map(|drawn| DrawnView {
                at: drawn.at.into(),
                checkpoint: drawn.checkpoint,
                root: drawn.root.to_string(),
                seed: drawn.seed().to_string(),
                value: drawn.value,
            }),
            items: Vec::new(),
        }
    }
}
