//! Names of what TLS is made of, as BoringSSL, Envoy's library, knows them.
//!
//! A name is refused only where no library that Envoy is built with can know it: its parts, or the name of a
//! curve, are none of theirs.

use envoy_types::pb::envoy::extensions::transport_sockets::tls::v3::TlsParameters;

use super::DataFindings;
use crate::envoy::shown;

/// What names of ciphers and of groups of them are put together from.
const CIPHERS: [&str; 50] = [
    "128", "256", "3DES", "ADH", "AECDH", "AES", "AES128", "AES256", "AESCCM", "AESGCM", "ALL",
    "ANULL", "ARIA", "ARSA", "CAMELLIA", "CBC", "CBC3", "CCM", "CCM8", "CHACHA20", "DEFAULT",
    "DES", "DHE", "ECDH", "ECDHE", "ECDSA", "EDE", "EDH", "EECDH", "FIPS", "GCM", "HIGH", "KRSA",
    "LOW", "MD5", "MEDIUM", "NULL", "POLY1305", "PSK", "RC4", "RSA", "SHA", "SHA1", "SHA256",
    "SHA384", "SSLV3", "TLS", "TLSV1", "TLSV1.2", "WITH",
];

/// The curves and groups of BoringSSL and OpenSSL, in lower case.
const CURVES: [&str; 27] = [
    "brainpoolp256r1",
    "brainpoolp384r1",
    "brainpoolp512r1",
    "ffdhe2048",
    "ffdhe3072",
    "ffdhe4096",
    "ffdhe6144",
    "ffdhe8192",
    "mlkem1024",
    "mlkem512",
    "mlkem768",
    "p-224",
    "p-256",
    "p-384",
    "p-521",
    "prime256v1",
    "secp224r1",
    "secp256k1",
    "secp256r1",
    "secp256r1mlkem768",
    "secp384r1",
    "secp384r1mlkem1024",
    "secp521r1",
    "x25519",
    "x25519kyber768draft00",
    "x25519mlkem768",
    "x448",
];

/// How names of signature algorithms begin, in lower case.
const SIGNATURES: [&str; 7] = ["dsa", "ecdsa", "ed25519", "ed448", "mldsa", "pss", "rsa"];

pub(super) fn check(parameters: &TlsParameters, path: &str, findings: &mut DataFindings<'_>) {
    let mut judge = |field: &str, names: &[String], is_known: fn(&str) -> bool, hint: &str| {
        if let Some(name) = names.iter().find(|name| !is_known(name)) {
            let what = format_args!("names '{}', which TLS does not have", shown(name));
            findings.break_rule(&format!("{path}.{field}"), what, hint);
        }
    };
    let hint = "write names such as ECDHE-ECDSA-AES128-GCM-SHA256";
    judge("cipher_suites", &parameters.cipher_suites, is_cipher, hint);
    let hint = "write names such as X25519 and P-256";
    judge("ecdh_curves", &parameters.ecdh_curves, is_curve, hint);
    let hint = "write names such as ecdsa_secp256r1_sha256";
    judge(
        "signature_algorithms",
        &parameters.signature_algorithms,
        is_signature,
        hint,
    );
}

fn is_cipher(name: &str) -> bool {
    let mut parts = name.split(['-', '_', '+', '!', '[', ']', '|', ':', '@', ' ', ',']);
    let is_known = |part: &str| CIPHERS.binary_search(&&*part.to_uppercase()).is_ok();
    let is_command = name.contains('@');
    is_command || parts.all(|part| part.is_empty() || is_known(part) || is_exchange(part))
}

/// `kECDHE`, `aRSA` and the like.
fn is_exchange(part: &str) -> bool {
    let rest = part.strip_prefix(['k', 'a', 'e']);
    rest.is_some_and(|rest| CIPHERS.binary_search(&&*rest.to_uppercase()).is_ok())
}

fn is_curve(name: &str) -> bool {
    CURVES.binary_search(&&*name.to_lowercase()).is_ok()
}

fn is_signature(name: &str) -> bool {
    let name = name.to_lowercase();
    SIGNATURES.iter().any(|known| name.starts_with(known))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_known_by_their_parts() {
        assert!(CIPHERS.is_sorted() && CURVES.is_sorted());
        for name in [
            "ECDHE-ECDSA-AES128-GCM-SHA256",
            "[ECDHE-RSA-AES128-GCM-SHA256|ECDHE-RSA-CHACHA20-POLY1305]",
            "TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA",
            "DES-CBC3-SHA",
            "ALL",
            "!aNULL",
            "kRSA",
        ] {
            assert!(is_cipher(name), "{name}");
        }
        assert!(!is_cipher("FOO") && !is_cipher("ECDHE-FOO"));
        assert!(is_curve("X25519") && is_curve("P-256") && !is_curve("FOO"));
        assert!(is_signature("rsa_pss_rsae_sha256") && is_signature("ECDSA+SHA256"));
        assert!(!is_signature("FOO"));
    }
}
