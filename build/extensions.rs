//! What goes where: the categories of Envoy's extensions, the types that configure those of each, and the
//! fields that take them.
//!
//! Envoy's comments on its protos name the category of a field; what a category has, Envoy itself told
//! (`src/envoy/extensions.txt`).

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::error::Error;

use prost::Message;
use prost_types::source_code_info::Location;
use prost_types::{DescriptorProto, FileDescriptorProto};

const REGISTRATIONS: &str = include_str!("../src/envoy/extensions.txt");

/// How a comment names the category of a field.
const MARK: &str = "extension-category: ";

/// Fields whose comments do not name it.
const UNMARKED: [(&str, &str); 2] = [
    (
        "envoy.config.cluster.v3.Cluster.transport_socket",
        "envoy.transport_sockets.upstream",
    ),
    (
        "envoy.config.cluster.v3.Filter.typed_config",
        "envoy.filters.upstream_network",
    ),
];

/// Categories that are not judged: the same name stands for several that Envoy keeps apart, it depends on
/// the place, or other types do no harm.
const UNJUDGED: [&str; 5] = [
    "envoy.load_balancing_policies",
    "envoy.matching.",
    "envoy.tls.certificate_",
    "envoy.upstream_options",
    "envoy.upstreams",
];

/// Those whose extensions may have options in a cluster, by their names.
const WITH_OPTIONS: [&str; 4] = [
    "envoy.filters.http",
    "envoy.filters.http.upstream",
    "envoy.filters.network",
    "envoy.upstream_options",
];

/// The categories by their indices; 0 is none.
pub(crate) struct Extensions {
    categories: Vec<String>,
    slots: HashMap<String, usize>,
    types: HashMap<String, BTreeSet<usize>>,
    with_options: BTreeSet<String>,
}

impl Extensions {
    /// `slots`: fields, and the categories that their comments name.
    pub(crate) fn read(slots: &BTreeMap<String, String>) -> Result<Self, Box<dyn Error>> {
        let mut registered: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
        let mut with_options = BTreeSet::new();
        for line in REGISTRATIONS.lines().filter(|line| !line.starts_with('#')) {
            let mut words = line.split(' ');
            let (Some(category), Some(name)) = (words.next(), words.next()) else {
                return Err(format!("extensions.txt: '{line}' is no registration").into());
            };
            registered.entry(category).or_default().extend(words);
            if WITH_OPTIONS.contains(&category) {
                with_options.insert(name.to_owned());
            }
        }
        let mut categories = vec![String::new()];
        let mut types: HashMap<String, BTreeSet<usize>> = HashMap::new();
        for (category, members) in registered {
            for member in members {
                types
                    .entry(member.to_owned())
                    .or_default()
                    .insert(categories.len());
            }
            categories.push(category.to_owned());
        }
        let unmarked = UNMARKED.map(|(field, category)| (field.to_owned(), category.to_owned()));
        let judged = slots.clone().into_iter().chain(unmarked);
        let slots = judged
            .filter(|(_, category)| !UNJUDGED.iter().any(|some| category.starts_with(some)))
            .filter_map(|(field, category)| {
                let index = categories.iter().position(|known| *known == category)?;
                Some((field, index))
            });
        Ok(Self {
            slots: slots.collect(),
            categories,
            types,
            with_options,
        })
    }

    /// The category of what a field takes; 0 where it takes none that is judged.
    pub(crate) fn slot(&self, field: &str) -> usize {
        self.slots.get(field).copied().unwrap_or_default()
    }

    /// The categories of the extensions that a type configures.
    pub(crate) fn of_type(&self, name: &str) -> Vec<usize> {
        let found = self.types.get(name);
        found.map_or(Vec::new(), |found| found.iter().copied().collect())
    }

    /// The source of the tables that are not of one type.
    pub(crate) fn tables(&self) -> String {
        format!(
            "static CATEGORIES: [&str; {}] = {:?};\nstatic WITH_OPTIONS: [&str; {}] = {:?};\n",
            self.categories.len(),
            self.categories,
            self.with_options.len(),
            self.with_options.iter().collect::<Vec<_>>()
        )
    }
}

/// The fields of a file whose comments name a category of extensions, with it.
pub(crate) fn slots(file: &[u8]) -> Result<Vec<(String, String)>, Box<dyn Error>> {
    let file = FileDescriptorProto::decode(file)?;
    let Some(info) = &file.source_code_info else {
        return Ok(Vec::new());
    };
    let mut found = Vec::new();
    for location in &info.location {
        if let Some(category) = category(location) {
            for field in commented(&file, &location.path) {
                found.push((field, category.to_owned()));
            }
        }
    }
    Ok(found)
}

fn category(location: &Location) -> Option<&str> {
    let comments = [location.leading_comments(), location.trailing_comments()];
    let comments = comments.into_iter().chain(
        location
            .leading_detached_comments
            .iter()
            .map(String::as_str),
    );
    let mut found = comments.filter_map(|comment| comment.split_once(MARK));
    found.find_map(|(_, rest)| rest.split([']', ' ', '\n']).next())
}

/// The full names of the fields that a comment is on: of a field, or of a oneof with its members.
fn commented(file: &FileDescriptorProto, path: &[i32]) -> Vec<String> {
    const MESSAGE: i32 = 4;
    const NESTED: i32 = 3;
    const FIELD: i32 = 2;
    const ONEOF: i32 = 8;
    let at = |index: i32| usize::try_from(index).unwrap_or(usize::MAX);
    let [MESSAGE, first, path @ ..] = path else {
        return Vec::new();
    };
    let mut message: Option<&DescriptorProto> = file.message_type.get(at(*first));
    let mut name = file.package().to_owned();
    let mut path = path;
    while let Some(open) = message {
        name = format!("{name}.{}", open.name());
        match path {
            [NESTED, index, rest @ ..] => {
                message = open.nested_type.get(at(*index));
                path = rest;
            }
            [FIELD, index] => {
                let field = open.field.get(at(*index)).into_iter();
                return field.map(|f| format!("{name}.{}", f.name())).collect();
            }
            [ONEOF, index] => {
                let members = open.field.iter();
                let members = members.filter(|field| field.oneof_index == Some(*index));
                return members.map(|f| format!("{name}.{}", f.name())).collect();
            }
            _ => return Vec::new(),
        }
    }
    Vec::new()
}
