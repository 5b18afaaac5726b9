//! Handles: what was not sealed by this very key does not open; what was opens to exactly what was sealed, and not with
//! one character changed.
#![no_main]

use libfuzzer_sys::fuzz_target;
use sluicegate::catalog::{AccountId, ProjectId, StorageId};
use sluicegate::ground::seal::MasterKey;
use sluicegate::ground::secret::Secret;
use sluicegate::policy::Opened;
use sluicegate::request::{ObjectKey, SealedHandle};

fuzz_target!(|input: (&str, &str, usize)| {
    let (text, key, at) = input;
    let seal_key = MasterKey::new(Secret::new([9; 32])).derive(&[b"fuzz"]);
    let account = AccountId(7);
    if let Some(handle) = SealedHandle::new(text) {
        // Nobody guesses 128 bits: whatever opens was sealed here, and has one spelling.
        if let Some(opened) = Opened::open(&handle, account, &seal_key) {
            assert_eq!(opened.seal(account, &seal_key), Some(handle));
        }
    }
    let Ok(key) = ObjectKey::new(key) else { return };
    let object = Opened { project: ProjectId(1), storage: StorageId(2), key };
    let handle = object.seal(account, &seal_key).expect("every key fits");
    assert_eq!(Opened::open(&handle, account, &seal_key).as_ref(), Some(&object));
    assert_eq!(Opened::open(&handle, AccountId(8), &seal_key), None);
    let mut changed = handle.as_str().to_owned().into_bytes();
    let at = at % changed.len();
    changed[at] = if changed[at] == b'A' { b'B' } else { b'A' };
    let changed = String::from_utf8(changed).unwrap();
    let changed = SealedHandle::new(&changed).unwrap();
    assert_eq!(Opened::open(&changed, account, &seal_key), None);
});
