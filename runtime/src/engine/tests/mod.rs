//! The invariants of the engine as properties, and mistakes planted to show that each property bites.
//!
//! [`log`] makes partitions of all kinds, [`world`] runs a consumer over one of them: it reads, handles, commits, asks for the
//! log's end and is killed as a schedule says. [`properties`] judge the trace that it leaves. [`planted`] is the list of
//! mistakes with the property that catches each. [`limits`] shows what single rules do at their edges.
//!
//! `PROPTEST_CASES` sets the number of cases (256 without it).

mod cases;
mod limits;
mod log;
mod planted;
mod properties;
mod world;
