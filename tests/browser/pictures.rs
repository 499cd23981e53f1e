//! What the dashboard looks like beside a real Envoy: pictures in `target/screenshots`, for people.

use std::net::Ipv4Addr;

use igw_envoy::envoy::Variant;
use igw_envoy::envoy::bootstrap::XdsAddress;
use igw_envoy::sidecar::{Http, Options, Sidecar};
use igw_envoy::simnode::{Settings, SimNode};
use tempfile::TempDir;
use tokio::task::JoinHandle;

use crate::chromium::{Page, Screen};
use crate::support::envoy::{self, Envoy};
use crate::support::self_signed::key_pair;
use crate::support::{eventually, free_address};

/// Services of a shop: two web services on one port, one of them with a mistake, a database, mail; and
/// one for partners, whose certificate expired.
const SERVICES: [(&str, &str); 7] = [
    ("shop/svc/web", include_str!("services/web.conf")),
    ("shop/svc/blog", include_str!("services/blog.conf")),
    ("shop/svc/db", include_str!("services/db.conf")),
    ("shop/svc/mail", include_str!("services/mail.conf")),
    ("shop/svc/partners", include_str!("services/partners.conf")),
    ("shop/svc/intranet", include_str!("services/intranet.conf")),
    ("lab/svc/away", include_str!("services/away.conf")),
];

/// A node, the sidecar and Envoy.
struct Stage {
    node: SimNode,
    envoy: Envoy,
    url: String,
    sidecar: JoinHandle<()>,
    _folder: TempDir,
}

impl Stage {
    async fn set_up(binary: &std::path::PathBuf) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let network = free_address().ip();
        let std::net::IpAddr::V4(network) = network else {
            unreachable!("free addresses are of version 4")
        };
        let [a, b, c, _] = network.octets();
        let node = SimNode::start(Settings {
            nodes: vec!["node1".into(), "node2".into()],
            backend_network: Ipv4Addr::new(a, b, c, 100),
            ..Settings::at(folder.path().join("lsnr.sock"))
        })
        .unwrap();
        let http = free_address();
        let options = Options {
            daemon_socket: folder.path().join("lsnr.sock"),
            unix_socket: folder.path().join("xds.sock"),
            tcp: None,
            http: Some(Http {
                addr: http,
                required: true,
            }),
            ..Options::default()
        };
        let xds = XdsAddress::Unix(options.unix_socket.clone());
        let sidecar = Sidecar::bind(options).await.unwrap();
        let sidecar = tokio::spawn(async { sidecar.run(std::future::pending()).await.unwrap() });
        let mut stage = Self {
            envoy: Envoy::start(binary, "gateway1", xds, Variant::Delta),
            url: format!("http://{http}/"),
            node,
            sidecar,
            _folder: folder,
        };
        // Before anything is deployed, so that it is seen how long each change takes.
        stage.envoy.ready().await;
        let names = ["shop.example.com", "*.shop.example.com"];
        for (secret, names, days) in [
            ("shop/sec/web", &names[..], 20),
            ("shop/sec/blog", &["blog.example.com"], 200),
            ("shop/sec/partners", &["partners.example.com"], -3),
        ] {
            let (chain, key) = key_pair(names, days);
            stage
                .node
                .set_secret_key(secret, "certificate_chain", &chain);
            stage.node.set_secret_key(secret, "private_key", &key);
        }
        let (authority, _) = key_pair(&["partners"], 900);
        let trust = "shop/sec/partners-ca";
        stage.node.set_secret_key(trust, "trusted_ca", &authority);
        for (path, config) in SERVICES {
            // Real listeners: on addresses of this test alone.
            let config = config.replace("0.0.0.0", &network.to_string());
            match path {
                // Created and never started: nobody answers.
                "lab/svc/away" => stage.node.create(path, &config).unwrap(),
                _ => stage.node.deploy(path, &config).unwrap(),
            };
        }
        stage
    }
}

impl Drop for Stage {
    fn drop(&mut self) {
        self.sidecar.abort();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_view_is_pictured_beside_a_real_envoy() {
    let Some(binary) = envoy::binary("pictures") else {
        return;
    };
    let stage = Stage::set_up(&binary).await;
    let Some(mut page) = Page::open("pictures", &stage.url).await else {
        return;
    };
    eventually("Envoy listens", async || {
        let stats = stage.envoy.stat("listener_manager.total_listeners_active");
        (stats.await == 6).then_some(())
    })
    .await;
    for (name, hash, words) in [
        ("overview", "#/", "refused something"),
        ("exposes", "#/exposes", "10 exposes"),
        (
            "expose",
            "#/expose/shop%2Fsvc%2Fweb.expose%231",
            "Envoy checks",
        ),
        (
            "refused",
            "#/expose/shop%2Fsvc%2Fintranet.expose%230",
            "is already served on",
        ),
        (
            "partners",
            "#/expose/shop%2Fsvc%2Fpartners.expose%231",
            "its host has no such address",
        ),
        ("findings", "#/findings", "2 errors"),
        ("certificates", "#/certificates", "shop/sec/web"),
        ("envoys", "#/envoys", "refused in part"),
        (
            "explain",
            "#/explain?url=https%3A%2F%2Fshop.example.com%3A8443%2Fcart%2F1",
            "Forwarded",
        ),
        (
            "fails",
            "#/explain?url=https%3A%2F%2Fpartners.example.com%3A9443%2F",
            "Fails all the same",
        ),
    ] {
        page.show(hash).await;
        page.reads("main", words).await;
        for screen in [Screen::Laptop, Screen::Phone] {
            page.show_on(screen).await;
            for scheme in ["light", "dark"] {
                page.prefer(scheme).await;
                let screen = format!("{screen:?}").to_lowercase();
                page.picture(&format!("{name}-{screen}-{scheme}")).await;
            }
        }
        page.show_on(Screen::Laptop).await;
    }
    // Envoy refused what its host does not have, however often it was tried, and nothing else.
    let log = stage.envoy.log();
    let mut refusals = log.lines().filter(|line| line.contains(" rejected: "));
    assert!(refusals.all(|line| line.contains("192.0.2.7")), "{log}");
}
