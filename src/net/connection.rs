//! One TCP connection: frames in, bytes out, and when to give it up (RFC 3261 18.3, RFC 5626 3.5.1).
//! Knows neither the other connections nor who asked for this one.

use std::io;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::sync::mpsc;
use tokio::time::timeout;

use super::intake::{Intake, Taken};
use super::{Counters, Limits};
use crate::sip::message::Flow;
use crate::sip::message::framing::{Frame, StreamFramer};
use crate::sip::message::parse::{self, Malformed, ParseError};

/// Bytes read at once: some messages' worth, held once per connection.
const READ_LEN: usize = 8 * 1024;

/// One side of a connection's work, and all it needs.
pub(super) struct Connection {
    pub flow: Flow,
    pub intake: Intake,
    pub limits: Limits,
    /// Our own way into the write queue, for answers made here.
    pub replies: mpsc::Sender<Vec<u8>>,
}

/// Why reading ended.
enum End {
    /// The peer closed, or nobody listens to us any more.
    Closed,
    TimedOut,
    /// The stream cannot be followed any more; last words to the peer, if any.
    Lost(Option<Vec<u8>>),
}

impl Connection {
    /// Serves until either side is done; the caller announces the end.
    pub async fn serve(self, stream: TcpStream, mut queue: mpsc::Receiver<Vec<u8>>) {
        if let Err(error) = stream.set_nodelay(true) {
            tracing::debug!(%error, "messages may wait for each other");
        }
        let (reader, mut writer) = stream.into_split();
        let write_limit = self.limits.write;
        let end = tokio::select! {
            end = self.read(reader) => end,
            end = write(&mut writer, &mut queue, write_limit) => end,
        };
        match end {
            End::TimedOut => Counters::count(&self.intake.counters().connections_timed_out),
            End::Lost(Some(last_words)) => drop(write_all(&mut writer, &last_words, write_limit).await),
            End::Lost(None) | End::Closed => {}
        }
    }

    async fn read(&self, mut reader: OwnedReadHalf) -> End {
        let mut framer = StreamFramer::default();
        let mut buffer = vec![0; READ_LEN];
        // Only whole frames count as life: bytes that trickle in without end do not.
        let mut patience = self.limits.first_message;
        loop {
            let frame = match timeout(patience, next_frame(&mut reader, &mut framer, &mut buffer)).await {
                Ok(Ok(frame)) => frame,
                Ok(Err(StreamEnd::Closed)) => return End::Closed,
                Ok(Err(StreamEnd::Malformed(cause))) => {
                    self.reject(ParseError { cause, answer: None });
                    return End::Lost(None);
                }
                Err(_) => return End::TimedOut,
            };
            match frame {
                Frame::Ping => {
                    Counters::count(&self.intake.counters().keep_alives);
                    self.reply(b"\r\n".to_vec());
                }
                Frame::Message(bytes) => {
                    let Taken { arrival, rejection } = self.intake.take(&bytes, self.flow);
                    if let Some(rejection) = rejection {
                        self.reply(rejection);
                    }
                    if !self.intake.deliver(arrival).await {
                        return End::Closed;
                    }
                }
                Frame::Oversize(head) => return End::Lost(self.reject(parse::too_large(&head))),
            }
            patience = self.limits.idle;
        }
    }

    fn reject(&self, error: ParseError) -> Option<Vec<u8>> {
        let Taken { arrival, rejection } = self.intake.reject(error, self.flow);
        self.intake.offer(arrival);
        rejection
    }

    /// A peer that sends without reading loses our answers first, then the connection.
    fn reply(&self, bytes: Vec<u8>) {
        if self.replies.try_send(bytes).is_err() {
            Counters::count(&self.intake.counters().sends_failed);
        }
    }
}

enum StreamEnd {
    Closed,
    Malformed(Malformed),
}

async fn next_frame(
    reader: &mut OwnedReadHalf,
    framer: &mut StreamFramer,
    buffer: &mut [u8],
) -> Result<Frame, StreamEnd> {
    loop {
        if let Some(frame) = framer.next_frame().map_err(StreamEnd::Malformed)? {
            return Ok(frame);
        }
        match reader.read(buffer).await {
            Ok(0) | Err(_) => return Err(StreamEnd::Closed),
            Ok(len) => framer.push(&buffer[..len]),
        }
    }
}

async fn write(writer: &mut OwnedWriteHalf, queue: &mut mpsc::Receiver<Vec<u8>>, limit: Duration) -> End {
    while let Some(bytes) = queue.recv().await {
        match write_all(writer, &bytes, limit).await {
            Ok(()) => {}
            Err(error) if error.kind() == io::ErrorKind::TimedOut => return End::TimedOut,
            Err(_) => return End::Closed,
        }
    }
    End::Closed
}

async fn write_all(writer: &mut OwnedWriteHalf, bytes: &[u8], limit: Duration) -> io::Result<()> {
    timeout(limit, writer.write_all(bytes)).await.map_err(io::Error::from)?
}
