"""The venue itself says what its best bid and ask were: the book replayed from its deltas must say the same.

Six recordings of Binance hold both the depth stream and the stream of best prices. Both number the changes of one book,
so wherever a depth message ends at an id that a quote carries, the two must agree, in price and in size.
"""

from __future__ import annotations

from collections.abc import Callable

import polars as pl
import pytest

from tradewind import _native
from tradewind.market import L2Sample

# Shared update ids per file, counted once by another program than this one.
SHARED_IDS = {
    ("binance_spot", "BTCUSDT"): 1_072,
    ("binance_spot", "ETHUSDT"): 577,
    ("binance_usdm", "BTCUSDT"): 629,
    ("binance_usdm", "ETHUSDT"): 551,
    ("binance_coinm", "BTCUSD_PERP"): 1_885,
    ("binance_coinm", "ETHUSD_PERP"): 1_345,
}

Recorded = Callable[[str, str], L2Sample]
COUNTED = "compared with the venue"  # the name under which the summary prints it


def rule_of(venue: str) -> str:
    return "binance_spot" if venue == "binance_spot" else "binance_futures"


def touches(depth: pl.DataFrame, rule: str) -> tuple[pl.DataFrame, dict[str, int]]:
    """Best bid and ask after each depth message, by the id it ends at; and how many messages met which fate."""
    table, messages, applied, ignored, invalid = _native.replay_book(depth, rule)
    fates = {"messages": messages, "applied": applied, "ignored": ignored, "invalid": invalid}
    return pl.DataFrame(table).unique("last_id", keep="last", maintain_order=True), fates


def compare(found: pl.DataFrame, quotes: pl.DataFrame) -> tuple[int, int]:
    """(shared update ids, how many of them disagree)."""
    shared = found.join(quotes, left_on="last_id", right_on="update_id", suffix="_venue")
    differs = (
        (pl.col("bid") != pl.col("bid_ticks"))
        | (pl.col("ask") != pl.col("ask_ticks"))
        | (pl.col("bid_lots") != pl.col("bid_lots_venue"))
        | (pl.col("ask_lots") != pl.col("ask_lots_venue"))
    )
    return shared.height, shared.filter(differs).height


@pytest.mark.parametrize(("venue", "symbol"), SHARED_IDS)
def test_book_agrees_with_the_venue_at_every_shared_id(
    recorded: Recorded, record_property: Callable[[str, object], None], venue: str, symbol: str
) -> None:
    sample = recorded(venue, symbol)
    found, fates = touches(sample.depth, rule_of(venue))
    compared, differing = compare(found, sample.quotes)
    assert compared > 0, "nothing was compared"
    assert differing == 0
    assert compared == SHARED_IDS[venue, symbol]
    assert fates["invalid"] == 0
    record_property(COUNTED, f"{venue} {symbol}: {compared:,} best bids and asks agree, {differing} differ")


@pytest.fixture
def spot(recorded: Recorded) -> L2Sample:
    return recorded("binance_spot", "BTCUSDT")


def early_delta(depth: pl.DataFrame) -> int:
    """The message that arrives before the snapshot and yet changes the book after it."""
    snapshot = depth.filter("is_snapshot").row(0, named=True)
    early = depth.filter((pl.col("msg") < snapshot["msg"]) & (pl.col("last_id") > snapshot["last_id"]))
    (message,) = early["msg"].unique().to_list()
    return int(message)


def test_the_delta_before_the_snapshot_is_applied(spot: L2Sample) -> None:
    # Two deltas are older than the snapshot; the third, also received before it, is not, and must not be thrown away.
    snapshot = int(spot.depth.filter("is_snapshot")["msg"][0])
    waiting = spot.depth.filter(pl.col("msg") < snapshot)["msg"].unique().sort().to_list()
    assert len(waiting) == 3
    assert waiting[-1] == early_delta(spot.depth)
    found, fates = touches(spot.depth, "binance_spot")
    # Each of the three waits for the snapshot. The id after it is that of the delta, not of the snapshot.
    assert fates["messages"] - fates["applied"] == len(waiting)
    assert found["last_id"][0] == spot.depth.filter(pl.col("msg") == waiting[-1])["last_id"][0]


def test_without_that_delta_the_book_is_seen_to_be_invalid(spot: L2Sample) -> None:
    cut = spot.depth.filter(pl.col("msg") != early_delta(spot.depth))
    found, fates = touches(cut, "binance_spot")
    assert fates["invalid"] > 0
    assert compare(found, spot.quotes)[0] == 0, "an invalid book has no best bid to compare"


def test_without_that_delta_levels_would_be_wrong(spot: L2Sample) -> None:
    """The plainest replay there is: a dictionary of levels, with and without the delta."""
    snapshot = spot.depth.filter("is_snapshot")
    later = spot.depth.filter(~pl.col("is_snapshot") & (pl.col("last_id") > snapshot["last_id"][0]))

    def levels(deltas: pl.DataFrame) -> dict[tuple[int, int], int]:
        book: dict[tuple[int, int], int] = {}
        for rows in (snapshot, deltas):
            for side, price, size in rows.select("side", "price_ticks", "size_lots").iter_rows():
                book[side, price] = size
        return {level: size for level, size in book.items() if size}

    whole, lossy = levels(later), levels(later.filter(pl.col("msg") != early_delta(spot.depth)))
    assert whole != lossy
