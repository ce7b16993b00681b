//! The protection of one port of a leg: none, keys, or the handshake that will bring them. A leg has one, and a second
//! for RTCP when a DTLS peer keeps that on a port of its own (RFC 5764 4.1). Who may speak to it and where its records
//! go is the front's business.

use std::time::Instant;

use super::SECURITY_DEADLINE;
use super::handshake::{Handshake, HandshakeError, SessionKeys};
use super::identity::Identity;
use crate::media::DropReason;
use crate::media_plane::sockets::Stream;
use crate::rtp::rtcp::is_rtcp;
use crate::sdp::{DtlsRole, Security};
use crate::srtp::{Rejection, SrtpReceiver, SrtpSender};

#[derive(Debug)]
pub(super) struct Association {
    security: Security,
    state: State,
}

#[derive(Debug)]
enum State {
    /// Nothing is encrypted.
    Plain,
    /// Keys are on their way.
    Handshake { handshake: Box<Handshake>, deadline: Instant },
    /// With the handshake the keys came from, if they came from one.
    Secured { sender: Box<SrtpSender>, receiver: Box<SrtpReceiver>, handshake: Option<Box<Handshake>> },
    /// Nothing passes any more; `told` when somebody knows.
    Failed { told: bool },
}

impl Association {
    pub(super) fn plain() -> Self {
        Self { security: Security::None, state: State::Plain }
    }

    /// What was agreed, for the first time or anew; what is the same goes on. `proven`: ICE shows where the peer is.
    pub(super) fn agree(&mut self, security: &Security, identity: &Identity, proven: bool, now: Instant) {
        if self.security == *security {
            return;
        }
        self.state = match (security, std::mem::replace(&mut self.state, State::Plain)) {
            (Security::None, _) => State::Plain,
            (Security::Sdes { send, receive, .. }, State::Secured { sender, receiver, handshake: None }) => {
                // One new key leaves the other direction's packet numbers where they are.
                let (same_send, same_receive) = match &self.security {
                    Security::Sdes { send: old_send, receive: old_receive, .. } => {
                        (send == old_send, receive == old_receive)
                    }
                    _ => (false, false),
                };
                State::Secured {
                    sender: if same_send { sender } else { Box::new(SrtpSender::new(send)) },
                    receiver: if same_receive { receiver } else { Box::new(SrtpReceiver::new(receive)) },
                    handshake: None,
                }
            }
            (Security::Sdes { send, receive, .. }, _) => {
                State::secured(SessionKeys { send: *send, receive: *receive }, None)
            }
            (Security::Dtls { role, fingerprint }, _) => State::Handshake {
                handshake: Box::new(Handshake::new(identity, *role, *fingerprint, proven, now)),
                deadline: now + SECURITY_DEADLINE,
            },
        };
        self.security = security.clone();
    }

    /// Whether ours is the first step of the handshake, and still to be done.
    pub(super) fn is_to_begin(&self) -> bool {
        matches!(&self.state, State::Handshake { handshake, .. }
            if handshake.role() == DtlsRole::Client && handshake.poll_timeout().is_none())
    }

    /// One step of the handshake: a datagram of the peer's, or the passing of time.
    pub(super) fn drive(&mut self, datagram: Option<&[u8]>, now: Instant, transmit: impl FnMut(&[u8])) {
        let (State::Handshake { handshake, .. } | State::Secured { handshake: Some(handshake), .. }) =
            &mut self.state
        else {
            return;
        };
        let step = match datagram {
            Some(datagram) => handshake.handle_datagram(datagram, now, transmit),
            None => handshake.handle_timeout(now, transmit),
        };
        self.apply(step);
    }

    fn apply(&mut self, step: Result<Option<SessionKeys>, HandshakeError>) {
        self.state = match (step, std::mem::replace(&mut self.state, State::Failed { told: false })) {
            (Ok(Some(keys)), State::Handshake { handshake, .. }) => {
                tracing::debug!(suite = keys.send.suite().name(), "media is encrypted");
                State::secured(keys, Some(handshake))
            }
            (Ok(_), state) => state,
            (Err(error), State::Handshake { .. }) => {
                tracing::warn!(%error, "DTLS handshake failed");
                State::Failed { told: false }
            }
            // The keys are there and stay good; only the handshake is gone, a close_notify among the reasons.
            (Err(_), State::Secured { sender, receiver, .. }) => {
                State::Secured { sender, receiver, handshake: None }
            }
            (Err(_), state) => state,
        };
    }

    /// Opens a packet in place; its plain length.
    pub(super) fn open(&mut self, datagram: &mut [u8]) -> Result<usize, DropReason> {
        let opened = match &mut self.state {
            State::Plain => return Ok(datagram.len()),
            State::Secured { receiver, .. } if is_rtcp(datagram) => receiver.unprotect_rtcp(datagram),
            State::Secured { receiver, .. } => receiver.unprotect_rtp(datagram),
            State::Handshake { .. } | State::Failed { .. } => return Err(DropReason::NoKeys),
        };
        opened.map_err(|rejection| match rejection {
            Rejection::Malformed => DropReason::Malformed,
            Rejection::Replayed => DropReason::Replayed,
            Rejection::Forged => DropReason::Forged,
            Rejection::TooManySources => DropReason::TooManySources,
        })
    }

    /// What goes out for a plain packet; none while there are no keys.
    pub(super) fn protect<'b>(
        &mut self,
        stream: Stream,
        packet: &'b [u8],
        buffer: &'b mut [u8],
    ) -> Option<&'b [u8]> {
        match (&mut self.state, stream) {
            (State::Plain, _) => Some(packet),
            (State::Secured { sender, .. }, Stream::Rtp) => sender.protect_rtp(packet, buffer),
            (State::Secured { sender, .. }, Stream::Rtcp) => sender.protect_rtcp(packet, buffer),
            (State::Handshake { .. } | State::Failed { .. }, _) => None,
        }
    }

    pub(super) fn poll_timeout(&self) -> Option<Instant> {
        match &self.state {
            State::Handshake { handshake, deadline } => {
                Some(handshake.poll_timeout().map_or(*deadline, |at| at.min(*deadline)))
            }
            State::Secured { handshake: Some(handshake), .. } => handshake.poll_timeout(),
            _ => None,
        }
    }

    /// Repeats what was lost, or gives up.
    pub(super) fn handle_timeout(&mut self, now: Instant, transmit: impl FnMut(&[u8])) {
        if matches!(&self.state, State::Handshake { deadline, .. } if *deadline <= now) {
            tracing::warn!("no keys for media in time");
            self.state = State::Failed { told: false };
        } else if self.poll_timeout().is_some_and(|at| at <= now) {
            self.drive(None, now, transmit);
        }
    }

    /// True once, when there will never be keys.
    pub(super) fn take_failure(&mut self) -> bool {
        match &mut self.state {
            State::Failed { told } => !std::mem::replace(told, true),
            _ => false,
        }
    }
}

impl State {
    fn secured(keys: SessionKeys, handshake: Option<Box<Handshake>>) -> Self {
        Self::Secured {
            sender: Box::new(SrtpSender::new(&keys.send)),
            receiver: Box::new(SrtpReceiver::new(&keys.receive)),
            handshake,
        }
    }
}
