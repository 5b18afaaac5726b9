//! Identity against a real SQLite file, with a clock that the test moves.

mod isolation_of_proofs;
mod signing_in;
mod world;
