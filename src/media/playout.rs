//! Playing sounds to a leg, one after the other, cut into ticks. Whether anybody hears them is the leg's business:
//! play-out runs with the clock, so a play always ends.

use std::sync::Arc;

use super::{PlayId, Sound};

/// One `Play` on its way.
#[derive(Debug)]
pub(super) struct Playout {
    pub(super) play: PlayId,
    sounds: Vec<Arc<Sound>>,
    repeat: bool,
    /// The next sample.
    sound: usize,
    sample: usize,
}

impl Playout {
    pub(super) fn new(play: PlayId, sounds: Vec<Arc<Sound>>, repeat: bool) -> Self {
        // Repeating nothing would never end within one tick.
        let repeat = repeat && sounds.iter().any(|sound| !sound.samples.is_empty());
        Self { play, sounds, repeat, sound: 0, sample: 0 }
    }

    /// Writes the next samples, silence after the last. True when the end was reached.
    pub(super) fn fill(&mut self, out: &mut [i16]) -> bool {
        let mut filled = 0;
        while let Some(sound) = self.sounds.get(self.sound) {
            let rest = &sound.samples[self.sample..];
            let len = rest.len().min(out.len() - filled);
            out[filled..filled + len].copy_from_slice(&rest[..len]);
            filled += len;
            self.sample += len;
            if len < rest.len() {
                return false;
            }
            self.next_sound();
        }
        out[filled..].fill(0);
        true
    }

    fn next_sound(&mut self) {
        self.sample = 0;
        self.sound += 1;
        if self.repeat && self.sound == self.sounds.len() {
            self.sound = 0;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sound(samples: &[i16]) -> Arc<Sound> {
        Arc::new(Sound { samples: samples.to_vec() })
    }

    fn fill(playout: &mut Playout) -> ([i16; 3], bool) {
        let mut out = [9; 3];
        let finished = playout.fill(&mut out);
        (out, finished)
    }

    #[test]
    fn sounds_follow_each_other_and_end_in_silence() {
        let mut playout = Playout::new(PlayId(1), vec![sound(&[1, 2]), sound(&[]), sound(&[3, 4])], false);
        assert_eq!(fill(&mut playout), ([1, 2, 3], false));
        assert_eq!(fill(&mut playout), ([4, 0, 0], true));
        let mut exact = Playout::new(PlayId(1), vec![sound(&[1, 2, 3])], false);
        assert_eq!(fill(&mut exact), ([1, 2, 3], true));
    }

    #[test]
    fn repeat_starts_over_for_ever() {
        let mut playout = Playout::new(PlayId(1), vec![sound(&[1]), sound(&[2])], true);
        assert_eq!(fill(&mut playout), ([1, 2, 1], false));
        assert_eq!(fill(&mut playout), ([2, 1, 2], false));
    }

    #[test]
    fn nothing_ends_at_once_even_when_repeated() {
        assert_eq!(fill(&mut Playout::new(PlayId(1), vec![], false)), ([0; 3], true));
        assert_eq!(fill(&mut Playout::new(PlayId(1), vec![sound(&[])], true)), ([0; 3], true));
    }
}
