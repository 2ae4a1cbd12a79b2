"""What suites share: where the real market data is, a small made recording, and the counts that the summary prints.

Tests that need the real data ask for `real_data`. Without it they skip and say why; with TRADEWIND_REQUIRE_DATA=1 they
fail, so that a build that must run on real data cannot pass by skipping.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import hypothesis
import numpy as np
import polars as pl
import pytest

from tradewind.market import DataSource, L2Sample, load_l2

# The same examples every time, however slow the machine: a failure must be one that anybody can repeat.
hypothesis.settings.register_profile(
    "repeatable",
    derandomize=True,
    deadline=None,
    suppress_health_check=[hypothesis.HealthCheck.too_slow],
)
hypothesis.settings.load_profile("repeatable")

REPOSITORY = Path(__file__).resolve().parent.parent
COUNTED = "compared with the venue"
MS = 1_000_000
RECORDED_FROM = 1_723_161_255_000 * MS


LONGEST = (
    *("node/test_kills.py", "rails/test_proofs.py", "node/test_paper_day.py", "node/test_market_data.py"),
    *("benches/test_run.py", "node/test_node.py", "node/test_refusals.py", "conformance/test_forecaster_laws.py"),
)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The longest files come first: those of live nodes wait for real time to pass, and others run beside them."""
    places = {REPOSITORY / "tests" / here: place for place, here in enumerate(LONGEST)}
    items.sort(key=lambda item: places.get(item.path, len(places)))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Prints what tests counted, also when they ran in other processes."""
    passed = [r for r in terminalreporter.stats.get("passed", []) if r.when == "call"]
    lines = sorted(str(text) for r in passed for name, text in r.user_properties if name == COUNTED)
    if lines:
        terminalreporter.section(COUNTED)
        for line in lines:
            terminalreporter.write_line(line)


@pytest.fixture(scope="session")
def real_data() -> Path:
    """Folder of the real market data (TRADEWIND_DATA, else ../shared/data)."""
    folder = Path(os.environ.get("TRADEWIND_DATA") or REPOSITORY.parent / "shared" / "data")
    if (folder / "MANIFEST.json").is_file():
        return folder
    found = f"no real market data in {folder} (no MANIFEST.json there); set TRADEWIND_DATA"
    if os.environ.get("TRADEWIND_REQUIRE_DATA") == "1":
        pytest.fail(found)
    pytest.skip(found)


@pytest.fixture(scope="session")
def recorded(real_data: Path) -> Callable[[str, str], L2Sample]:
    """A recording of the real data by venue and symbol, loaded once."""
    loaded: dict[tuple[str, str], L2Sample] = {}

    def load(venue: str, symbol: str) -> L2Sample:
        if (venue, symbol) not in loaded:
            loaded[venue, symbol] = load_l2(DataSource("folder", real_data, "--data"), venue, symbol)
        return loaded[venue, symbol]

    return load


@pytest.fixture(scope="session")
def made_recording() -> Callable[..., DataSource]:
    """Writes a recording of a market that never was into a folder: `made_recording(folder, venue=..., seconds=...)`."""
    return _write_recording


def _write_recording(folder: Path, *, venue: str = "binance_usdm", seconds: int = 60, seed: int = 1) -> DataSource:
    """Ten updates a second around 60,000, five levels a side, a trade at the touch with each; BTCUSDT."""
    rng = np.random.default_rng(seed)
    mids = 600_000 + np.cumsum(rng.integers(-2, 3, 10 * seconds))
    named = {"venue": venue, "symbol": "BTCUSDT"}
    depth: list[dict[str, object]] = []
    trades: list[dict[str, object]] = []
    quotes: list[dict[str, object]] = []
    before: dict[tuple[str, int], float] = {}
    for n, mid in enumerate(mids.tolist()):
        at = RECORDED_FROM + n * 100 * MS
        stamps = {"recv_ns": at + 3 * MS, "ts_ns": at}
        book = {("b", mid - 1 - k): 0.5 + 0.01 * k for k in range(5)} | {("a", mid + 1 + k): 0.4 for k in range(5)}
        ids = {"msg": n, "first_id": 10 * n + 1, "last_id": 10 * n + 10, "prev_id": 10 * n, "is_snapshot": n == 0}
        changes = book if n == 0 else {**dict.fromkeys(before.keys() - book.keys(), 0.0), **book}
        depth += [
            {**named, **stamps, **ids, "side": side, "price": tick / 10, "size": size}
            for (side, tick), size in sorted(changes.items())
        ]
        before = book
        side, tick = ("buy", mid + 1) if n % 2 else ("sell", mid - 1)
        size = float(rng.integers(1, 900)) / 1000
        trades.append(
            {**named, "recv_ns": at + 53 * MS, "ts_ns": at + 50 * MS, "trade_id": n}
            | {"price": tick / 10, "size": size, "side": side}
        )
        quotes.append(
            {**named, **stamps, "update_id": ids["last_id"]}
            | {"bid_px": (mid - 1) / 10, "bid_sz": 0.5, "ask_px": (mid + 1) / 10, "ask_sz": 0.4}
        )
    folder.mkdir(parents=True, exist_ok=True)
    for name, rows in (("depth", depth), ("trades", trades), ("quotes", quotes)):
        pl.DataFrame(rows, infer_schema_length=None).write_parquet(folder / f"{name}.parquet")
    return DataSource("folder", folder, "--data")
