//! What the gateway serves, a real Envoy takes: odd services, all of them on one Envoy.

use std::collections::BTreeMap;
use std::sync::Arc;

use igw_envoy::daemon::{
    Availability, Instance, ResourceState, ResourceStatus, ServiceState, Update,
};
use igw_envoy::index::{Event, Index, Serving};
use igw_envoy::model::ObjectPath;
use igw_envoy::validate::Context;
use serde_json::{Map, Value, json};

use crate::odd::{self, Sections};
use crate::support::envoy;
use crate::{Gateway, envoy_check};

type Services = BTreeMap<ObjectPath, Arc<ServiceState>>;

#[test]
fn envoy_takes_whatever_is_served() {
    let Some(envoy) = envoy::binary("odd services") else {
        return;
    };
    let odd = odd::services(150);
    let services: Services = odd
        .iter()
        .enumerate()
        .map(|(number, sections)| (format!("odd{number}").parse().unwrap(), state(sections)))
        .collect();
    let index = told(services.clone());
    let served = index.view().exposes.values();
    let served = served.filter(|e| e.serving == Serving::Served).count();
    assert!(
        served > odd.len() / 3,
        "{served} of {} are served",
        odd.len()
    );
    let Err(complaint) = envoy_check::validate(&envoy, index.snapshot()) else {
        return;
    };
    // One of them at least: which, each alone tells.
    let mut culprits = vec![complaint];
    for (path, state) in services {
        let number: usize = path.name()[3..].parse().unwrap();
        let alone = told(Services::from([(path, state)]));
        if let Err(complaint) = envoy_check::validate(&envoy, alone.snapshot()) {
            culprits.push(format!("{}\n  {complaint}", json!(odd[number])));
        }
    }
    panic!("{}", culprits.join("\n"));
}

fn told(services: Services) -> Index {
    let mut index = Gateway::new().index;
    let update = Update::Reset {
        services,
        secrets: BTreeMap::new(),
    };
    index.apply(Event::Daemon(update), &Context::default());
    index
}

/// A service that runs, as the daemon tells of it.
fn state(sections: &Sections) -> Arc<ServiceState> {
    let resource = |driver: String, info: &Map<String, Value>| ResourceState {
        driver: driver.into(),
        status: ResourceStatus::Up,
        disabled: false,
        info: info.into(),
    };
    let ip = json!({"ipaddr": "127.0.0.1", "expose": ["expose#0"]});
    let ip = resource("ip.host".into(), ip.as_object().unwrap());
    let mut resources = BTreeMap::from([("ip#1".to_owned(), ip)]);
    for (name, info) in sections {
        let group = name.split('#').next().unwrap();
        let driver = match group {
            "certificate" => "certificate.tls".to_owned(),
            group => format!("{group}.envoy"),
        };
        resources.insert(name.clone(), resource(driver, info));
    }
    let instance = Instance {
        avail: Availability::Serving,
        resources: resources.into_iter().collect(),
        ..Instance::default()
    };
    let instances = [("node1", Arc::new(instance))].into();
    Arc::new(ServiceState { instances })
}
