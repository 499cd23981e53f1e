//! "Why does this request fail?": a gateway in service, broken in every way that happens.

use std::net::{IpAddr, TcpListener};
use std::time::Duration;

use igw_envoy::inspect::explain::Question;

use crate::explainer::client::{Seen, backend, send};
use crate::gateway::Gateway;
use crate::run::Done;
use crate::support::envoy::{self, Envoy};
use crate::support::self_signed::key_pair;
use crate::support::{PATIENCE, eventually, free_address};

const WEB: &str = "
[ip#1]
ipname = BACKEND
expose = expose#0 expose#1 expose#2
[expose#0]
type = envoy
port = 8081
listener_port = 8080
vhosts = vhost#0
[vhost#0]
type = envoy
domains = www.acme.org
routes = route#0
[route#0]
type = envoy
match_prefix = /shop
[expose#1]
type = envoy
port = 8081
listener_port = 8443
vhosts = vhost#1
listener_certificates = certificate#0
[vhost#1]
type = envoy
domains = secure.acme.org
routes = route#1
[route#1]
type = envoy
match_prefix = /
[certificate#0]
type = tls
certificate_secret = web
[expose#2]
type = envoy
port = 8081
listener_port = 9000
";

const SHOP: &str = "http://www.acme.org:8080/shop";
const SECURE: &str = "https://secure.acme.org:8443/";

/// A gateway with an Envoy, and a service that works.
struct Scene {
    gateway: Gateway,
    envoy: Envoy,
    backend: IpAddr,
}

impl Scene {
    async fn set_up(test: &str) -> Option<Self> {
        let binary = envoy::binary(test)?;
        let gateway = Gateway::start().await;
        let mut envoy = gateway.envoy(&binary, "one");
        envoy.ready().await;
        let scene = Self {
            gateway,
            envoy,
            backend: free_address().ip(),
        };
        backend(scene.backend).await;
        scene.certify(&["secure.acme.org"], 300);
        scene.deploy("web");
        for url in [SHOP, SECURE] {
            scene.works(url).await;
        }
        Some(scene)
    }

    fn deploy(&self, service: &str) {
        let config = WEB.replace("BACKEND", &self.backend.to_string());
        self.gateway.deploy(service, &config);
    }

    /// Gives the service a certificate that is valid until some days from now.
    fn certify(&self, names: &[&str], days: i64) {
        let (chain, key) = key_pair(names, days);
        let node = &self.gateway.node;
        node.set_secret_key("sec/web", "certificate_chain", &chain);
        node.set_secret_key("sec/web", "private_key", &key);
    }

    fn set(&self, keyword: &str) {
        self.gateway.node.set("web", &[keyword]).unwrap();
    }

    async fn sends(&self, url: &str, patience: Duration) -> Seen {
        let question = Question::new(url).unwrap();
        send(self.gateway.address, &question, patience).await
    }

    /// A request gets its answer, and all that one may ask says that it does.
    async fn works(&self, url: &str) {
        eventually(&format!("{url} works"), async || {
            let seen = self.sends(url, PATIENCE).await;
            let explained = self.gateway.ask(&["explain", url, "--probe"]).await;
            (seen == Seen::Forwarded(self.backend) && explained.code == 0).then_some(())
        })
        .await;
    }

    /// A request fails as it is said to, and every way to ask says why and what to do: the command, and
    /// the API, which is all that the dashboard knows.
    async fn fails(&self, url: &str, seen: Seen, why: &str) -> Done {
        let explained = eventually(&format!("{url}: {why}"), async || {
            let explained = self.gateway.ask(&["explain", url]).await;
            explained.out.contains(why).then_some(explained)
        })
        .await;
        let explained = explained.ends(1);
        let shown = self
            .gateway
            .api(&format!("/api/v1/explain?url={url}"))
            .await;
        assert!(shown.to_string().contains(why), "{shown:#}");
        self.client_sees(url, seen).await;
        explained
    }

    async fn client_sees(&self, url: &str, seen: Seen) {
        eventually(&format!("{url}: {seen:?}"), async || {
            let now = self.sends(url, Duration::from_secs(1)).await;
            (now == seen).then_some(())
        })
        .await;
    }

    /// The gateway at a glance says it, too.
    async fn status_says(&self, why: &str) {
        eventually(why, async || {
            let status = self.gateway.ask(&["status"]).await.ends(0);
            status.out.contains(why).then_some(())
        })
        .await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_request_that_asks_for_the_wrong_thing_is_told_what_there_is() {
    let test = "a_request_that_asks_for_the_wrong_thing_is_told_what_there_is";
    let Some(scene) = Scene::set_up(test).await else {
        return;
    };
    for (url, seen, why) in [
        (
            "http://acme.org:8080/shop",
            Seen::Answered(404),
            "no virtual host answers to acme.org; known are www.acme.org",
        ),
        (
            "http://www.acme.org:8080/",
            Seen::Answered(404),
            "the only route of vhost#0 does not take /; add one to the `routes` of vhost#0",
        ),
        (
            "https://other.acme.org:8443/",
            Seen::Closed,
            "no chain has the server name other.acme.org, and none takes any name; it knows secure.acme.org",
        ),
        (
            "http://secure.acme.org:8443/",
            Seen::Closed,
            "every chain takes TLS only; use https://",
        ),
        (
            "https://www.acme.org:8080/shop",
            Seen::Closed,
            "give the expose a certificate in listener_certificates",
        ),
        (
            "http://www.acme.org:81/shop",
            Seen::NotListening,
            "A service listens there once an ip names its expose",
        ),
    ] {
        scene.fails(url, seen, why).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_service_that_is_not_there_is_told_with_the_command_that_brings_it() {
    let test = "a_service_that_is_not_there_is_told_with_the_command_that_brings_it";
    let Some(scene) = Scene::set_up(test).await else {
        return;
    };
    let node = &scene.gateway.node;
    let tcp = "tcp://www.acme.org:9000";
    node.stop_service("web");
    let stopped = "web is not up on node1; start it with: om web start";
    scene.fails(SHOP, Seen::Answered(503), stopped).await;
    scene.fails(tcp, Seen::Closed, stopped).await;
    scene.status_says(stopped).await;
    node.start_service("web");
    scene.works(SHOP).await;

    scene.set("DEFAULT.disable=true");
    let disabled = "ip#1 of web is disabled on node1; enable it with: om web enable --rid ip#1";
    scene.fails(SHOP, Seen::Answered(503), disabled).await;
    scene.status_says(disabled).await;
    node.unset("web", &["DEFAULT.disable"]).unwrap();
    scene.works(SHOP).await;

    // The daemon has nothing to tell of what its agent cannot read.
    scene.set("expose#0.port=abc");
    scene
        .status_says("expose#0.port: has no value, or one that the agent cannot read")
        .await;
    scene.works(SHOP).await;
    scene.set("expose#0.port=8081");

    // Only trying tells that nobody listens at a port that the service says it has.
    scene.set("expose#0.port=8099");
    let dead = "127.0.0.1:8099  refuses connections";
    let dead = dead.replace("127.0.0.1", &scene.backend.to_string());
    scene.client_sees(SHOP, Seen::Answered(503)).await;
    let explained = scene.gateway.ask(&["explain", SHOP, "--probe"]).await;
    explained.ends(1).says(&dead);
    let probed = scene
        .gateway
        .ask(&["explain", SHOP, "--probe", "--json"])
        .await;
    let probed = probed.ends(1).json();
    assert_eq!(probed["probes"][1]["what"], "endpoint", "{probed}");
    assert_eq!(probed["untried_endpoints"], 0, "{probed}");
    scene.set("expose#0.port=8081");
    scene.works(SHOP).await;

    scene.set("ip#1.expose=expose#1 expose#2");
    let unlisted = "no ip section names this expose, so nothing is behind it";
    scene.fails(SHOP, Seen::NotListening, unlisted).await;
    scene
        .status_says("add it to an ip: ip#1.expose+=expose#0")
        .await;
    scene.set("ip#1.expose=expose#0 expose#1 expose#2");
    scene.works(SHOP).await;

    scene.set("expose#0.gateway=partners");
    let elsewhere = "the expose's `gateway` is envoy or absent";
    scene.fails(SHOP, Seen::NotListening, elsewhere).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_certificate_that_clients_refuse_is_told_though_envoy_serves_it() {
    let test = "a_certificate_that_clients_refuse_is_told_though_envoy_serves_it";
    let Some(scene) = Scene::set_up(test).await else {
        return;
    };
    // The client of these tests believes everything.
    let served = || Seen::Forwarded(scene.backend);
    scene.certify(&["secure.acme.org"], -3);
    let why = "The certificate in sec/web expired on ";
    let explained = scene.fails(SECURE, served(), why).await;
    explained
        .says("forwarded, but it fails")
        .says("Renew the keys certificate_chain and private_key of sec/web");
    scene
        .status_says("a certificate, in sec/web, expired ")
        .await;
    scene.certify(&["*.acme.org"], 3);
    scene.works(SECURE).await;
    scene
        .status_says("the first certificate, in sec/web, expires ")
        .await;
    scene.certify(&["acme.org", "*.other.org"], 300);
    let why = "is for acme.org, *.other.org and not for secure.acme.org";
    scene.fails(SECURE, served(), why).await;
    scene.certify(&["secure.acme.org"], 300);
    scene.works(SECURE).await;
    // Half of a renewal: what was there before goes on.
    let node = &scene.gateway.node;
    node.set_secret_key("sec/web", "private_key", "no key");
    scene
        .status_says("secret sec/web cannot be used: the private key is not a PEM private key")
        .await;
    scene.works(SECURE).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_an_envoy_does_not_take_is_told_with_the_line_to_change() {
    let test = "what_an_envoy_does_not_take_is_told_with_the_line_to_change";
    let Some(scene) = Scene::set_up(test).await else {
        return;
    };
    let node = &scene.gateway.node;
    scene.set("expose#0.listener_addr=192.0.2.7");
    let why = "write one that it has in expose#0.listener_addr";
    let as_before = Seen::Forwarded(scene.backend);
    let explained = scene.fails(SHOP, as_before, why).await;
    explained.says("Until it accepts this, it serves what it had before");
    scene.status_says(why).await;
    node.unset("web", &["expose#0.listener_addr"]).unwrap();
    scene.works(SHOP).await;
    let taken = TcpListener::bind((scene.gateway.address, 8085)).unwrap();
    scene.set("expose#0.listener_port=8085");
    let why = "or write another expose#0.listener_port";
    let moved = "http://www.acme.org:8085/shop";
    let explained = scene.fails(moved, Seen::Silent, why).await;
    explained.says("forwarded, but it fails");
    let why_there = "by web.expose#0: what it had of it before may still listen there";
    scene
        .fails(SHOP, Seen::Forwarded(scene.backend), why_there)
        .await;
    scene.status_says(why).await;
    drop(taken);
    scene.works(moved).await;
    scene.set("expose#0.listener_port=8080");
    scene.works(SHOP).await;

    node.stop_daemon();
    let explained = eventually("the daemon is missed", async || {
        let explained = scene.gateway.ask(&["explain", SHOP]).await;
        explained
            .out
            .contains("is not followed since")
            .then_some(explained)
    });
    explained.await.ends(0).says("so instances may have moved");
    node.start_daemon().unwrap();

    let Scene { gateway, envoy, .. } = scene;
    drop(envoy);
    eventually("Envoy is missed", async || {
        let explained = gateway.ask(&["explain", SHOP]).await;
        let is_told = explained.out.contains("But: No Envoy is connected");
        (is_told && explained.code == 1).then_some(())
    })
    .await;
}
