//! How what is written is read: defaults, scopes, references, near misses, and too much of it.

use std::collections::BTreeSet;

use serde_json::json;

use super::keywords::section_of;
use super::*;
use crate::model::PathMatch;
use crate::validate::keywords::{Group, Kind};

/// The agent crashes on a missing listener_port, and stores port=abc as no port at all.
#[test]
fn listener_port_has_its_documented_default() {
    let expose = only("[ip#1]\nexpose=expose#0\n[expose#0]\nport=8080\n");
    assert_eq!(expose.socket().unwrap().to_string(), "0.0.0.0:8080/tcp");
    let expose = only("[ip#1]\nexpose=expose#0\n[expose#0]\nport=8080\nlistener_port=0\n");
    assert_eq!(expose.listener_port, None);
    let expose =
        only("[ip#1]\nexpose=expose#0\n[expose#0]\nport=53\nprotocol=udp\nlistener_addr=::\n");
    assert_eq!(expose.socket().unwrap().to_string(), "[::]:53/udp");
}

#[test]
fn defaults_are_inherited_and_their_errors_say_so() {
    let expose = only(
        "[DEFAULT]\nnodes=node1\nport=8080\nlistener_addr=10.0.0.1\n\
         [ip#1]\nexpose=expose#0\n[expose#0]\nlistener_addr=10.0.0.2\n",
    );
    assert_eq!(expose.socket().unwrap().to_string(), "10.0.0.2:8080/tcp");
    let validated = judge("[DEFAULT]\nport=abc\n[ip#1]\nexpose=expose#0\n[expose#0]\n");
    assert_eq!(
        errors(&validated),
        [
            "expose#0.port: 'abc' is not an integer (from the DEFAULT section); write a port from 1 \
          to 65535"
        ]
    );
}

/// A value for another node is refused here too, since every node judges the same configuration.
#[test]
fn every_scoped_value_is_judged_and_one_is_used() {
    let validated =
        judge("[ip#1]\nexpose=expose#0\n[expose#0]\nport=80\nport@node1=81\nport@node2=abc\n");
    assert_eq!(
        errors(&validated),
        ["expose#0.port@node2: 'abc' is not an integer; write a port from 1 to 65535"]
    );
    let expose = only("[ip#1]\nexpose=expose#0\n[expose#0]\nport@node2=82\nport@node1=81\n");
    assert_eq!(expose.port.get(), 81);
    let validated = judge("[ip#1]\nexpose=expose#0\n[expose#0]\nport=80\nvhosts@node1=vhost#7\n");
    assert_eq!(
        errors(&validated),
        ["expose#0.vhosts@node1: 'vhost#7' is not defined; add a section [vhost#7]"]
    );
}

#[test]
fn that_one_value_of_several_counts_is_told_once_under_any_name_of_the_keyword() {
    for name in ["header_header_name", "header_name"] {
        let validated = judge(&format!(
            "[ip#1]\nexpose=expose#0\n[expose#0]\nport=80\nlb_policy=maglev\nvhosts=vhost#0\n\
             [vhost#0]\ndomains=a.org\nroutes=route#0\n\
             [route#0]\nmatch_prefix=/\nhash_policies=hashpolicy#0\n\
             [hashpolicy#0]\n{name}@node1=X-A\n{name}@node2=X-B\n"
        ));
        let mut told = lines(&validated, Severity::Info);
        told.retain(|line| line.contains("differs"));
        let expected = format!("hashpolicy#0.{name}: differs from node to node");
        assert!(
            matches!(&told[..], [one] if one.starts_with(&expected)),
            "{told:?}"
        );
    }
}

/// The agent leaves braces alone in which it knows no reference, and may say so of single keywords.
#[test]
fn braces_that_the_agent_has_looked_at_stand_for_themselves() {
    let text = "[ip#1]\nexpose=expose#0\n[expose#0]\nport={nodename}\nvhosts=vhost#0\n\
                [vhost#0]\ndomains=a.org\nroutes=route#0\n[route#0]\nmatch_path=/{user}\n";
    let mut document = Document::from_config("web".parse().unwrap(), text).unwrap();
    let keywords = ["match_path".to_owned()].into();
    document.evaluated_keywords = [("route#0".to_owned(), keywords)].into();
    let validated = validate(&document, &Context::default());
    assert_eq!(
        warnings(&validated),
        [
            "route#0.match_path: '{user}' is not a reference that the agent knows; it stands for itself, \
          braces and all; check the name if that is not meant"
        ]
    );
    let infos = lines(&validated, Severity::Info);
    assert!(
        infos[0].starts_with("expose#0.port: '{nodename}' is evaluated"),
        "{infos:?}"
    );
}

#[test]
fn a_keyword_that_the_agent_has_looked_at_is_named_with_its_scope() {
    let text = "[ip#1]\nexpose=expose#0\n[expose#0]\nport=80\nvhosts=vhost#0\n\
                [vhost#0]\ndomains=a.org\nroutes=route#0\n\
                [route#0]\nmatch_path=/{user}\nmatch_path@node1=/{user}\n";
    let mut document = Document::from_config("web".parse().unwrap(), text).unwrap();
    let keywords = ["match_path@node1".to_owned()].into();
    document.evaluated_keywords = [("route#0".to_owned(), keywords)].into();
    let validated = validate(&document, &Context::default());
    let said = |severity, start: &str| {
        let lines = lines(&validated, severity);
        lines.iter().any(|line| line.starts_with(start))
    };
    let literal = "route#0.match_path@node1: '{user}' is not a reference that the agent knows";
    assert!(said(Severity::Warning, literal));
    let unknown = "route#0.match_path: '{user}' is evaluated by the agent";
    assert!(said(Severity::Info, unknown));
}

#[test]
fn what_only_a_node_can_evaluate_is_neither_right_nor_wrong() {
    for value in ["{node.env.port}", "$(8000+80)", "{nodename}"] {
        let validated = judge(&format!(
            "[ip#1]\nexpose=expose#0\n[expose#0]\nport={value}\nlistener_addr=foo\n"
        ));
        assert_eq!(errors(&validated).len(), 1, "the other keywords are judged");
        assert_eq!(
            lines(&validated, Severity::Info),
            [format!(
                "expose#0.port: '{value}' is evaluated by the agent; the value is judged when it \
                 is known"
            )]
        );
        assert_eq!(validated.service.exposes, []);
    }
    let expose = only(
        "[env]\nport=8080\n[ip#1]\nexpose=expose#0\n[expose#0]\nport={env.port}\nvhosts=vhost#0\n\
         [vhost#0]\ndomains={name}.acme.com\nroutes=route#0\n[route#0]\nmatch_regex=/a{2}/[^/]{1,3}\n",
    );
    assert_eq!(expose.port.get(), 8080);
    assert_eq!(
        route(&expose, "route#0").path,
        PathMatch::Regex("/a{2}/[^/]{1,3}".into())
    );
}

#[test]
fn near_misses_are_guessed() {
    let validated = judge(
        "
[ip#1]
expose = expose#0 expose#11
[expose#0]
port = 80
listen_port = 80
match_prefix = /
vhosts = vhost#frnt
[vhost#front]
domain = a.org
[hash_policy#0]
cookie_name = a
[hashpolicies#1]
cookie_name = a
[Routes#1]
match_prefix = /
[disk#0]
type = lvm
",
    );
    assert_eq!(
        errors(&validated),
        ["expose#0.vhosts: 'vhost#frnt' is not defined; did you mean vhost#front?"]
    );
    assert_eq!(
        warnings(&validated),
        [
            "Routes#1: Routes is not a group of sections, so this one is ignored; did you mean route#1?",
            "expose#0.listen_port: is not a keyword of expose sections and has no effect; did you \
             mean listener_port?",
            "expose#0.match_prefix: is not a keyword of expose sections and has no effect; it is a \
             keyword of route sections",
            "hash_policy#0: hash_policy is not a group of sections, so this one is ignored; did you \
             mean hashpolicy#0?",
            "hashpolicies#1: hashpolicies is not a group of sections, so this one is ignored; did you \
             mean hashpolicy#1?",
            "ip#1.expose: 'expose#11' is not defined; add a section [expose#11], or remove the name",
            "vhost#front.domain: is not a keyword of vhost sections and has no effect; did you mean \
             domains?",
            "vhost#front.routes: is empty, so every request is answered with 404; write for example \
             routes=route#0, and match_prefix=/ in route#0",
        ]
    );
}

/// Other gateways' names have words before those of ours, or lack them.
#[test]
fn a_name_with_words_before_a_keyword_or_without_its_first_is_told_the_keyword() {
    let validated = judge(
        "[ip#1]\nexpose=expose#0\n[expose#0]\nport=80\nvhosts=vhost#0\n\
         [vhost#0]\ndomains=a.org\nroutes=route#0\n[route#0]\nregex=/a\nroute_hash_policies=hashpolicy#0\n\
         [hashpolicy#0]\nhash_policy_cookie_ttl=3s\ncookie_name=a\n",
    );
    let all = warnings(&validated);
    for (keyword, meant) in [
        ("hashpolicy#0.hash_policy_cookie_ttl", "cookie_ttl"),
        ("route#0.regex", "match_regex"),
        ("route#0.route_hash_policies", "hash_policies"),
    ] {
        let end = format!("did you mean {meant}?");
        let told = |line: &&String| line.starts_with(keyword) && line.ends_with(&end);
        assert!(all.iter().any(|line| told(&line)), "{keyword}: {all:#?}");
    }
}

#[test]
fn sections_of_another_type_are_not_the_gateways() {
    let validated = judge("[ip#1]\nexpose=expose#0\n[expose#0]\ntype=haproxy\nport=abc\n");
    assert_eq!(errors(&validated), Vec::<String>::new());
    assert_eq!(validated.service.exposes, []);
    let validated = judge(
        "[ip#1]\nexpose=expose#0\n[expose#0]\ntype=envoy\nport=1\nvhosts=vhost#0\n[vhost#0]\ntype=x\n",
    );
    assert_eq!(
        errors(&validated),
        ["expose#0.vhosts: vhost#0 is of type 'x'; name a vhost section of type envoy"]
    );
    let mut document = with(
        "[ip#1]\nexpose=expose#0\n",
        "expose#0",
        &[("port", json!(80))],
    );
    document.sections.get_mut("expose#0").unwrap().driver = Some("expose.envoy".into());
    let validated = validate(&document, &Context::default());
    assert_eq!(validated.service.exposes.len(), 1);
}

#[test]
fn the_daemons_limit_is_a_warning_and_then_an_error_that_serves_all_the_same() {
    let document = |kib: usize| {
        let data = json!({"x": "y".repeat(kib * 1024)});
        let keywords = [("port", json!(80)), ("cluster_data", data)];
        with("[ip#1]\nexpose=expose#0\n", "expose#0", &keywords)
    };
    let of_size = |kib: usize| validate(&document(kib), &Context::default());
    assert_eq!(of_size(30).report.worst(), None);
    for (size, severity) in [(40, Severity::Warning), (70, Severity::Error)] {
        let validated = of_size(size);
        assert_eq!(validated.report.worst(), Some(severity));
        assert_eq!(
            validated.report.diagnostics[0].code,
            codes::DOCUMENT_TOO_LARGE
        );
        assert_eq!(validated.service.exposes.len(), 1);
    }
    let mut delivered = document(70);
    delivered.evaluated = true;
    let delivered = validate(&delivered, &Context::default());
    assert_eq!(delivered.report.worst(), Some(Severity::Warning));
    let unread = of_size(2048);
    assert_eq!(unread.report.diagnostics[0].code, codes::DOCUMENT_UNREAD);
    assert_eq!(unread.service.exposes, []);
}

/// Few bytes that would become millions of routes.
#[test]
fn sections_named_many_times_do_not_multiply() {
    let mut text = String::from("[DEFAULT]\nvhosts =");
    for i in 0..150 {
        text.push_str(&format!(" vhost#{i}"));
    }
    text.push_str("\nroutes =");
    for i in 0..150 {
        text.push_str(&format!(" route#{i}"));
    }
    for i in 0..150 {
        text.push_str(&format!(
            "\n[expose#{i}]\nport={}\n[vhost#{i}]\ndomains=d{i}\n[route#{i}]\nmatch_path=/{i}",
            i + 1
        ));
    }
    let validated = judge(&text);
    assert!(
        validated
            .report
            .errors()
            .any(|d| d.code == codes::TOO_MANY_ROUTES)
    );
    assert!(validated.report.diagnostics.len() <= 501);
}

/// What is missing only because it is wrong is not said to be missing as well.
#[test]
fn a_mistake_is_said_once() {
    let validated = judge(
        "
[ip#1]
expose = expose#0
[expose#0]
port = 80
lb_policy = ring_hash
vhosts = vhost#0
[vhost#0]
routes = route#0
[route#0]
match_prefix = /
hash_policies = hashpolicy#0
[hashpolicy#0]
cookie_path = /
",
    );
    let codes: Vec<_> = validated
        .report
        .diagnostics
        .iter()
        .map(|d| d.code)
        .collect();
    assert_eq!(codes, [codes::COOKIE_WITHOUT_NAME, codes::LEFT_OUT]);
}

/// A table of candidates that grows without its parser would have the new one mean the default.
#[test]
fn every_candidate_of_a_choice_means_something_of_its_own() {
    let expose = "[ip#1]\nexpose = expose#0\n[expose#0]\nport = 80\n";
    let redirect = "vhosts = vhost#0\n[vhost#0]\nroutes = route#0\n\
                    [route#0]\nmatch_prefix = /\nredirect_https_redirect = true\n";
    let redirect = [expose, redirect].concat();
    let keywords = Group::ALL
        .into_iter()
        .flat_map(Group::keywords)
        .filter(|k| k.kind == Kind::Choice);
    for keyword in keywords {
        let base = match section_of(keyword) {
            "expose#0" => expose,
            "route#0" => &redirect,
            section => unreachable!("{section} has a choice: give it a service here"),
        };
        // The status of a redirect is written as a name or as its number, which mean the same.
        let is_number = |c: &str| c.bytes().all(|b| b.is_ascii_digit());
        let (numbers, names): (Vec<_>, Vec<_>) =
            keyword.candidates.iter().partition(|c| is_number(c));
        let meanings = |candidates: Vec<&&str>| -> BTreeSet<String> {
            let meaning = |c| format!("{:?}", only(&format!("{base}{} = {c}\n", keyword.name)));
            candidates.into_iter().map(meaning).collect()
        };
        let (count, by_number) = (names.len(), meanings(numbers));
        let by_name = meanings(names);
        assert_eq!(by_name.len(), count, "{}", keyword.name);
        assert!(
            by_number.is_empty() || by_number == by_name,
            "{}",
            keyword.name
        );
    }
}

/// A vhost without domains has the service's name, which need not be a host's.
#[test]
fn a_default_that_does_not_fit_is_told_at_its_keyword() {
    let text = "[ip#1]\nexpose = expose#0\n[expose#0]\nport = 80\nvhosts = vhost#0\n\
                [vhost#0]\nroutes = route#0\n[route#0]\nmatch_prefix = /\n";
    let long = "a".repeat(64);
    for (name, is_host) in [("web", true), ("web..x", false), (&long, false)] {
        let document = Document::from_config(name.parse().unwrap(), text).unwrap();
        let validated = validate(&document, &Context::default());
        let errors = errors(&validated);
        assert_eq!(errors.is_empty(), is_host, "{name}: {errors:?}");
        assert_eq!(validated.service.exposes.len(), usize::from(is_host));
        if let [error] = &errors[..] {
            let start = "vhost#0.domains: has no value, and of its default";
            assert!(error.starts_with(start), "{error}");
            assert!(error.contains("; write for example domains="), "{error}");
        }
    }
}

/// The agent takes what looks like a comment behind a value for a part of it.
#[test]
fn a_comment_behind_a_value_is_recognised() {
    let validated = judge("[ip#1]\nexpose = expose#0 # web\n[expose#0]\nport = 80 # http\n");
    let said = "a comment stands on a line of its own";
    for finding in [errors(&validated), warnings(&validated)].concat() {
        assert!(finding.ends_with(said), "{finding}");
    }
    assert_eq!(errors(&validated).len(), 1);
    let commas = judge("[ip#1]\nexpose = expose#0,expose#1\n[expose#0]\nport = 80\n");
    let hint = "'expose#0,expose#1' is not defined; separate the names with spaces";
    assert!(
        warnings(&commas).iter().any(|w| w.ends_with(hint)),
        "{:?}",
        warnings(&commas)
    );
}

#[test]
fn a_filter_that_says_nothing_is_the_same_as_none() {
    let with = |data: &str| {
        only(&format!(
            "[ip#1]\nexpose = expose#0\n[expose#0]\nport = 80\n{data}\n"
        ))
    };
    assert_eq!(with("filter_config_data = {}"), with(""));
}

#[test]
fn of_two_names_of_a_keyword_the_one_that_counts_is_told() {
    let alias = |more: &str| {
        let text = format!("[certificate#0]\nsecret = a\n{more}");
        let validated = judge(&text);
        let found = warnings(&validated)
            .into_iter()
            .find(|w| w.contains("another name"));
        found.unwrap()
    };
    assert!(
        alias("").ends_with("write certificate_secret instead"),
        "{}",
        alias("")
    );
    let both = alias("certificate_secret = b\n");
    let hint = "remove it: certificate_secret is written as well, and counts";
    assert!(both.ends_with(hint), "{both}");
}
