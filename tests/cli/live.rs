//! Commands that ask a running sidecar: the real binary asks the real binary, which follows a simulated
//! node; with a real Envoy where one matters.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Stdio};

use serde_json::Value;

use crate::gateway::Gateway;
use crate::run::{command, xds};
use crate::support::envoy;
use crate::support::{PATIENCE, eventually};

const WEB: &str = "
[ip#1]
ipname = 10.0.0.1
expose = expose#0 expose#1
[expose#0]
type = envoy
port = 80
listener_port = 8080
vhosts = vhost#0
[vhost#0]
type = envoy
domains = www.acme.org
routes = route#0
[route#0]
type = envoy
match_prefix = /
[expose#1]
type = envoy
port = 443
listener_port = 8443
sni = www.acme.org
";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_gateway_tells_what_it_serves_and_refuses_and_where_requests_go() {
    let gateway = Gateway::start().await;
    gateway
        .ask(&["status"])
        .await
        .ends(0)
        .says("Nothing is exposed");
    gateway.deploy("web", WEB);
    gateway
        .ask(&["wait", "web"])
        .await
        .ends(0)
        .says("web is served");
    // A rival for the same name.
    gateway.deploy("rival", WEB);
    let waited = gateway.ask(&["wait", "rival"]).await.ends(1);
    waited.complains("rival is refused: rival.expose#0: refused");

    let status = gateway.ask(&["status"]).await.ends(0);
    status
        .says("daemon   followed since ")
        .says("none is connected")
        .says("EXPOSE")
        .says("rival.expose#1  refused")
        .says("web.expose#0    served");
    gateway.ask(&["status", "--check"]).await.ends(1);
    gateway.ask(&["status", "web", "--check"]).await.ends(0);
    gateway
        .ask(&["status", "nobody"])
        .await
        .ends(1)
        .complains("nobody exposes nothing");
    let json = gateway.ask(&["status", "--json"]).await.ends(0).json();
    assert_eq!(json["daemon"]["link"], "following");
    assert_eq!(json["exposes"][2]["standing"], "served");
    assert_eq!(json["exposes"][2]["names"][0], "www.acme.org");
    assert!(json["started"].as_str().unwrap().ends_with('Z'), "{json}");

    let url = "http://www.acme.org:8080/x";
    // Without an Envoy nobody forwards anything, wherever it would go.
    let way = gateway.ask(&["explain", url]).await.ends(1);
    way.says("forwarded, but it fails")
        .says("But: No Envoy is connected")
        .says("virtual host  web.expose#0.vhost#0")
        .says("Forwarded to web.expose#0, at 10.0.0.1:80.")
        .says("web.expose#0: served")
        // Who lost the name is told, too.
        .says("error: rival ");
    let json = gateway.ask(&["explain", url, "--json"]).await.json();
    assert_eq!(json["outcome"], "forwarded");
    assert_eq!(json["steps"][4]["stage"], "cluster");
    let lost = ["explain", url, "-H", "Host: other.acme.org"];
    gateway
        .ask(&lost)
        .await
        .ends(1)
        .says("not found")
        .says("404: no virtual host answers to");
    let by_name = [
        "explain",
        "tls://other.acme.org:8443",
        "--sni",
        "www.acme.org",
    ];
    gateway.ask(&by_name).await.says("web.expose#1");
    gateway
        .ask(&["explain", "gopher://x"])
        .await
        .ends(2)
        .complains("is not a scheme");
    gateway
        .ask(&["wait", "sec/web"])
        .await
        .ends(2)
        .complains("is not a service");
}

/// The same answer without a sidecar, from the configuration.
#[test]
fn a_request_is_explained_from_files_too() {
    let (_folder, path) = crate::run::file("web.conf", WEB);
    let path = path.to_str().unwrap();
    xds(&["explain", "http://www.acme.org:8080/", "--file", path])
        .ends(0)
        .says("Forwarded to web.expose#0, at 10.0.0.1:80.");
    xds(&["explain", "http://www.acme.org:81/", "--file", path])
        .ends(1)
        .says("nothing listens");
}

#[test]
fn without_a_sidecar_it_is_said_which_socket_was_tried() {
    for args in [
        &["status"][..],
        &["watch"],
        &["wait", "web"],
        &["explain", "http://x/"],
    ] {
        let args = [args, &["--janitor-socket", "unix:///nowhere/xds.sock"]].concat();
        xds(&args)
            .ends(3)
            .complains("no sidecar answers at /nowhere/xds.sock")
            .complains("--janitor-socket PATH");
    }
}

/// A slip of the hand: the socket is another program's, or none at all.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_no_sidecar_is_told_to_be_none() {
    let gateway = Gateway::start().await;
    let daemon = gateway.node.socket().to_str().unwrap().to_owned();
    let (_folder, file) = crate::run::file("xds.sock", "");
    let file = file.to_str().unwrap().to_owned();
    for args in [&["status"][..], &["watch"], &["wait", "web"]] {
        for (socket, why) in [
            (&daemon, "is not a sidecar: it does not speak gRPC"),
            (&file, "xds.sock is not a socket"),
        ] {
            let args = [args, &["--janitor-socket", socket]].concat();
            let args: Vec<String> = args.into_iter().map(str::to_owned).collect();
            let run = move || xds(&args.iter().map(String::as_str).collect::<Vec<_>>());
            let done = tokio::task::spawn_blocking(run).await.unwrap();
            done.ends(3)
                .complains(why)
                .complains("name the sidecar's socket with --janitor-socket PATH");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn waiting_ends_when_the_time_is_up() {
    let gateway = Gateway::start().await;
    let waited = gateway
        .ask(&["wait", "web", "--timeout", "1"])
        .await
        .ends(4);
    waited
        .complains("waiting: the gateway knows of nothing that it exposes")
        .complains("after 1 s web still waits");
    gateway.deploy("web", WEB);
    let quiet = ["wait", "web", "--acked", "--timeout", "1", "--quiet"];
    gateway
        .ask(&quiet)
        .await
        .ends(4)
        .complains("no Envoy is connected");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_deploy_script_waits_until_every_envoy_has_the_service() {
    let test = "a_deploy_script_waits_until_every_envoy_has_the_service";
    let Some(binary) = envoy::binary(test) else {
        return;
    };
    let gateway = Gateway::start().await;
    gateway.deploy("web", WEB);
    let (one, two) = (gateway.envoy(&binary, "one"), gateway.envoy(&binary, "two"));
    let wait = ["wait", "web", "--acked", "--endpoints"];
    eventually("both Envoys have the service", async || {
        let waited = gateway.ask(&wait).await.ends(0);
        (waited.out == "web is acknowledged by one, two\n").then_some(())
    })
    .await;
    for envoy in [&one, &two] {
        let listeners = envoy.get("/listeners").await.unwrap();
        assert!(listeners.contains(":8080"), "{listeners}");
    }

    // What is waited for is the configuration of now.
    gateway
        .node
        .set("web", &["expose#0.listener_port=8081"])
        .unwrap();
    eventually("the sidecar knows of the change", async || {
        let status = gateway.ask(&["status", "web"]).await;
        status.out.contains(":8081/tcp").then_some(())
    })
    .await;
    gateway.ask(&wait).await.ends(0);
    for envoy in [&one, &two] {
        let listeners = envoy.get("/listeners").await.unwrap();
        assert!(listeners.contains(":8081"), "{listeners}");
    }
}

/// What is lost to Envoy, since only its host knows that the address is not there.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_an_envoy_refuses_is_not_waited_for() {
    let test = "what_an_envoy_refuses_is_not_waited_for";
    let Some(binary) = envoy::binary(test) else {
        return;
    };
    let gateway = Gateway::start().await;
    let elsewhere = WEB.replace("[expose#1]\n", "[expose#1]\nlistener_addr = 192.0.2.7\n");
    gateway.deploy("web", &elsewhere);
    let mut envoy = gateway.envoy(&binary, "one");
    envoy.ready().await;
    let waited = gateway
        .ask(&["wait", "web", "--acked", "--timeout", "20"])
        .await
        .ends(1);
    waited.complains("web is refused").complains("192.0.2.7");
    let status = gateway.ask(&["status"]).await.ends(0);
    status
        .says("refused by Envoy")
        .says("Envoy one refuses it: ")
        .says("its host has no such address: write one that it has in expose#1.listener_addr");
}

/// Lines of a command that goes on; none any more once it was silent for too long.
fn lines(child: &mut Child) -> impl Iterator<Item = String> + use<> {
    let output = BufReader::new(child.stdout.take().unwrap());
    let (sender, lines) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        let mut lines = output.lines().map_while(Result::ok);
        lines.all(|line| sender.send(line).is_ok())
    });
    std::iter::from_fn(move || lines.recv_timeout(PATIENCE).ok())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_happens_is_told_as_it_happens() {
    let gateway = Gateway::start().await;
    gateway.deploy("web", WEB);
    gateway.ask(&["wait", "web"]).await.ends(0);
    let watch = |args: &[&str]| {
        command(&[&["watch"], args].concat())
            .arg("--janitor-socket")
            .arg(&gateway.socket)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap()
    };
    let (mut people, mut script) = (watch(&[]), watch(&["web", "--json"]));
    let (mut told, mut json) = (lines(&mut people), lines(&mut script));
    let mut until = |text: &str| told.find(|line| line.contains(text)).unwrap();
    until("daemon followed since");
    until("web.expose#1 served on");
    let first: Value = serde_json::from_str(&json.next().unwrap()).unwrap();
    assert_eq!(
        (&first["whole"], &first["exposes"][0]["id"]),
        (&true.into(), &"web.expose#0".into())
    );
    gateway.node.stop_service("web");
    until("web.expose#0 no endpoints");
    until(": endpoints 2 put");
    let next: Value = serde_json::from_str(&json.next().unwrap()).unwrap();
    assert_eq!(next["exposes"][0]["standing"], "no_endpoints");
    gateway.node.delete("web");
    until("web.expose#0 is not exposed any more");
    for child in [&mut people, &mut script] {
        child.kill().unwrap();
        child.wait().unwrap();
    }
}

/// As `xds watch | head -1` does, in a gateway where nothing happens any more.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_watch_that_nobody_reads_ends() {
    let gateway = Gateway::start().await;
    let mut watch = command(&["watch"])
        .arg("--janitor-socket")
        .arg(&gateway.socket)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut output = BufReader::new(watch.stdout.take().unwrap());
    let mut line = String::new();
    output.read_line(&mut line).unwrap();
    assert!(line.contains("daemon followed since"), "{line}");
    drop(output);
    let ended = eventually("the watch ends", async || watch.try_wait().unwrap()).await;
    assert_eq!(ended.code(), Some(0));
}

/// Ends a command as Ctrl-C does.
fn interrupt(child: &mut Child) -> i32 {
    let done = std::process::Command::new("kill")
        .arg("-INT")
        .arg(child.id().to_string())
        .status();
    assert!(done.unwrap().success());
    child.wait().unwrap().code().unwrap()
}

fn started(args: &[&str], path: &Path, says: &str) -> Child {
    let mut child = command(args)
        .arg(path)
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut said = BufReader::new(child.stderr.take().unwrap()).lines();
    assert!(said.next().unwrap().unwrap().starts_with(says));
    // Whatever else it says must not find a closed pipe.
    std::thread::spawn(move || said.count());
    child
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_recording_holds_no_secret_and_leads_to_the_same_again() {
    let gateway = Gateway::start().await;
    gateway.deploy("web", WEB);
    gateway
        .node
        .set_secret_key("sec/web", "private_key", "hush");
    let file = gateway.folder.path().join("recording");
    let socket = gateway.node.socket().to_str().unwrap().to_owned();
    let mut record = started(&["record", "--socket", &socket], &file, "recording");
    eventually("the recorder listens", async || {
        (gateway.node.streams() == 2).then_some(())
    })
    .await;
    gateway
        .node
        .set("web", &["expose#0.listener_port=8081"])
        .unwrap();
    let key = "certificate#0.private_key_inline_string=hush";
    gateway
        .node
        .set("web", &["certificate#0.type=tls", key])
        .unwrap();
    eventually("everything is recorded", async || {
        let text = std::fs::read_to_string(&file).ok()?;
        text.contains("[redacted]").then_some(())
    })
    .await;
    assert_eq!(interrupt(&mut record), 0);
    let text = std::fs::read_to_string(&file).unwrap();
    assert!(!text.contains("hush"), "{text}");
    let again = xds(&["record", "--socket", &socket, file.to_str().unwrap()]).ends(2);
    again.complains("File exists");

    // Told.
    let told = xds(&["replay", file.to_str().unwrap()]).ends(0);
    told.says("the state at the beginning")
        .says("web.expose#0: served on ")
        .says(":8081/tcp, 1 endpoint")
        .says("- listener ");
    let json = xds(&["replay", file.to_str().unwrap(), "--json"])
        .ends(0)
        .out;
    let first: Value = serde_json::from_str(json.lines().next().unwrap()).unwrap();
    assert_eq!(first["differences"][0]["change"], "added");

    // Served to another sidecar.
    let socket = gateway.folder.path().join("replay.sock");
    let mut replay = started(
        &["replay", file.to_str().unwrap(), "--serve"],
        &socket,
        "serving",
    );
    let other = gateway.folder.path().join("other.sock");
    let mut sidecar = command(&["--port", "0", "--http", "off", "--grace", "0"])
        .arg("--socket")
        .arg(&socket)
        .arg("--janitor-socket")
        .arg(&other)
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let status = ["status", "--janitor-socket", other.to_str().unwrap()];
    eventually("the other sidecar serves the same", async || {
        xds(&status).out.contains(":8081/tcp").then_some(())
    })
    .await;
    assert_eq!(interrupt(&mut replay), 0);
    assert!(!socket.exists());
    sidecar.kill().unwrap();
    sidecar.wait().unwrap();
}
