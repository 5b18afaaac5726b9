//! What two proofs in one request, or a stale one, lead to.
