//! Input that is cut short, changed, or made to hurt: an error with the right offset, no panic, no memory to speak of.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

use fleetops_runtime::avro::wire::Cursor;
use fleetops_runtime::codec::{AvroRecord, DecodeError, DecodeErrorKind, MAX_RECURSION, Reader, Writer};
use proptest::prelude::*;
use proptest::sample::Index;

use crate::sample::{Sample, sample, written};

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
                6 => (ours.string(), theirs.string().map(str::to_owned)),
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

/// Many changed records, one after the other, for the cursors' sake: each in an allocation of just its size, so that valgrind
/// and sanitizers see a read beyond it. `FLEETOPS_MUTATIONS=5000000` says how many.
#[test]
fn changed_records_by_the_thousand_are_values_or_errors() {
    let count: u64 = std::env::var("FLEETOPS_MUTATIONS").map_or(20_000, |n| n.parse().expect("a number"));
    let mut random = 0x5eed_u64;
    let mut below = |n: usize| {
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        (random % n as u64) as usize
    };
    let mut runner = proptest::test_runner::TestRunner::deterministic();
    let samples: Vec<Vec<u8>> = (0..64)
        .map(|_| {
            let tree = sample().new_tree(&mut runner).expect("a sample");
            proptest::strategy::ValueTree::current(&tree).to_avro()
        })
        .collect();
    let mut reused = Sample::from_avro(&samples[0]).expect("a sample");
    let (mut values, mut errors) = (0_u64, 0_u64);
    for _ in 0..count {
        let mut bytes = samples[below(samples.len())].clone();
        for _ in 0..=below(4) {
            let at = below(bytes.len());
            match below(6) {
                0 => bytes[at] = below(256) as u8,
                1 => bytes[at] ^= 1 << below(8),
                2 => bytes[at] = [0, 0x7f, 0x80, 0xff][below(4)],
                3 => bytes.truncate(at.max(1)),
                4 => bytes.insert(at, below(256) as u8),
                _ => drop(bytes.remove(at)),
            }
            if bytes.is_empty() {
                bytes.push(0);
            }
        }
        let bytes = bytes.into_boxed_slice();
        let anew = Sample::from_avro(&bytes);
        let in_place = reused.read_avro(&bytes);
        match anew {
            Ok(value) => {
                assert_eq!(in_place, Ok(()));
                // By their bytes: numbers that are none are equal there.
                assert_eq!(reused.to_avro(), value.to_avro());
                values += 1;
            }
            Err(error) => {
                assert!(error.offset() <= bytes.len(), "{error} in {} bytes", bytes.len());
                assert_eq!(in_place, Err(error));
                errors += 1;
            }
        }
    }
    assert!(values > 0 && errors > 0, "{values} values, {errors} errors");
}

/// Whole arrays of numbers, and runs: the ways through the cursors that the sample has not.
#[test]
fn arrays_of_numbers_come_back_from_any_blocks_and_cut_ones_are_errors() {
    let doubles = [1.5, -0.0, f64::INFINITY, 1e-300];
    let mut bytes = Vec::new();
    written(&mut bytes, |w| w.array_of_double(&doubles));
    // Two blocks, the second with its size.
    let mut blocks = Vec::new();
    written(&mut blocks, |w| {
        w.array_start(2);
        w.doubles([doubles[0], doubles[1]]);
        w.long(-2);
        w.long(16);
        w.doubles([doubles[2], doubles[3]]);
        w.array_end();
    });
    for bytes in [&bytes, &blocks] {
        let mut into = vec![7.0; 9];
        let mut reader = Reader::new(bytes);
        assert_eq!(reader.array_of_double(), Ok(doubles.to_vec()));
        assert_eq!(reader.finish(), Ok(()));
        Reader::new(bytes)
            .array_of_double_into(&mut into)
            .expect("an array");
        assert_eq!(into, doubles);
        for cut in 0..bytes.len() {
            let cut = bytes[..cut].to_vec().into_boxed_slice();
            let error = Reader::new(&cut).array_of_double().expect_err("a cut array");
            assert!(error.offset() <= cut.len());
        }
    }
    let floats = [0.5_f32, -1.0];
    let ints = [0, -1, i32::MAX, i32::MIN];
    let longs = [0, i64::MAX, i64::MIN];
    let mut bytes = Vec::new();
    written(&mut bytes, |w| {
        w.array_of_float(&floats);
        w.array_of_int(&ints);
        w.array_of_long(&longs);
        w.array_of_int(&[]);
    });
    let mut reader = Reader::new(&bytes);
    assert_eq!(reader.array_of_float(), Ok(floats.to_vec()));
    assert_eq!(reader.array_of_int(), Ok(ints.to_vec()));
    assert_eq!(reader.array_of_long(), Ok(longs.to_vec()));
    assert_eq!(reader.array_of_int(), Ok(Vec::new()));
    assert_eq!(reader.finish(), Ok(()));
    // The same bytes as items one by one.
    let mut one_by_one = Vec::new();
    written(&mut one_by_one, |w| {
        w.array_start(2);
        floats.iter().for_each(|v| w.float(*v));
        w.array_end();
        w.array_start(4);
        ints.iter().for_each(|v| w.int(*v));
        w.array_end();
        w.array_start(3);
        longs.iter().for_each(|v| w.long(*v));
        w.array_end();
        w.array_start(0);
        w.array_end();
    });
    assert_eq!(bytes, one_by_one);
}

#[test]
fn a_writer_keeps_what_is_before_it_and_grows_as_it_must() {
    for room in [0, 1, 64, 4096] {
        for length in (0..130).chain([1000]) {
            let text: String = ('a'..='z').cycle().take(length).collect();
            let mut out = b"before".to_vec();
            out.shrink_to_fit();
            let mut writer = Writer::new(&mut out, room);
            writer.string(&text);
            writer.raw(text.as_bytes());
            writer.finish();
            let mut reader = Reader::new(&out[6..]);
            assert_eq!(&out[..6], b"before");
            assert_eq!(reader.str(), Ok(text.as_str()));
            let mut place = "something else".to_owned();
            Reader::new(&out[6..]).string_into(&mut place).expect("text");
            assert_eq!(place, text);
            assert_eq!(Reader::new(&out[6..]).string(), Ok(text.clone()));
            assert_eq!(&out[6 + reader.offset()..], text.as_bytes());
        }
    }
    // One that is not finished writes nothing.
    let mut out = b"before".to_vec();
    Writer::new(&mut out, 100).string("lost");
    assert_eq!(out, b"before");
}

#[test]
fn text_that_is_not_ascii_is_checked_at_every_length_and_place() {
    for length in 1..100 {
        for at in 0..length {
            let mut bytes = vec![b'x'; length];
            bytes[at] = 0xff;
            let mut out = Vec::new();
            written(&mut out, |w| w.bytes(&bytes));
            let prefix = out.len() - length;
            let error = Reader::new(&out).str().expect_err("no UTF-8");
            assert_eq!(error.offset(), prefix + at);
        }
    }
}

#[test]
fn a_count_is_held_against_the_bytes_left() {
    let mut bytes = Vec::new();
    written(&mut bytes, |w| w.long(1 << 40));
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
    written(&mut bytes, |w| w.long(i64::MIN));
    written(&mut bytes, |w| w.long(8));
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
    written(&mut bytes, |w| w.long(65_536));
    bytes.push(0);
    written(&mut bytes, |w| w.long(1));
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
            written(&mut outer, |w| w.array_start(1));
            outer.extend_from_slice(&inner);
            written(&mut outer, |w| w.array_end());
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
