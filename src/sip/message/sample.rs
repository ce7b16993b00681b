//! A request for the tests of the machines, the same everywhere: each test changes what it is about. On no wire yet, so
//! without a Via. RFC 3261 8.1.1.

use super::{CSeq, Headers, Host, Method, NameAddr, Request, Uri};

/// `method` from `from` to `to`, both users of `city.example`; its Request-URI is the address in To.
pub fn request(method: Method, from: &str, to: &str) -> Request {
    let address = |user| Uri::sip(Some(user), Host::Name("city.example".to_owned()), None);
    let mut sender = NameAddr::new(address(from));
    sender.set_tag("a1");
    Request {
        cseq: CSeq { seq: 7, method: method.clone() },
        method,
        uri: address(to),
        via: Vec::new(),
        from: sender,
        to: NameAddr::new(address(to)),
        call_id: "call-1".to_owned(),
        max_forwards: 70,
        headers: Headers::default(),
        body: Vec::new(),
    }
}

/// A REGISTER of `user` for itself.
pub fn register(user: &str) -> Request {
    let mut request = request(Method::Register, user, user);
    request.uri.user = None;
    request
}
