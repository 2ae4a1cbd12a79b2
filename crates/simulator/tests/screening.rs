//! The screen against its naive twin: whole-number sums bar by bar, one equity per bar, statistics by the book.

#![allow(clippy::float_arithmetic, reason = "statistics are what is tested")]

use proptest::prelude::*;
use std::num::NonZeroUsize;
use tradewind_simulator::{Cross, Decision, Execution, Score, Screen, ScreenError, Sides, cross_decisions, screen_crosses};

const ONE: NonZeroUsize = NonZeroUsize::MIN;

/// Changes of sides, each average summed anew and compared as a fraction.
fn decisions(ticks: &[i64], cross: Cross, sides: Sides) -> Vec<Decision> {
    let sum = |bar: usize, window: u32| -> i128 { ticks[bar + 1 - window as usize..=bar].iter().map(|&t| i128::from(t)).sum() };
    let mut found = Vec::new();
    let mut last = 0;
    for bar in cross.slow as usize - 1..ticks.len() {
        let apart = (sum(bar, cross.fast) * i128::from(cross.slow) - sum(bar, cross.slow) * i128::from(cross.fast)).signum() as i8;
        if apart == 0 {
            continue;
        }
        if last != 0 && apart != last {
            let below = if sides == Sides::LongShort { -1 } else { 0 };
            found.push(Decision { bar: bar as u32, position: if apart > 0 { 1 } else { below } });
        }
        last = apart;
    }
    found
}

/// What the account is worth at each close, and the positions entered.
fn worths(screen: &Screen<'_>, decisions: &[Decision]) -> (Vec<f64>, u32) {
    let fee = screen.fee_bps / 10_000.0;
    let (mut cash, mut units, mut position, mut trades, mut ruined) = (1.0_f64, 0.0_f64, 0, 0, false);
    let mut out = Vec::new();
    for (bar, &close) in screen.closes.iter().enumerate() {
        for decision in decisions {
            let (fill_bar, price) = match screen.execution {
                Execution::SignalClose => (decision.bar as usize, close),
                Execution::NextClose => (decision.bar as usize + 1, close),
                Execution::NextOpen(opens) => (decision.bar as usize + 1, opens[bar]),
            };
            if fill_bar != bar || ruined || decision.position == position {
                continue;
            }
            cash += units * price - fee * units.abs() * price;
            (units, position) = (0.0, decision.position);
            if cash <= 0.0 {
                (cash, ruined) = (0.0, true);
            } else if position == 1 {
                (units, cash, trades) = (cash / price * (1.0 - fee), 0.0, trades + 1);
            } else if position == -1 {
                (units, cash, trades) = (-cash / price, cash * (2.0 - fee), trades + 1);
            }
        }
        if screen.marks.contains(&(bar as u32)) && cash + units * close <= 0.0 {
            (cash, units, ruined) = (0.0, 0.0, true);
        }
        out.push(cash + units * close);
    }
    (out, trades)
}

fn naive(screen: &Screen<'_>, ticks: &[i64], cross: Cross) -> Score {
    let (worths, trades) = worths(screen, &decisions(ticks, cross, screen.sides));
    let mut marked = vec![1.0];
    for &mark in screen.marks {
        marked.push(worths[mark as usize]);
        if worths[mark as usize] == 0.0 {
            break;
        }
    }
    let returns: Vec<f64> = marked.windows(2).map(|pair| pair[1] / pair[0] - 1.0).collect();
    let mean = returns.iter().sum::<f64>() / returns.len() as f64;
    let deviation = (returns.iter().map(|r| (r - mean).powi(2)).sum::<f64>() / (returns.len() as f64 - 1.0)).sqrt();
    let drawdown = |end: usize| 1.0 - marked[end] / marked[..=end].iter().fold(0.0, |a: f64, &b| a.max(b));
    Score {
        total_return: worths.last().copied().unwrap_or(1.0).max(0.0) - 1.0,
        max_drawdown: (0..marked.len()).map(drawdown).fold(0.0, f64::max),
        sharpe: (returns.len() > 1 && deviation > 1e-9).then(|| mean / deviation * screen.marks_per_year.sqrt()),
        trades,
    }
}

fn assert_close(found: &Score, wanted: &Score, what: &str) {
    let near = |a: f64, b: f64| (a - b).abs() <= 1e-9 * (1.0 + b.abs());
    assert!(near(found.total_return, wanted.total_return), "{what}: total return {found:?}, naively {wanted:?}");
    assert!(near(found.max_drawdown, wanted.max_drawdown), "{what}: drawdown {found:?}, naively {wanted:?}");
    assert_eq!(found.trades, wanted.trades, "{what}");
    match (found.sharpe, wanted.sharpe) {
        (Some(a), Some(b)) => assert!((a - b).abs() <= 1e-6 * (1.0 + b.abs()), "{what}: Sharpe {a}, naively {b}"),
        // Below 1e-9 a deviation is rounding, and which side of it decides nothing.
        (a, b) => assert!(a.is_none() && b.is_none() || a.or(b).is_some_and(|s| s.abs() > 1e3 || s == 0.0), "{what}: {a:?}, naively {b:?}"),
    }
}

/// A walk that often stands still and returns to where it was, so that averages touch; several tiles long at times.
fn ticks() -> impl Strategy<Value = Vec<i64>> {
    let short = proptest::collection::vec(-3_i64..=3, 12..120);
    let long = proptest::collection::vec(-40_i64..=40, 480..1_200);
    prop_oneof![3 => short, 1 => long].prop_flat_map(|steps| {
        (20_i64..200, Just(steps)).prop_map(|(start, steps)| {
            let walk = steps.iter().scan(start, |price, step| {
                *price = (*price + step).max(1);
                Some(*price)
            });
            walk.collect()
        })
    })
}

fn floats(ticks: &[i64]) -> Vec<f64> {
    ticks.iter().map(|&t| t as f64).collect()
}

fn crosses(bars: usize) -> Vec<Cross> {
    let pairs = [(1, 2), (1, 5), (2, 3), (3, 7), (4, 12), (5, 11), (16, 17), (17, 60), (20, 512), (100, 513)];
    pairs.iter().map(|&(fast, slow)| Cross { fast, slow }).filter(|c| c.slow as usize <= bars).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn scores_and_decisions_are_the_naive_twins(
        ticks in ticks(), opens in proptest::collection::vec(-2_i64..=2, 1_200), fee_bps in 0.0..60.0_f64, every in 1_u32..30, short in any::<bool>(),
    ) {
        let closes = floats(&ticks);
        let opens: Vec<f64> = ticks.iter().zip(&opens).map(|(&t, o)| (t + o).max(1) as f64).collect();
        let marks: Vec<u32> = (0..closes.len() as u32).filter(|bar| bar % every == every - 1).collect();
        let sides = if short { Sides::LongShort } else { Sides::LongFlat };
        let crosses = crosses(closes.len());
        for execution in [Execution::SignalClose, Execution::NextClose, Execution::NextOpen(&opens)] {
            let screen = Screen { closes: &closes, marks: &marks, marks_per_year: 365.0, fee_bps, sides, execution };
            let scores = screen_crosses(&screen, &crosses, ONE).unwrap();
            for (cross, score) in crosses.iter().zip(&scores) {
                assert_close(score, &naive(&screen, &ticks, *cross), &format!("{cross:?} {execution:?}"));
            }
        }
        for cross in crosses {
            prop_assert_eq!(cross_decisions(&closes, cross, sides).unwrap(), decisions(&ticks, cross, sides));
        }
    }

    #[test]
    fn what_comes_later_changes_no_decision(ticks in ticks(), share in 0.3..1.0_f64, other in 1_i64..500) {
        let known = ((ticks.len() as f64 * share) as usize).max(12);
        let mut changed = ticks.clone();
        changed[known..].fill(other);
        for cross in crosses(known) {
            let whole = cross_decisions(&floats(&ticks), cross, Sides::LongShort).unwrap();
            let until: Vec<_> = whole.into_iter().filter(|d| (d.bar as usize) < known).collect();
            prop_assert_eq!(&cross_decisions(&floats(&ticks[..known]), cross, Sides::LongShort).unwrap(), &until);
            let otherwise = cross_decisions(&floats(&changed), cross, Sides::LongShort).unwrap();
            prop_assert_eq!(otherwise.into_iter().filter(|d| (d.bar as usize) < known).collect::<Vec<_>>(), until);
        }
    }

    #[test]
    fn a_higher_fee_never_pays(ticks in ticks(), low in 0.0..50.0_f64, more in 0.01..100.0_f64) {
        let closes = floats(&ticks);
        let marks: Vec<u32> = (0..closes.len() as u32).collect();
        let at = |fee_bps| Screen { closes: &closes, marks: &marks, marks_per_year: 8_760.0, fee_bps, sides: Sides::LongFlat, execution: Execution::NextClose };
        let crosses = crosses(closes.len());
        let cheap = screen_crosses(&at(low), &crosses, ONE).unwrap();
        let dear = screen_crosses(&at(low + more), &crosses, ONE).unwrap();
        for (cheap, dear) in cheap.iter().zip(&dear) {
            prop_assert_eq!(cheap.trades, dear.trades);
            // Near -1 all that is left may be below the last digit.
            let margin = if cheap.trades > 0 && cheap.total_return > -0.99 { 1e-9 } else { 0.0 };
            prop_assert!(dear.total_return <= cheap.total_return - margin);
        }
    }

    #[test]
    fn threads_and_company_change_nothing(ticks in ticks(), threads in 2_usize..9) {
        let closes = floats(&ticks);
        let marks: Vec<u32> = (0..closes.len() as u32).collect();
        let screen = Screen { closes: &closes, marks: &marks, marks_per_year: 365.0, fee_bps: 10.0, sides: Sides::LongShort, execution: Execution::NextClose };
        let crosses = crosses(closes.len());
        let together = screen_crosses(&screen, &crosses, ONE).unwrap();
        prop_assert_eq!(&screen_crosses(&screen, &crosses, NonZeroUsize::new(threads).unwrap()).unwrap(), &together);
        for (cross, score) in crosses.iter().zip(&together) {
            prop_assert_eq!(&screen_crosses(&screen, &[*cross], ONE).unwrap()[0], score);
        }
    }
}

/// Worked by hand. Averages of 1 and 2 bars: the fast one is above where the price rose, below where it fell.
#[test]
fn a_round_trip_worked_by_hand() {
    let closes = [100.0, 90.0, 110.0, 120.0, 108.0, 108.0];
    let opens = [100.0, 100.0, 90.0, 112.0, 120.0, 105.0];
    let screen = Screen {
        closes: &closes,
        marks: &[1, 3, 5],
        marks_per_year: 4.0,
        fee_bps: 100.0,
        sides: Sides::LongFlat,
        execution: Execution::NextOpen(&opens),
    };
    let cross = Cross { fast: 1, slow: 2 };
    // Up at bar 2: buy at 112, the open of bar 3. Down at bar 4: sell at 105. At bar 5 the averages touch: nothing.
    assert_eq!(
        cross_decisions(&closes, cross, Sides::LongFlat),
        Ok(vec![Decision { bar: 2, position: 1 }, Decision { bar: 4, position: 0 }])
    );
    let score = screen_crosses(&screen, &[cross], ONE).unwrap()[0];
    let (at_3, end) = (0.99 / 112.0 * 120.0, 0.99 / 112.0 * 105.0 * 0.99);
    let returns = [0.0, at_3 - 1.0, end / at_3 - 1.0];
    let mean = returns.iter().sum::<f64>() / 3.0;
    let deviation = (returns.iter().map(|r| (r - mean).powi(2)).sum::<f64>() / 2.0).sqrt();
    assert!((score.total_return - (end - 1.0)).abs() < 1e-15, "{score:?}");
    assert!((score.max_drawdown - (1.0 - end / at_3)).abs() < 1e-15, "{score:?}");
    assert!((score.sharpe.unwrap() - mean / deviation * 2.0).abs() < 1e-12, "{score:?}");
    assert_eq!(score.trades, 1);
}

/// A short that the market runs over ends at nothing, once, and never trades again.
#[test]
fn a_ruined_short_stays_ruined() {
    let closes = [10.0, 12.0, 8.0, 8.0, 30.0, 5.0, 4.0, 9.0];
    let marks = [0, 1, 2, 3, 4, 5, 6, 7];
    let screen = Screen {
        closes: &closes,
        marks: &marks,
        marks_per_year: 365.0,
        fee_bps: 0.0,
        sides: Sides::LongShort,
        execution: Execution::SignalClose,
    };
    let score = screen_crosses(&screen, &[Cross { fast: 1, slow: 2 }], ONE).unwrap()[0];
    // Short at 8 with everything; at 30 it owes more than it has.
    assert_eq!((score.total_return, score.max_drawdown, score.trades), (-1.0, 1.0, 1));
}

#[test]
fn what_cannot_be_screened_is_refused_with_what_was_found() {
    let closes = [1.0, 2.0, 3.0];
    let good =
        Screen { closes: &closes, marks: &[2], marks_per_year: 1.0, fee_bps: 0.0, sides: Sides::LongFlat, execution: Execution::NextClose };
    let refusal = |screen: Screen<'_>, fast, slow| screen_crosses(&screen, &[Cross { fast, slow }], ONE).unwrap_err();
    assert_eq!(refusal(good, 2, 2), ScreenError::Windows { fast: 2, slow: 2 });
    assert_eq!(refusal(good, 0, 2), ScreenError::Windows { fast: 0, slow: 2 });
    assert_eq!(refusal(good, 1, 4), ScreenError::NeverKnown { slow: 4, bars: 3 });
    assert_eq!(refusal(Screen { marks: &[1, 1], ..good }, 1, 2), ScreenError::Mark { number: 1, bar: 1, bars: 3 });
    assert_eq!(refusal(Screen { marks: &[3], ..good }, 1, 2), ScreenError::Mark { number: 0, bar: 3, bars: 3 });
    assert_eq!(
        refusal(Screen { closes: &[1.0, -2.0], marks: &[], ..good }, 1, 2),
        ScreenError::Price { series: "close", bar: 1, found: -2.0 }
    );
    assert_eq!(refusal(Screen { execution: Execution::NextOpen(&[1.0]), ..good }, 1, 2), ScreenError::Opens { opens: 1, closes: 3 });
    assert!(matches!(refusal(Screen { fee_bps: f64::NAN, ..good }, 1, 2), ScreenError::Term { term: "fee_bps", .. }));
    assert!(matches!(refusal(Screen { marks_per_year: 0.0, ..good }, 1, 2), ScreenError::Term { term: "marks_per_year", .. }));
    assert_eq!(screen_crosses(&good, &[], ONE), Ok(vec![]));
}
