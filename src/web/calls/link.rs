//! `POST /api/v1/calls/{id}/case`: the call is about a case there is already. The case opened for the call by itself,
//! if nobody works on it yet, is closed as the other's duplicate.

use axum::extract::State;
use axum::http::StatusCode;
use serde::Deserialize;
use utoipa::ToSchema;

use crate::call::contact::Contact;
use crate::case::{Case, CaseNumber, CaseState};
use crate::ids::{ContactId, UserId};
use crate::switchboard::Command;
use crate::time;

use super::super::cases::parse_number;
use super::super::error::ApiError;
use super::super::extract::{Json, Path};
use super::super::gate::Principal;
use super::super::{Shared, Web};

/// How it is known that both are about the same.
const SAID_IN_THE_CALL: &str = "the operator put the call on this case";

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::web) struct CaseChoice {
    /// Register number.
    case: String,
}

/// The operator puts the call on a case there is already.
#[utoipa::path(post, path = "/api/v1/calls/{id}/case", tag = "calls", params(("id" = String, Path)),
    request_body = CaseChoice,
    responses((status = 204), (status = 403), (status = 404), (status = 409), (status = 503)))]
pub(in crate::web) async fn link(
    State(web): State<Shared>,
    principal: Principal,
    Path(id): Path<ContactId>,
    Json(choice): Json<CaseChoice>,
) -> Result<StatusCode, ApiError> {
    let number = parse_number(&choice.case)?;
    let contact = web.contact(id).await?;
    if !web.has_call(principal.user.id, &contact) {
        return Err(ApiError::forbidden("this call belongs to somebody else"));
    }
    web.check_clearance(&number, &principal, "/api/v1/calls/{id}/case").await?;
    let target = web.store().case(&number).await?.ok_or(ApiError::NotFound("case"))?;
    let own = contact.case.clone().filter(|own| *own != number);
    // First, so that asking again finishes what was cut short between the two.
    if let Some(own) = own {
        web.merge_own(&own, id, &target, &principal).await?;
    }
    let (actor, at) = (principal.actor(), time::now().utc);
    web.store().change_case(&number, &actor, at, move |case, _| case.link(id, at)).await?;
    match web.command(Command::LinkCase { contact: id, case: number.clone() }).await {
        // The call is over and its case is in the rows.
        Err(ApiError::NotFound(_)) | Ok(()) => {}
        Err(error) => return Err(error),
    }
    tracing::info!(call.id = %id, case.id = %number, "call linked");
    Ok(StatusCode::NO_CONTENT)
}

impl Web {
    /// Whose phone rings, who talks, or who talked.
    fn has_call(&self, operator: UserId, contact: &Contact) -> bool {
        let snapshot = self.snapshot();
        let live = snapshot.calls.iter().find(|call| call.id == contact.id);
        live.is_some_and(|call| call.operator == Some(operator) || call.also_ringing.contains(&operator))
            || contact.operator == Some(operator)
    }

    /// Closes the case that was opened for this very call, unless somebody works on it or others called about it.
    async fn merge_own(
        &self,
        own: &CaseNumber,
        contact: ContactId,
        target: &Case,
        principal: &Principal,
    ) -> Result<(), ApiError> {
        let (actor, at, into) = (principal.actor(), time::now().utc, target.clone());
        let case = self.store().case(own).await?.ok_or(ApiError::NotFound("case"))?;
        if target.state.is_open()
            && matches!(case.state, CaseState::Registered)
            && case.contacts == [contact]
            && case.absorbed == 0
        {
            // Who calls may be another person than the case's applicant: they wait for its result from now on.
            self.store().merge_cases((own, &target.number), SAID_IN_THE_CALL, &actor, at).await?;
            return Ok(());
        }
        let by = actor.clone();
        let merged = self.store().change_case(own, &actor, at, move |case, _| {
            if matches!(case.state, CaseState::Registered) && case.contacts == [contact] {
                case.give_way(&into, &by, at)
            } else {
                Ok((case, Vec::new()))
            }
        });
        merged.await?;
        Ok(())
    }
}
