//! Who hears whom: legs that share a room, each in its role. A bridge is a room of two. Mixing the sound is the
//! exchange's.

use std::collections::BTreeMap;

use crate::ids::LegId;

/// Legs in one room; more than citizen, operator, a second one, supervisor and trainees need.
pub(super) const MAX_MEMBERS: usize = 8;

/// What a leg does in its room; everybody hears all who talk.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Role {
    /// Is heard by everybody: a party of the call, or a supervisor who barges in.
    Talk,
    /// Is heard by nobody.
    Listen,
    /// Is heard by one member only, as a supervisor who prompts an operator.
    Whisper { to: LegId },
}

#[derive(Clone, Copy, Debug)]
pub(super) struct Member {
    pub(super) leg: LegId,
    role: Role,
}

/// The members of one room, at least two.
#[derive(Debug)]
pub(super) struct Room {
    members: Vec<Member>,
}

impl Room {
    pub(super) fn members(&self) -> &[Member] {
        &self.members
    }

    /// Those whom `listener` hears.
    pub(super) fn audible_to(&self, listener: LegId) -> impl Iterator<Item = LegId> {
        let heard = move |member: &&Member| {
            member.leg != listener
                && match member.role {
                    Role::Talk => true,
                    Role::Listen => false,
                    Role::Whisper { to } => to == listener,
                }
        };
        self.members.iter().filter(heard).map(|member| member.leg)
    }
}

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
struct RoomId(u64);

/// All rooms of one exchange; a leg is in one at most.
#[derive(Debug, Default)]
pub(super) struct Rooms {
    rooms: BTreeMap<RoomId, Room>,
    places: BTreeMap<LegId, RoomId>,
    opened: u64,
}

impl Rooms {
    /// Both legs leave where they are and hear each other.
    pub(super) fn pair(&mut self, a: LegId, b: LegId) {
        self.leave(a);
        self.leave(b);
        self.opened += 1;
        let id = RoomId(self.opened);
        let member = |leg| Member { leg, role: Role::Talk };
        self.rooms.insert(id, Room { members: vec![member(a), member(b)] });
        self.places.extend([(a, id), (b, id)]);
    }

    /// Puts `leg` into the room of `beside`, or changes its role there; a leg that is alone gets a room with it. False
    /// when the room is full.
    pub(super) fn join(&mut self, leg: LegId, beside: LegId, role: Role) -> bool {
        let together = self.places.get(&leg).is_some_and(|id| self.places.get(&beside) == Some(id));
        if !together {
            if self.of(beside).is_some_and(|room| room.members.len() >= MAX_MEMBERS) {
                return false;
            }
            self.leave(leg);
            match self.places.get(&beside).copied() {
                None => self.pair(beside, leg),
                Some(id) => {
                    if let Some(room) = self.rooms.get_mut(&id) {
                        room.members.push(Member { leg, role });
                    }
                    self.places.insert(leg, id);
                }
            }
        }
        let room = self.places.get(&leg).and_then(|id| self.rooms.get_mut(id));
        if let Some(member) = room.and_then(|room| room.members.iter_mut().find(|member| member.leg == leg)) {
            member.role = role;
        }
        true
    }

    /// Takes `leg` out of its room; a room of one is none.
    pub(super) fn leave(&mut self, leg: LegId) {
        let Some(id) = self.places.remove(&leg) else { return };
        let Some(room) = self.rooms.get_mut(&id) else { return };
        room.members.retain(|member| member.leg != leg);
        if let [last] = room.members[..] {
            self.places.remove(&last.leg);
            self.rooms.remove(&id);
        }
    }

    pub(super) fn of(&self, leg: LegId) -> Option<&Room> {
        self.rooms.get(self.places.get(&leg)?)
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Room> {
        self.rooms.values()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    const CITIZEN: LegId = LegId(1);
    const OPERATOR: LegId = LegId(2);
    const SUPERVISOR: LegId = LegId(3);

    fn heard_by(rooms: &Rooms, listener: LegId) -> Vec<LegId> {
        rooms.of(listener).map_or_else(Vec::new, |room| room.audible_to(listener).collect())
    }

    #[test]
    fn roles_say_who_is_heard() {
        let mut rooms = Rooms::default();
        rooms.pair(CITIZEN, OPERATOR);
        for (role, by_citizen, by_operator) in [
            (Role::Listen, vec![OPERATOR], vec![CITIZEN]),
            (Role::Whisper { to: OPERATOR }, vec![OPERATOR], vec![CITIZEN, SUPERVISOR]),
            (Role::Talk, vec![OPERATOR, SUPERVISOR], vec![CITIZEN, SUPERVISOR]),
        ] {
            assert!(rooms.join(SUPERVISOR, CITIZEN, role));
            assert_eq!(heard_by(&rooms, CITIZEN), by_citizen, "{role:?}");
            assert_eq!(heard_by(&rooms, OPERATOR), by_operator, "{role:?}");
            assert_eq!(heard_by(&rooms, SUPERVISOR), [CITIZEN, OPERATOR], "{role:?}");
        }
        rooms.leave(OPERATOR);
        assert_eq!(heard_by(&rooms, CITIZEN), [SUPERVISOR]);
        rooms.leave(CITIZEN);
        assert!(rooms.of(SUPERVISOR).is_none() && rooms.rooms.is_empty() && rooms.places.is_empty());
    }

    #[test]
    fn a_leg_is_in_one_room_and_a_room_has_an_end() {
        let mut rooms = Rooms::default();
        rooms.pair(CITIZEN, OPERATOR);
        rooms.pair(CITIZEN, SUPERVISOR);
        assert!(rooms.of(OPERATOR).is_none());
        for leg in 10..10 + MAX_MEMBERS as u64 - 2 {
            assert!(rooms.join(LegId(leg), CITIZEN, Role::Talk));
        }
        assert!(!rooms.join(OPERATOR, CITIZEN, Role::Talk));
        assert!(rooms.join(LegId(10), CITIZEN, Role::Listen), "is there already");
        assert!(rooms.join(OPERATOR, LegId(99), Role::Talk));
        assert_eq!(heard_by(&rooms, OPERATOR), [LegId(99)]);
    }
}
