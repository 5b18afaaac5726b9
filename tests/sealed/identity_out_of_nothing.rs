// refused: private
// An identity cannot be claimed: only `Schemes::identify` makes one.
fn main() {
    let _identity = sluicegate::identity::Identity(None);
}
