//! [`Message`] -> bytes; Content-Length is always written from the body.

use super::{Request, Response};

impl Request {
    pub fn to_bytes(&self) -> Vec<u8> {
        todo!()
    }
}

impl Response {
    pub fn to_bytes(&self) -> Vec<u8> {
        todo!()
    }
}
