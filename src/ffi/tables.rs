//! What the library knows by heart: its version, the keywords, the diagnostics' long texts.

use std::ffi::c_char;

use once_cell::race::OnceBox;

use super::boundary::{IgwText, bytes, guard, write};
use super::{IgwStatus, input};
use crate::validate::codes;

/// The number of this ABI, which is the digit of the SONAME. It changes when a program that was
/// compiled against an older header would break.
pub const IGW_ABI_VERSION: u32 = 1;

/// The number of the ABI that the library speaks: compare it with IGW_ABI_VERSION.
///
/// Parameters: none.
/// Returns: the number.
/// Ownership: none.
#[unsafe(no_mangle)]
pub extern "C" fn igw_abi_version() -> u32 {
    IGW_ABI_VERSION
}

/// The library's version, such as `0.1.0`.
///
/// Parameters: none.
/// Returns: a NUL-terminated text.
/// Ownership: the text is static.
#[unsafe(no_mangle)]
pub extern "C" fn igw_version() -> *const c_char {
    concat!(env!("CARGO_PKG_VERSION"), "\0").as_ptr().cast()
}

/// Every keyword of every section, as JSON: an array of objects with section, driver, name, kind,
/// required, default, candidates, help and more.
///
/// Parameters: `out`, where to write the text.
/// Returns: OK.
/// Ownership: the text is static.
///
/// # Safety
/// The pointers are as the conventions say.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn igw_keywords(out: *mut IgwText) -> IgwStatus {
    // Without a lock, which a fork could leave locked for ever.
    static JSON: OnceBox<String> = OnceBox::new();
    guard(|| {
        let json = JSON.get_or_init(|| Box::new(input::keywords_json()));
        // SAFETY: as the caller promises.
        unsafe { write(out, IgwText::of(json)) }
    })
}

/// The long text of a diagnostic's code: what it means, why it matters, what to do.
///
/// Parameters: `code` and its length; `out`, where to write the text.
/// Returns: OK, or UNKNOWN_CODE.
/// Ownership: the text is static.
///
/// # Safety
/// The pointers are as the conventions say.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn igw_explain(
    code: *const u8,
    code_len: usize,
    out: *mut IgwText,
) -> IgwStatus {
    guard(|| {
        // SAFETY: as the caller promises.
        let code = unsafe { bytes(code, code_len) }?;
        let code = str::from_utf8(code).map_err(|_| IgwStatus::NotUtf8)?;
        let entry = codes::explain(code).ok_or(IgwStatus::UnknownCode)?;
        // SAFETY: as the caller promises.
        unsafe { write(out, IgwText::of(entry.explanation)) }
    })
}
