//! The shell that listens: one loopback port per venue, REST and WebSocket on the same one.
//!
//! Everything runs on one thread; the emulator is a state machine, and a thread is enough for tens of thousands of requests a
//! second. A client that does not read what it is sent is cut off when its queue is full.

use crate::emulator::Emulator;
use crate::faults::BROKEN;
use crate::front::{ConnId, Frame, HttpIn, HttpOut};
use crate::house::{Client, Credentials, House};
use crate::venues::Venue;
use futures_util::{SinkExt, StreamExt};
use http_body_util::{BodyExt, Full, LengthLimitError, Limited};
use hyper::body::{Bytes, Incoming};
use hyper::header::{CONNECTION, SEC_WEBSOCKET_ACCEPT, SEC_WEBSOCKET_KEY, UPGRADE};
use hyper::service::service_fn;
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::rc::Rc;
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Notify, mpsc};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;
use tokio_tungstenite::tungstenite::protocol::frame::CloseFrame;
use tokio_tungstenite::tungstenite::protocol::{Role, WebSocketConfig};
use tradewind_types::Timestamp;

/// Frames that wait for a client that reads too slowly.
const QUEUE: usize = 65_536;
const MAX_BODY: usize = 1 << 20;
const MAX_MESSAGE: usize = 1 << 20;
/// The clock is looked at least this often.
const LONGEST_SLEEP: Duration = Duration::from_millis(50);

/// What time it is.
pub type Clock = fn() -> Timestamp;

/// What a user needs to know of each venue: where it is, and the clients with their keys and balances. `key`, `secret`,
/// `passphrase` and `balances` are those of the first client.
#[must_use]
pub fn announcements(emulator: &Emulator, addresses: &[SocketAddr]) -> Vec<serde_json::Value> {
    let announce = |((venue, house), address): ((Venue, &House), &SocketAddr)| {
        let accounts: Vec<serde_json::Value> = house.clients().iter().map(|client| account(house, client)).collect();
        let mut said = serde_json::json!({
            "venue": venue.name(),
            "http": format!("http://{address}"),
            "ws": format!("ws://{address}"),
        });
        if let (Some(said), Some(serde_json::Value::Object(first))) = (said.as_object_mut(), accounts.first()) {
            said.extend(first.clone());
            said.insert("accounts".to_owned(), accounts.into());
        }
        said
    };
    emulator.venues().zip(addresses).map(announce).collect()
}

fn account(house: &House, client: &Client) -> serde_json::Value {
    let balances = |account| -> serde_json::Map<String, serde_json::Value> {
        let held = house.balances(account).into_iter().filter(|(_, balance)| balance.wallet.0 != 0);
        held.map(|(asset, balance)| (house.asset_symbol(asset).to_owned(), house.amount_text(balance.wallet, 0).into())).collect()
    };
    let Credentials { key, secret, passphrase } = &client.credentials;
    serde_json::json!({
        "key": key,
        "secret": secret.reveal(),
        "passphrase": passphrase.reveal(),
        "balances": balances(client.spot),
        "derivatives_balances": balances(client.derivatives),
    })
}

struct Shared {
    emulator: RefCell<Emulator>,
    queues: RefCell<BTreeMap<ConnId, mpsc::Sender<Frame>>>,
    frames: RefCell<Vec<(ConnId, Frame)>>,
    clock: Clock,
    /// Told when something may be due earlier than it was.
    stirred: Notify,
}

impl Shared {
    /// Lets something happen in the emulator, and sends what follows.
    fn with<T>(&self, act: impl FnOnce(&mut Emulator, Timestamp) -> T) -> T {
        let mut emulator = self.emulator.borrow_mut();
        let done = act(&mut emulator, (self.clock)());
        let mut frames = self.frames.borrow_mut();
        emulator.take_frames(&mut frames);
        if !frames.is_empty() {
            let mut queues = self.queues.borrow_mut();
            for (conn, frame) in frames.drain(..) {
                let is_last = matches!(frame, Frame::Close { .. });
                let sent = queues.get(&conn).is_some_and(|queue| queue.try_send(frame).is_ok());
                if is_last || !sent {
                    // Without its queue the connection's task ends.
                    queues.remove(&conn);
                    emulator.disconnect(conn);
                }
            }
        }
        done
    }
}

/// Ports that are open, one per venue in order.
pub struct Listening {
    listeners: Vec<TcpListener>,
}

impl Listening {
    /// Opens loopback ports for so many venues: from `port_base` on, or any where that is 0.
    ///
    /// # Errors
    /// A port that cannot be had.
    pub async fn open(venues: usize, port_base: u16) -> io::Result<Self> {
        let mut listeners = Vec::new();
        for index in 0..venues {
            let port = if port_base == 0 { 0 } else { port_base.saturating_add(u16::try_from(index).unwrap_or(u16::MAX)) };
            listeners.push(TcpListener::bind(SocketAddr::from((Ipv4Addr::LOCALHOST, port))).await?);
        }
        Ok(Self { listeners })
    }

    /// Where each venue is.
    ///
    /// # Errors
    /// A socket that does not know its address.
    pub fn addresses(&self) -> io::Result<Vec<SocketAddr>> {
        self.listeners.iter().map(TcpListener::local_addr).collect()
    }

    /// Serves until `stop` is over. Runs on a current-thread runtime within a [`tokio::task::LocalSet`].
    ///
    /// # Errors
    /// A port that fails.
    pub async fn serve(self, emulator: Emulator, clock: Clock, stop: impl Future<Output = ()>) -> io::Result<()> {
        let shared = Rc::new(Shared {
            emulator: RefCell::new(emulator),
            queues: RefCell::default(),
            frames: RefCell::default(),
            clock,
            stirred: Notify::new(),
        });
        let mut tasks = tokio::task::JoinSet::new();
        for (venue, listener) in self.listeners.into_iter().enumerate() {
            tasks.spawn_local(accept(Rc::clone(&shared), venue, listener));
        }
        tasks.spawn_local(keep_time(shared));
        tokio::select! {
            () = stop => Ok(()),
            Some(ended) = tasks.join_next() => ended.unwrap_or_else(|failed| Err(io::Error::other(failed))),
        }
    }
}

/// Lets what is due happen.
async fn keep_time(shared: Rc<Shared>) -> io::Result<()> {
    loop {
        let due = shared.with(|emulator, now| {
            emulator.advance(now);
            emulator.next_deadline().map(|due| due.since(now).0)
        });
        let nanos = due.and_then(|nanos| u64::try_from(nanos).ok()).unwrap_or(0);
        let wait = due.map_or(LONGEST_SLEEP, |_| Duration::from_nanos(nanos).clamp(Duration::from_millis(1), LONGEST_SLEEP));
        tokio::select! {
            () = tokio::time::sleep(wait) => {}
            () = shared.stirred.notified() => {}
        }
    }
}

async fn accept(shared: Rc<Shared>, venue: usize, listener: TcpListener) -> io::Result<()> {
    let mut tasks = tokio::task::JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => {
                let (stream, _) = accepted?;
                stream.set_nodelay(true)?;
                tasks.spawn_local(converse(Rc::clone(&shared), venue, stream));
            }
            Some(_) = tasks.join_next() => {}
        }
    }
}

/// One TCP connection: requests one after another, or a WebSocket.
async fn converse(shared: Rc<Shared>, venue: usize, stream: TcpStream) {
    let answer = |request: Request<Incoming>| {
        let shared = Rc::clone(&shared);
        async move { respond(shared, venue, request).await.ok_or(NoAnswer) }
    };
    let connection = hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), service_fn(answer));
    // A connection that breaks is the other side's affair.
    connection.with_upgrades().await.ok();
}

/// The connection breaks before the answer, as a fault asks for.
#[derive(Debug, thiserror::Error)]
#[error("the connection breaks before the answer")]
struct NoAnswer;

/// None where the connection is to break before the answer.
async fn respond(shared: Rc<Shared>, venue: usize, mut request: Request<Incoming>) -> Option<Response<Full<Bytes>>> {
    if request.headers().contains_key(UPGRADE) {
        return Some(upgrade(&shared, venue, &mut request));
    }
    let (parts, body) = request.into_parts();
    let body = match Limited::new(body, MAX_BODY).collect().await {
        Ok(body) => body.to_bytes(),
        Err(error) if error.is::<LengthLimitError>() => return Some(plain(StatusCode::PAYLOAD_TOO_LARGE)),
        Err(_) => return Some(plain(StatusCode::BAD_REQUEST)),
    };
    let text = |value: &hyper::header::HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
    let headers: Vec<_> = parts.headers.iter().map(|(name, value)| (name.as_str().to_owned(), text(value))).collect();
    let (path, query) = (parts.uri.path(), parts.uri.query().unwrap_or(""));
    let heard = HttpIn { method: parts.method.as_str(), path, query, headers: &headers, body: &body };
    let answer = shared.with(|emulator, now| emulator.http(now, venue, &heard));
    shared.stirred.notify_one();
    answer.map(rendered)
}

fn rendered(answer: HttpOut) -> Response<Full<Bytes>> {
    let mut builder = Response::builder().status(answer.status);
    for (name, value) in &answer.headers {
        builder = builder.header(name, value);
    }
    builder.body(Full::new(Bytes::from(answer.body))).unwrap_or_else(|_| plain(StatusCode::INTERNAL_SERVER_ERROR))
}

fn plain(status: StatusCode) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(Bytes::new()));
    *response.status_mut() = status;
    response
}

/// Takes a WebSocket connection, if the venue does; compression is not offered.
fn upgrade(shared: &Rc<Shared>, venue: usize, request: &mut Request<Incoming>) -> Response<Full<Bytes>> {
    let Some(key) = request.headers().get(SEC_WEBSOCKET_KEY).map(|key| derive_accept_key(key.as_bytes())) else {
        return plain(StatusCode::BAD_REQUEST);
    };
    let (send, receive) = mpsc::channel(QUEUE);
    let (path, query) = (request.uri().path().to_owned(), request.uri().query().unwrap_or("").to_owned());
    let connected = shared.with(|emulator, now| {
        let conn = emulator.connect(now, venue, &path, &query)?;
        shared.queues.borrow_mut().insert(conn, send);
        Ok(conn)
    });
    let conn = match connected {
        Ok(conn) => conn,
        Err(refusal) => return rendered(refusal),
    };
    let upgrading = hyper::upgrade::on(request);
    let task = Rc::clone(shared);
    tokio::task::spawn_local(async move {
        if let Ok(upgraded) = upgrading.await {
            let config = WebSocketConfig::default().max_message_size(Some(MAX_MESSAGE)).max_frame_size(Some(MAX_MESSAGE));
            let socket = WebSocketStream::from_raw_socket(TokioIo::new(upgraded), Role::Server, Some(config)).await;
            exchange(&task, conn, socket, receive).await;
        }
        task.queues.borrow_mut().remove(&conn);
        task.emulator.borrow_mut().disconnect(conn);
    });
    let mut response = plain(StatusCode::SWITCHING_PROTOCOLS);
    let headers = response.headers_mut();
    headers.insert(CONNECTION, hyper::header::HeaderValue::from_static("Upgrade"));
    headers.insert(UPGRADE, hyper::header::HeaderValue::from_static("websocket"));
    if let Ok(key) = key.parse() {
        headers.insert(SEC_WEBSOCKET_ACCEPT, key);
    }
    response
}

type Socket = WebSocketStream<TokioIo<hyper::upgrade::Upgraded>>;

/// Carries messages both ways until one side ends.
async fn exchange(shared: &Rc<Shared>, conn: ConnId, socket: Socket, mut frames: mpsc::Receiver<Frame>) {
    let (mut sink, mut stream) = socket.split();
    let writing = async {
        while let Some(frame) = frames.recv().await {
            let is_last = matches!(frame, Frame::Close { .. });
            if matches!(frame, Frame::Close { code: BROKEN, .. }) {
                return;
            }
            if sink.feed(message(frame)).await.is_err() {
                return;
            }
            // What waits goes out together.
            if (frames.is_empty() && sink.flush().await.is_err()) || is_last {
                return;
            }
        }
    };
    let reading = async {
        while let Some(Ok(heard)) = stream.next().await {
            match heard {
                Message::Text(text) => shared.with(|emulator, now| emulator.receive(now, conn, text.as_bytes())),
                Message::Binary(bytes) => shared.with(|emulator, now| emulator.receive(now, conn, &bytes)),
                Message::Pong(payload) => shared.with(|emulator, now| emulator.pong(now, conn, &payload)),
                // The library answers pings as it reads on.
                Message::Ping(_) | Message::Frame(_) => {}
                Message::Close(_) => return,
            }
            shared.stirred.notify_one();
        }
    };
    tokio::select! {
        () = writing => {}
        () = reading => {}
    }
}

fn message(frame: Frame) -> Message {
    match frame {
        Frame::Text(text) => Message::Text(text.into()),
        Frame::Ping(payload) => Message::Ping(payload.into()),
        Frame::Pong(payload) => Message::Pong(payload.into()),
        Frame::Close { code, reason } => Message::Close(Some(CloseFrame { code: code.into(), reason: reason.into() })),
    }
}
