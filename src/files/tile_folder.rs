//! The tiles of the journal's tree on the disk, as C2SP tlog-tiles lays them out, so that any web server could serve them.
//! Writes each as a whole, reads them for proofs. What a tile is and what a proof is made of is `crate::journal::tree`.

use std::collections::HashMap;
use std::fs;
use std::io::{self, Read as _};
use std::path::PathBuf;

use super::whole_file;
use crate::digest::Sha256;
use crate::journal::tree::{self, Edge, TILE_WIDTH, Tile};

/// Octets of a hash.
const HASH_BYTES: usize = 32;

/// Where the tiles lie; cheap to clone. Everything here blocks.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct TileFolder {
    root: PathBuf,
}

impl TileFolder {
    /// `root` is the folder in which `tile/` is; it is made with the first tile.
    pub const fn new(root: PathBuf) -> Self {
        Self { root }
    }

    /// Writes a tile, unless it is there already. A full one takes the place of its parts.
    pub fn write(&self, tile: Tile, hashes: &[Sha256]) -> io::Result<()> {
        let path = self.root.join(tile.path());
        let bytes = octets(hashes);
        if fs::read(&path).is_ok_and(|there| there == bytes) {
            return Ok(());
        }
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder)?;
        }
        whole_file::replace(&path, &bytes)?;
        if tile.is_full() {
            match fs::remove_dir_all(path.with_extension("p")) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                _ => {}
            }
        }
        Ok(())
    }

    /// The octets of a tile as they are published; none when it is not there. Of a partial one whose tile has become
    /// full since, its part of that.
    pub fn read(&self, tile: Tile) -> Option<Vec<u8>> {
        let wanted = usize::try_from(tile.width).ok()? * HASH_BYTES;
        let full = Tile { width: TILE_WIDTH, ..tile };
        let bytes = read_at_most(self.root.join(tile.path()))
            .or_else(|| read_at_most(self.root.join(full.path())))?;
        let is_whole = bytes.len() == wanted || bytes.len() == TILE_WIDTH as usize * HASH_BYTES;
        (is_whole && bytes.len() >= wanted).then(|| bytes[..wanted].to_vec())
    }

    /// The edge of the tree of `size` leaves; none when a tile of it is not there.
    pub fn edge(&self, size: u64) -> Option<Edge> {
        Edge::restore(size, &mut |tile| self.hashes(tile))
    }

    /// The proof that journal entry `seq` (from 1) stands in the tree of the first `size` entries, from the leaf
    /// upwards (RFC 9162 2.1.3). None when the entry is not among them, or tiles are missing. It says what the tiles say:
    /// check it against a signed root ([`tree::includes`]).
    pub fn inclusion(&self, seq: u64, size: u64) -> Option<Vec<Sha256>> {
        tree::inclusion(seq.checked_sub(1)?, size, &mut self.remembered())
    }

    /// The proof that the tree of the first `old` entries is the beginning of that of the first `new` (RFC 9162 2.1.4).
    pub fn consistency(&self, old: u64, new: u64) -> Option<Vec<Sha256>> {
        tree::consistency(old, new, &mut self.remembered())
    }

    /// Reads each tile once: a proof wants several hashes of one.
    fn remembered(&self) -> impl FnMut(Tile) -> Option<Vec<Sha256>> + '_ {
        let mut tiles: HashMap<Tile, Option<Vec<Sha256>>> = HashMap::new();
        move |tile| tiles.entry(tile).or_insert_with(|| self.hashes(tile)).clone()
    }

    fn hashes(&self, tile: Tile) -> Option<Vec<Sha256>> {
        let bytes = self.read(tile)?;
        let hash = |chunk: &[u8]| chunk.try_into().ok().map(Sha256);
        bytes.chunks(HASH_BYTES).map(hash).collect()
    }
}

/// As a tile holds them: one after the other.
pub fn octets(hashes: &[Sha256]) -> Vec<u8> {
    hashes.iter().flat_map(|hash| hash.0).collect()
}

/// One octet more than a full tile shows that it is none.
fn read_at_most(path: PathBuf) -> Option<Vec<u8>> {
    let mut bytes = Vec::new();
    fs::File::open(path).ok()?.take(TILE_WIDTH * HASH_BYTES as u64 + 1).read_to_end(&mut bytes).ok()?;
    Some(bytes)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn tiles_are_written_once_and_proofs_come_from_them() {
        let folder = tempfile::tempdir().unwrap();
        let tiles = TileFolder::new(folder.path().to_owned());
        let mut edge = Edge::default();
        let leaf = |n: u64| tree::leaf_hash(&Sha256::of(&n.to_be_bytes()));
        let (mut old, size) = ((0, Sha256::default()), 300);
        for n in 0..size {
            edge.push(leaf(n), &mut |tile, hashes| tiles.write(tile, hashes).unwrap());
            if n == 99 {
                old = (100, edge.root());
                edge.partial().for_each(|(tile, hashes)| tiles.write(tile, hashes).unwrap());
                assert!(folder.path().join("tile/0/000.p/100").exists());
            }
        }
        edge.partial().for_each(|(tile, hashes)| tiles.write(tile, hashes).unwrap());
        assert!(folder.path().join("tile/0/000").exists());
        assert!(!folder.path().join("tile/0/000.p").exists(), "the full tile has taken its place");
        assert_eq!(tiles.read(Tile { level: 0, index: 0, width: 100 }).unwrap().len(), 3_200);
        assert_eq!(tiles.edge(size).as_ref(), Some(&edge));
        assert_eq!(tiles.edge(301), None);
        for seq in [1, 2, 256, 257, 300] {
            let proof = tiles.inclusion(seq, size).unwrap();
            assert!(tree::includes(&edge.root(), size, seq - 1, &leaf(seq - 1), &proof), "{seq}");
        }
        assert_eq!((tiles.inclusion(0, size), tiles.inclusion(301, size)), (None, None));
        let proof = tiles.consistency(100, size).unwrap();
        assert!(tree::extends(old, (size, edge.root()), &proof));
        fs::write(folder.path().join("tile/0/000"), b"short").unwrap();
        assert_eq!(tiles.inclusion(1, size), None);
    }
}
