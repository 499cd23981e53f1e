//! What the gateway thinks of every expose, for people and their tools.

use std::collections::BTreeMap;
use std::sync::Arc;

use imbl::OrdMap;
use serde::Serialize;

use crate::model::{ExposeId, ObjectPath, Report, Socket};

/// Whether and how an expose is served.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Serving {
    /// As configured.
    Served,
    /// As it was configured before: the newest configuration is refused, waits for a secret, or is not
    /// known since the gateway started.
    Kept,
    /// Not at all: the configuration is refused.
    Refused,
    /// Not yet: a secret that it needs cannot be served.
    Waiting,
}

/// One expose, as the gateway sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExposeView {
    /// Whether and how it is served.
    pub serving: Serving,
    /// Where Envoy listens for it, when it is served.
    pub socket: Option<Socket>,
    /// How many endpoints it has now.
    pub endpoints: usize,
    /// Why it has none, where it is served without one, and what to do.
    pub idle: Option<Arc<str>>,
}

/// The whole: an immutable value that shares structure with the ones before it.
#[derive(Debug, Clone, Default)]
pub struct View {
    /// Every expose of this gateway.
    pub exposes: OrdMap<ExposeId, ExposeView>,
    /// The findings on every service that has any.
    pub reports: OrdMap<ObjectPath, Arc<Report>>,
    /// The values of the keywords that these findings name, by service; private keys are left out.
    pub values: OrdMap<ObjectPath, Arc<Values>>,
}

impl View {
    /// Whether a view was never changed since it was this one.
    pub fn is_same(&self, other: &Self) -> bool {
        self.exposes.ptr_eq(&other.exposes)
            && self.reports.ptr_eq(&other.reports)
            && self.values.ptr_eq(&other.values)
    }
}

/// Values of keywords as the configuration has them, by section and keyword.
pub type Values = BTreeMap<(String, String), String>;
