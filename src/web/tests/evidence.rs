//! Photos of the work: what is found out about them when they come in, what the control desk and the executor are
//! shown of it, the copies for the screen, and requests that come twice.

#![allow(clippy::unwrap_used, clippy::panic)]

use reqwest::{Method, RequestBuilder, Response, StatusCode, multipart};
use serde_json::{Value, json};

use super::Service;
use super::cases::{in_hand, json_of, with_case};
use crate::case::{Applicant, Case, CaseDraft, CaseNumber, CaseState, IdentityLevel, Priority};
use crate::language::Language;
use crate::people::Role::{Control, Executor, Operator};
use crate::people::{Actor, Role};
use crate::picture::samples::{Said, jpeg, photo, scene};
use crate::time;

fn upload(service: &Service, path: &str, role: &str, bytes: Vec<u8>) -> RequestBuilder {
    let form =
        multipart::Form::new().text("role", role.to_owned()).part("file", multipart::Part::bytes(bytes));
    service.by(Executor, Method::POST, &format!("{path}/evidence")).multipart(form)
}

async fn sent(service: &Service, path: &str, role: &str, bytes: Vec<u8>) -> Value {
    json_of(upload(service, path, role, bytes).send().await.unwrap()).await
}

/// A photograph taken at this moment.
fn taken_now(seed: u64, place: Option<(f64, f64)>) -> Vec<u8> {
    let now = time::now().utc.utc().format("%Y:%m:%d %H:%M:%S").to_string();
    photo(&scene(seed, 320, 240), &Said { taken: Some((now, Some("+00:00"))), place, orientation: 1 })
}

/// The case at a house of the register, accepted by its executor; where the house is.
async fn at_a_house(service: &Service, path: &str) -> (f64, f64) {
    let search = service.by(Operator, Method::GET, "/api/v1/addresses").query(&[("q", "леніна 12")]);
    let street = json_of(search.send().await.unwrap()).await["items"][0].clone();
    let change =
        json!({ "category": "water.burst", "site": { "key": street["key"], "house": street["house"] } });
    json_of(service.by(Operator, Method::PATCH, path).json(&change).send().await.unwrap()).await;
    json_of(service.post(Operator, &format!("{path}/assign"), json!({})).await).await;
    let case = json_of(service.post(Executor, &format!("{path}/accept"), json!({})).await).await;
    let degrees = |key: &str| case["place"]["site"][key].as_f64().unwrap();
    (degrees("lat"), degrees("lon"))
}

/// What was found out about each picture, in order of arrival.
async fn proofs(service: &Service, path: &str, role: Role) -> Vec<Value> {
    let case = json_of(service.get(role, path).await).await;
    case["evidence"].as_array().unwrap().iter().map(|piece| piece["proof"].clone()).collect()
}

#[tokio::test]
async fn a_picture_is_held_against_time_and_place() {
    let (service, path) = with_case().await;
    let (lat, lon) = at_a_house(&service, &path).await;
    sent(&service, &path, "before", taken_now(1, Some((lat, lon)))).await;
    sent(&service, &path, "before", taken_now(2, Some((lat + 0.01, lon)))).await;
    let of_last_year = Said {
        taken: Some(("2025:01:01 12:00:00".to_owned(), None)),
        place: Some((lat, lon)),
        orientation: 1,
    };
    sent(&service, &path, "before", photo(&scene(3, 320, 240), &of_last_year)).await;
    let of_next_century = Said { taken: Some(("2126:01:01 12:00:00".to_owned(), None)), ..of_last_year };
    sent(&service, &path, "before", photo(&scene(4, 320, 240), &of_next_century)).await;
    sent(&service, &path, "after", jpeg(&scene(5, 320, 240), 80)).await;

    let found = proofs(&service, &path, Control).await;
    let flags: Vec<_> = found.iter().map(|proof| proof["flags"].clone()).collect();
    let expected = [
        json!([]),
        json!(["too_far"]),
        json!(["too_old"]),
        json!(["in_the_future"]),
        json!(["no_time", "no_place"]),
    ];
    assert_eq!(flags, expected);
    assert_eq!((&found[0]["width"], &found[0]["distance_m"]), (&json!(320), &json!(0)));
    let far = found[1]["distance_m"].as_u64().unwrap();
    assert!((1_105..1_120).contains(&far), "{far} m are a hundredth of a degree");
    let shown: Vec<_> = proofs(&service, &path, Executor).await;
    assert_eq!((&shown[1]["flags"], &shown[4]["flags"]), (&json!([]), &json!(["no_time", "no_place"])));
    let checked = service.journalled("evidence.checked").await;
    assert_eq!(checked.len(), 5);
    assert_eq!(
        (&checked[1].data["flags"], &checked[1].data["distance_m"]),
        (&json!(["too_far"]), &json!(far))
    );
    assert!(!checked[1].data.to_string().contains(&lat.to_string()), "no place in the journal");
}

#[tokio::test]
async fn a_picture_used_before_is_found_with_its_case() {
    let (service, first) = with_case().await;
    in_hand(&service, &first).await;
    let number = first.rsplit('/').next().unwrap();
    let original = scene(9, 1000, 700);
    sent(&service, &first, "after", jpeg(&original, 90)).await;
    let second = format!("/api/v1/cases/{}", another_case(&service).await);
    in_hand(&service, &second).await;
    sent(&service, &second, "before", jpeg(&original, 90)).await;
    let saved_anew = image::imageops::resize(&original, 400, 280, image::imageops::FilterType::Triangle);
    sent(&service, &second, "after", jpeg(&saved_anew, 60)).await;
    sent(&service, &second, "other", jpeg(&scene(10, 400, 280), 60)).await;

    let found = proofs(&service, &second, Control).await;
    let repeats = |at: usize| {
        let earlier = &found[at]["look_alike"];
        (
            found[at]["flags"].to_string(),
            earlier["case"].as_str().map(str::to_owned),
            earlier["same_file"].clone(),
        )
    };
    let of_first = Some(number.to_owned());
    assert_eq!(repeats(0), (r#"["no_time","no_place","reused"]"#.to_owned(), of_first.clone(), json!(true)));
    assert_eq!(repeats(1), (r#"["no_time","no_place","look_alike"]"#.to_owned(), of_first, json!(false)));
    assert_eq!(repeats(2), (r#"["no_time","no_place"]"#.to_owned(), None, Value::Null));
    assert!(proofs(&service, &second, Executor).await.iter().all(|proof| proof["look_alike"].is_null()));
}

async fn another_case(service: &Service) -> String {
    let draft = CaseDraft {
        contact: None,
        category: "water".to_owned(),
        language: Language::Uk,
        priority: Priority::Normal,
        applicant: Applicant { identity: IdentityLevel::Anonymous, number: None, name: None },
        place: None,
        description: String::new(),
        ivr_path: Vec::new(),
    };
    let actor = Actor::system("test");
    service.store.register_case(draft, time::now().utc, actor, None).await.unwrap().number.0
}

#[tokio::test]
async fn before_and_after_of_one_place_are_no_look_alikes() {
    let (service, path) = with_case().await;
    in_hand(&service, &path).await;
    let street = scene(11, 640, 480);
    let mut mended = street.clone();
    let patch = image::RgbImage::from_pixel(200, 140, image::Rgb([25, 25, 25]));
    image::imageops::replace(&mut mended, &patch, 220, 200);
    sent(&service, &path, "before", jpeg(&street, 85)).await;
    sent(&service, &path, "after", jpeg(&mended, 85)).await;
    sent(&service, &path, "after", jpeg(&street, 84)).await;
    let found = proofs(&service, &path, Control).await;
    assert_eq!(found[1]["look_alike"], Value::Null, "the place looks like itself");
    assert_eq!(found[2]["look_alike"]["same_file"], false, "before, saved anew, is no after");
}

#[tokio::test]
async fn copies_for_the_screen_carry_nothing_but_the_picture() {
    let (service, path) = with_case().await;
    in_hand(&service, &path).await;
    let held_upright = Said { orientation: 6, place: Some((50.9, 34.8)), ..Said::default() };
    let bytes = photo(&scene(1, 2000, 1000), &held_upright);
    let id = sent(&service, &path, "after", bytes.clone()).await["id"].as_str().unwrap().to_owned();
    for (size, (width, height)) in [("display", (800, 1600)), ("thumbnail", (160, 320))] {
        let answer = service.get(Control, &format!("{path}/evidence/{id}/{size}")).await;
        let headers = answer.headers().clone();
        assert_eq!(headers["content-type"], "image/jpeg");
        assert_eq!(headers["content-disposition"], "inline");
        assert!(headers["content-security-policy"].to_str().unwrap().contains("sandbox"));
        let copy = answer.bytes().await.unwrap();
        assert!(!copy.windows(4).any(|four| four == b"Exif"));
        let shown = image::load_from_memory(&copy).unwrap();
        assert_eq!((shown.width(), shown.height()), (width, height));
    }
    let original = service.get(Control, &format!("{path}/evidence/{id}")).await.bytes().await.unwrap();
    assert_eq!(original, bytes, "the original as it came");
    let looked: Vec<_> = service.journalled("access.viewed").await;
    assert_eq!(looked.len(), 3, "each look is on the journal");
    for (wrong, status) in [("poster", 404), ("display/x", 404)] {
        let answer = service.get(Control, &format!("{path}/evidence/{id}/{wrong}")).await;
        assert_eq!(answer.status(), status, "{wrong}");
    }
}

#[tokio::test]
async fn what_is_no_picture_is_refused_with_the_reason() {
    let (service, path) = with_case().await;
    in_hand(&service, &path).await;
    let mut bomb = jpeg(&scene(1, 64, 48), 90);
    let frame = bomb.windows(2).position(|two| two == [0xff, 0xc0]).unwrap();
    bomb[frame + 5..frame + 9].copy_from_slice(&[0x27, 0x10, 0x27, 0x10]);
    let cases: [(&[u8], u16, &str); 4] = [
        (b"\0\0\0\x18ftypheic\0\0\0\0mif1heic", 415, "HEIC"),
        (b"\0\0\0\x18ftypmp42\0\0\0\0mp42isom", 415, "film"),
        (b"\xff\xd8\xff\xe0 no more than this", 422, "cannot be opened"),
        (&bomb, 422, "10000 x 10000 pixels"),
    ];
    for (bytes, status, words) in cases {
        let refused = upload(&service, &path, "after", bytes.to_vec()).send().await.unwrap();
        assert_eq!(refused.status().as_u16(), status, "{words}");
        let problem: Value = refused.json().await.unwrap();
        assert!(problem["detail"].as_str().unwrap().contains(words), "{problem}");
    }
    assert_eq!(proofs(&service, &path, Control).await.len(), 0, "nothing was kept");
}

fn keyed(request: RequestBuilder, key: &str) -> RequestBuilder {
    request.header("idempotency-key", key)
}

async fn step(service: &Service, path: &str, step: &str, key: &str, body: Value) -> Response {
    let request = service.by(Executor, Method::POST, &format!("{path}/{step}"));
    keyed(request, key).json(&body).send().await.unwrap()
}

#[tokio::test]
async fn what_comes_twice_is_done_once() {
    let (service, path) = with_case().await;
    in_hand(&service, &path).await;
    let here = json!({ "pressed_at": "2026-11-21T08:00:00Z",
        "place": { "lat": 50.9, "lon": 34.8, "accuracy_m": 12.4 } });
    for _ in 0..3 {
        let started = json_of(step(&service, &path, "start", "key-of-start", here.clone()).await).await;
        assert_eq!(started["state"], "in_progress");
    }
    let started = service.journalled("wo.started").await;
    assert_eq!(started.len(), 1);
    assert_eq!((&started[0].data["accuracy_m"], started[0].data["pressed_at"].is_i64()), (&json!(12), true));
    let mut ids = std::collections::BTreeSet::new();
    for (seed, role) in [(1, "before"), (2, "after"), (2, "after")] {
        let request = upload(&service, &path, role, jpeg(&scene(seed, 64, 48), 80));
        let received = json_of(keyed(request, &format!("key-of-{role}")).send().await.unwrap()).await;
        ids.insert(received["id"].to_string());
    }
    assert_eq!((ids.len(), proofs(&service, &path, Control).await.len()), (2, 2));
    let done = json!({ "result": "mended" });
    let (one, other) = tokio::join!(
        step(&service, &path, "report", "key-of-report", done.clone()),
        step(&service, &path, "report", "key-of-report", done.clone())
    );
    assert_eq!((one.status(), other.status()), (StatusCode::OK, StatusCode::OK), "at the same moment");
    assert_eq!(service.journalled("wo.reported").await.len(), 1);
    let late = keyed(upload(&service, &path, "after", jpeg(&scene(2, 64, 48), 80)), "key-of-after");
    let late = json_of(late.send().await.unwrap()).await;
    assert!(ids.contains(&late["id"].to_string()), "the answer is the same after the work was reported");
}

/// The answer was lost on the way, and the case has left the executor's hands by it.
#[tokio::test]
async fn what_is_repeated_after_the_case_has_gone_is_answered_as_the_first_time() {
    let (service, path) = with_case().await;
    in_hand(&service, &path).await;
    let photo = || keyed(upload(&service, &path, "before", jpeg(&scene(1, 64, 48), 80)), "key-of-before");
    let first = json_of(photo().send().await.unwrap()).await;
    let (number, actor) = (CaseNumber(path.rsplit('/').next().unwrap().to_owned()), Actor::system("test"));
    let back_to_the_desk = service.store.change_case(&number, &actor, time::now().utc, |case, _| {
        Ok((Case { state: CaseState::Registered, ..case }, Vec::new()))
    });
    back_to_the_desk.await.unwrap();
    assert_eq!(json_of(photo().send().await.unwrap()).await, first);
    json_of(service.post(Operator, &format!("{path}/assign"), json!({})).await).await;
    let no = json!({ "reason": "не наша мережа" });
    for _ in 0..2 {
        let declined = step(&service, &path, "decline", "key-of-decline", no.clone()).await;
        assert_eq!(
            (declined.status(), json_of(declined).await["state"].clone()),
            (StatusCode::OK, json!("registered"))
        );
    }
    assert_eq!(service.get(Executor, &path).await.status(), StatusCode::FORBIDDEN, "it is another's now");
    let other = keyed(upload(&service, &path, "before", jpeg(&scene(2, 64, 48), 80)), "key-of-another");
    assert_eq!(other.send().await.unwrap().status(), StatusCode::FORBIDDEN);
    assert_eq!(
        service.journalled("access.denied").await.len(),
        2,
        "nothing that was repeated counts as an attempt"
    );
}

#[tokio::test]
async fn a_key_stands_for_one_request_of_one_person() {
    let (service, path) = with_case().await;
    in_hand(&service, &path).await;
    json_of(step(&service, &path, "start", "the-same-key", json!({})).await).await;
    let other = step(&service, &path, "report", "the-same-key", json!({ "result": "mended" })).await;
    assert_eq!(other.status(), StatusCode::UNPROCESSABLE_ENTITY);
    for wrong in ["short", "with space in it", &"x".repeat(65)] {
        let refused = step(&service, &path, "report", wrong, json!({ "result": "mended" })).await;
        assert_eq!(refused.status(), StatusCode::BAD_REQUEST, "{wrong}");
    }
    let without = service.post(Executor, &format!("{path}/start"), json!({})).await;
    assert_eq!(without.status(), StatusCode::CONFLICT, "without a key it is another request");
}
