//! The minter against an STS at a socket.

use crate::catalog::{Addressing, Place, Prefix, ProjectId, S3Place, Storage, StorageId};

/// A storage of a project, in a bucket below a prefix.
pub(super) fn storage(
    project: i64,
    id: i64,
    credential: &str,
    (bucket, prefix): (&str, &str),
) -> Storage {
    Storage {
        id: StorageId(id),
        project: ProjectId(project),
        name: format!("storage-{id}").parse().unwrap(),
        revision: 1,
        place: Place::S3(S3Place {
            bucket: bucket.to_owned(),
            prefix: Prefix::new(prefix),
            region: "eu-central-1".to_owned(),
            endpoint: None,
            addressing: Addressing::Virtual,
        }),
        credential: credential.parse().unwrap(),
    }
}
