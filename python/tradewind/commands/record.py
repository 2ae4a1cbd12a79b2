"""`tradewind record`: a venue's public data, live, into a data folder."""

from __future__ import annotations

import json
import signal
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tradewind.commands.console import RUN_FAILED, USAGE, AsJson, complain, emit, examples

if TYPE_CHECKING:
    from tradewind._native import ArrowStream

EXAMPLES = examples(
    "record --venue binance --instruments spot:BTCUSDT,linear:BTCUSDT --out recordings --hours 24",
    "record --venue bybit --instruments linear:ETHUSDT --out recordings",
)


def record(
    *,
    venue: Annotated[str, typer.Option(help="binance or bybit.")],
    instruments: Annotated[str, typer.Option(help="MARKET:SYMBOL, separated by commas; markets are spot and linear.")],
    out: Annotated[Path, typer.Option(help="Data folder; read it with --data.")],
    hours: Annotated[float | None, typer.Option(min=0.0, help="For so long; else until interrupted.")] = None,
    http: Annotated[str | None, typer.Option(help="Another server than production's.")] = None,
    ws: Annotated[str | None, typer.Option(help="Its sockets.")] = None,
    log_json: Annotated[bool, typer.Option("--log-json", help="The log as one JSON object per line.")] = False,
    as_json: AsJson = False,
) -> None:
    """Record depth, trades and quotes: Parquet files by the hour, gaps marked, the clock corrected as measured."""
    from tradewind import _native
    from tradewind.market.recorded import RecordedHours

    config = _config(venue, instruments, http, ws)
    hours_kept = RecordedHours(out, venue)

    def keep(facts: str, depth: ArrowStream, trades: ArrowStream, quotes: ArrowStream) -> None:
        import polars as pl

        hours_kept.keep(json.loads(facts), *(pl.DataFrame(table) for table in (depth, trades, quotes)))

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda _signal, _frame: None)
    try:
        _native.record_market(config, None if hours is None else hours * 3600.0, log_json, keep)
    except _native.NodeRefused as refusal:
        complain("usage", refusal.args[1])
        raise typer.Exit(USAGE) from None
    except RuntimeError as failure:
        complain("run failed", f"{failure}\n  how to go on: mend that and run this again; what was recorded is kept")
        raise typer.Exit(RUN_FAILED) from None
    files = [str(path) for path in hours_kept.files]
    emit({"folder": str(out), "files": files}, "\n".join(files) or "nothing was recorded", as_json=as_json)


def _config(venue: str, instruments: str, http: str | None, ws: str | None) -> str:
    """What is asked, as the configuration of a node that trades nothing."""
    markets: dict[str, list[str]] = {}
    for item in (part.strip() for part in instruments.split(",")):
        market, _, symbol = item.partition(":")
        if not market or not symbol:
            raise typer.BadParameter(f"`{item}` is not MARKET:SYMBOL, such as spot:BTCUSDT", param_hint="--instruments")
        markets.setdefault(market, []).append(symbol)
    if (http is None) != (ws is None):
        raise typer.BadParameter("another server needs both --http and --ws", param_hint="--http")
    rows = [f"{market} = {_list(symbols)}" for market, symbols in markets.items()]
    endpoints = f"endpoints = {{ http = {json.dumps(http)}, ws = {json.dumps(ws)} }}\n" if http else ""
    return (
        '[node]\nid = 0\nfolder = "."\n[[venue]]\n'
        f"name = {json.dumps(venue)}\ninstruments = {{ {', '.join(rows)} }}\n"
        f'feeds = ["depth", "trades"]\n{endpoints}'
    )


def _list(words: Iterable[str]) -> str:
    return json.dumps(list(words))
