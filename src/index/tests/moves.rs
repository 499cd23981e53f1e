//! Exposes change places with each other, and it takes more than one event.

use super::*;

/// Says what service number `n` exposes when it is given the place of a number.
type Place = fn(usize) -> Value;

/// The ways in which places differ: the port, the domain on one port, the server name on one port.
const PLACES: [Place; 3] = [
    |place| l4(80, 8001 + u16::try_from(place).unwrap()),
    |place| http(&format!("{place}.org")),
    |place| {
        let name = format!("{place}.org");
        json!({"expose#0": {"port": 443, "listener_port": 80, "sni": [name]}})
    },
];

/// Every order of the numbers below `n`.
fn orders(n: usize) -> Vec<Vec<usize>> {
    let Some(last) = n.checked_sub(1) else {
        return vec![Vec::new()];
    };
    let shorter = orders(last).into_iter();
    let longer = shorter.flat_map(|order| {
        (0..n).map(move |at| {
            let mut order = order.clone();
            order.insert(at, last);
            order
        })
    });
    longer.collect()
}

fn name(service: usize) -> String {
    format!("s{service}")
}

impl Story {
    fn give(&mut self, service: usize, sections: Value) {
        let ip = format!("10.0.0.{}", service + 1);
        self.put(&[(&name(service), instance(&ip, sections))]);
    }

    fn is_served(&self, service: usize) -> bool {
        self.serving(&name(service), "expose#0") == Some(Serving::Served)
    }

    /// The versions of everything that Envoy gets.
    fn versions(&self) -> Vec<crate::envoy::Version> {
        let kinds = ResourceType::ALL.into_iter();
        kinds
            .map(|kind| self.index.snapshot().version(kind))
            .collect()
    }
}

#[test]
fn two_services_swap_one_event_after_the_other() {
    for place in PLACES {
        let mut story = Story::begun();
        story.give(0, place(0));
        story.give(1, place(1));
        story.give(0, place(1));
        assert_eq!(story.serving("s0", "expose#0"), Some(Serving::Kept));
        story.give(1, place(0));
        assert!(story.is_served(0) && story.is_served(1));
        assert_eq!(story.findings("s0"), Vec::<String>::new());
        assert_eq!(story.findings("s1"), Vec::<String>::new());
    }
}

/// Where nobody asks for what another has, it does not matter in which order they came to ask.
#[test]
fn whatever_the_order_of_the_moves_they_end_in_the_same_places() {
    const SERVICES: usize = 3;
    for place in PLACES {
        for new in orders(SERVICES) {
            let mut fresh = Story::begun();
            for (service, at) in new.iter().enumerate() {
                fresh.give(service, place(*at));
            }
            for turns in orders(SERVICES) {
                let mut story = Story::begun();
                for service in 0..SERVICES {
                    story.give(service, place(service));
                }
                for service in &turns {
                    story.give(*service, place(new[*service]));
                }
                for service in 0..SERVICES {
                    assert!(
                        story.is_served(service),
                        "{service} of {new:?} by {turns:?}"
                    );
                }
                assert_eq!(story.versions(), fresh.versions(), "{new:?} by {turns:?}");
            }
        }
    }
}

/// What a third asks for stands in the way of a swap only while it asks for it.
#[test]
fn a_swap_goes_on_when_a_third_gives_up_its_wish() {
    let ends: [fn(&mut Story); 4] = [
        |story| story.give(2, l4(80, 8003)),
        |story| story.give(2, l4(80, 8004)),
        |story| story.remove("s2"),
        |story| story.give(2, json!({"expose#0": {"listener_port": 8002}})),
    ];
    for (way, end) in ends.into_iter().enumerate() {
        let mut story = Story::begun();
        // The third was there first, so its wish is the first to be looked at.
        story.give(2, l4(80, 8003));
        story.give(0, l4(80, 8001));
        story.give(1, l4(80, 8002));
        story.give(2, l4(80, 8002));
        story.give(0, l4(80, 8002));
        story.give(1, l4(80, 8001));
        end(&mut story);
        assert!(story.is_served(0) && story.is_served(1), "{way}");
    }
}

/// Whoever sits nowhere is behind those that only change places.
#[test]
fn a_newcomer_does_not_come_between_two_that_swap() {
    let mut story = Story::begun();
    story.give(1, l4(80, 8001));
    story.give(2, l4(80, 8002));
    story.give(0, l4(80, 8002));
    story.give(1, l4(80, 8002));
    story.give(2, l4(80, 8001));
    assert!(story.is_served(1) && story.is_served(2));
    assert_eq!(story.serving("s0", "expose#0"), Some(Serving::Refused));
}

/// One stays as it cannot have what another asks for, which then cannot have it either.
#[test]
fn who_gave_way_to_one_that_does_not_move_after_all_moves() {
    let named = |port: u16, names: &[&str]| json!({"expose#0": {"port": 443, "listener_port": port, "sni": names}});
    let mut story = Story::begun();
    story.give(0, named(8001, &["a.org", "b.org"]));
    story.give(1, named(8000, &["a.org"]));
    // The first asks for both names, and cannot have them as long as the second has either.
    story.put(&[
        ("s0", instance("10.0.0.1", named(8000, &["a.org", "b.org"]))),
        ("s1", instance("10.0.0.2", named(8000, &["b.org"]))),
        ("s2", instance("10.0.0.3", named(8000, &["b.org"]))),
    ]);
    assert!(story.is_served(1));
    assert_eq!(story.serving("s0", "expose#0"), Some(Serving::Kept));
    assert_eq!(story.serving("s2", "expose#0"), Some(Serving::Refused));
    let findings = story.findings("s0");
    assert!(
        findings[0].contains("'b.org' is already served"),
        "{findings:?}"
    );
}
