"""`tradewind data …`: what data there is, and whether it may be used."""

from __future__ import annotations

from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tradewind.commands.console import DATA_REFUSED, AsJson, ProgressBars, complain, emit, examples, refusal_json
from tradewind.commands.surroundings import DataFolder, data_source
from tradewind.flow import DataRefused

if TYPE_CHECKING:
    from tradewind.market import CheckReport

app = typer.Typer(
    help="What data there is, and whether it may be used.",
    epilog=examples("data list", "data check FOLDER", "data download --help"),
    no_args_is_help=True,
)


@app.command("list", epilog=examples("data list", "data list --data FOLDER --json"))
def data_list(data: DataFolder = None, as_json: AsJson = False) -> None:
    """List the catalog: every file, what it holds, its span, its clock correction."""
    from tradewind.market import open_catalog
    from tradewind.market.times import utc_text

    source = data_source(data)
    catalog = open_catalog(source)
    rows = [
        {
            "name": e.name,
            "kind": e.kind,
            "venues": list(e.venues),
            "symbols": len(e.symbols),
            "rows": e.rows,
            "first": None if e.first_ns is None else utc_text(e.first_ns),
            "last": None if e.last_ns is None else utc_text(e.last_ns),
            "licence": e.licence,
            "clock_correction_ms": None if e.clock_correction_ns is None else e.clock_correction_ns / 1e6,
            "note": e.note,
        }
        for e in catalog.entries
    ]
    lines = [f"{len(rows)} files in {catalog.folder} (chosen by {source.chosen_by})", ""]
    for r in rows:
        correction = f", clock {r['clock_correction_ms']:+.2f} ms" if r["clock_correction_ms"] else ""
        note = f": NOT USABLE, {r['note']}" if r["note"] else ""
        lines.append(
            f"{r['kind']:<9} {r['rows']:>9,} rows {r['symbols']:>4} symbols  "
            f"{r['first'] or '':<20} {r['last'] or '':<20} {r['name']}{correction}{note}"
        )
    emit(
        {"folder": str(catalog.folder), "chosen_by": source.chosen_by, "files": rows}, "\n".join(lines), as_json=as_json
    )


class Gaps(StrEnum):
    """What a gap means."""

    REFUSE = "refuse"
    SEGMENT = "segment"


@app.command("check", epilog=examples("data check bars.parquet", "data check FOLDER --gaps segment --json"))
def data_check(
    paths: Annotated[list[Path], typer.Argument(help="Parquet files, or folders of them.")],
    gaps: Annotated[Gaps, typer.Option(help="Refuse a gap, or accept it as the end of a segment.")] = Gaps.REFUSE,
    as_json: AsJson = False,
) -> None:
    """Check Parquet files; refuse (exit 3) what must not be used, saying what is wrong, where, and how to go on."""
    from tradewind.market import check_path

    accepted: list[CheckReport] = []
    refused: list[DataRefused] = []
    skipped: dict[str, str] = {}
    for path in paths:
        try:
            result = check_path(path, gaps=gaps.value)
        except DataRefused as missing:
            refused.append(missing)
            continue
        accepted += result.reports
        refused += result.refusals
        skipped |= {str(p): why for p, why in result.skipped.items()}
    payload = {
        "accepted": [
            {
                "path": str(r.path),
                "kind": r.kind,
                "rows": r.rows,
                "symbols": len(r.symbols),
                "gaps": len(r.gaps),
                "outliers": len(r.outliers),
                "notes": list(r.notes),
            }
            for r in accepted
        ],
        "refused": [refusal_json(r) for r in refused],
        "skipped": skipped,
    }
    lines = [
        f"ok       {r.path}: {r.kind}, {r.rows:,} rows, {len(r.symbols)} symbols, "
        f"{len(r.gaps)} gaps, {len(r.outliers)} outliers"
        for r in accepted
    ]
    lines += [f"skipped  {path}: {why}" for path, why in skipped.items()]
    lines.append(f"{len(accepted)} accepted, {len(skipped)} skipped, {len(refused)} refused")
    emit(payload, "\n".join(lines), as_json=as_json)
    for refusal in refused:
        complain("data refused", str(refusal))
    if refused:
        raise typer.Exit(DATA_REFUSED)


class Market(StrEnum):
    """Part of a venue."""

    SPOT = "spot"
    LINEAR = "linear"


class Kind(StrEnum):
    """What is fetched."""

    CANDLES = "candles"
    TRADES = "trades"
    FUNDING = "funding"


@app.command(
    "download",
    epilog=examples(
        "data download --venue binance --market spot --symbols BTCUSDT,ETHUSDT --kind candles "
        "--from 2026-01-01 --to 2026-02-01 --out catalog"
    ),
)
def data_download(
    *,
    venue: Annotated[str, typer.Option(help="binance or bybit.")],
    market: Annotated[Market, typer.Option(help="Spot, or linear perpetuals.")],
    symbols: Annotated[str, typer.Option(help="As the venue writes them, separated by commas.")],
    kind: Annotated[Kind, typer.Option(help="One-minute candles, trades, or funding rates.")],
    first: Annotated[str, typer.Option("--from", help="First day, YYYY-MM-DD, UTC.")],
    end: Annotated[str, typer.Option("--to", help="The day after the last one.")],
    out: Annotated[Path, typer.Option(help="Data folder; read it with --data.")],
    http: Annotated[str | None, typer.Option(help="Another server than production's.")] = None,
    as_json: AsJson = False,
) -> None:
    """Fetch history through ccxt, day by day; run again to go on where it stopped. Says what the venue did not give."""
    from tradewind.market.download import Span, download, open_exchange
    from tradewind.market.times import utc_text

    span = Span(venue, market.value, kind.value, _day(first, "--from"), _day(end, "--to"))
    if span.to_ns <= span.from_ns:
        raise typer.BadParameter(f"{end} is not after {first}", param_hint="--to")
    exchange = open_exchange(venue, market.value, http)
    names = [name.strip() for name in symbols.split(",") if name.strip()]
    with ProgressBars(quiet=as_json) as advance:
        fetched = download(exchange, span, names, out, advance)
    files = [
        {
            "symbol": f.symbol,
            "file": str(f.path),
            "rows": f.rows,
            "was_there": f.was_there,
            "holes": [
                {"from": utc_text(h.from_ns), "until": utc_text(h.until_ns), "missing": h.missing} for h in f.holes
            ],
        }
        for f in fetched
    ]
    lines = []
    for f in fetched:
        lines.append(f"{f.rows:>9,} rows  {len(f.holes)} holes  {f.path}{' (was there)' if f.was_there else ''}")
        lines += [f"    {utc_text(h.from_ns)} to {utc_text(h.until_ns)}: {h.missing} missing" for h in f.holes[:10]]
    emit({"folder": str(out), "files": files}, "\n".join(lines), as_json=as_json)


def _day(text: str, option: str) -> int:
    """Start of a day, ns UTC."""
    try:
        return int(datetime.strptime(text, "%Y-%m-%d").replace(tzinfo=UTC).timestamp()) * 10**9
    except ValueError:
        raise typer.BadParameter(f"`{text}` is no day, such as 2026-01-31", param_hint=option) from None
