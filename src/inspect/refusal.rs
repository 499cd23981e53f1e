//! What Envoy's words mean, and what to do about them.

use crate::envoy::refusal_text::{CANNOT_BIND, NO_ADDRESS, PORT_TAKEN, on_one_line, own};

/// What an Envoy refused of an expose, as one sentence: its words, and which line to change where they
/// are known. `resource` is the name of what was refused, `section` is the expose's.
pub(crate) fn sentence(node: &str, resource: &str, text: &str, section: &str) -> String {
    let text = words(own(text, resource));
    let said = format!("Envoy {node} refuses it: {text}");
    match meant(&text, section) {
        Some(advice) => format!("{said}; {advice}"),
        None => said,
    }
}

/// What to do, where it is the host that makes Envoy refuse a resource: nothing in the configuration
/// tells.
pub(crate) fn advice(resource: &str, text: &str, section: &str) -> Option<String> {
    meant(own(text, resource), section)
}

/// Envoy's words in one line, without what it says of every listener.
fn words(text: &str) -> String {
    let text = on_one_line(text);
    match text.strip_prefix("Error adding/updating listener(s) ") {
        // Which one it is stands beside them.
        Some(rest) => rest
            .split_once(": ")
            .map_or(rest, |(_, why)| why)
            .to_owned(),
        None => text,
    }
}

/// What words of Envoy's ask of whoever runs its host.
fn meant(text: &str, section: &str) -> Option<String> {
    if text.contains(NO_ADDRESS) {
        return Some(format!(
            "its host has no such address: write one that it has in {section}.listener_addr, or bring it up there"
        ));
    }
    if text.contains(PORT_TAKEN) {
        return Some(format!(
            "another program of its host listens there, which `ss -lntup` names: end it, or write another \
             {section}.listener_port"
        ));
    }
    if text.contains(CANNOT_BIND) && text.contains("Permission denied") {
        return Some(format!(
            "it may not bind ports below 1024: give it the capability CAP_NET_BIND_SERVICE, or write another \
             {section}.listener_port"
        ));
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_host_lacks_leads_to_the_line_to_change() {
        let said = |text| sentence("one", "192.0.2.7:80/tcp", text, "expose#0");
        let elsewhere = said(
            "Error adding/updating listener(s) 192.0.2.7:80/tcp: cannot bind '192.0.2.7:80': Cannot \
             assign requested address\n",
        );
        assert!(
            elsewhere.starts_with("Envoy one refuses it: cannot bind '192.0.2.7:80'"),
            "{elsewhere}"
        );
        assert!(
            elsewhere.contains("address; its host has no such address"),
            "{elsewhere}"
        );
        assert!(elsewhere.contains("expose#0.listener_addr"), "{elsewhere}");
        let taken = said("cannot bind '127.0.0.1:80': Address already in use");
        assert!(
            taken.contains("write another expose#0.listener_port"),
            "{taken}"
        );
        let low = said("cannot bind '0.0.0.0:80': Permission denied");
        assert!(low.contains("CAP_NET_BIND_SERVICE"), "{low}");
        assert_eq!(said("who knows"), "Envoy one refuses it: who knows");
    }

    #[test]
    fn of_several_listeners_that_are_refused_each_has_its_own_words() {
        let text = "Error adding/updating listener(s) 192.0.2.7:80/tcp: cannot bind '192.0.2.7:80': \
                    Cannot assign requested address\n[::]:443/tcp: cannot bind '[::]:443': Address \
                    already in use\n";
        let said = |name| sentence("one", name, text, "expose#0");
        let elsewhere = said("192.0.2.7:80/tcp");
        assert!(elsewhere.contains("no such address"), "{elsewhere}");
        assert!(!elsewhere.contains("already in use"), "{elsewhere}");
        let taken = said("[::]:443/tcp");
        assert!(
            taken.starts_with(
                "Envoy one refuses it: cannot bind '[::]:443': Address already in use; "
            ),
            "{taken}"
        );
        let todo = |name| advice(name, text, "expose#0").unwrap();
        assert!(taken.ends_with(&todo("[::]:443/tcp")), "{taken}");
        assert!(todo("192.0.2.7:80/tcp").contains("listener_addr"));
        // A name that is only the end of another one begins no line.
        assert!(said(":443/tcp").contains("'192.0.2.7:80'"));
    }

    #[test]
    fn a_reason_of_several_lines_is_told_whole() {
        let text =
            "Error adding/updating cluster(s) a.expose#0: bad field\n of it: x\nb.expose#0: no\n";
        assert_eq!(
            sentence("one", "a.expose#0", text, "expose#0"),
            "Envoy one refuses it: bad field of it: x"
        );
        assert_eq!(
            sentence("one", "b.expose#0", text, "expose#0"),
            "Envoy one refuses it: no"
        );
    }
}
