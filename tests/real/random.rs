//! Random values of a schema, from a seed: every branch, every symbol, empty and full collections, the edges of numbers.
//!
//! Values are those that a Rust type of the schema can hold: texts of UUIDs are UUIDs, times are within the calendar of
//! RFC 3339, decimals within their precision. A number that is none (NaN) equals nothing, itself included, and is left out.

use std::collections::BTreeMap;

use fleetops_avro::Schema;
use fleetops_avro::schema::{Kind, Logical, Node, TypeId};
use fleetops_avro::value::Value;

/// SplitMix64.
#[derive(Clone, Debug)]
pub(crate) struct Random(u64);

impl Random {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed)
    }

    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn below(&mut self, limit: usize) -> usize {
        (self.next() % limit as u64) as usize
    }

    fn between(&mut self, least: i64, most: i64) -> i64 {
        let width = most.wrapping_sub(least) as u64;
        least.wrapping_add((self.next() % width.saturating_add(1).max(1)) as i64)
    }

    /// A whole number: small ones, edges, and any.
    fn whole(&mut self, least: i64, most: i64) -> i64 {
        match self.below(6) {
            0 => least,
            1 => most,
            2 => 0_i64.clamp(least, most),
            3 => self.between(-70, 70).clamp(least, most),
            _ => self.between(least, most),
        }
    }

    fn bytes(&mut self, count: usize) -> Vec<u8> {
        (0..count).map(|_| self.next() as u8).collect()
    }

    fn text(&mut self) -> String {
        const PARTS: &[&str] = &[
            "a", "Z", "0", " ", "_", "é", "ß", "中", "🚗", "\"", "\\", "\n", "\u{1}", ".",
        ];
        let count = [0, 1, 3, 12, 70][self.below(5)];
        (0..count).map(|_| PARTS[self.below(PARTS.len())]).collect()
    }
}

/// Beyond this many levels, the shortest way out is taken.
const DEPTH: usize = 5;

/// How deep the least value of every type is; types that are not in it have no value that ends.
pub(crate) struct Depths(BTreeMap<TypeId, usize>);

impl Depths {
    pub(crate) fn of(schema: &Schema) -> Self {
        let mut all = Vec::new();
        let mut pending = vec![schema.root()];
        while let Some(id) = pending.pop() {
            if all.contains(&id) {
                continue;
            }
            all.push(id);
            pending.extend(children(schema.node(id)));
        }
        let mut depths = Self(BTreeMap::new());
        loop {
            let before = depths.0.clone();
            for id in &all {
                let least = match &schema.node(*id).kind {
                    Kind::Array(_) | Kind::Map(_) => Some(0),
                    Kind::Union(branches) => branches.iter().filter_map(|b| depths.0.get(b)).min().copied(),
                    Kind::Record(record) => record
                        .fields
                        .iter()
                        .map(|f| depths.0.get(&f.ty).copied())
                        .try_fold(0, |most, depth| Some(most.max(depth?))),
                    Kind::Enum(e) if e.symbols.is_empty() => None,
                    _ => Some(0),
                };
                if let Some(least) = least {
                    depths.0.insert(*id, least + 1);
                }
            }
            if depths.0 == before {
                return depths;
            }
        }
    }

    pub(crate) fn has_value(&self, id: TypeId) -> bool {
        self.0.contains_key(&id)
    }
}

fn children(node: &Node) -> Vec<TypeId> {
    match &node.kind {
        Kind::Array(inner) | Kind::Map(inner) => vec![*inner],
        Kind::Union(branches) => branches.clone(),
        Kind::Record(record) => record.fields.iter().map(|f| f.ty).collect(),
        _ => Vec::new(),
    }
}

/// A value of the type; the type has one.
pub(crate) fn value(
    schema: &Schema,
    depths: &Depths,
    id: TypeId,
    depth: usize,
    random: &mut Random,
) -> Value {
    let node = schema.node(id);
    if let Some(value) = node.logical.and_then(|l| logical(l, node, random)) {
        return value;
    }
    let deep = depth >= DEPTH;
    let count = |random: &mut Random, inner: &TypeId| match deep || !depths.has_value(*inner) {
        true => 0,
        false => [0, 1, 2, 4][random.below(4)],
    };
    match &node.kind {
        Kind::Null => Value::Null,
        Kind::Boolean => Value::Boolean(random.below(2) == 1),
        Kind::Int => Value::Int(random.whole(i32::MIN.into(), i32::MAX.into()) as i32),
        Kind::Long => Value::Long(random.whole(i64::MIN, i64::MAX)),
        Kind::Float => {
            let value = f32::from_bits(random.next() as u32);
            Value::Float(if value.is_nan() { f32::INFINITY } else { value })
        }
        Kind::Double => {
            let value = f64::from_bits(random.next());
            Value::Double(if value.is_nan() { -0.0 } else { value })
        }
        Kind::Bytes => {
            let count = [0, 1, 5, 100][random.below(4)];
            Value::Bytes(random.bytes(count))
        }
        Kind::String => Value::String(random.text()),
        Kind::Fixed(fixed) => Value::Fixed(random.bytes(fixed.size)),
        Kind::Enum(e) => Value::Enum(random.below(e.symbols.len())),
        Kind::Array(items) => {
            let count = count(random, items);
            Value::Array(
                (0..count)
                    .map(|_| value(schema, depths, *items, depth + 1, random))
                    .collect(),
            )
        }
        Kind::Map(values) => {
            let count = count(random, values);
            Value::Map(
                (0..count)
                    .map(|_| (random.text(), value(schema, depths, *values, depth + 1, random)))
                    .collect(),
            )
        }
        Kind::Record(record) => Value::Record(
            (record.fields.iter())
                .map(|f| value(schema, depths, f.ty, depth + 1, random))
                .collect(),
        ),
        Kind::Union(branches) => {
            let open: Vec<usize> = (0..branches.len())
                .filter(|at| depths.has_value(branches[*at]))
                .collect();
            let least = open.iter().min_by_key(|at| depths.0[&branches[**at]]).copied();
            let at = match least {
                Some(least) if deep => least,
                _ => open[random.below(open.len())],
            };
            Value::Union(
                at,
                Box::new(value(schema, depths, branches[at], depth + 1, random)),
            )
        }
    }
}

/// Seconds of the years 1 and 9999: what RFC 3339 can say.
const SECONDS: (i64, i64) = (-62_135_596_800, 253_402_300_799);

fn logical(logical: Logical, node: &Node, random: &mut Random) -> Option<Value> {
    Some(match (logical, &node.kind) {
        (Logical::Uuid, Kind::String) => {
            let hex: String = random.bytes(16).iter().map(|b| format!("{b:02x}")).collect();
            let parts = [&hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..]];
            Value::String(parts.join("-"))
        }
        (Logical::Date, _) => Value::Int(random.whole(SECONDS.0 / 86_400, SECONDS.1 / 86_400) as i32),
        (Logical::TimeMillis, _) => Value::Int(random.whole(0, 86_399_999) as i32),
        (Logical::TimeMicros, _) => Value::Long(random.whole(0, 86_399_999_999)),
        (Logical::TimestampMillis | Logical::LocalTimestampMillis, _) => {
            Value::Long(random.whole(SECONDS.0 * 1_000, SECONDS.1 * 1_000))
        }
        (Logical::TimestampMicros | Logical::LocalTimestampMicros, _) => {
            Value::Long(random.whole(SECONDS.0 * 1_000_000, SECONDS.1 * 1_000_000))
        }
        (Logical::TimestampNanos | Logical::LocalTimestampNanos, _) => {
            Value::Long(random.whole(i64::MIN, i64::MAX))
        }
        (Logical::Decimal { precision, .. }, kind) if precision <= 28 => {
            let most = 10_i128.pow(precision) - 1;
            let wide = i128::from(random.next()) * i128::from(random.next() >> 1);
            let number = match random.below(4) {
                0 => most,
                1 => -most,
                2 => i128::from(random.below(300) as u64).min(most),
                _ => wide % (most + 1) * if random.below(2) == 0 { 1 } else { -1 },
            };
            match kind {
                Kind::Fixed(fixed) => Value::Fixed(two_complement(number, fixed.size)),
                _ => Value::Bytes(two_complement(number, 0)),
            }
        }
        (Logical::Decimal { precision, .. }, kind) => {
            // Eight bits are 2.41 digits. The first byte says more than the sign, so there is no shorter form.
            let most = precision as usize * 415 / 1000;
            let most = if let Kind::Fixed(fixed) = kind {
                most.min(fixed.size)
            } else {
                most
            };
            let count = 1 + random.below(most.min(200));
            let mut number = random.bytes(count);
            number[0] = [1, 0x7f, 0x80, 0xfe][random.below(4)];
            match kind {
                Kind::Fixed(fixed) => {
                    let sign = if number[0] < 0x80 { 0 } else { 0xff };
                    let mut whole = vec![sign; fixed.size - number.len()];
                    whole.append(&mut number);
                    Value::Fixed(whole)
                }
                _ => Value::Bytes(number),
            }
        }
        (Logical::BigDecimal, _) => {
            // A `Decimal` has 96 bits, and up to 28 digits after the point.
            let number = i128::from(random.next()) * if random.below(2) == 0 { 1 } else { -1 };
            let mut bytes = Vec::new();
            fleetops_avro::wire::put::bytes(&mut bytes, &two_complement(number, 0));
            fleetops_avro::wire::put::int(&mut bytes, random.below(29) as i32);
            Value::Bytes(bytes)
        }
        _ => return None,
    })
}

/// Big-endian, of that size, or of the fewest bytes.
fn two_complement(number: i128, size: usize) -> Vec<u8> {
    let bytes = number.to_be_bytes();
    if size >= bytes.len() {
        let mut out = vec![if number < 0 { 0xff } else { 0 }; size - bytes.len()];
        out.extend(bytes);
        return out;
    }
    let least = (1..=16)
        .find(|n| {
            let rest = number >> (8 * n - 1);
            rest == 0 || rest == -1
        })
        .unwrap_or(16);
    bytes[16 - least.max(size)..].to_vec()
}
