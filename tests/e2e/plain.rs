//! Bytes and datagrams.

use std::net::{SocketAddr, TcpListener};

use igw_envoy::index::Serving;
use igw_envoy::simnode::Workload;

use crate::backends::{HTTP, UDP};
use crate::clients::{self, Request};
use crate::eventually;
use crate::gateway::Gateway;
use crate::load::Load;

pub(crate) async fn stories(gateway: &mut Gateway) {
    a_scaler_is_balanced_while_it_grows_and_shrinks(gateway).await;
    a_stopped_service_is_reachable_again_when_it_starts(gateway).await;
    datagrams_come_back_on_a_port_that_tcp_has_too(gateway).await;
    ipv6_in_and_out(gateway).await;
    gateway.was_never_refused().await;
}

async fn a_scaler_is_balanced_while_it_grows_and_shrinks(gateway: &Gateway) {
    gateway.deploy(
        "svcweb",
        &format!(
            "[DEFAULT]\ntopology = flex\nscale = 3\n\
             [ip#1]\ntype = cni\nexpose = expose#0\n\
             [expose#0]\ntype = envoy\nport = {HTTP}\nlistener_port = 8000\n"
        ),
    );
    gateway.thinks("svcweb.expose#0", Serving::Served).await;
    let request = gateway.get(8000, "svcweb", "/");
    eventually("svcweb answers", || clients::http(&request)).await;

    let load = Load::on_new_connections(&request);
    load.is_served_by(&["0.svcweb", "1.svcweb", "2.svcweb"], 30)
        .await;
    gateway.node.scale("svcweb", 5);
    let five = ["0.svcweb", "1.svcweb", "2.svcweb", "3.svcweb", "4.svcweb"];
    load.is_served_by(&five, 50).await;
    gateway.node.scale("svcweb", 2);
    load.is_served_by(&["0.svcweb", "1.svcweb"], 30).await;
    gateway.node.set_ip("0.svcweb", "ip#1", false);
    load.is_served_by(&["1.svcweb"], 30).await;
    gateway.node.set_ip("0.svcweb", "ip#1", true);
    load.is_served_by(&["0.svcweb", "1.svcweb"], 30).await;
    load.ends_without_failure().await;
}

/// The cluster stays, empty, and with it the listener.
async fn a_stopped_service_is_reachable_again_when_it_starts(gateway: &Gateway) {
    let removed = "listener_manager.listener_removed";
    let before = gateway.envoy.stat(removed).await;
    let request = gateway.get(8000, "svcweb", "/");
    gateway.node.stop_service("svcweb");
    eventually("nobody answers", || async {
        match clients::http(&request).await {
            Ok(answer) => Err(format!("{} does", answer.instance())),
            Err(_) => Ok(()),
        }
    })
    .await;
    gateway.node.start_service("svcweb");
    eventually("svcweb answers again", || clients::http(&request)).await;
    assert_eq!(gateway.envoy.stat(removed).await, before);
}

async fn datagrams_come_back_on_a_port_that_tcp_has_too(gateway: &Gateway) {
    let address = gateway.service_address(2);
    gateway.backends.start("dns", address);
    gateway.deploy(
        "dns",
        &format!(
            "[ip#1]\nipname = {address}\nexpose = expose#0 expose#1\n\
             [expose#0]\ntype = envoy\nprotocol = udp\nport = {UDP}\nlistener_port = 5300\n\
             [expose#1]\ntype = envoy\nport = {HTTP}\nlistener_port = 5300\n"
        ),
    );
    let reply = eventually("dns answers", || clients::udp(gateway.at(5300), "who?")).await;
    assert_eq!(reply, "who?, says dns");
    let request = gateway.get(5300, "dns", "/");
    let answer = eventually("and by TCP", || clients::http(&request)).await;
    assert_eq!(answer.instance(), "dns");
}

async fn ipv6_in_and_out(gateway: &Gateway) {
    let port = gateway.backends.start_on_loopback_6("six");
    let free = TcpListener::bind("[::1]:0").unwrap().local_addr().unwrap();
    gateway.deploy(
        "six",
        &format!(
            "[ip#1]\nipname = ::1\nexpose = expose#0\n\
             [expose#0]\ntype = envoy\nport = {port}\nlistener_addr = ::1\nlistener_port = {}\n",
            free.port()
        ),
    );
    let to = SocketAddr::new("::1".parse().unwrap(), free.port());
    let request = Request::get(to, "six", "/");
    let answer = eventually("six answers", || clients::http(&request)).await;
    assert_eq!(answer.header("x-endpoint"), format!("[::1]:{port}"));
}
