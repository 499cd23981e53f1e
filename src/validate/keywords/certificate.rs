//! `certificate#…` sections, type `tls`.

use super::{Keyword, Kind, Origin};

/// The keywords.
pub const KEYWORDS: &[&Keyword] = &[
    &CERTIFICATE_SECRET,
    &SECRET,
    &VALIDATION_SECRET,
    &CERTIFICATE_CHAIN_FILENAME,
    &PRIVATE_KEY_FILENAME,
    &CERTIFICATE_CHAIN_INLINE_STRING,
    &PRIVATE_KEY_INLINE_STRING,
];

/// `certificate_secret`
pub static CERTIFICATE_SECRET: Keyword = Keyword::new(
    "certificate_secret",
    Kind::Secret,
    "web1-front-cert",
    "The secret of the service's namespace that holds the certificate: keys certificate_chain, \
     private_key and, for an encrypted key, password. A new value is served at once.",
);

/// `secret`
pub static SECRET: Keyword = Keyword {
    alias_of: Some("certificate_secret"),
    origin: Origin::Ours { since: "0.1.0" },
    ..Keyword::new(
        "secret",
        Kind::Secret,
        "web1-front-cert",
        "Another name of certificate_secret, found in OpenSVC's documentation.",
    )
};

/// `validation_secret`
pub static VALIDATION_SECRET: Keyword = Keyword::new(
    "validation_secret",
    Kind::Secret,
    "acme-ca",
    "The secret of the service's namespace that judges the peer: keys trusted_ca and \
     verify_certificate_hash, one or both. On a listener it makes a client certificate mandatory.",
);

/// `certificate_chain_filename`
pub static CERTIFICATE_CHAIN_FILENAME: Keyword = Keyword::new(
    "certificate_chain_filename",
    Kind::Text,
    "/etc/envoy/server.pem",
    "The file of the PEM certificate chain, in the file system that Envoy sees.",
);

/// `private_key_filename`
pub static PRIVATE_KEY_FILENAME: Keyword = Keyword::new(
    "private_key_filename",
    Kind::Text,
    "/etc/envoy/server.key",
    "The file of the PEM private key, in the file system that Envoy sees.",
);

/// `certificate_chain_inline_string`
pub static CERTIFICATE_CHAIN_INLINE_STRING: Keyword = Keyword::new(
    "certificate_chain_inline_string",
    Kind::Text,
    "{safe://web1.chain.pem}",
    "The PEM certificate chain itself, the server's certificate first.",
);

/// `private_key_inline_string`
pub static PRIVATE_KEY_INLINE_STRING: Keyword = Keyword {
    confidential: true,
    ..Keyword::new(
        "private_key_inline_string",
        Kind::Text,
        "{safe://web1.key.pem}",
        "The PEM private key itself. Anyone who can read the configuration reads it: prefer a secret.",
    )
};
