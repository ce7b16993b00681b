//! Sends every SIP message that came or went to the collector of `[hep]`, secrets masked as on the ladder. Nobody waits for
//! the collector: what the socket does not take at once is lost and counted, and no call knows of it.

use std::net::UdpSocket;
use std::sync::Arc;

use anyhow::Context as _;

use super::metrics::Meters;
use crate::config::Hep;
use crate::hep::Seen;
use crate::sip::message::{Flow, Transport, mask};
use crate::time::Timestamp;

/// A longer message is not sent, as it is not kept on the ladder either.
const MAX_MESSAGE_BYTES: usize = 16 * 1024;

#[derive(Debug)]
pub(super) struct HepAgent {
    socket: UdpSocket,
    agent: u32,
    meters: Arc<Meters>,
}

impl HepAgent {
    /// None where no collector is configured.
    pub(super) fn start(hep: &Hep, meters: &Arc<Meters>) -> anyhow::Result<Option<Self>> {
        let Some(collector) = hep.collector else { return Ok(None) };
        let any = if collector.is_ipv4() { "0.0.0.0:0" } else { "[::]:0" };
        let socket = UdpSocket::bind(any)
            .and_then(|socket| {
                socket.set_nonblocking(true)?;
                socket.connect(collector)?;
                Ok(socket)
            })
            .with_context(|| format!("[hep] collector {collector}"))?;
        Ok(Some(Self { socket, agent: hep.agent_id, meters: meters.clone() }))
    }

    pub(super) fn note_received(&self, raw: &[u8], flow: Flow, at: Timestamp) {
        self.send(raw, flow, at, true);
    }

    pub(super) fn note_sent(&self, raw: &[u8], flow: Flow, at: Timestamp) {
        self.send(raw, flow, at, false);
    }

    fn send(&self, raw: &[u8], flow: Flow, at: Timestamp, is_received: bool) {
        let (from, to) = if is_received { (flow.remote, flow.local) } else { (flow.local, flow.remote) };
        let ip_protocol = if flow.transport == Transport::Udp { 17 } else { 6 };
        let masked = (raw.len() <= MAX_MESSAGE_BYTES).then(|| mask::masked(raw));
        let datagram = masked.and_then(|message| {
            Seen { from, to, ip_protocol, at, agent: self.agent, message: &message }.encode()
        });
        // A connected socket tells that nobody listens by failing the next time, once.
        let is_sent = datagram.is_some_and(|datagram| self.socket.send(&datagram).is_ok());
        let counter = if is_sent { &self.meters.hep_sent } else { &self.meters.hep_lost };
        counter.add(1);
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use std::time::Duration;

    use super::*;

    #[test]
    fn what_is_too_long_or_goes_nowhere_is_counted_and_nobody_waits() {
        let meters = Arc::new(Meters::default());
        assert!(HepAgent::start(&Hep::default(), &meters).unwrap().is_none());
        let collector = UdpSocket::bind("127.0.0.1:0").unwrap();
        collector.set_read_timeout(Some(Duration::from_secs(5))).unwrap();
        let hep = Hep { collector: collector.local_addr().ok(), agent_id: 7 };
        let agent = HepAgent::start(&hep, &meters).unwrap().unwrap();
        let flow = Flow {
            transport: Transport::Tcp,
            local: "192.0.2.1:5060".parse().unwrap(),
            remote: "192.0.2.2:5070".parse().unwrap(),
        };
        let at = Timestamp::from_micros(1);
        let register =
            b"REGISTER sip:a SIP/2.0\r\nAuthorization: Digest username=\"u\", response=\"5ec3e7\"\r\n\r\n";
        agent.note_received(register, flow, at);
        agent.note_received(&vec![b'x'; MAX_MESSAGE_BYTES + 1], flow, at);
        let mut buffer = [0; 2_048];
        let length = collector.recv(&mut buffer).unwrap();
        let text = String::from_utf8_lossy(&buffer[..length]).into_owned();
        assert!(text.contains("REGISTER") && !text.contains("5ec3e7"), "{text}");
        assert_eq!((meters.hep_sent.value(), meters.hep_lost.value()), (1, 1));
        assert_eq!(buffer[13..20], *b"\x00\x00\x00\x02\x00\x07\x06");
        drop(collector);
        (0..4).for_each(|_| agent.note_sent(register, flow, at));
        assert!(meters.hep_lost.value() >= 2, "{meters:?}");
        assert_eq!(meters.hep_sent.value() + meters.hep_lost.value(), 6);
    }
}
