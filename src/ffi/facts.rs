//! What a verdict depends on beside the service itself, read once and used for many.

use super::boundary::{bytes, guard, hand_out, take_back, wants};
use super::{IgwStatus, read_facts};
use crate::verdict::Facts;

/// Facts that were read; opaque.
pub struct IgwFacts(pub(super) Facts);

/// Reads the facts that services are judged by: what the other services of the cluster expose, and
/// the time by which certificates are expired.
///
/// Parameters: `status` and its length, the daemon's reply to `daemon_status`, or nothing: no conflict
/// with another service is seen then; `now`, in seconds since 1970, or 0 for the system's time; `out`,
/// where to write the handle.
/// Returns: OK, or NOT_A_STATUS.
/// Ownership: the caller's, until `igw_facts_free`.
///
/// # Safety
/// The pointers are as the conventions say.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn igw_facts_new(
    status: *const u8,
    status_len: usize,
    now: u64,
    out: *mut *mut IgwFacts,
) -> IgwStatus {
    guard(|| {
        wants(out)?;
        // SAFETY: as the caller promises.
        let facts = read_facts(unsafe { bytes(status, status_len) }?, now)?;
        // SAFETY: as the caller promises.
        unsafe { hand_out(out, IgwFacts(facts)) }
    })
}

/// Frees facts.
///
/// Parameters: `facts`, or NULL.
/// Returns: nothing.
/// Ownership: ends the caller's.
///
/// # Safety
/// The pointers are as the conventions say.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn igw_facts_free(facts: *mut IgwFacts) {
    // SAFETY: as the caller promises.
    unsafe { take_back(facts) }
}
