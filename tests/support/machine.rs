//! When and on what something was seen, for the pages that tests write.

use std::fs;
use std::process::Command;

/// "2026-03-01, on 2 × AMD EPYC, Linux 6.1.0": today, and this machine.
pub fn today_and_machine() -> String {
    let cpus = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let models = cpus.lines().filter(|line| line.starts_with("model name"));
    let model = models
        .clone()
        .next()
        .and_then(|line| line.split(": ").nth(1));
    format!(
        "{}, on {} × {}, Linux {}",
        output("date", &["-u", "+%Y-%m-%d"]),
        models.count(),
        model.unwrap_or("a processor"),
        output("uname", &["-r"]),
    )
}

fn output(program: &str, arguments: &[&str]) -> String {
    let output = Command::new(program).args(arguments).output().unwrap();
    String::from_utf8_lossy(&output.stdout).trim().to_owned()
}
