//! A venue's books, told as a trader would note them: what was done on the left of the bar, what the venue said on the right.
//!
//! Prices and quantities are decimals of the contract; money is USDT or BTC. Each scenario runs against a real book: `offer` and
//! `bid` show depth, and nothing else trades.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot be set up must fail")]

mod desk;
mod fees;

use desk::{Desk, House, OURS, PLAIN, USDT};
use tradewind_exchange::{CashRounding, FeeAsset, FeeSchedule, Liquidation};
use tradewind_types::{AccountId, Amount, BookId, MarginMode, PositionMode, Rate, Rounding, Transfer, TransferId};

/// Two positions in one cross wallet of 1 535 443.01 USDT, as in the venue's FAQ "How to calculate liquidation price of USDⓈ-M
/// futures contracts" (Binance): BTCUSDT liquidates at 26 316.89, ETHUSDT at 1 153.26; to more digits 26 316.8933 and 1 153.2565,
/// so that the first marks that do it are 26 316.89 and 1 153.25.
#[test]
fn the_liquidation_prices_of_the_venues_own_example() {
    Desk::tell(
        PLAIN,
        "deposit 1535443.01 USDT
         leverage BTC 20
         leverage ETH 5
         offer 109.488 BTC at 32481.98
         buy 109.488 BTC               | #1 filled 109488 @ 3248198
         offer 3683.979 ETH at 1456.84
         buy 3683.979 ETH              | #2 filled 3683979 @ 145684
         mark BTC 31967.27
         mark ETH 1335.18
         liquidation-price BTC         | 26316.89
         liquidation-price ETH         | 1153.25
         mark BTC 26316.90
         position BTC                  | 109.488",
    );
}

/// At the first tick of the liquidation price both positions of the pool go, the one with the larger maintenance margin first; the
/// pool is empty then, but for what the tick leaves.
#[test]
fn a_cross_pool_goes_as_one() {
    Desk::tell(
        PLAIN,
        "deposit 1000 USDT
         leverage BTC 20
         leverage ETH 20
         offer 0.1 BTC at 100000
         buy 0.1 BTC                       | #1 filled 100 @ 10000000
         offer 1 ETH at 2000
         buy 1 ETH                         | #2 filled 1000 @ 200000
         buy 1 ETH at 1500
         mark ETH 2000
         mark BTC 90502.01
         liquidation-price BTC             | 90461.84
         mark BTC 90461.84                 | #3 expired, Liquidation: Sell 0.1 BTC at 90000 fee 0, Liquidation: Sell 1 ETH at 2000 fee 0
         wallet USDT                       | 0",
    );
}

/// Isolated: margin 1 000 at 10x on 10 000; closed where 1 000 − loss meets 0.4 % of the value: 90 361.445; taken over where
/// nothing of the margin is left: 90 000. The rest of the wallet is safe.
#[test]
fn an_isolated_position_loses_its_own_margin_only() {
    let house = House { mode: MarginMode::Isolated, ..PLAIN };
    Desk::tell(
        house,
        "deposit 5000 USDT
         leverage BTC 10
         offer 0.1 BTC at 100000
         buy 0.1 BTC                       | #1 filled 100 @ 10000000
         margin BTC                        | 1000
         mark BTC 95000
         free USDT                         | 4000
         liquidation-price BTC             | 90361.44
         bankruptcy-price BTC              | 90000
         mark BTC 90361.45
         position BTC                      | 0.1
         mark BTC 90361.44                 | Liquidation: Sell 0.1 BTC at 90000 fee 0
         wallet USDT                       | 4000",
    );
}

/// Against the book the position is sold for what is bid, the rest at the next mark, and the clearance fee of 1.25 % comes on top.
#[test]
fn a_liquidation_against_the_book_takes_what_is_bid() {
    let house = House { liquidation: Liquidation::AgainstBook { clearance_fee: Rate(1_250_000) }, ..PLAIN };
    Desk::tell(
        house,
        "deposit 1000 USDT
         leverage BTC 10
         offer 0.1 BTC at 100000
         buy 0.1 BTC                       | #1 filled 100 @ 10000000
         bid 0.06 BTC at 90200
         mark BTC 90300                    | Liquidation: Sell 0.06 BTC at 90200 fee 67.65
         wallet USDT                       | 344.35
         position BTC                      | 0.04
         bid 0.06 BTC at 90100
         mark BTC 90200                    | Liquidation: Sell 0.04 BTC at 90100 fee 45.05
         wallet USDT                       | -96.7
         position BTC                      | 0",
    );
}

/// A long of 10 BTC at a mark of 8 000 and a rate of 0.01 % pays 8 USDT; the short receives at a positive rate, pays at a negative.
/// Contracts of 10 000 USD at 8 000 are 1.25 BTC: 0.000125 BTC (Bybit's examples of both).
#[test]
fn funding_is_position_value_times_rate() {
    Desk::tell(
        PLAIN,
        "deposit 80000 USDT
         deposit 2 BTC
         offer 10 BTC at 8000
         buy 10 BTC                                  | #1 filled 10000 @ 800000
         mark BTC 8000 rate 0.0001 funding-at 60
         until 59
         until 60                                    | funding -8
         wallet USDT                                 | 79992
         mark BTC 8000 rate 0.0001 funding-at 60
         until 119
         mark BTC 8100 rate -0.0002 funding-at 120
         until 120                                   | funding 16.2
         offer 10000 XBT at 8000
         buy 10000 XBT                               | #2 filled 10000 @ 16000
         mark XBT 8000 rate 0.0001 funding-at 180
         until 180                                   | funding -0.000125
         wallet BTC                                  | 1.999875",
    );
}

/// Contracts × (1/entry − 1/exit): 50 000 × (1/5 000 − 1/5 500) = 0.90909090 BTC long; a short loses as much.
#[test]
fn inverse_profit_is_contracts_over_entry_less_contracts_over_exit() {
    Desk::tell(
        PLAIN,
        "deposit 20 BTC
         offer 50000 XBT at 5000
         buy 50000 XBT                      | #1 filled 50000 @ 10000
         bid 50000 XBT at 5500
         sell 50000 XBT                     | #2 filled 50000 @ 11000
         wallet BTC                         | 20.9090909
         sell 50000 XBT                     | NoMarket
         bid 50000 XBT at 5000
         sell 50000 XBT                     | #4 filled 50000 @ 10000
         offer 50000 XBT at 5500
         buy 50000 XBT                      | #5 filled 50000 @ 11000
         wallet BTC                         | 20",
    );
}

/// 10 000 contracts at 50 000 with 10x: margin 0.02 BTC, value 0.2 BTC. Closed where 0.02 + 0.2 − 10 000/p = 0.5 % × 10 000/p, that
/// is p = 10 050 / 0.22 = 45 681.8; the margin is gone at 10 000 / 0.22 = 45 454.5. A 1x short has no such price.
#[test]
fn inverse_liquidation() {
    Desk::tell(
        House { mode: MarginMode::Isolated, ..PLAIN },
        "deposit 1 BTC
         leverage XBT 10
         offer 10000 XBT at 50000
         buy 10000 XBT                      | #1 filled 10000 @ 100000
         margin XBT                         | 0.02
         mark XBT 50000
         liquidation-price XBT              | 45681.5
         bankruptcy-price XBT               | 45455
         mark XBT 45500                     | Liquidation: Sell 10000 XBT at 45455 fee 0
         wallet BTC                         | 0.98000219
         leverage XBT 1
         bid 10000 XBT at 45500
         sell 10000 XBT                     | #2 filled 10000 @ 91000
         liquidation-price XBT              | none",
    );
}

/// The mean of the index over the hour before expiry, by time: 30 minutes at 100, 20 at 103, 10 at 109 are 102.5. The fee is
/// 0.015 % of the value. Orders on it end first, and nothing trades after.
#[test]
fn a_dated_contract_is_settled_at_the_mean_of_the_index() {
    Desk::tell(
        PLAIN,
        "deposit 1000 USDT
         offer 2 FUT at 98
         buy 2 FUT                          | #1 filled 2000 @ 9800
         until 400
         mark FUT 100
         until 450
         mark FUT 103
         buy 1 FUT at 90
         until 470
         mark FUT 109
         until 480                          | #2 expired, Delivery: Sell 2 FUT at 102.5 fee 0.03075
         wallet USDT                        | 1008.96925
         position FUT                       | 0
         buy 1 FUT at 90                    | NoMarket",
    );
}

/// Buys at 90 and 80 of one contract each, 10x: 9 + 8 of margin, and against a mark of 85 the first would lose 5 at once.
#[test]
fn orders_need_margin_before_they_rest() {
    Desk::tell(
        PLAIN,
        "deposit 25 USDT
         leverage BTC 10
         mark BTC 85
         buy 1 BTC at 90
         free USDT                          | 11
         buy 1 BTC at 80
         free USDT                          | 3
         sell 1 BTC at 100
         free USDT                          | 3
         buy 1 BTC at 80                    | InsufficientFunds
         amend 2 BTC to 2 at 80             | amend refused: InsufficientFunds
         amend 2 BTC to 1 at 70             | #2 now 1000
         free USDT                          | 4
         cancel 1 BTC                       | #1 cancelled
         free USDT                          | 15
         buy 1 BTC at 80
         free USDT                          | 10",
    );
}

/// The tier's largest leverage binds before the chosen one: 1 200 000 of value at 20x at most, not at 100x.
#[test]
fn a_large_position_gets_less_leverage() {
    Desk::tell(
        PLAIN,
        "deposit 59999 USDT
         leverage BTC 100
         mark BTC 100000
         buy 12 BTC at 100000               | InsufficientFunds
         deposit 1 USDT
         buy 12 BTC at 100000
         free USDT                          | 0",
    );
}

/// Reduce-only: refused without a position or in its direction, cut to the position beside others of its kind, and shrunk or
/// ended as the position shrinks, the youngest first.
#[test]
fn reducing_orders_never_exceed_the_position() {
    Desk::tell(
        PLAIN,
        "deposit 10000 USDT
         sell 1 BTC at 110 reduce-only      | WouldIncrease
         offer 5 BTC at 100
         buy 5 BTC                          | #2 filled 5000 @ 10000
         buy 1 BTC at 90 reduce-only        | WouldIncrease
         sell 3 BTC at 110 reduce-only
         sell 4 BTC at 111 reduce-only      | #5 now 2000
         sell 1 BTC at 112 reduce-only      | WouldIncrease
         bid 1 BTC at 99
         sell 1 BTC                         | #7 filled 1000 @ 9900, #5 now 1000
         bid 3 BTC at 99
         sell 2 BTC                         | #8 filled 2000 @ 9900, #5 expired, #4 now 2000
         bid 2 BTC at 98
         sell 2 BTC                         | #9 filled 2000 @ 9800, #4 expired
         position BTC                       | 0
         wallet USDT                        | 9993",
    );
}

/// A market order that may only reduce is filled for what there is to reduce; the rest is cancelled.
#[test]
fn a_reducing_market_order_is_cut() {
    Desk::tell(
        PLAIN,
        "deposit 10000 USDT
         offer 5 BTC at 100
         buy 5 BTC                          | #1 filled 5000 @ 10000
         bid 20 BTC at 99
         sell 9 BTC reduce-only             | #2 filled 5000 @ 9900, #2 cancelled
         position BTC                       | 0",
    );
}

/// A plain sell and a reducing one fill on the same message: the second may not open a short.
#[test]
fn a_reducing_order_does_not_fill_beyond_the_position() {
    Desk::tell(
        PLAIN,
        "deposit 10000 USDT
         offer 5 BTC at 100
         buy 5 BTC                          | #1 filled 5000 @ 10000
         sell 3 BTC at 110
         sell 5 BTC at 110 reduce-only
         offer 1 BTC at 115
         bid 20 BTC at 112                  | #2 filled 3000 @ 11000, #3 filled 2000 @ 11000, #3 expired
         position BTC                       | 0",
    );
}

/// Hedge mode: both legs at once, each order names its leg, and a leg's closing order cannot exceed it.
#[test]
fn a_hedged_account_keeps_two_legs() {
    Desk::tell(
        House { positions: PositionMode::Hedge, ..PLAIN },
        "deposit 1000 USDT
         offer 5 BTC at 100
         buy 5 BTC                          | WrongPositionMode
         buy 1 BTC reduce-only              | WrongPositionMode
         buy 5 BTC long-leg                 | #3 filled 5000 @ 10000
         bid 3 BTC at 98
         buy 1 BTC short-leg                | WouldIncrease
         sell 3 BTC short-leg               | #5 filled 3000 @ 9800
         position BTC long-leg              | 5
         position BTC short-leg             | -3
         mark BTC 90 rate 0.001 funding-at 60
         free USDT                          | 254
         until 60                           | funding -0.18
         bid 9 BTC at 90
         sell 9 BTC long-leg                | #6 filled 5000 @ 9000, #6 cancelled
         wallet USDT                        | 949.82
         position BTC short-leg             | -3",
    );
    Desk::tell(PLAIN, "deposit 1000 USDT\n buy 1 BTC at 90 long-leg | WrongPositionMode");
}

/// Spot: a buy ties up quote and fee, a sell the coins; what is not there cannot be sold.
#[test]
fn spot_needs_what_it_gives() {
    let fees = FeeSchedule { maker: Rate(0), taker: Rate(100_000), asset: FeeAsset::Settle };
    Desk::tell(
        House { mode: MarginMode::Spot, fees, ..PLAIN },
        "deposit 1000 USDT
         buy 10 SPOT at 100                 | InsufficientFunds
         sell 1 SPOT at 120                 | InsufficientFunds
         offer 5 SPOT at 100
         buy 5 SPOT                         | #3 filled 5000 @ 10000
         wallet USDT                        | 499.5
         wallet BTC                         | 5
         sell 4 SPOT at 120
         sell 2 SPOT at 120                 | InsufficientFunds
         buy 4 SPOT at 99
         free USDT                          | 103.104
         free BTC                           | 1
         buy 1 BTC at 10                    | InsufficientFunds",
    );
}

/// The venue writes BTC to eight digits, half up: 10 000 / 30 000 is 0.33333333, and that is what the position cost.
#[test]
fn a_venue_that_rounds_says_so_in_its_fills() {
    let cash = Some(CashRounding { step: Amount(10_000), rounding: Rounding::HalfAway });
    Desk::tell(
        House { cash, ..PLAIN },
        "deposit 1 BTC
         offer 10000 XBT at 30000
         buy 10000 XBT                      | #1 filled 10000 @ 60000 for 0.33333333
         bid 10000 XBT at 35000
         sell 10000 XBT                     | #2 filled 10000 @ 70000 for 0.28571429
         wallet BTC                         | 1.04761904",
    );
}

/// Positions without a schedule or a mark are valued where the market trades, and money that is tied up cannot leave.
#[test]
fn what_is_tied_up_cannot_be_withdrawn() {
    let mut desk = Desk::new(PLAIN);
    for line in ["deposit 100 USDT", "offer 1 BTC at 80", "buy 1 BTC"] {
        desk.act(line);
    }
    let transfer = |amount: i128| Transfer {
        transfer: TransferId(1),
        from: OURS,
        to: AccountId(1),
        book: BookId(1),
        asset: USDT,
        amount: Amount(amount * 10_000_000_000),
        fee: Amount::ZERO,
    };
    assert!(desk.venue.clearing_mut().withdraw(&transfer(21)).is_err());
    assert!(desk.venue.clearing_mut().withdraw(&transfer(20)).is_ok());
    assert_eq!(desk.act("wallet USDT"), "80");
    assert_eq!(desk.act("free USDT"), "0");
}
