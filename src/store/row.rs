//! Columns to words and back: ids, names, numbers, moments and JSON, with the error that names what is unreadable.
//! Texts go through serde, so a column holds the same spelling as the API and the journal.

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use sqlx::sqlite::SqliteRow;
use sqlx::{Decode, Row, Sqlite, Type};

use crate::time::Timestamp;

use super::StoreError;

/// A row being read; `what` names it in errors.
#[derive(Clone, Copy)]
pub(super) struct Fields<'r> {
    row: &'r SqliteRow,
    what: &'static str,
}

impl<'r> Fields<'r> {
    pub(super) fn of(row: &'r SqliteRow, what: &'static str) -> Self {
        Self { row, what }
    }

    fn corrupt(&self, column: &str, cause: impl std::fmt::Display) -> StoreError {
        StoreError::Corrupt { what: self.what, detail: format!("column {column}: {cause}") }
    }

    /// A column as SQLite has it: texts, bytes, numbers, and options of them.
    pub(super) fn plain<T: Decode<'r, Sqlite> + Type<Sqlite>>(&self, column: &str) -> Result<T, StoreError> {
        self.row.try_get(column).map_err(|error| self.corrupt(column, error))
    }

    /// A type that serde writes as a JSON string: ids, names of states, digests.
    pub(super) fn word<T: DeserializeOwned>(&self, column: &str) -> Result<T, StoreError> {
        let text = self.plain(column)?;
        serde_json::from_value(Value::String(text)).map_err(|error| self.corrupt(column, error))
    }

    pub(super) fn optional_word<T: DeserializeOwned>(&self, column: &str) -> Result<Option<T>, StoreError> {
        let text: Option<String> = self.plain(column)?;
        text.map(|text| serde_json::from_value(Value::String(text)))
            .transpose()
            .map_err(|error| self.corrupt(column, error))
    }

    pub(super) fn json<T: DeserializeOwned>(&self, column: &str) -> Result<T, StoreError> {
        let text: &str = self.plain(column)?;
        serde_json::from_str(text).map_err(|error| self.corrupt(column, error))
    }

    pub(super) fn optional_json<T: DeserializeOwned>(&self, column: &str) -> Result<Option<T>, StoreError> {
        let text: Option<&str> = self.plain(column)?;
        text.map(serde_json::from_str).transpose().map_err(|error| self.corrupt(column, error))
    }

    /// A text that `meaning` knows.
    pub(super) fn known<T>(
        &self,
        column: &str,
        meaning: impl FnOnce(&str) -> Option<T>,
    ) -> Result<T, StoreError> {
        let text: &str = self.plain(column)?;
        meaning(text).ok_or_else(|| self.corrupt(column, "unknown value"))
    }

    pub(super) fn moment(&self, column: &str) -> Result<Timestamp, StoreError> {
        self.plain(column).map(Timestamp::from_micros)
    }

    pub(super) fn optional_moment(&self, column: &str) -> Result<Option<Timestamp>, StoreError> {
        Ok(self.plain::<Option<i64>>(column)?.map(Timestamp::from_micros))
    }

    /// A number that is never negative and fits `T`.
    pub(super) fn count<T: TryFrom<i64>>(&self, column: &str) -> Result<T, StoreError> {
        let number: i64 = self.plain(column)?;
        T::try_from(number).map_err(|_| self.corrupt(column, "out of range"))
    }

    pub(super) fn flag(&self, column: &str) -> Result<bool, StoreError> {
        Ok(self.plain::<i64>(column)? != 0)
    }
}

/// The text of a type that serde writes as a JSON string.
pub(super) fn word<T: Serialize>(value: &T) -> Result<String, StoreError> {
    match serde_json::to_value(value) {
        Ok(Value::String(text)) => Ok(text),
        Ok(other) => Err(StoreError::Corrupt { what: "value", detail: format!("{other} is not a word") }),
        Err(error) => Err(StoreError::Corrupt { what: "value", detail: error.to_string() }),
    }
}

pub(super) fn optional_word<T: Serialize>(value: Option<&T>) -> Result<Option<String>, StoreError> {
    value.map(word).transpose()
}

pub(super) fn json<T: Serialize>(value: &T) -> Result<String, StoreError> {
    serde_json::to_string(value)
        .map_err(|error| StoreError::Corrupt { what: "value", detail: error.to_string() })
}

pub(super) fn micros(at: Option<Timestamp>) -> Option<i64> {
    at.map(Timestamp::micros)
}

/// A count as SQLite keeps it; the largest of 63 bits stands for all above it.
pub(super) fn stored_count(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::panic)]

    use super::*;
    use crate::case::Priority;
    use crate::language::Language;
    use sqlx::Connection;

    #[tokio::test]
    async fn columns_that_cannot_be_read_say_which() {
        let mut connection = sqlx::SqliteConnection::connect("sqlite::memory:").await.unwrap();
        let row = sqlx::query("SELECT 'xx' AS language, -1 AS length, '{' AS body")
            .fetch_one(&mut connection)
            .await
            .unwrap();
        let fields = Fields::of(&row, "thing");
        let complaints = [
            fields.word::<Language>("language").unwrap_err(),
            fields.count::<u32>("length").unwrap_err(),
            fields.json::<Vec<String>>("body").unwrap_err(),
            fields.plain::<String>("absent").unwrap_err(),
        ];
        for (complaint, column) in complaints.iter().zip(["language", "length", "body", "absent"]) {
            let text = complaint.to_string();
            assert!(text.contains("thing") && text.contains(column), "{text}");
        }
    }

    #[test]
    fn words_are_spelt_as_serde_spells_them() {
        assert_eq!(word(&Priority::LifeSafety).unwrap(), "life_safety");
        assert!(word(&7).is_err());
    }
}
