//! One WebSocket: opened, read and written by whoever polls it, with nothing between the caller and the kernel.

use futures_util::{SinkExt, StreamExt};
use hyper::Uri;
use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::tungstenite::{Error, Message, Utf8Bytes};

/// Largest message of a venue; a full book of Binance is under 1 MiB.
const LARGEST_MESSAGE: usize = 16 << 20;
/// What may wait for a venue that does not read; beyond it the socket is closed.
const WRITE_ROOM: usize = 1 << 20;

pub(super) trait Wire: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Wire for T {}

pub(super) type Stream = WebSocketStream<Box<dyn Wire>>;
pub(super) type Opening = Pin<Box<dyn Future<Output = Result<Stream, String>> + Send>>;

/// What a socket says.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Said {
    Open,
    Text(Utf8Bytes),
    /// A ping or pong; pings are answered.
    Alive,
    Closed(String),
}

/// A socket on its way up, or up.
pub(super) enum Socket {
    Opening(Opening),
    Open { stream: Box<Stream>, is_flushed: bool },
    Closed,
}

impl Socket {
    /// Begins to open one. Whoever polls it drives it on.
    pub(super) fn open(url: &str, tls: Arc<ClientConfig>) -> Self {
        let url = url.to_owned();
        Socket::Opening(Box::pin(async move { open(&url, tls).await }))
    }

    /// What it says next. After [`Said::Closed`] it says nothing any more.
    #[inline]
    pub(super) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Said> {
        match self {
            Socket::Opening(opening) => match opening.as_mut().poll(cx) {
                Poll::Pending => Poll::Pending,
                Poll::Ready(Ok(stream)) => {
                    *self = Socket::Open { stream: Box::new(stream), is_flushed: true };
                    Poll::Ready(Said::Open)
                }
                Poll::Ready(Err(why)) => self.close_with(why),
            },
            Socket::Open { stream, is_flushed } => {
                if !*is_flushed {
                    match stream.poll_flush_unpin(cx) {
                        Poll::Ready(Ok(())) => *is_flushed = true,
                        Poll::Ready(Err(error)) => return self.close_with(in_words(&error)),
                        Poll::Pending => {}
                    }
                }
                loop {
                    return match stream.poll_next_unpin(cx) {
                        Poll::Pending => Poll::Pending,
                        Poll::Ready(Some(Ok(Message::Text(text)))) => Poll::Ready(Said::Text(text)),
                        Poll::Ready(Some(Ok(Message::Ping(_) | Message::Pong(_)))) => Poll::Ready(Said::Alive),
                        Poll::Ready(Some(Ok(Message::Binary(bytes)))) => match Utf8Bytes::try_from(bytes) {
                            Ok(text) => Poll::Ready(Said::Text(text)),
                            Err(_) => self.close_with("a binary frame that is no text".to_owned()),
                        },
                        Poll::Ready(Some(Ok(Message::Close(frame)))) => {
                            let said = frame.map_or_else(String::new, |f| format!(": {} {}", u16::from(f.code), f.reason));
                            self.close_with(format!("closed by the venue{said}"))
                        }
                        Poll::Ready(Some(Ok(Message::Frame(_)))) => continue,
                        Poll::Ready(Some(Err(error))) => self.close_with(in_words(&error)),
                        Poll::Ready(None) => self.close_with("closed by the venue".to_owned()),
                    };
                }
            }
            Socket::Closed => Poll::Pending,
        }
    }

    /// Writes a text frame, to the kernel at once where that takes it.
    ///
    /// # Errors
    /// Why the socket is of no use any more.
    #[inline]
    pub(super) fn send(&mut self, cx: &mut Context<'_>, frame: Vec<u8>) -> Result<(), String> {
        let Socket::Open { stream, is_flushed } = self else { return Err("the socket is not open".to_owned()) };
        let text = Utf8Bytes::try_from(frame).map_err(|_| "a frame that is no text".to_owned())?;
        stream.start_send_unpin(Message::Text(text)).map_err(|error| in_words(&error))?;
        match stream.poll_flush_unpin(cx) {
            Poll::Ready(Ok(())) => *is_flushed = true,
            Poll::Ready(Err(error)) => return Err(in_words(&error)),
            Poll::Pending => *is_flushed = false,
        }
        Ok(())
    }

    /// Says goodbye if the kernel takes it, and lets go.
    pub(super) fn close(mut self, cx: &mut Context<'_>) {
        if let Socket::Open { stream, .. } = &mut self
            && stream.start_send_unpin(Message::Close(None)).is_ok()
        {
            // The connection is dropped whether or not the venue hears of it.
            drop(stream.poll_flush_unpin(cx));
        }
    }

    fn close_with(&mut self, why: String) -> Poll<Said> {
        *self = Socket::Closed;
        Poll::Ready(Said::Closed(why))
    }
}

/// Errors of a handshake may hold the whole answer, whose headers are nobody's business.
fn in_words(error: &Error) -> String {
    match error {
        Error::Http(response) => format!("the venue answered HTTP {} where a socket was asked for", response.status()),
        Error::ConnectionClosed | Error::AlreadyClosed => "closed".to_owned(),
        other => other.to_string(),
    }
}

async fn open(url: &str, tls: Arc<ClientConfig>) -> Result<Stream, String> {
    let address: Uri = url.parse().map_err(|error| format!("the address cannot be read: {error}"))?;
    let host = address.host().ok_or("the address names no host")?.trim_matches(['[', ']']).to_owned();
    let is_encrypted = match address.scheme_str() {
        Some("wss") => true,
        Some("ws") => false,
        _ => return Err(format!("the address of {host} begins with neither ws:// nor wss://")),
    };
    let port = address.port_u16().unwrap_or(if is_encrypted { 443 } else { 80 });
    let stream = TcpStream::connect((host.as_str(), port)).await.map_err(|error| format!("{host}:{port}: {error}"))?;
    // Not being able to is a matter of speed, not of truth.
    stream.set_nodelay(true).ok();
    let wire: Box<dyn Wire> = if is_encrypted {
        let name = ServerName::try_from(host.clone()).map_err(|error| format!("{host}: {error}"))?;
        let encrypted = TlsConnector::from(tls).connect(name, stream).await;
        Box::new(encrypted.map_err(|error| format!("{host}:{port}: {error}"))?)
    } else {
        Box::new(stream)
    };
    let config = WebSocketConfig::default()
        .write_buffer_size(0)
        .max_write_buffer_size(WRITE_ROOM)
        .max_message_size(Some(LARGEST_MESSAGE))
        .max_frame_size(Some(LARGEST_MESSAGE));
    let opened = tokio_tungstenite::client_async_with_config(url, wire, Some(config)).await;
    opened.map(|(stream, _)| stream).map_err(|error| format!("{host}:{port}: {}", in_words(&error)))
}
