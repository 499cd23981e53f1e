//! What the log says of exposes: every finding once when it appears and once when it is mended.

use imbl::ordmap::DiffItem;
use tracing::{debug, info, warn};

use crate::index::{ExposeView, Verdict, View};
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
    let come_well = |change: &DiffItem<_, ExposeView>| matches!(change, DiffItem::Add(_, new) if new.verdict == Verdict::Served);
    let well = changes.iter().filter(|change| come_well(change)).count();
    for change in changes {
        match change {
            DiffItem::Add(..) if well > MANY && come_well(&change) => {}
            DiffItem::Remove(expose, _) => info!(%expose, "not exposed any more"),
            DiffItem::Add(expose, new) => tell_verdict(expose, new),
            DiffItem::Update {
                old: (_, old),
                new: (expose, new),
            } if (old.verdict, old.socket) != (new.verdict, new.socket) => {
                tell_verdict(expose, new);
            }
            DiffItem::Update { .. } => {}
        }
    }
    if well > MANY {
        info!(exposes = well, "served from now on");
    }
}

fn tell_verdict(expose: &ExposeId, view: &ExposeView) {
    let how = match view.verdict {
        Verdict::Served => "served",
        Verdict::Kept => "served as it was before",
        Verdict::Refused => "not served: refused",
        Verdict::Waiting => "not served yet: waits for a secret",
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

/// Logs how many exposes there are of each verdict.
pub(super) fn log_summary(view: &View) {
    let count = |verdict| {
        view.exposes
            .values()
            .filter(|e| e.verdict == verdict)
            .count()
    };
    info!(
        served = count(Verdict::Served),
        kept = count(Verdict::Kept),
        waiting = count(Verdict::Waiting),
        refused = count(Verdict::Refused),
        "the daemon's state is known"
    );
}
