//! Changes inside one instance.

use super::change::Field;
use super::json::{self, Anomaly};
use crate::daemon::{Info, Instance, ResourceState};

/// An instance after a change; `None` where it makes no difference, so that nothing is copied then.
/// `deleted` says that the value was deleted: no anomaly where there was none.
pub(super) fn changed(
    instance: &Instance,
    field: Field,
    deleted: bool,
) -> Result<Option<Instance>, Anomaly> {
    let resources = &instance.resources;
    // What a resource is after a change, where it makes a difference.
    let of = |name: &str, change: &dyn Fn(&ResourceState) -> Result<_, Anomaly>| {
        let new = match resources.get(name) {
            Some(resource) => change(resource)?,
            None if deleted => None,
            None => return Err(Anomaly::MissingParent),
        };
        Ok(new.map(|new: ResourceState| {
            let mut changed = instance.clone();
            changed.resources.insert(name, new);
            changed
        }))
    };
    let with = |resource: &ResourceState, info: Info| ResourceState {
        info,
        ..resource.clone()
    };
    match field {
        Field::Avail(avail) => Ok((instance.avail != avail).then(|| Instance {
            avail,
            ..instance.clone()
        })),
        Field::ScalerSlave(scaler_slave) => {
            Ok((instance.scaler_slave != scaler_slave).then(|| Instance {
                scaler_slave,
                ..instance.clone()
            }))
        }
        Field::Resources(new) => Ok((*resources != new).then(|| Instance {
            resources: new,
            ..instance.clone()
        })),
        Field::Resource(name, new) => {
            if resources.get(&name) == new.as_ref() {
                return Ok(None);
            }
            let mut changed = instance.clone();
            match new {
                Some(new) => changed.resources.insert(name, new),
                None => changed.resources.remove(&name),
            };
            Ok(Some(changed))
        }
        Field::Driver(name, driver) => of(&name, &|resource| {
            Ok((resource.driver != driver).then(|| ResourceState {
                driver: driver.clone(),
                ..resource.clone()
            }))
        }),
        Field::Status(name, status) => of(&name, &|resource| {
            Ok((resource.status != status).then(|| ResourceState {
                status,
                ..resource.clone()
            }))
        }),
        Field::Disabled(name, disabled) => of(&name, &|resource| {
            Ok((resource.disabled != disabled).then(|| ResourceState {
                disabled,
                ..resource.clone()
            }))
        }),
        Field::Info(name, info) => of(&name, &|resource| {
            Ok((resource.info != info).then(|| with(resource, info.clone())))
        }),
        Field::InfoEdits(name, edits) => of(&name, &|resource| {
            let mut members = resource.info.read();
            let mut differs = false;
            for (path, value) in &edits {
                if json::get(&members, path) == value.as_ref() {
                    continue;
                }
                match value {
                    Some(value) => json::set(&mut members, path, value.clone())?,
                    None => json::delete(&mut members, path),
                }
                differs = true;
            }
            Ok(differs.then(|| with(resource, members.into())))
        }),
    }
}
