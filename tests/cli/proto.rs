//! The committed code of the control service is the one that its proto makes. `make proto` rewrites it.
//!
//! It is made as one text, and committed in parts: the messages about the state of a gateway and the others,
//! the client and the server.

use std::path::Path;

/// Fields that JSON has as words or as times, with the function that writes them.
const WORDS: [(&str, &str); 10] = [
    ("Expose.standing", "standing"),
    ("Explanation.outcome", "outcome"),
    ("Step.stage", "stage"),
    ("Daemon.link", "link"),
    ("Status.started", "time"),
    ("Status.first_expiry", "time"),
    ("Daemon.since", "time"),
    ("Envoy.connected", "time"),
    ("Refusal.at", "time"),
    ("Change.at", "time"),
];

#[test]
fn the_committed_code_is_the_generated_one() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let proto = "igw/control/v1/control.proto";
    let files = protox::compile([proto], [root.join("proto")]).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let mut builder = tonic_prost_build::configure()
        // The client's own way to connect knows no unix sockets.
        .build_transport(false)
        .type_attribute(".", "#[derive(serde::Serialize)]")
        .out_dir(folder.path());
    for (field, function) in WORDS {
        let attribute = format!("#[serde(serialize_with = \"super::words::{function}\")]");
        builder = builder.field_attribute(format!("igw.control.v1.{field}"), attribute);
    }
    builder.compile_fds(files).unwrap();
    let generated = std::fs::read_to_string(folder.path().join("igw.control.v1.rs")).unwrap();
    for (name, part) in parts(&generated) {
        let committed = root.join("src/control/generated").join(name);
        if std::env::var_os("IGW_UPDATE").is_some() {
            std::fs::write(&committed, part).unwrap();
        }
        assert!(
            std::fs::read_to_string(&committed).unwrap_or_default() == part,
            "src/control/generated/{name} is not what proto/{proto} makes: run `make proto`, and commit it"
        );
    }
}

/// The generated text in its parts, which together are all of it.
fn parts(generated: &str) -> [(&'static str, &str); 4] {
    let beginnings = [
        ("status.rs", ""),
        ("explanation.rs", "/// The way of a request.\n"),
        ("client.rs", "/// Generated client implementations.\n"),
        ("server.rs", "/// Generated server implementations.\n"),
    ];
    let starts = beginnings.map(|(_, first)| generated.find(first).unwrap());
    std::array::from_fn(|at| {
        let end = starts.get(at + 1).copied().unwrap_or(generated.len());
        (beginnings[at].0, &generated[starts[at]..end])
    })
}
