"""The four pages: within their limits, valid, self-contained, and safe against what names may hold."""

from __future__ import annotations

import json
import re
import xml.etree.ElementTree as ET
from dataclasses import replace
from html.parser import HTMLParser

import polars as pl
import pytest

from tradewind import analytics
from tradewind.analytics import plots, wording
from tradewind.analytics.definitions import DEFINITIONS
from tradewind.flow import NS_PER_DAY, Hole, Refusal, Undefined

NASTY = '<script>alert("x")</script>|& \'"'


def full(world, days=300, symbols=8, **changes):
    bars = world.synthetic_bars(days=days, symbols=symbols)
    executions = world.trade(bars, world.momentum_weights(bars))
    run = world.run_facts(bars, **changes)
    grid = executions.equity["ts_ns"].to_numpy()
    benchmarks = [
        analytics.buy_and_hold(bars, "BTCUSDT", 10_000.0, grid, 12.0),
        analytics.equal_weight(bars, run.symbols, 10_000.0, grid, 12.0),
    ]
    instruments = [world.instrument(s) for s in run.symbols]
    return analytics.report(
        run, executions, benchmarks, bars=bars, instruments=instruments, forecast=world.forecast_of(bars)
    )


@pytest.fixture(scope="module")
def report(world):
    symbols = tuple(f"{s}USDT" for s in ("BTC", "ETH", "SOL"))
    refusal = Refusal(world.START_NS, "risk", "CVaR above budget", 0.9, 0.08, 0.05, "lower the target")
    return full(world, holes=world.holes_of(symbols, world.START_NS), refused=(refusal,), n_trials=12)


def test_terminal_fits_and_says_the_numbers(report):
    lines = analytics.terminal(report).splitlines()
    assert len(lines) <= 60
    assert max(map(len, lines)) <= 100
    text = "\n".join(lines)
    for word in ("RESULT", "RISK", "TRADES", "COSTS", "EXPOSURE", "FORECAST", "AGAINST", "SYMBOLS", "HOLES", "NEXT"):
        assert re.search(rf"^{word}\b", text, re.M), word
    assert wording.metric(report, "sharpe") in text
    assert "BTCUSDT buy & hold" in text
    assert text.startswith("momentum, top 3 · 2024-01-01→2024-10-26 (300 d) · 8 symbols on binance")
    assert "costs: maker 2 bps" in lines[1]


@pytest.mark.parametrize(("symbols", "warnings", "holes"), [(60, 3, 2), (120, 30, 40), (1, 0, 0)])
def test_terminal_fits_however_much_there_is_to_say(world, report, symbols, warnings, holes):
    names = tuple(f"COIN{i:03d}USDT" for i in range(symbols))
    row = report.tables["symbols"].row(0, named=True)
    frame = pl.DataFrame([{**row, "symbol": n, "net_pnl": 1e6 - i} for i, n in enumerate(names)])
    run = replace(
        report.run,
        symbols=names,
        strategy="a strategy with a very long name " * 6,
        cost_model="a cost model that needs many words to be told " * 9,
        warnings=tuple(f"warning {i} " + "word " * 40 for i in range(warnings)),
        holes=tuple(Hole(names[i % symbols], i * NS_PER_DAY, (i + 9) * NS_PER_DAY, 200) for i in range(holes)),
    )
    text = analytics.terminal(replace(report, run=run, tables={**report.tables, "symbols": frame}))
    lines = text.splitlines()
    assert len(lines) <= 60
    assert max(map(len, lines)) <= 100
    shown = len(re.findall(r"COIN\d{3}", "\n".join(line for line in lines if "%" in line)))
    between = re.search(r"(\d+) between", text)
    assert shown + (int(between.group(1)) if between else 0) == symbols


def test_terminal_first_line_says_simulated(world):
    text = analytics.terminal(full(world, days=120, provenance="simulated"))
    assert "simulated" in text.splitlines()[0]


def test_terminal_colours_are_only_an_addition(report):
    coloured = analytics.terminal(report, palette="ansi")
    assert "\x1b[" in coloured
    bare = re.sub(r"\x1b\[[0-9;]*m", "", coloured)
    assert [line.rstrip() for line in bare.splitlines()] == analytics.terminal(report).splitlines()


def test_terminal_shows_the_next_three_commands(report):
    lines = analytics.terminal(report, next_commands=("one", "two", "three", "four")).splitlines()
    assert [line.split()[-1] for line in lines[-3:]] == ["one", "two", "three"]


def test_json_is_strict_stable_and_complete(report):
    text = analytics.to_json(report)
    body = json.loads(text, parse_constant=lambda name: pytest.fail(f"{name} in JSON"))
    assert list(body["metrics"]) == [d.id for d in DEFINITIONS]
    undefined = {id for id, v in report.metrics.items() if isinstance(v, Undefined)}
    assert set(body["undefined"]) == undefined == {id for id, v in body["metrics"].items() if v is None}
    for key in (
        "run_id",
        "data_hash",
        "state_hash",
        "n_trials",
        "warnings",
        "holes",
        "benchmarks",
        "symbols",
        "refused",
    ):
        assert key in body, key
    assert len(body["holes"]) == 3
    assert len(body["benchmarks"]) == 3
    assert body["metrics"]["sharpe"] == report.metrics["sharpe"]


def test_json_has_no_nan_even_where_a_table_has(report):
    folds = report.tables["folds"].with_columns(ic=pl.lit(float("nan")))
    body = json.loads(analytics.to_json(replace(report, tables={**report.tables, "folds": folds})))
    assert body["folds"][0]["ic"] is None


def test_html_is_one_file_that_fetches_nothing(report):
    page = analytics.html(report)
    assert len(page.encode()) < 1_000_000
    assert not re.search(r"""(?:src|href|action|data)\s*=\s*["'](?!#)""", page)
    assert not re.search(r"https?:|//[a-z]|@import|url\(|fetch\(|XMLHttp|WebSocket", page)
    for section in (
        "equity",
        "underwater",
        "months",
        "days",
        "rolling",
        "exposure",
        "costs",
        "candles",
        "symbols",
        "learning",
        "holes",
        "metrics",
        "definitions",
    ):
        assert f'<section id="{section}">' in page, section
    for definition in DEFINITIONS:
        assert f"<code>{definition.id}</code>" in page


class Balance(HTMLParser):
    """Checks that tags open and close in order."""

    VOID = frozenset({"meta", "br", "line", "rect"})

    def __init__(self):
        super().__init__()
        self.open = []

    def handle_starttag(self, tag, attrs):
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        pass

    def handle_endtag(self, tag):
        if tag not in self.VOID:
            assert self.open.pop() == tag, tag
        elif tag == "rect":
            pass


def test_html_is_well_formed_and_every_drawing_is_valid_xml(report):
    page = analytics.html(report)
    parser = Balance()
    parser.feed(page)
    assert parser.open == []
    drawings = re.findall(r"<svg.*?</svg>", page, re.S)
    assert len(drawings) >= 12
    for drawing in drawings:
        ET.fromstring(drawing)  # noqa: S314 - our own drawing
        assert "nan" not in drawing.lower()
        assert "inf" not in re.sub(r"data-plot=\"[^\"]*\"", "", drawing).lower()


def test_pages_escape_what_names_may_hold(world, report):
    run = replace(report.run, strategy=NASTY, cost_model=NASTY, run_id=NASTY, warnings=(NASTY,), venues=(NASTY,))
    symbols = report.tables["symbols"].with_columns(symbol=pl.lit(NASTY))
    candles = {n: report.tables[n].with_columns(symbol=pl.lit(NASTY)) for n in ("candles", "candle_trades")}
    compared = report.tables["compared"].with_columns(name=pl.lit(NASTY))
    benchmark = report.series["benchmark:BTCUSDT buy & hold"]
    bad = replace(
        report,
        run=run,
        tables={**report.tables, **candles, "symbols": symbols, "compared": compared},
        series={**report.series, f"benchmark:{NASTY}": benchmark},
        metrics={**report.metrics, "cost_model": NASTY, "venues": NASTY, "sharpe": Undefined(NASTY)},
    )
    assert "<script>alert" not in analytics.html(bad)
    assert "<script>alert" not in analytics.markdown(bad)
    assert json.loads(analytics.to_json(bad))["warnings"] == [NASTY]


def test_markdown_tables_are_rectangular(report):
    text = analytics.markdown(report)
    for block in re.findall(r"(?:^\|.*\n)+", text, re.M):
        widths = {len(re.findall(r"(?<!\\)\|", line)) for line in block.strip().splitlines()}
        assert len(widths) == 1, block
    assert text.startswith("# momentum, top 3")
    assert "`profit_factor`" in text


def test_thinning_keeps_extremes():
    import numpy as np

    value = np.sin(np.arange(50_000) / 97.0)
    value[12_345], value[33_333] = 9.0, -9.0
    thin = plots.thinned(plots.Line("x", np.arange(50_000), value, "s0"))
    assert len(thin.value) <= plots.MAX_POINTS + 2
    assert (thin.value.max(), thin.value.min()) == (9.0, -9.0)
    assert (np.diff(thin.ts_ns) > 0).all()


@pytest.mark.parametrize(("low", "high"), [(0.0, 1.0), (-3.2, 17.0), (1e-7, 3e-7), (1e5, 9e9), (99.9, 100.1)])
def test_ticks_are_round_and_inside(low, high):
    ticks = plots.nice_ticks(low, high)
    assert 3 <= len(ticks) <= 8
    assert all(low - 1e-9 * abs(low) <= t <= high * (1 + 1e-9) for t in ticks)
    assert all(low * (1 - 1e-9) <= t <= high * (1 + 1e-9) for t in plots.log_ticks(max(low, 1e-9), high))


def test_pages_of_a_long_run_stay_small_and_fast(world):
    import time

    report = full(world, days=800, symbols=4)
    began = time.perf_counter()
    page = analytics.html(report)
    assert time.perf_counter() - began < 3.0
    assert len(page.encode()) < 2_000_000
