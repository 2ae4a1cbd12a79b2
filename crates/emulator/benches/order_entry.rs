//! How many orders a second one venue's WebSocket order entry takes: `cargo bench -p tradewind-emulator --bench order_entry`.
//!
//! The server runs as `tradewind emulate` runs it, agents and all, on a thread of its own; this thread is one client that places
//! limit orders below the market and cancels them, a window of requests in flight. Printed: requests and orders a second, over the
//! whole run, and how long an answer took.

#![allow(clippy::unwrap_used, clippy::float_arithmetic, clippy::panic, clippy::disallowed_methods, reason = "a measurement")]

use futures_util::{SinkExt, StreamExt};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::{WebSocketStream, client_async};
use tradewind_emulator::emulator::{Emulator, EmulatorSetup};
use tradewind_emulator::faults::FaultSettings;
use tradewind_emulator::server::Listening;
use tradewind_emulator::signing::{hex, hmac_sha256};
use tradewind_emulator::venues::{RequestLimits, Venue};
use tradewind_types::Timestamp;

const WINDOW: usize = 128;
const REQUESTS: usize = 200_000;

fn now() -> Timestamp {
    Timestamp(SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_nanos() as i64)
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap()
}

fn main() {
    let setup = EmulatorSetup {
        start: now(),
        seed: 1,
        venues: vec![Venue::Bybit],
        accounts: 1,
        limits: RequestLimits::Lifted,
        faults: FaultSettings::default(),
    };
    let client = Venue::Bybit.house(1, 1).clients[0].credentials.clone();
    let (tell, told) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        let emulator = Emulator::new(&setup).unwrap();
        tokio::task::LocalSet::new().block_on(&runtime(), async {
            let listening = Listening::open(1, 0).await.unwrap();
            tell.send(listening.addresses().unwrap()[0]).unwrap();
            listening.serve(emulator, now, std::future::pending()).await.unwrap();
        });
    });
    let address = told.recv().unwrap();
    runtime().block_on(async {
        let stream = TcpStream::connect(address).await.unwrap();
        stream.set_nodelay(true).unwrap();
        let (mut socket, _) = client_async(format!("ws://{address}/v5/trade"), stream).await.unwrap();
        let expires = now().0 / 1_000_000 + 10_000;
        let signature = hex(&hmac_sha256(client.secret.reveal().as_bytes(), &[format!("GET/realtime{expires}").as_bytes()]));
        let auth = format!(r#"{{"op":"auth","args":["{}",{expires},"{signature}"]}}"#, client.key);
        socket.send(Message::text(auth)).await.unwrap();
        println!("{}", socket.next().await.unwrap().unwrap());
        load(&mut socket).await;
    });
}

/// Every second request cancels the order of the one before.
fn request(number: usize) -> String {
    let (order, at) = (number / 2, now().0 / 1_000_000);
    let header = format!(r#""header":{{"X-BAPI-TIMESTAMP":"{at}","X-BAPI-RECV-WINDOW":"5000"}}"#);
    if number % 2 == 0 {
        format!(
            r#"{{"reqId":"{number}",{header},"op":"order.create","args":[{{"category":"spot","symbol":"BTCUSDT","side":"Buy","orderType":"Limit","qty":"0.001","price":"50000","orderLinkId":"o{order}"}}]}}"#
        )
    } else {
        format!(
            r#"{{"reqId":"{number}",{header},"op":"order.cancel","args":[{{"category":"spot","symbol":"BTCUSDT","orderLinkId":"o{order}"}}]}}"#
        )
    }
}

async fn load(socket: &mut WebSocketStream<TcpStream>) {
    let (mut sent, mut heard) = (0, 0);
    let mut sent_at = vec![Instant::now(); REQUESTS];
    let mut took: Vec<Duration> = Vec::with_capacity(REQUESTS);
    let start = Instant::now();
    while heard < REQUESTS {
        while sent < REQUESTS && sent - heard < WINDOW {
            sent_at[sent] = Instant::now();
            socket.feed(Message::text(request(sent))).await.unwrap();
            sent += 1;
        }
        socket.flush().await.unwrap();
        let Message::Text(text) = socket.next().await.unwrap().unwrap() else { continue };
        assert!(text.contains(r#""retCode":0"#), "{text}");
        took.push(sent_at[heard].elapsed());
        heard += 1;
    }
    let seconds = start.elapsed().as_secs_f64();
    took.sort_unstable();
    println!(
        "{REQUESTS} requests in {seconds:.2} s: {:.0} requests/s, {:.0} orders placed/s; answer p50 {:?}, p99 {:?}, max {:?}",
        REQUESTS as f64 / seconds,
        REQUESTS as f64 / 2.0 / seconds,
        took[REQUESTS / 2],
        took[REQUESTS * 99 / 100],
        took[REQUESTS - 1]
    );
}
