//! Numbers as a trunk writes them and as we keep them: E.164 with a `+` (ITU-T E.164 6, RFC 3966 5.1.4).
//! Rules of prefixes only: no table of the world's numbering plans is needed to tell one's own country from abroad.
//! What no rule explains stays as it came; nothing is ever refused here.

use super::PhoneNumber;

/// Digits of an E.164 number with its country code (E.164 6.1); shorter ones are short codes, such as 101 or 1580.
const MIN_E164_DIGITS: usize = 8;
const MAX_E164_DIGITS: usize = 15;
/// A subscriber dialled without area code has fewer digits than this; it cannot be told from a short code.
const MIN_NATIONAL_DIGITS: usize = 7;

/// How a trunk writes numbers. The default explains nothing: every number stays as it came.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct NumberingPlan {
    country: Option<Country>,
    /// Whether the trunk wants the numbers we send with `+`; otherwise bare digits.
    plus: bool,
}

#[derive(Clone, PartialEq, Eq, Debug)]
struct Country {
    /// Without `+`, as in 380.
    code: String,
    /// Before a number of the same country, as in 0; empty where there is none.
    national_prefix: String,
    /// Before a country code, as in 00.
    international_prefix: String,
}

impl NumberingPlan {
    /// The plan of one country. `code` are its digits without `+`; `national_prefix` may be empty (Poland).
    pub fn of_country(code: &str, national_prefix: &str, international_prefix: &str) -> Self {
        let country = Country {
            code: code.to_owned(),
            national_prefix: national_prefix.to_owned(),
            international_prefix: international_prefix.to_owned(),
        };
        Self { country: Some(country), plus: true }
    }

    /// Numbers we send go without `+`.
    #[must_use]
    pub fn without_plus(mut self) -> Self {
        self.plus = false;
        self
    }

    /// The number as we keep it: `+` and country code where the plan can tell; short codes, names and withheld
    /// numbers as they came.
    pub fn normalise(&self, number: &PhoneNumber) -> PhoneNumber {
        let text = number.as_str();
        if let Some(digits) = text.strip_prefix('+') {
            return international(digits).unwrap_or_else(|| number.clone());
        }
        match &self.country {
            Some(country) if text.bytes().all(|byte| byte.is_ascii_digit()) => {
                country.explain(text).unwrap_or_else(|| number.clone())
            }
            _ => number.clone(),
        }
    }

    /// The number as the trunk wants it dialled.
    pub fn dialled(&self, number: &PhoneNumber) -> String {
        let kept = self.normalise(number);
        match kept.as_str().strip_prefix('+') {
            Some(digits) if self.country.is_some() && !self.plus => digits.to_owned(),
            _ => kept.as_str().to_owned(),
        }
    }
}

impl Country {
    /// `digits` in E.164, by the first rule that fits: the longer prefix goes first, because 00 begins with 0.
    fn explain(&self, digits: &str) -> Option<PhoneNumber> {
        let after = |prefix: &str| digits.strip_prefix(prefix).filter(|_| !prefix.is_empty());
        if let Some(number) = after(&self.international_prefix).and_then(international) {
            return Some(number);
        }
        if let Some(national) = after(&self.national_prefix) {
            return self.national(national);
        }
        let abroad_or_home = after(&self.code)
            .filter(|rest| rest.len() >= MIN_NATIONAL_DIGITS)
            .and_then(|_| international(digits));
        if abroad_or_home.is_some() {
            return abroad_or_home;
        }
        if self.national_prefix.is_empty() { self.national(digits) } else { None }
    }

    fn national(&self, number: &str) -> Option<PhoneNumber> {
        if number.len() < MIN_NATIONAL_DIGITS || number.starts_with('0') {
            return None;
        }
        international(&format!("{}{number}", self.code))
    }
}

/// `+digits` when they can be an E.164 number: no country code begins with 0.
fn international(digits: &str) -> Option<PhoneNumber> {
    let fits = (MIN_E164_DIGITS..=MAX_E164_DIGITS).contains(&digits.len())
        && digits.bytes().all(|byte| byte.is_ascii_digit())
        && !digits.starts_with('0');
    fits.then(|| PhoneNumber(format!("+{digits}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn normalised(plan: &NumberingPlan, text: &str) -> String {
        plan.normalise(&PhoneNumber::from_user_part(text)).as_str().to_owned()
    }

    #[test]
    fn ukrainian_numbers_come_in_every_dress() {
        let plan = NumberingPlan::of_country("380", "0", "00");
        for text in ["0501234567", "00380501234567", "+380501234567", "380501234567", "+380 (50) 123-45-67"] {
            assert_eq!(normalised(&plan, text), "+380501234567", "{text}");
        }
        assert_eq!(normalised(&plan, "0048221234567"), "+48221234567");
    }

    #[test]
    fn a_plan_without_national_prefix_takes_bare_numbers() {
        let plan = NumberingPlan::of_country("48", "", "00");
        assert_eq!(normalised(&plan, "221234567"), "+48221234567");
        assert_eq!(normalised(&plan, "48221234567"), "+48221234567");
        assert_eq!(normalised(&plan, "112"), "112");
    }

    #[test]
    fn a_longer_prefix_goes_before_a_shorter_one() {
        let plan = NumberingPlan::of_country("7", "8", "810");
        assert_eq!(normalised(&plan, "84951234567"), "+74951234567");
        assert_eq!(normalised(&plan, "810380501234567"), "+380501234567");
    }

    #[test]
    fn what_no_rule_explains_stays_as_it_came() {
        let plan = NumberingPlan::of_country("380", "0", "00");
        for text in [
            "",
            "anonymous",
            "Anonymous",
            "101",
            "1580",
            "0",
            "00",
            "000",
            "0101",
            "501234567",
            "olena",
            "*71",
            "+",
            "+0501234567",
            "+12",
            "+1234567890123456",
            "00012345678901234567890",
            "+380x",
        ] {
            assert_eq!(normalised(&plan, text), text);
        }
        assert_eq!(normalised(&NumberingPlan::default(), "0501234567"), "0501234567");
        assert_eq!(normalised(&NumberingPlan::default(), "+380501234567"), "+380501234567");
    }

    #[test]
    fn a_trunk_is_dialled_as_it_likes() {
        let plan = NumberingPlan::of_country("380", "0", "00");
        let number = PhoneNumber::from_user_part("0501234567");
        assert_eq!(plan.dialled(&number), "+380501234567");
        assert_eq!(plan.clone().without_plus().dialled(&number), "380501234567");
        assert_eq!(plan.without_plus().dialled(&PhoneNumber::from_user_part("101")), "101");
        assert_eq!(NumberingPlan::default().dialled(&number), "0501234567");
    }
}
