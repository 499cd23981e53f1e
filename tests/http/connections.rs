//! The interface on a socket, and clients that hold on to it.

use std::time::Duration;

use igw_envoy::http::serve;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::timeout;

use crate::gateway::Gateway;

/// A client that opens connections and says nothing must not keep a health check waiting, which an
/// orchestrator would answer with a restart.
#[tokio::test]
async fn silent_connections_make_room_for_a_health_check() {
    let gateway = Gateway::new();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let serving = serve(listener, gateway.state.clone(), std::future::pending());
    let serving = tokio::spawn(serving);
    let mut silent = Vec::new();
    for _ in 0..400 {
        silent.push(TcpStream::connect(address).await.unwrap());
    }
    let answer = timeout(Duration::from_secs(15), async {
        let mut asking = TcpStream::connect(address).await.unwrap();
        let request = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
        asking.write_all(request).await.unwrap();
        let mut answer = String::new();
        asking.read_to_string(&mut answer).await.unwrap();
        answer
    });
    let answer = answer.await.expect("the health check had to wait");
    assert!(answer.starts_with("HTTP/1.1 200 OK"), "{answer}");
    let mut nothing = [0];
    let first = &mut silent[0];
    assert_eq!(
        first.read(&mut nothing).await.unwrap(),
        0,
        "the oldest went"
    );
    serving.abort();
}
