//! What an expose needs around it: an ip, domains of its own, certificates.

use super::*;

#[test]
fn domains_are_unique_in_an_expose_whatever_their_case() {
    let text = |tls: &str, domains: &str| {
        format!(
            "[ip#1]\nexpose=expose#0\n[expose#0]\nport=80\nvhosts=vhost#0 vhost#1\n{tls}\n\
             [vhost#0]\ndomains=a.org:80 A.ORG\nroutes=route#0\n[vhost#1]\ndomains={domains}\n\
             routes=route#0\n[route#0]\nmatch_prefix=/\n[certificate#0]\ncertificate_secret=web\n"
        )
    };
    assert_eq!(
        errors(&judge(&text("", "b.org A.org"))),
        [
            "vhost#1.domains: 'a.org' is a domain of vhost#0 too, both in expose#0; leave it in one \
          of the two"
        ]
    );
    let tls = "listener_certificates=certificate#0";
    only(&text("", "*-eu.b.org * www.*"));
    only(&text(tls, "* www.* *.b.org 10.0.0.1"));
    assert_eq!(
        errors(&judge(&text(tls, "*-eu.b.org"))),
        [
            "vhost#1.domains: '*-eu.b.org' cannot be told by the server name of a TLS connection, as \
          expose#0 needs; write * only as the whole first label, as in *.acme.com"
        ]
    );
}

/// One round of mending is enough.
#[test]
fn a_wildcard_that_tls_cannot_tell_is_found_while_the_certificate_is_refused() {
    let validated = judge(
        "[ip#1]\nexpose=expose#0\n[expose#0]\nport=80\nvhosts=vhost#0\n\
         listener_certificates=certificate#0\n[vhost#0]\ndomains=*-eu.b.org\nroutes=route#0\n\
         [route#0]\nmatch_prefix=/\n[certificate#0]\nprivate_key_inline_string=no key\n",
    );
    let found = errors(&validated);
    let sections: Vec<&str> = found.iter().filter_map(|e| e.split('.').next()).collect();
    assert_eq!(sections.len(), 2, "{found:?}");
    assert!(sections.contains(&"certificate#0"), "{found:?}");
    assert!(sections.contains(&"vhost#0"), "{found:?}");
}

/// What is not known of a listener port is no reason to doubt the port in a domain.
#[test]
fn a_listener_port_that_is_wrong_or_unknown_is_held_against_no_domain() {
    let judge_with = |listener_port: &str| {
        judge(&format!(
            "[ip#1]\nexpose=expose#0\n[expose#0]\nport=80\nlistener_port={listener_port}\n\
             vhosts=vhost#0\n[vhost#0]\ndomains=www.acme.com:8443\nroutes=route#0\n\
             [route#0]\nmatch_prefix=/\n"
        ))
    };
    let codes = |validated: Validated| -> Vec<&'static str> {
        let codes = validated.report.diagnostics.iter().map(|d| d.code);
        codes.filter(|code| *code != codes::LEFT_OUT).collect()
    };
    assert_eq!(codes(judge_with("8443")), Vec::<&str>::new());
    assert_eq!(codes(judge_with("0")), [codes::DOMAIN_PORT]);
    assert_eq!(codes(judge_with("8080")), [codes::DOMAIN_PORT]);
    let unknown = codes(judge_with("{node.env.port}"));
    assert_eq!(unknown, [codes::UNRESOLVED_REFERENCE]);
    let wrong = errors(&judge_with("80810"));
    assert!(matches!(&wrong[..], [one] if one.starts_with("expose#0.listener_port: ")));
}

#[test]
fn a_listener_needs_a_certificate_to_present_and_an_endpoint_one_to_check() {
    let text = |keyword: &str| {
        format!(
            "[ip#1]\nexpose=expose#0\n[expose#0]\nport=80\n{keyword}=certificate#0\n\
             [certificate#0]\nvalidation_secret=ca\n"
        )
    };
    assert_eq!(
        errors(&judge(&text("listener_certificates"))),
        [
            "expose#0.listener_certificates: names no certificate to present to clients; name a \
          certificate section with certificate_secret"
        ]
    );
    assert!(only(&text("cluster_certificates")).upstream_tls.is_some());
}

/// Whether there is a certificate to present is only known where all of them are.
#[test]
fn a_certificate_that_is_refused_or_unknown_may_be_the_one_to_present() {
    let errors_with = |port: &str, first: &str| {
        errors(&judge(&format!(
            "[ip#1]\nexpose=expose#0\n[expose#0]\nport={port}\nlistener_port=443\nsni=a.org\n\
             listener_certificates=certificate#0 certificate#1\n\
             [certificate#0]\n{first}\n[certificate#1]\nvalidation_secret=ca\n"
        )))
    };
    let about_presenting = |errors: &[String]| {
        let about = errors
            .iter()
            .filter(|e| e.contains("to present to clients"));
        about.count()
    };
    let refused = errors_with("80", "certificate_secret=Not/A/Name/At/All");
    assert!(!refused.is_empty());
    assert_eq!(about_presenting(&refused), 0, "{refused:?}");
    let unknown = errors_with("80", "certificate_secret={node.env.secret}");
    assert_eq!(unknown, Vec::<String>::new());
    // Another mistake of the expose does not hide that there is none.
    let none = errors_with("abc", "validation_secret=other");
    assert_eq!(about_presenting(&none), 1, "{none:?}");
}

#[test]
fn an_expose_without_ip_is_told_of_one_that_is_there() {
    let hint = |ips: &str| {
        let validated = judge(&format!("{ips}[expose#0]\nport = 80\n"));
        validated.report.diagnostics[0].hint.clone()
    };
    assert_eq!(
        hint("[ip#7]\nipname = 10.0.0.1\n"),
        "add it to an ip: ip#7.expose+=expose#0"
    );
    assert_eq!(hint(""), "add an ip section with expose=expose#0");
}

#[test]
fn an_ip_inside_a_container_publishes_nothing() {
    for inside in ["encap = true", "tags = nofreeze encap"] {
        let judged = judge(&format!(
            "[ip#1]\ntype = netns\nexpose = expose#0\n{inside}\n\
             [expose#0]\ntype = envoy\nport = 80\n"
        ));
        assert_eq!(
            warnings(&judged),
            [
                "expose#0: no ip section names this expose, so nothing is behind it; add an ip \
                 section with expose=expose#0",
                "ip#1.expose: is inside a container, where the gateway does not look for addresses; \
                 list the exposes in an ip section without encap",
            ]
        );
    }
}
