//! A server on loopback that speaks WebSocket and HTTP on one port, on a thread of its own, by what its paths say:
//! `/echo` gives back every text · `/flood/N` sends N numbered texts · `/ping` pings once and says what came back ·
//! `/bye` closes with a reason · HTTP `/say/STATUS` answers with that status and says what it was asked · `/close` answers and
//! closes the connection.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::result_large_err)]

use futures_util::{SinkExt, StreamExt};
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio_tungstenite::tungstenite::handshake::server::{Request, Response};
use tokio_tungstenite::tungstenite::protocol::CloseFrame;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use tokio_tungstenite::tungstenite::{Bytes, Message};

/// What the server has seen.
#[derive(Default)]
pub struct Seen {
    /// Connections taken.
    pub connections: AtomicU64,
    /// WebSocket close frames.
    pub closes: AtomicU64,
    /// Texts given back; they are in the kernel's hands.
    pub echoes: AtomicU64,
}

/// A server; it lives as long as the test program. Not every test looks at what it has seen.
#[allow(dead_code)]
pub struct Loopback {
    pub address: SocketAddr,
    pub seen: Arc<Seen>,
}

impl Loopback {
    pub fn start() -> Self {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        listener.set_nonblocking(true).unwrap();
        let address = listener.local_addr().unwrap();
        let seen = Arc::new(Seen::default());
        let server = Arc::clone(&seen);
        std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(async {
                let listener = TcpListener::from_std(listener).unwrap();
                while let Ok((stream, _)) = listener.accept().await {
                    server.connections.fetch_add(1, Ordering::SeqCst);
                    tokio::spawn(serve(stream, Arc::clone(&server)));
                }
            });
        });
        Self { address, seen }
    }

    pub fn ws(&self, path: &str) -> String {
        format!("ws://{}{path}", self.address)
    }

    pub fn http(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }
}

async fn serve(stream: TcpStream, seen: Arc<Seen>) {
    let mut head = [0; 4096];
    // Looks without taking: a WebSocket's handshake is read again by its library.
    loop {
        let n = stream.peek(&mut head).await.unwrap_or(0);
        if n == 0 {
            return;
        }
        if head[..n].windows(4).any(|w| w == b"\r\n\r\n") {
            let text = String::from_utf8_lossy(&head[..n]).to_lowercase();
            return if text.contains("upgrade: websocket") && !text.starts_with("get /say") {
                web_socket(stream, seen).await;
            } else {
                http(stream).await;
            };
        }
        tokio::task::yield_now().await;
    }
}

async fn web_socket(stream: TcpStream, seen: Arc<Seen>) {
    let mut path = String::new();
    let note = |request: &Request, response: Response| {
        path = request.uri().path().to_owned();
        Ok(response)
    };
    let Ok(mut socket) = tokio_tungstenite::accept_hdr_async(stream, note).await else { return };
    if let Some(count) = path.strip_prefix("/flood/") {
        for n in 0..count.parse().unwrap() {
            if socket.feed(Message::Text(format!("{n} {}", "x".repeat(200)).into())).await.is_err() {
                return;
            }
        }
        socket.flush().await.ok();
    }
    if path == "/ping" {
        socket.send(Message::Ping(Bytes::from_static(b"are you there"))).await.ok();
    }
    if path == "/bye" {
        let frame = CloseFrame { code: CloseCode::Restart, reason: "back soon".into() };
        socket.close(Some(frame)).await.ok();
    }
    while let Some(Ok(message)) = socket.next().await {
        match message {
            Message::Text(text) => {
                let sent = socket.send(Message::Text(text)).await;
                seen.echoes.fetch_add(u64::from(sent.is_ok()), Ordering::SeqCst);
            }
            Message::Pong(said) => socket.send(Message::Text(format!("pong {}", String::from_utf8_lossy(&said)).into())).await.unwrap(),
            Message::Close(_) => {
                seen.closes.fetch_add(1, Ordering::SeqCst);
            }
            _ => {}
        }
    }
}

/// Requests of one connection, one after the other.
async fn http(mut stream: TcpStream) {
    let mut waiting = Vec::new();
    loop {
        let Some(end) = waiting.windows(4).position(|w| w == b"\r\n\r\n") else {
            let mut part = [0; 4096];
            match stream.read(&mut part).await {
                Ok(n) if n > 0 => waiting.extend_from_slice(&part[..n]),
                _ => return,
            }
            continue;
        };
        let head = String::from_utf8_lossy(&waiting[..end]).into_owned();
        let length = head.to_lowercase().lines().find_map(|l| l.strip_prefix("content-length: ").map(|n| n.parse().unwrap())).unwrap_or(0);
        while waiting.len() < end + 4 + length {
            let mut part = [0; 4096];
            let n = stream.read(&mut part).await.unwrap();
            waiting.extend_from_slice(&part[..n]);
        }
        let body = String::from_utf8_lossy(&waiting[end + 4..end + 4 + length]).into_owned();
        waiting.drain(..end + 4 + length);
        let path = head.split(' ').nth(1).unwrap().to_owned();
        if path.starts_with("/hang") {
            std::future::pending::<()>().await;
        }
        let status = path.strip_prefix("/say/").and_then(|p| p.split('?').next()).unwrap_or("200").to_owned();
        let said = format!("{head}\n\n{body}");
        let answer = format!("HTTP/1.1 {status} Said\r\nX-Used-Weight: 17\r\nContent-Length: {}\r\n\r\n{said}", said.len());
        if stream.write_all(answer.as_bytes()).await.is_err() || path.starts_with("/close") {
            return;
        }
    }
}
