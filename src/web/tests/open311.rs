//! Open311 as its clients read it: what is answered where, what a request becomes,
//! and what the world never sees.

#![allow(clippy::unwrap_used, clippy::panic)]

use reqwest::{Method, StatusCode, multipart};
use serde_json::{Value, json};

use super::Service;
use super::service::{API_KEY, picture};
use crate::people::Role;

async fn get(service: &Service, path: &str) -> (StatusCode, String, String) {
    let answer = service.request(Method::GET, path).send().await.unwrap();
    let kind = answer.headers()["content-type"].to_str().unwrap().to_owned();
    (answer.status(), kind, answer.text().await.unwrap())
}

async fn json_of(service: &Service, path: &str) -> Value {
    let (status, kind, body) = get(service, path).await;
    assert_eq!((status, kind.as_str()), (StatusCode::OK, "application/json"), "{path}: {body}");
    serde_json::from_str(&body).unwrap()
}

async fn file(service: &Service, form: &[(&str, &str)]) -> (StatusCode, Value) {
    let answer = service.request(Method::POST, "/open311/v2/requests.json").form(form).send().await.unwrap();
    (answer.status(), answer.json().await.unwrap())
}

const LAMP: [(&str, &str); 4] =
    [("api_key", API_KEY), ("service_code", "light"), ("lat", "50.4501"), ("long", "30.5234")];

async fn filed(service: &Service, more: &[(&str, &str)]) -> String {
    let form: Vec<_> = LAMP.iter().chain(more).copied().collect();
    let (status, answer) = file(service, &form).await;
    assert_eq!(status, StatusCode::OK, "{answer}");
    assert_eq!(answer[0].get("token"), None);
    answer[0]["service_request_id"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn discovery_names_two_endpoints_in_both_formats() {
    let service = Service::start().await;
    let (status, kind, xml) = get(&service, "/open311/discovery.xml").await;
    assert_eq!((status, kind.as_str()), (StatusCode::OK, "text/xml"));
    assert!(xml.starts_with("<?xml version=\"1.0\" encoding=\"utf-8\"?><discovery><changeset>2"), "{xml}");
    let found = json_of(&service, "/open311/discovery.json").await;
    let endpoints = found["endpoints"].as_array().unwrap();
    assert_eq!(endpoints.iter().map(|one| &one["type"]).collect::<Vec<_>>(), ["production", "test"]);
    for endpoint in endpoints {
        assert_eq!(endpoint["formats"], json!(["text/xml", "application/json"]));
        assert!(endpoint["specification"].as_str().unwrap().ends_with("GeoReport_v2"));
        assert_eq!(endpoint["url"], format!("http://{}/open311/v2", service.address));
        let changed = endpoint["changeset"].as_str().unwrap();
        assert!(changed.ends_with('Z') && !changed.contains('.'), "{changed}");
    }
    for text in ["contact", "key_service"] {
        let value = found[text].as_str().unwrap();
        assert!(!value.is_empty() && xml.contains(value), "{text}");
    }
}

#[tokio::test]
async fn services_are_the_categories_that_may_be_seen() {
    let service = Service::start().await;
    let services = json_of(&service, "/open311/v2/services.json").await;
    for one in services.as_array().unwrap() {
        for field in ["service_code", "service_name", "description", "keywords", "group"] {
            assert!(one[field].as_str().is_some_and(|text| !text.is_empty()), "{field} of {one}");
        }
        assert!(one["metadata"].is_boolean() && one["type"] == "realtime");
    }
    let codes: Vec<_> = services.as_array().unwrap().iter().map(|one| one["service_code"].clone()).collect();
    assert!(codes.contains(&json!("light")) && !codes.contains(&json!("welfare")), "{codes:?}");
    let light = json_of(&service, "/open311/v2/services/light.json").await;
    let orders: Vec<_> =
        light["attributes"].as_array().unwrap().iter().map(|one| one["order"].as_u64().unwrap()).collect();
    assert_eq!(orders, [1, 2]);
    assert_eq!(light["attributes"][1]["values"][0]["key"], "dark");
    for (path, status) in [
        ("/open311/v2/services/welfare.json", 404),
        ("/open311/v2/services/ufo.xml", 404),
        ("/open311/v2/services/light.html", 404),
        ("/open311/v2/services.json?jurisdiction_id=elsewhere.example", 404),
        ("/open311/v2/requests.json?status=maybe", 400),
        ("/open311/v2/requests.json?start_date=2020-01-01T00:00:00Z&end_date=2026-01-01T00:00:00Z", 400),
        ("/open311/v2/requests/2026-01-999999.json", 404),
        ("/open311/v2/tokens/abc.json", 404),
        ("/open311/v2/requests.json?service_code=welfare", 404),
    ] {
        let (found, _, body) = get(&service, path).await;
        assert_eq!(found.as_u16(), status, "{path}: {body}");
        if path.contains(".json") {
            let body: Value = serde_json::from_str(&body).unwrap();
            assert_eq!(body[0]["code"], status, "{path}");
            assert!(body[0]["description"].is_string());
        } else {
            assert!(body.contains(&format!("<errors><error><code>{status}</code><description>")), "{body}");
        }
    }
}

#[tokio::test]
async fn a_filed_request_is_a_case_and_is_read_back_without_its_applicant() {
    let service = Service::start().await;
    let number = filed(
        &service,
        &[
            ("description", "Лампа не світить. Дзвоніть 050 111 22 33 або olena@city.example"),
            ("first_name", "Олена"),
            ("last_name", "Коваль"),
            ("phone", "+380501112233"),
            ("email", "olena@city.example"),
            ("attribute[kind]", "dark"),
            ("attribute[pole]", "стовп Олени"),
        ],
    )
    .await;
    let case = service.store.case(&number.parse().unwrap()).await.unwrap().unwrap();
    assert_eq!((case.category.as_str(), case.contacts.len()), ("light", 0));
    assert_eq!(case.applicant.name.as_deref(), Some("Олена Коваль"));
    assert_eq!(case.applicant.number.unwrap().as_str(), "+380501112233");

    for path in [
        "requests.json",
        "requests.json?extensions=true",
        "requests.xml?extensions=1",
        "servicerequestupdates.json",
    ] {
        let (status, _, body) = get(&service, &format!("/open311/v2/{path}")).await;
        assert_eq!(status, StatusCode::OK);
        assert!(body.contains(&number), "{path}: {body}");
        for secret in ["Олен", "Коваль", "0501112233", "111 22 33", "olena"] {
            assert!(!body.contains(secret), "{secret} in {path}: {body}");
        }
    }
    let one = json_of(&service, &format!("/open311/v2/requests/{number}.json?extensions=true")).await;
    assert_eq!(one[0]["status"], "open");
    assert_eq!(one[0]["description"], "Лампа не світить. Дзвоніть *** або ***");
    assert_eq!((one[0]["lat"].as_f64(), one[0]["long"].as_f64()), (Some(50.4501), Some(30.5234)));
    assert_eq!(one[0]["attributes"], json!([{ "code": "kind", "value": "dark" }]));
    assert_eq!(one[0]["notes"][0]["status"], "registered");
    assert_eq!(one[0]["zipcode"], Value::Null);
    let journalled: String = service
        .store
        .case_timeline(&case.number)
        .await
        .unwrap()
        .iter()
        .map(|entry| format!("{} {:?} {:?}", entry.data, entry.reason, entry.actor))
        .collect();
    for secret in ["Олен", "Коваль", "0501112233", "світить", "olena"] {
        assert!(!journalled.contains(secret), "{secret} in {journalled}");
    }
}

#[tokio::test]
async fn filters_narrow_what_is_read() {
    let service = Service::start().await;
    let numbers = [filed(&service, &[]).await, filed(&service, &[]).await];
    let ids = async |query: &str| {
        let found = json_of(&service, &format!("/open311/v2/requests.json?{query}")).await;
        let ids = found.as_array().unwrap().iter();
        ids.map(|one| one["service_request_id"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(ids("").await, [numbers[1].clone(), numbers[0].clone()]);
    assert_eq!(ids("page=2&page_size=1").await, [numbers[0].clone()]);
    assert_eq!(ids("status=closed").await, Vec::<String>::new());
    assert_eq!(ids("status=open,closed&service_code=light,water").await.len(), 2);
    assert_eq!(ids("service_code=water").await, Vec::<String>::new());
    assert_eq!(ids("end_date=2026-01-01T00:00:00Z").await, Vec::<String>::new());
    let both = format!("service_request_id={},{},nonsense&status=closed", numbers[0], numbers[1]);
    assert_eq!(ids(&both).await.len(), 2);
    assert_eq!(ids("service_request_id=nonsense").await, Vec::<String>::new());
}

#[tokio::test]
async fn what_is_wrong_with_a_form_is_told_by_status_and_words() {
    let service = Service::start().await;
    let long = "x".repeat(4_001);
    type Fields<'a> = &'a [(&'a str, &'a str)];
    let wrong: [(Fields<'_>, u16, &str); 14] = [
        (&[("service_code", "light")], 403, "api_key was not provided"),
        (&[("api_key", "guessed"), ("service_code", "light")], 403, "api_key is not known here"),
        (&[("api_key", API_KEY)], 400, "service_code was not provided"),
        (&[("api_key", API_KEY), ("service_code", "ufo")], 404, "service_code 'ufo' was not found"),
        (&[("api_key", API_KEY), ("service_code", "welfare")], 404, "service_code 'welfare'"),
        (
            &[("api_key", API_KEY), ("service_code", "light")],
            400,
            "lat and long, address_string or address_id",
        ),
        (&[("api_key", API_KEY), ("service_code", "light"), ("lat", "50")], 400, "not both provided"),
        (&[("api_key", API_KEY), ("service_code", "light"), ("lat", "95"), ("long", "3")], 400, "degrees"),
        (
            &[("api_key", API_KEY), ("service_code", "light"), ("address_id", "nowhere|1")],
            400,
            "not in the address",
        ),
        (&[("description", &long)], 400, "4000 characters"),
        (&[("phone", "112")], 400, "phone"),
        (&[("email", "olena")], 400, "email"),
        (&[("media_url", "file:///etc/passwd")], 400, "media_url"),
        (&[("attribute[kind]", "green")], 400, "attribute[kind]"),
    ];
    for (given, status, words) in wrong {
        let complete = given.iter().any(|(name, _)| *name == "api_key" || *name == "service_code");
        let form: Vec<_> =
            if complete { given.to_vec() } else { LAMP.iter().chain(given).copied().collect() };
        let (found, answer) = file(&service, &form).await;
        assert_eq!(found.as_u16(), status, "{given:?}: {answer}");
        let told = answer[0]["description"].as_str().unwrap();
        assert!(told.contains(words), "{told}");
    }
    let json =
        service.request(Method::POST, "/open311/v2/requests.json").json(&json!({})).send().await.unwrap();
    assert_eq!(json.status(), StatusCode::BAD_REQUEST);
    assert_eq!(service.store.counts().await.unwrap().open_cases, 0);
}

#[tokio::test]
async fn a_request_goes_at_once_only_where_the_city_says_so_and_knows_the_place() {
    let service = Service::start().await;
    let state = async |number: &str| {
        service.store.case(&number.parse().unwrap()).await.unwrap().unwrap().state.name()
    };
    let placed = filed(&service, &[]).await;
    assert_eq!(state(&placed).await, "assigned");
    let form = [("api_key", API_KEY), ("service_code", "light"), ("address_string", "десь біля ринку")];
    let (_, somewhere) = file(&service, &form).await;
    assert_eq!(state(somewhere[0]["service_request_id"].as_str().unwrap()).await, "registered");
    let form = [("api_key", API_KEY), ("service_code", "water"), ("lat", "50.4501"), ("long", "30.5234")];
    let (_, waits) = file(&service, &form).await;
    assert_eq!(state(waits[0]["service_request_id"].as_str().unwrap()).await, "registered");
}

#[tokio::test]
async fn pictures_come_with_the_form_and_are_shown_small_where_they_may_be() {
    let service = Service::start().await;
    let form = |code: &str, bytes: Vec<u8>| {
        let part = multipart::Part::bytes(bytes).file_name("photo.png");
        let form = multipart::Form::new().text("api_key", API_KEY).text("service_code", code.to_owned());
        form.text("lat", "50.4501").text("long", "30.5234").part("media", part)
    };
    let send = async |form| {
        let sent =
            service.request(Method::POST, "/open311/v2/requests.json").multipart(form).send().await.unwrap();
        (sent.status(), sent.json::<Value>().await.unwrap())
    };
    let (status, answer) = send(form("light", picture(64, 48))).await;
    assert_eq!(status, StatusCode::OK, "{answer}");
    let number = answer[0]["service_request_id"].as_str().unwrap();
    let one = json_of(&service, &format!("/open311/v2/requests/{number}.json")).await;
    let url = one[0]["media_url"].as_str().unwrap();
    let shown = service.client.get(url).send().await.unwrap();
    assert_eq!(shown.headers()["content-type"], "image/jpeg");
    assert!(shown.bytes().await.unwrap().starts_with(&[0xff, 0xd8, 0xff]));
    // Of a category that shows no pictures, nobody learns where it is, nor is it given out.
    let (_, hidden) = send(form("water", picture(64, 48))).await;
    let number = hidden[0]["service_request_id"].as_str().unwrap();
    let one = json_of(&service, &format!("/open311/v2/requests/{number}.json")).await;
    assert_eq!(one[0]["media_url"], Value::Null);
    let kept = service.store.attachments_of(&number.parse().unwrap()).await.unwrap();
    let (status, ..) = get(&service, &format!("/open311/v2/media/{}.jpg", kept[0].id)).await;
    assert_eq!(status, StatusCode::NOT_FOUND);
    let (status, answer) = send(form("light", b"<svg onload=alert(1)>".to_vec())).await;
    assert_eq!(status, StatusCode::BAD_REQUEST, "{answer}");
}

#[tokio::test]
async fn updates_from_elsewhere_are_notes_and_close_nothing() {
    let service = Service::start().await;
    let number = filed(&service, &[]).await;
    let form = [
        ("api_key", API_KEY),
        ("service_request_id", number.as_str()),
        ("status", "closed"),
        ("updated_datetime", "2026-11-22T08:00:00Z"),
        ("description", "У мене вже світить"),
    ];
    let send = async |form: &[(&str, &str)]| {
        let path = "/open311/v2/servicerequestupdates.json";
        let sent = service.request(Method::POST, path).form(form).send().await.unwrap();
        (sent.status(), sent.json::<Value>().await.unwrap())
    };
    let (status, answer) = send(&form).await;
    assert_eq!(status, StatusCode::OK, "{answer}");
    assert!(answer[0]["update_id"].is_string());
    let case = number.parse().unwrap();
    assert_eq!(service.store.notes_of(&case).await.unwrap()[0].text, "У мене вже світить");
    assert_ne!(service.store.case(&case).await.unwrap().unwrap().state.name(), "closed");
    assert_eq!(send(&form[1..]).await.0, StatusCode::FORBIDDEN);
    assert_eq!(
        send(&[("api_key", API_KEY), ("service_request_id", "2026-01-999999")]).await.0,
        StatusCode::NOT_FOUND
    );
}

#[tokio::test]
async fn who_would_wait_for_the_store_gets_a_token() {
    use sqlx::Connection;
    let service = Service::start().await;
    let database = format!("sqlite://{}", service.folder.path().join("test.db").display());
    let mut other = sqlx::SqliteConnection::connect(&database).await.unwrap();
    sqlx::query("BEGIN IMMEDIATE").execute(&mut other).await.unwrap();
    let (status, answer) = file(&service, &LAMP).await;
    assert_eq!(status, StatusCode::OK, "{answer}");
    assert_eq!(answer[0].get("service_request_id"), None);
    let token = answer[0]["token"].as_str().unwrap().to_owned();
    let path = format!("/open311/v2/tokens/{token}.json");
    assert_eq!(json_of(&service, &path).await[0]["service_request_id"], Value::Null);
    sqlx::query("ROLLBACK").execute(&mut other).await.unwrap();
    for _ in 0..200 {
        let number = json_of(&service, &path).await[0]["service_request_id"].clone();
        if let Some(number) = number.as_str() {
            assert!(service.store.case(&number.parse().unwrap()).await.unwrap().is_some());
            return;
        }
        tokio::time::sleep(std::time::Duration::from_millis(25)).await;
    }
    panic!("the token never became a number");
}

#[tokio::test]
async fn keys_and_addresses_are_bounded_and_everybody_else_is_not_harmed() {
    let service = Service::start().await;
    service.allow(|terms| terms.open311.filings_per_key_per_hour = 2);
    filed(&service, &[]).await;
    filed(&service, &[]).await;
    let (status, answer) = file(&service, &LAMP).await;
    assert_eq!((status, answer[0]["code"].as_u64()), (StatusCode::TOO_MANY_REQUESTS, Some(429)));
    service.allow(|terms| terms.open311.keys.clear());
    assert_eq!(file(&service, &LAMP).await.0, StatusCode::FORBIDDEN);
    service.allow(|terms| terms.open311.enabled = false);
    assert_eq!(get(&service, "/open311/v2/services.json").await.0, StatusCode::NOT_FOUND);
    let desk = service.get(Role::Operator, "/api/v1/cases").await;
    assert_eq!(desk.status(), StatusCode::OK);
}
