//! What deletions leave in the database file although it overwrites them (`secure_delete`): SQLite splits and rebuilds pages by
//! copying rows, and copies stay in the gap between a page's list of cells and its cells. Finds the gaps in SQLite's own
//! table of pages (`sqlite_dbpage`, file format section 1.6) and zeroes them; no row is touched.

use std::ops::Range;

use crate::time;

use super::writer::{Change, Ledger};
use super::{Store, StoreError};

/// Pages read in one go: a megabyte.
const PAGES_READ: u32 = 256;
/// Pages zeroed in one transaction: a millisecond, so that no call's record waits for it.
const PAGES_WRITTEN: usize = 64;
/// From here on (137 GB of pages of 4 KiB) the number of a page could be taken for the mark of a tree: such a file is left to
/// VACUUM.
const MAX_PAGES: u32 = 0x0200_0000;
const MARKS: [u8; 4] = [2, 5, 10, 13];

impl Store {
    /// Zeroes the gaps of all pages, reading half of the time at most.
    ///
    /// # Errors
    /// `Corrupt` for a file of 137 GB and more.
    pub(super) async fn zero_gaps(&self) -> Result<(), StoreError> {
        let pages: u32 = sqlx::query_scalar("PRAGMA page_count").fetch_one(&self.readers).await?;
        if pages >= MAX_PAGES {
            let detail = format!("{pages} pages are too many to be scrubbed: VACUUM it");
            return Err(StoreError::Corrupt { what: "database", detail });
        }
        let sql = "WITH RECURSIVE wanted(page) AS (VALUES ($1) UNION ALL SELECT page + 1 FROM wanted WHERE page < $2) \
                   SELECT pgno, data FROM wanted CROSS JOIN sqlite_dbpage ON pgno = page";
        let mut found = Vec::new();
        for first in (1..=pages).step_by(PAGES_READ as usize) {
            let began = time::now().mono;
            let last = pages.min(first + PAGES_READ - 1);
            let query = sqlx::query_as::<_, (u32, Vec<u8>)>(sql).bind(first).bind(last);
            let read = self.reading(query.fetch_all(&self.readers)).await?;
            found.extend(read.iter().filter(|(page, octets)| is_dirty(*page, octets)).map(|(page, _)| *page));
            while found.len() >= PAGES_WRITTEN {
                let some = found.drain(..PAGES_WRITTEN).collect();
                self.writer.make(ZeroGaps(some)).await?;
            }
            tokio::time::sleep(began.elapsed()).await;
        }
        self.writer.make(ZeroGaps(found)).await
    }
}

/// Gaps of these pages, as they are by then.
struct ZeroGaps(Vec<u32>);

impl Change for ZeroGaps {
    type Answer = ();
    const IS_LONG: bool = true;

    async fn apply(self, ledger: &mut Ledger<'_>) -> Result<(), StoreError> {
        for page in self.0 {
            let query = sqlx::query_scalar("SELECT data FROM sqlite_dbpage WHERE pgno = $1").bind(page);
            let Some(mut octets): Option<Vec<u8>> = query.fetch_optional(&mut *ledger.connection).await?
            else {
                continue;
            };
            if !is_dirty(page, &octets) {
                continue;
            }
            if let Some(gap) = gap(page, &octets) {
                octets[gap].fill(0);
            }
            let update = sqlx::query("UPDATE sqlite_dbpage SET data = $2 WHERE pgno = $1");
            update.bind(page).bind(octets).execute(&mut *ledger.connection).await?;
        }
        Ok(())
    }
}

fn is_dirty(page: u32, octets: &[u8]) -> bool {
    gap(page, octets).is_some_and(|gap| octets[gap].iter().any(|octet| *octet != 0))
}

/// Between the list of cells and the first cell; none where it is no whole page of a tree.
fn gap(page: u32, octets: &[u8]) -> Option<Range<usize>> {
    // The first page begins with the head of the file.
    let begin = if page == 1 { 100 } else { 0 };
    let number = |at: usize| Some(usize::from(u16::from_be_bytes(octets.get(at..at + 2)?.try_into().ok()?)));
    let mark = *octets.get(begin)?;
    if !MARKS.contains(&mark) {
        return None;
    }
    let list = begin + if mark < 8 { 12 } else { 8 };
    let end = list + 2 * number(begin + 3)?;
    let cells = match number(begin + 5)? {
        0 => 1 << 16,
        cells => cells,
    };
    let holds = |at: usize| (cells..octets.len()).contains(&at);
    let free = number(begin + 1)?;
    let is_whole = end <= cells
        && cells <= octets.len()
        && (free == 0 || holds(free))
        && (list..end).step_by(2).all(|at| number(at).is_some_and(holds));
    is_whole.then_some(end..cells)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    /// A leaf of a table with two cells of four octets at its end.
    fn leaf() -> Vec<u8> {
        let mut page = vec![0; 512];
        page[..8].copy_from_slice(&[13, 0, 0, 0, 2, 1, 248, 0]);
        page[8..12].copy_from_slice(&[1, 252, 1, 248]);
        page[504..].copy_from_slice(b"cellcell");
        page
    }

    #[test]
    fn the_gap_is_between_the_list_and_the_cells() {
        let mut page = leaf();
        assert_eq!(gap(2, &page), Some(12..504));
        assert!(!is_dirty(2, &page));
        page[100] = b'x';
        assert!(is_dirty(2, &page));
        let inner = [&[5, 0, 0, 0, 0, 2, 0, 0, 0, 0, 0, 9], &[0; 500][..]].concat();
        assert_eq!(gap(2, &inner), Some(12..512));
        let first = [vec![b'S'; 100], leaf()[..12].to_vec(), leaf()[112..].to_vec()].concat();
        assert_eq!(gap(1, &first), Some(112..504));
    }

    #[test]
    fn what_is_no_whole_page_of_a_tree_has_none() {
        let altered = |at: usize, octet: u8| {
            let mut page = leaf();
            page[at] = octet;
            gap(2, &page)
        };
        assert_eq!(altered(0, 0), None, "an overflow page, or a free one");
        assert_eq!(altered(5, 3), None, "cells behind the end");
        assert_eq!(altered(3, 2), None, "a list longer than the page");
        assert_eq!(altered(8, 0), None, "a cell in the gap");
        assert_eq!(altered(2, 30), None, "a free block in the gap");
        assert_eq!(gap(2, &[13, 0, 0]), None);
        assert_eq!(gap(2, &[]), None);
    }
}
