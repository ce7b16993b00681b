//! What is said of single changes: to a file, also an encrypted one, to what should be there and is not; and that a walk
//! goes on where it stopped and finds what is new.

use super::city::{call, encrypted};
use super::*;

#[tokio::test]
async fn what_was_done_to_a_file_is_said_in_words() {
    let scene = Scene::of_calls().await;
    let path = recording(3).path;
    let whole = scene.sound[&scene.folder.path().join(&path)].clone();
    let named = format!("recording {} of call {}: ", recording_id(3), contact_id(3));
    let flipped = |at: usize| {
        let mut bytes = whole.clone();
        bytes[at] ^= 1;
        bytes
    };
    let second = |n: usize| HEADER_LEN + n * 32_000;
    let appended = [&whole[..], b"more"].concat();
    let mut two = flipped(second(1) + 5);
    two[second(2) - 1] ^= 1;
    two[second(3) - 1] ^= 1;
    let cases: [(Vec<u8>, &[&str]); 7] = [
        (flipped(second(2)), &["second 2 (00:00:02) is not what was sealed"]),
        (two, &["seconds 1 to 2 (00:00:01 to 00:00:02) are not what was sealed"]),
        (flipped(100), &["the head of its file is not what was sealed"]),
        (flipped(whole.len() - 1), &["the markers behind its sound are not what was sealed"]),
        (appended, &["4 octets were appended to its file"]),
        (whole[..second(2) + 8].to_vec(), &["its file was cut: "]),
        (
            scene.sound[&scene.folder.path().join(recording(1).path)].clone(),
            &["its file is that of recording "],
        ),
    ];
    for (bytes, expected) in cases {
        fs::write(scene.folder.path().join(&path), bytes).unwrap();
        let found = scene.findings().await;
        assert_eq!(found.len(), expected.len(), "{found:?}");
        for (found, expected) in found.iter().zip(expected) {
            assert!(found.starts_with(&format!("{named}{expected}")), "{found}, not {expected}");
        }
    }
    fs::remove_file(scene.folder.path().join(&path)).unwrap();
    assert_eq!(scene.findings().await, [format!("{named}its file is missing: {path}")]);
}

#[tokio::test]
async fn a_walk_stops_at_every_page_goes_on_and_looks_at_what_is_new() {
    let mut scene = Scene::of_calls().await;
    let files = Folder(scene.folder.path().to_owned());
    let mut report = VerifyReport::default();
    let mut runs = 0;
    while !report.is_whole() {
        let kept = serde_json::to_string(&report.to_keep()).unwrap();
        let resumed: VerifyReport = serde_json::from_str(&kept).unwrap();
        let mut stop = |_: &VerifyReport| ControlFlow::Break(());
        report = scene.store.verify_from(resumed, &mut stop, Some(&files)).await.unwrap();
        runs += 1;
        assert!(runs < 100, "{report:?}");
    }
    let whole = scene.store.verify(&mut |_| {}, Some(&files)).await.unwrap();
    assert!(runs > 4 && report.is_good(), "{runs} runs: {report:?}");
    assert_eq!((report.checked, report.head), (whole.checked, whole.head));

    // An old change is not looked at, a new one is.
    scene.sql("UPDATE contacts SET disposition = 'nuisance' WHERE rowid = 1".to_owned()).await;
    call(&scene.store, scene.folder.path(), CALLS + 1, 1).await;
    let since = |report: &VerifyReport| report.clone().since();
    let new = scene
        .store
        .verify_from(since(&report), &mut |_| ControlFlow::Continue(()), Some(&files))
        .await
        .unwrap();
    assert!(new.is_good(), "{:?}", new.findings);
    assert_eq!((new.checked.entries, new.checked.contacts, new.checked.recordings), (10, 1, 1));
    scene
        .sql(format!("UPDATE contacts SET disposition = 'nuisance' WHERE id = '{}'", contact_id(CALLS + 1)))
        .await;
    let new = scene
        .store
        .verify_from(since(&report), &mut |_| ControlFlow::Continue(()), Some(&files))
        .await
        .unwrap();
    assert_eq!(new.findings.len(), 1, "{:?}", new.findings);
    // The entry that the earlier run ended at is another one.
    scene.sql(format!("UPDATE journal SET reason = 'x' WHERE seq = {}", report.head.seq)).await;
    let new = scene
        .store
        .verify_from(since(&report), &mut |_| ControlFlow::Continue(()), Some(&files))
        .await
        .unwrap();
    assert!(new.findings[0].to_string().contains("was altered"), "{:?}", new.findings);
}

#[tokio::test]
async fn what_should_be_there_and_is_not_is_found() {
    let mut scene = Scene::of_calls().await;
    let orphan = scene.folder.path().join("2026/11/20/orphan.wav");
    fs::create_dir_all(orphan.parent().unwrap()).unwrap();
    let long_ago = std::time::SystemTime::UNIX_EPOCH;
    fs::File::create(&orphan).unwrap().set_modified(long_ago).unwrap();
    assert_eq!(scene.findings().await, ["orphan file 2026/11/20/orphan.wav: no recording asks for it"]);
    fs::remove_file(&orphan).unwrap();

    // A call that came in and was answered by its SIP messages alone; and one that nobody recorded, nor says why.
    for n in [8, 9] {
        let mut offered = Draft::new(EventType::ContactOffered, at(i64::from(n)), Actor::system("test"));
        let mut ended = Draft::new(EventType::ContactEnded, at(i64::from(n) + 1), Actor::system("test"));
        let mut answered = Draft::new(EventType::ContactAnswered, at(i64::from(n)), Actor::system("test"));
        for draft in [&mut offered, &mut ended, &mut answered] {
            draft.contact = Some(contact_id(n));
        }
        let mut row = Contact { ended_at: Some(at(i64::from(n) + 1)), ..contact(n) };
        let mut entries = vec![offered, ended];
        if n == 9 {
            row.answered_at = Some(at(i64::from(n)));
            entries.push(answered);
        }
        scene.store.commit(Batch { contacts: vec![row], entries, ..Batch::default() }).await.unwrap();
    }
    let ladder = format!(
        "INSERT INTO ladder_messages (contact, seq, at, direction, transport, local, remote, bytes) VALUES \
         ('{}', 1, 1, 'sent', 'udp', '', '', CAST('SIP/2.0 200 OK{}CSeq: 1 INVITE{}' AS BLOB))",
        contact_id(8),
        "\r\n",
        "\r\n"
    );
    scene.sql(ladder).await;
    let mut found = scene.findings().await;
    found.sort();
    let expected = [
        format!("call {}: by its SIP messages it was answered, by its row it was not", contact_id(8)),
        format!(
            "call {}: it was answered, and no entry says that it was recorded, or why not",
            contact_id(9)
        ),
    ];
    assert_eq!(found, expected);
}

/// Where second `n` of a sealed recording begins in its encrypted file.
fn second(n: usize) -> usize {
    80 + HEADER_LEN + 16 + n * 32_016
}

#[tokio::test]
async fn an_encrypted_file_is_proven_as_a_plain_one_and_its_broken_second_named() {
    let mut scene = Scene::of_calls().await;
    scene.store = scene.store.with_keys(Some(KeyRing::new(MasterKey::new([1; 32]), Vec::new())));
    let paths = encrypted(&scene.store, scene.folder.path(), 10).await;
    assert_eq!((paths.len(), scene.findings().await), (CALLS as usize, Vec::<String>::new()));
    let of = |n: u32| format!("recording {} of call {}: ", recording_id(n), contact_id(n));
    let whole = fs::read(&paths[3]).unwrap();
    let mut altered = whole.clone();
    altered[second(2) + 9] ^= 4;
    fs::write(&paths[3], &altered).unwrap();
    assert_eq!(scene.findings().await, [of(4) + "second 2 (00:00:02) is not what was sealed"]);
    fs::write(&paths[3], &whole[..second(3)]).unwrap();
    let found = scene.findings().await;
    assert!(found.len() == 1 && found[0].starts_with(&(of(4) + "its file was cut: ")), "{found:?}");
    fs::write(&paths[3], [whole.as_slice(), b"more"].concat()).unwrap();
    assert_eq!(scene.findings().await, [of(4) + "4 octets were appended to its file"]);
    fs::copy(&paths[2], &paths[3]).unwrap();
    let swapped = of(4) + &format!("its file is that of recording {}", recording_id(3));
    assert_eq!(scene.findings().await, [swapped]);
    fs::write(&paths[3], &whole).unwrap();
    // Nobody can hear it any more: an entry says why, or it is a finding.
    let entry = Draft::new(EventType::AccessViewed, at(900), Actor::system("test"));
    scene.store.destroy_content_key(Subject::Call(contact_id(4)), entry).await.unwrap();
    let destroyed = of(4) + "its content key was destroyed, and no entry says that it was erased";
    assert_eq!(scene.findings().await, [destroyed]);
    let without = scene.store.clone().with_keys(None);
    let files = Folder(scene.folder.path().to_owned());
    let found: Vec<String> = without.verify(&mut |_| {}, Some(&files)).await.unwrap().in_words().collect();
    let locked =
        found.iter().filter(|finding| finding.ends_with("it is encrypted, and its key is not there"));
    assert_eq!(locked.count(), 3, "{found:?}");
}
