//! Clients that do what no client should: none of them harms another, and none is held on to.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "tests fail by panicking"
)]

mod support;

use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt, Full, StreamBody};
use hyper::body::Frame;
use hyper_util::rt::{TokioExecutor, TokioIo};
use igw_envoy::envoy::ResourceType::{Cluster, Endpoints};
use igw_envoy::envoy::Variant;
use igw_envoy::envoy::bootstrap::XdsAddress;
use support::discovery::{Ask, Server, Talk, VARIANTS, Way, path};
use support::eventually;
use support::resources::cluster;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tonic::Code;

async fn server() -> Server {
    Server::with([cluster("a", 1)]).await
}

/// A client that came after the trouble is served as ever.
async fn serves(server: &Server) {
    for variant in VARIANTS {
        let channel = server.connect(Way::Tcp).await;
        let mut talk = Talk::open(&channel, None, variant).await.unwrap();
        talk.want(Cluster, &[]).await;
        talk.expect(Cluster, &["a"]).await;
    }
}

/// Everything that was opened is closed again.
async fn is_empty(server: &Server) {
    eventually("every stream is closed", async || {
        let (opened, closed) = (server.notes.count("opened"), server.notes.count("closed"));
        (opened == closed).then_some(())
    })
    .await;
}

async fn tcp(server: &Server) -> TcpStream {
    let XdsAddress::Tcp(address) = server.address(Way::Tcp) else {
        panic!("a TCP address");
    };
    TcpStream::connect(address).await.unwrap()
}

/// A request over plain HTTP/2: a path and the bytes of its body, whatever they are.
async fn raw(server: &Server, path: &str, body: Bytes) -> (Option<String>, Option<String>) {
    let io = TokioIo::new(tcp(server).await);
    let (mut sender, connection) = hyper::client::conn::http2::handshake(TokioExecutor::new(), io)
        .await
        .unwrap();
    tokio::spawn(connection);
    let request = hyper::Request::post(format!("http://igw{path}"))
        .header("content-type", "application/grpc")
        .header("te", "trailers")
        .body(Full::new(body))
        .unwrap();
    let answer = sender.send_request(request).await.unwrap();
    let headers = answer.headers().clone();
    let body = answer.into_body().collect().await.ok();
    let trailers = body
        .and_then(|body| body.trailers().cloned())
        .unwrap_or_default();
    let status = |name: &str| {
        let value = trailers.get(name).or(headers.get(name))?;
        Some(value.to_str().ok()?.to_owned())
    };
    (status("grpc-status"), status("grpc-message"))
}

/// A gRPC message: not compressed, its length, its bytes.
fn message(bytes: &[u8]) -> Bytes {
    let mut framed = vec![0];
    framed.extend_from_slice(&u32::try_from(bytes.len()).unwrap().to_be_bytes());
    framed.extend_from_slice(bytes);
    framed.into()
}

#[tokio::test]
async fn bytes_that_are_no_request_end_their_stream() {
    let server = server().await;
    for variant in VARIANTS {
        for scope in [None, Some(Cluster)] {
            let path = path(scope, variant);
            for bytes in [&[0xff; 40][..], &[0x0a, 0x7f, 1], &[0x22, 2, 0xff, 0xfe]] {
                let (status, words) = raw(&server, &path, message(bytes)).await;
                assert_eq!(status.as_deref(), Some("3"), "{words:?}");
            }
            // No message at all; one that is announced and does not come; one that is compressed.
            for body in [&[][..], &[0, 0, 0, 1, 0, 1], &[1, 0, 0, 0, 1, 1]] {
                let (status, words) = raw(&server, &path, Bytes::copy_from_slice(body)).await;
                assert!(status.is_some(), "no end: {words:?}");
            }
        }
    }
    serves(&server).await;
    is_empty(&server).await;
}

#[tokio::test]
async fn a_message_of_the_other_variant_is_no_request() {
    use envoy_types::pb::envoy::config::core::v3::Node;
    use envoy_types::pb::envoy::service::discovery::v3 as pb;
    use prost::Message;
    let server = server().await;
    let node = Some(Node {
        id: "envoy1".to_owned(),
        ..Node::default()
    });
    let sotw = pb::DiscoveryRequest {
        version_info: "1".to_owned(),
        node: node.clone(),
        type_url: Cluster.type_url().to_owned(),
        ..Default::default()
    };
    let delta = pb::DeltaDiscoveryRequest {
        node,
        type_url: Cluster.type_url().to_owned(),
        ..Default::default()
    };
    for (variant, bytes) in [
        (Variant::Delta, sotw.encode_to_vec()),
        (Variant::StateOfTheWorld, delta.encode_to_vec()),
    ] {
        let (status, words) = raw(&server, &path(None, variant), message(&bytes)).await;
        assert_eq!(status.as_deref(), Some("3"), "{variant:?}: {words:?}");
    }
    serves(&server).await;
}

#[tokio::test]
async fn a_name_may_be_long_and_a_request_may_be_too_large() {
    let server = server().await;
    let long = "n".repeat(8 << 20);
    for variant in VARIANTS {
        let channel = server.connect(Way::Tcp).await;
        let mut talk = Talk::open(&channel, None, variant).await.unwrap();
        talk.want(Endpoints, &[&long]).await;
        if variant == Variant::Delta {
            assert_eq!(talk.hear().await.removed, std::slice::from_ref(&long));
        }
        talk.want(Cluster, &[]).await;
        talk.expect(Cluster, &["a"]).await;
        // Above what a request may be.
        let names = vec![&*long; 9];
        talk.want(Endpoints, &names).await;
        let status = talk.end().await.expect("a complaint");
        assert_eq!(status.code(), Code::OutOfRange, "{status}");
    }
    serves(&server).await;
    is_empty(&server).await;
}

#[tokio::test]
async fn streams_that_are_reset_leave_nothing_behind() {
    let server = server().await;
    let channel = server.connect(Way::Tcp).await;
    for round in 0..200 {
        let variant = VARIANTS[round % 2];
        let mut talk = Talk::open(&channel, None, variant).await.unwrap();
        talk.want(Cluster, &[]).await;
        if round % 3 == 0 {
            talk.hear().await;
        }
        // Dropping it resets the stream; the connection goes on.
        drop(talk);
    }
    serves(&server).await;
    drop(channel);
    is_empty(&server).await;
}

#[tokio::test]
async fn a_connection_may_carry_many_streams() {
    let server = server().await;
    let channel = server.connect(Way::Tcp).await;
    let mut talks = Vec::new();
    for n in 0..150 {
        let mut talk = Talk::open(&channel, None, VARIANTS[n % 2]).await.unwrap();
        talk.want(Cluster, &[]).await;
        talks.push(talk);
    }
    for talk in &mut talks {
        talk.expect(Cluster, &["a"]).await;
    }
    server.publish([cluster("a", 2)]);
    for talk in &mut talks {
        talk.expect(Cluster, &["a"]).await;
    }
    drop((talks, channel));
    is_empty(&server).await;
}

/// More streams than a connection may have wait for their turn, and only they.
#[tokio::test]
async fn too_many_streams_wait_on_their_own_connection() {
    let server = server().await;
    let channel = server.connect(Way::Tcp).await;
    let mut talks = Vec::new();
    let filled = loop {
        let opening = Talk::open(&channel, None, Variant::Delta);
        match tokio::time::timeout(Duration::from_secs(1), opening).await {
            Ok(talk) => talks.push(talk.unwrap()),
            Err(_) => break talks.len(),
        }
        assert!(
            talks.len() < 2000,
            "no limit to the streams of a connection"
        );
    };
    assert!(filled >= 100, "only {filled} streams at once");
    serves(&server).await;
    talks.pop();
    let mut late = Talk::open(&channel, None, Variant::Delta).await.unwrap();
    late.want(Cluster, &[]).await;
    late.expect(Cluster, &["a"]).await;
}

#[tokio::test]
async fn what_is_no_http_2_is_hung_up_on() {
    let server = server().await;
    for bytes in [
        &b"GET / HTTP/1.1\r\nHost: igw\r\n\r\n"[..],
        &[0; 100],
        // The preface, then a frame that is longer than any may be.
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\xff\xff\xff\x00\x00\x00\x00\x00\x01",
    ] {
        let mut stream = tcp(&server).await;
        stream.write_all(bytes).await.unwrap();
        let mut answer = Vec::new();
        let end = stream.read_to_end(&mut answer);
        tokio::time::timeout(Duration::from_secs(20), end)
            .await
            .expect("hung up on")
            // A reset is an end, too.
            .ok();
    }
    serves(&server).await;
}

#[tokio::test]
async fn headers_may_be_large_but_not_that_large() {
    let server = server().await;
    let io = TokioIo::new(tcp(&server).await);
    let (mut sender, connection) = hyper::client::conn::http2::handshake(TokioExecutor::new(), io)
        .await
        .unwrap();
    tokio::spawn(connection);
    let mut request = hyper::Request::post(format!("http://igw{}", path(None, Variant::Delta)))
        .header("content-type", "application/grpc");
    for n in 0..200 {
        request = request.header(format!("x-filler-{n}"), "x".repeat(1000));
    }
    let request = request.body(Full::new(Bytes::new())).unwrap();
    let answer = tokio::time::timeout(Duration::from_secs(20), sender.send_request(request));
    // Refused by HTTP, whatever way: not by running out of memory.
    match answer.await.expect("an end") {
        Ok(answer) => assert!(!answer.status().is_success(), "{answer:?}"),
        Err(error) => assert!(!error.is_timeout(), "{error}"),
    }
    serves(&server).await;
}

#[tokio::test]
async fn a_request_that_comes_byte_by_byte_is_read() {
    use envoy_types::pb::envoy::config::core::v3::Node;
    use envoy_types::pb::envoy::service::discovery::v3::DeltaDiscoveryRequest;
    use prost::Message;
    let server = server().await;
    let request = DeltaDiscoveryRequest {
        node: Some(Node {
            id: "envoy1".to_owned(),
            ..Node::default()
        }),
        type_url: Cluster.type_url().to_owned(),
        ..Default::default()
    };
    let bytes = message(&request.encode_to_vec());
    let (pieces, body) = tokio::sync::mpsc::channel(1);
    let body = tokio_stream::wrappers::ReceiverStream::new(body);
    let io = TokioIo::new(tcp(&server).await);
    let (mut sender, connection) = hyper::client::conn::http2::handshake(TokioExecutor::new(), io)
        .await
        .unwrap();
    tokio::spawn(connection);
    let request = hyper::Request::post(format!("http://igw{}", path(None, Variant::Delta)))
        .header("content-type", "application/grpc")
        .header("te", "trailers")
        .body(StreamBody::new(body))
        .unwrap();
    let answering = tokio::spawn(sender.send_request(request));
    for n in 0..bytes.len() {
        let piece = Ok::<_, std::convert::Infallible>(Frame::data(bytes.slice(n..=n)));
        pieces.send(piece).await.unwrap();
    }
    let mut body = answering.await.unwrap().unwrap().into_body();
    let first = tokio::time::timeout(Duration::from_secs(20), body.frame()).await;
    let first = first
        .expect("an answer")
        .unwrap()
        .unwrap()
        .into_data()
        .unwrap();
    assert!(first.windows(7).any(|bytes| bytes == b"Cluster"));
}

#[tokio::test]
async fn a_first_request_without_a_node_takes_no_more_than_itself() {
    let server = server().await;
    let channel = server.connect(Way::Unix).await;
    for _ in 0..50 {
        let mut talk = Talk::open(&channel, None, Variant::Delta).await.unwrap();
        talk.ask(Ask {
            type_url: Cluster.type_url(),
            without_node: true,
            ..Ask::default()
        })
        .await;
        assert_eq!(talk.end().await.unwrap().code(), Code::InvalidArgument);
    }
    assert_eq!(server.notes.count("opened"), 0);
    serves(&server).await;
}
