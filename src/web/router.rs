//! Which URL does what, and what every answer has in common: the gate, deadlines, size limits, headers, a span.
//! Endpoints registered here are in `/api/openapi.json` by construction; who may use them is `access.rs`.

use std::time::Duration;

use axum::Router;
use axum::extract::{DefaultBodyLimit, MatchedPath, Request, State};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::{MethodRouter, get};
use tracing::Instrument;
use utoipa::OpenApi;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::time;

use super::error::{ApiError, Problem};
use super::headers::{self, Kind};
use super::{
    Shared, Web, WebState, addresses, admin, assignments, audit, callbacks, calls, cases, citizen, city,
    disclosures, escalations, events, gate, health, hearings, incidents, log, masked_calls, messages, oidc,
    open311, operators, pages, phone, receptions, records, reports, second_factor, session, sessions,
    sip_socket, sms_reports, timeline, unread, verifications, web_calls, work_orders,
};

/// Largest JSON body: a page of text in any script, and its field names.
pub(super) const MAX_BODY_BYTES: usize = 64 * 1024;

/// From the head of a request to the head of its answer. The longest steps are a reload and a password check that
/// waits for its turn.
const REQUEST_DEADLINE: Duration = Duration::from_secs(20);

/// An upload of 10 MiB over a weak mobile network.
const UPLOAD_DEADLINE: Duration = Duration::from_secs(120);

/// A week of the largest city, and the one before.
const REPORT_DEADLINE: Duration = Duration::from_secs(60);
/// The whole journal of some years, entry by entry.
const RECOMPUTE_DEADLINE: Duration = Duration::from_secs(15 * 60);

#[derive(OpenApi)]
#[openapi(
    info(
        title = "Ringback",
        description = "Calls, cases and the live switchboard of a city's short number."
    ),
    components(schemas(Problem, events::view::SnapshotView))
)]
struct Description;

/// The whole HTTP service. Must be called inside a tokio runtime: it starts the task behind the event stream.
pub fn router(state: WebState) -> Router {
    let web = Web::start(state);
    let (endpoints, _) = endpoints().split_for_parts();
    let all = PLAIN.into_iter().fold(endpoints, |router, (path, route)| router.route(path, route()));
    // After the last route: what the table in `access.rs` does not name, nobody may do.
    all.route_layer(middleware::from_fn_with_state(web.clone(), gate::gate))
        .fallback(pages::serve)
        .method_not_allowed_fallback(method_not_allowed)
        .layer(middleware::from_fn_with_state(web.clone(), common))
        .layer(middleware::from_fn(unread::read_what_is_left))
        .with_state(web)
}

/// A path, and what answers there.
pub(super) type Plain = (&'static str, fn() -> MethodRouter<Shared>);

/// Routes that OpenAPI has no words for: SIP in a WebSocket, which has its own gate, and paths of as many steps as a tree
/// wants.
pub(super) const PLAIN: [Plain; 2] =
    [(sip_socket::PATH, || get(sip_socket::accept)), (log::TILE_PATH, || get(log::tile))];

/// The description served at `/api/openapi.json`.
pub fn openapi() -> utoipa::openapi::OpenApi {
    endpoints().into_openapi()
}

fn endpoints() -> OpenApiRouter<Shared> {
    let uploads = OpenApiRouter::new()
        .routes(routes!(cases::evidence::upload))
        .layer(DefaultBodyLimit::max(cases::evidence::MAX_UPLOAD_BYTES));
    let recordings = OpenApiRouter::new()
        .routes(routes!(admin::prompts::record, admin::prompts::remove))
        .layer(DefaultBodyLimit::max(admin::prompts::MAX_RECORDING_BYTES));
    OpenApiRouter::with_openapi(Description::openapi())
        .merge(health_routes())
        .merge(session_routes())
        .merge(call_routes())
        .merge(case_routes())
        .merge(live_routes())
        .routes(routes!(web_calls::show, web_calls::ask))
        .routes(routes!(web_calls::follow))
        .routes(routes!(sms_reports::by_query, sms_reports::by_body))
        .merge(admin_routes())
        .routes(routes!(log::checkpoint))
        .routes(routes!(log::proof))
        .merge(reception_routes())
        .merge(records::routes())
        .merge(reports::routes())
        .merge(audit::routes())
        .merge(open311::routes())
        .merge(citizen::routes())
        .layer(DefaultBodyLimit::max(MAX_BODY_BYTES))
        .merge(uploads)
        .merge(recordings)
        .merge(open311::uploads())
        .merge(citizen::uploads())
}

fn health_routes() -> OpenApiRouter<Shared> {
    OpenApiRouter::new()
        .routes(routes!(health::livez))
        .routes(routes!(health::readyz))
        .routes(routes!(health::metrics))
        .routes(routes!(health::openapi))
}

fn session_routes() -> OpenApiRouter<Shared> {
    OpenApiRouter::new()
        .routes(routes!(session::sign_in, session::show, session::sign_out))
        .routes(routes!(session::sign_in_by_link))
        .routes(routes!(oidc::ways))
        .routes(routes!(oidc::begin))
        .routes(routes!(oidc::come_back))
        .routes(routes!(oidc::end))
        .routes(routes!(sessions::list, sessions::end_others))
        .routes(routes!(sessions::end))
        .routes(routes!(second_factor::show, second_factor::offer))
        .routes(routes!(second_factor::confirm))
        .routes(routes!(second_factor::reset))
        .routes(routes!(sessions::list_of, sessions::end_of))
}

fn call_routes() -> OpenApiRouter<Shared> {
    OpenApiRouter::new()
        .routes(routes!(calls::list))
        .routes(routes!(calls::show))
        .routes(routes!(calls::recording::play))
        .routes(routes!(calls::peaks::show))
        .routes(routes!(calls::findings::list, calls::findings::note))
        .routes(routes!(calls::ladder::show))
        .routes(routes!(calls::ladder::download))
        .routes(routes!(timeline::of_call))
        .routes(routes!(calls::dispose))
        .routes(routes!(calls::link::link))
        .routes(routes!(calls::transfer))
        .routes(routes!(calls::hang_up))
        .routes(routes!(calls::supervision::begin, calls::supervision::end))
}

fn case_routes() -> OpenApiRouter<Shared> {
    use cases::{endings, transitions};
    OpenApiRouter::new()
        .routes(routes!(cases::list))
        .routes(routes!(cases::show, transitions::classify))
        .routes(routes!(cases::context::show))
        .routes(routes!(timeline::of_case))
        .routes(routes!(transitions::assign))
        .routes(routes!(transitions::accept))
        .routes(routes!(transitions::start))
        .routes(routes!(transitions::decline))
        .routes(routes!(transitions::report))
        .routes(routes!(transitions::accept_evidence))
        .routes(routes!(transitions::reject_evidence))
        .routes(routes!(transitions::tell))
        .routes(routes!(transitions::return_to_work))
        .routes(routes!(transitions::close))
        .routes(routes!(transitions::explain))
        .routes(routes!(endings::forward))
        .routes(routes!(endings::forward_answer))
        .routes(routes!(endings::refuse))
        .routes(routes!(endings::withdraw))
        .routes(routes!(endings::merge))
        .routes(routes!(endings::relate))
        .routes(routes!(endings::repeat))
        .routes(routes!(endings::reopen))
        .routes(routes!(endings::inspect))
        .routes(routes!(endings::assign_by_hand))
        .routes(routes!(endings::drawn))
        .routes(routes!(cases::parts::accept))
        .routes(routes!(cases::parts::report))
        .routes(routes!(cases::parts::decline))
        .routes(routes!(cases::parts::give))
        .routes(routes!(cases::evidence::show))
        .routes(routes!(cases::evidence::view))
        .merge(clock_routes())
        .merge(incident_routes())
        .routes(routes!(cases::filing::show))
        .routes(routes!(cases::filing::attachment))
        .routes(routes!(work_orders::list))
        .routes(routes!(masked_calls::show, masked_calls::call))
}

/// Officials' hours, and applicants who want to hear themselves.
fn reception_routes() -> OpenApiRouter<Shared> {
    OpenApiRouter::new()
        .routes(routes!(receptions::list))
        .routes(routes!(receptions::day))
        .routes(routes!(receptions::arrange))
        .routes(routes!(receptions::held))
        .routes(routes!(receptions::missed))
        .routes(routes!(receptions::instruct))
        .routes(routes!(disclosures::ask))
        .routes(routes!(disclosures::list))
        .routes(routes!(disclosures::approve))
        .routes(routes!(disclosures::refuse))
        .routes(routes!(disclosures::make))
        .routes(routes!(disclosures::fetch))
        .routes(routes!(hearings::list))
        .routes(routes!(hearings::allow))
        .routes(routes!(hearings::refuse))
}

fn clock_routes() -> OpenApiRouter<Shared> {
    use cases::clocks;
    OpenApiRouter::new()
        .routes(routes!(clocks::hold))
        .routes(routes!(clocks::resume))
        .routes(routes!(clocks::extend))
        .routes(routes!(clocks::ask))
        .routes(routes!(clocks::approve))
        .routes(routes!(clocks::turn_down))
        .routes(routes!(escalations::list))
        .routes(routes!(escalations::answer))
}

fn incident_routes() -> OpenApiRouter<Shared> {
    OpenApiRouter::new()
        .routes(routes!(incidents::list, incidents::declare))
        .routes(routes!(incidents::show))
        .routes(routes!(incidents::members))
        .routes(routes!(incidents::expect))
        .routes(routes!(incidents::restore))
        .routes(routes!(incidents::cancel))
        .routes(routes!(incidents::attach))
        .routes(routes!(incidents::detach))
        .routes(routes!(incidents::known))
}

fn live_routes() -> OpenApiRouter<Shared> {
    OpenApiRouter::new()
        .routes(routes!(operators::list))
        .routes(routes!(operators::queues))
        .routes(routes!(operators::set_status))
        .routes(routes!(operators::set_status_of))
        .routes(routes!(assignments::assign))
        .routes(routes!(callbacks::list))
        .routes(routes!(callbacks::withdraw))
        .routes(routes!(verifications::list))
        .routes(routes!(verifications::ring))
        .routes(routes!(verifications::give_up))
        .routes(routes!(verifications::refused))
        .routes(routes!(verifications::allow))
        .routes(routes!(messages::to_one))
        .routes(routes!(messages::to_all))
        .routes(routes!(operators::end_wrap_up))
        .routes(routes!(operators::extend_wrap_up))
        .routes(routes!(phone::show))
        .routes(routes!(events::events))
        .routes(routes!(city::show))
        .routes(routes!(city::preview))
        .routes(routes!(addresses::search))
}

fn admin_routes() -> OpenApiRouter<Shared> {
    use admin::{
        changes, dialplan, dictations, notices, phone_codes, phones, prompts, queues, service, trunks, users,
    };
    OpenApiRouter::new()
        .routes(routes!(service::show))
        .routes(routes!(service::reload))
        .routes(routes!(service::drain, service::resume))
        .routes(routes!(trunks::list))
        .routes(routes!(trunks::ladder))
        .routes(routes!(users::list, users::create))
        .routes(routes!(users::change))
        .routes(routes!(phone_codes::give, phone_codes::take))
        .routes(routes!(phone_codes::set_phone))
        .routes(routes!(phones::set_up))
        .routes(routes!(phones::provision))
        .routes(routes!(notices::show))
        .routes(routes!(notices::test))
        .routes(routes!(queues::list))
        .routes(routes!(dialplan::show))
        .routes(routes!(dialplan::simulate))
        .routes(routes!(prompts::list))
        .routes(routes!(prompts::play))
        .routes(routes!(dictations::show))
        .routes(routes!(dictations::begin))
        .routes(routes!(changes::show))
        .routes(routes!(changes::versions))
        .routes(routes!(changes::version))
        .routes(routes!(changes::restore))
}

async fn method_not_allowed() -> ApiError {
    ApiError::MethodNotAllowed
}

/// Around every request: a span, a deadline, and the headers every answer has. The query is not logged: it may hold
/// tokens, numbers and reasons.
async fn common(State(web): State<Shared>, request: Request, next: Next) -> Response {
    let path = request.extensions().get::<MatchedPath>().map(|path| path.as_str().to_owned());
    let (kind, encrypted) = (Kind::of(path.as_deref()), web.request_is_encrypted(&request));
    let path = path.unwrap_or_else(|| "page".to_owned());
    let span = tracing::info_span!("request", http.method = %request.method(), http.path = path);
    let uploads = ["/evidence", "/{id}/recording", "/photos"].iter().any(|end| path.ends_with(end))
        || path.starts_with("/open311/v2/requests.");
    let deadline = match path.as_str() {
        _ if uploads => UPLOAD_DEADLINE,
        "/api/v1/reports/weekly/recompute" => RECOMPUTE_DEADLINE,
        path if path.starts_with("/api/v1/reports/") => REPORT_DEADLINE,
        _ => REQUEST_DEADLINE,
    };
    let started_at = time::now().mono;
    async move {
        let answered = tokio::time::timeout(deadline, next.run(request)).await;
        let mut response =
            answered.unwrap_or_else(|_| ApiError::Unavailable("the request took too long").into_response());
        let duration_ms = time::now().mono.saturating_duration_since(started_at).as_millis();
        tracing::debug!(http.status = response.status().as_u16(), duration_ms, "answered");
        headers::add(&mut response, kind, encrypted);
        response
    }
    .instrument(span)
    .await
}
