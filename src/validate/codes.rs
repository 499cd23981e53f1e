//! Every diagnostic code: the one table behind diagnostics, `explain` and the documentation.
//!
//! Codes are stable: scripts and dashboards match on them. One that is not used any more leaves the
//! table; its name is never given another meaning.

/// The entry of a code in the table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Entry {
    /// The code, kebab-case.
    pub code: &'static str,
    /// What it means, in one line.
    pub title: &'static str,
    /// Why it matters and what to do.
    pub explanation: &'static str,
}

/// Looks a code up.
pub fn explain(code: &str) -> Option<&'static Entry> {
    TABLE.iter().find(|entry| entry.code == code)
}

macro_rules! codes {
    ($($name:ident = $code:literal, $title:literal, $explanation:literal;)*) => {
        $(#[doc = $title] pub const $name: &str = $code;)*

        /// The codes, in the order of the pipeline.
        pub const TABLE: &[Entry] = &[
            $(Entry { code: $code, title: $title, explanation: $explanation },)*
        ];
    };
}

codes! {
    INVALID_INTEGER = "invalid-integer",
        "The value is not an integer.",
        "OpenSVC itself reads a bad integer as no value at all, so the section would be left \
         without the keyword and nothing would say why. Write decimal digits only.";

    SEVERAL_CLIENT_CERTIFICATES = "several-client-certificates",
        "More than one certificate to present to endpoints.",
        "Towards endpoints Envoy is a TLS client and presents one certificate. Leave one certificate \
         with a key in cluster_certificates; the others may only validate.";
    SEVERAL_VALIDATIONS = "several-validations",
        "The peer would be judged by several secrets.",
        "A TLS context of Envoy has one set of trusted authorities. Put all of them in the \
         trusted_ca of one secret, and name that secret once.";

    SOCKET_RESERVED = "socket-reserved",
        "The gateway itself uses that address and port.",
        "Envoy's admin interface and the xDS server listen on the gateway's host too. An expose \
         that asked for the same address and port would keep Envoy from binding it. Choose another \
         listener_port.";
    SOCKET_TAKEN = "socket-taken",
        "Another expose already has the address and port for itself.",
        "Without sni or vhosts an expose takes every connection of its socket, so there can be one \
         only; the same goes for UDP, and for TLS without names. Whoever was served first stays, \
         and the other is served as soon as the socket is free. Choose another listener_port or \
         listener_addr, or tell the services apart by sni or vhosts.";
    NAME_TAKEN = "name-taken",
        "Another expose already answers to that name on the same address and port.",
        "A server name (sni, or the domains of an HTTPS expose) and, in plain HTTP, a domain can \
         belong to one expose of a listener: Envoy refuses the listener, or its routes, for \
         everybody when one appears twice. Whoever was served first stays, and the other is served \
         as soon as the name is free. Names are compared without regard to case.";
    FILTER_CONFIG_DIFFERS = "filter-config-differs",
        "Plain HTTP exposes of one socket must agree on filter_config_data.",
        "All plain HTTP services of a socket share one filter chain, so there is one HTTP \
         connection manager for them all. Write the same filter_config_data in each of them, or \
         give the one that needs another a listener_port of its own.";
    SECRET_MISSING = "secret-missing",
        "The secret does not exist.",
        "A certificate names a secret that the cluster does not have (yet). The expose is not \
         served until the secret exists and holds what is needed, because Envoy would wait for it. \
         One that was served before keeps its last good certificate.";
    SECRET_UNUSABLE = "secret-unusable",
        "The secret does not hold what is needed.",
        "A certificate to present needs the keys certificate_chain and private_key in PEM, which \
         belong together, and password when the key is encrypted. To validate peers, trusted_ca in \
         PEM or verify_certificate_hash is needed. Until then the last good version stays in use, \
         so a renewal that changes one key after the other is safe.";
    PORTS_EXHAUSTED = "ports-exhausted",
        "No listener port is left to choose.",
        "With listener_port=0 the gateway chooses a port of its --port-range that nobody uses on \
         the same address and protocol. Write a port yourself, remove exposes that are not needed, \
         or give the gateway a larger range.";
    PORT_NOT_STORED = "port-not-stored",
        "A chosen listener port could not be written into the configuration.",
        "With listener_port=0 the gateway chooses a port, serves it at once, and writes it into the \
         configuration through the daemon so that it stays the same. The daemon refused that; its \
         words are in the message.";
}
