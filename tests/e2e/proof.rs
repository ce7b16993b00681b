//! A photograph's whole way: from a camera that writes time and place, over an executor's telephone that sends twice, to
//! the control desk, which is told what does not fit.

use serde_json::{Value, json};

use crate::case_path::Desk;
use crate::photo::{Said, photo, scene};

/// Now, as a camera in Kyiv writes it, `hours` earlier.
fn camera_time(hours: i64) -> String {
    let at = chrono::Utc::now() - chrono::TimeDelta::hours(hours);
    at.with_timezone(&chrono_tz::Europe::Kyiv).format("%Y:%m:%d %H:%M:%S").to_string()
}

/// The case at a house of the register, on its executor's hands; where the house is.
fn at_a_house(desk: &mut Desk) -> (f64, f64) {
    let found = desk.operator.get("/api/v1/addresses?q=%D0%BB%D0%B5%D0%BD%D1%96%D0%BD%D0%B0%2012");
    let street = found["items"][0].clone();
    let site = json!({ "key": street["key"], "house": street["house"] });
    let placed = desk.operator.patch(&desk.path(""), &json!({ "category": "water.burst", "site": site }));
    let degrees = |key: &str| placed["place"]["site"][key].as_f64().expect("the register knows where it is");
    let place = (degrees("lat"), degrees("lon"));
    let assigned = desk.operator.post(&desk.path("/assign"), &json!({}));
    desk.employ(assigned["executor"].as_str().expect("somebody is responsible"));
    place
}

fn piece(desk: &Desk, id: &Value) -> Value {
    let case = desk.case();
    let pieces = case["evidence"].as_array().expect("a list").iter();
    pieces.clone().find(|piece| piece["id"] == *id).expect("the piece is shown").clone()
}

#[test]
fn what_the_camera_wrote_reaches_the_control_desk() {
    let mut desk = Desk::after_a_call("380440000404");
    let (lat, lon) = at_a_house(&mut desk);
    desk.executor.post(&desk.path("/accept"), &json!({ "pressed_at": "2026-11-21T08:00:00Z" }));
    let here = json!({ "place": { "lat": lat, "lon": lon, "accuracy_m": 8.0 } });
    desk.executor.post(&desk.path("/start"), &here);
    let upload = |role: &str, seed: u64, said: &Said| {
        let bytes = photo(&scene(seed, 800, 600), said);
        let (status, received) = desk.executor.upload_evidence(&desk.number, role, "IMG_1.jpg", bytes);
        assert_eq!(status, 200, "{received}");
        received["id"].clone()
    };
    let honest = Said { taken: Some((camera_time(0), None)), place: Some((lat, lon)), orientation: 6 };
    let before = upload("before", 61, &honest);
    let elsewhere =
        Said { taken: Some((camera_time(0), None)), place: Some((lat + 0.02, lon)), orientation: 1 };
    let far = upload("other", 62, &elsewhere);
    let stale = upload("after", 63, &Said { taken: Some((camera_time(30), None)), ..honest.clone() });
    let again = upload("after", 61, &Said { taken: Some((camera_time(0), None)), ..honest.clone() });
    desk.executor.post(&desk.path("/report"), &json!({ "result": "Замінено засувку" }));

    let proof = |id: &Value| piece(&desk, id)["proof"].clone();
    let honest = proof(&before);
    assert_eq!((&honest["flags"], &honest["distance_m"]), (&json!([]), &json!(0)), "{honest}");
    assert_eq!((&honest["width"], &honest["height"]), (&json!(600), &json!(800)), "held upright");
    let far = proof(&far);
    assert_eq!(far["flags"], json!(["too_far"]));
    assert!(far["distance_m"].as_u64().is_some_and(|metres| (2_200..2_260).contains(&metres)), "{far}");
    assert_eq!(proof(&stale)["flags"], json!(["too_old"]));
    let again = proof(&again);
    let flags = again["flags"].as_array().expect("a list");
    assert!(flags.contains(&json!("reused")) || flags.contains(&json!("look_alike")), "{again}");
    assert_eq!(again["look_alike"]["evidence"], before);
    let copy = desk
        .control
        .get_raw(&format!("{}/display", desk.path(&format!("/evidence/{}", text(&before)))), None);
    assert_eq!(copy.headers()["content-type"], "image/jpeg");
    let copy = copy.bytes().expect("a copy");
    assert!(!copy.windows(4).any(|four| four == b"Exif"), "where it was taken stays here");
}

fn text(id: &Value) -> &str {
    id.as_str().expect("an id")
}
