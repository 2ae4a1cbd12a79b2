"""What every run has: an identity, the engine's tables as nouns, a folder of its own."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from tradewind import _native
from tradewind.flow import Executions, Holdings
from tradewind.research.failures import RunFailed


@contextmanager
def engine_failures() -> Iterator[None]:
    """What the native engine raises, in the words of a run.

    Raises:
        RunFailed: the journal cannot be written, a setup or a strategy is not one, or an invariant broke.
    """
    try:
        yield
    except OSError as error:
        raise RunFailed(
            f"the journal could not be written: {error}\n  how to go on: choose a writable folder with --out"
        ) from error
    except (ValueError, RuntimeError) as error:
        raise RunFailed(str(error)) from error


@dataclass(frozen=True, slots=True)
class CodeFacts:
    """Who ran it: the code's version, and when the run was started (ns UTC, for the journal's header only)."""

    version: str
    created_ns: int


def new_folder(out: Path, name: str) -> Path:
    """A folder that was not there before: `out`/`name`, or with -2, -3, … where that one is taken."""
    out.mkdir(parents=True, exist_ok=True)
    number = 1
    while True:
        folder = out / (name if number == 1 else f"{name}-{number}")
        try:
            folder.mkdir()
        except FileExistsError:
            number += 1
        else:
            return folder


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
    """Ends the run: closes its journal and takes the tables. To be called within `engine_failures`."""
    state_hash = engine.finish()
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
