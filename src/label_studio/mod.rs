//! All that knows Label Studio: what its routes are, whose objects they name, how a person becomes its user, and how raw
//! URIs in its answers become handles. Speaks of people and projects by numbers and names; who may do what is `policy`'s.

mod deed;
mod reference;

pub use deed::{Deed, NoDeed, Reach};
pub use reference::{Direction, Kind, Reference, StorageType};
