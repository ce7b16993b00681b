//! One connection, TCP or TLS: frames in, bytes out, and when to give it up (RFC 3261 18.3, RFC 5626 3.5.1).
//! Knows neither the other connections nor who asked for this one.

use std::io;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, ReadHalf, WriteHalf};
use tokio::sync::mpsc;
use tokio::time::timeout;

use super::intake::{Intake, Taken};
use super::{Counters, Limits};
use crate::sip::message::Flow;
use crate::sip::message::framing::{Frame, StreamFramer};
use crate::sip::message::parse::{self, Malformed, ParseError};

/// Bytes read at once: some messages' worth, held once per connection.
const READ_LEN: usize = 8 * 1024;
/// Keeps a connection open, and its answer (RFC 5626 3.5.1).
pub(super) const PING: &[u8] = b"\r\n\r\n";
pub(super) const PONG: &[u8] = b"\r\n";

/// What a connection is made of.
pub(super) trait ByteStream: AsyncRead + AsyncWrite + Send + Unpin {}

impl<S: AsyncRead + AsyncWrite + Send + Unpin> ByteStream for S {}

type Reader = ReadHalf<Box<dyn ByteStream>>;
type Writer = WriteHalf<Box<dyn ByteStream>>;

/// Who asked for the connection: its keep-alive is the client's business.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum OpenedBy {
    Peer,
    Us,
}

/// One side of a connection's work, and all it needs.
pub(super) struct Connection {
    pub flow: Flow,
    pub opened_by: OpenedBy,
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
    pub async fn serve(self, stream: Box<dyn ByteStream>, mut queue: mpsc::Receiver<Vec<u8>>) {
        let (reader, mut writer) = tokio::io::split(stream);
        let end = tokio::select! {
            end = self.read(reader) => end,
            end = self.write(&mut writer, &mut queue) => end,
        };
        match end {
            End::TimedOut => Counters::count(&self.intake.counters().connections_timed_out),
            End::Lost(Some(last_words)) => drop(self.write_all(&mut writer, &last_words).await),
            End::Lost(None) | End::Closed => {}
        }
        // TLS says good-bye; a peer that does not hear it any more has gone first.
        timeout(self.limits.write, writer.shutdown()).await.ok();
    }

    async fn read(&self, mut reader: Reader) -> End {
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
                    self.reply(PONG.to_vec());
                }
                Frame::Message(_) if !self.intake.admits(self.flow.remote) => return End::Closed,
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
                Frame::Unmeasured(head) => return End::Lost(self.refuse(&head)),
            }
            patience = self.limits.idle;
        }
    }

    /// Last words about a message whose end cannot be known.
    fn refuse(&self, head: &[u8]) -> Option<Vec<u8>> {
        let Taken { arrival, rejection } = self.intake.take(head, self.flow);
        self.intake.offer(arrival);
        rejection
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

    /// Writes what is queued; on a connection of ours a long silence is broken by an empty line.
    async fn write(&self, writer: &mut Writer, queue: &mut mpsc::Receiver<Vec<u8>>) -> End {
        loop {
            let next = match self.opened_by {
                OpenedBy::Us => match timeout(self.limits.keep_alive, queue.recv()).await {
                    Ok(next) => next,
                    Err(_) => Some(PING.to_vec()),
                },
                OpenedBy::Peer => queue.recv().await,
            };
            let Some(bytes) = next else { return End::Closed };
            match self.write_all(writer, &bytes).await {
                Ok(()) => {}
                Err(error) if error.kind() == io::ErrorKind::TimedOut => return End::TimedOut,
                Err(_) => return End::Closed,
            }
        }
    }

    async fn write_all(&self, writer: &mut Writer, bytes: &[u8]) -> io::Result<()> {
        let written = async {
            writer.write_all(bytes).await?;
            writer.flush().await
        };
        timeout(self.limits.write, written).await.map_err(io::Error::from)?
    }
}

enum StreamEnd {
    Closed,
    Malformed(Malformed),
}

async fn next_frame(
    reader: &mut Reader,
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
