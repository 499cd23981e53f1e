//! TLS: passed through, ended at the gateway, and made anew towards the services.

use igw_envoy::simnode::Workload;

use crate::backends::{HTTP, HTTPS, MUTUAL};
use crate::clients;
use crate::eventually;
use crate::gateway::Gateway;
use crate::load::Load;
use crate::pki::{self, Identity};

pub(crate) async fn stories(gateway: &mut Gateway) {
    let node = &gateway.node;
    put(
        gateway,
        "sec/front",
        &pki::identity("front.org,sub.front.org"),
    );
    put(gateway, "sec/side", &pki::identity("side.org"));
    put(gateway, "sec/gateway", &pki::identity("gateway"));
    node.set_secret_key("sec/authority", "trusted_ca", &pki::authority());
    let stranger = rcgen::generate_simple_self_signed(["stranger".to_owned()]).unwrap();
    node.set_secret_key("sec/stranger", "trusted_ca", &stranger.cert.pem());
    for (n, service) in ["one", "two", "front", "side"].into_iter().enumerate() {
        let address = gateway.service_address(2 + n as u8);
        gateway.backends.start(service, address);
    }

    the_server_name_leads_to_its_service(gateway).await;
    tls_ends_at_the_gateway_for_bytes(gateway).await;
    no_host_header_crosses_services(gateway).await;
    a_renewed_certificate_is_shown_at_once(gateway).await;
    clients_must_show_a_certificate_where_they_are_judged(gateway).await;
    tls_goes_on_to_the_service(gateway).await;
    gateway.was_never_refused().await;
}

fn put(gateway: &Gateway, secret: &str, identity: &Identity) {
    let node = &gateway.node;
    node.set_secret_key(secret, "certificate_chain", &identity.chain);
    node.set_secret_key(secret, "private_key", &identity.key);
}

async fn the_server_name_leads_to_its_service(gateway: &Gateway) {
    for (last, service, names) in [(2, "one", "one.org"), (3, "two", "two.org *.two.org")] {
        let address = gateway.service_address(last);
        gateway.deploy(
            service,
            &format!(
                "[ip#1]\nipname = {address}\nexpose = expose#0\n\
                 [expose#0]\ntype = envoy\nport = {HTTPS}\nlistener_port = 8443\nsni = {names}\n"
            ),
        );
    }
    for (name, service) in [("one.org", "one"), ("two.org", "two"), ("a.two.org", "two")] {
        let request = gateway.get(8443, name, "/").secure(name);
        let answer = eventually(name, || clients::http(&request)).await;
        assert_eq!(answer.instance(), service, "{name}");
    }
    let request = gateway.get(8443, "backend.org", "/").secure("backend.org");
    clients::http(&request)
        .await
        .expect_err("nobody has that name");
}

async fn tls_ends_at_the_gateway_for_bytes(gateway: &Gateway) {
    gateway
        .node
        .set(
            "one",
            &[
                "ip#1.expose+=expose#1",
                "expose#1.type=envoy",
                &format!("expose#1.port={HTTP}"),
                "expose#1.listener_port=8444",
                "expose#1.listener_certificates=certificate#0",
                "certificate#0.type=tls",
                "certificate#0.certificate_secret=front",
            ],
        )
        .unwrap();
    let request = gateway.get(8444, "front.org", "/").secure("front.org");
    let answer = eventually("one answers under TLS", || clients::http(&request)).await;
    assert_eq!(answer.instance(), "one");
}

/// Two HTTPS services on one port: each has its own certificate and routes.
async fn no_host_header_crosses_services(gateway: &Gateway) {
    for (last, service) in [(4, "front"), (5, "side")] {
        let address = gateway.service_address(last);
        gateway.deploy(
            service,
            &format!(
                "[ip#1]\nipname = {address}\nexpose = expose#0\n\
                 [expose#0]\ntype = envoy\nport = {HTTP}\nlistener_port = 8443\n\
                 vhosts = vhost#0\nlistener_certificates = certificate#0\n\
                 [vhost#0]\ntype = envoy\ndomains = {service}.org\nroutes = route#0\n\
                 [route#0]\ntype = envoy\nmatch_prefix = /\n\
                 [certificate#0]\ntype = tls\ncertificate_secret = {service}\n"
            ),
        );
    }
    for service in ["front", "side"] {
        let name = format!("{service}.org");
        let request = gateway.get(8443, &name, "/").secure(&name);
        let answer = eventually(&name, || clients::http(&request)).await;
        assert_eq!((answer.status, answer.instance()), (200, service));
        let answer = clients::http(&request.clone().version_2()).await.unwrap();
        assert_eq!((answer.status, answer.instance()), (200, service));
        let said = clients::websocket(&request, "hello").await.unwrap();
        assert_eq!(said, format!("hello, says {service}"));
        let with_port = gateway
            .get(8443, &format!("{name}:8443"), "/")
            .secure(&name);
        assert_eq!(clients::http(&with_port).await.unwrap().status, 200);
    }
    let crossing = gateway.get(8443, "side.org", "/").secure("front.org");
    for request in [crossing.clone(), crossing.version_2()] {
        let answer = clients::http(&request).await.unwrap();
        assert_eq!((answer.status, answer.instance()), (404, ""));
    }
}

async fn a_renewed_certificate_is_shown_at_once(gateway: &Gateway) {
    let old = pki::identity("front.org,sub.front.org");
    let new = pki::issue("front.org");
    let shown = || clients::certificate(gateway.at(8443), "front.org");
    assert_eq!(shown().await.unwrap(), clients::der(&old.chain));
    let listeners = ["added", "modified", "in_place_updated", "removed"];
    let mut before = Vec::new();
    for what in listeners {
        let stat = format!("listener_manager.listener_{what}");
        before.push(gateway.envoy.stat(&stat).await);
    }
    let request = gateway.get(8443, "front.org", "/").secure("front.org");
    let load = Load::start(&request);

    // The two halves come one after the other: until they fit, the old pair is shown.
    let node = &gateway.node;
    node.set_secret_key("sec/front", "certificate_chain", &new.chain);
    eventually("the half-renewed secret is noticed", || async {
        let findings = gateway.findings("front");
        match findings.iter().any(|f| f.contains("sec/front")) {
            true => Ok(()),
            false => Err(format!("{findings:?}")),
        }
    })
    .await;
    assert_eq!(shown().await.unwrap(), clients::der(&old.chain));
    node.set_secret_key("sec/front", "private_key", &new.key);
    eventually("the new certificate is shown", || async {
        match shown().await? == clients::der(&new.chain) {
            true => Ok(()),
            false => Err("the old one is".to_owned()),
        }
    })
    .await;
    load.goes_on(20).await;
    load.ends_without_failure().await;
    let mut after = Vec::new();
    for what in listeners {
        let stat = format!("listener_manager.listener_{what}");
        after.push(gateway.envoy.stat(&stat).await);
    }
    assert_eq!(after, before, "{listeners:?}");
    assert_eq!(gateway.findings("front"), Vec::<String>::new());
}

async fn clients_must_show_a_certificate_where_they_are_judged(gateway: &Gateway) {
    gateway
        .node
        .set(
            "side",
            &[
                "ip#1.expose+=expose#1",
                "expose#1.type=envoy",
                &format!("expose#1.port={HTTP}"),
                "expose#1.listener_port=8445",
                "expose#1.vhosts=vhost#0",
                "expose#1.listener_certificates=certificate#1",
                "certificate#1.type=tls",
                "certificate#1.certificate_secret=side",
                "certificate#1.validation_secret=authority",
            ],
        )
        .unwrap();
    let request = gateway.get(8445, "side.org", "/").secure("side.org");
    let known = request.clone().identified("somebody");
    let answer = eventually("a known client is served", || clients::http(&known)).await;
    assert_eq!(answer.instance(), "side");
    clients::http(&request)
        .await
        .expect_err("an unknown one is not");
}

async fn tls_goes_on_to_the_service(gateway: &Gateway) {
    let address = gateway.service_address(2);
    gateway.deploy(
        "upstream",
        &format!(
            "[ip#1]\nipname = {address}\nexpose = expose#0 expose#1 expose#2\n\
             [expose#0]\ntype = envoy\nport = {HTTPS}\nlistener_port = 8100\n\
             cluster_certificates = certificate#shown\n\
             [expose#1]\ntype = envoy\nport = {MUTUAL}\nlistener_port = 8101\n\
             cluster_certificates = certificate#shown certificate#judge\n\
             [expose#2]\ntype = envoy\nport = {HTTPS}\nlistener_port = 8102\n\
             cluster_certificates = certificate#stranger\n\
             [certificate#shown]\ntype = tls\ncertificate_secret = gateway\n\
             [certificate#judge]\ntype = tls\nvalidation_secret = authority\n\
             [certificate#stranger]\ntype = tls\nvalidation_secret = stranger\n"
        ),
    );
    for port in [8100, 8101] {
        let request = gateway.get(port, "upstream", "/");
        let answer = eventually("the service answers", || clients::http(&request)).await;
        assert_eq!(answer.instance(), "one", "{port}");
    }
    let refused = "cluster.upstream.expose#2.ssl.fail_verify_error";
    eventually(
        "a service that nobody vouches for is not talked to",
        || async {
            let answer = clients::http(&gateway.get(8102, "upstream", "/")).await;
            match gateway.envoy.stat_so_far(refused).await {
                None | Some(0) => Err(format!("{answer:?}")),
                Some(_) => Ok(answer.expect_err("no answer")),
            }
        },
    )
    .await;
}
