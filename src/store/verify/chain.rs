//! The auditor's walk over the journal's chain. One page is decoded and digested on other threads while the next is read;
//! the links between entries are followed in order. What is to be worked out from every entry that follows from all
//! before it has its place in `ChainWalk::verified`.

use sqlx::sqlite::SqliteRow;
use tokio::task::JoinHandle;

use super::{Finding, VerifyReport, Watch};
use crate::journal::{Break, Entry, Fault, Verifier};
use crate::store::journal::{self, MAX_ENTRIES};
use crate::store::{Store, StoreError};

/// A page on its way: each entry, and whether its content has the hash written beside it; or why it is no entry.
type Digested = JoinHandle<Vec<Result<(Entry, bool), String>>>;

/// What the walk carries from entry to entry.
struct ChainWalk<'a> {
    verifier: Verifier,
    report: &'a mut VerifyReport,
}

impl ChainWalk<'_> {
    /// This entry follows from all before it.
    fn verified(&mut self, _entry: &Entry) {
        self.report.checked.entries += 1;
        self.report.head = self.verifier.head();
    }

    /// False at the first break: what follows proves nothing any more.
    fn follow(&mut self, page: Vec<Result<(Entry, bool), String>>) -> bool {
        for digested in page {
            let seq = self.verifier.head().seq + 1;
            let followed = digested.map_err(|detail| Finding::EntryUnreadable { seq, detail }).and_then(
                |(entry, is_unaltered)| {
                    self.verifier.check_digested(&entry, is_unaltered)?;
                    Ok(entry)
                },
            );
            match followed {
                Ok(entry) => self.verified(&entry),
                Err(finding) => {
                    self.report.add(finding);
                    return false;
                }
            }
        }
        true
    }
}

impl Store {
    pub(super) async fn verify_chain(
        &self,
        report: &mut VerifyReport,
        watch: Watch<'_>,
    ) -> Result<(), StoreError> {
        if let Some(broken) = self.moved_on_from(report).await? {
            report.add(broken);
            return Ok(());
        }
        let verifier = Verifier::new(report.head);
        let mut read_to = report.head.seq;
        let mut walk = ChainWalk { verifier, report };
        let mut on_its_way: Option<Digested> = None;
        loop {
            let rows = self.rows_after(read_to, MAX_ENTRIES).await?;
            let last = rows.last().map(journal_seq).transpose()?;
            let next = last.map(|last| {
                read_to = last;
                tokio::task::spawn_blocking(move || digest(&rows))
            });
            let is_last = next.is_none();
            if let Some(page) = std::mem::replace(&mut on_its_way, next) {
                let page = page
                    .await
                    .map_err(|died| StoreError::Corrupt { what: "journal page", detail: died.to_string() })?;
                if !walk.follow(page) || walk.report.stops(String::new(), watch) {
                    return Ok(());
                }
            }
            if is_last {
                return Ok(());
            }
        }
    }

    /// Where an earlier run stopped there has to be the same entry still.
    async fn moved_on_from(&self, report: &VerifyReport) -> Result<Option<Finding>, StoreError> {
        let noted = report.head;
        if noted.seq == 0 {
            return Ok(None);
        }
        let rows = self.rows_after(noted.seq - 1, 1).await?;
        let broken = |seq, fault| Some(Finding::ChainBroken(Break { seq, fault }));
        Ok(match digest(&rows).into_iter().next() {
            Some(Ok((entry, true))) if entry.head() == noted => None,
            Some(Err(detail)) => Some(Finding::EntryUnreadable { seq: noted.seq, detail }),
            Some(Ok((entry, false))) if entry.seq == noted.seq => broken(noted.seq, Fault::Altered),
            Some(Ok((entry, _))) if entry.seq == noted.seq => broken(noted.seq, Fault::Replaced),
            Some(Ok((entry, _))) => broken(noted.seq, Fault::Missing { found: entry.seq }),
            None => broken(noted.seq, Fault::CutOff { last: noted.seq }),
        })
    }
}

fn journal_seq(row: &SqliteRow) -> Result<u64, StoreError> {
    crate::store::row::Fields::of(row, "journal entry").count("seq")
}

/// On two threads: this is most of the walk's work.
fn digest(rows: &[SqliteRow]) -> Vec<Result<(Entry, bool), String>> {
    let each = |row: &SqliteRow| {
        let entry = journal::read(row).map_err(|error| error.to_string())?;
        let is_unaltered = entry.digest() == Ok(entry.hash);
        Ok((entry, is_unaltered))
    };
    let (front, back) = rows.split_at(rows.len() / 2);
    std::thread::scope(|scope| {
        let front_half = scope.spawn(|| front.iter().map(each).collect::<Vec<_>>());
        let back: Vec<_> = back.iter().map(each).collect();
        let died = |_| front.iter().map(|_| Err("the thread that read it died".to_owned())).collect();
        let mut all: Vec<_> = front_half.join().unwrap_or_else(died);
        all.extend(back);
        all
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::panic)]

    use std::ops::ControlFlow;

    use super::*;
    use crate::journal::EventType;
    use crate::store::fixture::{entry, fresh};

    /// Entries written while it is read.
    const BESIDE: u32 = 3_000;

    /// A measurement: `cargo test --lib how_many_entries -- --ignored --nocapture`.
    #[tokio::test(flavor = "multi_thread")]
    #[ignore = "a measurement of minutes"]
    async fn how_many_entries_a_minute() {
        let (store, _files) = fresh().await;
        const ENTRIES: u32 = 100_000;
        for page in 0..ENTRIES / 1_000 {
            let drafts = (0..1_000).map(|n| entry(EventType::IvrDigit, page * 1_000 + n, i64::from(n)));
            store.journal(drafts.collect()).await.unwrap();
        }
        let began = crate::time::now().mono;
        let mut report = VerifyReport::default();
        store.verify_chain(&mut report, &mut |_| ControlFlow::Continue(())).await.unwrap();
        let took = began.elapsed();
        assert_eq!(report.checked.entries, u64::from(ENTRIES));
        println!(
            "{ENTRIES} entries in {took:?}: {:.0} a minute",
            f64::from(ENTRIES) / took.as_secs_f64() * 60.0
        );
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn it_walks_beside_a_program_that_writes() {
        let (store, _files) = fresh().await;
        store.journal(vec![entry(EventType::IvrDigit, 0, 0)]).await.unwrap();
        let writer = store.clone();
        let writing = tokio::spawn(async move {
            for n in (0..BESIDE).step_by(100) {
                let drafts = (n..n + 100).map(|n| entry(EventType::IvrDigit, n, i64::from(n)));
                writer.journal(drafts.collect()).await.unwrap();
            }
        });
        // Each walk goes on where the one before it ended, until all that was written was looked at.
        let mut report = VerifyReport::default();
        while report.checked.entries < u64::from(BESIDE) + 1 {
            store.verify_chain(&mut report, &mut |_| ControlFlow::Continue(())).await.unwrap();
            assert!(report.is_good(), "{:?}", report.findings);
            tokio::task::yield_now().await;
        }
        writing.await.unwrap();
        assert_eq!(report.head.seq, u64::from(BESIDE) + 1);
    }
}
