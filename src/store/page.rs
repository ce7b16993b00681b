//! Cursor pages: a list continues after the last item shown, whatever came in meanwhile. A cursor is the item's
//! place in the list's order, `<micros>.<id>`; callers must not look inside.

use sqlx::{QueryBuilder, Sqlite};

use crate::time::Timestamp;

use super::{Listed, Page, StoreError};

/// Items on one page at most (API contract).
pub const MAX_LIMIT: u32 = 200;
/// Longest cursor read: 20 characters of a moment, a dot, an id.
const MAX_CURSOR_LEN: usize = 80;

/// A place in a list that is ordered by a moment and, within it, by an id.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Cursor {
    pub at: Timestamp,
    pub id: String,
}

impl Cursor {
    fn parse(text: &str) -> Option<Self> {
        let (micros, id) = text.split_once('.')?;
        let id_is_plain = !id.is_empty() && id.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
        if text.len() > MAX_CURSOR_LEN || !id_is_plain {
            return None;
        }
        Some(Self { at: Timestamp::from_micros(micros.parse().ok()?), id: id.to_owned() })
    }

    fn print(&self) -> String {
        format!("{}.{}", self.at.micros(), self.id)
    }
}

/// The direction of a list.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Order {
    NewestFirst,
    EarliestFirst,
}

impl Page {
    fn items(&self) -> usize {
        self.limit.clamp(1, MAX_LIMIT) as usize
    }

    /// Adds to a query that ends in a `WHERE` condition: the place to go on from, the order, and one row more than
    /// the page shows, which tells whether there is a next one.
    pub(super) fn narrow(
        &self,
        query: &mut QueryBuilder<Sqlite>,
        (moment, id): (&'static str, &'static str),
        order: Order,
    ) -> Result<(), StoreError> {
        let (comparison, direction) = match order {
            Order::NewestFirst => ("<", "DESC"),
            Order::EarliestFirst => (">", "ASC"),
        };
        if let Some(cursor) = &self.cursor {
            let cursor = Cursor::parse(cursor).ok_or(StoreError::NotFound("page"))?;
            query.push(format_args!(" AND ({moment}, {id}) {comparison} ("));
            query.push_bind(cursor.at.micros()).push(", ").push_bind(cursor.id).push(")");
        }
        query.push(format_args!(" ORDER BY {moment} {direction}, {id} {direction} LIMIT "));
        query.push_bind(i64::try_from(self.items() + 1).unwrap_or(i64::MAX));
        Ok(())
    }

    /// The page from the rows that [`Page::narrow`] asked for.
    pub(super) fn list<T>(&self, mut items: Vec<T>, place: impl Fn(&T) -> Cursor) -> Listed<T> {
        let more = items.len() > self.items();
        items.truncate(self.items());
        let next = items.last().filter(|_| more).map(|last| place(last).print());
        Listed { items, next }
    }
}

/// A `LIKE` pattern for "contains `text`", to be used with `ESCAPE '\\'`.
pub(super) fn containing(text: &str) -> String {
    let mut pattern = String::with_capacity(text.len() + 2);
    pattern.push('%');
    for c in text.chars() {
        if matches!(c, '%' | '_' | '\\') {
            pattern.push('\\');
        }
        pattern.push(c);
    }
    pattern.push('%');
    pattern
}

/// Adds "and `column` contains `text`" to a condition. What has no letters has no case: it is compared as it is, at half of
/// what a `LIKE` costs for each of a million rows.
pub(super) fn that_contains(query: &mut QueryBuilder<Sqlite>, column: &'static str, text: &str) {
    if text.chars().any(char::is_alphabetic) {
        query.push(" AND ").push(column).push(" LIKE ").push_bind(containing(text)).push(" ESCAPE '\\'");
    } else {
        query.push(" AND instr(").push(column).push(", ").push_bind(text.to_owned()).push(") > 0");
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::panic)]

    use super::*;

    #[test]
    fn cursors_survive_printing() {
        for (at, id) in [(0, "a"), (-5, "2026-01-000042"), (i64::MAX, "0190f3c2-0000-7000-8000-000000000000")]
        {
            let cursor = Cursor { at: Timestamp::from_micros(at), id: id.to_owned() };
            assert_eq!(Cursor::parse(&cursor.print()), Some(cursor));
        }
    }

    #[test]
    fn foreign_cursors_are_refused() {
        let long = format!("1.{}", "a".repeat(100));
        for text in ["", ".", "1", "1.", "x.y", "1.a'b", "1.a b", "99999999999999999999.a", long.as_str()] {
            assert_eq!(Cursor::parse(text), None, "{text}");
        }
    }

    #[test]
    fn only_a_full_page_has_a_next_one() {
        let page = Page { limit: 2, cursor: None };
        let place = |n: &i64| Cursor { at: Timestamp::from_micros(*n), id: "x".to_owned() };
        let full = page.list(vec![9, 8, 7], place);
        assert_eq!((full.items, full.next.as_deref()), (vec![9, 8], Some("8.x")));
        assert_eq!(page.list(vec![9, 8], place).next, None);
    }

    #[test]
    fn wildcards_in_a_search_are_taken_literally() {
        assert_eq!(containing("5_%\\"), "%5\\_\\%\\\\%");
    }
}
