//! Keys pressed on our side: RFC 4733 event packets in place of audio, one key after the other.
//! How long a key is held and what each tick sends; the packets are made in
//! `sender.rs`, keys that come in are `dtmf/`'s.

use std::collections::VecDeque;

use super::TICK_MS;
use crate::dtmf::Digit;
use crate::dtmf::telephone_event::TelephoneEvent;

/// Keys waiting to be sent; more than anybody types ahead. Further ones are dropped.
const MAX_WAITING: usize = 32;
/// A key is held for this many ticks, 160 ms: well above the 40 ms every receiver must take (ITU-T Q.24).
const HELD_TICKS: u16 = 8;
/// The end is sent three times (RFC 4733 2.5.1.4), one per tick.
const END_TICKS: u16 = 3;
/// Silence between two keys.
const PAUSE_TICKS: u16 = 4;
/// -10 dBm0.
const VOLUME: u8 = 10;

#[derive(Debug, Default)]
pub(super) struct Keypad {
    waiting: VecDeque<Digit>,
    held: Option<Held>,
}

#[derive(Clone, Copy, Debug)]
struct Held {
    digit: Digit,
    /// Ticks since the key went down.
    ticks: u16,
}

/// What a tick sends instead of audio.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Key {
    /// `begins` in the first packet of a press.
    Event { event: TelephoneEvent, begins: bool },
    /// Between two keys: audio again.
    Released,
}

impl Keypad {
    pub(super) fn press(&mut self, digit: Digit) {
        if self.waiting.len() < MAX_WAITING {
            self.waiting.push_back(digit);
        }
    }

    /// The next tick's share of what was pressed; durations in units of `clock_hz`.
    pub(super) fn tick(&mut self, clock_hz: u32) -> Key {
        let begins = self.held.is_none();
        let Some(mut held) =
            self.held.take().or_else(|| Some(Held { digit: self.waiting.pop_front()?, ticks: 0 }))
        else {
            return Key::Released;
        };
        held.ticks += 1;
        if held.ticks < HELD_TICKS + END_TICKS + PAUSE_TICKS {
            self.held = Some(held);
        }
        if held.ticks > HELD_TICKS + END_TICKS {
            return Key::Released;
        }
        // At most 160 ms, which fits at 48 kHz too.
        let duration = held.ticks.min(HELD_TICKS) * (clock_hz / 1000 * TICK_MS as u32) as u16;
        let end = held.ticks > HELD_TICKS;
        let event = TelephoneEvent { code: held.digit.event_code(), end, volume: VOLUME, duration };
        Key::Event { event, begins }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::panic)]

    use super::*;

    fn digit(key: char) -> Digit {
        Digit::from_char(key).unwrap_or_else(|| panic!("{key} is no key"))
    }

    #[test]
    fn a_press_grows_and_ends_three_times() {
        let mut keypad = Keypad::default();
        keypad.press(digit('5'));
        let keys: Vec<Key> = (0..20).map(|_| keypad.tick(8000)).collect();
        let events: Vec<(u16, bool, bool)> = keys
            .iter()
            .filter_map(|key| match key {
                Key::Event { event, begins } => Some((event.duration, event.end, *begins)),
                Key::Released => None,
            })
            .collect();
        let mut expected: Vec<(u16, bool, bool)> = (1..=8).map(|n| (n * 160, false, n == 1)).collect();
        expected.extend([(1280, true, false); 3]);
        assert_eq!(events, expected);
    }

    #[test]
    fn keys_follow_each_other_after_a_pause() {
        let mut keypad = Keypad::default();
        keypad.press(digit('1'));
        keypad.press(digit('#'));
        let begun: Vec<usize> =
            (0..40).filter(|_| matches!(keypad.tick(8000), Key::Event { begins: true, .. })).collect();
        assert_eq!(begun, [0, 15]);
    }

    #[test]
    fn more_than_the_limit_is_dropped() {
        let mut keypad = Keypad::default();
        (0..100).for_each(|_| keypad.press(digit('0')));
        let begun =
            (0..3_000).filter(|_| matches!(keypad.tick(8000), Key::Event { begins: true, .. })).count();
        assert_eq!(begun, MAX_WAITING);
    }
}
