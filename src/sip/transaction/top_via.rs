//! The topmost Via: ours is put on what we send, the peer's is completed with where it really came from
//! (RFC 3261 18.1.1, 18.2.1; RFC 3581).

use crate::sip::message::via::MAGIC_COOKIE;
use crate::sip::message::{Flow, Host, Params, Request, Transport, Via};

/// Puts our Via on top of `request`; `token` makes its branch unique.
pub(super) fn push(request: &mut Request, flow: &Flow, token: &str) {
    let mut params = Params::default();
    params.set("branch", Some(format!("{MAGIC_COOKIE}{token}")));
    params.set("rport", None);
    let via = Via {
        transport: flow.transport.name().to_owned(),
        host: Host::Ip(flow.local.ip()),
        port: Some(flow.local.port()),
        params,
    };
    request.via.insert(0, via);
}

/// The request takes another transport than it was made for (RFC 3261 18.1.1).
pub(super) fn rename(request: &mut Request, transport: Transport) {
    if let Some(via) = request.via.first_mut() {
        transport.name().clone_into(&mut via.transport);
    }
}

/// Notes the source of a received request in its top Via. `received` is there whenever it says something
/// new or the client asked for `rport`; what the client claimed itself is overwritten.
pub(super) fn complete(request: &mut Request, flow: &Flow) {
    let Some(via) = request.via.first_mut() else { return };
    let source = flow.remote.ip().to_canonical();
    let asked = via.rport().is_some();
    if asked {
        via.params.set("rport", Some(flow.remote.port().to_string()));
    }
    let known = matches!(via.host, Host::Ip(ip) if ip.to_canonical() == source);
    if asked || !known || via.params.contains("received") {
        via.params.set("received", Some(source.to_string()));
    }
}
