"""What a Python strategy is: it says what wakes it, looks at a view, and answers with intents.

The same object runs in backtest, paper and live. It never sees the venue's clock, only when things reached us; it
holds no connection and no clock of its own. Its answers are journaled as decisions, so a replay repeats them without
running it.

Prices are in ticks and quantities in lots of the instrument, whole numbers, so that a Python rule and its Rust twin
agree to the last tick. Instruments are numbered in the order in which the run lists them.

    class Patient:
        name = "patient"
        parameters = {"lots": 5}

        def wakes(self) -> Wakes:
            return Wakes(timer_ns=1_000_000_000)

        def on_wake(self, wake: Wake, view: View) -> list[Intent]:
            touch = view.touch(0)
            if touch is None or view.live_orders():
                return []
            return [Place(instrument=0, side="buy", lots=5, price_ticks=touch.bid_ticks, time_in_force="post_only")]
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

from tradewind.flow import Side

TimeInForce = Literal["gtc", "ioc", "fok", "post_only", "gtt"]
TriggerSource = Literal["last", "mark", "index"]
Effect = Literal["any", "reduce_only", "long_leg", "short_leg"]
WakeKind = Literal["timer", "book", "trade", "bar", "fill"]


@dataclass(frozen=True, slots=True)
class Wakes:
    """What a strategy wants to be woken for. timer_ns: at the start, then every so often; the rest: each such event."""

    timer_ns: int | None = None
    book: bool = False
    trade: bool = False
    bar: bool = False
    fill: bool = False


class Wake(Protocol):
    """Why it was woken last. One object for the whole run, as the view is: keep what it says, not it.

    For a trade, a bar's close or an own fill it has price and quantity, and side (the taker's or ours) but for a bar.
    """

    @property
    def kind(self) -> WakeKind:
        """Which of the things it asked for."""
        ...

    @property
    def now_ns(self) -> int:
        """Our clock."""
        ...

    @property
    def instrument(self) -> int | None:
        """Of what; none for a timer."""
        ...

    @property
    def price_ticks(self) -> int | None:
        """Of the trade, the bar's close or the fill."""
        ...

    @property
    def lots(self) -> int | None:
        """Of the trade, the bar or the fill."""
        ...

    @property
    def side(self) -> Side | None:
        """The taker's, or for a fill ours."""
        ...


class Touch(Protocol):
    """Best bid and ask as we know them: of the book where depth is seen, else of the last quote."""

    @property
    def bid_ticks(self) -> int:
        """Best bid."""
        ...

    @property
    def bid_lots(self) -> int:
        """What is bid there."""
        ...

    @property
    def ask_ticks(self) -> int:
        """Best ask."""
        ...

    @property
    def ask_lots(self) -> int:
        """What is asked there."""
        ...


@dataclass(frozen=True, slots=True)
class LiveOrder:
    """An order of the strategy's book that is not done. price_ticks is None for a market order.

    kind: market, limit, stop, stop limit, take profit, take profit limit or iceberg; once awake, what it became.
    """

    order_id: str
    instrument: int
    side: Side
    price_ticks: int | None
    lots: int
    filled_lots: int
    state: str
    kind: str = "limit"


class View(Protocol):
    """What a strategy may see, as it was when it was last woken.

    One object for the whole run: keep what it says, not it.
    """

    @property
    def now_ns(self) -> int:
        """Our clock."""
        ...

    def touch(self, instrument: int) -> Touch | None:
        """Best bid and ask, or None while there are none: the book is not valid, or nothing was quoted."""
        ...

    def position_lots(self, instrument: int) -> int:
        """The strategy's own signed position in whole lots (spot: base gained since the start, cut towards zero)."""
        ...

    def live_orders(self) -> Sequence[LiveOrder]:
        """Its orders that are not done, oldest first."""
        ...


@dataclass(frozen=True, slots=True)
class Trigger:
    """A price at which a waiting order wakes up, and of which series: the last trade, the mark or the index."""

    price_ticks: int
    source: TriggerSource = "last"


@dataclass(frozen=True, slots=True)
class Place:
    """Place an order; without a price it is a market order.

    stop: it waits until the price has moved against its side (a buy until it rises to the trigger, a sell until it
    falls to it). take_profit: the other way round. display_lots: an iceberg that shows so many lots at a time.
    until_ns: when an order of time_in_force "gtt" ends, venue clock. effect: "reduce_only" may only close; a
    hedge-mode account needs "long_leg" or "short_leg".
    """

    instrument: int
    side: Side
    lots: int
    price_ticks: int | None = None
    time_in_force: TimeInForce = "gtc"
    stop: Trigger | None = None
    take_profit: Trigger | None = None
    display_lots: int | None = None
    until_ns: int | None = None
    effect: Effect = "any"


@dataclass(frozen=True, slots=True)
class Cancel:
    """Cancel one order."""

    order_id: str


@dataclass(frozen=True, slots=True)
class Amend:
    """Change price and total quantity of a resting limit order."""

    order_id: str
    price_ticks: int
    lots: int


@dataclass(frozen=True, slots=True)
class CancelAll:
    """Cancel every live order of the strategy."""


Intent = Place | Cancel | Amend | CancelAll


class Strategy(Protocol):
    """A decision rule. An exception in `on_wake` fences it off: its orders are cancelled and the run says so."""

    name: str
    parameters: Mapping[str, int | float | str]

    def wakes(self) -> Wakes:
        """What wakes it; asked once."""
        ...

    def on_wake(self, wake: Wake, view: View) -> Sequence[Intent]:
        """What it wants now."""
        ...
