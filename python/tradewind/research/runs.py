"""What every run has: an identity, the engine's tables as nouns, a folder of its own."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass

import polars as pl

from tradewind import _native
from tradewind.flow import Executions, Holdings


class RunFailed(Exception):
    """A run that could not be finished: what happened and how to go on. The CLI exits with 4."""


@dataclass(frozen=True, slots=True)
class CodeFacts:
    """Who ran it: the code's version, and when the run was started (ns UTC, for the journal's header only)."""

    version: str
    created_ns: int


def run_id(state_hash: str, data_hash: str) -> str:
    """The same for the same result on the same data."""
    return hashlib.sha256(f"{state_hash}:{data_hash}".encode()).hexdigest()[:12]


def parameters_hash(settings: object) -> str:
    """Hash of a settings dataclass, nested ones included."""
    return hashlib.sha256(json.dumps(_plain(settings), sort_keys=True).encode()).hexdigest()[:16]


def _plain(value: object) -> object:
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        fields = {f.name: _plain(getattr(value, f.name)) for f in dataclasses.fields(value)}
        return {"type": type(value).__name__, **fields}
    if isinstance(value, dict):
        return {str(k): _plain(v) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(v) for v in value]
    return value if isinstance(value, (str, int, float, bool)) or value is None else repr(value)


def holdings(engine: _native.Simulation, symbols: Sequence[str], ts_ns: int) -> Holdings:
    """What the engine's ledger says we have now, at the last prices it has seen."""
    equity, cash, rows = engine.holdings()
    held = [(symbols[number], quantity, value) for number, quantity, value in rows if quantity != 0.0]
    return Holdings(
        ts_ns=ts_ns,
        equity=equity,
        cash=cash,
        weights={symbol: value / equity for symbol, _, value in held} if equity > 0.0 else {},
        quantities={symbol: quantity for symbol, quantity, _ in held},
    )


def executions(engine: _native.Simulation, quote: str, start_equity: float) -> Executions:
    """Ends the run: closes its journal and takes the tables.

    Raises:
        RunFailed: the journal could not be closed.
    """
    try:
        state_hash = engine.finish()
    except OSError as error:
        raise RunFailed(f"the journal could not be closed: {error}") from error
    return Executions(
        equity=pl.DataFrame(engine.equity()),
        fills=pl.DataFrame(engine.fills()),
        orders=pl.DataFrame(engine.orders()),
        refusals=pl.DataFrame(engine.refusals()),
        positions=pl.DataFrame(engine.positions()),
        quote=quote,
        start_equity=start_equity,
        state_hash=state_hash,
        inputs=engine.counts()["inputs"],
    )
