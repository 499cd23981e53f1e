//! Changes inside one instance.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::change::Field;
use super::json::{self, Anomaly};
use crate::daemon::{Instance, ResourceState};

/// Whether a change would make a difference, so that nothing is copied where none is made.
/// `deleted` says that the value was deleted: no anomaly where there was none.
pub(super) fn would_change(
    instance: &Instance,
    field: &Field,
    deleted: bool,
) -> Result<bool, Anomaly> {
    let of =
        |name: &str, differs: &dyn Fn(&ResourceState) -> bool| match instance.resources.get(name) {
            Some(resource) => Ok(differs(resource)),
            None if deleted => Ok(false),
            None => Err(Anomaly::MissingParent),
        };
    match field {
        Field::Avail(avail) => Ok(instance.avail != *avail),
        Field::ScalerSlave(slave) => Ok(instance.scaler_slave != *slave),
        Field::ScalerSlaves(slaves) => Ok(instance.scaler_slaves != *slaves),
        Field::ScalerSlaveAt(index, name) => match (instance.scaler_slaves.get(*index), name) {
            (Some(known), Some(name)) => Ok(known != name),
            (known, None) => Ok(known.is_some()),
            (None, Some(_)) if *index == instance.scaler_slaves.len() => Ok(true),
            (None, Some(_)) => Err(Anomaly::OutOfRange),
        },
        Field::Resources(resources) => Ok(instance.resources != *resources),
        Field::Resource(name, resource) => Ok(instance.resources.get(name) != resource.as_ref()),
        Field::Driver(name, driver) => of(name, &|r| r.driver != *driver),
        Field::Status(name, status) => of(name, &|r| r.status != *status),
        Field::Disabled(name, disabled) => of(name, &|r| r.disabled != *disabled),
        Field::Info(name, info) => of(name, &|r| *r.info != *info),
        Field::InfoAt(name, path, value) => of(name, &|r| json::get(&r.info, path) != Some(value)),
        Field::InfoRemoved(name, path) => of(name, &|r| json::get(&r.info, path).is_some()),
    }
}

/// Makes a change.
pub(super) fn apply(instance: &mut Instance, field: Field) -> Result<(), Anomaly> {
    let slaves = &mut instance.scaler_slaves;
    let resources = &mut instance.resources;
    match field {
        Field::Avail(avail) => instance.avail = avail,
        Field::ScalerSlave(slave) => instance.scaler_slave = slave,
        Field::ScalerSlaves(names) => *slaves = names,
        Field::ScalerSlaveAt(index, Some(name)) => match slaves.get_mut(index) {
            Some(slave) => *slave = name,
            None => slaves.push(name),
        },
        Field::ScalerSlaveAt(index, None) => {
            if index < slaves.len() {
                slaves.remove(index);
            }
        }
        Field::Resources(new) => *resources = new,
        Field::Resource(name, Some(resource)) => {
            resources.insert(name, resource);
        }
        Field::Resource(name, None) => {
            resources.remove(&name);
        }
        Field::Driver(name, driver) => find(resources, &name)?.driver = driver,
        Field::Status(name, status) => find(resources, &name)?.status = status,
        Field::Disabled(name, disabled) => find(resources, &name)?.disabled = disabled,
        Field::Info(name, info) => find(resources, &name)?.info = Arc::new(info),
        Field::InfoAt(name, path, value) => {
            json::set(
                Arc::make_mut(&mut find(resources, &name)?.info),
                &path,
                value,
            )?;
        }
        Field::InfoRemoved(name, path) => {
            json::delete(Arc::make_mut(&mut find(resources, &name)?.info), &path);
        }
    }
    Ok(())
}

fn find<'r>(
    resources: &'r mut BTreeMap<String, ResourceState>,
    name: &str,
) -> Result<&'r mut ResourceState, Anomaly> {
    resources.get_mut(name).ok_or(Anomaly::MissingParent)
}
