//! Every diagnostic code: the one table behind diagnostics, `xds explain-code`, `igw_explain` and the
//! documentation.
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
    DOCUMENT_UNREAD = "document-unread",
        "The service is too large to be looked at.",
        "No service of this size can pass through the OpenSVC daemon, so it is not even read.";
    DOCUMENT_TOO_LARGE = "document-too-large",
        "The service holds more than the OpenSVC daemon carries.",
        "A node posts the evaluated keywords of a service with its status, and gives up without a \
         word when they are too many: somewhere above 40 KB, and surely above 64 KiB. The gateway \
         would then go on with what it last saw. From 32 KiB on there is a warning. Certificates \
         belong into secrets, which are fetched one by one.";
    TOO_MANY_FINDINGS = "too-many-findings",
        "There is more to say than anybody would read.",
        "Mend what is reported, and the rest will show.";
    TOO_MANY_ROUTES = "too-many-routes",
        "The service's exposes reach too many routes and hash policies.",
        "Sections may be named by many others, and each use is a route of its own in Envoy. The \
         limit keeps a small configuration from asking for more than Envoy can hold.";

    WRITTEN_TWICE = "written-twice",
        "A section or a keyword is written twice.",
        "OpenSVC's agent says nothing of it: the keywords of equal sections are taken together, and of \
         equal keywords the last one counts. One of the two is probably a leftover.";
    ENDLESS_REFERENCES = "endless-references",
        "The references of a value lead to ever more references.",
        "Each of a few keywords that refer twice to the next doubles the value. The agent would \
         evaluate them for minutes, at every status; here, the value is not evaluated, and what needs \
         it is not served.";

    UNKNOWN_SECTION = "unknown-section",
        "The section's group is not one that OpenSVC knows, but resembles one.",
        "OpenSVC ignores sections of unknown groups, so a misspelt one would have no effect.";
    UNKNOWN_TYPE = "unknown-type",
        "The section is of a type that is not the gateway's.",
        "The gateway serves expose, vhost, route and hashpolicy sections of type envoy, and \
         certificate sections of type tls.";
    EXPOSED_IN_CONTAINER = "exposed-in-container",
        "An ip section inside a container lists exposes.",
        "What runs inside a container (encap) is told apart from the service's own resources, and no \
         gateway has ever looked there. List the exposes in an ip of the service itself, such as the \
         one that gives the container its address.";
    UNUSED_SECTION = "unused-section",
        "No expose leads to the section.",
        "A vhost counts when an expose names it in vhosts, a route when a vhost does, and so on. The \
         section is checked all the same, and its errors harm nothing.";
    EXPOSE_NOT_PUBLISHED = "expose-not-published",
        "No ip section names the expose.",
        "The addresses of an expose are those of the ip sections whose expose keyword names it. \
         Without one nothing is behind the expose.";
    LEFT_OUT = "left-out",
        "The expose is not served because of an error in a section it leads to.",
        "An expose is served as a whole or not at all. The error itself is reported in its own \
         section.";

    MISSING_KEYWORD = "missing-keyword",
        "A required keyword has no value.",
        "The section means nothing without it. From the daemon a keyword is also missing when its \
         value could not be converted: a port that is not a number, for example.";
    UNKNOWN_KEYWORD = "unknown-keyword",
        "The keyword is not one of the section's.",
        "OpenSVC stores it and ignores it, so a misspelt keyword would have no effect.";
    KEYWORD_ALIAS = "keyword-alias",
        "The keyword is another name of the proper one.",
        "The name is understood for the sake of existing configurations. The OpenSVC agent drops \
         keywords that its own drivers do not know, so the value may never reach the gateway.";
    KEYWORD_IGNORED = "keyword-ignored",
        "The keyword has no effect where it is.",
        "Another keyword of the section decides, or nothing reads this one.";
    SCOPE_NOT_SUPPORTED = "scope-not-supported",
        "The keyword cannot differ from node to node.",
        "OpenSVC allows a scope, as in port@node1, for some keywords only, and refuses others.";
    SCOPED_VALUE = "scoped-value",
        "The keyword differs from node to node.",
        "Every value is checked by itself. What depends on other keywords is checked with the \
         unscoped value, or with the first one.";
    UNRESOLVED_REFERENCE = "unresolved-reference",
        "The value refers to something that is known on a node only.",
        "The agent evaluates references such as {nodename} on each node, and the gateway judges what \
         comes out of it.";
    LITERAL_BRACES = "literal-braces",
        "The value holds what looks like a reference, but is not one that the agent knows.",
        "The agent evaluates references such as {env.port} before the gateway sees the value, and \
         leaves alone what leads nowhere. What is left is taken as it is written: in match_regex=/a/{id} \
         and in match_path=/a/{id} the braces are matched like any other character.";
    UNDEFINED_SECTION = "undefined-section",
        "A section is named that does not exist.",
        "OpenSVC does not check these names. An expose that leads nowhere is not served.";
    WRONG_SECTION = "wrong-section",
        "The name is not that of a section that is wanted there.",
        "vhosts names vhost sections, routes names route sections, hash_policies names hashpolicy \
         sections, and the certificates keywords name certificate sections; separated by spaces.";
    SECTION_NAMED_TWICE = "section-named-twice",
        "A section is named twice in the same keyword.",
        "Only the first place counts.";

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

    SNI_WITH_VHOSTS = "sni-with-vhosts",
        "sni and vhosts exclude each other.",
        "With sni the expose passes connections through, or ends TLS and passes bytes; with vhosts \
         it is HTTP, and the domains of the vhosts are the server names. Older gateways ignored \
         vhosts in silence when sni was there, so that what the vhosts promised was not done.";
    NOT_FOR_UDP = "not-for-udp",
        "The keyword makes no sense for datagrams.",
        "TLS, server names and HTTP need connections.";
    HASH_POLICY_UNUSED = "hash-policy-unused",
        "A route has hash policies, and the expose does not hash.",
        "Only ring_hash and maglev look at them.";
    NOTHING_HASHED = "nothing-hashed",
        "The expose hashes, and nothing says what.",
        "Without a hash policy ring_hash and maglev pick an endpoint at random. For tcp, Envoy's own \
         hash_policy can be written in filter_config_data.";
    NO_KEY_PAIR = "no-key-pair",
        "A TLS listener has no certificate to present.",
        "listener_certificates must name at least one certificate section with a certificate and a \
         key; a section with only validation_secret judges clients.";

    DOMAIN_PORT = "domain-port",
        "A domain has another port than the listener.",
        "Hosts are matched with and without the listener's port, so no port is needed. Another one \
         would never match.";
    DOMAIN_REPEATED = "domain-repeated",
        "Two vhosts of an expose have the same domain.",
        "Envoy refuses all routes of a listener when a domain appears twice. Case does not matter.";
    NO_ROUTES = "no-routes",
        "A vhost has no routes.",
        "Requests for its domains are answered with 404.";
    ROUTE_HIDDEN = "route-hidden",
        "A route is never tried.",
        "Routes are tried in the order of the vhost's routes keyword, and an earlier one takes every \
         request that this one would.";

    NO_MATCH = "no-match",
        "A route does not say which requests it takes.",
        "Exactly one of match_path, match_prefix and match_regex is required.";
    SEVERAL_MATCHES = "several-matches",
        "A route says in several ways which requests it takes.",
        "Envoy knows one way for each route. Write several routes to take what any of them takes.";
    INVALID_PATH = "invalid-path",
        "The value is not a path.",
        "Paths start with / and are matched as they are sent: without query, and with spaces and \
         letters beyond ASCII percent-encoded. Envoy accepts anything else and never matches it.";
    INVALID_REGEX = "invalid-regex",
        "The value is not a regular expression of RE2.",
        "Envoy's engine is RE2: no looking around, no back references, no possessive repetition, \
         counts up to 1000. Envoy refuses all routes of a listener when one expression is wrong.";
    REGEX_TOO_LARGE = "regex-too-large",
        "The regular expression compiles to too large a program.",
        "RE2's program for the expression is limited so that matching stays cheap. Counts and long \
         lists of alternatives make it large. The size is an estimate.";
    REGEX_LARGE = "regex-large",
        "The regular expression is larger than Envoy takes by default.",
        "Envoy refuses programs above 100 instructions unless re2.max_program_size.error_level says \
         otherwise, which it does in the gateway's own bootstrap.";
    REGEX_NEVER_MATCHES = "regex-never-matches",
        "No path can match the regular expression.",
        "The whole path is compared, from its first character, which is always /, and without the \
         query. Spaces and letters beyond ASCII are percent-encoded in it, and a fragment is never \
         sent.";
    REWRITE_WHOLE_PATH = "rewrite-whole-path",
        "A rewrite replaces the whole path.",
        "With match_regex there is no prefix to replace, so the whole path gives way.";
    REWRITE_DOUBLE_SLASH = "rewrite-double-slash",
        "A rewrite leaves two slashes in a row.",
        "The prefix is replaced letter by letter: /ws rewritten to / makes //chat of /ws/chat.";
    SEVERAL_REWRITES = "several-rewrites",
        "A redirect changes the path in two ways.",
        "redirect_path_redirect replaces the whole path and redirect_prefix_rewrite its beginning: \
         Envoy knows one of the two for each route.";
    REWRITE_QUERY = "rewrite-query",
        "A rewrite is more than a path.",
        "Envoy puts what it rewrites before the rest of the request, its query included: of `/x?y=1` and \
         a request with `?q=2` it makes `/x?y=1?q=2`.";
    REDIRECT_LOOP = "redirect-loop",
        "A redirect leads to where it comes from.",
        "Clients follow it a few times and give up.";

    INVALID_HEADER_NAME = "invalid-header-name",
        "The value is not the name of an HTTP header.",
        "Envoy refuses everything it was sent together with a bad one.";
    INVALID_COOKIE = "invalid-cookie",
        "The value cannot be part of a cookie.",
        "The gateway may have to make the cookie, and a ';' or a line break in it would let the value \
         set other attributes or headers. Envoy itself does not check this.";
    COOKIE_WITHOUT_NAME = "cookie-without-name",
        "A cookie is described and not named.",
        "cookie_path and cookie_ttl are about the cookie of cookie_name.";
    COOKIE_PATH_IGNORED = "cookie-path-ignored",
        "Browsers ignore the cookie's path.",
        "A path that does not start with / stands for the path of the request.";
    SEVERAL_HASH_KEYS = "several-hash-keys",
        "A hash policy hashes several things.",
        "Each hash policy is one thing; hash_policies puts them in order.";
    NOTHING_TO_HASH = "nothing-to-hash",
        "A hash policy does not say what to hash.",
        "Envoy refuses all routes of a listener over a hash policy without a cookie, header or \
         connection property.";

    EMPTY_CERTIFICATE = "empty-certificate",
        "A certificate section names no certificate.",
        "It needs certificate_secret, validation_secret, a pair of files or a pair of inline texts.";
    SEVERAL_KEY_PAIRS = "several-key-pairs",
        "A certificate section names several certificates.",
        "Each section is one certificate, from a secret, from files or inline.";
    HALF_A_PAIR = "half-a-pair",
        "A certificate comes without its key, or a key without its certificate.",
        "Both are needed, from the same kind of source: two files, or two inline texts.";
    BAD_KEY_PAIR = "bad-key-pair",
        "The inline certificate and key cannot be served.",
        "Envoy refuses a listener whose certificate cannot be read, whose key belongs to another \
         certificate, or whose RSA key is shorter than 2048 bits.";
    RELATIVE_FILENAME = "relative-filename",
        "The file name is relative.",
        "It is Envoy that opens the file, from the directory it was started in and in its own \
         container.";
    CERTIFICATE_EXPIRED = "certificate-expired",
        "The certificate has expired.",
        "Envoy goes on serving it and clients refuse it. This is a warning and not an error, because \
         a configuration must not become wrong by the clock alone.";
    CERTIFICATE_NOT_YET_VALID = "certificate-not-yet-valid",
        "The certificate is not valid yet.",
        "Clients refuse it until then. Check the clock too.";
    CERTIFICATE_EXPIRES_SOON = "certificate-expires-soon",
        "The certificate expires within 30 days.",
        "Renew it; one in a secret is replaced without touching the configuration.";

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
    PASSTHROUGH_SECRET = "passthrough-secret",
        "cluster_data or filter_config_data holds a private key, a password or a token.",
        "Over TCP any user of the host could read it. A cluster that holds one is only served on the \
         unix socket, unless the gateway was told to serve keys over TCP too; an Envoy on TCP answers \
         for it with 503, or closes the connection. A listener is shared, so filters that hold one are \
         not served at all. Certificates belong into secrets, which certificate sections name; Envoy \
         also reads files.";
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
    PORT_OF_A_NODE = "port-of-a-node",
        "On one node, the port of an expose is not a valid port.",
        "A keyword may be scoped by node, as in port@node2. An instance whose own value is not a port is \
         left out of the endpoints: at the port of the others something else may answer there.";
    PORT_CHOSEN_LATER = "port-chosen-later",
        "The listener port is not known yet, so there is no listener to show.",
        "With listener_port=0 the running gateway chooses a port when it serves the expose, and writes \
         it into the configuration. A translation made without it has the cluster, but neither listener \
         nor routes. To see those, write a port.";
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
