//! The cross-check: SIPp, a generator that we did not write, dials as many calls a second with the crowd of the tests and
//! takes its own times. What our telephones find is `dial` in `main.rs`; the two should agree.

use std::fs;
use std::net::{Ipv4Addr, UdpSocket};
use std::process::{Command, Stdio};
use std::time::Duration;

use serde_json::{Value, json};

use crate::figures::Distribution;
use crate::service::{self, Service};

const CROWD: &str = include_str!("../../tests/e2e/sipp/crowd.xml");
/// How long each call lasts after its answer.
const TALK: Duration = Duration::from_secs(2);
/// Calls up at once, above what the rate and the talk come to.
const SLACK: u64 = 100;
/// Longest run beyond the time of dialling.
const PATIENCE_SECS: u64 = 60;

/// `per_second` new calls for `seconds`.
pub async fn run(per_second: u64, seconds: u64) -> Value {
    let capacity = (per_second * (TALK.as_secs() + 1) + SLACK) as usize;
    let mut service = Service::start(service::Order { capacity, operators: 0, is_recorded: true }).await;
    let folder = tempfile::tempdir().unwrap();
    // Hears all callers, and says nothing.
    let rtp = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let scenario = CROWD
        .replacen("<send retrans=\"500\">", "<send retrans=\"500\" start_rtd=\"1\">", 1)
        .replace("<recv response=\"200\" rrs=\"true\"/>", "<recv response=\"200\" rrs=\"true\" rtd=\"1\"/>")
        .replace("{{talk_ms}}", &TALK.as_millis().to_string())
        .replace("{{rtp_port}}", &rtp.local_addr().unwrap().port().to_string());
    assert!(!scenario.contains("{{"), "a value is missing in the scenario");
    fs::write(folder.path().join("crowd.xml"), scenario).unwrap();
    let calls = per_second * seconds;
    let status = Command::new("sipp")
        .current_dir(folder.path())
        .args(["-sf", "crowd.xml", "-i", "127.0.0.1", "-t", "u1", "-s", "1580", "-nostdin"])
        .args(["-r", &per_second.to_string(), "-m", &calls.to_string(), "-l", &capacity.to_string()])
        .args(["-trace_rtt", "-rtt_freq", "1", "-timeout", &format!("{}s", seconds + PATIENCE_SECS)])
        .arg(service.sip.to_string())
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .expect("sipp starts; scripts/install-tools.sh test installs it");
    let setup = setup_times(folder.path());
    service.stop().await;
    let answered = setup.count();
    let [p50, p95, p99] = [0.5, 0.95, 0.99].map(|share| setup.quantile_ms(share));
    println!("SIPp, new calls a second            {per_second} for {seconds} s, {status}");
    println!("dialled / answered                  {calls} / {answered}");
    println!("set-up p50 / p95 / p99              {p50:.1} / {p95:.1} / {p99:.1} ms\n");
    json!({
        "per_second": per_second, "dialled": calls, "answered": answered, "all_went_through": status.success(),
        "setup_ms": { "p50": p50, "p95": p95, "p99": p99 },
    })
}

/// From the INVITE to the 200, as SIPp has written them down: "date;milliseconds;name".
fn setup_times(folder: &std::path::Path) -> Distribution {
    let mut setup = Distribution::default();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.to_string_lossy().ends_with("_rtt.csv") {
            let text = fs::read_to_string(path).unwrap();
            let times = text.lines().filter_map(|line| line.split(';').nth(1)?.parse::<f64>().ok());
            times.for_each(|ms| setup.add((ms * 1000.0) as u64));
        }
    }
    setup
}
