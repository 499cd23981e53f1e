//! The table of `DEFECTS.md` tells the truth: each defect has tests, and they exist.

#![allow(clippy::unwrap_used, clippy::panic)]

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

#[test]
fn every_defect_has_tests_that_exist() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut functions = BTreeSet::new();
    collect(&root.join("src"), &mut functions);
    collect(&root.join("tests"), &mut functions);
    let table = fs::read_to_string(root.join("tests/DEFECTS.md")).unwrap();
    let mut defects = Vec::new();
    let mut missing = Vec::new();
    for row in table.lines() {
        let cells: Vec<&str> = row.split('|').map(str::trim).collect();
        let [_, defect, _, tests, _] = cells[..] else {
            continue;
        };
        if !defect.starts_with(['A', 'B']) {
            continue;
        }
        defects.push(defect.to_owned());
        let tests: Vec<&str> = tests.split('`').skip(1).step_by(2).collect();
        assert!(!tests.is_empty(), "{defect} has no test");
        for test in tests {
            let exists = match test.strip_prefix("golden/") {
                Some(story) => root.join("tests/golden").join(story).is_dir(),
                None => functions.contains(test),
            };
            if !exists {
                missing.push(format!("{defect}: {test}"));
            }
        }
    }
    assert!(missing.is_empty(), "{missing:#?}");
    // B35 is dead code.
    let of_translation = (1..=39).filter(|n| *n != 35).map(|n| format!("B{n}"));
    let of_agent = (1..=22).map(|n| format!("A{n}"));
    let expected: Vec<String> = of_translation.chain(of_agent).collect();
    assert_eq!(defects, expected);
}

/// The names of all functions in a folder.
fn collect(folder: &Path, functions: &mut BTreeSet<String>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            collect(&path, functions);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let text = fs::read_to_string(&path).unwrap();
            let names = text.lines().filter_map(|line| {
                let (_, rest) = line.split_once("fn ")?;
                rest.split_once('(').map(|(name, _)| name.to_owned())
            });
            functions.extend(names);
        }
    }
}
