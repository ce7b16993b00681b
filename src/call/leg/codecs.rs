//! Which codecs a leg offers, and in which order: sound that need not be transcoded costs least and loses nothing.
//! What was agreed is `sdp/`'s.

use super::body::session_description;
use super::renegotiate::trial;
use super::{Leg, State};
use crate::call::turn::Turn;
use crate::sdp::Codec;

impl Leg {
    /// This leg will talk to one of that codec: sound that is passed on as it came costs no transcoding and loses
    /// nothing, so it is offered first.
    pub fn talk_beside(&mut self, codec: Option<Codec>) {
        self.media.beside = codec;
    }

    /// The codec that was agreed, or will be when the leg is answered as it stands; none before an answer to our offer.
    pub fn codec(&self, turn: &Turn<'_>) -> Option<Codec> {
        if let Some(session) = &self.media.session {
            return Some(session.codec);
        }
        let State::Offered { invite, .. } = &self.state else { return None };
        let offer = session_description(&invite.headers, &invite.body).ok()??;
        let (_, session) = trial(offer, self.codecs(turn), self.flow, turn.srtp).answer(offer).ok()?;
        Some(session.codec)
    }

    /// What we offer: first what is spoken already, else what the other leg speaks, then as configured.
    pub(super) fn codecs(&self, turn: &Turn<'_>) -> Vec<Codec> {
        let spoken = self.media.session.as_ref().map(|session| session.codec);
        let first = spoken.or(self.media.beside).filter(|codec| turn.codecs.contains(codec));
        let others = turn.codecs.iter().copied().filter(|codec| Some(*codec) != first);
        first.into_iter().chain(others).collect()
    }
}
