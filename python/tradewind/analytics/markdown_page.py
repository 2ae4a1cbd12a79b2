"""The report as Markdown, for a repository or message: all that the terminal says and every metric."""

from __future__ import annotations

from collections.abc import Sequence

from tradewind.analytics import wording
from tradewind.analytics.definitions import DEFINITIONS, GROUPS
from tradewind.analytics.wording import DASH, money, plain, signed_percent
from tradewind.flow import Report, Undefined


def markdown(report: Report) -> str:
    """The report as one Markdown document."""
    run = report.run
    simulated = "**Simulated market.** " if run.provenance == "simulated" else ""
    parts = [
        f"# {_safe(run.strategy)}",
        f"{simulated}{report.metrics['period']} · {len(run.symbols)} symbols on {_safe(', '.join(run.venues))} · "
        f"run {_safe(run.run_id)} · data {_safe(run.data_hash)} · state {_safe(report.state_hash)} · "
        f"definitions {report.def_version}",
        f"Costs: {_safe(run.cost_model)}",
        _list("Warnings", run.warnings),
        _compared(report),
        *(_group(report, group) for group in GROUPS if group > 1),
        _symbols(report),
        _holes(report),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def _group(report: Report, group: int) -> str:
    rows = []
    for definition in DEFINITIONS:
        if definition.group == group:
            value = report.metrics[definition.id]
            shown = (
                f"{DASH} ({value.reason})" if isinstance(value, Undefined) else wording.in_words(value, definition.unit)
            )
            rows.append((f"`{definition.id}`", shown))
    return f"## {GROUPS[group]}\n\n{_table(('metric', 'value'), rows)}"


def _compared(report: Report) -> str:
    rows = [
        (
            r["name"],
            signed_percent(r["total_return_pct"]),
            signed_percent(r["cagr_pct"]),
            plain(r["volatility_ann_pct"]),
            plain(r["sharpe"]),
            signed_percent(r["max_drawdown_pct"]),
        )
        for r in report.tables["compared"].iter_rows(named=True)
    ]
    heads = ("", "return", "CAGR", "volatility, % a year", "Sharpe", "max drawdown")
    return f"## Against doing almost nothing\n\n{_table(heads, rows)}"


def _symbols(report: Report) -> str:
    rows = [
        (
            r["symbol"],
            money(r["net_pnl"]),
            money(r["gross_pnl"]),
            money(r["fees"]),
            str(r["trades"]),
            plain(r["win_rate_pct"], 1),
            money(r["traded_value"]),
            plain(r["cost_bps"]),
        )
        for r in report.tables["symbols"].iter_rows(named=True)
    ]
    heads = ("symbol", "net", "gross", "fees", "trades", "win %", "traded", "cost, bps")
    return f"## Symbols\n\n{_table(heads, rows)}"


def _holes(report: Report) -> str:
    groups = wording.grouped_holes(report.run.holes)
    return _list("Holes in the data", [f"{g.span} ({g.bars}): {', '.join(g.symbols)}" for g in groups])


def _list(title: str, items: Sequence[str]) -> str:
    return f"## {title}\n\n" + "\n".join(f"- {_safe(item)}" for item in items) if items else ""


def _table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    align = "|".join(["---", *("---:" for _ in heads[1:])])
    lines = [f"| {' | '.join(heads)} |", f"|{align}|"]
    return "\n".join([*lines, *(f"| {' | '.join(_safe(cell) for cell in row)} |" for row in rows)])


def _safe(text: str) -> str:
    """Text that cannot end a table cell, start a tag or a new line."""
    return text.replace("\\", "\\\\").replace("|", "\\|").replace("<", "&lt;").replace("\n", " ")
