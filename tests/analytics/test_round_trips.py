"""Round trips: hand-worked cases, and conservation of money against an independent ledger."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tradewind.analytics import trade_statistics as stats
from tradewind.analytics.round_trips import Marks, round_trips
from tradewind.flow import NS_PER_HOUR, Undefined

COLUMNS = ("ts_ns", "symbol", "side", "price", "quantity", "fee", "fee_asset")


def fills(*rows):
    """Rows of (hour, side, price, quantity[, fee[, fee_asset[, symbol]]])."""
    full = []
    for row in rows:
        hour, side, price, quantity = row[:4]
        fee, asset, symbol = (*row[4:], *(0.0, "USDT", "BTCUSDT")[len(row) - 4 :])
        full.append((int(hour * NS_PER_HOUR), symbol, side, float(price), float(quantity), float(fee), asset))
    types = (pl.Int64, pl.String, pl.String, pl.Float64, pl.Float64, pl.Float64, pl.String)
    return pl.DataFrame(full, schema=dict(zip(COLUMNS, types, strict=True)), orient="row")


def test_a_long_with_scaling_in_and_out():
    trip = round_trips(
        fills((0, "buy", 100, 1, 1), (1, "buy", 110, 1, 1), (2, "sell", 120, 1, 1), (5, "sell", 90, 1, 1)), {}
    ).row(0, named=True)
    assert (trip["direction"], trip["state"], trip["fills"]) == ("long", "closed", 4)
    assert (trip["entry_price"], trip["exit_price"], trip["quantity"]) == (105.0, 105.0, 2.0)
    assert trip["gross_pnl"] == pytest.approx(0.0)
    assert trip["net_pnl"] == pytest.approx(-4.0)
    assert trip["return_pct"] == pytest.approx(100 * -4 / 210)
    assert trip["holding_ns"] == 5 * NS_PER_HOUR
    assert trip["mae_pct"] == pytest.approx(100 * (90 / 105 - 1))
    assert trip["mfe_pct"] == pytest.approx(100 * (120 / 105 - 1))


def test_a_fill_through_zero_is_split_with_its_fee():
    trips = round_trips(fills((0, "buy", 100, 1, 1), (1, "sell", 110, 3, 3), (2, "buy", 105, 2, 2)), {})
    assert trips["direction"].to_list() == ["long", "short"]
    assert trips["net_pnl"].to_list() == pytest.approx([10 - 1 - 1, 2 * 5 - 2 - 2])
    assert trips["mae_pct"].to_list()[1] == pytest.approx(0.0)
    assert trips["mfe_pct"].to_list()[1] == pytest.approx(100 * (1 - 105 / 110))


def test_a_base_fee_reduces_what_is_received_and_counts_once():
    bought = fills((0, "buy", 100, 1, 0.1, "BTC"), (1, "sell", 110, 0.999))
    trip = round_trips(bought, {}).row(0, named=True)
    assert trip["state"] == "closed"
    assert trip["net_pnl"] == pytest.approx(0.999 * 110 - 100)
    assert trip["gross_pnl"] == pytest.approx(0.999 * 110 - 100 + 0.1)


def test_lot_dust_closes_a_trip_and_is_carried_at_the_closing_price():
    trips = round_trips(
        fills((0, "buy", 100, 1), (1, "sell", 120, 0.995), (2, "buy", 130, 1), (3, "sell", 140, 1.005)), {}
    )
    assert trips["state"].to_list() == ["closed", "closed"]
    assert trips["net_pnl"].to_list() == pytest.approx([20.0, 140 * 1.005 - 130 - 0.005 * 120])
    assert trips["net_pnl"].sum() == pytest.approx(-100 + 0.995 * 120 - 130 + 1.005 * 140)


def test_an_open_trip_is_marked_and_not_counted():
    own = {"BTCUSDT": Marks(np.array([1, 2, 3]) * NS_PER_HOUR, np.array([95.0, 130.0, 120.0]))}
    trips = round_trips(fills((0, "buy", 100, 1, 1)), own)
    trip = trips.row(0, named=True)
    assert (trip["state"], trip["net_pnl"], trip["exit_price"]) == ("open", pytest.approx(19.0), 120.0)
    assert (trip["mae_pct"], trip["mfe_pct"]) == (pytest.approx(-5.0), pytest.approx(30.0))
    assert stats.trades_open(trips) == 1
    assert stats.trades(trips.filter(pl.col("state") == "closed")) == 0


steps = st.lists(
    st.tuples(st.sampled_from(["buy", "sell"]), st.integers(1, 50), st.integers(1, 40), st.booleans()),
    min_size=1,
    max_size=40,
)


@settings(max_examples=80, deadline=None)
@given(steps)
def test_trips_conserve_money_fees_and_volume(rows):
    """Σ net PnL of all trips = cash flow + what is left at its mark, whatever the order of fills."""
    table = fills(
        *(
            (i, side, 50 + price, quantity / 4, 0.01 * quantity, "BTC" if base and side == "buy" else "USDT")
            for i, (side, price, quantity, base) in enumerate(rows)
        )
    )
    trips = round_trips(table, {})
    cash = held = 0.0
    for row in table.iter_rows(named=True):
        sign = 1 if row["side"] == "buy" else -1
        base_fee = row["fee"] / row["price"] if row["fee_asset"] == "BTC" else 0.0
        cash -= sign * row["price"] * row["quantity"] + (0.0 if base_fee else row["fee"])
        held += sign * row["quantity"] - base_fee
    last = float(table["price"][-1])
    dust = 0.02 * float(trips["quantity"].max()) * 100.0
    tolerance = 1e-6 if trips["state"][-1] == "open" else dust
    assert trips["net_pnl"].sum() == pytest.approx(cash + held * last, abs=tolerance)
    assert trips["fees"].sum() == pytest.approx(table["fee"].sum())
    assert trips["traded_value"].sum() == pytest.approx((table["price"] * table["quantity"]).sum())
    assert (trips["mae_pct"] <= 0).all()
    assert (trips["mfe_pct"] >= 0).all()
    assert (trips["state"] == "open").sum() <= 1


def closed(*pnl, hours=None):
    """Closed trips with given net PnL."""
    held = hours or [1] * len(pnl)
    return pl.DataFrame(
        {
            "symbol": ["A"] * len(pnl),
            "direction": ["long" if i % 2 == 0 else "short" for i in range(len(pnl))],
            "state": ["closed"] * len(pnl),
            "net_pnl": [float(p) for p in pnl],
            "holding_ns": [int(h * NS_PER_HOUR) for h in held],
            "mae_pct": [-1.0] * len(pnl),
            "mfe_pct": [2.0] * len(pnl),
        },
        schema_overrides={
            "net_pnl": pl.Float64,
            "holding_ns": pl.Int64,
            "mae_pct": pl.Float64,
            "mfe_pct": pl.Float64,
            "direction": pl.String,
            "state": pl.String,
        },
    )


def test_trade_statistics_by_hand():
    trips = closed(10, -5, 20, 30, -10, -5, 0, hours=[1, 2, 3, 4, 5, 6, 7])
    assert stats.win_rate_pct(trips) == pytest.approx(100 * 3 / 7)
    assert stats.profit_factor(trips) == pytest.approx(60 / 20)
    assert stats.expectancy(trips) == pytest.approx(40 / 7)
    assert stats.expectancy_ratio(trips) == pytest.approx(40 / 7 / (20 / 3))
    assert (stats.avg_win(trips), stats.avg_loss(trips)) == (20.0, pytest.approx(-20 / 3))
    assert stats.payoff_ratio(trips) == pytest.approx(3.0)
    assert (stats.largest_win(trips), stats.largest_loss(trips)) == (30.0, -10.0)
    assert (stats.max_consec_wins(trips), stats.max_consec_losses(trips)) == (2, 2)
    assert (stats.avg_holding(trips), stats.avg_holding_win(trips)) == (4.0, pytest.approx(8 / 3))
    assert stats.avg_holding_loss(trips) == pytest.approx(13 / 3)
    pnl = np.array([10, -5, 20, 30, -10, -5, 0.0])
    assert stats.sqn(trips) == pytest.approx(np.sqrt(7) * pnl.mean() / pnl.std(ddof=1))
    assert (stats.mae(trips), stats.mfe(trips)) == (-1.0, 2.0)
    assert (stats.trades_long(trips), stats.trades_short(trips)) == (4, 3)
    assert (stats.net_profit_long(trips), stats.net_profit_short(trips)) == (20.0, 20.0)
    assert stats.trades_per_day(trips, 3.5) == 2.0


def test_what_has_no_value_says_why():
    wins, losses, none = closed(1, 2), closed(-1, -2), closed()
    assert stats.profit_factor(wins) == Undefined("no losing trade")
    assert stats.avg_win(losses) == Undefined("no winning trade")
    assert stats.payoff_ratio(wins) == Undefined("no losing trade")
    assert stats.win_rate_pct(none) == Undefined("no closed trade")
    assert stats.sqn(closed(1, 1, 1)) == Undefined("trade results do not vary")
    assert stats.win_rate_short_pct(closed(1)) == Undefined("no closed short trade")
    assert stats.trades(none) == 0
