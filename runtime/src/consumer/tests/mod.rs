//! The consumer without librdkafka's client: the thread's state is driven by hand, so that every order of things can be had.

mod application;
mod calls;
mod fetched;
mod life;
mod logs;
mod meeting;
mod orders;
mod planted;
mod properties;
mod texts;
mod world;

pub(crate) use texts::Nobody;
