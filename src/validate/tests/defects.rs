//! Mistakes of the Python gateway in reading values, one test each: the old behaviour would fail it.

use std::time::Duration;

use super::*;
use crate::model::{
    Action, Destination, HashKey, KeyPairSource, LbPolicy, PathMatch, Protocol, RedirectCode,
    Route, Traffic,
};

/// An HTTP expose with one route.
fn http(route: &str) -> String {
    format!(
        "[ip#1]\nexpose=expose#0\n[expose#0]\nport=8080\nlistener_port=80\nlb_policy=maglev\n\
         vhosts=vhost#0\n[vhost#0]\ndomains=a.org\nroutes=route#0\n[route#0]\n{route}\n\
         [hashpolicy#0]\ncookie_name=SID\n"
    )
}

fn route_of(text: &str) -> Route {
    match only(text).traffic {
        Traffic::Http { mut vhosts, .. } => vhosts.remove(0).routes.remove(0).as_ref().clone(),
        other => unreachable!("{other:?}"),
    }
}

fn hash_key(policy: &str) -> HashKey {
    let text = http(&format!(
        "match_prefix=/\nhash_policies=hashpolicy#1\n[hashpolicy#1]\n{policy}"
    ));
    match route_of(&text).action {
        Action::Forward {
            mut hash_policies, ..
        } => hash_policies.remove(0).key,
        Action::Redirect(redirect) => unreachable!("{redirect:?}"),
    }
}

/// Without a port the old gateway failed for every service at once.
#[test]
fn a_port_that_the_agent_could_not_convert_refuses_its_own_expose() {
    let text = "[ip#1]\nexpose=expose#0 expose#1\n[expose#0]\n[expose#1]\nport=81\n";
    let validated = judge(text);
    assert_eq!(
        errors(&validated),
        ["expose#0.port: is required; write for example port=8080"]
    );
    assert_eq!(validated.service.exposes.len(), 1);
}

/// The names of the keywords were iterated over by character.
#[test]
fn header_and_source_ip_hash_policies_work() {
    let header = HashKey::Header {
        name: "x-user".into(),
    };
    assert_eq!(hash_key("header_header_name=X-User"), header);
    assert_eq!(hash_key("header_name=X-User"), header);
    assert_eq!(hash_key("connection_source_ip=true"), HashKey::SourceIp);
}

/// Texts where Envoy wants booleans lost the answer for all routes.
#[test]
fn booleans_in_text_are_booleans() {
    let route = route_of(&http("match_prefix=/A\nmatch_case_sensitive=false"));
    assert!(!route.case_sensitive);
}

/// So did a response code by number; Envoy takes neither 302 nor an unknown name.
#[test]
fn response_codes_are_names_or_numbers() {
    for (text, expected) in [
        ("301", RedirectCode::MovedPermanently),
        ("302", RedirectCode::Found),
        ("found", RedirectCode::Found),
        ("SEE_OTHER", RedirectCode::SeeOther),
        ("307", RedirectCode::TemporaryRedirect),
        ("PERMANENT_REDIRECT", RedirectCode::PermanentRedirect),
    ] {
        let route =
            format!("match_prefix=/\nredirect_host_redirect=b.org\nredirect_response_code={text}");
        match route_of(&http(&route)).action {
            Action::Redirect(redirect) => assert_eq!(redirect.code, expected),
            Action::Forward { .. } => unreachable!(),
        }
    }
}

/// Only digits with an optional s were read; anything else was ignored in silence.
#[test]
fn timeouts_have_all_units() {
    for (text, millis) in [
        ("30", 30_000),
        ("30s", 30_000),
        ("1m", 60_000),
        ("500ms", 500),
        ("0", 0),
    ] {
        match route_of(&http(&format!("match_prefix=/\nroute_timeout={text}"))).action {
            Action::Forward { timeout, .. } => {
                assert_eq!(timeout, Some(Duration::from_millis(millis)), "{text}");
            }
            Action::Redirect(_) => unreachable!(),
        }
    }
}

/// Both were sent, which are one field to Envoy.
#[test]
fn a_cluster_header_takes_the_place_of_the_cluster() {
    match route_of(&http("match_prefix=/\nroute_cluster_header=X-Cluster")).action {
        Action::Forward { destination, .. } => {
            assert_eq!(destination, Destination::ClusterHeader("x-cluster".into()));
        }
        Action::Redirect(_) => unreachable!(),
    }
}

/// It was documented and never read.
#[test]
fn route_use_websocket_is_a_keyword() {
    let validated = judge(&http("match_prefix=/\nroute_use_websocket=false"));
    assert_eq!(
        warnings(&validated),
        ["expose#0.lb_policy: has nothing to hash, so it picks at \
        random; name hash policies in a route's hash_policies, or write another lb_policy"]
    );
    match route_of(&http("match_prefix=/\nroute_use_websocket=false")).action {
        Action::Forward { websocket, .. } => assert_eq!(websocket, Some(false)),
        Action::Redirect(_) => unreachable!(),
    }
}

/// Envoy's v2 field for expressions is gone, and what RE2 refuses lost all routes.
#[test]
fn expressions_are_judged_before_envoy_does() {
    let route = route_of(&http("match_regex=/b[io]t"));
    assert_eq!(route.path, PathMatch::Regex("/b[io]t".into()));
    for bad in ["([", "/(?!admin).*", "/(a)\\1", "/a{1001}"] {
        assert_eq!(
            errors(&judge(&http(&format!("match_regex={bad}")))).len(),
            1,
            "{bad}"
        );
    }
}

/// The user's port was replaced by the listener's, and with two colons nothing was done.
#[test]
fn a_port_in_a_domain_is_the_listeners_or_an_error() {
    let with = |domains: &str| {
        http("match_prefix=/").replace("domains=a.org", &format!("domains={domains}"))
    };
    match only(&with("a.org:80 [::1]:80 b.org")).traffic {
        Traffic::Http { vhosts, .. } => assert_eq!(vhosts[0].domains, ["[::1]", "a.org", "b.org"]),
        other => unreachable!("{other:?}"),
    }
    assert_eq!(errors(&judge(&with("a.org:8080"))).len(), 1);
}

/// Certificates of exposes without vhosts were ignored although documented.
#[test]
fn certificates_end_tls_for_tcp_and_sni_too() {
    for sni in ["", "sni=a.org\n"] {
        let expose = only(&format!(
            "[ip#1]\nexpose=expose#0\n[expose#0]\nport=1\n{sni}listener_certificates=certificate#0\n\
             [certificate#0]\ncertificate_secret=web\n"
        ));
        assert!(matches!(expose.traffic, Traffic::Tcp { tls: Some(_), .. }));
    }
}

/// An unknown certificate, vhost or route stopped all listeners.
#[test]
fn undefined_sections_refuse_their_own_expose() {
    for (good, bad) in [
        ("vhosts=vhost#0", "vhosts=vhost#7"),
        ("routes=route#0", "routes=route#7"),
        (
            "match_prefix=/",
            "match_prefix=/\nhash_policies=hashpolicy#7",
        ),
        (
            "port=8080",
            "port=8080\nlistener_certificates=certificate#7",
        ),
    ] {
        let validated = judge(&http("match_prefix=/").replace(good, bad));
        assert_eq!(
            errors(&validated).len(),
            1,
            "{bad}: {:?}",
            errors(&validated)
        );
        assert_eq!(validated.service.exposes, []);
    }
}

/// A typing mistake in the old gateway's code lost the key.
#[test]
fn an_inline_key_is_read_with_its_certificate() {
    let rcgen::CertifiedKey { cert, signing_key } =
        rcgen::generate_simple_self_signed(["a.org".to_owned()]).unwrap();
    let indent = |pem: &str| pem.replace('\n', "\n  ");
    let expose = only(&format!(
        "[ip#1]\nexpose=expose#0\n[expose#0]\nport=1\nlistener_certificates=certificate#0\n\
         [certificate#0]\ncertificate_chain_inline_string =\n  {}\n\
         private_key_inline_string =\n  {}\n",
        indent(&cert.pem()),
        indent(&signing_key.serialize_pem()),
    ));
    let Traffic::Tcp { tls: Some(tls), .. } = expose.traffic else {
        unreachable!()
    };
    assert!(matches!(
        tls.certificates[0].key_pair,
        Some(KeyPairSource::Inline { .. })
    ));
}

/// A path to another namespace was taken for one in the service's own.
#[test]
fn a_secret_of_another_namespace_is_refused() {
    let validated = judge("[certificate#0]\ncertificate_secret=prod/sec/web\n");
    assert_eq!(
        errors(&validated),
        [
            "certificate#0.certificate_secret: 'prod/sec/web' is in another namespace than the \
          service; copy it to test/sec/web and write web"
        ]
    );
}

/// Server names won over vhosts without a word.
#[test]
fn sni_and_vhosts_are_not_mixed() {
    let text = http("match_prefix=/").replace("port=8080", "port=8080\nsni=a.org");
    assert_eq!(judge(&text).service.exposes, []);
}

/// A udp expose became a TCP listener.
#[test]
fn udp_is_udp_and_has_no_tls_or_http() {
    let text = "[ip#1]\nexpose=expose#0\n[expose#0]\nport=53\nprotocol=udp\n";
    let expose = only(text);
    assert_eq!(
        (expose.protocol, &expose.traffic),
        (Protocol::Udp, &Traffic::Udp)
    );
    assert_eq!(judge(&format!("{text}sni=a.org\n")).service.exposes, []);
}

/// The policy's name went to Envoy as it was, and v3 does not know this one.
#[test]
fn original_dst_is_a_policy_of_its_own() {
    let text = "[ip#1]\nexpose=expose#0\n[expose#0]\nport=53\nlb_policy=original_dst_lb\n";
    assert_eq!(only(text).lb_policy, LbPolicy::OriginalDst);
}

/// Only an absent address had its default; an empty one did not.
#[test]
fn an_empty_listener_addr_is_the_default_one() {
    let expose = only("[ip#1]\nexpose=expose#0\n[expose#0]\nport=53\nlistener_addr=\n");
    assert_eq!(expose.listener_addr.to_string(), "0.0.0.0");
}
