//! By ear, in the dark, on a phone: every view in every guise.

use serde_json::Value;

use crate::chromium::{Page, Screen};
use crate::served::Served;
use crate::stories::town;

/// Every view, and words that say that it is there.
pub(crate) const VIEWS: [(&str, &str, &str); 8] = [
    ("overview", "#/", "Next to expire"),
    ("exposes", "#/exposes", "8 exposes"),
    (
        "picture",
        "#/expose/test%2Fsvc%2Fshop.expose%231",
        "10.0.0.1:8443",
    ),
    (
        "refused",
        "#/expose/test%2Fsvc%2Frival.expose%231",
        "port = eighty",
    ),
    ("findings", "#/findings", "2 errors, 1 warning"),
    ("certificates", "#/certificates", "test/sec/shop"),
    ("envoys", "#/envoys", "no Envoy then"),
    (
        "explain",
        "#/explain?url=https%3A%2F%2Fshop.example.com%2Fhealth",
        "1 more would fit",
    ),
];

#[tokio::test(flavor = "multi_thread")]
async fn every_text_stands_out_and_every_target_can_be_hit() {
    let served = Served::new(town()).await;
    let Some(mut page) = served.open("contrast and layout", "").await else {
        return;
    };
    let mut wrong = Vec::new();
    for (name, hash, words) in VIEWS {
        page.show(hash).await;
        page.reads("main", words).await;
        for scheme in ["light", "dark"] {
            page.prefer(scheme).await;
            let poor = page.run(include_str!("contrast.js")).await;
            wrong.extend(told(&poor, &format!("{name}, {scheme}")));
        }
        for screen in [Screen::Laptop, Screen::Phone] {
            page.show_on(screen).await;
            let poor = page.run(include_str!("layout.js")).await;
            wrong.extend(told(&poor, &format!("{name}, {screen:?}")));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    served.was_quiet(&page);
}

fn told(wrong: &Value, place: &str) -> Vec<String> {
    let wrong = wrong.as_array().unwrap().iter();
    wrong.map(|what| format!("{place}: {what}")).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_screen_reader_finds_its_way() {
    let served = Served::new(town()).await;
    let Some(mut page) = served.open("screen reader", "").await else {
        return;
    };
    for (view, hash, words) in VIEWS {
        page.show(hash).await;
        page.reads("main", words).await;
        let told = page.told().await;
        for landmark in ["banner", "navigation", "search", "main"] {
            assert!(
                told.iter().any(|(role, _)| role == landmark),
                "{view}: {landmark}"
            );
        }
        let nameless = [
            "link",
            "button",
            "textbox",
            "searchbox",
            "heading",
            "region",
        ];
        let nameless: Vec<_> = told
            .iter()
            .filter(|(role, name)| nameless.contains(&role.as_str()) && name.trim().is_empty())
            .collect();
        assert!(nameless.is_empty(), "{view}: {nameless:?}");
        headings_descend_by_one(&mut page, view).await;
    }
    // Views are told apart by what the window is called.
    page.show("#/certificates").await;
    page.until("document.title.includes('Certificates')").await;
    page.show("#/expose/test%2Fsvc%2Fshop.expose%231").await;
    page.until("document.title.includes('test/svc/shop.expose#1')")
        .await;
}

async fn headings_descend_by_one(page: &mut Page, view: &str) {
    let levels = "[...document.querySelectorAll('h1, h2, h3, h4, h5')].map((h) => +h.tagName[1])";
    let levels: Vec<u64> = serde_json::from_value(page.run(levels).await).unwrap();
    assert_eq!(levels.first(), Some(&1), "{view}");
    assert!(levels.contains(&2), "{view}: {levels:?}");
    for pair in levels.windows(2) {
        assert!(pair[1] <= pair[0] + 1, "{view}: {levels:?}");
    }
}

/// The whole of it by axe, the accessibility checker, where `AXE_CORE` names its axe.min.js.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs axe-core, which is no part of this project: npm pack axe-core, then AXE_CORE=…/axe.min.js"]
async fn axe_finds_nothing() {
    let axe = std::env::var("AXE_CORE").expect("AXE_CORE names axe.min.js");
    let axe = std::fs::read_to_string(axe).unwrap();
    let served = Served::new(town()).await;
    let Some(mut page) = served.open("axe", "").await else {
        return;
    };
    page.run(&axe).await;
    let mut found = Vec::new();
    for (view, hash, words) in VIEWS {
        page.show(hash).await;
        page.reads("main", words).await;
        for scheme in ["light", "dark"] {
            page.prefer(scheme).await;
            let violations = page.run(AXE).await;
            found.extend(told(&violations, &format!("{view}, {scheme}")));
        }
    }
    assert!(found.is_empty(), "{}", found.join("\n"));
}

const AXE: &str = "axe.run(document).then((r) => r.violations.map((v) => \
                   `${v.id}: ${v.help}: ${v.nodes.map((n) => n.html.slice(0, 120)).join(' | ')}`))";
