//! Values to Avro binary, appended to a buffer.
//!
//! Only what the schema-driven code of this crate writes: defaults, promoted values, generic values. Avro 1.12
//! specification, "Binary Encoding".

/// A boolean: one byte.
pub fn boolean(out: &mut Vec<u8>, value: bool) {
    out.push(u8::from(value));
}

/// An int: zig-zag, then 1 to 5 bytes of 7 bits, the lowest first. The same bytes as a `long` of that value.
#[inline]
pub fn int(out: &mut Vec<u8>, value: i32) {
    varint(out, u64::from(((value << 1) ^ (value >> 31)) as u32));
}

/// A long: zig-zag, then 1 to 10 bytes of 7 bits, the lowest first.
#[inline]
pub fn long(out: &mut Vec<u8>, value: i64) {
    varint(out, ((value << 1) ^ (value >> 63)) as u64);
}

#[inline]
fn varint(out: &mut Vec<u8>, mut bits: u64) {
    while bits >= 0x80 {
        out.push(bits as u8 | 0x80);
        bits >>= 7;
    }
    out.push(bits as u8);
}

/// A float: 4 bytes, the lowest first.
pub fn float(out: &mut Vec<u8>, value: f32) {
    out.extend_from_slice(&value.to_le_bytes());
}

/// A double: 8 bytes, the lowest first.
pub fn double(out: &mut Vec<u8>, value: f64) {
    out.extend_from_slice(&value.to_le_bytes());
}

/// The length of something in memory, or a count of items: a long. Nothing in memory is longer than an `i64` counts.
pub fn length(out: &mut Vec<u8>, length: usize) {
    long(out, i64::try_from(length).unwrap_or(i64::MAX));
}

/// Bytes: length and content.
pub fn bytes(out: &mut Vec<u8>, value: &[u8]) {
    length(out, value.len());
    out.extend_from_slice(value);
}

/// A string: length in bytes and UTF-8.
pub fn string(out: &mut Vec<u8>, value: &str) {
    bytes(out, value.as_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(write: impl FnOnce(&mut Vec<u8>)) -> Vec<u8> {
        let mut out = Vec::new();
        write(&mut out);
        out
    }

    #[test]
    fn numbers_are_those_of_the_specification() {
        for (value, bytes) in [
            (0, &[0][..]),
            (-1, &[1]),
            (1, &[2]),
            (-64, &[0x7f]),
            (64, &[0x80, 1]),
            (i32::MAX, &[0xfe, 0xff, 0xff, 0xff, 0x0f]),
            (i32::MIN, &[0xff, 0xff, 0xff, 0xff, 0x0f]),
        ] {
            assert_eq!(of(|out| int(out, value)), bytes, "{value}");
            assert_eq!(of(|out| long(out, i64::from(value))), bytes, "{value}");
        }
        assert_eq!(
            of(|out| long(out, i64::MIN)),
            [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1]
        );
        assert_eq!(of(|out| string(out, "foo")), [6, b'f', b'o', b'o']);
        assert_eq!(of(|out| float(out, 1.0)), [0, 0, 0x80, 0x3f]);
        assert_eq!(of(|out| double(out, -2.0)), [0, 0, 0, 0, 0, 0, 0, 0xc0]);
    }
}
