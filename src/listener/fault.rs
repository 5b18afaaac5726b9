//! What the validator refuses, each with the reason that the operator reads. The status is `refusal`'s.

/// Why a request was not canonical (security.md, "The request validator").
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum RequestFault {
    #[error("the request can be framed in more than one way")]
    AmbiguousFraming,
    #[error("the request head is not well-formed")]
    MalformedHead,
    #[error("the request head did not arrive in time")]
    SlowHead,
    #[error("the request has too many or too large headers")]
    HeadTooLarge,
    #[error("the request target is not an origin-form path of allowed bytes")]
    BadTarget,
    #[error("the method is not one that this gateway knows")]
    BadMethod,
    #[error("the Host (or :authority) is missing, doubled or malformed")]
    BadHost,
    #[error("the Host is not one that this gateway serves")]
    MisdirectedHost,
    #[error("protocol upgrades are not served here")]
    BadUpgrade,
    #[error("an expectation other than 100-continue")]
    BadExpectation,
    #[error("too many requests from this address")]
    TooManyFromAddress,
}
