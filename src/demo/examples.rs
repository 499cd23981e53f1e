//! The example configurations that the demo serves.

use std::path::{Path, PathBuf};

use super::Failure;

/// A configuration file: its text and where it came from.
pub(super) struct Example {
    pub(super) text: String,
    pub(super) from: String,
}

/// Reads `<service>.conf` from the folder named, from `examples` here, or from the copies built in.
pub(super) fn read(folder: Option<&Path>, service: &str) -> Result<Example, Failure> {
    let file = folder
        .map_or_else(|| PathBuf::from("examples"), Path::to_owned)
        .join(format!("{service}.conf"));
    match std::fs::read_to_string(&file) {
        Ok(text) => Ok(Example {
            text,
            from: file.display().to_string(),
        }),
        Err(_) if folder.is_none() => Ok(Example {
            text: match service {
                "svcweb" => include_str!("../../examples/svcweb.conf"),
                _ => include_str!("../../examples/svcshop.conf"),
            }
            .to_owned(),
            from: "built in".to_owned(),
        }),
        Err(error) => Err(format!("cannot read {}: {error}", file.display()).into()),
    }
}
