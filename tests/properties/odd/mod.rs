//! Services that are nearly all right: one odd value each, or a few.

mod table;
mod values;

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

/// What the rest of a service looks like.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Base {
    Tcp,
    Udp,
    Http,
    Https,
}

/// A section, a keyword of it, and odd values for it.
type Odd = (Base, &'static str, &'static str, Vec<Value>);

/// A keyword and its value.
type Given = (&'static str, Value);

/// The sections of a service, as the daemon tells of them.
pub(crate) type Sections = BTreeMap<String, Map<String, Value>>;

/// Every odd value in a service of its own, then some services with several.
pub(crate) fn services(several: usize) -> Vec<Sections> {
    let table = table::table();
    let mut all = Vec::new();
    for (base, section, keyword, values) in &table {
        for value in values {
            let mut sections = plain(*base, all.len());
            put(&mut sections, section, keyword, value);
            all.push(sections);
        }
    }
    for (first, second) in pairs() {
        let mut sections = plain(Base::Tcp, all.len());
        for (keyword, value) in [first, second] {
            put(&mut sections, "expose#0", keyword, &value);
        }
        all.push(sections);
    }
    let mut dice = Dice(0x9e37_79b9_7f4a_7c15);
    for _ in 0..several {
        let base = [Base::Tcp, Base::Http, Base::Https][dice.below(3)];
        let mut sections = plain(base, all.len());
        for _ in 0..3 {
            let (of, section, keyword, values) = &table[dice.below(table.len())];
            if *of == base || (base == Base::Https && *of == Base::Http) {
                put(
                    &mut sections,
                    section,
                    keyword,
                    &values[dice.below(values.len())],
                );
            }
        }
        all.push(sections);
    }
    all
}

/// Values that are right alone.
fn pairs() -> Vec<(Given, Given)> {
    let mut pairs = Vec::new();
    let balanced = [
        json!({"lb_subset_config": {"fallback_policy": "ANY_ENDPOINT", "subset_selectors": [{"keys": ["a"]}]}}),
        json!({"original_dst_lb_config": {"use_http_header": true}}),
        json!({"ring_hash_lb_config": {}}),
        json!({"common_lb_config": {"locality_weighted_lb_config": {}}}),
        json!({"load_balancing_policy": {"policies": [{"typed_extension_config": {"name": "a"}}]}}),
        json!({"lb_policy": "MAGLEV"}),
        json!({"slow_start_config": {}}),
    ];
    for policy in [
        "original_dst_lb",
        "ring_hash",
        "maglev",
        "random",
        "least_request",
    ] {
        for data in &balanced {
            pairs.push((("lb_policy", json!(policy)), ("cluster_data", data.clone())));
        }
    }
    pairs
}

/// Numbers that are the same in every run.
struct Dice(u64);

impl Dice {
    fn below(&mut self, end: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 % end as u64).unwrap()
    }
}

fn put(sections: &mut Sections, section: &str, keyword: &str, value: &Value) {
    let keywords = sections.entry(section.to_owned()).or_default();
    keywords.insert(keyword.to_owned(), value.clone());
    if matches!(keyword, "match_path" | "match_regex") {
        keywords.remove("match_prefix");
    }
    if section.starts_with("hashpolicy") {
        put(sections, "route#0", "hash_policies", &json!([section]));
        put(sections, "expose#0", "lb_policy", &json!("ring_hash"));
    }
}

fn plain(base: Base, number: usize) -> Sections {
    let mut sections = Sections::new();
    let mut add = |name: &str, keywords: Value| {
        let Value::Object(keywords) = keywords else {
            panic!("{keywords} is not a section");
        };
        sections.insert(name.to_owned(), keywords);
    };
    let port = 10_000 + number;
    let mut expose = json!({"port": 80, "listener_port": port});
    if base == Base::Udp {
        expose["protocol"] = json!("udp");
    }
    if matches!(base, Base::Http | Base::Https) {
        expose["vhosts"] = json!(["vhost#0"]);
        add(
            "vhost#0",
            json!({"domains": ["a.org"], "routes": ["route#0"]}),
        );
        add("route#0", json!({"match_prefix": "/"}));
    }
    if base == Base::Https {
        expose["listener_certificates"] = json!(["certificate#0"]);
        add(
            "certificate#0",
            json!({
                "certificate_chain_filename": "/a.crt", "private_key_filename": "/a.key",
            }),
        );
    }
    add("expose#0", expose);
    sections
}
