//! Names for PEM text: certificates differ from run to run, so texts that are kept say
//! `@chain www.acme.com`, `@key www.acme.com` and `@ca` instead.

use crate::pki;

/// What a mark stands for: `@chain NAME`, `@key NAME` or `@ca`.
pub(crate) fn expand(mark: &str) -> Option<String> {
    let (what, name) = mark.split_once(' ').unwrap_or((mark, ""));
    match what {
        "@ca" => Some(pki::authority()),
        "@chain" => Some(pki::identity(name).chain),
        "@key" => Some(pki::identity(name).key),
        _ => None,
    }
}

/// Puts the marks back in the place of what they stand for.
pub(crate) fn mark(text: &str) -> String {
    let mut text = text.replace(pki::authority().trim_end(), "@ca");
    for (name, identity) in pki::identities() {
        text = text.replace(identity.chain.trim_end(), &format!("@chain {name}"));
        text = text.replace(identity.key.trim_end(), &format!("@key {name}"));
    }
    text
}
