//! Configurations that tests have in common.

use crate::gateway::Gateway;
use crate::self_signed::key_pair;

pub const SHOP: &str = "
[ip#1]
expose = expose#0 expose#1
[ip#2]
expose = expose#0
[expose#0]
type = envoy
port = 8080
listener_port = 80
vhosts = vhost#0 vhost#1
[expose#1]
type = envoy
port = 8443
listener_port = 443
listener_certificates = certificate#0
vhosts = vhost#0
[vhost#0]
type = envoy
domains = shop.example.com *.shop.example.com
routes = route#0 route#1
[vhost#1]
type = envoy
domains = old.example.com
routes = route#2
[route#0]
type = envoy
match_path = /health
[route#1]
type = envoy
match_prefix = /
[route#2]
type = envoy
match_prefix = /
redirect_host_redirect = shop.example.com
redirect_https_redirect = true
[certificate#0]
type = tls
certificate_secret = shop
";

pub const DATABASE: &str = "
[ip#1]
expose = expose#0
[expose#0]
type = envoy
port = 5432
listener_port = 5432
";

pub const MAIL: &str = "
[ip#1]
expose = expose#0
[expose#0]
type = envoy
port = 993
listener_port = 443
sni = mail.example.com
";

/// Wants a domain that the shop has, and does not know how to write a port.
pub const RIVAL: &str = "
[ip#1]
expose = expose#0 expose#1
[expose#0]
type = envoy
port = 80
listener_port = 80
vhosts = vhost#0
[vhost#0]
type = envoy
domains = shop.example.com
routes = route#0
[route#0]
type = envoy
match_prefix = /
[expose#1]
type = envoy
port = eighty
listener_port = 81
";

pub const IDLE: &str = "
[ip#1]
expose = expose#0
[expose#0]
type = envoy
port = 7000
listener_port = 7000
";

/// Needs a secret that nobody made.
pub const HOPEFUL: &str = "
[ip#1]
expose = expose#0
[expose#0]
type = envoy
port = 8443
listener_port = 8443
listener_certificates = certificate#0
[certificate#0]
type = tls
certificate_secret = hopeful
";

/// A cluster with a bit of everything.
pub fn town() -> Gateway {
    let mut gateway = Gateway::new();
    let (chain, key) = key_pair(&["shop.example.com", "*.shop.example.com"], 20);
    gateway.secret(
        "test/sec/shop",
        &[("certificate_chain", &chain), ("private_key", &key)],
    );
    gateway.deploy("test/svc/shop", SHOP, &["10.0.0.1", "10.0.0.2"]);
    gateway.deploy("test/svc/db", DATABASE, &["10.0.0.3"]);
    gateway.deploy("test/svc/mail", MAIL, &["10.0.0.4"]);
    gateway.deploy("test/svc/rival", RIVAL, &["10.0.0.5"]);
    gateway.deploy("test/svc/idle", IDLE, &[]);
    gateway.deploy("test/svc/hopeful", HOPEFUL, &["10.0.0.6"]);
    gateway
}
