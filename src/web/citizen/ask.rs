//! Filing a request from the page: what can be asked about, where it is, and the request itself. Answered with its number
//! and its code; pictures follow one by one, so that a slow line that breaks costs a picture and not the request.

use axum::Json as Answer;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::IntoResponse;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use utoipa::{IntoParams, ToSchema};

use crate::address::{self, HitHouse, Point};
use crate::case::city::{Attribute, CityPlan};
use crate::case::{Case, Place};
use crate::language::Language;
use crate::notify;
use crate::phone_number::PhoneNumber;
use crate::time;

use super::super::addresses::SiteChoice;
use super::super::error::ApiError;
use super::super::extract::{Json, Query};
use super::super::filing::{MAX_TEXT_CHARS, MAX_WORD_CHARS, Request, answers, place, said};
use super::super::terms::hourly;
use super::super::{Shared, Web};
use super::From;

/// What the form needs to know.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::web) struct FormView {
    /// Whether requests can be filed here.
    open: bool,
    /// Whether addresses can be searched.
    register: bool,
    /// The city's, by its IANA name.
    time_zone: &'static str,
    categories: Vec<FormCategoryView>,
}

#[derive(Debug, Serialize, ToSchema)]
pub(in crate::web) struct FormCategoryView {
    id: String,
    /// By language code.
    name: BTreeMap<&'static str, String>,
    group: String,
    questions: Vec<QuestionView>,
}

#[derive(Debug, Serialize, ToSchema)]
pub(in crate::web) struct QuestionView {
    code: String,
    /// `string`, `number`, `datetime`, `text`, `singlevaluelist` or `multivaluelist`.
    kind: &'static str,
    required: bool,
    /// By language code.
    name: BTreeMap<&'static str, String>,
    values: Vec<ChoiceView>,
}

#[derive(Debug, Serialize, ToSchema)]
pub(in crate::web) struct ChoiceView {
    key: String,
    /// By language code.
    name: BTreeMap<&'static str, String>,
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(in crate::web) struct StreetQuery {
    /// Parts of street and house as one types them, at most 200 characters.
    q: String,
}

#[derive(Debug, Serialize, ToSchema)]
pub(in crate::web) struct StreetsView {
    /// Best first, at most 8.
    items: Vec<StreetView>,
}

/// A street or a house: nothing of who keeps it or is responsible for it.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::web) struct StreetView {
    /// What names the street when it is chosen.
    key: String,
    street: String,
    settlement: Option<String>,
    house: Option<String>,
}

/// A request.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::web) struct RequestAsked {
    category: String,
    /// At most 4,000 characters.
    description: String,
    #[schema(value_type = String, example = "uk")]
    language: Language,
    /// Chosen from the register.
    site: Option<SiteChoice>,
    /// Written, where the register does not have it.
    address: Option<String>,
    /// Degrees, where the telephone knows.
    lat: Option<f64>,
    lon: Option<f64>,
    name: Option<String>,
    /// Where to call or write to; only with `consent`.
    number: Option<String>,
    /// A mail address; only with `consent`.
    mail: Option<String>,
    /// May be called and written to there.
    #[serde(default)]
    consent: bool,
    /// Code and values of the category's questions.
    #[serde(default)]
    answers: BTreeMap<String, Vec<String>>,
}

/// Number and code of a request. The code is shown once.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::web) struct RequestFiled {
    #[schema(example = "2026-01-000042")]
    number: String,
    #[schema(example = "K7QM-3XPA")]
    code: String,
}

/// What can be asked about.
#[utoipa::path(get, path = "/api/v1/citizen/form", tag = "citizen",
    responses((status = 200, body = FormView), (status = 429)))]
pub(in crate::web) async fn form(
    State(web): State<Shared>,
    from: From,
) -> Result<Answer<FormView>, ApiError> {
    web.admit_look(from)?;
    let plan = web.city();
    Ok(Answer(FormView {
        open: web.citizen().enabled,
        register: !web.addresses().is_empty(),
        time_zone: plan.clock().zone(),
        categories: plan
            .categories()
            .iter()
            .map(|category| FormCategoryView {
                id: category.id.clone(),
                name: by_code(&category.name),
                group: category.group.clone(),
                questions: category.filing.attributes.iter().map(QuestionView::from).collect(),
            })
            .collect(),
    }))
}

/// Streets and houses that may be meant.
#[utoipa::path(get, path = "/api/v1/citizen/addresses", tag = "citizen", params(StreetQuery),
    responses((status = 200, body = StreetsView), (status = 400), (status = 429)))]
pub(in crate::web) async fn addresses(
    State(web): State<Shared>,
    from: From,
    Query(query): Query<StreetQuery>,
) -> Result<Answer<StreetsView>, ApiError> {
    web.admit_look(from)?;
    if query.q.chars().count() > address::MAX_QUERY_CHARS {
        return Err(ApiError::BadRequest(format!("q has at most {} characters", address::MAX_QUERY_CHARS)));
    }
    let register = web.addresses();
    let items = register.search(&query.q).into_iter().map(|hit| StreetView {
        key: hit.street.key.clone(),
        street: hit.street.name.clone(),
        settlement: hit.street.settlement.clone(),
        house: match hit.house {
            Some(HitHouse::Known(house)) => Some(house.text.clone()),
            Some(HitHouse::Unknown(text)) => Some(text),
            None => None,
        },
    });
    Ok(Answer(StreetsView { items: items.collect() }))
}

/// File a request.
#[utoipa::path(post, path = "/api/v1/citizen/requests", tag = "citizen", request_body = RequestAsked,
    responses((status = 201, body = RequestFiled), (status = 403, description = "switched off"), (status = 422),
        (status = 429, description = "too many requests from this address; see Retry-After")))]
pub(in crate::web) async fn file(
    State(web): State<Shared>,
    from: From,
    Json(asked): Json<RequestAsked>,
) -> Result<impl IntoResponse, ApiError> {
    let terms = web.citizen();
    if !terms.enabled {
        return Err(ApiError::forbidden("requests are taken by telephone only"));
    }
    let request = web.checked(asked)?;
    // Counted when it is one: a mistake in the form costs nothing.
    let rate = hourly(terms.filings_per_address_per_hour);
    let taken = web.limits.file(from.0, rate, time::now().mono);
    taken.map_err(|retry_after| ApiError::TooManyRequests { retry_after })?;
    // In a task of its own: a client that goes away does not leave a case without its assignment.
    let filing = web.clone();
    let filed = tokio::spawn(async move { filing.file(request).await }).await;
    let filed = filed.map_err(|error| ApiError::internal("filing died", &error))??;
    let code = filed.code.map(|code| code.to_string()).unwrap_or_default();
    Ok((StatusCode::CREATED, Answer(RequestFiled::new(&filed.case, code))))
}

/// A number that somebody wrote to be reached at, which is kept only with consent.
pub(super) fn stated_number(written: Option<&str>, consent: bool) -> Result<Option<PhoneNumber>, ApiError> {
    let wrong = |what: &str| ApiError::Unprocessable(what.to_owned());
    let Some(text) = said(written, MAX_WORD_CHARS, "a number")? else { return Ok(None) };
    let number = PhoneNumber::written(&text)
        .ok_or_else(|| wrong("a telephone number has 7 to 15 digits, as in +380501112233"))?;
    if !consent {
        return Err(wrong("a number is kept only with the consent to use it"));
    }
    Ok(Some(number))
}

impl RequestFiled {
    pub(super) fn new(case: &Case, code: String) -> Self {
        Self { number: case.number.to_string(), code }
    }
}

impl Web {
    fn checked(&self, asked: RequestAsked) -> Result<Request, ApiError> {
        let plan = self.city();
        let category = plan.category(&asked.category);
        let category = category
            .ok_or_else(|| ApiError::Unprocessable("the city does not have this category".to_owned()))?;
        let description = said(Some(&asked.description), MAX_TEXT_CHARS, "the description")?;
        let description =
            description.ok_or_else(|| ApiError::Unprocessable("say what is wrong".to_owned()))?;
        let number = stated_number(asked.number.as_deref(), asked.consent)?;
        let mail = said(asked.mail.as_deref(), MAX_WORD_CHARS, "a mail address")?;
        if mail.as_deref().is_some_and(|mail| notify::check_address(mail).is_err()) {
            return Err(ApiError::Unprocessable("a mail address is as in name@city.example".to_owned()));
        }
        if mail.is_some() && !asked.consent {
            return Err(ApiError::Unprocessable(
                "a mail address is kept only with the consent to use it".to_owned(),
            ));
        }
        let answered = asked.answers.iter();
        let given =
            answered.flat_map(|(code, values)| values.iter().map(|value| (code.clone(), value.clone())));
        let given: Vec<_> = given.take(MAX_ANSWERS).collect();
        let answers =
            answers::check(category, &given).map_err(|wrong| ApiError::Unprocessable(wrong.to_string()))?;
        Ok(Request {
            category: category.id.clone(),
            description,
            place: self.placed(&asked, &plan)?,
            language: asked.language,
            number,
            name: said(asked.name.as_deref(), MAX_WORD_CHARS, "a name")?,
            mail,
            media_url: None,
            answers,
            consent: asked.consent,
            source: "page".to_owned(),
            with_code: true,
            pictures: Vec::new(),
        })
    }

    /// The chosen address, else the spot, else the words.
    fn placed(&self, asked: &RequestAsked, plan: &CityPlan) -> Result<Option<Place>, ApiError> {
        let (register, language) = (self.addresses(), plan.language());
        if let Some(site) = &asked.site {
            return site.place(&register, language).map(Some);
        }
        if let (Some(lat), Some(lon)) = (asked.lat, asked.lon) {
            let point = Point::from_degrees(lat, lon)
                .ok_or_else(|| ApiError::Unprocessable("lat and lon are degrees".to_owned()))?;
            return place::by_point(&register, point, asked.address.as_deref(), language).map(Some);
        }
        match &asked.address {
            Some(words) => place::by_words(&register, words, language),
            None => Ok(None),
        }
    }
}

/// Values of all answers.
const MAX_ANSWERS: usize = 200;

impl std::convert::From<&Attribute> for QuestionView {
    fn from(attribute: &Attribute) -> Self {
        let values = attribute.kind.values().iter();
        Self {
            code: attribute.code.clone(),
            kind: attribute.kind.name(),
            required: attribute.required,
            name: by_code(&attribute.name),
            values: values
                .map(|value| ChoiceView { key: value.key.clone(), name: by_code(&value.name) })
                .collect(),
        }
    }
}

fn by_code(names: &BTreeMap<Language, String>) -> BTreeMap<&'static str, String> {
    names.iter().map(|(language, name)| (language.code(), name.clone())).collect()
}
