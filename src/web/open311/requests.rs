//! Requests as the world sees them: what and where, how far, who is responsible and until when. Nothing of it tells of
//! the applicant: places are the register's words without the flat, what was written is shown only where the category
//! says so, and then without telephone and mail addresses.

use super::asked::Asked;
use super::document::{Document, Moment, record};
use super::fault::Fault;
use super::services;
use super::words::Step;
use crate::case::city::{Category, CityPlan};
use crate::case::retention::Content;
use crate::case::{Case, CaseNumber, Site};
use crate::store::{PublicRequest, RequestFilter};
use crate::web::city::organisation_name;
use crate::web::terms::Open311Terms;
use crate::web::{Web, addresses};

/// Numbers asked for at once, as many as an answer has.
const MAX_NUMBERS: usize = 1_000;
/// Digits that make a telephone number out of a number.
const PHONE_DIGITS: usize = 6;

record!(
    /// One request.
    RequestView, "request", {
        service_request_id: String,
        /// `open` or `closed`.
        status: &'static str,
        /// How far it is, in the city's language.
        status_notes: &'static str,
        service_name: String,
        service_code: String,
        description: String,
        agency_responsible: String,
        service_notice: String,
        requested_datetime: Moment,
        updated_datetime: Moment,
        /// Until when the work is promised.
        expected_datetime: Option<Moment>,
        address: String,
        /// Names the address to this city: it may be sent back as `address_id`.
        address_id: String,
        zipcode: String,
        lat: Option<f64>,
        long: Option<f64>,
        media_url: String,
    }
);

record!(
    /// The same with `extensions=true`; the last three only then.
    ExtendedRequestView, "request", {
        service_request_id: String,
        status: &'static str,
        status_notes: &'static str,
        service_name: String,
        service_code: String,
        description: String,
        agency_responsible: String,
        service_notice: String,
        requested_datetime: Moment,
        updated_datetime: Moment,
        expected_datetime: Option<Moment>,
        address: String,
        address_id: String,
        zipcode: String,
        lat: Option<f64>,
        long: Option<f64>,
        media_url: String,
        /// The state by the city's own name, such as `verification`.
        #[schema(required = false)]
        extended_status: &'static str,
        /// What was answered to the questions of the service, own words left out.
        #[schema(required = false)]
        attributes: Vec<AnswerView>,
        /// What happened, the earliest first.
        #[schema(required = false)]
        notes: Vec<NoteView>,
    }
);

record!(
    /// One answer to a question of the service.
    AnswerView, "attribute", {
        code: String,
        value: String,
    }
);

record!(
    /// Something that happened.
    NoteView, "note", {
        datetime: Moment,
        /// Such as `assigned`.
        status: &'static str,
        description: &'static str,
    }
);

/// The answer to `requests`.
pub(super) async fn list(web: &Web, asked: &Asked, terms: &Open311Terms) -> Result<Document, Fault> {
    let plan = web.city();
    let numbers = asked.list("service_request_id");
    if numbers.len() > MAX_NUMBERS {
        return Err(Fault::bad(format!("at most {MAX_NUMBERS} service_request_id at once")));
    }
    if !numbers.is_empty() {
        let numbers: Vec<_> = numbers.into_iter().filter_map(|number| number.parse().ok()).collect();
        if numbers.is_empty() {
            return requests(web, asked, terms, &plan, Vec::new()).await;
        }
        let found = web.store().public_requests(&by_number(&plan, numbers)).await?;
        return requests(web, asked, terms, &plan, found).await;
    }
    let (skip, limit) = asked.page()?;
    let filter = RequestFilter {
        numbers: Vec::new(),
        categories: categories(asked, &plan)?,
        open: open(asked)?,
        registered: asked.span()?,
        skip,
        limit,
    };
    let found = web.store().public_requests(&filter).await?;
    requests(web, asked, terms, &plan, found).await
}

/// The answer to `requests/{id}`.
pub(super) async fn one(web: &Web, id: &str, asked: &Asked, terms: &Open311Terms) -> Result<Document, Fault> {
    let plan = web.city();
    let found = find(web, &plan, id).await?;
    requests(web, asked, terms, &plan, vec![found]).await
}

/// A case that the world may see.
pub(super) async fn find(web: &Web, plan: &CityPlan, id: &str) -> Result<PublicRequest, Fault> {
    let unknown = || Fault::unknown("service_request_id", id);
    let number: CaseNumber = id.parse().map_err(|_| unknown())?;
    let found = web.store().public_requests(&by_number(plan, vec![number])).await?;
    found.into_iter().next().ok_or_else(unknown)
}

fn by_number(plan: &CityPlan, numbers: Vec<CaseNumber>) -> RequestFilter {
    RequestFilter {
        limit: u32::try_from(numbers.len()).unwrap_or(u32::MAX),
        numbers,
        categories: services::shown(plan).map(|category| category.id.clone()).collect(),
        open: None,
        registered: Default::default(),
        skip: 0,
    }
}

/// Those asked for, else all that are shown.
pub(super) fn categories(asked: &Asked, plan: &CityPlan) -> Result<Vec<String>, Fault> {
    let codes = asked.list("service_code");
    if codes.is_empty() {
        return Ok(services::shown(plan).map(|category| category.id.clone()).collect());
    }
    codes.into_iter().map(|code| Ok(services::known(plan, code)?.id.clone())).collect()
}

/// `open`, `closed`, or both.
fn open(asked: &Asked) -> Result<Option<bool>, Fault> {
    let (mut open, mut closed) = (false, false);
    for status in asked.list("status") {
        match status {
            "open" => open = true,
            "closed" => closed = true,
            _ => return Err(Fault::bad("status is open, closed or both, divided by a comma")),
        }
    }
    Ok((open != closed).then_some(open))
}

async fn requests(
    web: &Web,
    asked: &Asked,
    terms: &Open311Terms,
    plan: &CityPlan,
    found: Vec<PublicRequest>,
) -> Result<Document, Fault> {
    let media = format!("{}/v2/media", asked.root(terms));
    if !asked.says("extensions") {
        let views: Vec<_> = found.iter().map(|request| view(request, plan, &media)).collect();
        return Ok(Document::new("service_requests", &views));
    }
    let numbers: Vec<_> = found.iter().map(|request| request.case.number.clone()).collect();
    let mut told = web.store().public_steps(&numbers).await?;
    let mut views = Vec::with_capacity(found.len());
    for request in &found {
        let steps = told.remove(&request.case.number).unwrap_or_default();
        let notes = steps.into_iter().filter_map(|(at, event)| {
            let step = Step::of_event(&event)?;
            Some(NoteView {
                datetime: Moment(at),
                status: step.name(),
                description: step.in_words(plan.language()),
            })
        });
        views.push(extended(view(request, plan, &media), request, plan, notes.collect()));
    }
    Ok(Document::new("service_requests", &views))
}

fn view(request: &PublicRequest, plan: &CityPlan, media: &str) -> RequestView {
    let PublicRequest { case, updated_at, picture, .. } = request;
    let category = plan.category(&case.category);
    let publishes = |rule: fn(&Category) -> bool| category.is_some_and(rule);
    let step = Step::of_state(case.state.told_as());
    let site = case.place.as_ref().and_then(|place| place.site.as_ref());
    let known = site.filter(|site| site.in_register);
    let picture = picture.filter(|_| publishes(|category| category.filing.publishes_pictures));
    RequestView {
        service_request_id: case.number.to_string(),
        status: if case.state.is_open() { "open" } else { "closed" },
        status_notes: step.in_words(plan.language()),
        service_name: category
            .map_or_else(|| case.category.clone(), |category| category.name_in(plan.language()).to_owned()),
        service_code: case.category.clone(),
        description: if publishes(|category| category.filing.publishes_description) {
            without_contacts(&case.description)
        } else {
            String::new()
        },
        agency_responsible: case.state.executor().map(|id| organisation_name(plan, id)).unwrap_or_default(),
        service_notice: String::new(),
        requested_datetime: Moment(case.registered_at),
        updated_datetime: Moment(*updated_at),
        expected_datetime: case.promise_shown().map(|deadline| Moment(deadline.resolve_by)),
        address: known.map(|site| without_flat(site, plan)).unwrap_or_default(),
        address_id: known.map(address_id).unwrap_or_default(),
        zipcode: String::new(),
        lat: site.and_then(|site| site.point).map(|point| point.lat()),
        long: site.and_then(|site| site.point).map(|point| point.lon()),
        media_url: picture.map(|id| format!("{media}/{id}.jpg")).unwrap_or_default(),
    }
}

fn extended(
    view: RequestView,
    request: &PublicRequest,
    plan: &CityPlan,
    notes: Vec<NoteView>,
) -> ExtendedRequestView {
    ExtendedRequestView {
        service_request_id: view.service_request_id,
        status: view.status,
        status_notes: view.status_notes,
        service_name: view.service_name,
        service_code: view.service_code,
        description: view.description,
        agency_responsible: view.agency_responsible,
        service_notice: view.service_notice,
        requested_datetime: view.requested_datetime,
        updated_datetime: view.updated_datetime,
        expected_datetime: view.expected_datetime,
        address: view.address,
        address_id: view.address_id,
        zipcode: view.zipcode,
        lat: view.lat,
        long: view.long,
        media_url: view.media_url,
        extended_status: request.case.state.name(),
        attributes: answers(request, plan),
        notes,
    }
}

/// Chosen, counted and dated answers; those in own words stay with the city.
fn answers(request: &PublicRequest, plan: &CityPlan) -> Vec<AnswerView> {
    let Some(category) = plan.category(&request.case.category) else { return Vec::new() };
    let shown = category.filing.attributes.iter().filter(|attribute| !attribute.kind.is_own_words());
    let answers = shown.flat_map(|attribute| {
        let given = request.answers.iter().filter(|(code, _)| *code == attribute.code);
        given.map(|(code, value)| AnswerView { code: code.clone(), value: value.clone() })
    });
    answers.collect()
}

fn without_flat(site: &Site, plan: &CityPlan) -> String {
    addresses::in_words(&Site { flat: None, ..site.clone() }, plan.language())
}

/// Street and house, as a filed request may name them.
pub(super) fn address_id(site: &Site) -> String {
    match &site.house {
        Some(house) => format!("{}|{house}", site.key),
        None => site.key.clone(),
    }
}

/// What somebody wrote, with everything blacked out that could be a telephone number or a mail address.
fn without_contacts(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for (n, line) in text.lines().enumerate() {
        if n > 0 {
            shown.push('\n');
        }
        shown.push_str(&numbers_blacked(&mails_blacked(line)));
    }
    shown
}

fn mails_blacked(line: &str) -> String {
    let words = line.split(' ').map(|word| if word.contains('@') { "***" } else { word });
    words.collect::<Vec<_>>().join(" ")
}

/// Six digits or more with nothing but what people put between them.
fn numbers_blacked(line: &str) -> String {
    let mut shown = String::with_capacity(line.len());
    let mut run = String::new();
    for c in line.chars().chain(std::iter::once('\n')) {
        let between = !run.is_empty() && " -./()\u{a0}".contains(c);
        if c.is_numeric() || c == '+' || between {
            run.push(c);
            continue;
        }
        let number = run.trim_end_matches(|c: char| !c.is_numeric());
        if number.chars().filter(|c| c.is_numeric()).count() >= PHONE_DIGITS {
            shown.push_str("***");
            shown.push_str(&run[number.len()..]);
        } else {
            shown.push_str(&run);
        }
        run.clear();
        shown.push(c);
    }
    shown.pop();
    shown
}

/// Whether the world may see pictures of this case.
pub(super) fn shows_pictures(case: &Case, plan: &CityPlan) -> bool {
    let category = services::shown(plan).find(|category| category.id == case.category);
    let is_there = !case.erased.contains(&Content::Photos);
    is_there && category.is_some_and(|category| category.filing.publishes_pictures)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn telephone_and_mail_addresses_are_blacked_out() {
        for (text, shown) in [
            ("Лампа 12 не світить", "Лампа 12 не світить"),
            ("call +380 (50) 111-22-33, please", "call ***, please"),
            ("0501112233", "***"),
            ("write to me@city.example now\nor 050.111.22.33", "write to *** now\nor ***"),
            ("house 12-14, flat 5", "house 12-14, flat 5"),
            ("٠٥٠١١١٢٢٣٣", "***"),
            ("", ""),
        ] {
            assert_eq!(without_contacts(text), shown, "{text}");
        }
    }
}
