//! A small city for those who attack it: recorded calls as the program tells them, and with `everything` a row in each table
//! that the journal speaks of.

use uuid::Uuid;

use super::*;
use crate::audit::sample::{Commitment, Outcome, Strata};
use crate::audit::{Closed, Engagement, Scope};
use crate::bundle::disclosure::{Disclosure, DisclosureState, Package, Terms};
use crate::calendar::Calendar;
use crate::case::city::CityPlan;
use crate::case::proof::ProofCheck;
use crate::case::reception::{Booking, Slot};
use crate::case::routing::Assignment;
use crate::case::rules::VerifyRule;
use crate::case::transition::InvalidTransition;
use crate::case::work_order::{EvidenceRef, WorkReport};
use crate::case::{
    CaseDraft, CaseEvent, CaseState, ClosingCode, Deadline, RelationKind, TellingChannel, Told,
};
use crate::ids::{AttachmentId, EngagementId, EvidenceId, SampleId, WorkOrderId};
use crate::incident::{Area, Cause, Matter};
use crate::journal::tree::{Edge, leaf_hash};
use crate::people::{ActorKind, Role};
use crate::store::fixture::user;
use crate::store::{Attachment, DisclosureStep, Filing, Hold, NotedFinding, Submission};
use crate::time::Timestamp;

/// Recorded calls, each a second longer than the one before.
pub(super) const CALLS: u32 = 4;

pub(super) struct Folder(pub(super) PathBuf);

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

fn header(recording: &Recording) -> RecordingHeader {
    RecordingHeader {
        started_at: recording.started_at,
        sample_rate: 8000,
        description: "test".to_owned(),
        reference: recording.contact.to_string(),
    }
}

/// A whole call as the program tells it, with `seconds` of sound and some more.
pub(super) async fn call(store: &Store, folder: &Path, n: u32, seconds: u64) {
    let by = |event, after: i64, data: Value| {
        let mut draft = Draft::new(event, at(i64::from(n) * 100 + after), Actor::system("test"));
        (draft.contact, draft.data) = (Some(contact_id(n)), data);
        draft
    };
    let begin = at(i64::from(n) * 100);
    let after = |seconds: i64| Some(at(i64::from(n) * 100 + seconds));
    let operator = UserId(uuid::Uuid::from_u128(500 + u128::from(n)));
    let mut contact = Contact { offered_at: begin, recording: Some(recording_id(n)), ..contact(n) };
    let offered = json!({ "caller": contact.caller, "called": contact.called, "origin": contact.origin,
        "sip_call_id": contact.sip_call_id });
    let mut recording = Recording { started_at: at(i64::from(n) * 100 + 1), ..recording(n) };
    let header = header(&recording);
    let mut folder = RecordingFolder::new(folder);
    let mut writer = RecordingWriter::create(&mut folder, recording.id, &recording.path, header).unwrap();
    let started = json!({ "path": recording.path });
    let entries = vec![
        by(EventType::ContactOffered, 0, offered),
        by(EventType::ContactAnswered, 1, json!({})),
        by(EventType::IvrEntered, 1, json!({ "step": "entered", "node": "welcome" })),
        by(EventType::RecStarted, 1, started),
    ];
    contact.answered_at = after(1);
    contact.ivr_path = vec!["welcome".to_owned()];
    let batch = Batch {
        contacts: vec![contact.clone()],
        recordings: vec![recording.clone()],
        entries,
        ..Batch::default()
    };
    store.commit(batch).await.unwrap();
    let draft = case_draft(n);
    store.register_case(draft, at(i64::from(n) * 100 + 2), Actor::system("test"), None).await.unwrap();
    let mut noise = StdRng::seed_from_u64(u64::from(n));
    for _ in 0..seconds * 10 + 3 {
        let frames: Vec<u8> = (0..3200).map(|_| noise.random()).collect();
        writer.append(&frames).unwrap();
    }
    writer.mark(Marker { offset_ms: 100, label: "contact.queued".to_owned() });
    let sealed = writer.seal();
    let data = json!({ "frames": sealed.frames, "result": sealed.result, "sha256": sealed.sha256,
        "seal": sealed.proof.as_ref().map(|proof| proof.seal) });
    (recording.state, recording.result) = (RecordingState::Sealed, Some(sealed.result));
    (recording.frames, recording.sha256, recording.proof) = (sealed.frames, sealed.sha256, sealed.proof);
    (contact.queued_at, contact.connected_at, contact.ended_at) = (after(3), after(5), after(60));
    contact.operator = Some(operator);
    contact.topic = Some("water".to_owned());
    contact.termination = Some(Termination::CallerHungUp);
    contact.disposition = Some(Disposition::CaseCreated);
    let mut ended = by(EventType::ContactEnded, 60, json!({ "termination": contact.termination }));
    ended.media = Some(MediaPosition { recording: recording.id, offset_ms: 59_000 });
    let entries = vec![
        by(EventType::ContactQueued, 3, json!({})),
        by(EventType::ContactConnected, 5, json!({ "operator": operator })),
        ended,
        by(EventType::RecSealed, 60, data),
        by(
            EventType::ContactDisposed,
            61,
            json!({ "disposition": "case_created", "language": contact.language, "topic": contact.topic }),
        ),
    ];
    let batch = Batch { contacts: vec![contact], recordings: vec![recording], entries, ..Batch::default() };
    store.commit(batch).await.unwrap();
}

/// Sound files as they lie, plain and encrypted.
pub(super) fn sound_in(folder: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let (mut found, mut ahead) = (BTreeMap::new(), vec![folder.to_owned()]);
    while let Some(path) = ahead.pop() {
        if path.is_dir() {
            ahead.extend(fs::read_dir(&path).unwrap().map(|entry| entry.unwrap().path()));
        } else if path.to_string_lossy().contains(".wav") {
            found.insert(path.clone(), fs::read(&path).unwrap());
        }
    }
    found
}

/// Encrypts the files of the first `count` recordings; where they lie then.
pub(super) async fn encrypted(store: &Store, folder: &Path, count: u32) -> Vec<PathBuf> {
    let mut paths = Vec::new();
    for recording in store.plain_recordings(None, count).await.unwrap() {
        let key = store.content_key_for(Subject::Call(recording.contact), at(1)).await.unwrap();
        let path = folder.join(&recording.path);
        let (id, sample_rate, sha256) = (recording.id.0, recording.sample_rate, recording.sha256.unwrap());
        encrypt(&ToEncrypt { path: path.clone(), id, sample_rate, sha256, key, salt: [5; 32] }).unwrap();
        paths.push(encrypted_path(&path));
    }
    paths
}

pub(super) fn signer() -> SignerKey {
    SignerKey::new("city.example/1580", [7; 32]).unwrap()
}

/// Signs the journal as it is, with its tiles.
pub(super) async fn sign(store: &Store, tiles: &TileFolder, key: &SignerKey, moment: Timestamp) -> Note {
    let size = store.counts().await.unwrap().journal_seq;
    let mut edge = Edge::default();
    for hash in store.entry_hashes(0, size).await.unwrap() {
        edge.push(leaf_hash(&hash), &mut |tile, hashes| tiles.write(tile, hashes).unwrap());
    }
    edge.partial().for_each(|(tile, hashes)| tiles.write(tile, hashes).unwrap());
    let note = key.sign(size, edge.root());
    store.keep_checkpoint(note.clone(), Actor::system("journal"), moment).await.unwrap();
    note
}

fn person(role: Role, n: u32) -> Actor {
    Actor::person(role, UserId(Uuid::from_u128(n.into())), None)
}

fn control() -> Actor {
    person(Role::Control, 5)
}

fn crew() -> Actor {
    Actor::person(Role::Executor, UserId(Uuid::from_u128(6)), Some("vodokanal".to_owned()))
}

fn records(n: u32) -> Actor {
    person(Role::Records, n)
}

fn number(n: u64) -> CaseNumber {
    CaseNumber::new(2026, "01", n)
}

type Step = Result<(Case, Vec<CaseEvent>), InvalidTransition>;

/// One step of case `n`.
async fn step(
    store: &Store,
    n: u64,
    by: &Actor,
    seconds: i64,
    step: impl Fn(Case) -> Step + Send + Sync + 'static,
) {
    store.change_case(&number(n), by, at(seconds), move |case, _| step(case)).await.unwrap();
}

/// Five recorded calls and what may become of them.
pub(super) async fn everything(files: &Files, folder: &Path) -> Store {
    let store = files.open().await;
    for (n, role) in [(5, Role::Control), (7, Role::Records), (8, Role::Records), (9, Role::Auditor)] {
        store.create_user(&user(n, role)).await.unwrap();
    }
    for n in 1..=CALLS + 1 {
        call(&store, folder, n, 1).await;
    }
    worked(&store).await;
    overdue(&store).await;
    attach(&store, 1).await;
    let store = store.with_keys(Some(KeyRing::new(MasterKey::new([1; 32]), Vec::new())));
    attach(&store, 2).await;
    handed_over(&store).await;
    erased(&store, folder).await;
    out_of_order(&store).await;
    encrypted(&store, folder, 1).await;
    audited(&store, folder).await;
    store
}

fn assignment(n: u64) -> Assignment {
    let deadline = Deadline {
        norm: "water".to_owned(),
        first: at(9_000),
        resolve_by: at(9_000),
        accept_by: Some(at(3_000)),
        ..Deadline::default()
    };
    Assignment {
        order: WorkOrderId(Uuid::from_u128(n.into())),
        executor: "vodokanal".to_owned(),
        executor_name: "Vodokanal".to_owned(),
        deadline,
        // Of the one that stands still.
        co_executors: (n == 2).then(|| "teplo".to_owned()).into_iter().collect(),
        because: None,
        task: "mend the pipe".to_owned(),
    }
}

/// Case 1: mended, with a picture, told, closed, drawn for an inspection, and seen.
async fn worked(store: &Store) {
    step(store, 1, &control(), 2_000, |case| case.assign(assignment(1), &control(), at(2_000))).await;
    step(store, 1, &crew(), 2_001, |case| case.accept(&crew(), at(2_001))).await;
    step(store, 1, &crew(), 2_002, |case| case.start(&crew(), at(2_002))).await;
    let bytes = b"what the camera of the crew wrote".to_vec();
    let evidence = EvidenceRef {
        id: EvidenceId(Uuid::from_u128(1)),
        order: WorkOrderId(Uuid::from_u128(1)),
        role: "after".to_owned(),
        content_type: "image/jpeg".to_owned(),
        length: bytes.len() as u64,
        sha256: Sha256::of(&bytes),
        received_at: at(2_003),
        cycle: 1,
    };
    let check = ProofCheck {
        width: 640,
        height: 480,
        taken_at: Some(at(2_000)),
        place: None,
        distance_m: Some(20),
        flags: Vec::new(),
        look_alike: None,
    };
    let (display, thumbnail) = (b"display".to_vec(), b"thumbnail".to_vec());
    let examined =
        Some(crate::store::Examined { check, fingerprint: None, alike_bits: 7, display, thumbnail });
    let shown = evidence.clone();
    let submission = Submission { evidence, bytes, examined, once: None };
    store.add_evidence(submission, &number(1), &crew()).await.unwrap();
    step(store, 1, &crew(), 2_004, move |case| {
        case.report_work(
            WorkReport { result: "a new pipe".to_owned() },
            std::slice::from_ref(&shown),
            None,
            &crew(),
            at(2_004),
        )
    })
    .await;
    step(store, 1, &control(), 2_005, |case| case.accept_evidence(&control(), at(2_005))).await;
    step(store, 1, &control(), 2_006, |case| {
        let told = Told {
            at: at(2_006),
            language: case.language,
            channel: TellingChannel::Voice,
            delivered: true,
            confirmed: Some(true),
            cycle: 1,
            whom: None,
            contact: None,
            notification: None,
        };
        case.tell(told, &control(), at(2_006))
    })
    .await;
    step(store, 1, &control(), 2_007, |case| {
        let clock = Calendar::always("Europe/Kyiv").unwrap();
        let rule = VerifyRule { attempts: 3, on_days: 2, answer_days: 3, inspect_per_mille: 1_000, clock };
        case.close(ClosingCode::FixedConfirmed, &rule, &control(), at(2_007))
    })
    .await;
    step(store, 1, &control(), 2_008, |case| case.inspect(true, "the pipe is new", &control(), at(2_008)))
        .await;
}

/// Case 2: nobody comes, the ladder is asked, and one post answers; it repeats the first.
async fn overdue(store: &Store) {
    let first = store.case(&number(1)).await.unwrap().unwrap();
    step(store, 2, &control(), 2_100, move |case| {
        case.relate(RelationKind::RepeatOf, &first, &control(), at(2_100))
    })
    .await;
    step(store, 2, &control(), 2_101, |case| case.assign(assignment(2), &control(), at(2_101))).await;
    let watch = Actor::system("clock");
    step(store, 2, &watch, 20_000, |case| {
        let plan = CityPlan::parse("city.toml", include_str!("../../../../city.toml")).unwrap();
        Ok(case.watch(&plan, at(20_000)))
    })
    .await;
    let case = store.case(&number(2)).await.unwrap().unwrap();
    let posts = case.clocks.escalations.first().expect("somebody is asked").to.clone();
    let head = crew();
    step(store, 2, &head, 20_100, move |case| {
        case.answer_escalation(1, "they go tonight", &posts, &crew(), at(20_100))
    })
    .await;
}

/// A picture of the applicant's of case 3.
async fn attach(store: &Store, n: u32) {
    let (original, shown) = (format!("original picture {n}"), format!("shown picture {n}"));
    let attachment = Attachment {
        id: AttachmentId(Uuid::from_u128(n.into())),
        case: number(3),
        content_type: "image/jpeg".to_owned(),
        length: original.len() as u64,
        sha256: Sha256::of(original.as_bytes()),
        shown_sha256: Sha256::of(shown.as_bytes()),
        received_at: at(21_000 + i64::from(n)),
    };
    store.attach(attachment, original.into_bytes(), shown.into_bytes(), Actor::system("page")).await.unwrap();
}

/// Case 3: held by a court, handed over, and its applicant may not hear it.
async fn handed_over(store: &Store) {
    for (n, subject) in [(1, Subject::Case(number(3))), (2, Subject::Call(contact_id(1)))] {
        let hold = Hold {
            id: HoldId(Uuid::from_u128(n)),
            subject,
            reason: "a matter of court".to_owned(),
            reference: format!("758/{n}"),
            placed_at: at(22_000),
            placed_by: records(7).id,
            lifted: None,
        };
        store.place_hold(hold, records(7)).await.unwrap();
    }
    store
        .lift_hold(HoldId(Uuid::from_u128(2)), "it is over".to_owned(), records(8), at(22_100))
        .await
        .unwrap();
    let terms =
        Terms { purpose: "trial".to_owned(), recipient: "court".to_owned(), basis: "order".to_owned() };
    for n in [1, 2] {
        let id = DisclosureId(Uuid::from_u128(n));
        let asked = Disclosure {
            id,
            case: number(3),
            state: DisclosureState::Asked,
            terms: terms.clone(),
            asked_at: at(22_200),
            asked_by: records(7).id,
            decided_at: None,
            decided_by: None,
            reason: None,
            package: None,
            fetches: 0,
        };
        store.ask_disclosure(asked, records(7)).await.unwrap();
    }
    let id = DisclosureId(Uuid::from_u128(1));
    let package =
        Package { made_at: at(22_302), sha256: Sha256::of(b"zip"), length: 3, until_at: at(90_000) };
    let steps = [DisclosureStep::Approve, DisclosureStep::Make(package), DisclosureStep::Fetch];
    for (n, step) in (0..).zip(steps) {
        store.step_disclosure(id, step, records(8), at(22_300 + n)).await.unwrap();
    }
    let applicant = Actor { kind: ActorKind::Applicant, ..Actor::system("page") };
    let hearing = HearingId(Uuid::from_u128(1));
    store.ask_to_hear(hearing, (&number(3), contact_id(3)), false, applicant, at(22_400)).await.unwrap();
    let why = Some("another person speaks in it".to_owned());
    store.decide_hearing(hearing, why, records(7), at(22_500)).await.unwrap();
}

/// Case 4: closed, and destroyed with its call.
async fn erased(store: &Store, folder: &Path) {
    step(store, 4, &control(), 23_000, |mut case| {
        case.state = CaseState::Closed { code: ClosingCode::Explained, closed_at: at(23_000) };
        let data = json!({ "code": "explained" });
        Ok((case, vec![CaseEvent { name: "case.closed", reason: None, data }]))
    })
    .await;
    let id = ErasureId(Uuid::from_u128(1));
    let subject = Subject::Case(number(4));
    store.ask_erasure(id, subject, "article 17".to_owned(), records(7), at(23_100)).await.unwrap();
    store.agree_to_erasure(id, records(8), at(23_200)).await.unwrap();
    for path in store.files_to_erase(id).await.unwrap() {
        fs::remove_file(folder.join(path)).unwrap();
    }
    store.finish_erasure(id, false, at(23_300)).await.unwrap();
}

/// Case 5 is part of an incident, case 6 a reception.
async fn out_of_order(store: &Store) {
    let matter = Matter {
        category: "water".to_owned(),
        cause: Cause::Failure,
        area: Area { whole_city: true, ..Area::default() },
        executor: "vodokanal".to_owned(),
    };
    let incident = store.declare_incident(matter, None, &control(), at(24_000)).await.unwrap();
    step(store, 5, &control(), 24_100, move |case| {
        case.attach(incident.number, at(30_000), &control(), at(24_100))
    })
    .await;
    let filing = Filing {
        draft: CaseDraft { contact: None, ..case_draft(1) },
        at: at(24_200),
        actor: Actor { kind: ActorKind::Applicant, ..Actor::system("page") },
        source: "page".to_owned(),
        mail: None,
        media_url: None,
        answers: Vec::new(),
        consent: false,
        code: None,
    };
    let slot = Slot { starts_at: at(40_000), ends_at: at(40_900) };
    let booking = Booking { reception: "mayor".to_owned(), post: "mayor.reception".to_owned(), slot };
    store.file_and_book(filing, booking).await.unwrap();
}

/// An audit with a sample that was fixed, signed, drawn and judged, and a finding; and one that has ended.
async fn audited(store: &Store, folder: &Path) {
    let (auditor, tiles) = (person(Role::Auditor, 9), TileFolder::new(folder.join("log")));
    let reader = UserId(Uuid::from_u128(9));
    for n in [1, 2] {
        let engagement = Engagement {
            id: EngagementId(Uuid::from_u128(n)),
            auditor: reader,
            from: at(0),
            until: at(80_000),
            scope: Scope { calls_from: Some(at(0)), ..Scope::default() },
            purpose: "yearly audit".to_owned(),
            opened_by: UserId(Uuid::from_u128(7)),
            opened_at: at(49_000),
            closed: None,
        };
        store.open_engagement(engagement.open().unwrap(), records(7)).await.unwrap();
    }
    let ended = EngagementId(Uuid::from_u128(2));
    let closed =
        Closed { by: UserId(Uuid::from_u128(7)), at: at(49_500), reason: "report handed in".to_owned() };
    store.close_engagement(ended, closed, records(7)).await.unwrap().unwrap();
    let (period, strata) = ((at(0), at(1_000)), Strata::None);
    let scope = Scope { calls_from: Some(at(0)), ..Scope::default() };
    let (frame, frame_size) = store.frame(&scope, period, strata).await.unwrap().unwrap();
    let commitment = Commitment {
        id: SampleId(Uuid::from_u128(101)),
        engagement: EngagementId(Uuid::from_u128(1)),
        committed_at: at(50_000),
        calls_from: period.0,
        calls_until: period.1,
        frame_size,
        frame: Sha256::of(frame.as_bytes()),
        size: 3,
        strata,
        source: "the lottery of 21 November".to_owned(),
        public_at: at(51_000),
    };
    let id = commitment.id;
    store.commit_sample(commitment, frame, auditor.clone()).await.unwrap();
    sign(store, &tiles, &signer(), at(50_060)).await;
    store.draw_sample(id, "4 8 15 16 23 42".to_owned(), at(51_000), auditor.clone()).await.unwrap().unwrap();
    let finding = NotedFinding {
        id: FindingId(Uuid::from_u128(1)),
        contact: contact_id(1),
        recording: recording_id(1),
        offset_ms: 500,
        author: reader,
        at: at(51_100),
        text: "rude at first".to_owned(),
    };
    store.note_finding(finding, auditor.clone()).await.unwrap();
    let judged = store.judge_item(id, 1, Outcome::InOrder, (reader, auditor), at(51_200)).await;
    judged.unwrap().unwrap();
}
