//! Envoy's descriptors, cut down to what this crate reads and writes.
//!
//! The envoy-types crate ships the FileDescriptorSet that it was generated from. JSON and proto
//! constraints need it, but only the files below and what they import, and no comments.

use std::collections::{BTreeMap, BTreeSet};
use std::env;
use std::error::Error;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use prost::Message;
use prost::encoding::{DecodeContext, decode_key, skip_field};
use prost_types::FileDescriptorProto;

use crate::extensions::slots as slots_of;

/// What is served, and what is often named in `cluster_data` and `filter_config_data`: few enough to be
/// decoded while somebody waits.
const ROOTS: &[&str] = &[
    "envoy/config/cluster/v3/cluster.proto",
    "envoy/config/endpoint/v3/endpoint.proto",
    "envoy/config/listener/v3/listener.proto",
    "envoy/config/route/v3/route.proto",
    "envoy/extensions/access_loggers/file/v3/file.proto",
    "envoy/extensions/access_loggers/grpc/v3/als.proto",
    "envoy/extensions/access_loggers/stream/v3/stream.proto",
    "envoy/extensions/compression/brotli/compressor/v3/brotli.proto",
    "envoy/extensions/compression/gzip/compressor/v3/gzip.proto",
    "envoy/extensions/filters/http/buffer/v3/buffer.proto",
    "envoy/extensions/filters/http/compressor/v3/compressor.proto",
    "envoy/extensions/filters/http/cors/v3/cors.proto",
    "envoy/extensions/filters/http/ext_authz/v3/ext_authz.proto",
    "envoy/extensions/filters/http/fault/v3/fault.proto",
    "envoy/extensions/filters/http/header_to_metadata/v3/header_to_metadata.proto",
    "envoy/extensions/filters/http/health_check/v3/health_check.proto",
    "envoy/extensions/filters/http/jwt_authn/v3/config.proto",
    "envoy/extensions/filters/http/local_ratelimit/v3/local_rate_limit.proto",
    "envoy/extensions/filters/http/lua/v3/lua.proto",
    "envoy/extensions/filters/http/rbac/v3/rbac.proto",
    "envoy/extensions/filters/http/router/v3/router.proto",
    "envoy/extensions/filters/listener/original_dst/v3/original_dst.proto",
    "envoy/extensions/filters/listener/tls_inspector/v3/tls_inspector.proto",
    "envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager.proto",
    "envoy/extensions/filters/network/tcp_proxy/v3/tcp_proxy.proto",
    "envoy/extensions/filters/udp/udp_proxy/v3/route.proto",
    "envoy/extensions/filters/udp/udp_proxy/v3/udp_proxy.proto",
    "envoy/extensions/transport_sockets/tls/v3/secret.proto",
    "envoy/extensions/transport_sockets/tls/v3/tls.proto",
    "envoy/extensions/upstreams/http/v3/http_protocol_options.proto",
    // The services themselves, for clients that ask by reflection.
    "envoy/service/cluster/v3/cds.proto",
    "envoy/service/discovery/v3/ads.proto",
    "envoy/service/endpoint/v3/eds.proto",
    "envoy/service/listener/v3/lds.proto",
    "envoy/service/route/v3/rds.proto",
    "envoy/service/secret/v3/sds.proto",
    "envoy/service/status/v3/csds.proto",
];

/// What else may be named there: whatever Envoy can be configured with.
const EXTENSIONS: [&str; 2] = ["envoy/config/", "envoy/extensions/"];

/// `FileDescriptorProto.source_code_info`: the comments.
const SOURCE_CODE_INFO: u32 = 9;

/// A FileDescriptorSet whose files stay encoded: decoding them would lose their extensions, which
/// are the constraints.
#[derive(Message)]
struct Files {
    #[prost(bytes = "vec", repeated, tag = "1")]
    file: Vec<Vec<u8>>,
}

/// Two cut sets, encoded.
pub(crate) struct Cut {
    /// The roots and what they import.
    pub(crate) roots: Vec<u8>,
    /// What is not among them of every extension and what it imports.
    pub(crate) extensions: Vec<u8>,
    /// The fields that take extensions, and the category of each.
    pub(crate) slots: BTreeMap<String, String>,
}

pub(crate) fn cut() -> Result<Cut, Box<dyn Error>> {
    let whole = fs::read(envoy_types()?.join("src/generated/types.bin"))?;
    let whole = Files::decode(&*whole)?;
    let mut slots = BTreeMap::new();
    for file in &whole.file {
        slots.extend(slots_of(file)?);
    }
    let file = whole.file.iter();
    let file = file.map(|file| without(file, SOURCE_CODE_INFO));
    let whole = Files {
        file: file.collect::<Result<_, _>>()?,
    };
    let roots = ROOTS.iter().map(ToString::to_string);
    let extensions = names(&whole)?.into_iter().filter(|name| {
        let is_in = |folder: &&str| name.starts_with(*folder);
        EXTENSIONS.iter().any(is_in)
    });
    let known = with_imports(&whole, roots)?;
    let more = with_imports(&whole, extensions)?;
    let more = more.difference(&known).cloned().collect();
    Ok(Cut {
        roots: prune(&whole, &known)?.encode_to_vec(),
        extensions: prune(&whole, &more)?.encode_to_vec(),
        slots,
    })
}

/// The names of the files, in the set's order: imports first.
fn names(set: &Files) -> Result<Vec<String>, Box<dyn Error>> {
    let name = |file: &Vec<u8>| Ok(FileDescriptorProto::decode(&**file)?.name().to_owned());
    set.file.iter().map(name).collect()
}

/// The names of some files and of all that they import.
fn with_imports(
    set: &Files,
    wanted: impl Iterator<Item = String>,
) -> Result<BTreeSet<String>, Box<dyn Error>> {
    let mut imports = BTreeMap::new();
    for file in &set.file {
        let descriptor = FileDescriptorProto::decode(&**file)?;
        imports.insert(descriptor.name().to_owned(), descriptor.dependency);
    }
    let mut found = BTreeSet::new();
    let mut todo: Vec<String> = wanted.collect();
    while let Some(name) = todo.pop() {
        let Some(more) = imports.get(&name) else {
            return Err(format!("{name} is not among the descriptors of envoy-types").into());
        };
        if found.insert(name) {
            todo.extend(more.iter().cloned());
        }
    }
    Ok(found)
}

/// Some files of a set.
fn prune(set: &Files, wanted: &BTreeSet<String>) -> Result<Files, Box<dyn Error>> {
    let mut file = Vec::new();
    for (name, encoded) in names(set)?.iter().zip(&set.file) {
        if wanted.contains(name) {
            file.push(encoded.clone());
        }
    }
    Ok(Files { file })
}

/// An encoded message without one of its fields.
fn without(message: &[u8], unwanted: u32) -> Result<Vec<u8>, Box<dyn Error>> {
    let mut kept = Vec::with_capacity(message.len());
    let mut rest = message;
    while !rest.is_empty() {
        let start = rest;
        let (field, wire_type) = decode_key(&mut rest)?;
        skip_field(wire_type, field, &mut rest, DecodeContext::default())?;
        if field != unwanted {
            kept.extend_from_slice(&start[..start.len() - rest.len()]);
        }
    }
    Ok(kept)
}

/// The directory of the locked envoy-types package, wherever cargo keeps it.
///
/// Offline first, which is enough wherever the build itself can succeed but for packages that only
/// tests need.
fn envoy_types() -> Result<PathBuf, Box<dyn Error>> {
    let mut why = String::new();
    for network in [Some("--offline"), None] {
        let output = Command::new(env::var("CARGO")?)
            .args(["metadata", "--format-version=1", "--filter-platform"])
            .arg(env::var("TARGET")?)
            .args(network)
            .current_dir(env::var("CARGO_MANIFEST_DIR")?)
            .output()?;
        let manifests = String::from_utf8(output.stdout)?;
        let directory = manifests
            .split("\"manifest_path\":\"")
            .filter_map(|rest| Path::new(rest.split('"').next()?).parent())
            .find(|path| {
                path.file_name()
                    .is_some_and(|n| n.to_string_lossy().starts_with("envoy-types"))
            });
        if let Some(directory) = directory {
            return Ok(directory.to_owned());
        }
        why = String::from_utf8_lossy(&output.stderr).into_owned();
    }
    Err(format!("cargo metadata does not find the envoy-types package: {why}").into())
}
