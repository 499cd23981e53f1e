//! Why a command cannot do what it was asked, and what that is as an exit code.

use std::io;

use super::{FAILED, OK, UNREACHABLE, USAGE};

/// Why a command ends without its result. Told to the user as it is, so it says what to do.
#[derive(Debug, thiserror::Error)]
pub(super) enum Failure {
    /// What was asked for cannot be done.
    #[error("{0}")]
    Failed(String),
    /// What was asked for is not understood: a command line, or a file that it names.
    #[error("{0}")]
    Usage(String),
    /// The sidecar or the OpenSVC daemon does not answer.
    #[error("{0}")]
    Unreachable(String),
    /// The result cannot be written.
    #[error("cannot write the result: {0}")]
    Output(#[from] io::Error),
}

impl Failure {
    /// The exit code.
    pub(super) fn code(&self) -> u8 {
        match self {
            Self::Failed(_) => FAILED,
            Self::Usage(_) => USAGE,
            Self::Unreachable(_) => UNREACHABLE,
            // Whoever read the output has seen enough.
            Self::Output(error) if error.kind() == io::ErrorKind::BrokenPipe => OK,
            Self::Output(_) => FAILED,
        }
    }
}
