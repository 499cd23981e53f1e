//! The route configuration that many exposes share.

use proptest::collection::vec;
use proptest::prelude::*;

use super::*;
use crate::envoy::Resource;
use crate::verdict;

/// A service that answers to one domain on port 80, or to two, or to none by a port of its own.
fn service(number: usize, domains: usize) -> Instance {
    let domain = |at| format!("{at}.service{number}.org");
    let domains: Vec<String> = (0..domains).map(domain).collect();
    let sections = match domains.is_empty() {
        true => json!({
            "expose#0": {"port": 80, "listener_port": 8000 + number, "protocol": "tcp"},
        }),
        false => json!({
            "expose#0": {"port": 80, "listener_port": 80, "protocol": "tcp", "vhosts": ["vhost#0"]},
            "vhost#0": {"domains": domains, "routes": ["route#0"]},
            "route#0": {"match_prefix": "/"},
        }),
    };
    instance("10.0.0.1", sections)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    /// However exposes come, change and go, alone or many at once: what is made of the last one is what
    /// all of them make.
    #[test]
    fn is_that_of_all_exposes_together(
        patches in vec(vec((0..24usize, prop::option::of(0..3usize)), 1..16), 1..12),
    ) {
        let mut story = Story::begun();
        for patch in patches {
            let changes: BTreeMap<ObjectPath, _> = patch
                .into_iter()
                .map(|(number, domains)| {
                    let instance = domains.map(|domains| on_node1(service(number, domains)));
                    (path(&format!("web{number:02}")), instance)
                })
                .collect();
            story.apply(Event::Daemon(Update::Patch {
                services: changes.into_iter().collect(),
                secrets: Vec::new(),
            }));
            let slots = story.index.slots.iter();
            let served = slots.filter_map(|(_, slot)| slot.served.as_deref());
            let expected = verdict::assemble(served);
            let snapshot = story.index.snapshot();
            for kind in [ResourceType::Listener, ResourceType::Routes] {
                let of_kind = |resource: &&Resource| resource.kind == kind;
                let expected: Vec<&Resource> = expected.iter().filter(of_kind).collect();
                let found: Vec<&Resource> = snapshot.iter(kind).map(|found| &**found).collect();
                prop_assert_eq!(&found, &expected);
                for (found, expected) in found.into_iter().zip(expected) {
                    prop_assert_eq!(&found.body, &expected.body);
                    prop_assert_eq!(&found.references, &expected.references);
                }
            }
        }
    }
}
