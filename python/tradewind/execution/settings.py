"""How a target is worked, in numbers a trader would name."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from tradewind.flow import NS_PER_HOUR, NS_PER_SECOND

Urgency = Literal["patient", "urgent"]
"""patient: large orders are spread out and limited to a share of volume. urgent: all at once, whatever trades."""


@dataclass(frozen=True, slots=True)
class PlanSettings:
    """Settings of `plan`; bps are basis points, `_quote` is an amount of quote currency.

    no_trade_band_bps: of equity; a smaller move is not made. no_trade_band_relative: share of the larger of the two
    weights; likewise. Neither keeps a position that is to be closed. cash_buffer_bps: of equity; never spent.
    slippage_reserve_bps: kept on every buy, on top of taker fee and half spread, for prices that move meanwhile.
    immediate_below_quote: smaller orders are not worth spreading. horizon_ns: time to work the others.
    slice_interval_ns: least time between slices. min_slice_multiple: least slice, in multiples of the minimum notional.
    max_participation: largest share of the mean bar volume that the slices in one bar may be. proceeds_delay_ns: wait
    between the last sell and buys that need its money.

    Raises:
        ValueError: a setting outside its range.
    """

    no_trade_band_bps: float = 25.0
    no_trade_band_relative: float = 0.0
    cash_buffer_bps: float = 50.0
    slippage_reserve_bps: float = 20.0
    urgency: Urgency = "patient"
    immediate_below_quote: float = 1_000.0
    horizon_ns: int = NS_PER_HOUR
    slice_interval_ns: int = 300 * NS_PER_SECOND
    min_slice_multiple: float = 1.5
    max_participation: float = 0.05
    proceeds_delay_ns: int = 60 * NS_PER_SECOND

    def __post_init__(self) -> None:
        at_least_zero = ("no_trade_band_bps", "cash_buffer_bps", "slippage_reserve_bps", "immediate_below_quote")
        wrong = [f"{n} = {getattr(self, n)} must be >= 0" for n in at_least_zero if not getattr(self, n) >= 0.0]
        if not 0.0 <= self.no_trade_band_relative < 1.0:
            wrong.append(f"no_trade_band_relative = {self.no_trade_band_relative} must be in [0, 1)")
        if not 0.0 < self.max_participation <= 1.0:
            wrong.append(f"max_participation = {self.max_participation} must be in (0, 1]")
        if not self.min_slice_multiple >= 1.0:
            wrong.append(f"min_slice_multiple = {self.min_slice_multiple} must be >= 1")
        if not (0 < self.slice_interval_ns <= self.horizon_ns and self.proceeds_delay_ns >= 0):
            wrong.append("0 < slice_interval_ns <= horizon_ns and proceeds_delay_ns >= 0 must hold")
        if wrong:
            raise ValueError("; ".join(wrong))
