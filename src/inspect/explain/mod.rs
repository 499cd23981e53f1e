//! What Envoy does with a request, and why: which listener takes it, which filter chain, virtual
//! host and route, and where it goes in the end.
//!
//! The walk follows the [`Catalog`], which is what Envoy was sent, by Envoy's own rules. Nothing is
//! sent anywhere.

mod caveats;
mod http;
mod matching;
mod question;
mod redirect;
mod related;
mod walk;

use serde::Serialize;
use utoipa::ToSchema;

pub use caveats::{Caveat, caveats};
pub use question::{BadQuestion, Question, Scheme};
pub use related::related;

use super::catalog::{Catalog, Endpoint};

/// What becomes of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// It is forwarded to an endpoint.
    Forwarded,
    /// It is answered with a redirect.
    Redirected,
    /// It would be forwarded, but there is no endpoint: 503.
    NoEndpoints,
    /// It is answered 404: no virtual host or no route wants it.
    NotFound,
    /// The connection is closed: no filter chain wants it, or it speaks another protocol.
    Closed,
    /// Nothing listens there.
    NotListening,
}

/// A stage of a request's way through Envoy.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Stage {
    /// The socket.
    Listener,
    /// The filter chain, by server name and transport.
    Chain,
    /// The virtual host, by `Host` header.
    VirtualHost,
    /// The route, by path.
    Route,
    /// The cluster.
    Cluster,
}

/// What was chosen at a stage.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct Step {
    /// The stage.
    pub stage: Stage,
    /// What was chosen; absent where nothing fits.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Why, in a sentence.
    pub why: String,
    /// What would fit too, and why it was not chosen: what the choice shadows.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub shadows: Vec<Shadow>,
}

/// Something that fits a request and was not chosen, or of which it cannot be told whether it fits.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct Shadow {
    /// What it is.
    pub name: String,
    /// Why it was not chosen.
    pub why: String,
}

/// The whole answer.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct Explanation {
    /// What becomes of the request.
    pub outcome: Outcome,
    /// The same as a sentence.
    pub answer: String,
    /// The way there.
    pub steps: Vec<Step>,
    /// The expose that the request reaches.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expose: Option<String>,
    /// The endpoints that it may be forwarded to.
    pub endpoints: Vec<Endpoint>,
    /// Where it is redirected to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub location: Option<String>,
}

/// Explains a request.
pub fn explain(catalog: &Catalog, question: &Question) -> Explanation {
    walk::explain(catalog, question)
}
