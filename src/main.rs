//! The program: reads its command line and leaves the rest to the library.
fn main() {}
