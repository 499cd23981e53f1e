//! The `xds` command.

fn main() {}
