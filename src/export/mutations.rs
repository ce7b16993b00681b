//! Thousands of seeded changes to a bundle: octets flipped, files deleted, added, cut, lines reordered, moments moved back,
//! recordings swapped, entries renumbered, the checkpoint of another key. Half of them as a thief of the key would make them, with
//! fresh checksums and signatures. Ours finds every one, `verify.py` and `verify.sh` agree, and none of them finds anything where
//! nothing was changed. `crate::store::tally` says how many, and how to repeat a run.
#![allow(clippy::unwrap_used, clippy::panic)]

use std::collections::BTreeMap;
use std::fs;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::Arc;

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use serde_json::{Value, json};

use super::*;
use crate::bundle::sums::{Signed, Sums};
use crate::bundle::vcon::ContentHasher;
use crate::bundle::verify::{BundleFiles, Verified, verify};
use crate::bundle::{CHECKPOINT, ENTRIES, KEYS, PROOFS, STORY, SUMS, SUMS_NOTE, VCON, jws};
use crate::call::contact::Contact;
use crate::case::{Applicant, CaseDraft, IdentityLevel, Priority};
use crate::files::{RecordingFolder, RecordingWriter};
use crate::ids::{AttachmentId, ContactId, RecordingId};
use crate::journal::tree::{Edge, leaf_hash};
use crate::journal::{Draft, EventType};
use crate::language::Language;
use crate::people::Actor;
use crate::phone_number::PhoneNumber;
use crate::recording::{Marker, Recording, RecordingState};
use crate::store::tally::Tally;
use crate::store::{Attachment, Batch};
use crate::time::Timestamp;
use crate::wav::RecordingHeader;

/// Per cent of all mutations.
const SHARE: u32 = 20;

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_micros(1_795_240_800_000_000 + seconds * 1_000_000)
}

fn key(seed: u8) -> SignerKey {
    SignerKey::new("city.example/1580", [seed; 32]).unwrap()
}

/// A city with one case of two recorded calls and a picture, its journal signed.
async fn city(folder: &Path) -> (Maker, CaseNumber) {
    let url = format!("sqlite://{}", folder.join("city.db").display());
    let store = Store::open(&url, "01").await.unwrap();
    let calls = [call(&store, folder, 1, 2).await, call(&store, folder, 2, 3).await];
    let draft = CaseDraft {
        contact: Some(calls[0]),
        category: "water".to_owned(),
        language: Language::Uk,
        priority: Priority::Normal,
        applicant: Applicant {
            identity: IdentityLevel::CallerNumber,
            number: PhoneNumber::from_user_part("+380501234567").into(),
            name: Some("Олена".to_owned()),
        },
        place: None,
        description: "</script>немає води\u{2028}вдома".to_owned(),
        ivr_path: Vec::new(),
    };
    let case = store.register_case(draft, at(500), Actor::system("test"), None).await.unwrap();
    let actor = Actor::system("test");
    let linked = store.change_case(&case.number, &actor, at(501), move |mut case, _| {
        case.contacts.push(calls[1]);
        Ok((case, vec![crate::case::CaseEvent { name: "case.linked", reason: None, data: json!({}) }]))
    });
    linked.await.unwrap();
    let picture = vec![7; 3_000];
    let attachment = Attachment {
        id: AttachmentId(uuid::Uuid::from_u128(77)),
        case: case.number.clone(),
        content_type: "image/jpeg".to_owned(),
        length: 3_000,
        sha256: Sha256::of(&picture),
        shown_sha256: Sha256::of(b"shown"),
        received_at: at(502),
    };
    store.attach(attachment, picture, b"shown".to_vec(), Actor::system("test")).await.unwrap();
    let (tiles, key) = (TileFolder::new(folder.join("log")), Arc::new(key(7)));
    let (size, _) = store.journal_growth(0).await.unwrap();
    let mut edge = Edge::default();
    for hash in store.entry_hashes(0, size).await.unwrap() {
        edge.push(leaf_hash(&hash), &mut |tile, hashes| tiles.write(tile, hashes).unwrap());
    }
    edge.partial().for_each(|(tile, hashes)| tiles.write(tile, hashes).unwrap());
    store.keep_checkpoint(key.sign(size, edge.root()), Actor::system("journal"), at(503)).await.unwrap();
    let plan = Arc::new(CityPlan::parse("city.toml", include_str!("../../city.toml")).unwrap());
    let recordings = folder.to_owned();
    (Maker { store, tiles, recordings, key, plan, short_number: "1580".to_owned() }, case.number)
}

async fn call(store: &Store, folder: &Path, n: u32, seconds: usize) -> ContactId {
    let id = ContactId(uuid::Uuid::from_u128(u128::from(n)));
    let begin = at(i64::from(n) * 100);
    let number = |text| PhoneNumber::from_user_part(text);
    let contact = Contact::offered(
        id,
        begin,
        number("+380501234567"),
        number("1580"),
        "city".to_owned(),
        format!("call-{n}"),
    );
    let mut contact = Contact { answered_at: Some(begin), ..contact };
    let path = format!("{n}.wav");
    let header = RecordingHeader {
        started_at: begin,
        sample_rate: 8000,
        description: "test".to_owned(),
        reference: id.to_string(),
    };
    let recording_id = RecordingId(uuid::Uuid::from_u128(100 + u128::from(n)));
    let mut folder = RecordingFolder::new(folder);
    let mut writer = RecordingWriter::create(&mut folder, recording_id, &path, header).unwrap();
    let mut noise = StdRng::seed_from_u64(u64::from(n));
    for _ in 0..seconds * 10 + 3 {
        let frames: Vec<u8> = (0..3200).map(|_| noise.random()).collect();
        writer.append(&frames).unwrap();
    }
    writer.mark(Marker { offset_ms: 100, label: "contact.queued".to_owned() });
    let sealed = writer.seal();
    contact.recording = Some(recording_id);
    let by = |event, data: Value| {
        let mut draft = Draft::new(event, begin, Actor::system("test"));
        (draft.contact, draft.data) = (Some(id), data);
        draft
    };
    let seal = sealed.proof.as_ref().map(|proof| proof.seal);
    let data =
        json!({ "frames": sealed.frames, "result": sealed.result, "sha256": sealed.sha256, "seal": seal });
    let recording = Recording {
        id: recording_id,
        contact: id,
        path,
        state: RecordingState::Sealed,
        started_at: begin,
        sample_rate: 8000,
        frames: sealed.frames,
        gaps: Vec::new(),
        result: Some(sealed.result),
        sha256: sealed.sha256,
        proof: sealed.proof,
    };
    let entries = vec![by(EventType::ContactOffered, json!({})), by(EventType::RecSealed, data)];
    let batch = Batch { contacts: vec![contact], recordings: vec![recording], entries, ..Batch::default() };
    store.commit(batch).await.unwrap();
    id
}

/// A bundle in memory.
#[derive(Clone, PartialEq)]
struct Held(BTreeMap<String, Vec<u8>>);

impl BundleFiles for Held {
    fn names(&mut self) -> io::Result<Vec<String>> {
        Ok(self.0.keys().cloned().collect())
    }

    fn open<'f>(&'f mut self, name: &str) -> io::Result<Box<dyn Read + 'f>> {
        let octets = self.0.get(name).ok_or(io::ErrorKind::NotFound)?;
        Ok(Box::new(octets.as_slice()))
    }
}

impl Held {
    fn read(mut source: Source) -> Self {
        let mut held = BTreeMap::new();
        for name in source.names().unwrap() {
            let mut octets = Vec::new();
            source.open(&name).unwrap().read_to_end(&mut octets).unwrap();
            held.insert(name, octets);
        }
        Self(held)
    }

    fn text(&self, name: &str) -> String {
        String::from_utf8(self.0[name].clone()).unwrap()
    }

    fn json(&self, name: &str) -> Value {
        serde_json::from_slice(&self.0[name]).unwrap()
    }

    fn put(&mut self, name: &str, text: impl ToString) {
        self.0.insert(name.to_owned(), text.to_string().into_bytes());
    }

    /// What a thief of `key` does after a change: the vCon, checksums and the signatures over them, all anew.
    fn sign_again(&mut self, key: &SignerKey) {
        use base64::Engine as _;
        let coded = self.json(VCON)["payload"].as_str().unwrap().to_owned();
        let payload = base64::engine::general_purpose::URL_SAFE_NO_PAD.decode(coded).unwrap();
        let mut vcon: Value = serde_json::from_slice(&payload).unwrap();
        for list in ["dialog", "attachments"] {
            for object in vcon[list].as_array_mut().unwrap() {
                if let Some(octets) = object["url"].as_str().and_then(|url| self.0.get(url)) {
                    let mut hasher = ContentHasher::default();
                    hasher.update(octets);
                    object["content_hash"] = hasher.finish().into();
                }
            }
        }
        self.put(VCON, jws::sign(&vcon.to_string(), "id", key).unwrap());
        let listed = self.0.iter().filter(|(name, _)| *name != SUMS && *name != SUMS_NOTE);
        let sums =
            Sums(listed.map(|(name, octets)| (name.clone(), Sha256::of(octets))).collect()).to_string();
        let story = serde_json::from_slice::<Value>(&self.0[STORY]).unwrap_or_default();
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let signed = Signed {
            case: text(&story["case"]["number"]),
            made_at: text(&story["made_at"]),
            sums: Sha256::of(sums.as_bytes()),
        };
        self.put(SUMS, sums);
        self.put(SUMS_NOTE, signed.sign(key));
    }
}

/// What kind of change it was, and what was done in words.
type Done = (&'static str, String);

/// One change that checksums alone would show.
fn plain_change(held: &mut Held, random: &mut StdRng) -> Done {
    let names: Vec<String> = held.0.keys().cloned().collect();
    let name = names[random.random_range(0..names.len())].clone();
    let octets = held.0.get_mut(&name).unwrap();
    match random.random_range(0..6) {
        0 | 1 => {
            let (place, bit) = (random.random_range(0..octets.len()), random.random_range(0..8));
            octets[place] ^= 1 << bit;
            ("flipped", format!("octet {place} of {name}"))
        }
        2 => {
            octets.truncate(random.random_range(0..octets.len()));
            ("cut", name)
        }
        3 => {
            octets.extend_from_slice(b"\n");
            ("lengthened", name)
        }
        4 => {
            held.0.remove(&name);
            ("deleted", name)
        }
        _ => {
            let place =
                ["extra.txt", "recordings/other.wav", "journal/more.jsonl"][random.random_range(0..3)];
            held.put(place, "more");
            ("added", place.to_owned())
        }
    }
}

/// One change that is signed for afterwards: what it says must not agree with the journal any more.
fn deep_change(held: &mut Held, random: &mut StdRng) -> Done {
    let entries: Vec<String> = held.text(ENTRIES).lines().map(str::to_owned).collect();
    let pick = random.random_range(0..entries.len());
    let calls: Vec<String> = held.0.keys().filter(|name| name.ends_with(".wav")).cloned().collect();
    let edited = |edit: &dyn Fn(&mut Value)| {
        let mut lines = entries.clone();
        let mut entry: Value = serde_json::from_str(&lines[pick]).unwrap();
        edit(&mut entry);
        lines[pick] = crate::journal::canonical::canonical(&entry).unwrap();
        lines.iter().map(|line| format!("{line}\n")).collect::<String>()
    };
    let what = match random.random_range(0..9) {
        0 => {
            let (one, other) = (held.0[&calls[0]].clone(), held.0[&calls[1]].clone());
            held.0.insert(calls[0].clone(), other);
            held.0.insert(calls[1].clone(), one);
            ("two recordings swapped", calls.join(", "))
        }
        1 => {
            let back = random.random_range(1..1_000_000_000_i64);
            held.put(ENTRIES, edited(&|entry| entry["at"] = json!(entry["at"].as_i64().unwrap() - back)));
            ("dated back", format!("an entry by {back}"))
        }
        2 => {
            let more = random.random_range(1..50_u64);
            held.put(ENTRIES, edited(&|entry| entry["seq"] = json!(entry["seq"].as_u64().unwrap() + more)));
            ("renumbered", format!("an entry by {more}"))
        }
        3 => {
            let mut lines = [entries.clone(), held.text(PROOFS).lines().map(str::to_owned).collect()];
            for (lines, name) in lines.iter_mut().zip([ENTRIES, PROOFS]) {
                let other = (pick + 1) % lines.len();
                lines.swap(pick, other);
                held.put(name, lines.iter().map(|line| format!("{line}\n")).collect::<String>());
            }
            ("reordered", format!("entry {pick} and the next"))
        }
        4 => {
            let name = calls[random.random_range(0..calls.len())].clone();
            let octets = held.0.get_mut(&name).unwrap();
            let place = random.random_range(0..octets.len());
            octets[place] ^= 4;
            ("flipped in a recording", format!("octet {place} of {name}"))
        }
        5 => {
            let note = held.text(CHECKPOINT);
            let size: u64 = note.lines().nth(1).unwrap().parse().unwrap();
            held.put(CHECKPOINT, key(9).sign(size, Sha256::of(note.as_bytes())).text());
            ("checkpoint of another key", String::new())
        }
        6 => {
            let name = calls[random.random_range(0..calls.len())].clone();
            held.0.remove(&name);
            ("recording left out", name)
        }
        7 => {
            held.put("photos/0000.jpg", "a picture");
            ("picture of nobody", String::new())
        }
        _ => {
            held.put(KEYS, format!("{}\n", key(9).verifier()));
            ("key of another", String::new())
        }
    };
    held.sign_again(&key(7));
    what
}

/// The stock tools that lie in each bundle: `verify.py`, imported once: a path on a line in, its differences on a line out.
struct Stock {
    child: Child,
    to: ChildStdin,
    from: BufReader<ChildStdout>,
}

impl Stock {
    fn start() -> Self {
        let program = "import sys, json\nsys.dont_write_bytecode = True\nsys.path.insert(0, sys.argv[1])\nimport verify\n\
                       for line in sys.stdin: print(json.dumps(verify.check(line.strip(), sys.argv[2] or None).wrong), flush=True)";
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/src/export");
        let trusted = key(7).verifier().to_string();
        let mut child = Command::new("python3")
            .args(["-c", program, folder, &trusted])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let (to, from) = (child.stdin.take().unwrap(), BufReader::new(child.stdout.take().unwrap()));
        Self { child, to, from }
    }

    fn differences(&mut self, place: &Path) -> Vec<String> {
        writeln!(self.to, "{}", place.display()).unwrap();
        let mut line = String::new();
        self.from.read_line(&mut line).unwrap();
        serde_json::from_str(&line).unwrap_or_else(|error| panic!("{error}: {line}"))
    }

    /// What `verify.py` finds, and whether `verify.sh` does.
    fn verdicts_on(&mut self, held: &Held) -> (Vec<String>, bool) {
        let folder = tempfile::tempdir().unwrap();
        for (name, octets) in &held.0 {
            let path = folder.path().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, octets).unwrap();
        }
        // As whoever has it from the city's page runs it, not as it came with what it is to judge.
        let script = include_str!("verify.sh");
        let mut shell = Command::new("sh");
        shell.args(["-c", script]).arg(folder.path().join("verify.sh"));
        let said = shell.stdin(Stdio::null()).output().unwrap();
        (self.differences(folder.path()), !said.status.success())
    }
}

impl Drop for Stock {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn checked(held: &Held) -> Verified {
    verify(&mut held.clone(), &[key(7).verifier().clone()])
}

#[tokio::test(flavor = "multi_thread")]
async fn every_change_to_a_bundle_is_found_by_ours_and_by_stock_tools() {
    let folder = tempfile::tempdir().unwrap();
    let (maker, number) = city(folder.path()).await;
    let (zip, plain) = (folder.path().join("case.zip"), folder.path().join("case"));
    for (place, form) in [(&zip, Form::Zip), (&plain, Form::Folder)] {
        let to = (place.clone(), form);
        let made = maker.make(&number, to, Duration::ZERO, Arc::default()).await.unwrap();
        assert_eq!((made.recordings, made.missing.len()), (2, 0));
        assert_eq!(made.unsigned_entries, 0, "the checkpoint covers it");
    }
    let held = Held::read(Source::open(&zip).unwrap());
    let found = checked(&held);
    assert_eq!(found.differences, [], "nothing was changed");
    assert_eq!((found.recordings, found.photos, found.erased, &found.case), (2, 1, 0, &number.0));
    let in_folder = checked(&Held::read(Source::open(&plain).unwrap()));
    assert_eq!(in_folder.differences, []);
    let mut stock = Stock::start();
    assert_eq!(stock.differences(&zip), Vec::<String>::new());
    assert_eq!(stock.differences(&plain), Vec::<String>::new());
    assert_eq!(stock.verdicts_on(&held), (Vec::new(), false));
    let mut again = held.clone();
    again.sign_again(&key(7));
    assert_eq!(checked(&again).differences, [], "what the thief makes is good where nothing was changed");
    assert_eq!(stock.verdicts_on(&again), (Vec::new(), false));

    let mut tally = Tally::new("bundles", SHARE);
    let mut random = StdRng::seed_from_u64(tally.seed);
    while tally.wants_more() {
        let mut changed = held.clone();
        let is_plain: bool = random.random();
        let (kind, what) = match is_plain {
            true => plain_change(&mut changed, &mut random),
            false => deep_change(&mut changed, &mut random),
        };
        if changed == held {
            continue;
        }
        let (by_python, is_found_by_shell) = stock.verdicts_on(&changed);
        let verdicts = [!checked(&changed).is_good(), !by_python.is_empty(), is_found_by_shell];
        let what = format!("{what}: [ours, verify.py, verify.sh] found it: {verdicts:?}");
        let kind = format!("{kind}{}", if is_plain { "" } else { ", signed again" });
        tally.note(&kind, &what, verdicts == [true; 3]);
    }
    tally.settle();
}

#[tokio::test(flavor = "multi_thread")]
async fn another_citys_bundle_is_not_taken_for_ours() {
    let folder = tempfile::tempdir().unwrap();
    let (maker, number) = city(folder.path()).await;
    let zip = folder.path().join("case.zip");
    maker.make(&number, (zip.clone(), Form::Zip), Duration::ZERO, Arc::default()).await.unwrap();
    let mut source = Source::open(&zip).unwrap();
    assert!(!verify(&mut source, &[key(9).verifier().clone()]).is_good());
    let mut source = Source::open(&zip).unwrap();
    let inside = verify(&mut source, &[]);
    assert!(inside.is_good() && !inside.is_key_trusted);
    // A ZIP that was cut is no ZIP.
    let octets = fs::read(&zip).unwrap();
    fs::write(&zip, &octets[..octets.len() - 30]).unwrap();
    assert!(Source::open(&zip).is_err());
    assert!(!Stock::start().differences(&zip).is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_gone_is_said() {
    let folder = tempfile::tempdir().unwrap();
    let (maker, number) = city(folder.path()).await;
    fs::remove_file(folder.path().join("2.wav")).unwrap();
    let place = folder.path().join("case");
    let made =
        maker.make(&number, (place.clone(), Form::Folder), Duration::ZERO, Arc::default()).await.unwrap();
    assert_eq!(made.missing.len(), 1);
    let found = verify(&mut Source::open(&place).unwrap(), &[]);
    assert!(
        found.differences.iter().all(|difference| difference.to_string().contains(&made.missing[0])),
        "{found:?}"
    );
    assert!(!found.is_good());
    let unknown = CaseNumber("2026-01-999999".to_owned());
    let nothing =
        maker.make(&unknown, (folder.path().join("x"), Form::Zip), Duration::ZERO, Arc::default()).await;
    assert!(matches!(nothing, Err(ExportError::NoCase(_))));
    let stopped = Arc::new(Progress::default());
    stopped.is_stopped.store(true, Ordering::Relaxed);
    let stopped = maker.make(&number, (folder.path().join("y"), Form::Zip), Duration::ZERO, stopped).await;
    assert!(matches!(stopped, Err(ExportError::Stopped)), "{stopped:?}");
}
