use serde_json::json;

use super::*;
use crate::envoy::ResourceType;
use crate::model::ObjectPath;
use crate::verdict::{Facts, judge};

const TWO: &str = "
[ip#1]
expose = expose#0 expose#1
[expose#0]
type = envoy
port = 80
listener_port = 8080
sni = a.example.com
[expose#1]
type = envoy
port = 81
listener_port = 8080
sni = b.example.com
";

fn judged(config: &str) -> (Document, Verdict) {
    let path: ObjectPath = "web".parse().unwrap();
    let document = Document::from_config(path, config).unwrap();
    let verdict = judge(&document, &Facts::default());
    (document, verdict)
}

fn address() -> Vec<Address> {
    vec![Address {
        section: "ip#1".into(),
        addr: [10, 0, 0, 1].into(),
    }]
}

/// What a gateway has, and what it would have.
fn change(old: &str, new: &str) -> (Snapshot, Snapshot, Vec<ExposeId>) {
    let mut preview = Preview::new("envoy");
    let (document, verdict) = judged(old);
    preview.serve(&document, &verdict, &address());
    let before = preview.snapshot();
    let (document, verdict) = judged(new);
    let kept = preview.serve(&document, &verdict, &address());
    (before, preview.snapshot(), kept)
}

fn told(old: &Snapshot, new: &Snapshot) -> Vec<String> {
    let differences = differences(old, new);
    let lines = differences.iter().flat_map(|difference| {
        let head = format!(
            "{} {} {}",
            difference.change, difference.kind, difference.name
        );
        let fields = difference.fields.iter();
        let fields = fields.map(|f| format!("{}: {:?} -> {:?}", f.path, f.old, f.new));
        [head].into_iter().chain(fields).collect::<Vec<_>>()
    });
    lines.collect()
}

#[test]
fn a_port_behind_the_gateway_touches_endpoints_only_and_ends_no_connection() {
    let (old, new, _) = change(TWO, &TWO.replace("port = 81", "port = 82"));
    let told = told(&old, &new);
    assert_eq!(told[0], "changed endpoints web.expose#1");
    assert!(
        told[1].starts_with("endpoints[0].lb_endpoints[0].endpoint.address"),
        "{told:?}"
    );
    assert_eq!(told.len(), 2);
    assert_eq!(drains(&old, &new), []);
}

#[test]
fn a_chain_that_differs_drains_its_own_connections_only() {
    let (old, new, _) = change(TWO, &TWO.replace("b.example.com", "c.example.com"));
    let chain = "web.expose#1".to_owned();
    assert_eq!(
        drains(&old, &new),
        [Drain {
            listener: "0.0.0.0:8080/tcp".into(),
            extent: Extent::Chain { chain },
            why: "its filter chain differs".into(),
        }]
    );
    let told = told(&old, &new);
    assert_eq!(
        told[1],
        "filter_chains[web.expose#1].filter_chain_match.server_names: \
         Some(Array [String(\"b.example.com\")]) -> Some(Array [String(\"c.example.com\")])"
    );
}

#[test]
fn an_expose_that_is_refused_now_goes_on_as_it_was() {
    let (old, new, kept) = change(TWO, &TWO.replace("port = 81", "port = 810000"));
    assert_eq!(kept.len(), 1);
    assert_eq!(kept[0].to_string(), "web.expose#1");
    assert_eq!(told(&old, &new), Vec::<String>::new());
}

#[test]
fn a_listener_that_moves_is_closed_and_made_anew() {
    let (old, new, _) = change(
        TWO,
        &TWO.replace("listener_port = 8080", "listener_port = 8081"),
    );
    let drains = drains(&old, &new);
    assert_eq!(drains.len(), 1);
    assert_eq!(drains[0].extent, Extent::Closed);
    let told = told(&old, &new);
    assert!(
        told.contains(&"added listener 0.0.0.0:8081/tcp".into()),
        "{told:?}"
    );
    assert!(
        told.contains(&"removed listener 0.0.0.0:8080/tcp".into()),
        "{told:?}"
    );
}

#[test]
fn an_expose_that_is_taken_out_of_the_configuration_goes() {
    let one = TWO.split("[expose#1]").next().unwrap();
    let (old, new, kept) = change(TWO, one);
    assert_eq!(kept, []);
    assert!(told(&old, &new).contains(&"removed cluster web.expose#1".into()));
    assert_eq!(drains(&old, &new)[0].why, "its filter chain is removed");
}

#[test]
fn exposes_of_other_gateways_are_not_shown() {
    let other = TWO.replace("port = 81\n", "port = 81\ngateway = dmz\n");
    let (_, new, _) = change("", &other);
    let clusters: Vec<_> = new
        .iter(ResourceType::Cluster)
        .map(|c| c.name.to_string())
        .collect();
    assert_eq!(clusters, ["web.expose#0"]);
}

#[test]
fn neighbours_on_the_socket_are_part_of_the_listener() {
    let (neighbour, _) = judged(TWO);
    let others = crate::validate::validate(&neighbour, &Default::default())
        .service
        .exposes;
    let mut preview = Preview::new("envoy");
    preview.serve_others(&others);
    let before = preview.snapshot();
    let path: ObjectPath = "mail".parse().unwrap();
    let config = TWO
        .replace("a.example", "m.example")
        .replace("[expose#1]", "[env]");
    let document = Document::from_config(path, &config).unwrap();
    let facts = Facts {
        others,
        ..Facts::default()
    };
    preview.serve(&document, &judge(&document, &facts), &[]);
    let told = told(&before, &preview.snapshot());
    assert!(
        told.contains(&"changed listener 0.0.0.0:8080/tcp".into()),
        "{told:?}"
    );
    assert!(drains(&before, &preview.snapshot()).is_empty());
}

#[test]
fn items_without_name_are_compared_between_what_both_begin_and_end_with() {
    let item = |n: u32| json!({ "n": n });
    let mut fields = Vec::new();
    difference::items(
        "routes",
        &[item(1), item(2), item(9)],
        &[item(1), item(9)],
        &mut fields,
    );
    assert_eq!(fields.len(), 1);
    assert_eq!(fields[0].path, "routes[1]");
    assert_eq!((&fields[0].old, &fields[0].new), (&Some(item(2)), &None));
}
