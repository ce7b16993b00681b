//! One leg: a SIP dialog and its media, the same type for calls in (`uas`) and calls out (`uac`).
//!
//! The leg speaks SIP through the [`Turn`] and tells its call what happened by [`LegEvent`]. It does not
//! know who is on the line. RFC 3261 12-15, RFC 3262, RFC 3264, RFC 3311, RFC 4028, RFC 6337.

mod body;
mod codecs;
mod early;
mod flow;
mod in_dialog;
mod over_trunk;
mod refresh;
mod reliable;
mod renegotiate;
#[cfg(test)]
mod tests;
mod transport;
mod uac;
mod uas;

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use crate::call::refusal::Refusal;
use crate::call::turn::Turn;
use crate::dtmf::Digit;
use crate::ids::LegId;
use crate::media;
use crate::sdp::{AudioOffer, AudioSession, Codec, Direction};
use crate::sip::credentials::Login;
use crate::sip::dialog::Dialog;
use crate::sip::message::{Flow, Headers, Host, Method, NameAddr, Request, StatusCode, Uri};
use crate::sip::reliable::SentReliably;
use crate::sip::session_timer::Terms;
use crate::sip::transaction::{ClientTransactionId, ServerTransactionId};
use crate::switchboard::trunks::TrunkHold;
use crate::time::TimerTable;

use early::EarlyDialogs;
use refresh::Refresh;
use uac::Attempts;

/// A 2xx not acknowledged for this long ends the call (RFC 3261 13.3.1.4).
const ACK_TIMEOUT: Duration = Duration::from_secs(32);
/// User part of our Contact.
const CONTACT_USER: &str = "ringback";

/// What a leg tells its call.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum LegEvent {
    /// Media ports are there: the leg can be answered, or has sent its INVITE.
    Prepared,
    /// The far phone rings.
    Ringing,
    /// The far end can be heard before it answers (RFC 3960).
    EarlyMedia,
    /// The offer in our ringing was answered: the leg can be answered now.
    Acknowledged,
    /// Signalling and media stand: 2xx acknowledged (in) or received (out).
    Established,
    /// The peer put us on hold, or took us back.
    Held,
    Resumed,
    Digit(Digit),
    Ended(LegEnd),
}

/// Why a leg is over, as far as SIP knows.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum LegEnd {
    /// BYE from the peer.
    PeerHungUp,
    /// CANCEL from the peer.
    PeerCancelled,
    /// Our answer was never acknowledged.
    NotAcknowledged,
    /// A final failure answered our INVITE.
    Refused(StatusCode),
    /// No answer, no transport.
    Unreachable,
    /// No port, or an answer that cannot be used.
    MediaFailed,
    /// No refresh came before the session interval was over (RFC 4028 10).
    SessionExpired,
}

#[derive(Debug)]
pub struct Leg {
    pub id: LegId,
    flow: Flow,
    state: State,
    media: MediaEnd,
    peer: Peer,
    /// Our reliable provisional response; its PRACK may come after the 2xx (RFC 3262 3).
    provisional: Option<Box<SentReliably>>,
    session_terms: Option<Terms>,
    /// Our last refresh: under way, or answered and its 2xx perhaps repeated.
    refresh: Option<Box<Refresh>>,
    /// What we prove ourselves with when the peer challenges us.
    login: Option<Box<Login>>,
    /// Held by a call that goes out over a trunk.
    trunk_place: Option<TrunkHold>,
    timers: TimerTable<Timer>,
}

/// What the peer has told of itself.
#[derive(Clone, Copy, Default, Debug)]
struct Peer {
    allows_update: bool,
}

impl Peer {
    fn of(headers: &Headers) -> Self {
        Self { allows_update: headers.tokens("Allow").any(|method| method == Method::Update.as_str()) }
    }
}

/// Our end of the media: where we listen and what was agreed.
#[derive(Debug)]
struct MediaEnd {
    local_rtp: Option<SocketAddr>,
    session_id: u64,
    session_version: u64,
    session: Option<AudioSession>,
    /// Our last description, when it was an offer: the same once more is no new version (RFC 3264 8).
    offered: Option<AudioOffer>,
    /// What the leg it will talk to speaks.
    beside: Option<Codec>,
    /// The peer took no encryption of our offer.
    plain: bool,
}

#[derive(Debug)]
enum State {
    /// UAS: INVITE received, not yet answered. The dialog is early once a provisional response is out.
    Offered {
        invite: Box<Request>,
        transaction: ServerTransactionId,
        dialog: Box<Dialog>,
        /// Our offer in a reliable provisional response; its PRACK brings the answer.
        offer: Option<Box<AudioOffer>>,
    },
    /// UAS: 2xx sent, its ACK awaited. Hanging up has to wait for it (RFC 3261 15).
    Answered {
        dialog: Box<Dialog>,
        awaited: AwaitedAck,
        hang_up: HangUp,
    },
    /// UAC: ports are being opened, then the INVITE goes out.
    Preparing {
        target: Box<Uri>,
        from: Box<NameAddr>,
        headers: Vec<(&'static str, String)>,
        /// The INVITE waits for [`Leg::dial`].
        is_parked: bool,
    },
    /// UAC: INVITE sent.
    Calling {
        invite: Box<Request>,
        transaction: ClientTransactionId,
        offer: AudioOffer,
        early: EarlyDialogs,
        attempts: Box<Attempts>,
    },
    /// UAC: CANCEL sent; a 2xx that crosses it is acknowledged and ended.
    Cancelling {
        invite: Box<Request>,
        transaction: ClientTransactionId,
    },
    /// The dialog stands; a re-INVITE may await its ACK.
    Established {
        dialog: Box<Dialog>,
        awaited: Option<AwaitedAck>,
        sent: Option<Box<SentInvite>>,
    },
    Ended,
}

/// Our INVITE, whose transaction still sees 2xx for a while: repeated ones, and those of other forks.
#[derive(Debug)]
struct SentInvite {
    transaction: ClientTransactionId,
    invite: Request,
}

/// Whether to send BYE as soon as the ACK has come.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum HangUp {
    No,
    OnceAcknowledged,
}

/// A 2xx of ours on its way to being acknowledged.
#[derive(Debug)]
struct AwaitedAck {
    transaction: ServerTransactionId,
    seq: u32,
    interval: Duration,
    /// Our offer, when the INVITE had none: the ACK brings the answer.
    offer: Option<AudioOffer>,
}

/// All deadlines of a leg.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
enum Timer {
    /// Send the 2xx once more.
    RetransmitAnswer,
    /// Give up waiting for the ACK.
    AckDeadline,
    /// Repeat the reliable provisional response, or give it up.
    Provisional,
    /// Our refresh of the session is due.
    Refresh,
    /// The session interval is over.
    SessionExpiry,
}

impl Leg {
    fn new(id: LegId, flow: Flow, state: State, turn: &mut Turn<'_>) -> Self {
        let seed = u64::from(turn.mint.u32()) << 32 | u64::from(turn.mint.u32());
        let (towards, beside) = (flow::media_side(&state, flow), turn.beside);
        turn.media(media::Command::Open { leg: id, seed, towards, beside });
        Self {
            id,
            flow,
            state,
            media: MediaEnd {
                local_rtp: None,
                session_id: u64::from(turn.mint.u32()),
                session_version: 1,
                session: None,
                offered: None,
                beside: None,
                plain: false,
            },
            peer: Peer::default(),
            provisional: None,
            session_terms: None,
            refresh: None,
            login: None,
            trunk_place: None,
            timers: TimerTable::default(),
        }
    }

    pub fn is_ended(&self) -> bool {
        matches!(self.state, State::Ended)
    }

    /// True while the peer keeps us on hold (it does not want to hear us).
    pub fn is_held(&self) -> bool {
        self.media.session.as_ref().is_some_and(|session| !session.direction.sends())
    }

    /// The media ports are open.
    pub fn handle_media_opened(&mut self, local_rtp: SocketAddr, turn: &mut Turn<'_>) -> Option<LegEvent> {
        self.media.local_rtp = Some(local_rtp);
        match self.state {
            State::Offered { .. } => Some(LegEvent::Prepared),
            State::Preparing { is_parked: true, .. } => Some(LegEvent::Prepared),
            State::Preparing { .. } => self.send_invite(turn),
            _ => None,
        }
    }

    /// No media port could be had.
    pub fn handle_media_failed(&mut self, turn: &mut Turn<'_>) -> Option<LegEvent> {
        match self.state {
            State::Offered { .. } => self.refuse(Refusal::NoMedia, turn),
            _ => self.end(turn),
        }
        Some(LegEvent::Ended(LegEnd::MediaFailed))
    }

    /// Ends the leg in order, whatever it is doing; safe to call twice.
    pub fn hang_up(&mut self, turn: &mut Turn<'_>) {
        match &mut self.state {
            State::Offered { .. } => self.refuse(Refusal::Cancelled, turn),
            State::Answered { hang_up, .. } => {
                *hang_up = HangUp::OnceAcknowledged;
                turn.media(media::Command::Close { leg: self.id });
            }
            State::Established { dialog, .. } => {
                send_bye(dialog, self.login.as_deref_mut(), turn);
                self.end(turn);
            }
            State::Calling { invite, transaction, early, .. } => {
                let (invite, transaction) = (invite.clone(), *transaction);
                early.forget(turn);
                turn.sip.cancel(transaction, turn.now.mono);
                turn.media(media::Command::Close { leg: self.id });
                self.state = State::Cancelling { invite, transaction };
            }
            State::Preparing { .. } => self.end(turn),
            State::Cancelling { .. } | State::Ended => {}
        }
    }

    /// None before the first message and after the end.
    pub fn sip_call_id(&self) -> Option<&str> {
        match &self.state {
            State::Offered { invite, .. }
            | State::Calling { invite, .. }
            | State::Cancelling { invite, .. } => Some(&invite.call_id),
            State::Answered { dialog, .. } | State::Established { dialog, .. } => Some(&dialog.id.call_id),
            State::Preparing { .. } | State::Ended => None,
        }
    }

    pub fn poll_timeout(&self) -> Option<Instant> {
        self.timers.next_deadline()
    }

    pub fn handle_timeout(&mut self, turn: &mut Turn<'_>) -> Option<LegEvent> {
        let mut event = None;
        while let Some(timer) = self.timers.take_expired(turn.now.mono) {
            match timer {
                Timer::RetransmitAnswer => self.retransmit_answer(turn),
                Timer::AckDeadline => event = self.give_up_ack(turn).or(event),
                Timer::Provisional => event = self.handle_provisional_timeout(turn).or(event),
                Timer::Refresh => event = self.refresh_session(turn).or(event),
                Timer::SessionExpiry => event = self.expire_session(turn).or(event),
            }
        }
        event
    }

    /// The last state: routes forgotten, ports given back.
    fn end(&mut self, turn: &mut Turn<'_>) {
        match &self.state {
            State::Answered { dialog, .. } => {
                turn.routes.dialogs.remove(&dialog.id);
            }
            State::Established { dialog, sent, .. } => {
                turn.routes.dialogs.remove(&dialog.id);
                if let Some(sent) = sent {
                    turn.routes.requests.remove(&sent.transaction);
                }
            }
            State::Offered { transaction, dialog, .. } => {
                turn.routes.invites.remove(transaction);
                turn.routes.dialogs.remove(&dialog.id);
            }
            State::Calling { transaction, early, .. } => {
                turn.routes.requests.remove(transaction);
                early.forget(turn);
            }
            State::Cancelling { transaction, .. } => {
                turn.routes.requests.remove(transaction);
            }
            State::Preparing { .. } => {}
            State::Ended => return,
        }
        if let Some(refresh) = self.refresh.take() {
            turn.routes.requests.remove(&refresh.transaction);
        }
        self.timers.clear();
        self.trunk_place = None;
        self.state = State::Ended;
        turn.media(media::Command::Close { leg: self.id });
    }

    /// Takes what was agreed; tells hold and resume when the peer's wish changed.
    fn apply_session(&mut self, session: AudioSession, turn: &mut Turn<'_>) -> Option<LegEvent> {
        let was_held = self.is_held();
        let first = self.media.session.is_none();
        turn.media(media::Command::Connect { leg: self.id, session: session.clone() });
        self.media.session = Some(session);
        match (first, was_held, self.is_held()) {
            (false, false, true) => Some(LegEvent::Held),
            (false, true, false) => Some(LegEvent::Resumed),
            _ => None,
        }
    }

    /// Our side of the next session description.
    fn local_description(&self, turn: &mut Turn<'_>) -> AudioOffer {
        let bound = self.media.local_rtp.unwrap_or(self.flow.local);
        let ip = if bound.ip().is_unspecified() { self.flow.local.ip() } else { bound.ip() };
        AudioOffer {
            session_id: self.media.session_id,
            session_version: self.media.session_version,
            address: turn.advertised.filter(|known| known.is_ipv4() == ip.is_ipv4()).unwrap_or(ip),
            port: bound.port(),
            codecs: self.codecs(turn),
            running: self.media.session.as_ref().map(AudioSession::receivable).unwrap_or_default(),
            direction: Direction::SendRecv,
            transport: self.local_transport(turn),
        }
    }

    fn contact(&self) -> NameAddr {
        contact_over(self.flow)
    }
}

/// Our Contact as the peer at the other end of `flow` can reach it.
fn contact_over(flow: Flow) -> NameAddr {
    let mut uri = Uri::sip(Some(CONTACT_USER), Host::Ip(flow.local.ip()), Some(flow.local.port()));
    if flow.transport.is_reliable() {
        uri.params.set("transport", Some(flow.transport.name().to_ascii_lowercase()));
    }
    NameAddr::new(uri)
}

/// BYE is fire and forget for the leg: the transaction layer retransmits it, its answer changes nothing.
fn send_bye(dialog: &mut Dialog, login: Option<&mut Login>, turn: &mut Turn<'_>) {
    let mut bye = dialog.request(Method::Bye);
    authorize(&mut bye, login, turn);
    let flow = dialog.flow;
    if let Err(error) = turn.sip.send_request(bye, flow, turn.now.mono) {
        tracing::warn!(sip.call_id = %dialog.id.call_id, %error, "BYE not sent");
    }
}

/// Answers the peer's challenge beforehand, where one is known.
fn authorize(request: &mut Request, login: Option<&mut Login>, turn: &mut Turn<'_>) {
    if let Some(login) = login {
        login.authorize(request, &turn.mint.token());
    }
}
