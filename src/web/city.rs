//! `/api/v1/city`: the city plan as forms need it, and what routing would decide. The plan itself is
//! `case/city.rs`.

use axum::Json as Answer;
use axum::extract::State;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use utoipa::{IntoParams, ToSchema};

use crate::case::city::{Category, CityPlan};
use crate::case::routing::{self, Because};
use crate::case::{Applicant, Case, CaseDraft, CaseNumber, IdentityLevel, Place, Priority, Site};
use crate::ids::WorkOrderId;
use crate::language::Language;
use crate::time;

use super::Shared;
use super::error::ApiError;
use super::extract::Query;
use super::view::UtcTime;

/// Codes a case may be closed with, in the order of DOMAIN.md.
const CLOSING_CODES: [&str; 10] = [
    "fixed_confirmed",
    "fixed_inspected",
    "fixed_unconfirmed",
    "explained",
    "refused_lawful",
    "not_competent_forwarded",
    "duplicate",
    "withdrawn",
    "unfounded",
    "planned_programme",
];

const TELLING_CHANNELS: [&str; 4] = ["voice", "sms", "mail", "same_contact"];

#[derive(Debug, Serialize, ToSchema)]
pub(super) struct CityView {
    categories: Vec<CategoryView>,
    territories: Vec<NamedView>,
    organisations: Vec<NamedView>,
    /// Who may be asked about missed promises.
    posts: Vec<NamedView>,
    /// Clearances that reading cases of some categories takes.
    privacy_classes: Vec<String>,
    closing_codes: [&'static str; 10],
    telling_channels: [&'static str; 4],
}

#[derive(Debug, Serialize, ToSchema)]
pub(super) struct CategoryView {
    id: String,
    /// By language code.
    name: BTreeMap<&'static str, String>,
    group: String,
}

#[derive(Debug, Serialize, ToSchema)]
pub(super) struct NamedView {
    id: String,
    name: String,
}

impl NamedView {
    pub(super) fn organisation(plan: &CityPlan, id: String) -> Self {
        Self { name: organisation_name(plan, &id), id }
    }
}

/// Categories, territories and organisations, and the words that cases are closed and told with.
#[utoipa::path(get, path = "/api/v1/city", tag = "city", responses((status = 200, body = CityView)))]
pub(super) async fn show(State(web): State<Shared>) -> Answer<CityView> {
    let plan = web.city();
    let named = |id: &String, name: &String| NamedView { id: id.clone(), name: name.clone() };
    Answer(CityView {
        categories: plan.categories().iter().map(CategoryView::from).collect(),
        territories: plan.territories().iter().map(|one| named(&one.id, &one.name)).collect(),
        organisations: plan.organisations().iter().map(|one| named(&one.id, &one.name)).collect(),
        posts: plan.posts().iter().map(|one| named(&one.id, &one.name)).collect(),
        privacy_classes: plan.privacy_classes().into_iter().map(str::to_owned).collect(),
        closing_codes: CLOSING_CODES,
        telling_channels: TELLING_CHANNELS,
    })
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct PreviewQuery {
    category: String,
    /// Without one, what holds for the whole city.
    territory: Option<String>,
    /// Organisation id of who keeps the house.
    holder: Option<String>,
    /// Default now.
    #[param(value_type = Option<String>)]
    at: Option<UtcTime>,
    /// Default `normal`.
    #[param(value_type = Option<String>)]
    priority: Option<Priority>,
}

#[derive(Debug, Serialize, ToSchema)]
pub(super) struct PreviewView {
    /// Organisation id.
    executor: String,
    executor_name: String,
    resolve_by: UtcTime,
    norm: String,
    co_executors: Vec<NamedView>,
    because: Option<BecauseView>,
}

/// The rule that decided: what it names of the matter; `in_words` in the names of the plan.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct BecauseView {
    /// As the rule names it: the category, a parent of it, or `*`.
    category: String,
    territory: Option<String>,
    /// Organisation id of who keeps the house.
    holder: Option<String>,
    holder_name: Option<String>,
    /// Name of the rule's calendar.
    hours: Option<String>,
    in_words: String,
}

impl BecauseView {
    pub(super) fn new(because: &Because, plan: &CityPlan) -> Self {
        Self {
            category: because.category.clone(),
            territory: because.territory.clone(),
            holder_name: because.holder.as_deref().map(|id| organisation_name(plan, id)),
            holder: because.holder.clone(),
            hours: because.hours.clone(),
            in_words: because.in_words(plan),
        }
    }
}

/// What routing would decide for a case registered at that moment.
#[utoipa::path(get, path = "/api/v1/city/preview", tag = "city", params(PreviewQuery),
    responses((status = 200, body = PreviewView), (status = 422, description = "why routing cannot decide")))]
pub(super) async fn preview(
    State(web): State<Shared>,
    Query(query): Query<PreviewQuery>,
) -> Result<Answer<PreviewView>, ApiError> {
    let at = query.at.map_or_else(|| time::now().utc, |UtcTime(at)| at);
    let site = query.holder.map(|holder| Site { holder: Some(holder), ..Site::default() });
    let territory = query.territory.filter(|id| !id.is_empty());
    let place = Some(Place { territory, site, ..Place::default() });
    let draft = CaseDraft {
        contact: None,
        category: query.category,
        language: Language::Uk,
        priority: query.priority.unwrap_or(Priority::Normal),
        applicant: Applicant { identity: IdentityLevel::Anonymous, number: None, name: None },
        place,
        description: String::new(),
        ivr_path: Vec::new(),
    };
    let (case, _) = Case::register(draft, CaseNumber(String::new()), at);
    let order = WorkOrderId(web.with_mint(|mint| mint.uuid(at)));
    let plan = web.city();
    let decided = routing::route(&plan, &case, order, at)
        .map_err(|reason| ApiError::Unprocessable(reason.to_string()))?;
    Ok(Answer(PreviewView {
        executor: decided.executor,
        executor_name: decided.executor_name,
        resolve_by: decided.deadline.resolve_by.into(),
        norm: decided.deadline.norm,
        co_executors: decided.co_executors.into_iter().map(|id| NamedView::organisation(&plan, id)).collect(),
        because: decided.because.as_ref().map(|because| BecauseView::new(because, &plan)),
    }))
}

/// The category's name in `language`, else in any language, else its id.
pub(super) fn category_name(plan: &CityPlan, id: &str, language: Language) -> String {
    let category = plan.categories().iter().find(|category| category.id == id);
    let name = category.and_then(|one| one.name.get(&language).or_else(|| one.name.values().next()));
    name.map_or_else(|| id.to_owned(), Clone::clone)
}

/// The organisation's name, else its id: a reload may have dropped it.
pub(super) fn organisation_name(plan: &CityPlan, id: &str) -> String {
    let organisation = plan.organisations().iter().find(|organisation| organisation.id == id);
    organisation.map_or_else(|| id.to_owned(), |organisation| organisation.name.clone())
}

/// Refuses ids that the plan does not know: routing would stumble over them later.
pub(super) fn check_known(
    plan: &CityPlan,
    category: Option<&str>,
    territory: Option<&str>,
) -> Result<(), ApiError> {
    if let Some(id) = category
        && !plan.categories().iter().any(|category| category.id == id)
    {
        return Err(ApiError::Unprocessable(format!("the category '{id}' is not in the city plan")));
    }
    if let Some(id) = territory
        && !plan.territories().iter().any(|territory| territory.id == id)
    {
        return Err(ApiError::Unprocessable(format!("the territory '{id}' is not in the city plan")));
    }
    Ok(())
}

impl From<&Category> for CategoryView {
    fn from(category: &Category) -> Self {
        let name = category.name.iter().map(|(language, name)| (language.code(), name.clone())).collect();
        Self { id: category.id.clone(), name, group: category.group.clone() }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::panic)]
    use super::*;
    use crate::case::{ClosingCode, TellingChannel};

    #[test]
    fn the_words_offered_are_words_understood() {
        for code in CLOSING_CODES {
            serde_json::from_value::<ClosingCode>(code.into()).unwrap();
        }
        for channel in TELLING_CHANNELS {
            serde_json::from_value::<TellingChannel>(channel.into()).unwrap();
        }
    }
}
