//! A running service for one test, on a port of its own and with a store of its own. The switchboard is a stand-in
//! that answers as the test wants.

#![allow(clippy::unwrap_used, clippy::panic)]

use std::net::SocketAddr;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use reqwest::{Client, Method, RequestBuilder, Response};
use serde_json::Value;
use tokio::sync::{mpsc, oneshot, watch};
use tokio::task::JoinHandle;
use uuid::Uuid;

use crate::address::{Known, Register};
use crate::call::contact::Contact;
use crate::case::city::CityPlan;
use crate::content_key::{KeyRing, MasterKey};
use crate::diagnostic::Diagnostic;
use crate::dialplan::{Dialplan, PromptTexts};
use crate::digest::Sha256;
use crate::ids::{ContactId, RecordingId, UserId};
use crate::journal::{Entry, SignerKey};
use crate::language::Language;
use crate::net::{Arrival, SipListeners, SipNet};
use crate::people::Role;
use crate::phone_number::PhoneNumber;
use crate::recording::{Recording, RecordingResult, RecordingState};
use crate::sip::digest_auth::Algorithm;
use crate::speech::PromptLibrary;
use crate::store::{Batch, Store, User};
use crate::switchboard::{Command, CommandError, Snapshot};
use crate::time::{self, Timestamp};
use crate::web::{
    ApiKey, CommandRequest, DisclosureTerms, InForce, LadderRequest, Open311Terms, Origins, PlanFile,
    PublicTerms, QueueInForce, ReloadRequest, SignInTerms, SipEntrance, TrunkInForce, Wanted, WebState,
};

/// Of the program that files by Open311.
pub(super) const API_KEY: &str = "a key of twenty letters and more";

pub(super) const PASSWORD: &str = "correct horse battery";

type Answer = Arc<dyn Fn(&Command) -> Result<(), CommandError> + Send + Sync>;

pub(super) struct Service {
    pub(super) address: SocketAddr,
    pub(super) client: Client,
    pub(super) store: Store,
    pub(super) snapshot: watch::Sender<Arc<Snapshot>>,
    pub(super) commands: mpsc::Receiver<Command>,
    /// What came over `/sip`.
    pub(super) arrivals: mpsc::Receiver<Arrival>,
    pub(super) net: SipNet,
    pub(super) folder: tempfile::TempDir,
    /// What the router prints of itself: the only way to learn all its routes.
    pub(super) routes: String,
    in_force: watch::Sender<Arc<InForce>>,
    pub(super) notices: watch::Sender<Arc<crate::notify::Settings>>,
    stop: Option<oneshot::Sender<()>>,
    pub(super) served: JoinHandle<()>,
}

impl Service {
    pub(super) async fn start() -> Self {
        Self::with_switchboard(Arc::new(|_| Ok(()))).await
    }

    /// `answer` is what the switchboard says to each command.
    pub(super) async fn with_switchboard(answer: Answer) -> Self {
        Self::launch(answer, Some("ringback".to_owned())).await
    }

    /// Phones must prove themselves by an algorithm that pages do not know.
    pub(super) async fn without_page_phones() -> Self {
        Self::launch(Arc::new(|_| Ok(())), None).await
    }

    async fn launch(answer: Answer, page_realm: Option<String>) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let url = format!("sqlite://{}", folder.path().join("test.db").display());
        let keys = KeyRing::new(MasterKey::new([1; 32]), Vec::new());
        let store = Store::open(&url, "01").await.unwrap().with_keys(Some(keys));
        for role in Role::ALL {
            let organisation = (role == Role::Executor).then(|| "vodokanal".to_owned());
            add_user(&store, role, organisation).await;
        }
        let (snapshot, snapshots) = watch::channel(Arc::new(Snapshot { seq: 1, ..Snapshot::default() }));
        let (asking, asked) = mpsc::channel(16);
        let (seen, commands) = mpsc::channel(16);
        tokio::spawn(stand_in(asked, seen, answer));
        let (ladders, ladders_asked) = mpsc::channel(16);
        tokio::spawn(hold_no_ladders(ladders_asked));
        let (reload, reloads) = mpsc::channel(1);
        tokio::spawn(refuse_every_second(reloads));
        let (arrivals_in, arrivals) = mpsc::channel(16);
        let net = SipNet::start(SipListeners::default(), arrivals_in).await.unwrap();
        let (in_force_out, in_force) = watch::channel(Arc::new(in_force(folder.path())));
        let (notices_out, notices) = watch::channel(Arc::default());
        let state = WebState {
            store: store.clone(),
            commands: asking,
            ladders,
            snapshot: snapshots,
            city: watch::channel(Arc::new(plan())).1,
            addresses: watch::channel(Arc::new(register())).1,
            recording_dir: folder.path().to_owned(),
            short_number: "1580".to_owned(),
            metrics: Arc::new(|| "ringback_calls_offered_total 3\n".to_owned()),
            reload,
            in_force,
            page_realm,
            sip: net.guest_entrance(),
            masked: Arc::new(|| None),
            asking: Arc::new(|| None),
            notices: crate::notify::Board::new(notices),
            tiles: crate::files::TileFolder::new(folder.path().join("log")),
            disclosures: disclosure_terms(folder.path()),
        };
        let router = crate::web::router(state);
        let routes = format!("{router:?}");
        let (address, stop, served) = serve(router).await;
        let client =
            Client::builder().redirect(reqwest::redirect::Policy::none()).no_proxy().build().unwrap();
        let stop = Some(stop);
        Self {
            address,
            client,
            store,
            snapshot,
            commands,
            arrivals,
            net,
            folder,
            routes,
            in_force: in_force_out,
            notices: notices_out,
            stop,
            served,
        }
    }

    /// Other terms for the world outside, as a reload brings them.
    pub(super) fn allow(&self, change: impl FnOnce(&mut PublicTerms)) {
        self.in_force.send_modify(|in_force| change(&mut Arc::make_mut(in_force).public));
    }

    pub(super) fn change_sign_in(&self, change: impl FnOnce(&mut SignInTerms)) {
        self.in_force.send_modify(|in_force| change(&mut Arc::make_mut(in_force).sign_in));
    }

    pub(super) fn change_audit(&self, change: impl FnOnce(&mut crate::web::AuditTerms)) {
        self.in_force.send_modify(|in_force| change(&mut Arc::make_mut(in_force).audit));
    }

    pub(super) fn stop(&mut self) {
        self.stop.take().unwrap().send(()).unwrap();
    }

    pub(super) fn request(&self, method: Method, path: &str) -> RequestBuilder {
        let url = format!("http://{}{path}", self.address);
        self.client.request(method, url).timeout(Duration::from_secs(30))
    }

    /// A request of the user with this role.
    pub(super) fn by(&self, role: Role, method: Method, path: &str) -> RequestBuilder {
        self.request(method, path).bearer_auth(token(role))
    }

    pub(super) async fn get(&self, role: Role, path: &str) -> Response {
        self.by(role, Method::GET, path).send().await.unwrap()
    }

    pub(super) async fn post(&self, role: Role, path: &str, body: Value) -> Response {
        self.by(role, Method::POST, path).json(&body).send().await.unwrap()
    }

    /// Entries of this type, oldest first.
    pub(super) async fn journalled(&self, event: &str) -> Vec<Entry> {
        let entries = self.store.entries_after(0, 1000).await.unwrap();
        entries.into_iter().filter(|entry| entry.event == event).collect()
    }

    /// A call that `operator` took, with a sealed recording of these bytes.
    pub(super) async fn recorded_call(&self, wav: &[u8], operator: Option<UserId>) -> ContactId {
        let id = ContactId(new_uuid());
        let at = time::now().utc;
        let recording = Recording {
            id: RecordingId(new_uuid()),
            contact: id,
            path: format!("{id}.wav"),
            state: RecordingState::Sealed,
            started_at: at,
            sample_rate: 8000,
            frames: 8000,
            gaps: Vec::new(),
            result: Some(RecordingResult::Ok),
            sha256: Some(Sha256::of(wav)),
            proof: None,
        };
        std::fs::write(self.folder.path().join(&recording.path), wav).unwrap();
        let contact = Contact { recording: Some(recording.id), operator, ..contact(id, at) };
        let batch = Batch { contacts: vec![contact], recordings: vec![recording], ..Batch::default() };
        self.store.commit(batch).await.unwrap();
        id
    }
}

pub(super) fn contact(id: ContactId, at: Timestamp) -> Contact {
    let (caller, called) =
        (PhoneNumber::from_user_part("+380671234567"), PhoneNumber::from_user_part("1580"));
    Contact {
        language: Some(crate::language::Language::Uk),
        topic: Some("water".to_owned()),
        ivr_path: vec!["language".to_owned()],
        queue: Some("water".to_owned()),
        answered_at: Some(at),
        ended_at: Some(at),
        termination: Some(crate::termination::Termination::CallerHungUp),
        ..Contact::offered(id, at, caller, called, "trunk".to_owned(), "abc".to_owned())
    }
}

/// The shipped files, copied into `folder`, and a configuration with a secret.
/// Where it listens, what stops it, and what waits for its end.
async fn serve(router: axum::Router) -> (SocketAddr, oneshot::Sender<()>, JoinHandle<()>) {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (stop, stopped) = oneshot::channel::<()>();
    let served = tokio::spawn(async move {
        let stopped = async {
            let _ = stopped.await;
        };
        crate::web::serve(listener, router, stopped).await.unwrap();
    });
    (address, stop, served)
}

fn disclosure_terms(folder: &std::path::Path) -> DisclosureTerms {
    DisclosureTerms {
        key: Some(Arc::new(SignerKey::new("city.example/1580", [7; 32]).unwrap())),
        dir: folder.join("disclosures"),
        keep: Duration::from_secs(3600),
        patience: Duration::ZERO,
    }
}

fn in_force(folder: &std::path::Path) -> InForce {
    let file = |name: &str, path: &str, text: &str| {
        let path = folder.join(path);
        std::fs::write(&path, text).unwrap();
        PlanFile { name: name.to_owned(), path, text: text.into() }
    };
    let dialplan = include_str!("../../../dialplans/1580.toml");
    let plan = Arc::new(Dialplan::parse("1580.toml", dialplan).unwrap());
    let mut texts = PromptTexts::default();
    texts.add(Language::Uk, "uk.toml", include_str!("../../../dialplans/prompts/uk.toml")).unwrap();
    let prompts = folder.join("prompts");
    InForce {
        at: time::now().utc,
        prompts: Arc::new(PromptLibrary::sounding(&plan, texts, &prompts)),
        plan,
        asking: None,
        prompt_folder: prompts,
        files: vec![
            file("config", "config.toml", CONFIG),
            file("dialplan", "1580.toml", dialplan),
            file("city", "city.toml", include_str!("../../../city.toml")),
        ],
        queues: ["city", "emergency", "duty"]
            .map(|name| QueueInForce {
                name: name.to_owned(),
                keys: vec![("extension", serde_json::json!("810")), ("capacity", serde_json::json!(50))],
            })
            .to_vec(),
        trunks: vec![TrunkInForce {
            name: "trunk".to_owned(),
            from: vec!["192.0.2.0/24".to_owned()],
            to: Vec::new(),
            register: false,
            user: None,
            probe_secs: 30,
            max_calls: Some(60),
            max_calls_per_second: None,
            caller: None,
            takes: Vec::new(),
        }],
        entrance: SipEntrance {
            realm: "ringback".to_owned(),
            digest: vec![Algorithm::Md5],
            advertised: None,
            udp: vec!["0.0.0.0:5060".parse().unwrap()],
            tcp: Vec::new(),
            tls: Vec::new(),
        },
        public: public_terms(),
        sign_in: Default::default(),
        audit: Default::default(),
        origins: Origins { own: Some("https://city.example".into()), others: Arc::new([]) },
        answer_within: Duration::from_secs(30),
        deferred: vec!["http.bind"],
    }
}

fn public_terms() -> PublicTerms {
    let keys = vec![ApiKey { name: "portal".to_owned(), sha256: Sha256::of(API_KEY.as_bytes()) }];
    let (contact, key_service) = ("Ask 1580.".to_owned(), "Keys are given at 1580.".to_owned());
    let open311 = Open311Terms { keys, contact, key_service, ..Open311Terms::default() };
    PublicTerms { open311, ..PublicTerms::default() }
}

/// A PNG of one colour.
pub(super) fn picture(width: u32, height: u32) -> Vec<u8> {
    let mut bytes = std::io::Cursor::new(Vec::new());
    let picture = image::RgbImage::from_pixel(width, height, image::Rgb([200, 30, 30]));
    picture.write_to(&mut bytes, image::ImageFormat::Png).unwrap();
    bytes.into_inner()
}

pub(super) const CONFIG: &str =
    "[[trunk]]\nname = \"trunk\"\npassword = \"hunter2\"\n\n[[queue]]\nname = \"city\"\n";

pub(super) fn plan() -> CityPlan {
    CityPlan::parse("city.toml", include_str!("../../../city.toml")).unwrap()
}

/// The register of the demo city, as far as its districts and organisations are the plan's.
fn register() -> Register {
    let plan = plan();
    let known = Known {
        territories: plan.territories().iter().map(|territory| territory.id.as_str()).collect(),
        holders: plan.organisations().iter().map(|organisation| organisation.id.as_str()).collect(),
    };
    Register::import("addresses.csv", include_bytes!("../../../addresses.csv"), &known).unwrap()
}

async fn add_user(store: &Store, role: Role, organisation: Option<String>) {
    add(store, user_id(role), role.name(), role, organisation, &token(role)).await;
}

/// One more user of this role, of another organisation; the token.
pub(super) async fn add_user_of(store: &Store, role: Role, organisation: &str) -> String {
    let token = format!("token-of-{organisation}");
    add(store, UserId(new_uuid()), organisation, role, Some(organisation.to_owned()), &token).await;
    token
}

async fn add(store: &Store, id: UserId, name: &str, role: Role, organisation: Option<String>, token: &str) {
    static HASH: OnceLock<String> = OnceLock::new();
    let user = User {
        id,
        name: name.to_owned(),
        role,
        password_hash: HASH.get_or_init(|| crate::web::hash_password(PASSWORD).unwrap()).clone(),
        organisation,
        languages: vec![crate::language::Language::Uk],
        queues: Vec::new(),
        skills: Default::default(),
        posts: Vec::new(),
        clearances: Vec::new(),
        second_factor: false,
        sip: None,
        disabled: false,
    };
    store.create_user(&user).await.unwrap();
    let expires_at = time::now().utc.plus(Duration::from_secs(3600));
    store.create_session(token, id, expires_at, false).await.unwrap();
}

pub(super) fn user_id(role: Role) -> UserId {
    UserId(Uuid::from_u128(0x0193_a000_0000_7000_8000_0000_0000_0000 + role as u128))
}

pub(super) fn token(role: Role) -> String {
    format!("token-of-{}", role.name())
}

pub(super) fn new_uuid() -> Uuid {
    use rand::RngExt;
    crate::ids::Mint::new(rand::rng().random()).uuid(time::now().utc)
}

async fn stand_in(mut asked: mpsc::Receiver<CommandRequest>, seen: mpsc::Sender<Command>, answer: Answer) {
    while let Some((command, back)) = asked.recv().await {
        let _ = back.send(answer(&command));
        let _ = seen.send(command).await;
    }
}

/// The first reload is good, the second is refused, and so on.
async fn refuse_every_second(mut reloads: mpsc::Receiver<ReloadRequest>) {
    let mut good = true;
    while let Some(ReloadRequest { wanted, answer: back, .. }) = reloads.recv().await {
        if wanted == Wanted::Check {
            let _ = back.send(Ok(Vec::new()));
            continue;
        }
        let complaint = Diagnostic {
            file: "city.toml".to_owned(),
            line: 3,
            column: 7,
            message: "unknown key".to_owned(),
        };
        let _ = back.send(if good { Ok(vec!["http.bind"]) } else { Err(vec![complaint]) });
        good = !good;
    }
}

/// A switchboard without calls.
async fn hold_no_ladders(mut asked: mpsc::Receiver<LadderRequest>) {
    while let Some((_, answer)) = asked.recv().await {
        let _ = answer.send(None);
    }
}
