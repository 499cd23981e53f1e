//! Everything without a mouse.

use crate::chromium::Page;
use crate::served::Served;
use crate::stories::town;

#[tokio::test(flavor = "multi_thread")]
async fn everything_is_reached_by_tab_and_shows_that_it_is() {
    let served = Served::new(town()).await;
    let Some(mut page) = served.open("tab", "#/exposes").await else {
        return;
    };
    page.until("document.querySelectorAll('.row').length === 8")
        .await;
    let mut reached = Vec::new();
    // 1 link over all, 1 search, 6 views, 6 tallies, 8 rows.
    for _ in 0..22 {
        page.press("Tab").await;
        assert_eq!(page.run(IS_OUTLINED).await, true, "after {reached:?}");
        let text = page.run("document.activeElement.innerText || document.activeElement.id");
        reached.push(text.await.as_str().unwrap_or_default().to_owned());
    }
    assert_eq!(reached[0], "Skip to content");
    assert_eq!(reached[1], "q");
    assert_eq!(reached[2], "Overview");
    assert!(reached[21].contains("shop.expose#1"), "{reached:?}");
}

const IS_OUTLINED: &str = "(() => { const style = getComputedStyle(document.activeElement); \
                           return style.outlineStyle !== 'none' && parseFloat(style.outlineWidth) >= 2; })()";

#[tokio::test(flavor = "multi_thread")]
async fn a_refusal_is_found_and_read_by_keys_alone() {
    let served = Served::new(town()).await;
    let Some(mut page) = served.open("keys", "").await else {
        return;
    };
    page.press("/").await;
    assert_eq!(focused(&mut page).await, "q");
    page.write("rival").await;
    page.reads(".count", "2 of 8 exposes").await;
    // From the words to the first that is found, and into it.
    page.press("Enter").await;
    page.until("document.activeElement.matches('.row')").await;
    page.press("Enter").await;
    page.reads("h2", "test/svc/rival.expose#0").await;
    assert_eq!(
        focused(&mut page).await,
        "main",
        "a new view is read from its start"
    );
    // The link over all leads past the head.
    page.run("document.activeElement.blur()").await;
    page.run("document.querySelector('.skip').focus()").await;
    page.press("Enter").await;
    assert_eq!(focused(&mut page).await, "main");
    served.was_quiet(&page);
}

async fn focused(page: &mut Page) -> String {
    let id = page.run("document.activeElement.id").await;
    id.as_str().unwrap_or_default().to_owned()
}
