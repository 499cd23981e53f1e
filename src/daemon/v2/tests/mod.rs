//! The client as a whole: against recordings of a real daemon, against a plain replica of the whole
//! dataset, and against a scripted daemon.

#![allow(clippy::unwrap_used, clippy::panic)]

mod following;
mod lists;
mod naive;
mod properties;
mod reading;
mod recordings;
mod requests;
mod retention;
mod server;

use serde_json::Value;

use super::message::{Message, message, status};
use super::path::Scope;
use super::replica::Replica;
use crate::daemon::Update;

/// A replica of a dataset.
fn replica(dataset: &Value) -> Replica {
    let mut replica = Replica::default();
    let tables = status(dataset.to_string().as_bytes(), &replica.known()).unwrap();
    replica.replace(&Scope::Root, tables);
    replica.take();
    replica
}

/// Applies the entries of a patch, as they travel. Returns whether all of them fit.
fn apply(replica: &mut Replica, entries: &Value) -> bool {
    let text = serde_json::json!({"kind": "patch", "id": 1, "data": entries}).to_string();
    match message(text.as_bytes()) {
        Message::Patch { changes, .. } => replica.apply(changes).is_ok(),
        other => panic!("{other:?}"),
    }
}

/// The paths of the services and secrets that changed since the last call.
fn changed(replica: &mut Replica) -> Vec<String> {
    match replica.take() {
        Some(Update::Patch { services, secrets }) => {
            let services = services.iter().map(|(path, _)| path.to_string());
            let secrets = secrets.iter().map(|(path, _)| path.to_string());
            services.chain(secrets).collect()
        }
        Some(other) => panic!("{other:?}"),
        None => Vec::new(),
    }
}
