//! Commands that need no sidecar.

use igw_envoy::simnode::{Settings, SimNode};
use serde_json::json;

use crate::run::{file, xds, xds_with};
use crate::support::envoy;

const WEB: &str = "
[ip#1]
ipname = 10.0.0.1
expose = expose#0 expose#1
[expose#0]
type = envoy
port = 80
listener_port = 8080
[expose#1]
type = envoy
port = 80
listener_port = 8443
sni = www.acme.org
";

#[test]
fn a_good_configuration_is_accepted() {
    let (_folder, path) = file("web.conf", WEB);
    let done = xds(&["validate", path.to_str().unwrap()]).ends(0);
    done.says(": web\n").says("would serve expose#0, expose#1");
}

#[test]
fn a_mistake_is_told_with_place_remedy_and_code() {
    let wrong = WEB.replace("8080", "80810").replace("sni", "snl");
    let done = xds_with(&["validate", "-", "--service", "test/svc/web"], &wrong).ends(1);
    done.says("expose#0.listener_port  80810 is not a port; write a port from 1 to 65535")
        .says("[port-out-of-range]")
        .says("1 error, 1 warning");
}

#[test]
fn scripts_get_the_verdict_as_json() {
    let wrong = WEB.replace("8080", "80810");
    let args = ["validate", "-", "--service", "test/svc/web", "--json"];
    let verdict = xds_with(&args, &wrong).ends(1).json();
    assert_eq!(verdict[0]["service"], "test/svc/web");
    assert_eq!(verdict[0]["accepted"], false);
    assert_eq!(verdict[0]["served"], json!(["test/svc/web.expose#1"]));
    let finding = &verdict[0]["findings"][0];
    assert_eq!(finding["code"], "port-out-of-range");
    assert_eq!(finding["section"], "expose#0");
    assert_eq!(finding["keyword"], "listener_port");
}

#[test]
fn warnings_fail_where_that_is_wanted() {
    let doubtful = WEB.replace("sni =", "snl =");
    let args = ["validate", "-", "--service", "web"];
    xds_with(&args, &doubtful).ends(0).says("1 warning");
    xds_with(&[&args[..], &["--strict"]].concat(), &doubtful).ends(1);
}

#[test]
fn files_are_held_against_those_before_them() {
    let (_one, web) = file("web.conf", WEB);
    let (_other, mail) = file("mail.conf", WEB);
    let done = xds(&["validate", web.to_str().unwrap(), mail.to_str().unwrap()]).ends(1);
    done.says("[name-taken]").says("web.expose#1");
}

#[test]
fn what_cannot_be_read_is_a_matter_of_usage() {
    xds(&["validate"]).ends(2).complains("<FILE>");
    xds(&["validate", "/nowhere.conf"])
        .ends(2)
        .complains("/nowhere.conf: No such file");
    xds_with(&["validate", "-"], WEB)
        .ends(2)
        .complains("--service");
    let args = ["validate", "-", "--service", "web"];
    xds_with(&args, "[expose#0]\nport\n")
        .ends(2)
        .complains("line 2");
    xds_with(&["validate", "-", "--service", "a/b/c/d"], WEB)
        .ends(2)
        .complains("a/b/c/d");
}

#[test]
fn a_translation_is_what_envoy_takes() {
    let (_folder, path) = file("web.conf", WEB);
    let path = path.to_str().unwrap();
    let resources = xds(&["translate", path, "--json"]).ends(0).json();
    let names: Vec<_> = resources
        .as_array()
        .unwrap()
        .iter()
        .map(|r| {
            format!(
                "{} {}",
                r["type"].as_str().unwrap(),
                r["name"].as_str().unwrap()
            )
        })
        .collect();
    assert_eq!(
        names,
        [
            "cluster web.expose#0",
            "cluster web.expose#1",
            "endpoints web.expose#0",
            "endpoints web.expose#1",
            "listener 0.0.0.0:8080/tcp",
            "listener 0.0.0.0:8443/tcp",
        ]
    );
    let listeners = xds(&["translate", path, "--json", "--type", "listener"]).json();
    assert_eq!(listeners.as_array().unwrap().len(), 2);
    let people = xds(&["translate", path]).ends(0);
    people
        .says("# cluster web.expose#0, version ")
        .says("\"address\": \"10.0.0.1\"");
    xds(&["translate", path, "--type", "lds"])
        .ends(2)
        .complains("cluster, endpoints");
}

#[test]
fn an_address_that_is_not_known_yet_is_said_to_stand_for_one() {
    let cni = WEB.replace("ipname = 10.0.0.1", "type = cni");
    let done = xds_with(&["translate", "-", "--service", "web"], &cni).ends(0);
    done.says("# 192.0.2.1 stands for the address of ip#1");
}

#[test]
fn private_keys_are_not_shown() {
    let pair = rcgen::generate_simple_self_signed(["www.acme.org".to_owned()]).unwrap();
    let indented = |pem: String| pem.trim().replace('\n', "\n    ");
    let key = pair.signing_key.serialize_pem();
    let config = format!(
        "{WEB}listener_certificates = certificate#0\n[certificate#0]\ntype = tls\n\
         certificate_chain_inline_string =\n    {}\nprivate_key_inline_string =\n    {}\n",
        indented(pair.cert.pem()),
        indented(key.clone())
    );
    let secret = key.lines().nth(1).unwrap();
    for args in [&["translate"][..], &["translate", "--json"]] {
        let args = [args, &["-", "--service", "web"]].concat();
        let done = xds_with(&args, &config).ends(0).says("[redacted]");
        assert!(!done.out.contains(secret), "{}", done.out);
    }
}

#[test]
fn a_difference_is_told_by_field_and_by_what_ends() {
    let (_one, old) = file("web.conf", WEB);
    let (_two, new) = file("web.conf", &WEB.replace("www.acme.org", "www.acme.com"));
    let (old, new) = (old.to_str().unwrap(), new.to_str().unwrap());
    let done = xds(&["diff", old, new]).ends(1);
    done.says("~ listener 0.0.0.0:8443/tcp")
        .says("filter_chains[web.expose#1].filter_chain_match.server_names  -www.acme.org +www.acme.com")
        .says("those of web.expose#1 on 0.0.0.0:8443/tcp drain: its filter chain differs")
        .says("1 resource: 0 added, 1 changed, 0 removed");
    xds(&["diff", old, old])
        .ends(0)
        .says("Nothing changes in Envoy");
    let json = xds(&["diff", old, new, "--json"]).ends(1).json();
    assert_eq!(json["differences"][0]["change"], "changed");
    assert_eq!(json["drains"][0]["chain"], "web.expose#1");
    xds(&["diff", old, new, new]).ends(2);
    // What would be refused leaves Envoy as it is, and is no good news all the same.
    let (_three, bad) = file("web.conf", &WEB.replace("port = 8443", "port = 99999"));
    let bad = bad.to_str().unwrap();
    assert_ne!(std::fs::read_to_string(bad).unwrap(), WEB);
    xds(&["diff", old, bad])
        .ends(1)
        .says("would be refused, and go on as it is");
}

#[test]
fn keywords_are_found_by_name_and_by_group() {
    let done = xds(&["keywords", "expose.listener_port"]).ends(0);
    done.says("[expose#…]  type = envoy")
        .says("listener_port = ");
    let all = xds(&["keywords", "--json"]).ends(0).json();
    assert!(all.as_array().unwrap().len() > 40, "{all}");
    let one = xds(&["keywords", "route_timeout", "--json"]).ends(0).json();
    assert_eq!(one[0]["section"], "route");
    xds(&["keywords", "match_pth"])
        .ends(1)
        .complains("did you mean route.match_path?");
}

#[test]
fn codes_are_explained() {
    let done = xds(&["explain-code", "[name-taken]"]).ends(0);
    done.says("Whoever was served first stays");
    xds(&["explain-code"]).ends(0).says("port-out-of-range");
    xds(&["explain-code", "name-takn"])
        .ends(1)
        .complains("did you mean name-taken?");
}

#[test]
fn the_bootstrap_is_made_as_it_is_asked_for() {
    let bootstrap = xds(&["bootstrap", "--node-id", "n1", "--name", "dmz"])
        .ends(0)
        .json();
    assert_eq!(bootstrap["node"], json!({"id": "n1", "cluster": "dmz"}));
    let ads = |bootstrap: &serde_json::Value| {
        bootstrap["dynamic_resources"]["ads_config"]["api_type"].clone()
    };
    assert_eq!(ads(&bootstrap), "DELTA_GRPC");
    let other = [
        "bootstrap",
        "--variant",
        "sotw",
        "--admin",
        "off",
        "--tcp",
        "[::1]:50051",
    ];
    let other = xds(&[&other[..], &["--re2-max-program-size", "300"]].concat())
        .ends(0)
        .json();
    assert_eq!(ads(&other), "GRPC");
    assert!(other.get("admin").is_none());
    let layer = &other["layered_runtime"]["layers"][0]["static_layer"];
    assert_eq!(layer["re2.max_program_size.error_level"], 300);
    xds(&["bootstrap", "--admin", "9901"])
        .ends(2)
        .complains("write 127.0.0.1:9901");
}

#[test]
fn envoy_accepts_the_bootstrap() {
    let Some(binary) = envoy::binary("envoy_accepts_the_bootstrap") else {
        return;
    };
    for args in [
        &["bootstrap"][..],
        &["bootstrap", "--variant", "sotw", "--admin", "off"],
        &[
            "bootstrap",
            "--tcp",
            "127.0.0.1:50051",
            "--admin",
            "[::1]:0",
        ],
    ] {
        let (_folder, path) = file("envoy.json", &xds(args).ends(0).out);
        let output = std::process::Command::new(&binary)
            .args(["--mode", "validate", "--config-path"])
            .arg(&path)
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{args:?}: {said}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn services_of_the_cluster_are_judged_and_compared_with_what_is_to_come() {
    let folder = tempfile::tempdir().unwrap();
    let socket = folder.path().join("lsnr.sock");
    let node = SimNode::start(Settings::at(&socket)).unwrap();
    node.deploy("web", &format!("[DEFAULT]\nnodes = node1\n{WEB}"))
        .unwrap();
    let socket = socket.to_str().unwrap();
    let live = ["validate", "--live", "web", "--socket", socket];
    xds(&live)
        .ends(0)
        .says("web\n")
        .says("would serve expose#0, expose#1");
    xds(&["validate", "--live", "nobody", "--socket", socket])
        .ends(1)
        .complains("has no instance of the service on this node");
    let translated = [
        "translate",
        "--live",
        "web",
        "--socket",
        socket,
        "--type",
        "endpoints",
    ];
    xds(&translated).ends(0).says("\"address\": \"10.0.0.1\"");

    // A newcomer that wants what another service has.
    let args = [
        "validate",
        "-",
        "--service",
        "rival",
        "--socket",
        socket,
        "--cluster",
    ];
    xds_with(&args, WEB)
        .ends(1)
        .says("[name-taken]")
        .says("web.expose#1");

    // The service itself, changed: its neighbours stay.
    let args = ["diff", "-", "--service", "web", "--socket", socket];
    xds_with(&args, WEB)
        .ends(0)
        .says("Nothing changes in Envoy");
    let moved = WEB.replace("listener_port = 8080", "listener_port = 8081");
    xds_with(&args, &moved)
        .ends(1)
        .says("+ listener 0.0.0.0:8081/tcp")
        .says("- listener 0.0.0.0:8080/tcp")
        .says("0.0.0.0:8080/tcp closes, and its connections drain");
    let refused = WEB.replace("listener_port = 8080", "listener_port = 80810");
    xds_with(&args, &refused)
        .ends(1)
        .says("web.expose#0 would be refused, and go on as it is")
        .says("Nothing changes in Envoy");
}

#[test]
fn a_daemon_that_is_not_there_is_unreachable() {
    xds(&[
        "validate",
        "--live",
        "web",
        "--socket",
        "/nowhere/lsnr.sock",
    ])
    .ends(3)
    .complains("/nowhere/lsnr.sock")
    .complains("--socket PATH");
}
