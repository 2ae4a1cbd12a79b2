//! Frames that are no market data: acknowledgements, heartbeats, the private stream, and answers on the order-entry socket.

use super::entry::{self, Calls};
use super::records::Rows;
use super::refusals;
use super::wire::{self, ExecutionRow, Frame, OrderRow, PositionRow, WalletRow};
use crate::directory::Directory;
use crate::error::{MapError, VenueError, VenueErrorKind};
use crate::message::{Inbox, SessionNews};
use serde::Deserialize;

/// The service restarts; it asks to connect anew.
const RESTARTING: i64 = 10_019;

/// Reads a frame that has no market data.
pub(super) fn read(directory: &Directory, bytes: &[u8], inbox: &mut Inbox) -> Result<(), MapError> {
    let frame: Frame<'_> = wire::parse("frame", bytes)?;
    if !frame.topic.is_empty() {
        return push(directory, &frame, inbox);
    }
    let news = match frame.op.as_str() {
        "pong" | "ping" => SessionNews::Pong,
        "auth" => match refused(&frame) {
            None => SessionNews::Authenticated,
            Some(refusal) => SessionNews::AuthRefused(VenueError { kind: VenueErrorKind::Auth, ..refusal }),
        },
        "subscribe" => match refused(&frame) {
            None => SessionNews::Subscribed,
            Some(refusal) => SessionNews::SubscriptionRefused(refusal),
        },
        op if op.starts_with("order.") => return answered(&frame, inbox),
        _ if frame.code == Some(RESTARTING) => SessionNews::GoingAway,
        _ => SessionNews::Ignored,
    };
    inbox.session(news);
    Ok(())
}

/// The refusal in an acknowledgement. The sockets say it in two ways, and some say both.
fn refused(frame: &Frame<'_>) -> Option<VenueError> {
    let code = frame.code.unwrap_or(0);
    if code == 0 && frame.success.unwrap_or(true) {
        return None;
    }
    let words = if frame.message.is_empty() { &frame.order_message } else { &frame.message };
    Some(refusals::refusal(code, words.as_str(), 0))
}

fn answered(frame: &Frame<'_>, inbox: &mut Inbox) -> Result<(), MapError> {
    const WHAT: &str = "order answer";
    let Some(calls) = Calls::of_number(frame.request.as_str()) else {
        if frame.code == Some(RESTARTING) {
            inbox.session(SessionNews::GoingAway);
            return Ok(());
        }
        return Err(MapError::Missing { what: WHAT, field: "reqId" });
    };
    match frame.code.ok_or(MapError::Missing { what: WHAT, field: "retCode" })? {
        0 => entry::accepted(calls, "data", frame.data, frame.extra, inbox),
        code => {
            calls.refused(&refusals::on_socket(code, frame.order_message.as_str(), frame.header.as_ref()), inbox);
            Ok(())
        }
    }
}

fn push(directory: &Directory, frame: &Frame<'_>, inbox: &mut Inbox) -> Result<(), MapError> {
    let topic = frame.topic.as_str();
    let rows = |what| Rows { what, directory, market: None };
    // Topics may be narrowed to a category: `order.linear`.
    match topic.split('.').next().unwrap_or_default() {
        "order" => each(frame, "order", |row: OrderRow<'_>| rows("order").pushed_order(&row, inbox)),
        "execution" => each(frame, "execution", |row: ExecutionRow<'_>| rows("execution").execution(&row, inbox)),
        "position" => each(frame, "position", |row: PositionRow<'_>| rows("position").position(&row, inbox)),
        "wallet" => each(frame, "wallet", |row: WalletRow<'_>| rows("wallet").wallet(&row, inbox)),
        _ => {
            inbox.session(SessionNews::Ignored);
            Ok(())
        }
    }
}

fn each<'a, T: Deserialize<'a>>(
    frame: &Frame<'a>,
    what: &'static str,
    mut read: impl FnMut(T) -> Result<(), MapError>,
) -> Result<(), MapError> {
    let rows: Vec<T> = wire::inside(what, "data", frame.data)?;
    rows.into_iter().try_for_each(&mut read)
}
