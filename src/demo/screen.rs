//! What the demo prints: short lines in columns, colours only on a terminal.

use std::io::{IsTerminal, Write};

use super::client::Answer;

/// The standard output, and what was and was not seen.
pub(super) struct Screen {
    colours: bool,
    scene: u32,
    missing: Vec<String>,
}

/// The escape codes of the few colours used.
const BOLD: &str = "1";
const GREEN: &str = "32";
const RED: &str = "31";
const DIM: &str = "2";

impl Screen {
    pub(super) fn new() -> Self {
        let plain = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty())
            || std::env::var_os("TERM").is_some_and(|term| term == "dumb");
        Self {
            colours: !plain && std::io::stdout().is_terminal(),
            scene: 0,
            missing: Vec::new(),
        }
    }

    fn paint(&self, colour: &str, text: &str) -> String {
        if self.colours {
            format!("\x1b[{colour}m{text}\x1b[0m")
        } else {
            text.to_owned()
        }
    }

    /// One line. Nobody may be reading any more, which is no reason to fail.
    pub(super) fn line(&self, text: &str) {
        writeln!(std::io::stdout(), "{text}").ok();
    }

    /// The first line.
    pub(super) fn title(&self, text: &str) {
        self.line(&self.paint(BOLD, text));
        self.line("");
    }

    /// A word and what it stands for.
    pub(super) fn fact(&self, word: &str, text: &str) {
        self.line(&format!("  {word:<12}{text}"));
    }

    /// A new part of the story.
    pub(super) fn scene(&mut self, text: &str) {
        self.scene += 1;
        let head = self.paint(BOLD, &format!("{}. {text}", self.scene));
        self.line("");
        self.line(&head);
    }

    /// A command as it would be typed on a real node.
    pub(super) fn command(&self, text: &str) {
        self.line(&format!("   {}", self.paint(DIM, &format!("$ {text}"))));
    }

    /// A sentence.
    pub(super) fn say(&self, text: &str) {
        self.line(&format!("   {text}"));
    }

    /// A request and who answered it.
    pub(super) fn answered(&self, request: &str, answer: &Answer) {
        let instance = self.paint(GREEN, &format!("{:<12}", answer.instance));
        self.line(&format!(
            "   {request:<52} {}  {instance} {}",
            answer.status, answer.endpoint
        ));
    }

    /// Something that was to be seen. What is not seen is remembered.
    pub(super) fn check(&mut self, what: &str, seen: Result<String, String>) {
        match seen {
            Ok(detail) => {
                let mark = self.paint(GREEN, "ok");
                self.line(&format!("   {mark} {detail}"));
            }
            Err(why) => {
                let mark = self.paint(RED, "not seen:");
                self.line(&format!("   {mark} {what}: {why}"));
                self.missing.push(format!("{what}: {why}"));
            }
        }
    }

    /// What was to be seen and was not.
    pub(super) fn missing(&self) -> &[String] {
        &self.missing
    }
}
