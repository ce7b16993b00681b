//! How many short messages a text is (3GPP TS 23.038, 23.040): in the 7-bit default alphabet 160 characters, or 153 in each
//! part of several, those of its extension table counted twice; in UCS-2 70 UTF-16 units, or 67. Cities pay by the part.

/// The default alphabet without the extension table (23.038, 6.2.1), escape left out.
const DEFAULT_ALPHABET: &str = "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?\
                                ¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà";
/// Two septets each (23.038, 6.2.1.1).
const EXTENSION: &str = "\u{c}^{}\\[~]|€";

/// Parts `text` is sent in; 0 for an empty one.
pub fn segments(text: &str) -> usize {
    match septets(text) {
        Some(septets) => parts(septets, 160, 153),
        // A character beyond the first 65,536 is two units, which are never parted: one may be lost at each seam.
        None => {
            let units = text.encode_utf16().count();
            let wide = text.chars().any(|c| c.len_utf16() > 1);
            parts(units, 70, if wide { 66 } else { 67 })
        }
    }
}

/// Length in septets, none when a character is in neither table.
fn septets(text: &str) -> Option<usize> {
    text.chars().try_fold(0, |sum, c| match c {
        c if DEFAULT_ALPHABET.contains(c) => Some(sum + 1),
        c if EXTENSION.contains(c) => Some(sum + 2),
        _ => None,
    })
}

fn parts(length: usize, alone: usize, together: usize) -> usize {
    if length <= alone { length.min(1) } else { length.div_ceil(together) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_are_counted_at_their_bounds() {
        assert_eq!(segments(""), 0);
        for (letter, bounds) in [("a", [160, 306, 459]), ("є", [70, 134, 201]), ("€", [80, 153, 229])] {
            for (index, bound) in bounds.into_iter().enumerate() {
                assert_eq!(segments(&letter.repeat(bound)), index + 1, "{bound} times {letter}");
                assert_eq!(segments(&letter.repeat(bound + 1)), index + 2, "{} times {letter}", bound + 1);
            }
        }
        // One letter outside the alphabet costs the whole text its seven bits.
        assert_eq!(segments(&("ą".to_owned() + &"a".repeat(69))), 1);
        assert_eq!(segments(&("ą".to_owned() + &"a".repeat(70))), 2);
        assert_eq!(segments(&"😀".repeat(35)), 1);
        assert_eq!(segments(&"😀".repeat(36)), 2);
    }

    #[test]
    fn the_alphabet_is_whole() {
        // 128 positions less the escape.
        assert_eq!(DEFAULT_ALPHABET.chars().count(), 127);
        assert_eq!(EXTENSION.chars().count(), 10);
    }
}
