//! A city with a key: a real call is recorded plain, encrypted once it is over, heard as before, and proven as before; one that
//! a kill cut off opens, is repaired at the next start, and encrypted then.

use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use crate::audio::{Stereo, ToneSequence};
use crate::citizen::Invite;
use crate::server::{Server, Setup};
use crate::verify::verify;
use crate::wait;

const SOON: Duration = Duration::from_secs(30);
/// Octets of the encrypted file before its sound: its head, the head of the recording, a tag; and of one second with its tag.
const HEAD: usize = 80 + 684 + 16;
const SECOND: usize = 32_016;

fn server() -> Server {
    let more = "[keys]\nkey_file = \"content.key\"\n".to_owned();
    let mut server = Server::prepare(&Setup { more, ..Setup::default() });
    let key = server.folder().join("content.key").display().to_string();
    let made = server.output(&["content-key", &key]);
    assert!(made.status.success(), "{made:?}");
    server.run();
    server
}

/// The encrypted form of the only recording, once there is no other.
fn encrypted(server: &Server) -> PathBuf {
    let mut found = None;
    wait::until_true("the recording to be encrypted", SOON, || {
        let files = server.recording_files();
        let is_encrypted = |path: &PathBuf| path.to_string_lossy().ends_with(".wav.enc");
        found = files.first().filter(|path| files.len() == 1 && is_encrypted(path)).cloned();
        found.is_some()
    });
    found.expect("it was found")
}

#[test]
fn a_call_is_encrypted_once_it_is_over_and_heard_and_proven_as_before() {
    let server = server();
    let caller = "380440000811";
    let mut citizen = Invite { caller: caller.to_owned(), ..Invite::default() }.call(server.sip);
    let sequence = ToneSequence::citizen(81, 4000);
    citizen.rtp.say(&sequence.samples());
    wait::until_true("the citizen to finish", SOON, || {
        citizen.rtp.speech_began().is_some() && citizen.rtp.has_finished_speaking()
    });
    let plain = fs::read(server.recordings().pop().expect("plain while it is written")).expect("it opens");
    citizen.hang_up();
    let auditor = server.sign_in("audyt");
    let call = auditor.finished_call(caller);
    let path = encrypted(&server);
    let found = sequence.find(&auditor.recording(&call).left);
    assert!(found.share > 0.8, "what was said is heard: {found:?}");
    let whole = fs::read(&path).expect("it can be read");
    // Sound that is not silence; what stands once in the plain file stands nowhere in the other.
    let loud =
        plain[684..].chunks_exact(32).filter(|part| part.iter().any(|octet| *octet > 8 && *octet < 248));
    let pieces: std::collections::HashSet<&[u8]> = loud.collect();
    assert!(pieces.len() > 100, "{}", pieces.len());
    assert!(!whole.windows(32).any(|part| pieces.contains(part)));
    let (code, said) = verify(&server, &[]);
    assert_eq!(code, Some(0), "{said}");

    let mut altered = whole.clone();
    altered[HEAD + 2 * SECOND + 17_001] ^= 0b100;
    fs::write(&path, &altered).expect("it can be changed");
    let (code, said) = verify(&server, &[]);
    let named = format!(
        "of call {}: second 2 (00:00:02) is not what was sealed",
        call["id"].as_str().expect("an id")
    );
    assert!(code == Some(1) && said.lines().next().is_some_and(|line| line.ends_with(&named)), "{said}");
    fs::write(&path, &whole).expect("it can be restored");
}

#[test]
fn a_call_cut_off_by_a_kill_opens_is_repaired_and_then_encrypted() {
    let mut server = server();
    let caller = "380440000812";
    let citizen = Invite { caller: caller.to_owned(), ..Invite::default() }.call(server.sip);
    let sequence = ToneSequence::citizen(82, 3000);
    citizen.rtp.say(&sequence.samples());
    wait::until_true("the citizen to finish", SOON, || {
        citizen.rtp.speech_began().is_some() && citizen.rtp.has_finished_speaking()
    });
    server.kill();
    drop(citizen);
    let plain = server.recordings().pop().expect("plain while it is written");
    Stereo::read(fs::File::open(plain).expect("it is there"));
    server.run();
    encrypted(&server);
    let auditor = server.sign_in("audyt");
    let call = auditor.finished_call(caller);
    let found = sequence.find(&auditor.recording(&call).left);
    assert!(found.share > 0.6, "of three seconds one may be lost: {found:?}");
    let (code, said) = verify(&server, &[]);
    assert_eq!(code, Some(0), "{said}");
}
