//! Requests: subscriptions, acknowledgements and refusals.

use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;
use foldhash::HashMap;

use super::has::Has;
use super::lane::{Claim, Lane};
use super::shared::Shared;
use super::subscription::{BadName, Shift};
use super::{BadRequest, STRAYS, Session};
use crate::envoy::Variant;
use crate::envoy::{ResourceType, Version};
use crate::xds::Event;
use crate::xds::wire::{DeltaRequest, Node, Request, Resources, Response, SotwRequest};

/// What Envoy calls itself in `node.user_agent_name`.
const ENVOY: &str = "envoy";

/// How much of a client's name is kept, in bytes: it is in every line that is logged of the client.
const LONGEST_NAME: usize = 256;

/// What a delta client has from an earlier stream: versions by name.
type Initial = HashMap<Bytes, Option<Version>>;

impl From<BadName> for BadRequest {
    fn from(_: BadName) -> Self {
        Self::BadName
    }
}

impl Session {
    /// The client wrote. An error ends the stream.
    pub fn request(&mut self, request: Request, now: Instant) -> Result<(), BadRequest> {
        self.open(request.node())?;
        let got = match request {
            Request::Sotw(_) => Variant::StateOfTheWorld,
            Request::Delta(_) => Variant::Delta,
        };
        let expected = self.stream.variant;
        if got != expected {
            return Err(BadRequest::ForeignVariant { expected, got });
        }
        let kind = self.kind(request.type_url())?;
        match (kind, request) {
            (Some(kind), Request::Sotw(request)) => self.sotw(kind, &request, now),
            (Some(kind), Request::Delta(request)) => self.delta(kind, request, now),
            (None, Request::Sotw(_)) => Ok(()),
            (None, Request::Delta(request)) => self.stray(&request),
        }
    }

    fn open(&mut self, node: Option<&Node>) -> Result<(), BadRequest> {
        if self.opened {
            return Ok(());
        }
        let node = node.ok_or(BadRequest::NoNode)?;
        self.stream.node = clipped(&node.id).into();
        self.stream.gateway = clipped(&node.cluster).into();
        self.is_envoy = node.user_agent_name == ENVOY;
        self.opened = true;
        self.tell(&Event::Opened);
        Ok(())
    }

    /// The type that a request is about; `None` for one that is not served.
    fn kind(&self, type_url: &str) -> Result<Option<ResourceType>, BadRequest> {
        match self.stream.scope {
            None if type_url.is_empty() => Err(BadRequest::NoType),
            None => Ok(ResourceType::from_type_url(type_url)),
            Some(scope) if type_url.is_empty() || type_url == scope.type_url() => Ok(Some(scope)),
            Some(scope) => Err(BadRequest::ForeignType {
                expected: scope.type_url(),
                got: type_url.to_owned(),
            }),
        }
    }

    /// A delta request about a type that is not served: nothing of it exists.
    fn stray(&mut self, request: &DeltaRequest) -> Result<(), BadRequest> {
        let names: Result<Vec<Arc<str>>, _> = request
            .resource_names_subscribe
            .iter()
            .filter(|name| *name != "*")
            .map(|name| std::str::from_utf8(name).map(Arc::from))
            .collect();
        let removed = names.map_err(|_| BadRequest::BadName)?;
        if !removed.is_empty() && self.strays.len() < STRAYS {
            let response = Response {
                variant: Variant::Delta,
                type_url: request.type_url.clone().into(),
                version: Version::from_number(0),
                nonce: self.next_nonce(),
                resources: Resources::default(),
                removed,
                identifier: self.common.identifier.clone(),
            };
            self.strays.push_back(response);
        }
        Ok(())
    }

    fn sotw(
        &mut self,
        kind: ResourceType,
        request: &SotwRequest,
        now: Instant,
    ) -> Result<(), BadRequest> {
        let nonce = &request.response_nonce;
        let first = self.lane(kind).is_none();
        if first {
            // The nonce of a type's first request is that of an earlier stream.
            let claim = match &request.error_detail {
                None => Claim::of(&request.version_info),
                // It may have taken a part of what it refused, whichever version it names.
                Some(_) => Claim::Earlier(None),
            };
            self.lanes[kind as usize] = Some(Lane::new(claim, now));
        }
        let Some((lane, interner)) = self.lane_and_names(kind) else {
            return Ok(());
        };
        if first || nonce.is_empty() || lane.last_nonce.as_ref() == Some(nonce) {
            let names = &request.resource_names;
            let shift = lane.subscription.replace(names, &interner)?;
            self.shift(kind, &shift, Initial::default());
        } else {
            // A newer response is under way: the names that answer it are the ones that count.
            // But the client may have thrown away what it had under the names that are missing here; and under
            // those that are back, it will have what is under way.
            let overlooked = lane.subscription.overlook(&request.resource_names);
            for name in &overlooked.missing {
                lane.ledger.forget(name);
            }
            for name in &overlooked.back {
                let coming = lane.ledger.coming(name);
                lane.ledger.touch(name, coming);
            }
        }
        if !first {
            self.answered(kind, nonce, request.error_detail.as_ref(), now);
        }
        Ok(())
    }

    fn delta(
        &mut self,
        kind: ResourceType,
        request: DeltaRequest,
        now: Instant,
    ) -> Result<(), BadRequest> {
        let first = self.lane(kind).is_none();
        let mut initial = Initial::default();
        if first {
            let claim = if request.initial_resource_versions.is_empty() {
                Claim::Nothing
            } else {
                Claim::Earlier(None)
            };
            self.lanes[kind as usize] = Some(Lane::new(claim, now));
            initial = request
                .initial_resource_versions
                .into_iter()
                .map(|has| (has.name, Version::parse(&has.version)))
                .collect();
        }
        let Some((lane, interner)) = self.lane_and_names(kind) else {
            return Ok(());
        };
        let shift = lane.subscription.adjust(
            first,
            &request.resource_names_subscribe,
            &request.resource_names_unsubscribe,
            &interner,
        )?;
        self.shift(kind, &shift, initial);
        if !first {
            let nonce = &request.response_nonce;
            self.answered(kind, nonce, request.error_detail.as_ref(), now);
        }
        Ok(())
    }

    /// A type's lane, and who keeps the names that requests about it carry.
    fn lane_and_names(&mut self, kind: ResourceType) -> Option<(&mut Lane, Shared<'_>)> {
        let names = Shared {
            kind,
            view: &self.view,
            newcomers: &self.newcomers,
            batches: &self.common.batches,
        };
        let lane = self.lanes[kind as usize].as_mut()?;
        Some((lane, names))
    }

    /// Does what a change of a subscription asks for.
    fn shift(&mut self, kind: ResourceType, shift: &Shift, mut initial: Initial) {
        let in_one = self.is_whole(kind);
        let (view, newcomers) = (&self.view, &self.newcomers);
        let Some(lane) = self.lanes[kind as usize].as_mut() else {
            return;
        };
        let (subscription, ledger) = (&lane.subscription, &mut lane.ledger);
        let wildcard = subscription.is_wildcard();
        // What the client has of a name that it asked for before.
        let had = |name: &str| Has::sent(view.get(kind, name));

        if shift.was_wildcard && !wildcard {
            ledger.retain(|name| subscription.lists(name));
            lane.first.clear();
            // There is no everything to tell any more; what repairs a refused response is owed still.
            lane.owes_answer &= in_one && lane.answered;
        }
        if !shift.dropped.is_empty() {
            // It is no client that just connected any more, and what it was told may be unwanted.
            lane.first.clear();
        }
        for name in &shift.dropped {
            if wildcard {
                // It is still wanted, but the client cannot know whether it still exists.
                ledger.demand(name, had(name));
            } else {
                ledger.forget(name);
            }
        }
        let claims_nothing = initial.is_empty() && !shift.was_wildcard;
        let batches = &self.common.batches;
        let list = shift.asked_list.as_ref();
        let is_at_once = claims_nothing && !in_one && ledger.nothing_is_abandoned();
        if let Some(list) = list.filter(|_| is_at_once) {
            let wanted = batches.listed(kind, view, list);
            ledger.want_batches(&wanted);
            lane.first.push(wanted);
        }
        let list = list
            .filter(|_| !is_at_once)
            .map_or(&[][..], |list| list.names());
        for asked in [list, &shift.asked] {
            if claims_nothing {
                ledger.demand_all(asked);
                continue;
            }
            for name in asked {
                match initial.remove(name.as_bytes()) {
                    Some(version) if newcomers.owes(name) => {
                        ledger.demand(name, Has::Earlier(version))
                    }
                    Some(version) => ledger.touch(name, Has::Earlier(version)),
                    None if shift.was_wildcard => ledger.demand(name, had(name)),
                    None => {
                        let coming = ledger.coming(name);
                        ledger.demand(name, coming)
                    }
                };
            }
        }
        for name in &shift.asked_again {
            ledger.demand(name, had(name));
        }
        if shift.asks_all {
            lane.owes_answer = initial.is_empty();
            let listed = subscription.names().next();
            let has_nothing = claims_nothing && listed.is_none() && ledger.is_blank();
            // Of endpoints, those that are due must be told even if they are gone.
            let is_alike = kind != ResourceType::Endpoints || newcomers.is_empty();
            let everything = has_nothing && is_alike;
            let everything = everything.then(|| batches.everything(kind, view, in_one));
            if let Some(wanted) = everything.flatten() {
                ledger.want_batches(&wanted);
                lane.first.push(wanted);
            } else if has_nothing {
                let names = view.iter(kind).map(|resource| &resource.name);
                ledger.want_all(names, |name| newcomers.owes(name));
            }
            for resource in view.iter(kind).filter(|_| !has_nothing) {
                let name = &resource.name;
                let pending = match initial.remove(name.as_bytes()) {
                    Some(version) => ledger.touch(name, Has::Earlier(version)),
                    None if shift.was_wildcard || subscription.lists(name) => {
                        ledger.touch(name, Has::sent(Some(resource)))
                    }
                    None => ledger.touch(name, Has::Nothing),
                };
                pending.demanded |= shift.was_wildcard || newcomers.owes(name);
            }
            // What is left over is gone, or not known yet.
            for (name, version) in initial {
                if let Ok(name) = std::str::from_utf8(&name) {
                    ledger.touch(&name.into(), Has::Earlier(version));
                }
            }
        }
        if self.live {
            lane.recall(kind, view);
        }
    }
}

/// The beginning of a client's name.
fn clipped(name: &str) -> &str {
    let end = name
        .char_indices()
        .map(|(at, letter)| at + letter.len_utf8());
    let end = end.take_while(|end| *end <= LONGEST_NAME).last();
    name.get(..end.unwrap_or(0)).unwrap_or(name)
}
