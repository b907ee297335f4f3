//! A record as it came: key, value and headers, in one buffer.
//!
//! librdkafka's own message cannot leave the thread that polls, and rdkafka's owned copy makes an allocation for each
//! part. Records wait in the reorder stage and go to other threads, so they are copied once, here. The buffer serves the next
//! record once this one was settled ([`super::spare`]).

use super::making::DEDUP_KEY;
use crate::dead_letter::header;
use crate::framing;

/// Key, value and headers of a record.
#[derive(Clone, Default)]
pub(crate) struct Raw {
    /// Key, then value, then for each header: the lengths of name and value (`u32::MAX`: null) as four bytes each, name,
    /// value.
    bytes: Vec<u8>,
    key: Option<usize>,
    value: Option<usize>,
}

/// A null header value.
const NULL: u32 = u32::MAX;

/// The headers that the consumer itself looks at; of several of one name the last one counts. `Some(None)`: it is there and null.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Known<'a> {
    pub(crate) dedup_key: Option<Option<&'a [u8]>>,
    pub(crate) schema_id: Option<Option<&'a [u8]>>,
    pub(crate) replay: Option<Option<&'a [u8]>>,
}

impl Raw {
    /// Starts a record in the place of the one before.
    pub(crate) fn start(&mut self, key: Option<&[u8]>, value: Option<&[u8]>) {
        self.bytes.clear();
        for part in [key, value].into_iter().flatten() {
            self.bytes.extend_from_slice(part);
        }
        self.key = key.map(<[u8]>::len);
        self.value = value.map(<[u8]>::len);
    }

    /// Adds a header. A name that is not UTF-8 is kept as far as it is: Kafka's protocol has text there.
    pub(crate) fn header(&mut self, name: &[u8], value: Option<&[u8]>) {
        let name = String::from_utf8_lossy(name);
        let name = name.as_bytes();
        let (Ok(name_length), Ok(value_length)) = (
            u32::try_from(name.len()),
            u32::try_from(value.map_or(0, <[u8]>::len)),
        ) else {
            return; // no record is that large: message.max.bytes is an i32
        };
        let value_length = if value.is_some() { value_length } else { NULL };
        self.bytes.extend_from_slice(&name_length.to_le_bytes());
        self.bytes.extend_from_slice(&value_length.to_le_bytes());
        self.bytes.extend_from_slice(name);
        self.bytes.extend_from_slice(value.unwrap_or_default());
    }

    /// The record key; `None`: null.
    pub(crate) fn key(&self) -> Option<&[u8]> {
        self.bytes.get(..self.key?)
    }

    /// The record value; `None`: null.
    pub(crate) fn value(&self) -> Option<&[u8]> {
        let start = self.key.unwrap_or(0);
        self.bytes.get(start..start + self.value?)
    }

    /// The bytes that it takes.
    pub(crate) fn size(&self) -> usize {
        self.bytes.len()
    }

    /// The bytes that there is room for without another allocation.
    pub(crate) fn room(&self) -> usize {
        self.bytes.capacity()
    }

    /// The headers, in their order. A name may be there more than once.
    pub(crate) fn headers(&self) -> HeaderIter<'_> {
        let start = self.key.unwrap_or(0) + self.value.unwrap_or(0);
        HeaderIter {
            rest: self.bytes.get(start..).unwrap_or_default(),
        }
    }

    /// The value of the last header of that name; `Some(None)`: it is there and null.
    pub(crate) fn last_header(&self, name: &str) -> Option<Option<&[u8]>> {
        self.headers()
            .filter(|(found, _)| *found == name)
            .last()
            .map(|(_, value)| value)
    }

    /// The headers that the consumer itself looks at, in one pass.
    pub(crate) fn known(&self) -> Known<'_> {
        let mut known = Known::default();
        let mut headers = self.headers();
        while let Some((name, value)) = headers.next_bytes() {
            if name == DEDUP_KEY.as_bytes() {
                known.dedup_key = Some(value);
            } else if name == framing::VALUE_SCHEMA_ID.as_bytes() {
                known.schema_id = Some(value);
            } else if name == header::REPLAY.as_bytes() {
                known.replay = Some(value);
            }
        }
        known
    }
}

impl std::fmt::Debug for Raw {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Raw")
            .field("key", &self.key().map(String::from_utf8_lossy))
            .field("value_bytes", &self.value)
            .field(
                "headers",
                &self.headers().map(|(name, _)| name).collect::<Vec<_>>(),
            )
            .finish()
    }
}

/// Headers of a record: names, and values where they are not null.
#[derive(Clone, Debug)]
pub struct HeaderIter<'a> {
    rest: &'a [u8],
}

impl<'a> HeaderIter<'a> {
    /// The next header, its name as bytes.
    fn next_bytes(&mut self) -> Option<(&'a [u8], Option<&'a [u8]>)> {
        let (name_length, rest) = self.rest.split_first_chunk::<4>()?;
        let (value_length, rest) = rest.split_first_chunk::<4>()?;
        let (name, rest) = rest.split_at_checked(u32::from_le_bytes(*name_length) as usize)?;
        let (value, rest) = match u32::from_le_bytes(*value_length) {
            NULL => (None, rest),
            length => {
                let (value, rest) = rest.split_at_checked(length as usize)?;
                (Some(value), rest)
            }
        };
        self.rest = rest;
        Some((name, value))
    }
}

impl<'a> Iterator for HeaderIter<'a> {
    type Item = (&'a str, Option<&'a [u8]>);

    fn next(&mut self) -> Option<Self::Item> {
        let (name, value) = self.next_bytes()?;
        Some((std::str::from_utf8(name).unwrap_or_default(), value))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    type Parts = (Option<Vec<u8>>, Option<Vec<u8>>, Vec<(String, Option<Vec<u8>>)>);

    fn name() -> impl Strategy<Value = String> {
        let known = [DEDUP_KEY, framing::VALUE_SCHEMA_ID, header::REPLAY].map(str::to_owned);
        prop_oneof![".{0,8}", proptest::sample::select(known.to_vec())]
    }

    fn parts() -> impl Strategy<Value = Parts> {
        let bytes = || proptest::option::of(proptest::collection::vec(any::<u8>(), 0..20));
        (
            bytes(),
            bytes(),
            proptest::collection::vec((name(), bytes()), 0..5),
        )
    }

    proptest! {
        #[test]
        fn what_goes_in_comes_out(records in proptest::collection::vec(parts(), 1..4)) {
            let mut raw = Raw::default();
            for (key, value, headers) in records {
                raw.start(key.as_deref(), value.as_deref());
                for (name, value) in &headers {
                    raw.header(name.as_bytes(), value.as_deref());
                }
                let known = Known {
                    dedup_key: raw.last_header(DEDUP_KEY),
                    schema_id: raw.last_header(framing::VALUE_SCHEMA_ID),
                    replay: raw.last_header(header::REPLAY),
                };
                prop_assert_eq!(raw.known(), known);
                prop_assert_eq!(raw.key(), key.as_deref());
                prop_assert_eq!(raw.value(), value.as_deref());
                let found: Vec<_> = raw.headers().map(|(n, v)| (n.to_owned(), v.map(<[u8]>::to_vec))).collect();
                prop_assert_eq!(found, headers);
            }
        }
    }

    #[test]
    fn the_last_header_of_a_name_counts_and_null_is_not_absent() {
        let mut raw = Raw::default();
        raw.start(None, Some(b"v"));
        raw.header(b"a", Some(b"1"));
        raw.header(b"a", None);
        raw.header(b"b\xff", Some(b""));
        assert_eq!(raw.last_header("a"), Some(None));
        assert_eq!(raw.last_header("b\u{fffd}"), Some(Some(&b""[..])));
        assert_eq!(raw.last_header("c"), None);
    }
}
