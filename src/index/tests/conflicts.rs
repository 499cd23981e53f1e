//! Two exposes want one thing.

use super::*;

#[test]
fn the_incumbent_stays_and_the_newcomer_is_told_who_it_is() {
    let mut story = Story::begun();
    story.put(&[("zeta", instance("10.0.0.1", l4(80, 8080)))]);
    story.put(&[("alpha", instance("10.0.0.2", l4(80, 8080)))]);
    assert_eq!(story.serving("zeta", "expose#0"), Some(Serving::Served));
    assert_eq!(story.serving("alpha", "expose#0"), Some(Serving::Refused));
    let report = story.index.view().reports.get(&path("alpha")).unwrap();
    let conflict = report.errors().next().unwrap();
    assert_eq!(conflict.code, "socket-taken");
    assert_eq!(conflict.incumbent, Some(id("zeta", "expose#0")));
    assert_eq!(conflict.keyword.as_deref(), Some("listener_port"));
    assert!(conflict.message.contains("0.0.0.0:8080/tcp"), "{conflict}");
}

#[test]
fn when_the_incumbent_leaves_the_next_in_line_is_served() {
    let mut story = Story::begun();
    story.put(&[("zeta", instance("10.0.0.1", l4(80, 8080)))]);
    story.put(&[("alpha", instance("10.0.0.2", l4(80, 8080)))]);
    story.remove("zeta");
    assert_eq!(story.serving("alpha", "expose#0"), Some(Serving::Served));
    assert_eq!(story.findings("alpha"), Vec::<String>::new());
    assert_eq!(story.names(ResourceType::Cluster), ["alpha.expose#0"]);
}

#[test]
fn newcomers_of_one_moment_are_served_in_the_order_of_their_names() {
    let mut story = Story::begun();
    story.put(&[
        ("b", instance("10.0.0.2", l4(80, 8080))),
        ("a", instance("10.0.0.1", l4(80, 8080))),
    ]);
    assert_eq!(story.serving("a", "expose#0"), Some(Serving::Served));
    assert_eq!(story.serving("b", "expose#0"), Some(Serving::Refused));
}

#[test]
fn an_incumbent_that_asks_for_a_taken_port_keeps_its_own() {
    let mut story = Story::begun();
    story.put(&[("a", instance("10.0.0.1", l4(80, 8001)))]);
    story.put(&[("b", instance("10.0.0.2", l4(80, 8002)))]);
    // c is new and asks for the port that a would like to leave; b's port is what a asks for.
    story.put(&[
        ("a", instance("10.0.0.1", l4(80, 8002))),
        ("c", instance("10.0.0.3", l4(80, 8001))),
    ]);
    assert_eq!(story.serving("a", "expose#0"), Some(Serving::Kept));
    assert_eq!(story.serving("b", "expose#0"), Some(Serving::Served));
    assert_eq!(story.serving("c", "expose#0"), Some(Serving::Refused));
    assert_eq!(
        story.names(ResourceType::Listener),
        ["0.0.0.0:8001/tcp", "0.0.0.0:8002/tcp"]
    );
}

#[test]
fn two_services_can_swap_their_ports_in_one_event() {
    let mut story = Story::begun();
    story.put(&[
        ("a", instance("10.0.0.1", l4(80, 8001))),
        ("b", instance("10.0.0.2", l4(80, 8002))),
    ]);
    story.put(&[
        ("a", instance("10.0.0.1", l4(80, 8002))),
        ("b", instance("10.0.0.2", l4(80, 8001))),
    ]);
    assert_eq!(story.serving("a", "expose#0"), Some(Serving::Served));
    assert_eq!(story.serving("b", "expose#0"), Some(Serving::Served));
    let listener = story.json(ResourceType::Listener, "0.0.0.0:8001/tcp");
    assert_eq!(listener["filter_chains"][0]["name"], "b.expose#0");
}

#[test]
fn two_swaps_one_event_after_the_other_end_where_they_should() {
    let mut story = Story::begun();
    story.put(&[
        ("a", instance("10.0.0.1", l4(80, 8001))),
        ("b", instance("10.0.0.2", l4(80, 8002))),
    ]);
    story.put(&[("a", instance("10.0.0.1", l4(80, 8002)))]);
    assert_eq!(story.serving("a", "expose#0"), Some(Serving::Kept));
    story.put(&[("b", instance("10.0.0.2", l4(80, 8003)))]);
    assert_eq!(story.serving("a", "expose#0"), Some(Serving::Served));
    assert_eq!(
        story.names(ResourceType::Listener),
        ["0.0.0.0:8002/tcp", "0.0.0.0:8003/tcp"]
    );
}

/// Envoy refuses a route configuration in which a domain appears twice, and every virtual host of
/// the port was frozen with it.
#[test]
fn a_domain_served_by_one_service_is_not_given_to_another() {
    let mut story = Story::begun();
    story.put(&[("a", instance("10.0.0.1", http("www.acme.com")))]);
    story.put(&[("b", instance("10.0.0.2", http("WWW.acme.com")))]);
    story.put(&[("c", instance("10.0.0.3", http("c.acme.com")))]);
    assert_eq!(story.codes("b"), ["name-taken"]);
    let findings = story.findings("b");
    assert!(
        findings[0].starts_with("error: vhost#0.domains: domain 'www.acme.com' is already served on 0.0.0.0:80/tcp by a.expose#0"),
        "{findings:?}"
    );
    let routes = story.json(ResourceType::Routes, "0.0.0.0:80/tcp");
    let names: Vec<_> = routes["virtual_hosts"]
        .as_array()
        .unwrap()
        .iter()
        .map(|v| &v["name"])
        .collect();
    assert_eq!(names, ["a.expose#0.vhost#0", "c.expose#0.vhost#0"]);
}

/// The Python janitor left the virtual hosts of a removed service until something else changed.
#[test]
fn the_virtual_hosts_of_a_removed_service_go_with_it() {
    let mut story = Story::begun();
    story.put(&[
        ("a", instance("10.0.0.1", http("a.org"))),
        ("b", instance("10.0.0.2", http("b.org"))),
    ]);
    story.remove("a");
    let routes = story.json(ResourceType::Routes, "0.0.0.0:80/tcp");
    let vhosts = routes["virtual_hosts"].as_array().unwrap();
    let names: Vec<_> = vhosts.iter().map(|vhost| &vhost["name"]).collect();
    assert_eq!(names, ["b.expose#0.vhost#0"]);
    assert_eq!(story.names(ResourceType::Endpoints), ["b.expose#0"]);
}

#[test]
fn a_name_that_an_incumbent_drops_is_free_at_once() {
    let mut story = Story::begun();
    let both = json!({
        "expose#0": {"port": 8080, "listener_port": 80, "vhosts": ["vhost#0"]},
        "vhost#0": {"domains": ["a.org", "b.org"], "routes": ["route#0"]},
        "route#0": {"match_prefix": "/"},
    });
    story.put(&[("a", instance("10.0.0.1", both))]);
    story.put(&[("b", instance("10.0.0.2", http("b.org")))]);
    assert_eq!(story.serving("b", "expose#0"), Some(Serving::Refused));
    story.put(&[("a", instance("10.0.0.1", http("a.org")))]);
    assert_eq!(story.serving("b", "expose#0"), Some(Serving::Served));
}

#[test]
fn services_with_different_server_names_share_a_port_with_plain_http() {
    let mut story = Story::begun();
    let sni = |name: &str| json!({"expose#0": {"port": 443, "listener_port": 80, "sni": [name]}});
    story.put(&[
        ("a", instance("10.0.0.1", sni("a.org"))),
        ("b", instance("10.0.0.2", sni("*.b.org"))),
        ("c", instance("10.0.0.3", http("c.org"))),
        ("d", instance("10.0.0.4", sni("a.org"))),
    ]);
    assert_eq!(story.codes("d"), ["name-taken"]);
    let listener = story.json(ResourceType::Listener, "0.0.0.0:80/tcp");
    assert_eq!(listener["filter_chains"].as_array().unwrap().len(), 3);
}

#[test]
fn udp_and_tcp_do_not_meet_and_the_admin_port_is_reserved() {
    let mut story = Story::begun();
    let udp = json!({"expose#0": {"port": 53, "listener_port": 9901, "protocol": "udp"}});
    story.put(&[
        ("dns", instance("10.0.0.1", udp.clone())),
        ("web", instance("10.0.0.2", l4(80, 9901))),
        ("dns2", instance("10.0.0.3", udp)),
    ]);
    assert_eq!(story.serving("dns", "expose#0"), Some(Serving::Served));
    assert_eq!(story.codes("web"), ["socket-reserved"]);
    assert_eq!(story.codes("dns2"), ["socket-taken"]);
}

#[test]
fn the_wildcard_address_and_a_specific_one_may_share_a_port() {
    let mut story = Story::begun();
    let mut specific = l4(80, 8080);
    specific["expose#0"]["listener_addr"] = json!("127.0.0.2");
    story.put(&[
        ("a", instance("10.0.0.1", l4(80, 8080))),
        ("b", instance("10.0.0.2", specific)),
    ]);
    assert_eq!(
        story.names(ResourceType::Listener),
        ["0.0.0.0:8080/tcp", "127.0.0.2:8080/tcp"]
    );
}
