//! Prometheus' text format, version 0.0.4.

use std::fmt::{Display, Write};

use super::names::{Kind, Metric};
use crate::inspect::telemetry::Histogram;

/// A text in the making.
#[derive(Debug, Default)]
pub(super) struct Text(String);

/// A metric whose samples are being written.
pub(super) struct Family<'a> {
    text: &'a mut String,
    metric: Metric,
}

impl Text {
    /// Begins a metric. All its samples must follow before the next one begins.
    pub(super) fn family(&mut self, metric: Metric) -> Family<'_> {
        let kind = match metric.kind {
            Kind::Gauge => "gauge",
            Kind::Counter => "counter",
            Kind::Histogram => "histogram",
        };
        // Writing into a String cannot fail.
        let _ = write!(
            self.0,
            "# HELP {0} {1}\n# TYPE {0} {kind}\n",
            metric.name, metric.help
        );
        Family {
            text: &mut self.0,
            metric,
        }
    }

    /// A metric without labels.
    pub(super) fn single(&mut self, metric: Metric, value: impl Display) {
        self.family(metric).sample(&[], value);
    }

    pub(super) fn finish(self) -> String {
        self.0
    }
}

impl Family<'_> {
    /// Writes a sample; `values` are those of the labels, in their order.
    pub(super) fn sample(&mut self, values: &[&str], value: impl Display) -> &mut Self {
        self.line("", values, None, value);
        self
    }

    /// Writes a histogram.
    pub(super) fn histogram(&mut self, values: &[&str], histogram: &Histogram) -> &mut Self {
        for (bound, count) in histogram.cumulative() {
            self.line("_bucket", values, Some(&bound.to_string()), count);
        }
        self.line("_bucket", values, Some("+Inf"), histogram.count);
        self.line("_sum", values, None, histogram.sum);
        self.line("_count", values, None, histogram.count);
        self
    }

    fn line(&mut self, suffix: &str, values: &[&str], bound: Option<&str>, value: impl Display) {
        let name = self.metric.name;
        let labels = self.metric.labels.iter().zip(values);
        let labels: Vec<String> = labels
            .map(|(label, value)| format!("{label}=\"{}\"", escape(value)))
            .chain(bound.map(|bound| format!("le=\"{bound}\"")))
            .collect();
        let _ = match labels.is_empty() {
            true => writeln!(self.text, "{name}{suffix} {value}"),
            false => writeln!(self.text, "{name}{suffix}{{{}}} {value}", labels.join(",")),
        };
    }
}

fn escape(value: &str) -> String {
    let mut escaped = String::with_capacity(value.len());
    for c in value.chars() {
        match c {
            '\\' => escaped.push_str("\\\\"),
            '"' => escaped.push_str("\\\""),
            '\n' => escaped.push_str("\\n"),
            c => escaped.push(c),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::super::names;
    use super::*;

    #[test]
    fn labels_are_escaped() {
        let mut text = Text::default();
        text.family(names::NACKS)
            .sample(&["cluster", "a\"b\\c\nd"], 1);
        let written = text.finish();
        let last = written.lines().last();
        let expected = r#"igw_xds_nacks_total{type="cluster",node="a\"b\\c\nd"} 1"#;
        assert_eq!(last, Some(expected));
    }

    #[test]
    fn a_histogram_ends_with_all_of_them() {
        let mut histogram = Histogram::default();
        histogram.observe(Duration::from_secs(60));
        let mut text = Text::default();
        text.family(names::SEND_TO_ACK)
            .histogram(&["cluster"], &histogram);
        let text = text.finish();
        assert!(text.contains("igw_xds_ack_seconds_bucket{type=\"cluster\",le=\"30\"} 0\n"));
        assert!(text.contains("igw_xds_ack_seconds_bucket{type=\"cluster\",le=\"+Inf\"} 1\n"));
        assert!(text.ends_with("igw_xds_ack_seconds_count{type=\"cluster\"} 1\n"));
    }
}
