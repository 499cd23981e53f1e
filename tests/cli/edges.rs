//! Input that nobody meant: of another program, without end, or made to do harm.

use crate::run::{command, file, xds, xds_with};

const WEB: &str = "[ip#1]\nipname = 10.0.0.1\nexpose = expose#0\n[expose#0]\nport = 80\n";

#[test]
fn what_is_no_service_is_not_accepted() {
    for text in [
        "",
        "# comments alone\n",
        "{}",
        "[{}]",
        "{\"monitor\": {\"nodes\": {}}}",
        "{\"services\": {\"web\": 3}}",
        "{\"services\": []}",
        "[unit]\nDescription = another program's\n",
    ] {
        let done = xds_with(&["validate", "-", "--service", "web"], text);
        done.ends(2).complains("xds: -: ").complains("want ");
    }
    let other = r#"{"expose#0": ["port", 80]}"#;
    xds_with(&["validate", "-", "--service", "web"], other)
        .ends(2)
        .complains("expose#0: want an object of keywords");
}

#[test]
fn what_is_written_twice_is_warned_of() {
    let twice = format!("{WEB}port = 81\n[expose#0]\nlistener_port = 8080\n");
    let done = xds_with(&["validate", "-", "--service", "web"], &twice).ends(0);
    done.says("is written again in line 6; the last value counts; write it once [written-twice]")
        .says("the section begins again in line 7")
        .says("2 warnings");
}

/// In JSON nobody could tell which of two values was meant, and its readers take either.
#[test]
fn what_json_gives_twice_is_refused() {
    let twice = "{\"expose#0\": {\"port\": 80,\n\"port\": 81}}";
    for command in ["validate", "translate"] {
        xds_with(&[command, "-", "--service", "web"], twice)
            .ends(2)
            .complains("-: expose#0.port is given twice; keep one of the two at line 2");
    }
}

/// As a shell script leaves it, whose own variable is not set.
#[test]
fn a_variable_that_is_set_to_nothing_is_as_good_as_none() {
    let folder = tempfile::tempdir().unwrap();
    let mut demo = command(&["demo", "--once"]);
    demo.env("ENVOY_BIN", "")
        .env("PATH", "")
        .current_dir(&folder);
    let demo = demo.output().unwrap();
    let said = String::from_utf8(demo.stdout).unwrap();
    assert!(said.contains("no Envoy found: run `make envoy`"), "{said}");
    let mut status = command(&["status"]);
    let status = status.env("IGW_XDS_SOCKET", "").output().unwrap();
    let said = String::from_utf8(status.stderr).unwrap();
    assert_ne!(status.status.code(), Some(2), "{said}");
}

#[test]
fn references_that_double_name_their_keyword() {
    let mut text = WEB.replace("80", "{env.a0}");
    text.push_str("[env]\n");
    for i in 0..64 {
        text.push_str(&format!("a{i} = {{env.a{n}}}{{env.a{n}}}\n", n = i + 1));
    }
    let done = xds_with(&["validate", "-", "--service", "web"], &text).ends(1);
    done.says("expose#0.port  its references lead to ever more references; write the value itself")
        .says("[endless-references]");
}

#[test]
fn a_terminal_gets_no_control_characters() {
    let mean = "\u{feff}[expose#0]\n\u{1b}[2Jport\0 \u{7}\n";
    let args = ["validate", "-", "--service", "web"];
    let section = format!("{WEB}[expose#0\u{1b}[31m]\nport = \u{1b}[2J80\u{7}\n");
    for text in [mean, mean.trim_start_matches('\u{feff}'), &section] {
        let done = xds_with(&args, text);
        let odd = |c: char| c != '\n' && c.is_control() || c == '\u{feff}';
        assert!(!done.out.contains(odd), "{:?}", done.out);
        assert!(!done.err.contains(odd), "{:?}", done.err);
        assert!(!(done.out + &done.err).is_empty());
    }
    let forged = "web\nERROR forged";
    xds_with(&["validate", "-", "--service", forged], WEB)
        .ends(2)
        .complains("no white space and no control character");
}

#[test]
fn a_recording_ends_somewhere() {
    xds(&["replay", "/dev/zero"])
        .ends(2)
        .complains("/dev/zero: this is not a recording");
    let (_folder, path) = file("web.conf", WEB);
    xds(&["replay", path.to_str().unwrap()])
        .ends(2)
        .complains("this is not a recording: want a JSON object a line");
}
