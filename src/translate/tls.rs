//! TLS contexts, towards clients and towards endpoints.

use envoy_types::pb::envoy::extensions::transport_sockets::tls::v3::{
    CommonTlsContext, DownstreamTlsContext, SdsSecretConfig, TlsParameters, UpstreamTlsContext,
    common_tls_context::ValidationContextType, tls_parameters::TlsProtocol,
};
use envoy_types::pb::google::protobuf::BoolValue;

use super::parts::ads;
use super::secrets::{RequiredSecret, SecretUse, own_secret, own_secret_name};
use crate::envoy::{Reference, Resource, ResourceType};
use crate::model::{
    Certificate, Diagnostic, Expose, ExposeId, KeyPairSource, ObjectPath, Severity,
};
use crate::validate::codes;
use crate::validate::keywords::expose::{CLUSTER_CERTIFICATES, LISTENER_CERTIFICATES};

/// A TLS context and what it needs.
pub(super) struct Tls<Context> {
    pub(super) context: Context,
    /// The Envoy secrets that it names.
    pub(super) references: Vec<Reference>,
    /// Those of them that are made of the configuration itself.
    pub(super) secrets: Vec<Resource>,
    /// Those of them that are made of OpenSVC secrets.
    pub(super) required_secrets: Vec<RequiredSecret>,
}

/// TLS towards clients: where a certificate validates, clients must present one too.
pub(super) fn downstream(
    expose: &Expose,
    certificates: &[Certificate],
    alpn: &[&str],
) -> Result<Tls<DownstreamTlsContext>, Vec<Diagnostic>> {
    let common = common(&expose.id, LISTENER_CERTIFICATES.name, certificates, alpn)?;
    Ok(common.map(|common| DownstreamTlsContext {
        require_client_certificate: common
            .validation_context_type
            .is_some()
            .then_some(BoolValue { value: true }),
        common_tls_context: Some(common),
        ..DownstreamTlsContext::default()
    }))
}

/// TLS towards endpoints.
pub(super) fn upstream(
    expose: &Expose,
    certificates: &[Certificate],
) -> Result<Tls<UpstreamTlsContext>, Vec<Diagnostic>> {
    let keyword = CLUSTER_CERTIFICATES.name;
    let identities = certificates.iter().filter(|c| c.key_pair.is_some());
    if identities.count() > 1 {
        return Err(vec![
            Diagnostic::new(
                Severity::Error,
                codes::SEVERAL_CLIENT_CERTIFICATES,
                "several certificates, and Envoy presents only one to endpoints",
            )
            .at(&expose.id.section, keyword)
            .hint("keep one certificate with a key"),
        ]);
    }
    let common = common(&expose.id, keyword, certificates, &[])?;
    Ok(common.map(|common| UpstreamTlsContext {
        common_tls_context: Some(common),
        ..UpstreamTlsContext::default()
    }))
}

impl<Context> Tls<Context> {
    fn map<Other>(self, wrap: impl FnOnce(Context) -> Other) -> Tls<Other> {
        Tls {
            context: wrap(self.context),
            references: self.references,
            secrets: self.secrets,
            required_secrets: self.required_secrets,
        }
    }
}

fn common(
    id: &ExposeId,
    keyword: &str,
    certificates: &[Certificate],
    alpn: &[&str],
) -> Result<Tls<CommonTlsContext>, Vec<Diagnostic>> {
    let validation = only_validation(id, keyword, certificates)?;
    let mut names: Vec<String> = Vec::new();
    let mut secrets = Vec::new();
    let mut required_secrets = Vec::new();
    for certificate in certificates {
        let Some(source) = &certificate.key_pair else {
            continue;
        };
        let name = match source {
            KeyPairSource::Secret(path) => {
                required_secrets.push(RequiredSecret {
                    path: path.clone(),
                    usage: SecretUse::KeyPair,
                });
                SecretUse::KeyPair.resource_name(path)
            }
            _ => own_secret_name(id, &certificate.section),
        };
        // Envoy takes the same certificate twice for a mistake.
        if !names.contains(&name) {
            secrets.extend(own_secret(id, &certificate.section, source));
            names.push(name);
        }
    }
    let validation = validation.map(|path| {
        required_secrets.push(RequiredSecret {
            path: path.clone(),
            usage: SecretUse::Validation,
        });
        SecretUse::Validation.resource_name(path)
    });
    Ok(Tls {
        references: (names.iter().chain(&validation))
            .map(|name| Reference {
                kind: ResourceType::Secret,
                name: name.as_str().into(),
            })
            .collect(),
        context: CommonTlsContext {
            tls_params: Some(TlsParameters {
                tls_minimum_protocol_version: TlsProtocol::TlSv12.into(),
                ..TlsParameters::default()
            }),
            tls_certificate_sds_secret_configs: names.into_iter().map(by_sds).collect(),
            validation_context_type: validation
                .map(|name| ValidationContextType::ValidationContextSdsSecretConfig(by_sds(name))),
            alpn_protocols: alpn.iter().map(ToString::to_string).collect(),
            ..CommonTlsContext::default()
        },
        secrets,
        required_secrets,
    })
}

/// The secret that validates the peer: a TLS context has room for one.
fn only_validation<'a>(
    id: &ExposeId,
    keyword: &str,
    certificates: &'a [Certificate],
) -> Result<Option<&'a ObjectPath>, Vec<Diagnostic>> {
    let mut paths = certificates.iter().filter_map(|c| c.validation.as_ref());
    let first = paths.next();
    match paths.find(|path| Some(*path) != first) {
        None => Ok(first),
        Some(other) => Err(vec![
            Diagnostic::new(
                Severity::Error,
                codes::SEVERAL_VALIDATIONS,
                format!("its certificates name several validation secrets, also '{other}'"),
            )
            .at(&id.section, keyword)
            .hint("put all trusted authorities in one secret's trusted_ca"),
        ]),
    }
}

fn by_sds(name: String) -> SdsSecretConfig {
    SdsSecretConfig {
        name,
        sds_config: Some(ads()),
    }
}
