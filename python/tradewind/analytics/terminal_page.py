"""The report on a terminal: at most 60 lines of 100 columns, the numbers first, then what to make of them.

Everything that must be said has its place before the per-symbol table gets the lines that are left; every symbol is
counted even when not every one is shown.
"""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from typing import Literal

import polars as pl
from rich.console import Console
from rich.text import Text

from tradewind.analytics import wording
from tradewind.analytics.wording import DASH, metric, number, plain, signed_percent
from tradewind.flow import Report

WIDTH = 100
HEIGHT = 60
LABEL = 10
CELL = 18
MAX_WARNINGS = 8
MAX_HOLE_GROUPS = 4
NEXT_COMMANDS = ("tradewind backtest --html report.html", "tradewind data check", "tradewind journal verify")

Palette = Literal["plain", "ansi"]


def terminal(report: Report, next_commands: Sequence[str] = NEXT_COMMANDS, palette: Palette = "plain") -> str:
    """The report as text. next_commands: what to try next (the first three are shown). palette: `ansi` adds colours."""
    above = [*_header(report), *_result(report), *_risk(report), *_trades(report), *_costs(report), *_exposure(report)]
    above += [*_learning(report), *_compared(report)]
    below = [*_holes(report), *_warnings(report), *_next(next_commands)]
    lines = [*above, *_symbols(report, HEIGHT - len(above) - len(below)), *below]
    if palette == "plain":
        return "\n".join(line.plain.rstrip() for line in lines)
    console = Console(width=WIDTH, force_terminal=True, color_system="standard", highlight=False, legacy_windows=False)
    with console.capture() as captured:
        for line in lines:
            console.print(line, no_wrap=True, overflow="crop")
    return captured.get().rstrip("\n")


def _header(report: Report) -> list[Text]:
    run = report.run
    days = wording.duration(_elapsed_days(report)).replace(" days", " d").replace(" minutes", " min")
    period = str(report.metrics["period"]).replace(" to ", "→")
    simulated = "simulated market · " if run.provenance == "simulated" else ""
    head = Text(simulated, "bold yellow")
    head.append(_clip(run.strategy, 42 - len(simulated)), "bold")
    head.append(f" · {period} ({days}) · {_count(len(run.symbols))} on {', '.join(run.venues)}")
    head.truncate(WIDTH, overflow="ellipsis")
    model = textwrap.wrap(f"costs: {run.cost_model}", WIDTH, max_lines=3, placeholder=" …")
    return [head, *(Text(line, "dim") for line in model), Text(f" run {run.run_id} ──".rjust(WIDTH, "─"), "dim")]


def _elapsed_days(report: Report) -> float:
    ts = report.series["equity"]["ts_ns"]
    return float(ts[-1] - ts[0]) / 86_400e9


def _grid(label: str, *rows: Sequence[tuple[str, str]]) -> list[Text]:
    """Lines of (name, value) cells under one label; no name is ever cut short."""
    lines = []
    for place, row in enumerate(rows):
        line = Text(f"{label if place == 0 else '':<{LABEL}}", "bold cyan")
        for name, value in row:
            gap = max(1, CELL - 2 - len(name) - len(value))
            line.append(f"{name}{' ' * gap}", "dim").append(value, _colour(value))
            line.append(" " * max(1, CELL - len(name) - gap - len(value)))
        lines.append(line)
    return lines


def _colour(value: str) -> str:
    if value.startswith("+"):
        return "green"
    return "red" if value.startswith("-") else ""


def _result(report: Report) -> list[Text]:
    low, high = number(report, "sharpe_ci95_low"), number(report, "sharpe_ci95_high")
    interval = DASH if low is None or high is None else f"{low:.1f}..{high:.1f}"
    return _grid(
        "RESULT",
        (
            ("return", signed_percent(number(report, "total_return_pct"))),
            ("CAGR", signed_percent(number(report, "cagr_pct"))),
            ("net", _money(report, "net_profit")),
            ("start", _money(report, "start_equity")),
            ("end", _money(report, "end_equity")),
        ),
        (
            ("Sharpe", metric(report, "sharpe")),
            ("95 %", interval),
            ("PSR", metric(report, "psr")),
            ("DSR", metric(report, "dsr")),
            ("Sortino", metric(report, "sortino")),
        ),
        (
            ("Calmar", metric(report, "calmar")),
            ("alpha", metric(report, "alpha")),
            ("beta", metric(report, "beta")),
            ("correl.", metric(report, "correlation")),
            ("info r.", metric(report, "information_ratio")),
        ),
    )


def _risk(report: Report) -> list[Text]:
    return _grid(
        "RISK",
        (
            ("max DD", metric(report, "max_drawdown_pct")),
            ("from", metric(report, "max_drawdown_start")),
            ("to", metric(report, "max_drawdown_trough")),
            ("back", metric(report, "max_drawdown_recovery").replace(DASH, "not yet")),
            ("under", metric(report, "longest_underwater_days")),
        ),
        (
            ("vol.", metric(report, "volatility_ann_pct")),
            ("VaR 95", metric(report, "var_95_1d")),
            ("CVaR 95", metric(report, "cvar_95_1d")),
            ("worst", metric(report, "worst_day_pct")),
            ("best", metric(report, "best_day_pct")),
        ),
    )


def _trades(report: Report) -> list[Text]:
    return _grid(
        "TRADES",
        (
            ("closed", metric(report, "trades")),
            ("open", metric(report, "trades_open")),
            ("win rate", metric(report, "win_rate_pct")),
            ("profit f.", metric(report, "profit_factor")),
            ("per trade", _money(report, "expectancy")),
        ),
        (
            ("avg win", _money(report, "avg_win")),
            ("avg loss", _money(report, "avg_loss")),
            ("held", metric(report, "avg_holding")),
            ("SQN", metric(report, "sqn")),
            ("losses run", metric(report, "max_consec_losses")),
        ),
    )


def _costs(report: Report) -> list[Text]:
    return _grid(
        "COSTS",
        (
            ("gross", _money(report, "gross_pnl")),
            ("fees", _money(report, "fees_paid")),
            ("spread", _money(report, "spread_cost")),
            ("slippage", _money(report, "slippage_cost")),
            ("funding", _money(report, "funding_paid")),
        ),
        (
            ("turnover", metric(report, "turnover")),
            ("paid bps", _bps(report, "cost_per_traded_bps")),
            ("b/e bps", _bps(report, "break_even_cost_bps")),
            ("IS bps", _bps(report, "implementation_shortfall_bps")),
            ("capacity", _money(report, "capacity_usd")),
        ),
        (
            ("maker", metric(report, "maker_ratio")),
            ("filled", metric(report, "fill_rate")),
            ("rejects", metric(report, "rejects")),
            ("cancels", metric(report, "cancels")),
            ("timeouts", metric(report, "timeouts")),
        ),
    )


def _exposure(report: Report) -> list[Text]:
    return _grid(
        "EXPOSURE",
        (
            ("invested", metric(report, "time_in_market_pct")),
            ("gross avg", metric(report, "gross_leverage_avg")),
            ("gross max", metric(report, "gross_leverage_max")),
            ("net avg", metric(report, "net_exposure_avg")),
        ),
    )


def _learning(report: Report) -> list[Text]:
    if number(report, "hit_rate") is None:
        return []
    return _grid(
        "FORECAST",
        (
            ("IC", metric(report, "ic")),
            ("ICIR", metric(report, "icir")),
            ("rank IC", metric(report, "rank_ic")),
            ("r. ICIR", metric(report, "rank_icir")),
            ("hit rate", metric(report, "hit_rate")),
        ),
    )


def _compared(report: Report) -> list[Text]:
    heads = f"{'return':>12}{'CAGR':>12}{'volatility':>12}{'Sharpe':>10}{'max DD':>12}"
    lines = [Text(f"{'AGAINST':<{LABEL}}", "bold cyan").append(f"{'':<32}{heads}", "dim")]
    for row in report.tables["compared"].iter_rows(named=True):
        if row["note"]:
            lines.append(Text(f"{'':<{LABEL}}{row['note']}", "dim"))
            continue
        line = Text(f"{'':<{LABEL}}{_clip(row['name'], 31):<32}")
        total = signed_percent(row["total_return_pct"])
        line.append(f"{total:>12}", _colour(total))
        line.append(f"{signed_percent(row['cagr_pct']):>12}{signed_percent(row['volatility_ann_pct']).lstrip('+'):>12}")
        line.append(f"{plain(row['sharpe']):>10}{signed_percent(row['max_drawdown_pct']):>12}")
        lines.append(line)
    return lines


def _symbols(report: Report, room: int) -> list[Text]:
    """The per-symbol table in the lines that are left: two columns, best first; the middle summed up if it must be."""
    frame = report.tables["symbols"]
    quote = wording.shared_quote(report.run.symbols)
    traded = frame.filter(pl.col("traded_value") > 0.0)
    idle = frame.filter(pl.col("traded_value") == 0.0)["symbol"].to_list()
    notes = []
    rows = max(1, room - 3)
    shown = traded
    if traded.height > 2 * rows:
        shown = pl.concat([traded.head(rows), traded.tail(rows)])
        between = traded.slice(rows, traded.height - 2 * rows)
        notes.append(
            f"{between.height} between: net {between['net_pnl'].sum():+,.2f}, {between['trades'].sum():,} trades"
        )
    if idle:
        notes.append(f"{len(idle)} never traded: {wording.short_names(idle, quote)}")
    start = float(report.series["equity"]["value"][0])
    cells = [_symbol_cell(row, quote, start) for row in shown.iter_rows(named=True)]
    half = -(-len(cells) // 2)
    lines = [_symbol_head(min(2, len(cells)))]
    for left in range(half):
        line = Text("  ").append_text(cells[left])
        lines.append(line.append("   ").append_text(cells[left + half]) if left + half < len(cells) else line)
    return [*lines, Text("  " + _clip(" · ".join(notes), WIDTH - 2), "dim")] if notes else lines


def _money(report: Report, id: str) -> str:
    """Money in at most seven characters: the JSON has every digit."""
    value = number(report, id)
    if value is None:
        return DASH
    for least, divisor, unit in ((1e9, 1e9, "B"), (1e6, 1e6, "M"), (1e4, 1e3, "k")):
        if abs(value) >= least:
            scaled = value / divisor
            return f"{scaled:,.2f}{unit}" if abs(scaled) < 100.0 else f"{scaled:,.1f}{unit}"
    return f"{value:,.2f}" if abs(value) < 1e3 else f"{value:,.0f}"


def _bps(report: Report, id: str) -> str:
    """Basis points as a bare number, for cells whose name says so."""
    return plain(number(report, id))


def _symbol_head(columns: int) -> Text:
    heads = f"{'net':>10}{'of start':>10}{'trades':>7}{'win':>6}{'bps':>6}"
    line = Text(f"{'SYMBOLS':<{LABEL}}", "bold cyan").append(heads, "dim")
    return line.append(f"{'':<11}{heads}", "dim") if columns > 1 else line


def _symbol_cell(row: dict[str, object], quote: str, start: float) -> Text:
    """One symbol in 47 columns: name, net PnL, share of start equity, trades, win rate, cost in bps."""
    net = float(str(row["net_pnl"]))
    name = wording.short_names((str(row["symbol"]),), quote)
    win = DASH if row["win_rate_pct"] is None else f"{float(str(row['win_rate_pct'])):.0f}%"
    cost = DASH if row["cost_bps"] is None else f"{float(str(row['cost_bps'])):.1f}"
    cell = Text(f"{_clip(name, 8):<8}")
    cell.append(f"{_short_money(net):>10}", "green" if net > 0.0 else "red")
    return cell.append(f"{_clip(f'{100.0 * net / start:+.2f}', 8):>8} %{row['trades']:>7}{win:>6}{cost:>6}")


def _count(symbols: int) -> str:
    return "1 symbol" if symbols == 1 else f"{symbols} symbols"


def _short_money(value: float) -> str:
    """Signed money in at most nine characters."""
    if abs(value) < 1e5:
        return f"{value:+,.2f}"
    return f"{value / 1e3:+,.1f}k" if abs(value) < 1e7 else f"{value / 1e6:+,.1f}M"


def _holes(report: Report) -> list[Text]:
    groups = wording.grouped_holes(report.run.holes)
    if not groups:
        return []
    quote = wording.shared_quote(report.run.symbols)
    lines = []
    for place, group in enumerate(groups[:MAX_HOLE_GROUPS]):
        line = Text(f"{'HOLES' if place == 0 else '':<{LABEL}}", "bold cyan")
        line.append(f"{group.span} ({group.bars}): ")
        line.append(f"{_count(len(group.symbols))}: {wording.short_names(group.symbols, quote)}", "dim")
        line.truncate(WIDTH, overflow="ellipsis")
        lines.append(line)
    more = groups[MAX_HOLE_GROUPS:]
    if more:
        symbols = {s for g in more for s in g.symbols}
        lines.append(
            Text(f"{'':<{LABEL}}{len(more)} more spans over {len(symbols)} symbols, listed in the JSON and HTML", "dim")
        )
    return lines


def _warnings(report: Report) -> list[Text]:
    warnings = report.run.warnings
    lines = []
    for place, warning in enumerate(warnings[:MAX_WARNINGS]):
        head = f"{'WARNINGS' if place == 0 else '':<{LABEL}}"
        first, *rest = textwrap.wrap(warning, WIDTH - LABEL - 2, max_lines=2, placeholder=" …")
        lines.append(Text(head, "bold yellow").append(f"! {first}", "yellow"))
        lines += [Text(f"{'':<{LABEL}}  ").append(more, "yellow") for more in rest]
    if len(warnings) > MAX_WARNINGS:
        lines.append(Text(f"{'':<{LABEL}}{len(warnings) - MAX_WARNINGS} more in the JSON and HTML", "dim"))
    return lines


def _next(commands: Sequence[str]) -> list[Text]:
    return [
        Text(f"{'NEXT' if place == 0 else '':<{LABEL}}", "bold cyan").append(_clip(command, WIDTH - LABEL))
        for place, command in enumerate(commands[:3])
    ]


def _clip(text: str, width: int) -> str:
    return text if len(text) <= width else text[: width - 1] + "…"
