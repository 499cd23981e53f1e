//! Answers: what becomes of a response that a client accepted or refused.

use std::sync::Arc;
use std::time::Instant;

use super::Session;
use super::flight::{Flight, Item};
use super::has::Has;
use super::newcomers::endpoints;
use super::refusal;
use super::search::Rules;
use crate::envoy::refusal_text::{own, shortened};
use crate::envoy::{ResourceType, Variant, Version};
use crate::xds::wire::ErrorDetail;
use crate::xds::{Event, Refusal};

impl Session {
    /// A response was accepted or refused, after the names in the same request were looked at, so that
    /// those know what was under way. A refusal is the presence of an error, whatever version the
    /// request repeats.
    pub(super) fn answered(
        &mut self,
        kind: ResourceType,
        nonce: &str,
        error: Option<&ErrorDetail>,
        now: Instant,
    ) {
        let in_order = self.stream.variant == Variant::StateOfTheWorld;
        let Some(lane) = self.lane_mut(kind) else {
            return;
        };
        let mut flights = lane.ledger.land(nonce, in_order);
        let Some(last) = flights.pop() else {
            return;
        };
        if let Some(error) = error {
            return self.refused(kind, last.with_unanswered(flights), &error.message, now);
        }
        for flight in flights {
            self.accepted(kind, flight, now);
        }
        if let Some(lane) = self.lane_mut(kind) {
            lane.ledger.takes_after_all(&last);
            lane.forget_mended();
        }
        self.accepted(kind, last, now);
    }

    fn accepted(&mut self, kind: ResourceType, flight: Flight, now: Instant) {
        if let Some(lane) = self.lane_mut(kind) {
            lane.ledger.accepted();
        }
        self.tell(&Event::Accepted {
            kind,
            version: flight.version,
            nonce: &flight.nonce,
            after: now.saturating_duration_since(flight.sent_at),
        });
        if kind == ResourceType::Cluster {
            self.newcomers.accepted_all(&flight, now);
        }
    }

    fn refused(&mut self, kind: ResourceType, flight: Flight, text: &str, now: Instant) {
        let full = self.is_whole(kind);
        let (view, newcomers, lanes) = (&self.view, &mut self.newcomers, &mut self.lanes);
        let Some(lane) = lanes[kind as usize].as_mut() else {
            return;
        };
        let sequence = flight.sequence;
        let mut refusal = Refusal {
            kind,
            version: flight.version,
            nonce: flight.nonce.clone(),
            text: text.to_owned(),
            names: flight.items.iter().map(|item| item.name.clone()).collect(),
            suspects: Vec::new(),
            certain: false,
            content: Version::from_number(0),
        };
        let only_removes = !flight.items.iter().any(Item::is_news);
        let named = flight.items.iter();
        let named = named.filter(|item| only_removes || !item.sent.is_nothing());
        let reading = refusal::read(text, named.map(|item| &item.name));
        let subscription = &lane.subscription;
        let rules = Rules {
            full,
            partial: kind.is_full_state(),
            may_pass: refusal::may_pass(text),
            prompt: self.is_envoy || reading.is_envoys,
            wanted: &|name| subscription.wants(name),
            target: &|name| view.get(kind, name).map(|resource| resource.version),
        };
        let outcome = lane.ledger.refused(flight, &reading, &rules, now);
        lane.owes_answer |= full && outcome.is_news && rules.prompt;
        // A later response may bring what this one did not, and the endpoints sent since came before that.
        let mut due = Vec::new();
        if kind == ResourceType::Cluster {
            let suspects = outcome.suspects.iter().filter(|_| full);
            let repeated = suspects.filter(|item| !lane.ledger.keeps_back(&item.name));
            for item in repeated {
                if let Has::Resource(sent) = &item.sent {
                    due.extend(endpoints(&sent.references).cloned());
                }
            }
            for item in &outcome.taken {
                newcomers.took(item, sequence, now);
            }
            let refused = outcome.culprits.iter().chain(&outcome.suspects);
            // What a later response repeats is under way still.
            let is_over = |name: &str| lane.ledger.keeps_back(name) || !subscription.wants(name);
            for item in refused.filter(|item| is_over(&item.name)) {
                match item.had {
                    Has::Nothing => newcomers.lacks(&item.name, item.sent.resource(), sequence),
                    // It has what it had.
                    _ => newcomers.accepted(&item.name, sequence, now),
                }
            }
        }
        refusal.certain = !outcome.culprits.is_empty();
        let suspects = match refusal.certain {
            true => &outcome.culprits,
            false => &outcome.suspects,
        };
        let words: Arc<str> = shortened(text).into();
        let mut content = blake3::Hasher::new();
        for item in suspects.iter().filter(|item| outcome.blames(item)) {
            let version = item.sent.resource().map(|sent| sent.version);
            match version {
                Some(version) => content.update(&version.get().to_be_bytes()),
                None => content.update(item.name.as_bytes()),
            };
            lane.ledger.search.tell(&item.name);
            // Of one of many that are refused at once, its own reason is kept.
            let own = match refusal.certain {
                true => own(text, &item.name),
                false => text,
            };
            match own.len() < text.len() {
                true => lane.complain(&item.name, version, &shortened(own).into(), now),
                false => lane.complain(&item.name, version, &words, now),
            }
            refusal.suspects.push(item.name.clone());
        }
        lane.forget_mended();
        refusal.content = Version::of(content.finalize().as_bytes());
        self.send_endpoints(&due);
        self.tell(&Event::Refused(&refusal));
    }
}
