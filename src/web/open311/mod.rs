//! `/open311`: GeoReport v2 for other programs, in XML and JSON. Here the addresses; each answer is made in its own file and
//! written by `document.rs`. What of a case the world may see is decided in `requests.rs` and by the city plan.

mod asked;
mod discovery;
mod document;
mod fault;
pub(super) mod filing;
mod requests;
mod services;
mod updates;
pub(super) mod words;

use axum::extract::{DefaultBodyLimit, Request, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::extract::Path;
use super::terms::Open311Terms;
use super::{Shared, Web};
use asked::Asked;
use document::{Document, Format};
use fault::{Fault, FaultView};
use filing::Form;

/// Described once, read by `Asked`.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "describes the query in openapi.json")]
struct Jurisdiction {
    /// Where the city has several.
    jurisdiction_id: Option<String>,
}

#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "describes the query in openapi.json")]
struct RequestQuery {
    /// Divided by commas; goes before all other filters.
    service_request_id: Option<String>,
    /// Divided by commas.
    service_code: Option<String>,
    /// `open`, `closed` or both, divided by a comma.
    status: Option<String>,
    /// Registered since, as in 2026-01-31T00:00:00Z.
    start_date: Option<String>,
    /// Registered until; 90 days after `start_date` at most.
    end_date: Option<String>,
    /// From 1.
    page: Option<u32>,
    /// 1 to 1000, default 1000.
    page_size: Option<u32>,
    /// `true`: with state, answers and what happened.
    extensions: Option<bool>,
}

#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "describes the query in openapi.json")]
struct UpdateQuery {
    /// Divided by commas.
    service_code: Option<String>,
    /// Happened since.
    start_date: Option<String>,
    /// Happened until; 90 days after `start_date` at most.
    end_date: Option<String>,
    page: Option<u32>,
    page_size: Option<u32>,
}

/// The same answer under two addresses, one for each format.
macro_rules! both {
    ($xml:ident $xml_path:tt, $json:ident $json_path:tt, $method:ident, $view:ty, ($($params:ty),*), $make:path, $says:tt) => {
        #[doc = $says]
        #[utoipa::path($method, path = $xml_path, tag = "open311", params($($params),*),
            responses((status = 200, content_type = "text/xml", body = String),
                (status = "4XX", content_type = "text/xml", body = String)))]
        pub(super) async fn $xml(State(web): State<Shared>, asked: Asked) -> Response {
            web.answer(&asked, Format::Xml, $make(&web, &asked, &web.open311())).await
        }

        #[doc = $says]
        #[utoipa::path($method, path = $json_path, tag = "open311", params($($params),*),
            responses((status = 200, body = $view), (status = "4XX", body = Vec<FaultView>)))]
        pub(super) async fn $json(State(web): State<Shared>, asked: Asked) -> Response {
            web.answer(&asked, Format::Json, $make(&web, &asked, &web.open311())).await
        }
    };
}

both!(discovery_xml "/open311/discovery.xml", discovery_json "/open311/discovery.json", get,
    discovery::DiscoveryView, (), discover, "Where the API is, and whom to ask about it.");
both!(services_xml "/open311/v2/services.xml", services_json "/open311/v2/services.json", get,
    Vec<services::OfferedServiceView>, (Jurisdiction), list_services, "Kinds of requests.");
both!(requests_xml "/open311/v2/requests.xml", requests_json "/open311/v2/requests.json", get,
    Vec<requests::ExtendedRequestView>, (RequestQuery, Jurisdiction), requests::list,
    "Requests of the last 90 days or another span, the newest first.");
both!(updates_xml "/open311/v2/servicerequestupdates.xml", updates_json "/open311/v2/servicerequestupdates.json", get,
    Vec<updates::UpdateView>, (UpdateQuery, Jurisdiction), list_updates,
    "What happened to requests, the earliest first.");

async fn discover(web: &Web, asked: &Asked, terms: &Open311Terms) -> Result<Document, Fault> {
    Ok(discovery::document(asked, terms, web.given.in_force.borrow().at))
}

async fn list_services(web: &Web, _: &Asked, _: &Open311Terms) -> Result<Document, Fault> {
    Ok(services::list(&web.city()))
}

async fn list_updates(web: &Web, asked: &Asked, _: &Open311Terms) -> Result<Document, Fault> {
    updates::list(web, asked).await
}

/// The questions of one kind of request.
#[utoipa::path(get, path = "/open311/v2/services/{file}", tag = "open311",
    params(("file" = String, Path, description = "service_code and format, as in `roads.signal.json`"), Jurisdiction),
    responses((status = 200, content((services::DefinitionView = "application/json"), (String = "text/xml"))),
        (status = "4XX", content((Vec<FaultView> = "application/json"), (String = "text/xml")))))]
pub(super) async fn definition(
    State(web): State<Shared>,
    Path(file): Path<String>,
    asked: Asked,
) -> Response {
    let Some((code, format)) = Format::of_file(&file) else { return unknown_file(&file) };
    let made = async {
        let plan = web.city();
        Ok(services::definition(services::known(&plan, code)?, &plan))
    };
    web.answer(&asked, format, made).await
}

/// One request.
#[utoipa::path(get, path = "/open311/v2/requests/{file}", tag = "open311",
    params(("file" = String, Path, description = "service_request_id and format, as in `2026-01-000042.json`"),
        ("extensions" = Option<bool>, Query), Jurisdiction),
    responses((status = 200, content((Vec<requests::ExtendedRequestView> = "application/json"), (String = "text/xml"))),
        (status = "4XX", content((Vec<FaultView> = "application/json"), (String = "text/xml")))))]
pub(super) async fn request(State(web): State<Shared>, Path(file): Path<String>, asked: Asked) -> Response {
    let Some((id, format)) = Format::of_file(&file) else { return unknown_file(&file) };
    web.answer(&asked, format, requests::one(&web, id, &asked, &web.open311())).await
}

/// A form, as it is described.
#[derive(ToSchema)]
#[expect(dead_code, reason = "describes the form in openapi.json")]
struct RequestForm {
    api_key: String,
    service_code: String,
    jurisdiction_id: Option<String>,
    lat: Option<f64>,
    long: Option<f64>,
    address_string: Option<String>,
    address_id: Option<String>,
    /// At most 4,000 characters.
    description: Option<String>,
    first_name: Option<String>,
    last_name: Option<String>,
    phone: Option<String>,
    email: Option<String>,
    media_url: Option<String>,
}

#[derive(ToSchema)]
#[expect(dead_code, reason = "describes the form in openapi.json")]
struct UpdateForm {
    api_key: String,
    service_request_id: String,
    jurisdiction_id: Option<String>,
    /// `open` or `closed`; changes nothing here.
    status: Option<String>,
    updated_datetime: Option<String>,
    description: String,
}

/// The same form under two addresses, one for each format of the answer.
macro_rules! filed {
    ($xml:ident $xml_path:tt, $json:ident $json_path:tt, $form:ty, $view:ty, $make:path, $says:tt) => {
        #[doc = $says]
        #[utoipa::path(post, path = $xml_path, tag = "open311",
                            request_body(content = $form, content_type = "application/x-www-form-urlencoded"),
                            responses((status = 200, content_type = "text/xml", body = String),
                                (status = "4XX", content_type = "text/xml", body = String)))]
        pub(super) async fn $xml(State(web): State<Shared>, asked: Asked, request: Request) -> Response {
            let made = async { $make(&web, asked.clone(), Form::read(request).await?, &web.open311()).await };
            web.answer(&asked, Format::Xml, made).await
        }

        #[doc = $says]
        #[utoipa::path(post, path = $json_path, tag = "open311",
                            request_body(content = $form, content_type = "application/x-www-form-urlencoded"),
                            responses((status = 200, body = $view), (status = "4XX", body = Vec<FaultView>)))]
        pub(super) async fn $json(State(web): State<Shared>, asked: Asked, request: Request) -> Response {
            let made = async { $make(&web, asked.clone(), Form::read(request).await?, &web.open311()).await };
            web.answer(&asked, Format::Json, made).await
        }
    };
}

filed!(file_xml "/open311/v2/requests.xml", file_json "/open311/v2/requests.json", RequestForm,
    Vec<filing::FiledView>, filing::file, "Files a request; the answer has its number, or a token to ask with.");
filed!(update_xml "/open311/v2/servicerequestupdates.xml", update_json "/open311/v2/servicerequestupdates.json",
    UpdateForm, Vec<filing::UpdateTakenView>, filing::update, "Adds to a request, in words.");

/// The number of a request that was answered with a token.
#[utoipa::path(get, path = "/open311/v2/tokens/{file}", tag = "open311",
    params(("file" = String, Path, description = "token and format"), Jurisdiction),
    responses((status = 200, content((Vec<filing::TokenView> = "application/json"), (String = "text/xml"))),
        (status = "4XX", content((Vec<FaultView> = "application/json"), (String = "text/xml")))))]
pub(super) async fn token(State(web): State<Shared>, Path(file): Path<String>, asked: Asked) -> Response {
    let Some((token, format)) = Format::of_file(&file) else { return unknown_file(&file) };
    web.answer(&asked, format, async { filing::token(&web, token) }).await
}

/// A picture of a request, where its category shows pictures: small, and without what the camera wrote into it.
#[utoipa::path(get, path = "/open311/v2/media/{file}", tag = "open311",
    params(("file" = String, Path, description = "as `media_url` has it")),
    responses((status = 200, content_type = "image/jpeg"), (status = "4XX", content_type = "text/xml", body = String)))]
pub(super) async fn media(State(web): State<Shared>, Path(file): Path<String>, asked: Asked) -> Response {
    match picture(&web, &file, &asked).await {
        Ok(bytes) => {
            let kind = (header::CONTENT_TYPE, HeaderValue::from_static("image/jpeg"));
            let policy = HeaderValue::from_static("sandbox; default-src 'none'");
            ([kind, (header::CONTENT_SECURITY_POLICY, policy)], bytes).into_response()
        }
        Err(fault) => fault.answer(Format::Xml),
    }
}

async fn picture(web: &Web, file: &str, asked: &Asked) -> Result<Vec<u8>, Fault> {
    asked.admit(web, &web.open311())?;
    let unknown = || Fault::unknown("media", file);
    let id = file.strip_suffix(".jpg").and_then(|id| id.parse().ok()).ok_or_else(unknown)?;
    let (attachment, bytes) = web.store().shown_attachment(id).await?.ok_or_else(unknown)?;
    let case = web.store().case(&attachment.case).await?.ok_or_else(unknown)?;
    if requests::shows_pictures(&case, &web.city()) { Ok(bytes) } else { Err(unknown()) }
}

fn unknown_file(name: &str) -> Response {
    Fault::unknown("resource", name).answer(Format::Xml)
}

pub(super) fn routes() -> OpenApiRouter<Shared> {
    OpenApiRouter::new()
        .routes(routes!(discovery_xml))
        .routes(routes!(discovery_json))
        .routes(routes!(services_xml))
        .routes(routes!(services_json))
        .routes(routes!(definition))
        .routes(routes!(request))
        .routes(routes!(token))
        .routes(routes!(media))
}

/// Those that take pictures.
pub(super) fn uploads() -> OpenApiRouter<Shared> {
    OpenApiRouter::new()
        .routes(routes!(requests_xml, file_xml))
        .routes(routes!(requests_json, file_json))
        .routes(routes!(updates_xml, update_xml))
        .routes(routes!(updates_json, update_json))
        .layer(DefaultBodyLimit::max(filing::MAX_FORM_BYTES))
}

impl Web {
    /// The city's terms as they are now.
    fn open311(&self) -> Open311Terms {
        self.given.in_force.borrow().public.open311.clone()
    }

    /// Makes the answer if it may be asked for, and writes it.
    async fn answer(
        &self,
        asked: &Asked,
        format: Format,
        made: impl Future<Output = Result<Document, Fault>>,
    ) -> Response {
        let answer = match asked.admit(self, &self.open311()) {
            Ok(()) => made.await,
            Err(refused) => Err(refused),
        };
        match answer {
            Ok(document) => document.answer(StatusCode::OK, format),
            Err(fault) => fault.answer(format),
        }
    }
}
