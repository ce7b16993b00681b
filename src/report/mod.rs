//! The weekly control report: what it counts (`fact`), each indicator with its rule (`indicator`), the figures
//! (`figures`), the same facts from journal entries alone (`replay`), its words and its forms (`words`, `html`, `csv`,
//! `xlsx`). Pure; the facts are read by `store/report*`. Nothing else in the program defines an indicator.

pub mod csv;
mod difference;
pub mod fact;
pub mod figures;
pub mod html;
pub mod indicator;
mod json;
mod names;
pub mod replay;
#[cfg(test)]
mod samples;
mod shown;
#[cfg(test)]
mod tests;
mod week;
pub mod words;
pub mod xlsx;

pub use difference::{Difference, differences};
pub use fact::{ContactFact, Facts, Standing, Step, StepKind};
pub use figures::{Breakdown, Figure, Member, Report, Row, Value, members, report};
pub use indicator::{Dimension, INDICATORS, Indicator, Section};
pub use json::{ReportView, ValueView, view};
pub use names::Names;
pub use week::{Period, Week};
