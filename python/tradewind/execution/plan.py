"""A target into orders: what to sell, then what to buy with what is really there.

Long or flat on spot. A sell is never more than is held; a close is all of it, in whole lots, and the fraction of a lot
that stays is named. Buys are cut together until they and their costs fit into the cash that is there or will have come
from the sells. Every move that is not made has a reason in `Plan.skipped`; every one made smaller or later has a note.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction

from tradewind.execution.quotes import Quotes
from tradewind.execution.schedule import Listing, Schedule, schedule
from tradewind.execution.settings import PlanSettings
from tradewind.flow import NS_PER_SECOND, Holdings, Instrument, ParentOrder, Plan, Side, Target

BPS = 1e-4


def plan(
    target: Target,
    holdings: Holdings,
    instruments: Sequence[Instrument],
    quotes: Quotes,
    settings: PlanSettings,
) -> Plan:
    """Orders that move `holdings` to `target` at the prices of `quotes`: sells, then buys, each as `instruments` are.

    A symbol held and not in the target is closed. A symbol without a price or instrument is kept as it is. Quantities
    are whole lots. Buys that the cash at hand does not cover start after the last sell has ended.

    Raises:
        ValueError: instants disagree, a weight is negative or not finite, or more is held short than 0.
    """
    _check(target, holdings, quotes)
    listings = _listings(instruments, quotes)
    draft = _Draft({}, [])
    account = _account(holdings, listings)
    wanted = {**dict.fromkeys(holdings.weights, 0.0), **dict.fromkeys(holdings.quantities, 0.0), **target.weights}
    for symbol in sorted(wanted.keys() - listings.keys()):
        held = account.held.get(symbol, 0.0) != 0.0 or holdings.weights.get(symbol, 0.0) != 0.0
        if held or wanted[symbol] != 0.0:
            draft.skipped[symbol] = "no price or no instrument at this instant; kept as it is"
    moves = [_move(listing, wanted[s], account, settings, draft) for s, listing in listings.items() if s in wanted]
    sells = _worked([m for m in moves if m and m.side == "sell"], quotes.bar_ns, settings, draft)
    buys = _worked([m for m in moves if m and m.side == "buy"], quotes.bar_ns, settings, draft)
    spendable = holdings.cash - account.equity * settings.cash_buffer_bps * BPS
    proceeds = sum(w.notional * (1.0 - w.move.cost_rate) for w in sells)
    need = sum(_cash_needed(b, settings) for b in buys)
    if buys and need > spendable + proceeds:
        buys = _worked(_cut(buys, need, spendable + proceeds, draft), quotes.bar_ns, settings, draft)
    buys_from_ns = target.ts_ns
    if sells and sum(_cash_needed(b, settings) for b in buys) > spendable:
        buys_from_ns += max(w.schedule.duration_ns for w in sells) + settings.proceeds_delay_ns
        delay_s = (buys_from_ns - target.ts_ns) / NS_PER_SECOND
        draft.notes.append(f"buys start {delay_s:.0f} s later: they need the money of the sells")
    orders = [_order(w, target.ts_ns) for w in sells] + [_order(w, buys_from_ns) for w in buys]
    return Plan(ts_ns=target.ts_ns, orders=tuple(orders), skipped=draft.skipped, notes=tuple(draft.notes))


@dataclass(frozen=True, slots=True)
class _Account:
    """Equity marked at the prices of the plan, base quantities held, and the whole lots of them that can be sold."""

    equity: float
    held: Mapping[str, float]
    lots: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class _Draft:
    """What has to be said, gathered while planning."""

    skipped: dict[str, str]
    notes: list[str]


@dataclass(frozen=True, slots=True)
class _Move:
    listing: Listing
    side: Side
    lots: int

    @property
    def symbol(self) -> str:
        return self.listing.instrument.symbol

    @property
    def cost_rate(self) -> float:
        """Taker fee and half spread, as a share of notional."""
        return (self.listing.instrument.taker_fee_bps + self.listing.instrument.half_spread_bps) * BPS


@dataclass(frozen=True, slots=True)
class _Worked:
    move: _Move
    schedule: Schedule

    @property
    def notional(self) -> float:
        return self.move.listing.notional(self.schedule.lots)


def _check(target: Target, holdings: Holdings, quotes: Quotes) -> None:
    if target.ts_ns != quotes.ts_ns or holdings.ts_ns > quotes.ts_ns:
        raise ValueError(
            f"target of {target.ts_ns}, quotes of {quotes.ts_ns}, holdings of {holdings.ts_ns}: "
            "target and quotes must be of one instant and holdings not later"
        )
    for symbol, weight in target.weights.items():
        if not (math.isfinite(weight) and weight >= 0.0):
            raise ValueError(f"{symbol}: target weight {weight}; this plan is long or flat, asked for 0 or more")
    short = [s for s, q in (*holdings.quantities.items(), *holdings.weights.items()) if q < 0.0]
    if short:
        raise ValueError(f"held short: {', '.join(short)}; this plan is long or flat, close them by hand first")


def _listings(instruments: Sequence[Instrument], quotes: Quotes) -> dict[str, Listing]:
    return {
        i.symbol: Listing(
            instrument=i,
            lot=Fraction(Decimal(i.lot)),
            min_notional=float(i.min_notional),
            price=quotes.price[i.symbol],
            volume_per_bar=quotes.volume_per_bar[i.symbol],
        )
        for i in instruments
        if i.symbol in quotes.price
    }


def _account(holdings: Holdings, listings: Mapping[str, Listing]) -> _Account:
    """Marks to the plan's prices; what has no price keeps its last mark."""
    held = dict(holdings.quantities)
    lots = {s: listings[s].whole_lots_held(q) for s, q in held.items() if s in listings}
    for symbol, weight in holdings.weights.items():
        if symbol not in held and symbol in listings:
            held[symbol] = weight * holdings.equity / listings[symbol].price
            lots[symbol] = listings[symbol].whole_lots(held[symbol])
    priced = sum(q * listings[s].price for s, q in held.items() if s in listings)
    unpriced = sum(w * holdings.equity for s, w in holdings.weights.items() if s not in listings)
    return _Account(equity=holdings.cash + priced + unpriced, held=held, lots=lots)


def _move(listing: Listing, weight: float, account: _Account, settings: PlanSettings, draft: _Draft) -> _Move | None:
    """The move of one symbol in whole lots, or None with the reason in the draft."""
    symbol = listing.instrument.symbol
    held = account.held.get(symbol, 0.0)
    asked_value, held_value = weight * account.equity, held * listing.price
    gap = asked_value - held_value
    if gap == 0.0:
        return None
    closes = weight == 0.0
    band = max(
        account.equity * settings.no_trade_band_bps * BPS,
        max(asked_value, held_value) * settings.no_trade_band_relative,
    )
    if not closes and abs(gap) <= band:
        draft.skipped[symbol] = f"inside the no-trade band: {abs(gap):.2f} to move, band {band:.2f}"
        return None
    side: Side = "buy" if gap > 0.0 else "sell"
    most = account.lots.get(symbol, 0)
    lots = most if closes else listing.whole_lots(abs(gap) / listing.price)
    if side == "sell":
        lots = min(lots, most)
    if closes:
        _name_dust(listing, held, lots, draft)
    return _Move(listing, side, lots) if _worth_sending(listing, lots, draft) else None


def _name_dust(listing: Listing, held: float, lots: int, draft: _Draft) -> None:
    dust = held - listing.quantity(lots)
    if lots > 0 and dust > held * 1e-12:
        symbol = listing.instrument.symbol
        draft.notes.append(f"{symbol}: {dust:.10g} {listing.instrument.base} stays, less than one lot")


def _worth_sending(listing: Listing, lots: int, draft: _Draft) -> bool:
    instrument = listing.instrument
    if lots == 0:
        draft.skipped[instrument.symbol] = f"less than one lot of {instrument.lot} {instrument.base}"
        return False
    if listing.notional(lots) < listing.min_notional:
        value = f"{listing.notional(lots):.2f} {instrument.quote}"
        draft.skipped[instrument.symbol] = f"{value} is below the minimum notional of {instrument.min_notional}"
        return False
    return True


def _worked(moves: Sequence[_Move], bar_ns: int, settings: PlanSettings, draft: _Draft) -> list[_Worked]:
    """Moves with their schedules; what volume does not allow is cut or skipped, and said."""
    worked = []
    for move in moves:
        made = schedule(move.listing, move.lots, bar_ns, settings)
        if made.limited:
            share = f"{settings.max_participation:.1%} of mean bar volume"
            if made.lots == 0 or move.listing.notional(made.lots) < move.listing.min_notional:
                draft.skipped[move.symbol] = f"{share} is too little for one order"
                continue
            left = 1.0 - made.lots / move.lots
            draft.notes.append(f"{move.symbol}: {move.side} cut by {left:.1%} to stay within {share}; the rest waits")
        worked.append(_Worked(move, made))
    return worked


def _cash_needed(buy: _Worked, settings: PlanSettings) -> float:
    """Cash a buy may need: notional, taker fee, half spread and the reserve for slippage."""
    return buy.notional * (1.0 + buy.move.cost_rate + settings.slippage_reserve_bps * BPS)


def _cut(buys: Sequence[_Worked], need: float, cash: float, draft: _Draft) -> list[_Move]:
    """The buys, all cut by one factor so that `cash` covers them; too small ones go, with their reason."""
    factor = max(0.0, cash / need)
    draft.notes.append(f"buys scaled by {factor:.3f}: they need {need:.2f}, and {max(cash, 0.0):.2f} may be spent")
    cut = [_Move(b.move.listing, b.move.side, math.floor(b.schedule.lots * factor)) for b in buys]
    return [m for m in cut if _worth_sending(m.listing, m.lots, draft)]


def _order(worked: _Worked, start_ns: int) -> ParentOrder:
    made = worked.schedule
    return ParentOrder(
        symbol=worked.move.symbol,
        side=worked.move.side,
        quantity=worked.move.listing.quantity(made.lots),
        algo="twap" if made.slices > 1 else "immediate",
        start_ns=start_ns,
        end_ns=start_ns + made.duration_ns,
        slices=made.slices,
    )
