//! The program: reads its command line and leaves the rest to the library.

use std::process::ExitCode;

/// For many small objects on many threads. `benches/` measures the program with it, not against the system's.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    sluicegate::command::run(std::env::args_os())
}
