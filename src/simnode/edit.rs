//! Editing a configuration as `om SERVICE set` does, with the agent's own complaints.

use super::config::{Config, Scope};
use super::drivers::{self, Convert};
use crate::model::keyword_name;

/// What the agent prints about a configuration: it stores it unless there is an error.
#[derive(Debug, Default)]
pub(super) struct Complaints {
    pub(super) errors: Vec<String>,
    pub(super) warnings: Vec<String>,
}

impl Complaints {
    /// The text on the agent's standard error; empty when there is nothing to say.
    pub(super) fn text(&self, path: &str, node: &str) -> String {
        if self.errors.is_empty() && self.warnings.is_empty() {
            return String::new();
        }
        let mut text = format!("@ n:{node} o:{path} sc:n\n");
        for warning in &self.warnings {
            text.push_str(&format!("W {warning}\n"));
        }
        for error in &self.errors {
            text.push_str(&format!("E {error}\n"));
        }
        text
    }
}

/// Applies one `section.keyword=value`; `+=`, `|=` and `-=` work on lists.
pub(super) fn apply(config: &mut Config, expression: &str) -> Result<(), String> {
    let Some((target, value)) = expression.split_once('=') else {
        return Err(format!("malformed kw expression: {expression}: no '='"));
    };
    let (target, operator) = match target.chars().last() {
        Some(operator @ ('+' | '|' | '-')) => {
            (target.strip_suffix(operator).unwrap_or(target), operator)
        }
        _ => (target, '='),
    };
    let (section, keyword) = target.split_once('.').unwrap_or(("DEFAULT", target));
    let slot = config.value_mut(section, keyword);
    let mut words: Vec<&str> = slot.split_whitespace().collect();
    match operator {
        '=' => words = vec![value],
        '-' => words.retain(|word| *word != value),
        '|' if words.contains(&value) => {}
        _ => words.push(value),
    }
    *slot = words.join(" ");
    Ok(())
}

/// Removes `section.keyword`, or a whole section.
pub(super) fn unset(config: &mut Config, target: &str) {
    match target.split_once('.') {
        Some((section, keyword)) => {
            if let Some(keywords) = config.sections.get_mut(section) {
                keywords.remove(keyword);
            }
        }
        None => {
            config.sections.remove(target);
        }
    }
}

/// Judges a configuration as the agent does at `set`. A scaler builds no resources, so only its
/// candidates are looked at.
pub(super) fn judge(config: &Config, scope: Scope<'_>) -> Complaints {
    let mut complaints = Complaints::default();
    let scaler = config.raw("DEFAULT", "scale").is_some();
    for (section, keywords) in &config.sections {
        let Some(driver) = drivers::data_driver(section) else {
            continue;
        };
        for name in keywords.keys() {
            let name = keyword_name(name);
            let known = driver.keywords.iter().any(|keyword| keyword.name == name);
            if !known && name != "type" && name != "comment" {
                complaints.warnings.push(format!(
                    "ignored option {section}.{name}, driver {}",
                    driver.basename
                ));
            }
        }
        for keyword in driver.keywords {
            let value = config.evaluate(section, keyword.name, scope);
            let at = format!("{section}.{}", keyword.name);
            match value {
                None if keyword.required && !scaler => {
                    complaints.errors.push(format!("{at} is mandatory"));
                }
                Some(value) => {
                    if !keyword.candidates.is_empty()
                        && !keyword.candidates.contains(&value.as_str())
                    {
                        complaints.errors.push(format!(
                            "option {at} value {value} is not in valid candidates: {}",
                            keyword.candidates.join(", ")
                        ));
                    }
                    if let Err(error) = drivers::convert(keyword.convert, &value) {
                        complaints.errors.push(error);
                    }
                }
                None => {}
            }
        }
        if driver.group == "expose" && !scaler {
            listener_port(section, config, scope, &mut complaints);
        }
    }
    complaints
}

/// The stock expose driver cannot print its label without a listener port.
fn listener_port(section: &str, config: &Config, scope: Scope<'_>, complaints: &mut Complaints) {
    let number = config
        .evaluate(section, "listener_port", scope)
        .and_then(|text| drivers::convert(Convert::Integer, &text).ok().flatten());
    if number.is_none() {
        complaints
            .errors
            .push("%d format: a real number is required, not NoneType".to_owned());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn expressions_set_and_edit_lists() {
        let mut config = Config::parse("[ip#1]\nexpose = expose#0").unwrap();
        apply(&mut config, "ip#1.expose+=expose#1").unwrap();
        apply(&mut config, "ip#1.expose|=expose#0").unwrap();
        assert_eq!(config.raw("ip#1", "expose"), Some("expose#0 expose#1"));
        apply(&mut config, "ip#1.expose-=expose#0").unwrap();
        assert_eq!(config.raw("ip#1", "expose"), Some("expose#1"));
        apply(&mut config, "expose#1.port=80").unwrap();
        apply(&mut config, "nodes=node1 node2").unwrap();
        assert_eq!(config.raw("DEFAULT", "nodes"), Some("node1 node2"));
        assert!(apply(&mut config, "expose#1.port").is_err());
        unset(&mut config, "expose#1");
        assert_eq!(config.raw("expose#1", "port"), None);
    }

    #[test]
    fn complaints_are_the_agents() {
        let said = |sections: &str| {
            let config = Config::parse(sections).unwrap();
            let nodes = ["node1".to_owned()];
            let scope = Scope {
                path: "web0",
                node: "node1",
                cluster_nodes: &nodes,
            };
            judge(&config, scope).text("web0", "node1")
        };
        assert_eq!(said("[expose#0]\nport = abc\nlistener_port = 0"), "");
        assert_eq!(
            said("[expose#0]\nlistener_port = 80"),
            "@ n:node1 o:web0 sc:n\nE expose#0.port is mandatory\n"
        );
        assert_eq!(
            said("[expose#0]\nport = 80\nlistener_port = 80\nzorglub = 1"),
            "@ n:node1 o:web0 sc:n\nW ignored option expose#0.zorglub, driver envoy\n"
        );
        assert_eq!(
            said("[expose#0]\nport = 80"),
            "@ n:node1 o:web0 sc:n\nE %d format: a real number is required, not NoneType\n"
        );
        assert_eq!(said("[DEFAULT]\nscale = 2\n[expose#0]\nport = 80"), "");
    }
}
