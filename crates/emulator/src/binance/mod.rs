//! Binance spot and USD-M futures: REST and WebSocket protocol in front of a house, both markets on one port.
//!
//! Spot is at `/api/v3`, `/sapi`, `/ws`, `/stream`, `/ws-api/v3`; futures are at `/fapi/v1..v3`, `/ws-fapi/v1` and, for streams,
//! under `/fut` or any of the groups that the futures hosts were split into (`/public`, `/market`, `/private`). The protocol is that
//! of the venue's own documentation as of 2026-07.

mod desk;
mod feed;
mod feeds;
mod figures;
mod futures;
mod gate;
mod json;
mod market;
mod meter;
mod orders;
mod params;
mod private;
mod records;
mod refusal;
mod routes;
mod sign;
mod sockets;
mod spot;
mod topics;
mod words;

pub use meter::{OrderQuota, Quotas};

use crate::front::{ConnId, Front, HttpIn, HttpOut, Outbox};
use crate::house::{House, News, OrderNo, OrderRef};
use desk::Desk;
use gate::Gate;
use sockets::{Around, Sockets};
use tradewind_types::Timestamp;

/// Binance spot and USD-M futures.
#[derive(Debug)]
pub struct Binance {
    gate: Gate,
    desk: Desk,
    sockets: Sockets,
}

impl Default for Binance {
    fn default() -> Self {
        Self::new()
    }
}

impl Binance {
    /// A front without connections, with the venue's own limits.
    #[must_use]
    pub fn new() -> Self {
        Self::with_quotas(Quotas::spot(), Quotas::futures())
    }

    /// A front without connections, with other limits than the venue's.
    #[must_use]
    pub fn with_quotas(spot: Quotas, futures: Quotas) -> Self {
        Self { gate: Gate::new(spot, futures), desk: Desk::default(), sockets: Sockets::default() }
    }
}

impl Front for Binance {
    fn http(&mut self, now: Timestamp, request: &HttpIn<'_>, house: &mut House) -> HttpOut {
        self.gate.http(now, request, house, &mut self.desk)
    }

    fn connect(
        &mut self,
        now: Timestamp,
        conn: ConnId,
        path: &str,
        query: &str,
        house: &mut House,
        _out: &mut Outbox,
    ) -> Result<(), HttpOut> {
        let around = Around { gate: &mut self.gate, desk: &mut self.desk, house };
        self.sockets.connect(now, conn, path, query, around)
    }

    fn receive(&mut self, now: Timestamp, conn: ConnId, text: &[u8], house: &mut House, out: &mut Outbox) {
        let around = Around { gate: &mut self.gate, desk: &mut self.desk, house };
        self.sockets.receive(now, conn, text, around, out);
    }

    fn pong(&mut self, now: Timestamp, conn: ConnId, _payload: &[u8]) {
        self.sockets.pong(now, conn);
    }

    fn disconnect(&mut self, conn: ConnId) {
        self.sockets.disconnect(conn);
    }

    fn publish(&mut self, now: Timestamp, news: &[News], house: &House, out: &mut Outbox) {
        self.sockets.publish(now, news, house, &mut self.desk, out);
    }

    fn next_deadline(&self) -> Option<Timestamp> {
        [self.sockets.next_deadline(), self.desk.next_deadline()].into_iter().flatten().min()
    }

    fn on_time(&mut self, now: Timestamp, house: &mut House, out: &mut Outbox) {
        for (client, instrument) in self.desk.over(now) {
            let open: Vec<OrderNo> =
                house.open_orders(client).filter(|record| record.terms.instrument == instrument).map(|record| record.no).collect();
            for no in open {
                // An order that is over by now is what the countdown wanted.
                house.cancel(now, client, OrderRef::No(no)).ok();
            }
        }
        self.sockets.on_time(now, house, &mut self.desk, out);
    }
}
