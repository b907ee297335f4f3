//! Input that is cut short, changed, or made to hurt: an error with the right offset, no panic, no memory to speak of.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

use fleetops_runtime::avro::wire::Cursor;
use fleetops_runtime::codec::{AvroRecord, DecodeError, DecodeErrorKind, MAX_RECURSION, Reader, put};
use proptest::prelude::*;
use proptest::sample::Index;

use crate::sample::{Sample, sample};

/// Counts what a thread asks for, so that a test can say how much a decoder set aside.
struct Counting;

thread_local! {
    static ASKED: Cell<usize> = const { Cell::new(0) };
}

// SAFETY: every call goes to the system allocator unchanged.
#[allow(unsafe_code)]
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let _ = ASKED.try_with(|asked| asked.set(asked.get() + layout.size()));
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// Bytes that decoding asked for.
fn memory_to_decode(bytes: &[u8]) -> usize {
    let before = ASKED.get();
    let _ = Sample::from_avro(bytes);
    ASKED.get() - before
}

proptest! {
    #[test]
    fn every_truncation_is_an_error_within_the_input(sample in sample()) {
        let bytes = sample.to_avro();
        for cut in 0..bytes.len() {
            let error = Sample::from_avro(&bytes[..cut]).expect_err("a truncated record");
            prop_assert!(error.offset() <= cut, "{error} in {cut} bytes");
        }
        prop_assert_eq!(Sample::from_avro(&bytes), Ok(sample));
    }

    #[test]
    fn one_byte_more_is_an_error(sample in sample(), more in any::<u8>()) {
        let mut bytes = sample.to_avro();
        let end = bytes.len();
        bytes.push(more);
        let error = Sample::from_avro(&bytes).expect_err("a byte too many");
        prop_assert_eq!(error.offset(), end);
        prop_assert_eq!(error.kind(), &DecodeErrorKind::TrailingBytes { left: 1 });
    }

    #[test]
    fn changed_bytes_never_panic_and_ask_for_little(
        sample in sample(),
        changes in proptest::collection::vec((any::<Index>(), any::<u8>()), 1..8),
    ) {
        let mut bytes = sample.to_avro();
        for (at, byte) in changes {
            let at = at.index(bytes.len());
            bytes[at] = byte;
        }
        // 64 KiB for each collection that starts, and the smallest item of each takes its byte; a child takes 70.
        let limit = 2 * 64 * 1024 * (4 + bytes.len() / 70) + 64 * bytes.len();
        let asked = memory_to_decode(&bytes);
        prop_assert!(asked <= limit, "{asked} bytes asked for {} of input, limit {limit}", bytes.len());
    }

    #[test]
    fn the_readers_of_generated_code_and_of_run_time_schemas_agree(
        bytes in proptest::collection::vec(prop_oneof![any::<u8>(), 0_u8..8, Just(0x80_u8), Just(0xff_u8)], 0..40),
        calls in proptest::collection::vec(0..11_u8, 1..8),
    ) {
        let (mut ours, mut theirs) = (Reader::new(&bytes), Cursor::new(&bytes));
        let text = |value: Result<String, DecodeError>| value.map_err(|error| error.to_string());
        for call in calls {
            let (a, b) = match call {
                0 => (ours.boolean().map(|v| v.to_string()), theirs.boolean().map(|v| v.to_string())),
                1 => (ours.int().map(|v| v.to_string()), theirs.int().map(|v| v.to_string())),
                2 => (ours.long().map(|v| v.to_string()), theirs.long().map(|v| v.to_string())),
                3 => (ours.float().map(|v| v.to_bits().to_string()), theirs.float().map(|v| v.to_bits().to_string())),
                4 => (ours.double().map(|v| v.to_bits().to_string()), theirs.double().map(|v| v.to_bits().to_string())),
                5 => (ours.bytes().map(|v| format!("{v:?}")), theirs.bytes().map(|v| format!("{v:?}"))),
                6 => (ours.string().map(str::to_owned), theirs.string().map(str::to_owned)),
                7 => (ours.fixed::<3>().map(|v| format!("{v:?}")), theirs.raw(3, "a fixed").map(|v| format!("{v:?}"))),
                8 => (ours.branch(2).map(|v| v.to_string()), theirs.branch(2).map(|v| v.to_string())),
                9 => (ours.symbol(3).map(|v| v.to_string()), theirs.symbol(3).map(|v| v.to_string())),
                _ => {
                    // A block's count shows in how many items may be read before the next head.
                    let ours = ours.array(1).map(|blocks| blocks.capacity::<u8>().to_string());
                    (ours, theirs.block(1).map(|v| v.to_string()))
                }
            };
            prop_assert_eq!(text(a.clone()), text(b));
            if a.is_err() {
                return Ok(());
            }
            prop_assert_eq!(ours.offset(), theirs.offset());
        }
        prop_assert_eq!(ours.finish(), theirs.finish());
    }

    #[test]
    fn random_bytes_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        let _ = Sample::from_avro(&bytes);
    }
}

#[test]
fn a_count_is_held_against_the_bytes_left() {
    let mut bytes = Vec::new();
    put::long(&mut bytes, 1 << 40);
    bytes.extend_from_slice(&[0; 20]);
    let error = Reader::new(&bytes)
        .array(8)
        .expect_err("a count beyond the input");
    assert_eq!(error.offset(), 0);
    assert_eq!(
        error.kind(),
        &DecodeErrorKind::TooManyItems {
            count: 1 << 40,
            limit: 2
        }
    );
    // The same count negative, with its block size.
    let mut bytes = Vec::new();
    put::long(&mut bytes, i64::MIN);
    put::long(&mut bytes, 8);
    let error = Reader::new(&bytes).map(0).expect_err("a count beyond the input");
    assert_eq!(
        error.kind(),
        &DecodeErrorKind::TooManyItems {
            count: 1 << 63,
            limit: 0
        }
    );
}

#[test]
fn items_that_take_no_bytes_are_counted_over_the_whole_datum() {
    let mut bytes = Vec::new();
    put::long(&mut bytes, 65_536);
    bytes.push(0);
    put::long(&mut bytes, 1);
    let mut reader = Reader::new(&bytes);
    let mut blocks = reader.array(0).expect("as many as there may be");
    let mut items = 0;
    while blocks.next(&mut reader).expect("empty items") {
        items += 1;
    }
    assert_eq!(items, 65_536);
    let error = reader.array(0).expect_err("one more");
    assert_eq!(
        error.kind(),
        &DecodeErrorKind::TooManyItems { count: 1, limit: 0 }
    );
}

#[test]
fn an_empty_array_ends_at_once_and_a_negative_count_has_a_size() {
    let mut reader = Reader::new(&[0, 3, 4, 1, 7, 0]);
    let mut blocks = reader.array(1).expect("an empty array");
    assert_eq!(blocks.next(&mut reader), Ok(false));
    assert_eq!(blocks.next(&mut reader), Ok(false));
    assert_eq!(reader.offset(), 1);
    let mut blocks = reader.array(1).expect("two items of one byte");
    let mut items = Vec::new();
    while blocks.next(&mut reader).expect("an item") {
        items.push(reader.boolean().expect("a byte"));
        if items.len() > 2 {
            break;
        }
    }
    assert_eq!(items.len(), 2);
}

#[test]
fn recursion_ends_at_the_limit() {
    fn nested(depth: usize) -> Vec<u8> {
        let leaf = Sample {
            flag: false,
            small: 0,
            large: 0,
            single: 0.0,
            point: [0.0; 2],
            data: Vec::new(),
            text: String::new(),
            digest: [0; 4],
            colour: 0,
            maybe: None,
            numbers: Vec::new(),
            nothings: Vec::new(),
            names: Default::default(),
            id: Default::default(),
            at: Default::default(),
            children: Vec::new(),
        };
        let mut inner = leaf.to_avro();
        // A leaf ends with an empty array; in its stead stands one of one item.
        let head = inner[..inner.len() - 1].to_vec();
        for _ in 1..depth {
            let mut outer = head.clone();
            put::array_start(&mut outer, 1);
            outer.extend_from_slice(&inner);
            put::array_end(&mut outer);
            inner = outer;
        }
        inner
    }
    Sample::from_avro(&nested(MAX_RECURSION)).expect("as deep as allowed");
    let error = Sample::from_avro(&nested(MAX_RECURSION + 1)).expect_err("one deeper");
    assert_eq!(error.kind(), &DecodeErrorKind::TooDeep { limit: MAX_RECURSION });
    Sample::from_avro(&nested(20_000)).expect_err("far deeper");
}

#[test]
fn errors_say_where_and_what() {
    let message =
        |bytes: &[u8], read: fn(&mut Reader<'_>) -> Result<(), fleetops_runtime::codec::DecodeError>| {
            let mut reader = Reader::new(bytes);
            reader.boolean().expect("one byte before it");
            read(&mut reader).expect_err("malformed").to_string()
        };
    let long = |r: &mut Reader<'_>| r.long().map(drop);
    let string = |r: &mut Reader<'_>| r.string().map(drop);
    assert_eq!(
        message(&[0], long),
        "byte 1: expected 1 byte(s) for a long, found 0"
    );
    assert_eq!(
        message(&[0, 0x80], long),
        "byte 1: expected 2 byte(s) for a long, found 1"
    );
    assert_eq!(
        message(
            &[0, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff],
            long
        ),
        "byte 1: expected a long of at most 10 bytes, found one that goes on"
    );
    assert_eq!(
        message(&[0, 0xff, 0xff, 0xff, 0xff, 0xff], |r| r.int().map(drop)),
        "byte 1: expected an int of at most 5 bytes, found one that goes on"
    );
    assert_eq!(
        message(&[0, 1], string),
        "byte 1: expected the length of a string, found -1"
    );
    assert_eq!(
        message(&[0, 6, b'a'], string),
        "byte 1: expected 3 byte(s) for a string, found 1"
    );
    assert_eq!(
        message(&[0, 6, b'a', b'b', 0xff], string),
        "byte 4: expected UTF-8 in a string, found byte 0xff"
    );
    assert_eq!(
        message(&[0, 1], |r| r.branch(2).map(drop)),
        "byte 1: expected the index of one of 2 union branches, found -1"
    );
    assert_eq!(
        message(&[0, 6], |r| r.symbol(3).map(drop)),
        "byte 1: expected the index of one of 3 enum symbols, found 3"
    );
    assert_eq!(
        message(&[0, 1, 2], |r| r.double().map(drop)),
        "byte 1: expected 8 byte(s) for a double, found 2"
    );
    assert_eq!(
        message(&[0, 1], |r| r.fixed::<4>().map(drop)),
        "byte 1: expected 4 byte(s) for a fixed, found 1"
    );
    assert_eq!(
        message(&[0, 1, 2], |r| r.doubles::<3>().map(drop)),
        "byte 1: expected 24 byte(s) for doubles, found 2"
    );
}

#[test]
fn overlong_numbers_are_taken_as_java_takes_them() {
    assert_eq!(Reader::new(&[0x82, 0x80, 0x00]).long(), Ok(1));
    assert_eq!(Reader::new(&[0x82, 0x80, 0x80, 0x80, 0x00]).int(), Ok(1));
    // Bits beyond the 32nd are dropped.
    assert_eq!(Reader::new(&[0x82, 0x80, 0x80, 0x80, 0x70]).int(), Ok(1));
}
