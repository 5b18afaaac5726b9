// refused: E0308
// Nothing is sent without a credential.
use sluicegate::backend::{Reply, Store};
use sluicegate::policy::Grant;

async fn send(store: &Store, grant: &Grant) -> Option<Reply> {
    store.send(grant, (), None).await.ok()
}

fn main() {
    let _ = send;
}
