//! What Envoy's words mean, and what to do about them.

/// What an Envoy refused of an expose, as one sentence: its words, and which line to change where they
/// are known. `section` is the expose's.
pub(crate) fn sentence(node: &str, text: &str, section: &str) -> String {
    let text = words(text);
    let said = format!("Envoy {node} refuses it: {text}");
    match advice(&text, section) {
        Some(advice) => format!("{said}; {advice}"),
        None => said,
    }
}

/// Envoy's words in one line, without what it says of every listener.
fn words(text: &str) -> String {
    let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
    match text.strip_prefix("Error adding/updating listener(s) ") {
        // Which one it is stands beside them.
        Some(rest) => rest
            .split_once(": ")
            .map_or(rest, |(_, why)| why)
            .to_owned(),
        None => text,
    }
}

/// What to do, where it is the host that makes Envoy refuse: nothing in the configuration tells.
pub(crate) fn advice(text: &str, section: &str) -> Option<String> {
    if text.contains("Cannot assign requested address") {
        return Some(format!(
            "its host has no such address: write one that it has in {section}.listener_addr, or bring it up there"
        ));
    }
    if text.contains("Address already in use") {
        return Some(format!(
            "another program of its host listens there, which `ss -lntup` names: end it, or write another \
             {section}.listener_port"
        ));
    }
    if text.contains("cannot bind") && text.contains("Permission denied") {
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
        let said = |text| sentence("one", text, "expose#0");
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
}
