//! `src/envoy/extensions.txt`, which says what goes where in Envoy, against what a real one has registered.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use http_body_util::{BodyExt, Empty};
use hyper::body::Bytes;
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;
use serde_json::{Value, json};

use crate::support::eventually;

/// The types that configure each extension, by category and name.
type Registered = BTreeMap<(String, String), BTreeSet<String>>;

const FILE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/src/envoy/extensions.txt");

struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// What an Envoy says of itself.
async fn server_info(envoy: &std::ffi::OsStr) -> Value {
    let directory = tempfile::tempdir().unwrap();
    let [config, address] = ["bootstrap.json", "admin"].map(|name| directory.path().join(name));
    let admin = json!({"address": {"socket_address": {"address": "127.0.0.1", "port_value": 0}}});
    let bootstrap = json!({"node": {"id": "test", "cluster": "test"}, "admin": admin});
    fs::write(&config, bootstrap.to_string()).unwrap();
    let running = Command::new(envoy)
        .args(["--disable-hot-restart", "--log-level", "error", "-c"])
        .arg(&config)
        .arg("--admin-address-path")
        .arg(&address)
        .stdin(Stdio::null())
        .spawn();
    let _running = Running(running.expect("ENVOY_BIN runs"));
    eventually("Envoy answers", async || asked(&address).await).await
}

async fn asked(address: &Path) -> Option<Value> {
    let address = fs::read_to_string(address).ok()?;
    let client = Client::builder(TokioExecutor::new()).build_http::<Empty<Bytes>>();
    let uri = format!("http://{}/server_info", address.trim())
        .parse()
        .ok()?;
    let answer = client.get(uri).await.ok()?;
    let body = answer.into_body().collect().await.ok()?.to_bytes();
    serde_json::from_slice(&body).ok()
}

fn registered(info: &Value) -> Registered {
    let mut registered = Registered::new();
    for extension in info["node"]["extensions"].as_array().unwrap() {
        let text = |field: &str| extension[field].as_str().unwrap().to_owned();
        let types = extension["type_urls"].as_array();
        let types = types.into_iter().flatten();
        let types = types.map(|name| name.as_str().unwrap().to_owned());
        let known = registered.entry((text("category"), text("name")));
        known.or_default().extend(types);
    }
    registered
}

fn is_comment(line: &&str) -> bool {
    line.starts_with('#')
}

fn read(text: &str) -> Registered {
    let lines = text.lines().filter(|line| !is_comment(line));
    let line = |line: &str| {
        let mut words = line.split(' ').map(str::to_owned);
        let key = (words.next().unwrap(), words.next().unwrap());
        (key, words.collect())
    };
    lines.map(line).collect()
}

/// What one Envoy has stays when another one, which lacks it, is asked.
#[tokio::test]
async fn the_table_of_extensions_has_all_that_envoy_registers() {
    let Some(envoy) = crate::judge::envoy() else {
        return;
    };
    let text = fs::read_to_string(FILE).unwrap();
    let mut known = read(&text);
    let before = known.clone();
    for (extension, types) in registered(&server_info(&envoy).await) {
        known.entry(extension).or_default().extend(types);
    }
    if std::env::var("IGW_UPDATE").is_ok_and(|value| value == "1") {
        let comments = text.lines().filter(is_comment).map(str::to_owned);
        let lines = known.iter().map(|((category, name), types)| {
            let types = types.iter().map(|name| format!(" {name}"));
            format!("{category} {name}{}", types.collect::<String>())
        });
        let lines: Vec<String> = comments.chain(lines).collect();
        fs::write(FILE, lines.join("\n") + "\n").unwrap();
    } else {
        let news = known
            .iter()
            .filter(|(key, types)| before.get(*key) != Some(types));
        let news: Vec<_> = news.collect();
        assert!(news.is_empty(), "IGW_UPDATE=1 adds {news:#?}");
    }
}
