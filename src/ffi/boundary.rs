//! Where pointers are believed: every unsafe dereference of the ABI, and the wall against panics.

use std::ffi::c_char;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::ptr;
use std::slice;

use super::IgwStatus;

/// A view of UTF-8 text, without a NUL at its end. It belongs to the value it was taken from and
/// lives until that is freed.
#[repr(C)]
#[derive(Debug, Clone, Copy)]
pub struct IgwText {
    /// The first byte; NULL where there is no text at all.
    pub data: *const c_char,
    /// How many bytes.
    pub len: usize,
}

impl IgwText {
    pub(super) fn of(text: &str) -> Self {
        Self {
            data: text.as_ptr().cast(),
            len: text.len(),
        }
    }

    pub(super) fn of_option(text: Option<&str>) -> Self {
        const NONE: IgwText = IgwText {
            data: ptr::null(),
            len: 0,
        };
        text.map_or(NONE, Self::of)
    }
}

/// Runs a call's body: its error becomes the status, and so does a panic, which must never unwind
/// into C.
pub(super) fn guard(body: impl FnOnce() -> Result<(), IgwStatus>) -> IgwStatus {
    match catch_unwind(AssertUnwindSafe(body)) {
        Ok(Ok(())) => IgwStatus::Ok,
        Ok(Err(status)) => status,
        Err(_) => IgwStatus::Panic,
    }
}

/// The same for a call that returns a value of its own: `otherwise` stands for a panic.
pub(super) fn guard_value<T>(otherwise: T, body: impl FnOnce() -> T) -> T {
    catch_unwind(AssertUnwindSafe(body)).unwrap_or(otherwise)
}

/// The caller's bytes. No bytes may be NULL.
///
/// # Safety
/// `data` points to `len` readable bytes that nobody writes during `'a`, or is NULL.
pub(super) unsafe fn bytes<'a>(data: *const u8, len: usize) -> Result<&'a [u8], IgwStatus> {
    if len == 0 {
        return Ok(&[]);
    }
    if data.is_null() {
        return Err(IgwStatus::NullPointer);
    }
    if isize::try_from(len).is_err() {
        return Err(IgwStatus::ImpossibleLength);
    }
    // SAFETY: not NULL, of a possible length, and the caller answers for the rest.
    Ok(unsafe { slice::from_raw_parts(data, len) })
}

/// What a handle stands for.
///
/// # Safety
/// `handle` came from [`hand_out`] and is not freed during `'a`, or is NULL.
pub(super) unsafe fn borrow<'a, T>(handle: *const T) -> Result<&'a T, IgwStatus> {
    // SAFETY: the caller's promise; NULL is checked by `as_ref`.
    unsafe { handle.as_ref() }.ok_or(IgwStatus::NullPointer)
}

/// Writes an output.
///
/// # Safety
/// `out` points to writable memory of the type's size and alignment, or is NULL.
pub(super) unsafe fn write<T>(out: *mut T, value: T) -> Result<(), IgwStatus> {
    if out.is_null() {
        return Err(IgwStatus::NullPointer);
    }
    // SAFETY: not NULL, and the caller answers for the rest. What was there is not dropped: it may
    // be uninitialised.
    unsafe { out.write(value) };
    Ok(())
}

/// Checks an output before the work is done for it.
pub(super) fn wants<T>(out: *mut T) -> Result<(), IgwStatus> {
    if out.is_null() {
        return Err(IgwStatus::NullPointer);
    }
    Ok(())
}

/// Gives a value to the caller, until [`take_back`].
///
/// # Safety
/// As for [`write`].
pub(super) unsafe fn hand_out<T>(out: *mut *mut T, value: T) -> Result<(), IgwStatus> {
    wants(out)?;
    // SAFETY: the caller's promise, passed on.
    unsafe { write(out, Box::into_raw(Box::new(value))) }
}

/// Frees a value given by [`hand_out`]; NULL is nothing to free.
///
/// # Safety
/// `handle` came from [`hand_out`], nobody else uses it, and it is not used again; or it is NULL.
pub(super) unsafe fn take_back<T>(handle: *mut T) {
    guard_value((), || {
        if !handle.is_null() {
            // SAFETY: the caller's promise.
            drop(unsafe { Box::from_raw(handle) });
        }
    });
}
