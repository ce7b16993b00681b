//! Two texts line by line: what is new, what is gone, and some lines around, as people read a change. Which texts, and
//! what may be shown of them, is for `changes.rs`.

use serde::Serialize;
use similar::{ChangeTag, TextDiff};
use utoipa::ToSchema;

/// Lines shown around a change.
const CONTEXT: usize = 3;

/// Lines that belong together: a change and what stands around it.
#[derive(Debug, PartialEq, Serialize, ToSchema)]
pub(in crate::web) struct HunkView {
    lines: Vec<LineView>,
}

/// One line of a difference.
#[derive(Debug, PartialEq, Serialize, ToSchema)]
pub(in crate::web) struct LineView {
    /// `same`, `added` or `removed`.
    kind: &'static str,
    /// Its number in the text of before, from 1; none for an added line.
    before: Option<usize>,
    /// Its number in the text of after; none for a removed one.
    after: Option<usize>,
    text: String,
}

/// What has to be done to `before` to make it `after`. Compared is what is written, shown what `show` leaves of each
/// text: it must keep their lines.
pub(super) fn between(before: &str, after: &str, show: impl Fn(&str) -> String) -> Vec<HunkView> {
    let (shown_before, shown_after) = (show(before), show(after));
    let old: Vec<&str> = shown_before.split('\n').collect();
    let new: Vec<&str> = shown_after.split('\n').collect();
    let line = |lines: &[&str], index: usize| lines.get(index).copied().unwrap_or_default().to_owned();
    let diff = TextDiff::from_lines(before, after);
    let hunks = diff.grouped_ops(CONTEXT).into_iter().map(|group| {
        let changes = group.iter().flat_map(|op| diff.iter_changes(op));
        let lines = changes.map(|change| {
            let (before, after) = (change.old_index(), change.new_index());
            let (kind, text) = match (change.tag(), before, after) {
                (ChangeTag::Delete, Some(index), _) => ("removed", line(&old, index)),
                (ChangeTag::Insert, _, Some(index)) => ("added", line(&new, index)),
                (_, _, index) => ("same", line(&new, index.unwrap_or_default())),
            };
            LineView { kind, before: before.map(|n| n + 1), after: after.map(|n| n + 1), text }
        });
        HunkView { lines: lines.collect() }
    });
    hunks.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn changes_are_grouped_with_their_numbers() {
        let before: String = (1..=30).map(|n| format!("line {n}\n")).collect();
        let after = before.replace("line 5\n", "line five\n").replace("line 25\n", "");
        let hunks = between(&before, &after, str::to_owned);
        assert_eq!(hunks.len(), 2);
        let told = |hunk: &HunkView| {
            let changed = hunk.lines.iter().filter(|line| line.kind != "same");
            changed.map(|line| (line.kind, line.before, line.after, line.text.clone())).collect::<Vec<_>>()
        };
        let removed = ("removed", Some(5), None, "line 5".to_owned());
        assert_eq!(told(&hunks[0]), [removed, ("added", None, Some(5), "line five".to_owned())]);
        assert_eq!(told(&hunks[1]), [("removed", Some(25), None, "line 25".to_owned())]);
        assert_eq!(hunks[0].lines.len(), 3 + 2 + 3);
        assert!(between(&before, &before, str::to_owned).is_empty());
    }

    #[test]
    fn a_changed_secret_is_a_change_that_shows_nothing_of_it() {
        let (before, after) = ("a = 1\npassword = \"hunter\"\n", "a = 1\npassword = \"s3cret\"\n");
        let hunks = between(before, after, super::super::secrets::masked);
        let shown = format!("{hunks:?}");
        assert_eq!(hunks[0].lines.iter().filter(|line| line.kind != "same").count(), 2);
        assert!(!shown.contains("hunter") && !shown.contains("s3cret"), "{shown}");
    }
}
