//! An executor on the telephone: the order that was named and the code that was typed are looked up, the order is told, and
//! steps of its work are taken. Who the executor is, and what a step does to a case, is known outside; here only what is
//! asked for and what is said.

use super::walk::{Then, Walk};
use super::{Answer, Lookup, Output, spoken};
use crate::dialplan::node::{OrderStep, Target, WorkOrderNode};
use crate::ids::UserId;
use crate::phone_code::PhoneCode;
use crate::time::Now;

/// Codes typed in one call; who has none of them right is not going to.
const MAX_TRIES: u32 = 3;

/// What the walk knows of an executor.
#[derive(Default)]
pub(super) struct Field {
    /// Digits of the register number of the order's case.
    pub(super) order: Option<String>,
    /// As it was typed, until it is looked up.
    pub(super) code: Option<String>,
    tries: u32,
    signed_in: Option<UserId>,
}

impl Walk {
    pub(super) fn start_work_order(&mut self, node: &WorkOrderNode, now: Now) {
        let number = self.field.order.clone();
        let lookup = match node.step {
            OrderStep::Open => {
                self.field.signed_in = None;
                let code = self.field.code.take().and_then(|digits| PhoneCode::parse(&digits));
                if self.field.tries >= MAX_TRIES {
                    return self.go(&node.locked_or_refused().node, now);
                }
                self.field.tries += 1;
                number.zip(code).map(|(number, code)| Lookup::OpenOrder { number, code })
            }
            step => {
                number.zip(self.field.signed_in).map(|(number, by)| Lookup::OrderStep { number, by, step })
            }
        };
        match lookup {
            Some(lookup) => self.look_up(lookup, node.deadline, now),
            None => self.go(&node.refused.node, now),
        }
    }

    pub(super) fn use_order_answer(&mut self, node: &WorkOrderNode, answer: Answer, now: Now) {
        match answer {
            Answer::Order(order) if node.step.tells() => {
                self.field.signed_in = Some(order.by);
                self.field.tries = 0;
                self.field.order = Some(order.number.clone());
                self.output(Output::OrderOpened { case: order.case.clone(), by: order.by });
                let today = now.utc.utc().with_timezone(&self.plan.time_zone()).date_naive();
                let prompts = spoken::order_prompts(&order, today, self.language);
                self.tell(prompts, Then::Go(node.next.clone()), true, now);
            }
            Answer::StepTaken if !node.step.tells() => self.go_on(&node.next, now),
            Answer::NeedsPhotos => self.go_on(node.photos.as_ref().unwrap_or(&node.refused), now),
            Answer::Locked => self.go_on(node.locked_or_refused(), now),
            Answer::NotFound => self.go_on(&node.refused, now),
            _ => self.go_on(&node.failed, now),
        }
    }

    fn go_on(&mut self, to: &Target, now: Now) {
        let next = to.node.clone();
        self.go(&next, now);
    }
}
