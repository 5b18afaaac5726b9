// refused: cannot construct `Reply` with struct literal syntax due to private fields
// A reply cannot be written down: only `Store::send` and the desk give one, for a grant.
fn main() {
    let _reply = sluicegate::backend::Reply {};
}
