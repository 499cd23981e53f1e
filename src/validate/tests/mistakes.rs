//! Mistakes, keyword by keyword: what is refused, and what is served and warned of, with which code.

use serde_json::Map;

use super::keywords::BASE;
use super::*;

/// A mistake a line: a section of [`BASE`], the keywords that it gets, and the keyword at which that is told, with
/// which code.
type Mistakes = &'static str;

const REFUSED: Mistakes = r##"
expose#0      {"port": null}                                  port                        missing-keyword
expose#0      {"port": 0}                                     port                        port-out-of-range
expose#0      {"port": 99999999}                              port                        port-out-of-range
expose#0      {"listener_addr": "[::1]"}                      listener_addr               invalid-address
expose#0      {"sni": "a.org"}                                sni                         sni-with-vhosts
expose#0      {"sni": "a.org:443"}                            sni                         invalid-server-name
expose#0      {"protocol": "udp"}                             vhosts                      not-for-udp
expose#0      {"cluster_data": [1]}                           cluster_data                invalid-json
expose#0      {"vhosts": "route#0"}                           vhosts                      wrong-section
expose#0      {"vhosts": "vhost#0,vhost#1"}                   vhosts                      wrong-section
vhost#0       {"domains": "a*b.org"}                          domains                     invalid-domain
vhost#0       {"domains": "a.org:81"}                         domains                     domain-port
route#0       {"match_prefix": null}                          match_prefix                no-match
route#0       {"match_path": "/a"}                            match_prefix                several-matches
route#0       {"match_prefix": "foo"}                         match_prefix                invalid-path
route#0       {"match_prefix": "/a?b"}                        match_prefix                invalid-path
route#0       {"match_regex": "(["}                           match_regex                 invalid-regex
route#0       {"match_regex": "app/.*"}                       match_regex                 regex-never-matches
route#0       {"match_regex": "/\\pL{300}"}                   match_regex                 regex-too-large
route#0       {"route_timeout": "-1"}                         route_timeout               invalid-duration
route#0       {"route_timeout": "9999999999999"}              route_timeout               invalid-duration
route#0       {"route_cluster_header": "x y"}                 route_cluster_header        invalid-header-name
route#0       {"route_host_rewrite": "a\r\nb"}                route_host_rewrite          control-character
route#0       {"redirect_host_redirect": "https://a"}         redirect_host_redirect      invalid-host
route#0       {"redirect_path_redirect": "/a", "redirect_prefix_rewrite": "/b"}  redirect_prefix_rewrite     several-rewrites
route#0       {"redirect_response_code": 302}                 redirect_response_code      redirect-loop
route#0       {"redirect_strip_query": true}                  redirect_strip_query        redirect-loop
hashpolicy#0  {"cookie_name": "a;b"}                          cookie_name                 invalid-cookie
hashpolicy#0  {"cookie_name": null, "cookie_ttl": 1}          cookie_ttl                  cookie-without-name
hashpolicy#0  {"cookie_name": null, "terminal": true}         cookie_name                 nothing-to-hash
hashpolicy#0  {"connection_source_ip": "true"}                connection_source_ip        several-hash-keys
hashpolicy#0  {"cookie_name@node1": "a"}                      cookie_name@node1           scope-not-supported
certificate#0 {"private_key_filename": "/k"}                  certificate_chain_filename  half-a-pair
certificate#0 {"certificate_secret": null}                    certificate_secret          empty-certificate
certificate#0 {"certificate_chain_filename": "/c", "private_key_filename": "/k"}  certificate_chain_filename  several-key-pairs
certificate#0 {"certificate_secret": null, "certificate_chain_inline_string": "x", "private_key_inline_string": "y"}  certificate_chain_inline_string  bad-key-pair
"##;

const WARNED_OF: Mistakes = r##"
expose#0      {"cluster_private_key_filename": "/k"}          cluster_private_key_filename  keyword-ignored
expose#0      {"lb_policy": "random"}                         lb_policy                   hash-policy-unused
expose#0      {"prot": 1}                                     prot                        unknown-keyword
expose#0      {"vhosts": "vhost#0 vhost#0"}                   vhosts                      section-named-twice
vhost#0       {"routes": null}                                routes                      no-routes
route#0       {"hash_policies": null}                         lb_policy                   nothing-hashed
route#0       {"redirect_https_redirect": true}               hash_policies               keyword-ignored
route#0       {"redirect_response_code": "301"}               redirect_response_code      keyword-ignored
route#0       {"match_prefix": "/ws", "route_prefix_rewrite": "/"}  route_prefix_rewrite        rewrite-double-slash
route#0       {"route_prefix_rewrite": "/x?y=1"}              route_prefix_rewrite        rewrite-query
route#0       {"match_prefix": null, "match_regex": "/a.*", "match_case_sensitive": "false"}  match_case_sensitive        keyword-ignored
route#0       {"match_prefix": null, "match_regex": "/a.*", "route_prefix_rewrite": "/b"}  route_prefix_rewrite        rewrite-whole-path
hashpolicy#0  {"cookie_path": "x"}                            cookie_path                 cookie-path-ignored
hashpolicy#0  {"cookie_name": null, "header_name": "x"}       header_name                 keyword-alias
"##;

/// One line of a table, judged.
struct Mistake {
    line: &'static str,
    section: &'static str,
    keyword: &'static str,
    code: &'static str,
    validated: Validated,
}

fn judged(mistakes: Mistakes) -> impl Iterator<Item = Mistake> {
    mistakes.trim().lines().map(|line| {
        let (rest, code) = line.rsplit_once(' ').unwrap();
        let (rest, keyword) = rest.trim_end().rsplit_once(' ').unwrap();
        let (section, keywords) = rest.split_once(' ').unwrap();
        let keywords: Map<String, Value> = serde_json::from_str(keywords).unwrap();
        let keywords: Vec<(&str, Value)> = keywords
            .iter()
            .map(|(name, value)| (name.as_str(), value.clone()))
            .collect();
        let document = with(BASE, section, &keywords);
        Mistake {
            line,
            section,
            keyword,
            code,
            validated: validate(&document, &Context::default()),
        }
    })
}

impl Mistake {
    /// The sections in which it is told.
    fn told_in(&self, severity: Severity) -> Vec<&str> {
        let findings = self.validated.report.diagnostics.iter();
        let told = findings.filter(|found| {
            found.code == self.code
                && found.severity == severity
                && found.keyword.as_deref() == Some(self.keyword)
        });
        told.filter_map(|found| found.section.as_deref()).collect()
    }
}

#[test]
fn a_mistake_is_refused_where_it_is_with_its_code() {
    for mistake in judged(REFUSED) {
        let Mistake {
            line, validated, ..
        } = &mistake;
        let told = mistake.told_in(Severity::Error);
        assert!(
            told.contains(&mistake.section),
            "{line}: {:?}",
            errors(validated)
        );
        // No expose leads to the certificate.
        let is_reached = mistake.section != "certificate#0";
        assert_eq!(validated.service.exposes.is_empty(), is_reached, "{line}");
    }
}

#[test]
fn what_is_served_otherwise_than_meant_is_warned_of() {
    for mistake in judged(WARNED_OF) {
        let Mistake {
            line, validated, ..
        } = &mistake;
        assert_eq!(errors(validated), Vec::<String>::new(), "{line}");
        let told = mistake.told_in(Severity::Warning);
        assert!(!told.is_empty(), "{line}: {:?}", warnings(validated));
        assert_eq!(validated.service.exposes.len(), 1, "{line}");
    }
}
