//! The service under measurement: a process of its own in a folder of its own, with an operator for each call.
//! Who calls it is `phones.rs`.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use ringback::ids::{Mint, UserId};
use ringback::language::Language;
use ringback::people::Role;
use ringback::sip::digest_auth::Ha1;
use ringback::store::{SipAccount, Store, User};
use ringback::time::now;

pub const SUPERVISOR: &str = "supervisor";
pub const PASSWORD: &str = "benchmark-phone";
const REALM: &str = "ringback";
/// Argon2id as cheap as it goes: signing in is not what is measured.
const CHEAP: (u32, u32, u32) = (8, 1, 1);
/// A service that is not there by then never comes.
const START_TIMEOUT: Duration = Duration::from_secs(120);
/// Calls end, recordings are sealed.
const STOP_TIMEOUT: Duration = Duration::from_secs(120);
/// Transactions linger for half a minute (RFC 3261, timers D and J).
const QUIET_TIMEOUT: Duration = Duration::from_secs(120);
/// Gauges that are 0 when nothing is on.
pub const QUIET: [&str; 4] =
    ["ringback_calls", "ringback_rtp_ports", "ringback_sip_transactions", "ringback_store_changes_waiting"];
const CONFIG: &str = "config.toml";
const LOG: &str = "log";

/// What callers' numbers begin with; seven digits of the telephone follow.
pub const CALLER_PREFIX: &str = "38050";

pub const DIGIT_TO_QUEUE: u8 = 1;
/// To a queue that nobody serves.
pub const DIGIT_TO_NOBODY: u8 = 2;
/// A caller presses a key and waits for an operator: signalling, media, recording, a prompt and music are measured.
const PLAN: &str = r#"
languages = ["en"]
time_zone = "UTC"
start = "menu"
operator = "queue"
emergency = "queue"

[node.menu]
kind = "menu"
prompt = "greeting"
timeout_secs = 20
no_input = { after = 1, to = "queue" }
no_match = { after = 1, to = "queue" }

[node.menu.keys]
1 = "queue"
2 = "nobody"
0 = "queue"

[node.queue]
kind = "queue"
queue = "city"
urgent = true
topic = "other"
full = "full"

[node.nobody]
kind = "queue"
queue = "nobody"
urgent = true
topic = "other"
full = "full"

[node.full]
kind = "hangup"
prompt = "goodbye"
"#;

/// What is measured.
#[derive(Clone, Copy, Debug)]
pub struct Order {
    /// Calls let in.
    pub capacity: usize,
    pub operators: usize,
    pub is_recorded: bool,
}

/// Ended with the value.
pub struct Service {
    child: Child,
    pub sip: SocketAddr,
    pub http: String,
    folder: tempfile::TempDir,
}

impl Drop for Service {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

impl Service {
    pub async fn start(order: Order) -> Self {
        let base = Path::new(env!("CARGO_TARGET_TMPDIR"));
        let folder = tempfile::tempdir_in(base).unwrap();
        let repository = Path::new(env!("CARGO_MANIFEST_DIR"));
        std::fs::write(folder.path().join("plan.toml"), PLAN).unwrap();
        let prompts = repository.join("dialplans/prompts");
        std::os::unix::fs::symlink(prompts, folder.path().join("prompts")).unwrap();
        let sip = SocketAddr::from((Ipv4Addr::LOCALHOST, free_port()));
        let http = SocketAddr::from((Ipv4Addr::LOCALHOST, free_port()));
        let config = config(sip, http, order, repository);
        std::fs::write(folder.path().join(CONFIG), config).unwrap();
        std::fs::create_dir(folder.path().join("data")).unwrap();
        hire(&store_url(folder.path()), order.operators).await;
        let child = spawn(folder.path());
        let mut service = Self { child, sip, http: format!("http://{http}"), folder };
        service.wait_until_ready().await;
        service
    }

    /// After a kill.
    pub fn wait_for_end(&mut self) {
        self.child.wait().unwrap();
    }

    /// The same service once more, after its process has ended.
    pub async fn start_again(&mut self) {
        self.child = spawn(self.folder.path());
        self.wait_until_ready().await;
    }

    /// Its rows, beside the running process or after it.
    pub async fn store(&self) -> Store {
        Store::open(&store_url(self.folder.path()), "01").await.unwrap()
    }

    /// `ringback verify`: how many cases there are, or what it complains of.
    pub fn verify(&self) -> Result<u64, String> {
        let output = command(self.folder.path()).arg("verify").output().unwrap();
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        // "9 entries, 2 cases, 3 recordings checked"
        let cases = said.split(", ").nth(1).and_then(|part| part.strip_suffix(" cases")?.parse().ok());
        cases.filter(|_| output.status.success()).ok_or(said)
    }

    /// A gauge of the metrics page, 0 where it is not shown.
    pub async fn gauge(&self, name: &str) -> u64 {
        let page = reqwest::get(format!("{}/metrics", self.http)).await.unwrap().text().await.unwrap();
        let value = page.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
        value.map_or(0, |value| value.parse().unwrap())
    }

    /// Waits until nothing is on any more: calls, ports, transactions, changes on their way to the store.
    pub async fn wait_until_quiet(&self) {
        let deadline = now().mono + QUIET_TIMEOUT;
        for gauge in QUIET {
            loop {
                let value = self.gauge(gauge).await;
                if value == 0 {
                    break;
                }
                assert!(now().mono < deadline, "{gauge} stays at {value}");
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        }
    }

    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    pub fn recordings(&self) -> PathBuf {
        self.folder.path().join("recordings")
    }

    /// In order: running calls and their recordings are completed.
    pub async fn stop(&mut self) {
        let status = Command::new("kill").args(["-TERM", &self.pid().to_string()]).status();
        assert!(status.unwrap().success());
        let deadline = now().mono + STOP_TIMEOUT;
        while self.child.try_wait().unwrap().is_none() {
            assert!(now().mono < deadline, "the service does not end\n{}", self.log());
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }

    fn log(&self) -> String {
        std::fs::read_to_string(self.folder.path().join(LOG)).unwrap_or_default()
    }

    async fn wait_until_ready(&mut self) {
        let address = format!("{}/readyz", self.http);
        let deadline = now().mono + START_TIMEOUT;
        while !reqwest::get(&address).await.is_ok_and(|answer| answer.status().is_success()) {
            let ended = self.child.try_wait().unwrap();
            let is_late = now().mono > deadline;
            assert!(ended.is_none() && !is_late, "the service did not come up: {ended:?}\n{}", self.log());
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }
}

fn store_url(folder: &Path) -> String {
    format!("sqlite://{}", folder.join("data/ringback.db").display())
}

fn command(folder: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_ringback"));
    command.arg("--config").arg(folder.join(CONFIG)).stdin(Stdio::null());
    command
}

/// What it logs is added to what a former process has logged.
fn spawn(folder: &Path) -> Child {
    let log = std::fs::File::options().create(true).append(true).open(folder.join(LOG)).unwrap();
    command(folder).arg("serve").stderr(log).spawn().unwrap()
}

fn config(sip: SocketAddr, http: SocketAddr, order: Order, repository: &Path) -> String {
    format!(
        "[sip]\nudp = \"{sip}\"\ncapacity = {capacity}\nrealm = \"{REALM}\"\n\
         [rtp]\nports = \"10000-29999\"\n[recording]\nenabled = {recorded}\n\
         [http]\nbind = \"{http}\"\n[number]\ndialplan = \"plan.toml\"\n[city]\nfile = \"{city}\"\n\
         [speech]\ncache = \"{cache}\"\n[[queue]]\nname = \"city\"\ncapacity = 1000\nwrap_up_secs = 0\n\
         [[queue]]\nname = \"nobody\"\ncapacity = 1000\n\
         [[trunk]]\nname = \"loopback\"\nfrom = [\"127.0.0.0/8\"]\n",
        capacity = order.capacity,
        recorded = order.is_recorded,
        city = repository.join("city.toml").display(),
        cache = repository.join("target/speech").display(),
    )
}

pub fn extension(operator: usize) -> String {
    format!("{}", 10_000 + operator)
}

pub fn operator_name(operator: usize) -> String {
    format!("operator{operator}")
}

async fn hire(url: &str, operators: usize) {
    use argon2::password_hash::PasswordHasher as _;
    let (memory, passes, lanes) = CHEAP;
    let params = argon2::Params::new(memory, passes, lanes, None).unwrap();
    let hasher = argon2::Argon2::new(argon2::Algorithm::Argon2id, argon2::Version::V0x13, params);
    let password_hash = hasher.hash_password(PASSWORD.as_bytes()).unwrap().to_string();
    let store = Store::open(url, "01").await.unwrap();
    let mut mint = Mint::new([7; 32]);
    let mut user = |name: String, role, sip| User {
        id: UserId(mint.uuid(now().utc)),
        name,
        role,
        password_hash: password_hash.clone(),
        organisation: None,
        languages: vec![Language::En],
        queues: vec!["city".to_owned()],
        skills: Default::default(),
        posts: Vec::new(),
        clearances: Vec::new(),
        sip,
        second_factor: false,
        disabled: false,
    };
    for operator in 0..operators {
        let extension = extension(operator);
        let ha1 = Ha1::new(&extension, REALM, PASSWORD);
        let sip = Some(SipAccount { extension, ha1 });
        store.create_user(&user(operator_name(operator), Role::Operator, sip)).await.unwrap();
    }
    store.create_user(&user(SUPERVISOR.to_owned(), Role::Supervisor, None)).await.unwrap();
    store.close().await;
}

fn free_port() -> u16 {
    std::net::UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap().port()
}
