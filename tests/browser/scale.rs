//! Two thousand exposes, which is more than a gateway will ever have.

use std::fmt::Write as _;
use std::sync::Arc;
use std::time::Instant;

use crate::chromium::Page;
use crate::gateway::{Gateway, service};
use crate::served::Served;

const EXPOSES: usize = 2000;

/// Each with a domain of its own; every hundredth has a port that is none.
fn city() -> Gateway {
    let mut gateway = Gateway::new();
    let services = (0..EXPOSES).map(|n| {
        let port = if n % 100 == 99 { "eighty" } else { "8080" };
        let config = format!(
            "[ip#1]\nexpose = expose#0\n[expose#0]\ntype = envoy\nport = {port}\n\
             listener_port = 80\nvhosts = vhost#0\n[vhost#0]\ntype = envoy\n\
             domains = shop{n}.example.com www.shop{n}.example.com\nroutes = route#0\n\
             [route#0]\ntype = envoy\nmatch_prefix = /\n"
        );
        let [high, low] = u16::try_from(n).unwrap().to_be_bytes();
        let address = format!("10.1.{high}.{low}");
        let path = format!("shops/svc/shop{n}").parse().unwrap();
        (path, Some(Arc::new(service(&config, &[&address]))))
    });
    gateway.patch(services.collect());
    gateway
}

#[tokio::test(flavor = "multi_thread")]
async fn two_thousand_exposes_are_a_short_page() {
    let mut served = Served::new(city()).await;
    let Some(mut page) = served.open("two thousand", "#/exposes").await else {
        return;
    };
    page.reads(".count", "2,000 exposes").await;
    // What is in the page does not grow with what there is; so neither does what it costs.
    let rows = page.run("document.querySelectorAll('.row').length").await;
    assert_eq!(rows, 60);
    let elements = page.run("document.querySelectorAll('*').length").await;
    assert!(elements.as_u64().unwrap() < 800, "{elements} elements");
    page.press("/").await;
    page.write("shop1234.example").await;
    page.reads(".rows .id", "shops/svc/shop1234.expose#0").await;
    page.reads(".count", "1 of 2,000").await;
    page.run("document.querySelector('#q').select()").await;
    page.write("eighty").await;
    page.reads(".count", "20 of 2,000").await;
    // A change is told alone, not with the two thousand.
    let received = page.received().await;
    served.gateway.delete("shops/svc/shop7");
    page.show("#/exposes").await;
    page.reads(".count", "1,999 exposes").await;
    let grown = page.received().await - received;
    assert!(grown < 20_000.0, "one change took {grown} bytes");
    served.was_quiet(&page);
}

/// The numbers in docs/guide/dashboard.md: `cargo test --test browser -- --ignored --nocapture numbers`.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "measures; a noisy machine is no defect"]
async fn the_numbers_of_a_dashboard_of_thousands() {
    let mut served = Served::new(city()).await;
    let started = Instant::now();
    let Some(mut page) = served.open("numbers", "").await else {
        return;
    };
    let browser = started.elapsed();
    let mut table = String::from("| what | measured |\n|---|---|\n");
    let mut tell = |what: &str, value: String| {
        let _ = writeln!(table, "| {what} | {value} |");
    };
    let paint = "performance.getEntriesByName('first-contentful-paint')[0]?.startTime ?? 0";
    let paint = page.run(paint).await.as_f64().unwrap();
    tell("first paint of the page", format!("{paint:.0} ms"));
    let url = format!("http://{}/#/exposes", served.address);
    page.go("about:blank").await;
    page.go(&url).await;
    let shown = page.until(SHOWN).await.as_f64().unwrap();
    tell("all exposes known and listed", format!("{shown:.0} ms"));
    let received = page.received().await;
    tell(
        "bytes for the page and all exposes",
        format!("{received:.0}"),
    );
    page.tidy().await;
    for (what, metric, unit) in [
        ("DOM nodes", "Nodes", 1.0),
        ("JavaScript heap, MiB", "JSHeapUsedSize", 1048576.0),
    ] {
        let value = page.measure(metric).await / unit;
        tell(what, format!("{value:.1}"));
    }
    let typing = typing(&mut page).await;
    tell(
        "a letter typed in the search, until it is drawn",
        format!("{typing:.1} ms"),
    );
    let before = page.measure("TaskDuration").await;
    for n in 0..20 {
        served.gateway.delete(&format!("shops/svc/shop{n}"));
        let left = EXPOSES - n - 1;
        let known = format!(
            "document.querySelector('.count').textContent.replace(/\\D/g, '') === '{left}'"
        );
        page.until(&known).await;
    }
    let spent = (page.measure("TaskDuration").await - before) * 1000.0 / 20.0;
    tell(
        "CPU time of the browser for one change",
        format!("{spent:.1} ms"),
    );
    println!("{table}\nbrowser and first load: {browser:?}");
}

/// When the last of the first rows was there.
const SHOWN: &str = "document.querySelectorAll('.row').length === 60 && performance.now()";

/// The median time from a letter to the frame that shows what it found.
async fn typing(page: &mut Page) -> f64 {
    let script = "(async () => { const q = document.querySelector('#q'); const times = []; \
        for (const text of ['s', 'sh', 'sho', 'shop', 'shop1', 'shop12', 'shop123', 'shop12', 'shop1', 'shop', 'sh', '']) { \
          q.value = text; const start = performance.now(); \
          q.dispatchEvent(new Event('input', { bubbles: true })); \
          document.body.getBoundingClientRect(); \
          times.push(performance.now() - start); \
          await new Promise((done) => requestAnimationFrame(done)); } \
        return times.sort((a, b) => a - b)[6]; })()";
    page.run(script).await.as_f64().unwrap()
}
