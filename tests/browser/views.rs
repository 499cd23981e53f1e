//! What each view shows.

use crate::served::Served;
use crate::stories::{DATABASE, town};

#[tokio::test(flavor = "multi_thread")]
async fn the_overview_says_how_many_are_fine_and_what_there_is_to_mend() {
    let served = Served::new(town()).await;
    let Some(mut page) = served.open("overview", "").await else {
        return;
    };
    page.reads(".tally.good", "4").await;
    page.reads(".tally.bad", "2").await;
    page.reads(".rows", "test/svc/rival.expose#1").await;
    page.reads(".rows", "'eighty' is not an integer").await;
    page.reads("main", "Next to expire").await;
    page.reads("main", "in 20 days").await;
    // A tally leads to those that it counts.
    page.click(".tally:nth-of-type(3)").await;
    page.until("location.hash === '#/exposes?standing=waiting'")
        .await;
    page.until("document.querySelectorAll('.rows .id').length === 1")
        .await;
    let rows = page.texts(".rows .id").await;
    assert_eq!(rows, ["test/svc/hopeful.expose#0"]);
    served.was_quiet(&page);
}

#[tokio::test(flavor = "multi_thread")]
async fn exposes_are_found_by_domain_service_and_port_while_one_types() {
    let served = Served::new(town()).await;
    let Some(mut page) = served.open("search", "").await else {
        return;
    };
    for (words, found) in [
        (
            "shop.example",
            &["rival.expose#0", "shop.expose#0", "shop.expose#1"][..],
        ),
        ("svc/db", &["db.expose#0"]),
        (":443", &["mail.expose#0", "shop.expose#1"]),
        ("mail 443", &["mail.expose#0"]),
        ("nowhere", &[]),
    ] {
        page.run("document.querySelector('#q').value = ''; document.querySelector('#q').focus()")
            .await;
        page.write(words).await;
        let expected: Vec<String> = found.iter().map(|id| format!("test/svc/{id}")).collect();
        assert_eq!(page.texts(".rows .id").await, expected, "{words}");
    }
    // The place can be bookmarked and sent to a colleague.
    assert_eq!(page.run("location.hash").await, "#/exposes?q=nowhere");
    served.was_quiet(&page);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refused_expose_shows_why_and_the_very_line_to_change() {
    let served = Served::new(town()).await;
    let hash = "#/expose/test%2Fsvc%2Frival.expose%231";
    let Some(mut page) = served.open("refused", hash).await else {
        return;
    };
    page.reads("h2", "test/svc/rival.expose#1").await;
    page.reads("h2 .badge", "Refused").await;
    page.reads(".finding .message", "'eighty' is not an integer")
        .await;
    page.reads(".finding .line", "[expose#1]\nport = eighty")
        .await;
    page.reads(
        ".command code",
        "om test/svc/rival set --kw 'expose#1.port=VALUE'",
    )
    .await;
    // In a conflict, the holder is a link away.
    page.show("#/expose/test%2Fsvc%2Frival.expose%230").await;
    page.reads(".finding a", "test/svc/shop.expose#0").await;
    page.reads(".empty", "Envoy has nothing of it").await;
    served.was_quiet(&page);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_way_of_a_request_is_a_picture_from_listener_to_endpoints() {
    let served = Served::new(town()).await;
    let hash = "#/expose/test%2Fsvc%2Fshop.expose%231";
    let Some(mut page) = served.open("picture", hash).await else {
        return;
    };
    page.reads(".stages", "10.0.0.1:8443").await;
    let stages = page.run(STAGES).await;
    let stages: Vec<&str> = stages
        .as_array()
        .unwrap()
        .iter()
        .filter_map(|stage| stage.as_str())
        .collect();
    assert_eq!(
        stages,
        [
            "Listener",
            "Connection",
            "Virtual host",
            "Route",
            "Cluster",
            "Endpoints"
        ]
    );
    for (stage, words) in [
        ("1", "0.0.0.0:443/tcp"),
        ("2", "test/sec/shop"),
        ("3", "*.shop.example.com"),
        ("4", "/health"),
        ("5", "round robin"),
        ("6", "up"),
    ] {
        page.reads(&format!(".stage:nth-child({stage})"), words)
            .await;
    }
    // A line for each step: one listener, one chain, one host, two routes, one cluster, one endpoint.
    assert_eq!(page.run(LINES).await, 7);
    served.was_quiet(&page);
}

const STAGES: &str =
    "[...document.querySelectorAll('.stage h3')].map((title) => title.textContent)";

const LINES: &str = "document.querySelectorAll('.picture svg path').length";

#[tokio::test(flavor = "multi_thread")]
async fn a_request_is_explained_and_the_question_can_be_sent_on() {
    let served = Served::new(town()).await;
    let Some(mut page) = served.open("explain", "#/explain").await else {
        return;
    };
    page.run("document.querySelector('#ask-url').focus()").await;
    page.write("http://old.example.com/a?b=c").await;
    page.press("Enter").await;
    page.reads(".outcome", "Redirected").await;
    page.reads(".steps", "test/svc/shop.expose#0.vhost#1").await;
    let hash = page.run("location.hash").await;
    assert!(
        hash.as_str().unwrap().contains("old.example.com"),
        "{hash}: it can be sent to a colleague"
    );
    page.run("document.querySelector('#ask-url').select()")
        .await;
    page.write("http://nobody.example.com/").await;
    page.press("Enter").await;
    page.reads(".outcome", "404").await;
    // Nobody forwards where no Envoy is.
    page.reads(".result .finding", "No Envoy is connected")
        .await;
    page.run("document.querySelector('#ask-url').select()")
        .await;
    page.write("ftp://x").await;
    page.press("Enter").await;
    page.reads(".result", "http, https, tcp, tls or udp").await;
    served.was_quiet_but_for(&page, "400 (Bad Request)");
}

#[tokio::test(flavor = "multi_thread")]
async fn certificates_and_envoys_are_listed() {
    let mut gateway = town();
    gateway.deploy("test/svc/plain", DATABASE, &["10.0.0.8"]);
    let served = Served::new(gateway).await;
    let Some(mut page) = served.open("lists", "#/certificates").await else {
        return;
    };
    page.reads("tbody tr", "test/sec/shop").await;
    page.reads("tbody tr", "expires this month").await;
    page.reads("tbody tr a", "test/svc/shop.expose#1").await;
    page.show("#/envoys").await;
    page.reads("main", "No Envoy is connected").await;
    page.reads(".changes", "no Envoy then").await;
    served.was_quiet(&page);
}

#[tokio::test(flavor = "multi_thread")]
async fn findings_are_all_in_one_place_and_live() {
    let mut gateway = town();
    // No expose to show it at: nothing but the finding tells of it.
    let unlisted = DATABASE.replace("expose = expose#0\n", "");
    gateway.deploy("test/svc/forgotten", &unlisted, &["10.0.0.8"]);
    let mut served = Served::new(gateway).await;
    let Some(mut page) = served.open("findings", "").await else {
        return;
    };
    page.click("main a[href='#/findings']").await;
    page.reads(".count", "2 errors, 2 warnings").await;
    page.reads(
        ".finding",
        "test/svc/forgotten no ip section names this expose",
    )
    .await;
    page.reads(".finding .hint", "ip#1.expose+=expose#0").await;
    let first = page.texts(".finding:first-child .badge").await;
    assert!(first[0].contains("error"), "{first:?}");
    served.gateway.delete("test/svc/rival");
    page.reads(".count", "0 errors, 2 warnings").await;
    served.was_quiet(&page);
}

/// A service writes what it likes in its configuration. It is text, never markup.
#[tokio::test(flavor = "multi_thread")]
async fn what_services_write_is_never_markup() {
    let mut gateway = town();
    let evil = DATABASE.replace(
        "port = 5432\nlistener_port = 5432",
        "port = <img src=x onerror=alert(1)>\nlistener_port = 99",
    );
    gateway.deploy("test/svc/evil", &evil, &["10.0.0.8"]);
    let served = Served::new(gateway).await;
    let Some(mut page) = served.open("markup", "#/exposes?q=evil").await else {
        return;
    };
    page.reads(".rows .problem", "<img src=x").await;
    page.show("#/expose/test%2Fsvc%2Fevil.expose%230").await;
    page.reads(".finding .line", "<img src=x").await;
    page.show("#/explain?url=%3Cimg%20src%3Dx%3E").await;
    page.reads(".result", "Not understood").await;
    assert_eq!(
        page.run("document.querySelectorAll('main img').length")
            .await,
        0
    );
}
