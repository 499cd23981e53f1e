//! Nothing that is secret leaves by HTTP, whichever way it came in.

use crate::gateway::Gateway;
use crate::self_signed::key_pair;
use crate::stories::SHOP;

const PASSWORD: &str = "correct horse battery staple";

/// Every line of a key, so that no part of it passes.
fn lines(key: &str) -> Vec<&str> {
    key.lines().filter(|line| !line.starts_with('-')).collect()
}

/// An address for everything that can be asked for.
fn everything(gateway: &Gateway, document: &serde_json::Value) -> Vec<String> {
    let mut paths: Vec<String> = document["paths"]
        .as_object()
        .unwrap()
        .keys()
        .filter(|path| !path.contains('{') && !path.ends_with("/events"))
        .cloned()
        .collect();
    let encode = |name: &str| {
        name.replace('%', "%25")
            .replace('/', "%2F")
            .replace('#', "%23")
    };
    for kind in igw_envoy::envoy::ResourceType::ALL {
        let word = format!("{kind:?}").to_lowercase();
        for resource in gateway.snapshot().iter(kind) {
            let name = encode(&resource.name);
            paths.push(format!("/api/v1/resources/{word}/{name}"));
            paths.push(format!("/api/v1/exposes/{name}"));
        }
    }
    paths.extend([
        "/metrics".to_owned(),
        "/api/v1/explain?url=https://shop.example.com/".to_owned(),
        "/api/v1/explain?url=https://inline.example.com/".to_owned(),
    ]);
    paths
}

fn check(what: &str, body: &str, keys: &[&str]) {
    assert!(!body.contains("PRIVATE KEY"), "{what}: {body}");
    assert!(!body.contains(PASSWORD), "{what}");
    for line in keys.iter().flat_map(|key| lines(key)) {
        assert!(!body.contains(line), "{what}: {body}");
    }
}

/// A configuration with keys where they may be and where they may not.
fn inline(chain: &str, key: &str) -> String {
    let indent = |pem: &str| pem.trim().replace('\n', "\n  ");
    let one_line = key.replace('\n', "\\n");
    format!(
        "[ip#1]
expose = expose#0 expose#1 expose#2
[expose#0]
type = envoy
port = 8443
listener_port = 443
listener_certificates = certificate#0
vhosts = vhost#0
[vhost#0]
type = envoy
domains = inline.example.com
routes = route#0
[route#0]
type = envoy
match_prefix = /
[certificate#0]
type = tls
certificate_chain_inline_string = {chain}
private_key_inline_string = {key}
[expose#1]
type = envoy
port = 1
listener_port = 8443
listener_certificates = certificate#1
[certificate#1]
type = tls
certificate_chain_inline_string = {chain}
private_key_inline_string = not a key {key}
[expose#2]
type = envoy
port = 8443
listener_port = 9443
cluster_data = {{\"transport_socket\": {{\"name\": \"tls\", \"typed_config\": {{\"@type\": \"type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext\", \"common_tls_context\": {{\"tls_certificates\": [{{\"private_key\": {{\"inline_string\": \"{one_line}\"}}, \"password\": {{\"inline_string\": \"{PASSWORD}\"}}}}]}}}}}}}}
",
        chain = indent(chain),
        key = indent(key),
    )
}

#[tokio::test]
async fn no_key_and_no_password_is_in_any_answer() {
    let mut gateway = Gateway::new();
    let (chain, key) = key_pair(&["shop.example.com"], 90);
    let (inline_chain, inline_key) = key_pair(&["inline.example.com"], 90);
    let content = [
        ("certificate_chain", chain.as_str()),
        ("private_key", &key),
        ("password", PASSWORD),
    ];
    gateway.secret("test/sec/shop", &content);
    gateway.deploy("test/svc/shop", SHOP, &["10.0.0.1", "10.0.0.2"]);
    let config = inline(&inline_chain, &inline_key);
    gateway.deploy("test/svc/inline", &config, &["10.0.0.3"]);
    let keys = [key.as_str(), &inline_key];

    let confidential = gateway
        .snapshot()
        .iter(igw_envoy::envoy::ResourceType::Secret);
    assert!(
        confidential.filter(|secret| secret.confidential).count() >= 2,
        "keys are there to leak"
    );
    let document = gateway.json("/api/v1/openapi.json").await;
    let paths = everything(&gateway, &document);
    assert!(paths.len() > 25);
    for path in paths {
        check(&path, &gateway.get(&path).await.body, &keys);
    }
    for path in ["validate", "translate"] {
        let path = format!("/api/v1/{path}?service=test/svc/inline");
        let reply = gateway.post(&path, config.clone()).await;
        assert_eq!(reply.status, 200, "{}", reply.body);
        check(&path, &reply.body, &keys);
        // A configuration that cannot be read is not quoted: the line may be one of a key.
        let broken = config.replace("\n  ", "\n");
        check(&path, &gateway.post(&path, broken).await.body, &keys);
    }
}
