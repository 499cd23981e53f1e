use std::io::Read;

use serde_json::json;

use super::*;

fn daemon_status() -> Value {
    json!({
        "cluster": {"secret": "hush"},
        "listener": {"stats": {}},
        "monitor": {
            "services": {"web": {"avail": "up"}},
            "nodes": {"node1": {
                "stats": {"load_15m": 1},
                "monitor": {"status": "idle", "token": "hush"},
                "services": {
                    "status": {
                        "web": {
                            "avail": "up",
                            "app": "hush",
                            "resources": {
                                "fs#1": {"info": {"dev": "hush"}},
                                "expose#0": {
                                    "status": "n/a",
                                    "type": "expose.envoy",
                                    "log": ["hush"],
                                    "info": {
                                        "port": 80,
                                        "cluster_data": {"metadata": {"password": "hush"}},
                                    },
                                },
                                "certificate#0": {"info": {
                                    "private_key_inline_string": "hush",
                                    "certificate_chain_inline_string": "a chain",
                                }},
                            },
                        },
                        "sec/web": {"kind": "sec"},
                    },
                    "config": {"sec/web": {"csum": "1"}, "web": {"csum": "2"}},
                },
            }},
        },
    })
}

#[test]
fn what_a_gateway_reads_is_kept_and_what_is_secret_is_not() {
    let kept = status(&daemon_status());
    assert!(!kept.to_string().contains("hush"), "{kept:#}");
    let web = &kept["monitor"]["nodes"]["node1"]["services"]["status"]["web"];
    assert_eq!(web["avail"], "up");
    assert_eq!(web["resources"]["expose#0"]["info"]["port"], 80);
    let info = &web["resources"]["certificate#0"]["info"];
    assert_eq!(info["certificate_chain_inline_string"], "a chain");
    assert_eq!(info["private_key_inline_string"], "[redacted]");
    assert_eq!(
        kept["monitor"]["nodes"]["node1"]["monitor"],
        json!({"status": "idle"})
    );
    let configs = &kept["monitor"]["nodes"]["node1"]["services"]["config"];
    assert_eq!(configs, &json!({"sec/web": {"csum": "1"}}));
}

/// A gateway makes the same of what was kept.
#[test]
fn nothing_that_is_read_is_lost() {
    let whole = daemon_status();
    let read = |status: &Value| crate::daemon::read_status(status.to_string().as_bytes()).unwrap();
    let (mut before, after) = (read(&whole), read(&status(&whole)));
    // But for what is secret.
    for state in before.values_mut().chain([&mut Default::default()]) {
        let state = std::sync::Arc::make_mut(state);
        for instance in state.instances.values_mut() {
            let instance = std::sync::Arc::make_mut(instance);
            for resource in instance.resources.values_mut() {
                let text = resource.info.text().replace("hush", "[redacted]");
                let info: serde_json::Map<_, _> = serde_json::from_str(&text).unwrap();
                resource.info = info.into();
            }
        }
    }
    assert_eq!(before, after);
}

#[test]
fn a_patch_keeps_its_number_and_what_is_read_of_it() {
    let at = |path: &[&str]| {
        let mut whole = vec!["monitor", "nodes", "node1", "services", "status", "web"];
        whole.extend(path);
        json!(whole)
    };
    let patch = json!({"kind": "patch", "id": 7, "ts": 1.5, "data": [
        [["listener", "stats"], {"tx": 1}],
        [at(&["resources", "expose#0", "info", "port"]), 81],
        [at(&["resources", "certificate#0", "info", "private_key_inline_string"]), "hush"],
        [at(&["resources", "fs#1", "info", "dev"]), "hush"],
        [at(&["resources", "ip#1"])],
        [at(&["app"])],
    ]});
    let kept = message(&patch).unwrap();
    assert_eq!(kept["id"], 7);
    assert_eq!(
        kept["data"],
        json!([
            [at(&["resources", "expose#0", "info", "port"]), 81],
            [
                at(&[
                    "resources",
                    "certificate#0",
                    "info",
                    "private_key_inline_string"
                ]),
                "[redacted]"
            ],
            [at(&["resources", "ip#1"])],
        ])
    );
    assert_eq!(
        message(&json!({"kind": "event", "data": {"monitor": "hush"}})),
        None
    );
    let irrelevant = json!({"kind": "patch", "id": 8, "data": [[["listener"], 1]]});
    assert_eq!(
        message(&irrelevant).unwrap(),
        json!({"kind": "patch", "id": 8, "data": []})
    );
}

#[test]
fn changes_are_applied_as_the_daemon_means_them() {
    let mut dataset = json!({"a": {"b": 1, "c": [1, 2]}});
    let patch = json!({"data": [
        [["a", "b"], 2],
        [["a", "c", 0]],
        [["x", "y", 1], true],
        [["nowhere", "at", "all"]],
        ["nonsense"],
        [[], 3],
        [["a", "c", 999_999_999], 1],
    ]});
    apply(&mut dataset, &patch);
    assert_eq!(dataset["a"], json!({"b": 2, "c": [2]}));
    assert_eq!(dataset["x"], json!({"y": [null, true]}));
}

#[test]
fn a_recording_is_read_back_and_its_torn_end_is_left_out() {
    let head = r#"{"igw_recording":1,"at":"now","status":{}}"#;
    let entry = r#"{"after":0.5,"message":{"kind":"patch"}}"#;
    let read = |text: String| Recording::read(text.as_bytes());
    let whole = read(format!("{head}\n{entry}\n{entry}\n")).unwrap();
    assert_eq!(whole.entries.len(), 2);
    let torn = read(format!("{head}\n{entry}\n{}", &entry[..20])).unwrap();
    assert_eq!(torn.entries.len(), 1);
    let broken = read(format!("{head}\n{}\n{entry}\n", &entry[..20])).unwrap_err();
    assert!(broken.to_string().starts_with("line 2: "), "{broken}");
    let other = read(head.replace(":1,", ":2,")).unwrap_err();
    assert!(other.to_string().contains("format 2"), "{other}");
    assert!(
        read(String::new())
            .unwrap_err()
            .to_string()
            .contains("xds record")
    );
    assert!(
        read("{\n".into())
            .unwrap_err()
            .to_string()
            .starts_with("line 1: ")
    );
}

#[test]
fn what_never_ends_is_not_read_to_its_end() {
    let zeros = io::BufReader::new(io::repeat(0));
    assert!(matches!(Recording::read(zeros), Err(BadRecording::Foreign)));
    let endless = io::BufReader::new((&b"{"[..]).chain(io::repeat(b' ')));
    assert!(matches!(
        Recording::read(endless),
        Err(BadRecording::TooLarge)
    ));
}
