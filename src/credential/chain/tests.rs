//! The links of the chain.
