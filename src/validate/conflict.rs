//! Which exposes may share a socket, and who wins when they may not.
//!
//! Envoy judges a listener as a whole: two filter chains with one match, or a domain that appears
//! twice in a route configuration, and the update is refused for everybody on it. So the seats of
//! every socket are handed out here, one expose at a time, before anything is sent. Whoever sits
//! stays: the newcomer is told who holds what it asks for.

use std::collections::BTreeSet;
use std::net::IpAddr;

use foldhash::HashMap;
use serde_json::{Map, Value};

use super::codes;
use super::keywords::{expose, vhost};
use crate::model::{Diagnostic, Expose, ExposeId, Protocol, Severity, Socket, TlsMatch, Traffic};

/// A TCP socket that the gateway needs for itself: Envoy's admin interface, the xDS server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reserved {
    /// The address it binds.
    pub addr: IpAddr,
    /// The TCP port it binds.
    pub port: u16,
    /// What it is, for the message.
    pub what: String,
}

impl Reserved {
    fn socket(&self) -> Socket {
        Socket {
            addr: self.addr,
            port: self.port,
            protocol: Protocol::Tcp,
        }
    }
}

/// Who sits where.
#[derive(Debug, Default)]
pub struct Occupancy {
    reserved: Vec<Reserved>,
    sockets: HashMap<Socket, SocketSeats>,
    seatings: HashMap<ExposeId, Seating>,
}

/// Where one expose sits: its socket and the names that it holds there.
#[derive(Debug)]
struct Seating {
    socket: Socket,
    names: Vec<String>,
}

/// The seats of one socket. UDP has one. TCP has one for everything, one for TLS of any name, one a
/// server name, and one that all plain-HTTP exposes share, in which each domain is a seat again.
#[derive(Debug, Default)]
struct SocketSeats {
    udp: Option<ExposeId>,
    everything: Option<ExposeId>,
    any_tls: Option<ExposeId>,
    server_names: HashMap<String, ExposeId>,
    http: HashMap<ExposeId, Option<Map<String, Value>>>,
    domains: HashMap<String, ExposeId>,
}

impl Occupancy {
    /// Empty, but for what the gateway itself needs.
    pub fn new(reserved: Vec<Reserved>) -> Self {
        Self {
            reserved,
            ..Self::default()
        }
    }

    /// Seats an expose, or tells why it cannot sit. An expose whose port is not allocated yet asks
    /// for nothing. One that already sits must be [released](Self::release) first.
    pub fn claim(&mut self, expose: &Expose) -> Result<(), Diagnostic> {
        let Some(socket) = expose.socket() else {
            return Ok(());
        };
        if let Some(reserved) = self.reserved_for(&socket) {
            return Err(Diagnostic::new(
                Severity::Error,
                codes::SOCKET_RESERVED,
                format!("{socket} is used by {}", reserved.what),
            )
            .at(&expose.id.section, expose::LISTENER_PORT.name)
            .hint("choose another listener_port"));
        }
        let seats = self.sockets.entry(socket).or_default();
        match seats.seat(expose, socket) {
            Ok(names) => {
                self.seatings
                    .insert(expose.id.clone(), Seating { socket, names });
                Ok(())
            }
            Err(conflict) => {
                if seats.is_empty() {
                    self.sockets.remove(&socket);
                }
                Err(conflict)
            }
        }
    }

    /// Frees the seats of an expose. Returns the socket it sat on, where others may now try again.
    pub fn release(&mut self, id: &ExposeId) -> Option<Socket> {
        let seating = self.seatings.remove(id)?;
        if let Some(seats) = self.sockets.get_mut(&seating.socket) {
            seats.leave(id, &seating.names);
            if seats.is_empty() {
                self.sockets.remove(&seating.socket);
            }
        }
        Some(seating.socket)
    }

    /// The ports that an expose cannot have for itself on an address: somebody, or the gateway, has
    /// them there or on an address that overlaps.
    pub fn taken_ports(&self, addr: IpAddr, protocol: Protocol) -> BTreeSet<u16> {
        let here = |port| Socket {
            addr,
            port,
            protocol,
        };
        self.held()
            .filter(|held| held.overlaps(&here(held.port)))
            .map(|held| held.port)
            .collect()
    }

    /// Whether somebody, or the gateway, has a socket or one that overlaps it.
    pub fn is_taken(&self, socket: &Socket) -> bool {
        self.held().any(|held| held.overlaps(socket))
    }

    /// The socket on which an expose sits.
    pub fn seat_of(&self, id: &ExposeId) -> Option<Socket> {
        self.seatings.get(id).map(|seating| seating.socket)
    }

    /// The sockets on which somebody sits, and those that the gateway needs for itself.
    fn held(&self) -> impl Iterator<Item = Socket> + '_ {
        let reserved = self.reserved.iter().map(Reserved::socket);
        self.sockets.keys().copied().chain(reserved)
    }

    fn reserved_for(&self, socket: &Socket) -> Option<&Reserved> {
        let mut reserved = self.reserved.iter();
        reserved.find(|reserved| reserved.socket().overlaps(socket))
    }
}

impl SocketSeats {
    /// Seats an expose. Returns the names that it holds from now on.
    fn seat(&mut self, expose: &Expose, socket: Socket) -> Result<Vec<String>, Diagnostic> {
        let id = &expose.id;
        match (&expose.traffic, expose.traffic.tls_match()) {
            (Traffic::Udp, _) => take(&mut self.udp, id, socket),
            (_, Some(TlsMatch::Any)) => take(&mut self.any_tls, id, socket),
            (_, Some(TlsMatch::Names(names))) => {
                let what = "server name";
                take_names(&mut self.server_names, expose, names, socket, what)
            }
            (Traffic::Http { .. }, None) => self.join_http(expose, socket),
            (Traffic::Tcp { .. }, None) => match self.http.keys().min() {
                Some(incumbent) => Err(taken(id, incumbent, socket)),
                None => take(&mut self.everything, id, socket),
            },
        }
    }

    fn join_http(&mut self, expose: &Expose, socket: Socket) -> Result<Vec<String>, Diagnostic> {
        let id = &expose.id;
        if let Some(incumbent) = &self.everything {
            return Err(taken(id, incumbent, socket));
        }
        // All that sit here have the same filter: any of them speaks for the others.
        if let Some((incumbent, filter)) = self.http.iter().next()
            && *filter != expose.filter_config_data
        {
            return Err(Diagnostic::new(
                Severity::Error,
                codes::FILTER_CONFIG_DIFFERS,
                format!(
                    "plain HTTP on {socket} is one filter chain for all services, and {incumbent} \
                     set it up with another filter_config_data"
                ),
            )
            .at(&id.section, expose::FILTER_CONFIG_DATA.name)
            .incumbent(incumbent.clone())
            .hint("write the same filter_config_data, or choose another listener_port"));
        }
        let domains = expose.traffic.domains().map(Into::into).collect();
        let held = take_names(&mut self.domains, expose, domains, socket, "domain")?;
        self.http
            .insert(id.clone(), expose.filter_config_data.clone());
        Ok(held)
    }

    fn leave(&mut self, id: &ExposeId, names: &[String]) {
        for seat in [&mut self.udp, &mut self.everything, &mut self.any_tls] {
            seat.take_if(|holder| holder == id);
        }
        let held = match self.http.remove(id) {
            Some(_) => &mut self.domains,
            None => &mut self.server_names,
        };
        for name in names {
            held.remove(name);
        }
    }

    fn is_empty(&self) -> bool {
        self.udp.is_none()
            && self.everything.is_none()
            && self.any_tls.is_none()
            && self.server_names.is_empty()
            && self.http.is_empty()
    }
}

fn take(
    seat: &mut Option<ExposeId>,
    id: &ExposeId,
    socket: Socket,
) -> Result<Vec<String>, Diagnostic> {
    match seat {
        Some(incumbent) => Err(taken(id, incumbent, socket)),
        None => {
            *seat = Some(id.clone());
            Ok(Vec::new())
        }
    }
}

/// All of the names, or none.
fn take_names(
    seats: &mut HashMap<String, ExposeId>,
    expose: &Expose,
    names: Vec<String>,
    socket: Socket,
    what: &str,
) -> Result<Vec<String>, Diagnostic> {
    let held = names.iter().find_map(|name| Some((name, seats.get(name)?)));
    if let Some((name, incumbent)) = held {
        let (section, keyword) = where_named(expose, name);
        return Err(Diagnostic::new(
            Severity::Error,
            codes::NAME_TAKEN,
            format!("{what} '{name}' is already served on {socket} by {incumbent}"),
        )
        .at(section, keyword)
        .incumbent(incumbent.clone())
        .hint("choose another name, or another listener_port or listener_addr"));
    }
    for name in &names {
        seats.insert(name.clone(), expose.id.clone());
    }
    Ok(names)
}

/// The section and keyword in which an expose names a host: its own `sni`, or a vhost's `domains`.
fn where_named<'a>(expose: &'a Expose, name: &str) -> (&'a str, &'static str) {
    if let Traffic::Http { vhosts, .. } = &expose.traffic
        && let Some(vhost) = vhosts.iter().find(|v| v.domains.iter().any(|d| d == name))
    {
        return (&vhost.section, vhost::DOMAINS.name);
    }
    (&expose.id.section, expose::SNI.name)
}

fn taken(id: &ExposeId, incumbent: &ExposeId, socket: Socket) -> Diagnostic {
    let tell_apart = match socket.protocol {
        Protocol::Tcp => ", or tell the services apart by sni or vhosts",
        Protocol::Udp => "",
    };
    Diagnostic::new(
        Severity::Error,
        codes::SOCKET_TAKEN,
        format!("{socket} already belongs to {incumbent}"),
    )
    .at(&id.section, expose::LISTENER_PORT.name)
    .incumbent(incumbent.clone())
    .hint(format!(
        "choose another listener_port or listener_addr{tell_apart}"
    ))
}
