//! What somebody did to a recording on the disk is named by the call and the second, by the real program beside the
//! working service; and a walk that was stopped goes on, or looks at what is new.

use std::fs;
use std::time::Duration;

use crate::audio::ToneSequence;
use crate::citizen::Invite;
use crate::server::Server;
use crate::wait;

const SOON: Duration = Duration::from_secs(15);
/// Octets before the first sample, and of one second of sound.
const HEAD: usize = 684;
const SECOND: usize = 32_000;

/// Says a known sequence where the caller is, and hangs up; the id of the call.
fn speak(server: &Server, caller: &str, seed: u64) -> String {
    let mut citizen = Invite { caller: caller.to_owned(), ..Invite::default() }.call(server.sip);
    let sequence = ToneSequence::citizen(seed, 4000);
    citizen.rtp.say(&sequence.samples());
    wait::until_true("the citizen to finish", SOON, || {
        citizen.rtp.speech_began().is_some() && citizen.rtp.has_finished_speaking()
    });
    citizen.hang_up();
    let auditor = server.sign_in("audyt");
    let call = auditor.finished_call(caller);
    let found = sequence.find(&auditor.recording(&call).left);
    assert!(found.share > 0.7, "the recording holds what was said: {found:?}");
    call["id"].as_str().expect("an id").to_owned()
}

pub fn verify(server: &Server, more: &[&str]) -> (Option<i32>, String) {
    let output = server.output(&[&["verify"], more].concat());
    let said = [output.stdout, output.stderr].concat();
    (output.status.code(), String::from_utf8_lossy(&said).into_owned())
}

#[test]
fn one_bit_of_one_second_is_named_with_its_call() {
    let server = Server::start();
    let call = speak(&server, "380440000501", 51);
    let path = server.recordings().pop().expect("one recording");
    let whole = fs::read(&path).expect("it can be read");
    let (code, said) = verify(&server, &[]);
    assert_eq!(code, Some(0), "{said}");

    let mut altered = whole.clone();
    altered[HEAD + 2 * SECOND + 17_001] ^= 0b100;
    fs::write(&path, &altered).expect("it can be changed");
    let (code, said) = verify(&server, &[]);
    let finding = said.lines().next().unwrap_or_default();
    assert_eq!(code, Some(1), "{said}");
    let named = format!("of call {call}: second 2 (00:00:02) is not what was sealed");
    assert!(finding.starts_with("recording ") && finding.ends_with(&named), "{said}");

    fs::write(&path, &whole).expect("it can be restored");
    let (code, said) = verify(&server, &[]);
    assert_eq!(code, Some(0), "{said}");
}

#[test]
fn what_is_new_is_looked_at_alone_and_the_program_says_so() {
    let server = Server::start();
    speak(&server, "380440000502", 52);
    let state = server.folder().join("verify.json");
    let state = state.to_str().expect("a plain path");
    let (code, said) = verify(&server, &["--state", state, "--since-state"]);
    assert_eq!(code, Some(1), "there is nothing to go on from: {said}");
    let (code, said) = verify(&server, &["--state", state]);
    assert_eq!(code, Some(0), "{said}");
    assert!(said.contains("1 calls, 1 recordings checked"), "{said}");

    let call = speak(&server, "380440000503", 53);
    let (code, said) = verify(&server, &["--state", state, "--since-state"]);
    assert_eq!(code, Some(0), "{said}");
    assert!(said.contains("1 calls, 1 recordings checked") && said.contains("Not looked at"), "{said}");

    let path = server.recordings().into_iter().find(|path| path.to_string_lossy().contains(&call));
    fs::remove_file(path.expect("named by its call")).expect("it can be removed");
    let (code, said) = verify(&server, &[]);
    assert_eq!(code, Some(1), "{said}");
    assert!(said.contains(&format!("of call {call}: its file is missing")), "{said}");
}
