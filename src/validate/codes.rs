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
}
