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
    WRONG_TYPE = "wrong-type",
        "The value has the wrong shape.",
        "The keyword takes one value and was given a list or a JSON object, or the other way round.";
    INVALID_INTEGER = "invalid-integer",
        "The value is not an integer.",
        "OpenSVC itself reads a bad integer as no value at all, so the section would be left \
         without the keyword and nothing would say why. Write decimal digits only.";
    PORT_OUT_OF_RANGE = "port-out-of-range",
        "The value is not a port.",
        "Ports go from 1 to 65535. Envoy refuses everything it was sent together with a larger one, \
         and takes 0 for any port, which nobody could then connect to; only listener_port gives 0 \
         a meaning of its own.";
    INVALID_BOOLEAN = "invalid-boolean",
        "The value is neither true nor false.",
        "Write true or false; yes, y, t, 1 and no, n, f, 0 are understood as well, in any case.";
    INVALID_CHOICE = "invalid-choice",
        "The value is not one of the keyword's choices.",
        "The choices are in the message. Their case, and whether words are joined by a space, '-' \
         or '_', does not matter.";
    INVALID_DURATION = "invalid-duration",
        "The value is not a duration.",
        "A duration is a number of seconds, or numbers with units: w, d, h, m and s, as in 1h30m. \
         route_timeout also takes fractions and ms, which the OpenSVC agent does not know elsewhere. \
         The agent reads most other texts as 0 without a word.";
    INVALID_ADDRESS = "invalid-address",
        "The value is not an ip address.",
        "Envoy listens on addresses, not on names: an IPv4 or IPv6 address without brackets, \
         netmask or zone. 0.0.0.0 is every IPv4 address of the gateway's node, :: every IPv6 one.";
    INVALID_JSON = "invalid-json",
        "The value is not a JSON object.",
        "OpenSVC reads JSON with a mistake as no value at all, so the keyword would silently have no \
         effect. The message has the position of the first mistake.";
    INVALID_SECRET = "invalid-secret",
        "The value does not name a secret of the service's namespace.",
        "A service uses the secrets of its own namespace only: write the bare name of one.";
    CONTROL_CHARACTER = "control-character",
        "The value holds a line break or another control character.",
        "In a header or a path a line break would let a value smuggle headers in. Envoy refuses \
         everything it was sent together with such a value. Check how the value is continued over \
         several lines of the configuration file.";

    INVALID_SERVER_NAME = "invalid-server-name",
        "The value is not a TLS server name.",
        "What a client asks for by SNI is a host name without port, in ASCII. Envoy also takes *. \
         and a suffix; it refuses other wildcards, and accepts but never matches a name with a port.";
    INVALID_DOMAIN = "invalid-domain",
        "The value is not a domain.",
        "A domain is compared with the Host header: a host name in ASCII, with one * at its start \
         or end at most, or * alone. Envoy accepts much else and never matches it.";
    INVALID_HOST = "invalid-host",
        "The value is not a host.",
        "Write a host name or an address, with a port behind a colon where it is needed, and without \
         scheme or path.";

    PASSTHROUGH_UNKNOWN_FIELD = "passthrough-unknown-field",
        "cluster_data or filter_config_data has a field that Envoy v3 does not.",
        "The JSON is read against Envoy's own descriptors, as Envoy itself would. An expose with such \
         a field is not served, since Envoy would refuse it. Fields of Envoy's v2 API that have a v3 \
         form are translated; the others must be rewritten.";
    PASSTHROUGH_INVALID = "passthrough-invalid",
        "cluster_data or filter_config_data has a value that Envoy does not accept.",
        "The path in the message leads to the value. Durations are written \"1.5s\", enums by name, \
         and extensions with a '@type' that the gateway knows.";
    PASSTHROUGH_CONTRADICTS = "passthrough-contradicts",
        "cluster_data or filter_config_data contradicts the section.",
        "The field says where traffic goes, or how it is routed, which the section's keywords and the \
         service's resources do already. Following both is impossible and following one in silence \
         would surprise, so the expose is not served.";
    PASSTHROUGH_IGNORED = "passthrough-ignored",
        "A field of cluster_data or filter_config_data is ignored.",
        "Names, statistics prefixes and the links between resources are the gateway's to set. The \
         rest of the data is used.";
    PASSTHROUGH_OVERRIDES = "passthrough-overrides",
        "cluster_data wins over a keyword of the same section.",
        "What is written in Envoy's own words is taken as the more precise wish. Keep one of the two, \
         so that nobody reads the other and believes it.";
    PASSTHROUGH_V2 = "passthrough-v2",
        "cluster_data or filter_config_data is written for Envoy's v2 API.",
        "Envoy dropped v2 in 2021. Shapes with a v3 form are translated and serve as they did; an \
         untyped configuration whose type is not known by its name cannot be.";
    ENVOY_CONSTRAINT = "envoy-constraint",
        "Envoy's proto constraints refuse the message.",
        "Envoy checks ranges, lengths and required fields before anything else, and refuses all \
         resources of an update for one that fails. The gateway checks the same rules and leaves out \
         the one expose.";
    ORIGINAL_DST = "original-dst",
        "The endpoints of the service are not used.",
        "With lb_policy original_dst_lb a connection goes on to the address it was made for, which \
         only means something where iptables redirects connections to the gateway.";
    UPSTREAM_UNVERIFIED = "upstream-unverified",
        "TLS towards the endpoints without verification.",
        "cluster_certificates turns TLS on, but no certificate in it has a validation_secret: whoever \
         answers at the endpoint's address is believed.";
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
