//! When a checkpoint is made and when not; that tiles that were lost are made again; that another history is not signed.
//! The store is in memory, the tiles are in a temporary folder.
#![allow(clippy::unwrap_used)]

use super::*;
use crate::journal::{Draft, EventType};
use crate::store::TreeWitness;
use crate::time::Timestamp;

struct Bench {
    checkpointer: Checkpointer,
    folder: tempfile::TempDir,
    _stop: watch::Sender<Stop>,
}

async fn bench(every_secs: u64, entries: u64) -> Bench {
    let store = super::super::fixture::store().await;
    let folder = tempfile::tempdir().unwrap();
    let (stop, stopping) = watch::channel(Stop::Running);
    let checkpointer = Checkpointer {
        store,
        tiles: TileFolder::new(folder.path().to_owned()),
        signer: Arc::new(SignerKey::new("city.example/1580", [7; 32]).unwrap()),
        cadence: Cadence { every: Duration::from_secs(every_secs), entries },
        stopping,
    };
    Bench { checkpointer, folder, _stop: stop }
}

impl Bench {
    async fn journal(&self, entries: i64) {
        let draft = |n| {
            Draft::new(
                EventType::AccessViewed,
                Timestamp::from_micros(1_795_000_000_000_000 + n),
                Actor::system("t"),
            )
        };
        self.checkpointer.store.journal((0..entries).map(draft).collect()).await.unwrap();
    }

    async fn is_sound(&self) -> bool {
        let keys = [self.checkpointer.signer.verifier().clone()];
        let witness = TreeWitness { keys: &keys, tiles: Some(&self.checkpointer.tiles), noted: None };
        let report = self.checkpointer.store.verify_tree(&witness, &mut |_| {}).await.unwrap();
        report.findings.is_empty()
    }
}

#[tokio::test]
async fn a_checkpoint_is_made_in_time_or_after_enough_entries_and_never_of_its_own_news() {
    let bench = bench(60, 300).await;
    let began = crate::time::now();
    let after = |secs| began.plus(Duration::from_secs(secs));
    let mut signed = Signed { edge: bench.checkpointer.recover().await.unwrap(), at: began.mono };
    assert_eq!(
        bench.checkpointer.look(&mut signed, after(100)).await.unwrap(),
        None,
        "nothing was journalled"
    );
    bench.journal(10).await;
    assert_eq!(bench.checkpointer.look(&mut signed, after(59)).await.unwrap(), None);
    assert_eq!(bench.checkpointer.look(&mut signed, after(60)).await.unwrap(), Some(10));
    assert_eq!(bench.checkpointer.look(&mut signed, after(1_000)).await.unwrap(), None, "quiet");
    bench.journal(1).await;
    assert_eq!(bench.checkpointer.look(&mut signed, after(1_000)).await.unwrap(), Some(12));
    bench.journal(300).await;
    assert_eq!(bench.checkpointer.look(&mut signed, after(1_001)).await.unwrap(), Some(313));
    assert!(bench.is_sound().await);
}

#[tokio::test]
async fn lost_tiles_are_made_again_and_a_new_start_goes_on() {
    let bench = bench(0, 1).await;
    let now = crate::time::now();
    bench.journal(600).await;
    let mut signed = Signed { edge: Edge::default(), at: now.mono };
    assert_eq!(bench.checkpointer.look(&mut signed, now).await.unwrap(), Some(600));
    let edge = bench.checkpointer.recover().await.unwrap();
    assert_eq!(edge, signed.edge);
    std::fs::remove_dir_all(bench.folder.path().join("tile")).unwrap();
    assert!(!bench.is_sound().await);
    assert_eq!(bench.checkpointer.recover().await.unwrap(), edge);
    assert!(bench.is_sound().await);
    // Altered ones, too.
    let file = bench.folder.path().join("tile/0/002.p/88");
    std::fs::write(&file, vec![0; 88 * 32]).unwrap();
    assert_eq!(bench.checkpointer.recover().await.unwrap(), edge);
    assert!(bench.is_sound().await);
}

#[tokio::test]
async fn another_history_is_not_signed() {
    let (bench, other) = (bench(0, 1).await, bench(0, 1).await);
    let now = crate::time::now();
    bench.journal(20).await;
    other.journal(20).await;
    // What stands in this journal was signed of another.
    let note = bench.checkpointer.signer.sign(20, crate::digest::Sha256::of(b"another"));
    bench.checkpointer.store.keep_checkpoint(note, Actor::system(ACTOR), now.utc).await.unwrap();
    assert!(matches!(bench.checkpointer.recover().await, Err(Failure::Rewritten { size: 20 })));
    // One that is shorter than what was signed.
    let mut signed = Signed { edge: Edge::default(), at: now.mono };
    other.checkpointer.look(&mut signed, now).await.unwrap();
    for n in 0..50 {
        signed.edge.push(crate::digest::Sha256::of(&[n]), &mut |_, _| {});
    }
    assert!(matches!(other.checkpointer.look(&mut signed, now).await, Err(Failure::Rewritten { .. })));
}
