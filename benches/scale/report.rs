//! The page: targets and what was measured.

use std::fmt::Write;
use std::process::Command;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use super::measure::{Changes, Move, Size};
use super::translation::Routes;

/// Writes the page. The targets are those of the `target` size.
pub(crate) fn page(sizes: &[Size], target: usize, routes: &Routes) -> String {
    let mut page = String::from(
        "# Ten thousand services\n\n\
         Made by `make bench`; do not edit. How it is measured: [benches](../../benches/README.md).\n\n",
    );
    let _ = writeln!(page, "{}\n", machine());
    if let Some(size) = sizes.iter().find(|size| size.services == target) {
        let small = sizes.iter().find(|size| size.services == 100);
        targets(&mut page, size, small, routes);
    }
    growth(&mut page, sizes);
    page.push_str(
        "\n![Processor time per endpoint change and per cold start, by the number of services](scale.svg)\n",
    );
    page
}

fn targets(page: &mut String, size: &Size, small: Option<&Size>, routes: &Routes) {
    let _ = writeln!(
        page,
        "## {} services, {:.0} MB of daemon state\n\n\
         | | target | measured | |\n|---|---|---|---|",
        size.services,
        size.status_bytes as f64 / 1e6
    );
    let mut row = |what: &str, target: &str, measured: String, met: bool| {
        let mark = if met { "met" } else { "**missed**" };
        let _ = writeln!(page, "| {what} | {target} | {measured} | {mark} |");
    };
    for (what, changes, limit) in [
        ("1 Envoy", &size.delta_1, 0.4),
        ("10 Envoys", &size.delta_10, 0.9),
    ] {
        row(
            &format!("CPU per endpoint change, {what}, delta"),
            &format!("≤ 1.3 × the bare stream, ≤ {limit} ms"),
            format!(
                "{:.2} × ({:.3} ms; the bare stream {:.3} ms)",
                changes.ratio,
                ms(changes.cpu),
                ms(changes.floor)
            ),
            changes.ratio <= 1.3 && ms(changes.cpu) <= limit,
        );
    }
    if let Some(small) = small {
        for (what, large, small) in [
            ("1 Envoy", &size.delta_1, &small.delta_1),
            ("10 Envoys", &size.delta_10, &small.delta_10),
        ] {
            let growth = large.ratio / small.ratio;
            row(
                &format!("the same against 100 services, {what}"),
                "≤ 1.2 ×",
                format!("{growth:.2} ×"),
                growth <= 1.2,
            );
        }
    }
    for (what, changes) in [
        ("delta", &size.delta_1),
        ("state of the world", &size.sotw_1),
    ] {
        row(
            &format!("bytes per change and Envoy, {what}"),
            "≤ 250",
            format!(
                "{:.0} (with HTTP/2's: {:.0})",
                changes.bytes, changes.socket_bytes
            ),
            changes.bytes <= 250.0,
        );
    }
    for (what, changes) in [("1 Envoy", &size.delta_1), ("10 Envoys", &size.delta_10)] {
        row(
            &format!("event written → response read, p99, {what}"),
            "≤ 1 ms",
            format!(
                "{:.2} ms (median {:.2} ms; the bare stream's p99 {:.2} ms)",
                ms(changes.p99),
                ms(changes.p50),
                ms(changes.floor_p99)
            ),
            ms(changes.p99) <= 1.0,
        );
    }
    row(
        "a message about nothing that is watched",
        "≤ 12 µs, 0 bytes",
        format!(
            "{:.1} µs, {} bytes",
            ms(size.irrelevant) * 1000.0,
            size.irrelevant_bytes
        ),
        ms(size.irrelevant) <= 0.012 && size.irrelevant_bytes == 0,
    );
    row(
        "the same, 100 in a burst",
        "≤ 12 µs",
        format!("{:.1} µs", ms(size.irrelevant_burst) * 1000.0),
        ms(size.irrelevant_burst) <= 0.012,
    );
    for (what, delta, sotw, limit) in [
        ("1 Envoy", size.cold_delta_1, size.cold_sotw_1, 20.0),
        ("10 Envoys", size.cold_delta_10, size.cold_sotw_10, 100.0),
    ] {
        row(
            &format!("cold start of {what}, CPU"),
            &format!("≤ {limit} ms"),
            format!(
                "{:.0} ms delta, {:.0} ms state of the world",
                ms(delta.cpu),
                ms(sotw.cpu)
            ),
            ms(delta.cpu.max(sotw.cpu)) <= limit,
        );
    }
    row(
        "start of the sidecar to ready, CPU",
        "≤ 0.25 s",
        format!(
            "{:.2} s ({:.2} s wall)",
            size.ready.cpu.as_secs_f64(),
            size.ready.wall.as_secs_f64()
        ),
        size.ready.cpu.as_secs_f64() <= 0.25,
    );
    let (idle, peak, after) = (
        mb(size.memory_idle.resident),
        mb(size.memory.peak),
        mb(size.memory_after.resident),
    );
    row(
        "memory with 10 Envoys, the most that ever was",
        "≤ 120 MB, given back",
        format!(
            "{peak:.0} MB; {idle:.0} MB before, {after:.0} MB after scaling down to 10 services"
        ),
        peak <= 120.0 && after <= idle / 2.0,
    );
    row(
        "full translation of 1,000 routes",
        "≤ 3 ms",
        format!(
            "{:.1} ms in one service, {:.1} ms in 1,000 services",
            ms(routes.one_service),
            ms(routes.thousand_services)
        ),
        ms(routes.one_service) <= 3.0,
    );
    for (what, came, went) in [
        ("on a port of its own", size.add_port, size.remove_port),
        ("on the shared listener", size.add_host, size.remove_host),
    ] {
        row(
            &format!("a service added, removed, {what}"),
            "≤ 1 ms, only its own",
            format!("{}; {}", moved(came), moved(went)),
            ms(came.cpu.max(went.cpu)) <= 1.0,
        );
    }
    page.push('\n');
}

fn moved(moved: Move) -> String {
    format!(
        "{:.2} ms ({:.0} sent, {:.0} removed, {:.0} bytes)",
        ms(moved.cpu),
        moved.resources,
        moved.removed,
        moved.bytes
    )
}

fn growth(page: &mut String, sizes: &[Size]) {
    page.push_str("## Growth\n\n| services |");
    for size in sizes {
        let _ = write!(page, " {} |", size.services);
    }
    page.push_str("\n|---|");
    page.push_str(&"---|".repeat(sizes.len()));
    page.push('\n');
    let mut row = |what: &str, of: &dyn Fn(&Size) -> String| {
        let _ = write!(page, "| {what} |");
        for size in sizes {
            let _ = write!(page, " {} |", of(size));
        }
        page.push('\n');
    };
    type Of = fn(&Size) -> &Changes;
    let per_change: [(&str, Of); 4] = [
        ("1 Envoy, delta", |size| &size.delta_1),
        ("10 Envoys, delta", |size| &size.delta_10),
        ("1 Envoy, state of the world", |size| &size.sotw_1),
        ("10 Envoys, state of the world", |size| &size.sotw_10),
    ];
    for (what, of) in per_change {
        row(
            &format!("CPU per change, {what}, ms (× the bare stream)"),
            &|size| format!("{:.3} ({:.2})", ms(of(size).cpu), of(size).ratio),
        );
    }
    for (what, of) in per_change {
        row(&format!("latency, {what}, median / p99, ms"), &|size| {
            format!("{:.2} / {:.2}", ms(of(size).p50), ms(of(size).p99))
        });
    }
    row("bytes per change, delta / state of the world", &|size| {
        format!("{:.0} / {:.0}", size.delta_1.bytes, size.sotw_1.bytes)
    });
    row("irrelevant message, alone / in a burst, µs", &|size| {
        let [alone, burst] = [size.irrelevant, size.irrelevant_burst].map(|cost| ms(cost) * 1000.0);
        format!("{alone:.1} / {burst:.1}")
    });
    row("cold start, delta, 1 / 10 Envoys, CPU ms", &|size| {
        format!(
            "{:.0} / {:.0}",
            ms(size.cold_delta_1.cpu),
            ms(size.cold_delta_10.cpu)
        )
    });
    row(
        "cold start, state of the world, 1 / 10 Envoys, CPU ms",
        &|size| {
            format!(
                "{:.0} / {:.0}",
                ms(size.cold_sotw_1.cpu),
                ms(size.cold_sotw_10.cpu)
            )
        },
    );
    row("sidecar start to ready, CPU s (wall s)", &|size| {
        format!(
            "{:.2} ({:.2})",
            size.ready.cpu.as_secs_f64(),
            size.ready.wall.as_secs_f64()
        )
    });
    row("reading the state again, CPU ms", &|size| {
        format!("{:.0}", ms(size.reread))
    });
    row("service added / removed, own port, CPU ms", &|size| {
        format!(
            "{:.2} / {:.2}",
            ms(size.add_port.cpu),
            ms(size.remove_port.cpu)
        )
    });
    row(
        "service added / removed, shared listener, CPU ms",
        &|size| {
            format!(
                "{:.2} / {:.2}",
                ms(size.add_host.cpu),
                ms(size.remove_host.cpu)
            )
        },
    );
    row("memory: alone / most / after scaling down, MB", &|size| {
        format!(
            "{:.0} / {:.0} / {:.0}",
            mb(size.memory_idle.resident),
            mb(size.memory.peak),
            mb(size.memory_after.resident)
        )
    });
}

/// A duration in milliseconds.
pub(crate) fn ms(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1000.0
}

fn mb(bytes: u64) -> f64 {
    bytes as f64 / 1e6
}

/// What it was measured on, and when.
fn machine() -> String {
    let read = |path| std::fs::read_to_string(path).unwrap_or_default();
    let processor = read("/proc/cpuinfo")
        .lines()
        .find_map(|line| {
            Some(
                line.strip_prefix("model name")?
                    .split_once(':')?
                    .1
                    .trim()
                    .to_owned(),
            )
        })
        .unwrap_or_else(|| "unknown processor".to_owned());
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    let kernel = read("/proc/sys/kernel/osrelease");
    let version = read("/proc/loadavg");
    let load = version.split(' ').nth(1).unwrap_or("?");
    let run = |command: &str, args: &[&str]| {
        let output = Command::new(command).args(args).output();
        let output = output.map(|output| output.stdout).unwrap_or_default();
        String::from_utf8_lossy(&output).trim().to_owned()
    };
    format!(
        "{}, at {}, on {cores} cores of {processor}, Linux {}, {}; load average {load}.",
        today(),
        run("git", &["rev-parse", "--short", "HEAD"]),
        kernel.trim(),
        run("rustc", &["--version"]),
    )
}

/// The date in UTC.
fn today() -> String {
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    let days = now.map_or(0, |now| now.as_secs() / 86_400);
    // Howard Hinnant's civil_from_days, for days after 1970.
    let shifted = days + 719_468;
    let (era, day_of_era) = (shifted / 146_097, shifted % 146_097);
    let year_of_era =
        (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted_month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted_month + 2) / 5 + 1;
    let month = if shifted_month < 10 {
        shifted_month + 3
    } else {
        shifted_month - 9
    };
    let year = year_of_era + era * 400 + u64::from(month <= 2);
    format!("{year}-{month:02}-{day:02}")
}
