//! Who goes first where there is more to do than processors: sound, then signalling, then the rest of the machine.

use rustix::process::{Pid, setpriority_process};
use rustix::thread::gettid;

/// As much as desktops give their sound (nice(2)).
const SOUND: i32 = -11;
/// A call has to be taken and hung up on a machine that is full of calls; short, and rarely in the way of sound.
const SIGNALLING: i32 = -10;
const ANYTHING_ELSE: i32 = 0;

/// Puts the running thread before everything that is not in real time. Without the right to it a thread is one among
/// others: late under load, but right.
pub fn of_sound() {
    if let Err(error) = ask_for(SOUND) {
        tracing::info!(%error, "media threads have no priority");
    }
}

/// Puts the running thread just behind those of sound; who may not do this may not do that either, which is told.
pub fn of_signalling() {
    ask_for(SIGNALLING).ok();
}

/// Puts a program that the running thread has started where all others are.
pub fn of_anything_else(process: u32) {
    let process = i32::try_from(process).ok().and_then(Pid::from_raw);
    if let Some(Err(error)) = process.map(|process| setpriority_process(Some(process), ANYTHING_ELSE)) {
        tracing::debug!(%error, "a program keeps our priority");
    }
}

fn ask_for(niceness: i32) -> rustix::io::Result<()> {
    setpriority_process(Some(gettid()), niceness)
}
