//! The services that requests are made to, and what Envoy gets for them.

use std::net::IpAddr;

use igw_envoy::config::Config;
use igw_envoy::model::{Document, ObjectPath};
use igw_envoy::preview::{Address, Preview};
use igw_envoy::snapshot::Snapshot;
use igw_envoy::verdict::{Facts, judge};

/// What stands for the address of the gateway, and for those of the services.
const GATEWAY: &str = "GATEWAY";
const BACKEND: &str = "BACKEND";

/// Plain HTTP: every way of matching hosts and paths, and every thing that a route does.
const SHOP: &str = "
[ip#1]
ipname = BACKEND
expose = expose#0 expose#1
[expose#0]
type = envoy
port = 8081
listener_addr = GATEWAY
listener_port = 8080
vhosts = vhost#exact vhost#wild vhost#any
[vhost#exact]
type = envoy
domains = shop.test www.shop.test
routes = route#path route#regex route#quoted route#nocase route#rewritten route#hidden route#header route#rest
[vhost#wild]
type = envoy
domains = *.shop.test
routes = route#rest
[vhost#any]
type = envoy
domains = *
routes = route#https route#host route#moved route#prefix route#strip route#regexmoved
[route#path]
type = envoy
match_path = /exact
[route#regex]
type = envoy
match_regex = /u/[0-9]+(/.*)?
[route#quoted]
type = envoy
match_regex = /\\Qq.x\\E(/\\d)?
[route#nocase]
type = envoy
match_prefix = /NoCase
match_case_sensitive = false
[route#rewritten]
type = envoy
match_prefix = /api/
route_prefix_rewrite = /v1/
route_host_rewrite = inside.test
[route#hidden]
type = envoy
match_path = /exact/hidden
[route#header]
type = envoy
match_prefix = /by-header
route_cluster_header = x-cluster
[route#rest]
type = envoy
match_prefix = /e
[route#https]
type = envoy
match_prefix = /https
redirect_https_redirect = true
[route#host]
type = envoy
match_prefix = /host
redirect_host_redirect = other.test:8443
redirect_response_code = found
[route#moved]
type = envoy
match_path = /moved
redirect_path_redirect = /new?of=ours
redirect_response_code = see_other
[route#prefix]
type = envoy
match_prefix = /old
redirect_prefix_rewrite = /new
redirect_response_code = temporary_redirect
[route#strip]
type = envoy
match_prefix = /strip
match_case_sensitive = false
redirect_path_redirect = /stripped
redirect_strip_query = true
redirect_response_code = permanent_redirect
[route#regexmoved]
type = envoy
match_regex = /r[0-9]
redirect_prefix_rewrite = /whole
[expose#1]
type = envoy
port = 8081
listener_addr = GATEWAY
listener_port = 8443
vhosts = vhost#tls
listener_certificates = certificate#0
[vhost#tls]
type = envoy
domains = shop.test *.shop.test
routes = route#path route#secure route#rest
[route#secure]
type = envoy
match_prefix = /secure
redirect_https_redirect = true
";

/// Other shapes on the same sockets, and on their own.
const REST: &str = "
[ip#1]
ipname = BACKEND
expose = expose#http expose#sni expose#tcp
[expose#http]
type = envoy
port = 8081
listener_addr = GATEWAY
listener_port = 8080
vhosts = vhost#0
[vhost#0]
type = envoy
domains = rest.test pre.*
routes = route#0
[route#0]
type = envoy
match_prefix = /
[expose#sni]
type = envoy
port = 8081
listener_addr = GATEWAY
listener_port = 8443
sni = mail.test *.mail.test
listener_certificates = certificate#0
[expose#tcp]
type = envoy
port = 8081
listener_addr = GATEWAY
listener_port = 9000
[expose#idle]
type = envoy
port = 8081
listener_addr = GATEWAY
listener_port = 7000
[expose#idlehttp]
type = envoy
port = 8081
listener_addr = GATEWAY
listener_port = 7001
vhosts = vhost#0
";
/// What Envoy gets for both services.
pub(super) fn configured(gateway: IpAddr, shop: IpAddr, rest: IpAddr) -> Snapshot {
    let mut preview = Preview::new("envoy");
    let mut facts = Facts::default();
    for (path, config, address) in [("shop", SHOP, shop), ("rest", REST, rest)] {
        let pair = rcgen::generate_simple_self_signed([format!("{path}.test")]).unwrap();
        let indented = |pem: String| pem.trim().replace('\n', "\n    ");
        let config = format!(
            "{config}[certificate#0]\ntype = tls\ncertificate_chain_inline_string =\n    {}\n\
             private_key_inline_string =\n    {}\n",
            indented(pair.cert.pem()),
            indented(pair.signing_key.serialize_pem())
        );
        let config = config
            .replace(GATEWAY, &gateway.to_string())
            .replace(BACKEND, &address.to_string());
        assert!(Config::parse(&config).is_ok());
        let path: ObjectPath = path.parse().unwrap();
        let document = Document::from_config(path, &config).unwrap();
        let verdict = judge(&document, &facts);
        let errors: Vec<_> = verdict.report.errors().collect();
        assert!(errors.is_empty(), "{errors:?}");
        let section = "ip#1".to_owned();
        preview.serve(
            &document,
            &verdict,
            &[Address {
                section,
                addr: address,
            }],
        );
        facts
            .others
            .extend(verdict.candidates.iter().map(|c| (*c.expose).clone()));
    }
    preview.snapshot()
}
