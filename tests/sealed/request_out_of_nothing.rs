// refused: cannot construct `sluicegate::listener::Incoming` with struct literal syntax due to private fields
// The canonical request comes from the validator: its fields cannot be filled in elsewhere.
fn main() {
    let _incoming = sluicegate::listener::Incoming {};
}
