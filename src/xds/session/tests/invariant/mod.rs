//! The order of delivery, as a property: whatever changes, however late a client answers and whatever
//! it refuses, after every single response all that its listeners and routes name is there.

mod client;
mod finds;
mod wanted;

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use proptest::prelude::*;

use super::*;
use crate::xds::wire::Names;
use client::{Client, Manner};
use wanted::Wanted;

/// One thing that happens.
#[derive(Debug, Clone)]
enum Step {
    /// The state changes.
    Change { service: usize, what: What },
    /// The server reads a request.
    Hear,
    /// The server writes a response.
    Say,
    /// The client reads a response.
    Read,
    /// The connection is lost, with all that was under way.
    Reconnect,
}

/// How a service changes.
#[derive(Debug, Clone)]
enum What {
    Presence,
    Cluster {
        bad: bool,
    },
    Endpoints,
    /// Its own listener leads to the cluster of this service, or is gone.
    Listener(Option<usize>),
    /// It is a host in this route configuration, or in none.
    Host(Option<usize>),
    /// The route configuration of this number gets refused, or is mended.
    BadRoutes(usize, bool),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let what = prop_oneof![
        3 => Just(What::Presence),
        2 => prop::bool::weighted(0.3).prop_map(|bad| What::Cluster { bad }),
        1 => Just(What::Endpoints),
        3 => prop::option::of(0..SERVICES).prop_map(What::Listener),
        3 => prop::option::of(0..2usize).prop_map(What::Host),
        1 => (0..2usize, any::<bool>()).prop_map(|(n, bad)| What::BadRoutes(n, bad)),
    ];
    let step = prop_oneof![
        12 => (0..SERVICES, what).prop_map(|(service, what)| Step::Change { service, what }),
        20 => Just(Step::Hear),
        20 => Just(Step::Say),
        20 => Just(Step::Read),
        1 => Just(Step::Reconnect),
    ];
    prop::collection::vec(step, 1..300)
}

const SERVICES: usize = 5;

type Table = BTreeMap<Arc<str>, Arc<Resource>>;

struct World {
    wanted: Wanted,
    talk: Talk,
    client: Client,
    streams: u64,
    /// The stream before, whose end was not noticed: what it was told first is shared with the next.
    lost: Option<Session>,
}

impl World {
    fn new(variant: Variant, manner: Manner) -> Self {
        Self {
            wanted: Wanted::default(),
            talk: Talk::new(variant),
            client: Client::new(variant, manner),
            streams: 1,
            lost: None,
        }
    }

    fn publish(&mut self) {
        self.talk.snapshot = self.wanted.snapshot(&self.talk.snapshot);
        let newest = Arc::new(self.talk.snapshot.clone());
        self.talk.session.update(newest);
    }

    fn hear(&mut self) -> bool {
        let request = self.client.outbox.pop_front();
        request.is_some_and(|request| self.talk.session.request(request, self.talk.now).is_ok())
    }

    fn say(&mut self) -> bool {
        let response = self.talk.session.poll(self.talk.now);
        self.client.inbox.extend(response.clone());
        response.is_some()
    }

    fn step(&mut self, step: &Step) {
        match step {
            Step::Change { service, what } => {
                self.wanted.change(*service, what);
                self.publish();
            }
            Step::Hear => drop(self.hear()),
            Step::Say => drop(self.say()),
            Step::Read => self.client.read(),
            Step::Reconnect => {
                // What a state-of-the-world client has is not known to a new stream, so it may lose a
                // cluster before the routes that name it.
                self.client.unsure |= self.client.variant == Variant::StateOfTheWorld;
                // A cluster whose endpoints were lost on the way takes those that it has.
                let has = &self.client.state[Endpoints as usize];
                self.client.warming.retain(|name| !has.contains_key(name));
                self.streams += 1;
                let (variant, common) = (self.client.variant, self.talk.session.common.clone());
                let session = Session::new(self.streams, variant, None, common);
                self.lost = Some(std::mem::replace(&mut self.talk.session, session));
                self.publish();
                self.client.connect();
            }
        }
    }

    /// Everything that was said is heard and answered, until there is no more to say.
    fn settle(&mut self) {
        for _ in 0..20 {
            let mut rounds = 0;
            while self.hear() || self.say() || !self.client.inbox.is_empty() {
                self.client.read();
                rounds += 1;
                assert!(rounds < 3_000, "no end of responses");
            }
            self.talk.pass(FALLBACK);
        }
    }

    /// The client has everything good that leads to nothing bad; and of what is bad, nothing.
    fn check_what_is_good(&self) {
        let bad = |r: &Resource| String::from_utf8_lossy(&r.body).contains("bad");
        let good = |r: &Resource| {
            let mut clusters = newcomers::clusters(&r.references);
            let snapshot = &self.talk.snapshot;
            !bad(r) && clusters.all(|name| snapshot.get(Cluster, name).is_some_and(|c| !bad(c)))
        };
        for kind in [Cluster, Listener, Routes] {
            let has = &self.client.state[kind as usize];
            assert!(has.values().all(|r| !bad(r)));
            for resource in self.talk.snapshot.iter(kind).filter(|r| good(r)) {
                let wanted = self.client.wants.get(&kind);
                if wanted.is_none_or(|names| names.contains(&resource.name)) {
                    assert_eq!(has.get(&resource.name), Some(resource), "{kind:?}");
                }
            }
        }
    }

    /// The client has what it should, and no more.
    fn check(&self) {
        for kind in [Cluster, Endpoints, Listener, Routes] {
            let has = self.client.state[kind as usize].values();
            let should = self.talk.snapshot.iter(kind);
            let (has, should): (Vec<_>, Vec<_>) = (has.collect(), should.collect());
            assert_eq!(has, should, "{kind:?}");
            let lane = self.talk.session.lane(kind);
            let pending = lane.map_or(0, |lane| lane.ledger.pending().len());
            assert_eq!(pending, 0, "{kind:?} still pending");
            let flights = lane.map_or(0, |lane| lane.ledger.flights().len());
            assert_eq!(flights, 0, "{kind:?} never acknowledged");
        }
        let warming = &self.client.warming;
        assert!(warming.is_empty(), "warming forever: {warming:?}");
    }
}

fn run(variant: Variant, manner: Manner, steps: &[Step]) {
    let mut world = World::new(variant, manner);
    world.publish();
    for step in steps {
        world.step(step);
    }
    end(world, steps);
}

/// Two clients in turn, which are told at first what was made for the other.
fn run_two(variant: Variant, manner: Manner, many: usize, steps: &[Step]) {
    let batches = Batches::from(many);
    let mut worlds = [(); 2].map(|()| {
        let mut world = World::new(variant, manner);
        world.talk.session.common.batches = batches.clone();
        world.publish();
        world
    });
    for (at, step) in steps.iter().enumerate() {
        match step {
            Step::Change { .. } => worlds.iter_mut().for_each(|world| world.step(step)),
            _ => worlds[at % 2].step(step),
        }
    }
    worlds.into_iter().for_each(|world| end(world, steps));
}

fn end(mut world: World, steps: &[Step]) {
    // As much as can be served is served, and what is bad is not sent over and over.
    world.settle();
    if world.client.unsure {
        // It may have said that it has the current version, and have lost some of that by a response that it
        // refused since: the next puts that right.
        world.wanted.renew();
        world.publish();
        world.settle();
    }
    let refusals = world.client.refusals;
    assert!(refusals <= 10 * steps.len(), "{refusals} refusals");
    world.check_what_is_good();
    world.settle();
    assert_eq!(
        world.client.refusals, refusals,
        "it is sent again and again"
    );
    world.wanted.mend();
    if world.client.unsure {
        // It may have said that it has the current version, and have a part of a refused one as well.
        world.wanted.renew();
    }
    world.publish();
    world.settle();
    world.check();
}

fn manners() -> impl Strategy<Value = Manner> {
    prop_oneof![Just(Manner::Each), Just(Manner::Whole), Just(Manner::UpTo)]
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 100,
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn a_delta_client_never_leads_nowhere(manner in manners(), steps in steps()) {
        run(Variant::Delta, manner, &steps);
    }

    #[test]
    fn a_sotw_client_never_leads_nowhere(manner in manners(), steps in steps()) {
        let stays = steps.iter().filter(|step| !matches!(step, Step::Reconnect));
        run(Variant::StateOfTheWorld, manner, &stays.cloned().collect::<Vec<_>>());
    }

    #[test]
    fn two_clients_of_one_server_lead_nowhere_neither(
        variant in prop_oneof![Just(Variant::Delta), Just(Variant::StateOfTheWorld)],
        manner in manners(),
        many in prop_oneof![Just(1_usize), Just(FEW), Just(64)],
        steps in steps(),
    ) {
        run_two(variant, manner, many, &steps);
    }

    #[test]
    fn a_sotw_client_that_reconnects_has_everything_in_the_end(
        manner in manners(),
        steps in steps(),
    ) {
        run(Variant::StateOfTheWorld, manner, &steps);
    }
}
