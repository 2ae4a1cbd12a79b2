"""`tradewind emulate`: venues on loopback that speak the real ones' protocols, for any bot to trade against."""

from __future__ import annotations

import json
import signal
from typing import Annotated

import typer

from tradewind.commands.console import USAGE, AsJson, complain, examples, write

EXAMPLES = examples(
    "emulate --venues binance,bybit",
    "emulate --venues binance --port-base 9000 --seed 7 --json",
    "emulate --faults '{\"drop_per_mille\": 5}'",
)


def emulate(
    venues: Annotated[str, typer.Option(help="Which, separated by commas: binance, bybit.")] = "binance,bybit",
    port_base: Annotated[int, typer.Option(help="Port of the first venue, the next one's after it; 0: any.")] = 0,
    seed: Annotated[int, typer.Option(help="Where all chance comes from: prices, agents, keys.")] = 1,
    accounts: Annotated[int, typer.Option(help="Funded accounts of each venue.")] = 1,
    lift_limits: Annotated[bool, typer.Option(help="Let clients ask as much as they like, for load.")] = False,
    faults: Annotated[
        str, typer.Option(help="What goes wrong, as a JSON object; GET /emulator/faults shows all.")
    ] = "",
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

    signal.signal(signal.SIGINT, leave_it_to_the_server)
    signal.signal(signal.SIGTERM, leave_it_to_the_server)
    names = [name.strip() for name in venues.split(",") if name.strip()]
    try:
        _native.emulate(names, port_base, seed, accounts, lift_limits, faults, announce)
    except ValueError as refused:
        complain("usage", str(refused))
        raise typer.Exit(USAGE) from None


def _as_text(line: str) -> str:
    said = json.loads(line)
    rows = [f"{said['venue']:<10} {said['http']}  {said['ws']}"]
    for account in said.get("accounts", []):
        held = ", ".join(f"{amount} {asset}" for asset, amount in account["balances"].items())
        rows.append(f"  key {account['key']}\n  secret {account['secret']}\n  holds {held}")
    return "\n".join(rows)
