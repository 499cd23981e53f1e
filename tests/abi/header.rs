//! The committed header is what the code says. `IGW_UPDATE=1 cargo test --test abi` rewrites it.

use std::fs;

use super::root;

#[test]
fn the_committed_header_is_the_generated_one() {
    let config = cbindgen::Config::from_file(root().join("cbindgen.toml")).unwrap();
    // Its modules come with it: named beside it, they would be declared twice.
    let builder = cbindgen::Builder::new()
        .with_config(config)
        .with_src(root().join("src/ffi/mod.rs"));
    let mut generated = Vec::new();
    builder.generate().unwrap().write(&mut generated);
    let generated = without_safety_sections(&String::from_utf8(generated).unwrap());
    compare("include/igw_envoy.h", &generated);
}

#[test]
fn every_function_is_declared_once() {
    let header = fs::read_to_string(root().join("include/igw_envoy.h")).unwrap();
    let symbols = fs::read_to_string(root().join("tests/abi/symbols.txt")).unwrap();
    for symbol in symbols.lines().filter(|line| line.starts_with("igw_")) {
        let declared = header.matches(&format!("{symbol}(")).count();
        assert_eq!(declared, 1, "{symbol}");
    }
}

/// Rust's `# Safety` paragraphs say nothing to C: there, the conventions hold for every pointer.
fn without_safety_sections(header: &str) -> String {
    let mut kept = String::new();
    let mut skipping = false;
    for line in header.lines() {
        let is_end = line.trim() == "*/";
        skipping = !is_end && (skipping || line.trim() == "* # Safety");
        if skipping {
            continue;
        }
        if is_end && kept.ends_with("*\n") {
            kept.truncate(kept.trim_end_matches([' ', '*', '\n']).len());
            kept.push('\n');
        }
        kept.push_str(line);
        kept.push('\n');
    }
    kept
}

/// Compares a committed file with what it should hold, or rewrites it where asked to.
fn compare(file: &str, wanted: &str) {
    let path = root().join(file);
    if std::env::var_os("IGW_UPDATE").is_some() {
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, wanted).unwrap();
    }
    let committed = fs::read_to_string(&path).unwrap_or_default();
    assert!(
        committed == wanted,
        "{file} is not up to date: run `make header`, and commit it"
    );
}

#[test]
fn the_python_package_has_the_keyword_table() {
    let mut json = String::from("[\n");
    let table: Vec<serde_json::Value> = super::library::keywords();
    let lines: Vec<String> = table.iter().map(|entry| format!("  {entry}")).collect();
    json.push_str(&lines.join(",\n"));
    json.push_str("\n]\n");
    compare("python/igw_envoy/keywords.json", &json);
}

#[test]
fn the_numbers_of_the_abi_agree() {
    let header = fs::read_to_string(root().join("include/igw_envoy.h")).unwrap();
    let number = igw_envoy::ffi::IGW_ABI_VERSION;
    assert!(header.contains(&format!("#define IGW_ABI_VERSION {number}")));
    let build = fs::read_to_string(root().join("build/main.rs")).unwrap();
    assert!(build.contains(&format!("libigw_envoy.so.{number}")));
    let python = fs::read_to_string(root().join("python/igw_envoy/_library.py")).unwrap();
    assert!(python.contains(&format!("\nABI = {number}\n")));
}
