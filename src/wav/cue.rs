//! Markers behind the samples: a `cue ` chunk (one point each) and `LIST adtl` with one `labl` per point, as the RIFF
//! Multimedia Programming Interface 1.0 lays them out. Players show them as named marks.

/// One named moment.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Point<'a> {
    pub frame: u64,
    /// Printable ASCII; anything else becomes `?`.
    pub label: &'a str,
}

/// The chunks for `points`, in order of time; nothing when there are none. Points beyond `frames` count as its end.
pub fn to_bytes(points: &[Point<'_>], frames: u64) -> Vec<u8> {
    if points.is_empty() {
        return Vec::new();
    }
    let mut sorted = points.to_vec();
    sorted.sort_by_key(|point| point.frame);
    let mut cue = Vec::new();
    let mut labels = b"adtl".to_vec();
    cue.extend((sorted.len() as u32).to_le_bytes());
    for (id, point) in (1_u32..).zip(sorted) {
        let frame = point.frame.min(frames) as u32;
        cue.extend(id.to_le_bytes());
        cue.extend(frame.to_le_bytes());
        cue.extend(b"data");
        // Chunk and block start: 0 for plain PCM in one `data` chunk.
        cue.extend([0; 8]);
        cue.extend(frame.to_le_bytes());
        let mut label = id.to_le_bytes().to_vec();
        label.extend(point.label.bytes().map(|octet| if octet.is_ascii_graphic() { octet } else { b'?' }));
        label.push(0);
        put_chunk(&mut labels, *b"labl", &label);
    }
    let mut bytes = Vec::new();
    put_chunk(&mut bytes, *b"cue ", &cue);
    put_chunk(&mut bytes, *b"LIST", &labels);
    bytes
}

/// Chunks begin at even places; the padding octet is not counted in the size.
fn put_chunk(bytes: &mut Vec<u8>, id: [u8; 4], body: &[u8]) {
    bytes.extend(id);
    bytes.extend((body.len() as u32).to_le_bytes());
    bytes.extend(body);
    if body.len() % 2 == 1 {
        bytes.push(0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn points_and_labels_stand_in_order_of_time() {
        let point = |frame, label| Point { frame, label };
        let bytes = to_bytes(&[point(16_000, "ivr.digit"), point(8000, "a b"), point(72_000, "end")], 24_000);
        assert_eq!(bytes[..12], *b"cue \x4c\0\0\0\x03\0\0\0");
        let frame = |i: usize| u32::from_le_bytes([0, 1, 2, 3].map(|k| bytes[12 + 24 * i + 20 + k]));
        assert_eq!([frame(0), frame(1), frame(2)], [8000, 16_000, 24_000]);
        assert_eq!(bytes[84..88], *b"LIST");
        let list_len = u32::from_le_bytes([bytes[88], bytes[89], bytes[90], bytes[91]]) as usize;
        assert_eq!(92 + list_len, bytes.len());
        assert_eq!(bytes[92..112], *b"adtllabl\x08\0\0\0\x01\0\0\0a?b\0");
        assert_eq!(bytes[112..134], *b"labl\x0e\0\0\0\x02\0\0\0ivr.digit\0");
        assert!(to_bytes(&[], 1).is_empty());
    }
}
