// refused: private
// An operation cannot be named into being: only `Operation::parse` reads one.
use sluicegate::request::{Ask, Operation, Visit};

fn main() {
    let _operation = Operation(Ask::Visit(Visit::Home));
}
