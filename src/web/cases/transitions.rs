//! `POST /api/v1/cases/{number}/...`: what moves a case on. Each endpoint names one transition of
//! `case/transition.rs`; the rules are there, the store applies them to the row as it stands.

use axum::Json as Answer;
use axum::extract::State;
use serde::Deserialize;
use utoipa::ToSchema;

use crate::case::transition::{Classification, InvalidTransition};
use crate::case::work_order::{EvidenceRef, WorkReport};
use crate::case::{Case, CaseEvent, ClosingCode, Place, Priority, Site, TellingChannel, Told, routing};
use crate::ids::WorkOrderId;
use crate::language::Language;
use crate::store::{Occasion, Once, StoreError};
use crate::time;

use super::super::addresses::{self, SiteChoice};
use super::super::error::ApiError;
use super::super::extract::{Json, OrEmpty, Path};
use super::super::gate::Principal;
use super::super::once::OnceKey;
use super::super::{Shared, Web};
use super::parse_number;
use super::pressed::{self, Declined, Step, WorkDone};
use super::view::CaseView;

/// Descriptions, results and explanations: a page of text.
const MAX_TEXT_CHARS: usize = 4000;
/// Addresses, names, category and territory ids.
pub(super) const MAX_WORD_CHARS: usize = 300;

pub(in crate::web) type Outcome = Result<Answer<CaseView>, ApiError>;

/// Fields that are given are set, the others stay.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::web) struct CaseChange {
    category: Option<String>,
    /// In free words, for a place the register does not have.
    address: Option<String>,
    /// Street and house chosen from the address register; the territory follows from it.
    site: Option<SiteChoice>,
    /// Of either; an empty one takes it away.
    flat: Option<String>,
    /// Territory id of the city plan.
    territory: Option<String>,
    description: Option<String>,
    #[schema(value_type = Option<String>, example = "urgent")]
    priority: Option<Priority>,
    applicant_name: Option<String>,
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::web) struct Reason {
    reason: String,
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::web) struct Telling {
    #[schema(value_type = String, example = "voice")]
    channel: TellingChannel,
    delivered: bool,
    /// The applicant's answer to "is it fixed?", when there was one.
    confirmed: Option<bool>,
    /// Whom: the applicant who came with this merged case; the case's own when there is none.
    whom: Option<String>,
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::web) struct Closing {
    #[schema(value_type = String, example = "fixed_confirmed")]
    code: ClosingCode,
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::web) struct Explanation {
    text: String,
}

/// Classify and place the case.
#[utoipa::path(patch, path = "/api/v1/cases/{number}", tag = "cases", params(("number" = String, Path)),
    request_body = CaseChange,
    responses((status = 200, body = CaseView), (status = 403), (status = 404), (status = 409), (status = 422)))]
pub(in crate::web) async fn classify(
    State(web): State<Shared>,
    principal: Principal,
    Path(number): Path<String>,
    Json(change): Json<CaseChange>,
) -> Outcome {
    for word in [&change.category, &change.address, &change.territory, &change.applicant_name] {
        check_length(word.as_deref(), MAX_WORD_CHARS)?;
    }
    check_length(change.description.as_deref(), MAX_TEXT_CHARS)?;
    addresses::check_number(change.flat.as_deref())?;
    if change.address.is_some() && change.site.is_some() {
        return Err(ApiError::Unprocessable("an address is either chosen or written".to_owned()));
    }
    if change.category.is_some() || change.territory.is_some() {
        super::super::city::check_known(
            &web.city(),
            change.category.as_deref(),
            change.territory.as_deref(),
        )?;
    }
    let language = web.city().language();
    let chosen = match &change.site {
        Some(site) => Some(site.place(&web.addresses(), language)?),
        None => None,
    };
    let actor = principal.actor();
    web.move_case(&number, &principal, move |case, _, at| {
        let classification = Classification {
            category: change.category.clone(),
            place: new_place(&case, &change, chosen.as_ref(), language),
            description: change.description.clone(),
            priority: change.priority,
            applicant_name: change.applicant_name.clone(),
        };
        case.classify(classification, &actor, at)
    })
    .await
}

/// The place with what was given put over what is there; none when nothing was given.
fn new_place(case: &Case, change: &CaseChange, chosen: Option<&Place>, language: Language) -> Option<Place> {
    if change.address.is_none() && change.territory.is_none() && chosen.is_none() && change.flat.is_none() {
        return None;
    }
    let mut place = case.place.clone().unwrap_or_default();
    if let Some(address) = &change.address {
        let flat = place.site.take().and_then(|site| site.flat);
        place.site = (!address.is_empty()).then(|| Site { flat, ..addresses::written(address) });
        place.address.clone_from(address);
    }
    if let Some(chosen) = chosen {
        // A street of several districts leaves the one the operator knows.
        let territory = chosen.territory.clone().or(place.territory);
        place = Place { territory, ..chosen.clone() };
    }
    if let Some(flat) = &change.flat {
        let mut site = place.site.take().unwrap_or_else(|| addresses::written(&place.address));
        site.flat = Some(flat.trim().to_owned()).filter(|flat| !flat.is_empty());
        place.site = Some(site);
    }
    if let Some(site) = &place.site {
        place.address = addresses::in_words(site, language);
    }
    if change.territory.is_some() {
        place.territory.clone_from(&change.territory);
    }
    Some(place)
}

/// Route the case by category, territory and time, and issue the work order.
#[utoipa::path(post, path = "/api/v1/cases/{number}/assign", tag = "cases", params(("number" = String, Path)),
    responses((status = 200, body = CaseView), (status = 404), (status = 409),
        (status = 422, description = "routing cannot decide, with the reason")))]
pub(in crate::web) async fn assign(
    State(web): State<Shared>,
    principal: Principal,
    Path(number): Path<String>,
) -> Outcome {
    let number_parsed = parse_number(&number)?;
    // Why routing cannot decide names the category.
    web.check_clearance(&number_parsed, &principal, "/api/v1/cases/{number}/assign").await?;
    let case = web.store().case(&number_parsed).await?.ok_or(ApiError::NotFound("case"))?;
    let at = time::now().utc;
    let order = WorkOrderId(web.with_mint(|mint| mint.uuid(at)));
    let plan = web.city();
    // First for the reason in full; then again on the row as it stands when it is changed.
    routing::route(&plan, &case, order, at).map_err(|reason| ApiError::Unprocessable(reason.to_string()))?;
    let actor = principal.actor();
    web.move_case(&number, &principal, move |case, _, at| {
        let assignment = routing::route(&plan, &case, order, at).map_err(|_| {
            InvalidTransition::Incomplete("the case changed and routing cannot decide any more")
        })?;
        case.assign(assignment, &actor, at)
    })
    .await
}

/// The executor takes the order on.
#[utoipa::path(post, path = "/api/v1/cases/{number}/accept", tag = "cases",
    params(("number" = String, Path), OnceKey), request_body = Step,
    responses((status = 200, body = CaseView), (status = 403), (status = 404), (status = 409)))]
pub(in crate::web) async fn accept(
    State(web): State<Shared>,
    principal: Principal,
    Path(number): Path<String>,
    key: OnceKey,
    OrEmpty(step): OrEmpty<Step>,
) -> Outcome {
    let (actor, once) = (principal.actor(), key.once(&principal, "accept", &[&number, &step.digest()]));
    web.move_case_once(&number, &principal, once, move |case, _, at| {
        let site = pressed::site_of(&case);
        Ok(pressed::noted(case.accept(&actor, at)?, &step.facts(site)))
    })
    .await
}

/// The executor begins.
#[utoipa::path(post, path = "/api/v1/cases/{number}/start", tag = "cases",
    params(("number" = String, Path), OnceKey), request_body = Step,
    responses((status = 200, body = CaseView), (status = 403), (status = 404), (status = 409)))]
pub(in crate::web) async fn start(
    State(web): State<Shared>,
    principal: Principal,
    Path(number): Path<String>,
    key: OnceKey,
    OrEmpty(step): OrEmpty<Step>,
) -> Outcome {
    let (actor, once) = (principal.actor(), key.once(&principal, "start", &[&number, &step.digest()]));
    web.move_case_once(&number, &principal, once, move |case, _, at| {
        let site = pressed::site_of(&case);
        Ok(pressed::noted(case.start(&actor, at)?, &step.facts(site)))
    })
    .await
}

/// The executor sends the order back.
#[utoipa::path(post, path = "/api/v1/cases/{number}/decline", tag = "cases",
    params(("number" = String, Path), OnceKey), request_body = Declined,
    responses((status = 200, body = CaseView), (status = 403), (status = 404), (status = 409), (status = 422)))]
pub(in crate::web) async fn decline(
    State(web): State<Shared>,
    principal: Principal,
    Path(number): Path<String>,
    key: OnceKey,
    Json(Declined { reason, pressed_at }): Json<Declined>,
) -> Outcome {
    check_text(&reason)?;
    let (actor, once) = (principal.actor(), key.once(&principal, "decline", &[&number, &reason]));
    let step = Step { pressed_at, place: None };
    web.move_case_once(&number, &principal, once, move |case, _, at| {
        Ok(pressed::noted(case.decline(&reason, &actor, at)?, &step.facts(None)))
    })
    .await
}

/// The executor says it is done; refused without the evidence the category demands.
#[utoipa::path(post, path = "/api/v1/cases/{number}/report", tag = "cases",
    params(("number" = String, Path), OnceKey), request_body = WorkDone,
    responses((status = 200, body = CaseView), (status = 403), (status = 404), (status = 409), (status = 422)))]
pub(in crate::web) async fn report(
    State(web): State<Shared>,
    principal: Principal,
    Path(number): Path<String>,
    key: OnceKey,
    Json(WorkDone { result, pressed_at }): Json<WorkDone>,
) -> Outcome {
    check_text(&result)?;
    let (actor, plan) = (principal.actor(), web.city());
    let once = key.once(&principal, "report", &[&number, &result]);
    let step = Step { pressed_at, place: None };
    web.move_case_once(&number, &principal, once, move |case, evidence, at| {
        let rule = plan.evidence_rule(&case.category);
        let report = WorkReport { result: result.clone() };
        Ok(pressed::noted(case.report_work(report, evidence, rule, &actor, at)?, &step.facts(None)))
    })
    .await
}

/// Control believes the evidence: verification begins.
#[utoipa::path(post, path = "/api/v1/cases/{number}/evidence-accept", tag = "cases",
    params(("number" = String, Path)),
    responses((status = 200, body = CaseView), (status = 403), (status = 404), (status = 409)))]
pub(in crate::web) async fn accept_evidence(
    State(web): State<Shared>,
    principal: Principal,
    Path(number): Path<String>,
) -> Outcome {
    let actor = principal.actor();
    web.move_case(&number, &principal, move |case, _, at| case.accept_evidence(&actor, at)).await
}

/// Control does not believe the evidence: back to work.
#[utoipa::path(post, path = "/api/v1/cases/{number}/evidence-reject", tag = "cases",
    params(("number" = String, Path)), request_body = Reason,
    responses((status = 200, body = CaseView), (status = 403), (status = 404), (status = 409), (status = 422)))]
pub(in crate::web) async fn reject_evidence(
    State(web): State<Shared>,
    principal: Principal,
    Path(number): Path<String>,
    Json(Reason { reason }): Json<Reason>,
) -> Outcome {
    check_text(&reason)?;
    let actor = principal.actor();
    web.move_case(&number, &principal, move |case, _, at| case.reject_evidence(&reason, &actor, at)).await
}

/// An attempt to tell the applicant, and the answer.
#[utoipa::path(post, path = "/api/v1/cases/{number}/tell", tag = "cases", params(("number" = String, Path)),
    request_body = Telling,
    responses((status = 200, body = CaseView), (status = 403), (status = 404), (status = 409), (status = 422)))]
pub(in crate::web) async fn tell(
    State(web): State<Shared>,
    principal: Principal,
    Path(number): Path<String>,
    Json(telling): Json<Telling>,
) -> Outcome {
    let actor = principal.actor();
    let whom = telling.whom.as_deref().map(parse_number).transpose()?;
    web.move_case(&number, &principal, move |case, _, at| {
        let recipient = case.recipients().find(|(known, _)| *known == whom.as_ref());
        let told = Told {
            at,
            language: recipient.map_or(case.language, |(_, language)| language),
            channel: telling.channel,
            delivered: telling.delivered,
            confirmed: telling.confirmed,
            cycle: case.cycle,
            whom: whom.clone(),
            contact: None,
            notification: None,
        };
        case.tell(told, &actor, at)
    })
    .await
}

/// Control returns the case to work.
#[utoipa::path(post, path = "/api/v1/cases/{number}/return", tag = "cases", params(("number" = String, Path)),
    request_body = Reason,
    responses((status = 200, body = CaseView), (status = 403), (status = 404), (status = 409), (status = 422)))]
pub(in crate::web) async fn return_to_work(
    State(web): State<Shared>,
    principal: Principal,
    Path(number): Path<String>,
    Json(Reason { reason }): Json<Reason>,
) -> Outcome {
    check_text(&reason)?;
    let actor = principal.actor();
    web.move_case(&number, &principal, move |case, _, at| case.return_to_work(&reason, &actor, at)).await
}

/// Control closes the case; the applicant was told, or the attempts are exhausted.
#[utoipa::path(post, path = "/api/v1/cases/{number}/close", tag = "cases", params(("number" = String, Path)),
    request_body = Closing,
    responses((status = 200, body = CaseView), (status = 403), (status = 404), (status = 409), (status = 422)))]
pub(in crate::web) async fn close(
    State(web): State<Shared>,
    principal: Principal,
    Path(number): Path<String>,
    Json(closing): Json<Closing>,
) -> Outcome {
    let actor = principal.actor();
    let plan = web.city();
    web.move_case(&number, &principal, move |case, _, at| {
        case.close(closing.code, plan.verify_rule(), &actor, at)
    })
    .await
}

/// A consultation: the citizen has the answer, there is nothing to execute.
#[utoipa::path(post, path = "/api/v1/cases/{number}/explain", tag = "cases", params(("number" = String, Path)),
    request_body = Explanation,
    responses((status = 200, body = CaseView), (status = 403), (status = 404), (status = 409), (status = 422)))]
pub(in crate::web) async fn explain(
    State(web): State<Shared>,
    principal: Principal,
    Path(number): Path<String>,
    Json(Explanation { text }): Json<Explanation>,
) -> Outcome {
    check_text(&text)?;
    let actor = principal.actor();
    web.move_case(&number, &principal, move |case, _, at| case.explain(&text, &actor, at)).await
}

/// Text that must say something, and not too much.
pub(in crate::web) fn check_text(text: &str) -> Result<(), ApiError> {
    if text.trim().is_empty() {
        return Err(ApiError::Unprocessable("say it in words".to_owned()));
    }
    check_length(Some(text), MAX_TEXT_CHARS)
}

pub(super) fn check_length(text: Option<&str>, most: usize) -> Result<(), ApiError> {
    match text.map(|text| text.chars().count()) {
        Some(count) if count > most => {
            Err(ApiError::Unprocessable(format!("a text has {count} characters, {most} are allowed")))
        }
        _ => Ok(()),
    }
}

impl Web {
    /// Applies `change` to the case as it stands, at this moment, and shows the result.
    pub(in crate::web) async fn move_case<F>(&self, number: &str, principal: &Principal, change: F) -> Outcome
    where
        F: Fn(Case, &[EvidenceRef], time::Timestamp) -> Result<(Case, Vec<CaseEvent>), InvalidTransition>
            + Send
            + Sync
            + 'static,
    {
        self.move_case_once(number, principal, None, change).await
    }

    /// The same for a request that may come again.
    pub(super) async fn move_case_once<F>(
        &self,
        number: &str,
        principal: &Principal,
        once: Option<Once>,
        change: F,
    ) -> Outcome
    where
        F: Fn(Case, &[EvidenceRef], time::Timestamp) -> Result<(Case, Vec<CaseEvent>), InvalidTransition>
            + Send
            + Sync
            + 'static,
    {
        let number = parse_number(number)?;
        self.check_clearance(&number, principal, "/api/v1/cases/{number}").await?;
        let at = time::now().utc;
        let actor = principal.actor();
        let during = self.said_in(&number, &principal.user, at).await?;
        let changed = self.store().change_case_for(
            &number,
            &actor,
            at,
            Occasion { during, once },
            move |case, evidence| change(case, evidence, at),
        );
        let case = match changed.await {
            Ok(case) => case,
            // It was done the first time, by this person: the answer that was lost is owed, though the case may have
            // left their hands by it.
            Err(StoreError::Repeated { .. }) => {
                self.store().case(&number).await?.ok_or(ApiError::NotFound("case"))?
            }
            Err(error) => return Err(error.into()),
        };
        tracing::info!(case.id = %case.number, case.state = case.state.name(), "case moved");
        self.live_cases.note(&case.number, &case.category);
        Ok(Answer(self.whole_view(&case, principal).await?))
    }
}
