//! Validation: a service in, a report out.

use once_cell::race::OnceBox;

use super::boundary::{
    IgwText, borrow, bytes, guard, guard_value, hand_out, take_back, wants, write,
};
use super::{IgwFacts, IgwStatus, read_document, read_facts};
use crate::model::{Diagnostic, Report, Severity};
use crate::verdict::{self, Verdict};

/// How bad a diagnostic is. Larger is worse.
#[repr(i32)]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum IgwSeverity {
    /// There is nothing to say at all.
    None = 0,
    /// Something that cannot be judged yet, or was done on the user's behalf.
    Info = 10,
    /// The configuration is accepted; it may not do what was meant, or waits for something outside it.
    Warning = 20,
    /// `set` refuses it.
    Error = 30,
}

impl From<Severity> for IgwSeverity {
    fn from(severity: Severity) -> Self {
        match severity {
            Severity::Info => Self::Info,
            Severity::Warning => Self::Warning,
            Severity::Error => Self::Error,
        }
    }
}

/// One finding. Its texts belong to the report.
#[repr(C)]
#[derive(Debug, Clone, Copy)]
pub struct IgwDiagnostic {
    /// How bad it is.
    pub severity: IgwSeverity,
    /// A stable identifier, for `igw_explain`.
    pub code: IgwText,
    /// The section at fault, such as `expose#0`; data is NULL for the service as a whole.
    pub section: IgwText,
    /// The keyword at fault; data is NULL for the section as a whole.
    pub keyword: IgwText,
    /// What is wrong, on one line.
    pub message: IgwText,
    /// What to write instead, on one line; may be empty.
    pub hint: IgwText,
    /// In a conflict, the expose that was there first; data is NULL otherwise.
    pub incumbent: IgwText,
}

/// The findings on one service, worst first; opaque.
pub struct IgwReport {
    report: Report,
    /// The diagnostics' incumbents as text, in the same order.
    incumbents: Vec<Option<String>>,
    /// Without a lock, which a fork could leave locked for ever.
    json: OnceBox<String>,
}

impl IgwReport {
    pub(super) fn new(report: Report) -> Self {
        let incumbent = |d: &Diagnostic| d.incumbent.as_ref().map(ToString::to_string);
        Self {
            incumbents: report.diagnostics.iter().map(incumbent).collect(),
            report,
            json: OnceBox::new(),
        }
    }

    fn json(&self) -> &str {
        self.json
            .get_or_init(|| Box::new(serde_json::to_string(&self.report).unwrap_or_default()))
    }

    fn diagnostic(&self, index: usize) -> Option<IgwDiagnostic> {
        let found = self.report.diagnostics.get(index)?;
        let incumbent = self.incumbents.get(index)?;
        Some(IgwDiagnostic {
            severity: found.severity.into(),
            code: IgwText::of(found.code),
            section: IgwText::of_option(found.section.as_deref()),
            keyword: IgwText::of_option(found.keyword.as_deref()),
            message: IgwText::of(&found.message),
            hint: IgwText::of(&found.hint),
            incumbent: IgwText::of_option(incumbent.as_deref()),
        })
    }
}

/// The verdict on the caller's service.
///
/// # Safety
/// `service` points to `len` readable bytes, or is NULL; `facts` is a live handle, or NULL.
pub(super) unsafe fn judge(
    service: *const u8,
    len: usize,
    facts: *const IgwFacts,
) -> Result<Verdict, IgwStatus> {
    // SAFETY: as the caller promises.
    let document = read_document(unsafe { bytes(service, len) }?)?;
    if facts.is_null() {
        return Ok(verdict::judge(&document, &read_facts(b"", 0)?));
    }
    // SAFETY: as the caller promises.
    Ok(verdict::judge(&document, &unsafe { borrow(facts) }?.0))
}

/// Judges a service's whole configuration.
///
/// Parameters: `service` and its length, JSON:
/// `{"path": "test/svc/web", "sections": {"expose#0": {"type": "envoy", "port": "80"}}}`, each
/// keyword as the text of the configuration or evaluated; `facts`, or NULL for none; `out`, where to
/// write the report. What looks like a reference, such as `{nodename}`, is left unjudged, unless a
/// third member says that the keyword was evaluated: `"evaluated": {"expose#0": ["sni"]}`. A keyword is
/// named there as it is in `sections`, with its scope where it has one: `"sni@node1"`.
/// Returns: OK, also for a configuration full of errors; NOT_UTF8, NOT_JSON or NOT_A_SERVICE.
/// Ownership: the report is the caller's, until `igw_report_free`.
///
/// # Safety
/// The pointers are as the conventions say.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn igw_validate(
    service: *const u8,
    service_len: usize,
    facts: *const IgwFacts,
    out: *mut *mut IgwReport,
) -> IgwStatus {
    guard(|| {
        wants(out)?;
        // SAFETY: as the caller promises.
        let verdict = unsafe { judge(service, service_len, facts) }?;
        // SAFETY: as the caller promises.
        unsafe { hand_out(out, IgwReport::new(verdict.report)) }
    })
}

/// How many diagnostics a report has.
///
/// Parameters: `report`, or NULL.
/// Returns: the number; 0 for NULL.
/// Ownership: none.
///
/// # Safety
/// The pointers are as the conventions say.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn igw_report_len(report: *const IgwReport) -> usize {
    guard_value(0, || {
        // SAFETY: as the caller promises.
        unsafe { borrow(report) }.map_or(0, |report| report.report.diagnostics.len())
    })
}

/// The worst severity in a report.
///
/// Parameters: `report`, or NULL.
/// Returns: the severity; NONE for a report without diagnostics, and for NULL.
/// Ownership: none.
///
/// # Safety
/// The pointers are as the conventions say.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn igw_report_worst(report: *const IgwReport) -> IgwSeverity {
    guard_value(IgwSeverity::None, || {
        // SAFETY: as the caller promises.
        let report = unsafe { borrow(report) };
        report
            .ok()
            .and_then(|report| report.report.worst())
            .map_or(IgwSeverity::None, Into::into)
    })
}

/// One diagnostic.
///
/// Parameters: `report`; `index`, below `igw_report_len`; `out`, where to write the record.
/// Returns: OK, or OUT_OF_RANGE.
/// Ownership: the record is the caller's; its texts belong to the report.
///
/// # Safety
/// The pointers are as the conventions say.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn igw_report_get(
    report: *const IgwReport,
    index: usize,
    out: *mut IgwDiagnostic,
) -> IgwStatus {
    guard(|| {
        // SAFETY: as the caller promises.
        let report = unsafe { borrow(report) }?;
        let diagnostic = report.diagnostic(index).ok_or(IgwStatus::OutOfRange)?;
        // SAFETY: as the caller promises.
        unsafe { write(out, diagnostic) }
    })
}

/// The whole report as JSON: `{"service": …, "diagnostics": […]}`.
///
/// Parameters: `report`; `out`, where to write the text.
/// Returns: OK.
/// Ownership: the text belongs to the report.
///
/// # Safety
/// The pointers are as the conventions say.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn igw_report_json(report: *const IgwReport, out: *mut IgwText) -> IgwStatus {
    guard(|| {
        // SAFETY: as the caller promises.
        let report = unsafe { borrow(report) }?;
        // SAFETY: as the caller promises.
        unsafe { write(out, IgwText::of(report.json())) }
    })
}

/// Frees a report from `igw_validate`. The report of a translation belongs to the translation.
///
/// Parameters: `report`, or NULL.
/// Returns: nothing.
/// Ownership: ends the caller's, and the life of every text taken from the report.
///
/// # Safety
/// The pointers are as the conventions say.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn igw_report_free(report: *mut IgwReport) {
    // SAFETY: as the caller promises.
    unsafe { take_back(report) }
}
