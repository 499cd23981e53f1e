//! Backends that say who they are, and what is in front of them.

use std::net::SocketAddr;

use igw_envoy::envoy::Resource;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use super::eventually;
use super::resources::{cluster, endpoints, tcp_listener};

/// A backend that says its name to whoever connects.
pub async fn backend(name: &'static str) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            // A client that is gone needs no answer.
            let _ = stream.write_all(name.as_bytes()).await;
        }
    });
    address
}

/// The cluster `web` of one backend, behind some listeners.
pub fn web(backend: SocketAddr, fronts: &[SocketAddr]) -> Vec<Resource> {
    let listeners = fronts.iter().map(|front| tcp_listener(*front, "web"));
    [cluster("web", 1), endpoints("web", &[backend])]
        .into_iter()
        .chain(listeners)
        .collect()
}

/// Who answers at an address, if anybody does.
pub async fn who(address: SocketAddr) -> Option<String> {
    let mut stream = TcpStream::connect(address).await.ok()?;
    let mut name = String::new();
    stream.read_to_string(&mut name).await.ok()?;
    (!name.is_empty()).then_some(name)
}

/// Waits until a backend answers at an address.
pub async fn answers(address: SocketAddr, name: &str) {
    eventually(&format!("{name} answers at {address}"), async || {
        who(address).await.filter(|answer| answer == name)
    })
    .await;
}
