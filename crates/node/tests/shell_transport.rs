//! The transport against a server on loopback: what gateways ask is done, and what happens is heard, in order and once.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod loopback;

use loopback::Loopback;
use std::future::poll_fn;
use std::sync::atomic::Ordering;
use std::task::Poll;
use std::time::{Duration, Instant};
use tradewind_node::{Heard, OVERRUN_AFTER, Transport, trust_this_machine};
use tradewind_types::{Nanos, Timestamp, VenueId};
use tradewind_venues::{Action, CallId, HttpRequest, Incoming, LinkId, Method, Purpose};

const VENUE: VenueId = VenueId(3);
const PUBLIC: LinkId = LinkId(0);
const PRIVATE: LinkId = LinkId(1);
const PATIENCE: Duration = Duration::from_secs(10);
/// Things heard before the reactor is looked at, as the node's loop does.
const BURST: u32 = 16;

/// A transport, the time it is told, and how much it was heard of since the reactor was last looked at.
struct Desk {
    transport: Transport,
    now: Timestamp,
    heard: u32,
}

impl Desk {
    fn new() -> Self {
        Self { transport: Transport::new(trust_this_machine().unwrap()), now: Timestamp(0), heard: 0 }
    }

    async fn ask(&mut self, action: Action) {
        let mut action = Some(action);
        poll_fn(|cx| {
            let purpose = |link| if link == PUBLIC { Purpose::Public } else { Purpose::Private };
            action.take().into_iter().for_each(|action| self.transport.perform(cx, VENUE, action, purpose));
            Poll::Ready(())
        })
        .await;
    }

    async fn connect(&mut self, link: LinkId, url: String) {
        self.ask(Action::Connect { link, attempt: 1, url }).await;
    }

    async fn send(&mut self, link: LinkId, text: &str) {
        self.ask(Action::Send { link, attempt: 1, frame: text.as_bytes().to_vec() }).await;
    }

    async fn request(&mut self, call: u64, method: Method, url: String, body: &str) {
        let headers = vec![("x-mbx-apikey", "the key".to_owned())];
        let request = HttpRequest { method, url, headers, body: body.as_bytes().to_vec() };
        self.ask(Action::Request { call: CallId(call), request }).await;
    }

    async fn next(&mut self) -> Heard {
        self.heard += 1;
        if self.heard.is_multiple_of(BURST) {
            tokio::task::yield_now().await;
        }
        let wait = poll_fn(|cx| self.transport.poll(cx, self.now));
        tokio::time::timeout(PATIENCE, wait).await.expect("something is heard")
    }

    /// What is heard next, in few words.
    async fn hear(&mut self) -> String {
        in_words(&self.next().await)
    }

    async fn hears_nothing(&mut self) {
        let wait = poll_fn(|cx| self.transport.poll(cx, self.now));
        let heard = tokio::time::timeout(Duration::from_millis(100), wait).await;
        assert!(heard.is_err(), "{}", in_words(&heard.unwrap()));
    }
}

fn in_words(heard: &Heard) -> String {
    assert_eq!(heard.venue, VENUE);
    match heard.incoming() {
        Incoming::Connected { link, attempt } => format!("{}.{attempt} connected", link.0),
        Incoming::Disconnected { link, attempt, why } => format!("{}.{attempt} disconnected: {why}", link.0),
        Incoming::Frame { link, attempt, text } => format!("{}.{attempt} {}", link.0, String::from_utf8_lossy(text)),
        Incoming::Alive { link, attempt } => format!("{}.{attempt} alive", link.0),
        Incoming::Response { call, status, body, .. } => format!("#{} {status} {}", call.0, String::from_utf8_lossy(body)),
        Incoming::Failed { call, why } => format!("#{} failed: {why}", call.0),
    }
}

fn run(test: impl AsyncFnOnce(Desk, Loopback)) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(test(Desk::new(), Loopback::start()));
}

#[test]
fn frames_go_out_and_come_back_in_order() {
    run(async |mut desk, server| {
        desk.connect(PRIVATE, server.ws("/echo")).await;
        assert_eq!(desk.hear().await, "1.1 connected");
        for n in 0..2000 {
            desk.send(PRIVATE, &format!("order {n}")).await;
        }
        for n in 0..2000 {
            assert_eq!(desk.hear().await, format!("1.1 order {n}"));
        }
    });
}

#[test]
fn a_ping_is_answered_and_heard_as_a_sign_of_life() {
    run(async |mut desk, server| {
        desk.connect(PUBLIC, server.ws("/ping")).await;
        assert_eq!(desk.hear().await, "0.1 connected");
        assert_eq!(desk.hear().await, "0.1 alive");
        assert_eq!(desk.hear().await, "0.1 pong are you there");
    });
}

#[test]
fn what_is_said_of_a_socket_that_does_not_come_up_names_the_cause() {
    run(async |mut desk, server| {
        desk.connect(PUBLIC, server.ws("/bye")).await;
        assert_eq!(desk.hear().await, "0.1 connected");
        assert_eq!(desk.hear().await, "0.1 disconnected: closed by the venue: 1012 back soon");
        desk.connect(PUBLIC, server.ws("/say/418?listenKey=secret")).await;
        let refused = desk.hear().await;
        assert!(refused.contains("answered HTTP 418") && !refused.contains("secret"), "{refused}");
        let nobody = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        desk.connect(PUBLIC, format!("ws://{nobody}/ws/listen-key")).await;
        let refused = desk.hear().await;
        assert!(refused.contains("refused") && refused.contains(&nobody.to_string()) && !refused.contains("listen-key"), "{refused}");
        desk.connect(PUBLIC, "http://127.0.0.1/".to_owned()).await;
        assert_eq!(desk.hear().await, "0.1 disconnected: the address of 127.0.0.1 begins with neither ws:// nor wss://");
        desk.hears_nothing().await;
    });
}

#[test]
fn a_closed_socket_says_nothing_more_and_takes_nothing() {
    run(async |mut desk, server| {
        desk.connect(PRIVATE, server.ws("/echo")).await;
        assert_eq!(desk.hear().await, "1.1 connected");
        desk.send(PRIVATE, "said").await;
        desk.ask(Action::Close { link: PRIVATE, attempt: 1 }).await;
        desk.send(PRIVATE, "said too late").await;
        desk.hears_nothing().await;
        let since = Instant::now();
        while server.seen.closes.load(Ordering::SeqCst) == 0 {
            assert!(since.elapsed() < PATIENCE, "the server heard no goodbye");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    });
}

#[test]
fn private_frames_pass_a_flood_of_market_data() {
    run(async |mut desk, server| {
        for (link, path) in [(PRIVATE, "/echo"), (PUBLIC, "/flood/20000")] {
            desk.connect(link, server.ws(path)).await;
            assert!(desk.hear().await.ends_with("connected"));
        }
        for n in 1..=5 {
            desk.send(PRIVATE, &format!("fill {n}")).await;
            // Nothing is looked at until both the flood and the fill lie in the kernel.
            let since = Instant::now();
            while server.seen.echoes.load(Ordering::SeqCst) < n {
                assert!(since.elapsed() < PATIENCE, "the fill is not on its way");
                std::thread::sleep(Duration::from_millis(1));
            }
            let mut before = 0;
            while desk.hear().await != format!("1.1 fill {n}") {
                before += 1;
            }
            assert!(before <= BURST, "{before} frames of market data before a fill");
        }
        let mut last = String::new();
        while !last.starts_with("0.1 19999 ") {
            last = desk.hear().await;
        }
    });
}

#[test]
fn market_data_that_overruns_is_closed_and_private_frames_never_are() {
    run(async |mut desk, server| {
        desk.connect(PUBLIC, server.ws("/flood/50000")).await;
        desk.connect(PRIVATE, server.ws("/flood/50000")).await;
        let (mut private, mut first_public) = (0, None);
        loop {
            // Each look is a tenth of a second after the one before, so every frame of the floods comes too late.
            desk.now = desk.now.plus(Nanos::from_millis(100));
            let heard = desk.hear().await;
            if heard.starts_with("1.1 ") && !heard.ends_with("connected") {
                assert!(heard.starts_with(&format!("1.1 {private} ")), "{private}: {heard}");
                private += 1;
            } else if heard.starts_with("0.1 disconnected") {
                assert!(heard.contains("faster than it could be read"), "{heard}");
                break;
            } else if heard.starts_with("0.1 ") {
                first_public.get_or_insert(desk.now);
            }
        }
        // Private frames may have been all that was looked at between: what counts is how late market data is.
        let behind = desk.now.since(first_public.expect("market data came before it was late"));
        assert!(behind >= OVERRUN_AFTER, "closed after {behind:?}");
        while private < 50_000 {
            desk.now = desk.now.plus(Nanos::from_millis(100));
            let heard = desk.hear().await;
            assert!(heard.starts_with("1.1 "), "{heard}");
            private += i32::from(!heard.ends_with("connected"));
        }
    });
}

#[test]
fn requests_keep_their_connection_and_answers_name_their_call() {
    run(async |mut desk, server| {
        for n in 1..=5 {
            desk.request(n, Method::Post, server.http("/say/201?n=1"), "{\"qty\":1}").await;
            let heard = desk.next().await;
            let Incoming::Response { call, status, headers, body } = heard.incoming() else { panic!("{}", in_words(&heard)) };
            assert_eq!((call, status), (CallId(n), 201));
            assert!(headers.contains(&("x-used-weight".to_owned(), "17".to_owned())), "{headers:?}");
            let said = String::from_utf8_lossy(body);
            assert!(said.starts_with("POST /say/201?n=1 HTTP/1.1") && said.ends_with("{\"qty\":1}"), "{said}");
            assert!(said.contains("x-mbx-apikey: the key"), "{said}");
        }
        assert_eq!(server.seen.connections.load(Ordering::SeqCst), 1);
    });
}

#[test]
fn a_connection_that_the_venue_closed_is_made_anew() {
    run(async |mut desk, server| {
        for n in 1..=3 {
            desk.request(n, Method::Get, server.http("/close"), "").await;
            assert!(desk.hear().await.starts_with(&format!("#{n} 200 GET /close")));
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        assert_eq!(server.seen.connections.load(Ordering::SeqCst), 3);
    });
}

#[test]
fn a_request_that_fails_says_why_and_keeps_its_signature_to_itself() {
    run(async |mut desk, _server| {
        let nobody = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        desk.request(7, Method::Delete, format!("http://{nobody}/order?signature=feed"), "").await;
        let heard = desk.hear().await;
        assert!(heard.starts_with("#7 failed: ") && heard.contains("refused") && !heard.contains("feed"), "{heard}");
        desk.request(8, Method::Get, "no address at all".to_owned(), "").await;
        assert!(desk.hear().await.starts_with("#8 failed: "));
    });
}
