//! igw-envoy: the Envoy ingress gateway of OpenSVC clusters.
//!
//! One library, two faces: a driver plugin that judges a service's configuration before OpenSVC
//! stores it, and a sidecar that follows an OpenSVC daemon and configures Envoy over xDS v3. Both
//! run the same [`validate`] and [`translate`], so a verdict at `set` time is a promise about what
//! Envoy gets.
//!
//! Data flows one way:
//!
//! ```text
//!  OpenSVC daemon ─► daemon ─► index ─► validate ─► translate ─► snapshot ─► xds ─► Envoy
//!    (unix socket)   replica,   tables,  document ─► pure fns     immutable,   ADS: SotW + delta,
//!                    patches,   O(change) model +    model ─► v3  versioned by per-type streams
//!                    resync               diagnostics             content
//!  configuration ─► config ─────────► verdict ──────────┘             └─► inspect ─► http, control
//!  status of the daemon ─► index ────────┤ incumbents     daemon's Connection ─┘
//!                                        └─► preview: what would change, served to no one
//! ```
//!
//! "daemon", "node", "instance" and "service" are OpenSVC's words here, except that the node of an xDS
//! stream is Envoy's; "listener" and "endpoint" are Envoy's. "cluster" is Envoy's in [`translate`],
//! [`envoy`], [`snapshot`], [`xds`] and [`inspect`], and OpenSVC's in [`daemon`] and the options of
//! commands. "secret" is OpenSVC's where a path names it ([`translate::RequiredSecret`]), Envoy's where it
//! is an [`envoy::Resource`].

pub mod cli;
pub mod config;
pub mod control;
pub mod daemon;
pub mod demo;
pub mod envoy;
pub mod ffi;
pub mod http;
pub mod index;
pub mod inspect;
pub mod keep;
pub mod model;
pub mod preview;
pub mod recording;
pub mod sidecar;
pub mod simnode;
pub mod snapshot;
pub mod text;
pub mod translate;
pub mod validate;
pub mod verdict;
pub mod xds;
