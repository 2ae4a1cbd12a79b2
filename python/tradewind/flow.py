"""The nouns that flow between the stages; nothing here computes a decision.

    market → Market → features → Features → forecast → Forecast → portfolio → Target
           → risk → Target | Refusal → execution → Plan → engine → Executions → analytics → Report

Every stage is one verb from noun to noun and imports no other stage; `research` and `services` compose them.

Time. `ts_ns` is always *when a fact was known*: UTC nanoseconds, and for a bar the moment it closed, never the moment
it opened. A stage asked for an answer at `ts_ns` may read rows with `ts_ns <=` that instant and nothing else; the
prefix law `f(x[:t]) == f(x)[:t]` is tested for every stage that sees time.

Segments. A hole in the data ends a segment. `segment` numbers them per symbol from 0; no return, indicator or label
spans two segments.

Floats here are statistics (prices as numbers to learn from, weights, returns). Money that is traded is integers, in
Rust.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

import polars as pl

NS_PER_SECOND = 1_000_000_000
NS_PER_HOUR = 3_600 * NS_PER_SECOND
NS_PER_DAY = 24 * NS_PER_HOUR

Side = Literal["buy", "sell"]
Provenance = Literal["real", "simulated"]


class DataRefused(Exception):
    """Data that must not be used. Says what is wrong, where, and how to go on; the CLI exits with 3.

    what: one sentence naming the defect and the numbers seen. where: file, symbol and UTC time or row.
    remedy: the next step for the user.
    """

    def __init__(self, what: str, where: str, remedy: str) -> None:
        super().__init__(f"{what}\n  where: {where}\n  how to go on: {remedy}")
        self.what = what
        self.where = where
        self.remedy = remedy

    def __reduce__(self) -> tuple[type[DataRefused], tuple[str, str, str]]:
        """So that a refusal reaches the parent of the process it was raised in."""
        return type(self), (self.what, self.where, self.remedy)


@dataclass(frozen=True, slots=True)
class Instrument:
    """A tradable pair on one venue. Decimal strings are exact; the native engine turns them into integers.

    tick: price step in quote per base. lot: quantity step in base. min_notional: smallest order value in quote.
    fee rates are per side in basis points of notional; half_spread_bps is half the quoted spread assumed on bars.
    """

    venue: str
    symbol: str
    base: str
    quote: str
    tick: str
    lot: str
    min_notional: str
    maker_fee_bps: float
    taker_fee_bps: float
    half_spread_bps: float


@dataclass(frozen=True, slots=True)
class Hole:
    """Missing time in one symbol: nothing is known in (`from_ns`, `to_ns`), both ends being closes of real bars."""

    symbol: str
    from_ns: int
    to_ns: int
    missing_bars: int


@dataclass(frozen=True, slots=True)
class Market:
    """Bars of a universe, clean, sorted by (`ts_ns`, `symbol`).

    bars columns: ts_ns i64 (close time) · symbol str · segment i64 · open high low close f64 (quote per base) ·
    volume f64 (base). Every row is finite, low <= open,close <= high, volume >= 0; (ts_ns, symbol) is unique.
    universe columns: ts_ns i64 · symbol str: symbols eligible for *new* positions from that instant on, point in time
    (one block of rows per review date; a review replaces the one before it).
    """

    bars: pl.DataFrame
    universe: pl.DataFrame
    instruments: tuple[Instrument, ...]
    bar_ns: int
    holes: tuple[Hole, ...]
    provenance: Provenance
    data_hash: str
    warnings: tuple[str, ...] = ()

    @property
    def symbols(self) -> tuple[str, ...]:
        """Symbols in the fixed order of `instruments`."""
        return tuple(i.symbol for i in self.instruments)


@dataclass(frozen=True, slots=True)
class Features:
    """What can be known about each symbol at each bar close.

    frame columns: ts_ns · symbol · segment · one f64 column per name in `names`. A value that is not known yet
    (warm-up, missing input) is null, never NaN or a filled-in guess. Rows are those of Market.bars, same order.
    """

    frame: pl.DataFrame
    names: tuple[str, ...]
    warmup_bars: int


@dataclass(frozen=True, slots=True)
class Fold:
    """One step of a walk-forward: trained on labels fully known before `train_end_ns`, used on (`test_start_ns`,
    `test_end_ns`].

    embargo_ns lies between the last training label's end and the first test instant.
    """

    number: int
    train_start_ns: int
    train_end_ns: int
    test_start_ns: int
    test_end_ns: int
    embargo_ns: int
    train_rows: int


@dataclass(frozen=True, slots=True)
class Forecast:
    """Expected return of each symbol over the next `horizon_bars`, out of sample only.

    frame columns: ts_ns · symbol · fold i64 · model str · expected_return f64 (simple, over the horizon, not
    annualised) · realised_return f64 (null where the horizon is not over or a hole lies in it; for scoring only, never
    a stage input).
    diagnostics columns: model · fold · observations · ic · rank_ic · hit_rate (per fold, plus fold = -1 for all).
    """

    frame: pl.DataFrame
    horizon_bars: int
    folds: tuple[Fold, ...]
    diagnostics: pl.DataFrame
    n_trials: int


@dataclass(frozen=True, slots=True)
class Holdings:
    """What the engine says we have, marked to market at `ts_ns`. weights: value share of equity per symbol, cash
    excluded.

    quantities: base units held per symbol, straight from the ledger, so that a close sells what is really there.
    Where a symbol is missing its quantity can only be derived from weight and price, which assumes it was marked there.
    """

    ts_ns: int
    equity: float
    cash: float
    weights: Mapping[str, float]
    quantities: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Target:
    """Where the portfolio should be. weights: share of equity per symbol; what is missing to 1 is cash.

    notes: plain sentences that explain every departure from what the optimiser was asked (fallbacks, scalings).
    """

    ts_ns: int
    weights: Mapping[str, float]
    method: str
    notes: tuple[str, ...] = ()

    @property
    def gross(self) -> float:
        """Sum of absolute weights."""
        return sum(abs(w) for w in self.weights.values())


@dataclass(frozen=True, slots=True)
class Refusal:
    """A stage that will not go on: what was asked, what was found, the limit it breaks, and how to go on."""

    ts_ns: int
    stage: str
    reason: str
    asked: float
    found: float
    limit: float
    remedy: str


@dataclass(frozen=True, slots=True)
class ParentOrder:
    """One symbol's move from holdings to target, to be worked by the engine between start_ns and end_ns.

    quantity: base units, > 0, not yet rounded to lots. slices: child orders (1 for `immediate`).
    """

    symbol: str
    side: Side
    quantity: float
    algo: Literal["immediate", "twap"]
    start_ns: int
    end_ns: int
    slices: int


@dataclass(frozen=True, slots=True)
class Plan:
    """What the engine is asked to do after `ts_ns`: sells first, then buys. skipped: symbol → why no order was made.

    notes: plain sentences that explain orders made smaller or later than the target asked.
    """

    ts_ns: int
    orders: tuple[ParentOrder, ...]
    skipped: Mapping[str, str] = field(default_factory=dict)
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Executions:
    """What the engine did: everything analytics needs, straight from the journal.

    equity columns: ts_ns · equity · cash · gross_exposure · net_exposure (quote, marked to market after costs).
    fills columns: ts_ns · symbol · order_id str · side str · price f64 · quantity f64 · fee f64 (in quote at the fill)
      · fee_asset str · liquidity str (maker|taker) · mid f64 (at the fill) · decision_price f64 (mid when the parent
      was made).
    orders columns: ts_ns · order_id str · symbol · side · kind str · quantity · filled f64 · state str · reason str ·
    done_ns.
    refusals columns: ts_ns · symbol · reason str.
    positions columns: ts_ns · symbol · quantity f64 · mark f64 (one row per symbol held at each equity row).
    state_hash: hex digest of the engine's final state; inputs: engine inputs processed.
    """

    equity: pl.DataFrame
    fills: pl.DataFrame
    orders: pl.DataFrame
    refusals: pl.DataFrame
    positions: pl.DataFrame
    quote: str
    start_equity: float
    state_hash: str
    inputs: int


@dataclass(frozen=True, slots=True)
class Benchmark:
    """A reference equity line on the same clock and money as the run; columns ts_ns · equity."""

    name: str
    equity: pl.DataFrame


@dataclass(frozen=True, slots=True)
class RunFacts:
    """What was run, so that the result can be found and repeated: group 1 of METRICS.

    cost_model: one sentence naming fees, spread, slippage, latency and queue models with their parameters.
    refused: stage refusals in the run. warnings: plain sentences, shown in the report.
    """

    run_id: str
    strategy: str
    parameters_hash: str
    data_hash: str
    code_version: str
    seed: int
    start_ns: int
    end_ns: int
    venues: tuple[str, ...]
    symbols: tuple[str, ...]
    provenance: Provenance
    cost_model: str
    n_trials: int
    holes: tuple[Hole, ...] = ()
    refused: tuple[Refusal, ...] = ()
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Undefined:
    """A metric that has no value here, and why (for example no losing trade: no profit factor)."""

    reason: str


Metric = float | int | str | Undefined


@dataclass(frozen=True, slots=True)
class Report:
    """The measured result. metrics: METRICS.md id → value or Undefined, in the order of the document.

    tables: name → frame for the per-symbol table, monthly returns, learning diagnostics, walk-forward folds.
    series: name → frame (ts_ns, value) for charts. def_version: version of the metric definitions.
    """

    run: RunFacts
    metrics: Mapping[str, Metric]
    tables: Mapping[str, pl.DataFrame]
    series: Mapping[str, pl.DataFrame]
    state_hash: str
    def_version: str
