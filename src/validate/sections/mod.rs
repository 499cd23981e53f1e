//! The sections, each group parsed once, those that are named before those that name them.

mod certificate;
mod expose;
mod hashpolicy;
mod order;
mod route;
mod traffic;
mod vhost;

use std::collections::{BTreeMap, BTreeSet};
use std::mem;
use std::sync::Arc;

use foldhash::{HashMap, HashMapExt, HashSet, HashSetExt};

use super::findings::Findings;
use super::given::GivenValues;
use super::keywords::Group;
use super::reader::{Parsed, Reader};
use super::table::Table;
use super::{Context, codes};
use crate::model::{
    Certificate, Diagnostic, Document, Expose, HashPolicy, Route, Section, Severity,
};

/// How many routes and hash policies the exposes of a service may reach together. Sections can be
/// named by many others, so that a small document could ask for a very large configuration.
const MAX_REACHED: usize = 50_000;

/// Every section of a document, parsed.
pub(super) struct Sections<'a> {
    document: &'a Document,
    /// The sections of each group, in the order of their names.
    groups: [(Group, Vec<(&'a str, &'a Section)>); 5],
    /// What each section names.
    links: HashMap<&'a str, Vec<&'a str>>,
    certificates: Table<'a, Certificate>,
    hash_policies: Table<'a, HashPolicy>,
    routes: Table<'a, Arc<Route>>,
    vhosts: Table<'a, vhost::Vhost>,
    /// The routes and hash policies reached so far.
    reached: usize,
}

impl<'a> Sections<'a> {
    /// Parses a document. Returns the valid exposes, in section order.
    pub(super) fn parse(
        document: &'a Document,
        context: &Context,
        findings: &mut Findings,
    ) -> Vec<Expose> {
        let mut groups = Group::ALL.map(|group| (group, Vec::new()));
        for (name, section) in &document.sections {
            let group = Group::of(name);
            if let Some((_, members)) = groups.iter_mut().find(|(of, _)| Some(*of) == group) {
                members.push((name.as_str(), section));
            }
        }
        let mut sections = Self {
            document,
            groups,
            links: HashMap::with_capacity(document.sections.len()),
            certificates: Table::default(),
            hash_policies: Table::default(),
            routes: Table::default(),
            vhosts: Table::default(),
            reached: 0,
        };
        sections.certificates = sections.table(Group::Certificate, findings, |_, reader| {
            certificate::parse(&document.path, context, reader)
        });
        sections.hash_policies = sections.table(Group::Hashpolicy, findings, |_, reader| {
            hashpolicy::parse(reader)
        });
        sections.routes = sections.table(Group::Route, findings, |sections, reader| {
            route::parse(&sections.hash_policies, reader).map(Arc::new)
        });
        sections.vhosts = sections.table(Group::Vhost, findings, Self::vhost);
        let exposes = sections.table(Group::Expose, findings, Self::expose);
        sections.say_what_is_unused(&exposes, findings);
        let good = exposes.into_values().filter_map(|parsed| match parsed {
            Parsed::Good(expose) => Some(expose),
            Parsed::Unknown | Parsed::Refused => None,
        });
        good.collect()
    }

    /// Parses the sections of a group.
    fn table<T>(
        &mut self,
        group: Group,
        findings: &mut Findings,
        mut parse: impl FnMut(&mut Self, &mut Reader<'a, '_>) -> Option<T>,
    ) -> Table<'a, T> {
        let document = self.document;
        let mut groups = self.groups.iter_mut();
        let members = groups.find(|(of, _)| *of == group);
        let members = members.map_or_else(Vec::new, |(_, members)| mem::take(members));
        if members.is_empty() {
            return Table::default();
        }
        let defaults = GivenValues::defaults(group, &document.defaults);
        let mut table = Vec::with_capacity(members.len());
        for (name, section) in members {
            if let Some(driver) = group.foreign_driver(section.driver.as_deref()) {
                findings.push(
                    Diagnostic::new(
                        Severity::Warning,
                        codes::UNKNOWN_TYPE,
                        format!("type '{driver}' is not for this gateway"),
                    )
                    .at(name, "type")
                    .hint(format!("write type={} to have it served", group.driver())),
                );
                continue;
            }
            let mut reader = Reader::new(name, group, document, section, &defaults, findings);
            let value = parse(self, &mut reader);
            let (parsed, links) = reader.finish(value);
            self.links.insert(name, links);
            table.push((name, parsed));
        }
        Table::sorted(table)
    }

    /// Counts what an expose or a vhost reaches. Returns false when it is too much.
    fn reach(&mut self, count: usize) -> bool {
        self.reached = self.reached.saturating_add(count);
        self.reached <= MAX_REACHED
    }

    /// Every section that some sections lead to, themselves included.
    fn reachable(&self, from: impl Iterator<Item = &'a str>) -> HashSet<&'a str> {
        let mut seen = HashSet::with_capacity(self.links.len());
        let mut todo: Vec<&'a str> = from.collect();
        while let Some(name) = todo.pop() {
            if seen.insert(name) {
                todo.extend(self.links.get(name).into_iter().flatten());
            }
        }
        seen
    }

    /// The first faulty section that a section leads to, itself included.
    fn culprit(
        &self,
        name: &'a str,
        faulty: &BTreeSet<String>,
        known: &mut BTreeMap<&'a str, Option<&'a str>>,
    ) -> Option<&'a str> {
        if let Some(culprit) = known.get(name) {
            return *culprit;
        }
        // Links lead from group to group, never back, so this ends.
        let links = self.links.get(name).into_iter().flatten();
        let culprit = match faulty.contains(name) {
            true => Some(name),
            false => links
                .into_iter()
                .find_map(|link| self.culprit(link, faulty, known)),
        };
        known.insert(name, culprit);
        culprit
    }

    /// Sections that nothing leads to, exposes without an ip, and exposes that are left out only
    /// because of what they lead to.
    fn say_what_is_unused(&self, exposes: &Table<'a, Expose>, findings: &mut Findings) {
        let reachable = self.reachable(exposes.names());
        let names = self.document.sections.keys().map(String::as_str);
        let read = names.filter(|name| self.links.contains_key(name));
        for name in read.filter(|name| !reachable.contains(name)) {
            findings.push(
                Diagnostic::new(
                    Severity::Info,
                    codes::UNUSED_SECTION,
                    "no expose leads to this section",
                )
                .in_section(name),
            );
        }
        let published = self.document.published();
        let faulty: BTreeSet<String> = findings.faulty_sections().map(Into::into).collect();
        let mut culprits = BTreeMap::new();
        for (name, parsed) in exposes.iter() {
            if !published.contains(name) {
                findings.push(
                    Diagnostic::new(
                        Severity::Warning,
                        codes::EXPOSE_NOT_PUBLISHED,
                        "no ip section names this expose, so nothing is behind it",
                    )
                    .in_section(name)
                    .hint(
                        match self.document.ips.iter().find(|(_, ip)| !ip.encap) {
                            Some((ip, _)) => format!("add it to an ip: {ip}.expose+={name}"),
                            None => format!("add an ip section with expose={name}"),
                        },
                    ),
                );
            }
            if matches!(parsed, Parsed::Refused) && !faulty.contains(name) {
                let message = match self.culprit(name, &faulty, &mut culprits) {
                    Some(culprit) => format!("left out because of {culprit}"),
                    None => "left out because of what it names".to_owned(),
                };
                findings.push(
                    Diagnostic::new(Severity::Info, codes::LEFT_OUT, message).in_section(name),
                );
            }
        }
    }
}
