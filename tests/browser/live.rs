//! What is shown is what is, without reloading.

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::chromium::Page;
use crate::served::Served;
use crate::stories::{DATABASE, IDLE, town};

#[tokio::test(flavor = "multi_thread")]
async fn what_changes_is_shown_and_said() {
    let mut served = Served::new(town()).await;
    let Some(mut page) = served.open("live", "#/exposes").await else {
        return;
    };
    page.reads(".rows li", "test/svc/idle.expose#0").await;
    served.gateway.deploy("test/svc/idle", IDLE, &["10.0.0.9"]);
    page.reads(".tally[aria-current], .tallies", "No endpoint is up")
        .await;
    page.until(&standing_of("test/svc/idle.expose#0", "Served"))
        .await;
    page.reads("#news[role=status]", "1 expose changed").await;
    let more = DATABASE.replace("5432", "5433");
    served
        .gateway
        .deploy("test/svc/more", &more, &["10.0.0.10"]);
    page.reads(".rows li", "test/svc/more.expose#0").await;
    served.gateway.delete("test/svc/more");
    page.until("!document.querySelector('.rows').innerText.includes('svc/more')")
        .await;
    // The picture of an expose as well.
    page.show("#/expose/test%2Fsvc%2Fdb.expose%230").await;
    page.reads(".stages", "10.0.0.3:5432").await;
    served
        .gateway
        .deploy("test/svc/db", DATABASE, &["10.0.0.33"]);
    page.reads(".stages", "10.0.0.33:5432").await;
    // An expose that is deleted while it is looked at.
    served.gateway.delete("test/svc/db");
    page.reads(".empty", "there is no expose test/svc/db.expose#0")
        .await;
    served.was_quiet_but_for(&page, "404 (Not Found)");
}

/// What is a row's standing: the badge's text.
fn standing_of(id: &str, standing: &str) -> String {
    format!(
        "[...document.querySelectorAll('.row')].some((row) => row.innerText.includes({id:?}) && \
         row.querySelector('.badge').innerText.includes({standing:?}))"
    )
}

/// What had the focus before a change has it after.
#[tokio::test(flavor = "multi_thread")]
async fn a_change_takes_the_focus_from_nobody() {
    let mut served = Served::new(town()).await;
    let Some(mut page) = served.open("focus", "#/exposes").await else {
        return;
    };
    page.until("document.querySelectorAll('.row').length === 8")
        .await;
    for (view, element) in [
        ("#/exposes", ".row[href*='mail']"),
        ("#/exposes", ".tally:nth-of-type(2)"),
        ("#/", ".rows .row[href*='rival']"),
        ("#/", ".tally:nth-of-type(4)"),
        ("#/expose/test%2Fsvc%2Fshop.expose%231", ".links .button"),
    ] {
        page.show(view).await;
        page.until(&format!("document.querySelector({element:?})"))
            .await;
        let focused = format!("document.activeElement.matches({element:?})");
        page.run(&format!("document.querySelector({element:?}).focus()"))
            .await;
        assert_eq!(page.run(&focused).await, true, "{view} {element}");
        let seen = "document.querySelector('#news').textContent = ''";
        page.run(seen).await;
        let addresses: &[&str] = match page.run("window.turn = !window.turn").await == true {
            true => &["10.0.0.9"],
            false => &[],
        };
        served.gateway.deploy("test/svc/idle", IDLE, addresses);
        page.reads("#news", "1 expose changed").await;
        page.until(&focused).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_gateway_that_is_away_is_said_to_be_and_found_again() {
    let mut served = Served::new(town()).await;
    let Some(mut page) = served.open("away", "#/exposes").await else {
        return;
    };
    served.stop().await;
    page.reads("#link", "Not live").await;
    page.reads(".rows", "test/svc/shop.expose#0").await;
    served.gateway.delete("test/svc/shop");
    served.start().await;
    page.until("document.querySelector('#link').textContent === 'Live'")
        .await;
    page.until("!document.querySelector('.rows').innerText.includes('svc/shop')")
        .await;
}

/// The daemon may be away while the gateway is not: what is served is old, and how old is said.
#[tokio::test(flavor = "multi_thread")]
async fn a_daemon_that_is_away_is_said_to_be() {
    use igw_envoy::daemon::Link;
    let served = Served::new(town()).await;
    let Some(mut page) = served.open("daemon", "").await else {
        return;
    };
    served.gateway.connection.send_modify(|connection| {
        connection.link = Link::Waiting {
            since: std::time::SystemTime::now(),
            error: "connection refused".into(),
        };
    });
    page.reads("#banner[role=alert]", "connection refused")
        .await;
    page.reads("#link", "daemon away").await;
    served.was_quiet(&page);
}

/// Before the first news, an empty list would be a claim that nobody has made.
#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_claimed_before_it_is_known() {
    let served = Served::new(town()).await;
    // As many as may follow the changes.
    let mut followers = Vec::new();
    for _ in 0..64 {
        let mut follower = TcpStream::connect(served.address).await.unwrap();
        let request = b"GET /api/v1/events HTTP/1.1\r\nHost: localhost\r\n\r\n";
        follower.write_all(request).await.unwrap();
        let mut answer = [0; 12];
        follower.read_exact(&mut answer).await.unwrap();
        assert_eq!(&answer, b"HTTP/1.1 200");
        followers.push(follower);
    }
    let url = format!("http://{}/", served.address);
    let Some(mut page) = Page::open("unknown", &url).await else {
        return;
    };
    for hash in ["#/", "#/envoys", "#/certificates", "#/exposes"] {
        page.show(hash).await;
        page.reads("#link", "Connecting").await;
        page.reads("main", "Loading…").await;
        let text = page.run("document.querySelector('main').innerText").await;
        let text = text.as_str().unwrap();
        assert!(!text.contains("No ") && !text.contains('0'), "{text}");
    }
    // Once there is room, the page connects by itself.
    followers.clear();
    page.reads(".rows li", "test/svc/rival.expose#1").await;
}
