//! The case a contact becomes: what is known of it before an operator has said a word.
//! When a case is asked for is decided in `waiting` and by `app/recovery.rs`; number and
//! norm are the store's and `case/`'s.

use std::collections::BTreeMap;

use crate::call::contact::Contact;
use crate::case::{Applicant, CaseDraft, IdentityLevel, Priority};
use crate::language::Language;

/// Category of a case whose caller chose no topic.
const OTHER_TOPIC: &str = "other";

/// `categories` gives the classifier's category by IVR topic; a topic it does not know is its own category.
pub fn of_contact(
    contact: &Contact,
    categories: &BTreeMap<String, String>,
    priority: Priority,
    description: &str,
) -> CaseDraft {
    let topic = contact.topic.as_deref().unwrap_or(OTHER_TOPIC);
    let withheld = contact.caller.is_withheld();
    CaseDraft {
        contact: Some(contact.id),
        category: categories.get(topic).cloned().unwrap_or_else(|| topic.to_owned()),
        language: contact.language.unwrap_or(Language::Uk),
        priority,
        applicant: Applicant {
            identity: if withheld { IdentityLevel::Anonymous } else { IdentityLevel::CallerNumber },
            number: (!withheld).then(|| contact.caller.clone()),
            name: None,
        },
        place: None,
        description: description.to_owned(),
        ivr_path: contact.ivr_path.clone(),
    }
}
