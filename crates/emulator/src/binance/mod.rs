//! Binance spot and USD-M futures: REST and WebSocket protocol in front of a house.

use crate::front::{ConnId, Front, HttpIn, HttpOut, Outbox};
use crate::house::{House, News};
use tradewind_types::Timestamp;

/// Binance spot and USD-M futures. What it does not serve is answered 404.
#[derive(Debug, Default)]
pub struct Binance {}

impl Binance {
    /// A front without connections.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }
}

impl Front for Binance {
    fn http(&mut self, _now: Timestamp, _request: &HttpIn<'_>, _house: &mut House) -> HttpOut {
        HttpOut::not_found()
    }

    fn connect(
        &mut self,
        _now: Timestamp,
        _conn: ConnId,
        _path: &str,
        _query: &str,
        _house: &mut House,
        _out: &mut Outbox,
    ) -> Result<(), HttpOut> {
        Err(HttpOut::not_found())
    }

    fn receive(&mut self, _now: Timestamp, _conn: ConnId, _text: &[u8], _house: &mut House, _out: &mut Outbox) {}

    fn disconnect(&mut self, _conn: ConnId) {}

    fn publish(&mut self, _now: Timestamp, _news: &[News], _house: &House, _out: &mut Outbox) {}

    fn next_deadline(&self) -> Option<Timestamp> {
        None
    }

    fn on_time(&mut self, _now: Timestamp, _house: &mut House, _out: &mut Outbox) {}
}
