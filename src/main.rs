//! The program: reads its command line and leaves the rest to the library.

use std::process::ExitCode;

/// Small objects and many threads: measured against the system's allocator in `benches/`.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    sluicegate::command::run(std::env::args_os())
}
