//! What proves each second of a recording by itself: SHA-256 of every second of sound, and one Merkle root over them,
//! hashed as RFC 6962 does (a leaf begins with 0x00, a node with 0x01). The root is sealed in the journal; the leaves lie
//! beside it in the store and prove themselves against it. Which octets are sound is the writer's to say (`files/`).

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::digest::{Hasher, Sha256};

/// First octet of what is digested, RFC 6962 section 2.1: a leaf can never pass for a node.
const LEAF: [u8; 1] = [0];
const NODE: [u8; 1] = [1];
/// Leaves that have room from the start: so many seconds, then whoever writes a long recording takes them away.
const USUAL: usize = 64;

/// The leaves of one recording: one for each second of sound, the last second may be shorter. Cheap to clone.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Seconds(Arc<[Sha256]>);

/// What `rec.sealed` says beside the digest of the whole file.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Seal {
    /// Seconds of sound, the last one counted whole.
    pub seconds: u64,
    /// Frames of one second, Hz.
    pub sample_rate: u32,
    /// Over their leaves.
    pub root: Sha256,
    /// SHA-256 of the file's head.
    pub head: Sha256,
    /// Octets of the whole file.
    pub length: u64,
}

/// Digests sound as it comes, in pieces of any length, without keeping it.
#[derive(Clone, Debug)]
pub struct SecondHasher {
    /// Octets of one second.
    second: u64,
    /// Octets that the second under way has got.
    taken: u64,
    leaf: Hasher,
    leaves: Vec<Sha256>,
}

impl SecondHasher {
    /// `second` is how many octets one second of sound has, at least one.
    pub fn new(second: u64) -> Self {
        Self { second: second.max(1), taken: 0, leaf: begun(), leaves: Vec::with_capacity(USUAL) }
    }

    pub fn update(&mut self, mut sound: &[u8]) {
        while !sound.is_empty() {
            let room = usize::try_from(self.second - self.taken).unwrap_or(usize::MAX);
            let (now, later) = sound.split_at(room.min(sound.len()));
            self.leaf.update(now);
            self.taken += now.len() as u64;
            if self.taken == self.second {
                self.leaves.push(std::mem::replace(&mut self.leaf, begun()).finish());
                self.taken = 0;
            }
            sound = later;
        }
    }

    /// Of the seconds that are whole, without those that were forgotten.
    pub fn leaves(&self) -> &[Sha256] {
        &self.leaves
    }

    /// The first `count` are kept by the caller and will be put before those of [`Self::finish`].
    pub fn forget(&mut self, count: usize) {
        self.leaves.drain(..count.min(self.leaves.len()));
    }

    pub fn finish(mut self) -> Seconds {
        if self.taken > 0 {
            self.leaves.push(self.leaf.finish());
        }
        Seconds(self.leaves.into())
    }
}

fn begun() -> Hasher {
    let mut hasher = Hasher::default();
    hasher.update(&LEAF);
    hasher
}

fn node(left: &Sha256, right: &Sha256) -> Sha256 {
    let mut hasher = Hasher::default();
    hasher.update(&NODE);
    hasher.update(&left.0);
    hasher.update(&right.0);
    hasher.finish()
}

impl From<Vec<Sha256>> for Seconds {
    fn from(leaves: Vec<Sha256>) -> Self {
        Self(leaves.into())
    }
}

impl Seconds {
    pub fn leaves(&self) -> &[Sha256] {
        &self.0
    }

    /// As the store keeps them: one digest after the other.
    pub fn to_bytes(&self) -> Vec<u8> {
        self.0.iter().flat_map(|leaf| leaf.0).collect()
    }

    /// None when `bytes` is not whole digests.
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let (leaves, rest) = bytes.as_chunks::<32>();
        rest.is_empty().then(|| Self(leaves.iter().map(|leaf| Sha256(*leaf)).collect()))
    }

    /// The Merkle tree hash of RFC 6962 section 2.1; of no second the digest of nothing.
    pub fn root(&self) -> Sha256 {
        root_of(&self.0)
    }

    /// What proves second `index`: its neighbours on the way to the root, from the bottom up (RFC 6962 section 2.1.1).
    /// None behind the end.
    pub fn proof(&self, index: usize) -> Option<Vec<Sha256>> {
        let mut path = Vec::new();
        let (mut leaves, mut index) = (&self.0[..], index);
        leaves.get(index)?;
        while leaves.len() > 1 {
            let (left, right) = leaves.split_at(split(leaves.len()));
            if index < left.len() {
                path.push(root_of(right));
                leaves = left;
            } else {
                path.push(root_of(left));
                index -= left.len();
                leaves = right;
            }
        }
        path.reverse();
        Some(path)
    }
}

/// The root that the octets of second `index` of `count` lead to with `proof`; none when it has another length than it
/// should. Whoever has the sound of one second and `rec.sealed` needs nothing else.
pub fn proven_root(sound: &[u8], index: u64, count: u64, proof: &[Sha256]) -> Option<Sha256> {
    if index >= count {
        return None;
    }
    let mut hash = begun();
    hash.update(sound);
    let mut hash = hash.finish();
    let (mut at, mut last) = (index, count - 1);
    for neighbour in proof {
        if last == 0 {
            return None;
        }
        if at % 2 == 1 || at == last {
            hash = node(neighbour, &hash);
            // A last one without a neighbour stands where it is until it has one.
            while at.is_multiple_of(2) && at > 0 {
                (at, last) = (at / 2, last / 2);
            }
        } else {
            hash = node(&hash, neighbour);
        }
        (at, last) = (at / 2, last / 2);
    }
    (last == 0).then_some(hash)
}

/// The greatest power of two below `count`, which is at least 2.
fn split(count: usize) -> usize {
    count.next_power_of_two() / 2
}

fn root_of(leaves: &[Sha256]) -> Sha256 {
    match leaves {
        [] => Sha256::of(&[]),
        [leaf] => *leaf,
        _ => {
            let (left, right) = leaves.split_at(split(leaves.len()));
            node(&root_of(left), &root_of(right))
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::panic)]

    use super::*;

    fn sound(seconds: usize, rest: usize) -> Vec<u8> {
        (0..seconds * 10 + rest).map(|at| (at % 251) as u8).collect()
    }

    fn seconds_of(sound: &[u8], piece: usize) -> Seconds {
        let mut hasher = SecondHasher::new(10);
        sound.chunks(piece).for_each(|piece| hasher.update(piece));
        hasher.finish()
    }

    #[test]
    fn leaves_and_root_are_those_of_rfc_6962() {
        let hash = |parts: &[&[u8]]| Sha256::of(&parts.concat());
        let sound = sound(2, 3);
        let [a, b, c] = [&sound[..10], &sound[10..20], &sound[20..]].map(|second| hash(&[&[0], second]));
        let seconds = seconds_of(&sound, 7);
        assert_eq!(seconds.leaves(), [a, b, c]);
        let left = hash(&[&[1], &a.0, &b.0]);
        assert_eq!(seconds.root(), hash(&[&[1], &left.0, &c.0]));
        assert_eq!(Seconds::default().root(), Sha256::of(b""));
        assert_eq!(Seconds::from_bytes(&seconds.to_bytes()), Some(seconds.clone()));
        assert_eq!(Seconds::from_bytes(&seconds.to_bytes()[1..]), None);
    }

    #[test]
    fn pieces_of_any_length_make_the_same_seconds() {
        let sound = sound(12, 4);
        let expected = seconds_of(&sound, sound.len());
        assert_eq!(expected.leaves().len(), 13);
        for piece in 1..40 {
            assert_eq!(seconds_of(&sound, piece), expected, "in pieces of {piece}");
        }
    }

    #[test]
    fn every_second_is_proven_alone_and_no_other_sound_is() {
        for count in 1..=40_usize {
            let sound = sound(count - 1, 5);
            let seconds = seconds_of(&sound, 64);
            let total = count as u64;
            for (index, second) in sound.chunks(10).enumerate() {
                let proof = seconds.proof(index).unwrap();
                let at = index as u64;
                assert_eq!(
                    proven_root(second, at, total, &proof),
                    Some(seconds.root()),
                    "{index} of {count}"
                );
                let mut other = second.to_vec();
                other[0] ^= 1;
                assert_ne!(proven_root(&other, at, total, &proof), Some(seconds.root()));
                let elsewhere = (at + 1) % total;
                assert!(
                    elsewhere == at || proven_root(second, elsewhere, total, &proof) != Some(seconds.root()),
                    "{index} of {count} passes for {elsewhere}"
                );
            }
            assert_eq!(seconds.proof(count), None);
        }
    }
}
