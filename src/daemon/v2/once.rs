//! Questions to a daemon that is not followed, for commands that ask once.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::{Value, json};

use super::socket::{EventStream, Frame, Sift};
use super::{DaemonV2, MAX_STATUS, message, read_status, request};
use crate::daemon::{RequestError, ServiceState};
use crate::model::ObjectPath;

/// The daemon's events as it sends them.
#[derive(Debug)]
pub struct Events(EventStream<Vec<u8>>);

impl Events {
    /// The next message; `None` where some were lost because nobody took them.
    ///
    /// # Errors
    /// When the stream ended.
    pub async fn next(&mut self) -> Result<Option<Vec<u8>>, RequestError> {
        match self.0.next().await? {
            Frame::Message(text) => Ok(Some(text)),
            Frame::Lost => Ok(None),
        }
    }
}

/// Takes each message as it is.
struct Everything;

impl Sift for Everything {
    type Sifted = Vec<u8>;

    fn sift(&mut self, text: &[u8]) -> Option<(Vec<u8>, usize)> {
        Some((text.into(), text.len()))
    }

    fn lost(&mut self) {}
}

impl DaemonV2 {
    /// The services of the cluster as they are now.
    ///
    /// # Errors
    /// When the daemon does not answer, or not with its status.
    pub async fn services(&self) -> Result<BTreeMap<ObjectPath, Arc<ServiceState>>, RequestError> {
        read_status(&self.exchange(&request::status(), MAX_STATUS).await?)
    }

    /// The daemon's whole state, as text.
    ///
    /// # Errors
    /// When the daemon does not answer.
    pub async fn status_text(&self) -> Result<Vec<u8>, RequestError> {
        self.exchange(&request::status(), MAX_STATUS).await
    }

    /// Everything that the daemon tells from now on, as it tells it.
    ///
    /// # Errors
    /// When the daemon does not answer.
    pub async fn events(&self) -> Result<Events, RequestError> {
        let stream = EventStream::open(&self.socket, self.options.timeout, Everything).await?;
        Ok(Events(stream))
    }

    /// The configuration of a service as it is stored: an object of sections, references unevaluated.
    /// `None` where this node has no instance of the service.
    ///
    /// Unevaluated, since the agent refuses to evaluate a configuration of which one keyword is
    /// unknown to it.
    ///
    /// # Errors
    /// When the daemon does not answer, or not with a configuration.
    pub async fn service_config(
        &self,
        service: &ObjectPath,
    ) -> Result<Option<Value>, RequestError> {
        let path = service.to_string();
        let question = json!({
            "action": "get_service_config",
            "options": {"svcpath": path, "format": "json"},
        });
        let reply = self.exchange(&question, request::MAX_REPLY).await?;
        let reply: Value = serde_json::from_slice(&reply)
            .map_err(|error| RequestError::Malformed(error.to_string()))?;
        let error = reply.get("error").and_then(Value::as_str);
        match (error, reply.get("status")) {
            // The daemon's KeyError.
            (Some(error), _) if error == format!("'{path}'") => Ok(None),
            (Some(error), status) => Err(RequestError::Refused {
                status: status.map_or(1, message::status_number),
                message: error.to_owned(),
            }),
            (None, _) if reply.is_object() => Ok(Some(reply)),
            (None, _) => Err(RequestError::Malformed("no object of sections".into())),
        }
    }
}
