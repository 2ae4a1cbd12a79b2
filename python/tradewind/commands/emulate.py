"""`tradewind emulate`: venues on loopback that speak the real ones' protocols, for any bot to trade against."""

from __future__ import annotations

import json
import signal
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tradewind.commands.console import USAGE, AsJson, complain, examples, write
from tradewind.commands.surroundings import DataFolder, data_source

if TYPE_CHECKING:
    from polars import DataFrame

EXAMPLES = examples(
    "emulate --venues binance,bybit",
    "emulate --venues binance --port-base 9000 --seed 7 --json",
    """emulate --faults '{"drop_per_mille": 5}'""",
)

_MARKETS = {
    "binance_spot": ("binance", "spot", "binance_spot"),
    "binance_usdm": ("binance", "linear", "binance_futures"),
}
"""Recorded market → venue, market and sequence rule of the emulator."""


def emulate(
    *,
    venues: Annotated[str, typer.Option(help="Which, separated by commas: binance, bybit.")] = "binance,bybit",
    port_base: Annotated[int, typer.Option(help="Port of the first venue, the next one's after it; 0: any.")] = 0,
    seed: Annotated[int, typer.Option(help="Where all chance comes from: prices, agents, keys.")] = 1,
    accounts: Annotated[int, typer.Option(help="Funded accounts of each venue.")] = 1,
    lift_limits: Annotated[bool, typer.Option(help="Let clients ask as much as they like, for load.")] = False,
    faults: Annotated[str, typer.Option(help="What goes wrong, in JSON; GET /emulator/faults shows all.")] = "",
    recording: Annotated[
        list[str] | None,
        typer.Option(
            help="A recorded book in place of agents: binance_spot:SYMBOL or binance_usdm:SYMBOL; repeatable."
        ),
    ] = None,
    data: DataFolder = None,
    as_json: AsJson = False,
) -> None:
    """Serve emulated venues on loopback until interrupted: REST and WebSocket, seeded agents in every book.

    With --json, one line per venue tells where it is, its keys and balances.
    """
    from tradewind import _native

    def announce(line: str) -> None:
        write(line if as_json else _as_text(line))

    def leave_it_to_the_server(_signal: int, _frame: object) -> None:
        """The server hears the signal itself, and ends in order."""

    recordings = [_recording(name, data) for name in recording or []]
    signal.signal(signal.SIGINT, leave_it_to_the_server)
    signal.signal(signal.SIGTERM, leave_it_to_the_server)
    names = [name.strip() for name in venues.split(",") if name.strip()]
    try:
        _native.emulate(names, port_base, seed, accounts, lift_limits, faults, recordings, announce)
    except ValueError as refused:
        complain("usage", str(refused))
        raise typer.Exit(USAGE) from None


def _recording(name: str, data: Path | None) -> tuple[str, str, str, str, str, str, DataFrame, DataFrame]:
    """A recording as the emulator takes it."""
    from tradewind.market import load_l2

    market, _, symbol = name.partition(":")
    if market not in _MARKETS or not symbol:
        complain("usage", f"no recording `{name}`; name it as one of: {', '.join(f'{m}:SYMBOL' for m in _MARKETS)}")
        raise typer.Exit(USAGE)
    sample = load_l2(data_source(data), market, symbol)
    return (
        *_MARKETS[market][:2],
        symbol,
        _MARKETS[market][2],
        sample.price_tick,
        sample.lot,
        sample.depth,
        sample.trades,
    )


def _as_text(line: str) -> str:
    said = json.loads(line)
    rows = [f"{said['venue']:<10} {said['http']}  {said['ws']}"]
    for account in said.get("accounts", []):
        held = ", ".join(f"{amount} {asset}" for asset, amount in account["balances"].items())
        rows.append(f"  key {account['key']}\n  secret {account['secret']}\n  holds {held}")
    return "\n".join(rows)
