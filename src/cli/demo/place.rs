//! Where the demo takes place: its folder, its free ports, and a dialplan whose office never closes.
//! Everything of a run lies in that folder, only the speech cache is shared; the
//! shipped files are read, never changed.

use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener, UdpSocket};
use std::path::{Path, PathBuf};

use anyhow::Context as _;

use super::closing::MOBILE;
use crate::cli::journal_key;
use crate::config::{Config, OneOrMore, PortRange};

/// How many ports are tried from the usual one upwards.
const TRIES: u16 = 50;

#[derive(Clone, Debug)]
pub(super) struct Place {
    pub config: Config,
    /// This run's folder.
    pub folder: PathBuf,
    pub sip: SocketAddr,
    /// Where the citizen's mobile is that the city rings back.
    pub mobile: SocketAddr,
}

/// A newcomer sees the journal signed while looking.
const DEMO_CHECKPOINT_SECS: u64 = 10;

/// A neighbour of the service's own address: calls from there are told apart.
const MOBILE_IP: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 5);

/// Makes the folder of this run and a configuration for it.
pub(super) fn prepare(files: &Path, data: &Path) -> anyhow::Result<Place> {
    let run = crate::time::now().utc.utc().format("%Y-%m-%dT%H-%M-%S").to_string();
    let folder = data.join(run);
    std::fs::create_dir_all(&folder).with_context(|| folder.display().to_string())?;
    let mobile = free_udp(MOBILE_IP)?;
    let demo = DEMO.replace("MOBILE_ADDRESS", &mobile.to_string()).replace("MOBILE_NUMBER", MOBILE);
    let mut config = Config::parse("demo", &demo, std::iter::empty(), files)
        .map_err(|complaints| anyhow::anyhow!("the demo's own configuration: {complaints:?}"))?;
    let sip = free_sip(5060)?;
    let http = free_tcp(8080)?;
    (config.sip.udp, config.sip.tcp, config.http.bind) = (OneOrMore::one(sip), OneOrMore::one(sip), http);
    // Newcomers read the invitation, not the log.
    config.log.filter = "warn".to_owned();
    config.sip.standing = folder.join("standing.json");
    config.store.url = format!("sqlite://{}", folder.join("ringback.db").display());
    config.recording.dir = folder.join("recordings");
    config.journal.dir = folder.join("log");
    let key = folder.join("journal.key");
    journal_key::make(&key, &journal_key::usual_origin(&config))?;
    (config.journal.key_file, config.journal.checkpoint_secs) = (Some(key), DEMO_CHECKPOINT_SECS);
    config.speech.cache = data.join("speech");
    config.number.dialplan = open_all_day(files, &folder)?;
    config.rtp.ports = PortRange(20_000..=20_999);
    Ok(Place { config, folder, sip, mobile })
}

/// Long waits, so that the newcomer can take the time to look around.
const DEMO: &str = r#"
[city]
addresses = "addresses.csv"

[[trunk]]
name = "loopback"
from = ["127.0.0.0/8"]

# The way out to the one mobile that is rung back.
[[trunk]]
name = "mobile"
to = ["sip:MOBILE_ADDRESS"]
probe_secs = 0
country_code = "380"
caller = "+380542001580"
takes = ["MOBILE_NUMBER"]

[verification]
automatic = true
hours = "00:00-24:00"
retry_after_secs = 10
retry_busy_secs = 10
between_cases_secs = 0
keep_free = 0

[[queue]]
name = "city"
wrap_up_secs = 20
no_answer_secs = 45
announce_secs = 60
relax_language_secs = 3600

[[queue]]
name = "emergency"
no_answer_secs = 45

[[queue]]
name = "duty"

[web_call]
enabled = true
"#;

/// The shipped dialplan with office hours around the clock: a newcomer may come by night.
fn open_all_day(files: &Path, folder: &Path) -> anyhow::Result<PathBuf> {
    let shipped = files.join("dialplans");
    let source = shipped.join("1580.toml");
    let text = std::fs::read_to_string(&source).with_context(|| source.display().to_string())?;
    let text: String = text
        .lines()
        .map(|line| match line.split('=').next().map(str::trim) {
            Some("open") if line.contains('[') => "open = [\"Mon-Sun 00:00-24:00\"]\n".to_owned(),
            Some("holidays") => "holidays = []\n".to_owned(),
            _ => format!("{line}\n"),
        })
        .collect();
    let plan = folder.join("1580.toml");
    std::fs::write(&plan, text)?;
    let prompts = std::fs::canonicalize(shipped.join("prompts"))?;
    std::os::unix::fs::symlink(prompts, folder.join("prompts"))?;
    Ok(plan)
}

/// The first port from `first` upwards that is free for UDP and TCP.
fn free_sip(first: u16) -> anyhow::Result<SocketAddr> {
    candidates(first)
        .find(|address| UdpSocket::bind(address).is_ok() && TcpListener::bind(address).is_ok())
        .context("no free port for SIP")
}

fn free_udp(ip: Ipv4Addr) -> anyhow::Result<SocketAddr> {
    let socket = UdpSocket::bind((ip, 0)).context("no free port for the mobile")?;
    Ok(socket.local_addr()?)
}

fn free_tcp(first: u16) -> anyhow::Result<SocketAddr> {
    candidates(first).find(|address| TcpListener::bind(address).is_ok()).context("no free port for HTTP")
}

fn candidates(first: u16) -> impl Iterator<Item = SocketAddr> {
    (first..first + TRIES).map(|port| SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), port))
}
