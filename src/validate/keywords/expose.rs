//! `expose#…` sections, type `envoy`.

use super::{Group, Keyword, Kind};

/// The keywords.
pub const KEYWORDS: &[&Keyword] = &[
    &PORT,
    &PROTOCOL,
    &LISTENER_ADDR,
    &LISTENER_PORT,
    &GATEWAY,
    &LB_POLICY,
    &SNI,
    &VHOSTS,
    &LISTENER_CERTIFICATES,
    &CLUSTER_CERTIFICATES,
    &CLUSTER_PRIVATE_KEY_FILENAME,
    &CLUSTER_DATA,
    &FILTER_CONFIG_DATA,
];

/// `port`
pub static PORT: Keyword = Keyword {
    required: true,
    ..Keyword::new(
        "port",
        Kind::Port,
        "8080",
        "The port that the service listens on, on each of its ip addresses.",
    )
};

/// `protocol`
pub static PROTOCOL: Keyword = Keyword {
    default: Some("tcp"),
    candidates: &["tcp", "udp"],
    ..Keyword::new(
        "protocol",
        Kind::Choice,
        "tcp",
        "The transport protocol. TLS and HTTP are tcp.",
    )
};

/// `listener_addr`
pub static LISTENER_ADDR: Keyword = Keyword {
    default: Some("0.0.0.0"),
    ..Keyword::new(
        "listener_addr",
        Kind::Address,
        "192.0.2.10",
        "The address that the gateway listens on: an IPv4 or IPv6 literal of its node. `0.0.0.0` \
         is every IPv4 address, `::` every IPv6 address.",
    )
};

/// `listener_port`
pub static LISTENER_PORT: Keyword = Keyword {
    default_text: "the value of port",
    ..Keyword::new(
        "listener_port",
        Kind::PortOrZero,
        "80",
        "The port that the gateway listens on. 0 asks the gateway to choose a free port of its \
         range and to write it here.",
    )
};

/// `gateway`
pub static GATEWAY: Keyword = Keyword {
    default_text: "every gateway of the cluster",
    ..Keyword::new(
        "gateway",
        Kind::Text,
        "envoy",
        "The name of the gateway that serves the expose, as given to its `--name`.",
    )
};

/// `lb_policy`
pub static LB_POLICY: Keyword = Keyword {
    default: Some("round robin"),
    candidates: &[
        "round robin",
        "least_request",
        "ring_hash",
        "random",
        "original_dst_lb",
        "maglev",
    ],
    ..Keyword::new(
        "lb_policy",
        Kind::Choice,
        "least_request",
        "How an endpoint is chosen. `ring_hash` and `maglev` hash what the routes' hash_policies \
         name. `original_dst_lb` connects to where the client was going before a redirection by \
         the kernel; the service's own addresses are then not used.",
    )
};

/// `sni`
pub static SNI: Keyword = Keyword::new(
    "sni",
    Kind::Names,
    "www.acme.com *.shop.acme.com",
    "The TLS server names that select this expose among those of the same address and port: exact \
     names, or `*.` and a suffix. Without listener_certificates TLS is passed through to the \
     service.",
);

/// `vhosts`
pub static VHOSTS: Keyword = Keyword::new(
    "vhosts",
    Kind::Sections(Group::Vhost),
    "vhost#0 vhost#1",
    "The virtual hosts. Their presence makes the expose HTTP.",
);

/// `listener_certificates`
pub static LISTENER_CERTIFICATES: Keyword = Keyword::new(
    "listener_certificates",
    Kind::Sections(Group::Certificate),
    "certificate#front",
    "The certificates that the gateway presents to clients. Their presence ends TLS at the gateway.",
);

/// `cluster_certificates`
pub static CLUSTER_CERTIFICATES: Keyword = Keyword::new(
    "cluster_certificates",
    Kind::Sections(Group::Certificate),
    "certificate#back",
    "The certificates of TLS towards the service. Their presence turns it on; the service's own \
     certificate is verified where one of them has a validation_secret.",
);

/// `cluster_private_key_filename`
pub static CLUSTER_PRIVATE_KEY_FILENAME: Keyword = Keyword::new(
    "cluster_private_key_filename",
    Kind::Text,
    "/etc/envoy/back.key",
    "Known to the agent and read by no gateway. Write a certificate section and name it in \
     cluster_certificates.",
);

/// `cluster_data`
pub static CLUSTER_DATA: Keyword = Keyword::new(
    "cluster_data",
    Kind::Object,
    r#"{"connect_timeout": "1s"}"#,
    "Fields of Envoy's v3 Cluster message, as a JSON object, for what no keyword sets.",
);

/// `filter_config_data`
pub static FILTER_CONFIG_DATA: Keyword = Keyword::new(
    "filter_config_data",
    Kind::Object,
    r#"{"idle_timeout": "300s"}"#,
    "Fields of Envoy's v3 network filter, as a JSON object, for what no keyword sets: TcpProxy, \
     with vhosts HttpConnectionManager, and UdpProxyConfig for udp.",
);
