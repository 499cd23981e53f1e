//! What was read of some nodes, as it was told: the last of what is told twice counts.

use std::collections::HashSet;
use std::sync::Arc;

use super::dataset::{Phase, RunsOn};
use super::whole::Texts;
use crate::daemon::{Instance, Named};
use crate::model::ObjectPath;

/// What an object takes beside what is told of it, in bytes.
const ROW: usize = 128;

/// What was read of some nodes.
#[derive(Debug, Default)]
pub(super) struct Tables {
    nodes: Vec<Node>,
    /// The instances by their text, where a whole state was read.
    pub(super) texts: Texts,
}

/// What was read of a node.
#[derive(Debug)]
pub(super) struct Node {
    pub(super) name: Arc<str>,
    /// Its own word on how far it is.
    pub(super) says: Option<Phase>,
    /// Whether it told of its services.
    pub(super) has_services: bool,
    /// Its instances, in the order in which they were told; `None` where something else was.
    pub(super) statuses: Vec<(ObjectPath, Option<Arc<Instance>>)>,
    /// The checksums of the configurations of its secrets, in the same way.
    pub(super) configs: Vec<(ObjectPath, Option<Arc<str>>)>,
    /// The services whose configuration it has and that may run on it: each has a status, or will have.
    pub(super) listed: Vec<ObjectPath>,
}

impl Tables {
    /// Makes room for a node. Whatever was told of it before does not count any more.
    pub(super) fn node(&mut self, name: &str) -> &mut Node {
        self.nodes.retain(|node| *node.name != *name);
        self.nodes.push(Node {
            name: name.into(),
            says: None,
            has_services: false,
            statuses: Vec::new(),
            configs: Vec::new(),
            listed: Vec::new(),
        });
        let last = self.nodes.len() - 1;
        &mut self.nodes[last]
    }

    /// Nothing that was told before counts any more.
    pub(super) fn clear(&mut self) {
        self.nodes.clear();
    }

    /// Whether this is a full state: some node is known, and none is still evaluating its services.
    pub(super) fn is_settled(&self) -> bool {
        let mut phases = self.phases().peekable();
        phases.peek().is_some() && phases.all(|(_, phase)| phase != Phase::Init)
    }

    /// Each node's phase; a node whose data is missing has none.
    pub(super) fn phases(&self) -> impl Iterator<Item = (&Arc<str>, Phase)> {
        self.nodes.iter().filter_map(|node| {
            // A node that has services is there, whatever it says of itself.
            let there = node.has_services.then_some(Phase::Ready);
            Some((&node.name, node.says.or(there)?))
        })
    }

    /// How much memory what was told takes, about, in bytes.
    pub(super) fn weight(&self) -> usize {
        let nodes = self.nodes.iter();
        let statuses = nodes.clone().flat_map(|node| &node.statuses);
        let instances = statuses.map(|(_, instance)| {
            let instance = instance.as_deref();
            ROW + instance.map_or(0, Instance::weight)
        });
        let configs = nodes.map(|node| node.configs.len() + node.listed.len());
        instances.sum::<usize>() + ROW * configs.sum::<usize>()
    }

    /// Takes out the instances, by service and node.
    pub(super) fn take_instances(&mut self) -> Vec<(ObjectPath, Named<Arc<Instance>>)> {
        by_object(&mut self.nodes, |node| &mut node.statuses)
    }

    /// Takes out what nodes list.
    pub(super) fn take_listed(&mut self) -> HashSet<(Arc<str>, ObjectPath)> {
        let nodes = self.nodes.iter_mut();
        let listed = nodes.flat_map(|node| {
            let name = node.name.clone();
            let listed = std::mem::take(&mut node.listed).into_iter();
            listed.map(move |service| (name.clone(), service))
        });
        listed.collect()
    }

    /// Takes out the checksums, by secret and node.
    pub(super) fn take_secrets(&mut self) -> Vec<(ObjectPath, Named<Arc<str>>)> {
        by_object(&mut self.nodes, |node| &mut node.configs)
    }
}

impl Node {
    /// Nothing that was told of its services counts any more.
    pub(super) fn clear_services(&mut self) {
        self.has_services = false;
        self.statuses.clear();
        self.clear_configs();
    }

    /// Nothing that was told of its configurations counts any more.
    pub(super) fn clear_configs(&mut self) {
        self.configs.clear();
        self.listed.clear();
    }

    /// Takes in the configuration of a service; `None` where it was not told as one.
    pub(super) fn list(&mut self, service: ObjectPath, scope: Option<RunsOn>) {
        if scope.is_some_and(|scope| scope.has(&self.name)) {
            self.listed.push(service);
        }
    }
}

/// What nodes told, by object. Objects of which nothing is left are left out.
fn by_object<T>(
    nodes: &mut [Node],
    told: impl Fn(&mut Node) -> &mut Vec<(ObjectPath, Option<T>)>,
) -> Vec<(ObjectPath, Named<T>)> {
    let mut rows = Vec::new();
    for node in nodes {
        let name = node.name.clone();
        let told = std::mem::take(told(node)).into_iter();
        rows.extend(told.map(|(object, value)| (object, (name.clone(), value))));
    }
    // Stable: what was told last is the last of its node.
    rows.sort_by(|a, b| a.0.cmp(&b.0));
    let mut objects = Vec::new();
    let mut rows = rows.into_iter().peekable();
    while let Some((object, first)) = rows.next() {
        let mut of_object = vec![first];
        while let Some((_, row)) = rows.next_if(|(next, _)| *next == object) {
            of_object.push(row);
        }
        let named = Named::told(of_object);
        if !named.is_empty() {
            objects.push((object, named));
        }
    }
    objects
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn what_is_told_last_counts() {
        let path = |text: &str| text.parse::<ObjectPath>().unwrap();
        let mut tables = Tables::default();
        tables.node("n1").says = Some(Phase::Init);
        let n2 = tables.node("n2");
        let row = |object: &str, checksum: &str| (path(object), Some(checksum.into()));
        n2.configs = vec![row("sec/b", "1"), row("sec/a", "1"), row("sec/b", "2")];
        n2.configs.push((path("sec/a"), None));
        let n1 = tables.node("n1");
        n1.has_services = true;
        n1.configs.push(row("sec/b", "3"));
        let phases: Vec<_> = tables.phases().collect();
        assert_eq!(phases, [(&"n1".into(), Phase::Ready)]);
        let nodes = Named::from([("n1", "3".into()), ("n2", "2".into())]);
        assert_eq!(tables.take_secrets(), [(path("sec/b"), nodes)]);
        assert_eq!(tables.take_secrets(), []);
    }
}
