//! Requests over HTTP/1.1 with connections that are kept, by host.
//!
//! Requests leave in the order they were asked for; each takes a connection that is idle, or a new one, so on different
//! connections they may arrive in another. What must arrive in order goes over a socket, or waits for its answer.

use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Bytes;
use hyper::header::{HeaderName, HeaderValue, USER_AGENT};
use hyper_rustls::HttpsConnector;
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use rustls::ClientConfig;
use std::error::Error;
use std::time::Duration;
use tradewind_venues::{HttpRequest, Method};

/// An answer takes at most so long; a question's own deadline is shorter.
const LONGEST: Duration = Duration::from_secs(15);
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// Venues close idle connections after a minute or more.
const IDLE_KEPT: Duration = Duration::from_secs(50);
const IDLE_PER_HOST: usize = 8;
/// Binance's list of instruments is some 20 MB.
const LARGEST_BODY: usize = 128 << 20;

/// What a venue answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HttpAnswer {
    /// Status.
    pub status: u16,
    /// Names in lower case.
    pub headers: Vec<(String, String)>,
    /// Body.
    pub body: Vec<u8>,
}

/// Makes requests. Cheap to clone; clones share connections.
#[derive(Clone)]
pub struct HttpClient {
    client: Client<HttpsConnector<HttpConnector>, Full<Bytes>>,
}

impl HttpClient {
    /// A client that trusts as told. `http://` is spoken plainly.
    #[must_use]
    pub fn new(tls: ClientConfig) -> Self {
        let mut plain = HttpConnector::new();
        plain.enforce_http(false);
        plain.set_nodelay(true);
        plain.set_connect_timeout(Some(CONNECT_TIMEOUT));
        let connector =
            hyper_rustls::HttpsConnectorBuilder::new().with_tls_config(tls).https_or_http().enable_http1().wrap_connector(plain);
        let client = Client::builder(TokioExecutor::new())
            .pool_idle_timeout(IDLE_KEPT)
            .pool_max_idle_per_host(IDLE_PER_HOST)
            .pool_timer(TokioTimer::new())
            .build(connector);
        Self { client }
    }

    /// Makes one request.
    ///
    /// # Errors
    /// Why there is no answer. Whether the venue did what was asked is not known then. No address is named: it may hold a signature.
    pub async fn make(&self, request: HttpRequest) -> Result<HttpAnswer, String> {
        match tokio::time::timeout(LONGEST, self.exchange(request)).await {
            Ok(outcome) => outcome,
            Err(_) => Err(format!("no answer within {} s", LONGEST.as_secs())),
        }
    }

    async fn exchange(&self, request: HttpRequest) -> Result<HttpAnswer, String> {
        let response = self.client.request(translate(request)?).await.map_err(|error| innermost(&error))?;
        let status = response.status().as_u16();
        let headers = response.headers().iter();
        let headers = headers.map(|(name, value)| (name.as_str().to_owned(), String::from_utf8_lossy(value.as_bytes()).into_owned()));
        let headers = headers.collect();
        let body = Limited::new(response.into_body(), LARGEST_BODY).collect().await.map_err(|error| innermost(&*error))?;
        Ok(HttpAnswer { status, headers, body: body.to_bytes().to_vec() })
    }
}

fn translate(request: HttpRequest) -> Result<hyper::Request<Full<Bytes>>, String> {
    let method = match request.method {
        Method::Get => hyper::Method::GET,
        Method::Post => hyper::Method::POST,
        Method::Put => hyper::Method::PUT,
        Method::Delete => hyper::Method::DELETE,
    };
    let mut builder = hyper::Request::builder().method(method).uri(request.url);
    if let Some(headers) = builder.headers_mut() {
        headers.insert(USER_AGENT, HeaderValue::from_static(concat!("tradewind/", env!("CARGO_PKG_VERSION"))));
        for (name, value) in request.headers {
            let name = HeaderName::from_bytes(name.as_bytes()).map_err(|_| format!("`{name}` is no header's name"))?;
            let mut value = HeaderValue::from_str(&value).map_err(|_| format!("header `{name}` holds what a header cannot"))?;
            value.set_sensitive(true);
            headers.insert(name, value);
        }
    }
    builder.body(Full::new(Bytes::from(request.body))).map_err(|_| "the address of the request cannot be read".to_owned())
}

/// The cause that a person can do something about is the last one.
fn innermost(error: &(dyn Error + 'static)) -> String {
    let mut cause = error;
    while let Some(deeper) = cause.source() {
        cause = deeper;
    }
    cause.to_string()
}
