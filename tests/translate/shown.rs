//! Translations as JSON, which is what the tests compare.

#![allow(dead_code, clippy::unwrap_used)]

use igw_envoy::envoy::Resource;
use igw_envoy::envoy::json::{Sensitive, print};
use igw_envoy::model::{Diagnostic, Expose};
use igw_envoy::translate::{Attachment, Translation, listener, route_configuration, translate};
use serde_json::Value;

/// A translation that must succeed.
pub(crate) fn translated(expose: &Expose) -> Translation {
    match translate(expose) {
        Ok(translation) => translation,
        Err(errors) => panic!("{}: {}", expose.id, lines(&errors).join("\n")),
    }
}

/// The messages of a translation that must fail.
pub(crate) fn refused(expose: &Expose) -> Vec<String> {
    match translate(expose) {
        Ok(_) => panic!("{} is not refused", expose.id),
        Err(errors) => lines(&errors),
    }
}

/// `code: section.keyword: message; hint`.
pub(crate) fn lines(diagnostics: &[Diagnostic]) -> Vec<String> {
    diagnostics
        .iter()
        .map(|d| format!("{}: {d}", d.code))
        .collect()
}

pub(crate) fn shown(resource: &Resource) -> Value {
    print(resource.kind.type_url(), &resource.body, Sensitive::Shown).unwrap()
}

pub(crate) fn cluster(expose: &Expose) -> Value {
    shown(&translated(expose).cluster)
}

/// The listener and route configurations of exposes that share a socket.
pub(crate) fn attached(exposes: &[Expose]) -> (Resource, Vec<Resource>) {
    let attachments: Vec<Attachment> = exposes
        .iter()
        .map(|expose| translated(expose).attachment.unwrap())
        .collect();
    let attachments: Vec<&Attachment> = attachments.iter().collect();
    let socket = attachments[0].socket;
    let mut routes: Vec<Resource> = attachments
        .iter()
        .filter_map(|attachment| attachment.own_routes().cloned())
        .collect();
    routes.extend(route_configuration(socket, &attachments));
    (listener(socket, &attachments), routes)
}

pub(crate) fn listener_of(exposes: &[Expose]) -> Value {
    shown(&attached(exposes).0)
}

pub(crate) fn routes_of(exposes: &[Expose]) -> Value {
    shown(&attached(exposes).1[0])
}

/// What a resource names, as `Type name`.
pub(crate) fn references(resource: &Resource) -> Vec<String> {
    resource
        .references
        .iter()
        .map(|reference| format!("{:?} {}", reference.kind, reference.name))
        .collect()
}
