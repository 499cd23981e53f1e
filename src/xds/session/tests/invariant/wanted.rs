//! What is to be served, and the snapshots of it.

use super::*;

/// What is to be served.
#[derive(Debug, Clone, Default)]
pub(super) struct Wanted {
    pub(super) services: [Service; SERVICES],
    pub(super) bad_routes: [bool; 2],
}

#[derive(Debug, Clone, Default)]
pub(super) struct Service {
    pub(super) present: bool,
    pub(super) cluster: usize,
    pub(super) bad: bool,
    pub(super) endpoints: usize,
    pub(super) listener: Option<usize>,
    pub(super) host: Option<usize>,
}

impl Wanted {
    pub(super) fn change(&mut self, service: usize, what: &What) {
        let service = &mut self.services[service];
        match *what {
            What::Presence => service.present = !service.present,
            What::Cluster { bad } => {
                service.cluster += 1;
                service.bad = bad;
            }
            What::Endpoints => service.endpoints += 1,
            What::Listener(to) => service.listener = to,
            What::Host(of) => service.host = of,
            What::BadRoutes(n, bad) => self.bad_routes[n] = bad,
        }
    }

    pub(super) fn mend(&mut self) {
        self.bad_routes = [false; 2];
        for service in &mut self.services {
            service.bad = false;
        }
    }

    /// Another state of clusters and of listeners.
    pub(super) fn renew(&mut self) {
        let service = &mut self.services[0];
        let listens = service.present && service.listener == Some(0);
        service.present = true;
        service.cluster += 1;
        service.listener = (!listens).then_some(0);
    }

    /// A snapshot of this, in which every reference resolves.
    pub(super) fn resources(&self) -> Vec<Resource> {
        let present = |n: &usize| self.services[*n].present;
        let mut all = Vec::new();
        for (n, service) in self.services.iter().enumerate().filter(|(_, s)| s.present) {
            let name = format!("c{n}");
            let bad = if service.bad { "bad" } else { "" };
            all.push(cluster(&name, &format!("{}{bad}", service.cluster)));
            all.push(endpoints(&name, &service.endpoints.to_string()));
            if let Some(to) = service.listener.filter(present) {
                all.push(listener(&format!("tcp{n}"), "", &format!("c{to}")));
            }
        }
        for (n, bad) in self.bad_routes.iter().enumerate() {
            let hosts = (0..SERVICES).filter(|s| present(s) && self.services[*s].host == Some(n));
            let clusters: Vec<_> = hosts.map(|s| format!("c{s}")).collect();
            let clusters: Vec<_> = clusters.iter().map(String::as_str).collect();
            let content = format!("{clusters:?}{}", if *bad { "bad" } else { "" });
            if !clusters.is_empty() {
                let name = format!("r{n}");
                let names = [(Routes, &*name)];
                all.push(resource(Listener, &format!("http{n}"), "", &names));
                all.push(routes(&name, &content, &clusters));
            }
        }
        all
    }

    pub(super) fn snapshot(&self, older: &Snapshot) -> Snapshot {
        let mut snapshot = older.clone();
        let wanted = self.resources();
        for kind in ResourceType::ALL {
            let named = |name: &str| wanted.iter().any(|r| r.kind == kind && &*r.name == name);
            let gone: Vec<_> = older.iter(kind).filter(|r| !named(&r.name)).collect();
            for resource in gone {
                snapshot.remove(kind, &resource.name);
            }
        }
        for resource in wanted {
            snapshot.put(resource);
        }
        snapshot
    }
}
