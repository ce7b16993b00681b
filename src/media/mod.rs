//! The media machine: legs that have their tick together, their play-out, bridging and recording tap. Sans-IO:
//! packets and 20 ms ticks in, packets and sample blocks out through a [`Sink`], no allocation per packet.

mod block;
mod bridged;
mod codec;
mod comfort_noise;
mod concealment;
mod decoded;
mod delay;
mod drops;
mod ear;
mod exchange;
mod jitter_buffer;
mod keypad;
mod leg;
mod playout;
mod reports;
mod room;
mod sender;
mod source;
mod tap;
#[cfg(test)]
mod tests;
mod voice;

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use crate::dtmf::Digit;
use crate::ids::{LegId, RecordingId};
use crate::sdp::AudioSession;

pub use drops::{DropReason, Drops};
pub use exchange::Exchange;
pub use room::Role;

/// Sample rate of telephone speech and of all our own sounds, Hz.
pub const SAMPLE_RATE: u32 = 8000;
/// Sample rate of the wideband codecs, Hz.
pub const WIDEBAND_SAMPLE_RATE: u32 = 16_000;
/// The tick of the media plane, milliseconds.
pub const TICK_MS: u64 = 20;
/// Samples per tick and channel, at [`SAMPLE_RATE`].
pub const SAMPLES_PER_TICK: usize = 160;
/// The same at [`WIDEBAND_SAMPLE_RATE`]: the longest block.
pub const MAX_SAMPLES_PER_TICK: usize = 320;

/// Mono 16-bit PCM at [`SAMPLE_RATE`]: one prompt, one piece of music.
#[derive(PartialEq, Eq)]
pub struct Sound {
    pub samples: Vec<i16>,
}

impl std::fmt::Debug for Sound {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Sound({} ms)", self.samples.len() / 8)
    }
}

/// Names one `Play`, so that a late [`Event::PlayFinished`] of a replaced one can be told apart.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct PlayId(pub u64);

/// What the signalling side asks of a leg's media.
#[derive(Clone, Debug)]
pub enum Command {
    /// Reserves ports for a leg; answered by [`Event::Opened`] or [`Event::OpenFailed`]. `seed` gives SSRC,
    /// first sequence number and first time stamp; the sockets are of the address family of `towards`, where the
    /// peer is. Only legs opened `beside` one another can be bridged: they share a turn.
    Open {
        leg: LegId,
        seed: u64,
        towards: IpAddr,
        beside: Option<LegId>,
    },
    /// Sets or changes what was negotiated; the first call starts sending and the media timeout.
    Connect {
        leg: LegId,
        session: AudioSession,
    },
    Close {
        leg: LegId,
    },
    /// Plays the sounds one after the other to the leg, replacing what plays; `repeat` starts over for ever.
    Play {
        leg: LegId,
        play: PlayId,
        sounds: Vec<Arc<Sound>>,
        repeat: bool,
    },
    StopPlay {
        leg: LegId,
    },
    /// Presses a key towards the peer (RFC 4733), after those pressed before; nothing where the peer takes no
    /// telephone events.
    SendDigit {
        leg: LegId,
        digit: Digit,
    },
    /// Both legs hear each other from the next tick; playing on either stops.
    Bridge {
        a: LegId,
        b: LegId,
    },
    /// Tells from now on when whoever is at the leg speaks: [`Event::VoiceStarted`] and its like.
    Listen {
        leg: LegId,
    },
    /// Puts `leg` into the bridge that `beside` is in, or changes its role there; playing on `leg` stops. Where
    /// `beside` is alone, both hear each other as by `Bridge`. Ignored when the bridge has as many legs as it may.
    Join {
        leg: LegId,
        beside: LegId,
        role: Role,
    },
    /// Takes `leg` out of its bridge; one that is left alone is in none.
    Unbridge {
        leg: LegId,
    },
    /// Starts the stereo recording of a leg: left what it sends, right what it is sent. Block 0 is the next tick.
    /// `sample_rate` is that of telephone speech or of the wideband codecs.
    Record {
        leg: LegId,
        recording: RecordingId,
        sample_rate: u32,
    },
    /// Ends the recording; the last block has been handed out before [`Event::RecordingEnded`].
    StopRecording {
        leg: LegId,
        recording: RecordingId,
    },
}

impl Command {
    /// The leg it is about; the one that is there already where it brings two together.
    pub fn leg(&self) -> LegId {
        match self {
            Self::Open { leg, .. }
            | Self::Connect { leg, .. }
            | Self::Close { leg }
            | Self::Play { leg, .. }
            | Self::StopPlay { leg }
            | Self::SendDigit { leg, .. }
            | Self::Bridge { a: leg, .. }
            | Self::Join { beside: leg, .. }
            | Self::Unbridge { leg }
            | Self::Listen { leg }
            | Self::Record { leg, .. }
            | Self::StopRecording { leg, .. } => *leg,
        }
    }
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Event {
    Opened {
        leg: LegId,
        local_rtp: SocketAddr,
    },
    /// No port free or the sockets failed.
    OpenFailed {
        leg: LegId,
    },
    PlayFinished {
        leg: LegId,
        play: PlayId,
    },
    DigitPressed {
        leg: LegId,
        digit: Digit,
        duration_ms: u32,
    },
    /// The first audio packet from the peer after a (re)connect.
    AudioStarted {
        leg: LegId,
    },
    /// The peer may speak, and has sent no RTP for [`QUIET_SECS`], or none since it was connected: perhaps it knows of no
    /// call any more. Told once for each silence.
    WentQuiet {
        leg: LegId,
    },
    /// Whoever is at a leg that is listened to has begun to speak, 60 ms ago.
    VoiceStarted {
        leg: LegId,
    },
    /// Has been quiet for 200 ms.
    VoiceStopped {
        leg: LegId,
    },
    /// One pure tone is over, as machines give before they record.
    ToneEnded {
        leg: LegId,
    },
    /// Nothing came for [`MEDIA_TIMEOUT_SECS`] though the peer may send and is not on hold.
    MediaTimeout {
        leg: LegId,
    },
    /// The handshake for the keys of its media failed, or took too long: it will never be heard.
    SecurityFailed {
        leg: LegId,
    },
    RecordingEnded {
        recording: RecordingId,
        frames: u64,
    },
    Closed {
        leg: LegId,
        stats: LegStats,
    },
}

/// No RTP for this long from a peer that sent some: short enough to ask and have the answer within five seconds, longer
/// than packets get lost in a row.
pub const QUIET_SECS: u64 = 2;
/// No RTP and no RTCP for this long on a leg that sends and receives: it is dead. A silent peer that still sends comfort
/// noise or RTCP is alive, and on hold either side may be silent for as long as it likes.
pub const MEDIA_TIMEOUT_SECS: u64 = 30;

/// Counters of one leg, final when it closes.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct LegStats {
    /// Of the peer's source; those of them that came too late to be heard, or twice, are among the drops as well.
    pub packets_received: u64,
    pub packets_sent: u64,
    /// Expected minus received (RFC 3550 A.3), never negative.
    pub packets_lost: u64,
    pub drops: Drops,
    /// RFC 3550 A.8 interarrival jitter, microseconds.
    pub jitter_us: u32,
}

/// Where the machine's output goes; the media thread and the simulation implement it.
pub trait Sink {
    fn transmit_rtp(&mut self, leg: LegId, to: SocketAddr, packet: &[u8]);
    fn transmit_rtcp(&mut self, leg: LegId, to: SocketAddr, packet: &[u8]);
    /// Until the next `Connect` the leg believes RTP from this address only: others need not be let in.
    fn settled(&mut self, _leg: LegId, _address: SocketAddr) {}
    /// One tick of a recording at its rate: equally long channels, left the leg's, right ours.
    fn record(&mut self, recording: RecordingId, left: &[i16], right: &[i16]);
    fn event(&mut self, event: Event);
}
