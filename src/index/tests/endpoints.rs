//! Where services run.

use super::*;

fn with_status(mut instance: Instance, status: ResourceStatus) -> Instance {
    instance.resources.get_mut("ip#1").unwrap().status = status;
    instance
}

/// The Python janitor sent traffic to any address that was configured, up or not.
#[test]
fn only_what_is_up_gets_traffic_and_the_cluster_stays_when_nothing_is() {
    let mut story = Story::begun();
    let up = instance("10.0.0.1", l4(80, 8080));
    story.put(&[("web", up.clone())]);
    assert_eq!(story.endpoints("web.expose#0"), ["10.0.0.1:80"]);

    story.put(&[("web", with_status(up.clone(), ResourceStatus::NotUp))]);
    assert_eq!(story.endpoints("web.expose#0"), Vec::<String>::new());
    assert_eq!(story.names(ResourceType::Cluster), ["web.expose#0"]);

    story.put(&[("web", with_status(up.clone(), ResourceStatus::StandbyUp))]);
    assert_eq!(story.endpoints("web.expose#0"), ["10.0.0.1:80"]);

    let mut passive = with_status(up.clone(), ResourceStatus::StandbyUp);
    passive.avail = Availability::NotServing;
    story.put(&[("web", passive)]);
    assert_eq!(story.endpoints("web.expose#0"), Vec::<String>::new());

    let mut disabled = up;
    disabled.resources.get_mut("ip#1").unwrap().disabled = true;
    story.put(&[("web", disabled)]);
    assert_eq!(story.endpoints("web.expose#0"), Vec::<String>::new());
}

#[test]
fn an_endpoint_change_touches_its_load_assignment_and_nothing_else() {
    let mut story = Story::begun();
    story.put(&[
        ("a", instance("10.0.0.1", http("a.org"))),
        ("b", instance("10.0.0.2", http("b.org"))),
    ]);
    let before = story.index.snapshot().clone();
    let up = instance("10.0.0.1", http("a.org"));
    story.put(&[("a", with_status(up, ResourceStatus::NotUp))]);
    let after = story.index.snapshot();
    for kind in ResourceType::ALL {
        let changes = after.changes(&before, kind).count();
        let expected = usize::from(kind == ResourceType::Endpoints);
        assert_eq!(changes, expected, "{kind:?}");
    }
}

#[test]
fn every_node_and_every_ip_of_a_service_is_an_endpoint() {
    let mut story = Story::begun();
    let mut two_ips = instance("10.0.0.1", l4(80, 8080));
    let mut second = two_ips.resources["ip#1"].clone();
    second.info = info(json!({"ipaddr": "fd00::1", "expose": ["expose#0", "9000/tcp"]}));
    two_ips.resources.insert("ip#2", second);
    let instances = Named::from([
        ("node1", Arc::new(two_ips)),
        ("node2", Arc::new(instance("10.0.0.2", l4(80, 8080)))),
    ]);
    story
        .services
        .insert(path("web"), Arc::new(ServiceState { instances }));
    story.reset();
    assert_eq!(
        story.endpoints("web.expose#0"),
        ["10.0.0.1:80", "10.0.0.2:80", "fd00::1:80"]
    );
}

#[test]
fn an_address_that_is_not_known_yet_is_waited_for() {
    let mut story = Story::begun();
    for unknown in [json!(null), json!("not-an-address"), json!(7)] {
        let mut pending = instance("10.0.0.1", l4(80, 8080));
        pending.resources.get_mut("ip#1").unwrap().info =
            info(json!({"ipaddr": unknown, "expose": ["expose#0"]}));
        story.put(&[("web", pending)]);
        assert_eq!(story.serving("web", "expose#0"), Some(Serving::Served));
        assert_eq!(story.endpoints("web.expose#0"), Vec::<String>::new());
    }
}

/// `port@node2 = 80810`, or `abc`, which the agent leaves out.
#[test]
fn an_instance_whose_own_port_is_none_is_left_out_and_told_of() {
    for (odd, shown) in [(json!(80810), "80810"), (json!(null), "not an integer")] {
        let mut story = Story::begun();
        let mut sections = l4(80, 8080);
        let keywords = sections["expose#0"].as_object_mut().unwrap();
        keywords.remove("port");
        if !odd.is_null() {
            keywords.insert("port".into(), odd);
        }
        let mut wrong = instance("10.0.0.2", sections);
        wrong.resources.get_mut("ip#1").unwrap().status = ResourceStatus::Up;
        let instances = Named::from([
            ("node1", Arc::new(instance("10.0.0.1", l4(80, 8080)))),
            ("node2", Arc::new(wrong)),
        ]);
        story
            .services
            .insert(path("web"), Arc::new(ServiceState { instances }));
        story.reset();
        assert_eq!(story.endpoints("web.expose#0"), ["10.0.0.1:80"]);
        assert_eq!(
            story.findings("web"),
            [format!(
                "warning: expose#0.port@node2: {shown} is not a port; the instance on node2 is left \
                 out; write a port from 1 to 65535"
            )]
        );
    }
}

/// `listener_port@node2 = 8081`: one listener cannot be two.
#[test]
fn a_keyword_that_differs_from_node_to_node_is_told_of() {
    let mut story = Story::begun();
    let on = |ip: &str, listener_port| Arc::new(instance(ip, l4(80, listener_port)));
    let instances = Named::from([
        ("node1", on("10.0.0.1", 8080)),
        ("node2", on("10.0.0.2", 8081)),
    ]);
    story
        .services
        .insert(path("web"), Arc::new(ServiceState { instances }));
    story.reset();
    assert_eq!(story.names(ResourceType::Listener), ["0.0.0.0:8080/tcp"]);
    assert_eq!(
        story.endpoints("web.expose#0"),
        ["10.0.0.1:80", "10.0.0.2:80"]
    );
    assert_eq!(
        story.findings("web"),
        [
            "info: expose#0.listener_port@node2: has another value on node2, which is not looked \
             at; write it without scope: a gateway serves all nodes alike"
        ]
    );
}

/// A keyword may be scoped by node: `port@node2 = 81`.
#[test]
fn an_instance_may_have_a_port_of_its_own() {
    let mut story = Story::begun();
    let instances = Named::from([
        ("node1", Arc::new(instance("10.0.0.1", l4(80, 8080)))),
        ("node2", Arc::new(instance("10.0.0.2", l4(81, 8080)))),
    ]);
    story
        .services
        .insert(path("web"), Arc::new(ServiceState { instances }));
    story.reset();
    assert_eq!(
        story.endpoints("web.expose#0"),
        ["10.0.0.1:80", "10.0.0.2:81"]
    );
}

/// Whoever asks why nothing answers is told, with the command to give.
#[test]
fn an_expose_without_an_endpoint_says_what_keeps_each_instance_from_being_one() {
    let mut story = Story::begun();
    let up = instance("10.0.0.1", l4(80, 8080));
    let mut idle = |instances: &[(&str, Instance)]| {
        let instances = instances.iter().cloned();
        let instances = instances.map(|(node, instance)| (node.to_owned(), Arc::new(instance)));
        let state = ServiceState {
            instances: instances.collect(),
        };
        story.services.insert(path("web"), Arc::new(state));
        story.reset();
        let view = &story.index.view().exposes[&id("web", "expose#0")];
        view.idle.as_deref().map(str::to_owned)
    };
    assert_eq!(idle(&[("node1", up.clone())]), None);

    let mut stopped = up.clone();
    stopped.avail = Availability::NotServing;
    let down = with_status(up.clone(), ResourceStatus::NotUp);
    let mut disabled = stopped.clone();
    disabled.resources.get_mut("ip#1").unwrap().disabled = true;
    let mut nowhere = up.clone();
    let ip = nowhere.resources.get_mut("ip#1").unwrap();
    ip.info = info(json!({"expose": ["expose#0"]}));
    for (instance, why) in [
        (
            &stopped,
            "web is not up on node1; start it with: om web start",
        ),
        (
            &down,
            "ip#1 of web is down on node1; start it with: om web start --rid ip#1",
        ),
        (
            &disabled,
            "ip#1 of web is disabled on node1; enable it with: om web enable --rid ip#1",
        ),
        (
            &nowhere,
            "ip#1 of web has no address on node1; write ip#1.ipname",
        ),
    ] {
        assert_eq!(idle(&[("node1", instance.clone())]).as_deref(), Some(why));
    }

    // Of several ips, one that is disabled by intent keeps nothing away.
    let second = |mut instance: Instance, disabled: bool| {
        let mut ip = up.resources["ip#1"].clone();
        ip.disabled = disabled;
        instance.resources.insert("ip#2", ip);
        instance
    };
    let mut spare = second(stopped.clone(), true);
    assert_eq!(
        idle(&[("node1", spare.clone())]).unwrap(),
        "web is not up on node1; start it with: om web start"
    );
    spare.avail = Availability::Serving;
    assert_eq!(
        idle(&[("node1", with_status(spare.clone(), ResourceStatus::NotUp))]).unwrap(),
        "ip#1 of web is down on node1; start it with: om web start --rid ip#1"
    );
    spare.resources.get_mut("ip#1").unwrap().disabled = true;
    assert_eq!(
        idle(&[("node1", spare)]).unwrap(),
        "ip#1 of web is disabled on node1; enable it with: om web enable --rid ip#1"
    );
    let mut half = second(down.clone(), false);
    half.resources.get_mut("ip#2").unwrap().info = info(json!({"expose": ["expose#0"]}));
    assert_eq!(
        idle(&[("node1", half)]).unwrap(),
        "ip#2 of web has no address on node1; write ip#2.ipname"
    );

    let many: Vec<_> = ["a", "b", "c", "d", "e"]
        .map(|node| (node, stopped.clone()))
        .into();
    assert_eq!(
        idle(&many).unwrap(),
        "web is not up on a, web is not up on b, web is not up on c and 2 more instances; start it \
         with: om web start"
    );
    // One that is up is enough.
    assert_eq!(idle(&[("node1", stopped), ("node2", up)]), None);
}
