//! Translation: a service in, Envoy's resources out.

use std::ptr;

use serde_json::{Map, Value};

use super::boundary::{IgwText, borrow, guard, guard_value, hand_out, take_back, wants, write};
use super::report::judge;
use super::{IgwFacts, IgwReport, IgwStatus};
use crate::envoy::ResourceType;
use crate::envoy::json::{self, Sensitive};
use crate::verdict::Verdict;

/// What Envoy gets for one service, and the report on it; opaque.
pub struct IgwTranslation {
    json: String,
    report: IgwReport,
}

/// The resources by type, each printed as protobuf's JSON.
fn resources_json(verdict: &Verdict) -> String {
    let mut by_type: Map<String, Value> = ResourceType::ALL
        .iter()
        .map(|kind| (key(*kind).into(), Value::Array(Vec::new())))
        .collect();
    for resource in verdict.resources() {
        let printed = json::print(resource.kind.type_url(), &resource.body, Sensitive::Hidden);
        if let (Some(Value::Array(list)), Some(printed)) =
            (by_type.get_mut(key(resource.kind)), printed)
        {
            list.push(printed);
        }
    }
    Value::Object(by_type).to_string()
}

/// What the resources of a type are called in the JSON.
fn key(kind: ResourceType) -> &'static str {
    match kind {
        ResourceType::Cluster => "clusters",
        ResourceType::Endpoints => "endpoints",
        ResourceType::Secret => "secrets",
        ResourceType::Listener => "listeners",
        ResourceType::Routes => "routes",
    }
}

/// Translates a service to Envoy v3, as the sidecar would. An expose with `listener_port=0` has no
/// listener and no routes, since only a sidecar chooses its port: the report says so.
///
/// Parameters: as for `igw_validate`.
/// Returns: as `igw_validate`.
/// Ownership: the translation is the caller's, until `igw_translation_free`.
///
/// # Safety
/// The pointers are as the conventions say.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn igw_translate(
    service: *const u8,
    service_len: usize,
    facts: *const IgwFacts,
    out: *mut *mut IgwTranslation,
) -> IgwStatus {
    guard(|| {
        wants(out)?;
        // SAFETY: as the caller promises.
        let verdict = unsafe { judge(service, service_len, facts) }?;
        let translation = IgwTranslation {
            json: resources_json(&verdict),
            report: IgwReport::new(verdict.report),
        };
        // SAFETY: as the caller promises.
        unsafe { hand_out(out, translation) }
    })
}

/// Envoy's resources as JSON: `{"clusters": […], "endpoints": […], "secrets": […],
/// "listeners": […], "routes": […]}`, each resource in protobuf's canonical form. Private keys are
/// left out.
///
/// Parameters: `translation`; `out`, where to write the text.
/// Returns: OK.
/// Ownership: the text belongs to the translation.
///
/// # Safety
/// The pointers are as the conventions say.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn igw_translation_json(
    translation: *const IgwTranslation,
    out: *mut IgwText,
) -> IgwStatus {
    guard(|| {
        // SAFETY: as the caller promises.
        let translation = unsafe { borrow(translation) }?;
        // SAFETY: as the caller promises.
        unsafe { write(out, IgwText::of(&translation.json)) }
    })
}

/// The report on the service that was translated: what `igw_validate` says.
///
/// Parameters: `translation`, or NULL.
/// Returns: the report; NULL for NULL.
/// Ownership: the report belongs to the translation; do not free it.
///
/// # Safety
/// The pointers are as the conventions say.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn igw_translation_report(
    translation: *const IgwTranslation,
) -> *const IgwReport {
    guard_value(ptr::null(), || {
        // SAFETY: as the caller promises.
        unsafe { borrow(translation) }.map_or(ptr::null(), |t| ptr::from_ref(&t.report))
    })
}

/// Frees a translation.
///
/// Parameters: `translation`, or NULL.
/// Returns: nothing.
/// Ownership: ends the caller's, and the life of its report and texts.
///
/// # Safety
/// The pointers are as the conventions say.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn igw_translation_free(translation: *mut IgwTranslation) {
    // SAFETY: as the caller promises.
    unsafe { take_back(translation) }
}
