//! Follows a chunked body without changing it, to know where the next request begins (RFC 9112, 7.1). What two
//! parsers could read differently is an error; extensions are let through up to a size.

use super::head::is_token;

/// Where in the body the next byte stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    Size {
        digits: u8,
    },
    Extension {
        length: u16,
    },
    SizeEnd,
    Data,
    DataCr,
    DataLf,
    /// In the trailer section; whether nothing of this line was seen yet.
    Trailer {
        empty: bool,
    },
    TrailerLf {
        empty: bool,
    },
    End,
}

/// See the head of this file.
#[derive(Debug)]
pub(super) struct Chunks {
    place: Place,
    /// Of the present chunk.
    left: u64,
    /// What extensions and trailers may still take in all.
    spare: u16,
}

/// The body cannot be followed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the chunked body is malformed")]
pub(super) struct BadChunk;

impl Default for Chunks {
    fn default() -> Self {
        Self { place: Place::Size { digits: 0 }, left: 0, spare: 8192 }
    }
}

impl Chunks {
    pub(super) const fn at_end(&self) -> bool {
        matches!(self.place, Place::End)
    }

    /// Takes bytes; returns how many of them belong to this body.
    pub(super) fn follow(&mut self, bytes: &[u8]) -> Result<usize, BadChunk> {
        let mut rest = bytes;
        while !self.at_end()
            && let Some((byte, after)) = rest.split_first()
        {
            if self.place == Place::Data {
                let available = u64::try_from(rest.len()).unwrap_or(u64::MAX);
                let step = self.left.min(available);
                self.left -= step;
                rest = usize::try_from(step)
                    .ok()
                    .and_then(|step| rest.get(step..))
                    .unwrap_or_default();
                if self.left == 0 {
                    self.place = Place::DataCr;
                }
            } else {
                self.step(*byte)?;
                rest = after;
            }
        }
        Ok(bytes.len() - rest.len())
    }

    fn step(&mut self, byte: u8) -> Result<(), BadChunk> {
        self.place = match (self.place, byte) {
            // 15 digits hold more than any body and overflow nothing
            (Place::Size { digits: digits @ 0..15 }, digit) if digit.is_ascii_hexdigit() => {
                let value = char::from(digit).to_digit(16).map_or(0, u64::from);
                self.left = self.left << 4 | value;
                Place::Size { digits: digits + 1 }
            }
            (Place::Size { digits: 1.. } | Place::Extension { .. }, b'\r') => Place::SizeEnd,
            (Place::Size { digits: 1.. }, b';') => Place::Extension { length: 0 },
            (Place::Extension { length: length @ 0..256 }, b'\t' | 0x20..=0x7e) => {
                self.spend()?;
                Place::Extension { length: length + 1 }
            }
            (Place::SizeEnd, b'\n') if self.left == 0 => Place::Trailer { empty: true },
            (Place::SizeEnd, b'\n') => Place::Data,
            (Place::DataCr, b'\r') => Place::DataLf,
            (Place::DataLf, b'\n') => Place::Size { digits: 0 },
            (Place::Trailer { empty }, b'\r') => Place::TrailerLf { empty },
            (Place::Trailer { empty: true }, first) if !is_token(first) => return Err(BadChunk),
            (Place::Trailer { .. }, b'\t' | 0x20..=0x7e | 0x80..=0xff) => {
                self.spend()?;
                Place::Trailer { empty: false }
            }
            (Place::TrailerLf { empty: true }, b'\n') => Place::End,
            (Place::TrailerLf { empty: false }, b'\n') => Place::Trailer { empty: true },
            _ => return Err(BadChunk),
        };
        Ok(())
    }

    fn spend(&mut self) -> Result<(), BadChunk> {
        self.spare = self.spare.checked_sub(1).ok_or(BadChunk)?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Follows `body` in pieces of `step` bytes; how much of it is the body, if it ends.
    fn followed(body: &[u8], step: usize) -> Result<Option<usize>, BadChunk> {
        let mut chunks = Chunks::default();
        let mut length = 0;
        for piece in body.chunks(step) {
            length += chunks.follow(piece)?;
            if chunks.at_end() {
                return Ok(Some(length));
            }
        }
        Ok(None)
    }

    #[test]
    fn well_formed_bodies_end_where_they_end() {
        let cases: [&[u8]; 6] = [
            b"0\r\n\r\n",
            b"5\r\nhello\r\n0\r\n\r\n",
            b"A;x=y\r\n0123456789\r\n00\r\n\r\n",
            b"a\r\n\r\n\r\n\r\n\r\n\r\n\r\n0\r\n\r\n",
            b"1\r\nx\r\n0\r\nTrailer: a\r\nB: c\r\n\r\n",
            b"000000000000001\r\nx\r\n0;ext=\"q\"\r\n\r\n",
        ];
        for body in cases {
            for step in [1, 2, 3, 7, 100] {
                let next = [body, b"GET / HTTP/1.1\r\n"].concat();
                let shown = body.escape_ascii();
                assert_eq!(followed(&next, step), Ok(Some(body.len())), "{shown} by {step}");
            }
        }
    }

    #[test]
    fn what_could_be_read_in_two_ways_is_malformed() {
        let long_extension = format!("1;{}\r\nx\r\n", "e".repeat(257));
        let many_trailers = format!("0\r\n{}\r\n", "A: b\r\n".repeat(3000));
        let cases: [&[u8]; 22] = [
            b"\r\n",
            b";\r\n",
            b" 1\r\n",
            b"1 \r\n",
            b"+1\r\n",
            b"-1\r\n",
            b"0x1\r\n",
            b"g\r\n",
            b"1\n",
            b"1\rx",
            b"1\r\nxy",
            b"1\r\nx\n",
            b"1\r\nx\r\r",
            b"1;\0\r\n",
            b"1;a\nb\r\n",
            b"0000000000000001\r\n",
            b"ffffffffffffffff1\r\n",
            b"0\r\n A: b\r\n",
            b"0\r\nA: b\n\r\n",
            b"0\r\n\rx",
            long_extension.as_bytes(),
            many_trailers.as_bytes(),
        ];
        for body in cases {
            for step in [1, 1000] {
                assert_eq!(
                    followed(body, step),
                    Err(BadChunk),
                    "{} by {step}",
                    body.escape_ascii()
                );
            }
        }
    }
}
