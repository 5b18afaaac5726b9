//! What AWS calls a person: the name of his sessions there, made from his e-mail address, so that CloudTrail and the audit
//! (which holds it beside the address) can be joined.

use crate::ground::digest::{hex, sha256};

/// `RoleSessionName` and `SourceIdentity`: 2 to 64 of `[\w+=,.@-]`
/// (<https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRole.html>).
const MOST: usize = 64;

/// The address itself where AWS takes it; else what of it AWS takes, and so much of its SHA-256 that it stays his alone.
pub(super) fn session_name(email: &str) -> String {
    let mut name: String =
        email.chars().map(|letter| if is_taken(letter) { letter } else { '-' }).collect();
    if name == email && (2..=MOST).contains(&name.len()) {
        return name;
    }
    let digest = hex(&sha256(email.as_bytes()));
    let digest: String = digest.chars().take(8).collect();
    // All of it is ASCII by now.
    name.truncate(MOST - 1 - digest.len());
    format!("{name}-{digest}")
}

/// Whether AWS takes this as a session's name.
pub(super) fn is_session_name(name: &str) -> bool {
    (2..=MOST).contains(&name.len()) && name.chars().all(is_taken)
}

const fn is_taken(letter: char) -> bool {
    letter.is_ascii_alphanumeric() || matches!(letter, '_' | '+' | '=' | ',' | '.' | '@' | '-')
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn an_address_is_its_own_name_where_it_can_be() {
        for (email, name) in [
            ("ann@example.com", "ann@example.com"),
            ("a.b+c=d,e_f-g@x.org", "a.b+c=d,e_f-g@x.org"),
            ("o'neil@example.com", "o-neil@example.com-2a8d5bd8"),
            ("ann/b@example.com", "ann-b@example.com-d053d70d"),
            ("jürgen@example.com", "j-rgen@example.com-3d2a5310"),
        ] {
            assert_eq!(session_name(email), name);
        }
        let long = format!("{}@example.com", "a".repeat(53));
        let cut = session_name(&long);
        assert_eq!(cut.len(), 64);
        assert_eq!(session_name(&long.replacen("aa", "ab", 1)).len(), 64);
        assert_ne!(session_name(&long.replace("example", "exbmple")), cut);
    }

    #[test]
    fn what_is_replaced_does_not_make_one_of_two() {
        let names = ["o'neil@x.org", "o`neil@x.org", "o-neil@x.org", "o~neil@x.org"];
        let made: std::collections::BTreeSet<_> = names.into_iter().map(session_name).collect();
        assert_eq!(made.len(), 4, "{made:?}");
    }

    proptest! {
        #[test]
        fn aws_takes_every_name(email in "\\PC{0,300}") {
            let name = session_name(&email);
            prop_assert!(is_session_name(&name), "{}", name);
        }
    }
}
