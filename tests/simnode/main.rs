//! The simulated node says what a real one said: the same commands, held against recordings.

#![allow(clippy::unwrap_used)]

mod doings;
mod recorded;
mod sayings;
mod stand;
