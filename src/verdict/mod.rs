//! A valid expose with its translation, the [`Candidate`], which the sidecar's index serves; and the
//! judgement on one service without a gateway, from a document to what Envoy gets: what the driver
//! plugin, the C library, the API and the commands call.
//!
//! The sidecar's index takes the same steps ([`validate`], [`prepare`], [`Occupancy::claim`]) one change
//! at a time, against what it serves already; so a verdict given at `set` time is the verdict that the
//! gateway acts on.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::envoy::{Resource, ResourceType};
use crate::model::{
    Certificate, Diagnostic, Document, Expose, ExposeId, KeyPairSource, ObjectPath, Report,
    Service, Socket, keyword_name,
};
use crate::translate::{self, Attachment, Translation};
use crate::validate::conflict::{Occupancy, Reserved};
use crate::validate::{self, Context, Validated};

/// A valid expose with its translation: ready to be served.
#[derive(Debug, Clone, PartialEq)]
pub struct Candidate {
    /// The expose; its port may have been allocated.
    pub expose: Arc<Expose>,
    /// What Envoy gets for it.
    pub translation: Translation,
}

impl Candidate {
    /// Whether Envoy asks for the endpoints of its cluster.
    pub fn has_endpoints(&self) -> bool {
        let references = &self.translation.cluster.references;
        references.iter().any(|r| r.kind == ResourceType::Endpoints)
    }

    /// Whether a private key stands in its configuration, or in what Envoy gets for it.
    pub fn is_confidential(&self) -> bool {
        let Translation {
            cluster, secrets, ..
        } = &self.translation;
        // What `cluster_data` replaces is not told to Envoy, and stays in the expose.
        let is_inline = |certificate: &Certificate| {
            let key_pair = certificate.key_pair.as_ref();
            key_pair.is_some_and(|pair| matches!(pair, KeyPairSource::Inline { .. }))
        };
        cluster.confidential
            || secrets.iter().any(|secret| secret.confidential)
            || self.expose.certificates().any(is_inline)
    }
}

/// Translates an expose.
///
/// # Errors
/// What makes it impossible to serve.
pub fn prepare(expose: Expose) -> Result<Candidate, Vec<Diagnostic>> {
    let translation = translate::translate(&expose)?;
    Ok(Candidate {
        expose: Arc::new(expose),
        translation,
    })
}

/// What the verdict on one service depends on beside its document.
#[derive(Debug, Default)]
pub struct Facts {
    /// Time, and the like.
    pub context: Context,
    /// The sockets that the gateway needs for itself.
    pub reserved: Vec<Reserved>,
    /// What the services of the cluster expose: incumbents, all of them. What they hold of the
    /// judged service itself is left aside.
    pub others: Vec<Expose>,
}

/// The verdict on one service.
#[derive(Debug)]
pub struct Verdict {
    /// Everything there is to say.
    pub report: Report,
    /// The exposes that would be served, in section order: once the [`Verdict::secrets`] hold what is
    /// needed, which nobody looked at.
    pub candidates: Vec<Candidate>,
}

/// Judges a document as the gateway would, were the service new.
///
/// Exposes of one service compete with each other in section order. Those of different gateways
/// never meet, so only exposes of the same gateway, or of any, are held against each other.
pub fn judge(document: &Document, facts: &Facts) -> Verdict {
    let Validated {
        service,
        mut report,
    } = validate::validate(document, &facts.context);
    let mut gateways = Gateways::new(facts, &service);
    let mut candidates = Vec::new();
    for expose in service.exposes {
        match prepare(expose) {
            Err(diagnostics) => {
                let told = diagnostics.into_iter().map(|one| scoped(one, document));
                report.diagnostics.extend(told);
            }
            Ok(candidate) => {
                let warnings = candidate.translation.warnings.iter();
                let told = warnings.map(|warning| scoped(warning.clone(), document));
                report.diagnostics.extend(told);
                match gateways.claim(&candidate.expose) {
                    Err(conflict) => report.diagnostics.push(conflict),
                    Ok(()) => candidates.push(candidate),
                }
            }
        }
    }
    report.finish();
    Verdict { report, candidates }
}

/// What a translation tells, of the keyword as it is written: with the scope whose value was translated,
/// the first one, where it has no value without.
fn scoped(told: Diagnostic, document: &Document) -> Diagnostic {
    let (Some(section), Some(keyword)) = (&told.section, &told.keyword) else {
        return told;
    };
    let keywords = document.sections.get(section).map(|s| &s.keywords);
    let Some(keywords) = keywords.filter(|keywords| !keywords.contains_key(keyword)) else {
        return told;
    };
    // They are in the order of their names.
    let mut labels = keywords.keys();
    match labels.find(|label| keyword_name(label) == keyword) {
        Some(label) => Diagnostic {
            keyword: Some(label.clone()),
            ..told
        },
        None => told,
    }
}

impl Verdict {
    /// The resources that Envoy would get for the service, were it alone on its listeners:
    /// clusters, secrets made of the configuration, listeners and route configurations, by type and
    /// name. Endpoints depend on where the service runs, and OpenSVC secrets on the daemon.
    ///
    /// Exposes of different gateways never meet in one Envoy. Where several gateways are named, each has
    /// its own of a listener whose exposes are not the same in all of them: the name is then there once
    /// for each, in the order of the gateways' names.
    pub fn resources(&self) -> Vec<Resource> {
        let candidates = self.candidates.iter();
        let gateways: BTreeSet<_> = candidates
            .filter_map(|c| c.expose.gateway.as_ref())
            .collect();
        if gateways.is_empty() {
            return assemble(&self.candidates);
        }
        let of = |gateway: &String| {
            let candidates = self.candidates.iter();
            assemble(candidates.filter(|c| c.expose.is_for(gateway)))
        };
        let mut resources: Vec<Resource> = gateways.into_iter().flat_map(of).collect();
        resources.sort_by_key(order);
        resources.dedup();
        resources
    }

    /// The OpenSVC secrets without which the candidates are not served, sorted. Whether they exist, and
    /// what is in them, is only known where the daemon is followed.
    pub fn secrets(&self) -> BTreeSet<&ObjectPath> {
        let translations = self
            .candidates
            .iter()
            .map(|candidate| &candidate.translation);
        let required = translations.flat_map(|translation| &translation.required_secrets);
        required.map(|secret| &secret.path).collect()
    }

    /// The exposes that would be served, if their [secrets](Self::secrets) hold what is needed.
    pub fn served(&self) -> impl Iterator<Item = &ExposeId> {
        self.candidates.iter().map(|candidate| &candidate.expose.id)
    }
}

/// The resources that Envoy gets for exposes that are served together: clusters, secrets made of the
/// configuration, listeners and route configurations, by type and name.
pub fn assemble<'a>(candidates: impl IntoIterator<Item = &'a Candidate>) -> Vec<Resource> {
    let mut resources = Vec::new();
    let mut sockets: BTreeMap<Socket, Vec<&Attachment>> = BTreeMap::new();
    for Candidate { translation, .. } in candidates {
        resources.push(translation.cluster.clone());
        resources.extend(translation.secrets.iter().cloned());
        if let Some(attachment) = &translation.attachment {
            resources.extend(attachment.own_routes().cloned());
            let attached = sockets.entry(attachment.socket).or_default();
            attached.push(attachment);
        }
    }
    for (socket, attachments) in &sockets {
        resources.push(translate::listener(*socket, attachments));
        resources.extend(translate::route_configuration(*socket, attachments));
    }
    resources.sort_by_key(order);
    resources.dedup_by_key(|resource| order(resource));
    resources
}

fn order(resource: &Resource) -> (ResourceType, Arc<str>) {
    (resource.kind, resource.name.clone())
}

/// The seats of every gateway.
struct Gateways {
    /// Of those that name no gateway, and so sit in all of them; once, as both may be many.
    everywhere: Occupancy,
    /// Of those that name one, by its name.
    own: BTreeMap<String, Occupancy>,
}

impl Gateways {
    fn new(facts: &Facts, service: &Service) -> Self {
        // Whoever is on none of the service's sockets cannot be in its way: with thousands of other
        // services, those are nearly all.
        let ports = |expose: &Expose| expose.socket().map(|s| (s.protocol, s.port));
        let wanted: BTreeSet<_> = service.exposes.iter().filter_map(ports).collect();
        let others = facts.others.iter().filter(|other| {
            other.id.service != service.path && ports(other).is_some_and(|p| wanted.contains(&p))
        });
        let names = others.clone().chain(&service.exposes);
        let names = names.filter_map(|expose| expose.gateway.clone());
        let empty = || Occupancy::new(facts.reserved.clone());
        let mut gateways = Self {
            everywhere: empty(),
            own: names.map(|gateway| (gateway, empty())).collect(),
        };
        for other in others {
            // Two of the others may be in conflict; that is not this service's matter.
            let _ = gateways.claim(other);
        }
        gateways
    }

    fn claim(&mut self, expose: &Expose) -> Result<(), Diagnostic> {
        let try_on = |occupancy: &mut Occupancy| {
            occupancy.claim(expose)?;
            occupancy.release(&expose.id);
            Ok(())
        };
        match &expose.gateway {
            Some(gateway) => {
                try_on(&mut self.everywhere)?;
                let own = self.own.get_mut(gateway);
                own.map_or(Ok(()), |own| own.claim(expose))
            }
            None => {
                try_on(&mut self.everywhere)?;
                self.own.values_mut().try_for_each(try_on)?;
                self.everywhere.claim(expose)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn what_is_wrong_with_a_scoped_value_is_told_of_it() {
        for (data, keyword) in [
            ("cluster_data@n1 = {\"foo\": 1}", "cluster_data@n1"),
            (
                "cluster_data@n1 = {\"connect_timeout\": \"0s\"}",
                "cluster_data@n1",
            ),
            (
                "cluster_data@n1 = {}\ncluster_data = {\"foo\": 1}",
                "cluster_data",
            ),
        ] {
            let text = format!(
                "[ip#1]\nexpose = expose#0\n[expose#0]\nport = 80\nlistener_port = 1080\n{data}\n"
            );
            let document = Document::from_config("web".parse().unwrap(), &text).unwrap();
            let verdict = judge(&document, &Facts::default());
            let told: Vec<_> = verdict.report.errors().map(|e| e.keyword.clone()).collect();
            assert_eq!(told, [Some(keyword.to_owned())], "{data}");
        }
    }

    /// A verdict is given without a look at secrets, so it says which ones it depends on.
    #[test]
    fn a_verdict_names_the_secrets_that_it_depends_on() {
        let text = "[ip#1]\nexpose = expose#0 expose#1\n\
                    [expose#0]\nport = 80\nlistener_port = 1080\nsni = a.org\n\
                    listener_certificates = certificate#0 certificate#1\n\
                    [expose#1]\nport = 80810\nlistener_port = 1081\nsni = b.org\n\
                    listener_certificates = certificate#2\n\
                    [certificate#0]\ncertificate_secret = web\nvalidation_secret = ca\n\
                    [certificate#1]\ncertificate_secret = web\n\
                    [certificate#2]\ncertificate_secret = other\n";
        let document = Document::from_config("test/svc/web".parse().unwrap(), text).unwrap();
        let verdict = judge(&document, &Facts::default());
        assert_eq!(verdict.served().count(), 1, "{:?}", verdict.report);
        let secrets: Vec<String> = verdict.secrets().iter().map(ToString::to_string).collect();
        assert_eq!(secrets, ["test/sec/ca", "test/sec/web"]);
    }

    /// Whoever names no gateway meets all the others, in whichever order they come.
    #[test]
    fn an_expose_of_every_gateway_is_held_against_those_of_each() {
        let service = |gateways: [&str; 3]| {
            let mut text = "[ip#1]\nexpose = expose#0 expose#1 expose#2\n".to_owned();
            for (at, gateway) in gateways.into_iter().enumerate() {
                text.push_str(&format!(
                    "[expose#{at}]\nport = 80\nlistener_port = 1080\ngateway = {gateway}\n"
                ));
            }
            let document = Document::from_config("web".parse().unwrap(), &text).unwrap();
            let verdict = judge(&document, &Facts::default());
            let served = verdict.served().map(|id| id.section.clone());
            served.collect::<Vec<_>>()
        };
        assert_eq!(
            service(["a", "b", "c"]),
            ["expose#0", "expose#1", "expose#2"]
        );
        assert_eq!(service(["a", "b", "a"]), ["expose#0", "expose#1"]);
        assert_eq!(service(["a", "b", ""]), ["expose#0", "expose#1"]);
        assert_eq!(service(["", "b", "c"]), ["expose#0"]);
    }

    /// The order of fields and the spaces between them are not part of what JSON says.
    #[test]
    fn the_same_filter_written_otherwise_is_not_another_one() {
        let served = |filters: [&str; 2]| {
            let mut text = "[ip#1]\nexpose = expose#0 expose#1\n".to_owned();
            for (at, filter) in filters.into_iter().enumerate() {
                text.push_str(&format!(
                    "[expose#{at}]\nport = 80\nlistener_port = 1080\nvhosts = vhost#{at}\n\
                     filter_config_data = {filter}\n\
                     [vhost#{at}]\ndomains = {at}.org\nroutes = route#0\n"
                ));
            }
            text.push_str("[route#0]\nmatch_prefix = /\n");
            let document = Document::from_config("web".parse().unwrap(), &text).unwrap();
            judge(&document, &Facts::default()).served().count()
        };
        let filter = r#"{"server_name": "a", "max_request_headers_kb": 90}"#;
        let same = r#"{ "max_request_headers_kb":90,"server_name":"a" }"#;
        let other = r#"{"server_name": "b", "max_request_headers_kb": 90}"#;
        assert_eq!(served([filter, same]), 2);
        assert_eq!(served([filter, other]), 1);
        assert_eq!(served(["{}", ""]), 2);
    }

    #[test]
    fn exposes_of_different_gateways_never_share_a_listener() {
        let text = "[ip#1]\nexpose = expose#0 expose#1 expose#2\n\
                    [expose#0]\nport = 80\nlistener_port = 1080\ngateway = a\n\
                    [expose#1]\nport = 81\nlistener_port = 1080\ngateway = b\n\
                    [expose#2]\nport = 82\nlistener_port = 1082\n";
        let document = Document::from_config("web".parse().unwrap(), text).unwrap();
        let verdict = judge(&document, &Facts::default());
        assert!(verdict.report.errors().next().is_none());
        let resources = verdict.resources();
        let listeners = resources
            .iter()
            .filter(|r| r.kind == ResourceType::Listener);
        let carried = listeners.map(|listener| {
            let clusters = ["web.expose#0", "web.expose#1", "web.expose#2"];
            let named = |cluster: &&str| listener.references(ResourceType::Cluster, cluster);
            let named: Vec<&str> = clusters.into_iter().filter(named).collect();
            (&*listener.name, named)
        });
        assert_eq!(
            carried.collect::<Vec<_>>(),
            [
                ("0.0.0.0:1080/tcp", vec!["web.expose#0"]),
                ("0.0.0.0:1080/tcp", vec!["web.expose#1"]),
                ("0.0.0.0:1082/tcp", vec!["web.expose#2"]),
            ]
        );
    }
}
