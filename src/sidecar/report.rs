//! What the log says of exposes: every finding once when it appears and once when it is mended.

use imbl::ordmap::DiffItem;
use tracing::{debug, info, warn};

use crate::index::{ExposeView, Serving, View};
use crate::model::{Diagnostic, ExposeId, ObjectPath, Severity};

/// From how many exposes on that come at once and are served as configured, only their number is
/// logged: the first state of a large cluster would be thousands of lines.
const MANY: usize = 100;

/// Logs the difference between two views.
pub(super) fn log_changes(old: &View, new: &View) {
    for change in old.reports.diff(&new.reports) {
        let (service, before, after): (_, &[_], &[_]) = match change {
            DiffItem::Add(service, report) => (service, &[], &report.diagnostics),
            DiffItem::Remove(service, report) => (service, &report.diagnostics, &[]),
            DiffItem::Update {
                old: (_, old),
                new: (service, new),
            } => (service, &old.diagnostics, &new.diagnostics),
        };
        for finding in after.iter().filter(|finding| !before.contains(finding)) {
            tell(service, finding);
        }
        for finding in before.iter().filter(|finding| !after.contains(finding)) {
            info!(%service, code = finding.code, "mended: {finding}");
        }
    }
    let changes: Vec<_> = old.exposes.diff(&new.exposes).collect();
    let come_well = |change: &DiffItem<_, ExposeView>| matches!(change, DiffItem::Add(_, new) if new.serving == Serving::Served);
    let well = changes.iter().filter(|change| come_well(change)).count();
    for change in changes {
        match change {
            DiffItem::Add(..) if well > MANY && come_well(&change) => {}
            DiffItem::Remove(expose, _) => info!(%expose, "not exposed any more"),
            DiffItem::Add(expose, new) => tell_serving(expose, new),
            DiffItem::Update {
                old: (_, old),
                new: (expose, new),
            } if (old.serving, old.socket) != (new.serving, new.socket) => {
                tell_serving(expose, new);
            }
            DiffItem::Update { .. } => {}
        }
    }
    if well > MANY {
        info!(exposes = well, "served from now on");
    }
}

fn tell_serving(expose: &ExposeId, view: &ExposeView) {
    let how = match view.serving {
        Serving::Served => "served",
        Serving::Kept => "served as it was before",
        Serving::Refused => "not served: refused",
        Serving::Waiting => "not served yet: waits for a secret",
    };
    match view.socket {
        Some(socket) => info!(%expose, %socket, "{how}"),
        None => info!(%expose, "{how}"),
    }
}

fn tell(service: &ObjectPath, finding: &Diagnostic) {
    match finding.severity {
        Severity::Error => warn!(%service, code = finding.code, "refused: {finding}"),
        Severity::Warning => warn!(%service, code = finding.code, "{finding}"),
        Severity::Info => debug!(%service, code = finding.code, "{finding}"),
    }
}

/// Logs how many exposes are served, and how.
pub(super) fn log_summary(view: &View) {
    let count = |serving| {
        view.exposes
            .values()
            .filter(|e| e.serving == serving)
            .count()
    };
    info!(
        served = count(Serving::Served),
        kept = count(Serving::Kept),
        waiting = count(Serving::Waiting),
        refused = count(Serving::Refused),
        "the daemon's state is known"
    );
}
