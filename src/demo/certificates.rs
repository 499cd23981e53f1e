//! The certificates of the demo, made anew at every run.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
};
use rustls::pki_types::PrivateKeyDer;
use rustls::server::WebPkiClientVerifier;
use rustls::{ClientConfig, RootCertStore, ServerConfig};

use super::Failure;

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// A certificate and its key, as PEM and as rustls wants them.
pub(super) struct Identity {
    pub(super) chain: String,
    pub(super) key: String,
    der: rustls::pki_types::CertificateDer<'static>,
    pair: KeyPair,
}

/// Everything that the demo's TLS needs.
pub(super) struct Certificates {
    /// The authority that signed the others.
    pub(super) authority: String,
    /// What the gateway shows to clients.
    pub(super) front: Identity,
    /// What the gateway shows to the instances.
    pub(super) back: Identity,
    /// How clients judge the gateway.
    pub(super) client: Arc<ClientConfig>,
    /// How instances talk, and judge the gateway: without its certificate they refuse it.
    pub(super) instance: Arc<ServerConfig>,
}

impl Certificates {
    /// Makes an authority, and certificates for the host names that the gateway serves.
    pub(super) fn new(hosts: &[&str]) -> Result<Self, Failure> {
        let key = KeyPair::generate()?;
        let mut params = for_a_year(CertificateParams::default());
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params
            .distinguished_name
            .push(DnType::CommonName, "igw-envoy demo authority");
        let authority = params.self_signed(&key)?;
        let issuer = Issuer::new(params, key);

        let front = sign(&issuer, hosts, ExtendedKeyUsagePurpose::ServerAuth)?;
        let back = sign(&issuer, &["gateway"], ExtendedKeyUsagePurpose::ClientAuth)?;
        let web = sign(&issuer, &["instance"], ExtendedKeyUsagePurpose::ServerAuth)?;

        let mut roots = RootCertStore::empty();
        roots.add(authority.der().clone())?;
        let roots = Arc::new(roots);
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let client = ClientConfig::builder_with_provider(Arc::clone(&provider))
            .with_safe_default_protocol_versions()?
            .with_root_certificates(Arc::clone(&roots))
            .with_no_client_auth();
        let judge =
            WebPkiClientVerifier::builder_with_provider(roots, Arc::clone(&provider)).build()?;
        let instance = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()?
            .with_client_cert_verifier(judge)
            .with_single_cert(
                vec![web.der.clone()],
                PrivateKeyDer::Pkcs8(web.pair.serialize_der().into()),
            )?;
        Ok(Self {
            authority: authority.pem(),
            front,
            back,
            client: Arc::new(client),
            instance: Arc::new(instance),
        })
    }
}

/// Valid from yesterday, whatever the clocks say, for a year: what a browser shows looks like what
/// people know.
fn for_a_year(mut params: CertificateParams) -> CertificateParams {
    let now = SystemTime::now();
    params.not_before = (now - DAY).into();
    params.not_after = (now + 365 * DAY).into();
    params
}

fn sign(
    issuer: &Issuer<'_, KeyPair>,
    names: &[&str],
    usage: ExtendedKeyUsagePurpose,
) -> Result<Identity, Failure> {
    let pair = KeyPair::generate()?;
    let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
    let mut params = for_a_year(CertificateParams::new(names.clone())?);
    params
        .distinguished_name
        .push(DnType::CommonName, names.join(", "));
    params.extended_key_usages.push(usage);
    let certificate = params.signed_by(&pair, issuer)?;
    Ok(Identity {
        chain: certificate.pem(),
        key: pair.serialize_pem(),
        der: certificate.der().clone(),
        pair,
    })
}
