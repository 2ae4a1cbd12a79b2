//! `/metrics` for Prometheus and `/health` for supervisors, on loopback, from a thread of their own.
//!
//! The loop leaves its figures on a board once a second; whoever asks reads the board and holds nobody up. A board that nobody wrote
//! on for [`STALE`] means that the loop stands still: `/health` says so.
//!
//! Text exposition format 0.0.4, <https://prometheus.io/docs/instrumenting/exposition_formats/> (2026).

use crate::drive::{LoopHealth, Onlooker};
use crate::health::{Health, VenueHealth};
use http_body_util::Full;
use hyper::body::{Bytes, Incoming};
use hyper::header::{CONTENT_TYPE, HeaderValue};
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use std::convert::Infallible;
use std::fmt::Write;
use std::net::{SocketAddr, TcpListener};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};
use tradewind_types::{Histogram, Nanos};

/// A board older than this means that the loop stands still.
pub const STALE: Duration = Duration::from_secs(5);

/// Why metrics are not served.
#[derive(Debug, thiserror::Error)]
pub enum MetricsError {
    /// Somebody else listens there, or nobody may.
    #[error("metrics cannot be served on {address}: {error}; set another address in node.metrics")]
    Listen {
        /// Where.
        address: SocketAddr,
        /// Why.
        error: std::io::Error,
    },
    /// The address can be reached from other machines.
    #[error("metrics are served on this machine's loopback only; {0} is none")]
    NotLoopback(SocketAddr),
}

type Look = (Instant, Health, LoopHealth);

/// Where the loop writes and metrics read. Cheap to clone; clones are the same board.
#[derive(Clone, Default)]
pub struct Board(Arc<Mutex<Option<Look>>>);

impl Onlooker for Board {
    fn look(&mut self, health: Health, own: &LoopHealth) {
        // A reader that panicked has written nothing.
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some((Instant::now(), health, own.clone()));
    }
}

impl Board {
    fn read(&self) -> Option<Look> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// Serves a board; it lives as long as the process. Gives the address, whose port was chosen where 0 was asked for.
///
/// # Errors
/// [`MetricsError`].
pub fn serve_metrics(address: SocketAddr, board: Board) -> Result<SocketAddr, MetricsError> {
    if !address.ip().is_loopback() {
        return Err(MetricsError::NotLoopback(address));
    }
    let refused = |error| MetricsError::Listen { address, error };
    let listener = TcpListener::bind(address).map_err(refused)?;
    listener.set_nonblocking(true).map_err(refused)?;
    let found = listener.local_addr().map_err(refused)?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(refused)?;
    let serve = move || runtime.block_on(accept(listener, board));
    std::thread::Builder::new().name("metrics".into()).spawn(serve).map_err(refused)?;
    Ok(found)
}

async fn accept(listener: TcpListener, board: Board) {
    let Ok(listener) = tokio::net::TcpListener::from_std(listener) else { return };
    loop {
        let Ok((stream, _)) = listener.accept().await else {
            // Out of descriptors, say: it passes or it does not.
            tokio::time::sleep(Duration::from_millis(100)).await;
            continue;
        };
        let board = board.clone();
        tokio::spawn(async move {
            let answer = service_fn(move |request| std::future::ready(Ok::<_, Infallible>(answer(&request, &board))));
            // A scraper that went away is nobody's loss.
            hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), answer).await.ok();
        });
    }
}

fn answer(request: &Request<Incoming>, board: &Board) -> Response<Full<Bytes>> {
    let (status, kind, text) = match (request.method(), request.uri().path()) {
        (&Method::GET, "/metrics") => {
            let text = board.read().map_or_else(String::new, |(_, health, own)| exposition(&health, &own));
            (StatusCode::OK, "text/plain; version=0.0.4", text)
        }
        (&Method::GET, "/health") => {
            let (status, text) = health_page(board.read());
            (status, "application/json", text)
        }
        _ => (StatusCode::NOT_FOUND, "text/plain", "GET /metrics or /health\n".to_owned()),
    };
    let mut response = Response::new(Full::new(Bytes::from(text)));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    response
}

fn health_page(look: Option<Look>) -> (StatusCode, String) {
    let complaints = match &look {
        None => vec!["the node has not begun".to_owned()],
        Some((at, ..)) if at.elapsed() > STALE => vec![format!("the loop has stood still for {} s", at.elapsed().as_secs())],
        Some((_, health, _)) => complaints(health),
    };
    let status = if complaints.is_empty() { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    let (trading, venues) = look.map_or((false, Vec::new()), |(_, health, _)| {
        (health.is_trading, health.venues.iter().map(|v| serde_json::json!({"venue": v.venue, "phase": v.phase})).collect())
    });
    let page = serde_json::json!({"ok": complaints.is_empty(), "trading": trading, "complaints": complaints, "venues": venues});
    (status, page.to_string() + "\n")
}

/// What is not as it should be.
fn complaints(health: &Health) -> Vec<String> {
    let fault = (!health.fault.is_empty()).then(|| health.fault.clone());
    let venues = health.venues.iter().filter(|v| !v.why_not.is_empty()).map(|v| format!("{}: {}", v.venue, v.why_not));
    let down = |v: &VenueHealth| {
        let names: Vec<&str> = v.links.iter().filter(|l| !l.is_up).map(|l| l.name).collect();
        (!names.is_empty()).then(|| format!("{}: down: {}", v.venue, names.join(", ")))
    };
    let unknown = (health.orders_unknown > 0).then(|| format!("orders of which nobody knows: {}", health.orders_unknown));
    let halted = (!health.is_trading && health.fault.is_empty()).then(|| "not every account trades".to_owned());
    fault.into_iter().chain(venues).chain(health.venues.iter().filter_map(down)).chain(unknown).chain(halted).collect()
}

/// Everything on the board in Prometheus' words.
#[must_use]
pub fn exposition(health: &Health, own: &LoopHealth) -> String {
    let mut page = Page(String::with_capacity(16 * 1024));
    page.gauge("trading", "1 where every account trades.", [("", u64::from(health.is_trading))]);
    page.counter("inputs_total", "Inputs sequenced.", [("", health.inputs)]);
    page.counter("orders_sent_total", "Order commands sent.", [("", health.orders_sent)]);
    page.gauge("orders_live", "Orders that are not over.", [("", health.orders_live as u64)]);
    page.gauge("orders_unknown", "Live orders of which nobody knows what became.", [("", health.orders_unknown as u64)]);
    page.counter("fills_total", "Fills booked.", [("", health.fills)]);
    let by_reason = |(reason, count): (&String, &u64)| (label(&[("reason", reason)]), *count);
    page.counter("refusals_total", "Orders our own limits refused.", health.refusals.iter().map(by_reason));
    page.counter("rejects_total", "Order commands venues refused.", health.rejects.iter().map(by_reason));
    venues(&mut page, &health.venues);
    let accounts = health.accounts.iter();
    page.gauge(
        "account_trading",
        "1 where the account trades.",
        accounts.map(|a| (label(&[("account", &a.account)]), u64::from(a.is_trading))),
    );
    let held =
        health.accounts.iter().flat_map(|a| a.balances.iter().map(|(asset, n)| (label(&[("account", &a.account), ("asset", asset)]), n)));
    page.gauge("balance", "What an account holds.", held);
    let held = health
        .accounts
        .iter()
        .flat_map(|a| a.positions.iter().map(|(symbol, n)| (label(&[("account", &a.account), ("symbol", symbol)]), n)));
    page.gauge("position", "Signed position.", held);
    page.histogram("loop_handle_seconds", "From hearing something to having done what it asked for.", [(String::new(), &own.handled)]);
    page.histogram("loop_lateness_seconds", "How late deadlines were told.", [(String::new(), &own.lateness)]);
    page.counter("clock_steps_total", "Times the wall clock was set.", [("", own.clock_steps)]);
    page.counter("stalls_total", "Times the process stood still.", [("", own.stalls)]);
    page.0
}

fn venues(page: &mut Page, venues: &[VenueHealth]) {
    let name = |v: &VenueHealth| label(&[("venue", v.venue)]);
    let each = |figure: fn(&VenueHealth) -> u64| venues.iter().map(move |v| (name(v), figure(v))).collect::<Vec<_>>();
    page.gauge(
        "venue_phase",
        "1 for where the venue is on its way.",
        venues.iter().map(|v| (label(&[("venue", v.venue), ("phase", v.phase)]), 1)),
    );
    let links = || venues.iter().flat_map(|v| v.links.iter().map(move |l| (label(&[("venue", v.venue), ("link", l.name)]), l)));
    page.gauge("link_up", "1 where the link is up.", links().map(|(at, l)| (at, u64::from(l.is_up))));
    page.counter("link_losses_total", "Times the link went down.", links().map(|(at, l)| (at, l.losses)));
    page.counter("market_messages_total", "Market messages heard.", each(|v| v.market_messages));
    page.counter("private_messages_total", "Private messages heard.", each(|v| v.private_messages));
    page.counter("book_gaps_total", "Books that lost their trust.", each(|v| v.gaps));
    page.counter("unread_total", "Messages that could not be read.", each(|v| v.unread));
    page.gauge("unanswered", "Commands and questions without an answer.", each(|v| v.unanswered as u64));
    let ages = venues.iter().filter_map(|v| v.market_age.map(|age| (name(v), seconds(age))));
    page.gauge("market_age_seconds", "Age of the last market message.", ages);
    page.gauge("clock_offset_seconds", "The venue's clock less ours.", venues.iter().map(|v| (name(v), seconds(v.clock_offset))));
    let limits = || {
        venues
            .iter()
            .flat_map(|v| v.rate_limits.iter().map(move |(limit, used, most)| (label(&[("venue", v.venue), ("limit", limit)]), used, most)))
    };
    page.gauge("rate_limit_used", "Used of a rate limit.", limits().map(|(at, used, _)| (at, *used)));
    page.gauge("rate_limit_capacity", "Most that a rate limit lets through.", limits().map(|(at, _, most)| (at, *most)));
    page.histogram(
        "feed_latency_seconds",
        "From the venue's stamp of a market message to us.",
        venues.iter().map(|v| (name(v), &v.feed_latency)),
    );
    page.histogram(
        "answer_latency_seconds",
        "From sending an order command to its answer.",
        venues.iter().map(|v| (name(v), &v.answer_latency)),
    );
}

struct Page(String);

impl Page {
    fn gauge<L: AsRef<str>, V: ToString>(&mut self, name: &str, help: &str, values: impl IntoIterator<Item = (L, V)>) {
        self.family(name, help, "gauge", values);
    }

    fn counter<L: AsRef<str>, V: ToString>(&mut self, name: &str, help: &str, values: impl IntoIterator<Item = (L, V)>) {
        self.family(name, help, "counter", values);
    }

    fn family<L: AsRef<str>, V: ToString>(&mut self, name: &str, help: &str, kind: &str, values: impl IntoIterator<Item = (L, V)>) {
        self.head(name, help, kind);
        for (labels, value) in values {
            let labels = labels.as_ref();
            let labels = if labels.is_empty() { String::new() } else { format!("{{{labels}}}") };
            self.line(&format!("{name}{labels} {}", value.to_string()));
        }
    }

    fn histogram<'a>(&mut self, name: &str, help: &str, values: impl IntoIterator<Item = (String, &'a Histogram)>) {
        self.head(name, help, "histogram");
        for (labels, histogram) in values {
            let comma = if labels.is_empty() { "" } else { "," };
            let mut below = 0;
            let (_, bounded) = histogram.counts.split_last().unwrap_or((&0, &[]));
            for (power, count) in bounded.iter().enumerate() {
                below += count;
                let bound = seconds(Nanos(1000 << power));
                self.line(&format!("{name}_bucket{{{labels}{comma}le=\"{bound}\"}} {below}"));
            }
            self.line(&format!("{name}_bucket{{{labels}{comma}le=\"+Inf\"}} {}", histogram.total()));
            let labels = if labels.is_empty() { String::new() } else { format!("{{{labels}}}") };
            self.line(&format!("{name}_sum{labels} {}", seconds(histogram.sum)));
            self.line(&format!("{name}_count{labels} {}", histogram.total()));
        }
    }

    fn head(&mut self, name: &str, help: &str, kind: &str) {
        let text = format!("# HELP tradewind_{name} {help}\n# TYPE tradewind_{name} {kind}\n");
        self.0.push_str(&text);
    }

    fn line(&mut self, text: &str) {
        self.0.push_str("tradewind_");
        self.0.push_str(text);
        self.0.push('\n');
    }
}

/// Values may hold anything; quotes, backslashes and line ends are escaped.
fn label(pairs: &[(&str, &str)]) -> String {
    let mut text = String::new();
    for (n, (name, value)) in pairs.iter().enumerate() {
        let value = value.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n");
        let comma = if n > 0 { "," } else { "" };
        // Writing to a text cannot fail.
        write!(text, "{comma}{name}=\"{value}\"").ok();
    }
    text
}

/// Exact, in seconds.
fn seconds(span: Nanos) -> String {
    let (sign, nanos) = (if span.0 < 0 { "-" } else { "" }, span.0.unsigned_abs());
    let text = format!("{sign}{}.{:09}", nanos / 1_000_000_000, nanos % 1_000_000_000);
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}
