//! The real program under test: `ringback serve` on loopback with free ports, its files in a temporary folder,
//! its people in a prepared database. Can be killed, started again, asked through its command line and API.
//!
//! Few run at a time: sound is real time, and the machine has two cores.

use std::fs::{self, File};
use std::io::Write as _;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener, UdpSocket};
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::atomic::{AtomicU16, Ordering};
use std::sync::{Condvar, Mutex, OnceLock};
use std::time::Duration;

use tempfile::TempDir;

use crate::api::Api;
use crate::wait;

/// The loopback address that is configured as a trunk; the rest of loopback is strangers and registered phones.
pub const TRUNK: IpAddr = IpAddr::V4(Ipv4Addr::new(127, 0, 0, 2));
pub const LOOPBACK: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);
/// Everybody's password, for signing in and for the phone.
pub const PASSWORD: &str = "correct-horse-1580";
/// Keys that lead through `city/dialplan.toml` into the queue: English, water.
pub const KEYS_TO_QUEUE: &str = "21";
/// Start with all prompts rendered; the first start of a build renders them.
const START_TIMEOUT: Duration = Duration::from_secs(60);
/// Servers that run at the same time: a call waits for its sound most of the time, and leaves the processors to others.
const MAX_SERVERS: usize = 4;
/// RTP ports of one server.
const RTP_PORTS: u16 = 400;

/// People of the prepared database: name, role, further arguments of `ringback user add`.
pub const PEOPLE: &[(&str, &str, &[&str])] = &[
    ("olena", "operator", &["--sip-extension", "201", "--languages", "uk,en", "--queues", "city"]),
    ("petro", "operator", &["--sip-extension", "202", "--languages", "uk,en", "--queues", "city"]),
    ("maria", "supervisor", &["--sip-extension", "301"]),
    ("kontrol", "control", &[]),
    ("audyt", "auditor", &[]),
    ("admin", "admin", &["--sip-extension", "401"]),
];

/// What a test wants different from the usual.
#[derive(Clone, Debug)]
pub struct Setup {
    pub capacity: u32,
    pub wrap_up_secs: u32,
    pub no_answer_secs: u32,
    /// Further lines of the queue.
    pub queue: &'static str,
    /// Further lines of `[sip]`.
    pub sip: String,
    /// Further tables of the configuration.
    pub more: String,
    /// No other server runs meanwhile: what is judged by ear needs the machine.
    pub alone: bool,
    /// Also listens on TLS and on IPv6, see [`Doors`].
    pub doors: bool,
    /// Encryption of media: `off`, `optional` or `required`.
    pub srtp: &'static str,
    /// Further lines of `[recording]`.
    pub recording: &'static str,
    /// Recordings get a disk of their own with so much room, which only the server sees.
    pub disk_kib: Option<u32>,
}

impl Default for Setup {
    fn default() -> Self {
        Self {
            capacity: 50,
            wrap_up_secs: 0,
            no_answer_secs: 20,
            queue: "",
            sip: String::new(),
            more: String::new(),
            alone: false,
            doors: false,
            srtp: "optional",
            recording: "",
            disk_kib: None,
        }
    }
}

#[derive(Debug)]
pub struct Server {
    folder: TempDir,
    pub sip: SocketAddr,
    pub http: SocketAddr,
    child: Option<Child>,
    disk_kib: Option<u32>,
    _slot: Slot,
}

impl Server {
    pub fn start() -> Self {
        Self::start_with(&Setup::default())
    }

    /// Without another server beside it, for what is judged by ear or by the clock.
    pub fn start_alone() -> Self {
        Self::start_with(&Setup { alone: true, ..Setup::default() })
    }

    pub fn start_with(setup: &Setup) -> Self {
        let mut server = Self::prepare(setup);
        server.run();
        server
    }

    /// Everything but the running process.
    pub fn prepare(setup: &Setup) -> Self {
        let slot = Slot::take(if setup.alone { MAX_SERVERS } else { 1 });
        let folder = tempfile::tempdir().expect("a temporary folder can be made");
        let (sip, http) = (free_sip_address(), free_http_address());
        lay_out(folder.path(), setup, sip, http);
        if setup.doors {
            Doors::open(folder.path(), sip);
        }
        fs::copy(people().join("data/ringback.db"), folder.path().join("data/ringback.db"))
            .expect("the prepared database can be copied");
        fs::create_dir(folder.path().join("recordings")).expect("a temporary folder can be written");
        Self { folder, sip, http, child: None, disk_kib: setup.disk_kib, _slot: slot }
    }

    /// Starts the process and waits until it is ready; failing that, shows its log.
    pub fn run(&mut self) {
        let log =
            File::options().create(true).append(true).open(self.log_path()).expect("the log can be written");
        let mut command = self.serving();
        command.stdout(log.try_clone().expect("a file can be opened twice")).stderr(log);
        self.spawn(command);
    }

    /// [`Self::run`] on sockets that are bound already, as systemd gives them: the third and fourth descriptor. They come in
    /// as standard input and output, for which no descriptor has to be left open to other children.
    pub fn run_on(&mut self, sip: &UdpSocket, http: &TcpListener) {
        let log =
            File::options().create(true).append(true).open(self.log_path()).expect("the log can be written");
        let serve = self.serving();
        let script = "exec 3<&0 4<&1 0</dev/null 1>&2; export LISTEN_FDS=2 LISTEN_PID=$$; exec \"$0\" \"$@\"";
        let mut command = Command::new("sh");
        command.args(["-c", script]).arg(serve.get_program()).args(serve.get_args()).env_remove("RUST_LOG");
        command
            .stdin(OwnedFd::from(sip.try_clone().expect("a socket can be had twice")))
            .stdout(OwnedFd::from(http.try_clone().expect("a socket can be had twice")))
            .stderr(log);
        self.spawn(command);
    }

    fn spawn(&mut self, mut command: Command) {
        self.child = Some(command.spawn().expect("the program starts"));
        let api = self.anonymous();
        wait::until_true("the server to be ready", START_TIMEOUT, || {
            let gone = self.child.as_mut().and_then(|child| child.try_wait().ok()).flatten();
            assert!(gone.is_none(), "the server ended at start: {gone:?}\n{}", self.log());
            api.status("/readyz") == Some(200)
        });
    }

    /// `ringback` with these arguments and this server's configuration.
    pub fn ringback(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_ringback"));
        command.args(arguments).arg("--config").arg(self.config_path());
        command.stdin(Stdio::null()).env_remove("RUST_LOG");
        command
    }

    /// `ringback serve`, with a disk of its own when the setup asked for it. The name space of mounts needs no cleaning
    /// up: it ends with the process.
    fn serving(&self) -> Command {
        let serve = self.ringback(&["serve"]);
        let Some(kib) = self.disk_kib else { return serve };
        let mount = "mount -t tmpfs -o size=\"$0\" tmpfs \"$1\" && shift && exec \"$@\"";
        let mut command = Command::new("unshare");
        command.args(["--map-root-user", "--mount", "sh", "-c", mount, &format!("{kib}k")]);
        command.arg(self.folder.path().join("recordings")).arg(serve.get_program()).args(serve.get_args());
        command.stdin(Stdio::null()).env_remove("RUST_LOG");
        command
    }

    /// Runs a command of the program to its end; where the server has a disk of its own, that is seen, too.
    pub fn output(&self, arguments: &[&str]) -> Output {
        let mut command = self.ringback(arguments);
        if self.disk_kib.is_some() {
            let mut inside = Command::new("nsenter");
            inside.args(["--user", "--mount", "--preserve-credentials", "--target", &self.pid().to_string()]);
            inside.arg(command.get_program()).args(command.get_args());
            command = inside;
        }
        command.output().expect("the program starts")
    }

    /// Where its recordings are, as the test sees them.
    pub fn recording_folder(&self) -> PathBuf {
        let folder = self.folder.path().join("recordings");
        match self.disk_kib {
            None => folder,
            Some(_) => {
                let root = PathBuf::from(format!("/proc/{}/root", self.pid()));
                root.join(folder.strip_prefix("/").expect("temporary folders are absolute"))
            }
        }
    }

    /// Adds somebody while the server runs.
    pub fn add_person(&self, name: &str, role: &str, more: &[&str]) {
        add_person(&self.config_path(), name, role, more);
    }

    /// SIGTERM, and waits for the end.
    pub fn stop(&mut self) {
        self.signal("TERM");
        self.ends();
    }

    /// Waits until the process is gone by itself, with exit code 0.
    pub fn ends(&mut self) {
        let child = self.child.as_mut().expect("the server runs");
        let gone = wait::until("the server to stop", START_TIMEOUT, || child.try_wait().ok().flatten());
        self.child = None;
        assert!(gone.success(), "{gone:?}\n{}", self.log());
    }

    /// SIGKILL: no goodbye, no flush.
    pub fn kill(&mut self) {
        if let Some(mut child) = self.child.take() {
            child.kill().expect("our own child can be killed");
            child.wait().expect("our own child can be awaited");
        }
    }

    /// Sends the signal by name, as in `HUP`.
    pub fn signal(&self, name: &str) {
        let sent = Command::new("kill").args(["-s", name, &self.pid().to_string()]).status();
        assert!(sent.is_ok_and(|status| status.success()), "kill -s {name}");
    }

    pub fn pid(&self) -> u32 {
        self.child.as_ref().expect("the server runs").id()
    }

    pub fn is_running(&mut self) -> bool {
        self.child.as_mut().is_some_and(|child| matches!(child.try_wait(), Ok(None)))
    }

    pub fn anonymous(&self) -> Api {
        Api::new(self.http)
    }

    /// The API, signed in as one of [`PEOPLE`].
    pub fn sign_in(&self, name: &str) -> Api {
        let api = Api::new(self.http);
        api.sign_in(name, PASSWORD);
        api
    }

    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    pub fn config_path(&self) -> PathBuf {
        self.folder.path().join("config.toml")
    }

    pub fn dialplan_path(&self) -> PathBuf {
        self.folder.path().join("dialplans/1580.toml")
    }

    /// Where TLS and IPv6 are listened for, when the setup asked for it.
    pub fn doors(&self) -> Doors {
        Doors::of(self.sip)
    }

    /// The certificate of TLS.
    pub fn certificate(&self) -> PathBuf {
        self.folder.path().join("sip.pem")
    }

    /// Makes a new certificate; a reload brings it into force.
    pub fn renew_certificate(&self) {
        make_certificate(self.folder.path());
    }

    pub fn database_url(&self) -> String {
        format!("sqlite://{}", self.folder.path().join("data/ringback.db").display())
    }

    fn log_path(&self) -> PathBuf {
        self.folder.path().join("server.log")
    }

    pub fn log(&self) -> String {
        fs::read_to_string(self.log_path()).unwrap_or_default()
    }

    /// Every WAV file under the recording folder.
    pub fn recordings(&self) -> Vec<PathBuf> {
        let is_wav = |path: &PathBuf| path.extension().is_some_and(|extension| extension == "wav");
        self.recording_files().into_iter().filter(is_wav).collect()
    }

    /// Every file under the recording folder.
    pub fn recording_files(&self) -> Vec<PathBuf> {
        let mut found = Vec::new();
        let mut folders = vec![self.recording_folder()];
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
                match entry.path() {
                    path if path.is_dir() => folders.push(path),
                    path => found.push(path),
                }
            }
        }
        found
    }

    /// Waits until so much more sound is recorded, at this rate, in all calls together.
    pub fn records_for(&self, length: Duration, hertz: u32) {
        let octets =
            || -> u64 { self.recordings().iter().filter_map(|file| Some(file.metadata().ok()?.len())).sum() };
        // Two channels of 16 bits.
        let enough = octets() + length.as_millis() as u64 * u64::from(hertz) * 4 / 1000;
        wait::until_true("the talk to be recorded", length * 4, || octets() >= enough);
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.kill();
        if std::thread::panicking() {
            let log = self.log();
            let lines: Vec<&str> = log.lines().collect();
            let tail = &lines[lines.len().saturating_sub(60)..];
            eprintln!("--- the server's last words ---\n{}\n---", tail.join("\n"));
        }
    }
}

/// Doors besides UDP and TCP on IPv4, beside the usual port.
#[derive(Clone, Copy, Debug)]
pub struct Doors {
    pub tls: SocketAddr,
    /// UDP and TCP.
    pub six: SocketAddr,
}

impl Doors {
    fn of(sip: SocketAddr) -> Self {
        Self {
            // A neighbour of 127.0.0.1, whose ports nobody takes.
            tls: SocketAddr::from((Ipv4Addr::new(127, 0, 0, 9), sip.port())),
            six: SocketAddr::from((Ipv6Addr::LOCALHOST, sip.port())),
        }
    }

    /// Into the configuration in `folder`; calls from `[::1]` come from the provider, too.
    fn open(folder: &Path, sip: SocketAddr) {
        make_certificate(folder);
        let Self { tls, six } = Self::of(sip);
        let path = folder.join("config.toml");
        let mut text = fs::read_to_string(&path).expect("just written");
        for (from, to) in [
            (format!("udp = \"{sip}\""), format!("udp = [\"{sip}\", \"{six}\"]")),
            (format!("tcp = \"{sip}\""), format!("tcp = [\"{sip}\", \"{six}\"]")),
            (
                "[rtp]".to_owned(),
                format!(
                    "tls = \"{tls}\"\ncertificate = \"sip.pem\"\nprivate_key = \"sip.key\"\n\
                     [rtp]\nbind = [\"{LOOPBACK}\", \"::1\"]"
                ),
            ),
            (format!("from = [\"{TRUNK}\"]"), format!("from = [\"{TRUNK}\", \"::1\"]")),
        ] {
            assert!(text.contains(&from), "{from} in {text}");
            text = text.replacen(&from, &to, 1);
        }
        fs::write(path, text).expect("a temporary folder can be written");
    }
}

fn make_certificate(folder: &Path) {
    let made = rcgen::generate_simple_self_signed(["127.0.0.9".to_owned()]).expect("an address is a subject");
    fs::write(folder.join("sip.pem"), made.cert.pem()).expect("a temporary folder can be written");
    fs::write(folder.join("sip.key"), made.signing_key.serialize_pem())
        .expect("a temporary folder can be written");
}

/// The database with everybody in it, made once: hashing passwords takes its time, by intent.
fn people() -> &'static Path {
    static PREPARED: OnceLock<TempDir> = OnceLock::new();
    let folder = PREPARED.get_or_init(|| {
        let folder = tempfile::tempdir().expect("a temporary folder can be made");
        lay_out(folder.path(), &Setup::default(), free_sip_address(), free_http_address());
        for (name, role, more) in PEOPLE {
            add_person(&folder.path().join("config.toml"), name, role, more);
        }
        folder
    });
    folder.path()
}

fn add_person(config: &Path, name: &str, role: &str, more: &[&str]) {
    let mut adding = Command::new(env!("CARGO_BIN_EXE_ringback"))
        .args(["user", "add", name, "--role", role, "--password-stdin"])
        .args(more)
        .arg("--config")
        .arg(config)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the program starts");
    let mut stdin = adding.stdin.take().expect("standard input is a pipe");
    writeln!(stdin, "{PASSWORD}").expect("the program reads the password");
    drop(stdin);
    let output = adding.wait_with_output().expect("the program ends");
    assert!(output.status.success(), "user add {name}: {}", String::from_utf8_lossy(&output.stderr));
}

/// Writes configuration, dialplan, prompt texts and city plan into `folder`.
fn lay_out(folder: &Path, setup: &Setup, sip: SocketAddr, http: SocketAddr) {
    let write = |path: &str, text: &str| {
        let path = folder.join(path);
        fs::create_dir_all(path.parent().expect("inside the folder"))
            .expect("a temporary folder can be written");
        fs::write(path, text).expect("a temporary folder can be written");
    };
    fs::create_dir_all(folder.join("data")).expect("a temporary folder can be written");
    write("config.toml", &config(setup, sip, http));
    // The shipped city: its categories and executors are looked up by the tests, not known to them.
    write("city.toml", &shipped("city.toml"));
    write("addresses.csv", &shipped("addresses.csv"));
    write("dialplans/1580.toml", include_str!("city/dialplan.toml"));
    for (language, welcome, topics) in [
        ("uk", "Вітаємо у місті", "Оберіть тему звернення"),
        ("en", "Welcome to the city", "Choose your topic"),
    ] {
        let texts = shipped(&format!("dialplans/prompts/{language}.toml"));
        let own = format!("test.welcome = \"{welcome}\"\ntest.topics = \"{topics}\"\ntest.short = \"1\"\n");
        write(&format!("dialplans/prompts/{language}.toml"), &(own + &texts));
    }
}

fn config(setup: &Setup, sip: SocketAddr, http: SocketAddr) -> String {
    // Rendered speech is the same for every server: one cache for all, kept between runs.
    let cache = Path::new(env!("CARGO_TARGET_TMPDIR")).join("speech");
    let rtp = rtp_ports();
    format!(
        "[sip]\nudp = \"{sip}\"\ntcp = \"{sip}\"\ncapacity = {capacity}\n{sip_lines}\
         [rtp]\nports = \"{first}-{last}\"\nsrtp = \"{srtp}\"\n\
         [http]\nbind = \"{http}\"\n\
         [store]\nurl = \"sqlite://data/ringback.db\"\n\
         [recording]\ndir = \"recordings\"\n{recording}\
         [number]\nshort = \"1580\"\ndialplan = \"dialplans/1580.toml\"\n\
         [city]\nfile = \"city.toml\"\naddresses = \"addresses.csv\"\n\
         [speech]\ncache = \"{cache}\"\n\
         [[queue]]\nname = \"city\"\nno_answer_secs = {no_answer}\nwrap_up_secs = {wrap_up}\n{queue}\
         [[trunk]]\nname = \"provider\"\nfrom = [\"{TRUNK}\"]\n{more}",
        sip_lines = setup.sip,
        more = setup.more,
        capacity = setup.capacity,
        srtp = setup.srtp,
        recording = setup.recording,
        first = rtp,
        last = rtp + RTP_PORTS - 1,
        cache = cache.display(),
        no_answer = setup.no_answer_secs,
        wrap_up = setup.wrap_up_secs,
        queue = setup.queue,
    )
}

/// A file of the repository that a city starts from.
fn shipped(path: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(path);
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// A range for each server, below the ports that the kernel gives away.
fn rtp_ports() -> u16 {
    static NEXT: AtomicU16 = AtomicU16::new(0);
    const FIRST: u16 = 12_000;
    const RANGES: u16 = (32_000 - FIRST) / RTP_PORTS;
    FIRST + NEXT.fetch_add(1, Ordering::Relaxed) % RANGES * RTP_PORTS
}

/// A port free for UDP and TCP.
fn free_sip_address() -> SocketAddr {
    loop {
        let address = free_http_address();
        if UdpSocket::bind(address).is_ok() {
            return address;
        }
    }
}

pub fn free_http_address() -> SocketAddr {
    let socket = TcpListener::bind((LOOPBACK, 0)).expect("loopback has free ports");
    socket.local_addr().expect("a bound socket has an address")
}

/// The right to run so many of [`MAX_SERVERS`].
#[derive(Debug)]
pub struct Slot(usize);

static RUNNING: Mutex<usize> = Mutex::new(0);
static FREED: Condvar = Condvar::new();

impl Slot {
    /// No server runs meanwhile: for peers that are listened to without one.
    pub fn all() -> Self {
        Self::take(MAX_SERVERS)
    }

    fn take(count: usize) -> Self {
        let running = RUNNING.lock().expect("nobody panics while counting");
        let mut running = FREED
            .wait_while(running, |running| *running + count > MAX_SERVERS)
            .expect("nobody panics while counting");
        *running += count;
        Self(count)
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        *RUNNING.lock().expect("nobody panics while counting") -= self.0;
        FREED.notify_all();
    }
}
