//! `/api/v1/holds`, `/api/v1/erasures`, `/api/v1/retention`: what the records office keeps because a court wants it, what it
//! destroys because somebody may ask for that, and what the city's rules end. What is kept or gone of one case or call, for
//! everybody who works with it, is `records/keeping.rs`. Who decides what is the store's.

pub(super) mod keeping;

use std::collections::BTreeMap;

use axum::Json as Answer;
use axum::extract::State;
use axum::http::StatusCode;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::case::CaseNumber;
use crate::case::retention::Content;
use crate::ids::{ContactId, ErasureId, HoldId, UserId};
use crate::store::{Due, DueWalk, Erasure, ErasureState, Ground, Hold, Subject};
use crate::time;

use super::error::ApiError;
use super::extract::{Json, Path, Query};
use super::filing::{MAX_WORD_CHARS, said};
use super::gate::Principal;
use super::view::{ListView, Paging, UtcTime};
use super::{Shared, Web};

/// A file number, with the name of the court.
const MAX_REFERENCE_CHARS: usize = 200;
/// Erasures that wait for somebody, shown at once.
const MAX_WAITING: u32 = 500;
/// Of what is due; there are that many only after a new rule, and the rest follows.
const MAX_DUE: usize = 200;
/// Pages looked through for it while somebody waits.
const MAX_PAGES: usize = 50;

pub(super) fn routes() -> OpenApiRouter<Shared> {
    OpenApiRouter::new()
        .routes(routes!(list_holds, place))
        .routes(routes!(lift))
        .routes(routes!(list_erasures, ask))
        .routes(routes!(agree))
        .routes(routes!(refuse))
        .routes(routes!(retention))
        .routes(routes!(keeping::of_case))
        .routes(routes!(keeping::of_call))
}

/// A case or a call: one of the two.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct HoldRequest {
    /// Register number.
    case: Option<String>,
    /// Id of a call.
    call: Option<String>,
    reason: String,
    /// The court's or inspector's own number of the matter.
    reference: String,
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct ErasureRequest {
    /// Register number.
    case: Option<String>,
    /// Id of a call that is on no case.
    call: Option<String>,
    reason: String,
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Because {
    reason: String,
}

#[derive(Debug, Serialize, ToSchema)]
pub(super) struct HoldView {
    id: String,
    /// Register number.
    case: Option<String>,
    /// Id of the call.
    call: Option<String>,
    reason: String,
    reference: String,
    placed_at: UtcTime,
    /// Name of the person.
    placed_by: String,
    lifted_at: Option<UtcTime>,
    lifted_by: Option<String>,
    lifted_reason: Option<String>,
}

#[derive(Debug, Serialize, ToSchema)]
pub(super) struct ErasureView {
    id: String,
    case: Option<String>,
    call: Option<String>,
    /// Of `recordings`, `photos`, `words`.
    what: Vec<&'static str>,
    /// `asked`, `refused`, `decided` or `done`.
    #[schema(value_type = String)]
    state: ErasureState,
    /// Of one that somebody asked for.
    reason: Option<String>,
    asked_at: Option<UtcTime>,
    asked_by: Option<String>,
    /// It was you: somebody else agrees.
    is_yours: bool,
    /// Of one that a rule of the city plan decided: its id and version.
    rule: Option<String>,
    rule_version: Option<u32>,
    decided_at: Option<UtcTime>,
    decided_by: Option<String>,
    done_at: Option<UtcTime>,
}

#[derive(Debug, Serialize, ToSchema)]
pub(super) struct RetentionView {
    rules: Vec<RuleView>,
    /// What the rules end next: it goes within minutes, but for what is held.
    due: Vec<DueView>,
    /// There is more than is shown.
    more: bool,
}

#[derive(Debug, Serialize, ToSchema)]
pub(super) struct RuleView {
    id: String,
    version: u32,
    category: String,
    /// Terms after the closing, as in `90d` or `36mo`; null is kept for good.
    recordings: Option<String>,
    photos: Option<String>,
    words: Option<String>,
    /// After the end of a call without a case.
    calls_without_case: Option<String>,
}

#[derive(Debug, Serialize, ToSchema)]
pub(super) struct DueView {
    case: Option<String>,
    call: Option<String>,
    category: String,
    over_at: UtcTime,
    what: Vec<&'static str>,
    rule: String,
    rule_version: u32,
    /// A legal hold keeps it.
    held: bool,
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct ErasureQuery {
    /// `asked`, `decided` or `done`.
    #[param(value_type = String)]
    state: ErasureState,
}

/// Legal holds in force, the newest first.
#[utoipa::path(get, path = "/api/v1/holds", tag = "records", params(Paging),
    responses((status = 200, body = ListView<HoldView>), (status = 403)))]
pub(super) async fn list_holds(
    State(web): State<Shared>,
    Query(paging): Query<Paging>,
) -> Result<Answer<ListView<HoldView>>, ApiError> {
    let listed = web.store().holds(&paging.page()?).await?;
    let names = web.people_named(listed.items.iter().map(|hold| hold.placed_by.clone()).collect()).await?;
    Ok(Answer(ListView::of(listed, |hold| HoldView::new(hold, &names))))
}

/// Keeps a case with its calls and pictures, or one call, from being destroyed.
#[utoipa::path(post, path = "/api/v1/holds", tag = "records", request_body = HoldRequest,
    responses((status = 201, body = HoldView), (status = 403), (status = 404), (status = 409), (status = 422)))]
pub(super) async fn place(
    State(web): State<Shared>,
    principal: Principal,
    Json(request): Json<HoldRequest>,
) -> Result<(StatusCode, Answer<HoldView>), ApiError> {
    let reference = said(Some(&request.reference), MAX_REFERENCE_CHARS, "a reference")?;
    let at = time::now().utc;
    let hold = Hold {
        id: HoldId(web.with_mint(|mint| mint.uuid(at))),
        subject: subject(request.case, request.call)?,
        reason: because(&request.reason)?,
        reference: reference.ok_or_else(|| {
            ApiError::Unprocessable("say by whose order, with the number of the matter".to_owned())
        })?,
        placed_at: at,
        placed_by: principal.user.id.to_string(),
        lifted: None,
    };
    web.store().place_hold(hold.clone(), principal.actor()).await?;
    let names = web.people_named(vec![hold.placed_by.clone()]).await?;
    Ok((StatusCode::CREATED, Answer(HoldView::new(hold, &names))))
}

/// What was held may be destroyed again, when its time comes.
#[utoipa::path(post, path = "/api/v1/holds/{id}/lift", tag = "records", params(("id" = String, Path)),
    request_body = Because,
    responses((status = 200, body = HoldView), (status = 403), (status = 404), (status = 409), (status = 422)))]
pub(super) async fn lift(
    State(web): State<Shared>,
    principal: Principal,
    Path(id): Path<HoldId>,
    Json(Because { reason }): Json<Because>,
) -> Result<Answer<HoldView>, ApiError> {
    let lifted = web.store().lift_hold(id, because(&reason)?, principal.actor(), time::now().utc).await?;
    let names = web.people_named(vec![lifted.placed_by.clone(), principal.user.id.to_string()]).await?;
    Ok(Answer(HoldView::new(lifted, &names)))
}

/// Erasures that wait for a second person or to be carried out, the oldest first; or what was done, the latest first.
#[utoipa::path(get, path = "/api/v1/erasures", tag = "records", params(ErasureQuery, Paging),
    responses((status = 200, body = ListView<ErasureView>), (status = 400), (status = 403)))]
pub(super) async fn list_erasures(
    State(web): State<Shared>,
    principal: Principal,
    Query(query): Query<ErasureQuery>,
    Query(paging): Query<Paging>,
) -> Result<Answer<ListView<ErasureView>>, ApiError> {
    let listed = match query.state {
        ErasureState::Done => web.store().erasures_done(&paging.page()?).await?,
        state => {
            crate::store::Listed { items: web.store().erasures_in(state, MAX_WAITING).await?, next: None }
        }
    };
    let mut items = Vec::with_capacity(listed.items.len());
    for erasure in listed.items {
        items.push(web.erasure_view(erasure, &principal).await?);
    }
    Ok(Answer(ListView { items, next: listed.next }))
}

/// Asks to destroy all that is personal of a case, or of a call without a case. A second person has to agree.
#[utoipa::path(post, path = "/api/v1/erasures", tag = "records", request_body = ErasureRequest,
    responses((status = 201, body = ErasureView), (status = 403), (status = 404), (status = 409), (status = 422)))]
pub(super) async fn ask(
    State(web): State<Shared>,
    principal: Principal,
    Json(request): Json<ErasureRequest>,
) -> Result<(StatusCode, Answer<ErasureView>), ApiError> {
    let at = time::now().utc;
    let id = ErasureId(web.with_mint(|mint| mint.uuid(at)));
    let (subject, reason) = (subject(request.case, request.call)?, because(&request.reason)?);
    let asked = web.store().ask_erasure(id, subject, reason, principal.actor(), at).await?;
    Ok((StatusCode::CREATED, Answer(web.erasure_view(asked, &principal).await?)))
}

/// A second person agrees: it is carried out at once, and cannot be taken back.
#[utoipa::path(post, path = "/api/v1/erasures/{id}/agree", tag = "records", params(("id" = String, Path)),
    responses((status = 200, body = ErasureView), (status = 403), (status = 404), (status = 409)))]
pub(super) async fn agree(
    State(web): State<Shared>,
    principal: Principal,
    Path(id): Path<ErasureId>,
) -> Result<Answer<ErasureView>, ApiError> {
    let decided = web.store().agree_to_erasure(id, principal.actor(), time::now().utc).await?;
    Ok(Answer(web.erasure_view(decided, &principal).await?))
}

/// It is not done. Also for who asked, to take it back.
#[utoipa::path(post, path = "/api/v1/erasures/{id}/refuse", tag = "records", params(("id" = String, Path)),
    request_body = Because,
    responses((status = 200, body = ErasureView), (status = 403), (status = 404), (status = 422)))]
pub(super) async fn refuse(
    State(web): State<Shared>,
    principal: Principal,
    Path(id): Path<ErasureId>,
    Json(Because { reason }): Json<Because>,
) -> Result<Answer<ErasureView>, ApiError> {
    let refused =
        web.store().refuse_erasure(id, because(&reason)?, principal.actor(), time::now().utc).await?;
    Ok(Answer(web.erasure_view(refused, &principal).await?))
}

/// The city's rules, and what they end next.
#[utoipa::path(get, path = "/api/v1/retention", tag = "records",
    responses((status = 200, body = RetentionView), (status = 403)))]
pub(super) async fn retention(State(web): State<Shared>) -> Result<Answer<RetentionView>, ApiError> {
    let (city, at) = (web.city(), time::now().utc);
    let (mut due, mut walk) = (Vec::new(), Some(DueWalk::Beginning));
    for _ in 0..MAX_PAGES {
        let Some(from) = walk.take().filter(|_| due.len() < MAX_DUE) else { break };
        let (page, next) = web.store().retention_due(&city, from, at, MAX_DUE - due.len()).await?;
        due.extend(page.into_iter().map(DueView::from));
        walk = next;
    }
    let term = |term: Option<crate::case::norm::Term>| term.map(|term| term.to_string());
    let rules = city.retention_rules().iter().map(|rule| RuleView {
        id: rule.id.clone(),
        version: rule.version,
        category: rule.category.clone(),
        recordings: term(rule.recordings),
        photos: term(rule.photos),
        words: term(rule.words),
        calls_without_case: term(rule.calls_without_case),
    });
    Ok(Answer(RetentionView { rules: rules.collect(), more: due.len() >= MAX_DUE || walk.is_some(), due }))
}

fn subject(case: Option<String>, call: Option<String>) -> Result<Subject, ApiError> {
    match (case, call) {
        (Some(number), None) => Ok(Subject::Case(CaseNumber(number))),
        (None, Some(id)) => {
            let id: ContactId = id.parse().map_err(|_| ApiError::NotFound("call"))?;
            Ok(Subject::Call(id))
        }
        _ => Err(ApiError::Unprocessable("name a case or a call, one of the two".to_owned())),
    }
}

fn because(reason: &str) -> Result<String, ApiError> {
    let reason = said(Some(reason), MAX_WORD_CHARS, "a reason")?;
    reason.ok_or_else(|| ApiError::Unprocessable("say why".to_owned()))
}

fn named(what: impl IntoIterator<Item = Content>) -> Vec<&'static str> {
    what.into_iter().map(Content::name).collect()
}

fn of_subject(subject: &Subject) -> (Option<String>, Option<String>) {
    match subject {
        Subject::Case(number) => (Some(number.to_string()), None),
        Subject::Call(id) => (None, Some(id.to_string())),
    }
}

/// Names of people by their ids.
pub(super) type Names = BTreeMap<String, String>;

impl Web {
    pub(super) async fn people_named(&self, ids: Vec<String>) -> Result<Names, ApiError> {
        let mut names = Names::new();
        for id in ids {
            let Ok(user) = id.parse::<UserId>() else { continue };
            if !names.contains_key(&id)
                && let Some(user) = self.store().user(user).await?
            {
                names.insert(id, user.name);
            }
        }
        Ok(names)
    }

    async fn erasure_view(&self, erasure: Erasure, principal: &Principal) -> Result<ErasureView, ApiError> {
        let (reason, asked_at, asked_by, rule) = match erasure.ground {
            Ground::Asked { reason, at, by } => (Some(reason), Some(at), Some(by), None),
            Ground::Rule { id, version } => (None, None, None, Some((id, version))),
        };
        let people = [asked_by.clone(), erasure.decided_by.clone()];
        let names = self.people_named(people.into_iter().flatten().collect()).await?;
        let name = |id: &String| names.get(id).cloned().unwrap_or_else(|| id.clone());
        let (case, call) = of_subject(&erasure.subject);
        Ok(ErasureView {
            id: erasure.id.to_string(),
            case,
            call,
            what: named(erasure.what),
            state: erasure.state,
            reason,
            asked_at: asked_at.map(UtcTime),
            is_yours: asked_by.as_deref() == Some(principal.user.id.to_string().as_str()),
            asked_by: asked_by.as_ref().map(name),
            rule_version: rule.as_ref().map(|(_, version)| *version),
            rule: rule.map(|(id, _)| id),
            decided_at: erasure.decided_at.map(UtcTime),
            decided_by: erasure.decided_by.as_ref().map(name),
            done_at: erasure.done_at.map(UtcTime),
        })
    }
}

impl HoldView {
    pub(super) fn new(hold: Hold, names: &Names) -> Self {
        let name = |id: &String| names.get(id).cloned().unwrap_or_else(|| id.clone());
        let (case, call) = of_subject(&hold.subject);
        Self {
            id: hold.id.to_string(),
            case,
            call,
            reason: hold.reason,
            reference: hold.reference,
            placed_at: hold.placed_at.into(),
            placed_by: name(&hold.placed_by),
            lifted_at: hold.lifted.as_ref().map(|lifted| UtcTime(lifted.at)),
            lifted_by: hold.lifted.as_ref().map(|lifted| name(&lifted.by)),
            lifted_reason: hold.lifted.map(|lifted| lifted.reason),
        }
    }
}

impl From<Due> for DueView {
    fn from(due: Due) -> Self {
        let (case, call) = of_subject(&due.kept.subject);
        Self {
            case,
            call,
            category: due.kept.category,
            over_at: due.kept.over_at.into(),
            what: named(due.what),
            rule: due.rule.0,
            rule_version: due.rule.1,
            held: due.kept.is_held,
        }
    }
}
