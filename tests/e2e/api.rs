//! The HTTP API as a program uses it: one signed-in person, JSON in and out; and the questions the tests ask
//! often. What is answered is judged by the tests, not here; an unexpected refusal fails the test at once.

use std::net::SocketAddr;
use std::time::Duration;

use reqwest::blocking::{Client, RequestBuilder, Response, multipart};
use serde_json::{Value, json};

use crate::audio::Stereo;
use crate::wait;

const TIMEOUT: Duration = Duration::from_secs(15);

#[derive(Debug)]
pub struct Api {
    client: Client,
    root: String,
}

impl Api {
    pub fn new(server: SocketAddr) -> Self {
        let client = Client::builder().cookie_store(true).timeout(TIMEOUT).no_proxy().build();
        Self { client: client.expect("the client can be made"), root: format!("http://{server}") }
    }

    pub fn sign_in(&self, user: &str, password: &str) {
        let answer = self.post("/api/v1/session", &json!({ "user": user, "password": password }));
        assert_eq!(answer["user"]["name"], user, "{answer}");
    }

    /// The status of a GET; none when nobody listens.
    pub fn status(&self, path: &str) -> Option<u16> {
        self.request("GET", path).send().ok().map(|response| response.status().as_u16())
    }

    fn request(&self, method: &str, path: &str) -> RequestBuilder {
        let method = method.parse().expect("a method of HTTP");
        self.client.request(method, format!("{}{path}", self.root)).header("X-Ringback", "1")
    }

    /// Sends; status and body, `null` where the body is no JSON.
    pub fn send(&self, method: &str, path: &str, body: Option<&Value>) -> (u16, Value) {
        let request = self.request(method, path);
        let request = match body {
            Some(body) => request.json(body),
            None => request,
        };
        let response = request.send().unwrap_or_else(|error| panic!("{method} {path}: {error}"));
        (response.status().as_u16(), response.json().unwrap_or(Value::Null))
    }

    fn succeed(&self, method: &str, path: &str, body: Option<&Value>) -> Value {
        let (status, answer) = self.send(method, path, body);
        assert!((200..300).contains(&status), "{method} {path}: {status} {answer}");
        answer
    }

    pub fn get(&self, path: &str) -> Value {
        self.succeed("GET", path, None)
    }

    pub fn post(&self, path: &str, body: &Value) -> Value {
        self.succeed("POST", path, Some(body))
    }

    pub fn patch(&self, path: &str, body: &Value) -> Value {
        self.succeed("PATCH", path, Some(body))
    }

    pub fn get_raw(&self, path: &str, range: Option<&str>) -> Response {
        let request = self.request("GET", path);
        let request = match range {
            Some(range) => request.header("Range", range),
            None => request,
        };
        request.send().unwrap_or_else(|error| panic!("GET {path}: {error}"))
    }

    /// Uploads a photo as evidence of the work.
    pub fn upload_evidence(&self, case: &str, role: &str, file: &str, bytes: Vec<u8>) -> (u16, Value) {
        let form = multipart::Form::new()
            .text("role", role.to_owned())
            .part("file", multipart::Part::bytes(bytes).file_name(file.to_owned()));
        let path = format!("/api/v1/cases/{case}/evidence");
        let response = self.request("POST", &path).multipart(form).send().expect("the server answers");
        (response.status().as_u16(), response.json().unwrap_or(Value::Null))
    }

    pub fn set_ready(&self) {
        self.post("/api/v1/operators/me/status", &json!({ "status": "ready" }));
    }

    /// Every call, newest first.
    pub fn calls(&self) -> Vec<Value> {
        self.items("/api/v1/calls?limit=200")
    }

    /// The items of a list, all pages.
    pub fn items(&self, path: &str) -> Vec<Value> {
        let mut items = Vec::new();
        let mut page = path.to_owned();
        loop {
            let answer = self.get(&page);
            items.extend(answer["items"].as_array().expect("a list has items").iter().cloned());
            match answer["next"].as_str() {
                Some(cursor) => page = format!("{path}&cursor={cursor}"),
                None => return items,
            }
        }
    }

    /// The status of an operator, as in `ready`; empty while the list does not hold them yet.
    pub fn status_of(&self, name: &str) -> String {
        let operators = self.get("/api/v1/operators");
        let mut operators = operators["items"].as_array().expect("a list has items").iter();
        let operator = operators.find(|operator| operator["name"] == name);
        operator.and_then(|operator| operator["status"].as_str()).unwrap_or_default().to_owned()
    }

    /// The calls of one caller's number, newest first.
    pub fn calls_of(&self, caller: &str) -> Vec<Value> {
        self.items(&format!("/api/v1/calls?caller={caller}&limit=200"))
    }

    /// Waits until the caller's only call satisfies `wanted`; the call.
    pub fn call_where(&self, caller: &str, what: &str, wanted: impl Fn(&Value) -> bool) -> Value {
        wait::until(&format!("the call of {caller} to be {what}"), TIMEOUT, || {
            let calls = self.calls_of(caller);
            assert!(calls.len() <= 1, "one call expected: {calls:?}");
            let id = calls.first()?["id"].as_str()?.to_owned();
            let call = self.get(&format!("/api/v1/calls/{id}"));
            wanted(&call).then_some(call)
        })
    }

    /// Waits until the caller's only call is over and its recording sealed.
    pub fn finished_call(&self, caller: &str) -> Value {
        self.call_where(caller, "over and sealed", |call| {
            call["ended_at"].is_string()
                && call["recordings"][0]["state"] == "sealed"
                && call["disposition"].is_string()
        })
    }

    /// The recording of a call, by the API.
    pub fn recording(&self, call: &Value) -> Stereo {
        let id = call["id"].as_str().expect("a call has an id");
        let response = self.get_raw(&format!("/api/v1/calls/{id}/recording"), None);
        assert_eq!(response.status(), 200, "recording of {id}");
        Stereo::read(response.bytes().expect("the recording arrives").as_ref())
    }

    /// The timeline of a call.
    pub fn timeline(&self, call: &Value) -> Vec<Value> {
        let id = call["id"].as_str().expect("a call has an id");
        let answer = self.get(&format!("/api/v1/calls/{id}/timeline"));
        answer["items"].as_array().expect("a timeline has items").clone()
    }

    /// Sum of a counter over all values of its labels in `/metrics`.
    pub fn metric_sum(&self, name: &str) -> u64 {
        let text = self.get_raw("/metrics", None).text().expect("metrics are text");
        let values =
            text.lines().filter_map(|line| line.strip_prefix(name)?.strip_prefix('{')?.rsplit(' ').next());
        values.map(|value| value.parse::<u64>().expect("a counter is a number")).sum()
    }

    /// Value of the series of `name` with this label.
    pub fn metric_of(&self, name: &str, label: &str, value: &str) -> u64 {
        self.metric(&format!("{name}{{{label}=\"{value}\"}}"))
    }

    /// Value of a series in `/metrics`, named with its labels where it has some.
    pub fn metric(&self, series: &str) -> u64 {
        self.find_metric(series).unwrap_or_else(|| panic!("no {series} in /metrics"))
    }

    /// The same; none when it is not there, as a counter of what never happened.
    pub fn find_metric(&self, series: &str) -> Option<u64> {
        let text = self.get_raw("/metrics", None).text().expect("metrics are text");
        let value = text.lines().find_map(|line| line.strip_prefix(series)?.strip_prefix(' '))?;
        Some(value.trim().parse::<f64>().expect("a metric is a number") as u64)
    }
}

/// The first timeline item of this type.
pub fn event<'a>(timeline: &'a [Value], name: &str) -> Option<&'a Value> {
    timeline.iter().find(|item| item["type"] == name)
}

/// Names of the timeline's items, in order.
pub fn event_names(timeline: &[Value]) -> Vec<&str> {
    timeline.iter().filter_map(|item| item["type"].as_str()).collect()
}
