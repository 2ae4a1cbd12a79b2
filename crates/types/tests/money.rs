//! Money against arithmetic that is obviously right, and against figures worked by hand from venue documents.

use proptest::prelude::*;
use tradewind_types::{
    Amount, Asset, AssetId, Decimal, Instrument, InstrumentId, InstrumentKind, InstrumentTerms, MoneyError, Price, Qty, Rate, Rounding,
    VenueId,
};

const BTC: AssetId = AssetId(0);
const USDT: AssetId = AssetId(1);

fn asset(id: AssetId, scale: u8) -> Asset {
    Asset { id, symbol: format!("A{id}"), scale }
}

fn instrument(
    kind: InstrumentKind,
    tick: &str,
    lot: &str,
    multiplier: &str,
    base_scale: u8,
    quote_scale: u8,
) -> Result<Instrument, MoneyError> {
    let terms = InstrumentTerms {
        id: InstrumentId(0),
        venue: VenueId(0),
        symbol: "TEST".into(),
        kind,
        base: BTC,
        quote: USDT,
        settle: if kind == InstrumentKind::InversePerpetual { BTC } else { USDT },
        tick: tick.parse()?,
        lot: lot.parse()?,
        multiplier: multiplier.parse()?,
        min_qty: Qty(1),
        max_qty: Qty(i64::MAX),
        min_notional: Amount::ZERO,
    };
    Instrument::new(terms, &asset(BTC, base_scale), &asset(USDT, quote_scale))
}

#[test]
fn every_rounding_has_the_same_table_for_both_signs_of_the_divisor() {
    //                n,  d, floor, ceil, trunc, half away, half even
    let table = [
        (7, 2, 3, 4, 3, 4, 4),
        (5, 2, 2, 3, 2, 3, 2),
        (-5, 2, -3, -2, -2, -3, -2),
        (-7, 2, -4, -3, -3, -4, -4),
        (1, 3, 0, 1, 0, 0, 0),
        (-1, 3, -1, 0, 0, 0, 0),
        (2, 3, 0, 1, 0, 1, 1),
        (6, 3, 2, 2, 2, 2, 2),
    ];
    for (n, d, floor, ceil, truncate, away, even) in table {
        for sign in [1, -1] {
            let rounded = |r: Rounding| r.divide(n * sign, d * sign).unwrap();
            assert_eq!(
                [Rounding::Floor, Rounding::Ceil, Rounding::Truncate, Rounding::HalfAway, Rounding::HalfEven].map(rounded),
                [floor, ceil, truncate, away, even],
                "{n}/{d}, sign {sign}"
            );
        }
    }
    assert_eq!(Rounding::Floor.divide(1, 0), Err(MoneyError::DivideByZero { operation: "divide" }));
}

#[test]
fn spot_value_is_exact() {
    // 0.01 USDT × 0.00001 BTC at scale 8 is 10 units; 61,837.63 × 0.02 BTC = 1,236.7526 USDT.
    let btc = instrument(InstrumentKind::Spot, "0.01", "0.00001", "1", 8, 8).unwrap();
    assert_eq!(btc.value(Price(6_183_763), 2_000, Rounding::Floor), Ok(Amount(123_675_260_000)));
    assert_eq!(btc.base_amount(-2_000), Ok(Amount(-2_000_000)));
    assert_eq!(btc.whole_lots(Amount(2_000_999)), 2_000);
    assert_eq!(btc.value_of_base(Price(6_183_763), Amount(2_000_000), Rounding::Floor), Ok(Amount(123_675_260_000)));
}

#[test]
fn inverse_value_is_contracts_times_multiplier_over_price() {
    // Binance COIN-M BTCUSD_PERP: 1 contract = 100 USD. 250 contracts at 50,000.0 = 0.5 BTC; at 61,803.4 it is 0.40450848…
    let inverse = instrument(InstrumentKind::InversePerpetual, "0.1", "1", "100", 8, 8).unwrap();
    assert_eq!(inverse.value(Price(500_000), 250, Rounding::Floor), Ok(Amount(50_000_000)));
    assert_eq!(inverse.value(Price(618_034), 250, Rounding::Truncate), Ok(Amount(40_450_848)));
    assert_eq!(inverse.value_asset(), BTC);
}

#[test]
fn a_scale_too_coarse_for_one_tick_times_one_lot_is_refused() {
    let refused = instrument(InstrumentKind::Spot, "0.00000001", "0.1", "1", 8, 8);
    assert!(matches!(refused, Err(MoneyError::ScaleTooCoarse { .. })), "{refused:?}");
}

#[test]
fn decimals_read_what_venues_print_and_nothing_else() {
    for (text, mantissa, scale) in [("0.01000000", 1, 2), ("100", 100, 0), ("-12.50", -125, 1), ("0", 0, 0), ("61837.63", 6_183_763, 2)] {
        assert_eq!(text.parse::<Decimal>(), Ok(Decimal { mantissa, scale }), "{text}");
    }
    for text in ["", "-", ".5", "1.", "1e5", "+1", "1,000", "0x10", "NaN", "1.2.3", "99999999999999999999", "0.0000000000000000001"] {
        assert!(text.parse::<Decimal>().is_err(), "{text}");
    }
    assert_eq!("61837.63".parse::<Decimal>().unwrap().in_steps_of("0.01".parse().unwrap()), Ok(6_183_763));
    assert!(matches!("0.015".parse::<Decimal>().unwrap().in_steps_of("0.01".parse().unwrap()), Err(MoneyError::OffGrid { .. })));
}

#[test]
fn a_rate_is_a_share_in_hundred_millionths() {
    let ten_bps = Rate::from_centi_bps(1_000);
    assert_eq!(ten_bps, Rate(100_000));
    assert_eq!(Amount(123_456).at_rate(ten_bps, Rounding::Ceil), Ok(Amount(124)));
}

const ROUNDINGS: [Rounding; 5] = [Rounding::Floor, Rounding::Ceil, Rounding::Truncate, Rounding::HalfAway, Rounding::HalfEven];

/// n / d by the definition of each rounding, without a short way for anything.
fn by_definition(rounding: Rounding, n: i128, d: i128) -> i128 {
    let (n, d) = if d < 0 { (-n, -d) } else { (n, d) };
    let (floor, rest) = (n.div_euclid(d), n.rem_euclid(d));
    let ceil = floor + i128::from(rest > 0);
    let nearest = |at_half| {
        if 2 * rest == d {
            at_half
        } else if 2 * rest < d {
            floor
        } else {
            ceil
        }
    };
    match rounding {
        Rounding::Floor => floor,
        Rounding::Ceil => ceil,
        Rounding::Truncate => n / d,
        Rounding::HalfAway => nearest(if n < 0 { floor } else { ceil }),
        Rounding::HalfEven => nearest(if floor % 2 == 0 { floor } else { ceil }),
    }
}

/// Numbers of every length, since the short ones go another way than the long ones.
fn of_any_length(bits: u32) -> impl Strategy<Value = i128> {
    (any::<i128>(), 128 - bits..128).prop_map(|(n, shift)| n >> shift)
}

proptest! {
    #[test]
    fn division_is_by_definition(n in of_any_length(125), d in of_any_length(125).prop_filter("divisor", |d| *d != 0)) {
        for rounding in ROUNDINGS {
            prop_assert_eq!(rounding.divide(n, d), Ok(by_definition(rounding, n, d)));
        }
    }

    #[test]
    fn a_product_is_exact_or_refused(a in of_any_length(100), b in of_any_length(100), d in of_any_length(70).prop_filter("divisor", |d| *d != 0)) {
        for rounding in ROUNDINGS {
            match a.checked_mul(b) {
                Some(n) if n.unsigned_abs() < 1 << 126 => prop_assert_eq!(rounding.mul_div(a, b, d), Ok(by_definition(rounding, n, d))),
                Some(_) => {}
                None => prop_assert_eq!(rounding.mul_div(a, b, d), Err(MoneyError::Overflow { operation: "multiply", left: a, right: b })),
            }
        }
    }

    #[test]
    fn a_share_is_by_definition(amount in of_any_length(80), rate in any::<i64>(), shift in 0u32..63) {
        let rate = rate >> shift;
        for rounding in ROUNDINGS {
            let Some(n) = amount.checked_mul(i128::from(rate)).filter(|n| n.unsigned_abs() < 1 << 126) else { continue };
            prop_assert_eq!(Amount(amount).at_rate(Rate(rate), rounding), Ok(Amount(by_definition(rounding, n, Rate::ONE))));
        }
    }

    #[test]
    fn rounding_stays_within_one_and_respects_its_direction(n in any::<i64>(), d in any::<i64>().prop_filter("divisor", |d| *d != 0)) {
        let (n, d) = (i128::from(n), i128::from(d));
        let [floor, ceil, away] = [Rounding::Floor, Rounding::Ceil, Rounding::HalfAway].map(|r| r.divide(n, d).unwrap());
        let (n, d) = if d < 0 { (-n, -d) } else { (n, d) };
        prop_assert!(floor * d <= n && n <= ceil * d && ceil - floor <= 1);
        prop_assert!((2 * (away * d - n)).abs() <= d);
    }

    #[test]
    fn decimal_text_survives_a_round_trip(mantissa in -1_000_000_000_000i64..1_000_000_000_000, scale in 0u8..=18) {
        let text = Decimal { mantissa, scale }.to_string();
        let back: Decimal = text.parse().unwrap();
        prop_assert_eq!(back.at_scale(18, Rounding::Floor), Decimal { mantissa, scale }.at_scale(18, Rounding::Floor));
    }

    #[test]
    fn value_is_linear_in_lots(price in 1i64..10_000_000, a in -1_000_000i64..1_000_000, b in -1_000_000i64..1_000_000) {
        let btc = instrument(InstrumentKind::Spot, "0.01", "0.00001", "1", 8, 8).unwrap();
        let value = |lots| btc.value(Price(price), lots, Rounding::Floor).unwrap();
        prop_assert_eq!(value(a).plus(value(b)).unwrap(), value(a + b));
    }
}
