//! One call: legs, contact record, refusals. The only place besides `switchboard` that joins L2 machines.

pub mod contact;
