//! A daemon that says what it is told to say, on the real socket protocol: for datasets that no
//! simulated node would make.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use serde_json::{Map, Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

/// The daemon; it ends when dropped.
pub(crate) struct FakeDaemon {
    said: Arc<Mutex<Said>>,
    accepting: JoinHandle<()>,
    folder: tempfile::TempDir,
}

struct Said {
    dataset: Value,
    patches: u64,
    secrets: BTreeMap<(String, String), String>,
    streams: Vec<mpsc::UnboundedSender<String>>,
}

impl FakeDaemon {
    /// A daemon that answers `daemon_status` with a dataset.
    pub(crate) fn start(dataset: Value) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let listener = UnixListener::bind(folder.path().join("lsnr.sock")).unwrap();
        let said = Arc::new(Mutex::new(Said {
            dataset,
            patches: 0,
            secrets: BTreeMap::new(),
            streams: Vec::new(),
        }));
        let shared = said.clone();
        let accepting = tokio::spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                tokio::spawn(serve(stream, shared.clone()));
            }
        });
        Self {
            said,
            accepting,
            folder,
        }
    }

    pub(crate) fn socket(&self) -> PathBuf {
        Path::join(self.folder.path(), "lsnr.sock")
    }

    /// Gives a secret a key.
    pub(crate) fn set_secret_key(&self, path: &str, key: &str, value: String) {
        let mut said = self.said.lock().unwrap_or_else(PoisonError::into_inner);
        said.secrets.insert((path.into(), key.into()), value);
    }

    /// Says something to all who listen to the events. A patch gets the next number, and becomes
    /// true.
    pub(crate) fn say(&self, mut message: Value) {
        let mut said = self.said.lock().unwrap_or_else(PoisonError::into_inner);
        if message["kind"] == "patch" {
            said.patches += 1;
            message["id"] = said.patches.into();
            patch(&mut said.dataset, &message);
        }
        for stream in &said.streams {
            stream.send(message.to_string()).ok();
        }
    }
}

impl Drop for FakeDaemon {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

async fn serve(mut stream: UnixStream, said: Arc<Mutex<Said>>) {
    let mut request = Vec::new();
    while request.last() != Some(&0) {
        if stream.read_buf(&mut request).await.unwrap_or(0) == 0 {
            return;
        }
    }
    request.pop();
    let Ok(request) = serde_json::from_slice::<Value>(&request) else {
        return;
    };
    let options = &request["options"];
    let reply = {
        let mut said = said.lock().unwrap_or_else(PoisonError::into_inner);
        match request["action"].as_str() {
            Some("events") => {
                let (sender, receiver) = mpsc::unbounded_channel();
                said.streams.push(sender);
                Err(receiver)
            }
            Some("daemon_status") => Ok(said.dataset.clone()),
            Some("get_secret_key") => {
                let option = |name: &str| options[name].as_str().unwrap_or_default().to_owned();
                let key = (option("path"), option("key"));
                Ok(match said.secrets.get(&key) {
                    Some(value) => json!({"status": 0, "data": value}),
                    None => json!({"status": 1, "error": format!(
                        "secret {} key {} does not exist or has no value", key.0, key.1
                    )}),
                })
            }
            other => Ok(json!({"status": 501, "error": format!(
                "handler {} is not supported", other.unwrap_or("None")
            )})),
        }
    };
    match reply {
        Ok(reply) => {
            let mut bytes = reply.to_string().into_bytes();
            bytes.push(0);
            stream.write_all(&bytes).await.ok();
        }
        Err(mut messages) => {
            while let Some(message) = messages.recv().await {
                let mut bytes = message.into_bytes();
                bytes.push(0);
                if stream.write_all(&bytes).await.is_err() {
                    return;
                }
            }
        }
    }
}

/// Applies a patch as literally as it is written.
fn patch(dataset: &mut Value, message: &Value) {
    for change in message["data"].as_array().into_iter().flatten() {
        let path = change[0].as_array().unwrap();
        let (last, parents) = path.split_last().unwrap();
        let mut at = &mut *dataset;
        for key in parents {
            at = child(at, key);
        }
        match (change.get(1), last.as_str(), last.as_u64()) {
            (Some(value), _, _) => *child(at, last) = value.clone(),
            (None, Some(key), _) => {
                at.as_object_mut().map(|object| object.remove(key));
            }
            (None, _, Some(index)) => at.as_array_mut().unwrap().truncate(index as usize),
            _ => panic!("a path element is a name or an index: {last}"),
        }
    }
}

/// What a key leads to, made where it is missing.
fn child<'a>(at: &'a mut Value, key: &Value) -> &'a mut Value {
    match key.as_str() {
        Some(key) => {
            if !at.is_object() {
                *at = Value::Object(Map::new());
            }
            &mut at[key]
        }
        None => {
            let index = key.as_u64().unwrap() as usize;
            if !at.is_array() {
                *at = json!([]);
            }
            let items = at.as_array_mut().unwrap();
            items.resize(items.len().max(index + 1), Value::Null);
            &mut items[index]
        }
    }
}
