//! Filing a request by Open311: with a key, as a form or with pictures as multipart. What the form says is checked here and
//! becomes a case in `web/filing/`. A client that would have to wait for the store gets a token instead of the number.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::body::Bytes;
use axum::extract::{FromRequest, Multipart, Request as HttpRequest};
use axum::http::header;

use super::asked::{Asked, MAX_PARAMETERS, read};
use super::document::{Document, record};
use super::fault::Fault;
use super::services;
use crate::address::Point;
use crate::case::Place;
use crate::case::city::{Category, CityPlan};
use crate::digest::Sha256;
use crate::ids::NoteId;
use crate::phone_number::PhoneNumber;
use crate::sip::guard::Recent;
use crate::store::Note;
use crate::time;
use crate::web::error::ApiError;
use crate::web::filing::{
    Filed, MAX_TEXT_CHARS, MAX_WORD_CHARS, Request, answers, applicant, picture, place, said,
};
use crate::web::terms::{ApiKey, Open311Terms, hourly, minutely};
use crate::web::{Shared, Web};

/// A client waits this long for its number; then it gets a token and asks again.
const PATIENCE: Duration = Duration::from_secs(1);
/// Tokens remembered; a client asks within moments, or files anew.
const MAX_TOKENS: usize = 1_000;
/// Pictures of one request.
const MAX_PICTURES: usize = 3;
/// One request with its pictures.
pub(in crate::web) const MAX_FORM_BYTES: usize = MAX_PICTURES * picture::MAX_BYTES + 256 * 1024;
/// The longest field is the description: four bytes for each character at most.
const MAX_FIELD_BYTES: usize = 64 * 1024;
/// Wrong keys of one address in a minute.
const BAD_KEYS_PER_MINUTE: u32 = 20;

record!(
    /// A request that was filed.
    FiledView, "request", {
        service_request_id: String,
        service_notice: String,
        account_id: String,
    }
);

record!(
    /// A request that will have its number in a moment.
    PendingView, "request", {
        token: String,
        service_notice: String,
        account_id: String,
    }
);

record!(
    /// What has become of a token; the number is empty until there is one.
    TokenView, "request", {
        service_request_id: String,
        token: String,
    }
);

record!(
    /// An update that was taken.
    UpdateTakenView, "request_update", {
        update_id: String,
    }
);

/// Requests that were filed and not answered with their number.
#[derive(Debug)]
pub(in crate::web) struct Tokens(Mutex<Recent<String, Fate>>);

#[derive(Clone, Debug)]
enum Fate {
    Pending,
    Number(String),
    /// Why there is none.
    Refused(String),
}

impl Default for Tokens {
    fn default() -> Self {
        Self(Mutex::new(Recent::new(MAX_TOKENS)))
    }
}

impl Tokens {
    fn set(&self, token: &str, fate: Fate) {
        let mut tokens = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        *tokens.touch(token.to_owned(), || Fate::Pending) = fate;
    }

    fn fate(&self, token: &str) -> Option<Fate> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).get(&token.to_owned()).cloned()
    }
}

/// A body: its fields, and the pictures of a multipart form.
#[derive(Debug, Default)]
pub(super) struct Form {
    fields: Vec<(String, String)>,
    pictures: Vec<Vec<u8>>,
}

impl Form {
    pub(super) async fn read(request: HttpRequest) -> Result<Self, Fault> {
        let kind = request.headers().get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok());
        let kind = kind.unwrap_or_default().to_ascii_lowercase();
        if kind.starts_with("multipart/form-data") {
            let form = Multipart::from_request(request, &()).await;
            return Self::of_parts(form.map_err(|_| Fault::bad("the form cannot be read"))?).await;
        }
        let bytes = Bytes::from_request(request, &()).await;
        let bytes = bytes.map_err(|_| Fault::bad("the form is too large or cannot be read"))?;
        if !bytes.is_empty() && !kind.starts_with("application/x-www-form-urlencoded") {
            return Err(Fault::bad(
                "send the form as application/x-www-form-urlencoded or multipart/form-data",
            ));
        }
        if bytes.len() > MAX_FIELD_BYTES {
            return Err(Fault::bad("the form is too large"));
        }
        Ok(Self { fields: read(&bytes), pictures: Vec::new() })
    }

    async fn of_parts(mut form: Multipart) -> Result<Self, Fault> {
        let mut read = Self::default();
        while let Some(mut field) =
            form.next_field().await.map_err(|_| Fault::bad("the form cannot be read"))?
        {
            let (name, is_file) = (field.name().unwrap_or_default().to_owned(), field.file_name().is_some());
            let limit = if is_file { picture::MAX_BYTES } else { MAX_FIELD_BYTES };
            let mut bytes = Vec::new();
            while let Some(chunk) = field.chunk().await.map_err(|_| Fault::bad("the form cannot be read"))? {
                if bytes.len() + chunk.len() > limit {
                    return Err(Fault::bad(format!("the field '{name}' is larger than {limit} bytes")));
                }
                bytes.extend_from_slice(&chunk);
            }
            if is_file && bytes.is_empty() {
                continue;
            }
            if is_file && read.pictures.len() == MAX_PICTURES {
                return Err(Fault::bad(format!("a request has at most {MAX_PICTURES} pictures")));
            } else if is_file {
                read.pictures.push(bytes);
            } else if read.fields.len() < MAX_PARAMETERS {
                let text = String::from_utf8(bytes);
                read.fields.push((name, text.map_err(|_| Fault::bad("the form is not in UTF-8"))?));
            }
        }
        Ok(read)
    }
}

/// Whose key it is.
fn holder(web: &Web, asked: &Asked, terms: &Open311Terms) -> Result<ApiKey, Fault> {
    let Some(key) = asked.one("api_key") else { return Err(Fault::key("api_key was not provided")) };
    let digest = Sha256::of(key.as_bytes());
    match terms.keys.iter().find(|known| known.sha256 == digest) {
        Some(holder) => Ok(holder.clone()),
        None => {
            let rate = minutely(BAD_KEYS_PER_MINUTE);
            web.limits.bad_key(asked.source, rate, time::now().mono).map_err(Fault::too_often)?;
            Err(Fault::key("api_key is not known here"))
        }
    }
}

/// A key that may file now.
fn admitted(web: &Web, asked: &Asked, terms: &Open311Terms) -> Result<ApiKey, Fault> {
    let key = holder(web, asked, terms)?;
    let rate = hourly(terms.filings_per_key_per_hour);
    web.limits.file_by_key(&key.name, rate, time::now().mono).map_err(Fault::too_often)?;
    Ok(key)
}

/// The answer to a request that is filed.
pub(super) async fn file(
    web: &Shared,
    asked: Asked,
    form: Form,
    terms: &Open311Terms,
) -> Result<Document, Fault> {
    let asked = asked.with(form.fields);
    let key = admitted(web, &asked, terms)?;
    let plan = web.city();
    let code = asked.one("service_code").ok_or_else(|| Fault::bad("service_code was not provided"))?;
    let category = services::known(&plan, code)?;
    let mut request = request(web, &asked, &plan, category, &key)?;
    for bytes in form.pictures {
        request.pictures.push(picture::check(&web.pictures, bytes).await?);
    }
    let filing = Arc::clone(web);
    let filing = tokio::spawn(async move { filing.file(request).await });
    answer(web, filing).await
}

type Filing = tokio::task::JoinHandle<Result<Filed, ApiError>>;

/// The number, or a token when that takes too long: the filing goes on either way.
async fn answer(web: &Shared, mut filing: Filing) -> Result<Document, Fault> {
    if let Ok(filed) = tokio::time::timeout(PATIENCE, &mut filing).await {
        let filed = filed.map_err(|error| ApiError::internal("filing died", &error))??;
        let view = FiledView {
            service_request_id: filed.case.number.to_string(),
            service_notice: String::new(),
            account_id: String::new(),
        };
        return Ok(Document::new("service_requests", &vec![view]));
    }
    let token = web.with_mint(|mint| mint.token());
    web.tokens.set(&token, Fate::Pending);
    let (web, kept) = (web.clone(), token.clone());
    tokio::spawn(async move {
        let fate = match filing.await {
            Ok(Ok(filed)) => Fate::Number(filed.case.number.to_string()),
            Ok(Err(error)) => Fate::Refused(error.to_string()),
            Err(error) => Fate::Refused(ApiError::internal("filing died", &error).to_string()),
        };
        web.tokens.set(&kept, fate);
    });
    let view = PendingView { token, service_notice: String::new(), account_id: String::new() };
    Ok(Document::new("service_requests", &vec![view]))
}

/// The answer to `tokens/{token}`.
pub(super) fn token(web: &Web, token: &str) -> Result<Document, Fault> {
    let number = match web.tokens.fate(token).ok_or_else(|| Fault::unknown("token", token))? {
        Fate::Pending => String::new(),
        Fate::Number(number) => number,
        Fate::Refused(why) => return Err(Fault::bad(format!("the request was not taken: {why}"))),
    };
    let view = TokenView { service_request_id: number, token: token.to_owned() };
    Ok(Document::new("service_requests", &vec![view]))
}

fn request(
    web: &Web,
    asked: &Asked,
    plan: &CityPlan,
    category: &Category,
    key: &ApiKey,
) -> Result<Request, Fault> {
    let word = |name: &str| said(asked.one(name), MAX_WORD_CHARS, name);
    let name = [word("first_name")?, word("last_name")?].into_iter().flatten().collect::<Vec<_>>().join(" ");
    let mail = word("email")?;
    if mail.as_ref().is_some_and(|mail| !mail.contains('@')) {
        return Err(Fault::bad("email is no mail address"));
    }
    let number = asked.one("phone").map(|text| {
        PhoneNumber::written(text).ok_or_else(|| Fault::bad("phone has 7 to 15 digits, as in +380501112233"))
    });
    let media_url = word("media_url")?;
    let is_web = |url: &String| url.starts_with("https://") || url.starts_with("http://");
    if media_url.as_ref().is_some_and(|url| !is_web(url)) {
        return Err(Fault::bad("media_url is an address as in https://city.example/picture.jpg"));
    }
    Ok(Request {
        category: category.id.clone(),
        description: said(asked.one("description"), MAX_TEXT_CHARS, "description")?.unwrap_or_default(),
        place: Some(located(web, asked, plan)?),
        language: plan.language(),
        number: number.transpose()?,
        name: Some(name).filter(|name| !name.is_empty()),
        mail,
        media_url,
        answers: answers::check(category, &asked.answers()).map_err(|wrong| Fault::bad(wrong.to_string()))?,
        consent: asked.one("phone").is_some() || asked.one("email").is_some(),
        source: key.name.clone(),
        with_code: false,
        pictures: Vec::new(),
    })
}

/// `lat` with `long`, `address_id` or `address_string`; the map goes before the words.
fn located(web: &Web, asked: &Asked, plan: &CityPlan) -> Result<Place, Fault> {
    let (register, language) = (web.addresses(), plan.language());
    let words = asked.one("address_string");
    match (asked.one("lat"), asked.one("long")) {
        (Some(lat), Some(long)) => {
            let degrees = |text: &str| text.parse::<f64>().ok();
            let point =
                degrees(lat).zip(degrees(long)).and_then(|(lat, long)| Point::from_degrees(lat, long));
            let point =
                point.ok_or_else(|| Fault::bad("lat and long are degrees, as in 50.4501 and 30.5234"))?;
            return Ok(place::by_point(&register, point, words, language)?);
        }
        (None, None) => {}
        _ => return Err(Fault::bad("lat and long were not both provided")),
    }
    if let Some(id) = asked.one("address_id") {
        return Ok(place::by_id(&register, id, language)?);
    }
    let found = words.map(|words| place::by_words(&register, words, language)).transpose()?.flatten();
    found.ok_or_else(|| Fault::bad("lat and long, address_string or address_id was not provided"))
}

/// The answer to an update that another program sends: kept with the case, for the people who work on it.
pub(super) async fn update(
    web: &Shared,
    asked: Asked,
    form: Form,
    terms: &Open311Terms,
) -> Result<Document, Fault> {
    let asked = asked.with(form.fields);
    let key = admitted(web, &asked, terms)?;
    let id = asked.one("service_request_id");
    let id = id.ok_or_else(|| Fault::bad("service_request_id was not provided"))?;
    if asked
        .one("status")
        .is_some_and(|status| !matches!(status.to_ascii_lowercase().as_str(), "open" | "closed"))
    {
        return Err(Fault::bad("status is open or closed"));
    }
    asked.moment("updated_datetime")?;
    let found = super::requests::find(web, &web.city(), id).await?;
    let text = said(asked.one("description"), MAX_TEXT_CHARS, "description")?;
    let text = text.ok_or_else(|| Fault::bad("description was not provided"))?;
    let mut pictures = Vec::new();
    for bytes in form.pictures {
        pictures.push(picture::check(&web.pictures, bytes).await?);
    }
    let at = time::now().utc;
    let id = NoteId(web.with_mint(|mint| mint.uuid(at)));
    let (actor, note) = (applicant(&key.name), Note { id, source: key.name, text, at });
    web.store().add_note(&found.case.number, note, actor.clone()).await?;
    for picture in pictures {
        web.attach(&found.case, picture, &actor).await?;
    }
    let taken = UpdateTakenView { update_id: id.to_string() };
    Ok(Document::new("service_request_updates", &vec![taken]))
}
