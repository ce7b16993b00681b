//! Calls of the telephone over loopback, against another one and against a far end of a few lines that rings,
//! refuses and is cancelled: what goes over the wire at the end, and which files stay behind.
#![allow(clippy::unwrap_used, clippy::panic)]

use std::net::{Ipv4Addr, UdpSocket};

use super::*;
use crate::sip::message::Host;

const RECORD: &str = "heard.wav";
/// Bytes of a recording that began a moment ago.
const A_LITTLE_SOUND: u64 = 8_000;
/// Nothing here takes longer.
const LONGEST: Duration = Duration::from_secs(20);

async fn telephone(folder: &Path, first_port: u16) -> Softphone {
    let settings = Settings {
        sip: (Ipv4Addr::LOCALHOST, 0).into(),
        rtp_ports: first_port..=first_port + 49,
        recordings: folder.to_owned(),
    };
    Softphone::start(settings).await.unwrap()
}

fn target(address: SocketAddr) -> Uri {
    Uri::sip(Some("1580"), Host::Ip(address.ip()), Some(address.port()))
}

/// A response with nothing but what must be copied (RFC 3261 8.2.6.2).
fn response(request: &str, status: &str) -> String {
    let copied = ["Via:", "From:", "To:", "Call-ID:", "CSeq:"];
    let mut text = format!("SIP/2.0 {status}\r\n");
    for line in request.lines().filter(|line| copied.iter().any(|name| line.starts_with(name))) {
        let tag = if line.starts_with("To:") && !line.contains("tag=") { ";tag=far" } else { "" };
        text += &format!("{line}{tag}\r\n");
    }
    text + "Content-Length: 0\r\n\r\n"
}

/// Answers each INVITE with `status`, then does what is to be done `then`; a CANCEL with 200 and 487. Tells the methods it
/// saw until the ACK.
fn far_end(
    status: &'static str,
    then: impl Fn() + Send + 'static,
) -> (SocketAddr, std::thread::JoinHandle<Vec<String>>) {
    let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    socket.set_read_timeout(Some(LONGEST)).unwrap();
    let address = socket.local_addr().unwrap();
    let seen = std::thread::spawn(move || {
        let (mut seen, mut invite, mut packet) = (Vec::new(), String::new(), [0; 4096]);
        while !seen.iter().any(|method| method == "ACK") {
            let Ok((length, peer)) = socket.recv_from(&mut packet) else { break };
            let request = String::from_utf8_lossy(&packet[..length]).into_owned();
            let method = request.split(' ').next().unwrap().to_owned();
            let send = |text: String| socket.send_to(text.as_bytes(), peer).unwrap();
            if method == "INVITE" {
                send(response(&request, status));
                then();
                invite = request;
            } else if method == "CANCEL" {
                send(response(&request, "200 OK"));
                send(response(&invite, "487 Request Terminated"));
            }
            seen.push(method);
        }
        seen
    });
    (address, seen)
}

#[tokio::test]
async fn a_refused_call_leaves_no_file() {
    let folder = tempfile::tempdir().unwrap();
    let (address, seen) = far_end("486 Busy Here", || ());
    let mut phone = telephone(folder.path(), 10_000).await;
    let script = Script::new([], LONGEST);
    let refused = phone.call(target(address), address, "1", script, Some(Path::new(RECORD))).await;
    assert!(matches!(refused, Err(PhoneError::Refused(486, _))), "{refused:?}");
    drop(phone);
    assert_eq!(seen.join().unwrap(), ["INVITE", "ACK"]);
    assert!(!folder.path().join(RECORD).exists());
}

#[tokio::test]
async fn a_call_given_up_is_cancelled_to_the_end() {
    let folder = tempfile::tempdir().unwrap();
    let mut phone = telephone(folder.path(), 10_050).await;
    let hook = phone.hook();
    let (address, seen) = far_end("180 Ringing", move || hook.hang_up());
    let since = now().mono;
    let script = Script::new([], LONGEST);
    let given_up = phone.call(target(address), address, "1", script, Some(Path::new(RECORD))).await;
    assert!(matches!(given_up, Err(PhoneError::GivenUp)), "{given_up:?}");
    assert!(since.elapsed() < FINISH_TIMEOUT, "the 487 ends the wait");
    drop(phone);
    assert_eq!(seen.join().unwrap(), ["INVITE", "CANCEL", "ACK"]);
    assert!(!folder.path().join(RECORD).exists());
}

#[tokio::test]
async fn hanging_up_from_outside_completes_the_recording() {
    let folder = tempfile::tempdir().unwrap();
    let mut other = telephone(folder.path(), 10_100).await;
    let mut phone = telephone(folder.path(), 10_150).await;
    let (address, hook) = (other.line.local(), phone.hook());
    let answered =
        tokio::spawn(async move { other.answer(Script::new([], LONGEST), now().mono + LONGEST).await });
    let file = folder.path().join(RECORD);
    let recorded = move || file.metadata().map_or(0, |file| file.len());
    tokio::spawn(async move {
        while recorded() < A_LITTLE_SOUND {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        hook.hang_up();
    });
    let script = Script::new([], LONGEST);
    let call = phone.call(target(address), address, "1", script, Some(Path::new(RECORD)));
    let outcome = call.await.unwrap();
    assert!(!outcome.ended_by_peer && outcome.duration < LONGEST, "{outcome:?}");
    assert!(outcome.recording.is_some_and(|sealed| sealed.frames > 0));
    assert!(answered.await.unwrap().unwrap().unwrap().ended_by_peer);
    assert!(folder.path().join(RECORD).metadata().unwrap().len() > 1_000);
}
