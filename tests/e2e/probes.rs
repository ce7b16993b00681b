//! Probes, as an attacker's tools make them, of every address the running program describes: without a session, with a foreign
//! page behind the request, by methods nobody offers, with words that mean something to a database, a browser or a file
//! system; and of the connection itself. What was tried and what came of it is printed at the end.

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use reqwest::blocking::{Client, Response, multipart};
use serde_json::{Value, json};

use crate::server::{PASSWORD, PEOPLE, Server};

/// Every answer comes within this time, the one to a body that never comes among them (20 s).
const ANSWER_DEADLINE: Duration = Duration::from_secs(30);
/// Answers of the world's own pages and of programs outside; everything else wants a session.
const PUBLIC: [&str; 8] =
    ["/livez", "/readyz", "/metrics", "/api/openapi.json", "/log/", "/open311/", "/provision/", "/signin"];
const PUBLIC_API: [&str; 4] =
    ["/api/v1/citizen/", "/api/v1/web-calls", "/api/v1/sms-reports/", "/api/v1/session/"];
/// What means something to somebody: databases, browsers, shells, file systems, formats, headers.
const WICKED: [&str; 12] = [
    "' OR '1'='1",
    "'; DROP TABLE cases; --",
    "\" UNION SELECT token_sha256 FROM sessions --",
    "<script>alert(1580)</script>",
    "\"><img src=x onerror=alert(1580)>",
    "../../../../etc/passwd",
    "..\\..\\config.toml",
    "%00",
    "{{7*7}}${7*7}",
    "a\r\nSet-Cookie: stolen=1",
    "\u{202e}\u{0}\u{feff}",
    "-9223372036854775808",
];
/// What only a file of the machine says.
const OF_THE_MACHINE: [&str; 3] = ["root:x:0", "[http]", "PRIVATE+KEY"];

/// One operation of the description.
struct Operation {
    method: String,
    path: String,
    /// Names of the parameters in the query.
    query: Vec<String>,
    /// Fields of the body, where it is JSON.
    fields: Vec<String>,
}

/// What was asked so far, by probe.
#[derive(Default)]
struct Tally(BTreeMap<&'static str, BTreeMap<u16, usize>>);

impl Tally {
    fn count(&mut self, probe: &'static str, status: u16) {
        *self.0.entry(probe).or_default().entry(status).or_default() += 1;
    }

    fn print(&self) {
        println!("{:<34}{:>9}  answers", "probe", "requests");
        for (probe, answers) in &self.0 {
            let told: Vec<_> = answers.iter().map(|(status, count)| format!("{status} x {count}")).collect();
            println!("{probe:<34}{:>9}  {}", answers.values().sum::<usize>(), told.join(", "));
        }
    }
}

fn operations(description: &Value) -> Vec<Operation> {
    let mut found = Vec::new();
    for (path, item) in description["paths"].as_object().expect("the description has paths") {
        for (method, operation) in item.as_object().expect("a path has methods") {
            if !["get", "post", "put", "patch", "delete"].contains(&method.as_str()) {
                continue;
            }
            let parameters = operation["parameters"].as_array().map(Vec::as_slice).unwrap_or_default();
            let named = parameters.iter().filter(|parameter| parameter["in"] == "query");
            let query = named.filter_map(|parameter| parameter["name"].as_str().map(str::to_owned)).collect();
            let body = &operation["requestBody"]["content"]["application/json"]["schema"];
            let schema = body["$ref"].as_str().and_then(|it| description.pointer(it.trim_start_matches('#')));
            let fields = schema.unwrap_or(body)["properties"].as_object();
            let fields = fields.map(|fields| fields.keys().cloned().collect()).unwrap_or_default();
            found.push(Operation { method: method.to_uppercase(), path: path.clone(), query, fields });
        }
    }
    assert!(found.len() > 150, "the description has every address: {}", found.len());
    found
}

fn is_public(operation: &Operation) -> bool {
    let path = &operation.path;
    PUBLIC.iter().chain(&PUBLIC_API).any(|known| path.starts_with(known))
        || path == "/api/v1/session" && operation.method == "POST"
}

/// The address with `word` in place of each of its names.
fn address(path: &str, word: &str) -> String {
    let word: String =
        form_urlencoded::byte_serialize(word.as_bytes()).collect::<String>().replace('+', "%20");
    path.split('/')
        .map(|step| if step.starts_with('{') { word.as_str() } else { step })
        .collect::<Vec<_>>()
        .join("/")
}

struct Probing {
    server: Server,
    client: Client,
    tally: Tally,
    /// Session cookies of [`PEOPLE`].
    cookies: Vec<String>,
}

impl Probing {
    fn start() -> Self {
        let server = Server::start();
        let client = Client::builder().timeout(ANSWER_DEADLINE).no_proxy();
        let client =
            client.redirect(reqwest::redirect::Policy::none()).build().expect("a client can be made");
        let mut probing = Self { server, client, tally: Tally::default(), cookies: Vec::new() };
        probing.cookies = PEOPLE.iter().map(|(name, _, _)| probing.cookie_of(name)).collect();
        probing
    }

    fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.server.http)
    }

    fn sign_in(&self, name: &str, password: &str, cookie: Option<&str>) -> Response {
        let request = self.client.post(self.url("/api/v1/session"));
        let request = request.json(&json!({ "user": name, "password": password }));
        let request = match cookie {
            Some(cookie) => request.header("cookie", cookie),
            None => request,
        };
        request.send().expect("the server answers")
    }

    fn cookie_of(&self, name: &str) -> String {
        let answer = self.sign_in(name, PASSWORD, None);
        assert_eq!(answer.status(), 200, "{name}");
        let set = answer.headers()["set-cookie"].to_str().expect("cookies are text");
        for flag in ["HttpOnly", "SameSite=Strict", "Path=/", "Max-Age="] {
            assert!(set.contains(flag), "the session's cookie lacks {flag}: {set}");
        }
        set.split(';').next().unwrap_or_default().to_owned()
    }

    /// Sends; the answer is none of a server that failed, and nothing a browser would run.
    fn send(&mut self, probe: &'static str, method: &str, path: &str, more: Sent<'_>) -> (u16, String) {
        let mut request = self.client.request(method.parse().expect("a method"), self.url(path));
        for (name, value) in more.headers {
            request = request.header(*name, *value);
        }
        if let Some(body) = more.body {
            request = request.header("content-type", "application/json").body(body.to_owned());
        }
        let answer = request.send().unwrap_or_else(|error| panic!("{probe}: {method} {path}: {error:?}"));
        let status = answer.status().as_u16();
        let kind =
            answer.headers().get("content-type").map(|kind| kind.to_str().unwrap_or_default().to_owned());
        let kind = kind.unwrap_or_default();
        assert!(
            answer.headers().get("set-cookie").is_none_or(|set| !set.to_str().unwrap().contains("stolen"))
        );
        assert_eq!(answer.headers()["x-content-type-options"], "nosniff", "{probe}: {method} {path}");
        assert!(!kind.starts_with("text/html") || status < 300, "{probe}: {method} {path} is {kind}");
        let text = String::from_utf8_lossy(&answer.bytes().unwrap_or_default()).into_owned();
        assert!(status < 500 || status == 503, "{probe}: {method} {path}: {status} {text}");
        for secret in OF_THE_MACHINE {
            assert!(!text.contains(secret), "{probe}: {method} {path} tells {secret}");
        }
        self.tally.count(probe, status);
        (status, text)
    }

    /// What the server says to these very bytes.
    fn raw(&mut self, probe: &'static str, bytes: &[u8]) -> String {
        let mut stream = TcpStream::connect(self.server.http).expect("the server listens");
        stream.set_read_timeout(Some(ANSWER_DEADLINE)).expect("a deadline can be set");
        // The server may have seen enough, and closed, before all is written.
        let _ = stream.write_all(bytes);
        let mut answer = Vec::new();
        let mut piece = [0; 4096];
        while let Ok(read @ 1..) = stream.read(&mut piece) {
            answer.extend_from_slice(&piece[..read]);
            if answer.windows(4).any(|end| end == b"\r\n\r\n") {
                break;
            }
        }
        let answer = String::from_utf8_lossy(&answer).into_owned();
        let status = answer.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap_or(0);
        assert!(status < 500 || status == 503, "{probe}: {answer}");
        self.tally.count(probe, status);
        answer
    }
}

#[derive(Clone, Copy, Default)]
struct Sent<'s> {
    headers: &'s [(&'static str, &'s str)],
    body: Option<&'s str>,
}

#[test]
fn probes() {
    let mut probing = Probing::start();
    let description: Value = {
        let text = probing.send("description", "GET", "/api/openapi.json", Sent::default()).1;
        serde_json::from_str(&text).expect("the description is JSON")
    };
    let operations = operations(&description);
    without_a_session(&mut probing, &operations);
    from_a_foreign_page(&mut probing, &operations);
    by_other_methods(&mut probing, &operations);
    wicked_words(&mut probing, &operations);
    too_much(&mut probing, &operations);
    files(&mut probing);
    sessions(&mut probing);
    uploads(&mut probing);
    connections(&mut probing);
    resume(&mut probing);
    let sound = probing.send("afterwards", "GET", "/readyz", Sent::default());
    assert_eq!(sound.0, 200, "the program is as well as before");
    assert!(!probing.server.log().contains("panicked"), "nothing panicked");
    probing.tally.print();
}

/// Administrators may take the program out of service, and one of the probes did.
fn resume(probing: &mut Probing) {
    let nth = PEOPLE.iter().position(|(_, role, _)| *role == "admin").expect("there is an administrator");
    let cookie = probing.cookies[nth].clone();
    let headers = [("cookie", cookie.as_str()), ("x-ringback", "1")];
    let sent = Sent { headers: &headers, body: None };
    assert!(probing.send("back in service", "DELETE", "/api/v1/admin/drain", sent).0 < 300);
}

fn without_a_session(probing: &mut Probing, operations: &[Operation]) {
    for operation in operations.iter().filter(|operation| !is_public(operation)) {
        let path = address(&operation.path, "1");
        for headers in [
            &[] as &[(&str, &str)],
            &[("cookie", "ringback_session=0"), ("x-ringback", "1")],
            &[("authorization", "Bearer ' OR 1=1 --")],
            &[("authorization", "Basic YWRtaW46YWRtaW4=")],
            &[("x-forwarded-user", "admin"), ("x-original-url", "/livez"), ("x-rewrite-url", "/livez")],
        ] {
            let (status, _) =
                probing.send("no session", &operation.method, &path, Sent { headers, body: None });
            assert_eq!(status, 401, "{} {path} with {headers:?}", operation.method);
        }
    }
}

/// A page of another site has the browser send the cookie, as far as it would; it cannot send our header.
fn from_a_foreign_page(probing: &mut Probing, operations: &[Operation]) {
    let changing = |operation: &&Operation| operation.method != "GET" && !is_public(operation);
    for operation in operations.iter().filter(changing) {
        let path = address(&operation.path, "1");
        for cookie in probing.cookies.clone() {
            let headers = [("cookie", cookie.as_str()), ("origin", "https://evil.example")];
            let sent = Sent { headers: &headers, body: Some("{}") };
            let (status, text) = probing.send("foreign page", &operation.method, &path, sent);
            assert_eq!(status, 403, "{} {path}: {text}", operation.method);
        }
    }
    let cookie = probing.cookies[0].clone();
    let headers = [
        ("cookie", cookie.as_str()),
        ("origin", "https://evil.example"),
        ("connection", "upgrade"),
        ("upgrade", "websocket"),
        ("sec-websocket-version", "13"),
        ("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ=="),
        ("sec-websocket-protocol", "sip"),
    ];
    for path in ["/api/v1/events", "/sip"] {
        let (status, _) = probing.send("foreign page", "GET", path, Sent { headers: &headers, body: None });
        assert_eq!(status, 403, "a WebSocket of another site at {path}");
    }
}

fn by_other_methods(probing: &mut Probing, operations: &[Operation]) {
    let mut offered: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for operation in operations {
        offered.entry(&operation.path).or_default().push(&operation.method);
    }
    let cookie = probing.cookies[0].clone();
    for (path, methods) in &offered {
        let path = address(path, "1");
        for method in ["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "TRACK", "CONNECTED"] {
            if methods.contains(&method) {
                continue;
            }
            let headers =
                [("cookie", cookie.as_str()), ("x-ringback", "1"), ("origin", "https://evil.example")];
            let (status, text) =
                probing.send("other methods", method, &path, Sent { headers: &headers, body: None });
            assert_eq!(status, 405, "{method} {path}");
            assert!(!text.contains(&cookie), "{method} {path} repeats what was sent");
        }
        if methods.contains(&"GET") && !methods.contains(&"DELETE") {
            let headers = [("x-http-method-override", "DELETE"), ("x-method-override", "DELETE")];
            let (status, _) =
                probing.send("method overridden", "GET", &path, Sent { headers: &headers, body: None });
            assert_ne!(status, 405, "{path} takes the method from a header");
        }
    }
}

/// In every name of the path, every parameter and every field, as everybody.
fn wicked_words(probing: &mut Probing, operations: &[Operation]) {
    for operation in operations.iter().filter(|operation| !operation.path.ends_with("/recompute")) {
        for (nth, word) in WICKED.iter().enumerate() {
            let mut query = form_urlencoded::Serializer::new(String::new());
            query.extend_pairs(operation.query.iter().map(|name| (name, word)));
            let path = format!("{}?{}", address(&operation.path, word), query.finish());
            // One person for each word, another for each address: between them everybody is everywhere.
            let cookie = probing.cookies[(nth + operation.path.len()) % probing.cookies.len()].clone();
            let headers = [("cookie", cookie.as_str()), ("x-ringback", "1"), ("x-ringback-unattended", "1")];
            let fields: serde_json::Map<String, Value> =
                operation.fields.iter().map(|name| (name.clone(), json!(word))).collect();
            let body = (operation.method != "GET").then(|| Value::Object(fields).to_string());
            if operation.path == "/api/v1/session" && operation.method == "DELETE"
                || operation.path == "/api/v1/sessions"
            {
                continue;
            }
            let sent = Sent { headers: &headers, body: body.as_deref() };
            let (status, _) = probing.send("wicked words", &operation.method, &path, sent);
            if status == 401 && !is_public(operation) {
                panic!("{} {path} has ended the session", operation.method);
            }
        }
    }
}

fn too_much(probing: &mut Probing, operations: &[Operation]) {
    let large = format!("{{\"user\":\"{}\"}}", "x".repeat(200 * 1024));
    let deep = format!("{}{}", "[".repeat(20_000), "]".repeat(20_000));
    let takes_json = |operation: &&Operation| !operation.fields.is_empty();
    for operation in operations.iter().filter(takes_json) {
        let path = address(&operation.path, "1");
        for cookie in probing.cookies.clone() {
            let headers = [("cookie", cookie.as_str()), ("x-ringback", "1")];
            let (status, _) = probing.send(
                "200 KiB of JSON",
                &operation.method,
                &path,
                Sent { headers: &headers, body: Some(&large) },
            );
            assert!((400..500).contains(&status), "{} {path}: {status}", operation.method);
            let (status, _) = probing.send(
                "20,000 brackets",
                &operation.method,
                &path,
                Sent { headers: &headers, body: Some(&deep) },
            );
            assert!((400..500).contains(&status), "{} {path}: {status}", operation.method);
        }
    }
    let long = format!("/{}", "a".repeat(20_000));
    assert!(probing.send("a long path", "GET", &long, Sent::default()).0 == 404);
    let giant: String = "a".repeat(40_000);
    let answer =
        probing.raw("a giant header", format!("GET / HTTP/1.1\r\nHost: a\r\nX: {giant}\r\n\r\n").as_bytes());
    assert!(answer.starts_with("HTTP/1.1 431"), "{answer}");
    let many: String = (0..500).map(|n| format!("X-{n}: a\r\n")).collect();
    let answer = probing.raw("500 headers", format!("GET / HTTP/1.1\r\nHost: a\r\n{many}\r\n").as_bytes());
    assert!(answer.starts_with("HTTP/1.1 431"), "{answer}");
}

/// Ways out of the folders of pages, tiles, pictures and recordings.
fn files(probing: &mut Probing) {
    let ups = ["../", "..%2f", "%2e%2e/", "%2e%2e%2f", "..\\", "..%5c", "%252e%252e%252f", "....//", "..;/"];
    for root in [
        "/",
        "/assets/",
        "/log/tile/",
        "/log/tile/0/",
        "/open311/v2/media/",
        "/provision/",
        "/open311/v2/services/",
    ] {
        for up in ups {
            for target in ["etc/passwd", "config.toml", "data/ringback.db"] {
                let path = format!("{root}{}{target}", up.repeat(6));
                let request = format!("GET {path} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
                let answer = probing.raw("out of the folder", request.as_bytes());
                let status = answer.split(' ').nth(1).unwrap_or_default();
                assert!(["400", "404", "410", "429"].contains(&status), "{path}: {answer}");
            }
        }
    }
}

fn sessions(probing: &mut Probing) {
    // A cookie that somebody has planted is not the one that signs in.
    let planted = "ringback_session=planted-by-somebody";
    let answer = probing.sign_in("admin", PASSWORD, Some(planted));
    let set = answer.headers()["set-cookie"].to_str().expect("cookies are text").to_owned();
    assert!(!set.contains("planted"), "{set}");
    let headers = [("cookie", planted)];
    let (status, _) =
        probing.send("a planted session", "GET", "/api/v1/session", Sent { headers: &headers, body: None });
    assert_eq!(status, 401);
    // One that was signed out is worth nothing.
    let cookie = set.split(';').next().unwrap_or_default();
    let headers = [("cookie", cookie), ("x-ringback", "1")];
    let sent = Sent { headers: &headers, body: None };
    assert_eq!(probing.send("a session that is over", "DELETE", "/api/v1/session", sent).0, 204);
    assert_eq!(probing.send("a session that is over", "GET", "/api/v1/session", sent).0, 401);
    // Links lead to our pages alone.
    for to in [
        "//evil.example",
        "https://evil.example/",
        "/\\evil.example",
        "javascript:alert(1)",
        "/desk@evil.example",
    ] {
        let to: String = form_urlencoded::byte_serialize(to.as_bytes()).collect();
        for path in [format!("/signin?token=x&to={to}"), format!("/api/v1/session/oidc?to={to}")] {
            let request = format!("GET {path} HTTP/1.1\r\nHost: evil.example\r\nConnection: close\r\n\r\n");
            let answer = probing.raw("open redirects", request.as_bytes()).to_ascii_lowercase();
            let location = answer.lines().find(|line| line.starts_with("location: ")).expect("it leads on");
            assert!(location.starts_with("location: /signin.html?"), "{location}");
        }
    }
    // Passwords are not tried out, however fast, nor with an address of the guesser's choosing where there is no proxy.
    let mut refused = 0;
    for n in 0..15 {
        let answer = probing.sign_in("audyt", &format!("guess {n}"), None);
        let status = answer.status().as_u16();
        probing.tally.count("passwords guessed", status);
        if status == 429 {
            assert!(answer.headers().contains_key("retry-after"));
            refused += 1;
        }
    }
    assert!(refused >= 4, "{refused} of 15 guesses were refused");
}

fn uploads(probing: &mut Probing) {
    let page = b"<!doctype html><script>alert(1580)</script>".to_vec();
    let drawing = b"<svg xmlns='http://www.w3.org/2000/svg' onload='alert(1580)'/>".to_vec();
    let mut disguised = vec![0xff, 0xd8, 0xff, 0xe0];
    disguised.extend_from_slice(&page);
    for (name, bytes) in [
        ("photo.jpg", page),
        ("photo.png", drawing),
        ("../../photo.jpg", disguised),
        ("photo.html", Vec::new()),
    ] {
        let part = multipart::Part::bytes(bytes).file_name(name).mime_str("image/jpeg").expect("a type");
        let form =
            multipart::Form::new().part("file", part).text("number", "2026-01-000001").text("code", "x");
        let answer = probing.client.post(probing.url("/api/v1/citizen/photos")).multipart(form).send();
        let status = answer.expect("the server answers").status().as_u16();
        probing.tally.count("pages as photos", status);
        assert!((400..500).contains(&status), "{name}: {status}");
    }
}

fn connections(probing: &mut Probing) {
    for (what, request) in [
        ("no host", "GET / HTTP/1.1\r\n\r\n"),
        (
            "two lengths",
            "POST /api/v1/session HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n{}",
        ),
        ("a length below nothing", "POST /api/v1/session HTTP/1.1\r\nHost: a\r\nContent-Length: -1\r\n\r\n"),
        ("a space before the colon", "GET / HTTP/1.1\r\nHost : a\r\n\r\n"),
        ("a folded header", "GET / HTTP/1.1\r\nHost: a\r\nX: b\r\n c\r\n\r\n"),
        ("a line end in the path", "GET /\rX HTTP/1.1\r\nHost: a\r\n\r\n"),
        ("no HTTP", "\u{16}\u{3}\u{1}\u{2}\u{0}\r\n\r\n"),
    ] {
        let answer = probing.raw("broken requests", request.as_bytes());
        // Browsers have always sent a host; a request without one has nowhere to be reflected to.
        let is_refused = answer.starts_with("HTTP/1.1 400") || answer.is_empty();
        assert!(is_refused || what == "no host", "{what}: {answer}");
    }
    // Both ways to say how long a body is (request smuggling): one request, and not two.
    let both = "POST /api/v1/session HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n\
                0\r\n\r\nGET /api/v1/session HTTP/1.1\r\nHost: a\r\n\r\n";
    let answer = probing.raw("broken requests", both.as_bytes());
    assert!(answer.starts_with("HTTP/1.1 4"), "{answer}");
    let begun = Instant::now();
    let answer = probing.raw(
        "a body that does not come",
        b"POST /api/v1/session HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{",
    );
    assert!(answer.starts_with("HTTP/1.1 503"), "{answer}");
    assert!(begun.elapsed() < ANSWER_DEADLINE, "it has taken {:?}", begun.elapsed());
}
