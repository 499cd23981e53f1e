//! Whatever the dataset and the patches, the typed replica is what is watched of the whole dataset,
//! or says that something does not fit.

use proptest::collection::{btree_map, vec};
use proptest::option;
use proptest::prelude::*;
use proptest::sample::select;
use serde_json::{Map, Value, json};

use super::naive::{self, assert_same};
use super::{apply, replica};

const OBJECTS: [&str; 7] = [
    "web",
    "1.web",
    "t/svc/web",
    "cluster",
    "sec/c",
    "t/sec/c",
    "t/vol/v",
];
const RESOURCES: [&str; 5] = ["ip#1", "expose#0", "vhost#a", "fs#1", "certificate"];

/// Any JSON value.
pub(super) fn anything() -> impl Strategy<Value = Value> {
    let plain = prop_oneof![
        2 => Just(Value::Null),
        2 => any::<bool>().prop_map(Value::from),
        2 => (-2i64..5).prop_map(Value::from),
        1 => Just(json!(1.5)),
        6 => select(vec!["up", "down", "n/a", "stdby up", "ip.host", "x", "é\"\\\u{1f600}"])
            .prop_map(Value::from),
    ];
    plain.prop_recursive(3, 16, 4, |inner| {
        prop_oneof![
            vec(inner.clone(), 0..4).prop_map(Value::from),
            object(select(vec!["a", "b", "expose", "ipaddr"]), inner, 0..4),
        ]
    })
}

fn object(
    keys: impl Strategy<Value = &'static str>,
    values: impl Strategy<Value = Value>,
    size: std::ops::Range<usize>,
) -> impl Strategy<Value = Value> {
    btree_map(keys, values, size).prop_map(|members| {
        let members = members.into_iter().map(|(k, v)| (k.to_string(), v));
        Value::Object(members.collect())
    })
}

/// An object with some of these members.
fn members(
    fields: Vec<(&'static str, BoxedStrategy<Value>)>,
) -> impl Strategy<Value = Value> + Clone {
    fields
        .into_iter()
        .fold(Just(Map::new()).boxed(), |object, (name, value)| {
            let field = option::weighted(0.8, value);
            (object, field)
                .prop_map(move |(mut object, value)| {
                    object.extend(value.map(|value| (name.to_string(), value)));
                    object
                })
                .boxed()
        })
        .prop_map(Value::Object)
}

/// A dataset of the expected shape, with whatever users may put into it.
pub(super) fn dataset() -> impl Strategy<Value = Value> {
    let word = || select(vec!["up", "down", "warn", "stdby up", "n/a"]).prop_map(Value::from);
    let flag = || any::<bool>().prop_map(Value::from).boxed();
    let info = object(
        select(vec!["ipaddr", "expose", "port", "cluster_data", "sni"]),
        anything(),
        0..4,
    );
    let resource = members(vec![
        ("type", Just(json!("ip.host")).boxed()),
        ("status", word().boxed()),
        ("disable", flag()),
        ("info", info.boxed()),
        ("label", anything().boxed()),
    ]);
    let instance = members(vec![
        ("avail", word().boxed()),
        ("scaler_slave", flag()),
        (
            "resources",
            object(select(RESOURCES.to_vec()), resource, 0..4).boxed(),
        ),
        ("monitor", anything().boxed()),
    ]);
    let config = members(vec![
        ("csum", select(vec!["1", "2"]).prop_map(Value::from).boxed()),
        ("updated", anything().boxed()),
        ("scope", Just(json!(["elsewhere"])).boxed()),
    ]);
    let services = members(vec![
        (
            "status",
            object(select(OBJECTS.to_vec()), instance, 0..5).boxed(),
        ),
        (
            "config",
            object(select(OBJECTS.to_vec()), config, 0..5).boxed(),
        ),
    ]);
    let node = members(vec![
        ("services", services.boxed()),
        ("stats", anything().boxed()),
    ]);
    object(select(vec!["n1", "n2"]), node, 0..3).prop_map(|mut nodes| {
        // A node that is always there and ready: without one nothing would count as gone.
        nodes["n0"] = json!({"monitor": {"status": "idle"}});
        json!({"monitor": {"nodes": nodes}, "listener": {"stats": 1}})
    })
}

/// A patch to about anywhere, of about anything.
fn wild_entry() -> impl Strategy<Value = Value> {
    let word = |words: &[&'static str]| select(words.to_vec()).prop_map(Value::from).boxed();
    let step = || {
        prop_oneof![
            6 => select(vec!["expose", "ipaddr", "a", "b"]).prop_map(Value::from),
            4 => (0..4u8).prop_map(Value::from),
        ]
    };
    let path = vec![
        word(&["monitor"]),
        word(&["nodes"]),
        word(&["n1", "n2"]),
        word(&["services", "services", "stats"]),
        word(&["status", "status", "config"]),
        word(&OBJECTS),
        word(&[
            "resources",
            "resources",
            "avail",
            "scaler_slaves",
            "scaler_slave",
            "csum",
            "x",
        ]),
        prop_oneof![3 => word(&RESOURCES), 1 => step()].boxed(),
        word(&["info", "info", "type", "status", "disable", "label"]),
        step().boxed(),
        step().boxed(),
        step().boxed(),
    ];
    let stray = option::weighted(0.1, (0..12usize, anything()));
    (path, 4..=12usize, stray, option::weighted(0.8, anything())).prop_map(
        |(mut path, length, stray, value)| {
            if let Some((at, step)) = stray {
                path[at] = step;
            }
            path.truncate(length);
            match value {
                Some(value) => json!([path, value]),
                None => json!([path]),
            }
        },
    )
}

/// What a daemon sends for a change of its dataset; it cannot tell every change.
pub(super) fn difference(old: &Value, new: &Value) -> Vec<Value> {
    fn at<'v>(value: &'v Value, path: &[Value]) -> Option<&'v Value> {
        path.iter().try_fold(value, |value, step| match step {
            Value::String(key) => value.as_object()?.get(key),
            index => value.as_array()?.get(index.as_u64()? as usize),
        })
    }
    fn walk(one: &Value, other: &Value, path: &[Value], sets: bool, out: &mut Vec<Value>) {
        let entry = |value: &Value| {
            if sets {
                json!([path, value])
            } else {
                json!([path])
            }
        };
        let deeper = |step: Value| [path, &[step]].concat();
        match (one, at(other, path)) {
            (_, None) => out.push(entry(one)),
            (value, Some(Value::Null)) if !value.is_null() => out.push(entry(one)),
            (Value::Object(members), Some(_)) => {
                for (key, value) in members {
                    walk(value, other, &deeper(key.as_str().into()), sets, out);
                }
            }
            (Value::Array(list), Some(_)) => {
                if !sets
                    && out
                        .iter()
                        .any(|e| e[0] == json!(path) && e.get(1).is_some())
                {
                    return;
                }
                let mut steps: Vec<usize> = (0..list.len()).collect();
                if !sets {
                    steps.reverse();
                }
                for index in steps {
                    walk(&list[index], other, &deeper(index.into()), sets, out);
                }
            }
            (value, Some(there)) if sets && value != there => out.push(entry(value)),
            _ => {}
        }
    }
    let mut out = Vec::new();
    walk(new, old, &[], true, &mut out);
    walk(old, new, &[], false, &mut out);
    out
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    /// What the daemon tells about its own changes: the replica never silently differs from a
    /// literal one.
    #[test]
    fn a_change_as_the_daemon_tells_it(old in dataset(), new in dataset()) {
        let mut whole = old.clone();
        let mut typed = replica(&old);
        assert_same(&typed.reset(), &naive::project(&whole), "at the start");
        for entry in difference(&old, &new) {
            if !apply(&mut typed, &json!([entry])) {
                // An object cannot become a list, or the other way round, by a patch.
                prop_assert!(naive::patch(&mut whole, &entry).is_err(), "{entry}");
                return Ok(());
            }
            if naive::patch(&mut whole, &entry).is_err() {
                return Ok(());
            }
        }
        assert_same(&typed.reset(), &naive::project(&whole), "at the end");
    }

    /// Whatever was read before, and whatever was patched since: a whole state is what it says, and the
    /// quick way to read it is the thorough one.
    #[test]
    fn a_whole_state_that_is_read_again(
        states in vec(dataset(), 1..4),
        entries in vec(wild_entry(), 0..6),
        again in 0..4usize,
    ) {
        let mut typed = replica(&json!({"monitor": {"nodes": {"n0": {"monitor": {"status": "idle"}}}}}));
        for whole in states.iter().chain(states.get(again)) {
            let text = whole.to_string();
            let tables = super::status(text.as_bytes(), &typed.known()).unwrap();
            typed.replace(&super::Scope::Root, tables);
            assert_same(&typed.reset(), &naive::project(whole), "as read");
            for entry in &entries {
                apply(&mut typed, &json!([entry]));
            }
        }
    }

    /// Whatever comes.
    #[test]
    fn a_patch_of_anything_anywhere(
        dataset in dataset(),
        entries in vec(wild_entry(), 1..12),
    ) {
        let mut whole = dataset.clone();
        let mut typed = replica(&dataset);
        for entry in entries {
            let known = apply(&mut typed, &json!([entry]));
            let made = naive::patch(&mut whole, &entry);
            if !known || made.is_err() {
                return Ok(());
            }
            assert_same(&typed.reset(), &naive::project(&whole), &entry.to_string());
        }
    }

    /// What changes is what is reported as changed.
    #[test]
    fn a_replica_that_is_told_everything_holds_the_same(
        old in dataset(),
        entries in vec(wild_entry(), 1..12),
    ) {
        use crate::daemon::{Update, channel};
        let mut typed = replica(&old);
        let (publisher, mut updates) = channel();
        publisher.publish(typed.reset());
        for entry in entries {
            apply(&mut typed, &json!([entry]));
            if let Some(update) = typed.take() {
                publisher.publish(update);
            }
        }
        drop(publisher);
        let told: Option<Update> = futures_util::FutureExt::now_or_never(updates.next()).flatten();
        assert_same(&told.unwrap(), &typed.reset(), "in the end");
    }

    /// No bytes make it panic.
    #[test]
    fn any_bytes(text in vec(any::<u8>(), 0..64), cut in 0..400usize, dataset in dataset()) {
        let _ = super::message(&text);
        let _ = super::status(&text, &super::super::whole::Known::default());
        let mut text = dataset.to_string().into_bytes();
        text.truncate(cut);
        let _ = super::status(&text, &super::super::whole::Known::default());
    }
}
