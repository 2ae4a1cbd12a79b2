"""A sweep as people and programs read it: in-sample labelled and never alone, screen and engine side by side."""

from __future__ import annotations

import json
import textwrap
from collections.abc import Mapping, Sequence
from typing import Any

from tradewind import analytics
from tradewind.analytics.wording import metric, number, plain, signed_percent
from tradewind.research.cross_sweep import CrossSweep
from tradewind.research.crosses import Comparison
from tradewind.research.portfolio_sweep import PortfolioSweep

WIDTH = 100
_TOP = 5
_SHOWN = 6


def terminal(sweep: CrossSweep) -> str:
    """At most 60 lines of 100 columns."""
    s = sweep.settings
    chosen, held_out = sweep.chosen, sweep.held_out
    bars = chosen.stretch.bars + held_out.stretch.bars
    lines = [
        f"sweep of {sweep.trials.height} pairs · {s.symbol} · {bars:,} bars · best by {s.rank_by.replace('_', ' ')} · "
        f"{chosen.report.run.provenance}",
        *textwrap.wrap(f"costs: {chosen.report.run.cost_model}", WIDTH),
        "─" * WIDTH,
        f"SCREENED  in-sample, {chosen.report.metrics['period']}; each pair is one trial",
        _row("pair", ("return", "Sharpe", "max DD", "trades")),
    ]
    ranked = sweep.trials.drop_nulls(s.rank_by).sort(s.rank_by, descending=True, maintain_order=True).head(_TOP)
    lines += [_row(f"{r['fast']}/{r['slow']}", _scores(r)) for r in ranked.to_dicts()]
    lines += [
        "",
        f"WINNER    {sweep.winner.fast}/{sweep.winner.slow}; trades: entered on the screen, closed in the engine",
    ]
    lines += [_row("", ("return", "Sharpe", "max DD", "trades", "DSR", "buy & hold"))]
    for comparison in (chosen, held_out):
        lines += _side_by_side(comparison)
    lines += ["", f"{'GAP       total return, one assumption at a time':<56}{'in-sample':>19}{'held out':>21}"]
    lines += [
        f"          {step:<46}{_step(a, da)} {_step(b, db)}"
        for (step, a, da), (_, b, db) in zip(chosen.steps.iter_rows(), held_out.steps.iter_rows(), strict=True)
    ]
    warnings = [*sweep.notes, *held_out.report.run.warnings][:_SHOWN]
    lines += [""]
    for warning in warnings:
        lines += textwrap.wrap(warning, WIDTH, initial_indent="WARNING   ", subsequent_indent=" " * 10)
    lines += [
        f"FILES     {sweep.folder}: trials.jsonl, in-sample.html, held-out.html",
    ]
    return "\n".join(line.rstrip() for line in lines)


def to_json(sweep: CrossSweep) -> dict[str, Any]:
    """Every trial, the winner, and both parts with their METRICS ids."""
    return {
        "kind": "ma-cross",
        "symbol": sweep.settings.symbol,
        "rank_by": sweep.settings.rank_by,
        "n_trials": sweep.trials.height,
        "winner": {"fast": sweep.winner.fast, "slow": sweep.winner.slow},
        "in_sample": _part(sweep.chosen),
        "held_out": _part(sweep.held_out),
        "notes": list(sweep.notes),
        "folder": str(sweep.folder),
        "trials": sweep.trials.to_dicts(),
    }


def portfolio_terminal(sweep: PortfolioSweep) -> str:
    """A line per trial, the best first, and what its being the best is worth."""
    head = _row("allocator, volatility", ("return", "Sharpe", "max DD", "trades", "PSR"))
    report = sweep.run.report
    lines = [
        f"sweep of {sweep.trials.height} whole portfolio runs · walk-forward · {report.metrics['period']} · "
        f"{report.run.provenance}",
        *textwrap.wrap(f"costs: {report.run.cost_model}", WIDTH),
        "─" * WIDTH,
        head,
    ]
    for r in sweep.trials.sort("sharpe", descending=True, nulls_last=True, maintain_order=True).to_dicts():
        total, drawdown = signed_percent(r["total_return_pct"]), signed_percent(r["max_drawdown_pct"])
        figures = (total, plain(r["sharpe"]), drawdown, str(r["trades"]), plain(r["psr"]))
        lines.append(_row(f"{r['allocator']}, {r['annual_volatility']:g}", figures))
    lines += [
        _row(sweep.run.benchmarks[0].name, (signed_percent(number(report, "benchmark_return_pct")),)),
        "",
        f"BEST      {sweep.best['allocator']}, {sweep.best['annual_volatility']:g}; DSR {plain(sweep.deflated)}",
        "          chosen on the very days it is measured on: in-sample as a choice",
        "          run once more, it ended in the state its trial ended in",
        f"FILES     {sweep.folder}: trials.jsonl, best.html",
    ]
    return "\n".join(lines)


def portfolio_json(sweep: PortfolioSweep) -> dict[str, Any]:
    """Every trial and the best of them."""
    return {
        "kind": "portfolio",
        "n_trials": sweep.trials.height,
        "best": dict(sweep.best),
        "best_is": "in-sample as a choice: chosen on the days it is measured on",
        "dsr": sweep.deflated,
        "engine": json.loads(analytics.to_json(sweep.run.report)),
        "journal": None if sweep.run.journal is None else str(sweep.run.journal),
        "folder": str(sweep.folder),
        "trials": sweep.trials.to_dicts(),
    }


def _part(comparison: Comparison) -> dict[str, Any]:
    return {
        "label": comparison.stretch.label,
        "screen": comparison.screened,
        "engine": json.loads(analytics.to_json(comparison.report)),
        "gap": comparison.gap,
        "steps": comparison.steps.to_dicts(),
        "journal": None if comparison.journal is None else str(comparison.journal),
    }


def _side_by_side(comparison: Comparison) -> list[str]:
    label, of = comparison.stretch.label, comparison.screened
    report = comparison.report
    total, drawdown, benchmark = (
        signed_percent(number(report, id)) for id in ("total_return_pct", "max_drawdown_pct", "benchmark_return_pct")
    )
    engine = (total, metric(report, "sharpe"), drawdown, metric(report, "trades"), metric(report, "dsr"), benchmark)
    return [_row(f"{label}, screen", _scores(of)), _row(f"{label}, engine", engine)]


def _scores(of: Mapping[str, Any]) -> tuple[str, ...]:
    """Figures of the screen, as shares, in the words of the report."""
    total, drawdown = signed_percent(100.0 * of["total_return"]), signed_percent(-100.0 * of["max_drawdown"])
    return total, plain(of["sharpe"]), drawdown, str(of["trades"])


def _row(label: str, figures: Sequence[str]) -> str:
    return f"          {label:<22}" + "".join(f"{f:>11}" for f in figures)


def _step(total: float, difference: float | None) -> str:
    return f"{100.0 * total:+9.2f} % " + ("" if difference is None else f"({100.0 * difference:+.2f})").rjust(9)
