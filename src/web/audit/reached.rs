//! An auditor's request against the engagements that run: asked by the gate before each, by lists for what they list, and
//! by the event stream while it is open. The rules are `access/engagement.rs`.

use axum::http::{Method, StatusCode};

use crate::audit::ScopedCall;
use crate::people::Role;
use crate::store::User;
use crate::time;

use super::super::Web;
use super::super::access::engagement::{self, Need, NotEngaged, Reach};
use super::super::error::ApiError;
use super::super::gate::{Principal, Subject};

impl Web {
    /// How far this person sees now.
    pub(in crate::web) async fn reach_of(&self, user: &User) -> Result<Result<Reach, NotEngaged>, ApiError> {
        if user.role != Role::Auditor {
            return Ok(Ok(Reach::Role));
        }
        let given = self.store().engagements(Some(user.id)).await?;
        let engagements = given.into_iter().map(|(engagement, _)| engagement).collect();
        Ok(engagement::reach(engagements, self.in_force().audit.engagements_required, time::now().utc))
    }

    /// The same for a request to `path`, spelt as the table spells it, at `address`; a refusal is on the journal.
    pub(in crate::web) async fn reach_for(
        &self,
        principal: &Principal,
        method: &Method,
        path: &str,
        address: &str,
    ) -> Result<Reach, ApiError> {
        let need = engagement::need(path);
        if need == Need::Nothing {
            return Ok(Reach::Role);
        }
        let reached = match self.reach_of(&principal.user).await? {
            Ok(reach) if self.reaches(&reach, need, address).await? => return Ok(reach),
            Ok(_) => NotEngaged::Outside,
            Err(refused) => refused,
        };
        let detail = reached.to_string();
        match self.denied(principal, Subject::of_path(address), method, path, detail.clone()).await {
            ApiError::Forbidden(_) => {
                Err(ApiError::Known { status: StatusCode::FORBIDDEN, name: reached.name(), detail })
            }
            failed => Err(failed),
        }
    }

    async fn reaches(&self, reach: &Reach, need: Need, address: &str) -> Result<bool, ApiError> {
        // What names nothing is told so by its endpoint.
        let subject = Subject::of_path(address);
        let calls: Vec<ScopedCall> = match (need, reach) {
            (Need::Whole, _) => return Ok(reach.is_whole()),
            (Need::Call, Reach::Within(_)) => match subject.contact {
                Some(id) => self.store().scoped_call(id).await?.into_iter().collect(),
                None => Vec::new(),
            },
            (Need::Case, Reach::Within(_)) => match subject.case {
                Some(number) => self.store().scoped_case(&number).await?,
                None => Vec::new(),
            },
            _ => return Ok(true),
        };
        Ok(calls.is_empty() || calls.iter().any(|call| reach.covers(call)))
    }

    /// Whether a list may show the call or, by its number, the case.
    pub(in crate::web) async fn lists_call(
        &self,
        principal: &Principal,
        id: crate::ids::ContactId,
    ) -> Result<bool, ApiError> {
        if principal.reach.is_whole() {
            return Ok(true);
        }
        let call = self.store().scoped_call(id).await?;
        Ok(call.is_some_and(|call| principal.reach.covers(&call)))
    }

    pub(in crate::web) async fn lists_case(
        &self,
        principal: &Principal,
        number: &crate::case::CaseNumber,
    ) -> Result<bool, ApiError> {
        if principal.reach.is_whole() {
            return Ok(true);
        }
        let calls = self.store().scoped_case(number).await?;
        Ok(calls.iter().any(|call| principal.reach.covers(call)))
    }
}
