//! The Merkle tree over the journal (RFC 6962 2.1, RFC 9162 2.1): entry `seq` is leaf `seq - 1`, and what the leaf hashes
//! is the entry's own hash, 32 octets. Owns the growing edge of the tree, cut into tiles as C2SP tlog-tiles has them
//! (256 hashes, eight levels of the tree), proofs and their verification. Files and rows are for others.

use sha2::Digest as _;

use crate::digest::Sha256;

/// Hashes in a full tile.
pub const TILE_WIDTH: u64 = 256;
/// Levels of the tree in one level of tiles.
const TILE_HEIGHT: u32 = 8;
/// Levels of tiles that 2^64 leaves could have.
const TILE_LEVELS: u32 = u64::BITS / TILE_HEIGHT;
/// Hashes in a proof at most: two for each level of the tree.
pub const MAX_PROOF: usize = 2 * u64::BITS as usize;

/// Hash of the leaf for an entry with this hash: SHA-256 of a zero octet and the 32 octets.
pub fn leaf_hash(entry: &Sha256) -> Sha256 {
    Sha256(sha2::Sha256::new_with_prefix([0]).chain_update(entry.0).finalize().into())
}

fn node_hash(left: &Sha256, right: &Sha256) -> Sha256 {
    Sha256(sha2::Sha256::new_with_prefix([1]).chain_update(left.0).chain_update(right.0).finalize().into())
}

/// The root over `hashes`, whose number is a power of two.
fn perfect(hashes: &[Sha256]) -> Sha256 {
    match hashes {
        [one] => *one,
        _ => {
            let (left, right) = hashes.split_at(hashes.len() / 2);
            node_hash(&perfect(left), &perfect(right))
        }
    }
}

/// Place of a tile: hashes number `index * 256` and following of every eighth level of the tree.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Tile {
    /// 0 for the leaves.
    pub level: u32,
    pub index: u64,
    /// Hashes in it, 1 to 256; fewer than 256 is a partial tile at the edge.
    pub width: u64,
}

impl Tile {
    /// As C2SP tlog-tiles spells it: `tile/0/x001/067`, `tile/0/x001/067.p/9`.
    pub fn path(&self) -> String {
        let mut number = format!("{:03}", self.index % 1_000);
        let mut rest = self.index / 1_000;
        while rest > 0 {
            number = format!("x{:03}/{number}", rest % 1_000);
            rest /= 1_000;
        }
        let partial = if self.is_full() { String::new() } else { format!(".p/{}", self.width) };
        format!("tile/{}/{number}{partial}", self.level)
    }

    /// The tile of a path exactly as [`Self::path`] spells it; anything else is none.
    pub fn from_path(path: &str) -> Option<Self> {
        let (level, place) = path.strip_prefix("tile/")?.split_once('/')?;
        let (number, width) = place.split_once(".p/").unwrap_or((place, "256"));
        let digits: String = number.split('/').map(|part| part.strip_prefix('x').unwrap_or(part)).collect();
        // Longer numbers than that are of no tree with 64-bit sizes.
        let plain = |text: &str| text.len() <= 18 && text.bytes().all(|byte| byte.is_ascii_digit());
        if ![level, &digits, width].into_iter().all(plain) {
            return None;
        }
        let tile =
            Self { level: level.parse().ok()?, index: digits.parse().ok()?, width: width.parse().ok()? };
        let exists = tile.level < TILE_LEVELS && (1..=TILE_WIDTH).contains(&tile.width);
        (exists && tile.path() == path).then_some(tile)
    }

    pub fn is_full(&self) -> bool {
        self.width == TILE_WIDTH
    }

    /// The tile in a tree of `size` leaves that holds hash number `nth` of its level.
    fn holding(level: u32, nth: u64, size: u64) -> Option<Self> {
        let hashes = size >> (TILE_HEIGHT * level);
        let index = nth / TILE_WIDTH;
        let width = hashes.checked_sub(index * TILE_WIDTH)?.min(TILE_WIDTH);
        (width > nth % TILE_WIDTH).then_some(Self { level, index, width })
    }
}

/// The right edge of a growing tree: of each level of tiles the one that is not full yet. All that is needed to go on,
/// and the root; 8 KiB a level, four levels for four thousand million leaves.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Edge {
    size: u64,
    levels: Vec<Vec<Sha256>>,
}

impl Edge {
    /// Leaves so far.
    pub const fn size(&self) -> u64 {
        self.size
    }

    /// Appends a leaf by its hash; `full` gets each tile that became full by it, lowest level first.
    pub fn push(&mut self, leaf: Sha256, full: &mut impl FnMut(Tile, &[Sha256])) {
        self.size += 1;
        let mut carried = leaf;
        for level in 0..TILE_LEVELS {
            let place = level as usize;
            if self.levels.len() == place {
                self.levels.push(Vec::with_capacity(TILE_WIDTH as usize));
            }
            let hashes = &mut self.levels[place];
            hashes.push(carried);
            if (hashes.len() as u64) < TILE_WIDTH {
                return;
            }
            let index = self.size.checked_shr(TILE_HEIGHT * (level + 1)).unwrap_or(1) - 1;
            full(Tile { level, index, width: TILE_WIDTH }, hashes);
            carried = perfect(hashes);
            hashes.clear();
        }
    }

    /// The Merkle tree hash over all leaves; that of nothing for none.
    pub fn root(&self) -> Sha256 {
        let mut root: Option<Sha256> = None;
        for hashes in &self.levels {
            let mut end = hashes.len();
            while end > 0 {
                // The smallest perfect subtree stands last.
                let start = end - (1 << end.trailing_zeros());
                let left = perfect(&hashes[start..end]);
                root = Some(root.map_or(left, |right| node_hash(&left, &right)));
                end = start;
            }
        }
        root.unwrap_or_else(|| Sha256::of(b""))
    }

    /// The tiles that are not full.
    pub fn partial(&self) -> impl Iterator<Item = (Tile, &[Sha256])> {
        let levels = (0..).zip(&self.levels).filter(|(_, hashes)| !hashes.is_empty());
        levels.map(|(level, hashes)| {
            let index = self.size.checked_shr(TILE_HEIGHT * (level + 1)).unwrap_or(0);
            (Tile { level, index, width: hashes.len() as u64 }, hashes.as_slice())
        })
    }

    /// The edge of a tree of `size` leaves from its partial tiles; none when one of them is not to be had.
    pub fn restore(size: u64, read: &mut impl FnMut(Tile) -> Option<Vec<Sha256>>) -> Option<Self> {
        let mut levels = Vec::new();
        for level in 0..TILE_LEVELS {
            let hashes = size >> (TILE_HEIGHT * level);
            if hashes == 0 {
                break;
            }
            let (index, width) = (hashes / TILE_WIDTH, hashes % TILE_WIDTH);
            let held = if width > 0 { read(Tile { level, index, width })? } else { Vec::new() };
            if held.len() as u64 != width {
                return None;
            }
            levels.push(held);
        }
        Some(Self { size, levels })
    }
}

/// Hash over the leaves `start..end` of a tree of `size`, from its tiles.
fn range(
    start: u64,
    end: u64,
    size: u64,
    read: &mut impl FnMut(Tile) -> Option<Vec<Sha256>>,
) -> Option<Sha256> {
    let leaves = end - start;
    if leaves.is_power_of_two() {
        let (level, within) = (leaves.ilog2() / TILE_HEIGHT, leaves.ilog2() % TILE_HEIGHT);
        let nth = start >> (TILE_HEIGHT * level);
        let tile = Tile::holding(level, nth + (1 << within) - 1, size)?;
        let hashes = read(tile)?;
        let first = usize::try_from(nth % TILE_WIDTH).ok()?;
        return hashes.get(first..first + (1 << within)).map(perfect);
    }
    let middle = start + split(leaves);
    Some(node_hash(&range(start, middle, size, read)?, &range(middle, end, size, read)?))
}

/// The largest power of two below `leaves`, which are two or more.
fn split(leaves: u64) -> u64 {
    1 << (leaves - 1).ilog2()
}

/// The proof that leaf `index` stands in the tree of `size` (RFC 9162 2.1.3.1), from the leaf upwards; `read` brings
/// tiles of that tree. None when there is no such leaf, or a tile is not to be had.
pub fn inclusion(
    index: u64,
    size: u64,
    read: &mut impl FnMut(Tile) -> Option<Vec<Sha256>>,
) -> Option<Vec<Sha256>> {
    if index >= size {
        return None;
    }
    let (mut start, mut end, mut proof) = (0, size, Vec::new());
    while end - start > 1 {
        let middle = start + split(end - start);
        if index < middle {
            proof.push(range(middle, end, size, read)?);
            end = middle;
        } else {
            proof.push(range(start, middle, size, read)?);
            start = middle;
        }
    }
    proof.reverse();
    Some(proof)
}

/// The proof that the tree of `old` leaves is the beginning of the one of `new` (RFC 9162 2.1.4.1); `read` brings tiles
/// of the newer. None when `old` is none or more than `new`, or a tile is not to be had.
pub fn consistency(
    old: u64,
    new: u64,
    read: &mut impl FnMut(Tile) -> Option<Vec<Sha256>>,
) -> Option<Vec<Sha256>> {
    if old == 0 || old > new {
        return None;
    }
    let (mut start, mut end, mut proof) = (0, new, Vec::new());
    while end != old {
        let middle = start + split(end - start);
        if old <= middle {
            proof.push(range(middle, end, new, read)?);
            end = middle;
        } else {
            proof.push(range(start, middle, new, read)?);
            start = middle;
        }
    }
    // The old root is known to whoever asks; a part of it is not.
    if start > 0 {
        proof.push(range(start, end, new, read)?);
    }
    proof.reverse();
    Some(proof)
}

/// Whether `proof` leads from leaf `index` with hash `leaf` to `root` over `size` leaves (RFC 9162 2.1.3.2).
pub fn includes(root: &Sha256, size: u64, index: u64, leaf: &Sha256, proof: &[Sha256]) -> bool {
    if index >= size {
        return false;
    }
    let (mut at, mut last, mut hash) = (index, size - 1, *leaf);
    for beside in proof {
        if last == 0 {
            return false;
        }
        if at & 1 == 1 || at == last {
            hash = node_hash(beside, &hash);
            while at & 1 == 0 && at != 0 {
                (at, last) = (at >> 1, last >> 1);
            }
        } else {
            hash = node_hash(&hash, beside);
        }
        (at, last) = (at >> 1, last >> 1);
    }
    last == 0 && hash == *root
}

/// Whether `proof` shows that the tree `old` (size and root) is the beginning of `new` (RFC 9162 2.1.4.2).
pub fn extends(old: (u64, Sha256), new: (u64, Sha256), proof: &[Sha256]) -> bool {
    if old.0 == new.0 {
        return proof.is_empty() && old.1 == new.1;
    }
    if old.0 == 0 || old.0 > new.0 {
        return false;
    }
    let (mut at, mut last) = (old.0 - 1, new.0 - 1);
    while at & 1 == 1 {
        (at, last) = (at >> 1, last >> 1);
    }
    let (begin, rest) = match proof {
        rest if old.0.is_power_of_two() => (old.1, rest),
        [begin, rest @ ..] => (*begin, rest),
        [] => return false,
    };
    let (mut older, mut newer) = (begin, begin);
    for beside in rest {
        if last == 0 {
            return false;
        }
        if at & 1 == 1 || at == last {
            (older, newer) = (node_hash(beside, &older), node_hash(beside, &newer));
            while at & 1 == 0 && at != 0 {
                (at, last) = (at >> 1, last >> 1);
            }
        } else {
            newer = node_hash(&newer, beside);
        }
        (at, last) = (at >> 1, last >> 1);
    }
    last == 0 && older == old.1 && newer == new.1
}

#[cfg(test)]
mod tests;
