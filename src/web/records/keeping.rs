//! What of one case or call is held by a legal hold, and what is gone for good: shown wherever the case or call is, so that
//! nobody looks for what was erased. Why and by whose order is told to the records office and to auditors.

use axum::Json as Answer;
use axum::extract::State;
use serde::Serialize;
use utoipa::ToSchema;

use crate::case::CaseNumber;
use crate::case::retention::Content;
use crate::ids::ContactId;
use crate::store::Subject;

use super::super::error::ApiError;
use super::super::extract::Path;
use super::super::gate::Principal;
use super::super::{Shared, Web, access};
use super::HoldView;

#[derive(Debug, Serialize, ToSchema)]
pub(in crate::web) struct KeepingView {
    /// A legal hold is in force: nothing of it is destroyed.
    held: bool,
    /// Holds, lifted ones too; for the records office and auditors.
    holds: Vec<HoldView>,
    /// What is gone: of `recordings`, `photos`, `words`.
    erased: Vec<&'static str>,
}

/// Holds on a case, and what of it is gone.
#[utoipa::path(get, path = "/api/v1/cases/{number}/keeping", tag = "records", params(("number" = String, Path)),
    responses((status = 200, body = KeepingView), (status = 403), (status = 404)))]
pub(in crate::web) async fn of_case(
    State(web): State<Shared>,
    principal: Principal,
    Path(number): Path<String>,
) -> Result<Answer<KeepingView>, ApiError> {
    let number = CaseNumber(number);
    let case = web.store().case(&number).await?.ok_or(ApiError::NotFound("case"))?;
    let erased = case.erased.into_iter().map(Content::name).collect();
    Ok(Answer(web.keeping(Subject::Case(number), erased, &principal).await?))
}

/// Holds on a call, or on a case it is on, and what of it is gone.
#[utoipa::path(get, path = "/api/v1/calls/{id}/keeping", tag = "records", params(("id" = String, Path)),
    responses((status = 200, body = KeepingView), (status = 403), (status = 404)))]
pub(in crate::web) async fn of_call(
    State(web): State<Shared>,
    principal: Principal,
    Path(id): Path<ContactId>,
) -> Result<Answer<KeepingView>, ApiError> {
    let erased = web.store().erased_of_call(id).await?.ok_or(ApiError::NotFound("call"))?;
    let erased = erased.into_iter().map(Content::name).collect();
    Ok(Answer(web.keeping(Subject::Call(id), erased, &principal).await?))
}

impl Web {
    async fn keeping(
        &self,
        subject: Subject,
        erased: Vec<&'static str>,
        principal: &Principal,
    ) -> Result<KeepingView, ApiError> {
        let holds = self.store().holds_of(&subject).await?;
        let held = holds.iter().any(|hold| hold.lifted.is_none());
        if !access::sees_holds(principal.role()) {
            return Ok(KeepingView { held, holds: Vec::new(), erased });
        }
        let people = holds.iter().flat_map(|hold| {
            [Some(hold.placed_by.clone()), hold.lifted.as_ref().map(|lifted| lifted.by.clone())]
        });
        let names = self.people_named(people.flatten().collect()).await?;
        let holds = holds.into_iter().map(|hold| HoldView::new(hold, &names)).collect();
        Ok(KeepingView { held, holds, erased })
    }
}
