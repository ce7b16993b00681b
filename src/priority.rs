//! Who goes first where there is more to do than processors: sound, then signalling, then the rest of the machine.

use rustix::process::{Pid, setpriority_process};
use rustix::thread::gettid;

/// As much as desktops give their sound (nice(2)).
const SOUND: i32 = -11;
/// A call has to be taken and hung up on a machine that is full of calls; short, and rarely in the way of sound.
const SIGNALLING: i32 = -10;
const ANYTHING_ELSE: i32 = 0;

/// Puts the running thread before everything that is not in real time.
pub fn of_sound() {
    ask_for("sound", SOUND);
}

/// Puts the running thread just behind those of sound.
pub fn of_signalling() {
    ask_for("signalling", SIGNALLING);
}

/// Puts a program that the running thread has started where all others are.
pub fn of_anything_else(process: u32) {
    let process = i32::try_from(process).ok().and_then(Pid::from_raw);
    if let Some(Err(error)) = process.map(|process| setpriority_process(Some(process), ANYTHING_ELSE)) {
        tracing::debug!(%error, "a program keeps our priority");
    }
}

/// Without the right to it a thread is one among others: late under load, but right.
fn ask_for(what: &'static str, niceness: i32) {
    if let Err(error) = setpriority_process(Some(gettid()), niceness) {
        tracing::info!(%error, what, "a thread has no priority");
    }
}
