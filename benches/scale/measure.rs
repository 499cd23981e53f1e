//! What is measured at one size.

use std::time::{Duration, Instant};

use tokio::task::LocalSet;
use tokio::time::sleep;

use super::Outcome;
use super::client::Arrival;
use super::cluster::{Kind, kind};
use super::process::Memory;
use super::rig::{Cost, Floor, Rig, Subject, settled};
use super::wire::{Type, Variant};

/// The time between two changes, in which the server comes to rest: a change costs what it costs
/// alone, with every wake-up.
const PACE: Duration = Duration::from_millis(4);

/// How many messages a busy daemon writes in a row.
const BURST: usize = 100;

/// How much is measured.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Effort {
    /// Changes in a row.
    pub(crate) changes: usize,
    /// Rows.
    pub(crate) rounds: usize,
}

/// What changes cost.
#[derive(Debug, Clone, Default)]
pub(crate) struct Changes {
    /// Processor time per change: the median of the rounds.
    pub(crate) cpu: Duration,
    /// The bare stream's in turns with it: the median of the rounds.
    pub(crate) floor: Duration,
    /// The median of the rounds' ratios.
    pub(crate) ratio: f64,
    /// The length of a response.
    pub(crate) bytes: f64,
    /// What a client reads from its socket per change, framing included.
    pub(crate) socket_bytes: f64,
    /// From before the event was written to after the last client read its response.
    pub(crate) p50: Duration,
    /// The same: the least p99 of the rounds.
    pub(crate) p99: Duration,
    /// The bare stream's p99.
    pub(crate) floor_p99: Duration,
}

/// Everything at one size.
#[derive(Debug, Clone, Default)]
pub(crate) struct Size {
    pub(crate) services: usize,
    /// The length of the daemon's state.
    pub(crate) status_bytes: usize,
    pub(crate) ready: Cost,
    pub(crate) reread: Duration,
    pub(crate) cold_delta_1: Cost,
    pub(crate) cold_delta_10: Cost,
    pub(crate) cold_sotw_1: Cost,
    pub(crate) cold_sotw_10: Cost,
    pub(crate) delta_1: Changes,
    pub(crate) delta_10: Changes,
    pub(crate) sotw_1: Changes,
    pub(crate) sotw_10: Changes,
    /// A message about nothing that is watched, alone.
    pub(crate) irrelevant: Duration,
    pub(crate) irrelevant_bytes: u64,
    /// The same among others, each written as soon as the one before.
    pub(crate) irrelevant_burst: Duration,
    pub(crate) add_port: Move,
    pub(crate) remove_port: Move,
    pub(crate) add_host: Move,
    pub(crate) remove_host: Move,
    /// With nobody connected.
    pub(crate) memory_idle: Memory,
    /// After ten clients connected, and what followed.
    pub(crate) memory: Memory,
    /// After all but ten services are gone, with the clients still there.
    pub(crate) memory_after: Memory,
}

/// A service that came or went, with one client.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Move {
    /// Processor time.
    pub(crate) cpu: Duration,
    /// How many resources were sent.
    pub(crate) resources: f64,
    /// How many were removed.
    pub(crate) removed: f64,
    /// How many bytes the responses had.
    pub(crate) bytes: f64,
}

/// Measures at one size.
pub(crate) async fn size(services: usize, effort: Effort, subject: &Subject) -> Outcome<Size> {
    LocalSet::new()
        .run_until(async { measure(services, effort, subject).await })
        .await
}

async fn measure(services: usize, effort: Effort, subject: &Subject) -> Outcome<Size> {
    let mut rig = Rig::start(services, subject).await?;
    let mut size = Size {
        services,
        status_bytes: rig.daemon.cluster(|cluster| cluster.status().len()),
        ready: rig.ready,
        reread: rig.reread,
        memory_idle: rig.server.memory()?,
        ..Size::default()
    };
    size.cold_sotw_1 = rig.connect(1, Variant::Sotw).await?;
    size.sotw_1 = changes(&mut rig, effort).await?;
    rig.disconnect().await?;
    size.cold_sotw_10 = rig.connect(10, Variant::Sotw).await?;
    size.sotw_10 = changes(&mut rig, effort).await?;
    rig.disconnect().await?;
    size.cold_delta_1 = rig.connect(1, Variant::Delta).await?;
    size.delta_1 = changes(&mut rig, effort).await?;
    (size.irrelevant, size.irrelevant_bytes) = irrelevant(&mut rig, 1, effort).await?;
    (size.irrelevant_burst, _) = irrelevant(&mut rig, BURST, effort).await?;
    (size.add_port, size.remove_port) = comings(&mut rig, Kind::Port, effort).await?;
    (size.add_host, size.remove_host) = comings(&mut rig, Kind::Host, effort).await?;
    rig.disconnect().await?;
    size.cold_delta_10 = rig.connect(10, Variant::Delta).await?;
    size.delta_10 = changes(&mut rig, effort).await?;
    size.memory = rig.server.memory()?;
    size.memory_after = scale_down(&mut rig).await?;
    Ok(size)
}

/// Shows that the measuring works: a little of everything, and what must hold in any run.
pub(crate) async fn smoke(services: usize, subject: &Subject) -> Outcome<()> {
    let effort = Effort {
        changes: 4,
        rounds: 1,
    };
    let smoke = async {
        let mut rig = Rig::start(services, subject).await?;
        rig.connect(2, Variant::Sotw).await?;
        let sotw = changes(&mut rig, effort).await?;
        rig.disconnect().await?;
        rig.connect(2, Variant::Delta).await?;
        let delta = changes(&mut rig, effort).await?;
        let (_, bytes) = irrelevant(&mut rig, BURST, effort).await?;
        let (came, went) = comings(&mut rig, Kind::Port, effort).await?;
        let met = sotw.bytes <= 300.0 && delta.bytes <= 300.0 && bytes == 0;
        // Two clients: a cluster, its endpoints and its listener each.
        let own = (came.resources, came.removed, went.resources) == (6.0, 0.0, 0.0);
        match met && own {
            true => Ok(()),
            false => Err(format!(
                "more was sent than changed: {sotw:?} {delta:?} {came:?} {went:?}"
            )
            .into()),
        }
    };
    LocalSet::new().run_until(smoke).await
}

/// Endpoint changes, one after the other, in turns with the floor.
async fn changes(rig: &mut Rig, effort: Effort) -> Outcome<Changes> {
    let services = rig.daemon.cluster(|cluster| cluster.len());
    let mut next = 0..;
    let mut service = || next.next().map_or(0, |n: usize| n * 7919 % services);
    // The first tells how long a response is.
    let first = change(rig, service()).await?;
    let bytes = mean(first.iter().map(|arrival| arrival.bytes as f64));
    let mut floor = Floor::start(rig.clients.len(), bytes as usize).await?;
    let mut measured = Vec::new();
    while measured.len() < effort.rounds {
        let readings = rig.daemon.readings();
        let mut round = Changes::default();
        let mut latencies = Vec::new();
        let (mut sent, sockets) = (0, rig.socket_bytes());
        let cpu = rig.server.cpu()?;
        for _ in 0..effort.changes {
            let began = Instant::now();
            let arrivals = change(rig, service()).await?;
            latencies.push(last(arrivals.iter().map(|a| a.at)) - began);
            sent += arrivals.iter().map(|a| a.bytes).sum::<usize>();
            sleep(PACE).await;
        }
        round.cpu = (rig.server.cpu()?.saturating_sub(cpu)) / u32::try_from(effort.changes)?;
        let per_client = (effort.changes * rig.clients.len()) as f64;
        round.bytes = sent as f64 / per_client;
        round.socket_bytes = (rig.socket_bytes() - sockets) as f64 / per_client;
        (round.p50, round.p99) = quantiles(&mut latencies);
        latencies.clear();
        let cpu = floor.server.cpu()?;
        for _ in 0..effort.changes {
            let began = Instant::now();
            let message = floor.daemon.change(|cluster| cluster.move_endpoint(7));
            floor.daemon.say(&message).await?;
            latencies.push(last(floor.everybody().await?.into_iter()) - began);
            sleep(PACE).await;
        }
        round.floor = (floor.server.cpu()?.saturating_sub(cpu)) / u32::try_from(effort.changes)?;
        (_, round.floor_p99) = quantiles(&mut latencies);
        round.ratio = round.cpu.as_secs_f64() / round.floor.as_secs_f64();
        // A periodic reading of the whole state is a row of its own.
        if rig.daemon.readings() == readings {
            measured.push(round);
        }
    }
    let of = |get: fn(&Changes) -> Duration| median(measured.iter().map(get).collect());
    let least = |get: fn(&Changes) -> Duration| measured.iter().map(get).min().unwrap_or_default();
    let mut ratios: Vec<f64> = measured.iter().map(|round| round.ratio).collect();
    ratios.sort_by(f64::total_cmp);
    Ok(Changes {
        cpu: of(|round| round.cpu),
        floor: of(|round| round.floor),
        ratio: ratios.get(ratios.len() / 2).copied().unwrap_or_default(),
        bytes: mean(measured.iter().map(|round| round.bytes)),
        socket_bytes: mean(measured.iter().map(|round| round.socket_bytes)),
        p50: least(|round| round.p50),
        p99: least(|round| round.p99),
        floor_p99: least(|round| round.floor_p99),
    })
}

/// One endpoint change, until every client read it.
async fn change(rig: &mut Rig, service: usize) -> Outcome<Vec<Arrival>> {
    let message = rig.daemon.change(|cluster| cluster.move_endpoint(service));
    rig.daemon.say(&message).await?;
    let arrivals = rig.everybody(Type::Endpoints).await?;
    match arrivals
        .iter()
        .find(|a| (a.kind, a.resources) != (Type::Endpoints, 1))
    {
        Some(other) => Err(format!("an endpoint changed, and this was sent: {other:?}").into()),
        None => Ok(arrivals),
    }
}

/// Messages about nothing that is watched, a few in a row each time. Returns what one takes, and how many
/// bytes came of all.
async fn irrelevant(rig: &mut Rig, in_a_row: usize, effort: Effort) -> Outcome<(Duration, u64)> {
    let mut costs = Vec::new();
    let mut bytes = 0;
    while costs.len() < effort.rounds {
        let readings = rig.daemon.readings();
        let before = rig.socket_bytes();
        let cpu = rig.server.cpu()?;
        for _ in 0..effort.changes {
            for _ in 0..in_a_row {
                let message = rig.daemon.change(|cluster| cluster.noise());
                rig.daemon.say(&message).await?;
            }
            sleep(PACE).await;
        }
        let messages = u32::try_from(effort.changes * in_a_row)?;
        let cost = rig.server.cpu()?.saturating_sub(cpu) / messages;
        if rig.daemon.readings() == readings {
            costs.push(cost);
            bytes += rig.socket_bytes() - before;
        }
    }
    Ok((median(costs), bytes))
}

/// Services of a kind that come, and go again.
async fn comings(rig: &mut Rig, wanted: Kind, effort: Effort) -> Outcome<(Move, Move)> {
    let services = rig.daemon.cluster(|cluster| cluster.len());
    let new: Vec<usize> = (services..)
        .filter(|service| kind(*service) == wanted)
        .take(effort.changes.div_ceil(4))
        .collect();
    let mut came = Vec::new();
    let mut went = Vec::new();
    while came.len() < effort.rounds {
        let readings = rig.daemon.readings();
        let mut come = Move::default();
        let mut go = Move::default();
        for service in &new {
            let message = rig.daemon.change(|cluster| cluster.add(*service));
            moved(rig, &message, &mut come).await?;
        }
        for service in &new {
            let message = rig.daemon.change(|cluster| cluster.remove(*service));
            moved(rig, &message, &mut go).await?;
        }
        if rig.daemon.readings() == readings {
            came.push(come.each(new.len()));
            went.push(go.each(new.len()));
        }
    }
    let middle = |moves: &mut Vec<Move>| {
        moves.sort_by_key(|m| m.cpu);
        moves.get(moves.len() / 2).copied().unwrap_or_default()
    };
    Ok((middle(&mut came), middle(&mut went)))
}

/// Sends a message, and adds up what came of it until nothing more does.
async fn moved(rig: &mut Rig, message: &[u8], sum: &mut Move) -> Outcome<()> {
    let before = rig.server.cpu()?;
    rig.daemon.say(message).await?;
    let mut last = before;
    loop {
        sleep(Duration::from_millis(30)).await;
        let now = rig.server.cpu()?;
        if now == last && now != before {
            break;
        }
        last = now;
    }
    sum.cpu += last.saturating_sub(before);
    while let Ok(arrival) = rig.arrivals.try_recv() {
        sum.resources += arrival.resources as f64;
        sum.removed += arrival.removed as f64;
        sum.bytes += arrival.bytes as f64;
    }
    Ok(())
}

impl Move {
    fn each(self, count: usize) -> Self {
        Self {
            cpu: self.cpu.div_f64(count as f64),
            resources: self.resources / count as f64,
            removed: self.removed / count as f64,
            bytes: self.bytes / count as f64,
        }
    }
}

/// Removes all but ten services, until every client knows, and gives the server a moment.
async fn scale_down(rig: &mut Rig) -> Outcome<Memory> {
    let (services, ports) = rig
        .daemon
        .cluster(|cluster| (cluster.len(), cluster.count(Kind::Port)));
    for service in 10..services {
        let message = rig.daemon.change(|cluster| cluster.remove(service));
        rig.daemon.say(&message).await?;
    }
    let (left, left_ports) = rig
        .daemon
        .cluster(|cluster| (cluster.len(), cluster.count(Kind::Port)));
    // Each loses clusters, and the listeners of ports.
    let mut missing = rig.clients.len() * (services - left + ports - left_ports);
    while missing > 0 {
        let arrival = rig.next().await?;
        if matches!(arrival.kind, Type::Clusters | Type::Listeners) {
            missing = missing.saturating_sub(arrival.removed);
        }
    }
    // What was kept on disk before is held until what is left is written.
    rig.keeps(left).await?;
    settled(&rig.server).await?;
    rig.server.memory()
}

fn last(moments: impl Iterator<Item = Instant>) -> Instant {
    moments.max().unwrap_or_else(Instant::now)
}

fn mean(values: impl Iterator<Item = f64>) -> f64 {
    let (sum, count) = values.fold((0.0, 0.0), |(sum, count), value| (sum + value, count + 1.0));
    if count == 0.0 { 0.0 } else { sum / count }
}

fn median(mut values: Vec<Duration>) -> Duration {
    values.sort();
    values.get(values.len() / 2).copied().unwrap_or_default()
}

/// The median and the 99th percentile.
fn quantiles(values: &mut [Duration]) -> (Duration, Duration) {
    values.sort();
    let at = |share: usize| {
        let place = (values.len() * share).div_ceil(100).saturating_sub(1);
        values.get(place).copied().unwrap_or_default()
    };
    (at(50), at(99))
}
