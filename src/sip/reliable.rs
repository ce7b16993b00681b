//! Reliable provisional responses (RFC 3262): repeated until their PRACK comes, and taken in order.
//!
//! Two machines, one for each side. Which response is sent reliably, and what its session description means,
//! is the leg's matter; so is the PRACK itself, a request of the early dialog.

use std::time::{Duration, Instant};

use super::message::rack::RAck;
use super::message::{Method, Response};
use super::transaction::timer::{T1, TRANSACTION_TIMEOUT};

/// Most reliable responses taken within one early dialog: a call that rings for three minutes and tells so
/// each second. A peer that sends more is heard, but gets no PRACK.
const MAX_TAKEN: u32 = 200;

/// The answering side: one provisional response on its way to being acknowledged (RFC 3262 3).
#[derive(Debug)]
pub struct SentReliably {
    response: Response,
    rack: RAck,
    state: State,
}

#[derive(Clone, Copy, Debug)]
enum State {
    Repeating {
        interval: Duration,
        resend_at: Instant,
        give_up_at: Instant,
    },
    /// A final response has gone out: nothing is repeated, but the PRACK may still come.
    Superseded,
    Acknowledged,
}

/// What is to be done now.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Due {
    Resend,
    /// No PRACK within 64*T1: the INVITE is to be refused.
    GiveUp,
}

impl SentReliably {
    /// `rseq` is 1 to 2^31-1 and hard to guess. Send [`Self::response`] at once.
    pub fn new(response: Response, rseq: u32, now: Instant) -> Self {
        let rack = RAck { rseq, cseq: response.cseq.clone() };
        let response = response.with_header("Require", "100rel").with_header("RSeq", rseq.to_string());
        let state =
            State::Repeating { interval: T1, resend_at: now + T1, give_up_at: now + TRANSACTION_TIMEOUT };
        Self { response, rack, state }
    }

    pub fn response(&self) -> &Response {
        &self.response
    }

    /// True while it carries a session description nobody has acknowledged: a 2xx has to wait
    /// (RFC 3262 3).
    pub fn holds_success(&self) -> bool {
        !self.response.body.is_empty() && matches!(self.state, State::Repeating { .. })
    }

    /// True once for the PRACK of this response; any other is answered 481.
    pub fn handle_prack(&mut self, rack: &RAck) -> bool {
        let awaited = !matches!(self.state, State::Acknowledged) && *rack == self.rack;
        if awaited {
            self.state = State::Acknowledged;
        }
        awaited
    }

    /// A final response goes out.
    pub fn supersede(&mut self) {
        if matches!(self.state, State::Repeating { .. }) {
            self.state = State::Superseded;
        }
    }

    pub fn poll_timeout(&self) -> Option<Instant> {
        match self.state {
            State::Repeating { resend_at, give_up_at, .. } => Some(resend_at.min(give_up_at)),
            State::Superseded | State::Acknowledged => None,
        }
    }

    /// The interval doubles without the bound of T2 (RFC 3262 3).
    pub fn handle_timeout(&mut self, now: Instant) -> Option<Due> {
        let State::Repeating { interval, resend_at, give_up_at } = &mut self.state else { return None };
        if *give_up_at <= now {
            self.state = State::Superseded;
            return Some(Due::GiveUp);
        }
        if *resend_at > now {
            return None;
        }
        *interval *= 2;
        *resend_at += *interval;
        Some(Due::Resend)
    }
}

/// The calling side: the numbers taken so far within one early dialog (RFC 3262 4).
#[derive(Clone, Copy, Default, Debug)]
pub struct TakenReliably {
    last: Option<u32>,
    count: u32,
}

impl TakenReliably {
    /// The PRACK to send for a response of this number; none for a copy and for one that came before its time,
    /// which are both to be ignored.
    pub fn take(&mut self, rseq: u32, response: &Response) -> Option<RAck> {
        let in_order = self.last.is_none_or(|last| last.checked_add(1) == Some(rseq));
        if !in_order || self.count >= MAX_TAKEN || response.cseq.method != Method::Invite {
            return None;
        }
        self.last = Some(rseq);
        self.count += 1;
        Some(RAck { rseq, cseq: response.cseq.clone() })
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::panic)]

    use super::*;
    use crate::sip::message::{Message, parse_datagram};

    fn ringing(body: &str) -> Response {
        let text = format!(
            "SIP/2.0 180 Ringing\r\nVia: SIP/2.0/UDP h;branch=z9hG4bK1\r\nFrom: <sip:x@y>;tag=1\r\n\
             To: <sip:a@b>;tag=2\r\nCall-ID: c\r\nCSeq: 7 INVITE\r\n\r\n{body}"
        );
        match parse_datagram(text.as_bytes()).unwrap() {
            Message::Response(response) => response,
            Message::Request(_) => unreachable!("a response was written"),
        }
    }

    fn rack(text: &str) -> RAck {
        RAck::parse(text).unwrap()
    }

    /// When, in milliseconds, something is due within 100 s.
    fn ladder(sent: &mut SentReliably, start: Instant) -> Vec<(u128, Due)> {
        let mut seen = Vec::new();
        while let Some(at) = sent.poll_timeout() {
            if let Some(due) = sent.handle_timeout(at) {
                seen.push((at.duration_since(start).as_millis(), due));
            }
        }
        seen
    }

    #[test]
    fn it_is_repeated_with_doubling_intervals_and_given_up_after_64_t1() {
        let start = crate::time::now().mono;
        let mut sent = SentReliably::new(ringing(""), 5, start);
        assert_eq!(sent.response().headers.first("RSeq"), Some("5"));
        assert_eq!(sent.response().headers.first("Require"), Some("100rel"));
        let times = [500, 1_500, 3_500, 7_500, 15_500, 31_500];
        let mut expected: Vec<_> = times.iter().map(|at| (*at, Due::Resend)).collect();
        expected.push((32_000, Due::GiveUp));
        assert_eq!(ladder(&mut sent, start), expected);
    }

    #[test]
    fn only_its_own_prack_ends_it_and_only_once() {
        let start = crate::time::now().mono;
        let mut sent = SentReliably::new(ringing("v=0"), 5, start);
        for wrong in ["4 7 INVITE", "5 8 INVITE", "5 7 UPDATE"] {
            assert!(!sent.handle_prack(&rack(wrong)), "{wrong}");
        }
        assert!(sent.holds_success());
        assert!(sent.handle_prack(&rack("5 7 INVITE")));
        assert!(!sent.holds_success());
        assert_eq!(ladder(&mut sent, start), []);
        assert!(!sent.handle_prack(&rack("5 7 INVITE")), "acknowledged already");
    }

    #[test]
    fn a_final_response_ends_the_repeating_but_not_the_wait_for_the_prack() {
        let start = crate::time::now().mono;
        let mut sent = SentReliably::new(ringing(""), 5, start);
        assert!(!sent.holds_success(), "without a session description the 2xx may go out");
        sent.supersede();
        assert_eq!(ladder(&mut sent, start), []);
        assert!(sent.handle_prack(&rack("5 7 INVITE")));
    }

    #[test]
    fn responses_are_taken_in_order_and_once() {
        let mut taken = TakenReliably::default();
        let response = ringing("");
        let mut take = |rseq| taken.take(rseq, &response).map(|rack| rack.to_string());
        assert_eq!(take(776).as_deref(), Some("776 7 INVITE"), "the first may have any number");
        assert_eq!(take(776), None, "a copy");
        assert_eq!(take(778), None, "one is missing in between");
        assert_eq!(take(777).as_deref(), Some("777 7 INVITE"));
        assert_eq!(take(778).as_deref(), Some("778 7 INVITE"));
        for rseq in 779..2_000 {
            take(rseq);
        }
        assert_eq!(taken.count, MAX_TAKEN);
        let mut last = TakenReliably { last: Some(u32::MAX), count: 1 };
        assert_eq!(last.take(1, &response), None, "numbers do not wrap");
    }
}
