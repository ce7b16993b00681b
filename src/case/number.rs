//! The register number's form: `year-office-sequence`.
//! Giving the next number without a gap is the store's part.

use std::str::FromStr;

use super::CaseNumber;

/// The office code is short enough to be spoken, characters.
const MAX_OFFICE_CHARS: usize = 8;

#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("'{0}' is no register number, as in 2026-01-000042")]
pub struct InvalidCaseNumber(pub String);

impl CaseNumber {
    /// `sequence` counts from 1 within `year` and `office`; it is padded to six digits and may grow beyond.
    pub fn new(year: i32, office: &str, sequence: u64) -> Self {
        Self(format!("{year:04}-{office}-{sequence:06}"))
    }

    /// The civil year of registration.
    pub fn year(&self) -> Option<i32> {
        self.0.split('-').next()?.parse().ok()
    }

    /// The place in the register, from 1.
    pub fn sequence(&self) -> Option<u64> {
        self.0.rsplit('-').next()?.parse().ok()
    }
}

impl FromStr for CaseNumber {
    type Err = InvalidCaseNumber;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let parts: Vec<&str> = text.split('-').collect();
        let digits =
            |part: &str, least: usize| part.len() >= least && part.bytes().all(|byte| byte.is_ascii_digit());
        match parts[..] {
            [year, office, sequence]
                if year.len() == 4
                    && digits(year, 4)
                    && (1..=MAX_OFFICE_CHARS).contains(&office.len())
                    && office.bytes().all(|byte| byte.is_ascii_alphanumeric())
                    && digits(sequence, 6)
                    && sequence.parse::<u64>().is_ok_and(|sequence| sequence > 0) =>
            {
                Ok(Self(text.to_owned()))
            }
            _ => Err(InvalidCaseNumber(text.to_owned())),
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn a_number_reads_back() {
        for (number, text) in [
            (CaseNumber::new(2026, "01", 42), "2026-01-000042"),
            (CaseNumber::new(2027, "A2", 1_234_567), "2027-A2-1234567"),
        ] {
            assert_eq!(number.to_string(), text);
            assert_eq!(text.parse::<CaseNumber>().unwrap(), number);
        }
        let number = CaseNumber::new(2026, "01", 42);
        assert_eq!((number.year(), number.sequence()), (Some(2026), Some(42)));
    }

    #[test]
    fn nonsense_is_refused() {
        for text in [
            "",
            "42",
            "26-01-000042",
            "2026-01-42",
            "2026--000042",
            "2026-01-000000",
            "2026-01-00004x",
            "2026-01-000042-1",
        ] {
            assert!(text.parse::<CaseNumber>().is_err(), "{text}");
        }
    }
}
