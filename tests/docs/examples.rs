//! Blocks of configuration: what they show is right.

use std::fs;

use igw_envoy::model::Document;
use igw_envoy::validate::{Context, codes, validate};

use crate::pages;

/// What a block that shows only a part of a service may lack.
const PARTIAL: [&str; 2] = [codes::MISSING_KEYWORD, codes::UNDEFINED_SECTION];

#[test]
fn the_configurations_that_the_pages_show_are_right() {
    let mut count = 0;
    for page in pages() {
        let text = fs::read_to_string(&page).unwrap();
        for block in text.split("```ini\n").skip(1) {
            let block = block.split("```").next().unwrap();
            let document = Document::from_config("web".parse().unwrap(), block).unwrap();
            let report = validate(&document, &Context::default()).report;
            let wrong = report
                .errors()
                .filter(|found| !PARTIAL.contains(&found.code));
            let wrong: Vec<String> = wrong.map(ToString::to_string).collect();
            assert_eq!(wrong, Vec::<String>::new(), "{}:\n{block}", page.display());
            count += 1;
        }
    }
    assert!(count > 0, "no block is marked as ini");
}
