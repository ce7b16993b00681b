//! The sound of running recordings on its way to their writers: collected for the better part of a second, handed out as
//! one block. What becomes of it there is `writer_thread`.

use std::collections::HashMap;

use super::queue::Intake;
use super::writer_thread::{Block, Work, writer_of};
use crate::ids::RecordingId;
use crate::wav;

/// Ticks that a recording's writer gets at once, 0.8 s: with what waits in the jitter buffer, a process that is killed
/// loses less than a second of what was said.
const TICKS_PER_BLOCK: usize = 40;
/// Ticks that room is made for at once: a recording holds what it has collected and little more.
const TICKS_PER_PIECE: usize = 8;
/// Octets of a sample on both channels.
const FRAME_LEN: usize = wav::header::FRAME_LEN as usize;

/// The recordings of one quarter.
#[derive(Debug)]
pub(super) struct Collector {
    writers: Vec<Intake<Work>>,
    collected: HashMap<RecordingId, Collected>,
}

/// The sound of a running recording that its writer does not have yet.
#[derive(Debug, Default)]
struct Collected {
    /// Frames handed out.
    handed_out: u64,
    ticks: usize,
    pieces: Vec<Vec<u8>>,
}

impl Collector {
    pub(super) fn new(writers: Vec<Intake<Work>>) -> Self {
        Self { writers, collected: HashMap::new() }
    }

    /// Takes a tick.
    pub(super) fn record(&mut self, recording: RecordingId, left: &[i16], right: &[i16]) {
        let collected = self.collected.entry(recording).or_default();
        let tick = collected.room(left.len() * FRAME_LEN);
        let frames = tick.chunks_exact_mut(FRAME_LEN);
        for (frame, (left, right)) in frames.zip(left.iter().zip(right)) {
            frame[..2].copy_from_slice(&left.to_le_bytes());
            frame[2..].copy_from_slice(&right.to_le_bytes());
        }
        collected.ticks += 1;
        if collected.ticks >= TICKS_PER_BLOCK {
            collected.hand_out(recording, &self.writers);
        }
    }

    /// The last tick was taken; the recording has `frames`.
    pub(super) fn end(&mut self, recording: RecordingId, frames: u64) {
        if let Some(mut collected) = self.collected.remove(&recording) {
            collected.hand_out(recording, &self.writers);
        }
        let ended = Work::Ended { recording, frames };
        if writer_of(&self.writers, recording).push_reserved(ended).is_err() {
            tracing::error!(recording.id = %recording, "writer is stuck: the end is not known to it");
        }
    }

    /// Gives the writers all they do not have yet.
    pub(super) fn hand_out(&mut self) {
        for (recording, collected) in &mut self.collected {
            collected.hand_out(*recording, &self.writers);
        }
    }
}

impl Collected {
    /// Room for a tick of `len` octets behind the others.
    fn room(&mut self, len: usize) -> &mut [u8] {
        let fits = |piece: &&mut Vec<u8>| piece.capacity() - piece.len() >= len;
        if self.pieces.last_mut().filter(fits).is_none() {
            self.pieces.push(Vec::with_capacity(len * TICKS_PER_PIECE));
        }
        let last = self.pieces.len() - 1;
        let piece = &mut self.pieces[last];
        let start = piece.len();
        piece.resize(start + len, 0);
        &mut piece[start..]
    }

    /// A refused block is seen by the writer as a hole before the next one, and listed as a gap.
    fn hand_out(&mut self, recording: RecordingId, writers: &[Intake<Work>]) {
        let first_frame = self.handed_out;
        let pieces = std::mem::take(&mut self.pieces);
        self.handed_out += (pieces.iter().map(Vec::len).sum::<usize>() / FRAME_LEN) as u64;
        self.ticks = 0;
        writer_of(writers, recording).push(Work::Block(Block { recording, first_frame, pieces })).ok();
    }
}
