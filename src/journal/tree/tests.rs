//! The tree against a naive one that is the RFC's definition word for word, and against digests computed by hand with
//! `sha256sum`.
#![allow(clippy::unwrap_used, clippy::panic)]

use std::collections::HashMap;

use super::*;

/// RFC 9162 2.1.1.
fn naive(leaves: &[Sha256]) -> Sha256 {
    match leaves {
        [] => Sha256::of(b""),
        [one] => *one,
        _ => {
            let (left, right) = leaves.split_at(split(leaves.len() as u64) as usize);
            node_hash(&naive(left), &naive(right))
        }
    }
}

fn leaf(nth: u64) -> Sha256 {
    leaf_hash(&Sha256::of(&nth.to_be_bytes()))
}

/// Grows a tree and keeps its tiles: the full ones as they come, the partial ones of the sizes asked for.
struct Grown {
    edge: Edge,
    leaves: Vec<Sha256>,
    tiles: HashMap<Tile, Vec<Sha256>>,
}

impl Grown {
    fn to(size: u64) -> Self {
        let mut grown = Self { edge: Edge::default(), leaves: Vec::new(), tiles: HashMap::new() };
        grown.grow(size);
        grown
    }

    fn grow(&mut self, by: u64) {
        for _ in 0..by {
            let hash = leaf(self.edge.size());
            self.leaves.push(hash);
            let tiles = &mut self.tiles;
            self.edge.push(hash, &mut |tile, hashes| {
                assert!(tiles.insert(tile, hashes.to_vec()).is_none(), "a tile comes once");
            });
        }
        for (tile, hashes) in self.edge.partial() {
            self.tiles.insert(tile, hashes.to_vec());
        }
    }

    fn read(&self) -> impl FnMut(Tile) -> Option<Vec<Sha256>> + '_ {
        |tile| self.tiles.get(&tile).cloned()
    }
}

/// A generator for tests that say the same each time.
fn random(state: &mut u64, below: u64) -> u64 {
    *state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
    (*state >> 33) % below
}

#[test]
fn hand_computed_hashes() {
    // printf '\0' and 32 zero octets, sha256sum; then 1 and two of these.
    let zero = leaf_hash(&Sha256([0; 32]));
    assert_eq!(zero.to_string(), "7f9c9e31ac8256ca2f258583df262dbc7d6f68f2a03043d5c99a4ae5a7396ce9");
    let empty = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
    assert_eq!(Edge::default().root().to_string(), empty);
    let mut edge = Edge::default();
    edge.push(zero, &mut |_, _| {});
    assert_eq!(edge.root(), zero);
    edge.push(zero, &mut |_, _| {});
    let mut bytes = vec![1];
    bytes.extend([zero.0, zero.0].concat());
    assert_eq!(edge.root(), Sha256::of(&bytes));
}

#[test]
fn every_size_has_the_root_of_the_definition_and_comes_back_from_its_tiles() {
    let mut grown = Grown::to(0);
    for size in 1..=700_u64 {
        grown.grow(1);
        assert_eq!(grown.edge.root(), naive(&grown.leaves), "{size}");
        assert_eq!(Edge::restore(size, &mut grown.read()).as_ref(), Some(&grown.edge), "{size}");
    }
}

#[test]
fn every_proof_of_small_trees_holds_and_no_other() {
    for size in (1..=65).chain([255, 256, 257, 511, 513, 600]) {
        let grown = Grown::to(size);
        let root = grown.edge.root();
        for index in 0..size {
            let proof = inclusion(index, size, &mut grown.read()).unwrap();
            let own = leaf(index);
            assert!(includes(&root, size, index, &own, &proof), "{index} of {size}");
            assert!(proof.len() <= MAX_PROOF);
            assert!(!includes(&root, size, index, &leaf(index + 1), &proof));
            assert!(size == 1 || !includes(&root, size, (index + 1) % size, &own, &proof));
            let longer: Vec<Sha256> = proof.iter().copied().chain([own]).collect();
            assert!(!includes(&root, size, index, &own, &longer));
            assert!(proof.is_empty() || !includes(&root, size, index, &own, &proof[1..]));
        }
        for old in 1..=size {
            let proof = consistency(old, size, &mut grown.read()).unwrap();
            let before = (old, naive(&grown.leaves[..old as usize]));
            assert!(extends(before, (size, root), &proof), "{old} of {size}");
            assert!(!extends((old, leaf(9_999)), (size, root), &proof), "{old} of {size}");
            assert!(!extends(before, (size, leaf(9_999)), &proof), "{old} of {size}");
            let longer: Vec<Sha256> = proof.iter().copied().chain([root]).collect();
            assert!(!extends(before, (size, root), &longer));
        }
        assert_eq!(inclusion(size, size, &mut grown.read()), None);
        assert_eq!(consistency(size + 1, size, &mut grown.read()), None);
        assert_eq!(consistency(0, size, &mut grown.read()), None);
    }
}

#[test]
fn large_trees_at_random_places() {
    let (mut seed, size) = (1_580, 70_000);
    let grown = Grown::to(size);
    let root = grown.edge.root();
    assert_eq!(root, naive(&grown.leaves));
    for _ in 0..300 {
        let index = random(&mut seed, size);
        let proof = inclusion(index, size, &mut grown.read()).unwrap();
        assert!(includes(&root, size, index, &leaf(index), &proof));
        let mut flipped = proof.clone();
        let bit = random(&mut seed, 256) as usize;
        let nth = random(&mut seed, proof.len() as u64) as usize;
        flipped[nth].0[bit / 8] ^= 1 << (bit % 8);
        assert!(!includes(&root, size, index, &leaf(index), &flipped));
        let old = 1 + random(&mut seed, size);
        let proof = consistency(old, size, &mut grown.read()).unwrap();
        assert!(extends((old, naive(&grown.leaves[..old as usize])), (size, root), &proof));
    }
}

#[test]
fn tiles_are_spelt_as_the_specification_spells_them() {
    let spelt = [
        (Tile { level: 0, index: 67, width: 256 }, "tile/0/067"),
        (Tile { level: 0, index: 1_067, width: 256 }, "tile/0/x001/067"),
        (Tile { level: 0, index: 1_234_067, width: 256 }, "tile/0/x001/x234/067"),
        (Tile { level: 1, index: 0, width: 9 }, "tile/1/000.p/9"),
        (Tile { level: 7, index: 1_000, width: 255 }, "tile/7/x001/000.p/255"),
    ];
    for (tile, path) in spelt {
        assert_eq!(tile.path(), path);
        assert_eq!(Tile::from_path(path), Some(tile));
    }
    for path in [
        "",
        "tile",
        "tile/",
        "tile/0",
        "tile/0/",
        "tile/0/67",
        "tile/0/0067",
        "tile/8/000",
        "tile/00/000",
        "tile/0/x000/067",
        "tile/0/001/067",
        "tile/0/../067",
        "tile/0/067.p/0",
        "tile/0/067.p/256",
        "tile/0/067.p/09",
        "tile/0/067.p/257",
        "tile/-1/067",
        "tile/0/+67",
        "tile/0/067.p/9/9",
        "tile/0/067/",
        "tile/entries/000",
        "tile/0/x999/x999/x999/x999/x999/x999/x999/999",
        "/tile/0/067",
        "tile/0/٠٦٧",
    ] {
        assert_eq!(Tile::from_path(path), None, "{path}");
    }
}
