//! A TOML text with its complaints: byte offsets become line and column, and nothing wrong stops the reading.
//! Shared by dialplans and prompt texts; what keys mean is said elsewhere.

use std::cell::RefCell;

use toml::Spanned;
use toml::de::DeTable;

use super::{MAX_COMPLAINTS, MAX_FILE_BYTES, TextPosition};
use crate::diagnostic::Diagnostic;

/// One file being read.
#[derive(Debug)]
pub(super) struct Source<'a> {
    file: &'a str,
    text: &'a str,
    /// Byte offset of each line's first character.
    line_starts: Vec<usize>,
    complaints: RefCell<Vec<Diagnostic>>,
}

impl<'a> Source<'a> {
    pub(super) fn new(file: &'a str, text: &'a str) -> Self {
        let starts = text.match_indices('\n').map(|(newline, _)| newline + 1);
        Self {
            file,
            text,
            line_starts: std::iter::once(0).chain(starts).collect(),
            complaints: RefCell::default(),
        }
    }

    /// The whole text as a table, as far as it can be read.
    pub(super) fn table(&self) -> Option<Spanned<DeTable<'a>>> {
        if self.text.len() > MAX_FILE_BYTES {
            self.complain(0, format!("larger than {} KiB", MAX_FILE_BYTES / 1024));
            return None;
        }
        let (table, errors) = DeTable::parse_recoverable(self.text);
        for error in errors {
            self.complain(error.span().map_or(0, |span| span.start), error.message());
        }
        Some(table)
    }

    pub(super) fn complain(&self, offset: usize, message: impl Into<String>) {
        self.complain_at(self.position(offset), message);
    }

    pub(super) fn complain_at(&self, at: TextPosition, message: impl Into<String>) {
        let mut complaints = self.complaints.borrow_mut();
        if complaints.len() < MAX_COMPLAINTS {
            complaints.push(Diagnostic {
                file: self.file.to_owned(),
                line: at.line,
                column: at.column,
                message: message.into(),
            });
        }
    }

    pub(super) fn position(&self, offset: usize) -> TextPosition {
        let line = self.line_starts.partition_point(|start| *start <= offset).max(1);
        let start = self.line_starts[line - 1];
        let column = self.text.get(start..offset).map_or(1, |before| before.chars().count() + 1);
        TextPosition { line, column }
    }

    pub(super) fn has_complaints(&self) -> bool {
        !self.complaints.borrow().is_empty()
    }

    /// Everything complained about, in the order of the text.
    pub(super) fn into_complaints(self) -> Vec<Diagnostic> {
        let mut complaints = self.complaints.into_inner();
        complaints.sort_by_key(|complaint| (complaint.line, complaint.column));
        complaints.dedup();
        complaints
    }
}
