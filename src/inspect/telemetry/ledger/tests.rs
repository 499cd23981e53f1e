#![allow(clippy::unwrap_used)]

use bytes::Bytes;

use super::*;
use crate::envoy::Resource;
use crate::envoy::Variant;

const KIND: ResourceType = ResourceType::Cluster;

/// A ledger, a clock, and one Envoy.
struct Book {
    ledger: Ledger,
    snapshot: Snapshot,
    now: Instant,
    stream: Stream,
    nonces: u64,
}

impl Book {
    fn new() -> Self {
        Self {
            ledger: Ledger::default(),
            snapshot: Snapshot::default(),
            now: Instant::now(),
            nonces: 0,
            stream: Stream {
                id: 7,
                node: "node1".into(),
                gateway: "envoy".into(),
                variant: Variant::Delta,
                scope: None,
                transport: "unix".into(),
            },
        }
    }

    fn wait(&mut self, millis: u64) {
        self.now += Duration::from_millis(millis);
    }

    fn publish(&mut self, name: &str, content: &str) {
        let body = Bytes::copy_from_slice(content.as_bytes());
        self.snapshot
            .put(Resource::new(KIND, name, body, Vec::new()));
        let at = SystemTime::UNIX_EPOCH;
        self.ledger.publishing(&self.snapshot, self.now, at);
    }

    fn tell(&mut self, event: &Event<'_>) {
        let now = (self.now, SystemTime::UNIX_EPOCH);
        self.ledger.observe(&self.stream, event, now);
    }

    /// Sends the state of now.
    fn send(&mut self) -> String {
        self.nonces += 1;
        let nonce = self.nonces.to_string();
        let version = self.snapshot.version(KIND);
        self.tell(&Event::Sent {
            kind: KIND,
            version,
            nonce: &nonce,
            resources: 1,
            removed: 0,
            bytes: 100,
        });
        nonce
    }

    fn accept(&mut self, nonce: &str) {
        self.tell(&Event::Accepted {
            kind: KIND,
            version: self.snapshot.version(KIND),
            nonce,
            after: Duration::from_millis(1),
        });
    }

    fn refuse(&mut self, nonce: &str, name: &str) {
        self.refuse_saying(nonce, name, "no");
    }

    fn refuse_saying(&mut self, nonce: &str, name: &str, text: &str) {
        let refusal = xds::Refusal {
            kind: KIND,
            version: self.snapshot.version(KIND),
            nonce: nonce.into(),
            text: text.into(),
            names: vec![name.into()],
            suspects: vec![name.into()],
            certain: true,
            content: self.snapshot.version(KIND),
        };
        self.tell(&Event::Refused(&refusal));
    }

    fn clear(&mut self, name: &str) {
        self.tell(&Event::Cleared { kind: KIND, name });
    }

    fn refusals(&self) -> usize {
        self.report().envoys[0].refusals().count()
    }

    fn report(&self) -> Report {
        self.ledger.report(self.now)
    }
}

#[test]
fn of_a_long_text_what_concerns_a_resource_is_kept() {
    let mut book = Book::new();
    book.tell(&Event::Opened);
    let noise = "x".repeat(10_000);
    let text = format!(
        "Error adding/updating cluster(s) a.expose#0: {noise}, b.expose#0: bad ring, c.expose#0: {noise}"
    );
    for name in ["a.expose#0", "b.expose#0", "d.expose#0"] {
        book.publish(name, name);
        let nonce = book.send();
        book.refuse_saying(&nonce, name, &text);
    }
    let report = book.report();
    let kept: Vec<_> = report.envoys[0]
        .refusals()
        .map(|(_, refusal)| &*refusal.text)
        .collect();
    assert!(kept[0].starts_with("xxx"), "{}", kept[0]);
    assert_eq!(kept[1], "bad ring");
    assert!(kept[2].starts_with("Error adding"), "{}", kept[2]);
    assert!(kept.iter().all(|text| text.len() < 5000));
}

#[test]
fn a_change_is_timed_from_the_event_to_the_acknowledgement() {
    let mut book = Book::new();
    book.tell(&Event::Opened);
    book.publish("a", "1");
    book.wait(2);
    let nonce = book.send();
    book.wait(3);
    book.accept(&nonce);
    let report = book.report();
    let acknowledged = &report.changes[0].acknowledged;
    assert_eq!(acknowledged[0].after, Duration::from_millis(5));
    assert_eq!(report.of(KIND).event_to_ack.count, 1);
    assert_eq!(report.spread(&report.changes[0]), (1, 0));
}

#[test]
fn one_acknowledgement_stands_for_every_change_that_it_carries() {
    let mut book = Book::new();
    book.tell(&Event::Opened);
    for content in ["1", "2", "3"] {
        book.publish("a", content);
    }
    let nonce = book.send();
    book.accept(&nonce);
    assert_eq!(book.report().of(KIND).event_to_ack.count, 3);
}

/// What was published while nobody was there is old news to whoever comes.
#[test]
fn an_envoy_that_connects_is_not_late_for_what_was_before() {
    let mut book = Book::new();
    book.publish("a", "1");
    book.wait(3_600_000);
    book.tell(&Event::Opened);
    let nonce = book.send();
    book.accept(&nonce);
    let report = book.report();
    assert_eq!(report.of(KIND).event_to_ack.count, 0);
    assert_eq!(report.spread(&report.changes[0]), (0, 0));
}

#[test]
fn an_envoy_that_owes_an_answer_lags() {
    let mut book = Book::new();
    book.tell(&Event::Opened);
    book.publish("a", "1");
    let nonce = book.send();
    book.wait(700);
    let report = book.report();
    assert_eq!(report.lag(&report.envoys[0]), Duration::from_millis(700));
    assert_eq!(report.spread(&report.changes[0]), (0, 1));
    book.accept(&nonce);
    let report = book.report();
    assert_eq!(report.lag(&report.envoys[0]), Duration::ZERO);
}

#[test]
fn a_refusal_lasts_until_it_is_cleared() {
    let mut book = Book::new();
    book.tell(&Event::Opened);
    book.publish("a", "bad");
    let nonce = book.send();
    book.refuse(&nonce, "a");
    assert_eq!(book.refusals(), 1);
    // Something else changes and is accepted: that mends nothing.
    book.publish("b", "1");
    let nonce = book.send();
    book.accept(&nonce);
    assert_eq!(book.refusals(), 1);
    book.publish("a", "good");
    assert_eq!(book.refusals(), 1, "not before the Envoy says so");
    let nonce = book.send();
    book.accept(&nonce);
    book.clear("a");
    assert_eq!(book.refusals(), 0);
    assert_eq!(book.report().of(KIND).refused["node1"], 1);
}

#[test]
fn an_envoy_that_leaves_takes_its_refusals_along() {
    let mut book = Book::new();
    book.tell(&Event::Opened);
    book.publish("a", "bad");
    let nonce = book.send();
    book.refuse(&nonce, "a");
    book.tell(&Event::Closed);
    assert!(book.report().envoys.is_empty());
}

#[test]
fn the_book_does_not_grow_for_ever() {
    let mut book = Book::new();
    book.tell(&Event::Opened);
    for n in 0..1000 {
        book.publish("a", &n.to_string());
        book.stream.node = format!("node{n}").into();
        let nonce = book.send();
        book.refuse(&nonce, "a");
    }
    let report = book.report();
    assert_eq!(report.changes.len(), CHANGES);
    assert_eq!(report.changes[0].number, 1000);
    assert!(report.of(KIND).refused.len() <= NODES + 1);
    assert_eq!(book.refusals(), 1);
}
