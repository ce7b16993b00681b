//! `/api/v1/cases`: the register of cases, and one case as far as the reader's role goes. What moves a case on is
//! `transitions.rs` and `endings.rs`, photos of the work are `evidence.rs`.

pub(super) mod clock_view;
pub(super) mod clocks;
pub(super) mod context;
pub(super) mod endings;
pub(super) mod evidence;
pub(super) mod filing;
pub(super) mod image;
mod meanwhile;
pub(super) mod parts;
mod pressed;
mod proof_view;
pub(super) mod transitions;
pub(super) mod view;

use std::collections::{BTreeMap, BTreeSet};

use axum::Json as Answer;
use axum::extract::State;
use axum::http::{Method, StatusCode};
use serde::Deserialize;
use utoipa::IntoParams;

use crate::case::work_order::EvidenceRef;
use crate::case::{Case, CaseNumber};
use crate::ids::WorkOrderId;
use crate::journal::{Draft, EventType};
use crate::store::CaseFilter;
use crate::time;

use super::error::ApiError;
use super::extract::{Path, Query};
use super::gate::{Principal, Subject};
use super::view::{ListView, Paging, check_caller_filter};
use super::{Shared, Web, access};
use access::Sight;
use view::CaseView;

/// `2026-01-000042` has 14 characters; offices and sequences may grow.
const MAX_NUMBER_LEN: usize = 40;

const NOT_CLEARED: &str = "reading this case takes a clearance that you do not have";

/// Work orders of one case whose evidence is listed: a case that went round more often has a dispatcher.
const MAX_ORDERS: usize = 20;

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct CaseQuery {
    /// Names of states, separated by commas.
    state: Option<String>,
    /// Organisation id.
    executor: Option<String>,
    category: Option<String>,
    /// Part of the applicant's number.
    caller: Option<String>,
    /// `true`: open and past their deadline.
    overdue: Option<bool>,
    /// Register number: cases that repeat, double or follow that one.
    related_to: Option<String>,
}

/// Cases, newest first; executors see those they work on.
#[utoipa::path(get, path = "/api/v1/cases", tag = "cases", params(CaseQuery, Paging),
    responses((status = 200, body = ListView<CaseView>), (status = 400), (status = 403)))]
pub(super) async fn list(
    State(web): State<Shared>,
    principal: Principal,
    Query(query): Query<CaseQuery>,
    Query(paging): Query<Paging>,
) -> Result<Answer<ListView<CaseView>>, ApiError> {
    let caller = query.caller.filter(|caller| !caller.is_empty());
    check_caller_filter(principal.role(), caller.as_deref())?;
    let states = query.state.unwrap_or_default();
    let filter = CaseFilter {
        states: states.split(',').filter(|name| !name.is_empty()).map(str::to_owned).collect(),
        executor: access::confined_to(&principal.user).or(query.executor),
        category: query.category,
        caller,
        related_to: query.related_to.as_deref().map(parse_number).transpose()?,
        overdue_at: query.overdue.unwrap_or(false).then(|| time::now().utc),
    };
    let searches = filter.caller.is_some() || filter.category.is_some() || filter.related_to.is_some();
    let mut listed = web.store().cases(&filter, &paging.page()?).await?;
    let mut items = Vec::with_capacity(listed.items.len());
    for case in listed.items {
        if web.lists_case(&principal, &case.number).await? {
            items.push(case);
        }
    }
    listed.items = items;
    let city = web.city();
    // What is not told must not be found out by searching for it.
    listed.items.retain(|case| !searches || access::is_found(&principal.user, &city, &case.category));
    Ok(Answer(ListView::of(listed, |case| CaseView::new(&case, &[], principal.role(), &city))))
}

/// One case with its evidence.
#[utoipa::path(get, path = "/api/v1/cases/{number}", tag = "cases", params(("number" = String, Path)),
    responses((status = 200, body = CaseView), (status = 403), (status = 404)))]
pub(super) async fn show(
    State(web): State<Shared>,
    principal: Principal,
    Path(number): Path<String>,
) -> Result<Answer<CaseView>, ApiError> {
    let case = web.case_to_see(&number, &principal, "/api/v1/cases/{number}").await?;
    Ok(Answer(web.whole_view(&case, &principal).await?))
}

/// A register number has digits and hyphens; anything else names no case.
pub(super) fn parse_number(text: &str) -> Result<CaseNumber, ApiError> {
    let plausible = text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
    if text.is_empty() || text.len() > MAX_NUMBER_LEN || !plausible {
        return Err(ApiError::NotFound("case"));
    }
    Ok(CaseNumber(text.to_owned()))
}

impl Web {
    /// The case, when the person may see it; a refusal is on the journal.
    pub(super) async fn case_to_see(
        &self,
        number: &str,
        principal: &Principal,
        path: &str,
    ) -> Result<Case, ApiError> {
        let number = parse_number(number)?;
        let case = self.store().case(&number).await?.ok_or(ApiError::NotFound("case"))?;
        if !access::sees_case(&principal.user, &case) {
            let detail = "this case is not with your organisation".to_owned();
            return Err(self.denied(principal, Subject::case(&number), &Method::GET, path, detail).await);
        }
        Ok(case)
    }

    /// The case, when the person may read it, as it is when that is journalled; a refusal is on the journal, too.
    pub(super) async fn case_to_read(
        &self,
        number: &str,
        principal: &Principal,
        path: &str,
    ) -> Result<Case, ApiError> {
        let case = self.case_to_see(number, principal, path).await?;
        match access::sight(&principal.user, &self.city(), &case.category) {
            Sight::Free => Ok(case),
            Sight::Reading => self.case_read(&case.number, principal).await,
            Sight::Existence => Err(self.not_cleared(&case.number, principal, path).await),
        }
    }

    /// A case of which more than its existence is told, or that is changed, takes its clearance.
    pub(super) async fn check_clearance(
        &self,
        number: &CaseNumber,
        principal: &Principal,
        path: &str,
    ) -> Result<(), ApiError> {
        let plan = self.city();
        if plan.privacy_classes().is_empty() {
            return Ok(());
        }
        let Some(case) = self.store().case(number).await? else { return Ok(()) };
        match access::sight(&principal.user, &plan, &case.category) {
            Sight::Free | Sight::Reading => Ok(()),
            Sight::Existence => Err(self.not_cleared(number, principal, path).await),
        }
    }

    async fn not_cleared(&self, number: &CaseNumber, principal: &Principal, path: &str) -> ApiError {
        let refused =
            self.denied(principal, Subject::case(number), &Method::GET, path, NOT_CLEARED.to_owned());
        match refused.await {
            ApiError::Forbidden(_) => ApiError::Known {
                status: StatusCode::FORBIDDEN,
                name: "not_cleared",
                detail: NOT_CLEARED.to_owned(),
            },
            failed => failed,
        }
    }

    /// Whether the person may read the case; where that takes a clearance, that it was read is on the journal.
    pub(super) async fn case_is_read(
        &self,
        case: &Case,
        principal: &Principal,
        what: &'static str,
    ) -> Result<bool, ApiError> {
        match access::sight(&principal.user, &self.city(), &case.category) {
            Sight::Free => Ok(true),
            Sight::Existence => Ok(false),
            Sight::Reading => {
                let mut entry = Draft::new(EventType::AccessViewed, time::now().utc, principal.actor());
                entry.data = serde_json::json!({ "what": what });
                self.store().read_case(&case.number, entry).await?;
                Ok(true)
            }
        }
    }

    async fn case_read(&self, number: &CaseNumber, principal: &Principal) -> Result<Case, ApiError> {
        let mut entry = Draft::new(EventType::AccessViewed, time::now().utc, principal.actor());
        entry.data = serde_json::json!({ "what": "case" });
        self.store().read_case(number, entry).await?.ok_or(ApiError::NotFound("case"))
    }

    /// The case with the evidence of all its work orders, as far as the person may see it.
    pub(super) async fn whole_view(&self, case: &Case, principal: &Principal) -> Result<CaseView, ApiError> {
        let read;
        let case = match access::sight(&principal.user, &self.city(), &case.category) {
            Sight::Free => case,
            Sight::Reading => {
                read = self.case_read(&case.number, principal).await?;
                &read
            }
            Sight::Existence => return Ok(CaseView::withheld(case, &self.city())),
        };
        let evidence = self.evidence_of_case(case).await?;
        let mut checks = BTreeMap::new();
        for order in evidence.iter().map(|piece| piece.order).collect::<BTreeSet<_>>() {
            checks.extend(self.store().checks_of(order).await?);
        }
        let view = CaseView::open(case, &evidence, principal.role(), &self.city());
        Ok(view.with_checks(&checks, principal.role()))
    }

    /// Evidence of the order in hand and of those before it, which the journal names.
    async fn evidence_of_case(&self, case: &Case) -> Result<Vec<EvidenceRef>, ApiError> {
        let mut orders: Vec<WorkOrderId> = Vec::new();
        for entry in self.store().case_timeline(&case.number).await? {
            let order = entry.data.get("order").and_then(|order| order.as_str()?.parse().ok());
            if let Some(order) = order.filter(|order| entry.event == "wo.issued" && !orders.contains(order)) {
                orders.push(order);
            }
        }
        if let Some(order) = case.state.order().filter(|order| !orders.contains(order)) {
            orders.push(order);
        }
        let oldest_shown = orders.len().saturating_sub(MAX_ORDERS);
        let mut evidence = Vec::new();
        for order in orders.split_off(oldest_shown) {
            evidence.extend(self.store().evidence_of(order).await?);
        }
        Ok(evidence)
    }
}
