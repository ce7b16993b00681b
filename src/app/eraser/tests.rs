//! What is erased is nowhere any more, and all the rest is where it was: a thousand cases with sound, pictures and words
//! beside others that stay. And what a hold, a crash, and a call on two cases do to it.
#![allow(clippy::unwrap_used, clippy::panic)]

use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::path::Path;

use futures_util::stream::{self, StreamExt as _};
use serde_json::json;
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{ConnectOptions as _, SqliteConnection};
use uuid::Uuid;

use super::*;
use crate::call::contact::Contact;
use crate::case::retention::{Content, Contents};
use crate::case::{
    Applicant, Case, CaseDraft, CaseEvent, CaseNumber, CaseState, ClosingCode, IdentityLevel, Place,
    Priority, Site,
};
use crate::content_key::ContentKey;
use crate::digest::Sha256;
use crate::files::examine;
use crate::files::recording_listing::recording_paths;
use crate::ids::{AttachmentId, ContactId, FindingId, HoldId, NoteId, RecordingId, UserId};
use crate::journal::{Draft, EventType};
use crate::language::Language;
use crate::people::{Actor, Role};
use crate::phone_number::PhoneNumber;
use crate::recording::{Examined, Recording, RecordingResult, RecordingState, Sound};
use crate::store::{
    Attachment, Batch, CodeDigest, ContactFilter, Filing, Ground, Hold, Note, NotedFinding, Page,
    RecordingFiles, Refusal, User,
};

const DAY: i64 = 24 * 60 * 60;
/// What stands in everything of a case that goes, and of one that stays; also in digits.
const GONE: (&str, &str) = ("gonezz", "38067777");
const KEPT: (&str, &str) = ("staybb", "38050888");
/// Cases that go, and that stay.
const GOING: u32 = 1_000;
const STAYING: u32 = 40;

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_micros(1_795_240_800_000_000 + seconds * 1_000_000)
}

fn contact_id(n: u32) -> ContactId {
    ContactId(Uuid::from_u128(u128::from(n)))
}

fn person(role: Role, n: u128) -> Actor {
    Actor::person(role, UserId(Uuid::from_u128(n)), None)
}

struct City {
    dir: tempfile::TempDir,
    store: Store,
    plan: CityPlan,
}

struct Folder(PathBuf);

impl RecordingFiles for Folder {
    fn examine(
        &self,
        recording: &Recording,
        key: Option<&ContentKey>,
        sound: &Sound,
    ) -> io::Result<Examined> {
        examine(&self.0.join(&recording.path), recording.id, key, sound)
    }

    fn paths(&self) -> Box<dyn Iterator<Item = io::Result<String>> + Send + '_> {
        Box::new(recording_paths(&self.0))
    }
}

fn plan() -> CityPlan {
    let rule = "[[retention]]\nid = \"roads\"\nversion = 4\ncategory = \"roads\"\nrecordings = \"30d\"\nphotos = \"30d\"\n\
                words = \"30d\"\n[[retention]]\nid = \"all\"\ncategory = \"*\"\ncalls_without_case = \"30d\"\n";
    CityPlan::parse("city.toml", &format!("{}\n{rule}", include_str!("../../../city.toml"))).unwrap()
}

impl City {
    async fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        fs::create_dir(dir.path().join("recordings")).unwrap();
        let store = Self::open(dir.path()).await;
        Self { dir, store, plan: plan() }
    }

    async fn open(dir: &Path) -> Store {
        Store::open(&format!("sqlite://{}", dir.join("city.db").display()), "01").await.unwrap()
    }

    fn folders(&self) -> Folders {
        Folders { recordings: self.recordings(), packages: self.recordings().join("packages") }
    }

    fn recordings(&self) -> PathBuf {
        self.dir.path().join("recordings")
    }

    /// As the store's own: what moves to another page by a write that does not overwrite stays behind in the old one.
    async fn connection(&self) -> SqliteConnection {
        let file = SqliteConnectOptions::new().filename(self.dir.path().join("city.db"));
        file.pragma("secure_delete", "on").connect().await.unwrap()
    }

    async fn sql(&self, sql: &str) {
        let statement = sqlx::AssertSqlSafe(sql.to_owned());
        sqlx::raw_sql(statement).execute(&mut self.connection().await).await.unwrap();
    }

    /// A call with its sound; what was said is in the bytes.
    async fn call(&self, n: u32, (word, digits): (&str, &str)) -> ContactId {
        let path = format!("{n}.wav");
        fs::write(self.recordings().join(&path), format!("{word}sound{n} ").repeat(200)).unwrap();
        let old = fs::File::options().append(true).open(self.recordings().join(&path)).unwrap();
        old.set_modified(std::time::SystemTime::UNIX_EPOCH).unwrap();
        let sound = Sound { sample_rate: 8_000, frames: 500, length: None };
        let file = self.recordings().join(&path);
        let sha256 = examine(&file, RecordingId(Uuid::nil()), None, &sound).unwrap().sha256;
        let number = PhoneNumber::from_user_part(&format!("{digits}{n:04}"));
        let mut contact = Contact::offered(
            contact_id(n),
            at(i64::from(n)),
            number,
            PhoneNumber::from_user_part("1580"),
            "city".to_owned(),
            format!("call-{n}"),
        );
        contact.recording = Some(RecordingId(contact.id.0));
        contact.callback = Some(contact.caller.clone());
        contact.ended_at = Some(at(i64::from(n) + 60));
        let recording = Recording {
            id: RecordingId(contact.id.0),
            contact: contact.id,
            path: path.clone(),
            state: RecordingState::Sealed,
            started_at: at(i64::from(n)),
            sample_rate: 8_000,
            frames: 500,
            gaps: Vec::new(),
            result: Some(RecordingResult::Ok),
            sha256: Some(sha256),
            proof: None,
        };
        let by = |event, seconds, data| {
            let mut draft = Draft::new(event, at(i64::from(n) + seconds), Actor::system("test"));
            (draft.contact, draft.data) = (Some(contact.id), data);
            draft
        };
        let offered = json!({ "caller": contact.caller, "called": contact.called, "origin": contact.origin,
            "sip_call_id": contact.sip_call_id });
        let sealed = json!({ "frames": 500, "result": "ok", "sha256": sha256 });
        let entries = vec![
            by(EventType::ContactOffered, 0, offered),
            by(EventType::RecStarted, 0, json!({ "path": path })),
            by(EventType::RecSealed, 60, sealed),
            by(EventType::ContactEnded, 60, json!({})),
        ];
        let id = contact.id;
        let batch =
            Batch { contacts: vec![contact], recordings: vec![recording], entries, ..Batch::default() };
        self.store.commit(batch).await.unwrap();
        id
    }

    /// A case about it in which everything is said that can be; still open.
    async fn case(&self, n: u32, category: &str, marks: (&str, &str)) -> Case {
        let (word, digits) = marks;
        let contact = self.call(n, marks).await;
        let site = Site {
            key: "shevchenka".to_owned(),
            street: "вул. Шевченка".to_owned(),
            house: Some("12".to_owned()),
            flat: Some(format!("{word}flat{n}")),
            in_register: true,
            ..Site::default()
        };
        let draft = CaseDraft {
            contact: Some(contact),
            category: category.to_owned(),
            language: Language::Uk,
            priority: Priority::Normal,
            applicant: Applicant {
                identity: IdentityLevel::Stated,
                number: Some(PhoneNumber::from_user_part(&format!("{digits}{n:04}"))),
                name: Some(format!("{word}name{n}")),
            },
            place: Some(Place {
                address: format!("вул. Шевченка, 12, {word}address{n}"),
                territory: Some("center".to_owned()),
                site: Some(site),
            }),
            description: format!("{word}said{n} про яму"),
            ivr_path: Vec::new(),
        };
        let filing = Filing {
            draft,
            at: at(100),
            actor: Actor::system("test"),
            source: "page".to_owned(),
            mail: Some(format!("{word}mail{n}@example.org")),
            media_url: Some(format!("https://example.org/{word}url{n}")),
            answers: vec![("pole".to_owned(), format!("{word}answer{n}"))],
            consent: true,
            code: Some(CodeDigest { salt: "00".to_owned(), sha256: Sha256::of(word.as_bytes()) }),
        };
        let case = self.store.file_case(filing).await.unwrap();
        self.attach(&case.number, &format!("{word}photo{n}"), n).await;
        let note = Note {
            id: NoteId(Uuid::from_u128(n.into())),
            source: "page".to_owned(),
            text: format!("{word}note{n}"),
            at: at(110),
        };
        self.store.add_note(&case.number, note, Actor::system("test")).await.unwrap();
        case
    }

    async fn attach(&self, case: &CaseNumber, picture: &str, n: u32) {
        let (original, shown) = (format!("{picture} original"), format!("{picture} shown"));
        let attachment = Attachment {
            id: AttachmentId(Uuid::from_u128(n.into())),
            case: case.clone(),
            content_type: "image/jpeg".to_owned(),
            length: original.len() as u64,
            sha256: Sha256::of(original.as_bytes()),
            shown_sha256: Sha256::of(shown.as_bytes()),
            received_at: at(105),
        };
        let actor = Actor::system("test");
        self.store.attach(attachment, original.into_bytes(), shown.into_bytes(), actor).await.unwrap();
    }

    /// What is written past the functions of this test: messages, ladders, ratings, hearings, call-backs.
    async fn write_more(&self) {
        self.sql(
            "INSERT INTO ladder_messages SELECT id, 1, 1, 'received', 'udp', '', '', CAST('INVITE ' || caller AS BLOB) FROM contacts;
             INSERT INTO feedback SELECT number, 1, 1, json_extract(body, '$.description') || ' rated', 1 FROM cases;
             INSERT INTO notifications (id, case_number, cycle, since, occasion, channel, recipient, language, subject, text, \
                state, failure, attempts, queued_at, not_before) SELECT number, number, 1, 1, 'registered', 'sms', caller, 'uk', \
                'to ' || caller, json_extract(body, '$.description'), 'failed', 'no route to ' || caller, 1, 1, 1 FROM cases;
             INSERT INTO callbacks SELECT id, caller, 'city', 'uk', NULL, case_number, 'asked', 1, 0, 0, 'done' FROM contacts;",
        )
        .await;
    }

    async fn close(&self, number: &CaseNumber, closed_at: Timestamp) {
        let actor = Actor::system("test");
        let change = move |mut case: Case, _: &[_]| {
            case.state = CaseState::Closed { code: ClosingCode::Explained, closed_at };
            let data = json!({ "code": "explained" });
            Ok((case, vec![CaseEvent { name: "case.closed", reason: None, data }]))
        };
        self.store.change_case(number, &actor, closed_at, change).await.unwrap();
    }

    async fn closed(&self, n: u32, category: &str, marks: (&str, &str)) -> CaseNumber {
        let case = self.case(n, category, marks).await;
        self.close(&case.number, at(200)).await;
        case.number
    }

    async fn hold(&self, subject: Subject, n: u128) -> Result<HoldId, StoreError> {
        let id = HoldId(Uuid::from_u128(n));
        let by = person(Role::Records, 1);
        let hold = Hold {
            id,
            subject,
            reason: "ухвала суду".to_owned(),
            reference: "758/1580/26".to_owned(),
            placed_at: at(300),
            placed_by: by.id.clone(),
            lifted: None,
        };
        self.store.place_hold(hold, by).await.map(|()| id)
    }

    async fn ask(&self, subject: Subject, n: u128) -> Result<ErasureId, StoreError> {
        let id = ErasureId(Uuid::from_u128(n));
        let reason = "стаття 17".to_owned();
        self.store.ask_erasure(id, subject, reason, person(Role::Records, 1), at(310)).await.map(|one| one.id)
    }

    async fn agree(&self, id: ErasureId, by: u128) -> Result<Erasure, StoreError> {
        self.store.agree_to_erasure(id, person(Role::Records, by), at(320)).await
    }

    /// Looks until nothing is left to be done.
    async fn erase_all(&self, moment: Timestamp) {
        let mut round = Round::new();
        loop {
            round.rests_until = None;
            look(&self.store, &self.folders(), &self.plan, &mut round, moment).await.unwrap();
            let decided = self.store.erasures_in(ErasureState::Decided, 1).await.unwrap();
            if decided.is_empty() && round.walk == DueWalk::Beginning && !round.is_unscrubbed {
                return;
            }
        }
    }

    async fn findings(&self) -> Vec<String> {
        let report = self.store.verify(&mut |_| {}, Some(&Folder(self.recordings()))).await.unwrap();
        report.findings.iter().map(ToString::to_string).collect()
    }

    /// Everything that lies on the disk and could tell something: database, log, files, and a backup made now.
    async fn everything(&self) -> Vec<(String, Vec<u8>)> {
        let backup = self.dir.path().join("backup.db");
        fs::remove_file(&backup).ok();
        self.sql(&format!("VACUUM INTO '{}'", backup.display())).await;
        let mut found = Vec::new();
        let mut ahead = vec![self.dir.path().to_owned()];
        while let Some(path) = ahead.pop() {
            if path.is_dir() {
                ahead.extend(fs::read_dir(&path).unwrap().map(|entry| entry.unwrap().path()));
            } else {
                found.push((path.display().to_string(), fs::read(&path).unwrap()));
            }
        }
        found
    }

    /// Where a mark is found.
    async fn places(&self, (word, digits): (&str, &str)) -> BTreeSet<String> {
        let is_in = |bytes: &[u8]| {
            let text = String::from_utf8_lossy(bytes);
            text.contains(word) || text.contains(digits)
        };
        let named = |path: &str| path.rsplit('/').next().unwrap_or_default().to_owned();
        self.everything()
            .await
            .iter()
            .filter(|(_, bytes)| is_in(bytes))
            .map(|(path, _)| named(path))
            .collect()
    }
}

fn refusal(result: Result<impl std::fmt::Debug, StoreError>) -> Refusal {
    match result {
        Err(StoreError::Erasure(refusal)) => refusal,
        other => panic!("not refused: {other:?}"),
    }
}

#[tokio::test]
async fn of_a_thousand_erased_cases_nothing_is_left_and_of_the_others_everything() {
    let city = City::new().await;
    let marks = |n: u32| if n < GOING { GONE } else { KEPT };
    let cases = (0..GOING + STAYING).map(|n| {
        let city = &city;
        async move {
            let case = city.case(n, if n < GOING { "roads" } else { "water" }, marks(n)).await;
            (n, case.number)
        }
    });
    let cases: Vec<(u32, CaseNumber)> = stream::iter(cases).buffer_unordered(64).collect().await;
    city.write_more().await;
    let closings = cases.iter().map(|(_, number)| city.close(number, at(200)));
    stream::iter(closings).buffer_unordered(64).collect::<Vec<()>>().await;
    city.sql("PRAGMA wal_checkpoint(TRUNCATE)").await;
    let before = city.places(GONE).await;
    assert!(
        before.contains("city.db") && before.contains("backup.db") && before.contains("7.wav"),
        "{before:?}"
    );
    assert_eq!(city.findings().await, [] as [String; 0]);

    city.erase_all(at(60 * DAY)).await;

    assert_eq!(city.places(GONE).await, BTreeSet::new());
    let done = city.store.erasures_done(&Page { limit: 200, cursor: None }).await.unwrap();
    let is_by_rule = |one: &Erasure| one.ground == Ground::Rule { id: "roads".to_owned(), version: 4 };
    assert!(done.items.len() == 200 && done.items.iter().all(is_by_rule));
    assert_eq!(city.findings().await, [] as [String; 0]);
    // What stays is all there, in the backup too.
    let everything = city.everything().await;
    let (_, backup) = everything.iter().find(|(path, _)| path.ends_with("backup.db")).unwrap();
    let backup = String::from_utf8_lossy(backup);
    let (word, digits) = KEPT;
    for n in GOING..GOING + STAYING {
        for said in ["name", "address", "flat", "said", "mail", "url", "answer", "note", "photo"] {
            let mark = format!("{word}{said}{n}");
            assert!(backup.contains(&mark), "{mark}");
        }
        assert!(backup.contains(&format!("{digits}{n:04}")), "{n}");
        assert!(
            everything.iter().any(|(path, bytes)| path.ends_with(&format!("/{n}.wav")) && !bytes.is_empty())
        );
    }
    let (_, number) = cases.iter().find(|(n, _)| *n == 7).unwrap();
    let case = city.store.case(number).await.unwrap().unwrap();
    assert_eq!(case.erased, Contents::from(Content::ALL));
    assert_eq!((case.category.as_str(), case.state.name()), ("roads", "closed"));
    let place = case.place.unwrap();
    assert_eq!((place.address.as_str(), place.territory.as_deref()), ("вул. Шевченка, 12", Some("center")));
    let by_words = |words: &str| ContactFilter { words: Some(words.to_owned()), ..ContactFilter::default() };
    let page = Page { limit: 10, cursor: None };
    assert_eq!(city.store.contacts(&by_words("gonezzsaid7"), &page).await.unwrap().items, []);
    assert_eq!(city.store.contacts(&by_words("staybbsaid1007"), &page).await.unwrap().items.len(), 1);
}

#[tokio::test]
async fn a_hold_wins_over_everything_that_destroys() {
    let city = City::new().await;
    let number = city.closed(1, "roads", KEPT).await;
    let (case, call) = (|| Subject::Case(number.clone()), Subject::Call(contact_id(1)));
    let asked_before = city.ask(case(), 1).await.unwrap();
    let hold = city.hold(case(), 1).await.unwrap();
    assert_eq!(refusal(city.agree(asked_before, 2).await), Refusal::Held(number.0.clone()));
    city.store
        .refuse_erasure(asked_before, "утримано".to_owned(), person(Role::Records, 2), at(330))
        .await
        .unwrap();
    assert_eq!(refusal(city.ask(case(), 2).await), Refusal::Held(number.0.clone()));
    let by_rule = |n, what: Contents| {
        let rule = ("roads".to_owned(), 4);
        city.store.decide_by_rule(ErasureId(Uuid::from_u128(n)), (case(), what), rule, at(60 * DAY))
    };
    for content in Content::ALL {
        assert_eq!(refusal(by_rule(3, Contents::from([content])).await), Refusal::Held(number.0.clone()));
    }
    city.sql("PRAGMA wal_checkpoint(TRUNCATE)").await;
    let before = city.places(KEPT).await;
    city.erase_all(at(60 * DAY)).await;
    assert_eq!(city.places(KEPT).await, before, "the watch passes it by");
    let (due, _) = city.store.retention_due(&city.plan, DueWalk::Beginning, at(60 * DAY), 10).await.unwrap();
    assert!(due.len() == 1 && due[0].kept.is_held, "{due:?}");
    // A hold on one of its calls is as good.
    let of_call = city.hold(call.clone(), 2).await.unwrap();
    city.store.lift_hold(hold, "справу закрито".to_owned(), person(Role::Records, 3), at(340)).await.unwrap();
    assert_eq!(
        refusal(by_rule(3, Contents::from(Content::ALL)).await),
        Refusal::Held(contact_id(1).to_string())
    );
    assert_eq!(refusal(city.ask(call, 4).await), Refusal::Held(contact_id(1).to_string()));
    city.store
        .lift_hold(of_call, "справу закрито".to_owned(), person(Role::Records, 3), at(341))
        .await
        .unwrap();
    assert_eq!(city.findings().await, [] as [String; 0]);
    city.erase_all(at(60 * DAY)).await;
    assert_eq!(city.places(KEPT).await, BTreeSet::new());
    assert_eq!(city.findings().await, [] as [String; 0]);
}

#[tokio::test]
async fn two_people_agree_and_none_of_them_lifts_the_hold() {
    let city = City::new().await;
    let number = city.closed(1, "water", KEPT).await;
    let case = || Subject::Case(number.clone());
    let asked = city.ask(case(), 1).await.unwrap();
    assert_eq!(refusal(city.ask(case(), 2).await), Refusal::Waits(number.0.clone()));
    assert_eq!(refusal(city.agree(asked, 1).await), Refusal::SamePerson);
    let hold = city.hold(case(), 1).await.unwrap();
    let lift = |by: u128| city.store.lift_hold(hold, "досить".to_owned(), person(Role::Records, by), at(330));
    assert_eq!(refusal(lift(1).await), Refusal::AskedByYou);
    lift(2).await.unwrap();
    assert!(matches!(lift(2).await, Err(StoreError::NotFound(_))), "lifted once");
    assert_eq!(refusal(city.agree(asked, 2).await), Refusal::LiftedByYou);
    city.agree(asked, 3).await.unwrap();
    assert_eq!(refusal(city.hold(case(), 2).await), Refusal::UnderWay(number.0.clone()));
    assert_eq!(
        refusal(city.hold(Subject::Call(contact_id(1)), 2).await),
        Refusal::UnderWay(contact_id(1).to_string())
    );
    city.erase_all(at(400)).await;
    assert_eq!(refusal(city.ask(case(), 2).await), Refusal::Gone);
    assert_eq!(city.findings().await, [] as [String; 0]);
    // An open case is somebody's work.
    let open = city.case(2, "water", KEPT).await.number;
    assert!(matches!(city.ask(Subject::Case(open), 3).await, Err(StoreError::Transition(_))));
}

#[tokio::test]
async fn what_a_crash_left_in_between_is_finished() {
    let city = City::new().await;
    let number = city.closed(1, "water", GONE).await;
    let asked = city.ask(Subject::Case(number), 1).await.unwrap();
    city.agree(asked, 2).await.unwrap();
    // Killed when the file was gone and the rows were not.
    for path in city.store.files_to_erase(asked).await.unwrap() {
        recording_erase::erase(&city.recordings(), &path).unwrap();
    }
    assert!(!city.recordings().join("1.wav").exists());
    let undone = city.findings().await;
    assert!(
        undone.iter().all(|finding| finding.contains("not carried out")),
        "the missing file is explained: {undone:?}"
    );
    let store = City::open(city.dir.path()).await;
    let mut round = Round::new();
    while round.is_unscrubbed {
        look(&store, &city.folders(), &city.plan, &mut round, at(400)).await.unwrap();
    }
    assert_eq!(store.erasure(asked).await.unwrap().unwrap().state, ErasureState::Done);
    store.close().await;
    assert_eq!(city.findings().await, [] as [String; 0]);
    assert_eq!(city.places(GONE).await, BTreeSet::new());
}

#[tokio::test]
async fn a_call_and_a_picture_of_two_cases_stay_until_both_may_go() {
    let city = City::new().await;
    let first = city.closed(1, "water", GONE).await;
    let second = city.case(2, "water", KEPT).await.number;
    let change = |case: Case, _: &[_]| case.link(contact_id(1), at(150));
    city.store.change_case(&second, &Actor::system("test"), at(150), change).await.unwrap();
    city.close(&second, at(200)).await;
    city.attach(&second, "gonezzphoto1", 9).await;
    let asked = city.ask(Subject::Case(first.clone()), 1).await.unwrap();
    city.agree(asked, 2).await.unwrap();
    city.erase_all(at(400)).await;
    assert!(city.recordings().join("1.wav").exists(), "the call is on the other case, too");
    assert_eq!(city.findings().await, [] as [String; 0]);
    let entries = city.store.case_timeline(&first).await.unwrap();
    let agreed = entries.iter().find(|entry| entry.event == "erasure.agreed").unwrap();
    assert_eq!(agreed.data["kept"], json!([contact_id(1)]));
    let asked = city.ask(Subject::Case(second), 2).await.unwrap();
    city.agree(asked, 2).await.unwrap();
    city.erase_all(at(500)).await;
    assert_eq!(city.places(GONE).await, BTreeSet::new());
    assert_eq!(city.places(KEPT).await, BTreeSet::new());
    assert_eq!(city.findings().await, [] as [String; 0]);
}

#[tokio::test]
async fn a_call_without_a_case_goes_by_its_own_rule_and_takes_the_words_of_findings_along() {
    let city = City::new().await;
    let call = city.call(1, GONE).await;
    let auditor = UserId(Uuid::from_u128(9));
    let user = User {
        id: auditor,
        name: "audyt".to_owned(),
        role: Role::Auditor,
        password_hash: String::new(),
        organisation: None,
        languages: Vec::new(),
        queues: Vec::new(),
        skills: Default::default(),
        posts: Vec::new(),
        clearances: Vec::new(),
        second_factor: false,
        sip: None,
        disabled: false,
    };
    city.store.create_user(&user).await.unwrap();
    let finding = NotedFinding {
        id: FindingId(Uuid::from_u128(1)),
        contact: call,
        recording: RecordingId(call.0),
        offset_ms: 10,
        author: auditor,
        at: at(80),
        text: "gonezzfinding".to_owned(),
    };
    city.store.note_finding(finding, Actor::person(Role::Auditor, auditor, None)).await.unwrap();
    city.erase_all(at(20 * DAY)).await;
    assert!(!city.places(GONE).await.is_empty(), "not yet");
    city.erase_all(at(40 * DAY)).await;
    assert_eq!(city.places(GONE).await, BTreeSet::new());
    assert_eq!(city.findings().await, [] as [String; 0]);
}

#[tokio::test]
async fn what_was_tampered_with_after_an_erasure_is_found() {
    let city = City::new().await;
    let number = city.closed(1, "water", GONE).await;
    city.closed(2, "water", KEPT).await;
    let asked = city.ask(Subject::Case(number.clone()), 1).await.unwrap();
    city.agree(asked, 2).await.unwrap();
    city.erase_all(at(400)).await;
    for (tamper, undo, said) in [
        (
            "UPDATE notes SET text = 'back' WHERE case_number = '#'",
            "UPDATE notes SET text = '' WHERE case_number = '#'",
            "is still there, in notes",
        ),
        (
            "UPDATE filings SET mail = 'x@y' WHERE case_number = '#'",
            "UPDATE filings SET mail = NULL WHERE case_number = '#'",
            "is still there, in filings",
        ),
        (
            "UPDATE contacts SET caller = '+380501112233' WHERE case_number = '#'",
            "UPDATE contacts SET caller = '' WHERE case_number = '#'",
            "is still there, in contacts",
        ),
        (
            "UPDATE recordings SET state = 'erased' WHERE path = '2.wav'",
            "UPDATE recordings SET state = 'sealed' WHERE path = '2.wav'",
            "state is 'erased' in the row and 'sealed'",
        ),
        (
            "UPDATE contacts SET caller = '' WHERE sip_call_id = 'call-2'",
            "UPDATE contacts SET caller = '380508880002' WHERE sip_call_id = 'call-2'",
            "caller is 'another'",
        ),
        (
            "DROP TRIGGER erasures_end; UPDATE erasures SET decided_by = 'nobody'",
            "",
            "the row is not what the journal tells",
        ),
    ] {
        city.sql(&tamper.replace('#', &number.0)).await;
        let found = city.findings().await;
        assert!(found.iter().any(|finding| finding.contains(said)), "{tamper}: {found:?}");
        if !undo.is_empty() {
            city.sql(&undo.replace('#', &number.0)).await;
        }
    }
    fs::write(city.recordings().join("1.wav"), "back").unwrap();
    fs::remove_file(city.recordings().join("2.wav")).unwrap();
    let found = city.findings().await;
    for said in ["it was erased, and its file is still there", "its file is missing: 2.wav"] {
        assert!(found.iter().any(|finding| finding.contains(said)), "{said}: {found:?}");
    }
    city.sql("INSERT INTO evidence_blobs VALUES ('00', x'01')").await;
    // Nobody blanks a picture or a finding where nothing is being erased.
    for forbidden in
        ["UPDATE evidence_blobs SET content = x''", "DELETE FROM erasures", "DELETE FROM legal_holds"]
    {
        let statement = sqlx::AssertSqlSafe(forbidden.to_owned());
        let tried = sqlx::raw_sql(statement).execute(&mut city.connection().await).await;
        assert!(tried.is_err() || forbidden.contains("legal_holds"), "{forbidden}");
    }
}
