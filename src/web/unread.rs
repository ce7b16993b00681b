//! What a client sends is read to its end also where the answer came first: on a connection that is closed over unread octets
//! the client loses the answer, and its user sees "network error" instead of the reason.

use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use axum::body::{Body, BodyDataStream, Bytes};
use axum::extract::Request;
use axum::http::header;
use axum::middleware::Next;
use axum::response::Response;
use futures_util::stream::{Stream, StreamExt as _};

/// Octets read and thrown away after an answer; who sends more loses the connection.
const MAX_UNREAD: usize = 1 << 20;
/// A client that sends slower than it is answered is not waited for any longer.
const DEADLINE: Duration = Duration::from_secs(2);

type Item = Result<Bytes, axum::Error>;

/// The rest of a body, which the handler and this middleware read in turn.
#[derive(Clone)]
struct Rest(Arc<Mutex<BodyDataStream>>);

impl Stream for Rest {
    type Item = Item;

    fn poll_next(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Item>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).poll_next_unpin(context)
    }
}

/// Lets `next` answer, then reads what it left; not from who asked first whether to send it at all (RFC 9110, section
/// 10.1.1).
pub(super) async fn read_what_is_left(request: Request, next: Next) -> Response {
    if request.headers().contains_key(header::EXPECT) {
        return next.run(request).await;
    }
    let (parts, body) = request.into_parts();
    let rest = Rest(Arc::new(Mutex::new(body.into_data_stream())));
    let answer = next.run(Request::from_parts(parts, Body::from_stream(rest.clone()))).await;
    // Late or too much: the connection closes, as it would have done without us.
    let _ = tokio::time::timeout(DEADLINE, discard(rest)).await;
    answer
}

async fn discard(mut rest: Rest) {
    let mut read = 0;
    while let Some(Ok(octets)) = rest.next().await {
        read += octets.len();
        if read > MAX_UNREAD {
            return;
        }
    }
}
