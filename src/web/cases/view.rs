//! A case as the API shows it: its own fields, names from the city plan, moments as text. Applicants are masked for
//! roles that do not talk to citizens.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

use crate::address::Point;
use crate::case::city::CityPlan;
use crate::case::proof::ProofCheck;
use crate::case::work_order::EvidenceRef;
use crate::case::{
    Applicant, Case, CaseState, ClosingCode, Deadline, IdentityLevel, Inspection, Joined, NextAction, Place,
    Priority, Relation, Site, Told,
};
use crate::ids::EvidenceId;
use crate::people::Role;
use crate::time::Timestamp;

use super::super::access;
use super::super::city;
use super::super::view::{UtcTime, number_for};
use super::clock_view::ClocksView;
use super::parts::PartView;
use super::proof_view::ProofView;

#[derive(Debug, Serialize, ToSchema)]
pub(in crate::web) struct CaseView {
    /// Register number.
    number: String,
    /// Of a category that takes a clearance to read.
    restricted: bool,
    /// Number, state and deadline are all that is told: in lists of every restricted case, to people without its clearance
    /// always.
    withheld: bool,
    state: &'static str,
    /// What belongs to the state: order, executor, moments, closing code.
    #[schema(value_type = Object)]
    state_data: Value,
    registered_at: UtcTime,
    category: String,
    category_name: String,
    place: Option<PlaceView>,
    description: String,
    language: &'static str,
    #[schema(value_type = String)]
    priority: Priority,
    applicant: ApplicantView,
    /// Ids of the calls linked to the case, the first one registered it.
    contacts: Vec<String>,
    cycle: u16,
    /// Steps up the ladder: 0 is the executor, 1 the head of the executor's post, 2 the deputy's line.
    level: u8,
    bounces: u16,
    /// Earlier cases this one repeats, doubles or follows.
    relations: Vec<RelationView>,
    /// Applicants of cases merged into this one; they are told too.
    joined: Vec<JoinedView>,
    /// The incident it is part of.
    incident: Option<u32>,
    inspections: Vec<InspectionView>,
    /// Of a closed case: until when the applicant may have it reopened.
    reopen_until: Option<UtcTime>,
    deadline: Option<DeadlineView>,
    /// Both clocks, with all that moved or missed them.
    clocks: ClocksView,
    told: Vec<ToldView>,
    next: Option<NextView>,
    /// Organisation id.
    executor: Option<String>,
    executor_name: Option<String>,
    /// Organisations that work with the executor on this order.
    parts: Vec<PartView>,
    /// Work order id.
    order: Option<String>,
    /// Empty in lists.
    evidence: Vec<EvidenceView>,
}

#[derive(Debug, Serialize, ToSchema)]
pub(in crate::web) struct PlaceView {
    /// As people read it.
    address: String,
    territory: Option<String>,
    /// The same in its parts; null where nobody has chosen or written any.
    site: Option<SiteView>,
}

#[derive(Debug, Serialize, ToSchema)]
pub(in crate::web) struct SiteView {
    /// Key of the street in the address register.
    key: String,
    street: String,
    settlement: Option<String>,
    house: Option<String>,
    flat: Option<String>,
    /// Street and house were in the register when they were chosen.
    in_register: bool,
    /// Degrees.
    lat: Option<f64>,
    lon: Option<f64>,
    /// Organisation id of who keeps the house.
    holder: Option<String>,
}

#[derive(Debug, Serialize, ToSchema)]
pub(in crate::web) struct ApplicantView {
    #[schema(value_type = String)]
    identity: IdentityLevel,
    number: Option<String>,
    name: Option<String>,
}

#[derive(Debug, Serialize, ToSchema)]
pub(in crate::web) struct DeadlineView {
    norm: String,
    first: UtcTime,
    resolve_by: UtcTime,
    accept_by: Option<UtcTime>,
}

#[derive(Debug, Serialize, ToSchema)]
pub(in crate::web) struct ToldView {
    at: UtcTime,
    language: &'static str,
    #[schema(value_type = String)]
    channel: crate::case::TellingChannel,
    delivered: bool,
    confirmed: Option<bool>,
    cycle: u16,
    /// The merged case whose applicant it was; the case's own when null.
    whom: Option<String>,
}

#[derive(Debug, Serialize, ToSchema)]
pub(in crate::web) struct RelationView {
    /// `repeat_of`, `duplicate_of` or `follows`.
    #[schema(value_type = String)]
    kind: crate::case::RelationKind,
    /// Register number.
    other: String,
}

#[derive(Debug, Serialize, ToSchema)]
pub(in crate::web) struct JoinedView {
    /// Register number of the case they came with.
    from: String,
    applicant: ApplicantView,
    language: &'static str,
    /// They know the result as it stands, or could not be reached.
    told: bool,
}

#[derive(Debug, Serialize, ToSchema)]
pub(in crate::web) struct InspectionView {
    at: UtcTime,
    cycle: u16,
    /// The work was found done.
    passed: bool,
}

#[derive(Debug, Serialize, ToSchema)]
pub(in crate::web) struct NextView {
    owner: String,
    action: String,
    by: UtcTime,
}

#[derive(Debug, Serialize, ToSchema)]
pub(in crate::web) struct EvidenceView {
    id: String,
    /// `before`, `after` or `other`.
    role: String,
    content_type: String,
    length: u64,
    sha256: String,
    received_at: UtcTime,
    /// What was found out about the picture; null of pictures from before anything was.
    proof: Option<ProofView>,
}

impl CaseView {
    /// As lists show it.
    pub(in crate::web) fn new(case: &Case, evidence: &[EvidenceRef], role: Role, plan: &CityPlan) -> Self {
        if access::is_withheld_in_lists(plan, &case.category) {
            Self::withheld(case, plan)
        } else {
            Self::open(case, evidence, role, plan)
        }
    }

    /// That it exists.
    pub(in crate::web) fn withheld(case: &Case, plan: &CityPlan) -> Self {
        let nobody = Applicant { identity: IdentityLevel::Anonymous, number: None, name: None };
        let bare = Case {
            category: String::new(),
            place: None,
            description: String::new(),
            applicant: nobody,
            contacts: Vec::new(),
            relations: Vec::new(),
            joined: Vec::new(),
            inspections: Vec::new(),
            told: Vec::new(),
            next: None,
            // The name of a norm tells the category.
            deadline: case.deadline.clone().map(|promised| crate::case::Deadline {
                norm: String::new(),
                act: None,
                ..promised
            }),
            clocks: Default::default(),
            ..case.clone()
        };
        let view = Self::open(&bare, &[], Role::Admin, plan);
        Self {
            restricted: true,
            withheld: true,
            // A state may hold reasons in somebody's words.
            state_data: Value::Object(Default::default()),
            category_name: String::new(),
            priority: Priority::Normal,
            executor: None,
            executor_name: None,
            parts: Vec::new(),
            order: None,
            incident: None,
            ..view
        }
    }

    /// All that `role` sees. Of a restricted case only after that was journalled.
    pub(in crate::web) fn open(case: &Case, evidence: &[EvidenceRef], role: Role, plan: &CityPlan) -> Self {
        let executor = case.state.executor();
        Self {
            number: case.number.to_string(),
            restricted: access::is_withheld_in_lists(plan, &case.category),
            withheld: false,
            state: case.state.name(),
            state_data: state_data(&case.state),
            registered_at: case.registered_at.into(),
            category: case.category.clone(),
            category_name: city::category_name(plan, &case.category, case.language),
            place: case.place.as_ref().map(PlaceView::from),
            description: case.description.clone(),
            language: case.language.code(),
            priority: case.priority,
            applicant: ApplicantView::new(&case.applicant, role),
            contacts: case.contacts.iter().map(ToString::to_string).collect(),
            cycle: case.cycle,
            level: case.level,
            bounces: case.bounces,
            relations: case.relations.iter().map(RelationView::from).collect(),
            incident: case.incident().map(|incident| incident.0),
            joined: case.joined.iter().map(|joined| JoinedView::new(joined, case, role, plan)).collect(),
            inspections: case.inspections.iter().map(InspectionView::from).collect(),
            reopen_until: match &case.state {
                CaseState::Closed { code: ClosingCode::Duplicate, .. } => None,
                CaseState::Closed { closed_at, .. } => {
                    Some(plan.reopen_rule().window_deadline(*closed_at).into())
                }
                _ => None,
            },
            deadline: case.deadline.as_ref().map(DeadlineView::from),
            clocks: ClocksView::new(case, plan),
            told: case.told.iter().map(ToldView::from).collect(),
            next: case.next.as_ref().map(NextView::from),
            executor: executor.map(str::to_owned),
            executor_name: executor.map(|id| city::organisation_name(plan, id)),
            parts: PartView::of_case(case, plan),
            order: case.state.order().map(|order| order.to_string()),
            evidence: evidence.iter().map(EvidenceView::from).collect(),
        }
    }
}

impl CaseView {
    /// With what was found out about each picture, as far as it is for `role`.
    pub(in crate::web) fn with_checks(
        mut self,
        checks: &BTreeMap<EvidenceId, ProofCheck>,
        role: Role,
    ) -> Self {
        for piece in &mut self.evidence {
            let check = piece.id.parse().ok().and_then(|id: EvidenceId| checks.get(&id));
            piece.proof = check.map(|check| ProofView::new(check, role));
        }
        self
    }
}

/// The state's own fields, its moments as text.
fn state_data(state: &CaseState) -> Value {
    let Ok(Value::Object(mut fields)) = serde_json::to_value(state) else { return Value::Null };
    fields.remove("state");
    for (key, value) in &mut fields {
        if let Some(micros) = value.as_i64().filter(|_| key.ends_with("_at") || key.ends_with("_by")) {
            *value = Value::String(Timestamp::from_micros(micros).rfc3339());
        }
    }
    Value::Object(fields)
}

impl ApplicantView {
    fn new(applicant: &Applicant, role: Role) -> Self {
        Self {
            identity: applicant.identity,
            number: applicant.number.as_ref().map(|number| number_for(role, number)),
            name: applicant.name.clone().filter(|_| access::sees_applicants(role)),
        }
    }
}

impl From<&Place> for PlaceView {
    fn from(place: &Place) -> Self {
        let site = place.site.as_ref().map(SiteView::from);
        Self { address: place.address.clone(), territory: place.territory.clone(), site }
    }
}

impl From<&Site> for SiteView {
    fn from(site: &Site) -> Self {
        Self {
            key: site.key.clone(),
            street: site.street.clone(),
            settlement: site.settlement.clone(),
            house: site.house.clone(),
            flat: site.flat.clone(),
            in_register: site.in_register,
            lat: site.point.map(Point::lat),
            lon: site.point.map(Point::lon),
            holder: site.holder.clone(),
        }
    }
}

impl From<&Deadline> for DeadlineView {
    fn from(deadline: &Deadline) -> Self {
        Self {
            norm: deadline.norm.clone(),
            first: deadline.first.into(),
            resolve_by: deadline.resolve_by.into(),
            accept_by: deadline.accept_by.map(UtcTime),
        }
    }
}

impl From<&Told> for ToldView {
    fn from(told: &Told) -> Self {
        Self {
            at: told.at.into(),
            language: told.language.code(),
            channel: told.channel,
            delivered: told.delivered,
            confirmed: told.confirmed,
            cycle: told.cycle,
            whom: told.whom.as_ref().map(ToString::to_string),
        }
    }
}

impl From<&Relation> for RelationView {
    fn from(relation: &Relation) -> Self {
        Self { kind: relation.kind, other: relation.other.to_string() }
    }
}

impl JoinedView {
    fn new(joined: &Joined, case: &Case, role: Role, plan: &CityPlan) -> Self {
        Self {
            from: joined.from.to_string(),
            applicant: ApplicantView::new(&joined.applicant, role),
            language: joined.language.code(),
            told: case.is_told(Some(&joined.from), plan.verify_rule()),
        }
    }
}

impl From<&Inspection> for InspectionView {
    fn from(inspection: &Inspection) -> Self {
        Self { at: inspection.at.into(), cycle: inspection.cycle, passed: inspection.passed }
    }
}

impl From<&NextAction> for NextView {
    fn from(next: &NextAction) -> Self {
        Self { owner: next.owner.clone(), action: next.action.clone(), by: next.by.into() }
    }
}

impl From<&EvidenceRef> for EvidenceView {
    fn from(evidence: &EvidenceRef) -> Self {
        Self {
            id: evidence.id.to_string(),
            role: evidence.role.clone(),
            content_type: evidence.content_type.clone(),
            length: evidence.length,
            sha256: evidence.sha256.to_string(),
            received_at: evidence.received_at.into(),
            proof: None,
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::panic)]
    use super::*;
    use crate::phone_number::PhoneNumber;

    #[test]
    fn moments_inside_the_state_become_text() {
        let code = ClosingCode::Explained;
        let state = CaseState::Explained { explained_at: Timestamp::from_micros(0), code };
        assert_eq!(
            state_data(&state),
            serde_json::json!({ "explained_at": "1970-01-01T00:00:00.000Z", "code": "explained" })
        );
        assert_eq!(state_data(&CaseState::Registered), serde_json::json!({}));
    }

    #[test]
    fn applicants_are_masked_by_role() {
        let applicant = Applicant {
            identity: IdentityLevel::Stated,
            number: Some(PhoneNumber::from_user_part("+380671234567")),
            name: Some("Olena".to_owned()),
        };
        for role in Role::ALL {
            let view = ApplicantView::new(&applicant, role);
            let (number, name) = (view.number.unwrap(), view.name);
            if matches!(role, Role::Operator | Role::Supervisor | Role::Control | Role::Auditor) {
                assert_eq!((number.as_str(), name.as_deref()), ("+380671234567", Some("Olena")));
            } else {
                assert_eq!((number.as_str(), name), ("***********67", None), "{role:?}");
            }
        }
    }
}
