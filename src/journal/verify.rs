//! The check of a chain: the first entry that is missing, moved, added or altered is named with its place.
//! What was cut off at the end shows only against a head noted elsewhere: [`Verifier::ends_at`].

use super::{Entry, Head};

/// The first place where a chain is not what was written.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("entry {seq}: {fault}")]
pub struct Break {
    /// The sequence number that was due.
    pub seq: u64,
    pub fault: Fault,
}

#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum Fault {
    #[error("is missing; entry {found} comes in its place")]
    Missing { found: u64 },
    #[error("entry {found} comes a second time or out of order in its place")]
    OutOfOrder { found: u64 },
    #[error("does not continue the entry before it: that one was replaced, or this one")]
    Unlinked,
    #[error("was altered: its content does not have the hash written beside it")]
    Altered,
    #[error("the journal ends before it, though entry {last} was written")]
    CutOff { last: u64 },
    #[error("is not the entry that was last noted under this number")]
    Replaced,
}

/// Checks entries one by one, so that a journal of any length needs no memory.
#[derive(Clone, Copy, Debug)]
pub struct Verifier {
    head: Head,
}

impl Verifier {
    /// `from` is the head before the first entry to come; the default head before entry 1.
    pub const fn new(from: Head) -> Self {
        Self { head: from }
    }

    /// Where the checked part ends.
    pub const fn head(&self) -> Head {
        self.head
    }

    /// After an error the verifier stays before the break.
    pub fn check(&mut self, entry: &Entry) -> Result<(), Break> {
        self.check_digested(entry, entry.digest() == Ok(entry.hash))
    }

    /// The same where somebody else has compared the entry's hash with its content: that is most of the work, and
    /// needs none of the entries before it.
    pub fn check_digested(&mut self, entry: &Entry, is_unaltered: bool) -> Result<(), Break> {
        let due = self.head.seq + 1;
        let fault = if entry.seq > due {
            Fault::Missing { found: entry.seq }
        } else if entry.seq < due {
            Fault::OutOfOrder { found: entry.seq }
        } else if !is_unaltered {
            Fault::Altered
        } else if entry.prev != self.head.hash {
            Fault::Unlinked
        } else {
            self.head = entry.head();
            return Ok(());
        };
        Err(Break { seq: due, fault })
    }

    /// Compares the end with a head noted when it was written: nothing was cut off, the last entry is that one.
    pub fn ends_at(&self, noted: &Head) -> Result<(), Break> {
        if self.head.seq < noted.seq {
            return Err(Break { seq: self.head.seq + 1, fault: Fault::CutOff { last: noted.seq } });
        }
        if self.head.seq == noted.seq && self.head.hash != noted.hash {
            return Err(Break { seq: noted.seq, fault: Fault::Replaced });
        }
        Ok(())
    }
}

/// Checks a whole sequence that begins after `from`; the head it ends at, or the first break.
pub fn verify<'a>(from: Head, entries: impl IntoIterator<Item = &'a Entry>) -> Result<Head, Break> {
    let mut verifier = Verifier::new(from);
    entries.into_iter().try_for_each(|entry| verifier.check(entry))?;
    Ok(verifier.head())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::panic)]

    use serde_json::json;
    use uuid::Uuid;

    use super::*;
    use crate::digest::Sha256;
    use crate::ids::{ContactId, EntryId};
    use crate::journal::{Draft, EventType};
    use crate::people::Actor;
    use crate::time::Timestamp;

    /// Entries 1 to 8.
    fn chain() -> (Vec<Entry>, Head) {
        let mut head = Head::default();
        let entries = (1..=8).map(|n| {
            let at = Timestamp::from_micros(1_790_000_000_000_000 + n);
            let mut draft = Draft::new(EventType::IvrDigit, at, Actor::system("ivr"));
            draft.contact = Some(ContactId(Uuid::from_u128(4)));
            draft.data = json!({ "digit": n.to_string() });
            head.append(draft, EntryId(Uuid::from_u128(n.unsigned_abs().into())))
        });
        (entries.collect(), head)
    }

    fn broken(entries: &[Entry]) -> Break {
        verify(Head::default(), entries).unwrap_err()
    }

    #[test]
    fn an_untouched_chain_is_sound_from_the_start_and_from_the_middle() {
        let (entries, head) = chain();
        assert_eq!(verify(Head::default(), &entries), Ok(head));
        assert_eq!(verify(entries[3].head(), &entries[4..]), Ok(head));
        assert_eq!(verify(head, &[]), Ok(head));
    }

    #[test]
    fn every_altered_field_is_found_at_its_entry() {
        let alterations: [fn(&mut Entry); 9] = [
            |entry| entry.id = EntryId(Uuid::from_u128(99)),
            |entry| entry.event = "ivr.left".to_owned(),
            |entry| entry.v = 2,
            |entry| entry.at = entry.at.plus(std::time::Duration::from_micros(1)),
            |entry| entry.actor = Actor::system("else"),
            |entry| entry.contact = None,
            |entry| entry.reason = Some("because".to_owned()),
            |entry| entry.data = json!({ "digit": "9" }),
            |entry| entry.data = json!({ "digit": 0.5 }),
        ];
        for (number, alter) in alterations.iter().enumerate() {
            let (mut entries, _) = chain();
            alter(&mut entries[4]);
            assert_eq!(broken(&entries), Break { seq: 5, fault: Fault::Altered }, "alteration {number}");
        }
    }

    #[test]
    fn every_flipped_bit_of_a_hash_is_found() {
        for bit in 0..256 {
            let (mut entries, _) = chain();
            entries[2].hash.0[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(broken(&entries), Break { seq: 3, fault: Fault::Altered });
            let (mut entries, _) = chain();
            entries[2].prev.0[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(broken(&entries), Break { seq: 3, fault: Fault::Altered });
        }
    }

    #[test]
    fn a_dropped_a_swapped_and_an_inserted_entry_are_found() {
        let (mut entries, _) = chain();
        entries.remove(3);
        assert_eq!(broken(&entries), Break { seq: 4, fault: Fault::Missing { found: 5 } });

        let (mut entries, _) = chain();
        entries.swap(3, 4);
        assert_eq!(broken(&entries), Break { seq: 4, fault: Fault::Missing { found: 5 } });

        let (mut entries, _) = chain();
        let copy = entries[3].clone();
        entries.insert(4, copy);
        assert_eq!(broken(&entries), Break { seq: 5, fault: Fault::OutOfOrder { found: 4 } });
    }

    #[test]
    fn a_forger_who_renumbers_or_rehashes_is_found_one_entry_later_at_most() {
        // Dropped and renumbered.
        let (mut entries, _) = chain();
        entries.remove(3);
        for entry in &mut entries[3..] {
            entry.seq -= 1;
        }
        assert_eq!(broken(&entries), Break { seq: 4, fault: Fault::Altered });

        // Altered with a fresh hash: sound in itself, but its successor was built on another.
        let (mut entries, _) = chain();
        entries[4].data = json!({ "digit": "9" });
        entries[4].hash = entries[4].digest().unwrap();
        assert_eq!(broken(&entries), Break { seq: 6, fault: Fault::Unlinked });
    }

    #[test]
    fn the_end_is_compared_with_a_noted_head() {
        let (mut entries, noted) = chain();
        let mut verifier = Verifier::new(Head::default());
        for entry in &entries[..6] {
            verifier.check(entry).unwrap();
        }
        let cut = verifier.ends_at(&noted).unwrap_err();
        assert_eq!(cut, Break { seq: 7, fault: Fault::CutOff { last: 8 } });
        assert_eq!(cut.to_string(), "entry 7: the journal ends before it, though entry 8 was written");

        entries[7].data = json!({});
        entries[7].hash = entries[7].digest().unwrap();
        let head = verify(Head::default(), &entries).unwrap();
        assert_eq!(Verifier::new(head).ends_at(&noted), Err(Break { seq: 8, fault: Fault::Replaced }));
        assert_ne!(head.hash, Sha256::default());
    }
}
