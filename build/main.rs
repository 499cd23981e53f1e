//! Makes of Envoy's descriptors what the crate holds of them: the descriptors themselves, cut down, and
//! tables that are read in place.
//!
//! Nothing of Envoy's protos is kept in this repository, and protoc is not needed.
#![expect(clippy::print_stdout, reason = "how a build script talks to cargo")]

mod descriptors;
mod extensions;
mod rules;
mod schema;

use std::error::Error;
use std::path::PathBuf;
use std::{env, fs};

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo::rerun-if-changed=build");
    println!("cargo::rerun-if-changed=Cargo.lock");
    println!("cargo::rerun-if-changed=src/envoy/extensions.txt");
    // The digit is IGW_ABI_VERSION: programs linked against another ABI must not find this library.
    println!("cargo::rustc-cdylib-link-arg=-Wl,-soname,libigw_envoy.so.1");
    let out = PathBuf::from(env::var("OUT_DIR")?);
    let descriptors = descriptors::cut()?;
    fs::write(out.join("envoy.bin"), &descriptors.roots)?;
    fs::write(out.join("extensions.bin"), &descriptors.extensions)?;
    fs::write(out.join("schema.rs"), schema::tables(&descriptors)?)?;
    Ok(())
}
