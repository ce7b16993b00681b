//! The headers of security that every answer has: one table of name, value and the answers it is for. What a handler has
//! set itself stays. Also here: whether a browser's connection is encrypted, which decides about HSTS (RFC 6797) and
//! the `Secure` of cookies.

use std::net::{IpAddr, SocketAddr};

use axum::extract::ConnectInfo;
use axum::extract::Request;
use axum::http::{HeaderMap, HeaderName, HeaderValue, header};
use axum::response::Response;

use super::Web;
use super::pages::CONTENT_SECURITY_POLICY;
use super::sip_socket::came_over_tls;

/// What an answer is for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Kind {
    /// The app and its files.
    Page,
    /// Of the API: for our own pages, and for programs, to which browsers' rules mean nothing.
    Answer,
    /// What the whole world may show on its own pages: Open311, hashes of the journal.
    Published,
}

const ANY: &[Kind] = &[Kind::Page, Kind::Answer, Kind::Published];
const OURS: &[Kind] = &[Kind::Page, Kind::Answer];
const NO_PAGE: &[Kind] = &[Kind::Answer, Kind::Published];

/// An answer that is opened as a document runs nothing, loads nothing and sends nothing.
const NOTHING_ALLOWED: &str =
    "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// The desk needs the microphone and may choose a loudspeaker, the citizen's page asks where one stands, the board fills
/// the screen and keeps it lit: what is not named here our own pages may, and nobody frames them.
const PERMISSIONS: &str = "accelerometer=(), ambient-light-sensor=(), bluetooth=(), camera=(), display-capture=(), \
     encrypted-media=(), geolocation=(self), gyroscope=(), hid=(), idle-detection=(), magnetometer=(), \
     microphone=(self), midi=(), payment=(), publickey-credentials-get=(), serial=(), speaker-selection=(self), \
     usb=(), xr-spatial-tracking=()";

/// Two years. Other names below ours are not ours to decide about.
const HSTS: HeaderValue = HeaderValue::from_static("max-age=63072000");

const TABLE: [(HeaderName, &str, &[Kind]); 13] = [
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff", ANY),
    (header::X_FRAME_OPTIONS, "DENY", ANY),
    (header::REFERRER_POLICY, "no-referrer", ANY),
    // Who answers something that may be kept says so; all else is somebody's own.
    (header::CACHE_CONTROL, "no-store", ANY),
    (HeaderName::from_static("permissions-policy"), PERMISSIONS, ANY),
    (HeaderName::from_static("x-permitted-cross-domain-policies"), "none", ANY),
    (HeaderName::from_static("cross-origin-opener-policy"), "same-origin", ANY),
    (HeaderName::from_static("origin-agent-cluster"), "?1", &[Kind::Page]),
    (header::CONTENT_SECURITY_POLICY, CONTENT_SECURITY_POLICY, &[Kind::Page]),
    (header::CONTENT_SECURITY_POLICY, NOTHING_ALLOWED, NO_PAGE),
    (HeaderName::from_static("cross-origin-embedder-policy"), "require-corp", &[Kind::Page]),
    (HeaderName::from_static("cross-origin-resource-policy"), "same-origin", OURS),
    (HeaderName::from_static("cross-origin-resource-policy"), "cross-origin", &[Kind::Published]),
];

impl Kind {
    /// By the path the router has matched; the app's own files are what it does not know.
    pub(super) fn of(matched: Option<&str>) -> Self {
        match matched {
            None => Self::Page,
            Some(path) if path.starts_with("/open311/") || path.starts_with("/log/") => Self::Published,
            Some(_) => Self::Answer,
        }
    }
}

/// Adds what is missing.
pub(super) fn add(response: &mut Response, kind: Kind, encrypted: bool) {
    let fields = response.headers_mut();
    for (name, value, kinds) in TABLE {
        if kinds.contains(&kind) {
            fields.entry(name).or_insert(HeaderValue::from_static(value));
        }
    }
    // Over an open connection it would mean nothing (RFC 6797 7.2).
    if encrypted {
        fields.entry(header::STRICT_TRANSPORT_SECURITY).or_insert(HSTS);
    }
}

impl Web {
    /// Whether the browser that sent this reached us, or the proxy before us, by TLS: a proxy on this machine says so, and
    /// what is asked of our configured `https` origin can have come by no other way.
    pub(super) fn is_encrypted(&self, headers: &HeaderMap, peer: IpAddr) -> bool {
        let host = headers.get(header::HOST).and_then(|value| value.to_str().ok());
        let in_force = self.in_force();
        let ours = in_force.origins.own.as_deref().and_then(|url| url.strip_prefix("https://"));
        came_over_tls(headers, peer)
            || ours.zip(host).is_some_and(|(ours, host)| ours.eq_ignore_ascii_case(host))
    }

    pub(super) fn request_is_encrypted(&self, request: &Request) -> bool {
        let peer = request.extensions().get::<ConnectInfo<SocketAddr>>();
        peer.is_some_and(|ConnectInfo(peer)| self.is_encrypted(request.headers(), peer.ip()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_kind_of_answer_gets_each_header_once() {
        let table = TABLE;
        for kind in ANY {
            let mut names: Vec<_> =
                table.iter().filter(|row| row.2.contains(kind)).map(|row| &row.0).collect();
            let all = names.len();
            names.sort_by_key(|name| name.as_str());
            names.dedup();
            assert_eq!(names.len(), all, "{kind:?}");
        }
    }

    #[test]
    fn what_the_world_may_show_is_named() {
        assert_eq!(Kind::of(None), Kind::Page);
        assert_eq!(Kind::of(Some("/api/v1/cases")), Kind::Answer);
        assert_eq!(Kind::of(Some("/open311/v2/media/{file}")), Kind::Published);
        assert_eq!(Kind::of(Some("/log/checkpoint")), Kind::Published);
    }

    #[test]
    fn what_a_handler_says_stays() {
        let mut response = Response::default();
        response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-cache"));
        add(&mut response, Kind::Page, false);
        assert_eq!(response.headers()[header::CACHE_CONTROL], "no-cache");
        assert!(!response.headers().contains_key(header::STRICT_TRANSPORT_SECURITY));
    }
}
