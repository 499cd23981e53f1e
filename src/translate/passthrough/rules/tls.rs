//! TLS towards endpoints, in Envoy's own words.

use base64::{Engine, engine::general_purpose::STANDARD};
use envoy_types::pb::envoy::config::core::v3::config_source::ConfigSourceSpecifier;
use envoy_types::pb::envoy::config::core::v3::{
    DataSource, TransportSocket, data_source::Specifier, transport_socket::ConfigType,
};
use envoy_types::pb::envoy::extensions::transport_sockets::tls::v3::{
    CertificateValidationContext, CommonTlsContext, SdsSecretConfig, TlsCertificate,
    UpstreamTlsContext, common_tls_context::ValidationContextType,
};
use prost::Message;

use super::{DataFindings, is_of, names};
use crate::envoy::shown;
use crate::validate::certificate::{check_pair, check_validation, is_digest};
use crate::validate::keywords::expose::CLUSTER_CERTIFICATES;

/// What a list of protocols can be when it is sent, in bytes.
const LONGEST_ALPN: usize = 65_534;

/// Judges a transport socket, and its TLS context where it has one.
pub(super) fn check(socket: &TransportSocket, path: &str, findings: &mut DataFindings<'_>) {
    let Some(ConfigType::TypedConfig(config)) = &socket.config_type else {
        // An extension is found by the type of its configuration, and that is told of elsewhere.
        return;
    };
    let name = config.type_url.rsplit('/').next().unwrap_or_default();
    if !name.starts_with("envoy.extensions.transport_sockets.") || name.contains("Downstream") {
        let name = shown(name.rsplit('.').next().unwrap_or_default());
        let what = format_args!("is a {name}, which is not for endpoints");
        let hint = "write one such as envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext";
        return findings.break_rule(path, what, hint);
    }
    if !is_of::<UpstreamTlsContext>(config) {
        return;
    }
    let Ok(context) = UpstreamTlsContext::decode(&*config.value) else {
        return;
    };
    if let Some(common) = &context.common_tls_context {
        let path = format!("{path}.typed_config.common_tls_context");
        check_context(common, &path, findings);
    }
    let common = context.common_tls_context.as_ref();
    let validation = common.and_then(|common| common.validation_context_type.as_ref());
    if context.auto_sni_san_validation && validation.is_none() {
        let hint = "add a validation_context to common_tls_context";
        let path = format!("{path}.typed_config.auto_sni_san_validation");
        findings.break_rule(&path, "has nothing to validate with", hint);
    }
}

fn check_context(common: &CommonTlsContext, path: &str, findings: &mut DataFindings<'_>) {
    if let Some(parameters) = &common.tls_params {
        names::check(parameters, &format!("{path}.tls_params"), findings);
    }
    if common.tls_certificates.len() > 1 {
        let path = format!("{path}.tls_certificates");
        findings.break_rule(
            &path,
            "has more than the one certificate of a client",
            "keep one",
        );
    }
    for (index, certificate) in common.tls_certificates.iter().enumerate() {
        check_certificate(
            certificate,
            &format!("{path}.tls_certificates[{index}]"),
            findings,
        );
    }
    // Envoy joins them and takes them apart again; an empty one among others makes it crash.
    let offered = common.alpn_protocols.join(",");
    let is_name = |name: &str| (1..=usize::from(u8::MAX)).contains(&name.len());
    let fits = offered.len() <= LONGEST_ALPN && offered.split(',').all(is_name);
    if !offered.is_empty() && !fits {
        let hint = "write names such as h2 and http/1.1";
        let what = "has a name that is empty or longer than 255 bytes";
        findings.break_rule(&format!("{path}.alpn_protocols"), what, hint);
    }
    for secret in &common.tls_certificate_sds_secret_configs {
        let path = format!("{path}.tls_certificate_sds_secret_configs");
        check_secret(secret, &path, CLUSTER_CERTIFICATES.name, findings);
    }
    let validation = format!("{path}.validation_context");
    let dynamic = match &common.validation_context_type {
        Some(ValidationContextType::ValidationContext(context)) => {
            check_trust(context, true, &validation, findings);
            None
        }
        Some(ValidationContextType::ValidationContextSdsSecretConfig(secret)) => Some(secret),
        Some(ValidationContextType::CombinedValidationContext(combined)) => {
            if let Some(context) = &combined.default_validation_context {
                // The other half may bring the authority.
                check_trust(context, false, &validation, findings);
            }
            combined.validation_context_sds_secret_config.as_ref()
        }
        _ => None,
    };
    if let Some(secret) = dynamic {
        let hint = "a validation_secret in cluster_certificates";
        check_secret(
            secret,
            &format!("{validation}_sds_secret_config"),
            hint,
            findings,
        );
    }
}

fn check_certificate(certificate: &TlsCertificate, path: &str, findings: &mut DataFindings<'_>) {
    let has_key = certificate.private_key.as_ref().is_some_and(is_given)
        || certificate.private_key_provider.is_some()
        || certificate.pkcs12.is_some();
    if !has_key {
        return findings.break_rule(path, "has no private_key", "write where the key is");
    }
    let part = |source: &Option<DataSource>| source.as_ref().and_then(inline);
    let chain = part(&certificate.certificate_chain);
    let key = part(&certificate.private_key);
    if let (Some(chain), Some(key)) = (chain, key) {
        let password = part(&certificate.password);
        if let Err(why) = check_pair(&chain, &key, password.as_deref()) {
            findings.break_rule(
                path,
                format_args!("cannot be used: {why}"),
                "write both in PEM",
            );
        }
    }
}

fn check_trust(
    context: &CertificateValidationContext,
    alone: bool,
    path: &str,
    findings: &mut DataFindings<'_>,
) {
    let ca = context.trusted_ca.as_ref();
    if let Some(pem) = ca.and_then(inline)
        && let Err(why) = check_validation(Some(&pem), None)
    {
        let what = format_args!("cannot be used: {why}");
        findings.break_rule(path, what, "write the authorities in PEM");
    }
    if !context
        .verify_certificate_hash
        .iter()
        .all(|hash| is_digest(hash))
    {
        findings.break_rule(
            &format!("{path}.verify_certificate_hash"),
            "has one that is not SHA-256 in hexadecimal",
            "write 64 digits, or 32 pairs of them with colons between",
        );
    }
    if !context
        .verify_certificate_spki
        .iter()
        .all(|key| is_encoded_digest(key))
    {
        findings.break_rule(
            &format!("{path}.verify_certificate_spki"),
            "has one that is not SHA-256 in base64",
            "write the 44 characters of its base64",
        );
    }
    if alone && ca.is_none() && context.crl.is_some() {
        findings.break_rule(path, "has a crl without trusted_ca", "add trusted_ca");
    }
    if alone && ca.is_none() && !context.match_typed_subject_alt_names.is_empty() {
        findings.break_rule(
            path,
            "judges names without an authority that vouches for them",
            "add trusted_ca",
        );
    }
}

/// A secret that is fetched must come from somewhere else: what this gateway serves are the secrets
/// of certificate sections.
fn check_secret(
    secret: &SdsSecretConfig,
    path: &str,
    instead: &str,
    findings: &mut DataFindings<'_>,
) {
    let source = secret.sds_config.as_ref();
    let source = source.and_then(|config| config.config_source_specifier.as_ref());
    if matches!(source, None | Some(ConfigSourceSpecifier::Ads(_))) {
        findings.break_rule(
            path,
            "names a secret that Envoy gets from nowhere",
            &format!("write {instead} in the section, or a path_config_source"),
        );
    }
}

fn is_encoded_digest(key: &str) -> bool {
    STANDARD.decode(key).is_ok_and(|digest| digest.len() == 32)
}

fn is_given(source: &DataSource) -> bool {
    source.specifier.is_some()
}

/// The text of a source that holds it.
fn inline(source: &DataSource) -> Option<String> {
    match source.specifier.as_ref()? {
        Specifier::InlineString(text) => Some(text.clone()),
        Specifier::InlineBytes(bytes) => Some(String::from_utf8_lossy(bytes).into_owned()),
        Specifier::Filename(_) | Specifier::EnvironmentVariable(_) => None,
    }
}
