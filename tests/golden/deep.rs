//! Hostile depth: what a record that contains itself may take of a thread's stack, whatever its levels take.

use std::fmt::Debug;
use std::thread;

use fleetops_runtime::avro::Schema;
use fleetops_runtime::avro::resolve::Plan;
use fleetops_runtime::avro::value::Value;
use fleetops_runtime::avro::wire::MAX_DEPTH;
use fleetops_runtime::codec::{AvroRecord, DecodeError, DecodeErrorKind, MAX_RECURSION, MAX_STACK, Resolver};

use crate::recursive::recursive::{Node, Slab, SlabRef};

/// Runs it on a thread with the stack that threads have unless one asks for more.
fn on_a_thread<T: Send>(run: impl FnOnce() -> T + Send) -> T {
    thread::scope(|scope| {
        let thread = thread::Builder::new()
            .stack_size(2 << 20)
            .spawn_scoped(scope, run);
        thread.unwrap().join().unwrap()
    })
}

/// So many slabs in one another.
fn slabs(levels: usize) -> Vec<u8> {
    let mut bytes = Vec::new();
    for level in 1..=levels {
        bytes.extend([7; 10_000]);
        bytes.push(if level < levels { 2 } else { 0 });
    }
    // The time and the note.
    bytes.resize(bytes.len() + 2 * levels, 0);
    bytes
}

fn is_too_much(error: &DecodeError) -> bool {
    matches!(
        error.kind(),
        DecodeErrorKind::TooMuchStack { limit: MAX_STACK } | DecodeErrorKind::TooDeep { .. }
    )
}

/// What can be done with a value, each of which goes down its levels.
fn use_it<T: AvroRecord + Clone + Debug + PartialEq>(value: T, bytes: &[u8]) {
    assert_eq!(value.to_avro(), bytes);
    assert!(value.validate().is_ok());
    let copy = value.clone();
    assert!(copy == value);
    assert!(format!("{value:?}").len() > bytes.len());
    let mut place = copy;
    place.read_avro(bytes).unwrap();
    assert!(place == value);
}

#[test]
fn what_takes_too_much_stack_is_refused_and_what_does_not_can_be_used() {
    // Each way has frames of its own, so each has its own greatest depth.
    let greatest = |read: fn(&[u8]) -> Result<(), DecodeError>| {
        let mut levels = 0;
        for more in 1..=MAX_RECURSION + 1 {
            let bytes = slabs(more);
            match on_a_thread(|| read(&bytes)) {
                Ok(()) => levels = more,
                Err(error) => {
                    assert!(is_too_much(&error), "{error}");
                    break;
                }
            }
        }
        // The deepest that a sender can do is refused in the same way.
        let bytes = slabs(2_000);
        assert!(is_too_much(&on_a_thread(|| read(&bytes)).unwrap_err()));
        levels
    };
    let owned = greatest(|bytes| Slab::from_avro(bytes).map(|value| use_it(value, bytes)));
    let borrowed = greatest(|bytes| SlabRef::from_avro(bytes).map(|view| drop(view.clone().into_owned())));
    let by_plan = greatest(|bytes| {
        let time = r#",{"name":"time","type":{"type":"int","logicalType":"time-millis"},"default":0}"#;
        assert!(Slab::SCHEMA.contains(time));
        let resolver = Resolver::<Slab>::new(&Slab::SCHEMA.replace(time, "")).unwrap();
        // What follows the innermost is nothing but zeros, and one less for each level without the time.
        let end = bytes.len() - bytes.len() / 10_003;
        Slab::from_avro_with(&resolver, &bytes[..end]).map(drop)
    });
    let reused = greatest(|bytes| {
        let mut place = Slab::from_avro(&slabs(1))?;
        place.read_avro(bytes)
    });
    println!("levels: owned {owned}, borrowed {borrowed}, by plan {by_plan}, reused {reused}");
    for levels in [owned, borrowed, by_plan, reused] {
        assert!(levels > 3, "{levels}");
    }
}

/// Small levels are bounded by their number, and as deep as that in any build.
#[test]
fn small_levels_reach_the_limit_of_levels() {
    let nodes = |levels: usize| {
        let mut bytes: Vec<u8> = [2, 2].repeat(levels - 1);
        bytes.extend([2, 0]);
        bytes.resize(bytes.len() + levels, 0);
        bytes
    };
    on_a_thread(|| {
        let bytes = nodes(MAX_RECURSION);
        use_it(Node::from_avro(&bytes).unwrap(), &bytes);
        let error = Node::from_avro(&nodes(MAX_RECURSION + 1)).unwrap_err();
        assert!(matches!(error.kind(), DecodeErrorKind::TooDeep { .. }), "{error}");
    });
}

/// Values and plans know no type, so a level takes them the same whatever it holds.
#[test]
fn values_and_plans_are_bounded_by_levels() {
    on_a_thread(|| {
        let schema = Schema::parse(Slab::SCHEMA).unwrap();
        let bytes = slabs(MAX_DEPTH);
        let value = Value::decode_all(&schema, &bytes).unwrap();
        let mut again = Vec::new();
        value.clone().encode(&schema, &mut again).unwrap();
        assert_eq!(again, bytes);
        assert!(value.to_avro_json(&schema).is_ok());
        assert!(Value::decode_all(&schema, &slabs(MAX_DEPTH + 1)).is_err());
        let other = Slab::SCHEMA.replace("\"next\"", "\"following\"");
        let other = other.replace("\"following\",", "\"following\",\"aliases\":[\"next\"],");
        let plan = Plan::new(&schema, &Schema::parse(&other).unwrap()).unwrap();
        let mut out = Vec::new();
        assert_eq!(plan.transcode(&bytes, &mut out).unwrap(), bytes.len());
        assert!(plan.transcode(&slabs(MAX_DEPTH + 1), &mut out).is_err());
    });
}
