"""What a venue has of an account against what the node's journal has: orders, fills, balances, positions, to the unit.

The venue's side is the emulator's own state, exact whatever its client was told. The journal's side is what a start
would recover. Balances that a start took over from outside count as unexplained, but for what the accounts began with:
a fill that was lost and only noticed by its money is a loss.
"""

from __future__ import annotations

import json
import urllib.request
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any

import polars as pl
from desk import Emulated

from tradewind import _native
from tradewind.research import journals

VENUES = ("binance", "bybit")
"""By their numbers in journals."""
KEPT = 10_000
"""Orders that are over and that an emulated venue still knows; beyond, an audit would not see all."""
ALIVE = {"sent", "open", "amending", "cancelling", "unknown"}
NEVER_THERE = {"rejected", "never arrived"}
"""What becomes of an order that the venue has no record of."""

Fill = tuple[str, str, str, str, Decimal, Decimal, Decimal]
"""Order, market, symbol, side, price, quantity, fee."""


@dataclass
class Booked:
    """What a journal has of a venue."""

    sent: dict[str, str] = field(default_factory=dict)
    """Orders that left, and their sides."""
    fills: Counter[Fill] = field(default_factory=Counter)
    states: dict[str, str] = field(default_factory=dict)
    """Of each order that was sent, where it stands."""
    balances: dict[tuple[str, str], Decimal] = field(default_factory=dict)
    """By wallet and asset."""
    adopted: dict[tuple[str, str], list[Decimal]] = field(default_factory=dict)
    """What came from outside, by wallet and asset, in order."""
    unattributed: int = 0
    """Trades of which the journal does not know the order."""


@dataclass
class Finding:
    """A venue beside the journal."""

    venue: str
    orders: int
    sent: int
    fills: int
    balances: int
    positions: dict[str, str]
    differences: list[str]

    def row(self) -> str:
        verdict = "equal" if not self.differences else f"{len(self.differences)} DIFFERENCES"
        held = ", ".join(f"{symbol} {qty}" for symbol, qty in self.positions.items()) or "flat"
        return (
            f"  {self.venue:<8} {self.sent:>7} {self.orders:>9} {self.fills:>6} {self.balances:>9}"
            f"  {held:<24} {verdict}"
        )


HEADER = f"  {'venue':<8} {'sent':>7} {'at venue':>9} {'fills':>6} {'balances':>9}  {'positions':<24} journal and venue"


def state(venue: Emulated) -> dict[str, Any]:
    place = venue.http.removeprefix("http://")
    with urllib.request.urlopen(f"http://{place}/emulator/state?key={venue.key}", timeout=30) as answer:
        found: dict[str, Any] = json.load(answer)
    return found


def read(journal: Path) -> dict[str, Booked]:
    """The whole journal, by venue."""
    names, booked = journals.Names(), {venue: Booked() for venue in VENUES}
    for entry in journals.entries(journal, kinds=["outcome"], names=names):
        (word, said), *_ = entry["what"].items()
        if word == "OrderSent":
            instrument = names.instruments[said["terms"]["instrument"]]
            booked[VENUES[instrument["venue"]]].sent[journals.order_text(said["order"])] = said["terms"]["side"].lower()
        elif word == "Filled":
            _take_fill(booked, names, said["fill"])
        elif word == "Defined" and "Deposit" in said:
            _take_deposit(booked, names, said["Deposit"])
        elif word == "AccountTraded":
            booked[_venue_of(names.called("account", said["trade"]["account"]))].unattributed += 1
    _take_tables(booked, names, journal)
    return booked


def _venue_of(account: str) -> str:
    return next(venue for venue in VENUES if account.startswith(venue))


def _wallet_of(account: str) -> str:
    return "derivatives" if account.endswith("derivatives") else "spot"


def _is_spot(instrument: dict[str, Any]) -> bool:
    return "Spot" in str(instrument["kind"])


def _take_fill(booked: dict[str, Booked], names: journals.Names, fill: dict[str, Any]) -> None:
    order = journals.order_text(fill["order"])
    number = names.orders[order]
    instrument = names.instruments[number]
    of_venue = booked[VENUES[instrument["venue"]]]
    price, qty = Decimal(names.scaled(number, "tick", fill["price"])), Decimal(names.scaled(number, "lot", fill["qty"]))
    market = "spot" if _is_spot(instrument) else "linear"
    _, scale = names.assets[fill["fee"]["asset"]]
    fee = Decimal(fill["fee"]["amount"]).scaleb(-scale)
    of_venue.fills[(order, market, instrument["symbol"], of_venue.sent[order], price, qty, fee)] += 1


def _take_deposit(booked: dict[str, Booked], names: journals.Names, said: dict[str, Any]) -> None:
    account = names.called("account", said["account"])
    symbol, scale = names.assets[said["asset"]]
    rows = booked[_venue_of(account)].adopted.setdefault((_wallet_of(account), symbol), [])
    rows.append(Decimal(said["amount"]).scaleb(-scale))


def _take_tables(booked: dict[str, Booked], names: journals.Names, journal: Path) -> None:
    tables = {name: pl.DataFrame(table) for name, table in _native.journal_tables(journal).items()}
    for order, account, word in tables["orders"].select("order_id", "account", "state").iter_rows():
        booked[_venue_of(account)].states[order] = word
    scales = dict(names.assets.values())
    sums: dict[tuple[str, str], Decimal] = defaultdict(Decimal)
    held = tables["postings"].filter(pl.col("ledger") == "balance")
    for account, symbol, units in held.select("owner", "asset", "amount_units").iter_rows():
        sums[(account, symbol)] += Decimal(units)
    for (account, symbol), units in sums.items():
        booked[_venue_of(account)].balances[(_wallet_of(account), symbol)] = units.scaleb(-scales[symbol])


def compare(venue: Emulated, booked: Booked, began: dict[tuple[str, str], Decimal]) -> Finding:
    """A venue beside what the journal has of it. began: what its wallets held before the first order."""
    found = state(venue)
    differences = [f"the venue's own books: {found['fault']}"] if found["fault"] else []
    differences += _orders(found, booked)
    theirs = Counter(map(_fill_of, found["fills"]))
    differences += [f"filled there, not booked: {fill} x{n}" for fill, n in (theirs - booked.fills).items()]
    differences += [f"booked, not filled there: {fill} x{n}" for fill, n in (booked.fills - theirs).items()]
    if booked.unattributed:
        differences.append(f"{booked.unattributed} trades whose order the journal does not know")
    balances = _balances(found)
    for key in sorted({*balances, *booked.balances}):
        # What none of its instruments needs is unknown to a journal, and may not have moved.
        ours, stated = booked.balances.get(key, began.get(key, Decimal(0))), balances.get(key, Decimal(0))
        if ours != stated:
            differences.append(f"balance {key}: {stated} there, {ours} in the journal")
    for key, amounts in booked.adopted.items():
        if amounts != [began.get(key)]:
            differences.append(f"adopted from outside {key}: {amounts}, it began with {began.get(key)}")
    positions = _positions(found)
    if (ours_held := _held(booked.fills)) != positions:
        differences.append(f"positions: {positions} there, {ours_held} in the journal")
    shown = {symbol: f"{qty.normalize():f}" for symbol, qty in positions.items()}
    orders = len(found["open_orders"]) + len(found["closed_orders"])
    return Finding(venue.venue, orders, len(booked.sent), theirs.total(), len(balances), shown, differences)


def beginnings(venue: Emulated) -> dict[tuple[str, str], Decimal]:
    """What the wallets hold now."""
    return _balances(state(venue))


def _order_of(client_order_id: str) -> str:
    return client_order_id.removeprefix("tw")


def _fill_of(said: dict[str, Any]) -> Fill:
    order, price, qty, fee = (_order_of(said["client_order_id"]), *(Decimal(said[n]) for n in ("price", "qty", "fee")))
    return (order, said["market"], said["symbol"], said["side"], price, qty, fee)


def _orders(found: dict[str, Any], booked: Booked) -> list[str]:
    differences = [f"open there: {order['client_order_id']}" for order in found["open_orders"]]
    differences += [f"{word} in the journal: {order}" for order, word in booked.states.items() if word in ALIVE]
    if len(found["closed_orders"]) >= KEPT:
        differences.append(f"the venue keeps {KEPT} orders; older ones cannot be audited")
    filled: dict[str, Decimal] = defaultdict(Decimal)
    for (order, *_, qty, _), n in booked.fills.items():
        filled[order] += n * qty
    for order in found["closed_orders"]:
        ours = _order_of(order["client_order_id"])
        if ours not in booked.sent:
            differences.append(f"at the venue, not in the journal: {ours}")
        elif Decimal(order["filled"]) != filled[ours]:
            differences.append(f"order {ours}: {order['filled']} filled there, {filled[ours]} in the journal")
    there = {_order_of(order["client_order_id"]) for order in [*found["open_orders"], *found["closed_orders"]]}
    for order in booked.sent.keys() - there:
        if (word := booked.states.get(order, "nowhere")) not in NEVER_THERE:
            differences.append(f"not at the venue: {order}, {word} in the journal")
    return differences


def _balances(found: dict[str, Any]) -> dict[tuple[str, str], Decimal]:
    wallets = {"spot": found["spot"]["balances"]}
    if found["derivatives"] != found["spot"]:
        wallets["derivatives"] = found["derivatives"]["balances"]
    return {
        (wallet, asset): Decimal(held["wallet"])
        for wallet, assets in wallets.items()
        for asset, held in assets.items()
        if Decimal(held["wallet"])
    }


def _positions(found: dict[str, Any]) -> dict[str, Decimal]:
    signs = {"long": 1, "short": -1}
    held = {p["symbol"]: signs[p["side"]] * Decimal(p["qty"]) for p in found["derivatives"]["positions"]}
    return {symbol: qty for symbol, qty in held.items() if qty}


def _held(fills: Counter[Fill]) -> dict[str, Decimal]:
    """Positions in derivatives that the fills add up to."""
    held: dict[str, Decimal] = defaultdict(Decimal)
    for (_, market, symbol, side, _, qty, _), n in fills.items():
        if market == "linear":
            held[symbol] += n * qty if side == "buy" else -n * qty
    return {symbol: qty for symbol, qty in held.items() if qty}
