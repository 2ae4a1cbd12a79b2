"""One rule on one symbol, twice: a moving-average cross on the screen, and the same decisions worked by the engine.

Long while the fast average of closes is above the slow one, else flat. The screen scores many pairs in the time the
engine takes for one, because it leaves out what trading is made of: whole lots, cash that must be there before the
price is known, volume that runs out, prices that move against a large order. `compare` runs a pair both ways on the
same bars and takes the difference apart, one assumption at a time.

Prices are screened in whole ticks, which makes every comparison of two averages exact.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import polars as pl

from tradewind import _native, analytics
from tradewind.analytics.daily import DAYS_PER_YEAR
from tradewind.flow import NS_PER_DAY, DataRefused, Executions, Market, Report, RunFacts
from tradewind.market.bars import find_holes, hash_bars
from tradewind.research import grids, runs, setups

BPS = 1e-4
Execution = Literal["next_open", "signal_close"]

_NO_IMPACT = setups.BarFills(impact_bps=0.0, max_participation=1.0)
_DUST = 0.01
"""Share of equity below which the rest of a buy is not sent again."""
_MAX_ORDER_SHARE = 1e4
"""All of the account goes into each order, and the account may grow."""


@dataclass(frozen=True, slots=True, order=True)
class Cross:
    """A pair of windows in bars, 1 <= fast < slow."""

    fast: int
    slow: int


@dataclass(frozen=True, slots=True)
class Terms:
    """On what terms the engine trades.

    kept_back_bps: of the cash at each buy. Before it lets a market order go the engine wants room for the price to move
    (25 bps), for the fee (10 bps) and for rounding.
    """

    start_equity: float = 100_000.0
    kept_back_bps: float = 36.0
    fills: setups.BarFills = field(default_factory=setups.BarFills)


@dataclass(frozen=True, slots=True)
class Stretch:
    """Unbroken bars of one symbol, and from which of them on results count.

    market: that symbol's bars alone. first: the bar at whose close the account starts; averages may use bars before it.
    label: what the stretch is for, said beside every figure from it.
    """

    market: Market
    first: int
    label: Literal["in-sample", "held out"]

    @property
    def bars(self) -> int:
        """How many bars there are."""
        return self.market.bars.height

    @property
    def start_ns(self) -> int:
        """When the account starts."""
        return int(self.market.bars["ts_ns"][self.first])


@dataclass(frozen=True, slots=True)
class Comparison:
    """One pair on one stretch, on the screen and in the engine.

    screened: total_return, max_drawdown, sharpe, trades as the screen has them, fee and half spread included. report:
    the engine's run. steps columns: step str · total_return f64 · difference f64, from the freest assumption to the
    engine's; the differences from `screened` on add up to the gap between the two.
    """

    stretch: Stretch
    screened: dict[str, float | int | None]
    report: Report
    steps: pl.DataFrame
    journal: Path | None

    @property
    def gap(self) -> float:
        """Total return in the engine less that on the screen."""
        by_step = dict(self.steps.select("step", "total_return").iter_rows())
        return float(by_step[IN_ENGINE] - by_step[ON_SCREEN])


FREE = "filled at the signal's own close, no costs"
NEXT_OPEN = "filled at the next bar's open"
WITH_FEE = "taker fee"
ON_SCREEN = "half spread: the screen"
WHOLE_LOTS = "whole ticks and lots, cash kept back"
IN_ENGINE = "impact, share of volume: the engine"


def longest_stretch(market: Market, symbol: str) -> Market:
    """The longest unbroken run of one symbol's bars (the later of two as long).

    Raises:
        DataRefused: the market has no such symbol.
    """
    if symbol not in market.symbols:
        raise DataRefused(
            f"{symbol} is not among the {len(market.symbols)} symbols",
            f"{market.symbols[0]} to {market.symbols[-1]}, {market.provenance} bars",
            f"choose one of: {', '.join(market.symbols)}",
        )
    runs_of_bars = (
        market.bars.filter(pl.col("symbol") == symbol)
        .group_by("segment")
        .agg(pl.len().alias("bars"), pl.col("ts_ns").min().alias("first"), pl.col("ts_ns").max().alias("last"))
        .sort("bars", "segment", descending=True)
    )
    row = runs_of_bars.row(0, named=True)
    return span(market, symbol, row["first"], row["last"])


def span(market: Market, symbol: str, from_ns: int, to_ns: int) -> Market:
    """One symbol's bars that closed in [from_ns, to_ns]."""
    of_symbol = pl.col("symbol") == symbol
    bars = market.bars.filter(of_symbol & pl.col("ts_ns").is_between(from_ns, to_ns))
    return dataclasses.replace(
        market,
        bars=bars,
        universe=market.universe.filter(of_symbol),
        instruments=tuple(i for i in market.instruments if i.symbol == symbol),
        holes=find_holes(bars, market.bar_ns),
        data_hash=hash_bars(bars, market.bar_ns),
        warnings=(),
    )


def decisions(market: Market, cross: Cross) -> pl.DataFrame:
    """Every change of position on one symbol's unbroken bars: bar · position (1 or 0), decided on that bar's close."""
    return pl.DataFrame(_native.ma_cross_decisions(_ticks(market), cross.fast, cross.slow, "long_flat"))


def cost_bps(market: Market) -> float:
    """What the screen charges per side: taker fee and half spread."""
    return market.instruments[0].taker_fee_bps + market.instruments[0].half_spread_bps


def screen(
    stretch: Stretch, crosses: Sequence[Cross], fee_bps: float, execution: Execution = "next_open", threads: int = 1
) -> pl.DataFrame:
    """Scores of many pairs, a row each: total_return · max_drawdown · sharpe (null where undefined) · trades.

    Statistics are of UTC daily closes after the stretch's first bar, the first return from its start; 365 days a year.

    Raises:
        DataRefused: a window longer than the stretch, or bars that cannot be screened.
    """
    pairs = pl.DataFrame(
        {"fast": [c.fast for c in crosses], "slow": [c.slow for c in crosses]},
        schema={"fast": pl.UInt32, "slow": pl.UInt32},
    )
    try:
        scores = _native.screen_ma_crosses(
            _ticks(stretch.market),
            pairs,
            _daily_marks(stretch),
            marks_per_year=DAYS_PER_YEAR,
            fee_bps=fee_bps,
            sides="long_flat",
            execution=execution,
            threads=threads,
        )
    except ValueError as error:
        where = f"{stretch.market.symbols[0]}, {stretch.bars} bars ({stretch.label})"
        raise DataRefused(str(error), where, "shorten the windows, or take a longer stretch of bars") from error
    return pl.DataFrame(scores)


def in_engine(
    stretch: Stretch, cross: Cross, terms: Terms, data_name: str, journal: Path | None, facts: runs.CodeFacts
) -> Executions:
    """The pair's decisions as market orders: all cash but what is kept back, or all that is held.

    An order goes out at the close that decides it and meets the next bar's open. What the bar's volume did not fill is
    sent again a bar later, until the position is as wanted.
    """
    bars = stretch.market.bars
    named = {"symbol": stretch.market.symbols[0], "from_ns": stretch.start_ns, "to_ns": int(bars["ts_ns"][-1])}
    setup = setups.bar_setup(
        stretch.market.instruments,
        stretch.market.instruments[0].quote,
        terms.start_equity,
        terms.fills,
        bar_ns=stretch.market.bar_ns,
        max_order_share=_MAX_ORDER_SHARE,
    )
    wanted_at = dict(decisions(stretch.market, cross).iter_rows())
    wanted, unsettled = 0, False
    with runs.engine_failures():
        engine = _native.Simulation(
            setup,
            grids.record_bars(stretch.market, stretch.start_ns),
            journal,
            json.dumps({**json.loads(data_name), **named}),
            facts.version,
            facts.created_ns,
        )
        for bar, (ts_ns, close) in enumerate(bars.select("ts_ns", "close").iter_rows()):
            if bar < stretch.first:
                continue
            if bar in wanted_at:
                wanted, unsettled = wanted_at[bar], True
            if unsettled:
                engine.advance(ts_ns)
                unsettled = _send(engine, stretch.market, wanted, close, terms)
        engine.advance(int(bars["ts_ns"][-1]))
        return runs.executions(engine, stretch.market.instruments[0].quote, terms.start_equity)


def _send(engine: _native.Simulation, market: Market, wanted: int, close: float, terms: Terms) -> bool:
    """One order towards the wanted position; False when there is nothing left to send."""
    instrument = market.instruments[0]
    equity, cash, rows = engine.holdings()
    held = next((quantity for number, quantity, _ in rows if number == 0), 0.0)
    value = cash * (1.0 - terms.kept_back_bps * BPS) if wanted else held * close
    lots = grids.whole_lots(value / close if wanted else held, instrument.lot)
    worth = lots * float(instrument.lot) * close
    if lots == 0 or worth < float(instrument.min_notional) or (wanted and worth < _DUST * equity):
        return False
    engine.start_immediate(setups.STRATEGY_BOOK, 0, "buy" if wanted else "sell", lots)
    return True


def compare(
    stretch: Stretch,
    cross: Cross,
    terms: Terms,
    *,
    data_name: str,
    journal: Path | None,
    facts: runs.CodeFacts,
    n_trials: int,
    trial_sharpes: Sequence[float],
) -> Comparison:
    """Screen and engine on the same bars, the gap taken apart, and the engine's report beside buy and hold.

    n_trials, trial_sharpes (daily): of the sweep that chose the pair, so that the Sharpe ratio is deflated by them.
    """
    instrument = stretch.market.instruments[0]
    taker, both = instrument.taker_fee_bps, cost_bps(stretch.market)
    screened = screen(stretch, [cross], both).row(0, named=True)
    without_impact = in_engine(stretch, cross, dataclasses.replace(terms, fills=_NO_IMPACT), data_name, None, facts)
    executions = in_engine(stretch, cross, terms, data_name, journal, facts)
    totals = {
        FREE: _screened_return(stretch, cross, 0.0, "signal_close"),
        NEXT_OPEN: _screened_return(stretch, cross, 0.0, "next_open"),
        WITH_FEE: _screened_return(stretch, cross, taker, "next_open"),
        ON_SCREEN: float(screened["total_return"]),
        WHOLE_LOTS: _total_return(without_impact),
        IN_ENGINE: _total_return(executions),
    }
    steps = pl.DataFrame({"step": list(totals), "total_return": list(totals.values())}).with_columns(
        pl.col("total_return").diff().alias("difference")
    )
    report = analytics.report(
        _facts(stretch, cross, terms, executions, facts, n_trials),
        executions,
        (
            analytics.buy_and_hold(
                stretch.market.bars, instrument.symbol, terms.start_equity, executions.equity["ts_ns"].to_list(), both
            ),
        ),
        bars=stretch.market.bars,
        instruments=stretch.market.instruments,
        conventions=analytics.Conventions(trial_sharpes=tuple(trial_sharpes)),
    )
    return Comparison(stretch, screened, report, steps, journal)


def _facts(
    stretch: Stretch, cross: Cross, terms: Terms, executions: Executions, facts: runs.CodeFacts, n_trials: int
) -> RunFacts:
    instrument = stretch.market.instruments[0]
    warnings = []
    if stretch.label == "in-sample":
        warnings.append(f"in-sample: chosen on these bars as the best of {n_trials} pairs; no evidence of skill")
    if executions.refusals.height:
        first = executions.refusals["reason"][0]
        warnings.append(f"the engine refused {executions.refusals.height} orders; the first: {first}")
    return RunFacts(
        run_id=runs.run_id(executions.state_hash, stretch.market.data_hash),
        strategy=f"MA cross {cross.fast}/{cross.slow}, {stretch.label}",
        parameters_hash=runs.parameters_hash((cross, terms)),
        data_hash=stretch.market.data_hash,
        code_version=facts.version,
        seed=0,
        start_ns=stretch.start_ns,
        end_ns=int(stretch.market.bars["ts_ns"][-1]),
        venues=(instrument.venue,),
        symbols=(instrument.symbol,),
        provenance=stretch.market.provenance,
        cost_model=(
            f"taker fee {instrument.taker_fee_bps:g} bps in the asset received; half spread "
            f"{instrument.half_spread_bps:.1f} bps; impact {terms.fills.impact_bps:g} bps times the root of the share "
            f"of the bar's volume taken, at most {terms.fills.max_participation:.0%}; next bar's open, no other latency"
        ),
        n_trials=n_trials,
        warnings=tuple(warnings),
    )


def _screened_return(stretch: Stretch, cross: Cross, fee_bps: float, execution: Execution) -> float:
    return float(screen(stretch, [cross], fee_bps, execution)["total_return"][0])


def _total_return(executions: Executions) -> float:
    return float(executions.equity["equity"][-1]) / executions.start_equity - 1.0


def _ticks(market: Market) -> pl.DataFrame:
    """Opens and closes in whole ticks, as floats."""
    tick = float(market.instruments[0].tick)
    return market.bars.select((pl.col(p) / tick).round() for p in ("open", "close"))


def _daily_marks(stretch: Stretch) -> pl.DataFrame:
    """The last bar of each UTC day after the stretch's first; a bar that closes at midnight ends the day before."""
    day = (pl.col("ts_ns") - 1) // NS_PER_DAY
    is_last = (day != day.shift(-1)).fill_null(value=True)
    numbered = stretch.market.bars.with_row_index("bar")
    return numbered.filter(is_last & (pl.col("bar") > stretch.first)).select(pl.col("bar").cast(pl.UInt32))
