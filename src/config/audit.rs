//! `[audit]`: whether auditors need an engagement. In force with the next reload.
//! What one opens is `web/access/engagement.rs`; why the default is as it is, docs/decisions/0036.

use serde::Deserialize;

use crate::web::AuditTerms;

#[derive(Clone, PartialEq, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Audit {
    pub engagements: Engagements,
}

/// Of auditors who were never given an engagement.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Engagements {
    /// They read and play all, as an audit department of the house does.
    #[default]
    Optional,
    /// They read and play nothing.
    Required,
}

impl Audit {
    pub fn terms(&self) -> AuditTerms {
        AuditTerms { engagements_required: self.engagements == Engagements::Required }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn the_default_is_that_of_the_web_and_there_are_two_words() {
        assert_eq!(Audit::default().terms(), AuditTerms::default());
        let read = |text: &str| toml::from_str::<Audit>(text);
        assert!(read("engagements = \"required\"").unwrap().terms().engagements_required);
        assert!(read("engagements = \"always\"").is_err());
    }
}
