// refused: cannot construct `Grant` with struct literal syntax due to private fields
// A grant cannot be written down: only `Policy::decide` gives one.
use sluicegate::identity::Identity;
use sluicegate::policy::{Basis, Destination, Grant};
use sluicegate::request::Operation;

fn forge(identity: Identity, operation: Operation, basis: std::sync::Arc<Basis>) -> Grant {
    Grant { identity, operation, destination: Destination::Ours, basis }
}

fn main() {
    let _ = forge;
}
