//! `ringback call`: places a call, presses keys, speaks a WAV file, and saves what it hears.
//! Here the arguments become a script and its outcome an exit code; the telephone itself is `softphone/`.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, bail};
use tokio::signal::unix::{SignalKind, signal};

use super::{Failure, Outcome};
use crate::dtmf::Digit;
use crate::files::prompt_reader;
use crate::sip::message::{Host, Uri};
use crate::softphone::{Act, Hook, PhoneError, Script, Settings, Softphone};

/// SIP's port when the URI names none (RFC 3261 19.1.2).
const SIP_PORT: u16 = 5060;

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Whom to call, as in sip:1580@127.0.0.1 or sip:1580@127.0.0.1:5070;transport=tcp
    uri: String,
    /// Keys and pauses after the answer, as in 1,w2s,2 (`w500ms` and `w2s` wait).
    #[arg(long, value_delimiter = ',')]
    digits: Vec<String>,
    /// WAV file to speak after the keys.
    #[arg(long)]
    play: Option<PathBuf>,
    /// WAV file to save to: left what was heard, right what was spoken.
    #[arg(long)]
    record: Option<PathBuf>,
    /// Caller's number.
    #[arg(long, default_value = "380501234567")]
    from: String,
    /// Seconds after which we hang up.
    #[arg(long, default_value_t = 30)]
    seconds: u64,
    /// Ports for our media.
    #[arg(long, default_value = "40000-40099")]
    rtp_ports: crate::config::PortRange,
}

pub(super) async fn run(args: Args) -> Outcome {
    let uri = Uri::parse(&args.uri).with_context(|| format!("'{}' is no SIP URI", args.uri))?;
    let Host::Ip(ip) = uri.host else {
        return Err(anyhow::anyhow!("'{}': write the address of the service, not its name", args.uri).into());
    };
    let address = SocketAddr::new(ip, uri.port.unwrap_or(SIP_PORT));
    let script = Script::new(acts(&args)?, Duration::from_secs(args.seconds));
    let (folder, file) = recording_place(args.record.as_deref())?;
    let source = source_towards(address).with_context(|| format!("no way to {ip}"))?;
    let settings =
        Settings { sip: SocketAddr::new(source, 0), rtp_ports: args.rtp_ports.0, recordings: folder };
    let mut phone = Softphone::start(settings).await?;
    hang_up_when_interrupted(phone.hook())?;
    match phone.call(uri, address, &args.from, script, file.as_deref()).await {
        Ok(outcome) => {
            let end = if outcome.ended_by_peer { "the far end hung up" } else { "we hung up" };
            println!("answered; {:.1} s; {end}", outcome.duration.as_secs_f64());
            if let (Some(file), Some(_)) = (&args.record, outcome.recording) {
                println!("saved to {}", file.display());
            }
            Ok(())
        }
        Err(
            error @ (PhoneError::Refused(..)
            | PhoneError::NoAnswer
            | PhoneError::GivenUp
            | PhoneError::Unreachable),
        ) => Err(Failure::No(error.to_string())),
        Err(error) => Err(error.into()),
    }
}

/// Our address on the way to `target`, for Via, Contact and SDP: the far end must be able to reach it.
fn source_towards(target: SocketAddr) -> std::io::Result<IpAddr> {
    if target.ip().is_loopback() {
        return Ok(target.ip());
    }
    let any: IpAddr =
        if target.is_ipv4() { Ipv4Addr::UNSPECIFIED.into() } else { Ipv6Addr::UNSPECIFIED.into() };
    let socket = UdpSocket::bind((any, 0))?;
    // Sends nothing; the kernel only chooses the route.
    socket.connect(target)?;
    Ok(socket.local_addr()?.ip())
}

/// Ctrl-C and SIGTERM end the call in order; the recording is completed then.
fn hang_up_when_interrupted(hook: Hook) -> std::io::Result<()> {
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    tokio::spawn(async move {
        loop {
            tokio::select! {
                _ = interrupt.recv() => {}
                _ = terminate.recv() => {}
            }
            hook.hang_up();
        }
    });
    Ok(())
}

fn acts(args: &Args) -> anyhow::Result<Vec<Act>> {
    let mut acts = Vec::new();
    for word in &args.digits {
        if let Some(pause) = word.strip_prefix('w') {
            acts.push(Act::Wait(
                pause_of(pause).with_context(|| format!("'{word}' is no pause, as in w2s"))?,
            ));
            continue;
        }
        for key in word.chars() {
            let Some(digit) = Digit::from_char(key) else { bail!("'{key}' is no key") };
            acts.push(Act::Press(digit));
        }
    }
    if let Some(file) = &args.play {
        let sound = prompt_reader::read(file)?;
        acts.push(Act::Play { sounds: vec![Arc::new(sound)], repeat: false });
    }
    Ok(acts)
}

fn pause_of(text: &str) -> Option<Duration> {
    if let Some(millis) = text.strip_suffix("ms") {
        return millis.parse().ok().map(Duration::from_millis);
    }
    text.strip_suffix('s')?.parse().ok().map(Duration::from_secs)
}

/// The folder and the name in it; a folder of our own when nothing is saved.
fn recording_place(file: Option<&Path>) -> anyhow::Result<(PathBuf, Option<PathBuf>)> {
    let Some(file) = file else { return Ok((std::env::temp_dir(), None)) };
    let name = file.file_name().context("--record names no file")?;
    let folder = file.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    Ok((folder.to_owned(), Some(PathBuf::from(name))))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn our_address_is_one_the_far_end_can_answer_to() {
        let loopback: SocketAddr = "127.0.0.2:5060".parse().unwrap();
        assert_eq!(source_towards(loopback).unwrap(), loopback.ip());
        // A machine without a network has no way there, which is no address either.
        if let Ok(source) = source_towards("192.0.2.1:5060".parse().unwrap()) {
            assert!(!source.is_unspecified() && source.is_ipv4(), "{source}");
        }
    }

    #[test]
    fn pauses_are_seconds_or_milliseconds() {
        assert_eq!(pause_of("2s"), Some(Duration::from_secs(2)));
        assert_eq!(pause_of("500ms"), Some(Duration::from_millis(500)));
        assert_eq!(pause_of("2"), None);
        assert_eq!(pause_of("s"), None);
    }
}
