//! What every part stands on: time, randomness, secrets, sealing, the control plane's door, the generation.
//! Imports nothing of ours.

pub mod causes;
pub mod clock;
pub mod control;
pub mod digest;
pub mod form;
pub mod generation;

pub mod random;
pub mod seal;
pub mod secret;
pub mod subscriber;
