#![allow(clippy::unwrap_used)]

use super::*;

/// Expressions with the size of the program that a real Envoy 1.40 said it made of them, as it does with
/// `re2.max_program_size.warn_level` at 0.
#[rustfmt::skip]
const SIZES: &[(&str, u64)] = &[
    (r"/", 5),
    (r"/b[io]t", 9),
    (r"/+a+", 9),
    (r"/+|", 9),
    (r"^/*|a*", 10),
    (r"/(a*)*", 12),
    (r".*", 6),
    (r"/.*", 7),
    (r"/app/.*", 11),
    (r"/(?:en|fr|de|it)/.*", 16),
    (r"(?:/app1/.*|/app2/.*)", 18),
    (r"/[^/]+", 8),
    (r"/[^/]+/[0-9]+", 11),
    (r"/v[0-9]+(?:\.[0-9]+)?/.*", 16),
    (r"/\d{4}-\d{2}-\d{2}", 15),
    (r"/\w+", 9),
    (r"/[a-f0-9]{32}", 69),
    (r"/[^/]{1,32}", 100),
    (r"/[^/]{1,255}", 769),
    (r"/users/[^/]{1,128}/files/[^/]{1,128}", 784),
    (r"/.{300}", 605),
    (r"/[^a-z]{250}", 505),
    (r"/[^/]{1,32}[^/]+", 10),
    (r"/.+.*", 8),
    (r"(?i)/Login", 10),
    (r"/(?i:login)/.*", 13),
    (r"/.*\.(png|jpg|css|js)", 21),
    (r"(?:/[^/]+)*", 9),
    (r"^/a$", 4),
    (r"^/static/.*$", 6),
    (r"/[[:alnum:]_-]+", 10),
    (r"/café", 10),
    (r"/[é-ü]?", 7),
    (r"/[ü-é]?", 8),
    (r"/\p{Greek}?x", 6),
    (r"/\pL+", 13),
    (r"/\pL[\pL\pN]*", 22),
    (r"/\pN", 9),
    (r"/\PL", 13),
    (r"/\pC*", 8),
    (r"/[^é]{3}", 14),
    (r"/(?i)\p{Lu}", 8),
    (r"/\xE9?", 7),
    (r"/\377?", 7),
    (r"/a{1000}", 1005),
    (r"/(a{30}){30}", 965),
    (r"/(?P<id>[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12})", 75),
    (r"/\Qa.b\E/\C", 10),
    (r"/\Qab\E*", 7),
    (r"/(?i)*", 5),
    (r"/(?m){2}", 6),
    (r"/x*?/y+?", 9),
    (r"/(a|b|c)/(d|e|f)", 12),
    (r"/[^\s/]+(/[^\s/]+)*", 21),
];

#[test]
fn sizes_are_close_to_what_envoy_says() {
    for &(pattern, real) in SIZES {
        let estimate = by_tree(pattern).unwrap().size;
        let tolerance = 2 + real / 10;
        assert!(
            estimate.abs_diff(real) <= tolerance,
            "{pattern}: {estimate}, Envoy says {real}"
        );
        let bound = plain::size(pattern);
        assert!(
            bound.is_none_or(|bound| real <= bound),
            "{pattern}: at most {bound:?}, Envoy says {real}"
        );
    }
}

#[test]
fn sixty_alternatives_of_a_path_are_more_than_envoy_takes_unasked() {
    let apps: Vec<String> = (0..60).map(|i| format!("/app{i}/.*")).collect();
    let size = judge(&format!("(?:{})", apps.join("|"))).unwrap().size;
    assert!(size.abs_diff(313) < 65, "{size}");
}

#[test]
fn what_re2_accepts_is_accepted() {
    for pattern in [
        "a{",
        "a{,2}",
        "a{01}",
        "a{x}",
        "{",
        "}",
        "]",
        "[]]",
        "[^]]",
        "[[]",
        "[a-z&&[^b]]",
        "[a~~b]",
        "[a-]",
        "[-a]",
        "[a-b-c]",
        "[\\d-z]",
        "[[:alpha:]-z]",
        "[[:^alpha:]]",
        "[[:alpha]",
        "[:a]",
        "()",
        "(|a)*",
        "a||b",
        "^*",
        "(?:)*",
        "(?)a",
        "(?ii)a",
        "(?i-s:a)",
        "(?is-mU:a)",
        "(?-i)a",
        "(?P<n>a)(?P<n>b)",
        "(?<n>a)",
        "(?P<1a>x)",
        r"\Qa*\E*",
        r"\Qab",
        r"\_",
        r"\-",
        r"\ ",
        r"\/",
        r"\12",
        r"\0",
        r"\x41",
        r"\xFF",
        r"\x{0000ff}",
        r"\377",
        "[ü-é]",
        "é*",
        "(?P<ê>a)",
        "/(?i)*",
        "/(?m){2}",
        "/a*(?i)?",
        r"/\Q\E*",
        r"\pLu",
        r"\p{^Greek}",
        r"\P{Any}",
        r"\C",
        r"\A\z\b\B",
        r"\b{start}",
        "a b #c",
        "a+?",
        "a{2}?",
        "(a{500}b{3}){2}",
        "(a*){1000}",
        "a{1000}",
    ] {
        assert!(judge(pattern).is_ok(), "{pattern}: {:?}", judge(pattern));
    }
}

#[test]
fn what_re2_refuses_is_refused_with_a_reason() {
    for (pattern, why) in [
        ("(?=a)", "RE2 cannot look around, as (?= does"),
        ("(?!a)", "RE2 cannot look around, as (?! does"),
        ("(?<=a)", "RE2 cannot look around, as (?< does"),
        ("(?<!a)", "RE2 cannot look around, as (?< does"),
        ("(?>a)", "RE2 knows no group (?>"),
        ("(?#a)", "RE2 knows no group (?#"),
        ("(?x)a", "RE2 knows no group (?x"),
        ("(?i-)a", "RE2 knows no group (?)"),
        (r"(a)\1", "RE2 has no back references"),
        ("(?P=n)", "RE2 has no back references"),
        (
            "(?P<a.b>x)",
            "the name of a group is not made of letters, digits and _",
        ),
        (
            "(?P<>x)",
            "the name of a group is not made of letters, digits and _",
        ),
        ("([", "a [ is never closed"),
        ("[", "a [ is never closed"),
        ("[]", "a [ is never closed"),
        ("[a-", "a [ is never closed"),
        ("(a", "a ( is never closed"),
        ("a)", "a ) closes nothing"),
        ("*a", "there is nothing for * to repeat"),
        ("a|*", "there is nothing for * to repeat"),
        ("(?i)+", "there is nothing for + to repeat"),
        ("a**", "* repeats a repetition"),
        ("a++", "+ repeats a repetition"),
        ("a{2}{3}", "{3} repeats a repetition"),
        ("a{1001}", "the repetition {1001} is more than RE2's 1000"),
        (
            "a{1,2000}",
            "the repetition {1,2000} is more than RE2's 1000",
        ),
        ("a{2,1}", "the repetition {2,1} is backwards"),
        (
            "(a{100}){100}",
            "its repetitions multiply to more than RE2's 1000",
        ),
        ("[b-a]", "the range b-a is backwards"),
        (r"[a-\d]", r"a range in brackets ends in the class \d"),
        (r"[\b]", r"\b has no meaning in brackets"),
        ("[é-a]", r"the range \xA9-a is backwards"),
        ("[[:foo:]]", "there is no class [:foo:]"),
        (r"\Z", r"RE2 knows no escape \Z"),
        (r"\h", r"RE2 knows no escape \h"),
        (r"\u0041", r"RE2 knows no escape \u"),
        (r"\é", r"RE2 knows no escape \\xC3"),
        (r"\x{100}", r"\x{100} is beyond \xFF: Envoy compares bytes"),
        (
            r"[\x{0}-\x{10ffff}]",
            r"\x{10ffff} is beyond \xFF: Envoy compares bytes",
        ),
        (r"\400", r"\400 is more than the 377 of the last character"),
        (r"\8", "RE2 has no back references"),
        (
            "(?P<é>x)",
            "the name of a group is not made of letters, digits and _",
        ),
        ("(?é)", r"RE2 knows no group (?\xC3"),
        (r"\xg", r"a \x is not a character"),
        (r"\p{Alphabetic}", "RE2 knows no Unicode group Alphabetic"),
        (r"\p{greek}", "RE2 knows no Unicode group greek"),
        (r"\p{Lu", r"a \p{ is never closed"),
        ("a\\", "it ends in a backslash"),
    ] {
        assert_eq!(judge(pattern).unwrap_err().why, why, "{pattern}");
    }
}

#[test]
fn an_expression_that_no_path_starts_like_cannot_match() {
    for pattern in [
        "/a", "^/a", ".*", "[/a]b", "(?i)/A", "(/a|b)", "", "a*/b", r"\/a", r"\C",
    ] {
        assert_eq!(judge(pattern).unwrap().never, None, "{pattern}");
    }
    for pattern in [
        "app/.*",
        "^app",
        "(a|b)/c",
        "https://a.org/.*",
        "[a-z]+/x",
        r"[^\x{0}-\xFF]",
    ] {
        assert!(judge(pattern).unwrap().never.is_some(), "{pattern}");
    }
}

/// The path is compared without its query; and what is not ASCII is refused before any route is asked.
#[test]
fn what_no_path_holds_must_not_be_needed() {
    for (pattern, why, hint) in [
        (
            r"/search\?q=.*",
            "every match holds a ?, and the path is compared without its query",
            "leave out the ? and what follows: a route takes any query",
        ),
        (
            "/a#b",
            "every match holds a #, and no request has a fragment",
            "leave out the # and what follows",
        ),
        (
            "/a b",
            "every match holds ' ', and no path does",
            "write %20 for ' '",
        ),
        (
            "/caf(é)",
            "every match holds 'é', and no path does",
            "write %C3%A9 for 'é'",
        ),
        (
            "/[é]",
            "every match holds a character of a class that no path has any of",
            atoms::PERCENT_ENCODE,
        ),
        (
            "/caf(é|è)",
            "every match holds a character of a class that no path has any of",
            atoms::PERCENT_ENCODE,
        ),
        (
            r"/\xE9",
            "every match holds a byte beyond ASCII, and no path does",
            atoms::PERCENT_ENCODE,
        ),
        (
            "/[?]{2}",
            "every match holds a ?, and the path is compared without its query",
            "leave out the ? and what follows: a route takes any query",
        ),
        (
            r"/a\s+b",
            "every match holds a character of a class that no path has any of",
            atoms::PERCENT_ENCODE,
        ),
        (
            r"/x(?:\?a|#b)",
            "every match holds a ?, and the path is compared without its query",
            "leave out the ? and what follows: a route takes any query",
        ),
    ] {
        let never = judge(pattern).unwrap().never.unwrap();
        assert_eq!((&*never.why, &*never.hint), (why, hint), "{pattern}");
    }
    for pattern in [
        r"/search(\?.*)?",
        r"/a[?#]?",
        "/(a b|c)",
        "/[^/?#]+",
        "/[aé]",
        "/a *",
        r"/\S+",
        r"/[\s\S]*",
        "/(?:é){0}",
    ] {
        assert_eq!(judge(pattern).unwrap().never, None, "{pattern}");
    }
}

#[test]
fn what_other_engines_have_is_told_as_re2_writes_it() {
    for (pattern, hint) in [
        (r"/\Z", r"write \z, or nothing: the whole path is compared"),
        (r"/\h", r"write [ \t]"),
        (r"/[a-\d]", r"write \- for a dash, or put the dash last"),
        (
            r"/\u0041",
            r"write the character by its code, as in \x7F or \x{7F}",
        ),
        (
            r"/\j",
            "write the letter without backslash, if that is meant",
        ),
    ] {
        assert_eq!(judge(pattern).unwrap_err().hint, hint, "{pattern}");
    }
}

#[test]
fn hostile_expressions_are_cheap() {
    let nested = "(".repeat(10_000) + &")".repeat(10_000);
    assert!(judge(&nested).is_err());
    assert!(judge("(((a{10}){10}){10})").unwrap().size > 1000);
    assert!(judge(&r"\pL".repeat(1300)).unwrap().size > 9000);
    assert!(judge(&"a".repeat(5000)).is_err());
}

/// As RE2's documented syntax has it: quotations, plain braces, no brackets in brackets, ASCII classes.
#[test]
fn a_matcher_takes_the_whole_paths_that_re2_takes() {
    for (pattern, taken, left) in [
        (r"/\Qa.b\E", "/a.b", "/axb"),
        ("/[[]x", "/[x", "/x"),
        ("/a{,2}", "/a{,2}", "/aa"),
        (r"/\d+", "/12", "/\u{663}"),
        (r"/\w", "/a", "/é"),
        ("/a|/b", "/b", "/b/"),
        ("(?i)/a", "/A", "/AA"),
        ("/[a&&b]", "/&", "/c"),
        (r"/\Qab\E*", "/abbb", "/abab"),
        ("/(?i)*", "///", "/a"),
        ("/a+(?i)?", "/", "/b"),
        ("/(?i)é", "/é", "/É"),
        ("/..", "/é", "/aé"),
        ("/[^a]", "/b", "/é"),
    ] {
        let matcher = matcher(pattern).unwrap();
        assert!(matcher.is_match(taken.as_bytes()), "{pattern} {taken}");
        assert!(!matcher.is_match(left.as_bytes()), "{pattern} {left}");
    }
}

#[test]
fn what_cannot_be_judged_here_has_no_matcher() {
    for pattern in ["/(", "/(?=a)", r"/(?:[^a]{1000}[^b]){1000}"] {
        assert!(matcher(pattern).is_none(), "{pattern}");
    }
    assert!(matcher(&"a".repeat(5000)).is_none());
}
