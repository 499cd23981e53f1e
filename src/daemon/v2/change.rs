//! What a patch says, read straight from its text.
//!
//! A patch is a list of `[path, value]` (set) and `[path]` (delete). Nearly all of them are about
//! listener statistics, schedulers and loads: the path is followed word by word, and the value is
//! only built when the path leads to something that is watched.

use std::borrow::Cow;
use std::sync::Arc;

use serde::de::SeqAccess;
use serde_json::{Map, Value};

use super::dataset::{self, Phase, RunsOn};
use super::json::Step;
use super::path::{Path, Place, Scope, Target};
use super::shape::{As, Flag, Json, Object, Shape, Word, skip_list};
use super::tables::Tables;
use crate::daemon::{Availability, Info, Instance, Named, ResourceState, ResourceStatus};
use crate::model::ObjectPath;

/// A change of something that is watched. A deleted value is a missing value: the default.
#[derive(Debug)]
pub(super) enum Change {
    /// A part is replaced as a whole.
    Part(Scope, Tables),
    /// A node's phase.
    Phase(String, Option<Phase>),
    /// A secret's configuration on a node; `None` when it is gone.
    Secret(String, ObjectPath, Option<Arc<str>>),
    /// The checksum in a secret's configuration on a node.
    Checksum(String, ObjectPath, Arc<str>),
    /// A service's configuration on a node: where the service may run; `None` when it is gone.
    Listed(String, ObjectPath, Option<RunsOn>),
    /// The nodes on which a service may run, as a node has its configuration: all of them, or one.
    RunsOn(String, ObjectPath),
    /// An instance on a node; `None` when it is gone.
    Instance(String, ObjectPath, Option<Instance>),
    /// Something inside an instance.
    Field {
        node: String,
        service: ObjectPath,
        field: Field,
        /// Whether the value was deleted, which is no surprise where nothing was.
        deleted: bool,
    },
    /// A value where the dataset has none: inside a plain value, or by index in an object.
    Odd,
}

/// Something inside an instance.
#[derive(Debug)]
pub(super) enum Field {
    Avail(Availability),
    ScalerSlave(bool),
    Resources(Named<ResourceState>),
    /// A resource; `None` when it is gone.
    Resource(String, Option<ResourceState>),
    Driver(String, Arc<str>),
    Status(String, ResourceStatus),
    Disabled(String, bool),
    Info(String, Info),
    /// Values inside a resource's `info`, one after the other.
    InfoEdits(String, Vec<Edit>),
}

/// What is at a path inside `info` now; `None` where it was removed.
pub(super) type Edit = (Vec<Step>, Option<Value>);

impl Change {
    /// How much memory it takes, about, in bytes: a short text may become a large table.
    pub(super) fn weight(&self) -> usize {
        let inside = match self {
            Self::Part(_, tables) => tables.weight(),
            Self::Instance(.., instance) => instance.as_ref().map_or(0, Instance::weight),
            Self::Field { field, .. } => field.weight(),
            Self::Listed(.., scope) => scope.as_ref().map_or(0, RunsOn::weight),
            Self::Phase(..)
            | Self::Secret(..)
            | Self::Checksum(..)
            | Self::RunsOn(..)
            | Self::Odd => 0,
        };
        size_of::<Self>() + inside
    }

    /// Takes in the next change, where both edit the `info` of one resource; returns whether it did. A list
    /// that was replaced comes as an edit for each item, and each alone would write the whole anew.
    pub(super) fn takes_in(&mut self, next: &mut Self) -> bool {
        match (self, next) {
            (
                Self::Field {
                    node,
                    service,
                    field: Field::InfoEdits(name, edits),
                    deleted,
                },
                Self::Field {
                    node: next_node,
                    service: next_service,
                    field: Field::InfoEdits(next_name, next),
                    deleted: next_deleted,
                },
            ) if (&*node, &*service, &*name) == (&*next_node, &*next_service, &*next_name) => {
                edits.append(next);
                *deleted &= *next_deleted;
                true
            }
            _ => false,
        }
    }
}

impl Field {
    fn weight(&self) -> usize {
        match self {
            Self::Resources(resources) => resources.values().map(ResourceState::weight).sum(),
            Self::Resource(_, resource) => resource.as_ref().map_or(0, ResourceState::weight),
            Self::Info(_, info) => info.text().len(),
            Self::InfoEdits(_, edits) => {
                let edits = edits.iter().map(|(path, value)| {
                    size_of::<Edit>()
                        + size_of::<Step>() * path.len()
                        + value.as_ref().map_or(0, weight)
                });
                edits.sum()
            }
            Self::Avail(_)
            | Self::ScalerSlave(_)
            | Self::Driver(..)
            | Self::Status(..)
            | Self::Disabled(..) => 0,
        }
    }
}

/// How much memory a value takes, about, in bytes.
fn weight(value: &Value) -> usize {
    /// What the smallest table takes: room for eleven members.
    const TABLE: usize = 11 * (size_of::<String>() + size_of::<Value>());
    let inside = match value {
        Value::Null | Value::Bool(_) | Value::Number(_) => 0,
        Value::String(text) => text.len(),
        Value::Array(list) => list.iter().map(weight).sum(),
        Value::Object(members) => {
            let each = members.iter().map(|(key, value)| key.len() + weight(value));
            TABLE + each.sum::<usize>()
        }
    };
    size_of::<Value>() + inside
}

/// The changes of a patch that matter.
pub(super) struct Changes;

impl<'de> Shape<'de> for Changes {
    /// `None` when it is not a list.
    type Value = Option<Vec<Change>>;

    fn list<A: SeqAccess<'de>>(self, mut list: A) -> Result<Self::Value, A::Error> {
        let mut changes = Vec::new();
        while let Some(change) = list.next_element_seed(As(Entry))? {
            changes.extend(change);
        }
        Ok(Some(changes))
    }
}

/// One `[path, value]` or `[path]`.
pub(super) struct Entry;

impl<'de> Shape<'de> for Entry {
    type Value = Option<Change>;

    fn list<A: SeqAccess<'de>>(self, mut list: A) -> Result<Self::Value, A::Error> {
        let target = list.next_element_seed(As(Path))?;
        let change = match target.unwrap_or_default() {
            Target::Elsewhere => None,
            Target::Odd => (skip_list(&mut list)? > 0).then_some(Change::Odd),
            target => Some(read(target, &mut list)?),
        };
        skip_list(&mut list)?;
        Ok(change)
    }
}

/// The next value of an entry; the shape's default where the entry is a delete.
fn value<'de, A, S>(list: &mut A, shape: S) -> Result<(S::Value, bool), A::Error>
where
    A: SeqAccess<'de>,
    S: Shape<'de>,
{
    let value = list.next_element_seed(As(shape))?;
    let deleted = value.is_none();
    Ok((value.unwrap_or_default(), deleted))
}

fn read<'de, A: SeqAccess<'de>>(target: Target, list: &mut A) -> Result<Change, A::Error> {
    Ok(match target {
        Target::Elsewhere | Target::Odd => Change::Odd,
        Target::Part(scope) => {
            let mut tables = Tables::default();
            let into = &mut tables;
            match &scope {
                Scope::Root => value(list, dataset::Dataset(into))?,
                Scope::Monitor => value(list, dataset::Monitor(into))?,
                Scope::Nodes => value(list, dataset::Nodes(into))?,
                Scope::Node(node) => value(list, dataset::Node(into.node(node)))?,
                Scope::Services(node) => value(list, dataset::Services(into.node(node)))?,
                Scope::Statuses(node) => value(list, dataset::Statuses(into.node(node)))?,
                Scope::Configs(node) => value(list, dataset::Configs(into.node(node)))?,
            };
            Change::Part(scope, tables)
        }
        Target::NodeMonitor(node) => Change::Phase(node, value(list, dataset::NodeMonitor)?.0),
        Target::Phase(node) => Change::Phase(node, value(list, dataset::PhaseText)?.0),
        Target::Secret(node, secret) => {
            Change::Secret(node, secret, value(list, dataset::Config)?.0)
        }
        Target::Checksum(node, secret) => {
            Change::Checksum(node, secret, value(list, Word)?.0.into())
        }
        Target::Listed(node, service) => {
            Change::Listed(node, service, value(list, dataset::ServiceConfig)?.0)
        }
        Target::RunsOn(node, service) => Change::RunsOn(node, service),
        Target::Instance(node, service) => {
            Change::Instance(node, service, value(list, dataset::InstanceStatus)?.0)
        }
        Target::Field(node, service, place) => {
            let (field, deleted) = read_field(place, list)?;
            Change::Field {
                node,
                service,
                field,
                deleted,
            }
        }
    })
}

fn read_field<'de, A: SeqAccess<'de>>(
    place: Place,
    list: &mut A,
) -> Result<(Field, bool), A::Error> {
    macro_rules! field {
        ($shape:expr => $field:expr) => {{
            let (value, deleted) = value(list, $shape)?;
            ($field(value), deleted)
        }};
    }
    Ok(match place {
        Place::Avail => field!(dataset::Avail => Field::Avail),
        Place::ScalerSlave => field!(Flag => Field::ScalerSlave),
        Place::Resources => field!(dataset::Resources => Field::Resources),
        Place::Resource(name) => field!(dataset::Resource => |r| Field::Resource(name, r)),
        Place::Driver(name) => {
            field!(Word => |driver: Cow<'_, str>| Field::Driver(name, driver.into()))
        }
        Place::Status(name) => field!(dataset::Status => |s| Field::Status(name, s)),
        Place::Disabled(name) => field!(Flag => |disabled| Field::Disabled(name, disabled)),
        Place::Info(name) => {
            field!(Object => |info: Map<_, _>| Field::Info(name, info.into()))
        }
        Place::InfoAt(name, path) => {
            let value = list.next_element_seed(As(Json::default()))?;
            let deleted = value.is_none();
            (Field::InfoEdits(name, vec![(path, value)]), deleted)
        }
    })
}
