//! Depth frames of 67 levels as Binance USD-M sends them, going on from a book as it is: the best bid moves with every frame.

use tradewind_book::L2Book;

const LEVELS: u64 = 67;
/// The best bid lies this far below where it was, and one tick above that in turn.
const BELOW: i64 = 5;

/// Decimals of prices and quantities.
#[derive(Clone, Copy)]
pub struct Digits {
    pub price: usize,
    pub qty: usize,
}

fn text(units: i64, digits: usize) -> String {
    let one = 10i64.pow(u32::try_from(digits).unwrap());
    format!("{}.{:0digits$}", units / one, units % one)
}

/// `count` frames that follow each other and what `book` holds.
pub fn following(book: &L2Book, digits: Digits, symbol: &str, count: usize) -> Vec<Vec<u8>> {
    let (bid, ask) = (book.best_bid().unwrap().price.0, book.best_ask().unwrap().price.0);
    let mut last = book.last_update_id().unwrap();
    let mut chance = 7u64;
    let mut below = move |n: u64| {
        chance = chance.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        ((chance >> 33) % n).cast_signed()
    };
    let low = bid - BELOW;
    let frame = |n: usize| {
        let level = |price: i64, qty: i64| format!(r#"["{}","{}"]"#, text(price, digits.price), text(qty, digits.qty));
        let (mut bids, mut asks) = (Vec::new(), Vec::new());
        if n == 0 {
            bids.extend((low + 1..=bid).map(|price| level(price, 0)));
        } else {
            // One tick up, and back again.
            bids.push(level(low + 1, if n % 2 == 1 { 5_000 } else { 0 }));
        }
        bids.push(level(low, 1 + below(3_000)));
        asks.push(level(ask, 1 + below(3_000)));
        while bids.len() + asks.len() < LEVELS as usize {
            let (qty, away) = (if below(3) == 0 { 0 } else { below(3_000) }, 1 + below(3_000));
            if bids.len() <= asks.len() { bids.push(level(low - away, qty)) } else { asks.push(level(ask + away, qty)) }
        }
        let (first, previous) = (last + 1, last);
        last += 14;
        let time = 1_790_000_000_000 + n;
        let stream = symbol.to_lowercase();
        let (bids, asks) = (bids.join(","), asks.join(","));
        format!(
            r#"{{"stream":"{stream}@depth@100ms","data":{{"e":"depthUpdate","E":{time},"T":{time},"s":"{symbol}","U":{first},"u":{last},"pu":{previous},"b":[{bids}],"a":[{asks}]}}}}"#
        )
        .into_bytes()
    };
    (0..count).map(frame).collect()
}
