//! Where the audio of an offer is, before it is negotiated: our sockets must be of the same address family.
//! Names and streams without an address say nothing; then the signalling's family has to do.

use std::net::IpAddr;

use super::description::{Connection, SessionDescription};

/// The address of the first audio stream (RFC 8866 5.7).
pub fn audio_address(body: &[u8]) -> Option<IpAddr> {
    let description = SessionDescription::parse(body).ok()?;
    let audio = description.media.iter().find(|media| media.kind == "audio")?;
    match audio.connection.as_ref().or(description.connection.as_ref())? {
        Connection::Ip(ip) => Some(*ip),
        Connection::Other(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_stream_goes_before_the_session() {
        let session = "v=0\r\no=p 1 1 IN IP4 192.0.2.1\r\ns=-\r\nc=IN IP4 192.0.2.1\r\nt=0 0\r\nm=audio 9 RTP/AVP 8\r\n";
        assert_eq!(audio_address(session.as_bytes()), "192.0.2.1".parse().ok());
        let stream = format!("{session}c=IN IP6 2001:db8::1\r\n");
        assert_eq!(audio_address(stream.as_bytes()), "2001:db8::1".parse().ok());
        assert_eq!(audio_address(b""), None);
        assert_eq!(audio_address(session.replace("m=audio", "m=video").as_bytes()), None);
        assert_eq!(audio_address(session.replace("IP4 192.0.2.1", "IP4 a.example").as_bytes()), None);
    }
}
