//! `/api/v1/work-orders`: orders by deadline, each with the part of its case that the executor needs. What moves an
//! order on is `cases/transitions.rs`.

use axum::Json as Answer;
use axum::extract::State;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::case::Case;
use crate::case::city::CityPlan;
use crate::case::work_order::{WorkOrder, WorkOrderState};
use crate::store::WorkOrderFilter;

use super::cases::parts::PartView;
use super::cases::view::{DeadlineView, PlaceView};
use super::city::BecauseView;
use super::error::ApiError;
use super::extract::Query;
use super::gate::Principal;
use super::view::{ListView, Paging, UtcTime};
use super::{Shared, access, city};

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct OrderQuery {
    /// Names of states, separated by commas.
    state: Option<String>,
}

#[derive(Debug, Serialize, ToSchema)]
pub(super) struct WorkOrderView {
    id: String,
    /// Its case takes a clearance to read.
    withheld: bool,
    /// Register number of its case.
    number: String,
    /// Organisation id.
    executor: String,
    executor_name: String,
    #[schema(value_type = String)]
    state: WorkOrderState,
    task: String,
    issued_at: UtcTime,
    accept_by: Option<UtcTime>,
    resolve_by: UtcTime,
    result: Option<String>,
    declined_reason: Option<String>,
    category: String,
    category_name: String,
    place: Option<PlaceView>,
    /// The case's promise; none before the case was assigned again.
    deadline: Option<DeadlineView>,
    description: String,
    language: &'static str,
    #[schema(value_type = String)]
    priority: crate::case::Priority,
    case_state: &'static str,
    /// Why this executor; none in orders that a person gave out.
    because: Option<BecauseView>,
    /// Organisations that work with the lead.
    parts: Vec<PartView>,
    /// State of the reader's own part: `asked`, `accepted`, `reported` or `declined`; none of the lead.
    own_part: Option<&'static str>,
}

/// Work orders by deadline; executors see those of their organisation.
#[utoipa::path(get, path = "/api/v1/work-orders", tag = "work orders", params(OrderQuery, Paging),
    responses((status = 200, body = ListView<WorkOrderView>), (status = 400), (status = 403)))]
pub(super) async fn list(
    State(web): State<Shared>,
    principal: Principal,
    Query(query): Query<OrderQuery>,
    Query(paging): Query<Paging>,
) -> Result<Answer<ListView<WorkOrderView>>, ApiError> {
    let filter = WorkOrderFilter {
        executor: access::confined_to(&principal.user),
        states: states(query.state.as_deref().unwrap_or_default())?,
    };
    let listed = web.store().work_orders(&filter, &paging.page()?).await?;
    let plan = web.city();
    let mut items = Vec::with_capacity(listed.items.len());
    for order in listed.items {
        let case = web.store().case(&order.case).await?;
        let case = case.ok_or_else(|| ApiError::internal("work order without its case", &order.id))?;
        let view = WorkOrderView::new(order, &case, &plan, principal.user.organisation.as_deref());
        items.push(if access::is_withheld_in_lists(&plan, &case.category) { view.withheld() } else { view });
    }
    Ok(Answer(ListView { items, next: listed.next }))
}

fn states(names: &str) -> Result<Vec<WorkOrderState>, ApiError> {
    let names = names.split(',').filter(|name| !name.is_empty());
    let state = |name: &str| serde_json::from_value(serde_json::Value::String(name.to_owned()));
    names
        .map(|name| {
            state(name).map_err(|_| ApiError::BadRequest(format!("there is no order state '{name}'")))
        })
        .collect()
}

impl WorkOrderView {
    /// That there is work, and by when; what it is stands in the case, for those with its clearance.
    fn withheld(self) -> Self {
        Self {
            withheld: true,
            task: String::new(),
            result: None,
            declined_reason: None,
            category: String::new(),
            category_name: String::new(),
            place: None,
            description: String::new(),
            because: None,
            parts: Vec::new(),
            ..self
        }
    }

    fn new(order: WorkOrder, case: &Case, plan: &CityPlan, reader: Option<&str>) -> Self {
        // The parts a case has are those of its last order.
        let is_last = case.last_order.as_ref().is_some_and(|last| last.order == order.id);
        let own =
            reader.filter(|_| is_last).and_then(|id| case.parts.iter().find(|part| part.executor == id));
        Self {
            because: order.because.as_ref().map(|because| BecauseView::new(because, plan)),
            parts: if is_last { PartView::all_of(case, plan) } else { Vec::new() },
            own_part: own.map(|part| part.state.name()),
            withheld: false,
            id: order.id.to_string(),
            number: order.case.to_string(),
            executor_name: city::organisation_name(plan, &order.executor),
            executor: order.executor,
            state: order.state,
            task: order.task,
            issued_at: order.issued_at.into(),
            accept_by: order.accept_by.map(UtcTime),
            resolve_by: order.resolve_by.into(),
            result: order.result,
            declined_reason: order.declined_reason,
            category: case.category.clone(),
            category_name: city::category_name(plan, &case.category, case.language),
            place: case.place.as_ref().map(PlaceView::from),
            deadline: case.deadline.as_ref().map(DeadlineView::from),
            description: case.description.clone(),
            language: case.language.code(),
            priority: case.priority,
            case_state: case.state.name(),
        }
    }
}
