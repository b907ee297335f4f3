//! Records in the form that a contender reads, and the races that contenders are entered for: each is checked first.

use std::hint::black_box;

use crate::race::Contender;

/// Records one after the other in one buffer, each read by its own slice, as from a queue.
pub struct Encoded {
    bytes: Vec<u8>,
    ends: Vec<usize>,
}

impl Encoded {
    pub fn of<T>(values: &[T], encode: impl Fn(&T, &mut Vec<u8>)) -> &'static Self {
        let mut encoded = Self {
            bytes: Vec::new(),
            ends: vec![0],
        };
        for value in values {
            encode(value, &mut encoded.bytes);
            encoded.ends.push(encoded.bytes.len());
        }
        leak(encoded)
    }

    pub fn records(&self) -> impl ExactSizeIterator<Item = &[u8]> {
        self.ends
            .array_windows()
            .map(|[from, to]| &self.bytes[*from..*to])
    }

    fn first(&self) -> &[u8] {
        &self.bytes[..self.ends[1]]
    }
}

/// For as long as the program runs.
pub fn leak<T>(value: T) -> &'static T {
    Box::leak(Box::new(value))
}

/// The contenders of one race, and what they must yield.
pub struct Race {
    name: &'static str,
    pub contenders: Vec<Contender>,
}

impl Race {
    pub fn new(name: &'static str) -> Self {
        Self {
            name,
            contenders: Vec::new(),
        }
    }

    pub fn add(&mut self, name: &'static str, run: impl FnMut() + 'static) {
        self.contenders.push(Contender {
            race: self.name,
            name,
            run: Box::new(run),
        });
    }

    /// One that writes each record into a buffer that is used again; it must yield the bytes of `want`.
    pub fn encoder<T>(
        &mut self,
        name: &'static str,
        values: &'static [T],
        want: &Encoded,
        encode: impl Fn(&T, &mut Vec<u8>) + 'static,
    ) {
        let mut out = Vec::with_capacity(4096);
        for (value, want) in values.iter().zip(want.records()) {
            out.clear();
            encode(value, &mut out);
            assert_eq!(out, want, "{} by {name}", self.name);
        }
        self.add(name, move || {
            for value in values {
                out.clear();
                encode(black_box(value), &mut out);
                black_box(out.as_slice());
            }
        });
    }

    /// One that reads each record to a value that is dropped at once. `same` compares it with what was written.
    pub fn decoder<T, V, E>(
        &mut self,
        name: &'static str,
        encoded: &'static Encoded,
        want: &[T],
        decode: impl Fn(&'static [u8]) -> Result<V, E> + 'static,
        same: impl Fn(&V, &T) -> bool,
    ) {
        for (bytes, want) in encoded.records().zip(want) {
            let value = decode(bytes).unwrap_or_else(|_| panic!("{} by {name}", self.name));
            assert!(same(&value, want), "{} by {name}", self.name);
        }
        let first = encoded.first();
        // Cut off within the last field, every decoder must notice; prost has a field less then.
        if !name.starts_with("prost") {
            assert!(
                decode(&first[..first.len() - 1]).is_err(),
                "{} by {name}",
                self.name
            );
        }
        self.add(name, move || {
            for bytes in encoded.records() {
                // By reference: to hand over the value would move it, or not, as the compiler sees fit.
                let value = decode(black_box(bytes));
                black_box(&value);
            }
        });
    }

    /// One that reads each record in place of the one before, which must give what reading anew does.
    pub fn reuser<T: Clone + PartialEq>(
        &mut self,
        name: &'static str,
        encoded: &'static Encoded,
        want: &'static [T],
        read: impl Fn(&mut T, &[u8]) + 'static,
    ) {
        let mut value = want[0].clone();
        for (bytes, want) in encoded.records().zip(want) {
            read(&mut value, bytes);
            assert!(value == *want, "{} by {name}", self.name);
        }
        self.add(name, move || {
            for bytes in encoded.records() {
                read(&mut value, black_box(bytes));
                black_box(&value);
            }
        });
    }
}
