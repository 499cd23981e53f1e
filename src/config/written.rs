//! A configuration in a file or in a request, of which nobody has said whether it is text or JSON.

use serde_json::Value;

use super::text::check_is_service;
use super::{Config, ConfigError, parse_json};
use crate::model::{Document, ObjectPath};

/// A service's configuration in one of its two forms.
#[derive(Debug, Clone)]
pub enum Written {
    /// As the agent stores it.
    Text(Config),
    /// An object of sections, as `om NAME print config --format json` prints it.
    Json(Value),
}

impl Written {
    /// Reads a configuration: JSON where it begins as an object does.
    ///
    /// # Errors
    /// Says where it cannot be read, or what is there instead of a service.
    pub fn read(text: &str) -> Result<Self, ConfigError> {
        if text.trim_start().starts_with('{') {
            let json = parse_json(text).map_err(|error| ConfigError::Json(error.to_string()))?;
            check_is_service(
                json.as_object()
                    .into_iter()
                    .flatten()
                    .map(|(name, _)| &**name),
            )?;
            return Ok(Self::Json(json));
        }
        let config = Config::parse(text)?;
        check_is_service(config.sections.keys().map(String::as_str))?;
        Ok(Self::Text(config))
    }

    /// The document of a service that has the configuration.
    ///
    /// # Errors
    /// Where JSON is not an object of objects.
    pub fn document(&self, path: ObjectPath) -> Result<Document, ConfigError> {
        match self {
            Self::Text(config) => Ok(Document::of(path, config.clone())),
            Self::Json(json) => Document::from_json(path, json.clone()),
        }
    }

    /// The text of a keyword, as it is for every node: the section's own, else that of `DEFAULT`.
    pub fn get(&self, section: &str, keyword: &str) -> Option<&str> {
        match self {
            Self::Text(config) => config.get(section, keyword, ""),
            Self::Json(json) => {
                let mut sections = [section, "DEFAULT"].into_iter();
                sections.find_map(|section| json.get(section)?.get(keyword)?.as_str())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_forms_of_a_configuration_are_one_document() {
        let text = "[ip#1]\nipname = 10.0.0.1\nexpose = expose#0\n[expose#0]\nport = 80\n";
        let json = r#" {"ip#1": {"ipname": "10.0.0.1", "expose": "expose#0"}, "expose#0": {"port": "80"}}"#;
        let [text, json] = [text, json].map(|form| Written::read(form).unwrap());
        let path: ObjectPath = "web".parse().unwrap();
        assert_eq!(text.document(path.clone()), json.document(path));
        for form in [&text, &json] {
            assert_eq!(form.get("ip#1", "ipname"), Some("10.0.0.1"));
            assert_eq!(form.get("ip#2", "ipname"), None);
        }
    }

    #[test]
    fn what_is_not_a_service_is_refused_in_both_forms() {
        for (form, why) in [
            (
                "[a]\nb = 1\n",
                "this is not the configuration of a service: it has 'a'",
            ),
            (
                "{\"a\": {}}",
                "this is not the configuration of a service: it has 'a'",
            ),
            (
                "{}",
                "this is not the configuration of a service: it has no section",
            ),
            ("{\"expose#0\": }", "expected value at line 1"),
            ("b = 1", "line 1: 'b = 1' comes before any '[section]'"),
        ] {
            let said = Written::read(form).unwrap_err().to_string();
            assert!(said.starts_with(why), "{said}");
        }
    }
}
