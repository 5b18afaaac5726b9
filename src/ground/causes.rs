//! An error in words for an operator.

use std::error::Error;

/// The error with its causes, on one line.
pub fn told(error: &(dyn Error + 'static)) -> String {
    told_without(error, |_| false)
}

/// The same without those causes that are not to be told.
pub fn told_without(
    error: &(dyn Error + 'static),
    untold: fn(&(dyn Error + 'static)) -> bool,
) -> String {
    let (mut told, mut next) = (Vec::new(), Some(error));
    while let Some(cause) = next {
        if !untold(cause) {
            told.push(cause.to_string());
        }
        next = cause.source();
    }
    told.join(": ")
}
