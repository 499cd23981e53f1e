//! The rooms of `src`: CONTRIBUTING.md lists them all, and each uses only those above it there.

use std::fs;
use std::path::{Path, PathBuf};

#[test]
fn a_room_uses_only_rooms_above_it() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let page = fs::read_to_string(root.join("CONTRIBUTING.md")).unwrap();
    let rows = page.lines().filter_map(|line| line.strip_prefix("| `"));
    let rooms: Vec<&str> = rows
        .filter_map(|row| row.split_once(" |"))
        .flat_map(|(places, _)| places.split('`'))
        .filter_map(|place| place.strip_prefix("src/"))
        .collect();

    let mut there: Vec<String> = fs::read_dir(root.join("src"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| name != "lib.rs" && name != "main.rs")
        .collect();
    there.sort();
    let mut listed = rooms.clone();
    listed.sort_unstable();
    assert_eq!(listed, there);

    let mut wrong = Vec::new();
    for (at, room) in rooms.iter().enumerate() {
        for file in sources(&root.join("src").join(room)) {
            let text = fs::read_to_string(&file).unwrap();
            let below = rooms[at + 1..].iter().map(|room| module(room));
            for used in below.filter(|used| uses(&text, used)) {
                wrong.push(format!("{} uses {used}", file.display()));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

/// The name of a room in the code; some are a single file.
fn module(room: &str) -> &str {
    room.strip_suffix(".rs").unwrap_or(room)
}

/// The files of a room, its tests aside.
fn sources(folder: &Path) -> Vec<PathBuf> {
    if folder.is_file() {
        return vec![folder.to_owned()];
    }
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap();
        if path.is_dir() {
            if name != "tests" {
                found.extend(sources(&path));
            }
        } else if name.ends_with(".rs") && !name.ends_with("tests.rs") {
            found.push(path);
        }
    }
    found
}

/// Whether the code of a file, comments and tests aside, names a room of the crate.
fn uses(text: &str, room: &str) -> bool {
    let code = text
        .split("#[cfg(test)]\nmod tests {")
        .next()
        .unwrap_or(text);
    let path = format!("crate::{room}");
    code.lines()
        .filter(|line| !line.trim_start().starts_with("//"))
        .filter_map(|line| line.split_once(&path))
        .any(|(_, after)| !after.starts_with(|c: char| c.is_alphanumeric() || c == '_'))
}
