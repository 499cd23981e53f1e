//! Every metric there is: the one table behind `/metrics`, its documentation, and the test that the
//! dashboards and alerts ask for nothing else.

/// What a metric is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A value that goes up and down.
    Gauge,
    /// A value that only grows, from 0 at the start of the process.
    Counter,
    /// Durations by length.
    Histogram,
}

/// A metric.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Metric {
    /// Its name, with its unit.
    pub name: &'static str,
    /// What it is.
    pub kind: Kind,
    /// The names of its labels.
    pub labels: &'static [&'static str],
    /// What it means.
    pub help: &'static str,
}

macro_rules! metrics {
    ($($constant:ident = $kind:ident $name:literal [$($label:literal),*] $help:literal;)*) => {
        $(#[doc = $help] pub(super) const $constant: Metric = Metric {
            name: $name,
            kind: Kind::$kind,
            labels: &[$($label),*],
            help: $help,
        };)*

        /// The metrics, in the order of `/metrics`.
        pub const ALL: &[Metric] = &[$($constant),*];
    };
}

metrics! {
    BUILD_INFO = Gauge "igw_build_info" ["version", "gateway"]
        "1, with the software's version and the gateway's name.";

    READY = Gauge "igw_ready" []
        "1 once the daemon's state is known and Envoy is served, else 0.";
    CONFIG_AGE = Gauge "igw_config_age_seconds" []
        "How old what is served may be: 0 while the daemon is followed.";
    KEPT_AGE = Gauge "igw_last_known_good_age_seconds" []
        "How old what was read from disk is, while it is served because the daemon was not heard yet; else 0.";
    DAEMON_CONNECTED = Gauge "igw_daemon_connected" []
        "1 while the OpenSVC daemon is followed, else 0.";
    DAEMON_LAST_MESSAGE = Gauge "igw_daemon_last_message_timestamp_seconds" []
        "When the daemon last said something.";
    DAEMON_MESSAGES = Counter "igw_daemon_messages_total" ["relevant"]
        "Messages of the daemon, by whether they changed something that is watched.";
    DAEMON_RESYNCS = Counter "igw_daemon_resyncs_total" ["reason"]
        "How often the daemon's whole state was read again.";

    EXPOSES = Gauge "igw_exposes" ["standing"]
        "Exposes by how they are doing.";
    EXPOSE_INFO = Gauge "igw_expose_info" ["service", "section", "standing"]
        "1 for each expose, with its owner and how it is doing.";
    EXPOSE_ENDPOINTS = Gauge "igw_expose_endpoints" ["service", "section"]
        "Endpoints of an expose.";
    EXPOSE_REFUSED_BY_ENVOY = Gauge "igw_expose_refused_by_envoy" ["service", "section", "node"]
        "1 for each expose of which an Envoy refused something (NACK) and did not accept it since.";
    DIAGNOSTICS = Gauge "igw_diagnostics" ["severity", "code"]
        "Findings on the configurations of services.";

    SNAPSHOT_RESOURCES = Gauge "igw_snapshot_resources" ["type"]
        "Resources that Envoy is to have.";
    SNAPSHOT_BYTES = Gauge "igw_snapshot_bytes" ["type"]
        "Their encoded length.";
    SNAPSHOT_CHANGES = Counter "igw_snapshot_changes_total" []
        "Changes of what Envoy is to have.";
    SNAPSHOT_LAST_CHANGE = Gauge "igw_snapshot_last_change_timestamp_seconds" []
        "When that last changed.";

    STREAMS = Gauge "igw_xds_streams" ["variant", "transport"]
        "Connected Envoys.";
    CONNECTIONS = Counter "igw_xds_connections_total" []
        "How often an Envoy connected.";
    LAG = Gauge "igw_xds_lag_seconds" ["node", "stream"]
        "For how long an Envoy has owed an answer: 0 when it is up to date.";
    RESPONSES = Counter "igw_xds_responses_total" ["type"]
        "Responses sent to Envoys.";
    SENT_RESOURCES = Counter "igw_xds_sent_resources_total" ["type"]
        "Resources in them.";
    SENT_BYTES = Counter "igw_xds_sent_bytes_total" ["type"]
        "Their encoded length.";
    ACKS = Counter "igw_xds_acks_total" ["type"]
        "Responses that Envoys accepted.";
    NACKS = Counter "igw_xds_nacks_total" ["type", "node"]
        "Responses that Envoys refused.";
    EVENT_TO_ACK = Histogram "igw_event_to_ack_seconds" ["type"]
        "From an event in the daemon to Envoy's acknowledgement of what it changed.";
    SEND_TO_ACK = Histogram "igw_xds_ack_seconds" ["type"]
        "From sending a response to its acknowledgement.";

    CERTIFICATE_EXPIRY = Gauge "igw_certificate_expiry_timestamp_seconds" ["secret", "subject"]
        "When a certificate, or one that it needs, stops being valid.";

    CPU = Counter "process_cpu_seconds_total" []
        "Processor time used, user and system.";
    RESIDENT = Gauge "process_resident_memory_bytes" []
        "Memory that is resident.";
    VIRTUAL = Gauge "process_virtual_memory_bytes" []
        "Memory that is mapped.";
    OPEN_FDS = Gauge "process_open_fds" []
        "Open file descriptors.";
    MAX_FDS = Gauge "process_max_fds" []
        "How many may be open.";
    THREADS = Gauge "process_threads" []
        "Threads.";
    START_TIME = Gauge "process_start_time_seconds" []
        "When the process started.";
}
