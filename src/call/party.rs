//! Who is, or shall be, at the other end of a call: an operator at one of several phones, or somebody outside who is
//! reached over a trunk. What is said to the phone is `leg/`'s; which phones and trunks there are is the switchboard's.

use std::collections::VecDeque;

use serde_json::{Value, json};

use crate::call::Call;
use crate::call::leg::{Leg, LegEnd};
use crate::call::turn::Turn;
use crate::ids::UserId;
use crate::people::{Actor, Role};
use crate::sip::message::{Flow, NameAddr, Uri};
use crate::switchboard::trunks::{DialOut, Route};

/// A leg, and whose it is.
#[derive(Debug)]
pub struct Party {
    pub(super) leg: Leg,
    pub(super) who: Who,
}

#[derive(Debug)]
pub(super) enum Who {
    Operator {
        user: UserId,
        /// A supervisor may have taken the operator's place.
        role: Role,
        /// The operator's other phones, while this one has not been reached.
        next_phones: Option<Box<OfferTarget>>,
    },
    /// Nobody of the city: may be talked with, and nothing else.
    Outside { dial_out: DialOut, trunk: String },
    /// At their own telephone outside, called through the city together with the applicant.
    Executor { actor: Actor },
}

impl Party {
    /// At the phone of `leg` and no other.
    pub(super) fn at(user: UserId, leg: Leg) -> Self {
        Self { leg, who: Who::Operator { user, role: Role::Operator, next_phones: None } }
    }

    pub(super) fn supervising(mut self) -> Self {
        if let Who::Operator { role, .. } = &mut self.who {
            *role = Role::Supervisor;
        }
        self
    }

    pub(super) fn operator(&self) -> Option<UserId> {
        match self.who {
            Who::Operator { user, .. } => Some(user),
            Who::Outside { .. } | Who::Executor { .. } => None,
        }
    }

    /// Where to ring the operator once this phone has failed. Somebody who declines on one phone, or lets it ring,
    /// declines; a phone that is gone says nothing about the next.
    pub(super) fn next_phone(&mut self, end: LegEnd) -> Option<OfferTarget> {
        match &mut self.who {
            Who::Operator { next_phones, .. } if !is_persons_no(end) => next_phones.take().map(|next| *next),
            _ => None,
        }
    }

    /// Whether a number outside may be reached by another way: [`Call::sought`].
    pub(super) fn seeks_way_out(&self, end: LegEnd) -> bool {
        matches!(self.who, Who::Outside { .. }) && DialOut::goes_on_after(end)
    }

    /// How the journal names it among the parties of a call.
    pub(super) const fn side(&self) -> &'static str {
        match self.who {
            Who::Operator { .. } => "operator",
            Who::Outside { .. } => "outside",
            Who::Executor { .. } => "executor",
        }
    }

    /// Who did what it did. Of somebody outside only the trunk is known.
    pub(super) fn actor(&self) -> Actor {
        match &self.who {
            Who::Operator { user, role, .. } => Actor::person(*role, *user, None),
            Who::Outside { trunk, .. } => Actor::system(trunk),
            Who::Executor { actor } => actor.clone(),
        }
    }

    /// What the journal says of a transfer to it; `kind` is that of a blind one.
    pub(super) fn as_target(&self, from: UserId) -> Value {
        match &self.who {
            Who::Operator { user, .. } => json!({ "kind": "blind", "from": from, "to": user }),
            Who::Outside { dial_out, trunk } => {
                json!({ "kind": "outside", "from": from, "number": dial_out.number(), "trunk": trunk })
            }
            Who::Executor { actor } => json!({ "kind": "executor", "from": from, "to": actor.id }),
        }
    }
}

/// The person at the phone has answered, in a way, or was not there to.
pub(super) fn is_persons_no(end: LegEnd) -> bool {
    match end {
        LegEnd::Refused(status) => matches!(status.0, 408 | 480 | 486 | 600 | 603),
        LegEnd::PeerCancelled => true,
        _ => false,
    }
}

/// Where and as whom an operator's phone is rung.
#[derive(Clone, Debug)]
pub struct OfferTarget {
    pub user: UserId,
    pub target: Uri,
    pub from: NameAddr,
    pub flow: Flow,
    /// Route headers of the way to the phone.
    pub route: Vec<(&'static str, String)>,
    /// Referred-By of the transfer that leads there (RFC 3892).
    pub referred_by: Option<String>,
    pub answer_mode: AnswerMode,
    /// The operator's other phones, in the order in which they are tried when this one cannot be reached.
    pub others: VecDeque<Device>,
}

impl OfferTarget {
    /// The first of `phones`, the others in reserve; none when there is no phone.
    pub fn new(user: UserId, from: NameAddr, mut phones: VecDeque<Device>) -> Option<Self> {
        let Device { target, flow, route } = phones.pop_front()?;
        Some(Self {
            user,
            target,
            from,
            flow,
            route,
            referred_by: None,
            answer_mode: AnswerMode::Manual,
            others: phones,
        })
    }
}

/// Who answers the phone (RFC 5373).
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub enum AnswerMode {
    /// Its owner.
    #[default]
    Manual,
    /// The phone itself, if it can: its owner has asked to be rung.
    Auto,
}

/// One phone of somebody, and the way there.
#[derive(Clone, Debug)]
pub struct Device {
    pub target: Uri,
    pub flow: Flow,
    pub route: Vec<(&'static str, String)>,
}

/// A number outside, and the way by which it is tried next.
#[derive(Debug)]
pub struct WayOut {
    pub dial_out: DialOut,
    pub route: Route,
}

impl Call {
    /// Sends an INVITE to the first phone of `target`.
    pub(super) fn call_phone(&mut self, target: OfferTarget, turn: &mut Turn<'_>) -> Party {
        let OfferTarget { user, target, from, flow, route, referred_by, answer_mode, others } = target;
        let next_phones = OfferTarget::new(user, from.clone(), others)
            .map(|next| Box::new(OfferTarget { referred_by: referred_by.clone(), answer_mode, ..next }));
        let mut headers = route;
        headers.push(("X-Ringback-Contact", self.contact.id.to_string()));
        headers.extend(referred_by.map(|value| ("Referred-By", value)));
        if answer_mode == AnswerMode::Auto {
            headers.push(("Answer-Mode", "Auto".to_owned()));
        }
        let leg = Leg::outgoing(target, from, headers, flow, turn);
        Party {
            leg: self.beside_citizen(leg, turn),
            who: Who::Operator { user, role: Role::Operator, next_phones },
        }
    }

    /// Sends an INVITE out of the city. It says nothing of who called or who passes the call on.
    pub(super) fn call_outside(&mut self, way: WayOut, turn: &mut Turn<'_>) -> Party {
        let WayOut { dial_out, route } = way;
        let trunk = route.trunk.clone();
        let leg = Leg::over_trunk(route, Vec::new(), turn);
        Party { leg: self.beside_citizen(leg, turn), who: Who::Outside { dial_out, trunk } }
    }

    fn beside_citizen(&mut self, mut leg: Leg, turn: &Turn<'_>) -> Leg {
        leg.talk_beside(self.citizen.codec(turn));
        self.legs.push(leg.id);
        leg
    }
}
