//! Identity against a real SQLite file, with a clock that the test moves.

mod proofs;
mod revocation;
mod sessions;
mod signing_in;
mod world;
