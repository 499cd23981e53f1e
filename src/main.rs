//! The `xds` command. Everything it does is in the library, so that other programs can do it too.

use std::process::ExitCode;

/// Ten thousand services are a million small values, of which what is freed must go back to the system:
/// mimalloc 2 sees to that after 10 ms (3 after seconds, if then), and not in huge pages, which a few
/// values keep. Only here: in the library, it would be the allocator of whoever loads it.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    ExitCode::from(igw_envoy::cli::main(std::env::args_os()))
}
