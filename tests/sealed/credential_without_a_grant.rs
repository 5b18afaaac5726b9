// refused: E0308
// A credential is minted for a grant: an identity and an operation are not enough.
use sluicegate::credential::{Credential, Minter};
use sluicegate::identity::Identity;

async fn mint(minter: &Minter, identity: &Identity) -> Option<Credential> {
    minter.mint(identity).await.ok()
}

fn main() {
    let _ = mint;
}
