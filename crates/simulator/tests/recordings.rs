//! Recordings: what goes in comes out, on both clocks, whatever is left out of memory because it is the same for all.

#![allow(clippy::unwrap_used, reason = "a test that cannot be set up must fail")]

use proptest::prelude::*;
use tradewind_simulator::{Recording, RecordingBuilder};
use tradewind_types::{
    Bar, DepthKind, DepthUpdate, InstrumentId, LevelChange, Mark, MarketEvent, Price, Qty, Quote, Rate, Sequence, Side, Stamp, Timestamp,
    Trade, TradeId,
};

/// One event of a kind, with figures of its own.
fn add(builder: &mut RecordingBuilder, kind: u8, stamp: Stamp, n: i64) {
    let instrument = InstrumentId(u32::from(kind) % 3);
    match kind {
        0 => {
            let changes: Vec<_> = (0..n % 4).map(|k| LevelChange { side: Side::Buy, price: Price(n + k), qty: Qty(k) }).collect();
            let sequence = Sequence { first: n.cast_unsigned(), last: n.cast_unsigned() + 1, previous: (n % 2 == 0).then_some(7) };
            builder.depth(stamp, &DepthUpdate { instrument, kind: DepthKind::Delta, sequence, changes: &changes }).unwrap();
        }
        1 => builder.trade(stamp, trade(instrument, n)),
        2 => builder.quote(stamp, quote(instrument, n)),
        4 => builder.mark(stamp, mark(instrument, n)),
        _ => builder.bar(stamp.ts_local, bar(instrument, n)),
    }
}

fn trade(instrument: InstrumentId, n: i64) -> Trade {
    let high = if n % 3 == 0 { u128::from(n.unsigned_abs()) << 64 } else { 0 };
    Trade {
        instrument,
        trade: TradeId(high | 5),
        price: Price(n),
        qty: Qty(n + 1),
        aggressor: if n % 2 == 0 { Side::Buy } else { Side::Sell },
    }
}

fn quote(instrument: InstrumentId, n: i64) -> Quote {
    Quote { instrument, bid: Price(n), bid_qty: Qty(1), ask: Price(n + 1), ask_qty: Qty(2) }
}

fn bar(instrument: InstrumentId, n: i64) -> Bar {
    let open_ts = Timestamp(n);
    Bar { instrument, open_ts, open: Price(n), high: Price(n + 3), low: Price(n - 3), close: Price(n + 1), volume: Qty(n) }
}

fn mark(instrument: InstrumentId, n: i64) -> Mark {
    Mark { instrument, mark: Price(n), index: Price(n + 1), funding_rate: Rate(-n), next_funding: Timestamp(n + 2) }
}

fn is_event(event: &MarketEvent<'_>, kind: u8, n: i64) -> bool {
    let instrument = InstrumentId(u32::from(kind) % 3);
    match event {
        MarketEvent::Depth(d) => kind == 0 && d.changes.len() as i64 == n % 4 && d.sequence.first == n.cast_unsigned(),
        MarketEvent::Trade(t) => kind == 1 && *t == trade(instrument, n),
        MarketEvent::Quote(q) => kind == 2 && *q == quote(instrument, n),
        MarketEvent::Bar(b) => kind == 3 && *b == bar(instrument, n),
        MarketEvent::Mark(m) => kind == 4 && *m == mark(instrument, n),
    }
}

fn made(rows: &[(u8, i64, i64, i64)]) -> Recording {
    let mut builder = RecordingBuilder::new();
    for (kind, venue, delay, n) in rows {
        add(&mut builder, *kind, Stamp { ts_venue: Timestamp(*venue), ts_local: Timestamp(venue + delay) }, *n);
    }
    builder.finish().unwrap()
}

/// Rows as they should come by a clock: a bar has one clock, and depth of one instrument never runs backwards at the venue.
fn stamped(rows: &[(u8, i64, i64, i64)]) -> Vec<(i64, i64, u8, i64)> {
    let mut out: Vec<_> = rows.iter().map(|(k, v, d, n)| (if *k == 3 { v + d } else { *v }, v + d, *k, *n)).collect();
    out.sort_by_key(|row| row.1);
    let mut latest = i64::MIN;
    for row in out.iter_mut().filter(|row| row.2 == 0) {
        row.0 = row.0.max(latest);
        latest = row.0;
    }
    out
}

proptest! {
    #[test]
    fn what_goes_in_comes_out_in_the_order_of_either_clock(
        rows in prop::collection::vec((0u8..5, 0i64..50, 0i64..5, 1i64..1000), 1..60),
        one_clock in any::<bool>(),
    ) {
        let rows: Vec<_> = rows.into_iter().map(|(k, v, d, n)| (k, v, if one_clock { 0 } else { d }, n)).collect();
        let recording = made(&rows);
        let by_local = stamped(&rows);
        prop_assert_eq!(recording.len(), rows.len());
        for (index, (venue, local, kind, n)) in by_local.iter().enumerate() {
            let (stamp, event) = recording.local(index).unwrap();
            prop_assert_eq!((stamp.ts_venue.0, stamp.ts_local.0), (*venue, *local));
            prop_assert!(is_event(&event, *kind, *n));
        }
        let mut by_venue = by_local;
        by_venue.sort_by_key(|row| row.0);
        for (index, (venue, local, kind, n)) in by_venue.iter().enumerate() {
            let (stamp, event) = recording.venue(index).unwrap();
            prop_assert_eq!((stamp.ts_venue.0, stamp.ts_local.0), (*venue, *local));
            prop_assert!(is_event(&event, *kind, *n));
        }
        prop_assert!(recording.local(rows.len()).is_none() && recording.venue(rows.len()).is_none());
        prop_assert_eq!(made(&rows).hash(), recording.hash());
    }

    #[test]
    fn the_hash_names_the_content(rows in prop::collection::vec((1u8..4, 0i64..50, 0i64..5, 1i64..1000), 1..20), at in any::<prop::sample::Index>()) {
        let mut other = rows.clone();
        other[at.index(rows.len())].3 += 1;
        prop_assert_ne!(made(&rows).hash(), made(&other).hash());
    }
}
