//! What a call says about itself, as opposed to the configuration that it was given.

use std::ffi::{CStr, c_char};

/// What became of a call. Numbers are never reused; the gaps leave room for kin.
#[repr(i32)]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum IgwStatus {
    /// The call did its work. A wrong configuration is a report with errors, not another status.
    Ok = 0,
    /// A pointer that must not be NULL is NULL.
    NullPointer = 10,
    /// An index is not below the length.
    OutOfRange = 11,
    /// A length is more than memory can hold.
    ImpossibleLength = 12,
    /// A text is not UTF-8.
    NotUtf8 = 20,
    /// A text is not JSON, or an object in it has a name twice.
    NotJson = 21,
    /// The JSON is not a service: `path`, of at most 1024 bytes, `sections`, an object of objects, and
    /// maybe `evaluated`, an object of lists.
    NotAService = 22,
    /// The JSON is not the daemon's status.
    NotAStatus = 23,
    /// No diagnostic has that code.
    UnknownCode = 30,
    /// A bug of the library; its state is still sound. Please report it.
    Panic = 100,
}

impl IgwStatus {
    const ALL: [(Self, &CStr); 10] = [
        (Self::Ok, c"done"),
        (
            Self::NullPointer,
            c"a pointer that must not be NULL is NULL",
        ),
        (Self::OutOfRange, c"the index is not below the length"),
        (
            Self::ImpossibleLength,
            c"the length is more than memory can hold",
        ),
        (Self::NotUtf8, c"the text is not UTF-8"),
        (Self::NotJson, c"the text is not JSON, holds NaN or half a character, or has a name twice"),
        (
            Self::NotAService,
            c"want {\"path\": \"web\" or \"test/svc/web\", \"sections\": {section: {keyword: value}}}",
        ),
        (Self::NotAStatus, c"the text is not the daemon's status"),
        (Self::UnknownCode, c"no diagnostic has that code"),
        (Self::Panic, c"a bug in igw-envoy: please report it"),
    ];
}

/// The text of a status.
///
/// Parameters: `status`, any number.
/// Returns: a NUL-terminated text, also for a number that is not a status.
/// Ownership: the text is static.
#[unsafe(no_mangle)]
pub extern "C" fn igw_status_text(status: i32) -> *const c_char {
    IgwStatus::ALL
        .iter()
        .find(|(known, _)| *known as i32 == status)
        .map_or(c"not a status of igw-envoy", |(_, text)| text)
        .as_ptr()
}
