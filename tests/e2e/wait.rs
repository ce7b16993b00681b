//! Waiting for something to become true. A condition of another process that tells nobody (an HTTP answer, a row)
//! is asked for again and again up to a deadline; nothing here waits for time to pass.

use std::time::{Duration, Instant};

/// Between two questions: short against what is measured, long against the cost of a question.
const PACE: Duration = Duration::from_millis(25);

/// Asks until there is an answer; fails the test, naming `what`, after `at_most`.
pub fn until<T>(what: &str, at_most: Duration, mut ask: impl FnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + at_most;
    loop {
        if let Some(answer) = ask() {
            return answer;
        }
        assert!(Instant::now() < deadline, "waited {at_most:?} for {what}");
        std::thread::park_timeout(PACE);
    }
}

/// Asks until it is true.
pub fn until_true(what: &str, at_most: Duration, mut ask: impl FnMut() -> bool) {
    until(what, at_most, || ask().then_some(()));
}
