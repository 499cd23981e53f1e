//! A request, as somebody asks about it.

use std::collections::BTreeMap;
use std::net::IpAddr;

/// How a request travels.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scheme {
    /// Plain HTTP.
    Http,
    /// HTTP under TLS.
    Https,
    /// Plain bytes.
    Tcp,
    /// Bytes under TLS.
    Tls,
    /// Datagrams.
    Udp,
}

impl Scheme {
    const ALL: [(&str, Self, Option<u16>); 5] = [
        ("http", Self::Http, Some(80)),
        ("https", Self::Https, Some(443)),
        ("tcp", Self::Tcp, None),
        ("tls", Self::Tls, Some(443)),
        ("udp", Self::Udp, None),
    ];

    /// Whether the connection is TLS.
    pub fn is_tls(self) -> bool {
        matches!(self, Self::Https | Self::Tls)
    }

    /// Whether HTTP is spoken.
    pub fn is_http(self) -> bool {
        matches!(self, Self::Http | Self::Https)
    }
}

/// A request to explain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Question {
    /// How it travels.
    pub scheme: Scheme,
    /// The host, in lower case, an IPv6 address without brackets.
    pub host: String,
    /// The port.
    pub port: u16,
    /// The path with its query; `/` where the URL says nothing.
    pub target: String,
    /// The address that is connected to, where it is known.
    pub address: Option<IpAddr>,
    /// The server name that a TLS client asks for: the host's, unless it is an address.
    pub server_name: Option<String>,
    /// Headers, by name in lower case; `host` as a client would send it.
    pub headers: BTreeMap<String, String>,
}

/// Why a question is not understood.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadQuestion {
    /// An unknown scheme.
    #[error("'{0}' is not a scheme; write http, https, tcp, tls or udp")]
    Scheme(String),
    /// No host.
    #[error("the URL names no host; write, for instance, https://www.example.com/path")]
    NoHost,
    /// A host that cannot be one.
    #[error("'{0}' is not a host")]
    Host(String),
    /// Not a port.
    #[error("'{0}' is not a port; write 1 to 65535")]
    Port(String),
    /// A scheme without a port of its own.
    #[error("{0} has no usual port; write one, such as {0}://www.example.com:5432")]
    NoPort(&'static str),
    /// Not a header.
    #[error("'{0}' is not a header; write Name: value")]
    Header(String),
    /// Not an address.
    #[error("'{0}' is not an IP address")]
    Address(String),
}

impl Question {
    /// A question about a URL; without a scheme, about HTTP.
    ///
    /// # Errors
    /// Says what of the URL is not understood, and what to write.
    pub fn new(url: &str) -> Result<Self, BadQuestion> {
        let (scheme, rest) = url.trim().split_once("://").unwrap_or(("http", url.trim()));
        let known = Scheme::ALL
            .into_iter()
            .find(|(name, ..)| name.eq_ignore_ascii_case(scheme));
        let (name, scheme, usual) = known.ok_or_else(|| BadQuestion::Scheme(scheme.into()))?;
        let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
        let (authority, target) = rest.split_at(end);
        let authority = authority.rsplit('@').next().unwrap_or(authority);
        let (host, port) = split_port(authority)?;
        if host.is_empty() {
            return Err(BadQuestion::NoHost);
        }
        if host.contains(|c: char| c.is_whitespace() || c.is_control()) {
            return Err(BadQuestion::Host(host.into()));
        }
        let host = host.to_lowercase();
        let address: Option<IpAddr> = host.parse().ok();
        let target = target.split('#').next().unwrap_or_default();
        let usual_port = port.is_none() || port == usual;
        let port = port.or(usual).ok_or(BadQuestion::NoPort(name))?;
        let shown = match address {
            Some(IpAddr::V6(_)) => format!("[{host}]"),
            _ => host.clone(),
        };
        let sent = match usual_port {
            true => shown,
            false => format!("{shown}:{port}"),
        };
        Ok(Self {
            scheme,
            port,
            target: match target.starts_with('/') {
                true => target.into(),
                false => format!("/{target}"),
            },
            server_name: (scheme.is_tls() && address.is_none()).then(|| dotless(&host)),
            address,
            headers: BTreeMap::from([("host".into(), sent)]),
            host,
        })
    }

    /// Asks for another server name than the host's; none where it is empty.
    #[must_use]
    pub fn server_name(mut self, name: &str) -> Self {
        let name = name.trim().to_lowercase();
        self.server_name = (self.scheme.is_tls() && !name.is_empty()).then(|| dotless(&name));
        self
    }

    /// Connects to an address, whatever the host resolves to.
    ///
    /// # Errors
    /// When it is not an address.
    pub fn address(mut self, address: &str) -> Result<Self, BadQuestion> {
        let parsed = address.trim().parse();
        self.address = Some(parsed.map_err(|_| BadQuestion::Address(address.into()))?);
        Ok(self)
    }

    /// Sends a header, written `Name: value`.
    ///
    /// # Errors
    /// When it is not written so.
    pub fn header(mut self, line: &str) -> Result<Self, BadQuestion> {
        match line.split_once(':') {
            Some((name, value)) if !name.trim().is_empty() => {
                let name = name.trim().to_lowercase();
                self.headers.insert(name, value.trim().to_owned());
                Ok(self)
            }
            _ => Err(BadQuestion::Header(line.into())),
        }
    }

    /// The `Host` header, in lower case.
    pub fn host_header(&self) -> String {
        let sent = self.headers.get("host");
        sent.map_or_else(String::new, |host| host.to_lowercase())
    }

    /// The path without its query.
    pub fn path(&self) -> &str {
        self.target.split('?').next().unwrap_or_default()
    }
}

/// A name as clients ask for it by SNI: without the dot at its end that it may have (RFC 6066 §3).
fn dotless(name: &str) -> String {
    name.strip_suffix('.').unwrap_or(name).to_owned()
}

/// The host and the port of an authority.
fn split_port(authority: &str) -> Result<(&str, Option<u16>), BadQuestion> {
    let (host, port) = match authority.strip_prefix('[') {
        Some(rest) => {
            let (host, rest) = rest
                .split_once(']')
                .ok_or_else(|| BadQuestion::Host(authority.into()))?;
            (host, rest.strip_prefix(':'))
        }
        None => match authority.rsplit_once(':') {
            Some((host, port)) if !host.contains(':') => (host, Some(port)),
            _ => (authority, None),
        },
    };
    let wrong = |port: &str| BadQuestion::Port(port.into());
    let port = port.filter(|port| !port.is_empty()).map(|port| {
        port.parse()
            .ok()
            .filter(|port| *port != 0)
            .ok_or_else(|| wrong(port))
    });
    Ok((host, port.transpose()?))
}
