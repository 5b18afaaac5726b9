//! The way out against a storage on loopback that answers well, badly, or not at all.

mod conditions;
mod faults;
mod ranges;
mod reads;
mod upstream;
mod writes;
