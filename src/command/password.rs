//! Where a password comes from: the terminal, asked twice and not shown, or one line of standard input. Never an
//! argument: the whole machine can read those.

use std::io::{self, IsTerminal as _};

use clap::Args;
use zeroize::Zeroizing;

use super::Failure;
use crate::ground::secret::Secret;

/// How the password is given.
#[derive(Debug, Args)]
pub(super) struct PasswordSource {
    /// Read the password from one line of standard input instead of asking for it
    #[arg(long = "password-stdin")]
    from_stdin: bool,
}

impl PasswordSource {
    /// Reads the password that is to be set.
    pub(super) fn read(&self) -> Result<Secret<String>, Failure> {
        if self.from_stdin {
            return first_line(io::stdin().lock());
        }
        if !io::stdin().is_terminal() {
            return Err(Failure::usage("there is no terminal to ask for the password on")
                .next("give it on standard input with --password-stdin"));
        }
        let first = ask("Password (8 to 128 characters): ")?;
        if first == ask("The same again: ")? {
            Ok(first)
        } else {
            Err(Failure::new("the two passwords differ").next("try again"))
        }
    }
}

fn ask(prompt: &str) -> Result<Secret<String>, Failure> {
    rpassword::prompt_password(prompt)
        .map(Secret::new)
        .map_err(|error| Failure::because("cannot ask for the password", &error))
}

fn first_line(mut input: impl io::BufRead) -> Result<Secret<String>, Failure> {
    let mut line = Zeroizing::new(String::new());
    input
        .read_line(&mut line)
        .map_err(|error| Failure::because("cannot read the password", &error))?;
    let password = line.strip_suffix('\n').unwrap_or(&line);
    let password = password.strip_suffix('\r').unwrap_or(password);
    if password.is_empty() {
        return Err(Failure::usage("standard input holds no password"));
    }
    Ok(Secret::new(password.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::first_line;

    #[test]
    fn the_password_is_the_first_line_without_its_end() {
        for (input, expected) in [
            ("correct horse\n", Some("correct horse")),
            ("correct horse\r\nmore\n", Some("correct horse")),
            (" spaces stay \n", Some(" spaces stay ")),
            ("no newline", Some("no newline")),
            ("\n", None),
            ("", None),
        ] {
            let read = first_line(input.as_bytes()).ok();
            assert_eq!(read.as_ref().map(|secret| secret.expose().as_str()), expected, "{input:?}");
        }
    }
}
