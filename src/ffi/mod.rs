//! The C ABI: `include/igw_envoy.h` is generated from this room, conventions included.
//!
//! Nothing is decided here. Bytes become a [`crate::model::Document`] and, with what [`crate::daemon`]
//! reads and [`crate::index`] knows of a status, [`crate::verdict::Facts`]; [`crate::verdict::judge`] does
//! the work, and what it says is kept behind a handle until the caller frees it. [`boundary`] holds every line
//! that trusts a pointer.
#![expect(
    unsafe_code,
    reason = "the one room that meets C: pointers in, pointers out"
)]

mod boundary;
mod facts;
mod input;
mod report;
mod sidecar;
mod status;
mod tables;
mod translation;

pub use boundary::IgwText;
pub use facts::{IgwFacts, igw_facts_free, igw_facts_new};
pub use input::{read_document, read_facts};
pub use report::{
    IgwDiagnostic, IgwReport, IgwSeverity, igw_report_free, igw_report_get, igw_report_json,
    igw_report_len, igw_report_worst, igw_validate,
};
pub use sidecar::igw_sidecar_run;
pub use status::{IgwStatus, igw_status_text};
pub use tables::{IGW_ABI_VERSION, igw_abi_version, igw_explain, igw_keywords, igw_version};
pub use translation::{
    IgwTranslation, igw_translate, igw_translation_free, igw_translation_json,
    igw_translation_report,
};
