"""The report as one HTML file that needs nothing else: drawings are inline SVG, style and script are inside, no address
is ever fetched. It reads without the script (a cursor and table sorting), in light and dark, on paper and on a phone.

Every text that came from outside (names, reasons, hashes) is escaped. Sections without data say why they are empty.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from html import escape
from importlib.resources import files

import numpy as np
import polars as pl

from tradewind.analytics import shapes, wording
from tradewind.analytics.definitions import DEFINITIONS, GROUPS, Definition
from tradewind.analytics.plots import Line, empty, time_chart
from tradewind.analytics.wording import DASH, metric, money, number, plain, signed_percent
from tradewind.flow import Report, Undefined

INKS = ("s1", "s2", "s3", "s4")
MAX_REFUSALS = 200
SYMBOL_HEADS = (
    "Symbol",
    "",
    "Net",
    "Of start",
    "Gross",
    "Fees",
    "Spread, slippage",
    "Traded",
    "Cost bps",
    "Trades",
    "Win %",
    "Still held",
)
NAV = (
    ("equity", "Equity"),
    ("months", "Months"),
    ("rolling", "Rolling"),
    ("costs", "Costs"),
    ("candles", "Trades"),
    ("symbols", "Symbols"),
    ("learning", "Learning"),
    ("holes", "Data"),
    ("metrics", "All metrics"),
    ("definitions", "Definitions"),
)


def html(report: Report) -> str:
    """The whole page as one string."""
    body = "".join(
        (
            _header(report),
            _kpis(report),
            _warnings(report),
            _nav(),
            _equity(report),
            _underwater(report),
            _months_and_days(report),
            _rolling(report),
            _exposure(report),
            _costs(report),
            _candles(report),
            _symbols(report),
            _learning(report),
            _crises(report),
            _data(report),
            _all_metrics(report),
            _definitions(report),
            _footer(report),
        )
    )
    head = (
        '<meta charset="utf-8"><meta name="viewport" content="width=device-width,initial-scale=1">'
        f"<title>{escape(report.run.strategy)} · {escape(report.run.run_id)}</title>"
        f"<style>{_asset('report.css')}</style>"
    )
    script = f"<script>{_asset('report.js')}</script>"
    return f'<!doctype html><html lang="en"><head>{head}</head><body><main>{body}</main>{script}</body></html>'


def _asset(name: str) -> str:
    return (files("tradewind.analytics") / "assets" / name).read_text(encoding="utf-8")


def _section(id: str, title: str, lead: str, content: str) -> str:
    return f'<section id="{id}"><h2>{title}</h2><p class="lead">{lead}</p>{content}</section>'


def _table(heads: Sequence[str], rows: Sequence[Sequence[str]], text: Collection[int] = ()) -> str:
    """A table of cells that are HTML already. text: columns that hold words rather than numbers."""
    kinds = [' class="text"' if column in text else "" for column in range(len(heads))]
    head = "".join(f"<th{kind}>{name}</th>" for kind, name in zip(kinds, heads, strict=True))
    body = "".join(
        f"<tr>{''.join(f'<td{kind}>{cell}</td>' for kind, cell in zip(kinds, row, strict=True))}</tr>" for row in rows
    )
    return f'<div class="scroll"><table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>'


def _nav() -> str:
    links = "".join(f'<a href="#{id}">{name}</a>' for id, name in NAV)
    return f"<nav>{links}</nav>"


def _header(report: Report) -> str:
    run = report.run
    word = "simulated market" if run.provenance == "simulated" else "real market data"
    badge = f'<span class="badge {run.provenance}">{word}</span>'
    days = wording.duration(
        float(report.series["equity"]["ts_ns"][-1] - report.series["equity"]["ts_ns"][0]) / 86_400e9
    )
    first = f"{report.metrics['period']} ({days}) · {len(run.symbols)} symbols on {escape(', '.join(run.venues))}"
    trials = f"{run.n_trials} trial{'s' if run.n_trials != 1 else ''}"
    return (
        f"<header><h1>{escape(run.strategy)}</h1><p class='sub'>{badge}{first} · {trials} · seed {run.seed}</p>"
        f"<p class='sub'>Costs: {escape(run.cost_model)}</p></header>"
    )


def _kpis(report: Report) -> str:
    low, high = number(report, "sharpe_ci95_low"), number(report, "sharpe_ci95_high")
    interval = "95 %: " + (DASH if low is None or high is None else f"{low:.2f} to {high:.2f}")
    benchmark = number(report, "benchmark_return_pct")
    total = number(report, "total_return_pct") or 0.0
    against = "no benchmark" if benchmark is None else f"benchmark {signed_percent(benchmark)}"
    cells = (
        ("Net return", signed_percent(total), against, total),
        (
            "CAGR",
            signed_percent(number(report, "cagr_pct")),
            f"net {metric(report, 'net_profit')}",
            number(report, "cagr_pct"),
        ),
        ("Sharpe", metric(report, "sharpe"), interval, number(report, "sharpe")),
        (
            "Max drawdown",
            metric(report, "max_drawdown_pct"),
            f"under water {metric(report, 'longest_underwater_days')}",
            None,
        ),
        ("Volatility", metric(report, "volatility_ann_pct"), f"CVaR 95 % 1 d {metric(report, 'cvar_95_1d')}", None),
        (
            "Costs",
            metric(report, "total_cost"),
            f"{metric(report, 'cost_per_traded_bps')} paid, break-even {metric(report, 'break_even_cost_bps')}",
            None,
        ),
    )
    parts = []
    for name, value, aside, sign in cells:
        tone = "" if not sign else (" pos-text" if sign > 0.0 else " neg-text")
        parts.append(
            f'<div class="kpi"><div class="name">{name}</div><div class="value{tone}">{escape(value)}</div>'
            f'<div class="aside">{escape(aside)}</div></div>'
        )
    return f'<div class="kpis">{"".join(parts)}</div>'


def _warnings(report: Report) -> str:
    if not report.run.warnings:
        return ""
    items = "".join(f"<li>{escape(w)}</li>" for w in report.run.warnings)
    return f'<div class="warnings"><h2>Before you believe it</h2><ul>{items}</ul></div>'


def _line(report: Report, name: str, label: str, ink: str) -> Line:
    frame = report.series.get(name)
    if frame is None:
        return Line(label, np.zeros(0, dtype=np.int64), np.zeros(0), ink)
    return Line(label, frame["ts_ns"].to_numpy(), frame["value"].to_numpy(), ink)


def _equity(report: Report) -> str:
    lines = [_line(report, "equity", "this run", "s0")]
    if float(lines[0].value.min()) <= 0.0:
        alive = int(np.flatnonzero(lines[0].value <= 0.0)[0])
        lines = [Line("this run", lines[0].ts_ns[:alive], lines[0].value[:alive], "s0")]
    names = [name.removeprefix("benchmark:") for name in report.series if name.startswith("benchmark:")]
    lines += [_line(report, f"benchmark:{n}", n, INKS[i % len(INKS)]) for i, n in enumerate(names)]
    rows = [
        (
            escape(r["name"]),
            signed_percent(r["total_return_pct"]),
            signed_percent(r["cagr_pct"]),
            f"{plain(r['volatility_ann_pct'], 1)} %",
            plain(r["sharpe"]),
            signed_percent(r["max_drawdown_pct"]),
            DASH if r["end_equity"] is None else money(r["end_equity"]),
        )
        for r in report.tables["compared"].iter_rows(named=True)
    ]
    table = _table(("", "Return", "CAGR", "Volatility", "Sharpe", "Max drawdown", "End equity"), rows)
    lead = "Marked to market after all costs, at each UTC daily close; logarithmic."
    chart = time_chart(lines, height=360.0, scale="log", digits=2)
    return _section("equity", "Equity against doing almost nothing", lead, chart + table)


def _underwater(report: Report) -> str:
    own = _line(report, "drawdown_pct", "drawdown", "neg")
    line = Line(own.name, own.ts_ns, own.value, own.ink, "to_zero")
    back = metric(report, "max_drawdown_recovery")
    lead = (
        f"Deepest {metric(report, 'max_drawdown_pct')}, from {metric(report, 'max_drawdown_start')} to "
        f"{metric(report, 'max_drawdown_trough')}, {'not recovered' if back == DASH else f'recovered {back}'}; "
        f"within days {metric(report, 'max_drawdown_intraday_pct')}."
    )
    if isinstance(report.metrics["max_drawdown_start"], Undefined):
        lead = "Equity never closed a day below an earlier close."
    return _section("underwater", "Under water", lead, time_chart([line], height=190.0, suffix=" %"))


def _months_and_days(report: Report) -> str:
    heat = _section(
        "months", "Months", "Return of each calendar month in percent (UTC).", shapes.heat_map(report.tables["monthly"])
    )
    returns = report.series["returns"]["value"].to_numpy()
    marks = []
    for id, name, ink in (("var_95_1d", "VaR 95", "neg"), ("cvar_95_1d", "CVaR 95", "s3")):
        value = number(report, id)
        if value is not None:
            marks.append((name, value, ink))
    days = _section("days", "Days", "How often each daily return came up.", shapes.histogram(returns, marks))
    paths = _bootstrap(report)
    return f'{heat}<div class="two">{days}{paths}</div>'


def _bootstrap(report: Report) -> str:
    if number(report, "mc_cagr_pct_p50") is None:
        reason = report.metrics["mc_cagr_pct_p50"]
        content = empty(reason.reason if isinstance(reason, Undefined) else "not computed")
    else:
        rows = [
            (name, *(metric(report, f"{id}_{end}") for end in ("p05", "p50", "p95")))
            for name, id in (("CAGR", "mc_cagr_pct"), ("Max drawdown", "mc_max_drawdown_pct"))
        ]
        content = _table(("", "5 %", "50 %", "95 %"), rows) + _evidence(report)
    lead = "The run's own days redrawn in blocks (stationary bootstrap, 1,000 paths)."
    return _section("luck", "How much of it is luck", lead, content)


def _evidence(report: Report) -> str:
    rows = (
        ("Probability that the true Sharpe ratio is above zero (PSR)", "psr"),
        ("The same after deflating for the trials (DSR)", "dsr"),
        ("Skewness of daily returns", "skew"),
        ("Kurtosis (normal: 3)", "kurtosis"),
        ("Tail ratio", "tail_ratio"),
    )
    body = "".join(f"<tr><td class='text'>{name}</td><td>{metric(report, id)}</td></tr>" for name, id in rows)
    return f"<table class='next'><tbody>{body}</tbody></table>"


def _rolling(report: Report) -> str:
    if "rolling_sharpe" not in report.series:
        return _section(
            "rolling", "Rolling", "Over a moving window.", empty("the run is too short for a rolling window")
        )
    charts = [
        ("Sharpe ratio", time_chart([_line(report, "rolling_sharpe", "Sharpe", "s0")], height=170.0)),
        (
            "Volatility a year",
            time_chart([_line(report, "rolling_volatility_pct", "volatility", "s4")], height=170.0, suffix=" %"),
        ),
        ("Beta to the first benchmark", time_chart([_line(report, "rolling_beta", "beta", "s3")], height=170.0)),
    ]
    body = "".join(f"<h3>{name}</h3>{chart}" for name, chart in charts)
    days = len(report.series["returns"]) - len(report.series["rolling_volatility_pct"]) + 1
    return _section("rolling", "Rolling", f"Over the {days} daily returns before each day.", body)


def _exposure(report: Report) -> str:
    lines = [_line(report, "gross_leverage", "gross", "s0"), _line(report, "net_exposure", "net", "s1")]
    if np.array_equal(lines[0].value, lines[1].value):
        lines = [Line("gross = net", lines[0].ts_ns, lines[0].value, "s0")]
    filled = [Line(line.name, line.ts_ns, line.value, line.ink, "to_zero") for line in lines]
    lead = (
        f"Share of equity held: on average {metric(report, 'gross_leverage_avg')}, at most "
        f"{metric(report, 'gross_leverage_max')}; in the market {metric(report, 'time_in_market_pct')} of the time."
    )
    return _section("exposure", "Exposure", lead, time_chart(filled, height=170.0, suffix="×"))


def _costs(report: Report) -> str:
    gross = number(report, "gross_pnl")
    if gross is None or number(report, "traded_value") == 0.0:
        chart = empty("nothing was traded" if gross is not None else "costs against mid are not known")
    else:
        costs = [(name, -(number(report, id) or 0.0)) for name, id in _COST_PARTS if number(report, id) is not None]
        chart = shapes.waterfall([("gross", gross), *costs, ("net", number(report, "net_profit") or 0.0)])
    left = _section("costs", "What trading cost", "From every fill at its mid without fees to what is left.", chart)
    rows = "".join(
        f"<tr><td class='text'>{name}</td><td>{metric(report, id)}</td></tr>" for name, id in _EXECUTION_ROWS
    )
    right = _section(
        "execution", "Execution", "How well the orders were done.", f"<table><tbody>{rows}</tbody></table>"
    )
    return f'<div class="two">{left}{right}</div>'


_COST_PARTS = (
    ("fees", "fees_paid"),
    ("spread", "spread_cost"),
    ("slippage", "slippage_cost"),
    ("funding", "funding_paid"),
)
_EXECUTION_ROWS = (
    ("Traded value", "traded_value"),
    ("Turnover a year", "turnover"),
    ("Cost paid per traded value", "cost_per_traded_bps"),
    ("Break-even cost", "break_even_cost_bps"),
    ("Implementation shortfall", "implementation_shortfall_bps"),
    ("Filled as maker", "maker_ratio"),
    ("Filled of ordered", "fill_rate"),
    ("Orders partly filled", "partial_fill_rate"),
    ("Rejected", "rejects"),
    ("Cancelled", "cancels"),
    ("Timed out", "timeouts"),
    ("Refused by limits", "refusals"),
    ("Capacity", "capacity_usd"),
)


def _candles(report: Report) -> str:
    candles, trades = report.tables.get("candles"), report.tables.get("candle_trades")
    if candles is None or trades is None or candles.height == 0:
        return _section(
            "candles",
            "Trades on candles",
            "The most traded symbols.",
            empty("no bars were given, or no trade was made"),
        )
    parts = []
    for symbol in candles["symbol"].unique(maintain_order=True):
        own = candles.filter(pl.col("symbol") == symbol), trades.filter(pl.col("symbol") == symbol)
        parts.append(f"<h3>{escape(str(symbol))}</h3>{shapes.candle_chart(*own)}")
    keys = '<span class="key s0">buy ▲</span><span class="key s1">sell ▼</span>'
    lead = (
        "The most traded symbols; a mark stands at the mean fill price of its candle and grows with the value traded."
    )
    return _section("candles", "Trades on candles", lead, f'<div class="legend">{keys}</div>{"".join(parts)}')


def _symbols(report: Report) -> str:
    frame = report.tables["symbols"]
    most = max((abs(v) for v in frame["net_pnl"].to_list()), default=0.0) or 1.0
    start = float(report.series["equity"]["value"][0])
    rows = []
    for r in frame.iter_rows(named=True):
        net = r["net_pnl"]
        cells = (
            (net, money(net)),
            (100.0 * net / start, signed_percent(100.0 * net / start)),
            (r["gross_pnl"], money(r["gross_pnl"])),
            (r["fees"], money(r["fees"])),
            (r["spread_slippage"], DASH if r["spread_slippage"] is None else money(r["spread_slippage"])),
            (r["traded_value"], money(r["traded_value"])),
            (r["cost_bps"], plain(r["cost_bps"], 1)),
            (r["trades"], f"{r['trades']:,}"),
            (r["win_rate_pct"], plain(r["win_rate_pct"], 0)),
            (r["held_value"], money(r["held_value"])),
        )
        shown = "".join(f'<td data-v="{-1e300 if v is None else v}">{text}</td>' for v, text in cells)
        rows.append(f"<tr><td>{escape(r['symbol'])}</td>{_spark(net, most)}{shown}</tr>")
    head = "".join(f"<th>{h}</th>" for h in SYMBOL_HEADS)
    body = f"<thead><tr>{head}</tr></thead><tbody>{''.join(rows)}</tbody>"
    table = f'<div class="scroll"><table class="sortable">{body}</table></div>'
    quote = wording.shared_quote(report.run.symbols) or "quote money"
    lead = f"All {frame.height} symbols in {escape(quote)}; a click on a heading sorts. Trades: closed round trips."
    return _section("symbols", "Symbols", lead, table)


def _spark(net: float, most: float) -> str:
    bar = f'<span class="spark {"p" if net >= 0.0 else "n"}" style="width:{100.0 * abs(net) / most:.0f}%"></span>'
    left, right = ("", bar) if net >= 0.0 else (bar, "")
    return f'<td class="share" data-v="{net}"><span class="side l">{left}</span><span class="side">{right}</span></td>'


def _learning(report: Report) -> str:
    folds = report.tables.get("folds")
    if folds is None:
        return _section("learning", "Learning", "Forecasts against what happened.", empty("no forecast was given"))
    each = folds.filter(pl.col("fold") >= 0)
    ics = [(f"{r['model']} {r['fold']}", _finite(r["rank_ic"])) for r in each.iter_rows(named=True)]
    left = f"<div><h3>Rank IC per fold</h3>{shapes.bars([(n, v) for n, v in ics if v is not None])}</div>"
    bins = report.tables.get("calibration")
    right = empty("too few outcomes to calibrate")
    if bins is not None:
        means = [(str(r["bin"] + 1), 100.0 * r["realised_return"]) for r in bins.iter_rows(named=True)]
        right = f"<div><h3>Mean outcome by forecast decile, %</h3>{shapes.bars(means)}</div>"
    rows = [
        (
            escape(str(r["model"])),
            "all" if r["fold"] < 0 else str(r["fold"]),
            _test_span(r),
            DASH if r["train_rows"] is None else f"{r['train_rows']:,}",
            f"{r['observations']:,}",
            *(plain(_finite(r[name]), 4) for name in ("ic", "rank_ic", "hit_rate")),
        )
        for r in folds.iter_rows(named=True)
    ]
    heads = ("Model", "Fold", "Out of sample", "Trained on rows", "Scored", "IC", "Rank IC", "Hit rate")
    table = _table(heads, rows)
    lead = (
        f"Out of sample only. Across symbols at each instant: IC {metric(report, 'ic')}, "
        f"ICIR {metric(report, 'icir')}, rank IC {metric(report, 'rank_ic')}, hit rate {metric(report, 'hit_rate')}. "
        "The table holds the forecaster's own figures, pooled per fold."
    )
    return _section("learning", "Learning", lead, f'<div class="two">{left}{right}</div>{table}')


def _test_span(row: dict[str, object]) -> str:
    start, end = row["test_start_ns"], row["test_end_ns"]
    return (
        f"{wording.instant(start)[:10]} → {wording.instant(end)[:10]}"
        if isinstance(start, int) and isinstance(end, int)
        else DASH
    )


def _finite(value: float | None) -> float | None:
    return None if value is None or not np.isfinite(value) else value


def _crises(report: Report) -> str:
    frame = report.tables["crises"]
    if frame.height == 0:
        return ""
    rows = [
        (
            r["name"],
            f"{r['start']} → {r['end']}",
            signed_percent(r["return_pct"]),
            wording.percent(r["max_drawdown_pct"]),
            signed_percent(r["benchmark_return_pct"]),
        )
        for r in frame.iter_rows(named=True)
    ]
    table = _table(("Window", "Days", "This run", "Max drawdown", "First benchmark"), rows)
    return _section("crises", "Crisis windows", "Known market crises that the run covers whole.", table)


def _data(report: Report) -> str:
    groups = wording.grouped_holes(report.run.holes)
    rows = [(g.span, g.bars, str(len(g.symbols)), escape(", ".join(g.symbols))) for g in groups]
    holes = _table(("Between", "Missing", "Symbols", "Which"), rows, {3}) if groups else empty("no holes in the data")
    refused = [
        (wording.instant(r.ts_ns), escape(r.stage), escape(r.reason), f"{r.asked:g}", f"{r.found:g}", f"{r.limit:g}")
        for r in report.run.refused[:MAX_REFUSALS]
    ]
    if refused:
        count = f"{len(report.run.refused):,} refusals by stages" + (
            ", the first 200" if len(refused) == MAX_REFUSALS else ""
        )
        table = _table(("When", "Stage", "Reason", "Asked", "Found", "Limit"), refused, {1, 2})
        holes += f'<h3 class="next">{count}</h3>{table}'
    lead = "Time for which nothing is known. No return, indicator or label spans a hole."
    return _section("holes", "Holes in the data", lead, holes)


def _by_group(row: Callable[[Definition], str]) -> list[tuple[str, str]]:
    return [(name, "".join(row(d) for d in DEFINITIONS if d.group == group)) for group, name in GROUPS.items()]


def _all_metrics(report: Report) -> str:
    def row(definition: Definition) -> str:
        value = report.metrics[definition.id]
        why = value.reason if isinstance(value, Undefined) else definition.text
        tone = " class='undefined'" if isinstance(value, Undefined) else ""
        shown = wording.in_words(value, definition.unit)
        return (
            f"<tr><td>{definition.id}</td><td{tone} title='{escape(why, quote=True)}'>{escape(_clip(shown))}</td></tr>"
        )

    groups = "".join(
        f"<div><h3>{name}</h3><table><tbody>{rows}</tbody></table></div>"
        for name, rows in _by_group(row)
        if name != GROUPS[1]
    )
    lead = "A dash is undefined; hovering over a value shows its definition, or why it has none."
    return _section("metrics", "All metrics", lead, f'<div class="groups">{groups}</div>')


def _definitions(report: Report) -> str:
    def row(definition: Definition) -> str:
        value = report.metrics[definition.id]
        why = (
            f" <span class='undefined'>Here undefined: {escape(value.reason)}.</span>"
            if isinstance(value, Undefined)
            else ""
        )
        return f"<tr><td><code>{definition.id}</code></td><td class='text'>{escape(definition.text)}{why}</td></tr>"

    tables = "".join(
        f"<h3 class='next'>{name}</h3><table><tbody>{rows}</tbody></table>" for name, rows in _by_group(row)
    )
    lead = (
        "Base series: equity marked to market after costs, sampled at UTC daily closes; simple returns; "
        "365 days a year; ddof = 1. "
        f"Definitions version {escape(report.def_version)}."
    )
    body = f"<details><summary>{len(DEFINITIONS)} definitions</summary>{tables}</details>"
    return _section("definitions", "Definitions", lead, body)


def _footer(report: Report) -> str:
    run = report.run
    parts: Sequence[tuple[str, str]] = (
        ("run", run.run_id),
        ("parameters", run.parameters_hash),
        ("data", run.data_hash),
        ("state", report.state_hash),
        ("code", run.code_version),
        ("definitions", report.def_version),
    )
    return f"<footer>{' · '.join(f'{name} <code>{escape(value)}</code>' for name, value in parts)}</footer>"


def _clip(text: str) -> str:
    return text if len(text) <= 40 else text[:39] + "…"
