#![allow(clippy::unwrap_used)]

use super::*;

/// Expressions with the size of the program that RE2 itself makes of them (`RE2::ProgramSize` of
/// google-re2 1.1, default options, as Envoy compiles them).
const SIZES: &[(&str, u64)] = &[
    (r"/", 5),
    (r"/b[io]t", 9),
    (r"/+a+", 9),
    (r"/+|", 9),
    (r"^/*|a*", 10),
    (r"/(a*)*", 12),
    (r".*", 12),
    (r"/.*", 13),
    (r"/app/.*", 17),
    (r"/(?:en|fr|de|it)/.*", 22),
    (r"(?:/app1/.*|/app2/.*)", 30),
    (r"/[^/]+", 14),
    (r"/[^/]+/[0-9]+", 17),
    (r"/v[0-9]+(?:\.[0-9]+)?/.*", 22),
    (r"/\d{4}-\d{2}-\d{2}", 15),
    (r"/\w+", 9),
    (r"/[a-f0-9]{32}", 69),
    (r"/[^/]{1,32}", 292),
    (r"/[^/]{1,32}[^/]+", 22),
    (r"/.+.*", 14),
    (r"(?i)/Login", 10),
    (r"/(?i:login)/.*", 19),
    (r"/.*\.(png|jpg|css|js)", 27),
    (r"(?:/[^/]+)*", 15),
    (r"^/a$", 4),
    (r"/[[:alnum:]_-]+", 10),
    (r"/café", 10),
    (r"/\p{Greek}+", 68),
    (r"/\pL+", 1202),
    (r"/\pN", 238),
    (r"/\PL", 1203),
    (r"/\pC", 75),
    (r"/[^é]{3}", 56),
    (r"/a{1000}", 1005),
    (r"/(a{30}){30}", 965),
    (
        r"/(?P<id>[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12})",
        75,
    ),
    (r"/\Qa.b\E/\C", 10),
    (r"/x*?/y+?", 9),
    (r"/(a|b|c)/(d|e|f)", 12),
    (r"/[^\s/]+(/[^\s/]+)*", 33),
];

#[test]
fn sizes_are_close_to_what_re2_says() {
    for &(pattern, real) in SIZES {
        let estimate = by_tree(pattern).unwrap().size;
        let tolerance = 2 + real / 4;
        assert!(
            estimate.abs_diff(real) <= tolerance,
            "{pattern}: {estimate}, RE2 says {real}"
        );
        let bound = plain::size(pattern);
        assert!(
            bound.is_none_or(|bound| real <= bound),
            "{pattern}: at most {bound:?}, RE2 says {real}"
        );
    }
}

#[test]
fn sixty_alternatives_of_a_path_are_more_than_envoy_takes_unasked() {
    let apps: Vec<String> = (0..60).map(|i| format!("/app{i}/.*")).collect();
    let size = judge(&format!("(?:{})", apps.join("|"))).unwrap().size;
    assert!(size.abs_diff(673) < 100, "{size}");
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
        r"\x{1F600}",
        r"\x{D800}",
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
        (r"[a-\d]", r"RE2 knows no escape \d"),
        (r"[\b]", r"RE2 knows no escape \b"),
        ("[[:foo:]]", "there is no class [:foo:]"),
        (r"\Z", r"RE2 knows no escape \Z"),
        (r"\h", r"RE2 knows no escape \h"),
        (r"\u0041", r"RE2 knows no escape \u"),
        (r"\x{110000}", r"a \x is not a character"),
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
        assert!(judge(pattern).unwrap().can_match, "{pattern}");
    }
    for pattern in [
        "app/.*",
        "^app",
        "(a|b)/c",
        "https?://a.org/.*",
        "[a-z]+/x",
        r"/a[^\x{0}-\x{10FFFF}]",
    ] {
        assert!(!judge(pattern).unwrap().can_match, "{pattern}");
    }
}

#[test]
fn hostile_expressions_are_cheap() {
    let nested = "(".repeat(10_000) + &")".repeat(10_000);
    assert!(judge(&nested).is_err());
    assert!(judge("(((a{10}){10}){10})").unwrap().size > 1000);
    assert!(judge(&r"\pL".repeat(50)).unwrap().size > 50_000);
    assert!(judge(&r"\pL".repeat(51)).is_err());
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
    ] {
        let matcher = matcher(pattern).unwrap();
        assert!(matcher.is_match(taken), "{pattern} {taken}");
        assert!(!matcher.is_match(left), "{pattern} {left}");
    }
}

#[test]
fn what_cannot_be_judged_here_has_no_matcher() {
    for pattern in ["/(", "/(?=a)", r"/(?:\pL{1000}){3}"] {
        assert!(matcher(pattern).is_none(), "{pattern}");
    }
    assert!(matcher(&"a".repeat(5000)).is_none());
}
