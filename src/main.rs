//! The `xds` command. Everything it does is in the library, so that other programs can do it too.

use std::process::ExitCode;

fn main() -> ExitCode {
    ExitCode::from(igw_envoy::cli::main(std::env::args_os()))
}
