//! Open311 and the API as programs we did not write see them: georeport, a client of GeoReport v2, reads what was filed in
//! both formats; schemathesis tries out every endpoint that the API describes and finds no failure of ours.

use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::time::Duration;

use reqwest::blocking::Client;
use serde_json::Value;

use crate::server::{PASSWORD, Server, Setup};

const KEY: &str = "portal-key-of-the-tests-1580";
/// `printf %s portal-key-of-the-tests-1580 | sha256sum`
const KEY_SHA256: &str = "33500cb06f86c66e786f3d7427f2588c86d658efb7db25ddbd53153b7cfc7e40";
/// For all endpoints together.
const TRYING_OUT: Duration = Duration::from_secs(75);

fn server() -> Server {
    let more = format!(
        "[open311]\nlooks_per_address_per_minute = 10000\n\n[citizen]\nlooks_per_address_per_minute = 10000\n\n\
         [[open311.key]]\nname = \"portal\"\nsha256 = \"{KEY_SHA256}\"\n"
    );
    Server::start_with(&Setup { more, ..Setup::default() })
}

fn client() -> Client {
    Client::builder().timeout(Duration::from_secs(15)).no_proxy().build().expect("the client can be made")
}

/// python3 with what `scripts/install-tools.sh test` brought.
fn python(server: &Server, arguments: &[&str]) -> String {
    let tools = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/tools/open311");
    let mut command = Command::new("python3");
    command.env("PYTHONPATH", tools).env("HOME", server.folder()).env("NO_PROXY", "*");
    command.current_dir(server.folder()).args(arguments).stdin(Stdio::null());
    let Output { status, stdout, stderr } = command.output().expect("python3 starts");
    let said = format!("{}{}", String::from_utf8_lossy(&stdout), String::from_utf8_lossy(&stderr));
    assert!(status.success(), "{status}\n{said}");
    said
}

fn filed(server: &Server) -> String {
    let form = [
        ("api_key", KEY),
        ("service_code", "light"),
        ("address_string", "вулиця Тараса Шевченка 2"),
        ("description", "Лампа не світить"),
        ("phone", "+380501112233"),
        ("attribute[kind]", "dark"),
    ];
    let url = format!("http://{}/open311/v2/requests.json", server.http);
    let answer = client().post(url).form(&form).send().expect("the server answers");
    assert_eq!(answer.status(), 200);
    let answer: Value = answer.json().expect("JSON");
    answer[0]["service_request_id"].as_str().expect("a number").to_owned()
}

const READER: &str = "
import sys
from georeport import GeoReport
root, number = sys.argv[1:3]
for form in ('json', 'xml'):
    city = GeoReport(root, output_format=form)
    services = {one['service_code']: one for one in city.get_service_list()}
    assert 'light' in services and 'welfare' not in services, services
    assert str(services['light']['metadata']).lower() == 'true'
    definition = city.get_service_definition('light')
    questions = definition['attributes'] if form == 'json' else definition['attributes']['attribute']
    assert [one['code'] for one in questions] == ['pole', 'kind'], questions
    found = city.get_service_requests(status='open', service_code='light')
    found = found if isinstance(found, list) else [found]
    assert [one['service_request_id'] for one in found] == [number], found
    one = city.get_service_request(number)
    one = one[0] if isinstance(one, list) else one
    one = one.get('service_requests', {}).get('request', one)
    assert one['status'] == 'open' and one['service_code'] == 'light', one
    assert '380501112233' not in str(one)
print('read in both formats')
";

#[test]
fn georeport_reads_what_was_filed() {
    let server = server();
    let number = filed(&server);
    let root = format!("http://{}/open311/v2", server.http);
    assert!(python(&server, &["-c", READER, &root, &number]).contains("read in both formats"));
}

#[test]
fn schemathesis_finds_no_failure_and_no_breach_of_the_description() {
    let server = server();
    filed(&server);
    let session = client()
        .post(format!("http://{}/api/v1/session", server.http))
        .json(&serde_json::json!({ "user": "olena", "password": PASSWORD }))
        .send()
        .expect("the server answers");
    let cookie =
        session.headers()["set-cookie"].to_str().expect("text").split(';').next().unwrap_or_default();
    let root = format!("http://{}", server.http);
    let said = python(
        &server,
        &[
            "-m",
            "schemathesis.cli",
            "run",
            &format!("{root}/api/openapi.json"),
            "--url",
            &root,
            "--header",
            &format!("Cookie: {cookie}"),
            "--header",
            "X-Ringback: 1",
            "--checks",
            "not_a_server_error,response_schema_conformance,content_type_conformance",
            "--phases",
            "fuzzing",
            "--max-examples",
            "10",
            "--max-time",
            &TRYING_OUT.as_secs().to_string(),
            "--seed",
            "1580",
            "--generation-database",
            "none",
            // The event stream is a WebSocket; the session is what the others are asked with; an operator administers
            // nothing.
            "--exclude-path-regex",
            "/api/v1/(events|session|admin/)|/signin|/provision",
            "--no-color",
        ],
    );
    assert!(said.contains("Tested:") || said.contains("passed"), "{said}");
}
