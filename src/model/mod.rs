//! What a service exposes, as types that cannot be wrong.
//!
//! [`Document`] is the raw input: sections of keywords as text or JSON. [`crate::validate`] parses
//! it into [`Expose`]s, each complete in itself: its vhosts, routes, hash policies and certificates
//! are resolved, so nothing downstream follows a reference or meets an invalid value.

mod certificate;
mod diagnostic;
mod document;
mod expose;
mod http;
mod path;
mod socket;

pub use certificate::{Certificate, DownstreamTls, KeyPairSource, UpstreamTls};
pub use diagnostic::{Diagnostic, Report, Severity};
pub use document::{Document, IpSection, Remark, Section, keyword_name, split_scope};
pub(crate) use expose::owner_and_section;
pub use expose::{Expose, ExposeId, ExposeIdError, LbPolicy, Service, TlsMatch, Traffic};
pub use http::{
    Action, Destination, HashKey, HashPolicy, PathMatch, PathRewrite, Redirect, RedirectCode,
    Route, VirtualHost,
};
pub use path::{ObjectKind, ObjectPath, PathError};
pub use socket::{Protocol, Socket};
