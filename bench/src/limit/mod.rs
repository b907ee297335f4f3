//! The limit: what one can write by hand for these two records and nothing else, with raw pointers and all that is known
//! about the schema. Space is reserved once and never looked at again; reading tests the bounds once for as many fields
//! as their least sizes allow. Errors say nothing. It is what generated code is measured against, and no example.
#![allow(clippy::missing_safety_doc)]

mod anomaly;
mod fields;
mod get;
mod put;
mod raw;

pub use anomaly::{decode_anomaly, decode_anomaly_into, encode_anomaly};
pub use raw::{decode_raw, decode_raw_into, encode_raw};

/// Not the record.
#[derive(Debug)]
pub struct Bad;

type Got<T> = Result<T, Bad>;

/// Of eight bytes the bits that say that one is not ASCII.
const HIGH: u64 = 0x8080_8080_8080_8080;
