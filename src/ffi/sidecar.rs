//! The `xds` command, from the library.

use std::ffi::{CStr, OsString, c_char, c_int};
use std::os::unix::ffi::OsStringExt;

use super::boundary::guard_value;
use crate::cli;

/// Runs the `xds` command: what the binary does with the same words. Blocks until it ends. The one
/// function that starts threads, handles signals, reads the environment, and prints.
///
/// Parameters: `argc` and `argv` as of `main`, the program's name first.
/// Returns: the exit code for the process; 2 also for arguments that cannot be read, 70 for a bug.
/// Ownership: the words are copied. SIGPIPE is ignored from then on, as in every program of Rust: a
/// client that hangs up must not end the process.
///
/// # Safety
/// The pointers are as the conventions say: `argv` holds `argc` NUL-terminated texts.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn igw_sidecar_run(argc: c_int, argv: *const *const c_char) -> c_int {
    // SAFETY: a valid signal, and a disposition without a handler.
    unsafe { libc::signal(libc::SIGPIPE, libc::SIG_IGN) };
    guard_value(70, || {
        // SAFETY: as the caller promises.
        match unsafe { words(argc, argv) } {
            Some(words) => cli::main(words).into(),
            None => cli::USAGE.into(),
        }
    })
}

/// The words of a command line; `None` where one is missing.
///
/// # Safety
/// `argv` holds `argc` pointers to NUL-terminated texts, or NULL.
unsafe fn words(argc: c_int, argv: *const *const c_char) -> Option<Vec<OsString>> {
    let count = usize::try_from(argc).ok()?;
    if argv.is_null() {
        return (count == 0).then(Vec::new);
    }
    (0..count)
        .map(|index| {
            // SAFETY: `index` is below `argc`.
            let word = unsafe { *argv.add(index) };
            if word.is_null() {
                return None;
            }
            // SAFETY: not NULL, and NUL-terminated by the caller's promise.
            let word = unsafe { CStr::from_ptr(word) };
            Some(OsString::from_vec(word.to_bytes().to_vec()))
        })
        .collect()
}
