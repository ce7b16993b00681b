//! The city's addresses: the register as the city exports it (`import`), and the search that finds what an operator
//! types while a citizen speaks (`search`). Pure and in memory; who asks, and what a case keeps, is elsewhere.

mod distance;
mod fold;
mod import;
mod lexicon;
mod point;
mod register;
mod search;
mod spoken;
#[cfg(test)]
mod tests;

pub use fold::plain;
pub use import::{Known, MAX_FILE_BYTES};
pub use point::Point;
pub use register::{House, Register, Street, house_key};
pub use search::{Hit, HitHouse, MAX_HITS, MAX_QUERY_CHARS, Reading};
