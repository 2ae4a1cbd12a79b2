//! What an account's fills cost it by the volume it has traded, and in an asset of its choice.

use crate::desk::{Desk, House, PLAIN, USDT};
use tradewind_exchange::{FeeAsset, FeeSchedule, FeeTier, RateSource, Tariff, ThirdAsset};
use tradewind_types::{Amount, InstrumentId, MarginMode, Price, Rate};

const DOLLAR: i128 = 10_000_000_000;

/// 0.02 / 0.05 %; from 10 000 USDT on 0.01 / 0.04 %; from 50 000 on a maker is paid 0.005 %. Two days count.
fn by_volume() -> Tariff {
    let tier = |from: i128, maker, taker| FeeTier { from: Amount(from * DOLLAR), maker: Rate(maker), taker: Rate(taker) };
    Tariff {
        tiers: vec![tier(0, 20_000, 50_000), tier(10_000, 10_000, 40_000), tier(50_000, -5_000, 30_000)],
        counted_in: USDT,
        days: 2,
        history: Amount::ZERO,
        third: None,
    }
}

/// As one who has traded 12 000 USDT before.
fn with_history() -> Tariff {
    Tariff { history: Amount(12_000 * DOLLAR), ..by_volume() }
}

/// BNB at its last price, a quarter off.
fn in_bnb() -> Tariff {
    let third = ThirdAsset { instrument: InstrumentId(5), source: RateSource::LastPrice, discount: Rate(25_000_000) };
    Tariff { third: Some(third), ..by_volume() }
}

/// BNB at 500 whatever it trades at, nothing off.
fn in_bnb_at_500() -> Tariff {
    let third = ThirdAsset { instrument: InstrumentId(5), source: RateSource::Stated(Price(50_000)), discount: Rate(0) };
    Tariff { third: Some(third), ..by_volume() }
}

/// Today's volume counts from tomorrow on, and for two days.
#[test]
fn a_tier_is_reached_the_day_after_and_lost_when_its_volume_is_old() {
    Desk::tell(
        House { tariff: Some(by_volume), ..PLAIN },
        "deposit 100000 USDT
         offer 100 BTC at 100
         buy 100 BTC                        | #1 filled 100000 @ 10000
         wallet USDT                        | 99995
         bid 100 BTC at 100
         sell 100 BTC                       | #2 filled 100000 @ 10000
         wallet USDT                        | 99990
         until 1439
         offer 100 BTC at 100
         buy 100 BTC                        | #3 filled 100000 @ 10000
         wallet USDT                        | 99985
         until 1440
         bid 100 BTC at 100
         sell 100 BTC                       | #4 filled 100000 @ 10000
         wallet USDT                        | 99981
         until 4319
         offer 100 BTC at 100
         buy 100 BTC                        | #5 filled 100000 @ 10000
         wallet USDT                        | 99977
         until 4320
         bid 100 BTC at 100
         sell 100 BTC                       | #6 filled 100000 @ 10000
         wallet USDT                        | 99973
         until 10080
         bid 100 BTC at 100
         sell 100 BTC                       | #7 filled 100000 @ 10000
         wallet USDT                        | 99968",
    );
}

#[test]
fn volume_from_before_counts_as_that_of_the_day_before() {
    Desk::tell(
        House { tariff: Some(with_history), ..PLAIN },
        "deposit 100000 USDT
         offer 10 BTC at 100
         buy 10 BTC                         | #1 filled 10000 @ 10000
         wallet USDT                        | 99999.6
         until 2880
         bid 10 BTC at 100
         sell 10 BTC                        | #2 filled 10000 @ 10000
         wallet USDT                        | 99999.1",
    );
}

/// A maker of the highest tier is paid: 0.005 % of 10 000 is 0.5.
#[test]
fn a_rebate_is_money_in() {
    Desk::tell(
        House { tariff: Some(by_volume), ..PLAIN },
        "deposit 100000 USDT
         offer 600 BTC at 100
         buy 600 BTC                        | #1 filled 600000 @ 10000
         wallet USDT                        | 99970
         until 1440
         sell 100 BTC at 101
         bid 100 BTC at 102                 | #2 filled 100000 @ 10100
         wallet USDT                        | 100070.505",
    );
}

/// 0.05 % of 100 USDT, a quarter off, at 600 USDT is 0.0000625 BNB; when that is more than there is, the fee is as ever.
#[test]
fn a_third_asset_pays_while_there_is_enough_of_it() {
    let fees = FeeSchedule { asset: FeeAsset::Received, ..FeeSchedule::FREE };
    Desk::tell(
        House { mode: MarginMode::Spot, fees, tariff: Some(in_bnb), ..PLAIN },
        "deposit 1000 USDT
         deposit 0.0001 BNB
         offer 10 SPOT at 100
         buy 1 SPOT                         | #1 filled 1000 @ 10000
         wallet BTC                         | 0.9995
         trade BNB 600
         buy 1 SPOT                         | #2 filled 1000 @ 10000
         wallet BTC                         | 1.9995
         wallet BNB                         | 0.0000375
         buy 1 SPOT                         | #3 filled 1000 @ 10000
         wallet BTC                         | 2.999
         wallet BNB                         | 0.0000375",
    );
    Desk::tell(
        House { mode: MarginMode::Spot, fees, tariff: Some(in_bnb_at_500), ..PLAIN },
        "deposit 1000 USDT
         deposit 1 BNB
         offer 10 SPOT at 100
         trade BNB 600
         buy 1 SPOT                         | #1 filled 1000 @ 10000
         wallet BNB                         | 0.9999",
    );
}
